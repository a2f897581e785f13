r"""Exact Wasserstein distances between the lazy random walks from the two ends of edges, all edges together.

``W_1(mu, nu)`` depends on ``mu - nu`` alone, so mass on shared nodes is cancelled first, for all edges in one sparse
difference; what is left are small transport problems, of which equal ones (same masses, same costs) are solved once,
each by POT's network simplex (Bonneel et al. 2011), which is exact. Neighbours of two adjacent nodes are at most three
hops apart, so that hop distances come from one sparse product ``A A`` and not from a search of the whole graph.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse
from ot.lp.emd_wrap import check_result, emd_c
from scipy.sparse import csgraph

DENSE_NODES = 3000
"""Up to so many nodes all distances are held in one dense matrix (72 MB); beyond, rows are made as they are needed."""

ROUNDING = 1e-15
"""Mass below this is what rounding left of mass that cancels."""

PIVOTS = 10_000_000


def lazy_walk_distances(
    matrix: scipy.sparse.csr_array, ends: np.ndarray, alpha: float, weighted: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    r"""``W_1(mu_x, mu_y)`` and ``d(x, y)`` for edges (x, y).

    ``mu_x`` has mass ``alpha`` at x and ``(1 - alpha) / deg_x`` at each neighbour of x.

    Args:
        matrix: (n, n), symmetric; the entries are lengths if ``weighted``, else only their places count.
        ends: (m, 2), edges of the graph.
        alpha: probability to stay.
        weighted: distances are shortest paths of lengths, not hops.

    Returns:
        transport distances (m,), lengths of the edges as shortest paths (m,).
    """
    order = np.argsort(ends[:, 0], kind="stable")
    distance = _Distances(matrix, weighted)
    x, y = ends[order].T
    walk = _walk(matrix, alpha)
    difference = (walk[x] - walk[y]).tocsr()
    difference.data[np.abs(difference.data) < ROUNDING] = 0.0
    supply, demand = difference.maximum(0.0).tocsr(), (-difference).maximum(0.0).tocsr()
    supply.eliminate_zeros()
    demand.eliminate_zeros()
    supply.sort_indices()
    demand.sort_indices()
    moved = np.asarray(supply.sum(axis=1)).ravel()
    sources, masses, first = supply.indices, supply.data, supply.indptr.tolist()
    sinks, wanted, begin = demand.indices, demand.data, demand.indptr.tolist()
    wanted = wanted * np.repeat(
        moved / np.asarray(demand.sum(axis=1)).ravel().clip(ROUNDING), np.diff(demand.indptr)
    )  # equal totals to the last bits

    solved: dict[tuple[bytes, bytes, bytes], float] = {}
    costs, lengths = np.zeros(len(x)), np.zeros(len(x))
    x, y = x.tolist(), y.tolist()
    for e in range(len(costs)):
        table, row = distance.of(x[e])
        lengths[e] = table[row[x[e]], y[e]]
        if moved[e] == 0.0:  # the same neighbours: the two walks agree
            continue
        a, b = masses[first[e] : first[e + 1]], wanted[begin[e] : begin[e + 1]]
        from_, to = sources[first[e] : first[e + 1]], sinks[begin[e] : begin[e + 1]]
        cost = table[row[from_][:, None], to]
        key = (a.tobytes(), b.tobytes(), cost.tobytes())
        value = solved.get(key)
        if value is None:
            value = solved[key] = _transport(a, b, cost)
        costs[e] = value
    transport, length = np.empty_like(costs), np.empty_like(lengths)
    transport[order], length[order] = costs, lengths
    return transport, length


def _transport(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> float:
    """The least cost of moving masses a to b."""
    if len(a) == 1:
        return float(cost[0] @ b)
    if len(b) == 1:
        return float(cost[:, 0] @ a)
    _, value, _, _, status = emd_c(a, b, cost, PIVOTS, 1)
    trouble = check_result(status)
    if trouble is not None:
        raise RuntimeError(f"the network simplex did not finish: {trouble}")
    return float(value)


def _walk(matrix: scipy.sparse.csr_array, alpha: float) -> scipy.sparse.csr_array:
    """Row x is the measure mu_x."""
    degrees = np.diff(matrix.indptr)
    step = np.repeat((1.0 - alpha) / np.maximum(degrees, 1), degrees)
    walk = scipy.sparse.csr_array((step, matrix.indices, matrix.indptr), shape=matrix.shape)
    stay = scipy.sparse.csr_array(alpha * scipy.sparse.eye_array(len(degrees)))
    return scipy.sparse.csr_array(walk + stay)


class _Distances:
    """Distances from a node and its neighbours to all nodes, right wherever transport along an edge asks for them.

    Between neighbours of the two ends of an edge they are at most three hops, or three times the longest edge.
    """

    def __init__(self, matrix: scipy.sparse.csr_array, weighted: bool):
        n = len(matrix.indptr) - 1
        self.matrix, self.node = matrix, -1
        self.limit = 3.0 * float(matrix.data.max()) * (1.0 + 1e-12)
        self.saved = None if weighted else _saved_hops(matrix)
        self.rows = np.arange(n)
        self.dense = n <= DENSE_NODES
        self.table = self._from(self.rows) if self.dense else np.empty((0, n))

    def of(self, node: int) -> tuple[np.ndarray, np.ndarray]:
        """A table of distances, and for each node its row there (set for ``node`` and its neighbours)."""
        if not self.dense and node != self.node:
            self.node = node
            start, stop = self.matrix.indptr[node : node + 2]
            needed = np.append(self.matrix.indices[start:stop], node)
            self.table = self._from(needed)
            self.rows[needed] = np.arange(len(needed))
        return self.table, self.rows

    def _from(self, nodes: np.ndarray) -> np.ndarray:
        if self.saved is not None:
            return 3.0 - self.saved[nodes].toarray()
        return csgraph.dijkstra(self.matrix, directed=False, indices=nodes, limit=self.limit)


def _saved_hops(matrix: scipy.sparse.csr_array) -> scipy.sparse.csr_array:
    """``3 - hops`` where that is positive: 3 in place, 2 to a neighbour, 1 to a neighbour's neighbour."""
    step = scipy.sparse.csr_array(
        (np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape, copy=False
    )
    two = scipy.sparse.csr_array(step @ step)
    two.data = np.ones(two.nnz)
    here = scipy.sparse.csr_array(3.0 * scipy.sparse.eye_array(len(matrix.indptr) - 1))
    return scipy.sparse.csr_array(scipy.sparse.csr_array(2.0 * step).maximum(two).maximum(here))
