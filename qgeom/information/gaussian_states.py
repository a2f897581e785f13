r"""Gaussian states: the quantum Fisher metric from covariance matrices.

With the Majorana covariance ``Gamma`` (``{c_i, c_j} = 2 delta_ij``), and the mean ``d`` and covariance ``sigma`` of
positions and momenta (vacuum 1), pure states have (4 x Fubini-Study)

    fermions  g = tr(dGamma' dGamma)/4,
    bosons    g = tr[(sigma^{-1} dsigma)^2]/4 + 2 dd' sigma^{-1} dd,

and mixed states the SLD Fisher metric, with K the quadratic part of the symmetric logarithmic derivative,

    fermions  g = tr(dGamma' K)/2,   K + Gamma K Gamma = dGamma,
    bosons    g = tr(dsigma K)/2 + 2 dd' sigma^{-1} dd,   sigma K sigma - Omega K Omega' = dsigma.

Both are ``sum_jk |t_jk|^2 / (2 (1 - l_j l_k))``: for fermions ``l`` are the eigenvalues of ``i Gamma`` and ``t`` is
``dGamma`` in its eigenbasis, for bosons ``1/l`` those of ``i L'Omega L`` and ``t = L^{-1} dsigma L^{-T}``, ``sigma = L
L'``. Pairs with ``1 - l_j l_k <= threshold`` are left out: both modes are pure there, and ``t_jk`` vanishes to first
order at constant rank, as for density matrices (:mod:`qgeom.information.bures`).

Fermions: Carollo, Spagnolo and Valenti, Entropy 20, 485 (2018). Bosons: Monras, arXiv:1303.3682; Safranek,
J. Phys. A 52, 035304 (2019). The distance is twice the Bures angle, as for state vectors and density matrices: what the
same two states have as points of the whole Hilbert space. Shortest paths *within* the Gaussian states are longer; those
of pure states are closed forms, :func:`qgeom.nielsen.fermionic_complexity` (``2 sqrt 2`` times its F2) and
:func:`qgeom.nielsen.bosonic_complexity` (``sqrt 2`` times).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from circuits.gaussian.bosons import BosonicGaussian, omega
from circuits.gaussian.fermions import FermionicGaussian
from circuits.gaussian.matrix_functions import antisymmetric, symmetric
from circuits.gaussian.overlaps import bures_angle
from qgeom.information.fisher_rao import DEFAULT_THRESHOLD
from qgeom.information.manifold import PointMetric, real_view


def gaussian_metric(
    point: FermionicGaussian | BosonicGaussian, threshold: float = DEFAULT_THRESHOLD
) -> PointMetric:
    """The metric of the Gaussian states of this kind, pure or mixed as the point says."""
    if isinstance(point, FermionicGaussian):
        return PureFermions() if point.pure else MixedFermions(threshold)
    return PureBosons() if point.pure else MixedBosons(threshold)


@dataclass(frozen=True)
class PureFermions(PointMetric):
    """Pure fermionic Gaussian states: ``g = tr(dGamma' dGamma)/4``; coordinates are the pairs ``i < j``."""

    name: ClassVar[str] = "4 x Fubini-Study of pure fermionic Gaussian states"

    def isometry(self, point: FermionicGaussian, tangent: FermionicGaussian) -> Float[Array, " m"]:
        i, j = jnp.triu_indices(tangent.covariance.shape[-1], 1)
        return 0.5**0.5 * tangent.covariance[i, j]

    def lower(self, point: FermionicGaussian, tangent: FermionicGaussian) -> FermionicGaussian:
        return FermionicGaussian(0.25 * tangent.covariance, point.pure)

    def distance(self, first: FermionicGaussian, second: FermionicGaussian) -> Float[Array, ""]:
        return 2.0 * bures_angle(first, second)


@dataclass(frozen=True)
class MixedFermions(PointMetric):
    """Mixed fermionic Gaussian states with the SLD Fisher metric."""

    threshold: float = DEFAULT_THRESHOLD
    name: ClassVar[str] = "SLD Fisher (4 x Bures at constant rank) of fermionic Gaussian states"

    def isometry(self, point: FermionicGaussian, tangent: FermionicGaussian) -> Float[Array, " m"]:
        l, v = _fermionic_frame(point.covariance)
        t = (
            v.conj().T
            @ jax.lax.complex(jnp.zeros_like(point.covariance), antisymmetric(tangent.covariance))
            @ v
        )
        return _half_length(t, l, self.threshold)

    def pair(self, point: FermionicGaussian, tangent: FermionicGaussian) -> tuple[Array, Array]:
        # Not the isometry: eigenvectors have no derivative where eigenvalues cross, the SLD has.
        return tangent.covariance.reshape(-1), self.lower(point, tangent).covariance.reshape(-1)

    def lower(self, point: FermionicGaussian, tangent: FermionicGaussian) -> FermionicGaussian:
        k = fermionic_sld(self.threshold, point.covariance, antisymmetric(tangent.covariance))
        return FermionicGaussian(0.5 * k, point.pure)

    def distance(self, first: FermionicGaussian, second: FermionicGaussian) -> Float[Array, ""]:
        return 2.0 * bures_angle(first, second)

    def dropped(self, point: FermionicGaussian) -> Int[Array, ""]:
        s = jnp.linalg.svd(point.covariance, compute_uv=False)
        return jnp.sum(1.0 - s * s <= _floor(s, self.threshold), dtype=jnp.int32) // 2


@dataclass(frozen=True)
class PureBosons(PointMetric):
    """Pure bosonic Gaussian states: ``g = tr[(sigma^{-1} dsigma)^2]/4 + 2 dd' sigma^{-1} dd``."""

    name: ClassVar[str] = "4 x Fubini-Study of pure bosonic Gaussian states"
    bounded: ClassVar[bool] = False

    def isometry(self, point: BosonicGaussian, tangent: BosonicGaussian) -> Float[Array, " m"]:
        factor = jnp.linalg.cholesky(point.covariance)
        t = _congruent(factor, symmetric(tangent.covariance))
        i, j = jnp.triu_indices(t.shape[-1], 1)
        spread = jnp.concatenate([0.5 * jnp.diagonal(t), 0.5**0.5 * t[i, j]])
        return jnp.concatenate([spread, 2.0**0.5 * _solve(factor, tangent.mean)])

    def lower(self, point: BosonicGaussian, tangent: BosonicGaussian) -> BosonicGaussian:
        half = jnp.linalg.solve(point.covariance, symmetric(tangent.covariance))
        spread = 0.25 * symmetric(jnp.linalg.solve(point.covariance, half.T))
        return BosonicGaussian(2.0 * jnp.linalg.solve(point.covariance, tangent.mean), spread, point.pure)

    def distance(self, first: BosonicGaussian, second: BosonicGaussian) -> Float[Array, ""]:
        return 2.0 * bures_angle(first, second)

    def size(self, point: BosonicGaussian) -> Float[Array, ""]:
        return _size(point)


@dataclass(frozen=True)
class MixedBosons(PointMetric):
    """Mixed bosonic Gaussian states with the SLD Fisher metric."""

    threshold: float = DEFAULT_THRESHOLD
    name: ClassVar[str] = "SLD Fisher (4 x Bures at constant rank) of bosonic Gaussian states"
    bounded: ClassVar[bool] = False

    def isometry(self, point: BosonicGaussian, tangent: BosonicGaussian) -> Float[Array, " m"]:
        factor, l, v = _bosonic_frame(point.covariance)
        t = _congruent(factor, symmetric(tangent.covariance)).astype(v.dtype)
        spread = _half_length(v.conj().T @ t @ v, l, self.threshold)
        return jnp.concatenate([spread, 2.0**0.5 * _solve(factor, tangent.mean)])

    def pair(self, point: BosonicGaussian, tangent: BosonicGaussian) -> tuple[Array, Array]:
        low = self.lower(point, tangent)
        left = jnp.concatenate([tangent.covariance.reshape(-1), tangent.mean])
        return left, jnp.concatenate([low.covariance.reshape(-1), low.mean])

    def lower(self, point: BosonicGaussian, tangent: BosonicGaussian) -> BosonicGaussian:
        k = bosonic_sld(self.threshold, point.covariance, symmetric(tangent.covariance))
        return BosonicGaussian(2.0 * jnp.linalg.solve(point.covariance, tangent.mean), 0.5 * k, point.pure)

    def distance(self, first: BosonicGaussian, second: BosonicGaussian) -> Float[Array, ""]:
        return 2.0 * bures_angle(first, second)

    def dropped(self, point: BosonicGaussian) -> Int[Array, ""]:
        _, l, _ = _bosonic_frame(point.covariance)
        return jnp.sum(1.0 - l * l <= _floor(l, self.threshold), dtype=jnp.int32) // 2

    def size(self, point: BosonicGaussian) -> Float[Array, ""]:
        return _size(point)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def fermionic_sld(
    threshold: float, gamma: Float[Array, "2n 2n"], tangent: Float[Array, "2n 2n"]
) -> Float[Array, "2n 2n"]:
    """The antisymmetric K with ``K + Gamma K Gamma = tangent``, zero between pure modes of equal sign."""
    l, v = _fermionic_frame(gamma)
    t = v.conj().T @ tangent.astype(v.dtype) @ v
    return antisymmetric((v @ (t * _inverse(l, threshold).astype(v.dtype)) @ v.conj().T).real)


@fermionic_sld.defjvp
def _fermionic_sld_jvp(threshold: float, primals: Any, tangents: Any) -> tuple[Array, Array]:
    # From the defining equation, without derivatives of eigenvectors.
    gamma, tangent = primals
    gamma_dot, tangent_dot = tangents
    k = fermionic_sld(threshold, gamma, tangent)
    return k, fermionic_sld(threshold, gamma, tangent_dot - gamma_dot @ k @ gamma - gamma @ k @ gamma_dot)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def bosonic_sld(
    threshold: float, sigma: Float[Array, "2n 2n"], tangent: Float[Array, "2n 2n"]
) -> Float[Array, "2n 2n"]:
    """The symmetric K with ``sigma K sigma - Omega K Omega' = tangent``, zero between pure modes of equal sign."""
    factor, l, v = _bosonic_frame(sigma)
    t = v.conj().T @ _congruent(factor, tangent).astype(v.dtype) @ v
    k = symmetric((v @ (t * _inverse(l, threshold).astype(v.dtype)) @ v.conj().T).real)
    half = jax.scipy.linalg.solve_triangular(factor, k, lower=True, trans=1)
    return symmetric(jax.scipy.linalg.solve_triangular(factor, half.T, lower=True, trans=1))


@bosonic_sld.defjvp
def _bosonic_sld_jvp(threshold: float, primals: Any, tangents: Any) -> tuple[Array, Array]:
    sigma, tangent = primals
    sigma_dot, tangent_dot = tangents
    k = bosonic_sld(threshold, sigma, tangent)
    source = tangent_dot - sigma_dot @ k @ sigma - sigma @ k @ sigma_dot
    return k, bosonic_sld(threshold, sigma, source)


def _fermionic_frame(gamma: Array) -> tuple[Array, Array]:
    """Eigenvalues in [-1, 1] and eigenvectors of ``i Gamma``."""
    return jnp.linalg.eigh(jax.lax.complex(jnp.zeros_like(gamma), gamma))


def _bosonic_frame(sigma: Array) -> tuple[Array, Array, Array]:
    """``L`` of ``sigma = L L'``, inverse eigenvalues and eigenvectors of ``i L'Omega L``."""
    factor = jnp.linalg.cholesky(sigma)
    k = antisymmetric(factor.T @ jnp.asarray(omega(sigma.shape[-1] // 2), sigma.dtype) @ factor)
    values, v = jnp.linalg.eigh(jax.lax.complex(jnp.zeros_like(k), k))
    return factor, 1.0 / values, v


def _half_length(t: Array, l: Array, threshold: float) -> Float[Array, " m"]:
    """The d^2 real coordinates of the Hermitian ``t_jk / sqrt(2 (1 - l_j l_k))``."""
    h = t * jnp.sqrt(0.5 * _inverse(l, threshold)).astype(t.dtype)
    upper = 2.0**0.5 * h[jnp.triu_indices(h.shape[-1], 1)]
    return jnp.concatenate([jnp.diagonal(h).real, real_view(upper)])


def _inverse(l: Array, threshold: float) -> Array:
    """``1/(1 - l_j l_k)`` where that is above the threshold, else zero."""
    gaps = 1.0 - l[:, None] * l[None, :]
    kept = gaps > _floor(l, threshold)
    return jnp.where(kept, 1.0 / jnp.where(kept, gaps, jnp.ones_like(gaps)), jnp.zeros_like(gaps))


def _floor(l: Array, threshold: float) -> float:
    return max(threshold, 8.0 * l.shape[-1] * float(jnp.finfo(l.dtype).eps))


def _congruent(factor: Array, t: Array) -> Array:
    """``L^{-1} t L^{-T}``."""
    return _solve(factor, _solve(factor, t).T)


def _solve(factor: Array, t: Array) -> Array:
    return jax.scipy.linalg.solve_triangular(factor, t, lower=True)


def _size(point: BosonicGaussian) -> Array:
    # Tangents come relative to sigma, whose inverse is as large as sigma itself in pure states.
    return jnp.square(jnp.max(jnp.abs(point.covariance))) + jnp.max(jnp.abs(point.mean))
