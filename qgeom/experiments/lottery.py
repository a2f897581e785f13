r"""Section V: a mask, or the signs of the parameters, already shape the landscape of G_Inf.

Of a trained model one keeps a mask (which entries end largest), the signs, or a mask trained in place of the parameters
(supermask), and puts it on parameters that were never trained. How far is the G_Inf of what results from that of the
trained model, compared with a mask or signs of equal sparsity that know nothing of the training?

    T = exp mean_seeds [ ln GW(G, G_trained) - mean_draws ln GW(G_null, G_trained) ]        claimed below 1.

Gromov-Wasserstein compares geometries up to the names of nodes. Nodes keep their names here, so that a labelled
comparison stands beside it.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import lottery_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.planck_length_sides import cases
from qgeom.experiments.statistics import Verdict
from qgeom.figures import lottery as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "lottery"
CLAIM = (
    "masks, signs and supermasks alone already shape G_Inf: they bring it nearer to that of the trained model"
)
SECTION = "V, lottery ticket hypothesis"
COST = "80 s"
PAPER: Mapping[str, Any] = {"seeds": 30, "draws": 5, "steps": 200}
PAPER_COST = "5 min"

CLAIMS = {
    "mask": "the mask of a trained model, over parameters that were never trained, shapes G_Inf",
    "signs": "the signs of a trained model, over equal sizes, shape G_Inf",
    "supermask": "a mask trained over parameters that are not shapes G_Inf",
}
CONTROL = "the G_Inf of two training runs are nearer to each other than to one that is not trained"
NULLS = {
    "mask": "the mask shuffled, over the same parameters",
    "signs": "random signs of the same sizes",
    "supermask": "the mask shuffled, over the same parameters",
}
MORE = {
    "mask": ("mask, sparser", "mask, retrained"),
    "signs": ("signs, masked",),
    "supermask": ("supermask, sparser",),
}
"""Other treatments that test the same claim."""
AGAINST = ("a null of equal sparsity", "the untrained model")
SMALLEST = 1e-6
"""Distances are raised to this in the logarithm: equal geometries have none."""


class Settings(BaseSettings):
    """Settings of ``lottery``; the defaults are the small preset."""

    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=20)] = 2
    width: Annotated[int, pydantic.Field(ge=2, le=256)] = 8
    keep: Annotated[float, pydantic.Field(gt=0, lt=1, description="share of entries that masks keep")] = 0.5
    sparser: Annotated[float, pydantic.Field(gt=0, lt=1, description="the same, in the multiverse")] = 0.3
    draws: Annotated[int, pydantic.Field(ge=1, le=64, description="of every null")] = 3
    steps: Annotated[int, pydantic.Field(ge=1, description="of every training")] = 150
    target_loss: Annotated[float, pydantic.Field(ge=0, description="nat; training ends there")] = 0.15


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Models made of masks and signs on both sides, their accuracies, and the distances of their geometries."""
    task = tasks.load(settings.task)
    seeds = tuple(range(seed, seed + settings.seeds))
    splits = task.splits(seeds)
    budget = sides.Budget(
        settings.keep, settings.sparser, settings.draws, settings.steps, settings.target_loss
    )
    found: list[xr.Dataset] = []
    for case in cases(settings.qubits, settings.layers, settings.width, task):
        made = parts.part(
            f"models of the {case.name}",
            lambda case=case: sides.models(case, splits, seeds, budget, progress),
        )
        for metric in ("readout",) if case.name == "network" else ("readout", "state"):
            table = parts.part(
                f"geometries of the {case.name}, {metric}",
                lambda case=case, metric=metric, made=made: sides.compared(
                    case, metric, made, splits, progress
                ),
            )
            side = "circuit-quantum" if metric == "state" else case.name
            plain = made.drop_vars(["theta", "mask", "dense", "untrained"])
            found.append(table.merge(plain).assign_coords(side=side))
    return xr.concat(found, dim="side")


# --- statistics ------------------------------------------------------------


class Choice(NamedTuple):
    """What T is read from."""

    side: str
    treatment: str
    measure: str = sides.MEASURES[0]
    formula: str = sides.FORMULAS[0]
    against: str = AGAINST[0]


SIDES = ("circuit", "network", "circuit-quantum")


def logarithms(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """``ln`` of the distances to the trained geometry, (seeds, 1 + nulls): first the treatment, then its nulls."""
    at = data.sel(side=choice.side, measure=choice.measure, formula=choice.formula)
    table = at["distance"].sel(treatment=choice.treatment).transpose("seed", "draw").values
    if choice.against == AGAINST[1]:
        table = np.stack([table[:, 0], at["untrained_distance"].values], axis=1)
    return np.log(np.maximum(table, SMALLEST))


def differences(table: np.ndarray) -> np.ndarray:
    """ln T of every seed that has a treatment and a null."""
    nulls = np.isfinite(table[:, 1:])
    kept = np.isfinite(table[:, 0]) & nulls.any(axis=1)
    return table[kept, 0] - statistics.finite_mean(table[kept, 1:], axis=1)


def geometric_mean(logs: np.ndarray) -> float:
    """``exp mean``."""
    return float(np.exp(np.mean(logs)))


def judge(data: xr.Dataset, choice: Choice, claim: str, null_model: str = "", p: bool = False) -> Verdict:
    """The verdict on T under one choice."""
    table = logarithms(data, choice)
    notes = ()
    if p:
        parts = dict(zip(("treatment", "null", "another seed"), _levels(data, choice), strict=True))
        notes = ("mean distances: " + ", ".join(f"{k} {v:.3f}" for k, v in parts.items()),)
    return _judged(
        claim, f"{choice.measure} distance to the trained G_Inf, over that of the null", differences(table),
        choice.side, null_model, exchanged(table) if p else np.empty(0), notes,
    )  # fmt: skip


def _judged(
    claim: str, what: str, logs: np.ndarray, side: str, null_model: str, null: np.ndarray, notes: tuple[str, ...]
) -> Verdict:  # fmt: skip
    estimate = geometric_mean(logs) if len(logs) else np.nan
    low, high = statistics.bootstrap_interval(logs) if len(logs) > 1 else (np.nan, np.nan)
    p_value = statistics.null_p_value(estimate, null, "less") if len(null) else np.nan
    interval = float(np.exp(low)), float(np.exp(high))
    return statistics.judge(
        claim, what, estimate, interval, direction="less", null=1.0, margin=statistics.RATIO_MARGIN,
        n_seeds=len(logs), p_value=p_value, null_model=null_model, side=side, notes=notes,
    )  # fmt: skip


def exchanged(table: np.ndarray, draws: int = 999) -> np.ndarray:
    """T when the treatment changes places with any of its nulls, seed by seed: (draws,)."""
    rng, found = np.random.default_rng(0), []
    rows = [row[np.isfinite(row)] for row in table if np.isfinite(row[0]) and np.isfinite(row[1:]).any()]
    for _ in range(draws if rows else 0):
        picked = [int(rng.integers(len(row))) for row in rows]
        found.append(
            geometric_mean(
                np.array([row[k] - np.delete(row, k).mean() for row, k in zip(rows, picked, strict=True)])
            )
        )
    return np.array(found)


def _levels(data: xr.Dataset, choice: Choice) -> tuple[float, float, float]:
    at = data.sel(side=choice.side, measure=choice.measure, formula=choice.formula)
    table = at["distance"].sel(treatment=choice.treatment).transpose("seed", "draw").values
    return tuple(statistics.finite_mean(v) for v in (table[:, 0], table[:, 1:], at["floor"].values))  # type: ignore[return-value]


def judge_control(data: xr.Dataset, side: str, measure: str, formula: str) -> Verdict:
    """Whether G_Inf tells that training happened: seed to seed over untrained to trained."""
    at = data.sel(side=side, measure=measure, formula=formula)
    table = np.stack([at["floor"].values, at["untrained_distance"].values], axis=1)
    table = np.log(np.maximum(table, SMALLEST))
    return _judged(
        CONTROL, f"{measure} distance of G_Inf from seed to seed, over untrained to trained", differences(table),
        side, "trained and untrained exchanged", exchanged(table), (),
    )  # fmt: skip


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T of every claim on every side, and whether the distance sees training at all."""
    out = []
    for treatment, claim in CLAIMS.items():
        for side in SIDES:
            rows = []
            for other, measure, formula, against in itertools.product(
                (treatment, *MORE[treatment]), sides.MEASURES, sides.FORMULAS, AGAINST
            ):
                choice = Choice(side, other, measure, formula, against)
                changes = sum(a != b for a, b in zip(choice[1:], Choice(side, treatment)[1:], strict=True))
                if 1 <= changes <= 2:
                    rows.append(judge(data, choice, claim).row(**dict(list(choice._asdict().items())[1:])))
            main = judge(data, Choice(side, treatment), claim, NULLS[treatment], p=True)
            out.append(main.with_multiverse(rows))
    for side in SIDES:
        rows = [
            judge_control(data, side, measure, formula).row(measure=measure, formula=formula)
            for measure, formula in list(itertools.product(sides.MEASURES, sides.FORMULAS))[1:]
        ]
        out.append(judge_control(data, side, sides.MEASURES[0], sides.FORMULAS[0]).with_multiverse(rows))
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Distances to the trained geometry, and test accuracies, of treatments and nulls."""
    distances: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    accuracies: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for side in SIDES:
        at = data.sel(side=side)
        near = at.sel(measure=sides.MEASURES[0], formula=sides.FORMULAS[0])
        distances[side] = {
            name: _pair(near["distance"].sel(treatment=name).transpose("seed", "draw").values)
            for name in CLAIMS
        }
        distances[side]["trained"] = near["floor"].values, near["untrained_distance"].values
        if side != "circuit-quantum":
            accuracies[side] = {
                name: _pair(at["accuracy"].sel(treatment=name).transpose("seed", "draw").values)
                for name in CLAIMS
            }
            accuracies[side]["trained"] = at["dense_accuracy"].values, at["untrained_accuracy"].values
    return picture.draw(distances, accuracies)


def _pair(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return table[:, 0], statistics.finite_mean(table[:, 1:], axis=1)
