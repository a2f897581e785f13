"""Statistics of the verdicts: intervals over seeds, nulls, rank correlations, and the rule that judges.

The rule, one for every experiment. One statistic T per claim, its 95% bootstrap interval over at least 10 seeds, a
margin around the value T has under the null (0 for a correlation, 1 for a ratio):

* *supported*: the interval lies beyond the margin on the claimed side;
* *refuted*: it lies beyond the margin on the other side, or wholly inside the margin;
* *inconclusive*: anything else.

Identities are *calibration*: they pass or fail, and are never called supported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.stats

Direction = Literal["greater", "less", "equal"]
Alternative = Literal["greater", "less", "two-sided"]
Outcome = Literal["supported", "refuted", "inconclusive", "calibration-pass", "calibration-fail"]
Interval = tuple[float, float]
Statistic = Callable[..., float]

LEVEL = 0.95
MIN_SEEDS = 10
RANK_MARGIN = 0.2
"""Margin for rank correlations."""
RATIO_MARGIN = 0.1
"""Margin for ratios, around 1."""


# --- intervals -------------------------------------------------------------------------------------------------------


def bootstrap_interval(
    *samples: npt.ArrayLike,
    statistic: Statistic = np.mean,
    level: float = LEVEL,
    method: Literal["BCa", "percentile"] = "BCa",
    n_resamples: int = 4999,
    expand: bool = True,
    seed: int = 0,
) -> Interval:
    r"""Bootstrap confidence interval of ``statistic(*samples)``; several samples are resampled together, by row.

    BCa (Efron 1987) by default. A bootstrap from n seeds is too narrow by about :math:`\sqrt{(n-1)/n}` and by the
    difference of Student and Gauss; ``expand`` corrects for both by widening the nominal level,
    :math:`\alpha'/2 = \Phi(-\sqrt{n/(n-1)}\,t_{\alpha/2,\,n-1})` (Hesterberg, Am. Stat. 69, 371 (2015), section 5.3).

    Args:
        samples: arrays of equal first axis, one row per seed; a sample given beside another is paired with it.
        statistic: of those arrays, a number.
        level: coverage.
        method: ``"BCa"`` or ``"percentile"``.
        n_resamples: resamples drawn.
        expand: correct for few seeds.
        seed: of the resampling, so that a verdict can be repeated.

    Returns:
        ``(low, high)``; both the estimate itself where all resamples agree; ``nan`` where it is not a number.

    Raises:
        ValueError: for fewer than 2 rows, rows that do not match, or a level outside (0, 1).
    """
    arrays = [np.asarray(sample, dtype=float) for sample in samples]
    rows = {len(array) for array in arrays}
    if not arrays or len(rows) != 1 or min(rows) < 2:
        raise ValueError(f"a bootstrap needs samples of equal length, at least 2; got lengths {sorted(rows)}")
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval is between 0 and 1, not {level}")
    n = rows.pop()
    estimate = float(statistic(*arrays))
    draws = np.random.default_rng(seed).integers(0, n, (n_resamples, n))
    if statistic is np.mean and arrays[0].ndim == 1:  # thousands of calls in one
        resampled = np.mean(arrays[0][draws], axis=1)
    else:
        resampled = np.array([statistic(*(array[draw] for array in arrays)) for draw in draws])
    # A resample can be degenerate, e.g. a correlation of repeated rows: it says nothing.
    resampled = np.sort(resampled[np.isfinite(resampled)])
    if not math.isfinite(estimate) or resampled.size < n_resamples / 2:
        return math.nan, math.nan
    if resampled[0] == resampled[-1]:
        return float(resampled[0]), float(resampled[-1])
    # In units of standard deviations: for two seeds and `expand` the level itself rounds to one.
    width = float(scipy.stats.norm.isf((1 - level) / 2))
    if expand:
        width = math.sqrt(n / (n - 1)) * float(scipy.stats.t.isf((1 - level) / 2, n - 1))
    scores = np.array([-width, width])
    if method == "BCa":
        scores = _bca(scores, arrays, statistic, estimate, resampled)
    low, high = np.quantile(resampled, scipy.stats.norm.cdf(scores))
    return float(low), float(high)


def _bca(
    scores: np.ndarray,
    arrays: Sequence[np.ndarray],
    statistic: Statistic,
    estimate: float,
    resampled: np.ndarray,
) -> np.ndarray:
    """Normal scores corrected for bias and skewness: Efron, J. Am. Stat. Assoc. 82, 171 (1987)."""
    below = (np.sum(resampled < estimate) + np.sum(resampled <= estimate)) / (2 * resampled.size)
    if not 0 < below < 1:
        return scores
    bias = scipy.stats.norm.ppf(below)
    left_out = [statistic(*(np.delete(array, i, axis=0) for array in arrays)) for i in range(len(arrays[0]))]
    deviation = np.mean(left_out) - np.asarray(left_out)
    spread = np.sum(deviation**2) ** 1.5
    acceleration = np.sum(deviation**3) / (6 * spread) if np.isfinite(spread) and spread > 0 else 0.0
    shifted = bias + scores
    stretch = 1 - acceleration * shifted
    # Beyond the pole of the correction the percentile is that of the extreme.
    safe = np.where(stretch > 0, stretch, 1.0)
    return np.where(stretch > 0, bias + shifted / safe, np.copysign(np.inf, shifted))


# --- nulls -----------------------------------------------------------------------------------------------------------


def paired_test(
    treated: npt.ArrayLike,
    control: npt.ArrayLike,
    alternative: Alternative = "two-sided",
    n_resamples: int = 9999,
    seed: int = 0,
) -> float:
    """p-value of the mean paired difference under random signs; exact for 13 pairs or fewer."""
    first, second = np.asarray(treated, dtype=float), np.asarray(control, dtype=float)
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"paired samples have one length; got shapes {first.shape} and {second.shape}")
    result = scipy.stats.permutation_test(
        (first, second),
        lambda a, b, axis: np.mean(a - b, axis=axis),
        permutation_type="samples",
        vectorized=True,
        alternative=alternative,
        n_resamples=n_resamples,
        rng=np.random.default_rng(seed),
    )
    return float(result.pvalue)


def permutation_test(
    statistic: Statistic,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    alternative: Alternative = "two-sided",
    n_resamples: int = 4999,
    seed: int = 0,
) -> float:
    """p-value of ``statistic(x, y)``, e.g. a correlation, when ``x`` is shuffled against ``y``."""
    first, second = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
    generator = np.random.default_rng(seed)
    null = [statistic(generator.permutation(first), second) for _ in range(n_resamples)]
    return null_p_value(float(statistic(first, second)), null, alternative)


def null_p_value(observed: float, null: npt.ArrayLike, alternative: Alternative = "two-sided") -> float:
    """p-value of a value against draws from a null model, ``(1 + #as extreme) / (1 + #draws)``.

    Never zero (Phipson and Smyth, Stat. Appl. Genet. Mol. Biol. 9, 39 (2010)); two-sided is twice the smaller tail.
    ``nan`` where the value is not a number, or nothing is left of the null.
    """
    draws = np.asarray(null, dtype=float)
    draws = draws[np.isfinite(draws)]
    if not math.isfinite(observed) or draws.size == 0:
        return math.nan
    # Ties up to rounding count as extreme, as in scipy.
    slack = abs(observed) * 1e-14
    greater = (1 + np.sum(draws >= observed - slack)) / (1 + draws.size)
    less = (1 + np.sum(draws <= observed + slack)) / (1 + draws.size)
    if alternative == "two-sided":
        return float(min(1.0, 2 * min(greater, less)))
    return float(greater if alternative == "greater" else less)


def finite_mean(sample: npt.ArrayLike, axis: int | None = None) -> Any:
    """The mean of the finite values, along an axis or of all; ``nan`` where there are none."""
    values = np.asarray(sample, dtype=float)
    finite = np.isfinite(values)
    count = finite.sum(axis=axis)
    mean = np.where(finite, values, 0.0).sum(axis=axis) / np.maximum(count, 1)
    return np.where(count > 0, mean, np.nan) if axis is not None else float(mean) if count else math.nan


# --- rank correlations -----------------------------------------------------------------------------------------------


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Spearman's rank correlation, ties by their mean rank; ``nan`` where one side is constant."""
    return _pearson(_ranks(x), _ranks(y))


def partial_spearman(x: npt.ArrayLike, y: npt.ArrayLike, given: npt.ArrayLike) -> float:
    """Spearman's correlation of ``x`` and ``y`` given others: Pearson's of the residuals of their ranks.

    Args:
        x, y: shape ``(n,)``.
        given: shape ``(n,)``, or ``(n, k)`` for k of them.
    """
    others = np.asarray(given, dtype=float)
    columns = others.reshape(len(others), -1).T
    design = np.column_stack([np.ones(len(others)), *(_ranks(column) for column in columns)])
    if len(others) <= design.shape[1] + 1:
        return math.nan

    def residual(sample: npt.ArrayLike) -> np.ndarray:
        ranks = _ranks(sample)
        left = ranks - design @ np.linalg.lstsq(design, ranks, rcond=None)[0]
        # What `given` explains wholly leaves rounding errors, whose correlation means nothing.
        return left if np.linalg.norm(left) > 1e-9 * np.linalg.norm(ranks) else np.zeros_like(left)

    return _pearson(residual(x), residual(y))


def _ranks(sample: npt.ArrayLike) -> np.ndarray:
    # As scipy.stats.rankdata, without its checks: bootstraps call it thousands of times.
    values, place, counts = np.unique(
        np.asarray(sample, dtype=float), return_inverse=True, return_counts=True
    )
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return np.full_like(ranks, math.nan) if np.isnan(values[-1:]).any() else ranks


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"a correlation needs two samples of one length; got shapes {x.shape} and {y.shape}")
    x, y = x - x.mean(), y - y.mean()
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return min(1.0, max(-1.0, float(x @ y) / norm)) if norm > 0 else math.nan


# --- the rule --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What an experiment says about a claim, with everything needed to check it."""

    claim: str
    statistic: str
    """What T is, in words or a formula."""
    estimate: float
    interval: Interval
    margin: float
    direction: Direction
    """The claimed side: T greater than, less than, or equal to the null value, by more than (or within) the margin."""
    null: float
    """The value of T if there were no effect: 0 for a correlation, 1 for a ratio."""
    p_value: float
    """Of the null model; ``nan`` where there is none."""
    n_seeds: int
    outcome: Outcome
    side: str = ""
    """``"circuit"``, ``"network"``, or empty where both are one."""
    null_model: str = ""
    """What was shuffled or replaced."""
    notes: tuple[str, ...] = ()
    multiverse: tuple[Mapping[str, Any], ...] = field(default=())
    """The same verdict under every other reasonable choice: rows made by :meth:`row`."""

    @property
    def construction_dependent(self) -> bool:
        """Whether the conclusion changes with the choices of the multiverse."""
        return len({self.outcome, *(row["outcome"] for row in self.multiverse)}) > 1

    def row(self, **choices: str) -> dict[str, Any]:
        """This verdict as a row of another's multiverse, under the choices it was made with."""
        low, high = self.interval
        return {**choices, "estimate": self.estimate, "low": low, "high": high, "outcome": self.outcome}

    def with_multiverse(self, rows: Sequence[Mapping[str, Any]]) -> Verdict:
        """The same verdict with its multiverse, and a note where the conclusion depends on the construction."""
        verdict = replace(self, multiverse=tuple(dict(row) for row in rows))
        if verdict.construction_dependent:
            return replace(verdict, notes=(*self.notes, "construction-dependent: see the multiverse table"))
        return verdict

    def line(self) -> str:
        """One line for the terminal."""
        side = f"{self.side}: " if self.side else ""
        p_value = "" if math.isnan(self.p_value) else f", p = {self.p_value:.2g}"
        low, high = self.interval
        return (
            f"{side}{self.outcome}  {self.statistic} = {self.estimate:.4g} [{low:.4g}, {high:.4g}]{p_value}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return {**asdict(self), "construction_dependent": self.construction_dependent}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Verdict:
        """The inverse of :meth:`to_dict`."""
        kept = {key: value for key, value in values.items() if key != "construction_dependent"}
        low, high = kept["interval"]
        kept["interval"] = (float(low), float(high))
        kept["notes"], kept["multiverse"] = tuple(kept["notes"]), tuple(kept["multiverse"])
        return cls(**kept)


def outcome_of(interval: Interval, margin: float, direction: Direction, null: float = 0.0) -> Outcome:
    """The rule itself: see the head of this module.

    ``"equal"`` claims that T *is* the null value (a slope of 1): supported wholly inside the margin, refuted beyond it
    on either side.

    Raises:
        ValueError: for a margin that is not positive.
    """
    if not margin > 0:
        raise ValueError(f"a margin is positive, not {margin}")
    low, high = interval
    if not low <= high:
        return "inconclusive"
    above, below = low > null + margin, high < null - margin
    inside = null - margin <= low and high <= null + margin
    if direction == "equal":
        return "supported" if inside else "refuted" if above or below else "inconclusive"
    claimed, other = (above, below) if direction == "greater" else (below, above)
    return "supported" if claimed else "refuted" if other or inside else "inconclusive"


def judge(
    claim: str,
    statistic: str,
    estimate: float,
    interval: Interval,
    *,
    direction: Direction,
    n_seeds: int,
    margin: float = RANK_MARGIN,
    null: float = 0.0,
    p_value: float = math.nan,
    null_model: str = "",
    side: str = "",
    notes: Sequence[str] = (),
) -> Verdict:
    """Apply the rule to a claim. Fewer than 10 seeds, or a T that is not a number, settle nothing."""
    outcome = outcome_of(interval, margin, direction, null)
    remarks = list(notes)
    if not math.isfinite(estimate) or not all(math.isfinite(end) for end in interval):
        outcome = "inconclusive"
        remarks.append("T is not a finite number on this data")
    elif n_seeds < MIN_SEEDS:
        outcome = "inconclusive"
        remarks.append(f"{n_seeds} seeds; a verdict needs at least {MIN_SEEDS}")
    if outcome == "supported" and direction != "equal" and p_value > 1 - LEVEL:
        remarks.append(f"the null model alone is not excluded (p = {p_value:.2g})")
    return Verdict(
        claim, statistic, float(estimate), _floats(interval), margin, direction, null, p_value, n_seeds, outcome,
        side, null_model, tuple(remarks),
    )  # fmt: skip


def calibrate(
    claim: str,
    statistic: str,
    estimate: float,
    interval: Interval,
    *,
    direction: Direction,
    bound: float,
    n_seeds: int,
    margin: float = 0.0,
    p_value: float = math.nan,
    null_model: str = "",
    side: str = "",
    notes: Sequence[str] = (),
) -> Verdict:
    """Judge an identity: it passes where the whole interval keeps the bound, give or take the margin."""
    low, high = interval
    keeps_low, keeps_high = low >= bound - margin, high <= bound + margin
    passed = {"greater": keeps_low, "less": keeps_high, "equal": keeps_low and keeps_high}[direction]
    outcome: Outcome = "calibration-pass" if passed and math.isfinite(estimate) else "calibration-fail"
    return Verdict(
        claim, statistic, float(estimate), _floats(interval), margin, direction, bound, p_value, n_seeds, outcome,
        side, null_model, tuple(notes),
    )  # fmt: skip


def _floats(interval: Interval) -> Interval:
    return float(interval[0]), float(interval[1])
