r"""Long-range couplings as sums of exponentials, and their matrix product operators.

A coupling ``f(r) = sum_k a_k lambda_k^r`` has a matrix product operator of bond dimension ``K + 2``, whatever its range
(Crosswhite, Doherty and Vidal, PRB 78, 035116 (2008); Pirvu et al., New J. Phys. 12, 025012 (2010)). A power law
takes a handful of exponentials for every few digits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize

from circuits.mps.mpo import MPO

_LEAST = 32  # distances that a function is fitted at, if the chain has fewer
_MOST = 24  # exponentials


class Exponentials(NamedTuple):
    """``f(r) = sum_k amplitudes[k] decays[k]**r``, for ``r >= 1``.

    ``error`` is the largest ``|f(r) - fit(r)|`` over the distances that were fitted.
    """

    amplitudes: np.ndarray
    decays: np.ndarray
    error: float

    def __call__(self, r: Any) -> np.ndarray:
        """The fit at distances ``r``."""
        return np.power.outer(self.decays, np.asarray(r, dtype=np.float64)).T @ self.amplitudes


def fit_exponentials(couplings: Any, n_terms: int) -> Exponentials:
    r"""The least-squares fit of ``couplings[r - 1]``, ``r = 1 .. R``, by ``n_terms`` real exponentials.

    Starts from the subspace of the Hankel matrix of the couplings (as Pirvu et al.) and refines the decays, the
    amplitudes following linearly, by nonlinear least squares (variable projection).

    Args:
        couplings: real, ``(R,)``.
        n_terms: number of exponentials K; at most ``R / 2``.

    Raises:
        ValueError: if couplings are not finite and one-dimensional, or ``n_terms`` does not lie in ``1 .. R / 2`` (1
            for R = 1).

    Example:
        >>> from circuits.mps.exponentials import fit_exponentials
        >>> fit = fit_exponentials([0.5**r + 0.25**r for r in range(1, 20)], 2)
        >>> sorted(fit.decays.round(9).tolist())
        [0.25, 0.5]
    """
    f = np.asarray(couplings, dtype=np.float64)
    if f.ndim != 1 or not f.size or not np.isfinite(f).all():
        raise ValueError(f"couplings must be finite real numbers, one per distance; got shape {f.shape}")
    if not 1 <= n_terms <= max(1, f.size // 2):
        raise ValueError(
            f"{f.size} couplings determine between 1 and {max(1, f.size // 2)} exponentials; got {n_terms}"
        )
    r = np.arange(1, f.size + 1)
    if not f.any():
        return Exponentials(np.zeros(1), np.zeros(1), 0.0)

    def amplitudes(decays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        basis = decays[None, :] ** r[:, None]
        a = np.linalg.lstsq(basis, f, rcond=1e-15)[0]
        return a, basis @ a - f

    scale = float(np.abs(f).max())
    start = _hankel_decays(f, n_terms)
    bound = 1.0 - 1e-12
    found = scipy.optimize.least_squares(
        lambda x: amplitudes(np.tanh(x))[1] / scale,
        np.arctanh(np.clip(start, -bound, bound)),
        xtol=1e-15,
        ftol=1e-15,
        gtol=1e-15,
        max_nfev=400,
    )
    candidates = [np.tanh(found.x), start]
    decays = min(candidates, key=lambda x: float(np.linalg.norm(amplitudes(x)[1])))
    a, error = amplitudes(decays)
    return Exponentials(a, decays, float(np.abs(error).max()))


def _hankel_decays(f: np.ndarray, n_terms: int) -> np.ndarray:
    """The decays of the shift-invariant subspace of the Hankel matrix (real parts, within the unit circle)."""
    rows = (f.size + 1) // 2
    hankel = np.array([f[i : i + f.size - rows + 1] for i in range(rows)])
    u = np.linalg.svd(hankel)[0][:, :n_terms]
    if rows <= n_terms:
        return np.linspace(0.1, 0.9, n_terms)
    decays = np.linalg.eigvals(np.linalg.pinv(u[:-1]) @ u[1:])
    decays = np.clip(decays.real, -0.9999999, 0.9999999)
    return decays + 1e-6 * np.arange(n_terms) * (np.abs(np.subtract.outer(decays, decays)).sum(1) < 1e-9)


def long_range_mpo(
    n_sites: int,
    couplings: Exponentials | Callable[[np.ndarray], Any] | Any,
    first: Any,
    second: Any | None = None,
    on_site: Any | None = None,
    tolerance: float = 1e-8,
) -> tuple[MPO, float]:
    r"""``H = sum_{i<j} f(j - i) A_i B_j + sum_i C_i`` with ``f`` a sum of exponentials.

    Args:
        n_sites: number of sites.
        couplings: `Exponentials`; or ``f`` as a function of an array of distances, or its values at ``1 .. n_sites -
            1``: then as few exponentials are fitted as ``tolerance`` allows.
        first: A, Hermitian ``(d, d)``.
        second: B; A unless given.
        on_site: C.
        tolerance: largest error of a fitted coupling, as a fraction of the largest coupling.

    Returns:
        The operator, of bond dimension ``K + 2``, and the largest error of a coupling.

    Raises:
        ValueError: if the shapes differ, ``n_sites < 2``, or no number of exponentials reaches ``tolerance``.
    """
    if n_sites < 2:
        raise ValueError(f"a coupling needs at least 2 sites; got {n_sites}")
    a = np.asarray(first)
    b = a if second is None else np.asarray(second)
    d = a.shape[0]
    c = np.zeros((d, d)) if on_site is None else np.asarray(on_site)
    if not a.shape == b.shape == c.shape == (d, d):
        raise ValueError(
            f"the operators must be square matrices of one size; got {a.shape}, {b.shape}, {c.shape}"
        )
    fit = couplings if isinstance(couplings, Exponentials) else _fit(n_sites, couplings, tolerance)
    size = len(fit.decays)
    dtype = np.result_type(a, b, c, np.float64)
    w = np.zeros((size + 2, d, d, size + 2), dtype)  # channels: not begun, one per exponential, done
    w[0, :, :, 0] = w[-1, :, :, -1] = np.eye(d)
    w[0, :, :, -1] = c
    for k, (amplitude, decay) in enumerate(zip(fit.amplitudes, fit.decays, strict=True), start=1):
        w[0, :, :, k] = amplitude * decay * a
        w[k, :, :, k] = decay * np.eye(d)
        w[k, :, :, -1] = b
    return MPO([w[:1], *([w] * (n_sites - 2)), w[..., -1:]]), fit.error


def _fit(n_sites: int, couplings: Any, tolerance: float) -> Exponentials:
    if callable(couplings):  # a short chain has too few distances to determine the exponentials: look further
        values = np.asarray(couplings(np.arange(1.0, max(n_sites, _LEAST + 1))), dtype=np.float64)
    else:
        values = np.asarray(couplings, dtype=np.float64)
    if not callable(couplings) and values.shape != (n_sites - 1,):
        raise ValueError(
            f"{n_sites} sites have {n_sites - 1} distances; got couplings of shape {values.shape}"
        )
    limit = tolerance * float(np.abs(values).max(initial=0.0))
    fit = None
    for n_terms in range(1, min(_MOST, max(1, values.size // 2)) + 1):
        fit = fit_exponentials(values, n_terms)
        if fit.error <= limit:
            return fit
    error = np.inf if fit is None else fit.error
    raise ValueError(
        f"no sum of exponentials reaches the tolerance {tolerance:.3g} (best error {error:.3g}); raise tolerance, or "
        "write the couplings as a PauliSum or LocalHamiltonian, which are compiled exactly"
    )
