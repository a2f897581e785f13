"""The figure of ``measurement-distance``: how often training ends in a cluster, against its distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from qgeom.figures import style

_TITLES = {"network": "networks, parity", "circuit": "circuits, $F_C$", "circuit-quantum": "circuits, $F_Q$"}


def draw(panels: Sequence[tuple[str, str, Any]], width: str | float = "aps-1") -> Figure:
    """One point per cluster, mean over seeds with its standard error; filled: the clusters of lowest loss.

    Args:
        panels: label, side, and the clusters: ``frequency`` and ``distance`` (seeds, clusters), ``loss`` (clusters,).
        width: of a column, or inches.
    """
    sides = [side for side in _TITLES if any(panel[1] == side for panel in panels)]
    with style.style(width, 0.62 * len(sides)):
        figure = style.new_figure(width, 0.62 * len(sides))
        rows = np.atleast_1d(figure.subplots(len(sides), 1))
        for axes, side, letter in zip(rows, sides, "abc", strict=False):
            shades = iter((style.SIDES[side]["color"], style.BLACK, style.ORANGE))
            for (label, _, found), marker in zip(
                [p for p in panels if p[1] == side], ("o", "s", "^"), strict=False
            ):
                colour = next(shades)
                n = len(found.frequency)
                if found.frequency.shape[1]:
                    at, height = np.nanmean(found.distance, axis=0), found.frequency.mean(axis=0)
                    error = found.frequency.std(axis=0, ddof=min(1, n - 1)) / np.sqrt(n)
                    axes.errorbar(at, height, error, linestyle="", marker="", color=colour, elinewidth=0.5)
                    best = found.loss <= found.loss.min() + 0.01
                    common = {"linestyle": "", "marker": marker, "color": colour, "markeredgewidth": 0.7}
                    axes.plot(at[~best], height[~best], markerfacecolor="white", **common)
                    axes.plot(at[best], height[best], **common)
                axes.plot(
                    [],
                    [],
                    linestyle="",
                    marker=marker,
                    color=colour,
                    label=f"{label} ({found.frequency.shape[1]})",
                )
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
            axes.set_ylim(None, 1.5)
            axes.margins(x=0.08)
            axes.set_ylabel("share of starts")
            axes.set_title(_TITLES[side], loc="center")
            axes.legend(
                loc="center left",
                bbox_to_anchor=(1.0, 0.5),
                handletextpad=0.2,
                title="size (clusters);\nfilled: lowest loss",
            )
            style.panel_label(axes, letter)
        rows[-1].set_xlabel("mean distance from the starts (rad)")
    return figure
