r"""Minimal length: the smallest change of a node that can be told from the description, by the Cramer-Rao bound.

The other parameters are not known either, so the information about node a is the Schur complement

    S_a = F_aa - F_ar F_rr^+ F_ra,    l_a = lambda_max(S_a)^{-1/2},

the standard deviation of the best unbiased estimate of its best direction from one sample (one shot of every input, in
natural units). Infinite where S vanishes: the node can be undone by the others, and nothing measures it. The paper
(III.C) takes it for the Planck length of the emergent geometry.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import PyTree

from circuits.description import Description, Params
from qgeom.emergent.node_blocks import NodeMetric, node_metric

NULL = 1e-8
"""Of the largest eigenvalue of F: what is below is rounding, and counts as no information."""


def minimal_lengths(
    description: Description, params: Params, data: PyTree | None = None, *, others_known: bool = False
) -> dict[str, float]:
    """l of every node with parameters, by name.

    Args:
        description: Any description with an information metric.
        params: Its parameters.
        data: Inputs with a leading axis, where it takes any.
        others_known: Whether all other parameters are known: ``lambda_max(F_aa)^{-1/2}``, never longer.

    Raises as :func:`~qgeom.emergent.node_blocks.node_metric`.
    """
    metric = node_metric(description, params, data)
    return dict(zip(metric.names, lengths_of(metric, others_known).tolist(), strict=True))


def lengths_of(metric: NodeMetric, others_known: bool = False) -> np.ndarray:
    """The same from a metric at hand, (n,)."""
    largest = max(float(np.linalg.eigvalsh(metric.matrix)[-1]), 1e-300)
    found = []
    for k in range(len(metric.names)):
        block = metric.block(k) if others_known else schur_complement(metric.matrix, metric.positions[k])
        value = float(np.linalg.eigvalsh(block)[-1])
        found.append(value**-0.5 if value > NULL * largest else np.inf)
    return np.array(found)


def schur_complement(matrix: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """``F_aa - F_ar F_rr^+ F_ra``, positive semi-definite, (k, k)."""
    rest = np.setdiff1d(np.arange(len(matrix)), rows)
    block = matrix[np.ix_(rows, rows)]
    if not len(rest):
        return block
    values, vectors = np.linalg.eigh(matrix[np.ix_(rest, rest)])
    kept = values > 1e-2 * NULL * max(float(values[-1]), 1e-300)
    overlap = (matrix[np.ix_(rows, rest)] @ vectors[:, kept]) / np.sqrt(values[kept])
    found = block - overlap @ overlap.T
    return 0.5 * (found + found.T)
