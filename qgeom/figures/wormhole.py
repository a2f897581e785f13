"""The figure of ``wormhole``: relation against distance along the wires, and how many far pairs are near."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from qgeom.figures import style


def draw(
    decay: Mapping[tuple[str, str], Sequence[np.ndarray]],
    found: Mapping[str, np.ndarray],
    near: float,
    width: str | float = "aps-1",
) -> Figure:
    """Points are seeds; in (a) medians and quartiles.

    Args:
        decay: shares of pairs at 1, 2, ... wires, by side and wiring ("brickwork" or "random").
        found: share of far pairs that are near (seeds, 2), of the brickwork and of random wirings, by side.
        near: share of all pairs that are near.
        width: of the figure.
    """
    with style.style(width, 1.4):
        figure = style.new_figure(width, 1.4)
        top, bottom = figure.subplots(2, 1, height_ratios=(1.15, 1.0))
        _decay(top, decay)
        _shares(bottom, found, near)
        for axes, letter in zip((top, bottom), "ab", strict=True):
            style.panel_label(axes, letter)
    return figure


def _decay(axes: Axes, decay: Mapping[tuple[str, str], Sequence[np.ndarray]]) -> None:
    shift = -0.12
    for (side, name), shells in decay.items():
        plain = name == "brickwork"
        look: dict[str, Any] = dict(style.SIDES[side])
        if not plain:
            look |= {"markerfacecolor": "white", "linestyle": ":", "alpha": 0.75}
        x = np.array([d + 1 for d, values in enumerate(shells) if len(values)]) + shift
        low, middle, high = np.array([np.quantile(v, (0.25, 0.5, 0.75)) for v in shells if len(v)]).T
        bars = np.stack([middle - low, high - middle])
        axes.errorbar(x, middle, yerr=bars, label=f"{side}, {name}", elinewidth=0.6, **look)
        shift += 0.08
    axes.set_yscale("log")
    axes.set_xticks(range(1, len(next(iter(decay.values()))) + 1))
    axes.set_xlabel("wires between two blocks")
    axes.set_ylabel("shared Fisher\ninformation")
    low, high = axes.get_ylim()
    ticks = [t for t in (0.001, 0.003, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if low <= t <= high]
    axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="lower center", bbox_to_anchor=(0.55, 1.0), ncols=2)


def _shares(axes: Axes, found: Mapping[str, np.ndarray], near: float) -> None:
    rng = np.random.default_rng(0)
    for k, (side, values) in enumerate(found.items()):
        seeds = len(values)
        look = style.SIDES[side]
        jitter = 0.06 * rng.uniform(-1, 1, seeds)
        random = values[:, 1]
        axes.plot(2 * k + jitter, values[:, 0], linestyle="", marker=look["marker"], color=look["color"])
        axes.plot(2 * k + 1 + jitter, random, linestyle="", marker=look["marker"], color=look["color"],
                  markerfacecolor="white")  # fmt: skip
        for place, column in ((2 * k, values[:, 0]), (2 * k + 1, random)):
            axes.plot(
                [place - 0.22, place + 0.22],
                [float(np.mean(column))] * 2,
                color="0.2",
                marker="",
                linestyle="-",
            )
    axes.axhline(near, color="0.6", linestyle=":", marker="", linewidth=0.8)
    axes.text(3.45, near, "chance", color="0.4", ha="right", va="bottom")
    axes.set_xticks(range(4), ["circuit", "circuit,\nrandom wiring", "network", "network,\nrandom wiring"])
    axes.set_xlim(-0.5, 3.5)
    axes.set_ylim(bottom=-0.012)
    axes.set_ylabel("far pairs that are near")
