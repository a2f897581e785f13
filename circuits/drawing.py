"""Text drawing of circuits, and what both drawings share: the packing into columns, and labels of gates and angles.

q0: ─H──RY(θ₀)──●──────────
                │
q1: ────────────⊕──RZ(2θ₁)─
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from circuits.ops import Op, Param

if TYPE_CHECKING:  # circuit.py imports this module
    from circuits.circuit import Circuit

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_NAMES = {"SDG": "S†", "TDG": "T†", "SX": "√X", "SXDG": "√X†", "ISWAP": "iSWAP", "XXPLUSYY": "XX+YY"}
# Gates drawn with controls: the symbols of their wires, "" where the gate's own label goes.
_SYMBOLS: dict[str, tuple[str, ...]] = {
    "CX": ("●", "⊕"),
    "CY": ("●", "Y"),
    "CZ": ("●", "●"),
    "CH": ("●", "H"),
    "SWAP": ("×", "×"),
    "CCX": ("●", "●", "⊕"),
    "CSWAP": ("●", "×", "×"),
    "CRX": ("●", "RX"),
    "CRY": ("●", "RY"),
    "CRZ": ("●", "RZ"),
    "CP": ("●", "P"),
}


class Cell(NamedTuple):
    """What one wire of a gate shows: a symbol (``●``, ``⊕``, ``×``) or a name, and the angles if they go there."""

    label: str
    angles: str


def columns(circuit: Circuit) -> tuple[list[list[Op]], list[int]]:
    """Gates packed to the left into columns in which none crosses another, and the columns that start a layer.

    Layers that were given to the circuit start a new column; moments do not count as layers here.
    """
    packed: list[list[Op]] = []
    starts: list[int] = []
    free = [0] * circuit.n_qubits
    start, layer_now = 0, 0
    explicit = circuit.has_own_layers
    for op, layer in zip(circuit.ops, circuit.layer_of, strict=True):
        if explicit and layer != layer_now:
            start, layer_now = len(packed), layer
            starts.append(start)
        span = range(min(op.wires), max(op.wires) + 1)
        place = max(start, *(free[w] for w in span))
        for w in span:
            free[w] = place + 1
        if place == len(packed):
            packed.append([])
        packed[place].append(op)
    return packed, starts


def wrap(widths: Sequence[float], starts: Sequence[int], available: float) -> list[range]:
    """Rows of consecutive columns that fit the available width; a layer that fits one row is not broken."""
    bounds = sorted({0, *starts, len(widths)}) if starts else list(range(len(widths) + 1))
    rows: list[range] = []
    first, used = 0, 0.0
    for low, high in itertools.pairwise(bounds):
        layer = sum(widths[low:high])
        if first < low and used + layer > available >= layer:
            rows.append(range(first, low))
            first, used = low, 0.0
        for k in range(low, high):
            if first < k and used + widths[k] > available:
                rows.append(range(first, k))
                first, used = k, 0.0
            used += widths[k]
    rows.append(range(first, len(widths)))
    return rows


def number_text(value: float) -> str:
    """A number in few characters; multiples of pi with denominators up to 16 as such."""
    multiple = Fraction(value / math.pi).limit_denominator(16)
    if multiple and math.isclose(float(multiple) * math.pi, value, rel_tol=1e-12):
        top = {1: "π", -1: "-π"}.get(multiple.numerator, f"{multiple.numerator}π")
        return top if multiple.denominator == 1 else f"{top}/{multiple.denominator}"
    return f"{value:.3g}"


def angle_text(angle: Param) -> str:
    """An angle with symbols: ``0.3``, ``π/2``, ``θ₀``, ``-2θ₁+0.1``, ``θ₂x₀``."""
    symbols = "" if angle.index is None else "θ" + str(angle.index).translate(_SUBSCRIPTS)
    symbols += "" if angle.input is None else "x" + str(angle.input).translate(_SUBSCRIPTS)
    if not symbols:
        return number_text(angle.offset + angle.scale)
    factor = {1.0: "", -1.0: "-"}.get(angle.scale, number_text(angle.scale))
    if "/" in factor:
        factor = f"({factor})"
    if angle.offset == 0.0:
        return factor + symbols
    return factor + symbols + ("+" if angle.offset > 0 else "-") + number_text(abs(angle.offset))


def angles_text(op: Op) -> str:
    """The angles of a gate, comma-separated; a run of four or more parameters as ``θ₀…θ₁₄``; none for a fixed block."""
    texts = [angle_text(angle) for angle in op.angles]
    if len(texts) < 4 and not (op.name == "SU2" and op.is_fixed):
        return ",".join(texts)
    return "" if op.is_fixed else f"{texts[0]}…{texts[-1]}"


def cells(op: Op) -> tuple[Cell, ...]:
    """What each wire of a gate shows, in the order of its wires."""
    angles = angles_text(op)
    if op.name == "PAULIROT":
        labels = tuple(f"R:{letter}" for letter in op.pauli)
        return (Cell(labels[0], angles), *(Cell(label, "") for label in labels[1:]))
    if op.name == "MCP":
        return (*(Cell("●", "") for _ in op.wires[1:]), Cell("P", angles))
    if op.name in _SYMBOLS:
        return tuple(Cell(symbol, angles if symbol.isalpha() else "") for symbol in _SYMBOLS[op.name])
    name = _NAMES.get(op.name, op.name)
    return (Cell(name, angles), *(Cell(name, "") for _ in op.wires[1:]))


def text(circuit: Circuit, width: int = 100) -> str:
    """The circuit in unicode, qubit 0 on top, wrapped at ``width`` characters.

    Raises:
        ValueError: if ``width`` is less than 20.
    """
    if width < 20:
        raise ValueError(f"width must be 20 characters or more, not {width}")
    n_qubits = circuit.n_qubits
    margin = len(f"q{n_qubits - 1}: ")
    prefix = [
        f"q{k // 2}: ".rjust(margin) + "─" if k % 2 == 0 else " " * (margin + 1)
        for k in range(2 * n_qubits - 1)
    ]
    packed, starts = columns(circuit)
    drawn = [_column(n_qubits, column) for column in packed]
    blocks = []
    for row in wrap([len(lines[0]) for lines in drawn], starts, width - len(prefix[0]) - 2):
        body = ["".join(parts) for parts in zip(prefix, *(drawn[k] for k in row), strict=True)]
        if row.stop < len(drawn):
            body[::2] = [line + " ⋯" for line in body[::2]]
        blocks.append("\n".join(line.rstrip() for line in body))
    return "\n\n".join(blocks)


def _column(n_qubits: int, column: list[Op]) -> list[str]:
    """One column: wires on even rows, what runs between them on odd rows, all of one width."""
    labels: dict[int, str] = {}
    links: set[int] = set()
    crossed: set[int] = set()
    for op in column:
        for wire, cell in zip(op.wires, cells(op), strict=True):
            labels[wire] = cell.label + (f"({cell.angles})" if cell.angles else "")
        low, high = min(op.wires), max(op.wires)
        links.update(range(low, high))
        crossed.update(w for w in range(low + 1, high) if w not in op.wires)
    width = max(map(len, labels.values()))
    rows = []
    for wire in range(n_qubits):
        rows.append(labels.get(wire, "┼" if wire in crossed else "─").center(width, "─") + "──")
        if wire < n_qubits - 1:
            # As str.center places a single character, so that lines meet symbols.
            rows.append(("│" if wire in links else " ").center(width) + "  ")
    return rows
