r"""Contractions of open chains: overlaps, sandwiches with operators, amplitudes, sums.

Every function takes tuples of tensors (Dl, d, Dr); operators have tensors (wl, d, d, wr) with axes (left bond, out, in,
right bond). Real and complex tensors may be mixed.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Inexact

from circuits.mps.dtypes import widest
from circuits.mps.sites import fold

Tensors = tuple[Array, ...]


def common_dtype(*chains: Tensors) -> tuple[Tensors, ...]:
    """The chains, cast to the smallest dtype that holds them all."""
    dtype = widest(*(t for chain in chains for t in chain))
    return tuple(tuple(t.astype(dtype) for t in chain) for chain in chains)


@jax.jit
def overlap(bra: Tensors, ket: Tensors) -> Inexact[Array, ""]:
    """``<bra|ket>``, O(n d D^3); antiholomorphic in ``bra``."""
    bra, ket = common_dtype(bra, ket)

    def step(env: Array, site: tuple[Array, Array]) -> tuple[Array, None]:
        above, below = site
        half = jnp.einsum("ab,bsc->asc", env, below)
        return jnp.einsum("asd,asc->dc", above.conj(), half), None

    env, _ = fold(step, jnp.ones((1, 1), bra[0].dtype), list(zip(bra, ket, strict=True)))
    return env[0, 0]


@jax.jit
def sandwich(bra: Tensors, operator: Tensors, ket: Tensors) -> Inexact[Array, ""]:
    """``<bra|O|ket>`` of a matrix product operator, O(n d w D^3)."""
    bra, operator, ket = common_dtype(bra, operator, ket)

    def step(env: Array, site: tuple[Array, Array, Array]) -> tuple[Array, None]:
        above, middle, below = site
        half = jnp.einsum("awb,bsc->awsc", env, below)
        half = jnp.einsum("awsc,wtsv->atvc", half, middle)
        return jnp.einsum("atd,atvc->dvc", above.conj(), half), None

    start = jnp.ones((1, 1, 1), bra[0].dtype)
    env, _ = fold(step, start, list(zip(bra, operator, ket, strict=True)))
    return env[0, 0, 0]


@jax.jit
def sandwich_squared(operator: Tensors, ket: Tensors) -> Inexact[Array, ""]:
    """``<ket|O'O|ket>``, O(n d w^2 D^3)."""
    operator, ket = common_dtype(operator, ket)

    def step(env: Array, site: tuple[Array, Array]) -> tuple[Array, None]:
        middle, below = site
        half = jnp.einsum("auwb,bsc->auwsc", env, below)
        half = jnp.einsum("auwsc,wtsv->autvc", half, middle)
        half = jnp.einsum("autvc,utrx->arxvc", half, middle.conj())
        return jnp.einsum("ard,arxvc->dxvc", below.conj(), half), None

    env, _ = fold(step, jnp.ones((1, 1, 1, 1), ket[0].dtype), list(zip(operator, ket, strict=True)))
    return env[0, 0, 0, 0]


@jax.jit
def to_vector(tensors: Tensors) -> Inexact[Array, " dim"]:
    """All amplitudes of an open chain, site 0 most significant."""
    psi = jnp.ones((1, 1), tensors[0].dtype)
    for t in tensors:
        psi = jnp.einsum("xa,asb->xsb", psi, t).reshape(-1, t.shape[-1])
    return psi[:, 0]


@jax.jit
def add(a: Tensors, b: Tensors) -> Tensors:
    """The tensors of the sum: block diagonal, side by side at the ends."""
    a, b = common_dtype(a, b)
    if len(a) == 1:
        return (a[0] + b[0],)
    out = []
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        left = 0 if i == 0 else x.shape[0]
        right = 0 if i == len(a) - 1 else x.shape[2]
        shape = (max(x.shape[0], left + y.shape[0]), x.shape[1], max(x.shape[2], right + y.shape[2]))
        block = jnp.zeros(shape, x.dtype).at[: x.shape[0], :, : x.shape[2]].set(x)
        out.append(block.at[left : left + y.shape[0], :, right : right + y.shape[2]].set(y))
    return tuple(out)


def without_zero_bonds(tensors: Tensors) -> Tensors:
    """The tensors with bond indices left out on which the right-hand tensor vanishes. Not for use under `jax.jit`."""
    host = [np.asarray(t) for t in tensors]
    for i in range(len(host) - 1, 0, -1):
        keep = np.flatnonzero(np.abs(host[i]).max(axis=(1, 2)) > 0.0)
        keep = keep if keep.size else np.array([0])
        host[i], host[i - 1] = host[i][keep], host[i - 1][:, :, keep]
    return tuple(jnp.asarray(t) for t in host)
