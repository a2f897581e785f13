"""The gates that OpenQASM's libraries and Qiskit know by name, written in the gate set of `circuits`, phase included.

Names are theirs, in lower case. Matrices are Qiskit's, which for gates of the two libraries are those of OpenQASM up
to a global phase; `OPENQASM3` says where that phase differs (it matters under a control).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from circuits.convert.assembled import gate
from circuits.convert.controlled import Gates, controlled, global_phase, phase
from circuits.convert.expressions import Expression

Angles = tuple[Expression, ...]
Wires = tuple[int, ...]


class StandardGate(NamedTuple):
    """How many angles and wires a gate takes, and the gates that it is."""

    n_angles: int
    n_wires: int
    build: Callable[[Angles, Wires], Gates]


def _named(name: str, n_wires: int, n_angles: int = 0) -> StandardGate:
    return StandardGate(n_angles, n_wires, lambda angles, wires: [gate(name, wires, *angles)])


def _under_controls(base: str, n_controls: int) -> StandardGate:
    return StandardGate(0, n_controls + 1, lambda _, wires: controlled([gate(base, wires[-1:])], wires[:-1]))


def _u2(angles: Angles, wires: Wires) -> Gates:
    return [gate("U3", wires, math.pi / 2, *angles)]


def _r(angles: Angles, wires: Wires) -> Gates:
    theta, phi = angles
    return [gate("U3", wires, theta, phi - math.pi / 2, math.pi / 2 - phi)]


def _rzx(angles: Angles, wires: Wires) -> Gates:
    return [gate("PAULIROT", wires, *angles, pauli="ZX")]


def _cu(angles: Angles, wires: Wires) -> Gates:
    return [phase(angles[3], wires[:1]), *controlled([gate("U3", wires[1:], *angles[:3])], wires[:1])]


def _cu3(angles: Angles, wires: Wires) -> Gates:
    return controlled([gate("U3", wires[1:], *angles)], wires[:1])


def _xx_plus_yy(angles: Angles, wires: Wires) -> Gates:
    theta, beta = angles
    exchange = gate("XXPLUSYY", wires, theta)
    if beta.number == 0.0:
        return [exchange]
    return [gate("RZ", wires[:1], beta), exchange, gate("RZ", wires[:1], -beta)]


def _xx_minus_yy(angles: Angles, wires: Wires) -> Gates:
    theta, beta = angles
    pair = [gate("RXX", wires, theta / 2), gate("RYY", wires, theta / -2)]
    if beta.number == 0.0:
        return pair
    return [gate("RZ", wires[1:], -beta), *pair, gate("RZ", wires[1:], beta)]


def _ecr(_: Angles, wires: Wires) -> Gates:
    def cross(angle: float) -> Gates:
        return [gate("PAULIROT", wires, angle, pauli="ZX")]

    return [*cross(math.pi / 4), gate("X", wires[:1]), *cross(-math.pi / 4)]


def _dcx(_: Angles, wires: Wires) -> Gates:
    a, b = wires
    return [gate("CX", (a, b)), gate("CX", (b, a))]


def _rccx(_: Angles, wires: Wires) -> Gates:
    a, b, c = wires
    turn = math.pi / 4
    return [
        gate("H", (c,)),
        gate("P", (c,), turn),
        gate("CX", (b, c)),
        gate("P", (c,), -turn),
        gate("CX", (a, c)),
        gate("P", (c,), turn),
        gate("CX", (b, c)),
        gate("P", (c,), -turn),
        gate("H", (c,)),
    ]


def _rc3x(_: Angles, wires: Wires) -> Gates:
    a, b, c, d = wires
    turn = math.pi / 4

    def t(sign: int) -> Gates:
        return [gate("P", (d,), sign * turn)]

    def x(control: int) -> Gates:
        return [gate("CX", (control, d))]

    edge = [gate("H", (d,)), *t(1), *x(c), *t(-1), gate("H", (d,))]
    middle = [*x(a), *t(1), *x(b), *t(-1), *x(a), *t(1), *x(b), *t(-1)]
    return [*edge, *middle, *edge]


_ONE_QUBIT = ("x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg")

STANDARD: dict[str, StandardGate] = {
    "id": _named("I", 1),
    **{name: _named(name.upper(), 1) for name in _ONE_QUBIT},
    **{name: _named(name.upper(), 1, 1) for name in ("rx", "ry", "rz", "p")},
    "u1": _named("P", 1, 1),
    "u2": StandardGate(2, 1, _u2),
    "u3": _named("U3", 1, 3),
    "u": _named("U3", 1, 3),
    "r": StandardGate(2, 1, _r),
    "rv": _named("SU2", 1, 3),
    **{name: _named(name.upper(), 2) for name in ("cx", "cy", "cz", "ch", "swap", "iswap")},
    **{name: _named(name.upper(), 2, 1) for name in ("crx", "cry", "crz", "cp", "rxx", "ryy", "rzz")},
    "cu1": _named("CP", 2, 1),
    "cu3": StandardGate(3, 2, _cu3),
    "cu": StandardGate(4, 2, _cu),
    "cs": _under_controls("S", 1),
    "csdg": _under_controls("SDG", 1),
    "csx": _under_controls("SX", 1),
    "csxdg": _under_controls("SXDG", 1),
    "rzx": StandardGate(1, 2, _rzx),
    "xx_plus_yy": StandardGate(2, 2, _xx_plus_yy),
    "xx_minus_yy": StandardGate(2, 2, _xx_minus_yy),
    "ecr": StandardGate(0, 2, _ecr),
    "dcx": StandardGate(0, 2, _dcx),
    "ccx": _named("CCX", 3),
    "ccz": _under_controls("Z", 2),
    "cswap": _named("CSWAP", 3),
    "rccx": StandardGate(0, 3, _rccx),
    "rcccx": StandardGate(0, 4, _rc3x),
    "c3x": _under_controls("X", 3),
    "c4x": _under_controls("X", 4),
    "c3sx": _under_controls("SX", 3),
}


# OpenQASM 2: qelib1.inc of Cross et al., arXiv:1707.03429, and the gates that Qiskit's copy adds.
QELIB1: dict[str, StandardGate] = {
    name: STANDARD[name]
    for name in (
        "u3", "u2", "u1", "cx", "id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "rx", "ry", "rz", "cz", "cy", "ch",
        "ccx", "crz", "cu1", "cu3", "swap", "cswap", "crx", "cry", "rxx", "rzz", "u", "p", "sx", "sxdg", "cp", "csx",
        "cu", "rccx", "c3x", "c4x",
    )
}  # fmt: skip
QELIB1 |= {
    "u0": StandardGate(1, 1, lambda _, wires: [gate("I", wires)]),
    "rc3x": STANDARD["rcccx"],
    "c3sqrtx": STANDARD["c3sx"],
}


def _determinant_one(angles: Angles, wires: Wires) -> Gates:
    theta, phi, lam = angles
    return [gate("U3", wires, theta, phi, lam), global_phase((phi + lam) / -2)]


def _u2_determinant_one(angles: Angles, wires: Wires) -> Gates:
    phi, lam = angles
    return [gate("U3", wires, math.pi / 2, phi, lam), global_phase((phi + lam) / -2)]


# OpenQASM 3: stdgates.inc (Cross et al., ACM Trans. Quantum Comput. 3, 12 (2022)); u2 and u3 have determinant 1.
STDGATES: dict[str, StandardGate] = {
    name: STANDARD[name]
    for name in (
        "p", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "rx", "ry", "rz", "cx", "cy", "cz", "cp", "crx", "cry",
        "crz", "ch", "swap", "ccx", "cswap", "cu", "id", "u1",
    )
}  # fmt: skip
STDGATES |= {
    "CX": STANDARD["cx"],
    "phase": STANDARD["p"],
    "cphase": STANDARD["cp"],
    "u2": StandardGate(2, 1, _u2_determinant_one),
    "u3": StandardGate(3, 1, _determinant_one),
}


def builtin_u(angles: Angles, wires: Wires) -> Gates:
    """OpenQASM 3's ``U(theta, phi, lam)``: `U3` times ``exp(i theta / 2)``."""
    return [gate("U3", wires, *angles), global_phase(angles[0] / 2)]


# What the languages know without an include.
BUILTIN2: dict[str, StandardGate] = {"U": STANDARD["u3"], "CX": STANDARD["cx"]}
BUILTIN3: dict[str, StandardGate] = {"U": StandardGate(3, 1, builtin_u)}

# Gates of our own that no other reader knows: exp(-i/2 sum_s t_s P_s) with angles that are parameters.
EXTENSIONS: dict[str, StandardGate] = {"su2": _named("SU2", 1, 3), "su4": _named("SU4", 2, 15)}
