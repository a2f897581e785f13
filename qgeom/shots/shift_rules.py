r"""Derivatives from shifted angles: which shifts, with which weights, for every gate.

Where a gate is ``exp(-i phi G)`` and the differences of eigenvalues of G are only 0 and 1, every expectation value is
``a + b cos phi + c sin phi`` in phi, so that (Schuld et al., PRA 99, 032331 (2019))

    f'(phi) = [f(phi + pi/2) - f(phi - pi/2)] / 2.

Controlled rotations and XX+YY have the differences 0, 1/2, 1 and need four shifts (Anselmetti et al., New J. Phys. 23,
113010 (2021)):

    f'(phi) = c_+ [f(phi + pi/2) - f(phi - pi/2)] - c_- [f(phi + 3pi/2) - f(phi - 3pi/2)],
    c_+- = (sqrt 2 +- 1) / (4 sqrt 2).

The generators of SU2 and SU4 do not commute with their derivatives: no finite rule holds; they are refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Array

from circuits.circuit import Circuit
from circuits.gates import Op, Param, fixed

_QUARTER = math.pi / 2
_ROOT = math.sqrt(2.0)

TWO_TERMS = ((_QUARTER, 0.5), (-_QUARTER, -0.5))
_NEAR, _FAR = (_ROOT + 1.0) / (4.0 * _ROOT), (_ROOT - 1.0) / (4.0 * _ROOT)
FOUR_TERMS = ((_QUARTER, _NEAR), (-_QUARTER, -_NEAR), (3.0 * _QUARTER, -_FAR), (-3.0 * _QUARTER, _FAR))
"""(shift, weight) of the two rules."""

TWO_TERM_GATES = frozenset(("RX", "RY", "RZ", "P", "U3", "CP", "RXX", "RYY", "RZZ", "PAULIROT", "MCP"))
FOUR_TERM_GATES = frozenset(("CRX", "CRY", "CRZ", "XXPLUSYY"))


def shift_rule(op: Op) -> tuple[tuple[float, float], ...]:
    """(shift, weight) of each term of the derivative by an angle of a gate.

    Raises:
        ValueError: for SU2 and SU4, which have none.
    """
    if op.name in TWO_TERM_GATES:
        return TWO_TERMS
    if op.name in FOUR_TERM_GATES:
        return FOUR_TERMS
    raise ValueError(
        f"{op.name} on {op.wires} has no parameter-shift rule: its generator changes with its angles; "
        "build it from rotations (RZ RY RZ, RXX RYY RZZ)"
    )


@dataclass(frozen=True, eq=False)
class Occurrence:
    """A place where a parameter enters: ``d angle / d theta[parameter] = factor``."""

    gate: int
    """Position of the gate in the circuit."""
    angle: int
    """Position of the angle among all angles."""
    parameter: int
    factor: float
    rule: tuple[tuple[float, float], ...]


def occurrences(circuit: Circuit, x: Array | None = None) -> tuple[Occurrence, ...]:
    """Every place where a parameter enters a circuit, in order; an input x scales where it multiplies a parameter.

    Raises:
        ValueError: a parameter in a gate without a rule, or a missing input.
    """
    if circuit.n_inputs and x is None:
        raise ValueError(f"the circuit takes an input of length {circuit.n_inputs}: give x")
    found, position = [], 0
    for k, op in enumerate(circuit.ops):
        for angle in op.angles:
            if angle.index is not None:
                factor = angle.scale * (1.0 if angle.input is None or x is None else float(x[angle.input]))
                found.append(Occurrence(k, position, angle.index, factor, shift_rule(op)))
            position += 1
    return tuple(found)


def of_angles(circuit: Circuit) -> Circuit:
    """The same gates with every angle, fixed ones too, a parameter of its own: its theta are the angles, in order."""
    ops, position = [], 0
    for op in circuit.ops:
        ops.append(op._replace(angles=tuple(Param(position + k) for k in range(len(op.angles)))))
        position += len(op.angles)
    return Circuit(circuit.n_qubits, ops)


def bound(circuit: Circuit, angles: Any) -> Circuit:
    """The same gates with these numbers as angles."""
    values, ops, position = np.asarray(angles, dtype=np.float64), [], 0
    for op in circuit.ops:
        own = values[position : position + len(op.angles)]
        ops.append(op._replace(angles=tuple(fixed(v) for v in own)))
        position += len(op.angles)
    return Circuit(circuit.n_qubits, ops)
