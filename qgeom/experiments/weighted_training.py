r"""Many classifiers trained at once, each on weighted data of its own and with some parameters held at zero.

The loss of one is the weighted cross-entropy, and training ends, smoothly, at a target:

    L(theta) = max( - sum_i w_i ln p(y_i | x_i, m theta),  target ),    sum w = 1, m in {0, 1}^P.

Below the target the gradient vanishes: two sides that separate the classes would else be driven to certainty at their
own rates, and their Fisher information, which vanishes there, would tell the rate. Data that a classifier does not
have are given weight zero, so that batches of unequal size are one compiled program.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from circuits.description import Description, Distribution, Point
from qgeom.experiments.descent import minimise
from qgeom.progress import Progress, Silent
from qgeom.training import SMALLEST_PROBABILITY, unraveler


class Lessons(NamedTuple):
    """What every classifier of a batch learns; leading axis B.

    Attributes:
        x: inputs (B, N, d).
        y: classes (B, N), integers.
        weights: (B, N), not negative, sums 1.
        mask: (B, P), 1 where a parameter is there, 0 where it is held at zero.
        target: (B,), nat; training ends at this loss.
    """

    x: Float[Array, "B N d"]
    y: Int[Array, "B N"]
    weights: Float[Array, "B N"]
    mask: Float[Array, "B P"]
    target: Float[Array, " B"]


def lessons(
    x: Any, y: Any, size: int, target: float, *, weights: Any = None, mask: Any = None, dtype: Any = None
) -> Lessons:
    """Lessons for descriptions of ``size`` parameters: equal weights and all parameters, unless given."""
    dtype = jnp.result_type(float) if dtype is None else dtype
    x, y = jnp.asarray(x, dtype), jnp.asarray(y)
    rows, count = y.shape
    weights = np.full((rows, count), 1.0 / count) if weights is None else np.asarray(weights, float)
    weights = weights / weights.sum(axis=1, keepdims=True)
    mask = np.ones((rows, size)) if mask is None else mask
    return Lessons(x, y, jnp.asarray(weights, dtype), jnp.asarray(mask, dtype), jnp.full(rows, target, dtype))


@dataclass(frozen=True)
class Classifier:
    """The problem of :func:`qgeom.experiments.descent.minimise`: see the module.

    Attributes:
        description: yields a distribution for every input.
        dtype: name of that of its parameters.
    """

    description: Description
    dtype: str

    def points(self, theta: Float[Array, " P"], context: Lessons) -> Distribution:
        """The distributions of all inputs, (N, k)."""
        return predicted(self.description, self.dtype, context.mask * theta, context.x)

    def loss(self, points: Point, context: Lessons) -> Float[Array, ""]:
        """Weighted cross-entropy, not below the target."""
        assert isinstance(points, Distribution)
        return jnp.maximum(cross_entropy(points, context.y, context.weights), context.target)


def predicted(description: Description, dtype: str, flat: Float[Array, " P"], x: Array) -> Distribution:
    """The distributions (N, k) at flat parameters."""
    params = unraveler(description, dtype)(flat)
    point = jax.vmap(description, (None, 0))(params, x)
    assert isinstance(point, Distribution)
    return point


def cross_entropy(points: Distribution, y: Array, weights: Array) -> Float[Array, ""]:
    """``- sum_i w_i ln p(y_i | x_i)`` in nats."""
    p = jnp.take_along_axis(points.probabilities, y[:, None], axis=1)[:, 0]
    return -jnp.sum(weights * jnp.log(jnp.maximum(p, SMALLEST_PROBABILITY)))


def taught(
    description: Description,
    theta: Float[Array, "B P"],
    given: Lessons,
    steps: int,
    *,
    learning_rate: float = 0.05,
    progress: Progress = Silent(),
) -> np.ndarray:
    """Parameters (B, P) after Adam with a falling rate, masked ones zero; ``progress`` advances ``steps`` times."""
    problem = Classifier(description, str(theta.dtype))
    found = minimise(problem, theta, given, steps, learning_rate, progress)
    return found.theta * np.asarray(given.mask)


@functools.partial(jax.jit, static_argnums=0)
def _measured(problem: Classifier, flat: Array, x: Array, y: Array) -> tuple[Array, Array]:
    def one(theta: Array, x: Array, y: Array) -> tuple[Array, Array]:
        points = predicted(problem.description, problem.dtype, theta, x)
        loss = cross_entropy(points, y, jnp.full(y.shape, 1.0 / y.shape[0], theta.dtype))
        right = jnp.argmax(points.probabilities, axis=-1) == y
        return loss, jnp.mean(right.astype(theta.dtype))

    return jax.lax.map(lambda row: one(*row), (flat, x, y))


def loss_and_accuracy(description: Description, theta: Any, x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Mean cross-entropy in nats and share of right classes, (B,) each, on inputs (B, N, d) and classes (B, N)."""
    dtype = jnp.result_type(float)
    problem = Classifier(description, str(dtype))
    loss, right = _measured(problem, jnp.asarray(theta, dtype), jnp.asarray(x, dtype), jnp.asarray(y))
    return np.asarray(loss), np.asarray(right)
