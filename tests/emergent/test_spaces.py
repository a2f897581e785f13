"""Embedding in spaces of constant curvature: points whose space is known, and ties that must stay flat."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.optimize

from qgeom.emergent.embedding import Embedding, angles, rapidities
from qgeom.emergent.spaces import _stress, embed, fitted_curvature, poincare_disc


def flat(n: int, seed: int, k: int = 2) -> np.ndarray:
    x = np.random.default_rng(seed).uniform(size=(n, k))
    return np.linalg.norm(x[:, None] - x[None], axis=-1)


def sphere(n: int, seed: int, radius: float, k: int = 2) -> np.ndarray:
    x = np.random.default_rng(seed).normal(size=(n, k + 1))
    return radius * angles(x / np.linalg.norm(x, axis=1, keepdims=True))


def disc(n: int, seed: int, radius: float, extent: float = 3.0) -> np.ndarray:
    """Points of the hyperbolic plane, uniform within ``extent`` curvature radii."""
    rng = np.random.default_rng(seed)
    far, angle = np.arccosh(rng.uniform(1.0, np.cosh(extent), n)), rng.uniform(0.0, 2.0 * np.pi, n)
    return radius * rapidities(np.sinh(far)[:, None] * np.column_stack([np.cos(angle), np.sin(angle)]))


def noisy(d: np.ndarray, seed: int, size: float) -> np.ndarray:
    error = np.triu(np.random.default_rng(seed).normal(size=d.shape), 1)
    return d * np.exp(size * (error + error.T))


@pytest.mark.parametrize(
    ("d", "space", "radius"),
    [
        (flat(25, 0), "euclidean", np.inf),
        (sphere(25, 1, 2.0), "spherical", 2.0),
        (disc(25, 2, 0.7), "hyperbolic", 0.7),
        (sphere(30, 3, 0.5, 3), "spherical", 0.5),
    ],
)
def test_exact_distances_name_their_space_and_its_radius(d: np.ndarray, space: str, radius: float):
    k = 3 if len(d) == 30 else 2
    found = embed(d, k)
    assert found.space == space
    assert found.stress < 1e-4
    assert found.radius == pytest.approx(radius, rel=1e-4)
    np.testing.assert_allclose(found.distances, d, atol=1e-3 * d.max())
    assert found.dimension == k


@pytest.mark.parametrize("seed", range(3))
def test_sign_and_size_of_curvature_survive_five_percent_of_noise(seed: int):
    on_sphere = embed(noisy(sphere(40, seed, 2.0), seed, 0.05), 2)
    assert on_sphere.space == "spherical"
    assert on_sphere.radius == pytest.approx(2.0, rel=0.05)
    on_disc = embed(noisy(disc(40, seed, 0.7), seed, 0.05), 2)
    assert on_disc.space == "hyperbolic"
    assert on_disc.radius == pytest.approx(0.7, rel=0.15)


def test_flat_points_with_noise_are_called_euclidean():
    named = [embed(noisy(flat(20, seed), seed, 0.1), 2).space for seed in range(12)]
    assert named.count("euclidean") >= 11


def test_the_ring_of_hops_is_a_circle_of_its_own_length():
    n = 20
    separation = np.abs(np.arange(n)[:, None] - np.arange(n)[None])
    found = embed(np.minimum(separation, n - separation), 1)
    assert found.space == "spherical"
    assert found.radius == pytest.approx(n / (2.0 * np.pi), rel=1e-4)
    assert found.stress < 1e-4


def test_the_line_of_hops_is_a_line():
    found = embed(np.abs(np.arange(15.0)[:, None] - np.arange(15.0)[None]), 1)
    assert found.space == "euclidean"
    assert found.stress < 1e-6


def test_trees_are_hyperbolic():
    found = embed(nx.floyd_warshall_numpy(nx.balanced_tree(2, 4)), 2)
    assert found.space == "hyperbolic"
    assert found.stresses["hyperbolic"] < 0.7 * found.stresses["euclidean"]


@pytest.mark.parametrize("space", ["euclidean", "spherical", "hyperbolic"])
def test_gradients_of_the_stress_are_those_of_finite_differences(space: str):
    rng = np.random.default_rng(0)
    d, x = flat(7, 1), rng.normal(size=(7, 3))

    def value(z: np.ndarray) -> float:
        return _stress(z[:-1].reshape(x.shape), float(np.exp(z[-1])), d, space)[0]

    z = np.append(x.ravel(), 0.3)
    _, gradient, slope = _stress(x, float(np.exp(0.3)), d, space)
    numeric = scipy.optimize.approx_fprime(z, value, 1e-7)
    np.testing.assert_allclose(np.append(gradient.ravel(), slope), numeric, atol=1e-6)


def test_units_of_distance_scale_the_radius_and_nothing_else():
    d = noisy(sphere(20, 5, 1.0), 5, 0.05)
    a, b = embed(d, 2), embed(1e3 * d, 2)
    assert a.space == b.space
    assert b.radius == pytest.approx(1e3 * a.radius, rel=1e-3)
    assert b.stress == pytest.approx(a.stress, rel=1e-3)


def test_the_poincare_disc_keeps_hyperbolic_distances():
    found = embed(disc(20, 4, 1.5), 2, "hyperbolic")
    y = poincare_disc(found)
    assert np.linalg.norm(y, axis=1).max() < 1.0
    inside = 1.0 - np.sum(y**2, axis=1)
    chord = np.sum((y[:, None] - y[None]) ** 2, axis=-1)
    d = found.radius * np.arccosh(1.0 + 2.0 * chord / np.outer(inside, inside))
    np.testing.assert_allclose(d, found.distances, atol=1e-6)
    np.testing.assert_allclose(poincare_disc(found.coordinates), y)
    np.testing.assert_allclose(found.coordinates.mean(axis=0)[1:], 0.0, atol=1e-8)
    with pytest.raises(ValueError, match="this one is spherical"):
        poincare_disc(Embedding(np.eye(3), 0.0, 0.0, "spherical", 1.0))
    with pytest.raises(ValueError, match="one hyperboloid"):
        poincare_disc(np.eye(3))


def test_the_interval_of_curvature_covers_and_tells_signs_apart():
    for seed in range(3):
        positive = fitted_curvature(noisy(sphere(30, seed, 2.0), seed, 0.05), 2, groups=10)
        assert positive.low > 0.0
        assert positive.value == pytest.approx(0.25, rel=0.15)
        negative = fitted_curvature(noisy(disc(30, seed, 1.0), seed, 0.03), 2, groups=10)
        assert negative.high < 0.0


def test_the_interval_of_curvature_holds_zero_for_flat_points():
    found = [fitted_curvature(noisy(flat(20, seed), seed, 0.05), 2, groups=10) for seed in range(12)]
    assert sum(e.contains(0.0) for e in found) >= 11


def test_what_carries_no_geometry_is_refused():
    with pytest.raises(ValueError, match="too few points: 6, where at least 7"):
        embed(flat(6, 0), 2)
    with pytest.raises(ValueError, match="all distances are equal"):
        embed(1.0 - np.eye(10), 2)
    with pytest.raises(ValueError, match="hyperbolic line"):
        embed(flat(10, 0), 1, "hyperbolic")
    with pytest.raises(ValueError, match="not 'toroidal'"):
        embed(flat(10, 0), 2, "toroidal")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="a line has no curvature"):
        fitted_curvature(flat(10, 0), 1)
