"""Paths as circuits and as plane rotations: orders, gates, errors against SciPy's exponential."""

from __future__ import annotations

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import circuits
import qgeom
from circuits import gates
from circuits.ops import Param
from qgeom.nielsen.bounds import flat_distance
from qgeom.nielsen.geodesic import minimal_geodesic
from qgeom.nielsen.givens import rotations_matrix, to_rotations
from qgeom.nielsen.groups import PauliGroup
from qgeom.nielsen.pauli_gates import rotation_gates, without_inverse_pairs
from qgeom.nielsen.penalty import flat_penalty, local_penalty, plane_penalty
from qgeom.nielsen.product_formulas import commuting_groups, product_formula, stages
from qgeom.nielsen.targets import circuit_unitary
from qgeom.nielsen.trotter import operator_error, to_circuit

PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}
STRINGS = {n: ["".join(s) for s in itertools.product("IXYZ", repeat=n)][1:] for n in (1, 2, 3, 4)}


def pauli(string: str) -> np.ndarray:
    return functools.reduce(np.kron, [PAULI[letter] for letter in string])


def exact(controls: np.ndarray) -> np.ndarray:
    """``exp(-i H_k / k) ... exp(-i H_1 / k)`` by SciPy."""
    k, m = controls.shape
    n = (m + 1).bit_length() // 2
    u = np.eye(2**n)
    for row in controls:
        hamiltonian = sum(h * pauli(s) for h, s in zip(row, STRINGS[n]))
        u = scipy.linalg.expm(-1j * hamiltonian / k) @ u
    return u


def random_controls(n: int, k: int, seed: int = 0, size: float = 1.0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(k, 4**n - 1)) * size / 2**n


def phase_error(u: np.ndarray, v: np.ndarray) -> float:
    """``min_phi |u - e^{i phi} v|`` by trying phases."""
    phases = np.linspace(0, 2 * np.pi, 2001)
    near = [np.linalg.norm(u - np.exp(1j * p) * v, 2) for p in phases]
    middle = phases[int(np.argmin(near))]
    fine = np.linspace(middle - 0.004, middle + 0.004, 2001)
    return min(np.linalg.norm(u - np.exp(1j * p) * v, 2) for p in fine)


# Gates of one rotation.


@pytest.mark.parametrize("max_weight", [1, 2, 3, None])
@pytest.mark.parametrize("string", ["IXI", "YIZ", "XYZ", "YYY", "XZYX", "ZZZZ", "YIXY", "IZIY"])
def test_a_rotation_about_a_string_is_what_its_gates_make(string: str, max_weight: int | None):
    ops = rotation_gates(string, Param(0), max_weight)
    unitary = circuit_unitary(circuits.Circuit(len(string), ops), [0.7])
    expected = scipy.linalg.expm(-0.35j * pauli(string))
    np.testing.assert_allclose(unitary, expected, atol=1e-14)
    if max_weight is not None:
        assert max(len(op.wires) for op in ops) <= max(max_weight, 2)
        weight = len(string) - string.count("I")
        assert sum(op.name == "CX" for op in ops) == 2 * max(0, weight - max_weight)


def test_gates_that_the_next_undoes_are_left_out_and_layers_follow():
    g = circuits.gates
    first = [g.SX(0), g.CX(0, 1), g.RZ(0.3, 2)]
    second = [g.CX(0, 1), g.SXDG(0), g.H(2)]
    third = [g.H(1), g.CX(0, 1), g.H(1)]
    assert without_inverse_pairs([first, second, third]) == [[g.RZ(0.3, 2)], [g.H(2)], third]
    assert without_inverse_pairs([[g.H(0)], [g.CX(0, 1)], [g.H(0)]]) == [[g.H(0)], [g.CX(0, 1)], [g.H(0)]]


# Product formulas.


def test_the_stages_of_one_step_add_up_to_the_step_for_every_group():
    for order in (1, 2, 4):
        for groups in (1, 2, 5):
            totals = np.zeros(groups)
            for group, fraction in stages(order, groups):
                totals[group] += fraction
            np.testing.assert_allclose(totals, 1.0, atol=1e-14)
    with pytest.raises(ValueError, match="order 1, 2 and 4 are known, not 3"):
        stages(3, 2)


def test_groups_commute_and_hold_every_used_element_once():
    matrices = [pauli(s) for s in STRINGS[2]]
    commutes = np.array([[np.allclose(a @ b, b @ a) for a in matrices] for b in matrices])
    sizes = np.arange(15.0)
    groups = commuting_groups(commutes, sizes)
    assert sorted(itertools.chain(*groups)) == list(range(1, 15))
    assert all(commutes[np.ix_(members, members)].all() for members in groups)


def test_half_steps_that_meet_are_merged_into_one():
    commutes = np.eye(2, dtype=bool)
    controls = np.tile([0.4, 0.8], (3, 1))
    found = [rotation for stage in product_formula(controls, commutes, 2) for rotation in stage]
    assert [a for a, _ in found] == [1, 0, 1, 0, 1, 0, 1]
    np.testing.assert_allclose([t for a, t in found if a == 1], np.array([0.4, 0.8, 0.8, 0.4]) / 3)


# The whole.


@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("n", [2, 3])
def test_the_error_falls_as_the_order_says(n: int, order: int):
    controls = random_controls(n, 2)
    steps = np.array([2, 4, 8])
    errors = [to_circuit(controls, steps=int(s), order=order, max_weight=None).error for s in steps]
    slopes = -np.diff(np.log(errors)) / np.log(2)
    np.testing.assert_allclose(slopes, order, atol=0.25)


def test_means_over_a_step_leave_an_error_of_order_two():
    controls = np.stack([np.cos(2 * t + np.arange(15)) for t in (np.arange(64) + 0.5) / 64]) / 2
    first, last = (to_circuit(controls, steps=s, drop=1e-8).error for s in (4, 32))
    assert np.log2(first / last) / 3 == pytest.approx(2.0, abs=0.3)


@pytest.mark.parametrize("max_weight", [1, 2, None])
def test_the_unitary_is_that_of_the_path_to_the_error_stated(max_weight: int | None):
    controls = random_controls(3, 3, seed=1, size=0.7)
    compiled = to_circuit(controls, error=2e-2, max_weight=max_weight)
    end = exact(controls)
    assert compiled.error <= 2e-2
    assert compiled.error == pytest.approx(phase_error(end, compiled.unitary()), rel=1e-4)
    assert compiled.distance == pytest.approx(flat_distance(PauliGroup(3), end.conj().T @ compiled.unitary()))
    assert compiled.distance <= compiled.error * 1.01  # root mean square against largest angle
    if max_weight is not None:
        assert max(len(op.wires) for op in compiled.circuit.ops) == 2
    assert sum(compiled.counts.values()) == len(compiled.circuit.ops)
    assert np.isnan(compiled.target_distance)


def test_commuting_controls_are_exact_in_one_step():
    controls = np.zeros((1, 63))
    for string, value in (("ZZZ", 0.3), ("ZII", -0.2), ("XXI", 0.5)):
        controls[0, STRINGS[3].index(string)] = value
    controls[0, STRINGS[3].index("ZII")] = 0.0
    compiled = to_circuit(controls, steps=1, order=1)
    np.testing.assert_allclose(operator_error(exact(controls), compiled.unitary()), 0.0, atol=1e-14)
    assert compiled.counts["CX"] == 2
    assert compiled.circuit.n_parameters == 2


def test_the_product_of_the_gates_is_what_the_engine_does_to_every_basis_state():
    circuit = to_circuit(random_controls(2, 1), steps=1, max_weight=1).circuit
    theta = np.random.default_rng(6).normal(size=circuit.n_parameters)
    columns = []
    for bits in ([], [1], [0], [0, 1]):
        flipped = circuits.Circuit(2, [*(gates.X(wire) for wire in bits), *circuit.ops])
        columns.append(np.asarray(flipped(jax.numpy.asarray(theta)).vector))
    np.testing.assert_allclose(circuit_unitary(circuit, theta), np.stack(columns, axis=1), atol=1e-13)


def test_the_error_of_two_unitaries_is_the_least_over_phases():
    rng = np.random.default_rng(3)
    for dim in (2, 4):
        u, v = (np.linalg.qr(rng.normal(size=(dim, dim)) + 1j * rng.normal(size=(dim, dim)))[0] for _ in "ab")
        assert operator_error(u, v) == pytest.approx(phase_error(u, v), rel=1e-5)
    assert operator_error(u, 1j * u) == pytest.approx(0.0, abs=1e-14)


def test_the_length_as_built_is_that_of_the_straight_line_where_all_strings_commute():
    controls = np.zeros((1, 15))
    controls[0, [STRINGS[2].index("XX"), STRINGS[2].index("ZZ")]] = 0.3, 0.4
    cost = to_circuit(controls, flat_penalty(2), steps=1).cost
    assert cost is not None
    assert cost.length == pytest.approx(0.5)
    assert cost.sequential_length == pytest.approx(0.7)


@pytest.mark.slow
def test_a_geodesic_compiles_runs_and_is_measured():
    target = scipy.linalg.expm(-1j * (0.4 * pauli("XX") + 0.3 * pauli("ZI") + 0.2 * pauli("YZ")))
    with jax.numpy_dtype_promotion("standard"):  # of the compiled circuit only
        geodesic = minimal_geodesic(target, local_penalty(2, 4.0, max_weight=1), starts=4)
    compiled = to_circuit(geodesic, error=1e-2)
    assert compiled.target_distance <= 1e-2
    assert compiled.cost is not None
    assert compiled.cost.length >= geodesic.lower_bound
    theta = jnp.asarray(compiled.theta)
    state = compiled.circuit(theta).vector
    assert abs(np.vdot(np.asarray(state), target[:, 0])) > 1 - 1e-3
    metric = qgeom.information_metric(compiled.circuit, theta)
    matrix = np.asarray(metric.as_matrix())
    assert matrix.shape == (len(theta), len(theta))
    assert 1 <= metric.rank() <= 6  # two qubits have six directions of states
    # The first rotation acts on |00>: F = Var(2 x P / 2) = 1 - <P>^2.
    first = compiled.circuit.ops[0]
    expected = 0.0 if set(first.name[1:] or first.pauli) <= {"Z"} else 1.0
    assert matrix[0, 0] == pytest.approx(expected, abs=1e-12)
    assert compiled.circuit.draw()


# Rotations.


@pytest.mark.parametrize("order", [1, 2, 4])
def test_plane_rotations_come_nearer_as_the_order_says(order: int):
    controls = np.random.default_rng(4).normal(size=(2, 6))
    errors = [to_rotations(controls, steps=s, order=order).error for s in (8, 16, 32)]
    np.testing.assert_allclose(-np.diff(np.log(errors)) / np.log(2), order, atol=0.3)


def test_plane_rotations_multiply_to_the_path_and_layers_share_no_axis():
    controls = np.random.default_rng(5).normal(size=(3, 10))
    compiled = to_rotations(controls, plane_penalty(5, 4.0), error=1e-4)
    i, j = np.triu_indices(5, 1)
    end = np.eye(5)
    for row in controls:
        skew = np.zeros((5, 5))
        skew[i, j], skew[j, i] = row, -row
        end = scipy.linalg.expm(skew / 3) @ end
    assert np.linalg.norm(compiled.matrix() - end, 2) <= 1e-4
    assert sum(compiled.layers) == len(compiled.angles) == len(compiled.planes)
    start = 0
    for count in compiled.layers:
        axes = compiled.planes[start : start + count].ravel()
        assert len(set(axes.tolist())) == 2 * count
        start += count
    assert compiled.length > 0


def test_one_plane_rotation_turns_as_its_generator():
    generator = np.zeros((3, 3))
    generator[0, 2], generator[2, 0] = 0.6, -0.6
    np.testing.assert_allclose(
        rotations_matrix(3, np.array([[0, 2]]), np.array([0.6])), scipy.linalg.expm(generator), atol=1e-15
    )


@pytest.mark.parametrize(
    ("controls", "options", "error", "message"),
    [
        (np.zeros((2, 14)), {}, ValueError, "4^n - 1 controls, one per Pauli string, not 14"),
        (np.zeros(15), {}, ValueError, "a Geodesic or an array"),
        (np.full((1, 15), np.nan), {}, ValueError, "NaN or infinity"),
        (np.zeros((1, 15)), {"steps": 2, "error": 0.1}, ValueError, "either steps or error"),
        (np.zeros((1, 15)), {"steps": 0}, ValueError, "steps is 1 or more, not 0"),
        (np.zeros((3, 15)), {"steps": 4, "order": 4}, ValueError, "a multiple of the path's 3 pieces"),
        (random_controls(2, 1), {"error": -1.0}, ValueError, "must be positive"),
        (random_controls(2, 1), {"steps": 1, "max_weight": 0}, ValueError, "1, 2, ... or None, not 0"),
        (np.zeros((1, 6)), {"penalty": plane_penalty(4, 2.0)}, TypeError, "to_rotations compiles SO"),
    ],
)
def test_bad_input_gets_one_line(controls, options, error, message: str):
    with pytest.raises(error) as caught:
        to_circuit(controls, **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_of_another_group_is_no_path_of_rotations():
    with pytest.raises(TypeError, match="to_circuit compiles SU"):
        to_rotations(np.zeros((1, 15)), flat_penalty(2))
    with pytest.raises(ValueError, match="one per plane, not 5"):
        to_rotations(np.zeros((1, 5)))
