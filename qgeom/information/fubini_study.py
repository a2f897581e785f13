"""Pure states: four times the Fubini-Study metric, which is the quantum Fisher metric (QFIM).

The quantum geometric tensor is ``Q_ij = <d_i psi|(1 - |psi><psi|)|d_j psi>``; its real part is the Fubini-Study
metric, ``4 Re Q`` the quantum Fisher information and ``-2 Im Q`` the Berry curvature (Provost and Vallee, Comm.
Math. Phys. 76, 289 (1980); Braunstein and Caves, PRL 72, 3439 (1994)).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Complex, Float

from circuits.description import State
from qgeom.information.manifold import PointMetric, real_view


@dataclass(frozen=True)
class FubiniStudy(PointMetric):
    """Rays of normalised state vectors with ``g(s, t) = 4 Re <s|(1 - |psi><psi|)|t>``.

    The distance of orthogonal states is pi, twice the Fubini-Study angle; ``1 - |<psi|psi'>|^2 = g/4`` to leading
    order.
    """

    name: ClassVar[str] = "4 x Fubini-Study of pure states"

    def isometry(self, point: State, tangent: State) -> Float[Array, " m"]:
        return real_view(2.0 * horizontal(point.vector, tangent.vector))

    def lower(self, point: State, tangent: State) -> State:
        return State(4.0 * horizontal(point.vector, tangent.vector))

    def distance(self, first: State, second: State) -> Float[Array, ""]:
        # 2 arccos|<a|b>| loses half of the digits for neighbours: the angle of b's parts along and across a does not.
        overlap = jnp.vdot(first.vector, second.vector)
        across = second.vector - overlap * first.vector
        squared = jnp.sum(jnp.square(across.real) + jnp.square(across.imag))
        return 2.0 * jnp.arctan2(safe_sqrt(squared), jnp.abs(overlap))


def horizontal(psi: Complex[Array, " dim"], tangent: Complex[Array, " dim"]) -> Complex[Array, " dim"]:
    """``(1 - |psi><psi|)|tangent>``: the part of a tangent vector that changes the ray."""
    return tangent - psi * jnp.vdot(psi, tangent)


def safe_sqrt(x: Array) -> Array:
    """Square root whose derivative at zero is zero instead of infinite."""
    positive = x > 0.0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, x, jnp.ones_like(x))), jnp.zeros_like(x))
