"""Any text at all is read, or refused in one line with its place: nothing else, and not for long.

Three kinds of input: tokens of the language in any order, valid programs with a few of their pieces changed, and any
characters. Nothing is simulated. The quick share runs with every test, the full one is marked slow.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from circuits.convert.openqasm import OpenQASMError, from_openqasm, gate_calls, limits, scopes
from circuits.convert.openqasm.errors import Refused
from circuits.convert.openqasm.lexer import tokens

QUICK, FULL = 700, 6000  # inputs of each kind: 2100 and 18 000 in all

GALLERY = sorted((Path(__file__).parents[2] / "docs" / "gallery").glob("*.qasm"))
PROGRAMS = [
    'OPENQASM 3.0;\ninclude "stdgates.inc";\ninput float a;\nqubit[3] q;\nbit[3] c;\nh q;\nrx(2*a+pi/2) q[0];\n'
    "for int i in [0:1] { cx q[i], q[i+1]; p(a/2**i) q[i]; }\nc = measure q;\n",
    'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\ngate g(t) a,b { cu3(t,-t/2,0.3) a,b; }\n'
    "g(sin(pi/3)^2) q[0],q[1];\nbarrier q;\nmeasure q -> c;\n",
    "const int n = 4; qubit[n] q; let r = q[1:2:3] ++ q[{0}]; int k = 1; k += 2; if (k == 3) { ctrl(2) @ negctrl @ "
    "inv @ pow(0.5) @ U(0.1, k, -1) r, q[2]; } else { gphase(0.3); } gate f a { ctrl @ gphase(1) a; } pow(3) @ f q;",
    *[path.read_text() for path in GALLERY],
]
WORDS = """
OPENQASM 3.0 2.0 ; include "stdgates.inc" "qelib1.inc" qubit qreg creg bit [ ] { } ( ) 0 1 2 3 7 q r c a b pi π 0.5 1e3
.1 gate g h x cx ccx U CX rx ry rz p u3 cu ctrl negctrl inv pow @ gphase input float angle int uint bool const let = ==
+ - * / ** ^ % << ++ , : -> measure reset barrier for in if else true end sin sqrt ln $0 $1 99999999999 1e308 -1 // /*
*/ # opaque def while += ! ~ &&
""".split()  # noqa: SIM905 - as many literals would be harder to read


@pytest.fixture(autouse=True)
def smaller_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A twentieth of the gates and steps: a program that exhausts them would take seconds."""
    for module in (scopes, gate_calls):
        monkeypatch.setattr(module, "MAX_GATES", limits.MAX_GATES // 20)
    monkeypatch.setattr(scopes, "MAX_STEPS", limits.MAX_STEPS // 20)


def check(program: str) -> None:
    start = time.process_time()
    refusal = None
    try:
        circuit = from_openqasm(program)
        assert 1 <= circuit.n_qubits <= limits.MAX_QUBITS
    except OpenQASMError as error:
        refusal = error
    if refusal is not None:
        assert 1 <= refusal.line <= program.count("\n") + 1
        assert refusal.column >= 1
        assert "\n" not in str(refusal)
        assert len(str(refusal)) < 400
    assert time.process_time() - start < 20.0


def pieces(program: str) -> list[str]:
    """The program cut at its tokens, white space with the token before it."""
    offsets = [token.offset for token in tokens(program)]
    return [program[a:b] for a, b in zip([0, *offsets[1:]], [*offsets[1:], len(program)], strict=True)]


CUT = [pieces(program) for program in PROGRAMS]


@st.composite
def changed(draw: st.DrawFn) -> str:
    """A valid program with tokens left out, doubled, exchanged, replaced, or moved in from another program."""
    program = list(CUT[draw(st.integers(0, len(CUT) - 1))])
    for _ in range(draw(st.integers(1, 4))):
        k = draw(st.integers(0, len(program) - 1))
        match draw(st.integers(0, 5)):
            case 0:
                del program[k]
            case 1:
                program.insert(k, program[k])
            case 2:
                other = draw(st.integers(0, len(program) - 1))
                program[k], program[other] = program[other], program[k]
            case 3:
                program[k] = draw(st.sampled_from(WORDS)) + " "
            case 4:
                donor = CUT[draw(st.integers(0, len(CUT) - 1))]
                start = draw(st.integers(0, len(donor) - 1))
                program[k:k] = donor[start : start + draw(st.integers(1, 8))]
            case _:
                program[k] = (program[k] * draw(st.sampled_from([2, 30, 400])))[:100_000]  # not 400^4 times
        if not program:
            break
    return "".join(program)


soup = st.lists(st.sampled_from(WORDS), max_size=60).map(" ".join)
headed = st.tuples(st.sampled_from(["", PROGRAMS[0], PROGRAMS[1]]), soup).map("".join)
characters = st.text(max_size=200)
KINDS = {"tokens": headed, "changed programs": changed(), "characters": characters}

common = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None}


@pytest.mark.parametrize("kind", KINDS)
def test_any_text_is_read_or_refused_with_its_place(kind: str):
    @seed(6)
    @settings(max_examples=QUICK, **common)
    @given(KINDS[kind])
    def run(program: str) -> None:
        check(program)

    run()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_many_texts_are_read_or_refused_with_their_place(kind: str):
    @settings(max_examples=FULL, **common)
    @given(KINDS[kind])
    def run(program: str) -> None:
        check(program)

    run()


def at_depth(levels: int, program: str) -> None:
    if levels:
        at_depth(levels - 1, program)
    else:
        from_openqasm(program)


def deepest() -> str:
    """Blocks, gates that call gates with loops, and brackets, nearly as deep as each may be."""
    angle = "(" * 40 + "sin(0.1*t)" + ")" * 40
    gates = [f"gate g0(t) a {{ for int i in [0:0] {{ U({angle}, 0, 0) a; }} }}"]
    gates += [f"gate g{k}(t) a {{ for int i in [0:0] {{ g{k - 1}(t) a; }} }}" for k in range(1, 47)]
    gates.append("input float x; qubit q;")
    return "\n".join(gates) + "for int i in [0:0] {" * 44 + "g46(x) q;" + "}" * 44


def test_the_depth_of_the_callers_stack_is_no_matter():
    at_depth(sys.getrecursionlimit() // 3, deepest())
    with pytest.raises(OpenQASMError, match="nested deeper than the stack allows"):
        at_depth(sys.getrecursionlimit() - 250, deepest())


def test_the_tokens_of_a_program_are_its_text():
    assert "".join(CUT[0]) == PROGRAMS[0]
    with pytest.raises(Refused):
        list(tokens("?"))
