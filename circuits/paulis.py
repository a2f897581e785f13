r"""Sums of Pauli strings, applied to a state without building a matrix.

A Hamiltonian is ``H = sum_t c_t P_t`` with real ``c_t`` and Pauli strings ``P_t``. In the computational basis
a string flips the bits in its mask ``x`` (positions of X and Y) and multiplies by a sign given by its mask ``z``
(positions of Z and Y)::

    (P psi)[a] = (-i)^(number of Y) (-1)^popcount(a & z) psi[a ^ x]

so that strings with the same ``x`` share one flip::

    (H psi)[a] = sum_x d_x(a) psi[a ^ x],     d_x(a) = sum_{t: x_t = x} c_t (-i)^(y_t) (-1)^popcount(a & z_t)

Qubit 0 is the first letter of a string and the most significant bit.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.linalg
from jax import lax
from jaxtyping import Array, Complex, Float

from circuits import pauli_action
from circuits.description import State, parameter_dtype
from circuits.pauli_action import Flip

_LETTERS = frozenset("IXYZ")
_MAX_DENSE_QUBITS = 12  # 2^12 squared complex128 numbers: 256 MiB


class Masks(NamedTuple):
    """A Pauli string as bits, ``P = i^y X^x Z^z`` with ``y = popcount(x & z)``; bit ``n-1-q`` is qubit q."""

    x: int
    z: int

    @property
    def y_count(self) -> int:
        """Number of letters Y."""
        return (self.x & self.z).bit_count()


def masks(string: str) -> Masks:
    """The bit masks of a Pauli string.

    Raises:
        ValueError: if the string is empty or holds a letter other than I, X, Y, Z.
    """
    if not isinstance(string, str) or not string or not _LETTERS.issuperset(string):
        raise ValueError(f"a Pauli string is made of the letters I, X, Y, Z, one per qubit; got {string!r}")
    x = int(string.translate(_X_BITS), 2)
    z = int(string.translate(_Z_BITS), 2)
    return Masks(x, z)


_X_BITS = str.maketrans("IXYZ", "0110")
_Z_BITS = str.maketrans("IXYZ", "0011")
_LETTER_OF = {(0, 0): "I", (1, 0): "X", (1, 1): "Y", (0, 1): "Z"}


def multiply(a: str, b: str) -> tuple[str, complex]:
    """The product ``P_a P_b = phase P_c`` of two Pauli strings: ``(c, phase)``, phase one of 1, i, -1, -i.

    Raises:
        ValueError: if the lengths differ or a letter is not one of I, X, Y, Z.
    """
    if len(a) != len(b):
        raise ValueError(
            f"Pauli strings of {len(a)} and {len(b)} qubits cannot be multiplied; use equal lengths"
        )
    p, q = masks(a), masks(b)
    product = Masks(p.x ^ q.x, p.z ^ q.z)
    # i^y_p X^x Z^z i^y_q X^x' Z^z' = i^(y_p + y_q) (-1)^popcount(z & x') X^(x ^ x') Z^(z ^ z')
    power = p.y_count + q.y_count - product.y_count + 2 * (p.z & q.x).bit_count()
    bits = range(len(a) - 1, -1, -1)
    string = "".join(_LETTER_OF[(product.x >> i) & 1, (product.z >> i) & 1] for i in bits)
    return string, (1, 1j, -1, -1j)[power % 4]


def commute(a: str, b: str) -> bool:
    """Whether two Pauli strings commute: they differ, both not I, on an even number of qubits."""
    p, q = masks(a), masks(b)
    return ((p.x & q.z).bit_count() + (p.z & q.x).bit_count()) % 2 == 0


def _real(value: Any) -> float:
    number = complex("nan") if isinstance(value, str) else complex(value)
    if number.imag != 0.0 or not math.isfinite(number.real):
        raise ValueError(
            f"coefficients of a Pauli sum must be real and finite (H is Hermitian); got {value!r}"
        )
    return number.real


class PauliSum:
    """``H = sum_t coefficients[t] strings[t]``: immutable, hashable, equal by value.

    A ``PauliSum`` is structure, like a circuit: it may be closed over or be a static argument of ``jax.jit``.

    Args:
        strings: Pauli strings of equal length, qubit 0 first, e.g. ``("ZZI", "IZZ")``.
        coefficients: one real number per string; all 1 unless given.

    Raises:
        ValueError: no string, unequal lengths, a letter other than I X Y Z, a coefficient that is not real and
            finite.

    Example:
        >>> from circuits.paulis import PauliSum
        >>> h = PauliSum(("ZZ", "XI"), (1.0, 0.5))
        >>> h.n_qubits, h.is_diagonal
        (2, False)
        >>> h.spectrum().round(6).tolist()
        [-1.118034, -1.118034, 1.118034, 1.118034]
    """

    __slots__ = ("__weakref__", "_coefficients", "_hash", "_n_qubits", "_strings")

    def __init__(self, strings: Iterable[str], coefficients: Iterable[float] | None = None) -> None:
        if isinstance(strings, str):
            strings = (strings,)
        strings = tuple(strings)
        if not strings:
            raise ValueError(
                "a Pauli sum needs at least one string; for zero write PauliSum(('I' * n,), (0.0,))"
            )
        values = (1.0,) * len(strings) if coefficients is None else tuple(map(_real, coefficients))
        if len(values) != len(strings):
            raise ValueError(
                f"got {len(strings)} Pauli strings and {len(values)} coefficients; give one for each"
            )
        for string in strings:
            masks(string)
            if len(string) != len(strings[0]):
                raise ValueError(f"Pauli strings must have equal lengths; got {strings[0]!r} and {string!r}")
        self._set(strings, values)

    def _set(self, strings: tuple[str, ...], values: tuple[float, ...]) -> None:
        for name, value in (
            ("_strings", strings),
            ("_coefficients", values),
            ("_n_qubits", len(strings[0])),
            ("_hash", hash((strings, values))),
        ):
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("a PauliSum is immutable; build a new one")

    def __reduce__(self) -> tuple[Any, ...]:
        return PauliSum, (self._strings, self._coefficients)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Equal strings and coefficients, in the same order; compare `simplify()` to ignore the order."""
        if not isinstance(other, PauliSum):
            return NotImplemented
        return self._strings == other._strings and self._coefficients == other._coefficients

    def __len__(self) -> int:
        return len(self._strings)

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """The pairs ``(string, coefficient)``."""
        return iter(zip(self._strings, self._coefficients, strict=True))

    def __repr__(self) -> str:
        shown = " ".join(f"{c:+.6g} {s}" for s, c in list(self)[:6])
        return (
            f"PauliSum(n_qubits={self.n_qubits}, terms={len(self)}: {shown}{' ...' if len(self) > 6 else ''})"
        )

    # The sum as data.

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return self._n_qubits

    @property
    def strings(self) -> tuple[str, ...]:
        """The Pauli strings, qubit 0 first."""
        return self._strings

    @property
    def coefficients(self) -> np.ndarray:
        """The coefficients, float64 (T,)."""
        return np.array(self._coefficients, dtype=np.float64)

    @property
    def is_diagonal(self) -> bool:
        """Whether all strings are made of I and Z."""
        return all(not ("X" in s or "Y" in s) for s in self._strings)

    @property
    def is_real(self) -> bool:
        """Whether the matrix is real: an even number of Y in every string."""
        return all(s.count("Y") % 2 == 0 for s in self._strings)

    def trace(self) -> float:
        """``tr H / 2^n``: the coefficient of the identity."""
        return math.fsum(c for s, c in self if set(s) == {"I"})

    def norm(self) -> float:
        """Normalised Hilbert-Schmidt norm, ``sqrt(tr H^2 / 2^n)``: the 2-norm of the coefficients."""
        return math.sqrt(math.fsum(c * c for _, c in self.simplify()))

    # Algebra.

    def simplify(self, tolerance: float = 0.0) -> PauliSum:
        """Equal strings merged, sorted, terms with ``|c| <= tolerance`` dropped (zero is ``0 * III...``)."""
        merged: dict[str, list[float]] = {}
        for string, value in self:
            merged.setdefault(string, []).append(value)
        terms = [(s, math.fsum(values)) for s, values in sorted(merged.items())]
        terms = [(s, c) for s, c in terms if abs(c) > tolerance] or [("I" * self.n_qubits, 0.0)]
        return PauliSum(*zip(*terms, strict=True))

    def __add__(self, other: PauliSum) -> PauliSum:
        """The sum, simplified."""
        if not isinstance(other, PauliSum):
            return NotImplemented
        if other.n_qubits != self.n_qubits:
            raise ValueError(f"cannot add Pauli sums on {self.n_qubits} and {other.n_qubits} qubits")
        return PauliSum(self._strings + other._strings, self._coefficients + other._coefficients).simplify()

    def __neg__(self) -> PauliSum:
        return self * -1.0

    def __sub__(self, other: PauliSum) -> PauliSum:
        if not isinstance(other, PauliSum):
            return NotImplemented
        return self + (-other)

    def __mul__(self, scalar: float) -> PauliSum:
        if not isinstance(scalar, (int, float, np.number)):
            return NotImplemented
        factor = _real(scalar)
        return PauliSum(self._strings, (factor * c for c in self._coefficients))

    __rmul__ = __mul__

    def __truediv__(self, scalar: float) -> PauliSum:
        return self * (1.0 / scalar)

    def commuting_groups(self) -> tuple[PauliSum, ...]:
        """The terms split, greedily and in order, into sums of mutually commuting strings (for Trotter)."""
        groups: list[list[tuple[str, float]]] = []
        for string, value in self:
            for group in groups:
                if all(commute(string, other) for other, _ in group):
                    group.append((string, value))
                    break
            else:
                groups.append([(string, value)])
        return tuple(PauliSum(*zip(*group, strict=True)) for group in groups)

    # Action on states.

    def apply(self, vector: Complex[Array, " dim"]) -> Complex[Array, " dim"]:
        """``H psi``. Complex ``(2**n,)`` in and out, of the dtype of ``vector``; batch with ``jax.vmap``.

        Raises:
            ValueError: if the shape is not ``(2**n,)``.
        """
        vector = jnp.asarray(vector)
        if jnp.issubdtype(vector.dtype, jnp.complexfloating):
            return lax.complex(*self.apply_planar(vector.real, vector.imag))
        return lax.complex(*self.apply_planar(vector, jnp.zeros_like(vector)))

    def apply_planar(
        self, re: Float[Array, " dim"], im: Float[Array, " dim"]
    ) -> tuple[Float[Array, " dim"], Float[Array, " dim"]]:
        """``H (re + i im)`` as its real and imaginary parts: two real arrays ``(2**n,)`` in, two out.

        Raises:
            ValueError: if a shape is not ``(2**n,)``.
            TypeError: if the arrays are not real floating-point numbers.
        """
        if re.shape != (2**self.n_qubits,) or im.shape != re.shape:
            raise ValueError(
                f"expected a state vector of shape ({2**self.n_qubits},) for {self.n_qubits} qubits, got "
                f"{re.shape}; batch with jax.vmap"
            )
        if not jnp.issubdtype(re.dtype, jnp.floating):
            raise TypeError(f"expected floating-point amplitudes, got {re.dtype}")
        return _apply(self, re, im)

    def expectation(self, vector: Complex[Array, " dim"]) -> Float[Array, ""]:
        """``<psi|H|psi>``, real, for a vector of shape ``(2**n,)`` and norm one."""
        vector = jnp.asarray(vector)
        re, im = vector.real, vector.imag
        if self.is_diagonal:
            return jnp.sum(self.diagonal(re.dtype) * (re * re + im * im))
        h_re, h_im = self.apply_planar(re, im)
        return jnp.sum(re * h_re + im * h_im)

    def diagonal(self, dtype: Any = None) -> Float[Array, " dim"]:
        """The diagonal of a sum of I/Z strings, real ``(2**n,)``, float64 unless a dtype is given.

        Raises:
            ValueError: if a string holds X or Y.
        """
        dtype = parameter_dtype(dtype)
        if not self.is_diagonal:
            raise ValueError("the Hamiltonian is not diagonal: a string holds X or Y; use apply or to_sparse")
        return _diagonal(self, dtype)

    # Matrices and spectra: NumPy and SciPy, double precision whatever JAX is set to.

    def to_sparse(self) -> scipy.sparse.csr_matrix:
        """The matrix as SciPy CSR: float64 where it is real, else complex128."""
        dim = 2**self.n_qubits
        flips = _flips(self)
        rows = np.arange(dim, dtype=np.int64)
        data = np.empty((dim, len(flips)), dtype=np.float64 if self.is_real else np.complex128)
        columns = np.empty((dim, len(flips)), dtype=np.int64)
        for g, (x, terms) in enumerate(flips):
            columns[:, g] = rows ^ x
            diagonal = np.zeros(dim, dtype=data.dtype)
            for z, value in terms:
                phase = (1, -1j, -1, 1j)[(x & z).bit_count() % 4]
                value = value * (phase.real if self.is_real else phase)
                diagonal += value * (1.0 - 2.0 * (np.bitwise_count(rows & z) & 1))
            data[:, g] = diagonal
        pointers = np.arange(0, dim * len(flips) + 1, len(flips))
        matrix = scipy.sparse.csr_matrix((data.ravel(), columns.ravel(), pointers), shape=(dim, dim))
        matrix.sort_indices()
        matrix.eliminate_zeros()
        return matrix

    def to_matrix(self) -> np.ndarray:
        """The dense matrix, complex128 ``(2**n, 2**n)``."""
        _check_dense(self.n_qubits)
        return self.to_sparse().toarray().astype(np.complex128)

    def spectrum(self, k: int | None = None) -> np.ndarray:
        """The eigenvalues in ascending order, or only the ``k`` lowest; float64.

        All of them are computed densely, up to 12 qubits (any number for a diagonal sum). With ``k``, more than
        9 qubits go to Lanczos (ARPACK), which can miss copies of a degenerate level.

        Raises:
            ValueError: if ``k`` is not in 1..2^n, or if the full spectrum is wanted on more than 12 qubits.
        """
        dim = 2**self.n_qubits
        if k is not None and not 1 <= k <= dim:
            raise ValueError(f"k must lie between 1 and {dim}, the number of eigenvalues; got {k}")
        if self.is_diagonal:
            return np.sort(self.to_sparse().diagonal())[:k]
        if k is None or self.n_qubits <= 9 or k >= dim - 1:
            _check_dense(self.n_qubits)
            matrix = self.to_sparse().toarray()
            if k is None:
                return scipy.linalg.eigvalsh(matrix)
            return scipy.linalg.eigvalsh(matrix, subset_by_index=(0, k - 1))
        return np.sort(scipy.sparse.linalg.eigsh(self.to_sparse(), k, which="SA", v0=_start(dim))[0])

    def ground_state(self) -> tuple[State, float]:
        """The ground state and its energy, ``(psi, energy)``; one of the states of a degenerate level."""
        dim = 2**self.n_qubits
        matrix = self.to_sparse()
        if self.is_diagonal:
            position = int(np.argmin(matrix.diagonal()))
            vector = np.zeros(dim, dtype=np.complex128)
            vector[position] = 1.0
            energy = float(matrix.diagonal()[position])
        elif self.n_qubits <= 9:
            values, vectors = scipy.linalg.eigh(matrix.toarray(), subset_by_index=(0, 0))
            vector, energy = vectors[:, 0].astype(np.complex128), float(values[0])
        else:
            values, vectors = scipy.sparse.linalg.eigsh(matrix, 1, which="SA", v0=_start(dim))
            vector, energy = vectors[:, 0].astype(np.complex128), float(values[0])
        return State(jnp.asarray(vector)), energy


def from_strings(terms: Mapping[str, float] | Iterable[tuple[str, float]]) -> PauliSum:
    """A Pauli sum from ``{"XX": 0.5, "ZI": 1.0}`` or ``[("XX", 0.5), ("ZI", 1.0)]``.

    Raises:
        ValueError: no term, unequal lengths, a letter other than I X Y Z, a coefficient that is not real and
            finite.
    """
    pairs: list[Any] = list(terms.items()) if isinstance(terms, Mapping) else list(terms)
    if not pairs:
        raise ValueError("a Pauli sum needs at least one term, e.g. {'ZZ': 1.0}")
    if any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in pairs):
        raise ValueError(
            "terms must be pairs of a string and a coefficient, e.g. [('ZZ', 1.0)], or a mapping"
        )
    return PauliSum((s for s, _ in pairs), (c for _, c in pairs))


@functools.lru_cache(maxsize=128)
def _flips(h: PauliSum) -> tuple[Flip, ...]:
    groups: dict[int, dict[int, float]] = {}
    for string, value in h:
        x, z = masks(string)
        group = groups.setdefault(x, {})
        group[z] = group.get(z, 0.0) + value
    return tuple((x, tuple(sorted(group.items()))) for x, group in sorted(groups.items()))


# Jitted, and inlined under an outer jit: without one, a call compiles one program and not one per operation.
@functools.partial(jax.jit, static_argnums=0, inline=True)
def _apply(h: PauliSum, re: Array, im: Array) -> tuple[Array, Array]:
    return pauli_action.apply(_flips(h), h.n_qubits, re, im)


@functools.partial(jax.jit, static_argnums=(0, 1), inline=True)
def _diagonal(h: PauliSum, dtype: Any) -> Array:
    ((_, terms),) = _flips(h)
    values = pauli_action.diagonal(terms, h.n_qubits, 0, dtype)
    return jnp.broadcast_to(jnp.asarray(values, dtype), (2**h.n_qubits,))


def _check_dense(n_qubits: int) -> None:
    if n_qubits > _MAX_DENSE_QUBITS:
        gib = 16.0 * 4.0**n_qubits / 2**30
        raise ValueError(
            f"a dense matrix on {n_qubits} qubits needs {gib:.3g} GiB; the limit is {_MAX_DENSE_QUBITS} qubits: "
            "use apply, to_sparse or spectrum(k)"
        )


def _start(dim: int) -> np.ndarray:
    # A fixed start makes Lanczos reproducible; a random one has overlap with every symmetry sector.
    return np.random.default_rng(0).normal(size=dim)
