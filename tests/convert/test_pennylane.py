"""Circuits to and from PennyLane, against matrices in NumPy and against default.qubit."""

from __future__ import annotations

import math
import pickle

import brute_force
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_circuits import random_circuit

qml = pytest.importorskip("pennylane")

from circuits import Circuit, Input, Param, gates  # noqa: E402
from circuits.convert.pennylane import from_pennylane, to_pennylane  # noqa: E402
from circuits.convert.pennylane_gates import TRANSLATED_NAMES, translated  # noqa: E402
from circuits.ops import SIGNATURES  # noqa: E402
from circuits.reparametrised import Reparametrised  # noqa: E402
from qgeom.information import information_metric  # noqa: E402

pnp = qml.numpy


def unitary_of_tape(tape, wires) -> np.ndarray:
    """The matrix of a tape by PennyLane, without a device: the product of its operators' matrices."""
    with jax.numpy_dtype_promotion("standard"):
        return np.asarray(qml.matrix(tape, wire_order=wires))


def same_ray(a, b, atol: float = 1e-10) -> bool:
    return abs(abs(np.vdot(a, b)) - 1.0) < atol


def description_state(description, theta, x=None) -> np.ndarray:
    """The state of a Circuit or Reparametrised circuit by NumPy matrices: nothing is compiled."""
    if isinstance(description, Reparametrised):
        return brute_force.state(description.circuit, np.asarray(description.angles(theta, x)))
    return brute_force.state(description, theta, x)


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


def test_gates_come_back_as_themselves():
    circuit = Circuit(
        3,
        [
            gates.H(0), gates.SX(1), gates.SXDG(1), gates.TDG(2), gates.SDG(0), gates.S(0), gates.T(1),
            gates.RX(Param(0), 0), gates.RY(2.0 * Param(0) + 0.25, 1), gates.RZ(0.5, 2), gates.P(Param(1), 2),
            gates.U3(Param(2), 0.5, -Param(1), 0), gates.SU2([Param(3), Param(4), 0.25], 1), gates.CX(0, 2),
            gates.CRY(Param(5), 2, 1), gates.CP(Param(6), 0, 1), gates.RXX(Param(7), 0, 1), gates.ISWAP(0, 1),
            gates.XXPlusYY(Param(8), 1, 2), gates.PauliRotation(Param(9), "XYZ", (2, 0, 1)), gates.CCX(0, 1, 2),
            gates.CSWAP(2, 1, 0), gates.MultiControlledPhase(Param(10), (0, 2, 1)), gates.I(2),
            gates.SU4([0.125 * k for k in range(15)], 0, 2), gates.CH(0, 1), gates.CY(1, 0), gates.CZ(1, 2),
        ],
    )  # fmt: skip
    back = from_pennylane(to_pennylane(circuit), np.zeros(circuit.n_parameters))
    assert isinstance(back, Circuit)
    assert back.named(None) == circuit
    assert back.parameter_names == tuple(f"theta[{k}]" for k in range(11))


def test_every_gate_of_the_set_has_an_operator_with_its_matrix():
    rng = np.random.default_rng(1)
    for name, signature in SIGNATURES.items():
        n_wires = signature.n_wires or 3
        values = rng.normal(size=signature.n_angles)
        op = gates.Op(
            name, tuple(range(n_wires)), tuple(map(gates.fixed, values)), "XYZ" if name == "PAULIROT" else ""
        )
        circuit = Circuit(n_wires, [op])
        tape = (
            qml.tape.make_qscript(to_pennylane(circuit))()
            if callable(to_pennylane(circuit))
            else to_pennylane(circuit)
        )
        assert len(tape.operations) == 1
        np.testing.assert_allclose(
            unitary_of_tape(tape, range(n_wires)), brute_force.unitary(circuit), atol=1e-12, err_msg=name
        )


OPERATORS = [
    qml.Identity([0, 1]), qml.U1(0.4, 0), qml.U2(0.4, 1.1, 0), qml.U3(0.4, 1.1, -0.3, 0), qml.Rot(0.4, 1.1, -0.3, 0),
    qml.MultiRZ(0.7, [0, 1, 2]), qml.PauliRot(0.7, "XIY", [0, 1, 2]), qml.PauliRot(0.7, "II", [0, 1]),
    qml.IsingXY(0.7, [1, 0]), qml.adjoint(qml.ISWAP([0, 1])), qml.CCZ([0, 1, 2]), qml.GlobalPhase(0.3),
    qml.MultiControlledX([0, 1, 2, 3], control_values=[True, False, True]), qml.MultiControlledX([0, 1]),
    qml.ctrl(qml.PhaseShift(0.7, 3), [0, 1], control_values=[0, 1]), qml.ctrl(qml.Z(3), [0, 1, 2]),
    qml.ctrl(qml.GlobalPhase(0.7), [0, 1], control_values=[1, 0]), qml.SpecialUnitary(np.array([0.1, 0.2, 0.3]), 0),
    qml.SpecialUnitary(np.linspace(0.1, 1.5, 15), [0, 1]), qml.adjoint(qml.T(0)), qml.adjoint(qml.SX(0)),
]  # fmt: skip


@pytest.mark.parametrize("op", OPERATORS, ids=lambda op: op.name)
def test_a_translated_operator_keeps_its_matrix_and_phase(op):
    wires = list(op.wires) or [0]
    calls = translated(op)
    assert calls is not None
    found = np.eye(2 ** len(wires), dtype=complex)
    for call in calls:
        if call.name == "GPHASE":
            found = np.exp(-1j * float(call.angles[0])) * found
            continue
        angles = tuple(gates.fixed(float(a)) for a in call.angles)
        gate = gates.Op(call.name, tuple(wires.index(w) for w in call.wires), angles, call.pauli)
        found = brute_force.unitary_of_ops([gate], len(wires)) @ found
    np.testing.assert_allclose(found, qml.matrix(op, wire_order=wires), atol=1e-12)
    assert op.name in TRANSLATED_NAMES or op.name == "SpecialUnitary"


TEMPLATES = {
    "strongly entangling": (lambda w: qml.StronglyEntanglingLayers(w, wires=range(3)), (2, 3, 3)),
    "basic entangler": (lambda w: qml.BasicEntanglerLayers(w, wires=range(3), rotation=qml.RY), (2, 3)),
    "simplified two-design": (
        lambda w: qml.SimplifiedTwoDesign(w[:3], w[3:].reshape(2, 2, 2), wires=range(3)),
        (11,),
    ),
    "embedding and layers": (
        lambda w: [qml.IQPEmbedding(w[:3], wires=range(3)), qml.AngleEmbedding(w[3:], wires=range(3), rotation="Y")],
        (6,),
    ),
    "qft": (lambda w: [qml.RX(w[0], 0), qml.QFT(wires=range(3)), qml.RY(w[1], 2)], (2,)),
    "single excitation": (lambda w: [qml.X(0), qml.SingleExcitation(w[0], [0, 1]), qml.CRot(*w[1:], [1, 2])], (4,)),
    "trotter": (
        lambda w: [qml.H(0), qml.ApproxTimeEvolution(0.7 * qml.Z(0) @ qml.Z(1) + 0.2 * qml.X(2), w[0], 2)],
        (1,),
    ),
    "unitaries": (
        lambda w: [
            qml.QubitUnitary(qml.matrix(qml.Rot(0.1, 0.2, 0.3, 0)), 0),
            qml.RX(w[0], 0),
            qml.QubitUnitary(qml.matrix(qml.SISWAP([0, 1])), [0, 2]),
            qml.StatePrep(np.array([0.6, 0.8j]), 1),
        ],
        (1,),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_gives_the_state_that_pennylane_gives(name):
    build, shape = TEMPLATES[name]
    w = np.random.default_rng(3).normal(size=shape)

    @qml.qnode(qml.device("default.qubit", wires=3))
    def circuit(w):
        build(w)
        return qml.state()

    description = from_pennylane(circuit, w)
    assert description.n_parameters == w.size
    assert description.n_qubits == 3
    assert same_ray(description_state(description, w.ravel()), circuit(w))


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


def test_arguments_that_are_no_parameters_stay_constants():
    def circuit(x, n, flag, name, frozen, z):
        for k in range(n):
            qml.RX(x[k], k)
        if flag and name == "yes":
            qml.RY(frozen, 0)
        qml.QubitUnitary(np.diag([1, z]), 1)

    description = from_pennylane(
        circuit, np.array([0.1, 0.2]), 2, True, "yes", pnp.array(0.7, requires_grad=False), 1j
    )
    assert description.parameter_names == ("x[0]", "x[1]")
    assert isinstance(description, Circuit)
    assert description.ops[2].angles[0].offset == 0.7


def test_argnums_choose_the_parameters():
    def circuit(x, w):
        qml.RX(x, 0)
        qml.RY(w, 0)

    assert from_pennylane(circuit, 0.5, 0.25, argnums=1).parameter_names == ("w",)
    assert from_pennylane(circuit, 0.5, 0.25, argnums=(0, 1)).parameter_names == ("x", "w")
    with pytest.raises(ValueError, match="argument 2 is not among the 2"):
        from_pennylane(circuit, 0.5, 0.25, argnums=2)
    with pytest.raises(TypeError, match="'w' must be real numbers, not complex128"):
        from_pennylane(circuit, 0.5, 0.25j, argnums=1)


def test_an_input_argument_becomes_x():
    def circuit(x, w):
        qml.RX(x[0] * w[0], 0)
        qml.RY(x[1] * np.pi, 1)
        qml.RZ(w[1] + 0.5, 1)

    description = from_pennylane(circuit, np.zeros(2), np.zeros(2), input_argnum=0)
    expected = Circuit(
        2,
        [
            gates.RX(Param(0) * Input(0), 0),
            gates.RY(Input(1, scale=math.pi), 1),
            gates.RZ(Param(1) + 0.5, 1),
        ],
    )
    assert isinstance(description, Circuit)
    assert description.named(None) == expected
    with pytest.raises(ValueError, match="must be a one-dimensional array"):
        from_pennylane(circuit, np.zeros((2, 2)), np.zeros(2), input_argnum=0)
    with pytest.raises(ValueError, match="both as trainable and as the input"):
        from_pennylane(circuit, np.zeros(2), np.zeros(2), input_argnum=0, argnums=(0, 1))


def test_sums_of_parameters_share_them_between_gates():
    def circuit(a, b):
        qml.RX(a + 2 * b - 1, 0)
        qml.RX(-b, 0)

    description = from_pennylane(circuit, 0.1, 0.2)
    assert isinstance(description, Circuit)
    assert [(p.index, p.scale, p.offset) for op in description.ops for p in op.angles] == [
        (0, 1.0, -1.0),
        (1, 2.0, 0.0),
        (1, -1.0, 0.0),
    ]


def test_other_functions_of_parameters_are_differentiated():
    def circuit(a, b):
        qml.RX(jnp.sin(a) * b**2, 0)
        qml.CNOT([0, 1])
        qml.RY(jnp.sqrt(a) / b, 1)

    description = from_pennylane(circuit, 0.5, 0.25)
    assert isinstance(description, Reparametrised)
    assert pickle.loads(pickle.dumps(description)) == description
    theta = jnp.array([0.7, 0.4])
    np.testing.assert_allclose(
        description.angles(theta), [math.sin(0.7) * 0.16, math.sqrt(0.7) / 0.4], rtol=1e-14
    )
    jacobian = np.array(
        [[math.cos(0.7) * 0.16, math.sin(0.7) * 0.8], [0.5 / math.sqrt(0.7) / 0.4, -math.sqrt(0.7) / 0.16]]
    )
    inner = brute_force.qfim(description.circuit, np.asarray(description.angles(theta)))
    expected = jacobian.T @ inner @ jacobian
    np.testing.assert_allclose(information_metric(description, theta).as_matrix(), expected, atol=1e-9)


def test_a_network_in_front_of_the_circuit_is_differentiated():
    def circuit(weights, bias, unused):
        hidden = jnp.tanh(weights @ jnp.array([0.3, -0.2]) + bias)
        qml.AngleEmbedding(hidden, wires=range(2))
        qml.CNOT([0, 1])
        qml.RZ(0.5, 1)

    rng = np.random.default_rng(8)
    weights, bias = rng.normal(size=(2, 2)), rng.normal(size=2)
    description = from_pennylane(circuit, weights, bias, 1.0)
    assert isinstance(description, Reparametrised)
    assert description.parameter_names[:2] == ("weights[0,0]", "weights[0,1]")
    assert description.n_parameters == 7
    assert description.nodes[0].parameters == (0, 1, 4)
    assert description.nodes[1].parameters == (2, 3, 5)
    theta = jnp.concatenate([weights.ravel(), bias, np.ones(1)])
    hidden = np.tanh(weights @ [0.3, -0.2] + bias)
    np.testing.assert_allclose(description.angles(theta), hidden, rtol=1e-14)
    assert same_ray(
        description(theta).vector,
        brute_force.state(
            Circuit(2, [gates.RX(hidden[0], 0), gates.RX(hidden[1], 1), gates.CX(0, 1), gates.RZ(0.5, 1)])
        ),
    )
    assert information_metric(description, theta).rank() == 2
    single = description(theta.astype(jnp.float32)).vector
    assert single.dtype == jnp.complex64


def test_control_flow_on_a_parameter_is_refused():
    def circuit(a):
        if a > 0:
            qml.RX(a, 0)

    with pytest.raises(ValueError, match="gates depend on the value of a trainable argument"):
        from_pennylane(circuit, 0.5)
    constant = from_pennylane(circuit, 0.5, argnums=())
    assert constant.n_parameters == 0


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


def test_it_converts_in_double_precision_while_x64_is_off():
    def circuit(a):
        qml.RX(a + np.pi, 0)

    with jax.enable_x64(False):
        description = from_pennylane(circuit, 0.5)
    assert description.ops[0].angles[0].offset == math.pi
