r"""From a sum of operator strings to the tensors of a matrix product operator of the smallest bond dimension.

A Hamiltonian is a table of strings ``c_t O_{t_1} x ... x O_{t_n}`` over an orthogonal operator basis of one site. Cut
at a bond, it is a matrix ``M[prefix, suffix]`` of coefficients, and the least exact bond dimension is its rank. Going
from left to right, the prefixes are replaced by the operators kept so far::

    M[(a, letter), rest] = K[(a, letter), b] T[b, rest],        W[a, :, :, b] = sum_letter K[(a, letter), b] O_letter

First, columns of ``M`` that are multiples of one another are merged (Hubig, McCulloch and Schollwoeck, PRB 95, 035129
(2017)): this keeps the tensors sparse, in the form known from textbooks, and is already optimal for chains of finite
range. Where the rank is smaller still (all-to-all couplings), a singular value decomposition takes over; the basis
is orthonormal in the normalised Hilbert-Schmidt product, so that nothing grows with the length (Chan et al.,
J. Chem. Phys. 145, 014102 (2016)). NumPy, double precision.
"""

from __future__ import annotations

import functools

import numpy as np

from circuits.local import LocalHamiltonian
from circuits.paulis import PauliSum


@functools.lru_cache(maxsize=16)
def operator_basis(d: int, real: bool) -> tuple[np.ndarray, np.ndarray]:
    r"""The generalised Gell-Mann matrices, ``tr(E_a^dagger E_b) = d delta_ab``, the identity first.

    For d = 2 these are I, X, Y, Z. With ``real``, antisymmetric ones are multiplied by ``i`` and so become real.

    Returns:
        The matrices ``(d**2, d, d)``, and which of them are antisymmetric, bool ``(d**2,)``.
    """
    matrices, odd = [np.eye(d, dtype=np.complex128)], [False]
    off = np.sqrt(d / 2.0)
    for i in range(d):
        for j in range(i + 1, d):
            unit = np.zeros((d, d), dtype=np.complex128)
            unit[i, j] = off
            matrices += [unit + unit.T, (1.0 if real else -1j) * (unit - unit.T)]
            odd += [False, True]
    for k in range(1, d):
        diagonal = np.concatenate([np.ones(k), [-float(k)], np.zeros(d - k - 1)])
        matrices.append(np.diag(diagonal * np.sqrt(d / (k * (k + 1.0)))).astype(np.complex128))
        odd.append(False)
    stacked = np.stack(matrices)
    return (stacked.real.copy() if real else stacked), np.array(odd)


def string_table(hamiltonian: PauliSum | LocalHamiltonian) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A Hamiltonian as strings over `operator_basis`.

    Returns:
        letters uint8 ``(T, n)``, coefficients float64 ``(T,)``, and the basis ``(d**2, d, d)``: real where ``H`` is.
    """
    if isinstance(hamiltonian, PauliSum):
        code = str.maketrans("IXYZ", "\x00\x01\x02\x03")
        rows = [np.frombuffer(s.translate(code).encode(), dtype=np.uint8) for s in hamiltonian.strings]
        letters, values, d = np.stack(rows), hamiltonian.coefficients, 2
    else:
        letters, values, d = _local_strings(hamiltonian)
    letters, inverse = np.unique(letters, axis=0, return_inverse=True)
    values = np.bincount(inverse.ravel(), values, minlength=len(letters))
    scale = np.abs(values).max(initial=0.0)
    keep = np.abs(values) > 1e-15 * scale
    letters, values = (letters[keep], values[keep]) if scale > 0.0 else (letters[:1], values[:1])
    _, odd = operator_basis(d, False)
    count = odd[letters].sum(axis=1)
    real = not np.any(count % 2)
    if real:  # E_odd = -i (i E_odd)
        values = values * (1.0 - 2.0 * ((count // 2) % 2))
    return letters, values, operator_basis(d, real)[0]


def _local_strings(hamiltonian: LocalHamiltonian) -> tuple[np.ndarray, np.ndarray, int]:
    n, d = hamiltonian.n_sites, hamiltonian.local_dimension
    basis, _ = operator_basis(d, False)
    letters, values = [np.zeros((1, n), dtype=np.uint8)], [np.zeros(1)]
    for sites, matrix in hamiltonian.terms:
        k = len(sites)
        tensor = matrix.reshape((d,) * (2 * k)).astype(np.complex128)
        for i in range(
            k
        ):  # <E_a, h> / d on one factor after the other; its row and column legs become one leg a
            tensor = np.moveaxis(tensor, (i, k), (-2, -1))
            tensor = np.einsum("...st,ats->...a", tensor, basis) / d
            tensor = np.moveaxis(tensor, -1, i)
        coefficients = tensor.real  # Hermitian basis, Hermitian term
        where = np.argwhere(np.abs(coefficients) > 1e-14 * np.abs(coefficients).max(initial=0.0))
        rows = np.zeros((len(where), n), dtype=np.uint8)
        rows[:, list(sites)] = where
        letters.append(rows)
        values.append(coefficients[tuple(where.T)])
    return np.concatenate(letters), np.concatenate(values), d


def compile_strings(
    letters: np.ndarray, values: np.ndarray, basis: np.ndarray, tolerance: float
) -> list[np.ndarray]:
    """The tensors ``(wl, d, d, wr)``, legs (left, out, in, right), of ``sum_t values_t prod_i basis[letters_ti]``.

    Args:
        letters: uint8 ``(T, n)``.
        values: ``(T,)``.
        basis: ``(L, d, d)``, orthogonal, of equal norms, the identity first.
        tolerance: singular values below this fraction of the largest, at a bond, are dropped.
    """
    n_letters, n = len(basis), letters.shape[1]
    suffixes, table = letters, values[None, :].astype(np.float64)
    tensors = []
    for site in range(n):
        rests, inverse = np.unique(suffixes[:, 1:], axis=0, return_inverse=True)
        matrix = np.zeros((table.shape[0], n_letters, len(rests)))
        for letter in range(n_letters):
            here = suffixes[:, 0] == letter
            np.add.at(matrix[:, letter, :].T, inverse.ravel()[here], table[:, here].T)
        matrix = matrix.reshape(-1, len(rests))
        if site == n - 1:
            kept, table = matrix, np.ones((1, 1))
        else:
            kept, table = _factorise(matrix, np.count_nonzero(rests, axis=1) == 0, tolerance)
        shaped = kept.reshape(-1, n_letters, kept.shape[1])
        tensors.append(np.einsum("alb,lst->astb", shaped, basis))
        suffixes = rests
    return tensors


def _factorise(matrix: np.ndarray, finished: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """``matrix = kept @ table`` with the fewest columns of ``kept``, sparse where that costs none."""
    kept, table = _merge_parallel(matrix, finished)
    weights = np.linalg.norm(table, axis=1)
    u, s, v = np.linalg.svd(kept * weights, full_matrices=False)
    rank = max(1, int(np.sum(s > tolerance * s[0])))
    if rank == kept.shape[1]:
        return kept, table
    u, s, v = u[:, :rank], s[:rank], v[:rank]
    return u, (s[:, None] * v) @ (table / np.where(weights > 0.0, weights, 1.0)[:, None])


def _merge_parallel(matrix: np.ndarray, finished: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = np.abs(matrix)
    pivot = size.argmax(axis=0)
    scale = matrix[pivot, np.arange(matrix.shape[1])]
    scale = np.where(scale == 0.0, 1.0, scale)
    unit = matrix / scale
    _, first, group = np.unique(np.round(unit, 12).T, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)  # order of first appearance: strings sort with the identity first
    rank_of = np.empty_like(order)
    rank_of[order] = np.arange(len(order))
    group, first = rank_of[group.ravel()], first[order]
    kept = unit[:, first]
    table = np.zeros((len(first), matrix.shape[1]))
    table[group, np.arange(matrix.shape[1])] = scale
    for column in np.flatnonzero(finished):  # the finished terms keep their couplings: 1 on the right of them
        b = group[column]
        if np.count_nonzero(table[b]) == 1:
            kept[:, b], table[b, column] = matrix[:, column], 1.0
    return kept, table
