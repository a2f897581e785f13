"""Circuits over the whole gate set go out as OpenQASM and come back: the same states and QFIM, names and order kept.

States and metrics are dense NumPy; nothing is compiled. Qiskit's readers are the second opinion on what was written.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
import qiskit.qasm2
import qiskit.qasm3
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit.random import random_circuit as random_qiskit_circuit
from qiskit.quantum_info import Statevector

from circuits import Circuit, Input, Param, gates
from circuits.convert.openqasm import from_openqasm, to_openqasm
from circuits.convert.two_qubit import cartan, euler_angles, two_qubit_gates
from circuits.gate_matrices import pauli_matrix
from circuits.ops import SIGNATURES
from tests import brute_force
from tests.random_circuits import random_circuit

seeds = st.integers(0, 2**32 - 1)


def same_ray(a: np.ndarray, b: np.ndarray) -> bool:
    return abs(abs(np.vdot(a, b)) - 1.0) < 1e-10


def reread(c: Circuit, *arguments, **options) -> Circuit:
    found = from_openqasm(to_openqasm(c, *arguments, **options))
    assert isinstance(found, Circuit)
    return found


@settings(max_examples=80, deadline=None)
@given(seeds)
def test_a_random_circuit_comes_back_with_its_state_and_parameters(seed: int):
    c = random_circuit(3, 10, seed)
    theta = np.random.default_rng(seed).uniform(-math.pi, math.pi, c.n_parameters)
    again = reread(c)
    assert again.n_parameters == c.n_parameters
    assert again.parameter_names == tuple(f"theta_{i}" for i in range(c.n_parameters))
    expected = brute_force.state(c, theta)
    assert same_ray(brute_force.state(again, theta), expected)
    for version in (2, 3):  # with numbers
        assert same_ray(brute_force.state(reread(c, theta, version=version)), expected)


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_a_random_circuit_comes_back_with_its_quantum_fisher_matrix(seed: int):
    c = random_circuit(3, 6, seed)
    theta = np.random.default_rng(seed).uniform(-math.pi, math.pi, c.n_parameters)
    np.testing.assert_allclose(brute_force.qfim(reread(c), theta), brute_force.qfim(c, theta), atol=1e-10)


@pytest.mark.parametrize("name", SIGNATURES)
def test_every_gate_comes_back_as_itself(name: str):
    signature = SIGNATURES[name]
    n_wires = signature.n_wires or 3
    wires = (2, 0, 1)[:n_wires]
    angles = tuple(Param(i) for i in range(signature.n_angles))
    op = gates.Op(name, wires, angles, "YXZ" if name == "PAULIROT" else "")
    c = Circuit(3, [*[gates.H(q) for q in range(3)], op])
    again = reread(c)
    assert again.ops == c.ops
    assert again.named(None) == c


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_qiskit_reads_what_is_written(seed: int):
    rng = np.random.default_rng(seed)
    c = random_circuit(3, 8, seed)
    theta = rng.uniform(-math.pi, math.pi, c.n_parameters)
    expected = brute_force.state(c, theta)
    for version in (2, 3):
        program = to_openqasm(c, theta, version=version)
        qc = qiskit.qasm2.loads(program) if version == 2 else qiskit.qasm3.loads(program)
        assert same_ray(np.asarray(Statevector(qc).reverse_qargs().data), expected)


def test_qiskit_reads_parameters_that_are_written():
    c = Circuit(
        2,
        [gates.RY(2 * Param(0) - 0.3, 0), gates.CRX(Param(1), 0, 1), gates.RZZ(-Param(0), 0, 1)],
        names=("b", "a"),
    )
    qc = qiskit.qasm3.loads(to_openqasm(c))
    bound = qc.assign_parameters({"b": 0.4, "a": -0.7})
    assert same_ray(np.asarray(Statevector(bound).reverse_qargs().data), brute_force.state(c, [0.4, -0.7]))


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_what_qiskit_writes_is_read(seed: int):
    qc = random_qiskit_circuit(3, 4, max_operands=3, seed=seed % 2**31)
    expected = np.asarray(Statevector(qc).reverse_qargs().data)
    for program in (qiskit.qasm2.dumps(qc), qiskit.qasm3.dumps(qc)):
        c = from_openqasm(program)
        assert isinstance(c, Circuit)
        assert same_ray(brute_force.state(c), expected)


def test_names_that_are_no_identifiers_become_some():
    names = ("θ[0]", "θ[1]", "pi", "a b", "1st", "theta_0", "x", "gate")
    c = Circuit(1, [gates.RX(Param(i), 0) for i in range(8)], names=names)
    assert reread(c).parameter_names == ("θ_0", "θ_1", "pi_1", "a_b", "p_1st", "theta_0", "x_1", "gate_1")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=5, unique=True))
def test_whatever_the_names_the_parameters_keep_their_order(names: list[str]):
    c = Circuit(1, [gates.RX((i + 1.0) * Param(i), 0) for i in range(len(names))], names=names)
    again = reread(c)
    assert again.ops == c.ops
    assert len(set(again.parameter_names)) == len(names)


def test_a_parameter_may_have_the_name_of_the_register():
    c = Circuit(1, [gates.RX(Param(0), 0), gates.RX(Param(1), 0)], names=("q", "qubits"))
    assert reread(c).parameter_names == ("q", "qubits")


def test_inputs_come_back_in_their_places():
    c = Circuit(
        2,
        [
            gates.RX(Param(0) * Input(2), 0),
            gates.RY(2 * Input(0) + 0.1, 1),
            gates.CX(0, 1),
            gates.RZ(Param(1), 1),
        ],
    )
    again = from_openqasm(to_openqasm(c), inputs=("x",))
    assert isinstance(again, Circuit)
    assert again.ops == c.ops
    assert again.parameter_names == ("theta_0", "theta_1")
    bound = from_openqasm(to_openqasm(c, x=[0.3, 9.9, -0.4]))
    assert isinstance(bound, Circuit)
    theta = [0.8, -0.1]
    assert same_ray(brute_force.state(bound, theta), brute_force.state(c, theta, [0.3, 9.9, -0.4]))


def test_numbers_come_back_exactly():
    values = [math.pi, math.pi / 3, -3 * math.pi / 4, 1e-300, -0.1, 1 / 3, 12345678.9, 2.0]
    c = Circuit(1, [gates.RX(v, 0) for v in values])
    for version in (2, 3):
        assert [op.angles[0].offset for op in reread(c, version=version).ops] == values


def test_a_phase_on_many_qubits_is_written_where_it_can_be():
    c = Circuit(12, [gates.MultiControlledPhase(0.3, range(12))])
    assert reread(c) == c
    with pytest.raises(ValueError, match="at most 10; write version 3"):
        to_openqasm(c, version=2)
    small = Circuit(5, [*[gates.H(q) for q in range(5)], gates.MultiControlledPhase(0.7, [3, 0, 4, 1])])
    qc = qiskit.qasm2.loads(to_openqasm(small, version=2))
    assert isinstance(qc, QuantumCircuit)
    assert same_ray(np.asarray(Statevector(qc).reverse_qargs().data), brute_force.state(small))


# Unitaries of one and two qubits as gates.


def random_unitary(dim: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    q, r = np.linalg.qr(rng.normal(size=(dim, dim)) + 1j * rng.normal(size=(dim, dim)))
    return q * (np.diagonal(r) / abs(np.diagonal(r)))


SPECIAL = {
    "identity": np.eye(4),
    "cx": np.eye(4)[[0, 1, 3, 2]],
    "swap": np.eye(4)[[0, 2, 1, 3]],
    "iswap": np.array([[1, 0, 0, 0], [0, 0, 1j, 0], [0, 1j, 0, 0], [0, 0, 0, 1]]),
    "local": np.kron(random_unitary(2, 1), random_unitary(2, 2)),
    "xx": pauli_matrix("XX"),
    "sqrt swap": 0.5 * ((1 + 1j) * np.eye(4) + (1 - 1j) * np.eye(4)[[0, 2, 1, 3]]),
    "minus": -1j * np.eye(4),
    "nearly cx": np.eye(4)[[0, 1, 3, 2]] @ np.diag(np.exp(1e-9j * np.arange(4))),
}


def two_qubit_error(unitary: np.ndarray) -> float:
    ops, phase = two_qubit_gates(unitary, (0, 1))
    plain = [gates.Op(g.name, g.wires, tuple(gates.fixed(a.number or 0.0) for a in g.angles)) for g in ops]
    return float(abs(np.exp(1j * phase) * brute_force.unitary_of_ops(plain, 2) - unitary).max())


@pytest.mark.parametrize("name", SPECIAL)
def test_special_unitaries_are_their_decomposition(name: str):
    assert two_qubit_error(SPECIAL[name]) < 1e-12


@settings(max_examples=100, deadline=None)
@given(seeds)
def test_a_unitary_is_its_decomposition_with_its_phase(seed: int):
    assert two_qubit_error(random_unitary(4, seed)) < 1e-12
    u = random_unitary(2, seed)
    theta, phi, lam, phase = euler_angles(u)
    op = gates.U3(theta, phi, lam, 0)
    np.testing.assert_allclose(np.exp(1j * phase) * brute_force.unitary_of_ops([op], 1), u, atol=1e-13)


def test_the_interaction_of_a_controlled_not_is_a_quarter_turn():
    _, interaction, _, _ = cartan(np.eye(4)[[0, 1, 3, 2]])
    # pi/4 in the exponent about one axis (others 0), up to the symmetries of the Weyl chamber.
    np.testing.assert_allclose(np.sort(abs(np.sin(interaction))), [0, 0, 1], atol=1e-12)
