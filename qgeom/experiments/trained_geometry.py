r"""G_Inf of many models of one description, as the experiments on trained models compare them.

The nodes are those with parameters; their relation is what the information metric F shares between them,

    r_ab = || F_aa^{-1/2} F_ab F_bb^{-1/2} ||_F^2 / min rank,    d_ab = -1/2 ln r_ab,

closed by shortest paths (:mod:`qgeom.emergent.shared_fisher`, :mod:`~qgeom.emergent.distance_formulas`).

A node of a sparse model is there if it has parameters of its own left and if the points depend on it (its block of F
does not vanish). Two such geometries are compared in two ways, both scaled to mean distance 1 over the pairs they
compare:

* Gromov-Wasserstein over the nodes that each has, whose numbers may differ; it forgets their names;
* *labelled*: over the nodes that both have, each with itself, ``sqrt(mean_ab (d_ab - d'_ab)^2)``, an upper bound of the
  Gromov-Wasserstein distance of these parts.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse.csgraph
from jaxtyping import Array, Float

from circuits.description import Description
from qgeom.emergent.distance_formulas import Formula, distances
from qgeom.emergent.geometry_distance import gromov_wasserstein
from qgeom.emergent.relation import Relation
from qgeom.emergent.shared_fisher import HIDDEN, KIND, distinct_nodes, shared_information
from qgeom.information import information_metric
from qgeom.training import unraveler

FEWEST = 3
"""Nodes below which there is no geometry to compare."""


class NodeGeometry(NamedTuple):
    """Distances between the nodes that are there.

    Attributes:
        nodes: their places among the nodes with parameters, ascending, (n,).
        matrix: (n, n), finite, closed.
    """

    nodes: np.ndarray
    matrix: np.ndarray


@functools.partial(jax.jit, static_argnums=(0, 1))
def _metrics(description: Description, dtype: str, theta: Array, x: Array, weights: Array) -> Array:
    unravel = unraveler(description, dtype)

    def one(row: tuple[Array, Array, Array]) -> Array:
        flat, inputs, w = row
        return information_metric(description, unravel(flat), inputs, weights=w).as_matrix()

    return jax.lax.map(one, (theta, x, weights))


@functools.partial(jax.jit, static_argnums=(0, 1))
def _diagonals(description: Description, dtype: str, theta: Array, x: Array) -> Array:
    unravel = unraveler(description, dtype)
    return jax.lax.map(
        lambda row: information_metric(description, unravel(row[0]), row[1]).diagonal(), (theta, x)
    )


def metric_diagonals(description: Description, theta: Any, x: Any) -> Float[np.ndarray, "B P"]:
    """The diagonals of the metrics of models (B, P), averaged over inputs (B, N, d)."""
    dtype = jnp.result_type(float)
    found = _diagonals(description, str(dtype), jnp.asarray(theta, dtype), jnp.asarray(x, dtype))
    return np.asarray(found, np.float64)


def metrics(
    description: Description, theta: Any, x: Any, weights: Any = None, rows: int = 64
) -> Float[np.ndarray, "B P P"]:
    """The information metric of every model, averaged over inputs of its own; one program for all calls alike.

    Args:
        description: of the models.
        theta: flat parameters (B, P).
        x: inputs (B, N, d).
        weights: of the inputs (B, N); equal unless given.
        rows: models per compiled call (the last call is filled up), so that Ctrl-C does not wait long.
    """
    dtype = jnp.result_type(float)
    theta, x = np.asarray(theta), np.asarray(x)
    weights = np.ones(x.shape[:2]) if weights is None else np.asarray(weights)
    found = []
    for start in range(0, len(theta), rows):
        chosen = np.minimum(np.arange(start, start + rows), len(theta) - 1)
        arrays = (jnp.asarray(a[chosen], dtype) for a in (theta, x, weights))
        found.append(np.asarray(_metrics(description, str(dtype), *arrays), np.float64))
    return np.concatenate(found)[: len(theta)]


def node_positions(description: Description) -> tuple[np.ndarray, ...]:
    """Where the parameters of each node with parameters stand."""
    nodes = description.nodes
    return tuple(np.array(nodes[k].parameters) for k in distinct_nodes(description))


def geometry_of_metric(
    matrix: np.ndarray,
    positions: tuple[np.ndarray, ...],
    kept: np.ndarray | None = None,
    formula: Formula = "log",
) -> NodeGeometry | None:
    """G_Inf from a metric (P, P); None where fewer than three nodes hang together.

    Args:
        matrix: the metric.
        positions: rows of each node.
        kept: which parameters there are, (P,) bool; all unless given. A node without any is not there.
        formula: of the distance.

    Where the nodes fall into parts that nothing relates, the largest part is the geometry.
    """
    kept = np.ones(len(matrix), bool) if kept is None else np.asarray(kept, bool)
    left = [p[kept[p]] for p in positions]
    traces = np.array([np.trace(matrix[np.ix_(p, p)]) if len(p) else 0.0 for p in left])
    there = np.flatnonzero(traces > HIDDEN * max(float(traces.mean()), 1e-300))
    if len(there) < FEWEST:
        return None
    share = shared_information(matrix, [left[k] for k in there])
    relation = Relation(KIND, tuple(str(k) for k in there), share, "", share, power=2)
    if not relation.present.any():
        return None
    _, labels = scipy.sparse.csgraph.connected_components(relation.present, directed=False)
    part = np.flatnonzero(labels == np.bincount(labels).argmax())
    if len(part) < FEWEST:
        return None
    table = distances(relation, formula).matrix[np.ix_(part, part)]
    return NodeGeometry(there[part], table)


def wasserstein(first: NodeGeometry | None, second: NodeGeometry | None, starts: int = 0) -> float:
    """Gromov-Wasserstein distance, in units of the mean distance; NaN where there is no geometry or no scale."""
    if first is None or second is None or not (first.matrix.any() and second.matrix.any()):
        return np.nan
    return float(gromov_wasserstein(first.matrix, second.matrix, starts=starts))


def labelled_distance(first: NodeGeometry | None, second: NodeGeometry | None) -> float:
    """``sqrt(mean_ab (d_ab - d'_ab)^2)`` over the nodes that both have; NaN where these are fewer than three."""
    if first is None or second is None:
        return np.nan
    common, a, b = np.intersect1d(first.nodes, second.nodes, return_indices=True)
    if len(common) < FEWEST:
        return np.nan
    n = len(common)
    tables = [t[np.ix_(k, k)] for t, k in ((first.matrix, a), (second.matrix, b))]
    means = [t.sum() / (n * (n - 1)) for t in tables]
    if min(means) == 0.0:
        return np.nan
    return float(np.sqrt(np.mean((tables[0] / means[0] - tables[1] / means[1]) ** 2)))
