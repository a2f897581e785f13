"""Graphs of tensor networks against the shapes of their tensors, the wires of their descriptions, and closed forms."""

from __future__ import annotations

import jax
import networkx as nx
import numpy as np
import pytest

from circuits.mera.description import MERA
from circuits.mera.scale_invariant import ScaleInvariantMERA
from circuits.mera.sizes import scheme_of
from circuits.mera.superoperators import Layer
from circuits.mps.description import MatrixProduct
from circuits.mps.periodic import PeriodicMPS
from circuits.mps.state import MPS
from circuits.mps.uniform import UniformMPS
from qgeom.emergent.network_graphs import network_graph
from qgeom.emergent.pentagon import pentagon_code
from qgeom.emergent.random_tensors import random_tensor_network
from qgeom.emergent.tensor_graph import NetworkGraph, rewired

SIZES = [("binary", 12, 3), ("binary", 16, 4), ("ternary", 9, 4), ("ternary", 6, 2)]


def finite(scheme: str, n_sites: int, chi: int):
    description = MERA(n_sites, chi, scheme)  # pyright: ignore
    # shapes only: the graph does not depend on entries
    return description, jax.eval_shape(
        lambda key: description.network(description.init(key)), jax.random.key(0)
    )


def scale_invariant(scheme: str, chi: int = 3) -> ScaleInvariantMERA:
    """Zeros of the right shapes: the graph does not depend on entries."""
    b = scheme_of(scheme).branching
    first = Layer(np.zeros((1, 2, 2, 2, 2)), np.zeros((1, *(2,) * b, chi)))
    rest = Layer(np.zeros((1, chi, chi, chi, chi)), np.zeros((1, *(chi,) * b, chi)))
    return ScaleInvariantMERA((first,), rest, scheme_of(scheme))


def legs_of(graph: NetworkGraph, tensor: int) -> list[float]:
    bonds = [d for (a, b), d in zip(graph.bonds, graph.dimensions) for end in (a, b) if end == tensor]
    return sorted([*bonds, *graph.site_dimensions[graph.sites == tensor]])


# Matrix product states.


def test_distance_along_an_mps_is_linear():
    graph = network_graph(MatrixProduct(9, 4))
    i = np.arange(9)
    distances = np.abs(i[:, None] - i) + 1.0
    np.fill_diagonal(distances, 0.0)
    assert np.array_equal(graph.site_distances(), distances)
    assert graph.dimensions.tolist() == [2, 4, 4, 4, 4, 4, 4, 2]
    assert graph.geodesic(2, 5) == (2, 3, 4, 5)


def test_distance_along_a_ring_goes_the_shorter_way():
    graph = network_graph(PeriodicMPS.random(jax.random.key(0), 8, 3))
    gap = np.abs(np.arange(8)[:, None] - np.arange(8))
    assert np.array_equal(graph.site_distances(), np.where(gap > 0, np.minimum(gap, 8 - gap) + 1, 0))
    assert len(graph.bonds) == 8


@pytest.mark.parametrize("sizes", [(1, 1), (2, 2), (6, 4)])
def test_a_description_has_the_graph_of_its_state(sizes: tuple[int, int]):
    description = MatrixProduct(*sizes)
    state = MPS.random(jax.random.key(1), *sizes)
    mine, other = network_graph(description), network_graph(state)
    assert np.array_equal(mine.bonds, other.bonds)
    assert np.array_equal(mine.dimensions, other.dimensions)


def test_no_path_leads_over_a_bond_of_dimension_one():
    graph = network_graph(MPS.product([[1.0, 0.0]] * 3))
    assert np.isinf(graph.site_distances()[0, 2])
    with pytest.raises(ValueError, match="falls apart"):
        graph.geodesic(0, 2)


def test_a_window_of_a_uniform_mps_is_a_chain_whose_ends_go_on():
    psi = UniformMPS.random(jax.random.key(0), 3)
    graph = network_graph(psi, sites=5)
    assert graph.site_distances()[0, 4] == 5
    assert [graph.tensors[t] for t in graph.environment] == ["outside"]
    assert graph.dimensions.tolist() == [3.0] * 6


# MERA.


@pytest.mark.parametrize(("scheme", "n_sites", "chi"), SIZES)
def test_the_legs_of_every_mera_tensor_have_its_shape(scheme: str, n_sites: int, chi: int):
    _, mera = finite(scheme, n_sites, chi)
    graph = network_graph(mera)
    for number, name in enumerate(graph.tensors):
        if name == "top":
            shape = mera.top.shape
        else:
            layer = mera.layers[int(name.split("[")[1][:-1])]
            shape = (layer.disentangler if name.startswith("dis") else layer.isometry).shape[1:]
        assert legs_of(graph, number) == sorted(shape)


@pytest.mark.parametrize(("scheme", "n_sites", "chi"), SIZES)
def test_the_bonds_of_a_mera_are_the_wires_of_its_description(scheme: str, n_sites: int, chi: int):
    description, mera = finite(scheme, n_sites, chi)
    names = [node.name for node in description.nodes]
    wires = sorted(tuple(sorted((names[a], names[b]))) for a, b in description.wires)
    for network in (mera, description):
        graph = network_graph(network)
        bonds = sorted(tuple(sorted((graph.tensors[a], graph.tensors[b]))) for a, b in graph.bonds)
        assert bonds == wires


def test_distance_in_a_mera_grows_with_the_logarithm_of_the_separation():
    mera = scale_invariant("binary")
    distances = network_graph(mera, sites=256).site_distances()
    r = 2 ** np.arange(3, 8)
    steps = np.diff([np.mean(np.diagonal(distances, k)) for k in r])
    # every doubling: up and down one layer more, of two tensors each
    assert np.all((steps > 3.4) & (steps < 4.0))
    assert np.all(np.diff(steps) > 0.0)
    chain = network_graph(MatrixProduct(256, 2)).site_distances()
    assert np.array_equal(np.diagonal(chain, 64), np.full(192, 65.0))
    assert distances.max() < 30 < chain.max()


def test_a_tripling_is_one_more_layer_of_a_ternary_mera():
    distances = network_graph(scale_invariant("ternary"), sites=243).site_distances()
    mean = [np.mean(np.diagonal(distances, k)) for k in (3, 9, 27, 81)]
    # a path meets isometries alone, or disentanglers too: up and down adds 2 to 4 tensors, 3 in the mean
    assert np.allclose(np.diff(mean), 3.0, atol=0.15)


@pytest.mark.parametrize("scheme", ["binary", "ternary"])
def test_a_window_of_an_infinite_mera_has_whole_tensors(scheme: str):
    mera = scale_invariant(scheme)
    b = mera.scheme.branching
    graph = network_graph(mera, sites=2 * b**2, layers=2)
    for number, name in enumerate(graph.tensors):
        if name != "outside":
            layer = mera.layers[0] if name.split("[")[1] == "0]" else mera.repeated
            shape = (layer.disentangler if name.startswith("dis") else layer.isometry).shape[1:]
            assert legs_of(graph, number) == sorted(shape)
    assert graph.environment == (0,)
    assert np.isfinite(graph.site_distances()).all()


def test_a_window_agrees_with_the_ring_away_from_its_ends():
    ring = network_graph(MERA(16, 3)).site_distances()
    window = network_graph(scale_invariant("binary"), sites=16, layers=2).site_distances()
    assert np.array_equal(window[5:10, 5:10], ring[5:10, 5:10])


# The null model.


def test_rewired_networks_keep_the_legs_of_every_tensor():
    graph = network_graph(MERA(16, 3))
    null = rewired(graph, seed=0)
    assert all(legs_of(graph, t) == legs_of(null, t) for t in range(graph.n_tensors))
    assert not np.array_equal(np.sort(null.bonds, axis=1), np.sort(graph.bonds, axis=1))
    assert np.isfinite(null.site_distances()).all()
    assert len({frozenset(b) for b in null.bonds.tolist()}) == len(null.bonds)
    with pytest.raises(ValueError, match="can be exchanged"):
        rewired(network_graph(MatrixProduct(2, 2)))


# Others.


def test_networks_that_bring_a_graph_along_give_it():
    code = pentagon_code(1)
    assert network_graph(code) is code.graph
    assert network_graph(code.graph) is code.graph
    random = random_tensor_network(code.graph, 0)
    assert network_graph(random) is code.graph


def test_networkx_goes_in_and_comes_out():
    star = nx.star_graph(3)
    star.edges[0, 1]["dimension"] = 5
    graph = NetworkGraph.from_networkx(star, sites=[1, 2, 3, 3], bond_dimension=3)
    assert graph.dimensions.tolist() == [5, 3, 3]
    assert graph.site_distances()[2, 3] == 1.0
    assert graph.site_distances()[0, 1] == 3.0
    out = graph.to_networkx()
    assert out.edges[0, 1]["capacity"] == pytest.approx(np.log(5))
    assert ("site", 3) in out[3]


def test_parallel_bonds_multiply():
    graph = NetworkGraph(
        ("a", "b"), np.array([[0, 1], [1, 0]]), np.array([2, 3]), np.array([0, 1]), np.array([4, 4])
    )
    assert graph.to_networkx().edges[0, 1]["dimension"] == 6.0


def test_what_has_no_graph_is_refused():
    with pytest.raises(TypeError, match="expected a tensor network"):
        network_graph("MPS")  # pyright: ignore
    with pytest.raises(ValueError, match="give the number of sites"):
        network_graph(scale_invariant("binary"))
    with pytest.raises(ValueError, match="its own number of sites"):
        network_graph(MatrixProduct(4, 2), sites=4)
    with pytest.raises(ValueError, match="carry 1 to 1 whole layers"):
        network_graph(scale_invariant("ternary"), sites=6, layers=2)
    with pytest.raises(ValueError, match="ScaleInvariantMERA only"):
        network_graph(MatrixProduct(4, 2), layers=1)
    with pytest.raises(ValueError, match="sites must be nodes"):
        NetworkGraph.from_networkx(nx.path_graph(2), sites=[7])
    with pytest.raises(ValueError, match="at another"):
        NetworkGraph(("a",), np.array([[0, 1]]), np.array([2]), np.array([0]), np.array([2]))
    with pytest.raises(ValueError, match="at least 1"):
        NetworkGraph(("a",), np.zeros((0, 2)), np.zeros(0), np.array([0]), np.array([0.5]))
