"""Nielsen's complexity geometry: right-invariant penalty metrics on SU(2^n), SO(d), GL(d), and their geodesics.

:func:`minimal_geodesic` finds the shortest path to a unitary, a Hamiltonian's evolution or a circuit and says what is
certified about it; :func:`flow` follows a geodesic from its start; bounds, curvature and conjugate points are beside
them. Conventions: ``U' = X U``, weights multiply squares of controls, global phase is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from qgeom.nielsen.flow import Flow, flow
    from qgeom.nielsen.geodesic import Geodesic, minimal_geodesic
    from qgeom.nielsen.groups import (
        Affine,
        GeneralLinear,
        Group,
        PauliGroup,
        SpecialOrthogonal,
        SpecialUnitary,
    )
    from qgeom.nielsen.jacobi import Conjugate, conjugate_points
    from qgeom.nielsen.penalty import (
        Penalty,
        binding_penalty,
        flat_penalty,
        graph_penalty,
        local_penalty,
        plane_penalty,
        weight_penalty,
    )
    from qgeom.nielsen.targets import circuit_unitary, evolution

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=(
        "bounds",
        "built",
        "curvature",
        "flow",
        "geodesic",
        "groups",
        "jacobi",
        "lattice",
        "one_qubit",
        "penalty",
        "relaxation",
        "shooting",
        "straight",
        "targets",
    ),
    names={
        "flow": ("Flow",),
        "geodesic": ("Geodesic", "minimal_geodesic"),
        "groups": (
            "Affine",
            "GeneralLinear",
            "Group",
            "PauliGroup",
            "SpecialOrthogonal",
            "SpecialUnitary",
        ),
        "jacobi": ("Conjugate", "conjugate_points"),
        "penalty": (
            "Penalty",
            "binding_penalty",
            "flat_penalty",
            "graph_penalty",
            "local_penalty",
            "plane_penalty",
            "weight_penalty",
        ),
        "targets": ("circuit_unitary", "evolution"),
    },
)
