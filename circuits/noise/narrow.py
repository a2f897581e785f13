"""Every gate as gates on one or two wires, up to a global phase, which density matrices do not have."""

from __future__ import annotations

import math

from circuits import gates
from circuits.ops import Op, Param

WIDEST_PHASE = 12
"""Wires of a multi-controlled phase in a noisy circuit: the number of gates doubles with each."""


def narrow(op: Op) -> list[Op]:
    """Gates on at most two wires with the product ``op``, up to a global phase.

    A rotation about a Pauli string of weight w takes ``2 (w - 1)`` CX. A phase on m wires is the exact product of
    ``2^m - 1`` rotations about Z strings, in Gray order.

    Raises:
        ValueError: a phase on more than `WIDEST_PHASE` wires.
    """
    if len(op.wires) <= 2:
        return [op]
    match op.name:
        case "CCX":
            return [gates.H(op.wires[2]), *_phase(gates.fixed(math.pi), op.wires), gates.H(op.wires[2])]
        case "CSWAP":
            control, a, b = op.wires
            return [gates.CX(b, a), *narrow(gates.CCX(control, a, b)), gates.CX(b, a)]
        case "PAULIROT":
            return _string_rotation(op)
        case "MCP":
            return _phase(op.angles[0], op.wires)
    raise NotImplementedError(f"{op.name} on {len(op.wires)} wires has no form on two")


def _string_rotation(op: Op) -> list[Op]:
    before: list[Op] = []
    after: list[Op] = []
    for letter, q in zip(op.pauli, op.wires, strict=True):  # P = V Z V'
        if letter == "X":
            before += [gates.H(q)]
            after += [gates.H(q)]
        elif letter == "Y":
            before += [gates.SDG(q), gates.H(q)]
            after += [gates.H(q), gates.S(q)]
    ladder = [gates.CX(a, b) for a, b in zip(op.wires[:-1], op.wires[1:], strict=True)]
    turn = gates.RZ(op.angles[0], op.wires[-1])
    return [*before, *ladder, turn, *reversed(ladder), *after]


def _phase(angle: Param, wires: tuple[int, ...]) -> list[Op]:
    """``exp(i a prod_q b_q)`` with ``b = (1 - Z)/2``: for every non-empty set S, ``exp(i a (-1)^|S| 2^-m Z_S)``."""
    m = len(wires)
    if m > WIDEST_PHASE:
        raise ValueError(f"a phase on {m} wires is too wide for a noisy circuit: at most {WIDEST_PHASE}")
    ops: list[Op] = []
    for t, target in enumerate(wires):
        # all sets whose last wire is the target: Gray order changes one of the earlier wires at a time
        for step in range(1 << t):
            members = (step ^ (step >> 1)).bit_count() + 1
            ops.append(gates.RZ(angle * (2.0 ** (1 - m) * (-1.0) ** (members + 1)), target))
            if t:
                following = (step + 1) % (1 << t)
                changed = (step ^ (step >> 1)) ^ (following ^ (following >> 1))
                ops.append(gates.CX(wires[changed.bit_length() - 1], target))
    return ops
