"""The textbook: gates applied one by one with `jnp.tensordot`, derivatives by `jax.jacfwd` and `jax.grad`.

This is what a JAX user writes in an afternoon: no fusion, no scan, no custom rule.
"""

from __future__ import annotations

from collections.abc import Callable

import inputs
import jax
import jax.numpy as jnp
import numpy as np
from inputs import Contender

jax.config.update("jax_enable_x64", True)


def _ry(angle: jax.Array) -> jax.Array:
    c, s = jnp.cos(angle / 2), jnp.sin(angle / 2)
    return jnp.array([[c, -s], [s, c]], dtype=jnp.complex128)


def _rz(angle: jax.Array) -> jax.Array:
    zero = jnp.zeros((), jnp.complex128)
    return jnp.array([[jnp.exp(-0.5j * angle), zero], [zero, jnp.exp(0.5j * angle)]])


_CZ = jnp.diag(jnp.array([1, 1, 1, -1], jnp.complex128)).reshape(2, 2, 2, 2)


def _apply(gate: jax.Array, psi: jax.Array, wires: tuple[int, ...]) -> jax.Array:
    m = len(wires)
    psi = jnp.tensordot(gate, psi, axes=(tuple(range(m, 2 * m)), wires))
    return jnp.moveaxis(psi, tuple(range(m)), wires)


def _state(n_qubits: int, n_layers: int) -> Callable[[jax.Array], jax.Array]:
    def state(theta: jax.Array) -> jax.Array:
        psi = jnp.zeros((2,) * n_qubits, jnp.complex128).at[(0,) * n_qubits].set(1)
        k = 0
        for _ in range(n_layers):
            for q in range(n_qubits):
                psi = _apply(_ry(theta[k]), psi, (q,))
                psi = _apply(_rz(theta[k + 1]), psi, (q,))
                k += 2
            for edge in inputs.ring(n_qubits):
                psi = _apply(_CZ, psi, edge)
        return psi.reshape(-1)

    return state


def _loader(n_qubits: int, n_layers: int) -> Callable[[int], jax.Array]:
    return lambda seed: jnp.asarray(inputs.angles(n_qubits, n_layers, seed))


def qfim(n_qubits: int, n_layers: int) -> Contender:
    """4 Re QGT from the Jacobian of the state, shape (P, P)."""
    state = _state(n_qubits, n_layers)

    @jax.jit
    def matrix(theta: jax.Array) -> jax.Array:
        psi, jacobian = state(theta), jax.jacfwd(state)(theta)
        overlap = jacobian.conj().T @ psi
        return 4 * (jacobian.conj().T @ jacobian - jnp.outer(overlap, overlap.conj())).real

    return Contender(_loader(n_qubits, n_layers), lambda theta: matrix(theta).block_until_ready())


def _energy(n_qubits: int, n_layers: int) -> Callable[[jax.Array], jax.Array]:
    bits = 1 - 2 * ((np.arange(2**n_qubits)[:, None] >> np.arange(n_qubits - 1, -1, -1)) & 1).astype(np.int8)
    diagonal = np.zeros(2**n_qubits)
    for i, j in inputs.ring(n_qubits):
        diagonal += bits[:, i] * bits[:, j]
    state = _state(n_qubits, n_layers)
    return lambda theta: jnp.sum(jnp.asarray(diagonal) * jnp.abs(state(theta)) ** 2)


def energy(n_qubits: int, n_layers: int) -> Contender:
    """<sum Z_i Z_{i+1}> on the ring, shape ()."""
    f = jax.jit(_energy(n_qubits, n_layers))
    return Contender(_loader(n_qubits, n_layers), lambda theta: f(theta).block_until_ready())


def gradient(n_qubits: int, n_layers: int) -> Contender:
    """Gradient of the energy, shape (P,)."""
    f = jax.jit(jax.grad(_energy(n_qubits, n_layers)))
    return Contender(_loader(n_qubits, n_layers), lambda theta: f(theta).block_until_ready())
