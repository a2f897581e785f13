"""The figure of ``nielsen-geodesic``: built, deformed and shortest lengths against q with bounds; T of every seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogLocator

from qgeom.figures import style

_BUILT: dict[str, Any] = {"color": style.VERMILLION, "marker": "s", "linestyle": "--"}
_DEFORMED: dict[str, Any] = {"color": style.ORANGE, "marker": "^", "linestyle": "-."}
_SHORTEST: dict[str, Any] = {"color": style.BLUE, "marker": "o", "linestyle": "-"}


def draw(data: xr.Dataset, width: str | float = "aps-1") -> Figure:
    """Panels: four gates, random unitaries, random rotations (mean over seeds, bars one deviation), T per seed."""
    gates = [str(g) for g in data["gate"].values]
    last = float(data["q"][-1])
    with style.style(width, 2.0):
        figure = style.new_figure(width, 2.0)
        panels = figure.subplots(4, 2, height_ratios=(1, 1, 1, 1.25)).ravel()
        for axes, gate in zip(panels, gates, strict=False):
            chosen = data.sel(gate=gate)
            built = chosen["gate_built"].sel(schedule="together").values
            _lengths(axes, chosen, "gate", built)
            axes.set_title(gate, fontsize=7)
        built = data["unitary_built"].sel(circuit="fitted blocks", schedule="together").values
        _lengths(panels[4], data, "unitary", built)
        panels[4].set_title("random SU(8)", fontsize=7)
        rotations = data["rotation_built"].sel(schedule="together").values
        wide = np.broadcast_to(rotations[:, None], data["rotation_shortest"].shape)
        _lengths(panels[5], data, "rotation", wide)
        panels[5].set_title("random rotations", fontsize=7)
        for axes in panels[0:6:2]:
            axes.set_ylabel("length (rad)")
        for axes in panels[4:6]:
            axes.set_xlabel("weight $q$")
        _seeds(panels[6], data, last)
        _excess(panels[7], data)
        for axes, letter in zip(panels, "abcdefgh", strict=True):
            style.panel_label(axes, letter)
        handles = [
            Line2D([], [], label="as built", **_BUILT),
            Line2D([], [], label="deformed from the flat metric", **_DEFORMED),
            Line2D([], [], label="shortest found", **_SHORTEST),
            Patch(color="0.85", label="excluded (proven)"),
        ]
        figure.legend(handles=handles, loc="outside upper center", ncols=2, handlelength=2.4)
    return figure


def _lengths(axes: Axes, data: xr.Dataset, kind: str, built: np.ndarray) -> None:
    q, built = data["q"].values, np.atleast_2d(built)
    lower, carried, shortest = (
        np.atleast_2d(data[f"{kind}_{name}"].values) for name in ("lower_bound", "deformed", "shortest")
    )
    axes.fill_between(q, 0, lower.mean(axis=0), color="0.85", linewidth=0)
    for values, look, size in ((built, _BUILT, 3.0), (carried, _DEFORMED, 3.5), (shortest, _SHORTEST, 2.5)):
        with np.errstate(all="ignore"):
            mean = np.nanmean(values, axis=0)
        spread = np.nanstd(values, axis=0) if len(values) > 1 else None
        axes.errorbar(q, mean, spread, elinewidth=0.6, capsize=1.2, markersize=size, **look)
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(numticks=9))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.set_ylim(0, None)


def _seeds(axes: Axes, data: xr.Dataset, last: float) -> None:
    unitary = data.sel(q=last)
    columns = [
        ("fitted", "circuit", unitary["unitary_built"].sel(circuit="fitted blocks", schedule="together"), "unitary"),
        ("Shannon", "circuit", unitary["unitary_built"].sel(circuit="Shannon", schedule="together"), "unitary"),
        ("Givens", "network", data["rotation_built"].sel(schedule="together"), "rotation"),
    ]  # fmt: skip
    for i, (_, side, built, kind) in enumerate(columns):
        low = 1 - unitary[f"{kind}_shortest"].values / built.values
        high = 1 - unitary[f"{kind}_lower_bound"].values / built.values
        look = style.SIDES[side]
        at = i + np.linspace(-0.25, 0.25, len(low))
        axes.vlines(at, low, high, color=look["color"], linewidth=0.6, alpha=0.5)
        axes.plot(at, low, color=look["color"], marker=look["marker"], linestyle="", markersize=2.2)
    axes.axhline(0.1, color="0.5", linewidth=0.6, linestyle=":", marker="")
    axes.text(2.5, 0.11, "margin", ha="right", va="bottom", fontsize=6, color="0.4")
    axes.set_xticks(
        range(len(columns)), [c[0] for c in columns], rotation=60, ha="right", rotation_mode="anchor"
    )
    axes.set_xlim(-0.5, len(columns) - 0.5)
    axes.set_ylim(min(0.0, axes.get_ylim()[0]), 1)
    axes.set_ylabel(f"$T$ at $q = {last:g}$")


def _excess(axes: Axes, data: xr.Dataset) -> None:
    """By how much the deformed path is too long at the largest q; none (below 0.01%) at the bottom."""
    last = data.isel(q=-1)
    names = [str(g) for g in data["gate"].values]
    columns = [
        (name, style.SIDES["circuit"], np.atleast_1d(_too_long(last.sel(gate=name), "gate")))
        for name in names
    ]
    columns.append(("SU(8)", style.SIDES["circuit"], _too_long(last, "unitary")))
    columns.append(("rotations", style.SIDES["network"], _too_long(last, "rotation")))
    for i, (_, look, values) in enumerate(columns):
        at = i + (np.linspace(-0.3, 0.3, len(values)) if len(values) > 1 else np.zeros(1))
        axes.plot(at, values, color=look["color"], marker=look["marker"], linestyle="", markersize=2.5)
    axes.set_xticks(
        range(len(columns)), [c[0] for c in columns], rotation=60, ha="right", rotation_mode="anchor"
    )
    axes.set_xlim(-0.6, len(columns) - 0.4)
    axes.set_ylim(bottom=-2.0)
    axes.set_ylabel("deformed: too long\nby (%)")


def _too_long(data: xr.Dataset, kind: str) -> np.ndarray:
    return 100 * (1 - data[f"{kind}_shortest"].values / data[f"{kind}_deformed"].values)
