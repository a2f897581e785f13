r"""Matrix product operators: ``O = sum W_0[1, s, t, a] W_1[a, s', t', b] ... |s s' ...><t t' ...|``.

Tensors have the legs (left bond, out, in, right bond), the bonds at the two ends have dimension one. Hamiltonians are
compiled exactly, with the smallest bond dimension (`circuits.mps.mpo_terms`): 3 for the transverse-field Ising chain, 5
for the Heisenberg chain. Tensors are NumPy arrays in double precision whatever JAX is set to, real where the operator
is; algorithms cast them to the dtype of the state.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from circuits.local import LocalHamiltonian
from circuits.mps.dtypes import operator_dtype
from circuits.mps.mpo_terms import compile_strings, string_table
from circuits.paulis import PauliSum

if TYPE_CHECKING:
    from circuits.mps.state import MPS

_MAX_DENSE = 4096
_TOLERANCE = 1e-13


class MPO(eqx.Module):
    """A matrix product operator on an open chain, e.g. a Hamiltonian.

    Args:
        tensors: arrays ``(wl, d, d, wr)``, legs (left bond, out, in, right bond), first ``wl`` and last ``wr`` 1.

    Raises:
        ValueError: if the shapes do not fit together.

    Example:
        >>> import circuits
        >>> from circuits.mps.mpo import MPO
        >>> MPO.from_hamiltonian(circuits.hamiltonians.ising(6)).bond_dimensions
        (1, 3, 3, 3, 3, 3, 1)
    """

    tensors: tuple[Any, ...]

    def __init__(self, tensors: Sequence[Any]) -> None:
        arrays = tuple(tensors)
        if not arrays:
            raise ValueError("a matrix product operator needs at least one tensor")
        right = 1
        for i, w in enumerate(arrays):
            if w.ndim != 4 or w.shape[0] != right or w.shape[1] != w.shape[2]:
                raise ValueError(f"tensor {i} must have the shape ({right}, d, d, wr); got {tuple(w.shape)}")
            right = w.shape[3]
        if right != 1:
            raise ValueError(f"the last bond must have dimension 1; got {right}")
        self.tensors = arrays

    @classmethod
    def from_hamiltonian(
        cls, hamiltonian: PauliSum | LocalHamiltonian | MPO, tolerance: float = _TOLERANCE
    ) -> MPO:
        """The operator of a Pauli sum or a `LocalHamiltonian` (an `MPO` is returned as it is).

        Args:
            hamiltonian: the sum; periodic and long-range terms become a wider operator on the open chain.
            tolerance: singular values below this fraction of the largest are dropped at every bond; the default keeps
                the operator exact to rounding.

        Raises:
            TypeError: if ``hamiltonian`` is none of these.
        """
        if isinstance(hamiltonian, MPO):
            return hamiltonian
        if not isinstance(hamiltonian, (PauliSum, LocalHamiltonian)):
            raise TypeError(
                f"expected a PauliSum, a LocalHamiltonian or an MPO, got {type(hamiltonian).__name__}; write "
                "a matrix as circuits.local.LocalHamiltonian(n_sites, d, [(sites, matrix)])"
            )
        return _compiled(hamiltonian, tolerance)

    @classmethod
    def identity(cls, n_sites: int, local_dimension: int = 2) -> MPO:
        """The identity, of bond dimension 1."""
        return cls([np.eye(local_dimension)[None, :, :, None]] * n_sites)

    @property
    def n_sites(self) -> int:
        """Number of sites."""
        return len(self.tensors)

    @property
    def bond_dimensions(self) -> tuple[int, ...]:
        """The n + 1 bond dimensions, the outer ones 1."""
        return (1, *(w.shape[3] for w in self.tensors))

    @property
    def local_dimensions(self) -> tuple[int, ...]:
        """The dimension of every site."""
        return tuple(w.shape[1] for w in self.tensors)

    @property
    def dtype(self) -> np.dtype:
        """float64 if every tensor is real, else complex128."""
        return np.result_type(*self.tensors)

    @property
    def is_real(self) -> bool:
        """Whether all tensors are real."""
        return not np.issubdtype(self.dtype, np.complexfloating)

    def __repr__(self) -> str:
        widest = max(self.bond_dimensions)
        return f"MPO(n_sites={self.n_sites}, bond_dimension={widest}, dtype={self.dtype})"

    # Algebra. Sums are compressed; products of operators with states are exact.

    def __add__(self, other: MPO | PauliSum | LocalHamiltonian) -> MPO:
        other = MPO.from_hamiltonian(other)
        if other.local_dimensions != self.local_dimensions:
            raise ValueError(
                f"cannot add operators on chains {self.local_dimensions} and {other.local_dimensions}"
            )
        n = self.n_sites
        if n == 1:
            return MPO([np.asarray(self.tensors[0]) + np.asarray(other.tensors[0])])
        tensors = []
        for i, (a, b) in enumerate(zip(self.tensors, other.tensors, strict=True)):
            rows = (1, 1) if i == 0 else (a.shape[0], a.shape[0] + b.shape[0])
            columns = (0, 1) if i == n - 1 else (a.shape[3], a.shape[3] + b.shape[3])
            w = np.zeros((rows[1], *a.shape[1:3], columns[1]), np.result_type(a, b))
            w[: a.shape[0], :, :, : a.shape[3]] = a
            w[rows[1] - b.shape[0] :, :, :, columns[1] - b.shape[3] :] += b
            tensors.append(w)
        return MPO(tensors)._compressed(_TOLERANCE, _TOLERANCE * (self.norm() + other.norm()))

    __radd__ = __add__

    def __mul__(self, scalar: complex) -> MPO:
        if not isinstance(scalar, (int, float, complex, np.number)):
            return NotImplemented
        first = np.asarray(self.tensors[0])
        return MPO((first * scalar, *self.tensors[1:]))

    __rmul__ = __mul__

    def __neg__(self) -> MPO:
        return self * -1.0

    def __sub__(self, other: MPO | PauliSum | LocalHamiltonian) -> MPO:
        return self + (-MPO.from_hamiltonian(other))

    def adjoint(self) -> MPO:
        """The Hermitian conjugate."""
        return MPO([np.asarray(w).conj().swapaxes(1, 2) for w in self.tensors])

    def compress(self, tolerance: float = _TOLERANCE) -> MPO:
        """The same operator with smaller bonds: singular values below ``tolerance * largest`` are dropped.

        The norm is the normalised Hilbert-Schmidt norm, ``sqrt(tr O'O / d^n)``.
        """
        return self._compressed(tolerance, 0.0)

    def _compressed(self, tolerance: float, floor: float) -> MPO:
        dims = self.local_dimensions
        matrices = [np.asarray(w) / np.sqrt(d) for w, d in zip(self.tensors, dims, strict=True)]
        carry = np.ones((1, 1))
        for i, w in enumerate(matrices[:-1]):
            w = np.einsum("ab,bstc->astc", carry, w)
            q, carry = np.linalg.qr(w.reshape(-1, w.shape[3]))
            matrices[i] = q.reshape(*w.shape[:3], -1)
        matrices[-1] = np.einsum("ab,bstc->astc", carry, matrices[-1])
        carry = np.ones((1, 1))
        for i in range(len(matrices) - 1, 0, -1):
            w = np.einsum("astb,bc->astc", matrices[i], carry)
            u, s, v = np.linalg.svd(w.reshape(w.shape[0], -1), full_matrices=False)
            rank = max(1, int(np.sum(s > max(tolerance * s[0], floor))))
            matrices[i] = v[:rank].reshape(rank, *w.shape[1:])
            carry = u[:, :rank] * s[:rank]
        matrices[0] = np.einsum("astb,bc->astc", matrices[0], carry)
        return MPO([w * np.sqrt(d) for w, d in zip(matrices, dims, strict=True)])

    def norm(self) -> float:
        """The normalised Hilbert-Schmidt norm ``sqrt(tr O'O / d^n)``."""
        env = np.ones((1, 1))
        for w in map(np.asarray, self.tensors):
            env = np.einsum("astc,astd->cd", w.conj(), np.einsum("ab,bstd->astd", env, w)) / w.shape[1]
        return float(np.sqrt(max(env[0, 0].real, 0.0)))

    def hermitian_deviation(self) -> float:
        """``|O - O'| / |O|`` in the normalised Hilbert-Schmidt norm; 0 for the zero operator."""
        size = self.norm()
        return 0.0 if size == 0.0 else (self - self.adjoint()).norm() / size

    def to_matrix(self) -> np.ndarray:
        """The dense matrix ``(prod d, prod d)``, site 0 the most significant.

        Raises:
            ValueError: if its dimension exceeds 4096.
        """
        dim = float(np.prod([float(d) for d in self.local_dimensions]))
        if dim > _MAX_DENSE:
            raise ValueError(f"a dense matrix of dimension {dim:.3g} is too large; the limit is {_MAX_DENSE}")
        return partial_matrix(self.tensors)[0, :, :, 0]

    def apply(self, psi: MPS) -> MPS:
        """``O |psi>``, exactly: bond dimensions multiply. Compress the result with ``.compress``.

        Raises:
            ValueError: if the chains differ.
        """
        if tuple(psi.local_dimensions) != self.local_dimensions:
            raise ValueError(
                f"the operator acts on sites of dimensions {self.local_dimensions}; "
                f"the state has {tuple(psi.local_dimensions)}"
            )
        dtype = operator_dtype(psi.dtype, *self.tensors)
        tensors = []
        for w, m in zip(self.tensors, psi.tensors, strict=True):
            product = jnp.einsum("astb,ctd->acsbd", jnp.asarray(w, dtype), m.astype(dtype))
            a, c, s, b, d = product.shape
            tensors.append(product.reshape(a * c, s, b * d))
        return type(psi)(tuple(tensors))


def partial_matrix(tensors: Sequence[Any]) -> np.ndarray:
    """The product of neighbouring tensors with open bonds, ``(wl, D, D, wr)``, D the product of their dimensions."""
    out = np.asarray(tensors[0])
    for w in map(np.asarray, tensors[1:]):
        out = np.einsum("aSTb,bstc->aSsTtc", out, w, optimize=True)
        a, big, d, _, _, c = out.shape
        out = out.reshape(a, big * d, big * d, c)
    return out


@functools.lru_cache(maxsize=32)
def _compiled(hamiltonian: PauliSum | LocalHamiltonian, tolerance: float) -> MPO:
    return MPO(compile_strings(*string_table(hamiltonian), tolerance))
