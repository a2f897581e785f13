r"""Bosonic Gaussian states by the mean and the covariance matrix of positions and momenta.

``r = (q_1, ..., q_n, p_1, ..., p_n)`` with ``[q_j, p_k] = i delta_jk`` (``hbar = 1``), ``[r_j, r_k] = i Omega_jk``,
``Omega = [[0, 1], [-1, 0]]``, and ``a = (q + i p)/sqrt 2``. A Gaussian state is fixed by

    mean_j = <r_j>,   sigma_jk = <{r_j - mean_j, r_k - mean_k}>,

real symmetric with ``sigma + i Omega >= 0``; the vacuum has ``sigma = 1``, the state is pure iff all symplectic
eigenvalues are 1. Rivals: a vacuum of 1/2 (``sigma/2``, e.g. hbar = 1 without the factor 2), and the order
``(q_1, p_1, q_2, p_2, ...)``. Weedbrook et al., RMP 84, 621 (2012); Serafini, *Quantum Continuous Variables* (2017).
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.description import parameter_dtype
from circuits.gaussian import entropies
from circuits.gaussian.fermions import TOLERANCE, Modes, block, checked_modes, disjoint
from circuits.gaussian.matrix_functions import symmetric, transpose


class BosonicGaussian(eqx.Module):
    """A Gaussian state of ``n`` bosonic modes, pure or mixed; a pytree, with batches on leading axes.

    Attributes:
        mean: ``<r>``, (..., 2n), positions first.
        covariance: ``sigma``, (..., 2n, 2n), 1 in the vacuum.
        pure: whether all symplectic eigenvalues are 1; static, decides which formulas are used.
    """

    mean: Float[Array, "... 2n"]
    covariance: Float[Array, "... 2n 2n"]
    pure: bool = eqx.field(static=True, default=False)

    # -- making ------------------------------------------------------------------------------------------------

    @classmethod
    def vacuum(cls, n_modes: int, dtype: Any = None) -> BosonicGaussian:
        """The state without quanta."""
        n = checked_modes(n_modes)
        dtype = parameter_dtype(dtype)
        return cls(jnp.zeros(2 * n, dtype), jnp.eye(2 * n, dtype=dtype), True)

    @classmethod
    def product(cls, frequencies: Any, dtype: Any = None) -> BosonicGaussian:
        """Ground states of independent oscillators ``(p^2 + w^2 q^2)/2``: ``sigma = diag(1/w, w)``.

        The unentangled reference of circuit complexity.
        """
        w = np.atleast_1d(np.asarray(frequencies, np.float64))
        if w.ndim != 1 or not np.all(w > 0.0):
            raise ValueError("frequencies are a list of positive numbers, one per mode")
        dtype = parameter_dtype(dtype)
        sigma = jnp.asarray(np.diag(np.concatenate([1.0 / w, w])), dtype)
        return cls(jnp.zeros(2 * w.size, dtype), sigma, True)

    @classmethod
    def thermal(cls, numbers: Any, dtype: Any = None) -> BosonicGaussian:
        """The product of thermal states with mean numbers of quanta ``nbar``: ``sigma = 2 nbar + 1``."""
        n = np.atleast_1d(np.asarray(numbers, np.float64))
        if n.ndim != 1 or not np.all(n >= 0.0):
            raise ValueError("mean numbers of quanta are a list of numbers of 0 or more, one per mode")
        dtype = parameter_dtype(dtype)
        sigma = jnp.asarray(np.diag(np.tile(2.0 * n + 1.0, 2)), dtype)
        return cls(jnp.zeros(2 * n.size, dtype), sigma, bool(np.all(n == 0.0)))

    @classmethod
    def from_covariance(cls, covariance: Any, mean: Any = None) -> BosonicGaussian:
        """The state of a concrete covariance matrix (and mean), checked; whether it is pure is found out.

        Raises:
            ValueError: if it is not (2n, 2n), real, symmetric, or violates the uncertainty relation.
        """
        sigma = np.asarray(covariance)
        if sigma.ndim != 2 or sigma.shape[0] != sigma.shape[1] or sigma.shape[0] % 2 or not sigma.size:
            raise ValueError(f"a covariance matrix of n bosonic modes is (2n, 2n), not {sigma.shape}")
        if np.iscomplexobj(sigma) or not np.all(np.isfinite(sigma)):
            raise ValueError("the covariance matrix of positions and momenta must be real and finite")
        dtype = np.float32 if sigma.dtype == np.float32 else np.float64
        sigma = sigma.astype(dtype)
        tolerance = TOLERANCE[np.dtype(dtype).name]
        off = np.max(np.abs(sigma - sigma.T))
        if off > tolerance * np.max(np.abs(sigma)):
            raise ValueError(f"a bosonic covariance matrix must be symmetric; it misses by {off:.2g}")
        sigma = 0.5 * (sigma + sigma.T)
        n = sigma.shape[0] // 2
        values, vectors = np.linalg.eigh(sigma)
        if values[0] <= 0.0:
            raise ValueError(
                f"a bosonic covariance matrix must be positive; its least value is {values[0]:.2g}"
            )
        root = vectors * np.sqrt(values)
        spectrum = np.linalg.svd(root.T @ omega(n) @ root, compute_uv=False)
        if spectrum[-1] < 1.0 - tolerance:
            raise ValueError(
                f"the uncertainty relation is violated: a symplectic eigenvalue is {spectrum[-1]:.6g}, expected 1 or "
                "more (the vacuum has sigma = 1 here, not 1/2)"
            )
        dtype = parameter_dtype(dtype)
        middle = np.zeros(2 * n) if mean is None else np.asarray(mean)
        if middle.shape != (2 * n,):
            raise ValueError(
                f"the mean has shape {middle.shape}, expected ({2 * n},): positions, then momenta"
            )
        return cls(jnp.asarray(middle, dtype), jnp.asarray(sigma, dtype), bool(spectrum[0] < 1.0 + tolerance))

    # -- reading -----------------------------------------------------------------------------------------------

    @property
    def n_modes(self) -> int:
        """n."""
        return self.covariance.shape[-1] // 2

    @property
    def numbers(self) -> Float[Array, "... n"]:
        """Mean numbers of quanta ``<a_k^dagger a_k>``."""
        n = self.n_modes
        spread = jnp.diagonal(self.covariance, 0, -2, -1) + 2.0 * jnp.square(self.mean)
        return 0.25 * (spread[..., :n] + spread[..., n:]) - 0.5

    @property
    def symplectic_eigenvalues(self) -> Float[Array, "... n"]:
        """``nu_k >= 1``, descending: ``2 nbar + 1`` of the normal modes."""
        return entropies.symplectic_spectrum(self.covariance)[..., ::2]

    @property
    def purity(self) -> Float[Array, "..."]:
        """``tr rho^2 = 1/sqrt(det sigma)``."""
        return jnp.exp(-0.5 * jnp.linalg.slogdet(self.covariance)[1])

    def __repr__(self) -> str:
        kind = "pure" if self.pure else "mixed"
        return f"BosonicGaussian({self.n_modes} modes, {kind}, {self.covariance.dtype})"

    # -- changing ----------------------------------------------------------------------------------------------

    def transformed(self, symplectic: Float[Array, "2n 2n"]) -> BosonicGaussian:
        """The state after the Gaussian unitary with ``U^dagger r U = S r``: ``S mean``, ``S sigma S'``."""
        sigma = symplectic @ self.covariance @ transpose(symplectic)
        mean = jnp.einsum("...ij,...j->...i", symplectic, self.mean)
        return BosonicGaussian(mean, symmetric(sigma), self.pure)

    def displaced(self, shift: Float[Array, " 2n"]) -> BosonicGaussian:
        """The state with ``shift`` added to its mean; a coherent amplitude is ``alpha = (q + i p)/sqrt 2``."""
        return BosonicGaussian(self.mean + shift, self.covariance, self.pure)

    def reduced(self, modes: Modes) -> BosonicGaussian:
        """The state of some modes, in the order given; called mixed unless it is all of them."""
        chosen = block(modes, self.n_modes)
        rows = np.concatenate([chosen, self.n_modes + chosen])
        part = self.covariance[..., rows[:, None], rows[None, :]]
        return BosonicGaussian(self.mean[..., rows], part, self.pure and len(chosen) == self.n_modes)

    # -- information -------------------------------------------------------------------------------------------

    def entropy(self, modes: Modes | None = None, order: float = 1.0) -> Float[Array, "..."]:
        """Von Neumann (``order`` 1) or Renyi entropy of some modes (all by default), in nats."""
        state = self if modes is None else self.reduced(modes)
        return entropies.bosonic_entropy(entropies.symplectic_spectrum(state.covariance), order)

    def mutual_information(self, first: Modes, second: Modes, order: float = 1.0) -> Float[Array, "..."]:
        """``S(A) + S(B) - S(AB)`` of two disjoint sets of modes, in nats."""
        a, b = disjoint(first, second, self.n_modes)
        both = np.concatenate([a, b])
        return self.entropy(a, order) + self.entropy(b, order) - self.entropy(both, order)

    def log_negativity(self, first: Modes, second: Modes) -> Float[Array, "..."]:
        """``ln |rho_AB^{T_B}|_1`` of two disjoint sets of modes, in nats; zero for product states."""
        a, b = disjoint(first, second, self.n_modes)
        state = self.reduced(np.concatenate([a, b]))
        return entropies.log_negativity(state.covariance, len(a) + np.arange(len(b)))

    def entropies(self) -> Float[Array, " n-1"]:
        """Entanglement entropies of the cuts of the chain after 1, 2, ..., n-1 modes."""
        n = self.n_modes
        one = jnp.eye(2 * n, dtype=self.covariance.dtype)

        def cut(k: Array) -> Array:  # one shape for all cuts: the modes beyond are replaced by vacuum
            inside = jnp.tile(jnp.arange(n) < k, 2)
            sigma = jnp.where(inside[:, None] & inside[None, :], self.covariance, one)
            return entropies.bosonic_entropy(entropies.symplectic_spectrum(sigma))

        return jax.lax.map(cut, jnp.arange(1, n))


def omega(n_modes: int) -> np.ndarray:
    """The symplectic form ``[[0, 1], [-1, 0]]``, positions first."""
    return np.kron(np.array([[0.0, 1.0], [-1.0, 0.0]]), np.eye(n_modes))
