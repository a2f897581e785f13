"""GraphRicciCurvature, exact transport ("OTD"), as many processes as cores."""

from __future__ import annotations

import os

import inputs
import networkx as nx
import numpy as np
from GraphRicciCurvature.OllivierRicci import OllivierRicci
from inputs import Contender


def ricci(n_nodes: int, n_edges: int) -> Contender:
    """Curvature in the order of the edges, alpha 0.5, hops."""

    def run(graph: nx.Graph) -> np.ndarray:
        found = OllivierRicci(graph, alpha=0.5, method="OTD", proc=os.cpu_count(), verbose="ERROR")
        values = found.compute_ricci_curvature_edges()
        return np.array([values[edge] for edge in graph.edges()])

    return Contender(lambda seed: inputs.random_graph(n_nodes, n_edges, seed), run)
