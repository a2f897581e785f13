"""The figure of ``pruning-path``: lengths of the paths, how much they turn, and test losses at their ends."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import sides, style

SHORT = {"magnitude": "magnitude", "geometric median": "median", "Fisher": "Fisher", "random": "random"}
LINES = dict(zip(SHORT, style.LINES, strict=False))
ByCriterion = Mapping[str, Mapping[str, np.ndarray]]


def draw(
    curves: ByCriterion, turning: ByCriterion, losses: ByCriterion, width: str | float = "aps-1"
) -> Figure:
    """(a) Mean length against the share of nodes taken; (b) mean turning angle; (c) test loss after training.

    Args:
        curves: by side and criterion, lengths (seeds, removed).
        turning: by side and criterion, angles in degrees (seeds,).
        losses: by side and criterion, nats (seeds,).
        width: of the figure.
    """
    with style.style(width, 2.0):
        figure = style.new_figure(width, 2.0)
        panels = figure.subplots(3, 1, height_ratios=(1.4, 1, 1))
        _curves(panels[0], curves)
        _points(panels[1], turning, "mean turning angle (degree)")
        _points(panels[2], losses, "test loss after training (nat)")
        for axes, letter in zip(panels, "abc", strict=True):
            style.panel_label(axes, letter)
        handles = sides.markers(curves)
        handles += [
            Line2D([], [], linestyle=LINES[c], marker="", color="0.3", label=name)
            for c, name in SHORT.items()
        ]
        figure.legend(
            handles=handles, loc="outside upper center", ncols=3, columnspacing=1.0, handlelength=2.6
        )
    return figure


def _curves(axes: Axes, curves: ByCriterion) -> None:
    for side, by in curves.items():
        for criterion, values in by.items():
            kept = np.isfinite(values).all(axis=0)
            mean = values[:, kept].mean(axis=0)
            share = np.arange(1, len(mean) + 1) / len(mean)
            axes.plot(
                share,
                mean,
                linestyle=LINES[criterion],
                marker="",
                color=style.SIDES[side]["color"],
                linewidth=0.9,
            )
    axes.set_ylim(0.0, None)
    axes.set_xlabel("removals done / all removals")
    axes.set_ylabel("information length")


def _points(axes: Axes, values: ByCriterion, label: str) -> None:
    sides.means(axes, values, SHORT)
    axes.set_ylabel(label)
