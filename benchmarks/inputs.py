"""What every contender is given: the same circuit, the same angles, the same network, the same data.

The circuit is the hardware-efficient one: per layer RY and RZ on each qubit, then CZ on each edge of the
ring. Parameters are in the order in which the gates act: layer by layer, qubit by qubit, RY before RZ. What is
compared (metric, energy, gradient) does not depend on which end of the bit string a library calls qubit 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import networkx as nx
import numpy as np

MLP_SIZES = (64, 128, 128, 10)
MLP_BATCH = 256


class Contender(NamedTuple):
    """One library at one task. Building it and the first `run`: cold time. A later `run`: warm time."""

    load: Callable[[int], Any]  # seed -> the input in the library's own type; not timed
    run: Callable[[Any], Any]  # the work, finished on return (no pending computation); timed
    read: Callable[[Any], np.ndarray] = np.asarray  # the result in the layout that is compared; not timed


def n_parameters(n_qubits: int, n_layers: int) -> int:
    """Number of parameters of the circuit: two rotations per qubit and layer."""
    return 2 * n_qubits * n_layers


def angles(n_qubits: int, n_layers: int, seed: int) -> np.ndarray:
    """Angles uniform on [-pi, pi), shape (P,), float64."""
    return np.random.default_rng(seed).uniform(-np.pi, np.pi, n_parameters(n_qubits, n_layers))


def ring(n_qubits: int) -> list[tuple[int, int]]:
    """Edges of the ring: n of them, except that a ring of two qubits has one."""
    return [(i, (i + 1) % n_qubits) for i in range(n_qubits if n_qubits > 2 else n_qubits - 1)]


def mlp_weights() -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights (in, out) of variance 1/in and small biases (out,), float32, of the 64-128-128-10 network."""
    rng = np.random.default_rng(11)
    layers = []
    for fan_in, fan_out in itertools.pairwise(MLP_SIZES):
        weight = rng.normal(size=(fan_in, fan_out)) / np.sqrt(fan_in)
        layers.append((weight.astype(np.float32), (0.1 * rng.normal(size=fan_out)).astype(np.float32)))
    return layers


def mlp_data() -> np.ndarray:
    """A batch of standard normal inputs, shape (256, 64), float32."""
    return np.random.default_rng(12).normal(size=(MLP_BATCH, MLP_SIZES[0])).astype(np.float32)


def mlp_vector(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """A standard normal vector in parameter space, laid out as `mlp_weights`."""
    rng = np.random.default_rng(1000 + seed)
    return [
        (rng.normal(size=w.shape).astype(np.float32), rng.normal(size=b.shape).astype(np.float32))
        for w, b in mlp_weights()
    ]


def flatten(layers: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """One vector from per-layer (weight (in, out), bias) pairs: the order in which results are compared."""
    return np.concatenate([np.concatenate([np.ravel(w), np.ravel(b)]) for w, b in layers])


TROTTER_STEP = 0.05
ADAPTIVE_STATES = 22
"""States that TeNPy keeps at the middle of the critical chain of 64 sites when it drops Schmidt values below 1e-6."""


def mps_tensors(n_sites: int, bond_dimension: int, seed: int) -> list[np.ndarray]:
    """Random tensors (left, site, right) of a full bond dimension whose Schmidt values fall by a factor each."""
    rng = np.random.default_rng(seed)
    bonds = [min(2**k, 2 ** (n_sites - k), bond_dimension) for k in range(n_sites + 1)]
    return [
        rng.normal(size=(left, 2, right)) * np.exp(-0.25 * np.arange(right))
        for left, right in itertools.pairwise(bonds)
    ]


def random_graph(n_nodes: int, n_edges: int, seed: int) -> nx.Graph:
    """A connected random graph: a cycle through all nodes, and further edges drawn alike."""
    rng = np.random.default_rng(seed)
    graph = nx.cycle_graph(n_nodes)
    while graph.number_of_edges() < n_edges:
        a, b = (int(k) for k in rng.integers(0, n_nodes, 2))
        if a != b:
            graph.add_edge(a, b)
    return graph
