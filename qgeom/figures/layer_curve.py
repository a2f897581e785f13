"""The figure of ``layer-curve``: how much longer than the geodesic, and where along the layers the length is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from qgeom.figures import style

Panel = tuple[str, str, xr.DataArray, xr.DataArray]
"""Label, side, T (treatment, seed, draw), and lengths (treatment, seed, draw, group)."""

_MLP = {"color": style.ORANGE, "marker": "D", "linestyle": ":"}


def draw(panels: Sequence[Panel], width: str | float = "aps-1") -> Figure:
    """(a) T per seed, trained beside random, joined where paired, bar at the geometric mean; (b) cumulative length.

    The length along the layers is divided by the whole, mean and central 68% over seeds, trained and (grey) random.
    """
    with style.style(width, 1.35):
        figure = style.new_figure(width, 1.35)
        top, bottom = figure.subplots(2, 1)
        _pairs(top, panels)
        _profiles(bottom, panels)
        style.panel_label(top, "a")
        style.panel_label(bottom, "b")
    return figure


def _look(label: str, side: str) -> dict[str, str]:
    return _MLP if label == "MLP" else style.SIDES[side]


def _pairs(axes: Axes, panels: Sequence[Panel]) -> None:
    ticks, names = [], []
    for i, (label, side, values, _) in enumerate(panels):
        look = _look(label, side)
        columns = [values.sel(treatment=t).values for t in ("trained", "random")]
        with np.errstate(all="ignore"):
            columns = [np.exp(np.nanmean(np.log(column), axis=-1)) for column in columns]
        left, right = i - 0.2, i + 0.2
        axes.plot([left, right], columns, color="0.8", linewidth=0.6, linestyle="-", marker="", zorder=1)
        for at, column, face in ((left, columns[0], look["color"]), (right, columns[1], "white")):
            axes.plot(
                np.full(len(column), at), column, linestyle="", marker=look["marker"], markersize=3,
                color=look["color"], markerfacecolor=face, markeredgewidth=0.6, zorder=2,
            )  # fmt: skip
            mean = np.exp(np.log(column).mean())
            axes.plot(
                [at - 0.13, at + 0.13],
                [mean, mean],
                color="black",
                linewidth=1.4,
                linestyle="-",
                marker="",
                zorder=3,
            )
        ticks.append(i)
        names.append(label)
    axes.axhline(1.0, color="0.5", linewidth=0.6, linestyle=":", marker="")
    axes.text(len(panels) - 0.5, 1.02, "geodesic", ha="right", va="bottom", fontsize=6, color="0.4")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xticks(ticks, names)
    axes.set_xlim(-0.5, len(panels) - 0.5)
    axes.set_ylabel("$T$ = length / distance")
    style_of = {"linestyle": "", "marker": "o", "color": "0.3", "markersize": 3}
    axes.legend(
        handles=[
            Line2D([], [], label="trained", **style_of),
            Line2D([], [], label="random, equal norm", markerfacecolor="white", **style_of),
            Line2D([], [], color="black", linewidth=1.4, linestyle="-", marker="", label="geometric mean"),
        ],
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handletextpad=0.3, columnspacing=0.9, handlelength=1.2,
    )  # fmt: skip


def _profiles(axes: Axes, panels: Sequence[Panel]) -> None:
    handles = []
    for label, side, _, lengths in panels:
        look = _look(label, side)
        for treatment in ("random", "trained"):
            values = (
                lengths.sel(treatment=treatment).stack(run=("seed", "draw")).transpose("run", "group").values
            )
            values = values[np.isfinite(values).any(axis=1)][:, np.isfinite(values).any(axis=0)]
            share = np.cumsum(values, axis=1) / values.sum(axis=1, keepdims=True)
            share = np.concatenate([np.zeros((len(share), 1)), share], axis=1)
            at = np.linspace(0, 1, share.shape[1])
            if treatment == "random":
                axes.plot(
                    at,
                    share.mean(axis=0),
                    color=look["color"],
                    alpha=0.45,
                    linewidth=0.8,
                    linestyle=":",
                    marker="",
                )
                continue
            axes.fill_between(
                at, *np.percentile(share, (16, 84), axis=0), color=look["color"], alpha=0.12, linewidth=0
            )
            axes.plot(
                at,
                share.mean(axis=0),
                color=look["color"],
                linestyle="-",
                marker=look["marker"],
                markersize=2.5,
            )
        handles.append(
            Line2D(
                [], [], color=look["color"], marker=look["marker"], linestyle="-", markersize=2.5, label=label
            )
        )
    handles.append(Line2D([], [], color="0.4", linestyle=":", marker="", label="random"))
    axes.set_xlabel("share of the layers switched on")
    axes.set_ylabel("share of the length")
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.legend(handles=handles, loc="upper left", handlelength=1.8, labelspacing=0.3)
