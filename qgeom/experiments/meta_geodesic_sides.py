"""What ``meta-geodesic`` computes: starts by meta-learning, and the paths of adaptation that leave them.

A problem is a family of tasks for one description. All starts of a seed grow out of the same random parameters and see
the same training tasks; what differs is the inner rate of the meta-training (zero: joint training), and whether a task
is judged by its own query.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key

import circuits
from circuits.description import Distribution, Gaussian, Point, State
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.planning import manifold_of
from qgeom.progress import Progress
from qgeom.training import unraveler

RANDOM, JOINT, MAML, SHUFFLED = "random", "joint", "MAML", "shuffled"
TREATMENTS = (RANDOM, JOINT, MAML, SHUFFLED)
"""Untrained; trained on all tasks at once; meta-trained; meta-trained with the query of another task."""


class Problem(Protocol):
    """A family of tasks; hashable, so that it is static in compiled programs."""

    kinds: ClassVar[tuple[str, ...]]
    """Names of the metrics in which paths are measured."""

    def initial(self, key: Key[Array, ""]) -> Float[Array, " P"]:
        """Random parameters."""
        ...

    def draw(self, key: Key[Array, ""]) -> dict[str, Array]:
        """A task."""
        ...

    def loss(self, theta: Array, task: dict[str, Array], part: str) -> Float[Array, ""]:
        """On the "support" from which a task is learnt, or on its "query"."""
        ...

    def points(self, theta: Array, task: dict[str, Array]) -> tuple[Point, ...]:
        """The points of each kind, with a leading axis of inputs."""
        ...

    def scale(self, task: dict[str, Array]) -> Float[Array, ""]:
        """The loss of a description that knows nothing of the task."""
        ...


@dataclass(frozen=True)
class Sinusoids:
    """Regression of ``A sin(x - phase)`` on [-5, 5] (Finn, Abbeel, Levine, ICML 2017), normal output of unit variance.

    A is uniform in [0.5, 3], the phase in [0, pi]. Paths are measured on a grid of inputs, or on those of the support.
    """

    network: circuits.MLP
    shots: int
    grid: int
    dtype: str
    kinds: ClassVar[tuple[str, ...]] = ("readout", "support")

    def initial(self, key: Key[Array, ""]) -> Float[Array, " P"]:
        return ravel_pytree(self.network.init(key, jnp.dtype(self.dtype)))[0]

    def draw(self, key: Key[Array, ""]) -> dict[str, Array]:
        dtype, keys = jnp.dtype(self.dtype), jax.random.split(key, 3)
        amplitude = jax.random.uniform(keys[0], (), dtype, 0.5, 3.0)
        phase = jax.random.uniform(keys[1], (), dtype, 0.0, np.pi)
        x = jax.random.uniform(keys[2], (2, self.shots), dtype, -5.0, 5.0)
        y = amplitude * jnp.sin(x - phase)
        return {"support_x": x[0], "support_y": y[0], "query_x": x[1], "query_y": y[1]}

    def loss(self, theta: Array, task: dict[str, Array], part: str) -> Float[Array, ""]:
        error = self._means(theta, task[f"{part}_x"])[:, 0] - task[f"{part}_y"]
        return 0.5 * jnp.mean(jnp.square(error))

    def points(self, theta: Array, task: dict[str, Array]) -> tuple[Point, ...]:
        grid = jnp.linspace(-5.0, 5.0, self.grid, dtype=theta.dtype)
        return tuple(Gaussian(self._means(theta, x)) for x in (grid, task["support_x"]))

    def scale(self, task: dict[str, Array]) -> Float[Array, ""]:
        return 0.5 * jnp.mean(jnp.square(task["support_y"]))

    def _means(self, theta: Array, x: Array) -> Float[Array, "n 1"]:
        params = unraveler(self.network, self.dtype)(theta)
        return jax.vmap(lambda v: self.network.outputs(params, v[None]))(x)


@dataclass(frozen=True)
class Fields:
    """Ground states of a spin in a field, ``H = -h . sigma``, by a one-qubit circuit; the loss is the infidelity.

    It is ``(1 + energy) / 2``. The field has unit length, a polar angle uniform in [pi/4, 3 pi/4] and an azimuth in
    [0, pi]. Paths are measured by the outcomes of X, Y and Z, a third of the shots each (the basis is the input), by
    those of Z alone, and by the state.
    """

    circuit: circuits.Circuit
    dtype: str
    kinds: ClassVar[tuple[str, ...]] = ("readout", "Z alone", "state")

    def initial(self, key: Key[Array, ""]) -> Float[Array, " P"]:
        return self.circuit.init(key, jnp.dtype(self.dtype))

    def draw(self, key: Key[Array, ""]) -> dict[str, Array]:
        dtype, keys = jnp.dtype(self.dtype), jax.random.split(key)
        polar = jax.random.uniform(keys[0], (), dtype, 0.25 * np.pi, 0.75 * np.pi)
        azimuth = jax.random.uniform(keys[1], (), dtype, 0.0, np.pi)
        across = jnp.sin(polar)
        return {"field": jnp.stack([across * jnp.cos(azimuth), across * jnp.sin(azimuth), jnp.cos(polar)])}

    def loss(self, theta: Array, task: dict[str, Array], part: str) -> Float[Array, ""]:
        return 0.5 * (1.0 - jnp.dot(task["field"], bloch_vector(self.circuit(theta))))

    def points(self, theta: Array, task: dict[str, Array]) -> tuple[Point, ...]:
        state = self.circuit(theta)
        r = bloch_vector(state)
        outcomes = 0.5 * jnp.stack([1.0 + r, 1.0 - r], axis=-1)
        return Distribution(outcomes), Distribution(outcomes[2:]), State(state.vector[None])

    def scale(self, task: dict[str, Array]) -> Float[Array, ""]:
        return jnp.asarray(0.5, task["field"].dtype)


def bloch_vector(state: State) -> Float[Array, " 3"]:
    """Expectations of X, Y and Z of one qubit."""
    cross, p = 2.0 * jnp.conj(state.vector[0]) * state.vector[1], state.probabilities
    return jnp.stack([cross.real, cross.imag, p[0] - p[1]])


# --- meta-training ---------------------------------------------------------


class Budget(NamedTuple):
    """How the starts are trained, and how long tasks are learnt.

    Attributes:
        outer_steps, outer_rate: Adam on the meta-parameters, its rate falling to zero as a cosine.
        batch: tasks per outer step.
        inner_steps, inner_rate: steps of gradient descent on a task.
        tasks: new tasks that every start adapts to.
        adapt_steps: steps of the inner rate that a path has at most, each cut into ``substeps``: the path of the
            gradient flow.
    """

    outer_steps: int
    outer_rate: float
    batch: int
    inner_steps: int
    inner_rate: float
    tasks: int
    adapt_steps: int
    substeps: int


_OUTER_PER_CALL, _RECORDS_PER_CALL = 25, 50


def starts(
    problem: Problem, budget: Budget, seeds: tuple[int, ...], progress: Progress
) -> Float[Array, "S 4 P"]:
    """Parameters from which tasks are learnt, by seed and treatment; ``progress`` advances ``outer_steps`` times."""
    keys = jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32))
    first = jax.vmap(problem.initial)(keys)
    theta = jnp.repeat(first[:, None], 3, axis=1)
    # joint, MAML, shuffled
    rates = budget.inner_rate * jnp.asarray([0.0, 1.0, 1.0], theta.dtype)
    others = jnp.asarray([False, False, True])
    state = (theta, jnp.zeros_like(theta), jnp.zeros_like(theta))
    for done in range(0, budget.outer_steps, _OUTER_PER_CALL):
        until = min(done + _OUTER_PER_CALL, budget.outer_steps)
        state = _meta_train(
            problem, budget.batch, budget.inner_steps, state, keys, rates, others, done, until, budget.outer_steps,
            budget.outer_rate,
        )  # fmt: skip
        progress.advance(until - done)
    return jnp.concatenate([first[:, None], state[0]], axis=1)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _meta_train(
    problem: Problem, batch: int, inner_steps: int, state: tuple[Array, Array, Array], keys: Array, rates: Array,
    others: Array, start: Any, stop: Any, steps: Any, rate: Any,
) -> tuple[Array, Array, Array]:  # fmt: skip
    """Adam on the loss after adaptation, all seeds and treatments at once."""
    dtype = state[0].dtype

    def objective(theta: Array, tasks: dict[str, Array], inner_rate: Array, other: Array) -> Array:
        queries = jax.tree.map(lambda a: jnp.where(other, jnp.roll(a, 1, axis=0), a), tasks)

        def one(task: dict[str, Array], query: dict[str, Array]) -> Array:
            adapted = theta
            for _ in range(inner_steps):
                adapted = adapted - inner_rate * jax.grad(problem.loss)(adapted, task, "support")
            return problem.loss(adapted, query, "query")

        return jnp.mean(jax.vmap(one)(tasks, queries))

    def body(i: Array, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        draws = jax.vmap(lambda key: jax.random.split(jax.random.fold_in(key, 1 + i), batch))(keys)
        tasks = jax.vmap(jax.vmap(problem.draw))(draws)
        over_treatments = jax.vmap(jax.grad(objective), (0, None, 0, 0))
        gradient = jax.vmap(over_treatments, (0, 0, None, None))(state[0], tasks, rates, others)
        k = i.astype(dtype) + 1.0
        mean = 0.9 * state[1] + 0.1 * gradient
        square = 0.999 * state[2] + 0.001 * jnp.square(gradient)
        change = (mean / (1.0 - 0.9**k)) / (jnp.sqrt(square / (1.0 - 0.999**k)) + 1e-8)
        falling = 0.5 * rate * (1.0 + jnp.cos(jnp.pi * i.astype(dtype) / steps))
        return state[0] - falling * change, mean, square

    return jax.lax.fori_loop(start, stop, body, state)


# --- adaptation ------------------------------------------------------------


class Paths(NamedTuple):
    """Paths of adaptation, by seed, treatment and task; R records each, the first at the start.

    Attributes:
        loss: on the support, (S, 4, tasks, R).
        length: information length travelled, by kind, (S, 4, tasks, R, kinds).
        points: of each kind; arrays (S, 4, tasks, R, inputs, ...).
        scale: of the loss, (S, tasks).
    """

    loss: np.ndarray
    length: np.ndarray
    points: tuple[Point, ...]
    scale: np.ndarray


def adapt(
    problem: Problem, budget: Budget, first: Float[Array, "S 4 P"], seeds: tuple[int, ...], progress: Progress
) -> Paths:
    """Gradient descent on new tasks, the same for all treatments; ``progress`` advances ``adapt_steps`` times."""
    keys = jax.vmap(lambda s: jax.random.fold_in(jax.random.key(s), 0))(jnp.asarray(seeds, jnp.uint32))
    tasks, scale = _tasks(problem, budget.tasks, keys)
    theta = jnp.repeat(first[:, :, None], budget.tasks, axis=2)
    records = [_here(problem, theta, tasks)]
    travelled = np.asarray(records[0].length)[..., -1:, :]
    for done in range(0, budget.adapt_steps, _RECORDS_PER_CALL):
        count = min(_RECORDS_PER_CALL, budget.adapt_steps - done)
        theta, found = _walk(problem, count, budget.substeps, theta, tasks, budget.inner_rate)
        records.append(found._replace(length=travelled + np.asarray(found.length)))
        travelled = np.asarray(records[-1].length)[..., -1:, :]
        progress.advance(count)
    joined = jax.tree.map(lambda *parts: np.concatenate(parts, axis=3), *records)
    return Paths(joined.loss, joined.length, joined.points, np.asarray(scale))


class _Record(NamedTuple):
    loss: Any
    length: Any
    points: Any


@functools.partial(jax.jit, static_argnums=(0, 1))
def _tasks(problem: Problem, count: int, keys: Array) -> tuple[dict[str, Array], Float[Array, "S tasks"]]:
    tasks = jax.vmap(lambda key: jax.vmap(problem.draw)(jax.random.split(key, count)))(keys)
    return tasks, jax.vmap(jax.vmap(problem.scale))(tasks)


def _over_paths(function: Any) -> Any:
    """Of (theta, task): over tasks, treatments and seeds."""
    over_tasks = jax.vmap(function)
    return jax.vmap(jax.vmap(over_tasks, (0, None)))


@functools.partial(jax.jit, static_argnums=0)
def _here(problem: Problem, theta: Array, tasks: dict[str, Array]) -> _Record:
    """The record of the start."""

    def one(theta: Array, task: dict[str, Array]) -> _Record:
        points = problem.points(theta, task)
        record = _Record(problem.loss(theta, task, "support"), jnp.zeros(len(points), theta.dtype), points)
        return jax.tree.map(lambda a: a[None], record)

    return _over_paths(one)(theta, tasks)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _walk(
    problem: Problem, records: int, substeps: int, theta: Array, tasks: dict[str, Array], rate: Any
) -> tuple[Array, _Record]:
    """Some steps of every path: where it ends, and a record after each step; lengths from the start of the call."""

    def one(theta: Array, task: dict[str, Array]) -> tuple[Array, _Record]:
        def substep(_: Any, carry: tuple[Array, Array, tuple[Point, ...]]) -> Any:
            theta, length, before = carry
            theta = theta - (rate / substeps) * jax.grad(problem.loss)(theta, task, "support")
            after = problem.points(theta, task)
            pairs = zip(before, after, strict=True)
            return theta, length + jnp.stack([mean_distance(a, b) for a, b in pairs]), after

        def step(carry: Any, _: None) -> tuple[Any, _Record]:
            carry = jax.lax.fori_loop(0, substeps, substep, carry)
            return carry, _Record(problem.loss(carry[0], task, "support"), carry[1], carry[2])

        points = problem.points(theta, task)
        begin = (theta, jnp.zeros(len(points), theta.dtype), points)
        (theta, *_), found = jax.lax.scan(step, begin, None, length=records)
        return theta, found

    return _over_paths(one)(theta, tasks)


def mean_distance(first: Point, second: Point) -> Float[Array, ""]:
    """Root mean square over inputs of the information distance: that of the product of their manifolds."""
    squares = jnp.square(jax.vmap(manifold_of(first).distance)(first, second))
    return safe_sqrt(jnp.mean(squares))
