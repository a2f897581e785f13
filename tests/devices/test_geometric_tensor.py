"""The QGT for qiskit-algorithms: its own tests' values, and its classes that take a QGT, unchanged.

Values: test/gradients/test_qgt.py and test_qfi.py of qiskit-algorithms 0.4.
"""

from __future__ import annotations

import brute_force
import numpy as np
import pytest

pytest.importorskip("qiskit_algorithms")

from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterVector
from qiskit.circuit.library import efficient_su2, real_amplitudes
from qiskit.quantum_info import SparsePauliOp
from qiskit_algorithms import TimeEvolutionProblem, VarQITE, VarQRTE
from qiskit_algorithms.gradients import (
    QFI,
    DerivativeType,
    LinCombEstimatorGradient,
    LinCombQGT,
    ReverseEstimatorGradient,
    ReverseQGT,
)
from qiskit_algorithms.time_evolvers.variational import (
    ImaginaryMcLachlanPrinciple,
    RealMcLachlanPrinciple,
)

from circuits.convert.qiskit import from_qiskit
from qgeom.devices import Estimator, GeometricTensor

A, B, C = Parameter("a"), Parameter("b"), Parameter("c")


def h_rz_rx() -> QuantumCircuit:
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.rz(A, 0)
    circuit.rx(B, 0)
    return circuit


def value(qgt, circuit, point, parameters=None) -> np.ndarray:
    return qgt.run([circuit], [point], None if parameters is None else [parameters]).result().qgts[0]


POINTS = [[np.pi / 4, 0.0], [np.pi / 2, np.pi / 4]]
FIXED = [np.array([[1, 0.707106781j], [-0.707106781j, 0.5]]) / 4, np.array([[1, 1j], [-1j, 1]]) / 4]
NOT_FIXED = [np.array([[1, 0.707106781j], [-0.707106781j, 1]]) / 4, np.array([[1, 1j], [-1j, 1]]) / 4]


@pytest.mark.parametrize("phase_fix", [True, False])
def test_the_parts_of_the_tensor_with_and_without_its_second_term(phase_fix):
    for point, expected in zip(POINTS, FIXED if phase_fix else NOT_FIXED, strict=True):
        parts = {
            DerivativeType.COMPLEX: expected,
            DerivativeType.REAL: expected.real,
            DerivativeType.IMAG: expected.imag,
        }
        for kind, part in parts.items():
            found = value(GeometricTensor(phase_fix, kind), h_rz_rx(), point)
            np.testing.assert_allclose(found, part, atol=1e-9)
            assert np.iscomplexobj(found) == (kind is DerivativeType.COMPLEX)


def test_expressions_of_parameters_go_through_the_chain_rule():
    circuit = real_amplitudes(2, reps=1)
    p = circuit.parameters
    circuit.rz(p[0].exp() + 2 * p[1], 0)
    circuit.rx(3.0 * p[2] + p[3].sin(), 1)
    expected = [
        [
            [5.707309, 4.2924833, 1.5295868, 0.1938604],
            [4.2924833, 4.9142136, 0.75, 0.8838835],
            [1.5295868, 0.75, 3.4430195, 0.0758252],
            [0.1938604, 0.8838835, 0.0758252, 1.1357233],
        ],
        [[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 0.0], [1.0, 0.0, 10.0, 0.0], [0.0, 0.0, 0.0, 1.0]],
    ]
    qgt = GeometricTensor(derivative_type=DerivativeType.REAL)
    for angle, wanted in zip((np.pi / 4, np.pi / 2), expected, strict=True):
        np.testing.assert_allclose(4 * value(qgt, circuit, [angle] * 4), wanted, atol=1e-6)


def test_chosen_parameters_come_in_the_order_asked_for():
    circuit = QuantumCircuit(1)
    circuit.rx(A, 0)
    circuit.rz(B, 0)
    circuit.rx(C, 0)
    full = np.array([[0.25, 0.0, 0.1767767], [0.0, 0.125, -0.08838835], [0.1767767, -0.08838835, 0.1875]])
    qgt = GeometricTensor(derivative_type=DerivativeType.REAL)
    for wanted, order in (([A, B, C], [0, 1, 2]), ([C, B, A], [2, 1, 0]), ([A, C], [0, 2]), ([B, A], [1, 0])):
        found = value(qgt, circuit, [np.pi / 4] * 3, wanted)
        np.testing.assert_allclose(found, full[np.ix_(order, order)], atol=1e-7)


def test_several_circuits_and_wrong_numbers_of_them():
    first, second = QuantumCircuit(1), QuantumCircuit(1)
    for circuit in (first, second):
        circuit.rx(A, 0)
        circuit.ry(B, 0)
    qgt = GeometricTensor(derivative_type=DerivativeType.REAL)
    points = [[np.pi / 4] * 2, [np.pi / 2] * 2]
    result = qgt.run([first, second], points, [[A], None]).result()
    np.testing.assert_allclose(result.qgts[0], [[0.25]], atol=1e-12)
    np.testing.assert_allclose(result.qgts[1], [[0.25, 0], [0, 0]], atol=1e-12)
    assert result.metadata == [{"parameters": [A]}, {"parameters": [A, B]}]
    with pytest.raises(ValueError):
        qgt.run([first, second], points[:1])


def test_a_start_that_is_no_gate_is_kept():
    circuit = QuantumCircuit(2)
    circuit.initialize([0.5, 0.5, 0.5, 0.5])
    circuit.crx(A, 0, 1)
    circuit.ry(B, 0)
    found = value(GeometricTensor(derivative_type=DerivativeType.REAL), circuit, [np.pi / 2, np.pi])
    np.testing.assert_allclose(found, np.diag([0.25, 0.5]) / 4, atol=1e-9)


def test_a_random_circuit_has_the_tensor_of_differences():
    circuit = efficient_su2(3, reps=1, entanglement="circular")
    theta = np.random.default_rng(6).normal(size=circuit.num_parameters)
    expected = brute_force.geometric_tensor(from_qiskit(circuit), theta)
    np.testing.assert_allclose(value(GeometricTensor(), circuit, theta), expected, atol=1e-10)


# qiskit-algorithms' classes.


def maxcut() -> QuantumCircuit:
    x = ParameterVector("x", 2)
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    for pair in ((2, 1), (3, 0), (2, 0), (1, 0)):
        circuit.rzz(2 * x[0], *pair)
    circuit.rx(2 * x[1], range(4))
    return circuit


def test_qfi_takes_it_and_gives_the_published_values():
    qfi = QFI(GeometricTensor())
    for a, expected in ((np.pi / 4, [[1, 0], [0, 0.5]]), (np.pi, [[1, 0], [0, 0]]), (np.pi / 2, np.eye(2))):
        found = qfi.run([h_rz_rx()], [[a, 0.1]]).result().qfis[0]
        np.testing.assert_allclose(found, expected, atol=1e-9)
    found = QFI(GeometricTensor(phase_fix=False)).run([h_rz_rx()], [[np.pi / 4, 0.1]]).result().qfis[0]
    np.testing.assert_allclose(found, np.eye(2), atol=1e-9)
    shared = qfi.run([maxcut()], [[0.4, 0.69]]).result().qfis[0]
    np.testing.assert_allclose(shared, [[16.0, -5.551], [-5.551, 18.497]], atol=1e-3)


@pytest.mark.parametrize("evolver", [VarQITE, VarQRTE])
def test_variational_time_evolution_takes_it(evolver):
    """McLachlan's principle solves a linear system in the QGT: the natural gradient. The peer is ReverseQGT."""
    hamiltonian = SparsePauliOp.from_list([("ZZ", -0.2252), ("IX", 0.5716), ("YY", 0.0910), ("ZI", 0.3)])
    ansatz = efficient_su2(2, reps=1)
    start = np.full(ansatz.num_parameters, 0.7)

    def final(qgt):
        if evolver is VarQITE:
            principle = ImaginaryMcLachlanPrinciple(qgt, ReverseEstimatorGradient())
        else:
            gradient = ReverseEstimatorGradient(derivative_type=DerivativeType.IMAG)
            principle = RealMcLachlanPrinciple(qgt, gradient)
        algorithm = evolver(ansatz, start, variational_principle=principle, num_timesteps=4)
        return algorithm.evolve(TimeEvolutionProblem(hamiltonian, 0.2)).parameter_values[-1]

    np.testing.assert_allclose(final(GeometricTensor()), final(ReverseQGT()), atol=1e-8)


def test_algorithms_of_circuits_run_on_the_estimator():
    """qiskit-algorithms' linear combinations of unitaries: gradient and QGT, on the engine's Estimator."""
    qfi = QFI(LinCombQGT(Estimator(), derivative_type=DerivativeType.REAL))
    found = qfi.run([h_rz_rx()], [[np.pi / 4, 0.1]]).result().qfis[0]
    np.testing.assert_allclose(found, [[1, 0], [0, 0.5]], atol=1e-9)
    circuit = QuantumCircuit(1)
    circuit.ry(A, 0)
    gradient = LinCombEstimatorGradient(Estimator()).run([circuit], [SparsePauliOp("Z")], [[0.4]]).result()
    np.testing.assert_allclose(gradient.gradients[0], [-np.sin(0.4)], atol=1e-9)
