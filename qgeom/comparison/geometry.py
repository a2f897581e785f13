"""Side by side: the geometries that emerge in a trained circuit and in a trained network.

Both learn the same task as in ``qgeom compare``; then every relation of each is turned into a geometry
(:mod:`qgeom.comparison.geometry_sides`) and measured (:mod:`qgeom.comparison.geometry_measures`), at the trained
parameters, at the initial ones, and with the relation dealt to the pairs of points at random.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

from circuits.threads import few_blas_threads
from qgeom.comparison import geometry_measures as measures
from qgeom.comparison.geometry_result import Geometries
from qgeom.comparison.geometry_settings import GeometrySettings
from qgeom.comparison.geometry_sides import LABELS, Side, as_dataset, metric_of, pictured, sides_of
from qgeom.comparison.parts import Job, checked_seeds, gathered, require_x64
from qgeom.emergent.minimal_length import lengths_of
from qgeom.emergent.sensitivity import time_of
from qgeom.progress import Progress, Silent
from qgeom.provenance import Clock, command_line, provenance
from qgeom.results import RunFolder
from qgeom.tasks import Split, load
from qgeom.training import Adam, StopRule, train, unraveler

TRAINING = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "steps")
_PICTURE = "picture"
_ROWS = 512  # of the largest matrices, the metric's


def run(
    settings: GeometrySettings,
    seed: int = 0,
    progress: Progress | None = None,
    folder: RunFolder | None = None,
) -> Geometries:
    """Train both sides and measure their geometries, seeds ``seed, seed + 1, ...``.

    Args:
        settings: see :class:`~qgeom.comparison.geometry_settings.GeometrySettings`.
        seed: the first seed; a seed draws split, parameters and shuffles.
        progress: what is reported to.
        folder: finished parts are kept there, and an interrupted comparison goes on where it was.

    Raises:
        ValueError: bad settings, or x64 is not enabled, in one line.
        FloatingPointError: training diverged.
    """
    require_x64("compare geometry")
    progress, clock = Silent() if progress is None else progress, Clock()
    seeds = checked_seeds(range(seed, seed + settings.seeds))
    task = load(settings.task, target=settings.target, components=settings.components)
    sides = sides_of(task, settings)
    splits = task.splits(seeds, settings.test_fraction)
    inputs = _inputs(splits, settings.samples, task.test == "held-out")
    kinds = {name: (*side.relations, measures.NODES, _PICTURE) for name, side in sides.items()}
    work = sum(len(of_side) for of_side in kinds.values()) * len(seeds)
    progress.stage(f"{task.name}, geometry", len(sides) * settings.max_steps + work)
    training = {
        name: Job(
            ("geometry", side.description, settings.max_steps, settings.target_loss, settings.learning_rate, seeds,
             splits),
            functools.partial(_trained, side, splits, seeds, settings),
            settings.max_steps,
        )
        for name, side in sides.items()
    }  # fmt: skip
    with few_blas_threads(_ROWS):  # parts run side by side; threads on small matrices get in their way
        trained = gathered(folder, training, progress)
        jobs = {}
        for name, side in sides.items():
            start, end = trained[name]["start"].values, trained[name]["end"].values
            for kind in kinds[name]:
                identity = (
                    "geometry", kind, side, start, end, inputs, settings.distance, settings.shuffles, seeds,
                )  # fmt: skip
                if kind == _PICTURE:
                    identity = (*identity, settings.picture)
                    job = functools.partial(_picture, side, end[0], inputs[0], settings, name, len(seeds))
                else:
                    job = functools.partial(_measured, side, kind, start, end, inputs, seeds, settings)
                jobs[name, kind] = Job(identity, job, len(seeds))
        found = gathered(folder, jobs, progress)
    data = _assembled(sides, trained, found, seeds, settings)
    data.attrs = {
        "task": task.name,
        "n_seeds": len(seeds),
        "n_inputs": inputs.shape[1],
        "influence_samples": min(settings.influence_samples, inputs.shape[1]),
        "distance": settings.distance,
        "shuffles": settings.shuffles,
        "picture": settings.picture,
        "training": f"Adam, learning rate {settings.learning_rate:g}, to a loss of {settings.target_loss:g} nat or "
        f"{settings.max_steps} steps",
        "precision": "float64",
    }
    pictures = {name: found[name, _PICTURE] for name in sides}
    for name, part in pictures.items():
        prefix = f"picture_{name}_"
        renamed = part.rename({each: prefix + str(each) for each in (*part.variables, *part.dims)})
        data = data.merge(renamed, combine_attrs="override")
        data.attrs |= {prefix + str(key): value for key, value in part.attrs.items()}
    record = {**settings.model_dump(mode="json"), "comparison": "geometry", "seed": seed}
    return Geometries(data, record, provenance(seed=seed, clock=clock, command=command_line()))


def _inputs(splits: Split, samples: int, others: bool) -> np.ndarray:
    """The first training inputs of every seed, (S, n, d); test inputs after them if they are others."""
    chosen = np.concatenate([splits.train_x, splits.test_x], axis=1) if others else splits.train_x
    return np.asarray(chosen[:, :samples], np.float64)


def _trained(
    side: Side, splits: Split, seeds: tuple[int, ...], settings: GeometrySettings, progress: Progress
) -> xr.Dataset:
    stop = StopRule(settings.max_steps, settings.target_loss)
    found = train(side.description, splits, seeds, Adam(settings.learning_rate), stop, progress=progress)
    scalars = {name: ("seed", np.asarray(getattr(found, name)[:, -1], float)) for name in TRAINING[:-1]}
    return xr.Dataset(
        {
            "start": (("seed", "parameter"), found.path[:, 0]),
            "end": (("seed", "parameter"), found.final),
            "steps": ("seed", np.asarray(found.steps, float)),
            **scalars,
        }
    )


def _measured(
    side: Side,
    kind: str,
    start: np.ndarray,
    end: np.ndarray,
    inputs: np.ndarray,
    seeds: tuple[int, ...],
    settings: GeometrySettings,
    progress: Progress,
) -> xr.Dataset:
    """One relation of one side, or its nodes: trained, untrained, shuffled, and why there is no number."""
    count, size = len(measures.NAMES), len(seeds)
    trained, untrained = np.full((2, count, size), np.nan)
    # Wires do not depend on the parameters: there is one geometry, and all shuffles are of it.
    fixed = kind == "wires"
    null = np.full((count, size, settings.shuffles), np.nan)
    reason = np.full((count, size), "", dtype=object)
    unravel = unraveler(side.description, "float64")
    relation = None
    for k, seed in enumerate(seeds):
        rng = np.random.default_rng([seed, 7])
        if kind == measures.NODES:
            metric = metric_of(side, unravel(jnp.asarray(end[k])), inputs[k])
            time = time_of(metric)
            found = measures.of_nodes(time, lengths_of(metric), lengths_of(metric, True))
            shuffled = [measures.shuffled_arrow(time, rng) for _ in range(settings.shuffles)]
            before = metric_of(side, unravel(jnp.asarray(start[k])), inputs[k])
            first = measures.of_nodes(time_of(before), lengths_of(before), lengths_of(before, True))
        else:
            if relation is None or not fixed:
                relation, found = _one(side, kind, unravel(jnp.asarray(end[k])), inputs[k], settings)
            else:
                found = {}
            shuffled = [] if relation is None else [
                measures.of_relation(relation.shuffled(rng), settings.distance) for _ in range(settings.shuffles)
            ]  # fmt: skip
            first = {} if fixed else _one(side, kind, unravel(jnp.asarray(start[k])), inputs[k], settings)[1]
        for i, name in enumerate(measures.NAMES):
            value = found.get(name, "")
            if isinstance(value, str):
                reason[i, k] = value
            else:
                trained[i, k] = value
            other = first.get(name, "")
            untrained[i, k] = np.nan if isinstance(other, str) else other
            for j, one in enumerate(shuffled):
                value = one.get(name, "")
                null[i, k, j] = np.nan if isinstance(value, str) else value
        progress.advance()
    return xr.Dataset(
        {
            "trained": (("quantity", "seed"), trained),
            "untrained": (("quantity", "seed"), untrained),
            "null": (("quantity", "seed", "shuffle"), null),
            "reason": (("quantity", "seed"), reason.astype(str)),
        }
    )


def _one(
    side: Side, kind: str, params: Any, inputs: np.ndarray, settings: GeometrySettings
) -> tuple[Any, measures.Found]:
    """The relation and its measures; None with the reason where there is no relation."""
    try:
        relation = side.relation(kind, params, inputs)
    except ValueError as refusal:
        return None, {q.name: str(refusal) for q in measures.QUANTITIES}
    return relation, measures.of_relation(relation, settings.distance)


def _picture(
    side: Side, theta: np.ndarray, inputs: np.ndarray, settings: GeometrySettings, name: str, work: int,
    progress: Progress,
) -> xr.Dataset:  # fmt: skip
    params = unraveler(side.description, "float64")(jnp.asarray(theta))
    plane, space = pictured(side, settings.picture, params, inputs, settings.distance, name)
    progress.advance(work)
    return as_dataset(plane, space)


def _assembled(
    sides: Mapping[str, Side],
    trained: Mapping[str, xr.Dataset],
    found: Mapping[Any, xr.Dataset],
    seeds: tuple[int, ...],
    settings: GeometrySettings,
) -> xr.Dataset:
    """One array over sides, relations, quantities and seeds; what a side does not have is NaN."""
    relations = [
        *(kind for kind in LABELS if any(kind in side.relations for side in sides.values())),
        measures.NODES,
    ]
    shape = (len(sides), len(relations), len(measures.NAMES), len(seeds))
    arrays = {name: np.full(shape, np.nan) for name in ("trained", "untrained")}
    null = np.full((*shape, settings.shuffles), np.nan)
    reason = np.full(shape, "", dtype=object)
    for i, name in enumerate(sides):
        for j, kind in enumerate(relations):
            part = found.get((name, kind))
            if part is None:
                continue
            for which, array in arrays.items():
                array[i, j] = part[which].values
            null[i, j], reason[i, j] = part["null"].values, part["reason"].values
    dims = ("description", "relation", "quantity", "seed")
    return xr.Dataset(
        {
            **{name: (dims, array) for name, array in arrays.items()},
            "null": ((*dims, "shuffle"), null),
            "reason": (dims, reason.astype(str)),
            **{
                name: (("description", "seed"), np.stack([trained[side][name].values for side in sides]))
                for name in TRAINING
            },
            "n_parameters": ("description", [each.description.n_parameters for each in sides.values()]),
            "n_points": ("description", [each.n_points for each in sides.values()]),
            "structure": ("description", [repr(each.description) for each in sides.values()]),
        },
        coords={
            "description": list(sides),
            "relation": relations,
            "quantity": list(measures.NAMES),
            "seed": list(seeds),
        },
    )  # fmt: skip
