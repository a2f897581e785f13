r"""Imaginary time in the parameters of a description: the natural gradient of the energy, exact.

Of all changes of theta, the one that follows ``d|psi>/dtau = -(H - E)|psi>`` as closely as the tangent space allows is

.. math:: \dot\theta = -\tfrac12 F^{-1} \nabla E, \qquad F = \mathrm{Re}\,Q = \text{information metric} / 4,

for circuits McArdle et al., npj Quantum Inf. 5, 75 (2019); for neural quantum states stochastic reconfiguration
(Sorella, PRL 80, 4558 (1998)), here without sampling. A step is

    theta -> theta - lr (F + damping)^-1 grad E,      an imaginary time of 2 lr.

It is taken only where it lowers the energy: lr then grows by a fifth; otherwise it is halved.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.scipy.linalg
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from circuits.description import Description, State
from circuits.paulis import PauliSum
from qgeom.information import information_metric
from qgeom.progress import Progress, Silent
from qgeom.training import unraveler

CHUNK = 50
"""Steps in one compiled call."""

_GROW, _SHRINK = 1.2, 0.5


def imaginary_time(
    description: Description,
    hamiltonian: PauliSum,
    start: Any,
    steps: int = 400,
    learning_rate: float = 0.05,
    damping: float = 1e-4,
    progress: Progress | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Descend in the energy from several starts at once.

    Args:
        description: a description of a pure state whose point is a ``State``.
        hamiltonian: H, on as many qubits.
        start: parameters as ``description.init`` makes them, or a list of such.
        steps: number of steps; a step that would raise the energy counts, and is not taken.
        learning_rate: of the first step; half its imaginary time.
        damping: added to the diagonal of F.
        progress: advanced after every 50 steps.

    Returns:
        flat parameters (starts, P) and energies before the first and after every step (starts, steps + 1), float64.

    Raises:
        ValueError: settings that are not positive.
        FloatingPointError: an energy that is not finite at the start.
    """
    if steps < 1 or not learning_rate > 0.0 or not damping > 0.0:
        raise ValueError(
            f"steps, learning_rate and damping are positive; got {steps}, {learning_rate}, {damping}"
        )
    progress = Silent() if progress is None else progress
    starts = start if isinstance(start, list) else [start]
    theta = jnp.stack([ravel_pytree(one)[0] for one in starts])
    energy = _energies(description, hamiltonian, theta)
    if not np.isfinite(np.asarray(energy)).all():
        raise FloatingPointError("the energy at the start is not finite; try smaller initial parameters")
    state = (theta, energy, jnp.full(len(starts), learning_rate, theta.dtype))
    history = [np.asarray(energy)[None]]
    for begin in range(0, steps, CHUNK):
        state, energies = _chunk(
            description, hamiltonian, state, jnp.asarray(damping, theta.dtype), min(CHUNK, steps - begin)
        )
        history.append(np.asarray(energies))
        progress.advance()
    return np.asarray(state[0], np.float64), np.concatenate(history).T.astype(np.float64)


def energy_of(description: Description, hamiltonian: PauliSum, dtype: str) -> Callable[[Array], Array]:
    """``<psi|H|psi>`` as a function of flat parameters."""
    unravel = unraveler(description, dtype)

    def energy(theta: Array) -> Array:
        point = description(unravel(theta))
        if not isinstance(point, State):
            raise TypeError(
                f"the energy needs a description whose point is a State, not {type(point).__name__}; an MPS has one: "
                "state_description()"
            )
        return hamiltonian.expectation(point.vector)

    return energy


@functools.partial(jax.jit, static_argnums=(0, 1))
def _energies(description: Description, hamiltonian: PauliSum, theta: Float[Array, "starts P"]) -> Array:
    return jax.vmap(energy_of(description, hamiltonian, str(theta.dtype)))(theta)


@functools.partial(jax.jit, static_argnums=(0, 1, 4))
def _chunk(
    description: Description,
    hamiltonian: PauliSum,
    state: tuple[Array, Array, Array],
    damping: Array,
    count: int,
) -> tuple[tuple[Array, Array, Array], Array]:
    dtype = str(state[0].dtype)
    energy, unravel = energy_of(description, hamiltonian, dtype), unraveler(description, dtype)

    def one(theta: Array, before: Array, rate: Array) -> tuple[Array, Array, Array]:
        gradient = jax.grad(energy)(theta)
        metric = information_metric(description, unravel(theta)).as_matrix() / 4.0
        factor = jax.scipy.linalg.cho_factor(metric + damping * jnp.eye(len(theta), dtype=metric.dtype))
        proposed = theta - rate * jax.scipy.linalg.cho_solve(factor, gradient)
        after = energy(proposed)
        lower = after < before  # False also where it is NaN
        return (
            jnp.where(lower, proposed, theta),
            jnp.where(lower, after, before),
            jnp.where(lower, _GROW, _SHRINK).astype(rate.dtype) * rate,
        )

    def step(carry: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], Array]:
        carry = jax.vmap(one)(*carry)
        return carry, carry[1]

    return lax.scan(step, state, None, count)
