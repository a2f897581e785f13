r"""The information that one node shares with another: normalised cross-blocks of the Fisher metric.

With ``F_ab`` the block of the parameters of nodes a and b,

    r_ab = || F_aa^{-1/2} F_ab F_bb^{-1/2} ||_F^2 / min(rank F_aa, rank F_bb)    in [0, 1],

the mean squared cosine of the canonical angles between the two spaces of tangent vectors: 0 where what a does to the
point is orthogonal to what b does, 1 where one space contains the other, so that b can undo what a does. It does not
depend on how the parameters of a node are chosen. Pseudo-inverses; a node whose block vanishes is *hidden*: nothing
that is described depends on it. The share is r, the square of an overlap (``power`` 2).
"""

from __future__ import annotations

import jax
import numpy as np
from jaxtyping import PyTree

from circuits.description import Description, Node, Params
from qgeom.emergent.jackknife import jackknife, split
from qgeom.emergent.relation import Relation
from qgeom.information import information_metric

KIND = "Fisher information shared by nodes"
RANK = 1e-8
"""Eigenvalues of a block below this fraction of its largest belong to its kernel."""
HIDDEN = 1e-12
"""A node is hidden if the trace of its block is below this fraction of the mean over nodes."""


def fisher_relation(description: Description, params: Params, data: PyTree | None = None) -> Relation:
    """The relation between the nodes that have parameters, ``r_ab``; ``spread`` over groups of the data.

    Nodes that share all their parameters (tensors of a uniform layer) are one point.

    Args:
        description: Any description with an information metric.
        params: Its parameters.
        data: Inputs with a leading axis, where it takes any.

    Raises:
        ValueError: fewer than two nodes with information; and as :func:`qgeom.information_metric`.
    """
    nodes = distinct_nodes(description)
    groups = [None] if data is None else split(len(jax.tree.leaves(data)[0]))
    parts = np.stack([_matrix(description, params, data, group) for group in groups])
    sizes = np.ones(1) if data is None else np.array([len(g) for g in groups if g is not None], float)
    mean = np.tensordot(sizes / sizes.sum(), parts, axes=1)
    positions = [np.array(description.nodes[k].parameters) for k in nodes]
    traces = np.array([np.trace(mean[np.ix_(p, p)]) for p in positions])
    seen = traces > HIDDEN * max(float(traces.mean()), 1e-300)
    hidden = tuple(description.nodes[k].name for k, there in zip(nodes, seen, strict=True) if not there)
    kept = [k for k, there in zip(nodes, seen, strict=True) if there]
    if len(kept) < 2:
        raise ValueError(
            f"a Fisher relation needs two nodes with information, {len(kept)} of {len(nodes)} have any; "
            "take other parameters or a description with more nodes"
        )
    positions = [np.array(description.nodes[k].parameters) for k in kept]
    share = shared_information(mean, positions)
    spread = None
    if len(parts) > 1:
        spread = jackknife(parts, sizes, lambda f: shared_information(f, positions))
    names = tuple(description.nodes[k].name for k in kept)
    return Relation(KIND, names, share, "", share, power=2, spread=spread, nodes=tuple(kept), hidden=hidden)


def shared_information(matrix: np.ndarray, positions: list[np.ndarray]) -> np.ndarray:
    """``r_ab`` of a metric (P, P) between nodes whose parameters stand at ``positions``: (n, n), zero diagonal."""
    halves, ranks = [], []
    for p in positions:
        values, vectors = np.linalg.eigh(matrix[np.ix_(p, p)])
        kept = values > RANK * max(float(values[-1]), 1e-300)
        halves.append(vectors[:, kept] / np.sqrt(values[kept]))
        ranks.append(max(int(np.sum(kept)), 1))
    n = len(positions)
    share = np.zeros((n, n))
    for a in range(n):
        row = halves[a].T @ matrix[positions[a]]
        for b in range(a):
            overlap = row[:, positions[b]] @ halves[b]
            share[a, b] = share[b, a] = min(1.0, float(np.sum(overlap**2)) / min(ranks[a], ranks[b]))
    return share


def distinct_nodes(description: Description) -> list[int]:
    """Positions of the nodes with parameters; of those with the same parameters, the first."""
    seen: set[tuple[int, ...]] = set()
    found = []
    nodes: tuple[Node, ...] = description.nodes
    for k, node in enumerate(nodes):
        if node.parameters and node.parameters not in seen:
            seen.add(node.parameters)
            found.append(k)
    return found


def _matrix(
    description: Description, params: Params, data: PyTree | None, group: np.ndarray | None
) -> np.ndarray:
    part = data if group is None else jax.tree.map(lambda a: a[group], data)
    return np.asarray(information_metric(description, params, part).as_matrix(), np.float64)
