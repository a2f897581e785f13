r"""Section IV.F: does a meta-learned start adapt along a geodesic?

From a start, a new task is learnt by gradient descent, in steps so small that the path is that of the gradient flow. Up
to a loss that is equal for all starts,

    T = information length of the path / information distance of its ends,

1 on a geodesic. Claimed: T is smaller from a start found by MAML (Finn, Abbeel and Levine, ICML 2017) than from random
parameters, and than from parameters trained on all tasks jointly.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import jax.numpy as jnp
import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

import circuits
from qgeom.experiments import meta_geodesic_paths, statistics
from qgeom.experiments import meta_geodesic_sides as sides
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import meta_geodesic as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "meta-geodesic"
CLAIM = "a start found by MAML adapts to new tasks along a path nearer to a geodesic"
SECTION = "IV.F"
COST = "75 s"
PAPER_COST = "5 min"
PAPER = {"seeds": 30, "width": 40, "outer_steps": 600, "tasks": 20}

SEEDS_PER_PART = 5
STRETCHES = ("whole", "equal distance")
"""The whole path; its last stretch, from where every path of a task is as far from its end as the nearest start."""
AVERAGES = ("geometric mean", "ratio of sums")
CASES = {
    "circuit": ("circuit", "readout"),
    "network": ("network", "readout"),
    "circuit-quantum": ("circuit", "state"),
}
"""Side of a verdict: description, and the metric in which its paths are measured."""
OTHER_KINDS = {"circuit": ("Z alone",), "network": ("support",)}


class Settings(BaseSettings):
    """Settings of ``meta-geodesic``; the defaults are the small preset."""

    width: Annotated[int, pydantic.Field(ge=1, description="units of both hidden layers")] = 16
    layers: Annotated[int, pydantic.Field(ge=1, le=20, description="layers of RY RZ on the qubit")] = 3
    shots: Annotated[int, pydantic.Field(ge=1, description="samples of a regression task")] = 10
    grid: Annotated[int, pydantic.Field(ge=2, description="inputs on which functions are compared")] = 20
    batch: Annotated[int, pydantic.Field(ge=2, description="tasks per step of the meta-training")] = 8
    outer_steps: Annotated[int, pydantic.Field(ge=1)] = 300
    outer_rate: Annotated[float, pydantic.Field(gt=0)] = 0.01
    inner_steps: Annotated[int, pydantic.Field(ge=1, le=10)] = 3
    network_rate: Annotated[float, pydantic.Field(gt=0, description="inner rate of the network")] = 0.02
    circuit_rate: Annotated[float, pydantic.Field(gt=0, description="inner rate of the circuit")] = 0.3
    tasks: Annotated[int, pydantic.Field(ge=1, description="new tasks per seed")] = 12
    adapt_steps: Annotated[int, pydantic.Field(ge=1, description="most steps of the inner rate")] = 300
    substeps: Annotated[int, pydantic.Field(ge=1, description="pieces of a step on the path")] = 5
    levels: Annotated[
        tuple[Annotated[float, pydantic.Field(gt=0, lt=1)], ...],
        pydantic.Field(
            min_length=1,
            description="loss at which paths end, over that of knowing nothing; first: the verdict's",
        ),
    ] = (0.2, 0.4)


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Starts and paths of both sides, some seeds at a time."""
    dtype = str(jnp.zeros(()).dtype)
    network = circuits.MLP((1, settings.width, settings.width, 1), output="gaussian")
    circuit = circuits.hardware_efficient(1, settings.layers, entangler=None)
    problems: dict[str, tuple[sides.Problem, float]] = {
        "circuit": (sides.Fields(circuit, dtype), settings.circuit_rate),
        "network": (sides.Sinusoids(network, settings.shots, settings.grid, dtype), settings.network_rate),
    }
    cases: list[xr.Dataset] = []
    for name, (problem, rate) in problems.items():
        blocks: list[xr.Dataset] = []
        for first in range(0, settings.seeds, SEEDS_PER_PART):
            last = min(first + SEEDS_PER_PART, settings.seeds)
            seeds = tuple(range(seed + first, seed + last))
            blocks.append(
                parts.part(
                    f"{name}, seeds {seeds[0]}-{seeds[-1]}",
                    lambda name=name, problem=problem, rate=rate, seeds=seeds: _block(
                        settings, name, problem, rate, seeds, progress
                    ),
                )
            )
        cases.append(xr.concat(blocks, dim="seed"))
    return xr.concat(cases, dim="description", join="outer")


def _block(
    settings: Settings,
    name: str,
    problem: sides.Problem,
    rate: float,
    seeds: tuple[int, ...],
    progress: Progress,
) -> xr.Dataset:
    """Meta-training and adaptation of one side for some seeds."""
    budget = sides.Budget(
        settings.outer_steps, settings.outer_rate, settings.batch, settings.inner_steps, rate, settings.tasks,
        settings.adapt_steps, settings.substeps,
    )  # fmt: skip
    progress.stage(f"meta-training the {name}", settings.outer_steps)
    first = sides.starts(problem, budget, seeds, progress)
    progress.stage(f"adapting the {name}", settings.adapt_steps)
    paths = sides.adapt(problem, budget, first, seeds, progress)
    readings = [meta_geodesic_paths.read(paths, share) for share in settings.levels]

    def stacked(field: str) -> np.ndarray:
        return np.stack([getattr(reading, field) for reading in readings])

    lengths = np.stack([stacked("length"), stacked("tail_length")])
    distances = np.stack([stacked("distance"), stacked("tail_distance")])
    dims = ("stretch", "level", "kind", "seed", "treatment", "task")
    profile = ("kind", "seed", "treatment", "task", "at")
    return xr.Dataset(
        {
            "length": (dims, lengths, {"units": "rad", "long_name": "information length"}),
            "distance": (dims, distances, {"units": "rad", "long_name": "information distance"}),
            "from_start": (profile, readings[0].from_start),
            "to_end": (profile, readings[0].to_end),
            "start_loss": (("seed", "treatment", "task"), paths.loss[..., 0], {"units": "nat"}),
            "scale": (("seed", "task"), paths.scale, {"units": "nat"}),
            "end_loss": (("level", "seed", "task"), stacked("level"), {"units": "nat"}),
        },
        coords={
            "stretch": list(STRETCHES), "level": list(settings.levels), "kind": list(problem.kinds),
            "seed": list(seeds), "treatment": list(sides.TREATMENTS), "description": name,
        },
    )  # fmt: skip


# --- verdicts --------------------------------------------------------------


class Choice(NamedTuple):
    """What T is read from."""

    description: str
    kind: str
    level: float
    stretch: str = STRETCHES[0]
    average: str = AVERAGES[0]


def log_ratios(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """``ln T`` averaged over the tasks of a seed, (seed, treatment); NaN for a seed without a task."""
    at = data.sel(
        description=choice.description, kind=choice.kind, level=choice.level, stretch=choice.stretch
    )
    length, distance = (
        at[name].transpose("seed", "treatment", "task").values for name in ("length", "distance")
    )
    usable = np.isfinite(length) & np.isfinite(distance) & (length > 0.0) & (distance > 0.0)
    weights = np.asarray(np.all(usable, axis=1, keepdims=True), float)
    count = np.where(weights.sum(axis=-1) > 0.0, weights.sum(axis=-1), np.nan)
    length, distance = np.where(weights > 0.0, length, 1.0), np.where(weights > 0.0, distance, 1.0)
    if choice.average == AVERAGES[0]:
        return (weights * np.log(length / distance)).sum(axis=-1) / count
    return np.log((weights * length).sum(axis=-1) / count) - np.log((weights * distance).sum(axis=-1) / count)


def judge(data: xr.Dataset, choice: Choice, control: str, side: str, null: bool = False) -> Verdict:
    """The verdict on MAML against a control under one choice."""
    logs = dict(zip(map(str, data["treatment"].values), log_ratios(data, choice).T, strict=True))
    difference = logs[sides.MAML] - logs[control]
    kept = np.isfinite(difference)
    values = difference[kept]
    low, high = statistics.bootstrap_interval(values) if len(values) > 1 else (np.nan, np.nan)
    p_value = float("nan")
    if null and len(values) > 1:
        p_value = statistics.paired_test(logs[sides.MAML][kept], logs[sides.SHUFFLED][kept], "less")
    mean = {
        name: float(np.exp(found[kept].mean())) if len(values) else np.nan for name, found in logs.items()
    }
    judged = statistics.judge(
        f"{CLAIM} than a {control} start" if control == sides.RANDOM else f"{CLAIM} than joint training",
        f"T(MAML) / T({control}), T = length / distance", float(np.exp(values.mean())) if len(values) else np.nan,
        (float(np.exp(low)), float(np.exp(high))), direction="less", margin=statistics.RATIO_MARGIN, null=1.0,
        n_seeds=len(values), p_value=p_value,
        null_model="MAML with the query of another task in place of a task's own (random signs)", side=side,
        notes=[f"T: {', '.join(f'{name} {value:.3f}' for name, value in mean.items())}"] if null else [],
    )  # fmt: skip
    # T is 1 or more: a control within the margin of 1 leaves no room for the claim, so only a MAML that is longer
    # than the control speaks against it.
    no_room = mean[control] * (1.0 - statistics.RATIO_MARGIN) < 1.0
    if judged.outcome == "refuted" and no_room and low <= 0.0:
        notes = (
            *judged.notes,
            f"T({control}) is within the margin of 1: the claim could not have been supported",
        )
        return dataclasses.replace(judged, outcome="inconclusive", notes=notes)
    return judged


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """MAML against random and against joint starts on every side; then what holds for any path."""
    out = []
    levels = [float(v) for v in data["level"].values]
    for side, (description, kind) in CASES.items():
        main = Choice(description, kind, levels[0])
        choices = [
            *(main._replace(kind=other) for other in OTHER_KINDS.get(side, ())),
            *(main._replace(level=level) for level in levels[1:]),
            main._replace(stretch=STRETCHES[1]),
            main._replace(average=AVERAGES[1]),
            main._replace(stretch=STRETCHES[1], average=AVERAGES[1]),
        ]
        for control in (sides.RANDOM, sides.JOINT):
            rows = [judge(data, choice, control, side).row(**_texts(choice)) for choice in choices]
            out.append(judge(data, main, control, side, null=True).with_multiverse(rows))
    return (*out, *_calibrations(data))


def _texts(choice: Choice) -> dict[str, str]:
    return {
        "kind": choice.kind, "level": f"{choice.level:g}", "stretch": choice.stretch, "average": choice.average
    }  # fmt: skip


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    ratio = (data["distance"] / data["length"].where(data["length"] > 0.0)).sel(stretch=STRETCHES[0])
    out = []
    for side, (description, kind) in CASES.items():
        worst = float(ratio.sel(description=description, kind=kind).max())
        out.append(
            statistics.calibrate(
                "no path is shorter than the distance of its ends", "largest distance / length", worst,
                (worst, worst), direction="less", bound=1.0, margin=1e-3, n_seeds=data.sizes["seed"], side=side,
            )
        )  # fmt: skip
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """T of every seed and start, and how far the paths leave the geodesic."""
    level = float(data["level"].values[0])
    ratios, bows = {}, {}
    for side, (description, kind) in CASES.items():
        logs = log_ratios(data, Choice(description, kind, level))
        ratios[side] = dict(zip(map(str, data["treatment"].values), np.exp(logs).T, strict=True))
        at = data.sel(description=description, kind=kind)
        far = deviations(at["from_start"].values, at["to_end"].values)
        by_treatment = np.moveaxis(far, 1, 0)
        bows[side] = dict(zip(map(str, data["treatment"].values), by_treatment, strict=True))
    return picture.draw(ratios, bows)


def deviations(from_start: np.ndarray, to_end: np.ndarray) -> np.ndarray:
    """Height over the base of the flat triangle of start, end and a point of the path, over the base; any shape.

    Args:
        from_start, to_end: distances of the points along a path, on the last axis.
    """
    base = from_start[..., -1:]
    along = (from_start**2 + base**2 - to_end**2) / (2.0 * base)
    return np.sqrt(np.maximum(from_start**2 - along**2, 0.0)) / base
