"""The static site: an index beside the runs, and a folder of pages. No server, no network, no library."""

from __future__ import annotations

import os
from pathlib import Path

from qgeom.report import index_page, run_page, sides_page
from qgeom.report.gathered import INDEX, PAGES, SIDES, Gathered, gather
from qgeom.report.markup import GENERATOR
from qgeom.results import RunFolder


def write(directory: str | os.PathLike[str]) -> Path:
    """Write ``index.html`` and the pages in ``report/`` into a folder, for all run folders in it and below.

    Pages of runs that are gone are removed. The whole folder can be moved, zipped or put on a web page as it is.

    Returns:
        The path of the index.

    Raises:
        InputError: if the folder is not there, cannot be written to, or holds no runs.
    """
    found = gather(directory)
    pages = _pages(found)
    folder = RunFolder.create(found.root / PAGES)
    with folder.commit() as files:
        for name, text in pages.items():
            files.text(name, text)
    with RunFolder.create(found.root).commit() as files:
        files.text(INDEX, index_page.page(found))
    _remove_others(folder.path, set(pages))
    return found.root / INDEX


def _pages(found: Gathered) -> dict[str, str]:
    runs = found.runs
    pages = {f"{SIDES}.html": sides_page.page(found)}
    for k, run in enumerate(runs):
        before, after = (runs[k - 1] if k else None), (runs[k + 1] if k + 1 < len(runs) else None)
        pages[f"{run.slug}.html"] = run_page.page(run, before, after)
    return pages


def _remove_others(folder: Path, written: set[str]) -> None:
    """Remove pages of runs that are no longer there; only files that say that they are ours."""
    mark = f'name="generator" content="{GENERATOR}"'
    for path in folder.glob("*.html"):
        if path.name not in written:
            with path.open(encoding="utf-8", errors="replace") as file:
                ours = mark in file.read(2000)
            if ours:
                path.unlink(missing_ok=True)
