"""Circuits beside networks: for every claim that was put to both, what each side answered.

Within a run, verdicts of the same statistic stand in one row: the circuit with its classical Fisher information and
the network with its own are comparable; the circuit's quantum Fisher information stands beside. Checks of identities,
and verdicts of neither or of both sides, are on the pages of the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element

from qgeom.experiments.statistics import Verdict
from qgeom.report import verdict_parts as parts
from qgeom.report import wording
from qgeom.report.gathered import INDEX, Gathered, Run
from qgeom.report.markup import Child, document, table, tag, url

ALIKE, APART, OPEN, ONE_SIDE = "alike", "apart", "open", "one side only"


@dataclass
class Row:
    """One statistic of one run: the verdicts of each column."""

    run: Run
    statistic: str
    columns: dict[str, list[Verdict]] = field(
        default_factory=lambda: {column: [] for column in wording.COLUMNS}
    )

    @property
    def agreement(self) -> str:
        """Whether circuit and network answer alike; open where an answer is inconclusive."""
        quantum = self.columns[wording.QUANTUM] or self.columns[wording.STATE]
        classical = self.columns[wording.CLASSICAL]
        if not quantum or not classical:
            return ONE_SIDE
        answers = [{_answer_of(verdict) for verdict in side} for side in (quantum, classical)]
        if any(len(answer) > 1 or ("inconclusive", 0) in answer for answer in answers):
            return OPEN
        return ALIKE if answers[0] == answers[1] else APART

    @property
    def claims(self) -> set[str]:
        """The sentences that the verdicts of this row are about."""
        return {verdict.claim for side in self.columns.values() for verdict in side}


def _answer_of(verdict: Verdict) -> tuple[str, int]:
    """The outcome; for a refuted equality with the side on which T misses, since opposite misses are no agreement."""
    missed = verdict.outcome == "refuted" and verdict.direction == "equal"
    return verdict.outcome, (1 if verdict.estimate > verdict.null else -1) if missed else 0


def rows(run: Run) -> list[Row]:
    """The claims of a run that were put to a circuit or a network; none where only identities were checked.

    Where a statistic comes twice on a side, the first of each side stand together, and so on.
    """
    found: dict[tuple[str, int], Row] = {}
    seen: dict[tuple[str, str], int] = {}
    for verdict in run.verdicts:
        column = wording.column_of(verdict)
        if column is None or not wording.is_claim(verdict):
            continue
        turn = seen[verdict.statistic, column] = seen.get((verdict.statistic, column), -1) + 1
        row = found.setdefault((verdict.statistic, turn), Row(run, verdict.statistic))
        row.columns[column].append(verdict)
    return list(found.values())


def page(found: Gathered) -> str:
    """The page as text."""
    all_rows = [(run, rows(run)) for run in found.runs]
    flat = [row for _, of_run in all_rows for row in of_run]
    counts = {kind: sum(row.agreement == kind for row in flat) for kind in (ALIKE, APART, OPEN, ONE_SIDE)}
    said = "; ".join(f"{n} {kind}" for kind, n in counts.items() if n)
    by_name: dict[str, list[Row]] = {}
    for run, of_run in all_rows:
        if of_run:
            by_name.setdefault(run.name, []).extend(of_run)
    return document(
        "Side by side – qgeom",
        tag("nav", tag("a", "All runs", href=url("..", INDEX)), aria_label="pages"),
        tag(
            "main",
            tag("h1", "Circuits beside networks"),
            tag(
                "p",
                "The same statistic on both sides, reported apart. “Alike” and “apart” compare the circuit’s classical "
                "Fisher information with the network’s; “open” says that a side is inconclusive. "
                "The pictures of a row have one scale: the band is the margin around the null value.",
            ),
            tag("p", said or "No run here has a verdict on either side.", class_="quiet"),
            *(part for name, of_name in by_name.items() for part in _experiment(name, of_name)),
        ),
    )


def _experiment(name: str, of_name: Sequence[Row]) -> list[Child]:
    claim = of_name[0].run.claim
    body = [
        (
            _statistic(row),
            *(_cell(row, column) for column in wording.COLUMNS),
            tag("span", row.agreement, class_=f"agreement {row.agreement.replace(' ', '-')}"),
        )
        for row in of_name
    ]
    return [
        tag("h2", name),
        tag("p", claim, class_="claim") if claim else None,
        table(("statistic T", *wording.COLUMNS, "both"), body, class_="stacked", aria_label=name),
    ]


def _statistic(row: Row) -> Element:
    link = tag("a", str(row.run.title), href=url(f"{row.run.slug}.html"))
    claim = next(iter(row.claims)) if len(row.claims) == 1 else None
    return tag(
        "span",
        row.statistic,
        tag("span", claim, class_="quiet block") if claim and claim != row.run.claim else None,
        tag("span", link, class_="quiet block"),
    )


def _cell(row: Row, column: str) -> Element:
    verdicts = row.columns[column]
    if not verdicts:
        return tag("span", "–")
    return tag("span", *(part for verdict in verdicts for part in _answer(verdict, row)))


def _answer(verdict: Verdict, row: Row) -> list[Child]:
    detail = verdict.side.partition(",")[2].strip()
    words = [detail, verdict.claim if len(row.claims) > 1 else ""]
    said = ": ".join(filter(None, words))
    beside = [one for side in row.columns.values() for one in side]
    return [
        parts.badge(verdict.outcome),
        tag(
            "span",
            f"{wording.number(verdict.estimate)} {wording.interval(*verdict.interval)}",
            class_="block",
        ),
        parts.picture(verdict, beside),
        tag("span", said, class_="quiet block") if said else None,
    ]
