"""Circuits to OpenQASM."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from circuits.circuit import Circuit
from circuits.convert.assembled import SymbolicGate
from circuits.convert.controlled import numeric_gates, without_global_phase
from circuits.convert.openqasm.definitions import DEFINITIONS2, MAX_PHASE, definition, pauli_name, phase_name
from circuits.convert.openqasm.limits import MAX_NAME
from circuits.convert.openqasm.parser import KEYWORDS
from circuits.convert.openqasm.values import CONSTANTS
from circuits.convert.real_numbers import number_text
from circuits.convert.standard_gates import EXTENSIONS, QELIB1, STDGATES
from circuits.convert.symbolic_circuit import identifiers, renamed, symbolic_circuit, underscored
from circuits.reparametrised import Reparametrised

# Gates that both libraries have under the lower-case name.
_PLAIN = frozenset(
    ("X", "Y", "Z", "H", "S", "SDG", "T", "TDG", "RX", "RY", "RZ", "CX", "CY", "CZ", "CH", "CRZ", "CCX")
)
_NAMES3 = {
    "I": "id",
    "U3": "U",
    "SX": "sx",
    "P": "p",
    "CP": "cp",
    "CRX": "crx",
    "CRY": "cry",
    "SWAP": "swap",
} | {"CSWAP": "cswap"}
_NAMES2 = {"I": "id", "U3": "u3", "P": "u1", "CP": "cu1"}
_DEFINED = ("SXDG", "RXX", "RYY", "RZZ", "ISWAP", "XXPLUSYY")
_RESERVED = frozenset(
    {
        *KEYWORDS,
        *CONSTANTS,
        *STDGATES,
        *QELIB1,
        *EXTENSIONS,
        "U",
        "gphase",
        *(name.lower() for name in _DEFINED),
    }
)


def to_openqasm(
    circuit: Circuit | Reparametrised, theta: Any = None, version: int = 3, *, x: Any = None
) -> str:
    """A circuit as an OpenQASM program, which `from_openqasm` reads back to the same states.

    Wires are the qubits ``q[0], q[1], ...`` of one register. In OpenQASM 3 the parameters are ``input float[64]``
    under their own names, made identifiers where they are none (``θ[0]`` becomes ``θ_0``; without names ``theta_0``,
    ``theta_1``, ...), then come the inputs ``x_0``, ``x_1``, ...: ``from_openqasm(text, inputs=("x",))``. Gates that
    the library lacks are defined in the program. Numbers read back exactly.

    SU2 and SU4 with numbers are written as gates of the library; with parameters there is no such form, and they are
    written as calls of ``su2`` and ``su4``, which `from_openqasm` knows and other readers refuse.

    Args:
        circuit: a `Circuit`, or a `Reparametrised` circuit whose angles are expressions.
        theta: values to write in place of the parameters, shape (P,). OpenQASM 2 needs them.
        version: 2 or 3.
        x: values to write in place of the inputs. OpenQASM 2 needs them.

    Raises:
        ValueError: another version, OpenQASM 2 with free parameters, or with a phase gate on more than 10 qubits.
        TypeError: something that is no circuit of these kinds.
    """
    if version not in (2, 3):
        raise ValueError(f"OpenQASM 2 and 3 are written, not version {version!r}")
    symbolic = symbolic_circuit(circuit, theta, x, underscored)
    names = (*symbolic.parameters, *symbolic.inputs)
    if names and version == 2:
        raise ValueError("OpenQASM 2 has no parameters: pass theta (and x), or write version 3")
    symbolic = renamed(symbolic, identifiers(names, _RESERVED))
    names = (*symbolic.parameters, *symbolic.inputs)
    if any(len(name) > MAX_NAME for name in names):
        raise ValueError(f"the name of a parameter must have at most {MAX_NAME} characters to be written")
    register = next(iter(sorted({"q", "qubits", "register_q"} - set(names), key=len)), "wires_")
    needed: dict[str, str] = {}
    body = [line for g in symbolic.gates for line in _lines(g, register, version, needed)]
    if version == 2:
        head = [
            "OPENQASM 2.0;",
            'include "qelib1.inc";',
            *needed.values(),
            f"qreg {register}[{symbolic.n_qubits}];",
        ]
    else:
        head = [
            "OPENQASM 3.0;",
            'include "stdgates.inc";',
            *needed.values(),
            *[f"input float[64] {name};" for name in names],
            f"qubit[{symbolic.n_qubits}] {register};",
        ]
    return "\n".join([*head, *body, ""])


def _lines(g: SymbolicGate, register: str, version: int, needed: dict[str, str]) -> Iterator[str]:
    operands = ", ".join([f"{register}[{w}]" for w in g.wires])
    if g.name in ("SU2", "SU4"):
        if all(angle.number is not None for angle in g.angles):
            for part in without_global_phase(numeric_gates(g)):
                yield from _lines(part, register, version, needed)
            return
        yield f"{g.name.lower()}({', '.join([a.text() for a in g.angles])}) {operands};"
        return
    name, prefix = _name(g, version), ""
    if g.name == "MCP" and version == 3:
        name, prefix = "p", "" if len(g.wires) == 1 else f"ctrl({len(g.wires) - 1}) @ "
    own = definition(name)
    if version == 2 and name in DEFINITIONS2:
        needed.setdefault(name, DEFINITIONS2[name])
    elif own is not None:
        needed.setdefault(name, own)
    numbers = [angle.number for angle in g.angles]
    texts = [
        angle.text() if number is None else number_text(number)
        for angle, number in zip(g.angles, numbers, strict=True)
    ]
    if version == 2:  # names of constants are all that OpenQASM 2 shares; pi is written the same
        texts = [text.replace("**", "^") for text in texts]
    yield f"{prefix}{name}{'(' + ', '.join(texts) + ')' if texts else ''} {operands};"


def _name(g: SymbolicGate, version: int) -> str:
    if g.name in _PLAIN or g.name in _DEFINED:
        return g.name.lower()
    if g.name == "PAULIROT":
        return pauli_name(g.pauli)
    if g.name == "MCP" and version == 2:
        if len(g.wires) < 3:
            return ("u1", "cu1")[len(g.wires) - 1]
        if len(g.wires) > MAX_PHASE:
            raise ValueError(
                f"OpenQASM 2 has no controls: a phase on {len(g.wires)} qubits is written for at most {MAX_PHASE}; "
                "write version 3"
            )
        return phase_name(len(g.wires))
    return (_NAMES2 if version == 2 else _NAMES3).get(g.name, g.name.lower())
