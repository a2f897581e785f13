r"""Functions of matrices whose derivatives exist where eigenvalues coincide.

Momenta ``k`` and ``-k`` have one energy, so the spectra of quadratic Hamiltonians are degenerate as a rule, and
eigenvectors have no derivative there. The matrix functions have: their rules (Daleckii and Krein 1951; Higham,
*Functions of Matrices*, 2008, chapter 3) are built from divided differences or from the equation that defines the
function. Those of :func:`polar_factor`, :func:`square_root` and :func:`sylvester` can be differentiated again, to any
order; those of :func:`singular_tanh` and :func:`hot_root` once at degenerate points, again where the values differ.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def transpose(a: Array) -> Array:
    """The transpose of the last two axes."""
    return jnp.swapaxes(a, -1, -2)


def symmetric(a: Array) -> Array:
    """``(A + A')/2``."""
    return 0.5 * (a + transpose(a))


def antisymmetric(a: Array) -> Array:
    """``(A - A')/2``."""
    return 0.5 * (a - transpose(a))


@jax.custom_jvp
def sylvester(p: Float[Array, "d d"], c: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """``X`` with ``P X + X P = C`` for symmetric positive semi-definite ``P``; zero from kernel to kernel of ``P``."""
    values, q = jnp.linalg.eigh(p)
    sums = values[:, None] + values[None, :]
    # Positive ones alone: a pair of zero modes has no first-order response.
    kept = sums > 4.0 * p.shape[-1] * jnp.finfo(p.dtype).eps * jnp.max(jnp.abs(values))
    inverse = jnp.where(kept, 1.0 / jnp.where(kept, sums, jnp.ones_like(sums)), jnp.zeros_like(sums))
    return q @ ((q.T @ c @ q) * inverse) @ q.T


@sylvester.defjvp
def _sylvester_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    p, c = primals
    p_dot, c_dot = tangents
    x = sylvester(p, c)
    return x, sylvester(p, c_dot - p_dot @ x - x @ p_dot)


@jax.custom_jvp
def polar_factor(a: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """The orthogonal ``W`` of ``A = W P``, ``P`` positive semi-definite: ``U V'`` of the singular vectors."""
    u, _, vt = jnp.linalg.svd(a, full_matrices=False)
    return u @ vt


@polar_factor.defjvp
def _polar_factor_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    # W'dW = Omega is antisymmetric and P Omega + Omega P = W'dA - dA'W.
    (a,), (a_dot,) = primals, tangents
    w = polar_factor(a)
    turned = w.T @ a_dot
    return w, w @ sylvester(symmetric(w.T @ a), turned - turned.T)


@jax.custom_jvp
def square_root(m: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """The symmetric square root of a positive semi-definite matrix; negative rounding errors count as zero."""
    values, q = jnp.linalg.eigh(m)
    return (q * jnp.sqrt(jnp.maximum(values, 0.0))) @ q.T


@square_root.defjvp
def _square_root_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (m,), (m_dot,) = primals, tangents
    root = square_root(m)
    return root, sylvester(root, symmetric(m_dot))


@jax.custom_jvp
def singular_tanh(a: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """``U tanh(S) V'`` of ``A = U S V'``; for antisymmetric ``A`` it is ``-i tanh(i A)``."""
    u, s, vt = jnp.linalg.svd(a, full_matrices=False)
    return (u * jnp.tanh(s)) @ vt


@singular_tanh.defjvp
def _singular_tanh_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (a,), (a_dot,) = primals, tangents
    u, s, vt = jnp.linalg.svd(a, full_matrices=False)
    t = jnp.tanh(s)
    inner = u.T @ a_dot @ vt.T
    # (tanh a -+ tanh b)/(a -+ b) = tanhc(a -+ b) (1 -+ tanh a tanh b).
    products = t[:, None] * t[None, :]
    even = _tanhc(s[:, None] - s[None, :]) * (1.0 - products)
    odd = _tanhc(s[:, None] + s[None, :]) * (1.0 + products)
    return (u * t) @ vt, u @ (even * symmetric(inner) + odd * antisymmetric(inner)) @ vt


@jax.custom_jvp
def hot_root(m: Float[Array, "d d"]) -> Float[Array, "d d"]:
    """``sqrt(M) coth(sqrt M)`` of a positive definite matrix: the square root, at finite temperature."""
    values, q = jnp.linalg.eigh(m)
    return (q * _coth_root(values)[0]) @ q.T


@hot_root.defjvp
def _hot_root_jvp(primals: Any, tangents: Any) -> tuple[Array, Array]:
    (m,), (m_dot,) = primals, tangents
    values, q = jnp.linalg.eigh(m)
    image, w, coth = _coth_root(values)
    # With g(w) = w coth w: (g(a) - g(b))/(a^2 - b^2) = (coth a + b tanhc(a - b) (1 - coth a coth b))/(a + b).
    a, b, coth_a, coth_b = w[:, None], w[None, :], coth[:, None], coth[None, :]
    divided = (coth_a + b * _tanhc(a - b) * (1.0 - coth_a * coth_b)) / (a + b)
    return (q * image) @ q.T, q @ (symmetric(divided) * (q.T @ symmetric(m_dot) @ q)) @ q.T


def _coth_root(values: Array) -> tuple[Array, Array, Array]:
    w = jnp.sqrt(jnp.maximum(values, jnp.finfo(values.dtype).tiny))
    coth = 1.0 / jnp.tanh(w)
    return w * coth, w, coth


def _tanhc(x: Array) -> Array:
    """``tanh(x)/x``, 1 at zero."""
    small = jnp.abs(x) < 1e-4
    safe = jnp.where(small, jnp.ones_like(x), x)
    return jnp.where(small, 1.0 - x * x / 3.0, jnp.tanh(safe) / safe)


def pfaffian(a: Float[Array, "d d"]) -> Float[Array, ""]:
    """The Pfaffian of a real antisymmetric matrix, by Parlett and Reid's elimination with pivoting.

    Wimmer, ACM Trans. Math. Softw. 38, 30 (2012). Zero for odd ``d``, one for ``d = 0``.
    """
    d = a.shape[-1]
    if d % 2:
        return jnp.zeros((), a.dtype)
    positions = jnp.arange(d)

    def step(k: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        a, value = carry
        i = 2 * k
        column = jnp.where(positions > i, jnp.abs(a[:, i]), -1.0)
        pivot = jnp.argmax(column)
        order = positions.at[i + 1].set(pivot).at[pivot].set(i + 1)
        a = a[order][:, order]
        value = jnp.where(pivot == i + 1, value, -value) * a[i, i + 1]
        below = positions > i + 1
        divisor = jnp.where(a[i, i + 1] == 0.0, jnp.ones_like(value), a[i, i + 1])
        tau = jnp.where(below, a[i] / divisor, 0.0)
        row = jnp.where(below, a[i + 1], 0.0)
        return a - tau[:, None] * row[None, :] + row[:, None] * tau[None, :], value

    return jax.lax.fori_loop(0, d // 2, step, (a, jnp.ones((), a.dtype)))[1]
