"""Straight lines against brute force over branches, dense Pauli sums, and exact closest vectors."""

from __future__ import annotations

import importlib
import itertools

import numpy as np
import pytest
import scipy.linalg
import scipy.stats

from circuits.gate_matrices import pauli_matrix
from circuits.hamiltonians import mixed_field_ising
from qgeom.nielsen.closest_vector import (
    cyclic_unwrappings,
    enumerated,
    gram_without_last,
    improved,
    nearest_plane,
    reduced_basis,
)
from qgeom.nielsen.groups import PauliGroup
from qgeom.nielsen.lattice import quadratic_form, straight_line_bound, straight_line_of
from qgeom.nielsen.penalty import Penalty, flat_penalty, local_penalty
from qgeom.nielsen.string_weights import local_rule, string_rule, string_weights_of

CNOT = np.eye(4, dtype=complex)[[0, 1, 3, 2]]
TOFFOLI = np.eye(8, dtype=complex)[[0, 1, 2, 3, 4, 5, 7, 6]]


def haar(dim: int, seed: int) -> np.ndarray:
    return scipy.stats.unitary_group.rvs(dim, random_state=seed)


def strings(n: int) -> list[str]:
    return ["".join(s) for s in itertools.product("IXYZ", repeat=n)][1:]


def dense_length(hamiltonian: np.ndarray, weights: dict[str, float]) -> float:
    """``sqrt(sum_s w_s h_s^2)`` with every string as a dense matrix."""
    h = {s: np.trace(pauli_matrix(s) @ hamiltonian).real / len(hamiltonian) for s in weights}
    return float(np.sqrt(sum(w * h[s] ** 2 for s, w in weights.items())))


def weight_table(n: int, rule) -> dict[str, float]:
    return {s: rule(n - s.count("I")) for s in strings(n)}


def same_up_to_phase(u: np.ndarray, v: np.ndarray) -> float:
    return 1.0 - abs(np.trace(u.conj().T @ v)) / len(u)


# The quadratic form.


@pytest.mark.parametrize("n", [1, 2, 3])
def test_the_quadratic_form_is_the_sum_over_all_strings(n: int):
    vectors = haar(2**n, n)
    rule = string_rule(n, lambda k: 1.0 + 3.0 * k, weights={"XYZ"[:n]: 0.5})
    weights = weight_table(n, lambda k: 1.0 + 3.0 * k) | {"XYZ"[:n]: 0.5}
    expected = np.zeros((2**n, 2**n))
    for s, w in weights.items():
        a = np.einsum("ki,kl,li->i", vectors.conj(), pauli_matrix(s), vectors).real / 2**n
        expected += w * np.outer(a, a)
    np.testing.assert_allclose(quadratic_form(vectors, rule, infinite=0.0), expected, atol=1e-13)
    np.testing.assert_allclose(expected.sum(axis=0), 0.0, atol=1e-12)  # a common shift is the global phase


def test_a_table_and_a_rule_give_the_same_form():
    vectors = haar(16, 0)
    table = string_weights_of(local_penalty(4, 50.0, weights={"XYZX": 2.0}))
    rule = local_rule(4, 50.0, weights={"XYZX": 2.0})
    np.testing.assert_allclose(
        quadratic_form(vectors, table, 0.0), quadratic_form(vectors, rule, 0.0), atol=1e-12
    )
    np.testing.assert_array_equal(rule.lexicographic(), table.lexicographic())


# Closest vectors.


def random_form(dim: int, seed: int) -> np.ndarray:
    """Positive semidefinite, ones in its kernel, badly conditioned otherwise."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(dim, dim)) * 10.0 ** rng.uniform(-1, 0.3, size=dim)
    a -= a.mean(axis=1, keepdims=True)
    return a.T @ a


@pytest.mark.parametrize("seed", range(6))
def test_enumeration_finds_the_closest_vector(seed: int):
    q = random_form(4, seed)
    offset = np.random.default_rng(seed + 100).uniform(-2, 2, size=4)
    gram, inner = gram_without_last(q, offset)
    basis = reduced_basis(gram)
    start = nearest_plane(gram, inner, basis)
    found, complete = enumerated(gram, inner, start, basis)
    assert complete

    def value(k) -> float:
        return float((inner + np.array(k)) @ gram @ (inner + np.array(k)))

    best = min(itertools.product(range(-9, 10), repeat=3), key=value)
    assert value(found) == pytest.approx(value(best), rel=1e-12)


@pytest.mark.parametrize("dim", [3, 8, 20])
def test_the_reduced_basis_spans_the_same_lattice_and_is_shorter(dim: int):
    gram = random_form(dim, dim)[:-1, :-1]
    basis = reduced_basis(gram)
    assert abs(np.linalg.det(basis)) == pytest.approx(1.0)
    before, after = np.diag(gram), np.diag(basis @ gram @ basis.T)
    assert np.prod(after) <= np.prod(before) * (1 + 1e-9)
    assert np.sqrt(after.min()) <= np.sqrt(before.min()) * (1 + 1e-6)


def test_nearest_plane_is_exact_in_an_orthogonal_lattice():
    gram = np.diag([1.0, 4.0, 9.0])
    np.testing.assert_array_equal(nearest_plane(gram, np.array([0.4, 1.6, -2.7])), [0, -2, 3])


def test_steps_never_lengthen_and_end_where_no_step_helps():
    q, offset = random_form(6, 3), np.random.default_rng(3).normal(size=6)
    start = np.array([3.0, -2, 1, 0, 5, -4])
    k = improved(q, offset, start)

    def value(k: np.ndarray) -> float:
        return float((offset + k) @ q @ (offset + k))

    assert value(k) <= value(start)
    for i, j in itertools.product(range(6), repeat=2):
        for si, sj in itertools.product((-1, 0, 1), repeat=2):
            step = np.zeros(6)
            step[i] += si
            step[j] += sj
            assert value(k + step) >= value(k) - 1e-9


def test_values_of_the_cyclic_unwrappings():
    q, offset = random_form(5, 1), np.random.default_rng(1).uniform(size=5)
    values, order = cyclic_unwrappings(q, offset)
    for count in range(5):
        x = offset.copy()
        x[order[:count]] += 1
        assert values[count] == pytest.approx(x @ q @ x)


# Straight lines.


@pytest.mark.parametrize("q", [1.0, 10.0, 300.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_line_is_the_shortest_of_every_branch_of_two_qubits(seed: int, q: float):
    target = haar(4, seed)
    weights = weight_table(2, lambda k: 1.0 if k == 1 else q)
    line = straight_line_bound(target, local_penalty(2, q, max_weight=1))
    values, vectors = scipy.linalg.schur(target, output="complex")
    phases = -np.angle(np.diag(values))

    def length(k) -> float:
        energies = phases + 2 * np.pi * np.array([*k, 0])
        return dense_length((vectors * energies) @ vectors.conj().T, weights)

    assert line.length == pytest.approx(min(map(length, itertools.product(range(-2, 3), repeat=3))))
    assert line.shortest


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_the_line_reaches_its_target_and_has_the_length_it_says(n: int):
    target = haar(2**n, n + 7)
    line = straight_line_bound(target, local_rule(n, 25.0, max_weight=1))
    assert same_up_to_phase(scipy.linalg.expm(-1j * line.hamiltonian), target) < 1e-12
    assert dense_length(
        line.hamiltonian, weight_table(n, lambda k: 1.0 if k == 1 else 25.0)
    ) == pytest.approx(line.length)
    assert line.lower_bound - 1e-9 <= line.length <= min(line.principal_length, line.given_length) + 1e-9
    assert line.gap == line.length - line.lower_bound


def test_eigenvectors_of_many_levels_reach_the_target():
    target = haar(128, 0)
    line = straight_line_bound(target, local_rule(7, 10.0), reduce=False)
    reached = (line.vectors * np.exp(-1j * line.energies)) @ line.vectors.conj().T
    assert same_up_to_phase(reached, target) < 1e-10
    assert np.linalg.norm(line.vectors.conj().T @ line.vectors - np.eye(128)) < 1e-10


def test_coefficients_are_the_controls_of_the_line():
    line = straight_line_bound(haar(8, 0), local_penalty(3, 5.0))
    assert line.coefficients.shape == (63,)
    h = sum(c * pauli_matrix(s) for c, s in zip(line.coefficients, strings(3)))
    np.testing.assert_allclose(h, line.hamiltonian, atol=1e-12)


def test_at_unit_weights_the_line_is_the_flat_geodesic():
    line = straight_line_bound(CNOT, flat_penalty(2))
    assert line.length == pytest.approx(np.pi * np.sqrt(3) / 4)
    assert line.gap == pytest.approx(0.0, abs=1e-9)


def test_degenerate_eigenvalues_give_lines_in_computational_states():
    line = straight_line_bound(TOFFOLI, local_penalty(3, 2.0))
    assert line.length == pytest.approx(np.pi / np.sqrt(8))  # seven strings at pi/8
    assert line.gap == pytest.approx(0.0, abs=1e-6)
    assert straight_line_bound(1j * np.eye(8), local_penalty(3, 2.0)).length == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("time", [0.5, 2.0])
def test_evolution_for_a_short_time_is_its_own_line(time: float):
    hamiltonian = mixed_field_ising(4)
    energies, vectors = np.linalg.eigh(hamiltonian.to_matrix())
    line = straight_line_of(energies * time, vectors, local_rule(4, 1000.0))
    expected = time * np.linalg.norm(hamiltonian.coefficients)
    assert line.given_length == pytest.approx(expected)
    assert line.length == pytest.approx(expected)
    assert line.method == "given"
    assert not np.any(line.branches)
    # The flat-shortest logarithm is far longer: its branches use expensive strings.
    assert line.principal_length > 5 * expected


def test_evolution_for_a_long_time_has_a_shorter_line():
    energies, vectors = np.linalg.eigh(mixed_field_ising(4).to_matrix())
    line = straight_line_of(energies * 20.0, vectors, local_rule(4, 1000.0))
    assert line.length < 0.7 * line.given_length
    assert line.shortest
    assert set(line.lengths) >= {"given", "unwrapped", "babai", "lll"}
    assert line.length == min(line.lengths.values())
    # Branches are those that were chosen.
    moved = energies * 20.0 + 2 * np.pi * line.branches
    np.testing.assert_allclose(moved - moved.mean(), line.energies, atol=1e-9)


def test_without_reduction_the_line_is_an_upper_bound_too():
    target = haar(8, 4)
    plain = straight_line_bound(target, local_penalty(3, 100.0), reduce=False)
    assert "lll" not in plain.lengths
    assert plain.length >= straight_line_bound(target, local_penalty(3, 100.0)).length - 1e-9


@pytest.mark.parametrize("n", [6, 7])
def test_many_qubits_without_a_table(n: int):
    energies, vectors = np.linalg.eigh(mixed_field_ising(n).to_matrix())
    line = straight_line_of(energies, vectors, local_rule(n, 1e4))
    assert line.length == pytest.approx(np.linalg.norm(mixed_field_ising(n).coefficients))


def test_forbidden_strings_give_an_infinite_length_unless_the_line_avoids_them():
    n, rule = 3, local_rule(3, np.inf)
    energies, vectors = np.linalg.eigh(mixed_field_ising(n).to_matrix())
    line = straight_line_of(energies, vectors, rule)
    assert line.length == pytest.approx(np.linalg.norm(mixed_field_ising(n).coefficients))
    assert straight_line_bound(haar(8, 1), rule).length == np.inf
    assert straight_line_bound(haar(8, 1), local_penalty(3, np.inf)).length == np.inf


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch):
    real = importlib.import_module

    def without_flint(name: str, package: str | None = None):
        if name == "flint":
            raise ModuleNotFoundError("No module named 'flint'")
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", without_flint)
    with pytest.raises(ModuleNotFoundError, match=r"qgeom\[lattice\]"):
        straight_line_bound(CNOT, local_penalty(2, 10.0, max_weight=1))
    straight_line_bound(CNOT, local_penalty(2, 10.0, max_weight=1), reduce=False)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: straight_line_bound(2 * CNOT, local_rule(2, 3.0)), "not unitary"),
        (lambda: straight_line_bound(CNOT, local_rule(3, 3.0)), "shape"),
        (lambda: straight_line_bound(np.eye(2), local_rule(11, 3.0)), "stop at 10 qubits"),
        (lambda: straight_line_of(np.zeros(4), np.ones((4, 4)), local_rule(2, 3.0)), "not orthonormal"),
        (lambda: straight_line_of(np.zeros(3), np.eye(4), local_rule(2, 3.0)), "eigenvalues"),
        (lambda: string_rule(2, lambda k: -1.0), "positive"),
        (lambda: string_rule(2, lambda k: np.inf), "forbids every string"),
        (lambda: string_rule(2, lambda k: 1.0, weights={"XYZ": 1.0}), "not a Pauli string"),
        (lambda: local_rule(2, 3.0, max_weight=0), "at least 1"),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message: str):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)


def test_a_penalty_must_be_on_strings():
    with pytest.raises(TypeError, match="StringWeights"):
        straight_line_bound(CNOT, 3.0)
    assert string_weights_of(Penalty(PauliGroup(1), [1.0, 2.0, 3.0])).common == 3.0
