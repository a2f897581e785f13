"""least-action: its terms against brute force, matching at equal fit, and its verdicts for every outcome."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from qgeom import tasks
from qgeom.experiments import least_action
from qgeom.experiments import least_action_sides as sides
from qgeom.experiments.penalised_training import kinetic_action


def synthetic(
    slope: float = -0.5, error: float = 0.8, noise: float = 0.01, individual: float = 0.0, seeds: int = 12
) -> xr.Dataset:
    """Ratios that fall as ``exp(slope * strength)`` but for L2; test errors ``error`` times those of L2."""
    rng = np.random.default_rng(0)
    shape = (2, seeds, 3, 6)
    order = np.arange(6) / 5
    own = 1.0 + individual * rng.normal(size=(2, seeds, 1, 1))
    acts = np.array([1.0, 1.0, 0.0])[None, None, :, None]
    ratio = 1.8 * np.exp(slope * acts * order + noise * rng.normal(size=shape))
    test = 0.2 * np.where(acts > 0, error * own, 1.0) * (1.0 + noise * rng.normal(size=shape))
    loss = np.broadcast_to(0.3 + 0.3 * order, shape)
    dims = ("case", "seed", "term", "strength")
    both = np.stack([ratio, ratio], axis=-1)
    both[1, ..., 1] = np.nan  # a network has no state
    state = np.array([1.0, 2.0])
    return xr.Dataset(
        {
            "length": ((*dims, "kind"), 2.0 * both * state),
            "distance": ((*dims, "kind"), 2.0 * np.isfinite(both) * state),
            "polygon": ((*dims, "kind"), 1.99 * both * state), "train_loss": (dims, loss), "norm": (dims, 5.0 - loss),
            "test_error": (dims, test), "test_loss": (dims, 2.0 * test), "chance": 1.1,
            "penalty": (("case", "term"), [["Fisher length", "quantum length", "L2"],
                                           ["Fisher length", "kinetic action", "L2"]]),
        },
        coords={"case": ["circuit", "network"], "seed": np.arange(seeds), "kind": list(sides.KINDS),
                "strength": [0.0, 0.01, 0.03, 0.1, 0.3, 1.0]},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("slope", "noise", "seeds", "outcome"),
    [
        (-0.5, 0.01, 12, "supported"),
        (0.5, 0.01, 12, "refuted"),
        (0.0, 0.1, 80, "refuted"),
        (0.0, 0.1, 10, "inconclusive"),
    ],
)
def test_the_slope_has_every_outcome(slope, noise, seeds, outcome):
    data = synthetic(slope=slope, noise=noise, seeds=seeds)
    for name, side in least_action.MAINS.items():
        found = least_action.judge_slope(data, name, side, null=abs(slope) > 0.0)
        if slope == 0.0 and name != "circuit":
            continue  # one draw of the noise is enough
        assert found.outcome == outcome
        assert slope == 0.0 or (found.p_value < 0.01) == (slope < 0.0)


@pytest.mark.parametrize(
    ("error", "individual", "outcome"),
    [(0.7, 0.0, "supported"), (1.0, 0.0, "refuted"), (1.4, 0.0, "refuted"), (0.9, 0.3, "inconclusive")],
)
def test_the_test_error_has_every_outcome(error, individual, outcome):
    data = synthetic(error=error, individual=individual)
    for name, side in least_action.MAINS.items():
        found = least_action.judge_pair(data, name, side, "test_error", least_action.BETTER)
        assert found.outcome == outcome
        assert found.estimate == pytest.approx(error, abs=0.3 * individual + 0.02)


def test_l2_that_straightens_as_much_leaves_nothing_to_complexity():
    data = synthetic(slope=-0.5)
    name, side = next(iter(least_action.MAINS.items()))
    assert least_action.judge_pair(data, name, side, "ratio", least_action.BEYOND).outcome == "supported"
    # L2 does the same: T1 stays, the advantage over L2 goes.
    for what in ("length", "distance"):
        data[what][:, :, 2] = data[what][:, :, 0].values
    assert least_action.judge_slope(data, name, side).outcome == "supported"
    assert least_action.judge_pair(data, name, side, "ratio", least_action.BEYOND).outcome == "refuted"


def test_penalties_are_compared_at_equal_fit():
    # y = x^2 and y = x^2 + 1 on other points of x, out of order.
    a, b = np.array([0.0, 2.0, 1.0]), np.linspace(0.5, 3.0, 400)
    first, second = least_action.at_equal((a, b), (a, b + 1.0), levels=(0.5, 1.0))
    assert (first, second) == pytest.approx((1.625, 2.625))
    assert np.isnan(least_action.at_equal((a, a + 5.0), (a, a))[0])


@pytest.mark.slow
def test_verdicts_come_side_by_side_and_calibrations_can_fail():
    data = synthetic()
    found = least_action.verdict(data, least_action.Settings())
    assert [v.side for v in found[:9]] == [name for name in least_action.MAINS for _ in range(3)]
    assert [v.outcome for v in found[:9]] == ["supported"] * 9
    assert [v.outcome for v in found[9:]] == ["calibration-pass"] * 3
    data["polygon"] = 1.2 * data["length"]
    data["length"][:, :, :, :, 1] *= 0.3
    assert [v.outcome for v in least_action.verdict(data, least_action.Settings())[9:]] == [
        "calibration-fail"
    ] * 3
    assert len(least_action.draw(data, ()).axes) == 4


def test_labels_are_wrong_in_the_training_part_alone():
    task = tasks.load("iris")
    plain, noisy = task.splits((3,), 0.8), sides.noisy_splits(task, (3,), 0.8, 0.2)
    assert np.sum(plain.train_y != noisy.train_y) == round(0.2 * plain.train_y.shape[1])
    np.testing.assert_array_equal(plain.test_y, noisy.test_y)
    np.testing.assert_array_equal(plain.train_x, noisy.train_x)


def test_the_kinetic_action_by_hand(key):
    network = circuits.ResNet(2, 3, 2, 2, lift="identity", readout="fixed", strength=2.0)
    params, xs = network.init(key), jnp.asarray([[0.5, -1.0], [0.2, 0.1]])
    total = 0.0
    for x in np.asarray(xs):
        h = np.append(x, 0.0)
        for k in range(2):
            new = h + np.tanh(np.asarray(params[1]["weight"][k]) @ h + np.asarray(params[1]["bias"][k]))
            total += 2 * np.sum((new - h) ** 2) / 2
            h = new
    assert float(kinetic_action(network, params, xs)) == pytest.approx(total, rel=1e-12)


def test_a_strength_is_what_the_penalty_costs_at_the_start():
    weights = sides._weights((0.1, 1.0), np.array([[2.0, 5.0]]))
    assert weights.shape == (1, 5, 2)
    np.testing.assert_allclose(weights[0] @ [2.0, 5.0], [0.0, 0.1, 1.0, 0.1, 1.0])
    assert np.count_nonzero(weights[0, 2]) == 1
