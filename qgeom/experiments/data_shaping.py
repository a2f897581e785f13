r"""Section IV.D: how training data shape G_Inf: augmentation, distillation, re-weighting to a critical point.

Models of one start are trained on all data, on a random subset, on as many distilled inputs, and on the augmented
subset. With D the Gromov-Wasserstein distance to the G_Inf of the model of all data,

    T_distilled = (D(distilled) - D(subset)) / D(subset),    T_augmented likewise         (claimed below 0),

means over seeds. Weights of data at which the log-volume of F is stationary are to make G_Inf stable:

    T_weights = GW under 10% weight jitter at these weights / the same at equal weights   (claimed below 1).
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import data_shaping_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.planck_length_sides import cases
from qgeom.experiments.statistics import Verdict
from qgeom.figures import data_shaping as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "data-shaping"
CLAIM = "augmented, distilled and re-weighted data shape G_Inf: nearer to that of all data, and stable"
SECTION = "IV.D"
COST = "2 min"
PAPER: Mapping[str, Any] = {"seeds": 30, "draws": 3, "jitters": 3, "episodes": 8}
PAPER_COST = "9 min"

CLAIMS = {
    "distilled": "distilled data give a G_Inf nearer to that of all data than a random subset of equal size does",
    "augmented": "augmenting few data brings G_Inf nearer to that of all data",
}
STABLE = (
    "at weights of the data at which the volume of F is stationary, G_Inf is more stable against their jitter"
)
SIDES = ("circuit", "network", "circuit-quantum")
SMALLEST = 1e-6


class Settings(BaseSettings):
    """Settings of ``data-shaping``; the defaults are the small preset."""

    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=20)] = 2
    width: Annotated[int, pydantic.Field(ge=2, le=256)] = 8
    per_class: Annotated[int, pydantic.Field(ge=1, description="inputs of a small data set")] = 2
    draws: Annotated[int, pydantic.Field(ge=1, le=64, description="random subsets")] = 1
    copies: Annotated[int, pydantic.Field(ge=1, description="of every input, in augmented data")] = 8
    noise: Annotated[float, pydantic.Field(gt=0, description="on the features of copies, rad")] = 0.3
    episodes: Annotated[int, pydantic.Field(ge=1, description="of distillation")] = 5
    matches: Annotated[int, pydantic.Field(ge=1, description="gradients matched in each")] = 10
    jitter: Annotated[float, pydantic.Field(gt=0, lt=1, description="relative, of weights of data")] = 0.1
    jitters: Annotated[int, pydantic.Field(ge=1, le=64, description="draws of it")] = 1
    kappa: Annotated[float, pydantic.Field(gt=0, description="resolution of the log-volume")] = 3.6
    steps: Annotated[int, pydantic.Field(ge=1, description="of every training")] = 100
    target_loss: Annotated[float, pydantic.Field(ge=0, description="nat; training ends there")] = 0.15


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Distances of the geometries of all models, on both sides."""
    task = tasks.load(settings.task)
    seeds = tuple(range(seed, seed + settings.seeds))
    splits = task.splits(seeds)
    needed = settings.per_class * task.n_classes * (1 + settings.copies)
    if needed > splits.train_y.shape[1]:
        raise ValueError(
            f"per_class x classes x (1 + copies) is {needed}, more than the {splits.train_y.shape[1]} training inputs"
        )
    budget = sides.Budget(
        settings.per_class, settings.draws, settings.copies, settings.noise, settings.episodes, settings.matches,
        settings.jitter, settings.jitters, settings.kappa, settings.steps, settings.target_loss,
    )  # fmt: skip
    found: list[xr.Dataset] = []
    for case in cases(settings.qubits, settings.layers, settings.width, task):
        made = parts.part(
            f"shaped data, {case.name}", lambda case=case: sides.shaped(case, splits, seeds, budget, progress)
        )
        again = parts.part(
            f"weights, {case.name}",
            lambda case=case, made=made: sides.reweighted(case, made, splits, seeds, budget, progress),
        )
        for metric in ("readout",) if case.name == "network" else ("readout", "state"):
            one = parts.part(
                f"distances, {case.name}, {metric}",
                lambda case=case, metric=metric, made=made: sides.distances_of_data(
                    case, metric, made, splits, progress
                ),
            )
            two = parts.part(
                f"jitter, {case.name}, {metric}",
                lambda case=case, metric=metric, made=made, again=again: sides.distances_of_jitter(
                    case, metric, made, again, splits, progress
                ),
            )
            side = "circuit-quantum" if metric == "state" else case.name
            plain = made[["accuracy", "full_accuracy"]].merge(again[["gap", "gained", "support"]])
            found.append(one.merge(two).merge(plain).assign_coords(side=side))
    return xr.concat(found, dim="side")


# --- statistics ------------------------------------------------------------


def near(data: xr.Dataset, side: str, kind: str, measure: str, formula: str) -> np.ndarray:
    """Distance to the G_Inf of all data, mean over draws, (seeds,)."""
    at = data["distance"].sel(side=side, data=kind, measure=measure, formula=formula)
    return at.mean("draw", skipna=True).values


def relative_mean(first: np.ndarray, second: np.ndarray) -> float:
    """``mean(first - second) / mean(second)``."""
    return float(np.mean(first - second) / np.mean(second))


def judge_data(
    data: xr.Dataset, side: str, kind: str, measure: str, formula: str, against: str = "subset"
) -> Verdict:
    """T of distilled or augmented data."""
    first, second = (near(data, side, k, measure, formula) for k in (kind, against))
    kept = np.isfinite(first) & np.isfinite(second)
    first, second = first[kept], second[kept]
    enough = len(first) > 1
    interval = (
        statistics.bootstrap_interval(first, second, statistic=relative_mean) if enough else (np.nan, np.nan)
    )
    floor = float(np.nanmean(near(data, side, sides.DATA[0], measure, formula)))
    return statistics.judge(
        CLAIMS[kind], f"{measure} distance to the G_Inf of all data, {kind} less {against}, over {against}",
        relative_mean(first, second) if enough else np.nan, interval, direction="less", margin=statistics.RATIO_MARGIN,
        n_seeds=len(first), p_value=statistics.paired_test(first, second, "less") if enough else np.nan,
        null_model=f"{kind} and {against} exchanged within seeds", side=side,
        notes=(f"another start on all data is at {floor:.3f}, the {against} at {float(np.mean(second)):.3f}",),
    )  # fmt: skip


def judge_weights(
    data: xr.Dataset,
    side: str,
    measure: str,
    formula: str,
    held: str = sides.HELD[0],
    against: str = sides.WEIGHTS[0],
) -> Verdict:
    """T of stationary weights."""
    at = data["moved"].sel(side=side, measure=measure, formula=formula, held=held)
    logs = [
        np.log(np.maximum(at.sel(weighting=w).transpose("seed", "jitter").values, SMALLEST)).mean(axis=1)
        for w in (sides.WEIGHTS[1], against)
    ]
    kept = np.isfinite(logs[0]) & np.isfinite(logs[1])
    a, b = (v[kept] for v in logs)
    low, high = statistics.bootstrap_interval(a - b) if len(a) > 1 else (np.nan, np.nan)
    gap, support = (float(data[name].sel(side=side).mean()) for name in ("gap", "support"))
    return statistics.judge(
        STABLE, f"{measure} distance of G_Inf under jitter, stationary over {against} weights",
        float(np.exp(np.mean(a - b))) if len(a) else np.nan, (float(np.exp(low)), float(np.exp(high))),
        direction="less", null=1.0, margin=statistics.RATIO_MARGIN, n_seeds=len(a), side=side,
        p_value=statistics.paired_test(a, b, "less") if len(a) > 1 else np.nan,
        null_model=f"stationary and {against} weights exchanged within seeds",
        notes=(f"weight on the equivalent of {support:.1f} inputs; gap of stationarity {gap:.2g}",),
    )  # fmt: skip


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T of distillation, augmentation and re-weighting on every side."""
    choices = list(itertools.product(sides.MEASURES, sides.FORMULAS))
    out = []
    for kind, side in itertools.product(CLAIMS, SIDES):
        rows = [
            judge_data(data, side, kind, m, f).row(measure=m, formula=f, against="subset")
            for m, f in choices[1:]
        ]
        rows.append(
            judge_data(data, side, kind, *choices[0], sides.DATA[0]).row(
                measure=choices[0][0], formula=choices[0][1], against=sides.DATA[0]
            )
        )
        out.append(judge_data(data, side, kind, *choices[0]).with_multiverse(rows))
    for side in SIDES:
        rows = [
            judge_weights(data, side, m, f, held, against).row(
                measure=m, formula=f, held=held, against=against
            )
            for (m, f), held, against in list(
                itertools.product(choices, sides.HELD, (sides.WEIGHTS[0], sides.WEIGHTS[2]))
            )[1:]
        ]
        out.append(judge_weights(data, side, *choices[0]).with_multiverse(rows))
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Distances to the G_Inf of all data, and distances under jitter."""
    first = sides.MEASURES[0], sides.FORMULAS[0]
    shaped = {side: {kind: near(data, side, kind, *first) for kind in sides.DATA} for side in SIDES}
    at = data["moved"].sel(measure=first[0], formula=first[1], held=sides.HELD[0]).mean("jitter")
    jittered = {side: {w: at.sel(side=side, weighting=w).values for w in sides.WEIGHTS} for side in SIDES}
    return picture.draw(shaped, jittered)
