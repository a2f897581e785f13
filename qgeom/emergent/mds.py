"""Multidimensional scaling: points of Euclidean space from distances.

Classical scaling is an eigendecomposition, exact for Euclidean distances; metric scaling minimises the stress of the
distances themselves, non-metric scaling that of their order alone. Both iterate by majorisation (SMACOF, de Leeuw and
Mair 2009; scikit-learn's), which finds a local minimum: the best of several starts is kept, the first of them the
classical solution.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.isotonic import IsotonicRegression
from sklearn.manifold import smacof

from qgeom.emergent.embedding import Embedding, gram, share_of_negative, stress_1
from qgeom.emergent.matrices import ROUNDING, distance_matrix, pairs, refuse_constant

ITERATIONS = 3000
TOLERANCE = 1e-12
"""Of metric scaling, relative to the sum of squared distances."""
MONOTONE_ITERATIONS = 500
MONOTONE_TOLERANCE = 1e-9
"""Of non-metric scaling, each of whose steps has a regression of its own."""


def classical_mds(distances: Any, dimension: int) -> Embedding:
    r"""Classical (Torgerson) scaling: coordinates from the largest eigenvalues of the doubly-centred Gram matrix.

    .. math:: B = -\tfrac12 J D^{2} J = V \Lambda V^T,\qquad X = V_k \Lambda_k^{1/2}

    It minimises the strain :math:`|X X^T - B|_F`, and is exact where the distances are those of points in k dimensions.
    Coordinates are centred, along their principal axes, each with its largest entry positive.

    Args:
        distances: (n, n), at least k + 2 points.
        dimension: k.

    Returns:
        coordinates (n, k), stress-1 of the distances, and the share of negative eigenvalues.

    Raises:
        ValueError: for too few points, equal distances, or fewer than k positive eigenvalues.
    """
    d = _checked(distances, dimension)
    eigenvalues, vectors = np.linalg.eigh(gram(d))
    top, positive = eigenvalues[::-1][:dimension], int(np.sum(eigenvalues > ROUNDING * eigenvalues[-1]))
    if positive < dimension:
        raise ValueError(
            f"these distances span {positive} dimensions of Euclidean space, fewer than {dimension}"
        )
    x = _signed(vectors[:, ::-1][:, :dimension] * np.sqrt(top))
    return Embedding(x, _stress(x, d), share_of_negative(eigenvalues), "euclidean")


def metric_mds(distances: Any, dimension: int, *, starts: int = 4, seed: int = 0) -> Embedding:
    r"""Metric scaling: points that minimise the raw stress :math:`\sum_{i<j} (|x_i - x_j| - \delta_{ij})^2`.

    Args:
        distances: (n, n), at least k + 2 points.
        dimension: k.
        starts: number of starts: classical scaling, then random ones.
        seed: of the random starts.

    Returns:
        coordinates (n, k), centred, along their principal axes; stress-1 (Kruskal 1964).

    Raises:
        ValueError: for too few points, or equal distances.
    """
    d = _checked(distances, dimension)
    best = _scaled(d, dimension, starts, seed, metric=True)
    return Embedding(best, _stress(best, d), share_of_negative(np.linalg.eigvalsh(gram(d))), "euclidean")


def nonmetric_mds(distances: Any, dimension: int, *, starts: int = 4, seed: int = 0) -> Embedding:
    r"""Non-metric scaling (Kruskal 1964): points whose distances are in the order of the given ones.

    Stress-1 compares the distances :math:`d` of the points with :math:`\hat d`, the monotone function of the given ones
    nearest to them (ties stay ties): :math:`\sqrt{\sum (d - \hat d)^2 / \sum d^2}`. It is the same for every monotone
    function of the distances, such as the functional that turned relations into distances. The scale of the
    coordinates is arbitrary: they are given the root mean square distance of the data.

    Args:
        distances: (n, n), at least k + 2 points.
        dimension: k.
        starts: number of starts: classical scaling, then random ones.
        seed: of the random starts.

    Returns:
        coordinates (n, k), centred, along their principal axes.

    Raises:
        ValueError: for too few points, or equal distances.
    """
    d = _checked(distances, dimension)
    order = d.copy()
    positive = pairs(d)[pairs(d) > 0.0]
    order[order == 0.0] = 0.5 * positive.min()  # scikit-learn takes zeros as missing; this keeps their order
    np.fill_diagonal(order, 0.0)
    best = _scaled(order, dimension, starts, seed, metric=False)
    found = np.linalg.norm(best[:, None] - best[None], axis=-1)
    scale = np.sqrt(np.mean(pairs(d) ** 2) / np.mean(pairs(found) ** 2))
    share = share_of_negative(np.linalg.eigvalsh(gram(d)))
    return Embedding(best * scale, _monotone_stress(best, order), share, "euclidean")


def _checked(distances: Any, dimension: int) -> np.ndarray:
    if dimension < 1:
        raise ValueError(f"a space has dimension 1 or more, not {dimension}")
    d = distance_matrix(distances, dimension + 2)
    refuse_constant(d)
    return d


def _scaled(d: np.ndarray, dimension: int, starts: int, seed: int, metric: bool) -> np.ndarray:
    """The configuration of least stress over all starts, (n, k)."""
    if starts < 1:
        raise ValueError(f"at least one start is needed, not {starts}")
    rng, candidates = np.random.default_rng(seed), []
    for start in range(starts):
        first = (
            classical_start(d, dimension, rng)
            if start == 0
            else rng.normal(size=(len(d), dimension)) * d.mean()
        )
        x, _ = smacof(
            d,
            metric=metric,
            n_components=dimension,
            init=first,
            n_init=1,
            max_iter=ITERATIONS if metric else MONOTONE_ITERATIONS,
            eps=TOLERANCE if metric else MONOTONE_TOLERANCE,
        )[:2]
        x = np.asarray(x)
        candidates.append((_stress(x, d) if metric else _monotone_stress(x, d), x))
    return _principal(min(candidates, key=lambda pair: pair[0])[1])


def classical_start(d: np.ndarray, dimension: int, rng: np.random.Generator) -> np.ndarray:
    """Classical scaling, with a little noise in directions in which the distances have no extent, (n, k)."""
    eigenvalues, vectors = np.linalg.eigh(gram(d))
    top = np.maximum(eigenvalues[::-1][:dimension], 0.0)
    x = vectors[:, ::-1][:, :dimension] * np.sqrt(top)
    flat = top <= 1e-6 * top[0]
    x[:, flat] = 1e-3 * d.mean() * rng.normal(size=(len(d), int(flat.sum())))
    return x


def _stress(x: np.ndarray, d: np.ndarray) -> float:
    return stress_1(np.linalg.norm(x[:, None] - x[None], axis=-1), d)


def _monotone_stress(x: np.ndarray, d: np.ndarray) -> float:
    found = pairs(np.linalg.norm(x[:, None] - x[None], axis=-1))
    size = float(np.sum(found**2))
    if size == 0.0:
        return float("inf")
    return float(np.sqrt(np.sum((found - IsotonicRegression().fit_transform(pairs(d), found)) ** 2) / size))


def _principal(x: np.ndarray) -> np.ndarray:
    """Centred, along the principal axes."""
    x = x - x.mean(axis=0)
    return _signed(x @ np.linalg.svd(x, full_matrices=False)[2].T)


def _signed(x: np.ndarray) -> np.ndarray:
    """Each column with its largest entry positive, so that equal distances give equal coordinates."""
    largest = x[np.argmax(np.abs(x), axis=0), np.arange(x.shape[1])]
    return x * np.where(largest < 0.0, -1.0, 1.0)
