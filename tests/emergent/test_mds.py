"""Multidimensional scaling against configurations that are known, and data that it must refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from qgeom.emergent.embedding import Embedding, negative_share, stress_1
from qgeom.emergent.matrices import distance_matrix
from qgeom.emergent.mds import classical_mds, metric_mds, nonmetric_mds


def points(n: int, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, k))


def ring(n: int) -> np.ndarray:
    """Hops between the sites of a ring."""
    separation = np.abs(np.arange(n)[:, None] - np.arange(n)[None])
    return np.minimum(separation, n - separation).astype(float)


def distances(x: np.ndarray) -> np.ndarray:
    return cdist(x, x)


@pytest.mark.parametrize("method", [classical_mds, metric_mds])
@pytest.mark.parametrize("k", [1, 2, 3])
def test_euclidean_distances_are_reproduced_exactly_in_their_own_dimension(method, k: int):
    d = distances(points(20, k))
    found = method(d, k)
    np.testing.assert_allclose(found.distances, d, atol=1e-5 * d.max())
    assert found.stress < 1e-5
    assert found.negative_share == 0.0
    assert found.space == "euclidean"
    assert found.curvature == 0.0
    assert found.dimension == k


@given(seed=st.integers(0, 10_000), n=st.integers(6, 15), k=st.integers(1, 3), scale=st.floats(1e-3, 1e3))
@settings(max_examples=25, deadline=None)
def test_classical_scaling_commutes_with_rigid_motions_and_scale(seed: int, n: int, k: int, scale: float):
    x = points(n, k, seed)
    rotation = np.linalg.qr(np.random.default_rng(seed + 1).normal(size=(k, k)))[0]
    a = classical_mds(distances(x), k)
    b = classical_mds(distances(scale * (x @ rotation) + 3.0), k)
    np.testing.assert_allclose(b.distances, scale * a.distances, atol=1e-7 * scale * a.distances.max())
    np.testing.assert_allclose(a.coordinates.mean(axis=0), 0.0, atol=1e-10)
    np.testing.assert_allclose(
        a.coordinates.T @ a.coordinates, np.diag(np.sum(a.coordinates**2, axis=0)), atol=1e-8
    )


def test_metric_scaling_has_no_more_stress_than_classical_scaling():
    d = ring(14)
    assert metric_mds(d, 2).stress < classical_mds(d, 2).stress


def test_the_ring_of_hops_embeds_in_the_plane_as_the_best_circle():
    n = 16
    d, found = ring(n), metric_mds(ring(n), 2)
    chord = 2.0 * np.sin(np.pi * d / n)
    radius = np.sum(chord * d) / np.sum(chord**2)  # least squares over regular polygons
    assert found.stress <= stress_1(radius * chord, d) * (1.0 + 1e-6)
    np.testing.assert_allclose(np.linalg.norm(found.coordinates, axis=1), radius, rtol=1e-3)


def test_nonmetric_scaling_is_blind_to_monotone_functions_of_the_distances():
    x = points(25, 2, 3)
    d = distances(x)
    direct, bent = nonmetric_mds(d, 2), nonmetric_mds(np.expm1(2.0 * d), 2)
    assert direct.stress < 1e-2
    assert bent.stress < 1e-2
    assert metric_mds(np.expm1(2.0 * d), 2).stress > 0.1
    a, b = (np.corrcoef(np.ravel(e.distances), np.ravel(d))[0, 1] for e in (direct, bent))
    assert min(a, b) > 0.99


def test_nonmetric_scaling_keeps_coincident_points_together():
    x = points(12, 2, 5)
    x = np.vstack([x, x[:1]])
    found = nonmetric_mds(distances(x), 2)
    assert found.distances[0, -1] < 0.1 * found.distances.max()


def test_the_negative_share_is_zero_exactly_for_euclidean_distances():
    assert negative_share(distances(points(15, 4))) == 0.0


def test_the_negative_share_of_the_four_cycle_is_in_closed_form():
    # squared hops of the 4-cycle, circulant (0, 1, 4, 1): eigenvalues 6, -4, 2, -4; B = -1/2 of all but the first
    assert negative_share(ring(4)) == pytest.approx(1.0 / (2.0 + 2.0 + 1.0))


def test_the_negative_share_of_random_distances_is_near_one_half():
    rng = np.random.default_rng(0)
    d = rng.uniform(0.0, 1.0, (200, 200))
    d = np.triu(d, 1) + np.triu(d, 1).T
    assert 0.4 < negative_share(d) < 0.5


@pytest.mark.parametrize("method", [classical_mds, metric_mds, nonmetric_mds])
def test_what_carries_no_geometry_is_refused(method):
    with pytest.raises(ValueError, match="too few points: 3"):
        method(ring(3), 2)
    with pytest.raises(ValueError, match="all distances are equal"):
        method(1.0 - np.eye(8), 2)
    with pytest.raises(ValueError, match="dimension 1 or more"):
        method(ring(8), 0)


def test_classical_scaling_refuses_more_dimensions_than_the_distances_span():
    with pytest.raises(ValueError, match="span 1 dimensions"):
        classical_mds(distances(points(10, 1)), 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d[:-1], "square matrix"),
        (lambda d: d + np.triu(d), "symmetric"),
        (lambda d: d + np.eye(len(d)), "itself is zero"),
        (lambda d: np.where(d > 2.0, np.inf, d), "disconnected"),
        (lambda d: np.where(d > 2.0, np.nan, d), "nan"),
        (lambda d: -d, "zero or positive"),
        (lambda d: 0.0 * d, "no scale"),
    ],
)
def test_what_is_no_matrix_of_distances_is_refused(change, message: str):
    with pytest.raises(ValueError, match=message):
        distance_matrix(change(ring(8)))


def test_an_embedding_says_what_it_is():
    assert "12 points, euclidean dimension 2" in repr(classical_mds(ring(12), 2))
    sphere = Embedding(2.0 * np.eye(3), 0.0, 0.0, "spherical", 2.0)
    assert sphere.curvature == 0.25
    np.testing.assert_allclose(sphere.distances, np.pi * (1.0 - np.eye(3)))
