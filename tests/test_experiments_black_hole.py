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
from qgeom.experiments import base, black_hole, weight_agnostic, wiring_search
from qgeom.experiments import black_hole_sides as sides
from qgeom.information import classical_fisher, information_metric


def synthetic(power: float, spread: float, noise: float = 0.0, seeds: int = 12) -> xr.Dataset:
    """Shares ``(k / m)^power``; accuracies over the weights that differ by the spread in the chosen wiring."""
    rng = np.random.default_rng(0)
    k = np.arange(1, 7) / 6
    powers = power * np.exp(noise * rng.normal(size=(3, 2, 3, seeds, 1)))
    span = np.array([spread, 0.5, 0.5, 0.5])[:, None, None, None] + noise * rng.normal(
        size=(2, 4, seeds, 2, 1)
    )
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


def layered(masks: tuple[np.ndarray, ...], functions: tuple[np.ndarray, ...]) -> weight_agnostic.Topology:
    """Layers wired to the one before, and to the one."""
    sources, nodes = masks[0].shape[1], sum(len(f) for f in functions)
    mask = np.zeros((nodes, sources + nodes), bool)
    row, before = 0, slice(0, sources - 1)
    for part in masks:
        mask[row : row + len(part), before], mask[row : row + len(part), sources - 1] = (
            part[:, :-1],
            part[:, -1],
        )
        before, row = slice(sources + row, sources + row + len(part)), row + len(part)
    return weight_agnostic.Topology(mask, np.concatenate(functions))


def test_a_wiring_of_even_functions_does_not_see_the_sign_of_the_weight():
    x = np.random.default_rng(1).uniform(-1.5, 1.5, size=(40, 2))
    masks = (np.ones((3, 3), bool), np.eye(3, 4, dtype=bool))
    wiring = layered(masks, (np.array([2, 3, 4]), np.array([2, 3, 4])))
    up, down = weight_agnostic.topology_classes(wiring, np.array([0.7, -0.7]), x, 3)
    np.testing.assert_array_equal(up, down)
    line = layered((np.array([[1, 0, 0], [0, 1, 0]], bool),), (np.array([5, 5]),))
    up, down = weight_agnostic.topology_classes(line, np.array([2.0, -2.0]), x, 2)
    np.testing.assert_array_equal(up, np.argmax(x, axis=1))
    np.testing.assert_array_equal(down, np.argmin(x, axis=1))


@pytest.mark.slow
def test_a_shared_angle_gives_the_classes_of_the_circuit():
    rng = np.random.default_rng(3)
    some = tuple(tuple(weight_agnostic.random_gate(rng, 3, 1 + k % 2) for k in range(4)) for _ in range(2))
    wiring, angles = weight_agnostic.Gates(3, some), np.array([0.9, -0.4])
    x = rng.uniform(-1.5, 1.5, size=(4, 2))
    found = weight_agnostic.gate_classes(wiring, angles, weight_agnostic.encoding(x, 3), 3)
    for row, angle in zip(found, angles, strict=True):
        ops = []
        for layer in wiring.layers:
            ops += [circuits.gates.RY(circuits.Input(q % 2), q) for q in range(3)]
            ops += [circuits.gates.PauliRotation(float(angle), name, wires) for name, wires in layer]
        measured = circuits.Measured(circuits.Circuit(3, ops), classes=circuits.modulo_classes(3, 3))
        p = jax.vmap(lambda v: measured(jnp.zeros(0), v).probabilities)(jnp.asarray(x))  # noqa: B023
        np.testing.assert_array_equal(row, np.argmax(p, axis=1))
    assert wiring.n_connections == 12
    like = weight_agnostic.random_gates_like(rng, wiring)
    sizes = [sorted(len(wires) for _, wires in layer) for layer in like.layers]
    assert sizes == [[1, 1, 2, 2]] * 2
    assert like != wiring


def test_changed_topologies_stay_without_cycles_and_grow():
    rng = np.random.default_rng(0)
    wiring = wiring_search.first_topology(rng, 5, 3)
    sizes = {wiring.mask.shape[0]}
    x = rng.uniform(-1, 1, size=(6, 4))
    for _ in range(200):
        wiring = wiring_search.changed_topology(rng, wiring, 3)
        nodes = len(wiring.functions)
        assert wiring.mask.shape == (nodes, 5 + nodes)
        assert not (wiring.mask & ~weight_agnostic.possible(nodes, 5, 3)).any()
        sizes.add(nodes)
    assert max(sizes) > 20
    assert weight_agnostic.topology_classes(wiring, np.ones(2), x, 3).shape == (2, 6)
    like = weight_agnostic.random_topology(rng, 5, 3, nodes - 3, wiring.n_connections)
    assert like.mask.shape == wiring.mask.shape
    assert like.n_connections == wiring.n_connections


def test_a_node_that_is_inserted_passes_on_what_went_through_the_connection():
    rng = np.random.default_rng(1)
    x = rng.uniform(-1.5, 1.5, size=(30, 2))
    wiring = layered(
        (np.ones((2, 3), bool), np.array([[1, 0, 0], [0, 1, 0]], bool)), (np.array([0, 3]), np.array([5, 5]))
    )
    before = weight_agnostic.topology_classes(wiring, np.ones(1), x, 2)
    found = 0
    for _ in range(100):
        changed = wiring_search.changed_topology(rng, wiring, 2)
        if len(changed.functions) == 5:
            places = [k for k in range(3) if np.delete(changed.functions, k).tolist() == [0, 3, 5, 5]]
            if len(places) > 1:
                continue  # a neighbour has the same function
            place = places[0]
            same = changed.functions.copy()
            same[place] = 5  # the identity, with the weight 1
            after = weight_agnostic.topology_classes(
                weight_agnostic.Topology(changed.mask, same), np.ones(1), x, 2
            )
            np.testing.assert_array_equal(after, before)
            found += 1
    assert found > 10


def test_the_fronts_of_five_points():
    goals = np.array([[3.0, 1.0], [1.0, 3.0], [2.0, 0.5], [0.5, 0.5], [3.0, 1.0]])
    np.testing.assert_array_equal(wiring_search.fronts(goals), [0, 0, 1, 2, 0])


def test_the_search_finds_what_is_there_and_the_smallest_of_equals():
    def accuracies(gates: weight_agnostic.Gates) -> np.ndarray:
        """Best with ZZ in the first layer, whatever else there is."""
        return np.full(3, 0.3 + 0.6 * any(name == "ZZ" for name, _ in gates.layers[0]))

    def searched(seed: int) -> wiring_search.Found:
        return wiring_search.search(
            np.random.default_rng(seed), lambda rng: wiring_search.first_gates(rng, 3, 2),
            wiring_search.changed_gates, accuracies, 12, 15,
        )  # fmt: skip

    found = searched(0)
    assert found.history[0] == pytest.approx(0.3)
    assert found.history[-1] == pytest.approx(0.9)
    assert (np.diff(found.history) >= 0).all()
    assert found.best.n_connections == 3
    assert isinstance(found.best, weight_agnostic.Gates)
    np.testing.assert_array_equal(found.accuracies, accuracies(found.best))
    assert searched(0).best == found.best


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="three rows or more"):
        base.parse_settings(black_hole.Settings, ["rows=8,2,4"])
