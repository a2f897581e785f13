r"""A rotation about a Pauli string as gates on few qubits.

``exp(-i t/2 P)`` with P on k qubits becomes ``L^dagger exp(-i t/2 P') L``: basis changes V turn the letters of the
first qubits into Z (H for X, SX for Y), and a ladder of CX, ``CX_{ab} Z_a Z_b CX_{ab} = Z_b``, takes them out of the
string one after the other (Nielsen and Chuang, section 4.7.3). With ``max_weight`` qubits left, P' is one gate:
``2 (k - max_weight)`` CX in all.
"""

from __future__ import annotations

import itertools

from circuits.gates import CX, SX, H, Op, PauliRotation, inverse
from circuits.ops import Param

_NAMED = {"X": "RX", "Y": "RY", "Z": "RZ", "XX": "RXX", "YY": "RYY", "ZZ": "RZZ"}


def rotation_gates(string: str, angle: Param, max_weight: int | None = 2) -> list[Op]:
    """``exp(-i angle P / 2)`` with gates on at most ``max(max_weight, 2)`` qubits.

    Args:
        string: Pauli string, one letter per qubit, not all I.
        angle: The angle, a parameter or a fixed number.
        max_weight: Most qubits of the rotation itself, 1 or more; None keeps any string as one PAULIROT gate.

    Raises:
        ValueError: if max_weight is below 1, or the string has no letter but I.
    """
    if max_weight is not None and max_weight < 1:
        raise ValueError(
            f"max_weight is the number of qubits of a rotation: 1, 2, ... or None, not {max_weight}"
        )
    wires = [q for q, letter in enumerate(string) if letter != "I"]
    letters = {q: string[q] for q in wires}
    out = 0 if max_weight is None else max(0, len(wires) - max_weight)
    before: list[Op] = []
    if out:
        for q in wires[: out + 1]:
            if letters[q] != "Z":
                before.append(H(q) if letters[q] == "X" else SX(q))
                letters[q] = "Z"
        before += [CX(a, b) for a, b in itertools.pairwise(wires[: out + 1])]
    left = wires[out:]
    name = "".join(letters[q] for q in left)
    rotation = Op(_NAMED[name], tuple(left), (angle,)) if name in _NAMED else PauliRotation(angle, name, left)
    return [*before, rotation, *[inverse(op) for op in reversed(before)]]


def without_inverse_pairs(layers: list[list[Op]]) -> list[list[Op]]:
    """The same gates without fixed gates that the next gate on their wires undoes; empty layers are left out."""
    kept: list[tuple[int, Op] | None] = []
    on_wire: dict[int, list[int]] = {}
    for number, layer in enumerate(layers):
        for op in layer:
            last = {stack[-1] if (stack := on_wire.setdefault(wire, [])) else -1 for wire in op.wires}
            before = kept[last.pop()] if len(last) == 1 and -1 not in last else None
            if before is not None and op.is_fixed and before[1] == inverse(op):
                for wire in op.wires:
                    kept[on_wire[wire].pop()] = None
                continue
            for wire in op.wires:
                on_wire[wire].append(len(kept))
            kept.append((number, op))
    found: list[list[Op]] = [[] for _ in layers]
    for entry in kept:
        if entry is not None:
            found[entry[0]].append(entry[1])
    return [layer for layer in found if layer]
