r"""Between a matrix and its Pauli coefficients, in ``O(8^n)`` operations as one product with a Hadamard matrix.

A Pauli string is ``P(x, z) = i^{|x & z|} X^x Z^z`` with bit strings x and z, so that

    M = sum_s c_s s   has   M[j ^ x, j] = sum_z (-1)^{z.j} i^{|x & z|} c_(x, z):

a Walsh-Hadamard transform over z, then a permutation (the transform of Pauli tomography, e.g. Hantzko, Binkowski and
Gupta, arXiv:2310.13421). No stack of ``4^n`` matrices is ever built. Strings are in lexicographic order with the
identity first: II, IX, IY, IZ, XI, ..., qubit 0 leftmost.
"""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Complex, Float
from scipy.linalg import hadamard


class _Tables(NamedTuple):
    to_bits: np.ndarray
    """Lexicographic index of the string (x, z) at ``x * 2^n + z``."""
    from_bits: np.ndarray
    phase: Any
    """``i^{|x & z|}`` at [x, z]."""
    spread: np.ndarray
    """Position ``(i ^ j, j)`` of the matrix element (i, j), flat; its own inverse."""
    hadamard: np.ndarray


@functools.lru_cache(maxsize=16)
def _tables(n_qubits: int) -> _Tables:
    size = 1 << n_qubits
    x, z = np.divmod(np.arange(size * size), size)
    to_bits = np.zeros_like(x)
    both = np.zeros_like(x)
    for bit in range(n_qubits):
        a, b = (x >> bit) & 1, (z >> bit) & 1
        digit = np.where(a == 1, 1 + b, 3 * b)  # I, X, Y, Z = 0, 1, 2, 3
        to_bits += digit << (2 * bit)
        both += a & b
    i, j = np.divmod(np.arange(size * size), size)
    phase = (1j ** (both % 4)).reshape(size, size)
    phase = np.round(phase.real) + 1j * np.round(phase.imag)
    return _Tables(to_bits, np.argsort(to_bits), phase, (i ^ j) * size + j, hadamard(size).astype(float))


def array_module(*arrays: Any) -> ModuleType:
    """NumPy where all arrays are its own, else jax.numpy: what is looked up on the host compiles nothing."""
    return np if all(isinstance(a, np.ndarray) for a in arrays) else jnp


def complex_of(re: Any, im: Any) -> Any:
    """``re + i im``, in the complex dtype that belongs to the real one."""
    return re + 1j * im if isinstance(re, np.ndarray) else jax.lax.complex(re, im)


def n_qubits_of(count: int, what: str = "coefficients") -> int:
    """n of ``count = 4^n``."""
    n = round(np.log2(max(count, 1)) / 2)
    if 4**n != count or n < 1:
        raise ValueError(f"expected 4**n {what} (4, 16, 64, ...), got {count}")
    return n


def pauli_matrix(coefficients: Float[Any, "*batch strings"]) -> Complex[Any, "*batch dim dim"]:
    """``sum_s c_s s`` of all ``4^n`` real coefficients, the identity's first: (..., 4^n) to (..., 2^n, 2^n)."""
    n = n_qubits_of(coefficients.shape[-1])
    size, tables = 1 << n, _tables(n)
    batch = coefficients.shape[:-1]
    real = coefficients.dtype
    c = coefficients[..., tables.to_bits].reshape(*batch, size, size)
    xp = array_module(coefficients)
    h = xp.asarray(tables.hadamard, real)
    re = (c * xp.asarray(tables.phase.real, real)) @ h
    im = (c * xp.asarray(tables.phase.imag, real)) @ h
    rows = complex_of(re, im).reshape(*batch, size * size)
    return rows[..., tables.spread].reshape(*batch, size, size)


def pauli_coefficients(matrix: Complex[Any, "*batch dim dim"]) -> Float[Any, "*batch strings"]:
    """``Re tr(s M) / 2^n`` of all ``4^n`` strings, the identity's first: (..., 2^n, 2^n) to (..., 4^n)."""
    size = matrix.shape[-1]
    n = n_qubits_of(size * size, "matrix elements")
    tables = _tables(n)
    batch = matrix.shape[:-2]
    rows = matrix.reshape(*batch, size * size)[..., tables.spread].reshape(*batch, size, size)
    real = rows.real.dtype
    xp = array_module(matrix)
    h = xp.asarray(tables.hadamard / size, real)
    # Re(conj(phase) (rows h)): the phase is real or imaginary.
    c = (rows.real @ h) * xp.asarray(tables.phase.real, real)
    c = c + (rows.imag @ h) * xp.asarray(tables.phase.imag, real)
    return c.reshape(*batch, size * size)[..., tables.from_bits]
