"""What ``smooth-submanifold`` computes: spectra of F, and turning, along the training paths of paired models."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

import circuits
from circuits.circuit import Circuit
from circuits.description import Description, Distribution, State
from circuits.measured import Measured
from circuits.networks import MLP, ResNet
from qgeom import tasks
from qgeom.experiments.near_identity import NearIdentity
from qgeom.information import information_metric, point_steps, pullback
from qgeom.information.planning import manifold_of
from qgeom.information.turning import angle, turning_angles
from qgeom.progress import Progress
from qgeom.training import Adam, StopRule, Training, train, unraveler

METRICS = ("readout", "state")
UNITS = ("natural", "raw")
"""Weights over the RMS of those of their layer, or as they are; angles differ by a common factor, so not at all."""


class Case(NamedTuple):
    """A treatment of a family: what is trained, and the same without its own start."""

    family: str
    treatment: str
    trained: Description
    measured: Measured | MLP | ResNet


class Budget(NamedTuple):
    """How much is computed."""

    samples: int
    vertices: int
    max_steps: int
    target_loss: float
    learning_rate: float


def cases(
    qubits: int, layers: int, width: int, depth: int, start: float, task: tasks.Task
) -> tuple[Case, Case, Case, Case]:
    """Blocks near the identity and the same circuit from uniform angles; residual network and MLP of equal size.

    The entanglers of the circuit have angles of their own, so that a whole layer can be the identity. The MLP has
    ``depth + 1`` hidden layers of the same width: as many parameters as the residual network has in lift, blocks and
    readout.
    """
    d, k = task.n_features, task.n_classes
    circuit = circuits.data_reuploading(qubits, layers, d, entangler="RZZ")
    measured = circuits.Measured(circuit, classes=circuits.modulo_classes(qubits, k))
    residual = circuits.ResNet(d, width, depth, k, strength=float(depth))
    plain = circuits.MLP((d, *(width,) * (depth + 1), k))
    return (
        Case("circuit", "smooth", NearIdentity(measured, start), measured),
        Case("circuit", "plain", measured, measured),
        Case("network", "smooth", residual, residual),
        Case("network", "plain", plain, plain),
    )


def path(
    case: Case, task: tasks.Task, seeds: tuple[int, ...], budget: Budget, progress: Progress
) -> xr.Dataset:
    """Train one treatment and measure its paths at ``vertices + 1`` points, equally far apart in information length."""
    dtype = jnp.result_type(float)
    splits = task.splits(seeds)
    progress.stage(f"training the {case.treatment} {case.family}", budget.max_steps)
    found = train(
        case.trained, splits, seeds, Adam(budget.learning_rate),
        StopRule(max_steps=budget.max_steps, target_loss=budget.target_loss), dtype=dtype, progress=progress,
    )  # fmt: skip
    data = jnp.asarray(splits.train_x[:, : budget.samples], dtype)
    description = case.measured
    reads = {
        "readout": description,
        **({"state": description.circuit} if isinstance(description, Measured) else {}),
    }
    vertices = np.stack(
        [_vertices(description, found, s, data[s], budget.vertices, str(dtype)) for s in range(len(seeds))]
    )
    units = np.array([[layer_units(description, theta) for theta in row] for row in vertices])
    shape = (len(METRICS), len(seeds))
    rows = min(description.n_parameters, max(_rows(r, data.shape[1]) for r in reads.values()))
    values = np.full((*shape, len(UNITS), budget.vertices + 1, rows), np.nan)
    turning = np.full((*shape, budget.vertices - 1), np.nan)
    chords = np.full_like(turning, np.nan)
    steps = np.full((*shape, budget.vertices), np.nan)
    progress.stage(f"metric along the paths of the {case.treatment} {case.family}", len(reads) * len(seeds))
    for m, read in enumerate(reads.values()):
        for s in range(len(seeds)):
            theta = jnp.asarray(vertices[s], dtype)
            both = jnp.asarray(np.stack([units[s], np.ones_like(units[s])]), dtype)
            found_values = np.asarray(_singular_values(read, str(dtype), theta, both, data[s]))
            values[m, s, ..., : found_values.shape[-1]] = found_values
            turns = _turning(read, str(dtype), theta, data[s])
            turning[m, s], chords[m, s], steps[m, s] = (np.asarray(part) for part in turns)
            progress.advance()
    dims = ("metric", "seed")
    return xr.Dataset(
        {
            "singular": ((*dims, "unit", "vertex", "direction"), values),
            "turning": ((*dims, "inner"), turning, {"units": "rad"}),
            "parameter_turning": ((*dims, "inner"), chords, {"units": "rad"}),
            "step": ((*dims, "segment"), steps, {"units": "rad"}),
            "steps": ("seed", found.steps),
            "train_loss": ("seed", found.train_loss[:, -1], {"units": "nat"}),
            "test_accuracy": ("seed", found.test_accuracy[:, -1]),
            "parameters": description.n_parameters,
        },
        coords={"metric": list(METRICS), "unit": list(UNITS), "seed": list(seeds), "family": case.family,
                "treatment": case.treatment},
    )  # fmt: skip


def _rows(read: Description, samples: int) -> int:
    """Rows of the Jacobian in an orthonormal frame."""
    if isinstance(read, Circuit):
        return samples * 2 ** (read.n_qubits + 1)
    return samples * (read.n_outcomes if isinstance(read, Measured) else read.layers[-1][1]["weight"][0])  # type: ignore[union-attr]


def _vertices(
    description: Description, found: Training, seed: int, data: Array, count: int, dtype: str
) -> Float[np.ndarray, "vertices P"]:
    """Parameters at equal information lengths along the path of one seed, linear between the steps of training."""
    theta = found.path[seed, : int(found.steps[seed]) + 1]
    # Padded to the length of the longest, so that all seeds share a program; steps of no length add nothing.
    padded = np.concatenate([theta, np.repeat(theta[-1:], found.path.shape[1] - len(theta), axis=0)])
    lengths = np.asarray(_step_lengths(description, dtype, jnp.asarray(padded, dtype), data))
    travelled = np.concatenate([[0.0], np.cumsum(lengths)])[: len(theta)]
    at = np.linspace(0.0, travelled[-1], count + 1)
    place = np.interp(at, travelled, np.arange(len(theta)))
    low = np.minimum(place.astype(int), len(theta) - 1)
    high = np.minimum(low + 1, len(theta) - 1)
    return theta[low] + (place - low)[:, None] * (theta[high] - theta[low])


def layer_units(description: Measured | MLP | ResNet, theta: np.ndarray) -> np.ndarray:
    """Natural unit of each parameter, (P,): the RMS of the weights of its layer, for the biases too; 2 for an angle."""
    if isinstance(description, Measured):
        return np.full(theta.size, 2.0)
    out, start = [], 0
    for _, shapes in description.layers:
        # Flattened in the order of the sorted names: bias before weight; those of residual blocks are stacked.
        size_b, size_w = (int(np.prod(shapes[name])) for name in ("bias", "weight"))
        blocks = shapes["bias"][0] if len(shapes["bias"]) == 2 else 1
        weights = theta[start + size_b : start + size_b + size_w].reshape(blocks, -1)
        rms = np.sqrt(np.mean(weights**2, axis=1))
        out += [np.repeat(rms, size_b // blocks), np.repeat(rms, size_w // blocks)]
        start += size_b + size_w
    return np.concatenate(out)


def _points(description: Description, dtype: str, theta: Array, data: Array) -> Distribution | State:
    params = unraveler(description, dtype)(theta)
    return jax.vmap(lambda x: description(params, x))(data)  # type: ignore[return-value]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _step_lengths(description: Description, dtype: str, path: Array, data: Array) -> Float[Array, " steps"]:
    points = jax.lax.map(lambda t: _points(description, dtype, t, data), path)
    by_input = jax.tree.map(lambda a: jnp.moveaxis(a, 1, 0), points)
    return jnp.sqrt(jnp.mean(jnp.square(jax.vmap(point_steps)(by_input)), axis=0))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _singular_values(
    description: Description,
    dtype: str,
    thetas: Float[Array, "v P"],
    units: Float[Array, "u v P"],
    data: Array,
) -> Float[Array, "u v rows"]:
    """Singular values of the Jacobian in an orthonormal frame, descending: the square roots of the eigenvalues of F.

    Of J and not of F: squaring would lose half of the digits, and with them the small end of the spectrum.
    """

    def one(given: tuple[Array, Array]) -> Array:
        theta, scales = given
        metric = information_metric(description, unraveler(description, dtype)(theta), data)
        rows = pullback.rows(metric.plan, metric.params, metric.data, metric.weights)
        return jax.vmap(lambda u: jnp.linalg.svd(rows * u, compute_uv=False))(scales)

    return jnp.moveaxis(jax.lax.map(one, (thetas, jnp.moveaxis(units, 1, 0))), 0, 1)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _turning(
    description: Description, dtype: str, thetas: Float[Array, "v P"], data: Array
) -> tuple[Array, Array, Array]:
    """Turning at the inner vertices, that of straight lines of parameters in F, and the lengths of the chords."""
    points = jax.lax.map(lambda t: _points(description, dtype, t, data), thetas)

    def in_parameters(before: Array, here: Array, after: Array) -> Array:
        def pushed(velocity: Array) -> Array:
            point, tangent = jax.jvp(lambda t: _points(description, dtype, t, data), (here,), (velocity,))
            return jax.vmap(manifold_of(point).isometry)(point, tangent).reshape(-1)

        return angle(pushed(here - before), pushed(after - here))

    chords = jax.vmap(in_parameters)(thetas[:-2], thetas[1:-1], thetas[2:])
    by_input = jax.tree.map(lambda a: jnp.moveaxis(a, 1, 0), points)
    steps = jnp.sqrt(jnp.mean(jnp.square(jax.vmap(point_steps)(by_input)), axis=0))
    return turning_angles(points), chords, steps
