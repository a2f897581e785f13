"""Costs of circuits as built against dense generators and closed forms."""

from __future__ import annotations

import functools

import jax
import numpy as np
import pytest
import scipy.linalg

import circuits
from circuits import Circuit, gates
from circuits.gate_matrices import matrix, pauli_matrix, pauli_strings
from qgeom.nielsen.bounds import lower_bound
from qgeom.nielsen.built import circuit_controls, circuit_cost, gate_generator
from qgeom.nielsen.penalty import flat_penalty, local_penalty
from qgeom.nielsen.string_weights import local_rule, string_rule

EVERY_GATE = [
    gates.H(0), gates.T(1), gates.SX(0), gates.RX(0.3, 1), gates.RZ(5.0, 0), gates.P(-2.0, 1),
    gates.U3(0.4, -1.0, 2.0, 0), gates.CX(0, 1), gates.CH(1, 0), gates.SWAP(0, 1), gates.ISWAP(1, 0),
    gates.CRY(0.7, 0, 1), gates.CP(4.0, 1, 0),
    gates.RXX(-2.5, 0, 1), gates.XXPlusYY(1.1, 1, 0), gates.SU4(0.3 * np.arange(15), 1, 0), gates.CCX(2, 0, 1),
    gates.CSWAP(1, 2, 0), gates.PauliRotation(7.0, "XIZ", (2, 1, 0)), gates.MultiControlledPhase(2.0, (2, 0, 1)),
    gates.MultiControlledPhase(-4.0, (1, 2)),
]  # fmt: skip


def dense(generator: dict, n: int) -> np.ndarray:
    total = np.zeros((2**n, 2**n), complex)
    for string, value in generator.items():
        letters = dict(string)
        total += value * pauli_matrix("".join(letters.get(q, "I") for q in range(n)))
    return total


def unitary_of(circuit: Circuit, theta=None) -> np.ndarray:
    """The circuit's matrix, gate by gate with dense Kronecker products."""
    n = circuit.n_qubits
    angles = np.asarray(circuit.angles(np.zeros(0) if theta is None else np.asarray(theta)))
    total, start = np.eye(2**n, dtype=complex), 0
    for op in circuit.ops:
        stop = start + len(op.angles)
        small = np.asarray(matrix(op, angles[start:stop])).reshape((2,) * (2 * len(op.wires)))
        m = len(op.wires)
        tensor = total.reshape((2,) * n + (2**n,))
        tensor = np.tensordot(small, tensor, axes=(range(m, 2 * m), op.wires))
        total = np.moveaxis(tensor, range(m), op.wires).reshape(2**n, 2**n)
        start = stop
    return total


def end_of(controls: np.ndarray) -> np.ndarray:
    """The end of piecewise-constant controls, with dense Pauli matrices."""
    n = round(np.log2(controls.shape[1] + 1) / 2)
    basis = np.stack([pauli_matrix(s) for s in pauli_strings(n)])
    steps = [scipy.linalg.expm(-1j * np.tensordot(c / len(controls), basis, 1)) for c in controls]
    return functools.reduce(lambda u, step: step @ u, steps, np.eye(2**n))


def same_up_to_phase(u: np.ndarray, v: np.ndarray) -> float:
    return 1.0 - abs(np.trace(u.conj().T @ v)) / len(u)


@pytest.mark.parametrize("op", EVERY_GATE, ids=lambda op: f"{op.name}{op.wires}")
def test_the_generator_of_a_gate_gives_the_gate_and_is_the_flat_shortest(op):
    circuit = Circuit(3, [gates.I(0), gates.I(1), gates.I(2), op])
    angles = tuple(float(a.offset) for a in op.angles)
    generator = gate_generator(op, angles)
    unitary = unitary_of(circuit)
    assert same_up_to_phase(scipy.linalg.expm(-1j * dense(generator, 3)), unitary) < 1e-12
    length = np.sqrt(sum(value**2 for value in generator.values()))
    assert length == pytest.approx(lower_bound(unitary, flat_penalty(3)).value, abs=1e-7)


def test_cost_of_a_few_gates_by_hand():
    circuit = Circuit(3, [gates.RX(0.4, 0), gates.RZZ(0.6, 0, 1), gates.PauliRotation(1.0, "XYZ", (0, 1, 2))])
    cost = circuit_cost(circuit, local_penalty(3, 9.0, weights={"ZZI": 4.0}))
    np.testing.assert_allclose(cost.gate_lengths, [0.2, 0.3 * 2, 0.5 * 3])
    assert cost.sequential_length == pytest.approx(2.3)
    assert cost.length == pytest.approx(2.3)
    assert cost.counts == {"RX": 1, "RZZ": 1, "PAULIROT": 1}
    assert (cost.multi_qubit_gates, cost.depth) == (2, 3)


def test_cnot_costs_what_its_three_strings_do():
    cost = circuit_cost(Circuit(2, [gates.CX(0, 1)]), local_penalty(2, 10.0, max_weight=1))
    assert cost.length == pytest.approx(np.pi / 4 * np.sqrt(12))


def test_gates_of_a_moment_act_at_the_same_time():
    circuit = Circuit(4, [gates.RX(0.6, 0), gates.RY(0.8, 1), gates.CZ(2, 3)])
    cost = circuit_cost(circuit, local_rule(4, 7.0))
    squares = 0.3**2 + 0.4**2 + 3 * (np.pi / 4) ** 2
    assert cost.length == pytest.approx(np.sqrt(squares))
    assert cost.sequential_length == pytest.approx(0.7 + np.pi / 4 * np.sqrt(3))
    assert cost.groups == (3,)


def test_commuting_gates_on_common_qubits_add_their_generators():
    # Two CZ that share a qubit: the Z of that qubit adds up, in a layer of the user's.
    circuit = Circuit(3, [gates.CZ(0, 1), gates.CZ(1, 2)], layers=(2,))
    total = np.sqrt(4 + 1 + 1 + 1 + 1) * np.pi / 4
    assert circuit_cost(circuit, local_rule(3, 7.0)).length == pytest.approx(total)


def test_gates_of_a_layer_that_do_not_commute_follow_each_other():
    circuit = Circuit(2, [gates.RX(0.6, 0), gates.RZ(0.6, 0), gates.RX(0.8, 1)], layers=(3,))
    cost = circuit_cost(circuit, flat_penalty(2))
    assert cost.groups == (2, 1)
    np.testing.assert_allclose(cost.group_lengths, [0.5, 0.3])
    # Gates commute as operators though their factors do not.
    circuit = Circuit(2, [gates.RXX(0.6, 0, 1), gates.RZZ(0.8, 0, 1)], layers=(2,))
    assert circuit_cost(circuit, flat_penalty(2)).length == pytest.approx(0.5)


@pytest.mark.parametrize("topology", ["ring", "all"])
def test_controls_reach_the_circuit_and_have_its_length(topology: str, key: jax.Array):
    circuit = circuits.hardware_efficient(
        n_qubits=3, n_layers=2, rotations=("RY", "RZ"), entangler="CX", topology=topology
    )
    theta = circuit.init(key)
    penalty = local_penalty(3, 11.0, max_weight=1)
    controls = circuit_controls(circuit, theta)
    assert controls.shape[1] == 63
    assert same_up_to_phase(end_of(controls), unitary_of(circuit, theta)) < 1e-12
    cost = circuit_cost(circuit, penalty, theta)
    lengths = np.sqrt(controls**2 @ np.asarray(penalty.weights)) / len(controls)
    np.testing.assert_allclose(lengths, cost.group_lengths)
    assert cost.length <= cost.sequential_length + 1e-12
    assert lower_bound(unitary_of(circuit, theta), penalty).value <= cost.length


def test_controls_of_every_gate_reach_the_circuit():
    circuit = Circuit(3, EVERY_GATE)
    assert same_up_to_phase(end_of(circuit_controls(circuit)), unitary_of(circuit)) < 1e-11


def test_controls_of_nothing_are_one_segment_of_zeros():
    assert circuit_controls(Circuit(2, [gates.I(0), gates.RX(0.0, 1)])).tolist() == [[0.0] * 15]


def test_inputs_are_part_of_the_angles():
    circuit = Circuit(1, [gates.RX(circuits.Input(0), 0), gates.RX(circuits.Param(0), 0)])
    assert circuit_cost(circuit, flat_penalty(1), np.array([0.4]), np.array([1.0])).length == pytest.approx(
        0.7
    )


def test_a_forbidden_string_costs_an_infinite_length():
    penalty = local_penalty(3, np.inf)
    assert circuit_cost(Circuit(3, [gates.CX(0, 1)]), penalty).length < np.inf
    assert circuit_cost(Circuit(3, [gates.CCX(0, 1, 2)]), penalty).length == np.inf


def test_a_rule_and_a_table_agree_and_the_rule_goes_on(key: jax.Array):
    circuit = circuits.hardware_efficient(
        n_qubits=4, n_layers=1, rotations=("RY",), entangler="CX", topology="ring"
    )
    theta = circuit.init(key)
    by_table = circuit_cost(circuit, local_penalty(4, 5.0, max_weight=1), theta)
    by_rule = circuit_cost(circuit, string_rule(4, lambda k: 1.0 if k == 1 else 5.0), theta)
    assert by_table.length == pytest.approx(by_rule.length)
    wide = circuits.hardware_efficient(
        n_qubits=40, n_layers=2, rotations=("RY",), entangler="CZ", topology="linear"
    )
    cost = circuit_cost(wide, local_rule(40, 5.0), wide.init(key))
    assert cost.counts == {"RY": 80, "CZ": 78}
    assert 0 < cost.length < cost.sequential_length
    assert "40 RY" not in repr(cost)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: circuit_cost(Circuit(2, [gates.H(0), gates.H(1)]), local_rule(3, 2.0)),
            "2 qubits, the penalty is for 3",
        ),
        (lambda: circuit_controls(Circuit(7, [gates.H(q) for q in range(7)])), "stop at 6 qubits"),
        (
            lambda: circuit_cost(Circuit(1, [gates.RX(circuits.Param(0), 0)]), local_rule(1, 2.0)),
            "theta must have shape",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message: str):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
