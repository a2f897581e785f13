"""Deformation with relaxation at every weight: the baseline of a search with many starts.

:func:`qgeom.nielsen.deform` follows one branch of geodesics by Newton's method alone, as Dowling and Nielsen do, and
keeps to it where it stops being shortest. Here the path is relaxed at each weight, so it slides off a branch that is no
local minimum any more: never longer, an order of magnitude cheaper, and the harder baseline to beat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from qgeom.nielsen.jacobi import momentum_spread
from qgeom.nielsen.logarithms import principal_logarithm
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.relaxation import relax
from qgeom.nielsen.shooting import shoot

REACHED = 1e-3
"""Flat distance from the target at which a relaxed path counts as a path to it."""


class Deformed(NamedTuple):
    """The geodesic at one weight.

    Attributes:
        length: Of the geodesic; of the relaxed path where shooting failed; nan if that misses the target.
        is_geodesic: Whether shooting converged.
        segments: Piecewise-constant controls of the relaxed path, (k, m).
    """

    length: float
    is_geodesic: bool
    segments: np.ndarray


def deformed(
    target: np.ndarray,
    penalties: Sequence[Penalty],
    wanted: Sequence[bool],
    segments: int = 16,
    iterations: int = 25,
) -> list[Deformed]:
    """Follow the shortest flat geodesic, the principal branch, through a sequence of metrics.

    At each the path of the one before is relaxed; where the result is wanted, Newton's method makes it a geodesic
    (Dowling and Nielsen, quant-ph/0701004, section 5).

    Args:
        target: Matrix of the group.
        penalties: From nearly flat to the last one.
        wanted: At which of them to return the geodesic.
        segments: Of a path under relaxation.
        iterations: Most steps of relaxation at each metric.
    """
    group = penalties[0].group
    path = np.tile(principal_logarithm(group, target), (segments, 1))
    matrix = jnp.asarray(target)
    found = []
    for penalty, keep in zip(penalties, wanted, strict=True):
        result = relax(penalty, matrix, jnp.asarray(path[None]), iterations)
        path = np.asarray(result.segments[0])
        if not keep:
            continue
        momentum = np.asarray(result.momentum[0])
        rate = momentum_spread(group, jnp.asarray(momentum)) / penalty.cheapest
        steps = int(np.clip(2 ** np.ceil(np.log2(max(4.0 * rate, 1.0))), 16, 1024))
        shot = shoot(penalty, matrix, jnp.asarray(momentum), steps)
        if shot.converged:
            length = float(np.sqrt(np.sum(np.asarray(penalty.inverse) * shot.momentum**2)))
        else:
            length = float(np.sqrt(result.energy[0])) if float(result.misfit[0]) < REACHED else float("nan")
        found.append(Deformed(length, shot.converged, path))
    return found
