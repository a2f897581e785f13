"""Parallel transport: solid angles, gauge invariance, Chern numbers of a two-band model, curvature as the limit."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import qgeom
from circuits import gates
from qgeom.information import berry_phase, chern_number, holonomy_angles, wilson_loop


def latitude(theta, count):
    """Spin up along a circle of latitude, (count, 2)."""
    phi = 2 * np.pi * np.arange(count) / count
    return np.stack([np.cos(theta / 2) * np.ones(count), np.sin(theta / 2) * np.exp(1j * phi)], axis=1)


@pytest.mark.parametrize("theta", [0.3, 1.0, 2.0])
def test_berry_phase_of_a_spin_is_minus_half_the_solid_angle(theta):
    expected = -np.pi * (1 - np.cos(theta))  # spin 1/2 along the field (Berry 1984)
    found = float(berry_phase(jnp.asarray(latitude(theta, 2000))))
    assert np.exp(1j * found) == pytest.approx(np.exp(1j * expected), abs=1e-5)


def test_phases_and_norms_of_the_states_do_not_matter():
    rng = np.random.default_rng(0)
    states = latitude(0.9, 50)
    other = states * (rng.uniform(0.5, 2, 50) * np.exp(1j * rng.uniform(0, 6, 50)))[:, None]
    np.testing.assert_allclose(berry_phase(jnp.asarray(other)), berry_phase(jnp.asarray(states)), atol=1e-12)


@pytest.mark.parametrize("theta", [0.4, 1.1])
def test_tangent_planes_of_the_sphere_turn_by_the_solid_angle(theta):
    phi = 2 * np.pi * np.arange(4000) / 4000
    zero = np.zeros_like(phi)
    south = np.stack(
        [np.cos(theta) * np.cos(phi), np.cos(theta) * np.sin(phi), -np.sin(theta) + zero], axis=1
    )
    east = np.stack([-np.sin(phi), np.cos(phi), zero], axis=1)
    w = wilson_loop(jnp.asarray(np.stack([south, east], axis=2)))
    assert w.dtype == jnp.float64  # a real connection
    angle = 2 * np.pi * (1 - np.cos(theta))
    np.testing.assert_allclose(np.trace(w) / 2, np.cos(angle), atol=1e-5)
    np.testing.assert_allclose(np.linalg.det(w), 1.0, atol=1e-10)


def test_a_change_of_basis_at_the_start_conjugates_the_holonomy_and_elsewhere_does_nothing():
    rng = np.random.default_rng(1)
    # the lowest two levels of a family of Hermitian matrices round a loop
    a, b, c = (h + h.conj().T for h in rng.normal(size=(3, 5, 5)) + 1j * rng.normal(size=(3, 5, 5)))
    t = 2 * np.pi * np.arange(60) / 60
    frames = np.linalg.eigh(4 * np.diag(np.arange(5)) + a * np.cos(t)[:, None, None] * 0.3
                            + b * np.sin(t)[:, None, None] * 0.3 + 0.1 * c)[1][:, :, :2]  # fmt: skip
    turns = np.linalg.qr(rng.normal(size=(60, 2, 2)) + 1j * rng.normal(size=(60, 2, 2)))[0]
    before, after = wilson_loop(jnp.asarray(frames)), wilson_loop(jnp.asarray(frames @ turns))
    np.testing.assert_allclose(after, turns[0].conj().T @ before @ turns[0], atol=1e-12)
    angles = [np.exp(1j * np.asarray(holonomy_angles(jnp.asarray(f)))) for f in (frames, frames @ turns)]
    np.testing.assert_allclose(np.sort_complex(angles[0]), np.sort_complex(angles[1]), atol=1e-10)


def two_band(mass, points, band):
    """Eigenvectors of sin kx X + sin ky Y + (m + cos kx + cos ky) Z."""
    k = 2 * np.pi * np.arange(points) / points
    kx, ky = np.meshgrid(k, k, indexing="ij")
    z = mass + np.cos(kx) + np.cos(ky)
    off = np.sin(kx) - 1j * np.sin(ky)
    h = np.stack([np.stack([z + 0j, off], -1), np.stack([off.conj(), -z + 0j], -1)], -2)
    return jnp.asarray(np.linalg.eigh(h)[1][..., [band]])


@pytest.mark.parametrize(("mass", "size"), [(-3.0, 0), (-1.0, 1), (1.0, 1), (3.0, 0)])
def test_chern_numbers_of_the_two_band_model(mass, size):
    below, above = (chern_number(two_band(mass, 20, band)) for band in (0, 1))
    assert abs(below.number) == size
    assert below.number == -above.number
    assert below.flux.sum() == pytest.approx(2 * np.pi * below.number, abs=1e-10)


def test_the_sign_of_the_chern_number_follows_the_degree_of_the_map_to_the_sphere():
    # degree of k -> d(k)/|d(k)|, by the triple product on a fine grid; the lower band has its negative times -1
    for mass in (-1.0, 1.0):
        k = 2 * np.pi * np.arange(400) / 400
        kx, ky = np.meshgrid(k, k, indexing="ij")
        d = np.stack([np.sin(kx), np.sin(ky), mass + np.cos(kx) + np.cos(ky)])
        dx = np.stack([np.cos(kx), 0 * kx, -np.sin(kx)])
        dy = np.stack([0 * kx, np.cos(ky), -np.sin(ky)])
        density = np.einsum("ikl,ikl->kl", d, np.cross(dx, dy, axis=0)) / np.linalg.norm(d, axis=0) ** 3
        degree = density.sum() * (2 * np.pi / 400) ** 2 / (4 * np.pi)
        assert chern_number(two_band(mass, 30, 0)).number == round(degree)


def test_the_phase_of_a_small_loop_is_the_curvature_times_its_area():
    c = circuits.Circuit(2, [gates.RY(gates.Param(0), 0), gates.RZ(gates.Param(1), 0), gates.CX(0, 1)])
    theta = jnp.asarray([0.8, 0.3])
    side, count = 1e-2, 40
    t = np.arange(count) / count
    one, zero = np.ones(count), np.zeros(count)
    square = np.concatenate([np.stack(p, 1) for p in ((t, zero), (one, t), (1 - t, one), (zero, 1 - t))])
    loop = jax.vmap(lambda p: c(p).vector)(theta + side * jnp.asarray(square - 0.5))
    curvature = qgeom.information_metric(c, theta).berry_curvature()[0, 1]
    np.testing.assert_allclose(berry_phase(loop), curvature * side**2, rtol=1e-3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: berry_phase(jnp.ones((2, 2))), "3 states"),
        (lambda: berry_phase(jnp.asarray([[1.0, 0], [0, 1], [1, 1]])), "finer steps"),
        (lambda: berry_phase(jnp.zeros((4, 2))), "zero vector"),
        (lambda: wilson_loop(jnp.ones((4, 3, 2))), "orthonormal"),
        (lambda: chern_number(two_band(1.0, 2, 0)), "coarse|finer"),
    ],
)
def test_what_determines_no_transport_is_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call()
    assert "\n" not in str(error.value)
