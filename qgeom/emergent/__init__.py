"""G_Inf, the geometry that emerges from a description's own nodes: points, distances, dimension, curvature, time.

:func:`extract` turns any description into an :class:`EmergentGeometry`. Each of its steps is a room of its own, with
several named methods, so that one can be exchanged and what a claim rests on be seen: relations between nodes,
distances from relations, shape from distances (dimension, embedding, curvature, hyperbolicity), causal order and time,
minimal length, horizons; holography compares networks with the entropies of what they describe.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from qgeom.emergent.estimate import Estimate

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=("estimate",),
    names={"estimate": ("Estimate",)},
)
