"""fisher-gravity: curvatures against closed forms and the library's metric, and the verdict for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from circuits.gaussian import QuadraticFamily, xy
from qgeom.experiments import base, fisher_gravity
from qgeom.experiments import fisher_gravity_sides as sides
from qgeom.experiments import gravity_families as families
from qgeom.information import einstein, information_metric, ricci

T = np.array([0.1, 0.05, 0.02, 0.01])


def synthetic(
    power: float, ordered_sign: float, share: float, noise: float = 0.01, seeds: int = 12
) -> xr.Dataset:
    """``R = t^power`` with signs, and a constant share of the Ricci tensor without trace."""
    rng = np.random.default_rng(0)
    slope = power + noise * rng.normal(size=(2, 2, 2, seeds, 1))
    curvature = 5.0 * T**slope
    curvature[:, 1] *= np.sign(ordered_sign + 3 * noise * rng.normal(size=(2, 2, seeds, 1)))
    steps = np.array(sides.STEPS)
    return xr.Dataset(
        {
            "curvature": (("side", "approach", "where", "seed", "distance"), curvature),
            "curvature_3d": (("approach", "seed", "distance"), curvature[0, :, 0]),
            "anisotropy": (("approach", "seed", "distance"), share + noise * rng.normal(size=(2, seeds, len(T)))),
            "random_anisotropy": ("draw", np.ones(3)),
            "first_law": (("seed", "step"), np.tile(steps**2, (seeds, 1))),
            "closed_form_xy": (("approach", "where", "seed", "distance"), np.zeros((2, 2, seeds, len(T)))),
            "closed_form_ring": ("point", np.zeros(3)),
            "einstein_2d": 0.0,
            "sphere": 0.0,
        },
        coords={
            "side": list(sides.SIDES), "approach": list(sides.APPROACHES), "where": list(sides.WHERE),
            "seed": np.arange(seeds), "distance": T, "step": steps,
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("power", "sign", "share", "noise", "wanted"),
    [
        (-1.0, -1.0, 0.0, 0.01, ["supported"] * 7),
        (0.0, 1.0, 0.5, 0.01, ["refuted"] * 7),
        (1.0, 1.0, 0.9, 0.01, ["refuted"] * 7),
        (-0.2, 0.0, 0.1, 0.3, ["inconclusive"] * 4),
    ],
)
def test_every_outcome_is_possible(power, sign, share, noise, wanted):
    verdicts = fisher_gravity.verdict(synthetic(power, sign, share, noise), fisher_gravity.Settings())
    assert [v.outcome for v in verdicts[: len(wanted)]] == wanted
    assert all(v.outcome == "calibration-pass" for v in verdicts[7:])


def test_calibrations_can_fail():
    data = synthetic(-1.0, -1.0, 0.0)
    data["first_law"] = data["first_law"] ** 0.5
    for name in ("closed_form_xy", "closed_form_ring", "einstein_2d", "sphere"):
        data[name] = data[name] + 1e-3
    outcomes = [v.outcome for v in fisher_gravity.verdict(data, fisher_gravity.Settings())[7:]]
    assert outcomes == ["calibration-fail"] * 5


def test_the_metric_of_the_chain_is_that_of_the_ring_of_fermions():
    n = 24
    family = QuadraticFamily(lambda t: xy(n, t[1], t[0], periodic=True), 2)
    for theta in ([0.6, 0.8], [1.4, 0.7]):
        whole = np.asarray(information_metric(family, jnp.asarray(theta)).as_matrix())
        np.testing.assert_allclose(n * families.xy_metric(jnp.asarray(theta), n // 2), whole, rtol=1e-8)


@pytest.mark.parametrize(("h", "g"), [(0.5, 0.7), (0.9, 0.6), (1.1, 0.7), (1.5, 1.0)])
def test_the_curvature_of_the_chain_is_the_closed_form(h, g):
    found = families.on_points(families.xy_scalar, np.array([[h, g]]), 1000)
    np.testing.assert_allclose(found, families.xy_curvature(h, g), rtol=1e-8)


@pytest.mark.parametrize(
    ("potential", "theta", "curvature"),
    [
        (lambda t: -(t[0] ** 2) / (4 * t[1]) - 0.5 * jnp.log(-2 * t[1]), [0.3, -0.7], -1.0),  # normal
        (lambda t: jnp.logaddexp(jnp.logaddexp(0.0, t[0]), t[1]), [0.4, -0.9], 0.5),  # 3 outcomes: radius 2
        (lambda t: jnp.logaddexp(0.0, t[0]) + jnp.exp(t[1]), [0.2, 0.1], 0.0),  # independent
    ],
)
def test_hessian_metrics_have_their_known_curvature(potential, theta, curvature):
    metric, point = jax.hessian(potential), jnp.asarray(theta)
    third = jax.jacfwd(metric)(point)
    found = families.hessian_curvature(np.asarray(metric(point))[None], np.asarray(third)[None])
    np.testing.assert_allclose(found, curvature, atol=1e-10)


@pytest.mark.slow
def test_the_boltzmann_machine_of_degree_two_is_the_ising_ring():
    np.testing.assert_allclose(sides.ising_ring(), 0.0, atol=1e-9)
    j, h = 0.6, 0.3
    found = families.bethe_potential(
        jnp.asarray([j, h]), 2.0, jnp.asarray(families.bethe_fixed_point(j, h, 2))
    )
    largest = np.exp(j) * np.cosh(h) + np.sqrt(np.exp(2 * j) * np.sinh(h) ** 2 + np.exp(-2 * j))
    np.testing.assert_allclose(found, np.log(largest), rtol=1e-12)


def test_the_boltzmann_machine_orders_beyond_its_critical_coupling():
    for degree in (3, 5):
        critical = families.bethe_critical(degree)
        assert families.bethe_fixed_point(0.99 * critical, 0.0, degree) == 0.0
        assert families.bethe_fixed_point(1.01 * critical, 0.0, degree) > 0.1


def test_ricci_and_einstein_of_a_sphere():
    def sphere(t: jax.Array) -> jax.Array:
        s = jnp.sin(t)
        return 4.0 * jnp.diag(jnp.stack([jnp.ones_like(s[0]), s[0] ** 2, (s[0] * s[1]) ** 2]))

    theta = jnp.asarray([0.7, 1.1, 0.4])
    g = np.asarray(sphere(theta))
    np.testing.assert_allclose(ricci(sphere, theta), 2 * g / 4, atol=1e-10)
    np.testing.assert_allclose(einstein(sphere, theta), -g / 4, atol=1e-10)
    np.testing.assert_allclose(
        families.anisotropy(g[None], np.asarray(ricci(sphere, theta))[None]), 0, atol=1e-10
    )


def test_einsteins_tensor_vanishes_in_two_dimensions():
    def metric(t: jax.Array) -> jax.Array:
        return jnp.array([[1.0, 0.3], [0.3, 2.0]]) * (1 + t[0] ** 2 + jnp.sin(t[1]) ** 2)

    np.testing.assert_allclose(einstein(metric, jnp.asarray([0.4, 0.9])), 0.0, atol=1e-12)


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="falling distances"):
        base.parse_settings(fisher_gravity.Settings, ["distances=0.1,0.2,0.3,0.4"])
    with pytest.raises(ValueError, match="do not resolve"):
        base.parse_settings(fisher_gravity.Settings, ["momenta=100"])
