r"""What noise does to capacity and to the geometry, in circuits and in networks.

Trained classifiers become noisy: circuits by a channel after every gate (the outcome distribution, and the density
matrix), networks by noise on their weights or by dropout (the mean distribution over draws of the noise). At every
strength: spectrum and rank of the information metric, the relations of the nodes (G_Inf), and the accuracy.

That both rank and accuracy fall when noise grows says little: almost everything falls. So models are compared at equal
noise,

    T = Spearman(loss of rank, loss of accuracy) over models that differ in their start,

mean over strengths, one T per seed (split of the data); rank is the effective rank, ``1 - R(s)/R(0)`` its loss.

Beside it: noise inside a circuit can tell parameters apart that are one without it, so that the numerical rank of an
over-parameterised circuit grows while its large eigenvalues shrink (Garcia-Martin, Larocca and Cerezo,
arXiv:2302.05059). A network's rank is at most inputs times outcomes less one, with noise and without.
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
from qgeom.experiments import noise_geometry_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import noise_geometry as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "noise-geometry"
CLAIM = "under equal noise, models whose metric loses more rank lose more accuracy"
OPENING_CLAIM = "weak noise opens directions: the numerical rank of the metric grows"
SECTION = "ours"
COST = "2 min"
PAPER_COST = "5 min"
PAPER = {"seeds": 30, "draws": 64}

GIVEN = ("strength", "nothing")
Strengths = Annotated[
    tuple[float, ...],
    pydantic.Field(min_length=1, description="of the noise, ascending; the first is the weakest"),
]


class Settings(BaseSettings):
    """Settings of ``noise-geometry``; the defaults are the small preset."""

    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=8)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=20)] = 2
    width: Annotated[int, pydantic.Field(ge=1)] = 8
    starts: Annotated[int, pydantic.Field(ge=3, description="models per seed")] = 5
    samples: Annotated[int, pydantic.Field(ge=1, description="inputs that metrics are averaged over")] = 8
    draws: Annotated[int, pydantic.Field(ge=1, description="of the noise on a network")] = 32
    depolarizing: Strengths = (0.01, 0.03, 0.1, 0.3)
    damping: Strengths = (0.02, 0.06, 0.2, 0.5)
    weight_noise: Strengths = (0.1, 0.3, 0.6, 1.2)
    dropout: Strengths = (0.1, 0.25, 0.5, 0.75)
    open_qubits: Annotated[
        int, pydantic.Field(ge=1, le=6, description="of the over-parameterised circuit")
    ] = 3
    open_layers: Annotated[int, pydantic.Field(ge=1, le=40)] = 5
    max_steps: Annotated[int, pydantic.Field(ge=1)] = 150
    target_loss: Annotated[float, pydantic.Field(ge=0, description="nat; training stops there")] = 0.15

    @pydantic.field_validator("depolarizing", "damping", "weight_noise", "dropout")
    @classmethod
    def _ascending(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if list(values) != sorted(set(values)) or values[0] <= 0.0:
            raise ValueError(f"strengths are positive and ascending, not {values}")
        return values

    @pydantic.model_validator(mode="after")
    def _equally_many(self) -> Settings:
        counts = {len(v) for v in (self.depolarizing, self.damping, self.weight_noise, self.dropout)}
        if len(counts) > 1:
            raise ValueError("every kind of noise takes equally many strengths")
        return self


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Spectra, relations and accuracies of trained models at every strength of four kinds of noise."""
    task = tasks.load(settings.task)
    strengths = (settings.depolarizing, settings.damping, settings.weight_noise, settings.dropout)
    budget = sides.Budget(
        settings.starts, settings.samples, settings.max_steps, settings.target_loss,
        dict(zip([k for kinds in sides.KINDS.values() for k in kinds], strengths, strict=True)),
    )  # fmt: skip
    every = sides.cases(settings.qubits, settings.layers, settings.width, settings.draws, task)
    seeds = tuple(range(seed, seed + settings.seeds))
    found = parts.over_seeds("models", seeds, lambda some: sides.models(every, task, some, budget, progress))
    beside = parts.over_seeds(
        "directions opened",
        seeds,
        lambda some: sides.opened(settings.open_qubits, settings.open_layers, strengths[:2], some, progress),
    )
    return found.merge(beside)


# --- statistics ------------------------------------------------------------


class Choice(NamedTuple):
    """What T is read from."""

    case: str
    metric: str
    rank: str = sides.RANKS[0]
    measure: str = sides.MEASURES[0]
    given: str = GIVEN[0]


MAINS = {
    "circuit": Choice("depolarizing", "readout"),
    "network": Choice("weight noise", "readout"),
    "circuit-quantum": Choice("depolarizing", "state"),
}
OTHER_KIND = {"circuit": "amplitude damping", "network": "dropout", "circuit-quantum": "amplitude damping"}


def losses(data: xr.Dataset, choice: Choice) -> tuple[np.ndarray, np.ndarray]:
    """Loss of rank, 1 - R(s)/R(0), and of accuracy, A(0) - A(s): (seeds, starts, strengths) each, without s = 0."""
    at = data.sel(case=choice.case)
    order = ("seed", "start", "step")
    rank = at["rank"].sel(measure_of_rank=choice.rank, metric=choice.metric).transpose(*order).values
    right = at["right"].sel(measure=choice.measure).transpose(*order).values
    safe = np.where(rank[..., :1] > 0, rank[..., :1], np.nan)
    return 1.0 - rank[..., 1:] / safe, right[..., :1] - right[..., 1:]


def correlations(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """T of every seed; seeds at which it is not defined at any strength are left out."""
    rank, right = losses(data, choice)
    found = np.array([_correlation(r, a, choice.given) for r, a in zip(rank, right, strict=True)])
    return found[np.isfinite(found)]


def _correlation(rank: np.ndarray, right: np.ndarray, given: str) -> float:
    """T of one seed from losses (starts, strengths)."""
    if given == GIVEN[1]:
        return statistics.spearman(rank.ravel(), right.ravel())
    found = np.array([statistics.spearman(r, a) for r, a in zip(rank.T, right.T, strict=True)])
    return statistics.finite_mean(found)


def judge(data: xr.Dataset, choice: Choice, side: str, null: bool = False) -> Verdict:
    """The verdict on T under one choice."""
    found = correlations(data, choice)
    estimate = float(found.mean()) if len(found) else np.nan
    p_value = statistics.null_p_value(estimate, _shuffled(data, choice), "greater") if null else np.nan
    return statistics.judge(
        CLAIM, "Spearman(loss of rank, loss of accuracy) over models at equal noise", estimate, _interval(found),
        direction="greater", n_seeds=len(found), p_value=p_value, side=side,
        null_model="losses of rank shuffled over the models of a seed, at every strength",
    )  # fmt: skip


def _shuffled(data: xr.Dataset, choice: Choice, draws: int = 499) -> np.ndarray:
    """T at equal noise when the losses of rank are shuffled over the models of a seed, strength by strength."""
    rng = np.random.default_rng(0)
    rank, right = (_ranked(part) for part in losses(data, choice))
    defined = (rank**2).sum(axis=1) * (right**2).sum(axis=1) > 0.0
    kept = defined.any(axis=1)
    out = np.full(draws, np.nan)
    for k in range(draws if kept.any() else 0):
        found = np.where(defined, np.sum(rng.permuted(rank, axis=1) * right, axis=1), 0.0)
        out[k] = np.mean(found[kept].sum(axis=1) / defined[kept].sum(axis=1))
    return out


def _ranked(values: np.ndarray) -> np.ndarray:
    """Ranks over the models of a seed, of mean zero and norm one; zero where all are equal."""
    ranks = scipy.stats.rankdata(values, axis=1) - 0.5 * (values.shape[1] + 1)
    norm = np.sqrt(np.sum(ranks**2, axis=1, keepdims=True))
    return ranks / np.where(norm > 0.0, norm, 1.0)


def judge_opening(data: xr.Dataset, kind: str, step: int) -> Verdict:
    """The verdict on the numerical rank of the over-parameterised circuit under one strength of one kind of noise."""
    at = data.sel(open_kind=kind)
    ranks = at["open_rank"].transpose("seed", "step").values
    found = ranks[:, step] / ranks[:, 0]
    shrunk = at["open_largest"].transpose("seed", "step").values
    return statistics.judge(
        OPENING_CLAIM, "numerical rank with noise / without", float(found.mean()), _interval(found),
        direction="greater", null=1.0, margin=statistics.RATIO_MARGIN, n_seeds=len(found), side="circuit-quantum",
        notes=(
            f"from {ranks[:, 0].mean():.1f} to {ranks[:, step].mean():.1f} of {int(data['open_parameters'])}; the "
            f"largest eigenvalue shrinks to {np.mean(shrunk[:, step] / shrunk[:, 0]):.2f} of itself",
        ),
    )  # fmt: skip


def _modes(data: xr.Dataset, choice: Choice) -> int:
    values = data["eigenvalue"].sel(case=choice.case, metric=choice.metric)
    return int(np.isfinite(values.isel(seed=0, start=0, step=0).values).sum())


def _interval(found: np.ndarray) -> tuple[float, float]:
    return statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T on every side, the opening of directions, and an identity."""
    out = []
    for side, main in MAINS.items():
        rows = []
        for kind, rank, measure, given in itertools.product(
            (main.case, OTHER_KIND[side]), sides.RANKS, sides.MEASURES, GIVEN
        ):
            choice = Choice(kind, main.metric, rank, measure, given)
            if 1 <= sum(a != b for a, b in zip(choice, main, strict=True)) <= 2:
                judged = judge(data, choice, side)
                if judged.n_seeds:
                    rows.append(judged.row(**choice._asdict()))
        out.append(judge(data, main, side, null=True).with_multiverse(rows))
    kinds, steps = data["open_kind"].values, range(1, data.sizes["step"])
    rows = [
        judge_opening(data, str(kind), step).row(
            kind=str(kind), strength=f"{float(data['open_strength'].sel(open_kind=kind).values[step]):g}"
        )
        for kind in kinds for step in steps if (kind, step) != (kinds[0], 1)
    ]  # fmt: skip
    out.append(judge_opening(data, str(kinds[0]), 1).with_multiverse(rows))
    least = float(data["excess"].min())
    out.append(
        statistics.calibrate(
            "F_C <= F_Q: no outcome shows more than the noisy state", "smallest eigenvalue of F_Q - F_C over largest",
            least, (least, least), direction="greater", bound=0.0, margin=1e-8, n_seeds=data.sizes["seed"],
            side="circuit",
        )
    )  # fmt: skip
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """What noise does to rank, accuracy and G_Inf on both sides; spectra; losses of models at equal noise."""
    curves = {side: _curves(data, main) for side, main in MAINS.items()}
    spectra, clouds = {}, {}
    for side, main in MAINS.items():
        values = (
            data["eigenvalue"]
            .sel(case=main.case, metric=main.metric)
            .transpose("seed", "start", "step", "mode")
        )
        values = values.values[..., : _modes(data, main)]
        spectra[side] = (
            values[:, :, 0].reshape(-1, values.shape[-1]),
            values[:, :, 1].reshape(-1, values.shape[-1]),
        )
        clouds[side] = _centred(*losses(data, main))
    return picture.draw(curves, spectra, clouds)


def _curves(data: xr.Dataset, choice: Choice) -> picture.Curves:
    at = data.sel(case=choice.case)
    order = ("seed", "start", "step")
    rank = at["rank"].sel(measure_of_rank=choice.rank, metric=choice.metric).transpose(*order).values
    right = at["right"].sel(measure=choice.measure).transpose(*order).values
    kept = at["kept"].sel(metric=choice.metric).transpose(*order).values
    total = at["eigenvalue"].sel(metric=choice.metric).sum("mode").transpose(*order).values
    return picture.Curves(
        at["strength"].values[1:], *(v[..., 1:].reshape(-1, v.shape[-1] - 1) for v in
        (rank / rank[..., :1], right / right[..., :1], kept, total / total[..., :1])),
    )  # fmt: skip


def _centred(rank: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Losses minus the mean over the models of a seed at equal strength: what T correlates, (points,) each."""
    return tuple((v - v.mean(axis=1, keepdims=True)).ravel() for v in (rank, right))  # type: ignore[return-value]
