"""Distances from relations: formulas, closure, triangles, units, refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.sparse.csgraph
from hypothesis import given, settings
from hypothesis import strategies as st

from qgeom.emergent.distance_formulas import distances, shortest_paths, triangles
from qgeom.emergent.relation import Relation


def relation_of(share, power=1):
    share = np.asarray(share, float)
    return Relation("test", tuple(map(str, range(len(share)))), share, "", share, power=power)


def random_shares(seed, n=7, density=0.6):
    rng = np.random.default_rng(seed)
    table = rng.uniform(0.05, 1.0, size=(n, n)) * (rng.uniform(size=(n, n)) < density)
    table = np.triu(table, 1)
    table[np.arange(n - 1), np.arange(1, n)] = 0.5
    return table + table.T


def test_the_formulas():
    share = np.array([[0.0, 0.25], [0.25, 0.0]])
    assert distances(relation_of(share), "log").matrix[0, 1] == pytest.approx(np.log(4))
    assert distances(relation_of(share, 2), "log").matrix[0, 1] == pytest.approx(np.log(2))
    assert distances(relation_of(share, 2), "one-minus").matrix[0, 1] == pytest.approx(0.5)
    assert distances(relation_of(share, 2), "inverse").matrix[0, 1] == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_closure_is_a_metric_and_the_shortest_path(seed):
    found = distances(relation_of(random_shares(seed)))
    direct = np.where(np.isfinite(found.direct), found.direct, 0.0)
    np.testing.assert_allclose(found.matrix, scipy.sparse.csgraph.floyd_warshall(direct), atol=1e-12)
    assert triangles(found.matrix).violated == 0
    np.testing.assert_allclose(shortest_paths(found.matrix), found.matrix, atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_triangles_are_counted_as_by_hand(seed):
    matrix = distances(relation_of(random_shares(seed)), "inverse", closure=False).direct
    total = violated = 0
    for i, j, k in itertools.combinations(range(len(matrix)), 3):
        sides = sorted([matrix[i, j], matrix[i, k], matrix[j, k]])
        if np.isfinite(sides[2]):
            total += 1
            violated += sides[2] > (sides[0] + sides[1]) * (1 + 1e-9)
    found = triangles(matrix)
    assert (found.violated, found.total) == (violated, total)


def test_units():
    relation = relation_of(random_shares(0, density=1.0))
    n = relation.size
    mean = distances(relation, unit="mean")
    assert np.mean(mean.direct[~np.eye(n, dtype=bool)]) == pytest.approx(1.0)
    near = distances(relation, unit="neighbour")
    assert np.median(np.min(near.direct + np.diag(np.full(n, np.inf)), axis=1)) == pytest.approx(1.0)


def test_shares_that_multiply_along_a_chain_give_distances_that_add():
    position = np.array([0.0, 0.4, 1.0, 1.1])
    share = np.exp(-np.abs(position[:, None] - position[None, :]))
    np.fill_diagonal(share, 0.0)
    found = distances(relation_of(share))
    np.testing.assert_allclose(found.matrix, np.abs(position[:, None] - position[None, :]), atol=1e-12)


def test_what_cannot_be_measured_is_refused():
    with pytest.raises(ValueError, match="no two points are related"):
        distances(relation_of(np.zeros((3, 3))))
    ones = 1.0 - np.eye(3)
    with pytest.raises(ValueError, match="no scale"):
        distances(relation_of(ones), unit="mean")
    with pytest.raises(ValueError, match="known: log"):
        distances(relation_of(ones), "euclid")  # pyright: ignore[reportArgumentType]
    pairs = np.zeros((4, 4))
    pairs[0, 1] = pairs[1, 0] = pairs[2, 3] = pairs[3, 2] = 0.5
    found = distances(relation_of(pairs))
    assert found.components == 2
    assert not found.connected
    with pytest.raises(ValueError, match="2 unconnected parts"):
        found.require_connected("a dimension")
