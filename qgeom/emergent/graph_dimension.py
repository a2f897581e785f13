"""Dimensions of a graph, with intervals: by the growth of its balls, and by the return of a random walk."""

from __future__ import annotations

import networkx as nx
import numpy as np

from qgeom.emergent.ball_growth import growth_on_lattice
from qgeom.emergent.estimate import Estimate
from qgeom.emergent.matrices import adjacency, path_lengths, refuse_disconnected

TIMES = 40
EARLIEST = 3.0
"""Steps of the walk before which a lattice is not yet a continuum."""
SHORTEST = 1.3
"""Ratio of the last to the first time of the range, at least."""
CONSTANT = 0.03
"""A running dimension that varies less than this, relatively, is taken as constant."""
FALLING = 0.8
ROUGH = 0.2
"""A fit that is off by more than this, relatively, has found no power law."""


def volume_growth_dimension(graph: nx.Graph) -> Estimate:
    r"""Dimension by volume: the mean number of nodes within r hops grows as :math:`(r + 1/2)^D`.

    Balls include their centre, up to half of the diameter; the value has a term for the boundary, and the interval is
    the range over fits (:func:`~qgeom.emergent.ball_growth.growth_on_lattice`): what a finite lattice leaves open.

    Args:
        graph: connected, undirected. A ring needs 16 nodes, a square torus 8 x 8, for four radii.

    Raises:
        TypeError: if it is not a networkx graph.
        ValueError: if it is directed, disconnected, too small, or its balls grow faster than a power of the radius.
    """
    _, matrix = adjacency(graph)
    return growth_on_lattice(path_lengths(matrix), 0.5, "volume growth")


def spectral_dimension(graph: nx.Graph, weight: str | None = None) -> Estimate:
    r"""Spectral dimension: the return probability of a random walk falls as :math:`t^{-D/2}`.

    .. math:: P(t) = \frac1n \sum_i e^{-\lambda_i t},\qquad d_s(t) = -2 \frac{d \ln P}{d \ln t}

    with the eigenvalues of the Laplacian ``1 - D^{-1/2} A D^{-1/2}``: a walk in continuous time, one step per unit
    of time. On Z^D ``d_s = D + D^2 / (4 t) + ...``: the running dimension D(t) solves this for D. It is read between
    ``t = 3`` (and 1.6 D, when the walk has moved along every axis) and ``1 / lambda_2``, when it meets the size
    of the graph. The value is the mean of D(t) where it is constant to 3%; else the intercept a of ``a + b sqrt(t)``,
    which is what reflection from a boundary does in leading order. The interval holds both, and reaches further by half
    of the lattice's correction and two standard deviations of the fit.

    Args:
        graph: connected, undirected.
        weight: edge attribute, the conductance; None is one for all.

    Raises:
        TypeError: if it is not a networkx graph.
        ValueError: if it is directed or disconnected, if no range of times is left (a square torus needs 7 x 7), or
            the probability falls faster than a power (an expander) or follows none.
    """
    _, matrix = adjacency(graph, weight)
    refuse_disconnected(matrix)
    conductance = matrix.toarray()
    root = conductance.sum(axis=1) ** -0.5
    rates = np.maximum(1.0 - np.linalg.eigvalsh(root[:, None] * conductance * root[None, :])[::-1], 0.0)
    last = float(1.0 / rates[1])
    early = np.geomspace(EARLIEST, max(last, EARLIEST), 400)
    ready = np.flatnonzero(early >= 1.6 * _running(rates, early))
    if not len(ready) or last < SHORTEST * early[ready[0]]:
        raise ValueError(
            f"no scaling range: the random walk meets the size of the graph after {last:.1f} steps, before it "
            "has a dimension; a larger graph is needed"
        )
    times = np.geomspace(float(early[ready[0]]), last, TIMES)
    running = _running(rates, times)
    design = np.column_stack([np.ones(TIMES), np.sqrt(times)])
    coefficients = np.linalg.lstsq(design, running, rcond=None)[0]
    mean, intercept = float(running.mean()), float(coefficients[0])
    constant = float(np.std(running)) <= CONSTANT * mean
    if not constant and intercept < FALLING * mean:
        raise ValueError(
            "the return probability falls faster than any power of time (an expander or a tree): there is no dimension"
        )
    misfit = float(np.std(running if constant else running - design @ coefficients))
    if misfit > ROUGH * intercept:
        raise ValueError(
            "the return probability follows no power of time: the graph looks different at every scale"
        )
    margin = 0.5 * float(np.mean(running**2 / (4.0 * times))) + 2.0 * misfit
    value = mean if constant else intercept
    return Estimate(value, max(min(mean, intercept) - margin, 0.0), max(mean, intercept) + margin, "spectral")


def _running(rates: np.ndarray, times: np.ndarray) -> np.ndarray:
    """D(t): the running dimension without the leading correction of the lattice Z^D."""
    weights = np.exp(-np.outer(times, rates))
    bare = 2.0 * times * (weights @ rates) / weights.sum(axis=1)
    return 2.0 * times * (np.sqrt(1.0 + bare / times) - 1.0)
