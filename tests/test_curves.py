"""Curves, geodesics and curvature on manifolds whose geometry is known in closed form."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits import DensityMatrix, Distribution, Gaussian, State, gates
from qgeom.information import curves, geodesics
from tests.zoo import EntangledState, ProductRY, Sphere


def normal_family(theta):
    """The Fisher metric of N(mean, scale^2) in (mean, scale): hyperbolic, Gaussian curvature -1/2."""
    return jnp.diag(jnp.stack([1.0 / theta[1] ** 2, 2.0 / theta[1] ** 2]))


def normal_distance(a, b):
    return np.sqrt(2.0) * np.arccosh(
        1.0 + ((a[0] - b[0]) ** 2 / 2.0 + (a[1] - b[1]) ** 2) / (2.0 * a[1] * b[1])
    )


SPHERE = curves.metric_function(Sphere())


# -- distances between points ----------------------------------------------------------------------------------


def test_orthogonal_states_and_disjoint_distributions_are_pi_apart():
    zero, one = jnp.asarray([1.0 + 0j, 0]), jnp.asarray([0, 1j])
    assert float(curves.distance(State(zero), State(one))) == pytest.approx(np.pi, abs=1e-14)
    assert float(
        curves.distance(Distribution(jnp.asarray([1.0, 0])), Distribution(jnp.asarray([0, 1.0])))
    ) == (pytest.approx(np.pi, abs=1e-14))
    rho, sigma = jnp.diag(zero), jnp.diag(one * -1j)
    assert float(curves.distance(DensityMatrix(rho), DensityMatrix(sigma))) == pytest.approx(np.pi, abs=1e-7)
    assert float(curves.distance(Gaussian(jnp.asarray([0.0, 3.0])), Gaussian(jnp.asarray([4.0, 0.0])))) == 5.0


@pytest.mark.parametrize("angle", [1e-9, 1e-3, 1.0, 3.0])
def test_distances_keep_their_digits_for_neighbours(angle):
    def state(t):
        return State(jnp.asarray(np.asarray([np.cos(t / 2), np.sin(t / 2) * 1j])))

    def distribution(t):
        return Distribution(jnp.asarray([np.cos(t / 2) ** 2, np.sin(t / 2) ** 2]))

    assert float(curves.distance(state(0.1), state(0.1 + angle))) == pytest.approx(angle, rel=1e-6)
    assert float(curves.distance(distribution(0.1), distribution(0.1 + angle))) == pytest.approx(
        angle, rel=1e-6
    )


def test_bures_distance_of_commuting_states_is_that_of_their_spectra():
    p, q = jnp.asarray([0.5, 0.3, 0.2]), jnp.asarray([0.1, 0.6, 0.3])
    rotation = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (3, 3)))[0]
    rho, sigma = (DensityMatrix((rotation * w @ rotation.T).astype(jnp.complex128)) for w in (p, q))
    expected = curves.distance(Distribution(p), Distribution(q))
    assert float(curves.distance(rho, sigma)) == pytest.approx(float(expected), abs=1e-12)
    assert float(expected) == pytest.approx(2.0 * np.arccos(np.sum(np.sqrt(p * q))), abs=1e-12)


def test_global_phases_do_not_separate_states():
    psi = EntangledState()(jnp.asarray([0.3, 0.4, 0.5, 0.6, 0.7]))
    moved = EntangledState()(jnp.asarray([0.3, 0.4, 0.5, 0.6, 2.7]))
    assert float(curves.distance(psi, moved)) == pytest.approx(0.0, abs=1e-14)


# -- lengths ---------------------------------------------------------------------------------------------------


def test_length_and_action_of_a_straight_path_in_a_flat_metric():
    metric = curves.metric_function(ProductRY(2))
    path = jnp.linspace(0.0, 1.0, 9)[:, None] * jnp.asarray([3.0, 4.0])
    assert float(curves.length(metric, path)) == pytest.approx(5.0, abs=1e-12)
    assert float(curves.action(metric, path)) == pytest.approx(12.5, abs=1e-12)
    np.testing.assert_allclose(curves.segment_lengths(metric, path), np.full(8, 5.0 / 8), atol=1e-12)


def test_length_of_a_parallel_on_the_sphere_converges_to_the_closed_form():
    expected = 2.0 * np.sin(0.7) * 1.2  # radius 2, polar angle 0.7, azimuth 0 to 1.2

    def parallel(t):
        return jnp.stack([jnp.full_like(t, 0.7), 1.2 * t * t])

    assert float(curves.length(SPHERE, parallel, nodes=16)) == pytest.approx(expected, abs=1e-13)
    assert float(curves.action(SPHERE, parallel, nodes=16)) > expected**2 / 2.0
    path = jax.vmap(parallel)(jnp.linspace(0.0, 1.0, 33))
    assert float(curves.length(SPHERE, path)) == pytest.approx(expected, abs=1e-12)
    chords = curves.point_length(jax.vmap(Sphere())(path))
    assert expected - 1e-3 < float(chords) < expected


def test_the_layer_curve_of_a_rotation_is_its_angle():
    c = circuits.Circuit(1, [gates.RY(circuits.Param(i), 0) for i in range(3)])
    points = c.curve(jnp.asarray([0.3, 0.5, 0.2]))
    np.testing.assert_allclose(curves.point_steps(points), [0.3, 0.5, 0.2], atol=1e-14)
    assert float(curves.point_length(points)) == pytest.approx(1.0, abs=1e-13)


def test_a_path_needs_two_points():
    with pytest.raises(ValueError, match="2 points or more"):
        curves.length(normal_family, jnp.ones((1, 2)))


# -- connection and curvature ----------------------------------------------------------------------------------


def test_christoffel_symbols_of_the_normal_family():
    gamma = geodesics.christoffel(normal_family, jnp.asarray([0.3, 1.2]))
    expected = np.zeros((2, 2, 2))
    expected[0, 0, 1] = expected[0, 1, 0] = expected[1, 1, 1] = -1.0 / 1.2
    expected[1, 0, 0] = 0.5 / 1.2
    np.testing.assert_allclose(gamma, expected, atol=1e-14)


def test_scalar_curvatures_of_the_normal_family_and_of_the_simplex():
    # Twice the Gaussian curvature -1/2; p (p - 1) / r^2 = 2/4 on the sphere of radius two.
    assert float(geodesics.scalar_curvature(normal_family, jnp.asarray([0.3, 1.2]))) == pytest.approx(
        -1.0, abs=1e-12
    )
    assert float(geodesics.scalar_curvature(SPHERE, jnp.asarray([0.7, 0.5]))) == pytest.approx(0.5, abs=1e-11)


def test_the_bloch_sphere_of_a_circuit_has_radius_one():
    c = circuits.Circuit(1, [gates.RY(circuits.Param(0), 0), gates.RZ(circuits.Param(1), 0)])
    curvature = geodesics.scalar_curvature(curves.metric_function(c), jnp.asarray([0.7, 0.5]))
    assert float(curvature) == pytest.approx(2.0, abs=1e-10)


# -- geodesics -------------------------------------------------------------------------------------------------


def test_initial_value_geodesic_of_the_normal_family_keeps_its_speed_and_runs_the_distance():
    g = geodesics.initial_geodesic(normal_family, jnp.asarray([0.0, 1.0]), jnp.asarray([1.0, 0.5]))
    assert g.converged
    assert g.speed_drift < 1e-7
    assert g.length == pytest.approx(np.sqrt(1.5), abs=1e-7)
    assert normal_distance(g.path[0], g.path[-1]) == pytest.approx(np.sqrt(1.5), abs=1e-7)
    # A half ellipse: mean^2 / 2 + scale^2 is a circle around a point of the boundary.
    x, y = g.path[:, 0] / np.sqrt(2.0), g.path[:, 1]
    centre = (x[-1] ** 2 + y[-1] ** 2 - 1.0) / (2.0 * x[-1])
    np.testing.assert_allclose((x - centre) ** 2 + y**2, 1.0 + centre**2, rtol=1e-6)


def test_boundary_value_geodesic_of_the_normal_family_is_the_closed_form():
    a, b = jnp.asarray([0.0, 1.0]), jnp.asarray([3.0, 0.5])
    g = geodesics.boundary_geodesic(normal_family, a, b)
    assert g.converged
    assert g.method == "relaxation and shooting"
    assert g.length == pytest.approx(normal_distance(a, b), abs=1e-8)
    np.testing.assert_allclose(g.path[[0, -1]], [a, b], atol=1e-7)
    relaxed = geodesics.boundary_geodesic(normal_family, a, b, shooting=False)
    assert relaxed.method == "relaxation"
    assert relaxed.length == pytest.approx(normal_distance(a, b), rel=1e-4)


def test_boundary_value_geodesic_on_the_simplex_is_the_great_circle():
    a, b = jnp.asarray([0.3, 0.2]), jnp.asarray([1.2, 1.3])
    g = geodesics.boundary_geodesic(SPHERE, a, b)
    assert g.length == pytest.approx(float(curves.distance(Sphere()(a), Sphere()(b))), abs=1e-8)
    assert "converged by relaxation and shooting" in repr(g)


def test_a_kernel_is_handled_by_damping_and_the_result_says_so():
    # Two rotations about one axis: the metric is singular everywhere, the distance is that of the sum.
    def metric(theta):
        return jnp.ones((2, 2)) + jnp.zeros_like(theta)

    g = geodesics.boundary_geodesic(
        metric, jnp.asarray([0.0, 0.1]), jnp.asarray([0.5, 0.3]), damping=1e-6, steps=8
    )
    assert g.length == pytest.approx(0.7, abs=1e-6)
    assert "damping 1e-06" in repr(g)
    with pytest.raises(ValueError, match="damping must be zero or positive"):
        geodesics.christoffel(normal_family, jnp.asarray([0.0, 1.0]), damping=-1.0)


def test_ends_must_have_one_shape():
    with pytest.raises(ValueError, match="two flat vectors of one length"):
        geodesics.boundary_geodesic(normal_family, jnp.ones(2), jnp.ones(3))
