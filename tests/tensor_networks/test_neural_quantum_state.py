"""Neural quantum states against sums over configurations written out in NumPy, and their metric in closed form."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from circuits.networks.quantum_state import MLPState, RBMState, configurations, log_cosh
from qgeom.information import information_metric

N = 3
SIGNS = np.array(list(itertools.product((1.0, -1.0), repeat=N)))


def boltzmann(a, b, w):
    """Amplitudes of a restricted Boltzmann machine, one configuration after the other, hidden spins summed out."""
    psi = []
    for s in SIGNS:
        total = 0.0
        for h in itertools.product((1.0, -1.0), repeat=len(b)):
            total += np.exp(a @ s + np.array(h) @ (b + w @ s))
        psi.append(total)
    psi = np.array(psi, complex)
    return psi / np.linalg.norm(psi)


def joined(value, field):
    value = np.asarray(value)
    return value[0] + 1j * value[1] if field == "complex" else value


@pytest.mark.parametrize("field", ["real", "complex"])
def test_a_boltzmann_machine_is_its_sum_over_hidden_spins(field, key):
    machine = RBMState(N, 2, field)
    params = jax.tree.map(lambda leaf: 8.0 * leaf, machine.init(key))
    expected = boltzmann(*(joined(params[name], field) for name in ("visible", "hidden", "weight")))
    found = np.asarray(machine(params).vector)
    phase = np.vdot(expected, found)
    assert abs(abs(phase) - 1.0) < 1e-12
    np.testing.assert_allclose(found, expected * phase, atol=1e-12)


def test_configurations_follow_the_bits():
    np.testing.assert_array_equal(configurations(N, jnp.float64), SIGNS)


def test_basis_and_marshall_signs_are_fixed_gates(key):
    plain, other = RBMState(N, 2, "real"), RBMState(N, 2, "real", "X", marshall=True)
    params = plain.init(key)
    hadamard = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    signs = np.diag([1.0, -1.0])
    gate = np.kron(np.kron(hadamard, hadamard @ signs), hadamard)  # the odd site is site 1
    np.testing.assert_allclose(other(params).vector, gate @ np.asarray(plain(params).vector), atol=1e-12)


def test_a_feed_forward_state_is_modulus_and_phase(key):
    state = MLPState(N, (4,), "complex")
    params = state.init(key)
    first, last = ({k: np.asarray(v) for k, v in layer.items()} for layer in params)
    psi = []
    for s in SIGNS:
        y = last["weight"] @ np.tanh(first["weight"] @ s + first["bias"]) + last["bias"]
        psi.append(np.exp(y[0] + 1j * y[1]))
    psi = np.array(psi) / np.linalg.norm(psi)
    np.testing.assert_allclose(state(params).vector, psi, atol=1e-12)


@pytest.mark.parametrize("state", [RBMState(N, 2, "complex"), MLPState(N, (3,), "real")])
def test_the_metric_is_four_times_the_covariance_of_logarithmic_derivatives(state, key):
    params = jax.tree.map(lambda leaf: 3.0 * leaf, state.init(key))
    flat, unravel = ravel_pytree(params)
    columns, step = [], 1e-6
    for i in range(len(flat)):
        ends = [np.asarray(state.log_amplitudes(unravel(flat.at[i].add(e)))) for e in (step, -step)]
        columns.append((ends[0] - ends[1]) / (2 * step))
    o = np.stack(columns, axis=1)
    p = np.abs(np.asarray(state(params).vector)) ** 2
    o = o - p @ o
    expected = 4 * np.real(o.conj().T @ (p[:, None] * o))
    np.testing.assert_allclose(information_metric(state, params).as_matrix(), expected, atol=1e-7)


@pytest.mark.parametrize(("field", "bound"), [("real", 2**N - 1), ("complex", 2 * (2**N - 1))])
def test_the_rank_is_at_most_that_of_all_states_of_its_kind(field, bound, key):
    machine = RBMState(N, 6, field)
    params = jax.tree.map(lambda leaf: 5.0 * leaf, machine.init(key))
    metric = information_metric(machine, params)
    assert machine.n_parameters > bound
    assert metric.rank() == bound


def test_the_bias_of_the_readout_is_norm_and_phase(key):
    state = MLPState(N, (3,), "complex")
    matrix = np.asarray(information_metric(state, state.init(key)).as_matrix())
    kernel = [i for i, name in enumerate(state.parameter_names) if name.startswith("layer1.bias")]
    assert len(kernel) == 2
    np.testing.assert_allclose(matrix[kernel], 0.0, atol=1e-14)


@pytest.mark.parametrize(
    "state", [RBMState(N, 2, "real"), RBMState(N, 2, "complex", "X"), MLPState(N, (3, 2), marshall=True)]
)
def test_the_curve_begins_at_the_uniform_state_and_ends_at_the_state(state, key):
    params = state.init(key)
    points = np.asarray(state.curve(params).vector)
    assert points.shape == (state.n_layers + 1, 2**N)
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1.0)
    np.testing.assert_allclose(points[-1], state(params).vector, atol=1e-12)
    uniform = jax.tree.map(jnp.zeros_like, params)
    np.testing.assert_allclose(points[0], state(uniform).vector, atol=1e-12)
    np.testing.assert_allclose(state.partial(params, None, 1.0).vector, points[1], atol=1e-12)


@pytest.mark.parametrize("state", [RBMState(N, 2, "real"), RBMState(N, 2, "complex"), MLPState(N, (3, 2))])
def test_nodes_name_every_parameter_once(state):
    owned = sorted(i for node in state.nodes for i in node.parameters)
    assert owned == list(range(state.n_parameters))
    assert len(set(state.parameter_names)) == state.n_parameters
    assert all(0 <= i < j < len(state.nodes) for i, j in state.wires)


def test_a_hidden_neuron_owns_its_bias_and_incoming_weights():
    machine = RBMState(2, 3, "complex")
    names = [machine.parameter_names[i] for i in machine.nodes[2 + 1].parameters]
    assert sorted(names) == sorted(
        ["hidden.re[1]", "hidden.im[1]"]
        + [f"weight.{part}[1,{i}]" for part in ("re", "im") for i in range(2)]
    )


def test_the_logarithm_of_cosh_does_not_overflow():
    z = jnp.asarray([0.3 + 0.4j, -2.0 + 1.0j, 1.1 - 3.0j])
    np.testing.assert_allclose(jnp.exp(log_cosh(z)), np.cosh(z), atol=1e-12)
    assert float(log_cosh(jnp.asarray(-1000.0))) == pytest.approx(1000.0 - np.log(2.0))


def test_single_precision_stays_single():
    machine = RBMState(N, 2, "complex", "X", True)
    assert machine(machine.init(jax.random.key(0), jnp.float32)).vector.dtype == jnp.complex64


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RBMState(0, 2), "n_sites must be a positive integer"),
        (lambda: RBMState(21, 2), "up to 20 sites; got 21"),
        (lambda: RBMState(2, 2, "quaternion"), "'real' or 'complex'"),  # type: ignore[arg-type]
        (lambda: MLPState(2, (2,), basis="Y"), "basis must be 'Z' or 'X'"),  # type: ignore[arg-type]
        (lambda: RBMState(2, 2)({"hidden": jnp.zeros(2)}), "have shapes"),
        (lambda: RBMState(2, 2)(RBMState(2, 2).init(jax.random.key(0)), jnp.zeros(2)), "takes no input x"),
    ],
)
def test_bad_input_gets_one_line(make, message):
    with pytest.raises(ValueError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)
