"""Pictures of an emergent geometry: its points in the plane and in space, and all that is known of it on one page.

Everything here draws :class:`~qgeom.figures.emergent_data.GeometryData`, which :func:`picture` and :func:`pair` make of
a :class:`qgeom.emergent.EmergentGeometry` themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import MaxNLocator
from mpl_toolkits.mplot3d import Axes3D
from mpl_toolkits.mplot3d.art3d import Line3DCollection

from qgeom.figures import emergent_parts as parts
from qgeom.figures import style
from qgeom.figures.emergent_data import GeometryData, curves, data_of, positions


def picture(geometry: Any, *, by: str = "curvature", width: str | float = "aps-1") -> Figure:
    """One page on one geometry: see :func:`draw`.

    Args:
        geometry: as :func:`qgeom.emergent.extract` returns it.
        by: points are coloured by ``"curvature"`` or ``"sensitivity"``.
        width: of the figure.
    """
    return draw(data_of(geometry), by=by, width=width)


def draw(data: GeometryData, *, by: str = "curvature", width: str | float = "aps-1") -> Figure:
    """(a) Points and edges; (b) distances; (c) dimension by every estimator; (d) curvature of edges; (e) sensitivity.

    (e) is there only if the sensitivity is known.
    """
    wide, timed = style.is_wide(width), len(data.depth) > 0
    if wide:
        rows, heights, aspect = ["aabbcc", "dddeee" if timed else "..dd.."], (1.15, 0.85), 0.66
    else:
        rows, heights, aspect = ["a", "b", "c", "d", "e"], (1.5, 1.2, 0.75, 0.6, 0.6), 2.65
        if not timed:
            rows, heights, aspect = rows[:4], heights[:4], 2.25
    look = {"only": {"color": style.BLUE, "marker": "o", "linestyle": "-"}}
    with style.style(width, aspect):
        figure = style.new_figure(width, aspect)
        panels = figure.subplot_mosaic([list(row) for row in rows], height_ratios=heights)  # pyright: ignore[reportArgumentType]
        drawn = parts.plane(panels["a"], data, by, names=5)
        if drawn is not None:
            label = parts.CURVATURE if by == "curvature" else parts.SENSITIVITY
            parts.bar(figure, drawn, panels["a"], label, horizontal=wide)
        parts.bar(figure, parts.matrix(panels["b"], data), panels["b"], "distance", horizontal=wide)
        parts.dimensions(panels["c"], {"only": data.dimensions}, look)
        parts.edge_curvature(panels["d"], {"only": data.curvature}, look)
        if timed:
            parts.along_depth(panels["e"], {"only": (data.depth, data.along_depth)}, look)
        for letter, axes in sorted(panels.items()):
            style.panel_label(axes, str(letter))
    return figure


def plane(geometry: Any, *, by: str = "curvature", names: int = 8, width: str | float = "aps-1") -> Figure:
    """The points in two dimensions alone, with a colour bar; arguments as in :func:`picture`.

    Args:
        geometry: a geometry, or :class:`GeometryData`.
        by: ``"curvature"`` or ``"sensitivity"``.
        names: how many points bear their name.
        width: of the figure.

    Raises:
        ValueError: where the embedding was refused, with the reason.
    """
    data = _as_data(geometry)
    positions(data, 2)  # refuses
    with style.style(width, 0.85):
        figure = style.new_figure(width, 0.85)
        axes = figure.subplots()
        drawn = parts.plane(axes, data, by, names=names)
        parts.bar(figure, drawn, axes, parts.CURVATURE if by == "curvature" else parts.SENSITIVITY)
    return figure


def space(
    geometry: Any,
    *,
    by: str = "curvature",
    elevation: float = 22.0,
    azimuth: float = -60.0,
    width: str | float = "aps-1",
) -> Figure:
    """The points in three dimensions: space, the sphere, the hyperboloid, or the Poincare ball; see :func:`positions`.

    Args:
        geometry: a geometry, or :class:`GeometryData`; for a volume, extract it with ``dimensions=3``.
        by: ``"curvature"`` or ``"sensitivity"``.
        elevation, azimuth: of the eye, in degrees.
        width: of the figure.

    Raises:
        ValueError: where the embedding was refused, with the reason.
    """
    data = _as_data(geometry)
    at, colours = positions(data, 3), data.colours(by)
    seen = [colours, data.curvature] if by == "curvature" else [colours]
    norm, colour_map, label = parts.colour_scale(seen, by)
    with style.style(width, 0.85), matplotlib.rc_context({"grid.color": "0.88", "grid.linewidth": 0.4}):
        figure = style.new_figure(width, 0.85)
        axes = cast("Axes3D", figure.add_subplot(projection="3d"))
        shade = colour_map(norm(np.nan_to_num(data.curvature))) if by == "curvature" else "0.72"
        axes.add_collection3d(Line3DCollection(list(curves(data, 3)), colors=shade, linewidths=0.6))  # pyright: ignore[reportArgumentType]
        known = np.isfinite(colours)
        look = {"s": 14, "edgecolors": "0.15", "linewidths": 0.4}
        axes.scatter(*at[~known].T, color="white", **look)  # pyright: ignore[reportArgumentType]
        drawn = axes.scatter(*at[known].T, c=colours[known], cmap=colour_map, norm=norm, **look)  # pyright: ignore[reportArgumentType]
        half = 0.5 * max(float(np.max(np.ptp(at, axis=0))), 1e-12)
        middle = 0.5 * (at.min(axis=0) + at.max(axis=0))
        for k, limit in enumerate((axes.set_xlim, axes.set_ylim, axes.set_zlim)):
            limit(middle[k] - half, middle[k] + half)
        axes.set_box_aspect((1, 1, 1))
        axes.view_init(elev=elevation, azim=azimuth)
        axes.tick_params(labelsize=5, pad=-3)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):  # pyright: ignore[reportAttributeAccessIssue]
            axis.set_major_locator(MaxNLocator(4))
        axes.set_title(f"{data.space}, stress {data.stress:.2f}", fontsize=6.5)
        parts.bar(figure, drawn, axes, label)
    return figure


def pair(geometries: Mapping[str, Any], *, by: str = "curvature", width: str | float = "aps-2") -> Figure:
    """Geometries beside each other on shared scales: the circuit's and the network's.

    First row: points and edges, one colour scale. Second row: distances in units of each side's largest. Below:
    dimensions, curvature of edges and sensitivity along depth, all sides in one panel each.

    Args:
        geometries: by name, two or three; as :func:`qgeom.emergent.extract` returns them, or :class:`GeometryData`.
        by: ``"curvature"`` or ``"sensitivity"``.
        width: of the figure.

    Raises:
        ValueError: for one geometry, or more than three.
    """
    if not 2 <= len(geometries) <= 3:
        raise ValueError(f"two or three geometries stand beside each other, not {len(geometries)}")
    sides = {name: _as_data(geometry) for name, geometry in geometries.items()}
    looks = {name: parts.look_of(name, k) for k, name in enumerate(sides)}
    wide = style.is_wide(width)
    aspect = 0.95 if wide else 2.5
    with style.style(width, aspect):
        figure = style.new_figure(width, aspect)
        top, bottom = cast(
            "list[SubFigure]", figure.subfigures(2, 1, height_ratios=(1.75, 0.8) if wide else (1.0, 1.0))
        )
        top.suptitle(" ", fontsize=4)  # room for the titles, which the layout of a subfigure cuts
        panels = top.subplots(2, len(sides), squeeze=False)
        pictures(top, list(panels[0]), sides, by, horizontal=not wide)
        distances_beside(top, list(panels[1]), sides, horizontal=not wide)
        others = list(np.ravel(bottom.subplots(*((1, 3) if wide else (3, 1)))))
        shared(others, sides, looks)
        letters = [panels[0][0], panels[1][0], *others]
        for axes, letter in zip(letters, "abcde", strict=True):
            style.panel_label(axes, letter)
        figure.legend(handles=parts.handles(looks), loc="outside lower center", ncols=len(sides))
    return figure


def pictures(
    figure: Any, panels: list[Axes], sides: Mapping[str, GeometryData], by: str, *, horizontal: bool = False
) -> None:
    """The points of every side in its own panel, with one colour scale for all."""
    values = [data.colours(by) for data in sides.values()]
    values += [data.curvature for data in sides.values()] if by == "curvature" else []
    scale = parts.colour_scale(values, by)
    seen = []
    for axes, (name, data) in zip(panels, sides.items(), strict=True):
        seen.append(parts.plane(axes, data, by, scale, title=name))
        if data.coordinates is not None:
            axes.annotate(parts.said(data), (0.5, 0.0), (0, -3), xycoords="axes fraction",
                          textcoords="offset points", ha="center", va="top", fontsize=6)  # fmt: skip
    drawn = next((one for one in seen if one is not None), None)
    if drawn is not None:
        parts.bar(figure, drawn, panels, scale[2], horizontal=horizontal)


def distances_beside(
    figure: Any, panels: list[Axes], sides: Mapping[str, GeometryData], *, horizontal: bool = False
) -> None:
    """Distance matrices, each in units of its largest distance, so that one scale serves all."""
    drawn = None
    for axes, data in zip(panels, sides.values(), strict=True):
        finite = data.distances[np.isfinite(data.distances)]
        largest = max(float(np.max(finite, initial=0.0)), 1e-300)
        scaled = GeometryData(data.names, data.distances / largest, data.edges, data.curvature)
        drawn = parts.matrix(axes, scaled, 1.0)
    parts.bar(figure, drawn, panels, "distance / largest", horizontal=horizontal)


def shared(
    panels: list[Axes], sides: Mapping[str, GeometryData], looks: Mapping[str, Mapping[str, Any]]
) -> None:
    """Dimensions, curvature of edges and sensitivity along depth: all sides on the same axes."""
    parts.dimensions(panels[0], {name: data.dimensions for name, data in sides.items()}, looks)
    parts.edge_curvature(panels[1], {name: data.curvature for name, data in sides.items()}, looks)
    known = {name: (data.depth, data.along_depth) for name, data in sides.items() if len(data.depth)}
    parts.along_depth(panels[2], known, looks)


def _as_data(geometry: Any) -> GeometryData:
    return geometry if isinstance(geometry, GeometryData) else data_of(geometry)
