r"""Training with complexity in the cost: loss + weights . (lengths of the layer curve, kinetic action, half |theta|^2).

The terms, one column each, and their units:

* the information length of the layer curve (:mod:`qgeom.information.layer_polygon`), rad: of the outcomes, and for a
  measured circuit, in a second column, of its state;
* for a network the kinetic action of the flow through its L blocks, ``L sum_l E_x |h_{l+1} - h_l|^2`` (the transport
  cost of Benamou and Brenier, Numer. Math. 84, 375 (2000)). That of a circuit of Pauli rotations, all groups lasting
  equally long, is ``sum (theta / 2)^2`` up to a factor and a constant: it is the last column;
* ``|theta|^2 / 2``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits.description import Point
from circuits.measured import Measured
from circuits.networks import ResNet
from qgeom.information.layer_polygon import polygon_lengths, polygon_points
from qgeom.training import negative_log_likelihood, unraveler


class Learning(NamedTuple):
    """What one start learns: inputs, classes, and the weight of every term (terms,)."""

    x: Float[Array, "n d"]
    y: Array
    weights: Float[Array, " terms"]


class Traced(NamedTuple):
    """The points of the layer curve for all inputs, and the terms that are no lengths."""

    curve: tuple[Point, ...]
    others: Float[Array, " others"]


@dataclass(frozen=True)
class Penalised:
    """The loss with its penalties, for :func:`qgeom.experiments.descent.minimise`.

    Attributes:
        description: A measured circuit, or a residual network.
        pieces: Of each layer of the curve.
        dtype: Of the parameters.
    """

    description: Measured | ResNet
    pieces: int
    dtype: str

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the terms."""
        if isinstance(self.description, ResNet):
            return ("Fisher length", "kinetic action", "L2")
        return ("Fisher length", "quantum length", "L2")

    def points(self, theta: Float[Array, " P"], context: Learning) -> Any:
        """The layer curve, and the terms beside it."""
        params = unraveler(self.description, self.dtype)(theta)
        curve = jax.vmap(lambda x: polygon_points(self.description, params, x, self.pieces))(context.x)
        others = [jnp.sum(jnp.square(theta)) / 2]
        if isinstance(self.description, ResNet):
            others.insert(0, kinetic_action(self.description, params, context.x))
        return Traced(curve, jnp.stack(others))

    def loss(self, points: Any, context: Learning) -> Float[Array, ""]:
        """Mean negative log-likelihood of the ends, nat, plus the weighted terms."""
        ends = jax.tree.map(lambda a: a[:, -1], points.curve[0])
        fit = jnp.mean(jax.vmap(negative_log_likelihood)(ends, context.y))
        return fit + jnp.dot(context.weights, self.values(points))

    def values(self, points: Traced) -> Float[Array, " terms"]:
        """The terms."""
        return jnp.concatenate([polygon_lengths(points.curve), points.others])


def kinetic_action(network: ResNet, params: Any, xs: Float[Array, "n d"]) -> Float[Array, ""]:
    """``L sum_l E_x |h_{l+1} - h_l|^2`` of the representations before, between and after the L blocks."""
    size = network.width * (network.depth + 1)
    values = jax.vmap(lambda x: network.activations(params, x))(xs)[:, :size]
    moved = jnp.diff(values.reshape(-1, network.depth + 1, network.width), axis=1)
    return network.depth * jnp.mean(jnp.sum(jnp.square(moved), axis=(1, 2)))
