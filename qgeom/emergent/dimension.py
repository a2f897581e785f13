"""Dimension from distances, by several estimators, each with its 95% interval; and the table of them all.

All but the MDS spectrum count neighbours, and know nothing of triangles: independent random distances, uniform on
[0, 1], have correlation dimension 1. Beside a dimension belong the share of negative eigenvalues
(:func:`~qgeom.emergent.embedding.negative_share`) and the same figure for shuffled distances.
"""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import scipy.stats

from qgeom.emergent.ball_growth import growth_of_points, growth_on_lattice, shells
from qgeom.emergent.causal_sets import myrheim_meyer
from qgeom.emergent.embedding import gram
from qgeom.emergent.estimate import Estimate
from qgeom.emergent.graph_dimension import spectral_dimension, volume_growth_dimension
from qgeom.emergent.matrices import ROUNDING, distance_matrix, pairs, refuse_constant
from qgeom.emergent.resampling import jackknife, student_95

LEAST_POINTS = 20
RADII = 12
LARGEST_SHARE, NEIGHBOURS = 0.35, 25
"""The largest radius of the correlation sum holds so many neighbours on average, and that share of pairs at most."""
TIED = 0.5
"""Distances are those of a lattice, up to small perturbations, where they fall into fewer shells than there are points
and the gaps between shells take more than this share of their range; or where different ones are fewer than this."""
SHELL_GAP = 0.2
"""Gap between shells of a perturbed lattice, in median distances to the nearest neighbour."""
SHARED_NEIGHBOURS = 1.6
"""Variance of ``sum ln mu`` over that of independent points, since points are one another's neighbours: simulated, 1.5
to 1.7 for uniform points in 1 to 8 dimensions, at 50 as at 400 points."""
DISAGREEMENT = 1.5
"""Largest factor between the dimension of the two nearest neighbours and that of the fourth and the eighth."""


def spectrum_dimension(distances: Any) -> Estimate:
    r"""Dimension of the cloud of points in flat space: participation ratio of the spectrum of classical scaling.

    .. math:: D = \Big(\sum_{\lambda > 0} \lambda\Big)^2 \Big/ \sum_{\lambda > 0} \lambda^2

    over positive eigenvalues of the doubly-centred Gram matrix. It is the dimension of the Euclidean space in which the
    points lie, not of the surface on which they do: 2 or more for a ring; and lower where extents differ. Of a sample
    of n points with k equal variances the ratio falls short by about ``k (k + 1) / n``, while it is exact for points
    that are no sample, as on a lattice: the interval, the jackknife's without that bias, holds the ratio as well.

    Args:
        distances: (n, n), at least 10 points.

    Raises:
        ValueError: for too few points, or equal distances.
    """
    d = distance_matrix(distances, 10)
    refuse_constant(d)
    n = len(d)
    value = _participation(d)
    kept = ~np.eye(n, dtype=bool)
    without = np.array([_participation(d[np.ix_(row, row)]) for row in kept])
    corrected, error = jackknife(value, without)
    half = student_95(n - 1) * error
    low, high = min(value, corrected - half), max(value, corrected + half)
    return Estimate(value, max(low, 1.0), high, "MDS spectrum")


def correlation_dimension(distances: Any) -> Estimate:
    r"""Correlation dimension (Grassberger and Procaccia 1983): the growth of the number of pairs nearer than r.

    .. math:: C(r) = \frac{2}{n (n - 1)} \sum_{i<j} 1[d_{ij} \le r] \sim r^{D} (1 + O(r))

    Fitted at 12 radii, evenly spaced in ln r between those that hold one neighbour and 25 neighbours of a point on
    average (35% of all pairs at most), with weights C(r) and a term for the boundary, without which points in a square
    seem to have dimension 1.8. The interval is that of a U-statistic
    (:func:`~qgeom.emergent.ball_growth.growth_of_points`). Where distances are tied, as on a lattice, exactly or up to
    perturbations that leave gaps between its shells, radii lie in these gaps and the interval is the range over fits
    (:func:`~qgeom.emergent.ball_growth.growth_on_lattice`).

    Args:
        distances: (n, n), at least 20 points if they are not tied.

    Raises:
        ValueError: for too few points, equal distances, coincident points, no range of radii, or points that are
            neither a lattice nor a sample of a smooth density (:func:`two_nearest_neighbour_dimension`).
    """
    d = distance_matrix(distances, 4)
    refuse_constant(d)
    values = np.sort(pairs(d))
    if values[0] <= ROUNDING * values[-1]:
        raise ValueError(
            "some points coincide; merge nodes at distance zero, or add a constant to all distances"
        )
    n, method = len(d), "correlation"
    gap, rounding = SHELL_GAP * float(np.median(_nearest(d, 1))), ROUNDING * values[-1]
    lowest, highest, _ = shells(values, gap).T
    between = float(np.sum(lowest[1:] - highest[:-1]))
    if len(lowest) < n and between > TIED * (values[-1] - values[0]):
        return growth_on_lattice(d, gap, method)
    if len(shells(values, rounding)) < TIED * len(values):
        return growth_on_lattice(d, rounding, method)
    if n < LEAST_POINTS:
        raise ValueError(
            f"too few points: {n}, where the correlation dimension needs at least {LEAST_POINTS}"
        )
    share = min(LARGEST_SHARE, NEIGHBOURS / n)
    first, last = values[n // 2], values[int(share * len(values))]
    if last < 1.2 * first:
        raise ValueError(
            f"no scaling range: distances between {first:.3g} and {last:.3g} hold all pairs from the first few to "
            f"{share:.0%}, a range too short for an exponent"
        )
    _refuse_disagreement(_two_nearest(d), _fourth_and_eighth(d))
    return growth_of_points(d, np.geomspace(first, last, RADII), method)


def two_nearest_neighbour_dimension(distances: Any) -> Estimate:
    r"""Dimension from the ratio of the distances to the two nearest neighbours (Facco et al. 2017).

    .. math:: \mu_i = r_{i2} / r_{i1},\qquad D = \frac{n - c}{\sum_i \ln \mu_i},\qquad
              \frac{2 D_{true}}{c} \sum_i \ln \mu_i \sim \chi^2_{2n/c}

    Where the density is constant over the two nearest neighbours, mu is a Pareto variable of exponent D. For
    independent mu, c = 1, estimate (Denti et al. 2022) and interval are exact; but points share their neighbours, which
    makes the sum vary more, by c = 1.6 in every dimension (:data:`SHARED_NEIGHBOURS`). It looks at the smallest scale
    of all, where curvature and boundary matter least and noise most.

    Args:
        distances: (n, n), at least 20 points.

    Raises:
        ValueError: for too few points, equal distances, coincident points; where more than 2% of the points have two
            neighbours at the same distance (a lattice); or where the fourth and the eighth neighbour, for which
            ``E ln (r_8 / r_4) = 0.7595 / D``, disagree by a factor 1.5 beyond the interval (a perturbed lattice,
            clusters).
    """
    d = distance_matrix(distances, LEAST_POINTS)
    refuse_constant(d)
    n = len(d)
    first, second = _nearest(d, 1), _nearest(d, 2)
    if first.min() <= ROUNDING * d.max():
        raise ValueError(
            "some points coincide; merge nodes at distance zero, or add a constant to all distances"
        )
    tied = int(np.sum(second <= first * (1.0 + ROUNDING)))
    if tied > 0.02 * n:
        raise ValueError(
            f"{tied} of {n} points have two nearest neighbours at the same distance (a lattice): the ratio of the two "
            "says nothing about dimension"
        )
    found = _two_nearest(d)
    _refuse_disagreement(found, _fourth_and_eighth(d))
    return found


def dimension_table(
    distances: Any, graph: nx.Graph | None = None, order: Any = None
) -> dict[str, Estimate | str]:
    """Every estimator on the same geometry: its estimate, or the reason why it gives none.

    Args:
        distances: (n, n).
        graph: for volume growth and the random walk, in hops.
        order: for the causal order, a boolean matrix (n, n) or a directed acyclic graph.

    Returns:
        per estimator, in this order: ``"MDS spectrum"``, ``"correlation"``, ``"two nearest neighbours"``, ``"volume
        growth"``, ``"spectral"``, ``"Myrheim-Meyer"`` (of spacetime: one more than of space).
    """
    table: dict[str, Estimate | str] = {}
    for name, estimator, given in (
        ("MDS spectrum", spectrum_dimension, distances),
        ("correlation", correlation_dimension, distances),
        ("two nearest neighbours", two_nearest_neighbour_dimension, distances),
        ("volume growth", volume_growth_dimension, graph),
        ("spectral", spectral_dimension, graph),
        ("Myrheim-Meyer", myrheim_meyer, order),
    ):
        if given is None:
            table[name] = "no causal order was given" if name == "Myrheim-Meyer" else "no graph was given"
            continue
        try:
            table[name] = estimator(given)
        except ValueError as refusal:
            table[name] = str(refusal)
    return table


def _nearest(d: np.ndarray, k: int) -> np.ndarray:
    """Distance of every point to its k-th neighbour, (n,)."""
    return np.partition(d, k, axis=1)[:, k]  # at 0 is the point itself


def _two_nearest(d: np.ndarray) -> Estimate:
    n, total = len(d), float(np.sum(np.log(_nearest(d, 2) / _nearest(d, 1))))
    low, high = scipy.stats.chi2.ppf([0.025, 0.975], 2.0 * n / SHARED_NEIGHBOURS)
    unit = 2.0 * total / SHARED_NEIGHBOURS
    return Estimate((n - SHARED_NEIGHBOURS) / total, low / unit, high / unit, "two nearest neighbours")


def _fourth_and_eighth(d: np.ndarray) -> float:
    """Dimension from the ratio of the distances to the fourth and the eighth neighbour."""
    return float(np.sum(1.0 / np.arange(4, 8)) / np.mean(np.log(_nearest(d, 8) / _nearest(d, 4))))


def _refuse_disagreement(two: Estimate, farther: float) -> None:
    if two.low > DISAGREEMENT * farther or two.high < farther / DISAGREEMENT:
        raise ValueError(
            f"the two nearest neighbours say dimension {two.value:.3g}, the fourth and the eighth {farther:.3g}: the "
            "points are no sample of a smooth density (a perturbed lattice, or clusters)"
        )


def _participation(d: np.ndarray) -> float:
    eigenvalues = np.linalg.eigvalsh(gram(d))
    positive = eigenvalues[eigenvalues > 1e-13 * len(d) * eigenvalues[-1]]
    return max(float(positive.sum() ** 2 / np.sum(positive**2)), 1.0)
