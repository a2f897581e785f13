r"""The matrix product state as a description: theta are its tensors.

Every entry of every tensor is a parameter, two for a complex one. The state is holomorphic in them, so that the metric
is the Gram matrix of the tangent vectors ``d_i psi`` projected on the complement of psi, and its kernel is the gauge:
``A_i -> A_i G, A_{i+1} -> G^{-1} A_{i+1}`` at every bond, and the norm. The rank is the dimension of the manifold,
``sum_i d D_{i-1} D_i - sum_bonds D^2 - 1`` (minus one for the norm; twice as much over the complex numbers, where one
dimension is the phase): Haegeman et al., J. Math. Phys. 55, 021902 (2014).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Key

from circuits.description import Description, Node, Reading, State, parameter_dtype
from circuits.mps.canonical import log_norm
from circuits.mps.dtypes import complex_dtype
from circuits.mps.sizes import bond_dimensions, check_positive
from circuits.mps.state import MPS

Field = Literal["real", "complex"]
MatrixProductParams = tuple[Float[Array, "..."], ...]


@dataclass(frozen=True, init=False)
class MatrixProduct(Description):
    """An open matrix product state of ``n_sites`` sites as a description of a pure state.

    Args:
        n_sites: number of sites.
        bond_dimension: largest bond dimension D; where less is exact, less is used (and a warning says so if that is
            everywhere).
        local_dimension: dimension of a site.
        field: "complex" amplitudes, or "real" ones: half the parameters and a quarter of the time.

    Parameters: a tuple of one real array per site, (Dl, d, Dr), or (2, Dl, d, Dr) with real and imaginary parts for
    complex amplitudes. The point is an `MPS` (known by its overlaps, never as a vector); `state_description` has the
    state vector as its point.

    Raises:
        ValueError: a size of less than one, or an unknown field.
    """

    n_sites: int
    bond_dimension: int
    local_dimension: int
    field: Field

    def __init__(
        self, n_sites: int, bond_dimension: int, local_dimension: int = 2, field: Field = "complex"
    ) -> None:
        check_positive(n_sites=n_sites, bond_dimension=bond_dimension, local_dimension=local_dimension)
        if field not in ("real", "complex"):
            raise ValueError(f"field must be 'real' or 'complex'; got {field!r}")
        bonds = bond_dimensions((local_dimension,) * n_sites, bond_dimension)
        for name, value in (
            ("n_sites", int(n_sites)),
            ("bond_dimension", max(bonds)),
            ("local_dimension", int(local_dimension)),
            ("field", field),
        ):
            object.__setattr__(self, name, value)

    @property
    def bond_dimensions(self) -> tuple[int, ...]:
        """The n + 1 bond dimensions, the outer ones 1."""
        return bond_dimensions((self.local_dimension,) * self.n_sites, self.bond_dimension)

    @property
    def tensor_shapes(self) -> tuple[tuple[int, int, int], ...]:
        """The shape (Dl, d, Dr) of each tensor."""
        bonds = self.bond_dimensions
        return tuple((l, self.local_dimension, r) for l, r in itertools.pairwise(bonds))

    @property
    def n_parameters(self) -> int:
        """Number of real parameters: entries of all tensors, twice for complex ones."""
        return sum(self._sizes)

    @property
    def manifold_dimension(self) -> int:
        """The generic rank of the metric: parameters less gauge, norm and phase."""
        bonds = self.bond_dimensions[1:-1]
        complex_dimension = sum(math.prod(s) for s in self.tensor_shapes) - sum(b * b for b in bonds) - 1
        return complex_dimension * (2 if self.field == "complex" else 1)

    @property
    def _sizes(self) -> tuple[int, ...]:
        per_entry = 2 if self.field == "complex" else 1
        return tuple(per_entry * math.prod(s) for s in self.tensor_shapes)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The tensors, from left to right; ``wires`` of a node is its site."""
        offsets = np.concatenate([[0], np.cumsum(self._sizes)])
        return tuple(
            Node(f"A[{i}]", "tensor", (i,), tuple(range(int(offsets[i]), int(offsets[i + 1]))), i)
            for i in range(self.n_sites)
        )

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """The bonds: each tensor to the next."""
        return tuple((i, i + 1) for i in range(self.n_sites - 1))

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """``A[site][left, level, right]``, with ``.re`` and ``.im`` for complex tensors."""
        parts = (".re", ".im") if self.field == "complex" else ("",)
        return tuple(
            f"A[{i}]{part}[{l}, {s}, {r}]"
            for i, shape in enumerate(self.tensor_shapes)
            for part in parts
            for l, s, r in np.ndindex(shape)
        )

    def init(self, key: Key[Array, ""], dtype: Any = None) -> MatrixProductParams:
        """A random state of norm one, right canonical, from Haar-random isometries.

        ``dtype`` is the real dtype of the parameters, float64 unless given.
        """
        real = parameter_dtype(dtype)
        amplitudes = complex_dtype(real) if self.field == "complex" else real
        psi = MPS.random(key, self.n_sites, self.bond_dimension, self.local_dimension, amplitudes)
        return self.params_of(psi)

    def params_of(self, psi: MPS) -> MatrixProductParams:
        """The parameters of a given state: its tensors.

        Raises:
            ValueError: if its tensors have other shapes, or are complex where the field is real.
        """
        shapes = tuple(t.shape for t in psi.tensors)
        if shapes != self.tensor_shapes:
            raise ValueError(
                f"the state has tensors of bond dimensions {psi.bond_dimensions}; the description has "
                f"{self.bond_dimensions}"
            )
        if self.field == "complex":
            return tuple(jnp.stack([t.real, t.imag]) for t in psi.tensors)
        if jnp.issubdtype(psi.dtype, jnp.complexfloating):
            raise ValueError("the state is complex; use MatrixProduct(..., field='complex')")
        return psi.tensors

    def __call__(self, params: MatrixProductParams, x: Array | None = None) -> MPS:
        """The state, scaled to norm one. The scale is held fixed under derivatives: the metric does not see it.

        Raises:
            ValueError: if there is an input ``x`` (the state takes none), or parameters are not one array per site.
        """
        if x is not None:
            raise ValueError("a matrix product state takes no input x")
        return _normalised(self._tensors(params))

    def curve(self, params: MatrixProductParams, x: Array | None = None) -> MPS:
        r"""The states tensor by tensor: n + 1 points, every array with a leading axis.

        At point k the tensors of sites ``0 .. k-1`` are in place and each later one is the identity on its bond times
        level 0, ``delta_lr delta_s0``: the product ``|0 ... 0>`` first, the state last; between them site k and later
        are still in level 0, and the bond ends on its first direction.
        """
        if x is not None:
            raise ValueError("a matrix product state takes no input x")
        tensors = self._tensors(params)
        reference = [
            jnp.zeros(t.shape, t.dtype).at[:, 0, :].set(jnp.eye(t.shape[0], t.shape[2], dtype=t.dtype))
            for t in tensors
        ]
        on = jnp.arange(self.n_sites + 1)[:, None] > jnp.arange(self.n_sites)[None, :]
        switched = tuple(
            jnp.where(on[:, i, None, None, None], t, r)
            for i, (t, r) in enumerate(zip(tensors, reference, strict=True))
        )
        return jax.vmap(_normalised)(switched)

    def state_description(self) -> MatrixProductVector:
        """The same description with the state vector as its point: for small chains."""
        return MatrixProductVector(self)

    def _tensors(self, params: Sequence[Array]) -> tuple[Array, ...]:
        if len(params) != self.n_sites:
            raise ValueError(f"the parameters are one array per site, {self.n_sites}; got {len(params)}")
        if self.field == "real":
            return tuple(params)
        return tuple(lax.complex(p[0], p[1]) for p in params)


def _normalised(tensors: tuple[Array, ...]) -> MPS:
    scale = jnp.exp(lax.stop_gradient(-log_norm(tensors)) / len(tensors))
    return MPS([t * scale.astype(t.dtype) for t in tensors])


@dataclass(frozen=True)
class MatrixProductVector(Reading):
    """A matrix product state whose point is the state vector (`State`): exact, for small chains of qubits.

    Args:
        network: the `MatrixProduct` with the structure; parameters, nodes and wires are its.
    """

    network: MatrixProduct

    @property
    def structure(self) -> MatrixProduct:
        """The network."""
        return self.network

    def __call__(self, params: MatrixProductParams, x: Array | None = None) -> State:
        """The state vector, of norm one."""
        return _state(self.network(params, x))

    def curve(self, params: MatrixProductParams, x: Array | None = None) -> State:
        """The states tensor by tensor, as in `MatrixProduct.curve`."""
        return jax.vmap(_state)(self.network.curve(params, x))


def _state(psi: MPS) -> State:
    vector = psi.to_vector()
    # exact normalisation, with its derivative: as the norm of a `State` is one along every direction
    vector = vector / jnp.linalg.norm(vector).astype(vector.dtype)
    return State(vector.astype(complex_dtype(vector.dtype)))
