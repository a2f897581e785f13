"""Gates: what a circuit is made of, and the definition of every matrix.

Conventions. Qubit 0 is the first tensor axis, the most significant bit; for a gate on ``wires = (a, b, ...)`` wire
``a`` is the most significant bit of the gate's matrix. Rotations carry the half angle, ``R_P(t) = exp(-i t P / 2)``,
so their generator ``P / 2`` has eigenvalues +-1/2. Controls come before targets.

An *angle* is a number (fixed) or a `Param`, an affine function of one trainable parameter and one input::

    Circuit(2, [H(0), RX(0.3, 0), RY(Param(0), 0), RZ(2 * Param(0) + 0.1, 1), RX(Param(1) * Input(0), 1), CX(0, 1)])
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, SupportsIndex

import numpy as np

from circuits.gate_matrices import logarithm, matrix, pauli_matrix, pauli_strings
from circuits.ops import SIGNATURES, Angle, Input, Op, Param, Signature, checked_position, fixed

__all__ = [
    "CCX", "CH", "CP", "CRX", "CRY", "CRZ", "CSWAP", "CX", "CY", "CZ", "H", "I", "ISWAP", "P", "RX", "RXX", "RY",
    "RYY", "RZ", "RZZ", "S", "SDG", "SIGNATURES", "SU2", "SU4", "SWAP", "SX", "SXDG", "T", "TDG", "U3", "X", "Y", "Z",
    "Angle", "Input", "MultiControlledPhase", "Op", "Param", "PauliRotation", "Signature", "XXPlusYY", "fixed",
    "inverse", "logarithm", "matrix", "pauli_matrix", "pauli_strings", "unitary",
]  # fmt: skip


def _op(name: str, wires: Sequence[SupportsIndex], angles: Iterable[Angle] = (), pauli: str = "") -> Op:
    checked = tuple(
        [w if type(w) is int and w >= 0 else checked_position(w, f"{name}: a wire") for w in wires]
    )
    if len(set(checked)) != len(checked):
        raise ValueError(f"{name}: wires must differ, not {checked}")
    return Op(name, checked, tuple([a if isinstance(a, Param) else fixed(a) for a in angles]), pauli)


def _one(name: str, wire: SupportsIndex) -> Op:
    return _op(name, (wire,))


def _many_angles(name: str, angles: Iterable[Angle], wires: Sequence[SupportsIndex]) -> Op:
    expected = SIGNATURES[name].n_angles
    angles = tuple(angles)
    if len(angles) != expected:
        raise ValueError(f"{name} takes {expected} angles, not {len(angles)}")
    return _op(name, wires, angles)


# Fixed one-qubit gates.


def I(wire: SupportsIndex) -> Op:  # noqa: E743 - the standard name
    """Identity."""
    return _one("I", wire)


def X(wire: SupportsIndex) -> Op:
    """Pauli X."""
    return _one("X", wire)


def Y(wire: SupportsIndex) -> Op:
    """Pauli Y."""
    return _one("Y", wire)


def Z(wire: SupportsIndex) -> Op:
    """Pauli Z."""
    return _one("Z", wire)


def H(wire: SupportsIndex) -> Op:
    """Hadamard ``(X + Z) / sqrt 2``."""
    return _one("H", wire)


def S(wire: SupportsIndex) -> Op:
    """``diag(1, i)``."""
    return _one("S", wire)


def SDG(wire: SupportsIndex) -> Op:
    """``diag(1, -i)``, the inverse of S."""
    return _one("SDG", wire)


def T(wire: SupportsIndex) -> Op:
    """``diag(1, exp(i pi/4))``."""
    return _one("T", wire)


def TDG(wire: SupportsIndex) -> Op:
    """``diag(1, exp(-i pi/4))``, the inverse of T."""
    return _one("TDG", wire)


def SX(wire: SupportsIndex) -> Op:
    """Square root of X: ``exp(i pi/4) RX(pi/2)``."""
    return _one("SX", wire)


def SXDG(wire: SupportsIndex) -> Op:
    """Inverse of SX."""
    return _one("SXDG", wire)


# One-qubit gates with angles.


def RX(angle: Angle, wire: SupportsIndex) -> Op:
    """``exp(-i angle X / 2)``."""
    return _op("RX", (wire,), (angle,))


def RY(angle: Angle, wire: SupportsIndex) -> Op:
    """``exp(-i angle Y / 2)``."""
    return _op("RY", (wire,), (angle,))


def RZ(angle: Angle, wire: SupportsIndex) -> Op:
    """``exp(-i angle Z / 2)``."""
    return _op("RZ", (wire,), (angle,))


def P(angle: Angle, wire: SupportsIndex) -> Op:
    """Phase ``diag(1, exp(i angle))``."""
    return _op("P", (wire,), (angle,))


def U3(theta: Angle, phi: Angle, lam: Angle, wire: SupportsIndex) -> Op:
    """``[[cos(t/2), -e^{i lam} sin(t/2)], [e^{i phi} sin(t/2), e^{i(phi+lam)} cos(t/2)]]``, as in Qiskit."""
    return _op("U3", (wire,), (theta, phi, lam))


def SU2(angles: Iterable[Angle], wire: SupportsIndex) -> Op:
    """Any one-qubit unitary from its generator: ``exp(-i/2 (t0 X + t1 Y + t2 Z))``."""
    return _many_angles("SU2", angles, (wire,))


# Two qubits.


def CX(control: SupportsIndex, target: SupportsIndex) -> Op:
    """Controlled X (CNOT)."""
    return _op("CX", (control, target))


def CY(control: SupportsIndex, target: SupportsIndex) -> Op:
    """Controlled Y."""
    return _op("CY", (control, target))


def CZ(control: SupportsIndex, target: SupportsIndex) -> Op:
    """Controlled Z, ``diag(1, 1, 1, -1)``."""
    return _op("CZ", (control, target))


def CH(control: SupportsIndex, target: SupportsIndex) -> Op:
    """Controlled Hadamard."""
    return _op("CH", (control, target))


def SWAP(a: SupportsIndex, b: SupportsIndex) -> Op:
    """Exchange of two qubits."""
    return _op("SWAP", (a, b))


def ISWAP(a: SupportsIndex, b: SupportsIndex) -> Op:
    """``exp(i pi/4 (XX + YY))``: exchange with a factor i on ``|01>``, ``|10>``."""
    return _op("ISWAP", (a, b))


def CRX(angle: Angle, control: SupportsIndex, target: SupportsIndex) -> Op:
    """Controlled `RX`."""
    return _op("CRX", (control, target), (angle,))


def CRY(angle: Angle, control: SupportsIndex, target: SupportsIndex) -> Op:
    """Controlled `RY`."""
    return _op("CRY", (control, target), (angle,))


def CRZ(angle: Angle, control: SupportsIndex, target: SupportsIndex) -> Op:
    """Controlled `RZ`."""
    return _op("CRZ", (control, target), (angle,))


def CP(angle: Angle, control: SupportsIndex, target: SupportsIndex) -> Op:
    """Controlled phase, ``diag(1, 1, 1, exp(i angle))``."""
    return _op("CP", (control, target), (angle,))


def RXX(angle: Angle, a: SupportsIndex, b: SupportsIndex) -> Op:
    """``exp(-i angle XX / 2)``."""
    return _op("RXX", (a, b), (angle,))


def RYY(angle: Angle, a: SupportsIndex, b: SupportsIndex) -> Op:
    """``exp(-i angle YY / 2)``."""
    return _op("RYY", (a, b), (angle,))


def RZZ(angle: Angle, a: SupportsIndex, b: SupportsIndex) -> Op:
    """``exp(-i angle ZZ / 2)``."""
    return _op("RZZ", (a, b), (angle,))


def XXPlusYY(angle: Angle, a: SupportsIndex, b: SupportsIndex) -> Op:
    """``exp(-i angle (XX + YY) / 4)``, Qiskit's XXPlusYYGate(angle, beta=0); ``angle = -pi`` is `ISWAP`."""
    return _op("XXPLUSYY", (a, b), (angle,))


def SU4(angles: Iterable[Angle], a: SupportsIndex, b: SupportsIndex) -> Op:
    """Any two-qubit unitary from its generator: ``exp(-i/2 sum_s t_s P_s)``, s in IX, IY, IZ, XI, XX, ..., ZZ."""
    return _many_angles("SU4", angles, (a, b))


# Three qubits and more.


def CCX(control: SupportsIndex, second_control: SupportsIndex, target: SupportsIndex) -> Op:
    """Toffoli."""
    return _op("CCX", (control, second_control, target))


def CSWAP(control: SupportsIndex, a: SupportsIndex, b: SupportsIndex) -> Op:
    """Fredkin: controlled SWAP."""
    return _op("CSWAP", (control, a, b))


def PauliRotation(angle: Angle, pauli: str, wires: Sequence[SupportsIndex]) -> Op:
    """``exp(-i angle P / 2)`` for a Pauli string of any weight, one letter per wire. Letters I are left out.

    Raises:
        ValueError: for a letter other than I, X, Y, Z, a length that is not the number of wires, or no letter but I.
    """
    wires = tuple(wires)
    if not set(pauli) <= set("IXYZ"):
        raise ValueError(f"a Pauli string has the letters I, X, Y, Z, not {pauli!r}")
    if len(pauli) != len(wires):
        raise ValueError(f"Pauli string {pauli!r} needs {len(pauli)} wires, not {len(wires)}")
    checked = _op("PAULIROT", wires, (angle,), pauli)
    keep = [k for k, letter in enumerate(pauli) if letter != "I"]
    if not keep:
        raise ValueError(
            f"a rotation about the Pauli string {pauli!r} is a global phase; give a letter X, Y or Z"
        )
    return checked._replace(
        wires=tuple(checked.wires[k] for k in keep), pauli="".join(pauli[k] for k in keep)
    )


def MultiControlledPhase(angle: Angle, wires: Sequence[SupportsIndex]) -> Op:
    """Phase ``exp(i angle)`` on the state in which all wires are 1: `P` with any number of controls."""
    wires = tuple(wires)
    if not wires:
        raise ValueError("MultiControlledPhase needs at least one wire")
    return _op("MCP", wires, (angle,))


def unitary(matrix: Any, *wires: SupportsIndex) -> Op:
    """A fixed unitary on one or two qubits, up to a global phase, as an SU2 or SU4 gate with fixed angles.

    Args:
        matrix: unitary, shape (2, 2) or (4, 4).
        wires: one or two wires, the first the most significant bit of ``matrix``.

    Raises:
        ValueError: if the matrix is not unitary or its size does not fit the wires.
    """
    matrix = np.asarray(matrix)
    if len(wires) not in (1, 2) or matrix.shape != (2 ** len(wires),) * 2:
        raise ValueError(
            f"unitary takes a 2x2 matrix and one wire or 4x4 and two, not {matrix.shape} and {len(wires)}"
        )
    return _op("SU2" if len(wires) == 1 else "SU4", wires, [float(t) for t in logarithm(matrix)])


def inverse(op: Op) -> Op:
    """The inverse of a gate, itself a gate of the set, exactly (no global phase)."""
    match op.name:
        case "S" | "T" | "SX":
            return op._replace(name=op.name + "DG")
        case "SDG" | "TDG" | "SXDG":
            return op._replace(name=op.name[:-2])
        case "ISWAP":
            return Op("XXPLUSYY", op.wires, (fixed(math.pi),))
        case "U3":
            theta, phi, lam = op.angles
            return op._replace(angles=(-theta, -lam, -phi))
        case _:
            return op._replace(angles=tuple([-angle for angle in op.angles])) if op.angles else op
