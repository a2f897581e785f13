"""What is refused: by name, with line and column, in one line; and programs that ask for too much."""

from __future__ import annotations

import pickle
import resource
import time

import pytest

from circuits.convert.openqasm import (
    OpenQASMError,
    from_openqasm,
    gate_calls,
    lexer,
    limits,
    scopes,
    to_openqasm,
)
from circuits.convert.openqasm.errors import Refused, placed

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[3] q;\nbit[3] c;\ninput float a;\n'
HEAD2 = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[3];\ncreg c[3];\n\n'


def refused(program: str) -> OpenQASMError:
    with pytest.raises(OpenQASMError) as caught:
        from_openqasm(program)
    assert "\n" not in str(caught.value)
    assert (
        str(caught.value) == f"line {caught.value.line}, column {caught.value.column}: {caught.value.reason}"
    )
    return caught.value


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        # without unitary meaning
        ("h q[0]; c[0] = measure q[0]; x q[0];", 30, "after its measurement: measurements in mid-circuit"),
        ("h q[0]; reset q[0];", 9, "reset of qubit 0 after gates"),
        ("c[0] = measure q[0]; if (c[0] == 1) x q[1];", 26, "holds measurement results"),
        ("if (c == 1) x q[1];", 5, "holds measurement results"),
        ("while (true) { x q[0]; }", 1, "while loop"),
        ("if (a > 0.5) x q[0];", 7, "takes constants"),
        ("for int i in [0:a] x q[0];", 17, "must be a constant; it depends on 'a'"),
        ("def f(qubit x) { x x; }", 1, "subroutine"),
        ("extern f(int) -> int;", 1, "extern"),
        ("defcal x $0 { }", 1, "calibration"),
        ("cal { }", 1, "calibration"),
        ("delay[100ns] q[0];", 1, "delay"),
        ("box { x q[0]; }", 1, "box"),
        ("opaque g a;", 1, "opaque"),
        ("switch (1) { }", 1, "switch"),
        ("array[float, 3] b;", 1, "arrays"),
        ("input bit b;", 1, "type bit is not read"),
        ("input int n;", 1, "type int is not read"),
        ("complex[float] z;", 1, "complex"),
        # files
        ('include "/etc/passwd";', 1, "no file is read"),
        ('include "../stdgates.inc";', 1, "no file is read"),
        # malformed
        ("x q[0]", 7, "expected ';', not the end of the program"),
        ("x q[0;", 6, "expected ']', not ';'"),
        ("rx(0.3 q[0];", 8, "expected ')', not 'q'"),
        ("rx() q[0];", 1, "takes 1 angle(s) and 1 qubit(s), not 0 and 1"),
        ("cx q[0];", 1, "takes 0 angle(s) and 2 qubit(s), not 0 and 1"),
        ("cx q[0], q[0];", 1, "acts twice on the same qubit"),
        ("x q[3];", 5, "outside a register of 3"),
        ("x q[-4];", 5, "outside a register of 3"),
        ("x r[0];", 3, "'r' is not declared"),
        ("x c[0];", 4, "this is a classical register"),
        ("unknown q[0];", 1, "'unknown' is not defined"),
        ("rx(b) q[0];", 4, "'b' is not declared"),
        ("rx(q) q[0];", 4, "is a qubit or register, not a value"),
        ("rx(1/0) q[0];", 5, "division by zero"),
        ("rx(1.0/0) q[0];", 7, "divided by zero"),
        ("rx(sqrt(-1)) q[0];", 4, "no real value"),
        ("rx(exp(1000)) q[0];", 4, "too large"),
        ("rx(gamma(2)) q[0];", 4, "unknown function 'gamma'"),
        ("rx(sin(1, 2)) q[0];", 4, "takes 1 argument(s), not 2"),
        ("rx(1 << 100) q[0];", 6, "a shift by '100' bits"),
        ("rx(2 ** 65) q[0];", 6, "more than 64 bits"),
        ("rx(1e999) q[0];", 4, "too large for floating point"),
        ("qubit[3] q;", 1, "'q' is declared twice"),
        ("qubit[0] r;", 1, "size 1 or more"),
        ("gate g a { g a; }", 12, "'g' is not defined"),
        ("gate g a { } gate g a { }", 14, "defined twice"),
        ("gate g(t) t { }", 1, "uses a name twice"),
        ("gate g a { x q; }  g q[0];", 14, "acts on the qubits of that definition"),
        ("gate g a { x a[0]; }  g q[0];", 15, "acts on the qubits of that definition"),
        ("gate g a { measure a; }", 12, "the body of a gate holds"),
        ("const int n = 3; n = 4;", 18, "is constant"),
        ("float t; rx(t) q[0];", 13, "has no value yet"),
        ("const int pi = 3;", 1, "constant of the language"),
        ("cx q, q[0:1];", 1, "registers of different sizes [2, 3]"),
        ("ctrl @ x q[0];", 1, "takes 0 angle(s) and 1 qubit(s), not 0 and 0"),
        ("ctrl(3) @ x q[0], q[1];", 1, "needs 3 control qubit(s)"),
        ("ctrl(0) @ x q[0];", 1, "takes 1 to 4096 controls"),
        ("pow(a) @ x q[0];", 5, "an exponent must be a constant"),
        ("pow @ x q[0];", 1, "takes an exponent"),
        ("inv(2) @ x q[0];", 1, "takes no argument"),
        ("pow(0.5) @ cswap q[0], q[1], q[2];", 1, "a rotation, or a gate on one or two qubits"),
        ("ctrl @ su2(a, 0, 0) q[0], q[1];", 1, "only where its angles are numbers"),
        ("gphase(0.3) q[0];", 1, "gphase takes one angle"),
        ("measure q -> c[0];", 15, "3 qubit(s) are measured into 1 bit(s)"),
        ("x $0;", 1, "physical qubits"),
        ("let b = q[0:1] ++ q[1:2];", 1, "holds a qubit twice"),
        ("include 3;", 9, "the name of a library"),
        ('include "qelib1.inc"', 21, "expected ';'"),
        ("OPENQASM 3.0;", 1, "the version is stated once"),
        ("for int i in 5 x q[0];", 14, "a range"),
        ("for int i in [5] x q[0];", 1, "a loop runs over a range"),
        ("for int i in [0:0:5] x q[0];", 15, "must not be 0"),
        ("x q[0.5];", 5, "an index must be an integer"),
        ("/* without an end", 1, "without its */"),
        ('include "stdgates', 9, "a string without an end"),
        ("x q[0]; \\ y q[0];", 9, "unexpected character"),
        ("rx(0x) q[0];", 5, "expected ')'"),
        ("3 q[0];", 1, "expected a statement"),
        ("}", 1, "expected a statement"),
        ("{ x q[0];", 10, "expected '}'"),
        ("rx(0.1im) q[0];", 7, "expected ')'"),
    ],
)
def test_a_program_is_refused_at_its_place(line: str, column: int, message: str):
    error = refused(HEAD + line)
    assert message in error.reason
    if "physical" not in message:  # seen only at the end of the program
        assert (error.line, error.column) == (6 + line.count("\n"), column)


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ("if (c == 1) x q[0];", 5, "holds measurement results"),
        ("opaque g a;", 1, "opaque"),
        ("rx(a) q[0];", 4, "'a' is not declared"),
        ("measure q[0] -> c[0]; h q[0];", 23, "after its measurement"),
        ("ctrl @ x q[0], q[1];", 6, "expected"),
        ("for int i in [0:1] x q[i];", 9, "expected"),
    ],
)
def test_openqasm_2_has_its_own_words(line: str, column: int, message: str):
    error = refused(HEAD2 + line)
    assert message in error.reason
    assert (error.line, error.column) == (6, column)


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("OPENQASM 4.0; qubit q;", "OpenQASM 2 and 3 are read"),
        ("", "declares no qubit"),
        ("h q;", "'h' needs include \"stdgates.inc\""),
        ("OPENQASM 2.0; qreg q[1]; h q[0];", "'h' needs include \"qelib1.inc\""),
        ("\x00", "unexpected character"),
        ("\ud800", "unexpected character"),
    ],
)
def test_whole_programs_are_refused(program: str, message: str):
    assert message in refused(program).reason


def test_lines_and_columns_count_from_one():
    error = placed(Refused("why", 4), "ab\nc\nd")
    assert (error.line, error.column) == (2, 2)
    assert pickle.loads(pickle.dumps(error)).args == error.args
    assert isinstance(error, ValueError)
    with pytest.raises(TypeError, match="is a string"):
        from_openqasm(b"qubit q;")  # type: ignore[arg-type]


# Programs that ask for too much. Each bound has one that goes just beyond it, in few characters.


def doubling(levels: int, bottom: str) -> str:
    gates = [f"gate g0 a {{ {bottom} }}"]
    gates += [f"gate g{k} a {{ g{k - 1} a; g{k - 1} a; }}" for k in range(1, levels + 1)]
    return "\n".join([*gates, f"qubit q; g{levels} q;"])


CALLS = "\n".join(
    [
        "gate g0(t) a { U(t, 0, 0) a; }",
        *[f"gate g{k}(t) a {{ g{k - 1}(t*t) a; }}" for k in range(1, 40)],
        "input float x; qubit q; g39(x) q;",
    ]
)
HOSTILE = {
    "characters": (" " * (limits.MAX_CHARACTERS + 1), "characters"),
    "tokens": ("qubit q; U(" + "1," * (limits.MAX_TOKENS // 2), "000 tokens"),
    "tokens in a loop": (
        "qubit q; for int i in [0:0] {" + "U(0,0,0) q;" * (limits.MAX_TOKENS // 9),
        "000 tokens",
    ),
    "qubits": ("qubit[4000] a; qubit[97] b;", "more than 4096 qubits"),
    "one large register": ("qubit[99999999999] a;", "more than 4096 qubits"),
    "bits": ("qubit q; bit[5000] c;", "more than 4096 bits"),
    "gates by doubling": (doubling(40, "U(0, 0, 0) a;"), "000 gates"),
    "steps by doubling": (doubling(40, ""), "000 steps"),
    "gates by a loop": (
        "qubit q; for int i in [0:999999999] U(0, 0, 0) q;",
        "000 gates",
    ),
    "steps by a loop": ("qubit q; for int i in [0:999999999] { }", "000 steps"),
    "loops in loops": (
        "qubit q; " + "for int i in [0:999] { " * 40 + "U(0,0,0) q;" + "}" * 40,
        "000 gates",
    ),
    "gates by a power": (
        "qubit q; pow(1000000000000) @ U(0, 0, 0) q;",
        "000 gates",
    ),
    "powers of powers": (
        "qubit q; " + "pow(9) @ " * 40 + "U(0, 0, 0) q;",
        "000 gates",
    ),
    "broadcasts": (
        "qubit[4096] q; for int i in [0:999] U(0, 0, 0) q;",
        "000 gates",
    ),
    "controls on controls": (
        "qubit[60] q; for int i in [0:9999] ctrl(50) @ U(0.1, 0.2, 0.3) "
        + ", ".join(f"q[{k}]" for k in range(51))
        + ";",
        "more than",
    ),
    "modifiers": ("qubit q; " + "inv @ " * 100 + "U(0, 0, 0) q;", "more than 48 modifiers"),
    "brackets": ("qubit q; U(" + "(" * 10_000 + "0", "nested deeper"),
    "braces": ("{" * 10_000, "nested deeper"),
    "indices": ("qubit q; x " + "q[" * 10_000, "nested deeper"),
    "exponents": ("qubit q; U(" + "2 ** " * 10_000 + "2, 0, 0) q;", "nested deeper"),
    "if in if": ("if (1) " * 10_000, "nested deeper"),
    "calls in calls": (
        "gate g0 a { U(0,0,0) a; }\n"
        + "\n".join(f"gate g{k} a {{ g{k - 1} a; }}" for k in range(1, 100))
        + "qubit q; g99 q;",
        "deeper than 48",
    ),
    "integers": ("qubit q; U(9 ** 9 ** 9, 0, 0) q;", "more than 64 bits"),
    "digits": ("qubit q; U(" + "9" * 100_000 + ", 0, 0) q;", "more than 64 characters"),
    "names": ("qubit " + "q" * 100_000 + ";", "more than 256 characters"),
    "squares of squares": (CALLS, "at most 10000 nodes"),
    "inputs": (
        "\n".join(f"input float a{k};" for k in range(limits.MAX_PARAMETERS + 1)),
        "more than 20000 inputs",
    ),
    "roots": (
        "qubit q; for int i in [0:100000] pow(0.3) @ U(0.1, 0.2, 0.3) q;",
        "000 steps",
    ),
    "long sums": (
        "input float a; input float b; qubit q; for int i in [0:9999] U("
        + "sin(a)*b + " * 3000
        + "0, 0, 0) q;",
        "more than",
    ),
    "a growing variable": (
        "input float a; qubit q; float t = 0; for int i in [1:100000] { t = t + sin(i*a); } U(t, 0, 0) q;",
        "more than",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_programs_that_ask_for_too_much_are_stopped(name: str, monkeypatch: pytest.MonkeyPatch):
    # A twentieth of what is allowed, to save time; the next test goes to the real bounds.
    for module in (scopes, gate_calls):
        monkeypatch.setattr(module, "MAX_GATES", limits.MAX_GATES // 20)
    monkeypatch.setattr(scopes, "MAX_STEPS", limits.MAX_STEPS // 20)
    monkeypatch.setattr(lexer, "MAX_TOKENS", limits.MAX_TOKENS // 20)
    program, message = HOSTILE[name]
    assert message in refused(program).reason


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_they_take_a_minute_and_two_gigabytes_at_most(name: str):
    program, message = HOSTILE[name]
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    error = refused(program)
    assert message in error.reason
    assert time.process_time() - start < 60.0
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2 * 2**20  # KiB


def test_long_plain_programs_are_read():
    # As deep as allowed, or long without depth: sums, signs, statements.
    program = "input float a; qubit q; U(" + "a + " * 2000 + "0, 0, 0) q; U(" + "-" * 5000 + "1, 0, 0) q;\n"
    program += "U(" + "(" * 40 + "0" + ")" * 40 + ", 0, 0) q;\n" + "U(0, 0, 0) q;\n" * 5000
    c = from_openqasm(program)
    assert len(c.nodes) == 5003


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda c: to_openqasm(c, version=4), ValueError, "OpenQASM 2 and 3"),
        (lambda c: to_openqasm(c, version=2), ValueError, "pass theta"),
        (lambda c: to_openqasm(c, [1.0, 2.0]), ValueError, "theta must have 1 entries, not 2"),
        (lambda c: to_openqasm("qubit q;"), TypeError, "expected a Circuit"),
    ],
)
def test_what_cannot_be_written_is_said(make, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        make(from_openqasm("input float a; qubit q; U(a, 0, 0) q;"))
