r"""The search behind :func:`~qgeom.nielsen.minimal_geodesic`: many starts, relaxed, pruned, shot, tested.

1. Starts from all sides (:mod:`qgeom.nielsen.starts`) are relaxed a little (:mod:`~qgeom.nielsen.relaxation`); the
   better half goes on, and joins paths from continuation in the weights: up from the nearly flat metric, ``w^(1/4)``,
   ``w^(1/2)``, ``w^(3/4)``, and down from ``w^(3/2)``.
2. The shortest distinct ones are refined by Newton's method (:mod:`~qgeom.nielsen.shooting`) to geodesics.
3. These are tested for conjugate points (:mod:`~qgeom.nielsen.jacobi`), shortest first, until one is a local minimum;
   a saddle is left along broken geodesics (:mod:`~qgeom.nielsen.saddles`), relaxed and shot again.

Whatever was found stays when the time is up.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import jax.numpy as jnp
import numpy as np

from circuits import memory
from circuits.threads import few_blas_threads
from qgeom.nielsen.budget import OutOfTime, Watch
from qgeom.nielsen.exponential import exponential
from qgeom.nielsen.flow import flow
from qgeom.nielsen.groups import Group
from qgeom.nielsen.jacobi import Conjugate, conjugate_points, momentum_spread
from qgeom.nielsen.logarithms import FORBIDDEN
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.relaxation import SQUARINGS, Relaxed, relax
from qgeom.nielsen.saddles import broken_geodesics
from qgeom.nielsen.shooting import shoot
from qgeom.nielsen.starts import Start, make_starts, noise, resampled

SAME_LENGTH = 1e-6
"""Two lengths closer than this fraction are equal."""
SAME_PATH = 1e-4
"""Two paths of equal length are one if their middles are closer than this (squared flat distance)."""

LOOSE, TIGHT = 1e-3, 1e-5
"""Strides at which a path counts as relaxed, and on the way off a saddle."""
COPIES_OF_PATH, COPIES_OF_TEST = 6.0, 16.0
"""Real (m, m) matrices in memory at once, in relaxation and in the test for conjugate points."""
SETTLE = 4
"""How much longer than others a path that is to be shot may be relaxed."""
DOUBLINGS = 2
"""How often a path that does not shoot to a geodesic is relaxed again with twice the segments."""
DRIFT, MOST_STEPS = 1e-11, 2048
"""Steps of the flow are doubled until its energy is constant to this, up to so many."""


@dataclass(frozen=True)
class Effort:
    """How much is searched: set by the dimension of the group."""

    starts: int
    batch: int
    rough: int
    fine: int
    shots: int
    segments: int
    continuation: int
    """Straight lines that are followed through the weights."""


def check_memory(dimension: int) -> None:
    """Raises MemoryError in one line, before anything is allocated, if a search of this dimension does not fit."""
    need, have = COPIES_OF_PATH * 8.0 * dimension**2, memory.available_bytes()
    if need > have:
        most = int((have / (8.0 * COPIES_OF_PATH)) ** 0.5)
        raise MemoryError(
            f"a search in {dimension} dimensions needs {need / 2**30:.3g} GiB, {have / 2**30:.3g} GiB are available: "
            f"at most {most} dimensions fit; straight_line_bound gives bounds for more qubits"
        )


def effort_for(dimension: int, starts: int | None, segments: int | None) -> Effort:
    """Defaults: seconds at n = 2, minutes at n = 4."""
    table = (
        (20, Effort(24, 8, 15, 60, 8, 16, 2)),
        (70, Effort(24, 8, 15, 60, 6, 16, 2)),
        (300, Effort(12, 2, 12, 60, 4, 16, 1)),
        (1100, Effort(6, 1, 10, 50, 2, 16, 1)),
    )
    effort = next((e for limit, e in table if dimension <= limit), Effort(2, 1, 8, 40, 1, 16, 0))
    if starts is not None:
        if starts < 1:
            raise ValueError(f"starts must be at least 1, not {starts}")
        effort = replace(effort, starts=starts)
    if segments is not None:
        if segments < 2:
            raise ValueError(f"segments must be at least 2, not {segments}")
        effort = replace(effort, segments=segments)
    return effort


@dataclass
class Candidate:
    """A path that was found: relaxed, and a geodesic once ``steps`` is set."""

    kind: str
    segments: np.ndarray
    momentum: np.ndarray
    length: float
    misfit: float
    stride: float = 0.0
    steps: int = 0
    conjugate: Conjugate | None = None

    @property
    def is_geodesic(self) -> bool:
        return self.steps > 0


@dataclass
class Search:
    """State of a search; ``run`` may be cut off by the watch at any step."""

    penalty: Penalty
    target: np.ndarray
    effort: Effort
    watch: Watch
    rng: np.random.Generator
    initial: list[np.ndarray]
    relaxed: list[Candidate] = field(default_factory=list)
    geodesics: list[Candidate] = field(default_factory=list)
    complete: bool = False

    def run(self) -> None:
        """Search until done or out of time."""
        try:
            with few_blas_threads(self.penalty.group.dimension):
                self._relax_starts()
                self._shoot_best()
                self._certify()
            self.complete = True
        except OutOfTime:
            pass

    # Relaxation

    def _relax_starts(self) -> None:
        effort = self.effort
        given = [Start("given", resampled(path, effort.segments)) for path in self.initial]
        starts = given + make_starts(self.penalty, self.target, effort.starts, effort.segments, self.rng)
        self.watch.stage("relaxing starts", effort.rough * -(-len(starts) // effort.batch))
        rough = self._relax(starts, effort.rough)
        rough.sort(key=lambda c: c.length)
        better = rough[: max(1, -(-len(rough) // 2))]
        following = [Start(c.kind, c.segments) for c in distinct_paths(self.penalty.group, better)]
        following += self._continued([s for s in starts if s.kind == "branch"], better[0])
        self.watch.stage("relaxing the best", effort.fine * -(-len(following) // effort.batch))
        self._relax(following, effort.fine)

    def _relax(
        self,
        starts: list[Start],
        iterations: int,
        penalty: Penalty | None = None,
        tolerance: float = LOOSE,
    ) -> list[Candidate]:
        """Relax in batches of few shapes; candidates of the metric itself are kept."""
        found: list[Candidate] = []
        batch = self.effort.batch
        metric = self.penalty if penalty is None else penalty
        for k in range(0, len(starts), batch):
            chunk = starts[k : k + batch]
            table = np.stack([s.segments for s in chunk])
            result = relax(metric, jnp.asarray(self.target), table, iterations, tolerance, self.watch.tick)
            new = _candidates(result, [s.kind for s in chunk])
            found += new
            if penalty is None:
                self.relaxed += new
        return found

    def _continued(self, branches: list[Start], best: Candidate) -> list[Start]:
        """Paths carried through the weights, from the flat side and from the steep one."""
        found: list[Start] = []
        lines = branches[: self.effort.continuation]
        if lines:
            for exponent in (0.25, 0.5, 0.75):
                done = self._relax(lines, 6, _power(self.penalty, exponent))
                lines = [Start("continued up", c.segments) for c in done]
            found += lines
        if self.effort.continuation > 1:
            steep = self._relax([Start("continued down", best.segments)], 8, _power(self.penalty, 1.5))
            found += [Start("continued down", c.segments) for c in steep]
        return found

    # Shooting

    def _shoot_best(self) -> None:
        order = sorted(self.relaxed, key=lambda c: c.length * (1.0 + 10.0 * c.misfit))
        chosen = distinct_paths(self.penalty.group, [c for c in order if c.misfit < 0.3])[: self.effort.shots]
        chosen = self._settled(chosen)
        self.watch.stage("shooting", len(chosen))
        for candidate in chosen:
            if self._shoot(candidate) is None:
                self._refine(candidate)
            self.watch.tick()

    def _settled(self, chosen: list[Candidate]) -> list[Candidate]:
        """Those that still move are relaxed on: a Newton step costs as much as many strides, and needs a near start."""
        moving = [c for c in chosen if c.stride > LOOSE]
        if not moving:
            return chosen
        longer = SETTLE * self.effort.fine
        self.watch.stage("relaxing to the end", longer * -(-len(moving) // self.effort.batch))
        settled = self._relax([Start(c.kind, c.segments) for c in moving], longer)
        return sorted([c for c in chosen if c.stride <= LOOSE] + settled, key=lambda c: c.length)

    def _shoot(self, candidate: Candidate) -> Candidate | None:
        spread = momentum_spread(self.penalty.group, jnp.asarray(candidate.momentum))
        rate = max(2.0 * spread / self.penalty.cheapest, 1.0)
        steps = int(np.clip(2 ** np.ceil(np.log2(rate)), 32, 128))
        # Settled beforehand: shooting anew with finer steps costs a Jacobian, a flow costs little.
        while steps < MOST_STEPS and self._drift(candidate.momentum, steps) > DRIFT:
            steps *= 2
        shot = shoot(self.penalty, self.target, candidate.momentum, steps, tick=self.watch.check)
        while shot.converged and steps < MOST_STEPS and self._drift(shot.momentum, steps) > DRIFT:
            steps *= 2
            shot = shoot(self.penalty, self.target, shot.momentum, steps, tick=self.watch.check)
        if not shot.converged:
            return None
        found = replace(
            candidate,
            momentum=shot.momentum,
            length=_length(self.penalty, shot.momentum),
            misfit=shot.misfit,
            steps=steps,
            conjugate=None,
        )
        self.geodesics.append(found)
        return found

    def _refine(self, candidate: Candidate) -> None:
        """Twice the segments, relaxed to the end, and shot again; then once more.

        The momentum of a relaxed path comes near to the geodesic's own as the square of the length of a segment.
        """
        for _ in range(DOUBLINGS):
            finer = Start(candidate.kind, resampled(candidate.segments, 2 * len(candidate.segments)))
            found = self._relax([finer], self.effort.fine, tolerance=TIGHT)
            if not found or self._shoot(found[0]) is not None:
                return
            candidate = found[0]

    def _drift(self, momentum: np.ndarray, steps: int) -> float:
        return float(flow(self.penalty, momentum, 1.0, steps, momentum=jnp.asarray(momentum)).energy_drift)

    # The test for conjugate points

    def _certify(self) -> None:
        if COPIES_OF_TEST * 8.0 * self.penalty.group.dimension**2 > memory.available_bytes():
            return  # the test needs Jacobi matrices; without it the result says that it was not tested
        for _ in range(6):
            ahead = [c for c in sorted(self.geodesics, key=lambda c: c.length) if c.conjugate is None]
            tested = [c for c in self.geodesics if c.conjugate is not None and c.conjugate.index == 0]
            shortest = min((c.length for c in tested), default=np.inf)
            ahead = [c for c in ahead if c.length < shortest * (1.0 - SAME_LENGTH)]
            if not ahead:
                return
            self.test(ahead[0])
            if ahead[0].conjugate is not None and ahead[0].conjugate.index:
                self._leave_saddle(ahead[0])

    def test(self, candidate: Candidate) -> None:
        """Count the conjugate points of a geodesic."""
        self.watch.stage("testing for conjugate points", 1)
        candidate.conjugate = conjugate_points(
            self.penalty,
            jnp.asarray(candidate.momentum),
            first_only=True,
            tick=lambda _: self.watch.check(),
        )

    def _leave_saddle(self, saddle: Candidate) -> None:
        """Along broken geodesics, relaxed further than other paths, and shot whatever their lengths.

        The downward directions may be soft, and a path of segments is longer than the geodesic beside it.
        """
        assert saddle.conjugate is not None
        sizes = np.geomspace(0.05, 0.5, max(self.effort.batch, 2))
        broken = broken_geodesics(
            self.penalty, saddle.momentum, float(saddle.conjugate.times[0]), saddle.steps,
            len(saddle.segments), sizes, self.rng,
        )  # fmt: skip
        starts = [Start(saddle.kind, path + noise(self.penalty, path, self.rng, 0.02)) for path in broken]
        self.watch.stage("leaving a saddle", 2 * self.effort.fine)
        found = self._relax(starts, 2 * self.effort.fine, tolerance=TIGHT)
        found = distinct_paths(self.penalty.group, sorted(found, key=lambda c: c.length), 1e-5)
        for candidate in found[: min(2, self.effort.shots)]:
            self._shoot(candidate)


def distinct_paths(group: Group, candidates: list[Candidate], tolerance: float = 1e-3) -> list[Candidate]:
    """The first of each class of paths of about the same length and middle."""
    kept: list[tuple[Candidate, np.ndarray]] = []
    for candidate in candidates:
        middle = _middle(group, candidate.segments)
        for other, known in kept:
            close = abs(candidate.length - other.length) < tolerance * other.length
            if close and float(group.misfit(group.inverse(known) @ middle)) < 100.0 * tolerance**2:
                break
        else:
            kept.append((candidate, middle))
    return [candidate for candidate, _ in kept]


def _middle(group: Group, segments: np.ndarray) -> np.ndarray:
    half = segments[: max(1, len(segments) // 2)]
    factors = exponential(group.generator(half / len(segments)), SQUARINGS)
    u = factors[0]
    for factor in factors[1:]:
        u = factor @ u
    return u


def _candidates(result: Relaxed, kinds: list[str]) -> list[Candidate]:
    segments, momentum = result.segments, result.momentum
    lengths, misfits, strides = np.sqrt(result.energy), result.misfit, result.stride
    return [
        Candidate(kind, segments[k], momentum[k], float(lengths[k]), float(misfits[k]), float(strides[k]))
        for k, kind in enumerate(kinds)
        if np.isfinite(lengths[k]) and np.all(np.isfinite(momentum[k]))
    ]


def _length(penalty: Penalty, momentum: np.ndarray) -> float:
    return float(np.sqrt(np.sum(np.asarray(penalty.inverse) * momentum**2)))


def _power(penalty: Penalty, exponent: float) -> Penalty:
    """Weights ``w^exponent`` in units of the smallest; infinite ones count as 1000 times the largest finite one."""
    weights = np.asarray(penalty.weights)
    finite = weights[np.isfinite(weights)]
    table = np.where(np.isfinite(weights), weights, FORBIDDEN * finite.max())
    return penalty.with_weights(finite.min() * (table / finite.min()) ** exponent)
