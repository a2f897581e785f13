"""A static gallery: one page that shows every run below a folder, with links to its files. No script, no network."""

from __future__ import annotations

import html
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from qgeom.errors import InputError
from qgeom.experiments.statistics import Verdict
from qgeom.results import FIGURE, PROVENANCE, SETTINGS, VERDICT, RunFolder

PAGE = "index.html"

_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #111; }
section { border-top: 1px solid #ccc; padding: 1rem 0; }
img { max-width: 100%; height: auto; }
table { border-collapse: collapse; } td, th { text-align: left; padding: .1rem 1rem .1rem 0; vertical-align: top; }
.outcome { font-weight: 600; } .small { color: #555; font-size: 13px; overflow-wrap: anywhere; }
"""


def write(directory: str | os.PathLike[str]) -> Path:
    """Write ``index.html`` into a folder, for all run folders in it and below; returns its path.

    Raises:
        InputError: if the folder is not there, cannot be written to, or holds no runs.
    """
    root = Path(directory)
    if not root.is_dir():
        raise InputError(f"{str(root)!r} is no folder; name one that holds runs, e.g. runs")
    runs = list(_runs(root))
    if not runs:
        raise InputError(
            f"{str(root)!r} holds no finished runs; make one with `qgeom run NAME --out {root / 'NAME'}`"
        )
    sections = "\n".join(_section(root, folder) for folder in runs)
    page = (
        '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>qgeom runs</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n<h1>qgeom: {len(runs)} runs</h1>\n{sections}\n</body>\n</html>\n"
    )
    with RunFolder.create(root).commit() as files:
        files.text(PAGE, page)
    return root / PAGE


def _runs(root: Path) -> Iterator[RunFolder]:
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if {SETTINGS, PROVENANCE} <= set(names):
            yield RunFolder(parent)


def _section(root: Path, folder: RunFolder) -> str:
    settings, provenance = folder.load_settings(), folder.load_provenance()
    name = str(settings.get("experiment") or f"compare {settings.get('task', folder.path.name)}")
    where = folder.path.relative_to(root)
    parts = [f'<section id="{html.escape(str(where))}">', f"<h2>{html.escape(name)}</h2>"]
    if (folder.path / VERDICT).exists():
        parts += [_verdict(Verdict.from_dict(values)) for values in folder.load_verdict()]
    if (folder.path / f"{FIGURE}.png").exists():
        parts.append(
            f'<p><img src="{_link(where / f"{FIGURE}.png")}" alt="figure of {html.escape(name)}"></p>'
        )
    links = sorted(
        path.name for path in folder.path.iterdir() if path.is_file() and not path.name.startswith(".")
    )
    parts.append(
        "<p>"
        + " ".join(f'<a href="{_link(where / file)}">{html.escape(file)}</a>' for file in links)
        + "</p>"
    )
    parts.append(_table(settings))
    facts = {key: provenance.get(key) for key in ("command", "started", "seconds", "precision", "git_commit")}
    facts["command"] = " ".join(map(str, facts["command"] or []))
    parts += [_table(facts), "</section>"]
    return "\n".join(parts)


def _verdict(verdict: Verdict) -> str:
    notes = "".join(f'<br><span class="small">{html.escape(note)}</span>' for note in verdict.notes)
    return f'<p>{html.escape(verdict.claim)}<br><span class="outcome">{html.escape(verdict.line())}</span>{notes}</p>'


def _table(values: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><th>{html.escape(key)}</th><td>{html.escape(str(value))}</td></tr>"
        for key, value in values.items()
    )
    return f'<table class="small">{rows}</table>'


def _link(path: Path) -> str:
    return quote(path.as_posix())
