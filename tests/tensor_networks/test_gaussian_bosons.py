"""Bosonic Gaussian states against truncated Fock spaces in NumPy, and closed forms of oscillators."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg

from circuits import Param, gaussian
from circuits.gaussian import BosonicGaussian, BosonicHamiltonian, OpticalCircuit
from circuits.gaussian.bosons import omega
from circuits.gaussian.matrix_functions import hot_root

LEVELS = 24


@functools.cache
def quadratures(n: int) -> list[np.ndarray]:
    """q_1 .. q_n, p_1 .. p_n in a truncated Fock space."""
    a = np.diag(np.sqrt(np.arange(1, LEVELS)), 1)
    one = np.eye(LEVELS)
    modes = [functools.reduce(np.kron, [a if k == m else one for k in range(n)]) for m in range(n)]
    return [(m + m.T) / np.sqrt(2) for m in modes] + [(m - m.T) / (np.sqrt(2) * 1j) for m in modes]


def moments(psi: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of a state vector, by their definitions."""
    r = [m @ psi for m in quadratures(n)]
    mean = np.array([psi.conj() @ v for v in r]).real
    products = np.array([[x.conj() @ y for y in r] for x in r])
    return mean, 2 * products.real - 2 * np.outer(mean, mean)


def generators(n: int) -> dict:
    """The generators that the module promises, H of exp(-i t H)."""
    r = quadratures(n)
    q, p = r[:n], r[n:]
    return {
        "Phase": lambda k: (q[k] @ q[k] + p[k] @ p[k]) / 2,
        "Squeezing": lambda k: (q[k] @ p[k] + p[k] @ q[k]) / 2,
        "BeamSplitter": lambda j, k: q[j] @ p[k] - p[j] @ q[k],
        "TwoModeSqueezing": lambda j, k: q[j] @ p[k] + p[j] @ q[k],
        "PositionShift": lambda k: p[k],
        "MomentumShift": lambda k: -q[k],
    }


GATES = [
    gaussian.Squeezing(Param(0), 0),
    gaussian.PositionShift(0.3, 1),
    gaussian.BeamSplitter(Param(1), 0, 1),
    gaussian.Phase(Param(2), 1),
    gaussian.TwoModeSqueezing(Param(3), 0, 1),
    gaussian.MomentumShift(Param(4), 0),
    gaussian.Phase(2 * Param(2), 0),
]


def fock_state(theta: np.ndarray) -> np.ndarray:
    psi = np.zeros(LEVELS**2, complex)
    psi[0] = 1.0
    made = generators(2)
    for gate in GATES:
        angle = gate.angle.offset + gate.angle.scale * (
            theta[gate.angle.index] if gate.angle.index is not None else 1
        )
        h = scipy.sparse.csr_matrix(made[gate.name](*gate.modes))
        psi = scipy.sparse.linalg.expm_multiply(-1j * angle * h, psi)
    return psi


THETA = np.array([0.25, 0.6, 0.8, -0.2, 0.4])


def test_an_optical_circuit_has_the_moments_of_its_fock_state():
    state = OpticalCircuit(2, GATES)(jnp.asarray(THETA))
    mean, sigma = moments(fock_state(THETA), 2)
    assert np.allclose(state.mean, mean, atol=1e-6)
    assert np.allclose(state.covariance, sigma, atol=1e-5)
    assert np.allclose(state.symplectic_eigenvalues, 1.0, atol=1e-12)
    assert state.pure


def test_the_curve_of_an_optical_circuit_ends_at_its_state():
    circuit = OpticalCircuit(2, GATES, (0.2, 0.5))
    curve, end = circuit.curve(jnp.asarray(THETA)), circuit(jnp.asarray(THETA))
    assert np.allclose(curve.covariance[-1], end.covariance)
    assert np.allclose(curve.mean[-1], end.mean)
    assert np.allclose(np.sort(end.symplectic_eigenvalues), [1.4, 2.0])
    assert not end.pure
    assert circuit == OpticalCircuit(2, GATES, (0.2, 0.5))
    assert len(circuit.nodes) == len(GATES)


@pytest.mark.slow
def test_entropy_and_negativity_of_two_mode_squeezing_are_closed_forms():
    r = 0.7
    state = OpticalCircuit(2, [gaussian.TwoModeSqueezing(Param(0), 0, 1)])(jnp.asarray([r]))
    c, s = np.cosh(r) ** 2, np.sinh(r) ** 2
    assert np.isclose(state.entropy([0]), c * np.log(c) - s * np.log(s), atol=1e-12)
    assert np.isclose(state.mutual_information([0], [1]), 2 * (c * np.log(c) - s * np.log(s)), atol=1e-12)
    assert np.isclose(state.log_negativity([0], [1]), 2 * r, atol=1e-12)
    probabilities = (s / c) ** np.arange(400) / c
    for order in (0.5, 2.0, 3.0):
        expected = np.log(np.sum(probabilities**order)) / (1 - order)
        assert np.isclose(state.entropy([0], order=order), expected, atol=1e-12)
    assert np.allclose(state.numbers, [s, s])
    assert np.allclose(state.entropies(), [c * np.log(c) - s * np.log(s)])


def test_thermal_oscillators_have_the_entropy_and_energy_of_planck():
    w, beta = np.array([0.5, 1.0, 2.0]), 0.8
    hamiltonian = BosonicHamiltonian.from_potential(np.diag(w**2))
    state = hamiltonian.thermal_state(beta)
    number = 1 / np.expm1(beta * w)
    assert np.allclose(state.symplectic_eigenvalues, np.sort(2 * number + 1)[::-1], atol=1e-12)
    expected = np.sum((number + 1) * np.log(number + 1) - number * np.log(number))
    assert np.isclose(state.entropy(), expected, atol=1e-12)
    assert np.isclose(hamiltonian.energy(state), np.sum(w * (number + 0.5)), atol=1e-12)
    free = float(hamiltonian.energy(state)) - expected / beta
    assert np.isclose(hamiltonian.free_energy(beta), free, atol=1e-12)
    assert np.isclose(state.purity, np.prod(1 / (2 * number + 1)), atol=1e-12)


def random_hamiltonian(n: int, seed: int) -> BosonicHamiltonian:
    h = np.random.default_rng(seed).normal(size=(2 * n, 2 * n))
    return BosonicHamiltonian(jnp.asarray(h @ h.T + np.eye(2 * n)), jnp.zeros(()))


def test_ground_and_thermal_states_minimise_and_commute():
    hamiltonian = random_hamiltonian(3, 0)
    ground = hamiltonian.ground_state()
    assert np.allclose(ground.symplectic_eigenvalues, 1.0, atol=1e-10)
    assert np.isclose(hamiltonian.energy(ground), hamiltonian.ground_energy, atol=1e-10)
    frequencies = np.abs(np.linalg.eigvals(omega(3) @ np.asarray(hamiltonian.matrix)).imag)
    assert np.allclose(np.sort(frequencies)[::-2], hamiltonian.frequencies, atol=1e-10)
    thermal = hamiltonian.thermal_state(0.3)
    later = hamiltonian.evolve(thermal, 1.7)
    assert np.allclose(later.covariance, thermal.covariance, atol=1e-9)
    expected = 1 / np.tanh(0.15 * np.asarray(hamiltonian.frequencies))
    assert np.allclose(thermal.symplectic_eigenvalues, np.sort(expected)[::-1], atol=1e-9)
    # The separable way and the general way give the same states.
    chain = gaussian.harmonic_chain(4, 0.5, 1.0)
    general = BosonicHamiltonian(chain.matrix, chain.constant)
    assert np.allclose(general.ground_state().covariance, chain.ground_state().covariance, atol=1e-11)
    assert np.allclose(general.thermal_state(2.0).covariance, chain.thermal_state(2.0).covariance, atol=1e-11)


def test_evolution_is_that_of_the_wave_function_and_keeps_purity():
    hamiltonian = BosonicHamiltonian.from_potential([[1.0, 0.2], [0.2, 0.7]])
    r = quadratures(2)
    matrix = scipy.sparse.csr_matrix(
        (r[2] @ r[2] + r[3] @ r[3]).real / 2
        + (r[0] @ r[0] + 0.7 * r[1] @ r[1] + 0.2 * (r[0] @ r[1] + r[1] @ r[0])) / 2
    )
    circuit = OpticalCircuit(2, GATES)
    later = hamiltonian.evolve(circuit(jnp.asarray(THETA)), 1.3)
    mean, sigma = moments(scipy.sparse.linalg.expm_multiply(-1.3j * matrix, fock_state(THETA)), 2)
    assert np.allclose(later.mean, mean, atol=1e-5)
    assert np.allclose(later.covariance, sigma, atol=1e-4)
    assert np.allclose(later.symplectic_eigenvalues, 1.0, atol=1e-10)


def test_lattices_have_their_dispersion_relations():
    k = 2 * np.pi * np.arange(6) / 6
    expected = np.sqrt(0.3**2 + 4 * 1.5 * np.sin(k / 2) ** 2)
    assert np.allclose(
        np.sort(gaussian.harmonic_chain(6, 0.3, 1.5).frequencies), np.sort(expected), atol=1e-12
    )
    square = np.sqrt(0.3**2 + 6 * np.sin(k / 2)[:, None] ** 2 + 6 * np.sin(k / 2)[None, :] ** 2)
    found = gaussian.harmonic_lattice((6, 6), 0.3, 1.5).frequencies
    assert np.allclose(np.sort(found), np.sort(square.ravel()), atol=1e-11)
    two = gaussian.harmonic_chain(2, 1.0, 3.0, periodic=False).frequencies
    assert np.allclose(two, [np.sqrt(7.0), 1.0], atol=1e-12)


def test_entanglement_of_two_coupled_oscillators_is_that_of_srednicki():
    # H = (p1^2 + p2^2 + k0 (q1^2 + q2^2) + k1 (q1 - q2)^2)/2: PRL 71, 666 (1993).
    k0, k1 = 0.8, 1.7
    state = gaussian.harmonic_chain(2, np.sqrt(k0), k1, periodic=False).ground_state()
    plus, minus = np.sqrt(k0), np.sqrt(k0 + 2 * k1)
    beta = (plus - minus) ** 2 / (4 * (plus + minus))
    gamma = 2 * plus * minus / (plus + minus) + beta
    xi = beta / (gamma + np.sqrt(gamma**2 - beta**2))
    expected = -np.log(1 - xi) - xi / (1 - xi) * np.log(xi)
    assert np.isclose(state.entropy([0]), expected, atol=1e-11)


def fock_density(hamiltonian: np.ndarray) -> np.ndarray:
    rho = scipy.linalg.expm(-hamiltonian)
    return rho / np.trace(rho)


def test_fidelities_are_those_of_density_matrices_in_fock_space():
    levels = 80
    a = np.diag(np.sqrt(np.arange(1, levels)), 1)
    q, p = (a + a.T) / np.sqrt(2), (a - a.T) / (np.sqrt(2) * 1j)

    def pair(h: np.ndarray) -> tuple[BosonicGaussian, np.ndarray]:
        matrix = (h[0, 0] * q @ q + h[1, 1] * (p @ p).real + h[0, 1] * (q @ p + p @ q)) / 2
        return BosonicHamiltonian(jnp.asarray(h), jnp.zeros(())).thermal_state(1.0), fock_density(matrix)

    first, rho = pair(np.array([[1.2, 0.1], [0.1, 0.9]]))
    second, tau = pair(np.array([[1.8, -0.3], [-0.3, 1.5]]))
    shift = np.array([0.3, -0.2])
    move = scipy.linalg.expm(-1j * (shift[0] * p - shift[1] * q))
    tau, second = move @ tau @ move.conj().T, second.displaced(jnp.asarray(shift))
    values, vectors = np.linalg.eigh(rho)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.conj().T
    expected = np.sum(np.sqrt(np.maximum(np.linalg.eigvalsh(root @ tau @ root), 0))) ** 2
    assert np.isclose(gaussian.fidelity(first, second), expected, atol=1e-7)
    assert np.isclose(gaussian.fidelity(first, first), 1.0, atol=1e-7)
    vacuum = BosonicGaussian.vacuum(1)
    assert np.isclose(gaussian.fidelity(vacuum, second), tau[0, 0].real, atol=1e-8)


def test_pure_fidelities_are_closed_forms():
    vacuum = BosonicGaussian.vacuum(1)
    moved = vacuum.displaced(jnp.asarray([0.6, -0.8]))
    assert np.isclose(gaussian.fidelity(vacuum, moved), np.exp(-0.5), atol=1e-14)
    squeezed = OpticalCircuit(1, [gaussian.Squeezing(Param(0), 0)])
    for r in (1e-7, 0.9):
        angle = gaussian.bures_angle(vacuum, squeezed(jnp.asarray([r])))
        assert np.isclose(np.tan(angle), np.sqrt(np.cosh(r) - 1), rtol=1e-6)
    with pytest.raises(TypeError, match="cannot compare"):
        gaussian.fidelity(vacuum, gaussian.FermionicGaussian.vacuum(1))


def test_the_finite_temperature_root_has_its_derivative_at_degenerate_points():
    rng = np.random.default_rng(0)
    q = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    m, e = jnp.asarray(q @ np.diag([0.5, 0.5, 0.5, 2.0]) @ q.T), rng.normal(size=(4, 4))
    e = jnp.asarray(e + e.T)
    found, step = jax.jvp(hot_root, (m,), (e,))[1], 1e-5
    assert np.allclose(found, (hot_root(m + step * e) - hot_root(m - step * e)) / (2 * step), atol=1e-8)


def test_bad_input_is_refused_in_one_line():
    for call, message in (
        (lambda: BosonicGaussian.from_covariance(0.5 * np.eye(2)), "uncertainty relation is violated"),
        (lambda: BosonicGaussian.from_covariance(np.eye(2), [0.0]), r"expected \(2,\)"),
        (lambda: BosonicGaussian.product([1.0, -1.0]), "positive numbers"),
        (lambda: BosonicHamiltonian.from_potential([[1.0, 2.0], [2.0, 1.0]]), "must be positive definite"),
        (lambda: gaussian.harmonic_chain(4, 0.0), "add a mass"),
        (lambda: OpticalCircuit(1, [gaussian.Phase(Param(1), 0)]), "no gate uses parameter 0"),
        (lambda: OpticalCircuit(1, [gaussian.Phase(0.1, 2)]), "the modes are 0 to 0"),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            call()
        assert "\n" not in str(caught.value)
