"""Gates, operators and templates to and from PennyLane, one by one, against their matrices."""

from __future__ import annotations

import brute_force
import numpy as np
import pytest

qml = pytest.importorskip("pennylane")

from pennylane_matrices import description_state, same_ray, unitary_of_tape  # noqa: E402

from circuits import Circuit, Param, gates  # noqa: E402
from circuits.convert.pennylane import from_pennylane, to_pennylane  # noqa: E402
from circuits.convert.pennylane_gates import TRANSLATED_NAMES, translated  # noqa: E402
from circuits.ops import SIGNATURES  # noqa: E402


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
