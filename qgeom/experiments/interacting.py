r"""Classifiers with a block that lets their tokens interact, and the same with two blocks that do not.

Network: the transformer block of :class:`circuits.networks.Attention`, feature i being the first channel of token i.
Circuit: data re-uploading, feature i on qubit i, with rotations ``exp(-i angle ZZ / 2)`` on all pairs in every layer.
The interaction comes in three kinds, with the same parameters:

==============  =====================================================  ==============================================
kind            network                                                circuit
==============  =====================================================  ==============================================
``attention``   weights ``softmax(Q K' / sqrt d)``                     angle ``theta_ij x_i x_j``: a score of two tokens
``uniform``     weights ``1 / tokens``: mixing without re-weighting    angle ``theta_ij``
``local``       an MLP on each token, ``W_v a_1 + W_o a_2`` with       Z, then X rotations of single qubits by
                ``a_1, a_2 = gelu(W_q h), gelu(W_k h)``                ``theta_ij x_i``
==============  =====================================================  ==============================================

The kind enters by the input, so that one compiled program trains all. Both are described by the *strengths* of what
they do: the layer curve switches on layer after layer, the interaction with its layer, or from the start, or never.
"""

from __future__ import annotations

import functools
import itertools
import math
from dataclasses import dataclass
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import gates, gradual
from circuits.circuit import Circuit
from circuits.description import Description, Distribution, Reading
from circuits.measured import Measured, modulo_classes
from circuits.networks import Attention
from circuits.networks.base import affine
from circuits.ops import Input, Op, Param
from qgeom.tasks import ANGLE

KINDS = ("attention", "uniform", "local")
FLOOR = 1e-12
"""Probabilities are raised to this under the root."""


class Interacting(Protocol):
    """What a side is to the rest of the experiment; hashable."""

    @property
    def description(self) -> Description: ...

    @property
    def n_layers(self) -> int: ...

    @property
    def metrics(self) -> tuple[str, ...]: ...

    def inputs(self, kind: Float[Array, " 3"], features: Float[Array, " d"]) -> Array:
        """The input that holds the features and the kind (one-hot)."""
        ...

    def points(self, params: Any, x: Array, s: Array, share: Array, always: Array) -> tuple[Array, ...]:
        """Unit vectors, one per metric, at ``s`` of the layer curve.

        The interaction of a layer acts with ``share`` times the strength of its layer, plus ``always``.
        """
        ...


# --- network ---------------------------------------------------------------


@dataclass(frozen=True)
class Block(Reading):
    """A transformer block whose input has one row more: the shares of the three kinds."""

    attention: Attention

    @property
    def structure(self) -> Attention:
        return self.attention

    def outputs(
        self, params: Any, x: Array, interaction: Array | float = 1.0, mlp: Array | float = 1.0
    ) -> Array:
        """The logits, with the strengths of the interaction and of the MLP."""
        net = self.attention
        shares, tokens = x[-1, : len(KINDS)], x[:-1]
        first, query, key, value, out, hidden, mix, readout = params
        h = tokens + first["vector"]
        scores = affine(query, h) @ affine(key, h).T / math.sqrt(net.dim)
        weights = shares[0] * jax.nn.softmax(scores, axis=-1) + shares[1] / net.n_tokens
        mixed = affine(out, weights @ affine(value, h))
        local = affine(value, jax.nn.gelu(affine(query, h))) + affine(out, jax.nn.gelu(affine(key, h)))
        # Of the local kind the weights vanish, and what the attention leaves is its bias.
        h = h + interaction * jnp.where(shares[2] > 0.5, local, mixed)
        h = h + mlp * affine(mix, jax.nn.gelu(affine(hidden, h)))
        return affine(readout, jnp.mean(h, axis=0))

    def __call__(self, params: Any, x: Array | None = None) -> Distribution:
        """Probabilities of the classes."""
        if x is None:
            raise ValueError("a network needs an input")
        return Distribution(jax.nn.softmax(self.outputs(params, x)))

    def curve(self, params: Any, x: Array | None = None) -> Distribution:
        """The points with nothing, the interaction, and the MLP on."""
        if x is None:
            raise ValueError("a network needs an input")
        steps = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
        return Distribution(jnp.stack([jax.nn.softmax(self.outputs(params, x, a, b)) for a, b in steps]))


@dataclass(frozen=True)
class NetworkSide:
    """Tokens in a transformer block."""

    tokens: int
    dim: int
    classes: int

    @property
    def description(self) -> Block:
        return Block(Attention(self.tokens, self.dim, self.classes))

    @property
    def n_layers(self) -> int:
        return 1

    @property
    def metrics(self) -> tuple[str, ...]:
        return ("readout",)

    def inputs(self, kind: Array, features: Array) -> Array:
        tokens = jnp.zeros((self.tokens, self.dim), features.dtype).at[:, 0].set(features)
        return jnp.concatenate(
            [tokens, jnp.zeros((1, self.dim), features.dtype).at[0, : len(KINDS)].set(kind)]
        )

    def points(self, params: Any, x: Array, s: Array, share: Array, always: Array) -> tuple[Array, ...]:
        t = jnp.clip(s, 0.0, 1.0)
        return (jnp.sqrt(jax.nn.softmax(self.description.outputs(params, x, share * t + always, t))),)


# --- circuit ---------------------------------------------------------------


@dataclass(frozen=True)
class CircuitSide:
    """Features on qubits, uploaded anew in every layer."""

    qubits: int
    layers: int
    classes: int

    @property
    def pairs(self) -> tuple[tuple[int, int], ...]:
        """All pairs of qubits."""
        return tuple(itertools.combinations(range(self.qubits), 2))

    @property
    def description(self) -> Measured:
        return Measured(_circuit(self)[0], classes=modulo_classes(self.qubits, self.classes))

    @property
    def n_layers(self) -> int:
        return self.layers + 1

    @property
    def metrics(self) -> tuple[str, ...]:
        return "readout", "state"

    def inputs(self, kind: Array, features: Array) -> Array:
        first, second = (np.array([pair[k] for pair in self.pairs]) for k in (0, 1))
        score = features[first] * features[second] / ANGLE
        joint = kind[0] * score + kind[1]
        return jnp.concatenate([features, joint, kind[2] * features[self._places[0]]])

    @property
    def _places(self) -> tuple[np.ndarray, tuple[str, ...]]:
        """The qubit and the axis of the local rotation that takes the place of each pair."""
        numbers = np.arange(len(self.pairs))
        return numbers % self.qubits, tuple("ZXY"[k // self.qubits % 3] for k in numbers)

    def points(self, params: Any, x: Array, s: Array, share: Array, always: Array) -> tuple[Array, ...]:
        circuit, interaction = _circuit(self)
        strengths = jnp.clip(s - jnp.asarray(circuit.layer_of, params.dtype), 0.0, 1.0)
        strengths = jnp.where(jnp.asarray(interaction), share * strengths + always, strengths)
        state = gradual.with_strengths(circuit, params, x, strengths)
        p = self.description.readout(state).probabilities
        return jnp.sqrt(jnp.maximum(p, FLOOR)), state.vector


@functools.lru_cache(maxsize=16)
def _circuit(side: CircuitSide) -> tuple[Circuit, np.ndarray]:
    """The circuit of all kinds, and which of its gates are the interaction."""
    n, pairs = side.qubits, side.pairs
    where, axes = side._places
    ops: list[Op] = []
    inside: list[bool] = []
    sizes: list[int] = []
    count = 0

    def add(op: Op, interaction: bool = False) -> None:
        ops.append(op)
        inside.append(interaction)

    def rotations() -> None:
        nonlocal count
        for q in range(n):
            for make in (gates.RY, gates.RZ):
                add(make(Param(count), q))
                count += 1

    local = {"X": gates.RX, "Y": gates.RY, "Z": gates.RZ}
    for _ in range(side.layers):
        begun = len(ops)
        for q in range(n):
            add(gates.RY(Input(q), q))
        rotations()
        for k, pair in enumerate(pairs):
            add(gates.RZZ(Param(count) * Input(n + k), *pair), True)
            add(local[axes[k]](Param(count) * Input(n + len(pairs) + k), int(where[k])), True)
            count += 1
        for q in range(n if n > 2 else n - 1):
            add(gates.CZ(q, (q + 1) % n))
        sizes.append(len(ops) - begun)
    rotations()
    sizes.append(2 * n)
    return Circuit(n, ops, sizes), np.array(inside)
