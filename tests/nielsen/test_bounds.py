"""Lower bounds against brute force, closed forms, and paths whose length is known."""

from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.optimize
import scipy.stats

from qgeom.nielsen.bounds import LowerBound, flat_distance, lower_bound
from qgeom.nielsen.groups import Affine, GeneralLinear, PauliGroup, SpecialOrthogonal, SpecialUnitary
from qgeom.nielsen.penalty import Penalty, flat_penalty, local_penalty, plane_penalty
from qgeom.nielsen.subgroups import kak_coordinates, operator_schmidt, unitary_distance, unitary_subgroups

X = np.array([[0, 1], [1, 0]], complex)
Y = np.array([[0, -1j], [1j, 0]])
Z = np.diag([1.0 + 0j, -1.0])
CNOT = np.eye(4, dtype=complex)[[0, 1, 3, 2]]
SWAP = np.eye(4, dtype=complex)[[0, 2, 1, 3]]
ISWAP = np.array([[1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]])
TOFFOLI = np.eye(8, dtype=complex)[[0, 1, 2, 3, 4, 5, 7, 6]]


def haar(dim: int, seed: int) -> np.ndarray:
    return scipy.stats.unitary_group.rvs(dim, random_state=seed)


def deviation_over_branches(unitary: np.ndarray) -> float:
    """The smallest standard deviation of the eigenphases over every integer branch."""
    phases = np.angle(np.linalg.eigvals(unitary))
    branches = itertools.product((-1, 0, 1), repeat=len(phases))
    return min(np.std(phases + 2 * np.pi * np.array(k)) for k in branches)


def random_path(
    penalty: Penalty, seed: int, segments: int = 12, scale: float = 0.6
) -> tuple[np.ndarray, float]:
    """End and length of a path of random straight pieces."""
    rng = np.random.default_rng(seed)
    group = penalty.group
    end, length = np.eye(group.size), 0.0
    for _ in range(segments):
        h = scale * rng.normal(size=group.dimension) / np.sqrt(group.dimension * segments)
        h = np.where(np.isfinite(penalty.weights), h / np.sqrt(np.asarray(penalty.weights)), 0.0)
        end = scipy.linalg.expm(np.asarray(group.generator(jnp.asarray(h)))) @ end
        length += float(penalty.speed(jnp.asarray(h)))
    return end, length


# Flat distances.


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("dim", [2, 3, 4, 6])
def test_flat_distance_is_the_least_deviation_over_every_branch(dim: int, seed: int):
    unitary = haar(dim, seed)
    assert flat_distance(SpecialUnitary(dim), unitary) == pytest.approx(
        deviation_over_branches(unitary), abs=1e-12
    )


@pytest.mark.parametrize(
    ("unitary", "expected"),
    [(CNOT, np.pi * np.sqrt(3) / 4), (ISWAP, np.pi / (2 * np.sqrt(2))), (SWAP, np.pi * np.sqrt(3) / 4)],
)
def test_flat_distance_of_known_gates(unitary: np.ndarray, expected: float):
    assert flat_distance(PauliGroup(2), unitary) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("phase", [0.3, -2.0, 3.1])
def test_flat_distance_ignores_the_global_phase(phase: float):
    unitary = haar(4, 5)
    group = PauliGroup(2)
    assert flat_distance(group, np.exp(1j * phase) * unitary) == pytest.approx(flat_distance(group, unitary))


@pytest.mark.parametrize("a", [-1.5, -0.2, 0.0, 0.7, 1.57])
def test_flat_distance_of_a_rotation_of_one_qubit_is_its_angle(a: float):
    assert flat_distance(PauliGroup(1), scipy.linalg.expm(-1j * a * Z)) == pytest.approx(abs(a), abs=1e-12)


@pytest.mark.parametrize("dim", [2, 3, 4, 5])
def test_flat_distance_of_a_rotation_is_the_norm_of_its_principal_logarithm(dim: int):
    rotation = scipy.stats.special_ortho_group.rvs(dim, random_state=dim)
    logarithm = scipy.linalg.logm(rotation).real
    assert flat_distance(SpecialOrthogonal(dim), rotation) == pytest.approx(
        np.linalg.norm(logarithm) / np.sqrt(2)
    )


def test_flat_distance_of_half_turns_counts_each_plane_once():
    assert flat_distance(SpecialOrthogonal(4), -np.eye(4)) == pytest.approx(np.pi * np.sqrt(2))
    assert flat_distance(SpecialOrthogonal(3), np.diag([-1.0, -1.0, 1.0])) == pytest.approx(np.pi)


# Distances from subgroups.


@pytest.mark.parametrize("angles", [(0.3, 0.2, 0.1), (0.7, 0.7, -0.7), (0.78, 0.1, 0.0), (0.0, 0.0, 0.0)])
def test_kak_coordinates_of_dressed_interactions(angles: tuple[float, ...]):
    h = sum(a * np.kron(p, p) for a, p in zip(angles, (X, Y, Z)))
    dressed = np.kron(haar(2, 1), haar(2, 2)) @ scipy.linalg.expm(-1j * h) @ np.kron(haar(2, 3), haar(2, 4))
    found = np.sort(np.abs(kak_coordinates(np.exp(0.4j) * dressed)))
    np.testing.assert_allclose(found, np.sort(np.abs(angles)), atol=1e-7)


def test_kak_coordinates_are_reduced_modulo_a_quarter_turn():
    h = 0.9 * np.kron(X, X) + 2.0 * np.kron(Y, Y)
    expected = np.sort(np.abs([0.9 - np.pi / 2, 2.0 - np.pi / 2, 0.0]))
    np.testing.assert_allclose(
        np.sort(np.abs(kak_coordinates(scipy.linalg.expm(-1j * h)))), expected, atol=1e-7
    )


@pytest.mark.parametrize("seed", range(2))
def test_distance_from_local_gates_is_what_a_search_over_them_finds(seed: int):
    target = haar(4, seed)

    def one(h: np.ndarray) -> np.ndarray:
        angle = np.linalg.norm(h)
        return np.cos(angle) * np.eye(2) - 1j * np.sinc(angle / np.pi) * (h[0] * X + h[1] * Y + h[2] * Z)

    def distance(h: np.ndarray) -> float:
        return unitary_distance(np.kron(one(h[:3]), one(h[3:])).conj().T @ target)

    rng = np.random.default_rng(seed)
    starts = rng.normal(size=(4, 6))
    found = min(scipy.optimize.minimize(distance, start, options={"maxiter": 80}).fun for start in starts)
    b = float(np.linalg.norm(kak_coordinates(target)))
    assert b == pytest.approx(found, abs=1e-5)
    # The bound by Schmidt coefficients, used for more qubits, is below it.
    assert 0 < np.arccos(operator_schmidt(target, (0,))[0]) < b


def test_operator_schmidt_coefficients_are_normalised_and_those_of_known_gates():
    np.testing.assert_allclose(operator_schmidt(CNOT, (0,)), np.sqrt([0.5, 0.5, 0, 0]), atol=1e-12)
    np.testing.assert_allclose(operator_schmidt(SWAP, (1,)), [0.5] * 4, atol=1e-12)
    assert np.sum(operator_schmidt(haar(16, 1), (0, 2)) ** 2) == pytest.approx(1.0)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_no_path_is_shorter_outside_a_subgroup_than_the_subgroup_is_far(n: int):
    group = PauliGroup(n)
    rng = np.random.default_rng(n)
    end = np.eye(2**n, dtype=complex)
    pieces = rng.normal(size=(6, group.dimension)) * 0.25 / np.sqrt(n)
    for h in pieces:
        end = scipy.linalg.expm(np.asarray(group.generator(jnp.asarray(h)))) @ end
    for subgroup in unitary_subgroups(group, end):
        length = sum(np.linalg.norm(h[subgroup.outside]) for h in pieces)
        assert subgroup.distance <= length + 1e-9, subgroup.name


def test_targets_in_a_subgroup_are_at_distance_zero():
    target = np.kron(haar(2, 0), haar(4, 1))
    distances = {s.name: s.distance for s in unitary_subgroups(PauliGroup(3), target)}
    assert distances["0|12"] < 1e-7
    assert distances["01|2"] > 1e-2
    diagonal = np.diag(np.exp(1j * np.arange(8)))
    distances = {s.name: s.distance for s in unitary_subgroups(PauliGroup(3), diagonal)}
    assert distances["commutes with ZIZ"] < 1e-12
    assert distances["commutes with XII"] > 1e-2


def test_directions_outside_a_symmetry_are_the_strings_that_do_not_commute_with_it():
    group = PauliGroup(2)
    found = {s.name: s.outside for s in unitary_subgroups(group, CNOT)}
    outside = {name for name, is_out in zip(group.names, found["commutes with ZX"]) if is_out}
    letters = {"I": np.eye(2), "X": X, "Y": Y, "Z": Z}
    matrices = {name: np.kron(letters[name[0]], letters[name[1]]) for name in group.names}
    p = matrices["ZX"]
    assert outside == {s for s, m in matrices.items() if np.linalg.norm(p @ m - m @ p) > 1}


def test_distance_from_a_symmetry_is_half_the_angle_of_its_axis():
    turn = scipy.linalg.expm(-1j * 0.4 * X)
    distances = {
        s.name: s.distance for s in unitary_subgroups(PauliGroup(1), turn @ scipy.linalg.expm(-0.9j * Z))
    }
    assert distances["commutes with Z"] == pytest.approx(0.4)


# The bound.


def test_unit_weights_give_the_flat_distance():
    target = haar(8, 3)
    bound = lower_bound(target, flat_penalty(3))
    assert bound.value == pytest.approx(flat_distance(PauliGroup(3), target))
    assert bound.method == "flat"


@pytest.mark.parametrize("q", [1.5, 4.0, 50.0])
@pytest.mark.parametrize(
    ("target", "squares"),
    # Straight lines with the strings IX, ZI, ZX at pi/4 and with XX, YY at pi/4: one-qubit strings cost 1.
    [(CNOT, lambda q: 2 + q), (ISWAP, lambda q: 2 * q)],
)
def test_straight_lines_to_cnot_and_iswap_are_the_shortest_paths(target, squares, q: float):
    bound = lower_bound(target, local_penalty(2, q, max_weight=1))
    assert bound.value == pytest.approx(np.pi / 4 * np.sqrt(squares(q)), rel=1e-7)
    assert bound.method == "subgroups"


def test_toffoli_is_as_far_as_its_straight_line_up_to_a_weight_of_two():
    for q in (1.0, 1.5, 2.0):
        straight = np.pi / 8 * np.sqrt(6 + q)  # seven strings at pi/8, one of them on three qubits
        assert lower_bound(TOFFOLI, local_penalty(3, q)).value == pytest.approx(straight, rel=1e-7)
    assert lower_bound(TOFFOLI, local_penalty(3, 100.0)).value >= np.pi / np.sqrt(8) - 1e-7


@pytest.mark.parametrize("a", [0.1, 0.5, 0.785])
def test_an_expensive_axis_is_exact_where_the_target_is_a_turn_about_it(a: float):
    # One qubit, X and Y cost q: e^{-iaX} needs a sqrt(q) (outside of what commutes with Z), as its straight line.
    penalty = Penalty(PauliGroup(1), [9.0, 9.0, 1.0])
    bound = lower_bound(scipy.linalg.expm(-1j * a * X), penalty)
    assert bound.value == pytest.approx(3.0 * a)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "penalty",
    [
        local_penalty(1, 1.0, weights={"X": 5.0, "Y": 2.0}),
        local_penalty(2, 20.0, max_weight=1),
        local_penalty(2, 3.0, max_weight=1, weights={"XX": 0.2}),
        local_penalty(3, 30.0),
        local_penalty(3, 30.0, max_weight=1),
        local_penalty(3, np.inf),
        Penalty(SpecialUnitary(3), [1.0, 9.0, 2.0, 1.0, 9.0, 2.0, 0.5, 4.0]),
        plane_penalty(4, 25.0),
        Penalty(GeneralLinear(3), np.linspace(1.0, 5.0, 9)),
        Penalty(Affine(2), np.linspace(1.0, 4.0, 6)),
    ],
    ids=lambda p: repr(p)[:40],
)
def test_no_path_is_shorter_than_the_bound(penalty: Penalty, seed: int):
    for scale in (0.3, 1.5, 5.0):
        end, length = random_path(penalty, seed, scale=scale)
        bound = lower_bound(end, penalty)
        assert 0 < bound.value <= length * (1 + 1e-9)


@pytest.mark.parametrize("angle", [0.2, 0.9, 1.5])
def test_on_one_qubit_the_closed_form_is_used(angle: float):
    # e^{-iaZ} where Z is forbidden: the sub-Riemannian distance sqrt(pi^2 - (pi - a)^2).
    turn = scipy.linalg.expm(-1j * angle * Z)
    forbidden = lower_bound(turn, Penalty(PauliGroup(1), [1.0, 1.0, np.inf]))
    assert forbidden.value == pytest.approx(np.sqrt(np.pi**2 - (np.pi - angle) ** 2))
    assert forbidden.method == "one qubit"
    # Three weights: between the axisymmetric metrics below and above.
    general = lower_bound(turn, Penalty(PauliGroup(1), [1.0, 3.0, 50.0])).value
    assert lower_bound(turn, Penalty(PauliGroup(1), [1.0, 1.0, 50.0])).value <= general + 1e-12
    assert general <= lower_bound(turn, Penalty(PauliGroup(1), [3.0, 3.0, 50.0])).value


def test_multipliers_respect_the_weights():
    penalty = local_penalty(3, 10.0, weights={"XXI": 3.0, "ZZZ": 0.5})
    target = scipy.linalg.expm(0.2j * (haar(8, 1) + haar(8, 1).conj().T))
    bound = lower_bound(target, penalty)
    used = np.zeros(63)
    subgroups = {s.name: s for s in unitary_subgroups(penalty.group, target)}
    for part in bound.parts:
        used += part.multiplier * subgroups[part.name].outside
    assert np.all(used <= np.asarray(penalty.weights) * (1 + 1e-9))
    total = sum(part.multiplier * part.distance**2 for part in bound.parts)
    assert bound.value == pytest.approx(np.sqrt(total), rel=1e-6)
    assert bound.value >= bound.flat


def test_a_target_out_of_reach_is_infinitely_far():
    only_local = local_penalty(2, np.inf, max_weight=1)
    assert lower_bound(CNOT, only_local).value == np.inf
    assert np.isfinite(lower_bound(np.kron(X, Z), only_local).value)
    assert "inf" in repr(lower_bound(CNOT, only_local))


def test_the_identity_is_at_distance_zero():
    assert lower_bound(1j * np.eye(8), local_penalty(3, 10.0)).value == pytest.approx(0.0, abs=1e-7)
    assert lower_bound(np.eye(3), Penalty(GeneralLinear(3), np.ones(9))).value == pytest.approx(0.0, abs=1e-7)


def test_block_rotations_outside_blocks_are_expensive():
    rotation = scipy.linalg.expm(np.array([[0, 0, -0.3, 0], [0, 0, 0, -0.5], [0.3, 0, 0, 0], [0, 0.5, 0, 0]]))
    weights = [1.0, 7.0, 7.0, 7.0, 7.0, 1.0]  # planes 01 and 23 are cheap
    bound = lower_bound(rotation, Penalty(SpecialOrthogonal(4), weights))
    assert bound.value == pytest.approx(np.sqrt(7 * (0.3**2 + 0.5**2)))


# Invertible maps.


@pytest.mark.parametrize("seed", range(3))
def test_a_symmetric_generator_is_a_shortest_path_of_invertible_maps(seed: int):
    a = np.random.default_rng(seed).normal(size=(3, 3))
    a = 0.5 * (a + a.T)
    bound = lower_bound(scipy.linalg.expm(a), Penalty(GeneralLinear(3), np.ones(9)))
    assert bound.value == pytest.approx(np.linalg.norm(a))
    assert bound.method == "singular values"


def test_weights_of_the_symmetric_part_enter_by_their_harmonic_mean():
    # A shear pair X = a (E_01 + E_10): whatever is put on the cheap entry counts half.
    penalty = Penalty(GeneralLinear(2), [4.0, 1.0, 3.0, 4.0])
    bound = lower_bound(scipy.linalg.expm(np.array([[0, 0.3], [0.3, 0]])), penalty)
    assert bound.value == pytest.approx(np.sqrt(1.5) * 0.3 * np.sqrt(2))


def test_rotations_of_invertible_maps_are_at_least_as_far_as_among_rotations():
    rotation = scipy.stats.special_ortho_group.rvs(5, random_state=2)
    bound = lower_bound(rotation, Penalty(GeneralLinear(5), np.ones(25)))
    assert bound.value >= flat_distance(SpecialOrthogonal(5), rotation) - 1e-9
    logarithm = scipy.linalg.logm(rotation).real
    assert bound.value <= np.linalg.norm(logarithm)


def test_translations_are_bounded():
    target = np.array([[1.0, 3.0], [0.0, 1.0]])
    bound = lower_bound(target, Penalty(Affine(1), [1.0, 1.0]))
    # The metric is the hyperbolic plane's, db^2 + da^2 over a^2: distance 2 asinh(|b| / 2).
    assert 0 < bound.value <= 2 * np.arcsinh(1.5) + 1e-12
    assert bound.value >= 0.9 * np.arcsinh(1.5) * np.sqrt(2)


def test_bad_targets_are_refused_in_one_line():
    with pytest.raises(ValueError, match="not unitary"):
        lower_bound(2 * np.eye(4), local_penalty(2, 10.0, max_weight=1))
    with pytest.raises(ValueError, match="shape"):
        flat_distance(PauliGroup(2), np.eye(8))


def test_the_result_is_a_number_with_its_reasons():
    bound = lower_bound(CNOT, local_penalty(2, 10.0, max_weight=1))
    assert isinstance(bound, LowerBound)
    assert float(bound) == bound.value
    assert bound.parts[0].name == "0|1"
    assert "subgroups" in repr(bound)
