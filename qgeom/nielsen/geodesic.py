r"""The shortest geodesic to a target, and what is certified about it.

The length of the shortest path is Nielsen's complexity. What :func:`minimal_geodesic` returns is an *upper* bound by a
path that is there to be run; that it is a local minimum is decided by the test for conjugate points; a *lower* bound is
proven (:mod:`qgeom.nielsen.bounds`). Nothing short of their equality proves that it is the shortest of all: the gap
says how much room is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import circuits
from qgeom.nielsen.bounds import LowerBound, lower_bound
from qgeom.nielsen.budget import Reporter, Watch
from qgeom.nielsen.built import circuit_controls
from qgeom.nielsen.flow import ORDER, end_of, flow
from qgeom.nielsen.jacobi import Conjugate
from qgeom.nielsen.logarithms import principal_logarithm
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.relaxation import path_of
from qgeom.nielsen.search import SAME_LENGTH, SAME_PATH, Candidate, Search, check_memory, effort_for
from qgeom.nielsen.targets import target_matrix


@dataclass(frozen=True)
class Geodesic:
    """A path to the target, the shortest that was found, in time [0, 1] at constant speed.

    Attributes:
        penalty: The metric.
        target: The matrix that is reached, (s, s).
        length: ``sqrt(sum_a w_a h_a^2)``, in radians where a weight is 1.
        upper_bound: The length, plus that of closing what the path leaves open (``residual`` and the ``error`` of its
            integration) at the largest weight: an upper bound of the distance to rounding. With infinite weights the
            length itself, to a target missed by as much.
        lower_bound: A proven lower bound of the distance.
        bound: How it was proven.
        conjugate_time: First conjugate point in (0, 1]: ``inf`` if there is none, 1.0 if it is the end itself, nan if
            it was not tested.
        index: Number of conjugate points before the end (Morse index); None if it was not tested.
        residual: Flat distance of the path's end from the target.
        error: Estimated distance of the path's end from that of the exact geodesic; 0 for a path of segments.
        energy_drift: Largest relative change of ``<X, G X>`` along the path; nan if this is no geodesic.
        times: (N + 1,).
        path: U at these times, (N + 1, s, s).
        controls: h at these times, (N + 1, m).
        momentum: L(0) = G h(0), (m,).
        segments: Piecewise-constant controls (k, m) of the path, ``U = exp(X_k / k) ... exp(X_1 / k)``.
        is_geodesic: Whether it solves the geodesic equation; else it is a relaxed path.
        complete: False if the time budget ended the search.
        unique: False if another path of the same length was found, or if the end is conjugate to the start: the
            target lies on the cut locus, as far as is known.
        alternatives: Other geodesics, shortest first; each a local minimum only if its own index is 0.
        kind: The start it came from.
    """

    penalty: Penalty
    target: np.ndarray
    length: float
    upper_bound: float
    lower_bound: float
    bound: LowerBound
    conjugate_time: float
    index: int | None
    residual: float
    error: float
    energy_drift: float
    times: np.ndarray
    path: np.ndarray
    controls: np.ndarray
    momentum: np.ndarray
    segments: np.ndarray
    is_geodesic: bool
    complete: bool = True
    unique: bool = True
    alternatives: tuple[Geodesic, ...] = field(default=(), repr=False)
    kind: str = ""

    @property
    def initial_controls(self) -> np.ndarray:
        """h(0), (m,)."""
        return self.controls[0]

    @property
    def locally_minimal(self) -> bool | None:
        """No conjugate point before the end; None if it was not tested."""
        return None if self.index is None else self.index == 0

    @property
    def gap(self) -> float:
        """``(upper - lower) / upper``: 0 proves that the path is the shortest."""
        if self.upper_bound == 0.0:
            return 0.0
        return max(0.0, 1.0 - self.lower_bound / self.upper_bound)

    def largest_controls(self, count: int = 8) -> list[tuple[str, float]]:
        """Directions by their share of the squared length: name and ``w_a int h_a^2 dt / length^2``."""
        weights = np.asarray(self.penalty.weights)
        squares = np.mean(self.segments**2, axis=0)
        share = np.where(squares > 0.0, np.where(np.isfinite(weights), weights, 0.0) * squares, 0.0)
        share = share / max(share.sum(), 1e-300)
        names = self.penalty.group.names
        return [(names[k], float(share[k])) for k in np.argsort(-share, kind="stable")[:count]]

    def __repr__(self) -> str:
        tested = {
            None: "not tested for conjugate points",
            True: "locally shortest",
            False: f"a saddle of index {self.index}",
        }[self.locally_minimal]
        if self.conjugate_time == 1.0 and self.index == 0:
            tested = "locally shortest, its end conjugate to its start"
        extra = "" if self.unique else "; other paths are as long"
        cut = "" if self.complete else "; the time budget ended the search"
        what = "Geodesic" if self.is_geodesic else "Path (relaxed, no geodesic)"
        return (
            f"{what}(length {self.length:.6g} in [{self.lower_bound:.6g}, {self.upper_bound:.6g}], gap {self.gap:.1%}, "
            f"{tested}; misses the target by {self.residual:.1e}{extra}{cut}; {self.penalty}, float64)"
        )


def minimal_geodesic(
    target: Any,
    penalty: Penalty,
    *,
    key: Array | None = None,
    time_budget: float | None = None,
    starts: int | None = None,
    segments: int | None = None,
    initial: Sequence[np.ndarray] = (),
    progress: Reporter | None = None,
) -> Geodesic:
    r"""The shortest path from the identity to a target that many starts, relaxation and shooting find.

    Global phase is ignored on the unitary groups. Runs in float64, so x64 must be enabled.

    Args:
        target: A matrix of the group; a ``PauliSum`` H for ``exp(-i H)``; or ``(circuit, theta)``, whose own path is
            then one of the starts.
        penalty: The metric, e.g. ``local_penalty(3, q=10.0)``.
        key: Random key of the starts; ``jax.random.key(0)`` by default.
        time_budget: Seconds, compilation included; then the best path so far comes back with ``complete = False``. It
            is looked at between steps, so that one step or compilation may overrun it.
        starts: Number of starts (24, 24, 12, 6 for n = 2 to 5).
        segments: Segments of a path under relaxation (16).
        initial: Further starts, piecewise-constant controls (k, m) each.
        progress: Reports stages and steps, e.g. the bar of ``qgeom.progress.progress_bar()``.

    Raises ValueError in one line if the target is not in the group (with the distance from it) or of the wrong size,
    if it cannot be reached because it takes forbidden directions alone, or if x64 is not enabled. MemoryError, before
    anything is allocated, if paths of this dimension do not fit; where only the test for conjugate points does not,
    the result is not tested.
    """
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError(
            "geodesics need double precision: jax.config.update('jax_enable_x64', True), or JAX_ENABLE_X64=1"
        )
    check_memory(penalty.group.dimension)
    watch = Watch(time_budget, progress)
    matrix = target_matrix(target, penalty.group)
    bound = lower_bound(matrix, penalty)
    if np.isinf(bound.value):
        raise ValueError(
            f"no path reaches the target: {bound.method} needs forbidden directions (infinite weight)"
        )
    if float(penalty.group.misfit(matrix)) < 1e-24:
        return _nothing_to_do(penalty, matrix, bound)
    search = Search(
        penalty,
        matrix,
        effort_for(penalty.group.dimension, starts, segments),
        watch,
        _generator(key),
        [*_own_path(target, penalty), *(_given(path, penalty) for path in initial)],
    )
    search.run()
    return _result(search, bound)


def _result(search: Search, bound: LowerBound) -> Geodesic:
    """The best of a search, with the other geodesics as alternatives."""
    geodesics = _distinct(search)
    paths = [_relaxed_path(search, c, bound) for c in _best_relaxed(search)]
    found = [_geodesic(search, c, bound) for c in geodesics]
    # Shooting may end on a longer geodesic than the relaxed path it began at: the shorter path is then the result.
    if not found or (paths and paths[0].upper_bound < found[0].upper_bound * (1.0 - SAME_LENGTH)):
        if not paths:
            paths = [_straight(search, bound)]
        best, others = paths[0], found
    else:
        best, others = found[0], found[1:]
    level = [g for g in others if abs(g.length - best.length) < SAME_LENGTH * best.length]
    unique = not level and best.conjugate_time != 1.0
    marked = {"complete": search.complete, "unique": unique, "alternatives": tuple(others)}
    return replace(best, **marked)


def _distinct(search: Search, most: int = 8) -> list[Candidate]:
    """Geodesics by length, each once."""
    group = search.penalty.group
    kept: list[tuple[Candidate, np.ndarray]] = []
    for candidate in sorted(search.geodesics, key=lambda c: c.length):
        middle = end_of(group, search.penalty.inverse, jnp.asarray(0.5 * candidate.momentum), candidate.steps)
        for k, (other, known) in enumerate(kept):
            same = abs(candidate.length - other.length) < SAME_LENGTH * other.length
            if same and float(group.misfit(group.inverse(known) @ middle)) < SAME_PATH:
                if other.conjugate is None and candidate.conjugate is not None:
                    kept[k] = (candidate, middle)
                break
        else:
            kept.append((candidate, middle))
    return [candidate for candidate, _ in kept[:most]]


def _geodesic(search: Search, candidate: Candidate, bound: LowerBound) -> Geodesic:
    penalty = search.penalty
    flown = flow(penalty, candidate.momentum, 1.0, candidate.steps, momentum=jnp.asarray(candidate.momentum))
    segments = np.asarray(flown.exponents) * candidate.steps
    residual = _residual(search, flown.path[-1])
    coarse = end_of(penalty.group, penalty.inverse, jnp.asarray(candidate.momentum), candidate.steps // 2)
    error = float(np.linalg.norm(np.asarray(flown.path[-1]) - coarse)) / (2**ORDER - 1)
    conjugate = candidate.conjugate
    return Geodesic(
        penalty=penalty,
        target=search.target,
        length=candidate.length,
        upper_bound=_upper_bound(penalty, candidate.length, residual + error),
        lower_bound=bound.value,
        bound=bound,
        conjugate_time=_first_conjugate(conjugate),
        index=None if conjugate is None else conjugate.index,
        residual=residual,
        error=error,
        energy_drift=float(flown.energy_drift),
        times=np.asarray(flown.times),
        path=np.asarray(flown.path),
        controls=np.asarray(flown.controls),
        momentum=np.asarray(candidate.momentum),
        segments=segments,
        is_geodesic=True,
        kind=candidate.kind,
    )


def _relaxed_path(search: Search, candidate: Candidate, bound: LowerBound) -> Geodesic:
    return _path(search, candidate.segments, candidate.momentum, bound, candidate.kind)


def _straight(search: Search, bound: LowerBound) -> Geodesic:
    """The principal logarithm: what is there before anything was searched."""
    line = principal_logarithm(search.penalty.group, search.target)
    weights = np.asarray(search.penalty.weights)
    return _path(search, np.tile(line, (16, 1)), weights * line, bound, "branch")


def _path(
    search: Search, segments: np.ndarray, momentum: np.ndarray, bound: LowerBound, kind: str
) -> Geodesic:
    penalty = search.penalty
    path = path_of(penalty.group, segments)
    residual = _residual(search, path[-1])
    length = float(np.mean(_speeds(penalty, segments)))
    count = len(segments)
    return Geodesic(
        penalty=penalty,
        target=search.target,
        length=length,
        upper_bound=_upper_bound(penalty, length, residual),
        lower_bound=bound.value,
        bound=bound,
        conjugate_time=float("nan"),
        index=None,
        residual=residual,
        error=0.0,
        energy_drift=float("nan"),
        times=np.linspace(0.0, 1.0, count + 1),
        path=np.asarray(path),
        controls=np.concatenate([segments[:1], 0.5 * (segments[1:] + segments[:-1]), segments[-1:]]),
        momentum=momentum,
        segments=segments,
        is_geodesic=False,
        kind=kind,
    )


def _best_relaxed(search: Search) -> list[Candidate]:
    reached = [c for c in search.relaxed if c.misfit < 1e-3] or search.relaxed
    return sorted(reached, key=lambda c: c.length * (1.0 + 10.0 * c.misfit))[:1]


def _upper_bound(penalty: Penalty, length: float, open_end: float) -> float:
    """The length, and that of a straight line over what is open, at the largest weight."""
    largest = float(np.max(np.asarray(penalty.weights)))
    return length if np.isinf(largest) else length + largest**0.5 * open_end


def _speeds(penalty: Penalty, segments: np.ndarray) -> np.ndarray:
    weights = np.asarray(penalty.weights)
    squares = np.where(segments == 0.0, 0.0, np.where(np.isfinite(weights), weights, 0.0) * segments**2)
    return np.sqrt(np.sum(squares, axis=-1))


def _residual(search: Search, end: Array) -> float:
    """Flat distance from the target; on GL(d) the norm of ``U^{-1} V - 1``."""
    group = search.penalty.group
    off = group.inverse(np.asarray(end)) @ search.target
    near = float(np.linalg.norm(group.residual(off)))
    far = max(float(group.misfit(off)), 0.0) ** 0.5
    return near if far < 1e-3 else 0.5 * np.pi * far  # sin(x / 2) >= x / pi: not less than the angle


def _first_conjugate(conjugate: Conjugate | None) -> float:
    if conjugate is None:
        return float("nan")
    return float(conjugate.times[0]) if len(conjugate.times) else float("inf")


def _own_path(target: Any, penalty: Penalty) -> list[np.ndarray]:
    """The path of a circuit as built, where a circuit is the target."""
    if isinstance(target, tuple) and target and isinstance(target[0], circuits.Circuit):
        return [circuit_controls(*target)]
    if isinstance(target, circuits.Circuit):
        return [circuit_controls(target)]
    return []


def _given(path: np.ndarray, penalty: Penalty) -> np.ndarray:
    path = np.asarray(path, float)
    if path.ndim != 2 or path.shape[1] != penalty.group.dimension:
        raise ValueError(
            f"an initial path is an array (segments, {penalty.group.dimension}) of controls, got shape {path.shape}"
        )
    return path


def _generator(key: Array | None) -> np.random.Generator:
    key = jax.random.key(0) if key is None else key
    return np.random.default_rng(np.asarray(jax.random.bits(key, (4,), np.uint32)))


def _nothing_to_do(penalty: Penalty, matrix: np.ndarray, bound: LowerBound) -> Geodesic:
    m, size = penalty.group.dimension, penalty.group.size
    one = np.eye(size, dtype=matrix.dtype)
    return Geodesic(
        penalty=penalty,
        target=matrix,
        length=0.0,
        upper_bound=0.0,
        lower_bound=0.0,
        bound=bound,
        conjugate_time=float("inf"),
        index=0,
        residual=0.0,
        error=0.0,
        energy_drift=0.0,
        times=np.asarray([0.0, 1.0]),
        path=np.stack([one, one]),
        controls=np.zeros((2, m)),
        momentum=np.zeros(m),
        segments=np.zeros((1, m)),
        is_geodesic=True,
        kind="identity",
    )
