"""Random features: a fixed random layer and a trainable linear readout, the control of equal size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Key

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
from circuits.networks.residual import fixed_weights


@dataclass(frozen=True)
class RandomFeatures(Network):
    r"""``y = W a(V x + c) + b`` with fixed random ``V``, ``c`` and trainable ``W``, ``b``: linear in its parameters.

    ``V`` is normal of variance 2/n_inputs (rectifiers) or 1/n_inputs, ``c`` standard normal, both drawn from ``seed``
    (Rahimi and Recht, NeurIPS 2008). `with_parameters` finds the network nearest to a given size.

    Args:
        n_inputs: length of x.
        n_features: number of features.
        n_outputs: number of outcomes, or dimension of the mean.
        activation: as for `MLP`.
        output: "categorical" or "gaussian".
        bias: whether the readout has a bias.
        seed: of the fixed layer.

    Parameters: ``({"bias": (out,), "weight": (out, features)},)``.
    """

    n_inputs: int
    n_features: int
    n_outputs: int
    activation: Activation = "tanh"
    output: Output = "categorical"
    bias: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_sizes(n_inputs=self.n_inputs, n_features=self.n_features, n_outputs=self.n_outputs)
        check_activation(self.activation)
        check_output(self.output, self.n_outputs)

    @classmethod
    def with_parameters(
        cls,
        n_parameters: int,
        n_inputs: int,
        n_outputs: int,
        activation: Activation = "tanh",
        output: Output = "categorical",
        bias: bool = True,
        seed: int = 0,
    ) -> RandomFeatures:
        """The largest network with at most ``n_parameters`` parameters (at least one feature)."""
        n_features = max(1, n_parameters // n_outputs - int(bias))
        return cls(
            n_inputs=n_inputs,
            n_features=n_features,
            n_outputs=n_outputs,
            activation=activation,
            output=output,
            bias=bias,
            seed=seed,
        )

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input x."""
        return (self.n_inputs,)

    @property
    def n_blocks(self) -> int:
        """One: the fixed layer."""
        return 1

    @property
    def layers(self) -> tuple[tuple[str, dict[str, tuple[int, ...]]], ...]:
        """The layout of the parameters: the readout alone."""
        return (("readout", affine_shapes(self.n_features, self.n_outputs, self.bias)),)

    def init(self, key: Key[Array, ""], dtype: Any = None) -> NetworkParams:
        """Normal weights of variance ``1/n_features``; bias zero."""
        return (normal_weights(key, self.layers[0][1], 1.0, dtype),)

    def features(self, x: Float[Array, " inputs"]) -> Float[Array, " features"]:
        """``a(V x + c)``, in the dtype of ``x``."""
        v = math.sqrt(weight_gain(self.activation)) * fixed_weights(self.seed, self.n_features, self.n_inputs)
        c = fixed_weights(self.seed + 1, self.n_features, 1)[:, 0]
        z = jnp.matmul(x, jnp.asarray(v, x.dtype).T) + jnp.asarray(c, x.dtype)
        return activation_function(self.activation)(z)

    def _outputs(self, params: NetworkParams, x: Array, strengths: Array | None) -> Array:
        h = self.features(x)
        if strengths is not None:
            h = (1.0 - strengths[0]) * fit_width(x, self.n_features) + strengths[0] * h
        return affine(params[0], h)

    def _activations(self, params: NetworkParams, x: Array, nudge: Array) -> Array:
        h = self.features(x) + nudge[: self.n_features]
        return jnp.concatenate([h, affine(params[0], h) + nudge[self.n_features :]])

    def _curve(self, params: NetworkParams, x: Array) -> Array:
        return affine(params[0], jnp.stack([fit_width(x, self.n_features), self.features(x)]))

    def _build_graph(self):
        (entry,) = positions(self)
        hidden: list[tuple[int, ...]] = [()]
        outputs = [incoming(entry, j) for j in range(self.n_outputs)]
        return chain_graph([("feature", "neuron", hidden * self.n_features), ("readout", "neuron", outputs)])
