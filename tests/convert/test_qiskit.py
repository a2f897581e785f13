"""Qiskit circuits in and out: Qiskit's own states and matrices are the reference, ours are dense NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    Gate,
    InverseModifier,
    Parameter,
    ParameterVector,
    PowerModifier,
)
from qiskit.circuit import library as ql
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.quantum_info import Operator, SparsePauliOp, Statevector, random_clifford
from qiskit.synthesis import SuzukiTrotter

from circuits import Circuit, Input, Param, gates
from circuits.convert.assembled import assembled, gate
from circuits.convert.expressions import Name, called
from circuits.convert.qiskit import SU4Gate, from_qiskit, to_qiskit
from circuits.convert.qiskit_expressions import from_parameter_expression, to_parameter_expression
from circuits.ops import SIGNATURES
from circuits.reparametrised import Reparametrised
from tests import brute_force
from tests.random_circuits import random_circuit

seeds = st.integers(0, 2**32 - 1)


def same_ray(a: np.ndarray, b: np.ndarray) -> bool:
    return abs(abs(np.vdot(a, b)) - 1.0) < 1e-10


def qiskit_state(qc: QuantumCircuit, values=None) -> np.ndarray:
    bound = qc.assign_parameters(values) if values is not None else qc
    return np.asarray(Statevector(bound).reverse_qargs().data)


def read(qc: QuantumCircuit, **options) -> Circuit:
    c = from_qiskit(qc, **options)
    assert isinstance(c, Circuit)
    return c


def spread(n: int) -> QuantumCircuit:
    """A start that no gate leaves alone and no phase escapes."""
    qc = QuantumCircuit(n)
    for k in range(n):
        qc.u(0.9 + 0.2 * k, 0.4, 0.1, k)
    return qc


# Round trips.


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_a_random_circuit_goes_out_and_comes_back(seed: int):
    c = random_circuit(3, 10, seed)
    theta = np.random.default_rng(seed).uniform(-math.pi, math.pi, c.n_parameters)
    expected = brute_force.state(c, theta)
    qc = to_qiskit(c)
    assert [p.name for p in qc.parameters] == [f"theta[{i}]" for i in range(c.n_parameters)]
    assert same_ray(qiskit_state(qc, dict(zip(qc.parameters, theta, strict=True))), expected)
    again = read(qc)
    assert again.n_parameters == c.n_parameters
    assert same_ray(brute_force.state(again, theta), expected)
    assert same_ray(brute_force.state(read(to_qiskit(c, theta))), expected)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_a_random_circuit_comes_back_with_its_quantum_fisher_matrix(seed: int):
    c = random_circuit(3, 6, seed)
    theta = np.random.default_rng(seed).uniform(-math.pi, math.pi, c.n_parameters)
    again = read(to_qiskit(c))
    np.testing.assert_allclose(brute_force.qfim(again, theta), brute_force.qfim(c, theta), atol=1e-10)


@pytest.mark.parametrize("name", SIGNATURES)
def test_every_gate_comes_back_as_itself(name: str):
    signature = SIGNATURES[name]
    wires = (2, 0, 1)[: signature.n_wires or 3]
    op = gates.Op(
        name, wires, tuple(Param(i) for i in range(signature.n_angles)), "YXZ" if name == "PAULIROT" else ""
    )
    c = Circuit(3, [*[gates.H(q) for q in range(3)], op])
    assert read(to_qiskit(c)).named(None) == c


def test_names_go_out_and_come_back():
    c = Circuit(
        1,
        [gates.RX(Param(0), 0), gates.RY(-2 * Param(1) + 0.3, 0), gates.RZ(Param(2), 0)],
        names=("a", "θ[0]", "θ[1]"),
    )
    qc = to_qiskit(c)
    assert [p.name for p in qc.parameters] == ["a", "θ[0]", "θ[1]"]
    assert read(qc) == c


def test_inputs_are_a_vector_of_their_own():
    c = Circuit(1, [gates.RX(Param(0) * Input(2), 0), gates.RY(2 * Input(0), 0)])
    qc = to_qiskit(c)
    assert {p.name for p in qc.parameters} == {"theta[0]", "x[0]", "x[2]"}
    again = read(qc, inputs=("x",))
    assert (again.n_parameters, again.n_inputs) == (1, 3)
    assert again.ops == c.ops
    bound = read(to_qiskit(c, x=[0.3, 0.0, -0.4]))
    assert same_ray(brute_force.state(bound, [0.8]), brute_force.state(c, [0.8], [0.3, 0.0, -0.4]))


def test_expressions_go_out_and_come_back():
    a, b = Name("a"), Name("b")
    symbolic = [
        ("RX", called("sin", a) * b),
        ("RY", a**2 - b / (2 + called("cos", a))),
        ("RZ", called("sqrt", 1 + b**2)),
    ]
    d = assembled(1, [gate(name, (0,), e) for name, e in symbolic], ("a", "b"))
    assert isinstance(d, Reparametrised)
    again = from_qiskit(to_qiskit(d))
    assert isinstance(again, Reparametrised)
    theta = np.array([0.4, -1.2])
    expected = brute_force.unitary_of_ops(
        [gates.Op(name, (0,), (gates.fixed(e.evaluate({"a": 0.4, "b": -1.2})),)) for name, e in symbolic], 1
    )[:, 0]
    assert same_ray(np.asarray(again(theta).vector), expected)
    assert same_ray(qiskit_state(to_qiskit(d, theta)), expected)


# From Qiskit.


def test_qubit_k_is_wire_k_and_states_differ_by_a_reversal_of_bits():
    qc = QuantumCircuit(3)
    qc.x(0)
    np.testing.assert_allclose(abs(np.asarray(Statevector(qc).data)), np.eye(8)[1], atol=1e-15)
    np.testing.assert_allclose(abs(brute_force.state(read(qc))), np.eye(8)[4], atol=1e-15)


STANDARD = {
    name: each
    for name, each in get_standard_gate_name_mapping().items()
    if isinstance(each, Gate) and each.num_qubits and name != "global_phase"
}


@pytest.mark.parametrize("name", STANDARD)
def test_every_standard_gate_is_read_with_its_matrix(name: str):
    standard = STANDARD[name].base_class(*[0.3, 0.5, 0.7, 0.2][: len(STANDARD[name].params)])
    n = standard.num_qubits
    qc = spread(n + 1)
    # Under a control, so that a wrong phase shows; its qubits in reverse order.
    qc.append(standard.control(1, annotated=True), [n, *reversed(range(n))])
    assert same_ray(brute_force.state(read(qc)), qiskit_state(qc))


@pytest.mark.parametrize("state", range(4))
@pytest.mark.parametrize(
    "base", [ql.XGate(), ql.RYGate(0.3), ql.UGate(0.3, 0.5, 0.7), ql.SwapGate(), ql.RZZGate(0.4)]
)
def test_controls_may_be_open(base: Gate, state: int):
    qc = spread(2 + base.num_qubits)
    qc.append(base.control(2, ctrl_state=state), range(2 + base.num_qubits))
    assert same_ray(brute_force.state(read(qc)), qiskit_state(qc))


def test_many_controls_are_read():
    qc = spread(6)
    qc.mcx([0, 2, 3, 5], 1)
    qc.mcp(0.7, [1, 2, 3], 0)
    qc.append(ql.MCXGate(5, ctrl_state=9), range(6))
    qc.append(ql.C3SXGate(), [5, 0, 4, 2])
    assert same_ray(brute_force.state(read(qc)), qiskit_state(qc))


def test_annotated_operations_are_read():
    modifiers = [InverseModifier(), ControlModifier(1, 0), PowerModifier(2), ControlModifier(1)]
    operation = AnnotatedOperation(ql.CRXGate(0.7), modifiers)
    qc = spread(4)
    qc.append(operation, [2, 0, 1, 3])
    matrix = operation.to_matrix()
    expected = brute_force.spread(np.asarray(Operator(matrix).reverse_qargs().data), (2, 0, 1, 3), 4)
    assert same_ray(brute_force.state(read(qc)), expected @ qiskit_state(spread(4)))


@pytest.mark.parametrize("n_qubits", [1, 2, 3])
def test_unitaries_are_read(n_qubits: int):
    rng = np.random.default_rng(n_qubits)
    dim = 2**n_qubits
    u, _ = np.linalg.qr(rng.normal(size=(dim, dim)) + 1j * rng.normal(size=(dim, dim)))
    qc = spread(4)
    qc.unitary(u, [2, 0, 3][:n_qubits])
    qc.append(ql.UnitaryGate(u).control(1), [1, 2, 0, 3][: n_qubits + 1])
    assert same_ray(brute_force.state(read(qc)), qiskit_state(qc))


def test_evolutions_are_the_rotations_of_their_product_formula():
    t = Parameter("t")
    h = SparsePauliOp(["XXI", "IZZ", "YIX", "III"], [0.5, -1.5, 0.3, 0.7])
    evolution = ql.PauliEvolutionGate(h, time=t, synthesis=SuzukiTrotter(order=2, reps=2))
    qc = spread(3)
    qc.append(evolution, [2, 0, 1])
    c = read(qc)
    assert {op.name for op in c.ops[3:]} == {"PAULIROT"}
    assert c.parameter_names == ("t",)
    plain = qc.decompose("PauliEvolution")  # the definition, not the exact exponential
    assert same_ray(brute_force.state(c, [0.8]), qiskit_state(plain, {t: 0.8}))
    commuting = spread(2)
    commuting.append(ql.PauliEvolutionGate(SparsePauliOp(["XX", "ZZ"], [0.4, 0.9]), time=0.7), [1, 0])
    assert same_ray(brute_force.state(read(commuting)), qiskit_state(commuting))


LIBRARY = {
    "real_amplitudes": lambda: ql.real_amplitudes(3, reps=2),
    "efficient_su2": lambda: ql.efficient_su2(3, reps=1, entanglement="circular"),
    "n_local": lambda: ql.n_local(3, ["ry", "rz"], "crx", "linear", reps=2),
    "excitation_preserving": lambda: ql.excitation_preserving(3, reps=1),
    "z_feature_map": lambda: ql.z_feature_map(3),
    "pauli_feature_map": lambda: ql.pauli_feature_map(2, paulis=["Z", "XX"]),
    "zz_feature_map": lambda: ql.zz_feature_map(3),
    "qaoa": lambda: ql.qaoa_ansatz(SparsePauliOp(["ZZI", "IZZ", "ZIZ"]), reps=2),
    "QFT": lambda: QuantumCircuit(4).compose(ql.QFTGate(4)),
    "hamiltonian variational": lambda: ql.hamiltonian_variational_ansatz(SparsePauliOp(["ZZI", "IZZ", "XII"]), reps=1),
    "quantum volume": lambda: ql.quantum_volume(3, seed=4),
    "diagonal": lambda: QuantumCircuit(3).compose(ql.DiagonalGate([1, 1, 1j, 1, 1, -1, 1, -1])),
    "clifford": lambda: QuantumCircuit(3).compose(random_clifford(3, seed=2)),
    "permutation": lambda: QuantumCircuit(3).compose(ql.PermutationGate([2, 0, 1])),
    "adder": lambda: QuantumCircuit(4).compose(ql.ModularAdderGate(2)),
}  # fmt: skip


@pytest.mark.parametrize("name", LIBRARY)
def test_circuits_of_the_library_are_read_without_decomposing(name: str):
    qc = LIBRARY[name]()
    start = spread(qc.num_qubits).compose(qc)
    values = np.random.default_rng(3).uniform(-2, 2, len(start.parameters))
    d = from_qiskit(start)
    assert d.parameter_names == tuple(p.name for p in start.parameters)
    state = brute_force.state(d, values) if isinstance(d, Circuit) else np.asarray(d(values).vector)
    if name == "clifford":  # Statevector takes no Clifford
        start = spread(3).compose(random_clifford(3, seed=2).to_circuit())
    expected = qiskit_state(start.decompose("PauliEvolution", reps=3), values)
    assert same_ray(state, expected)
    assert isinstance(d, Circuit) or name in ("zz_feature_map", "pauli_feature_map")  # (pi - x)(pi - y)


def test_a_feature_map_is_a_circuit_of_its_data():
    qc = ql.zz_feature_map(2, reps=1).compose(ql.real_amplitudes(2, reps=1))
    d = from_qiskit(qc, inputs=("x",))
    assert (d.n_parameters, d.n_inputs) == (4, 2)
    weights, x = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.5, -0.7])
    values = {p: (x if p.vector.name == "x" else weights)[p.index] for p in qc.parameters}
    assert same_ray(np.asarray(d(weights, x).vector), qiskit_state(qc.decompose("PauliEvolution"), values))


def test_expressions_that_are_linear_share_their_parameters():
    a, b = Parameter("a"), Parameter("b")
    qc = QuantumCircuit(2)
    qc.rx(2 * a - b / 3 + 1, 0)
    qc.crz(a + b, 0, 1)
    qc.u(a, b, a - b, 1)
    c = read(qc)
    assert c.parameter_names == ("a", "b")
    assert same_ray(brute_force.state(c, [0.4, -0.9]), qiskit_state(qc, {a: 0.4, b: -0.9}))


def test_a_name_means_a_gate_only_if_it_is_qiskits():
    definition = QuantumCircuit(1)
    definition.ry(0.3, 0)
    own = Gate("x", 1, [])
    own.definition = definition
    qc = QuantumCircuit(1)
    qc.append(own, [0])
    assert [op.name for op in read(qc).ops] == ["RY"]


def test_final_measurements_barriers_and_first_resets_are_left_out():
    qc = QuantumCircuit(2, 2)
    qc.reset([0, 1])
    qc.initialize([0.6, 0.8], 1)
    qc.barrier()
    qc.h(0)
    qc.delay(100, 1)
    qc.measure([0, 1], [0, 1])
    plain = np.kron([1, 1], [0.6, 0.8]) / math.sqrt(2)
    assert same_ray(brute_force.state(read(qc)), plain)


def refusing(build) -> QuantumCircuit:
    qc = QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(2, "c"))
    qc.h(0)
    build(qc)
    return qc


def conditional(qc: QuantumCircuit) -> None:
    with qc.if_test((qc.clbits[0], 1)):
        qc.x(1)


def loop(qc: QuantumCircuit) -> None:
    with qc.for_loop(range(3)):
        qc.x(1)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda qc: (qc.measure(0, 0), qc.x(0)),
            r"instruction 2 \(x\) acts on qubit 0 after its measurement",
        ),
        (lambda qc: qc.reset(0), r"instruction 1 \(reset\) resets a qubit after gates"),
        (lambda qc: qc.initialize([1, 0], 0), r"instruction 1 \(initialize\) resets a qubit after gates"),
        (conditional, r"instruction 1 \(if_else\) cannot be read: it has no unitary meaning"),
        (loop, r"instruction 1 \(for_loop\) cannot be read"),
        (lambda qc: qc.append(Gate("mystery", 2, []), [0, 1]), r"instruction 1 \(mystery\) cannot be read"),
        (
            lambda qc: qc.rx(Parameter("a").sign(), 0),
            r"instruction 1 \(rx\): the angle sign\(a\) has no form here",
        ),
        (lambda qc: qc.rx(Parameter("a") * 1j, 0), r"instruction 1 \(rx\): the angle"),
    ],
)
def test_what_has_no_unitary_meaning_is_refused_by_name_and_index(build, message: str):
    with pytest.raises(ValueError, match=message) as caught:
        from_qiskit(refusing(build))
    assert "\n" not in str(caught.value)


def test_what_is_no_circuit_is_refused():
    with pytest.raises(TypeError, match="expected a qiskit QuantumCircuit"):
        from_qiskit("qubit q;")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no qubits"):
        from_qiskit(QuantumCircuit())
    with pytest.raises(ValueError, match="no parameter or vector 'y'"):
        from_qiskit(ql.real_amplitudes(2), inputs=("y",))
    with pytest.raises(TypeError, match="expected a Circuit"):
        to_qiskit("qubit q;")  # type: ignore[arg-type]


# Expressions.

A, B = Parameter("a"), Parameter("b c")
V = ParameterVector("θ", 2)


@pytest.mark.parametrize(
    "value",
    [
        A + B, 2 * A - B / 3, (A * B).sin(), A**2, (A + 1) / (B - 2), -(A**2), (-A) ** 2, 2**A, A.exp().log(),
        A.arctan().abs(), (A / 4).arcsin().arccos(), A.tan(), A.conjugate(), V[0] * V[1] + A, 1 / A, (A + B) * (A - B),
        A / (B * A), (A / B) / A, A - (B - A), A ** (B**0.5), 0.1 * A + 1 / 3, A * -1e-9 + np.pi,
    ],
    ids=str,
)  # fmt: skip
def test_expressions_of_qiskit_keep_their_values(value):
    ours = from_parameter_expression(value)
    names = {p: 0.3 + 0.2 * k for k, p in enumerate(sorted(value.parameters, key=lambda p: p.name))}
    expected = complex(value.bind(names)).real
    assert ours.evaluate({p.name: v for p, v in names.items()}) == pytest.approx(expected, rel=1e-12)
    back = to_parameter_expression(ours, {p.name: p for p in names})
    assert complex(back.bind(names)).real == pytest.approx(expected, rel=1e-12)


def test_the_gate_of_two_qubits_is_the_exponential_of_its_angles():
    angles = np.random.default_rng(5).normal(size=15)
    op = gates.SU4(angles, 0, 1)
    expected = brute_force.gate_matrix(op, angles)
    np.testing.assert_allclose(Operator(SU4Gate(angles)).reverse_qargs().data, expected, atol=1e-13)
    qc = QuantumCircuit(2)
    qc.append(SU4Gate(angles).inverse(), [0, 1])
    np.testing.assert_allclose(Operator(qc.decompose()).reverse_qargs().data, expected.conj().T, atol=1e-12)
