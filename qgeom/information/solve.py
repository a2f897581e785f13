"""Natural gradients: ``(F + damping) x = g`` (Amari, Neural Computation 10, 251 (1998))."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import lineax as lx
from jaxtyping import Array, Float


def dense_solve(matrix: Float[Array, "p p"], gradient: Float[Array, " p"], damping: float | Array) -> Array:
    """Cholesky solution of ``(F + damping) x = g``, ``damping > 0``."""
    shifted = matrix + damping * jnp.eye(matrix.shape[0], dtype=matrix.dtype)
    return jax.scipy.linalg.cho_solve(jax.scipy.linalg.cho_factor(shifted, lower=True), gradient)


def pseudo_inverse_solve(matrix: Float[Array, "p p"], gradient: Float[Array, " p"]) -> Array:
    """The solution of least norm of ``F x = g`` on the support of F (eigenvalues above ``8 p epsilon lambda_max``)."""
    eigenvalues, vectors = jnp.linalg.eigh(matrix)
    cut = 8.0 * matrix.shape[0] * float(jnp.finfo(matrix.dtype).eps) * jnp.maximum(eigenvalues[-1], 0.0)
    kept = eigenvalues > cut
    inverse = jnp.where(kept, 1.0 / jnp.where(kept, eigenvalues, jnp.ones_like(cut)), jnp.zeros_like(cut))
    return vectors @ (inverse * (vectors.T @ gradient))


def iterative_solve(
    multiply: Callable[[Array], Array], gradient: Float[Array, " p"], damping: float | Array, rtol: float
) -> tuple[Array, Array]:
    """Conjugate gradients on ``(F + damping) x = g``: the solution and its relative residual."""

    def shifted(v: Array) -> Array:
        return multiply(v) + damping * v

    operator = lx.FunctionLinearOperator(
        shifted, jax.eval_shape(lambda: gradient), (lx.symmetric_tag, lx.positive_semidefinite_tag)
    )
    solver = lx.CG(rtol=rtol, atol=0.0, max_steps=10 * gradient.shape[0])
    solution = lx.linear_solve(operator, gradient, solver, throw=False).value
    size = jnp.linalg.norm(gradient)
    residual = jnp.linalg.norm(shifted(solution) - gradient)
    return solution, jnp.where(
        size > 0.0, residual / jnp.where(size > 0.0, size, jnp.ones_like(size)), residual
    )
