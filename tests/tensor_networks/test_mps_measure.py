"""Measurements on open chains against exact diagonalisation and brute force through the vector."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg

from circuits import hamiltonians
from circuits.mps import MPS, measure
from circuits.mps.mpo import MPO

X = np.array([[0.0, 1.0], [1.0, 0.0]])
Y = np.array([[0.0, -1j], [1j, 0.0]])
Z = np.diag([1.0, -1.0])


def split(v: np.ndarray, sites: list[int]) -> np.ndarray:
    n = round(np.log2(v.size))
    return np.moveaxis(v.reshape((2,) * n), sites, range(len(sites))).reshape(2 ** len(sites), -1)


def reduced(v: np.ndarray, sites: list[int]) -> np.ndarray:
    t = split(v, sites)
    return t @ t.conj().T


def entropy(v: np.ndarray, sites: list[int], order: float = 1.0) -> float:
    p = np.linalg.svd(split(v, sites), compute_uv=False) ** 2
    p = p[p > 1e-30]
    return float(-np.sum(p * np.log(p)) if order == 1.0 else np.log(np.sum(p**order)) / (1 - order))


def mutual_information(v: np.ndarray, a: list[int], b: list[int]) -> float:
    return entropy(v, a) + entropy(v, b) - entropy(v, a + b)


def one_site(op: np.ndarray, i: int, n: int) -> np.ndarray:
    return np.kron(np.kron(np.eye(2**i), op), np.eye(2 ** (n - 1 - i)))


@pytest.fixture(scope="module")
def random_state() -> tuple[np.ndarray, MPS]:
    rng = np.random.default_rng(0)
    v = rng.normal(size=256) + 1j * rng.normal(size=256)
    v /= np.linalg.norm(v)
    return v, MPS.from_vector(3.0 * v)  # measurements divide by the norm


@pytest.mark.parametrize("kind", ["random", "critical Ising", "Heisenberg"])
def test_entropies_at_12_sites_are_those_of_exact_diagonalisation(kind):
    n = 12
    if kind == "random":
        v = np.random.default_rng(1).normal(size=2**n)
    else:
        h = hamiltonians.ising(n) if kind == "critical Ising" else hamiltonians.heisenberg(n)
        v = scipy.sparse.linalg.eigsh(h.to_sparse().real, k=1, which="SA")[1][:, 0]
    v = v / np.linalg.norm(v)
    psi = MPS.from_vector(v)
    for order in (1.0, 2.0):
        expected = [entropy(v, list(range(i + 1)), order) for i in range(n - 1)]
        np.testing.assert_allclose(psi.entropies(order), expected, atol=1e-8)
    spectrum = np.sort(np.linalg.eigvalsh(reduced(v, list(range(6)))))[::-1]
    np.testing.assert_allclose(np.exp(-psi.entanglement_spectrum(5)[:8]), spectrum[:8], atol=1e-10)
    np.testing.assert_allclose(psi.entropy(5), psi.entropies()[5], rtol=1e-14)
    np.testing.assert_allclose(psi.entropy(5, float("inf")), -np.log(spectrum[0]), atol=1e-10)


def test_mutual_information_of_sites_and_blocks_is_that_of_the_vector(random_state):
    v, psi = random_state
    for a, b in ([0], [5]), ([2, 3], [4, 5]), ([1, 2], [5, 6]), ([0, 3], [6]), ([7], [0, 1, 2]):
        np.testing.assert_allclose(psi.mutual_information(a, b), mutual_information(v, a, b), atol=1e-10)
    np.testing.assert_allclose(psi.mutual_information(2, 6), mutual_information(v, [2], [6]), atol=1e-10)


def test_mutual_information_of_every_pair_at_once(random_state):
    v, psi = random_state
    matrix = measure.mutual_information_matrix(psi)
    for i in range(8):
        for j in range(8):
            expected = 0.0 if i == j else mutual_information(v, [i], [j])
            np.testing.assert_allclose(matrix[i, j], expected, atol=1e-10)


def test_entropy_of_a_long_block_is_taken_on_its_support():
    psi = MPS.random(jax.random.key(0), 12, 3)
    v = np.asarray(psi.to_vector())
    for sites in (range(2, 10), [1, 2, 3, 4, 7, 8, 9, 10]):  # 2^8 states on supports of dimension 9 and 81
        np.testing.assert_allclose(measure.block_entropy(psi, sites), entropy(v, list(sites)), atol=1e-9)


def test_correlations_of_any_two_operators_on_any_two_sites(random_state):
    v, psi = random_state
    c = psi.correlations(X, Y)
    connected = psi.correlations(X, Y, connected=True)
    means = {k: [np.vdot(v, one_site(op, i, 8) @ v) for i in range(8)] for k, op in (("X", X), ("Y", Y))}
    for i in range(8):
        for j in range(8):
            expected = np.vdot(v, one_site(X, i, 8) @ one_site(Y, j, 8) @ v)
            np.testing.assert_allclose(c[i, j], expected, atol=1e-12)
            np.testing.assert_allclose(connected[i, j], expected - means["X"][i] * means["Y"][j], atol=1e-12)
    np.testing.assert_allclose(measure.local_expectations(psi, X), means["X"], atol=1e-12)


def test_density_matrices_follow_the_order_of_the_sites(random_state):
    v, psi = random_state
    for sites in [4], [1, 6], [5, 2], [7, 0, 3]:
        np.testing.assert_allclose(psi.density_matrix(sites), reduced(v, sites), atol=1e-12)


def test_expectation_and_variance_of_hamiltonians_and_operators(random_state):
    v, psi = random_state
    h = hamiltonians.heisenberg(8) + hamiltonians.ising(8, field=0.3, periodic=True)
    matrix = h.to_sparse()
    mean = np.vdot(v, matrix @ v).real
    value = psi.expectation(h)
    assert jnp.isrealobj(value)
    np.testing.assert_allclose(value, mean, rtol=1e-12)
    np.testing.assert_allclose(psi.expectation(MPO.from_hamiltonian(h)), mean, rtol=1e-12)
    square = np.linalg.norm(matrix @ v) ** 2
    np.testing.assert_allclose(psi.variance(h), square - mean**2, rtol=1e-10)
    with pytest.raises(ValueError, match="6 sites cannot be measured on a state of 8 sites"):
        psi.expectation(hamiltonians.ising(6))
    with pytest.raises(TypeError, match="PauliSum"):
        psi.expectation(np.eye(4))


@pytest.mark.slow
def test_gradient_of_entropies_is_that_of_finite_differences():
    psi = MPS.random(jax.random.key(4), 6, 4)
    step = MPS.random(jax.random.key(5), 6, 4)

    def middle(t):
        return MPS([a + t * b for a, b in zip(psi.tensors, step.tensors, strict=True)]).entropy(2)

    h = 1e-5
    numerical = (middle(h) - middle(-h)) / (2 * h)
    np.testing.assert_allclose(jax.grad(middle)(0.0), numerical, rtol=1e-7)
