"""Covariant acceleration and parallel transport against closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg

from circuits.description import Distribution, State
from qgeom.information import acceleration as covariant
from qgeom.information.fisher_rao import FisherRao
from qgeom.information.fubini_study import FubiniStudy


def complex_vectors(count: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    found = rng.normal(size=(count, d)) + 1j * rng.normal(size=(count, d))
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_great_circles_have_no_acceleration_whatever_the_phase():
    u, v = complex_vectors(2, 4)
    v = v - np.vdot(u, v) * u
    v /= np.linalg.norm(v)
    u, v = jnp.asarray(u), jnp.asarray(v)

    def circle(s):
        one = jax.lax.complex(jnp.cos(s), 0.0 * s) * u + jax.lax.complex(jnp.sin(s), 0.0 * s) * v
        return jax.lax.complex(jnp.cos(s**3), jnp.sin(s**3)) * one

    found = covariant.motion(circle, jnp.asarray(0.4))
    np.testing.assert_allclose(covariant.norm(found.velocity), 2.0, rtol=1e-12)
    np.testing.assert_allclose(found.acceleration, 0.0, atol=1e-12)
    # Not at constant speed: the acceleration is along the velocity, of the size of the change of speed.
    faster = covariant.motion(lambda s: circle(s**2), jnp.asarray(0.5))
    np.testing.assert_allclose(covariant.norm(faster.acceleration), 4.0, rtol=1e-12)
    np.testing.assert_allclose(covariant.across(faster.acceleration, faster.velocity), 0.0, atol=1e-11)


def test_a_qubit_on_a_circle_of_latitude_accelerates_as_on_the_sphere():
    # Bloch sphere of radius 1 = information length: speed sin(theta), acceleration sin(theta) cos(theta).
    theta = 0.7

    def curve(s):
        return jnp.stack(
            [
                jax.lax.complex(jnp.asarray(np.cos(theta / 2)), 0.0 * s),
                jax.lax.complex(np.sin(theta / 2) * jnp.cos(s), np.sin(theta / 2) * jnp.sin(s)),
            ]
        )

    found = covariant.motion(curve, jnp.asarray(1.3))
    np.testing.assert_allclose(covariant.norm(found.velocity), np.sin(theta), rtol=1e-12)
    np.testing.assert_allclose(covariant.norm(found.acceleration), np.sin(theta) * np.cos(theta), rtol=1e-12)
    np.testing.assert_allclose(
        covariant.across(found.acceleration, found.velocity), found.acceleration, atol=1e-12
    )


def test_velocities_have_the_length_of_the_information_metric():
    def roots(s):
        return jnp.sqrt(jax.nn.softmax(s * jnp.asarray([0.3, -1.0, 2.0]) + jnp.asarray([0.1, 0.2, 0.3])))

    s, one = jnp.asarray(0.6), jnp.asarray(1.0)
    p, dp = jax.jvp(lambda t: jnp.square(roots(t)), (s,), (one,))
    expected = FisherRao().squared_speed(Distribution(p), Distribution(dp))
    np.testing.assert_allclose(covariant.norm(covariant.motion(roots, s).velocity) ** 2, expected, rtol=1e-12)
    a, b = complex_vectors(2, 3)
    np.testing.assert_allclose(
        covariant.angle(jnp.asarray(a), jnp.asarray(b)),
        FubiniStudy().distance(State(jnp.asarray(a)), State(jnp.asarray(b))),
    )  # fmt: skip


def test_transport_keeps_angles_moves_the_geodesic_along_itself_and_follows_phases():
    u, w, t, r = (jnp.asarray(x) for x in complex_vectors(4, 5))
    t, r = (x - jnp.vdot(u, x) * u for x in (t, r))
    moved, other = (covariant.transported(x, u, w) for x in (t, r))
    np.testing.assert_allclose(jnp.vdot(w, moved), 0.0, atol=1e-12)
    np.testing.assert_allclose(jnp.vdot(moved, other), jnp.vdot(t, r), atol=1e-12)
    turn = jnp.asarray(np.exp(0.8j))
    np.testing.assert_allclose(covariant.transported(t, u, turn * w), turn * moved, atol=1e-12)
    np.testing.assert_allclose(covariant.transported(turn * t, turn * u, w), moved, atol=1e-12)
    np.testing.assert_allclose(covariant.transported(t, u, u), t, atol=1e-12)

    # Steps of parallel transport along the geodesic: projections on ever closer points.
    u, w, t, moved = (np.asarray(x) for x in (u, w, t, moved))
    phase = np.vdot(u, w) / np.abs(np.vdot(u, w))
    end = w / phase
    angle = np.arccos(np.vdot(u, end).real)
    along = (end - np.cos(angle) * u) / np.sin(angle)
    x, steps = t, 2000
    for k in range(1, steps + 1):
        point = np.cos(angle * k / steps) * u + np.sin(angle * k / steps) * along
        x = x - np.vdot(point, x) * point
    np.testing.assert_allclose(x * phase, moved, atol=2e-3)


def test_transport_on_the_real_sphere_is_the_rotation_of_the_plane():
    u, w = (np.abs(x.real) / np.linalg.norm(x.real) for x in complex_vectors(2, 3))
    angle = np.arccos(u @ w)
    along = (w - np.cos(angle) * u) / np.sin(angle)
    generator = angle * (np.outer(along, u) - np.outer(u, along))
    t = np.cross(u, [0.2, 0.5, -0.3])
    expected = scipy.linalg.expm(generator) @ t
    found = covariant.transported(jnp.asarray(t), jnp.asarray(u), jnp.asarray(w))
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_a_curve_exerts_no_force_on_itself_and_a_push_is_found_again():
    def plain(s):
        return jnp.sqrt(jax.nn.softmax(jnp.stack([s, -s, 0.5 * s])))

    def pushed(s):
        return jnp.sqrt(jax.nn.softmax(jnp.stack([s + 0.2 * s**2, -s, 0.5 * s])))

    s = jnp.asarray(0.5)
    one, other = covariant.motion(plain, s), covariant.motion(pushed, s)
    np.testing.assert_allclose(covariant.force(one, one), 0.0, atol=1e-12)
    found = covariant.force(other, one)
    assert covariant.norm(found) > 0.05
    np.testing.assert_allclose(jnp.vdot(other.point, found), 0.0, atol=1e-12)
