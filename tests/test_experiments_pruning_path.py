"""pruning-path: scores, lengths and angles against closed forms, and its verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from jax.flatten_util import ravel_pytree

import circuits
import qgeom
from circuits import gates
from circuits.description import Distribution, State
from qgeom.experiments import base, node_removal, pruning_path
from qgeom.experiments import pruning_path_sides as sides

CRITERIA = node_removal.CRITERIA


def synthetic(effect: float, noise: float, seeds: int = 12, converged: int = 12) -> xr.Dataset:
    """Magnitude is shorter and turns less than the others by the effect, and its test loss is higher by it."""
    rng = np.random.default_rng(2)
    shape = (2, 2, 2, 4, seeds, 4)
    logs = 0.02 * rng.normal(size=shape)
    each = effect + noise * rng.normal(size=(2, 2, 2, seeds, 1))
    logs[:, :, :, 0] -= each
    order = ("protocol", "case", "metric", "criterion", "seed", "removed")
    loss = np.exp(0.02 * rng.normal(size=(2, 2, 4, seeds)))
    loss[:, :, 1] *= np.exp(-(effect + noise * rng.normal(size=(2, 2, seeds))))
    train = np.full((2, 2, 4, seeds), 0.15)
    train[:, :, 1, converged:] = 1.0
    ends = ("protocol", "case", "criterion", "seed")
    return xr.Dataset(
        {
            "length": (order, np.exp(logs)), "turning": (order, 80.0 * np.exp(logs)),
            "displacement": (order, np.ones(shape)), "end_test_loss": (ends, loss), "end_train_loss": (ends, train),
            "dense_train_loss": (("case", "seed"), np.full((2, seeds), 0.1)), "chance": np.log(3),
        },
        coords={
            "protocol": list(sides.PROTOCOLS), "case": ["circuit", "network"], "metric": list(sides.METRICS),
            "criterion": list(CRITERIA), "seed": np.arange(seeds), "removed": np.arange(1, 5),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "noise", "outcome"),
    [(0.5, 0.0, "supported"), (-0.5, 0.0, "refuted"), (0.0, 0.0, "refuted"), (0.1, 0.3, "inconclusive")],
)
def test_every_outcome_is_possible(effect, noise, outcome):
    data = synthetic(effect, noise)
    for side, (case, metric) in pruning_path.MAINS.items():
        for statistic in pruning_path.STATISTICS[:2]:
            found = pruning_path.judge_smooth(
                data, pruning_path.Choice(case, metric, statistic), side, p=True
            )
            assert found.outcome == outcome
            if abs(effect) == 0.5:
                assert (found.p_value < 0.01) == (effect > 0.0)
    for case in ("circuit", "network"):
        assert pruning_path.judge_general(data, pruning_path.EndChoice(case)).outcome == outcome


def test_only_seeds_in_which_the_median_converges_count():
    found = pruning_path.judge_general(synthetic(0.5, 0.0, converged=9), pruning_path.EndChoice("circuit"))
    assert found.n_seeds == 9
    assert found.outcome == "inconclusive"


@pytest.mark.slow
def test_verdicts_come_side_by_side_and_the_figure_has_three_panels():
    data = synthetic(0.5, 0.0)
    found = pruning_path.verdict(data, pruning_path.Settings())
    assert [v.side for v in found] == [*pruning_path.MAINS] * 2 + ["circuit", "network"]
    assert len(pruning_path.draw(data, found).axes) == 3


def test_scores_are_norms_medians_and_squared_lengths():
    network = circuits.MLP((2, 3, 2))
    nodes = node_removal.removable(network, np.ones((1, network.n_parameters)))
    assert nodes.layers == ((0, 1, 2),)  # outputs stay
    theta = np.zeros(network.n_parameters)
    for node, vector in enumerate(([3.0, 0.0, 4.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0])):
        theta[nodes.positions[node]] = vector
    diagonal = np.full(network.n_parameters, 2.0)

    def of(criterion):
        return node_removal.scores(nodes, (0, 1, 2), theta, diagonal, criterion, np.array([0.3, 0.2, 0.1]))

    np.testing.assert_allclose(of("magnitude"), [5.0, 1.0, 2.0])
    np.testing.assert_allclose(of("Fisher"), [50.0, 2.0, 8.0])
    a, b = np.hypot(2.0, 4.0), np.hypot(1.0, 4.0)
    np.testing.assert_allclose(of("geometric median"), [a + b, a + 1.0, b + 1.0])
    picked = [
        node_removal.next_node(nodes, set(), theta, diagonal, c, np.array([0.3, 0.2, 0.1])) for c in CRITERIA
    ]
    assert picked == [1, 2, 1, 2]


def test_the_median_of_gates_is_that_of_angles_along_the_same_letters():
    ops = [gates.RY(circuits.Param(0), 0), gates.RY(circuits.Param(1), 1), gates.RZ(circuits.Param(2), 0)]
    circuit = circuits.Circuit(2, ops, [3])
    nodes = node_removal.removable(circuit, np.ones((1, 3)))
    found = node_removal.scores(
        nodes, nodes.layers[0], np.array([1.0, 3.0, 2.0]), np.ones(3), "geometric median", np.zeros(3)
    )
    a, b = np.hypot(1.0, 2.0), np.hypot(3.0, 2.0)
    np.testing.assert_allclose(found, [2.0 + a, 2.0 + b, a + b])


def test_a_neuron_or_gate_that_is_taken_out_does_nothing():
    network = circuits.MLP((2, 3, 2))
    smaller = circuits.MLP((2, 2, 2))
    params = network.init(jax.random.key(0))
    nodes = node_removal.removable(network, np.ones((1, network.n_parameters)))
    flat, unravel = ravel_pytree(params)
    cut = unravel(flat.at[nodes.positions[2]].set(0.0))
    less = (
        {"bias": params[0]["bias"][:2], "weight": params[0]["weight"][:2]},
        {"bias": params[1]["bias"], "weight": params[1]["weight"][:, :2]},
    )
    x = jnp.array([0.4, -0.7])
    found, expected = network(cut, x), smaller(less, x)
    assert isinstance(found, Distribution)
    assert isinstance(expected, Distribution)
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-14)


@pytest.mark.slow
def test_the_length_of_a_leg_is_that_of_the_metric():
    network = circuits.MLP((2, 3, 2))
    rows = [np.asarray(ravel_pytree(network.init(jax.random.key(k)))[0]) for k in range(2)]
    x = np.random.default_rng(0).normal(size=(1, 5, 2))
    legs = sides.Legs(network, x, 64, rows[0][None])
    legs.move(rows[0][None], rows[1][None])
    unravel = ravel_pytree(network.init(jax.random.key(0)))[1]

    def metric(theta):
        return qgeom.information_metric(network, unravel(theta), jnp.asarray(x[0])).as_matrix()

    path = jnp.stack([jnp.asarray(rows[0] + t * (rows[1] - rows[0])) for t in np.linspace(0.0, 1.0, 33)])
    expected = qgeom.information.length(metric, path)
    assert legs.summary([1])["length"][0, 0] == pytest.approx(float(expected), rel=2e-3)


def test_distances_are_those_of_the_metric():
    step = 1e-4
    p = jnp.array([[0.2, 0.3, 0.5], [0.2 + step, 0.3, 0.5 - step]])[:, None, None]
    found = sides.apart(Distribution(p[0]), Distribution(p[1]))
    assert float(found[0]) == pytest.approx(step * np.sqrt(1 / 0.2 + 1 / 0.5), rel=1e-3)
    angles = jnp.array([0.3, 0.3 + step])  # RY: F_Q = 1
    psi = jnp.stack([jnp.cos(angles / 2), jnp.sin(angles / 2)], axis=1).astype(jnp.complex128)
    psi = (psi * jnp.exp(1j * angles)[:, None])[:, None, None]
    assert float(sides.apart(State(psi[0]), State(psi[1]))[0]) == pytest.approx(step, rel=1e-3)


def test_turning_of_known_paths():
    # On the Bloch sphere, with a phase at every corner; all paths with the same number of corners.
    def path(*corners):
        theta, phi = np.array(corners).T
        psi = np.stack([np.cos(theta / 2), np.exp(1j * phi) * np.sin(theta / 2)], axis=1)
        return psi * np.exp(1j * np.arange(len(corners)))[:, None]

    right = np.pi / 2
    paths = np.stack(
        [
            path((0.1, 0.4), (0.5, 0.4), (1.5, 0.4), (2.0, 0.4)),  # a meridian
            path((right, 0.0), (right, 0.7), (0.0, 0.0), (right, 0.7 + right)),  # triangles with right angles
            path((0.1, 0.0), (0.7, 0.0), (0.1, 0.0), (0.7, 0.0)),  # to and fro
            path((right, 0.0), (right, 0.7), (right, 0.7), (0.0, 0.0)),  # a leg without a direction
            path((0.3, 0.0), (0.3, 0.0), (0.3, 0.0), (0.9, 0.0)),  # one leg
        ]
    )
    found = sides.mean_turning(State(jnp.asarray(paths)[:, :, None]), [1, 2, 3])
    assert np.isnan(found[:, 0]).all()
    np.testing.assert_allclose(found[:3, 1:], [[0.0, 0.0], [90.0, 90.0], [180.0, 180.0]], atol=1e-4)
    assert np.isnan(found[3, 1])
    assert found[3, 2] == pytest.approx(90.0)
    assert np.isnan(found[4]).all()


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="less than 1"):
        base.parse_settings(pruning_path.Settings, ["share=1"])
