"""Drawing of circuits with matplotlib: vector graphics for papers, wrapped to the width of a column.

Colours (Okabe-Ito, safe for colour-blind readers) say what an angle depends on: white boxes are fixed gates, blue
ones trainable, orange ones depend on the input x.
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Circle, Rectangle
from matplotlib.textpath import TextPath

from circuits.drawing import Cell, cells, columns, wrap
from circuits.ops import Op

if TYPE_CHECKING:
    from circuits.circuit import Circuit

# Lengths in inches, font sizes in points.
_WIRE_DISTANCE = 0.36
_BOX_HEIGHT = 0.27
_MIN_BOX = 0.24
_GAP = 0.07
_PAD = 0.035
_NAME_SIZE = 7.0
_ANGLE_SIZE = 6.0
_SYSTEM_GAP = 0.20
_CONTINUATION = 0.14
_MARGIN = 0.06
_INK = "#222222"
_FILLS = {"fixed": ("#ffffff", _INK), "trainable": ("#d6eaf8", "#0072b2"), "input": ("#fde6c8", "#b35900")}
_SUBSCRIPT = re.compile("([θx])([₀-₉]+)")
_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


class _Placed(NamedTuple):
    op: Op
    left: float
    width: float


def figure(circuit: Circuit, width: float = 3.4) -> Figure:
    """The circuit as a matplotlib figure, qubit 0 on top, wrapped into several rows at ``width``.

    Args:
        circuit: the circuit.
        width: in inches; 3.4 is one column of APS journals, 7.0 two. A single gate wider than that makes the figure
            wider.

    Returns:
        A figure that belongs to no window; save it with ``figure.savefig("circuit.pdf")``.

    Raises:
        ValueError: if ``width`` is not positive.
    """
    if not width > 0:
        raise ValueError(f"width must be positive, in inches, not {width}")
    label_width = _text_width(f"$q_{{{circuit.n_qubits - 1}}}$", _NAME_SIZE) + 2 * _GAP
    start = _MARGIN + label_width
    packed, layer_starts = columns(circuit)
    breadths = [max(_op_width(op) for op in column) for column in packed]
    systems: list[list[_Placed]] = []
    widths, available = [breadth + 2 * _GAP for breadth in breadths], width - start - _MARGIN
    if sum(widths) > available:
        available -= _CONTINUATION
    for row in wrap(widths, layer_starts, available):
        x = start + _GAP
        systems.append([])
        for k in row:
            systems[-1].extend(_Placed(op, x, breadths[k]) for op in packed[k])
            x += breadths[k] + 2 * _GAP
    ends = [max([p.left + p.width for p in system], default=start + _MIN_BOX) + _GAP for system in systems]
    total = max([*(end + _CONTINUATION for end in ends[:-1]), ends[-1]]) + _MARGIN
    system_height = (circuit.n_qubits - 1) * _WIRE_DISTANCE + _BOX_HEIGHT
    height = len(systems) * system_height + (len(systems) - 1) * _SYSTEM_GAP + 2 * _MARGIN
    drawing = Figure(figsize=(total, height))
    axes = drawing.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_xlim(0.0, total)
    axes.set_ylim(-height, 0.0)
    axes.set_axis_off()
    for k, (system, end) in enumerate(zip(systems, ends, strict=True)):
        top = -_MARGIN - k * (system_height + _SYSTEM_GAP) - _BOX_HEIGHT / 2
        _draw_wires(axes, circuit.n_qubits, top, start, end, continued=k < len(systems) - 1)
        for placed in system:
            _draw_op(axes, placed, top)
    return drawing


def _mathtext(text: str) -> str:
    """Greek letters and subscripts as mathtext: ``2θ₁₂+0.1`` becomes ``$2\\theta_{12}+0.1$``."""
    text = _SUBSCRIPT.sub(lambda m: f"{m[1]}_{{{m[2].translate(_DIGITS)}}}", text)
    for plain, tex in (("θ", r"\theta"), ("π", r"\pi "), ("…", r"\ldots "), ("†", r"^{\dagger}")):
        text = text.replace(plain, tex)
    return f"${text}$"


def _name_text(label: str) -> str:
    if label.startswith("R:"):
        return rf"$R\!:\!{label[2:]}$"
    match = re.fullmatch("R([XYZ]{1,2})", label)
    if match:
        return rf"$R_{{{match[1]}}}$"
    if label.startswith("√X"):
        return r"$\sqrt{X}$" if label == "√X" else r"$\sqrt{X}^{\dagger}$"
    if label in {"iSWAP", "SU2", "SU4", "XX+YY", "U3"}:
        return label
    return _mathtext(label)


@functools.lru_cache(maxsize=4096)
def _text_width(text: str, size: float) -> float:
    """Width of a text in inches, measured on its outline."""
    if not text.strip("$"):
        return 0.0
    return float(TextPath((0.0, 0.0), text, size=size, prop=FontProperties()).get_extents().width) / 72.0


def _cell_width(cell: Cell) -> float:
    if cell.label in {"●", "⊕", "×"}:
        return 0.14
    widest = max(
        _text_width(_name_text(cell.label), _NAME_SIZE), _text_width(_mathtext(cell.angles), _ANGLE_SIZE)
    )
    return max(_MIN_BOX, widest + 2 * _PAD)


def _op_width(op: Op) -> float:
    return max(_cell_width(cell) for cell in cells(op))


def _draw_wires(axes: Axes, n_qubits: int, top: float, start: float, end: float, continued: bool) -> None:
    for q in range(n_qubits):
        y = top - q * _WIRE_DISTANCE
        axes.plot([start, end], [y, y], color=_INK, lw=0.6, zorder=1, solid_capstyle="butt")
        if continued:
            axes.plot([end, end + _CONTINUATION], [y, y], color=_INK, lw=0.6, ls=(0, (1, 1.5)), zorder=1)
        axes.text(start - _GAP, y, f"$q_{{{q}}}$", ha="right", va="center", fontsize=_NAME_SIZE, color=_INK)


def _dependence(op: Op) -> str:
    if any(angle.input is not None for angle in op.angles):
        return "input"
    return "trainable" if op.parameters else "fixed"


def _draw_op(axes: Axes, placed: _Placed, top: float) -> None:
    op, middle = placed.op, placed.left + placed.width / 2
    heights = [top - w * _WIRE_DISTANCE for w in op.wires]
    fill, edge = _FILLS[_dependence(op)]
    shown = cells(op)
    adjacent = max(op.wires) - min(op.wires) == len(op.wires) - 1
    alike = all(cell.label == shown[0].label for cell in shown) and shown[0].label not in "●×"
    if len(op.wires) > 1 and adjacent and alike and op.name != "PAULIROT":
        _box(axes, placed, max(heights), min(heights), fill, edge)
        _label(axes, middle, (max(heights) + min(heights)) / 2, shown[0])
        return
    if len(op.wires) > 1:
        axes.plot([middle] * 2, [max(heights), min(heights)], color=edge, lw=0.8, zorder=2)
    for y, cell in zip(heights, shown, strict=True):
        match cell.label:
            case "●":
                axes.add_patch(Circle((middle, y), 0.034, facecolor=edge, edgecolor="none", zorder=3))
            case "⊕":
                axes.add_patch(
                    Circle((middle, y), 0.066, facecolor="white", edgecolor=edge, lw=0.8, zorder=3)
                )
                axes.plot([middle - 0.066, middle + 0.066], [y, y], color=edge, lw=0.8, zorder=4)
                axes.plot([middle, middle], [y - 0.066, y + 0.066], color=edge, lw=0.8, zorder=4)
            case "×":
                for sign in (1, -1):
                    axes.plot(
                        [middle - 0.045, middle + 0.045],
                        [y - sign * 0.045, y + sign * 0.045],
                        color=edge,
                        lw=1.0,
                        zorder=3,
                    )
            case _:
                _box(axes, placed, y, y, fill, edge)
                _label(axes, middle, y, cell)


def _box(axes: Axes, placed: _Placed, upper: float, lower: float, fill: str, edge: str) -> None:
    breadth = _op_width(placed.op)
    corner = (placed.left + (placed.width - breadth) / 2, lower - _BOX_HEIGHT / 2)
    height = upper - lower + _BOX_HEIGHT
    axes.add_patch(Rectangle(corner, breadth, height, facecolor=fill, edgecolor=edge, lw=0.7, zorder=3))


def _label(axes: Axes, x: float, y: float, cell: Cell) -> None:
    name, angles = _name_text(cell.label), _mathtext(cell.angles)
    if not cell.angles:
        axes.text(x, y, name, ha="center", va="center", fontsize=_NAME_SIZE, color=_INK, zorder=5)
        return
    axes.text(x, y + 0.012, name, ha="center", va="bottom", fontsize=_NAME_SIZE, color=_INK, zorder=5)
    axes.text(x, y - 0.012, angles, ha="center", va="top", fontsize=_ANGLE_SIZE, color=_INK, zorder=5)
