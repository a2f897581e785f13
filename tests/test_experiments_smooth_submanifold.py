"""smooth-submanifold: condition numbers, natural units and starts against closed forms, and its verdicts."""

from __future__ import annotations

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from qgeom import tasks
from qgeom.experiments import smooth_submanifold
from qgeom.experiments import smooth_submanifold_sides as sides
from qgeom.experiments.near_identity import NearIdentity
from qgeom.information import information_metric


def synthetic(condition: float, turning: float, spread: float = 0.02, seeds: int = 12) -> xr.Dataset:
    """Condition numbers and turning of the smooth treatment, as factors on those of the plain one."""
    rng = np.random.default_rng(0)
    shape = (2, 2, 2, seeds)  # family, treatment, metric, seed
    smooth = np.array([1.0, 0.0])[None, :, None, None]
    log = 6.0 + smooth * np.log(condition) + spread * rng.normal(size=shape)
    singular = np.stack([np.ones(shape), np.exp(-0.25 * log), np.exp(-0.5 * log)], axis=-1)
    singular = np.broadcast_to(singular[..., None, None, :], (*shape, 2, 5, 3)).copy()
    singular[:, :, 1] *= 2.0  # the state sees more
    turns = np.exp(smooth * np.log(turning) + spread * rng.normal(size=shape))
    dims = ("family", "treatment", "metric", "seed")
    return xr.Dataset(
        {
            "singular": ((*dims, "unit", "vertex", "direction"), singular),
            "turning": ((*dims, "inner"), np.stack([turns] * 3, axis=-1)),
            "parameter_turning": ((*dims, "inner"), np.stack([turns] * 3, axis=-1)),
            "step": ((*dims, "segment"), np.ones((*shape, 4))),
            "parameters": (("family", "treatment"), np.full((2, 2), 10)),
        },
        coords={"family": ["circuit", "network"], "treatment": ["smooth", "plain"], "metric": list(sides.METRICS),
                "seed": np.arange(seeds), "unit": list(sides.UNITS)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("factor", "spread", "outcome"),
    [(0.5, 0.02, "supported"), (1.0, 0.02, "refuted"), (2.0, 0.02, "refuted"), (0.9, 0.3, "inconclusive")],
)
def test_every_outcome_is_possible(factor, spread, outcome):
    for condition, turning in ((factor, 1.0), (1.0, factor)):
        data = synthetic(condition, turning, spread)
        for side in smooth_submanifold.MAINS:
            first = smooth_submanifold.judge("", "", smooth_submanifold.conditions(data, side), side)
            second = smooth_submanifold.judge("", "", np.log(smooth_submanifold.turnings(data, side)), side)
            judged, other = (first, second) if turning == 1.0 else (second, first)
            assert judged.outcome == outcome
            assert judged.estimate == pytest.approx(factor, rel=3 * spread)
            assert spread > 0.1 or other.outcome == "refuted"  # the two statistics do not mix


@pytest.mark.slow
def test_verdicts_come_side_by_side_and_calibrations_can_fail():
    data = synthetic(0.5, 0.5)
    found = smooth_submanifold.verdict(data, smooth_submanifold.Settings())
    assert [v.side for v in found[:6]] == [
        "circuit",
        "circuit",
        "network",
        "network",
        *["circuit-quantum"] * 2,
    ]
    assert [v.outcome for v in found[:6]] == ["supported"] * 6
    assert [v.outcome for v in found[6:]] == ["calibration-pass"] * 2
    assert len(smooth_submanifold.draw(data, found).axes) == 2
    data["singular"][:, :, 0] *= 3.0
    data["parameters"][0, 0] = 11
    found = smooth_submanifold.verdict(data, smooth_submanifold.Settings())
    assert [v.outcome for v in found[6:]] == ["calibration-fail"] * 2


def test_the_condition_number_is_that_on_the_support(key):
    turn = np.linalg.qr(np.asarray(jax.random.normal(key, (5, 5))))[0]
    jacobian = turn[:, :4] @ np.diag([3.0, 2.0, 1e-5, 0.0])
    values = np.linalg.svd(jacobian, compute_uv=False)
    assert smooth_submanifold.log_condition(values) == pytest.approx(2 * np.log(3e5), rel=1e-6)
    assert smooth_submanifold.log_condition(values, "tolerance") == pytest.approx(2 * np.log(1.5))
    typical = 2 * (np.log(3.0) - np.mean(np.log([3.0, 2.0, 1e-5])))
    assert smooth_submanifold.log_condition(values, "rule", "largest / typical") == pytest.approx(
        typical, rel=1e-6
    )
    assert np.isnan(smooth_submanifold.log_condition(np.zeros(3)))


def test_singular_values_are_those_of_f(key):
    network = circuits.MLP((2, 3, 3))
    theta = jax.flatten_util.ravel_pytree(network.init(key))[0]
    xs = jnp.asarray([[0.3, -0.2], [1.0, 0.5]])
    units = np.stack([sides.layer_units(network, np.asarray(theta)), np.ones(theta.size)])
    found = sides._singular_values(network, "float64", theta[None], jnp.asarray(units)[:, None], xs)
    f = np.asarray(information_metric(network, network.init(key), xs).as_matrix())
    for row, unit in zip(found, units, strict=True):
        expected = np.linalg.eigvalsh(f * unit[:, None] * unit[None, :])[::-1][: row.shape[-1]]
        np.testing.assert_allclose(row[0] ** 2, expected, atol=1e-12)


def test_natural_units_are_those_of_the_layer(key):
    network = circuits.ResNet(2, 2, 2, 2)
    params = network.init(key)
    units = sides.layer_units(network, np.asarray(jax.flatten_util.ravel_pytree(params)[0]))
    back = jax.flatten_util.ravel_pytree(params)[1](jnp.asarray(units))
    for k in range(2):
        rms = np.sqrt(np.mean(np.asarray(params[1]["weight"][k]) ** 2))
        np.testing.assert_allclose(back[1]["weight"][k], rms)
        np.testing.assert_allclose(back[1]["bias"][k], rms)
    np.testing.assert_allclose(back[2]["bias"], np.sqrt(np.mean(np.asarray(params[2]["weight"]) ** 2)))


def test_near_the_identity_is_where_it_says(key):
    measured = circuits.Measured(circuits.data_reuploading(3, 2, 2, entangler="RZZ"))
    near = NearIdentity(measured, 1e-3)
    theta = near.init(key)
    assert theta.shape == (measured.n_parameters,)
    assert float(jnp.std(theta)) == pytest.approx(1e-3, rel=0.5)
    np.testing.assert_allclose(near(theta, jnp.zeros(2)).probabilities[0], 1.0, atol=1e-4)


def test_both_networks_have_as_many_parameters():
    every = sides.cases(2, 1, 5, 3, 0.1, tasks.load("iris"))
    assert every[2].measured.n_parameters == every[3].measured.n_parameters
    assert every[0].measured == every[1].measured
