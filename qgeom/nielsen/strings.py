r"""Pauli strings as integers: the place of a string in lexicographic order (I, X, Y, Z = 0, 1, 2, 3, base 4).

The product of two strings is, up to a phase, the exclusive or of their integers, since X Y = i Z reads 1 ^ 2 = 3 in
every place. Two strings anticommute if they differ and both act at an odd number of places.
"""

from __future__ import annotations

import numpy as np

_LOW = 0x5555555555555555


def string_index(string: str, n_qubits: int) -> int:
    """Integer of a string; the identity is 0, so coefficient arrays without it start at 1. ValueError if it is none."""
    if len(string) != n_qubits or set(string) - set("IXYZ") or set(string) == {"I"}:
        raise ValueError(
            f"{string!r} is not a Pauli string on {n_qubits} qubits (letters I, X, Y, Z, not all I)"
        )
    index = 0
    for letter in string:
        index = 4 * index + "IXYZ".index(letter)
    return index


def anticommute(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Whether strings anticommute: the parity of the symplectic form, bit by bit. Broadcasts integers to bool."""
    odd = ((a >> 1) & b & _LOW) ^ (a & (b >> 1) & _LOW)
    return np.bitwise_count(odd) % 2 == 1
