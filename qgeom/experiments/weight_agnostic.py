r"""Descriptions whose wiring is all there is: one shared weight, or one shared angle (Gaier and Ha, NeurIPS 2019).

A wiring is judged by its accuracies over the values of the one weight, ``+-{1/2, 1, 2}``.

* :class:`Topology`: a network without cycles; every node has a function, every connection the shared weight.
* :class:`Gates`: a circuit of layers, each an encoding of the inputs by RY, then Pauli rotations by the shared angle.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Complex, Float, Int

from circuits.description import Description
from circuits.gate_matrices import pauli_matrix
from qgeom.emergent.generators import applied
from qgeom.tasks import ANGLE
from qgeom.training import unraveler

WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
"""Values of the shared weight, or of the shared angle in rad."""

FUNCTIONS = (
    np.tanh,
    lambda z: np.maximum(z, 0.0),
    lambda z: np.exp(-0.5 * z**2),
    np.cos,
    np.abs,
    lambda z: z,
)
"""Of the nodes: tanh, rectifier, Gaussian, cosine, modulus, identity."""
AXES = "XYZ"


# --- networks --------------------------------------------------------------


class Topology(NamedTuple):
    """A network without weights: nodes in an order in which nothing points back, the outputs last.

    Attributes:
        mask: who listens to whom, (nodes, inputs + 1 + nodes): to the inputs, to a one, to earlier nodes.
        functions: of every node, an index into :data:`FUNCTIONS`.
    """

    mask: Bool[np.ndarray, "nodes sources"]
    functions: Int[np.ndarray, " nodes"]

    @property
    def n_sources(self) -> int:
        """The inputs and the one."""
        return self.mask.shape[1] - self.mask.shape[0]

    @property
    def n_connections(self) -> int:
        return int(self.mask.sum())


def possible(nodes: int, sources: int, outputs: int) -> Bool[np.ndarray, "nodes sources"]:
    """The connections that make no cycle; outputs listen to inputs and hidden nodes, not to each other."""
    to_nodes = np.tri(nodes, nodes, -1, dtype=bool)
    to_nodes[:, nodes - outputs :] = False
    return np.concatenate([np.ones((nodes, sources), bool), to_nodes], axis=1)


def random_topology(
    rng: np.random.Generator, sources: int, outputs: int, hidden: int, connections: int
) -> Topology:
    """A topology of given size: possible connections and functions drawn at random."""
    nodes = hidden + outputs
    places = np.flatnonzero(possible(nodes, sources, outputs))
    mask = np.zeros((nodes, sources + nodes), bool)
    mask.flat[rng.choice(places, min(connections, len(places)), replace=False)] = True
    return Topology(mask, rng.integers(len(FUNCTIONS), size=nodes))


def topology_classes(
    topology: Topology, weights: Float[np.ndarray, " w"], x: Float[np.ndarray, "N d"], outputs: int
) -> Int[np.ndarray, "w N"]:
    """The class of every input, its largest output, for every value of the weight; inputs scaled to [-1, 1]."""
    n, (nodes, width) = topology.n_sources, topology.mask.shape
    h = np.empty((width, len(weights), len(x)))
    h[: n - 1], h[n - 1] = (x / ANGLE).T[:, None], 1.0
    scale = np.asarray(weights, float)[:, None]
    for j in range(nodes):
        z = scale * h[np.flatnonzero(topology.mask[j])].sum(axis=0)
        h[n + j] = FUNCTIONS[topology.functions[j]](z)
    return np.argmax(h[width - outputs :], axis=0)


# --- circuits --------------------------------------------------------------


class Gates(NamedTuple):
    """A circuit without angles: layers of rotations, each after an encoding of the inputs by RY.

    Attributes:
        layers: Per layer the names of the generators (X, Y, Z on one qubit, XX, YY, ZZ on two), and their qubits.
    """

    n_qubits: int
    layers: tuple[tuple[tuple[str, tuple[int, ...]], ...], ...]

    @property
    def n_connections(self) -> int:
        """Qubits of all gates."""
        return sum(len(wires) for layer in self.layers for _, wires in layer)


def random_gates_like(rng: np.random.Generator, gates: Gates) -> Gates:
    """As many gates on one and on two qubits in every layer, in random order, on random qubits, about random axes."""
    layers = []
    for layer in gates.layers:
        sizes = rng.permutation([len(wires) for _, wires in layer]).astype(int)
        layers.append(tuple(random_gate(rng, gates.n_qubits, int(size)) for size in sizes))
    return Gates(gates.n_qubits, tuple(layers))


def random_gate(rng: np.random.Generator, n_qubits: int, size: int) -> tuple[str, tuple[int, ...]]:
    """A generator of one or two equal Paulis and its qubits."""
    name = AXES[rng.integers(3)] * size
    return name, tuple(int(q) for q in rng.permutation(n_qubits)[:size])


def encoding(x: Float[np.ndarray, "N d"], n_qubits: int) -> Complex[np.ndarray, "N dim dim"]:
    """``RY(x_q)`` on every qubit, feature q mod d on qubit q, as (complex) matrices."""
    out = np.ones((len(x), 1, 1), complex)
    for q in range(n_qubits):
        c, s = np.cos(0.5 * x[:, q % x.shape[1]]), np.sin(0.5 * x[:, q % x.shape[1]])
        one = np.stack([np.stack([c, -s], axis=-1), np.stack([s, c], axis=-1)], axis=-2)
        size = 2 * out.shape[1]
        out = np.einsum("nab,ncd->nacbd", out, one).reshape(len(x), size, size)
    return out


def gate_classes(
    gates: Gates, angles: Float[np.ndarray, " w"], encoded: Complex[np.ndarray, "N dim dim"], n_classes: int
) -> Int[np.ndarray, "w N"]:
    """The most probable class, outcomes modulo the classes, of every input for every value of the angle.

    Args:
        gates: the wiring.
        angles: values of the one angle.
        encoded: inputs as :func:`encoding` gives them.
        n_classes: number of classes.
    """
    n = gates.n_qubits
    states = np.zeros((len(angles), len(encoded), encoded.shape[1]), complex)
    states[..., 0] = 1.0
    for layer in gates.layers:
        states = (encoded @ states.transpose(1, 2, 0)).transpose(2, 0, 1)
        unitaries = np.stack([_unitary(layer, float(angle), n) for angle in angles])
        states = states @ unitaries.transpose(0, 2, 1)
    p = np.abs(states) ** 2
    return np.argmax([p[..., k::n_classes].sum(axis=-1) for k in range(n_classes)], axis=0)


def _unitary(
    layer: tuple[tuple[str, tuple[int, ...]], ...], angle: float, n_qubits: int
) -> Complex[np.ndarray, "dim dim"]:
    matrix = np.eye(2**n_qubits, dtype=complex)
    for name, wires in layer:
        pauli = _pauli(name)
        turn = np.cos(0.5 * angle) * np.eye(len(pauli)) - 1j * np.sin(0.5 * angle) * pauli
        matrix = applied(turn, wires, matrix, n_qubits)
    return matrix


@functools.lru_cache(maxsize=16)
def _pauli(name: str) -> np.ndarray:
    return np.asarray(pauli_matrix(name))


# --- trained descriptions --------------------------------------------------


@functools.partial(jax.jit, static_argnums=(0, 1))
def shared_classes(
    description: Description, dtype: str, flat: Float[Array, " P"], weights: Float[Array, " w"], x: Array
) -> Array:
    """Classes (weights, N) of a trained description when all its parameters keep their sign and share one modulus."""
    unravel = unraveler(description, dtype)

    def one(weight: Array) -> Array:
        params = unravel(weight * jnp.sign(flat))
        return jnp.argmax(jax.vmap(lambda v: description(params, v).probabilities)(x), axis=-1)  # type: ignore[union-attr]

    return jax.vmap(one)(weights)
