"""TDVP against the exponential of the matrix; conserved norm and energy; long range."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
import scipy.sparse.linalg

from circuits import hamiltonians
from circuits.local import LocalHamiltonian
from circuits.mps.mpo import MPO
from circuits.mps.state import MPS
from circuits.mps.tdvp import evolve_tdvp
from tests.tensor_networks import free_fermions


def product_state(n: int, d: int = 2) -> MPS:
    vectors = np.random.default_rng(1).normal(size=(n, d))
    return MPS.product(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


# Chains whose full space fits the bond dimension: there is nothing to project, and no error.
@pytest.mark.parametrize("sites", [1, 2])
@pytest.mark.parametrize("imaginary", [pytest.param(False, marks=pytest.mark.slow), True])
def test_exact_where_the_bond_dimension_is(sites, imaginary):
    h = hamiltonians.mixed_field_ising(8, periodic=True)  # a ring: beyond the reach of gates
    psi = product_state(8)
    after = scipy.linalg.expm((-1.0 if imaginary else -1j) * 0.8 * h.to_matrix()) @ np.asarray(
        psi.to_vector()
    )
    norm = np.linalg.norm(after)
    result = evolve_tdvp(psi, h, 0.1, 8, bond_dimension=16, sites=sites, imaginary=imaginary)
    assert np.linalg.norm(np.asarray(result.state.to_vector()) - after / norm) < 1e-11
    assert abs(result.time - 0.8) < 1e-12
    assert result.krylov_error < 1e-12
    assert result.log_norm == 0.0 if not imaginary else abs(result.log_norm - np.log(norm)) < 1e-11


@pytest.mark.slow
@pytest.mark.parametrize("sites", [1, 2])
def test_second_order_in_the_step_where_it_projects(sites):
    # a bond dimension that holds the state, on a chain that would need 4 times as much: only the splitting errs
    h = hamiltonians.mixed_field_ising(10)
    start = evolve_tdvp(product_state(10), h, 0.05, 4, bond_dimension=16, sites=2).state
    sparse = h.to_sparse()
    after = scipy.sparse.linalg.expm_multiply(-0.4j * sparse, np.asarray(start.to_vector()))
    errors = []
    for n_steps in (2, 4):
        result = evolve_tdvp(start, h, 0.4 / n_steps, n_steps, bond_dimension=16, sites=sites)
        errors.append(np.linalg.norm(np.asarray(result.state.to_vector()) - after))
    assert errors[1] < 2e-4
    assert errors[1] < errors[0] or errors[0] < 1e-6


@pytest.mark.slow
def test_one_site_steps_conserve_norm_and_energy():
    h = hamiltonians.xxz(11, 0.5)  # a bond dimension between powers of 2, an odd chain
    psi = product_state(11).compress(1)
    start = evolve_tdvp(psi, h, 0.05, 2, bond_dimension=6, sites=2).state
    before = float(start.expectation(h))
    result = evolve_tdvp(start, h, 0.1, 20, bond_dimension=6, sites=1)
    assert abs(float(result.state.expectation(h)) - before) < 1e-8
    assert abs(float(result.state.norm()) - 1.0) < 1e-12
    assert result.state.bond_dimension == 6
    assert result.discarded == 0.0


def test_a_long_range_chain_against_the_exponential():
    x, z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    terms = [((i, j), -(abs(i - j) ** -3.0) * np.kron(x, x)) for i in range(8) for j in range(i + 1, 8)]
    h = LocalHamiltonian(8, 2, [*terms, *(((i,), -z) for i in range(8))])
    psi = product_state(8)
    after = scipy.linalg.expm(-0.5j * h.to_matrix()) @ np.asarray(psi.to_vector())
    result = evolve_tdvp(psi, h, 0.05, 10, bond_dimension=12, sites=2)  # close to the exact 16
    assert np.linalg.norm(np.asarray(result.state.to_vector()) - after) < 1e-4


@pytest.mark.slow
def test_imaginary_time_ends_in_the_ground_state():
    h = hamiltonians.ising(16, 1.5)
    result = evolve_tdvp(product_state(16), h, 0.2, 60, bond_dimension=8, sites=2, imaginary=True)
    assert result.state.dtype == jnp.float64
    assert abs(float(result.state.expectation(h)) - free_fermions.open_energy(16, 1.5)) < 1e-5


def test_bad_input_is_said_in_one_line():
    psi = MPS.product([[1.0, 0.0]] * 6)
    h = hamiltonians.ising(6)
    with pytest.raises(ValueError, match="1 or 2 sites"):
        evolve_tdvp(psi, h, 0.1, 1, sites=3)
    with pytest.raises(ValueError, match="n_steps must be at least 1"):
        evolve_tdvp(psi, h, 0.1, 0)
    with pytest.raises(ValueError, match="both must agree"):
        evolve_tdvp(psi, hamiltonians.ising(7), 0.1, 1)
    with pytest.raises(ValueError, match="not Hermitian"):
        evolve_tdvp(psi, MPO.from_hamiltonian(h) * 1j, 0.1, 1)
    with pytest.raises(ValueError, match="bond_dimension must be at least 1"):
        evolve_tdvp(psi, h, 0.1, 1, bond_dimension=0)
