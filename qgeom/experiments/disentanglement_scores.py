r"""How far each part of a code holds one factor of the data: mutual information gap, and disentanglement/completeness.

A code of d parts (latent numbers, latent qubits) describes data made from k independent factors that are known.

* **Mutual information gap** (Chen et al., NeurIPS 2018): ``I_jk`` the mutual information of part j and factor k, and
  ``I_k`` what all data say of the factor (its entropy, where the data are classical and determine it),

      MIG = mean_k (I_(1)k - I_(2)k) / I_k,        I_(1)k >= I_(2)k the two largest of the column;

  1 if each factor is in one part alone, whole; 0 if two parts know as much of it.
* **DCI** (Eastwood and Williams, ICLR 2018): with ``R_jk >= 0`` the importance of part j in predicting factor k,

      D = sum_j w_j (1 - H_k(R_j. / sum_k R_jk)),    w_j = sum_k R_jk / sum R,     entropies to the base k,
      C = sum_k w_k (1 - H_d(R_.k / sum_j R_jk)),    w_k = sum_j R_jk / sum R,     entropies to the base d.

A qubit takes the place of a number with Holevo's information for ``I_jk``, the mutual information of a quantum and a
classical system: ``S(mean of its state) - mean over the values of the factor of S(mean of its state given the value)``.
It does not change under unitaries on the qubit.

All in nats, float64, NumPy.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import RandomForestRegressor

CONSTANT = 1e-6
"""A number that varies by less than this share of the code's largest standard deviation tells nothing."""


def binned(values: Float[np.ndarray, "... N"], bins: int) -> Int[np.ndarray, "... N"]:
    """The quantile of every value, 0 to bins - 1, of equal shares of the values along the last axis.

    Raises:
        ValueError: for fewer than 2 bins, or fewer values than bins.
    """
    n = np.shape(values)[-1]
    if not 2 <= bins <= n:
        raise ValueError(f"{n} values fall into 2 to {n} bins, not {bins}")
    order = np.argsort(values, axis=-1, kind="stable")
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(n), order.shape), axis=-1)
    return ranks * bins // n


def mutual_informations(
    codes: Float[np.ndarray, "... N d"], factors: Int[np.ndarray, "N k"], bins: int = 10
) -> Float[np.ndarray, "... d k"]:
    """Mutual information of every number of a code with every factor, from a histogram.

    The numbers fall into quantiles, so that no increasing function of a number changes anything. A histogram of N
    samples overestimates by about ``(bins - 1)(values - 1) / 2N``, for all pairs alike: gaps do not see it.

    Args:
        codes: leading axes may hold several codes of the same data.
        factors: values 0, 1, ... of each factor.
        bins: of the numbers.

    Raises:
        ValueError: if codes and factors are of different data; as :func:`binned`.
    """
    z, v = np.asarray(codes, float), np.asarray(factors)
    if v.ndim != 2 or z.ndim < 2 or z.shape[-2] != len(v):
        raise ValueError(
            f"codes (..., N, d) and factors (N, k) of the same data are needed, not shapes {z.shape} and {v.shape}"
        )
    n, d = z.shape[-2:]
    flat = z.reshape(-1, n, d)
    found = binned(np.swapaxes(flat, 1, 2), bins)
    spread = flat.std(axis=1)
    found[spread <= CONSTANT * spread.max(axis=1, keepdims=True)] = 0
    out = np.empty((*spread.shape, v.shape[1]))
    which = np.arange(spread.size).reshape(*spread.shape, 1) * bins + found
    for k in range(v.shape[1]):
        values = int(v[:, k].max()) + 1
        counts = np.bincount((which * values + v[:, k]).ravel(), minlength=spread.size * bins * values)
        p = counts.reshape(*spread.shape, bins, values) / n
        apart = p.sum(axis=-1, keepdims=True) * p.sum(axis=-2, keepdims=True)
        some = p > 0
        ratio = np.where(some, p, 1.0) / np.where(some, apart, 1.0)
        out[..., k] = np.sum(p * np.log(ratio), axis=(-1, -2))
    return out.reshape(*z.shape[:-2], d, v.shape[1])


def entropies(factors: Int[np.ndarray, "N k"]) -> Float[np.ndarray, " k"]:
    """Entropy of every factor's values in the sample."""
    return np.array([-_plogp(np.bincount(column) / len(column)).sum() for column in np.asarray(factors).T])


def holevo_informations(
    bloch: Float[np.ndarray, "... N q 3"], factors: Int[np.ndarray, "N k"]
) -> Float[np.ndarray, "... q k"]:
    """Holevo's information of every qubit on every factor.

    Args:
        bloch: Bloch vectors of the qubits' states for every sample; leading axes may hold several codes.
        factors: values 0, 1, ... of each factor.
    """
    whole = _qubit_entropy(bloch.mean(axis=-3))
    out = np.empty((*whole.shape, factors.shape[1]))
    for k in range(factors.shape[1]):
        given = np.zeros_like(whole)
        for value in np.unique(factors[:, k]):
            rows = factors[:, k] == value
            given = given + rows.mean() * _qubit_entropy(bloch[..., rows, :, :].mean(axis=-3))
        out[..., k] = whole - given
    return out


def _qubit_entropy(bloch: np.ndarray) -> np.ndarray:
    r = np.minimum(np.linalg.norm(bloch, axis=-1), 1.0)
    return -(_plogp(0.5 * (1.0 + r)) + _plogp(0.5 * (1.0 - r)))


def _plogp(p: np.ndarray) -> np.ndarray:
    return np.where(p > 0, p * np.log(np.where(p > 0, p, 1.0)), 0.0)


def mutual_information_gap(
    information: Float[np.ndarray, "... d k"], available: Float[np.ndarray, " k"]
) -> Float[np.ndarray, "..."]:
    """MIG from the mutual informations of parts and factors, and what all data say of each factor.

    Raises:
        ValueError: for a code of one part, or a factor of which the data say nothing.
    """
    if information.shape[-2] < 2:
        raise ValueError("a gap needs a code of two parts or more")
    if not (np.asarray(available) > 0).all():
        raise ValueError(f"the data must say something of every factor; they say {available} nats")
    best = np.sort(information, axis=-2)
    return np.mean((best[..., -1, :] - best[..., -2, :]) / available, axis=-1)


def disentanglement(importance: Float[np.ndarray, "d k"]) -> float:
    """D of DCI: 1 if every part matters for one factor alone; nan if none matters for anything."""
    return _one_sided(np.asarray(importance, float))


def completeness(importance: Float[np.ndarray, "d k"]) -> float:
    """C of DCI: 1 if every factor is predicted by one part alone; nan if none matters for anything."""
    return _one_sided(np.asarray(importance, float).T)


def _one_sided(rows: np.ndarray) -> float:
    if rows.ndim != 2 or min(rows.shape) < 2 or not (rows >= 0).all():
        raise ValueError("importances are a matrix (parts, factors), 2 x 2 or more, of numbers of 0 or more")
    total = rows.sum(axis=1)
    if not total.sum() > 0:
        return float("nan")
    shares = rows / np.where(total > 0, total, 1.0)[:, None]
    alone = 1.0 + _plogp(shares).sum(axis=1) / np.log(rows.shape[1])
    return float(np.sum(total / total.sum() * alone))


def importances(
    codes: Float[np.ndarray, "N d m"], factors: Float[np.ndarray, "N k"], seed: int = 0
) -> tuple[Float[np.ndarray, "d k"], Float[np.ndarray, " k"]]:
    """Importance of every part for every factor in a random forest (10 trees of depth 6), as in the DCI paper.

    Args:
        codes: the m numbers of every part (3 for a qubit's Bloch vector); their importances are added.
        factors: the numbers to be predicted.
        seed: of the forest.

    Returns:
        Importances, each column of sum 1 (0 for a factor that is constant), and informativeness: 1 minus the squared
        error over the variance, on the half of the data that the forest has not seen.
    """
    n, d, m = codes.shape
    table, half = codes.reshape(n, d * m), n // 2
    columns, scores = [], []
    for k in range(factors.shape[1]):
        forest = RandomForestRegressor(n_estimators=10, max_depth=6, random_state=seed)
        forest.fit(table[:half], factors[:half, k])
        columns.append(forest.feature_importances_.reshape(d, m).sum(axis=1))
        scores.append(forest.score(table[half:], factors[half:, k]))
    return np.stack(columns, axis=1), np.array(scores)
