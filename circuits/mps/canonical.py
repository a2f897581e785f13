r"""Canonical forms of an open matrix product state, Schmidt values and truncation.

A tensor ``A`` (Dl, d, Dr) is left canonical if ``sum_s A_s' A_s = 1`` and right canonical if ``sum_s A_s A_s' = 1``.
A state is mixed canonical around its centre if the tensors on the left are left canonical and those on the right right
canonical: the centre tensor then holds the amplitudes in an orthonormal basis (Schollwoeck, Ann. Phys. 326, 96 (2011),
section 4). All functions take and give tuples of tensors and are jitted; `circuits.mps.MPS` has them as methods.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from circuits.mps.linalg import positive_lq, positive_qr, truncated_svd
from circuits.mps.sites import corner, padded, trimmed

Tensors = tuple[Array, ...]


def _left_step(carry: Array, tensor: Array) -> tuple[Array, Array]:
    theta = jnp.einsum("ab,bsc->asc", carry, tensor)
    q, r = positive_qr(theta.reshape(-1, theta.shape[2]))
    return r, q.reshape(theta.shape)


def _right_step(carry: Array, tensor: Array) -> tuple[Array, Array]:
    theta = jnp.einsum("asb,bc->asc", tensor, carry)
    lower, q = positive_lq(theta.reshape(theta.shape[0], -1))
    return lower, q.reshape(theta.shape)


def _shape(tensors: Tensors) -> tuple[list[int], list[int]]:
    return [1, *(t.shape[2] for t in tensors)], [t.shape[1] for t in tensors]


def _left_bonds(bonds: list[int], dims: list[int]) -> list[int]:
    """Bond dimensions after a sweep to the right: at most d times the one before."""
    out = bonds[:1]
    for d, bond in zip(dims, bonds[1:], strict=True):
        out.append(min(out[-1] * d, bond))
    return out


def _right_bonds(bonds: list[int], dims: list[int]) -> list[int]:
    return _left_bonds(bonds[::-1], dims[::-1])[::-1]


@jax.jit
def left_canonical(tensors: Tensors) -> tuple[Tensors, Array]:
    """Left canonical tensors and the remainder (1, 1): the norm, with the phase of the state in the tensors.

    Bonds that are wider than ``d`` times their left neighbour become narrower: nothing is lost.
    """
    stack = padded(tensors)
    rest, out = lax.scan(_left_step, corner(stack), stack)
    bonds, dims = _shape(tensors)
    return trimmed(out, _left_bonds(bonds, dims), dims), rest[:1, :1]


@jax.jit
def right_canonical(tensors: Tensors) -> tuple[Tensors, Array]:
    """Right canonical tensors and the remainder (1, 1): the norm."""
    stack = padded(tensors)
    rest, out = lax.scan(_right_step, corner(stack), stack, reverse=True)
    bonds, dims = _shape(tensors)
    return trimmed(out, _right_bonds(bonds, dims), dims), rest[:1, :1]


@functools.partial(jax.jit, static_argnames=("centre",))
def mixed_canonical(tensors: Tensors, centre: int) -> Tensors:
    """The same state, norm included: left canonical below ``centre``, right canonical above it."""
    stack = padded(tensors)
    left, below = lax.scan(_left_step, corner(stack), stack[:centre])
    right, above = lax.scan(_right_step, corner(stack), stack[centre + 1 :], reverse=True)
    middle = jnp.einsum("ab,bsc,cd->asd", left, stack[centre], right)
    bonds, dims = _shape(tensors)
    bonds = _left_bonds(bonds, dims)[: centre + 1] + _right_bonds(bonds, dims)[centre + 1 :]
    return trimmed(jnp.concatenate([below, middle[None], above]), bonds, dims)


@jax.jit
def log_norm(tensors: Tensors) -> Float[Array, ""]:
    """``ln || psi ||``, with the environment rescaled at every site: no overflow at any length."""
    stack = padded(tensors)

    def step(carry: tuple[Array, Array], tensor: Array) -> tuple[tuple[Array, Array], None]:
        env, logarithm = carry
        env = jnp.einsum("asb,asc->bc", tensor.conj(), jnp.einsum("ad,dsc->asc", env, tensor))
        size = jnp.linalg.norm(env)
        safe = jnp.where(size > 0.0, size, 1.0)
        return (env / safe.astype(env.dtype), logarithm + jnp.log(size)), None

    start = (corner(stack), jnp.zeros((), stack.real.dtype))
    (env, logarithm), _ = lax.scan(step, start, stack)
    return 0.5 * (logarithm + jnp.log(jnp.abs(env[0, 0])))


@jax.jit
def schmidt_values(tensors: Tensors) -> Float[Array, "bonds rank"]:
    """The Schmidt values at each bond, descending, of norm one; zeros beyond the rank.

    Differentiable through sums over all values of a bond that do not single one out of a multiplet.
    """
    stack = padded(tensors)
    rest, right = lax.scan(_right_step, corner(stack), stack, reverse=True)

    def step(carry: Array, tensor: Array) -> tuple[Array, Array]:
        r, _ = _left_step(carry, tensor)
        return r, r

    # at each bond the matrix of the state between orthonormal bases of both sides
    _, matrices = lax.scan(step, rest, right[:-1])
    values = jax.vmap(lambda m: truncated_svd(m, m.shape[0]).singular_values)(matrices)
    return values / jnp.linalg.norm(values, axis=1, keepdims=True)


@functools.partial(jax.jit, static_argnames=("bond_dimension",))
def compress(
    tensors: Tensors, bond_dimension: int, cutoff: float = 0.0
) -> tuple[Tensors, Float[Array, " bonds"]]:
    r"""Truncate every bond to ``bond_dimension`` Schmidt values, from left to right, on the canonical form.

    Returns left canonical tensors, the last of which carries the norm, and the weight (sum of squared Schmidt values)
    that was cut at each bond: ``|| psi - psi' ||^2 <= 2 sum(weights)`` (Verstraete and Cirac, PRB 73, 094423 (2006)).
    Schmidt values below ``cutoff`` times the largest are set to zero; the shapes stay fixed.
    """
    stack = padded(tensors)
    rest, right = lax.scan(_right_step, corner(stack), stack, reverse=True)
    bonds, dims = _shape(tensors)
    kept = [1]
    for d, bond in zip(dims[:-1], _right_bonds(bonds, dims)[1:-1], strict=True):
        kept.append(min(kept[-1] * d, bond, bond_dimension))
    width = max(kept)

    def step(carry: Array, tensor: Array) -> tuple[Array, tuple[Array, Array]]:
        theta = jnp.einsum("ab,bsc->asc", carry, tensor)
        cut = truncated_svd(theta.reshape(-1, theta.shape[2]), width, cutoff)
        return cut.core @ cut.right, (cut.left.reshape(*theta.shape[:2], -1), cut.discarded)

    start = rest[:width]
    last, (left, weights) = lax.scan(step, start, right[:-1])
    last = jnp.einsum("ab,bsc->asc", last, right[-1])
    return (*trimmed(left, kept, dims[:-1]), last[: kept[-1], : dims[-1], :1]), weights
