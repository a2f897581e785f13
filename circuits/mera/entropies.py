r"""Entanglement entropies of a MERA, natural logarithm: ``S = -tr rho ln rho``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Array

from circuits.mera.finite import FiniteMERA
from circuits.mera.scale_invariant import ScaleInvariantMERA


def entropy(rho: Array | np.ndarray) -> float:
    """``-tr rho ln rho`` of a density matrix, in nats; NumPy, double precision."""
    values = np.linalg.eigvalsh(np.asarray(rho))
    values = values[values > 0.0]
    return float(-np.sum(values * np.log(values)))


def block_entropies(mera: FiniteMERA, start: int = 0) -> np.ndarray:
    """Entropies of the blocks ``start .. start + l - 1`` around the ring, ``l = 1 .. n // 2``; float64 ``(n // 2,)``.

    From the state vector, exact for this MERA.

    Raises:
        ValueError: if the state vector is too long (2^24 amplitudes), or ``start`` is no site.
    """
    n, d = mera.n_sites, mera.local_dimension
    if not 0 <= start < n:
        raise ValueError(f"start must be a site, 0 .. {n - 1}; got {start}")
    vector = np.asarray(mera.to_vector()).reshape((d,) * n)
    vector = vector.transpose([(start + k) % n for k in range(n)])
    found = []
    for length in range(1, n // 2 + 1):
        weights = np.linalg.svd(vector.reshape(d**length, -1), compute_uv=False) ** 2
        weights = weights[weights > 0.0]
        found.append(-np.sum(weights * np.log(weights)))
    return np.array(found)


def window_entropies(mera: FiniteMERA, length: int = 1) -> np.ndarray:
    """Entropies of all blocks of ``length`` neighbouring sites, up to the window of the causal cone; float64 ``(n,)``.

    Cost linear in the number of sites, which may be large.

    Raises:
        ValueError: if ``length`` is not between 1 and the window (3 sites for binary, 2 for ternary).
    """
    s = mera.scheme.support
    if not 1 <= length <= s:
        raise ValueError(
            f"length must lie between 1 and {s}, the window of a {mera.scheme.name} MERA; got {length}"
        )
    d = mera.local_dimension
    reduced = [_first(rho, d, s, length) for rho in np.asarray(mera.density_matrices())]
    return np.array([entropy(rho) for rho in reduced])


def coarse_entropies(mera: ScaleInvariantMERA) -> tuple[tuple[float, ...], ...]:
    """Entropies of ``1 .. support`` neighbouring sites at every level, the physical one first.

    Of the mean density matrices: over the positions of a window under the layers above, and over the places of a block
    in its window.
    """
    s = mera.scheme.support
    found = []
    for d, rho in zip(mera.bond_dimensions, mera.density_matrices(), strict=True):
        found.append(tuple(entropy(_mean(np.asarray(rho), d, s, length)) for length in range(1, s + 1)))
    return tuple(found)


def _mean(rho: np.ndarray, d: int, s: int, length: int) -> np.ndarray:
    places: Sequence[np.ndarray] = [_block(rho, d, s, first, length) for first in range(s - length + 1)]
    return np.sum(places, axis=0) / len(places)


def _first(rho: np.ndarray, d: int, s: int, length: int) -> np.ndarray:
    return _block(rho, d, s, 0, length)


def _block(rho: np.ndarray, d: int, s: int, first: int, length: int) -> np.ndarray:
    """The density matrix of ``length`` sites from ``first`` on, of a window of ``s`` sites."""
    a, m, b = d**first, d**length, d ** (s - first - length)
    return np.einsum("imjinj->mn", rho.reshape(a, m, b, a, m, b))
