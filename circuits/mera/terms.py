r"""Hamiltonians as one operator per site: what a MERA raises.

A sum of local terms on a ring is written as ``H = sum_s O_s``, each ``O_s`` on the ``support`` sites from ``s`` on. A
term on fewer sites is shared equally by the windows that hold it, so that a translation-invariant ``H`` gives equal
``O_s``.
"""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np

from circuits.local import LocalHamiltonian
from circuits.mera.schemes import Scheme
from circuits.paulis import PauliSum

Sites = tuple[int, ...]


class Windows(NamedTuple):
    """``operators``: ``(n, d, ... ; d, ...)``, or ``(1, ...)`` where they are all equal; real where ``H`` is."""

    operators: np.ndarray
    n_sites: int | None

    @property
    def is_uniform(self) -> bool:
        """Whether one operator stands for all sites."""
        return self.operators.shape[0] == 1


def windows(hamiltonian: PauliSum | LocalHamiltonian, scheme: Scheme) -> Windows:
    """The operators of a finite chain, on a ring.

    Raises:
        ValueError: if a term does not fit on ``support`` neighbouring sites, or the ring is shorter than twice that.
    """
    n, s = _sites(hamiltonian), scheme.support
    if n < 2 * s:
        raise ValueError(
            f"a {scheme.name} MERA needs at least {2 * s} sites, got {n}; use hamiltonian.ground_state() for so few"
        )
    d = 2 if isinstance(hamiltonian, PauliSum) else hamiltonian.local_dimension
    operators = np.zeros((n, d**s, d**s), dtype=np.complex128)
    constant = 0.0
    for sites, matrix in _terms(hamiltonian):
        if not sites:
            constant += float(np.real(matrix.item()))
            continue
        ordered, start, matrix = _arrange(n, s, d, sites, matrix, scheme)
        k = ordered
        for shift in range(s - k + 1):
            placed = np.kron(np.kron(np.eye(d**shift), matrix), np.eye(d ** (s - k - shift)))
            operators[(start - shift) % n] += placed / (s - k + 1)
    operators += (constant / n) * np.eye(d**s)
    if np.abs(operators.imag).max() == 0.0:
        operators = operators.real
    size = max(float(np.abs(operators).max()), 1e-300)
    if float(np.abs(operators - operators[:1]).max()) <= 1e-12 * size:
        operators = operators[:1]
    return Windows(np.ascontiguousarray(operators).reshape(-1, *(d,) * (2 * s)), n)


def bulk(hamiltonian: Any, scheme: Scheme) -> np.ndarray:
    """The operator of one site of an infinite chain, ``(d, ... ; d, ...)``, from a ring or from a local matrix.

    Raises:
        ValueError: if a ring is not translation invariant, or a matrix is not a Hermitian two-site one.
    """
    if isinstance(hamiltonian, (PauliSum, LocalHamiltonian)):
        ring = windows(hamiltonian, scheme)
        if not ring.is_uniform:
            raise ValueError(
                "a scale-invariant MERA needs a translation-invariant Hamiltonian; build the model with "
                "periodic=True, or give its two-site matrix"
            )
        return ring.operators[0]
    matrix, d = two_site(hamiltonian)
    s = scheme.support
    placed = [np.kron(np.kron(np.eye(d**k), matrix), np.eye(d ** (s - 2 - k))) for k in range(s - 1)]
    return (np.sum(placed, axis=0) / (s - 1)).reshape((d,) * (2 * s))


def ring(matrix: Any, n_sites: int) -> LocalHamiltonian:
    """``sum_i h_{i, i+1}`` on a ring, from the two-site matrix."""
    h, d = two_site(matrix)
    return LocalHamiltonian(n_sites, d, [((i, (i + 1) % n_sites), h) for i in range(n_sites)])


def two_site(matrix: Any) -> tuple[np.ndarray, int]:
    """A checked two-site Hamiltonian ``(d^2, d^2)`` in double precision, real where it can be, and ``d``."""
    try:
        h = np.asarray(matrix)
        h = h.astype(np.complex128 if np.iscomplexobj(h) else np.float64)
    except (TypeError, ValueError):
        raise TypeError(
            f"the Hamiltonian must be a PauliSum, a LocalHamiltonian or a two-site matrix, not {type(matrix).__name__}"
        ) from None
    d = round(h.shape[0] ** 0.5) if h.ndim == 2 else 0
    if h.ndim != 2 or h.shape[0] != h.shape[1] or d < 2 or d * d != h.shape[0]:
        raise ValueError(f"a two-site Hamiltonian is a (d^2, d^2) matrix, d >= 2; got shape {h.shape}")
    if not np.isfinite(h).all():
        raise ValueError("the two-site Hamiltonian holds entries that are not finite")
    deviation = float(np.abs(h - h.conj().T).max())
    if deviation > 1e-10 * max(1.0, float(np.abs(h).max())):
        raise ValueError(f"the Hamiltonian must be Hermitian; |H - H^+| is {deviation:.3g}")
    h = 0.5 * (h + h.conj().T)
    return (h.real if np.abs(h.imag).max() == 0.0 else h), d


def _sites(hamiltonian: PauliSum | LocalHamiltonian) -> int:
    return hamiltonian.n_qubits if isinstance(hamiltonian, PauliSum) else hamiltonian.n_sites


def _terms(hamiltonian: PauliSum | LocalHamiltonian):
    if isinstance(hamiltonian, LocalHamiltonian):
        yield from ((tuple(sites), np.asarray(matrix)) for sites, matrix in hamiltonian.terms)
        return
    for string, value in hamiltonian:
        sites = tuple(i for i, letter in enumerate(string) if letter != "I")
        matrix = np.full((1, 1), value, dtype=np.complex128)
        for i in sites:
            matrix = np.kron(matrix, _PAULI[string[i]])
        yield sites, matrix


_PAULI = {
    "X": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "Y": np.array([[0.0, -1j], [1j, 0.0]]),
    "Z": np.diag([1.0, -1.0]),
}


def _arrange(
    n: int, s: int, d: int, sites: Sites, matrix: np.ndarray, scheme: Scheme
) -> tuple[int, int, np.ndarray]:
    """The shortest arc ``start .. start + length - 1`` of the ring that holds the sites, and the matrix on it."""
    length, start = min((max((site - first) % n for site in sites) + 1, first) for first in sites)
    if length > s:
        raise ValueError(
            f"a {scheme.name} MERA takes terms on at most {s} neighbouring sites; one acts on sites {sites}"
        )
    k = len(sites)
    tensor = matrix.reshape((d,) * (2 * k))
    order = sorted(range(k), key=lambda i: (sites[i] - start) % n)
    tensor = tensor.transpose([*order, *(k + i for i in order)])
    occupied = sorted((site - start) % n for site in sites)
    empty = [i for i in range(length) if i not in occupied]
    full = np.kron(tensor.reshape(d**k, d**k), np.eye(d ** len(empty))).reshape((d,) * (2 * length))
    places = list(itertools.chain(occupied, empty))
    back = [places.index(i) for i in range(length)]
    full = full.transpose([*back, *(length + i for i in back)])
    return length, start, full.reshape(d**length, d**length)
