r"""Quantum autoencoders of states made from factors, with the Fisher trace, the 2-norm or dropout in the cost.

Data: ``V (RY(pi f_1) x ... x RY(pi f_k) x 1) |0...0>`` with ``V = U(theta_V)'`` of the encoder's own structure, so that
an encoder that gives every factor a qubit of its own exists. Encoder (Romero, Olson and Aspuru-Guzik, Quantum Sci.
Technol. 2, 045001 (2017)): L rows of RY, RZ on every qubit and RZZ on a ring, then RY, RZ. The first k qubits are the
latents, the rest is trash that is to end in ``|0>``; what is left of it there is the infidelity of the reconstruction
through fresh qubits. Cost:

    infidelity  +  strength tr F / 4P     or  + strength mean theta^2     or with a share of the gates left out,

F averaged over data, in natural units (``phi = theta / 2``, hence the 4), P parameters; F_Q of the encoder's state,
``tr F_Q = 4 sum_a (1 - <P_a>^2)`` with the generator's Pauli string in the state that the gate acts on, or F_C of all
outcomes. F_C is estimated by random signs, ``E_v |grad sum_o v_o 2 sqrt(p_o + 1e-3)|^2``.

**Rotations.** Any unitary on the latents behind the encoder, undone before the decoder, leaves infidelity and F_Q as
they are. F_C it changes, because the readout stays where it is.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Complex, Float

FLOOR = 1e-3
"""Added to probabilities in F_C: outcomes of the trash are to vanish, where its slope is not defined."""
SAMPLES = 8
"""States per step that the complexity is averaged over."""


class Shape(NamedTuple):
    """Qubits, rows of entanglers, and latents."""

    qubits: int
    rows: int
    latents: int

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """Qubits joined by RZZ: a ring."""
        n = self.qubits
        return tuple((a, (a + 1) % n) for a in range(n if n > 2 else n - 1))

    @property
    def table(self) -> tuple[int, int]:
        """Shape of the angles: per row RY of every qubit, RZ of every qubit, RZZ of every pair."""
        return self.rows + 1, 2 * self.qubits + len(self.pairs)

    @property
    def used(self) -> np.ndarray:
        """Which angles there are: the last row has no RZZ."""
        found = np.ones(self.table, bool)
        found[-1, 2 * self.qubits :] = False
        return found


class Cost(NamedTuple):
    """Strengths of what is added to the cost, each (models,)."""

    readout: Any
    quantum: Any
    norm: Any
    dropout: Any


def signs(shape: Shape) -> np.ndarray:
    """Eigenvalues of Z of every qubit and ZZ of every pair, (2^n, n + pairs)."""
    n = shape.qubits
    z = 1.0 - 2.0 * ((np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)) & 1)
    return np.concatenate([z, np.stack([z[:, a] * z[:, b] for a, b in shape.pairs], axis=1)], axis=1)


def evolve(
    shape: Shape, table: Float[Array, "rows angles"], psi: Complex[Array, " dim"]
) -> tuple[Complex[Array, " dim"], Float[Array, "rows angles"]]:
    """The state behind the encoder, and ``<P_a>`` of every gate's generator in the state that it acts on."""
    n, diagonal = shape.qubits, jnp.asarray(signs(shape), table.dtype)

    def row(psi: Array, angles: Array) -> tuple[Array, Array]:
        ys = []
        for q in range(n):
            view = psi.reshape(2**q, 2, -1)
            up, down = view[:, 0], view[:, 1]
            ys.append(2.0 * jnp.sum(up.real * down.imag - up.imag * down.real))
            c, s = jnp.cos(0.5 * angles[q]), jnp.sin(0.5 * angles[q])
            psi = jnp.stack([c * up - s * down, s * up + c * down], axis=1).reshape(-1)
        p = jnp.square(psi.real) + jnp.square(psi.imag)
        phase = -0.5 * (diagonal @ angles[n:])
        return psi * jax.lax.complex(jnp.cos(phase), jnp.sin(phase)), jnp.concatenate(
            [jnp.stack(ys), p @ diagonal]
        )

    return jax.lax.scan(row, psi, table)


def product_states(factors: Float[np.ndarray, "N k"], qubits: int) -> Complex[np.ndarray, "N dim"]:
    """``RY(pi f)`` on the first k qubits, ``|0>`` on the others."""
    states = np.ones((len(factors), 1), complex)
    for q in range(qubits):
        half = 0.5 * np.pi * (factors[:, q] if q < factors.shape[1] else np.zeros(len(factors)))
        states = np.einsum("ni,nj->nij", states, np.stack([np.cos(half), np.sin(half)], axis=1)).reshape(
            len(factors), -1
        )
    return states


@functools.partial(jax.jit, static_argnums=0)
def unitary(shape: Shape, table: Float[Array, "rows angles"]) -> Complex[Array, "dim dim"]:
    """The encoder as a matrix."""
    one = jnp.eye(2**shape.qubits, dtype=jnp.result_type(table.dtype, jnp.complex64))
    return jax.vmap(lambda column: evolve(shape, table, column)[0])(one).T


def mixed(
    shape: Shape, table: np.ndarray, states: Complex[np.ndarray, "N dim"]
) -> Complex[np.ndarray, "N dim"]:
    """``U(table)' |state>``: states whose factors the encoder of these angles would bring apart."""
    return states @ np.asarray(unitary(shape, jnp.asarray(table))).conj()


def principal(states: Complex[np.ndarray, "N dim"], count: int) -> np.ndarray:
    """The eigenvectors of the mean state of the largest weights, times their square roots: (count, dim).

    The infidelity is linear in the mean state, which for k factors has the rank 2^k.
    """
    weights, vectors = np.linalg.eigh(states.T @ states.conj() / len(states))
    return (vectors[:, -count:] * np.sqrt(np.maximum(weights[-count:], 0.0))).T


def infidelity(shape: Shape, psi: Complex[Array, "... dim"]) -> Float[Array, "..."]:
    """The weight of the state outside of ``|0>`` of the trash (the last qubits)."""
    view = psi.reshape(*psi.shape[:-1], 2**shape.latents, -1)[..., 1:]
    return jnp.sum(jnp.square(view.real) + jnp.square(view.imag), axis=(-1, -2))


def quantum_trace(shape: Shape, expectations: Float[Array, "rows angles"]) -> Float[Array, ""]:
    """``tr F_Q / 4P``."""
    used = jnp.asarray(shape.used, expectations.dtype)
    return jnp.sum(used * (1.0 - jnp.square(expectations))) / jnp.sum(used)


def amplitudes(shape: Shape, table: Array, psi: Array, floor: float = FLOOR) -> Float[Array, " dim"]:
    """``2 sqrt(p + floor)`` of all outcomes: their Jacobian's Gram matrix is F_C."""
    found = evolve(shape, table, psi)[0]
    return 2.0 * jnp.sqrt(jnp.square(found.real) + jnp.square(found.imag) + floor)


def _sampled_readout_trace(shape: Shape, table: Array, psi: Array, v: Array) -> Array:
    slope = jax.grad(lambda t: jnp.sum(v * amplitudes(shape, t, psi)))(table)
    used = jnp.asarray(shape.used, table.dtype)
    return jnp.sum(used * jnp.square(slope)) / jnp.sum(used)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def chunk(
    shape: Shape,
    rate: float,
    penalised: bool,
    state: tuple,
    cost: Cost,
    main: Array,
    data: Array,
    keys: Array,
) -> tuple[tuple, Array]:
    """Steps of Adam for every seed and model; the infidelity in the last step, (seeds, models).

    Args:
        shape: of the encoder.
        rate: learning rate.
        penalised: whether any model has F_C in its cost; without, it is not computed.
        state: angles and moments, leading axes (seeds, models).
        cost: of every model.
        main: principal states (seeds, 2^k, dim), as :func:`principal` weighs them.
        data: states (seeds, N, dim) that the complexity is averaged over.
        keys: (seeds, steps).
    """
    optimizer = optax.adam(rate)
    used = jnp.asarray(shape.used)

    def step_of_model(state: tuple, cost: Cost, main: Array, some: Array, key: Array) -> tuple[tuple, Array]:
        table, moments = state
        first, second = jax.random.split(key)
        here = used & (jax.random.uniform(first, shape.table, table.dtype) >= cost.dropout)
        v = jax.random.rademacher(second, (some.shape[0], some.shape[1]), table.dtype)

        def loss(table: Array) -> tuple[Array, Array]:
            angles = jnp.where(here, table, 0.0)
            left = jnp.sum(infidelity(shape, jax.vmap(lambda psi: evolve(shape, angles, psi)[0])(main)))
            quantum = jnp.mean(
                jax.vmap(lambda psi: quantum_trace(shape, evolve(shape, angles, psi)[1]))(some)
            )
            total = left + cost.quantum * quantum + cost.norm * jnp.sum(jnp.square(angles)) / jnp.sum(used)
            if penalised:
                readout = jax.vmap(lambda psi, v: _sampled_readout_trace(shape, angles, psi, v))(some, v)
                total += cost.readout * jnp.mean(readout)
            return total, left

        slope, left = jax.grad(loss, has_aux=True)(table)
        change, moments = optimizer.update(slope, moments, table)
        return (optax.apply_updates(table, change), moments), left

    def of_seed(state: tuple, main: Array, data: Array, keys: Array) -> tuple[tuple, Array]:
        def step(state: tuple, key: Array) -> tuple[tuple, Array]:
            batch_key, other = jax.random.split(key)
            some = data[jax.random.randint(batch_key, (SAMPLES,), 0, data.shape[0])]
            return jax.vmap(lambda s, c: step_of_model(s, c, main, some, other))(state, cost)

        state, left = jax.lax.scan(step, state, keys)
        return state, left[-1]

    return jax.vmap(of_seed)(state, main, data, keys)


def moments(rate: float, tables: Array) -> tuple:
    """Adam's moments at rest, for leading axes (seeds, models)."""
    return jax.vmap(jax.vmap(optax.adam(rate).init))(tables)  # pyright: ignore[reportReturnType]


@functools.partial(jax.jit, static_argnums=0)
def complexities(
    shape: Shape, table: Array, data: Complex[Array, "N dim"], turn: Complex[Array, "m m"]
) -> Float[Array, " 2"]:
    """``tr F_C / 4P`` and ``tr F_Q / 4P``, exact, averaged over data, of the encoder with a fixed unitary behind it.

    Args:
        shape: of the encoder.
        table: angles.
        data: states.
        turn: unitary on the latents, m = 2^k.
    """
    used = jnp.asarray(shape.used, table.dtype)

    def out(t: Array, psi: Array) -> Array:
        found = turn @ evolve(shape, t, psi)[0].reshape(turn.shape[0], -1)
        return jnp.stack([found.real, found.imag]).reshape(2, -1)

    def one(psi: Array) -> Array:
        here, slope = out(table, psi), jax.jacfwd(out)(table, psi)
        p, dp = jnp.sum(here**2, axis=0), 2.0 * jnp.einsum("co,co...->o...", here, slope)
        readout = jnp.sum(jnp.square(dp) / (p + FLOOR)[:, None, None], axis=0)
        phase = jnp.einsum("o,o...->...", here[0], slope[1]) - jnp.einsum("o,o...->...", here[1], slope[0])
        quantum = 4.0 * (jnp.sum(jnp.square(slope), axis=(0, 1)) - jnp.square(phase))
        return jnp.stack([jnp.sum(used * readout), jnp.sum(used * quantum)]) / jnp.sum(used)

    return jnp.mean(jax.lax.map(one, data), axis=0)


def entropies_at_gates(
    shape: Shape, table: np.ndarray, states: Complex[np.ndarray, "N dim"]
) -> Float[np.ndarray, "rows pairs"]:
    """Entanglement entropy of the two qubits of every RZZ with the rest, in the state it acts on: nats, mean over data.

    RZ and RZZ of a row commute: all of the row see the state behind its RY.
    """
    n = shape.qubits
    found = np.zeros((shape.rows, len(shape.pairs)))
    z = signs(shape)
    for r in range(shape.rows):
        for q in range(n):
            view = states.reshape(len(states), 2**q, 2, -1)
            c, s = np.cos(0.5 * table[r, q]), np.sin(0.5 * table[r, q])
            up, down = view[:, :, 0], view[:, :, 1]
            states = np.stack([c * up - s * down, s * up + c * down], axis=2).reshape(len(states), -1)
        found[r] = [entropy(states, pair, n).mean() for pair in shape.pairs]
        states = states * np.exp(-0.5j * (z @ table[r, n:]))
    return found


def entropy(
    states: Complex[np.ndarray, "N dim"], kept: tuple[int, ...], qubits: int
) -> Float[np.ndarray, " N"]:
    """Von Neumann entropy in nats of some qubits of every pure state."""
    rest = [q for q in range(qubits) if q not in kept]
    table = states.reshape(len(states), *(2,) * qubits)
    table = table.transpose(0, *(1 + q for q in kept), *(1 + q for q in rest)).reshape(
        len(states), 2 ** len(kept), -1
    )
    weights = np.linalg.svd(table, compute_uv=False) ** 2
    return -np.sum(np.where(weights > 0, weights * np.log(np.where(weights > 0, weights, 1.0)), 0.0), axis=-1)


def bloch(states: Complex[np.ndarray, "... dim"], latents: int) -> Float[np.ndarray, "... k 3"]:
    """Bloch vectors of the first qubits."""
    out = []
    for q in range(latents):
        view = states.reshape(*states.shape[:-1], 2**q, 2, -1)
        up, down = view[..., 0, :], view[..., 1, :]
        across = 2.0 * np.sum(up.conj() * down, axis=(-1, -2))
        height = np.sum(np.abs(up) ** 2 - np.abs(down) ** 2, axis=(-1, -2))
        out.append(np.stack([across.real, across.imag, height], axis=-1))
    return np.stack(out, axis=-2)
