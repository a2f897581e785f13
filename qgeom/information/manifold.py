"""The manifolds of points, each with its own metric, of which the information metric is the pullback.

A description takes parameters to a point of a manifold; the metric ``g`` of that manifold, pulled back, is the
information metric ``F(u, v) = g(J u, J v)``. A manifold is stateless; its metric is given three times, because each
form is the cheap one somewhere:

* ``isometry``: a linear map of tangent vectors into R^m that keeps lengths, so that ``F = T T'``;
* ``lower``: the cotangent vector ``g(t, .)``, so that ``F v = J' lower(J v)``;
* ``distance``: the geodesic distance, in the same unit as the metric.
"""

from __future__ import annotations

import abc
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from circuits.description import Gaussian


@dataclass(frozen=True)
class PointMetric(abc.ABC):
    """The metric of a manifold of points; points and tangent vectors are the same pytrees."""

    name: ClassVar[str]
    bounded: ClassVar[bool] = True
    """Whether the coordinates of points are of order one, so that their rounding errors are epsilon."""
    isometric: ClassVar[bool] = True
    """Whether ``isometry`` is at hand; else matrices come from ``pair``, by columns."""

    @abc.abstractmethod
    def isometry(self, point: Any, tangent: Any) -> Float[Array, " m"]:
        """A real vector, linear in ``tangent``, of squared length ``g(tangent, tangent)``."""

    @abc.abstractmethod
    def lower(self, point: Any, tangent: Any) -> Any:
        """``g(tangent, .)``: the pairing with a tangent vector ``s`` is ``Re sum conj(lower) s``."""

    @abc.abstractmethod
    def distance(self, first: Any, second: Any) -> Float[Array, ""]:
        """The geodesic distance of two points, in units of information length."""

    def pair(self, point: Any, tangent: Any) -> tuple[Float[Array, " m"], Float[Array, " m"] | None]:
        """Real vectors ``(l, r)`` with ``g(s, t) = l(s) . r(t)``; ``r = None`` says that both are the isometry."""
        return self.isometry(point, tangent), None

    def squared_speed(self, point: Any, tangent: Any) -> Float[Array, ""]:
        """``g(tangent, tangent)``."""
        left, right = self.pair(point, tangent)
        return jnp.sum(left * (left if right is None else right))

    def dropped(self, point: Any) -> Int[Array, ""]:
        """How many coordinates of the point the metric leaves out because they are too close to the edge."""
        return jnp.zeros((), jnp.int32)

    def size(self, point: Any) -> Float[Array, ""]:
        """Size of the coordinates of a point: they carry rounding errors of this times epsilon."""
        return jnp.ones(())


@dataclass(frozen=True)
class Euclidean(PointMetric):
    """Normal distributions of unit variance per component: the Fisher metric is the identity on the means.

    ``KL(N(a, 1) || N(b, 1)) = |a - b|^2 / 2``, so the Fisher information of the mean is 1 and the information
    distance is ``|a - b|``.
    """

    name: ClassVar[str] = "Fisher-Rao of unit-variance normal distributions"
    bounded: ClassVar[bool] = False

    def isometry(self, point: Gaussian, tangent: Gaussian) -> Float[Array, " m"]:
        return tangent.mean.reshape(-1)

    def lower(self, point: Gaussian, tangent: Gaussian) -> Gaussian:
        return tangent

    def distance(self, first: Gaussian, second: Gaussian) -> Float[Array, ""]:
        return jnp.sqrt(jnp.sum(jnp.square(first.mean - second.mean)))

    def size(self, point: Gaussian) -> Float[Array, ""]:
        return jnp.max(jnp.abs(point.mean))


def real_view(z: Array) -> Array:
    """Real and imaginary parts side by side on the last axis: an isometry of C^m and R^2m."""
    return jnp.concatenate([z.real, z.imag], axis=-1)
