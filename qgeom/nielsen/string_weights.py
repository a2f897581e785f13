r"""Weights of Pauli strings as a rule, for more qubits than a table of ``4^n`` numbers can hold.

A string is ``P(x, z) = i^{|x & z|} X^x Z^z`` with bit strings x and z, bit ``n - 1 - q`` for qubit q, so that an
integer is read like the string: qubit 0 is leftmost. :class:`StringWeights` gives the weights of all z at one x; what
is built on it never holds more than ``2^n`` of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from qgeom.nielsen.groups import PauliGroup
from qgeom.nielsen.penalty import Penalty


@dataclass(frozen=True)
class StringWeights:
    """``w_s`` of every Pauli string but the identity, by the number of qubits it acts on, and single exceptions.

    Attributes:
        n_qubits: n.
        by_weight: ``w`` of the strings on 1, 2, ..., n qubits.
        exceptions: Weights of single strings, by their masks (x, z).
        table: All weights in lexicographic order (of a :class:`Penalty`) instead of the rule; (4^n - 1,) or None.
    """

    n_qubits: int
    by_weight: tuple[float, ...] = ()
    exceptions: Mapping[tuple[int, int], float] = field(default_factory=dict)
    table: np.ndarray | None = None

    @property
    def cheapest(self) -> float:
        """The smallest weight."""
        if self.table is not None:
            return float(self.table.min())
        return min([*self.by_weight, *self.exceptions.values()])

    @property
    def common(self) -> float:
        """The weight that most strings have (inf if most are forbidden); the larger one of two as frequent."""
        if self.table is not None:
            values, counts = np.unique(self.table, return_counts=True)
            return float(values[len(values) - 1 - np.argmax(counts[::-1])])
        counts_of: dict[float, int] = {}
        for k, weight in enumerate(self.by_weight, start=1):
            counts_of[weight] = counts_of.get(weight, 0) + 3**k * math.comb(self.n_qubits, k)
        return max(counts_of, key=lambda w: (counts_of[w], w))

    def at(self, x: int) -> np.ndarray:
        """Weights of the strings (x, z), z = 0, 1, ..., 2^n - 1; the identity's is 0. (2^n,)."""
        z = np.arange(1 << self.n_qubits)
        if self.table is not None:
            padded = np.concatenate([[0.0], self.table])
            return padded[lexicographic_index(self.n_qubits, x, z)]
        rule = np.asarray((0.0, *self.by_weight))
        weights = rule[np.bitwise_count(x | z)]
        for (x_exception, z_exception), weight in self.exceptions.items():
            if x_exception == x:
                weights[z_exception] = weight
        return weights

    def rows(self, other_than: float) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """``(x, z, w)`` for every x: the strings whose weight is another one than this, and their weights."""
        for x in range(1 << self.n_qubits):
            weights = self.at(x)
            z = np.flatnonzero(weights != other_than)
            z = z[(z > 0) | (x > 0)]
            if len(z):
                yield x, z, weights[z]

    def lexicographic(self) -> np.ndarray:
        """All weights in the order of the strings of :class:`PauliGroup`, (4^n - 1,)."""
        if self.table is not None:
            return self.table
        z = np.arange(1 << self.n_qubits)
        weights = np.empty(4**self.n_qubits)
        for x in range(1 << self.n_qubits):
            weights[lexicographic_index(self.n_qubits, x, z)] = self.at(x)
        return weights[1:]

    def of(self, string: Mapping[int, str]) -> float:
        """Weight of one string, given by its letters ``{qubit: "X" | "Y" | "Z"}``."""
        x, z = string_masks(string, self.n_qubits)
        if self.table is not None:
            return float(self.table[lexicographic_index(self.n_qubits, x, np.asarray(z)) - 1])
        return self.exceptions.get((x, z), self.by_weight[(x | z).bit_count() - 1])


def string_rule(
    n_qubits: int, rule: Callable[[int], float], weights: Mapping[str, float] | None = None
) -> StringWeights:
    """``w_s = rule(k)`` for a string on k qubits, as :func:`weight_penalty`, at any number of qubits.

    Args:
        n_qubits: Number of qubits.
        rule: Weight of a string on k qubits, k = 1 to n: positive, or inf (forbidden).
        weights: Weights of single strings that override the rule, e.g. ``{"XYZ": 5.0}``.

    Raises:
        ValueError: for a weight that is not positive, only infinite weights, or a string on other qubits.
    """
    if n_qubits < 1:
        raise ValueError(f"expected at least one qubit, got {n_qubits}")
    by_weight = tuple(float(rule(k)) for k in range(1, n_qubits + 1))
    exceptions = {}
    for string, weight in (weights or {}).items():
        if len(string) != n_qubits or not set(string) <= set("IXYZ") or set(string) <= {"I"}:
            raise ValueError(
                f"{string!r} is not a Pauli string on {n_qubits} qubits (letters I, X, Y, Z, not all I)"
            )
        letters = {q: letter for q, letter in enumerate(string) if letter != "I"}
        exceptions[string_masks(letters, n_qubits)] = float(weight)
    values = [*by_weight, *exceptions.values()]
    if not all(value > 0 for value in values):
        raise ValueError(f"weights multiply squares of controls and must be positive, got {min(values):g}")
    if not any(np.isfinite(by_weight)):
        raise ValueError("the rule forbids every string (all its weights are infinite); give a finite one")
    return StringWeights(n_qubits, by_weight, exceptions)


def local_rule(
    n_qubits: int, q: float, max_weight: int = 2, weights: Mapping[str, float] | None = None
) -> StringWeights:
    """Strings on up to ``max_weight`` qubits cost 1, others ``q``: :func:`local_penalty` at any number of qubits."""
    if max_weight < 1:
        raise ValueError(
            f"max_weight is the number of qubits that a free string acts on, at least 1, not {max_weight}"
        )
    return string_rule(n_qubits, lambda k: 1.0 if k <= max_weight else q, weights)


def string_weights_of(penalty: Penalty | StringWeights) -> StringWeights:
    """The weights of a penalty on qubits, or the rule itself."""
    if isinstance(penalty, StringWeights):
        return penalty
    if not isinstance(penalty, Penalty):
        raise TypeError(
            f"expected a Penalty or the StringWeights of string_rule, not {type(penalty).__name__}"
        )
    if not isinstance(penalty.group, PauliGroup):
        raise ValueError(f"expected a penalty on Pauli strings, not one on {type(penalty.group).__name__}")
    return StringWeights(penalty.group.n_qubits, table=np.asarray(penalty.weights))


def string_masks(letters: Mapping[int, str], n_qubits: int) -> tuple[int, int]:
    """Masks (x, z) of a string given by its letters."""
    x = z = 0
    for qubit, letter in letters.items():
        bit = 1 << (n_qubits - 1 - qubit)
        x |= bit if letter in "XY" else 0
        z |= bit if letter in "YZ" else 0
    return x, z


def lexicographic_index(n_qubits: int, x: int, z: np.ndarray) -> np.ndarray:
    """Place of the strings (x, z) among all ``4^n`` in lexicographic order, the identity first."""
    index = np.zeros_like(z)
    for bit in range(n_qubits):
        a, b = (x >> bit) & 1, (z >> bit) & 1
        index += ((1 + b) if a else 3 * b) << (2 * bit)
    return index
