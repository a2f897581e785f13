r"""Krylov methods for the small problems at one site or bond: lowest eigenvector, and exponential.

A few steps of Lanczos with full reorthogonalisation, a fixed number, so that they compile once into the sweep. The
operator is given as a function of arrays of any shape; it must be Hermitian.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float


class Krylov(NamedTuple):
    """An orthonormal basis ``vectors`` (steps, ...) and the real tridiagonal matrix of the operator in it.

    ``beta[j]`` is the norm of the part of ``H v_j`` outside ``v_0 .. v_j``; rows beyond an invariant space are zero.
    """

    vectors: Array
    alpha: Float[Array, " steps"]
    beta: Float[Array, " steps"]
    norm: Float[Array, ""]

    def matrix(self, idle: Array | float) -> Float[Array, "steps steps"]:
        """The tridiagonal matrix, with ``idle`` on the diagonal where the basis has ended."""
        live = self._live()
        beta = jnp.where(live[1:], self.beta[:-1], 0.0)
        diagonal = jnp.where(live, self.alpha, idle)
        return jnp.diag(diagonal) + jnp.diag(beta, 1) + jnp.diag(beta, -1)

    def _live(self) -> Array:
        axes = tuple(range(1, self.vectors.ndim))
        return jnp.any(self.vectors != 0.0, axis=axes)


def build(apply: Callable[[Array], Array], start: Array, steps: int) -> Krylov:
    """The Krylov space of ``apply`` from ``start``, with ``steps`` applications."""
    real = start.real.dtype
    size = jnp.linalg.norm(start)
    first = start / jnp.where(size > 0.0, size, 1.0).astype(start.dtype)
    vectors = jnp.zeros((steps + 1, start.size), start.dtype).at[0].set(first.ravel())
    eps = jnp.finfo(real).eps

    def body(j: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        vectors, alpha, beta = carry
        w = apply(vectors[j].reshape(start.shape)).ravel()
        scale = jnp.linalg.norm(w)
        overlap = vectors.conj() @ w
        w = w - overlap @ vectors
        w = w - (vectors.conj() @ w) @ vectors  # twice is enough (Kahan): orthogonal to rounding
        b = jnp.linalg.norm(w)
        ended = b <= 10.0 * eps * scale
        after = jnp.where(ended, 0.0, 1.0).astype(w.dtype) * w / jnp.where(ended, 1.0, b).astype(w.dtype)
        b = jnp.where(ended, 0.0, b)
        return vectors.at[j + 1].set(after), alpha.at[j].set(overlap[j].real), beta.at[j].set(b)

    zeros = jnp.zeros((steps,), real)
    vectors, alpha, beta = lax.fori_loop(0, steps, body, (vectors, zeros, zeros))
    return Krylov(vectors[:-1].reshape(steps, *start.shape), alpha, beta, size)


class Lowest(NamedTuple):
    """The lowest Ritz pair; ``gradient`` is the residual ``|H v - E v|`` of the start vector, before any change."""

    energy: Float[Array, ""]
    vector: Array
    gradient: Float[Array, ""]


def lowest(apply: Callable[[Array], Array], start: Array, steps: int) -> Lowest:
    """The lowest eigenvector in the Krylov space of ``steps`` applications, of norm one."""
    space = build(apply, start, steps)
    idle = 1.0 + 2.0 * (jnp.max(jnp.abs(space.alpha)) + jnp.max(space.beta))  # above everything: never chosen
    values, vectors = jnp.linalg.eigh(space.matrix(idle))
    y = vectors[:, 0]
    y = y * jnp.where(y[0] < 0.0, -1.0, 1.0)
    vector = jnp.tensordot(y.astype(start.dtype), space.vectors, 1)
    vector = vector / jnp.linalg.norm(vector).astype(start.dtype)
    return Lowest(values[0], vector, space.beta[0])


def lowest_to(
    apply: Callable[[Array], Array], start: Array, steps: int, tolerance: Array, most: int
) -> Lowest:
    """`lowest`, restarted until the residual of its start is below ``tolerance``, at most ``most`` times."""

    def going(carry: tuple[Lowest, Array]) -> Array:
        return (carry[0].gradient > tolerance) & (carry[1] < most)

    def again(carry: tuple[Lowest, Array]) -> tuple[Lowest, Array]:
        return lowest(apply, carry[0].vector, steps), carry[1] + 1

    zero = jnp.zeros((), start.real.dtype)
    first = Lowest(zero, start, zero + jnp.inf)
    return lax.while_loop(going, again, (first, jnp.zeros((), jnp.int32)))[0]


def exponential(
    apply: Callable[[Array], Array], start: Array, factor: Array, steps: int
) -> tuple[Array, Float[Array, ""]]:
    r"""``exp(factor H) start`` in the Krylov space of ``steps`` applications (Park and Light, 1986), and its error.

    ``factor`` is real for imaginary time, ``-1j * dt`` for real time; it has the dtype of ``start``. The error is
    estimated, relative to the start, by ``|factor|`` times the part of the derivative that leaves the space.
    """
    space = build(apply, start, steps)
    matrix = space.matrix(0.0)
    shift = jnp.trace(matrix) / steps  # keeps exponentials of large real energies in range, and exact
    values, vectors = jnp.linalg.eigh(matrix - shift * jnp.eye(steps, dtype=matrix.dtype))
    weights = jnp.exp(factor * values.astype(start.dtype)) * vectors[0].astype(start.dtype)
    y = vectors.astype(start.dtype) @ weights
    error = jnp.abs(factor) * space.beta[-1] * jnp.abs(y[-1])
    scale = space.norm.astype(start.dtype) * jnp.exp(factor * shift.astype(start.dtype))
    return jnp.tensordot(scale * y, space.vectors, 1), error


def hermitian(matrix: Array) -> Array:
    """The Hermitian part."""
    return 0.5 * (matrix + matrix.conj().T)
