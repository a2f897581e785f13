"""Circuits as values: equality, hashing, algebra, names, layers, checks; and states against dense NumPy matrices."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator

import brute_force
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuits
from circuits import gates
from circuits.circuit import Circuit, check_parameters
from circuits.gates import CX, CZ, RX, RY, RZ, RZZ, H, Input, Op, Param, X
from circuits.measured import Measured, modulo_classes, parity_classes

THETA = np.array([0.3, -1.2, 2.2, 0.7])
INPUT = np.array([0.4, -0.9])


def small() -> Circuit:
    """Three qubits, a shared parameter, a scaled one, inputs, and gates out of order in time."""
    ops = [
        H(0),
        RX(Param(0), 0),
        RZ(2 * Param(1) + 0.5, 1),
        CX(0, 1),
        RZZ(-Param(0), 1, 2),
        gates.PauliRotation(Param(2), "XZ", (0, 2)),
        RY(Param(3) * Input(1), 0),
        gates.P(Input(0, 2.0), 2),
        gates.ISWAP(2, 0),
        gates.U3(0.1, Param(2), 0.2, 1),
    ]
    return Circuit(3, ops)


# States.


def test_state_is_that_of_dense_matrices():
    np.testing.assert_allclose(
        small()(THETA, INPUT).vector, brute_force.state(small(), THETA, INPUT), atol=1e-14
    )


def test_curve_runs_from_the_zero_state_to_the_state_layer_by_layer():
    c = small()
    curve = np.asarray(c.curve(THETA, INPUT).vector)
    assert curve.shape == (len(c.layers) + 1, 8)
    np.testing.assert_allclose(curve[0], np.eye(8)[0], atol=1e-15)
    stop = sum(c.layers[:3])
    half = brute_force.unitary_of_ops(c.layered_ops[:stop], 3, THETA, INPUT)[:, 0]
    np.testing.assert_allclose(curve[3], half, atol=1e-14)
    np.testing.assert_allclose(curve[-1], brute_force.state(c, THETA, INPUT), atol=1e-14)


@settings(max_examples=10, deadline=None)
@given(
    theta=st.lists(st.floats(-20, 20), min_size=4, max_size=4),
    x=st.lists(st.floats(-5, 5), min_size=2, max_size=2),
)
def test_angles_are_affine_in_parameters_and_inputs(theta, x):
    c = small()
    expected = np.concatenate([brute_force.angle_values(op, theta, x) for op in c.ops])
    np.testing.assert_allclose(c.angles(np.array(theta), np.array(x)), expected, atol=1e-12)


def test_precision_follows_the_parameters():
    assert small()(THETA.astype(np.float32), INPUT).vector.dtype == jnp.complex64
    assert small()(THETA, INPUT.astype(np.float32)).vector.dtype == jnp.complex128


def test_states_batch_over_parameters_and_inputs():
    c = small()
    thetas = np.stack([THETA, 2 * THETA])
    batch = jax.vmap(c, in_axes=(0, None))(jnp.asarray(thetas), jnp.asarray(INPUT))
    np.testing.assert_allclose(batch.vector[1], brute_force.state(c, thetas[1], INPUT), atol=1e-14)


# Values.


def test_equal_circuits_are_equal_and_hash_alike():
    assert small() == small()
    assert hash(small()) == hash(small())
    assert small() != Circuit(3, small().ops[:-1] + (gates.U3(0.1, Param(2), 0.3, 1),))
    assert Circuit(2, [CX(0, 1)]) != Circuit(2, [CX(1, 0)])
    assert Circuit(2, [X(0)]) != Circuit(3, [X(0)])
    assert Circuit(2, [X(0), X(1)], layers=(1, 1)) != Circuit(2, [X(0), X(1)])
    assert Circuit(1, [RX(0.0, 0)]) == Circuit(1, [RX(-0.0, 0)])
    assert small() != 3


def test_the_arity_of_gates_is_a_part_of_their_value():
    one = Circuit(3, [gates.MultiControlledPhase(0.1, (0, 1)), gates.MultiControlledPhase(0.1, (2,))])
    two = Circuit(3, [gates.MultiControlledPhase(0.1, (0,)), gates.MultiControlledPhase(0.1, (1, 2))])
    assert one != two


def test_circuits_survive_pickling():
    again = pickle.loads(pickle.dumps(small()))
    assert again == small()
    assert again.ops == small().ops


def test_an_equal_circuit_does_not_compile_again():
    traced = []

    def f(circuit, theta):
        traced.append(circuit)
        return circuit.angles(theta)

    compiled = jax.jit(f, static_argnums=0)
    for _ in range(2):
        compiled(Circuit(1, [RX(Param(0), 0)]), jnp.ones(1))
    assert len(traced) == 1


def test_circuits_are_immutable():
    c = small()
    with pytest.raises(AttributeError, match="immutable"):
        c.ops = ()
    with pytest.raises(ValueError, match="read-only"):
        c.angle_table.scale[0] = 2.0


def test_repr_says_what_it_is():
    assert repr(small()) == "Circuit(n_qubits=3, gates=10, layers=7, n_parameters=4, n_inputs=2)"


def test_fifty_thousand_gates_are_built_in_seconds():
    ops = [RY(Param(k), k % 10) for k in range(50_000)]
    start = time.perf_counter()
    c = Circuit(10, ops)
    assert (c.n_parameters, len(c.layers)) == (50_000, 5_000)
    assert time.perf_counter() - start < 5.0


# Structure.


def test_layers_are_moments_unless_given():
    c = Circuit(3, [H(0), H(0), CX(0, 1), X(2), X(2)])
    assert c.layers == (2, 2, 1)
    assert [op.name for op in c.layered_ops] == ["H", "X", "H", "X", "CX"]
    given_layers = Circuit(3, c.ops, layers=[4, 1])
    assert given_layers.layers == (4, 1)
    assert given_layers.layered_ops == c.ops
    assert Circuit(2, []).layers == ()


def test_layered_gates_are_the_same_unitary():
    c = small()
    layered = brute_force.unitary_of_ops(c.layered_ops, 3, THETA, INPUT)
    np.testing.assert_allclose(layered, brute_force.unitary(c, THETA, INPUT), atol=1e-14)


def test_nodes_are_gates_and_wires_join_neighbours_on_a_qubit():
    c = Circuit(3, [H(0), RY(Param(0), 1), CX(0, 1), RZZ(Param(1), 0, 1), RX(Param(0), 2)])
    assert [node.kind for node in c.nodes] == ["H", "RY", "CX", "RZZ", "RX"]
    assert [node.parameters for node in c.nodes] == [(), (0,), (), (1,), (0,)]
    assert [node.layer for node in c.nodes] == [0, 0, 1, 2, 0]
    assert c.wires == ((0, 2), (1, 2), (2, 3))


def test_parameter_names_are_unique_and_name_the_gate():
    c = Circuit(2, [RY(Param(0), 0), RZZ(Param(1), 0, 1), RY(Param(2), 0), RX(Param(2), 1)])
    assert c.parameter_names == ("RY[q0]#0", "RZZ[q0,q1]#1", "RY|RX[2 gates]#2")


# New circuits from old.


def test_sum_runs_one_circuit_after_the_other_with_parameters_side_by_side():
    c = Circuit(2, [RX(Param(0), 0), CX(0, 1)])
    d = Circuit(2, [RY(Param(0), 1), RZ(Param(1), 0)], layers=(2,))
    both = c + d
    theta = np.array([0.1, 0.2, 0.3])
    assert both.layers == (1, 1, 2)
    expected = brute_force.unitary(d, theta[1:]) @ brute_force.unitary(c, theta[:1])
    np.testing.assert_allclose(brute_force.unitary(both, theta), expected, atol=1e-14)


def test_a_circuit_and_its_inverse_are_the_identity():
    c = small()
    both = c + c.inverse()
    np.testing.assert_allclose(
        brute_force.unitary(both, np.concatenate([THETA, THETA]), INPUT), np.eye(8), atol=1e-14
    )


def test_repeat_has_fresh_or_shared_parameters():
    c = Circuit(2, [RX(Param(0), 0), CX(0, 1)])
    assert c.repeat(3).n_parameters == 3
    assert c.repeat(3, shared=True).n_parameters == 1
    assert c.repeat(2) == c + c
    np.testing.assert_allclose(
        brute_force.unitary(c.repeat(3, shared=True), [0.4]),
        np.linalg.matrix_power(brute_force.unitary(c, [0.4]), 3),
        atol=1e-14,
    )


def test_bind_fixes_parameters_and_keeps_inputs():
    bound = small().bind(THETA)
    assert (bound.n_parameters, bound.n_inputs) == (0, 2)
    np.testing.assert_allclose(
        brute_force.state(bound, (), INPUT), brute_force.state(small(), THETA, INPUT), atol=1e-14
    )


def test_remap_shares_parameters():
    c = small().remap([0, 1, 1, 0])
    assert c.n_parameters == 2
    expected = brute_force.state(small(), [0.3, 0.8, 0.8, 0.3], INPUT)
    np.testing.assert_allclose(brute_force.state(c, [0.3, 0.8], INPUT), expected, atol=1e-14)


def test_init_is_uniform_and_reproducible():
    c = circuits.hardware_efficient(4, 50)
    theta = c.init(jax.random.key(0))
    assert theta.shape == (400,)
    assert theta.dtype == jnp.float64
    assert c.init(jax.random.key(0), jnp.float32).dtype == jnp.float32
    assert -np.pi <= theta.min() < -2.8
    assert 2.8 < theta.max() < np.pi
    np.testing.assert_array_equal(theta, c.init(jax.random.key(0)))


# Errors.


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Circuit(0, []), "at least 1 qubit, not 0"),
        (lambda: Circuit(2.0, []), "must be an integer"),
        (
            lambda: Circuit(2, [H(0), CX(0, 2)]),
            r"CX\[q0,q2\] acts on a missing qubit: the circuit has qubits 0 to 1",
        ),
        (lambda: Circuit(2, [Op("CZ", (1, 1))]), "acts twice on the same qubit"),
        (lambda: Circuit(2, [Op("RQ", (1,))]), "unknown gate 'RQ'"),
        (lambda: Circuit(2, [Op("RX", (1,))]), "takes 1 angle"),
        (lambda: Circuit(2, [Op("CX", (1,))]), "takes 2 wire"),
        (lambda: Circuit(2, [Op("H", (1.0,))]), "wires must be Python integers"),
        (lambda: Circuit(2, [Op("RX", (1,), (0.3,))]), "must be Params"),
        (lambda: Circuit(2, [Op("PAULIROT", (1,), (Param(0),), "XX")]), "one letter X, Y or Z per wire"),
        (lambda: Circuit(2, ["H"]), "made of gates"),
        (lambda: Circuit(2, [RX(Param(0), 0), RX(Param(2), 0)]), "parameter 1 is used by no gate"),
        (lambda: Circuit(2, [RX(Param(10**15), 0)]), "parameter 0 is used by no gate"),
        (lambda: Circuit(2, [H(0)], layers=(1, 1)), "add up to the 1 gates, not 2"),
        (lambda: Circuit(2, []) + Circuit(3, []), "2 and 3 qubits cannot be joined"),
        (lambda: Circuit(2, []).repeat(0), "1 or more times"),
        (lambda: small().remap([0, 1]), "one per parameter"),
        (lambda: small().remap([0, 1, 3, 0]), "parameter 2 is used by no gate"),
        (lambda: small().draw("svg"), "'text' or 'mpl'"),
    ],
)
def test_bad_circuits_are_refused_in_one_line(build, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        build()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("theta", "x", "message"),
    [
        (THETA[:3], INPUT, r"theta must have shape \(4,\).*jax.vmap"),
        (THETA[None], INPUT, r"theta must have shape \(4,\)"),
        (THETA * np.nan, INPUT, "theta holds NaN"),
        (jnp.asarray(THETA) / 0.0, INPUT, "theta holds NaN or infinity"),
        (np.arange(4), INPUT, "real floating-point"),
        (THETA * 1j, INPUT, "real numbers, not complex128"),
        (THETA.astype(np.float16), INPUT, "float32 or float64"),
        (["a"] * 4, INPUT, "real numbers"),
        (THETA, None, r"needs an input x of shape \(2,\)"),
        (THETA, INPUT[:1], r"x must have shape \(2,\), one sample"),
        (THETA, INPUT * np.nan, "x holds NaN"),
    ],
)
def test_bad_parameters_are_refused_in_one_line(theta, x, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        small()(theta, x)
    assert "\n" not in str(error.value)


def test_an_input_that_the_circuit_does_not_take_is_refused():
    with pytest.raises(ValueError, match="takes no input"):
        Circuit(1, [H(0)])(np.zeros(0), INPUT)


@pytest.fixture
def without_x64() -> Iterator[None]:
    jax.config.update("jax_enable_x64", False)
    yield
    jax.config.update("jax_enable_x64", True)


def test_float64_without_x64_is_refused_and_float32_works(without_x64):
    c = Circuit(1, [RX(Param(0), 0)])
    for theta in (np.ones(1), [1.0]):
        with pytest.raises(ValueError, match="jax_enable_x64"):
            check_parameters(c, theta)
    with pytest.raises(ValueError, match="jax_enable_x64"):
        c.init(jax.random.key(0))
    assert c.angles(np.ones(1, np.float32)).dtype == jnp.float32


# Measured circuits.


def test_measured_probabilities_are_those_of_the_state():
    c = small()
    p = np.abs(brute_force.state(c, THETA, INPUT)) ** 2
    np.testing.assert_allclose(Measured(c)(THETA, INPUT).probabilities, p, atol=1e-14)
    swapped = p.reshape(2, 2, 2).sum(1).T.ravel()
    np.testing.assert_allclose(Measured(c, (2, 0))(THETA, INPUT).probabilities, swapped, atol=1e-14)


def test_classes_group_outcomes():
    c = small()
    p = np.abs(brute_force.state(c, THETA, INPUT)) ** 2
    parity = Measured(c, classes=parity_classes(3))(THETA, INPUT).probabilities
    odd = p[[1, 2, 4, 7]].sum()
    np.testing.assert_allclose(parity, [1 - odd, odd], atol=1e-14)
    thirds = Measured(c, classes=modulo_classes(3, 3))
    np.testing.assert_allclose(
        thirds(THETA, INPUT).probabilities, [p[0::3].sum(), p[1::3].sum(), p[2::3].sum()], atol=1e-14
    )
    assert thirds.curve(THETA, INPUT).probabilities.shape == (len(c.layers) + 1, 3)


def test_measured_circuits_are_values():
    m = Measured(small(), (0, 2), parity_classes(2))
    assert m == pickle.loads(pickle.dumps(m))
    assert hash(m) == hash(Measured(small(), [0, 2], [0, 1, 1, 0]))
    assert m != Measured(small(), (2, 0), parity_classes(2))
    assert (m.n_outcomes, m.n_parameters, m.n_inputs) == (2, 4, 2)
    assert m.nodes == small().nodes
    with pytest.raises(AttributeError, match="immutable"):
        m.classes = None


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Measured(small(), (0, 3)), "different qubits from 0 to 2"),
        (lambda: Measured(small(), (0, 0)), "different qubits from 0 to 2"),
        (lambda: Measured(small(), ()), "at least one"),
        (lambda: Measured(small(), (0,), (0, 1, 2)), "2 integers, one per outcome"),
        (lambda: Measured(small(), (0,), (0, 2)), "each used by some outcome"),
        (lambda: modulo_classes(2, 5), "n_classes must be 1 to that"),
    ],
)
def test_bad_measurements_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_a_ring_of_cz_on_two_qubits_is_one_gate():
    assert circuits.hardware_efficient(2, 1, rotations=()).ops == (CZ(0, 1),)
