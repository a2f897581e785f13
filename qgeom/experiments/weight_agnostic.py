r"""Descriptions whose wiring is all there is: one shared weight, or one shared angle (Gaier and Ha, NeurIPS 2019).

A wiring is judged by its accuracy over the values of the one weight, ``+-{1/2, 1, 2}``. Of some random wirings the one
of the largest mean accuracy on the training part is taken (no search); the others are the null.
"""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.description import Description
from circuits.gate_matrices import pauli_matrix
from qgeom.emergent.generators import applied
from qgeom.tasks import ANGLE
from qgeom.training import unraveler

WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
"""Values of the shared weight, or of the shared angle in rad."""

_FUNCTIONS = (
    np.tanh,
    lambda z: np.maximum(z, 0.0),
    lambda z: np.exp(-0.5 * z**2),
    np.cos,
    np.abs,
    lambda z: z,
)
_GENERATORS = ("X", "Y", "Z", "XX", "YY", "ZZ")


class Wiring(NamedTuple):
    """A layered network without weights.

    Attributes:
        masks: Per layer (out, in + 1) bool, the last column from a node that is always one.
        functions: Per layer (out,) int: tanh, rectifier, Gaussian, cosine, modulus, identity.
    """

    masks: tuple[np.ndarray, ...]
    functions: tuple[np.ndarray, ...]


def random_wiring(rng: np.random.Generator, sizes: tuple[int, ...], density: float = 0.5) -> Wiring:
    """Every connection there with some probability, every neuron with a function drawn at random."""
    pairs = list(itertools.pairwise(sizes))
    return Wiring(
        tuple(rng.random((b, a + 1)) < density for a, b in pairs),
        tuple(rng.integers(len(_FUNCTIONS), size=b) for _, b in pairs),
    )


def wiring_classes(wiring: Wiring, weight: float, x: np.ndarray) -> np.ndarray:
    """The class of every input (N, d) when all connections have one weight; inputs scaled to [-1, 1]."""
    h = x / ANGLE
    for mask, functions in zip(wiring.masks, wiring.functions, strict=True):
        z = weight * (np.concatenate([h, np.ones((len(h), 1))], axis=1) @ mask.T.astype(float))
        h = np.stack([_FUNCTIONS[f](z[:, j]) for j, f in enumerate(functions)], axis=1)
    return np.argmax(h, axis=1)


class Gates(NamedTuple):
    """A circuit without angles: layers of rotations, each after an encoding of the inputs by RY.

    Attributes:
        layers: Per layer the names of the generators, and their qubits.
    """

    n_qubits: int
    layers: tuple[tuple[tuple[str, tuple[int, ...]], ...], ...]


def random_gates(rng: np.random.Generator, n_qubits: int, n_layers: int, per_layer: int) -> Gates:
    """Generators X, Y, Z, XX, YY, ZZ and their qubits drawn at random."""
    layers = []
    for _ in range(n_layers):
        names = [_GENERATORS[k] for k in rng.integers(len(_GENERATORS), size=per_layer)]
        layers.append(
            tuple((name, tuple(int(q) for q in rng.permutation(n_qubits)[: len(name)])) for name in names)
        )
    return Gates(n_qubits, tuple(layers))


def gate_classes(wiring: Gates, angle: float, x: np.ndarray, n_classes: int) -> np.ndarray:
    """The most probable class, outcomes modulo the classes, of every input when all rotations have one angle."""
    n = wiring.n_qubits
    states = np.zeros((1 << n, len(x)), complex)
    states[0] = 1.0
    y = np.asarray(pauli_matrix("Y"))
    for layer in wiring.layers:
        for q in range(n):
            half = 0.5 * x[:, q % x.shape[1]]
            states = np.cos(half) * states - 1j * np.sin(half) * applied(y, (q,), states, n)
        for name, wires in layer:
            pauli = np.asarray(pauli_matrix(name))
            matrix = np.cos(0.5 * angle) * np.eye(len(pauli)) - 1j * np.sin(0.5 * angle) * pauli
            states = applied(matrix, wires, states, n)
    p = np.abs(states) ** 2
    return np.argmax([p[k::n_classes].sum(axis=0) for k in range(n_classes)], axis=0)


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
