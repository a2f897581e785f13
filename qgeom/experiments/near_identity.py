"""A circuit that starts near the identity: the counterpart of the skip connections of a residual network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
from jaxtyping import Array, Float, Key

from circuits.circuit import Circuit
from circuits.description import Distribution, Reading, parameter_dtype
from circuits.measured import Measured


@dataclass(frozen=True)
class NearIdentity(Reading):
    """A measured circuit whose random parameters are normal with a small standard deviation.

    A block ``exp(-i theta G)`` of small angles is the identity plus a small term, ``1 - i theta G``, as a residual
    block is; the way of Grant et al., Quantum 3, 214 (2019), to the same end is to let each block undo itself. Whatever
    has no parameter, encodings and fixed gates, acts in full.

    Args:
        measured: The circuit and its readout.
        scale: Standard deviation of the angles, rad.
    """

    measured: Measured
    scale: float

    @property
    def structure(self) -> Circuit:
        """The circuit."""
        return self.measured.circuit

    def init(self, key: Key[Array, ""], dtype: Any = None) -> Float[Array, " P"]:
        """Normal angles, shape (P,)."""
        return self.scale * jax.random.normal(key, (self.n_parameters,), parameter_dtype(dtype))

    def __call__(self, params: Float[Array, " P"], x: Array | None = None) -> Distribution:
        """As of the measured circuit."""
        return self.measured(params, x)

    def curve(self, params: Float[Array, " P"], x: Array | None = None) -> Distribution:
        """As of the measured circuit."""
        return self.measured.curve(params, x)
