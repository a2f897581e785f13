"""The first page: every run in a table that the page's script sorts and filters, and what could not be shown."""

from __future__ import annotations

from collections import Counter
from xml.etree.ElementTree import Element

from qgeom.report import verdict_parts as parts
from qgeom.report import wording
from qgeom.report.gathered import PAGES, SIDES, Gathered, Run
from qgeom.report.markup import Child, document, tag, url

_HEADS = ("figure", "run", "verdicts", "settings", "date", "duration")
_SORTED = ("run", "verdicts", "date", "duration")


def page(found: Gathered) -> str:
    """The index as text."""
    n = len(found.runs)
    return document(
        "qgeom: runs",
        tag("nav", tag("a", "Side by side", href=url(PAGES, f"{SIDES}.html")), aria_label="pages"),
        tag(
            "main",
            tag("h1", f"qgeom: {n} run{'' if n == 1 else 's'}"),
            _summary(found.runs),
            _broken(found),
            _controls(found.runs),
            tag("p", "", id="shown", role="status", class_="quiet"),
            _table(found.runs) if found.runs else tag("p", "There is no run that can be shown."),
            _tables(found),
            _legend(),
        ),
    )


def _summary(runs: tuple[Run, ...]) -> Element | None:
    counts = Counter(verdict.outcome for run in runs for verdict in run.verdicts)
    marks = [
        parts.badge(outcome, f"{counts[outcome]} {outcome}")
        for outcome in wording.OUTCOMES
        if counts[outcome]
    ]
    return tag("p", tag("span", *marks, class_="badges")) if marks else None


def _broken(found: Gathered) -> Element | None:
    """What is missing on this page, said before what is on it."""
    lines = [tag("li", tag("code", str(one.where)), f": {one.reason}") for one in found.broken]
    lines += [
        tag(
            "li", tag("a", str(run.where), href=url(PAGES, f"{run.slug}.html")), f": {'; '.join(run.lacking)}"
        )
        for run in found.runs
        if run.lacking
    ]
    if not lines:
        return None
    heading = f"{len(lines)} folder{'' if len(lines) == 1 else 's'} not whole"
    return tag("section", tag("h2", heading), tag("ul", *lines), id="broken", class_="lacking")


def _controls(runs: tuple[Run, ...]) -> Element:
    """Hidden until the script is there to serve them."""
    names = sorted({run.name for run in runs})
    outcomes = [
        one for one in wording.OUTCOMES if any(v.outcome == one for run in runs for v in run.verdicts)
    ]
    return tag(
        "form",
        tag("label", "search ", tag("input", type="search", id="search")),
        tag("label", "experiment ", _select("experiment", ["", *names])),
        tag("label", "outcome ", _select("outcome", ["", *outcomes])),
        tag("label", "sort by ", _select("sort", ["", *_SORTED])),
        id="controls",
        hidden=True,
        autocomplete="off",  # what a browser fills in again after a reload is not what the address says
    )


def _select(name: str, values: list[str]) -> Element:
    return tag("select", *(tag("option", value or "–", value=value) for value in values), id=name)


def _table(runs: tuple[Run, ...]) -> Element:
    heads = [
        tag("th", head, scope="col", data_sort="true" if head in _SORTED else None, data_key=head)
        for head in _HEADS
    ]
    rows = [_row(run) for run in runs]
    return tag(
        "table", tag("thead", tag("tr", *heads)), tag("tbody", *rows), id="runs", class_="stacked runs"
    )


def _row(run: Run) -> Element:
    address = url(PAGES, f"{run.slug}.html")
    image = run.figure("png", "svg")
    thumbnail = tag("img", src=url(run.where / image), alt="", loading="lazy") if image else None
    changed = ", ".join(f"{key} = {wording.setting(value)}" for key, value in run.changed.items())
    started = str(run.provenance.get("started") or "")
    seconds = run.provenance.get("seconds")
    outcomes = sorted({verdict.outcome for verdict in run.verdicts})
    cells: list[tuple[Child | list[Child], str | float | None]] = [
        (tag("a", thumbnail, href=address, tabindex="-1", aria_hidden="true") if image else None, None),
        (
            [
                tag("a", run.name, href=address),
                tag("span", run.claim, class_="quiet block") if run.claim else None,
                tag("code", str(run.where), class_="quiet block"),
            ],
            run.title,
        ),
        (parts.badges(run.verdicts), " ".join(str(wording.OUTCOMES.index(one)) for one in outcomes)),
        (changed or ("as the small preset" if run.section else ""), None),
        (wording.date(started), started),
        (wording.duration(seconds), seconds if isinstance(seconds, int | float) else -1),
    ]
    row = tag("tr", data_experiment=run.name, data_outcomes=" ".join(outcomes))
    for head, (content, key) in zip(_HEADS, cells, strict=True):
        children = content if isinstance(content, list) else [content]
        row.append(tag("td", *children, data_label=head, data_value=key))
    return row


def _tables(found: Gathered) -> Element | None:
    if not found.tables:
        return None
    lines = [tag("li", tag("a", str(where), href=url(where), download=True)) for where in found.tables]
    return tag("section", tag("h2", "Tables of many runs"), tag("ul", *lines))


def _legend() -> Element:
    """What the words mean, for a reader who comes from elsewhere."""
    meanings = {
        "supported": "the 95% interval of T over seeds lies beyond the margin on the claimed side",
        "refuted": "it lies beyond the margin on the other side, or wholly inside the margin",
        "inconclusive": "anything else, or fewer than ten seeds",
        "calibration-pass": "an identity, which says nothing about a claim, holds",
        "calibration-fail": "an identity does not hold: mistrust the numbers beside it",
    }
    lines = [tag("li", parts.badge(outcome), f" {meaning}") for outcome, meaning in meanings.items()]
    return tag("section", tag("h2", "What the words mean"), tag("ul", *lines, class_="legend"))
