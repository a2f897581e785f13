r"""Covariant acceleration of curves of states or distributions, and parallel transport between two points.

A point is a unit vector u: a state vector (complex, up to a phase), or the roots of probabilities (real). Twice the
round metric of real unit vectors, and twice the Fubini-Study metric of rays, are the information metrics, hence the
factors 2 here: velocities and accelerations are in units of information length. With ``P = 1 - |u><u|``,

    velocity = 2 P u',        acceleration = 2 P (u'' - 2 <u|u'> u'),

the Levi-Civita derivative of the velocity along the curve: zero on geodesics of constant speed, and multiplied by a
phase where u is. In Newton's words it is the force on a particle of mass one (do Carmo, Riemannian Geometry, 1992,
chapter 3; for rays: Anandan and Aharonov, PRL 65, 1697 (1990)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact


class Motion(NamedTuple):
    """A point of a curve, its velocity and its covariant acceleration; tangent vectors are orthogonal to the point."""

    point: Inexact[Array, " d"]
    velocity: Inexact[Array, " d"]
    acceleration: Inexact[Array, " d"]


def motion(curve: Callable[[Array], Array], s: Float[Array, ""]) -> Motion:
    """Velocity and acceleration at ``s`` of a curve of unit vectors (not checked), by differentiation."""
    return motions(lambda t: (curve(t),), s)[0]


def motions(curves: Callable[[Array], tuple[Array, ...]], s: Float[Array, ""]) -> tuple[Motion, ...]:
    """The same of several curves that one function computes, differentiated once."""
    one = jnp.ones_like(s)

    def velocities(t: Array) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        return jax.jvp(curves, (t,), (one,))

    (points, first), (_, second) = jax.jvp(velocities, (s,), (one,))
    return tuple(
        Motion(u, 2.0 * _across(u, v), 2.0 * _across(u, a - 2.0 * jnp.vdot(u, v) * v))
        for u, v, a in zip(points, first, second, strict=True)
    )


def _across(u: Array, v: Array) -> Array:
    return v - jnp.vdot(u, v) * u


def transported(
    tangent: Inexact[Array, " d"], first: Inexact[Array, " d"], second: Inexact[Array, " d"]
) -> Inexact[Array, " d"]:
    """A tangent vector at ``first``, moved to ``second`` parallel to itself along the shortest geodesic.

    Lengths and angles are kept. Between orthogonal states no geodesic is the shortest: the result is not a number.
    """
    overlap = jnp.vdot(first, second)
    size = jnp.abs(overlap).astype(overlap.dtype)
    phase = overlap / size
    away = second / phase - size * first  # along the geodesic, of length sin of the angle
    part = jnp.vdot(away, tangent)
    moved = tangent - part * first - part / (1.0 + size) * away
    return moved * phase


def force(with_it: Motion, without: Motion) -> Inexact[Array, " d"]:
    """The acceleration of one curve minus that of another, moved to the first: a tangent vector at its point."""
    return with_it.acceleration - transported(without.acceleration, without.point, with_it.point)


def across(tangent: Inexact[Array, " d"], velocity: Inexact[Array, " d"]) -> Inexact[Array, " d"]:
    """The part of a tangent vector at right angles to the velocity; all of it where the curve stands still."""
    squared = jnp.sum(jnp.square(jnp.abs(velocity)))
    share = jnp.vdot(velocity, tangent).real / jnp.where(squared > 0.0, squared, jnp.ones_like(squared))
    return tangent - share.astype(velocity.dtype) * velocity


def norm(tangent: Inexact[Array, " d"]) -> Float[Array, ""]:
    """The length of a tangent vector."""
    return jnp.sqrt(jnp.sum(jnp.square(jnp.abs(tangent))))


def angle(first: Inexact[Array, " d"], second: Inexact[Array, " d"]) -> Float[Array, ""]:
    """The geodesic distance of two points in units of information length: orthogonal ones are pi apart."""
    rest = _across(first, second)
    return 2.0 * jnp.arctan2(norm(rest), jnp.abs(jnp.vdot(first, second)))
