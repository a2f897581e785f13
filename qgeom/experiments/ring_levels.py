"""The lowest levels of a translation-invariant ring, every copy: one momentum after the other, by LAPACK.

Lanczos iteration breaks down on commuting projectors (the parent of GHZ has n/2 different levels and 2^n states) and
then misses copies; in a sector of fixed momentum a ring of 12 qubits has 352 states and needs none of it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse

from circuits.local import LocalHamiltonian

GROUND = 1e-8
"""Energies up to this, of terms that are projectors, are zero."""


def lowest_levels(hamiltonian: LocalHamiltonian, count: int) -> np.ndarray:
    """The lowest ``count`` energies of a ring, ascending, with multiplicity.

    Args:
        hamiltonian: real, and unchanged if every site moves on by one (not checked).
        count: of levels; at most as many as the smallest sector has states are found in each.
    """
    n, d = hamiltonian.n_sites, hamiltonian.local_dimension
    matrix: Any = hamiltonian.to_sparse().tocsr()
    images, periods, representatives = _orbits(n, d)
    energies = []
    for k in range(n // 2 + 1):
        allowed = (k * periods[representatives]) % n == 0
        basis = _momentum_basis(images, periods, representatives[allowed], k)
        block = (basis.conj().T @ matrix @ basis).toarray()
        if np.abs(block.imag).max(initial=0.0) < 1e-12:
            block = block.real
        last = min(count, len(block)) - 1
        found = scipy.linalg.eigvalsh(block, subset_by_index=(0, last)) if last >= 0 else np.zeros(0)
        energies += [found] if k in (0, n - k) else [found, found]  # real H: k and -k alike
    return np.sort(np.concatenate(energies))[:count]


def _orbits(n: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every configuration moved by 0 .. n-1 sites, (n, d^n); its period; the least of each orbit."""
    states = np.arange(d**n)
    images = [states]
    for _ in range(n - 1):
        images.append(images[-1] // d + (images[-1] % d) * d ** (n - 1))
    table = np.stack(images)
    back = np.concatenate([table[1:], states[None]]) == states
    return table, back.argmax(axis=0) + 1, np.flatnonzero(table.min(axis=0) == states)


def _momentum_basis(images: np.ndarray, periods: np.ndarray, states: np.ndarray, k: int) -> Any:
    """Orthonormal columns ``sum_j e^(2 pi i k j / n) T^j |s>``, sparse (d^n, orbits)."""
    n, size = images.shape
    phases = np.repeat(np.exp(2j * np.pi * k * np.arange(n) / n)[:, None], len(states), axis=1)
    values = phases * np.sqrt(periods[states]) / n  # an orbit of period p is passed through n/p times
    columns = np.broadcast_to(np.arange(len(states)), values.shape)
    return scipy.sparse.csr_matrix(
        (values.ravel(), (images[:, states].ravel(), columns.ravel())), shape=(size, len(states))
    )
