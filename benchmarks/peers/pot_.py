"""POT, called once per edge with hop distances from SciPy, as one would write it."""

from __future__ import annotations

import inputs
import networkx as nx
import numpy as np
import ot
from inputs import Contender
from scipy.sparse.csgraph import shortest_path


def ricci(n_nodes: int, n_edges: int) -> Contender:
    """Curvature in the order of the edges, alpha 0.5, hops."""

    def run(graph: nx.Graph) -> np.ndarray:
        nodes = list(graph)
        position = {node: i for i, node in enumerate(nodes)}
        hops = shortest_path(nx.to_scipy_sparse_array(graph, weight=None), method="D", unweighted=True)
        near = [np.array([i, *(position[y] for y in graph[x])]) for i, x in enumerate(nodes)]
        walk = [np.array([0.5, *[0.5 / (len(part) - 1)] * (len(part) - 1)]) for part in near]
        ends = [(position[x], position[y]) for x, y in graph.edges()]
        return np.array([1.0 - ot.emd2(walk[x], walk[y], hops[np.ix_(near[x], near[y])]) for x, y in ends])

    return Contender(lambda seed: inputs.random_graph(n_nodes, n_edges, seed), run)
