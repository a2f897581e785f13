r"""Mutual information of the activations of a network's neurons, over data.

The joint law of two neurons over the data is summed up by its Gaussian copula: with ``z`` the normal scores of the
ranks and ``rho`` their correlation, ``I = -1/2 ln(1 - rho^2)`` nats, a lower bound of the information of all laws with
this copula correlation that is exact for Gaussian copulas and does not change when a neuron is rescaled monotonically
(Ince et al., Hum. Brain Mapp. 38, 1541 (2017)). The share is ``rho^2 = 1 - exp(-2 I)`` (``power`` 2). Below the 5%
point of independent neurons, ``|rho| = tanh(1.96 / sqrt(N - 3))`` (Fisher's z), two neurons count as unrelated.
"""

from __future__ import annotations

import jax
import numpy as np
import scipy.special
import scipy.stats
from jaxtyping import PyTree

from circuits.description import Params
from circuits.networks.base import Network
from qgeom.emergent.jackknife import split
from qgeom.emergent.relation import Relation

KIND = "mutual information of activations"
FEWEST = 16
"""Data below which correlations of ranks say nothing."""


def activation_information(network: Network, params: Params, data: PyTree) -> Relation:
    """The relation between neurons (or channels), ``I``; ``spread`` by leaving out groups of the data.

    Neurons that give the same value on all data are hidden.

    Args:
        network: Any classical network.
        params: Its parameters.
        data: Inputs with a leading axis of length N >= 16.

    Raises:
        ValueError: fewer data, or fewer than two neurons that vary.
    """
    count = len(jax.tree.leaves(data)[0])
    if count < FEWEST:
        raise ValueError(f"mutual information of activations needs {FEWEST} inputs or more, got {count}")
    values = np.asarray(jax.vmap(lambda x: network.activations(params, x))(data), np.float64)
    size = np.maximum(np.max(np.abs(values), axis=0), 1e-300)
    varies = np.std(values, axis=0) > 1e-12 * size
    names = [node.name for node in network.nodes]
    kept = np.flatnonzero(varies)
    if len(kept) < 2:
        raise ValueError(f"{len(kept)} of {len(names)} neurons vary over the data; two are needed")
    squared = copula_correlation(values[:, kept]) ** 2
    left = [np.setdiff1d(np.arange(count), group) for group in split(count)]
    each = np.stack([copula_correlation(values[rows][:, kept]) ** 2 for rows in left])
    k = len(each)
    spread = np.sqrt((k - 1) / k * np.sum((each - each.mean(axis=0)) ** 2, axis=0))
    return Relation(
        KIND,
        tuple(names[i] for i in kept),
        -0.5 * np.log1p(-np.minimum(squared, 1.0 - 1e-15)),
        "nat",
        squared,
        power=2,
        floor=float(np.tanh(1.96 / np.sqrt(count - 3)) ** 2),
        spread=spread,
        nodes=tuple(int(i) for i in kept),
        hidden=tuple(name for name, there in zip(names, varies, strict=True) if not there),
    )


def copula_correlation(values: np.ndarray) -> np.ndarray:
    """Correlations of the normal scores of the ranks of columns (N, n): (n, n), zero diagonal."""
    ranks = scipy.stats.rankdata(values, axis=0)
    scores = scipy.special.ndtri((ranks - 0.5) / len(values))
    scores -= scores.mean(axis=0)
    norms = np.sqrt(np.sum(scores**2, axis=0))
    scores /= np.where(norms > 0.0, norms, 1.0)
    correlation = np.clip(scores.T @ scores, -1.0, 1.0)
    np.fill_diagonal(correlation, 0.0)
    return correlation
