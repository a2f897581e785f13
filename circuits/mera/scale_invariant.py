r"""The scale-invariant MERA of an infinite critical chain: transitional layers, and one layer repeated for ever.

Giovannetti, Montangero and Fazio, PRL 101, 180503 (2008); Pfeifer, Evenbly and Vidal, PRA 79, 040301 (2009). The
density matrix above the transitional layers is the fixed point ``rho* = D(rho*)`` of the descending superoperator of
the repeated layer, averaged over the positions of a window under it.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.mera import stiefel
from circuits.mera.energy import Tensors, Warm, fold
from circuits.mera.finite import unpack_layers
from circuits.mera.krylov import gmres
from circuits.mera.schemes import Scheme
from circuits.mera.superoperators import Layer, ascend, descend, identity
from circuits.mera.terms import bulk


class ScaleInvariantMERA(eqx.Module):
    """A state of an infinite chain. ``layers[0]`` is next to the physical sites; ``repeated`` stands above the last.

    All tensors have a leading axis of length one (they are shared by all positions). Real or complex.
    """

    layers: tuple[Layer, ...]
    repeated: Layer
    scheme: Scheme = eqx.field(static=True)

    @property
    def n_sites(self) -> float:
        """Infinity."""
        return float("inf")

    @property
    def bond_dimensions(self) -> tuple[int, ...]:
        """The dimension of a site at every level, the physical one first, up to the repeated layer."""
        return tuple(layer.disentangler.shape[-1] for layer in (*self.layers, self.repeated))

    @property
    def local_dimension(self) -> int:
        """The physical dimension of a site."""
        return self.bond_dimensions[0]

    @property
    def dtype(self) -> Any:
        """Real or complex floating point."""
        return self.repeated.isometry.dtype

    def extended(self, layers: int = 1) -> ScaleInvariantMERA:
        """The same state with copies of the repeated layer as further transitional layers, free to differ from it."""
        return ScaleInvariantMERA((*self.layers, *(self.repeated,) * layers), self.repeated, self.scheme)

    def density_matrices(self) -> tuple[Array, ...]:
        r"""The mean density matrix of ``support`` neighbouring sites (3 binary, 2 ternary) at every level.

        ``(d_l^s, d_l^s)`` each, Hermitian, trace one, the physical level first; the last is the fixed point.
        """
        sigma = fixed_point(self)
        found = [sigma]
        for layer in reversed(self.layers):
            sigma = _lower(self.scheme, layer, sigma)
            found.append(sigma)
        s = self.scheme.support
        return tuple(x.reshape(x.shape[0] ** s, -1).T for x in reversed(found))

    def expectation(self, hamiltonian: Any) -> Float[Array, ""]:
        """Energy per site of a translation-invariant ring (PauliSum, LocalHamiltonian) or two-site matrix.

        Raises:
            ValueError: if the Hamiltonian is not translation invariant, or its sites have another dimension.
        """
        operator = jnp.asarray(bulk(hamiltonian, self.scheme))
        if operator.shape[-1] != self.local_dimension:
            raise ValueError(
                f"the Hamiltonian has sites of dimension {operator.shape[-1]}, the MERA {self.local_dimension}"
            )
        rho = self.density_matrices()[0]
        either = jnp.iscomplexobj(operator) or jnp.iscomplexobj(rho)
        kind = np.result_type(rho.dtype, np.complex64) if either else rho.dtype
        return jnp.sum(rho.T.astype(kind) * operator.reshape(rho.shape).astype(kind)).real

    def deviation(self) -> float:
        """How far the tensors are from isometries: the largest entry of ``|W^+ W - 1|``."""
        return float(max(stiefel.deviation(w) for w in jax.tree.leaves(pack(self))))

    def __repr__(self) -> str:
        return (
            f"ScaleInvariantMERA({self.scheme.name}, {len(self.layers)} transitional layers, bond dimensions "
            f"{self.bond_dimensions}, {self.dtype})"
        )


def pack(mera: ScaleInvariantMERA) -> Tensors:
    """The tensors as matrices with orthonormal columns; layers as large as the repeated one are stacked."""
    layers = [fold(mera.scheme, layer) for layer in mera.layers]
    repeated = jax.tree.map(lambda x: x[0], fold(mera.scheme, mera.repeated))
    growing = [layer for layer in layers if layer.isometry.shape[1:] != repeated.isometry.shape]
    rest = layers[len(growing) :]
    tail = jax.tree.map(lambda *x: np.concatenate(x), *rest) if rest else None
    return Tensors(tuple(growing), tail, repeated)


def unpack(scheme: Scheme, tensors: Tensors) -> ScaleInvariantMERA:
    """The inverse of `pack`."""
    repeated = tensors._replace(head=(jax.tree.map(lambda x: x[None], tensors.cap),), tail=None)
    return ScaleInvariantMERA(unpack_layers(scheme, tensors), unpack_layers(scheme, repeated)[0], scheme)


def mixed(scheme: Scheme, dimension: int, dtype: Any) -> Warm:
    """Where the fixed points start: the maximally mixed density, no Hamiltonian."""
    block = dimension**scheme.support
    one = np.eye(block, dtype=dtype).reshape((dimension,) * (2 * scheme.support))
    return Warm(one / np.asarray(block, dtype), np.zeros_like(one))


def fixed_point(mera: ScaleInvariantMERA) -> Array:
    """``sigma* = rho*^T`` above the transitional layers, ``(chi, ... ; chi, ...)``, trace one, to 1e-12."""
    return _fixed_point(mera.scheme, mera.repeated)


@jax.jit(static_argnums=0)
def _fixed_point(scheme: Scheme, repeated: Layer) -> Array:
    dtype = repeated.isometry.dtype
    start = mixed(scheme, repeated.disentangler.shape[-1], dtype).density
    tolerance = jnp.asarray(50.0 * float(jnp.finfo(dtype).eps), jnp.finfo(dtype).dtype)
    found, _ = gmres(lambda x: _lower(scheme, repeated, x), start, jnp.zeros_like(start), tolerance)
    return found / jnp.sum(found * identity(scheme, start.shape[-1], dtype))


@jax.jit(static_argnums=0)
def _lower(scheme: Scheme, layer: Layer, sigma: Array) -> Array:
    return descend(scheme, layer, sigma[None])[0] / scheme.branching


@jax.jit(static_argnums=0)
def raise_once(scheme: Scheme, layer: Layer, operator: Array) -> Array:
    """The mean ascending superoperator, unital: ``(d, ...)`` to ``(chi, ...)``."""
    return ascend(scheme, layer, operator[None])[0] / scheme.branching
