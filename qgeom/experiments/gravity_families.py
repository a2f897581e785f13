r"""Families of states with a metric of two or three parameters, per site of an infinite system.

*XY chain*, parameters (h, g) and a rotation phi about Z. Its ground state is a product over momenta, a spin 1/2 each on
its own Bloch sphere, at the polar angle ``theta_k = atan2(g sin k, cos k - h)`` and the azimuth phi:

    F = (1/pi) int_0^pi dk / 2 [ d theta_k d theta_k + sin^2 theta_k d phi d phi ],

the quantum Fisher information per site (half a momentum pair per site). Critical at h = 1 for every g > 0.

*Ising model on the Bethe lattice* of degree q, a Boltzmann machine on a random regular graph: parameters are the
coupling J and the field H, ``p ~ exp(J sum s s' + H sum s)``, and the Fisher metric the Hessian of ``ln Z`` per site.
With the field u of a branch, ``u = H + (q - 1) atanh(tanh J tanh u)``,

    ln Z / N = ln Z_site - (q/2) ln Z_bond,

stationary in u (Bethe 1935; Mezard and Montanari, Information, Physics, and Computation, 2009, chapter 14). Critical at
``tanh J = 1/(q - 1)``, H = 0; a ring at q = 2.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qgeom.information.geodesics import ricci, scalar_curvature

NEWTON = 2
"""Steps of Newton's method that carry derivatives: k steps are exact to the order 2^k - 1, and three are needed."""


@functools.cache
def momenta(count: int) -> np.ndarray:
    """Midpoints of (0, pi): momenta of the even sector of a ring of 2 ``count`` sites."""
    return (np.arange(count) + 0.5) * np.pi / count


def xy_metric(theta: Float[Array, " p"], count: int) -> Float[Array, "p p"]:
    """Quantum Fisher matrix per site at (h, g) or (h, g, phi); ``count`` momenta."""
    k = jnp.asarray(momenta(count), theta.dtype)
    h, g = theta[0], theta[1]
    a, b = g * jnp.sin(k), jnp.cos(k) - h
    square = a * a + b * b
    # d theta = (b da - a db) / (a^2 + b^2)
    slope = jnp.stack([a, b * jnp.sin(k)]) / square
    metric = slope @ slope.T / (2 * count)
    if theta.shape[0] == 2:
        return metric
    rotation = jnp.sum(a * a / square) / (2 * count)
    return jnp.zeros((3, 3), theta.dtype).at[:2, :2].set(metric).at[2, 2].set(rotation)


def xy_curvature(h: float, g: float) -> float:
    r"""Scalar curvature of the infinite XY chain in (h, g), metric per site, in closed form for h, g > 0.

    ``-4 (1 + g)/g`` for h < 1 and ``4 (h + s)/s`` with ``s = sqrt(h^2 + g^2 - 1)`` for h > 1: Zanardi, Giorda and
    Cozzini, PRL 99, 100603 (2007), divided by four because the metric here is the quantum Fisher information.
    """
    if h < 1.0:
        return -4.0 * (1.0 + g) / g
    s = np.sqrt(h * h + g * g - 1.0)
    return float(4.0 * (h + s) / s)


def bethe_potential(theta: Float[Array, "2"], degree: float | Array, start: Array) -> Float[Array, ""]:
    """``ln Z`` per site at (J, H), from a field u near the fixed point."""
    j, h = theta[0], theta[1]

    t, u = jnp.tanh(j), start
    for _ in range(NEWTON):
        v = jnp.tanh(u)
        excess = h + (degree - 1.0) * jnp.arctanh(t * v) - u
        u = u - excess / ((degree - 1.0) * t * (1.0 - v * v) / (1.0 - t * t * v * v) - 1.0)
    up = jnp.logaddexp(j + u, -j - u) - jnp.logaddexp(u, -u)
    down = jnp.logaddexp(-j + u, j - u) - jnp.logaddexp(u, -u)
    site = jnp.logaddexp(h + degree * up, -h + degree * down)
    bond = jnp.logaddexp(j + jnp.logaddexp(2 * u, -2 * u), -j + jnp.log(2.0)) - 2 * jnp.logaddexp(u, -u)
    return site - 0.5 * degree * bond


def bethe_fixed_point(j: float, h: float, degree: int) -> float:
    """The field u of a branch with the sign of H, or the positive one: bisection to rounding."""
    low, high = 1e-12, 50.0 + h
    for _ in range(200):
        u = 0.5 * (low + high)
        low, high = (u, high) if h + (degree - 1) * np.arctanh(np.tanh(j) * np.tanh(u)) > u else (low, u)
    return 0.5 * (low + high) if high > 2e-12 else 0.0


def bethe_critical(degree: int) -> float:
    """The critical coupling, ``atanh(1 / (q - 1))``."""
    return float(np.arctanh(1.0 / (degree - 1)))


def bethe_metric(theta: Float[Array, "2"], degree: float | Array, start: Array) -> Float[Array, "2 2"]:
    """Fisher matrix per site."""
    return jax.hessian(lambda t: bethe_potential(t, degree, start))(theta)


@functools.partial(jax.jit, static_argnums=1)
def xy_scalar(points: Array, count: int) -> Array:
    """Scalar curvatures at (h, g): (n,)."""
    return jax.lax.map(lambda t: scalar_curvature(lambda s: xy_metric(s, count), t), points)


@jax.jit
def _bethe_derivatives(points: Array, degrees: Array, starts: Array) -> tuple[Array, Array]:
    def metric(t: Array, degree: Array, start: Array) -> Array:
        return bethe_metric(t, degree, start)

    return jax.vmap(metric)(points, degrees, starts), jax.vmap(jax.jacfwd(metric))(points, degrees, starts)


def bethe_scalar(points: np.ndarray, degrees: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Scalar curvatures at (J, H): points (n, 2), degrees and fields of a branch (n,)."""
    kind = jnp.result_type(float)
    given = (jnp.asarray(a, kind) for a in (points, degrees, starts))
    return hessian_curvature(*(np.asarray(a, np.float64) for a in _bethe_derivatives(*given)))


def hessian_curvature(metric: np.ndarray, third: np.ndarray) -> np.ndarray:
    r"""Scalar curvature of a metric that is a Hessian ``psi_ij`` in two dimensions: metric (n, 2, 2), ``psi_ijk``.

    ``R = -D / (2 det^2)``, D the determinant of the rows ``(psi_11, psi_12, psi_22)`` and those of their derivatives
    by both parameters (Ruppeiner, Rev. Mod. Phys. 67, 605 (1995)); -1 for normal distributions.
    """
    places = ((0, 0), (0, 1), (1, 1))
    rows = [[metric[:, i, j] for i, j in places]]
    rows += [[third[:, i, j, k] for i, j in places] for k in range(2)]
    table = np.moveaxis(np.array(rows), 2, 0)
    return -np.linalg.det(table) / (2.0 * np.linalg.det(metric) ** 2)


@functools.partial(jax.jit, static_argnums=1)
def xy_ricci(points: Array, count: int) -> tuple[Array, Array]:
    """Metric and Ricci tensor at (h, g, phi): (n, 3, 3) each."""

    def metric(s: Array) -> Array:
        return xy_metric(s, count)

    return jax.lax.map(lambda t: (metric(t), ricci(metric, t)), points)


def anisotropy(metric: np.ndarray, tensor: np.ndarray) -> np.ndarray:
    """Norm of the part of a symmetric tensor without trace over the norm of the whole, in the metric: (n,).

    0 where it is a multiple of the metric, as on an Einstein manifold.
    """
    mixed = np.linalg.solve(metric, tensor)
    p = metric.shape[-1]
    trace = np.trace(mixed, axis1=-2, axis2=-1)
    rest = mixed - trace[..., None, None] / p * np.eye(p)

    def norm(a: np.ndarray) -> np.ndarray:
        return np.sqrt(np.abs(np.einsum("...ij,...ji->...", a, a)))

    return norm(rest) / norm(mixed)


def on_points(function: Callable[[Array, int], Array], points: np.ndarray, count: int) -> np.ndarray:
    """A compiled function over all points (..., p), values in float64."""
    flat = jnp.asarray(points.reshape(-1, points.shape[-1]), jnp.result_type(float))
    return np.asarray(function(flat, count), np.float64).reshape(points.shape[:-1])
