"""Curvature of graphs: Ollivier-Ricci by exact transport, Forman-Ricci, and resistance curvature."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import networkx as nx
import numpy as np
import scipy.linalg
import scipy.sparse

from qgeom.emergent.matrices import adjacency, refuse_disconnected
from qgeom.emergent.transport import lazy_walk_distances

Edge = tuple[Hashable, Hashable]


def ollivier_ricci(graph: nx.Graph, alpha: float = 0.5, weight: str | None = None) -> dict[Edge, float]:
    r"""Ollivier-Ricci curvature of every edge, by exact optimal transport.

    .. math:: \kappa(x, y) = 1 - W_1(\mu_x, \mu_y) / d(x, y)

    with :math:`\mu_x` the lazy random walk from x: it stays with probability ``alpha``, else goes to a neighbour, all
    with equal probability. Positive where neighbourhoods overlap more than in flat space (a complete graph), zero on
    the square lattice, negative on trees. For ``alpha >= 1 / (1 + max degree)`` of the two ends it is proportional to
    ``1 - alpha``, and divided by that it is the curvature of Lin, Lu and Yau (Bourne et al. 2018). Curvature is local:
    the graph need not be connected.

    Args:
        graph: undirected, without self-loops.
        alpha: probability to stay, in [0, 1).
        weight: edge attribute that is its length; distances are then shortest paths. None counts hops.

    Returns:
        curvature per edge, keys ``(u, v)`` in the order of ``graph.edges``; at most 1, exact to rounding.

    Raises:
        TypeError: if it is not a networkx graph.
        ValueError: for a directed graph, self-loops, no edge, weights that are not positive, alpha outside [0, 1).

    Source: Y. Ollivier, J. Funct. Anal. 256, 810 (2009), definition 3.
    """
    if not 0.0 <= alpha < 1.0:
        raise ValueError(f"alpha is the probability to stay, at least 0 and below 1, not {alpha}")
    nodes, matrix = adjacency(graph, weight)
    position = {node: i for i, node in enumerate(nodes)}
    edges = list(graph.edges())
    ends = np.array([(position[u], position[v]) for u, v in edges])
    transport, lengths = lazy_walk_distances(matrix, ends, alpha, weighted=weight is not None)
    return dict(zip(edges, (1.0 - transport / lengths).tolist()))


def forman_ricci(graph: nx.Graph, weight: str | None = None, augmented: bool = False) -> dict[Edge, float]:
    r"""Forman-Ricci curvature of every edge: a count, with no optimisation.

    .. math:: F(e) = w_e \Big( \frac{1}{w_e} + \frac{1}{w_e}
              - \sum_{e' \sim e} \frac{1}{\sqrt{w_e w_{e'}}} \Big)

    over edges :math:`e'` that share one end with e, nodes of weight one (Sreejith et al. 2016, equation 4). Without
    weights it is ``4 - deg x - deg y``. ``augmented`` counts triangles as faces: ``4 - deg x - deg y + 3 triangles``
    (Samal et al. 2018).

    Args:
        graph: undirected, without self-loops.
        weight: edge attribute, positive; None is one for all.
        augmented: count triangles.

    Returns:
        curvature per edge, keys ``(u, v)`` in the order of ``graph.edges``.

    Raises:
        TypeError: if it is not a networkx graph.
        ValueError: for a directed graph, self-loops, no edge, weights that are not positive; weights with triangles.

    Source: R. Forman, Discrete Comput. Geom. 29, 323 (2003); Sreejith et al., J. Stat. Mech. 063206 (2016); Samal et
    al., Sci. Rep. 8, 8650 (2018).
    """
    if augmented and weight is not None:
        raise ValueError("triangles have no weights of their own; use augmented=True with weight=None")
    nodes, matrix = adjacency(graph, weight)
    position = {node: i for i, node in enumerate(nodes)}
    edges = list(graph.edges())
    x, y = np.array([(position[u], position[v]) for u, v in edges]).T
    if augmented:
        degrees = np.diff(matrix.indptr)
        triangles = np.asarray(matrix[x].multiply(matrix[y]).sum(axis=1)).ravel()
        values = 4.0 - degrees[x] - degrees[y] + 3.0 * triangles
    else:
        inverse_roots = matrix.copy()
        inverse_roots.data = matrix.data**-0.5
        sums = np.asarray(inverse_roots.sum(axis=1)).ravel()
        w = (
            np.ones(len(edges))
            if weight is None
            else np.array([v for *_, v in graph.edges(data=weight)], float)
        )
        values = 2.0 - np.sqrt(w) * (sums[x] + sums[y] - 2.0 / np.sqrt(w))
    return dict(zip(edges, values.tolist()))


class ResistanceCurvature(NamedTuple):
    """Resistance curvature of nodes (it sums to one) and of edges."""

    nodes: dict[Hashable, float]
    edges: dict[Edge, float]


def resistance_curvature(graph: nx.Graph, weight: str | None = None) -> ResistanceCurvature:
    r"""Resistance curvature of nodes and edges, from effective resistances.

    .. math:: p_i = 1 - \tfrac12 \sum_{j \sim i} c_{ij}\, \omega_{ij},\qquad
              \kappa_{ij} = \frac{2 (p_i + p_j)}{\omega_{ij}}

    with :math:`\omega_{ij} = (e_i - e_j)^T L^{+} (e_i - e_j)`, L the Laplacian of the conductances c. On a tree
    :math:`p_i = 1 - \deg_i / 2`, on a vertex-transitive graph of n nodes :math:`p_i = 1/n`; :math:`\sum_i p_i = 1`.

    Args:
        graph: connected, undirected, without self-loops.
        weight: edge attribute that is its conductance; None is one for all.

    Returns:
        ``nodes`` and ``edges``, dictionaries in the order of the graph.

    Raises:
        TypeError: if it is not a networkx graph.
        ValueError: if it is directed, disconnected, has self-loops or no edge, or weights are not positive.

    Source: K. Devriendt and R. Lambiotte, J. Phys. Complexity 3, 025008 (2022), equations 3 and 5.
    """
    nodes, matrix = adjacency(graph, weight)
    refuse_disconnected(matrix)
    n = len(nodes)
    conductance = matrix.toarray()
    laplacian = np.diag(conductance.sum(axis=1)) - conductance
    # L + scale 11'/n is positive definite, and its inverse differs from the pseudo-inverse by a constant
    scale = float(np.trace(laplacian)) / n
    inverse = scipy.linalg.inv(laplacian + scale / n, overwrite_a=True, check_finite=False)
    diagonal = np.diagonal(inverse)
    resistance = diagonal[:, None] + diagonal[None, :] - 2.0 * inverse
    p = 1.0 - 0.5 * np.sum(conductance * resistance, axis=1)
    position = {node: i for i, node in enumerate(nodes)}
    edges = list(graph.edges())
    x, y = np.array([(position[u], position[v]) for u, v in edges]).T
    kappa = 2.0 * (p[x] + p[y]) / resistance[x, y]
    return ResistanceCurvature(dict(zip(nodes, p.tolist())), dict(zip(edges, kappa.tolist())))
