"""Quantum trajectories: the probabilities of the jumps, and agreement with the density matrix within errors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits import gates
from circuits.circuit import Circuit
from circuits.hamiltonians import from_strings, ising
from circuits.noise import (
    AmplitudeDamping,
    Depolarizing,
    KrausChannel,
    NoiseModel,
    NoisyCircuit,
    ThermalRelaxation,
    estimate_expectation,
    estimate_probabilities,
    sample_states,
    trajectories,
)
from tests import brute_force
from tests.noise.test_channels import random_kraus

SIGMAS = 4.5
"""Standard errors that an estimate may be off: one test in 10^5 by chance; keys are fixed."""
COUNT = 2000


def strong() -> tuple[NoisyCircuit, jax.Array]:
    circuit = circuits.hardware_efficient(3, 1, rotations=("RX", "RY"), entangler="CX", topology="linear")
    circuit = circuit + Circuit(3, [gates.CCX(0, 1, 2)])
    noise = (
        NoiseModel()
        .after(AmplitudeDamping(0.1, 0.1), gates=("RX",))
        .after(ThermalRelaxation(1.0, 1.4, 0.1), gates=("RY",))
        .after(Depolarizing(0.1, 2), gates=("CX",))
        .after(KrausChannel(random_kraus(2, 2, 4)), gates=("RX",), wires=(1,))
        .after(Depolarizing(0.5, 3), gates=("CCX",))
    )
    return NoisyCircuit(circuit, noise), circuit.init(jax.random.key(3))


@pytest.mark.slow
def test_the_mean_projector_is_the_density_matrix_within_its_errors():
    noisy, theta = strong()
    states = np.asarray(sample_states(noisy, theta, jax.random.key(0), COUNT).vector)
    np.testing.assert_allclose(np.linalg.norm(states, axis=1), 1.0, atol=1e-12)
    projectors = states[:, :, None] * states[:, None, :].conj()
    mean, rho = projectors.mean(axis=0), np.asarray(noisy(theta).matrix)
    for part in (np.real, np.imag):
        error = part(projectors).std(axis=0, ddof=1) / np.sqrt(COUNT)
        assert np.all(np.abs(part(mean - rho)) <= SIGMAS * error + 1e-12)


def test_expectation_values_agree_within_the_errors_of_their_trajectories():
    noisy, theta = strong()
    hamiltonian, key = ising(3, 0.8), jax.random.key(1)
    found = estimate_expectation(noisy, theta, hamiltonian, key, COUNT)
    exact = float(noisy.expectation(theta, hamiltonian))
    assert abs(float(found.mean) - exact) < SIGMAS * float(found.standard_error)
    states = np.asarray(sample_states(noisy, theta, key, COUNT).vector)
    values = np.einsum("ka,ab,kb->k", states.conj(), hamiltonian.to_matrix(), states).real
    assert float(found.mean) == pytest.approx(values.mean(), abs=1e-12)
    assert float(found.standard_error) == pytest.approx(values.std(ddof=1) / np.sqrt(COUNT), rel=1e-10)


def test_probabilities_agree_within_the_errors_of_their_trajectories(monkeypatch):
    noisy, theta = strong()
    key, count = jax.random.key(2), COUNT
    with monkeypatch.context() as patch:
        patch.setattr(trajectories, "TOGETHER_BYTES", 2.0**19)  # in parts of 1024: one and a rest
        p = estimate_probabilities(noisy, theta, key, count)
    exact = np.diag(noisy(theta).matrix).real
    assert np.all(np.abs(np.asarray(p.mean) - exact) <= SIGMAS * np.asarray(p.standard_error) + 1e-12)
    squares = np.asarray(sample_states(noisy, theta, key, count).probabilities)
    np.testing.assert_allclose(p.mean, squares.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(p.standard_error, squares.std(axis=0, ddof=1) / np.sqrt(count), atol=1e-12)


def test_an_excited_qubit_jumps_with_its_born_probability_and_else_stays():
    # |1> is an eigenstate of both Kraus operators: a jump to |0> with probability gamma
    noisy = NoisyCircuit(Circuit(1, [gates.X(0)]), NoiseModel().after(AmplitudeDamping(0.3)))
    states = np.asarray(sample_states(noisy, jnp.zeros(0), jax.random.key(0), 5000).probabilities)
    assert np.all(np.isclose(states, 0.0, atol=1e-12) | np.isclose(states, 1.0, atol=1e-12))
    error = np.sqrt(0.3 * 0.7 / 5000)
    assert abs(states[:, 0].mean() - 0.3) < SIGMAS * error


def test_no_jump_tells_that_the_qubit_is_less_excited():
    # after no jump from (|0> + |1>)/sqrt 2 the state is (|0> + sqrt(1 - g)|1>)/norm, and it comes with (2 - g)/2
    g = 0.6
    noisy = NoisyCircuit(Circuit(1, [gates.H(0)]), NoiseModel().after(AmplitudeDamping(g)))
    p = np.asarray(sample_states(noisy, jnp.zeros(0), jax.random.key(1), 4000).probabilities)
    stayed = p[:, 1] > 1e-9
    np.testing.assert_allclose(p[stayed, 1], (1 - g) / (2 - g), atol=1e-12)
    assert abs(stayed.mean() - (2 - g) / 2) < SIGMAS * np.sqrt(0.25 / 4000)


def test_without_noise_a_trajectory_is_the_state_up_to_a_phase():
    circuit = circuits.hardware_efficient(3, 2) + Circuit(3, [gates.CSWAP(0, 1, 2)])
    theta = circuit.init(jax.random.key(0))
    (vector,) = np.asarray(
        sample_states(NoisyCircuit(circuit, NoiseModel()), theta, jax.random.key(0), 1).vector
    )
    overlap = np.vdot(brute_force.state(circuit, theta), vector)
    assert abs(overlap) == pytest.approx(1.0, abs=1e-12)


def test_beyond_density_matrices_a_ghz_state_keeps_its_known_coherence():
    # phase flips with q on each of n qubits: <X...X> = (1 - 2 q)^n, where 4^13 numbers would be half a GiB
    n, q, count = 13, 0.02, 100
    circuit = Circuit(
        n, [gates.H(0), *(gates.CX(k, k + 1) for k in range(n - 1)), *(gates.I(k) for k in range(n))]
    )
    noise = NoiseModel().after(circuits.noise.phase_flip(q), gates=("I",))
    hamiltonian = from_strings({"X" * n: 1.0})
    found = estimate_expectation(
        NoisyCircuit(circuit, noise), jnp.zeros(0), hamiltonian, jax.random.key(0), count
    )
    assert abs(float(found.mean) - (1 - 2 * q) ** n) < SIGMAS * float(found.standard_error)
    assert float(found.standard_error) == pytest.approx(
        np.sqrt((1 - (1 - 2 * q) ** (2 * n)) / count), rel=0.2
    )


def test_equal_keys_give_equal_trajectories_and_others_do_not():
    noisy, theta = strong()
    a, b = (sample_states(noisy, theta, jax.random.key(k), COUNT).vector for k in (0, 0))
    np.testing.assert_array_equal(a, b)
    assert not np.allclose(a, sample_states(noisy, theta, jax.random.key(1), COUNT).vector)


def test_wrong_arguments_are_refused_in_one_line():
    noisy, theta = strong()
    with pytest.raises(ValueError, match="1 or more, not 0"):
        sample_states(noisy, theta, jax.random.key(0), 0)
    with pytest.raises(ValueError, match="2 or more, not 1"):
        estimate_expectation(noisy, theta, ising(3), jax.random.key(0), 1)
    with pytest.raises(ValueError, match="give both the same number"):
        estimate_expectation(noisy, theta, ising(4), jax.random.key(0), 10)
