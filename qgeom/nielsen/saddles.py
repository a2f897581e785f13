r"""The way down from a saddle: broken geodesics.

Past its first conjugate point, at time c, a geodesic is no local minimum. A momentum disturbed by a null vector delta
of the Jacobi matrix, ``J(c) delta = 0``, leads to the same point at c to second order. The path that takes the
disturbed geodesic up to c and the old one from there is as long to second order, and has a corner: rounding it makes
the path shorter (Jacobi's argument). Soft directions, which noise does not find, are found this way.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from qgeom.nielsen.flow import follow
from qgeom.nielsen.jacobi import end_derivative
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.starts import resampled


def broken_geodesics(
    penalty: Penalty,
    momentum: np.ndarray,
    conjugate_time: float,
    steps: int,
    segments: int,
    sizes: np.ndarray,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Paths with a corner at the first conjugate point, (segments, m) controls each.

    Args:
        penalty: The metric.
        momentum: L(0) of the saddle, (m,).
        conjugate_time: Of its first conjugate point, in (0, 1).
        steps: Of the flow.
        segments: Of the paths.
        sizes: Norms of the disturbances relative to that of L(0); signs and null vectors are drawn at random.
        rng: Source of these.
    """
    j = np.asarray(end_derivative(penalty, jnp.asarray(momentum), conjugate_time))
    _, values, right = np.linalg.svd(j)
    null = right[values < max(1e-2 * float(np.median(values)), 1.01 * float(values[-1]))]
    draws = rng.normal(size=(len(sizes), len(null))) @ null
    draws *= (sizes * np.linalg.norm(momentum) / np.linalg.norm(draws, axis=1))[:, None]
    family = np.concatenate([momentum[None], momentum + draws])
    _, _, exponents = follow(penalty.group, penalty.inverse, jnp.asarray(family), 1.0, steps)
    controls = np.asarray(exponents) * steps
    before = ((np.arange(steps) + 0.5) / steps < conjugate_time)[:, None]
    return [resampled(np.where(before, path, controls[0]), segments) for path in controls[1:]]
