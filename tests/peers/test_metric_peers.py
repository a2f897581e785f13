"""The quantum Fisher matrix against PennyLane and Qiskit, to 1e-9."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import circuits
import qgeom

pytestmark = pytest.mark.slow

N_QUBITS, N_LAYERS = 3, 2


def circuit() -> circuits.Circuit:
    return circuits.hardware_efficient(
        n_qubits=N_QUBITS, n_layers=N_LAYERS, rotations=("RY", "RZ"), entangler="CZ", topology="ring"
    )


def ring_edges():
    return [(q, (q + 1) % N_QUBITS) for q in range(N_QUBITS)]


def test_pennylane_adjoint_metric_tensor_agrees():
    qml = pytest.importorskip("pennylane")
    c = circuit()
    theta = np.asarray(c.init(jax.random.key(0)))

    @qml.qnode(qml.device("default.qubit", wires=N_QUBITS), interface="autograd")
    def node(params):
        k = 0
        for _ in range(N_LAYERS):
            for q in range(N_QUBITS):
                qml.RY(params[k], q)
                qml.RZ(params[k + 1], q)
                k += 2
            for a, b in ring_edges():
                qml.CZ((a, b))
        return qml.state()

    expected = 4.0 * np.asarray(qml.adjoint_metric_tensor(node)(qml.numpy.array(theta, requires_grad=True)))
    m = qgeom.information_metric(c, jax.numpy.asarray(theta))
    np.testing.assert_allclose(m.as_matrix(), expected, atol=1e-9)


def test_pennylane_agrees_where_parameters_are_shared():
    qml = pytest.importorskip("pennylane")
    networkx = pytest.importorskip("networkx")
    graph = networkx.cycle_graph(3)
    c = circuits.qaoa(graph, n_layers=2)
    theta = np.asarray(c.init(jax.random.key(1)))
    m = qgeom.information_metric(c, jax.numpy.asarray(theta))

    @qml.qnode(qml.device("default.qubit", wires=c.n_qubits), interface="autograd")
    def node(params):
        for op in c.ops:
            values = [
                a.offset + (a.scale * params[a.index] if a.index is not None else 0.0) for a in op.angles
            ]
            if op.name == "H":
                qml.Hadamard(op.wires[0])
            elif op.name == "RZZ":
                qml.IsingZZ(values[0], op.wires)
            elif op.name == "RX":
                qml.RX(values[0], op.wires[0])
            elif op.name == "PAULIROT":
                qml.PauliRot(values[0], op.pauli, op.wires)
            else:
                raise AssertionError(op.name)
        return qml.state()

    expected = 4.0 * np.asarray(qml.adjoint_metric_tensor(node)(qml.numpy.array(theta, requires_grad=True)))
    np.testing.assert_allclose(m.as_matrix(), expected, atol=1e-9)


def test_qiskit_reverse_qgt_agrees():
    pytest.importorskip("qiskit_algorithms")
    from qiskit.circuit import ParameterVector, QuantumCircuit
    from qiskit_algorithms.gradients import DerivativeType, ReverseQGT

    c = circuit()
    theta = np.asarray(c.init(jax.random.key(2)))
    qc = QuantumCircuit(N_QUBITS)
    p = ParameterVector("p", c.n_parameters)
    k = 0
    for _ in range(N_LAYERS):
        for q in range(N_QUBITS):
            qc.ry(p[k], q)
            qc.rz(p[k + 1], q)
            k += 2
        for a, b in ring_edges():
            qc.cz(a, b)
    qgt = ReverseQGT(derivative_type=DerivativeType.COMPLEX)
    expected = np.asarray(qgt.run([qc], [theta]).result().qgts[0])
    m = qgeom.information_metric(c, jax.numpy.asarray(theta))
    np.testing.assert_allclose(m.quantum_geometric_tensor(), expected, atol=1e-9)
    np.testing.assert_allclose(m.as_matrix(), 4.0 * expected.real, atol=1e-9)
