r"""The exponent with which balls grow: for the correlation sum of points and for the balls of a graph.

.. math:: \ln N(r) = a + D \ln r + b\, r \qquad\text{or}\qquad \ln N(r) = a + D \ln r + e / r^2

N(r) is the mean number of points in a ball of radius r. The term ``b r`` is what a boundary does in leading order: it
cuts balls by a share proportional to r. The term ``e / r^2`` is what a lattice does: on Z^D and with the radius counted
to half a step beyond the last shell, ``2 r`` (D = 1), ``2 r^2 + 1/2`` (D = 2), ``4 r^3 / 3 + 5 r / 3`` (D = 3).
"""

from __future__ import annotations

import numpy as np

from qgeom.emergent.estimate import Estimate
from qgeom.emergent.matrices import ROUNDING
from qgeom.emergent.resampling import student_95

LEAST_RADII = 4
EXPONENTIAL = 12.0
"""A power law must fit at least so much better than an exponential (ratio of squared residuals)."""
SIGNIFICANT = 2.0
"""Standard errors that make a third term significant, and by which fits may be off."""
UNSURE = 0.5
"""Share of the third term's effect on D that is allowed for as the effect of the next terms."""


def weighted_fit(
    radii: np.ndarray, weights: np.ndarray, term: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares of ``ln N = a + D ln r (+ b term)``, linear in ln N.

    Args:
        radii: (m,), increasing.
        weights: (m,), of the squared residuals.
        term: (m,), the third term.

    Returns:
        the matrix (2 or 3, m) that takes ln N to (a, D, b), and the design (m, 2 or 3).
    """
    columns = [np.ones_like(radii), np.log(radii)]
    if term is not None:
        columns.append(term / np.abs(term).max())
    design, root = np.column_stack(columns), np.sqrt(weights / weights.max())
    return np.linalg.pinv(root[:, None] * design) * root, design


def ball_sizes(distances: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Mean number of points within each radius of a point, its own included, (m,)."""
    values = np.sort(distances, axis=None)
    return np.searchsorted(values, radii, side="right") / len(distances)


def shells(values: np.ndarray, gap: float) -> np.ndarray:
    """Runs of positive values with no gap wider than ``gap``: lowest, highest and number of values of each, (k, 3)."""
    values = np.sort(values[values > 0.0])
    ends = np.append(np.flatnonzero(np.diff(values) > gap), len(values) - 1)
    starts = np.append(0, ends[:-1] + 1)
    return np.column_stack([values[starts], values[ends], ends - starts + 1.0])


def growth_of_points(distances: np.ndarray, radii: np.ndarray, method: str) -> Estimate:
    r"""D of points without ties, as a sample from a smooth density, with the boundary's term.

    D is linear in ln N, and N a mean over pairs, so that D is to first order a U-statistic with the kernel
    :math:`g_{ij} = \sum_m h_m 1[d_{ij} \le r_m] / N_m`. Its variance follows from the two parts of the kernel
    (Hoeffding 1948), of nodes and of pairs: with s the sample variance of the row means of g and
    :math:`\sigma^2` the variance of what an additive fit leaves, it is
    :math:`4 s / n - 2 \sigma^2 / (n (n - 1))`.
    """
    n = len(distances)
    size = ball_sizes(distances, radii) - 1.0
    h = weighted_fit(radii, size, radii)[0][1]
    value = float(h @ np.log(size))
    share = size / (n - 1)
    steps = np.append(np.cumsum((h / share)[::-1])[::-1], 0.0)  # sum over the radii that hold a pair
    g = steps[np.searchsorted(radii, distances, side="left")]
    np.fill_diagonal(g, 0.0)
    mean = g.sum() / (n * (n - 1))
    rows = g.sum(axis=1) / (n - 1) - mean
    part = rows * (n - 1) / (n - 2)  # the additive fit
    rest = (g - mean - part[:, None] - part[None, :])[np.triu_indices(n, 1)]
    of_pairs = float(np.sum(rest**2)) / (0.5 * n * (n - 3))
    least = 2.0 * of_pairs / (n * (n - 1))
    variance = max(4.0 * float(np.var(rows, ddof=1)) / n - least, least)
    half = student_95(n - 1) * np.sqrt(variance)
    return Estimate(value, max(value - half, 0.0), value + half, method)


def growth_on_lattice(distances: np.ndarray, gap: float, method: str) -> Estimate:
    """D where distances are tied, as on a lattice or of hops: exact balls, no sampling.

    Radii are taken halfway between two shells, up to half of the diameter, where a line that closes into a ring meets
    itself; balls hold their centre. The value has the boundary's term where that is significant. The interval holds all
    fits, with no term, with either term, and without the first or the last radius; and two standard errors of the fit
    and half of the boundary's correction beyond.

    Args:
        distances: (n, n).
        gap: widest gap between distances of one shell.
        method: name in the result.

    Raises:
        ValueError: for fewer than 4 shells, or balls that grow faster than a power of the radius.
    """
    lowest, highest, _ = shells(distances[np.triu_indices(len(distances), 1)], gap).T
    used = int(np.sum(lowest <= 0.5 * highest[-1] * (1.0 + ROUNDING)))
    if used < LEAST_RADII:
        raise ValueError(
            f"no scaling range: {used} different distances up to half of the largest, where a dimension "
            f"needs {LEAST_RADII}; a larger lattice is needed"
        )
    radii = 0.5 * (highest[:used] + lowest[1 : used + 1])
    size = ball_sizes(distances, radii)
    logs = np.log(size)

    def fit(kept: slice, term: np.ndarray | None = None) -> float:
        return float(
            weighted_fit(radii[kept], size[kept], None if term is None else term[kept])[0][1] @ logs[kept]
        )

    everything, later, earlier = slice(None), slice(1, None), slice(None, -1)
    plain = fit(everything)
    operator, design = weighted_fit(radii, size, radii)
    _, bounded, slope = operator @ logs
    rest = logs - design @ (operator @ logs)
    noise = float(np.sqrt(np.sum(size * rest**2) / np.mean(size) / (len(radii) - 3)))
    error, slope_error = noise * np.linalg.norm(operator[1]), noise * np.linalg.norm(operator[2])
    significant = abs(slope) > SIGNIFICANT * slope_error
    if significant and slope > 0.0 and _misfit(radii, logs) < EXPONENTIAL * _misfit(np.log(radii), logs):
        raise ValueError(
            "balls grow faster than any power of the radius (as on a tree or a random graph): there is no dimension"
        )
    fits = [plain, float(bounded), fit(everything, radii**-2.0), fit(later), fit(earlier)]
    if len(radii) > LEAST_RADII:
        fits += [fit(later, radii), fit(earlier, radii)]
    margin = SIGNIFICANT * error + UNSURE * abs(bounded - plain)
    value = float(bounded) if significant else plain
    return Estimate(value, max(min(fits) - margin, 0.0), max(fits) + margin, method)


def _misfit(x: np.ndarray, y: np.ndarray) -> float:
    """Sum of squared residuals of a straight line, a rounding error at least."""
    x, y = x - x.mean(), y - y.mean()
    return max(float(np.sum((y - x * (x @ y) / (x @ x)) ** 2)), 1e-20)
