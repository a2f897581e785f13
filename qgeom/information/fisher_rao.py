"""Categorical distributions: the Fisher-Rao metric ``g(s, t) = sum_x s_x t_x / p_x``.

The map ``p -> 2 sqrt(p)`` takes the simplex isometrically to the sphere of radius 2, so the distance is
``2 arccos(sum_x sqrt(p_x q_x))`` (Rao 1945; Amari and Nagaoka 2000, section 2.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from circuits.description import Distribution
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.manifold import PointMetric

DEFAULT_THRESHOLD = 1e-12


@dataclass(frozen=True)
class FisherRao(PointMetric):
    """The simplex with the Fisher-Rao metric; distributions of disjoint support are pi apart.

    Outcomes of probability at most ``threshold`` are left out of the metric and counted (``dropped``): there the
    Fisher information is an indeterminate 0/0. The others are not renormalised. Distances use all outcomes.
    """

    threshold: float = DEFAULT_THRESHOLD
    name: ClassVar[str] = "Fisher-Rao of categorical distributions"

    def isometry(self, point: Distribution, tangent: Distribution) -> Float[Array, " m"]:
        kept, p = self._kept(point)
        return jnp.where(kept, tangent.probabilities / jnp.sqrt(p), jnp.zeros_like(p))

    def lower(self, point: Distribution, tangent: Distribution) -> Distribution:
        kept, p = self._kept(point)
        return Distribution(jnp.where(kept, tangent.probabilities / p, jnp.zeros_like(p)))

    def distance(self, first: Distribution, second: Distribution) -> Float[Array, ""]:
        # On the sphere of radius 2: 4 arcsin(|chord| / 2), exact for neighbours where the arccos is not.
        difference = safe_sqrt(first.probabilities) - safe_sqrt(second.probabilities)
        chord = safe_sqrt(jnp.sum(jnp.square(difference)))
        return 4.0 * jnp.arcsin(jnp.minimum(0.5 * chord, 1.0))

    def dropped(self, point: Distribution) -> Int[Array, ""]:
        return jnp.sum(~self._kept(point)[0], dtype=jnp.int32)

    def _kept(self, point: Distribution) -> tuple[Bool[Array, " k"], Float[Array, " k"]]:
        p = point.probabilities
        kept = p > self.threshold
        return kept, jnp.where(kept, p, jnp.ones_like(p))
