"""From a description to its geometry: ground truth recovered, noise and fragments refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest

import circuits
import qgeom
from circuits import gates
from circuits.gaussian import BosonicGaussian, FermionicGaussian
from circuits.networks import MLP
from qgeom.emergent import Relation, extract, geometry_of, mutual_information
from qgeom.emergent.dimension import correlation_dimension

LATTICES = {
    "line": (nx.path_graph(24), 1),
    "ring": (nx.cycle_graph(24), 1),
    "torus": (nx.grid_2d_graph(8, 8, periodic=True), 2),
}


def labelled(graph):
    return nx.convert_node_labels_to_integers(graph, ordering="sorted")


def pair_on_each_bond(graph):
    """One fermion shared along every bond: a half-pair on a site for each of its bonds."""
    blocks = [[] for _ in graph]
    correlations = np.zeros((2 * graph.number_of_edges(),) * 2)
    for k, (i, j) in enumerate(graph.edges):
        blocks[i].append(2 * k)
        blocks[j].append(2 * k + 1)
        correlations[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = 0.5
    return FermionicGaussian.from_correlations(correlations), blocks


def oscillators(graph, mass):
    """Ground state of oscillators of this mass, springs along the bonds."""
    values, vectors = np.linalg.eigh(nx.laplacian_matrix(graph).toarray() + mass**2 * np.eye(len(graph)))
    root = np.sqrt(values)
    zero = np.zeros((len(graph), len(graph)))
    covariance = np.block([[(vectors / root) @ vectors.T, zero], [zero, (vectors * root) @ vectors.T]])
    return BosonicGaussian.from_covariance(covariance)


@pytest.mark.parametrize("name", LATTICES)
def test_one_entangled_pair_a_bond_gives_back_the_lattice_and_its_dimension(name):
    graph, dimension = LATTICES[name]
    graph = labelled(graph)
    state, blocks = pair_on_each_bond(graph)
    found = geometry_of(mutual_information(state, blocks))
    assert nx.utils.graphs_equal(nx.Graph(found.graph.edges), nx.Graph(graph.edges))
    assert found.measured.triangles.violated == 0
    assert found.dimension.contains(dimension)
    assert found.dimension.high - found.dimension.low < 1.2
    scale = np.log(max(dict(graph.degree).values()))  # neighbours share 1 / (bonds of a site)
    np.testing.assert_allclose(found.distances, scale * nx.floyd_warshall_numpy(graph), atol=1e-6)


@pytest.mark.parametrize(
    ("graph", "dimension"), [(nx.cycle_graph(40), 1), (nx.grid_2d_graph(12, 12, periodic=True), 2)]
)
def test_oscillators_on_a_lattice_give_back_neighbours_and_dimension(graph, dimension):
    graph = labelled(graph)
    found = geometry_of(mutual_information(oscillators(graph, 1.0)), "inverse")
    near = found.distances + np.diag(np.full(len(graph), np.inf))
    degree = dict(graph.degree)[0]
    for site in graph:
        assert set(np.argsort(near[site])[:degree]) == set(graph[site])
    assert correlation_dimension(found.distances).contains(dimension)


def test_the_formula_matters_as_the_documentation_says():
    relation = mutual_information(oscillators(labelled(nx.grid_2d_graph(12, 12, periodic=True)), 1.0))
    assert str(correlation_dimension(geometry_of(relation, "inverse").distances)) == "1.93 [1.71, 2.18]"
    with pytest.raises(ValueError, match="as on a tree"):
        correlation_dimension(geometry_of(relation, "log").distances)


def test_a_relation_dealt_at_random_has_no_dimension_of_the_lattice():
    graph = labelled(LATTICES["torus"][0])
    state, blocks = pair_on_each_bond(graph)
    shuffled = mutual_information(state, blocks).shuffled(np.random.default_rng(0))
    found = geometry_of(shuffled)
    with pytest.raises(ValueError, match=r"dimension|parts"):
        _ = found.dimension


def test_separate_pairs_have_no_geometry():
    state, blocks = pair_on_each_bond(nx.Graph([(0, 1), (2, 3)]))
    found = geometry_of(mutual_information(state, blocks), "inverse")
    assert found.measured.components == 2
    for ask in ("dimension", "embedding", "hyperbolicity"):
        with pytest.raises(ValueError, match="2 unconnected parts"):
            getattr(found, ask)
    assert "unconnected" in found.table()["embedding"]


@pytest.mark.parametrize(
    "relation", ["mutual-information", "fisher", pytest.param("influence", marks=pytest.mark.slow), "wires"]
)
def test_every_relation_of_a_circuit_and_of_a_network(relation):
    c = circuits.brickwall(n_qubits=4, n_layers=3)
    quantum = extract(c, c.init(jax.random.key(0)), relation=relation)
    network = MLP((2, 5, 5, 2))
    data = np.random.default_rng(0).normal(size=(40, 2))
    classical = extract(network, network.init(jax.random.key(0)), data, relation=relation)
    for found in (quantum, classical):
        d = found.distances
        assert d.shape == (found.relation.size,) * 2
        np.testing.assert_allclose(d, d.T)
        assert sorted(k for members in found.points for k in members) == list(range(found.relation.size))
        assert list(found.graph) == [members[0] for members in found.points]
        assert set(found.curvature) == set(found.graph.edges)
        assert {"relation", "distances", "edges"} <= set(found.table())


def test_the_skeleton_has_the_same_shortest_paths_as_all_relations():
    c = circuits.hardware_efficient(n_qubits=5, n_layers=2)
    found = extract(c, c.init(jax.random.key(1)))
    closed = nx.floyd_warshall_numpy(found.graph, weight="distance")
    np.testing.assert_allclose(closed, found.distances, atol=1e-9)


def test_a_geometry_whose_nodes_all_coincide_is_refused():
    c = circuits.hardware_efficient(n_qubits=4, n_layers=2)  # neighbouring rotations anticommute: influence 1
    found = extract(c, c.init(jax.random.key(0)), relation="influence")
    assert len(found.points) == 1
    with pytest.raises(ValueError, match="all 16 nodes coincide"):
        _ = found.embedding


def test_nodes_at_distance_zero_are_one_point():
    p = [circuits.Param(k) for k in range(4)]
    ops = [gates.RY(p[0], 0), gates.RY(p[1], 0), gates.CX(0, 1), gates.RX(p[2], 0), gates.RY(p[3], 1)]
    found = extract(circuits.Circuit(2, ops), jnp.asarray([0.3, 0.4, 0.5, 0.6]), relation="fisher")
    assert (0, 1) in found.points, "two rotations about one axis"
    assert found.graph.nodes[0]["members"] == (0, 1)


def test_a_circuit_with_inputs_is_averaged_over_them():
    c = circuits.Circuit(2, [gates.RY(circuits.Input(0), 0), gates.CX(0, 1), gates.RY(circuits.Param(0), 1)])
    theta = jnp.asarray([0.3])
    angles = np.array([[0.4], [1.0], [2.0]])
    found = extract(c, theta, angles)
    p = np.cos(angles[:, 0] / 2) ** 2  # Schmidt weights: the mutual information is twice the entropy
    entropy = -p * np.log(p) - (1 - p) * np.log(1 - p)
    assert found.relation.values[0, 1] == pytest.approx(2 * entropy.mean(), abs=1e-9)
    assert found.relation.spread is not None
    assert found.relation.spread[0, 1] == pytest.approx(
        np.std(entropy / np.log(2), ddof=1) / np.sqrt(3), abs=1e-9
    )


def test_time_and_minimal_length_come_with_a_description():
    c = circuits.hardware_efficient(n_qubits=3, n_layers=2)
    found = extract(c, c.init(jax.random.key(0)))
    assert len(found.time.sensitivity) == len(found.minimal_length) == 12
    table = np.array([[0.0, 0.5, 0.2], [0.5, 0.0, 0.4], [0.2, 0.4, 0.0]])
    alone = geometry_of(Relation("test", ("a", "b", "c"), table, "", table))
    with pytest.raises(ValueError, match="from a relation alone"):
        _ = alone.time


def test_what_was_asked_wrongly_is_said_in_one_line():
    network = MLP((2, 3, 2))
    params = network.init(jax.random.key(0))
    c = circuits.hardware_efficient(n_qubits=3, n_layers=1)
    theta = c.init(jax.random.key(0))
    for call, match in (
        (lambda: extract(c, theta, relation="entropy"), "known: mutual-information"),
        (lambda: extract(network, params), "needs data"),
        (lambda: extract(c, theta, relation="fisher", blocks=[(0,), (1,)]), "blocks are sets of sites"),
    ):
        with pytest.raises(ValueError, match=match) as caught:
            call()
        assert "\n" not in str(caught.value)
    assert qgeom.emergent.extract is extract
