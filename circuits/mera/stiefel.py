r"""The Stiefel manifold of isometries, ``St(n, p) = {W : W^+ W = 1_p}``, ``W`` of shape ``(..., n, p)``, ``n >= p``.

Everything acts on the last two axes and on any leading ones at once, real or complex. The embedded (Euclidean) metric
``<A, B> = Re tr A^+ B`` is used: the tangent space at ``W`` is ``{X : W^+ X + X^+ W = 0}`` and its orthogonal projector
removes the Hermitian part of ``W^+ X``. The optimum of a linear function on the manifold is a polar factor, which is
the linearised update of Evenbly and Vidal, PRB 79, 144108 (2009), section IV.

References: Edelman, Arias and Smith, SIAM J. Matrix Anal. 20, 303 (1998); Absil, Mahony and Sepulchre, *Optimization
Algorithms on Matrix Manifolds* (2008); for MERA, Hauru, Van Damme and Haegeman, SciPost Phys. 10, 040 (2021).
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key

Matrix = Array


def adjoint(a: Matrix) -> Matrix:
    """The conjugate transpose of the last two axes (JAX or NumPy)."""
    return a.conj().swapaxes(-1, -2)


def inner(a: Matrix, b: Matrix) -> Array:
    """``Re tr a^+ b``, summed over all axes: a real scalar."""
    if jnp.iscomplexobj(a):
        return jnp.sum(a.real * b.real) + jnp.sum(a.imag * b.imag)
    return jnp.sum(a * b)


def project(w: Matrix, x: Matrix) -> Matrix:
    """The tangent vector at ``w`` nearest to ``x``: ``x - w (w^+ x + x^+ w) / 2`` (JAX or NumPy)."""
    overlap = adjoint(w) @ x
    return x - w @ (0.5 * (overlap + adjoint(overlap)))


def polar(x: Matrix) -> Matrix:
    r"""The isometry nearest to ``x``, its polar factor ``x (x^+ x)^{-1/2} = U V^+`` from ``x = U S V^+``.

    It maximises ``Re tr W^+ x`` over isometries ``W``. Not meant to be differentiated (see `orthonormal`).
    """
    left, _, right = jnp.linalg.svd(x, full_matrices=False)
    return left @ right


def retract(w: Matrix, x: Matrix) -> Matrix:
    """The polar retraction of the tangent vector ``x`` at ``w``, the polar factor of ``w + x``: exact to second order.

    For ``x`` of spectral norm up to 1, where Newton and Schulz's iteration (Higham, *Functions of Matrices*, section
    8.3) converges quadratically. JAX or NumPy arrays.
    """

    moved = w + x
    for _ in range(
        8
    ):  # the singular values of w + x lie between 1 and sqrt 2; now they are 1 within rounding
        moved = 1.5 * moved - 0.5 * moved @ (adjoint(moved) @ moved)
    return moved


def orthonormal(x: Matrix) -> Matrix:
    """The isometry with the same column space by Gram and Schmidt: ``Q`` of ``x = QR``, ``R`` of positive diagonal.

    Smooth, with derivatives of any order in forward and reverse mode, wherever the columns are linearly independent,
    and the identity map on isometries. Its kernel at an isometry is ``x -> x R``: upper triangular directions.
    """
    q, r = jnp.linalg.qr(x)
    diagonal = jax.lax.stop_gradient(jnp.diagonal(r, axis1=-2, axis2=-1))
    if jnp.iscomplexobj(x):
        # The phase of the diagonal depends on x; keeping its derivative makes the diagonal exactly positive.
        diagonal = jnp.diagonal(r, axis1=-2, axis2=-1)
        return q * (diagonal / jnp.abs(diagonal).astype(diagonal.dtype))[..., None, :]
    return q * jnp.where(diagonal < 0.0, -1.0, 1.0).astype(x.dtype)[..., None, :]


def random(key: Key[Array, ""], shape: tuple[int, ...], dtype: Any = None) -> Matrix:
    """Isometries ``(..., n, p)`` from the Haar measure. ``dtype`` real or complex, the default float."""
    dtype = jnp.zeros((), dtype).dtype
    return orthonormal(jax.random.normal(key, shape, dtype))


def deviation(w: Matrix) -> Array:
    """The largest entry of ``|w^+ w - 1|``: how far from the manifold."""
    gram = adjoint(w) @ w
    return jnp.max(jnp.abs(gram - jnp.eye(w.shape[-1], dtype=w.dtype)))
