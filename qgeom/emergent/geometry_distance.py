r"""How different two geometries are, whatever their nodes are called: the Gromov-Wasserstein distance.

    GW(d, d')^2 = min over T of  sum_{ijkl} (d_ik - d'_jl)^2 T_ij T_kl,

over couplings T of the two sets of nodes with uniform weights (Memoli, Found. Comput. Math. 11, 417 (2011), p = 2,
without his factor 1/2; square loss of Peyre, Cuturi and Solomon, ICML 2016). It is a metric on finite metric spaces up
to isometry; sizes may differ. Each geometry is first scaled to mean distance 1 over its pairs, so that GW compares
shapes and is itself a share of the mean distance.

The minimum is over a non-convex function. Conditional gradients (POT) run from several couplings, for equal sizes
also from assignments bettered by exchanges (SciPy) or, of few nodes, from the best of all; the least is an upper
bound. The distribution of distances gives a lower one (Memoli's second, a transport on the line). Where they meet the
distance is exact.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
from ot.gromov import gromov_wasserstein as conditional_gradients

STARTS = 32
"""Random couplings to start from, beside the product and two that match eccentricities and spectra: between random
clouds of 5 to 20 points within 3% of the least of 400 starts (with 4, up to 16% above it)."""

ASSIGNMENTS = 4
"""How many assignments are bettered by exchanges, for equal sizes (each costs more than a descent)."""


FEW = 7
"""Up to so many nodes, equal in number, the best of all assignments is one of the starts."""


class GeometryDistance(NamedTuple):
    """How far two geometries are apart.

    Attributes:
        distance: the least found, an upper bound; in units of the mean distance within a geometry.
        lower_bound: below it GW cannot be.
        plan: the coupling, (n, m), rows sum to 1/n.
    """

    distance: float
    lower_bound: float
    plan: np.ndarray

    def __float__(self) -> float:
        """The distance alone."""
        return self.distance


def gromov_wasserstein(
    first: Any, second: Any, starts: int = STARTS, seed: int = 0, scaled: bool = True
) -> GeometryDistance:
    """The Gromov-Wasserstein distance of two matrices of distances.

    Args:
        first: (n, n), symmetric, zero diagonal, finite; or an :class:`~qgeom.emergent.geometry.EmergentGeometry`.
        second: (m, m), likewise.
        starts: random couplings that are tried beside the product coupling and the two sorted ones.
        seed: of these.
        scaled: scale both to mean distance 1 over pairs.

    Raises:
        ValueError: if a matrix is not one of distances, has fewer than 2 nodes, or parts that are not connected.
    """
    if starts < 0:
        raise ValueError(f"starts is a number of random couplings, 0 or more, not {starts}")
    a, b = _checked(first, "first", scaled), _checked(second, "second", scaled)
    # The descent is not symmetric in its arguments, the distance is: the pair is put in one order.
    turned = (len(a), a.tobytes()) > (len(b), b.tobytes())
    if turned:
        a, b = b, a
    n, m = len(a), len(b)
    p, q = np.full(n, 1.0 / n), np.full(m, 1.0 / m)
    best, best_plan = np.inf, np.outer(p, q)
    for start in _starts(a, b, starts, np.random.default_rng(seed)):
        plan = np.asarray(conditional_gradients(a, b, p, q, "square_loss", symmetric=True, G0=start))
        cost = _cost(a, b, plan)
        if cost < best:
            best, best_plan = cost, plan
    lower = min(_distribution_bound(a, b), np.sqrt(best))
    return GeometryDistance(float(np.sqrt(best)), float(lower), best_plan.T if turned else best_plan)


def _checked(geometry: Any, name: str, scaled: bool) -> np.ndarray:
    table = np.asarray(getattr(geometry, "distances", geometry), dtype=np.float64)
    if table.ndim != 2 or table.shape[0] != table.shape[1] or len(table) < 2:
        raise ValueError(
            f"{name} must be a square matrix of distances of 2 nodes or more, not of shape {table.shape}"
        )
    if not np.all(np.isfinite(table)):
        raise ValueError(f"{name} has infinite distances or NaN: compare connected parts, node by node")
    size = float(np.abs(table).max())
    if (
        np.any(table < 0.0)
        or np.abs(table - table.T).max() > 1e-9 * size
        or np.any(np.diag(table) > 1e-9 * size)
    ):
        raise ValueError(
            f"{name} is no matrix of distances: it must be symmetric, 0 or more, 0 on the diagonal"
        )
    mean = table.sum() / (len(table) * (len(table) - 1))
    if scaled and mean == 0.0:
        raise ValueError(f"{name}: all nodes coincide, there is no scale; compare with scaled=False")
    return np.ascontiguousarray(table / mean if scaled else table)


def _starts(a: np.ndarray, b: np.ndarray, count: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Couplings to start from: the product, sorted by mean distance, sorted by the Perron vector, and random ones."""
    found = [np.full((len(a), len(b)), 1.0 / (len(a) * len(b)))]
    if len(a) == len(b):
        found.append(np.eye(len(a)) / len(a))  # the same nodes before and after
        if len(a) <= FEW:
            found.append(_best_assignment(a, b))
    found.append(_monotone(a.mean(axis=1), b.mean(axis=1)))
    found.append(_monotone(np.abs(np.linalg.eigh(a)[1][:, -1]), np.abs(np.linalg.eigh(b)[1][:, -1])))
    for i in range(count):
        if len(a) == len(b) and i < ASSIGNMENTS:
            found.append(_exchanged(a, b, rng))
        found.append(_monotone(rng.permutation(len(a)), rng.permutation(len(b))))
    return found


def _best_assignment(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The best of all n! assignments."""
    orders = np.array(list(itertools.permutations(range(len(a)))))
    found = orders[np.argmax(np.sum(a * b[orders[:, :, None], orders[:, None, :]], axis=(1, 2)))]
    return np.eye(len(b))[found] / len(a)


def _exchanged(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """An assignment that no exchange of two nodes betters: equal sizes are a quadratic assignment problem."""
    found: Any = scipy.optimize.quadratic_assignment(
        a, b, method="2opt", options={"maximize": True, "rng": rng}
    )
    return np.eye(len(b))[found.col_ind] / len(a)


def _monotone(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The coupling of uniform weights that matches the order of two functions on the nodes (north-west corner)."""
    n, m = len(x), len(y)
    # cumulated weights in units of 1/(n m): integers, so that the corners meet without rounding
    edges = np.union1d(np.arange(n + 1) * m, np.arange(m + 1) * n)
    middle = 0.5 * (edges[1:] + edges[:-1])
    rows, columns = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    plan = np.zeros((n, m))
    np.add.at(
        plan, (rows[(middle // m).astype(int)], columns[(middle // n).astype(int)]), np.diff(edges) / (n * m)
    )
    return plan


def _cost(a: np.ndarray, b: np.ndarray, plan: np.ndarray) -> float:
    p, q = plan.sum(axis=1), plan.sum(axis=0)
    return max(float(p @ a**2 @ p + q @ b**2 @ q - 2.0 * np.sum((a @ plan @ b) * plan)), 0.0)


def _distribution_bound(a: np.ndarray, b: np.ndarray) -> float:
    """2-Wasserstein distance on the line of the two distributions of distances."""
    x, y = np.sort(a.ravel()), np.sort(b.ravel())
    edges = np.union1d(np.arange(len(x) + 1) * len(y), np.arange(len(y) + 1) * len(x))
    middle = 0.5 * (edges[1:] + edges[:-1])
    gap = x[(middle // len(y)).astype(int)] - y[(middle // len(x)).astype(int)]
    return float(np.sqrt(np.sum(gap**2 * np.diff(edges)) / (len(x) * len(y))))
