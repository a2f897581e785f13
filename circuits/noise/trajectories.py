r"""Quantum trajectories: noisy circuits by random pure states, beyond the size of density matrices.

After every channel one Kraus operator is drawn with its Born probability ``p_k = |K_k psi|^2`` and the state becomes
``K_k psi / sqrt(p_k)``; the mean of ``|psi><psi|`` over trajectories is the density matrix (Dalibard, Castin and
Molmer, PRL 68, 580 (1992); Dum, Zoller and Ritsch, PRA 45, 4879 (1992)). Means over N trajectories have standard errors
``s / sqrt(N)``. Memory is that of state vectors: ``2^n`` amplitudes per trajectory.

``p_k`` is read off the reduced density matrix of the two wires of a block, so that no Kraus operator is applied but the
one that is drawn.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Key

from circuits import memory
from circuits.circuit import Circuit, check_parameters
from circuits.description import State
from circuits.noise import tables, timeline, transfer
from circuits.noise.noise_model import NoiseModel
from circuits.noise.noisy import NoisyCircuit
from circuits.noise.timeline import Block, Timeline
from circuits.paulis import PauliSum

TOGETHER_BYTES = 2.0**28
"""Memory of the trajectories that run at the same time."""


class Estimate(NamedTuple):
    """A mean over trajectories and its standard error, arrays of one shape."""

    mean: Array
    standard_error: Array


def sample_states(
    noisy: NoisyCircuit,
    params: Float[Array, " P"],
    key: Key[Array, ""],
    trajectories: int,
    x: Array | None = None,
) -> State:
    """Pure states drawn from the noisy circuit: ``vector`` is complex (trajectories, 2^n), each up to a phase.

    Args:
        noisy: the circuit and its noise; states are of all qubits.
        params: its parameters.
        key: random key.
        trajectories: how many, 1 or more.
        x: input, where the circuit takes one.

    Raises:
        ValueError, TypeError: parameters, inputs or a number of trajectories that do not fit.
        MemoryError: if the states cannot fit the device.
    """
    theta, x = _checked(noisy, params, x, trajectories)
    memory.check_states(noisy.circuit.n_qubits, theta.dtype, states=4.0 + trajectories)
    keys, batch = jax.random.split(key, trajectories), _batch(noisy, theta, trajectories)
    strengths = jnp.asarray(noisy.strengths, theta.dtype)
    return State(_states(noisy.circuit, noisy.noise.form, batch, theta, strengths, keys, x))


def estimate_expectation(
    noisy: NoisyCircuit,
    params: Float[Array, " P"],
    hamiltonian: PauliSum,
    key: Key[Array, ""],
    trajectories: int,
    x: Array | None = None,
) -> Estimate:
    """``tr(rho H)`` as a mean over trajectories, with its standard error; two trajectories or more.

    Raises:
        ValueError: as `sample_states`; or if the Hamiltonian acts on another number of qubits.
    """
    if hamiltonian.n_qubits != noisy.circuit.n_qubits:
        raise ValueError(
            f"the Hamiltonian acts on {hamiltonian.n_qubits} qubits and the circuit on {noisy.circuit.n_qubits}; "
            "give both the same number"
        )
    theta, x = _checked(noisy, params, x, trajectories, least=2)
    keys, batch = jax.random.split(key, trajectories), _batch(noisy, theta, trajectories)
    strengths = jnp.asarray(noisy.strengths, theta.dtype)
    return Estimate(
        *_expectation(noisy.circuit, noisy.noise.form, batch, hamiltonian, theta, strengths, keys, x)
    )


def estimate_probabilities(
    noisy: NoisyCircuit,
    params: Float[Array, " P"],
    key: Key[Array, ""],
    trajectories: int,
    x: Array | None = None,
) -> Estimate:
    """Probabilities (2^n,) of the outcomes of all qubits, without readout errors, with their standard errors."""
    theta, x = _checked(noisy, params, x, trajectories, least=2)
    memory.check_states(noisy.circuit.n_qubits, theta.dtype, states=8.0)
    keys, batch = jax.random.split(key, trajectories), _batch(noisy, theta, trajectories)
    strengths = jnp.asarray(noisy.strengths, theta.dtype)
    return Estimate(*_probabilities(noisy.circuit, noisy.noise.form, batch, theta, strengths, keys, x))


def _checked(
    noisy: NoisyCircuit, params: Any, x: Any, trajectories: int, least: int = 1
) -> tuple[Array, Array | None]:
    if isinstance(trajectories, bool) or not isinstance(trajectories, int) or trajectories < least:
        raise ValueError(f"the number of trajectories is an integer of {least} or more, not {trajectories!r}")
    theta, x = check_parameters(noisy.circuit, params, x)
    memory.check_states(noisy.circuit.n_qubits, theta.dtype, states=6.0)
    return theta, x


def _batch(noisy: NoisyCircuit, theta: Array, trajectories: int) -> int:
    """Trajectories that run together: a power of two, so that few programs are compiled."""
    one = 4.0 * memory.state_bytes(noisy.circuit.n_qubits, theta.dtype)
    most = max(int(TOGETHER_BYTES / one), 1)
    return min(1 << (most.bit_length() - 1), trajectories)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _states(
    circuit: Circuit, form: NoiseModel, batch: int, theta: Array, strengths: Array, keys: Array, x: Any
) -> Complex[Array, "trajectories dim"]:
    run = _runner(circuit, form, theta, strengths, x)
    return jax.lax.map(run, keys, batch_size=batch)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _expectation(
    circuit: Circuit,
    form: NoiseModel,
    batch: int,
    hamiltonian: PauliSum,
    theta: Array,
    strengths: Array,
    keys: Array,
    x: Any,
) -> tuple[Array, Array]:
    run = _runner(circuit, form, theta, strengths, x)
    values = jax.lax.map(lambda key: hamiltonian.expectation(run(key)), keys, batch_size=batch)
    return jnp.mean(values), jnp.std(values, ddof=1) / float(np.sqrt(len(keys)))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _probabilities(
    circuit: Circuit, form: NoiseModel, batch: int, theta: Array, strengths: Array, keys: Array, x: Any
) -> tuple[Array, Array]:
    run = _runner(circuit, form, theta, strengths, x)
    # Welford's update, batch by batch: no trajectory is kept
    count = len(keys)
    whole = count // batch

    def squares(some: Array) -> Array:
        return State(jax.vmap(run)(some)).probabilities

    def step(carry: tuple[Array, Array, Array], some: Array) -> tuple[tuple[Array, Array, Array], None]:
        return _merged(carry, squares(some)), None

    zeros = jnp.zeros(1 << circuit.n_qubits, theta.dtype)
    start = (jnp.zeros((), theta.dtype), zeros, zeros)
    carry, _ = jax.lax.scan(step, start, keys[: whole * batch].reshape(whole, batch))
    if count > whole * batch:
        carry = _merged(carry, squares(keys[whole * batch :]))
    _, mean, total = carry
    return mean, jnp.sqrt(total / (count - 1) / count)


def _merged(carry: tuple[Array, Array, Array], values: Array) -> tuple[Array, Array, Array]:
    """Count, mean and sum of squared deviations, with those of more values (Chan, Golub and LeVeque 1983)."""
    n, mean, total = carry
    more = float(values.shape[0])
    own = jnp.mean(values, axis=0)
    shift = own - mean
    whole = n + more
    spread = jnp.sum(jnp.square(values - own), axis=0) + jnp.square(shift) * (n * more / whole)
    return whole, mean + shift * (more / whole), total + spread


def _runner(circuit: Circuit, form: NoiseModel, theta: Array, strengths: Array, x: Any) -> Any:
    """A function from a key to the final state of one trajectory; what all share is computed outside."""
    plan, n = timeline.sampled(circuit, form), circuit.n_qubits
    complex_dtype = jnp.complex128 if theta.dtype == jnp.float64 else jnp.complex64
    start = jnp.zeros(1 << n, complex_dtype).at[0].set(1.0)
    if not plan.blocks:
        return lambda key: start
    kraus, steps = _steps(plan, form, strengths, plan.circuit.angles(theta, x), complex_dtype)
    read, apply = _readers(plan), _appliers(plan)
    spots = max((len(b.wires) for b in plan.blocks if b.wide), default=0)

    def run(key: Array) -> Array:
        coins, letters = jax.random.split(key)
        draws = jax.random.uniform(coins, (len(plan.blocks),), theta.dtype)
        strings = jnp.zeros((len(plan.blocks), spots), jnp.int32)
        if spots:
            strings = jax.random.randint(letters, strings.shape, 0, 4, jnp.int32)
            strings = jnp.where((draws < steps.wide)[:, None], strings, jnp.zeros_like(strings))

        def body(psi: Array, given: tuple[_Steps, Array, Array]) -> tuple[Array, None]:
            step, draw, string = given
            after = jnp.matmul(kraus[step.row], step.unitary, precision=transfer.EXACT)
            chosen = _drawn(after, read(step.read, psi), draw)
            psi = apply(step.apply, after[chosen], string, psi)
            # by its own norm, so that rounding errors do not add up
            norm = jnp.sqrt(jnp.sum(jnp.square(psi.real) + jnp.square(psi.imag)))
            return psi / norm.astype(psi.dtype), None

        return jax.lax.scan(body, start, (steps, draws, strings))[0]

    return run


class _Steps(NamedTuple):
    """Blocks as arrays, one row each: row of the Kraus operators, unitary, strength of a wide channel, two kinds."""

    row: Array
    unitary: Array
    wide: Array
    read: Array
    apply: Array


def _steps(
    plan: Timeline, form: NoiseModel, strengths: Array, angles: Array, dtype: Any
) -> tuple[Array, _Steps]:
    """Kraus operators (channels, K, d, d), the first the identity, and the blocks."""
    kraus, where = tables.kraus_tables(plan, form, strengths, dtype)
    identity = jnp.zeros((1, *kraus.shape[1:]), dtype).at[0, 0].set(jnp.eye(kraus.shape[-1], dtype=dtype))
    rows = [0 if b.channel is None or b.wide else 1 + where[b.channel] for b in plan.blocks]
    parts, zero = form.rule_strengths(strengths), jnp.zeros((), angles.dtype)
    wide = [parts[b.channel.number][0] if b.wide and b.channel else zero for b in plan.blocks]
    numbers = [
        np.array([kinds.index(kind(b)) for b in plan.blocks], np.int32) for kind, kinds in _kinds(plan)
    ]
    unitaries = tables.unitary_products(plan, angles)
    steps = _Steps(
        jnp.asarray(np.array(rows, np.int32)), unitaries, jnp.stack(wide), *map(jnp.asarray, numbers)
    )
    return jnp.concatenate([identity, kraus]), steps


def _read_kind(block: Block) -> tuple[int, ...] | None:
    """The wires whose state the draw needs; None where nothing is drawn."""
    return None if block.channel is None or block.wide else block.wires


def _apply_kind(block: Block) -> tuple[tuple[int, ...], bool]:
    return block.wires, block.wide


def _kinds(plan: Timeline) -> list[tuple[Any, list[Any]]]:
    """The two kinds of a block, and the distinct ones that there are."""
    return [(kind, list(dict.fromkeys(map(kind, plan.blocks)))) for kind in (_read_kind, _apply_kind)]


def _switched(branches: list[Any]) -> Any:
    """Branches as one function whose first argument says which."""
    if len(branches) == 1:
        return lambda number, *arguments: branches[0](*arguments)
    return lambda number, *arguments: jax.lax.switch(number, branches, *arguments)


def _readers(plan: Timeline) -> Any:
    size = 2 ** min(2, plan.circuit.n_qubits)
    return _switched(
        [
            functools.partial(_unread, size) if wires is None else functools.partial(_reduced, wires)
            for wires in _kinds(plan)[0][1]
        ]
    )


def _appliers(plan: Timeline) -> Any:
    return _switched(
        [
            functools.partial(_spread_letters if wide else _applied, wires)
            for wires, wide in _kinds(plan)[1][1]
        ]
    )


def _drawn(operators: Array, rho: Array, draw: Array) -> Array:
    """The number of the Kraus operator that a uniform draw stands for, by ``p_k = tr(K_k rho K_k')``."""
    p = jnp.einsum("kij,jl,kil->k", operators, rho, operators.conj(), precision=transfer.EXACT).real
    p = jnp.maximum(p, 0.0)
    ends = jnp.cumsum(p)
    chosen = jnp.sum(draw * ends[-1] >= ends, dtype=jnp.int32)
    # rounding may point past the last operator that is possible
    last = jnp.max(jnp.where(p > 0.0, jnp.arange(len(p), dtype=jnp.int32), 0))
    return jnp.minimum(chosen, last)


def _split(wires: tuple[int, ...], psi: Array) -> Array:
    """The state as (before, wire, between, wire, after), or (before, wires, after) where they are neighbours."""
    if len(wires) == 1 or wires[1] == wires[0] + 1:
        return psi.reshape(2 ** wires[0], 2 ** len(wires), -1)
    a, b = wires
    return psi.reshape(2**a, 2, 2 ** (b - a - 1), 2, -1)


def _applied(wires: tuple[int, ...], matrix: Array, string: Array, psi: Array) -> Array:
    """A matrix on one wire or two."""
    table = _split(wires, psi)
    if table.ndim == 3:
        return jnp.einsum("xu,aub->axb", matrix, table, precision=transfer.EXACT).reshape(-1)
    square = matrix.reshape(2, 2, 2, 2)
    return jnp.einsum("xyuv,aubvc->axbyc", square, table, precision=transfer.EXACT).reshape(-1)


def _spread_letters(wires: tuple[int, ...], matrix: Array, string: Array, psi: Array) -> Array:
    """A Pauli string on many wires: drawn with the depolarising strength it leaves them maximally mixed."""
    basis = jnp.asarray(transfer.pauli_basis(1), psi.dtype)
    for k, w in enumerate(wires):
        psi = _applied((w,), basis[string[k]], string, psi)
    return psi


def _reduced(wires: tuple[int, ...], psi: Array) -> Array:
    """The density matrix of one wire or two."""
    table = _split(wires, psi)
    if table.ndim == 3:
        return jnp.einsum("aub,avb->uv", table, table.conj(), precision=transfer.EXACT)
    pairs = jnp.einsum("aubvc,axbyc->uvxy", table, table.conj(), precision=transfer.EXACT)
    return pairs.reshape(4, 4)


def _unread(size: int, psi: Array) -> Array:
    return jnp.eye(size, dtype=psi.dtype)
