"""Every gate as a product of three kinds of element: phases, controlled flips and small dense matrices.

=============  ==========================================================================================
element        action on amplitudes
=============  ==========================================================================================
``Phase``      ``psi[x] *= exp(i a f(x))``, ``f(x) = prod_{q in z} (1 - 2 x_q) prod_{q in b} x_q``
``Flip``       basis state ``x`` goes to ``x`` with bit ``target`` flipped where all ``controls`` are one
``Dense``      a 2x2 or 4x4 matrix, real wherever a change of basis by phases can make it so
=============  ==========================================================================================

Rotations about Z strings, controlled phases and their products are then one sum of phases, however many wires they
have; rotations about other Pauli strings become the same between Hadamards; RX is RY between fixed phases, so that
one-qubit layers are products of *real* matrices and phases, at half the arithmetic of complex ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from circuits.gates import Op


class Phase(NamedTuple):
    """``exp(i a f(x))`` with ``a = scale`` if ``slot`` is None, else ``scale * angle[slot]``."""

    z: tuple[int, ...]
    b: tuple[int, ...]
    scale: float
    slot: int | None = None

    @property
    def wires(self) -> tuple[int, ...]:
        return self.z + self.b


class Flip(NamedTuple):
    """A controlled NOT with any number of controls; every permutation gate is a product of them."""

    controls: tuple[int, ...]
    target: int

    @property
    def wires(self) -> tuple[int, ...]:
        return (*self.controls, self.target)


class Dense(NamedTuple):
    """The matrix ``kind`` (see :mod:`circuits.small_matrices`) of the angles in ``slots``, on one or two wires."""

    wires: tuple[int, ...]
    kind: str
    slots: tuple[int, ...] = ()


Element = Phase | Flip | Dense

_HALF = math.pi / 2


def _s(q: int, turns: float = 1.0) -> Phase:
    """diag(1, i^turns)."""
    return Phase((), (q,), _HALF * turns)


def _h(q: int) -> Dense:
    return Dense((q,), "H")


def _to_z(letters: str, wires: tuple[int, ...]) -> tuple[list[Element], list[Element]]:
    """Elements before and after that turn the Pauli string ``letters`` into Z on every wire: P = V Z V'."""
    before: list[Element] = []
    after: list[Element] = []
    for letter, q in zip(letters, wires, strict=True):
        if letter == "X":
            before += [_h(q)]
            after += [_h(q)]
        elif letter == "Y":
            before += [_s(q, -1), _h(q)]
            after += [_h(q), _s(q)]
    return before, after


def _string_rotation(
    letters: str, wires: tuple[int, ...], controls: tuple[int, ...], slot: int
) -> list[Element]:
    """exp(-i angle/2 P), or its controlled form."""
    before, after = _to_z(letters, wires)
    return [*before, Phase(wires, controls, -0.5, slot), *after]


def _rx(q: int, slot: int) -> list[Element]:
    return [Phase((q,), (), -_HALF / 2), Dense((q,), "RY", (slot,)), Phase((q,), (), _HALF / 2)]


def _swap(a: int, b: int) -> list[Element]:
    return [Flip((a,), b), Flip((b,), a), Flip((a,), b)]


def _iswap(w: tuple[int, ...], sign: float) -> list[Element]:
    return [
        *_swap(*w),
        Phase((), (w[0],), sign * _HALF),
        Phase((), (w[1],), sign * _HALF),
        Phase((), w, -2 * sign * _HALF),
    ]


_Rule = Callable[[tuple[int, ...], int, str], list[Element]]

#: For each gate: wires, position of its first angle, Pauli letters -> elements in the order they act.
_RULES: dict[str, _Rule] = {
    "I": lambda w, k, p: [],
    "X": lambda w, k, p: [Flip((), w[0])],
    "Y": lambda w, k, p: [Flip((), w[0]), Phase(w, (), -_HALF)],
    "Z": lambda w, k, p: [_s(w[0], 2)],
    "H": lambda w, k, p: [_h(w[0])],
    "S": lambda w, k, p: [_s(w[0])],
    "SDG": lambda w, k, p: [_s(w[0], -1)],
    "T": lambda w, k, p: [_s(w[0], 0.5)],
    "TDG": lambda w, k, p: [_s(w[0], -0.5)],
    "SX": lambda w, k, p: [
        Phase((w[0],), (), -_HALF / 2),
        Dense(w, "RY_HALF_PI"),
        Phase((w[0],), (), _HALF / 2),
        Phase((), (), _HALF / 2),
    ],
    "SXDG": lambda w, k, p: [
        Phase((w[0],), (), -_HALF / 2),
        Dense(w, "RY_MINUS_HALF_PI"),
        Phase((w[0],), (), _HALF / 2),
        Phase((), (), -_HALF / 2),
    ],
    "RX": lambda w, k, p: _rx(w[0], k),
    "RY": lambda w, k, p: [Dense(w, "RY", (k,))],
    "RZ": lambda w, k, p: [Phase(w, (), -0.5, k)],
    "P": lambda w, k, p: [Phase((), w, 1.0, k)],
    "U3": lambda w, k, p: [Phase((), w, 1.0, k + 2), Dense(w, "RY", (k,)), Phase((), w, 1.0, k + 1)],
    "CX": lambda w, k, p: [Flip(w[:1], w[1])],
    "CY": lambda w, k, p: [_s(w[1], -1), Flip(w[:1], w[1]), _s(w[1])],
    "CZ": lambda w, k, p: [Phase((), w, math.pi)],
    "CH": lambda w, k, p: [
        Dense(w[1:], "RY_MINUS_QUARTER_PI"),
        Phase((), w, math.pi),
        Dense(w[1:], "RY_QUARTER_PI"),
    ],
    "SWAP": lambda w, k, p: _swap(*w),
    "ISWAP": lambda w, k, p: _iswap(w, 1.0),
    "ISWAPDG": lambda w, k, p: _iswap(w, -1.0),
    "CRX": lambda w, k, p: _string_rotation("X", w[1:], w[:1], k),
    "CRY": lambda w, k, p: _string_rotation("Y", w[1:], w[:1], k),
    "CRZ": lambda w, k, p: _string_rotation("Z", w[1:], w[:1], k),
    "CP": lambda w, k, p: [Phase((), w, 1.0, k)],
    "RXX": lambda w, k, p: _string_rotation("XX", w, (), k),
    "RYY": lambda w, k, p: _string_rotation("YY", w, (), k),
    "RZZ": lambda w, k, p: _string_rotation("ZZ", w, (), k),
    "XXPLUSYY": lambda w, k, p: [_s(w[1]), Dense(w, "GIVENS", (k,)), _s(w[1], -1)],
    "CCX": lambda w, k, p: [Flip(w[:2], w[2])],
    "CSWAP": lambda w, k, p: [Flip((w[2],), w[1]), Flip(w[:2], w[2]), Flip((w[2],), w[1])],
    "PAULIROT": lambda w, k, p: _string_rotation(p, w, (), k),
    "MCP": lambda w, k, p: [Phase((), w, 1.0, k)],
    "SU2": lambda w, k, p: [Dense(w, "SU2", tuple(range(k, k + 3)))],
    "SU4": lambda w, k, p: [Dense(w, "SU4", tuple(range(k, k + 15)))],
}


def lower(op: Op, first_slot: int) -> list[Element]:
    """The elements of one gate, in the order they act; its angles occupy slots from ``first_slot``.

    Pauli letters I of a string rotation drop out: the string acts on its support only.
    """
    if op.name == "PAULIROT":
        support = [(letter, q) for letter, q in zip(op.pauli, op.wires, strict=True) if letter != "I"]
        letters = "".join(letter for letter, _ in support)
        return _RULES["PAULIROT"](tuple(q for _, q in support), first_slot, letters)
    return _RULES[op.name](op.wires, first_slot, op.pauli)
