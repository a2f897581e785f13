"""Gram matrices of real vectors at the speed of the matrix product, half of the work skipped.

``T T'`` is symmetric: its rows of tiles are computed up to the diagonal only (the BLAS calls this ``syrk``; XLA has no
such operation on CPU). Products run in the full precision of the arrays: a GPU's default for float32 would round
the factors to 10 bits.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

# Measured on CPU: narrower tiles lose more in the product's packing than the symmetry saves, and longer strips leave
# the cache.
MINIMAL_TILE = 56
MAXIMAL_TILES = 4
STRIP = 4096


def gram(*parts: Float[Array, "n m"]) -> Float[Array, "n n"]:
    """``T T'`` for vectors in rows; several arrays of one shape are parts of the vectors, side by side."""
    n, m = parts[0].shape
    tiles = max(1, min(MAXIMAL_TILES, n // MINIMAL_TILE))
    if tiles == 1 or jax.default_backend() != "cpu":
        return symmetrised(added([products(part, part) for part in parts]))
    # tiles of one size, so that one kernel serves all; the last one starts early where the size is no divisor
    size = -(-n // tiles)
    starts = [min(i * size, n - size) for i in range(tiles)]
    width = STRIP if m % STRIP == 0 else m

    def tile_products(start: Any) -> Float[Array, "pairs size size"]:
        strips = [[lax.dynamic_slice(part, (a, start), (size, width)) for a in starts] for part in parts]
        pairs = [added([products(s[i], s[j]) for s in strips]) for i in range(tiles) for j in range(i + 1)]
        return jnp.stack(pairs)

    if m == width:
        return mirror(tile_products(0), n, tiles)
    pairs = tiles * (tiles + 1) // 2
    return mirror(
        lax.fori_loop(
            0,
            m // width,
            lambda s, total: total + tile_products(s * width),
            jnp.zeros((pairs, size, size), parts[0].dtype),
        ),
        n,
        tiles,
    )


def added(terms: list[Array]) -> Array:
    """The sum of arrays, without the zero that ``sum`` starts from."""
    return functools.reduce(jnp.add, terms)


def products(left: Float[Array, "n m"], right: Float[Array, "k m"]) -> Float[Array, "n k"]:
    """All inner products of the rows of two matrices, in full precision."""
    return lax.dot_general(left, right, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)


def mirror(below: Float[Array, "pairs size size"], n: int, tiles: int) -> Float[Array, "n n"]:
    """The symmetric matrix of which the tiles (0, 0), (1, 0), (1, 1), (2, 0), ... are given.

    Each tile once below the diagonal, those on it by half, and the transpose added to the sum.
    """
    size = below.shape[-1]
    i, j = np.indices((tiles, tiles))
    share = np.where(i > j, 1.0, np.where(i == j, 0.5, 0.0))[:, :, None, None]
    grid = jnp.asarray(share, below.dtype) * below[np.where(i >= j, i * (i + 1) // 2 + j, 0)]
    half = grid.transpose(0, 2, 1, 3).reshape(tiles * size, tiles * size)
    if n < tiles * size:  # the last tile repeats rows of the one before
        kept = np.r_[: (tiles - 1) * size, tiles * size - (n - (tiles - 1) * size) : tiles * size]
        half = half[kept[:, None], kept[None, :]]
    return half + half.T


def symmetrised(matrix: Array) -> Array:
    """``(A + A')/2``, to take rounding errors out of a matrix that is symmetric."""
    return 0.5 * (matrix + matrix.T)


def real_rows(tree: Array) -> Float[Array, "n m"]:
    """A real or complex array flattened to real vectors, one per entry of the leading axis."""
    flat = tree.reshape(tree.shape[0], -1)
    return jnp.concatenate([flat.real, flat.imag], axis=-1) if jnp.iscomplexobj(flat) else flat
