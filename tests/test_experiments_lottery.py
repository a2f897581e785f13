"""lottery: masks and signs against what they should be, and its verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from jax.flatten_util import ravel_pytree

import circuits
from qgeom.emergent.shared_fisher import fisher_relation, shared_information
from qgeom.experiments import base, lottery
from qgeom.experiments import lottery_sides as sides
from qgeom.experiments import pruning_masks as masks
from qgeom.experiments import trained_geometry as geometry
from qgeom.experiments.weighted_training import lessons


def synthetic(effect: float, noise: float, seeds: int = 12, draws: int = 3) -> xr.Dataset:
    """Logarithms of distances: nulls at random around 0, treatments lower by the effect, which varies by seed."""
    rng = np.random.default_rng(1)
    shape = (3, seeds, len(sides.TREATMENTS), 1 + draws, 2, 2)
    logs = 0.05 * rng.normal(size=shape)
    logs[:, :, :, 0] -= effect + noise * rng.normal(size=(3, seeds, len(sides.TREATMENTS), 2, 2))
    plain = ("side", "seed", "measure", "formula")
    return xr.Dataset(
        {
            "distance": (("side", "seed", "treatment", "draw", "measure", "formula"), np.exp(logs)),
            "untrained_distance": (plain, np.exp(0.05 * rng.normal(size=(3, seeds, 2, 2)))),
            "floor": (plain, np.exp(-effect + 0.05 * rng.normal(size=(3, seeds, 2, 2)))),
            "accuracy": (("side", "seed", "treatment", "draw"), np.full(shape[:4], 0.5)),
            "dense_accuracy": (("side", "seed"), np.ones((3, seeds))),
            "untrained_accuracy": (("side", "seed"), np.full((3, seeds), 0.3)),
        },
        coords={
            "side": list(lottery.SIDES), "seed": np.arange(seeds), "treatment": list(sides.TREATMENTS),
            "measure": list(sides.MEASURES), "formula": list(sides.FORMULAS),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "noise", "outcome"),
    [(0.5, 0.0, "supported"), (-0.5, 0.0, "refuted"), (0.0, 0.0, "refuted"), (0.1, 0.3, "inconclusive")],
)
def test_every_outcome_is_possible(effect, noise, outcome):
    data = synthetic(effect, noise)
    for side in lottery.SIDES:
        found = lottery.judge(data, lottery.Choice(side, "signs"), "", p=True)
        assert found.outcome == outcome
        if abs(effect) == 0.5:
            assert (found.p_value < 0.01) == (effect > 0.0)
            assert lottery.judge_control(data, side, *_first()).outcome == outcome


def _first() -> tuple[str, str]:
    return sides.MEASURES[0], sides.FORMULAS[0]


@pytest.mark.slow
def test_verdicts_come_side_by_side_and_the_figure_has_two_panels():
    data = synthetic(0.5, 0.0)
    found = lottery.verdict(data, lottery.Settings())
    assert [v.side for v in found] == [*lottery.SIDES] * 4
    assert {row["treatment"] for row in found[0].multiverse} == {"mask", "mask, sparser", "mask, retrained"}
    assert len(lottery.draw(data, found).axes) == 2


def test_masks_keep_the_largest_of_each_group_and_shuffles_keep_their_number():
    groups = ((0, 1, 2, 3), (4, 5))
    values = np.array([[0.1, 3.0, 2.0, 0.2, 0.5, 0.4, 0.0]])
    mask = masks.largest(values, 0.5, groups)
    np.testing.assert_array_equal(mask, [[0, 1, 1, 0, 1, 0, 1]])  # the last is in no group
    dealt = masks.shuffled(np.tile(mask, (50, 1)), groups, np.random.default_rng(0))
    assert (dealt[:, :4].sum(axis=1) == 2).all()
    assert (dealt[:, 4:6].sum(axis=1) == 1).all()
    assert dealt[:, 0].any()
    assert (dealt[:, 6] == 1).all()


def test_signed_constants_have_the_size_of_their_group_at_the_start():
    start = np.array([3.0, 4.0, 0.5])
    found = masks.signed_constants(np.array([-1.0, 1.0, 1.0]), start, ((0, 1),))
    np.testing.assert_allclose(found, [-np.sqrt(12.5), np.sqrt(12.5), 0.5])


def test_angles_are_read_between_minus_pi_and_pi_and_give_the_same_state():
    circuit = circuits.hardware_efficient(2, 1)
    theta = np.array([4.0, -5.0, 9.0, 0.3])
    wrapped = masks.canonical(circuit, theta)
    assert (np.abs(wrapped) <= np.pi).all()
    overlap = jnp.vdot(circuit(jnp.asarray(theta)).vector, circuit(jnp.asarray(wrapped)).vector)
    assert abs(overlap) == pytest.approx(1.0)
    network = circuits.MLP((2, 3, 2))
    np.testing.assert_array_equal(masks.canonical(network, theta), theta)


def test_networks_mask_weights_and_circuits_gates():
    network = circuits.MLP((2, 3, 2))
    names = np.array(network.parameter_names)
    chosen = [list(names[list(group)]) for group in masks.maskable(network)]
    assert [len(group) for group in chosen] == [6, 6]
    assert all("weight" in name for group in chosen for name in group)
    measured = circuits.Measured(circuits.hardware_efficient(2, 1))
    assert masks.maskable(measured) == (tuple(range(4)),)


@pytest.mark.slow
def test_edge_popup_passes_the_gradient_straight_through():
    network = circuits.MLP((2, 2, 2), bias=False)
    popup = masks.EdgePopup(network, "float64", masks.maskable(network), (2, 2))
    frozen = jnp.arange(1.0, 9.0) / 8
    given = lessons(np.array([[[0.3, -0.2]]]), np.array([[1]]), 8, 0.0)
    context = jax.tree.map(lambda a: a[0], masks.Search(given, frozen[None]))
    scores = jnp.asarray([0.9, 0.1, 0.5, 0.2, 0.1, 0.2, 0.3, 0.4])
    mask = popup.mask(scores)
    np.testing.assert_array_equal(mask, [1, 0, 1, 0, 0, 0, 1, 1])

    def loss_of(m):
        plain = masks.predicted(network, "float64", m * frozen, context.lessons.x)
        return masks.cross_entropy(plain, context.lessons.y, context.lessons.weights)

    found = jax.grad(lambda s: popup.loss(popup.points(s, context), context))(scores)
    np.testing.assert_allclose(found, jax.grad(loss_of)(mask), atol=1e-12)


def test_metrics_of_many_models_give_the_relation_of_each():
    network = circuits.MLP((2, 3, 2))
    rows = [network.init(jax.random.key(k)) for k in range(2)]
    flat = np.stack([np.asarray(ravel_pytree(row)[0]) for row in rows])
    x = np.random.default_rng(0).normal(size=(2, 9, 2))
    tables = geometry.metrics(network, flat, x, rows=3)
    for k in range(2):
        peer = fisher_relation(network, rows[k], jnp.asarray(x[k]))
        # The peer averages over groups of data, with weights of their sizes: the same mean metric.
        share = shared_information(tables[k], list(geometry.node_positions(network)))
        np.testing.assert_allclose(share, peer.share, atol=1e-9)


def test_nodes_without_parameters_leave_and_common_nodes_are_compared_by_name():
    rng = np.random.default_rng(2)
    root = rng.normal(size=(5, 5))
    table = root @ root.T
    positions = tuple(np.array([k]) for k in range(5))
    whole = geometry.geometry_of_metric(table, positions)
    part = geometry.geometry_of_metric(table, positions, np.array([1, 0, 1, 1, 1]))
    assert whole is not None
    assert part is not None
    np.testing.assert_array_equal(part.nodes, [0, 2, 3, 4])
    assert geometry.labelled_distance(whole, whole) == 0.0
    assert geometry.wasserstein(whole, whole) == pytest.approx(0.0, abs=1e-6)
    # What two nodes share does not depend on the others: what is left of the geometry is as it was.
    assert geometry.labelled_distance(whole, part) == pytest.approx(0.0, abs=1e-12)
    renamed = geometry.NodeGeometry(whole.nodes, whole.matrix[::-1, ::-1])
    assert geometry.wasserstein(whole, renamed, starts=8) == pytest.approx(0.0, abs=1e-6)
    assert geometry.labelled_distance(whole, renamed) > 0.05
    assert geometry.geometry_of_metric(table, positions, np.array([1, 0, 0, 0, 1])) is None


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="less than 1"):
        base.parse_settings(lottery.Settings, ["keep=1.5"])
