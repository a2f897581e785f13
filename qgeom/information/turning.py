r"""How much a path of points turns: angles between its steps on the manifold of the points, without coordinates.

For the points ``y_0, ..., y_K`` of a path, each the points of all data, the steps at ``y_k`` are the logarithms
``a = log_{y_k} y_{k-1}`` and ``b = log_{y_k} y_{k+1}``: the velocities there of the geodesics to the two neighbours.
The path turns by the angle between ``-a`` and ``b``, in the metric of the product manifold, the mean over data of
Fisher-Rao (or Fubini-Study) metrics: zero on a geodesic of that manifold, pi where the path goes back. It depends on
the points alone, so it is the same in all parameters. The sum of the angles over the length is the curvature of the
path. Two curvatures add up in it: that of the path within the submanifold that a description can reach, and that of
the submanifold itself.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits.description import Distribution, Gaussian, Point, State


def turning_angles(points: Point) -> Float[Array, " inner"]:
    """The angle, 0 to pi, by which the path turns at each inner point; zero where a step has no length.

    Args:
        points: every array with leading axes (K + 1, data): K - 1 angles.

    Raises:
        TypeError: for points that are not distributions, normal distributions or states.
    """

    def at(before: Point, here: Point, after: Point) -> Array:
        backward = jax.vmap(logarithm)(here, before).reshape(-1)
        return angle(-backward, jax.vmap(logarithm)(here, after).reshape(-1))

    parts = (
        jax.tree.map(lambda a, s=s: a[s], points) for s in (slice(None, -2), slice(1, -1), slice(2, None))
    )
    return jax.vmap(at)(*parts)


def logarithm(here: Point, there: Point) -> Float[Array, " m"]:
    """The tangent vector at ``here`` whose geodesic is at ``there`` after unit time; its norm is their distance.

    In coordinates in which the metric is the identity: for distributions those of the sphere ``2 sqrt(p)``, for states
    twice the real and imaginary parts of the horizontal vector, the phase of ``there`` turned to that of ``here``. Zero
    for points as far apart as can be, where it is not defined.
    """
    if isinstance(here, Gaussian) and isinstance(there, Gaussian):
        return (there.mean - here.mean).reshape(-1)
    if isinstance(here, Distribution) and isinstance(there, Distribution):
        s, t = jnp.sqrt(here.probabilities), jnp.sqrt(there.probabilities)
        along = jnp.dot(s, t)
        return _stretched(t - along * s, along)
    if isinstance(here, State) and isinstance(there, State):
        overlap = jnp.vdot(here.vector, there.vector)
        size = jnp.abs(overlap)
        phase = jnp.conj(overlap) / jnp.where(size > 0.0, size, 1.0).astype(overlap.dtype)
        across = there.vector * phase - size.astype(overlap.dtype) * here.vector
        return _stretched(jnp.concatenate([across.real, across.imag]), size)
    raise TypeError(f"no logarithm for points of type {type(here).__name__}")


def angle(first: Float[Array, " m"], second: Float[Array, " m"]) -> Float[Array, ""]:
    """The angle of two vectors, 0 to pi, exact for nearly parallel ones; zero if one of them vanishes."""
    a, b = jnp.linalg.norm(first), jnp.linalg.norm(second)
    there = (a > 0.0) & (b > 0.0)
    u = first / jnp.where(there, a, 1.0)
    v = second / jnp.where(there, b, 1.0)
    return jnp.where(there, 2.0 * jnp.arctan2(jnp.linalg.norm(u - v), jnp.linalg.norm(u + v)), 0.0)


def _stretched(across: Array, along: Array) -> Array:
    """Twice the arc along ``across``, the part of the other point that is orthogonal to this one."""
    norm = jnp.linalg.norm(across)
    safe = jnp.where(norm > 0.0, norm, 1.0)
    return across * jnp.where(norm > 0.0, 2.0 * jnp.arctan2(norm, along) / safe, 0.0)
