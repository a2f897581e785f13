"""Length against penalty: geodesics deformed from the flat metric beside the shortest that were found."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from qgeom.figures import style


def draw(
    q: np.ndarray, lengths: Mapping[str, Mapping[str, np.ndarray]], width: str | float = "aps-1"
) -> Figure:
    """One panel per target, length against q: deformed (dashed), shortest found (solid), what is excluded (grey).

    Args:
        q: weights, (k,), positive; the axis is logarithmic.
        lengths: for every target ``deformed``, ``shortest`` and ``lower``, (k,) each, in radians; nan where a branch
            of deformation has ended.
        width: of the figure.

    Raises:
        ValueError: if there is no target, or a curve has another number of points than q.
    """
    q = np.asarray(q, float)
    curves = [np.asarray(row[k]) for row in lengths.values() for k in ("deformed", "shortest", "lower")]
    if not curves or any(curve.shape != q.shape for curve in curves):
        raise ValueError(
            f"expected at least one target, and curves of {len(q)} points each, one for every weight"
        )
    aspect = 0.36 * len(lengths) + 0.18
    with style.style(width, aspect):
        figure = style.new_figure(width, aspect)
        panels = figure.subplots(len(lengths), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (name, row) in zip(panels, lengths.items(), strict=True):
            axes.fill_between(q, 0.0, row["lower"], color="0.87", linewidth=0)
            axes.plot(q, row["deformed"], color=style.VERMILLION, linestyle="--", marker="s")
            axes.plot(q, row["shortest"], color=style.BLUE, linestyle="-", marker="o")
            axes.set_xscale("log")
            axes.set_xlim(q.min(), q.max() * 1.06)
            axes.set_ylim(0.0, 1.18 * float(np.nanmax(np.maximum(row["deformed"], row["shortest"]))))
            axes.text(0.03, 0.93, name, transform=axes.transAxes, va="top")
        figure.supylabel("length (rad)", fontsize="medium")
        panels[-1].set_xlabel("penalty $q$ of strings on three qubits")
        handles = [
            Line2D([], [], color=style.VERMILLION, linestyle="--", marker="s", label="deformed"),
            Line2D([], [], color=style.BLUE, linestyle="-", marker="o", label="shortest found"),
            Patch(color="0.87", label="excluded"),
        ]
        panels[0].legend(
            handles=handles,
            loc="lower center",
            bbox_to_anchor=(0.45, 1.0),
            ncols=3,
            columnspacing=0.9,
            handletextpad=0.4,
        )
    return figure
