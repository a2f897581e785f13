r"""Distances from relations: near is what is strongly related.

With ``r`` the share of a relation (:class:`~qgeom.emergent.relation.Relation`) and ``p`` its power,

=============  ==============================  =====================================================
``log``        ``-ln(r) / p``                  the decay of correlations read as a length; additive
                                               along chains where shares multiply (Cao et al. 2017)
``one-minus``  ``1 - r^(1/p)``                 bounded; far pairs are all about 1 apart
``inverse``    ``r^(-1/p) - 1``                a power law of correlations read as a length
=============  ==============================  =====================================================

No relation, ``r`` at or below the floor, is no distance (infinite; for ``one-minus`` too, since what is not there does
not measure anything). None of the three obeys the triangle inequality by itself: violations are counted, and the
*geodesic closure*, the shortest path through the nodes, mends them and gives unrelated pairs a distance.

The unit is a choice, by a stated rule: ``natural`` (the formula as it is), ``mean`` (mean finite distance of pairs 1),
``neighbour`` (median distance to the nearest neighbour 1).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import scipy.sparse.csgraph

from qgeom.emergent.relation import Relation

Formula = Literal["log", "one-minus", "inverse"]
Unit = Literal["natural", "mean", "neighbour"]
FORMULAS: tuple[Formula, ...] = ("log", "one-minus", "inverse")
UNITS: tuple[Unit, ...] = ("natural", "mean", "neighbour")
VIOLATED = 1e-9
"""A side longer than the sum of the two others by more than this fraction violates the triangle inequality."""


@dataclass(frozen=True)
class Triangles:
    """Violations of the triangle inequality ``d_ij <= d_ik + d_kj`` among triples with three finite sides.

    Attributes:
        violated: Triples with a violation.
        total: Triples looked at.
        worst: Largest ``d_ij / (d_ik + d_kj)``; at most 1 without violations.
    """

    violated: int
    total: int
    worst: float

    @property
    def share(self) -> float:
        """Of the triples, those violated; 0 if there are none."""
        return self.violated / self.total if self.total else 0.0


@dataclass(frozen=True)
class Distances:
    """Distances between n points.

    Attributes:
        names: One per point.
        matrix: (n, n) symmetric, zero diagonal; infinite between points in different components.
        direct: (n, n): before the closure; infinite where there is no relation. The edges of the graph.
        formula: Of :data:`FORMULAS`.
        closure: Whether ``matrix`` is the geodesic closure of ``direct``.
        unit: Of :data:`UNITS`.
        scale: What the formula was divided by.
        triangles: Violations in ``direct``.
        components: Number of connected components.
    """

    names: tuple[str, ...]
    matrix: np.ndarray
    direct: np.ndarray
    formula: str
    closure: bool
    unit: str
    scale: float
    triangles: Triangles
    components: int

    @property
    def connected(self) -> bool:
        """Whether every pair is joined by a path of relations."""
        return self.components == 1

    def require_connected(self, what: str) -> np.ndarray:
        """The matrix; ValueError in one line if there is no distance between some pairs."""
        if not np.all(np.isfinite(self.matrix)):
            parts = f"{self.components} unconnected parts" if self.closure else "pairs without a relation"
            raise ValueError(
                f"{what} needs a distance between all points; these fall into {parts}: take the largest part, "
                "the geodesic closure, or a lower floor"
            )
        return self.matrix

    def __repr__(self) -> str:
        triangles = f"{self.triangles.share:.1%} of triangles violated before closure"
        return (
            f"Distances({len(self.names)} points, {self.formula}, unit {self.unit} ({self.scale:.3g}), "
            f"{self.components} component{'s' * (self.components > 1)}, {triangles})"
        )


def distances(
    relation: Relation, formula: Formula = "log", *, closure: bool = True, unit: Unit = "natural"
) -> Distances:
    """Distances from a relation; see the module docstring.

    Args:
        relation: The relation.
        formula: ``"log"``, ``"one-minus"`` or ``"inverse"``.
        closure: Whether to take shortest paths through the nodes.
        unit: ``"natural"``, ``"mean"`` or ``"neighbour"``.

    Raises:
        ValueError: an unknown formula or unit; no pair related at all; no scale (all distances zero).
    """
    if formula not in FORMULAS:
        raise ValueError(f"unknown distance {formula!r}; known: {', '.join(FORMULAS)}")
    if unit not in UNITS:
        raise ValueError(f"unknown unit {unit!r}; known: {', '.join(UNITS)}")
    present = relation.present
    if not np.any(present):
        raise ValueError(f"no two points are related ({relation.kind}): there is no geometry to measure")
    direct = np.full(present.shape, np.inf)
    direct[present] = _length(relation.share[present], relation.power, formula)
    np.fill_diagonal(direct, 0.0)
    scale = _scale(direct, unit)
    direct = direct / scale
    matrix = shortest_paths(direct) if closure else direct
    components, _ = scipy.sparse.csgraph.connected_components(present, directed=False)
    return Distances(
        relation.names, matrix, direct, formula, closure, unit, scale, triangles(direct), int(components)
    )


def shortest_paths(direct: np.ndarray) -> np.ndarray:
    """The geodesic closure: ``min over paths of the sum of direct distances`` (n, n); zero lengths are allowed."""
    closed = np.array(direct, float)
    for k in range(len(closed)):
        np.minimum(closed, closed[:, k, None] + closed[None, k, :], out=closed)
    return closed


def triangles(matrix: np.ndarray) -> Triangles:
    """Count violations of the triangle inequality among triples of finite distances."""
    n = len(matrix)
    violated = total = 0
    worst = 0.0
    for k in range(n):
        rows, columns = np.triu_indices(k, 1)
        a, b, c = matrix[k, rows], matrix[k, columns], matrix[rows, columns]
        finite = np.isfinite(a) & np.isfinite(b) & np.isfinite(c)
        a, b, c = a[finite], b[finite], c[finite]
        total += len(a)
        longest = np.maximum(np.maximum(a, b), c)
        others = a + b + c - longest
        violated += int(np.sum(longest > others * (1.0 + VIOLATED) + 1e-300))
        ratio = longest / np.where(others > 0.0, others, np.inf)
        worst = max(worst, float(np.max(ratio, initial=0.0)))
    return Triangles(violated, total, worst)


def _length(share: np.ndarray, power: int, formula: Formula) -> np.ndarray:
    if formula == "log":
        return -np.log(np.minimum(share, 1.0)) / power
    overlap = np.minimum(share, 1.0) ** (1.0 / power)
    return 1.0 - overlap if formula == "one-minus" else 1.0 / overlap - 1.0


def _scale(direct: np.ndarray, unit: Unit) -> float:
    if unit == "natural":
        return 1.0
    off = direct + np.where(np.eye(len(direct), dtype=bool), np.inf, 0.0)
    if unit == "mean":
        chosen = off[np.isfinite(off)]
        value = float(np.mean(chosen))
    else:
        nearest = np.min(off, axis=1)
        value = float(np.median(nearest[np.isfinite(nearest)]))
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"no scale: the {unit} distance is {value:g}; take unit='natural'")
    return value
