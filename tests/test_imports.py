"""What `import circuits, qgeom` loads, what it costs, and whose `circuits` it accepts."""

from __future__ import annotations

import ast
import os
import pkgutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

import circuits
import qgeom
from circuits import gaussian, mera, mps
from qgeom import emergent, experiments, information, nielsen

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "circuits": circuits,
    "circuits.gaussian": gaussian,
    "circuits.mera": mera,
    "circuits.mps": mps,
    "qgeom": qgeom,
    "qgeom.emergent": emergent,
    "qgeom.experiments": experiments,
    "qgeom.information": information,
    "qgeom.nielsen": nielsen,
}


def run_python(code: str, *path: Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env=environment,
        cwd=cwd or ROOT,
        check=False,
    )


def loaded_by(code: str) -> set[str]:
    done = run_python(f"{code}\nimport sys\nprint(*sys.modules)", ROOT)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_both_packages_loads_jax_numpy_and_equinox_and_nothing_else():
    base = loaded_by("import jax, numpy, equinox")
    extra = loaded_by("import circuits, qgeom") - base
    assert extra <= {"circuits", "circuits._lazy", "qgeom", "qgeom._guard"}


def test_importing_circuits_does_not_load_qgeom():
    assert not any(
        name.split(".")[0] == "qgeom" for name in loaded_by("import circuits; circuits.description")
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_can_be_reached(package: str):
    module = PACKAGES[package]
    for name in module.__all__:
        assert getattr(module, name) is not None
        assert name in dir(module)


@pytest.mark.parametrize("package", PACKAGES)
def test_no_public_name_is_hidden_by_a_submodule_of_the_same_name(package: str):
    # Importing package/x.py sets the attribute x of the package: a function x that it exports would vanish.
    # Read from the text: whether it has vanished yet depends on what was imported before.
    module = PACKAGES[package]
    rooms = {room.name for room in pkgutil.iter_modules(module.__path__)}
    exported = {
        alias.name
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith(f"{package}.")
        for alias in node.names
    }
    assert not rooms & exported


@pytest.mark.parametrize("package", PACKAGES)
def test_type_checkers_see_the_names_that_users_see(package: str):
    tree = ast.parse(Path(str(PACKAGES[package].__file__)).read_text())
    blocks = [
        node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    declared = {
        alias.asname or alias.name
        for block in blocks
        for statement in block.body
        if isinstance(statement, ast.ImportFrom)
        for alias in statement.names
    }
    names = set(PACKAGES[package].__all__)
    submodules = {name for name in names if isinstance(getattr(PACKAGES[package], name), ModuleType)}
    assert names - submodules <= declared <= names


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        circuits.nonsense  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        qgeom.nonsense  # noqa: B018


def test_star_import_gives_the_public_names():
    assert run_python("from circuits import *; Circuit; hamiltonians", ROOT).returncode == 0


@pytest.mark.parametrize(
    "source", ["class Component: ...\n", "raise RuntimeError('this package fails on new Pythons')\n", ""]
)
def test_the_unrelated_circuits_of_pypi_is_refused_in_one_line(tmp_path: Path, source: str):
    fake = tmp_path / "site" / "circuits"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text(source)
    done = run_python("import qgeom", tmp_path / "site", ROOT, cwd=tmp_path)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ImportError: `import circuits` finds another package")
    assert str(fake) in last
    assert "pip uninstall circuits" in last


def test_the_command_refuses_it_in_one_line_without_a_traceback(tmp_path: Path):
    fake = tmp_path / "site" / "circuits"
    fake.mkdir(parents=True)
    (fake / "__init__.py").write_text("")
    script = "import sys; sys.argv = ['/usr/bin/qgeom', 'info']; from qgeom.cli import main; main()"
    done = run_python(script, tmp_path / "site", ROOT, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("qgeom: `import circuits` finds another package")
    assert done.stderr.count("\n") == 1


def test_a_missing_circuits_package_is_named_in_one_line(tmp_path: Path):
    (tmp_path / "qgeom").symlink_to(ROOT / "qgeom")
    (tmp_path / "circuits").mkdir()  # a bare folder of that name, which Python takes for a namespace package
    environment = (
        f"import sys; sys.path = [{str(tmp_path)!r}] + [p for p in sys.path if p not in ('', {str(ROOT)!r})]"
    )
    done = run_python(f"{environment}; import qgeom", cwd=tmp_path)
    assert done.returncode != 0
    assert "qgeom's `circuits` package is missing" in done.stderr.strip().splitlines()[-1]


@pytest.mark.slow
def test_importing_takes_less_than_one_and_a_half_times_jax():
    def seconds(code: str) -> float:
        start = time.perf_counter()
        assert run_python(code, ROOT).returncode == 0
        return time.perf_counter() - start

    ratios = []
    for _ in range(3):  # other work on the machine disturbs a timing; it cannot make it look good three times
        jax_alone, ours = [], []
        for _ in range(7):
            jax_alone.append(seconds("import jax"))
            ours.append(seconds("import qgeom, circuits"))
        ratios.append(statistics.median(ours) / statistics.median(jax_alone))
        if ratios[-1] < 1.5:
            return
    pytest.fail(f"`import qgeom, circuits` takes {min(ratios):.2f} times `import jax`; the limit is 1.5")
