"""The figure of ``parent-uncle``: gaps of parent and uncle, small Fisher modes, angles of kernel and solutions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, NullLocator

from qgeom.figures import style

Curve = tuple[np.ndarray, np.ndarray]
"""Sizes, and values (seeds, sizes)."""

_MARKERS = {"GHZ": "o", "two products": "^", "product + cluster": "s", "AKLT": "D"}
_KINDS: dict[str, dict[str, Any]] = {
    "parent": {"color": style.SKY, "linestyle": "--", "markerfacecolor": "white"},
    "uncle": {"color": style.BLUE, "linestyle": "-"},
}
_NETWORKS: tuple[dict[str, Any], ...] = (
    {"color": style.ORANGE, "marker": "s", "linestyle": "--", "markerfacecolor": "white"},
    {"color": style.VERMILLION, "marker": "s", "linestyle": "-"},
    {"color": "0.6", "marker": "x", "linestyle": "--"},
    {"color": "0.35", "marker": "+", "linestyle": "-"},
)


def draw(
    gaps: Mapping[tuple[str, str], Curve],
    modes: Mapping[str, Curve],
    angles: xr.DataArray,
    missing: int,
    width: str | float = "aps-1",
) -> Figure:
    """Geometric means over seeds, bars their standard deviation.

    Args:
        gaps: by family and Hamiltonian.
        modes: lowest Fisher mode over the mean, by name; just wide enough and over-parameterised in turn.
        angles: of the kernel at a deficient point to a branch of solutions near by, (seed, distance, direction), rad.
        missing: how many directions of the kernel that branch of solutions lacks.
        width: of the figure.
    """
    with style.style(width, 2.15):
        figure = style.new_figure(width, 2.15)
        top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.35, 1.1, 0.8))
        _gaps(top, gaps)
        _modes(middle, modes)
        _angles(bottom, angles, missing)
        for axes, letter in zip((top, middle, bottom), "abc", strict=True):
            style.panel_label(axes, letter)
    return figure


def _curve(axes: Axes, curve: Curve, **look: Any) -> None:
    sizes, values = curve
    log = np.log(values)
    centre, spread = np.exp(log.mean(axis=0)), log.std(axis=0)
    bars = np.stack([centre * (1 - np.exp(-spread)), centre * (np.exp(spread) - 1)])
    axes.errorbar(sizes, centre, yerr=bars, elinewidth=0.6, markersize=3.2, markeredgewidth=0.7, **look)


def _gaps(axes: Axes, gaps: Mapping[tuple[str, str], Curve]) -> None:
    for (family, kind), curve in gaps.items():
        _curve(axes, curve, marker=_MARKERS[family], **_KINDS[kind])
    n = np.array([5.0, 12.0])
    axes.plot(n, 0.16 * (n / 5) ** -2.0, color="0.6", linestyle=":", marker="", linewidth=0.9)
    axes.text(5.1, 0.095, "$n^{-2}$", color="0.4", ha="left", va="top")
    sizes = sorted({int(i) for sizes, _ in gaps.values() for i in sizes})
    _log_axes(axes, sizes)
    axes.set_xlabel("ring length $n$ (sites)")
    axes.set_ylabel("gap (norm of one term)")
    handles = [Line2D([], [], label=kind, marker="", **_plain(look)) for kind, look in _KINDS.items()]
    for family in dict.fromkeys(family for family, _ in gaps):
        name = "AKLT (both)" if family == "AKLT" else family
        look = {"color": "0.3", "linestyle": "", "markersize": 3.2}
        handles.append(Line2D([], [], label=name, marker=_MARKERS[family], **look))
    axes.legend(
        handles=handles, loc="lower center", bbox_to_anchor=(0.53, 1.0), ncols=3, columnspacing=0.7, labelspacing=0.25,
        handletextpad=0.4, handlelength=1.5,
    )  # fmt: skip


def _plain(look: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in look.items() if key != "markerfacecolor"}


def _modes(axes: Axes, modes: Mapping[str, Curve]) -> None:
    for (name, curve), look in zip(modes.items(), _NETWORKS, strict=True):
        _curve(axes, curve, label=name, **look)
    sizes = sorted({int(i) for sizes, _ in modes.values() for i in sizes})
    _log_axes(axes, sizes)
    axes.set_xlabel("inputs and outputs $d$")
    axes.set_ylabel("lowest Fisher mode\nabove the kernel / mean")
    axes.legend(loc="lower left", labelspacing=0.25)


def _angles(axes: Axes, angles: xr.DataArray, missing: int) -> None:
    values = np.degrees(angles.transpose("seed", "distance", "direction").values)
    distance = angles["distance"].values
    without, rest = values[:, :, :missing].min(axis=2), np.nanmax(values[:, :, missing:], axis=2)
    _curve(
        axes,
        (distance, without),
        color=style.PURPLE,
        marker="v",
        linestyle="-",
        label=f"{missing} directions that the branch lacks",
    )
    _curve(axes, (distance, rest), color=style.GREEN, marker="o", linestyle="--", label="all others")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("distance from the deficient point (Frobenius norm)")
    axes.set_ylabel("kernel to\nsolutions (degrees)")
    axes.legend(loc="center left", labelspacing=0.25, bbox_to_anchor=(0.0, 0.66))


def _log_axes(axes: Axes, ticks: list[int]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(ticks, [str(i) for i in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
