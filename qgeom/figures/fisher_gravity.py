"""The figure of ``fisher-gravity``: curvature towards criticality on both sides, and how far from Einstein's vacuum."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from qgeom.figures import style

_APPROACH: dict[str, dict[str, Any]] = {
    "disordered": {"linestyle": "-"},
    "ordered": {"linestyle": "--", "markerfacecolor": "white"},
}


def draw(
    distances: np.ndarray,
    curves: Mapping[tuple[str, str], np.ndarray],
    share: Mapping[str, np.ndarray],
    width: str | float = "aps-1",
) -> Figure:
    """Means over seeds, bars from the least to the greatest.

    Args:
        distances: t, relative distances from criticality.
        curves: R (seeds, distances) by side and approach.
        share: of the Ricci tensor without trace (seeds, distances) by approach.
        width: of the figure.
    """
    with style.style(width, 1.85):
        figure = style.new_figure(width, 1.85)
        panels = figure.subplots(3, 1, sharex=True, height_ratios=(1.0, 1.0, 0.8))
        _curvature(panels[0], distances, curves, "circuit")
        panels[0].axhline(0.0, color="0.6", linestyle=":", marker="", linewidth=0.8)
        panels[0].set_ylabel("scalar curvature $R$,\nXY chain")
        _curvature(panels[1], distances, curves, "network")
        panels[1].set_yscale("log")
        t = np.array([distances[-1], distances[0]])
        middle = float(np.abs(curves["network", "ordered"]).mean(axis=0)[-1])
        panels[1].plot(
            t, 0.25 * middle * (t / t[0]) ** -2.0, color="0.6", linestyle=":", marker="", linewidth=0.9
        )
        panels[1].text(t[0] * 1.5, 0.06 * middle, "$t^{-2}$", color="0.4", ha="right", va="top")
        panels[1].set_ylabel("scalar curvature $R$,\nBoltzmann machine")
        for approach, values in share.items():
            _bars(panels[2], distances, values, style.SIDES["circuit"] | _APPROACH[approach], approach)
        panels[2].axhspan(0.0, 0.1, color="0.9", zorder=0)
        panels[2].set_ylim(0.0, 1.05)
        panels[2].set_ylabel("Ricci tensor\nwithout trace (share)")
        panels[2].set_xlabel("relative distance $t$ from criticality")
        for axes, letter in zip(panels, "abc", strict=True):
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter(NullFormatter())
            style.panel_label(axes, letter)
    return figure


def _curvature(
    axes: Axes, distances: np.ndarray, curves: Mapping[tuple[str, str], np.ndarray], wanted: str
) -> None:
    for (side, approach), values in curves.items():
        if side == wanted:
            _bars(axes, distances, values, style.SIDES[side] | _APPROACH[approach], approach)
    axes.legend(loc=(0.68, 0.6) if wanted == "circuit" else "upper right")


def _bars(axes: Axes, x: np.ndarray, values: np.ndarray, look: dict[str, Any], label: str) -> None:
    mean = values.mean(axis=0)
    bars = np.stack([mean - values.min(axis=0), values.max(axis=0) - mean])
    axes.errorbar(x, mean, yerr=np.maximum(bars, 0.0), elinewidth=0.6, label=label, **look)
