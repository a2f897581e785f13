"""Circuits whose angles are expressions, assembled from gates; references: dense matrices and differences in NumPy."""

from __future__ import annotations

import math
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Circuit, Param, State, gates
from circuits.convert.assembled import ADDITIVE, SymbolicGate, assembled, gate
from circuits.convert.expressions import Expression, Name, called
from circuits.convert.symbolic_angles import SymbolicAngles
from circuits.hamiltonians import ising
from circuits.ops import SIGNATURES, Op
from circuits.reparametrised import Reparametrised
from circuits.statevector import expectation
from qgeom.information import information_metric
from tests import brute_force

A, B, X, Y = Name("a"), Name("b"), Name("x"), Name("y")


def reference(n_qubits: int, symbolic: list[SymbolicGate], values: dict[str, float]) -> np.ndarray:
    """The state by dense matrices, the angles as Python floats: nothing of the assembly is used."""
    ops = [
        Op(g.name, g.wires, tuple(gates.fixed(a.evaluate(values)) for a in g.angles), g.pauli)
        for g in symbolic
    ]
    return brute_force.unitary_of_ops(ops, n_qubits)[:, 0]


def state_of(d: Circuit | Reparametrised, theta, x=None) -> np.ndarray:
    """The state of what was assembled, by dense matrices at its own angles."""
    if isinstance(d, Circuit):
        return brute_force.state(d, theta, x)
    with jax.disable_jit():
        angles = d.angles(jnp.asarray(theta, jnp.float64), None if x is None else jnp.asarray(x))
    return brute_force.state(d.circuit, np.asarray(angles), x)


def same_ray(a: np.ndarray, b: np.ndarray) -> bool:
    return abs(abs(np.vdot(a, b)) - 1.0) < 1e-10


def wires_of(name: str) -> tuple[int, ...]:
    return (2, 0, 1)[: SIGNATURES[name].n_wires or 3]


LINEAR = 0.7 * A - 1.3 * B + 0.4
NONLINEAR = called("sin", A) * B + A**2


@pytest.mark.parametrize("angle", [LINEAR, LINEAR + X / 2, LINEAR + A * X, NONLINEAR, A / (2 + X**2)])
@pytest.mark.parametrize("name", [name for name, s in SIGNATURES.items() if s.n_angles])
def test_every_gate_takes_any_expression(name: str, angle: Expression):
    signature = SIGNATURES[name]
    others = [0.3 * k * B + A / (k + 1) for k in range(1, signature.n_angles)]
    start = [gate("H", (q,)) for q in range(3)] + [gate("T", (q,)) for q in range(3)]
    pauli = "XYZ" if name == "PAULIROT" else ""
    symbolic = [
        *start,
        gate(name, wires_of(name), angle, *others, pauli=pauli),
        gate("RY", (0,), B + X),
        gate("RX", (1,), A),
    ]
    d = assembled(3, symbolic, ("a", "b"), ("x",))
    theta, x = np.array([0.8, -1.1]), np.array([0.6])
    expected = reference(3, symbolic, {"a": 0.8, "b": -1.1, "x": 0.6})
    assert same_ray(state_of(d, theta, x), expected)
    assert d.parameter_names == ("a", "b")
    assert d.n_inputs == 1
    linear = "**" not in angle.text()
    assert isinstance(d, Circuit) == (linear and (name in ADDITIVE or name == "U3"))


coefficients = st.floats(-2.0, 2.0)
angles = st.tuples(coefficients, coefficients, coefficients, coefficients).map(
    lambda c: c[0] * A + c[1] * B + c[2] * A * X + c[3]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(sorted(ADDITIVE | {"U3"})), angles, angles), min_size=1, max_size=5),
    coefficients,
)
def test_linear_expressions_stay_circuits_whatever_the_coefficients(pieces, x):
    # Every parameter and the input are used once more, so that none is superfluous.
    symbolic = [gate("H", (q,)) for q in range(3)]
    for name, first, second in pieces:
        values = [first, second, first - second][: SIGNATURES[name].n_angles]
        pauli = "ZXY" if name == "PAULIROT" else ""
        symbolic.append(gate(name, wires_of(name), *values, pauli=pauli))
    symbolic += [gate("RX", (0,), A), gate("RY", (1,), B), gate("RX", (2,), X)]
    d = assembled(3, symbolic, ("a", "b"), ("x",))
    assert isinstance(d, Circuit)
    assert same_ray(state_of(d, [0.3, 1.2], [x]), reference(3, symbolic, {"a": 0.3, "b": 1.2, "x": x}))


def example() -> Reparametrised:
    symbolic = [
        gate("RY", (0,), called("sin", A) + 1.0),
        gate("RX", (1,), B),
        gate("CX", (0, 1)),
        gate("RZ", (1,), A * B),
        gate("RY", (1,), called("sin", A) + 1.0),
    ]
    d = assembled(2, symbolic, ("a", "b"))
    assert isinstance(d, Reparametrised)
    return d


def test_the_metric_is_that_of_the_composed_map():
    d = example()
    theta = jnp.asarray([0.4, -0.9])

    def psi(t: np.ndarray) -> np.ndarray:
        s = math.sin(t[0]) + 1.0
        ops = [gates.RY(s, 0), gates.RX(t[1], 1), gates.CX(0, 1), gates.RZ(t[0] * t[1], 1), gates.RY(s, 1)]
        return brute_force.unitary_of_ops(ops, 2)[:, 0]

    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    step, at = 0.02, np.asarray(theta)
    rows = np.asarray(
        [
            sum(w * (psi(at + k * step * unit) - psi(at - k * step * unit)) for k, w in weights.items())
            / step
            for unit in np.eye(2)
        ]
    )
    overlap = rows.conj() @ psi(at)
    expected = 4 * (rows.conj() @ rows.T - np.outer(overlap, overlap.conj())).real
    np.testing.assert_allclose(information_metric(d, theta).as_matrix(), expected, atol=1e-10)


def test_it_keeps_the_contract_of_a_description():
    d = example()
    assert d.n_parameters == 2
    assert d.parameter_names == ("a", "b")
    assert [node.parameters for node in d.nodes] == [(0,), (1,), (), (0, 1), (0,)]
    assert d.circuit.n_parameters == 3  # equal expressions share a parameter of the circuit
    assert d.wires == d.circuit.wires
    theta = d.init(jax.random.key(0))
    assert theta.shape == (2,)
    assert theta.dtype == jnp.float64
    curve = d.curve(theta).vector
    np.testing.assert_allclose(curve[0], np.eye(1, 4)[0], atol=0)
    np.testing.assert_allclose(curve[-1], d(theta).vector, atol=1e-14)
    assert isinstance(d(theta), State)
    assert d(d.init(jax.random.key(0), jnp.float32)).vector.dtype == jnp.complex64


def test_it_is_equal_by_value_and_never_changes():
    d, again = example(), example()
    assert d == again
    assert hash(d) == hash(again)
    assert pickle.loads(pickle.dumps(d)) == d
    other = assembled(2, [gate("RY", (0,), called("cos", A)), gate("RX", (1,), B)], ("a", "b"))
    assert d != other
    with pytest.raises(AttributeError, match="immutable"):
        d.circuit = other  # type: ignore[misc]


def test_gradients_pass_through_the_map():
    d, h = example(), ising(2, field=0.7)
    theta = jnp.asarray([0.4, -0.9])
    gradient = jax.grad(lambda t: expectation(d.circuit, d.angles(t), h))(theta)

    # the circuit's parameters: b first (used linearly), then the expressions in order of appearance
    order = [str(e) for e in d.angle_map.expressions]  # type: ignore[attr-defined]
    assert order == ["b", "sin(a) + 1", "a*b"]

    def value(a: float, b: float) -> float:
        psi = brute_force.state(d.circuit, [b, math.sin(a) + 1.0, a * b])
        return float((psi.conj() @ np.asarray(h.to_matrix()) @ psi).real)

    step = 1e-5
    expected = [
        (value(0.4 + step, -0.9) - value(0.4 - step, -0.9)) / (2 * step),
        (value(0.4, -0.9 + step) - value(0.4, -0.9 - step)) / (2 * step),
    ]
    np.testing.assert_allclose(gradient, expected, atol=1e-8)


def test_a_parameter_without_a_gate_is_kept_in_the_kernel():
    d = assembled(1, [gate("RY", (0,), A)], ("a", "unused"))
    assert isinstance(d, Reparametrised)
    metric = information_metric(d, jnp.asarray([0.3, 0.5]))
    np.testing.assert_allclose(metric.as_matrix(), [[1.0, 0.0], [0.0, 0.0]], atol=1e-14)


def test_inputs_enter_expressions_and_circuits_alike():
    symbolic = [gate("RY", (0,), called("sin", X) * A), gate("RX", (0,), Y), gate("RZ", (0,), A * X)]
    d = assembled(1, symbolic, ("a",), ("x", "y"))
    assert isinstance(d, Reparametrised)
    assert d.n_inputs == 2
    x = jnp.asarray([0.3, -0.8])
    expected = reference(1, symbolic, {"a": 0.9, "x": 0.3, "y": -0.8})
    assert same_ray(np.asarray(d(jnp.asarray([0.9]), x).vector), expected)
    with pytest.raises(ValueError, match=r"needs an input x of shape \(2,\)"):
        d(jnp.asarray([0.9]))
    with pytest.raises(ValueError, match=r"x must have shape \(2,\)"):
        d(jnp.asarray([0.9]), jnp.ones(3))
    batch = jax.vmap(lambda x: d(jnp.asarray([0.9]), x).vector)(jnp.stack([x, 2 * x]))
    assert batch.shape == (2, 2)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: assembled(1, [gate("RY", (0,), A)], ("b",)), ValueError, "neither a parameter nor an input"),
        (lambda: assembled(1, [gate("RY", (0,), A)], ("a", "a")), ValueError, "must be different"),
        (lambda: SymbolicAngles([A], ("b",)), ValueError, "neither a parameter nor an input"),
        (
            lambda: Reparametrised(Circuit(1, [gates.H(0)]), SymbolicAngles([A], ("a",))),
            ValueError,
            "1 angles",
        ),
        (lambda: Reparametrised(Circuit(1, []), lambda t: t), TypeError, "AngleMap"),  # type: ignore[arg-type]
        (lambda: example()(jnp.ones(3)), ValueError, r"theta must have shape \(2,\)"),
        (lambda: example()(jnp.asarray([1, 2])), TypeError, "real floating-point"),
        (lambda: example()(jnp.ones(2), jnp.ones(1)), ValueError, "takes no input"),
    ],
)
def test_mistakes_are_named_in_one_line(make, error: type[Exception], message: str):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


# Names of a circuit's own parameters.


def named() -> Circuit:
    return Circuit(
        2, [gates.RY(Param(0), 0), gates.RX(Param(1), 1), gates.RY(2 * Param(0), 1)], names=("a", "b")
    )


def test_a_circuit_keeps_the_names_it_is_given():
    c = named()
    assert c.has_own_names
    assert c.parameter_names == ("a", "b")
    assert pickle.loads(pickle.dumps(c)) == c
    assert c != c.named(None)
    assert c.named(None).parameter_names[1] == "RX[q1]#1"
    assert c.named(("a", "b")) == c
    assert hash(c.named(("a", "b"))) == hash(c)
    assert Circuit(1, [gates.H(0)], names=()).has_own_names is False


def test_names_follow_the_parameters():
    c = named()
    assert c.inverse().parameter_names == ("a", "b")
    assert (c + c.named(("c", "d"))).parameter_names == ("a", "b", "c", "d")
    assert not (c + c).has_own_names  # the same name twice tells nothing
    assert c.repeat(3, shared=True).parameter_names == ("a", "b")
    assert not c.repeat(2).has_own_names
    assert c.remap([1, 0]).parameter_names == ("b", "a")
    assert c.remap([0, 0]).parameter_names == ("a",)
    assert c.bind([0.1, 0.2]).parameter_names == ()
    assert (c + Circuit(2, [gates.H(0)])).parameter_names == ("a", "b")


@pytest.mark.parametrize(
    ("names", "error", "message"),
    [
        (("a",), ValueError, "one per parameter"),
        (("a", "a"), ValueError, "different"),
        (("a", ""), ValueError, "not empty"),
        ("ab", TypeError, "sequence of strings"),
        ((1, 2), TypeError, "is a string"),
    ],
)
def test_names_that_do_not_fit_are_refused(names, error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        named().named(names)
