"""wormhole: circuits and networks of one wiring against brute force, and the verdict for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import circuits
from circuits import gates
from circuits.gates import Param
from qgeom.experiments import base, wormhole
from qgeom.experiments import block_wiring as blocks
from qgeom.experiments import wormhole_sides as sides
from qgeom.information import information_metric

PAIRS = 40


def synthetic(shortcuts: dict[str, float], noise: float = 0.0, seeds: int = 12) -> xr.Dataset:
    """Relations of the brickwork whose far pairs are near with these shares; random wirings have a share of 0.2."""
    rng = np.random.default_rng(0)
    hops = np.tile(np.repeat([1.0, 4.0], PAIRS // 2), (seeds, 5, 1))
    share = np.zeros((2, 2, 2, seeds, 5, PAIRS))
    far, count = PAIRS // 2, PAIRS // 4
    for a, side in enumerate(sides.SIDES):
        for s in range(seeds):
            for w in range(5):
                wanted = shortcuts[side] + noise * rng.normal() if w == 0 else 0.2
                k = int(np.clip(round(wanted * far), 0, count))
                ranked = np.concatenate([rng.permutation(far) + far, rng.permutation(far)])
                values = np.zeros(PAIRS)
                order = np.concatenate([ranked[:k], ranked[far : far + count - k]])
                values[order] = 1.0
                rest = np.setdiff1d(np.arange(PAIRS), order)
                values[rest] = 0.5 * rng.random(len(rest))
                share[a, :, :, s, w] = values
    return xr.Dataset(
        {
            "share": (("side", "training", "metric", "seed", "wiring", "pair"), share),
            "mutual": (("side", "training", "seed", "wiring", "wires"), rng.random((2, 2, seeds, 5, 15))),
            "hops": (("seed", "wiring", "pair"), hops),
            "wire_hops": (("seed", "wiring", "wires"), np.tile(np.arange(15.0) % 4, (seeds, 5, 1))),
            "loss": (("side", "seed", "wiring"), np.zeros((2, seeds, 5))),
        },
        coords={
            "side": list(sides.SIDES), "training": list(sides.TRAINING), "metric": list(sides.METRICS),
            "seed": np.arange(seeds),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("circuit", "network", "noise", "wanted"),
    [
        (0.45, 0.2, 0.0, ["supported", "refuted", "supported"]),
        (0.2, 0.45, 0.0, ["refuted", "supported", "refuted"]),
        (0.05, 0.05, 0.0, ["refuted", "refuted", "refuted"]),
        (0.25, 0.25, 0.12, ["inconclusive", "inconclusive", "inconclusive"]),
    ],
)
def test_every_outcome_is_possible(circuit, network, noise, wanted):
    data = synthetic({"circuit": circuit, "network": network}, noise)
    verdicts = wormhole.verdict(data, wormhole.Settings())
    assert [v.outcome for v in verdicts] == wanted
    if not noise:
        assert verdicts[0].estimate == pytest.approx(circuit - 0.2, abs=1e-9)


def test_the_share_of_shortcuts_is_that_of_its_definition():
    share = np.array([0.9, 0.8, 0.7, 0.1, 0.2, 0.3, 0.4, 0.05])
    hops = np.array([4, 1, 1, 4, 1, 1, 4, 4])
    assert wormhole.shortcut_share(share, hops, 4, 0.25) == pytest.approx(1 / 4)
    assert wormhole.shortcut_share(share, hops, 4, 0.5) == pytest.approx(2 / 4)
    assert np.isnan(wormhole.shortcut_share(share, hops, 5, 0.25))
    # without any order, ties count in part
    assert wormhole.shortcut_share(np.ones(8), hops, 4, 0.25) == pytest.approx(0.25)


def test_hops_of_a_brickwork_grow_with_the_layers():
    hops = blocks.hops(blocks.brickwork(4, 3))  # two blocks a layer, each joined to both of the next
    np.testing.assert_array_equal(hops[0], [0, 2, 1, 1, 2, 2])
    straight = np.array([[0, 1, 2, 3], [0, 1, 2, 3]])
    assert np.isinf(blocks.hops(straight)[0, 1])
    np.testing.assert_array_equal(blocks.last_blocks(blocks.brickwork(4, 2)), [3, 2, 2, 3])


def test_rewiring_keeps_layers_and_wires():
    wiring = blocks.rewired(6, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(wiring, axis=1), np.tile(np.arange(6), (4, 1)))


def _as_circuit(wiring: np.ndarray, x: np.ndarray) -> circuits.Circuit:
    """The same gates as a circuit of the library, inputs as fixed angles."""
    layers, n = wiring.shape
    ops = [gates.RY(float(x[q]), q) for q in range(n)]
    k = 0
    for layer in range(layers):
        for b in range(n // 2):
            i, j = wiring[layer, 2 * b : 2 * b + 2].tolist()
            ops += [gates.RY(Param(k), i), gates.RZ(Param(k + 1), i), gates.RY(Param(k + 2), j)]
            ops += [gates.RZ(Param(k + 3), j), gates.RXX(Param(k + 4), i, j), gates.RZZ(Param(k + 5), i, j)]
            k += 6
    return circuits.Circuit(n, ops)


@pytest.mark.slow
@pytest.mark.parametrize("random", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_circuit_is_that_of_the_library(random):
    n, layers = 4, 3
    rng = np.random.default_rng(3)
    wiring = blocks.rewired(n, layers, rng) if random else blocks.brickwork(n, layers)
    x = rng.uniform(-1, 1, n)
    theta = blocks.start("circuit", n, layers, 5)
    together, back = (jnp.asarray(t) for t in blocks.tables("circuit", wiring))
    found = np.asarray(blocks.output("circuit", jnp.asarray(theta), together, back, jnp.asarray(x)))
    circuit = _as_circuit(wiring, x)
    state = circuit(jnp.asarray(theta.reshape(-1)))
    np.testing.assert_allclose(
        abs(np.vdot(found[0] + 1j * found[1], np.asarray(state.vector))), 1.0, atol=1e-12
    )
    given = (jnp.asarray(a)[None] for a in (theta, together, back))
    both = np.asarray(blocks.fisher("circuit", *given, jnp.asarray(x)[None]))[0]
    quantum = np.asarray(information_metric(circuit, jnp.asarray(theta.reshape(-1))).as_matrix())
    np.testing.assert_allclose(both[1], quantum, atol=1e-10)
    assert np.linalg.eigvalsh(both[1] - both[0]).min() > -1e-9


def test_the_network_is_made_of_its_blocks():
    n, layers = 4, 2
    rng = np.random.default_rng(1)
    wiring = blocks.rewired(n, layers, rng)
    theta, x = rng.normal(size=(layers, 2, 6)), rng.normal(size=n)
    h = x.copy()
    for layer in range(layers):
        new = h.copy()
        for b in range(2):
            pair = wiring[layer, 2 * b : 2 * b + 2]
            new[pair] = np.tanh(theta[layer, b, :4].reshape(2, 2) @ h[pair] + theta[layer, b, 4:])
        h = new
    together, back = (jnp.asarray(t) for t in blocks.tables("network", wiring))
    found = blocks.output("network", jnp.asarray(theta), together, back, jnp.asarray(x))
    np.testing.assert_allclose(found, h, atol=1e-12)
    jacobian = jax.jacfwd(lambda t: blocks.output("network", t, together, back, jnp.asarray(x)))(
        jnp.asarray(theta)
    )
    flat = np.asarray(jacobian).reshape(n, -1)
    given = (jnp.asarray(a)[None] for a in (theta, together, back))
    np.testing.assert_allclose(
        np.asarray(blocks.fisher("network", *given, jnp.asarray(x)[None]))[0, 0], flat.T @ flat, atol=1e-12
    )


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="multiple of 2"):
        base.parse_settings(wormhole.Settings, ["wires=5"])
