"""The figure of ``meta-geodesic``: length over distance from every start, and how far paths leave the geodesic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from qgeom.figures import sides, style

_SHADES = {"random": 0.35, "joint": 0.6, "MAML": 1.0, "shuffled": 0.35}
_LINES: dict[str, Literal[":", "--", "-"]] = {"random": ":", "joint": "--", "MAML": "-"}


def draw(
    ratios: Mapping[str, Mapping[str, np.ndarray]],
    bows: Mapping[str, Mapping[str, np.ndarray]],
    width: str | float = "aps-1",
) -> Figure:
    """(a) T of every seed by side and start, bar at the geometric mean; (b) distance from the geodesic along the path.

    Args:
        ratios: by side and start, T of every seed.
        bows: by side and start, heights over the geodesic over its length, (seed, task, points).
        width: of the figure.
    """
    with style.style(width, 1.35):
        figure = style.new_figure(width, 1.35)
        top, bottom = figure.subplots(2, 1, height_ratios=(1.2, 1.0))
        _ratios(top, ratios)
        _bows(bottom, bows)
        style.panel_label(top, "a")
        style.panel_label(bottom, "b")
    return figure


def _ratios(axes: Axes, ratios: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    ticks, names = [], []
    for i, (side, found) in enumerate(ratios.items()):
        look = style.SIDES[side]
        for j, (name, every) in enumerate(found.items()):
            at, values = i + 0.21 * (j - 0.5 * (len(found) - 1)), every[np.isfinite(every)]
            ticks.append(at)
            names.append(name)
            color = "0.55" if name == "shuffled" else look["color"]
            axes.plot(
                at + np.linspace(-0.05, 0.05, len(values)), values, linestyle="", marker=look["marker"], markersize=2.8,
                color=color, alpha=_SHADES.get(name, 1.0) if name != "shuffled" else 1.0, markeredgewidth=0,
            )  # fmt: skip
            if len(values):
                mean = np.exp(np.log(values).mean())
                axes.plot(
                    [at - 0.08, at + 0.08], [mean] * 2, color="black", linewidth=1.4, linestyle="-", marker=""
                )
        axes.text(
            i, 1.02, sides.LABELS[side], transform=axes.get_xaxis_transform(), ha="center", va="bottom",
            color=look["color"],
        )  # fmt: skip
    axes.axhline(1.0, color="0.5", linewidth=0.6, linestyle=":", marker="")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 1.1, 1.2, 1.3, 1.4, 1.6, 2.0, 3.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xticks(ticks, names, rotation=60, ha="right", rotation_mode="anchor")
    axes.set_ylabel("$T$ = length / distance")


def _bows(axes: Axes, bows: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    for side, found in bows.items():
        for name, line in _LINES.items():
            heights = found[name].reshape(-1, found[name].shape[-1])
            heights = heights[np.isfinite(heights).all(axis=1)]
            if len(heights):
                at = np.linspace(0.0, 1.0, heights.shape[1])
                mean = heights.mean(axis=0)
                axes.plot(at, mean, linestyle=line, marker="", color=style.SIDES[side]["color"])
    axes.set_xlabel("share of the length travelled")
    axes.set_ylabel("distance from the geodesic\n/ its length")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.22 * axes.get_ylim()[1])  # room for the legend
    axes.legend(
        handles=[Line2D([], [], color="0.3", linestyle=l, marker="", label=n) for n, l in _LINES.items()],
        loc="upper center", ncols=3, handlelength=2.4,
    )  # fmt: skip
