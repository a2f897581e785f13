r"""Uniform matrix product states: infinite chains of one repeated tensor, in mixed canonical form.

``... AL AL C AR AR ...`` with ``AL`` left canonical, ``AR`` right canonical and ``AL_s C = C AR_s = AC_s``; the
singular values of C are the Schmidt values of every cut (Vanderstraeten, Haegeman and Verstraete, SciPost Phys. Lect.
Notes 7 (2019), section 2). A cell of several sites is one site of larger dimension.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Inexact, Key

from circuits.description import parameter_dtype
from circuits.mps import measure, transfer
from circuits.mps.dtypes import operator_dtype, real_dtype
from circuits.mps.reduced import support_dimensions, window_density_matrix
from circuits.mps.sizes import check_positive

_LARGEST = 4096
_SWEEPS = 200


class UniformMPS(eqx.Module):
    """An infinite, translation-invariant matrix product state of norm one per site.

    Args:
        AL: left canonical tensor (D, d, D).
        AR: right canonical tensor (D, d, D).
        C: the bond matrix (D, D) of Frobenius norm one, ``AL_s C = C AR_s``.

    Raises:
        ValueError: if the shapes do not fit.
    """

    AL: Inexact[Array, "D d D"]
    AR: Inexact[Array, "D d D"]
    C: Inexact[Array, "D D"]

    def __check_init__(self) -> None:
        size = self.AL.shape[0]
        if self.AL.ndim != 3 or self.AL.shape != self.AR.shape or self.C.shape != (size, self.AL.shape[2]):
            raise ValueError(
                f"a uniform MPS has AL and AR of shape (D, d, D) and C of shape (D, D); got {self.AL.shape}, "
                f"{self.AR.shape}, {self.C.shape}"
            )

    @classmethod
    def from_tensor(cls, tensor: Any) -> UniformMPS:
        """The mixed canonical form of one tensor (D, d, D), C diagonal and descending; host, not under `jax.jit`.

        Both gauges are found by QR iteration from the fixed points of the transfer matrix, so that small Schmidt values
        keep their digits (Vanderstraeten et al., Algorithms 1 and 2). Bond directions that the state does not use are
        dropped.

        Raises:
            ValueError: if the tensor is zero, or several eigenvalues of its transfer matrix are dominant: then it is a
                sum of infinite states.
        """
        a = transfer.uniform_tensor(tensor)
        if not np.all(np.isfinite(a)) or not np.linalg.norm(a) > 0.0:
            raise ValueError("the tensor of a uniform MPS must be finite and not zero")
        a = a if np.issubdtype(a.dtype, np.inexact) else a.astype(np.float64)
        value, left, right = transfer.fixed_points(a)
        a = _without_unused(a / np.sqrt(value), left, right)
        if a.shape[0] < left.shape[0]:
            _, left, right = transfer.fixed_points(a)
        al, _ = _left_gauge(a, left)
        ar, c = _right_gauge(al)
        u, s, v = np.linalg.svd(c)
        al = np.einsum("ab,bsc,cd->asd", u.conj().T, al, u)
        ar = np.einsum("ab,bsc,cd->asd", v, ar, v.conj().T)
        dtype = np.asarray(tensor).dtype
        dtype = dtype if np.issubdtype(dtype, np.inexact) else a.dtype
        c = np.diag(s / np.linalg.norm(s))
        return cls(*(jnp.asarray(x.astype(dtype)) for x in (al, ar, c)))

    @classmethod
    def random(
        cls, key: Key[Array, ""], bond_dimension: int, local_dimension: int = 2, dtype: Any = None
    ) -> UniformMPS:
        """The canonical form of a tensor of independent normal entries.

        Raises:
            ValueError: if a size is less than one, or float64 is wanted with x64 off.
        """
        check_positive(bond_dimension=bond_dimension, local_dimension=local_dimension)
        dtype = jnp.dtype(jnp.float64 if dtype is None else dtype)
        parameter_dtype(real_dtype(dtype))
        return cls.from_tensor(
            jax.random.normal(key, (bond_dimension, local_dimension, bond_dimension), dtype)
        )

    @property
    def bond_dimension(self) -> int:
        """The bond dimension D."""
        return self.AL.shape[0]

    @property
    def local_dimension(self) -> int:
        """The dimension d of a site."""
        return self.AL.shape[1]

    @property
    def dtype(self) -> Any:
        """The dtype of the tensors."""
        return self.AL.dtype

    @property
    def AC(self) -> Inexact[Array, "D d D"]:
        """The centre tensor ``AL_s C``."""
        return jnp.einsum("asb,bc->asc", self.AL, self.C)

    def __repr__(self) -> str:
        sizes = f"bond_dimension={self.bond_dimension}, local_dimension={self.local_dimension}"
        return f"UniformMPS({sizes}, dtype={self.dtype})"

    # Entanglement.

    def schmidt_values(self) -> Float[Array, " D"]:
        """The Schmidt values of a cut, descending, squares summing to one."""
        values = jnp.linalg.svd(self.C, compute_uv=False)
        return values / jnp.linalg.norm(values)

    def entanglement_spectrum(self) -> Float[Array, " D"]:
        """``-2 ln`` of the Schmidt values, ascending."""
        return -2.0 * jnp.log(self.schmidt_values())

    def entropy(self, order: float = 1.0) -> Float[Array, ""]:
        """The entropy of a half-infinite chain in nats: von Neumann, or Renyi of another ``order``."""
        return measure.entropy_of(jnp.square(self.schmidt_values()), order)

    def block_entropy(self, sites: int | Sequence[int], order: float = 1.0) -> Float[Array, ""]:
        """The entropy of a finite set of sites, e.g. ``range(5)``, in nats.

        Raises:
            ValueError: if their support is larger than 4096.
        """
        chosen = _sites(sites)
        window, runs = self._window(chosen), measure.runs_of(frozenset(i - min(chosen) for i in chosen))
        side = int(np.prod(support_dimensions(window, runs)))
        if side > _LARGEST:
            raise ValueError(f"the support of these sites has dimension {side}, more than {_LARGEST}")
        rho = window_density_matrix(self._left(), window, runs, compress=True)
        return measure.spectrum_entropy(rho, order)

    def mutual_information(self, a: int | Sequence[int], b: int | Sequence[int]) -> Float[Array, ""]:
        """``S(A) + S(B) - S(AB)`` of two disjoint finite sets of sites, in nats.

        Raises:
            ValueError: if the sets share a site.
        """
        first, second = _sites(a), _sites(b)
        if set(first) & set(second):
            raise ValueError(
                f"mutual information is between disjoint sets; both hold {sorted({*first} & {*second})}"
            )
        joint = self.block_entropy(first + second)
        return self.block_entropy(first) + self.block_entropy(second) - joint

    # Observables.

    def density_matrix(self, sites: int | Sequence[int]) -> Inexact[Array, "dim dim"]:
        """The reduced density matrix of a few sites, ascending, the first most significant; trace one.

        Raises:
            ValueError: if the sites are not ascending, or the matrix is larger than 4096.
        """
        chosen = _sites(sites)
        if list(chosen) != sorted(chosen):
            raise ValueError(f"the sites must ascend; got {chosen}")
        if self.local_dimension ** len(chosen) > _LARGEST:
            raise ValueError(f"the density matrix of {len(chosen)} sites is larger than {_LARGEST}")
        offsets = tuple((i - chosen[0], i - chosen[0] + 1) for i in chosen)
        return window_density_matrix(self._left(), self._window(chosen), offsets, compress=False)

    def _left(self) -> Array:
        return jnp.eye(self.bond_dimension, dtype=self.dtype)

    def _window(self, sites: tuple[int, ...]) -> tuple[Array, ...]:
        return (self.AC, *(self.AR,) * (max(sites) - min(sites)))

    def expectation(self, operator: Any) -> Inexact[Array, ""]:
        """``<O>`` of an operator (d^k, d^k) on k neighbouring sites, such as the energy of a bond; O(d^k D^3).

        Real if operator and state are; else complex.

        Raises:
            ValueError: if its side is no power of d.
        """
        op = jnp.asarray(operator)
        d = self.local_dimension
        k = round(float(np.log(op.shape[0]) / np.log(d))) if d > 1 else 1
        if op.ndim != 2 or op.shape != (d**k, d**k):
            raise ValueError(f"an operator on k sites has shape ({d}^k, {d}^k); got {op.shape}")
        op = op.astype(operator_dtype(self.dtype, op))
        return jnp.sum(op.T * self.density_matrix(range(k)).astype(op.dtype))

    def correlations(
        self, a: Any, b: Any = None, distance: int = 20, connected: bool = False
    ) -> Inexact[Array, " distance"]:
        """``<a_0 b_r>`` of one-site operators (d, d) for r = 1 .. ``distance``; O(distance d D^3)."""
        op_a = jnp.asarray(a)
        op_b = op_a if b is None else jnp.asarray(b)
        dtype = operator_dtype(self.dtype, op_a, op_b)
        op_a, op_b = op_a.astype(dtype), op_b.astype(dtype)
        values = _correlations(self.AC.astype(dtype), self.AR.astype(dtype), op_a, op_b, distance)
        if connected:
            values = values - self.expectation(op_a) * self.expectation(op_b)
        return values

    # Transfer matrix: see circuits.mps.transfer.

    def transfer_spectrum(self, count: int | None = None) -> np.ndarray:
        """Eigenvalues of the transfer matrix by falling modulus, the first of modulus 1."""
        return transfer.transfer_spectrum(self.AL, count)

    def correlation_length(self) -> float:
        """``-1 / ln |lambda_2|``, in sites."""
        return transfer.correlation_length(self.AL)

    def injectivity_length(self) -> int | None:
        """The smallest number of sites on which the tensor is injective; ``None`` if it is on none."""
        return transfer.injectivity_length(self.AL)

    def fidelity_per_site(self, other: UniformMPS) -> float:
        """``lim |<self|other>|^(1/n)``: the largest modulus in the mixed transfer matrix; 1 for the same state."""
        return float(np.abs(transfer.transfer_spectrum(other.AL, 1, bra=self.AL)[0]))


def _sites(sites: int | Sequence[int]) -> tuple[int, ...]:
    chosen = (int(sites),) if isinstance(sites, (int, np.integer)) else tuple(int(i) for i in sites)
    if not chosen or len(set(chosen)) != len(chosen):
        raise ValueError(f"sites must be different integers, at least one; got {chosen}")
    return chosen


@functools.partial(jax.jit, static_argnames=("distance",))
def _correlations(ac: Array, ar: Array, op_a: Array, op_b: Array, distance: int) -> Array:
    def insert(env: Array, t: Array, op: Array) -> Array:
        half = jnp.einsum("ad,dsc->asc", env, jnp.einsum("st,atb->asb", op, t))
        return jnp.einsum("asb,asc->bc", t.conj(), half)

    def step(env: Array, _: None) -> tuple[Array, Array]:
        return transfer.apply_left(env, ar), jnp.trace(insert(env, ar, op_b))

    start = insert(jnp.eye(ac.shape[0], dtype=ac.dtype), ac, op_a)
    return lax.scan(step, start, None, length=distance)[1]


# The canonical form, on the host.


def _without_unused(a: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The tensor on the bond directions that both fixed points reach: a smaller one where they are not of full rank."""
    size = a.shape[0]
    ranks = [np.linalg.matrix_rank(x, tol=1e-12 * np.linalg.norm(x), hermitian=True) for x in (left, right)]
    if min(ranks) == size:
        return a
    root_l, root_r = (_root(x) for x in (left, right))
    u, s, v = np.linalg.svd(root_l @ root_r)
    keep = s > 1e-7 * s[0]  # singular values are roots: 1e-14 in weight
    to_left = (s[keep, None] ** -0.5) * (u[:, keep].conj().T @ root_l)
    to_right = (root_r @ v[keep].conj().T) * s[None, keep] ** -0.5
    return np.einsum("ab,bsc,cd->asd", to_left, a, to_right)


def _root(x: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(x)
    return (np.sqrt(np.maximum(values, 0.0))[None, :] * vectors) @ vectors.conj().T


def _left_gauge(a: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``AL, L`` with ``L A = AL L``, up to the norm per site; QR iteration from ``L'L = left``."""
    size, d, _ = a.shape
    gauge = _positive_qr(_root(left))[1]
    gauge = gauge / np.linalg.norm(gauge)
    tolerance = 10.0 * np.finfo(a.dtype).eps
    tensor = a
    for _ in range(_SWEEPS):
        q, r = _positive_qr(np.einsum("ab,bsc->asc", gauge, a).reshape(size * d, size))
        r = r / np.linalg.norm(r)
        tensor, change, gauge = q.reshape(size, d, size), np.linalg.norm(r - gauge), r
        if change < tolerance:
            break
    return tensor, gauge


def _right_gauge(al: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """``AR, C`` with ``AL C = C AR`` from a left canonical tensor: the same iteration on the reflected tensor."""
    _, _, right = transfer.fixed_points(al)
    mirrored = al.transpose(2, 1, 0)
    tensor, gauge = _left_gauge(mirrored, right.T)
    return tensor.transpose(2, 1, 0), gauge.T


def _positive_qr(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    q, r = np.linalg.qr(matrix)
    diagonal = np.diag(r)
    size = np.abs(diagonal)
    phase = np.where(size > 0.0, diagonal / np.where(size > 0.0, size, 1.0), 1.0)
    return q * phase[None, :], phase.conj()[:, None] * r
