r"""Parent and uncle Hamiltonians of uniform matrix product states.

The support of a tensor ``A`` (D, d, D) on L sites is ``G_L = { sum_s tr(X A_{s_1} ... A_{s_L}) |s_1 ... s_L> }``, X any
D x D matrix. The *parent Hamiltonian* is ``H = sum_i h_i`` with h the projector on the complement of ``G_L``: it is
frustration free, at energy zero on the state, and gapped (Fannes, Nachtergaele and Werner, Commun. Math. Phys. 144,
443 (1992); Perez-Garcia et al., Quantum Inf. Comput. 7, 401 (2007)). If A is injective on L - 1 sites, the state is its
only ground state on a ring; if A is a direct sum of b different blocks, there are b.

The *uncle Hamiltonian* (Fernandez-Gonzalez, Schuch, Wolf, Cirac and Perez-Garcia, Commun. Math. Phys. 333, 299 (2015),
arXiv:1210.6613) is the limit, for eps to 0, of the parents of the perturbed tensor ``A + eps P``. The dimension of
``G_L`` is constant for small eps > 0, but jumps at 0 where A is not injective, so that the limit is *not* the parent:
it has the same ground states on a ring and no gap. With ``Gamma_eps(X) = sum_k eps^k Gamma_k(X)`` the map from boundary
matrices to states, the limit of its image is spanned, where first order suffices, by ``Gamma_0(X)`` for all X and
``Gamma_1(X)`` for X in the kernel of ``Gamma_0``: for a direct sum of blocks, X off-diagonal, and a sum over all places
of one P between two blocks - a domain wall that moves freely. `limiting_support` computes this limit exactly at any
order, without a small number. For an injective A nothing jumps and the uncle is the parent.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from circuits.local import LocalHamiltonian
from circuits.mps.periodic import PeriodicMPS
from circuits.mps.transfer import block_count, injectivity_length, products, span_dimensions, uniform_tensor
from circuits.mps.uniform import UniformMPS

_RANK = 1e-9  # relative singular value below which a direction is not in a support
_LARGEST = 4096  # side of the largest local term


def parent_hamiltonian(
    state: Any, n_sites: int, length: int | None = None, periodic: bool = True, unique: bool = False
) -> LocalHamiltonian:
    r"""The parent Hamiltonian ``sum_i (1 - projector on G_L)_i`` of a uniform matrix product state.

    Args:
        state: a tensor (D, d, D), a `UniformMPS`, or a `PeriodicMPS` of equal tensors.
        n_sites: number of sites, at least ``length``.
        length: number of sites L of a term; unless given, the smallest for which the ground states on longer chains are
            those of the state (2 for AKLT and GHZ).
        periodic: a ring (one term per site), else an open chain (``n_sites - L + 1`` terms; one ground state per
            dimension of ``G_L``).
        unique: require an only ground state on a ring, i.e. an injective tensor.

    Raises:
        ValueError: if ``length`` is too short for the tensor (the one that does is said), if the tensor has several
            blocks and ``unique`` is asked for, if it is periodic, or if the ring is shorter than a term.
    """
    a = _tensor(state)
    blocks = block_count(a)
    if unique and blocks > 1:
        raise ValueError(
            f"no block length makes this tensor injective: it has {blocks} blocks, and its parent has as many ground "
            f"states; pass unique=False to have it, or the tensor of one block"
        )
    needed = parent_length(a)
    if length is None:
        length = needed
    elif length < needed:
        kind = "injective" if blocks == 1 else "block-injective"
        raise ValueError(
            f"the tensor is not {kind} enough for a parent on {length} site{'s' * (length != 1)}: it needs length "
            f">= {needed}"
        )
    return _translated(_complement(support(a, length)), a.shape[1], n_sites, length, periodic)


def uncle_hamiltonian(
    state: Any,
    n_sites: int,
    perturbation: Any = None,
    length: int | None = None,
    periodic: bool = True,
    seed: int = 0,
) -> LocalHamiltonian:
    r"""The uncle Hamiltonian: the limit for eps to 0 of the parents of ``A + eps P``.

    Args:
        state: a tensor (D, d, D), a `UniformMPS`, or a `PeriodicMPS` of equal tensors.
        n_sites: number of sites, at least ``length``.
        perturbation: the direction P (D, d, D); independent normal entries unless given. For a direct sum of blocks
            only what lies between the blocks matters; a random direction is generic with probability one.
        length: number of sites of a term; unless given, what the parent of a generic ``A + eps P`` takes (3 for GHZ, 2
            for AKLT).
        periodic: a ring, else an open chain.
        seed: of the random direction.

    Raises:
        ValueError: if P has another shape, if ``A + eps P`` is not injective for generic eps, if ``length`` is too
            short for it, or if the ring is shorter than a term.
    """
    a = _tensor(state)
    p = random_perturbation(a, seed) if perturbation is None else np.asarray(perturbation)
    if p.shape != a.shape:
        raise ValueError(f"the perturbation must have the tensor's shape {a.shape}; got {p.shape}")
    generic = a / np.linalg.norm(a) + 0.37 * p / max(float(np.linalg.norm(p)), 1e-300)
    if injectivity_length(generic) is None:
        raise ValueError(
            "the perturbed tensor is injective on no block length: the perturbation must connect the blocks both ways; "
            "leave it out for a random one"
        )
    needed = parent_length(generic)
    if length is None:
        length = needed
    elif length < needed:
        raise ValueError(
            f"the perturbed tensor is not injective enough for a term on {length} site{'s' * (length != 1)}: the uncle "
            f"needs length >= {needed}"
        )
    return _translated(_complement(limiting_support(a, p, length)), a.shape[1], n_sites, length, periodic)


def random_perturbation(tensor: Any, seed: int = 0) -> np.ndarray:
    """Independent normal entries in the shape and dtype of a tensor, and of its Frobenius norm."""
    a = np.asarray(tensor)
    rng = np.random.default_rng(seed)
    p = rng.normal(size=a.shape)
    if np.iscomplexobj(a):
        p = p + 1j * rng.normal(size=a.shape)
    return p * (np.linalg.norm(a) / np.linalg.norm(p))


def parent_length(tensor: Any) -> int:
    r"""The smallest L on which a parent has the right ground states.

    That is: ``dim G_L`` has reached its final value (the tensor is block-injective on L sites), and the intersection
    property holds, ``(G_L x C^d) & (C^d x G_L) = G_{L+1}``. It holds one site above the injectivity length at the
    latest, and at that length already for AKLT.

    Raises:
        ValueError: if the dimension of ``G_L`` does not settle: the tensor has a period.
    """
    a = uniform_tensor(tensor)
    size, d = a.shape[:2]
    dimensions = span_dimensions(a, max(2 * size * size, 4) + 2)
    if len(set(dimensions[-3:])) > 1:
        raise ValueError(
            "the tensor repeats only every few sites; group them into one cell of larger local dimension first"
        )
    final = dimensions[-1]
    settled = max((i + 1 for i, k in enumerate(dimensions) if k != final), default=0) + 1
    for length in range(settled, settled + 3):
        if d ** (length + 1) > 4 * _LARGEST:
            break
        if _intersection(support(a, length), d) == final:
            return length
    raise ValueError(
        f"no parent on {settled} to {settled + 2} sites has the right ground states, or it would be too large"
    )


def _intersection(basis: np.ndarray, d: int) -> int:
    """``dim (G x C^d) & (C^d x G)``: principal angles that vanish."""
    eye = np.eye(d)
    left, right = np.kron(basis, eye), np.kron(eye, basis)
    values = np.linalg.svd(left.conj().T @ right, compute_uv=False)
    return int(np.sum(values > 1.0 - 1e-8))


def support(tensor: Any, length: int) -> np.ndarray:
    """An orthonormal basis of ``G_L``, columns of a (d^L, rank) matrix; site 0 most significant."""
    a = uniform_tensor(tensor)
    _check_size(a.shape[1], length)
    u, s, _ = np.linalg.svd(products(a, length).reshape(a.shape[1] ** length, -1), full_matrices=False)
    return u[:, s > _RANK * s[0]]


def limiting_support(tensor: Any, perturbation: Any, length: int) -> np.ndarray:
    r"""An orthonormal basis of the limit, for eps to 0, of the support ``G_L`` of ``A + eps P``.

    The states of the basis matrices X are the columns of a matrix polynomial ``Gamma(eps)``. Mixing columns, and
    dividing one by eps where its constant term vanishes, does not change the image at eps > 0; after finitely many such
    steps the constant terms are independent, and span the limit.
    """
    a, p = uniform_tensor(tensor), np.asarray(perturbation)
    _check_size(a.shape[1], length)
    gamma = _polynomial(a, p, length)  # (order, d^L, D^2)
    for _ in range(length * gamma.shape[2] + 1):
        gamma = gamma[:, :, np.abs(gamma).max(axis=(0, 1)) > 1e-12 * np.abs(gamma).max()]
        u, s, v = np.linalg.svd(gamma[0], full_matrices=True)
        rank = int(np.sum(s > _RANK * max(s[0], 1e-300)))
        if rank == gamma.shape[2]:
            return u[:, :rank]
        mixed = gamma @ v.conj().T
        vanishing = np.concatenate([mixed[1:, :, rank:], np.zeros_like(mixed[:1, :, rank:])])
        scale = np.abs(vanishing).max(axis=(0, 1), keepdims=True)
        vanishing = vanishing / np.where(scale > 0.0, scale, 1.0)
        gamma = np.concatenate([mixed[:, :, :rank], vanishing], axis=2)
    raise ValueError(
        "the limit of the supports was not found: the perturbation is degenerate; use another one"
    )


def _polynomial(a: np.ndarray, p: np.ndarray, length: int) -> np.ndarray:
    """Coefficients of eps^k, k = 0 .. L, of the products of ``A + eps P``, as (L + 1, d^L, D^2)."""
    size, d, _ = a.shape
    dtype = np.result_type(a, p, np.float64)
    out = np.eye(size, dtype=dtype).reshape(1, 1, size, size)
    for _ in range(length):
        with_a = np.einsum("kxab,bsc->kxsac", out, a)
        with_p = np.einsum("kxab,bsc->kxsac", out, p)
        k, x = out.shape[:2]
        grown = np.zeros((k + 1, x * d, size, size), dtype)
        grown[:-1] += with_a.reshape(k, x * d, size, size)
        grown[1:] += with_p.reshape(k, x * d, size, size)
        out = grown
    return out.reshape(length + 1, d**length, size * size)


def _complement(basis: np.ndarray) -> np.ndarray:
    return np.eye(basis.shape[0]) - basis @ basis.conj().T


def _translated(term: np.ndarray, d: int, n_sites: int, length: int, periodic: bool) -> LocalHamiltonian:
    if n_sites < length:
        raise ValueError(f"a term acts on {length} sites; the chain must have as many, not {n_sites}")
    term = 0.5 * (term + term.conj().T)
    starts = range(n_sites if periodic else n_sites - length + 1)
    terms = [(tuple((i + k) % n_sites for k in range(length)), term) for i in starts]
    return LocalHamiltonian(n_sites, d, terms)


def _check_size(d: int, length: int) -> None:
    if length < 1:
        raise ValueError(f"a term acts on at least one site; got length={length}")
    if d**length > _LARGEST:
        raise ValueError(
            f"a term on {length} sites of dimension {d} has side {d**length}, more than {_LARGEST}"
        )


def _tensor(state: Any) -> np.ndarray:
    if isinstance(state, UniformMPS):
        return np.asarray(state.AL)
    if isinstance(state, PeriodicMPS):
        first = np.asarray(state.tensors[0])
        if not all(t.shape == first.shape and np.array_equal(np.asarray(t), first) for t in state.tensors):
            raise ValueError(
                "parent and uncle Hamiltonians are of uniform states: all tensors of the ring equal"
            )
        return uniform_tensor(first)
    return uniform_tensor(state)
