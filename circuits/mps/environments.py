r"""Environments of a matrix product operator between two matrix product states, and effective Hamiltonians.

A left environment has the legs (bra, operator, ket), as has a right one::

    L'[a', w', b'] = sum conj(A)[a, s, a'] L[a, w, b] W[w, s, t, w'] A[b, t, b']

Contractions are ordered so that they cost ``O(w d D^3)``: environment times tensor first, then the operator, then the
other side.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from circuits.mps.mpo import MPO, partial_matrix

_MERGE = 8  # up to this operator bond, one product with the merged two-site operator is faster than two


def grow_left(left: Array, tensor: Array, operator: Array) -> Array:
    """The environment with one more site: (a, w, b), (b, t, b'), (w, s, t, w') -> (a', w', b')."""
    x = jnp.einsum("awb,btc->awtc", left, tensor)
    x = jnp.einsum("wstv,awtc->asvc", operator, x)
    return jnp.einsum("asd,asvc->dvc", tensor.conj(), x)


def grow_right(right: Array, tensor: Array, operator: Array) -> Array:
    """The mirror image of `grow_left`: the environment of the bond to the left of the tensor."""
    x = jnp.einsum("btc,dvc->btdv", tensor, right)
    x = jnp.einsum("wstv,btdv->bwsd", operator, x)
    return jnp.einsum("asd,bwsd->awb", tensor.conj(), x)


def host_grow_right(right: np.ndarray, tensor: np.ndarray, operator: np.ndarray) -> np.ndarray:
    """`grow_right` in NumPy."""
    x = np.tensordot(tensor, right, (2, 2))  # b t d v
    x = np.tensordot(operator, x, ((2, 3), (1, 3)))  # w s b d
    return np.tensordot(tensor.conj(), x, ((1, 2), (1, 3)))


def one_site(left: Array, operator: Array, right: Array, x: Array) -> Array:
    """``H_eff x`` for a centre tensor ``x`` (Dl, d, Dr)."""
    x = jnp.einsum("awb,btc->awtc", left, x)
    x = jnp.einsum("wstv,awtc->asvc", operator, x)
    return jnp.einsum("asvc,dvc->asd", x, right)


def two_site(left: Array, first: Array, second: Array, right: Array, x: Array) -> Array:
    """``H_eff x`` for the tensor of two neighbouring sites, ``x`` (Dl, d, d, Dr)."""
    y = jnp.einsum("awb,bstc->awstc", left, x)
    if first.shape[3] <= _MERGE:
        pair = jnp.einsum("wisu,ujtv->wijstv", first, second)
        y = jnp.einsum("wijstv,awstc->aijvc", pair, y)
    else:
        y = jnp.einsum("wisu,awstc->auitc", first, y)
        y = jnp.einsum("ujtv,auitc->aijvc", second, y)
    return jnp.einsum("aijvc,dvc->aijd", y, right)


def zero_site(left: Array, right: Array, x: Array) -> Array:
    """``K_eff x`` for the matrix on a bond, ``x`` (Dl, Dr)."""
    return jnp.einsum("awc,dwc->ad", jnp.einsum("awb,bc->awc", left, x), right)


def half_two_site(left: Array, first: Array, x: Array) -> Array:
    """The left environment and the first operator on a two-site tensor: (a, s, w, t, c), the perturbation of mixing."""
    y = jnp.einsum("awb,bstc->awstc", left, x)
    return jnp.einsum("wisu,awstc->aiutc", first, y)


def half_one_site(left: Array, operator: Array, x: Array) -> Array:
    """The left environment and the operator on a centre tensor: (a, s, w, c)."""
    y = jnp.einsum("awb,bsc->awsc", left, x)
    return jnp.einsum("wisu,awsc->aiuc", operator, y)


def exact_left(operator: MPO, n_sites: int, width: int) -> np.ndarray:
    """The left environment (D, width, D) of the first sites in their full space, ``D = d**n_sites``.

    The operator's bond is padded with zeros to ``width``.
    """
    block = partial_matrix(operator.tensors[:n_sites])[0] if n_sites else np.ones((1, 1, 1))
    block = block.transpose(0, 2, 1)  # (out, w, in)
    return np.pad(block, ((0, 0), (0, width - block.shape[1]), (0, 0)))


def exact_right(operator: MPO, n_sites: int, width: int) -> np.ndarray:
    """The right environment (D, width, D) of the last sites in their full space."""
    block = partial_matrix(operator.tensors[-n_sites:])[..., 0] if n_sites else np.ones((1, 1, 1))
    block = block.transpose(1, 0, 2)
    return np.pad(block, ((0, 0), (0, width - block.shape[1]), (0, 0)))


def stacked_operators(operator: MPO, first: int, last: int, width: int) -> np.ndarray:
    """The tensors of the sites ``first .. last - 1`` as one array (m, w, d, d, w), bonds padded with zeros."""
    out = []
    for w in map(np.asarray, operator.tensors[first:last]):
        out.append(np.pad(w, ((0, width - w.shape[0]), (0, 0), (0, 0), (0, width - w.shape[3]))))
    return np.stack(out)
