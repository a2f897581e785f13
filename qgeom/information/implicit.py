"""Pure states known by their overlaps: four times Fubini-Study in the coordinates of a tensor network.

With ``o(B, A) = <psi(B)|psi(A)>`` and N = o(A, A), the metric of the rays of unnormalised vectors is

    g(s, t) = 4 Re [ <ds|dt> / N - <ds|psi><psi|dt> / N^2 ],    |dt> = d psi(A)[t],

so the cotangent vector ``g(., t)`` is the gradient by B, at B = A, of a real function that holds ``|dt>`` as one
derivative of the overlap by A. Both cost a few overlaps, in time and in memory, and no vector is ever formed. On the
arrays of an MPS this is the Gram matrix of its tangent space, and the kernel is the gauge.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from circuits.description import ImplicitState
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.manifold import PointMetric, real_view


@dataclass(frozen=True)
class ImplicitFubiniStudy(PointMetric):
    """Rays of states that are given by their overlaps, ``g(s, t) = 4 Re <s|(1 - |psi><psi|)|t>``.

    There is no isometry into R^m short of the state vector: matrices come from pairs of vectors, by columns.
    """

    name: ClassVar[str] = "4 x Fubini-Study of pure states, by overlaps"
    isometric: ClassVar[bool] = False

    def isometry(self, point: ImplicitState, tangent: ImplicitState) -> Float[Array, " m"]:
        raise NotImplementedError("states known by their overlaps have no isometry short of the state vector")

    def lower(self, point: ImplicitState, tangent: Any) -> Any:
        def paired(bra: ImplicitState) -> Array:
            crossed, moved = jax.jvp(bra.overlap, (point,), (tangent,))
            own, along = jax.jvp(point.overlap, (point,), (tangent,))
            norm = own.real
            whole = moved / norm.astype(moved.dtype) - crossed * along / jnp.square(norm).astype(moved.dtype)
            return 4.0 * whole.real

        # The gradient of a real function by complex arrays pairs without conjugation.
        return jax.tree.map(jnp.conj, jax.grad(paired)(point))

    def pair(self, point: ImplicitState, tangent: Any) -> tuple[Array, Array]:
        return _coordinates(tangent), _coordinates(self.lower(point, tangent))

    def distance(self, first: ImplicitState, second: ImplicitState) -> Float[Array, ""]:
        """``2 arccos |<a|b>|``: differences below the square root of the precision are lost in the overlap."""
        overlap = jnp.abs(first.overlap(second))
        cosine = overlap / jnp.sqrt(jnp.abs(first.overlap(first)) * jnp.abs(second.overlap(second)))
        cosine = jnp.minimum(cosine, 1.0)
        return 2.0 * jnp.arctan2(safe_sqrt((1.0 - cosine) * (1.0 + cosine)), cosine)


def _coordinates(tangent: Any) -> Float[Array, " m"]:
    """All arrays of a tangent vector as one real vector: the pairing ``Re sum conj(a) b`` is its inner product."""
    flat = ravel_pytree(tangent)[0]
    return real_view(flat) if jnp.iscomplexobj(flat) else flat
