"""Circuits to and from PennyLane whole: random ones, QNodes, tapes; against matrices in NumPy and default.qubit."""

from __future__ import annotations

import math

import brute_force
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_circuits import random_circuit

qml = pytest.importorskip("pennylane")

from pennylane_matrices import description_state, unitary_of_tape  # noqa: E402

from circuits import Circuit, Param, gates  # noqa: E402
from circuits.convert.pennylane import from_pennylane, to_pennylane  # noqa: E402
from qgeom.information import information_metric  # noqa: E402

pnp = qml.numpy


@given(st.integers(1, 4), st.integers(1, 25), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=60)
def test_a_random_circuit_is_the_same_unitary_in_pennylane(n_qubits, n_gates, seed):
    circuit = random_circuit(n_qubits, n_gates, seed)
    theta = np.random.default_rng(seed).normal(size=circuit.n_parameters)
    tape = to_pennylane(circuit, theta)
    np.testing.assert_allclose(
        unitary_of_tape(tape, range(n_qubits)), brute_force.unitary(circuit, theta), atol=1e-10
    )


def as_qnode(circuit: Circuit):
    """A QNode of all its qubits, used or not."""
    function = to_pennylane(circuit)

    @qml.qnode(qml.device("default.qubit", wires=circuit.n_qubits))
    def qnode(theta):
        function(theta)
        return qml.state()

    return qnode


def qfim_by_pennylane(circuit: Circuit, theta: np.ndarray) -> np.ndarray:
    """The QFIM of the states of PennyLane's matrices, by the differences of `brute_force.tangents`."""
    function = to_pennylane(circuit)

    def state(t):
        return unitary_of_tape(qml.tape.make_qscript(function)(t), range(circuit.n_qubits))[:, 0]

    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    rows = np.array(
        [
            sum(w * (state(theta + 0.02 * k * e) - state(theta - 0.02 * k * e)) for k, w in weights.items())
            / 0.02
            for e in np.eye(len(theta))
        ]
    )
    overlap = rows.conj() @ state(theta)
    return 4 * (rows.conj() @ rows.T - np.outer(overlap, overlap.conj())).real


@given(st.integers(1, 4), st.integers(1, 20), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=40)
def test_a_random_circuit_comes_back_with_its_parameters_and_state(n_qubits, n_gates, seed):
    circuit = random_circuit(n_qubits, n_gates, seed)
    theta = np.random.default_rng(seed).normal(size=circuit.n_parameters)
    back = from_pennylane(as_qnode(circuit), theta)
    assert isinstance(back, Circuit)
    assert back.n_parameters == circuit.n_parameters
    for point in (theta, theta + 0.3):
        np.testing.assert_allclose(
            brute_force.state(back, point), brute_force.state(circuit, point), atol=1e-10
        )


@given(st.integers(1, 3), st.integers(1, 6), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=15)
def test_a_random_circuit_has_the_same_quantum_fisher_matrix_in_pennylane(n_qubits, n_gates, seed):
    circuit = random_circuit(n_qubits, n_gates, seed)
    theta = np.random.default_rng(seed).normal(size=circuit.n_parameters)
    if not 0 < len(theta) <= 8:
        return
    expected = qfim_by_pennylane(circuit, theta)
    np.testing.assert_allclose(brute_force.qfim(circuit, theta), expected, atol=1e-10)
    back = from_pennylane(as_qnode(circuit), theta)
    np.testing.assert_allclose(brute_force.qfim(back, theta), expected, atol=1e-10)


def test_the_metric_of_a_qnode_is_that_of_pennylane():
    def gates_of(a, weights):
        qml.RX(a, 0)
        qml.StronglyEntanglingLayers(weights, wires=range(3))
        qml.RZ(2 * a - weights[0, 0, 1], 1)  # shared: the metric adds it up

    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit(a, weights):
        gates_of(a, weights)
        return qml.expval(qml.Z(0))

    @qml.qnode(qml.device("default.qubit", wires=3))
    def psi(a, weights):
        gates_of(a, weights)
        return qml.state()

    rng = np.random.default_rng(5)
    a, weights = pnp.array(0.4), pnp.array(rng.normal(size=(1, 3, 3)))
    metric = information_metric(circuit, a, weights)
    # an independent reference: differences of PennyLane's states
    theta = np.concatenate([[0.4], np.asarray(weights).ravel()])

    def state(t):
        return np.asarray(psi(t[0], t[1:].reshape(1, 3, 3)))

    step = 1e-4
    rows = np.array([(state(theta + step * e) - state(theta - step * e)) / (2 * step) for e in np.eye(10)])
    overlap = rows.conj() @ state(theta)
    expected = 4 * (rows.conj() @ rows.T - np.outer(overlap, overlap.conj())).real
    np.testing.assert_allclose(metric.as_matrix(), expected, atol=1e-6)
    assert isinstance(from_pennylane(circuit, a, weights), Circuit)


def test_a_metric_takes_more_arguments_of_a_qnode_only():
    circuit = Circuit(1, [gates.RX(Param(0), 0)])
    with pytest.raises(TypeError, match="takes parameters and data, not 3 arguments"):
        information_metric(circuit, np.zeros(1), None, 1)
    with jax.enable_x64(False), pytest.raises(ValueError, match="float64 parameters need x64"):
        information_metric(as_qnode(circuit), np.zeros(1))


def test_wires_become_qubits_in_the_order_of_the_device():
    device = qml.device("default.qubit", wires=["b", "a", "spare"])

    @qml.qnode(device)
    def circuit(t):
        qml.RX(t, "a")
        qml.RY(2 * t, "b")
        return qml.state()

    description = from_pennylane(circuit, 0.5)
    assert description.n_qubits == 3
    np.testing.assert_allclose(description_state(description, np.array([0.5])), circuit(0.5), atol=1e-12)
    tape = qml.tape.QuantumScript([qml.RX(0.1, 7), qml.RY(0.2, 3)])
    converted = from_pennylane(tape)
    assert [op.wires for op in converted.ops] == [(1,), (0,)]
    named = from_pennylane(qml.tape.QuantumScript([qml.RX(0.1, "z"), qml.RY(0.2, "a")]))
    assert [op.wires for op in named.ops] == [(0,), (1,)]


def test_a_tape_keeps_its_trainable_parameters():
    tape = qml.tape.QuantumScript(
        [qml.RX(0.1, 0), qml.QubitUnitary(np.eye(2), 0), qml.Rot(0.2, 0.3, 0.4, 1), qml.RX(0.5, 1)],
        [qml.expval(0.3 * qml.Z(0))],
        trainable_params=[0, 1, 3, 5],
    )
    description = from_pennylane(tape)
    assert isinstance(description, Circuit)
    assert description.n_parameters == 3  # a matrix is a constant
    free = [(op.name, a.index) for op in description.ops for a in op.angles if a.index is not None]
    assert free == [("RX", 0), ("RY", 1), ("RX", 2)]
    with pytest.raises(TypeError, match="takes no arguments"):
        from_pennylane(tape, 0.1)


def test_a_script_of_a_circuit_says_which_parameters_are_trainable():
    circuit = Circuit(2, [gates.RX(0.5, 0), gates.RY(Param(0), 1), gates.U3(Param(1), 0.1, Param(0), 0)])
    tape = to_pennylane(circuit, np.array([0.2, 0.3]))
    assert tape.trainable_params == [1, 2, 4]
    np.testing.assert_allclose(np.asarray(tape.get_parameters(), float), [0.2, 0.3, 0.2])
    function = to_pennylane(circuit)
    assert callable(function)
    with pytest.raises(ValueError, match=r"theta must have shape \(2,\)"):
        function(np.zeros(3))
    with pytest.raises(TypeError, match="takes a Circuit or a Reparametrised circuit, not int"):
        to_pennylane(3)


def test_a_reparametrised_circuit_goes_out():
    def circuit(x, a):
        qml.RX(jnp.sin(a) * x[0], 0)
        qml.SpecialUnitary(jnp.stack([a, 0.5, x[1]]), 0)

    description = from_pennylane(circuit, np.zeros(2), 0.5, input_argnum=0)
    tape = to_pennylane(description, jnp.array([0.7]), jnp.array([0.4, 1.2]))
    assert float(tape.operations[0].data[0]) == pytest.approx(math.sin(0.7) * 0.4, abs=1e-15)
    np.testing.assert_allclose(tape.operations[1].data[0], [0.7, 0.5, 1.2], atol=1e-15)
    assert tape.trainable_params == [0, 1]


def mid_measured(t):
    qml.RX(t, 0)
    m = qml.measure(0)
    qml.cond(m, qml.RY)(t, 1)


def noisy(t):
    qml.RX(t, 0)
    qml.DepolarizingChannel(0.1, 0)


def without_gates(t):
    qml.RX(t, 0)
    qml.BlockEncode(np.array([[0.1, 0.2], [0.3, 0.4]]), [0, 1])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (mid_measured, r"operation 1 \(Mid.* on wires 0\) is a measurement in the middle"),
        (noisy, r"operation 1 \(DepolarizingChannel on wires 0\) makes a mixed state"),
        (without_gates, r"operation 1 \(BlockEncode on wires 0, 1\) has no decomposition"),
    ],
)
def test_what_has_no_unitary_meaning_is_refused_by_name_and_position(source, message):
    with pytest.raises(ValueError, match=message) as error:
        from_pennylane(source, 0.5)
    assert "\n" not in str(error.value)


def test_only_circuits_of_pennylane_are_taken():
    with pytest.raises(
        TypeError, match="takes a QNode, a quantum function, a QuantumScript or an operator, not int"
    ):
        from_pennylane(3)


def test_a_qnode_that_transforms_split_is_refused():
    @qml.transforms.split_non_commuting
    @qml.qnode(qml.device("default.qubit", wires=1))
    def circuit(t):
        qml.RX(t, 0)
        return qml.expval(qml.X(0)), qml.expval(qml.Z(0))

    with pytest.raises(ValueError, match="make 2 circuits of it"):
        from_pennylane(circuit, 0.5)


def test_user_transforms_of_a_qnode_are_applied():
    @qml.transforms.cancel_inverses
    @qml.qnode(qml.device("default.qubit", wires=1))
    def circuit(t):
        qml.H(0)
        qml.H(0)
        qml.RX(t, 0)
        return qml.state()

    assert [op.name for op in from_pennylane(circuit, 0.5).ops] == ["RX"]
