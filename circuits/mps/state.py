r"""Matrix product states on open chains.

``|psi> = sum_s A_0^{s_0} A_1^{s_1} ... A_{n-1}^{s_{n-1}} |s_0 ... s_{n-1}>`` with tensors ``A_i`` of axes (left bond,
site, right bond), site 0 the most significant. Nothing is assumed of the gauge or the norm: every measurement divides
by the norm, and every method says which gauge it returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Inexact, Key

from circuits.description import ImplicitState, parameter_dtype
from circuits.mps import canonical, contract, measure
from circuits.mps.dtypes import is_traced, operator_dtype, real_dtype, widest
from circuits.mps.sizes import bond_dimensions, check_positive, exact_bonds


class MPS(ImplicitState):
    """A matrix product state of n sites with open ends.

    Args:
        tensors: n arrays (Dl, d, Dr), real or complex, of one dtype; the right bond of each is the left bond of the
            next, and the outer bonds have dimension 1.

    Raises:
        ValueError: if there is no tensor, one does not have three axes, or bonds do not fit.

    Example:
        >>> import jax, circuits.mps
        >>> jax.config.update("jax_enable_x64", True)
        >>> psi = circuits.mps.MPS.random(jax.random.key(0), n_sites=6, bond_dimension=4)
        >>> psi.bond_dimensions, round(float(psi.norm()), 12)
        ((1, 2, 4, 4, 4, 2, 1), 1.0)
    """

    tensors: tuple[Array, ...]

    def __init__(self, tensors: Sequence[Any]) -> None:
        self.tensors = tuple(t if hasattr(t, "dtype") else jnp.asarray(t) for t in tensors)

    def __check_init__(self) -> None:
        if not self.tensors:
            raise ValueError("an MPS needs at least one tensor")
        for i, t in enumerate(self.tensors):
            # 4 axes: a batch of states under `jax.vmap`, or the points of a curve
            if t.ndim not in (3, 4):
                raise ValueError(f"tensor {i} of an MPS has axes (left, site, right); got shape {t.shape}")
        ends = [(t.shape[-3], t.shape[-1]) for t in self.tensors]
        if ends[0][0] != 1 or ends[-1][1] != 1:
            raise ValueError(
                f"an open MPS begins and ends with bond dimension 1, not {ends[0][0]} and {ends[-1][1]}; "
                f"use PeriodicMPS for a ring"
            )
        for i in range(len(ends) - 1):
            if ends[i][1] != ends[i + 1][0]:
                raise ValueError(
                    f"bond {i} does not fit: tensor {i} ends with dimension {ends[i][1]}, tensor {i + 1} begins "
                    f"with {ends[i + 1][0]}"
                )

    # Construction.

    @classmethod
    def from_vector(
        cls,
        vector: Any,
        local_dimensions: int | Sequence[int] = 2,
        bond_dimension: int | None = None,
        cutoff: float = 1e-14,
    ) -> MPS:
        """The MPS of a state vector, by successive SVDs on the host: left canonical, exact unless cut.

        Args:
            vector: amplitudes, site 0 most significant; a `State` or array. Its norm is kept.
            local_dimensions: dimension of each site, or one number for all.
            bond_dimension: keep at most so many Schmidt values per bond; all unless given.
            cutoff: drop Schmidt values below ``cutoff`` times the largest of the bond, in units of the precision if
                that is coarser.

        Raises:
            ValueError: if the length is no product of the local dimensions, or ``bond_dimension`` is less than one.
        """
        amplitudes = np.asarray(getattr(vector, "vector", vector))
        if not np.issubdtype(amplitudes.dtype, np.inexact):
            amplitudes = amplitudes.astype(np.float64)
        dims = _local_dimensions(amplitudes.size, local_dimensions)
        if bond_dimension is not None:
            bond_dimensions(dims, bond_dimension)
        cutoff = max(cutoff, float(np.finfo(amplitudes.dtype).eps) * 0.05)
        rest, tensors = amplitudes.reshape(1, -1), []
        for d in dims[:-1]:
            left = rest.shape[0]
            u, s, v = np.linalg.svd(rest.reshape(left * d, -1), full_matrices=False)
            rank = max(1, int(np.sum(s > cutoff * s[0])))
            rank = rank if bond_dimension is None else min(rank, bond_dimension)
            tensors.append(u[:, :rank].reshape(left, d, rank))
            rest = s[:rank, None] * v[:rank]
        tensors.append(rest.reshape(rest.shape[0], dims[-1], 1))
        return cls([jnp.asarray(t) for t in tensors])

    @classmethod
    def product(cls, vectors: Sequence[Any]) -> MPS:
        """The product state of one vector per site (of bond dimension 1), e.g. ``[[1, 0]] * n``."""
        arrays = [jnp.asarray(v) for v in vectors]
        arrays = [a if jnp.issubdtype(a.dtype, jnp.inexact) else a.astype(float) for a in arrays]
        dtype = widest(*arrays)
        return cls([a.astype(dtype).reshape(1, -1, 1) for a in arrays])

    @classmethod
    def random(
        cls,
        key: Key[Array, ""],
        n_sites: int,
        bond_dimension: int,
        local_dimension: int = 2,
        dtype: Any = None,
    ) -> MPS:
        """A random state of norm one: right canonical tensors from Haar-random isometries.

        Args:
            key: random key.
            n_sites: number of sites.
            bond_dimension: largest bond dimension; where less is exact, less is used.
            local_dimension: dimension of a site.
            dtype: real or complex floating-point type; float64 unless given.

        Raises:
            ValueError: if a size is less than one, or float64 is wanted with x64 off.
        """
        check_positive(n_sites=n_sites, local_dimension=local_dimension)
        dtype = jnp.dtype(jnp.float64 if dtype is None else dtype)
        parameter_dtype(real_dtype(dtype))
        bonds = bond_dimensions((local_dimension,) * n_sites, bond_dimension)
        keys = jax.random.split(key, n_sites)
        tensors = [
            jax.random.normal(k, (l, local_dimension, r), dtype)
            for k, l, r in zip(keys, bonds[:-1], bonds[1:], strict=True)
        ]
        return cls(canonical.right_canonical(tuple(tensors))[0])

    # Shape.

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return len(self.tensors)

    @property
    def bond_dimensions(self) -> tuple[int, ...]:
        """The n + 1 bond dimensions, the outer ones 1."""
        return (*(t.shape[-3] for t in self.tensors), self.tensors[-1].shape[-1])

    @property
    def bond_dimension(self) -> int:
        """The largest bond dimension."""
        return max(self.bond_dimensions)

    @property
    def local_dimensions(self) -> tuple[int, ...]:
        """The dimension of each site."""
        return tuple(t.shape[-2] for t in self.tensors)

    @property
    def local_dimension(self) -> int:
        """The dimension of a site.

        Raises:
            ValueError: if the sites differ; use ``local_dimensions``.
        """
        if len(set(self.local_dimensions)) != 1:
            raise ValueError(f"the sites have dimensions {self.local_dimensions}; use local_dimensions")
        return self.local_dimensions[0]

    @property
    def dtype(self) -> Any:
        """The dtype of the amplitudes."""
        return widest(*self.tensors)

    def __repr__(self) -> str:
        return f"MPS(n_sites={self.n_sites}, bond_dimension={self.bond_dimension}, dtype={self.dtype})"

    # Amplitudes and inner products.

    def to_vector(self) -> Inexact[Array, " dim"]:
        """The amplitudes, site 0 most significant: for small chains."""
        return contract.to_vector(self.tensors)

    def overlap(self, other: MPS) -> Inexact[Array, ""]:
        """``<self|other>``, antiholomorphic in the tensors of ``self``; O(n d D^3)."""
        _check_chains(self, other)
        return contract.overlap(self.tensors, other.tensors)

    def norm(self) -> Float[Array, ""]:
        """``sqrt(<psi|psi>)``; use `log_norm` where it may overflow."""
        return jnp.exp(canonical.log_norm(self.tensors))

    def log_norm(self) -> Float[Array, ""]:
        """``ln || psi ||``, without overflow at any length."""
        return canonical.log_norm(self.tensors)

    def normalised(self) -> MPS:
        """The state of norm one: every tensor times the same positive number, the gauge unchanged otherwise."""
        factor = jnp.exp(-self.log_norm() / self.n_sites)
        return MPS([t * factor.astype(t.dtype) for t in self.tensors])

    def conj(self) -> MPS:
        """The complex conjugate of the amplitudes."""
        return MPS([t.conj() for t in self.tensors])

    def astype(self, dtype: Any) -> MPS:
        """The same state with tensors of another dtype."""
        return MPS([t.astype(dtype) for t in self.tensors])

    def __add__(self, other: MPS) -> MPS:
        """The sum of the states; bond dimensions add up. `compress` it afterwards."""
        _check_chains(self, other)
        return MPS(contract.add(self.tensors, other.tensors))

    def __mul__(self, factor: Any) -> MPS:
        """The state times a number, put into the last tensor."""
        factor = jnp.asarray(factor)
        dtype = operator_dtype(self.dtype, factor)
        tensors = [t.astype(dtype) for t in self.tensors]
        return MPS([*tensors[:-1], tensors[-1] * factor.astype(dtype)])

    __rmul__ = __mul__

    def __sub__(self, other: MPS) -> MPS:
        return self + other * (-1.0)

    # Gauge and truncation.

    def canonical(self, centre: int) -> MPS:
        """The same state, left canonical below ``centre`` and right canonical above it; the norm is kept.

        Raises:
            ValueError: if there is no such site.
        """
        if not 0 <= centre < self.n_sites:
            raise ValueError(f"the centre must be a site 0 .. {self.n_sites - 1}; got {centre}")
        return MPS(canonical.mixed_canonical(self.tensors, int(centre)))

    def compress(self, bond_dimension: int | None = None, cutoff: float = 0.0) -> MPS:
        """The state with every bond cut to its largest Schmidt values; left canonical, last tensor with the norm.

        Args:
            bond_dimension: how many to keep; what is exact unless given.
            cutoff: Schmidt values below ``cutoff`` times the largest become zero, within fixed shapes; outside
                `jax.jit` the bonds shrink to what is left.

        Raises:
            ValueError: if ``bond_dimension`` is less than one.
        """
        largest = max((self.bond_dimension, *exact_bonds(self.local_dimensions)))
        wanted = min(self.bond_dimension, largest) if bond_dimension is None else bond_dimension
        check_positive(bond_dimension=wanted)
        tensors, _ = canonical.compress(self.tensors, int(wanted), cutoff)
        if cutoff > 0.0 and not is_traced(tensors[0]):
            tensors = contract.without_zero_bonds(tensors)
        return MPS(tensors)

    # Measurements: see circuits.mps.measure.

    def expectation(self, operator: Any) -> Array:
        """``<psi|O|psi> / <psi|psi>`` of an MPO, LocalHamiltonian or PauliSum; real where O is known Hermitian."""
        return measure.expectation(self, operator)

    def variance(self, operator: Any) -> Float[Array, ""]:
        """``<H^2> - <H>^2``, zero on eigenstates."""
        return measure.variance(self, operator)

    def density_matrix(self, sites: Sequence[int]) -> Inexact[Array, "dim dim"]:
        """The reduced density matrix of a few sites, the first one given most significant; trace one."""
        return measure.density_matrix(self, sites)

    def schmidt_values(self) -> Float[Array, "bonds rank"]:
        """Schmidt values at the n-1 bonds, descending, squares summing to one; zeros beyond the rank."""
        return canonical.schmidt_values(self.tensors)

    def entanglement_spectrum(self, bond: int) -> Float[Array, " rank"]:
        """``-2 ln`` of the Schmidt values at a bond (between sites ``bond`` and ``bond + 1``), ascending."""
        return measure.entanglement_spectrum(self, bond)

    def entropies(self, order: float = 1.0) -> Float[Array, " bonds"]:
        """Entanglement entropies at the n-1 bonds, in nats: von Neumann, or Renyi of another ``order``."""
        return measure.entropies(self, order)

    def entropy(self, bond: int, order: float = 1.0) -> Float[Array, ""]:
        """Entanglement entropy between sites ``0 .. bond`` and the rest, in nats."""
        return measure.entropy(self, bond, order)

    def mutual_information(self, a: int | Sequence[int], b: int | Sequence[int]) -> Float[Array, ""]:
        """``S(A) + S(B) - S(AB)`` of two disjoint sets of sites, in nats."""
        return measure.mutual_information(self, a, b)

    def correlations(self, a: Any, b: Any = None, connected: bool = False) -> Inexact[Array, "n n"]:
        """``<a_i b_j>`` of one-site operators for all i, j; minus ``<a_i><b_j>`` if ``connected``."""
        return measure.correlations(self, a, b, connected)


def _local_dimensions(size: int, local_dimensions: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(local_dimensions, Sequence):
        dims = tuple(int(d) for d in local_dimensions)
    else:
        check_positive(local_dimension=local_dimensions)
        n = round(float(np.log(size) / np.log(max(local_dimensions, 2)))) if size > 0 else 0
        dims = (int(local_dimensions),) * max(n, 1)
    if not dims or int(np.prod([float(d) for d in dims])) != size:
        raise ValueError(
            f"a vector of {size} amplitudes is no state of sites of dimension {local_dimensions}; give "
            f"local_dimensions with this product"
        )
    return dims


def _check_chains(a: MPS, b: MPS) -> None:
    if not isinstance(b, MPS):
        raise TypeError(f"expected another MPS, not {type(b).__name__}")
    if a.local_dimensions != b.local_dimensions:
        raise ValueError(
            f"the states live on different chains: {a.n_sites} sites and {b.n_sites} sites, of dimensions "
            f"{_short(a.local_dimensions)} and {_short(b.local_dimensions)}"
        )


def _short(dims: tuple[int, ...]) -> str:
    return str(dims[0]) if len(set(dims)) == 1 else str(dims)
