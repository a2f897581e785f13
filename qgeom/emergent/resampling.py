"""Intervals by leaving nodes out: the jackknife, for statistics of pairs of nodes."""

from __future__ import annotations

import numpy as np
import scipy.stats


def jackknife(value: float, without: np.ndarray) -> tuple[float, float]:
    r"""Bias-corrected value and its standard error, from the values without each of m nodes or groups of nodes.

    .. math:: \hat\theta = m \theta - (m - 1) \bar\theta_{(\cdot)},\qquad
              s^2 = \frac{m - 1}{m} \sum_i (\theta_{(i)} - \bar\theta_{(\cdot)})^2

    Pairs share nodes and are not independent; nodes drawn independently are, and leaving a node out leaves out all
    its pairs (Efron and Stein 1981: the variance is, if anything, too large).
    """
    m, mean = len(without), float(np.mean(without))
    return m * value - (m - 1) * mean, float(np.sqrt((m - 1) / m * np.sum((without - mean) ** 2)))


def student_95(degrees: int) -> float:
    """Half width of the 95% interval in standard errors, for so many degrees of freedom."""
    return float(scipy.stats.t.ppf(0.975, degrees))
