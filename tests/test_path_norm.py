"""Path norms against sums over all paths, one by one."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits import Circuit, Measured, Param, gates
from qgeom.information.path_norm import path_norm


def test_of_an_mlp_by_its_paths(key):
    network = circuits.MLP((2, 3, 2))
    params = jax.tree.map(lambda a: a + 0.1, network.init(key))
    (b0, w0), (b1, w1) = ((np.asarray(p["bias"]), np.asarray(p["weight"])) for p in params)
    paths = [(w1[k, j] * w0[j, i]) ** 2 for i, j, k in itertools.product(range(2), range(3), range(2))]
    paths += [(w1[k, j] * b0[j]) ** 2 for j, k in itertools.product(range(3), range(2))]
    paths += [b**2 for b in b1]
    np.testing.assert_allclose(path_norm(network, params), np.sqrt(sum(paths)), rtol=1e-12)


def test_of_a_residual_network_with_the_identity_as_an_edge():
    network = circuits.ResNet(1, 1, 2, 1, output="gaussian", strength=2.0, bias=False)
    params = (
        {"weight": jnp.asarray([[2.0]])},
        {"weight": jnp.asarray([[[3.0]], [[0.5]]])},
        {"weight": jnp.asarray([[-1.0]])},
    )
    expected = 2.0 * np.sqrt((1 + 3.0**2) * (1 + 0.5**2))
    np.testing.assert_allclose(path_norm(network, params), expected, rtol=1e-12)


def test_rotations_branch_and_phases_do_not():
    ops = [gates.RY(Param(0), 0), gates.RZ(Param(1), 0), gates.CZ(0, 1), gates.RX(Param(2), 1)]
    theta = jnp.asarray([0.7, 2.0, -1.1])
    branch = [abs(np.cos(t / 2)) + abs(np.sin(t / 2)) for t in (0.7, -1.1)]
    for description in (Circuit(2, ops), Measured(Circuit(2, ops))):
        np.testing.assert_allclose(path_norm(description, theta), np.prod(branch), rtol=1e-12)


def test_paths_that_interfere_are_counted():
    # Two Hadamards are the identity, and have four paths of weight 1/2.
    circuit = Circuit(1, [gates.H(0), gates.H(0)])
    np.testing.assert_allclose(path_norm(circuit, jnp.zeros(0)), 2.0, rtol=1e-12)


def test_another_description_has_none():
    with pytest.raises(TypeError, match="has no path norm"):
        path_norm(circuits.RandomFeatures(2, 3, 2), ())
