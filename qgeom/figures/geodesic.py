"""The picture of one geodesic: its controls, where its length is spent, and what is known about the distance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from qgeom.figures import style

_BAND = "0.82"


def picture(
    geodesic: Any, *, built: float | None = None, count: int = 6, width: str | float = "aps-1"
) -> Figure:
    """The picture of a :class:`qgeom.nielsen.Geodesic`: :func:`draw` with everything that it carries.

    Args:
        geodesic: as :func:`qgeom.nielsen.minimal_geodesic` returns it.
        built: length of a circuit as built, to be marked beside it.
        count: controls that are named.
        width: of the figure.
    """
    group, weights = geodesic.penalty.group, np.asarray(geodesic.penalty.weights)
    return draw(
        geodesic.times,
        geodesic.controls,
        group.names,
        weights,
        length=geodesic.length,
        lower_bound=geodesic.lower_bound,
        upper_bound=geodesic.upper_bound,
        conjugate_time=geodesic.conjugate_time,
        alternatives=[other.length for other in geodesic.alternatives],
        built=built,
        count=count,
        width=width,
    )


def draw(
    times: np.ndarray,
    controls: np.ndarray,
    names: Sequence[str],
    weights: np.ndarray,
    *,
    length: float,
    lower_bound: float,
    upper_bound: float,
    conjugate_time: float = math.nan,
    alternatives: Sequence[float] = (),
    built: float | None = None,
    classes: Sequence[str] | None = None,
    count: int = 6,
    width: str | float = "aps-1",
) -> Figure:
    """(a) Controls, the largest by name and the others as a band; (b) shares of the squared length; (c) lengths.

    Args:
        times: (N + 1,), from 0 to 1.
        controls: h at these times, (N + 1, m).
        names: of the m directions.
        weights: w of the m directions; infinite ones are left out.
        length: of the geodesic, in radians.
        lower_bound: proven.
        upper_bound: proven; equal to the length but for what the path misses.
        conjugate_time: of the first conjugate point, a vertical line in (a); nan or inf draws none.
        alternatives: lengths of other geodesics.
        built: length of a circuit as built.
        classes: what each direction counts as in (b); by default the qubits of a Pauli string, or else the weight.
        count: controls that are named, at most 8.
        width: of the figure.

    Raises:
        ValueError: if the shapes do not fit.
    """
    t, h, w = np.asarray(times, float), np.asarray(controls, float), np.asarray(weights, float)
    if h.shape != (len(t), len(names)) or w.shape != (len(names),):
        raise ValueError(
            f"{len(t)} times and {len(names)} names need controls {(len(t), len(names))} and weights {(len(names),)}, "
            f"got {h.shape} and {w.shape}"
        )
    if not 1 <= count <= len(style.COLOURS):
        raise ValueError(f"1 to {len(style.COLOURS)} controls can be named, not {count}")
    squares = np.where(np.isfinite(w), w, 0.0) * h**2
    total = np.trapezoid(squares, t, axis=0)
    share = total / max(float(total.sum()), 1e-300)
    order = np.argsort(-share, kind="stable")[:count]
    order = order[share[order] > 1e-9]
    with style.style(width, 1.5):
        figure = style.new_figure(width, 1.5)
        panels = figure.subplots(3, 1, height_ratios=(1.25, 1, 0.5))
        _controls(panels[0], t, h, names, share, order, conjugate_time)
        _shares(panels[1], t, squares, share, _classes(names, w) if classes is None else list(classes))
        _lengths(panels[2], length, lower_bound, upper_bound, alternatives, built)
        for axes, letter in zip(panels, "abc", strict=True):
            style.panel_label(axes, letter)
    return figure


def _controls(
    axes: Axes,
    t: np.ndarray,
    h: np.ndarray,
    names: Sequence[str],
    share: np.ndarray,
    order: np.ndarray,
    conjugate: float,
) -> None:
    rest = np.setdiff1d(np.arange(h.shape[1]), order)
    handles = []
    widths = np.linspace(2.2, 0.8, max(len(order), 2))  # those that coincide are seen behind each other
    for colour, line, thick, a in zip(style.COLOURS, style.LINES, widths, order, strict=False):
        look = {"color": colour, "linestyle": line, "linewidth": float(thick), "marker": ""}
        axes.plot(t, h[:, a], **look)
        handles.append(Line2D([], [], label=f"{names[a]} {share[a]:.0%}", **look))
    if len(rest) and np.any(h[:, rest]):
        axes.fill_between(
            t, h[:, rest].min(axis=1), h[:, rest].max(axis=1), color=_BAND, linewidth=0, zorder=0
        )
        handles.append(Patch(color=_BAND, label=f"{len(rest)} others {share[rest].sum():.0%}"))
    axes.axhline(0.0, color="0.6", linewidth=0.5, linestyle="-", marker="", zorder=0)
    if 0.0 < conjugate <= 1.0:
        axes.axvline(conjugate, color="0.3", linewidth=0.8, linestyle=":", marker="")
        handles.append(Line2D([], [], color="0.3", linewidth=0.8, linestyle=":", label="conjugate point"))
    axes.set_xlim(t[0], t[-1])
    axes.set_xlabel("time $t$")
    axes.set_ylabel("controls $h$ (rad)")
    axes.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.55, 1.0), ncols=3, handlelength=1.9, columnspacing=0.9,
        handletextpad=0.4, labelspacing=0.3,
    )  # fmt: skip


def _shares(axes: Axes, t: np.ndarray, squares: np.ndarray, share: np.ndarray, classes: list[str]) -> None:
    kinds = sorted(set(classes), key=_natural)
    table = np.stack([squares[:, [c == kind for c in classes]].sum(axis=1) for kind in kinds])
    table = table / np.maximum(table.sum(axis=0), 1e-300)
    totals = [sum(s for s, c in zip(share, classes, strict=True) if c == kind) for kind in kinds]
    shades = [
        style.BLUE,
        style.ORANGE,
        style.GREEN,
        style.PURPLE,
        style.SKY,
        style.YELLOW,
        style.VERMILLION,
        "0.5",
    ]
    hatches = ["", "///", "...", "xx", "\\\\\\", "++", "oo", ""]
    base = np.zeros(len(t))
    handles = []
    for k, (kind, row, total) in enumerate(zip(kinds, table, totals, strict=True)):
        look = {"facecolor": shades[k % 8], "hatch": hatches[k % 8], "edgecolor": "white", "linewidth": 0.0}
        axes.fill_between(t, base, base + row, **look)
        handles.append(Patch(label=f"{kind}: {total:.0%}", **look))
        base = base + row
    axes.set_xlim(t[0], t[-1])
    axes.set_ylim(0, 1)
    axes.set_xlabel("time $t$")
    axes.set_ylabel("share of length$^2$")
    axes.legend(
        handles=handles,
        loc="lower center",
        bbox_to_anchor=(0.55, 1.0),
        ncols=3,
        columnspacing=0.9,
        handletextpad=0.4,
    )


def _lengths(
    axes: Axes, length: float, lower: float, upper: float, alternatives: Sequence[float], built: float | None
) -> None:
    others = [float(x) for x in alternatives if math.isfinite(x)]
    ends = [length, upper, *others, *([built] if built is not None else [])]
    right = 1.08 * max(ends)
    axes.axvspan(0, lower, color="0.85", linewidth=0)
    axes.plot([lower, upper], [0, 0], color=style.BLUE, linewidth=2.5, solid_capstyle="butt", marker="")
    handles: list[Any] = [Patch(color="0.85", label="excluded")]
    marks = [("this path", [length], style.BLUE, "o"), ("others", others, style.ORANGE, "|")]
    if built is not None:
        marks.append(("as built", [built], style.VERMILLION, "s"))
    for label, values, colour, marker in marks:
        if values:
            size = 8 if marker == "|" else 4
            axes.plot(
                values, np.zeros(len(values)), color=colour, marker=marker, linestyle="", markersize=size
            )
            handles.append(
                Line2D([], [], color=colour, marker=marker, linestyle="", markersize=size, label=label)
            )
    axes.set_xlim(0, right)
    axes.set_ylim(-1, 1)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"length (rad): {length:.4g}, between {lower:.4g} and {upper:.4g}")
    axes.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.55, 1.0), ncols=4, columnspacing=0.8, handletextpad=0.3,
        handlelength=1.2,
    )  # fmt: skip


def _classes(names: Sequence[str], weights: np.ndarray) -> list[str]:
    if all(name and set(name) <= set("IXYZ") for name in names):
        counts = [len(name) - name.count("I") for name in names]
        return [f"{k} qubit{'s' * (k > 1)}" for k in counts]
    return [f"$w$ = {w:g}" if np.isfinite(w) else "forbidden" for w in weights]


def _natural(text: str) -> tuple[float, str]:
    digits = "".join(c for c in text if c.isdigit() or c == ".")
    return (float(digits) if digits.strip(".") else math.inf, text)
