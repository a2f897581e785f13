r"""Section V, pruning: which way of taking nodes out is the smoother path, and which generalises better.

Nodes are taken out of trained models one by one. Every removal is a straight line of parameters, and a curve of points:
its length is that of the information metric, and it turns between one removal and the next.

    T1 = length(magnitude) / length(geometric median),    T2 = the same of the mean turning angle    (both below 1)
    T3 = test loss(geometric median) / test loss(magnitude), both trained on at equal sparsity       (below 1)

geometric means over seeds; T3 over the seeds in which the geometric median converges: training afterwards wins back at
least half of what the whole model had learnt, ``L <= (L_whole + ln k) / 2`` with the training losses L and k classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import pruning_path_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.node_removal import CRITERIA
from qgeom.experiments.parts import Parts
from qgeom.experiments.planck_length_sides import cases
from qgeom.experiments.statistics import Verdict
from qgeom.figures import pruning_path as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "pruning-path"
CLAIM = "pruning by magnitude is the smoother path; pruning by geometric median, where it converges, generalises better"
SECTION = "V, overparameterized network and network pruning"
COST = "80 s"
PAPER: Mapping[str, Any] = {"seeds": 30, "steps": 300, "last": 200}
PAPER_COST = "7 min"

SMOOTH = "pruning by magnitude is a smoother path than pruning by geometric median"
GENERAL = "where pruning by geometric median converges, it generalises better than by magnitude"
STATISTICS = ("length", "turning", "detour")
"""Information length; mean angle between successive legs; length over straight distance of the ends."""
CONVERGED = 0.5
"""A model converges if training wins back this share of what the whole model had learnt, chance being ln k."""
SMALLEST = 1e-9
MAINS = {
    "circuit": ("circuit", "readout"),
    "network": ("network", "readout"),
    "circuit-quantum": ("circuit", "state"),
}
"""Case and metric of each side."""


class Settings(BaseSettings):
    """Settings of ``pruning-path``; the defaults are the small preset."""

    seeds: Annotated[
        int, pydantic.Field(ge=1, description="independent repetitions; T3 needs 10 that converge")
    ] = 12
    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=20)] = 2
    width: Annotated[int, pydantic.Field(ge=2, le=256)] = 8
    share: Annotated[float, pydantic.Field(gt=0, lt=1, description="of the nodes that can go, taken out")] = (
        0.25
    )
    steps: Annotated[int, pydantic.Field(ge=1, description="of training before")] = 150
    recovery: Annotated[
        int, pydantic.Field(ge=1, description="steps after each removal, where there are any")
    ] = 10
    last: Annotated[int, pydantic.Field(ge=1, description="steps at the end")] = 100
    pieces: Annotated[int, pydantic.Field(ge=1, le=256, description="of every leg, for its length")] = 8
    target_loss: Annotated[float, pydantic.Field(gt=0, description="nat; training ends there")] = 0.15


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Paths of all criteria under both protocols, on both sides."""
    task = tasks.load(settings.task)
    seeds = tuple(range(seed, seed + settings.seeds))
    splits = task.splits(seeds)
    budget = sides.Budget(
        settings.share,
        settings.steps,
        settings.recovery,
        settings.last,
        settings.target_loss,
        settings.pieces,
    )
    found: list[xr.Dataset] = []
    for case in cases(settings.qubits, settings.layers, settings.width, task):
        dense = parts.part(
            f"training the {case.name}",
            lambda case=case: sides.trained(case, splits, seeds, budget, progress),
        )
        paths = [
            parts.part(
                f"paths of the {case.name}, {protocol}",
                lambda case=case, protocol=protocol, dense=dense: sides.pruned(
                    case, dense["theta"].values, splits, seeds, protocol, budget, progress
                ),
            )
            for protocol in sides.PROTOCOLS
        ]
        protocols = xr.DataArray(list(sides.PROTOCOLS), dims="protocol", name="protocol")
        both: xr.Dataset = xr.concat(paths, dim=protocols)
        found.append(both.merge(dense.drop_vars("theta")).assign_coords(case=case.name))
    return xr.concat(found, dim="case", join="outer").assign(chance=np.log(task.n_classes))


# --- statistics ------------------------------------------------------------


class Choice(NamedTuple):
    """What the smoothness is read from."""

    case: str
    metric: str
    statistic: str = STATISTICS[0]
    protocol: str = sides.PROTOCOLS[0]
    against: str = CRITERIA[1]
    sparsity: str = "end"


def paths(data: xr.Dataset, choice: Choice, criterion: str) -> np.ndarray:
    """The statistic of the paths of one criterion, (seeds,)."""
    at = data.sel(case=choice.case, metric=choice.metric, protocol=choice.protocol, criterion=criterion)
    there = np.flatnonzero(np.isfinite(at["length"].transpose("removed", "seed").values).all(axis=1))
    k = int(there[-1] if choice.sparsity == "end" else there[(len(there) - 1) // 2])
    at = at.isel(removed=k)
    if choice.statistic == "detour":
        return at["length"].values / np.maximum(at["displacement"].values, SMALLEST)
    return at[choice.statistic].values


def judge_smooth(data: xr.Dataset, choice: Choice, side: str, p: bool = False) -> Verdict:
    """Magnitude over another criterion, below 1 if it is the smoother path."""
    first, second = (paths(data, choice, c) for c in (CRITERIA[0], choice.against))
    name = {"length": "information length", "turning": "mean turning angle", "detour": "length over distance"}
    return _judged(
        SMOOTH, f"{name[choice.statistic]}, magnitude over {choice.against}", first, second, side, p, ()
    )


class EndChoice(NamedTuple):
    """What generalisation is read from."""

    case: str
    protocol: str = sides.PROTOCOLS[0]
    measure: str = "test loss"
    seeds: str = "geometric median converges"


MEASURES = ("test loss", "test over train loss")
SELECTIONS = ("geometric median converges", "both converge", "all")


def judge_general(data: xr.Dataset, choice: EndChoice, p: bool = False) -> Verdict:
    """Test loss of the geometric median over that of magnitude, below 1 if it generalises better."""
    at = data.sel(case=choice.case, protocol=choice.protocol)
    pair = [at.sel(criterion=criterion) for criterion in (CRITERIA[1], CRITERIA[0])]
    whole, chance = at["dense_train_loss"].values, float(data["chance"])
    good = [chance - one["end_train_loss"].values >= CONVERGED * (chance - whole) for one in pair]
    kept = {SELECTIONS[0]: good[0], SELECTIONS[1]: good[0] & good[1], SELECTIONS[2]: np.ones_like(good[0])}
    chosen = kept[choice.seeds]
    values = [one["end_test_loss"].values[chosen] for one in pair]
    if choice.measure == MEASURES[1]:
        train = (one["end_train_loss"].values[chosen] for one in pair)
        values = [v / np.maximum(t, SMALLEST) for v, t in zip(values, train, strict=True)]
    notes = (
        f"geometric median converges in {good[0].sum()} of {len(chosen)} seeds, magnitude in {good[1].sum()}",
    )
    what = f"{choice.measure}, geometric median over magnitude"
    return _judged(GENERAL, what, values[0], values[1], choice.case, p, notes)


def _judged(
    claim: str, what: str, first: np.ndarray, second: np.ndarray, side: str, p: bool, notes: tuple[str, ...]
) -> Verdict:
    """The geometric mean over seeds of first over second, claimed below 1."""
    kept = np.isfinite(first) & np.isfinite(second)
    a, b = (np.log(np.maximum(v[kept], SMALLEST)) for v in (first, second))
    low, high = statistics.bootstrap_interval(a - b) if len(a) > 1 else (np.nan, np.nan)
    estimate = float(np.exp(np.mean(a - b))) if len(a) else np.nan
    p_value = statistics.paired_test(a, b, "less") if p and len(a) > 1 else np.nan
    return statistics.judge(
        claim, what, estimate, (float(np.exp(low)), float(np.exp(high))), direction="less", null=1.0,
        margin=statistics.RATIO_MARGIN, n_seeds=len(a), p_value=p_value, side=side, notes=notes,
        null_model="the two criteria exchanged within seeds",
    )  # fmt: skip


def _others(main: Choice) -> list[Choice]:
    """The multiverse of smoothness: one change each."""
    found = [main._replace(protocol=sides.PROTOCOLS[1]), main._replace(sparsity="half way")]
    found += [main._replace(against=criterion) for criterion in CRITERIA[2:]]
    return found if main.statistic == "turning" else [*found, main._replace(statistic="detour")]


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """Length and turning on every side, and generalisation of circuit and network."""
    out = []
    for statistic in STATISTICS[:2]:
        for side, (case, metric) in MAINS.items():
            main = Choice(case, metric, statistic)
            rows = [
                judge_smooth(data, other, side).row(**dict(list(other._asdict().items())[2:]))
                for other in _others(main)
            ]
            out.append(judge_smooth(data, main, side, p=True).with_multiverse(rows))
    for case in ("circuit", "network"):
        main = EndChoice(case)
        others = [main._replace(protocol=sides.PROTOCOLS[1]), main._replace(measure=MEASURES[1])]
        others += [main._replace(seeds=selection) for selection in SELECTIONS[1:]]
        rows = [judge_general(data, other).row(**dict(list(other._asdict().items())[1:])) for other in others]
        out.append(judge_general(data, main, p=True).with_multiverse(rows))
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Length and turning of the paths node by node, and losses after training, by criterion."""
    curves = {
        side: {
            criterion: data["length"]
            .sel(case=case, metric=metric, protocol=sides.PROTOCOLS[0], criterion=criterion)
            .transpose("seed", "removed")
            .values
            for criterion in CRITERIA
        }
        for side, (case, metric) in MAINS.items()
    }
    turning = {
        side: {c: paths(data, Choice(case, metric, "turning"), c) for c in CRITERIA}
        for side, (case, metric) in MAINS.items()
    }
    losses = {
        case: {
            c: data["end_test_loss"].sel(case=case, protocol=sides.PROTOCOLS[0], criterion=c).values
            for c in CRITERIA
        }
        for case in ("circuit", "network")
    }
    return picture.draw(curves, turning, losses)
