"""Dimension estimators: right where the dimension is known, within their intervals as often as they say, or refused."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent.causal_sets import causal_order, sprinkle
from qgeom.emergent.dimension import (
    correlation_dimension,
    dimension_table,
    spectrum_dimension,
    two_nearest_neighbour_dimension,
)
from qgeom.emergent.estimate import Estimate
from qgeom.emergent.graph_dimension import spectral_dimension, volume_growth_dimension
from qgeom.emergent.matrices import adjacency, path_lengths


def torus(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.random((n, k))
    apart = np.abs(x[:, None] - x[None])
    return np.linalg.norm(np.minimum(apart, 1.0 - apart), axis=-1)


def cube(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.random((n, k))
    return np.linalg.norm(x[:, None] - x[None], axis=-1)


def sphere(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=(n, k + 1))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return np.arccos(np.clip(x @ x.T, -1.0, 1.0)) * (1.0 - np.eye(n))


def gaussian(n: int, k: int, rng: np.random.Generator) -> np.ndarray:
    x = rng.normal(size=(n, k))
    return np.linalg.norm(x[:, None] - x[None], axis=-1)


def hops(graph: nx.Graph) -> np.ndarray:
    return path_lengths(adjacency(graph)[1])


def lattice(*sides: int, periodic: bool = True) -> nx.Graph:
    return nx.grid_graph(sides, periodic=periodic)


SMOOTH = [(torus, 1), (torus, 2), (torus, 3), (cube, 1), (cube, 2), (cube, 3), (sphere, 2)]


@pytest.mark.parametrize(("space", "k"), SMOOTH)
@pytest.mark.parametrize("n", [40, 150])
def test_the_correlation_dimension_covers_the_true_one(space, k: int, n: int):
    repeats, rng = 40, np.random.default_rng(10 * k + n)
    found = [correlation_dimension(space(n, k, rng)) for _ in range(repeats)]
    assert sum(e.contains(k) for e in found) >= 0.85 * repeats  # below: 1 in 100 at 95% each
    assert np.median([e.value for e in found]) == pytest.approx(k, rel=0.15)
    assert all(e.low <= e.value <= e.high for e in found)


@pytest.mark.parametrize(("space", "k"), SMOOTH)
@pytest.mark.parametrize("n", [40, 150])
def test_the_two_neighbour_dimension_covers_the_true_one(space, k: int, n: int):
    repeats, rng = 60, np.random.default_rng(20 * k + n)
    found = [two_nearest_neighbour_dimension(space(n, k, rng)) for _ in range(repeats)]
    # in the cube of 3 dimensions most points are near a face, which takes 5 to 10% from the value
    assert sum(e.contains(k) for e in found) >= 0.85 * repeats
    assert np.median([e.value for e in found]) == pytest.approx(k, rel=0.12)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("n", [20, 60])
def test_the_spectrum_covers_the_dimension_of_a_sample(k: int, n: int):
    repeats, rng = 40, np.random.default_rng(k + n)
    found = [spectrum_dimension(gaussian(n, k, rng)) for _ in range(repeats)]
    assert sum(e.contains(k) for e in found) >= 0.85 * repeats


def test_the_spectrum_of_points_that_fill_a_box_evenly_is_their_dimension():
    for k in (1, 2, 3):
        x = np.array(list(np.ndindex(*[4] * k)), float)
        if len(x) >= 10:
            found = spectrum_dimension(np.linalg.norm(x[:, None] - x[None], axis=-1))
            assert found.value == pytest.approx(k)
            assert found.contains(found.value)


@given(seed=st.integers(0, 1000), scale=st.floats(1e-6, 1e6))
@settings(max_examples=20, deadline=None)
def test_a_unit_of_distance_changes_no_dimension(seed: int, scale: float):
    d = sphere(30, 2, np.random.default_rng(seed))
    before, after = dimension_table(d), dimension_table(scale * d)
    for name in ("MDS spectrum", "correlation", "two nearest neighbours"):
        if isinstance(before[name], str):  # a few samples of 30 points look like clusters: in any unit
            assert after[name] == before[name]
        else:
            np.testing.assert_allclose(after[name][:3], before[name][:3], rtol=1e-6)


RINGS = [16, 24, 60]
LATTICES = [
    *[(nx.cycle_graph(n), 1) for n in RINGS],
    *[(nx.path_graph(n), 1) for n in (10, 16, 50)],
    *[(lattice(n, n), 2) for n in (8, 10, 12)],
    *[(lattice(n, n, periodic=False), 2) for n in (5, 8, 12)],
    (nx.triangular_lattice_graph(10, 20), 2),
    (nx.hexagonal_lattice_graph(8, 8, periodic=True), 2),
    (lattice(8, 8, 8), 3),
    (lattice(6, 6, 6, periodic=False), 3),
]


@pytest.mark.parametrize(("graph", "k"), LATTICES)
def test_volume_growth_of_lattices_is_their_dimension(graph: nx.Graph, k: int):
    found = volume_growth_dimension(graph)
    assert found.contains(k)
    assert found.value == pytest.approx(k, rel=0.15)
    assert correlation_dimension(hops(graph))[:3] == found[:3]  # tied distances: the same balls


@pytest.mark.parametrize("n", RINGS)
def test_volume_growth_of_rings_is_exact(n: int):
    assert volume_growth_dimension(nx.cycle_graph(n))[:3] == pytest.approx((1.0, 1.0, 1.0), abs=1e-9)


@pytest.mark.parametrize(("graph", "k"), [(nx.cycle_graph(10), 1), (lattice(7, 7), 2), *LATTICES])
def test_the_spectral_dimension_of_lattices_is_their_dimension(graph: nx.Graph, k: int):
    found = spectral_dimension(graph)
    assert found.contains(k)
    assert found.value == pytest.approx(k, rel=0.15)


@pytest.mark.parametrize("n", [6, 8, 10])
def test_square_lattices_of_euclidean_distances_are_covered_or_refused(n: int):
    x = np.array(list(np.ndindex(n, n)), float)
    apart = np.abs(x[:, None] - x[None])
    opened, closed = (np.linalg.norm(v, axis=-1) for v in (apart, np.minimum(apart, n - apart)))
    assert correlation_dimension(opened).contains(2.0)
    if n == 6:
        with pytest.raises(ValueError, match="no scaling range: 3 different distances"):
            correlation_dimension(closed)
    else:
        assert correlation_dimension(closed).contains(2.0)


def test_points_scattered_in_a_square_and_joined_to_their_neighbours_are_two_dimensional():
    graph = nx.random_geometric_graph(300, 0.12, seed=0)
    graph = graph.subgraph(max(nx.connected_components(graph), key=len))
    assert volume_growth_dimension(graph).contains(2.0)
    assert spectral_dimension(graph).contains(2.0)


def test_weights_of_the_random_walk_are_conductances():
    ladder, square = lattice(16, 16), lattice(16, 16)
    for (_, y), (_, z), data in ladder.edges(data=True):
        data["c"] = 1.0 if y != z else 1e-6
    nx.set_edge_attributes(square, 3.0, "c")
    assert spectral_dimension(square, "c")[:3] == pytest.approx(spectral_dimension(square)[:3])


@pytest.mark.parametrize(
    "graph",
    [
        nx.balanced_tree(2, 5),
        nx.balanced_tree(3, 4),
        nx.random_regular_graph(3, 100, seed=0),
        nx.connected_watts_strogatz_graph(100, 4, 0.2, seed=0),
        nx.barbell_graph(20, 20),
    ],
)
def test_graphs_that_grow_faster_than_any_power_have_no_dimension_by_volume(graph: nx.Graph):
    with pytest.raises(ValueError, match="faster than any power"):
        volume_growth_dimension(graph)


def test_random_walks_that_find_no_power_are_refused():
    with pytest.raises(ValueError, match="faster than any power"):
        spectral_dimension(nx.random_regular_graph(3, 100, seed=0))
    with pytest.raises(ValueError, match="no power of time"):
        spectral_dimension(nx.barbell_graph(20, 20))
    for graph in (nx.complete_graph(30), nx.gnm_random_graph(100, 300, seed=0), lattice(6, 6)):
        with pytest.raises(ValueError, match="no scaling range: the random walk meets the size"):
            spectral_dimension(graph)


def test_lattices_too_small_for_a_range_of_radii_are_refused():
    for graph in (nx.cycle_graph(12), lattice(6, 6), lattice(5, 5, 5), nx.complete_graph(20)):
        with pytest.raises(ValueError, match="no scaling range"):
            volume_growth_dimension(graph)


def test_disconnected_graphs_are_refused():
    graph = nx.disjoint_union(nx.cycle_graph(20), nx.cycle_graph(10))
    for estimator in (volume_growth_dimension, spectral_dimension):
        with pytest.raises(ValueError, match="disconnected: 2 components, the largest of 20 nodes"):
            estimator(graph)


def test_lattices_have_no_ratio_of_neighbour_distances():
    with pytest.raises(ValueError, match="25 of 25 points have two nearest neighbours at the same distance"):
        two_nearest_neighbour_dimension(hops(lattice(5, 5)))
    x = np.array(list(np.ndindex(12, 12)), float) + 0.05 * np.random.default_rng(0).normal(size=(144, 2))
    with pytest.raises(ValueError, match="no sample of a smooth density"):
        two_nearest_neighbour_dimension(np.linalg.norm(x[:, None] - x[None], axis=-1))


@pytest.mark.parametrize("noise", [1e-9, 1e-7, 1e-5, 1e-3, 1e-2])
@pytest.mark.parametrize(
    ("graph", "k"), [(nx.cycle_graph(30), 1), (lattice(8, 8), 2), (lattice(7, 7, periodic=False), 2)]
)
def test_slightly_perturbed_lattices_keep_their_dimension(graph: nx.Graph, k: int, noise: float):
    rng = np.random.default_rng(0)
    error = np.triu(rng.normal(size=(len(graph), len(graph))), 1)
    found = correlation_dimension(hops(graph) * np.exp(noise * (error + error.T)))
    assert found.contains(k)
    assert found.value == pytest.approx(k, rel=0.15)


def test_a_perturbed_lattice_whose_shells_overlap_is_refused():
    rng = np.random.default_rng(0)
    error = np.triu(rng.normal(size=(64, 64)), 1)
    with pytest.raises(ValueError, match="no sample of a smooth density"):
        correlation_dimension(hops(lattice(8, 8)) * np.exp(0.1 * (error + error.T)))


def test_clusters_have_no_ratio_of_neighbour_distances():
    rng = np.random.default_rng(0)
    x = np.repeat(rng.uniform(size=(12, 2)), 6, axis=0) + 1e-3 * rng.normal(size=(72, 2))
    with pytest.raises(ValueError, match="no sample of a smooth density"):
        two_nearest_neighbour_dimension(np.linalg.norm(x[:, None] - x[None], axis=-1))


def test_too_few_equal_or_coincident_points_are_refused():
    few = torus(9, 2, np.random.default_rng(0))
    twice = np.kron(torus(15, 2, np.random.default_rng(0)), np.ones((2, 2)))
    for estimator in (spectrum_dimension, correlation_dimension, two_nearest_neighbour_dimension):
        with pytest.raises(ValueError, match="too few points: 9"):
            estimator(few)
        with pytest.raises(ValueError, match="all distances are equal"):
            estimator(1.0 - np.eye(30))
        with pytest.raises(ValueError, match="disconnected"):
            estimator(np.where(twice > 0.5, np.inf, twice))
    for estimator in (correlation_dimension, two_nearest_neighbour_dimension):
        with pytest.raises(ValueError, match="points coincide"):
            estimator(twice)


def test_distances_without_a_range_have_no_correlation_dimension():
    rng = np.random.default_rng(0)
    noise = np.triu(rng.uniform(0.0, 1e-3, (40, 40)), 1)
    with pytest.raises(ValueError, match="no scaling range"):
        correlation_dimension(1.0 - np.eye(40) + noise + noise.T)


def test_the_table_holds_an_estimate_or_a_reason_for_each():
    graph = lattice(8, 8)
    table = dimension_table(hops(graph), graph, causal_order(sprinkle(3, 200, 0)))
    assert list(table) == [
        "MDS spectrum",
        "correlation",
        "two nearest neighbours",
        "volume growth",
        "spectral",
        "Myrheim-Meyer",
    ]
    for name, entry in table.items():
        if name == "two nearest neighbours":
            assert isinstance(entry, str)
            assert "64 of 64 points" in entry
        else:
            assert isinstance(entry, Estimate)
            assert entry.method == name
    bare = dimension_table(hops(graph))
    assert bare["spectral"] == "no graph was given"
    assert bare["Myrheim-Meyer"] == "no causal order was given"
