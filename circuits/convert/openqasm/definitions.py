"""Definitions of the gates that the languages' libraries lack: written before a program, and known again when read.

A program that defines ``rxx`` in the very words below means the gate RXX, which the engine knows; with any other body
it is expanded like every definition.
"""

from __future__ import annotations

import itertools

from circuits.convert.assembled import gate
from circuits.convert.controlled import phase
from circuits.convert.standard_gates import STANDARD, StandardGate

_PAULI_PREFIX = "r_"

# Each is exact, phase included, and written with gates that both libraries have.
_BODIES = {
    "sxdg": ("", "a", "h a; sdg a; h a;"),
    "rxx": ("(theta)", "a, b", "h a; h b; cx a, b; rz(theta) b; cx a, b; h b; h a;"),
    "ryy": ("(theta)", "a, b", "sdg a; sdg b; h a; h b; cx a, b; rz(theta) b; cx a, b; h b; h a; s b; s a;"),
    "rzz": ("(theta)", "a, b", "cx a, b; rz(theta) b; cx a, b;"),
    "iswap": ("", "a, b", "s a; s b; h a; cx a, b; cx b, a; h b;"),
    "xxplusyy": (
        "(theta)",
        "a, b",
        "h a; h b; cx a, b; rz(theta/2) b; cx a, b; h b; h a; "
        "sdg a; sdg b; h a; h b; cx a, b; rz(theta/2) b; cx a, b; h b; h a; s b; s a;",
    ),
}
_GATES = {
    "sxdg": StandardGate(0, 1, lambda _, wires: [gate("SXDG", wires)]),
    "rxx": StandardGate(1, 2, lambda angles, wires: [gate("RXX", wires, *angles)]),
    "ryy": StandardGate(1, 2, lambda angles, wires: [gate("RYY", wires, *angles)]),
    "rzz": StandardGate(1, 2, lambda angles, wires: [gate("RZZ", wires, *angles)]),
    "iswap": StandardGate(0, 2, lambda _, wires: [gate("ISWAP", wires)]),
    "xxplusyy": StandardGate(1, 2, lambda angles, wires: [gate("XXPLUSYY", wires, *angles)]),
}
# Gates that only Qiskit's copy of qelib1.inc has, in terms of those that the original has.
DEFINITIONS2 = {
    "sx": "gate sx a { h a; s a; h a; }",
    "swap": "gate swap a, b { cx a, b; cx b, a; cx a, b; }",
    "crx": "gate crx(theta) a, b { h b; crz(theta) a, b; h b; }",
    "cry": "gate cry(theta) a, b { sdg b; h b; crz(theta) a, b; h b; s b; }",
    "cswap": "gate cswap a, b, c { cx c, b; ccx a, b, c; cx c, b; }",
}
_PHASE_PREFIX = "mcphase_"
# Longest forms that are written as definitions.
MAX_PAULI = 64
MAX_PHASE = 10


def pauli_name(pauli: str) -> str:
    """The name of a Pauli rotation's definition, e.g. ``r_xyz``."""
    return _PAULI_PREFIX + pauli.lower()


def phase_name(n_wires: int) -> str:
    """The name of a multi-controlled phase's definition, e.g. ``mcphase_4``, in OpenQASM 2, which has no modifiers."""
    return f"{_PHASE_PREFIX}{n_wires}"


def definition(name: str) -> str | None:
    """The text that defines a gate; None if it is none of these."""
    parts = _BODIES.get(name) or _pauli_body(name) or _phase_body(name)
    return None if parts is None else f"gate {name}{parts[0]} {parts[1]} {{ {parts[2]} }}"


def known_definition(name: str, text: str) -> StandardGate | None:
    """The gate that a definition means if it is word for word one of these."""
    words = text.split()
    if name in DEFINITIONS2 and DEFINITIONS2[name].split() == words:
        return STANDARD[name]
    own = definition(name)
    if own is None or own.split() != words:
        return None
    if name in _GATES:
        return _GATES[name]
    if name.startswith(_PAULI_PREFIX):
        pauli = name.removeprefix(_PAULI_PREFIX).upper()
        return StandardGate(
            1, len(pauli), lambda angles, wires: [gate("PAULIROT", wires, *angles, pauli=pauli)]
        )
    count = int(name.removeprefix(_PHASE_PREFIX))
    return StandardGate(1, count, lambda angles, wires: [phase(angles[0], wires)])


def _pauli_body(name: str) -> tuple[str, str, str] | None:
    letters = name.removeprefix(_PAULI_PREFIX)
    if letters == name or not 1 <= len(letters) <= MAX_PAULI or not set(letters) <= set("xyz"):
        return None
    qubits = [f"q{k}" for k in range(len(letters))]
    turn, back = [], []
    for letter, q in zip(letters, qubits, strict=True):
        before, after = {
            "x": ([f"h {q};"],) * 2,
            "y": ([f"sdg {q};", f"h {q};"], [f"h {q};", f"s {q};"]),
        }.get(letter, ([], []))
        turn += before
        back = after + back
    ladder = [f"cx {a}, {b};" for a, b in itertools.pairwise(qubits)]
    body = [*turn, *ladder, f"rz(theta) {qubits[-1]};", *reversed(ladder), *back]
    return "(theta)", ", ".join(qubits), " ".join(body)


def _phase_body(name: str) -> tuple[str, str, str] | None:
    """``prod n_k = 2^(1-n) sum_S (-1)^(|S|+1) parity_S``: a phase on each parity, in the order of a Gray code."""
    digits = name.removeprefix(_PHASE_PREFIX)
    if digits == name or not digits.isdecimal() or len(digits) > 3 or not 3 <= int(digits) <= MAX_PHASE:
        return None
    count = int(digits)
    qubits = [f"q{k}" for k in range(count)]
    body: list[str] = []
    for target in range(count):
        members = 0
        for step in range(2**target):
            sign = "-" if members.bit_count() % 2 else ""
            body.append(f"u1({sign}theta/{2 ** (count - 1)}) {qubits[target]};")
            if target == 0:
                break
            flipped = (step + 1 & -(step + 1)).bit_length() - 1
            flipped = min(flipped, target - 1)  # the last step closes the cycle
            members ^= 1 << flipped
            body.append(f"cx {qubits[flipped]}, {qubits[target]};")
    return "(theta)", ", ".join(qubits), " ".join(body)
