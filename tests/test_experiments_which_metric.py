"""which-metric: candidates and distances against closed forms, the invariances, and its verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from circuits import Circuit, Measured, Param, gates
from qgeom.experiments import which_metric
from qgeom.experiments import which_metric_sides as sides
from qgeom.experiments.complexity_candidates import CANDIDATES, CHECKS, KEEPS, candidates, nielsen_length
from qgeom.information import information_metric


def synthetic(
    fisher: float = 1.0, others: float = 0.0, individual: float = 0.0, related: float = 1.0, seeds: int = 12
) -> xr.Dataset:
    """Test errors of the training loss and of what the length says beyond it; distances that share a part."""
    rng = np.random.default_rng(0)
    members, nodes = 24, 8
    shape = (2, seeds, members)
    loss, own, error = rng.normal(size=(3, *shape))
    effect = fisher + individual * rng.normal(size=(2, seeds, 1))
    error = 0.3 * error + loss + effect * own + others * rng.normal(size=(2, 1, 1))
    values = rng.normal(size=(*shape, len(CANDIDATES)))
    values[..., 0] = own + loss
    values[..., 5] = others * own + (1.0 - others) * values[..., 5]  # the 2-norm says as much, or nothing
    com = rng.random((2, 2, 2, seeds, 2, nodes, nodes))
    com = com + np.swapaxes(com, -1, -2)
    inf = related * com[:, :, 0] + (1.0 - abs(related)) * rng.random((2, 2, seeds, 2, 1, nodes)) * np.ones(
        (nodes, 1)
    )
    inf = inf + np.swapaxes(inf, -1, -2)
    keeps = np.array([KEEPS[check] for check in CHECKS])
    change = np.broadcast_to(np.where(keeps, 1e-15, 0.3), (2, seeds, *keeps.shape)).copy()
    dims = ("case", "seed", "member")
    return xr.Dataset(
        {
            "candidate_value": ((*dims, "candidate"), values), "quantum_length": (dims, own + loss),
            "change": (("case", "seed", "check", "candidate"), change), "train_loss": (dims, loss),
            "train_error": (dims, np.zeros(shape)), "test_error": (dims, error), "test_loss": (dims, error),
            "label_noise": (("case", "member"), np.tile(np.arange(members) % 3, (2, 1))),
            "com": (("case", "read", "way", "seed", "model", "node", "other"), com),
            "inf": (("case", "read", "seed", "model", "node", "other"), inf),
        },
        coords={"case": ["circuit", "network"], "seed": np.arange(seeds), "candidate": list(CANDIDATES),
                "check": list(CHECKS), "read": list(sides.READS), "way": list(sides.WAYS)},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fisher", "individual", "seeds", "outcome"),
    [
        (1.0, 0.0, 12, "supported"),
        (-1.0, 0.0, 12, "refuted"),
        (0.0, 0.0, 30, "refuted"),
        (0.1, 0.6, 12, "inconclusive"),
    ],
)
def test_prediction_has_every_outcome(fisher, individual, seeds, outcome):
    data = synthetic(fisher, individual=individual, seeds=seeds)
    for side, (_, candidate) in which_metric.MAINS.items():
        assert which_metric.judge_prediction(data, side, candidate).outcome == outcome


def test_what_the_training_loss_says_is_not_counted():
    data = synthetic(0.0, seeds=60)  # standard error 1 / sqrt(60 * 21) = 0.03
    plain = which_metric.Choice(given="nothing")
    assert which_metric.judge_prediction(data, "network", "Fisher length", plain).estimate > 0.4
    assert abs(which_metric.judge_prediction(data, "network", "Fisher length").estimate) < 0.15


def test_the_null_of_the_prediction_is_excluded_or_not():
    assert which_metric.judge_prediction(synthetic(1.0), "circuit", "Fisher length", null=True).p_value < 0.01
    assert which_metric.judge_prediction(synthetic(-1.0), "circuit", "Fisher length", null=True).p_value > 0.9


def test_the_advantage_has_every_outcome():
    judged = which_metric.judge_advantage(synthetic(1.0, others=0.0), "network")
    assert judged.outcome == "supported"
    judged = which_metric.judge_advantage(synthetic(1.0, others=1.0), "network")
    assert (judged.outcome, judged.notes) == ("refuted", ("best competitor: 2-norm",))
    judged = which_metric.judge_advantage(synthetic(0.3, individual=0.5), "network")
    assert judged.outcome == "inconclusive"


@pytest.mark.parametrize(
    ("related", "seeds", "outcome"),
    [(1.0, 12, "supported"), (-1.0, 12, "refuted"), (0.0, 40, "refuted"), (0.12, 4, "inconclusive")],
)
def test_agreement_of_the_geometries_has_every_outcome(related, seeds, outcome):
    judged = which_metric.judge_agreement(
        synthetic(related=related, seeds=seeds), "network", null=seeds == 12
    )
    assert judged.outcome == outcome
    assert seeds != 12 or (judged.p_value < 0.05) == (related > 0.0)


def test_an_invariance_that_fails_is_told():
    data = synthetic()
    assert [v.outcome for v in which_metric._invariances(data)] == ["calibration-pass"] * 4
    data["change"][0, 3, 0, 0] = 1e-3  # the length sees the coin in one model of the circuits
    found = which_metric._invariances(data)
    assert [v.outcome for v in found] == ["calibration-fail", *["calibration-pass"] * 3]
    data["change"][1, :, 1, 5] = 0.0  # the 2-norm does not see the coordinates
    assert which_metric._invariances(data)[3].outcome == "calibration-fail"


@pytest.mark.slow
def test_candidates_of_one_rotation():
    # p = (cos^2 t/2, sin^2 t/2): F = 1, length t; of two data the same.
    measured = Measured(
        Circuit(1, [gates.RX(circuits.Input(0), 0), gates.RZ(Param(0), 0), gates.RX(Param(1), 0)])
    )
    theta = jnp.asarray([0.0, 0.8])
    found = dict(
        zip(CANDIDATES, candidates(measured, "float64", 64, "none", theta, jnp.zeros((2, 1))), strict=True)
    )
    assert float(found["Fisher length"]) == pytest.approx(0.8, rel=1e-9)
    assert float(found["trace of F"]) == pytest.approx(1.0, rel=1e-9)
    assert float(found["log-volume"]) == pytest.approx(0.5 * np.log(3.0), rel=1e-9)
    assert float(found["Fisher-Rao norm"]) == pytest.approx(0.8, rel=1e-9)
    assert float(found["2-norm"]) == pytest.approx(0.8)
    assert float(found["path norm"]) == pytest.approx(np.cos(0.4) + np.sin(0.4))
    assert float(found["Euclidean length"]) == pytest.approx(np.sqrt(2) * np.sin(0.4) ** 2, rel=1e-9)
    assert nielsen_length(measured, np.asarray(theta)) == pytest.approx(0.4)


@pytest.mark.slow
def test_what_keeps_its_value_is_what_should(key):
    network = circuits.ResNet(2, 3, 2, 3, lift="identity", readout="fixed", strength=2.0)
    theta = jax.flatten_util.ravel_pytree(network.init(key))[0]
    xs = jnp.asarray([[0.3, -0.2], [1.0, 0.5], [-0.4, 0.9]])
    plain = candidates(network, "float64", 2, "none", theta, xs)
    f = np.asarray(information_metric(network, network.init(key), xs).as_matrix())
    assert float(plain[1]) == pytest.approx(np.trace(f), rel=1e-9)
    for check in CHECKS:
        change = np.abs(candidates(network, "float64", 2, check, theta, xs) / plain - 1.0)
        np.testing.assert_array_equal(change < which_metric.TOLERANCE, KEEPS[check])


def test_nodes_stand_where_they_are_switched_on():
    # Two rotations of one qubit add up: after the first, after both.
    circuit = Circuit(1, [gates.RY(Param(0), 0), gates.RY(Param(1), 0)])
    masks = jnp.asarray([[[1.0, 0.0], [1.0, 1.0]], [[0.0, 1.0], [1.0, 0.0]]])
    found = sides._pair_distances(
        _Blind(circuit), "float64", jnp.asarray([0.5, 0.3]), masks, jnp.zeros((2, 1))
    )
    np.testing.assert_allclose(found[:, 0, 1], [0.3, 0.2], rtol=1e-9)
    np.testing.assert_allclose(found, jnp.swapaxes(found, 1, 2), atol=1e-12)


class _Blind(Measured):
    """A circuit that looks at no input."""

    def __call__(self, params, x=None):
        return super().__call__(params)


def test_nodes_without_information_have_no_distance():
    # Nodes 0 and 1 do the same, 2 something else, 3 nothing.
    rows = np.array([[1.0, 1.0, 0.6, 0.0], [0.0, 0.2, 0.8, 0.0]])
    found = sides.inferred(rows.T @ rows, [np.array([k]) for k in range(4)])
    assert np.isnan(found[3]).all()
    assert np.isfinite(found[:3, :3]).all()
    assert found[0, 1] == pytest.approx(-np.log(1.0 / np.sqrt(1.04)))
    assert found[0, 1] < found[1, 2] < found[0, 2]
