r"""Weights of data at which the log-volume of the information metric is stationary.

With ``F_w = sum_i w_i F_i`` and the log-volume ``V(w) = 1/2 ln det(1 + kappa P F_w / tr F_u)``, ``F_u`` of equal
weights, each datum has

    d_i = tr( M_w^{-1} M_i ) / P,    M_i = 1 + kappa P F_i / tr F_u,    M_w = sum_i w_i M_i.

V is concave on the simplex and stationary where ``d_i = 1`` for all data with weight, and ``d_i <= 1`` for the others:
the equivalence theorem of D-optimal designs (Kiefer and Wolfowitz, Canad. J. Math. 12, 363 (1960)). The updates
``w_i <- w_i d_i`` keep the sum and never lower V (Silvey, Titterington and Torsney 1978).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Stationary(NamedTuple):
    """Weights, and how far from stationary they are.

    Attributes:
        weights: (N,), sum 1.
        gap: ``max_i d_i - 1``, 0 at the critical point.
        volumes: V after every update, V of equal weights first.
    """

    weights: np.ndarray
    gap: float
    volumes: np.ndarray


def stationary_weights(rows: np.ndarray, kappa: float, updates: int = 500) -> Stationary:
    """The critical point of V from equal weights.

    Args:
        rows: (N, k, P): ``F_i = rows_i' rows_i``.
        kappa: resolution of the log-volume.
        updates: of the weights.
    """
    n, _, size = rows.shape
    trace = float(np.sum(rows**2)) / n
    scaled = rows * np.sqrt(kappa * size / max(trace, 1e-300))
    flat = scaled.reshape(-1, size)
    weights, volumes = np.full(n, 1.0 / n), []
    gain = np.ones(n)
    for _ in range(updates + 1):
        repeated = np.repeat(weights, rows.shape[1])
        inverse = np.linalg.inv(np.eye(size) + (flat * repeated[:, None]).T @ flat)
        volumes.append(-0.5 * float(np.linalg.slogdet(inverse)[1]))
        gain = (np.trace(inverse) + np.einsum("nkp,pq,nkq->n", scaled, inverse, scaled, optimize=True)) / size
        if len(volumes) <= updates:
            weights = weights * gain
            weights = weights / weights.sum()
    return Stationary(weights, float(gain.max() - 1.0), np.array(volumes))
