r"""Deformation: a geodesic of the flat metric carried through a family of metrics (Dowling and Nielsen, section 5).

In the flat metric the geodesics are the straight lines ``exp(t log V)``. As the weights grow, the momentum that still
reaches the target moves continuously; it is followed here by relaxation and Newton's method with Jacobi fields. This
gives *a* geodesic at every weight, on the branch of the line it began with: it stays on that line for as long as the
line is a geodesic, also where it stopped being the shortest, and never jumps to a shorter branch. It is the baseline
of :func:`~qgeom.nielsen.minimal_geodesic`, no replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from qgeom.nielsen.jacobi import momentum_spread
from qgeom.nielsen.logarithms import principal_logarithm
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.relaxation import relax
from qgeom.nielsen.shooting import shoot
from qgeom.nielsen.targets import target_matrix

REACHED = 1e-3
"""Flat distance from the target at which a relaxed path counts as a path to it."""


class Deformed(NamedTuple):
    """The geodesic at one metric of the family.

    Attributes:
        length: Of the geodesic; of the relaxed path where shooting failed; nan if that misses the target.
        is_geodesic: Whether shooting converged.
        momentum: L(0) of it, (m,).
        segments: Piecewise-constant controls of the relaxed path, (k, m), to be given as ``initial``.
    """

    length: float
    is_geodesic: bool
    momentum: np.ndarray
    segments: np.ndarray


def deform(
    target: Any, penalties: Sequence[Penalty], segments: int = 16, iterations: int = 25
) -> tuple[Deformed, ...]:
    """Carry the straight line of the principal logarithm through a sequence of metrics on one group.

    Args:
        target: As in :func:`~qgeom.nielsen.minimal_geodesic`.
        penalties: From nearly flat to the last one; small steps follow the branch more faithfully.
        segments: Of a path under relaxation.
        iterations: Most steps of relaxation at each metric.

    Returns one entry for each metric. Raises ValueError if the target is not in the group.
    """
    group = penalties[0].group
    matrix = target_matrix(target, group)
    path = np.tile(principal_logarithm(group, matrix), (segments, 1))
    found = []
    for penalty in penalties:
        result = relax(penalty, jnp.asarray(matrix), path[None], iterations)
        path, momentum = result.segments[0], result.momentum[0]
        rate = momentum_spread(group, jnp.asarray(momentum)) / penalty.cheapest
        steps = int(np.clip(2 ** np.ceil(np.log2(max(2.0 * rate, 1.0))), 32, 256))
        shot = shoot(penalty, jnp.asarray(matrix), jnp.asarray(momentum), steps)
        if shot.converged:
            momentum = shot.momentum
            length = float(np.sqrt(np.sum(np.asarray(penalty.inverse) * momentum**2)))
        else:
            length = float(np.sqrt(result.energy[0])) if result.misfit[0] < REACHED else float("nan")
        found.append(Deformed(length, shot.converged, momentum, path))
    return tuple(found)
