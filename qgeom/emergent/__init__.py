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
    from qgeom.emergent.activations import activation_information
    from qgeom.emergent.causal_sets import alexandrov_interval, causal_order, myrheim_meyer, sprinkle
    from qgeom.emergent.curvature import forman_ricci, ollivier_ricci, resistance_curvature
    from qgeom.emergent.cuts import Cut, block_cuts, minimal_cut
    from qgeom.emergent.dimension import (
        correlation_dimension,
        dimension_table,
        spectrum_dimension,
        two_nearest_neighbour_dimension,
    )
    from qgeom.emergent.distance_formulas import Distances, distances
    from qgeom.emergent.embedding import Embedding, negative_share
    from qgeom.emergent.enumerators import weight_enumerators
    from qgeom.emergent.estimate import Estimate
    from qgeom.emergent.gate_phases import PhaseBlocks, phase_blocks
    from qgeom.emergent.geometry import EmergentGeometry, extract, geometry_of, relate
    from qgeom.emergent.geometry_distance import GeometryDistance, gromov_wasserstein
    from qgeom.emergent.graph_dimension import spectral_dimension, volume_growth_dimension
    from qgeom.emergent.horizons import Horizon, horizon
    from qgeom.emergent.hyperbolicity import Hyperbolicity, gromov_hyperbolicity
    from qgeom.emergent.influence import gate_influence, neuron_influence
    from qgeom.emergent.mds import classical_mds, metric_mds, nonmetric_mds
    from qgeom.emergent.minimal_length import minimal_lengths
    from qgeom.emergent.network_graphs import network_graph
    from qgeom.emergent.node_blocks import NodeMetric, node_metric
    from qgeom.emergent.pentagon import HolographicCode, concatenated_code, pentagon_code
    from qgeom.emergent.random_tensors import RandomTensorNetwork, annealed_renyi2, random_tensor_network
    from qgeom.emergent.recovery import RecoveryCurve, recovery_curve
    from qgeom.emergent.relation import Relation
    from qgeom.emergent.sensitivity import Time, sensitivity_time
    from qgeom.emergent.shared_fisher import fisher_relation
    from qgeom.emergent.site_information import mutual_information
    from qgeom.emergent.spaces import embed, fitted_curvature, poincare_disc
    from qgeom.emergent.stabilizers import StabilizerCode, StabilizerState, five_qubit_code
    from qgeom.emergent.tensor_graph import NetworkGraph
    from qgeom.emergent.tiling import Tiling, pentagon_tiling
    from qgeom.emergent.units import parameter_units
    from qgeom.emergent.wedge import exact_wedge, greedy_bulk, greedy_wedge
    from qgeom.emergent.wires import causal_graph, precedence, wire_relation

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=(
        "activations",
        "causal_sets",
        "curvature",
        "cuts",
        "dimension",
        "distance_formulas",
        "embedding",
        "enumerators",
        "estimate",
        "gate_phases",
        "geometry",
        "geometry_distance",
        "graph_dimension",
        "horizons",
        "hyperbolicity",
        "influence",
        "mds",
        "minimal_length",
        "network_graphs",
        "node_blocks",
        "pentagon",
        "random_tensors",
        "recovery",
        "relation",
        "sensitivity",
        "shared_fisher",
        "site_information",
        "spaces",
        "stabilizers",
        "tensor_graph",
        "tiling",
        "units",
        "wedge",
        "wires",
    ),
    names={
        "activations": ("activation_information",),
        "causal_sets": (
            "alexandrov_interval",
            "causal_order",
            "myrheim_meyer",
            "sprinkle",
        ),
        "curvature": (
            "forman_ricci",
            "ollivier_ricci",
            "resistance_curvature",
        ),
        "cuts": (
            "Cut",
            "block_cuts",
            "minimal_cut",
        ),
        "dimension": (
            "correlation_dimension",
            "dimension_table",
            "spectrum_dimension",
            "two_nearest_neighbour_dimension",
        ),
        "distance_formulas": (
            "Distances",
            "distances",
        ),
        "embedding": (
            "Embedding",
            "negative_share",
        ),
        "enumerators": ("weight_enumerators",),
        "estimate": ("Estimate",),
        "gate_phases": (
            "PhaseBlocks",
            "phase_blocks",
        ),
        "geometry": (
            "EmergentGeometry",
            "extract",
            "geometry_of",
            "relate",
        ),
        "geometry_distance": (
            "GeometryDistance",
            "gromov_wasserstein",
        ),
        "graph_dimension": (
            "spectral_dimension",
            "volume_growth_dimension",
        ),
        "horizons": (
            "Horizon",
            "horizon",
        ),
        "hyperbolicity": (
            "Hyperbolicity",
            "gromov_hyperbolicity",
        ),
        "influence": (
            "gate_influence",
            "neuron_influence",
        ),
        "mds": (
            "classical_mds",
            "metric_mds",
            "nonmetric_mds",
        ),
        "minimal_length": ("minimal_lengths",),
        "network_graphs": ("network_graph",),
        "node_blocks": (
            "NodeMetric",
            "node_metric",
        ),
        "pentagon": (
            "HolographicCode",
            "concatenated_code",
            "pentagon_code",
        ),
        "random_tensors": (
            "RandomTensorNetwork",
            "annealed_renyi2",
            "random_tensor_network",
        ),
        "recovery": (
            "RecoveryCurve",
            "recovery_curve",
        ),
        "relation": ("Relation",),
        "sensitivity": (
            "Time",
            "sensitivity_time",
        ),
        "shared_fisher": ("fisher_relation",),
        "site_information": ("mutual_information",),
        "spaces": (
            "embed",
            "fitted_curvature",
            "poincare_disc",
        ),
        "stabilizers": (
            "StabilizerCode",
            "StabilizerState",
            "five_qubit_code",
        ),
        "tensor_graph": ("NetworkGraph",),
        "tiling": (
            "Tiling",
            "pentagon_tiling",
        ),
        "units": ("parameter_units",),
        "wedge": (
            "exact_wedge",
            "greedy_bulk",
            "greedy_wedge",
        ),
        "wires": (
            "causal_graph",
            "precedence",
            "wire_relation",
        ),
    },
)
