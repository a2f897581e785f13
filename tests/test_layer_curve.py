"""The layer curve against closed forms and NumPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits import Circuit, Measured, Param, gates
from qgeom.information import layer_curve

Y = np.array([[0, -1j], [1j, 0]])


def test_a_product_of_ry_is_as_long_as_the_norm_of_its_angles():
    circuit = Circuit(3, [gates.RY(Param(q), q) for q in range(3)])
    theta = jnp.asarray([0.3, -1.1, 0.7])
    lengths = layer_curve.layer_lengths(circuit, theta, nodes=1)
    np.testing.assert_allclose(lengths, [np.linalg.norm(theta)], rtol=1e-12)
    distance = 2 * np.arccos(np.prod(np.cos(np.asarray(theta) / 2)))
    np.testing.assert_allclose(layer_curve.end_distance(circuit, theta), distance, rtol=1e-9)


def test_one_rotation_of_one_qubit_is_a_geodesic():
    circuit = Circuit(1, [gates.RY(Param(0), 0)])
    theta = jnp.asarray([2.5])
    assert float(jnp.sum(layer_curve.layer_lengths(circuit, theta))) == pytest.approx(2.5, rel=1e-12)
    assert float(layer_curve.end_distance(circuit, theta)) == pytest.approx(2.5, rel=1e-9)


def test_cz_after_hadamards_by_its_principal_logarithm():
    # H: angle pi about (X + Z)/sqrt 2, of variance 1/2 in |0>; CZ: pi |11><11|, of variance 3/16 in |++>.
    circuit = Circuit(2, [gates.H(0), gates.H(1), gates.CZ(0, 1)], [2, 1])
    lengths = layer_curve.layer_lengths(circuit, jnp.zeros(0), nodes=1)
    np.testing.assert_allclose(lengths, [np.pi, np.pi * np.sqrt(3) / 2], rtol=1e-10)


def test_a_commuting_layer_is_twice_the_standard_deviation_of_its_generator(key):
    before = [gates.RY(0.4 + 0.3 * q, q) for q in range(3)]
    layer = [gates.RZZ(Param(0), 0, 1), gates.RZ(Param(1), 1), gates.CZ(1, 2), gates.RZZ(Param(2), 0, 2)]
    circuit = Circuit(3, [*before, *layer], [3, 4])
    theta = circuit.init(key)
    psi = Circuit(3, before)(jnp.zeros(0)).vector
    z = [np.array([1 - 2 * ((k >> (2 - q)) & 1) for k in range(8)]) for q in range(3)]
    t = np.asarray(theta)
    # CZ is switched on as CP(pi t) = exp(-i t G) with G = -pi |11><11|.
    generator = (
        0.5 * t[0] * z[0] * z[1]
        + 0.5 * t[1] * z[1]
        - np.pi * (1 - z[1]) * (1 - z[2]) / 4
        + 0.5 * t[2] * z[0] * z[2]
    )
    p = np.abs(np.asarray(psi)) ** 2
    expected = 2 * np.sqrt(p @ generator**2 - (p @ generator) ** 2)
    np.testing.assert_allclose(layer_curve.layer_lengths(circuit, theta, nodes=1)[1], expected, rtol=1e-9)


def test_gates_that_do_not_commute_are_divided_and_gates_that_commute_are_not():
    ops = [g for q in range(2) for g in (gates.RY(Param(2 * q), q), gates.RZ(Param(2 * q + 1), q))]
    circuit = Circuit(2, [*ops, gates.CZ(0, 1)], [5])
    assert layer_curve.groups(circuit, "commuting").tolist() == [0, 1, 0, 1, 1]
    assert layer_curve.groups(circuit, "disjoint").tolist() == [0, 1, 0, 1, 2]
    assert layer_curve.groups(circuit, "given").tolist() == [0, 0, 0, 0, 0]
    with pytest.raises(ValueError, match="unknown rule"):
        layer_curve.groups(circuit, "together")  # type: ignore[arg-type]


@pytest.mark.parametrize("rule", layer_curve.RULES)
def test_no_curve_is_shorter_than_its_chord_and_no_readout_longer_than_the_state(key, rule):
    measured = Measured(circuits.hardware_efficient(2, 1, final_rotations=True))
    theta = measured.init(key)
    group = layer_curve.groups(measured, rule)
    outcomes, states = np.asarray(layer_curve.lengths_of_kinds(measured, theta, None, group, 12)).sum(axis=1)
    distances = np.asarray(layer_curve.end_distances(measured, theta))
    assert outcomes >= distances[0] - 1e-3
    assert states >= distances[1] - 1e-9
    assert outcomes <= states + 1e-9


def test_the_length_agrees_with_a_fine_polygon_of_points(key):
    network = circuits.MLP((2, 3, 3, 2))
    params = network.init(key)
    xs = jax.random.normal(jax.random.fold_in(key, 1), (4, 2))
    s = np.linspace(0, 2, 401)
    outputs = jax.vmap(lambda t: jax.vmap(lambda x: network.partial(params, x, t).probabilities)(xs))(
        jnp.asarray(s)
    )
    overlap = np.sum(np.sqrt(outputs[1:] * outputs[:-1]), axis=-1)
    steps = 2 * np.arccos(np.clip(overlap, -1, 1))
    polygon = np.sqrt(np.mean(steps**2, axis=1)).sum()
    length = float(jnp.sum(layer_curve.layer_lengths(network, params, xs, nodes=16)))
    assert length == pytest.approx(polygon, rel=1e-3)


def test_a_linear_gaussian_network_with_one_block_is_straight(key):
    network = circuits.MLP((2, 2, 2), activation="identity", output="gaussian")
    params = network.init(key)
    x = jnp.asarray([[0.3, -0.4]])
    length = float(jnp.sum(layer_curve.layer_lengths(network, params, x)))
    assert length == pytest.approx(float(layer_curve.end_distance(network, params, x)), rel=1e-10)
