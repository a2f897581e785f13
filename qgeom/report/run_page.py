"""The page of one run: figure, verdicts, geometry in space, settings, where it comes from, downloads."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element

from qgeom.report import verdict_parts as parts
from qgeom.report import wording
from qgeom.report.gathered import INDEX, SIDES, Run
from qgeom.report.markup import Child, document, facts, tag, url
from qgeom.results import FIGURE

_TOP = ".."
"""From the folder of the pages to that of the report."""
_LARGEST_SVG = 3_000_000  # bytes; a browser is slow with more, and the PNG looks the same
_VIEW = "geometry"
_TABLE = "table.txt"


def page(run: Run, before: Run | None = None, after: Run | None = None) -> str:
    """The page as text; its neighbours in the index are linked to."""
    return document(
        f"{run.title} – qgeom",
        _navigation(before, after),
        tag(
            "main",
            tag("h1", run.name),
            tag("p", run.claim, class_="claim") if run.claim else None,
            tag("p", f"Section {run.section} of the paper", class_="quiet") if run.section else None,
            tag("p", parts.badges(run.verdicts)) if run.verdicts else None,
            *(tag("p", f"Lacking: {line}", class_="lacking") for line in run.lacking),
            _figure(run),
            *_verdicts(run),
            _table(run),
            *_views(run),
            tag("h2", "Settings", id="settings"),
            facts((key, wording.setting(value)) for key, value in run.settings.items()),
            tag("h2", "Where it comes from", id="provenance"),
            *_provenance(run),
            tag("h2", "Files", id="files"),
            _files(run),
        ),
    )


def _navigation(before: Run | None, after: Run | None) -> Element:
    return tag(
        "nav",
        tag("a", "All runs", href=url(_TOP, INDEX)),
        tag("a", "Side by side", href=url(f"{SIDES}.html")),
        tag("a", f"← {before.name}", href=url(f"{before.slug}.html"), rel="prev") if before else None,
        tag("a", f"{after.name} →", href=url(f"{after.slug}.html"), rel="next") if after else None,
        aria_label="pages",
    )


def _file(run: Run, name: str) -> str:
    """The address of a file of the run, seen from the folder of the pages."""
    return url(_TOP, run.where / name)


def _figure(run: Run) -> Element | None:
    svg = run.files.get(f"{FIGURE}.svg", _LARGEST_SVG + 1) <= _LARGEST_SVG
    name = run.figure("svg", "png") if svg else run.figure("png", "svg")
    links = [
        tag("a", kind.upper(), href=_file(run, file), download=True)
        for kind in ("pdf", "svg", "png")
        if (file := f"{FIGURE}.{kind}") in run.files
    ]
    if not links:
        return None
    caption = tag("figcaption", f"{run.claim or run.name}. Figure as ")
    for k, link in enumerate(links):
        link.tail = ", " if k < len(links) - 1 else "."
        caption.append(link)
    if name is None:
        return tag("figure", caption)
    image = tag(
        "img", src=_file(run, name), alt=f"Figure of {run.title}; the numbers are in the table of verdicts"
    )
    return tag("figure", tag("a", image, href=_file(run, name)), caption)


def _verdicts(run: Run) -> list[Child]:
    if not run.verdicts:
        return []
    return [
        tag("h2", "Verdicts", id="verdicts"),
        parts.summary(run.verdicts),
        tag("h2", "How each was reached", id="details"),
        *(parts.details(verdict, k) for k, verdict in enumerate(run.verdicts, start=1)),
    ]


def _table(run: Run) -> Element | None:
    """The table of a comparison, as it was printed."""
    if _TABLE not in run.files:
        return None
    try:
        text = (run.folder.path / _TABLE).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return tag("section", tag("h2", "Table", id="table"), tag("pre", text, class_="scroll", tabindex="0"))


def _views(run: Run) -> list[Child]:
    """Geometries in space, each in a frame of its own that may run its script and nothing else."""
    names = [name for name in run.files if name.startswith(_VIEW) and name.endswith(".html")]
    shown: list[Child] = []
    for name in names:
        frame = tag("iframe", src=_file(run, name), title=f"{name}: points of the geometry in space", loading="lazy",
                    sandbox="allow-scripts")  # fmt: skip
        alone = tag("p", tag("a", "Open it alone", href=_file(run, name)), class_="quiet")
        shown += [frame, alone]
    return [tag("h2", "Geometry in space", id="geometry"), *shown] if shown else []


def _provenance(run: Run) -> list[Child]:
    known: list[tuple[str, Child]] = [("folder", tag("code", str(run.where)))]
    tables: list[Child] = []
    for key, value in run.provenance.items():
        if key == "command":
            known.append((key, tag("code", wording.command(value))))
        elif key == "seconds":
            known.append(("duration", wording.duration(value)))
        elif isinstance(value, Mapping):
            rows = facts((str(name), wording.setting(one)) for name, one in value.items())
            tables.append(tag("details", tag("summary", key), rows))
        else:
            known.append((key.replace("_", " "), wording.setting(value)))
    return [facts(known), *tables]


def _files(run: Run) -> Element:
    rows = [
        tag("li", tag("a", name, href=_file(run, name), download=True), f" {wording.size(n_bytes)}")
        for name, n_bytes in run.files.items()
    ]
    return tag("ul", *rows, class_="files")
