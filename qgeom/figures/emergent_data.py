"""What the pictures of an emergent geometry are drawn from: plain arrays, names and words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

Interval = tuple[float, float, float]
"""Value, lower and upper end of its 95% interval."""
_Got = TypeVar("_Got")


@dataclass(frozen=True)
class GeometryData:
    """A geometry as arrays; n points.

    Attributes:
        names: One per point.
        distances: (n, n).
        edges: (m, 2) int: pairs of points that are neighbours.
        curvature: (m,) of the edges; NaN where it is not known.
        coordinates: Of the embedding, or None where it was refused: Euclidean (n, k); spherical and hyperbolic
            (n, k + 1), as :class:`qgeom.emergent.Embedding` has them.
        space: ``"euclidean"``, ``"spherical"`` or ``"hyperbolic"``.
        stress: Of the embedding.
        sensitivity: (n,), NaN where a point has none; None if it is not known.
        depth: (d,) layers and ``along_depth`` (d,) sensitivities of the nodes with parameters.
        dimensions: By estimator; the reason in words where one refused.
        title: What it is of.
        relation: What the distances were made from.
        refused: Why there is no embedding; empty if there is one.
    """

    names: tuple[str, ...]
    distances: np.ndarray
    edges: np.ndarray
    curvature: np.ndarray
    coordinates: np.ndarray | None = None
    space: str = "euclidean"
    stress: float = math.nan
    sensitivity: np.ndarray | None = None
    depth: np.ndarray = field(default_factory=lambda: np.zeros(0))
    along_depth: np.ndarray = field(default_factory=lambda: np.zeros(0))
    dimensions: Mapping[str, Interval | str] = field(default_factory=dict)
    title: str = ""
    relation: str = ""
    refused: str = ""

    def __post_init__(self) -> None:
        n, edges = len(self.names), np.asarray(self.edges)
        if np.shape(self.distances) != (n, n):
            raise ValueError(f"{n} names need ({n}, {n}) distances, not {np.shape(self.distances)}")
        if edges.ndim != 2 or edges.shape[1] != 2 or np.shape(self.curvature) != (len(edges),):
            raise ValueError(
                f"edges (m, 2) need one curvature each, got shapes {edges.shape} and {np.shape(self.curvature)}"
            )
        if edges.size and not (edges.min() >= 0 and edges.max() < n):
            raise ValueError(f"edges name points from 0 to {n - 1}, got {edges.min()} to {edges.max()}")
        if self.coordinates is not None and len(self.coordinates) != n:
            raise ValueError(f"{n} names need {n} rows of coordinates, not {len(self.coordinates)}")
        if self.space not in ("euclidean", "spherical", "hyperbolic"):
            raise ValueError(f"space is euclidean, spherical or hyperbolic, not {self.space!r}")

    @property
    def of_points(self) -> np.ndarray:
        """Mean curvature of the edges at each point, (n,); NaN for a point without any."""
        total, count = np.zeros(len(self.names)), np.zeros(len(self.names))
        known = np.isfinite(self.curvature)
        for end in (0, 1):
            np.add.at(total, self.edges[known, end], self.curvature[known])
            np.add.at(count, self.edges[known, end], 1.0)
        return np.where(count > 0, total / np.maximum(count, 1.0), np.nan)

    def colours(self, by: str) -> np.ndarray:
        """One number per point: ``"curvature"`` (mean of its edges) or ``"sensitivity"``.

        Raises:
            ValueError: another name, or a sensitivity that is not known.
        """
        if by == "curvature":
            return self.of_points
        if by != "sensitivity":
            raise ValueError(f"points are coloured by curvature or sensitivity, not {by!r}")
        if self.sensitivity is None:
            raise ValueError("no sensitivity is known here: colour by curvature")
        return np.asarray(self.sensitivity, float)


def data_of(geometry: Any, title: str = "") -> GeometryData:
    """The arrays of a :class:`qgeom.emergent.EmergentGeometry`; what it refuses is left out, or said in words.

    Args:
        geometry: as :func:`qgeom.emergent.extract` returns it.
        title: what it is of.

    Raises:
        ValueError: if not even a graph can be drawn.
    """
    graph = geometry.graph
    place = {node: k for k, node in enumerate(graph)}
    first = list(graph)
    edges = np.array([(place[a], place[b]) for a, b in graph.edges], int).reshape(-1, 2)
    curvature = _asked(lambda: geometry.curvature)
    known = {} if isinstance(curvature, str) else curvature
    values = [known.get((a, b), known.get((b, a), math.nan)) for a, b in graph.edges]
    embedding = _asked(lambda: geometry.embedding)
    table = _asked(lambda: geometry.dimension_table)
    time = _asked(lambda: geometry.time)
    sensitivity, depth, along = None, np.zeros(0), np.zeros(0)
    if not isinstance(time, str):
        depth, along = np.asarray(time.layer, float), np.asarray(time.sensitivity, float)
        of_name = dict(zip(time.names, along.tolist(), strict=True))
        names = geometry.relation.names
        each = [
            [of_name[names[i]] for i in graph.nodes[node]["members"] if names[i] in of_name] for node in graph
        ]
        if any(each):
            sensitivity = np.array([sum(found) if found else math.nan for found in each])
    placed = not isinstance(embedding, str)
    return GeometryData(
        names=tuple(_label(geometry.relation.names, graph.nodes[node]["members"]) for node in graph),
        distances=np.asarray(geometry.distances, float)[np.ix_(first, first)],
        edges=edges,
        curvature=np.array(values, float),
        coordinates=np.asarray(embedding.coordinates, float) if placed else None,
        space=embedding.space if placed else "euclidean",
        stress=float(embedding.stress) if placed else math.nan,
        sensitivity=sensitivity,
        depth=depth,
        along_depth=along,
        dimensions={"none": table} if isinstance(table, str) else intervals(table),
        title=title,
        relation=str(geometry.relation.kind),
        refused="" if placed else embedding,
    )


def intervals(table: Mapping[str, Any]) -> dict[str, Interval | str]:
    """A table of estimates (anything with value, low, high) or reasons as plain numbers or words."""
    return {
        name: found if isinstance(found, str) else (float(found.value), float(found.low), float(found.high))
        for name, found in table.items()
    }


def positions(data: GeometryData, axes: int) -> np.ndarray:
    """Where the points are drawn: (n, axes), axes 2 or 3.

    Two axes: the plane; the Poincare disc of a hyperbolic embedding; of a spherical one the azimuthal equidistant map
    around the mean direction (distances from the middle are true). Three axes: space; a sphere or the hyperboloid of a
    two-dimensional curved embedding; the Poincare ball or the equidistant map of a three-dimensional one. Directions
    beyond the axes are left out.

    Raises:
        ValueError: without an embedding, with the reason; or another number of axes.
    """
    return _map(data, axes)(_coordinates(data))


def curves(data: GeometryData, axes: int, steps: int = 16) -> np.ndarray:
    """The edges as they are drawn, (m, steps, axes): geodesics of the space of the embedding, straight in flat space.

    Raises:
        ValueError: as :func:`positions`.
    """
    place, x = _map(data, axes), _coordinates(data)
    if data.space == "euclidean":
        return place(x)[data.edges]
    t = np.linspace(0.0, 1.0, steps)
    found = np.zeros((len(data.edges), steps, axes))
    for k, (i, j) in enumerate(data.edges):
        a, b = x[i], x[j]
        radius = math.sqrt(abs(_square(a, data.space)))
        # The geodesic is a mixture of its ends: by sines of the angle, or hyperbolic sines of the rapidity.
        inner = _square(a + b, data.space) / (2.0 * radius**2) - 1.0
        if data.space == "spherical":
            far, sine = math.acos(max(-1.0, min(1.0, inner))), np.sin
        else:
            far, sine = math.acosh(max(1.0, inner)), np.sinh
        weights = (
            (1.0 - t, t) if far < 1e-6 else (sine((1.0 - t) * far) / sine(far), sine(t * far) / sine(far))
        )
        found[k] = place(np.outer(weights[0], a) + np.outer(weights[1], b))
    return found


def _square(x: np.ndarray, space: str) -> float:
    """``|x|^2``, or ``x_0^2 - |x|^2`` of the hyperboloid."""
    return float(x[0] ** 2 - np.sum(x[1:] ** 2)) if space == "hyperbolic" else float(np.sum(x**2))


def _coordinates(data: GeometryData) -> np.ndarray:
    if data.coordinates is None:
        raise ValueError(data.refused or "there is no embedding to draw")
    return np.asarray(data.coordinates, float)


def _map(data: GeometryData, axes: int) -> Callable[[np.ndarray], np.ndarray]:
    """From coordinates (n, ...) of the space of the embedding to the picture (n, axes)."""
    if axes not in (2, 3):
        raise ValueError(f"a picture has 2 or 3 axes, not {axes}")
    x = _coordinates(data)
    if data.space == "euclidean" or (axes == 3 and x.shape[1] == 3):
        turned = data.space == "hyperbolic"  # time upwards
        return lambda y: _padded(np.roll(y, -1, axis=1) if turned else y, axes)
    if data.space == "hyperbolic":
        radius = math.sqrt(max(float(np.mean(x[:, 0] ** 2 - np.sum(x[:, 1:] ** 2, axis=1))), 1e-300))
        return lambda y: _padded(y[:, 1:] / (radius + y[:, :1]), axes)
    radius = float(np.mean(np.linalg.norm(x, axis=1)))
    middle = (x / np.linalg.norm(x, axis=1, keepdims=True)).mean(axis=0)
    middle = middle / max(float(np.linalg.norm(middle)), 1e-300)
    frame = np.linalg.svd(middle[None])[2][1:]  # a basis of the plane at right angles to the middle

    def equidistant(y: np.ndarray) -> np.ndarray:
        unit = y / np.linalg.norm(y, axis=1, keepdims=True)
        beside = unit @ frame.T
        angle = np.arccos(np.clip(unit @ middle, -1.0, 1.0))
        size = np.linalg.norm(beside, axis=1)
        stretch = np.where(size > 1e-12, angle / np.maximum(size, 1e-12), 0.0)
        return _padded(radius * beside * stretch[:, None], axes)

    return equidistant


def _padded(found: np.ndarray, axes: int) -> np.ndarray:
    return np.pad(found, ((0, 0), (0, max(axes - found.shape[1], 0))))[:, :axes]


def _label(names: Sequence[str], members: Sequence[int]) -> str:
    shown = [str(names[i]) for i in members[:3]]
    return ", ".join(shown) + (f" and {len(members) - 3} more" if len(members) > 3 else "")


def _asked(ask: Callable[[], _Got]) -> _Got | str:
    try:
        return ask()
    except ValueError as refusal:
        return str(refusal)
