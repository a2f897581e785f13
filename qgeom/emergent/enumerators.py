r"""Weight enumerators of stabilizer codes, and how far a single logical qubit is protected.

``A_w`` counts the stabilizers of weight w, ``B_w`` the operators of weight w that commute with all of them (Shor and
Laflamme, PRL 78, 1600 (1997)). The smaller group is enumerated, all ``2^(n-k)`` elements as machine words; the larger
one follows by the MacWilliams identity of additive codes over GF(4), in exact integers:

    B_w = |S|^{-1} sum_j K_w(j) A_j,    K_w(j) = sum_s (-1)^s 3^{w-s} C(j, s) C(n-j, w-s).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import comb
from typing import NamedTuple

import numpy as np

from qgeom.emergent.stabilizers import StabilizerCode

_MAX_DIMENSION = 28  # a quarter of a billion elements: seconds
_MAX_QUBITS = 64
_BLOCK = 18  # generators whose span is held at once: 2 MiB per component


class Enumerators(NamedTuple):
    """``stabilizers[w]`` and ``commutant[w]``: A_w and B_w, w = 0 .. n, exact integers."""

    stabilizers: tuple[int, ...]
    commutant: tuple[int, ...]


class LogicalEnumerators(NamedTuple):
    """How many operators of each weight act on one logical qubit; w = 0 .. n, exact integers.

    ``bare``: they act on no other logical qubit. ``dressed``: they may. The lowest weights that occur are the
    distances: an erasure of fewer than ``dressed_distance`` qubits is always corrected, and at least ``bare_distance``
    qubits must be kept.
    """

    bare: tuple[int, ...]
    dressed: tuple[int, ...]

    @property
    def bare_distance(self) -> int:
        """The fewest qubits on which the logical qubit's own operators act."""
        return next(w for w, count in enumerate(self.bare) if count)

    @property
    def dressed_distance(self) -> int:
        """The fewest erasures that can lose the logical qubit."""
        return next(w for w, count in enumerate(self.dressed) if count)


def weight_enumerators(code: StabilizerCode) -> Enumerators:
    """The weight enumerators A and B of a code, exact.

    Raises:
        ValueError: if the code has more than 64 qubits, or more than 28 stabilizer generators.
    """
    counts = _counts(code.stabilizers)
    return Enumerators(counts, macwilliams(counts))


def logical_enumerators(code: StabilizerCode, logical: int = 0) -> LogicalEnumerators:
    """The bare and the dressed operators of one logical qubit by weight, exact.

    Bare operators are its own, times stabilizers. Dressed ones commute with the stabilizers but not with all bare ones:
    the commutant of the stabilizers less that of the bare operators.

    Raises:
        ValueError: if the code has more than 64 qubits or 28 stabilizer generators, or no such logical qubit.
    """
    if not 0 <= logical < code.n_logical:
        raise ValueError(f"logical qubits are 0 .. {code.n_logical - 1}; got {logical}")
    pair = code.logicals[2 * logical : 2 * logical + 2]
    trivial = _counts(code.stabilizers)
    own = _counts(np.concatenate([code.stabilizers, pair]))
    bare = tuple(a - b for a, b in zip(own, trivial, strict=True))
    dressed = tuple(a - b for a, b in zip(macwilliams(trivial), macwilliams(own), strict=True))
    return LogicalEnumerators(bare, dressed)


def distance(code: StabilizerCode) -> int:
    """The code distance: the least weight of an operator that acts on any logical qubit.

    Raises:
        ValueError: if there is no logical qubit, or the code is too large to enumerate.
    """
    if not code.n_logical:
        raise ValueError("a code without logical qubits has no distance")
    a, b = weight_enumerators(code)
    return next(w for w in range(len(a)) if b[w] > a[w])


def macwilliams(counts: tuple[int, ...]) -> tuple[int, ...]:
    """The enumerator of the commutant of a group of Pauli operators, from the group's own: exact integers."""
    n, size = len(counts) - 1, sum(counts)
    found = []
    for w in range(n + 1):
        total = 0
        for j, count in enumerate(counts):
            if count:
                terms = ((-1) ** s * 3 ** (w - s) * comb(j, s) * comb(n - j, w - s) for s in range(w + 1))
                total += count * sum(terms)
        found.append(total // size)
    return tuple(found)


def supports(rows: np.ndarray, shift: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """The supports of all products of Pauli rows (r, 2n), times ``shift`` (2n,): uint64 masks, in blocks.

    Qubit 0 is the most significant of the n bits of a mask.

    Raises:
        ValueError: if there are more than 64 qubits, or more than 28 rows.
    """
    n = rows.shape[1] // 2
    if n > _MAX_QUBITS or len(rows) > _MAX_DIMENSION:
        raise ValueError(
            f"groups of up to {_MAX_DIMENSION} generators on up to {_MAX_QUBITS} qubits are enumerated; this one has "
            f"{len(rows)} on {n}"
        )
    start = np.zeros(2 * n, dtype=bool) if shift is None else np.asarray(shift, dtype=bool)
    inner, outer = rows[:_BLOCK], rows[_BLOCK:]
    blocks = [_span(_masks(inner[:, part])) for part in (slice(0, n), slice(n, 2 * n))]
    offsets = [
        _span(_masks(outer[:, part])) ^ _masks(start[None, part]) for part in (slice(0, n), slice(n, 2 * n))
    ]
    for x, z in zip(*offsets, strict=True):
        yield (blocks[0] ^ x) | (blocks[1] ^ z)


def _counts(rows: np.ndarray) -> tuple[int, ...]:
    n = rows.shape[1] // 2
    total = np.zeros(n + 1, dtype=np.int64)
    for block in supports(rows):
        total += np.bincount(np.bitwise_count(block), minlength=n + 1)
    return tuple(int(c) for c in total)


def _masks(bits: np.ndarray) -> np.ndarray:
    weights = np.uint64(1) << np.arange(bits.shape[1] - 1, -1, -1, dtype=np.uint64)
    return np.bitwise_or.reduce(np.where(bits, weights, np.uint64(0)), axis=1, initial=np.uint64(0))


def _span(rows: np.ndarray) -> np.ndarray:
    found = np.zeros(1, dtype=np.uint64)
    for row in rows:
        found = np.concatenate([found, found ^ row])
    return found
