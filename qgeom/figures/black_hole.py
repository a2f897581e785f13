"""The figure of ``black-hole``: what k outputs show of the inside, and accuracy over one shared weight."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import sides, style

_KINDS: dict[str, dict[str, Any]] = {
    "searched": {"linestyle": "-", "marker": "o"},
    "trained": {"linestyle": "--", "marker": "s", "markerfacecolor": "white"},
    "random": {"linestyle": ":", "marker": "x"},
}
_NAMES = {"searched": "wiring found", "trained": "trained signs", "random": "random wiring"}


def draw(
    curves: Mapping[str, Mapping[str, np.ndarray]],
    accuracy: Mapping[str, Mapping[str, np.ndarray]],
    weights: np.ndarray,
    width: str | float = "aps-1",
) -> Figure:
    """(a) Visible share against k / m, mean and central 68% over seeds; (b), (c) accuracy over the shared weight.

    Args:
        curves: by side and wiring, visible shares (seeds, m); the second wiring is the null.
        accuracy: by family and kind, test accuracies (seeds, weights).
        weights: values of the shared weight, or angle.
        width: of the figure.
    """
    with style.style(width, 1.7):
        figure = style.new_figure(width, 1.7)
        top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.5, 1, 1))
        _curves(top, curves)
        _weights(middle, "network", accuracy, weights, "shared weight")
        _weights(bottom, "circuit", accuracy, weights, "shared angle (rad)")
        for axes, letter in zip((top, middle, bottom), "abc", strict=True):
            style.panel_label(axes, letter)
    return figure


def _curves(axes: Axes, curves: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8, linestyle="-", marker="", zorder=0)
    axes.axhline(0.5, color="0.85", linewidth=0.6, linestyle="-", marker="", zorder=0)
    axes.axvline(0.5, color="0.85", linewidth=0.6, linestyle="-", marker="", zorder=0)
    for side, wirings in curves.items():
        look = style.SIDES[side]
        for number, share in enumerate(wirings.values()):
            table = np.concatenate([np.zeros((len(share), 1)), share], axis=1)
            at = np.linspace(0, 1, table.shape[1])
            if number:
                axes.plot(
                    at, table.mean(axis=0), color=look["color"], linestyle=":", linewidth=0.9, marker=""
                )
                continue
            low, high = np.percentile(table, (16, 84), axis=0)
            axes.fill_between(at, low, high, color=look["color"], alpha=0.12, linewidth=0)
            axes.plot(at, table.mean(axis=0), **look)
    handles = sides.lines(curves, sides.NOISY_LABELS)
    handles.append(Line2D([], [], color="0.3", linestyle=":", label="random wiring", marker=""))
    handles.append(Line2D([], [], color="0.6", linewidth=0.8, linestyle="-", label="additive", marker=""))
    axes.legend(handles=handles, loc="upper left", labelspacing=0.25, handlelength=2.2)
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.02, 1.04)
    axes.set_xlabel("outside: share of the outputs, $k / m$")
    axes.set_ylabel("visible share of the inside")


def _weights(
    axes: Axes, family: str, accuracy: Mapping[str, Mapping[str, np.ndarray]], weights: np.ndarray, name: str
) -> None:
    color = style.SIDES[family]["color"]
    for kind, values in accuracy[family].items():
        error = values.std(axis=0, ddof=min(1, len(values) - 1)) / np.sqrt(len(values))
        axes.errorbar(
            np.arange(len(weights)), values.mean(axis=0), error, color=color if kind != "random" else "0.5",
            elinewidth=0.6, markersize=3, markeredgewidth=0.7, label=_NAMES[kind], **_KINDS[kind],
        )  # fmt: skip
    axes.set_xticks(np.arange(len(weights)), [f"{w:g}" for w in weights])
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(name)
    axes.set_ylabel(f"test accuracy,\n{family}")
    if family == "network":
        axes.legend(
            loc="lower right",
            bbox_to_anchor=(1.02, 1.0),
            ncols=3,
            columnspacing=0.7,
            handlelength=1.5,
            handletextpad=0.4,
        )
