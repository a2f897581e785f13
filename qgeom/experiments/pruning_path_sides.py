"""What ``pruning-path`` computes: paths of models from which nodes are taken one by one, seen in the Fisher metric."""

from __future__ import annotations

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

from circuits.description import Description, Point
from qgeom.experiments import statistics
from qgeom.experiments.node_removal import CRITERIA, Removable, next_node, removable
from qgeom.experiments.planck_length_sides import Case
from qgeom.experiments.pruning_masks import canonical
from qgeom.experiments.trained_geometry import metric_diagonals
from qgeom.experiments.weighted_training import Lessons, lessons, loss_and_accuracy, taught
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.planning import manifold_of
from qgeom.information.turning import turning_angles
from qgeom.progress import Progress
from qgeom.tasks import Split
from qgeom.training import initial_parameters, unraveler

PROTOCOLS = ("at once", "with recovery")
"""Nodes are taken one after the other; or some steps of training follow each. Both end with training."""
METRICS = ("readout", "state")
STILL = 1e-5
"""A removal that moves the points less than this has no direction."""


class Budget(NamedTuple):
    """How much is computed."""

    share: float
    steps: int
    recovery: int
    last: int
    target_loss: float
    pieces: int


def trained(
    case: Case, splits: Split, seeds: tuple[int, ...], budget: Budget, progress: Progress
) -> xr.Dataset:
    """The models before anything is taken out: flat parameters (seed, parameter), angles in (-pi, pi]."""
    progress.stage(f"training the {case.name}", budget.steps)
    start, _ = initial_parameters(case.description, seeds, jnp.result_type(float))
    given = lessons(splits.train_x, splits.train_y, start.shape[1], budget.target_loss)
    theta = canonical(
        case.description, taught(case.description, start, given, budget.steps, progress=progress)
    )
    loss, _ = loss_and_accuracy(case.description, theta, splits.train_x, splits.train_y)
    test, right = loss_and_accuracy(case.description, theta, splits.test_x, splits.test_y)
    return xr.Dataset(
        {
            "theta": (("seed", "parameter"), theta),
            "dense_train_loss": ("seed", loss, {"units": "nat"}),
            "dense_test_loss": ("seed", test, {"units": "nat"}),
            "dense_test_accuracy": ("seed", right),
        },
        coords={"seed": list(seeds)},
    )


def pruned(
    case: Case, start: np.ndarray, splits: Split, seeds: tuple[int, ...], protocol: str, budget: Budget,
    progress: Progress,
) -> xr.Dataset:  # fmt: skip
    """The paths of all criteria under one protocol, node by node.

    ``length``: information length so far; ``turning``: mean angle between successive legs so far, in degrees;
    ``displacement``: information distance from the start, all by metric and number of nodes taken. ``train_loss`` along
    the path, and losses and accuracy after the training at the end.
    """
    rows = len(CRITERIA) * len(seeds)
    theta = np.tile(start, (len(CRITERIA), 1))
    tiled = Split(*(np.concatenate([part] * len(CRITERIA)) for part in splits))
    reads = (case.description,) if case.structure is case.description else (case.description, case.structure)
    given = lessons(tiled.train_x, tiled.train_y, theta.shape[1], budget.target_loss)
    nodes = removable(case.description, metric_diagonals(case.description, start, splits.train_x))
    count = max(1, round(budget.share * len(nodes.positions)))
    progress.stage(f"pruning the {case.name}, {protocol}", count * (1 + budget.recovery) + budget.last)
    drawn = np.stack([np.random.default_rng([s, 3]).random(len(nodes.positions)) for s in seeds])
    drawn = np.tile(drawn, (len(CRITERIA), 1))
    gone: list[set[int]] = [set() for _ in range(rows)]
    mask = np.ones_like(theta)
    legs = [Legs(read, tiled.train_x, budget.pieces, theta) for read in reads]
    marks: list[int] = []
    losses: list[np.ndarray] = []
    for _ in range(count):
        after = _without_next(nodes, gone, theta, mask, drawn, case.description, tiled.train_x)
        for leg in legs:
            leg.move(theta, after)
        theta = after
        progress.advance()
        if protocol == PROTOCOLS[1]:
            after = _recovered(case.description, theta, given, mask, budget.recovery, progress)
            for leg in legs:
                leg.move(theta, after)
            theta = after
        else:
            progress.advance(budget.recovery)
        marks.append(legs[0].corners - 1)
        losses.append(loss_and_accuracy(case.description, theta, tiled.train_x, tiled.train_y)[0])
    theta = _recovered(case.description, theta, given, mask, budget.last, progress)
    end, _ = loss_and_accuracy(case.description, theta, tiled.train_x, tiled.train_y)
    test, right = loss_and_accuracy(case.description, theta, tiled.test_x, tiled.test_y)
    ends = {"end_train_loss": end, "end_test_loss": test, "end_test_accuracy": right}
    return _dataset([leg.summary(marks) for leg in legs], np.stack(losses, axis=1), ends, seeds)


def _dataset(
    seen: list[dict[str, np.ndarray]], losses: np.ndarray, ends: dict[str, np.ndarray], seeds: tuple[int, ...]
) -> xr.Dataset:
    """By criterion and seed: what every metric sees after each removal, (rows, removed); losses likewise."""
    shape, count = (len(CRITERIA), len(seeds)), losses.shape[1]
    arrays: dict[str, Any] = {}
    for name in seen[0]:
        whole = np.full((len(METRICS), *shape, count), np.nan)
        for m, one in enumerate(seen):
            whole[m] = one[name].reshape(*shape, count)
        unit = "degree" if name == "turning" else "information length"
        arrays[name] = (("metric", "criterion", "seed", "removed"), whole, {"units": unit})
    arrays["train_loss"] = (
        ("criterion", "seed", "removed"), losses.reshape(*shape, count), {"units": "nat"}
    )  # fmt: skip
    for name, values in ends.items():
        arrays[name] = (("criterion", "seed"), values.reshape(shape))
    coords = {
        "seed": list(seeds), "criterion": list(CRITERIA), "metric": list(METRICS), "removed": np.arange(1, count + 1),
    }  # fmt: skip
    return xr.Dataset(arrays, coords=coords)


def _without_next(
    nodes: Removable, gone: list[set[int]], theta: np.ndarray, mask: np.ndarray, drawn: np.ndarray,
    description: Description, x: np.ndarray,
) -> np.ndarray:  # fmt: skip
    """Parameters with one more node at zero in every row; ``gone`` and ``mask`` take note."""
    diagonal = metric_diagonals(description, theta, x)
    after = theta.copy()
    per = len(theta) // len(CRITERIA)
    for row in range(len(theta)):
        node = next_node(nodes, gone[row], theta[row], diagonal[row], CRITERIA[row // per], drawn[row])
        gone[row].add(node)
        after[row, nodes.positions[node]] = 0.0
        mask[row, nodes.positions[node]] = 0.0
    return after


def _recovered(
    description: Description, theta: np.ndarray, given: Lessons, mask: np.ndarray, steps: int, progress: Progress
) -> np.ndarray:  # fmt: skip
    dtype = given.weights.dtype
    masked = given._replace(mask=jnp.asarray(mask, dtype))
    found = taught(
        description, jnp.asarray(theta, dtype), masked, steps, learning_rate=0.02, progress=progress
    )
    return canonical(description, found)


# --- the path among the points ---------------------------------------------


class Legs:
    """Paths of models in the space of their points, one per row, leg by leg."""

    def __init__(self, description: Description, x: np.ndarray, pieces: int, theta: np.ndarray) -> None:
        self._arguments = description, str(jnp.result_type(float)), pieces
        self._x = jnp.asarray(x, jnp.result_type(float))
        self._lengths = [np.zeros(len(theta))]
        self._corners = [points_at(description, theta, x)]

    @property
    def corners(self) -> int:
        """How many there are."""
        return len(self._corners)

    def move(self, start: np.ndarray, end: np.ndarray) -> None:
        """One more leg: straight lines of parameters, (rows, P) each."""
        dtype = self._x.dtype
        found, points = _leg(*self._arguments, jnp.asarray(start, dtype), jnp.asarray(end, dtype), self._x)
        self._lengths.append(self._lengths[-1] + np.asarray(found))
        self._corners.append(points)

    def summary(self, marks: list[int]) -> dict[str, np.ndarray]:
        """Length, mean turning angle in degrees, and distance from the start at some corners: (rows, marks) each."""
        corners = jax.tree.map(lambda *parts: jnp.stack(parts, axis=1), *self._corners)
        return {
            "length": np.stack([self._lengths[k] for k in marks], axis=1),
            "turning": mean_turning(corners, marks),
            "displacement": np.stack([apart(self._corners[0], self._corners[k]) for k in marks], axis=1),
        }


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _leg(
    description: Description, dtype: str, pieces: int, start: Array, end: Array, x: Array
) -> tuple[Float[Array, " B"], Any]:
    """The information length of straight lines of parameters, and the points at their ends."""

    def one(row: tuple[Array, Array, Array]) -> tuple[Array, Any]:
        first, last, inputs = row
        times = jnp.linspace(0.0, 1.0, pieces + 1, dtype=first.dtype)
        path = jax.lax.map(lambda t: _points(description, dtype, first + t * (last - first), inputs), times)
        before, after = (jax.tree.map(lambda a, s=s: a[s], path) for s in (slice(None, -1), slice(1, None)))
        manifold = manifold_of(before)
        steps = jax.vmap(jax.vmap(manifold.distance))(before, after)
        return jnp.sum(safe_sqrt(jnp.mean(jnp.square(steps), axis=1))), jax.tree.map(lambda a: a[-1], path)

    return jax.lax.map(one, (start, end, x))


def _points(description: Description, dtype: str, flat: Array, x: Array) -> Point:
    return jax.vmap(description, (None, 0))(unraveler(description, dtype)(flat), x)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _all_points(description: Description, dtype: str, theta: Array, x: Array) -> Point:
    return jax.lax.map(lambda row: _points(description, dtype, *row), (theta, x))


def points_at(description: Description, theta: Any, x: Any) -> Any:
    """The points of models (B, P) at inputs (B, N, d), every array with leading axes B and N."""
    dtype = jnp.result_type(float)
    return _all_points(description, str(dtype), jnp.asarray(theta, dtype), jnp.asarray(x, dtype))


@jax.jit
def apart(some: Any, others: Any) -> Float[Array, " B"]:
    """The information distance, root mean square over inputs, of two points (B, N, ...) of every row."""
    distances = jax.vmap(jax.vmap(manifold_of(some).distance))(some, others)
    return safe_sqrt(jnp.mean(jnp.square(distances), axis=1))


def mean_turning(corners: Any, marks: list[int]) -> np.ndarray:
    """The mean angle, in degrees, by which paths have turned on the manifold of their points up to each mark.

    Corners (B, K, N, ...), (B, marks) angles: 0 along a geodesic, 180 for a path that goes back; legs without a
    direction (:data:`STILL`) are left out; NaN for fewer than two others. See :mod:`qgeom.information.turning`.
    """
    count = jax.tree.leaves(corners)[0].shape[1]
    at = [jax.tree.map(lambda a, k=k: a[:, k], corners) for k in range(count)]
    still = np.stack([np.asarray(apart(a, b)) < STILL for a, b in itertools.pairwise(at)], axis=1)
    rows = len(still)
    triples = np.zeros((rows, max(count - 2, 0), 3), int)
    reached = np.full(triples.shape[:2], count)
    for row in range(rows):
        moved = [0, *(np.flatnonzero(~still[row]) + 1)]
        for k, three in enumerate(zip(moved, moved[1:], moved[2:], strict=False)):
            triples[row, k], reached[row, k] = three, three[2]
    angles = np.degrees(_angles(corners, jnp.asarray(triples)))
    within = reached[:, None, :] <= np.asarray(marks)[None, :, None]
    return statistics.finite_mean(np.where(within, angles[:, None, :], np.nan), axis=2)


@jax.jit
def _angles(corners: Any, triples: Array) -> Float[Array, "B triples"]:
    """The angle at the middle one of three corners of a path."""

    def of_path(path: Any, every: Array) -> Array:
        return jax.vmap(lambda three: turning_angles(jax.tree.map(lambda a: a[three], path))[0])(every)

    return jax.vmap(of_path)(corners, triples)
