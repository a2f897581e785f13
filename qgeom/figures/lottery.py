"""The figure of ``lottery``: how far geometries are from the trained one, and what the models know."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import sides, style

TICKS = {
    "mask": "mask\nalone",
    "signs": "signs\nalone",
    "supermask": "supermask",
    "trained": "trained,\nanother seed",
}
Pairs = Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]]


def draw(distances: Pairs, accuracies: Pairs, width: str | float = "aps-1") -> Figure:
    """(a) Distance to the trained G_Inf, (b) test accuracy: mean and 95% interval over seeds.

    Args:
        distances: by side and treatment, the distances of the treatment and of its null, (seeds,) each; the last
            treatment, ``"trained"``, is another training run, its null a model that is not trained.
        accuracies: likewise, in [0, 1].
        width: of the figure.
    """
    with style.style(width, 1.5):
        figure = style.new_figure(width, 1.5)
        top, bottom = figure.subplots(2, 1, height_ratios=(1.4, 1))
        _panel(top, distances)
        top.set_ylabel("Gromov-Wasserstein distance\nto the trained $G_{Inf}$ / mean distance")
        top.set_ylim(0.0, None)
        _panel(bottom, accuracies)
        bottom.set_ylabel("test accuracy")
        bottom.set_ylim(0.0, 1.05)
        style.panel_label(top, "a")
        style.panel_label(bottom, "b")
        figure.legend(handles=_handles(distances), loc="outside upper center", ncols=2, columnspacing=1.2)
    return figure


def _panel(axes: Axes, values: Pairs) -> None:
    names = list(next(iter(values.values())))
    for i, (side, pairs) in enumerate(values.items()):
        look = style.SIDES[side]
        for k, name in enumerate(names):
            at = k + 0.26 * (i - 0.5 * (len(values) - 1))
            for shift, sample, filled in ((-0.05, pairs[name][0], True), (0.05, pairs[name][1], False)):
                mean, errors = sides.mean_and_errors(sample)
                axes.errorbar(
                    at + shift, mean, errors, marker=look["marker"],
                    linestyle="", color=look["color"], markerfacecolor=look["color"] if filled else "white",
                    markersize=3.8, elinewidth=0.9, capsize=0,
                )  # fmt: skip
    for k in range(1, len(names)):
        axes.axvline(k - 0.5, color="0.85", linewidth=0.5, linestyle="-", marker="")
    axes.set_xticks(range(len(names)), [TICKS[name] for name in names])
    axes.set_xlim(-0.5, len(names) - 0.5)


def _handles(values: Pairs) -> list[Line2D]:
    null = "open: null (shuffled, random; untrained)"
    return [
        *sides.markers(values),
        Line2D([], [], linestyle="", marker="o", color="0.3", markerfacecolor="white", label=null),
    ]
