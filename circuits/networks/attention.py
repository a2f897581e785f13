"""One block of self-attention on token inputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from circuits.description import Node
from circuits.networks.activations import Activation, activation_function, check_activation, weight_gain
from circuits.networks.base import (
    Network,
    NetworkParams,
    Output,
    affine,
    affine_shapes,
    check_output,
    check_parameters,
    check_sizes,
    incoming,
    normal_weights,
    positions,
)


@dataclass(frozen=True)
class Attention(Network):
    r"""A transformer block on tokens: self-attention, then an MLP, both residual; mean over tokens; linear readout.

    For ``x`` of shape ``(tokens, dim)``, with ``H_0 = x + positions``::

        A_h = softmax(Q_h K_h' / sqrt(dim / heads)),   H_1 = H_0 + concat_h(A_h V_h) W_o'
        H_2 = H_1 + a(H_1 W_1' + b_1) W_2' + b_2,        y = mean_tokens(H_2) R' + b

    (Vaswani et al., NeurIPS 2017; without layer normalisation, masks and dropout). Its two blocks are the attention and
    the MLP, so `curve` has three points.

    Args:
        n_tokens: number of tokens.
        dim: length of a token, divisible by ``n_heads``.
        n_outputs: number of outcomes, or dimension of the mean.
        hidden: width of the MLP, ``2 dim`` unless given.
        n_heads: number of heads.
        activation: of the MLP.
        output: "categorical" or "gaussian".
        positions: whether a trainable vector is added to each token; without, the order of tokens does not count.
        bias: whether the affine maps have biases.

    Parameters: ``(positions, query, key, value, out, hidden, mix, readout)``; dicts of ``bias`` and ``weight``, of
    ``vector`` for the positions.
    """

    n_tokens: int
    dim: int
    n_outputs: int
    hidden: int | None = None
    n_heads: int = 1
    activation: Activation = "gelu"
    output: Output = "categorical"
    positions: bool = True
    bias: bool = True

    def __post_init__(self) -> None:
        check_sizes(n_tokens=self.n_tokens, dim=self.dim, n_outputs=self.n_outputs, n_heads=self.n_heads)
        if self.hidden is not None:
            check_sizes(hidden=self.hidden)
        if self.dim % self.n_heads:
            raise ValueError(f"dim must be divisible by n_heads, got {self.dim} and {self.n_heads}")
        check_activation(self.activation)
        check_output(self.output, self.n_outputs)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input x."""
        return (self.n_tokens, self.dim)

    @property
    def n_blocks(self) -> int:
        """Two: attention and MLP."""
        return 2

    @property
    def layers(self) -> tuple[tuple[str, dict[str, tuple[int, ...]]], ...]:
        """The layout of the parameters: names and shapes."""
        hidden = self._hidden
        square = affine_shapes(self.dim, self.dim, self.bias)
        return (
            ("positions", {"vector": (self.n_tokens, self.dim)} if self.positions else {}),
            ("query", square),
            ("key", square),
            ("value", square),
            ("out", square),
            ("hidden", affine_shapes(self.dim, hidden, self.bias)),
            ("mix", affine_shapes(hidden, self.dim, self.bias)),
            ("readout", affine_shapes(self.dim, self.n_outputs, self.bias)),
        )

    @property
    def _hidden(self) -> int:
        return 2 * self.dim if self.hidden is None else self.hidden

    def init(self, key: Key[Array, ""], dtype: Any = None) -> NetworkParams:
        """Normal weights of variance 2/fan_in (before a rectifier) or 1/fan_in (others, and positions); biases zero."""
        keys = jax.random.split(key, len(self.layers))
        return tuple(
            normal_weights(k, shapes, weight_gain(self.activation) if name == "hidden" else 1.0, dtype)
            for k, (name, shapes) in zip(keys, self.layers, strict=True)
        )

    def attention_weights(self, params: NetworkParams, x: Array) -> Float[Array, "heads tokens tokens"]:
        """``A_h``: how much each token (row) attends to each token (column); rows sum to one."""
        dtype = check_parameters(self, params)
        return self._weights(params, self._embed(params, jnp.asarray(x).astype(dtype)))

    def _embed(self, params: NetworkParams, x: Array) -> Array:
        return x + params[0]["vector"] if self.positions else x

    def _split(self, a: Array) -> Array:
        """The heads apart: (tokens, dim) to (heads, tokens, dim / heads)."""
        return a.reshape(self.n_tokens, self.n_heads, self.dim // self.n_heads).transpose(1, 0, 2)

    def _joined(self, a: Array) -> Array:
        return a.transpose(1, 0, 2).reshape(self.n_tokens, self.dim)

    def _attention(self, query: Array, key: Array) -> Array:
        scores = jnp.matmul(query, key.transpose(0, 2, 1))
        return jax.nn.softmax(scores / math.sqrt(self.dim / self.n_heads), axis=-1)

    def _weights(self, params: NetworkParams, h: Array) -> Array:
        return self._attention(self._split(affine(params[1], h)), self._split(affine(params[2], h)))

    def _attend(self, params: NetworkParams, h: Array) -> Array:
        mixed = jnp.matmul(self._weights(params, h), self._split(affine(params[3], h)))
        return affine(params[4], self._joined(mixed))

    def _mlp(self, params: NetworkParams, h: Array) -> Array:
        return affine(params[6], activation_function(self.activation)(affine(params[5], h)))

    def _read(self, params: NetworkParams, h: Array) -> Array:
        return affine(params[7], jnp.mean(h, axis=-2))

    def _outputs(self, params: NetworkParams, x: Array, strengths: Array | None) -> Array:
        t = (1.0, 1.0) if strengths is None else (strengths[0], strengths[1])
        h = self._embed(params, x)
        h = h + t[0] * self._attend(params, h)
        return self._read(params, h + t[1] * self._mlp(params, h))

    def _activations(self, params: NetworkParams, x: Array, nudge: Array) -> Array:
        sizes = [self.n_tokens] if self.positions else []
        sizes += [self.dim] * 4 + [self._hidden, self.dim, self.n_outputs]
        parts = jnp.split(nudge, np.cumsum(sizes)[:-1].tolist())
        values = []
        h = self._embed(params, x)
        if self.positions:
            h = h + parts.pop(0)[:, None]
            values.append(jnp.mean(h, axis=1))
        wide = [affine(layer, h) + more for layer, more in zip(params[1:4], parts[:3], strict=True)]
        query, key, value = (self._split(a) for a in wide)
        mixed = jnp.matmul(self._attention(query, key), value)
        out = affine(params[4], self._joined(mixed)) + parts[3]
        h = h + out
        hidden = activation_function(self.activation)(affine(params[5], h)) + parts[4]
        mix = affine(params[6], hidden) + parts[5]
        values += [jnp.mean(a, axis=0) for a in (*wide, out, hidden, mix)]
        return jnp.concatenate([*values, self._read(params, h + mix) + parts[6]])

    def _curve(self, params: NetworkParams, x: Array) -> Array:
        first = self._embed(params, x)
        second = first + self._attend(params, first)
        return self._read(params, jnp.stack([first, second, second + self._mlp(params, second)]))

    def _build_graph(self):
        entries = dict(zip((name for name, _ in self.layers), positions(self), strict=True))
        nodes: list[Node] = []
        where: dict[str, range] = {}

        def add(name: str, kind: str, layer: int, parameters: list[tuple[int, ...]]) -> None:
            where[name] = range(len(nodes), len(nodes) + len(parameters))
            nodes.extend(Node(f"{name}[{j}]", kind, (j,), p, layer) for j, p in enumerate(parameters))

        def channels(name: str, count: int) -> list[tuple[int, ...]]:
            return [incoming(entries[name], j) for j in range(count)]

        if self.positions:
            add("positions", "token", 0, [incoming(entries["positions"], t) for t in range(self.n_tokens)])
        for name in ("query", "key", "value"):
            add(name, "channel", 1, channels(name, self.dim))
        add("out", "channel", 2, channels("out", self.dim))
        add("hidden", "neuron", 3, channels("hidden", self._hidden))
        add("mix", "channel", 4, channels("mix", self.dim))
        add("readout", "neuron", 5, channels("readout", self.n_outputs))

        full = [(a, "out") for a in ("query", "key", "value")]
        full += [("out", "hidden"), ("hidden", "mix"), ("mix", "readout")]
        if self.positions:
            full = [("positions", b) for b in ("query", "key", "value")] + full
            full += [("positions", "out")]  # H_0 in H_1 = H_0 + ...
        edges = [(i, j) for a, b in full for i in where[a] for j in where[b]]
        edges += zip(where["out"], where["mix"], strict=True)  # H_1 in H_2 = H_1 + ...
        return tuple(nodes), tuple(sorted(edges))
