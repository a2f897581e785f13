r"""Quadratic Hamiltonians of fermions and bosons: spectra, ground and thermal states, evolution.

::

    fermions  H = (i/4) sum_ij A_ij c_i c_j + constant,    A real antisymmetric;   dc/dt = A c
    bosons    H = (1/2) r' h r + constant,                 h real symmetric, h > 0;  dr/dt = Omega h r

Fermions: the singular values of A are the energies ``e_k >= 0`` of single particles, each twice; ``H = sum_k e_k (n_k -
1/2) + constant``. Ground state ``Gamma = -W`` with the polar factor ``A = W P``, thermal ``Gamma = -U tanh(b S/2)
V'`` with ``A = U S V'``. Bosons: with ``h = L L'`` and ``K = L' Omega L`` the frequencies are the singular values of K,
and ``sigma = L'^{-1} f(K'K) L^{-1}``, ``f(w^2) = w coth(b w/2)`` (``w`` in the ground state).

*Bipartite* fermions (no products ``x_i x_j`` or ``y_i y_j`` of Majoranas of one kind: real hopping and pairing, all
spin chains here) and *separable* bosons (no products ``q_i p_j``) are solved in matrices of half the size.
Derivatives with respect to the matrices exist as long as there is a gap, degenerate levels or not.
"""

from __future__ import annotations

import warnings
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, Float

from circuits.gaussian.bosons import BosonicGaussian, omega
from circuits.gaussian.entropies import symplectic_spectrum
from circuits.gaussian.fermions import FermionicGaussian
from circuits.gaussian.matrix_functions import (
    antisymmetric,
    hot_root,
    polar_factor,
    singular_tanh,
    square_root,
    symmetric,
)


class FermionicHamiltonian(eqx.Module):
    """``H = (i/4) sum_ij A_ij c_i c_j + constant`` of Majoranas ``{c_i, c_j} = 2 delta_ij``.

    Attributes:
        matrix: A, (2n, 2n), real antisymmetric, Majoranas in the order of :class:`FermionicGaussian`.
        constant: added to the energy.
        bipartite: static: A couples even with odd Majoranas only.
    """

    matrix: Float[Array, "2n 2n"]
    constant: Float[Array, ""]
    bipartite: bool = eqx.field(static=True, default=False)

    @classmethod
    def from_modes(cls, hopping: Any, pairing: Any = None) -> FermionicHamiltonian:
        r"""``H = sum_ij h_ij a_i^dagger a_j + (1/2) sum_ij (D_ij a_i^dagger a_j^dagger + h.c.)``.

        Args:
            hopping: h, (n, n), Hermitian. Real arrays may be traced.
            pairing: D, (n, n), antisymmetric; none by default.

        Raises:
            ValueError: for wrong shapes, or (concrete) matrices that are not Hermitian and antisymmetric.
        """
        h = _inexact(hopping)
        if h.ndim != 2 or h.shape[0] != h.shape[1]:
            raise ValueError(f"the hopping matrix must be square, not {h.shape}")
        d = jnp.zeros_like(h) if pairing is None else _inexact(pairing)
        if d.shape != h.shape:
            raise ValueError(f"the pairing matrix has shape {d.shape}, expected {h.shape} as the hopping")
        _require_zero(h - h.conj().T, h, "the hopping matrix must be Hermitian")
        _require_zero(d + d.T, d, "the pairing matrix must be antisymmetric")
        real = not (jnp.iscomplexobj(h) or jnp.iscomplexobj(d))
        matrix, constant = _from_modes(h, d)
        return cls(matrix, constant, real)

    @property
    def n_modes(self) -> int:
        """n."""
        return self.matrix.shape[-1] // 2

    @property
    def energies(self) -> Float[Array, " n"]:
        """Single-particle energies ``e_k >= 0``, descending: ``H = sum_k e_k (n_k - 1/2) + constant``."""
        return _energies(self)

    @property
    def ground_energy(self) -> Float[Array, ""]:
        """``constant - sum_k e_k / 2``."""
        return self.constant - 0.5 * jnp.sum(self.energies)

    @property
    def gap(self) -> Float[Array, ""]:
        """The least single-particle energy."""
        return jnp.min(self.energies)

    def ground_state(self) -> FermionicGaussian:
        """The ground state; with zero modes (one-line warning) one of them.

        Differentiable where there is a gap. With an odd number of occupied modes its parity is odd.
        """
        if isinstance(self.matrix, Tracer):
            return _fermionic_ground(self)
        state, energies = _fermionic_ground_and_energies(self)
        energies = np.asarray(energies)
        rounding = 8.0 * len(energies) * float(jnp.finfo(self.matrix.dtype).eps) * max(energies[0], 1e-300)
        zero = int(np.sum(energies <= rounding))
        if zero:
            warnings.warn(_degenerate(zero), stacklevel=2)
        # Null vectors of A come in no natural order: they are paired in the order they come.
        return state if self.bipartite or not zero else _filled_zero_modes(self, zero)

    def thermal_state(self, inverse_temperature: ArrayLike) -> FermionicGaussian:
        """``exp(-b H)/Z``: normal modes occupied with ``1/(exp(b e) + 1)``; ``b`` may be traced."""
        beta = jnp.asarray(inverse_temperature, self.matrix.dtype)
        return _fermionic_thermal(self, beta)

    def propagator(self, time: ArrayLike) -> Float[Array, "2n 2n"]:
        """``exp(A t)``, the rotation of the Majoranas: ``c(t) = exp(A t) c``."""
        return _expm(self.matrix * jnp.asarray(time, self.matrix.dtype))

    def evolve(self, state: FermionicGaussian, time: ArrayLike) -> FermionicGaussian:
        """``exp(-i H t)`` applied to a state."""
        return state.rotated(self.propagator(time))

    def energy(self, state: FermionicGaussian) -> Float[Array, "..."]:
        """``<H> = (1/4) sum_ij A_ij Gamma_ij + constant``."""
        return 0.25 * jnp.sum(self.matrix * state.covariance, axis=(-2, -1)) + self.constant

    def free_energy(self, inverse_temperature: ArrayLike) -> Float[Array, ""]:
        """``-ln(Z)/b`` of the thermal state."""
        beta = jnp.asarray(inverse_temperature, self.matrix.dtype)
        e = self.energies
        return self.constant - jnp.sum(0.5 * e + jnp.log1p(jnp.exp(-beta * e)) / beta)

    def __add__(self, other: FermionicHamiltonian) -> FermionicHamiltonian:
        return FermionicHamiltonian(
            self.matrix + other.matrix, self.constant + other.constant, self.bipartite and other.bipartite
        )

    def __mul__(self, factor: ArrayLike) -> FermionicHamiltonian:
        f = jnp.asarray(factor, self.matrix.dtype)
        return FermionicHamiltonian(f * self.matrix, f * self.constant, self.bipartite)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"FermionicHamiltonian({self.n_modes} modes, {self.matrix.dtype})"


class BosonicHamiltonian(eqx.Module):
    """``H = (1/2) r' h r + constant``, ``r`` the positions and then the momenta.

    Attributes:
        matrix: h, (2n, 2n), real symmetric, positive definite.
        constant: added to the energy.
        separable: static: h couples no position with a momentum.
    """

    matrix: Float[Array, "2n 2n"]
    constant: Float[Array, ""]
    separable: bool = eqx.field(static=True, default=False)

    @classmethod
    def from_potential(cls, potential: Any, kinetic: Any = None) -> BosonicHamiltonian:
        """``H = (1/2) p' T p + (1/2) q' V q`` with ``T = 1`` by default.

        Args:
            potential: V, (n, n), symmetric positive definite; may be traced.
            kinetic: T, (n, n), symmetric positive definite.

        Raises:
            ValueError: for wrong shapes, or concrete matrices that are not symmetric and positive definite.
        """
        v = _inexact(potential)
        if v.ndim != 2 or v.shape[0] != v.shape[1]:
            raise ValueError(f"the potential must be a square matrix, not {v.shape}")
        t = jnp.eye(v.shape[0], dtype=v.dtype) if kinetic is None else _inexact(kinetic)
        if t.shape != v.shape:
            raise ValueError(f"the kinetic matrix has shape {t.shape}, expected {v.shape} as the potential")
        _require_positive(v, "potential")
        if kinetic is not None:
            _require_positive(t, "kinetic matrix")
        zero = jnp.zeros_like(v)
        return cls(jnp.block([[v, zero], [zero, t]]), jnp.zeros((), v.dtype), True)

    @property
    def n_modes(self) -> int:
        """n."""
        return self.matrix.shape[-1] // 2

    @property
    def frequencies(self) -> Float[Array, " n"]:
        """``w_k > 0``, descending: ``H = sum_k w_k (N_k + 1/2) + constant``."""
        return _frequencies(self)

    @property
    def ground_energy(self) -> Float[Array, ""]:
        """``constant + sum_k w_k / 2``."""
        return self.constant + 0.5 * jnp.sum(self.frequencies)

    @property
    def _kinetic_factor(self) -> tuple[Array, Array]:
        n = self.n_modes
        return jnp.linalg.cholesky(self.matrix[n:, n:]), self.matrix[:n, :n]

    def ground_state(self) -> BosonicGaussian:
        """The ground state, of mean zero."""
        return _bosonic_state(self, None)

    def thermal_state(self, inverse_temperature: ArrayLike) -> BosonicGaussian:
        """``exp(-b H)/Z``: normal modes with ``1/(exp(b w) - 1)`` quanta; ``b`` may be traced."""
        return _bosonic_state(self, jnp.asarray(inverse_temperature, self.matrix.dtype))

    def propagator(self, time: ArrayLike) -> Float[Array, "2n 2n"]:
        """``exp(Omega h t)``, symplectic: ``r(t) = exp(Omega h t) r``."""
        n, h = self.n_modes, self.matrix * jnp.asarray(time, self.matrix.dtype)
        return _expm(jnp.concatenate([h[n:], -h[:n]], axis=0))

    def evolve(self, state: BosonicGaussian, time: ArrayLike) -> BosonicGaussian:
        """``exp(-i H t)`` applied to a state."""
        return state.transformed(self.propagator(time))

    def energy(self, state: BosonicGaussian) -> Float[Array, "..."]:
        """``<H> = tr(h sigma)/4 + mean' h mean/2 + constant``."""
        spread = 0.25 * jnp.sum(self.matrix * state.covariance, axis=(-2, -1))
        shift = 0.5 * jnp.einsum("...i,ij,...j->...", state.mean, self.matrix, state.mean)
        return spread + shift + self.constant

    def free_energy(self, inverse_temperature: ArrayLike) -> Float[Array, ""]:
        """``-ln(Z)/b`` of the thermal state."""
        beta = jnp.asarray(inverse_temperature, self.matrix.dtype)
        w = self.frequencies
        return self.constant + jnp.sum(0.5 * w + jnp.log(-jnp.expm1(-beta * w)) / beta)

    def __add__(self, other: BosonicHamiltonian) -> BosonicHamiltonian:
        return BosonicHamiltonian(
            self.matrix + other.matrix, self.constant + other.constant, self.separable and other.separable
        )

    def __mul__(self, factor: ArrayLike) -> BosonicHamiltonian:
        f = jnp.asarray(factor, self.matrix.dtype)
        return BosonicHamiltonian(f * self.matrix, f * self.constant, self.separable)

    __rmul__ = __mul__

    def __repr__(self) -> str:
        return f"BosonicHamiltonian({self.n_modes} modes, {self.matrix.dtype})"


@jax.jit
def _energies(hamiltonian: FermionicHamiltonian) -> Array:
    if hamiltonian.bipartite:
        return jnp.linalg.svd(hamiltonian.matrix[::2, 1::2], compute_uv=False)
    return jnp.linalg.svd(hamiltonian.matrix, compute_uv=False)[::2]


@jax.jit
def _frequencies(hamiltonian: BosonicHamiltonian) -> Array:
    if hamiltonian.separable:
        factor, v = hamiltonian._kinetic_factor
        return jnp.sqrt(jnp.linalg.eigvalsh(symmetric(factor.T @ v @ factor)))[::-1]
    return symplectic_spectrum(hamiltonian.matrix)[::2]


@jax.jit
def _fermionic_ground(hamiltonian: FermionicHamiltonian) -> FermionicGaussian:
    a = hamiltonian.matrix
    return _filled(hamiltonian, polar_factor(a[::2, 1::2] if hamiltonian.bipartite else a))


@jax.jit
def _fermionic_ground_and_energies(hamiltonian: FermionicHamiltonian) -> tuple[FermionicGaussian, Array]:
    """The state without its derivative, by one decomposition for both."""
    a = hamiltonian.matrix
    u, s, vt = jnp.linalg.svd(a[::2, 1::2] if hamiltonian.bipartite else a, full_matrices=False)
    return _filled(hamiltonian, u @ vt), s if hamiltonian.bipartite else s[::2]


def _filled(hamiltonian: FermionicHamiltonian, polar: Array) -> FermionicGaussian:
    """All modes of negative energy filled, from the polar factor of A or of its block."""
    if hamiltonian.bipartite:
        return FermionicGaussian(_spread(-polar), True)
    gamma = antisymmetric(-polar)
    # One Newton step towards Gamma Gamma' = 1 mends what a small gap leaves of the rounding errors.
    return FermionicGaussian(antisymmetric(1.5 * gamma + 0.5 * gamma @ gamma @ gamma), True)


@jax.jit
def _fermionic_thermal(hamiltonian: FermionicHamiltonian, beta: Array) -> FermionicGaussian:
    a = 0.5 * beta * hamiltonian.matrix
    if hamiltonian.bipartite:
        return FermionicGaussian(_spread(-singular_tanh(a[::2, 1::2])), False)
    return FermionicGaussian(antisymmetric(-singular_tanh(a)), False)


@jax.jit
def _bosonic_state(hamiltonian: BosonicHamiltonian, beta: Array | None) -> BosonicGaussian:
    def root(m: Array) -> Array:
        return square_root(m) if beta is None else 2.0 / beta * hot_root(0.25 * beta * beta * m)

    h, n, pure = hamiltonian.matrix, hamiltonian.n_modes, beta is None
    mean = jnp.zeros(2 * n, h.dtype)
    if not hamiltonian.separable:
        factor = jnp.linalg.cholesky(h)
        inverse = jax.scipy.linalg.solve_triangular(factor, jnp.eye(2 * n, dtype=h.dtype), lower=True)
        k = factor.T @ jnp.asarray(omega(n), h.dtype) @ factor
        return BosonicGaussian(mean, symmetric(inverse.T @ root(symmetric(k.T @ k)) @ inverse), pure)
    # q = F y and p = F'^{-1} s with T = F F' give H = (s^2 + y' F'VF y)/2.
    factor, v = hamiltonian._kinetic_factor
    inverse = jax.scipy.linalg.solve_triangular(factor, jnp.eye(n, dtype=h.dtype), lower=True)
    m = symmetric(factor.T @ v @ factor)
    momenta = root(m)
    positions = jnp.linalg.inv(momenta) if pure else jnp.linalg.solve(m, momenta)
    zero = jnp.zeros_like(v)
    q, p = symmetric(factor @ positions @ factor.T), symmetric(inverse.T @ momenta @ inverse)
    return BosonicGaussian(mean, jnp.block([[q, zero], [zero, p]]), pure)


def _spread(xy: Array) -> Array:
    """The antisymmetric matrix with this block of even rows and odd columns."""
    n = xy.shape[-1]
    full = jnp.zeros((n, 2, n, 2), xy.dtype)
    return full.at[:, 0, :, 1].set(xy).at[:, 1, :, 0].set(-xy.T).reshape(2 * n, 2 * n)


def _filled_zero_modes(hamiltonian: FermionicHamiltonian, zero: int) -> FermionicGaussian:
    """A ground state where zero modes leave a choice: null vectors of A are paired in the order they come."""
    a = np.asarray(hamiltonian.matrix)
    u, _, vt = np.linalg.svd(a)
    gamma = -(u[:, : -2 * zero] @ vt[: -2 * zero])
    null = vt[-2 * zero :]
    for x, y in zip(null[::2], null[1::2]):
        gamma += np.outer(y, x) - np.outer(x, y)
    return FermionicGaussian(jnp.asarray(0.5 * (gamma - gamma.T), hamiltonian.matrix.dtype), True)


def _degenerate(zero: int) -> str:
    return (
        f"{zero} zero mode{'s' * (zero > 1)}: the ground state is degenerate, and one of "
        f"{2**zero if zero < 60 else 'many'} is returned, without a derivative; thermal_state gives the mixture"
    )


@jax.jit
def _expm(generator: Array) -> Array:
    return jax.scipy.linalg.expm(generator, max_squarings=48)


@jax.jit
def _from_modes(h: Array, d: Array) -> tuple[Array, Array]:
    """A and the constant of hopping and pairing."""
    n = h.shape[0]
    a = jnp.zeros((n, 2, n, 2), h.real.dtype)
    a = a.at[:, 0, :, 1].set(h.real - d.real).at[:, 1, :, 0].set(-h.real - d.real)
    if jnp.iscomplexobj(h) or jnp.iscomplexobj(d):
        a = a.at[:, 0, :, 0].set(h.imag + d.imag).at[:, 1, :, 1].set(h.imag - d.imag)
    return a.reshape(2 * n, 2 * n), 0.5 * jnp.trace(h).real


def _inexact(matrix: Any) -> Array:
    array = jnp.asarray(matrix)
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(jnp.zeros(()).dtype)


def _require_positive(matrix: Array, name: str) -> None:
    _require_zero(matrix - matrix.T, matrix, f"the {name} must be symmetric")
    if isinstance(matrix, Tracer):
        return
    pivots = jnp.square(jnp.diagonal(jnp.linalg.cholesky(matrix)))
    floor = 8.0 * matrix.shape[0] * float(jnp.finfo(matrix.dtype).eps) * float(jnp.max(jnp.abs(matrix)))
    if not float(jnp.min(pivots)) > floor:  # also where the factorisation failed: NaN
        raise ValueError(
            f"the {name} must be positive definite: a mode without a restoring force has no ground state; add a mass"
        )


def _require_zero(difference: Array, matrix: Array, message: str) -> None:
    if isinstance(difference, Tracer):
        return
    off = float(jnp.max(jnp.abs(difference)))
    tolerance = 1e-9 if difference.dtype in (jnp.float64, jnp.complex128) else 1e-4
    if off > tolerance * max(1.0, float(jnp.max(jnp.abs(matrix)))):
        raise ValueError(f"{message}; it misses by {off:.2g}")
