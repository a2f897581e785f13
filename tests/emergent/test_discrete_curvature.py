"""Curvature of graphs: published values, closed forms, and transport by linear programming."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent import transport
from qgeom.emergent.curvature import forman_ricci, ollivier_ricci, resistance_curvature

# GraphRicciCurvature 0.5.3.2, its own test: karate club, alpha 0.5, exact transport, weights ignored
KARATE = """
0.111111 -0.143750 0.041667 -0.114583 -0.281250 -0.281250 0.062500 -0.200000 -0.114583 0.062500 -0.000000 0.062500
0.062500 -0.031250 0.062500 -0.427083 0.044444 0.166667 0.194444 0.244444 0.166667 0.111111 0.166667 -0.041667
0.050000 0.125000 0.100000 0.100000 0.200000 -0.175000 0.033333 -0.233333 0.416667 0.250000 0.216667 0.291667
0.500000 0.500000 0.291667 0.375000 0.375000 0.375000 -0.025000 0.011765 -0.044118 -0.288235 0.125000 0.088235
0.125000 0.088235 0.125000 0.088235 -0.254902 0.125000 0.088235 0.125000 0.088235 0.100000 0.225000 0.200000
-0.066667 -0.076471 0.500000 0.125000 0.083333 0.166667 0.375000 -0.073529 -0.147059 0.166667 -0.068627 -0.041667
-0.014706 -0.041667 -0.044118 -0.166667 -0.122549 0.267157
"""


def random_graph(seed: int, n: int = 14, weighted: bool = False) -> nx.Graph:
    graph = nx.gnp_random_graph(n, 0.3, seed=seed)
    graph.add_edge(0, 1)
    rng = np.random.default_rng(seed)
    if weighted:
        for *_, data in graph.edges(data=True):
            data["length"] = float(rng.uniform(0.2, 2.0))
    return graph


def by_linear_program(graph: nx.Graph, alpha: float, weight: str | None) -> dict:
    """The definition, solved by HiGHS on the full measures."""
    lengths = dict(nx.all_pairs_dijkstra_path_length(graph, weight=weight or (lambda *_: 1.0)))

    def measure(x):
        return {x: alpha} | dict.fromkeys(graph[x], (1.0 - alpha) / graph.degree[x])

    found = {}
    for x, y in graph.edges():
        a, b = measure(x), measure(y)
        cost = np.array([[lengths[u][v] for v in b] for u in a])
        rows = np.kron(np.eye(len(a)), np.ones(len(b)))
        columns = np.kron(np.ones(len(a)), np.eye(len(b)))
        answer = scipy.optimize.linprog(
            cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=[*a.values(), *b.values()], method="highs"
        )
        found[x, y] = 1.0 - answer.fun / lengths[x][y]
    return found


def test_the_karate_club_has_its_published_curvature():
    graph = nx.karate_club_graph()
    found = ollivier_ricci(graph, alpha=0.5)
    assert list(found) == list(graph.edges())
    np.testing.assert_allclose(list(found.values()), np.array(KARATE.split(), float), atol=1e-6)


@given(seed=st.integers(0, 10_000), alpha=st.sampled_from([0.0, 0.1, 0.5, 0.9]), weighted=st.booleans())
@settings(max_examples=15, deadline=None)
def test_transport_is_that_of_the_linear_program(seed: int, alpha: float, weighted: bool):
    graph, weight = random_graph(seed, weighted=weighted), "length" if weighted else None
    expected = by_linear_program(graph, alpha, weight)
    found = ollivier_ricci(graph, alpha, weight)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), atol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_graph_too_large_for_one_matrix_gives_the_same(monkeypatch, weighted: bool):
    graph, weight = random_graph(3, 40, weighted), "length" if weighted else None
    small = ollivier_ricci(graph, 0.3, weight)
    monkeypatch.setattr(transport, "DENSE_NODES", 0)
    large = ollivier_ricci(graph, 0.3, weight)
    np.testing.assert_allclose(list(large.values()), list(small.values()), atol=1e-13)


def test_ollivier_curvature_of_known_graphs():
    def values(graph: nx.Graph, alpha: float) -> np.ndarray:
        return np.array(list(ollivier_ricci(graph, alpha).values()))

    for n in (3, 5, 8):  # complete: W1 = |alpha - (1 - alpha)/(n - 1)|
        np.testing.assert_allclose(values(nx.complete_graph(n), 0.5), 1.0 - abs(0.5 - 0.5 / (n - 1)))
    np.testing.assert_allclose(values(nx.cycle_graph(12), 0.5), 0.0, atol=1e-14)
    np.testing.assert_allclose(values(nx.grid_2d_graph(8, 8, periodic=True), 0.5), 0.0, atol=1e-14)
    # Jost and Liu 2014 on trees, times 1 - alpha: -2 (1 - 1/dx - 1/dy)_+
    for edge, value in ollivier_ricci(nx.balanced_tree(3, 3), 0.5).items():
        inverse = sum(1.0 / d for _, d in nx.balanced_tree(3, 3).degree(edge))
        assert value == pytest.approx(-2.0 * 0.5 * max(1.0 - inverse, 0.0), abs=1e-14) or inverse > 1.0
    np.testing.assert_allclose(values(nx.hypercube_graph(4), 0.5), 2.0 * 0.5 / 4)  # 2 (1 - alpha) / d


def test_above_its_threshold_curvature_is_proportional_to_the_moving_mass():
    # Bourne et al. 2018: linear in alpha from 1 / (max degree + 1) on
    graph = random_graph(1)
    half, most = ollivier_ricci(graph, 0.5), ollivier_ricci(graph, 0.9)
    np.testing.assert_allclose(
        np.array(list(half.values())) / 0.5, np.array(list(most.values())) / 0.1, atol=1e-11
    )


def test_a_common_unit_of_length_changes_no_curvature():
    graph = random_graph(4)
    nx.set_edge_attributes(graph, 7.5, "length")
    np.testing.assert_allclose(
        list(ollivier_ricci(graph, 0.5, "length").values()),
        list(ollivier_ricci(graph, 0.5).values()),
        atol=1e-12,
    )


def test_forman_curvature_of_known_graphs():
    # the example of GraphRicciCurvature: a triangle with a tail
    graph = nx.Graph([(1, 2), (2, 3), (3, 4), (2, 4)])
    assert forman_ricci(graph) == {(1, 2): 0.0, (2, 3): -1.0, (2, 4): -1.0, (3, 4): 0.0}
    assert forman_ricci(graph, augmented=True) == {(1, 2): 0.0, (2, 3): 2.0, (2, 4): 2.0, (3, 4): 3.0}
    assert set(forman_ricci(nx.cycle_graph(9)).values()) == {0.0}
    assert set(forman_ricci(nx.complete_graph(6)).values()) == {4.0 - 2 * 5}
    assert set(forman_ricci(nx.complete_graph(6), augmented=True).values()) == {4.0 - 2 * 5 + 3 * 4}


def test_forman_curvature_with_weights_is_its_sum_over_edges():
    graph = random_graph(2, weighted=True)
    found = forman_ricci(graph, "length")
    for (x, y), value in found.items():
        w = graph[x][y]["length"]
        beside = [graph[u][v]["length"] for end in (x, y) for u, v in graph.edges(end) if {u, v} != {x, y}]
        assert value == pytest.approx(w * (2.0 / w - sum(1.0 / np.sqrt(w * o) for o in beside)))
    nx.set_edge_attributes(graph, 3.0, "length")
    np.testing.assert_allclose(
        list(forman_ricci(graph, "length").values()), list(forman_ricci(graph).values())
    )


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_resistance_curvature_is_that_of_networkx_resistances_and_sums_to_one(seed: int):
    graph = nx.random_labeled_tree(12, seed=seed)
    graph.add_edges_from(nx.gnp_random_graph(12, 0.15, seed=seed).edges())
    resistance = nx.resistance_distance(graph)
    found = resistance_curvature(graph)
    assert sum(found.nodes.values()) == pytest.approx(1.0)
    for x in graph:
        assert found.nodes[x] == pytest.approx(1.0 - 0.5 * sum(resistance[x][z] for z in graph[x]))
    for (x, y), value in found.edges.items():
        assert value == pytest.approx(2.0 * (found.nodes[x] + found.nodes[y]) / resistance[x][y])


def test_resistance_curvature_of_known_graphs():
    tree = nx.balanced_tree(2, 3)
    assert all(
        p == pytest.approx(1.0 - tree.degree[x] / 2.0) for x, p in resistance_curvature(tree).nodes.items()
    )
    for graph in (nx.cycle_graph(10), nx.complete_graph(7), nx.petersen_graph()):
        np.testing.assert_allclose(list(resistance_curvature(graph).nodes.values()), 1.0 / len(graph))
    # conductances in parallel: n nodes of a complete graph, all resistances 2 / (n c)
    graph = nx.complete_graph(6)
    nx.set_edge_attributes(graph, 5.0, "c")
    np.testing.assert_allclose(
        list(resistance_curvature(graph, "c").edges.values()), 2.0 * (2.0 / 6.0) / (2.0 / (6.0 * 5.0))
    )


def test_what_is_no_simple_undirected_graph_is_refused():
    graph = nx.cycle_graph(5)
    for curvature in (ollivier_ricci, forman_ricci, resistance_curvature):
        with pytest.raises(TypeError, match="networkx Graph"):
            curvature(nx.to_numpy_array(graph))
        with pytest.raises(ValueError, match="undirected graph"):
            curvature(graph.to_directed())
        with pytest.raises(ValueError, match="undirected graph"):
            curvature(nx.MultiGraph(graph))
        with pytest.raises(ValueError, match="self-loops"):
            curvature(nx.Graph([(0, 0), (0, 1)]))
        with pytest.raises(ValueError, match="no edges"):
            curvature(nx.empty_graph(4))
        with pytest.raises(ValueError, match="5 of 5 edges have no attribute 'length'"):
            curvature(graph, weight="length")
    nx.set_edge_attributes(graph, -1.0, "length")
    with pytest.raises(ValueError, match="finite and positive"):
        ollivier_ricci(graph, weight="length")
    with pytest.raises(ValueError, match="alpha"):
        ollivier_ricci(graph, alpha=1.0)
    with pytest.raises(ValueError, match="no weights of their own"):
        forman_ricci(graph, weight="length", augmented=True)
    with pytest.raises(ValueError, match="disconnected: 2 components, the largest of 5 nodes"):
        resistance_curvature(nx.disjoint_union(nx.cycle_graph(5), nx.path_graph(3)))
