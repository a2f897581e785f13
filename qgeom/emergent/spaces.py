r"""Embedding in spaces of constant curvature: Euclidean, spherical and hyperbolic, the best of them named.

Points and the radius of curvature minimise one and the same raw stress in all three,

.. math:: \sum_{i<j} (d(x_i, x_j) - \delta_{ij})^2,\qquad d = |x - y|,\quad R \arccos \frac{x \cdot y}{R^2},\quad
          R\, \mathrm{arccosh} \frac{x_0 y_0 - \vec x \cdot \vec y}{R^2}

on vectors of length R, and on the hyperboloid :math:`x_0^2 - |\vec x|^2 = R^2`. Starts are spectral: the cosines of
the wanted distances are the Gram matrix of the points (Wilson, Hancock, Pekalska, Duin 2014), here over a grid of
radii; the best of them, and the Euclidean solution on a nearly flat space, are improved by L-BFGS.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import scipy.optimize

from qgeom.emergent.embedding import Embedding, Space, angles, gram, rapidities, share_of_negative, stress_1
from qgeom.emergent.estimate import Estimate
from qgeom.emergent.matrices import distance_matrix, pairs, refuse_constant
from qgeom.emergent.mds import classical_start
from qgeom.emergent.resampling import jackknife, student_95

SCREENING = {"maxiter": 150, "maxfun": 300, "maxcor": 20, "ftol": 1e-8, "gtol": 1e-8}
POLISHING = {"maxiter": 3000, "maxfun": 6000, "maxcor": 20, "ftol": 1e-13, "gtol": 1e-9}
AGAIN = {"maxiter": 400, "maxfun": 800, "maxcor": 20, "ftol": 1e-10, "gtol": 1e-9}
"""Of L-BFGS: for every start, for the best of them, and for a fit without some nodes. The stress is relative to the sum
of squared distances."""
RANDOM_STARTS = 3
EXACT = 1e-5
"""Stress below which an embedding counts as exact: what is left is the optimiser's tolerance."""
KEPT_STARTS = 3
CURVED: tuple[Space, Space] = ("spherical", "hyperbolic")
LEAST_CURVATURE = 1e-8
"""In units of the largest distance: below, cosines of angles are lost in rounding."""
FLAT = 30.0
"""Radius, in largest distances, of the nearly flat space in which curved searches also start."""


class _Fit(NamedTuple):
    points: (
        np.ndarray
    )  # (n, k), (n, k + 1) of length one, or (n, k) spatial coordinates on the unit hyperboloid
    radius: float
    residual: float  # raw stress relative to the sum of squared distances


def embed(
    distances: Any, dimension: int, space: Space | Literal["best"] = "best", *, seed: int = 0
) -> Embedding:
    r"""Points of a space of constant curvature with these distances, as nearly as can be.

    ``space="best"`` fits all three. A curved space has one parameter more than flat space, its radius, and must earn
    it: by the Bayesian information criterion it needs ``n ln(RSS_flat / RSS_curved) > ln n``, RSS the raw stress. The
    sample size is that of the n nodes, since the distances of one node are not independent; residuals below a stress
    of 1e-5 count as none. A tie is Euclidean. Of the two curved spaces the one of less stress is taken.

    Args:
        distances: (n, n), at least 2 k + 3 points, so that distances outnumber coordinates.
        dimension: k of the space. The hyperbolic line is the Euclidean one, so for k = 1 there are two spaces.
        space: ``"euclidean"``, ``"spherical"``, ``"hyperbolic"`` or ``"best"``.
        seed: of random starts.

    Returns:
        coordinates, stress-1, radius of curvature (in units of the distances), and with ``"best"`` the stress of each.
        Hyperbolic points are centred: their mean direction is the tip of the hyperboloid.

    Raises:
        ValueError: for too few points, equal distances, an unknown space, or hyperbolic with k = 1.
    """
    d = _checked(distances, dimension)
    if space != "best":
        if space not in ("euclidean", "spherical", "hyperbolic"):
            raise ValueError(f"space is euclidean, spherical, hyperbolic or best, not {space!r}")
        if space == "hyperbolic" and dimension == 1:
            raise ValueError(
                "the hyperbolic line is the Euclidean line; use space='euclidean' or dimension 2"
            )
        return _embedding(d, space, _fit(d, dimension, space, seed))
    flat = _fit(d, dimension, "euclidean", seed)
    fits: dict[Space, _Fit] = {"euclidean": flat, "spherical": _fit(d, dimension, "spherical", seed, flat)}
    if dimension > 1:
        fits["hyperbolic"] = _fit(d, dimension, "hyperbolic", seed, flat)
    embeddings = {name: _embedding(d, name, fit) for name, fit in fits.items()}
    n = len(d)
    best: Space = "euclidean"
    curved = min(CURVED[: len(fits) - 1], key=lambda name: fits[name].residual)
    if n * math.log(_floored(flat) / _floored(fits[curved])) > math.log(n):
        best = curved
    chosen = embeddings[best]
    stresses = {name: embedding.stress for name, embedding in embeddings.items()}
    return Embedding(
        chosen.coordinates, chosen.stress, chosen.negative_share, best, chosen.radius, stresses=stresses
    )


def fitted_curvature(distances: Any, dimension: int, *, groups: int = 20, seed: int = 0) -> Estimate:
    r"""The constant sectional curvature, signed, that fits the distances best, with a 95% interval.

    :math:`1/R^2` or :math:`-1/R^2` of the spherical or hyperbolic embedding of less stress. The interval is that of
    the jackknife over groups of nodes, each fitted again without the group: it says what another sample of nodes would
    have given, of a space that may fit well or badly (see the stress of :func:`embed`). Curvature is resolved where it
    excludes zero.

    Args:
        distances: (n, n), at least max(2 k + 4, 10) points.
        dimension: k of the space, at least 2.
        groups: number of groups, at most n.
        seed: of random starts and of the groups.

    Returns:
        curvature in units of 1 / distance^2.

    Raises:
        ValueError: for too few points, equal distances, or dimension 1.
    """
    if dimension < 2:
        raise ValueError("a line has no curvature of its own; use dimension 2 or more")
    d = _checked(distances, dimension, max(2 * dimension + 4, 10))
    n = len(d)
    flat = _fit(d, dimension, "euclidean", seed)
    fits = {name: _fit(d, dimension, name, seed, flat) for name in CURVED}
    value = _signed(fits)
    members = np.array_split(np.random.default_rng(seed).permutation(n), min(groups, n))
    without = []
    for group in members:
        kept = np.setdiff1d(np.arange(n), group)
        part = d[np.ix_(kept, kept)]
        without.append(
            _signed(
                {
                    name: _improved(part, name, fit.points[kept], fit.radius, AGAIN)
                    for name, fit in fits.items()
                }
            )
        )
    corrected, error = jackknife(value, np.array(without))
    half = student_95(len(members) - 1) * error
    return Estimate(
        value,
        min(value, corrected - half),
        max(value, corrected + half),
        f"curvature of the best fit in {dimension}D",
    )


def poincare_disc(coordinates: Any) -> np.ndarray:
    r"""Points of the Poincare ball, :math:`y = \vec x / (R + x_0)`, from coordinates on the hyperboloid.

    Args:
        coordinates: (n, k + 1), ``-x_0^2 + |x|^2 = -R^2``, ``x_0 > 0``, any R; or a hyperbolic :class:`Embedding`.

    Returns:
        (n, k), inside of the unit ball.

    Raises:
        ValueError: if the points do not lie on one hyperboloid.
    """
    if isinstance(coordinates, Embedding):
        if coordinates.space != "hyperbolic":
            raise ValueError(
                f"the Poincare disc shows hyperbolic embeddings; this one is {coordinates.space}"
            )
        coordinates = coordinates.coordinates
    x = np.asarray(coordinates, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] < 2:
        raise ValueError(f"hyperboloid coordinates have shape (n, k + 1), not {x.shape}")
    square = x[:, 0] ** 2 - np.sum(x[:, 1:] ** 2, axis=1)
    spread = np.abs(square - square.mean())
    if x[:, 0].min() <= 0.0 or square.mean() <= 0.0 or np.any(spread > 1e-6 * x[:, 0] ** 2):
        raise ValueError("these points do not lie on one hyperboloid x_0^2 - |x|^2 = R^2 with x_0 > 0")
    return x[:, 1:] / (math.sqrt(square.mean()) + x[:, :1])


def _checked(distances: Any, dimension: int, least: int = 0) -> np.ndarray:
    if dimension < 1:
        raise ValueError(f"a space has dimension 1 or more, not {dimension}")
    d = distance_matrix(distances, max(least, 2 * dimension + 3))
    refuse_constant(d)
    return d


def _floored(fit: _Fit) -> float:
    return max(fit.residual, EXACT**2)


def _signed(fits: dict[str, _Fit]) -> float:
    name = min(fits, key=lambda name: fits[name].residual)
    return (1.0 if name == "spherical" else -1.0) / fits[name].radius ** 2


def _embedding(d: np.ndarray, space: Space, fit: _Fit) -> Embedding:
    x = fit.points
    if space == "hyperbolic":
        x = _centred(np.column_stack([np.sqrt(1.0 + np.sum(x**2, axis=1)), x]))
    x = x if space == "euclidean" else fit.radius * x
    share = share_of_negative(np.linalg.eigvalsh(gram(d)))
    bare = Embedding(x, math.nan, share, space, fit.radius)
    return Embedding(x, stress_1(bare.distances, d), share, space, fit.radius)


def _centred(x: np.ndarray) -> np.ndarray:
    """Points of the unit hyperboloid, boosted so that their sum points along x_0."""
    total = x.sum(axis=0)
    mean = total / math.sqrt(total[0] ** 2 - np.sum(total[1:] ** 2))
    along = (x[:, 1:] @ mean[1:])[:, None]
    time = mean[0] * x[:, :1] - along
    return np.column_stack([time, x[:, 1:] - mean[1:] * (x[:, :1] + time) / (1.0 + mean[0])])


def _fit(d: np.ndarray, dimension: int, space: str, seed: int, flat: _Fit | None = None) -> _Fit:
    """The best of the improved starts."""
    if space == "euclidean":
        rng = np.random.default_rng(seed)
        starts = [classical_start(d, dimension, rng)]
        starts += [rng.normal(size=(len(d), dimension)) * d.mean() for _ in range(RANDOM_STARTS)]
        return _best(d, space, [(x, math.inf) for x in starts])
    if flat is None:
        flat = _fit(d, dimension, "euclidean", seed)
    far = float(d.max())
    scaled = (flat.points - flat.points.mean(axis=0)) / (FLAT * far)
    if space == "spherical":
        near_flat = np.column_stack([np.sqrt(1.0 - np.sum(scaled**2, axis=1)), scaled])
        grid = far / np.pi * np.geomspace(1.0, 20.0, 14)
    else:
        near_flat, grid = scaled, far / np.geomspace(0.1, 14.0, 14)
    spectral = [(_spectral(d, dimension, space, radius, seed), radius) for radius in grid]
    ranked = sorted(spectral, key=lambda start: _stress(start[0], start[1], d, space)[0])
    starts = [*ranked[:KEPT_STARTS], (near_flat, FLAT * far)]
    return _best(d, space, starts)


def _best(d: np.ndarray, space: str, starts: list[tuple[np.ndarray, float]]) -> _Fit:
    """All starts improved a little, and the best of them to the end."""
    screened = [_improved(d, space, x, radius, SCREENING) for x, radius in starts]
    first = min(screened, key=lambda fit: fit.residual)
    return _improved(d, space, first.points, first.radius, POLISHING)


def _spectral(d: np.ndarray, dimension: int, space: str, radius: float, seed: int) -> np.ndarray:
    """Points from the spectrum of the cosines of the distances, at a given radius."""
    noise = 1e-3 * np.random.default_rng(seed).normal(size=(len(d), dimension + (space == "spherical")))
    if space == "spherical":
        values, vectors = np.linalg.eigh(np.cos(np.minimum(d / radius, np.pi)))
        x = vectors[:, -dimension - 1 :] * np.sqrt(np.maximum(values[-dimension - 1 :], 0.0)) + noise
        return x / np.linalg.norm(x, axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(np.cosh(d / radius))
    return vectors[:, :dimension] * np.sqrt(np.maximum(-values[:dimension], 0.0)) + noise


def _improved(
    d: np.ndarray, space: str, points: np.ndarray, radius: float, options: dict[str, float]
) -> _Fit:
    """A local minimum of the stress, over points and radius.

    Positions are varied as lengths in units of the largest distance, together with the curvature in these units: a
    change of curvature then leaves small figures as they are, and flat space is a point like any other.
    """
    far = float(d.max())
    if space == "euclidean":
        found = scipy.optimize.minimize(
            lambda flat: _flat_stress(flat, far, d),
            points.ravel() / far,
            jac=True,
            method="L-BFGS-B",
            options=options,
        )
        return _Fit(far * found.x.reshape(points.shape), math.inf, float(found.fun))
    free = 1 if space == "spherical" else 0  # of the vectors, the component along their mean has no length
    points = _upright(points) if free else points
    shape, at_pole = points.shape, points[:, :free]
    lengths = points[:, free:] * (radius / far)

    def place(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        scaled, root = flat[:-1].reshape(shape), math.sqrt(flat[-1])
        return scaled, np.concatenate([scaled[:, :free], root * scaled[:, free:]], axis=1), root

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        scaled, x, root = place(flat)
        value, gradient, slope = _stress(x, far / root, d, space)
        by_curvature = 0.5 * (np.sum(gradient[:, free:] * scaled[:, free:]) / root - slope / root**2)
        gradient = np.concatenate([gradient[:, :free], root * gradient[:, free:]], axis=1)
        return value, np.append(gradient.ravel(), by_curvature)

    start = np.append(
        np.concatenate([at_pole, lengths], axis=1).ravel(), max((far / radius) ** 2, LEAST_CURVATURE)
    )
    bounds = [(None, None)] * (start.size - 1) + [(LEAST_CURVATURE, None)]
    found = scipy.optimize.minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    )
    _, x, root = place(found.x)
    if space == "spherical":
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
    return _Fit(x, far / root, float(found.fun))


def _flat_stress(flat: np.ndarray, far: float, d: np.ndarray) -> tuple[float, np.ndarray]:
    value, gradient, _ = _stress(far * flat.reshape(len(d), -1), math.inf, d, "euclidean")
    return value, far * gradient.ravel()


def _upright(x: np.ndarray) -> np.ndarray:
    """Unit vectors reflected so that their mean points along the first axis."""
    mean = x.mean(axis=0)
    mirror = mean / max(float(np.linalg.norm(mean)), 1e-300)
    mirror[0] -= 1.0
    size = float(mirror @ mirror)
    return x if size < 1e-20 else x - 2.0 * np.outer(x @ mirror, mirror) / size


def _stress(points: np.ndarray, radius: float, d: np.ndarray, space: str) -> tuple[float, np.ndarray, float]:
    """Relative raw stress, its gradient in the points, and in ln(radius)."""
    norm = float(np.sum(pairs(d) ** 2))
    if space == "euclidean":
        found = np.sqrt(np.maximum(_squares(points), 0.0))
        rest = found - d
        w = 2.0 * rest / np.maximum(found, 1e-9 * d.max()) / norm
        gradient = w.sum(axis=1)[:, None] * points - w @ points
        return 0.5 * float(np.sum(rest**2)) / norm, gradient, 0.0
    if space == "spherical":
        length = np.linalg.norm(points, axis=1, keepdims=True)
        x = points / length
        theta = angles(x)
        weight = -1.0 / np.maximum(np.sin(theta), 1e-6)
    else:
        x = points
        theta = rapidities(x)
        weight = 1.0 / np.maximum(np.sinh(theta), 1e-6)
    found = radius * theta
    rest = found - d
    value, slope = 0.5 * float(np.sum(rest**2)) / norm, float(np.sum(rest * found)) / norm
    by_cosine = 2.0 * radius * rest * weight / norm  # per pair; the diagonal is zero, since rest is
    if space == "spherical":
        gradient = by_cosine @ x
        return value, (gradient - x * np.sum(x * gradient, axis=1, keepdims=True)) / length, slope
    time = np.sqrt(1.0 + np.sum(x**2, axis=1))
    return value, x * ((by_cosine @ time) / time)[:, None] - by_cosine @ x, slope


def _squares(x: np.ndarray) -> np.ndarray:
    """Squared distances of points of flat space, centred first against cancellation."""
    x = x - x.mean(axis=0)
    size = np.sum(x**2, axis=1)
    square = size[:, None] + size[None, :] - 2.0 * (x @ x.T)
    np.fill_diagonal(square, 0.0)
    return square
