"""Matrix product operators against dense matrices, and sums of exponentials against the couplings they fit."""

from __future__ import annotations

import itertools

import jax
import networkx as nx
import numpy as np
import pytest

from circuits import hamiltonians
from circuits.local import LocalHamiltonian
from circuits.mps.exponentials import Exponentials, fit_exponentials, long_range_mpo
from circuits.mps.mpo import MPO
from circuits.mps.state import MPS
from circuits.spin_chains import aklt, spin_heisenberg

X, Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])

# name: Hamiltonian, largest bond dimension where it is known
MODELS = {
    "ising": (hamiltonians.ising(7, 0.7), 3),
    "ising ring": (hamiltonians.ising(7, 0.7, periodic=True), 4),
    "mixed field": (hamiltonians.mixed_field_ising(6), 3),
    "xxz": (hamiltonians.xxz(6, 0.5), 5),
    "heisenberg": (hamiltonians.heisenberg(7), 5),
    "heisenberg ring": (hamiltonians.heisenberg(6, periodic=True), 8),
    "j1j2": (hamiltonians.j1j2(8), 8),
    "cluster": (hamiltonians.cluster(6), 4),
    "cluster ring": (hamiltonians.cluster(6, periodic=True), 6),
    "syk": (hamiltonians.syk(jax.random.key(3), 12), None),
    "toric": (hamiltonians.toric_code(2, 3), None),
    "torus": (hamiltonians.toric_code(2, 2, periodic=True), None),
    "maxcut": (hamiltonians.maxcut(nx.random_regular_graph(3, 8, seed=1)), None),
    "complex strings": (hamiltonians.from_strings({"XYZ": 0.3, "YII": 1.0, "IIY": 0.2}), None),
    "one site": (hamiltonians.from_strings({"Z": 1.0}), 1),
    "zero": (hamiltonians.from_strings({"III": 0.0}), 1),
    "tiny coupling": (hamiltonians.from_strings({"ZII": 1.0, "XIX": 1e-9}), None),
    "aklt": (aklt(5), 10),
    "spin 1 ring": (spin_heisenberg(5, periodic=True), 8),
    "spin 3/2": (spin_heisenberg(4, 1.5), 5),
}


@pytest.mark.parametrize("name", MODELS)
def test_mpo_has_the_matrix_of_the_hamiltonian(name):
    h, bond = MODELS[name]
    mpo = MPO.from_hamiltonian(h)
    matrix = h.to_matrix()
    assert np.abs(mpo.to_matrix() - matrix).max() < 1e-13 * max(1.0, np.abs(matrix).max())
    assert mpo.is_real == np.isrealobj(h.to_sparse())
    if bond is not None:
        assert max(mpo.bond_dimensions) == bond
    # no smaller bond is exact: the rank of the operator as a map from one half of the chain to the other
    n, d = mpo.n_sites, mpo.local_dimensions[0]
    if n > 1 and np.abs(matrix).max() > 0.0:
        k = n // 2
        left, right = d**k, d ** (n - k)
        rank = np.linalg.matrix_rank(
            matrix.reshape(left, right, left, right).transpose(0, 2, 1, 3).reshape(left**2, right**2),
            tol=1e-11,
        )
        assert mpo.bond_dimensions[k] == rank
    assert mpo.hermitian_deviation() < 1e-13


def test_bond_dimension_does_not_grow_with_the_length():
    assert max(MPO.from_hamiltonian(hamiltonians.ising(64)).bond_dimensions) == 3
    assert max(MPO.from_hamiltonian(hamiltonians.heisenberg(64, periodic=True)).bond_dimensions) == 8


def test_all_to_all_couplings_are_compressed_to_their_rank():
    rng = np.random.default_rng(0)
    n = 8
    j = rng.normal(size=(n, n))
    h = LocalHamiltonian(n, 2, [((a, b), j[a, b] * np.kron(Z, Z)) for a in range(n) for b in range(a + 1, n)])
    mpo = MPO.from_hamiltonian(h)
    assert np.abs(mpo.to_matrix() - h.to_matrix()).max() < 1e-12
    assert mpo.bond_dimensions == (1, 2, 4, 5, 6, 5, 4, 2, 1)  # rank of the couplings across the cut, and 2


def test_algebra_and_compression():
    a, b = hamiltonians.ising(5), hamiltonians.heisenberg(5, periodic=True)
    total = 2.0 * MPO.from_hamiltonian(a) + b - a
    assert np.abs(total.to_matrix() - (a + b).to_matrix()).max() < 1e-12
    assert max((MPO.from_hamiltonian(a) - a).bond_dimensions) == 1
    assert abs(MPO.from_hamiltonian(a).norm() - a.norm()) < 1e-13
    y = LocalHamiltonian(2, 2, [((0,), np.array([[0.0, -1j], [1j, 0.0]]))])
    mpo = MPO.from_hamiltonian(y) * 1j
    assert abs(mpo.hermitian_deviation() - 2.0) < 1e-12
    assert np.abs(mpo.adjoint().to_matrix() - mpo.to_matrix().conj().T).max() < 1e-14


@pytest.mark.parametrize("name", ["ising ring", "complex strings", "spin 1 ring"])
def test_apply_is_the_matrix_on_the_vector(name):
    h, _ = MODELS[name]
    mpo = MPO.from_hamiltonian(h)
    psi = MPS.random(jax.random.key(0), mpo.n_sites, 2, mpo.local_dimensions[0])
    image = np.asarray(mpo.apply(psi).to_vector())
    assert np.linalg.norm(image - h.to_sparse() @ np.asarray(psi.to_vector())) < 1e-12


def test_identity():
    assert np.abs(MPO.identity(3, 3).to_matrix() - np.eye(27)).max() == 0.0


def test_exponentials_are_recovered():
    r = np.arange(1, 25)
    fit = fit_exponentials(0.7 * 0.9**r - 0.2 * (-0.5) ** r + 0.1 * 0.3**r, 3)
    order = np.argsort(fit.decays)
    assert np.abs(fit.decays[order] - [-0.5, 0.3, 0.9]).max() < 1e-8
    assert np.abs(fit.amplitudes[order] - [-0.2, 0.1, 0.7]).max() < 1e-8
    assert fit.error < 1e-13
    assert np.abs(fit(r) - (0.7 * 0.9**r - 0.2 * (-0.5) ** r + 0.1 * 0.3**r)).max() < 1e-12


@pytest.mark.parametrize("exponent", [1.0, 2.0, 3.0, 6.0])
def test_power_laws_gain_digits_with_every_exponential(exponent):
    r = np.arange(1, 64)
    errors = [fit_exponentials(r**-exponent, k).error for k in (2, 4, 6, 8)]
    assert all(b < 0.1 * a for a, b in itertools.pairwise(errors))
    assert errors[-1] < 1e-6
    fit = fit_exponentials(r**-exponent, 6)  # the stated error is the error
    assert abs(fit.error - np.abs(fit(r) - r**-exponent).max()) < 1e-14


def test_long_range_operator_has_the_couplings_to_the_stated_error():
    n = 8
    mpo, error = long_range_mpo(n, lambda r: -(r**-3.0), X, on_site=-Z, tolerance=1e-7)
    terms = [((i, j), -(abs(i - j) ** -3.0) * np.kron(X, X)) for i in range(n) for j in range(i + 1, n)]
    h = LocalHamiltonian(n, 2, [*terms, *(((i,), -Z) for i in range(n))])
    assert 0.0 < error <= 1e-7
    assert np.abs(mpo.to_matrix() - h.to_matrix()).max() < n * n * error
    assert max(mpo.bond_dimensions) < 10
    exact, _ = long_range_mpo(5, Exponentials(np.array([1.0]), np.array([0.5]), 0.0), Z, X)
    terms = [((i, j), 0.5 ** (j - i) * np.kron(Z, X)) for i in range(5) for j in range(i + 1, 5)]
    assert np.abs(exact.to_matrix() - LocalHamiltonian(5, 2, terms).to_matrix()).max() < 1e-14


def test_bad_input_is_said_in_one_line():
    with pytest.raises(TypeError, match="expected a PauliSum"):
        MPO.from_hamiltonian(np.eye(4))
    with pytest.raises(ValueError, match="tensor 1 must have the shape"):
        MPO([np.ones((1, 2, 2, 3)), np.ones((2, 2, 2, 1))])
    with pytest.raises(ValueError, match="cannot add"):
        MPO.identity(3) + MPO.identity(4)
    with pytest.raises(ValueError, match="too large"):
        MPO.identity(13).to_matrix()
    with pytest.raises(ValueError, match="the operator acts on"):
        MPO.identity(3).apply(MPS.product([[1.0, 0.0]] * 4))
    with pytest.raises(ValueError, match="determine between 1 and 5"):
        fit_exponentials(np.ones(10), 6)
    with pytest.raises(ValueError, match="finite"):
        fit_exponentials([1.0, np.inf], 1)
    with pytest.raises(ValueError, match="no sum of exponentials reaches"):
        long_range_mpo(20, np.random.default_rng(0).normal(size=19), X)
    with pytest.raises(ValueError, match="19 distances"):
        long_range_mpo(20, np.ones(5), X)
