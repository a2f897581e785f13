r"""An open chain with both ends in their full space: what the sweeps of DMRG and TDVP run over.

The bonds of an open matrix product state grow as ``d, d^2, ...`` from each end until they reach the bond dimension D.
Up to there the tensors can be the identity: the first ``k`` sites, ``d^k <= D``, are kept in their full space, there is
nothing to optimise in them, and their environment is exact. The *active* sites between the two blocks all have one
shape ``(D, d, D)`` if D is a power of d, and so a sweep is one ``lax.scan`` that compiles once, without padding;
otherwise the first and the last of them are ``(d^k, d, D)`` and ``(D, d, d^k)``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from circuits.mps.environments import (
    exact_left,
    exact_right,
    host_grow_right,
    stacked_operators,
)
from circuits.mps.mpo import MPO


class Chain(NamedTuple):
    """The active tensors: the centre of orthogonality first, all others right canonical."""

    centre: Array  # (d^k, d, D)
    bulk: Array  # (a - 2, D, d, D)
    last: Array  # (D, d, d^k)


class Surroundings(NamedTuple):
    """The environments of a `Chain`: of its left end, of the bonds to the right of the sites 0 .. a-2, of its end."""

    left: Array  # (d^k, w, d^k)
    rights: Array  # (a - 1, D, w, D)
    end: Array  # (d^k, w, d^k)


def block_sites(n_sites: int, d: int, bond_dimension: int) -> int:
    """The largest k with ``d**k <= bond_dimension`` that leaves two active sites."""
    k = 0
    while d ** (k + 1) <= bond_dimension and n_sites >= 2 * k + 4:
        k += 1
    return k


def is_exact(n_sites: int, d: int, bond_dimension: int) -> bool:
    """Whether the blocks would leave less than two active sites: any state of the chain fits the bond dimension."""
    k = block_sites(n_sites, d, bond_dimension)
    return d ** (k + 1) <= bond_dimension


class Problem(NamedTuple):
    """A state at the start of a sweep, its environments, and the active operators in both directions."""

    chain: Chain
    around: Surroundings
    directions: tuple[Array, Array]  # each (a, w, d, d, w)


def assemble(tensors: Sequence[Any], operator: MPO, bond_dimension: int, dtype: Any) -> Problem:
    """A state given by all its site tensors (Dl, d, Dr), no bond wider than ``bond_dimension``, ready for a sweep.

    The tensors beyond the first ``k + 1`` must be right canonical; narrower bonds are filled with zeros. On the host:
    sixty small arrays would be sixty programs.
    """
    arrays = [np.asarray(t) for t in tensors]
    d, n = arrays[0].shape[1], len(arrays)
    bond = bond_dimension
    k = block_sites(n, d, bond)
    small = d**k
    width = max(operator.bond_dimensions[k : n - k + 1])
    ws = stacked_operators(operator, k, n - k, width)
    left, end = exact_left(operator, k, width), exact_right(operator, k, width)
    first = product(arrays[: k + 1]).reshape(small, d, -1)
    middle = arrays[k + 1 : n - k - 1]
    last = product(arrays[n - k - 1 :]).reshape(-1, d, small)
    right, rights = end, []
    for tensor, w in zip((last, *middle[::-1]), ws[:0:-1], strict=True):
        right = host_grow_right(right, tensor, w)
        gap = bond - right.shape[0]
        rights.append(np.pad(right, ((0, gap), (0, 0), (0, gap))))
    bulk = np.stack([widen(t, bond, bond) for t in middle]) if middle else np.zeros((0, bond, d, bond))
    chain = widen(first, small, bond), bulk, widen(last, bond, small)
    mirrored = ws[::-1].transpose(0, 4, 2, 3, 1)
    return Problem(
        Chain(*(jnp.asarray(x.astype(dtype)) for x in chain)),
        Surroundings(*(jnp.asarray(x.astype(dtype)) for x in (left, np.stack(rights[::-1]), end))),
        (jnp.asarray(ws.astype(dtype)), jnp.asarray(mirrored.astype(dtype))),
    )


def disassemble(chain: Chain) -> tuple[np.ndarray, ...]:
    """All site tensors: identities in the blocks at the two ends, the active tensors between them."""
    centre, bulk, last = map(np.asarray, chain)
    d, dtype = centre.shape[1], centre.dtype
    k = block_length(chain)
    left = tuple(np.eye(d ** (i + 1), dtype=dtype).reshape(d**i, d, d ** (i + 1)) for i in range(k))
    right = tuple(t.reshape(t.shape[0] * d, d, t.shape[0]) for t in reversed(left))
    return (*left, centre, *bulk, last, *right)


def random_tensors(key: Array, n_sites: int, d: int, bond_dimension: int, dtype: Any) -> list[np.ndarray]:
    """The site tensors of a random state of norm one, right canonical, on the host."""
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    right, tensors = 1, []
    for site in reversed(range(n_sites)):
        left = int(min(bond_dimension, float(d) ** min(site, n_sites - site)))
        x = random.normal(size=(right * d, left))
        if jnp.issubdtype(dtype, jnp.complexfloating):
            x = x + 1j * random.normal(size=x.shape)
        tensors.append(np.linalg.qr(x)[0].T.reshape(left, d, right))
        right = left
    return tensors[::-1]


def block_length(chain: Chain) -> int:
    """The number k of sites in each block."""
    k, (small, d, _) = 0, chain.centre.shape
    while d**k < small:
        k += 1
    return k


def is_uniform(chain: Chain) -> bool:
    """Whether all active tensors have one shape: D is a power of d."""
    return chain.centre.shape == chain.last.shape


def reflect(
    lefts: Array, firsts: Array, others: Array, centre: Array, around: Surroundings
) -> tuple[Chain, Surroundings]:
    """After a sweep from left to right: the chain read from right to left, ready for the next sweep.

    Args:
        lefts: the left environments of the sites 1 .. a-1, ``(a - 1, D, w, D)``.
        firsts: the left canonical tensor of site 0.
        others: those of the sites 1 .. a-2.
        centre: the centre tensor at site a-1.
        around: the environments before the sweep.
    """
    chain = Chain(mirror(centre), mirror(jnp.flip(others, 0)), mirror(firsts))
    return chain, Surroundings(around.end, jnp.flip(lefts, 0), around.left)


def mirror(tensors: Array) -> Array:
    """Site tensors with their two bonds exchanged."""
    return tensors.swapaxes(-1, -3)


def product(tensors: Sequence[np.ndarray]) -> np.ndarray:
    out = tensors[0]
    for t in tensors[1:]:
        out = np.tensordot(out, t, 1)
    return out


def widen(tensor: np.ndarray, left: int, right: int) -> np.ndarray:
    rows, _, columns = tensor.shape
    if rows > left or columns > right:
        raise ValueError(f"a tensor of shape {tensor.shape} does not fit bonds of {left} and {right}")
    return np.pad(tensor, ((0, left - rows), (0, 0), (0, right - columns)))
