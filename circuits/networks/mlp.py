r"""Multilayer perceptrons, and the exact diagonal of their Fisher matrix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from circuits.networks.activations import Activation, activation_function, check_activation, weight_gain
from circuits.networks.base import (
    LayerParams,
    Network,
    NetworkParams,
    Output,
    affine,
    affine_shapes,
    chain_graph,
    check_output,
    check_parameters,
    check_sizes,
    fit_width,
    incoming,
    normal_weights,
    positions,
)


@dataclass(frozen=True, init=False)
class MLP(Network):
    r"""A multilayer perceptron: ``h_l = a(W_l h_{l-1} + b_l)`` for the hidden layers, ``y = W_L h_{L-1} + b_L``.

    Its blocks are the hidden layers. Between layers of unequal width the identity of a block that is off cuts the
    representation off, or fills it up with zeros; a network without a hidden layer has a curve of one point.

    Args:
        sizes: widths from input to output, e.g. ``(4, 8, 8, 3)``.
        activation: a name (tanh, relu, gelu, silu, sin, cos, sigmoid, softplus, identity) or a function defined at
            module level.
        output: "categorical" (logits of a distribution) or "gaussian" (mean of unit variance).
        bias: whether the layers have biases.

    Parameters: per layer ``{"bias": (out,), "weight": (out, in)}``.

    Raises:
        ValueError: fewer than two sizes, a size that is not positive, an unknown activation or output.
        TypeError: an activation that is a lambda or local function.
    """

    sizes: tuple[int, ...]
    activation: Activation
    output: Output
    bias: bool

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Activation = "tanh",
        output: Output = "categorical",
        bias: bool = True,
    ) -> None:
        sizes = tuple(sizes)
        if len(sizes) < 2:
            raise ValueError(f"an MLP needs at least an input and an output size, got sizes={sizes}")
        for size in sizes:
            check_sizes(sizes=size)
        check_activation(activation)
        check_output(output, sizes[-1])
        for name, value in (("sizes", tuple(map(int, sizes))), ("activation", activation)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "output", output)
        object.__setattr__(self, "bias", bool(bias))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input x."""
        return (self.sizes[0],)

    @property
    def n_blocks(self) -> int:
        """Number of hidden layers."""
        return len(self.sizes) - 2

    @property
    def layers(self) -> tuple[tuple[str, dict[str, tuple[int, ...]]], ...]:
        """The layout of the parameters: ``layer0``, ``layer1``, ... with the shapes of bias and weight."""
        pairs = zip(self.sizes[:-1], self.sizes[1:], strict=True)
        return tuple((f"layer{i}", affine_shapes(a, b, self.bias)) for i, (a, b) in enumerate(pairs))

    def init(self, key: Key[Array, ""], dtype: Any = None) -> NetworkParams:
        """Normal weights of variance 2/fan_in (rectifiers) or 1/fan_in (others, and the readout); biases zero."""
        gains = [weight_gain(self.activation)] * self.n_blocks + [1.0]
        keys = jax.random.split(key, len(gains))
        return tuple(
            normal_weights(k, shapes, gain, dtype)
            for k, gain, (_, shapes) in zip(keys, gains, self.layers, strict=True)
        )

    def _outputs(self, params: NetworkParams, x: Array, strengths: Array | None) -> Array:
        act, h = activation_function(self.activation), x
        for i, layer in enumerate(params[:-1]):
            new = act(affine(layer, h))
            if strengths is not None:
                new = (1.0 - strengths[i]) * fit_width(h, self.sizes[i + 1]) + strengths[i] * new
            h = new
        return affine(params[-1], h)

    def _activations(self, params: NetworkParams, x: Array, nudge: Array) -> Array:
        act, h, values, start = activation_function(self.activation), x, [], 0
        for width, layer in zip(self.sizes[1:-1], params[:-1], strict=True):
            h = act(affine(layer, h)) + nudge[start : start + width]
            start += width
            values.append(h)
        return jnp.concatenate([*values, affine(params[-1], h) + nudge[start:]])

    def _curve(self, params: NetworkParams, x: Array) -> Array:
        act, h, points = activation_function(self.activation), x, []
        for i in range(self.n_blocks + 1):
            rest = h
            for width in self.sizes[i + 1 : -1]:  # the identities of the blocks that are still off
                rest = fit_width(rest, width)
            points.append(rest)
            if i < self.n_blocks:
                h = act(affine(params[i], h))
        return affine(params[-1], jnp.stack(points))

    def _build_graph(self):
        groups = []
        for (name, shapes), entry in zip(self.layers, positions(self), strict=True):
            width = shapes["weight"][0]
            groups.append((name, "neuron", [incoming(entry, j) for j in range(width)]))
        return chain_graph(groups)

    def fisher_diagonal(
        self, params: NetworkParams, xs: Float[Array, "batch inputs"], weights: Array | None = None
    ) -> NetworkParams:
        r"""The diagonal of the model's Fisher matrix, averaged over inputs; exact, without per-sample gradients.

        With ``F_x = J_x' M_x J_x`` and ``M_x = S_x S_x'`` in the outputs (``diag(p) - p p'``, columns of ``S`` equal to
        ``sqrt(p_k) (e_k - p)``; the identity for a Gaussian), one backward pass per column gives ``delta_k``, the
        derivative with respect to the layer's pre-activations, and

            ``F(W_ij) = E_x[ sum_k delta_ki^2  h_j^2 ]``,    ``F(b_i) = E_x[ sum_k delta_ki^2 ]``

        which is one matrix product per layer. Memory: batch x outputs x width numbers.

        Args:
            params: as `init` makes them.
            xs: inputs, one per row.
            weights: weights of the inputs, normalised here; uniform unless given.

        Returns:
            The diagonal in the structure of ``params``; ``ravel_pytree`` gives it in the order of the matrix.
        """
        dtype = check_parameters(self, params)
        if jnp.ndim(xs) != 2 or jnp.shape(xs)[1:] != self.input_shape:
            raise ValueError(
                f"xs has shape {jnp.shape(xs)}, expected (batch, {self.sizes[0]}): inputs as rows"
            )
        xs = jnp.asarray(xs).astype(dtype)
        if weights is None:
            mean = jnp.full(xs.shape[0], 1.0 / xs.shape[0], dtype)
        else:
            mean = jnp.asarray(weights).astype(dtype)
            mean = mean / jnp.sum(mean)
        act = activation_function(self.activation)

        inputs, slopes, h = [xs], [], xs  # of each layer: what comes in, and a' at its pre-activation
        for layer in params[:-1]:
            z = affine(layer, h)
            h, slope = jax.jvp(act, (z,), (jnp.ones_like(z),))
            inputs.append(h)
            slopes.append(slope)

        weight = params[-1]["weight"]
        if self.output == "categorical":
            p = jax.nn.softmax(affine(params[-1], h), axis=-1)
            squared = p * (1.0 - p)  # the diagonal of M
            # The first step back needs no product per column: S'W = sqrt(p_k) (W_k - p'W).
            delta = jnp.sqrt(p)[:, :, None] * (weight[None] - jnp.matmul(p, weight)[:, None, :])
        else:
            squared = jnp.ones((xs.shape[0], weight.shape[0]), dtype)
            delta = jnp.broadcast_to(weight[None], (xs.shape[0], *weight.shape))

        diagonals: list[LayerParams] = []
        for i in reversed(range(len(params))):
            if i < self.n_blocks:
                delta = delta * slopes[i][:, None, :]
                squared = jnp.sum(jnp.square(delta), axis=1)
                if i > 0:
                    delta = jnp.matmul(delta, params[i]["weight"])
            averaged = mean[:, None] * squared
            entry = {"weight": jnp.matmul(averaged.T, jnp.square(inputs[i]))}
            if self.bias:
                entry = {"bias": jnp.sum(averaged, axis=0), **entry}
            diagonals.append(entry)
        return tuple(reversed(diagonals))
