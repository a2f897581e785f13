r"""Fidelities of Gaussian states, and the Bures angle that follows.

``F = (tr sqrt(sqrt(rho) tau sqrt(rho)))^2``, which is ``|<psi|phi>|^2`` for pure states. With ``G = Gamma`` (fermions)
and ``s = sigma`` (bosons), ``d`` the difference of means:

    fermions  tr rho tau = sqrt(det((1 - G1 G2)/2)),
              F = tr rho tau . prod_k (1 + s_k)^{1/2},  s_k the 2n singular values of
              (1 + G1^2)^{1/2} (1 - G2 G1)^{-1} (1 + G2^2)^{1/2};
    bosons    tr rho tau = det((s1 + s2)/2)^{-1/2} exp(-d'(s1 + s2)^{-1} d),
              F = tr rho tau . prod_k (nu_k + sqrt(nu_k^2 - 1)),  nu_k the symplectic eigenvalues of
              s1 - N (s1 + s2)^{-1} N,  N = sqrt(1 + (s1 Omega)^{-2}) s1.

Both come from ``sqrt(rho) tau sqrt(rho)`` being Gaussian: its normal modes, of occupation ratio e^{-x}, give
``(tr sqrt)^2/tr = 1 + sech(x/2)`` (fermions) and ``coth(x/4)`` (bosons). Fermions: Banchi, Giorda and Zanardi, PRE 89,
022102 (2014). Bosons: Banchi, Braunstein and Pirandola, PRL 115, 260501 (2015); the square root as in Lami, Das and
Wilde, J. Phys. A 51, 125301 (2018). If either state is pure, ``F = tr rho tau``.
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits.gaussian.bosons import BosonicGaussian, omega
from circuits.gaussian.entropies import symplectic_spectrum
from circuits.gaussian.fermions import FermionicGaussian
from circuits.gaussian.matrix_functions import square_root, symmetric

GaussianState = FermionicGaussian | BosonicGaussian


def fidelity(first: GaussianState, second: GaussianState) -> Float[Array, ""]:
    """``F`` in [0, 1], 1 for equal states; ``|<psi|phi>|^2`` if one of them is pure."""
    return jnp.exp(log_fidelity(first, second))


def log_fidelity(first: GaussianState, second: GaussianState) -> Float[Array, ""]:
    """``ln F``, finite for thousands of modes; ``-inf`` for orthogonal states. For neighbours exact to rounding
    if both are pure.

    Raises:
        TypeError: a fermionic and a bosonic state.
        ValueError: different numbers of modes.
    """
    check_pair(first, second)
    if isinstance(first, FermionicGaussian) and isinstance(second, FermionicGaussian):
        if first.pure and second.pure:
            return _pure_fermions(first.covariance, second.covariance)
        return _mixed_fermions(first.covariance, second.covariance, first.pure or second.pure)
    assert isinstance(first, BosonicGaussian)
    assert isinstance(second, BosonicGaussian)
    if first.pure and second.pure:
        return _pure_bosons(first, second)
    return _mixed_bosons(first, second)


def bures_angle(first: GaussianState, second: GaussianState) -> Float[Array, ""]:
    """``arccos sqrt(F)`` in [0, pi/2]: half the information distance; the Fubini-Study angle of pure states."""
    log = log_fidelity(first, second)
    one_minus = jnp.maximum(-jnp.expm1(log), 0.0)
    positive = one_minus > 0.0
    sine = jnp.where(positive, jnp.sqrt(jnp.where(positive, one_minus, 1.0)), 0.0)
    return jnp.arctan2(sine, jnp.exp(0.5 * log))


def check_pair(first: GaussianState, second: GaussianState) -> None:
    """One line if two states are not of one kind and size."""
    if type(first) is not type(second):
        raise TypeError(f"cannot compare a {type(first).__name__} with a {type(second).__name__}")
    if first.n_modes != second.n_modes:
        raise ValueError(
            f"the states have {first.n_modes} and {second.n_modes} modes; expected equal numbers"
        )


@jax.jit
def _pure_fermions(a: Array, b: Array) -> Array:
    # -Gamma_a Gamma_b has eigenvalues e^{+-i t}, and a - b singular values 2 sin(t/2), four times each: F is the
    # product of cos^2(t/2), without cancellation for neighbours.
    s = jnp.linalg.svd(a - b, compute_uv=False)
    return 0.25 * jnp.sum(jnp.log1p(-jnp.minimum(0.25 * s * s, 1.0)))


@partial(jax.jit, static_argnums=2)
def _mixed_fermions(a: Array, b: Array, one_is_pure: bool) -> Array:
    one = jnp.eye(a.shape[-1], dtype=a.dtype)
    product = 0.5 * jnp.linalg.slogdet(0.5 * (one - a @ b))[1]
    if one_is_pure:
        return product
    middle = jnp.linalg.solve(one - b @ a, square_root(symmetric(one + b @ b)))
    s = jnp.linalg.svd(square_root(symmetric(one + a @ a)) @ middle, compute_uv=False)
    return jnp.minimum(product + 0.5 * jnp.sum(jnp.log1p(s)), 0.0)


@jax.jit
def _pure_bosons(first: BosonicGaussian, second: BosonicGaussian) -> Array:
    # The relative covariance has eigenvalues e^{+-2r}: det((s1 + s2)/2) / det s1 is the product of cosh^2 r.
    factor = jnp.linalg.cholesky(first.covariance)
    half = jax.scipy.linalg.solve_triangular(factor, second.covariance - first.covariance, lower=True)
    relative = jax.scipy.linalg.solve_triangular(factor, half.T, lower=True)
    m = jnp.linalg.eigvalsh(symmetric(relative))
    overlap = 0.25 * jnp.sum(jnp.log1p(0.25 * m * m / (1.0 + m)))
    return -overlap - _shift(first, second)


@jax.jit
def _mixed_bosons(first: BosonicGaussian, second: BosonicGaussian) -> Array:
    total = first.covariance + second.covariance
    product = -0.5 * jnp.linalg.slogdet(0.5 * total)[1] - _shift(first, second)
    if first.pure or second.pure:
        return product
    factor = jnp.linalg.cholesky(first.covariance)
    k = factor.T @ jnp.asarray(omega(first.n_modes), factor.dtype) @ factor
    one = jnp.eye(k.shape[-1], dtype=k.dtype)
    n = factor @ square_root(symmetric(one - jnp.linalg.inv(symmetric(k.T @ k)))) @ factor.T
    conditional = symmetric(first.covariance - n @ jnp.linalg.solve(total, n))
    nu = jnp.maximum(symplectic_spectrum(conditional), 1.0)
    above = nu * nu - 1.0
    positive = above > 0.0
    root = jnp.where(positive, jnp.sqrt(jnp.where(positive, above, 1.0)), 0.0)
    return jnp.minimum(product + 0.5 * jnp.sum(jnp.log(nu + root)), 0.0)


def _shift(first: BosonicGaussian, second: BosonicGaussian) -> Array:
    d = first.mean - second.mean
    return d @ jnp.linalg.solve(first.covariance + second.covariance, d)
