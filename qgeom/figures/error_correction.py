"""The figure of ``error-correction``: the centre's recovery, loss over shells, errors over layers of generators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import style

_CODES: dict[str, dict[str, Any]] = {
    "[[5,1,3]]": {"color": style.BLACK, "marker": "v"},
    "[[25,11]]": {"color": style.BLUE, "marker": "o"},
    "[[25,11]], others fixed": {"color": style.SKY, "marker": "D"},
    "tree [[25,1,9]]": {"color": style.GREEN, "marker": "^"},
    "[[20,6]]": {"color": style.PURPLE, "marker": "s"},
}
_READINGS: tuple[dict[str, Any], ...] = (
    {"color": style.BLUE, "marker": "o"},
    {"color": style.SKY, "marker": "D", "linestyle": "--"},
)
_TRAINING = {"trained": style.VERMILLION, "untrained": "#7F7F7F"}


def draw(
    curves: Mapping[tuple[str, str], np.ndarray],
    shells: Mapping[str, np.ndarray],
    layers: Mapping[tuple[str, str], np.ndarray],
    rate: float,
    width: str | float = "aps-1",
) -> Figure:
    """Means over seeds, bars their standard deviation.

    Args:
        curves: probability of recovery at every number of erasures, by code and decoder.
        shells: ln P(lost) (seeds, shells), outermost first, by reading.
        layers: ln(off) - ln(on) (seeds, layers), the output last, by data and training.
        rate: of the erasures in ``shells``.
        width: of the figure.
    """
    with style.style(width, 1.95):
        figure = style.new_figure(width, 1.95)
        top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.25, 0.8, 1.0))
        _recovery(top, curves)
        _shells(middle, shells, rate)
        _layers(bottom, layers)
        for axes, letter in zip((top, middle, bottom), "abc", strict=True):
            style.panel_label(axes, letter)
    return figure


def _recovery(axes: Axes, curves: Mapping[tuple[str, str], np.ndarray]) -> None:
    for (code, decoder), values in curves.items():
        exact = decoder == "exact"
        if not exact and code.endswith("fixed"):
            continue  # the greedy algorithm does not know what the others are
        look: dict[str, Any] = _CODES[code] | {"markersize": 3.0, "markeredgewidth": 0.7}
        look["linestyle"] = "-" if exact else ":"
        if not exact:
            look |= {"markerfacecolor": "white"}
        x = np.arange(len(values)) / (len(values) - 1)
        axes.plot(x, values, label=code if exact else None, zorder=3 if exact else 2, **look)
    axes.set_xlim(0, 1)
    axes.set_xlabel("erased share of the boundary")
    axes.set_ylabel("P(centre is recovered)")
    handles, labels = axes.get_legend_handles_labels()
    looks: dict[str, dict[str, Any]] = {"exact": {"linestyle": "-"}, "greedy": {"linestyle": ":"}}
    for name, look in looks.items():
        handles.append(Line2D([], [], color="0.3", marker="", **look))
        labels.append(name)
    axes.legend(handles, labels, loc="upper right", handletextpad=0.4, handlelength=1.6, labelspacing=0.25)


def _shells(axes: Axes, shells: Mapping[str, np.ndarray], rate: float) -> None:
    for (reading, values), look in zip(shells.items(), _READINGS, strict=True):
        x = np.arange(values.shape[1])
        axes.errorbar(x, values.mean(axis=0), yerr=values.std(axis=0), label=reading, elinewidth=0.6, **look)
    axes.set_xticks(x, ["outermost", *[""] * (len(x) - 2), "centre"])
    axes.set_xlabel("shell of the bulk qubit, [[95,51]]")
    axes.set_ylabel(f"ln P(lost),\nerasures at {rate:g}")
    axes.legend(loc="best", title="other bulk qubits")


def _layers(axes: Axes, layers: Mapping[tuple[str, str], np.ndarray]) -> None:
    for (name, training), values in layers.items():
        x = np.arange(1, values.shape[1] + 1)
        plain = name == "digits"
        axes.errorbar(
            x, values.mean(axis=0), yerr=values.std(axis=0), elinewidth=0.6, label=f"{name}, {training}",
            color=_TRAINING[training], marker="s" if plain else "x", linestyle="-" if plain else "--",
            markerfacecolor=_TRAINING[training] if plain else "white",
        )  # fmt: skip
    axes.set_xticks(x, [*(str(k) for k in x[:-1]), "output"])
    axes.set_xlabel("layer of the generator")
    axes.set_ylabel("ln(off) $-$ ln(on)")
    axes.legend(loc="best")
