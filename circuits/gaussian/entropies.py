r"""Entropies from the spectra of covariance matrices, in nats.

Fermions: the singular values ``nu`` of ``Gamma`` come in pairs, one per normal mode of occupation ``(1 +- nu)/2``.
Bosons: the symplectic eigenvalues ``nu >= 1`` of ``sigma`` are ``2 nbar + 1``. A function of the state is a sum over
normal modes (Holevo, Sohma and Hirota 1999; Peschel 2003; Weedbrook et al., RMP 84, 621 (2012), for Renyi orders)::

    fermions  S = - sum_k [p ln p + (1 - p) ln(1 - p)],  p = (1 + nu)/2;  S_a = sum_k ln(p^a + (1 - p)^a)/(1 - a)
    bosons    S = sum_k [(N+1) ln(N+1) - N ln N],  N = (nu - 1)/2;  S_a = sum_k ln((N+1)^a - N^a)/(a - 1)
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.gaussian.matrix_functions import transpose


@jax.jit
def fermionic_spectrum(covariance: Float[Array, "... 2n 2n"]) -> Float[Array, "... 2n"]:
    """Singular values of ``Gamma``, each normal mode twice, descending."""
    return jnp.minimum(jnp.linalg.svd(covariance, compute_uv=False), 1.0)


@jax.jit
def symplectic_spectrum(covariance: Float[Array, "... 2n 2n"]) -> Float[Array, "... 2n"]:
    """Symplectic eigenvalues of a positive definite matrix, each normal mode twice, descending.

    The singular values of ``L' Omega L`` with ``sigma = L L'``: the moduli of the eigenvalues of ``i Omega sigma``.
    """
    n = covariance.shape[-1] // 2
    factor = jnp.linalg.cholesky(covariance)
    turned = jnp.concatenate([factor[..., n:, :], -factor[..., :n, :]], axis=-2)  # Omega L
    return jnp.linalg.svd(transpose(factor) @ turned, compute_uv=False)


@partial(jax.jit, static_argnums=1)
def fermionic_entropy(spectrum: Float[Array, "... 2n"], order: float = 1.0) -> Float[Array, "..."]:
    """Entropy from :func:`fermionic_spectrum`; ``order`` 1 is von Neumann's, ``inf`` the min-entropy."""
    check_order(order)
    p, q = 0.5 * (1.0 + spectrum), 0.5 * (1.0 - spectrum)
    if order == 1.0:
        modes = _negative_x_log_x(p) + _negative_x_log_x(q)
    elif np.isinf(order):
        modes = -jnp.log(p)
    else:  # p >= 1/2 is taken out, so that high orders do not underflow
        modes = (order * jnp.log(p) + jnp.log1p(_power(q / p, order))) / (1.0 - order)
    return 0.5 * jnp.sum(modes, axis=-1)


@partial(jax.jit, static_argnums=1)
def bosonic_entropy(spectrum: Float[Array, "... 2n"], order: float = 1.0) -> Float[Array, "..."]:
    """Entropy from :func:`symplectic_spectrum`; values below 1, by rounding, count as 1."""
    check_order(order)
    number = 0.5 * jnp.maximum(spectrum - 1.0, 0.0)
    if order == 1.0:
        modes = (number + 1.0) * jnp.log1p(number) + _negative_x_log_x(number)
    elif np.isinf(order):
        modes = jnp.log1p(number)
    else:
        ratio = _power(number / (number + 1.0), order)
        modes = (order * jnp.log1p(number) + jnp.log1p(-ratio)) / (order - 1.0)
    return 0.5 * jnp.sum(modes, axis=-1)


def log_negativity(covariance: Float[Array, "... 2n 2n"], block: np.ndarray) -> Float[Array, "..."]:
    """``ln |rho^{T_B}|_1 = - sum_k ln min(1, nu_k)`` of the symplectic spectrum with the momenta of B reversed.

    Vidal and Werner, PRA 65, 032314 (2002), in nats.
    """
    n = covariance.shape[-1] // 2
    signs = np.ones(2 * n)
    signs[n + block] = -1.0
    flip = jnp.asarray(signs, covariance.dtype)
    spectrum = symplectic_spectrum(covariance * flip[:, None] * flip[None, :])
    return 0.5 * jnp.sum(jax.nn.relu(-jnp.log(spectrum)), axis=-1)


def check_order(order: float) -> None:
    """One line if a Renyi order is not positive."""
    if not order > 0.0:
        raise ValueError(f"the order of a Renyi entropy must be positive, not {order}; 1 is von Neumann's")


def _negative_x_log_x(x: Array) -> Array:
    positive = x > 0.0
    return jnp.where(positive, -x * jnp.log(jnp.where(positive, x, jnp.ones_like(x))), jnp.zeros_like(x))


def _power(x: Array, order: float) -> Array:
    """``x^order``, with derivative zero at zero."""
    positive = x > 0.0
    return jnp.where(positive, jnp.where(positive, x, jnp.ones_like(x)) ** order, jnp.zeros_like(x))
