"""Nielsen's complexity geometry: right-invariant penalty metrics on SU(2^n), SO(d), GL(d), and their geodesics.

:func:`minimal_geodesic` finds the shortest path to a unitary, a Hamiltonian's evolution or a circuit and says what is
certified about it; :func:`flow` follows a geodesic from its start; bounds, curvature and conjugate points are beside
them. Conventions: ``U' = X U``, weights multiply squares of controls, global phase is ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from qgeom.nielsen.bounds import LowerBound, flat_distance, lower_bound
    from qgeom.nielsen.built import circuit_controls, circuit_cost
    from qgeom.nielsen.curvature import ricci, scalar_curvature, sectional_curvature
    from qgeom.nielsen.deformation import Deformed, deform
    from qgeom.nielsen.flow import Flow
    from qgeom.nielsen.gaussian_complexity import (
        GaussianComplexity,
        bosonic_complexity,
        fermionic_complexity,
        lattice_complexity,
        rotation_complexity,
    )
    from qgeom.nielsen.gaussian_geodesic import SqueezingGeodesic, entangling_penalty, squeezing_geodesic
    from qgeom.nielsen.geodesic import Geodesic, minimal_geodesic
    from qgeom.nielsen.givens import CompiledRotations, to_rotations
    from qgeom.nielsen.groups import (
        Affine,
        GeneralLinear,
        Group,
        PauliGroup,
        SpecialOrthogonal,
        SpecialUnitary,
    )
    from qgeom.nielsen.jacobi import Conjugate, conjugate_points
    from qgeom.nielsen.lattice import StraightLine, straight_line_bound, straight_line_of
    from qgeom.nielsen.layer_flow import LayerPath, LinearisedFlow, layer_path, linearised_flow
    from qgeom.nielsen.one_qubit import axisymmetric_length, triple_bound
    from qgeom.nielsen.penalty import (
        Penalty,
        binding_penalty,
        flat_penalty,
        graph_penalty,
        local_penalty,
        plane_penalty,
        weight_penalty,
    )
    from qgeom.nielsen.straight import is_geodesic, straight_conjugate_times, straight_cut
    from qgeom.nielsen.string_weights import StringWeights, local_rule, string_rule
    from qgeom.nielsen.targets import circuit_unitary, evolution
    from qgeom.nielsen.trotter import CompiledPath, to_circuit

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=(
        "bounds",
        "built",
        "curvature",
        "deformation",
        "flow",
        "gaussian_complexity",
        "gaussian_geodesic",
        "geodesic",
        "givens",
        "groups",
        "jacobi",
        "lattice",
        "layer_flow",
        "one_qubit",
        "penalty",
        "relaxation",
        "shooting",
        "straight",
        "targets",
        "trotter",
    ),
    names={
        "bounds": ("LowerBound", "flat_distance", "lower_bound"),
        "built": ("circuit_controls", "circuit_cost"),
        "curvature": ("ricci", "scalar_curvature", "sectional_curvature"),
        "deformation": ("Deformed", "deform"),
        "flow": ("Flow",),
        "gaussian_complexity": (
            "GaussianComplexity",
            "bosonic_complexity",
            "fermionic_complexity",
            "lattice_complexity",
            "rotation_complexity",
        ),
        "gaussian_geodesic": ("SqueezingGeodesic", "entangling_penalty", "squeezing_geodesic"),
        "geodesic": ("Geodesic", "minimal_geodesic"),
        "givens": ("CompiledRotations", "to_rotations"),
        "groups": (
            "Affine",
            "GeneralLinear",
            "Group",
            "PauliGroup",
            "SpecialOrthogonal",
            "SpecialUnitary",
        ),
        "jacobi": ("Conjugate", "conjugate_points"),
        "layer_flow": ("LayerPath", "LinearisedFlow", "layer_path", "linearised_flow"),
        "lattice": ("StraightLine", "straight_line_bound", "straight_line_of"),
        "one_qubit": ("axisymmetric_length", "triple_bound"),
        "penalty": (
            "Penalty",
            "binding_penalty",
            "flat_penalty",
            "graph_penalty",
            "local_penalty",
            "plane_penalty",
            "weight_penalty",
        ),
        "straight": ("is_geodesic", "straight_conjugate_times", "straight_cut"),
        "string_weights": ("StringWeights", "local_rule", "string_rule"),
        "targets": ("circuit_unitary", "evolution"),
        "trotter": ("CompiledPath", "to_circuit"),
    },
)
