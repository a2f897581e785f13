r"""The lowest levels of a Hamiltonian, every copy of a degenerate one: ground space and gap."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple, cast

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

from circuits.local import LocalHamiltonian

_DENSE = 1100  # below, LAPACK; above, LOBPCG
_SPARE = 6  # vectors beside those wanted, for the block to converge
_RESIDUAL, _ITERATIONS = 1e-9, 2000
_LARGEST = 1 << 20


class LowSpectrum(NamedTuple):
    """The lowest levels, ascending, with multiplicity; how many belong to the ground space; the gap above it."""

    energies: np.ndarray
    degeneracy: int
    gap: float


def low_spectrum(hamiltonian: LocalHamiltonian, count: int = 6, tolerance: float = 1e-8) -> LowSpectrum:
    """The lowest ``count`` levels, and more until one lies above the ground space.

    A block iteration (LOBPCG): Lanczos iteration sees one copy of a level, and breaks down on sums of commuting
    projectors, which have few distinct levels. The error of an energy is about residual^2 / gap; one line warns of a
    residual above 1e-7.

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
    block = np.random.default_rng(0).normal(size=(size, count + _SPARE)).astype(matrix.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the residual is judged below
        values, vectors = cast(Any, scipy.sparse.linalg.lobpcg)(
            matrix, block, largest=False, tol=_RESIDUAL, maxiter=_ITERATIONS
        )
    order = np.argsort(values)[:count]
    values, vectors = values[order], vectors[:, order]
    residual = float(np.max(np.linalg.norm(matrix @ vectors - vectors * values, axis=0)))
    if residual > 100.0 * _RESIDUAL:
        warnings.warn(f"the low spectrum has not converged: residual {residual:.1e}", stacklevel=3)
    return values
