"""What ``which-metric`` computes: populations of trained models, their complexities, distances between their nodes."""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.description import Description, Distribution
from circuits.measured import Measured
from circuits.networks import ResNet
from qgeom import tasks
from qgeom.emergent.distance_formulas import distances
from qgeom.emergent.relation import Relation
from qgeom.emergent.shared_fisher import HIDDEN, KIND, distinct_nodes, shared_information
from qgeom.experiments.complexity_candidates import (
    CANDIDATES,
    CHECKS,
    candidates,
    nielsen_length,
    state_length,
)
from qgeom.experiments.descent import minimise
from qgeom.experiments.least_action_sides import noisy_splits
from qgeom.experiments.weighted_training import loss_and_accuracy
from qgeom.information import information_metric
from qgeom.information.planning import manifold_of
from qgeom.progress import Progress
from qgeom.tasks import Split
from qgeom.training import initial_parameters, negative_log_likelihood, unraveler

READS = ("readout", "state")
WAYS = ("built up", "left out")
"""The point of G_Com that a node stands at: with all nodes up to it on; with it alone off."""


class Member(NamedTuple):
    """One model of a population: factor on the random start, weight of |theta|^2 / 2, share of wrong labels."""

    scale: float
    decay: float
    label_noise: float


class Budget(NamedTuple):
    """How much is computed."""

    pieces: int
    steps: int
    learning_rate: float
    test_fraction: float


class Lesson(NamedTuple):
    """What one model learns."""

    x: Float[Array, "n d"]
    y: Array
    decay: Float[Array, ""]


class Reached(NamedTuple):
    """Where it is: the distributions of all inputs, and |theta|^2 / 2."""

    ends: Distribution
    half_norm: Array


@dataclass(frozen=True)
class Fit:
    """Cross-entropy and weight decay, for :func:`qgeom.experiments.descent.minimise`."""

    description: Measured | ResNet
    dtype: str

    def points(self, theta: Float[Array, " P"], context: Lesson) -> Any:
        """The points of all inputs, and the term of the decay."""
        params = unraveler(self.description, self.dtype)(theta)
        return Reached(
            jax.vmap(lambda x: self.description(params, x))(context.x),  # pyright: ignore[reportArgumentType]
            jnp.sum(jnp.square(theta)) / 2,
        )

    def loss(self, points: Any, context: Lesson) -> Float[Array, ""]:
        """Mean negative log-likelihood, nat, plus the decay."""
        return (
            jnp.mean(jax.vmap(negative_log_likelihood)(points.ends, context.y))
            + context.decay * points.half_norm
        )


def members(
    scales: tuple[float, ...], decays: tuple[float, ...], noises: tuple[float, ...]
) -> tuple[Member, ...]:
    """All combinations."""
    return tuple(Member(*values) for values in itertools.product(scales, decays, noises))


@dataclass(frozen=True)
class Population:
    """Trained models of one side, seed by seed and member by member."""

    name: str
    description: Measured | ResNet
    seeds: tuple[int, ...]
    every: tuple[Member, ...]
    theta: Float[Array, "models P"]
    splits: Split

    def __str__(self) -> str:
        return f"the {self.name}, seeds {self.seeds[0]}-{self.seeds[-1]}"

    def only(self, chosen: tuple[Member, ...]) -> Population:
        """Those members alone."""
        kept = np.tile(
            np.isin(range(len(self.every)), [self.every.index(m) for m in chosen]), len(self.seeds)
        )
        splits = Split(*(column[kept] for column in self.splits))
        return Population(self.name, self.description, self.seeds, chosen, self.theta[kept], splits)


def trained(
    name: str,
    description: Measured | ResNet,
    task: tasks.Task,
    seeds: tuple[int, ...],
    every: tuple[Member, ...],
    budget: Budget,
    progress: Progress,
) -> Population:
    """Train all members of all seeds."""
    dtype = jnp.result_type(float)
    parts = [noisy_splits(task, seeds, budget.test_fraction, m.label_noise) for m in every]
    # Stacked with the members behind the seeds, then flattened.
    splits = Split(
        *(
            np.stack(columns, axis=1).reshape(-1, *columns[0].shape[1:])
            for columns in zip(*parts, strict=True)
        )
    )
    # Every member has a start of its own, the same in both families of a seed.
    keys = tuple(1000 * seed + k for seed in seeds for k in range(len(every)))
    scales = jnp.asarray([m.scale for _ in seeds for m in every], dtype)
    start = scales[:, None] * initial_parameters(description, keys, dtype)[0]
    decays = jnp.asarray([m.decay for _ in seeds for m in every], dtype)
    lesson = Lesson(jnp.asarray(splits.train_x, dtype), jnp.asarray(splits.train_y), decays)
    progress.stage(f"training the {name}, seeds {seeds[0]}-{seeds[-1]}", budget.steps)
    problem = Fit(description, str(dtype))
    found = minimise(problem, start, lesson, budget.steps, budget.learning_rate, progress)
    return Population(name, description, seeds, every, jnp.asarray(found.theta, dtype), splits)


def measured(models: Population, pieces: int, progress: Progress) -> xr.Dataset:
    """Errors, losses and candidates of every model, and what the changes do to the first of each seed."""
    description, theta, splits = models.description, models.theta, models.splits
    dtype = jnp.result_type(float)
    shape = (len(models.seeds), len(models.every))
    fits = [
        loss_and_accuracy(description, theta, x, y)
        for x, y in ((splits.train_x, splits.train_y), (splits.test_x, splits.test_y))
    ]
    xs = jnp.asarray(splits.train_x, dtype)
    progress.stage(f"candidates of {models}", 2 + len(CHECKS))
    found = np.array(_of_all(description, str(dtype), pieces, "none", theta, xs))
    progress.advance()
    quantum = np.full(shape, np.nan)
    if isinstance(description, Measured):
        flat = np.asarray(theta).reshape(len(theta), -1)
        found[:, CANDIDATES.index("energy")] = [nielsen_length(description, row) for row in flat]
        lengths = jax.vmap(lambda t, x: state_length(description, str(dtype), pieces, t, x))(theta, xs)
        quantum = np.asarray(lengths).reshape(shape)
    progress.advance()
    table = found.reshape(*shape, len(CANDIDATES))
    changed = np.full((len(models.seeds), len(CHECKS), len(CANDIDATES)), np.nan)
    first = jnp.asarray(range(0, len(theta), len(models.every)))
    for c, check in enumerate(CHECKS):
        # Both sides of the comparison by the same program but for the change.
        after = np.array(_of_all(description, str(dtype), pieces, check, theta[first], xs[first]))
        if isinstance(description, Measured):
            after[:, CANDIDATES.index("energy")] = found[np.asarray(first), CANDIDATES.index("energy")]
        changed[:, c] = np.abs(after / found[np.asarray(first)] - 1.0)
        progress.advance()
    dims = ("seed", "member")
    return xr.Dataset(
        {
            "candidate_value": ((*dims, "candidate"), table),
            "quantum_length": (dims, quantum, {"units": "rad"}),
            "change": (("seed", "check", "candidate"), changed),
            "train_loss": (dims, fits[0][0].reshape(shape), {"units": "nat"}),
            "train_error": (dims, 1.0 - fits[0][1].reshape(shape)),
            "test_loss": (dims, fits[1][0].reshape(shape), {"units": "nat"}),
            "test_error": (dims, 1.0 - fits[1][1].reshape(shape)),
            "label_noise": ("member", [m.label_noise for m in models.every]),
        },
        coords={
            "seed": list(models.seeds),
            "candidate": list(CANDIDATES),
            "check": list(CHECKS),
            "case": models.name,
        },
    )


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _of_all(
    description: Measured | ResNet, dtype: str, pieces: int, change: Any, theta: Array, xs: Array
) -> Float[Array, "models candidates"]:
    """A few models at a time: the Jacobians of all would be large."""
    return jax.lax.map(
        lambda given: candidates(description, dtype, pieces, change, *given), (theta, xs), batch_size=10
    )


# --- distances between nodes -----------------------------------------------


def node_distances(models: Population, progress: Progress) -> xr.Dataset:
    """Distances of all pairs of nodes of trained models in G_Com and in G_Inf; NaN for nodes without information.

    G_Com: the information distance ``sqrt(E_x d^2)`` of the two points at which the nodes stand (:data:`WAYS`). A node
    is switched off by its parameters at zero. G_Inf: ``-1/2 ln r`` of the Fisher relation, geodesic closure.
    """
    description, theta, splits = models.description, models.theta, models.splits
    dtype = jnp.result_type(float)
    nodes = distinct_nodes(description)
    positions = [np.array(description.nodes[k].parameters) for k in nodes]
    alone = np.zeros((len(nodes), theta.shape[1]))
    for k, place in enumerate(positions):
        alone[k, place] = 1.0
    masks = np.stack([np.minimum(np.cumsum(alone, axis=0), 1.0), 1.0 - alone])
    reads: dict[str, Description] = {READS[0]: description}
    if isinstance(description, Measured):
        reads[READS[1]] = description.circuit
    count = len(nodes)
    com = np.full((len(READS), len(WAYS), len(theta), count, count), np.nan)
    inf = np.full((len(READS), len(theta), count, count), np.nan)
    progress.stage(f"nodes of {models}", len(reads) * len(theta))
    for r, read in enumerate(reads.values()):
        for k in range(len(theta)):
            xs = jnp.asarray(splits.train_x[k], dtype)
            matrix = np.asarray(
                information_metric(read, unraveler(read, str(dtype))(theta[k]), xs).as_matrix()
            )
            inf[r, k] = inferred(matrix, positions)
            com[r, :, k] = np.asarray(
                _pair_distances(read, str(dtype), theta[k], jnp.asarray(masks, dtype), xs)
            )
            progress.advance()
    shape, pair = (len(models.seeds), len(models.every)), (count, count)
    layers = [description.nodes[k].layer for k in nodes]
    return xr.Dataset(
        {
            "com": (
                ("read", "way", "seed", "model", "node", "other"),
                com.reshape(len(READS), len(WAYS), *shape, *pair),
                {"units": "rad"},
            ),
            "inf": (("read", "seed", "model", "node", "other"), inf.reshape(len(READS), *shape, *pair)),
            "layer": ("node", layers),
        },
        coords={"read": list(READS), "way": list(WAYS), "seed": list(models.seeds), "case": models.name},
    )


def inferred(matrix: np.ndarray, positions: list[np.ndarray]) -> np.ndarray:
    """G_Inf distances of all nodes; NaN where a node has no information, or none is related to another."""
    count = len(positions)
    out = np.full((count, count), np.nan)
    traces = np.array([np.trace(matrix[np.ix_(p, p)]) for p in positions])
    seen = np.flatnonzero(traces > HIDDEN * max(float(traces.mean()), 1e-300))
    if len(seen) < 3:
        return out
    share = shared_information(matrix, [positions[k] for k in seen])
    try:
        found = distances(Relation(KIND, tuple(map(str, seen)), share, "", share, power=2)).matrix
    except ValueError:  # nothing is related
        return out
    out[np.ix_(seen, seen)] = np.where(np.isfinite(found), found, np.nan)
    return out


@functools.partial(jax.jit, static_argnums=(0, 1))
def _pair_distances(
    read: Description | Circuit, dtype: str, theta: Array, masks: Float[Array, "ways nodes P"], xs: Array
) -> Float[Array, "ways nodes nodes"]:
    """Information distance of the points at which each pair of nodes stands."""
    unravel = unraveler(read, dtype)

    def at(mask: Array) -> Any:
        params = unravel(theta * mask)
        return jax.vmap(lambda x: read(params, x))(xs)

    def between(a: Any, b: Any) -> Array:
        return jnp.sqrt(jnp.mean(jnp.square(jax.vmap(manifold_of(a).distance)(a, b))))

    def of_way(masks: Array) -> Array:
        points = jax.vmap(at)(masks)
        return jax.lax.map(lambda a: jax.vmap(lambda b: between(a, b))(points), points)

    return jax.lax.map(of_way, masks)
