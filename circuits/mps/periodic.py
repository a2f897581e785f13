r"""Matrix product states on rings: ``|psi> = sum_s tr(A_0^{s_0} ... A_{n-1}^{s_{n-1}}) |s_0 ... s_{n-1}>``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact, Key

from circuits.description import ImplicitState, parameter_dtype
from circuits.mps import contract, measure
from circuits.mps.dtypes import is_traced, real_dtype, widest
from circuits.mps.sites import fold
from circuits.mps.sizes import check_positive
from circuits.mps.state import MPS

Tensors = tuple[Array, ...]


class PeriodicMPS(ImplicitState):
    """A matrix product state of n sites on a ring. There is no canonical form; the norm is whatever it is.

    Overlaps cost O(n d D^3 D_0^2), D_0 the smallest bond. Everything else is measured on the same state as an open
    chain (`to_open`), whose bonds are up to D_0 D: exact, and meant for small bond dimensions.

    Args:
        tensors: n arrays (Dl, d, Dr); the right bond of each is the left bond of the next, and of the last that of the
            first.

    Raises:
        ValueError: if there is no tensor, one does not have three axes, or bonds do not fit.
    """

    tensors: Tensors

    def __init__(self, tensors: Sequence[Any]) -> None:
        self.tensors = tuple(t if hasattr(t, "dtype") else jnp.asarray(t) for t in tensors)

    def __check_init__(self) -> None:
        if not self.tensors:
            raise ValueError("an MPS needs at least one tensor")
        for i, t in enumerate(self.tensors):
            if t.ndim not in (3, 4):
                raise ValueError(f"tensor {i} of an MPS has axes (left, site, right); got shape {t.shape}")
        for i, t in enumerate(self.tensors):
            after = self.tensors[(i + 1) % self.n_sites]
            if t.shape[-1] != after.shape[-3]:
                raise ValueError(
                    f"bond {i} does not fit: tensor {i} ends with dimension {t.shape[-1]}, tensor "
                    f"{(i + 1) % self.n_sites} begins with {after.shape[-3]}"
                )

    @classmethod
    def from_tensor(cls, tensor: Any, n_sites: int) -> PeriodicMPS:
        """The translation-invariant state of one tensor (D, d, D) on a ring of ``n_sites``."""
        check_positive(n_sites=n_sites)
        return cls((jnp.asarray(tensor),) * n_sites)

    @classmethod
    def random(
        cls,
        key: Key[Array, ""],
        n_sites: int,
        bond_dimension: int,
        local_dimension: int = 2,
        dtype: Any = None,
    ) -> PeriodicMPS:
        """Independent normal tensors, scaled so that the norm is of order one.

        Raises:
            ValueError: if a size is less than one, or float64 is wanted with x64 off.
        """
        check_positive(n_sites=n_sites, bond_dimension=bond_dimension, local_dimension=local_dimension)
        dtype = jnp.dtype(jnp.float64 if dtype is None else dtype)
        parameter_dtype(real_dtype(dtype))
        shape = (bond_dimension, local_dimension, bond_dimension)
        scale = (local_dimension * bond_dimension) ** -0.5
        return cls([scale * jax.random.normal(k, shape, dtype) for k in jax.random.split(key, n_sites)])

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return len(self.tensors)

    @property
    def bond_dimensions(self) -> tuple[int, ...]:
        """The n bond dimensions: to the left of each site."""
        return tuple(t.shape[-3] for t in self.tensors)

    @property
    def local_dimensions(self) -> tuple[int, ...]:
        """The dimension of each site."""
        return tuple(t.shape[-2] for t in self.tensors)

    @property
    def dtype(self) -> Any:
        """The dtype of the amplitudes."""
        return widest(*self.tensors)

    def __repr__(self) -> str:
        bond = max(self.bond_dimensions)
        return f"PeriodicMPS(n_sites={self.n_sites}, bond_dimension={bond}, dtype={self.dtype})"

    def to_vector(self) -> Inexact[Array, " dim"]:
        """The amplitudes, site 0 most significant: for short rings."""
        return _to_vector(self.tensors)

    def overlap(self, other: PeriodicMPS) -> Inexact[Array, ""]:
        """``<self|other>``, antiholomorphic in the tensors of ``self``; O(n d D^3 D_0^2)."""
        if not isinstance(other, PeriodicMPS):
            raise TypeError(f"expected another PeriodicMPS, not {type(other).__name__}; see to_open")
        if self.local_dimensions != other.local_dimensions:
            raise ValueError(
                f"the states live on different rings, of {self.n_sites} and {other.n_sites} sites"
            )
        cut = min(range(self.n_sites), key=lambda i: self.bond_dimensions[i] * other.bond_dimensions[i])
        return _overlap(_rolled(self.tensors, cut), _rolled(other.tensors, cut))

    def norm(self) -> Float[Array, ""]:
        """``sqrt(<psi|psi>)``."""
        return jnp.sqrt(jnp.maximum(self.overlap(self).real, 0.0))

    def normalised(self) -> PeriodicMPS:
        """The state of norm one: every tensor times the same positive number."""
        factor = self.norm() ** (-1.0 / self.n_sites)
        return PeriodicMPS([t * factor.astype(t.dtype) for t in self.tensors])

    def to_open(self) -> MPS:
        """The same state as an open chain: the bond that closes the ring is carried along, bonds ``D_0 D_i``."""
        return MPS(_opened(self.tensors))

    # Measured on the open chain, compressed to the rank that the state has: see circuits.mps.measure.

    def _chain(self) -> MPS:
        return self.to_open().compress(cutoff=0.0 if _traced(self.tensors) else 1e-14)

    def expectation(self, operator: Any) -> Inexact[Array, ""]:
        """``<psi|O|psi> / <psi|psi>`` of an MPO, LocalHamiltonian or PauliSum, periodic terms included."""
        return measure.expectation(self._chain(), operator)

    def variance(self, operator: Any) -> Float[Array, ""]:
        """``<O'O> - |<O>|^2``."""
        return measure.variance(self._chain(), operator)

    def density_matrix(self, sites: Sequence[int]) -> Inexact[Array, "dim dim"]:
        """The reduced density matrix of a few sites, the first one given most significant; trace one."""
        return measure.density_matrix(self._chain(), sites)

    def entropy(self, sites: int | Sequence[int], order: float = 1.0) -> Float[Array, ""]:
        """The entropy of any set of sites, e.g. an arc, in nats. (A ring has no cut of one bond.)"""
        return measure.block_entropy(self._chain(), sites, order)

    def mutual_information(self, a: int | Sequence[int], b: int | Sequence[int]) -> Float[Array, ""]:
        """``S(A) + S(B) - S(AB)`` of two disjoint sets of sites, in nats."""
        return measure.mutual_information(self._chain(), a, b)

    def correlations(self, a: Any, b: Any = None, connected: bool = False) -> Inexact[Array, "n n"]:
        """``<a_i b_j>`` of one-site operators for all i, j; minus ``<a_i><b_j>`` if ``connected``."""
        return measure.correlations(self._chain(), a, b, connected)


def _traced(tensors: Tensors) -> bool:
    return any(is_traced(t) for t in tensors)


def _rolled(tensors: Tensors, cut: int) -> Tensors:
    return tensors[cut:] + tensors[:cut]


@jax.jit
def _overlap(bra: Tensors, ket: Tensors) -> Array:
    bra, ket = contract.common_dtype(bra, ket)
    x, y = bra[0].shape[0], ket[0].shape[0]

    def step(env: Array, site: tuple[Array, Array]) -> tuple[Array, None]:
        above, below = site
        half = jnp.einsum("xyab,bsc->xyasc", env, below)
        return jnp.einsum("xyasc,asd->xydc", half, above.conj()), None

    start = jnp.eye(x * y, dtype=ket[0].dtype).reshape(x, y, x, y)
    env, _ = fold(step, start, list(zip(bra, ket, strict=True)))
    return jnp.einsum("xyxy->", env)


@jax.jit
def _to_vector(tensors: Tensors) -> Array:
    first = tensors[0]
    psi = first.transpose(1, 0, 2)  # (states so far, ring bond, right bond)
    for t in tensors[1:]:
        psi = jnp.einsum("xra,asb->xsrb", psi, t).reshape(-1, first.shape[0], t.shape[2])
    return jnp.einsum("xrr->x", psi)


@jax.jit
def _opened(tensors: Tensors) -> Tensors:
    ring = tensors[0].shape[0]
    if len(tensors) == 1:
        return (jnp.einsum("asa->s", tensors[0]).reshape(1, -1, 1),)
    eye = jnp.eye(ring, dtype=tensors[0].dtype)
    first = tensors[0].transpose(1, 0, 2).reshape(1, tensors[0].shape[1], -1)
    middle = [
        jnp.einsum("rq,asb->rasqb", eye, t).reshape(ring * t.shape[0], t.shape[1], ring * t.shape[2])
        for t in tensors[1:-1]
    ]
    last = tensors[-1].transpose(2, 0, 1).reshape(-1, tensors[-1].shape[1], 1)
    return (first, *middle, last)
