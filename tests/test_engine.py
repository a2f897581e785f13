"""The engine against NumPy brute force: states, curves, every mode of differentiation, memory and compilation."""

from __future__ import annotations

import re

import brute_force
import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_circuits import random_circuit

import circuits
from circuits import Circuit, Param, gates, hamiltonians, memory, program, statevector, tangents
from circuits.repeats import tandem_repeats


@pytest.fixture
def element_by_element(monkeypatch):
    """The loop over elements, which long circuits without repeats use, for short ones too."""
    monkeypatch.setattr(program, "LONGEST_BODY", 0)
    program.compile_circuit.cache_clear()
    tangents._plan.cache_clear()
    jax.clear_caches()
    yield
    program.compile_circuit.cache_clear()
    tangents._plan.cache_clear()
    jax.clear_caches()


def parameters(circuit, seed=1):
    return circuit.init(jax.random.key(seed))


@pytest.mark.parametrize(("n_qubits", "n_gates", "seed"), [(1, 16, 0), (3, 40, 1), (6, 40, 2)])
def test_states_of_random_circuits_over_the_whole_gate_set(n_qubits, n_gates, seed):
    circuit = random_circuit(n_qubits, n_gates, seed)
    theta = parameters(circuit)
    np.testing.assert_allclose(
        circuit(theta).vector, brute_force.state(circuit, np.asarray(theta)), atol=1e-13
    )


def test_states_of_the_loop_over_elements(element_by_element):
    circuit = random_circuit(4, 60, 3)
    theta = parameters(circuit)
    assert [type(s).__name__ for s in program.compile_circuit(circuit).segments] == ["ScatteredSegment"]
    np.testing.assert_allclose(
        circuit(theta).vector, brute_force.state(circuit, np.asarray(theta)), atol=1e-13
    )


def test_the_curve_passes_through_the_states_after_each_layer():
    circuit = circuits.hardware_efficient(3, 3) + circuits.brickwall(3, 2)
    theta = parameters(circuit)
    curve = circuit.curve(theta).vector
    assert curve.shape == (len(circuit.layers) + 1, 8)
    stops = np.concatenate([[0], np.cumsum(circuit.layers)])
    for point, stop in zip(curve, stops, strict=True):
        ops = circuit.layered_ops[:stop]
        expected = np.eye(8)[0] if stop == 0 else brute_force.unitary_of_ops(ops, 3, np.asarray(theta))[:, 0]
        np.testing.assert_allclose(point, expected, atol=1e-13)


def test_float32_parameters_give_complex64():
    circuit = circuits.hardware_efficient(3, 2)
    theta = circuit.init(jax.random.key(0), jnp.float32)
    assert circuit(theta).vector.dtype == jnp.complex64
    np.testing.assert_allclose(
        circuit(theta).vector, brute_force.state(circuit, np.asarray(theta, np.float64)), atol=1e-6
    )


def test_states_come_in_from_numpy_and_go_out_again():
    bell = np.array([1, 0, 0, 1j]) / np.sqrt(2)
    state = circuits.State.from_vector(bell[:, None])  # a column, as QuTiP keeps kets
    np.testing.assert_array_equal(np.asarray(state.vector), bell)
    np.testing.assert_allclose(state.probabilities, [0.5, 0, 0, 0.5])
    with pytest.raises(ValueError, match="2\\^n amplitudes, n >= 1, not 3"):
        circuits.State.from_vector(np.ones(3) / np.sqrt(3))
    with pytest.raises(ValueError, match="norm 1, not 2"):
        circuits.State.from_vector(np.array([2.0, 0.0]))


# Derivatives. The reference is the brute-force Jacobian of the state.


def gradient(circuit, hamiltonian, theta):
    psi = brute_force.state(circuit, np.asarray(theta))
    jacobian = brute_force.tangents(circuit, np.asarray(theta))
    return 2.0 * np.real(jacobian.conj() @ hamiltonian.to_matrix() @ psi)


def entangled():
    """Three layers that repeat, with real and complex blocks, distant and neighbouring, flips and phases."""
    angle = iter(range(100))
    layer = [gates.RY(Param(next(angle)), q) for q in range(3)]
    layer += [gates.RXX(Param(next(angle)), 0, 2), gates.XXPlusYY(Param(next(angle)), 0, 2), gates.CX(0, 1)]
    layer += [gates.SU2([Param(next(angle)) for _ in range(3)], 1), gates.CRZ(Param(next(angle)), 1, 2)]
    return Circuit(3, layer).repeat(2)


@pytest.fixture(scope="module")
def energy():
    circuit = entangled()
    hamiltonian = hamiltonians.heisenberg(3)
    theta = parameters(circuit)
    return (
        (lambda t: circuits.expectation(circuit, t, hamiltonian)),
        theta,
        gradient(circuit, hamiltonian, theta),
    )


@pytest.mark.parametrize("mode", [jax.grad, jax.jacfwd, jax.jacrev])
def test_first_derivatives_agree_in_every_mode(energy, mode):
    value, theta, expected = energy
    np.testing.assert_allclose(jax.jit(mode(value))(theta), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("outer", "inner"),
    [(jax.jacfwd, jax.grad), pytest.param(jax.jacfwd, jax.jacfwd, marks=pytest.mark.slow)],
)
def test_second_derivatives_agree_in_every_mode(energy, outer, inner):
    value, theta, _ = energy
    hessian = jax.jit(outer(inner(value)))(theta)
    gradient_of = jax.jit(jax.grad(value))
    step = 1e-5
    for k in (0, 3, 12):
        shift = np.zeros(len(theta))
        shift[k] = step
        expected = (gradient_of(theta + shift) - gradient_of(theta - shift)) / (2 * step)
        np.testing.assert_allclose(hessian[k], expected, atol=1e-8)


@pytest.mark.slow
@pytest.mark.parametrize("inner", [jax.grad, jax.jacfwd])
def test_reverse_mode_over_any_mode(energy, inner):
    value, theta, _ = energy
    np.testing.assert_allclose(
        jax.jit(jax.jacrev(inner(value)))(theta), jax.jit(jax.hessian(value))(theta), atol=1e-12
    )


@pytest.mark.slow
def test_batches_commute_with_gradients(energy):
    value, theta, expected = energy
    batch = jnp.stack([theta, theta])
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.grad(value)))(batch)[1], expected, atol=1e-9)
    summed = jax.jit(jax.grad(lambda b: jnp.sum(jax.vmap(value)(b))))(batch)
    np.testing.assert_allclose(summed[0], expected, atol=1e-9)


@pytest.mark.slow
def test_a_batch_over_inputs_sums_the_cotangents_of_shared_parameters():
    circuit = circuits.data_reuploading(2, 2, 2)
    hamiltonian = hamiltonians.ising(2)
    theta = parameters(circuit)
    xs = jnp.array([[0.3, -1.2], [0.9, 0.4]])
    total = jax.jit(
        jax.grad(lambda t: jnp.sum(jax.vmap(lambda x: circuits.expectation(circuit, t, hamiltonian, x))(xs)))
    )(theta)
    step = 1e-5

    def value(t):
        states = [brute_force.state(circuit, t, np.asarray(x)) for x in xs]
        return sum(np.real(s.conj() @ hamiltonian.to_matrix() @ s) for s in states)

    for k in (0, len(theta) - 1):
        shift = np.zeros(len(theta))
        shift[k] = step
        expected = (value(np.asarray(theta) + shift) - value(np.asarray(theta) - shift)) / (2 * step)
        assert total[k] == pytest.approx(expected, abs=1e-8)


@pytest.mark.slow
def test_derivatives_of_the_loop_over_elements(element_by_element):
    circuit = random_circuit(3, 12, 5)
    hamiltonian = hamiltonians.heisenberg(3)
    theta = parameters(circuit)
    value = lambda t: circuits.expectation(circuit, t, hamiltonian)  # noqa: E731
    expected = gradient(circuit, hamiltonian, theta)
    np.testing.assert_allclose(jax.jit(jax.grad(value))(theta), expected, atol=1e-9)
    np.testing.assert_allclose(jax.jit(jax.jacfwd(value))(theta), expected, atol=1e-9)


@pytest.mark.parametrize(
    "circuit",
    [
        circuits.hardware_efficient(3, 5),
        pytest.param(entangled(), marks=pytest.mark.slow),
        circuits.qaoa(nx.cycle_graph(3), 3),
        pytest.param(circuits.brickwall(3, 3), marks=pytest.mark.slow),
        pytest.param(circuits.hamiltonian_variational("ising", 6, 2), marks=pytest.mark.slow),
    ],
    ids=["hardware-efficient", "entangled", "shared", "blocks", "wide"],
)
def test_tangents_in_the_middle_frame_keep_their_inner_products(circuit):
    theta = parameters(circuit)
    psi, rows = jax.jit(lambda t: tangents.rows(circuit, t))(theta)
    index = tangents.row_parameters(circuit)
    jacobian = np.zeros((circuit.n_parameters, 2**circuit.n_qubits), complex)
    np.add.at(jacobian, index[index >= 0], (np.asarray(rows.re) + 1j * np.asarray(rows.im))[index >= 0])
    state = np.asarray(psi.re) + 1j * np.asarray(psi.im)
    overlap = jacobian.conj() @ state
    tensor = jacobian.conj() @ jacobian.T - np.outer(overlap, overlap.conj())
    np.testing.assert_allclose(tensor, brute_force.geometric_tensor(circuit, np.asarray(theta)), atol=1e-8)


# Memory and compilation.


def compiled_states(function, theta, n_qubits):
    analysis = jax.jit(function).lower(theta).compile().memory_analysis()
    used = analysis.temp_size_in_bytes + analysis.argument_size_in_bytes + analysis.output_size_in_bytes
    return used / (16 * 2**n_qubits)


def test_a_gradient_keeps_at_most_eight_states_at_any_depth():
    n_qubits, hamiltonian = 16, hamiltonians.from_strings({"ZZ" + "I" * 14: 1.0})
    circuit = circuits.hardware_efficient(n_qubits, 100)
    value = lambda t: circuits.expectation(circuit, t, hamiltonian)  # noqa: E731
    assert compiled_states(jax.grad(value), parameters(circuit), n_qubits) < 8


def test_repeated_layers_compile_once_however_the_circuit_was_built():
    family = circuits.hardware_efficient(4, 50)
    assert [s.repeats for s in program.compile_circuit(family).segments] == [50]
    ops = [
        op
        for layer in range(50)
        for op in [
            *(gates.RX(Param((layer + q) % 7, 0.5), q) for q in range(4)),
            gates.CX(0, 1),
            gates.CX(2, 3),
        ]
    ]
    by_hand = Circuit(4, [gates.H(0), *ops])
    assert [s.repeats for s in program.compile_circuit(by_hand).segments] == [1, 50]


def test_an_equal_circuit_does_not_compile_again():
    first, second = circuits.hardware_efficient(2, 3), circuits.hardware_efficient(2, 3)
    assert first is not second
    first(parameters(first))
    before = statevector._run._cache_size()
    second(parameters(second))
    assert statevector._run._cache_size() == before


def test_thousands_of_gates_without_repeats_are_one_loop():
    circuit = random_circuit(3, 5000, 7)
    assert [type(s).__name__ for s in program.compile_circuit(circuit).segments] == ["ScatteredSegment"]
    text = jax.jit(circuit).lower(parameters(circuit)).as_text()
    assert len([line for line in text.splitlines() if "constant dense" not in line]) < 3000


def test_phases_and_flips_never_become_a_product_with_the_amplitudes():
    n_qubits = 8
    ops = [gates.CX(0, 5), gates.SWAP(1, 7), gates.CCX(0, 3, 6), gates.ISWAP(2, 3), gates.Y(4)]
    ops += [
        gates.T(2),
        gates.CZ(0, 7),
        gates.RZZ(Param(0), 1, 6),
        gates.CRZ(Param(1), 7, 0),
        gates.CP(Param(2), 2, 5),
    ]
    circuit = Circuit(n_qubits, ops)
    text = jax.jit(circuit).lower(parameters(circuit)).as_text()
    for line in text.splitlines():
        if "dot_general" in line:
            operands = line.split(":")[-1].split("->")[0]
            sizes = [
                np.prod([int(d) for d in shape.split("x") if d.isdigit()])
                for shape in re.findall(r"<([^>]*)>", operands)
            ]
            assert max(sizes) < 2**n_qubits


def test_a_state_that_cannot_fit_is_refused_before_anything_is_allocated(monkeypatch):
    monkeypatch.setattr(memory, "available_bytes", lambda device=None: 2.0**30)
    circuit = circuits.hardware_efficient(30, 1)
    with pytest.raises(
        MemoryError, match=r"30 qubits need 64 GiB .* 1 GiB are available; at most 24 qubits fit"
    ):
        circuit(parameters(circuit))


def test_another_number_of_qubits_in_the_hamiltonian_is_refused():
    circuit = circuits.hardware_efficient(2, 1)
    with pytest.raises(ValueError, match="3 qubits and the circuit on 2"):
        circuits.expectation(circuit, parameters(circuit), hamiltonians.ising(3))


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(0, 3), max_size=6),
    st.lists(st.integers(0, 5), min_size=1, max_size=7),
    st.integers(1, 6),
    st.lists(st.integers(0, 3), max_size=6),
)
def test_runs_cover_a_sequence_and_repeat_their_first_period(head, body, repeats, tail):
    keys = np.array([*head, *(body * repeats), *tail], dtype=np.int64)
    rebuilt = []
    for run in tandem_repeats(keys):
        assert run.start == len(rebuilt)
        rebuilt += list(keys[run.start : run.start + run.period]) * run.repeats
    assert rebuilt == list(keys)
