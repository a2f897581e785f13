"""What the ground states are compared with: exact diagonalisation of a small chain."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from circuits import hamiltonians
from circuits.paulis import PauliSum
from qgeom.comparison.ground_state_settings import GroundStateSettings

_DENSE = 10  # qubits; beyond, Lanczos on the sparse matrix
_DEGENERATE = 1e-9


@dataclass(frozen=True)
class Exact:
    """The exact ground state.

    Attributes:
        energy: its energy.
        gap: of the next level.
        vector: the state, (2^n,).
        entropies: at each of the n-1 cuts, in nats.
    """

    energy: float
    gap: float
    vector: np.ndarray
    entropies: np.ndarray


def hamiltonian_of(settings: GroundStateSettings) -> PauliSum:
    """The Hamiltonian that the settings name."""
    match settings.hamiltonian:
        case "ising":
            return hamiltonians.ising(settings.n_sites, settings.field, settings.periodic)
        case "xxz":
            return hamiltonians.xxz(settings.n_sites, settings.anisotropy, settings.periodic)
        case "heisenberg":
            return hamiltonians.heisenberg(settings.n_sites, periodic=settings.periodic)


def exact(hamiltonian: PauliSum) -> Exact:
    """Diagonalise.

    Raises:
        ValueError: if the ground level is degenerate: infidelity and entropies then depend on the state chosen.
    """
    matrix = hamiltonian.to_sparse()
    if hamiltonian.n_qubits <= _DENSE:
        values, vectors = scipy.linalg.eigh(matrix.toarray(), subset_by_index=(0, 1))
    else:
        start = np.random.default_rng(0).normal(size=2**hamiltonian.n_qubits)
        values, vectors = scipy.sparse.linalg.eigsh(matrix, 2, which="SA", v0=start)
        order = np.argsort(values)
        values, vectors = values[order], vectors[:, order]
    gap = float(values[1] - values[0])
    if gap <= _DEGENERATE * max(1.0, abs(float(values[0]))):
        raise ValueError(
            "the ground level of this Hamiltonian is degenerate, so it has no one ground state to compare with; "
            "choose another field or anisotropy, or an even number of sites"
        )
    vector = vectors[:, 0]
    return Exact(float(values[0]), gap, vector, entropies(vector))


def entropies(vector: np.ndarray) -> np.ndarray:
    """Von Neumann entropies of the first 1 ... n-1 qubits of a state vector, in nats."""
    n = round(math.log2(len(vector)))
    found = []
    for cut in range(1, n):
        p = np.linalg.svd(vector.reshape(2**cut, -1), compute_uv=False) ** 2
        p = p[p > 0]
        found.append(float(-np.sum(p * np.log(p))))
    return np.maximum(np.asarray(found), 0.0)
