r"""Hamiltonians that are sums of operators on a few sites, of any local dimension.

``H = sum_t h_t``, where ``h_t`` acts on the sites ``sites_t`` and as the identity elsewhere. Spin-1 chains, parent and
uncle Hamiltonians are of this form; a sum of Pauli strings is one as well (`LocalHamiltonian.from_pauli_sum`), but is
better kept as a `circuits.PauliSum` where its strings are long.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg

from circuits.description import State
from circuits.paulis import PauliSum

_MAX_DENSE = 4096  # 256 MiB of complex128
_MAX_SUPPORT = 10  # qubits of one dense term
_DENSE_FIRST = 512  # up to here LAPACK is as fast as Lanczos, and it finds every copy of a degenerate level
_PAULI = {
    "I": np.eye(2),
    "X": np.array([[0.0, 1.0], [1.0, 0.0]]),
    "Y": np.array([[0.0, -1j], [1j, 0.0]]),
    "Z": np.diag([1.0, -1.0]),
}


class LocalHamiltonian:
    """``H = sum_t h_t`` on ``n_sites`` sites of dimension ``local_dimension``. Immutable.

    Args:
        n_sites: number of sites.
        local_dimension: dimension d of each site.
        terms: pairs ``(sites, matrix)``. The matrix is Hermitian, ``(d**k, d**k)`` for k distinct sites; the first
            site named is its first (most significant) tensor factor, whatever the order of the sites.

    Raises:
        ValueError: a site outside ``0 .. n_sites - 1`` or named twice, a matrix of the wrong shape, not finite or not
            Hermitian (the deviation is said).

    Example:
        >>> import numpy as np
        >>> from circuits.local import LocalHamiltonian
        >>> swap = np.eye(4)[[0, 2, 1, 3]]
        >>> h = LocalHamiltonian(3, 2, [((0, 1), swap), ((1, 2), swap)])
        >>> h.spectrum(3).round(6).tolist()
        [-1.0, -1.0, 1.0]
    """

    __slots__ = ("__weakref__", "_local_dimension", "_n_sites", "_terms")

    def __init__(
        self, n_sites: int, local_dimension: int, terms: Iterable[tuple[Sequence[int], Any]]
    ) -> None:
        if n_sites < 1 or local_dimension < 2:
            raise ValueError(
                f"a chain needs at least one site of dimension 2; got {n_sites} of dimension {local_dimension}"
            )
        checked = tuple(_term(n_sites, local_dimension, sites, matrix) for sites, matrix in terms)
        for name, value in (
            ("_n_sites", n_sites),
            ("_local_dimension", local_dimension),
            ("_terms", checked),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a LocalHamiltonian is immutable; build a new one")

    def __reduce__(self) -> tuple[Any, ...]:
        return LocalHamiltonian, (self._n_sites, self._local_dimension, self._terms)

    def __repr__(self) -> str:
        return (
            f"LocalHamiltonian(n_sites={self.n_sites}, local_dimension={self.local_dimension}, "
            f"terms={len(self._terms)}, range={self.range})"
        )

    @classmethod
    def from_pauli_sum(cls, hamiltonian: PauliSum) -> LocalHamiltonian:
        """The terms of a Pauli sum, those of equal support merged into one matrix.

        Raises:
            ValueError: if a string acts on more than 10 qubits (the matrix of one term is dense).
        """
        grouped: dict[tuple[int, ...], np.ndarray] = {}
        for string, value in hamiltonian:
            sites = tuple(i for i, letter in enumerate(string) if letter != "I") or (0,)
            if len(sites) > _MAX_SUPPORT:
                raise ValueError(
                    f"the string {string} acts on {len(sites)} qubits, more than {_MAX_SUPPORT}; "
                    "use the PauliSum itself"
                )
            matrix = np.array([[value]])
            for i in sites:
                matrix = np.kron(matrix, _PAULI[string[i]])
            grouped[sites] = grouped[sites] + matrix if sites in grouped else matrix
        return cls(hamiltonian.n_qubits, 2, grouped.items())

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return self._n_sites

    @property
    def local_dimension(self) -> int:
        """Dimension d of each site."""
        return self._local_dimension

    @property
    def terms(self) -> tuple[tuple[tuple[int, ...], np.ndarray], ...]:
        """The pairs ``(sites, matrix)``, matrices real where they can be (float64, else complex128)."""
        return self._terms

    @property
    def range(self) -> int:
        """The number of sites that the widest term spans: 2 for nearest neighbours."""
        return max((max(sites) - min(sites) + 1 for sites, _ in self._terms), default=1)

    @property
    def is_real(self) -> bool:
        """Whether every term is a real matrix."""
        return all(np.isrealobj(matrix) for _, matrix in self._terms)

    def __add__(self, other: LocalHamiltonian | PauliSum) -> LocalHamiltonian:
        if isinstance(other, PauliSum):
            other = LocalHamiltonian.from_pauli_sum(other)
        if not isinstance(other, LocalHamiltonian):
            return NotImplemented
        if (other.n_sites, other.local_dimension) != (self.n_sites, self.local_dimension):
            raise ValueError(
                f"cannot add Hamiltonians on {self.n_sites} sites of dimension {self.local_dimension} and "
                f"{other.n_sites} of dimension {other.local_dimension}"
            )
        return LocalHamiltonian(self.n_sites, self.local_dimension, self._terms + other.terms)

    __radd__ = __add__

    def __mul__(self, scalar: float) -> LocalHamiltonian:
        if not isinstance(scalar, (int, float, np.number)):
            return NotImplemented
        terms = ((sites, matrix * scalar) for sites, matrix in self._terms)
        return LocalHamiltonian(self.n_sites, self.local_dimension, terms)

    __rmul__ = __mul__

    def __neg__(self) -> LocalHamiltonian:
        return self * -1.0

    def __sub__(self, other: LocalHamiltonian | PauliSum) -> LocalHamiltonian:
        return self + (-other)

    # Matrices and spectra: NumPy and SciPy, double precision whatever JAX is set to.

    def to_sparse(self) -> scipy.sparse.csr_matrix:
        """The matrix as SciPy CSR, ``(d**n, d**n)``: float64 where it is real, else complex128."""
        n, d = self.n_sites, self.local_dimension
        dtype = np.float64 if self.is_real else np.complex128
        total: Any = scipy.sparse.csr_matrix((d**n, d**n), dtype=dtype)
        for sites, matrix in self._terms:
            inside = _offsets(n, d, sites)
            outside = _offsets(n, d, [i for i in range(n) if i not in sites])
            row, column = np.nonzero(matrix)
            rows = (outside[:, None] + inside[row]).ravel()
            columns = (outside[:, None] + inside[column]).ravel()
            values = np.tile(matrix[row, column].astype(dtype), len(outside))
            total = total + scipy.sparse.csr_matrix((values, (rows, columns)), shape=total.shape)
        total.eliminate_zeros()
        return total

    def to_matrix(self) -> np.ndarray:
        """The dense matrix, complex128 ``(d**n, d**n)``.

        Raises:
            ValueError: if ``d**n`` exceeds 4096.
        """
        self._check_dense()
        return self.to_sparse().toarray().astype(np.complex128)

    def spectrum(self, k: int | None = None) -> np.ndarray:
        """The eigenvalues in ascending order, or only the ``k`` lowest; float64.

        With ``k``, dimensions above 512 go to Lanczos (ARPACK), which can miss copies of a degenerate level.

        Raises:
            ValueError: if ``k`` is not in ``1 .. d**n``, or the full spectrum is wanted of a dimension above 4096.
        """
        dim = self.local_dimension**self.n_sites
        if k is not None and not 1 <= k <= dim:
            raise ValueError(f"k must lie between 1 and {dim}, the number of eigenvalues; got {k}")
        if k is None or dim <= _DENSE_FIRST or k >= dim - 1:
            self._check_dense()
            return scipy.linalg.eigvalsh(self.to_sparse().toarray())[:k]
        return np.sort(scipy.sparse.linalg.eigsh(self.to_sparse(), k, which="SA", v0=_start(dim))[0])

    def ground_state(self) -> tuple[State, float]:
        """The ground state (complex amplitudes, site 0 most significant) and its energy, by diagonalisation."""
        dim = self.local_dimension**self.n_sites
        matrix = self.to_sparse()
        if dim <= _DENSE_FIRST:
            values, vectors = scipy.linalg.eigh(matrix.toarray(), subset_by_index=(0, 0))
        else:
            values, vectors = scipy.sparse.linalg.eigsh(matrix, 1, which="SA", v0=_start(dim))
        return State(jnp.asarray(vectors[:, 0].astype(np.complex128))), float(values[0])

    def _check_dense(self) -> None:
        dim = float(self.local_dimension) ** self.n_sites
        if dim > _MAX_DENSE:
            raise ValueError(
                f"a dense matrix of dimension {dim:.3g} needs {16 * dim**2 / 2**30:.3g} GiB; the limit is "
                f"{_MAX_DENSE}: use to_sparse, spectrum(k) or circuits.mps.ground_state"
            )


def _term(n: int, d: int, sites: Sequence[int], matrix: Any) -> tuple[tuple[int, ...], np.ndarray]:
    places = tuple(int(i) for i in sites)
    if not places or len(set(places)) != len(places) or min(places) < 0 or max(places) >= n:
        raise ValueError(f"a term acts on distinct sites between 0 and {n - 1}; got {places}")
    array = np.asarray(matrix)
    dim = d ** len(places)
    if array.shape != (dim, dim):
        raise ValueError(
            f"a term on {len(places)} sites of dimension {d} is a matrix of shape {(dim, dim)}; got {array.shape}"
        )
    array = array.astype(np.complex128 if np.iscomplexobj(array) else np.float64)
    if not np.isfinite(array).all():
        raise ValueError(f"the term on sites {places} has entries that are not finite")
    deviation = float(np.abs(array - array.conj().T).max())
    if deviation > 1e-10 * max(1.0, float(np.abs(array).max())):
        raise ValueError(
            f"the term on sites {places} is not Hermitian: |h - h^dagger| = {deviation:.3g}; "
            "pass (h + h^dagger) / 2"
        )
    array = 0.5 * (array + array.conj().T)
    if np.iscomplexobj(array) and not array.imag.any():
        array = array.real.copy()
    array.setflags(write=False)
    return places, array


def _offsets(n: int, d: int, sites: Sequence[int]) -> np.ndarray:
    """The basis indices, in the whole chain, of all configurations of ``sites`` with the other sites at 0."""
    offsets = np.zeros(1, dtype=np.int64)
    for i in sites:
        offsets = (offsets[:, None] + np.arange(d) * d ** (n - 1 - i)).ravel()
    return offsets


def _start(dim: int) -> np.ndarray:
    # A fixed start makes Lanczos reproducible; a random one has overlap with every symmetry sector.
    return np.random.default_rng(0).normal(size=dim) / math.sqrt(dim)
