"""Residual networks as discretised flows."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Key

from circuits.networks.activations import Activation, activation_function, check_activation, weight_gain
from circuits.networks.base import (
    Network,
    NetworkParams,
    Output,
    affine,
    affine_shapes,
    chain_graph,
    check_output,
    check_sizes,
    fit_width,
    incoming,
    normal_weights,
    positions,
)


@dataclass(frozen=True)
class ResNet(Network):
    r"""A residual network, the Euler steps of a flow: ``h_{l+1} = h_l + (strength / depth) a(W_l h_l + b_l)``.

    ``h_0 = W x + b`` (the lift) and ``y = R h_depth`` (the readout). As ``depth`` grows at fixed ``strength`` (the
    time of the flow) it approaches the differential equation ``dh/dt = a(W(t) h + b(t))`` (Haber and Ruthotto, Inverse
    Problems 34, 014004 (2017); Chen et al., NeurIPS 2018). Its blocks, the Euler steps, are scanned: depth costs no
    compile time.

    Args:
        n_inputs: length of x.
        width: length of the representation h.
        depth: number of residual blocks.
        n_outputs: number of outcomes, or dimension of the mean.
        activation: as for `MLP`.
        output: "categorical" or "gaussian".
        strength: total strength of the flow.
        lift: "trainable", or "identity": x cut off or filled up with zeros, no parameters.
        readout: "trainable", or "fixed": normal weights of variance ``1/width`` drawn from ``seed``, no bias.
        bias: whether lift, blocks and readout have biases.
        seed: of the fixed readout.

    Parameters: ``(lift, blocks, readout)``, dicts of ``bias`` and ``weight``; those of the blocks are stacked,
    ``(depth, width)`` and ``(depth, width, width)``.
    """

    n_inputs: int
    width: int
    depth: int
    n_outputs: int
    activation: Activation = "tanh"
    output: Output = "categorical"
    strength: float = 1.0
    lift: Literal["trainable", "identity"] = "trainable"
    readout: Literal["trainable", "fixed"] = "trainable"
    bias: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_sizes(n_inputs=self.n_inputs, width=self.width, depth=self.depth, n_outputs=self.n_outputs)
        check_activation(self.activation)
        check_output(self.output, self.n_outputs)
        if self.lift not in ("trainable", "identity"):
            raise ValueError(f"lift must be 'trainable' or 'identity', got {self.lift!r}")
        if self.readout not in ("trainable", "fixed"):
            raise ValueError(f"readout must be 'trainable' or 'fixed', got {self.readout!r}")
        if not math.isfinite(self.strength):
            raise ValueError(f"strength must be a finite number, got {self.strength!r}")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input x."""
        return (self.n_inputs,)

    @property
    def n_blocks(self) -> int:
        """Number of residual blocks."""
        return self.depth

    @property
    def layers(self) -> tuple[tuple[str, dict[str, tuple[int, ...]]], ...]:
        """The layout of the parameters: ``lift``, ``blocks`` (stacked), ``readout``."""
        block = affine_shapes(self.width, self.width, self.bias)
        return (
            ("lift", affine_shapes(self.n_inputs, self.width, self.bias) if self.lift == "trainable" else {}),
            ("blocks", {name: (self.depth, *shape) for name, shape in block.items()}),
            (
                "readout",
                affine_shapes(self.width, self.n_outputs, self.bias) if self.readout == "trainable" else {},
            ),
        )

    def init(self, key: Key[Array, ""], dtype: Any = None) -> NetworkParams:
        """Normal weights of variance 2/fan_in (blocks with rectifiers) or 1/fan_in; biases zero."""
        gains = (1.0, weight_gain(self.activation), 1.0)
        keys = jax.random.split(key, 3)
        return tuple(
            normal_weights(k, shapes, gain, dtype)
            for k, gain, (_, shapes) in zip(keys, gains, self.layers, strict=True)
        )

    def _flow(
        self, params: NetworkParams, x: Array, strengths: Array | None, nudge: Array | None = None
    ) -> tuple[Array, Array]:
        """The representation after the last block, and those before every block, ``(depth, width)``."""
        act = activation_function(self.activation)
        lift, blocks, _ = params
        h = affine(lift, x) if lift else fit_width(x, self.width)
        steps = jnp.ones(self.depth, h.dtype) if strengths is None else strengths
        steps = (self.strength / self.depth) * steps
        added = jnp.zeros((self.depth + 1, self.width), h.dtype) if nudge is None else nudge

        def step(h: Array, block: tuple[dict[str, Array], Array, Array]) -> tuple[Array, Array]:
            layer, size, more = block
            return h + size * act(affine(layer, h)) + more, h

        return lax.scan(step, h + added[0], (blocks, steps, added[1:]))

    def _read(self, params: NetworkParams, h: Array) -> Array:
        if params[2]:
            return affine(params[2], h)
        return jnp.matmul(h, jnp.asarray(fixed_weights(self.seed, self.n_outputs, self.width), h.dtype).T)

    def _outputs(self, params: NetworkParams, x: Array, strengths: Array | None) -> Array:
        return self._read(params, self._flow(params, x, strengths)[0])

    def _activations(self, params: NetworkParams, x: Array, nudge: Array) -> Array:
        inner = self.width * (self.depth + 1)
        last, before = self._flow(params, x, None, nudge[:inner].reshape(self.depth + 1, self.width))
        return jnp.concatenate([before.reshape(-1), last, self._read(params, last) + nudge[inner:]])

    def _curve(self, params: NetworkParams, x: Array) -> Array:
        last, before = self._flow(params, x, None)
        return self._read(params, jnp.concatenate([before, last[None]]))

    def _build_graph(self):
        lift, blocks, readout = positions(self)
        empty: list[tuple[int, ...]] = [()]
        groups = [
            (
                "lift",
                "channel",
                [incoming(lift, j) for j in range(self.width)] if lift else empty * self.width,
            )
        ]
        for b in range(self.depth):
            block = {name: array[b] for name, array in blocks.items()}
            groups.append((f"block{b}", "channel", [incoming(block, j) for j in range(self.width)]))
        outputs = [incoming(readout, j) for j in range(self.n_outputs)] if readout else empty * self.n_outputs
        groups.append(("readout", "neuron", outputs))
        return chain_graph(groups)


@functools.lru_cache(maxsize=32)
def fixed_weights(seed: int, n_out: int, n_in: int) -> np.ndarray:
    """Normal weights ``(n_out, n_in)`` of variance ``1/n_in``, float64, read-only, drawn from ``seed`` by NumPy."""
    weights = np.random.default_rng(seed).normal(size=(n_out, n_in)) / math.sqrt(n_in)
    weights.flags.writeable = False
    return weights
