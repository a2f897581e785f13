"""What ``planck-length`` computes: minimal lengths of nodes of trained models, and accuracy when nodes are noisy."""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from jaxtyping import Array, Float

import circuits
from circuits.description import Description
from qgeom import tasks
from qgeom.emergent.minimal_length import lengths_of
from qgeom.emergent.node_blocks import node_metric
from qgeom.emergent.units import parameter_units
from qgeom.progress import Progress
from qgeom.tasks import Split
from qgeom.training import Adam, StopRule, train, unraveler

METRICS = ("readout", "state")
KNOWLEDGE = ("others unknown", "others known")
MEASURES = ("accuracy", "agreement")
"""Share of test inputs with the right class; with the class that the model gives without noise."""


class Case(NamedTuple):
    """A description, and the same without its readout where that has a metric of its own."""

    name: str
    description: Description
    structure: Description


def cases(qubits: int, layers: int, width: int, task: tasks.Task) -> tuple[Case, Case]:
    """A data re-uploading circuit whose outcomes are read modulo the classes, and an MLP of two hidden layers."""
    circuit = circuits.data_reuploading(qubits, layers, task.n_features)
    network = circuits.MLP((task.n_features, width, width, task.n_classes))
    measured = circuits.Measured(circuit, classes=circuits.modulo_classes(qubits, task.n_classes))
    return Case("circuit", measured, circuit), Case("network", network, network)


class Budget(NamedTuple):
    """How much is computed."""

    starts: int
    samples: int
    draws: int
    noises: tuple[float, ...]
    max_steps: int
    target_loss: float


def models(
    every: tuple[Case, ...], task: tasks.Task, seeds: tuple[int, ...], budget: Budget, progress: Progress
) -> xr.Dataset:
    """Train every case from several starts per seed; lengths and traces of the nodes, and what noise does to it."""
    dtype, starts = jnp.result_type(float), budget.starts
    splits = Split(*(np.repeat(part, starts, axis=0) for part in task.splits(seeds)))
    keys = tuple(1000 * s + k for s in seeds for k in range(starts))
    parts: list[xr.Dataset] = []
    for case in every:
        progress.stage(f"training the {case.name}", budget.max_steps)
        found = train(
            case.description, splits, keys, Adam(0.05),
            StopRule(max_steps=budget.max_steps, target_loss=budget.target_loss), dtype=dtype, progress=progress,
        )  # fmt: skip
        reads = (
            (case.description,) if case.structure is case.description else (case.description, case.structure)
        )
        rows: list[dict[str, np.ndarray]] = []
        progress.stage(f"noise on the {case.name}", len(keys))
        for k in range(len(keys)):
            params = unraveler(case.description, str(dtype))(jnp.asarray(found.final[k], dtype))
            metrics = [
                node_metric(read, params, jnp.asarray(splits.train_x[k, : budget.samples], dtype))
                for read in reads
            ]
            length, trace = (
                np.full((2, 2, len(metrics[0].names)), np.nan),
                np.full((2, len(metrics[0].names)), np.nan),
            )
            for m, metric in enumerate(metrics):
                length[m] = [lengths_of(metric), lengths_of(metric, others_known=True)]
                trace[m] = metric.traces
            masks = np.zeros((len(metrics[0].names) + 1, found.final.shape[1]))
            for node, positions in enumerate(metrics[0].positions):
                masks[node, positions] = 1.0
            masks[-1] = 1.0  # all nodes at once
            noisy = accuracies(
                case.description, str(dtype), budget.draws, jnp.asarray(found.final[k], dtype),
                jnp.asarray(masks * parameter_units(case.description, params), dtype),
                jnp.asarray(budget.noises, dtype),
                jnp.asarray(splits.test_x[k], dtype), jnp.asarray(splits.test_y[k]), jax.random.key(keys[k]),
            )  # fmt: skip
            under = np.asarray(noisy)
            rows.append(
                {"length": length, "trace": trace, "noisy": under[..., :-1], "all_noisy": under[..., -1]}
            )
            progress.advance()
        stacked = {
            name: np.stack([row[name] for row in rows]).reshape(len(seeds), starts, *rows[0][name].shape)
            for name in rows[0]
        }
        dims = ("seed", "start")
        parts.append(
            xr.Dataset(
                {
                    "length": (
                        (*dims, "metric", "knowledge", "node"),
                        stacked["length"],
                        {"units": "natural units"},
                    ),
                    "trace": ((*dims, "metric", "node"), stacked["trace"]),
                    "noisy": ((*dims, "measure", "noise", "node"), stacked["noisy"]),
                    "all_noisy": ((*dims, "measure", "noise"), stacked["all_noisy"]),
                    "test_accuracy": (dims, found.test_accuracy[:, -1].reshape(len(seeds), starts)),
                    "train_loss": (
                        dims,
                        found.train_loss[:, -1].reshape(len(seeds), starts),
                        {"units": "nat"},
                    ),
                },
                coords={
                    "case": case.name,
                    "seed": list(seeds),
                    "metric": list(METRICS),
                    "knowledge": list(KNOWLEDGE),
                    "measure": list(MEASURES),
                    "noise": list(budget.noises),
                },
            )
        )
    most = max(part.sizes["node"] for part in parts)
    padded: list[xr.Dataset] = [part.pad(node=(0, most - part.sizes["node"])) for part in parts]
    return xr.concat(padded, dim="case")


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def accuracies(
    description: Description,
    dtype: str,
    draws: int,
    theta: Float[Array, " P"],
    scales: Float[Array, "nodes P"],
    noises: Float[Array, " noises"],
    x: Array,
    y: Array,
    key: Array,
) -> Float[Array, "2 noises nodes"]:
    """Accuracy and agreement, each averaged over draws of normal noise of a strength in natural units, node by node.

    Args:
        description: A classifier.
        dtype: Of its parameters.
        draws: Draws of the noise, the same for all strengths.
        theta: Flat parameters.
        scales: Unit of every parameter of the node, 0 for those of the others.
        noises: Standard deviations.
        x, y: Inputs and classes.
        key: Random key.
    """
    unravel = unraveler(description, dtype)

    def classes(flat: Array) -> Array:
        params = unravel(flat)
        return jnp.argmax(jax.vmap(lambda one: description(params, one).probabilities)(x), axis=-1)  # type: ignore[union-attr]

    clean = classes(theta)

    def of_node(given: tuple[Array, Array]) -> Array:
        scale, node_key = given
        shift = scale * jax.random.normal(node_key, (draws, theta.shape[0]), theta.dtype)
        found = jax.vmap(lambda size: jax.vmap(lambda d: classes(theta + size * d))(shift))(noises)
        return jnp.stack([jnp.mean(found == y, axis=(1, 2)), jnp.mean(found == clean, axis=(1, 2))])

    out = jax.lax.map(of_node, (scales, jax.random.split(key, scales.shape[0])))
    return jnp.moveaxis(out, 0, -1)
