"""The polygon in the layer curve against closed forms, the quadrature of the curve, and finite differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits import Circuit, Measured, Param, gates
from qgeom.information import layer_curve
from qgeom.information.layer_polygon import chord_lengths, polygon_lengths, polygon_points, refined


def over_data(description, params, xs, pieces):
    return jax.vmap(lambda x: polygon_points(description, params, x, pieces))(xs)


def test_one_rotation_is_a_geodesic_in_both_metrics():
    measured = Measured(Circuit(1, [gates.RY(Param(0), 0)]))
    points = jax.tree.map(lambda a: a[None], polygon_points(measured, jnp.asarray([2.5]), None, 3))
    np.testing.assert_allclose(polygon_lengths(points), [2.5, 2.5], rtol=1e-12)
    np.testing.assert_allclose(chord_lengths(points), [2.5, 2.5], rtol=1e-12)


def test_the_refined_circuit_ends_where_the_circuit_does(key):
    circuit = circuits.data_reuploading(3, 1, 2)
    theta, x = circuit.init(key), jnp.asarray([0.4, -1.0])
    fine = refined(circuit, 3)
    states = fine.curve(theta, x).vector
    assert len(states) == 3 * (layer_curve.groups(circuit).max() + 1) + 1
    assert abs(jnp.vdot(states[-1], circuit(theta, x).vector)) == pytest.approx(1.0, abs=1e-12)
    assert abs(states[0, 0]) == 1.0


@pytest.mark.slow
def test_it_is_inscribed_in_the_curve_and_converges_to_it(key):
    circuit = circuits.data_reuploading(2, 1, 2)
    network = circuits.ResNet(2, 3, 2, 3, lift="identity", readout="fixed", strength=2.0)
    xs = jnp.asarray([[0.3, -0.2], [1.0, 0.5]])
    for description in (Measured(circuit, classes=(0, 1, 2, 0)), network):
        params = description.init(key)
        group = layer_curve.groups(description)
        exact = jnp.sum(layer_curve.lengths_of_kinds(description, params, xs, group, 12), axis=-1)
        short = [exact - polygon_lengths(over_data(description, params, xs, pieces)) for pieces in (2, 4)]
        assert np.all(np.asarray(short) > -1e-9)
        assert np.all(short[1] < 0.5 * short[0] + 1e-9)
        ends = layer_curve.end_distances(description, params, xs)
        np.testing.assert_allclose(chord_lengths(over_data(description, params, xs, 1)), ends, rtol=1e-9)


@pytest.mark.slow
def test_its_gradient_is_that_of_finite_differences(key):
    circuit = Circuit(
        2, [gates.RY(Param(0), 0), gates.CZ(0, 1), gates.RX(Param(1), 1), gates.RZ(Param(2), 0)]
    )
    theta = jax.random.uniform(key, (3,), minval=0.3, maxval=1.2)

    def length(theta):
        return polygon_lengths(jax.tree.map(lambda a: a[None], polygon_points(circuit, theta, None, 2)))[0]

    step = 1e-6 * jnp.eye(3)
    expected = [(length(theta + d) - length(theta - d)) / 2e-6 for d in step]
    np.testing.assert_allclose(jax.jit(jax.grad(length))(theta), expected, atol=1e-8)


def test_what_cannot_be_cut_is_said():
    with pytest.raises(ValueError, match="U3 has no constant generator"):
        refined(Circuit(1, [gates.U3(0.1, 0.2, 0.3, 0)]), 2)
    with pytest.raises(ValueError, match="CCX on 3 qubits"):
        refined(Circuit(3, [gates.CCX(0, 1, 2)]), 2)
    with pytest.raises(ValueError, match="1 or more pieces"):
        refined(Circuit(1, [gates.X(0)]), 0)
