"""The Fisher-Rao norm of homogeneous networks against the metric itself and a dense empirical Fisher matrix."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import circuits
import qgeom
from qgeom.information import fisher_rao_norm
from qgeom.information.homogeneous import empirical_fisher_rao_norm, homogeneous_fisher_rao_norm


@pytest.mark.parametrize("output", ["categorical", "gaussian"])
@pytest.mark.parametrize("sizes", [(3, 5, 4, 3), (3, 2)])
def test_it_is_the_norm_in_the_metric(key, output, sizes):
    network = circuits.MLP(sizes, activation="relu", output=output, bias=False)
    params, x = network.init(key), jax.random.normal(jax.random.key(1), (7, 3))
    left = fisher_rao_norm(qgeom.information_metric(network, params, x))
    np.testing.assert_allclose(homogeneous_fisher_rao_norm(network, params, x), left, rtol=1e-12)


@pytest.mark.parametrize("output", ["categorical", "gaussian"])
def test_with_the_labels_of_the_data_it_is_the_empirical_one(key, output):
    network = circuits.MLP((3, 5, 2), activation="relu", output=output, bias=False)
    params, x = network.init(key), jax.random.normal(jax.random.key(1), (6, 3))
    y = jnp.asarray([0, 1, 1, 0, 1, 0]) if output == "categorical" else jax.random.normal(key, (6, 2))
    flat, unravel = ravel_pytree(params)

    def loss(theta, x, y):
        f = network.outputs(unravel(theta), x)
        return -jax.nn.log_softmax(f)[y] if output == "categorical" else 0.5 * jnp.sum((f - y) ** 2)

    gradients = jax.vmap(jax.grad(loss), (None, 0, 0))(flat, x, y)
    dense = jnp.sqrt(flat @ (gradients.T @ gradients / 6.0) @ flat)
    np.testing.assert_allclose(empirical_fisher_rao_norm(network, params, x, y), dense, rtol=1e-12)
    np.testing.assert_allclose(homogeneous_fisher_rao_norm(network, params, x, y), dense, rtol=1e-12)
    # the two laws of the labels differ
    assert abs(homogeneous_fisher_rao_norm(network, params, x) / dense - 1) > 1e-3


def test_it_fails_for_tanh(key):
    tanh = circuits.MLP((3, 5, 2), bias=False)
    params, x = tanh.init(key), jax.random.normal(jax.random.key(1), (6, 3))
    with pytest.raises(ValueError, match="homogeneous"):
        homogeneous_fisher_rao_norm(tanh, params, x)
    # what the outputs of the tanh network would give
    f = jax.vmap(lambda v: tanh.outputs(params, v))(x)
    p = jax.nn.softmax(f)
    variance = jnp.mean(jnp.sum(p * f**2, axis=-1) - jnp.sum(p * f, axis=-1) ** 2)
    left = fisher_rao_norm(qgeom.information_metric(tanh, params, x))
    assert abs(2.0 * jnp.sqrt(variance) / left - 1) > 0.05
