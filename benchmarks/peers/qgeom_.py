"""qgeom, called as its documentation says: nothing here that a user would not write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import inputs
import jax
import jax.numpy as jnp
import numpy as np
from inputs import Contender
from jax.flatten_util import ravel_pytree

import circuits
import qgeom

jax.config.update("jax_enable_x64", True)


def circuit(n_qubits: int, n_layers: int) -> Any:
    """The hardware-efficient circuit of `inputs`."""
    return circuits.hardware_efficient(
        n_qubits, n_layers, rotations=("RY", "RZ"), entangler="CZ", topology="ring"
    )


def hamiltonian(n_qubits: int) -> Any:
    """sum Z_i Z_{i+1} on the ring."""
    edges = inputs.ring(n_qubits)
    strings = ["".join("Z" if q in edge else "I" for q in range(n_qubits)) for edge in edges]
    return circuits.hamiltonians.from_strings((string, 1.0) for string in strings)


def _loader(n_qubits: int, n_layers: int) -> Callable[[int], jax.Array]:
    return lambda seed: jnp.asarray(inputs.angles(n_qubits, n_layers, seed))


def qfim(n_qubits: int, n_layers: int) -> Contender:
    """The dense quantum Fisher matrix, shape (P, P)."""
    c = circuit(n_qubits, n_layers)
    return Contender(
        _loader(n_qubits, n_layers),
        lambda theta: jax.block_until_ready(qgeom.information_metric(c, theta).as_matrix()),
    )


def energy(n_qubits: int, n_layers: int) -> Contender:
    """<sum Z_i Z_{i+1}>, shape ()."""
    c, h = circuit(n_qubits, n_layers), hamiltonian(n_qubits)
    f = jax.jit(lambda theta: circuits.expectation(c, theta, h))
    return Contender(_loader(n_qubits, n_layers), lambda theta: f(theta).block_until_ready())


def gradient(n_qubits: int, n_layers: int) -> Contender:
    """Gradient of the energy, shape (P,)."""
    c, h = circuit(n_qubits, n_layers), hamiltonian(n_qubits)
    f = jax.jit(jax.grad(lambda theta: circuits.expectation(c, theta, h)))
    return Contender(_loader(n_qubits, n_layers), lambda theta: f(theta).block_until_ready())


def _layers(tree: Any) -> list[tuple[Any, Any]]:
    """(weight, bias) per layer of a tree of network parameters: the matrices and the vectors, in order."""
    leaves = jax.tree.leaves(tree)
    matrices = [leaf for leaf in leaves if leaf.ndim == 2]
    vectors = [leaf for leaf in leaves if leaf.ndim == 1]
    return list(zip(matrices, vectors, strict=True))


def _tree_like(params: Any, layers: list[tuple[np.ndarray, np.ndarray]]) -> Any:
    """The tree of `params` with the given weights (in, out) and biases; transposes where the tree holds (out, in)."""
    leaves, structure = jax.tree.flatten(params)
    weights, biases = iter([w for w, _ in layers]), iter([b for _, b in layers])
    filled = []
    for leaf in leaves:
        array = next(weights) if leaf.ndim == 2 else next(biases)
        filled.append(jnp.asarray(array if _in_out(params) or leaf.ndim == 1 else array.T))
    return jax.tree.unflatten(structure, filled)


def _in_out(params: Any) -> bool:
    """Whether weights are stored (in, out): the first layer tells, since 64 inputs meet 128 units."""
    first = next(leaf for leaf in jax.tree.leaves(params) if leaf.ndim == 2)
    return first.shape[0] == inputs.MLP_SIZES[0]


def _flatten(params: Any, tree: Any) -> np.ndarray:
    transpose = not _in_out(params)
    return inputs.flatten([(w.T if transpose else w, b) for w, b in _layers(jax.tree.map(np.asarray, tree))])


def _network() -> tuple[Any, Any]:
    """The metric of the network on the batch, and its parameters."""
    network = circuits.networks.MLP(inputs.MLP_SIZES, activation="tanh", output="categorical")
    params = _tree_like(network.init(jax.random.key(0), jnp.float32), inputs.mlp_weights())
    return qgeom.information_metric(network, params, data=jnp.asarray(inputs.mlp_data())), params


def fisher_mv() -> Contender:
    """F v of the network; the metric is built once, as the peers' operators are."""
    metric, params = _network()

    return Contender(
        lambda seed: _tree_like(params, inputs.mlp_vector(seed)),
        lambda v: jax.block_until_ready(metric.mv(v)),
        lambda tree: _flatten(params, tree),
    )


def fisher_diagonal() -> Contender:
    """The Fisher diagonal of the network. Does not depend on the seed: the network is fixed."""
    metric, params = _network()
    unravel = ravel_pytree(params)[1]
    return Contender(
        lambda seed: None,
        lambda _: jax.block_until_ready(metric.diagonal()),
        lambda vector: _flatten(params, unravel(vector)),
    )
