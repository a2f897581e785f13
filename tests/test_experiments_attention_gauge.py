"""attention-gauge: its blocks against the library, forces and holonomies by brute force, verdicts for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from circuits.description import Distribution
from circuits.networks import Attention
from qgeom.experiments import attention_gauge, base
from qgeom.experiments import attention_gauge_sides as sides
from qgeom.experiments.interacting import KINDS, CircuitSide, NetworkSide
from qgeom.information import acceleration, chern_number

ONE_HOT = np.eye(len(KINDS))


def synthetic(effect: float, noise: float = 0.02, seeds: int = 12) -> xr.Dataset:
    """Attention has e^effect times what the other kinds have, in everything."""
    rng = np.random.default_rng(0)
    shape = (3, 2, 3, seeds)
    scale = np.exp(np.array([effect, 0.0, 0.0])[:, None] + noise * rng.normal(size=shape))
    where = ("training", "kind", "seed")
    force = np.ones((3, 2, 2, 1, 1, 1, 12)) * scale[:, None, None, ..., None]
    angle = np.ones((3, 2, 1, 1, 1)) * scale[:, None]
    angle[:2, 1] = np.nan
    return xr.Dataset(
        {
            "force": (("side", "time", "part", *where, "node"), force),
            "displacement": (("side", *where), scale),
            "angle": (("side", "connection", *where), angle),
            "layers": ("side", [3, 1, 3]),
            "chern": ("mass", [0, 1, -1, 0]),
        },
        coords={
            "side": list(attention_gauge.SIDES), "time": list(sides.TIMES), "part": list(sides.PARTS),
            "training": list(sides.TRAINING), "kind": list(KINDS), "connection": list(sides.CONNECTIONS),
            "seed": np.arange(seeds), "mass": list(sides.MASSES),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("effect", "noise", "outcome"),
    [(0.5, 0.02, "supported"), (-0.5, 0.02, "refuted"), (0.0, 0.02, "refuted"), (0.1, 0.2, "inconclusive")],
)
def test_every_outcome_is_possible(effect, noise, outcome):
    data = synthetic(effect, noise)
    for quantity in attention_gauge.QUANTITIES:
        for side in attention_gauge.SIDES:
            found = attention_gauge.judge(data, attention_gauge.Choice(side, quantity))
            assert found.outcome == outcome
            if abs(effect) == 0.5:
                assert (found.p_value < 0.01) == (effect > 0)


def test_the_force_is_integrated_over_the_layers_and_zeros_are_left_out():
    data = synthetic(0.0, 0.0)
    choice = attention_gauge.Choice("circuit", "force")
    np.testing.assert_allclose(attention_gauge.values(data, choice, "attention"), 3.0)
    np.testing.assert_allclose(attention_gauge.values(data, choice._replace(side="network"), "local"), 1.0)
    data["displacement"][0, 0, 1, 0] = 0.0
    assert len(attention_gauge.ratios(data, choice._replace(quantity="displacement"))) == 11


def test_verdicts_come_side_by_side_and_the_calibration_can_fail():
    data = synthetic(0.5)
    found = attention_gauge.verdict(data, attention_gauge.Settings())
    assert [v.side for v in found[:3]] == list(attention_gauge.SIDES)
    assert {row["against"] for row in found[0].multiverse} == set(KINDS[1:])
    assert len(found[8].multiverse) > len(found[7].multiverse)  # two connections of states
    assert found[-1].outcome == "calibration-pass"
    data["chern"][0] = 1
    assert attention_gauge.verdict(data, attention_gauge.Settings())[-1].outcome == "calibration-fail"
    assert len(attention_gauge.draw(data, found).axes) == 3


# --- the blocks ------------------------------------------------------------


@pytest.mark.slow
def test_the_network_block_is_the_librarys_attention():
    side = NetworkSide(4, 4, 3)
    library = Attention(4, 4, 3)
    params = library.init(jax.random.key(1))
    features = jnp.asarray([0.3, -1.0, 0.8, 0.1])
    x = side.inputs(jnp.asarray(ONE_HOT[0]), features)
    np.testing.assert_array_equal(x[:4, 0], features)
    for share, mlp in ((0.0, 0.0), (0.6, 0.3), (1.0, 1.0)):
        np.testing.assert_allclose(
            side.description.outputs(params, x, share, mlp),
            library.outputs(params, x[:4], jnp.asarray([share, mlp])),
            atol=1e-12,
        )
    plain = library.curve(params, x[:4])
    assert isinstance(plain, Distribution)
    np.testing.assert_allclose(
        side.description.curve(params, x).probabilities,
        plain.probabilities,
        atol=1e-12,
    )
    outs = [side.description(params, side.inputs(jnp.asarray(k), features)).probabilities for k in ONE_HOT]
    assert min(np.abs(outs[a] - outs[b]).max() for a, b in ((0, 1), (0, 2), (1, 2))) > 1e-3


@pytest.mark.slow
def test_tokens_do_not_meet_in_the_local_block():
    side = NetworkSide(4, 4, 3)
    params = side.description.init(jax.random.key(1))

    # Change two features so that what tokens say alone cancels in the mean only if there is no interaction.
    def mixed(kind):
        def out(a, b):
            return side.description.outputs(
                params, side.inputs(jnp.asarray(kind), jnp.stack([a, b, b * 0, b * 0]))
            )

        return jax.jacfwd(jax.jacfwd(out, 0), 1)(jnp.asarray(0.4), jnp.asarray(-0.7))

    np.testing.assert_allclose(mixed(ONE_HOT[2]), 0.0, atol=1e-12)
    assert np.abs(mixed(ONE_HOT[0])).max() > 1e-3


@pytest.mark.slow
def test_the_circuit_has_one_kind_of_interaction_at_a_time():
    side = CircuitSide(3, 2, 2)
    params = side.description.init(jax.random.key(0))
    features = jnp.asarray([0.4, -1.2, 0.9])
    inputs = [side.inputs(jnp.asarray(kind), features) for kind in ONE_HOT]
    pairs = np.array(side.pairs)
    np.testing.assert_allclose(inputs[0][3:6], features[pairs[:, 0]] * features[pairs[:, 1]] / (np.pi / 2))
    np.testing.assert_array_equal(inputs[0][6:], 0.0)
    np.testing.assert_array_equal(inputs[1][3:], [1.0] * 3 + [0.0] * 3)
    np.testing.assert_array_equal(inputs[2][3:6], 0.0)
    one, zero = jnp.asarray(1.0), jnp.asarray(0.0)
    end = jnp.asarray(float(side.n_layers))
    for x in inputs:
        roots, state = side.points(params, x, end, one, zero)
        np.testing.assert_allclose(roots**2, side.description(params, x).probabilities, atol=1e-12)
        np.testing.assert_allclose(jnp.abs(jnp.vdot(state, side.description.circuit(params, x).vector)), 1.0)
    _, start = side.points(params, inputs[0], zero, one, zero)
    np.testing.assert_allclose(jnp.abs(start[0]), 1.0, atol=1e-12)


@pytest.mark.slow
def test_forces_are_the_differences_of_accelerations():
    side = NetworkSide(4, 3, 3)
    params = side.description.init(jax.random.key(2))
    flat = jnp.concatenate([jnp.ravel(a) for a in jax.tree.leaves(params)])
    features = jnp.asarray(np.random.default_rng(0).normal(size=(2, 4)))
    kinds = jnp.asarray(ONE_HOT[:1])
    pushed, moved = sides.forces(side, "float64", flat[None], kinds, features)
    s = sides.grid(1)[0][1]
    xs = [side.inputs(kinds[0], v) for v in features]
    squares = []
    for x in xs:

        def curve(t, on, x=x):
            return 2.0 * np.asarray(
                side.points(params, x, jnp.asarray(t), jnp.asarray(on), jnp.asarray(0.0))[0]
            )

        h, motions = 1e-4, []
        for on in (1.0, 0.0):
            a, b, c = (curve(s + k * h, on) for k in (-1, 0, 1))
            second = (a - 2 * b + c) / h**2
            motions.append((b / 2, second - (b @ second) * b / 4))
        (p, acc), (q, other) = motions
        theta = np.arccos(p @ q)
        along = (p - np.cos(theta) * q) / np.sin(theta)
        carried = other + (along @ other) * (-np.sin(theta) * q + (np.cos(theta) - 1) * along)
        squares.append(np.sum((acc - carried) ** 2))
    np.testing.assert_allclose(pushed[0, 1, 0, 0, 0], np.sqrt(np.mean(squares)), rtol=1e-4)
    ends = [
        [side.points(params, x, jnp.asarray(1.0), jnp.asarray(k), jnp.asarray(0.0))[0] for k in (1.0, 0.0)]
        for x in xs
    ]
    expected = np.sqrt(np.mean([float(acceleration.angle(a, b)) ** 2 for a, b in ends]))
    np.testing.assert_allclose(moved[0, 0], expected, rtol=1e-9)


def test_the_jacobian_of_a_linear_map_has_no_holonomy_and_a_cone_has_its_angle():
    constant = np.broadcast_to(np.random.default_rng(0).normal(size=(3, 4)), (1, 8, 3, 4))
    assert sides.mean_angle(constant, 2) == pytest.approx(0.0, abs=1e-12)
    # The tangent plane of a sphere along a circle of latitude turns by the solid angle.
    turn, theta = 2 * np.pi * np.arange(400) / 400, 0.8
    east = np.stack([-np.sin(turn), np.cos(turn), 0 * turn], axis=1)
    south = np.stack(
        [np.cos(theta) * np.cos(turn), np.cos(theta) * np.sin(turn), -np.sin(theta) + 0 * turn], axis=1
    )
    planes = np.stack([1.5 * east, south], axis=1)[None]
    assert sides.mean_angle(planes, 2) == pytest.approx(2 * np.pi * (1 - np.cos(theta)), abs=1e-3)
    assert np.isnan(sides.mean_angle(np.zeros((1, 6, 3, 4)), 2))


@pytest.mark.parametrize(("mass", "number"), [(-2.5, 0), (2.5, 0), (-1.0, 1), (1.0, 1)])
def test_the_two_band_model_by_a_circuit_and_by_diagonalisation(mass, number):
    found = sides.lattice_chern_number(mass)
    assert abs(found) == number
    k = 2 * np.pi * np.arange(16) / 16
    kx, ky = np.meshgrid(k, k, indexing="ij")
    field = [np.sin(kx), np.sin(ky), mass + np.cos(kx) + np.cos(ky)]
    paulis = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
    lower = np.linalg.eigh(np.einsum("cxy,cab->xyab", np.array(field), paulis))[1][..., :1]
    assert chern_number(jnp.asarray(lower)).number == found


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="dim"):
        base.parse_settings(attention_gauge.Settings, ["dim=2"])
    with pytest.raises(ValueError, match="radius"):
        base.parse_settings(attention_gauge.Settings, ["radius=0"])
