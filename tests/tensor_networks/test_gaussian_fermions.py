"""Fermionic Gaussian states against state vectors and exact diagonalisation in NumPy, and closed forms of chains."""

from __future__ import annotations

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg
import scipy.special

import circuits
from circuits import gaussian
from circuits.gates import RXX, RYY, RZ, PauliRotation, S, XXPlusYY
from circuits.gaussian import FermionicGaussian, FermionicHamiltonian, Matchgates
from circuits.gaussian.matrix_functions import pfaffian, polar_factor, singular_tanh, sylvester

PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}


def word(letters: str) -> np.ndarray:
    return functools.reduce(np.kron, [PAULI[letter] for letter in letters])


@functools.cache
def majoranas(n: int) -> list[np.ndarray]:
    return [word("Z" * (i // 2) + "XY"[i % 2] + "I" * (n - 1 - i // 2)) for i in range(2 * n)]


def covariance(rho: np.ndarray) -> np.ndarray:
    """(i/2) <[c_i, c_j]> of a vector or a density matrix, by its definition."""
    dim = len(rho)
    c = majoranas(int(np.log2(dim)))
    if rho.ndim == 1:
        v = np.stack([m @ rho for m in c])
        products = v.conj() @ v.T  # <c_i c_j>
    else:
        products = np.array([[np.sum((rho @ a) * b.T) for b in c] for a in c])
    return (0.5j * (products - products.T)).real


def dense(hamiltonian: FermionicHamiltonian) -> np.ndarray:
    """(i/4) sum A_ij c_i c_j + constant, as a matrix on qubits."""
    a, c = np.asarray(hamiltonian.matrix), majoranas(hamiltonian.n_modes)
    one = np.eye(len(c[0]))
    total = sum(0.25j * a[i, j] * c[i] @ c[j] for i in range(len(c)) for j in range(len(c)) if a[i, j])
    return total + float(hamiltonian.constant) * one


def entropy(psi: np.ndarray, sites: int, order: float = 1.0) -> float:
    p = np.linalg.svd(psi.reshape(2**sites, -1), compute_uv=False) ** 2
    p = p[p > 1e-15]
    return float(-np.sum(p * np.log(p)) if order == 1.0 else np.log(np.sum(p**order)) / (1.0 - order))


def random_state(n: int, seed: int, pure: bool = True) -> FermionicGaussian:
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(2 * n, 2 * n))
    numbers = rng.integers(0, 2, n) if pure else rng.uniform(0, 1, n)
    return FermionicGaussian.occupied(numbers).rotated(jnp.asarray(scipy.linalg.expm(a - a.T)))


@pytest.fixture(scope="module")
def matchgate_circuit() -> circuits.Circuit:
    p = circuits.Param
    ops = [
        RZ(p(0), 0),
        RXX(p(1), 0, 1),
        RYY(p(2), 2, 1),
        XXPlusYY(p(3), 1, 2),
        S(2),
        RXX(2 * p(0) + 0.1, 1, 2),
    ]
    ops += [
        PauliRotation(p(1), "YZX", (0, 1, 2)),
        PauliRotation(p(4), "XY", (1, 0)),
        RXX(p(5), 2, 3),
        RZ(p(6), 3),
    ]
    return circuits.Circuit(4, ops)


@pytest.mark.slow
def test_a_circuit_of_matchgates_has_the_covariance_of_its_state_vector(matchgate_circuit, key):
    theta = matchgate_circuit.init(key)
    description = Matchgates(matchgate_circuit)
    state = description(theta)
    assert np.allclose(state.covariance, covariance(np.asarray(matchgate_circuit(theta).vector)), atol=1e-12)
    assert state.pure
    assert np.isclose(state.parity, 1.0)
    vectors, states = matchgate_circuit.curve(theta).vector, description.curve(theta)
    assert states.covariance.shape == (len(vectors), 8, 8)
    for k in (0, 2, len(vectors) - 1):
        assert np.allclose(states.covariance[k], covariance(np.asarray(vectors[k])), atol=1e-12)


def test_matchgates_are_equal_by_value_and_keep_the_circuits_names(matchgate_circuit):
    a, b = Matchgates(matchgate_circuit), Matchgates(matchgate_circuit)
    assert a == b
    assert hash(a) == hash(b)
    assert a.parameter_names == matchgate_circuit.parameter_names
    assert a.nodes == matchgate_circuit.nodes


@pytest.mark.parametrize(
    "op", [circuits.gates.H(0), circuits.gates.CX(0, 1), RXX(0.1, 0, 2), PauliRotation(0.2, "XZ", (0, 1))]
)
def test_other_gates_are_refused(op):
    with pytest.raises(ValueError, match="free fermions|Majorana"):
        Matchgates(circuits.Circuit(3, [op]))


@pytest.mark.parametrize("periodic", [False, True])
def test_the_ising_chain_is_the_pauli_sum_of_the_same_name(periodic):
    hamiltonian = gaussian.ising(6, 0.7, periodic)
    energies, vectors = np.linalg.eigh(circuits.hamiltonians.ising(6, 0.7, periodic).to_matrix())
    assert np.isclose(hamiltonian.ground_energy, energies[0], atol=1e-12)
    state = hamiltonian.ground_state()
    assert np.allclose(state.covariance, covariance(vectors[:, 0]), atol=1e-9)
    assert np.isclose(hamiltonian.energy(state), energies[0], atol=1e-12)
    assert np.isclose(state.parity, 1.0)


def test_the_xy_chain_has_the_matrix_of_its_pauli_strings():
    terms = [("XXI", -0.8), ("IXX", -0.8), ("YYI", -0.2), ("IYY", -0.2)]
    terms += [("ZII", -0.3), ("IZI", -0.4), ("IIZ", -0.5)]
    expected = sum(c * word(s) for s, c in terms)
    assert np.allclose(dense(gaussian.xy(3, 0.6, np.array([0.3, 0.4, 0.5]))), expected, atol=1e-14)


def test_energies_of_the_ring_are_the_dispersion_relation():
    n, g, h = 16, 0.6, 1.3
    k = (2 * np.arange(n) + 1) * np.pi / n
    expected = 2 * np.sqrt((h - np.cos(k)) ** 2 + (g * np.sin(k)) ** 2)
    assert np.allclose(np.sort(gaussian.xy(n, g, h, True).energies), np.sort(expected), atol=1e-12)


def test_hopping_and_pairing_give_the_hamiltonian_of_their_modes():
    rng = np.random.default_rng(3)
    h, d = rng.normal(size=(2, 3, 3)) + 1j * rng.normal(size=(2, 3, 3))
    h, d = h + h.conj().T, d - d.T
    c = majoranas(3)
    a = [(c[2 * k] + 1j * c[2 * k + 1]) / 2 for k in range(3)]
    dag = [m.conj().T for m in a]
    pairs = sum(0.5 * d[i, j] * dag[i] @ dag[j] for i in range(3) for j in range(3))
    expected = sum(h[i, j] * dag[i] @ a[j] for i in range(3) for j in range(3)) + pairs + pairs.conj().T
    hamiltonian = FermionicHamiltonian.from_modes(h, d)
    assert np.allclose(dense(hamiltonian), expected, atol=1e-13)
    energies, vectors = np.linalg.eigh(expected)
    state = hamiltonian.ground_state()
    assert np.isclose(hamiltonian.ground_energy, energies[0], atol=1e-12)
    assert np.allclose(state.covariance, covariance(vectors[:, 0]), atol=1e-10)
    # Thermal, and the correlation matrices by their definitions.
    rho = scipy.linalg.expm(-0.7 * expected)
    thermal = hamiltonian.thermal_state(0.7)
    assert np.isclose(hamiltonian.free_energy(0.7), -np.log(np.trace(rho).real) / 0.7, atol=1e-12)
    rho = rho / np.trace(rho)
    assert np.allclose(thermal.covariance, covariance(rho), atol=1e-12)
    values = np.linalg.eigvalsh(rho)
    assert np.isclose(thermal.entropy(), -np.sum(values * np.log(values)), atol=1e-12)
    assert np.isclose(thermal.purity, np.sum(values**2), atol=1e-12)
    for order in (0.5, 2.0, 3.0):
        assert np.isclose(
            thermal.entropy(order=order), np.log(np.sum(values**order)) / (1 - order), atol=1e-11
        )
    number = np.array([[np.trace(rho @ dag[i] @ a[j]) for j in range(3)] for i in range(3)])
    pairing = np.array([[np.trace(rho @ a[i] @ a[j]) for j in range(3)] for i in range(3)])
    assert np.allclose(thermal.number_correlations, number, atol=1e-12)
    assert np.allclose(thermal.pair_correlations, pairing, atol=1e-12)
    assert np.allclose(
        FermionicGaussian.from_correlations(number, pairing).covariance, thermal.covariance, atol=1e-12
    )


def test_entropies_of_the_ising_ground_state_are_those_of_exact_diagonalisation_at_12_sites():
    psi = _lanczos_ground(12)
    state = gaussian.ising(12, 1.0).ground_state()
    expected = [entropy(psi, k) for k in range(1, 12)]
    assert np.allclose(state.entropies(), expected, atol=1e-9)
    assert np.isclose(state.entropy(range(5)), expected[4], atol=1e-9)
    assert np.isclose(state.entropy(range(5), order=2.0), entropy(psi, 5, 2.0), atol=1e-9)
    assert np.isclose(state.mutual_information(range(5), range(5, 12)), 2 * expected[4], atol=1e-9)


def _lanczos_ground(n: int) -> np.ndarray:
    matrix = circuits.hamiltonians.ising(n, 1.0).to_sparse()
    return scipy.sparse.linalg.eigsh(matrix, 1, which="SA", tol=1e-14)[1][:, 0]


def test_spin_correlations_are_pfaffians_of_majorana_correlations():
    n = 8
    psi = _lanczos_ground(n)
    state = gaussian.ising(n, 1.0).ground_state()
    # X_1 X_4 = -i c_3 c_8 . (Z between): (-i)^3 c_3 c_4 c_5 c_6 c_7 c_8.
    expected = psi @ word("IXIIXIII") @ psi
    assert np.isclose((-1j) ** 3 * state.majorana_product([3, 4, 5, 6, 7, 8]), expected, atol=1e-10)
    assert np.allclose(1.0 - 2.0 * state.numbers[3], psi @ word("IIIZIIII") @ psi, atol=1e-10)


def test_the_central_charge_of_the_critical_ising_chain_is_one_half():
    n = 256
    state = gaussian.ising(n, 1.0).ground_state()
    cuts = np.array([32, 64, 128])
    found = np.array([state.entropy(range(k)) for k in cuts])
    # Open chain: S = (c/6) ln[(2 n/pi) sin(pi l/n)] + constant (Calabrese and Cardy 2004).
    slope = np.polyfit(np.log(np.sin(np.pi * cuts / n)), found, 1)[0]
    assert abs(6 * slope - 0.5) < 0.01


def test_evolution_is_that_of_the_state_vector_and_keeps_purity():
    hamiltonian, start = gaussian.ising(6, 0.6), gaussian.ising(6, 3.0).ground_state()
    matrix = circuits.hamiltonians.ising(6, 0.6).to_matrix()
    psi = np.linalg.eigh(circuits.hamiltonians.ising(6, 3.0).to_matrix())[1][:, 0]
    for time in (0.3, 2.1):
        state = hamiltonian.evolve(start, time)
        assert np.allclose(
            state.covariance, covariance(scipy.linalg.expm(-1j * time * matrix) @ psi), atol=1e-10
        )
    late = hamiltonian.evolve(start, 1000.0)
    assert np.allclose(late.covariance @ late.covariance, -np.eye(12), atol=1e-8)
    assert np.isclose(hamiltonian.energy(late), hamiltonian.energy(start), atol=1e-9)


def test_a_domain_wall_melts_by_bessel_functions():
    # n_j(t) = sum_{m <= 0} J_{j-m}(2t)^2 on the infinite chain (Antal et al., PRE 59, 4912 (1999)).
    n, t = 64, 5.0
    state = FermionicGaussian.occupied([1.0] * 32 + [0.0] * 32)
    later = gaussian.tight_binding(n).evolve(state, t)
    sites = np.arange(-31, 33)
    expected = [sum(scipy.special.jv(j - m, 2 * t) ** 2 for m in range(-80, 1)) for j in sites]
    assert np.allclose(later.numbers, expected, atol=1e-9)
    assert np.isclose(jnp.sum(later.numbers), 32.0, atol=1e-10)


def test_the_ssh_chain_has_zero_modes_at_its_ends_and_says_so():
    assert gaussian.ssh(8, 0.2, 1.0).gap < 1e-4
    assert gaussian.ssh(8, 1.0, 0.2).gap > 0.5
    k = 2 * np.pi * np.arange(8) / 8
    expected = np.abs(1.0 + 0.4 * np.exp(1j * k))
    assert np.allclose(
        np.sort(gaussian.ssh(8, 1.0, 0.4, "periodic").energies)[::2], np.sort(expected), atol=1e-12
    )
    with pytest.warns(UserWarning, match="1 zero mode: the ground state is degenerate"):
        state = gaussian.kitaev(6, 1.0, 1.0, 0.0).ground_state()
    assert np.allclose(state.covariance @ state.covariance, -np.eye(12), atol=1e-12)
    # A rotation of the Majoranas hides that the chain is bipartite.
    rotation = scipy.linalg.expm(np.triu(np.ones((12, 12)), 1) - np.tril(np.ones((12, 12)), -1))
    hidden = FermionicHamiltonian(
        jnp.asarray(rotation) @ gaussian.kitaev(6).matrix @ rotation.T, jnp.zeros(())
    )
    with pytest.warns(UserWarning, match="1 zero mode"):
        state = hidden.ground_state()
    assert np.allclose(state.covariance @ state.covariance, -np.eye(12), atol=1e-10)
    assert np.isclose(hidden.energy(state), hidden.ground_energy, atol=1e-10)


def sqrtm(rho: np.ndarray) -> np.ndarray:
    p, v = np.linalg.eigh(rho)
    return (v * np.sqrt(np.maximum(p, 0))) @ v.conj().T


def density_matrix(state: FermionicGaussian) -> np.ndarray:
    """The product over normal modes of (1 + nu i c c')/2, from the real Schur form."""
    gamma = np.asarray(state.covariance)
    c = majoranas(state.n_modes)
    t, q = scipy.linalg.schur(gamma)
    rho = np.eye(len(c[0]), dtype=complex)
    for k in range(0, len(gamma), 2):
        x, y = (sum(q[i, m] * c[i] for i in range(len(c))) for m in (k, k + 1))
        rho = rho @ (np.eye(len(rho)) + 1j * t[k, k + 1] * x @ y) / 2
    return rho


def test_fidelities_are_those_of_density_matrices():
    a, b = random_state(3, 1), random_state(3, 5)
    mixed, other = random_state(3, 3, pure=False), random_state(3, 4, pure=False)
    for state in (a, mixed):
        assert np.allclose(covariance(density_matrix(state)), state.covariance, atol=1e-10)
    for x, y in ((a, b), (a, mixed), (mixed, other), (mixed, mixed)):
        r = sqrtm(density_matrix(x))
        expected = np.trace(sqrtm(r @ density_matrix(y) @ r)).real ** 2
        assert np.isclose(gaussian.fidelity(x, y), expected, atol=1e-7)
    near = a.rotated(jnp.asarray(scipy.linalg.expm(1e-7 * (np.eye(6, k=1) - np.eye(6, k=-1)))))
    moved = np.linalg.norm(np.asarray(near.covariance - a.covariance))
    assert np.isclose(gaussian.bures_angle(a, near), moved / 4, rtol=1e-6)


def test_orthogonal_states_and_opposite_parities_have_fidelity_zero():
    a, b = FermionicGaussian.vacuum(2), FermionicGaussian.occupied([1, 0])
    assert gaussian.fidelity(a, b) == 0.0
    assert np.isclose(gaussian.bures_angle(a, b), np.pi / 2)
    with pytest.raises(ValueError, match="2 and 3 modes"):
        gaussian.fidelity(a, FermionicGaussian.vacuum(3))


@pytest.mark.parametrize("function", [polar_factor, singular_tanh])
def test_matrix_functions_have_the_derivatives_of_finite_differences_at_degenerate_points(function):
    rng = np.random.default_rng(0)
    q = scipy.linalg.expm(np.triu(rng.normal(size=(6, 6)), 1) - np.triu(rng.normal(size=(6, 6)), 1).T)
    q = np.linalg.qr(q)[0]
    a = jnp.asarray(q @ np.kron(np.diag([1.0, 1.0, 0.4]), [[0, 1], [-1, 0]]) @ q.T)
    e = rng.normal(size=(6, 6))
    e = jnp.asarray(e - e.T)
    found = jax.jvp(function, (a,), (e,))[1]
    step = 1e-5
    assert np.allclose(found, (function(a + step * e) - function(a - step * e)) / (2 * step), atol=1e-8)


def test_the_polar_factor_can_be_differentiated_twice():
    rng = np.random.default_rng(1)
    a, e = (jnp.asarray(x) for x in rng.normal(size=(2, 4, 4)))
    first = lambda x: jax.jvp(polar_factor, (x,), (e,))[1]  # noqa: E731
    found = jax.jvp(first, (a,), (e,))[1]
    step = 1e-5
    assert np.allclose(found, (first(a + step * e) - first(a - step * e)) / (2 * step), atol=1e-7)
    p = a @ a.T
    assert np.allclose(p @ sylvester(p, e) + sylvester(p, e) @ p, e, atol=1e-12)


def test_the_pfaffian_squared_is_the_determinant_and_its_sign_is_right():
    rng = np.random.default_rng(2)
    a = rng.normal(size=(6, 6))
    a = a - a.T
    assert np.isclose(pfaffian(jnp.asarray(a)) ** 2, np.linalg.det(a))
    four = a[:4, :4]
    expected = four[0, 1] * four[2, 3] - four[0, 2] * four[1, 3] + four[0, 3] * four[1, 2]
    assert np.isclose(pfaffian(jnp.asarray(four)), expected)


def test_float32_stays_float32():
    state = gaussian.ising(6, np.float32(0.7) * np.ones(6, np.float32)).ground_state()
    assert state.covariance.dtype == jnp.float32
    assert state.entropy(range(3)).dtype == jnp.float32


def test_bad_input_is_refused_in_one_line():
    for call, message in (
        (lambda: FermionicGaussian.from_covariance(np.eye(4)), "antisymmetric; it misses by 2"),
        (lambda: FermionicGaussian.from_covariance(2 * np.eye(2)[::-1] * [[1], [-1]]), "at most 1, not 2"),
        (lambda: FermionicGaussian.occupied([0.5, 1.5]), "between 0 and 1"),
        (
            lambda: FermionicHamiltonian.from_modes([[0.0, 1.0], [2.0, 0.0]]),
            "must be Hermitian; it misses by 1",
        ),
        (lambda: gaussian.ising(2, periodic=True), "at least 3 sites"),
        (lambda: gaussian.kitaev(4, boundary="closed"), "'open', 'periodic' or 'antiperiodic'"),
        (lambda: gaussian.ising(4, np.ones(3)), "one number or an array of 4"),
        (lambda: FermionicGaussian.vacuum(3).entropy([0, 3]), "modes 0 to 2"),
        (lambda: FermionicGaussian.vacuum(3).mutual_information([0], [0, 1]), "no mode in common"),
        (lambda: FermionicGaussian.vacuum(3).entropy(order=0.0), "must be positive"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)


def test_nothing_warns_in_a_gapped_chain():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gaussian.ising(8, 1.5).ground_state()
