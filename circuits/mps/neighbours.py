"""Nearest-neighbour Hamiltonians as one matrix per bond."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuits.local import LocalHamiltonian
from circuits.paulis import PauliSum


def bond_terms(hamiltonian: PauliSum | LocalHamiltonian) -> np.ndarray:
    """``H = sum_i h_i``, ``h_i`` on the sites i and i+1: ``(n - 1, d^2, d^2)``, float64 where H is real.

    Terms on one site are shared between its two bonds; those of the two ends go to their only one.

    Raises:
        TypeError: if the Hamiltonian is no sum of terms.
        ValueError: if it has fewer than 2 sites, or a term reaches beyond nearest neighbours.
    """
    if not isinstance(hamiltonian, (PauliSum, LocalHamiltonian)):
        raise TypeError(
            f"gates need a PauliSum or a LocalHamiltonian, not {type(hamiltonian).__name__}; for an MPO use evolve_tdvp"
        )
    if isinstance(hamiltonian, PauliSum):
        for string in hamiltonian.strings:
            inside = string.strip("I")
            if len(inside) > 2:
                raise ValueError(_too_far(f"the string {string}"))
        hamiltonian = LocalHamiltonian.from_pauli_sum(hamiltonian)
    n, d = hamiltonian.n_sites, hamiltonian.local_dimension
    if n < 2:
        raise ValueError("gates act on two sites; a chain of one site has none")
    out = np.zeros((n - 1, d * d, d * d), np.float64 if hamiltonian.is_real else np.complex128)
    identity = np.eye(d)
    for sites, matrix in hamiltonian.terms:
        if len(sites) == 1:
            (i,) = sites
            share = 1.0 if i in (0, n - 1) else 0.5
            if i > 0:
                out[i - 1] += share * np.kron(identity, matrix)
            if i < n - 1:
                out[i] += share * np.kron(matrix, identity)
            continue
        first, last = min(sites), max(sites)
        if len(sites) > 2 or last - first > 1:
            raise ValueError(_too_far(f"a term on the sites {sites}"))
        if sites != (first, last):
            matrix = matrix.reshape(d, d, d, d).transpose(1, 0, 3, 2).reshape(d * d, d * d)
        out[first] += matrix
    return out


def kron_sum(terms: np.ndarray, d: int, n_sites: int) -> np.ndarray:
    """The dense matrix of ``sum_i h_i`` on ``n_sites`` sites, ``len(terms) = n_sites - 1``."""
    total: Any = np.zeros((d**n_sites, d**n_sites), terms.dtype)
    for i, h in enumerate(terms):
        total += np.kron(np.kron(np.eye(d**i), h), np.eye(d ** (n_sites - i - 2)))
    return total


def _too_far(what: str) -> str:
    return (
        f"{what} reaches beyond nearest neighbours, which gates cannot follow; use circuits.mps.evolve_tdvp"
    )
