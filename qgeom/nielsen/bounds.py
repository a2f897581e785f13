r"""Proven lower bounds of the geodesic distance of Nielsen's penalty metrics.

Every bound holds for every path, hence for the shortest one, and for infinite weights as well.

Compact groups
    For subgroups ``K_j`` spanned by a part of the basis, the flat length of a path outside ``K_j`` is at least
    ``b_j``, the flat distance of the target from ``K_j`` (:mod:`qgeom.nielsen.subgroups`). For every ``c >= 0`` with

        sum over {j : a not in K_j} of c_j  <=  w_a       for each direction a,

    ``speed^2 = sum_a w_a h_a^2 >= sum_j c_j |h outside K_j|^2``, and since the length of the integral of a vector is
    at most the integral of its length,

        L^2  >=  sum_j c_j (int |h outside K_j| dt)^2  >=  sum_j c_j b_j^2.

    The best c is a linear program with one row for each distinct pattern of ``{j : a not in K_j}``, whose bound is the
    smallest weight that has it. With the trivial group alone it is the cheapest flat metric, ``L >= sqrt(min w) d``.
    If every direction outside ``K_j`` is forbidden and ``b_j > 0``, no path reaches the target: the bound is infinite.

One qubit
    Lowering the larger of two weights to the smaller leaves an axisymmetric metric, in which no path is longer, and
    whose distance has a closed form (:mod:`qgeom.nielsen.one_qubit`): the best of the three axes is a bound, and
    the distance itself where two weights are equal.

Invertible and affine maps, in the metric ``tr X^T X``
    No metric there is bi-invariant. With ``U = S R``, S positive, R a rotation, and ``s_i`` the singular values,

    * singular values: ``(log s_i)' = u_i^T X u_i`` sees the symmetric part of X alone, so
      ``int |sym X| dt >= |log s|`` (by Lidskii's perturbation theory where singular values cross), and with weights
      ``sum_a w_a X_a^2 >= c |sym X|^2``, c the least of ``w_ii`` and the harmonic means of ``w_ij, w_ji``;
    * polar rotation: in the axes of S and with ``Omega = R' R^{-1}``, ``X_ij = (D_ij + s_i Omega_ij) / s_j`` for a
      symmetric D; the least ``X_ij^2 + X_ji^2`` over ``D_ij`` is ``Omega_ij^2 (s_i + s_j)^2 / (s_i^2 + s_j^2)``, which
      is at least ``Omega_ij^2``, so ``int |X| dt`` is at least the distance of R from 1 in the group of rotations;
    * one vector: ``|(U v)'| <= |X| |U v|``, so ``int |X| dt`` is at least the length from v to Uv in the metric
      ``|dx| / |x|``: ``sqrt(log(|Uv| / |v|)^2 + angle(v, Uv)^2)``. Any v will do; a few are tried.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize

from qgeom.nielsen.groups import Affine, GeneralLinear, Group, PauliGroup, SpecialOrthogonal, SpecialUnitary
from qgeom.nielsen.one_qubit import axisymmetric_length
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.subgroups import (
    Subgroup,
    rotation_distance,
    rotation_subgroups,
    unitary_distance,
    unitary_subgroups,
)

ZERO_DISTANCE = 1e-7
"""A target this near to a subgroup counts as in it: what rounding does to a distance."""


@dataclass(frozen=True)
class Part:
    """One term of a lower bound: ``L^2 >= sum_j multiplier_j distance_j^2``.

    Attributes:
        name: The subgroup (``"1"``: the trivial one), or the kind of bound.
        distance: Flat distance of the target from it.
        multiplier: Its c_j.
    """

    name: str
    distance: float
    multiplier: float


@dataclass(frozen=True)
class LowerBound:
    """A proven lower bound of a geodesic distance.

    Attributes:
        value: The bound; inf if forbidden directions leave the target out of reach.
        method: ``"flat"`` (cheapest flat metric), ``"subgroups"`` (the linear program does better), ``"one qubit"``
            (closed form), or on invertible maps ``"singular values"``, ``"polar rotation"``, ``"one vector"``.
        flat: The bound by the cheapest flat metric alone, ``sqrt(min w) d_flat``; on invertible maps the bound by
            singular values in the cheapest flat metric.
        parts: The terms that have a share in ``value``, largest first.
    """

    value: float
    method: str
    flat: float
    parts: tuple[Part, ...]

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        shown = ", ".join(f"{p.multiplier:.3g} x {p.distance:.4g}^2 [{p.name}]" for p in self.parts[:4])
        more = ", ..." if len(self.parts) > 4 else ""
        return f"LowerBound({self.value:.6g} by {self.method}; flat {self.flat:.6g}; {shown}{more})"


def flat_distance(group: Group, target: np.ndarray) -> float:
    r"""Distance between 1 and a target in the metric of unit weights, up to phase on unitary groups.

    Exact on the compact groups: a unitary with eigenphases theta_j has ``min_k sqrt(var_j(theta_j + 2 pi k_j))``, a
    rotation ``sqrt(sum_planes theta^2)`` (:mod:`qgeom.nielsen.subgroups`). On invertible and affine maps a lower bound,
    ``|log singular values|``, which is the distance of the target from the rotations.

    Args:
        group: The group.
        target: One of its matrices, (s, s).

    Raises:
        ValueError: if the target is not in the group.
    """
    target = group.check(target)
    if isinstance(group, PauliGroup | SpecialUnitary):
        return unitary_distance(target)
    if isinstance(group, SpecialOrthogonal):
        return rotation_distance(target)
    return float(np.linalg.norm(np.log(scipy.linalg.svdvals(target))))


def lower_bound(target: np.ndarray, penalty: Penalty) -> LowerBound:
    """The best lower bound of the distance between 1 and a target that this module proves.

    Args:
        target: Matrix of the penalty's group, (s, s).
        penalty: Group and weights; infinite weights are allowed.

    Returns:
        The bound and its parts. Subgroups used: the trivial one always; bipartitions of the qubits; up to 5 qubits
        what commutes with a Pauli string; blocks of up to 10 coordinates on SU(d) and SO(d).

    Raises:
        ValueError: if the target is not in the group.
    """
    group = penalty.group
    target = group.check(target)
    weights = np.asarray(penalty.weights)
    if isinstance(group, PauliGroup | SpecialUnitary):
        bound = _combined(unitary_subgroups(group, target), weights)
        if isinstance(group, PauliGroup) and group.n_qubits == 1:
            return _one_qubit(target, weights, bound)
        return bound
    if isinstance(group, SpecialOrthogonal):
        return _combined(rotation_subgroups(group, target), weights)
    if isinstance(group, GeneralLinear | Affine):
        return _invertible(group, target, weights)
    raise TypeError(f"no lower bound is known on {type(group).__name__}")


def _combined(subgroups: list[Subgroup], weights: np.ndarray) -> LowerBound:
    """The linear program over the multipliers c_j; the first subgroup is the trivial one."""
    cheapest = float(weights.min())
    flat = cheapest**0.5 * subgroups[0].distance
    plain = LowerBound(flat, "flat", flat, (Part("1", subgroups[0].distance, cheapest),))
    useful = [k for k in subgroups if k.distance > ZERO_DISTANCE]
    if not useful or not np.any(weights != cheapest):
        # Unit weights: the flat distance is exact.
        return plain
    outside = np.stack([k.outside for k in useful], axis=-1)
    patterns, place = np.unique(outside, axis=0, return_inverse=True)
    limits = np.full(len(patterns), np.inf)
    np.minimum.at(limits, place.ravel(), weights)
    finite = np.isfinite(limits)
    rows = patterns[finite].astype(float) / limits[finite, None]  # each row: sum_j A_j c_j <= 1
    free = ~np.any(rows > 0, axis=0)
    if np.any(free):
        parts = [Part(k.name, k.distance, np.inf) for k, is_free in zip(useful, free) if is_free]
        return LowerBound(np.inf, "subgroups", flat, tuple(parts))
    rows = rows[np.any(rows > 0, axis=1)]
    squares = np.asarray([k.distance for k in useful]) ** 2
    # In units in which every c_j <= 1 by itself.
    unit = 1.0 / rows.max(axis=0)
    solution = scipy.optimize.linprog(
        -squares * unit, A_ub=rows * unit, b_ub=np.ones(len(rows)), bounds=(0, None)
    )
    if solution.x is None:
        return plain
    c = np.maximum(solution.x, 0.0) * unit
    c /= max(1.0, float(np.max(rows @ c)))  # feasible exactly, whatever the tolerance of the solver
    value = float(np.sqrt(c @ squares))
    if value <= flat * (1 + 1e-9):
        return plain
    order = np.argsort(-c * squares)
    parts = tuple(
        Part(useful[j].name, useful[j].distance, float(c[j])) for j in order if c[j] > 1e-9 * c.max()
    )
    return LowerBound(value, "subgroups", flat, parts)


def _one_qubit(target: np.ndarray, weights: np.ndarray, bound: LowerBound) -> LowerBound:
    """The closed form of the best axisymmetric metric below this one, where it says more."""
    values = {}
    for k, axis in enumerate("XYZ"):
        transverse, axial = float(np.min(np.delete(weights, k))), float(weights[k])
        values[f"weights ({transverse:g}, {transverse:g}, {axial:g}), the last about {axis}"] = (
            axisymmetric_length(target, transverse, axial, axis)
        )
    name = max(values, key=lambda key: values[key])
    if values[name] <= bound.value * (1 + 1e-9):
        return bound
    return LowerBound(values[name], "one qubit", bound.flat, (Part(name, values[name], 1.0),))


def _invertible(group: GeneralLinear | Affine, target: np.ndarray, weights: np.ndarray) -> LowerBound:
    cheapest = float(weights.min())
    table = np.full((group.size, group.size), np.inf)  # the last row of an affine generator is zero
    table[: group.dim] = weights.reshape(group.dim, group.size)
    harmonic = 2.0 / (1.0 / table + 1.0 / table.T + 1e-300)
    symmetric = float(harmonic.min())  # on the diagonal w_ii itself
    left, singular, right = np.linalg.svd(target)
    logs = float(np.linalg.norm(np.log(singular)))
    parts = [
        Part("singular values", logs, symmetric),
        Part("polar rotation", rotation_distance(left @ right), cheapest),
        Part("one vector", _one_vector(target), cheapest),
    ]
    best = max(parts, key=lambda p: p.multiplier * p.distance**2)
    value = float(np.sqrt(best.multiplier) * best.distance)
    return LowerBound(value, best.name, cheapest**0.5 * logs, (best,))


def _one_vector(target: np.ndarray) -> float:
    """``max_v sqrt(log(|Uv| / |v|)^2 + angle(v, Uv)^2)`` over eigenvectors, singular vectors and what improves them."""

    def negative(v: np.ndarray) -> float:
        image = target @ v
        before, after = np.linalg.norm(v), np.linalg.norm(image)
        if not before > 0 or not after > 0:
            return 0.0
        a, b = v / before, image / after
        angle = 2.0 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))
        return -float(np.hypot(np.log(after / before), angle))

    vectors = np.linalg.eig(target)[1]
    right = np.linalg.svd(target)[2]
    starts = [*np.real(vectors).T, *np.imag(vectors).T, *right, *np.eye(len(target))]
    best = min(starts, key=negative)
    improved = scipy.optimize.minimize(negative, best, method="Nelder-Mead", options={"maxiter": 400})
    return max(-negative(best), -float(improved.fun))
