"""Linear algebra over the field of two elements: boolean matrices, and many small problems at once in 64-bit words."""

from __future__ import annotations

import numpy as np

_WORD = 64


def row_reduce(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The reduced row echelon form without zero rows, and its pivot columns.

    Args:
        matrix: (rows, columns), read as booleans.

    Returns:
        bool (rank, columns), each pivot column with a single one; int64 (rank,), ascending.
    """
    m = np.array(matrix, dtype=bool)
    pivots: list[int] = []
    for column in range(m.shape[1]):
        row = len(pivots)
        if row == m.shape[0]:
            break
        candidates = np.flatnonzero(m[row:, column])
        if not len(candidates):
            continue
        found = row + int(candidates[0])
        if found != row:
            m[[row, found]] = m[[found, row]]
        others = m[:, column].copy()
        others[row] = False
        m[others] ^= m[row]
        pivots.append(column)
    return m[: len(pivots)], np.array(pivots, dtype=np.int64)


def rank(matrix: np.ndarray) -> int:
    """The rank of a matrix (rows, columns)."""
    m = np.asarray(matrix, dtype=bool)
    return len(row_reduce(m if m.shape[0] <= m.shape[1] else m.T)[1])


def left_kernel(matrix: np.ndarray) -> np.ndarray:
    """A basis of ``{v : v M = 0}``, bool (rows - rank, rows), for a matrix M of shape (rows, columns)."""
    m = np.asarray(matrix, dtype=bool)
    reduced, pivots = row_reduce(np.hstack([m, np.eye(m.shape[0], dtype=bool)]))
    return reduced[pivots >= m.shape[1], m.shape[1] :]


def pack_words(matrix: np.ndarray) -> np.ndarray:
    """The last axis in 64-bit words, column c as bit ``c % 64`` of word ``c // 64``: uint64 (..., words)."""
    packed = np.packbits(np.asarray(matrix, dtype=bool), axis=-1, bitorder="little")
    missing = -packed.shape[-1] % (_WORD // 8)
    padded = np.pad(packed, [(0, 0)] * (packed.ndim - 1) + [(0, missing)])
    return np.ascontiguousarray(padded).view("<u8")


def in_span(rows: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Whether each target is a sum of rows, for m problems at once by Gaussian elimination.

    Args:
        rows: uint64 (m, r, words), from `pack_words`; overwritten.
        targets: uint64 (m, t, words); overwritten by what is left of them, zero at every pivot, so that the same
            is left of targets that differ by a sum of rows.

    Returns:
        bool (m, t).
    """
    for i in range(rows.shape[1]):
        pivot = rows[:, i]
        first = np.argmax(pivot != 0, axis=-1)[:, None]
        word = np.take_along_axis(pivot, first, axis=-1)
        lowest = word & (~word + np.uint64(1))  # zero where the row is zero: then it hits nothing
        for block in (rows[:, i + 1 :], targets):
            bits = np.take_along_axis(block, first[:, None], axis=-1) & lowest[:, None]
            block ^= np.where(bits != 0, pivot[:, None], np.uint64(0))
    return ~np.any(targets, axis=-1)
