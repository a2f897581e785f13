r"""Section III.C, refs. 3, 8: sensitivity along the depth as time, and the dimensions left at a two-qubit gate.

The paper: the information depends more on the nodes of lower layers; the scale s by which the four variables of a
two-qubit gate are normalised is time, and what is left after the normalisation is three-dimensional space. Tested:

* ``T = Spearman(s, layer)`` over the points that can reach the readout, s the trace of a point's block of the
  information metric in natural units; claimed to be negative;
* the participation ratio D of the blocks of the four eigenphases, averaged over gates, before and after division by s;
  claimed to fall by one dimension.

The global phase ``(1, 1, 1, 1)`` is in the kernel of every block, so D is at most 3 before any rescaling.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pydantic
import scipy.stats
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.emergent.gate_phases import participation
from qgeom.experiments import gate_spacetime_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import gate_spacetime as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "gate-spacetime"
CLAIM = "the information is more sensitive to nodes of lower layers: sensitivity falls with depth"
DIMENSION_CLAIM = "rescaling by the sensitivity takes one of the dimensions of a two-qubit gate away"
SECTION = "III.C, refs. 3, 8"
COST = "2 min"
PAPER_COST = "3 min"
PAPER = {"seeds": 30, "layers": 6, "samples": 32}

DIMENSION_MARGIN = 0.5
"""Half of the one dimension that is claimed to go."""


class Settings(BaseSettings):
    """Settings of ``gate-spacetime``; the defaults are the small preset."""

    task: Annotated[str, pydantic.Field(description="of two classes, read from one qubit")] = "two-moons"
    qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 4
    layers: Annotated[int, pydantic.Field(ge=2, le=30)] = 5
    wall_qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 6
    wall_layers: Annotated[int, pydantic.Field(ge=2, le=40)] = 8
    width: Annotated[int, pydantic.Field(ge=1)] = 8
    depth: Annotated[int, pydantic.Field(ge=1, description="hidden layers of the network")] = 5
    samples: Annotated[int, pydantic.Field(ge=1, description="inputs that the metric is averaged over")] = 24
    phase_inputs: Annotated[int, pydantic.Field(ge=1, description="inputs of the blocks of phases")] = 3
    max_steps: Annotated[int, pydantic.Field(ge=1)] = 100
    target_loss: Annotated[float, pydantic.Field(ge=0, description="nat; training stops there")] = 0.2


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Train both sides; sensitivity of every point and blocks of the phases of every gate."""
    task = tasks.load(settings.task)
    if task.n_classes != 2:
        raise ValueError(f"one readout qubit tells two classes apart; {task.name} has {task.n_classes}")
    hidden = ((settings.width,) * settings.depth, (2 * settings.width,) * 2)
    every = sides.cases(
        settings.qubits, settings.layers, (settings.wall_qubits, settings.wall_layers), hidden, task
    )
    seeds = tuple(range(seed, seed + settings.seeds))
    return parts.over_seeds(
        "sensitivities",
        seeds,
        lambda some: sides.sensitivities(
            every, task, some, settings.samples, settings.phase_inputs, settings.max_steps, settings.target_loss,
            progress,
        ),
    )  # fmt: skip


# --- sensitivity along depth -----------------------------------------------


class Choice(NamedTuple):
    """What T is read from."""

    case: str
    metric: str
    treatment: str = "trained"
    points: str = "that reach the readout"
    depth: str = "layer"
    sensitivity: str = "trace"


POINTS = ("that reach the readout", "all", "means of layers")
DEPTHS = ("layer", "chain")
SENSITIVITIES = ("trace", "per parameter")


def pairs(data: xr.Dataset, choice: Choice) -> list[tuple[np.ndarray, np.ndarray]]:
    """Depth and sensitivity of the points of every seed that has them."""
    at = data.sel(case=choice.case)
    where = at[choice.depth].values
    kept = np.isfinite(where)
    if choice.points != "all" and choice.metric == "readout":
        kept &= at["cone"].values == 1.0
    table = (
        at["sensitivity"]
        .sel(metric=choice.metric, treatment=choice.treatment)
        .transpose("seed", "point")
        .values
    )
    if choice.sensitivity == "per parameter":
        table = table / at["parameters"].values
    out = []
    for row in table[np.isfinite(table[:, kept]).all(axis=1)]:
        d, s = where[kept], row[kept]
        if choice.points == "means of layers":
            layers = np.unique(d)
            d, s = layers, np.array([s[where[kept] == k].mean() for k in layers])
        out.append((d, s))
    return out


def arrows(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """T of every seed."""
    found = np.array([statistics.spearman(d, s) for d, s in pairs(data, choice)])
    return found[np.isfinite(found)]


def judge_arrow(data: xr.Dataset, choice: Choice, side: str, null: bool = False) -> Verdict:
    """The verdict on T under one choice."""
    found = arrows(data, choice)
    interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
    estimate = float(found.mean()) if len(found) else np.nan
    p_value = np.nan
    if null and len(found):
        draws = _shuffled(pairs(data, choice))
        p_value = statistics.null_p_value(estimate, draws, "less")
    return statistics.judge(
        CLAIM, "Spearman(sensitivity, depth)", estimate, interval, direction="less", n_seeds=len(found),
        p_value=p_value, null_model="depths shuffled over the points of each seed", side=side,
    )  # fmt: skip


def _shuffled(rows: Sequence[tuple[np.ndarray, np.ndarray]], draws: int = 999) -> np.ndarray:
    """T averaged over seeds, with the depths shuffled over the points of each seed: (draws,)."""
    rng, found = np.random.default_rng(0), []
    for d, s in rows:
        first, second = (scipy.stats.rankdata(v) - 0.5 * (len(v) + 1) for v in (d, s))
        norm = np.linalg.norm(first) * np.linalg.norm(second)
        if norm > 0.0:
            found.append(rng.permuted(np.tile(first, (draws, 1)), axis=1) @ second / norm)
    return np.mean(found, axis=0)


def _mains(data: xr.Dataset) -> dict[str, Choice]:
    names = [str(c) for c in data["case"].values]
    return {
        "circuit": Choice(names[0], "readout"),
        "network": Choice(names[2], "readout"),
        "circuit-quantum": Choice(names[0], "state"),
    }


def _arrow_verdict(data: xr.Dataset, side: str, main: Choice) -> Verdict:
    names = [str(c) for c in data["case"].values]
    chosen = names[2:] if side == "network" else names[:2]
    rows = []
    choices = itertools.product(chosen, sides.TREATMENTS, POINTS, DEPTHS, SENSITIVITIES)
    for case, treatment, points, depth, size in choices:
        choice = Choice(case, main.metric, treatment, points, depth, size)
        if choice == main or (side != "network" and size != "trace"):  # gates have three parameters each
            continue
        if (side == "network" or main.metric == "state") and points == "all":
            continue  # all of them reach it
        if depth == "chain" and (side == "network" or case == names[1]):
            continue  # the same as the layer
        judged = judge_arrow(data, choice, side)
        if judged.n_seeds:
            rows.append(judged.row(**choice._asdict()))
    return judge_arrow(data, main, side, null=True).with_multiverse(rows)


# --- dimension -------------------------------------------------------------


def dimensions(
    data: xr.Dataset, choice: Choice, rescaling: str = "per gate"
) -> tuple[np.ndarray, np.ndarray]:
    """D of the mean block over gates, before and after division by s, of every seed.

    Args:
        data: of the run.
        choice: case, metric, treatment and points.
        rescaling: ``"per gate"``: blocks averaged over inputs, each over its trace; ``"per input"``: over its trace at
            every input.
    """
    plain, by_input = _blocks(data, choice)
    after = by_input if rescaling == "per input" else _rescaled(plain, np.trace(plain, axis1=-2, axis2=-1))
    return participation(plain.mean(axis=1)), participation(after.mean(axis=1))


def _blocks(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """Mean blocks as they are, and rescaled at every input, of the gates that count: (2, seeds, gates, 4, 4)."""
    at = data.sel(case=choice.case)
    kept = np.isfinite(at["layer"].values)
    kept &= (at["cone"].values == 1.0) | (choice.metric == "state") | (choice.points == "all")
    where = np.flatnonzero(kept)
    every = at["phase_block"].sel(metric=choice.metric, treatment=choice.treatment)
    every = every.transpose("rescaled", "seed", "gate", "row", "column").values[:, :, where]
    return every[:, np.isfinite(every).all(axis=(0, 2, 3, 4))]


def _rescaled(blocks: np.ndarray, by: np.ndarray) -> np.ndarray:
    return blocks / np.maximum(by, 1e-300)[..., None, None]


def _null_falls(data: xr.Dataset, choice: Choice) -> list[float]:
    """D before minus D after, mean over seeds, if every gate is divided by the trace of another, drawn at random."""
    plain, rng = _blocks(data, choice)[0], np.random.default_rng(0)
    size, before = np.trace(plain, axis1=-2, axis2=-1), participation(plain.mean(axis=1))
    draws = (rng.permuted(size, axis=1) for _ in range(499))
    return [float(np.mean(before - participation(_rescaled(plain, by).mean(axis=1)))) for by in draws]


def judge_dimension(
    data: xr.Dataset, choice: Choice, side: str, rescaling: str, null: bool = False
) -> Verdict:
    """The verdict on D before minus D after."""
    before, after = dimensions(data, choice, rescaling)
    fall = before - after
    p_value, notes = np.nan, ()
    if len(fall):
        notes = (
            f"D = {before.mean():.2f} before, {after.mean():.2f} after; without the global phase at most 3",
        )
    if null and len(fall):
        p_value = statistics.null_p_value(float(fall.mean()), _null_falls(data, choice), "greater")
    return statistics.judge(
        DIMENSION_CLAIM, "D before - D after rescaling", float(fall.mean()) if len(fall) else np.nan,
        statistics.bootstrap_interval(fall) if len(fall) > 1 else (np.nan, np.nan), direction="greater",
        margin=DIMENSION_MARGIN, n_seeds=len(fall), p_value=p_value,
        null_model="every gate divided by the sensitivity of another", side=side, notes=notes,
    )  # fmt: skip


def _dimension_verdict(data: xr.Dataset, side: str, main: Choice) -> Verdict:
    rows = []
    for case, treatment, rescaling in itertools.product(
        [str(c) for c in data["case"].values[:2]], sides.TREATMENTS, ("per gate", "per input")
    ):
        if (case, treatment, rescaling) == (main.case, main.treatment, "per gate"):
            continue
        if case != main.case and rescaling == "per input":
            continue  # it takes none
        judged = judge_dimension(data, main._replace(case=case, treatment=treatment), side, rescaling)
        if judged.n_seeds:
            rows.append(judged.row(case=case, treatment=treatment, rescaling=rescaling))
    return judge_dimension(data, main, side, "per gate", null=True).with_multiverse(rows)


# --- verdicts --------------------------------------------------------------


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T of every side, the dimension of circuits, and two identities."""
    mains = _mains(data)
    out = [_arrow_verdict(data, side, main) for side, main in mains.items()]
    out += [_dimension_verdict(data, side, mains[side]) for side in ("circuit", "circuit-quantum")]
    return (*out, *_calibrations(data))


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    blocks, n_seeds = data["phase_block"], data.sizes["seed"]
    phase = float(np.abs(blocks.sum("column")).max())
    values = data["sensitivity"].transpose("metric", ...).values
    excess = float(np.nanmax(values[0, :2] - values[1, :2]))
    return (
        statistics.calibrate(
            "the global phase is in the kernel of every block of phases", "largest |B (1, 1, 1, 1)|", phase,
            (phase, phase), direction="less", bound=0.0, margin=1e-6, n_seeds=n_seeds, side="circuit",
        ),
        statistics.calibrate(
            "F_C <= F_Q: a readout is not more sensitive than the state", "largest s(F_C) - s(F_Q)", excess,
            (excess, excess), direction="less", bound=0.0, margin=1e-6, n_seeds=n_seeds, side="circuit",
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Sensitivity along the depth, T seed by seed, and D before and after."""
    mains = _mains(data)
    profiles, every, falls = {}, {}, {}
    for side, main in mains.items():
        profiles[side] = pairs(data, main)
        every[side] = {t: arrows(data, main._replace(treatment=t)) for t in sides.TREATMENTS}
        if side != "network":
            falls[side] = dimensions(data, main)
    return picture.draw(profiles, every, falls)
