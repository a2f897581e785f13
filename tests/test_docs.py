"""README, docs and docstrings are executed, and what they point to is there."""

from __future__ import annotations

import contextlib
import doctest
import importlib
import io
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import typer

from qgeom import cli, experiments

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
LONG_PAGES = ("nielsen.md", "comparison.md", "tensor_networks.md", "tutorial.md", "noise.md", "emergent.md")
"""Searches for geodesics, training, sweeps of DMRG: run by `make test-all`."""
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS


def page_name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def has_examples(path: Path) -> bool:
    return BLOCK.search(path.read_text()) is not None


def run_doctest(source: str, namespace: dict, name: str, first_line: int) -> None:
    test = doctest.DocTestParser().get_doctest(source, namespace, name, name, first_line)
    report = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    runner.run(test, out=report.write, clear_globs=False)
    namespace.update(test.globs)
    assert runner.failures == 0, report.getvalue()


def page(path: Path):
    return pytest.param(path, id=page_name(path), marks=[pytest.mark.slow] if path.name in LONG_PAGES else [])


@pytest.mark.parametrize("path", [page(path) for path in PAGES if has_examples(path)])
def test_the_python_blocks_of_a_page_run_from_top_to_bottom(path: Path, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = path.read_text()
    namespace: dict = {"__name__": "__page__"}
    for block in BLOCK.finditer(text):
        first_line = text[: block.start()].count("\n") + 1
        if block[1].lstrip().startswith(">>>"):
            run_doctest(block[1], namespace, path.name, first_line)
            continue
        # Padded, so that an error names the line of the page.
        code = compile("\n" * first_line + block[1], str(path), "exec")
        with contextlib.redirect_stdout(io.StringIO()):
            exec(code, namespace)


def modules_with_examples() -> list[str]:
    found = []
    for path in sorted([*ROOT.glob("circuits/**/*.py"), *ROOT.glob("qgeom/**/*.py")]):
        if ">>> " in path.read_text():
            parts = path.relative_to(ROOT).with_suffix("").parts
            found.append(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    return found


@pytest.mark.parametrize("name", modules_with_examples() or ["circuits"])
def test_the_examples_in_docstrings_give_what_they_say(name: str):
    report = io.StringIO()
    module = importlib.import_module(name)
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    for test in doctest.DocTestFinder().find(module):
        runner.run(test, out=report.write)
    assert runner.failures == 0, report.getvalue()


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_links_lead_to_files_that_are_there(path: Path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (path.parent / target).exists(), f"{page_name(path)} links to {target}"


def test_the_readme_lists_the_commands_that_there_are():
    commands = set(typer.main.get_command(cli.app).commands)  # type: ignore[attr-defined]
    named = set(re.findall(r"^\| `qgeom (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    assert named == commands


def test_the_pages_name_make_targets_that_there_are():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for path in PAGES:
        named = set(re.findall(r"(?:^|`)make ([a-z-]+)", path.read_text(), re.MULTILINE))
        assert named <= targets, f"{page_name(path)} names {named - targets}"


def test_the_version_is_stated_once_and_the_same():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"version: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert f'__version__ = "{version}"' in (ROOT / "qgeom" / "__init__.py").read_text()


def test_every_dependency_is_explained():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    page = (ROOT / "docs" / "dependencies.md").read_text()
    for requirement in project["dependencies"]:
        name = re.split(r"[ \[<>=!~]", requirement)[0]
        assert name in page, f"docs/dependencies.md does not say what {name} is for"


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_without_a_target_says_what_there_is():
    done = make()
    assert done.returncode == 0
    assert {"setup", "demo", "test", "lint", "bench"} <= set(
        re.findall(r"^make ([a-z-]+)", done.stdout, re.MULTILINE)
    )


@pytest.mark.parametrize(
    ("python", "message"),
    [
        ("no-such-python", "no-such-python not found: install Python 3.11 or newer"),
        ("old-python", "is older than 3.11"),
        ("bare-python", "has no venv module"),
    ],
)
def test_make_setup_says_in_one_line_what_is_missing(tmp_path: Path, python: str, message: str):
    # Stand-ins for an old Python, and for Debian's without python3-venv.
    (tmp_path / "old-python").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bare-python").write_text('#!/bin/sh\ncase "$2" in *venv*) exit 1;; esac\n')
    for stand_in in tmp_path.iterdir():
        stand_in.chmod(0o755)
    done = make(
        "setup", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", PATH=f"{tmp_path}:{os.environ['PATH']}"
    )
    assert done.returncode != 0
    # make names itself "make[1]" when the tests run under make
    ours = [line for line in done.stderr.splitlines() if not re.match(r"make(\[\d+\])?: \*\*\*", line)]
    assert len(ours) == 1
    assert message in ours[0]
    assert not (tmp_path / "venv").exists()


def test_python_of_the_tests_is_supported():
    minimum = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert minimum == ">= 3.11"
    assert sys.version_info >= (3, 11)


def test_every_experiment_has_its_page_with_a_figure_and_its_verdicts():
    found = (ROOT / "docs" / "claims.md").read_text()
    for name in experiments.NAMES:
        assert f"[{name}](experiments/{name}.md)" in found
        text = (ROOT / "docs" / "experiments" / f"{name}.md").read_text()
        assert f"(../images/experiments/{name}.png)" in text
        for said in ("**Claim**", "**What would change our mind.**"):
            assert said in text, f"{name}: {said}"
        # The page and the page of all claims tell of the same run.
        section = found.split(f"## [{name}]")[1].split("\n## ")[0]
        told = text.split("<!-- found -->")[1].split("<!-- end of found -->")[0]
        assert told.startswith("\n**Found at the paper preset (")
        rows = [line for line in section.splitlines() if line.startswith("| ")]
        assert [line for line in told.splitlines() if line.startswith("| ")] == rows
