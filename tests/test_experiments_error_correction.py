"""error-correction: codes and generators where the answer is known, and the verdict for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

from qgeom.experiments import base, error_correction
from qgeom.experiments import error_correction_sides as sides
from qgeom.experiments import generator as net


def synthetic(code: float, trained: float, greedy: float, noise: float = 0.01, seeds: int = 12) -> xr.Dataset:
    """Losses ``exp(code * depth - 2)``, errors ``exp(trained * layer)``, greedy recovery ``greedy`` times exact."""
    rng = np.random.default_rng(0)
    rates, samples = [0.2, 0.1], 10**6
    depth = np.tile(np.array([2.0, 1, 1, 1, 0, 0, 0]), (2, 1))
    lost = np.exp(code * depth[0] - 2 + noise * rng.normal(size=(2, 2, 1, 2, seeds, 7)))
    lost = np.concatenate([lost, np.minimum(1 - greedy * (1 - lost), 1.0)], axis=2)
    layer = np.arange(1.0, 6)
    size = np.zeros((2, 1, 2, seeds, 3, 5))
    slope = trained + noise * rng.normal(size=(2, 1, seeds, 1, 1))
    size[:, :, 1, :, 1:] = slope * layer
    saved = np.ones((2, 2, 2, seeds)) * 0.5
    saved[:, 1] = np.minimum(0.5 * greedy * (1 + noise * rng.normal(size=(2, 2, seeds))), 0.5)
    recovered = np.tile(np.linspace(1, 0, 26), (5, 2, 1))
    return xr.Dataset(
        {
            "lost": (("inflation", "reading", "decoder", "rate", "seed", "site"), lost),
            "depth": (("inflation", "site"), depth),
            "recovered": (("code", "decoder", "erasures"), recovered),
            "half_point": (("code", "decoder"), np.full((5, 2), 0.5)),
            "qubits": ("code", np.full(5, 25)),
            "saved": (("reading", "decoder", "rate", "seed"), saved),
            "size": (("data", "activation", "training", "seed", "measure", "layer"), size),
        },
        coords={
            "inflation": list(sides.INFLATIONS), "reading": list(sides.READINGS), "decoder": list(sides.DECODERS),
            "rate": rates, "seed": np.arange(seeds), "code": list(sides.CURVES), "data": list(net.DATA),
            "activation": ["tanh"], "training": ["untrained", "trained"], "measure": list(sides.MEASURES),
            "layer": layer,
        },
        attrs={"samples": samples},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "trained", "greedy", "noise", "wanted"),
    [
        (-0.5, -0.5, 1.0, 0.01, ["supported"] * 3),
        (0.5, 0.5, 0.7, 0.01, ["refuted"] * 3),
        (0.0, 0.0, 0.5, 0.01, ["refuted"] * 3),
        (-0.1, -0.1, 0.9, 0.15, ["inconclusive"] * 3),
    ],
)
def test_every_outcome_is_possible(code, trained, greedy, noise, wanted):
    verdicts = error_correction.verdict(synthetic(code, trained, greedy, noise), error_correction.Settings())
    assert [v.outcome for v in verdicts[:3]] == wanted
    assert [v.side for v in verdicts[:3]] == ["circuit", "network", "circuit"]
    assert all(v.outcome == "calibration-pass" for v in verdicts[3:])
    assert verdicts[0].estimate == pytest.approx(code, abs=max(3 * noise, 0.01))


def test_calibrations_can_fail():
    data = synthetic(-0.5, -0.5, 1.0)
    data["recovered"][0, 1, 3] = 1.2
    data["half_point"][0, 0] = 0.4
    outcomes = [v.outcome for v in error_correction.verdict(data, error_correction.Settings())[3:]]
    assert outcomes == ["calibration-fail"] * 2


def test_bulk_qubits_lie_at_every_depth():
    code = sides.pentagon_code(3, "edge")
    sites, depth = sides.bulk_sites(code)
    assert (sites[0], depth[0]) == (0, 2)
    assert np.bincount(depth).tolist() == [5, 5, 1]


@pytest.mark.slow
def test_a_linear_generator_with_orthogonal_layers_keeps_errors_and_code_words():
    rng = np.random.default_rng(0)
    model = net.generator(2, 6, 3, 6, "identity")
    params = net.start(model, np.arange(2))
    turned = []
    for layer in params[1]:
        out, into = layer["weight"].shape[1:]
        q = np.linalg.qr(rng.normal(size=(2, max(out, into), max(out, into))))[0][:, :out, :into]
        turned.append({"bias": layer["bias"], "weight": jnp.asarray(q)})
    x = jnp.asarray(rng.normal(size=(2, 5, 6)))
    np.testing.assert_allclose(net.perturbations(model, (params[0], tuple(turned)), x), 0.0, atol=1e-10)
    shrunk = [dict(layer) for layer in turned]
    shrunk[1]["weight"] = 0.5 * shrunk[1]["weight"]
    found = net.perturbations(model, (params[0], tuple(shrunk)), x)
    np.testing.assert_allclose(found[:, :, 1:], np.log(0.5), atol=1e-10)


def test_a_projection_on_the_manifold_removes_errors_and_keeps_code_words():
    rng = np.random.default_rng(1)
    model = net.generator(2, 6, 3, 6, "identity")
    params = net.start(model, np.arange(1))
    first = params[1][0]["weight"]
    basis = np.linalg.qr(np.asarray(first[0]))[0]
    layers = [dict(layer) for layer in params[1]]
    layers[1]["weight"] = jnp.asarray(basis @ basis.T + 1e-3 * (np.eye(6) - basis @ basis.T))[None]
    x = jnp.asarray(rng.normal(size=(1, 4, 6)))
    found = net.perturbations(model, (params[0], tuple(layers)), x)[0]
    np.testing.assert_allclose(found[:, 1], [0.0, np.log(1e-3), np.log(1e-3)], atol=1e-9)


@pytest.mark.slow
def test_training_lowers_the_loss():
    seeds = np.arange(2)
    model = net.generator(2, 8, 3, 8, "tanh")
    x = jnp.asarray(np.stack([net.data("digits", 8, int(s)) for s in seeds]))
    keys = jax.vmap(jax.random.key)(jnp.arange(2, dtype=jnp.uint32))
    state = net.optimizer_state(net.start(model, seeds))
    state, early = net.train(model, state, x, keys, 40)
    for _ in range(5):
        state, late = net.train(model, state, x, keys, 40)
    assert np.all(np.asarray(late) < np.asarray(early))


def test_settings_say_what_is_wrong():
    with pytest.raises(ValueError, match="take fewer"):
        base.parse_settings(error_correction.Settings, ["latent=16"])
    with pytest.raises(ValueError, match="probabilities"):
        base.parse_settings(error_correction.Settings, ["rates=0.2,1.5"])
