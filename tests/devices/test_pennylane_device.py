"""The PennyLane device: states, measurements, derivatives and samples, against closed forms and default.qubit."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from importlib.metadata import entry_points

import brute_force
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from random_circuits import random_circuit

qml = pytest.importorskip("pennylane")
device_tests = pytest.importorskip("pennylane.devices.tests")

from circuits.convert.pennylane import to_pennylane  # noqa: E402
from qgeom.devices.pennylane_device import QGeomDevice  # noqa: E402
from qgeom.devices.tape_states import taken_apart  # noqa: E402

pnp = qml.numpy


def on_both(function, n_wires):
    """The same quantum function on this device and on PennyLane's own."""
    return (
        qml.QNode(function, QGeomDevice(wires=n_wires)),
        qml.QNode(function, qml.device("default.qubit", wires=n_wires)),
    )


def test_pennylane_finds_the_device_by_its_name():
    assert "qgeom.jax" in {entry.name for entry in entry_points(group="pennylane.plugins")}
    device = qml.device("qgeom.jax", wires=2)
    assert isinstance(device, QGeomDevice)
    assert device.name == "qgeom.jax"


@pytest.mark.parametrize("seed", range(2))
def test_the_state_of_a_random_circuit_is_exact_in_phase_too(seed):
    circuit = random_circuit(3, 20, seed)
    theta = np.random.default_rng(seed).normal(size=circuit.n_parameters)
    tape = to_pennylane(circuit, theta).copy(measurements=[qml.state()])
    (found,) = qml.execute([tape], QGeomDevice(wires=3))
    np.testing.assert_allclose(found, brute_force.state(circuit, theta), atol=1e-12)


def rich_gates(x):
    qml.RX(x[0], 0)
    qml.GlobalPhase(x[1])
    qml.ctrl(qml.RY, [0, 1], control_values=[1, 0])(x[2], 2)
    qml.SingleExcitation(x[1], [0, 3])
    qml.QubitUnitary(np.array([[0.6, 0.8j], [0.8j, 0.6]]), 1)
    qml.BlockEncode(np.array([[0.1, 0.2], [0.3, 0.4]]), [3, 1])
    qml.SpecialUnitary(x, 2)
    qml.PCPhase(x[0], 3, [0, 1])


MEASUREMENTS = {
    "state": qml.state,
    "probs": lambda: qml.probs([2, 0]),
    "pauli": lambda: qml.expval(qml.X(0) @ qml.Y(2)),
    "hamiltonian": lambda: qml.expval(0.5 * qml.Z(0) - 1.5 * qml.X(1) @ qml.X(2) + 0.25 * qml.Identity(0)),
    "hermitian": lambda: qml.expval(qml.Hermitian(np.array([[1.0, 2j], [-2j, 0.5]]), 1)),
    "projector": lambda: qml.expval(qml.Projector([0, 1], [0, 3])),
    "sparse": lambda: qml.expval(qml.SparseHamiltonian(qml.Z(1).sparse_matrix(wire_order=[0, 1]), [0, 1])),
    "variance": lambda: qml.var(qml.Y(1) @ qml.Z(3)),
    "density matrix": lambda: qml.density_matrix([1]),
    "purity": lambda: qml.purity([0]),
    "entropy": lambda: qml.vn_entropy([0, 1]),
    "mutual information": lambda: qml.mutual_info([0], [2]),
}  # fmt: skip


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_a_measurement_gives_what_default_qubit_gives(name):
    x = np.array([0.7, -0.4, 1.9])

    def circuit(x):
        rich_gates(x)
        return MEASUREMENTS[name]()

    ours, theirs = on_both(circuit, 4)
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-10)
    if name != "sparse":  # no gradient in PennyLane either
        np.testing.assert_allclose(ours(jnp.asarray(x)), theirs(x), atol=1e-10)


def test_several_measurements_and_labels_of_wires():
    def circuit(t):
        qml.RX(t, "b")
        qml.CNOT(["b", "a"])
        return qml.expval(qml.Z("a")), qml.probs(["b", "c"]), qml.state()

    ours, theirs = on_both(circuit, ["c", "a", "b"])
    for found, expected in zip(ours(0.4), theirs(0.4), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_wires_of_a_device_without_wires_are_those_of_the_circuit():
    @qml.qnode(QGeomDevice())
    def circuit():
        qml.X("z")
        return qml.probs(["z"])

    np.testing.assert_allclose(circuit(), [0.0, 1.0], atol=1e-15)


def test_a_batch_of_parameters_is_one_execution():
    def circuit(x, matrix):
        qml.RX(x, 0)
        qml.QubitUnitary(matrix, 1)
        qml.CRot(x, 0.3, x, [0, 1])
        return qml.probs([0, 1]), qml.expval(qml.Z(1) + qml.X(0))

    ours, theirs = on_both(circuit, 2)
    x = np.linspace(0.1, 1.0, 5)
    matrices = np.stack([qml.matrix(qml.Rot(a, 0.2, 0.3, 0)) for a in x])
    for found, expected in zip(ours(x, matrices), theirs(x, matrices), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)
        assert np.shape(found)[0] == 5


def test_values_of_angles_compile_nothing_new():
    def structure(t, matrix):
        tape = qml.tape.QuantumScript([qml.RX(t, 0), qml.QubitUnitary(matrix, 1), qml.CZ([0, 1])])
        return taken_apart(tape, jnp.float64)[0]

    first = structure(0.1, np.eye(2))
    assert first == structure(0.2, np.diag([1, 1j]))
    assert hash(first) == hash(structure(0.2, np.diag([1, 1j])))


# Samples.


def sampled(device):
    @qml.set_shots(4000)
    @qml.qnode(device)
    def circuit(t):
        qml.RX(t, 0)
        qml.CNOT([0, 1])
        return qml.expval(qml.Z(1)), qml.sample(wires=[0, 1]), qml.counts(), qml.probs([0])

    return circuit


def test_samples_follow_born_and_a_seed_repeats_them():
    mean_z, samples, counts, p = sampled(QGeomDevice(wires=2, seed=7))(0.9)
    again = sampled(QGeomDevice(wires=2, seed=7))(0.9)
    np.testing.assert_array_equal(samples, again[1])
    assert samples.shape == (4000, 2)
    np.testing.assert_array_equal(samples[:, 0], samples[:, 1])
    assert set(counts) == {"00", "11"}
    deviation = np.sin(0.9) / np.sqrt(4000)
    assert abs(mean_z - np.cos(0.9)) < 5 * deviation
    assert abs(p[0] - np.cos(0.45) ** 2) < 5 * deviation
    assert not np.array_equal(samples, sampled(QGeomDevice(wires=2, seed=8))(0.9)[1])


def test_parameter_shift_differentiates_samples():
    @qml.set_shots(20000)
    @qml.qnode(QGeomDevice(wires=1, seed=1))
    def circuit(t):
        qml.RX(t, 0)
        return qml.expval(qml.Z(0))

    assert abs(qml.grad(circuit)(pnp.array(0.9)) + np.sin(0.9)) < 0.04
    assert abs(jax.grad(circuit)(jnp.array(0.9)) + np.sin(0.9)) < 0.04


def test_a_key_makes_sampling_traceable():
    @qml.set_shots(4000)
    @qml.qnode(QGeomDevice(wires=1, seed=jax.random.PRNGKey(3)))
    def circuit(t):
        qml.RX(t, 0)
        return qml.expval(qml.Z(0))

    outside, inside = circuit(jnp.array(0.9)), jax.jit(circuit)(jnp.array(0.9))
    assert abs(float(inside) - np.cos(0.9)) < 0.08
    assert abs(float(outside) - float(inside)) < 1e-12


def test_classical_shadows_of_a_batch():
    @qml.set_shots(50)
    @qml.qnode(QGeomDevice(wires=2, seed=3))
    def circuit(t):
        qml.RX(t, 0)
        return qml.classical_shadow([0, 1])

    assert np.shape(circuit(np.array([0.1, 0.2]))) == (2, 2, 50, 2)


# What is deferred, and what is refused.


def test_measurements_in_the_middle_are_deferred():
    @qml.qnode(QGeomDevice())
    def circuit(t):
        qml.RX(t, 0)
        m = qml.measure(0)
        qml.cond(m, qml.X)(1)
        return qml.expval(qml.Z(1))

    np.testing.assert_allclose(circuit(0.7), np.cos(0.7), atol=1e-14)


def refused_operation():
    qml.QubitDensityMatrix(np.diag([0.5, 0.5]), 0)
    return qml.expval(qml.Z(0))


def refused_channel():
    qml.BitFlip(0.1, 0)
    return qml.expval(qml.Z(0))


@pytest.mark.parametrize("function", [refused_operation, refused_channel])
def test_mixed_states_are_refused(function):
    with pytest.raises(qml.exceptions.DeviceError, match="not supported with qgeom.jax"):
        qml.QNode(function, QGeomDevice(wires=1))()


def test_other_refusals_say_what_there_is():
    @qml.set_shots(10)
    @qml.qnode(QGeomDevice(wires=1), mcm_method="one-shot")
    def one_shot():
        qml.measure(0)
        return qml.expval(qml.Z(0))

    with pytest.raises(qml.exceptions.DeviceError, match="has mcm_method 'deferred' only"):
        one_shot()
    keyed = QGeomDevice(wires=1, seed=jax.random.PRNGKey(0))
    counting = qml.set_shots(qml.QNode(lambda t: (qml.RX(t, 0), qml.counts())[1], keyed), 10)
    with pytest.raises(NotImplementedError, match="counts are no arrays"):
        jax.jit(counting)(jnp.array(0.3))
    config = qml.devices.ExecutionConfig(device_options={"speed": 1})
    with pytest.raises(qml.exceptions.DeviceError, match="has no device options, not speed"):
        QGeomDevice(wires=1).setup_execution_config(config)


@pytest.mark.slow
@pytest.mark.parametrize("shots", ["None", "20000"])
@pytest.mark.skipif(
    importlib.util.find_spec("flaky") is None or importlib.util.find_spec("pytest_mock") is None,
    reason="PennyLane's device tests need flaky and pytest-mock",
)
def test_the_device_passes_the_device_tests_of_pennylane(shots, tmp_path):
    command = [sys.executable, "-m", "pytest", device_tests.get_device_tests(), "--device=qgeom.jax"]
    options = [f"--shots={shots}", "--skip-ops", "--no-flaky-report", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, *options], cwd=tmp_path, env=os.environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:]
