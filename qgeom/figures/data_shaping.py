"""The figure of ``data-shaping``: distances of G_Inf to that of all data, and under jitter of the weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.experiments import statistics
from qgeom.figures import style

LABELS = {"circuit": "circuit $F_C$", "network": "network $F_C$", "circuit-quantum": "circuit $F_Q$"}
TICKS = {"full, other start": "all data,\nother start"}
ByKind = Mapping[str, Mapping[str, np.ndarray]]


def draw(shaped: ByKind, jittered: ByKind, width: str | float = "aps-1") -> Figure:
    """(a) Distances to the G_Inf of all data by kind of data; (b) distances under jitter by kind of weights.

    Args:
        shaped: by side and kind, (seeds,).
        jittered: likewise.
        width: of the figure.
    """
    with style.style(width, 1.3):
        figure = style.new_figure(width, 1.3)
        top, bottom = figure.subplots(2, 1)
        _panel(top, shaped, "Gromov-Wasserstein distance\nto the $G_{Inf}$ of all data")
        _panel(bottom, jittered, "Gromov-Wasserstein distance\nunder jitter of the weights")
        style.panel_label(top, "a")
        style.panel_label(bottom, "b")
        handles = [
            Line2D(
                [],
                [],
                linestyle="",
                marker=style.SIDES[s]["marker"],
                color=style.SIDES[s]["color"],
                label=LABELS[s],
            )
            for s in shaped
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=3, columnspacing=1.0)
    return figure


def _panel(axes: Axes, values: ByKind, label: str) -> None:
    names = list(next(iter(values.values())))
    for i, (side, by) in enumerate(values.items()):
        look = style.SIDES[side]
        for k, name in enumerate(names):
            sample = by[name][np.isfinite(by[name])]
            if not len(sample):
                continue
            mean = float(sample.mean())
            low, high = statistics.bootstrap_interval(sample) if len(sample) > 1 else (mean, mean)
            axes.errorbar(
                k + 0.2 * (i - 0.5 * (len(values) - 1)), mean, [[max(mean - low, 0.0)], [max(high - mean, 0.0)]],
                marker=look["marker"], linestyle="", color=look["color"], markersize=3.8, elinewidth=0.9, capsize=0,
            )  # fmt: skip
    axes.set_xticks(range(len(names)), [TICKS.get(name, name) for name in names])
    axes.set_ylim(0.0, None)
    axes.set_ylabel(label)
