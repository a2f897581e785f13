r"""Section III.C: the Cramer-Rao bound of a node as minimal length; does a robust memory have a larger one?

``l_a = lambda_max(S_a)^{-1/2}``, S_a the Schur complement of the information metric at node a: what one sample tells of
the node if the other nodes are not known either. Infinite where the others can undo all that a does. That weak noise on
a node of small F changes little is a tautology; the claim is about noise of 0.3 to 1 (rad, or relative to the weights
of the layer) and beyond the trace of F:

    T = partial Spearman(l, accuracy with noise on the node | tr F_aa) > 0     over the nodes of a trained model.
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
from qgeom.experiments import planck_length_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import planck_length as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "planck-length"
CLAIM = "a node of larger minimal length is the more robust memory under finite noise, at equal trace of F"
SECTION = "III.C"
COST = "2 min"
PAPER_COST = "4 min"
PAPER = {"seeds": 30, "draws": 32}

DARK = 1e-12
"""A node has information if its trace is above this share of the largest."""
GIVEN = ("tr F", "nothing")
NODES = ("seen by the readout", "of finite length", "with information")
"""Those that the readout depends on; of them those of finite length; all with information in the metric at hand."""


class Settings(BaseSettings):
    """Settings of ``planck-length``; the defaults are the small preset."""

    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=20)] = 2
    width: Annotated[int, pydantic.Field(ge=1)] = 8
    starts: Annotated[int, pydantic.Field(ge=1, description="models per seed")] = 3
    samples: Annotated[int, pydantic.Field(ge=1, description="inputs that the metric is averaged over")] = 105
    draws: Annotated[int, pydantic.Field(ge=1, description="of the noise on a node")] = 16
    noises: Annotated[
        tuple[float, ...],
        pydantic.Field(min_length=1, description="natural units; the first is the verdict's"),
    ] = (0.6, 0.3, 1.0)
    max_steps: Annotated[int, pydantic.Field(ge=1)] = 150
    target_loss: Annotated[float, pydantic.Field(ge=0, description="nat; training stops there")] = 0.15


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Lengths of the nodes of trained models, and accuracy with noise on one node, and on all."""
    task = tasks.load(settings.task)
    budget = sides.Budget(
        settings.starts,
        settings.samples,
        settings.draws,
        settings.noises,
        settings.max_steps,
        settings.target_loss,
    )
    every = sides.cases(settings.qubits, settings.layers, settings.width, task)
    seeds = range(seed, seed + settings.seeds)
    return parts.over_seeds("models", seeds, lambda some: sides.models(every, task, some, budget, progress))


# --- statistics ------------------------------------------------------------


class Choice(NamedTuple):
    """What T is read from."""

    case: str
    metric: str
    noise: float
    knowledge: str = sides.KNOWLEDGE[0]
    measure: str = sides.MEASURES[0]
    given: str = GIVEN[0]
    nodes: str = NODES[0]


MAINS = {
    "circuit": ("circuit", "readout"),
    "network": ("network", "readout"),
    "circuit-quantum": ("circuit", "state"),
}
"""Case and metric of each side."""


def triples(data: xr.Dataset, choice: Choice) -> list[list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """Length, accuracy and trace of the nodes of every model, by seed."""
    at = data.sel(case=choice.case)
    order = ("seed", "start", "node")
    length = at["length"].sel(metric=choice.metric, knowledge=choice.knowledge).transpose(*order).values
    trace = at["trace"].sel(metric=choice.metric).transpose(*order).values
    noisy = at["noisy"].sel(measure=choice.measure, noise=choice.noise).transpose(*order).values
    seen = trace if choice.nodes == NODES[2] else at["trace"].sel(metric="readout").transpose(*order).values
    out = []
    for s in range(len(length)):
        rows = []
        for l_row, n_row, t_row, seen_row in zip(length[s], noisy[s], trace[s], seen[s], strict=True):
            kept = np.nan_to_num(seen_row) > DARK * np.nanmax(seen_row)
            if choice.nodes == NODES[1]:
                kept &= np.isfinite(l_row)
            rows.append((l_row[kept], n_row[kept], t_row[kept]))
        out.append(rows)
    return out


def correlations(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """T of every seed, averaged over its models; seeds without one are left out."""
    out = []
    for rows in triples(data, choice):
        found = np.array([_correlation(*row, choice.given) for row in rows])
        if np.isfinite(found).any():
            out.append(float(np.nanmean(found)))
    return np.array(out)


def _correlation(length: np.ndarray, accuracy: np.ndarray, trace: np.ndarray, given: str) -> float:
    if len(length) < 5 or np.ptp(accuracy) == 0.0 or len(np.unique(length)) < 2:
        return np.nan
    if given == GIVEN[1]:
        return statistics.spearman(length, accuracy)
    return statistics.partial_spearman(length, accuracy, trace)


def judge(data: xr.Dataset, choice: Choice, side: str, null: bool = False) -> Verdict:
    """The verdict on T under one choice."""
    found = correlations(data, choice)
    estimate = float(found.mean()) if len(found) else np.nan
    interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
    p_value = statistics.null_p_value(estimate, _shuffled(data, choice), "greater") if null else np.nan
    what = "partial Spearman(l, accuracy under noise | tr F)"
    return statistics.judge(
        CLAIM, what, estimate, interval, direction="greater", n_seeds=len(found), p_value=p_value,
        null_model="lengths shuffled over the nodes of each model", side=side,
    )  # fmt: skip


def _shuffled(data: xr.Dataset, choice: Choice, draws: int = 499) -> np.ndarray:
    """T when the lengths are shuffled over the nodes of each model, (draws,)."""
    rng, found = np.random.default_rng(0), []
    for rows in triples(data, choice):
        each = []
        for length, accuracy, trace in rows:
            if np.isnan(_correlation(length, accuracy, trace, choice.given)):
                continue
            design = np.stack([np.ones(len(trace)), scipy.stats.rankdata(trace)], axis=1)
            ranks = rng.permuted(np.tile(scipy.stats.rankdata(length), (draws, 1)), axis=1)
            y = scipy.stats.rankdata(accuracy)
            inverse = np.linalg.pinv(design)
            x, y = ranks - (ranks @ inverse.T) @ design.T, y - design @ (inverse @ y)
            each.append(x @ y / np.maximum(np.linalg.norm(x, axis=1) * np.linalg.norm(y), 1e-300))
        if each:
            found.append(np.mean(each, axis=0))
    return np.mean(found, axis=0) if found else np.full(draws, np.nan)


def judge_models(data: xr.Dataset, choice: Choice, side: str) -> Verdict:
    """The same over models in place of nodes: median length, noise on all nodes, ``tr F``; resampled by seed."""
    at = data.sel(case=choice.case)
    lengths = (
        at["length"]
        .sel(metric=choice.metric, knowledge=choice.knowledge)
        .transpose("seed", "start", "node")
        .values
    )
    lengths = np.where(np.isinf(lengths), 1e30, lengths)
    length = np.nanmedian(lengths, axis=-1)
    accuracy = (
        at["all_noisy"].sel(measure=choice.measure, noise=choice.noise).transpose("seed", "start").values
    )
    trace = at["trace"].sel(metric=choice.metric).sum("node").transpose("seed", "start").values

    def statistic(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> float:
        return statistics.partial_spearman(a.ravel(), b.ravel(), c.ravel())

    enough = len(length) > 2
    interval = (
        statistics.bootstrap_interval(length, accuracy, trace, statistic=statistic, n_resamples=999)
        if enough
        else (np.nan, np.nan)
    )
    return statistics.judge(
        CLAIM, "partial Spearman over models", statistic(length, accuracy, trace), interval, direction="greater",
        n_seeds=len(length), side=side,
    )  # fmt: skip


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T of every side, and two identities."""
    noises = [float(v) for v in data["noise"].values]
    out = []
    for side, (case, metric) in MAINS.items():
        main = Choice(case, metric, noises[0])
        rows = []
        for noise, knowledge, measure, given, nodes in itertools.product(
            noises, sides.KNOWLEDGE, sides.MEASURES, GIVEN, NODES
        ):
            choice = Choice(case, metric, noise, knowledge, measure, given, nodes)
            changes = (noise != noises[0]) + sum(a != b for a, b in zip(choice[3:], main[3:], strict=True))
            if nodes == NODES[2] and metric == "readout":
                continue  # the same nodes
            if not 1 <= changes <= 2 or (knowledge == sides.KNOWLEDGE[1] and case == "circuit"):
                continue  # with one parameter and the others known, l is the trace
            judged = judge(data, choice, side)
            if judged.n_seeds:
                rows.append(judged.row(over="nodes", **_texts(choice)))
        for noise in noises:
            choice = main._replace(noise=noise)
            rows.append(judge_models(data, choice, side).row(over="models", **_texts(choice)))
        out.append(judge(data, main, side, null=True).with_multiverse(rows))
    return (*out, *_calibrations(data))


def _texts(choice: Choice) -> dict[str, str]:
    return {**{k: str(v) for k, v in choice._asdict().items()}, "noise": f"{choice.noise:g}"}


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    inverse = 1.0 / data["length"]  # zero where it is infinite
    circuit = inverse.sel(case="circuit", knowledge=sides.KNOWLEDGE[0])
    readout = float((circuit.sel(metric="readout") - circuit.sel(metric="state")).max())
    unknown, known = (inverse.sel(knowledge=k) for k in sides.KNOWLEDGE)
    gained = float((unknown - known).max())
    n_seeds = data.sizes["seed"]
    return (
        statistics.calibrate(
            "F_C <= F_Q: no length read from outcomes is shorter than that of the state", "largest 1/l(F_C) - 1/l(F_Q)",
            readout, (readout, readout), direction="less", bound=0.0, margin=1e-2, n_seeds=n_seeds, side="circuit",
        ),
        statistics.calibrate(
            "not knowing the others makes no length shorter", "largest 1/l - 1/l(others known)", gained,
            (gained, gained), direction="less", bound=0.0, margin=1e-6, n_seeds=n_seeds,
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Accuracy under noise against the length, node by node, and T seed by seed."""
    noises = [float(v) for v in data["noise"].values]
    clouds, every = {}, {}
    for side, (case, metric) in MAINS.items():
        main = Choice(case, metric, noises[0])
        clean = data["test_accuracy"].sel(case=case).transpose("seed", "start").values
        rows = [
            (length, accuracy / clean[s, k])
            for s, found in enumerate(triples(data, main))
            for k, (length, accuracy, _) in enumerate(found[:1])
        ]
        clouds[side] = tuple(np.concatenate(part) for part in zip(*rows, strict=True))
        every[side] = {noise: correlations(data, main._replace(noise=noise)) for noise in sorted(noises)}
    return picture.draw(clouds, every, noises[0])
