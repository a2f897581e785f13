"""Complex arrays as pairs of real ones: the engine's own format.

Real matrices then act on both parts at half the cost of a complex product, XLA's real matrix product is faster than
its complex one on CPUs, and every rule of differentiation is the real one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Complex, Float


class Planar(NamedTuple):
    """A complex array ``re + i im``. States have both parts; a matrix that is real has ``im = None``."""

    re: Array
    im: Any


def from_complex(z: Complex[Array, "..."]) -> Planar:
    return Planar(z.real, z.imag)


def to_complex(p: Planar) -> Complex[Array, "..."]:
    return jax.lax.complex(p.re, jnp.zeros_like(p.re) if p.im is None else p.im)


def mapped(function: Callable[[Array], Array], a: Planar) -> Planar:
    """A real-linear function of both parts; a real matrix stays real."""
    return Planar(function(a.re), None if a.im is None else function(a.im))


def bilinear(function: Callable[[Array, Array], Array], a: Planar, b: Planar) -> Planar:
    """A real-bilinear product of a matrix, which may be real, and states, by two real products or four."""
    if a.im is None:
        return Planar(function(a.re, b.re), function(a.re, b.im))
    return Planar(function(a.re, b.re) - function(a.im, b.im), function(a.re, b.im) + function(a.im, b.re))


def matmul(a: Planar, b: Planar) -> Planar:
    """Product of (batches of) matrices; real times real stays real."""
    if a.im is None and b.im is None:
        return Planar(a.re @ b.re, None)
    if a.im is None:
        return Planar(a.re @ b.re, a.re @ b.im)
    if b.im is None:
        return Planar(a.re @ b.re, a.im @ b.re)
    return Planar(a.re @ b.re - a.im @ b.im, a.re @ b.im + a.im @ b.re)


def adjoint(a: Planar) -> Planar:
    """Conjugate transpose of (a batch of) matrices."""
    return Planar(jnp.swapaxes(a.re, -1, -2), None if a.im is None else -jnp.swapaxes(a.im, -1, -2))


def kron(a: Planar, b: Planar) -> Planar:
    """Kronecker product of the last two axes, batched over the rest."""

    def real(x: Float[Array, "... m n"], y: Float[Array, "... p q"]) -> Float[Array, "... mp nq"]:
        z = x[..., :, None, :, None] * y[..., None, :, None, :]
        return z.reshape(*z.shape[:-4], z.shape[-4] * z.shape[-3], z.shape[-2] * z.shape[-1])

    if a.im is None and b.im is None:
        return Planar(real(a.re, b.re), None)
    if a.im is None:
        return Planar(real(a.re, b.re), real(a.re, b.im))
    if b.im is None:
        return Planar(real(a.re, b.re), real(a.im, b.re))
    return Planar(real(a.re, b.re) - real(a.im, b.im), real(a.re, b.im) + real(a.im, b.re))


def multiply(a: Planar, b: Planar) -> Planar:
    """Elementwise product; either factor may be real."""
    if a.im is None and b.im is None:
        return Planar(a.re * b.re, None)
    if a.im is None:
        return Planar(a.re * b.re, a.re * b.im)
    if b.im is None:
        return Planar(a.re * b.re, a.im * b.re)
    return Planar(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re)


def conjugate(a: Planar) -> Planar:
    return Planar(a.re, None if a.im is None else -a.im)
