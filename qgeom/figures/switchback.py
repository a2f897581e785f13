"""The figure of ``switchback``: gates that do not cancel, delay against scrambling time, bounds on a few qubits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from qgeom.figures import style

_LABELS = {
    "light cone": "light cone, Haar gates",
    "operator": "gates on the operator",
    "Toffoli": "Toffoli (classical)",
    "filling": "gates that always spread",
}
_BOUNDS: dict[str, dict[str, Any]] = {
    "all gates": {"color": "0.6", "linestyle": ":"},
    "light cone": {"color": style.BLUE, "linestyle": "-"},
    "straight line": {"color": style.VERMILLION, "linestyle": "--"},
    "lower bound": {"color": style.BLACK, "linestyle": "-."},
}


def draw(
    left: xr.DataArray,
    relations: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]],
    bounds: xr.DataArray,
    width: str | float = "aps-1",
) -> Figure:
    """(a) C / n against t for every n; (b) t0 against t*, mean over seeds, bars their standard deviation; (c) bounds.

    Args:
        left: gates per qubit and step inside the light cone, (qubits, step).
        relations: by side and name, ``(t0, t*)`` of all seeds and sizes.
        bounds: of the length of U'WU on a few qubits, (bound_name, small_step).
        width: of the figure.
    """
    with style.style(width, 2.05):
        figure = style.new_figure(width, 2.05)
        panels = figure.subplots(3, 1, height_ratios=(1, 1.15, 1))
        _counts(panels[0], left)
        _relations(panels[1], relations)
        _bounds(panels[2], bounds)
        for axes, letter in zip(panels, "abc", strict=True):
            style.panel_label(axes, letter)
            axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def _counts(axes: Axes, left: xr.DataArray) -> None:
    sizes = left["qubits"].values
    shades = np.linspace(0.75, 0.0, len(sizes))
    longest = 0
    for n, shade in zip(sizes, shades, strict=True):
        values = left.sel(qubits=n).values
        values = values[np.isfinite(values)]
        stop = min(len(values), int(np.log2(n)) + 8)
        total = 2 * np.concatenate([[0.0], np.cumsum(values[:stop])])
        colour = (1 - shade) * np.array([0.0, 0.447, 0.698]) + shade
        axes.plot(
            np.arange(stop + 1), total, color=colour, marker="o", markersize=2.2, linestyle="-", label=f"{n}"
        )
        longest = max(longest, stop)
    axes.plot([0, longest], [0, longest], color="0.5", marker="", linestyle=":", label="no cancelling")
    axes.set_xlim(0, longest)
    axes.set_ylim(0, None)
    axes.set_xlabel("time $t$ (steps of $n/2$ gates)")
    axes.set_ylabel("$C / n$ (gates per qubit)")
    axes.legend(title="qubits $n$", loc="upper left", labelspacing=0.25)


def _relations(axes: Axes, relations: Mapping[tuple[str, str], tuple[np.ndarray, np.ndarray]]) -> None:
    for (side, name), (t0, t_star) in relations.items():
        x, y = t_star.mean(axis=0), t0.mean(axis=0)
        slope = np.polyfit(x, y, 1)[0]
        spread = (t0.std(axis=0), t_star.std(axis=0))
        axes.errorbar(
            x, y, yerr=spread[0], xerr=spread[1], elinewidth=0.6, **style.SIDES[side],
            label=f"{_LABELS[name]}: {slope:.2f}",
        )  # fmt: skip
    low, high = axes.get_xlim()
    axes.plot([low, high], [low, high], color="0.75", linewidth=0.6, linestyle="-", marker="", zorder=0)
    axes.set_xlim(low, high)
    axes.set_xlabel("scrambling time $t_*$ (steps)")
    axes.set_ylabel("delay $t_0$ (steps)")
    axes.legend(title="slope (grey line: 1)", loc="upper left", bbox_to_anchor=(0, 1.03), labelspacing=0.25)


def _bounds(axes: Axes, bounds: xr.DataArray) -> None:
    for name, look in _BOUNDS.items():
        axes.plot(bounds["small_step"], bounds.sel(bound_name=name), marker="", label=name, **look)
    axes.set_xlabel("time $t$ (steps of weak gates)")
    axes.set_ylabel("length of $U^\\dagger W U$ (rad)")
    axes.set_xlim(0, float(bounds["small_step"].max()))
    axes.set_ylim(0, None)
    axes.legend(loc="upper left", labelspacing=0.25)
