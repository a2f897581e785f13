r"""The information metric seen node by node, in natural units.

``F_phi = diag(u) F_theta diag(u)`` with the units of :mod:`qgeom.emergent.units`, and where each node's parameters
stand. Sensitivity, minimal length and horizons are read off it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import PyTree

from circuits.description import Description, Params
from qgeom.emergent.shared_fisher import distinct_nodes
from qgeom.emergent.units import parameter_units
from qgeom.information import information_metric


@dataclass(frozen=True)
class NodeMetric:
    """A metric, and which of its rows belong to which node.

    Attributes:
        matrix: (P, P) in natural units.
        names: One per node.
        layers: (n,) int: the layer each node stands in.
        nodes: Their positions in ``description.nodes``; nodes that share all parameters once.
        positions: Rows of each node.
    """

    matrix: np.ndarray
    names: tuple[str, ...]
    layers: np.ndarray
    nodes: tuple[int, ...]
    positions: tuple[np.ndarray, ...]

    def block(self, node: int) -> np.ndarray:
        """The diagonal block of a node."""
        p = self.positions[node]
        return self.matrix[np.ix_(p, p)]

    @property
    def traces(self) -> np.ndarray:
        """Trace of each node's block, (n,)."""
        diagonal = np.diag(self.matrix)
        return np.array([float(np.sum(diagonal[p])) for p in self.positions])


def node_metric(description: Description, params: Params, data: PyTree | None = None) -> NodeMetric:
    """The metric of a description at a point, averaged over data; dense, so P of a few thousand.

    Raises:
        ValueError: no node has parameters; and as :func:`qgeom.information_metric`.
    """
    chosen = distinct_nodes(description)
    if not chosen:
        raise ValueError("no node of this description has parameters: there is nothing to be sensitive to")
    units = parameter_units(description, params)
    raw = np.asarray(information_metric(description, params, data).as_matrix(), np.float64)
    nodes = description.nodes
    return NodeMetric(
        raw * units[:, None] * units[None, :],
        tuple(nodes[k].name for k in chosen),
        np.array([nodes[k].layer for k in chosen]),
        tuple(chosen),
        tuple(np.array(nodes[k].parameters) for k in chosen),
    )
