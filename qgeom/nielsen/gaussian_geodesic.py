r"""Shortest squeezing circuits with penalties: geodesics of GL(n) that prepare a bosonic Gaussian state.

Gates ``exp(-i h_jk (q_j p_k + p_k q_j)/2 dt)`` act on positions by ``q -> U q``, ``U' = X U``, ``X = h``, and on real
Gaussian wave functions by ``sigma_q -> U sigma_q U'`` (Jefferson and Myers, JHEP 10 (2017) 107). A weight for
each entry of X is a right-invariant metric on GL(n): :class:`qgeom.nielsen.GeneralLinear`; weights above 1 off the
diagonal penalise gates that entangle (their penalty factors).

From a product of oscillators of one frequency, ``sigma_q = 1/w_ref``, the circuits to a target are all U with ``U U' =
w_ref sigma_q(target)``: any rotation first changes nothing. The shortest path is a geodesic whose momentum does no work
on those rotations: ``L(0)`` is a *symmetric* matrix, as many unknowns as there are equations. With equal weights
``L = ln(w_ref sigma_q)/2``, the closed form. Other weights are reached by continuation: Newton's method on the end of
the Euler-Arnold flow at each step: it finds *a* geodesic, joined to the flat one, and an upper bound of the complexity.
Strong penalties let shorter paths branch off: for two oscillators of frequencies 1 and sqrt 7 from 1.5 it is the
shortest known at q = 4, and 0.7% above a relaxed path of 12 segments at q = 25.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from circuits.gaussian.bosons import BosonicGaussian
from qgeom.nielsen.flow import endpoint
from qgeom.nielsen.groups import GeneralLinear, Group
from qgeom.nielsen.penalty import Penalty

LARGEST = 6
STEPS = 32


@dataclass(frozen=True)
class SqueezingGeodesic:
    """A geodesic from a product state to a target, in time [0, 1].

    Attributes:
        penalty: the metric on GL(n).
        length: ``sqrt(sum w h^2)``: an upper bound of the complexity if ``converged``.
        lower_bound: the least weight's square root times the flat length.
        unitary: U at the end, (n, n): the map of positions.
        momentum: L(0), symmetric, (n, n).
        controls: X(0), (n, n).
        residual: largest entry of ``U U' - w_ref sigma_q``, relative to the largest of the target.
        converged: whether the weights asked for were reached with a residual below 1e-9.
        reached: how far the continuation came, in [0, 1]; the result is a geodesic of ``penalty`` only at 1.
    """

    penalty: Penalty
    length: float
    lower_bound: float
    unitary: np.ndarray
    momentum: np.ndarray
    controls: np.ndarray
    residual: float
    converged: bool
    reached: float


def entangling_penalty(n_modes: int, q: float) -> Penalty:
    """Weight 1 for squeezing each oscillator (``E_jj``), ``q`` for gates that entangle two (``E_jk``)."""
    if n_modes < 1:
        raise ValueError(f"expected at least one mode, got {n_modes}")
    return Penalty(GeneralLinear(n_modes), np.where(np.eye(n_modes).ravel() > 0.0, 1.0, q))


def squeezing_geodesic(
    target: BosonicGaussian, reference: float, penalty: Penalty, *, most_steps: int = 200
) -> SqueezingGeodesic:
    """A geodesic of a penalty metric from a product of oscillators to a Gaussian state, by continuation.

    Args:
        target: a pure state without correlations of positions with momenta, concrete, of at most 6 modes.
        reference: frequency of the product state, e.g. 1.0.
        penalty: weights on GL(n), e.g. :func:`entangling_penalty`; finite.
        most_steps: of the continuation from equal weights.

    Raises:
        ValueError: a mixed state, positions correlated with momenta, more than 6 modes, another group, infinite
            weights, or x64 not enabled. Warns in one line where the continuation ends early.
    """
    n, sigma = _checked(target, reference, penalty)
    group, flat_log = penalty.group, _log(sigma)
    goal, weights = jnp.asarray(sigma), np.asarray(penalty.weights)
    flat_length = float(np.linalg.norm(flat_log))
    logs = np.log(weights)
    momentum, reached, step = flat_log, 0.0, 0.25
    residual = 0.0
    mean = float(np.mean(logs))  # begin at equal weights of the same size, where L scales with them
    momentum = momentum * np.exp(mean)
    for _ in range(most_steps):
        if reached >= 1.0:
            break
        trial = min(1.0, reached + step)
        inverse = jnp.asarray(np.exp(-(mean + trial * (logs - mean))))
        found, miss = _newton(group, inverse, momentum, goal)
        if miss < 1e-11:
            momentum, reached, step, residual = found, trial, 1.5 * step, miss
        else:
            step *= 0.5
            if step < 1e-4:
                break
    inverse = jnp.asarray(np.exp(-(mean + reached * (logs - mean))))
    fine = np.asarray(_end(group, inverse, jnp.asarray(momentum), 2 * STEPS))
    residual = float(np.max(np.abs(fine @ fine.T - sigma)) / np.max(np.abs(sigma)))
    converged = reached == 1.0 and residual < 1e-9
    if not converged:
        warnings.warn(
            f"the continuation in the weights came to {reached:.1%} of their logarithms (residual {residual:.1g}): the "
            "length belongs to those weights; try smaller penalties",
            stacklevel=2,
        )
    h = np.asarray(inverse) * momentum.reshape(-1)
    return SqueezingGeodesic(
        penalty=penalty,
        length=float(np.sqrt(np.sum(h * momentum.reshape(-1)))),
        lower_bound=float(np.sqrt(weights.min())) * flat_length,
        unitary=fine,
        momentum=momentum,
        controls=h.reshape(n, n),
        residual=residual,
        converged=converged,
        reached=float(reached),
    )


def _checked(target: BosonicGaussian, reference: float, penalty: Penalty) -> tuple[int, np.ndarray]:
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError("geodesics need double precision: jax.config.update('jax_enable_x64', True)")
    n = target.n_modes
    sigma = np.asarray(target.covariance, np.float64)
    if not target.pure or sigma.ndim != 2:
        raise ValueError("the target must be one pure state")
    if np.max(np.abs(sigma[:n, n:])) > 1e-9 * np.max(np.abs(sigma)):
        raise ValueError("the target correlates positions with momenta: no gate of GL(n) makes such a state")
    if n > LARGEST:
        raise ValueError(
            f"penalised geodesics stop at {LARGEST} modes, not {n}; use bosonic_complexity (equal weights)"
        )
    if not isinstance(penalty.group, GeneralLinear) or penalty.group.dim != n:
        raise ValueError(f"expected a penalty on GeneralLinear({n}), got {penalty}")
    if not np.all(np.isfinite(np.asarray(penalty.weights))):
        raise ValueError("the continuation needs finite weights; use a large one instead of infinity")
    if not reference > 0.0:
        raise ValueError(f"the reference frequency must be positive, not {reference}")
    return n, reference * sigma[:n, :n]


def _log(sigma: np.ndarray) -> np.ndarray:
    values, q = np.linalg.eigh(sigma)
    return (q * (0.5 * np.log(values))) @ q.T


def _newton(group: Group, inverse: Array, start: np.ndarray, goal: Array) -> tuple[np.ndarray, float]:
    momentum, n = jnp.asarray(start), start.shape[0]
    i, j = np.triu_indices(n)
    miss = np.inf
    for _ in range(12):
        error, jacobian = _linearised(group, inverse, momentum, goal)
        miss = float(jnp.max(jnp.abs(error)) / jnp.max(jnp.abs(goal)))
        if not np.isfinite(miss) or miss < 1e-11:
            break
        change = np.linalg.lstsq(np.asarray(jacobian), np.asarray(error), rcond=None)[0]
        step = np.zeros((n, n))
        step[i, j] = step[j, i] = change
        momentum = momentum - jnp.asarray(step)
    return np.asarray(momentum), miss


@partial(jax.jit, static_argnums=0)
def _linearised(group: Group, inverse: Array, momentum: Array, goal: Array) -> tuple[Array, Array]:
    i, j = np.triu_indices(momentum.shape[0])

    def error(entries: Array) -> Array:
        matrix = jnp.zeros_like(momentum).at[i, j].set(entries).at[j, i].set(entries)
        u = endpoint(group, inverse, matrix.reshape(-1), 1.0, STEPS)
        return (u @ u.T - goal)[i, j]

    entries = momentum[i, j]
    return error(entries), jax.jacfwd(error)(entries)


@partial(jax.jit, static_argnums=(0, 3))
def _end(group: Group, inverse: Array, momentum: Array, steps: int) -> Array:
    return endpoint(group, inverse, momentum.reshape(-1), 1.0, steps)
