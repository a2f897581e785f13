"""Qiskit's estimator and sampler on this engine, against dense matrices, Born's rule and Qiskit's own primitives."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest

pytest.importorskip("qiskit")

from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Parameter, QuantumRegister
from qiskit.circuit.library import real_amplitudes
from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2, StatevectorEstimator
from qiskit.quantum_info import Pauli, SparsePauliOp, Statevector

from qgeom.devices import Estimator, Sampler
from qgeom.devices.qiskit_states import pauli_means, pauli_terms
from qgeom.devices.sampler import split_measurements


def probabilities(circuit: QuantumCircuit) -> np.ndarray:
    """By Qiskit: qubit 0 is the least significant bit."""
    return Statevector(circuit.remove_final_measurements(inplace=False)).probabilities()


# Means.


def test_pauli_means_are_those_of_dense_matrices():
    rng = np.random.default_rng(0)
    states = rng.normal(size=(3, 8)) + 1j * rng.normal(size=(3, 8))
    strings = ["".join(s) for s in itertools.product("IXYZ", repeat=3)]
    expected = [[np.vdot(psi, Pauli(s).to_matrix() @ psi).real for s in strings] for psi in states]
    # as matrices, the first letter is the most significant bit here and in Qiskit
    np.testing.assert_allclose(pauli_means(states, strings), expected, atol=1e-12)


def test_projectors_become_pauli_strings():
    terms = pauli_terms({"0r": 2.0, "IZ": 0.5})
    total = sum(c * Pauli(s).to_matrix() for s, c in terms.items())
    zero, right = np.diag([1.0, 0.0]), np.array([[0.5, -0.5j], [0.5j, 0.5]])
    # qubit 0 first here, last in Qiskit: r acts on qubit 0
    expected = 2.0 * np.kron(right, zero) + 0.5 * np.kron(np.diag([1, -1]), np.eye(2))
    np.testing.assert_allclose(total, expected, atol=1e-14)
    with pytest.raises(ValueError, match="more than 65536 Pauli strings"):
        pauli_terms({"0" * 17: 1.0})


def test_the_estimator_broadcasts_observables_against_parameters():
    circuit = real_amplitudes(3, reps=1)
    values = np.random.default_rng(1).normal(size=(5, circuit.num_parameters))
    observables = [
        [SparsePauliOp(["XXI", "IYZ"], [0.5, -0.25])],
        [Pauli("ZIY")],
        [{"1+I": 0.7, "III": 0.1}],
    ]
    estimator = Estimator()
    assert isinstance(estimator, BaseEstimatorV2)
    result = estimator.run([(circuit, observables, values)]).result()[0]
    assert result.data.evs.shape == (3, 5)
    np.testing.assert_array_equal(result.data.stds, np.zeros((3, 5)))
    dense = [
        0.5 * Pauli("XXI").to_matrix() - 0.25 * Pauli("IYZ").to_matrix(),
        Pauli("ZIY").to_matrix(),
        0.7 * np.kron(np.kron(np.diag([0, 1]), np.full((2, 2), 0.5)), np.eye(2)) + 0.1 * np.eye(8),
    ]
    for k, row in enumerate(values):
        psi = Statevector(circuit.assign_parameters(row)).data
        expected = [np.vdot(psi, h @ psi).real for h in dense]
        np.testing.assert_allclose(result.data.evs[:, k], expected, atol=1e-12)


def test_a_scalar_pub_has_a_scalar_result():
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    results = Estimator().run([(circuit, "XX"), (circuit, ["ZZ", "ZI"])]).result()
    assert results[0].data.evs.shape == ()
    assert float(results[0].data.evs) == pytest.approx(1.0, abs=1e-14)
    np.testing.assert_allclose(results[1].data.evs, [1.0, 0.0], atol=1e-14)


def test_precision_is_the_standard_deviation_of_the_noise():
    circuit = QuantumCircuit(1)
    circuit.x(0)
    estimator = Estimator(default_precision=0.1, seed=5)
    result = estimator.run([(circuit, ["Z"] * 2000)]).result()[0]
    assert result.metadata["target_precision"] == 0.1
    np.testing.assert_array_equal(result.data.stds, np.full(2000, 0.1))
    assert abs(np.mean(result.data.evs) + 1.0) < 5 * 0.1 / np.sqrt(2000)
    assert abs(np.std(result.data.evs) - 0.1) < 0.01
    exact = estimator.run([(circuit, "Z")], precision=0.0).result()[0]
    assert float(exact.data.evs) == -1.0
    again = Estimator(default_precision=0.1, seed=5).run([(circuit, ["Z"] * 2000)]).result()[0]
    np.testing.assert_array_equal(result.data.evs, again.data.evs)


def test_the_estimator_gives_what_qiskit_gives_on_expressions_and_a_start():
    a, b = Parameter("a"), Parameter("b")
    circuit = QuantumCircuit(2)
    circuit.initialize([0.5, 0.5j, -0.5, 0.5])
    circuit.rx(a.sin() + b, 0)
    circuit.crz(a * b, 0, 1)
    circuit.h(1)
    pub = (circuit, [["ZX"], ["YI"]], [[0.3, 0.4], [-1.0, 2.0]])
    ours = Estimator().run([pub]).result()[0].data.evs
    theirs = StatevectorEstimator().run([pub]).result()[0].data.evs
    np.testing.assert_allclose(ours, theirs, atol=1e-12)


def test_the_estimator_computes_in_double_precision_while_x64_is_off():
    circuit = QuantumCircuit(1)
    circuit.ry(Parameter("a"), 0)
    with jax.enable_x64(False):
        found = Estimator().run([(circuit, "Z", [[0.3], [0.7]])]).result()[0].data.evs
    np.testing.assert_allclose(found, np.cos([0.3, 0.7]), atol=1e-15)


# Samples.


def test_samples_follow_born_in_every_register():
    qubits, alpha, beta = QuantumRegister(3), ClassicalRegister(2, "alpha"), ClassicalRegister(3, "beta")
    circuit = QuantumCircuit(qubits, alpha, beta)
    circuit.ry(Parameter("a"), 0)
    circuit.cx(0, 1)
    circuit.x(2)
    circuit.barrier()
    circuit.measure(0, alpha[1])
    circuit.measure(2, beta[2])
    circuit.measure(1, beta[0])
    sampler = Sampler(seed=2)
    assert isinstance(sampler, BaseSamplerV2)
    shots = 4000
    result = sampler.run([(circuit, [[0.4], [1.3]])], shots=shots).result()[0]
    assert result.data.alpha.shape == result.data.beta.shape == (2,)
    assert (result.data.alpha.num_bits, result.data.beta.num_bits) == (2, 3)
    assert result.data.alpha.num_shots == shots
    for k, a in enumerate((0.4, 1.3)):
        counts = result.data.alpha.get_counts(k)
        assert set(counts) == {"00", "10"}
        p = np.sin(a / 2) ** 2
        assert abs(counts["10"] / shots - p) < 5 * np.sqrt(p * (1 - p) / shots)
        assert set(result.data.beta.get_counts(k)) == {"100", "101"}
        assert result.data.beta.get_counts(k)["101"] == counts["10"]


def test_counts_agree_with_the_probabilities_of_qiskit():
    circuit = real_amplitudes(3, reps=2)
    circuit = circuit.assign_parameters(np.random.default_rng(4).normal(size=circuit.num_parameters))
    circuit.measure_all()
    shots = 20000
    counts = Sampler(default_shots=shots, seed=1).run([circuit]).result()[0].data.meas.get_int_counts()
    p = probabilities(circuit)
    found = np.array([counts.get(k, 0) for k in range(8)]) / shots
    assert np.all(np.abs(found - p) < 5 * np.sqrt(p * (1 - p) / shots) + 1e-12)


def test_a_seed_repeats_the_samples():
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    circuit.measure_all()
    first, again, other = (
        Sampler(seed=s).run([circuit], shots=100).result()[0].data.meas.array for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_what_follows_a_measurement_is_refused_with_its_position():
    circuit = QuantumCircuit(1, 1)
    circuit.measure(0, 0)
    circuit.x(0)
    with pytest.raises(ValueError, match=r"instruction 1 \(x\) acts on qubit 0 after it was measured"):
        split_measurements(circuit)
    controlled = QuantumCircuit(1, 1)
    with controlled.if_test((0, 1)):
        controlled.x(0)
    with pytest.raises(ValueError, match=r"instruction 0 \(if_else\) has classical control"):
        Sampler().run([controlled]).result()


def test_measuring_twice_shows_the_same_qubit():
    circuit = QuantumCircuit(1, 2)
    circuit.x(0)
    circuit.measure(0, 0)
    circuit.measure(0, 1)
    assert Sampler(seed=1).run([circuit], shots=10).result()[0].data.c.get_counts() == {"11": 10}
