"""What is known of each node: units, sensitivity, minimal length, horizons, phases of gates."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import qgeom
from circuits import gates
from circuits.networks import MLP
from qgeom.emergent.gate_phases import participation, phase_blocks, projectors
from qgeom.emergent.horizons import horizon
from qgeom.emergent.minimal_length import minimal_lengths, schur_complement
from qgeom.emergent.node_blocks import node_metric
from qgeom.emergent.sensitivity import sensitivity_time
from qgeom.emergent.units import parameter_units

P = [circuits.Param(k) for k in range(8)]


def test_a_rotation_is_measured_by_half_its_angle():
    c = circuits.Circuit(
        2, [gates.RY(P[0], 0), gates.RXX(P[1], 0, 1), gates.P(P[2], 1), gates.RZ(2 * P[3], 0)]
    )
    np.testing.assert_allclose(parameter_units(c, jnp.zeros(4)), [2.0, 2.0, 2.0, 1.0], atol=1e-12)


def test_a_shared_parameter_adds_the_squares_of_its_generators():
    c = circuits.Circuit(2, [gates.RY(P[0], 0), gates.RY(P[0], 1)])
    np.testing.assert_allclose(parameter_units(c, jnp.zeros(1)), [2.0 / np.sqrt(2.0)], atol=1e-12)


def test_the_unit_of_a_controlled_rotation_is_that_of_its_generator():
    c = circuits.Circuit(2, [gates.CRZ(P[0], 0, 1)])  # generator diag(0, 0, 1, -1) / 2: tr G^2 / 4 = 1 / 8
    np.testing.assert_allclose(parameter_units(c, jnp.asarray([0.7])), [np.sqrt(8.0)], atol=1e-12)


def test_weights_are_measured_by_their_layer():
    network = MLP((2, 3, 2), bias=False)
    params = network.init(jax.random.key(0))
    units = parameter_units(network, params)
    wanted = [np.sqrt(np.mean(np.asarray(p["weight"]) ** 2)) for p in params]
    np.testing.assert_allclose(units, np.repeat(wanted, 6))


def test_independent_rotations_have_sensitivity_four_and_length_one_half():
    c = circuits.Circuit(3, [gates.RY(P[k], k) for k in range(3)])
    theta = jnp.asarray([0.1, 0.2, 0.3])
    np.testing.assert_allclose(sensitivity_time(c, theta).sensitivity, 4.0, atol=1e-12)
    np.testing.assert_allclose(list(minimal_lengths(c, theta).values()), 0.5, atol=1e-12)


def test_a_gate_that_another_can_undo_has_no_minimal_length():
    c = circuits.Circuit(1, [gates.RY(P[0], 0), gates.RY(P[1], 0)])
    theta = jnp.asarray([0.1, 0.2])
    assert all(np.isinf(v) for v in minimal_lengths(c, theta).values())
    assert all(v == pytest.approx(0.5) for v in minimal_lengths(c, theta, others_known=True).values())


def test_the_schur_complement_is_the_inverse_of_a_block_of_the_inverse():
    j = np.random.default_rng(0).normal(size=(10, 6))
    f = j.T @ j
    rows = np.array([1, 4])
    wanted = np.linalg.inv(np.linalg.inv(f)[np.ix_(rows, rows)])
    np.testing.assert_allclose(schur_complement(f, rows), wanted, atol=1e-10)


def test_not_knowing_the_others_never_makes_a_length_shorter():
    c = circuits.hardware_efficient(n_qubits=3, n_layers=2)
    theta = c.init(jax.random.key(0))
    alone, together = minimal_lengths(c, theta, others_known=True), minimal_lengths(c, theta)
    assert all(together[name] >= alone[name] * (1 - 1e-9) for name in alone)


def test_the_arrow_of_time_needs_depth():
    c = circuits.Circuit(2, [gates.RY(P[0], 0), gates.RY(P[1], 1)])
    with pytest.raises(ValueError, match="arrow of time needs"):
        _ = sensitivity_time(c, jnp.asarray([0.1, 0.2])).arrow
    with pytest.raises(ValueError, match="no node"):
        node_metric(circuits.Circuit(1, [gates.H(0)]), jnp.zeros(0))


@pytest.mark.slow
def test_an_observer_of_everything_sees_everything_and_of_more_sees_more():
    c = circuits.hardware_efficient(n_qubits=3, n_layers=2)
    theta = c.init(jax.random.key(2))
    seen = [horizon(c, theta, range(k)).visible for k in (1, 2, 3)]
    assert np.all(seen[0] <= seen[1] + 1e-9)
    assert np.all(seen[1] <= seen[2] + 1e-9)
    np.testing.assert_allclose(seen[2], 1.0, atol=1e-9)
    assert horizon(c, theta, range(3)).hidden == ()


def test_a_gate_on_an_unentangled_qubit_is_hidden_from_the_other():
    c = circuits.Circuit(2, [gates.RY(P[0], 0), gates.RY(P[1], 1)])
    found = horizon(c, jnp.asarray([0.1, 0.2]), (1,))
    np.testing.assert_allclose(found.visible, [0.0, 1.0], atol=1e-9)
    assert found.hidden == (c.nodes[0].name,)
    with pytest.raises(ValueError, match="share of the information"):
        horizon(c, jnp.asarray([0.1, 0.2]), (1,), bound=0.0)


def test_fewer_outcomes_of_a_network_show_less():
    network = MLP((2, 4, 3))
    params, data = network.init(jax.random.key(0)), np.random.default_rng(0).normal(size=(12, 2))
    one, two = (horizon(network, params, range(k), data).visible for k in (1, 2))
    assert np.all(one[:4] <= two[:4] + 1e-9)
    np.testing.assert_allclose(two, 1.0, atol=1e-9)  # two of three probabilities fix the third
    with pytest.raises(ValueError, match="outputs must be"):
        horizon(network, params, (3,), data)


# Phases of two-qubit gates.


def test_phase_blocks_hold_the_information_about_the_angle_of_a_gate():
    c = circuits.Circuit(
        3,
        [
            gates.RY(P[0], 0),
            gates.RX(P[1], 1),
            gates.RY(P[2], 2),
            gates.RZZ(P[3], 0, 1),
            gates.RXX(P[4], 1, 2),
        ],
    )
    theta = jnp.asarray([0.3, 0.9, -0.4, 0.8, 0.5])
    found = phase_blocks(c, np.asarray(theta), readout=(0, 1, 2))
    # RZZ = exp(-i theta ZZ / 2): phases -theta/2, -theta/2, theta/2, theta/2, so that F_theta = v' B v.
    v = np.array([-0.5, -0.5, 0.5, 0.5])
    quantum = np.diag(qgeom.information_metric(c, theta).as_matrix())[3:]
    np.testing.assert_allclose(np.einsum("k,gkl,l->g", v, found.quantum, v), quantum, atol=1e-10)
    classical = np.diag(qgeom.classical_fisher(c, theta).as_matrix())[3:]
    np.testing.assert_allclose(np.einsum("k,gkl,l->g", v, found.observed, v), classical, atol=1e-10)


def test_the_global_phase_leaves_three_dimensions_at_most():
    c = circuits.brickwall(n_qubits=4, n_layers=3)
    found = phase_blocks(c, np.asarray(c.init(jax.random.key(0))), readout=(0,))
    np.testing.assert_allclose(found.quantum @ np.ones(4), 0.0, atol=1e-12)
    assert np.all(np.linalg.eigvalsh(found.quantum - found.observed) > -1e-10), (
        "measuring adds no information"
    )
    assert np.all(participation(found.quantum) <= 3.0 + 1e-9)
    assert participation(np.eye(4) - 0.25) == pytest.approx(3.0)


def test_projectors_resolve_a_degenerate_gate():
    parts = projectors(np.diag([1.0, 1.0, 1.0, -1.0]).astype(complex))
    np.testing.assert_allclose(parts.sum(axis=0), np.eye(4), atol=1e-12)
    np.testing.assert_allclose(parts @ parts, parts, atol=1e-12)


def test_gates_on_two_qubits_are_needed():
    with pytest.raises(ValueError, match="no gate on two qubits"):
        phase_blocks(circuits.Circuit(1, [gates.RY(P[0], 0)]), np.zeros(1))
