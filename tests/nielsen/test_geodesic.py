"""The shortest geodesic: closed forms, certificates, and what happens to bad input."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from scipy.stats import unitary_group

import circuits
from circuits import gates, hamiltonians
from qgeom.nielsen import (
    GeneralLinear,
    PauliGroup,
    Penalty,
    binding_penalty,
    circuit_unitary,
    evolution,
    flat_penalty,
    local_penalty,
    minimal_geodesic,
    plane_penalty,
)
from qgeom.nielsen.one_qubit import axisymmetric_length, triple_bound

CNOT = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], complex)
ISWAP = np.array([[1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]])
FEW = {"starts": 6}


def rotation(string: str, angle: float) -> np.ndarray:
    op = gates.PauliRotation(2.0 * angle, string, tuple(range(len(string))))
    return np.asarray(gates.matrix(op, jnp.asarray([2.0 * angle])))


@pytest.mark.parametrize("ratio", [0.4, 1.0, 3.0, 12.0])
@pytest.mark.parametrize(
    "angle", [pytest.param(0.25, marks=pytest.mark.slow), 0.7, pytest.param(1.2, marks=pytest.mark.slow), 1.5]
)
def test_one_qubit_lengths_are_those_in_closed_form_on_both_sides_of_the_cut(ratio, angle):
    g = minimal_geodesic(rotation("Z", angle), Penalty(PauliGroup(1), [1.0, 1.0, ratio]), **FEW)
    np.testing.assert_allclose(g.length, axisymmetric_length(rotation("Z", angle), 1.0, ratio), rtol=1e-7)
    assert g.locally_minimal
    assert g.residual < 1e-8


def test_one_qubit_lengths_of_any_target():
    for seed in range(4):
        u = unitary_group.rvs(2, random_state=seed)
        g = minimal_geodesic(u, Penalty(PauliGroup(1), [1.0, 1.0, 6.0]), **FEW)
        np.testing.assert_allclose(g.length, axisymmetric_length(u, 1.0, 6.0), rtol=1e-7)


@pytest.mark.parametrize(
    ("target", "length"), [(CNOT, np.pi * np.sqrt(3) / 4), (ISWAP, np.pi / (2 * np.sqrt(2)))]
)
def test_flat_lengths(target, length):
    g = minimal_geodesic(np.exp(0.3j) * target, flat_penalty(2), **FEW)
    np.testing.assert_allclose([g.length, g.lower_bound, g.upper_bound], length, rtol=1e-8)
    assert g.gap < 1e-8


def test_cnot_with_one_qubit_strings_free_is_certified_shortest():
    g = minimal_geodesic(CNOT, local_penalty(2, 10.0, max_weight=1), **FEW)
    np.testing.assert_allclose(g.length, np.pi / 4 * np.sqrt(12.0), rtol=1e-8)
    assert g.gap < 1e-7
    assert not g.unique  # Z X and its images are as short


def test_the_result_is_a_geodesic_that_reaches_the_target():
    target = unitary_group.rvs(4, random_state=3)
    penalty = local_penalty(2, 10.0, max_weight=1)
    g = minimal_geodesic(target, penalty, **FEW)
    assert g.is_geodesic
    assert g.complete
    assert g.energy_drift < 1e-10
    overlap = abs(np.trace(g.path[-1].conj().T @ target)) / 4
    np.testing.assert_allclose(overlap, 1.0, atol=1e-14)
    speeds = np.sqrt(np.sum(np.asarray(penalty.weights) * g.controls**2, axis=1))
    np.testing.assert_allclose(speeds, g.length, rtol=1e-9)
    u = np.eye(4)
    for h in g.segments:
        u = scipy.linalg.expm(np.asarray(penalty.group.generator(h)) / len(g.segments)) @ u
    np.testing.assert_allclose(abs(np.trace(u.conj().T @ target)) / 4, 1.0, atol=1e-10)
    momentum = penalty.group.generator(g.momentum)
    carried = g.path[-1] @ momentum @ g.path[-1].conj().T
    np.testing.assert_allclose(
        penalty.group.coefficients(carried), g.controls[-1] * np.asarray(penalty.weights), atol=1e-9
    )
    assert g.lower_bound <= g.length <= g.upper_bound * (1 + 1e-12)
    assert all(other.length >= g.length for other in g.alternatives)


def test_saddles_and_distinct_geodesics_are_told_apart():
    """Past its cut the straight line along Z is still a geodesic, and no minimum."""
    penalty = Penalty(PauliGroup(1), [1.0, 1.0, 12.0])
    g = minimal_geodesic(rotation("Z", 1.2), penalty, **FEW)
    straight = 1.2 * np.sqrt(12.0)
    assert g.length < 0.9 * straight
    longer = [a for a in g.alternatives if abs(a.length - straight) < 1e-6]
    for a in longer:
        assert not a.locally_minimal or a.index is None


def test_the_gap_is_honest_for_small_penalties_that_grow():
    lengths = [
        minimal_geodesic(
            unitary_group.rvs(4, random_state=5), local_penalty(2, q, max_weight=1), **FEW
        ).length
        for q in (1.0, 4.0, 16.0)
    ]
    assert lengths[0] < lengths[1] < lengths[2] <= 4.0 * lengths[0]


@pytest.mark.slow
@pytest.mark.parametrize("angle", [0.5, 1.3])
def test_a_string_is_never_longer_than_its_su2_triple_allows(angle):
    penalty = local_penalty(3, 20.0)
    closed = triple_bound(penalty, ("ZXI", "IYZ", "ZZZ"), angle)
    g = minimal_geodesic(rotation("ZZZ", angle), penalty)
    assert g.length <= closed * (1 + 1e-7)


def test_infinite_penalties_are_sub_riemannian():
    """exp(-i a Z) with X and Y alone, in closed form."""
    u = rotation("Z", 0.6)
    g = minimal_geodesic(u, Penalty(PauliGroup(1), [1.0, 1.0, np.inf]), **FEW)
    np.testing.assert_allclose(g.length, axisymmetric_length(u, 1.0, np.inf), rtol=1e-6)
    assert float(np.max(np.abs(g.controls[:, 2]))) == 0.0


def test_unreachable_targets_are_refused():
    penalty = binding_penalty(2, [(0,), (1,)], np.inf)
    with pytest.raises(ValueError, match="no path reaches the target"):
        minimal_geodesic(CNOT, penalty)


@pytest.mark.slow
def test_rotations_and_invertible_maps_go_through_the_same_solver():
    rng = np.random.default_rng(1)
    flat = plane_penalty(3, 1.0)
    g = minimal_geodesic(
        scipy.linalg.expm(np.asarray(flat.group.generator(np.array([0.4, -1.0, 0.7])))), flat, **FEW
    )
    np.testing.assert_allclose(g.length, np.linalg.norm([0.4, -1.0, 0.7]), rtol=1e-8)
    a = np.eye(2) + 0.4 * rng.normal(size=(2, 2))
    g = minimal_geodesic(a, Penalty(GeneralLinear(2), np.ones(4)), **FEW)
    assert g.is_geodesic
    assert g.lower_bound <= g.length * (1 + 1e-9)
    np.testing.assert_allclose(g.path[-1], a, atol=1e-8)
    s = scipy.linalg.expm(
        np.array([[0.3, 0.2], [0.2, -0.5]])
    )  # along symmetric maps the straight line is shortest
    g = minimal_geodesic(s, Penalty(GeneralLinear(2), np.ones(4)), **FEW)
    np.testing.assert_allclose(g.length, np.linalg.norm([[0.3, 0.2], [0.2, -0.5]]), rtol=1e-7)


@pytest.mark.slow
def test_hamiltonians_and_circuits_are_targets():
    h = hamiltonians.ising(2, field=0.7)
    penalty = local_penalty(2, 5.0, max_weight=1)
    by_name = minimal_geodesic(0.3 * h, penalty, **FEW)
    by_matrix = minimal_geodesic(evolution(h, 0.3), penalty, **FEW)
    np.testing.assert_allclose(by_name.length, by_matrix.length, rtol=1e-8)
    c = circuits.hardware_efficient(2, 2)
    theta = c.init(jax.random.key(1))
    u = circuit_unitary(c, theta)
    np.testing.assert_allclose(u[:, 0], c(theta).vector, atol=1e-12)
    g = minimal_geodesic((c, theta), penalty, **FEW)
    np.testing.assert_allclose(g.length, minimal_geodesic(u, penalty).length, rtol=1e-6)


def test_the_identity_needs_no_path():
    g = minimal_geodesic(np.exp(1j) * np.eye(4), flat_penalty(2))
    assert (g.length, g.upper_bound, g.lower_bound, g.gap) == (0.0, 0.0, 0.0, 0.0)
    assert g.locally_minimal


def test_the_cut_locus_is_said():
    g = minimal_geodesic(rotation("Z", np.pi / 2), flat_penalty(1), **FEW)
    np.testing.assert_allclose(g.length, np.pi / 2, rtol=1e-8)
    assert not g.unique
    assert "as long" in repr(g)


def test_a_spent_budget_returns_the_best_so_far_marked():
    start = time.monotonic()
    g = minimal_geodesic(unitary_group.rvs(4, random_state=1), local_penalty(2, 10.0, 1), time_budget=1e-3)
    assert time.monotonic() - start < 60.0
    assert not g.complete
    assert "time budget" in repr(g)
    assert g.residual < 1e-8  # the straight line at the least
    assert g.lower_bound <= g.upper_bound


def test_the_same_key_gives_the_same_path():
    u, penalty = unitary_group.rvs(4, random_state=8), local_penalty(2, 10.0, 1)
    a, b = (minimal_geodesic(u, penalty, key=jax.random.key(5), **FEW) for _ in range(2))
    np.testing.assert_array_equal(a.momentum, b.momentum)


@pytest.mark.parametrize(
    ("target", "options", "message"),
    [
        (np.diag([1.0, 2.0, 1.0, 1.0]), {}, r"not unitary: \|U'U - 1\| = 3"),
        (np.eye(2), {}, r"shape \(2, 2\), the penalty is for matrices \(4, 4\)"),
        (CNOT, {"time_budget": -1.0}, "time_budget is in seconds"),
        (CNOT, {"starts": 0}, "starts must be at least 1"),
        (CNOT, {"initial": [np.zeros((3, 4))]}, r"array \(segments, 15\)"),
        (hamiltonians.ising(3), {}, "acts on 3 qubits"),
        (circuits.hardware_efficient(2, 1), {}, r"pass \(circuit, theta\)"),
    ],
)
def test_bad_input_is_one_line(target, options, message):
    with pytest.raises(ValueError, match=message) as error:
        minimal_geodesic(target, local_penalty(2, 10.0, 1), **options)
    assert "\n" not in str(error.value)
