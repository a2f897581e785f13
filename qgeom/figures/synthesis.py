"""The figure of the synthesis comparison: training, length as built against the shortest, ratio, direction."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from qgeom.figures import style
from qgeom.tables import Spread

_SHORT = {
    "circuit": "circuit",
    "orthogonal network": "orthogonal",
    "linear network": "linear",
    "residual network": "residual",
}


def draw(data: xr.Dataset, width: str | float = "aps-2") -> Figure:
    """Draw the dataset of a :class:`qgeom.comparison.Synthesis` at a journal's column width, or in inches.

    (a) loss, median over seeds with the central 68%; (b) length as built against the shortest length found, one symbol
    per seed, with a line from the proven lower bound; (c) their ratio, and (d) the share of the action in directions of
    weight q, as built and on the shortest path, mean over seeds with the 95% bootstrap interval. Full lines and filled
    symbols are the first start, dashed lines and open symbols the second.
    """
    aspects = (0.66, 2.5)
    with style.style(width, aspects[0 if style.is_wide(width) else 1]):
        parts = [functools.partial(part, data=data) for part in (_training, _lengths, _ratios, _directions)]
        return style.four_panels(parts, _handles(data), width, aspects, columns=2)


def _looks(data: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Blue circles for the circuit; the first network as networks are in every figure."""
    others = iter(zip(style.COLOURS[2:], style.MARKERS[3:], strict=False))
    looks: dict[str, dict[str, Any]] = {}
    first_network = next((n for n in map(str, data["description"].values) if n != "circuit"), None)
    for name in map(str, data["description"].values):
        if name == "circuit" or name == first_network:
            side = style.SIDES["circuit" if name == "circuit" else "network"]
            looks[name] = {key: side[key] for key in ("color", "marker")}
        else:
            colour, marker = next(others, (style.BLACK, "o"))
            looks[name] = {"color": colour, "marker": marker}
    return looks


def _starts(data: xr.Dataset) -> list[float]:
    return [float(start) for start in data["start"].values]


def _training(axes: Axes, data: xr.Dataset) -> None:
    for name, look in _looks(data).items():
        for line, start in zip(style.LINES, _starts(data), strict=False):
            losses = data["loss"].sel(description=name, start=start).transpose("seed", "step").values
            losses = np.maximum(losses[:, ~np.isnan(losses).all(axis=0)], 1e-16)
            low, middle, high = np.percentile(losses, (16, 50, 84), axis=0)
            at = np.arange(len(middle))
            axes.fill_between(at, low, high, color=look["color"], alpha=0.15, linewidth=0)
            axes.plot(at, middle, color=look["color"], linestyle=line, marker="")
    axes.set_yscale("log")
    axes.set_xlim(0, None)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("loss")


def _lengths(axes: Axes, data: xr.Dataset) -> None:
    ends = []
    for name, look in _looks(data).items():
        for filled, start in zip((True, False, False, False), _starts(data), strict=False):
            chosen = data.sel(description=name, start=start)
            built, shortest, below = (
                np.asarray(chosen[key].values, float)
                for key in ("built_length", "shortest_length", "lower_bound")
            )
            axes.vlines(built, below, shortest, color=look["color"], linewidth=0.5, alpha=0.5)
            axes.plot(built, shortest, linestyle="", **look, **_face(look, filled))
            ends += [built, shortest, below]
    values = np.concatenate(ends)
    values = values[np.isfinite(values) & (values > 0)]
    if len(values):
        low, high = 0.9 * values.min(), 1.1 * values.max()
        axes.plot([low, high], [low, high], color="#7F7F7F", linestyle=":", marker="", linewidth=0.8)
        axes.set_xlim(low, high)
        axes.set_ylim(low, high)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 3.0, 5.0)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("length as built (rad)")
    axes.set_ylabel("shortest length found (rad)")


def _ratios(axes: Axes, data: xr.Dataset) -> None:
    looks, starts = _looks(data), _starts(data)
    for position, (name, look) in enumerate(looks.items()):
        for k, start in enumerate(starts):
            at = position + 0.5 * ((k + 0.5) / len(starts) - 0.5)
            values = data["ratio"].sel(description=name, start=start).values
            values = values[np.isfinite(values)]
            if len(values) == 0:
                continue
            jitter = np.linspace(-0.05, 0.05, len(values))
            axes.plot(
                at + jitter, values, linestyle="", marker=".", color=look["color"], alpha=0.4, markersize=3
            )
            _dot(axes, at, values, look, k == 0)
    axes.axhline(1.0, color="#7F7F7F", linestyle=":", linewidth=0.8, marker="")
    _sides(axes, looks)
    axes.set_ylabel("length as built / shortest")


def _directions(axes: Axes, data: xr.Dataset) -> None:
    looks, starts = _looks(data), _starts(data)
    ticks = []
    for position, (name, look) in enumerate(looks.items()):
        for group, quantity in enumerate(("built_far_share", "shortest_far_share")):
            for k, start in enumerate(starts):
                at = position - 0.2 + 0.4 * group + 0.25 * ((k + 0.5) / len(starts) - 0.5)
                values = data[quantity].sel(description=name, start=start).values
                values = values[np.isfinite(values)]
                if len(values):
                    _dot(axes, at, values, look, k == 0)
        ticks += [(position - 0.2, "built"), (position + 0.2, f"shortest\n{_SHORT.get(name, name)}")]
    axes.set_xticks([at for at, _ in ticks], [label for _, label in ticks], fontsize=5.5)
    axes.set_xlim(-0.5, len(looks) - 0.5)
    axes.set_ylim(0.0, None)
    axes.set_ylabel("share of action at weight $q$")


def _sides(axes: Axes, looks: dict[str, dict[str, Any]]) -> None:
    axes.set_xticks(range(len(looks)), [_SHORT.get(name, name) for name in looks])
    axes.set_xlim(-0.5, len(looks) - 0.5)


def _face(look: dict[str, Any], filled: bool) -> dict[str, Any]:
    return {"markerfacecolor": look["color"] if filled else "white", "markeredgewidth": 0.8}


def _dot(axes: Axes, at: float, values: np.ndarray, look: dict[str, Any], filled: bool) -> None:
    spread = Spread.over_seeds(values)
    axes.errorbar(
        [at], [spread.mean], yerr=[[spread.mean - spread.low], [spread.high - spread.mean]], linestyle="",
        elinewidth=0.8, capsize=1.5, **look, **_face(look, filled),
    )  # fmt: skip


def _handles(data: xr.Dataset) -> list[Line2D]:
    handles = [Line2D([], [], **look, linestyle="", label=name) for name, look in _looks(data).items()]
    for k, (line, start) in enumerate(zip(style.LINES, _starts(data), strict=False)):
        face = style.BLACK if k == 0 else "white"
        handles.append(
            Line2D(
                [], [], color=style.BLACK, linestyle=line, marker="o", markerfacecolor=face,
                label=f"start {start:g}",
            )
        )  # fmt: skip
    return handles
