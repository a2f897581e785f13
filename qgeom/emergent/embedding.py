"""Points of a space of constant curvature whose distances approximate given ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from qgeom.emergent.matrices import distance_matrix, pairs

Space = Literal["euclidean", "spherical", "hyperbolic"]


@dataclass(frozen=True)
class Embedding:
    """Points in Euclidean, spherical or hyperbolic space, and how well they reproduce the distances.

    Attributes:
        coordinates: float64. Euclidean (n, k); spherical (n, k + 1), vectors of length ``radius``; hyperbolic
            (n, k + 1), on the hyperboloid ``-x_0^2 + x_1^2 + ... + x_k^2 = -radius^2``, ``x_0 > 0``.
        stress: stress-1, ``sqrt(sum (d - delta)^2 / sum d^2)`` over pairs, d the distances of the embedding, delta
            the given ones (in non-metric scaling: the nearest monotone function of them).
        negative_share: how far the given distances are from any Euclidean ones (:func:`negative_share`).
        space: ``"euclidean"``, ``"spherical"`` or ``"hyperbolic"``.
        radius: radius of curvature, in units of the distances; inf for Euclidean space.
        stresses: where several spaces were compared, the stress of each.
    """

    coordinates: np.ndarray
    stress: float
    negative_share: float
    space: Space
    radius: float = math.inf
    stresses: Mapping[str, float] = field(default_factory=dict)

    @property
    def dimension(self) -> int:
        """Dimension k of the space."""
        return self.coordinates.shape[1] - (self.space != "euclidean")

    @property
    def curvature(self) -> float:
        """Sectional curvature: 0, ``1 / radius^2`` or ``-1 / radius^2``."""
        return {"euclidean": 0.0, "spherical": 1.0, "hyperbolic": -1.0}[self.space] / self.radius**2

    @property
    def distances(self) -> np.ndarray:
        """Geodesic distances between the points, (n, n)."""
        x = self.coordinates
        if self.space == "euclidean":
            return np.linalg.norm(x[:, None] - x[None], axis=-1)
        x = x / self.radius
        if self.space == "spherical":
            return self.radius * angles(x)
        return self.radius * rapidities(x[:, 1:])

    def __repr__(self) -> str:
        curved = "" if self.space == "euclidean" else f", radius {self.radius:.4g}"
        return (
            f"Embedding({len(self.coordinates)} points, {self.space} dimension {self.dimension}{curved}, "
            f"stress {self.stress:.3g}, negative share {self.negative_share:.3g})"
        )


def angles(unit: np.ndarray) -> np.ndarray:
    """Angles between unit vectors, (n, m) -> (n, n), with a zero diagonal."""
    found = np.arccos(np.clip(unit @ unit.T, -1.0, 1.0))
    np.fill_diagonal(found, 0.0)
    return found


def rapidities(spatial: np.ndarray) -> np.ndarray:
    """Distances on the unit hyperboloid between points of spatial coordinates (n, k), ``x_0 = sqrt(1 + |x|^2)``."""
    time = np.sqrt(1.0 + np.sum(spatial**2, axis=1))
    found = np.arccosh(np.maximum(np.outer(time, time) - spatial @ spatial.T, 1.0))
    np.fill_diagonal(found, 0.0)
    return found


def gram(distances: np.ndarray) -> np.ndarray:
    """Doubly-centred Gram matrix ``B = -J D^2 J / 2``, ``J = 1 - 11'/n``: positive iff the distances are Euclidean."""
    square = distances**2
    rows = square.mean(axis=1)
    return -0.5 * (square - rows[:, None] - rows[None, :] + rows.mean())


def negative_share(distances: Any) -> float:
    r"""Share of negative eigenvalues of the doubly-centred Gram matrix: how far from any geometry of flat space.

    .. math:: \sum_{\lambda < 0} |\lambda| / \sum |\lambda|,\qquad B = -\tfrac12 J D^{2} J

    Zero iff the distances are those of points of some Euclidean space (Schoenberg 1935); distances drawn at random
    come near 1/2. Geodesic distances of curved spaces have a share of their own.

    Args:
        distances: (n, n), at least 3 points.

    Raises:
        ValueError: for what is no matrix of distances.
    """
    return share_of_negative(np.linalg.eigvalsh(gram(distance_matrix(distances))))


def share_of_negative(eigenvalues: np.ndarray) -> float:
    """Weight of the negative ones; below rounding it is zero."""
    size = np.abs(eigenvalues)
    kept = size > 1e-13 * len(size) * size.max()
    return float(size[kept & (eigenvalues < 0.0)].sum() / size[kept].sum())


def stress_1(embedded: np.ndarray, wanted: np.ndarray) -> float:
    """Kruskal's stress-1, ``sqrt(sum (d - delta)^2 / sum d^2)`` over pairs; inf if all points coincide."""
    d, delta = pairs(embedded), pairs(wanted)
    size = float(np.sum(d**2))
    return math.sqrt(float(np.sum((d - delta) ** 2)) / size) if size > 0.0 else math.inf
