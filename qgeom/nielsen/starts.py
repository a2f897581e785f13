r"""Where the search for the shortest path begins: paths that reach the target, from many sides.

* *branches*: straight lines of all sensible branches of the logarithm (:mod:`qgeom.nielsen.logarithms`);
* *dressed*: ``V = W^{-1} (W V W^{-1}) W`` with ``W = exp(+-pi/4 E_s)`` for a cheap direction s, the middle leg
  straight: a quarter turn that makes the target's dear directions cheap, if there is one;
* *detours*: straight to a random W in the cheap directions, then straight to V.

Each is an array of N piecewise-constant controls, ``U = exp(X_N / N) ... exp(X_1 / N)``, with a little noise in the
directions that are allowed, so that no start stands on a symmetry that its shortest path breaks.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg

from qgeom.nielsen.groups import Group
from qgeom.nielsen.logarithms import branches, finite_weights, principal_logarithm
from qgeom.nielsen.penalty import Penalty

NOISE = 0.03
"""Norm of the noise relative to the path's."""
MOST_DRESSINGS = 400
"""Cheap directions that are tried as dressing."""


class Start(NamedTuple):
    """A path to begin with: its kind and controls (N, m)."""

    kind: str
    segments: np.ndarray


def make_starts(
    penalty: Penalty, target: np.ndarray, count: int, segments: int, rng: np.random.Generator
) -> list[Start]:
    """About ``count`` starts: up to half of them branches, a quarter dressed lines, the rest detours."""
    lines = branches(penalty, target, max(1, count // 2), rng)
    found = [Start("branch", np.tile(line, (segments, 1))) for line in lines]
    found += [Start("dressed", path) for path in _dressed(penalty, target, max(0, count // 4), segments, rng)]
    scale = _scale(penalty, found)
    while len(found) < count or not found:
        found.append(Start("detour", _detour(penalty, target, scale, segments, rng)))
    return [Start(s.kind, s.segments + noise(penalty, s.segments, rng)) for s in found]


def noise(penalty: Penalty, path: np.ndarray, rng: np.random.Generator, size: float = NOISE) -> np.ndarray:
    """Smooth random controls in the metric's own measure, of norm ``size`` relative to the path."""
    inverse = np.asarray(penalty.inverse)
    count = path.shape[0]
    t = (np.arange(count) + 0.5) / count
    waves = np.stack([np.cos(np.pi * k * t) for k in range(4)], axis=1)
    controls = waves @ rng.normal(size=(4, path.shape[1])) * np.sqrt(inverse)
    weights = finite_weights(penalty)
    norm = np.sqrt(np.mean(np.sum(weights * path**2, axis=1)))
    own = np.sqrt(np.mean(np.sum(weights * controls**2, axis=1)))
    return controls * (size * min(norm, 10.0) / own)


def joined(legs: list[np.ndarray], penalty: Penalty, segments: int) -> np.ndarray:
    """One path of N segments from straight legs (m,) each, time shared out by their lengths."""
    weights = finite_weights(penalty)
    lengths = np.asarray([max(float(np.sqrt(np.sum(weights * leg**2))), 1e-12) for leg in legs])
    shares = np.maximum(1, np.round(segments * lengths / lengths.sum()).astype(int))
    while shares.sum() != segments:
        k = int(np.argmax(shares)) if shares.sum() > segments else int(np.argmax(lengths / shares))
        shares[k] += 1 if shares.sum() < segments else -1
    return np.concatenate([np.tile(leg * (segments / n), (n, 1)) for leg, n in zip(legs, shares)])


def resampled(path: np.ndarray, segments: int) -> np.ndarray:
    """Piecewise-constant controls (k, m) on N segments: averages over each of them."""
    count = path.shape[0]
    edges = np.linspace(0.0, 1.0, count + 1)
    sums = np.concatenate([np.zeros((1, path.shape[1])), np.cumsum(path / count, axis=0)])
    wanted = np.linspace(0.0, 1.0, segments + 1)
    at = np.stack([np.interp(wanted, edges, column) for column in sums.T], axis=1)
    return np.diff(at, axis=0) * segments


def _dressed(
    penalty: Penalty, target: np.ndarray, count: int, segments: int, rng: np.random.Generator
) -> list[np.ndarray]:
    if count == 0:
        return []
    group, weights = penalty.group, finite_weights(penalty)
    cheap = np.flatnonzero(weights < np.median(weights) * (1.0 - 1e-12))
    if len(cheap) == 0:
        cheap = np.argsort(weights, kind="stable")[: max(1, group.dimension // 2)]
    if len(cheap) > MOST_DRESSINGS:
        cheap = rng.choice(cheap, MOST_DRESSINGS, replace=False)
    found: list[tuple[float, np.ndarray]] = []
    for s in cheap:
        for sign in (1.0, -1.0):
            leg = np.zeros(group.dimension)
            leg[s] = sign * np.pi / 4.0
            w = group_exponential(group, leg)
            try:
                middle = principal_logarithm(group, w @ target @ np.linalg.inv(w))
            except ValueError:
                continue
            cost = 2.0 * np.sqrt(weights[s]) * np.pi / 4.0 + np.sqrt(np.sum(weights * middle**2))
            found.append((float(cost), joined([leg, middle, -leg], penalty, segments)))
    found.sort(key=lambda pair: pair[0])
    return [path for _, path in found[:count]]


def _detour(
    penalty: Penalty, target: np.ndarray, scale: float, segments: int, rng: np.random.Generator
) -> np.ndarray:
    group, inverse = penalty.group, np.asarray(penalty.inverse)
    for _ in range(20):
        leg = rng.normal(size=group.dimension) * np.sqrt(inverse)
        leg *= rng.uniform(0.2, 0.8) * scale / np.sqrt(np.sum(finite_weights(penalty) * leg**2))
        w = group_exponential(group, leg)
        try:
            rest = principal_logarithm(group, target @ np.linalg.inv(w))
        except ValueError:
            continue
        return joined([leg, rest], penalty, segments)
    raise ValueError(
        "no start reaches the target: it has no real logarithm, nor have 20 products of it with random maps; "
        "pass a path as `initial`"
    )


def group_exponential(group: Group, h: np.ndarray) -> np.ndarray:
    """``exp(generator(h))`` by SciPy."""
    return scipy.linalg.expm(np.asarray(group.generator(np.asarray(h))))


def _scale(penalty: Penalty, found: list[Start]) -> float:
    """Length of the cheapest start, but no more than that of a few turns in cheap directions."""
    if not found:
        return 3.0
    weights = finite_weights(penalty)
    costs = [np.sqrt(np.mean(np.sum(weights * start.segments**2, axis=1))) for start in found]
    return float(min(min(costs), 4.0 * np.sqrt(weights.min())))
