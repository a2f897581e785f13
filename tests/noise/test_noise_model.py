"""Noise models: which channel acts where; readout errors; what is refused."""

from __future__ import annotations

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import qgeom
from circuits import gates
from circuits.circuit import Circuit
from circuits.noise import (
    AmplitudeDamping,
    Depolarizing,
    JointReadoutError,
    MeasuredNoisy,
    NoiseModel,
    NoisyCircuit,
    ReadoutError,
    VariedNoise,
)
from tests.noise.brute_noise import density


def places(noise: NoiseModel, op) -> list:
    return noise.rules[0].places(op)


def test_a_channel_on_one_qubit_acts_on_every_wire_of_a_gate():
    assert places(NoiseModel().after(Depolarizing(0.1)), gates.CCX(2, 0, 1)) == [(2,), (0,), (1,)]
    assert places(NoiseModel().after(Depolarizing(0.1), wires=(0, 5)), gates.CCX(2, 0, 1)) == [(0,)]
    assert places(NoiseModel().after(Depolarizing(0.1), gates=("H",)), gates.CCX(2, 0, 1)) == []


def test_a_channel_on_two_qubits_follows_gates_on_two_wires_in_their_order():
    noise = NoiseModel().after(Depolarizing(0.1, 2))
    assert places(noise, gates.CX(3, 1)) == [(3, 1)]
    assert places(noise, gates.H(3)) == []
    one = NoiseModel().after(Depolarizing(0.1, 2), gates=("CX",), wires=(1, 3))
    assert places(one, gates.CX(3, 1)) == []
    assert places(one, gates.CX(1, 3)) == [(1, 3)]


def test_models_are_values():
    def make(p: float) -> NoiseModel:
        return NoiseModel().after(Depolarizing(p), gates=("X",)).with_readout(ReadoutError(p, 0.2))

    assert make(0.1) == make(0.1)
    assert hash(make(0.1)) == hash(make(0.1))
    assert make(0.1) != make(0.2)
    assert make(0.1).form == make(0.2).form
    np.testing.assert_array_equal(make(0.1).strengths, [0.1, 0.1, 0.2])
    assert len(make(0.1).strength_names) == 3
    assert pickle.loads(pickle.dumps(make(0.3))) == make(0.3)
    noisy = NoisyCircuit(Circuit(1, [gates.X(0)]), make(0.1))
    assert pickle.loads(pickle.dumps(noisy)) == noisy


def test_restricted_models_have_only_the_qubits_that_are_there():
    noise = (
        NoiseModel()
        .after(Depolarizing(0.1), wires=(5,))
        .after(Depolarizing(0.1))
        .with_readout(ReadoutError(0.1, 0.1), wires=(6,))
        .with_readout(ReadoutError(0.2, 0.1))
    )
    small = noise.restricted(3)
    assert len(small.rules) == 1
    assert len(small.readout) == 1
    assert noise.restricted(7) == noise


def test_readout_errors_mix_the_outcomes_of_the_noisy_circuit():
    circuit = circuits.hardware_efficient(3, 1, rotations=("RY",), entangler="CX")
    theta = circuit.init(jax.random.key(2))
    joint = np.random.default_rng(0).dirichlet(np.ones(4), size=4)
    noise = (
        NoiseModel()
        .after(AmplitudeDamping(0.2))
        .with_readout(ReadoutError(0.1, 0.25), wires=(1,))
        .with_readout(JointReadoutError(joint), wires=(2, 0))
    )
    p = np.diag(density(circuit, noise, theta)).real.reshape(2, 2, 2)
    single = np.array([[0.9, 0.25], [0.1, 0.75]])  # p(read | true)
    table = joint.reshape(2, 2, 2, 2)  # true 2, true 0, read 2, read 0
    expected = np.einsum("abc,yb,caze->eyz", p, single, table).reshape(-1)
    np.testing.assert_allclose(MeasuredNoisy(circuit, noise)(theta).probabilities, expected, atol=1e-14)
    some = MeasuredNoisy(circuits.Measured(circuit, wires=(2, 0), classes=(0, 1, 1, 0)), noise)
    marginal = expected.reshape(2, 2, 2).sum(axis=1).T.reshape(-1)
    np.testing.assert_allclose(
        some(theta).probabilities, [marginal[[0, 3]].sum(), marginal[[1, 2]].sum()], atol=1e-14
    )
    assert some.n_outcomes == 2
    curve = some.curve(theta).probabilities
    assert curve.shape == (len(circuit.layers) + 1, 2)
    np.testing.assert_allclose(curve[-1], some(theta).probabilities, atol=1e-14)


def test_a_default_readout_error_leaves_wires_with_their_own_alone():
    circuit = Circuit(2, [gates.X(1)])
    noise = NoiseModel().with_readout(ReadoutError(0.1, 0.0)).with_readout(ReadoutError(0.0, 0.3), wires=(1,))
    found = MeasuredNoisy(circuit, noise)(jnp.zeros(0)).probabilities
    np.testing.assert_allclose(found, np.kron([0.9, 0.1], [0.3, 0.7]), atol=1e-15)


def test_classical_fisher_of_a_misread_qubit_has_its_closed_form():
    # p_1 = (1 - c cos t)/2 + d with contrast c = 1 - e_0 - e_1: F = (c sin t / 2)^2 / (p_1 p_0)
    e0, e1, t = 0.07, 0.15, 0.9
    noise = NoiseModel().with_readout(ReadoutError(e0, e1))
    circuit = Circuit(1, [gates.RY(circuits.Param(0), 0)])
    found = qgeom.information_metric(MeasuredNoisy(circuit, noise), jnp.array([t])).as_matrix()
    one = e0 + (1 - e0 - e1) * np.sin(t / 2) ** 2
    slope = 0.5 * (1 - e0 - e1) * np.sin(t)
    np.testing.assert_allclose(found, [[slope**2 / (one * (1 - one))]], rtol=1e-12)


def test_readout_strengths_are_swept_too():
    circuit = Circuit(1, [gates.X(0)])
    varied = VariedNoise(MeasuredNoisy(circuit, NoiseModel().with_readout(ReadoutError(0.0, 0.0))))
    found = varied((jnp.zeros(0), jnp.array([0.1, 0.3]))).probabilities
    np.testing.assert_allclose(found, [0.3, 0.7], atol=1e-15)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda n: n.after(Depolarizing(0.1), gates=("RXYZ",)), ValueError, "unknown gate 'RXYZ'"),
        (lambda n: n.after(Depolarizing(0.1, 2), gates=("H",)), ValueError, "cannot follow H"),
        (lambda n: n.after(Depolarizing(0.1, 2), wires=(0,)), ValueError, "as many wires"),
        (lambda n: n.after(0.1), TypeError, "takes channels"),
        (lambda n: n.after(Depolarizing(0.1), wires=(-1,)), ValueError, "0 or more"),
        (lambda n: n.with_readout(0.1), TypeError, "ReadoutError"),
        (lambda n: n.with_readout(JointReadoutError(np.eye(4))), ValueError, "needs its wires"),
        (lambda n: n.with_readout(ReadoutError(0.1, 0.1), wires=(0, 1)), ValueError, "as many wires"),
        (
            lambda n: n.with_readout(ReadoutError(0.1, 0.1)).with_readout(ReadoutError(0.2, 0.1)),
            ValueError,
            "already",
        ),
        (lambda n: ReadoutError(1.2, 0.0), ValueError, "probability"),
        (lambda n: JointReadoutError(np.eye(3)), ValueError, r"\(2\^k, 2\^k\)"),
        (lambda n: JointReadoutError(0.9 * np.eye(4)), ValueError, "adds up to 1"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(make, error, message):
    with pytest.raises(error, match=message) as refusal:
        make(NoiseModel())
    assert "\n" not in str(refusal.value)
