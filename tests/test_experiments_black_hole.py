"""black-hole: visible shares against the library and closed forms, and its verdicts for every outcome."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from circuits.reduced import PartialOutput, ReducedState
from qgeom.experiments import base, black_hole, weight_agnostic
from qgeom.experiments import black_hole_sides as sides
from qgeom.information import classical_fisher, information_metric
from qgeom.progress import Silent

TINY = (
    "seeds=2",
    "qubits=3",
    "rows=3,3,3",
    "inside=1",
    "classes=4",
    "width=2",
    "samples=2",
    "wirings=2",
    "max_steps=2",
)


def synthetic(power: float, spread: float, noise: float = 0.0, seeds: int = 12) -> xr.Dataset:
    """Shares ``(k / m)^power``; accuracies over the weights that differ by the spread in the chosen wiring."""
    rng = np.random.default_rng(0)
    k = np.arange(1, 7) / 6
    powers = power * np.exp(noise * rng.normal(size=(3, 2, 3, seeds, 1)))
    span = np.array([spread, 0.5, 0.5])[:, None, None, None] + noise * rng.normal(size=(2, 3, seeds, 2, 1))
    accuracy = 0.6 + span * np.linspace(-0.5, 0.5, 6)
    return xr.Dataset(
        {
            "share": (("side", "wiring", "variant", "seed", "outside"), k**powers),
            "outputs": ("side", [6, 6, 6]),
            "accuracy": (("family", "kind", "seed", "draw", "weight"), accuracy),
        },
        coords={
            "side": list(black_hole.SIDES), "wiring": list(black_hole.WIRINGS), "variant": np.arange(3),
            "variant_name": (("side", "variant"), [["a", "b", "c"]] * 3), "seed": np.arange(seeds),
            "family": list(black_hole.FAMILIES), "kind": list(black_hole.KINDS),
            "weight": np.array(weight_agnostic.WEIGHTS),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("power", "spread", "noise", "outcomes"),
    [
        (4.0, 0.1, 0.0, ("supported", "refuted", "supported")),
        (1.0, 0.5, 0.01, ("refuted", "supported", "refuted")),
        (0.5, 0.9, 0.01, ("refuted", "refuted", "refuted")),
        (1.1, 0.4, 0.3, ("inconclusive", "inconclusive", "inconclusive")),
    ],
)
def test_every_outcome_is_possible(power, spread, noise, outcomes):
    found = black_hole.verdict(synthetic(power, spread, noise), black_hole.Settings())
    for place, outcome in zip((slice(0, 3), slice(3, 6), slice(6, 8)), outcomes, strict=True):
        assert {v.outcome for v in found[place]} == {outcome}
    assert [v.side for v in found[:3]] == list(black_hole.SIDES)
    assert found[8].outcome == "calibration-pass"


def test_a_share_that_falls_fails_the_calibration():
    data = synthetic(1.0, 0.5)
    data["share"][0, 0, 0, 0, 2] = 0.0
    assert black_hole.verdict(data, black_hole.Settings())[8].outcome == "calibration-fail"


def test_the_horizon_of_known_shares():
    share = np.array([[0.25, 0.75, 1.0, 1.0], [0.5, 0.6, 0.7, 1.0], [0.0, 0.0, 0.0, 1.0]])
    np.testing.assert_allclose(black_hole.horizon(share), [1.5 / 4, 1.0 / 4, 3.5 / 4])
    np.testing.assert_allclose(black_hole.proportion(share), [1.0, 2.0, 0.0])


@pytest.mark.slow
def test_what_some_qubits_show_is_what_the_library_says():
    circuit = sides.wall(3, 1)
    theta = circuit.init(jax.random.key(0))
    inside = sides.rows_of(circuit, (0,))
    state, tangents = sides.state_and_tangents(circuit, np.asarray(theta), inside)
    np.testing.assert_allclose(state, circuit(theta).vector, atol=1e-12)
    parameters = np.array([circuit.ops[k].angles[0].index for k in inside])
    kept = (0, 2)
    readout, quantum = sides.visible_of_state(state, tangents, kept)
    sld = np.asarray(information_metric(ReducedState(circuit, kept), theta).diagonal())
    outcomes = np.asarray(classical_fisher(circuit, theta, wires=kept).diagonal())
    assert quantum == pytest.approx(4.0 * sld[parameters].sum(), rel=1e-6)  # phi = theta / 2
    assert readout == pytest.approx(4.0 * outcomes[parameters].sum(), rel=1e-6)
    whole = np.asarray(information_metric(circuit, theta).diagonal())[parameters]
    assert sides.visible_of_state(state, tangents, (0, 1, 2))[1] == pytest.approx(4.0 * whole.sum())


@pytest.mark.slow
def test_what_some_classes_show_is_what_the_library_says():
    network = circuits.MLP((2, 3, 4))
    params, data = network.init(jax.random.key(0)), np.random.default_rng(0).normal(size=(5, 2))
    flat = np.concatenate([np.ravel(a) for a in jax.tree.leaves(params)])
    found = sides.network_shares(network, flat, 1, data)
    rms = np.sqrt([np.mean(np.square(a)) for a in jax.tree.leaves(params)[2:]])
    units = np.concatenate([np.full(4, rms[0] or 1.0), np.full(12, rms[1])])

    def trace(kept: tuple[int, ...]) -> float:
        part = PartialOutput(network, kept)
        diagonal = np.asarray(information_metric(part, params, jnp.asarray(data)).diagonal())
        return float(np.sum(diagonal[9:] * units**2))

    means = [np.mean([trace(s) for s in itertools.combinations(range(4), k)]) for k in (1, 2, 3)]
    np.testing.assert_allclose(found, np.array(means) / means[-1], rtol=1e-9)


def test_a_product_of_qubits_hides_nothing_and_shows_in_proportion():
    circuit = circuits.Circuit(3, [circuits.gates.RY(circuits.Param(q), q) for q in range(3)])
    share = sides.circuit_shares(circuit, np.array([0.3, 0.7, 1.1]), range(3))
    np.testing.assert_allclose(share, [[1 / 3, 2 / 3, 1.0]] * 2, atol=1e-12)


def test_the_phase_of_a_ghz_state_is_hidden_from_all_but_everybody():
    state, tangent = np.zeros(16, complex), np.zeros((16, 1), complex)
    state[0] = state[15] = np.sqrt(0.5)
    tangent[0, 0], tangent[15, 0] = -1j * state[0], 1j * state[15]
    assert sides.visible_of_state(state, tangent, (0, 1, 2)) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert sides.visible_of_state(state, tangent, (0, 1, 2, 3))[1] == pytest.approx(4.0)


def test_random_wirings_have_the_size_of_the_wall():
    rng = np.random.default_rng(0)
    built, drawn = sides.wall(5, 4), sides.wall(5, 4, rng)
    assert [op.name for op in built.ops] == [op.name for op in drawn.ops]
    assert any(a.wires != b.wires for a, b in zip(built.ops, drawn.ops, strict=True))


def test_a_wiring_of_even_functions_does_not_see_the_sign_of_the_weight():
    x = np.random.default_rng(1).uniform(-1.5, 1.5, size=(40, 2))
    masks = (np.ones((3, 3), bool), np.eye(3, 4, dtype=bool))
    wiring = weight_agnostic.Wiring(masks, (np.array([2, 3, 4]), np.array([2, 3, 4])))
    up, down = (weight_agnostic.wiring_classes(wiring, w, x) for w in (0.7, -0.7))
    np.testing.assert_array_equal(up, down)
    line = weight_agnostic.Wiring((np.array([[1, 0, 0], [0, 1, 0]], bool),), (np.array([5, 5]),))
    np.testing.assert_array_equal(weight_agnostic.wiring_classes(line, 2.0, x), np.argmax(x, axis=1))
    np.testing.assert_array_equal(weight_agnostic.wiring_classes(line, -2.0, x), np.argmin(x, axis=1))


def test_a_shared_angle_gives_the_classes_of_the_circuit():
    wiring = weight_agnostic.random_gates(np.random.default_rng(3), 3, 2, 4)
    ops, x = [], np.array([[0.4, -1.1]])
    for layer in wiring.layers:
        ops += [circuits.gates.RY(circuits.Input(q % 2), q) for q in range(3)]
        ops += [circuits.gates.PauliRotation(0.9, name, wires) for name, wires in layer]
    p = circuits.Measured(circuits.Circuit(3, ops), classes=circuits.modulo_classes(3, 3))(
        jnp.zeros(0), jnp.asarray(x[0])
    )
    assert weight_agnostic.gate_classes(wiring, 0.9, x, 3)[0] == int(np.argmax(p.probabilities))


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="three rows or more"):
        base.parse_settings(black_hole.Settings, ["rows=8,2,4"])


@pytest.mark.slow
def test_end_to_end():
    settings = base.parse_settings(black_hole.Settings, TINY)
    data = black_hole.compute(settings, 0, Silent())
    verdicts = black_hole.verdict(data, settings)
    assert [v.outcome for v in verdicts[:8]] == ["inconclusive"] * 8  # two seeds settle nothing
    assert verdicts[8].outcome == "calibration-pass"
    assert len(black_hole.draw(data, verdicts).axes) == 3
