"""Counts of outcomes: simulated, loaded from a file, checked.

Inside, counts are integer arrays (circuits, 2^m), outcome k the bits of k with qubit 0 first (the most significant).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

BitOrder = Literal["qubit-0-first", "qubit-0-last"]
"""How a bitstring is written: ``qubit-0-first`` here and in PennyLane, ``qubit-0-last`` in Qiskit."""

MOST_BITS = 24


def as_table(counts: Any, circuits: int, n_bits: int, bit_order: BitOrder = "qubit-0-first") -> np.ndarray:
    """Counts of every circuit as integers, (circuits, 2^n_bits).

    Args:
        counts: such an array, or a sequence of dictionaries from bitstrings (or integers, or hexadecimal strings) to
            numbers, one per circuit, in the order of the plan. Spaces in bitstrings are ignored.
        circuits: how many there must be.
        n_bits: measured qubits.
        bit_order: of the bitstrings.

    Raises:
        ValueError: a wrong number of circuits or bits, negative or fractional counts, a circuit without any.
    """
    if bit_order not in ("qubit-0-first", "qubit-0-last"):
        raise ValueError(f"bit_order is 'qubit-0-first' or 'qubit-0-last', not {bit_order!r}")
    if isinstance(counts, Mapping):
        raise ValueError(
            f"counts must be a sequence with an entry for each of the {circuits} circuits, not one dictionary"
        )
    if len(counts) != circuits:
        raise ValueError(f"the plan has {circuits} circuits, in order; counts of {len(counts)} were given")
    if all(isinstance(row, Mapping) for row in counts):
        table = np.stack([_row(row, n_bits, bit_order, k) for k, row in enumerate(counts)])
    else:
        table = np.asarray(counts)
    if table.shape != (circuits, 2**n_bits):
        raise ValueError(f"counts must have the shape {(circuits, 2**n_bits)}, not {table.shape}")
    if not np.all(np.isfinite(table)) or np.any(table < 0) or np.any(table != np.round(table)):
        raise ValueError("counts are numbers of shots: integers, 0 or more")
    empty = np.flatnonzero(table.sum(axis=1) == 0)
    if len(empty):
        raise ValueError(f"circuit {empty[0]} has no shots: run it, or leave it out of the plan")
    return table.astype(np.int64)


def _row(row: Mapping[Any, Any], n_bits: int, bit_order: BitOrder, circuit: int) -> np.ndarray:
    out = np.zeros(2**n_bits)
    for outcome, number in row.items():
        out[_outcome(outcome, n_bits, bit_order, circuit)] += number
    return out


def _outcome(outcome: Any, n_bits: int, bit_order: BitOrder, circuit: int) -> int:
    text = str(outcome).replace(" ", "")
    if isinstance(outcome, str) and not text.lower().startswith("0x"):
        if len(text) != n_bits or not set(text) <= {"0", "1"}:
            raise ValueError(f"circuit {circuit}: {outcome!r} is no bitstring of {n_bits} measured qubits")
        return int(text if bit_order == "qubit-0-first" else text[::-1], 2)
    try:
        value = int(text, 0)
    except ValueError:
        value = -1
    if not 0 <= value < 2**n_bits:
        raise ValueError(f"circuit {circuit}: {outcome!r} is no outcome of {n_bits} measured qubits")
    return value if bit_order == "qubit-0-first" else int(f"{value:0{n_bits}b}"[::-1], 2)


def load_counts(path: str | Path) -> list[dict[str, int]]:
    """Counts from a JSON file: a list with one ``{bitstring: number}`` per circuit, in the order of the plan.

    Raises:
        ValueError: if the file holds anything else.
        OSError: if it cannot be read.
    """
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no JSON file: {error}") from None
    wanted = 'a list with one {"bitstring": number} per circuit, as [{"00": 512, "11": 488}, ...]'
    if not isinstance(read, list) or not all(isinstance(row, dict) for row in read):
        raise ValueError(f"{path} must hold {wanted}")
    for k, row in enumerate(read):
        for outcome, number in row.items():
            if isinstance(number, bool) or not isinstance(number, int):
                raise ValueError(f"{path}, circuit {k}, {outcome!r}: {number!r} is no number of shots")
    return read


def save_counts(path: str | Path, table: np.ndarray) -> None:
    """Write counts (circuits, 2^m) as `load_counts` reads them; outcomes that never came are left out."""
    n_bits = int(table.shape[1]).bit_length() - 1
    rows = [{f"{k:0{n_bits}b}": int(row[k]) for k in np.flatnonzero(row)} for row in np.asarray(table)]
    target = Path(path)
    partial = target.with_name(target.name + ".part")
    partial.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    partial.replace(target)


def drawn(probabilities: np.ndarray, shots: int | Sequence[int], rng: np.random.Generator) -> np.ndarray:
    """Multinomial counts of each row of probabilities, which rounding may have left off one in the last digits."""
    numbers = np.broadcast_to(np.asarray(shots), (len(probabilities),))
    if numbers.dtype.kind not in "iu" or np.any(numbers < 1):
        raise ValueError(f"shots are integers of 1 or more per circuit, not {shots!r}")
    p = np.clip(np.asarray(probabilities, dtype=np.float64), 0.0, None)
    return rng.multinomial(numbers, p / p.sum(axis=1, keepdims=True))
