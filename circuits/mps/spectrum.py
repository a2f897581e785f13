r"""The lowest levels of a Hamiltonian, every copy of a degenerate one: ground space and gap."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

from circuits.local import LocalHamiltonian

_DENSE = 1100  # below, LAPACK; above, Lanczos with deflation
_LARGEST = 1 << 20


class LowSpectrum(NamedTuple):
    """The lowest levels, ascending, with multiplicity; how many belong to the ground space; the gap above it."""

    energies: np.ndarray
    degeneracy: int
    gap: float


def low_spectrum(hamiltonian: LocalHamiltonian, count: int = 6, tolerance: float = 1e-8) -> LowSpectrum:
    """The lowest ``count`` levels, and more until one lies above the ground space.

    Lanczos iteration finds a level once, and its copies by rounding if at all: each run is therefore repeated on the
    complement of what was found, until the lowest level left is no lower than the highest one wanted.

    Args:
        hamiltonian: of at most 2^20 states.
        count: how many levels, at least 2.
        tolerance: energies within ``tolerance`` (absolute) of the lowest are the ground space.

    Raises:
        ValueError: if the chain is too large.
    """
    size = hamiltonian.local_dimension**hamiltonian.n_sites
    if size > _LARGEST:
        raise ValueError(f"the low spectrum is found on at most {_LARGEST} states; the chain has {size}")
    matrix = hamiltonian.to_sparse().tocsr()
    while True:
        energies = _lowest(matrix, min(max(count, 2), size))
        degeneracy = int(np.sum(energies < energies[0] + tolerance))
        if degeneracy < len(energies):
            return LowSpectrum(energies, degeneracy, float(energies[degeneracy] - energies[0]))
        if len(energies) == size:
            return LowSpectrum(energies, degeneracy, float("inf"))
        count = 2 * len(energies)


def _lowest(matrix: scipy.sparse.csr_matrix, count: int) -> np.ndarray:
    size = int(cast(Any, matrix).shape[0])
    if size <= _DENSE or count > size // 4:
        return scipy.linalg.eigvalsh(matrix.toarray(), subset_by_index=(0, count - 1))
    rng = np.random.default_rng(0)
    bound = float(abs(matrix).sum(axis=0).max())  # moves found levels above the whole spectrum
    found, energies = np.zeros((size, 0), matrix.dtype), np.zeros(0)
    while True:

        def apply(x: np.ndarray, v: np.ndarray = found) -> np.ndarray:
            x = x.reshape(-1)
            return matrix @ x + 2.0 * bound * (v @ (v.conj().T @ x))

        operator = cast(Any, scipy.sparse.linalg.LinearOperator)(
            (size, size), matvec=apply, dtype=matrix.dtype
        )
        wanted = count if not len(energies) else 2
        start = rng.normal(size=size).astype(matrix.dtype)
        values, vectors = cast(Any, scipy.sparse.linalg.eigsh)(
            operator, k=wanted, which="SA", v0=start, ncv=max(3 * wanted, 40), tol=1e-12
        )
        highest = np.sort(energies)[count - 1] if len(energies) >= count else np.inf
        if len(energies) and values.min() > highest - 1e-9 * bound:
            return np.sort(energies)[:count]
        found = np.linalg.qr(np.concatenate([found, vectors], axis=1))[0]
        energies = np.concatenate([energies, values])
