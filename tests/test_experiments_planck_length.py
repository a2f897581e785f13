"""planck-length: noise on a node against closed forms, and its verdict for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from circuits import gates
from qgeom.experiments import planck_length
from qgeom.experiments import planck_length_sides as sides


def synthetic(effect: float, noise: float, seeds: int = 12, nodes: int = 20) -> xr.Dataset:
    """Traces at random; lengths that fall with them; accuracy falls with the trace, and grows with the rest of l."""
    rng = np.random.default_rng(0)
    shape = (2, seeds, 2)
    trace = rng.normal(size=(*shape, nodes))
    own = rng.normal(size=(*shape, nodes))
    individual = effect + noise * rng.normal(size=(1, seeds, 1, 1))
    accuracy = -trace + individual * own + 0.5 * rng.normal(size=(*shape, nodes))
    length = np.exp(-trace + own)
    lengths = np.stack(
        [np.stack([length, length / 2], axis=3), np.stack([length, length / 2], axis=3) / 3], axis=3
    )
    noisy = np.broadcast_to(accuracy[:, :, :, None, None], (*shape, 2, 3, nodes))
    return xr.Dataset(
        {
            "length": (("case", "seed", "start", "metric", "knowledge", "node"), lengths),
            "trace": (("case", "seed", "start", "metric", "node"), np.exp(np.stack([trace, trace], axis=3))),
            "noisy": (("case", "seed", "start", "measure", "noise", "node"), noisy),
            "all_noisy": (("case", "seed", "start", "measure", "noise"), noisy.mean(axis=-1)),
            "test_accuracy": (("case", "seed", "start"), np.ones(shape)),
        },
        coords={
            "case": ["circuit", "network"], "seed": np.arange(seeds), "metric": list(sides.METRICS),
            "knowledge": list(sides.KNOWLEDGE), "measure": list(sides.MEASURES), "noise": [0.6, 0.3, 1.0],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "noise", "outcome"),
    [(1.0, 0.0, "supported"), (-1.0, 0.0, "refuted"), (0.0, 0.0, "refuted"), (0.15, 0.7, "inconclusive")],
)
def test_every_outcome_is_possible(effect, noise, outcome):
    data = synthetic(effect, noise, seeds=24 if effect == 0.0 else 12)
    for side, (case, metric) in planck_length.MAINS.items():
        found = planck_length.judge(data, planck_length.Choice(case, metric, 0.6), side, null=True)
        assert found.outcome == outcome
        if abs(effect) == 1.0:
            assert (found.p_value < 0.01) == (effect > 0.0)


def test_what_the_trace_already_says_is_not_counted():
    data = synthetic(0.0, 0.0)
    choice = planck_length.Choice("circuit", "readout", 0.6)
    assert abs(planck_length.correlations(data, choice).mean()) < 0.1
    assert planck_length.correlations(data, choice._replace(given="nothing")).mean() > 0.3


@pytest.mark.slow
def test_verdicts_come_side_by_side_and_calibrations_can_fail():
    data = synthetic(1.0, 0.0)
    found = planck_length.verdict(data, planck_length.Settings())
    assert [v.side for v in found[:3]] == ["circuit", "network", "circuit-quantum"]
    assert [v.outcome for v in found[3:]] == ["calibration-pass"] * 2
    assert {row["over"] for row in found[0].multiverse} == {"nodes", "models"}
    data["length"][0, :, :, 1] *= 100.0
    data["length"][1, :, :, :, 1] *= 100.0
    assert [v.outcome for v in planck_length.verdict(data, planck_length.Settings())[3:]] == [
        "calibration-fail"
    ] * 2


def test_infinite_lengths_are_the_longest_and_dark_nodes_are_left_out():
    data = synthetic(1.0, 0.0)
    plain = planck_length.correlations(data, planck_length.Choice("network", "readout", 0.6))
    longest = data["length"].argmax("node")
    data["length"] = data["length"].where(data["node"] != longest, np.inf)
    same = planck_length.correlations(data, planck_length.Choice("network", "readout", 0.6))
    np.testing.assert_allclose(same, plain)
    data["trace"][..., 0, 0] = 0.0  # of the readout, and not of the state
    for nodes, count in ((planck_length.NODES[0], 19), (planck_length.NODES[2], 20)):
        rows = planck_length.triples(data, planck_length.Choice("circuit", "state", 0.6, nodes=nodes))
        assert len(rows[0][0][0]) == count


def test_noise_on_one_rotation_flips_the_class_as_often_as_it_should():
    circuit = circuits.Circuit(1, [gates.RY(circuits.Param(0), 0), gates.RZ(circuits.Param(1), 0)])
    measured = circuits.Measured(circuit)
    scales = jnp.asarray([[2.0, 0.0], [0.0, 2.0]])  # natural units: phi = theta / 2
    x, y = jnp.zeros((1, 1)), jnp.zeros(1, int)
    found = sides.accuracies(
        _Constant(measured), "float64", 4000, jnp.zeros(2), scales, jnp.asarray([1.0]), x, y, jax.random.key(0)
    )  # fmt: skip
    # P(outcome 0 is the likelier) = P(cos theta > 0), theta = 2 phi normal of standard deviation 2
    theta = 2.0 * np.random.default_rng(0).normal(size=200_000)
    assert float(found[0, 0, 0]) == pytest.approx(np.mean(np.cos(theta) > 0), abs=0.03)
    assert float(found[0, 0, 1]) == float(found[1, 0, 1]) == 1.0


class _Constant(circuits.Measured):
    """A classifier that looks at no input."""

    def __init__(self, measured: circuits.Measured) -> None:
        super().__init__(measured.circuit)

    def __call__(self, params, x=None):
        return super().__call__(params)
