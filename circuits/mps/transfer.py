r"""Transfer matrices of uniform tensors: spectrum, fixed points, correlation length, injectivity.

The transfer matrix of a tensor ``A`` (D, d, D) maps environments, ``E(X) = sum_s A_s X A_s'`` on the right and
``X -> sum_s A_s' X A_s`` on the left. Its largest eigenvalue is the norm per site; the second one, relative to it, is
how correlations decay: ``xi = -1 / ln |lambda_2 / lambda_1|``.

A tensor is *injective* on blocks of L sites if the products ``A_{s_1} ... A_{s_L}`` span all D x D matrices, and
*normal* if it is on some L (Perez-Garcia et al., Quantum Inf. Comput. 7, 401 (2007); Cirac et al., Rev. Mod. Phys. 93,
045003 (2021), section IV.A). These functions run on the host and are not for use under `jax.jit`.
"""

from __future__ import annotations

from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg
from jaxtyping import Array

from circuits.mps.dtypes import widest

_DENSE_BOND = 16  # up to here all D^2 eigenvalues come from LAPACK
_SAME = 1e-9  # relative modulus within which eigenvalues count as equal
_RANK = 1e-10  # relative singular value below which a direction is not in a span


@jax.jit
def apply_right(x: Array, ket: Array, bra: Array | None = None) -> Array:
    """``sum_s A_s X B_s'``: one site moved into a right environment X (ket bond, bra bond); O(d D^3)."""
    bra = ket if bra is None else bra
    return jnp.einsum("asb,csb->ac", jnp.einsum("asd,db->asb", ket, x), bra.conj())


@jax.jit
def apply_left(x: Array, ket: Array, bra: Array | None = None) -> Array:
    """``sum_s B_s' X A_s``: one site moved into a left environment X (bra bond, ket bond); O(d D^3)."""
    bra = ket if bra is None else bra
    return jnp.einsum("asb,asc->bc", bra.conj(), jnp.einsum("ad,dsc->asc", x, ket))


def transfer_matrix(ket: Array, bra: Array | None = None) -> Array:
    """The dense transfer matrix (Dk Db, Dk Db): the matrix of `apply_right` on flattened right environments."""
    bra = ket if bra is None else bra
    dtype = widest(ket, bra)
    full = jnp.einsum("asb,csd->acbd", ket.astype(dtype), bra.astype(dtype).conj())
    return full.reshape(ket.shape[0] * bra.shape[0], ket.shape[2] * bra.shape[2])


def transfer_spectrum(ket: Any, count: int | None = None, bra: Any = None) -> np.ndarray:
    """Eigenvalues of the transfer matrix, by falling modulus, complex128; divided by the largest modulus.

    Args:
        ket: tensor (D, d, D).
        count: how many; all D^2 unless given, or 6 for D > 16, where they come from Arnoldi iteration, matrix-free.
        bra: the tensor below, for the mixed transfer matrix of two states; then nothing is divided out.
    """
    values = _eigenvalues(ket, count, bra)
    return values if bra is not None else values / np.abs(values[0])


def _eigenvalues(ket: Any, count: int | None, bra: Any = None) -> np.ndarray:
    a = uniform_tensor(ket)
    b = a if bra is None else uniform_tensor(bra)
    size = a.shape[0] * b.shape[0]
    if size <= _DENSE_BOND**2 or (count is not None and count >= size - 2):
        values = np.linalg.eigvals(np.asarray(transfer_matrix(jnp.asarray(a), jnp.asarray(b))))
    else:
        values = scipy.sparse.linalg.eigs(
            _operator(a, b, left=False),
            k=6 if count is None else count,
            which="LM",
            return_eigenvectors=False,
        )
    values = values[np.argsort(-np.abs(values), kind="stable")].astype(np.complex128)
    return values if count is None else values[:count]


def _operator(a: np.ndarray, b: np.ndarray, left: bool) -> scipy.sparse.linalg.LinearOperator:
    dtype = np.result_type(a, b)
    ket, bra = jnp.asarray(a.astype(dtype)), jnp.asarray(b.astype(dtype))
    shape = (b.shape[0], a.shape[0]) if left else (a.shape[0], b.shape[0])
    move = apply_left if left else apply_right

    def matvec(x: np.ndarray) -> np.ndarray:
        return np.asarray(move(jnp.asarray(x.astype(dtype).reshape(shape)), ket, bra)).reshape(-1)

    size = shape[0] * shape[1]
    # ARPACK starts from x, which is real for real operators; complex vectors never reach a real one
    return cast(Any, scipy.sparse.linalg.LinearOperator)((size, size), matvec=matvec, dtype=dtype)


def correlation_length(tensor: Any) -> float:
    """``-1 / ln |lambda_2 / lambda_1|``, in sites; 0 for a product state, ``inf`` for several dominant eigenvalues."""
    values = np.abs(transfer_spectrum(tensor, None if uniform_tensor(tensor).shape[0] <= _DENSE_BOND else 4))
    if len(values) < 2 or values[1] < np.finfo(float).eps:
        return 0.0
    return float("inf") if values[1] > 1.0 - _SAME else float(-1.0 / np.log(values[1]))


def fixed_points(tensor: Any) -> tuple[float, np.ndarray, np.ndarray]:
    """The largest eigenvalue, and the left and right fixed points (D, D): Hermitian, positive, ``tr(l r) = 1``.

    Raises:
        ValueError: if several eigenvalues have the largest modulus: the state is a sum of states, or breaks
            translation symmetry.
    """
    a = uniform_tensor(tensor)
    check_single(a)
    d = a.shape[0]
    if d <= _DENSE_BOND:
        matrix = np.asarray(transfer_matrix(jnp.asarray(a)))
        values, rights = np.linalg.eig(matrix)
        left_values, lefts = np.linalg.eig(matrix.T)
        k, j = int(np.argmax(np.abs(values))), int(np.argmax(np.abs(left_values)))
        value, right, left = complex(values[k]), rights[:, k], lefts[:, j]
    else:
        value, right = _arnoldi(a, left=False)
        # `apply_left` keeps (bra, ket); the left eigenvector of the dense matrix is over (ket, bra)
        left = _arnoldi(a, left=True)[1].reshape(d, d).T.reshape(-1)
    l, r = (_positive(x.reshape(d, d), np.isrealobj(a)) for x in (left.reshape(d, d).T, right.reshape(d, d)))
    return float(np.abs(value)), l / np.trace(l @ r).real, r


def _arnoldi(a: np.ndarray, left: bool) -> tuple[complex, np.ndarray]:
    values, vectors = cast(Any, scipy.sparse.linalg.eigs(_operator(a, a, left=left), k=1, which="LM"))
    return complex(values[0]), vectors[:, 0]


def _positive(x: np.ndarray, real: bool) -> np.ndarray:
    """The Hermitian matrix of positive trace along an eigenvector of arbitrary phase."""
    x = x * np.exp(-1j * np.angle(np.trace(x)))
    x = 0.5 * (x + x.conj().T)
    return np.real(x) if real else x


def check_single(tensor: Any) -> None:
    """Pass if one eigenvalue of the transfer matrix is dominant.

    Raises:
        ValueError: if not, with their number.
    """
    values = np.abs(transfer_spectrum(tensor, None if uniform_tensor(tensor).shape[0] <= _DENSE_BOND else 4))
    count = int(np.sum(values > 1.0 - _SAME))
    if count > 1:
        raise ValueError(
            f"the tensor is not injective on any block length: its transfer matrix has {count} eigenvalues of the "
            f"largest modulus, so it is a sum of {count} infinite states or repeats only every few sites; take its "
            f"blocks one by one, group sites into larger cells, or use PeriodicMPS on a ring"
        )


# Injectivity.


def products(tensor: Any, length: int) -> np.ndarray:
    """All products ``A_{s_1} ... A_{s_L}``: (d^L, D, D), s_1 most significant."""
    a = np.asarray(tensor)
    out = np.eye(a.shape[0], dtype=a.dtype)[None]
    for _ in range(length):
        out = np.einsum("xab,bsc->xsac", out, a).reshape(-1, a.shape[0], a.shape[2])
    return out


def span_dimensions(tensor: Any, longest: int) -> tuple[int, ...]:
    """The dimension of the span of products of L tensors, for L = 1 .. ``longest``; at most D^2."""
    return tuple(len(basis) for basis in _spans(uniform_tensor(tensor), longest))


def _spans(a: np.ndarray, longest: int) -> list[np.ndarray]:
    """Orthonormal bases (rank, D, D) of the spans of products of 1 .. ``longest`` tensors."""
    size = a.shape[0]
    basis, out = np.eye(size, dtype=a.dtype)[None] / np.sqrt(size), []
    for _ in range(longest):
        moved = np.einsum("asb,xbc->sxac", a, basis).reshape(-1, size * size)
        _, values, vectors = np.linalg.svd(moved, full_matrices=False)
        basis = vectors[values > _RANK * max(values[0], 1e-300)].reshape(-1, size, size)
        out.append(basis)
    return out


def injectivity_length(tensor: Any) -> int | None:
    """The smallest number L of sites on which a tensor is injective; ``None`` if it is on none.

    A normal tensor is injective at ``L <= D^2 (D^2 - d + 1)`` (Sanz et al., IEEE Trans. Inf. Theory 56, 4668 (2010)).
    """
    a = uniform_tensor(tensor)
    size = a.shape[0]
    basis = np.eye(size, dtype=a.dtype)[None] / np.sqrt(size)
    if not _is_normal(a):
        return None
    for length in range(1, size**4 + 1):
        moved = np.einsum("asb,xbc->sxac", a, basis).reshape(-1, size * size)
        _, values, vectors = np.linalg.svd(moved, full_matrices=False)
        basis = vectors[values > _RANK * values[0]].reshape(-1, size, size)
        if len(basis) == size * size:
            return length
    return None


def is_injective(tensor: Any, length: int = 1) -> bool:
    """Whether products of ``length`` tensors span all D x D matrices."""
    return span_dimensions(tensor, length)[-1] == uniform_tensor(tensor).shape[0] ** 2


def _is_normal(a: np.ndarray) -> bool:
    """One dominant eigenvalue, with fixed points of full rank."""
    try:
        _, left, right = fixed_points(a)
    except ValueError:
        return False
    return all(np.linalg.eigvalsh(x)[0] > _RANK * np.linalg.eigvalsh(x)[-1] for x in (left, right))


def block_count(tensor: Any) -> int:
    """The number of blocks: the dimension of the centre of the algebra that long products of the tensor span.

    1 for a normal tensor, b for a direct sum of b different ones, whatever their weights.
    """
    a = uniform_tensor(tensor)
    size = a.shape[0]
    basis = _spans(a / np.linalg.norm(a), max(2 * size * size, 4))[-1]
    commutators = [np.einsum("ab,xbc->xac", m, basis) - np.einsum("xab,bc->xac", basis, m) for m in basis]
    stacked = np.concatenate([c.reshape(len(basis), -1) for c in commutators], axis=1)
    values = np.linalg.svd(stacked, compute_uv=False)
    return int(np.sum(values < 1e-8)) + max(0, len(basis) - len(values))


def uniform_tensor(tensor: Any) -> np.ndarray:
    """The tensor on the host, checked to have shape (D, d, D).

    Raises:
        ValueError: if it has not.
    """
    a = np.asarray(tensor)
    if a.ndim != 3 or a.shape[0] != a.shape[2]:
        raise ValueError(f"a uniform tensor has shape (D, d, D); got {a.shape}")
    return a
