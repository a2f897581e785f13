"""The figure of ``smooth-submanifold``: condition number along the training path, and how much the path turns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import sides, style


def draw(
    conditions: Mapping[str, np.ndarray], turnings: Mapping[str, np.ndarray], width: str | float = "aps-1"
) -> Figure:
    """(a) Condition number of F on its support along the path; (b) turning of the paths, seed by seed.

    Args:
        conditions: by side, log10, (2, seeds, vertices): smooth, plain.
        turnings: by side, rad, (2, seeds).
        width: of the figure.
    """
    with style.style(width, 1.25):
        figure = style.new_figure(width, 1.25)
        top, bottom = figure.subplots(2, 1, height_ratios=(1.2, 1))
        _along(top, conditions)
        _pairs(bottom, turnings)
        style.panel_label(top, "a")
        style.panel_label(bottom, "b")
        handles = sides.markers(conditions)
        handles += [
            Line2D([], [], color="black", linestyle="-", marker="", label="skip / near identity"),
            Line2D([], [], color="black", linestyle=":", marker="", label="plain"),
        ]
        figure.legend(
            handles=handles, loc="outside lower center", ncols=3, handlelength=1.8, columnspacing=1.0
        )
    return figure


def _along(axes: Axes, conditions: Mapping[str, np.ndarray]) -> None:
    for k, (side, logs) in enumerate(conditions.items()):
        look = style.SIDES[side]
        at = np.linspace(0.0, 1.0, logs.shape[-1]) + 0.006 * (k - 1)
        for treatment, line in zip(logs, ("-", ":"), strict=True):
            mean, spread = np.nanmean(treatment, axis=0), np.nanstd(treatment, axis=0)
            axes.errorbar(
                at, mean, spread / np.sqrt(max(len(treatment) - 1, 1)), color=look["color"], linestyle=line,
                marker=look["marker"], markersize=2.6, elinewidth=0.6, markerfacecolor="white" if line == ":" else None,
            )  # fmt: skip
    axes.set_xlabel("along the training path (share of its length)")
    axes.set_ylabel(r"$\log_{10}$ condition number of $F$")


def _pairs(axes: Axes, turnings: Mapping[str, np.ndarray]) -> None:
    ticks, names = [], []
    for i, (side, (smooth, plain)) in enumerate(turnings.items()):
        look = style.SIDES[side]
        for a, b in zip(smooth, plain, strict=True):
            axes.plot(
                [i - 0.2, i + 0.2],
                [a, b],
                color=look["color"],
                linewidth=0.5,
                linestyle="-",
                marker="",
                alpha=0.6,
            )
        for at, values, face in ((i - 0.2, smooth, look["color"]), (i + 0.2, plain, "white")):
            axes.plot(
                np.full(len(values), at), values, linestyle="", color=look["color"], marker=look["marker"],
                markersize=2.8, markerfacecolor=face,
            )  # fmt: skip
            ticks.append(at)
            names.append("skip" if side == "network" and at < i else "near 1" if at < i else "plain")
    axes.set_xticks(ticks, names)
    axes.set_xlim(-0.5, len(turnings) - 0.5)
    axes.set_ylim(0.0, None)
    axes.set_ylabel("turning of the path (rad)")
