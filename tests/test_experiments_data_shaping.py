"""data-shaping: gradient matching and stationary weights against closed forms, and its verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
import qgeom
from qgeom.experiments import base, data_shaping, distillation
from qgeom.experiments import data_shaping_sides as sides
from qgeom.experiments.planck_length_sides import Case
from qgeom.experiments.stationary_weights import stationary_weights
from qgeom.progress import Silent


def synthetic(effect: float, noise: float, seeds: int = 12) -> xr.Dataset:
    """Distances near one; those of shaped data and stationary weights lower by the effect, which varies by seed."""
    rng = np.random.default_rng(3)
    logs = 0.03 * rng.normal(size=(3, seeds, 4, 2, 2, 2))
    moved = 0.03 * rng.normal(size=(3, seeds, 2, 3, 2, 2, 2))
    logs[:, :, 2:] -= effect + noise * rng.normal(size=(3, seeds, 1, 1, 1, 1))
    moved[:, :, :, 1] -= effect + noise * rng.normal(size=(3, seeds, 1, 1, 1, 1))
    plain = np.full((3, seeds), 0.1)
    return xr.Dataset(
        {
            "distance": (("side", "seed", "data", "draw", "measure", "formula"), np.exp(logs)),
            "moved": (("side", "seed", "held", "weighting", "jitter", "measure", "formula"), np.exp(moved)),
            "gap": (("side", "seed"), plain), "support": (("side", "seed"), plain),
        },
        coords={
            "side": list(data_shaping.SIDES), "seed": np.arange(seeds), "data": list(sides.DATA),
            "held": list(sides.HELD), "weighting": list(sides.WEIGHTS), "measure": list(sides.MEASURES),
            "formula": list(sides.FORMULAS),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "noise", "outcome"),
    [(0.5, 0.0, "supported"), (-0.5, 0.0, "refuted"), (0.0, 0.0, "refuted"), (0.1, 0.4, "inconclusive")],
)
def test_every_outcome_is_possible(effect, noise, outcome):
    data, first = synthetic(effect, noise), (sides.MEASURES[0], sides.FORMULAS[0])
    for side in data_shaping.SIDES:
        found = [data_shaping.judge_data(data, side, kind, *first) for kind in data_shaping.CLAIMS]
        found.append(data_shaping.judge_weights(data, side, *first))
        assert [v.outcome for v in found] == [outcome] * 3
        if abs(effect) == 0.5:
            assert all((v.p_value < 0.01) == (effect > 0.0) for v in found)


@pytest.mark.slow
def test_verdicts_come_side_by_side_and_the_figure_has_two_panels():
    data = synthetic(0.5, 0.0)
    found = data_shaping.verdict(data, data_shaping.Settings())
    assert [v.side for v in found] == [*data_shaping.SIDES] * 3
    assert len(data_shaping.draw(data, found).axes) == 2


def test_stationary_weights_obey_the_equivalence_theorem():
    rng = np.random.default_rng(0)
    found = stationary_weights(rng.normal(size=(12, 2, 3)), 5.0, updates=3000)
    assert found.gap < 5e-3
    assert (np.diff(found.volumes) > -1e-12).all()
    assert found.weights.sum() == pytest.approx(1.0)
    # Equal data in orthogonal directions: equal weights are stationary.
    equal = stationary_weights(np.eye(4)[:, None], 2.0, updates=3)
    np.testing.assert_allclose(equal.weights, 0.25)
    assert equal.gap == pytest.approx(0.0, abs=1e-12)


def test_rows_of_single_inputs_add_up_to_the_metric():
    network = circuits.MLP((2, 3, 2))
    params = network.init(jax.random.key(1))
    flat = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(params)])
    x = np.random.default_rng(1).normal(size=(6, 2))
    rows = sides.fisher_rows(Case("network", network, network), flat, x)
    expected = qgeom.information_metric(network, params, jnp.asarray(x)).as_matrix()
    np.testing.assert_allclose(np.einsum("nkp,nkq->pq", rows, rows) / 6, expected, atol=1e-12)


def test_mismatch_is_one_minus_the_cosine_by_group():
    a, b = jnp.array([[1.0, 0.0, 2.0, 0.0]]), jnp.array([[3.0, 0.0, 0.0, 5.0]])
    assert float(distillation.mismatch(a, b, ((0, 1), (2, 3)))) == pytest.approx(1.0, abs=1e-6)
    assert float(distillation.mismatch(a, -a, ((0, 1), (2, 3)))) == pytest.approx(4.0, abs=1e-6)


@pytest.mark.slow
def test_class_gradients_add_up_to_the_gradient_of_the_loss():
    network = circuits.MLP((2, 3, 2))
    flat = 0.3 * jnp.arange(network.n_parameters) / network.n_parameters
    x, y = jnp.asarray(np.random.default_rng(2).normal(size=(4, 2))), jnp.array([0, 1, 0, 1])
    found = distillation.class_gradients(network, "float64", flat, x, y, 2)

    def loss(t):
        points = distillation.predicted(network, "float64", t, x)
        return distillation.cross_entropy(points, y, jnp.full(4, 0.25))

    np.testing.assert_allclose(found.mean(axis=0), jax.grad(loss)(flat), atol=1e-12)


def test_subsets_have_equally_many_of_each_class():
    y = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2])
    rows = sides.subset(y, 2, np.random.default_rng(0))
    np.testing.assert_array_equal(np.bincount(y[rows]), [2, 2, 2])


def test_too_many_copies_are_refused_in_one_line():
    settings = base.parse_settings(data_shaping.Settings, ["copies=100"])
    with pytest.raises(ValueError, match="more than the 105 training inputs"):
        data_shaping.compute(settings, 0, Silent())
