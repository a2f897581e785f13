r"""MERA of a finite ring: ``n = b^layers t`` sites, with a top tensor on ``t`` of them.

Vidal, PRL 101, 110501 (2008); Evenbly and Vidal, PRB 79, 144108 (2009). Site 0 is the first tensor axis.
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from circuits.description import State
from circuits.mera import energy, stiefel
from circuits.mera.energy import Tensors, fold, unfold
from circuits.mera.schemes import Scheme
from circuits.mera.superoperators import Layer, descend
from circuits.mera.terms import windows

MAX_AMPLITUDES = 2**24  # of a state vector: 256 MiB in complex128


class FiniteMERA(eqx.Module):
    """A normalised state of ``n`` sites on a ring.

    ``layers[0]`` is next to the physical sites. Its tensors carry a leading axis of positions: one entry per coarse
    site, or a single one where all positions share it. ``top``: ``(chi,) * t``, norm one. Real or complex.
    """

    layers: tuple[Layer, ...]
    top: Any
    scheme: Scheme = eqx.field(static=True)

    @property
    def n_sites(self) -> int:
        """Number of physical sites."""
        return self.top.ndim * self.scheme.branching ** len(self.layers)

    @property
    def bond_dimensions(self) -> tuple[int, ...]:
        """The dimension of a site at every level, the physical one first."""
        return (*(layer.disentangler.shape[-1] for layer in self.layers), self.top.shape[0])

    @property
    def local_dimension(self) -> int:
        """The physical dimension of a site."""
        return self.bond_dimensions[0]

    @property
    def dtype(self) -> Any:
        """Real or complex floating point."""
        return self.top.dtype

    @property
    def is_uniform(self) -> bool:
        """Whether all positions of a layer share their tensors."""
        return all(layer.isometry.shape[0] == 1 for layer in self.layers)

    def to_vector(self) -> Array:
        """The amplitudes, ``(d^n,)``, site 0 most significant; of the dtype of the tensors.

        Raises:
            ValueError: if there are more than 2^24 of them.
        """
        size = self.local_dimension**self.n_sites
        if size > MAX_AMPLITUDES:
            raise ValueError(
                f"the vector of {self.n_sites} sites has {size:.3g} amplitudes, more than 2^24; "
                "use density_matrices() and expectation() instead"
            )
        return _vector(self)

    def state(self) -> State:
        """The state of ``n`` qubits as `circuits.State` (complex).

        Raises:
            ValueError: if the sites are not qubits, or there are more than 24 of them.
        """
        if self.local_dimension != 2:
            raise ValueError(f"a State is made of qubits; these sites have dimension {self.local_dimension}")
        vector = self.to_vector()
        if not jnp.iscomplexobj(vector):
            vector = lax.complex(vector, jnp.zeros_like(vector))
        return State(vector)

    def density_matrices(self) -> Array:
        r"""Density matrices of all windows of ``support`` sites (3 binary, 2 ternary), through the causal cones.

        ``(n, d^s, d^s)``, Hermitian, trace one; the ``j``-th is that of the sites ``j .. j + s - 1`` around the ring.
        Cost linear in ``n``.
        """
        return _densities(self)

    def expectation(self, hamiltonian: Any) -> Float[Array, ""]:
        """``<psi|H|psi>`` of a PauliSum or LocalHamiltonian of neighbours, through the causal cones.

        Raises:
            ValueError: if the number of sites or their dimension differs, or a term does not fit in a window.
        """
        operators, n = windows(hamiltonian, self.scheme)
        if n != self.n_sites or operators.shape[-1] != self.local_dimension:
            raise ValueError(
                f"the Hamiltonian has {n} sites of dimension {operators.shape[-1]}, the MERA {self.n_sites} of "
                f"dimension {self.local_dimension}"
            )
        rho = self.density_matrices()
        matrices = jnp.asarray(operators.reshape(operators.shape[0], *rho.shape[1:]))
        either = jnp.iscomplexobj(matrices) or jnp.iscomplexobj(rho)
        kind = np.result_type(rho.dtype, np.complex64) if either else rho.dtype
        pairs = jnp.swapaxes(rho, -1, -2).astype(kind) * matrices.astype(kind)
        return jnp.sum(pairs).real

    def deviation(self) -> float:
        """How far the tensors are from isometries: the largest entry of ``|W^+ W - 1|``."""
        matrices = jax.tree.leaves(pack(self))
        return float(max(jnp.max(stiefel.deviation(w)) for w in matrices))

    def __repr__(self) -> str:
        kind = "shared" if self.is_uniform else "own"
        return (
            f"FiniteMERA({self.scheme.name}, {self.n_sites} sites, bond dimensions {self.bond_dimensions}, "
            f"{kind} tensors per position, {self.dtype})"
        )


def pack(mera: FiniteMERA) -> Tensors:
    """The tensors as matrices with orthonormal columns, equal shared layers stacked for the scan."""
    layers = [fold(mera.scheme, layer) for layer in mera.layers]
    first = len(layers)
    if mera.is_uniform:
        while first > 0 and layers[first - 1].isometry.shape == layers[-1].isometry.shape:
            first -= 1
        if len(layers) - first < 2:  # a scan over one layer saves nothing
            first = len(layers)
    tail = None
    if first < len(layers):
        tail = jax.tree.map(lambda *x: np.concatenate(x), *layers[first:])
    return Tensors(tuple(layers[:first]), tail, mera.top.reshape(-1, 1))


def unpack_layers(scheme: Scheme, tensors: Tensors) -> tuple[Layer, ...]:
    """The layers as tensors with an axis of positions, from `Tensors`."""
    layers = [unfold(scheme, layer) for layer in tensors.head]
    if tensors.tail is not None:
        stacked = unfold(scheme, tensors.tail)
        count = stacked.isometry.shape[0]
        layers += [jax.tree.map(lambda x, i=i: x[i : i + 1], stacked) for i in range(count)]
    return tuple(layers)


def unpack(scheme: Scheme, tensors: Tensors, top_sites: int) -> FiniteMERA:
    """The inverse of `pack`."""
    layers = unpack_layers(scheme, tensors)
    chi = layers[-1].isometry.shape[-1]
    return FiniteMERA(layers, tensors.cap.reshape((chi,) * top_sites), scheme)


def lower_vector(scheme: Scheme, layer: Layer, vector: Array, sites: int) -> Array:
    """A vector on ``sites`` coarse sites through one layer: isometries, then disentanglers; flat in and out."""
    lowered = vector
    w = layer.isometry
    for j in range(
        sites
    ):  # the leading site is embedded and moved to the end: after a full turn all are in order
        matrix = w[j % w.shape[0]].reshape(-1, w.shape[-1])
        lowered = (matrix @ lowered.reshape(w.shape[-1], -1)).T.reshape(-1)
    d, b = layer.disentangler.shape[-1], scheme.branching
    turn = d ** (b - 1)  # the sites in front of the first disentangler

    def step(vector: Array, u: Array) -> tuple[Array, None]:
        vector = (u.reshape(d * d, d * d) @ vector.reshape(d * d, -1)).T
        return vector.reshape(d ** (b - 2), -1).T.reshape(-1), None

    u = jnp.broadcast_to(layer.disentangler, (sites, *layer.disentangler.shape[1:]))
    lowered, _ = lax.scan(step, lowered.reshape(turn, -1).T.reshape(-1), u)
    return lowered.reshape(-1, turn).T.reshape(-1)


@jax.jit
def _vector(mera: FiniteMERA) -> Array:
    vector, sites = mera.top.reshape(-1), mera.top.ndim
    for layer in reversed(mera.layers):
        vector = lower_vector(mera.scheme, layer, vector, sites)
        sites *= mera.scheme.branching
    return vector


@jax.jit
def _densities(mera: FiniteMERA) -> Array:
    scheme, t = mera.scheme, mera.top.ndim
    chi = mera.top.shape[0]
    turned = energy.turns(mera.top).reshape(t, chi**scheme.support, -1)
    sigma = turned.conj() @ jnp.swapaxes(turned, -1, -2)
    sigma = sigma.reshape(t, *(chi,) * (2 * scheme.support))
    for layer in reversed(mera.layers):
        sigma = descend(scheme, layer, sigma)
    block = mera.local_dimension**scheme.support
    return jnp.swapaxes(sigma.reshape(-1, block, block), -1, -2)
