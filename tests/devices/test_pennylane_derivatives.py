"""Derivatives of QNodes on the PennyLane device, by every method and interface, and their precision."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

qml = pytest.importorskip("pennylane")

from qgeom.devices.pennylane_device import QGeomDevice  # noqa: E402

pnp = qml.numpy


def on_both(function, n_wires):
    """The same quantum function on this device and on PennyLane's own."""
    return (
        qml.QNode(function, QGeomDevice(wires=n_wires)),
        qml.QNode(function, qml.device("default.qubit", wires=n_wires)),
    )


def rotations(x):
    """<Z0> = cos x0 cos x1, <X1> = sin x2 sin x3 ... on two qubits without entanglement: derivatives in closed form."""
    qml.RY(x[0], 0)
    qml.RX(x[1], 0)
    qml.RX(x[2], 1)
    return qml.expval(qml.Z(0) @ qml.Z(1))


def mean(x):
    return np.cos(x[0]) * np.cos(x[1]) * np.cos(x[2])


def gradient(x):
    c, s = np.cos(x), np.sin(x)
    return -np.array([s[0] * c[1] * c[2], c[0] * s[1] * c[2], c[0] * c[1] * s[2]])


def hessian(x):
    t = np.tan(x)
    full = np.outer(t, t)
    np.fill_diagonal(full, -1.0)
    return mean(x) * full


POINT = np.array([0.4, -0.7, 1.1])


@pytest.mark.parametrize("method", ["best", "adjoint", "parameter-shift"])
def test_autograd_differentiates_by_every_method(method):
    circuit = qml.QNode(rotations, QGeomDevice(wires=2), diff_method=method)
    found = qml.grad(circuit)(pnp.array(POINT))
    np.testing.assert_allclose(found, gradient(POINT), atol=1e-10)


@pytest.mark.parametrize("method", ["best", "adjoint", "parameter-shift"])
def test_jax_differentiates_by_every_method(method):
    circuit = qml.QNode(rotations, QGeomDevice(wires=2), diff_method=method)
    np.testing.assert_allclose(jax.grad(circuit)(jnp.asarray(POINT)), gradient(POINT), atol=1e-10)


def test_gradients_and_tangents_of_a_qnode_are_traceable():
    circuit = qml.QNode(rotations, QGeomDevice(wires=2))
    x = jnp.asarray(POINT)
    np.testing.assert_allclose(jax.jit(jax.grad(circuit))(x), gradient(POINT), atol=1e-12)
    direction = np.array([1.0, 2.0, -1.0])
    _, tangent = jax.jvp(circuit, (x,), (jnp.asarray(direction),))
    np.testing.assert_allclose(tangent, gradient(POINT) @ direction, atol=1e-12)


@pytest.mark.slow
def test_jax_gives_second_derivatives_and_batches_of_a_qnode():
    circuit = qml.QNode(rotations, QGeomDevice(wires=2))
    np.testing.assert_allclose(jax.hessian(circuit)(jnp.asarray(POINT)), hessian(POINT), atol=1e-10)
    points = np.stack([POINT, POINT + 0.3])
    np.testing.assert_allclose(jax.vmap(circuit)(jnp.asarray(points)), [mean(p) for p in points], atol=1e-12)


@pytest.mark.slow
def test_autograd_gives_second_derivatives():
    circuit = qml.QNode(rotations, QGeomDevice(wires=2), diff_method="backprop", max_diff=2)
    found = qml.jacobian(qml.grad(circuit))(pnp.array(POINT))
    np.testing.assert_allclose(found, hessian(POINT), atol=1e-10)


def test_autograd_differentiates_states_and_several_results():
    def circuit(x):
        qml.RY(x[0], 0)
        qml.CRX(x[1], [0, 1])
        return qml.state(), qml.probs([1])

    def cost(qnode):
        def of(x):
            psi, p = qnode(x)
            return pnp.abs(psi[1] + 2.0 * psi[3]) ** 2 + p[0] * p[1]

        return of

    ours, theirs = on_both(circuit, 2)
    x = pnp.array([0.4, 0.9])
    np.testing.assert_allclose(qml.grad(cost(ours))(x), qml.grad(cost(theirs))(x), atol=1e-10)


@pytest.mark.parametrize("device_vjp", [True, False])
def test_jacobian_products_of_several_results(device_vjp):
    def circuit(x):
        qml.RY(x[0], 0)
        qml.CRX(x[1], [0, 1])
        return qml.expval(qml.Z(1)), qml.probs([1]), qml.var(qml.X(0))

    def results(device, **options):
        qnode = qml.QNode(circuit, device, **options)
        return lambda x: pnp.hstack(qnode(x))

    x = pnp.array([0.4, 0.9])
    ours = results(QGeomDevice(wires=2), diff_method="device", device_vjp=device_vjp)
    theirs = results(qml.device("default.qubit", wires=2))
    np.testing.assert_allclose(qml.jacobian(ours)(x), qml.jacobian(theirs)(x), atol=1e-10)


def test_coefficients_and_matrices_are_differentiated():
    def circuit(c, angle):
        qml.RX(0.4, 0)
        qml.QubitUnitary(jnp.array([[jnp.cos(angle), -jnp.sin(angle)], [jnp.sin(angle), jnp.cos(angle)]]), 0)
        return qml.expval(qml.dot(c, [qml.Z(0), qml.X(0)]))

    qnode = qml.QNode(circuit, QGeomDevice(wires=1))
    by_c, by_angle = jax.grad(qnode, argnums=(0, 1))(jnp.array([3.0, 2.0]), 0.3)
    # R rotates the Bloch vector (0, -sin .4, cos .4) by 2 x 0.3 about y
    np.testing.assert_allclose(by_c, np.cos(0.4) * np.array([np.cos(0.6), np.sin(0.6)]), atol=1e-12)
    np.testing.assert_allclose(by_angle, np.cos(0.4) * (-6 * np.sin(0.6) + 4 * np.cos(0.6)), atol=1e-12)


def test_what_has_no_device_derivative_is_said():
    @qml.qnode(QGeomDevice(wires=1), diff_method="adjoint")
    def circuit(x):
        qml.RX(x, 0)
        return qml.state()

    with pytest.raises(qml.exceptions.QuantumFunctionError, match="does not support adjoint"):
        circuit(pnp.array(0.3))


# Precision.


def test_numpy_is_computed_in_double_precision_while_x64_is_off():
    circuit = qml.QNode(rotations, QGeomDevice(wires=2))
    with jax.enable_x64(False):
        assert abs(circuit(POINT) - mean(POINT)) < 1e-14
        np.testing.assert_allclose(qml.grad(circuit)(pnp.array(POINT)), gradient(POINT), atol=1e-14)
        single = circuit(jnp.asarray(POINT))
    assert single.dtype == jnp.float32
    assert circuit(jnp.asarray(POINT, jnp.float32)).dtype == jnp.float32


def test_a_qnode_without_jax_arguments_runs_inside_jit():
    circuit = qml.QNode(rotations, QGeomDevice(wires=2))

    @jax.jit
    def shifted(y):
        return y + circuit(POINT)

    np.testing.assert_allclose(shifted(1.0), 1.0 + mean(POINT), atol=1e-14)
