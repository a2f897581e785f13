"""The multi-scale entanglement renormalisation ansatz: finite rings and infinite critical chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from circuits.mera import entropies, scaling, stiefel, superoperators
    from circuits.mera.binary import BINARY
    from circuits.mera.description import MERA
    from circuits.mera.entropies import block_entropies, coarse_entropies, window_entropies
    from circuits.mera.finite import FiniteMERA
    from circuits.mera.ground_states import GroundState, ground_state
    from circuits.mera.scale_invariant import ScaleInvariantMERA
    from circuits.mera.scaling import central_charge, scaling_dimensions
    from circuits.mera.superoperators import Layer
    from circuits.mera.ternary import TERNARY

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=("entropies", "scaling", "stiefel", "superoperators"),
    names={
        "binary": ("BINARY",),
        "description": ("MERA",),
        "entropies": ("block_entropies", "coarse_entropies", "window_entropies"),
        "finite": ("FiniteMERA",),
        "ground_states": ("GroundState", "ground_state"),
        "scale_invariant": ("ScaleInvariantMERA",),
        "scaling": ("central_charge", "scaling_dimensions"),
        "superoperators": ("Layer",),
        "ternary": ("TERNARY",),
    },
)
