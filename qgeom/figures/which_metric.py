"""The figure of ``which-metric``: what predicts test error at equal training loss, and whether the geometries agree."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qgeom.figures import sides, style

NAMES = {"energy": "Nielsen / kinetic", "trace of F": "trace of $F$"}


def draw(
    bars: Mapping[str, Mapping[str, np.ndarray]],
    related: Mapping[str, Mapping[str, np.ndarray]],
    width: str | float = "aps-1",
) -> Figure:
    """(a) Partial rank correlation of each candidate with test error, by seed; (b) of G_Com and G_Inf distances.

    Args:
        bars: by side and candidate, one value per seed.
        related: by side and way in which a node stands in G_Com, one value per seed.
        width: of the figure.
    """
    with style.style(width, 1.4):
        figure = style.new_figure(width, 1.4)
        top, bottom = figure.subplots(2, 1, height_ratios=(1.9, 1))
        _rows(top, bars)
        top.set_xlabel("partial Spearman with test error, given training loss")
        _rows(bottom, related)
        bottom.set_xlabel("Spearman of distances in $G_{Com}$ and $G_{Inf}$")
        for axes, letter in ((top, "a"), (bottom, "b")):
            style.panel_label(axes, letter)
        handles, labels = top.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3, handletextpad=0.3)
    return figure


def _rows(axes: Axes, found: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    axes.axvspan(-0.2, 0.2, color="0.92", zorder=0)
    axes.axvline(0.0, color="0.7", linewidth=0.6, linestyle="-", marker="")
    for i, (side, by_name) in enumerate(found.items()):
        look = style.SIDES[side]
        for k, name in enumerate(names):
            values = np.asarray(by_name.get(name, np.array([])))
            values = values[np.isfinite(values)]
            at = k + 0.24 * (i - 0.5 * (len(found) - 1))
            axes.plot(
                values, np.full(len(values), at), linestyle="", marker=look["marker"], markersize=1.8,
                color=look["color"], alpha=0.45, markeredgewidth=0,
            )  # fmt: skip
            mean, errors = sides.mean_and_errors(values)
            axes.errorbar(
                mean, at, xerr=errors, color=look["color"], marker=look["marker"], linestyle="", markersize=3.6,
                elinewidth=1.0, label=sides.LABELS[side] if k == 0 else None,
            )  # fmt: skip
    axes.set_yticks(range(len(names)), [NAMES.get(name, name) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlim(-1.02, 1.02)
