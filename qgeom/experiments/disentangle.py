r"""Section IV.C: does complexity in the cost give a disentangled representation?

Autoencoders of data made from known independent factors, trained with the Fisher trace in the cost, or the 2-norm, or
dropout, five strengths each. Score: the mutual information gap of the latents (MIG), where a latent qubit has Holevo's
information. At equal error of the reconstruction,

    T = MIG(complexity in the cost) - MIG(2-norm in the cost),            claimed above 0.

Null: the latents of every model turned at random. A rotation that the neighbouring layers absorb changes neither the
reconstruction nor, for linear latents, the complexity: what complexity cannot tell apart it cannot select.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom.experiments import disentangle_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import disentangle as picture
from qgeom.progress import Progress, Silent
from qgeom.settings import BaseSettings

NAME = "disentangle"
CLAIM = "complexity in the cost gives a more disentangled representation than the 2-norm does, at equal reconstruction"
MEASURED_CLAIM = "of two representations of equal error the one of lower complexity is the more disentangled"
LATENT_CLAIM = "complexity in the cost leaves less correlation between latent qubits than the 2-norm does"
GATE_CLAIM = "an encoder of lower complexity acts on less entanglement"
SECTION = "IV.C"
COST = "2 min"
PAPER = {"seeds": 30, "steps": 800}
PAPER_COST = "6 min"

MARGIN = 0.1
"""Of a mutual information gap, which lies between 0 and 1."""
SCORES = ("gap", "disentanglement", "completeness")
RIVALS = ("L2", "dropout", "none")

Strengths = Annotated[
    tuple[float, float, float, float, float], pydantic.Field(description="five strengths in the cost, rising")
]


class Settings(BaseSettings):
    """Settings of ``disentangle``; the defaults are the small preset."""

    factors: Annotated[int, pydantic.Field(ge=2, le=3, description="and latents")] = 2
    pixels: Annotated[int, pydantic.Field(ge=3, le=16, description="along each side of a picture")] = 5
    width: Annotated[int, pydantic.Field(ge=1, le=256)] = 12
    qubits: Annotated[int, pydantic.Field(ge=3, le=8)] = 4
    rows: Annotated[int, pydantic.Field(ge=1, le=10, description="of entangling gates of the encoder")] = 3
    samples: Annotated[int, pydantic.Field(ge=16, description="of the training data")] = 256
    tests: Annotated[int, pydantic.Field(ge=32, le=2048, description="samples that scores are read from")] = (
        1024
    )
    steps: Annotated[int, pydantic.Field(ge=1)] = 500
    rotations: Annotated[int, pydantic.Field(ge=1, description="draws of the null per model")] = 24
    complexity_network: Strengths = (0.001, 0.003, 0.01, 0.03, 0.1)
    norm_network: Strengths = (0.003, 0.01, 0.03, 0.1, 0.3)
    complexity_circuit: Strengths = (0.01, 0.03, 0.1, 0.2, 0.4)
    norm_circuit: Strengths = (0.001, 0.003, 0.01, 0.03, 0.1)
    dropout: Annotated[
        tuple[float, float, float, float, float],
        pydantic.Field(description="shares of hidden units, or of gates, left out"),
    ] = (0.02, 0.05, 0.1, 0.2, 0.3)

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Settings:
        if self.factors >= self.qubits:
            raise ValueError(
                f"{self.factors} latents leave no trash among {self.qubits} qubits; take more qubits"
            )
        for name in ("complexity_network", "norm_network", "complexity_circuit", "norm_circuit", "dropout"):
            values = getattr(self, name)
            if not all(0 < a < b for a, b in itertools.pairwise(values)):
                raise ValueError(f"{name} must be positive and rise, not {values}")
        if self.dropout[-1] >= 1.0:
            raise ValueError(f"dropout is a share below 1, not {self.dropout[-1]}")
        return self


def compute(
    settings: Settings, seed: int, progress: Progress = Silent(), parts: Parts = Parts()
) -> xr.Dataset:
    """Scores, errors and complexities of all models."""
    seeds = range(seed, seed + settings.seeds)
    common = (settings.factors, settings.samples, settings.tests, settings.steps, settings.rotations)
    of_networks = sides.Budget(*common, settings.complexity_network, settings.norm_network, settings.dropout)
    of_circuits = sides.Budget(*common, settings.complexity_circuit, settings.norm_circuit, settings.dropout)
    first = parts.over_seeds(
        "networks",
        seeds,
        lambda some: sides.networks(some, settings.pixels, settings.width, of_networks, progress),
    )
    second = parts.over_seeds(
        "circuits",
        seeds,
        lambda some: sides.circuits(some, settings.qubits, settings.rows, of_circuits, progress),
    )
    return xr.concat(
        [first, second], dim="case", data_vars="all", coords="minimal", compat="override", join="outer"
    )


# --- statistics ------------------------------------------------------------


class Choice(NamedTuple):
    """What T is read from."""

    case: str
    family: str
    rival: str = RIVALS[0]
    score: str = SCORES[0]
    bins: int = sides.BINS[0]


MAINS = {
    "circuit": Choice("circuit", "complexity"),
    "network": Choice("network", "complexity"),
    "circuit-quantum": Choice("circuit", "quantum complexity"),
}
"""Case and penalty of each side."""
COMPLEXITY = {"circuit": "complexity", "network": "complexity", "circuit-quantum": "quantum"}


def points(data: xr.Dataset, case: str, family: str, values: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    """Errors (seed, strength) of a family and some of its values (seed, strength, ...); the plain model comes first."""
    order = ("seed", "strength", ...)

    def read(array: xr.DataArray, which: str) -> np.ndarray:
        return array.sel(case=case, family=which).transpose(*order).values

    errors, found = read(data["error"], "none")[:, :1], read(values, "none")[:, :1]
    if family != "none":
        errors = np.concatenate([errors, read(data["error"], family)], axis=1)
        found = np.concatenate([found, read(values, family)], axis=1)
    return errors, found


def gaps(data: xr.Dataset, choice: Choice, values: xr.DataArray) -> np.ndarray:
    """Score of the family minus its rival's at equal error, (seed, ...), the mean over strengths.

    The rival's score is interpolated in the logarithm of the error between its models, the plain one among them.
    Strengths whose error no model of the rival brackets are left out; nan if that is all of them. Against ``none`` the
    plain model stands for every error.
    """
    errors, own = points(data, choice.case, choice.family, values)
    others, rivals = points(data, choice.case, choice.rival, values)
    out = np.full((len(errors), *own.shape[2:]), np.nan)
    for s in range(len(errors)):
        order = np.argsort(others[s], kind="stable")
        x, y = np.log(others[s][order]), rivals[s][order]
        at = np.log(errors[s, 1:])
        inside = (at >= x[0]) & (at <= x[-1]) if choice.rival != "none" else np.ones(len(at), bool)
        if not inside.any():
            continue
        flat = y.reshape(len(y), -1)
        level = np.stack([np.interp(at[inside], x, column) for column in flat.T], axis=-1)
        out[s] = np.mean(own[s, 1:][inside].reshape(inside.sum(), -1) - level, axis=0).reshape(own.shape[2:])
    return out


def score(data: xr.Dataset, choice: Choice) -> xr.DataArray:
    """The score of all models."""
    if choice.score != "gap":
        return data[choice.score]
    # Holevo's information needs no bins of the latents.
    return data["gap"].sel(bins=choice.bins if choice.case in sides.NETWORKS else sides.BINS[0])


def _interval(*found: np.ndarray, statistic: statistics.Statistic = np.mean) -> tuple[float, float]:
    return (
        statistics.bootstrap_interval(*found, statistic=statistic) if len(found[0]) > 1 else (np.nan, np.nan)
    )


def judge(data: xr.Dataset, choice: Choice, side: str, null: bool = False) -> Verdict:
    """The verdict on T under one choice."""
    found = gaps(data, choice, score(data, choice))
    found = found[np.isfinite(found)]
    estimate, p_value = float(found.mean()) if len(found) else np.nan, np.nan
    if null:
        drawn = gaps(data, choice, data["rotated"])
        drawn = drawn[np.isfinite(drawn).all(axis=1)]
        p_value = statistics.null_p_value(estimate, drawn.mean(axis=0), "greater") if len(drawn) else np.nan
    return statistics.judge(
        CLAIM, f"MIG({choice.family}) - MIG({choice.rival}) at equal error", estimate, _interval(found),
        direction="greater", margin=MARGIN, n_seeds=len(found), side=side, p_value=p_value,
        null_model="latents of every model turned at random",
    )  # fmt: skip


def measured_correlations(data: xr.Dataset, side: str, values: xr.DataArray) -> np.ndarray:
    """Partial Spearman of complexity and score given the error over all models of a seed, (seed, ...)."""
    case = MAINS[side].case

    def every(array: xr.DataArray) -> np.ndarray:
        table = array.sel(case=case).transpose("seed", "family", "strength", ...).values
        return table.reshape(len(table), -1, *table.shape[3:])

    complexity, error, found = (every(a) for a in (data[COMPLEXITY[side]], data["error"], values))
    there = np.isfinite(complexity).all(axis=0)
    out = np.full((len(found), *found.shape[2:]), np.nan)
    for s, index in itertools.product(range(len(found)), np.ndindex(*found.shape[2:])):
        out[(s, *index)] = statistics.partial_spearman(
            complexity[s][there], found[s][there][(slice(None), *index)], error[s][there]
        )
    return out


def judge_measured(data: xr.Dataset, side: str) -> Verdict:
    """The verdict on complexity as it is measured, whatever the cost was."""
    values = score(data, MAINS[side])
    found = measured_correlations(data, side, values)
    found = found[np.isfinite(found)]
    estimate = float(found.mean()) if len(found) else np.nan
    drawn = np.nanmean(measured_correlations(data, side, data["rotated"]), axis=0)
    rows = []
    for name in SCORES[1:]:
        other = measured_correlations(data, side, data[name])
        other = other[np.isfinite(other)]
        verdict_ = statistics.judge(
            MEASURED_CLAIM, name, float(other.mean()) if len(other) else np.nan, _interval(other) if len(other) else
            (np.nan, np.nan), direction="less", n_seeds=len(other), side=side,
        )  # fmt: skip
        rows.append(verdict_.row(score=name))
    return statistics.judge(
        MEASURED_CLAIM, "partial Spearman(complexity, MIG | error) over models", estimate,
        _interval(found) if len(found) else (np.nan, np.nan), direction="less", n_seeds=len(found), side=side,
        p_value=statistics.null_p_value(estimate, drawn, "less"), null_model="latents of every model turned at random",
    ).with_multiverse(rows)  # fmt: skip


def judge_latents(data: xr.Dataset, family: str, side: str) -> Verdict:
    """The verdict on the correlation that is left between latent qubits: a ratio of means at equal error."""
    choice = Choice("circuit", family)
    difference = gaps(data, choice, data["correlation"])
    errors, own = points(data, "circuit", family, data["correlation"])
    others, _ = points(data, "circuit", choice.rival, data["correlation"])
    level = np.array([
        np.mean(own[s, 1:][(errors[s, 1:] >= others[s].min()) & (errors[s, 1:] <= others[s].max())])
        if np.isfinite(difference[s]) else np.nan
        for s in range(len(own))
    ])  # fmt: skip
    kept = np.isfinite(difference)
    mine, theirs = level[kept], (level - difference)[kept]

    def ratio(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.mean(a) / np.mean(b))

    return statistics.judge(
        LATENT_CLAIM, "total correlation of the latents, complexity / L2, at equal error",
        ratio(mine, theirs) if len(mine) else np.nan,
        _interval(mine, theirs, statistic=ratio) if len(mine) else (np.nan, np.nan), direction="less", null=1.0,
        margin=statistics.RATIO_MARGIN, n_seeds=len(mine), side=side,
        p_value=statistics.paired_test(mine, theirs, "less") if len(mine) > 1 else np.nan,
        null_model="penalties exchanged within seeds",
    )  # fmt: skip


def judge_gates(data: xr.Dataset) -> Verdict:
    """The verdict on the entanglement that two-qubit gates act on."""
    at = data.sel(case="circuit").transpose("seed", "family", "strength", ...)
    pairs = []
    for complexity, entropy in zip(at["quantum"].values, at["gate_entropy"].values, strict=True):
        there = np.isfinite(complexity)
        pairs.append((complexity[there], entropy[there]))
    found = np.array([statistics.spearman(a, b) for a, b in pairs])
    rng = np.random.default_rng(0)
    drawn = [np.mean([statistics.spearman(rng.permutation(a), b) for a, b in pairs]) for _ in range(499)]
    return statistics.judge(
        GATE_CLAIM, "Spearman(tr F_Q, entropy of the qubits that RZZ act on) over models", float(found.mean()),
        _interval(found), direction="greater", n_seeds=len(found), side="circuit-quantum",
        p_value=statistics.null_p_value(float(found.mean()), drawn, "greater"),
        null_model="complexities shuffled over the models of a seed",
        notes=("in part a tautology: Pauli strings of maximally mixed qubits have no mean, and count in full",),
    )  # fmt: skip


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T of every side, the same for complexity as measured, the circuit's two more, and two identities."""
    out = []
    for side, main in MAINS.items():
        cases = sides.NETWORKS if main.case in sides.NETWORKS else (main.case,)
        rows = []
        for case, rival, name, bins in itertools.product(cases, RIVALS, SCORES, sides.BINS):
            choice = Choice(case, main.family, rival, name, bins)
            if choice == main or (bins != sides.BINS[0] and (name != "gap" or case not in sides.NETWORKS)):
                continue
            rows.append(judge(data, choice, side).row(
                latents="bounded" if case == sides.NETWORKS[1] else "as main", against=rival, score=name, bins=str(bins)
            ))  # fmt: skip
        out.append(judge(data, main, side, null=True).with_multiverse(rows))
    out += [judge_measured(data, side) for side in MAINS]
    out += [judge_latents(data, MAINS[side].family, side) for side in ("circuit", "circuit-quantum")]
    return (*out, judge_gates(data), *_calibrations(data))


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    n_seeds = data.sizes["seed"]
    linear = float(np.abs(data["turned"].sel(case="network")).max())
    quantum = float(np.abs(data["turned_quantum"].sel(case="circuit")).max())
    other = [float(abs(data["turned"].sel(case=case)).median()) for case in (sides.NETWORKS[1], "circuit")]
    excess = float(data["excess"].sel(case="circuit").max())
    claim = (
        "a rotation of the latents that the neighbours absorb changes no complexity: it cannot select factors"
    )
    return (
        statistics.calibrate(
            claim, "largest relative change of tr F, linear latents", linear, (linear, linear), direction="less",
            bound=0.0, margin=1e-4, n_seeds=n_seeds, side="network",
            notes=(f"bounded latents: median change {other[0]:.2g}; tr F_C of circuits: {other[1]:.2g}",),
        ),
        statistics.calibrate(
            claim, "largest relative change of tr F_Q", quantum, (quantum, quantum), direction="less", bound=0.0,
            margin=1e-4, n_seeds=n_seeds, side="circuit-quantum",
        ),
        statistics.calibrate(
            "no latent qubit tells more of a factor than the whole state did", "largest excess of Holevo's information",
            excess, (excess, excess), direction="less", bound=0.0, margin=0.01, n_seeds=n_seeds, side="circuit",
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """MIG against the error of every family, and T of every seed."""
    clouds = {}
    for side in ("network", "circuit"):
        table = {}
        for family in sides.FAMILIES:
            error, gap = points(data, side, family, data["gap"].sel(bins=sides.BINS[0]))
            if family == "none" or np.isfinite(gap[:, 1:]).any():
                table[family] = (
                    error if family == "none" else error[:, 1:],
                    gap if family == "none" else gap[:, 1:],
                )
        rotated = points(data, side, "none", data["rotated"])[1]
        clouds[side] = (table, float(np.nanmean(rotated)))
    found = {side: gaps(data, main, score(data, main)) for side, main in MAINS.items()}
    null = {side: np.nanmean(gaps(data, main, data["rotated"]), axis=0) for side, main in MAINS.items()}
    return picture.draw(clouds, found, null, MARGIN)
