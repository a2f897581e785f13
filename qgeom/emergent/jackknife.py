"""The spread of a statistic over data: standard errors by leaving out groups of the data in turn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

GROUPS = 8
"""Groups the data are split into; fewer where there are fewer data."""


def split(n: int, groups: int = GROUPS) -> list[np.ndarray]:
    """Positions of n data, dealt in turn to at most ``groups`` groups."""
    return [np.arange(k, n, groups) for k in range(min(groups, n))]


def jackknife(
    parts: np.ndarray, sizes: np.ndarray, statistic: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Delete-a-group standard error of ``statistic(mean of the parts)``.

    Args:
        parts: (groups, ...): means over each group.
        sizes: (groups,): data in each.
        statistic: From a mean (...) to an array.

    Returns ``sqrt((k - 1) / k sum_i (s_i - mean s)^2)`` with ``s_i`` the statistic without group i (Efron and Stein,
    Ann. Statist. 9, 586 (1981)).
    """
    k = len(parts)
    total = np.tensordot(sizes, parts, axes=1)
    rest = np.sum(sizes) - sizes
    left = np.stack([statistic((total - sizes[i] * parts[i]) / rest[i]) for i in range(k)])
    return np.sqrt((k - 1) / k * np.sum((left - left.mean(axis=0)) ** 2, axis=0))
