"""Distance matrices and graphs as checked arrays: what every measure of shape is given, or refuses."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import networkx as nx
import numpy as np
import scipy.sparse
from scipy.sparse import csgraph

ROUNDING = 1e-9
"""Relative to the largest distance: differences below it are rounding, not geometry."""


def distance_matrix(distances: Any, least: int = 3) -> np.ndarray:
    """The matrix of distances, float64, shape (n, n): symmetric to the last bit, with a zero diagonal.

    Args:
        distances: (n, n), symmetric and zero on the diagonal up to rounding; the triangle inequality is not asked for.
        least: fewest points that the caller can work with.

    Raises:
        ValueError: if it is no such matrix, has fewer than ``least`` points, holds infinite distances (a disconnected
            graph), or is zero throughout.
    """
    d = np.array(distances, dtype=np.float64)
    if d.ndim != 2 or d.shape[0] != d.shape[1]:
        raise ValueError(f"distances are a square matrix (n, n), not of shape {d.shape}")
    if len(d) < least:
        raise ValueError(f"too few points: {len(d)}, where at least {least} are needed")
    if np.isnan(d).any():
        raise ValueError("distances contain nan; leave out the nodes without a relation")
    if np.isinf(d).any():
        raise ValueError("some distances are infinite (a disconnected graph); take one connected component")
    scale = float(d.max())
    if d.min() < 0.0:
        raise ValueError(f"distances are zero or positive; the smallest is {d.min():.3g}")
    if scale == 0.0:
        raise ValueError("all distances are zero: no scale, so no shape")
    if np.abs(d - d.T).max() > ROUNDING * scale:
        raise ValueError(
            "distances must be symmetric; average the matrix with its transpose if that is meant"
        )
    if np.abs(np.diagonal(d)).max() > ROUNDING * scale:
        raise ValueError("the distance of a point from itself is zero; the diagonal is not")
    d = 0.5 * (d + d.T)
    np.fill_diagonal(d, 0.0)
    return d


def pairs(distances: np.ndarray) -> np.ndarray:
    """The n (n - 1) / 2 distances above the diagonal."""
    return distances[np.triu_indices(len(distances), 1)]


def refuse_constant(distances: np.ndarray) -> None:
    """All pairs equally far apart: a simplex, the same in every direction, which says nothing about shape.

    Raises:
        ValueError: if they are.
    """
    values = pairs(distances)
    if values.max() - values.min() <= ROUNDING * values.max():
        raise ValueError(
            "all distances are equal: a simplex carries no geometry (nothing is nearer than the rest)"
        )


def adjacency(graph: nx.Graph, weight: str | None = None) -> tuple[list[Hashable], scipy.sparse.csr_array]:
    """Nodes of an undirected simple graph, in its order, and its adjacency matrix (n, n), sorted, of float64.

    Entries are one, or the positive edge attribute ``weight``.

    Raises:
        TypeError: if it is not a networkx graph.
        ValueError: if it is directed, a multigraph, has self-loops or no edge, or a weight is missing or not positive.
    """
    if not isinstance(graph, nx.Graph):
        raise TypeError(
            f"a networkx Graph is needed, not {type(graph).__name__}; networkx.Graph(...) makes one"
        )
    if graph.is_directed() or graph.is_multigraph():
        raise ValueError(
            "an undirected graph without parallel edges is needed; networkx.Graph(graph) makes one"
        )
    nodes = list(graph)
    position = {node: i for i, node in enumerate(nodes)}
    edges = np.array([(position[u], position[v]) for u, v in graph.edges()], dtype=np.int64).reshape(-1, 2)
    if not len(edges):
        raise ValueError("the graph has no edges, so no geometry")
    if (edges[:, 0] == edges[:, 1]).any():
        raise ValueError("the graph has self-loops; remove them")
    values = np.ones(len(edges))
    if weight is not None:
        given = [value for *_, value in graph.edges(data=weight)]
        missing = sum(value is None for value in given)
        if missing:
            raise ValueError(f"{missing} of {len(edges)} edges have no attribute {weight!r}")
        values = np.array(given, dtype=np.float64)
        if not (np.isfinite(values).all() and values.min() > 0.0):
            raise ValueError(f"edge weights {weight!r} must be finite and positive")
    both = np.concatenate([edges, edges[:, ::-1]])
    matrix = scipy.sparse.csr_array(
        (np.concatenate([values, values]), (both[:, 0], both[:, 1])), shape=(len(nodes), len(nodes))
    )
    matrix.sort_indices()
    return nodes, matrix


def refuse_disconnected(matrix: scipy.sparse.csr_array) -> None:
    """One connected component is needed.

    Raises:
        ValueError: if there are more.
    """
    parts, labels = csgraph.connected_components(matrix, directed=False)
    if parts > 1:
        largest = int(np.bincount(labels).max())
        raise ValueError(
            f"the graph is disconnected: {parts} components, the largest of {largest} nodes; take one of them"
        )


def path_lengths(matrix: scipy.sparse.csr_array, weighted: bool = False) -> np.ndarray:
    """Lengths of shortest paths between all nodes, (n, n): hops, or sums of entries if ``weighted``.

    Raises:
        ValueError: if the graph is disconnected.
    """
    refuse_disconnected(matrix)
    return csgraph.shortest_path(matrix, method="D", directed=False, unweighted=not weighted)
