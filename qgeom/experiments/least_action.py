r"""Sections II, III.C and VI, the paper's main claim: with complexity in the cost the optimum is a geodesic.

The cost is ``loss + lambda C(theta) / C(theta_0)``, C the information length of the layer curve (and, beside it, the
kinetic action), for a range of lambda; L2 with the same lambda is the control. Two statistics, side by side:

    T1 = Spearman(length / distance of the ends, lambda) < 0      the curve approaches the geodesic between its ends
    T2 = test error with C / test error with L2 < 1               at equal training loss

A shorter length alone would be a tautology; length over distance is not: the penalty pulls both down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import least_action_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import least_action as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "least-action"
CLAIM = (
    "complexity in the cost makes the layer curve a geodesic, and the model generalise better than L2 does"
)
NEARER = "the more complexity costs, the nearer the layer curve is to the geodesic between its ends"
BEYOND = "at equal fit, complexity in the cost brings the layer curve nearer to its geodesic than L2 does"
BETTER = "at equal fit, complexity in the cost generalises better than L2"
SECTION = "II, III.C, VI"
COST = "2 min"
PAPER = {"seeds": 30, "pieces": 3, "steps": 200}
PAPER_COST = "12 min"

LEVELS = (0.25, 0.5, 0.75, 1.0)
"""Where, between the smallest and the largest training loss that both reach, two penalties are compared."""


class Settings(BaseSettings):
    """Settings of ``least-action``; the defaults are the small preset."""

    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=20)] = 2
    width: Annotated[int, pydantic.Field(ge=1, le=512)] = 8
    depth: Annotated[int, pydantic.Field(ge=1, le=64, description="residual blocks")] = 4
    strengths: Annotated[
        tuple[Annotated[float, pydantic.Field(gt=0)], ...],
        pydantic.Field(min_length=2, description="lambda, nat: what the penalty costs at the start"),
    ] = (0.01, 0.03, 0.1, 0.3, 1.0)
    pieces: Annotated[int, pydantic.Field(ge=1, le=16, description="of each group in the trained length")] = 2
    nodes: Annotated[
        int, pydantic.Field(ge=1, le=32, description="quadrature nodes of the reported length")
    ] = 4
    steps: Annotated[int, pydantic.Field(ge=1)] = 150
    learning_rate: Annotated[float, pydantic.Field(gt=0)] = 0.05
    test_fraction: Annotated[float, pydantic.Field(gt=0, lt=1)] = 0.8
    label_noise: Annotated[
        float, pydantic.Field(ge=0, le=0.5, description="share of training labels that are wrong")
    ] = 0.1


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Models of every seed, penalty and strength on both sides; a side and a block of seeds at a time."""
    task = tasks.load(settings.task)
    budget = sides.Budget(
        settings.strengths, settings.pieces, settings.nodes, settings.steps, settings.learning_rate,
        settings.test_fraction, settings.label_noise,
    )  # fmt: skip
    seeds = tuple(range(seed, seed + settings.seeds))
    cases = sides.cases(settings.qubits, settings.layers, settings.width, settings.depth, task)
    found = [
        parts.over_seeds(
            case[0], seeds, lambda some, case=case: sides.models(*case, task, some, budget, progress)
        )
        for case in cases.items()
    ]
    data: xr.Dataset = xr.concat(found, dim="case", data_vars="all", coords="different", compat="equals")
    return data.assign(chance=np.log(task.n_classes))


# --- statistics ------------------------------------------------------------


class Side(NamedTuple):
    """Where a side is read from."""

    case: str
    penalty: str
    kind: str


MAINS = {
    "circuit": Side("circuit", "Fisher length", sides.KINDS[0]),
    "network": Side("network", "Fisher length", sides.KINDS[0]),
    "circuit-quantum": Side("circuit", "quantum length", sides.KINDS[1]),
}
CONTROL = "L2"
STRENGTHS = ("all", "that still fit")
"""Of the strengths: all, or those that raise the training loss at most half of the way to that of chance."""


def read(data: xr.Dataset, side: Side, what: str) -> np.ndarray:
    """A quantity of a side under its penalty, (seeds, 1 + strengths); strength 0 first."""
    at = data.sel(case=side.case)
    names = [str(v) for v in at["penalty"].values]
    at = at.isel(term=names.index(side.penalty))
    if what == "ratio":
        found = (at["length"] / at["distance"]).sel(kind=side.kind)
    else:
        found = at[what].sel(kind=side.kind) if "kind" in at[what].dims else at[what]
    return found.transpose("seed", "strength").values


def slopes(data: xr.Dataset, side: Side, strengths: str = STRENGTHS[0]) -> np.ndarray:
    """T1 of every seed that has one."""
    ratio, loss = read(data, side, "ratio"), read(data, side, "train_loss")
    most = loss[:, :1] + 0.5 * (float(data["chance"]) - loss[:, :1])
    kept = np.isfinite(ratio) & ((loss <= most) | (strengths == STRENGTHS[0]))
    order = data["strength"].values
    found = [
        statistics.spearman(r[k], order[k]) if k.sum() > 2 else np.nan
        for r, k in zip(ratio, kept, strict=True)
    ]
    return np.array([value for value in found if np.isfinite(value)])


def judge_slope(
    data: xr.Dataset, name: str, side: Side, strengths: str = STRENGTHS[0], null: bool = False
) -> Verdict:
    """The verdict on T1."""
    found = slopes(data, side, strengths)
    estimate = float(found.mean()) if len(found) else np.nan
    interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
    p_value = np.nan
    if null and len(found):
        rng, count = np.random.default_rng(0), data.sizes["strength"]
        ranks = rng.permuted(np.tile(np.arange(count), (499, len(found), 1)), axis=-1)
        # Spearman's formula where there are no ties.
        squares = np.sum(np.square(ranks - np.arange(count)), axis=-1)
        draws = np.mean(1.0 - 6.0 * squares / (count * (count**2 - 1)), axis=-1)
        p_value = statistics.null_p_value(estimate, draws, "less")
    return statistics.judge(
        NEARER, f"Spearman(length / distance, lambda), {side.penalty}", estimate, interval, direction="less",
        n_seeds=len(found), p_value=p_value,
        null_model="strengths shuffled within each seed", side=name,
    )  # fmt: skip


def at_equal(
    x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray], levels: Sequence[float] = LEVELS
) -> tuple[float, float]:
    """Mean of two curves ``y(x)`` at the same values of x, between the ends of the range that both cover.

    Each curve is interpolated linearly between its points in the order of x. NaN where the ranges do not overlap.
    """
    low, high = max(a.min() for a in x), min(a.max() for a in x)
    if not high > low:
        return np.nan, np.nan
    at = low + (high - low) * np.asarray(levels)
    means = []
    for a, b in zip(x, y, strict=True):
        order = np.argsort(a, kind="stable")
        means.append(float(np.mean(np.interp(at, a[order], b[order]))))
    return means[0], means[1]


def pairs(
    data: xr.Dataset, side: Side, what: str, against: str = CONTROL, matched: str = "train_loss"
) -> tuple[np.ndarray, np.ndarray]:
    """A quantity with the side's penalty and with another, at equal training loss (or norm), one number per seed."""
    other = side._replace(penalty=against)
    x, z = read(data, side, matched), read(data, other, matched)
    y, w = read(data, side, what), read(data, other, what)
    found = np.array([at_equal((x[s], z[s]), (y[s], w[s])) for s in range(len(x))])
    found = found[np.isfinite(found).all(axis=1)]
    return found[:, 0], found[:, 1]


def judge_pair(
    data: xr.Dataset,
    name: str,
    side: Side,
    what: str,
    claim: str,
    against: str = CONTROL,
    matched: str = "train_loss",
) -> Verdict:
    """The verdict on the ratio of the means, the side's penalty over the other, paired by seed."""
    first, second = pairs(data, side, what, against, matched)
    ratio: Callable[..., float] = lambda a, b: float(np.mean(a) / np.mean(b)) if np.mean(b) > 0 else np.nan  # noqa: E731
    enough = len(first) > 1
    words = {"test_error": "test error", "test_loss": "test loss", "ratio": "length / distance"}[what]
    notes = (f"{side.penalty} minus {against}: {np.mean(first - second):+.4f}",) if enough else ()
    return statistics.judge(
        claim, f"{words}, {side.penalty} / {against} at equal {matched.replace('_', 'ing ')}",
        ratio(first, second) if enough else np.nan,
        statistics.bootstrap_interval(first, second, statistic=ratio, n_resamples=1999) if enough else (np.nan, np.nan),
        direction="less", n_seeds=len(first), margin=statistics.RATIO_MARGIN, null=1.0,
        p_value=statistics.paired_test(first, second, "less") if enough else np.nan,
        null_model="random signs of the paired differences", side=name, notes=notes,
    )  # fmt: skip


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T1, T1 against L2, T2 of every side; then what must hold on any data."""
    out = []
    for name, side in MAINS.items():
        names = [str(v) for v in data.sel(case=side.case)["penalty"].values]
        rows = [
            judge_slope(data, name, side._replace(penalty=penalty), strengths).row(
                penalty=penalty, strengths=strengths
            )
            for penalty in names
            for strengths in STRENGTHS
            if (penalty, strengths) != (side.penalty, STRENGTHS[0])
        ]
        out.append(judge_slope(data, name, side, null=True).with_multiverse(rows))
        for what, claim in (("ratio", BEYOND), ("test_error", BETTER)):
            main = judge_pair(data, name, side, what, claim)
            rows = []
            for quantity in (what,) if what == "ratio" else (what, "test_loss"):
                for penalty in names:
                    for against in names:
                        for matched in ("train_loss", "norm"):
                            choice = (quantity, penalty, against, matched)
                            if penalty in (against, CONTROL) or choice == (
                                what,
                                side.penalty,
                                CONTROL,
                                "train_loss",
                            ):
                                continue
                            if against != CONTROL and (matched == "norm" or penalty != side.penalty):
                                continue
                            judged = judge_pair(
                                data, name, side._replace(penalty=penalty), quantity, claim, against, matched
                            )
                            rows.append(
                                judged.row(
                                    measure=quantity, penalty=penalty, against=against, matched=matched
                                )
                            )
            out.append(main.with_multiverse(rows))
    return (*out, *_calibrations(data))


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    n_seeds = data.sizes["seed"]
    ratio = float((data["length"] / data["distance"]).min())
    excess = float((data["polygon"] / data["length"]).max())
    circuit = data["length"].sel(case="circuit")
    quantum = float((circuit.sel(kind="state") / circuit.sel(kind="outcomes")).min())
    return (
        statistics.calibrate(
            "a curve is at least as long as the distance of its ends", "least length / distance", ratio, (ratio, ratio),
            direction="greater", bound=1.0, margin=1e-3, n_seeds=n_seeds,
        ),
        statistics.calibrate(
            "the polygon that is trained on is inscribed in the curve", "largest polygon / length", excess,
            (excess, excess), direction="less", bound=1.0, margin=1e-2, n_seeds=n_seeds,
        ),
        statistics.calibrate(
            "F_C <= F_Q: the curve of states is at least as long as that of outcomes", "least L(F_Q) / L(F_C)", quantum,
            (quantum, quantum), direction="greater", bound=1.0, margin=1e-3, n_seeds=n_seeds, side="circuit",
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Length over distance against the strength, and test error against training loss, penalty by penalty."""
    columns = {}
    for name in ("circuit", "network"):
        side = MAINS[name]
        penalties = [str(v) for v in data.sel(case=side.case)["penalty"].values]
        columns[name] = {
            penalty: tuple(
                read(data, side._replace(penalty=penalty), what)
                for what in ("ratio", "train_loss", "test_error")
            )
            for penalty in penalties
        }
    return picture.draw(data["strength"].values, columns)
