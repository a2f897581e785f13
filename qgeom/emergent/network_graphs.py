r"""The graph of any tensor network of this package: `network_graph`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from circuits.mera.description import MERA
from circuits.mera.finite import FiniteMERA
from circuits.mera.scale_invariant import ScaleInvariantMERA
from circuits.mera.sizes import scheme_of
from circuits.mps.description import MatrixProduct
from circuits.mps.periodic import PeriodicMPS
from circuits.mps.state import MPS
from circuits.mps.uniform import UniformMPS
from qgeom.emergent.tensor_graph import NetworkGraph


@runtime_checkable
class HasGraph(Protocol):
    """What brings its graph along: random tensor networks, holographic codes."""

    @property
    def graph(self) -> NetworkGraph:
        """The graph of its tensor network."""
        ...


TensorNetwork = (
    NetworkGraph
    | HasGraph
    | MPS
    | PeriodicMPS
    | UniformMPS
    | MatrixProduct
    | MERA
    | FiniteMERA
    | ScaleInvariantMERA
)


def network_graph(
    description: TensorNetwork, *, sites: int | None = None, layers: int | None = None
) -> NetworkGraph:
    """The graph of a tensor network, boundary legs in the order of its sites.

    * MPS, MatrixProduct, PeriodicMPS: one tensor per site, along a line or a ring.
    * FiniteMERA, MERA: disentanglers and isometries of each layer, then the top tensor.
    * UniformMPS: a window of ``sites``, what is left and right of it an environment.
    * ScaleInvariantMERA: the first ``layers`` over a window of ``sites = branching^layers t``; what is above and beside
      it is the environment. Paths over the top of the window are not seen: take ``layers`` so that t is small.
    * RandomTensorNetwork, HolographicCode and others that have a ``graph``.

    Args:
        description: the network.
        sites: the window of an infinite network; else not given.
        layers: how many layers of a scale-invariant MERA; the most that divide ``sites`` unless given.

    Raises:
        TypeError: if it is no tensor network.
        ValueError: if a window is given to a finite network, or none to an infinite one, or it does not fit.
    """
    infinite = isinstance(description, UniformMPS | ScaleInvariantMERA)
    if infinite and (sites is None or sites < 1):
        raise ValueError("the network is infinite: give the number of sites of a window, e.g. sites=32")
    if not infinite and sites is not None:
        raise ValueError(f"the network has its own number of sites; leave out sites={sites}")
    if layers is not None and not isinstance(description, ScaleInvariantMERA):
        raise ValueError("layers are counted in a ScaleInvariantMERA only; leave them out")
    match description:
        case NetworkGraph():
            return description
        case MPS():
            return _chain(description.bond_dimensions[1:-1], description.local_dimensions)
        case MatrixProduct():
            dims = (description.local_dimension,) * description.n_sites
            return _chain(description.bond_dimensions[1:-1], dims)
        case PeriodicMPS():
            bonds = (*description.bond_dimensions[1:], description.bond_dimensions[0])
            return _chain(bonds, description.local_dimensions)
        case UniformMPS():
            assert sites is not None
            inner = _chain(
                (description.bond_dimension,) * (sites - 1), (description.local_dimension,) * sites
            )
            return _with_environment(inner, [0, sites - 1], [description.bond_dimension] * 2)
        case FiniteMERA():
            return _mera(description.scheme.branching, description.bond_dimensions, description.top.ndim)
        case MERA():
            b, dims = scheme_of(description.scheme).branching, description.bond_dimensions
            return _mera(b, dims, description.n_sites // b**description.n_layers)
        case ScaleInvariantMERA():
            assert sites is not None
            return _window(description, sites, layers)
        case HasGraph() if isinstance(description.graph, NetworkGraph):
            return description.graph
    raise TypeError(
        f"expected a tensor network (MPS, PeriodicMPS, MatrixProduct, UniformMPS, FiniteMERA, MERA, "
        f"ScaleInvariantMERA, or anything with a NetworkGraph as `graph`), not {type(description).__name__}"
    )


def _chain(bonds: Sequence[int], local_dimensions: Sequence[int]) -> NetworkGraph:
    """Tensors in a row; the last bond closes a ring if there are as many bonds as sites."""
    n = len(local_dimensions)
    ends = [(i, (i + 1) % n) for i in range(len(bonds))]
    keep = [i for i, (a, b) in enumerate(ends) if a != b]  # a ring of one site has none
    return NetworkGraph(
        tensors=tuple(f"A[{i}]" for i in range(n)),
        bonds=np.array([ends[i] for i in keep]),
        dimensions=np.array([bonds[i] for i in keep]),
        sites=np.arange(n),
        site_dimensions=np.array(local_dimensions),
    )


def _with_environment(graph: NetworkGraph, ends: Sequence[int], dimensions: Sequence[float]) -> NetworkGraph:
    """The graph with one more tensor, the outside, joined to the given ones."""
    outside = graph.n_tensors
    return NetworkGraph(
        tensors=(*graph.tensors, "outside"),
        bonds=np.concatenate([graph.bonds, np.array([(t, outside) for t in ends])]),
        dimensions=np.concatenate([graph.dimensions, np.asarray(dimensions, dtype=np.float64)]),
        sites=graph.sites,
        site_dimensions=graph.site_dimensions,
        environment=(outside,),
    )


def _mera(branching: int, dims: Sequence[int], top_sites: int) -> NetworkGraph:
    """A ring under a top tensor."""
    build = _Layers(branching, top_sites * branching ** (len(dims) - 1), ring=True)
    for level in range(len(dims) - 1):
        build.add(level, dims[level])
    build.cap("top", dims[-1])
    return build.graph(dims[0])


def _window(mera: ScaleInvariantMERA, sites: int, layers: int | None) -> NetworkGraph:
    """The first layers above some sites of an infinite chain."""
    b = mera.scheme.branching
    fitting = 0
    while sites % b ** (fitting + 1) == 0:
        fitting += 1
    count = fitting if layers is None else layers
    if not 1 <= count <= fitting:
        raise ValueError(
            f"{sites} sites carry 1 to {fitting} whole layers of a {mera.scheme.name} MERA, not {count}; take a "
            f"number of sites that {b}^layers divides"
        )
    dims = [mera.bond_dimensions[min(level, len(mera.bond_dimensions) - 1)] for level in range(count + 1)]
    build = _Layers(b, sites, ring=False)
    for level in range(count):
        build.add(level, dims[level])
    build.cap("outside", dims[-1])
    return build.graph(dims[0])


class _Layers:
    """A MERA, layer by layer from the physical sites up; a window has its outside as tensor 0."""

    def __init__(self, branching: int, n_sites: int, ring: bool) -> None:
        self.branching, self.ring = branching, ring
        self.names: list[str] = [] if ring else ["outside"]
        self.bonds: list[tuple[int, int, float]] = []
        self.sites = [-1] * n_sites
        # The tensor below each site of the level; -1: its physical leg.
        self.lower = [-1] * n_sites

    def add(self, level: int, dimension: int) -> None:
        """Disentanglers ``u_j`` on the sites ``bj + b - 1, bj + b``, then isometries on ``bj .. bj + b - 1``."""
        b, n = self.branching, len(self.lower)
        for j in range(0 if self.ring else -1, n // b):
            tensor = self._new(f"disentangler[{level}][{j}]")
            for site in (b * j + b - 1, b * j + b):
                if self.ring or 0 <= site < n:
                    self._attach(site % n, tensor, dimension)
                else:  # the half of the tensor that is outside the window: one leg down, one up
                    self.bonds += [(0, tensor, dimension)] * 2
        raised = []
        for j in range(n // b):
            tensor = self._new(f"isometry[{level}][{j}]")
            for site in range(b * j, b * j + b):
                self._attach(site, tensor, dimension)
            raised.append(tensor)
        self.lower = raised

    def cap(self, name: str, dimension: int) -> None:
        """One tensor on all sites of the level."""
        tensor = self._new(name) if self.ring else 0
        self.bonds += [(lower, tensor, dimension) for lower in self.lower]

    def graph(self, site_dimension: int) -> NetworkGraph:
        """What has been built."""
        return NetworkGraph(
            tensors=tuple(self.names),
            bonds=np.array([bond[:2] for bond in self.bonds]),
            dimensions=np.array([bond[2] for bond in self.bonds]),
            sites=np.array(self.sites),
            site_dimensions=np.full(len(self.sites), float(site_dimension)),
            environment=() if self.ring else (0,),
        )

    def _new(self, name: str) -> int:
        self.names.append(name)
        return len(self.names) - 1

    def _attach(self, site: int, tensor: int, dimension: int) -> None:
        below = self.lower[site]
        if below < 0:
            self.sites[site] = tensor
        else:
            self.bonds.append((below, tensor, dimension))
        self.lower[site] = tensor
