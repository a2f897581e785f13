"""Verdicts as parts of a page: the badge of an outcome, the picture of an interval, tables, the multiverse."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from qgeom.experiments.statistics import Verdict
from qgeom.report import wording
from qgeom.report.markup import Child, facts, table, tag

_WIDTH, _HEIGHT, _ROOM = 220.0, 26.0, 10.0
_OF_ROW = ("estimate", "low", "high", "outcome")


def badge(outcome: str, label: str = "", of: str | None = None) -> Element:
    """An outcome as a sign and a word; its colour says nothing that these do not. ``of`` appears on pointing at it."""
    known = outcome if outcome in wording.OUTCOMES else "unknown"
    sign = tag("span", wording.SIGNS.get(outcome, "·"), aria_hidden="true")
    return tag("span", sign, f" {label or outcome}", class_=f"badge {known}", title=of)


def badges(verdicts: Sequence[Verdict]) -> Element:
    """One badge per claim and side; the checks of identities together in one."""
    claims = [verdict for verdict in verdicts if wording.is_claim(verdict)]
    marks: list[Child] = [
        badge(
            verdict.outcome, f"{verdict.side}: {verdict.outcome}" if verdict.side else "", verdict.statistic
        )
        for verdict in claims
    ]
    checks = [verdict.outcome for verdict in verdicts if not wording.is_claim(verdict)]
    if checks:
        passed = checks.count("calibration-pass")
        outcome = "calibration-pass" if passed == len(checks) else "calibration-fail"
        marks.append(badge(outcome, f"{passed} of {len(checks)} checks passed"))
    return tag("span", *marks, class_="badges")


def picture(verdict: Verdict, beside: Sequence[Verdict] = ()) -> Element:
    """The interval on a line, with the estimate, the null value and the band of the margin.

    Args:
        verdict: what is drawn.
        beside: verdicts of the same statistic, drawn elsewhere on the same scale.
    """
    low, high = verdict.interval
    band = _band(verdict)
    marks = [
        x
        for one in (verdict, *beside)
        for x in (*one.interval, one.estimate, *_band(one))
        if math.isfinite(x)
    ]
    said = f"interval {wording.interval(low, high)}, null value {wording.number(verdict.null)}"
    if not all(map(math.isfinite, band)):
        return tag("span", "–")
    start, end = min(marks), max(marks)
    span = (end - start) or max(abs(end), 1.0)

    def place(x: float) -> str:
        """Ends at infinity, and what is not a number, lie at the border."""
        share = (min(max(x, start), end) - start) / span if not math.isnan(x) else 0.5
        share = share if math.isfinite(share) else 0.5  # numbers so large that their difference is infinite
        return f"{_ROOM + (_WIDTH - 2 * _ROOM) * share:.1f}"

    def line(x1: str, y1: float, x2: str, y2: float, look: str) -> Element:
        return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=look)

    middle, left, right = _HEIGHT / 2, place(low), place(high)
    width = max(float(place(band[1])) - float(place(band[0])), 0.0)
    parts: list[Child] = [
        tag("title", said),
        tag("rect", x=place(band[0]), y=2, width=f"{width:.1f}", height=_HEIGHT - 4, class_="band"),
        line(place(verdict.null), 1, place(verdict.null), _HEIGHT - 1, "null"),
    ]
    if not math.isnan(low) and not math.isnan(high):
        parts.append(line(left, middle, right, middle, "range"))
        for x, value in ((left, low), (right, high)):
            if math.isfinite(value):
                parts.append(line(x, middle - 5, x, middle + 5, "range"))
    if math.isfinite(verdict.estimate):
        parts.append(tag("circle", cx=place(verdict.estimate), cy=middle, r=4, class_="estimate"))
    return tag(
        "svg",
        *parts,
        viewBox=f"0 0 {_WIDTH:.0f} {_HEIGHT:.0f}",
        role="img",
        aria_label=said,
        class_="interval",
    )


def _band(verdict: Verdict) -> tuple[float, float]:
    return verdict.null - verdict.margin, verdict.null + verdict.margin


def summary(verdicts: Sequence[Verdict]) -> Element:
    """All verdicts of a run in one table; those of the same statistic are drawn on the same scale."""
    heads = (
        "side",
        "statistic T",
        "T",
        "95% interval",
        "claimed",
        "p of the null",
        "seeds",
        "outcome",
        "picture",
    )
    rows = [
        (
            verdict.side or "–",
            verdict.statistic,
            wording.number(verdict.estimate),
            wording.interval(*verdict.interval),
            wording.claimed(verdict),
            wording.p_value(verdict),
            str(verdict.n_seeds),
            badge(verdict.outcome),
            picture(verdict, [one for one in verdicts if one.statistic == verdict.statistic]),
        )
        for verdict in verdicts
    ]
    return table(heads, rows, class_="stacked", aria_label="verdicts")


def details(verdict: Verdict, number: int) -> Element:
    """One verdict with everything that is needed to check it."""
    side = f"{verdict.side}: " if verdict.side else ""
    known: list[tuple[str, Child]] = [
        ("T", verdict.statistic),
        ("claimed", f"T {wording.claimed(verdict)}"),
        ("found", f"T = {wording.number(verdict.estimate)} {wording.interval(*verdict.interval)}"),
    ]
    if verdict.null_model or not math.isnan(verdict.p_value):
        known.append(("null model", f"{verdict.null_model or 'unnamed'}, p = {wording.p_value(verdict)}"))
    known.append(("seeds", str(verdict.n_seeds)))
    notes = [tag("li", note) for note in verdict.notes]
    return tag(
        "section",
        tag("h3", badge(verdict.outcome), f" {side}{verdict.claim}"),
        facts(known),
        tag("ul", *notes, class_="notes") if notes else None,
        multiverse(verdict),
        class_="verdict",
        id=f"verdict-{number}",
    )


def multiverse(verdict: Verdict) -> Element | None:
    """The same verdict under every other choice, folded away; None where there is no other."""
    if not verdict.multiverse:
        return None
    choices = [
        key for key in dict.fromkeys(key for row in verdict.multiverse for key in row) if key not in _OF_ROW
    ]
    rows: list[Sequence[Child]] = [
        ("as above", *("" for _ in choices[1:]), *_cells(verdict.row())) if choices else _cells(verdict.row())
    ]
    rows += [
        (*(wording.setting(row[key]) if key in row else "" for key in choices), *_cells(row))
        for row in verdict.multiverse
    ]
    said = (
        "the conclusion depends on the construction"
        if verdict.construction_dependent
        else "all conclude alike"
    )
    return tag(
        "details",
        tag("summary", f"Multiverse: {len(verdict.multiverse)} other choices, {said}"),
        table((*choices, "T", "95% interval", "outcome"), rows, class_="stacked", aria_label="multiverse"),
    )


def _cells(row: Mapping[str, Any]) -> tuple[Child, ...]:
    return (
        wording.number(row.get("estimate", "–")),
        wording.interval(row.get("low", "–"), row.get("high", "–")),
        badge(str(row["outcome"])),
    )
