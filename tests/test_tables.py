"""Tables: what a reader, a spreadsheet and LaTeX get."""

from __future__ import annotations

import csv
import io
import math
import re

import numpy as np
import pytest

from qgeom.tables import Column, Row, Spread, Table, escape_latex, format_cell


def _table(group: str = "circuit", quantity: str = "test accuracy", unit: str = "") -> Table:
    columns = (Column(group, "adam"), Column(group, "natural-gradient"), Column("network", "adam"))
    rows = (
        Row(quantity, unit, (Spread(0.957, 0.9401, 0.9712, 0.02, 10), Spread(1.0, 1.0, 1.0, 0.0, 10), 0.5)),
        Row("parameters", "", (40, 40, 43)),
        Row("quantum Fisher trace", "rad^-2", (Spread(-12.34567, -13.0, -11.0, 1.0, 10), None, None)),
    )
    return Table(
        "iris: circuit and network", columns, rows, notes=("Interval: 95% bootstrap over 10 seeds.",)
    )


def test_the_spread_is_the_mean_with_an_interval_that_contains_it():
    values = np.random.default_rng(1).normal(3.0, 0.1, 12)
    spread = Spread.over_seeds(values)
    assert spread.mean == pytest.approx(values.mean(), abs=1e-15)
    assert spread.std == pytest.approx(values.std(ddof=1), abs=1e-15)
    assert spread.low < spread.mean < spread.high
    assert (spread.high - spread.low) == pytest.approx(2 * 2.2 * spread.std / math.sqrt(12), rel=0.4)
    assert spread == Spread.over_seeds(values)


def test_one_seed_has_no_spread():
    spread = Spread.over_seeds(np.array([2.0]))
    assert spread.low == spread.high == spread.mean == 2.0
    assert math.isnan(spread.std)
    assert format_cell(spread) == "2"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (Spread(0.95678, 0.9401, 0.9712, 0.02, 10), "0.957 [0.940, 0.971]"),
        (Spread(12.3456, 11.0, 13.5, 1.0, 10), "12.3 [11.0, 13.5]"),
        (Spread(123.456, 100.0, 150.0, 1.0, 10), "123 [100, 150]"),
        (Spread(1.0, 1.0, 1.0, 0.0, 10), "1"),
        (Spread(math.nan, math.nan, math.nan, math.nan, 10), "undefined"),
        (Spread(1.5e-9, 1e-9, 2e-9, 1e-9, 10), "1.5e-09 [1e-09, 2e-09]"),
        (Spread(2.5e7, 2e7, 3e7, 1e7, 10), "2.5e+07 [2e+07, 3e+07]"),
        (None, "-"),
        (7, "7"),
        ("plateau", "plateau"),
        (math.inf, "inf"),
    ],
)
def test_a_cell_shows_the_digits_that_its_interval_supports(cell, text):
    assert format_cell(cell) == text


def test_text_is_aligned():
    lines = (
        _table("a circuit whose name is much longer than its columns are wide, all of them")
        .text()
        .splitlines()
    )
    head = next(line for line in lines if line.startswith("optimizer"))
    row = next(line for line in lines if line.startswith("test accuracy"))
    assert head.index("natural-gradient") == row.index("1  ")
    assert head.rindex("adam") == row.index("0.5")
    assert lines[2].index("network") == head.rindex("adam")
    assert not any(line != line.rstrip() for line in lines)


def test_csv_keeps_every_digit_and_one_line_per_quantity_and_column():
    rows = list(csv.DictReader(io.StringIO(_table('a "hostile",\nname').csv())))
    assert len(rows) == 9
    assert rows[0]["description"] == 'a "hostile",\nname'
    assert rows[0]["optimizer"] == "adam"
    assert float(rows[0]["low"]) == 0.9401
    assert float(rows[6]["mean"]) == -12.34567
    assert rows[8]["mean"] == ""


HOSTILE = r"""50% of $x_1$ & {y} ~ #3 \input{/etc/passwd} ^ <a|b> "q" [2]""" + "\n\x07"


def test_latex_escapes_hostile_names():
    escaped = escape_latex(HOSTILE)
    without_commands = re.sub(
        r"\\(textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar)\{\}", "", escaped
    )
    without_commands = re.sub(r"\\[{}$&#%_]", "", without_commands)
    assert not set(without_commands.replace("{[}", "").replace("{]}", "")) & set('\\{}$&#%_^~<>|"[]\n\x07')
    assert "passwd" in escaped


def test_latex_is_a_booktabs_table_with_balanced_braces_and_columns():
    latex = _table(group=HOSTILE, quantity=HOSTILE).latex()
    for command in (
        r"\toprule",
        r"\midrule",
        r"\bottomrule",
        r"\begin{tabular}{llll}",
        r"\cmidrule(lr){2-3}",
    ):
        assert command in latex
    bare = re.sub(r"\\[{}]", "", latex)
    assert bare.count("{") == bare.count("}")
    for line in latex.splitlines():
        if line.endswith(r"\\") and "multicolumn" not in line:
            assert len(re.findall(r"(?<!\\)&", line)) == 3
    assert "\\ensuremath{-}12.3" in latex


def test_a_row_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="row 'loss' has 1 cells; the table has 2 columns"):
        Table("t", (Column("a", "x"), Column("b", "y")), (Row("loss", "", (1.0,)),))
