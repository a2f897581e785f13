"""Closed forms on one qubit against relaxed paths in NumPy, the integrated Euler equations and finite differences."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.optimize import minimize

from qgeom.nielsen.groups import PauliGroup, SpecialOrthogonal
from qgeom.nielsen.one_qubit import (
    axial_cut,
    axial_length,
    axisymmetric,
    axisymmetric_conjugate_times,
    axisymmetric_geodesic,
    axisymmetric_length,
    string_bound,
    triple_bound,
)
from qgeom.nielsen.penalty import Penalty, flat_penalty, local_penalty

PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]], complex)
SEGMENTS = 8


def unitary(q) -> np.ndarray:
    q = np.asarray(q, float) / np.linalg.norm(q)
    return q[0] * np.eye(2) - 1j * np.einsum("a,aij->ij", q[1:], PAULI)


def rotation(angle: float, axis: str = "Z") -> np.ndarray:
    return expm(-1j * angle * PAULI["XYZ".index(axis)])


def hadamard_like() -> np.ndarray:
    return np.exp(0.3j) * np.array([[1, 1], [1, -1]]) / math.sqrt(2)


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of quaternions w0 - i w.sigma, (..., 4)."""
    scalar = a[..., :1] * b[..., :1] - np.sum(a[..., 1:] * b[..., 1:], -1, keepdims=True)
    vector = a[..., :1] * b[..., 1:] + b[..., :1] * a[..., 1:] + np.cross(a[..., 1:], b[..., 1:])
    return np.concatenate([scalar, vector], -1)


def end_of(controls: np.ndarray) -> np.ndarray:
    """Quaternion of ``prod_j exp(-i h_j.sigma / k)``, latest on the left: (..., k, 3) to (..., 4)."""
    h = controls / controls.shape[-2]
    norm = np.linalg.norm(h, axis=-1, keepdims=True) + 1e-300
    steps = np.concatenate([np.cos(norm), np.sin(norm) * h / norm], -1)
    total = steps[..., 0, :]
    for j in range(1, steps.shape[-2]):
        total = product(steps[..., j, :], total)
    return total


def relaxed_length(target: np.ndarray, weights: np.ndarray, starts: int, seed: int) -> float:
    """Shortest piecewise constant path found by sequential quadratic programming from random starts."""
    root = np.sqrt(np.linalg.det(target))
    u = target / root
    q = np.array([np.trace(u).real, *[(1j * np.trace(p @ u)).real for p in PAULI]]) / 2
    inverse = q * np.array([1, -1, -1, -1])
    size = 3 * SEGMENTS

    def off(x):
        return product(end_of(x.reshape(*x.shape[:-1], SEGMENTS, 3)), inverse)[..., 1:]

    def derivative(x):
        bumps = 1e-6 * np.eye(size)
        return (off(x + bumps) - off(x - bumps)).T / 2e-6

    w = np.tile(weights, SEGMENTS) / SEGMENTS
    rng = np.random.default_rng(seed)
    best = math.inf
    for _ in range(starts):
        start = np.tile(2 * rng.normal(size=3), SEGMENTS) + rng.normal(size=size)
        found = minimize(
            lambda x: w @ x**2, start, jac=lambda x: 2 * w * x, method="SLSQP",
            constraints={"type": "eq", "fun": off, "jac": derivative}, options={"maxiter": 200, "ftol": 1e-10},
        )  # fmt: skip
        if np.linalg.norm(off(found.x)) < 1e-6:
            best = min(best, math.sqrt(found.fun))
    return best


@pytest.mark.parametrize(
    "weights", [(1.0, 1.0, 4.0), (1.0, 1.0, 0.25), (2.0, 2.0, 20.0), (3.0, 1.0, 3.0), (1.0, 2.0, 2.0)]
)
@pytest.mark.parametrize("target", ["rotation", "generic", "hadamard"])
def test_no_relaxed_path_is_shorter_and_the_best_comes_close(weights, target):
    u = {
        "rotation": rotation(1.2),
        "generic": unitary([0.3, -0.5, 0.2, 0.9]),
        "hadamard": hadamard_like(),
    }[target]
    transverse, axial, axis = axisymmetric(Penalty(PauliGroup(1), weights))
    exact = axisymmetric_length(u, transverse, axial, axis)
    relaxed = relaxed_length(u, np.asarray(weights), 4, 0)
    assert exact <= relaxed * (1 + 1e-6)
    assert relaxed <= exact * 1.02  # eight constant pieces are a little longer than the geodesic


def test_the_length_on_both_sides_of_the_cut_is_that_of_relaxed_paths():
    for angle in (0.4, 0.9, 1.5):  # the cut of b = 6 is at pi/6 = 0.52
        relaxed = relaxed_length(rotation(angle), np.array([1.0, 1.0, 6.0]), 4, 1)
        exact = axial_length(angle, 1.0, 6.0)
        assert exact * (1 - 1e-6) <= relaxed <= exact * 1.02


def integrated(controls, momentum, transverse, axial, axis) -> np.ndarray:
    """End of the geodesic by the Euler equations ``l' = 2 h x l``, ``U' = -iHU``."""
    inverse = np.full(3, 1 / transverse)
    inverse["XYZ".index(axis)] = 1 / axial

    def rate(_, y):
        l, u = y[:3].real, y[3:].reshape(2, 2)
        h = inverse * l
        return np.concatenate([2 * np.cross(h, l), (-1j * np.einsum("a,aij->ij", h, PAULI) @ u).ravel()])

    start = np.concatenate([momentum, np.eye(2).ravel()]).astype(complex)
    np.testing.assert_allclose(inverse * momentum, controls, atol=1e-12)
    return solve_ivp(rate, (0, 1), start, method="DOP853", rtol=1e-12, atol=1e-12).y[3:, -1].reshape(2, 2)


CASES = [(1.0, 1.0), (1.0, 7.0), (0.5, 60.0), (3.0, 0.4), (1.0, 0.01), (2.0, math.inf)]


@pytest.mark.parametrize("axis", ["X", "Y", "Z"])
@pytest.mark.parametrize(("transverse", "axial"), CASES)
def test_the_geodesic_integrates_to_its_target_with_its_length(transverse, axial, axis):
    rng = np.random.default_rng(7)
    targets = [unitary(rng.normal(size=4)) * np.exp(1j * rng.normal()) for _ in range(4)]
    targets += [rotation(1.4, axis), rotation(-0.8, axis), unitary([0, 1, 1e-3, 0]), unitary([1, 1e-7, 0, 2])]
    for u in targets:
        g = axisymmetric_geodesic(u, transverse, axial, axis)
        end = integrated(g.controls, g.momentum, transverse, axial, axis)
        assert abs(np.trace(end.conj().T @ u)) / 2 == pytest.approx(1.0, abs=1e-9)
        assert math.sqrt(g.controls @ g.momentum) == pytest.approx(g.length, rel=1e-12)
        assert g.length == axisymmetric_length(u, transverse, axial, axis)


def test_the_flat_length_is_the_angle_of_the_rotation():
    rng = np.random.default_rng(3)
    for _ in range(20):
        u = unitary(rng.normal(size=4))
        assert axisymmetric_length(u, 4.0, 4.0) == pytest.approx(
            2 * math.acos(min(1, abs(np.trace(u)) / 2)), abs=1e-9
        )


def test_the_sub_riemannian_length_of_a_half_turn():
    # V = pi, nu = 1/2: sqrt(pi^2 - pi^2/4); X then Y would need pi.
    assert axisymmetric_length(rotation(math.pi / 2), 1.0, math.inf) == pytest.approx(
        math.sqrt(3) * math.pi / 2
    )
    assert axial_length(math.pi / 2, 1.0, math.inf) == pytest.approx(math.sqrt(3) * math.pi / 2)


def test_large_weights_tend_to_the_sub_riemannian_limit_from_below():
    u = unitary([0.4, 0.3, -0.2, 0.8])
    lengths = [axisymmetric_length(u, 1.0, b) for b in (10.0, 1e3, 1e5, math.inf)]
    assert np.all(np.diff(lengths) > 0)
    assert lengths[-1] - lengths[-2] < 1e-4


def test_a_target_next_to_the_axis_has_the_length_of_one_on_it():
    for angle in (0.1, 0.6, 1.5):
        for b in (0.3, 1.5, 9.0, math.inf):
            off = axisymmetric_length(rotation(1e-8, "X") @ rotation(angle), 1.0, b)
            assert off == pytest.approx(axial_length(angle, 1.0, b), abs=3e-8)


@pytest.mark.parametrize("b", [2.5, 6.0, 50.0])
def test_the_line_along_the_axis_is_shortest_up_to_the_cut_only(b):
    cut = axial_cut(1.0, b)
    assert cut == pytest.approx(math.pi / b)
    assert axial_length(0.999 * cut, 1.0, b) == pytest.approx(0.999 * cut * math.sqrt(b))
    assert axial_length(1.05 * cut, 1.0, b) < 1.05 * cut * math.sqrt(b) * (1 - 1e-4)
    assert axisymmetric_geodesic(rotation(0.9 * cut), 1.0, b).unique
    assert not axisymmetric_geodesic(rotation(1.1 * cut), 1.0, b).unique  # a circle of shortest paths
    (conjugate, again) = axisymmetric_conjugate_times([0, 0, b], 1.0, b, 1.5 * cut)
    assert conjugate == again == pytest.approx(cut)


def test_phase_alone_ends_the_line_for_cheap_axes():
    assert axial_cut(1.0, 1.9) == math.pi / 2
    assert not axisymmetric_geodesic(rotation(math.pi / 2), 1.0, 1.2).unique
    assert axial_length(2.0, 1.0, 1.2) == pytest.approx((math.pi - 2.0) * math.sqrt(1.2))


quaternions = st.tuples(*[st.floats(-1, 1) for _ in range(4)]).filter(lambda q: np.linalg.norm(q) > 0.1)
weights = st.floats(0.05, 30.0)


@settings(max_examples=40, deadline=None)
@given(quaternions, quaternions, weights, weights)
def test_it_is_a_distance(p, q, a, b):
    u, v = unitary(p), unitary(q)
    lu, lv = axisymmetric_length(u, a, b), axisymmetric_length(v, a, b)
    assert axisymmetric_length(u @ v, a, b) <= lu + lv + 1e-9
    assert axisymmetric_length(u.conj().T, a, b) == pytest.approx(lu, abs=1e-9)
    z = rotation(0.7)
    assert axisymmetric_length(z @ u @ z.conj().T, a, b) == pytest.approx(lu, abs=1e-9)
    flat = math.acos(min(1.0, abs(np.trace(u)) / 2))
    assert math.sqrt(min(a, b)) * flat - 1e-7 <= lu <= math.sqrt(max(a, b)) * flat + 1e-7


def exponential_map(momentum, a, b, time) -> np.ndarray:
    """Quaternions of the ends at many times, (T, 4), by the two exponentials."""
    v = np.asarray(momentum) / a
    kappa = 0.0 if math.isinf(b) else a / b
    turn = (kappa - 1) * v[2] * time
    zero = np.zeros_like(time)
    angle = np.linalg.norm(v) * time
    step = np.stack([np.cos(angle), *(np.sin(angle) * u for u in v / np.linalg.norm(v))], -1)
    return product(np.stack([np.cos(turn), zero, zero, np.sin(turn)], -1), step)


@pytest.mark.parametrize("momentum", [(1.0, 0.5, 2.0), (0.3, 0.1, 3.0), (1.0, 0.0, 0.0), (2.0, 1.0, -0.7)])
@pytest.mark.parametrize(("a", "b"), [(1.0, 3.0), (1.0, 40.0), (2.0, 0.5), (1.0, math.inf)])
def test_conjugate_times_are_where_the_end_point_map_degenerates(momentum, a, b):
    time = 12.0 * a / np.linalg.norm(momentum)
    grid = np.linspace(1e-3, time, 20001)
    inverse = exponential_map(momentum, a, b, grid) * np.array([1, -1, -1, -1])
    columns = []
    for bump in 1e-5 * np.eye(3):
        after, before = (exponential_map(np.asarray(momentum) + s * bump, a, b, grid) for s in (1, -1))
        columns.append(product((after - before) / 2e-5, inverse)[:, 1:])
    values = np.linalg.det(np.stack(columns, -1))
    crossings = grid[:-1][values[:-1] * values[1:] < 0]
    times = axisymmetric_conjugate_times(momentum, a, b, time)
    np.testing.assert_allclose(crossings, times, atol=2 * (grid[1] - grid[0]))


def test_flat_conjugate_points_lie_at_half_turns_twice():
    np.testing.assert_allclose(
        axisymmetric_conjugate_times([0, 3.0, 4.0], 1.0, 1.0, 1.5),
        np.repeat([math.pi / 5, 2 * math.pi / 5], 2),
    )


@cache
def three_local(q: float) -> Penalty:
    return local_penalty(3, q)


def test_axes_of_symmetry_are_recognised():
    one = PauliGroup(1)
    assert axisymmetric(Penalty(one, [2.0, 2.0, 5.0])) == (2.0, 5.0, "Z")
    assert axisymmetric(Penalty(one, [2.0, 5.0, 2.0])) == (2.0, 5.0, "Y")
    assert axisymmetric(Penalty(one, [np.inf, 1.0, 1.0])) == (1.0, np.inf, "X")
    assert axisymmetric(Penalty(one, [1.0, 2.0, 3.0])) is None
    assert axisymmetric(flat_penalty(1)) == (1.0, 1.0, "Z")
    assert axisymmetric(three_local(8.0), ("ZXI", "IYZ", "ZZZ")) == (1.0, 8.0, "ZZZ")


def test_a_triple_of_strings_is_one_qubit():
    for angle in (0.2, 1.0, 1.5, 4.0):
        bound = triple_bound(three_local(30.0), ("ZXI", "IYZ", "ZZZ"), angle)
        assert bound == pytest.approx(axisymmetric_length(rotation(angle), 1.0, 30.0), rel=1e-12)
        assert string_bound(three_local(30.0), "ZZZ", angle) == pytest.approx(bound)
    assert string_bound(three_local(30.0), "ZZI", 1.0) == pytest.approx(1.0)


def test_three_different_weights_are_bounded_from_above():
    penalty = Penalty(PauliGroup(1), [1.0, 1.6, 12.0])
    bound = triple_bound(penalty, ("X", "Y", "Z"), 1.3)
    relaxed = relaxed_length(rotation(1.3), np.asarray(penalty.weights), 4, 2)
    assert relaxed <= bound * 1.02
    assert bound <= triple_bound(Penalty(PauliGroup(1), [1.6, 1.6, 12.0]), ("X", "Y", "Z"), 1.3)
    assert triple_bound(Penalty(PauliGroup(1), [1.0, np.inf, np.inf]), ("X", "Y", "Z"), 1.0) == np.inf
    assert triple_bound(Penalty(PauliGroup(1), [1.0, 2.0, np.inf]), ("X", "Y", "Z"), 0.5) < np.inf


def test_bad_input_is_told_in_one_line():
    with pytest.raises(ValueError, match="not unitary"):
        axisymmetric_length(2 * np.eye(2), 1.0, 1.0)
    with pytest.raises(ValueError, match="2 x 2"):
        axisymmetric_length(np.eye(4), 1.0, 1.0)
    with pytest.raises(ValueError, match="must be positive"):
        axisymmetric_length(np.eye(2), 0.0, 1.0)
    with pytest.raises(ValueError, match="no direction is left"):
        axisymmetric_length(np.eye(2), math.inf, math.inf)
    with pytest.raises(ValueError, match="'X', 'Y' or 'Z'"):
        axisymmetric_length(np.eye(2), 1.0, 1.0, "W")
    with pytest.raises(ValueError, match="no su"):
        triple_bound(three_local(3.0), ("ZXI", "IYZ", "ZZI"), 1.0)
    with pytest.raises(ValueError, match="no su"):
        axisymmetric(three_local(3.0), ("ZZI", "IZZ", "ZIZ"))
    with pytest.raises(ValueError, match="not a Pauli string"):
        triple_bound(three_local(3.0), ("ZX", "IYZ", "ZZZ"), 1.0)
    with pytest.raises(ValueError, match="pass three strings"):
        axisymmetric(three_local(3.0))
    with pytest.raises(ValueError, match="PauliGroup"):
        triple_bound(Penalty(SpecialOrthogonal(3), np.ones(3)), ("X", "Y", "Z"), 1.0)
    with pytest.raises(ValueError, match="moves nothing"):
        axisymmetric_conjugate_times([0, 0, 1.0], 1.0, math.inf)
