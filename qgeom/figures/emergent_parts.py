"""Panels of an emergent geometry, each on axes that are given: points and edges, distances, dimensions, depth."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colorbar import Colorbar
from matplotlib.colors import Colormap, LinearSegmentedColormap, LogNorm, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from qgeom.figures import style
from qgeom.figures.emergent_data import GeometryData, Interval, curves, positions

DIVERGING = LinearSegmentedColormap.from_list(
    "curvature", ("#4B2E83", "#9C8CC4", "#C4C4C4", "#F2A65A", "#A84A00")
)
"""Purple below zero, orange above, grey between: legible on white and for the colour-blind."""
SEQUENTIAL = matplotlib.colormaps["cividis"]
CURVATURE = "Ollivier curvature"
SENSITIVITY = r"sensitivity tr $F_{aa}$"
SHORT = {
    "MDS spectrum": "MDS spectrum",
    "correlation": "correlation",
    "two nearest neighbours": "two neighbours",
    "volume growth": "volume growth",
    "spectral": "random walk",
    "Myrheim-Meyer": "Myrheim-Meyer",
}
_EDGE_GREY = "0.72"
_LOWEST = -2.0
"""Curvatures below are not drawn one by one."""


def colour_scale(values: Sequence[np.ndarray], by: str) -> tuple[Normalize, Colormap, str]:
    """One scale for all panels: symmetric about zero for curvature, to its 90% point; logarithmic for sensitivity."""
    known = np.concatenate([np.ravel(v)[np.isfinite(np.ravel(v))] for v in values])
    if by == "curvature":
        # At most 1 by definition; far below for edges much shorter than those around them, which would hide the rest.
        top = float(np.clip(np.percentile(np.abs(known), 90), 0.05, 1.0)) if len(known) else 1.0
        return Normalize(-top, top), DIVERGING, CURVATURE
    known = known[known > 0]
    if len(known) == 0:
        return Normalize(0.0, 1.0), SEQUENTIAL, SENSITIVITY
    low, high = float(known.min()), float(known.max())
    if high > 30.0 * low:
        return LogNorm(max(low, 1e-4 * high), high), SEQUENTIAL, SENSITIVITY
    return Normalize(low, max(high, low + 1e-12)), SEQUENTIAL, SENSITIVITY


def plane(
    axes: Axes,
    data: GeometryData,
    by: str = "curvature",
    scale: tuple[Normalize, Colormap, str] | None = None,
    *,
    names: int = 0,
    title: str | None = None,
) -> Any:
    """Points, and the edges of the skeleton, in two dimensions; a hyperbolic embedding in the Poincare disc.

    Edges are coloured by their curvature; points by the mean of theirs (``by="curvature"``) or by sensitivity, and
    edges are grey then. Where the embedding was refused the reason is written instead.

    Args:
        axes: where to draw.
        data: what to draw.
        by: ``"curvature"`` or ``"sensitivity"``.
        scale: of :func:`colour_scale`; the panel's own unless given.
        names: how many points bear their name, from the one with most edges.
        title: over the panel; the space and the stress unless given.

    Returns:
        what a colour bar is made from; None if there is nothing to see.
    """
    if data.coordinates is None:
        _words(axes, f"no embedding:\n{_wrapped(data.refused or 'not known', 32)}")
        return None
    at, drawn_edges, colours = positions(data, 2), curves(data, 2), data.colours(by)
    norm, colour_map, _ = scale or colour_scale(
        [colours, data.curvature if by == "curvature" else colours], by
    )
    if data.space == "hyperbolic":
        axes.add_patch(Circle((0, 0), 1.0, fill=False, edgecolor="0.45", linewidth=0.7))
    lines = LineCollection(list(drawn_edges), linewidths=0.7, zorder=1)  # pyright: ignore[reportArgumentType]
    if by == "curvature" and np.isfinite(data.curvature).any():
        shade = colour_map(norm(np.nan_to_num(data.curvature)))
        shade[~np.isfinite(data.curvature)] = to_rgba(_EDGE_GREY)
        lines.set_color(shade)  # pyright: ignore[reportArgumentType]
    else:
        lines.set_color(_EDGE_GREY)
    axes.add_collection(lines)
    known = np.isfinite(colours)
    if by == "sensitivity":
        known &= colours > 0
    look = {"s": 15 if len(at) < 40 else 9, "linewidths": 0.4, "edgecolors": "0.15"}
    axes.scatter(*at[~known].T, color="white", zorder=2, **look)  # pyright: ignore[reportArgumentType]
    drawn = axes.scatter(*at[known].T, c=colours[known], cmap=colour_map, norm=norm, zorder=3, **look)  # pyright: ignore[reportArgumentType]
    _name(axes, data, at, names)
    _frame(axes, np.concatenate([at, drawn_edges.reshape(-1, 2)]), data.space)
    axes.set_title(said(data) if title is None else title, fontsize=6.5)
    return drawn


def _frame(axes: Axes, at: np.ndarray, space: str) -> None:
    axes.set_aspect("equal")
    axes.margins(0.08)
    if space == "hyperbolic":
        axes.set_xlim(-1.06, 1.06)
        axes.set_ylim(-1.06, 1.06)
        axes.set_axis_off()
        return
    middle = 0.5 * (at.min(axis=0) + at.max(axis=0))
    half = 0.56 * max(float(np.max(np.ptp(at, axis=0))), 1e-12)
    axes.set_xlim(middle[0] - half, middle[0] + half)
    axes.set_ylim(middle[1] - half, middle[1] + half)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    _ruler(axes, half)


def _ruler(axes: Axes, half: float) -> None:
    """A bar of round length in units of the distances, in the corner: what an axis would say."""
    length = MaxNLocator(2, steps=[1, 2, 5, 10]).tick_values(0.0, 0.9 * half)[1]
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    x, y = left + 0.02 * (right - left), low + 0.005 * (high - low)
    axes.plot([x, x + length], [y, y], color="0.15", linewidth=1.2, marker="", linestyle="-", zorder=4)
    axes.annotate(f"{length:g}", (x + length, y), (3, 0), textcoords="offset points", va="center", fontsize=6)


def said(data: GeometryData) -> str:
    """Where the points are drawn, and the stress of the embedding."""
    name = {"hyperbolic": "Poincaré disc", "euclidean": "plane", "spherical": "sphere"}[data.space]
    return f"{name}, stress {data.stress:.2f}" if math.isfinite(data.stress) else name


def _name(axes: Axes, data: GeometryData, at: np.ndarray, count: int) -> None:
    """Names of the best connected points that lie apart from all named before."""
    degree = np.bincount(data.edges.ravel(), minlength=len(at))
    size = max(float(np.max(np.ptp(at, axis=0))), 1e-12)
    apart = np.array([0.45, 0.09]) * size  # a name is wider than high
    chosen: list[int] = []
    for k in np.argsort(-degree, kind="stable"):
        if len(chosen) == count:
            return
        if all(np.any(np.abs(at[k] - at[j]) > apart) for j in chosen):
            chosen.append(int(k))
            right = at[k, 0] <= at[:, 0].mean()
            axes.annotate(
                data.names[k], (at[k, 0], at[k, 1]), (3.5 if right else -3.5, 3), textcoords="offset points",
                fontsize=5, ha="left" if right else "right", zorder=5,
            )  # fmt: skip


def matrix(axes: Axes, data: GeometryData, top: float | None = None) -> Any:
    """The distances as a square of colours, points in their order; those without a distance are grey."""
    d = np.where(np.isfinite(data.distances), data.distances, np.nan)
    colour_map = SEQUENTIAL.with_extremes(bad="0.85")
    largest = float(np.nanmax(d, initial=0.0)) if top is None else top
    drawn = axes.imshow(d, cmap=colour_map, vmin=0.0, vmax=max(largest, 1e-12), interpolation="nearest")
    for locator in (axes.xaxis, axes.yaxis):
        locator.set_major_locator(MaxNLocator(4, integer=True))
    axes.set_xlabel("point")
    axes.set_ylabel("point")
    return drawn


def dimensions(
    axes: Axes,
    tables: Mapping[str, Mapping[str, Interval | str]],
    looks: Mapping[str, Mapping[str, Any]],
    marks: Mapping[str, float] | None = None,
) -> None:
    """The dimension by every estimator with its 95% interval; a refusal is a cross at the left, never a number.

    Args:
        axes: where to draw.
        tables: by side, the table of :class:`GeometryData`.
        looks: colour and marker of each side.
        marks: known dimensions, as dotted lines with their names.
    """
    rows = [name for name in SHORT if any(name in table for table in tables.values())]
    rows += [name for table in tables.values() for name in table if name not in SHORT and name not in rows]
    kept = [
        name for name in rows
        if name != "Myrheim-Meyer" or any(not isinstance(t.get(name, ""), str) for t in tables.values())
    ]  # fmt: skip
    for r, row in enumerate(kept):
        for k, (side, table) in enumerate(tables.items()):
            y = r + 0.55 * ((k + 0.5) / len(tables) - 0.5)
            found, look = table.get(row, "not asked"), looks[side]
            if isinstance(found, str):
                axes.plot([0.02], [y], transform=axes.get_yaxis_transform(), marker="x", color=look["color"],
                          linestyle="", markersize=4, clip_on=False)  # fmt: skip
                continue
            value, low, high = found
            # A side that the data do not bound goes on to the edge of the panel.
            ends = [[max(value - low, 0.0) if math.isfinite(low) else value],
                    [max(high - value, 0.0) if math.isfinite(high) else 1e3]]  # fmt: skip
            axes.errorbar([value], [y], xerr=ends, color=look["color"], marker=look["marker"], linestyle="",
                          elinewidth=0.8, capsize=1.5, markersize=3.2)  # fmt: skip
    for name, value in (marks or {}).items():
        axes.axvline(value, color="0.6", linestyle=":", linewidth=0.8, marker="", zorder=0)
        axes.annotate(name, (value, 1.0), (0, 1), xycoords=("data", "axes fraction"), textcoords="offset points",
                      ha="center", fontsize=5.5, color="0.4")  # fmt: skip
    values = [f[2] if math.isfinite(f[2]) else 2 * f[0] for t in tables.values() for f in t.values()
              if not isinstance(f, str)]  # fmt: skip
    axes.set_xlim(-0.06 * min(max(values, default=1.0), 12.0), 1.05 * min(max(values, default=1.0), 12.0))
    axes.set_ylim(len(kept) - 0.5, -0.5)
    axes.set_yticks(range(len(kept)), [SHORT.get(name, name) for name in kept])
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("dimension (× refused)")


def along_depth(
    axes: Axes, depths: Mapping[str, tuple[np.ndarray, np.ndarray]], looks: Mapping[str, Mapping[str, Any]]
) -> None:
    """Sensitivity of every node against its depth, 0 the first layer and 1 the last; lines join means of layers.

    Each side is in units of its own mean sensitivity, so that shapes compare: the parameters of sides do not.
    """
    lowest = math.inf
    for side, (layer, values) in depths.items():
        if len(layer) == 0 or not np.any(values > 0):
            continue
        look = looks[side]
        at = (layer - layer.min()) / max(float(np.ptp(layer)), 1.0)
        size = values / values.mean()
        seen = size > 1e-6
        lowest = min(lowest, float(size[seen].min()))
        axes.plot(at[seen], size[seen], color=look["color"], marker=look["marker"], linestyle="", markersize=2,
                  alpha=0.45, markeredgewidth=0)  # fmt: skip
        steps = np.unique(at)
        axes.plot(steps, [size[at == x].mean() for x in steps], **{"markersize": 3.5, **look})
    axes.set_yscale("log")
    if math.isfinite(lowest):
        axes.set_ylim(bottom=max(0.6 * lowest, 1e-3))
    axes.yaxis.set_major_locator(LogLocator(numticks=5))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_xlim(-0.03, 1.03)
    axes.set_xlabel("depth (first layer 0, last 1)")
    axes.set_ylabel(r"sensitivity / mean")


def edge_curvature(
    axes: Axes, curvatures: Mapping[str, np.ndarray], looks: Mapping[str, Mapping[str, Any]]
) -> None:
    """Cumulative share of the edges with at most that curvature, and zero as a line."""
    for side, values in curvatures.items():
        known = np.sort(values[np.isfinite(values)])
        if len(known):
            look = looks[side]
            axes.step(np.concatenate([known[:1], known]), np.arange(len(known) + 1) / len(known), where="post",
                      color=look["color"], linestyle=look.get("linestyle", "-"), marker="")  # fmt: skip
    axes.axvline(0.0, color="0.6", linewidth=0.6, linestyle=":", marker="", zorder=0)
    low, high = axes.get_xlim()
    axes.set_xlim(max(low, _LOWEST), min(high, 1.05))  # what is below shows as the share at the left edge
    axes.set_ylim(0, 1.02)
    axes.set_xlabel(f"{CURVATURE} of an edge")
    axes.set_ylabel("share of edges at most")


def bar(figure: Figure, drawn: Any, axes: Any, label: str, *, horizontal: bool = False) -> Colorbar:
    """A thin colour bar beside (or below) some axes."""
    made = figure.colorbar(
        drawn, ax=axes, label=label, fraction=0.05, pad=0.02, aspect=30 if horizontal else 22,
        location="bottom" if horizontal else "right", extend="both" if label == CURVATURE else "neither",
    )  # fmt: skip
    made.outline.set_linewidth(0.4)  # pyright: ignore[reportCallIssue]
    if not isinstance(made.norm, LogNorm):
        made.locator = MaxNLocator(5)
        made.update_ticks()
    return made


def look_of(side: str, k: int) -> dict[str, Any]:
    """Colour, marker and line of a side; circuit and network as in every figure, others in the order of the style."""
    if side in style.SIDES:
        return dict(style.SIDES[side])
    return {"color": style.COLOURS[k % 8], "marker": style.MARKERS[k % 8], "linestyle": style.LINES[k % 8]}


def handles(looks: Mapping[str, Mapping[str, Any]]) -> list[Line2D]:
    """A legend of sides."""
    return [Line2D([], [], **look, label=name) for name, look in looks.items()]


def _words(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes, fontsize=5.5)
    axes.set_axis_off()


def _wrapped(text: str, width: int) -> str:
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) + 1 > width and line:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line][:7])
