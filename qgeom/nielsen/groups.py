r"""Matrix groups with a basis of their algebra: what the penalty metrics of Nielsen live on.

A right-invariant metric on any of them is a table of weights. A path obeys

    U' = X U,   X = sum_a h_a E_a,   speed^2 = sum_a w_a h_a^2,

with a basis orthonormal in the flat product ``<X, Y> = Re tr(X^dagger Y) / c``:

=========================  ============================  =======  ==========================================
group                      basis E_a                     c        transformations that count as the same
=========================  ============================  =======  ==========================================
:class:`PauliGroup`        -i x Pauli strings            2^n      U and e^{i phi} U (global phase)
:class:`SpecialUnitary`    -i x generalised Gell-Mann    d        U and e^{i phi} U
:class:`SpecialOrthogonal` E_ij - E_ji, i < j            2        none
:class:`GeneralLinear`     E_ij                          1        none
:class:`Affine`            E_ij of the first d rows      1        none
=========================  ============================  =======  ==========================================

The momentum of a geodesic is ``L = G X`` with ``G`` the weights, and ``L(t) = Ad*(U) L(0) = U^{-dagger} L(0)
U^dagger`` projected on the algebra (``U L U^dagger`` on the compact groups): Arnold 1966; Dowling and Nielsen,
quant-ph/0701004.
"""

from __future__ import annotations

import abc
import functools
import itertools
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from qgeom.nielsen.pauli_transform import array_module, complex_of, pauli_coefficients, pauli_matrix


class Group(eqx.Module):
    """A matrix group and the basis of its algebra; static and hashable.

    Methods take stacks of matrices or coefficients, and answer in NumPy to NumPy, else in JAX.
    """

    complex: ClassVar[bool]
    compact: ClassVar[bool]

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """Rows of its matrices."""

    @property
    @abc.abstractmethod
    def dimension(self) -> int:
        """Dimension m of the group: the number of basis elements."""

    @property
    @abc.abstractmethod
    def names(self) -> tuple[str, ...]:
        """A name for each basis element: ``"XIZ"``, ``"0-1"``, ..."""

    @abc.abstractmethod
    def generator(self, h: Float[Any, "*batch m"]) -> Any:
        """``X = sum_a h_a E_a``: (..., m) to (..., size, size)."""

    @abc.abstractmethod
    def coefficients(self, matrix: Any) -> Float[Any, "*batch m"]:
        """``h_a = <E_a, M>``: projects any matrix on the algebra; (..., size, size) to (..., m)."""

    @abc.abstractmethod
    def misfit(self, w: Any) -> Float[Any, "*batch"]:
        """How far W is from a transformation that counts as the identity: ``|h|^2`` for a small ``W = exp(h)``."""

    @abc.abstractmethod
    def residual(self, w: Any) -> Float[Any, "*batch m"]:
        """``h`` of ``W = exp(h)`` up to O(|h|^2), and exactly zero at the identity; smooth near it."""

    @abc.abstractmethod
    def check(self, target: np.ndarray) -> np.ndarray:
        """The target as a matrix of this group, or one line saying why it is none."""

    def bracket(self, x: Any, y: Any) -> Any:
        """``[X, Y]`` of two matrices of the algebra."""
        if self.compact:
            product = x @ y
            return product - dagger(product)  # both are anti-Hermitian
        return x @ y - y @ x

    def coadjoint(self, x: Any, momentum: Any) -> Any:
        """``[L, X^dagger]``, the rate of change of the momentum before projection: ``[X, L]`` on compact groups."""
        if self.compact:
            return self.bracket(x, momentum)
        return momentum @ dagger(x) - dagger(x) @ momentum

    def coadjoint_sum(self, xs: list[Any], momenta: list[Any]) -> Any:
        """``sum_i coadjoint(X_i, L_i)``, as one product of long matrices."""
        if self.compact:
            product = jnp.concatenate(xs, axis=-1) @ jnp.concatenate(momenta, axis=-2)
            return product - dagger(product)
        left = [dagger(x) for x in xs]
        return jnp.concatenate(momenta, axis=-1) @ jnp.concatenate(left, axis=-2) - jnp.concatenate(
            left, axis=-1
        ) @ jnp.concatenate(momenta, axis=-2)

    def inverse(self, u: Any) -> Any:
        """``U^{-1}``."""
        return dagger(u) if self.compact else array_module(u).linalg.inv(u)

    def transport(self, u: Any, momentum: Any) -> Any:
        """``U^{-dagger} L U^dagger``: the momentum carried along the path."""
        return dagger(self.inverse(u)) @ momentum @ dagger(u)

    def identity(self, dtype: np.dtype | type = np.float64) -> Any:
        """The unit matrix, in the complex dtype of ``dtype`` if the group is complex."""
        return jnp.eye(self.size, dtype=self.matrix_dtype(dtype))

    def matrix_dtype(self, dtype: np.dtype | type) -> np.dtype:
        """dtype of the matrices that belong to real coefficients of this dtype."""
        return np.result_type(dtype, np.complex64) if self.complex else np.dtype(dtype)


def dagger(matrix: Any) -> Any:
    """Conjugate transpose of the last two axes."""
    return matrix.conj().swapaxes(-1, -2)


class _Unitary(Group):
    """Unitary matrices up to a phase, which is how the centre of SU(d) is used as well."""

    complex = True
    compact = True

    def misfit(self, w: Any) -> Float[Any, "*batch"]:
        overlap = w.trace(axis1=-2, axis2=-1) / self.size
        return 1.0 - (overlap.real**2 + overlap.imag**2)

    def residual(self, w: Any) -> Float[Any, "*batch m"]:
        overlap = w.trace(axis1=-2, axis2=-1)[..., None, None]
        size = abs(overlap)
        return self.coefficients(w * complex_of(overlap.real / size, -overlap.imag / size))

    def check(self, target: np.ndarray) -> np.ndarray:
        target = _square(target, self.size, np.complex128)
        off = np.linalg.norm(target.conj().T @ target - np.eye(self.size), 2)
        if off > 1e-6:
            raise ValueError(
                f"the target is not unitary: |U'U - 1| = {off:.2g} (operator norm), expected below 1e-6; "
                "pass a unitary matrix, for instance the polar factor of yours"
            )
        left, _, right = np.linalg.svd(target)
        return left @ right


class PauliGroup(_Unitary):
    """SU(2^n) up to phase, basis ``-i s`` for the ``4^n - 1`` Pauli strings in lexicographic order IX, IY, IZ, XI, ...

    ``h`` are the coefficients of the Hamiltonian ``H = sum_s h_s s``, and ``U' = -i H U``.
    """

    n_qubits: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        return 1 << self.n_qubits

    @property
    def dimension(self) -> int:
        return 4**self.n_qubits - 1

    @property
    def names(self) -> tuple[str, ...]:
        return _strings(self.n_qubits)

    def hamiltonian(self, h: Float[Any, "*batch m"]) -> Any:
        """``H = sum_s h_s s``: (..., 4^n - 1) to (..., 2^n, 2^n)."""
        xp = array_module(h)
        padded = xp.concatenate([xp.zeros((*h.shape[:-1], 1), h.dtype), h], axis=-1)
        return pauli_matrix(padded)

    def generator(self, h: Float[Any, "*batch m"]) -> Any:
        return -1j * self.hamiltonian(h)

    def coefficients(self, matrix: Any) -> Float[Any, "*batch m"]:
        return pauli_coefficients(1j * matrix)[..., 1:]


class SpecialUnitary(_Unitary):
    """SU(d) up to phase, basis ``-i`` times the generalised Gell-Mann matrices with ``tr G^2 = d``.

    Order: symmetric (i < j), antisymmetric (i < j), diagonal.
    """

    dim: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        return self.dim

    @property
    def dimension(self) -> int:
        return self.dim**2 - 1

    @property
    def names(self) -> tuple[str, ...]:
        pairs = [f"{i}-{j}" for i, j in itertools.combinations(range(self.dim), 2)]
        return tuple(
            [f"S{p}" for p in pairs] + [f"A{p}" for p in pairs] + [f"D{k}" for k in range(1, self.dim)]
        )

    def generator(self, h: Float[Any, "*batch m"]) -> Any:
        d, pairs = self.dim, self.dim * (self.dim - 1) // 2
        scale = (d / 2.0) ** 0.5
        re = _spread(scale * h[..., :pairs], d, 1.0)
        im = _spread(-scale * h[..., pairs : 2 * pairs], d, -1.0)
        xp = array_module(h)
        diagonal = h[..., 2 * pairs :] @ xp.asarray(_diagonals(d), h.dtype)
        hermitian = re + diagonal[..., None, :] * xp.eye(d, dtype=h.dtype)
        return -1j * complex_of(hermitian, im)

    def coefficients(self, matrix: Any) -> Float[Any, "*batch m"]:
        d, (i, j) = self.dim, _pairs(self.dim)
        hermitian = 1j * matrix
        scale = (d / 2.0) ** 0.5 / d
        s = scale * (hermitian[..., i, j] + hermitian[..., j, i]).real
        a = scale * (hermitian[..., j, i] - hermitian[..., i, j]).imag
        xp = array_module(matrix)
        diagonal = hermitian.diagonal(axis1=-2, axis2=-1).real
        k = diagonal @ xp.asarray(_diagonals(d).T / d, diagonal.dtype)
        return xp.concatenate([s, a, k], axis=-1)


class _Real(Group):
    complex = False

    def residual(self, w: Any) -> Float[Any, "*batch m"]:
        return self.coefficients(w - array_module(w).eye(self.size, dtype=w.dtype))


class SpecialOrthogonal(_Real):
    """SO(d), basis of rotations ``E_ij - E_ji`` in the planes i < j: ``h`` are angular velocities."""

    compact = True
    dim: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        return self.dim

    @property
    def dimension(self) -> int:
        return self.dim * (self.dim - 1) // 2

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{i}-{j}" for i, j in itertools.combinations(range(self.dim), 2))

    def generator(self, h: Float[Any, "*batch m"]) -> Any:
        return _spread(h, self.dim, -1.0)

    def coefficients(self, matrix: Any) -> Float[Any, "*batch m"]:
        i, j = _pairs(self.dim)
        return 0.5 * (matrix[..., i, j] - matrix[..., j, i])

    def misfit(self, w: Any) -> Float[Any, "*batch"]:
        return 0.5 * _squares(w)

    def check(self, target: np.ndarray) -> np.ndarray:
        target = _square(target, self.size, np.float64)
        off = np.linalg.norm(target.T @ target - np.eye(self.size), 2)
        if off > 1e-6:
            raise ValueError(
                f"the target is not orthogonal: |R'R - 1| = {off:.2g} (operator norm), expected below 1e-6; "
                "pass a rotation, for instance the polar factor of your matrix"
            )
        left, _, right = np.linalg.svd(target)
        rotation = left @ right
        if np.linalg.det(rotation) < 0:
            raise ValueError("the target is a reflection (determinant -1): no path of rotations reaches it")
        return rotation


class GeneralLinear(_Real):
    """GL(d) with positive determinant, basis ``E_ij`` (row by row): ``h`` are the entries of the layer's generator."""

    compact = False
    dim: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        return self.dim

    @property
    def dimension(self) -> int:
        return self.dim**2

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{i},{j}" for i in range(self.dim) for j in range(self.dim))

    def generator(self, h: Float[Any, "*batch m"]) -> Any:
        return h.reshape(*h.shape[:-1], self.dim, self.dim)

    def coefficients(self, matrix: Any) -> Float[Any, "*batch m"]:
        return matrix.reshape(*matrix.shape[:-2], self.dimension)

    def misfit(self, w: Any) -> Float[Any, "*batch"]:
        return _squares(w)

    def check(self, target: np.ndarray) -> np.ndarray:
        target = _square(target, self.size, np.float64)
        return _connected(target)


class Affine(_Real):
    """Maps ``x -> A x + b`` of R^d with ``det A > 0``, as matrices ``[[A, b], [0, 1]]``; basis ``E_ij`` of [A, b]."""

    compact = False
    dim: int = eqx.field(static=True)

    @property
    def size(self) -> int:
        return self.dim + 1

    @property
    def dimension(self) -> int:
        return self.dim * (self.dim + 1)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(f"{i},{j if j < self.dim else 'b'}" for i in range(self.dim) for j in range(self.size))

    def generator(self, h: Float[Any, "*batch m"]) -> Any:
        rows = h.reshape(*h.shape[:-1], self.dim, self.size)
        xp = array_module(h)
        return xp.concatenate([rows, xp.zeros((*h.shape[:-1], 1, self.size), h.dtype)], axis=-2)

    def coefficients(self, matrix: Any) -> Float[Any, "*batch m"]:
        return matrix[..., : self.dim, :].reshape(*matrix.shape[:-2], self.dimension)

    def misfit(self, w: Any) -> Float[Any, "*batch"]:
        return _squares(w)

    def check(self, target: np.ndarray) -> np.ndarray:
        target = _square(target, self.size, np.float64)
        last = np.eye(self.size)[-1]
        if np.max(np.abs(target[-1] - last)) > 1e-12:
            raise ValueError(f"the last row of an affine map [[A, b], [0, 1]] is {last}, not {target[-1]}")
        return _connected(target)


def _square(target: Any, size: int, dtype: type) -> np.ndarray:
    target = np.asarray(target)
    if target.shape != (size, size):
        raise ValueError(f"the target has shape {target.shape}, the penalty is for matrices {(size, size)}")
    if not np.all(np.isfinite(target)):
        raise ValueError("the target has entries that are not finite")
    if dtype is np.float64 and np.iscomplexobj(target):
        if np.max(np.abs(target.imag)) > 1e-12:
            raise ValueError(
                "the target is complex, the group real; use a penalty on PauliGroup or SpecialUnitary"
            )
        target = target.real
    return target.astype(dtype)


def _connected(target: np.ndarray) -> np.ndarray:
    sign, _ = np.linalg.slogdet(target)
    if sign <= 0:
        raise ValueError(
            "the determinant of the target is not positive: no path of invertible maps reaches it"
        )
    return target


@functools.lru_cache(maxsize=64)
def _pairs(dim: int) -> tuple[np.ndarray, np.ndarray]:
    i, j = np.triu_indices(dim, 1)
    return i, j


def _spread(values: Any, dim: int, sign: float) -> Any:
    """Matrices with ``values`` above the diagonal (i < j, row by row) and ``sign`` times them below it."""
    xp = array_module(values)
    entries = xp.concatenate([values, sign * values, 0.0 * values[..., :1]], axis=-1)
    return entries[..., _positions(dim)]


@functools.lru_cache(maxsize=64)
def _positions(dim: int) -> np.ndarray:
    i, j = _pairs(dim)
    table = np.full((dim, dim), 2 * len(i))
    table[i, j] = np.arange(len(i))
    table[j, i] = len(i) + np.arange(len(i))
    return table


def _squares(w: Any) -> Any:
    """``|W - 1|_F^2``."""
    return ((w - array_module(w).eye(w.shape[-1], dtype=w.dtype)) ** 2).sum(axis=(-2, -1))


@functools.lru_cache(maxsize=64)
def _diagonals(dim: int) -> np.ndarray:
    """Diagonals of the diagonal Gell-Mann matrices, rows, with sum of squares ``dim``."""
    rows = np.zeros((dim - 1, dim))
    for k in range(1, dim):
        rows[k - 1, :k], rows[k - 1, k] = 1.0, -k
        rows[k - 1] *= (dim / (k * (k + 1.0))) ** 0.5
    return rows


@functools.lru_cache(maxsize=16)
def _strings(n_qubits: int) -> tuple[str, ...]:
    return tuple("".join(s) for s in itertools.product("IXYZ", repeat=n_qubits))[1:]
