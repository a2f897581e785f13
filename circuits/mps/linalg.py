r"""Decompositions that tensor networks are cut with: a truncated SVD with a finite gradient, positive QR, polar.

The derivative of an ordinary SVD divides by ``s_i^2 - s_j^2``, which is zero wherever two singular values agree - and
symmetric states have multiplets at every bond. Setting those terms to zero makes the gradient finite but wrong, since
a vector of singular values cannot hold the derivative that mixes a multiplet. `truncated_svd` therefore returns its
core as a matrix, diagonal in value, and lets the core carry the derivative within the kept space::

    A ~ U C V,    dC = U' dA V',    dU = U_d X + (1 - U U') dA V' C^-1,    dV likewise

so that only differences between kept and discarded singular values are divided by. Every function that does not
depend on the basis of the kept space, i.e. is invariant under ``U -> U W, C -> W' C Z, V -> Z' V`` with unitary W and
Z, has its exact derivative, whatever the multiplicities inside.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Inexact


class TruncatedSVD(NamedTuple):
    """``A ~ left @ core @ right``: (m, k) with orthonormal columns, (k, k) diagonal, (k, n) with orthonormal rows.

    ``discarded`` is the sum of the squares of the singular values left out: the squared Frobenius distance to ``A``.
    """

    left: Inexact[Array, "m k"]
    core: Inexact[Array, "k k"]
    right: Inexact[Array, "k n"]
    discarded: Float[Array, ""]

    @property
    def singular_values(self) -> Float[Array, " k"]:
        """The kept singular values, descending, real."""
        return jnp.diagonal(self.core, axis1=-2, axis2=-1).real


@functools.partial(jax.jit, static_argnames=("rank",))
def truncated_svd(matrix: Inexact[Array, "m n"], rank: int, cutoff: float = 0.0) -> TruncatedSVD:
    r"""The best approximation of a matrix of rank ``rank``: its largest singular values and their vectors.

    Shapes are fixed, so that it compiles once: ``k = min(rank, m, n)``. Batch it with ``jax.vmap``.

    Args:
        matrix: (m, n), real or complex.
        rank: how many singular values to keep, at least one.
        cutoff: kept singular values below ``cutoff * s_max`` are set to zero (the shape stays).

    Differentiable in forward and reverse mode; see the module's head for which functions have their exact derivative.
    Where the cut goes through a multiplet (the last kept value equals the first discarded one to rounding) no
    derivative exists, and the terms that would diverge are left out.

    Raises:
        ValueError: if ``rank`` is less than one.
    """
    if rank < 1:
        raise ValueError(f"the rank of a truncated SVD must be at least 1; got {rank}")
    left, values, right = _svd(matrix, rank)
    k = left.shape[-1]
    small = jnp.diagonal(values)[:k].real < cutoff * values[0, 0].real
    kept = jnp.where(small, 0.0, 1.0).astype(values.dtype)
    discarded = jnp.sum(jnp.square(jnp.diagonal(values)[k:].real))
    discarded = discarded + jnp.sum(jnp.where(small, jnp.square(jnp.diagonal(values)[:k].real), 0.0))
    core = kept[:, None] * values[:k, :k] * kept[None, :]
    return TruncatedSVD(left, core, right, discarded)


@functools.partial(jax.custom_jvp, nondiff_argnums=(1,))
def _svd(matrix: Array, rank: int) -> tuple[Array, Array, Array]:
    """``left`` (m, k), all singular values as a diagonal matrix (r, r) in the matrix's dtype, ``right`` (k, n)."""
    u, s, v = jnp.linalg.svd(matrix, full_matrices=False)
    k = min(rank, s.shape[-1])
    return u[:, :k], jnp.diag(s).astype(matrix.dtype), v[:k]


@_svd.defjvp
def _svd_jvp(rank: int, primals: tuple[Array], tangents: tuple[Array]) -> Any:
    (matrix,), (d_matrix,) = primals, tangents
    u, s, v = jnp.linalg.svd(matrix, full_matrices=False)
    k = min(rank, s.shape[-1])
    u1, u2, v1, v2 = u[:, :k], u[:, k:], v[:k], v[k:]
    s1, s2 = s[:k], s[k:]
    # Rounding of s^2 is of order eps * s_max^2: smaller differences are noise, and would only amplify it.
    floor = 8.0 * jnp.finfo(s.dtype).eps * jnp.square(s[0]) + jnp.finfo(s.dtype).tiny
    d_right, d_left = d_matrix @ v1.conj().T, u1.conj().T @ d_matrix  # (m, k), (k, n)
    core = u1.conj().T @ d_right
    # dU = U_d X + ..., dV = Y' V_d + ...; from the blocks of U' dA V' that couple the kept and the discarded:
    # X s1 - s2 Y = P21 and Y s1 - s2 X = P12'.
    p21 = u2.conj().T @ d_right
    p12 = d_left @ v2.conj().T
    gap = jnp.square(s1)[None, :] - jnp.square(s2)[:, None]
    inverse = jnp.where(gap > floor, 1.0 / jnp.where(gap > floor, gap, 1.0), 0.0).astype(u.dtype)
    s1c, s2c = s1.astype(u.dtype), s2.astype(u.dtype)
    x = (p21 * s1c[None, :] + s2c[:, None] * p12.conj().T) * inverse
    y = (p12.conj().T * s1c[None, :] + s2c[:, None] * p21) * inverse
    s_safe = jnp.where(jnp.square(s1) > floor, s1, 1.0)
    s_inverse = jnp.where(jnp.square(s1) > floor, 1.0 / s_safe, 0.0).astype(u.dtype)
    du = u2 @ x + (d_right - u @ (u.conj().T @ d_right)) * s_inverse[None, :]
    dv = y.conj().T @ v2 + s_inverse[:, None] * (d_left - (d_left @ v.conj().T) @ v)
    # The discarded values: only their own diagonal is wanted, for the weight that is lost.
    d_discarded = jnp.einsum("mi,mn,in->i", u2.conj(), d_matrix, v2.conj()).real.astype(u.dtype)
    d_values = jnp.zeros(2 * (s.shape[-1],), u.dtype).at[:k, :k].set(core)
    d_values = d_values + jnp.diag(jnp.concatenate([jnp.zeros(k, u.dtype), d_discarded]))
    return (u1, jnp.diag(s).astype(u.dtype), v1), (du, d_values, dv)


@jax.custom_jvp
def positive_qr(matrix: Inexact[Array, "m n"]) -> tuple[Inexact[Array, "m k"], Inexact[Array, "k n"]]:
    """``Q R = matrix`` with orthonormal columns of Q and a real, non-negative diagonal of R; ``k = min(m, n)``.

    Unique where the first k columns are independent, so that it is continuous along a path of matrices. The derivative
    is exact there, and also where trailing columns are zero by construction (tensors padded to a common shape); in the
    directions of other vanishing columns it is finite, and left out.
    """
    q, r = jnp.linalg.qr(matrix)
    diagonal = jnp.diagonal(r)
    size = jnp.abs(diagonal)
    phase = jnp.where(size > 0.0, diagonal / jnp.where(size > 0.0, size, 1.0).astype(r.dtype), 1.0)
    phase = phase.astype(r.dtype)
    return q * phase[None, :], phase.conj()[:, None] * r


@positive_qr.defjvp
def _positive_qr_jvp(primals: tuple[Array], tangents: tuple[Array]) -> Any:
    (matrix,), (d_matrix,) = primals, tangents
    q, r = positive_qr(matrix)
    k = q.shape[1]
    # Walter and Lehmann, "On evaluating higher-order derivatives of the QR decomposition" (2010), section 3
    size = jnp.abs(jnp.diagonal(r))
    vanishing = size <= 8.0 * jnp.finfo(size.dtype).eps * jnp.max(size)
    square = r[:, :k] + jnp.diag(jnp.where(vanishing, 1.0, 0.0).astype(r.dtype))
    scaled = jax.scipy.linalg.solve_triangular(square.T, d_matrix[:, :k].T, lower=True).T  # dA R^-1
    inner = q.conj().T @ scaled
    lower = jnp.tril(inner, -1)
    omega = lower - lower.conj().T
    if jnp.iscomplexobj(inner):
        omega = omega + jnp.diag(lax.complex(jnp.zeros(k, size.dtype), jnp.diagonal(inner).imag))
    dq = q @ omega + scaled - q @ inner
    return (q, r), (dq, q.conj().T @ d_matrix - omega @ r)


def positive_lq(matrix: Inexact[Array, "m n"]) -> tuple[Inexact[Array, "m k"], Inexact[Array, "k n"]]:
    """``L Q = matrix`` with orthonormal rows of Q and a real, non-negative diagonal of L; ``k = min(m, n)``."""
    q, r = positive_qr(matrix.T)
    return r.T, q.T


def polar(matrix: Inexact[Array, "m n"]) -> Inexact[Array, "m n"]:
    """The isometry nearest to a matrix: ``U V`` of its SVD ``U s V`` (orthonormal columns if m >= n, else rows)."""
    u, _, v = jnp.linalg.svd(matrix, full_matrices=False)
    return u @ v
