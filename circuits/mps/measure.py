r"""What is measured on an open matrix product state: expectations, correlations, entropies, mutual information.

Every function takes an `MPS` in any gauge and of any norm, and divides by the norm. Entropies are in nats.

The entropy of a set of sites comes from the reduced density matrix after each run of neighbouring sites in the set has
been mapped isometrically onto its support, of dimension ``min(d^length, D_left D_right)``: exact at any length of the
run, and its cost does not grow with it beyond linearly.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import entr
from jaxtyping import Array, Float, Inexact

from circuits.local import LocalHamiltonian
from circuits.mps import canonical, contract
from circuits.mps.dtypes import operator_dtype, widest
from circuits.mps.mpo import MPO
from circuits.mps.reduced import density_matrix_of, support_dimensions
from circuits.mps.sites import corner, padded
from circuits.paulis import PauliSum

if TYPE_CHECKING:
    from circuits.mps.state import MPS

_LARGEST = 4096  # side of the largest reduced density matrix


# Operators.


def expectation(psi: MPS, operator: MPO | LocalHamiltonian | PauliSum) -> Inexact[Array, ""]:
    """``<psi|O|psi> / <psi|psi>``; O(n d w D^3) for an operator of bond dimension w.

    Args:
        psi: the state.
        operator: an MPO, or a Hamiltonian, which is compiled to one (do it once yourself where it is used often).

    Returns:
        A scalar: real for a Hamiltonian (Hermitian by construction); for an MPO real if state and operator are.

    Raises:
        TypeError: if the operator is none of these.
        ValueError: if the numbers of sites differ.
    """
    tensors = _operator(psi, operator)
    value = contract.sandwich(psi.tensors, tensors, psi.tensors)
    norm = contract.overlap(psi.tensors, psi.tensors).real
    return value / norm.astype(value.dtype) if isinstance(operator, MPO) else value.real / norm


def variance(psi: MPS, operator: MPO | LocalHamiltonian | PauliSum) -> Float[Array, ""]:
    """``<O'O> - |<O>|^2``: for a Hamiltonian, zero exactly on its eigenstates. O(n d w^2 D^3).

    Rounding limits it to the precision times ``<O'O>``.
    """
    tensors = _operator(psi, operator)
    norm = contract.overlap(psi.tensors, psi.tensors).real
    mean = contract.sandwich(psi.tensors, tensors, psi.tensors)
    square = contract.sandwich_squared(tensors, psi.tensors).real / norm
    return square - jnp.square(jnp.abs(mean) / norm)


def _operator(psi: MPS, operator: Any) -> tuple[Array, ...]:
    tensors = MPO.from_hamiltonian(operator).tensors
    if len(tensors) != psi.n_sites:
        raise ValueError(
            f"an operator on {len(tensors)} sites cannot be measured on a state of {psi.n_sites} sites"
        )
    dtype = operator_dtype(psi.dtype, *tensors)
    return tuple(jnp.asarray(w, dtype) for w in tensors)


# Density matrices.


def density_matrix(psi: MPS, sites: Sequence[int]) -> Inexact[Array, "dim dim"]:
    """The reduced density matrix of a few sites, in the order given, the first most significant; trace one.

    Side d^k for k sites; O(n d^(2k) D^3).

    Raises:
        ValueError: if a site is named twice or is not there, or the matrix would be larger than 4096.
    """
    chosen = _sites(psi, sites)
    side = int(np.prod([psi.local_dimensions[i] for i in chosen]))
    if side > _LARGEST:
        raise ValueError(
            f"the density matrix of {len(chosen)} sites has side {side}, more than {_LARGEST}; use entropies"
        )
    ordered = tuple(sorted(chosen))
    rho = density_matrix_of(psi.tensors, tuple((i, i + 1) for i in ordered), compress=False)
    if ordered == chosen:
        return rho
    dims = [psi.local_dimensions[i] for i in ordered]
    order = [ordered.index(i) for i in chosen]
    full = rho.reshape(*dims, *dims).transpose(*order, *(len(dims) + k for k in order))
    return full.reshape(side, side)


def _sites(psi: MPS, sites: int | Sequence[int]) -> tuple[int, ...]:
    chosen = (int(sites),) if isinstance(sites, (int, np.integer)) else tuple(int(i) for i in sites)
    if not chosen or len(set(chosen)) != len(chosen) or not all(0 <= i < psi.n_sites for i in chosen):
        raise ValueError(f"sites must be different numbers out of 0 .. {psi.n_sites - 1}; got {chosen}")
    return chosen


# Entropies.


def entropies(psi: MPS, order: float = 1.0) -> Float[Array, " bonds"]:
    r"""The entanglement entropy at each of the n-1 bonds: ``-sum p ln p``, p the squared Schmidt values.

    ``order`` alpha other than 1 gives the Renyi entropy ``ln(sum p^alpha) / (1 - alpha)``, and ``inf`` the largest
    ``-ln p``.
    """
    return _entropies(psi.tensors, order)


@functools.partial(jax.jit, static_argnames=("order",))
def _entropies(tensors: tuple[Array, ...], order: float) -> Array:
    return entropy_of(jnp.square(canonical.schmidt_values(tensors)), order)


def entropy(psi: MPS, bond: int, order: float = 1.0) -> Float[Array, ""]:
    """The entanglement entropy between sites ``0 .. bond`` and the rest.

    Raises:
        ValueError: if there is no such bond.
    """
    return entropies(psi, order)[_bond(psi, bond)]


def entanglement_spectrum(psi: MPS, bond: int) -> Float[Array, " rank"]:
    """``-2 ln s`` of the Schmidt values s at a bond, ascending; ``inf`` beyond the rank."""
    values = canonical.schmidt_values(psi.tensors)[_bond(psi, bond)]
    values = values[: min(psi.bond_dimensions[bond + 1], values.shape[0])]
    return -2.0 * jnp.log(values)


def _bond(psi: MPS, bond: int) -> int:
    if not 0 <= bond < psi.n_sites - 1:
        raise ValueError(f"bonds are 0 .. {psi.n_sites - 2}, between a site and the next; got {bond}")
    return int(bond)


@functools.partial(jax.jit, static_argnames=("order",))
def entropy_of(p: Array, order: float) -> Array:
    """The Renyi entropy of probabilities on the last axis in nats, von Neumann's at order 1; negatives count as 0."""
    p = jnp.maximum(p, 0.0)
    if order == 1.0:
        return jnp.sum(entr(jnp.where(p > 0.0, p, 1.0)), axis=-1)
    if order == float("inf"):
        return -jnp.log(jnp.max(p, axis=-1))
    powers = jnp.where(p > 0.0, jnp.where(p > 0.0, p, 1.0) ** order, 0.0)
    return jnp.log(jnp.sum(powers, axis=-1)) / (1.0 - order)


def block_entropy(psi: MPS, sites: int | Sequence[int], order: float = 1.0) -> Float[Array, ""]:
    """The entropy of any set of sites, e.g. ``range(4, 9)`` or ``[0, 1, 7]``, in nats.

    Of the set and the rest, whose entropies agree, the one with the smaller support is taken.

    Raises:
        ValueError: if both supports are larger than 4096 (too many separate runs of sites, or bonds too wide).
    """
    chosen = frozenset(_sites(psi, sites))
    rest = frozenset(range(psi.n_sites)) - chosen
    if not rest:
        return jnp.zeros((), psi.tensors[0].real.dtype)
    options = [runs_of(part) for part in (chosen, rest)]
    sides = [int(np.prod(support_dimensions(psi.tensors, runs))) for runs in options]
    best = int(np.argmin(sides))
    if sides[best] > _LARGEST:
        raise ValueError(
            f"the reduced state of these sites has a support of dimension {sides[best]}, more than {_LARGEST}; take "
            f"fewer separate runs of sites, or compress the state"
        )
    rho = density_matrix_of(psi.tensors, options[best], compress=True)
    return spectrum_entropy(rho, order)


@functools.partial(jax.jit, static_argnames=("order",))
def spectrum_entropy(rho: Array, order: float) -> Array:
    """The Renyi entropy of a density matrix in nats."""
    return entropy_of(jnp.linalg.eigvalsh(rho), order)


def runs_of(sites: frozenset[int]) -> tuple[tuple[int, int], ...]:
    """Maximal runs ``(start, stop)`` of neighbouring sites."""
    out: list[tuple[int, int]] = []
    for i in sorted(sites):
        if out and out[-1][1] == i:
            out[-1] = (out[-1][0], i + 1)
        else:
            out.append((i, i + 1))
    return tuple(out)


def mutual_information(
    psi: MPS, a: int | Sequence[int], b: int | Sequence[int], order: float = 1.0
) -> Float[Array, ""]:
    """``I(A:B) = S(A) + S(B) - S(AB)`` of two disjoint sets of sites, in nats; between 0 and ``2 min(S(A), S(B))``.

    Raises:
        ValueError: if the sets share a site.
    """
    first, second = _sites(psi, a), _sites(psi, b)
    if set(first) & set(second):
        raise ValueError(
            f"mutual information is between disjoint sets; both hold sites {sorted(set(first) & set(second))}"
        )
    parts = (first, second, first + second)
    s_a, s_b, s_ab = (block_entropy(psi, part, order) for part in parts)
    return s_a + s_b - s_ab


# All sites and all pairs at once: zero-padded tensors, one scan.


def local_expectations(psi: MPS, operator: Any) -> Inexact[Array, " n"]:
    """``<o_i>`` of a one-site operator (d, d) at every site."""
    op, tensors = _padded(psi, operator)
    return _means(tensors, op)


def correlations(psi: MPS, a: Any, b: Any = None, connected: bool = False) -> Inexact[Array, "n n"]:
    """``C[i, j] = <a_i b_j>`` of one-site operators (d, d), with ``<(a b)_i>`` on the diagonal; O(n^2 d D^3).

    Args:
        psi: the state, of equal sites.
        a: operator at site i.
        b: operator at site j; ``a`` unless given.
        connected: subtract ``<a_i> <b_j>``.
    """
    op_a, tensors = _padded(psi, a)
    op_b, _ = _padded(psi, a if b is None else b)
    dtype = widest(op_a, op_b)
    op_a, op_b, tensors = op_a.astype(dtype), op_b.astype(dtype), tensors.astype(dtype)
    return _correlations(tensors, op_a, op_b, connected)


def pair_density_matrices(psi: MPS) -> Inexact[Array, "n n d2 d2"]:
    """The density matrices of all pairs of sites ``i < j`` of equal dimension; zero elsewhere. O(n^2 d^3 D^3)."""
    _ = psi.local_dimension
    return _pair_density_matrices(padded(psi.tensors))


def mutual_information_matrix(psi: MPS) -> Float[Array, "n n"]:
    """``I(i:j)`` of every pair of sites in nats, symmetric, with zeros on the diagonal."""
    _ = psi.local_dimension
    return _mutual_information_matrix(padded(psi.tensors))


@jax.jit
def _mutual_information_matrix(tensors: Array) -> Array:
    n, d = tensors.shape[0], tensors.shape[2]
    rho = _pair_density_matrices(tensors)
    split = rho.reshape(n, n, d, d, d, d)
    parts = (rho, jnp.einsum("ijabcb->ijac", split), jnp.einsum("ijabac->ijbc", split))
    pair, first, second = (entropy_of(jnp.linalg.eigvalsh(r), 1.0) for r in parts)
    upper = jnp.triu(first + second - pair, 1)
    return upper + upper.T


@functools.partial(jax.jit, static_argnames=("connected",))
def _correlations(tensors: Array, op_a: Array, op_b: Array, connected: bool) -> Array:
    norm = _norm(tensors)
    upper = _pairs(tensors, op_a, op_b) / norm
    lower = _pairs(tensors, op_b, op_a) / norm
    diagonal = _local(tensors, op_a @ op_b) / norm
    out = jnp.triu(upper, 1) + jnp.triu(lower, 1).T + jnp.diag(diagonal)
    if connected:
        out = out - jnp.outer(_local(tensors, op_a), _local(tensors, op_b)) / jnp.square(norm)
    return out


def _padded(psi: MPS, operator: Any) -> tuple[Array, Array]:
    d = psi.local_dimension
    op = jnp.asarray(operator)
    if op.shape != (d, d):
        raise ValueError(f"a one-site operator has shape ({d}, {d}); got {op.shape}")
    op = op.astype(operator_dtype(psi.dtype, op))
    return op, padded(psi.tensors).astype(op.dtype)


def _environments(tensors: Array) -> tuple[Array, Array]:
    """Left environments before each site (n, D, D) and right environments after each site, axes (bra, ket)."""
    edge = corner(tensors)

    def rightwards(env: Array, t: Array) -> tuple[Array, Array]:
        return _transfer(env, t), env

    def leftwards(env: Array, t: Array) -> tuple[Array, Array]:
        return jnp.einsum("asb,csb->ac", t.conj(), jnp.einsum("csd,bd->csb", t, env)), env

    _, left = lax.scan(rightwards, edge, tensors)
    _, right = lax.scan(leftwards, edge, tensors, reverse=True)
    return left, right


def _transfer(env: Array, t: Array) -> Array:
    return jnp.einsum("asb,asc->bc", t.conj(), jnp.einsum("ad,dsc->asc", env, t))


def _norm(tensors: Array) -> Array:
    left, right = _environments(tensors)
    return jnp.sum(_transfer(left[-1], tensors[-1]) * right[-1])


@jax.jit
def _means(tensors: Array, op: Array) -> Array:
    return _local(tensors, op) / _norm(tensors)


@jax.jit
def _local(tensors: Array, op: Array) -> Array:
    left, right = _environments(tensors)

    def one(l: Array, t: Array, r: Array) -> Array:
        inserted = jnp.einsum("st,atb->asb", op, t)
        half = jnp.einsum("ad,dsc->asc", l, inserted)
        return jnp.einsum("asb,asc,bc->", t.conj(), half, r)

    return jax.vmap(one)(left, tensors, right)


@jax.jit
def _pairs(tensors: Array, op_a: Array, op_b: Array) -> Array:
    """``<a_i b_j>`` for i < j (upper triangle; what is below is meaningless): all i are carried along together."""
    left, right = _environments(tensors)
    n, size = tensors.shape[:2]

    def insert(env: Array, t: Array, op: Array) -> Array:
        half = jnp.einsum("ad,dsc->asc", env, jnp.einsum("st,atb->asb", op, t))
        return jnp.einsum("asb,asc->bc", t.conj(), half)

    def step(carry: Array, x: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        j, t, l, r = x
        closed = jax.vmap(lambda env: jnp.sum(insert(env, t, op_b) * r))(carry)
        carry = jax.vmap(lambda env: _transfer(env, t))(carry)
        return carry.at[j].set(insert(l, t, op_a)), closed

    start = jnp.zeros((n, size, size), tensors.dtype)
    _, columns = lax.scan(step, start, (jnp.arange(n), tensors, left, right))
    return columns.T


@jax.jit
def _pair_density_matrices(tensors: Array) -> Array:
    left, right = _environments(tensors)
    n, size, d = tensors.shape[:3]
    norm = jnp.sum(_transfer(left[-1], tensors[-1]) * right[-1])

    def opened(env: Array, t: Array) -> Array:
        """(d ket, d bra, D bra, D ket) of an environment and a site."""
        return jnp.einsum("asb,atc->tsbc", t.conj(), jnp.einsum("ad,dtc->atc", env, t))

    def step(carry: Array, x: tuple[Array, Array, Array, Array]) -> tuple[Array, Array]:
        j, t, l, r = x
        # close with site j: rho[i; s_i s_j, s_i' s_j']
        half = jnp.einsum("nuvad,dtc->nuvatc", carry, t)
        closed = jnp.einsum("nuvatc,asb,bc->nutvs", half, t.conj(), r)
        carry = jnp.einsum("nuvasc,asb->nuvbc", half, t.conj())
        return carry.at[j].set(opened(l, t)), closed

    start = jnp.zeros((n, d, d, size, size), tensors.dtype)
    _, columns = lax.scan(step, start, (jnp.arange(n), tensors, left, right))
    return jnp.swapaxes(columns, 0, 1).reshape(n, n, d * d, d * d) / norm
