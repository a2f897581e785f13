"""The figure of ``data-shaping``: distances of G_Inf to that of all data, and under jitter of the weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qgeom.figures import sides, style

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
        figure.legend(handles=sides.markers(shaped), loc="outside upper center", ncols=3, columnspacing=1.0)
    return figure


def _panel(axes: Axes, values: ByKind, label: str) -> None:
    sides.means(axes, values, TICKS)
    axes.set_ylim(0.0, None)
    axes.set_ylabel(label)
