"""Imports point one way; read from the source, so also those inside functions and for type checkers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What a part of the house may import, besides itself. Names are modules or packages; the longest match counts.
BASE = {"circuits", "qgeom", "qgeom.errors"}  # `import qgeom` is for lazy access from the command line
DATA = {"qgeom.csvfile", "qgeom.tables", "qgeom.tasks"}
STORE = {
    "qgeom.settings",
    "qgeom.results",
    "qgeom.provenance",
    "qgeom.progress",
    "qgeom.kept_parts",
    "qgeom.experiments.statistics",
}
ALLOWED: dict[str, set[str]] = {
    "circuits": set(),
    "qgeom": {"circuits"},  # the package's own head: the lazy mechanism and the guard
    "qgeom._guard": set(),
    "qgeom.errors": set(),
    "qgeom.settings": {"qgeom.errors"},
    "qgeom.progress": set(),
    "qgeom.provenance": set(),
    "qgeom.csvfile": {"qgeom.errors"},
    "qgeom.experiments.statistics": set(),  # a leaf: intervals and correlations serve tables as well
    "qgeom.tables": {"qgeom.experiments.statistics"},
    "qgeom.tasks": {"qgeom.csvfile", "qgeom.errors"},
    "qgeom.information": {"circuits", "qgeom.errors"},
    "qgeom.nielsen": {"circuits", "qgeom.errors"},
    "qgeom.emergent": {"circuits", "qgeom.errors", "qgeom.information"},  # nodes share Fisher information
    "qgeom.shots": {"circuits"},
    "qgeom.devices": {"circuits", "qgeom.information"},
    "qgeom.figures": {"qgeom.errors", "qgeom.tables", "qgeom.experiments.statistics"},  # data in, picture out
    "qgeom.results": {"qgeom.errors", "qgeom.figures"},
    "qgeom.kept_parts": {"qgeom.results", "qgeom.provenance"},
    "qgeom.training": {"circuits", "qgeom.errors", "qgeom.information", "qgeom.progress", "qgeom.tasks"},
    "qgeom.comparison": {
        "circuits", "qgeom.errors", "qgeom.information", "qgeom.nielsen", "qgeom.emergent", "qgeom.training",
        "qgeom.figures", *DATA, *STORE,
    },
    "qgeom.experiments": {
        "circuits", "qgeom.errors", "qgeom.information", "qgeom.nielsen", "qgeom.emergent", "qgeom.training",
        "qgeom.comparison", "qgeom.figures", *DATA, *STORE,
    },
    "qgeom.sweep": {"qgeom", "qgeom.errors", "qgeom.experiments", *STORE},
    "qgeom.cluster": {"qgeom.errors", "qgeom.provenance"},
    "qgeom.report": {"qgeom", "qgeom.errors", "qgeom.experiments", "qgeom.tables", *STORE},
    "qgeom.campaign": {"qgeom.errors", "qgeom.experiments", "qgeom.sweep", *STORE},
    "qgeom.cli": {"qgeom"},  # everything
}  # fmt: skip
EVERYTHING = {"qgeom.cli"}
LIBRARIES_OF_THE_CORE = {
    "jax", "jaxtyping", "equinox", "lineax", "diffrax", "optimistix", "optax", "numpy", "scipy", "networkx",
    "threadpoolctl",
}  # fmt: skip
CORE = ("circuits", "qgeom.information", "qgeom.nielsen")
# Drawing needs matplotlib, converters need their library; neither loads with the rest.
CORE_EXCEPTIONS = {
    "circuits.drawing": {"matplotlib"},
    "circuits.convert": {"pennylane", "qiskit", "quimb", "openqasm3"},
}


def modules() -> dict[str, Path]:
    found = {}
    for path in sorted([*ROOT.glob("circuits/**/*.py"), *ROOT.glob("qgeom/**/*.py")]):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(name: str) -> set[str]:
    """Absolute names of what a module imports: modules where they exist, else the package they are taken from."""
    found = set()
    package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                parents = package.split(".")
                source = ".".join([*parents[: len(parents) - node.level + 1], *filter(None, [source])])
            for alias in node.names:
                full = f"{source}.{alias.name}"
                found.add(full if full in MODULES else source)
    return found


def part_of(name: str) -> str:
    """The entry of ALLOWED that a module belongs to."""
    fitting = [part for part in ALLOWED if name == part or name.startswith(f"{part}.")]
    best = max(fitting, key=len)
    # A new module directly in qgeom/ has no rights until it is entered above.
    assert best != "qgeom" or name == "qgeom", f"{name} is not in the table of layers (tests/test_layers.py)"
    return best


def test_the_reader_of_imports_finds_them():
    assert "qgeom._guard" in imports("qgeom")
    assert "circuits._lazy" in imports("circuits")


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_one_way(name: str):
    part = part_of(name)
    if part in EVERYTHING or name in (
        "qgeom",
        "qgeom.experiments",
    ):  # heads of packages name what they offer, lazily
        allowed = {*ALLOWED, *MODULES}
    else:
        allowed = {part, *ALLOWED[part]}
    for imported in imports(name):
        if imported.split(".")[0] in ("circuits", "qgeom") and imported != "circuits._lazy":
            target = part_of(imported)
            assert target in allowed, f"{name} imports {imported}: {part} may import {sorted(allowed)}"
            assert not (target in EVERYTHING and part != target), f"{name} imports the command line"


@pytest.mark.parametrize("name", [name for name in MODULES if name.split(".")[0] == "circuits"])
def test_circuits_never_imports_qgeom(name: str):
    assert not any(imported.split(".")[0] == "qgeom" for imported in imports(name))


@pytest.mark.parametrize("name", [name for name in MODULES if name.startswith(CORE)])
def test_the_core_needs_few_libraries(name: str):
    import sys

    allowed = {*LIBRARIES_OF_THE_CORE, "circuits", "qgeom", *sys.stdlib_module_names}
    for part, more in CORE_EXCEPTIONS.items():
        if name.startswith(part):
            allowed |= more
    assert {imported.split(".")[0] for imported in imports(name)} <= allowed


@pytest.mark.parametrize("name", MODULES)
def test_no_own_module_is_imported_inside_a_function(name: str):
    for function in ast.walk(ast.parse(MODULES[name].read_text())):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for node in ast.walk(function):
                names = (
                    [alias.name for alias in node.names]
                    if isinstance(node, ast.Import)
                    else [node.module or "."]
                    if isinstance(node, ast.ImportFrom)
                    else []
                )
                own = [each for each in names if each.split(".")[0] in ("", "circuits", "qgeom")]
                assert not own, f"{name}.{function.name} imports {own}; move it to the top of the module"
