"""Arguments of PennyLane's functions as parameters, inputs and constants, and the angles that they give."""

from __future__ import annotations

import math
import pickle

import brute_force
import jax
import jax.numpy as jnp
import numpy as np
import pytest

qml = pytest.importorskip("pennylane")

from pennylane_matrices import same_ray  # noqa: E402

from circuits import Circuit, Input, Param, gates  # noqa: E402
from circuits.convert.pennylane import from_pennylane  # noqa: E402
from circuits.reparametrised import Reparametrised  # noqa: E402
from qgeom.information import information_metric  # noqa: E402

pnp = qml.numpy


def test_arguments_that_are_no_parameters_stay_constants():
    def circuit(x, n, flag, name, frozen, z):
        for k in range(n):
            qml.RX(x[k], k)
        if flag and name == "yes":
            qml.RY(frozen, 0)
        qml.QubitUnitary(np.diag([1, z]), 1)

    description = from_pennylane(
        circuit, np.array([0.1, 0.2]), 2, True, "yes", pnp.array(0.7, requires_grad=False), 1j
    )
    assert description.parameter_names == ("x[0]", "x[1]")
    assert isinstance(description, Circuit)
    assert description.ops[2].angles[0].offset == 0.7


def test_argnums_choose_the_parameters():
    def circuit(x, w):
        qml.RX(x, 0)
        qml.RY(w, 0)

    assert from_pennylane(circuit, 0.5, 0.25, argnums=1).parameter_names == ("w",)
    assert from_pennylane(circuit, 0.5, 0.25, argnums=(0, 1)).parameter_names == ("x", "w")
    with pytest.raises(ValueError, match="argument 2 is not among the 2"):
        from_pennylane(circuit, 0.5, 0.25, argnums=2)
    with pytest.raises(TypeError, match="'w' must be real numbers, not complex128"):
        from_pennylane(circuit, 0.5, 0.25j, argnums=1)


def test_an_input_argument_becomes_x():
    def circuit(x, w):
        qml.RX(x[0] * w[0], 0)
        qml.RY(x[1] * np.pi, 1)
        qml.RZ(w[1] + 0.5, 1)

    description = from_pennylane(circuit, np.zeros(2), np.zeros(2), input_argnum=0)
    expected = Circuit(
        2,
        [
            gates.RX(Param(0) * Input(0), 0),
            gates.RY(Input(1, scale=math.pi), 1),
            gates.RZ(Param(1) + 0.5, 1),
        ],
    )
    assert isinstance(description, Circuit)
    assert description.named(None) == expected
    with pytest.raises(ValueError, match="must be a one-dimensional array"):
        from_pennylane(circuit, np.zeros((2, 2)), np.zeros(2), input_argnum=0)
    with pytest.raises(ValueError, match="both as trainable and as the input"):
        from_pennylane(circuit, np.zeros(2), np.zeros(2), input_argnum=0, argnums=(0, 1))


def test_sums_of_parameters_share_them_between_gates():
    def circuit(a, b):
        qml.RX(a + 2 * b - 1, 0)
        qml.RX(-b, 0)

    description = from_pennylane(circuit, 0.1, 0.2)
    assert isinstance(description, Circuit)
    assert [(p.index, p.scale, p.offset) for op in description.ops for p in op.angles] == [
        (0, 1.0, -1.0),
        (1, 2.0, 0.0),
        (1, -1.0, 0.0),
    ]


def test_other_functions_of_parameters_are_differentiated():
    def circuit(a, b):
        qml.RX(jnp.sin(a) * b**2, 0)
        qml.CNOT([0, 1])
        qml.RY(jnp.sqrt(a) / b, 1)

    description = from_pennylane(circuit, 0.5, 0.25)
    assert isinstance(description, Reparametrised)
    assert pickle.loads(pickle.dumps(description)) == description
    theta = jnp.array([0.7, 0.4])
    np.testing.assert_allclose(
        description.angles(theta), [math.sin(0.7) * 0.16, math.sqrt(0.7) / 0.4], rtol=1e-14
    )
    jacobian = np.array(
        [[math.cos(0.7) * 0.16, math.sin(0.7) * 0.8], [0.5 / math.sqrt(0.7) / 0.4, -math.sqrt(0.7) / 0.16]]
    )
    inner = brute_force.qfim(description.circuit, np.asarray(description.angles(theta)))
    expected = jacobian.T @ inner @ jacobian
    np.testing.assert_allclose(information_metric(description, theta).as_matrix(), expected, atol=1e-9)


def test_a_network_in_front_of_the_circuit_is_differentiated():
    def circuit(weights, bias, unused):
        hidden = jnp.tanh(weights @ jnp.array([0.3, -0.2]) + bias)
        qml.AngleEmbedding(hidden, wires=range(2))
        qml.CNOT([0, 1])
        qml.RZ(0.5, 1)

    rng = np.random.default_rng(8)
    weights, bias = rng.normal(size=(2, 2)), rng.normal(size=2)
    description = from_pennylane(circuit, weights, bias, 1.0)
    assert isinstance(description, Reparametrised)
    assert description.parameter_names[:2] == ("weights[0,0]", "weights[0,1]")
    assert description.n_parameters == 7
    assert description.nodes[0].parameters == (0, 1, 4)
    assert description.nodes[1].parameters == (2, 3, 5)
    theta = jnp.concatenate([weights.ravel(), bias, np.ones(1)])
    hidden = np.tanh(weights @ [0.3, -0.2] + bias)
    np.testing.assert_allclose(description.angles(theta), hidden, rtol=1e-14)
    assert same_ray(
        description(theta).vector,
        brute_force.state(
            Circuit(2, [gates.RX(hidden[0], 0), gates.RX(hidden[1], 1), gates.CX(0, 1), gates.RZ(0.5, 1)])
        ),
    )
    assert information_metric(description, theta).rank() == 2
    single = description(theta.astype(jnp.float32)).vector
    assert single.dtype == jnp.complex64


def test_control_flow_on_a_parameter_is_refused():
    def circuit(a):
        if a > 0:
            qml.RX(a, 0)

    with pytest.raises(ValueError, match="gates depend on the value of a trainable argument"):
        from_pennylane(circuit, 0.5)
    constant = from_pennylane(circuit, 0.5, argnums=())
    assert constant.n_parameters == 0


def test_it_converts_in_double_precision_while_x64_is_off():
    def circuit(a):
        qml.RX(a + np.pi, 0)

    with jax.enable_x64(False):
        description = from_pennylane(circuit, 0.5)
    assert description.ops[0].angles[0].offset == math.pi
