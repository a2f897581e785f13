"""The figure of ``noise-geometry``: rank, accuracy and G_Inf against noise; spectra; losses at equal noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import sides, style


class Curves(NamedTuple):
    """Quantities relative to those without noise, (models, strengths) each."""

    strength: np.ndarray
    rank: np.ndarray
    accuracy: np.ndarray
    kept: np.ndarray
    """Rank correlation of the relations of nodes with those without noise."""
    trace: np.ndarray


_QUANTITIES: dict[str, tuple[str, Any, str]] = {
    "rank": ("effective rank", "-", "o"),
    "accuracy": ("accuracy", "--", "s"),
    "kept": ("order of relations", ":", "^"),
    "trace": ("trace", "-.", "D"),
}


def draw(
    curves: Mapping[str, Curves],
    spectra: Mapping[str, tuple[np.ndarray, np.ndarray]],
    clouds: Mapping[str, tuple[np.ndarray, np.ndarray]],
    width: str | float = "aps-2",
) -> Figure:
    """(a) Circuit and (b) network against noise, median and central 68% of models; (c) spectra; (d) losses of models.

    Args:
        curves: by side.
        spectra: by side, eigenvalues (models, P) without noise and under the weakest, ascending.
        clouds: by side, losses of rank and of accuracy, less their mean at equal noise.
        width: of the figure.
    """
    with style.style(width, 0.62):
        quantum = {side: one for side, one in curves.items() if side != "network"}
        classical = {"network": curves["network"]}
        handles = sides.lines(curves, sides.NOISY_LABELS)
        return style.four_panels(
            [
                lambda axes: _against_noise(axes, quantum, "depolarising $p$ per gate"),
                lambda axes: _against_noise(axes, classical, "weight noise / layer RMS"),
                lambda axes: _spectra(axes, spectra),
                lambda axes: _losses(axes, clouds),
            ],
            handles,
            width,
            (0.72, 2.6),
            2,
        )  # fmt: skip


def _against_noise(axes: Axes, curves: Mapping[str, Curves], name: str) -> None:
    axes.axhline(1.0, color="0.85", linewidth=0.6, linestyle="-", marker="")
    for side, one in curves.items():
        for quantity, (_, line, marker) in _QUANTITIES.items():
            if side == "circuit-quantum" and quantity == "accuracy":
                continue  # that of the outcomes
            low, middle, high = np.nanpercentile(getattr(one, quantity), (16, 50, 84), axis=0)
            color = style.SIDES[side]["color"]
            axes.fill_between(one.strength, low, high, color=color, alpha=0.1, linewidth=0)
            axes.plot(one.strength, middle, color=color, linestyle=line, marker=marker, markersize=3)
    axes.set_xscale("log")
    axes.set_xlabel(name)
    axes.set_ylabel("relative to no noise")
    if "network" not in curves:
        return  # the legend is in the other panel, where there is room
    handles = [
        Line2D([], [], color="0.3", linestyle=line, marker=marker, markersize=3, label=label)
        for label, line, marker in _QUANTITIES.values()
    ]
    axes.legend(handles=handles, handlelength=2.4, labelspacing=0.25)


def _spectra(axes: Axes, spectra: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    for side, pair in spectra.items():
        for values, line in zip(pair, ("-", ":"), strict=True):
            middle = np.median(values, axis=0)[::-1]
            top = np.median(pair[0][:, -1])
            shown = np.where(middle > 1e-16 * top, middle / top, np.nan)
            share = (np.arange(len(middle)) + 0.5) / len(middle)
            axes.plot(share, shown, color=style.SIDES[side]["color"], linestyle=line, marker="")
    axes.set_yscale("log")
    axes.set_ylim(1e-14, 3.0)
    axes.set_xlabel("eigenvalue number / number of parameters")
    axes.set_ylabel("eigenvalue / largest without noise")
    handles = [
        Line2D([], [], color="0.3", linestyle="-", marker="", label="no noise"),
        Line2D([], [], color="0.3", linestyle=":", marker="", label="weakest noise"),
    ]
    axes.legend(handles=handles, loc="lower right")


def _losses(axes: Axes, clouds: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    for side, (rank, accuracy) in clouds.items():
        look = style.SIDES[side]
        axes.plot(
            rank, accuracy, linestyle="", marker=look["marker"], markersize=2.2, color=look["color"], alpha=0.4,
            markeredgewidth=0,
        )  # fmt: skip
    axes.axhline(0.0, color="0.85", linewidth=0.6, linestyle="-", marker="", zorder=0)
    axes.axvline(0.0, color="0.85", linewidth=0.6, linestyle="-", marker="", zorder=0)
    axes.set_xlabel("loss of effective rank, less its mean at equal noise")
    axes.set_ylabel("loss of accuracy, less its mean")
