"""The figure of a comparison of emergent geometries: pictures, dimensions, depth, and numbers against noise."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from qgeom.figures import emergent_parts as parts
from qgeom.figures import style
from qgeom.figures.emergent import pictures
from qgeom.figures.emergent_data import GeometryData
from qgeom.tables import Spread

_SHORT = {
    "mutual-information": "MI",
    "fisher": "$F_C$",
    "fisher-state": "$F_Q$",
    "influence": "influence",
    "wires": "wires",
}
_NUMBERS = (
    ("negative_share", "negative share"),
    ("stress", "stress in the plane"),
    ("hyperbolicity", r"Gromov $\delta$ / diameter"),
    ("mean_curvature", "Ollivier curvature"),
)


def draw(data: xr.Dataset, sides: Mapping[str, GeometryData], width: str | float = "aps-2") -> Figure:
    """Draw the dataset of a comparison of geometries at a journal's column width, or in inches.

    (a) the geometry of one relation of the first seed, circuit and network, edges and points coloured by curvature; (b)
    its dimension by every estimator, mean over seeds with the 95% bootstrap interval; (c) sensitivity along depth of
    the first seed; (d) numbers by relation. Filled: trained; open: the same relation shuffled.
    """
    wide = style.is_wide(width)
    aspect = 1.0 if wide else 3.1
    looks = {name: parts.look_of(name, k) for k, name in enumerate(sides)}
    with style.style(width, aspect):
        figure = style.new_figure(width, aspect)
        heights = (1.15, 0.85, 0.95) if wide else (0.8, 1.15, 1.4)
        blocks = cast("list[SubFigure]", figure.subfigures(3, 1, height_ratios=heights))
        blocks[0].suptitle(" ", fontsize=4)  # room for the titles, which the layout of a subfigure cuts
        first = list(np.ravel(blocks[0].subplots(1, len(sides))))
        pictures(blocks[0], first, sides, "curvature", horizontal=not wide)
        second = list(np.ravel(blocks[1].subplots(*((1, 2) if wide else (2, 1)))))
        _dimensions(second[0], data, looks)
        depths = {name: (one.depth, one.along_depth) for name, one in sides.items() if len(one.depth)}
        parts.along_depth(second[1], depths, looks)
        third = list(np.ravel(blocks[2].subplots(*((1, 4) if wide else (2, 2)))))
        for axes, (name, label) in zip(third, _NUMBERS, strict=True):
            _numbers(axes, data, name, label, looks)
        for axes, letter in zip((first[0], *second, third[0]), "abcd", strict=True):
            style.panel_label(axes, letter)
        figure.legend(
            handles=_handles(looks), loc="outside lower center", ncols=4 if wide else 2, handlelength=1.4
        )
    return figure


def _handles(looks: Mapping[str, Mapping[str, Any]]) -> list[Line2D]:
    found = []
    for name, look in looks.items():
        symbol = {"color": look["color"], "marker": look["marker"], "linestyle": ""}
        found.append(Line2D([], [], **symbol, label=f"{name}, trained"))
        found.append(Line2D([], [], **symbol, markerfacecolor="white", label=f"{name}, shuffled"))
    return found


def _seen(data: xr.Dataset, side: str, relation: str, quantity: str) -> list[tuple[bool, Spread]]:
    """Trained, then shuffled, where they were not refused; a null stands beside a number alone."""
    chosen = data.sel(description=side, relation=relation, quantity=quantity)
    trained = np.asarray(chosen["trained"].values, float)
    null = np.asarray(chosen["null"].transpose("seed", "shuffle").values, float)
    rows = null.reshape(-1, 1) if relation == "wires" else null
    means = np.array([row[np.isfinite(row)].mean() for row in rows if np.isfinite(row).any()])
    found = []
    if not np.isfinite(trained).any():
        return found
    for filled, values in ((True, trained[np.isfinite(trained)]), (False, means)):
        if len(values):
            found.append((filled, Spread.over_seeds(values)))
    return found


def _mark(
    axes: Axes, x: float, y: float, error: np.ndarray, look: Mapping[str, Any], filled: bool, up: bool
) -> None:
    axes.errorbar(
        [x], [y], yerr=error if up else None, xerr=None if up else error, color=look["color"], marker=look["marker"],
        linestyle="", markerfacecolor=look["color"] if filled else "white", markeredgewidth=0.8, elinewidth=0.8,
        capsize=1.2, markersize=3.2,
    )  # fmt: skip


def _error(spread: Spread) -> np.ndarray:
    return np.array([[max(spread.mean - spread.low, 0.0)], [max(spread.high - spread.mean, 0.0)]])


def _dimensions(axes: Axes, data: xr.Dataset, looks: Mapping[str, Mapping[str, Any]]) -> None:
    relation = str(data.attrs["picture"])
    rows = [str(q) for q in data["quantity"].values if str(q).startswith("dimension, ")]
    for r, row in enumerate(rows):
        for k, (side, look) in enumerate(looks.items()):
            seen = _seen(data, side, relation, row)
            y = r + 0.6 * ((k + 0.5) / len(looks) - 0.5)
            if not any(filled for filled, _ in seen):
                axes.plot([0.02], [y], transform=axes.get_yaxis_transform(), marker="x", color=look["color"],
                          linestyle="", markersize=4)  # fmt: skip
            for filled, spread in seen:
                _mark(
                    axes, spread.mean, y + (0.0 if filled else 0.13), _error(spread), look, filled, up=False
                )
    low, high = axes.get_xlim()
    axes.set_xlim(min(-0.06 * high, low, 0.0), high)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    names = [row.removeprefix("dimension, ") for row in rows]
    axes.set_yticks(range(len(rows)), [parts.SHORT.get(name, name) for name in names])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"dimension, relation {_SHORT[relation]} (× refused by all seeds)")


def _numbers(
    axes: Axes, data: xr.Dataset, quantity: str, label: str, looks: Mapping[str, Mapping[str, Any]]
) -> None:
    relations = [str(name) for name in data["relation"].values if str(name) in _SHORT]
    for r, relation in enumerate(relations):
        for k, (side, look) in enumerate(looks.items()):
            for filled, spread in _seen(data, side, relation, quantity):
                x = r + 0.56 * ((k + 0.5) / len(looks) - 0.5) + (-0.05 if filled else 0.09)
                _mark(axes, x, spread.mean, _error(spread), look, filled, up=True)
    axes.set_xlim(-0.5, len(relations) - 0.5)
    axes.set_xticks(range(len(relations)), [_SHORT[name] for name in relations], rotation=40)
    axes.yaxis.set_major_locator(MaxNLocator(4))
    if quantity == "mean_curvature":
        axes.axhline(0.0, color="0.6", linewidth=0.6, linestyle=":", marker="", zorder=0)
    else:
        axes.set_ylim(bottom=0.0)
    axes.set_title(label, fontsize=6.5)
