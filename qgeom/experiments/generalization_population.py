"""The data of ``generalization``: populations and random starts in units of a few seeds, and the reference lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

import circuits
from qgeom.experiments import generalization_sides as sides
from qgeom.experiments.parts import Parts
from qgeom.information import fisher_rao_norm, information_metric
from qgeom.information.homogeneous import homogeneous_fisher_rao_norm
from qgeom.information.mean_field import fisher_statistics, order_parameters
from qgeom.progress import Progress
from qgeom.tasks import Task
from qgeom.training import SMALLEST_PROBABILITY

LABELS = ("given", "shuffled")
NORMS = ("2-norm", "path norm")
SEEDS_PER_PART = 5


@dataclass(frozen=True)
class Plan:
    """What is computed."""

    task: Task
    test_fraction: float
    widths: tuple[int, ...]
    qubits: tuple[int, ...]
    depths: tuple[int, ...]
    noises: tuple[float, ...]
    starts: int
    steps: int
    learning_rate: float
    dtype: str


class Model(NamedTuple):
    """One model of a seed: its size, the labels it learns, and a number that tells it from others."""

    member: int
    noise: int
    labels: str
    draw: int


def every_population(plan: Plan, seeds: tuple[int, ...], progress: Progress, parts: Parts) -> xr.Dataset:
    """Populations with both kinds of labels, and random starts, of all cases."""
    networks = (sides.network_family(plan.task, plan.widths, plan.depths, plan.dtype),)
    by_qubits = tuple(sides.circuit_family(plan.task, n, plan.depths, plan.dtype) for n in plan.qubits)
    cases: list[xr.Dataset] = []
    for families in (by_qubits, networks):
        blocks: list[xr.Dataset] = []
        for first in range(0, len(seeds), SEEDS_PER_PART):
            block = seeds[first : first + SEEDS_PER_PART]
            blocks.append(_block(plan, families, block, progress, parts))
        cases.append(xr.concat(blocks, dim="seed", data_vars="minimal"))
    circuit, network = cases
    n_train = len(plan.task.split(seeds[0], plan.test_fraction).train_y)
    stacked = xr.concat(
        [
            circuit.sel(kind="readout", drop=True),
            circuit.sel(kind="state", drop=True),
            network.sel(kind="readout", drop=True),
        ],
        dim="case",
        join="outer",
        coords="minimal",
        compat="override",
        data_vars="all",
    ).assign_coords(case=["circuit", "circuit-quantum", "network"])
    labels = np.stack([plan.task.split(seed, plan.test_fraction).test_y for seed in seeds])
    stacked["test_label"] = (("seed", "test"), labels)
    return stacked.assign_attrs(training_inputs=n_train)


def _block(
    plan: Plan, families: tuple[sides.Family, ...], seeds: tuple[int, ...], progress: Progress, parts: Parts
) -> xr.Dataset:
    """All of one side for some seeds."""
    span = f"seeds {seeds[0]}-{seeds[-1]}"
    by_labels: list[xr.Dataset] = []
    for labels in LABELS:
        pieces: list[xr.Dataset] = []
        for family in families:
            models = [
                Model(m, k, labels, 0) for m in range(len(family.members)) for k in range(len(plan.noises))
            ]
            pieces.append(
                parts.part(
                    f"{family.name}, labels {labels}, {span}",
                    lambda family=family, models=models: population(plan, family, models, seeds, progress),
                )
            )
        joined = xr.concat(pieces, dim="model", join="outer")
        by_labels.append(joined.assign_coords(model=np.arange(joined.sizes["model"])))
    out = xr.concat(by_labels, dim="labels").assign_coords(labels=list(LABELS))
    family = families[len(families) // 2]
    middle = family.members[len(family.members) // 2]
    member = next(
        k for k, m in enumerate(family.members) if (m.width, m.depth) == (middle.width, middle.depth)
    )
    again = [Model(member, len(plan.noises) // 2, LABELS[0], k) for k in range(plan.starts)]
    starts = parts.part(
        f"{family.name}, random starts, {span}",
        lambda: population(plan, family, again, seeds, progress, distances=True),
    )
    renamed = {name: f"start_{name}" for name in map(str, starts.data_vars)}
    return xr.merge(
        [out, starts.rename({**renamed, "model": "start", "mode": "start_mode"})], compat="override"
    )


def population(
    plan: Plan,
    family: sides.Family,
    models: list[Model],
    seeds: tuple[int, ...],
    progress: Progress,
    distances: bool = False,
) -> xr.Dataset:
    """Train and measure some models for every seed.

    Args:
        distances: whether to add those of the end points, see :func:`end_distances`.
    """
    splits = plan.task.splits(seeds, plan.test_fraction)
    member, key, noisy = [], [], []
    for s, seed in enumerate(seeds):
        for model in models:
            which = LABELS.index(model.labels)
            rng = np.random.default_rng((seed, which, model.noise))
            if which:
                noisy.append(rng.permutation(splits.train_y[s]))
            else:
                noisy.append(
                    sides.noisy_labels(splits.train_y[s], plan.noises[model.noise], plan.task.n_classes, rng)
                )
            member.append(model.member)
            key.append(_key(seed, which, len(family.members[0].mask), *model[:2], model.draw))
    every = np.repeat(np.arange(len(seeds)), len(models))
    jobs = sides.Jobs(np.array(member), np.array(key), splits.train_x[every], np.stack(noisy))
    progress.stage(f"training the {family.name}", plan.steps * sides.chunks(len(member)))
    trained = sides.train(family, jobs, plan.steps, plan.learning_rate, progress)
    inputs = np.concatenate([splits.train_x, splits.test_x], axis=1)
    found = sides.measure(family, jobs.member, trained.theta, inputs, every)

    shape = (len(seeds), len(models))
    n_train = splits.train_y.shape[1]
    tested = found.probabilities[:, n_train:]
    right = np.take_along_axis(tested, splits.test_y[every][..., None], axis=-1)[..., 0]
    kinds = ("readout", "state")
    nothing = np.full_like(found.eigenvalues["readout", "natural"], np.nan)
    eigenvalues = [[found.eigenvalues.get((kind, unit), nothing) for unit in sides.UNITS] for kind in kinds]
    norms = [found.fisher_rao.get(kind, np.full(len(member), np.nan)) for kind in kinds]
    dims = ("seed", "model")
    chosen = [family.members[model.member] for model in models]
    data = xr.Dataset(
        {
            "eigenvalue": (
                ("kind", "unit", *dims, "mode"),
                np.array(eigenvalues).reshape(2, len(sides.UNITS), *shape, -1),
            ),
            "fisher_rao": (("kind", *dims), np.array(norms).reshape(2, *shape), {"units": "rad"}),
            "norms": ((*dims, "norm"), found.norms.reshape(*shape, 2)),
            "train_loss": (dims, trained.loss.reshape(shape), {"units": "nat"}),
            "test_loss": (
                dims,
                -np.log(np.maximum(right, SMALLEST_PROBABILITY)).mean(axis=-1).reshape(shape),
                {"units": "nat"},
            ),
            "prediction": ((*dims, "test"), tested.argmax(axis=-1).reshape(*shape, -1).astype(float)),
            "width": ("model", [float(m.width) for m in chosen]),
            "depth": ("model", [float(m.depth) for m in chosen]),
            "noise": ("model", [plan.noises[model.noise] for model in models]),
            "size": ("model", [float(m.mask.sum()) for m in chosen]),
        },
        coords={
            "seed": list(seeds),
            "kind": list(kinds),
            "unit": list(sides.UNITS),
            "norm": list(NORMS),
            "mode": np.arange(len(family.members[0].mask)),
        },
    )
    if distances:
        data["distance"] = (
            (*dims, "other"),
            end_distances(found.probabilities.reshape(*shape, -1, plan.task.n_classes)),
        )
    return data


def end_distances(probabilities: np.ndarray) -> np.ndarray:
    """Root mean square over inputs of the information distances of all pairs of starts.

    Args:
        probabilities: of the classes, (seed, start, N, k); the result is (seed, start, start).
    """
    overlap = np.einsum("sank,sbnk->sabn", np.sqrt(probabilities), np.sqrt(probabilities))
    return np.sqrt(np.mean(np.square(2.0 * np.arccos(np.clip(overlap, 0.0, 1.0))), axis=-1))


def _key(*numbers: int) -> int:
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


# --- reference lines -------------------------------------------------------

STATISTICS = ("mean eigenvalue", "second moment", "largest eigenvalue")
INPUTS, OUTPUTS = 12, 2
NETWORKS = 4
"""Random networks per seed: the second moment of a single one varies by 12%, more than the margin."""
WEIGHT_VARIANCE, BIAS_VARIANCE = 2.0, 0.5


def reference_lines(width: int, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    """Measured over predicted statistics of F of wide random networks, and the error of the Fisher-Rao identity."""
    progress.stage("reference lines", len(seeds))
    dtype = jnp.result_type(float)
    sizes = (width, width, width, OUTPUTS)
    network = circuits.MLP(sizes, output="gaussian")
    parameters = order_parameters("tanh", len(sizes) - 1, WEIGHT_VARIANCE, BIAS_VARIANCE)
    theory = fisher_statistics(sizes, parameters, INPUTS)
    rectifier = circuits.MLP((4, 8, 8, 3), activation="relu", bias=False)
    ratios, errors = [], []
    for seed in seeds:
        keys = jax.random.split(jax.random.key(seed), 4)
        measured = []
        for key in jax.random.split(keys[0], NETWORKS):
            values = np.asarray(_wide_spectrum(network, key, jnp.zeros((), dtype)))
            moments = values.sum() / network.n_parameters, (values**2).sum() / network.n_parameters
            # In theory the largest eigenvalue is C-fold: what is measured is the mean of the largest C.
            measured.append((*moments, np.sort(values)[-OUTPUTS:].mean()))
        ratios.append(np.mean(measured, axis=0) / np.array(theory))
        params = rectifier.init(keys[1], dtype)
        x = jax.random.normal(keys[2], (40, 4), dtype)
        left = float(fisher_rao_norm(information_metric(rectifier, params, x)))
        right = float(homogeneous_fisher_rao_norm(rectifier, params, x))
        errors.append(abs(left - right) / left)
        progress.advance()
    return xr.Dataset(
        {
            "reference_ratio": (("seed", "statistic"), np.array(ratios)),
            "homogeneity_error": ("seed", np.array(errors)),
            "epsilon": float(jnp.finfo(dtype).eps),
        },
        coords={"seed": list(seeds), "statistic": list(STATISTICS)},
    )


def _wide_spectrum(network: circuits.MLP, key: jax.Array, like: jax.Array) -> jax.Array:
    """Eigenvalues of F that can differ from zero, over standard normal inputs."""
    keys = jax.random.split(key, 8)
    params = []
    for i, (_, shapes) in enumerate(network.layers):
        fan_in = shapes["weight"][1]
        scales = {"weight": (WEIGHT_VARIANCE / fan_in) ** 0.5, "bias": BIAS_VARIANCE**0.5}
        params.append(
            {
                name: scales[name] * jax.random.normal(jax.random.fold_in(keys[i], j), shape, like.dtype)
                for j, (name, shape) in enumerate(sorted(shapes.items()))
            }
        )
    x = jax.random.normal(keys[-1], (INPUTS, network.sizes[0]), like.dtype)
    metric = information_metric(network, tuple(params), x)
    return metric.eigenvalues()[-INPUTS * OUTPUTS :]
