"""The definition of every gate's matrix, the Pauli basis, and the logarithm of a unitary.

Qubit 0 is the most significant bit; the first wire of a gate is the most significant bit of its matrix.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from circuits.ops import SIGNATURES, Op

_PAULI = {
    "I": np.eye(2, dtype=complex),
    "X": np.array([[0, 1], [1, 0]], dtype=complex),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1.0 + 0j, -1.0]),
}


@functools.lru_cache(maxsize=1024)
def pauli_matrix(string: str) -> np.ndarray:
    """The matrix of a Pauli string, complex (2^m, 2^m), first letter on the most significant bit. Read-only."""
    matrix = functools.reduce(np.kron, [_PAULI[letter] for letter in string], np.eye(1, dtype=complex))
    matrix.flags.writeable = False
    return matrix


@functools.cache
def pauli_strings(n_qubits: int) -> tuple[str, ...]:
    """All Pauli strings but the identity, in lexicographic order: the basis of SU2 and SU4 angles."""
    return tuple("".join(s) for s in itertools.product("IXYZ", repeat=n_qubits))[1:]


@functools.cache
def _basis(n_qubits: int) -> np.ndarray:
    return np.stack([pauli_matrix(s) for s in pauli_strings(n_qubits)])


def _controlled(block: np.ndarray) -> np.ndarray:
    matrix = np.eye(2 * len(block), dtype=complex)
    matrix[len(block) :, len(block) :] = block
    return matrix


_SX = 0.5 * np.array([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]])
_HADAMARD = np.array([[1, 1], [1, -1]], dtype=complex) / math.sqrt(2.0)
_SWAP = np.eye(4, dtype=complex)[[0, 2, 1, 3]]
# XX + YY is twice an X on the span of |01>, |10> and zero elsewhere.
_EXCHANGE = np.zeros((4, 4), dtype=complex)
_EXCHANGE[1, 2] = _EXCHANGE[2, 1] = 1.0
_CONSTANT: dict[str, np.ndarray] = {
    **_PAULI,
    "H": _HADAMARD,
    "S": np.diag([1, 1j]),
    "SDG": np.diag([1, -1j]),
    "T": np.diag([1, np.exp(0.25j * np.pi)]),
    "TDG": np.diag([1, np.exp(-0.25j * np.pi)]),
    "SX": _SX,
    "SXDG": _SX.conj(),
    "CX": _controlled(_PAULI["X"]),
    "CY": _controlled(_PAULI["Y"]),
    "CZ": _controlled(_PAULI["Z"]),
    "CH": _controlled(_HADAMARD),
    "SWAP": _SWAP,
    "ISWAP": np.diag([1, 0, 0, 1]) + 1j * _EXCHANGE,
    "CCX": _controlled(_controlled(_PAULI["X"])),
    "CSWAP": _controlled(_SWAP),
}
_GENERATOR = {"RX": "X", "RY": "Y", "RZ": "Z", "RXX": "XX", "RYY": "YY", "RZZ": "ZZ"}


def matrix(op: Op, angles: Any) -> Complex[Array, "dim dim"]:
    """The unitary of a gate at given angles: the definition of the gate set.

    Args:
        op: the gate; its own ``angles`` are not looked at.
        angles: real array (k,), one value per angle of the gate (k = 0 for a fixed gate). May be traced.

    Returns:
        Complex (2^m, 2^m) for m wires, the first wire the most significant bit; complex64 for float32 angles,
        complex128 for float64.

    Raises:
        ValueError: for an unknown name or a wrong number of angles.
    """
    signature = SIGNATURES.get(op.name)
    if signature is None:
        raise ValueError(f"unknown gate {op.name!r}; the gate set is {', '.join(SIGNATURES)}")
    angles = jnp.asarray(angles)
    if not jnp.issubdtype(angles.dtype, jnp.floating):
        angles = angles.astype(jnp.result_type(float))
    if angles.shape != (signature.n_angles,):
        raise ValueError(f"{op.name} takes angles of shape ({signature.n_angles},), not {angles.shape}")
    dtype = jnp.dtype(jnp.complex128 if angles.dtype == jnp.float64 else jnp.complex64)
    if dtype == jnp.complex64:
        angles = angles.astype(jnp.float32)
    if op.name in _CONSTANT:
        return jnp.asarray(_CONSTANT[op.name], dtype)
    return _angled_matrix(op, angles, dtype)


def _angled_matrix(op: Op, angles: Float[Array, " k"], dtype: Any) -> Complex[Array, "dim dim"]:
    def constant(array: np.ndarray) -> Array:
        return jnp.asarray(array, dtype)

    def phase(angle: Array) -> Array:
        return jax.lax.complex(jnp.cos(angle), jnp.sin(angle))

    def rotation(generator: np.ndarray) -> Array:
        half = 0.5 * angles[0]
        eye = constant(np.eye(len(generator)))
        return jnp.cos(half).astype(dtype) * eye + jnp.sin(half).astype(dtype) * constant(-1j * generator)

    match op.name:
        case "PAULIROT":
            return rotation(pauli_matrix(op.pauli))
        case "CRX" | "CRY" | "CRZ":
            eye = constant(np.diag([1, 1, 0, 0]))
            return eye.at[2:, 2:].set(rotation(pauli_matrix(op.name[2])))
        case "P" | "CP" | "MCP":
            last = np.zeros(2 ** len(op.wires))
            last[-1] = 1.0
            return jnp.diag(constant(1.0 - last) + phase(angles[0]) * constant(last))
        case "XXPLUSYY":
            half = 0.5 * angles[0]
            inside = jnp.cos(half).astype(dtype) * constant(np.diag([0, 1, 1, 0]))
            return (
                constant(np.diag([1, 0, 0, 1]))
                + inside
                + jnp.sin(half).astype(dtype) * constant(-1j * _EXCHANGE)
            )
        case "U3":
            cosine, sine = jnp.cos(0.5 * angles[0]).astype(dtype), jnp.sin(0.5 * angles[0]).astype(dtype)
            phi, lam = phase(angles[1]), phase(angles[2])
            return jnp.stack([jnp.stack([cosine, -lam * sine]), jnp.stack([phi * sine, phi * lam * cosine])])
        case "SU2":
            cosine, sinc = _cos_sinc(0.25 * jnp.sum(jnp.square(angles)))
            generator = jnp.tensordot((0.5 * angles).astype(dtype), constant(-1j * _basis(1)), 1)
            return cosine.astype(dtype) * constant(np.eye(2)) + sinc.astype(dtype) * generator
        case "SU4":
            generator = jnp.tensordot((0.5 * angles).astype(dtype), constant(-1j * _basis(2)), 1)
            return jax.scipy.linalg.expm(generator)
        case _:
            return rotation(pauli_matrix(_GENERATOR[op.name]))


def _cos_sinc(square: Array) -> tuple[Array, Array]:
    """``cos r`` and ``sin r / r`` as functions of ``r^2``, smooth to every order at 0 (series below r = 0.1)."""
    small = square < 0.01
    radius = jnp.sqrt(jnp.where(small, 1.0, square))
    cosine = sinc = jnp.ones_like(square)
    for k in (5, 4, 3, 2, 1):
        cosine = 1.0 - square * cosine / ((2 * k) * (2 * k - 1))
        sinc = 1.0 - square * sinc / ((2 * k) * (2 * k + 1))
    return jnp.where(small, cosine, jnp.cos(radius)), jnp.where(small, sinc, jnp.sin(radius) / radius)


def logarithm(matrix: Any) -> np.ndarray:
    """Coordinates of the shortest generator of a unitary up to a global phase.

    ``matrix = exp(i a) exp(-i/2 sum_s t_s P_s)`` over all Pauli strings but the identity, lexicographic. Among the
    branches of the logarithm with eigenphases within one turn, the one of least norm is taken, so the length in the
    flat metric, ``|t| / 2``, is that of the minimal geodesic: pi sqrt(3)/4 for CX, pi/(2 sqrt 2) for ISWAP.

    Args:
        matrix: unitary, complex (..., d, d) with d = 2^m.

    Returns:
        float64 (..., d^2 - 1).

    Raises:
        ValueError: if a matrix is not unitary to 1e-8, or d is not a power of two.
    """
    matrix = np.asarray(matrix, dtype=complex)
    dim = matrix.shape[-1]
    n_qubits = dim.bit_length() - 1
    if matrix.shape[-2] != dim or dim != 2**n_qubits or dim < 2:
        raise ValueError(f"a unitary on qubits has shape (2^m, 2^m), not {matrix.shape[-2:]}")
    defect = np.abs(matrix @ matrix.conj().swapaxes(-1, -2) - np.eye(dim)).max(initial=0.0)
    if not defect < 1e-8:
        raise ValueError(f"the matrix is not unitary: U U' differs from the identity by {defect:.1e}")
    # A Cayley transform, its pole in the widest gap of the spectrum, gives a Hermitian matrix with the same
    # eigenvectors and distinct images of distinct eigenvalues: stable where eigenvalues coincide.
    phases = np.sort(np.angle(np.linalg.eigvals(matrix)), axis=-1)
    gaps = np.diff(phases, axis=-1, append=phases[..., :1] + 2 * np.pi)
    widest = np.argmax(gaps, axis=-1)[..., None]
    pole = np.take_along_axis(phases + gaps / 2, widest, -1)[..., None]
    turned = -matrix * np.exp(-1j * pole)
    eye = np.eye(dim)
    hermitian = 1j * np.linalg.solve(eye + turned, eye - turned)
    _, vectors = np.linalg.eigh(0.5 * (hermitian + hermitian.conj().swapaxes(-1, -2)))
    rayleigh = np.einsum("...ki,...kl,...li->...i", vectors.conj(), matrix, vectors)
    angles = np.angle(rayleigh)
    # Branches: eigenphases sorted, the k lowest moved up one turn; the trace is a global phase and is removed.
    order = np.argsort(angles, axis=-1)
    rank = np.argsort(order, axis=-1)
    branches = angles[..., None, :] + 2 * np.pi * (rank[..., None, :] < np.arange(dim)[:, None])
    branches -= branches.mean(axis=-1, keepdims=True)
    # The small penalty makes ties (a spectrum symmetric under a rotation) fall on the same branch everywhere.
    norms = np.sum(branches**2, axis=-1) + 1e-9 * np.arange(dim)
    best = np.argmin(norms, axis=-1)[..., None, None]
    angles = np.take_along_axis(branches, best, -2)[..., 0, :]
    generator = -np.einsum("...ki,...i,...li->...kl", vectors, angles, vectors.conj())
    return (2.0 / dim) * np.einsum("...kl,slk->...s", generator, _basis(n_qubits)).real
