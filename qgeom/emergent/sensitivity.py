r"""Time as sensitivity: how much of the information depends on each node, along the depth.

The paper (III.C) reads the scale s of a node's parameters, by which its information is normalised, as time: nodes of
lower layers are to be the more sensitive. Here ``s_a`` is the trace of the node's block of the information metric in
natural units, and the arrow is Spearman's correlation of s with the depth, negative if the paper is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.stats
from jaxtyping import PyTree

from circuits.description import Description, Params
from qgeom.emergent.node_blocks import NodeMetric, node_metric


@dataclass(frozen=True)
class Time:
    """Sensitivity along depth.

    Attributes:
        names: Nodes with parameters.
        layer: (n,) int: the layer of each.
        sensitivity: (n,): ``tr F_aa`` in natural units.
    """

    names: tuple[str, ...]
    layer: np.ndarray
    sensitivity: np.ndarray

    @property
    def layers(self) -> np.ndarray:
        """The layers that hold nodes, ascending."""
        return np.unique(self.layer)

    @property
    def mean(self) -> np.ndarray:
        """Mean sensitivity of the nodes of each of ``layers``."""
        return np.array([self.sensitivity[self.layer == k].mean() for k in self.layers])

    @property
    def arrow(self) -> float:
        """Spearman's correlation of sensitivity and layer over the nodes, in [-1, 1].

        Raises:
            ValueError: fewer than three nodes, one layer only, or equal sensitivities: there is no order to correlate.
        """
        if len(self.names) < 3 or len(self.layers) < 2 or np.ptp(self.sensitivity) == 0.0:
            raise ValueError(
                "the arrow of time needs three nodes in two layers with different sensitivities: "
                "take a deeper description"
            )
        return float(scipy.stats.spearmanr(self.layer, self.sensitivity)[0])  # pyright: ignore[reportArgumentType]


def sensitivity_time(description: Description, params: Params, data: PyTree | None = None) -> Time:
    """Sensitivity of every node with parameters. Raises as :func:`~qgeom.emergent.node_blocks.node_metric`."""
    return time_of(node_metric(description, params, data))


def time_of(metric: NodeMetric) -> Time:
    """The same from a metric at hand."""
    return Time(metric.names, metric.layers, metric.traces)
