r"""Section IV.B: the Fisher spectrum and complexity of trained models against their test error, size and basins.

Populations over width, depth and label noise, circuits and networks on the same data. Four statements are tested, each
by one statistic:

* more small eigenvalues of F: smaller test error. ``T = partial Spearman(share of eigenvalues below 1e-3 of their mean,
  test error | train loss, width) < 0``;
* lower effective dimension: smaller test error. The same with the effective dimension, ``T > 0``;
* more small eigenvalues: larger basin of attraction, so that random starts end there more often.
  ``T = partial Spearman(share, frequency of the end point | train loss) > 0``;
* complexity after training falls with size: ``T = Spearman(number of parameters, Fisher-Rao norm) < 0``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import generalization_measures as measures
from qgeom.experiments import generalization_population as population
from qgeom.experiments import statistics
from qgeom.experiments.generalization_measures import Choice
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import generalization as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "generalization"
CLAIM = "a model whose Fisher matrix has more small eigenvalues (is less complex) generalises better"
DIMENSION_CLAIM = "a model of lower effective dimension generalises better"
BASIN_CLAIM = "random starts end more often where the Fisher matrix has more small eigenvalues"
SIZE_CLAIM = "the Fisher complexity after training is smaller for larger models"
SECTION = "IV.B"
COST = "2 min"
PAPER_COST = "9 min"
PAPER = {"seeds": 30, "starts": 32, "steps": 200}

CASES = ("circuit", "network", "circuit-quantum")
DRAWS = 199


class Settings(BaseSettings):
    """Settings of ``generalization``; the defaults are the small preset."""

    task: str = "iris"
    test_fraction: Annotated[float, pydantic.Field(gt=0, lt=1)] = 0.7
    widths: Annotated[tuple[Annotated[int, pydantic.Field(ge=1)], ...], pydantic.Field(min_length=1)] = (
        2,
        4,
        8,
    )
    qubits: Annotated[
        tuple[Annotated[int, pydantic.Field(ge=2, le=8)], ...],
        pydantic.Field(min_length=1, description="widths of the circuits"),
    ] = (2, 3, 4)
    depths: Annotated[
        tuple[Annotated[int, pydantic.Field(ge=1, le=20)], ...],
        pydantic.Field(min_length=1, description="hidden layers, and layers of the circuits"),
    ] = (1, 2)
    noises: Annotated[
        tuple[Annotated[float, pydantic.Field(ge=0, le=1)], ...],
        pydantic.Field(min_length=1, description="share of wrong training labels"),
    ] = (0.0, 0.15, 0.3)
    starts: Annotated[
        int, pydantic.Field(ge=2, description="random starts per seed, of the middle width, depth and noise")
    ] = 24
    steps: Annotated[int, pydantic.Field(ge=1)] = 100
    learning_rate: Annotated[float, pydantic.Field(gt=0)] = 0.05
    smoothing: Annotated[
        float, pydantic.Field(gt=0, description="radius of the local volume, natural units")
    ] = 0.1
    reference_width: Annotated[
        int, pydantic.Field(ge=2, description="width of the random network of the reference lines")
    ] = 200


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Populations and random starts of both sides, and the reference lines."""
    plan = population.Plan(
        tasks.load(settings.task), settings.test_fraction, settings.widths, settings.qubits, settings.depths,
        settings.noises, settings.starts, settings.steps, settings.learning_rate, str(jnp.zeros(()).dtype),
    )  # fmt: skip
    seeds = tuple(range(seed, seed + settings.seeds))
    data = population.every_population(plan, seeds, progress, parts)
    reference = parts.part(
        "reference lines", lambda: population.reference_lines(settings.reference_width, seeds, progress)
    )
    return xr.merge([data, reference]).assign_attrs(
        training_inputs=int(data.attrs["training_inputs"]), smoothing=settings.smoothing, task=settings.task
    )


# --- verdicts --------------------------------------------------------------


class Statement(NamedTuple):
    """A claim about the correlation of a predictor with the test error."""

    claim: str
    predictor: str
    direction: statistics.Direction


STATEMENTS = (
    Statement(CLAIM, measures.SHARE, "less"),
    Statement(DIMENSION_CLAIM, measures.DIMENSION, "greater"),
)


def judge(data: xr.Dataset, statement: Statement, choice: Choice, null: bool = False) -> Verdict:
    """The verdict on a predictor of the test error under one choice."""
    p_value = float("nan")
    found = measures.correlations(data, choice)
    if null:
        finite = found[np.isfinite(found)]
        draws = measures.shuffled_correlations(data, choice, DRAWS)
        alternative = "less" if statement.direction == "less" else "greater"
        p_value = statistics.null_p_value(float(finite.mean()) if finite.size else np.nan, draws, alternative)
    given = "" if choice.given == measures.GIVEN[2] else f" | {choice.given}"
    return _judge(
        statement.claim, f"partial Spearman({choice.predictor}, {choice.target}{given})", found,
        statement.direction, choice.case, p_value, "test labels shuffled, the same way for all models of a seed",
    )  # fmt: skip


def _judge(
    claim: str,
    what: str,
    found: np.ndarray,
    direction: statistics.Direction,
    side: str,
    p_value: float,
    null: str,
) -> Verdict:
    values = found[np.isfinite(found)]
    enough = len(values) > 1
    return statistics.judge(
        claim, what, float(values.mean()) if len(values) else np.nan,
        statistics.bootstrap_interval(values) if enough else (np.nan, np.nan),
        direction=direction, n_seeds=len(values), p_value=p_value, null_model=null, side=side,
    )  # fmt: skip


def predictor_rows(data: xr.Dataset, statement: Statement, main: Choice) -> list[dict[str, Any]]:
    """The multiverse of a predictor: one choice changed at a time."""
    options: list[dict[str, Any]] = [
        *({"given": given} for given in measures.GIVEN[1:]),
        {"target": measures.TARGETS[1]},
        {"unit": "raw"},
    ]
    if statement.predictor == measures.SHARE:
        options += [{"relative": 1e-2}, {"relative": 1e-1}, {"predictor": measures.VOLUME}]
    rows = []
    for option in options:
        choice = main._replace(**option)
        # The claim on a larger local volume has the sign of that on the share of small eigenvalues.
        rows.append(judge(data, statement, choice).row(**_texts(choice)))
    return rows


def _texts(choice: Choice) -> dict[str, str]:
    return {**{k: str(v) for k, v in choice._asdict().items()}, "relative": f"{choice.relative:g}"}


def judge_basin(
    data: xr.Dataset, choice: Choice, quantile: float = measures.QUANTILES[0], null: bool = False
) -> Verdict:
    """The verdict on the frequency of end points."""
    found, rows = measures.basin_correlations(data, choice, quantile)
    finite, p_value = found[np.isfinite(found)], float("nan")
    if null and finite.size:
        rng, draws = np.random.default_rng(0), []
        for _ in range(DRAWS):
            each = np.array([measures.correlation(rng.permutation(x), f, h) for x, f, h in rows])
            draws.append(statistics.finite_mean(each))
        p_value = statistics.null_p_value(float(finite.mean()), draws, "greater")
    given = "" if choice.given == measures.GIVEN[2] else " | train loss"
    return _judge(
        BASIN_CLAIM, f"partial Spearman({choice.predictor}, frequency of the end point{given})", found, "greater",
        choice.case, p_value, "spectra shuffled over the starts of each seed",
    )  # fmt: skip


def judge_size(data: xr.Dataset, choice: Choice, null: bool = False) -> Verdict:
    """The verdict on complexity against size."""
    found, p_value = measures.size_correlations(data, choice), float("nan")
    finite = found[np.isfinite(found)]
    if null and finite.size:
        rng, draws = np.random.default_rng(0), []
        samples = measures.size_samples(data, choice)
        for _ in range(DRAWS):
            each = [measures.correlation(_shuffled(rng, n), c, h) for rows in samples for n, c, h in rows]
            draws.append(statistics.finite_mean(each))
        p_value = statistics.null_p_value(float(finite.mean()), draws, "less")
    given = "" if choice.given == measures.GIVEN[2] else " | train loss"
    return _judge(
        SIZE_CLAIM, f"Spearman(number of parameters, {choice.predictor}{given})", found, "less", choice.case, p_value,
        "sizes shuffled over the models of each seed and noise",
    )  # fmt: skip


def _shuffled(rng: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """The numbers among them in another order, NaN where it was."""
    out, kept = sizes.copy(), np.isfinite(sizes)
    out[kept] = rng.permutation(sizes[kept])
    return out


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """Four statements on every side, then the identities."""
    out = []
    for case in CASES:
        notes = (_competitors(data, case), _trained_on_shuffled(data, case))
        for statement in STATEMENTS:
            main = Choice(case, statement.predictor)
            judged = judge(data, statement, main, null=True)
            rows = predictor_rows(data, statement, main)
            out.append(_noted(judged, notes).with_multiverse(rows))
        main = Choice(case, measures.SHARE, given="train loss")
        rows = [
            judge_basin(data, choice, quantile).row(quantile=f"{quantile:g}", **_texts(choice))
            for quantile in measures.QUANTILES
            for choice in (
                main,
                main._replace(given=measures.GIVEN[2]),
                main._replace(predictor=measures.VOLUME),
                main._replace(relative=1e-1),
            )
            if (quantile, choice) != (measures.QUANTILES[0], main)
        ]
        errors = _basin_errors(data, case)
        out.append(_noted(judge_basin(data, main, null=True), (errors,)).with_multiverse(rows))
        main = Choice(case, measures.NORM, given=measures.GIVEN[2])
        changes = [{"predictor": p} for p in (measures.TRACE, measures.DIMENSION, measures.VOLUME)]
        choices = [main._replace(given="train loss"), *(main._replace(**change) for change in changes)]
        rows = [judge_size(data, choice).row(**_texts(choice)) for choice in choices]
        out.append(judge_size(data, main, null=True).with_multiverse(rows))
    return (*out, *_calibrations(data))


def _noted(judged: Verdict, notes: Sequence[str]) -> Verdict:
    return dataclasses.replace(judged, notes=(*judged.notes, *notes))


def _interval(found: np.ndarray) -> str:
    values = found[np.isfinite(found)]
    if len(values) < 2:
        return "none"
    low, high = statistics.bootstrap_interval(values, n_resamples=999)
    return f"{values.mean():.2f} [{low:.2f}, {high:.2f}]"


def _competitors(data: xr.Dataset, case: str) -> str:
    """T of everything else that might predict the test error, in words."""
    others = [p for p in measures.PREDICTORS if p not in (measures.SHARE, measures.DIMENSION)]
    texts = [f"{p} {_interval(measures.correlations(data, Choice(case, p)))}" for p in others]
    return f"competitors, same T: {', '.join(texts)}"


def _trained_on_shuffled(data: xr.Dataset, case: str) -> str:
    texts = [
        f"{p} {_interval(measures.correlations(data, Choice(case, p, labels='shuffled')))}"
        for p in (measures.SHARE, measures.DIMENSION)
    ]
    return f"T of models trained on shuffled labels: {', '.join(texts)}"


def _basin_errors(data: xr.Dataset, case: str) -> str:
    found, _ = measures.basin_correlations(
        data, Choice(case), measures.QUANTILES[0], against=measures.start_errors(data, case)
    )
    return f"partial Spearman(frequency, test error | train loss): {_interval(found)}"


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    out = []
    for name in map(str, data["statistic"].values):
        ratio = data["reference_ratio"].sel(statistic=name).values
        interval = statistics.bootstrap_interval(ratio) if len(ratio) > 1 else (ratio[0], ratio[0])
        out.append(
            statistics.calibrate(
                f"mean field gives the {name} of F of wide random networks", "measured / theory",
                float(ratio.mean()), interval, direction="equal", bound=1.0, margin=0.1, n_seeds=len(ratio),
                side="network",
            )
        )  # fmt: skip
    worst = data["homogeneity_error"].values
    out.append(
        statistics.calibrate(
            "theta'F theta of bias-free rectifier networks is (L+1)^2 E<dl/df, f>^2", "largest relative error",
            float(worst.max()), (float(worst.min()), float(worst.max())), direction="less",
            bound=1e4 * float(data["epsilon"]), n_seeds=len(worst), side="network",
        )
    )  # fmt: skip
    order = data["eigenvalue"].sel(labels="given", unit="natural").sum("mode")
    excess = order.sel(case="circuit") / order.sel(case="circuit-quantum").where(lambda t: t > 0.0)
    largest = float(excess.max())
    out.append(
        statistics.calibrate(
            "F_C <= F_Q: the outcomes tell no more than the state", "largest tr F_C / tr F_Q", largest,
            (largest, largest), direction="less", bound=1.0, margin=1e-3, n_seeds=data.sizes["seed"], side="circuit",
        )
    )  # fmt: skip
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Test error against the share, T of every predictor, complexity against size."""
    clouds, forest, sizes = {}, {}, {}
    for case in CASES:
        choice = Choice(case)
        clouds[case] = (measures.predictor(data, choice), measures.outcomes(data, choice))
        forest[case] = {name: measures.correlations(data, Choice(case, name)) for name in measures.PREDICTORS}
        at = data.sel(case=case, labels="given")
        sizes[case] = (at["size"].values, at["fisher_rao"].values, at["noise"].values)
    return picture.draw(clouds, forest, sizes)
