r"""Fermionic Gaussian states by the covariance matrix of their Majorana operators.

Mode ``k`` has ``a_k = (c_2k + i c_2k+1)/2`` with Hermitian Majorana operators ``{c_i, c_j} = 2 delta_ij``:
``c = sqrt(2) chi`` for the operators of :func:`circuits.hamiltonians.majoranas`. By Jordan and Wigner's map

    c_2k = Z_0 ... Z_{k-1} X_k,   c_2k+1 = Z_0 ... Z_{k-1} Y_k,   Z_k = -i c_2k c_2k+1 = 1 - 2 a_k^dagger a_k,

so that the qubit state ``|0>`` is the empty mode. A state is Gaussian if Wick's theorem holds; it is then fixed by

    Gamma_ij = (i/2) <[c_i, c_j]>,   real and antisymmetric, with singular values in [0, 1],

(``i <c_i c_j>`` off the diagonal), ``Gamma_{2k,2k+1} = 2 <n_k> - 1 = -<Z_k>``. The state is pure iff ``Gamma Gamma' =
1``. Rivals differ by a sign (``-i/2``) or order the Majoranas as ``(x_0, x_1, ..., y_0, y_1, ...)``.
Bravyi, Quantum Inf. Comp. 5, 216 (2005); Surace and Tagliacozzo, SciPost Phys. Lect. Notes 54 (2022).
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from circuits.description import parameter_dtype
from circuits.gaussian import entropies
from circuits.gaussian.matrix_functions import antisymmetric, pfaffian, transpose

TOLERANCE = {"float64": 1e-9, "float32": 1e-4}


Modes = Sequence[int] | np.ndarray


class FermionicGaussian(eqx.Module):
    """A Gaussian state of ``n`` fermionic modes, pure or mixed; a pytree, with batches on leading axes.

    Attributes:
        covariance: ``Gamma``, (..., 2n, 2n), real antisymmetric, Majoranas in the order of the modes.
        pure: whether ``Gamma Gamma' = 1``; static, decides which formulas are used.
    """

    covariance: Float[Array, "... 2n 2n"]
    pure: bool = eqx.field(static=True, default=False)

    # -- making ------------------------------------------------------------------------------------------------

    @classmethod
    def vacuum(cls, n_modes: int, dtype: Any = None) -> FermionicGaussian:
        """All modes empty: the qubit state ``|0...0>``."""
        return cls.occupied(np.zeros(checked_modes(n_modes)), dtype)

    @classmethod
    def occupied(cls, numbers: Sequence[float] | np.ndarray, dtype: Any = None) -> FermionicGaussian:
        """The product state of the given mean occupations ``<n_k>`` in [0, 1]; pure if all are 0 or 1.

        Raises:
            ValueError: if one is outside [0, 1].
        """
        n = np.asarray(numbers, np.float64)
        if n.ndim != 1 or n.size == 0 or np.any(n < 0.0) or np.any(n > 1.0):
            raise ValueError("occupations are a list of numbers between 0 and 1, one per mode")
        entries = np.zeros((n.size, 2, n.size, 2))
        k = np.arange(n.size)
        entries[k, 0, k, 1] = 2.0 * n - 1.0
        entries[k, 1, k, 0] = 1.0 - 2.0 * n
        gamma = jnp.asarray(entries.reshape(2 * n.size, 2 * n.size), parameter_dtype(dtype))
        return cls(gamma, bool(np.all((n == 0.0) | (n == 1.0))))

    @classmethod
    def from_covariance(cls, covariance: Any) -> FermionicGaussian:
        """The state of a concrete covariance matrix, checked; whether it is pure is found out.

        Raises:
            ValueError: if it is not (2n, 2n), real, antisymmetric, with singular values at most 1.
        """
        gamma = np.asarray(covariance)
        if gamma.ndim != 2 or gamma.shape[0] != gamma.shape[1] or gamma.shape[0] % 2 or not gamma.size:
            raise ValueError(f"a covariance matrix of n fermionic modes is (2n, 2n), not {gamma.shape}")
        if np.iscomplexobj(gamma) or not np.all(np.isfinite(gamma)):
            raise ValueError("the covariance matrix of Majoranas must be real and finite")
        dtype = np.float32 if gamma.dtype == np.float32 else np.float64
        gamma, tolerance = gamma.astype(dtype), TOLERANCE[np.dtype(dtype).name]
        off = np.max(np.abs(gamma + gamma.T))
        if off > tolerance:
            raise ValueError(
                f"the covariance matrix of Majoranas must be antisymmetric; it misses by {off:.2g}"
            )
        values = np.linalg.svd(gamma, compute_uv=False)
        if values[0] > 1.0 + tolerance:
            raise ValueError(f"singular values of a covariance matrix are at most 1, not {values[0]:.6g}")
        gamma = jnp.asarray(0.5 * (gamma - gamma.T), parameter_dtype(dtype))
        return cls(gamma, bool(values[-1] > 1.0 - tolerance))

    @classmethod
    def from_correlations(cls, number: Any, pairing: Any = None) -> FermionicGaussian:
        """From ``C_ij = <a_i^dagger a_j>`` (n, n), Hermitian, and ``F_ij = <a_i a_j>``, antisymmetric (default 0)."""
        c: Any = np.asarray(number)
        f: Any = np.zeros_like(c) if pairing is None else np.asarray(pairing)
        n, one = c.shape[0], np.eye(c.shape[0])
        gamma = np.empty((n, 2, n, 2))
        gamma[:, 0, :, 0] = -2.0 * (c.imag + f.imag)
        gamma[:, 1, :, 1] = -2.0 * (c.imag - f.imag)
        gamma[:, 0, :, 1] = 2.0 * c.real - one + 2.0 * f.real
        gamma[:, 1, :, 0] = one - 2.0 * c.real + 2.0 * f.real
        return cls.from_covariance(gamma.reshape(2 * n, 2 * n))

    # -- reading -----------------------------------------------------------------------------------------------

    @property
    def n_modes(self) -> int:
        """n."""
        return self.covariance.shape[-1] // 2

    @property
    def numbers(self) -> Float[Array, "... n"]:
        """Mean occupations ``<a_k^dagger a_k>``."""
        pairs = jnp.diagonal(self.covariance, 1, -2, -1)[..., ::2]
        return 0.5 * (1.0 + pairs)

    @property
    def number_correlations(self) -> Complex[Array, "... n n"]:
        """``C_ij = <a_i^dagger a_j>``."""
        xx, xy, yx, yy = self._blocks
        one = jnp.eye(self.n_modes, dtype=xx.dtype)
        return jax.lax.complex(0.25 * (2.0 * one + xy - yx), -0.25 * (xx + yy))

    @property
    def pair_correlations(self) -> Complex[Array, "... n n"]:
        """``F_ij = <a_i a_j>``."""
        xx, xy, yx, yy = self._blocks
        return jax.lax.complex(0.25 * (xy + yx), -0.25 * (xx - yy))

    @property
    def _blocks(self) -> tuple[Array, Array, Array, Array]:
        g = self.covariance
        return g[..., ::2, ::2], g[..., ::2, 1::2], g[..., 1::2, ::2], g[..., 1::2, 1::2]

    @property
    def parity(self) -> Float[Array, ""]:
        """``<(-1)^N> = <prod Z_k> = (-1)^n Pf(Gamma)``: +1 or -1 for pure states."""
        return (-1.0) ** self.n_modes * pfaffian(self.covariance)

    @property
    def purity(self) -> Float[Array, "..."]:
        """``tr rho^2 = sqrt(det((1 - Gamma Gamma)/2))``."""
        values = jnp.linalg.svd(self.covariance, compute_uv=False)
        return jnp.exp(0.5 * jnp.sum(jnp.log(0.5 * (1.0 + jnp.square(values))), axis=-1))

    def majorana_product(self, indices: Sequence[int]) -> Complex[Array, ""]:
        """``<c_i1 c_i2 ... c_i2k> = (-i)^k Pf(Gamma restricted to i1, i2, ...)`` for different indices (Wick)."""
        chosen = np.asarray([operator.index(i) for i in indices])
        if len(set(chosen.tolist())) != len(chosen):
            raise ValueError("the Majorana operators of a product must differ: c_i c_i = 1")
        value = pfaffian(self.covariance[chosen][:, chosen])
        phase = (-1j) ** (len(chosen) // 2)
        return jax.lax.complex(phase.real * value, phase.imag * value)

    def __repr__(self) -> str:
        kind = "pure" if self.pure else "mixed"
        return f"FermionicGaussian({self.n_modes} modes, {kind}, {self.covariance.dtype})"

    # -- changing ----------------------------------------------------------------------------------------------

    def rotated(self, rotation: Float[Array, "2n 2n"]) -> FermionicGaussian:
        """The state after the Gaussian unitary with ``U^dagger c U = R c``, ``R`` orthogonal: ``R Gamma R'``."""
        gamma = rotation @ self.covariance @ transpose(rotation)
        return FermionicGaussian(antisymmetric(gamma), self.pure)

    def reduced(self, modes: Modes) -> FermionicGaussian:
        """The state of some modes, in the order given; called mixed unless it is all of them."""
        chosen = block(modes, self.n_modes)
        rows = np.stack([2 * chosen, 2 * chosen + 1], axis=-1).reshape(-1)
        part = self.covariance[..., rows[:, None], rows[None, :]]
        return FermionicGaussian(part, self.pure and len(chosen) == self.n_modes)

    # -- information -------------------------------------------------------------------------------------------

    def entropy(self, modes: Modes | None = None, order: float = 1.0) -> Float[Array, "..."]:
        """Von Neumann (``order`` 1) or Renyi entropy of some modes (all by default), in nats.

        A block of neighbouring modes from the first one on is the same block of qubits by Jordan and Wigner.
        """
        state = self if modes is None else self.reduced(modes)
        return entropies.fermionic_entropy(entropies.fermionic_spectrum(state.covariance), order)

    def mutual_information(self, first: Modes, second: Modes, order: float = 1.0) -> Float[Array, "..."]:
        """``S(A) + S(B) - S(AB)`` of two disjoint sets of modes, in nats."""
        a, b = disjoint(first, second, self.n_modes)
        both = np.concatenate([a, b])
        return self.entropy(a, order) + self.entropy(b, order) - self.entropy(both, order)

    def entropies(self) -> Float[Array, " n-1"]:
        """Entanglement entropies of the cuts of the chain after 1, 2, ..., n-1 modes."""
        n = self.n_modes
        filled = FermionicGaussian.vacuum(n, self.covariance.dtype).covariance

        def cut(k: Array) -> Array:  # one shape for all cuts: the modes beyond are replaced by empty ones
            inside = jnp.repeat(jnp.arange(n) < k, 2)
            gamma = jnp.where(inside[:, None] & inside[None, :], self.covariance, 0.0)
            gamma = jnp.where(inside[:, None] | inside[None, :], gamma, filled)
            return entropies.fermionic_entropy(entropies.fermionic_spectrum(gamma))

        return jax.lax.map(cut, jnp.arange(1, n))


def checked_modes(n_modes: Any) -> int:
    """The number of modes as an integer of 1 or more."""
    if isinstance(n_modes, bool) or not isinstance(n_modes, int | np.integer) or n_modes < 1:
        raise ValueError(f"the number of modes must be an integer of 1 or more, not {n_modes!r}")
    return int(n_modes)


def block(modes: Modes, n_modes: int) -> np.ndarray:
    """Positions of modes as an array, checked."""
    chosen = np.asarray([operator.index(m) for m in modes], np.int64)
    if chosen.size == 0 or len(set(chosen.tolist())) != chosen.size:
        raise ValueError("a block is a list of different modes, at least one")
    if chosen.min() < 0 or chosen.max() >= n_modes:
        raise ValueError(f"a block holds modes 0 to {n_modes - 1}, not {chosen.tolist()}")
    return chosen


def disjoint(first: Modes, second: Modes, n_modes: int) -> tuple[np.ndarray, np.ndarray]:
    """Two blocks without a common mode."""
    a, b = block(first, n_modes), block(second, n_modes)
    if set(a.tolist()) & set(b.tolist()):
        raise ValueError("the two blocks must have no mode in common")
    return a, b
