"""Networks with noisy weights or dropout: the mean over draws, and what is refused."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import qgeom
from circuits.noise import NoisyNetwork, VariedNoise


def network() -> tuple[circuits.MLP, tuple, jax.Array]:
    mlp = circuits.MLP((3, 5, 4, 3))
    return mlp, mlp.init(jax.random.key(0)), jnp.asarray([0.4, -0.3, 0.9])


def forward(params, x, masks=(1.0, 1.0)):
    h = np.asarray(x)
    for k, layer in enumerate(params):
        h = np.asarray(layer["weight"]) @ h + np.asarray(layer["bias"])
        if k < 2:
            h = np.tanh(h) * masks[k]
    e = np.exp(h - h.max())
    return e / e.sum()


@pytest.mark.parametrize("kind", ["weights", "dropout"])
def test_without_noise_the_network_is_as_it_was(kind):
    mlp, params, x = network()
    found = NoisyNetwork(mlp, kind, 0.0, draws=3)(params, x).probabilities
    np.testing.assert_allclose(found, forward(params, x), atol=1e-14)


def test_dropout_of_one_draw_switches_hidden_units_off_and_scales_the_rest():
    mlp, params, x = network()
    rate = 0.4
    found = NoisyNetwork(mlp, "dropout", rate, draws=1, seed=3)(params, x).probabilities
    rng = np.random.default_rng(3)
    masks = [(rng.uniform(size=n) >= rate) / (1 - rate) for n in (5, 4)]
    np.testing.assert_allclose(found, forward(params, x, masks), atol=1e-14)


def test_dropout_is_exact_in_the_mean_over_all_masks_of_a_linear_softmax():
    # with many draws the mean over masks is approached within its standard error
    mlp, params, x = network()
    rate, draws = 0.3, 4096
    found = np.asarray(NoisyNetwork(mlp, "dropout", rate, draws=draws)(params, x).probabilities)
    every = []
    weights = []
    for code in range(2**9):
        kept = np.array([(code >> k) & 1 for k in range(9)])
        weights.append(rate ** (9 - kept.sum()) * (1 - rate) ** kept.sum())
        every.append(forward(params, x, (kept[:5] / (1 - rate), kept[5:] / (1 - rate))))
    every, weights = np.array(every), np.array(weights)
    mean = weights @ every
    error = np.sqrt(weights @ (every - mean) ** 2 / draws)
    assert np.all(np.abs(found - mean) < 4.5 * error)


def test_weight_noise_is_relative_to_the_layer():
    mlp, params, x = network()
    params = jax.tree.map(lambda a: a + 0.1, params)
    found = NoisyNetwork(mlp, "weights", 0.2, draws=1, seed=5)(params, x).probabilities
    rng = np.random.default_rng(5)
    noisy = []
    for layer in params:
        changed = {}
        for name in ("bias", "weight"):
            a = np.asarray(layer[name])
            changed[name] = a + 0.2 * np.sqrt(np.mean(a**2)) * rng.normal(size=(1, *a.shape))[0]
        noisy.append(changed)
    np.testing.assert_allclose(found, forward(noisy, x), atol=1e-14)


@pytest.mark.slow
def test_a_layer_of_zeros_has_no_noise_and_finite_derivatives():
    mlp, params, x = network()  # biases start at zero
    noisy = NoisyNetwork(mlp, "weights", 0.3, draws=4)
    slope = jax.jacrev(lambda p: noisy(p, x).probabilities)(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["weights", "dropout"])
def test_the_metric_is_that_of_the_mean_distribution(kind):
    mlp, params, x = network()
    noisy = NoisyNetwork(mlp, kind, 0.2, draws=6)
    found = qgeom.information_metric(noisy, params, x[None]).as_matrix()
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    p = np.asarray(noisy(params, x).probabilities)
    jacobian = np.asarray(jax.jacfwd(lambda t: noisy(unravel(t), x).probabilities)(flat))
    np.testing.assert_allclose(found, np.einsum("ai,a,aj->ij", jacobian, 1 / p, jacobian), atol=1e-12)
    # more outcomes than the network has cannot be told apart: rank at most k - 1 for one input
    assert qgeom.information_metric(noisy, params, x[None]).rank() <= 2


def test_strengths_are_swept_by_varied_noise_and_curves_end_at_the_point():
    mlp, params, x = network()
    varied = VariedNoise(NoisyNetwork(mlp, "weights", 0.1, draws=5))
    other = NoisyNetwork(mlp, "weights", 0.4, draws=5)
    found = varied((params, jnp.asarray([0.4])), x).probabilities
    np.testing.assert_allclose(found, other(params, x).probabilities, atol=1e-15)
    np.testing.assert_allclose(other.curve(params, x).probabilities[-1], found, atol=1e-15)
    assert varied.parameter_names[-1] == "relative weight noise"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda mlp: NoisyNetwork(mlp, "salt", 0.1), "'weights' or 'dropout'"),
        (lambda mlp: NoisyNetwork(mlp, "dropout", 1.0), "below 1"),
        (lambda mlp: NoisyNetwork(mlp, "weights", -0.1), "from 0"),
        (lambda mlp: NoisyNetwork(mlp, "weights", 0.1, draws=0), "1 or more draws"),
        (lambda mlp: NoisyNetwork(circuits.MLP((3, 2)), "dropout", 0.1), "hidden units"),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(network()[0])


def test_a_gaussian_output_is_refused():
    mlp = circuits.MLP((3, 4, 2), output="gaussian")
    with pytest.raises(TypeError, match="categorical"):
        NoisyNetwork(mlp, "weights", 0.1)(mlp.init(jax.random.key(0)), jnp.zeros(3))
