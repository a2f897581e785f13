"""Causal sets: sprinklings against the closed forms of flat spacetime, and what the dimension refuses."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent.causal_sets import (
    alexandrov_interval,
    causal_order,
    myrheim_meyer,
    ordering_fraction,
    ordering_fraction_deviation,
    sprinkle,
    transitive_order,
)


@pytest.mark.parametrize(("dimension", "fraction"), [(1, 1.0), (2, 1 / 2), (3, 8 / 35), (4, 1 / 10)])
def test_the_share_of_related_pairs_is_meyers(dimension: int, fraction: float):
    assert ordering_fraction(dimension) == pytest.approx(fraction)


@pytest.mark.parametrize("dimension", [1, 2, 3, 4])
def test_sprinklings_fill_the_interval_uniformly(dimension: int):
    x = sprinkle(dimension, 4000, seed=dimension)
    assert x.shape == (4000, dimension)
    reach = np.abs(x[:, 0]) + np.linalg.norm(x[:, 1:], axis=1)
    assert reach.max() <= 0.5
    # the double cone of half its size has (1/2)^d of the volume; slices have density (1/2 - |t|)^(d - 1)
    assert scipy.stats.binomtest(int(np.sum(reach < 0.25)), 4000, 0.5**dimension).pvalue > 1e-3
    assert scipy.stats.kstest((1.0 - 2.0 * np.abs(x[:, 0])) ** dimension, "uniform").pvalue > 1e-3


@pytest.mark.parametrize("dimension", [2, 3, 4])
@pytest.mark.parametrize("n", [20, 100])
def test_mean_and_deviation_of_the_share_are_those_of_sprinklings(dimension: int, n: int):
    shares = []
    for seed in range(400):
        related = causal_order(sprinkle(dimension, n, seed)).sum()
        shares.append(2.0 * related / (n * (n - 1)))
    deviation = ordering_fraction_deviation(dimension, n)
    assert np.mean(shares) == pytest.approx(ordering_fraction(dimension), abs=4.0 * deviation / 20.0)
    assert np.std(shares) == pytest.approx(deviation, rel=0.15)  # four standard errors of a deviation


@pytest.mark.parametrize("dimension", [2, 3, 4])
@pytest.mark.parametrize("n", [30, 150])
def test_the_true_dimension_is_within_the_interval_in_nineteen_of_twenty_sprinklings(dimension: int, n: int):
    repeats = 200
    found = [myrheim_meyer(causal_order(sprinkle(dimension, n, 1000 + s))) for s in range(repeats)]
    inside = sum(e.contains(dimension) for e in found)
    assert 0.91 * repeats <= inside <= 0.99 * repeats
    assert np.median([e.value for e in found]) == pytest.approx(dimension, rel=0.05)
    assert all(e.low <= e.value <= e.high for e in found)


def test_the_interval_narrows_with_the_number_of_elements():
    widths = [
        e.high - e.low for e in (myrheim_meyer(causal_order(sprinkle(3, n, 1))) for n in (50, 200, 800))
    ]
    assert widths[0] > widths[1] > widths[2]


def test_a_chain_is_one_dimensional():
    found = myrheim_meyer(np.triu(np.ones((40, 40), bool), 1))
    assert found.value == found.low == 1.0
    assert 1.0 < found.high < 1.1


@given(seed=st.integers(0, 10_000), n=st.integers(2, 30))
@settings(max_examples=30, deadline=None)
def test_the_order_of_a_graph_is_its_transitive_closure(seed: int, n: int):
    rng = np.random.default_rng(seed)
    relation = np.triu(rng.random((n, n)) < 0.2, 1)
    shuffle = rng.permutation(n)
    graph = nx.DiGraph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from(zip(*np.nonzero(relation[np.ix_(shuffle, shuffle)])))
    expected = nx.to_numpy_array(nx.transitive_closure_dag(graph), nodelist=range(n)) > 0
    np.testing.assert_array_equal(transitive_order(graph), expected)
    np.testing.assert_array_equal(transitive_order(relation[np.ix_(shuffle, shuffle)]), expected)


def test_the_order_of_events_is_a_partial_order_already():
    order = causal_order(sprinkle(3, 100, 5))
    np.testing.assert_array_equal(transitive_order(order), order)
    assert not (order & order.T).any()


def test_an_interval_inside_of_a_sprinkling_has_the_dimension_of_the_whole():
    x = np.vstack([sprinkle(2, 600, 4), [[-0.4, 0.0], [0.4, 0.0]]])
    inside = alexandrov_interval(causal_order(x), 600, 601)
    between = np.abs(x[:600, 0]) + np.abs(x[:600, 1]) < 0.4
    assert len(inside) == between.sum()
    assert myrheim_meyer(inside).contains(2.0)
    with pytest.raises(ValueError, match="does not precede"):
        alexandrov_interval(causal_order(x), 601, 600)


def test_what_carries_no_dimension_is_refused():
    with pytest.raises(ValueError, match="too few elements: 9"):
        myrheim_meyer(np.triu(np.ones((9, 9), bool), 1))
    with pytest.raises(ValueError, match="no two elements are related"):
        myrheim_meyer(np.zeros((20, 20), bool))
    with pytest.raises(ValueError, match="cycle"):
        myrheim_meyer(nx.cycle_graph(12, create_using=nx.DiGraph))
    with pytest.raises(TypeError, match="undirected"):
        myrheim_meyer(nx.cycle_graph(12))
    with pytest.raises(TypeError, match="boolean"):
        myrheim_meyer(np.zeros((12, 12)))
    with pytest.raises(ValueError, match="square"):
        myrheim_meyer(np.zeros((12, 3), bool))
    with pytest.raises(ValueError, match="at least 1"):
        sprinkle(0, 10)
