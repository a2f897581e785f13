"""qgeom: Ollivier-Ricci curvature of every edge of a random graph."""

from __future__ import annotations

import inputs
import numpy as np
from inputs import Contender

from qgeom.emergent import ollivier_ricci


def ricci(n_nodes: int, n_edges: int) -> Contender:
    """Curvature in the order of the edges, alpha 0.5, hops."""
    return Contender(
        lambda seed: inputs.random_graph(n_nodes, n_edges, seed),
        lambda graph: np.array(list(ollivier_ricci(graph, 0.5).values())),
    )
