"""Gromov's delta against brute force, trees, cycles and grids."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent.hyperbolicity import gromov_hyperbolicity


def hops(graph: nx.Graph) -> np.ndarray:
    return np.asarray(nx.floyd_warshall_numpy(graph))


def brute_force(d: np.ndarray) -> float:
    best = 0.0
    for a, b, c, e in itertools.combinations(range(len(d)), 4):
        sums = sorted([d[a, b] + d[c, e], d[a, c] + d[b, e], d[a, e] + d[b, c]])
        best = max(best, 0.5 * (sums[2] - sums[1]))
    return best


@given(seed=st.integers(0, 10_000), n=st.integers(4, 12))
@settings(max_examples=40, deadline=None)
def test_it_is_the_largest_over_all_quadruples(seed: int, n: int):
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.1, 1.0, (n, n))
    d = hops(nx.from_numpy_array(np.triu(weights, 1) + np.triu(weights, 1).T))
    found = gromov_hyperbolicity(d)
    assert found.delta == pytest.approx(brute_force(d), abs=1e-12)
    assert found.diameter == d.max()
    assert found.relative == pytest.approx(found.delta / d.max())
    assert brute_force(d[np.ix_(found.quadruple, found.quadruple)]) == pytest.approx(found.delta, abs=1e-12)


@given(seed=st.integers(0, 10_000), n=st.integers(4, 40))
@settings(max_examples=20, deadline=None)
def test_trees_have_none_whatever_the_lengths_of_their_edges(seed: int, n: int):
    tree = nx.random_labeled_tree(n, seed=seed)
    rng = np.random.default_rng(seed)
    for *_, data in tree.edges(data=True):
        data["weight"] = rng.uniform(0.1, 2.0)
    assert gromov_hyperbolicity(hops(tree)).delta == 0.0


@pytest.mark.parametrize("n", range(4, 25))
def test_cycles_have_a_quarter_of_their_length(n: int):
    # Wu and Zhang 2011: floor(n/4), less one half if n = 1 mod 4
    assert gromov_hyperbolicity(hops(nx.cycle_graph(n))).delta == n // 4 - (0.5 if n % 4 == 1 else 0.0)


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (4, 6), (5, 5), (3, 9)])
def test_grids_have_their_shorter_side(rows: int, columns: int):
    assert gromov_hyperbolicity(hops(nx.grid_2d_graph(rows, columns))).delta == min(rows, columns) - 1


def test_the_hyperbolic_plane_stays_below_its_bound_at_any_diameter_and_the_flat_one_does_not():
    rng = np.random.default_rng(1)
    radius, angle = np.arccosh(rng.uniform(1.0, np.cosh(6.0), 60)), rng.uniform(0.0, 2.0 * np.pi, 60)
    x = np.column_stack([np.cosh(radius), np.sinh(radius) * np.cos(angle), np.sinh(radius) * np.sin(angle)])
    d = np.arccosh(np.maximum(np.outer(x[:, 0], x[:, 0]) - x[:, 1:] @ x[:, 1:].T, 1.0))
    np.fill_diagonal(d, 0.0)
    hyperbolic = gromov_hyperbolicity(d)
    assert hyperbolic.delta <= np.log1p(np.sqrt(2.0))
    disc = np.sqrt(rng.random(60))[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    flat = gromov_hyperbolicity(np.linalg.norm(disc[:, None] - disc[None], axis=-1))
    assert flat.relative > 2.0 * hyperbolic.relative


def test_what_is_no_metric_of_four_points_is_refused():
    with pytest.raises(ValueError, match="too few points"):
        gromov_hyperbolicity(hops(nx.path_graph(3)))
    with pytest.raises(ValueError, match="triangle inequality"):
        gromov_hyperbolicity(hops(nx.path_graph(6)) ** 2)
    with pytest.raises(ValueError, match="disconnected"):
        gromov_hyperbolicity(hops(nx.disjoint_union(nx.path_graph(3), nx.path_graph(3))))
