"""Qiskit: `ReverseQGT` of qiskit-algorithms for the metric, Aer's state-vector simulator for the energy."""

from __future__ import annotations

import inputs
import numpy as np
from inputs import Contender
from qiskit import QuantumCircuit
from qiskit.circuit import ParameterVector
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_algorithms.gradients import DerivativeType, ReverseQGT


def _circuit(n_qubits: int, n_layers: int) -> tuple[QuantumCircuit, ParameterVector]:
    circuit = QuantumCircuit(n_qubits)
    theta = ParameterVector("t", inputs.n_parameters(n_qubits, n_layers))
    k = 0
    for _ in range(n_layers):
        for q in range(n_qubits):
            circuit.ry(theta[k], q)
            circuit.rz(theta[k + 1], q)
            k += 2
        for i, j in inputs.ring(n_qubits):
            circuit.cz(i, j)
    return circuit, theta


def qfim(n_qubits: int, n_layers: int) -> Contender:
    """`ReverseQGT` gives Re QGT; 4 times it is the QFIM. A ParameterVector keeps its order of indices."""
    circuit, _ = _circuit(n_qubits, n_layers)
    method = ReverseQGT(derivative_type=DerivativeType.REAL)

    return Contender(
        lambda seed: inputs.angles(n_qubits, n_layers, seed),
        lambda angles: method.run([circuit], [angles]).result(),
        lambda result: 4 * np.asarray(result.qgts[0]).real,
    )


def energy(n_qubits: int, n_layers: int) -> Contender:
    """<sum Z_i Z_{i+1}> from Aer's `save_expectation_value`."""
    circuit, theta = _circuit(n_qubits, n_layers)
    terms = [("ZZ", [i, j], 1.0) for i, j in inputs.ring(n_qubits)]
    circuit.save_expectation_value(SparsePauliOp.from_sparse_list(terms, n_qubits), list(range(n_qubits)))
    simulator = AerSimulator(method="statevector", precision="double")

    def value(angles: np.ndarray) -> float:
        bound = circuit.assign_parameters(dict(zip(theta, angles, strict=True)))
        return simulator.run(bound).result().data()["expectation_value"]

    return Contender(lambda seed: inputs.angles(n_qubits, n_layers, seed), value)
