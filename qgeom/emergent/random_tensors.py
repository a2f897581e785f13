r"""Random tensor networks: Gaussian tensors on any graph, their states, entropies, and the Ising model behind them.

Hayden, Nezami, Qi, Thomas, Walter, Yang, JHEP 11 (2016) 009. For independent complex Gaussian tensors
``E[|T><T| x |T><T|] = 1 + SWAP`` on every tensor, so that the mean of ``(tr rho)^2`` and of ``tr rho_A^2``, of the
unnormalised state, are partition functions of Ising spins (identity or swap) on the graph, with pinning fields at the
boundary. At large bond dimension the second Renyi entropy becomes the minimal cut.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import opt_einsum
from scipy.special import logsumexp

from qgeom.emergent.stabilizers import qubit_mask
from qgeom.emergent.tensor_graph import NetworkGraph

_MAX_AMPLITUDES = 2**22
_MAX_SPINS = 18


@dataclass(frozen=True, eq=False)
class RandomTensorNetwork:
    """Gaussian tensors on a graph.

    Attributes:
        graph: the network.
        tensors: complex128 arrays; the axes of a tensor are its bonds in their order in the graph, then its boundary
            legs, then its bulk legs.
    """

    graph: NetworkGraph
    tensors: tuple[np.ndarray, ...]

    def to_vector(self) -> np.ndarray:
        """The amplitudes, norm one: complex128, boundary legs in order (leg 0 most significant), then bulk legs.

        Raises:
            ValueError: if there are more than 2^22 amplitudes.
        """
        graph = self.graph
        dims = np.concatenate([graph.site_dimensions, graph.bulk_dimensions])
        if np.prod(dims) > _MAX_AMPLITUDES:
            raise ValueError(
                f"the vector has {np.prod(dims):.3g} amplitudes, more than 2^22; take fewer legs"
            )
        operands = [part for pair in zip(self.tensors, _axes(graph), strict=True) for part in pair]
        legs = range(len(graph.bonds), len(graph.bonds) + len(dims))
        vector = np.asarray(opt_einsum.contract(*operands, list(legs))).reshape(-1)
        return vector / np.linalg.norm(vector)

    def entropy(self, region: Sequence[int], order: float = 1.0) -> float:
        """The entropy of some boundary legs in nats: von Neumann, or Renyi of another ``order``.

        Raises:
            ValueError: if a leg is not there or named twice, or the vector is too long.
        """
        return self.entropies([region], order)[0]

    def entropies(self, regions: Sequence[Sequence[int]], order: float = 1.0) -> np.ndarray:
        """The entropies of several regions, the state contracted once: float64 (regions,), in nats.

        Raises:
            ValueError: as `entropy`.
        """
        graph = self.graph
        dims = np.concatenate([graph.site_dimensions, graph.bulk_dimensions]).astype(int)
        masks = [qubit_mask(graph.n_sites, region) for region in regions]
        vector = self.to_vector().reshape(dims)
        found = []
        for mask in masks:
            inside = np.flatnonzero(mask)
            rest = np.setdiff1d(np.arange(len(dims)), inside)
            matrix = vector.transpose(*inside, *rest).reshape(int(np.prod(dims[inside])), -1)
            p = np.linalg.svd(matrix, compute_uv=False) ** 2
            p = p[p > 0.0]
            found.append(-np.sum(p * np.log(p)) if order == 1.0 else np.log(np.sum(p**order)) / (1.0 - order))
        return np.array(found)


def random_tensor_network(
    graph: NetworkGraph, seed: int | np.random.Generator | None = None
) -> RandomTensorNetwork:
    """Independent complex Gaussian tensors, entries of mean square one, on every node of a graph.

    Args:
        graph: a finite network, e.g. `NetworkGraph.from_networkx`; integer dimensions.
        seed: of NumPy's default generator, or the generator.

    Raises:
        ValueError: if the graph has an environment, or a dimension is no integer.
    """
    if graph.environment:
        raise ValueError("random tensors need a finite network; this graph is a window of an infinite one")
    sizes = np.concatenate([graph.dimensions, graph.site_dimensions, graph.bulk_dimensions])
    if np.any(sizes != np.round(sizes)):
        raise ValueError(f"the dimensions of tensors are integers; got {sizes.tolist()}")
    rng = np.random.default_rng(seed)
    tensors = []
    for axes in _axes(graph):
        shape = tuple(int(sizes[a]) for a in axes)
        tensors.append((rng.normal(size=shape) + 1j * rng.normal(size=shape)) * np.sqrt(0.5))
    return RandomTensorNetwork(graph, tuple(tensors))


def annealed_renyi2(graph: NetworkGraph, region: Sequence[int]) -> float:
    r"""``-ln(E[tr rho_A^2] / E[(tr rho)^2])`` over Gaussian tensors, in nats: exact at every bond dimension.

    ``E = sum over spins of prod`` over bonds and legs: ``D^2`` for a bond between equal spins, ``D`` between unequal
    ones; ``D^2`` for a leg whose spin is as its field (swap in the region, identity elsewhere), else ``D``. It is at
    most the minimal cut and tends to it, less the logarithm of the number of minimal cuts, for large D. Bulk legs are
    in the complement. Source: Hayden et al. 2016, sections 2 and 3.

    Raises:
        ValueError: if there are more than 18 tensors, an environment, or a leg is not there.
    """
    if graph.n_tensors > _MAX_SPINS or graph.environment:
        raise ValueError(
            f"the sum runs over all spins of a finite network of up to {_MAX_SPINS} tensors; this one has "
            f"{graph.n_tensors}{' and an environment' if graph.environment else ''}"
        )
    swapped = qubit_mask(graph.n_sites, region)
    spins = np.arange(2**graph.n_tensors)[:, None] >> np.arange(graph.n_tensors) & 1
    walls = (spins[:, graph.bonds[:, 0]] != spins[:, graph.bonds[:, 1]]) @ np.log(graph.dimensions)
    walls = walls + spins[:, graph.bulk] @ np.log(graph.bulk_dimensions)
    legs = spins[:, graph.sites]
    logs = np.log(graph.site_dimensions)
    free, pinned = (np.asarray(logsumexp(-walls - (legs != field) @ logs)) for field in (False, swapped))
    return float(free - pinned)


def _axes(graph: NetworkGraph) -> list[list[int]]:
    """The legs of each tensor, numbered: bonds, then boundary legs, then bulk legs."""
    axes: list[list[int]] = [[] for _ in range(graph.n_tensors)]
    for number, (a, b) in enumerate(graph.bonds):
        axes[a].append(number)
        axes[b].append(number)
    for number, tensor in enumerate([*graph.sites, *graph.bulk]):
        axes[tensor].append(len(graph.bonds) + number)
    return axes
