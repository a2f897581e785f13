r"""Pauli transfer matrices: states and channels in the real basis of Pauli strings.

A state of n qubits is its vector of Pauli expectation values ``r_P = tr(P rho)``, real, of length ``4^n``, with
``rho = 2^{-n} sum_P r_P P``; letters are numbered I, X, Y, Z and the first wire is the most significant digit. A
channel on k wires is the real matrix

    R_PQ = tr(P E(Q)) / 2^k,

``r -> R r``. It preserves the trace if its first row is (1, 0, ..., 0), and is unital if its first column is. Next to
density matrices this halves the memory and needs a quarter of the arithmetic; Hermiticity is exact. Greenbaum,
arXiv:1509.02921, section 2.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from circuits.gate_matrices import pauli_matrix, pauli_strings

EXACT = jax.lax.Precision.HIGHEST


@functools.cache
def pauli_basis(n_qubits: int) -> np.ndarray:
    """All ``4^n`` Pauli strings, the identity first, complex (4^n, 2^n, 2^n). Read-only."""
    basis = np.stack([pauli_matrix("I" * n_qubits), *(pauli_matrix(s) for s in pauli_strings(n_qubits))])
    basis.flags.writeable = False
    return basis


def of_unitaries(unitaries: Complex[Array, "... d d"]) -> Float[Array, "... D D"]:
    """Transfer matrices of unitaries, ``R_PQ = Re tr(P U Q U^dagger) / d``, ``D = d^2``."""
    d = unitaries.shape[-1]
    basis = jnp.asarray(pauli_basis(d.bit_length() - 1), unitaries.dtype)
    moved = jnp.einsum("...jk,qkl,...il->...qji", unitaries, basis, unitaries.conj(), precision=EXACT)
    return jnp.einsum("pij,...qji->...pq", basis, moved, precision=EXACT).real * (1.0 / d)


def of_kraus(operators: Complex[Array, "K d d"]) -> Float[Array, "D D"]:
    """The transfer matrix of ``rho -> sum_k K_k rho K_k^dagger``."""
    return jnp.sum(of_unitaries(operators), axis=0)


def swapped(matrix: Array, base: int) -> Array:
    """A matrix on two wires of dimension ``base`` each, with the wires exchanged."""
    lead = matrix.shape[:-2]
    split = matrix.reshape(*lead, base, base, base, base)
    k = len(lead)
    order = (*range(k), k + 1, k, k + 3, k + 2)
    return jnp.transpose(split, order).reshape(matrix.shape)


def lifted(matrix: Array, place: str, base: int, width: int) -> Array:
    """A matrix of one or two wires as one on the wires of a block.

    Args:
        matrix: (..., D, D).
        place: where its wires are in the block: ``"first"``, ``"second"``, ``"both"`` or ``"swapped"``.
        base: dimension of a wire: 2 for amplitudes, 4 for Pauli vectors.
        width: wires of the block, 1 or 2.
    """
    if width == 1 or place == "both":
        return matrix
    if place == "swapped":
        return swapped(matrix, base)
    eye = jnp.eye(base, dtype=matrix.dtype)
    pattern = "...ij,kl->...ikjl" if place == "first" else "...ij,kl->...kilj"
    return jnp.einsum(pattern, matrix, eye).reshape(*matrix.shape[:-2], base**2, base**2)


def zero_vector(n_qubits: int, dtype: Any) -> Float[Array, " D"]:
    """The Pauli vector of ``|0...0>``: 1 where all letters are I or Z."""
    one = np.array([1.0, 0.0, 0.0, 1.0])
    return jnp.asarray(functools.reduce(np.kron, [one] * n_qubits, np.ones(1)), dtype)


def density_matrix(vector: Float[Array, " D"]) -> Complex[Array, "d d"]:
    """``rho = 2^{-n} sum_P r_P P`` of a Pauli vector of length ``4^n``."""
    n = (vector.shape[-1].bit_length() - 1) // 2
    complex_dtype = jnp.complex128 if vector.dtype == jnp.float64 else jnp.complex64
    # digit P of a wire -> the four entries (row, column) of P / 2
    table = jnp.asarray(0.5 * pauli_basis(1).reshape(4, 4), complex_dtype)
    rho = vector.astype(complex_dtype)
    for _ in range(n):  # the leading digit is changed, and goes to the end
        rho = jnp.tensordot(rho.reshape(4, -1), table, axes=(0, 0), precision=EXACT).reshape(-1)
    rho = rho.reshape((2,) * (2 * n))
    return jnp.transpose(rho, (*range(0, 2 * n, 2), *range(1, 2 * n, 2))).reshape(1 << n, 1 << n)


def pauli_vector(rho: Any) -> np.ndarray:
    """``r_P = tr(P rho)``, the inverse of `density_matrix`, in NumPy: (4^n,) float64."""
    matrix = np.asarray(rho, complex)
    n = len(matrix).bit_length() - 1
    tensor = matrix.reshape((2,) * (2 * n)).transpose([a for q in range(n) for a in (q, n + q)]).reshape(-1)
    table = pauli_basis(1).transpose(2, 1, 0).reshape(4, 4)  # tr(P rho) = sum_ij P_ji rho_ij
    for _ in range(n):
        tensor = np.tensordot(tensor.reshape(4, -1), table, axes=(0, 0)).reshape(-1)
    return np.real(tensor)


def traced_out(vector: Float[Array, " D"], n_qubits: int, kept: tuple[int, ...]) -> Float[Array, " K"]:
    """The Pauli vector of some wires, in their order: strings with I on all others."""
    tensor = vector.reshape((4,) * n_qubits)
    tensor = tensor[tuple(slice(None) if q in kept else 0 for q in range(n_qubits))]
    ascending = sorted(kept)
    return jnp.transpose(tensor, [ascending.index(q) for q in kept]).reshape(-1)


def outcome_probabilities(vector: Float[Array, " D"]) -> Float[Array, " d"]:
    """Probabilities of the computational-basis outcomes: a Hadamard transform of the strings of I and Z."""
    n = (vector.shape[-1].bit_length() - 1) // 2
    sums = jnp.asarray(np.array([[0.5, 0.0, 0.0, 0.5], [0.5, 0.0, 0.0, -0.5]]), vector.dtype)
    p = vector
    for _ in range(n):
        p = jnp.tensordot(p.reshape(4, -1), sums, axes=(0, 1), precision=EXACT).reshape(-1)
    return p


def canonical_kraus(operators: Any, tolerance: float = 1e-12) -> np.ndarray:
    """The same channel by at most ``d^2`` orthogonal Kraus operators, from the eigenvectors of its Choi matrix."""
    kraus = np.asarray(operators, complex)
    d = kraus.shape[-1]
    flat = kraus.reshape(len(kraus), d * d)
    values, vectors = np.linalg.eigh(flat.T @ flat.conj())
    kept = values > tolerance
    scaled = vectors[:, kept] * np.sqrt(values[kept])
    return scaled.T[::-1].reshape(-1, d, d)


def completeness_defect(operators: np.ndarray) -> float:
    """Largest entry of ``sum_k K_k^dagger K_k - 1``."""
    total = np.einsum("kij,kil->jl", operators.conj(), operators)
    return float(np.abs(total - np.eye(total.shape[0])).max())


def n_qubits_of(dimension: int) -> int | None:
    """n where ``dimension = 2^n``, n >= 1, else None."""
    n = int(math.log2(dimension)) if dimension > 0 else 0
    return n if n >= 1 and 2**n == dimension else None
