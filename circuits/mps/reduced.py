r"""Reduced density matrices of several runs of sites of an open chain, on the supports of the runs.

A run of sites between bonds of dimensions a and b is a map ``M`` from ``C^a x C^b`` to its ``d^length`` states. Its
polar form is an isometry times ``K = sqrt(M' M)``, of side ``a b``, so that inserting K in place of the run gives the
reduced density matrix up to an isometry: the same entropies. ``M' M`` is the transfer matrix of the run, reshuffled.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Inexact

from circuits.mps.canonical import right_canonical
from circuits.mps.sites import corner, fold, padded

Tensors = tuple[Array, ...]
Runs = tuple[tuple[int, int], ...]


def support_dimensions(tensors: Tensors, runs: Sequence[tuple[int, int]]) -> list[int]:
    """The dimension that each run ``(start, stop)`` takes in `density_matrix_of`."""
    return [_support(tensors[start:stop]) for start, stop in runs]


def _support(run: Tensors) -> int:
    bonds = run[0].shape[0] * run[-1].shape[2]
    return int(min(float(np.prod([float(t.shape[1]) for t in run])), float(bonds)))


def density_matrix_of(tensors: Tensors, runs: Runs, compress: bool) -> Inexact[Array, "dim dim"]:
    """The reduced density matrix of the runs of sites ``(start, stop)``, ascending and disjoint; trace one.

    With ``compress`` each run is mapped onto its support first: the entropies stay, the basis is arbitrary.
    """
    start, stop = runs[0][0], runs[-1][1]
    tensors, environments = _prepared(tensors)
    shifted = tuple((first - start, last - start) for first, last in runs)
    return window_density_matrix(environments[start], tensors[start:stop], shifted, compress)


@jax.jit
def _prepared(tensors: Tensors) -> tuple[Tensors, Tensors]:
    """Right canonical tensors, so that what is beyond a window traces to one, and the environments left of each site.

    One compilation per chain: those of the windows are short.
    """
    tensors, _ = right_canonical(tensors)
    stack = padded(tensors)

    def step(env: Array, t: Array) -> tuple[Array, Array]:
        return _transfer_step(env, t)[0], env

    _, environments = lax.scan(step, corner(stack), stack)
    return tensors, tuple(e[: t.shape[0], : t.shape[0]] for e, t in zip(environments, tensors, strict=True))


@functools.partial(jax.jit, static_argnames=("runs", "compress"))
def window_density_matrix(
    environment: Array, tensors: Tensors, runs: Runs, compress: bool
) -> Inexact[Array, "dim dim"]:
    """The same for a window of right canonical tensors (but for the first), given what is on its left, (bra, ket).

    The first run begins with the window, the last one ends with it.
    """
    opened = environment[None, None]  # (k, k', D, D): rows (ket) and columns (bra) so far, bonds (bra, ket)
    at = 0
    for start, stop in runs:
        gap = tensors[at:start]
        opened, _ = fold(_open_transfer_step, opened, gap)
        block = _block(tensors[start:stop], compress)
        half = jnp.einsum("xyab,bkc->xyakc", opened, block)
        grown = jnp.einsum("xyakc,ald->xkyldc", half, block.conj())
        x, k, y, l, d, c = grown.shape
        opened = grown.reshape(x * k, y * l, d, c)
        at = stop
    rho = jnp.einsum("xyaa->xy", opened)
    return 0.5 * (rho + rho.conj().T) / jnp.trace(rho)


def _transfer_step(env: Array, t: Array) -> tuple[Array, None]:
    return jnp.einsum("asb,asc->bc", t.conj(), jnp.einsum("ad,dsc->asc", env, t)), None


def _open_transfer_step(env: Array, t: Array) -> tuple[Array, None]:
    half = jnp.einsum("xyab,bsc->xyasc", env, t)
    return jnp.einsum("xyasc,asd->xydc", half, t.conj()), None


def _block(run: Tensors, compress: bool) -> Array:
    """The run as one site (a, k, b): all its states, or the square root of its Gram matrix if that is smaller."""
    a, b = run[0].shape[0], run[-1].shape[2]
    states = int(min(float(np.prod([float(t.shape[1]) for t in run])), 1e9))
    if states <= a * b or not compress:
        block = run[0]
        for t in run[1:]:
            block = jnp.einsum("akc,csb->aksb", block, t).reshape(a, -1, t.shape[2])
        return block
    # (bra left, ket left, bra right, ket right), transferred site by site
    first = run[0]
    gram = jnp.einsum("asb,csd->acbd", first.conj(), first)
    gram, _ = fold(_gram_step, gram, run[1:])
    matrix = gram.transpose(0, 2, 1, 3).reshape(a * b, a * b)  # M' M: rows (a, b) of the bra
    values, vectors = jnp.linalg.eigh(0.5 * (matrix + matrix.conj().T))
    root = jnp.sqrt(jnp.maximum(values, 0.0)).astype(matrix.dtype)
    return (root[:, None] * vectors.conj().T).reshape(a * b, a, b).transpose(1, 0, 2)


def _gram_step(gram: Array, t: Array) -> tuple[Array, None]:
    half = jnp.einsum("acbd,dse->acbse", gram, t)
    return jnp.einsum("acbse,bsf->acfe", half, t.conj()), None
