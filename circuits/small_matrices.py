"""The 2x2 and 4x4 matrices of :class:`circuits.lowering.Dense` elements, for a batch of angles, in planar form."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import planar
from circuits.planar import Planar

_FIXED: dict[str, np.ndarray] = {
    "H": np.array([[1.0, 1.0], [1.0, -1.0]]) / math.sqrt(2.0),
    "NOT": np.array([[0.0, 1.0], [1.0, 0.0]]),
}
for _name, _angle in {
    "RY_HALF_PI": math.pi / 2,
    "RY_MINUS_HALF_PI": -math.pi / 2,
    "RY_QUARTER_PI": math.pi / 4,
    "RY_MINUS_QUARTER_PI": -math.pi / 4,
}.items():
    _c, _s = math.cos(_angle / 2), math.sin(_angle / 2)
    _FIXED[_name] = np.array([[_c, -_s], [_s, _c]])

_I, _X, _Y, _Z = np.eye(2), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1.0, -1.0])
_PAULIS = (_I, _X, _Y, _Z)
#: Pauli strings on two qubits without the identity, lexicographic: IX, IY, IZ, XI, ...
_STRINGS = np.array([np.kron(a, b) for a in _PAULIS for b in _PAULIS][1:])

_REAL_KINDS = frozenset({*_FIXED, "RY", "GIVENS"})


def is_real(kind: str) -> bool:
    """Whether the matrix has no imaginary part at any angle."""
    return kind in _REAL_KINDS


def _rows(entries: list[list[Array]]) -> Array:
    return jnp.stack([jnp.stack(row, -1) for row in entries], -2)


def _rotation(angle: Float[Array, " m"]) -> Float[Array, "m 2 2"]:
    half = 0.5 * angle[..., None, None]
    # one elementwise expression, no concatenation of entries: a single kernel to compile
    one, turn = jnp.eye(2, dtype=angle.dtype), jnp.array([[0.0, -1.0], [1.0, 0.0]], angle.dtype)
    return jnp.cos(half) * one + jnp.sin(half) * turn


def _givens(angle: Float[Array, " m"]) -> Float[Array, "m 4 4"]:
    c, s = jnp.cos(0.5 * angle), jnp.sin(0.5 * angle)
    one, zero = jnp.ones_like(c), jnp.zeros_like(c)
    return _rows([[one, zero, zero, zero], [zero, c, s, zero], [zero, -s, c, zero], [zero, zero, zero, one]])


def _su2(angles: Float[Array, "m 3"]) -> Planar:
    """exp(-i/2 a.sigma) = cos(r/2) - i sin(r/2)/r a.sigma, with r = |a| and a derivative that is finite at zero."""
    square = jnp.sum(angles * angles, -1)
    small = square < 1e-6
    r = jnp.sqrt(jnp.where(small, 1.0, square))
    # series where r is small: the closed form has 0/0 in its derivatives
    cos = jnp.where(small, 1 - square / 8 + square**2 / 384, jnp.cos(0.5 * r))
    sin = jnp.where(small, 0.5 - square / 48 + square**2 / 3840, jnp.sin(0.5 * r) / r)
    x, y, z = (angles[..., k] * sin for k in range(3))
    return Planar(_rows([[cos, -y], [y, cos]]), _rows([[-z, -x], [-x, z]]))


def _exponential(generator: Planar, squarings: int = 10) -> Planar:
    """exp of small matrices by a Taylor polynomial and repeated squaring.

    The number of squarings follows the norm, per matrix, up to ``2**squarings``, so that angles of ordinary size lose
    no digits; the loop has a fixed length and differentiates in every mode.
    """
    norm = jnp.sqrt(jnp.sum(generator.re**2 + generator.im**2, (-1, -2)))
    needed = jnp.clip(jnp.ceil(jnp.log2(jnp.maximum(norm, 1e-30))) + 1.0, 0.0, float(squarings))
    scale = jnp.exp2(-needed)[..., None, None]
    a = Planar(generator.re * scale, generator.im * scale)
    identity = jnp.broadcast_to(jnp.eye(a.re.shape[-1], dtype=a.re.dtype), a.re.shape)
    result = Planar(identity, jnp.zeros_like(identity))

    # Horner; |a| <= 1/2, so the remainder is below 2**-16 / 16!. Loops, since unrolled products dominate compilation.
    def horner(p: Planar, k: Array) -> tuple[Planar, None]:
        product = planar.matmul(a, p)
        return Planar(identity + product.re / k, product.im / k), None

    def square(p: Planar, k: Array) -> tuple[Planar, None]:
        squared = planar.matmul(p, p)
        keep = (needed > k)[..., None, None]
        return Planar(jnp.where(keep, squared.re, p.re), jnp.where(keep, squared.im, p.im)), None

    dtype = norm.dtype
    result, _ = jax.lax.scan(horner, result, jnp.arange(15, 0, -1, dtype=dtype))
    result, _ = jax.lax.scan(square, result, jnp.arange(squarings, dtype=dtype))
    return result


def _su4(angles: Float[Array, "m 15"]) -> Planar:
    """exp(-i/2 sum_s a_s P_s)."""
    strings = Planar(jnp.asarray(_STRINGS.real, angles.dtype), jnp.asarray(_STRINGS.imag, angles.dtype))
    # -i/2 (R + i I) = I/2 - i R/2
    re = 0.5 * jnp.einsum("...s,sij->...ij", angles, strings.im)
    im = -0.5 * jnp.einsum("...s,sij->...ij", angles, strings.re)
    return _exponential(Planar(re, im))


def matrices(kind: str, angles: Float[Array, "m k"], dtype: Any) -> Planar:
    """A batch of matrices of one kind; fixed kinds have ``k = 0``."""
    if kind in _FIXED:
        fixed = jnp.asarray(_FIXED[kind], dtype)
        return Planar(jnp.broadcast_to(fixed, (angles.shape[0], *fixed.shape)), None)
    if kind == "RY":
        return Planar(_rotation(angles[:, 0]), None)
    if kind == "GIVENS":
        return Planar(_givens(angles[:, 0]), None)
    if kind == "SU2":
        return _su2(angles)
    return _su4(angles)
