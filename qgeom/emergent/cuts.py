r"""Minimal cuts of a tensor network: ``S(A) <= min over cuts between A and the rest of sum ln D``.

A state that is contracted across a cut has a Schmidt rank of at most the product of the bond dimensions on it. Swingle,
PRD 86, 065007 (2012); for holographic codes the cut is the surface of Ryu and Takayanagi (Pastawski et al., JHEP 06
(2015) 149, section 4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np

from qgeom.emergent.tensor_graph import NetworkGraph

_SCALE = 2.0**40  # capacities as integers, so that a saturated edge is known exactly


@dataclass(frozen=True)
class Cut:
    """A minimal cut between a region and its complement.

    Attributes:
        entropy: the sum of ln D over what is cut, in nats: the bound on the entropy of the region.
        bonds: numbers of the bonds cut.
        sites: boundary legs cut.
        bulk: bulk legs cut.
        wedge: the tensors on the side of the region, ascending. Of several minimal cuts it is the one farthest from the
            region.
    """

    entropy: float
    bonds: tuple[int, ...]
    sites: tuple[int, ...]
    bulk: tuple[int, ...]
    wedge: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of bonds and legs cut."""
        return len(self.bonds) + len(self.sites) + len(self.bulk)


def minimal_cut(graph: NetworkGraph, region: Sequence[int], bulk: Sequence[int] = ()) -> Cut:
    """The minimal cut between some legs and all others, by maximal flow (networkx).

    Args:
        graph: the network.
        region: boundary legs in the region.
        bulk: bulk legs in the region; the others, and the environment, are in the complement.

    Returns:
        The cut, `entropy` in nats: an upper bound of the entanglement entropy of these legs in the state (with bulk
        legs: in the state in which each is entangled with a reference).

    Raises:
        ValueError: if a leg is not there or named twice.
    """
    inside = {("site", i) for i in _legs(region, graph.n_sites, "boundary")}
    inside |= {("bulk", j) for j in _legs(bulk, graph.n_bulk, "bulk")}
    flow = nx.Graph()
    flow.add_nodes_from(["region", "rest"])
    for a, b, data in graph.to_networkx().edges(data=True):
        flow.add_edge(a, b, capacity=round(_SCALE * data["capacity"]))
    legs = [("site", i) for i in range(graph.n_sites)] + [("bulk", j) for j in range(graph.n_bulk)]
    for leg in legs:
        flow.add_edge("region" if leg in inside else "rest", leg)  # no capacity: as much as there is
    for tensor in graph.environment:
        flow.add_edge("rest", tensor)
    _, (near, _) = nx.minimum_cut(flow, "region", "rest")
    held = np.isin(np.arange(graph.n_tensors), [t for t in near if isinstance(t, int)])
    bonds = np.flatnonzero(held[graph.bonds[:, 0]] != held[graph.bonds[:, 1]])
    sites = [i for i, t in enumerate(graph.sites) if held[t] != (("site", i) in inside)]
    bulk_cut = [j for j, t in enumerate(graph.bulk) if held[t] != (("bulk", j) in inside)]
    sizes = np.concatenate(
        [graph.dimensions[bonds], graph.site_dimensions[sites], graph.bulk_dimensions[bulk_cut]]
    )
    return Cut(
        entropy=float(np.sum(np.log(sizes))),
        bonds=tuple(int(b) for b in bonds),
        sites=tuple(sites),
        bulk=tuple(bulk_cut),
        wedge=tuple(int(t) for t in np.flatnonzero(held)),
    )


def block_cuts(graph: NetworkGraph, start: int = 0, length: int | None = None) -> np.ndarray:
    """Cut entropies of the blocks ``start .. start + l - 1``, l = 1 .. ``length``, sites taken round: float64, in nats.

    Half the sites unless ``length`` is given.

    Raises:
        ValueError: if ``start`` is no site, or there are fewer sites than ``length``.
    """
    n = graph.n_sites
    longest = n // 2 if length is None else length
    if not 0 <= start < n or not 1 <= longest <= n:
        raise ValueError(f"blocks of 1 to {n} sites start at a site 0 .. {n - 1}; got {longest} from {start}")
    blocks = [[(start + k) % n for k in range(size)] for size in range(1, longest + 1)]
    return np.array([minimal_cut(graph, block).entropy for block in blocks])


def _legs(chosen: Sequence[int], count: int, kind: str) -> list[int]:
    legs = [int(i) for i in chosen]
    if len(set(legs)) != len(legs) or not all(0 <= i < count for i in legs):
        raise ValueError(f"{kind} legs are different numbers of 0 .. {count - 1}; got {legs}")
    return legs
