r"""Few synthetic inputs in place of many: dataset condensation by gradient matching (Zhao et al., ICLR 2021).

The synthetic inputs S, with fixed classes, are moved so that the gradients of the loss on them are those on the data T,

    sum over classes c and layers l of  1 - cos( grad_l L_S^c(theta), grad_l L_T^c(theta) ),

at parameters theta on the way of training on S from random starts. Groups of parameters are the layers of nodes on both
sides: a single angle has no direction to match.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int

from circuits.description import Description
from qgeom.emergent.shared_fisher import distinct_nodes
from qgeom.experiments.weighted_training import cross_entropy, predicted

SMALLEST = 1e-12


def layer_groups(description: Description) -> tuple[tuple[int, ...], ...]:
    """Positions of the parameters of each layer of nodes."""
    nodes = [description.nodes[k] for k in distinct_nodes(description)]
    return tuple(
        tuple(p for node in nodes if node.layer == layer for p in node.parameters)
        for layer in sorted({node.layer for node in nodes})
    )


def mismatch(first: Float[Array, "k P"], second: Float[Array, "k P"], groups: Any) -> Float[Array, ""]:
    """``sum over rows and groups of 1 - cos`` between gradients; a vanishing one matches nothing."""
    total = jnp.zeros((), first.dtype)
    for group in groups:
        at = jnp.asarray(group)
        a, b = first[:, at], second[:, at]
        norms = jnp.sqrt(jnp.sum(a**2, axis=1) + SMALLEST) * jnp.sqrt(jnp.sum(b**2, axis=1) + SMALLEST)
        total = total + jnp.sum(1.0 - jnp.sum(a * b, axis=1) / norms)
    return total


def class_gradients(
    description: Description, dtype: str, theta: Array, x: Array, y: Int[Array, " N"], classes: int
) -> Float[Array, "k P"]:
    """Gradients by theta of the mean loss on each class."""
    member = (y[None, :] == jnp.arange(classes)[:, None]).astype(theta.dtype)
    weights = member / jnp.maximum(jnp.sum(member, axis=1, keepdims=True), 1.0)

    def losses(t: Array) -> Array:
        points = predicted(description, dtype, t, x)
        return jax.vmap(lambda w: cross_entropy(points, y, w))(weights)

    return jax.jacrev(losses)(theta)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _episode(
    description: Description,
    dtype: str,
    classes: int,
    steps: int,
    x: Array,
    labels: Array,
    data: Any,
    theta: Any,
) -> Array:
    """Inputs (B, m, d) after one episode: at every step the inputs move, then the parameters (B, P) learn from them."""
    groups = layer_groups(description)

    def one(x: Array, y: Array, real_x: Array, real_y: Array, theta: Array) -> Array:
        def apart(x: Array, theta: Array, target: Array) -> Array:
            return mismatch(class_gradients(description, dtype, theta, x, y, classes), target, groups)

        def body(_: Any, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            x, theta = carry
            target = class_gradients(description, dtype, theta, real_x, real_y, classes)
            slope = jax.grad(apart)(x, theta, target)
            x = x - 0.1 * slope / (1.0 + jnp.sqrt(jnp.sum(slope**2)))  # a long gradient is shortened
            step = jnp.mean(class_gradients(description, dtype, theta, x, y, classes), axis=0)
            return x, theta - 0.3 * step

        return jax.lax.fori_loop(0, steps, body, (x, theta))[0]

    return jax.vmap(one)(x, labels, data[0], data[1], theta)


def distilled(
    description: Description, x: Any, y: Any, start: Any, labels: Any, classes: int, episodes: int, steps: int,
    seeds: tuple[int, ...],
) -> np.ndarray:  # fmt: skip
    """Synthetic inputs (B, m, d) from ``start``, one set per seed.

    Args:
        description: that is to learn from them.
        x: data (B, N, d).
        y: their classes (B, N).
        start: first synthetic inputs, e.g. a random subset.
        labels: their classes (B, m).
        classes: number of classes.
        episodes: random starts of the parameters.
        steps: of inputs and parameters in each.
        seeds: of these starts.
    """
    dtype = jnp.result_type(float)
    data = jnp.asarray(x, dtype), jnp.asarray(y)
    found = jnp.asarray(start, dtype)
    for episode in range(episodes):
        keys = [jax.random.fold_in(jax.random.key(seed), 100 + episode) for seed in seeds]
        rows = [ravel_pytree(description.init(key, dtype))[0] for key in keys]
        found = _episode(
            description, str(dtype), classes, steps, found, jnp.asarray(labels), data, jnp.stack(rows)
        )
    return np.asarray(found)
