"""Tandem repeats: a long sequence of keys as few runs of a repeated body, so that a deep circuit compiles once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Run(NamedTuple):
    """Positions ``start .. start + period * repeats`` hold ``repeats`` copies of the first ``period`` keys."""

    start: int
    period: int
    repeats: int


def _run_lengths(equal: np.ndarray) -> np.ndarray:
    """For each position, how many consecutive True follow, itself included."""
    n = len(equal)
    false_at = np.where(equal, n, np.arange(n))
    next_false = np.minimum.accumulate(false_at[::-1])[::-1]
    return next_false - np.arange(n)


def _candidate_periods(keys: np.ndarray, limit: int) -> np.ndarray:
    """Distances between successive occurrences of equal keys, most frequent first.

    The period of a long tandem repeat is a sum of successive distances of each key in it; for the key that is rarest
    inside the body it is one such distance, so looking at each key's own gaps finds it.
    """
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    gaps = (order[1:] - order[:-1])[same]
    # bodies in which every key occurs several times: sums of a few gaps
    sums = [gaps]
    for k in (2, 3, 4):
        if len(order) > k:
            far = keys[order][k:] == keys[order][:-k]
            sums.append((order[k:] - order[:-k])[far])
    values, counts = np.unique(np.concatenate(sums), return_counts=True)
    return values[np.argsort(-counts, kind="stable")][:limit]


def tandem_repeats(keys: np.ndarray, least_saving: int = 8, limit: int = 256) -> list[Run]:
    """Cover a sequence by runs, longest savings first; what repeats nowhere is a run of one repeat.

    Args:
        keys: integers, one per element; equal keys mark interchangeable elements.
        least_saving: shorter repeats are not worth the loss of fusion across the ends of the body.
        limit: how many candidate periods are tried; the cost is ``limit * len(keys)`` comparisons.

    Returns:
        Runs in order of position that cover every element once.
    """
    n = len(keys)
    if n == 0:
        return []
    found: list[tuple[int, int, int]] = []  # saving, start, period
    for period in _candidate_periods(keys, limit):
        period = int(period)
        if not 0 < period <= n // 2:
            continue
        lengths = _run_lengths(keys[:-period] == keys[period:])
        starts = np.flatnonzero(
            (lengths >= max(period, least_saving)) & np.r_[True, lengths[:-1] < lengths[1:]][: len(lengths)]
        )
        found += [(int(lengths[s]), int(s), period) for s in starts]
    # the largest saving first; among equals the shortest period, then the earliest
    found.sort(key=lambda f: (-(f[0] // f[2]) * f[2], f[2], f[1]))
    taken = np.zeros(n, dtype=bool)
    runs: list[Run] = []
    for saving, start, period in found:
        repeats = saving // period + 1
        end = start + period * repeats
        if not taken[start:end].any():
            taken[start:end] = True
            runs.append(Run(start, period, repeats))
    position = 0
    cover: list[Run] = []
    for run in sorted(runs):
        if run.start > position:
            cover.append(Run(position, run.start - position, 1))
        cover.append(run)
        position = run.start + run.period * run.repeats
    if position < n:
        cover.append(Run(position, n - position, 1))
    return cover
