"""What ``least-action`` computes: models trained with complexity or the 2-norm in the cost, and their layer curves."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

import circuits
from circuits.measured import Measured
from circuits.networks import ResNet
from qgeom import tasks
from qgeom.experiments.descent import minimise
from qgeom.experiments.penalised_training import Learning, Penalised
from qgeom.experiments.weighted_training import loss_and_accuracy
from qgeom.information.layer_curve import end_distances, groups, lengths_of_kinds
from qgeom.progress import Progress
from qgeom.tasks import Split
from qgeom.training import initial_parameters, unraveler

KINDS = ("outcomes", "state")


class Budget(NamedTuple):
    """How much is computed."""

    strengths: tuple[float, ...]
    pieces: int
    nodes: int
    steps: int
    learning_rate: float
    test_fraction: float
    label_noise: float


def cases(qubits: int, layers: int, width: int, depth: int, task: tasks.Task) -> dict[str, Measured | ResNet]:
    """A data re-uploading circuit read modulo the classes, and a residual network between fixed ends.

    The curve of both starts at a point that no parameter moves: ``|0...0>``, and a fixed readout of the input itself.
    """
    circuit = circuits.data_reuploading(qubits, layers, task.n_features)
    classes = circuits.modulo_classes(qubits, task.n_classes)
    network = circuits.ResNet(
        task.n_features, width, depth, task.n_classes, strength=float(depth), lift="identity", readout="fixed"
    )
    return {"circuit": circuits.Measured(circuit, classes=classes), "network": network}


def noisy_splits(task: tasks.Task, seeds: tuple[int, ...], test_fraction: float, noise: float) -> Split:
    """Splits of which ``round(noise * n)`` training labels are replaced by another class; test labels stay."""
    splits = task.splits(seeds, test_fraction)
    labels = splits.train_y.copy()
    for row, seed in zip(labels, seeds, strict=True):
        rng = np.random.default_rng([seed, 1])
        chosen = rng.permutation(len(row))[: round(noise * len(row))]
        row[chosen] = (row[chosen] + rng.integers(1, task.n_classes, len(chosen))) % task.n_classes
    return splits._replace(train_y=labels)


def models(
    name: str,
    description: Measured | ResNet,
    task: tasks.Task,
    seeds: tuple[int, ...],
    budget: Budget,
    progress: Progress,
) -> xr.Dataset:
    """Every seed trained without a penalty and with each penalty at each strength, from the same start.

    A strength is what the penalty costs at the start, in nat: ``loss + strength * C(theta) / C(theta_0)``.
    """
    dtype = jnp.result_type(float)
    splits = noisy_splits(task, seeds, budget.test_fraction, budget.label_noise)
    problem = Penalised(description, budget.pieces, str(dtype))
    first = initial_parameters(description, seeds, dtype)[0]
    x, y = jnp.asarray(splits.train_x, dtype), jnp.asarray(splits.train_y)
    empty = Learning(x, y, jnp.zeros((len(seeds), len(problem.terms)), dtype))
    at_start = np.asarray(_terms(problem, first, empty))
    weights = _weights(budget.strengths, at_start)
    arms = weights.shape[1]
    context = Learning(
        x=jnp.repeat(x, arms, axis=0),
        y=jnp.repeat(y, arms, axis=0),
        weights=jnp.asarray(weights.reshape(-1, weights.shape[-1])),
    )
    progress.stage(f"training the {name}, seeds {seeds[0]}-{seeds[-1]}", budget.steps)
    found = minimise(
        problem, jnp.repeat(first, arms, axis=0), context, budget.steps, budget.learning_rate, progress
    )
    theta = jnp.asarray(found.theta, dtype)
    terms = np.asarray(_terms(problem, theta, context))
    fits = [
        loss_and_accuracy(description, theta, np.repeat(x, arms, axis=0), np.repeat(y, arms, axis=0))
        for x, y in ((splits.train_x, splits.train_y), (splits.test_x, splits.test_y))
    ]
    params = jax.vmap(unraveler(description, str(dtype)))(theta)
    group = groups(description)
    lengths = jax.vmap(
        lambda p, x: jnp.sum(lengths_of_kinds(description, p, x, group, budget.nodes), axis=-1)
    )(params, context.x)
    distances = jax.vmap(lambda p, x: end_distances(description, p, x))(params, context.x)
    values = {
        "length": np.asarray(lengths),
        "distance": np.asarray(distances),
        "polygon": terms[:, : lengths.shape[1]],
        "value": terms,
        "train_loss": fits[0][0],
        "train_error": 1.0 - fits[0][1],
        "test_loss": fits[1][0],
        "test_error": 1.0 - fits[1][1],
        "norm": np.linalg.norm(found.theta, axis=1),
    }
    return _dataset(name, problem, seeds, budget.strengths, values)


def _weights(strengths: tuple[float, ...], at_start: np.ndarray) -> np.ndarray:
    """(seeds, 1 + terms * strengths, terms): no penalty, then every term at every strength."""
    seeds, terms = at_start.shape
    out = np.zeros((seeds, 1 + terms * len(strengths), terms))
    for term in range(terms):
        for k, strength in enumerate(strengths):
            out[:, 1 + term * len(strengths) + k, term] = strength / at_start[:, term]
    return out


@functools.partial(jax.jit, static_argnums=0)
def _terms(problem: Penalised, theta: Float[Array, "B P"], context: Learning) -> Float[Array, "B terms"]:
    return jax.vmap(lambda t, c: problem.values(problem.points(t, c)))(theta, context)


UNITS = {"length": "rad", "distance": "rad", "polygon": "rad", "train_loss": "nat", "test_loss": "nat"}


def _dataset(
    name: str,
    problem: Penalised,
    seeds: tuple[int, ...],
    strengths: tuple[float, ...],
    values: dict[str, np.ndarray],
) -> xr.Dataset:
    """One row per seed, penalty and strength; strength 0 is the same model for every penalty."""
    terms, count = problem.terms, len(strengths)
    place = np.array([[0, *(1 + t * count + k for k in range(count))] for t in range(len(terms))])
    variables = {}
    for key, flat in values.items():
        table = flat.reshape(len(seeds), 1 + len(terms) * count, *flat.shape[1:])[:, place]
        dims: tuple[str, ...] = ("seed", "term", "strength")
        if key == "value":
            dims += ("column",)
        elif table.ndim == 4:
            dims += ("kind",)  # a network has no state
            table = np.concatenate([table, np.full((*table.shape[:3], 2 - table.shape[3]), np.nan)], axis=3)
        variables[key] = (dims, table, {"units": UNITS[key]} if key in UNITS else {})
    return xr.Dataset(
        {**variables, "penalty": (("term",), list(terms))},
        coords={"seed": list(seeds), "strength": [0.0, *strengths], "kind": list(KINDS), "case": name},
    )
