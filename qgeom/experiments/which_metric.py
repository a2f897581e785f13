r"""Section III.B (2): which metric should measure the complexity of a deep network?

The paper prefers the information metric to energies (Nielsen, kinetic) and to norms of the parameters. For a population
of models per seed, trained from starts of several sizes with several weight decays and shares of wrong labels:

    T1 = partial Spearman(Fisher length, test error | training loss) > 0      it predicts generalisation
    T2 = T1 - the same of the best of energy, 2-norm and path norm > 0        it predicts it better
    T3 = Spearman(G_Com distance, G_Inf distance) > 0 over pairs of nodes     the two geometries are related

and, as calibration, which candidates keep their value under splitting of outcomes (Chentsov) and change of coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import least_action_sides, statistics
from qgeom.experiments import which_metric_sides as sides
from qgeom.experiments.complexity_candidates import CANDIDATES, KEEPS
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import which_metric as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "which-metric"
CLAIM = "the information metric measures complexity best: it predicts generalisation where energies and norms do not"
PREDICTS = "of two models that fit equally well, the one of larger information length generalises worse"
BETTER = "the information length predicts generalisation better than energies and norms do"
RELATED = "nodes that are far apart in G_Com are far apart in G_Inf"
SECTION = "III.B (2)"
COST = "2 min"
PAPER = {"seeds": 30, "scales": (0.1, 0.3, 1.0, 2.0), "steps": 200}
PAPER_COST = "8 min"

TOLERANCE = 1e-6
"""A candidate that changes by less than this share of itself keeps its value."""
DRAWS = 199


class Settings(BaseSettings):
    """Settings of ``which-metric``; the defaults are the small preset."""

    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=8)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=20)] = 2
    width: Annotated[int, pydantic.Field(ge=1, le=128)] = 8
    depth: Annotated[int, pydantic.Field(ge=1, le=64, description="residual blocks")] = 4
    scales: Annotated[
        tuple[Annotated[float, pydantic.Field(gt=0)], ...],
        pydantic.Field(min_length=1, description="factors on the random start"),
    ] = (0.3, 1.0, 2.0)
    decays: Annotated[
        tuple[Annotated[float, pydantic.Field(ge=0)], ...],
        pydantic.Field(min_length=1, description="weights of |theta|^2 / 2, nat"),
    ] = (0.0, 0.001, 0.01)
    noises: Annotated[
        tuple[Annotated[float, pydantic.Field(ge=0, le=0.5)], ...],
        pydantic.Field(min_length=1, description="shares of wrong training labels"),
    ] = (0.0, 0.1, 0.2)
    pieces: Annotated[int, pydantic.Field(ge=1, le=16, description="of each group of the layer curve")] = 4
    steps: Annotated[int, pydantic.Field(ge=1)] = 150
    learning_rate: Annotated[float, pydantic.Field(gt=0)] = 0.05
    test_fraction: Annotated[float, pydantic.Field(gt=0, lt=1)] = 0.8


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Populations and node distances of both sides, a block of seeds at a time."""
    task = tasks.load(settings.task)
    budget = sides.Budget(settings.pieces, settings.steps, settings.learning_rate, settings.test_fraction)
    every = sides.members(settings.scales, settings.decays, settings.noises)
    plain = tuple(member for member in every if member[1:] == (settings.decays[0], settings.noises[0]))
    cases = least_action_sides.cases(settings.qubits, settings.layers, settings.width, settings.depth, task)
    seeds = tuple(range(seed, seed + settings.seeds))

    def block(case: tuple[str, sides.Measured | sides.ResNet], some: tuple[int, ...]) -> xr.Dataset:
        models = sides.trained(*case, task, some, every, budget, progress)
        nodes = sides.node_distances(models.only(plain), progress)
        return sides.measured(models, budget.pieces, progress).merge(nodes, compat="equals")

    found = [
        parts.over_seeds(f"population of the {case[0]}", seeds, lambda some, case=case: block(case, some))
        for case in cases.items()
    ]
    most = max(part.sizes["node"] for part in found)
    padded = [
        part.pad(node=(0, most - part.sizes["node"]), other=(0, most - part.sizes["node"])) for part in found
    ]
    return xr.concat(padded, dim="case", data_vars="all", coords="different", compat="equals")


# --- prediction ------------------------------------------------------------


class Choice(NamedTuple):
    """What a correlation is taken with."""

    outcome: str = "test error"
    given: str = "training loss"


OUTCOMES = ("test error", "test loss", "generalisation gap")
GIVEN = ("training loss", "training loss and label noise", "nothing")
MAINS = {
    "circuit": ("circuit", "Fisher length"),
    "network": ("network", "Fisher length"),
    "circuit-quantum": ("circuit", "quantum length"),
}
COMPETITORS = ("energy", "2-norm", "path norm")
OTHERS = ("trace of F", "log-volume", "Fisher-Rao norm")
"""Other measures made of the information metric: rows of the multiverse."""


def values(data: xr.Dataset, case: str, candidate: str) -> np.ndarray:
    """A candidate of every model, (seeds, members)."""
    at = data.sel(case=case)
    found = (
        at["quantum_length"]
        if candidate == "quantum length"
        else at["candidate_value"].sel(candidate=candidate)
    )
    return found.transpose("seed", "member").values


def correlations(data: xr.Dataset, case: str, candidate: str, choice: Choice = Choice()) -> np.ndarray:
    """The partial correlation of every seed, (seeds,); NaN where there is none."""
    x, (y, given) = values(data, case, candidate), _target(data, case, choice)
    return np.array([_partial(*row) for row in zip(x, y, given, strict=True)])


def _target(data: xr.Dataset, case: str, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
    """What is predicted, (seeds, members), and what is given, (seeds, members, k)."""
    at = data.sel(case=case).transpose("seed", "member", ...)
    outcome = {
        OUTCOMES[0]: at["test_error"], OUTCOMES[1]: at["test_loss"], OUTCOMES[2]: at["test_error"] - at["train_error"],
    }[choice.outcome].values  # fmt: skip
    loss = at["train_loss"].values
    noise = np.broadcast_to(at["label_noise"].values, loss.shape)
    given = {GIVEN[0]: [loss], GIVEN[1]: [loss, noise], GIVEN[2]: []}[choice.given]
    return outcome, np.stack(given, axis=-1) if given else np.zeros((*loss.shape, 0))


def _partial(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    if given.shape[-1] == 0:
        return statistics.spearman(x, y)
    return statistics.partial_spearman(x, y, given)


def judge_prediction(
    data: xr.Dataset, side: str, candidate: str, choice: Choice = Choice(), null: bool = False
) -> Verdict:
    """The verdict on T1."""
    case = MAINS[side][0]
    every = correlations(data, case, candidate, choice)
    found = every[np.isfinite(every)]
    estimate = float(found.mean()) if len(found) else np.nan
    interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
    p_value = np.nan
    if null and len(found):
        rng = np.random.default_rng(0)
        x, (y, given) = values(data, case, candidate), _target(data, case, choice)
        draws = [
            statistics.finite_mean(
                [_partial(rng.permutation(a), b, c) for a, b, c in zip(x, y, given, strict=True)]
            )
            for _ in range(DRAWS)
        ]
        p_value = statistics.null_p_value(estimate, draws, "greater")
    return statistics.judge(
        PREDICTS, f"partial Spearman({candidate}, {choice.outcome} | {choice.given})", estimate, interval,
        direction="greater", n_seeds=len(found), p_value=p_value, side=side,
        null_model="values shuffled over the models of each seed",
    )  # fmt: skip


def judge_advantage(
    data: xr.Dataset, side: str, choice: Choice = Choice(), against: str = "the best"
) -> Verdict:
    """The verdict on T2; the best of the competitors is chosen anew in every resample."""
    case, candidate = MAINS[side]
    names = COMPETITORS if against == "the best" else (against,)
    table = np.stack([correlations(data, case, name, choice) for name in (candidate, *names)], axis=1)
    table = table[np.isfinite(table).all(axis=1)]

    def advantage(rows: np.ndarray) -> float:
        means = np.mean(rows, axis=0)
        return float(means[0] - means[1:].max())

    enough = len(table) > 1
    best = int(np.argmax(table[:, 1:].mean(axis=0))) if enough else 0
    return statistics.judge(
        BETTER, f"partial Spearman of {candidate} minus that of {against}", advantage(table) if enough else np.nan,
        statistics.bootstrap_interval(table, statistic=advantage, n_resamples=1999) if enough else (np.nan, np.nan),
        direction="greater", n_seeds=len(table), side=side,
        p_value=statistics.paired_test(table[:, 0], table[:, 1 + best], "greater") if enough else np.nan,
        null_model="random signs of the paired differences",
        notes=(f"best competitor: {names[best]}",) if enough else (),
    )  # fmt: skip


# --- the two geometries ----------------------------------------------------

PAIRS = ("all pairs", "given the order of the nodes")


def agreements(data: xr.Dataset, side: str, way: str = sides.WAYS[0], pairs: str = PAIRS[0]) -> np.ndarray:
    """T3 of every seed, mean over its models; NaN where no pair has both distances."""
    return statistics.finite_mean(_mantel(data, side, way, pairs), axis=1)


def _mantel(
    data: xr.Dataset, side: str, way: str, pairs: str, rng: np.random.Generator | None = None
) -> np.ndarray:
    """Correlation over pairs of nodes, (seeds, models); with ``rng`` the nodes of G_Com are shuffled."""
    case, read = MAINS[side][0], sides.READS[side == "circuit-quantum"]
    at = data.sel(case=case, read=read)
    com = at["com"].sel(way=way).transpose("seed", "model", "node", "other").values
    inf = at["inf"].transpose("seed", "model", "node", "other").values
    out = np.full(com.shape[:2], np.nan)
    for index in np.ndindex(*out.shape):
        kept = np.flatnonzero(np.isfinite(inf[index]).sum(axis=1) > 1)
        if len(kept) < 5:
            continue
        a, b = com[index][np.ix_(kept, kept)], inf[index][np.ix_(kept, kept)]
        if rng is not None:
            order = rng.permutation(len(kept))
            a = a[np.ix_(order, order)]
        rows, columns = np.triu_indices(len(kept), 1)
        there = np.isfinite(a[rows, columns]) & np.isfinite(b[rows, columns])
        x, y = a[rows, columns][there], b[rows, columns][there]
        apart = (columns - rows)[there].astype(float)
        out[index] = (
            statistics.spearman(x, y) if pairs == PAIRS[0] else statistics.partial_spearman(x, y, apart)
        )
    return out


def judge_agreement(
    data: xr.Dataset, side: str, way: str = sides.WAYS[0], pairs: str = PAIRS[0], null: bool = False
) -> Verdict:
    """The verdict on T3."""
    every = agreements(data, side, way, pairs)
    found = every[np.isfinite(every)]
    estimate = float(found.mean()) if len(found) else np.nan
    p_value = np.nan
    if null and len(found):
        rng = np.random.default_rng(0)
        draws = [statistics.finite_mean(_mantel(data, side, way, pairs, rng)) for _ in range(DRAWS)]
        p_value = statistics.null_p_value(estimate, draws, "greater")
    return statistics.judge(
        RELATED, "Spearman(G_Com distance, G_Inf distance) over pairs of nodes", estimate,
        statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan), direction="greater",
        n_seeds=len(found), p_value=p_value, null_model="nodes shuffled in one of the two (Mantel)", side=side,
    )  # fmt: skip


# --- verdicts --------------------------------------------------------------


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T1, T2 and T3 of every side; then the invariances."""
    out = []
    for side, (_, candidate) in MAINS.items():
        names = (candidate, *(OTHERS if candidate == "Fisher length" else ()))
        rows = [
            judge_prediction(data, side, name, Choice(outcome, given)).row(
                measure=name, outcome_of=outcome, given=given
            )
            for name in names
            for outcome in OUTCOMES
            for given in GIVEN
            if (name, outcome, given) != (candidate, *Choice())
        ]
        out.append(judge_prediction(data, side, candidate, null=True).with_multiverse(rows))
        rows = [
            judge_advantage(data, side, Choice(outcome, given), against).row(
                against=against, outcome_of=outcome, given=given
            )
            for against in ("the best", *COMPETITORS)
            for outcome in OUTCOMES
            for given in GIVEN
            if (against, outcome, given) != ("the best", *Choice())
        ]
        out.append(judge_advantage(data, side).with_multiverse(rows))
        rows = [
            judge_agreement(data, side, way, pairs).row(way=way, pairs=pairs)
            for way in sides.WAYS
            for pairs in PAIRS
            if (way, pairs) != (sides.WAYS[0], PAIRS[0])
        ]
        out.append(judge_agreement(data, side, null=True).with_multiverse(rows))
    return (*out, *_invariances(data))


def _invariances(data: xr.Dataset) -> tuple[Verdict, ...]:
    """For each change, the candidates that keep their value are those which the mathematics says."""
    out = []
    for case in ("circuit", "network"):
        change = data["change"].sel(case=case).max("seed")
        for check, expected in KEEPS.items():
            found = change.sel(check=check, candidate=list(CANDIDATES)).values
            wrong = int(np.sum((found < TOLERANCE) != np.asarray(expected)))
            rows = [
                {"candidate": name, "estimate": float(value), "low": float(value), "high": float(value),
                 "outcome": "calibration-pass" if (value < TOLERANCE) == keeps else "calibration-fail"}
                for name, value, keeps in zip(CANDIDATES, found, expected, strict=True)
            ]  # fmt: skip
            kept = [name for name, keeps in zip(CANDIDATES, expected, strict=True) if keeps]
            out.append(
                statistics.calibrate(
                    f"under {check} these keep their value and no other: {', '.join(kept)}",
                    "candidates that do otherwise", float(wrong), (float(wrong), float(wrong)), direction="equal",
                    bound=0.0, n_seeds=data.sizes["seed"], side=case,
                ).with_multiverse(rows)
            )  # fmt: skip
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Partial correlation of every candidate with test error, and of the distances in the two geometries."""
    names = ("Fisher length", *OTHERS, *COMPETITORS)
    bars = {case: {name: correlations(data, case, name) for name in names} for case in ("circuit", "network")}
    bars["circuit-quantum"] = {"Fisher length": correlations(data, "circuit", "quantum length")}
    related = {side: {way: agreements(data, side, way) for way in sides.WAYS} for side in MAINS}
    return picture.draw(bars, related)
