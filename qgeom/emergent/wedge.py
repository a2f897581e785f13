r"""Entanglement wedges of boundary regions: greedy, by pushing through perfect tensors, and exact.

The greedy algorithm (Pastawski et al., JHEP 06 (2015) 149, section 4.1 and 5.2) takes in a tensor as soon as at least
half of all its legs are in the region or lead to tensors already taken in: it is then an isometry from its other legs,
and operators on them, on its bulk leg too, can be pushed to the boundary region. What it reaches is recoverable; what
is recoverable need not be reached.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qgeom.emergent.pentagon import HolographicCode
from qgeom.emergent.stabilizers import qubit_mask
from qgeom.emergent.tensor_graph import NetworkGraph


def greedy_wedge(graph: NetworkGraph, region: Sequence[int]) -> tuple[int, ...]:
    """The tensors that the greedy algorithm takes in from a boundary region, ascending; perfect tensors assumed.

    Raises:
        ValueError: if a leg is not there or named twice.
    """
    kept = qubit_mask(graph.n_sites, region)
    return tuple(int(t) for t in np.flatnonzero(greedy_wedges(graph, kept[None])[0]))


def greedy_wedges(graph: NetworkGraph, kept: np.ndarray) -> np.ndarray:
    """The greedy wedges of many regions at once.

    Args:
        graph: a network of perfect tensors, all legs of one dimension.
        kept: bool (patterns, n), the boundary legs of each region.

    Returns:
        bool (patterns, tensors).

    Raises:
        ValueError: if the shape does not fit.
    """
    patterns = np.asarray(kept, dtype=bool)
    if patterns.ndim != 2 or patterns.shape[1] != graph.n_sites:
        raise ValueError(f"patterns have shape (patterns, {graph.n_sites}); got {patterns.shape}")
    legs = np.zeros((graph.n_sites, graph.n_tensors), dtype=np.int64)
    legs[np.arange(graph.n_sites), graph.sites] = 1
    outer = patterns.astype(np.int64) @ legs
    joined = bond_counts(graph)
    needed = legs_needed(graph)
    taken = np.zeros((len(patterns), graph.n_tensors), dtype=bool)
    while True:
        more = outer + taken.astype(np.int64) @ joined >= needed
        if np.array_equal(more, taken):
            return taken
        taken = more


def exact_wedge(holographic: HolographicCode, region: Sequence[int]) -> tuple[int, ...]:
    """The bulk legs that can be recovered from a boundary region, ascending: by stabilizer rank.

    Together, too: the operators of each, all within the region, generate those of all.

    Raises:
        ValueError: if a leg is not there or named twice.
    """
    code = holographic.code
    kept = qubit_mask(code.n_qubits, region)
    return tuple(j for j in range(code.n_logical) if bool(code.recoverable(kept, j)))


def greedy_bulk(holographic: HolographicCode, region: Sequence[int]) -> tuple[int, ...]:
    """The bulk legs of the tensors in the greedy wedge, ascending.

    Raises:
        ValueError: if a leg is not there or named twice.
    """
    taken = set(greedy_wedge(holographic.graph, region))
    return tuple(j for j, tensor in enumerate(holographic.graph.bulk) if int(tensor) in taken)


def legs_needed(graph: NetworkGraph) -> np.ndarray:
    """Half of all legs of each tensor (bonds, boundary and bulk), rounded up: int64 (tensors,)."""
    ends = np.concatenate([graph.bonds.reshape(-1), graph.sites, graph.bulk])
    return (np.bincount(ends, minlength=graph.n_tensors) + 1) // 2


def bond_counts(graph: NetworkGraph) -> np.ndarray:
    """How many bonds join two tensors: int64 (tensors, tensors), symmetric."""
    counts = np.zeros((graph.n_tensors, graph.n_tensors), dtype=np.int64)
    np.add.at(counts, (graph.bonds[:, 0], graph.bonds[:, 1]), 1)
    return counts + counts.T
