r"""Circuits to and from ``quimb.tensor.Circuit`` (``pip install qgeom[quimb]``).

Qubit 0 is the most significant in both. quimb holds numbers: a gate that was made with ``parametrize=True`` comes in
with parameters of its own, all others fixed; gates known by their matrix come in as SU2 or SU4 (a global phase is
dropped). On the way out parameters get their values and are marked ``parametrize=True``.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import quimb.tensor as qtn

from circuits import gates
from circuits.circuit import Circuit
from circuits.gates import Op, Param

_FIXED = {
    "IDEN": "I", "H": "H", "X": "X", "Y": "Y", "Z": "Z", "S": "S", "SDG": "SDG", "T": "T", "TDG": "TDG", "SX": "SX",
    "SXDG": "SXDG", "CNOT": "CX", "CX": "CX", "CY": "CY", "CZ": "CZ", "SWAP": "SWAP", "ISWAP": "ISWAP", "IS": "ISWAP",
    "CCX": "CCX", "CCNOT": "CCX", "TOFFOLI": "CCX", "CSWAP": "CSWAP", "FREDKIN": "CSWAP",
}  # fmt: skip
_ANGLED = {
    "RX": "RX", "RY": "RY", "RZ": "RZ", "U1": "P", "PHASE": "P", "U3": "U3", "RXX": "RXX", "RYY": "RYY", "RZZ": "RZZ",
    "CRX": "CRX", "CRY": "CRY", "CRZ": "CRZ", "CU1": "CP", "CPHASE": "CP",
}  # fmt: skip
_OUT = {**{name: name for name in (
    "I", "H", "X", "Y", "Z", "S", "SDG", "T", "TDG", "SX", "SXDG", "RX", "RY", "RZ", "U3", "CX", "CY", "CZ", "SWAP",
    "ISWAP", "CCX", "CSWAP", "RXX", "RYY", "RZZ", "CRX", "CRY", "CRZ",
)}, "I": "IDEN", "P": "PHASE", "CP": "CPHASE"}  # fmt: skip


def from_quimb_circuit(circuit: qtn.Circuit) -> Circuit:
    """The gates of a quimb circuit; those made with ``parametrize=True`` have parameters, in the order of the gates.

    Raises:
        ValueError: a gate on three qubits or more that is not of the gate set; it is named with its position.
    """
    counter = itertools.count()
    ops = [_op(gate, k, counter) for k, gate in enumerate(circuit.gates)]
    return Circuit(int(circuit.N or 0), ops)


def _op(gate: Any, position: int, counter: itertools.count[int]) -> Op:
    label, wires = str(gate.label).upper(), tuple(int(q) for q in gate.qubits)
    controls = tuple(int(q) for q in gate.controls or ())
    angles = [float(v) for v in np.ravel(gate.params)] if label in _ANGLED else []
    if not controls and label in _FIXED:
        return Op(_FIXED[label], wires)
    if not controls and label in _ANGLED:
        make: Callable[[float], Param] = (lambda _: Param(next(counter))) if gate.parametrize else gates.fixed
        return Op(_ANGLED[label], wires, tuple(make(v) for v in angles))
    if gate.parametrize:
        raise ValueError(
            f"gate {position}, {label} on {wires}: only single rotations, phases and U3 keep parameters; "
            "make it without parametrize=True, or build it from these"
        )
    if label == "X" and len(controls) == 2:
        return gates.CCX(*controls, wires[0])
    matrix = np.asarray(gate.array).reshape(2 ** len(wires), -1)
    for _ in controls:
        matrix = np.block([[np.eye(len(matrix)), np.zeros_like(matrix)], [np.zeros_like(matrix), matrix]])
    if len(controls) + len(wires) > 2:
        raise ValueError(
            f"gate {position}, {label} on {(*controls, *wires)}, has no counterpart in the gate set; take it apart "
            "into gates on one and two qubits"
        )
    return gates.unitary(matrix, *controls, *wires)


def to_quimb_circuit(circuit: Circuit, theta: Any = None, x: Any = None) -> qtn.Circuit:
    """The circuit at theta as a ``quimb.tensor.Circuit``.

    Args:
        circuit: the circuit.
        theta: parameters, (P,); may be left out where there are none.
        x: classical input, where the circuit takes one.

    Raises:
        ValueError: parameters are missing or have a wrong shape.
    """
    if theta is None and circuit.n_parameters:
        raise ValueError(f"quimb holds numbers: give theta, {circuit.n_parameters} parameters")
    values = circuit.angles(jnp.zeros(0) if theta is None else jnp.asarray(theta), x)
    angles = iter(np.asarray(values, dtype=np.float64).tolist())
    out = qtn.Circuit(circuit.n_qubits)
    for op in circuit.ops:
        own = [next(angles) for _ in op.angles]
        free = not op.is_fixed
        if op.name in _OUT and op.angles:
            out.apply_gate(_OUT[op.name], *own, *op.wires, parametrize=free)
        elif op.name in _OUT:
            out.apply_gate(_OUT[op.name], *op.wires)
        else:
            out.apply_gate_raw(np.asarray(gates.matrix(op, np.asarray(own))), op.wires)
    return out
