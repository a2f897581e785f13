r"""Riemannian L-BFGS on products of Stiefel manifolds, preconditioned by a metric.

A point is a tree of matrices with orthonormal columns ``(..., n, p)``; see `stiefel`. Energy, gradient and metric
come from one compiled program; what is done with them here is small, and NumPy: nothing to compile, and plain control
flow.

The metric of a tensor is the density matrix ``rho`` of its upper legs, ``<X, Y> = Re tr(X^+ Y rho)``, the distance of
the states (Hauru, Van Damme and Haegeman, SciPost Phys. 10, 040 (2021), section 4): its inverse starts the two-loop
recursion.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from circuits.mera import stiefel
from circuits.mera.energy import Tensors

MEMORY = 12  # pairs of L-BFGS
ARMIJO = 1e-4
LONGEST = 0.7  # Frobenius norm of the step of a tensor: the retraction takes up to 1
REGULARISER = 0.03  # of the largest entry of the metric: unlikely states move at a finite rate
PATIENCE = 10  # steps of a line search


class Sample(NamedTuple):
    """Energy, Euclidean gradient and metric ``(..., p, p)`` at a point, as NumPy arrays; ``error`` of the energy."""

    energy: float
    gradient: Tensors
    metric: Tensors
    error: float


class Minimum(NamedTuple):
    """Where a minimiser ended: the best point, its energy, and the norm of its Riemannian gradient."""

    point: Tensors
    energy: float
    residual: float
    history: tuple[float, ...]


Evaluate = Callable[
    [Tensors, float], Sample
]  # the point, and the norm of the last gradient (how exact to be)
Progress = Callable[[int, float, float], None]


def riemannian(
    evaluate: Evaluate,
    point: Tensors,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None = None,
) -> Minimum:
    """Minimise until the gradient's norm is below ``tolerance`` or after ``max_iterations`` evaluations."""
    record = Record(evaluate, max_iterations, progress)
    sample = record(point)
    tangent = record.accept(point, sample)
    history = History.empty(point)
    while record.residual > tolerance and record.left:
        direction = _direction(point, tangent, sample.metric, history)
        slope = inner(direction, tangent)
        if not slope < 0.0:  # uphill: forget the history
            history = History.empty(point)
            direction = _direction(point, tangent, sample.metric, history)
            slope = inner(direction, tangent)
        longest = max(float(np.max(np.linalg.norm(x, axis=(-2, -1)))) for x in jax.tree.leaves(direction))
        found = _search(record, point, sample, direction, slope, min(1.0, LONGEST / max(longest, 1e-30)))
        if found is None:
            if not history.size:
                break  # not even the gradient leads down: the end of the precision
            history = History.empty(point)
            continue
        new, new_sample, step = found
        new_tangent = record.accept(new, new_sample)
        # The step and the old gradient are transported to the new point, as is the history, by projection.
        moved = _transport(new, step * _flat(direction))
        change = _flat(new_tangent) - _transport(new, _flat(tangent))
        history = history.moved_to(new).extended(moved, change)
        point, sample, tangent = new, new_sample, new_tangent
    return record.minimum(point, sample.energy)


class History(NamedTuple):
    """The last steps and the changes of the gradient along them, flat, ``(count, N)``, the newest last."""

    steps: np.ndarray
    changes: np.ndarray

    @classmethod
    def empty(cls, point: Tensors) -> History:
        """No history."""
        none = np.zeros((0, _flat(point).size), _flat(point).dtype)
        return cls(none, none)

    @property
    def size(self) -> int:
        """How many pairs there are."""
        return len(self.steps)

    def moved_to(self, point: Tensors) -> History:
        """Transported to the tangent space at another point."""
        return History(_transport(point, self.steps), _transport(point, self.changes))

    def extended(self, step: np.ndarray, change: np.ndarray) -> History:
        """With one more pair, unless the energy does not curve upwards along it."""
        if not _dot(step, change) > 1e-10 * np.linalg.norm(step) * np.linalg.norm(change):
            return self
        steps = np.concatenate([self.steps, step[None]])[-MEMORY:]
        return History(steps, np.concatenate([self.changes, change[None]])[-MEMORY:])


class Record:
    """Counts the evaluations and keeps their energies."""

    def __init__(self, evaluate: Evaluate, most: int, progress: Progress | None) -> None:
        self.evaluate, self.most, self.progress = evaluate, most, progress
        self.residual = float("inf")
        self.history: list[float] = []

    @property
    def left(self) -> bool:
        """Whether another evaluation is allowed."""
        return len(self.history) < self.most

    def __call__(self, point: Tensors) -> Sample:
        """Evaluate."""
        sample = self.evaluate(point, self.residual)
        self.history.append(sample.energy)
        return sample

    def accept(self, point: Tensors, sample: Sample) -> Tensors:
        """The Riemannian gradient at a point that is accepted: its norm is the residual from now on."""
        tangent = jax.tree.map(stiefel.project, point, sample.gradient)
        self.residual = float(np.sqrt(inner(tangent, tangent)))
        if self.progress is not None:
            self.progress(len(self.history), sample.energy, self.residual)
        return tangent

    def minimum(self, point: Tensors, energy: float) -> Minimum:
        """The result."""
        return Minimum(point, energy, self.residual, tuple(self.history))


def fixed_point_tolerance(residual: float) -> float:
    """To a small part of the gradient: the error of the fixed points enters the energy in second order."""
    return float(np.clip(0.05 * residual, 1e-13, 1e-3))


def inner(a: Tensors, b: Tensors) -> float:
    """``Re tr a^+ b`` over all tensors."""
    return sum(_dot(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def _search(
    record: Record, point: Tensors, last: Sample, direction: Tensors, slope: float, step: float
) -> tuple[Tensors, Sample, float] | None:
    """Backtracking by the parabola through energy, slope and the last trial."""
    for _ in range(PATIENCE):
        if not record.left:
            return None
        trial = jax.tree.map(lambda w, x, s=step: stiefel.retract(w, w.dtype.type(s) * x), point, direction)
        sample = record(trial)
        if sample.energy <= last.energy + ARMIJO * step * slope + sample.error:
            return trial, sample, step
        rise = sample.energy - last.energy - step * slope
        best = -0.5 * slope * step**2 / rise if np.isfinite(rise) else 0.0
        step = float(np.clip(best, 0.1 * step, 0.5 * step))
    return None


def _direction(point: Tensors, tangent: Tensors, metric: Tensors, history: History) -> Tensors:
    """Minus the inverse Hessian of L-BFGS times the gradient (Nocedal and Wright, algorithm 7.4)."""
    inverse = jax.tree.map(_invert, metric)

    def precondition(flat: np.ndarray) -> np.ndarray:
        x = _restore(point, flat)
        return _flat(jax.tree.map(lambda w, x, m: stiefel.project(w, x @ m), point, x, inverse))

    steps, changes = history
    curvatures = [_dot(s, y) for s, y in zip(steps, changes, strict=True)]
    q, alphas = _flat(tangent), np.zeros(len(steps), np.float64)
    for i in reversed(range(len(steps))):
        alphas[i] = _dot(steps[i], q) / curvatures[i]
        q = q - q.dtype.type(alphas[i]) * changes[i]
    r = precondition(q)
    if history.size:
        r *= r.dtype.type(curvatures[-1] / max(_dot(changes[-1], precondition(changes[-1])), 1e-300))
    for i in range(len(steps)):
        beta = _dot(changes[i], r) / curvatures[i]
        r = r + r.dtype.type(alphas[i] - beta) * steps[i]
    return jax.tree.map(stiefel.project, point, _restore(point, -r))


def _transport(point: Tensors, flat: np.ndarray) -> np.ndarray:
    """Flat vectors ``(..., N)`` projected onto the tangent space at a point."""
    return _flat(jax.tree.map(stiefel.project, point, _restore(point, flat)), flat.shape[:-1])


def _restore(point: Tensors, flat: np.ndarray) -> Tensors:
    """Flat vectors ``(..., N)`` as trees of matrices, with the same leading axes."""
    leaves, structure = jax.tree.flatten(point)
    parts = np.split(flat, np.cumsum([x.size for x in leaves])[:-1], axis=-1)
    shaped = [part.reshape(*flat.shape[:-1], *x.shape) for part, x in zip(parts, leaves, strict=True)]
    return jax.tree.unflatten(structure, shaped)


def _invert(metric: np.ndarray) -> np.ndarray:
    size = np.max(np.abs(metric), axis=(-1, -2), keepdims=True)
    return np.linalg.inv(metric + REGULARISER * size * np.eye(metric.shape[-1], dtype=metric.dtype))


def _flat(tree: Any, lead: tuple[int, ...] = ()) -> np.ndarray:
    return np.concatenate(
        [x.reshape(*lead, math.prod(x.shape[len(lead) :])) for x in jax.tree.leaves(tree)], -1
    )


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.vdot(a, b).real)
