"""What OpenQASM programs mean: against dense matrices written by hand, and against Qiskit's own readers."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
import qiskit.qasm2
import qiskit.qasm3
from qiskit.circuit.library import get_standard_gate_name_mapping, zz_feature_map
from qiskit.quantum_info import Operator, Statevector

from circuits import Circuit, Measured, gates
from circuits.convert.openqasm import from_openqasm, limits, to_openqasm
from circuits.convert.openqasm.definitions import DEFINITIONS2, definition
from circuits.convert.standard_gates import QELIB1, STDGATES
from circuits.reparametrised import Reparametrised
from tests import brute_force

HEAD3 = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'
# A start that no gate leaves alone and no phase escapes.
SPREAD = "ry(0.9) q[{0}]; p(0.4) q[{0}];"


def spread(n: int) -> str:
    return " ".join(SPREAD.format(k) for k in range(n)) + "\n"


def state(program: str, theta=(), x=None) -> np.ndarray:
    c = from_openqasm(program)
    assert isinstance(c, Circuit)
    return brute_force.state(c, theta, x)


def same_ray(a: np.ndarray, b: np.ndarray) -> bool:
    return abs(abs(np.vdot(a, b)) - 1.0) < 1e-10


def qiskit3(program: str) -> np.ndarray:
    return np.asarray(Statevector(qiskit.qasm3.loads(program)).reverse_qargs().data)


def start(n: int) -> np.ndarray:
    one = np.array([math.cos(0.45), np.exp(0.4j) * math.sin(0.45)])
    vector = np.ones(1)
    for _ in range(n):
        vector = np.kron(vector, one)
    return vector


def controlled(u: np.ndarray, controls: int = 1) -> np.ndarray:
    full = np.eye(len(u) << controls, dtype=complex)
    full[-len(u) :, -len(u) :] = u
    return full


def u_builtin(theta: float, phi: float, lam: float) -> np.ndarray:
    """The matrix of U in the specification of OpenQASM 3.0, "Quantum gates"."""
    e = lambda a: np.exp(1j * a)  # noqa: E731
    return 0.5 * np.array(
        [
            [1 + e(theta), -1j * e(lam) * (1 - e(theta))],
            [1j * e(phi) * (1 - e(theta)), e(phi + lam) * (1 + e(theta))],
        ]
    )


P, RX, RZ = (
    lambda t: np.diag([1, np.exp(1j * t)]),
    lambda t: np.array([[math.cos(t / 2), -1j * math.sin(t / 2)], [-1j * math.sin(t / 2), math.cos(t / 2)]]),
    lambda t: np.diag([np.exp(-0.5j * t), np.exp(0.5j * t)]),
)
X, Z = np.array([[0, 1], [1, 0]]), np.diag([1, -1])
H = (X + Z) / math.sqrt(2)


@pytest.mark.parametrize(
    ("line", "matrix"),
    [
        ("U(0.3, 0.5, 0.7) q[1];", np.kron(np.eye(2), u_builtin(0.3, 0.5, 0.7))),
        ("ctrl @ U(0.3, 0.5, 0.7) q[0], q[1];", controlled(u_builtin(0.3, 0.5, 0.7))),
        ("ctrl @ rz(0.3) q[0], q[1];", controlled(RZ(0.3))),
        ("ctrl @ p(0.3) q[0], q[1];", controlled(P(0.3))),
        ("ctrl @ gphase(0.3) q[0];", np.kron(P(0.3), np.eye(2))),
        ("ctrl(2) @ gphase(0.3) q[0], q[1];", controlled(P(0.3))),
        ("negctrl @ x q[0], q[1];", np.kron(X, np.eye(2)) @ controlled(X) @ np.kron(X, np.eye(2))),
        ("ctrl @ u3(0.3, 0.5, 0.7) q[0], q[1];", controlled(np.exp(-0.75j) * u_builtin(0.3, 0.5, 0.7))),
        ("cu(0.3, 0.5, 0.7, 0.2) q[0], q[1];", controlled(np.exp(0.05j) * u_builtin(0.3, 0.5, 0.7))),
        ("ctrl @ inv @ sx q[0], q[1];", controlled(np.linalg.inv(H @ np.diag([1, 1j]) @ H))),
        ("ctrl @ pow(0.5) @ x q[0], q[1];", controlled(H @ np.diag([1, 1j]) @ H)),
        ("ctrl @ pow(0.5) @ z q[0], q[1];", controlled(np.diag([1, 1j]))),
        ("ctrl @ pow(-2) @ s q[0], q[1];", controlled(Z)),
        ("ctrl @ pow(0.2) @ h q[0], q[1];", controlled((np.eye(2) + H + np.exp(0.2j * math.pi) * (np.eye(2) - H)) / 2)),
        ("ctrl @ pow(0.25) @ rx(0.8) q[0], q[1];", controlled(RX(0.2))),
        ("pow(2) @ ctrl @ rx(0.4) q[0], q[1];", controlled(RX(0.8))),
        ("inv @ ctrl @ rx(0.4) q[0], q[1];", controlled(RX(-0.4))),
        ("ctrl @ y q[0], q[1];", controlled(1j * X @ Z)),
        ("ctrl @ id q[0], q[1];", np.eye(4)),
    ],
)  # fmt: skip
def test_modifiers_keep_the_phase_that_the_specification_gives(line: str, matrix: np.ndarray):
    program = HEAD3 + "qubit[2] q;\n" + spread(2) + line
    assert same_ray(state(program), matrix @ start(2))


@pytest.mark.parametrize(
    "name", [name for name in STDGATES if name not in ("CX", "phase", "cphase", "u1", "u2", "u3", "id")]
)
@pytest.mark.parametrize("controls", [1, 2, 3])
def test_controls_of_every_library_gate_are_those_of_its_matrix(name: str, controls: int):
    standard = STDGATES[name]
    angles = [0.3, 0.5, 0.7, 0.2][: standard.n_angles]
    n = controls + standard.n_wires
    # Wires in an order of their own, so that none is mistaken for another.
    order = np.random.default_rng(n).permutation(n)
    text = f"({', '.join(map(str, angles))})" if angles else ""
    program = HEAD3 + f"qubit[{n}] q;\n" + spread(n)
    program += f"ctrl({controls}) @ {name}{text} {', '.join(f'q[{k}]' for k in order)};"
    kind = Operator(_qiskit_gate(name, angles)).reverse_qargs().data
    expected = brute_force.spread(
        controlled(np.asarray(kind), controls), tuple(int(k) for k in order), n
    ) @ start(n)
    assert same_ray(state(program), expected)


def _qiskit_gate(name: str, angles):
    gate = get_standard_gate_name_mapping()[name].base_class
    return gate(*angles)


@pytest.mark.parametrize("library", ["stdgates", "qelib1"])
def test_every_gate_of_the_libraries_is_qiskits(library: str):
    for name, standard in (STDGATES if library == "stdgates" else QELIB1).items():
        angles = ["0.3", "0.5", "0.7", "0.2"][: standard.n_angles] if name != "u0" else ["1"]
        text = f"({', '.join(angles)})" if angles else ""
        operands = ", ".join(f"q[{k}]" for k in reversed(range(standard.n_wires)))
        register = (
            f"qubit[{standard.n_wires}] q;\n" if library == "stdgates" else f"qreg q[{standard.n_wires}];\n"
        )
        begin = " ".join(f"ry(0.9) q[{k}]; u1(0.4) q[{k}];" for k in range(standard.n_wires))
        program = (
            (HEAD3 if library == "stdgates" else HEAD2) + register + f"{begin}\n{name}{text} {operands};"
        )
        if library == "stdgates":
            expected = qiskit3(program)
        else:
            read = qiskit.qasm2.loads(program, custom_instructions=qiskit.qasm2.LEGACY_CUSTOM_INSTRUCTIONS)
            expected = Statevector(read).reverse_qargs().data
        assert same_ray(state(program), np.asarray(expected)), name


@pytest.mark.parametrize(
    "program",
    [
        "qubit[3] q; h q; ctrl @ x q[0], q[1]; cx q[1], q[2];",
        "qubit a; qubit[2] b; h a; cx a, b[0]; cx a, b[1]; rz(pi/4) b;",
        "qubit[4] q; h q[0:2]; cx q[0:2:2], q[1:2:3];",
        "qubit[5] q; let a = q[{0, 3, 4}]; h a; let b = q[1:2] ++ a[0:0]; ry(0.3) b; cx a[1], b[0];",
        "qubit[2] q; gate g(a, b) x, y { rx(a) x; ctrl @ ry(b/2) x, y; } g(0.3, -1) q[1], q[0]; inv @ g(1, 1) q;",
        "qubit[2] q; rx(3*pi/4 - tau/8 + euler) q[0]; ry(7/2) q[1]; ry(7.0/2) q[0];",
        "qubit q; U(1.1, 0.2, -0.4) q; U(pi/2, 0, pi) q;",
        "h $0; cx $0, $2; ry(0.2) $1;",
    ],
)
def test_programs_mean_what_qiskit_reads_in_them(program: str):
    # g on a whole register is written for its two qubits.
    program = HEAD3 + program.replace("g(1, 1) q;", "g(1, 1) q[0], q[1];")
    assert same_ray(state(program), qiskit3(program))


@pytest.mark.parametrize(
    ("program", "unrolled"),
    [
        (
            "for int i in [0:2] { ry(0.1*(i+1)) q[i]; } for int i in [0:1] { cx q[i], q[i+1]; }",
            "ry(0.1) q[0]; ry(0.2) q[1]; ry(0.3) q[2]; cx q[0], q[1]; cx q[1], q[2];",
        ),
        (
            "for int i in {2, 0} { h q[i]; } for int i in [2:-1:0] p(pi/(2**i)) q[i];",
            "h q[2]; h q[0]; p(pi) q[0]; p(pi/2) q[1]; p(pi/4) q[2];",
        ),
        (
            "const int n = 3; const float w = 0.5*pi; h q; for uint k in [1:n-1] { crz(w/k) q[k-1], q[k]; }",
            "h q; crz(pi/2) q[0], q[1]; crz(pi/4) q[1], q[2];",
        ),
        (
            "gate chain a, b, c { for int k in [1:2] { ry(0.2*k) a; cx a, b; } ccx a, b, c; } chain q[2], q[0], q[1];",
            "ry(0.2) q[2]; cx q[2], q[0]; ry(0.4) q[2]; cx q[2], q[0]; ccx q[2], q[0], q[1];",
        ),
        (
            "rx(sin(0.3)**2 + sqrt(2)) q[0]; ry(-arctan(0.5)) q[1]; rx(-2**2*0.1) q[2]; ry(2**-1) q[2];",
            f"rx({math.sin(0.3) ** 2 + math.sqrt(2)}) q[0]; ry(-{math.atan(0.5)}) q[1]; rx(-0.4) q[2]; ry(0.5) q[2];",
        ),
        ("reset q; h q; bit[3] c; cx q[0], q[1]; barrier q; c = measure q;", "h q; cx q[0], q[1];"),
        ("h q[-1]; cx q[-1], q[-3]; end; x q;", "h q[2]; cx q[2], q[0];"),
        ("{ const float t = 0.3; { rx(t) q; } } for int i in [1:0] x q;", "rx(0.3) q;"),
    ],
)
def test_loops_and_constants_mean_the_program_without_them(program: str, unrolled: str):
    head = HEAD3 + "qubit[3] q;\n"
    assert same_ray(state(head + program), qiskit3(head + unrolled))


def test_a_program_of_openqasm_2_is_read():
    program = HEAD2 + (
        "gate majority a,b,c { cx c,b; cx c,a; ccx a,b,c; }\n"
        "gate turn(t) a { u3(t/2, -t, pi^2/4) a; }\n"
        "qreg a[2]; qreg b[2]; creg c[4];\n"
        "h a; turn(1/2) b; cx a,b; majority a[0],b[0],a[1];\n"
        "barrier a,b; measure a[0] -> c[0]; measure b -> b0;\n"
    ).replace("measure b -> b0;", "")
    qc = qiskit.qasm2.loads(program)
    qc.remove_final_measurements()
    assert same_ray(state(program), np.asarray(Statevector(qc).reverse_qargs().data))


def test_integers_divide_as_each_version_says():
    # 1/2 is 0 in OpenQASM 3 (integers), 0.5 in OpenQASM 2 (reals).
    assert same_ray(state(HEAD3 + "qubit q; ry(1/2) q;"), np.array([1, 0]))
    expected = np.array([math.cos(0.25), math.sin(0.25)])
    assert same_ray(state(HEAD2 + "qreg q[1]; ry(1/2) q[0];"), expected)
    assert same_ray(state(HEAD3 + "qubit q; ry(1/2.0) q;"), expected)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("-7/2", -3), ("7%3", 1), ("-7%3", -1), ("2**3**2 - 511", 1), ("-2**2", -4), ("1<<3|1", 9), ("6&3^1", 3),
        ("~2", -3), ("!true + 1", 1), ("int(3.9)", 3), ("mod(7, 4)", 3), ("popcount(7)", 3), ("ceiling(1.2)", 2),
        ("floor(-1.2)", -2), ("pow(2, 3)", 8), ("1 < 2 && 2 != 3", 1), ("0x1F - 0b11 + 0o7 + 1_000 - 1035", 0),
        ("(1 + 2) * (3 - 1)", 6), ("1.5e1/3", 5), ("cos(0) + exp(0) + log(euler)", 3), (".5 + 1.", 1.5),
    ],
)  # fmt: skip
def test_constants_are_computed(expression: str, value: float):
    program = f"qubit q; U({expression}, 0, 0) q;"
    c = from_openqasm(program)
    assert isinstance(c, Circuit)
    assert c.ops[0].angles[0].offset == pytest.approx(value, abs=1e-14)


def test_classical_variables_are_followed():
    c = from_openqasm(
        HEAD3 + "qubit[3] q; int k = 0; float t; t = 0.5; while_ = 0;".replace(" while_ = 0;", "")
        + "for int i in [0:2] { if (i % 2 == 0) { rx(t) q[k]; k += 2; } else { t *= 2; z q[i]; } } if (k == 4) h q[1];"
    )  # fmt: skip
    assert isinstance(c, Circuit)
    assert [(op.name, op.wires) for op in c.ops] == [("RX", (0,)), ("Z", (1,)), ("RX", (2,)), ("H", (1,))]
    assert [op.angles[0].offset for op in c.ops if op.angles] == [0.5, 1.0]


def test_inputs_are_parameters_with_their_names():
    program = HEAD3 + (
        "input float[64] β; input angle a;\nqubit[2] q;\ngate g(t) x { rz(2*t) x; ry(t - 1) x; }\n"
        "g(a/2) q[0]; rx(β + a) q[1]; cp(-a) q[0], q[1]; ry(β) q;\n"
    )
    c = from_openqasm(program)
    assert isinstance(c, Circuit)
    assert c.parameter_names == ("β", "a")
    theta = np.array([0.7, -0.4])
    expected = [
        gates.RZ(-0.4, 0), gates.RY(-1.2, 0), gates.RX(0.3, 1), gates.CP(0.4, 0, 1), gates.RY(0.7, 0), gates.RY(0.7, 1),
    ]  # fmt: skip
    assert same_ray(brute_force.state(c, theta), brute_force.unitary_of_ops(expected, 2)[:, 0])


def test_angles_that_are_not_linear_make_a_reparametrised_circuit():
    program = HEAD3 + "input float a; input float b; qubit q; ry(sin(a)*b) q; rx(b) q;"
    d = from_openqasm(program)
    assert isinstance(d, Reparametrised)
    assert d.parameter_names == ("a", "b")
    again = from_openqasm(to_openqasm(d))
    assert again == d


def test_inputs_can_be_data():
    program = HEAD3 + "input float w; input float x_0; input float x_1; qubit q; ry(w*x_1) q; rx(x_0) q;"
    c = from_openqasm(program, inputs=("x",))
    assert isinstance(c, Circuit)
    assert (c.n_parameters, c.n_inputs, c.parameter_names) == (1, 2, ("w",))
    assert same_ray(
        brute_force.state(c, [0.4], [0.3, -0.8]),
        brute_force.unitary_of_ops([gates.RY(-0.32, 0), gates.RX(0.3, 0)], 1)[:, 0],
    )
    swapped = from_openqasm(program, inputs=("x_1", "x_0"))
    assert isinstance(swapped, Circuit)
    assert same_ray(brute_force.state(swapped, [0.4], [-0.8, 0.3]), brute_force.state(c, [0.4], [0.3, -0.8]))
    with pytest.raises(ValueError, match="no parameter 'y'"):
        from_openqasm(program, inputs=("y",))
    with pytest.raises(ValueError, match="named twice"):
        from_openqasm(program, inputs=("x", "x_1"))
    with pytest.raises(TypeError, match="not one string"):
        from_openqasm(program, inputs="x")
    gaps = from_openqasm("input float x_2; qubit q; U(x_2, 0, 0) q;", inputs=("x",))
    assert gaps.n_inputs == 3
    theirs = from_openqasm(qiskit.qasm3.dumps(zz_feature_map(2, reps=1)), inputs=("x",))
    assert (theirs.n_parameters, theirs.n_inputs) == (0, 2)


def test_final_measurements_are_left_to_measured():
    program = HEAD3 + "qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;"
    c = from_openqasm(program)
    assert isinstance(c, Circuit)
    np.testing.assert_allclose(Measured(c)(np.zeros(0)).probabilities, [0.5, 0, 0, 0.5], atol=1e-15)


def test_the_first_qubit_declared_is_the_most_significant():
    np.testing.assert_allclose(abs(state(HEAD3 + "qubit[2] q; qubit r; x q[0];")), np.eye(8)[4], atol=1e-15)


def test_names_may_be_unicode_and_shadow_the_library():
    program = (
        HEAD3 + "gate h α { ry(pi/3) α; } qubit ψ; h ψ; // comment\n/* another\n one */ rz(π/2) ψ; rz(τ) ψ;"
    )
    c = from_openqasm(program)
    assert isinstance(c, Circuit)
    assert [op.name for op in c.ops] == ["RY", "RZ", "RZ"]


def test_the_page_states_every_limit():
    page = (Path(__file__).parents[2] / "docs" / "circuits_in_and_out.md").read_text()
    stated = dict(re.findall(r"`(MAX_\w+)` = (\d+)", page))
    assert stated == {name: str(getattr(limits, name)) for name in dir(limits) if name.startswith("MAX_")}


def test_bits_may_have_values_that_nothing_depends_on():
    c = from_openqasm(HEAD3 + 'bit[2] c = "01"; output bit d; qubit q; h q; d = measure q;')
    assert len(c.nodes) == 1


def test_annotations_and_pragmas_are_passed_over():
    program = HEAD3 + "#pragma anything at all\npragma more\nqubit q;\n@hint fast\nh q;\n"
    c = from_openqasm(program)
    assert len(c.nodes) == 1


@pytest.mark.parametrize(
    "name", ["sxdg", "rxx", "ryy", "rzz", "iswap", "xxplusyy", "r_xyz", "r_y", "mcphase_3", "mcphase_5"]
)
def test_definitions_written_by_this_package_are_the_gates_that_they_name(name: str):
    text = definition(name)
    assert text is not None
    angle = "(0.7)" if "(theta)" in text else ""
    n = text.split("{")[0].count(",") + 1
    operands = ", ".join(f"q[{k}]" for k in reversed(range(n)))
    begin = HEAD3 + f"qubit[{n + 1}] q;\n" + spread(n + 1)
    call = f"ctrl @ {{}}{angle} q[{n}], {operands};"
    known = begin + text + call.format(name)
    # The same body under another name is expanded; a control would show a wrong phase.
    expanded = begin + text.replace(f"gate {name}", "gate other") + call.format("other")
    assert same_ray(state(known), state(expanded))
    c = from_openqasm(begin + text + f"{name}{angle} {operands};")
    assert isinstance(c, Circuit)
    assert len(c.ops) == 2 * (n + 1) + 1


@pytest.mark.parametrize("name", DEFINITIONS2)
def test_definitions_for_the_original_qelib1_are_the_gates_that_they_name(name: str):
    text = DEFINITIONS2[name]
    angle = "(0.7)" if "(theta)" in text else ""
    n = text.split("{")[0].count(",") + 1
    operands = ", ".join(f"q[{k}]" for k in range(n))
    begin = HEAD3 + f"qubit[{n + 1}] q;\n" + spread(n + 1)
    expanded = begin + text.replace(f"gate {name}", "gate other") + f"ctrl @ other{angle} q[{n}], {operands};"
    assert same_ray(state(begin + f"ctrl @ {name}{angle} q[{n}], {operands};"), state(expanded))
