r"""The classical mirror of a compiled circuit: a path of rotations as a sequence of Givens rotations.

On SO(d) the basis elements ``E_ij - E_ji`` turn one plane; planes without a common axis commute. The product formulas
of :mod:`qgeom.nielsen.product_formulas` give a sequence of plane rotations, the layers of a network in which each
layer mixes pairs of neurons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qgeom.nielsen.geodesic import Geodesic
from qgeom.nielsen.groups import SpecialOrthogonal
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.product_formulas import product_formula
from qgeom.nielsen.starts import resampled
from qgeom.nielsen.trotter import chosen_steps, path_end, segments_of


@dataclass(frozen=True)
class CompiledRotations:
    """A path on SO(d) as plane rotations.

    Attributes:
        dim: d.
        planes: Axes (i, j), i < j, of each rotation in the order in which they act, int (r, 2).
        angles: Their angles, float64 (r,): ``x_i' = cos x_i + sin x_j``, ``x_j' = cos x_j - sin x_i``.
        layers: Number of rotations of each layer; those of a layer share no axis.
        steps: Number of steps of the product formula.
        order: Its order.
        error: ``|R_compiled - R_path|`` in the operator norm, measured.
        length: ``sum over layers of sqrt(sum_a w_a angle_a^2)`` under the penalty; nan without one.
    """

    dim: int
    planes: np.ndarray
    angles: np.ndarray
    layers: tuple[int, ...]
    steps: int
    order: int
    error: float
    length: float

    def matrix(self) -> np.ndarray:
        """The product, (d, d)."""
        return rotations_matrix(self.dim, self.planes, self.angles)

    def __repr__(self) -> str:
        return (
            f"CompiledRotations({len(self.angles)} plane rotations of R^{self.dim} in {len(self.layers)} layers; "
            f"{self.steps} steps of order {self.order}, error {self.error:.2g}, length {self.length:.6g}; float64)"
        )


def rotations_matrix(dim: int, planes: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """``prod exp(angle (E_ij - E_ji))``, the last one leftmost, (d, d)."""
    u = np.eye(dim)
    for (i, j), angle in zip(planes, angles):
        c, s = np.cos(angle), np.sin(angle)
        u[[i, j]] = c * u[i] + s * u[j], c * u[j] - s * u[i]
    return u


def to_rotations(
    path: Geodesic | Any,
    penalty: Penalty | None = None,
    *,
    steps: int | None = None,
    order: int = 2,
    error: float | None = None,
    drop: float = 1e-12,
) -> CompiledRotations:
    """A path on SO(d) as plane rotations; arguments and errors as :func:`qgeom.nielsen.trotter.to_circuit`.

    Args:
        path: A :class:`Geodesic` on SO(d), or piecewise-constant controls (k, d (d - 1) / 2).
        penalty: For the length as built; the geodesic's own by default.
        steps, order, error, drop: see there.
    """
    segments, penalty, _ = segments_of(path, penalty)
    group = _rotation_group(segments, penalty)
    pairs = np.stack(np.triu_indices(group.dim, 1), axis=1)
    shared = (pairs[:, None, :, None] == pairs[None, :, None, :]).any(axis=(-2, -1))
    commutes = ~shared | np.eye(len(pairs), dtype=bool)
    end = path_end(group, segments)

    def stages_of(count: int) -> list[list[tuple[int, float]]]:
        return product_formula(resampled(segments, count), commutes, order, drop)

    def flat(stages: list[list[tuple[int, float]]]) -> tuple[np.ndarray, np.ndarray]:
        rotations = [rotation for stage in stages for rotation in stage]
        index = np.asarray([a for a, _ in rotations], dtype=int)
        return pairs[index], np.asarray([angle for _, angle in rotations], dtype=float)

    def miss(count: int) -> float:
        return float(np.linalg.norm(rotations_matrix(group.dim, *flat(stages_of(count))) - end, 2))

    steps = chosen_steps(len(segments), steps, order, error, miss)
    stages = stages_of(steps)
    planes, angles = flat(stages)
    weights = None if penalty is None else np.asarray(penalty.weights)
    lengths = [np.nan if weights is None else _length(weights, stage) for stage in stages]
    return CompiledRotations(
        dim=group.dim,
        planes=planes,
        angles=angles,
        layers=tuple(len(stage) for stage in stages),
        steps=steps,
        order=order,
        error=float(np.linalg.norm(rotations_matrix(group.dim, planes, angles) - end, 2)),
        length=float(np.sum(lengths)),
    )


def _length(weights: np.ndarray, stage: list[tuple[int, float]]) -> float:
    return float(np.sqrt(sum(weights[a] * angle**2 for a, angle in stage)))


def _rotation_group(segments: np.ndarray, penalty: Penalty | None) -> SpecialOrthogonal:
    m = segments.shape[1]
    if penalty is not None:
        group = penalty.group
        if not isinstance(group, SpecialOrthogonal):
            raise TypeError(
                f"plane rotations need controls on SO(d), not on {group}; to_circuit compiles SU(2^n)"
            )
    else:
        group = SpecialOrthogonal(max(2, round((1.0 + (1.0 + 8.0 * m) ** 0.5) / 2.0)))
    if group.dimension != m:
        raise ValueError(f"a path on SO(d) has d (d - 1) / 2 controls, one per plane, not {m}")
    return group
