"""Tables of numbers with their spread, as plain text, CSV and LaTeX (booktabs).

A cell is a :class:`Spread` (mean over seeds with an interval), a number, a text or None (not applicable: a dash).
Text and LaTeX show as many digits as the interval supports; CSV keeps full precision, in separate columns.
"""

from __future__ import annotations

import csv
import functools
import io
import math
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

import numpy as np

from qgeom.experiments.statistics import bootstrap_interval


class Spread(NamedTuple):
    """The mean of ``n`` values with the ends of an interval and the sample standard deviation."""

    mean: float
    low: float
    high: float
    std: float
    n: int

    @classmethod
    def over_seeds(cls, values: np.ndarray) -> Spread:
        """Mean and 95% bootstrap interval of the mean, see :func:`qgeom.experiments.statistics.bootstrap_interval`.

        ``values (n,)`` holds one number per seed. The resampling is seeded, so equal values give equal intervals.
        One seed gives an interval of no width and a NaN standard deviation; a NaN among the values gives NaN.
        """
        values = np.asarray(values, dtype=np.float64)
        mean = float(values.mean())
        if len(values) == 1:
            return cls(mean, mean, mean, math.nan, 1)
        low, high = _interval(tuple(values.tolist()))
        return cls(mean, low, high, float(values.std(ddof=1)), len(values))


@functools.lru_cache(maxsize=4096)
def _interval(values: tuple[float, ...]) -> tuple[float, float]:
    """A table and the figures at several widths ask for the same interval."""
    return bootstrap_interval(np.asarray(values))


Cell = Spread | float | int | str | None


class Column(NamedTuple):
    """A column under a group heading: for a comparison, the description and then the optimiser."""

    group: str
    name: str


class Row(NamedTuple):
    """A quantity with its unit ("" where it has none) and one cell per column."""

    quantity: str
    unit: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Quantities down, descriptions across.

    Attributes:
        title: one line, the caption in LaTeX.
        group_label, column_label: what the two lines of the header are, e.g. "description" and "optimizer".
        notes: definitions that the reader needs, one sentence each.
    """

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    group_label: str = "description"
    column_label: str = "optimizer"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"row {row.quantity!r} has {len(row.cells)} cells; the table has {len(self.columns)} columns"
                )

    def __str__(self) -> str:
        return self.text()

    def text(self) -> str:
        """Aligned plain text."""
        first = [_with_unit(row) for row in self.rows]
        body = [[format_cell(cell) for cell in row.cells] for row in self.rows]
        widths = [
            max([len(column.name), *(len(cells[j]) for cells in body)])
            for j, column in enumerate(self.columns)
        ]
        groups = self._groups()
        for name, start, stop in groups:  # a long group name widens its last column
            spare = sum(widths[start:stop]) + 2 * (stop - start - 1)
            widths[stop - 1] += max(0, len(name) - spare)
        margin = max(len(cell) for cell in [*first, self.group_label, self.column_label])
        heads = [name.ljust(sum(widths[start:stop]) + 2 * (stop - start - 1)) for name, start, stop in groups]
        names = [column.name.ljust(width) for column, width in zip(self.columns, widths, strict=True)]
        rule = "-" * (margin + sum(widths) + 2 * len(widths))
        lines = [
            self.title,
            rule,
            "  ".join([self.group_label.ljust(margin), *heads]).rstrip(),
            "  ".join([self.column_label.ljust(margin), *names]).rstrip(),
            rule,
        ]
        for quantity, cells in zip(first, body, strict=True):
            padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
            lines.append("  ".join([quantity.ljust(margin), *padded]).rstrip())
        lines.append(rule)
        lines.extend(self.notes)
        return "\n".join(lines) + "\n"

    def csv(self) -> str:
        """One line per quantity and column, at full precision: easy to filter and to plot."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(
            [self.group_label, self.column_label, "quantity", "unit", "mean", "low", "high", "std", "n"]
        )
        for row in self.rows:
            for column, cell in zip(self.columns, row.cells, strict=True):
                if isinstance(cell, Spread):
                    numbers: list[str] = [*map(repr, map(float, cell[:4])), str(cell.n)]
                else:
                    numbers = ["" if cell is None else str(cell), "", "", "", ""]
                writer.writerow([column.group, column.name, row.quantity, row.unit, *numbers])
        return stream.getvalue()

    def latex(self) -> str:
        r"""A ``table`` environment for ``\usepackage{booktabs}``; every text is escaped."""
        groups = self._groups()
        lines = [
            r"% needs \usepackage{booktabs}",
            r"\begin{table}",
            rf"  \caption{{{escape_latex(self.title)}}}",
            rf"  \begin{{tabular}}{{l{'l' * len(self.columns)}}}",
            r"    \toprule",
            "    "
            + " & ".join(
                [
                    escape_latex(self.group_label),
                    *(
                        rf"\multicolumn{{{stop - start}}}{{l}}{{{escape_latex(name)}}}"
                        for name, start, stop in groups
                    ),
                ]
            )
            + r" \\",
            "    " + " ".join(rf"\cmidrule(lr){{{start + 2}-{stop + 1}}}" for _, start, stop in groups),
            "    "
            + " & ".join(escape_latex(name) for name in [self.column_label, *(c.name for c in self.columns)])
            + r" \\",
            r"    \midrule",
        ]
        for row in self.rows:
            cells = [escape_latex(_with_unit(row)), *(_latex_cell(cell) for cell in row.cells)]
            lines.append("    " + " & ".join(cells) + r" \\")
        lines += [r"    \bottomrule", r"  \end{tabular}"]
        if self.notes:
            lines += [
                r"  \par\smallskip\footnotesize",
                "  " + "\n  ".join(escape_latex(note) for note in self.notes),
            ]
        lines.append(r"\end{table}")
        return "\n".join(lines) + "\n"

    def _groups(self) -> list[tuple[str, int, int]]:
        """Neighbouring columns of the same group: name, first column, last column + 1."""
        spans, start = [], 0
        for name, members in groupby(self.columns, key=lambda column: column.group):
            stop = start + len(list(members))
            spans.append((name, start, stop))
            start = stop
        return spans


def format_cell(cell: Cell) -> str:
    """``0.957 [0.940, 0.971]``: as many decimals as two digits of the interval's width need."""
    match cell:
        case None:
            return "-"
        case Spread() as spread:
            if not math.isfinite(spread.mean):
                return "undefined" if math.isnan(spread.mean) else str(spread.mean)
            if spread.low == spread.high:
                return _plain(spread.mean)
            mean, low, high = _same_digits(spread)
            return f"{mean} [{low}, {high}]"
        case str() as text:
            return text
        case bool() | int() as number:
            return str(number)
        case _:
            return _plain(float(cell))


def escape_latex(text: str) -> str:
    """Text that LaTeX prints as it stands: special characters escaped, control characters dropped."""
    return "".join(_LATEX.get(character, character if character.isprintable() else " ") for character in text)


_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",  # OT1 fonts have no straight double quote
    "[": r"{[}",  # after \\ a bracket would be read as an optional length
    "]": r"{]}",
}


def _with_unit(row: Row) -> str:
    return f"{row.quantity} ({row.unit})" if row.unit else row.quantity


def _plain(number: float) -> str:
    if not math.isfinite(number):
        return "undefined" if math.isnan(number) else str(number)
    if number == round(number) and abs(number) < 1e6:
        return str(int(number))
    return f"{number:.4g}"


def _same_digits(spread: Spread) -> tuple[str, str, str]:
    """The three numbers with the same decimals: two digits of the interval's width, so 1.234 +- 0.1 shows 1.23."""
    largest = max(abs(spread.low), abs(spread.high), abs(spread.mean))
    width = spread.high - spread.low
    if not math.isfinite(width):
        return _plain(spread.mean), _plain(spread.low), _plain(spread.high)
    decimals = max(0, 1 - math.floor(math.log10(width)))
    if largest >= 1e6 or decimals > 6:
        return f"{spread.mean:.3g}", f"{spread.low:.3g}", f"{spread.high:.3g}"
    return f"{spread.mean:.{decimals}f}", f"{spread.low:.{decimals}f}", f"{spread.high:.{decimals}f}"


def _latex_cell(cell: Cell) -> str:
    if cell is None:
        return "--"
    if isinstance(cell, str):
        return escape_latex(cell)
    return escape_latex(format_cell(cell)).replace("-", r"\ensuremath{-}")
