"""PennyLane's operators in terms of this package's gates, and back (``pip install qgeom[pennylane]``).

Both use half angles and put qubit 0 first, so most gates differ in name only. What differs: PennyLane's
``IsingXY(t) = exp(i t (XX + YY) / 4)`` turns the other way than `XXPlusYY`, and its
``SpecialUnitary(t) = exp(i sum_s t_s P_s)`` has no factor ``-1/2``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pennylane
from pennylane.operation import Operator

from circuits.ops import Op

qp: Any = pennylane  # its names carry no types


class GateCall(NamedTuple):
    """One gate with the values of its angles, which may be traced or have a batch axis.

    ``name`` is one of `circuits.ops.SIGNATURES`, or `GLOBAL_PHASE`: the factor ``exp(-i angle)``, on no wire.
    """

    name: str
    wires: tuple[Any, ...]
    angles: tuple[Any, ...] = ()
    pauli: str = ""


GLOBAL_PHASE = "GPHASE"


class FixedAngle(float):
    """An angle that makes the gate what it is, such as the pi of a controlled Z: no parameter of the operator."""


_PI = FixedAngle(math.pi)

_FIXED = {
    "PauliX": "X",
    "PauliY": "Y",
    "PauliZ": "Z",
    "Hadamard": "H",
    "S": "S",
    "Adjoint(S)": "SDG",
    "T": "T",
    "Adjoint(T)": "TDG",
    "SX": "SX",
    "Adjoint(SX)": "SXDG",
    "CNOT": "CX",
    "CY": "CY",
    "CZ": "CZ",
    "CH": "CH",
    "SWAP": "SWAP",
    "ISWAP": "ISWAP",
    "Toffoli": "CCX",
    "CSWAP": "CSWAP",
}
_ROTATIONS = {
    "RX": "RX",
    "RY": "RY",
    "RZ": "RZ",
    "PhaseShift": "P",
    "U1": "P",
    "CRX": "CRX",
    "CRY": "CRY",
    "CRZ": "CRZ",
    "ControlledPhaseShift": "CP",
    "IsingXX": "RXX",
    "IsingYY": "RYY",
    "IsingZZ": "RZZ",
}
# Markers without an effect on the state.
_MARKERS = frozenset(("Barrier", "Snapshot", "WireCut"))

TRANSLATED_NAMES = frozenset(
    (
        *_FIXED, *_ROTATIONS, *_MARKERS, "Identity", "GlobalPhase", "IsingXY", "Rot", "U2", "U3", "MultiRZ", "PauliRot",
        "Adjoint(ISWAP)", "CCZ", "MultiControlledX", "C(PhaseShift)", "C(PauliZ)", "C(GlobalPhase)",
    )
)  # fmt: skip
"""Names of the operators that `translated` always knows; SpecialUnitary is known on one and two wires."""


def translated(op: Any) -> tuple[GateCall, ...] | None:
    """The gates of an operator, in order, on its own wire labels; None where it has to be decomposed first.

    Exact, global phase included.
    """
    name, wires = op.name, tuple(op.wires)
    if name in _FIXED:
        return (GateCall(_FIXED[name], wires),)
    if name in _ROTATIONS:
        return (GateCall(_ROTATIONS[name], wires, (op.data[0],)),)
    if name in _MARKERS:
        return ()
    if name == "SpecialUnitary" and len(wires) <= 2:
        coordinates = op.data[0]
        angles = tuple([-2.0 * coordinates[..., j] for j in range(4 ** len(wires) - 1)])
        return (GateCall("SU2" if len(wires) == 1 else "SU4", wires, angles),)
    return _translated_others(op, name, wires)


def _translated_others(op: Any, name: str, wires: tuple[Any, ...]) -> tuple[GateCall, ...] | None:
    data = op.data
    match name:
        case "Identity":
            return tuple([GateCall("I", (w,)) for w in wires])
        case "GlobalPhase":
            return (GateCall(GLOBAL_PHASE, (), (data[0],)),)
        case "IsingXY":
            return (GateCall("XXPLUSYY", wires, (-data[0],)),)
        case "Adjoint(ISWAP)":
            return (GateCall("XXPLUSYY", wires, (_PI,)),)
        case "Rot":
            return tuple([GateCall(n, wires, (a,)) for n, a in zip(("RZ", "RY", "RZ"), data, strict=True)])
        case "U2":
            return (GateCall("U3", wires, (FixedAngle(0.5 * math.pi), data[0], data[1])),)
        case "U3":
            return (GateCall("U3", wires, tuple(data)),)
        case "MultiRZ":
            return (GateCall("PAULIROT", wires, (data[0],), "Z" * len(wires)),)
        case "PauliRot":
            word = op.hyperparameters["pauli_word"]
            kept = [(w, letter) for w, letter in zip(wires, word, strict=True) if letter != "I"]
            if not kept:
                return (GateCall(GLOBAL_PHASE, (), (0.5 * data[0],)),)
            on, letters = zip(*kept, strict=True)
            return (GateCall("PAULIROT", on, (data[0],), "".join(letters)),)
        case "CCZ":
            return (GateCall("MCP", wires, (_PI,)),)
        case "MultiControlledX":
            controls, target = wires[:-1], wires[-1]
            flip = GateCall("H", (target,))
            phase = _controlled_phase(_PI, controls, op.control_values, (target,))
            return (flip, *phase, flip)
        case "C(PhaseShift)" | "C(PauliZ)":
            angle = data[0] if name == "C(PhaseShift)" else _PI
            return _controlled_phase(angle, op.control_wires, op.control_values, op.target_wires)
        case "C(GlobalPhase)":
            return _controlled_phase(-data[0], op.control_wires, op.control_values, ())
    return None


def _controlled_phase(
    angle: Any, controls: Iterable[Any], values: Sequence[Any], targets: Iterable[Any]
) -> tuple[GateCall, ...]:
    """The phase ``exp(i angle)`` where the controls have their values and the targets are 1."""
    controls = tuple(controls)
    flips = tuple([GateCall("X", (w,)) for w, value in zip(controls, values, strict=True) if not value])
    return (*flips, GateCall("MCP", (*controls, *targets), (angle,)), *flips)


_OPERATORS: dict[str, Any] = {
    "X": qp.PauliX,
    "Y": qp.PauliY,
    "Z": qp.PauliZ,
    "H": qp.Hadamard,
    "S": qp.S,
    "T": qp.T,
    "SX": qp.SX,
    "CX": qp.CNOT,
    "CY": qp.CY,
    "CZ": qp.CZ,
    "CH": qp.CH,
    "SWAP": qp.SWAP,
    "ISWAP": qp.ISWAP,
    "CCX": qp.Toffoli,
    "CSWAP": qp.CSWAP,
    "I": qp.Identity,
    "RX": qp.RX,
    "RY": qp.RY,
    "RZ": qp.RZ,
    "P": qp.PhaseShift,
    "U3": qp.U3,
    "CRX": qp.CRX,
    "CRY": qp.CRY,
    "CRZ": qp.CRZ,
    "CP": qp.ControlledPhaseShift,
    "RXX": qp.IsingXX,
    "RYY": qp.IsingYY,
    "RZZ": qp.IsingZZ,
}


def operator(op: Op, angles: Sequence[Any]) -> Operator:
    """The PennyLane operator of a gate at given angles; made in a quantum function, it is queued."""
    name, wires = op.name, list(op.wires)
    if name in _OPERATORS:
        return _OPERATORS[name](*angles, wires=wires)
    match name:
        case "SDG" | "TDG" | "SXDG":
            return qp.adjoint(_OPERATORS[name[:-2]])(wires=wires)
        case "XXPLUSYY":
            return qp.IsingXY(-angles[0], wires=wires)
        case "SU2" | "SU4":
            return qp.SpecialUnitary(-0.5 * qp.math.stack(list(angles)), wires=wires)
        case "PAULIROT":
            return qp.PauliRot(angles[0], op.pauli, wires=wires)
        case "MCP":
            if len(wires) == 1:
                return qp.PhaseShift(angles[0], wires=wires)
            return qp.ctrl(qp.PhaseShift, control=wires[:-1])(angles[0], wires=wires[-1])
    raise ValueError(f"gate {name} has no counterpart in PennyLane; this is a gap in to_pennylane")
