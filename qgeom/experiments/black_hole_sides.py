"""What ``black-hole`` computes first: the share of the information on a block inside that k outputs show."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

import circuits
from circuits import gates
from circuits.circuit import Circuit
from circuits.description import Description
from circuits.gate_matrices import pauli_matrix
from circuits.ops import Op, Param
from qgeom import tasks
from qgeom.emergent.generators import applied
from qgeom.emergent.units import parameter_units
from qgeom.progress import Progress
from qgeom.training import Adam, StopRule, train, unraveler

SMALLEST = 1e-12
"""Probabilities, and sums of two eigenvalues, up to this are left out."""


# --- circuits --------------------------------------------------------------


def wall(n_qubits: int, n_rows: int, rng: np.random.Generator | None = None) -> Circuit:
    """Rows of RY and RZ on each qubit, then RXX, RYY, RZZ on pairs: neighbours in turn, or as many drawn at random."""
    ops: list[Op] = []
    sizes: list[int] = []
    count = 0
    for row in range(n_rows):
        start = len(ops)
        pairs = [(a, a + 1) for a in range(row % 2, n_qubits - 1, 2)]
        if rng is not None:
            pairs = [(int(a), int(b)) for a, b in rng.permutation(n_qubits)[: 2 * len(pairs)].reshape(-1, 2)]
        where = [(make, (q,)) for q in range(n_qubits) for make in (gates.RY, gates.RZ)]
        where += [(make, pair) for pair in pairs for make in (gates.RXX, gates.RYY, gates.RZZ)]
        for make, wires in where:
            ops.append(make(Param(count), *wires))
            count += 1
        sizes.append(len(ops) - start)
    return Circuit(n_qubits, ops, sizes)


def state_and_tangents(
    circuit: Circuit, theta: np.ndarray, inside: Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The state (2^n,), and its derivatives by ``theta / 2`` of the rotations at some positions, (2^n, len(inside)).

    The circuit holds Pauli rotations only, ``exp(-i theta P / 2)``, each with a parameter of its own.
    """
    n, chosen = circuit.n_qubits, set(inside)
    state = np.zeros((1 << n, 1), complex)
    state[0] = 1.0
    tangents = np.zeros((1 << n, 0), complex)
    for k, op in enumerate(circuit.ops):
        pauli = np.asarray(pauli_matrix(op.name[1:]))
        index = op.angles[0].index
        assert index is not None
        half = 0.5 * float(theta[index])
        matrix = np.cos(half) * np.eye(len(pauli)) - 1j * np.sin(half) * pauli
        both = applied(matrix, op.wires, np.concatenate([state, tangents], axis=1), n)
        state, tangents = both[:, :1], both[:, 1:]
        if k in chosen:
            tangents = np.concatenate([tangents, -1j * applied(pauli, op.wires, state, n)], axis=1)
    return state[:, 0], tangents


def visible_of_state(state: np.ndarray, tangents: np.ndarray, kept: Sequence[int]) -> tuple[float, float]:
    """Trace of the Fisher matrix of the outcomes of some qubits, and of the SLD Fisher matrix of their state.

    Args:
        state: (2^n,).
        tangents: Its derivatives, (2^n, m).
        kept: Qubits of the observer.
    """
    n = int(np.log2(len(state)))
    rest = [q for q in range(n) if q not in kept]
    table = np.concatenate([state[:, None], tangents], axis=1).reshape(*(2,) * n, -1)
    table = table.transpose(n, *kept, *rest).reshape(-1, 2 ** len(kept), 2 ** len(rest))
    rho = table[0] @ table[0].conj().T
    slope = table[1:] @ table[0].conj().T
    slope = slope + np.swapaxes(slope, -1, -2).conj()
    p, dp = np.real(np.diag(rho)), np.real(np.einsum("jaa->ja", slope))
    seen = p > SMALLEST
    values, vectors = np.linalg.eigh(rho)
    sums = values[:, None] + values[None, :]
    turned = vectors.conj().T @ slope @ vectors
    kernel = np.where(sums > SMALLEST, 2.0 / np.where(sums > SMALLEST, sums, 1.0), 0.0)
    return float(np.sum(dp[:, seen] ** 2 / p[seen])), float(np.sum(np.abs(turned) ** 2 * kernel))


def circuit_shares(circuit: Circuit, theta: np.ndarray, inside: Sequence[int]) -> np.ndarray:
    """Mean over all sets of k qubits of what they show of the inside, over that of all qubits: (2, n) for k = 1 to n.

    First F_C of outcomes over F_C of all outcomes, then SLD Fisher over F_Q.
    """
    n = circuit.n_qubits
    state, tangents = state_and_tangents(circuit, theta, inside)
    found = [
        np.mean(
            [visible_of_state(state, tangents, kept) for kept in itertools.combinations(range(n), k)], axis=0
        )
        for k in range(1, n + 1)
    ]
    table = np.array(found).T
    return table / table[:, -1:]


def rows_of(circuit: Circuit, rows: Sequence[int]) -> list[int]:
    """Positions of the gates in some rows."""
    return [k for k, row in enumerate(circuit.layer_of) if row in rows]


# --- networks --------------------------------------------------------------


def labelled(classes: int) -> tasks.Task:
    """Handwritten digits of the first classes, as many principal components."""
    return tasks.digits(tuple(range(classes)), per_class=25, components=classes)


def trained_networks(
    task: tasks.Task, width: int, seeds: tuple[int, ...], steps: int, progress: Progress
) -> tuple[Description, np.ndarray, np.ndarray, np.ndarray]:
    """An MLP of two hidden layers, its parameters (seeds, P) before and after training, inputs (seeds, N, d)."""
    network, splits = circuits.MLP((task.n_features, width, width, task.n_classes)), task.splits(seeds)
    found = train(
        network, splits, seeds, Adam(0.02), StopRule(max_steps=steps, target_loss=0.3),
        dtype=jnp.result_type(float), progress=progress,
    )  # fmt: skip
    return network, found.path[:, 0], found.final, splits.train_x


def shuffled_weights(network: Description, flat: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same numbers in other places of the same array: equal size and weights, random wiring."""
    params = unraveler(network, str(jnp.result_type(float)))(jnp.asarray(flat))
    moved = jax.tree.map(lambda leaf: jnp.asarray(rng.permuted(np.ravel(leaf)).reshape(leaf.shape)), params)
    return np.asarray(ravel_pytree(moved)[0])


def network_shares(network: Description, flat: np.ndarray, layer: int, data: np.ndarray) -> np.ndarray:
    """Mean over all sets of k outcomes of what they show of a layer's weights, (n - 1,) for k = 1 to n - 1.

    The observer sees the probabilities of k outcomes and of "any other"; n - 1 of them are everything.
    """
    dtype = str(jnp.result_type(float))
    params = unraveler(network, dtype)(jnp.asarray(flat, dtype))
    sizes = [sum(int(np.size(a)) for a in jax.tree.leaves(entry)) for entry in params]
    start = sum(sizes[:layer])
    columns = slice(start, start + sizes[layer])
    p, jacobian = (
        np.asarray(a) for a in _probabilities(network, dtype, jnp.asarray(flat, dtype), jnp.asarray(data))
    )
    units = parameter_units(network, params)[columns]
    slope = jacobian[..., columns] * units
    gram = np.einsum("xap,xbp->xab", slope, slope)
    n = p.shape[1]
    out = []
    for k in range(1, n):
        each = []
        for kept in itertools.combinations(range(n), k):
            at = np.array(kept)
            seen = np.einsum("xaa->xa", gram)[:, at] / np.maximum(p[:, at], SMALLEST)
            other = gram[:, at[:, None], at].sum(axis=(1, 2)) / np.maximum(
                1.0 - p[:, at].sum(axis=1), SMALLEST
            )
            each.append(np.mean(seen.sum(axis=1) + other))
        out.append(np.mean(each))
    return np.array(out) / out[-1]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _probabilities(
    network: Description, dtype: str, flat: Float[Array, " P"], data: Array
) -> tuple[Float[Array, "N n"], Float[Array, "N n P"]]:
    unravel = unraveler(network, dtype)

    def one(theta: Array, x: Array) -> Array:
        return network(unravel(theta), x).probabilities  # type: ignore[union-attr]

    return jax.vmap(lambda x: one(flat, x))(data), jax.vmap(lambda x: jax.jacrev(one)(flat, x))(data)
