"""The distance between geometries: a metric up to the names of the nodes, between bounds, exact where they meet."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent import gromov_wasserstein

SEEDS = st.integers(0, 2**32 - 1)


def hops(graph):
    return np.asarray(nx.floyd_warshall_numpy(graph))


def points(seed, count):
    x = np.random.default_rng(seed).standard_normal((count, 2))
    return np.linalg.norm(x[:, None] - x[None], axis=-1)


def best_assignment(a, b):
    """Over all permutations: for equal sizes couplings that are no permutation rarely do better, never worse."""
    a, b = (d * len(d) * (len(d) - 1) / d.sum() for d in (a, b))
    return min(
        np.sqrt(np.mean((a - b[np.ix_(order, order)]) ** 2))
        for order in map(list, itertools.permutations(range(len(a))))
    )


@given(SEEDS, st.floats(0.1, 10.0))
@settings(max_examples=20, deadline=None)
def test_names_and_units_of_the_nodes_do_not_matter(seed, unit):
    d = points(seed, 7)
    order = np.random.default_rng(seed).permutation(7)
    assert gromov_wasserstein(d, unit * d[np.ix_(order, order)], starts=30).distance < 1e-6


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_it_is_no_more_than_the_best_assignment_and_no_less_than_its_bound(seed):
    a, b = points(seed, 6), points(seed + 1, 6)
    found = gromov_wasserstein(a, b, starts=20)
    assert found.lower_bound <= found.distance <= best_assignment(a, b) + 1e-9
    np.testing.assert_allclose(found.plan.sum(axis=1), 1 / 6, atol=1e-12)
    np.testing.assert_allclose(found.plan.sum(axis=0), 1 / 6, atol=1e-12)


@given(SEEDS)
@settings(max_examples=10, deadline=None)
def test_it_is_symmetric_and_obeys_the_triangle_inequality_up_to_what_is_not_certified(seed):
    a, b, c = points(seed, 5), points(seed + 1, 6), points(seed + 2, 7)
    ab, ba, bc, ac = (gromov_wasserstein(x, y, starts=20) for x, y in ((a, b), (b, a), (b, c), (a, c)))
    assert ac.lower_bound <= ab.distance + bc.distance + 1e-9
    assert ab.lower_bound == pytest.approx(ba.lower_bound, abs=1e-12)
    assert ab.distance == ba.distance
    np.testing.assert_array_equal(ab.plan, ba.plan.T)


def test_two_points_against_three_equidistant_ones_in_closed_form():
    # Distances are 0 or 1: GW^2 = P(same, first) + P(same, second) - 2 P(same in both) = 1/2 + 1/3 - 2 sum T_ij^2,
    # and sum T^2 is largest for the rows (1/3, 1/6, 0), (0, 1/6, 1/3): 5/18.
    two, three = hops(nx.complete_graph(2)), hops(nx.complete_graph(3))
    found = gromov_wasserstein(two, three, scaled=False)
    assert found.distance**2 == pytest.approx(5 / 18, abs=1e-9)


def test_a_line_is_nearer_to_a_longer_line_than_to_a_ring_or_a_star():
    line = hops(nx.path_graph(12))
    longer = gromov_wasserstein(line, hops(nx.path_graph(16))).distance
    ring = gromov_wasserstein(line, hops(nx.cycle_graph(12))).distance
    star = gromov_wasserstein(line, hops(nx.star_graph(11))).distance
    assert longer < 0.15 < ring < star


@pytest.mark.parametrize(
    ("first", "message"),
    [
        (np.zeros((1, 1)), "2 nodes or more"),
        (np.array([[0.0, np.inf], [np.inf, 0.0]]), "infinite"),
        (np.array([[0.0, 1.0], [2.0, 0.0]]), "symmetric"),
        (np.zeros((3, 3)), "coincide"),
    ],
)
def test_what_is_no_matrix_of_distances_is_refused_in_one_line(first, message):
    with pytest.raises(ValueError, match=message) as error:
        gromov_wasserstein(first, hops(nx.path_graph(3)))
    assert "\n" not in str(error.value)
