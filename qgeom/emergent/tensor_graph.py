r"""The graph of a tensor network as arrays: tensors, bonds with their dimensions, open legs; distances along it.

The number of tensors on the shortest path between two sites is their distance in the network (Evenbly and Vidal, J.
Stat. Phys. 145, 891 (2011), up to a constant): linear in the separation for an MPS, logarithmic for a MERA.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import networkx as nx
import numpy as np
import scipy.sparse
from scipy.sparse.csgraph import connected_components, dijkstra


@dataclass(frozen=True, eq=False)
class NetworkGraph:
    """Tensors, the bonds between them, and the legs that are left open.

    Attributes:
        tensors: a name for each tensor.
        bonds: int64 (bonds, 2), the two tensors of each bond; parallel bonds are allowed.
        dimensions: float64 (bonds,), the dimension of each.
        sites: int64 (n,), the tensor that carries each boundary leg, in the order of the sites.
        site_dimensions: float64 (n,).
        bulk: int64 (k,), the tensor that carries each bulk leg (the inputs of a code).
        bulk_dimensions: float64 (k,).
        environment: tensors that stand for all that is outside a window of an infinite network. They are always in the
            complement of a region, and no path leads through them.

    Raises:
        ValueError: if shapes do not fit, a tensor is not there, or a dimension is below one.
    """

    tensors: tuple[str, ...]
    bonds: np.ndarray
    dimensions: np.ndarray
    sites: np.ndarray
    site_dimensions: np.ndarray
    bulk: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    bulk_dimensions: np.ndarray = field(default_factory=lambda: np.zeros(0))
    environment: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        shaped = {
            "bonds": np.array(self.bonds, dtype=np.int64).reshape(-1, 2),
            "dimensions": np.array(self.dimensions, dtype=np.float64).reshape(-1),
            "sites": np.array(self.sites, dtype=np.int64).reshape(-1),
            "site_dimensions": np.array(self.site_dimensions, dtype=np.float64).reshape(-1),
            "bulk": np.array(self.bulk, dtype=np.int64).reshape(-1),
            "bulk_dimensions": np.array(self.bulk_dimensions, dtype=np.float64).reshape(-1),
        }
        for ends, sizes in (
            ("bonds", "dimensions"),
            ("sites", "site_dimensions"),
            ("bulk", "bulk_dimensions"),
        ):
            if len(shaped[ends]) != len(shaped[sizes]):
                raise ValueError(
                    f"{len(shaped[ends])} {ends} have {len(shaped[sizes])} dimensions; one for each"
                )
            if np.any(~(shaped[sizes] >= 1.0)):
                raise ValueError(f"dimensions are at least 1; the {ends} have {shaped[sizes].tolist()}")
        ends = np.concatenate([shaped["bonds"].reshape(-1), shaped["sites"], shaped["bulk"]])
        if np.any((ends < 0) | (ends >= len(self.tensors))):
            raise ValueError(f"tensors are 0 .. {len(self.tensors) - 1}; a bond or leg is at another")
        for name, array in shaped.items():
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def from_networkx(
        cls,
        graph: nx.Graph,
        sites: Sequence[Hashable],
        bond_dimension: float = 2,
        site_dimension: float = 2,
    ) -> NetworkGraph:
        """A tensor on every node, a bond on every edge; ``sites`` are the nodes with a boundary leg, in order.

        An edge attribute ``dimension`` goes before ``bond_dimension``. A node that is named twice has two legs.

        Raises:
            ValueError: if a site is no node, or a dimension is below one.
        """
        index = {node: i for i, node in enumerate(graph.nodes)}
        missing = [s for s in sites if s not in index]
        if missing:
            raise ValueError(f"sites must be nodes of the graph; {missing} are not")
        return cls(
            tensors=tuple(str(node) for node in graph.nodes),
            bonds=np.array([(index[a], index[b]) for a, b, _ in graph.edges(data=True)]),
            dimensions=np.array([d.get("dimension", bond_dimension) for *_, d in graph.edges(data=True)]),
            sites=np.array([index[s] for s in sites]),
            site_dimensions=np.full(len(sites), float(site_dimension)),
        )

    @property
    def n_tensors(self) -> int:
        """Number of tensors."""
        return len(self.tensors)

    @property
    def n_sites(self) -> int:
        """Number of boundary legs."""
        return len(self.sites)

    @property
    def n_bulk(self) -> int:
        """Number of bulk legs."""
        return len(self.bulk)

    def tensor_distances(self) -> np.ndarray:
        """Bonds on the shortest path between any two tensors: float64 (tensors, tensors), inf where there is none.

        Nothing passes a bond of dimension 1, nor the environment.
        """
        return np.asarray(dijkstra(self.adjacency(), unweighted=True))

    def site_distances(self) -> np.ndarray:
        """Tensors on the shortest path between any two sites, a metric: float64 (n, n), inf where there is no path.

        Sites of one tensor are at distance 1, a site and itself at 0.
        """
        reached = np.asarray(dijkstra(self.adjacency(), unweighted=True, indices=self.sites))
        distances = reached[:, self.sites] + 1.0
        np.fill_diagonal(distances, 0.0)
        return distances

    def geodesic(self, first: int, second: int) -> tuple[int, ...]:
        """The tensors on a shortest path between two sites, from the one to the other.

        Raises:
            ValueError: if a site is not there, or no path joins them.
        """
        if not all(0 <= i < self.n_sites for i in (first, second)):
            raise ValueError(f"sites are 0 .. {self.n_sites - 1}; got {first} and {second}")
        start, end = int(self.sites[first]), int(self.sites[second])
        reached, before = dijkstra(self.adjacency(), unweighted=True, indices=start, return_predecessors=True)
        if not np.isfinite(reached[end]):
            raise ValueError(f"no path joins the sites {first} and {second}: the network falls apart")
        path = [end]
        while path[-1] != start:
            path.append(int(before[path[-1]]))
        return tuple(reversed(path))

    def to_networkx(self) -> nx.Graph:
        """Nodes: tensors by number, ``("site", i)`` and ``("bulk", j)``; parallel bonds become one.

        Edges carry ``dimension`` and ``capacity`` = ln of it, in nats; tensors carry ``name``.
        """
        graph = nx.Graph()
        graph.add_nodes_from((i, {"name": name}) for i, name in enumerate(self.tensors))
        ends = [(int(a), int(b)) for a, b in self.bonds]
        ends += [(("site", i), int(t)) for i, t in enumerate(self.sites)]
        ends += [(("bulk", j), int(t)) for j, t in enumerate(self.bulk)]
        sizes = np.concatenate([self.dimensions, self.site_dimensions, self.bulk_dimensions])
        for (a, b), dimension in zip(ends, sizes, strict=True):
            if a != b:
                before = graph.edges[a, b]["dimension"] if graph.has_edge(a, b) else 1.0
                total = float(before * dimension)
                graph.add_edge(a, b, dimension=total, capacity=float(np.log(total)))
        return graph

    def adjacency(self) -> scipy.sparse.csr_array:
        """The number of bonds between two tensors, without those of dimension 1 and those to the environment."""
        inside = ~np.isin(self.bonds, self.environment).any(axis=1) & (self.dimensions > 1.0)
        ends = self.bonds[inside]
        shape = (self.n_tensors, self.n_tensors)
        both = (np.concatenate([ends[:, 0], ends[:, 1]]), np.concatenate([ends[:, 1], ends[:, 0]]))
        return scipy.sparse.csr_array((np.ones(2 * len(ends)), both), shape=shape)


def rewired(
    graph: NetworkGraph, seed: int | np.random.Generator | None = None, swaps: int | None = None
) -> NetworkGraph:
    """The null model of a network: ends of bonds of equal dimension exchanged at random, all else kept.

    ``a - b, c - d`` become ``a - d, c - b``, so that every tensor keeps its legs and their dimensions; steps that would
    join a tensor to itself, double a bond or break the network apart are left out. Bonds to the environment stay.

    Args:
        graph: a connected network.
        seed: of NumPy's default generator, or the generator.
        swaps: how many exchanges are tried; twenty for each bond unless given.

    Raises:
        ValueError: if the network is not connected, or no two bonds of equal dimension can be exchanged.
    """
    if not _connected(graph):
        raise ValueError("a network that falls apart has no rewired null model; take its connected part")
    rng = np.random.default_rng(seed)
    free = np.flatnonzero(~np.isin(graph.bonds, graph.environment).any(axis=1))
    joined = {frozenset(pair) for pair in graph.bonds.tolist()}
    current = graph
    for _ in range(20 * len(free) if swaps is None else swaps):
        first, second = (int(b) for b in rng.choice(free, size=2))
        if first == second or graph.dimensions[first] != graph.dimensions[second]:
            continue
        (a, b), (c, d) = current.bonds[first].tolist(), rng.permutation(current.bonds[second]).tolist()
        new = {frozenset((a, d)), frozenset((c, b))}
        if a == d or c == b or len(new) < 2 or new & joined:
            continue
        bonds = current.bonds.copy()
        bonds[first], bonds[second] = (a, d), (c, b)
        candidate = replace(graph, bonds=bonds)
        if _connected(candidate):
            joined = (joined - {frozenset((a, b)), frozenset((c, d))}) | new
            current = candidate
    if current is graph:
        raise ValueError("no two bonds of this network can be exchanged; it has no rewired null model")
    return current


def _connected(graph: NetworkGraph) -> bool:
    """Whether a path joins every two sites."""
    _, labels = connected_components(graph.adjacency(), directed=False)
    return len(np.unique(labels[graph.sites])) <= 1
