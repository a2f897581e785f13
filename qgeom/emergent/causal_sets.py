r"""Causal sets: orders as spacetimes. Sprinkling into flat spacetime, and the Myrheim-Meyer dimension of an order.

Of n points of an Alexandrov interval (the points between two others) of d-dimensional Minkowski space, sprinkled
uniformly, a pair is causally related with probability (Myrheim 1978, Meyer 1988)

.. math:: f(d) = \frac{\Gamma(d + 1)\, \Gamma(d/2)}{2\, \Gamma(3d/2)}

f(1) = 1, f(2) = 1/2, f(3) = 8/35, f(4) = 1/10: the share of related pairs tells the dimension. That share is a
U-statistic, and its variance at finite n is known exactly (:func:`ordering_fraction_deviation`), hence the interval.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import networkx as nx
import numpy as np
import scipy.optimize
from scipy.special import gammaln

from qgeom.emergent.estimate import Estimate

NORMAL_95 = 1.959963984540054
HIGHEST = 24.0
"""Dimensions above are not looked for: one pair in 10^8 would be related."""
LEAST_ELEMENTS = 10
GRID = 461
"""Dimensions tried for the ends of the interval, 1/20 apart, before they are refined."""


def sprinkle(dimension: int, n: int, seed: int | np.random.Generator = 0) -> np.ndarray:
    """``n`` points, uniform in an Alexandrov interval of Minkowski space.

    The interval lies between ``t = -1/2`` and ``t = 1/2`` at the origin, in units with c = 1: ``|x| <= 1/2 - |t|``.

    Args:
        dimension: of spacetime, time included: 2 for 1+1.
        n: number of points.
        seed: or a NumPy generator.

    Returns:
        coordinates (n, dimension), time first, float64.

    Raises:
        ValueError: for a dimension below 1, or no points.
    """
    if dimension < 1 or n < 1:
        raise ValueError(f"dimension and number of points are at least 1, not {dimension} and {n}")
    rng = np.random.default_rng(seed)
    half_width = 0.5 * rng.random(n) ** (1.0 / dimension)  # density of slices: (1/2 - |t|)^(d - 1)
    time = (0.5 - half_width) * rng.choice((-1.0, 1.0), n)
    direction = rng.normal(size=(n, dimension - 1))
    if dimension == 1:
        return time[:, None]
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    radius = half_width * rng.random(n) ** (1.0 / (dimension - 1))
    return np.column_stack([time, radius[:, None] * direction])


def causal_order(coordinates: Any) -> np.ndarray:
    """The causal order of events of Minkowski space: ``[i, j]`` is True if j is in the future of i.

    Args:
        coordinates: (n, d), time first, c = 1.

    Returns:
        boolean (n, n), irreflexive, transitive.
    """
    x = np.asarray(coordinates, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 1:
        raise ValueError(f"coordinates are (points, dimension), not of shape {x.shape}")
    later = x[None, :, 0] - x[:, None, 0]
    space = np.linalg.norm(x[None, :, 1:] - x[:, None, 1:], axis=-1)
    return (later > 0.0) & (later >= space)


def transitive_order(order: Any) -> np.ndarray:
    """The strict partial order that a directed acyclic graph or a boolean matrix of relations generates.

    Args:
        order: boolean (n, n), ``[i, j]`` True if i precedes j (the diagonal is ignored); or a networkx DiGraph.

    Returns:
        its transitive closure, boolean (n, n).

    Raises:
        TypeError: for a graph that is not directed, or a matrix that is not boolean.
        ValueError: if the matrix is not square, or the relations have a cycle.
    """
    if isinstance(order, nx.Graph):
        if not order.is_directed():
            raise TypeError("a causal order is a directed graph; this one is undirected")
        relation = nx.to_numpy_array(order, weight=None) > 0.0  # pyright: ignore[reportArgumentType]
    else:
        relation = np.array(order)
        if relation.dtype != np.bool_:
            raise TypeError(
                f"an order is a boolean matrix or a networkx DiGraph, not of type {relation.dtype}"
            )
    if relation.ndim != 2 or relation.shape[0] != relation.shape[1]:
        raise ValueError(f"an order is a square matrix (n, n), not of shape {relation.shape}")
    relation = relation.copy()
    np.fill_diagonal(relation, False)
    while True:  # paths of doubled length until nothing is added; products of 0 and 1 are exact in float32
        step = relation.astype(np.float32)
        longer = relation | (step @ step > 0.0)
        if (longer == relation).all():
            break
        relation = longer
    if np.diagonal(relation).any():
        raise ValueError("the relations have a cycle, so they are no causal order")
    return relation


def alexandrov_interval(order: Any, past: int, future: int) -> np.ndarray:
    """The suborder of the elements strictly between two others: the causal set's own Alexandrov interval.

    Args:
        order: boolean (n, n), or a directed acyclic graph.
        past: position of the earlier element.
        future: position of the later element.

    Returns:
        boolean (m, m).

    Raises:
        ValueError: if ``past`` does not precede ``future``.
    """
    relation = transitive_order(order)
    if not relation[past, future]:
        raise ValueError(f"element {past} does not precede element {future}: there is nothing between them")
    inside = np.flatnonzero(relation[past] & relation[:, future])
    return relation[np.ix_(inside, inside)]


def ordering_fraction(dimension: float) -> float:
    """The probability f(d) that two points of the interval are related; d real, at least 1."""
    d = float(dimension)
    return float(np.exp(gammaln(d + 1.0) + gammaln(d / 2.0) - gammaln(1.5 * d)) / 2.0)


def ordering_fraction_deviation(dimension: float, n: int) -> float:
    r"""Standard deviation of the share of related pairs among n points sprinkled into the interval, exact.

    .. math:: \mathrm{Var} = \frac{4 (n - 2)\, \zeta_1 + 2 f (1 - f)}{n (n - 1)},\qquad
              \zeta_1 = \mathrm{Var}\big[\tau_-^d + \tau_+^d\big] = 2 m_{2d} + 2 m_d m_{2d} - f^2

    as for every U-statistic (Hoeffding 1948): :math:`\tau_\mp` are the proper times to the two ends of the interval,
    whose powers are the volumes before and after a point, and
    :math:`m_a = \mathrm E\,\tau^a = \Gamma(d + 1)\, \Gamma(a/2 + 1) / ((a + d)\, \Gamma(a/2 + d))` (Meyer 1988).
    """
    d = float(dimension)

    def moment(a: float) -> float:
        return float(np.exp(gammaln(d + 1.0) + gammaln(0.5 * a + 1.0) - gammaln(0.5 * a + d)) / (a + d))

    f = ordering_fraction(d)
    zeta = max(2.0 * moment(2.0 * d) * (1.0 + moment(d)) - f**2, 0.0)
    return float(np.sqrt((4.0 * (n - 2) * zeta + 2.0 * f * (1.0 - f)) / (n * (n - 1))))


def myrheim_meyer(order: Any) -> Estimate:
    r"""Myrheim-Meyer dimension of a causal order, time included, with the interval of sprinklings.

    The value solves ``f(d) = r`` for the share r of related pairs; the 95% interval holds every d whose sprinklings of
    as many points would have that share within 1.96 of their standard deviations, itself a function of d (a score
    interval). It is the interval of the statement "this order is a sprinkling of an interval of flat spacetime": the
    estimate says nothing of whether it is.

    Args:
        order: boolean (n, n), ``[i, j]`` True if i precedes j; or a directed acyclic graph. Its transitive closure is
            taken. At least 10 elements.

    Returns:
        dimension of spacetime: 1 for a chain, 2 for an interval of 1+1 dimensions.

    Raises:
        TypeError: for what is neither.
        ValueError: for fewer elements, a cycle, or no relation at all.

    Source: J. Myrheim, CERN-TH-2538 (1978); D. Meyer, PhD thesis, MIT (1988).
    """
    relation = transitive_order(order)
    n = len(relation)
    if n < LEAST_ELEMENTS:
        raise ValueError(f"too few elements: {n}, where at least {LEAST_ELEMENTS} are needed for a dimension")
    related = int(relation.sum())
    if related == 0:
        raise ValueError("no two elements are related: an antichain has no dimension of spacetime")
    share = 2.0 * related / (n * (n - 1))
    if share < ordering_fraction(HIGHEST):
        raise ValueError(f"only {share:.1g} of all pairs are related: above {HIGHEST:.0f} dimensions")

    def surplus(d: float) -> float:  # of the expected share over the one seen; falls with d
        return ordering_fraction(d) - share

    def tension(d: float) -> float:  # above zero where d is outside of the interval
        return abs(surplus(d)) - NORMAL_95 * ordering_fraction_deviation(d, n)

    value = 1.0 if surplus(1.0) <= 0.0 else _root(surplus, 1.0, HIGHEST)
    grid = np.linspace(1.0, HIGHEST, GRID)
    inside = np.flatnonzero([tension(d) <= 0.0 for d in grid])
    low, high = value, value
    if len(inside):
        first, last = int(inside[0]), int(inside[-1])
        low = 1.0 if first == 0 else _root(tension, grid[first - 1], min(grid[first], value))
        high = np.inf if last == GRID - 1 else _root(tension, max(grid[last], value), grid[last + 1])
    return Estimate(value, low, high, "Myrheim-Meyer")


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    return float(scipy.optimize.brentq(function, low, high, xtol=1e-12))  # pyright: ignore[reportArgumentType]
