"""Relations between nodes: mutual information, shared Fisher information, influence, activations, wires."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

import circuits
from circuits import gates
from circuits.description import DensityMatrix, State
from circuits.gaussian import BosonicGaussian, FermionicGaussian
from circuits.mps import MPS
from circuits.networks import MLP
from qgeom.emergent.activations import activation_information, copula_correlation
from qgeom.emergent.influence import gate_influence, neuron_influence
from qgeom.emergent.relation import Relation
from qgeom.emergent.shared_fisher import fisher_relation, shared_information
from qgeom.emergent.site_information import mutual_information
from qgeom.emergent.wires import depth, precedence, wire_relation

X, Y, Z = np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]]), np.diag([1, -1])


def random_state(n, seed=0):
    rng = np.random.default_rng(seed)
    v = rng.normal(size=2**n) + 1j * rng.normal(size=2**n)
    return v / np.linalg.norm(v)


def brute_entropy(rho):
    values = np.linalg.eigvalsh(rho)
    values = values[values > 1e-14]
    return -np.sum(values * np.log(values))


def partial_trace(vector, n, keep):
    """By summing over basis states, one bit string at a time."""
    rho = np.zeros((2 ** len(keep), 2 ** len(keep)), complex)
    for a, b in itertools.product(range(2**n), repeat=2):
        bits_a, bits_b = (f"{k:0{n}b}" for k in (a, b))
        if all(bits_a[q] == bits_b[q] for q in range(n) if q not in keep):
            i, j = (int("".join(bits[q] for q in keep), 2) for bits in (bits_a, bits_b))
            rho[i, j] += vector[a] * vector[b].conj()
    return rho


# Mutual information.


def test_mutual_information_of_a_random_state_in_brute_force():
    v = random_state(4)
    found = mutual_information(State(jnp.asarray(v)))
    for i, j in itertools.combinations(range(4), 2):
        s = [brute_entropy(partial_trace(v, 4, keep)) for keep in ((i,), (j,), (i, j))]
        assert found.values[i, j] == pytest.approx(s[0] + s[1] - s[2], abs=1e-10)
    np.testing.assert_allclose(found.share, found.values / (2 * np.log(2)), atol=1e-12)


def test_a_state_a_density_matrix_and_an_mps_agree():
    v = random_state(5, 1)
    state = mutual_information(State(jnp.asarray(v)))
    mixed = mutual_information(DensityMatrix(jnp.asarray(np.outer(v, v.conj()))))
    network = mutual_information(MPS.from_vector(jnp.asarray(v)))
    np.testing.assert_allclose(mixed.values, state.values, atol=1e-10)
    np.testing.assert_allclose(network.values, state.values, atol=1e-10)
    blocks = [(0, 1), (2,), (3, 4)]
    by_blocks = mutual_information(State(jnp.asarray(v)), blocks)
    np.testing.assert_allclose(
        mutual_information(MPS.from_vector(jnp.asarray(v)), blocks).values, by_blocks.values, atol=1e-9
    )
    assert by_blocks.values[0, 2] > state.values[0, 3] - 1e-12, "a part has less information than the whole"


def test_a_ghz_state_relates_all_pairs_by_one_bit():
    v = np.zeros(16)
    v[[0, -1]] = np.sqrt(0.5)
    values = mutual_information(State(jnp.asarray(v, complex))).values
    np.testing.assert_allclose(values[np.triu_indices(4, 1)], np.log(2), atol=1e-12)


def test_two_squeezed_modes_share_twice_their_entropy():
    r = 0.7
    c, s = np.cosh(2 * r), np.sinh(2 * r)
    covariance = np.array([[c, s, 0, 0], [s, c, 0, 0], [0, 0, c, -s], [0, 0, -s, c]])
    found = mutual_information(BosonicGaussian.from_covariance(covariance))
    n = np.sinh(r) ** 2
    entropy = (n + 1) * np.log(n + 1) - n * np.log(n)
    assert found.values[0, 1] == pytest.approx(2 * entropy, abs=1e-9)
    assert found.share[0, 1] == pytest.approx(1 - np.exp(-4 * entropy), abs=1e-9)


def test_a_shared_fermion_is_two_bits():
    found = mutual_information(FermionicGaussian.from_correlations(np.full((2, 2), 0.5)))
    assert found.values[0, 1] == pytest.approx(2 * np.log(2), abs=1e-9)
    assert found.share[0, 1] == pytest.approx(1.0, abs=1e-9)


def test_blocks_must_be_disjoint_and_there():
    state = State(jnp.asarray(random_state(3)))
    with pytest.raises(ValueError, match="disjoint"):
        mutual_information(state, [(0, 1), (1, 2)])
    with pytest.raises(ValueError, match="from 0 to 2"):
        mutual_information(state, [(0,), (3,)])


# Fisher information.


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_shared_information_is_the_mean_squared_cosine_of_the_canonical_angles(seed):
    rng = np.random.default_rng(seed)
    j = rng.normal(size=(9, 7))
    f = j.T @ j
    rows = [np.arange(0, 3), np.arange(3, 5), np.arange(5, 7)]
    found = shared_information(f, rows)
    for a, b in itertools.combinations(range(3), 2):
        angles = scipy.linalg.subspace_angles(j[:, rows[a]], j[:, rows[b]])
        assert found[a, b] == pytest.approx(np.mean(np.cos(angles) ** 2), abs=1e-9)
    turns = [np.linalg.qr(rng.normal(size=(len(r), len(r))))[0] for r in rows]
    change = scipy.linalg.block_diag(*(turn * rng.uniform(0.3, 3.0, len(turn)) for turn in turns))
    np.testing.assert_allclose(shared_information(change.T @ f @ change, rows), found, atol=1e-6)


def test_rotations_of_one_qubit_are_one_node_twice_and_of_two_qubits_unrelated():
    p = [circuits.Param(k) for k in range(3)]
    c = circuits.Circuit(2, [gates.RY(p[0], 0), gates.RY(p[1], 0), gates.RY(p[2], 1)])
    share = fisher_relation(c, jnp.asarray([0.3, 0.4, 0.5])).share
    np.testing.assert_allclose(share, [[0, 1, 0], [1, 0, 0], [0, 0, 0]], atol=1e-9)


def test_gates_that_do_nothing_are_hidden():
    p = [circuits.Param(k) for k in range(3)]
    c = circuits.Circuit(2, [gates.RZ(p[0], 0), gates.RY(p[1], 0), gates.RY(p[2], 1)])
    found = fisher_relation(c, jnp.asarray([0.3, 0.4, 0.5]))
    assert found.hidden == (c.nodes[0].name,)
    assert found.nodes == (1, 2)
    with pytest.raises(ValueError, match="two nodes with information"):
        fisher_relation(circuits.Circuit(1, [gates.RZ(p[0], 0), gates.RY(p[1], 0)]), jnp.asarray([0.3, 0.4]))


def test_a_network_relation_keeps_the_spread_over_data():
    network = MLP((2, 3, 2))
    params = network.init(jax.random.key(0))
    rng = np.random.default_rng(0)
    few, many = (fisher_relation(network, params, rng.normal(size=(n, 2))) for n in (40, 640))
    assert few.spread is not None
    assert many.spread is not None
    ratio = np.median(few.spread[np.triu_indices(5, 1)] / many.spread[np.triu_indices(5, 1)])
    assert 2.0 < ratio < 8.0, "falls with the square root of the number of data, here 4"


# Influence.


def brute_generators(c, theta):
    """G_a at the beginning, from matrices made with np.kron, for a circuit of RY, RX and CZ on 2 qubits."""
    u, found = np.eye(4, dtype=complex), []
    for op in c.ops:
        if op.name == "CZ":
            u = np.diag([1, 1, 1, -1]) @ u
            continue
        pauli = {"RX": X, "RY": Y}[op.name]
        full = np.kron(pauli, np.eye(2)) if op.wires[0] == 0 else np.kron(np.eye(2), pauli)
        found.append(u.conj().T @ full @ u)
        u = scipy.linalg.expm(-0.5j * theta[op.angles[0].index] * full) @ u
    return found


def test_influence_between_gates_is_the_squared_commutator_in_brute_force():
    p = [circuits.Param(k) for k in range(4)]
    ops = [gates.RY(p[0], 0), gates.RX(p[1], 1), gates.CZ(0, 1), gates.RX(p[2], 0), gates.RY(p[3], 1)]
    c, theta = circuits.Circuit(2, ops), np.array([0.3, 0.7, 1.1, -0.4])
    found = gate_influence(c, jnp.asarray(theta))
    g = brute_generators(c, theta)
    for a, b in itertools.combinations(range(4), 2):
        wanted = np.linalg.norm(g[a] @ g[b] - g[b] @ g[a]) ** 2 / (4 * 4)
        assert found.values[a, b] == pytest.approx(wanted, abs=1e-12)
    assert found.values[0, 1] == pytest.approx(0.0, abs=1e-14), "outside the light cone"


def test_random_vectors_estimate_the_influence_within_their_errors():
    p = [circuits.Param(k) for k in range(4)]
    ops = [gates.RY(p[0], 0), gates.RX(p[1], 1), gates.CZ(0, 1), gates.RX(p[2], 0), gates.RY(p[3], 1)]
    theta = jnp.asarray([0.3, 0.7, 1.1, -0.4])
    exact = gate_influence(circuits.Circuit(2, ops), theta).values
    found = gate_influence(circuits.Circuit(7, ops), theta, seed=3)  # five qubits look on
    assert found.spread is not None
    assert np.all(np.abs(found.values - exact) <= 4.0 * found.spread + 1e-12)
    assert 0.0 < found.spread.max() < 0.1


def test_influence_between_neurons_is_the_share_of_variance_passed_on():
    network = MLP((1, 1, 1), activation="identity", output="gaussian", bias=False)
    params = ({"weight": jnp.asarray([[2.0]])}, {"weight": jnp.asarray([[-3.0]])})
    found = neuron_influence(network, params, np.random.default_rng(0).normal(size=(20, 1)))
    assert found.share[0, 1] == pytest.approx(1.0, abs=1e-9), (
        "all of the variance goes through the one neuron"
    )


# Activations.


def test_activations_of_independent_neurons_are_rarely_called_related():
    rng = np.random.default_rng(0)
    count = 200
    floor = np.tanh(1.96 / np.sqrt(count - 3)) ** 2
    squared = copula_correlation(rng.normal(size=(count, 40))) ** 2
    assert 0.02 < np.mean(squared[np.triu_indices(40, 1)] > floor) < 0.09


def test_activations_do_not_see_a_monotone_change():
    rng = np.random.default_rng(1)
    a = rng.normal(size=(500, 2)) @ np.array([[1.0, 0.8], [0.0, 0.6]])
    b = np.stack([np.exp(a[:, 0]), a[:, 1] ** 3], axis=1)
    np.testing.assert_allclose(copula_correlation(a), copula_correlation(b), atol=1e-12)
    assert copula_correlation(a)[0, 1] == pytest.approx(0.8, abs=0.05)


def test_dead_neurons_are_hidden_and_few_data_refused():
    network = MLP((2, 3, 2), "relu")
    params = list(network.init(jax.random.key(0)))
    bias = np.array([0.0, -100.0, 0.0])
    params[0] = {**params[0], "bias": jnp.asarray(bias)}
    data = np.random.default_rng(0).normal(size=(50, 2))
    assert network.nodes[1].name in activation_information(network, tuple(params), data).hidden
    with pytest.raises(ValueError, match="16 inputs"):
        activation_information(network, tuple(params), data[:10])


# Wires.


def test_precedence_is_the_transitive_closure_of_the_wires():
    c = circuits.hardware_efficient(n_qubits=3, n_layers=2)
    n = len(c.nodes)
    adjacency = np.zeros((n, n), int)
    for i, j in c.wires:
        adjacency[i, j] = 1
    reached = np.linalg.matrix_power(np.eye(n, dtype=int) + adjacency, n) - np.eye(n, dtype=int) > 0
    np.testing.assert_array_equal(precedence(c), reached)
    assert all(depth(c)[j] > depth(c)[i] for i, j in c.wires)
    assert wire_relation(c).share.max() == pytest.approx(np.exp(-1))


def test_a_shuffled_relation_keeps_its_values_and_loses_their_places():
    rng = np.random.default_rng(0)
    table = rng.uniform(size=(6, 6))
    table = np.triu(table, 1) + np.triu(table, 1).T
    relation = Relation("test", tuple("abcdef"), table, "", table)
    dealt = relation.shuffled(rng).share
    upper = np.triu_indices(6, 1)
    np.testing.assert_allclose(np.sort(dealt[upper]), np.sort(table[upper]))
    assert not np.allclose(dealt, table)
