"""Gromov hyperbolicity: how far a metric is from that of a tree."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from qgeom.emergent.matrices import ROUNDING, distance_matrix

BLOCK = 2**21
"""Quadruples looked at in one step (16 MB an array)."""


class Hyperbolicity(NamedTuple):
    """Gromov's delta, in units of the distances; the diameter; delta / diameter; four points that attain delta."""

    delta: float
    diameter: float
    relative: float
    quadruple: tuple[int, int, int, int]


def gromov_hyperbolicity(distances: Any) -> Hyperbolicity:
    r"""The four-point delta of a metric, exact.

    .. math:: \delta = \max_{a,b,c,d} \tfrac12 (S_1 - S_2),\qquad
              S_1 \ge S_2 \ge S_3 \text{ the values of } d_{ab} + d_{cd},\ d_{ac} + d_{bd},\ d_{ad} + d_{bc}

    Zero iff the metric is that of points on a tree (Buneman 1974); ``n / 4`` on a cycle of n = 4k nodes; at most
    ``diameter / 2``; at most ``ln(1 + sqrt 2)`` curvature radii in the hyperbolic plane at any diameter, while in flat
    space it grows with the diameter: ``relative`` is the figure to compare.

    Pairs are visited from the farthest to the nearest, each against all before it. A quadruple whose largest sum joins
    the pairs p and q has ``S_1 - S_2 <= min(d_p, d_q)``, so that no pair nearer than twice the delta found can raise it
    (Cohen, Coudert, Lancin 2015): all others are never looked at.

    Args:
        distances: (n, n), a metric of at least 4 points. The worst case takes n^4 / 8 steps, seconds
            at n = 120; hops of graphs are far from it.

    Raises:
        ValueError: for too few points, or where the triangle inequality fails.
    """
    d = distance_matrix(distances, least=4)
    diameter = float(d.max())
    refuse_broken_triangles(d)
    i, j = np.triu_indices(len(d), 1)
    order = np.argsort(-d[i, j], kind="stable")
    i, j = i[order], j[order]
    length = d[i, j]
    best, where = 0.0, (0, 1, 2, 3)
    start = 1
    while start < len(length) and length[start] > 2.0 * best:
        stop = min(len(length), start + max(1, BLOCK // (start + 1)))
        a, b = i[start:stop, None], j[start:stop, None]
        c, e = i[None, :stop], j[None, :stop]
        others = np.maximum(d[a, c] + d[b, e], d[a, e] + d[b, c])
        excess = length[start:stop, None] + length[None, :stop] - others
        top = int(np.argmax(excess))
        if 0.5 * excess.flat[top] > best + 1e-15 * diameter:
            row, column = divmod(top, stop)
            best = 0.5 * float(excess.flat[top])
            where = (int(i[start + row]), int(j[start + row]), int(i[column]), int(j[column]))
        start = stop
    if best <= ROUNDING * diameter:
        best = 0.0
    return Hyperbolicity(best, diameter, best / diameter, where)


def refuse_broken_triangles(d: np.ndarray) -> None:
    """Every ``d_ij <= d_ik + d_kj`` up to rounding.

    Raises:
        ValueError: if not; shortest paths repair it.
    """
    worst = 0.0
    for row in d:
        worst = max(worst, float(np.max(d - row[:, None] - row[None, :])))
    if worst > ROUNDING * d.max():
        raise ValueError(
            f"the triangle inequality fails by up to {worst:.3g}; take the geodesic closure (shortest paths) first"
        )
