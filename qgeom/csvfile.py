"""Reading a user's CSV file strictly: every fault is one line that names the file, the line and the column."""

from __future__ import annotations

import csv
import io
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

FEWEST_ROWS = 10
FEWEST_PER_CLASS = 2
MOST_CLASSES = 16


class LabelledTable(NamedTuple):
    """Features ``(N, D)`` float64, labels ``(N,)`` from 0, and the names of both. Classes are in sorted order."""

    features: np.ndarray
    labels: np.ndarray
    feature_names: tuple[str, ...]
    class_names: tuple[str, ...]


def read_csv(path: Path, target: str | None = None) -> LabelledTable:
    """Read a header row, numeric feature columns, and one label column (the last unless ``target`` names it).

    Labels may be numbers or text; each distinct value is a class. The separator is a comma, or a semicolon or tab
    where the header has no comma. Blank lines are skipped.

    Raises:
        ValueError: in one line, if the file is missing, empty, not text, without header, ragged, has a gap, text or a
            non-finite number among the features, a constant feature, an empty label, fewer than 2 or more than 16
            classes, a class of a single row, or fewer than 10 rows.
    """
    header, rows = _read_rows(path)
    target_column = _target_column(path, header, target)
    feature_columns = [i for i in range(len(header)) if i != target_column]
    features = np.empty((len(rows), len(feature_columns)))
    raw_labels: list[str] = []
    first_line: dict[str, int] = {}
    for row_number, (line, cells) in enumerate(rows):
        if len(cells) != len(header):
            raise ValueError(f"{path}, line {line}: {len(cells)} columns, but the header has {len(header)}")
        for j, column in enumerate(feature_columns):
            features[row_number, j] = _number(path, line, header[column], cells[column])
        label = cells[target_column].strip()
        if not label or label.lower() in ("nan", "na", "null", "none"):
            raise ValueError(
                f"{path}, line {line}: column {header[target_column]!r} has no label; fill or drop the row"
            )
        raw_labels.append(label)
        first_line.setdefault(label, line)
    if len(rows) < FEWEST_ROWS:
        raise ValueError(f"{path}: {len(rows)} rows of data; at least {FEWEST_ROWS} are needed")
    _check_features(path, features, [header[i] for i in feature_columns], rows[0][0])
    labels, class_names = _classes(path, header[target_column], raw_labels, first_line)
    return LabelledTable(features, labels, tuple(header[i] for i in feature_columns), class_names)


def _read_rows(path: Path) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header, and every row that is not blank with the line on which it ends."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8 text (byte {error.start}); save it as CSV in UTF-8") from None
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    if "\0" in text:
        raise ValueError(f"{path}: not a text file; save it as CSV in UTF-8")
    first = text.split("\n", 1)[0]
    separator = next((s for s in (",", ";", "\t") if s in first), ",")
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True, strict=True
    )
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise ValueError(f"{path}, line {reader.line_num}: not CSV ({error})") from None
    if not rows:
        raise ValueError(f"{path}: the file is empty; a header row and rows of numbers are expected")
    line, cells = rows.pop(0)
    header = [cell.strip() for cell in cells]
    if all(_is_number(cell) for cell in header):
        raise ValueError(
            f"{path}, line {line}: numbers where the names of the columns are expected; add a header row"
        )
    if len(header) < 2:
        raise ValueError(f"{path}, line {line}: one column; at least one feature and a label are expected")
    for position, name in enumerate(header):
        if not name:
            raise ValueError(f"{path}, line {line}: column {position + 1} has no name")
        if name in header[:position]:
            raise ValueError(f"{path}, line {line}: two columns are named {name!r}")
    return header, rows


def _target_column(path: Path, header: list[str], target: str | None) -> int:
    if target is None:
        return len(header) - 1
    if target not in header:
        raise ValueError(f"{path}: no column {target!r}; the columns are {', '.join(header)}")
    return header.index(target)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(path: Path, line: int, column: str, cell: str) -> float:
    if not cell.strip():
        raise ValueError(f"{path}, line {line}: column {column!r} is empty; fill or drop the row")
    try:
        value = float(cell)
    except ValueError:
        raise ValueError(
            f"{path}, line {line}: column {column!r} is {cell.strip()!r}; a number is expected"
        ) from None
    if not math.isfinite(value):
        raise ValueError(
            f"{path}, line {line}: column {column!r} is {cell.strip()}; a finite number is expected"
        )
    return value


def _check_features(path: Path, features: np.ndarray, names: list[str], first_row: int) -> None:
    with np.errstate(over="ignore"):
        span = features.max(axis=0) - features.min(axis=0)
    for j, name in enumerate(names):
        if span[j] == 0:
            raise ValueError(
                f"{path}: column {name!r} is {features[0, j]:g} in every row, from line {first_row} on; remove it"
            )
        if not math.isfinite(span[j]):
            raise ValueError(f"{path}: column {name!r} spans more than a float64 can hold; rescale it")


def _classes(
    path: Path, column: str, raw_labels: list[str], first_line: dict[str, int]
) -> tuple[np.ndarray, tuple[str, ...]]:
    distinct = sorted(
        first_line, key=lambda label: (0, float(label), "") if _is_number(label) else (1, 0.0, label)
    )
    if len(distinct) < 2:
        raise ValueError(
            f"{path}: column {column!r} has one class only, {distinct[0]!r}; at least two are needed"
        )
    if len(distinct) > MOST_CLASSES:
        raise ValueError(
            f"{path}: column {column!r} has {len(distinct)} different labels; at most {MOST_CLASSES} classes are "
            f"offered (is another column the label? name it as the target)"
        )
    for label in distinct:
        if raw_labels.count(label) < FEWEST_PER_CLASS:
            raise ValueError(
                f"{path}, line {first_line[label]}: class {label!r} has a single row; "
                f"at least {FEWEST_PER_CLASS} are needed to train and to test"
            )
    position = {label: i for i, label in enumerate(distinct)}
    return np.array([position[label] for label in raw_labels]), tuple(distinct)
