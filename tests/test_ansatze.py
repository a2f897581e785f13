"""Families of circuits: order of gates and parameters, closed forms, and the same families in PennyLane and Qiskit."""

from __future__ import annotations

import brute_force
import jax
import networkx as nx
import numpy as np
import pytest
import scipy.linalg

import circuits
from circuits import ansatze, gates, hamiltonians

DRAW = np.random.default_rng(7)


def random_theta(circuit: circuits.Circuit) -> np.ndarray:
    return DRAW.uniform(-np.pi, np.pi, circuit.n_parameters)


def pauli_sum(n_qubits: int, terms: dict[str, float]) -> np.ndarray:
    return sum(c * gates.pauli_matrix(s) for s, c in terms.items()) + np.zeros(
        (2**n_qubits,) * 2, dtype=complex
    )


def assert_same_up_to_phase(a: np.ndarray, b: np.ndarray, atol: float = 1e-12) -> None:
    phase = np.vdot(a, b)
    np.testing.assert_allclose(a * phase / abs(phase), b, atol=atol)


# Hardware-efficient circuits.


def test_hardware_efficient_goes_layer_by_layer_qubit_by_qubit_rotation_by_rotation():
    c = circuits.hardware_efficient(
        n_qubits=3, n_layers=2, rotations=("RY", "RZ"), entangler="CZ", topology="ring"
    )
    first = [(op.name, op.wires) for op in c.ops[:9]]
    assert first == [
        *[(name, (q,)) for q in range(3) for name in ("RY", "RZ")],
        *[("CZ", (0, 1)), ("CZ", (1, 2)), ("CZ", (2, 0))],
    ]
    assert [op.parameters[0] for op in c.ops if op.parameters] == list(range(12))
    assert c.layers == (9, 9)


@pytest.mark.parametrize(
    ("topology", "pairs"),
    [
        ("linear", ((0, 1), (1, 2), (2, 3))),
        ("ring", ((0, 1), (1, 2), (2, 3), (3, 0))),
        ("all", ((0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3))),
        ("brick", ((0, 1), (2, 3), (1, 2))),
        ([(3, 0), (1, 2)], ((3, 0), (1, 2))),
    ],
)
def test_topologies(topology, pairs):
    c = circuits.hardware_efficient(4, 1, (), "CX", topology)
    assert tuple(op.wires for op in c.ops) == pairs


def test_entanglers_and_rotations_may_have_several_angles():
    c = circuits.hardware_efficient(3, 2, "U3", "SU4", "linear", final_rotations=True)
    assert c.n_parameters == 2 * (9 + 30) + 9
    assert c.layers == (5, 5, 3)


def test_one_qubit_has_no_entanglers():
    assert circuits.hardware_efficient(1, 2).layers == (2, 2)
    assert circuits.strongly_entangling(1, 2).layers == (3, 3)
    assert circuits.brickwall(1, 2).layers == (0, 0)


def test_brickwall_alternates_and_two_qubits_meet_in_every_row():
    assert [op.wires for op in circuits.brickwall(5, 2).ops] == [(0, 1), (2, 3), (1, 2), (3, 4)]
    assert circuits.brickwall(5, 2).n_parameters == 60
    assert circuits.brickwall(2, 3).layers == (1, 1, 1)


# Haar.


def test_haar_brickwork_depends_on_the_key_only():
    c = circuits.haar_brickwork(jax.random.key(3), 3, 2)
    assert c == circuits.haar_brickwork(jax.random.key(3), 3, 2)
    assert c != circuits.haar_brickwork(jax.random.key(4), 3, 2)
    assert c.n_parameters == 0
    assert all(op.is_fixed for op in c.ops)


def test_haar_gates_have_the_moments_of_the_haar_measure():
    """E |tr U|^2 = 1 and E |tr U|^4 = 2 on U(d), d >= 2."""
    c = circuits.haar_brickwork(jax.random.key(0), 2, 3000)
    angles = np.array([[a.offset for a in op.angles] for op in c.ops])
    basis = np.stack([gates.pauli_matrix(s) for s in gates.pauli_strings(2)])
    eigenvalues = np.linalg.eigvalsh(np.einsum("ks,sij->kij", angles / 2, basis))
    traces = np.abs(np.exp(-1j * eigenvalues).sum(axis=-1))
    assert np.mean(traces**2) == pytest.approx(1.0, abs=0.08)
    assert np.mean(traces**4) == pytest.approx(2.0, abs=0.45)


# Problem-inspired circuits.


def test_qaoa_is_the_product_of_exponentials():
    graph = nx.Graph()
    graph.add_weighted_edges_from([("a", "b", 1.0), ("b", "c", 0.7), ("a", "c", -0.4)])
    c = circuits.qaoa(graph, 2)
    assert c.n_parameters == 4
    cost = pauli_sum(3, {"ZZI": 0.5, "IZZ": 0.35, "ZIZ": -0.2})
    mixer = pauli_sum(3, {"XII": 1.0, "IXI": 1.0, "IIX": 1.0})
    theta = random_theta(c)
    psi = np.full(8, 8**-0.5, dtype=complex)
    for gamma, beta in theta.reshape(2, 2):
        psi = scipy.linalg.expm(-1j * beta * mixer) @ scipy.linalg.expm(-1j * gamma * cost) @ psi
    assert_same_up_to_phase(brute_force.state(c, theta), psi)


def test_qaoa_of_a_graph_is_that_of_its_maxcut_hamiltonian():
    graph = nx.petersen_graph()
    assert set(circuits.qaoa(graph, 2).ops) == set(circuits.qaoa(hamiltonians.maxcut(graph), 2).ops)


@pytest.mark.parametrize("periodic", [False, True])
def test_ising_variational_circuit_is_the_product_of_exponentials(periodic):
    c = circuits.hamiltonian_variational("ising", 3, 2, periodic)
    xx = pauli_sum(3, {"XXI": 0.5, "IXX": 0.5, "XIX": 0.5 * periodic})
    z = pauli_sum(3, {"ZII": 0.5, "IZI": 0.5, "IIZ": 0.5})
    theta = random_theta(c)
    psi = np.eye(8)[0].astype(complex)
    for a, b in theta.reshape(2, 2):
        psi = scipy.linalg.expm(-1j * b * z) @ scipy.linalg.expm(-1j * a * xx) @ psi
    np.testing.assert_allclose(brute_force.state(c, theta), psi, atol=1e-13)


def heisenberg_bonds(bonds: list[tuple[int, int]], letters: tuple[str, ...]) -> np.ndarray:
    strings = [
        "".join(letter if q in bond else "I" for q in range(4)) for bond in bonds for letter in letters
    ]
    return pauli_sum(4, dict.fromkeys(strings, 0.5))


@pytest.mark.parametrize(("model", "groups"), [("heisenberg", ("XYZ",)), ("xxz", ("Z", "XY"))])
def test_spin_chain_circuits_are_products_of_exponentials_on_singlets(model, groups):
    c = circuits.hamiltonian_variational(model, 4, 2, periodic=True)
    singlet = np.array([0, 1, -1, 0]) / np.sqrt(2)
    psi = np.kron(singlet, singlet).astype(complex)
    theta = random_theta(c)
    parameters = iter(theta)
    for _ in range(2):
        for bonds in ([(1, 2), (3, 0)], [(0, 1), (2, 3)]):
            for letters in groups:
                psi = (
                    scipy.linalg.expm(-1j * next(parameters) * heisenberg_bonds(bonds, tuple(letters))) @ psi
                )
    assert next(parameters, None) is None
    assert_same_up_to_phase(brute_force.state(c, theta), psi)


def test_heisenberg_circuit_keeps_the_total_spin():
    c = circuits.hamiltonian_variational("heisenberg", 4, 2)
    psi = brute_force.state(c, random_theta(c))
    spin = [
        pauli_sum(4, {"".join(s if k == q else "I" for k in range(4)): 0.5 for q in range(4)}) for s in "XYZ"
    ]
    np.testing.assert_allclose([np.linalg.norm(component @ psi) for component in spin], 0.0, atol=1e-13)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_trotter_error_falls_with_its_order(order):
    h = hamiltonians.mixed_field_ising(3)
    exact = scipy.linalg.expm(-0.5j * np.asarray(h.to_matrix()))
    errors = []
    for n_steps in (3, 6):
        u = brute_force.unitary(circuits.trotter(h, 0.5, n_steps, order))
        overlap = np.vdot(exact, u)
        errors.append(np.linalg.norm(u * abs(overlap) / overlap - exact))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_trotter_time_can_be_a_parameter():
    h = hamiltonians.ising(3)
    c = circuits.trotter(h, circuits.Param(0), 3, 2)
    assert (c.n_parameters, len(c.layers)) == (1, 3)
    fixed = brute_force.state(circuits.trotter(h, 0.6, 3, 2))
    np.testing.assert_allclose(brute_force.state(c, [0.6]), fixed, atol=1e-14)


# Inputs.


def test_data_reuploading_encodes_every_feature_in_every_layer():
    c = circuits.data_reuploading(2, 2, 3, encoding=("RX", "RZ"), scale=0.5)
    encoders = [(op.name, op.wires[0], op.angles[0].input, op.angles[0].scale) for op in c.ops[:3]]
    assert encoders == [("RX", 0, 0, 0.5), ("RX", 1, 1, 0.5), ("RZ", 0, 2, 0.5)]
    assert (c.n_inputs, c.n_parameters, len(c.layers)) == (3, 12, 3)


def test_data_reuploading_repeats_features_and_scales_them():
    c = circuits.data_reuploading(3, 1, 2, trainable_scaling=True, final_rotations=False)
    assert [op.angles[0].input for op in c.ops[:3]] == [0, 1, 0]
    assert [op.angles[0].index for op in c.ops[:3]] == [0, 1, 2]
    assert c.n_parameters == 3 + 6


def test_z_feature_map_is_a_product_state():
    x = np.array([0.3, -1.1])
    one = [np.array([1, np.exp(2j * v)]) / np.sqrt(2) for v in x]
    np.testing.assert_allclose(
        brute_force.state(ansatze.z_feature_map(2, reps=1), (), x), np.kron(*one), atol=1e-14
    )


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: circuits.hardware_efficient(0, 1), "at least 1 qubit"),
        (lambda: circuits.hardware_efficient(2, -1), "n_layers must be an integer of 0 or more"),
        (lambda: circuits.hardware_efficient(2, 1, rotations="RQ"), "rotations must be gates on 1 qubit"),
        (lambda: circuits.hardware_efficient(2, 1, entangler="RX"), "entangler must be gates on 2 qubit"),
        (lambda: circuits.hardware_efficient(2, 1, topology="star"), "topology must be"),
        (lambda: circuits.hardware_efficient(2, 1, topology=[(0, 2)]), "missing qubit"),
        (lambda: circuits.strongly_entangling(3, 2, ranges=(1, 3)), "ranges must be 2 integers from 1 to 2"),
        (lambda: circuits.qaoa("graph", 1), "networkx graph or a Pauli sum"),
        (lambda: circuits.hamiltonian_variational("xy", 2, 1), "model must be"),
        (lambda: circuits.data_reuploading(2, 1, 0), "n_features must be"),
        (lambda: circuits.data_reuploading(2, 1, 2, encoding="U3"), "gates of one angle"),
        (lambda: circuits.trotter(hamiltonians.ising(2), 1.0, 1, 3), "order must be 1, 2 or 4"),
        (lambda: circuits.real_amplitudes(2, 1, "star"), "entanglement must be"),
    ],
)
def test_bad_families_are_refused_in_one_line(build, message):
    with pytest.raises((ValueError, TypeError), match=message) as error:
        build()
    assert "\n" not in str(error.value)


# Peers.


@pytest.mark.slow
@pytest.mark.parametrize(("n_qubits", "n_layers"), [(1, 2), (2, 2), (3, 3), (4, 2)])
def test_strongly_entangling_layers_are_those_of_pennylane(n_qubits, n_layers):
    qml = pytest.importorskip("pennylane")
    c = circuits.strongly_entangling(n_qubits, n_layers)
    theta = random_theta(c)

    @qml.qnode(qml.device("default.qubit", wires=n_qubits))
    def node(weights):
        qml.StronglyEntanglingLayers(weights, wires=range(n_qubits))
        return qml.state()

    np.testing.assert_allclose(
        brute_force.state(c, theta), node(theta.reshape(n_layers, n_qubits, 3)), atol=1e-14
    )


def qiskit_state(circuit, values) -> np.ndarray:
    from qiskit.quantum_info import Statevector

    return np.asarray(Statevector(circuit.assign_parameters(values).reverse_bits()).data)


@pytest.mark.slow
@pytest.mark.parametrize("entanglement", ["reverse_linear", "linear", "full", "circular"])
@pytest.mark.parametrize("n_qubits", [2, 3, 4])
def test_families_are_those_of_qiskit(n_qubits, entanglement):
    library = pytest.importorskip("qiskit.circuit.library")
    for ours, theirs in (
        (ansatze.real_amplitudes, "real_amplitudes"),
        (ansatze.efficient_su2, "efficient_su2"),
    ):
        c = ours(n_qubits, 2, entanglement)
        theta = random_theta(c)
        peer = getattr(library, theirs)(n_qubits, reps=2, entanglement=entanglement)
        np.testing.assert_allclose(brute_force.state(c, theta), qiskit_state(peer, theta), atol=1e-14)


@pytest.mark.slow
def test_z_feature_map_is_that_of_qiskit():
    library = pytest.importorskip("qiskit.circuit.library")
    x = np.array([0.3, -1.1, 0.8])
    ours = brute_force.state(ansatze.z_feature_map(3), (), x)
    np.testing.assert_allclose(ours, qiskit_state(library.z_feature_map(3), x), atol=1e-14)
