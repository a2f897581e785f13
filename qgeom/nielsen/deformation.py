r"""Deformation: a geodesic of the flat metric carried through a family of metrics (Dowling and Nielsen, section 5).

In the flat metric the geodesics are the straight lines ``exp(t log V)``. As the weights grow, the momentum that still
reaches the target moves continuously; it is followed here in steps of at most a quarter in the weights, by Newton's
method with Jacobi fields, from the controls of least energy that reach the target to first order along the path
before. This gives *a* geodesic at every weight, on the branch of the line it began with: it stays on that line for as
long as the line is a geodesic, also where it stopped being the shortest, and never jumps to a shorter branch. It is
the baseline of :func:`~qgeom.nielsen.minimal_geodesic`, no replacement.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from circuits.threads import few_blas_threads
from qgeom.nielsen.flow import follow
from qgeom.nielsen.jacobi import momentum_spread
from qgeom.nielsen.logarithms import principal_logarithm
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.relaxation import relax
from qgeom.nielsen.shooting import shoot
from qgeom.nielsen.starts import resampled
from qgeom.nielsen.targets import target_matrix

LARGEST = 1.25
"""Largest factor between the weights of two steps."""
HALVINGS = 5
"""How often a step that fails is halved before the branch counts as ended."""


class Deformed(NamedTuple):
    """The geodesic at one metric of the family.

    Attributes:
        length: Of the geodesic; nan once the branch has ended.
        reached: Whether the branch could be followed to here.
        momentum: L(0) of it, (m,).
        segments: Its piecewise-constant controls, (k, m), to be given as ``initial``.
    """

    length: float
    reached: bool
    momentum: np.ndarray
    segments: np.ndarray


def deform(target: Any, penalties: Sequence[Penalty], segments: int = 16) -> tuple[Deformed, ...]:
    """Carry the straight line of the principal logarithm from the flat metric through a sequence of metrics.

    Args:
        target: As in :func:`~qgeom.nielsen.minimal_geodesic`.
        penalties: Metrics on one group, finite, the first near the flat one.
        segments: Of the paths that are returned.

    Returns one entry for each metric. Raises ValueError if the target is not in the group, or a weight is infinite.
    """
    group = penalties[0].group
    matrix = target_matrix(target, group)
    tables = [np.asarray(penalty.weights) for penalty in penalties]
    if not all(np.all(np.isfinite(table)) for table in tables):
        raise ValueError("deformation needs finite weights; take a large one in the place of infinity")
    line = principal_logarithm(group, matrix)
    weights = np.full(group.dimension, float(tables[0].min()))
    path, momentum, followed = np.tile(line, (segments, 1)), weights * line, True
    found = []
    with few_blas_threads(group.dimension):
        for penalty, table in zip(penalties, tables):
            if followed:
                step = _carry(penalty, matrix, path, momentum, weights, table)
                followed = step is not None
                if step is not None:
                    path, momentum, weights = *step, table
            length = float(np.sqrt(np.sum(momentum**2 / table))) if followed else float("nan")
            found.append(Deformed(length, followed, momentum, path))
    return tuple(found)


def _carry(
    penalty: Penalty,
    target: np.ndarray,
    path: np.ndarray,
    momentum: np.ndarray,
    start: np.ndarray,
    end: np.ndarray,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Path and momentum at the weights ``end`` from those at ``start``; None if the branch ends between."""
    done, stride = 0.0, 1.0 / max(1, int(np.ceil(np.max(np.abs(np.log(end / start))) / np.log(LARGEST))))
    shortest = stride / 2**HALVINGS
    while done < 1.0 - 1e-12:
        following = min(1.0, done + stride)
        metric = penalty.with_weights(start * (end / start) ** following)
        step = _shot(metric, target, path, momentum)
        if step is None:
            stride *= 0.5
            if stride < shortest:
                return None
            continue
        path, momentum = step
        done = following
    return path, momentum


def _shot(
    penalty: Penalty, target: np.ndarray, path: np.ndarray, momentum: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    group = penalty.group
    guess = relax(penalty, jnp.asarray(target), path[None], 0).momentum[0]
    rate = momentum_spread(group, jnp.asarray(guess)) / penalty.cheapest
    steps = int(np.clip(2 ** np.ceil(np.log2(max(2.0 * rate, 1.0))), 32, 256))
    shot = shoot(penalty, jnp.asarray(target), jnp.asarray(guess), steps, iterations=12)
    if not shot.converged or np.linalg.norm(shot.momentum - guess) > 0.5 * np.linalg.norm(guess):
        return None
    _, _, exponents = follow(group, penalty.inverse, jnp.asarray(shot.momentum)[None], 1.0, steps)
    return resampled(exponents[0] * steps, len(path)), shot.momentum
