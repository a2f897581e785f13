"""Gates with controls, inverses and powers, exact with their phase: what is a global phase becomes one under a control.

Here a gate may also be ``GPHASE(angle)`` on no wires, the factor ``exp(i angle)``. Every function takes and gives
lists of `SymbolicGate` of the gate set and GPHASE, in the order in which they act.

A rotation under k controls is a phase on the controls beside one on the controls and the target,
``C^k RZ(t) = C^(k-1) P(-t/2) C^k P(t)`` (Barenco et al., Phys. Rev. A 52, 3457 (1995), section 5), and every Pauli
rotation is an RZ between gates of Clifford type that need no control.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from circuits.convert.assembled import ADDITIVE, SymbolicGate, gate
from circuits.convert.expressions import Expression, Operand, expression
from circuits.convert.two_qubit import euler_angles, two_qubit_gates
from circuits.gate_matrices import matrix
from circuits.ops import SIGNATURES, Op

GPHASE = "GPHASE"

Gates = list[SymbolicGate]

# Gates that are others under one control, on the first wire.
_BASE = {"CX": "X", "CY": "Y", "CZ": "Z", "CH": "H", "CRX": "RX", "CRY": "RY", "CRZ": "RZ", "CSWAP": "SWAP"}
_WITH_ONE_CONTROL = {base: name for name, base in _BASE.items()}
# Phases on the last basis state.
_PHASES = {"Z": math.pi, "S": math.pi / 2, "SDG": -math.pi / 2, "T": math.pi / 4, "TDG": -math.pi / 4}
_INVERSE = {"S": "SDG", "SDG": "S", "T": "TDG", "TDG": "T", "SX": "SXDG", "SXDG": "SX"}
_PAULI = {"RX": "X", "RY": "Y", "RZ": "Z", "RXX": "XX", "RYY": "YY", "RZZ": "ZZ"}


def global_phase(angle: Operand) -> SymbolicGate:
    """The factor ``exp(i angle)``."""
    return gate(GPHASE, (), angle)


def phase(angle: Operand, wires: Sequence[int]) -> SymbolicGate:
    """The factor ``exp(i angle)`` where all wires are 1: GPHASE, P, CP or MCP by their number."""
    return gate((GPHASE, "P", "CP")[len(wires)] if len(wires) < 3 else "MCP", wires, angle)


def without_global_phase(gates: Iterable[SymbolicGate]) -> Gates:
    """The gates that act on a ray."""
    return [g for g in gates if g.name != GPHASE]


def controlled(gates: Iterable[SymbolicGate], controls: Sequence[int]) -> Gates:
    """The gates, acting where all ``controls`` are 1.

    Raises:
        ValueError: an SU2 or SU4 whose angles are not numbers.
    """
    controls = tuple(controls)
    return [each for g in gates for each in (_controlled(g, controls) if controls else [g])]


def negated(gates: Iterable[SymbolicGate], wires: Iterable[int]) -> Gates:
    """The gates between X gates on ``wires``: controls there act on 0 instead of 1."""
    flips = [gate("X", (w,)) for w in wires]
    return [*flips, *gates, *flips]


def inverted(gates: Iterable[SymbolicGate]) -> Gates:
    """The inverses in reverse order."""
    return [_inverse(g) for g in reversed(list(gates))]


def _inverse(g: SymbolicGate) -> SymbolicGate:
    if g.name == "ISWAP":
        return gate("XXPLUSYY", g.wires, math.pi)
    if g.name == "U3":
        theta, phi, lam = g.angles
        return g._replace(angles=(-theta, -lam, -phi))
    return g._replace(name=_INVERSE.get(g.name, g.name), angles=tuple([-angle for angle in g.angles]))


def root(gates: Sequence[SymbolicGate], exponent: float) -> Gates:
    """One gate to a real power: its angle times the exponent, or the principal power of a matrix on one or two wires.

    ``U^r = exp(r ln U)``, eigenphases in (-pi, pi]. Rotations and phases are scaled whatever their angle: the power
    that tends to the identity with the angle.

    Raises:
        ValueError: more than one gate, or a gate of three or more wires or with symbolic angles that is no rotation.
    """
    gates = [g for g in gates if g.name != "I"]
    if (
        all(g.name == GPHASE or g.name in ADDITIVE for g in gates)
        and sum(g.name != GPHASE for g in gates) <= 1
    ):
        return [g._replace(angles=(g.angles[0] * exponent,)) for g in gates]
    if len(gates) == 1 and (gates[0].name in _PHASES or gates[0].name == "CZ"):
        return [phase(_PHASES.get(gates[0].name, math.pi) * exponent, gates[0].wires)]
    wires = tuple(dict.fromkeys(w for g in gates for w in g.wires))
    numbers = all(angle.number is not None for g in gates for angle in g.angles)
    if len(wires) > 2 or not numbers or len(gates) > 64:
        raise ValueError(
            "a power that is no integer needs a rotation, or a gate on one or two qubits with numbers as angles"
        )
    return of_matrix(_principal_power(_matrix(gates, wires), exponent), wires)


def of_matrix(unitary: np.ndarray, wires: Sequence[int]) -> Gates:
    """A unitary on one or two wires, exactly: a U3 and a phase, or up to three interactions between U3 gates."""
    if len(wires) == 1:
        theta, phi, lam, turn = euler_angles(unitary)
        return [gate("U3", wires, theta, phi, lam), global_phase(turn)]
    gates, turn = two_qubit_gates(unitary, (wires[0], wires[1]))
    return [*gates, global_phase(turn)]


def numeric_gates(g: SymbolicGate) -> Gates:
    """An SU2 or SU4 whose angles are numbers as U3, RXX, RYY, RZZ and a phase."""
    return of_matrix(_matrix([g], g.wires), g.wires)


def _matrix(gates: Sequence[SymbolicGate], wires: tuple[int, ...]) -> np.ndarray:
    dim = 2 ** len(wires)
    total = np.eye(dim, dtype=complex)
    for g in gates:
        values = [angle.number or 0.0 for angle in g.angles]
        if g.name == GPHASE:
            total = np.exp(1j * values[0]) * total
            continue
        one = np.asarray(matrix(Op(g.name, g.wires, pauli=g.pauli), np.asarray(values, np.float64)), complex)
        if len(g.wires) < len(wires):
            other = np.eye(2)
            one = np.kron(one, other) if g.wires[0] == wires[0] else np.kron(other, one)
        elif g.wires != wires:
            one = one.reshape(2, 2, 2, 2).transpose(1, 0, 3, 2).reshape(4, 4)
        total = one @ total
    return total


def _principal_power(unitary: np.ndarray, exponent: float) -> np.ndarray:
    """By the Hermitian parts of a normal matrix, which share its eigenvectors."""
    values, vectors = np.linalg.eig(unitary)
    # A normal matrix: a QR factorisation makes the vectors of equal eigenvalues orthogonal without mixing the others.
    order = np.argsort(np.angle(values))
    vectors, _ = np.linalg.qr(vectors[:, order])
    angles = np.angle(np.einsum("ki,kl,li->i", vectors.conj(), unitary, vectors))
    angles = np.where(angles < -math.pi + 1e-12, math.pi, angles)  # -1 has the principal root exp(i pi r)
    return (vectors * np.exp(1j * exponent * angles)) @ vectors.conj().T


def _controlled(g: SymbolicGate, controls: tuple[int, ...]) -> Gates:
    wires, name = g.wires, g.name
    if name in _BASE:
        return _controlled(g._replace(name=_BASE[name], wires=wires[1:]), (*controls, wires[0]))
    if name == "CCX":
        return _controlled(gate("X", wires[2:]), (*controls, *wires[:2]))
    if len(controls) == 1 and name in _WITH_ONE_CONTROL:
        return [g._replace(name=_WITH_ONE_CONTROL[name], wires=(*controls, *wires))]
    if len(controls) == 2 and name == "X":
        return [gate("CCX", (*controls, *wires))]
    if name in (GPHASE, "P", "CP", "MCP"):
        return [phase(g.angles[0], (*controls, *wires))]
    if name in _PHASES:
        return [phase(_PHASES[name], (*controls, *wires))]
    if name in _PAULI:
        return _pauli_rotation(g.angles[0], _PAULI[name], wires, controls)
    match name:
        case "I":
            return []
        case "X" | "SX" | "SXDG":
            turn = {"X": math.pi, "SX": math.pi / 2, "SXDG": -math.pi / 2}[name]
            return [gate("H", wires), phase(turn, (*controls, *wires)), gate("H", wires)]
        case "Y":
            return [gate("SDG", wires), *_controlled(gate("X", wires), controls), gate("S", wires)]
        case "H":
            return [
                gate("RY", wires, -math.pi / 4),
                phase(math.pi, (*controls, *wires)),
                gate("RY", wires, math.pi / 4),
            ]
        case "SWAP":
            a, b = wires
            return [gate("CX", (b, a)), *_controlled(gate("X", (b,)), (*controls, a)), gate("CX", (b, a))]
        case "ISWAP":
            return _controlled(gate("XXPLUSYY", wires, -math.pi), controls)
        case "XXPLUSYY":
            half = g.angles[0] / 2
            return [each for pauli in ("XX", "YY") for each in _pauli_rotation(half, pauli, wires, controls)]
        case "PAULIROT":
            return _pauli_rotation(g.angles[0], g.pauli, wires, controls)
        case "U3":
            theta, phi, lam = g.angles
            parts = [
                gate("RZ", wires, lam),
                gate("RY", wires, theta),
                gate("RZ", wires, phi),
                global_phase((phi + lam) / 2),
            ]
            return controlled(parts, controls)
        case "SU2" | "SU4":
            if any(angle.number is None for angle in g.angles):
                raise ValueError(f"{name} takes controls only where its angles are numbers")
            return controlled(numeric_gates(g), controls)
    raise ValueError(f"unknown gate {name!r}; the gate set is {', '.join(SIGNATURES)}")


def _pauli_rotation(
    angle: Expression, pauli: str, wires: tuple[int, ...], controls: tuple[int, ...]
) -> Gates:
    """``exp(-i angle P / 2)`` under controls, by turning P to Z on the last wire."""
    if len(wires) == 1 and len(controls) == 1:
        return [gate(f"CR{pauli}", (*controls, *wires), angle)]
    before: Gates = []
    for letter, w in zip(pauli, wires, strict=True):
        if letter == "Y":
            before.append(gate("SDG", (w,)))
        if letter != "Z":
            before.append(gate("H", (w,)))
    before += [gate("CX", pair) for pair in itertools.pairwise(wires)]
    last = wires[-1:]
    half = expression(angle) / -2
    if not controls:
        inside = [gate("RZ", last, angle)]
    elif len(controls) == 1:
        inside = [gate("CRZ", (*controls, *last), angle)]
    else:
        inside = [phase(angle, (*controls, *last)), phase(half, controls)]
    return [*before, *inside, *inverted(before)]


def elementary_rotation(g: SymbolicGate) -> Gates:
    """A PAULIROT, RXX, RYY or RZZ as Clifford gates around one RZ."""
    return _pauli_rotation(g.angles[0], g.pauli or _PAULI[g.name], g.wires, ())
