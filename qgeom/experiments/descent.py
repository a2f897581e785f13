"""Many small optimisations at once: Adam with a falling rate, vmapped over starts, in calls of half a second."""

from __future__ import annotations

import functools
import time
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from circuits.description import Point
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.planning import manifold_of
from qgeom.progress import Progress, Silent

_SECONDS_PER_CALL = 0.5


class Problem(Protocol):
    """What is minimised; hashable, so that it is static in the compiled step."""

    def points(self, theta: Array, context: Any) -> Point:
        """The points at ``theta``, all data on a leading axis."""
        ...

    def loss(self, points: Point, context: Any) -> Array:
        """The loss of these points."""
        ...


class Descent(NamedTuple):
    """Where the starts ended: parameters (B, P), losses (B,), and information lengths of the paths (B,)."""

    theta: np.ndarray
    loss: np.ndarray
    length: np.ndarray


class _State(NamedTuple):
    theta: Array
    mean: Array
    square: Array
    length: Array


def minimise(
    problem: Problem,
    theta: Float[Array, "B P"],
    context: PyTree,
    steps: int,
    learning_rate: float = 0.05,
    progress: Progress = Silent(),
    lengths: bool = False,
) -> Descent:
    """Adam (Kingma and Ba, ICLR 2015) with the rate falling to zero as a cosine; ``progress`` advances ``steps`` times.

    Args:
        context: passed to the problem; every array has a leading axis of starts.
        lengths: whether to measure the lengths of the paths; zero otherwise.
    """
    zeros = jnp.zeros_like(theta)
    state, done, chunk = _State(theta, zeros, zeros, zeros[:, 0]), 0, 1
    while done < steps:
        now = min(chunk, steps - done)
        clock = time.perf_counter()
        state = jax.block_until_ready(
            _advance(problem, lengths, state, context, done, done + now, steps, learning_rate)
        )
        elapsed = time.perf_counter() - clock
        if done > 0:  # the first call compiled
            chunk = int(np.clip(_SECONDS_PER_CALL * now / elapsed, 1, 8 * now))
        done += now
        progress.advance(now)
    return Descent(
        np.asarray(state.theta), np.asarray(losses(problem, state.theta, context)), np.asarray(state.length)
    )


@functools.partial(jax.jit, static_argnums=0)
def losses(problem: Problem, theta: Float[Array, "B P"], context: PyTree) -> Float[Array, " B"]:
    """The loss of every start."""
    return jax.vmap(lambda t, c: problem.loss(problem.points(t, c), c))(theta, context)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _advance(
    problem: Problem,
    lengths: bool,
    state: _State,
    context: PyTree,
    start: Any,
    stop: Any,
    steps: Any,
    learning_rate: Any,
) -> _State:
    dtype = state.theta.dtype

    def one(state: _State, context: Any, k: Array, rate: Array) -> _State:
        points, pull = jax.vjp(lambda t: problem.points(t, context), state.theta)
        slope = jax.grad(lambda p: problem.loss(p, context))(points)
        (gradient,) = pull(slope)
        mean = 0.9 * state.mean + 0.1 * gradient
        square = 0.999 * state.square + 0.001 * jnp.square(gradient)
        change = (mean / (1.0 - 0.9**k)) / (jnp.sqrt(square / (1.0 - 0.999**k)) + 1e-8)
        theta = state.theta - rate * change
        if not lengths:
            return _State(theta, mean, square, state.length)
        # Next to each other: the distance is the length of the step to second order.
        after = problem.points(theta, context)
        squares = jnp.square(jax.vmap(lambda a, b: manifold_of(a).distance(a, b))(points, after))
        return _State(theta, mean, square, state.length + safe_sqrt(jnp.mean(squares)))

    def body(i: Array, state: _State) -> _State:
        k = i.astype(dtype) + 1.0
        rate = 0.5 * learning_rate * (1.0 + jnp.cos(jnp.pi * i.astype(dtype) / steps))
        return jax.vmap(one, (0, 0, None, None))(state, context, k, rate)

    return jax.lax.fori_loop(start, stop, body, state)
