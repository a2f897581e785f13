"""The density-matrix engine against Kraus operators on dense matrices, and its limits."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits import gates
from circuits.circuit import Circuit
from circuits.hamiltonians import ising
from circuits.noise import (
    AmplitudeDamping,
    Depolarizing,
    KrausChannel,
    NoiseModel,
    NoisyCircuit,
    PauliChannel,
    PhaseDamping,
    ThermalRelaxation,
    VariedNoise,
    density,
    transfer,
)
from circuits.noise.narrow import narrow
from circuits.ops import Param
from tests import brute_force
from tests.noise.brute_noise import density as brute_density
from tests.noise.brute_noise import derivatives
from tests.noise.test_channels import random_kraus
from tests.random_circuits import random_circuit


def everything() -> NoiseModel:
    """A model with every kind of channel."""
    return (
        NoiseModel()
        .after(Depolarizing(0.1), gates=("RX", "RY", "H", "U3"))
        .after(Depolarizing(0.2, 2), gates=("CX", "CZ", "SWAP", "SU4"))
        .after(Depolarizing(0.3, 3), gates=("CCX", "CSWAP"))
        .after(AmplitudeDamping(0.1, 0.2), wires=(1,))
        .after(ThermalRelaxation(1.0, 1.5, 0.1), gates=("T", "S", "MCP", "PAULIROT"))
        .after(KrausChannel(random_kraus(2, 3, 0)), gates=("RZ",))
        .after(KrausChannel(random_kraus(4, 2, 1)), gates=("CRX", "RZZ", "XXPLUSYY"), wires=(2, 0))
        .after(PauliChannel({"XY": 0.1, "ZI": 0.05}), gates=("RXX", "CH", "ISWAP"))
        .after(PhaseDamping(0.05))
    )


@pytest.mark.parametrize(
    ("n_qubits", "n_gates", "seed"), [(3, 40, 0), pytest.param(4, 30, 1, marks=pytest.mark.slow), (1, 10, 2)]
)
def test_random_circuits_over_the_whole_gate_set_agree_with_kraus_operators(n_qubits, n_gates, seed):
    circuit = random_circuit(n_qubits, n_gates, seed)
    noise = everything().restricted(n_qubits)
    if n_qubits < 3:
        noise = NoiseModel(tuple(r for r in noise.rules if r.channel.n_qubits <= n_qubits))
    theta = circuit.init(jax.random.key(seed))
    found = np.asarray(NoisyCircuit(circuit, noise)(theta).matrix)
    np.testing.assert_allclose(found, brute_density(circuit, noise, theta), atol=1e-12)


def test_without_noise_the_density_matrix_is_that_of_the_state():
    circuit = random_circuit(4, 40, 5)
    theta = circuit.init(jax.random.key(5))
    psi = brute_force.state(circuit, theta)
    found = NoisyCircuit(circuit, NoiseModel())(theta).matrix
    np.testing.assert_allclose(found, np.outer(psi, psi.conj()), atol=1e-12)


@pytest.mark.parametrize(
    "op",
    [
        gates.CCX(2, 0, 1),
        gates.CSWAP(1, 3, 0),
        gates.MultiControlledPhase(0.7, (3, 0, 2, 1)),
        gates.MultiControlledPhase(-1.1, (2, 0, 1)),
        gates.PauliRotation(0.9, "XYZ", (3, 1, 0)),
        gates.PauliRotation(0.4, "YYXZ", (1, 0, 3, 2)),
    ],
)
def test_wide_gates_are_narrow_gates_up_to_a_phase(op):
    parts = narrow(op)
    assert all(len(part.wires) <= 2 for part in parts)
    whole = brute_force.unitary_of_ops([op], 4)
    product = brute_force.unitary_of_ops(parts, 4)
    overlap = np.trace(whole.conj().T @ product) / 16
    assert abs(overlap) == pytest.approx(1.0, abs=1e-13)


def test_a_phase_on_too_many_wires_is_refused():
    with pytest.raises(ValueError, match="too wide"):
        narrow(gates.MultiControlledPhase(0.1, range(13)))


def layered() -> tuple[Circuit, NoiseModel, jax.Array]:
    circuit = circuits.hardware_efficient(3, 2, rotations=("RX", "RZ"), entangler="CX", topology="ring")
    noise = NoiseModel().after(AmplitudeDamping(0.1)).after(Depolarizing(0.05, 2), gates=("CX",))
    return circuit, noise, circuit.init(jax.random.key(1))


def test_the_curve_passes_through_the_noisy_layers():
    circuit, noise, theta = layered()
    curve = np.asarray(NoisyCircuit(circuit, noise).curve(theta).matrix)
    ends = np.cumsum([0, *circuit.layers])
    assert curve.shape == (len(circuit.layers) + 1, 8, 8)
    for point, end in zip(curve, ends, strict=True):
        expected = brute_density(circuit, noise, theta, ops=circuit.layered_ops[:end])
        np.testing.assert_allclose(point, expected, atol=1e-12)


def test_a_layer_without_gates_repeats_the_point():
    circuit = Circuit(2, [gates.X(0), gates.H(1)], layers=[1, 0, 1])
    curve = NoisyCircuit(circuit, NoiseModel().after(Depolarizing(0.1))).curve(jnp.zeros(0)).matrix
    np.testing.assert_array_equal(curve[1], curve[2])
    assert not np.allclose(curve[2], curve[3])
    empty = NoisyCircuit(Circuit(1, []), NoiseModel())
    np.testing.assert_allclose(empty(jnp.zeros(0)).matrix, np.diag([1.0, 0.0]))
    assert empty.curve(jnp.zeros(0)).matrix.shape == (1, 2, 2)


def test_kept_wires_are_the_partial_trace_in_their_order():
    circuit, noise, theta = layered()
    whole = brute_density(circuit, noise, theta).reshape((2,) * 6)
    expected = np.einsum("abcdbf->cafd", whole).reshape(4, 4)  # keeps (2, 0), traces out 1
    np.testing.assert_allclose(NoisyCircuit(circuit, noise, wires=(2, 0))(theta).matrix, expected, atol=1e-13)


def test_expectation_values_need_no_matrix():
    circuit, noise, theta = layered()
    hamiltonian = ising(3, 0.7)
    rho = brute_density(circuit, noise, theta)
    expected = np.trace(rho @ hamiltonian.to_matrix()).real
    assert float(NoisyCircuit(circuit, noise).expectation(theta, hamiltonian)) == pytest.approx(
        expected, abs=1e-13
    )
    with pytest.raises(ValueError, match="give both the same number"):
        NoisyCircuit(circuit, noise).expectation(theta, ising(4))


def test_inputs_are_encoded_and_batches_are_vmapped():
    circuit = circuits.data_reuploading(2, 2, 2)
    noise = NoiseModel().after(Depolarizing(0.1))
    theta = circuit.init(jax.random.key(0))
    xs = jnp.asarray([[0.3, -0.2], [1.0, 0.4]])
    found = jax.vmap(NoisyCircuit(circuit, noise), (None, 0))(theta, xs).matrix
    for x, rho in zip(np.asarray(xs), found, strict=True):
        np.testing.assert_allclose(rho, brute_density(circuit, noise, theta, x), atol=1e-13)


@pytest.mark.slow
def test_every_mode_of_differentiation_agrees_with_differences_also_between_checkpoints():
    pairs = [(0, 1), (1, 2), (0, 2)] * 25  # 75 blocks: more than CHECKPOINT
    ops = [gates.RY(Param(0), 0), gates.RX(Param(1), 1)]
    ops += [gates.RXX(0.3 * Param(k % 3), *pair) for k, pair in enumerate(pairs)]
    circuit, noise = Circuit(3, ops), NoiseModel().after(Depolarizing(0.02, 2), gates=("RXX",))
    plan = density.timeline.averaged(circuit, noise.form, False)
    assert len(plan.blocks) > density.CHECKPOINT
    theta, noisy, hamiltonian = jnp.asarray([0.4, 0.9, -0.3]), NoisyCircuit(circuit, noise), ising(3)

    def energy(t):
        return noisy.expectation(t, hamiltonian)

    def brute(t):
        return np.trace(brute_density(circuit, noise, t) @ hamiltonian.to_matrix()).real

    expected = derivatives(brute, np.asarray(theta))
    np.testing.assert_allclose(jax.grad(energy)(theta), expected, atol=1e-10)
    np.testing.assert_allclose(jax.jacfwd(energy)(theta), expected, atol=1e-10)


def test_a_sweep_in_strength_compiles_once_and_is_the_same_as_new_models():
    circuit, noise, theta = layered()
    varied = VariedNoise(NoisyCircuit(circuit, noise))
    run = jax.jit(lambda t, s: varied((t, s)).matrix)
    for strength in (0.0, 0.05, 0.3):
        strengths = jnp.asarray([strength, 0.0, strength])
        model = NoiseModel().after(AmplitudeDamping(strength)).after(Depolarizing(strength, 2), gates=("CX",))
        np.testing.assert_allclose(
            run(theta, strengths), NoisyCircuit(circuit, model)(theta).matrix, atol=1e-14
        )
    assert run._cache_size() == 1
    before = density.pauli_vector._cache_size()
    for strength in (0.01, 0.02):  # new models of the same form share what was compiled
        model = NoiseModel().after(AmplitudeDamping(strength)).after(Depolarizing(strength, 2), gates=("CX",))
        NoisyCircuit(circuit, model)(theta)
    assert density.pauli_vector._cache_size() == before


def test_strengths_are_parameters_of_a_varied_noise():
    circuit, noise, _ = layered()
    varied = VariedNoise(NoisyCircuit(circuit, noise))
    params = varied.init(jax.random.key(1))
    assert varied.n_parameters == circuit.n_parameters + 3 == len(varied.parameter_names)
    np.testing.assert_array_equal(params[1], [0.1, 0.0, 0.05])
    assert varied.nodes == circuit.nodes
    np.testing.assert_allclose(varied(params).matrix, varied.noisy(params[0]).matrix)
    assert varied.curve(params).matrix.shape == (len(circuit.layers) + 1, 8, 8)


def test_float32_parameters_give_complex64():
    circuit, noise, theta = layered()
    found = NoisyCircuit(circuit, noise)(theta.astype(jnp.float32)).matrix
    assert found.dtype == jnp.complex64
    np.testing.assert_allclose(found, brute_density(circuit, noise, theta), atol=1e-5)


def test_deep_circuits_compile_to_programs_of_one_size():
    def size(layers: int) -> int:
        circuit = circuits.hardware_efficient(4, layers)
        noise = NoiseModel().after(Depolarizing(0.01))
        theta = circuit.init(jax.random.key(0))
        lowered = density.pauli_vector.lower(circuit, noise.form, theta, jnp.asarray(noise.strengths))
        return lowered.as_text().count("stablehlo.dot_general")

    assert size(12) == size(40)


def test_a_size_that_does_not_fit_is_said_before_anything_is_allocated():
    circuit = Circuit(30, [gates.H(q) for q in range(30)])
    with pytest.raises(MemoryError, match=r"30 qubits needs .* at most \d+ qubits fit here; .*sample_states"):
        NoisyCircuit(circuit, NoiseModel())(jnp.zeros(0))


def test_pauli_vectors_and_density_matrices_are_one_to_one():
    rng = np.random.default_rng(0)
    a = rng.normal(size=(8, 8)) + 1j * rng.normal(size=(8, 8))
    rho = a @ a.conj().T / np.trace(a @ a.conj().T)
    vector = transfer.pauli_vector(rho)
    string = np.kron(np.kron(gates.pauli_matrix("X"), np.eye(2)), gates.pauli_matrix("Y"))
    assert vector[int("102", 4)] == pytest.approx(np.trace(string @ rho).real)
    np.testing.assert_allclose(transfer.density_matrix(jnp.asarray(vector)), rho, atol=1e-14)
    p = transfer.outcome_probabilities(jnp.asarray(vector))
    np.testing.assert_allclose(p, np.diag(rho).real, atol=1e-14)


def test_wrong_arguments_are_refused_in_one_line():
    circuit, noise, theta = layered()
    with pytest.raises(ValueError, match="different qubits from 0 to 2"):
        NoisyCircuit(circuit, noise, wires=(0, 0))
    with pytest.raises(TypeError, match="NoiseModel"):
        NoisyCircuit(circuit, Depolarizing(0.1))
    with pytest.raises(ValueError, match=r"names qubit 7.*restricted\(3\)"):
        NoisyCircuit(circuit, noise.after(Depolarizing(0.1), wires=(7,)))
    with pytest.raises(ValueError, match="one entry per parameter"):
        NoisyCircuit(circuit, noise)(theta[:-1])
