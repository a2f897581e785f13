"""Predictors of generalisation read from spectra and norms, and the correlations that ``generalization`` judges."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import xarray as xr

from qgeom.experiments import statistics
from qgeom.information.capacity import resolution

SHARE, DIMENSION, VOLUME = "share of small eigenvalues", "effective dimension", "local volume"
NORM, TRACE, TWO_NORM, PATH_NORM = "Fisher-Rao norm", "trace of F", "2-norm", "path norm"
PREDICTORS = (SHARE, DIMENSION, VOLUME, NORM, TRACE, TWO_NORM, PATH_NORM)
GIVEN = ("train loss, width", "train loss, width, noise", "nothing")
TARGETS = ("test error", "test loss")
QUANTILES = (0.25, 0.1, 0.5)
"""Radius of a basin among the distances of the end points of a seed; the first is the verdict's."""
_FEWEST_SAMPLES = 20
"""Fewer have no resolution above 1, which the effective dimension needs."""
FEWEST = 6
"""Models that a correlation needs."""


class Choice(NamedTuple):
    """What a correlation is read from."""

    case: str
    predictor: str = SHARE
    unit: str = "natural"
    relative: float = 1e-3
    target: str = TARGETS[0]
    given: str = GIVEN[0]
    labels: str = "given"


def predictor(data: xr.Dataset, choice: Choice, prefix: str = "") -> np.ndarray:
    """Values of a predictor, (seed, model); NaN where there is no model.

    * share of small eigenvalues: below ``relative`` times the mean;
    * effective dimension: ``ln det(1 + kappa F-hat) / ln kappa``, ``F-hat = P F / tr F``, at the trained parameters;
    * local volume: ``-1/2 sum ln(1 + n s^2 lambda)``, the logarithm of the mean of ``exp(-n d' F d / 2)`` over normal
      displacements d of standard deviation s: the Gaussian-smoothed volume in which n samples see no difference;
    * Fisher-Rao norm ``sqrt(theta' F theta)``, trace of F, 2-norm and path norm.

    Args:
        prefix: "start_" for the models of the random starts.
    """
    at = data.sel(case=choice.case)
    if not prefix:
        at = at.sel(labels=choice.labels)
    if choice.predictor == NORM:
        return at[f"{prefix}fisher_rao"].values
    if choice.predictor in (TWO_NORM, PATH_NORM):
        return at[f"{prefix}norms"].sel(norm=choice.predictor).values
    values = at[f"{prefix}eigenvalue"].sel(unit=choice.unit).values  # the modes are last
    if choice.predictor == SHARE:
        return small_shares(values, choice.relative)
    n = int(data.attrs["training_inputs"])
    if choice.predictor == DIMENSION:
        return effective_dimensions(values, resolution(max(n, _FEWEST_SAMPLES)))
    if choice.predictor == VOLUME:
        return local_volumes(values, n * float(data.attrs["smoothing"]) ** 2)
    return _total(values)


def small_shares(eigenvalues: np.ndarray, relative: float) -> np.ndarray:
    """Share of the eigenvalues, last axis, NaN where there is none, below ``relative`` times their mean."""
    count = np.isfinite(eigenvalues).sum(axis=-1)
    mean = _total(eigenvalues) / np.maximum(count, 1)
    with np.errstate(invalid="ignore"):
        small = (eigenvalues < relative * mean[..., None]).sum(axis=-1)
    return np.where(count > 0, np.where(mean > 0.0, small / np.maximum(count, 1), 1.0), np.nan)


def effective_dimensions(eigenvalues: np.ndarray, kappa: float) -> np.ndarray:
    """``ln det(1 + kappa P F / tr F) / ln kappa`` at one point; 0 for the zero metric."""
    count, total = np.isfinite(eigenvalues).sum(axis=-1), _total(eigenvalues)
    scale = np.where(total > 0.0, count / np.where(total > 0.0, total, 1.0), 0.0)
    return _total(np.log1p(kappa * scale[..., None] * eigenvalues)) / np.log(kappa)


def local_volumes(eigenvalues: np.ndarray, precision: float) -> np.ndarray:
    """``-1/2 sum ln(1 + precision lambda)``."""
    return -0.5 * _total(np.log1p(precision * eigenvalues))


def _total(values: np.ndarray) -> np.ndarray:
    """Sum over the last axis; NaN where there is nothing to add."""
    return np.where(np.isfinite(values).any(axis=-1), np.nansum(values, axis=-1), np.nan)


# --- test error ------------------------------------------------------------


def outcomes(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """Test error, or test loss in nat, (seed, model)."""
    at = data.sel(case=choice.case, labels=choice.labels)
    if choice.target == TARGETS[1]:
        return at["test_loss"].values
    return errors(at["prediction"].values, data["test_label"].values)


def errors(predictions: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Share of wrong classes: predictions (seed, model, test), labels (seed, test); NaN where there is no model."""
    wrong = (predictions != labels[:, None, :]).mean(axis=-1)
    return np.where(np.isfinite(predictions).all(axis=-1), wrong, np.nan)


def controls(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """What is held fixed, (seed, model, how many)."""
    at = data.sel(case=choice.case, labels=choice.labels)
    loss = at["train_loss"].values
    if choice.given == GIVEN[2]:
        return np.zeros((*loss.shape, 0))
    names = ("width", "noise") if choice.given == GIVEN[1] else ("width",)
    return np.stack([loss, *(np.broadcast_to(at[name].values, loss.shape) for name in names)], axis=-1)


def correlation(x: np.ndarray, y: np.ndarray, given: np.ndarray) -> float:
    """Partial Spearman correlation over models; NaN for too few of them, or for an ``x`` or ``y`` that is constant."""
    kept = np.isfinite(x) & np.isfinite(y) & np.isfinite(given).all(axis=-1)
    x, y, given = x[kept], y[kept], given[kept]
    if kept.sum() < FEWEST or np.ptp(x) == 0.0 or np.ptp(y) == 0.0:
        return float("nan")
    if given.shape[-1] == 0:
        return statistics.spearman(x, y)
    return statistics.partial_spearman(x, y, given)


def correlations(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """T of every seed, NaN where it has none."""
    rows = zip(predictor(data, choice), outcomes(data, choice), controls(data, choice), strict=True)
    return np.array([correlation(*row) for row in rows])


def shuffled_correlations(data: xr.Dataset, choice: Choice, draws: int) -> np.ndarray:
    """Mean T when the test labels of every seed are shuffled, the same way for all its models, (draws,)."""
    rng = np.random.default_rng(0)
    x, given, labels = predictor(data, choice), controls(data, choice), data["test_label"].values
    predictions = data["prediction"].sel(case=choice.case, labels=choice.labels).values
    found = []
    for _ in range(draws):
        y = errors(predictions, rng.permuted(labels, axis=1))
        found.append(_mean(np.array([correlation(*row) for row in zip(x, y, given, strict=True)])))
    return np.array(found)


def _mean(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if finite.size else float("nan")


# --- basins ----------------------------------------------------------------


def frequencies(distances: np.ndarray, quantile: float) -> np.ndarray:
    """Share of the other starts that end within a radius, (seed, start).

    Args:
        distances: of the end points of every seed, (seed, start, start).
        quantile: which of the distances of the seed is the radius.
    """
    count = distances.shape[-1]
    upper = np.triu_indices(count, 1)
    out = np.zeros(distances.shape[:2])
    for s, own in enumerate(distances):
        radius = np.quantile(own[upper], quantile)
        out[s] = ((own <= radius).sum(axis=-1) - 1) / (count - 1)
    return out


def basin_correlations(
    data: xr.Dataset, choice: Choice, quantile: float, against: np.ndarray | None = None
) -> tuple[np.ndarray, list[tuple[np.ndarray, ...]]]:
    """T of every seed over its random starts, and the samples it is made of: predictor, frequency, train loss.

    Args:
        against: (seed, start), in place of the predictor.
    """
    at = data.sel(case=choice.case)
    x = predictor(data, choice, "start_") if against is None else against
    loss = at["start_train_loss"].values[..., None]
    if choice.given == GIVEN[2]:
        loss = loss[..., :0]
    rows = list(zip(x, frequencies(at["start_distance"].values, quantile), loss, strict=True))
    return np.array([correlation(*row) for row in rows]), rows


def start_errors(data: xr.Dataset, case: str) -> np.ndarray:
    """Test error of the models of the random starts, (seed, start)."""
    return errors(data["start_prediction"].sel(case=case).values, data["test_label"].values)


# --- size ------------------------------------------------------------------


def size_samples(data: xr.Dataset, choice: Choice) -> list[list[tuple[np.ndarray, np.ndarray, np.ndarray]]]:
    """By seed and noise level: number of parameters, complexity, and what is given."""
    at = data.sel(case=choice.case, labels=choice.labels)
    complexity, loss = predictor(data, choice), at["train_loss"].values
    if choice.predictor == VOLUME:
        complexity = -complexity
    size, noise = at["size"].values, at["noise"].values
    levels = np.unique(noise[np.isfinite(noise)])
    held = loss[..., None] if choice.given != GIVEN[2] else loss[..., None][..., :0]
    return [
        [(np.where(noise == level, size, np.nan), c, h) for level in levels]
        for c, h in zip(complexity, held, strict=True)
    ]


def size_correlations(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """Spearman's correlation of size and complexity at one noise level, averaged over the levels of a seed."""
    return np.array(
        [_mean(np.array([correlation(*row) for row in rows])) for rows in size_samples(data, choice)]
    )
