"""Gram matrices of real vectors at the speed of the matrix product, half of the work skipped.

``T T'`` is symmetric: its rows of tiles are computed up to the diagonal only (the BLAS calls this ``syrk``; XLA has no
such operation on CPU). Products run in the full precision of the arrays: a GPU's default for float32 would round
the factors to 10 bits.
"""

from __future__ import annotations

from itertools import pairwise

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

# Tiles narrower than this lose more in the product's packing than the symmetry saves (measured on CPU).
MINIMAL_TILE = 56
MAXIMAL_TILES = 4


def gram(vectors: Float[Array, "n m"]) -> Float[Array, "n n"]:
    """``T T'`` for vectors in rows."""
    n = vectors.shape[0]
    tiles = max(1, min(MAXIMAL_TILES, n // MINIMAL_TILE))
    if tiles == 1:
        return symmetrised(products(vectors, vectors))
    edges = [n * i // tiles for i in range(tiles + 1)]
    parts = [vectors[a:b] for a, b in pairwise(edges)]
    return mirror([[products(parts[i], parts[j]) for j in range(i + 1)] for i in range(tiles)])


def products(left: Float[Array, "n m"], right: Float[Array, "k m"]) -> Float[Array, "n k"]:
    """All inner products of the rows of two matrices, in full precision."""
    return lax.dot_general(left, right, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)


def mirror(rows: list[list[Array]]) -> Array:
    """The symmetric matrix whose tiles on and below the diagonal are ``rows[i][j]``, ``j <= i``."""
    n = len(rows)

    def tile(i: int, j: int) -> Array:
        return symmetrised(rows[i][i]) if i == j else rows[i][j] if j < i else rows[j][i].T

    return jnp.block([[tile(i, j) for j in range(n)] for i in range(n)])


def symmetrised(matrix: Array) -> Array:
    """``(A + A')/2``, to take rounding errors out of a matrix that is symmetric."""
    return 0.5 * (matrix + matrix.T)


def real_rows(tree: Array) -> Float[Array, "n m"]:
    """A real or complex array flattened to real vectors, one per entry of the leading axis."""
    flat = tree.reshape(tree.shape[0], -1)
    return jnp.concatenate([flat.real, flat.imag], axis=-1) if jnp.iscomplexobj(flat) else flat


