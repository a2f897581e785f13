"""Curves: length and action in any metric, and lengths of curves of points on their own manifold.

A *metric* is a function of the parameters: ``theta -> matrix (p, p)``, or ``theta -> InformationMetric``, which needs
no matrix (:func:`metric_function`). Of a curve ``theta(t)``, ``t`` in [0, 1],

    length = integral sqrt(theta-dot' F theta-dot) dt,    action = 1/2 integral theta-dot' F theta-dot dt,

so that ``length^2 <= 2 action``, with equality at constant speed (Cauchy-Schwarz). In units of information length two
orthogonal states, or two distributions of disjoint support, are pi apart.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from circuits.description import Description, Params, Point
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.metric import InformationMetric, information_metric
from qgeom.information.planning import manifold_of

Metric = Callable[[Array], Any]
"""``theta -> (p, p) matrix`` or ``theta -> InformationMetric``."""


def metric_function(description: Description, data: PyTree | None = None, **options: Any) -> Metric:
    """``theta -> information_metric(description, theta, data, **options)``, for flat parameters."""

    def metric(theta: Params) -> InformationMetric:
        return information_metric(description, theta, data, **options)

    return metric


def matrix_function(metric: Metric) -> Callable[[Array], Float[Array, "p p"]]:
    """The metric as a function from parameters to dense matrices."""

    def matrix(theta: Array) -> Array:
        value = metric(theta)
        return value.as_matrix() if isinstance(value, InformationMetric) else value

    return matrix


def squared_speed(
    metric: Metric, theta: Float[Array, " p"], velocity: Float[Array, " p"]
) -> Float[Array, ""]:
    """``v' F(theta) v``; by one tangent sweep where the metric is an :class:`InformationMetric`."""
    value = metric(theta)
    if isinstance(value, InformationMetric):
        return value.inner(velocity, velocity)
    return velocity @ value @ velocity


def length(metric: Metric, path: Array | Callable[[Array], Array], nodes: int = 32) -> Float[Array, ""]:
    """The length of a curve in parameter space.

    Args:
        metric: the metric as a function of parameters.
        path: points ``(k + 1, p)``, joined by straight lines whose speed is taken at their midpoints (error of second
            order in the step); or a differentiable function of ``t`` in [0, 1], integrated by Gauss-Legendre
            quadrature.
        nodes: quadrature nodes for a function.
    """
    speeds, weights = _squared_speeds(metric, path, nodes)
    return jnp.sum(weights * safe_sqrt(speeds))


def action(metric: Metric, path: Array | Callable[[Array], Array], nodes: int = 32) -> Float[Array, ""]:
    """``1/2 integral theta-dot' F theta-dot dt`` over ``t`` in [0, 1]; arguments as in :func:`length`.

    The points of a discretised path are equidistant in ``t``.
    """
    speeds, weights = _squared_speeds(metric, path, nodes)
    return 0.5 * jnp.sum(weights * speeds)


def segment_lengths(metric: Metric, path: Float[Array, "k1 p"]) -> Float[Array, " k"]:
    """Lengths of the straight segments of a discretised path, by the midpoint rule."""
    speeds, weights = _squared_speeds(metric, path, 0)
    return weights * safe_sqrt(speeds)


def _squared_speeds(
    metric: Metric, path: Array | Callable[[Array], Array], nodes: int
) -> tuple[Array, Array]:
    """Squared speeds ``d theta / dt`` and quadrature weights on [0, 1]."""
    if callable(path):
        times, weights = np.polynomial.legendre.leggauss(nodes)
        dtype = jax.eval_shape(path, jnp.zeros(())).dtype
        times, weights = jnp.asarray(0.5 * (times + 1.0), dtype), jnp.asarray(0.5 * weights, dtype)
        points, velocities = jax.vmap(lambda t: jax.jvp(path, (t,), (jnp.ones_like(t),)))(times)
    else:
        path = jnp.asarray(path)
        if path.ndim != 2 or path.shape[0] < 2:
            raise ValueError(
                f"a path needs shape (points, parameters) with 2 points or more, not {path.shape}"
            )
        k = path.shape[0] - 1
        points, velocities = 0.5 * (path[1:] + path[:-1]), k * (path[1:] - path[:-1])
        weights = jnp.full(k, 1.0 / k, path.dtype)
    # One point after the other: a batch would hold the states of all of them.
    speeds = jax.lax.map(lambda pair: squared_speed(metric, *pair), (points, velocities))
    return speeds, weights


def distance(first: Point, second: Point) -> Float[Array, ""]:
    """The geodesic distance of two points on their own manifold, in units of information length.

    States: twice the Fubini-Study angle; density matrices: twice the Bures angle; distributions:
    ``2 arccos sum sqrt(p q)``; normal distributions of unit variance: the distance of the means. No path through a
    description is shorter.
    """
    return manifold_of(first).distance(first, second)


def point_length(points: Point) -> Float[Array, ""]:
    """The length of a curve of points (every array with a leading axis): geodesic distances, summed.

    A polygon inscribed in the curve, so a lower bound of its length; the error falls with the square of the step.
    """
    return jnp.sum(point_steps(points))


def point_steps(points: Point) -> Float[Array, " k"]:
    """Geodesic distances between successive points of a curve."""
    before = jax.tree.map(lambda a: a[:-1], points)
    after = jax.tree.map(lambda a: a[1:], points)
    return jax.vmap(manifold_of(points).distance)(before, after)
