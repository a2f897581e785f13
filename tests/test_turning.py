"""Turning of paths of points against closed forms on spheres."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from circuits.description import Distribution, Gaussian, State
from qgeom.information import distance
from qgeom.information.turning import angle, logarithm, turning_angles


def test_a_great_circle_does_not_turn():
    t = jnp.linspace(0.1, 1.4, 6)
    p = jnp.stack([jnp.cos(t) ** 2, jnp.sin(t) ** 2], axis=-1)[:, None]
    np.testing.assert_allclose(turning_angles(Distribution(p)), 0.0, atol=1e-7)
    # Of states, whatever their phases.
    psi = jnp.asarray(np.stack([np.cos(t), np.sin(t)], axis=-1) * np.exp(1j * np.arange(6))[:, None])
    np.testing.assert_allclose(turning_angles(State(psi[:, None])), 0.0, atol=1e-7)


def test_the_corners_of_an_octant_are_right_angles():
    corners = jnp.eye(3)[jnp.asarray([0, 1, 2, 0, 2])][:, None]
    np.testing.assert_allclose(
        turning_angles(Distribution(corners)), [np.pi / 2, np.pi / 2, np.pi], atol=1e-12
    )


def test_normal_distributions_turn_as_points_of_the_plane():
    path = jnp.asarray([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [2.0, 2.0], [2.0, 2.0]])[:, None]
    np.testing.assert_allclose(turning_angles(Gaussian(path)), [np.pi / 2, np.pi / 4, 0.0], atol=1e-12)


def test_all_data_turn_together():
    # One input turns by a right angle, the other goes straight on, twice as far: cos = 4 / 5.
    path = jnp.asarray([[[0.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [2.0, 0.0]], [[1.0, 1.0], [4.0, 0.0]]])
    np.testing.assert_allclose(turning_angles(Gaussian(path)), [np.arccos(0.8)], atol=1e-12)


def test_the_logarithm_is_as_long_as_the_distance(key):
    a, b = jax.random.dirichlet(key, jnp.ones(4), (2,))
    np.testing.assert_allclose(
        jnp.linalg.norm(logarithm(Distribution(a), Distribution(b))),
        distance(Distribution(a), Distribution(b)),
    )
    z = jax.lax.complex(*jax.random.normal(key, (2, 2, 4)))
    s, t = (State(v / jnp.linalg.norm(v).astype(complex)) for v in z)
    np.testing.assert_allclose(jnp.linalg.norm(logarithm(s, t)), distance(s, t))


def test_the_angle_of_nearly_parallel_vectors_is_exact():
    assert abs(float(angle(jnp.asarray([1.0, 0.0]), jnp.asarray([1.0, 1e-9]))) - 1e-9) < 1e-18
    assert float(angle(jnp.zeros(2), jnp.ones(2))) == 0.0
