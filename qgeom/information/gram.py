"""Gram matrices of real vectors at the speed of the matrix product, half of the work skipped.

``T T'`` is symmetric: its rows of tiles are computed up to the diagonal only (the BLAS calls this ``syrk``; XLA has no
such operation on CPU). Products run in the full precision of the arrays: a GPU's default for float32 would round
the factors to 10 bits.
"""

from __future__ import annotations

import functools
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
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
    edges = list(pairwise(n * i // tiles for i in range(tiles + 1)))
    below = [(i, j) for i in range(tiles) for j in range(i + 1)]

    def tile_products(start: Any, width: int) -> list[Array]:
        strips = [[lax.dynamic_slice(part, (a, start), (b - a, width)) for part in parts] for a, b in edges]
        return [added([products(a, b) for a, b in zip(strips[i], strips[j], strict=True)]) for i, j in below]

    width = STRIP if m % STRIP == 0 else m
    found = tile_products(0, width)
    if m > width:
        found = lax.fori_loop(
            1, m // width, lambda s, total: list(map(jnp.add, total, tile_products(s * width, width))), found
        )
    return mirror(dict(zip(below, found, strict=True)), tiles)


def added(terms: list[Array]) -> Array:
    """The sum of arrays, without the zero that ``sum`` starts from."""
    return functools.reduce(jnp.add, terms)


def products(left: Float[Array, "n m"], right: Float[Array, "k m"]) -> Float[Array, "n k"]:
    """All inner products of the rows of two matrices, in full precision."""
    return lax.dot_general(left, right, (((1,), (1,)), ((), ())), precision=lax.Precision.HIGHEST)


def mirror(below: dict[tuple[int, int], Array], n: int) -> Array:
    """The symmetric matrix of n x n tiles of which those on and below the diagonal are given."""

    def tile(i: int, j: int) -> Array:
        return symmetrised(below[i, i]) if i == j else below[i, j] if j < i else below[j, i].T

    return jnp.block([[tile(i, j) for j in range(n)] for i in range(n)])


def symmetrised(matrix: Array) -> Array:
    """``(A + A')/2``, to take rounding errors out of a matrix that is symmetric."""
    return 0.5 * (matrix + matrix.T)


def real_rows(tree: Array) -> Float[Array, "n m"]:
    """A real or complex array flattened to real vectors, one per entry of the leading axis."""
    flat = tree.reshape(tree.shape[0], -1)
    return jnp.concatenate([flat.real, flat.imag], axis=-1) if jnp.iscomplexobj(flat) else flat
