"""Straight lines: when they are geodesics, their conjugate times against closed forms, and their cut."""

from __future__ import annotations

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from qgeom.nielsen.groups import GeneralLinear, PauliGroup, SpecialOrthogonal
from qgeom.nielsen.one_qubit import axial_cut, axisymmetric_conjugate_times
from qgeom.nielsen.penalty import Penalty, flat_penalty, local_penalty
from qgeom.nielsen.straight import is_geodesic, straight_conjugate_times, straight_cut


def along(penalty: Penalty, **strings: float) -> np.ndarray:
    h = np.zeros(penalty.group.dimension)
    for name, value in strings.items():
        h[penalty.group.names.index(name)] = value
    return h


def test_a_line_is_a_geodesic_in_one_eigenspace_or_for_commuting_strings():
    penalty = local_penalty(3, 5.0)
    assert is_geodesic(penalty, along(penalty, XXI=0.3, IZY=-1.0, YII=0.2))
    assert is_geodesic(penalty, along(penalty, ZZI=0.3, ZZZ=-1.0))
    assert not is_geodesic(penalty, along(penalty, XXI=0.3, ZZZ=-1.0, YII=0.4))
    assert is_geodesic(flat_penalty(1), np.array([0.3, 1.0, -2.0]))
    rotations = Penalty(SpecialOrthogonal(3), [1.0, 2.0, 3.0])
    assert is_geodesic(rotations, np.array([0.0, 1.0, 0.0]))
    assert not is_geodesic(rotations, np.array([1.0, 1.0, 0.0]))


@pytest.mark.parametrize(("n", "time"), [(1, 9.0), (2, 6.0), (3, 5.0)])
def test_flat_conjugate_times_are_whole_turns_of_differences_of_eigenvalues(n, time):
    rng = np.random.default_rng(n)
    h = rng.normal(size=4**n - 1) / 2 ** (n - 1)
    values = np.linalg.eigvalsh(np.asarray(PauliGroup(n).hamiltonian(jnp.asarray(h))))
    gaps = np.abs(values[:, None] - values[None, :])[np.triu_indices(2**n, 1)]
    expected = np.sort(
        [2 * math.pi * k / g for g in gaps for k in range(1, 1 + int(time * g / (2 * math.pi))) for _ in "+-"]
    )
    assert len(expected) > 1
    np.testing.assert_allclose(straight_conjugate_times(flat_penalty(n), h, time), expected, rtol=1e-10)


@pytest.mark.parametrize(("a", "b"), [(1.0, 3.0), (2.0, 0.5), (1.0, 30.0), (1.0, 1.0), (1.5, math.inf)])
def test_lines_of_the_berger_sphere_have_the_conjugate_times_of_the_closed_form(a, b):
    penalty = Penalty(PauliGroup(1), [a, a, b])
    time = 8.0
    across = straight_conjugate_times(penalty, np.array([0.6, -0.8, 0.0]), time)
    np.testing.assert_allclose(
        across, axisymmetric_conjugate_times([0.6 * a, -0.8 * a, 0.0], a, b, time), atol=1e-8
    )
    if math.isfinite(b):
        axial = straight_conjugate_times(penalty, np.array([0.0, 0.0, 1.0]), time)
        np.testing.assert_allclose(axial, axisymmetric_conjugate_times([0.0, 0.0, b], a, b, time), atol=1e-8)


def jacobi_determinant(penalty: Penalty, h: np.ndarray, times: np.ndarray) -> np.ndarray:
    """``det J`` of ``K' = V + [X, K]``, ``delta' = [V, L] + [X, delta]``, ``V = G^{-1} delta``, as matrices."""
    group, m = penalty.group, penalty.group.dimension
    w = np.asarray(penalty.weights)
    basis = np.asarray(group.generator(jnp.eye(m)))
    scale = np.einsum("aij,aij->a", basis.conj(), basis).real
    x, L = np.einsum("a,aij->ij", h, basis), np.einsum("a,aij->ij", w * h, basis)

    def coefficients(matrices):
        return np.einsum("aij,bij->ba", basis.conj(), matrices).real / scale

    def rate(_, y):
        delta, k = y.reshape(2, m, m)
        d, v, km = (np.einsum("ba,aij->bij", c, basis) for c in (delta, delta / w, k))
        return np.concatenate(
            [
                coefficients(v @ L - L @ v + x @ d - d @ x).ravel(),
                (delta / w + coefficients(x @ km - km @ x)).ravel(),
            ]
        )

    start = np.concatenate([np.eye(m).ravel(), np.zeros(m * m)])
    solution = solve_ivp(rate, (0, times[-1]), start, t_eval=times, method="DOP853", rtol=1e-10, atol=1e-10)
    return np.linalg.det(solution.y[m * m :].T.reshape(-1, m, m))


def test_times_are_the_zeros_of_the_integrated_determinant():
    penalty = Penalty(PauliGroup(2), np.exp(np.random.default_rng(1).normal(size=15)))
    h = along(penalty, ZZ=1.0, XX=0.7, YY=-0.4)
    grid = np.linspace(0.0, 2.5, 501)[1:]
    values = jacobi_determinant(penalty, h, grid)
    crossings = grid[:-1][values[:-1] * values[1:] < 0]
    times = straight_conjugate_times(penalty, h, 2.5)
    assert len(crossings) > 1
    np.testing.assert_allclose(crossings, times, atol=2 * (grid[1] - grid[0]))


def test_times_scale_with_the_controls_and_do_not_depend_on_the_interval():
    penalty = local_penalty(2, 6.0, max_weight=1)
    h = along(penalty, ZI=0.9, IZ=0.4, ZZ=0.7)
    all_times = straight_conjugate_times(penalty, h, 6.0)
    assert len(all_times) > 2
    np.testing.assert_allclose(straight_conjugate_times(penalty, 2.0 * h, 3.0), 0.5 * all_times, rtol=1e-8)
    early = straight_conjugate_times(penalty, h, 2.0)
    np.testing.assert_allclose(early, all_times[all_times <= 2.0], rtol=1e-8)


def test_a_conjugate_point_at_the_end_counts():
    assert len(straight_conjugate_times(flat_penalty(1), np.array([0.0, 0.0, 1.0]), math.pi)) == 2
    penalty = Penalty(PauliGroup(1), [1.0, 1.0, 4.0])
    first = straight_conjugate_times(penalty, np.array([1.0, 0.0, 0.0]), 10.0)[0]
    assert len(straight_conjugate_times(penalty, np.array([1.0, 0.0, 0.0]), float(first))) == 1


def test_diagonal_scalings_never_have_conjugate_points():
    """Diagonal matrices with positive entries are a flat, totally geodesic part of GL(2) with these weights."""
    times = straight_conjugate_times(
        Penalty(GeneralLinear(2), np.ones(4)), np.array([1.0, 0.0, 0.0, -0.5]), 3.0
    )
    assert times.size == 0


@pytest.mark.slow
@pytest.mark.parametrize("b", [4.0, 10.0])
def test_the_cut_along_the_axis_is_that_of_the_closed_form(b):
    penalty = Penalty(PauliGroup(1), [1.0, 1.0, b])
    cut = straight_cut(penalty, np.array([0.0, 0.0, 1.0]), 1.5)
    assert cut.conjugate_time == pytest.approx(math.pi / b, rel=1e-8)
    assert cut.time == pytest.approx(axial_cut(1.0, b), rel=0.02)


@pytest.mark.slow
def test_phase_cuts_a_cheap_line_before_its_conjugate_point():
    penalty = Penalty(PauliGroup(1), [1.0, 1.0, 1.2])
    cut = straight_cut(penalty, np.array([0.0, 0.0, 1.0]), 2.5)
    assert cut.time == pytest.approx(math.pi / 2, rel=0.02)
    assert cut.shorter is not None
    assert cut.bracket[0] <= cut.time < cut.bracket[1] < cut.conjugate_time


def test_bad_input_is_told_in_one_line():
    penalty = local_penalty(2, 6.0, max_weight=1)
    with pytest.raises(ValueError, match="is no geodesic"):
        straight_conjugate_times(penalty, along(penalty, XX=1.0, ZI=1.0))
    with pytest.raises(ValueError, match="15 controls"):
        is_geodesic(penalty, np.ones(3))
    with pytest.raises(ValueError, match="not all zero"):
        is_geodesic(penalty, np.zeros(15))
    with pytest.raises(ValueError, match="positive and finite"):
        straight_conjugate_times(penalty, along(penalty, XX=1.0), -1.0)
    forbidden = local_penalty(2, np.inf, max_weight=1)
    with pytest.raises(ValueError, match="forbids"):
        is_geodesic(forbidden, along(forbidden, XX=1.0))
    with pytest.raises(ValueError, match="abnormal"):
        straight_conjugate_times(forbidden, along(forbidden, XI=1.0))
