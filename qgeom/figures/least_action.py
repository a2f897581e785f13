"""The figure of ``least-action``: how near the curve comes to its geodesic, and test error at equal fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import style

TITLES = {"circuit": "circuit", "network": "network"}
Line = Literal["-", "-.", ":"]

LOOKS: dict[str, tuple[str, str, Line]] = {
    "Fisher length": (style.BLUE, "o", "-"),
    "quantum length": (style.SKY, "^", "-."),
    "kinetic action": (style.GREEN, "D", "-."),
    "L2": ("#7F7F7F", "x", ":"),
}
"""Colour, marker and line of each penalty."""

Curves = Mapping[str, tuple[np.ndarray, ...]]
"""By penalty: length / distance, training loss (nat), test error, each (seeds, 1 + strengths)."""


def draw(strengths: np.ndarray, columns: Mapping[str, Curves], width: str | float = "aps-1") -> Figure:
    """(a, b) Length over distance against the strength; (c, d) test error against training loss.

    Args:
        strengths: lambda in nat, 0 first.
        columns: curves of each side.
        width: of the figure.
    """
    with style.style(width, 1.15):
        figure = style.new_figure(width, 1.15)
        panels = figure.subplots(2, len(columns), squeeze=False)
        letters = iter("abcdef")
        for top, (name, curves) in zip(panels[0], columns.items(), strict=True):
            _ratios(top, strengths, curves)
            style.panel_label(top, f"{next(letters)}  {TITLES[name]}")
        for bottom, curves in zip(panels[1], columns.values(), strict=True):
            _errors(bottom, curves)
            style.panel_label(bottom, next(letters))
        panels[0, 0].set_ylabel("length / distance of the ends")
        panels[1, 0].set_ylabel("test error")
        used = [name for name in LOOKS if any(name in curves for curves in columns.values())]
        handles = [
            Line2D([], [], color=LOOKS[n][0], marker=LOOKS[n][1], linestyle=LOOKS[n][2], label=n)
            for n in used
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, handlelength=2.2)
    return figure


def _ratios(axes: Axes, strengths: np.ndarray, curves: Curves) -> None:
    # Strength 0 stands a step to the left of the first.
    at = np.array([strengths[1] ** 2 / strengths[2], *strengths[1:]])
    for k, (name, (ratio, *_)) in enumerate(curves.items()):
        color, marker, line = LOOKS[name]
        _with_error(axes, at * 1.06 ** (k - 1), ratio, color, marker, line)
    axes.axhline(1.0, color="black", linewidth=0.6, linestyle="-", marker="")
    axes.set_xscale("log")
    labels = ["0", *(f"{s:g}".lstrip("0") for s in strengths[1:])]  # .01: room is short
    axes.set_xticks(at, labels)
    axes.minorticks_off()
    axes.set_xlabel(r"strength $\lambda$ (nat)")
    axes.set_ylim(0.9, None)


def _errors(axes: Axes, curves: Curves) -> None:
    for name, (_, loss, error) in curves.items():
        color, marker, line = LOOKS[name]
        mean, spread = _mean(error)
        axes.errorbar(
            _mean(loss)[0], mean, spread, color=color, marker=marker, linestyle=line, markersize=2.6, elinewidth=0.6,
        )  # fmt: skip
    axes.set_xlabel("training loss (nat)")
    axes.set_ylim(0.0, None)


def _with_error(axes: Axes, at: np.ndarray, values: np.ndarray, color: str, marker: str, line: Line) -> None:
    mean, spread = _mean(values)
    axes.errorbar(
        at, mean, spread, color=color, marker=marker, linestyle=line, markersize=2.6, elinewidth=0.6
    )


def _mean(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and its standard error over seeds."""
    count = np.maximum(np.isfinite(values).sum(axis=0), 1)
    return np.nanmean(values, axis=0), np.nanstd(values, axis=0) / np.sqrt(np.maximum(count - 1, 1))
