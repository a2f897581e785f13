"""Infinite chains: free fermions, the Bethe ansatz, AKLT."""

from __future__ import annotations

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from circuits import hamiltonians
from circuits.mps.vumps import uniform_ground_state
from circuits.spin_chains import aklt, exchange
from tests.tensor_networks import free_fermions

Y = np.array([[0.0, -1j], [1j, 0.0]])


@functools.cache
def ising(field: float, bond: int):
    return uniform_ground_state(hamiltonians.ising(5, field), bond)


@pytest.mark.parametrize("field", [0.5, 2.0])
def test_gapped_ising_chain_to_ten_digits(field):
    psi, energy = ising(field, 16)
    assert abs(energy - free_fermions.infinite_energy(field)) < 1e-10
    assert psi.dtype == jnp.float64


def test_critical_ising_chain_gains_digits_with_the_bond_dimension():
    errors = [ising(1.0, bond).energy + 4.0 / np.pi for bond in (8, 16)]
    assert 0.0 < errors[1] < 0.1 * errors[0]  # variational
    assert errors[0] < 4e-6
    assert errors[1] < 2e-7
    assert ising(1.0, 16).converged


def test_the_state_is_canonical_and_has_the_energy():
    result = ising(2.0, 16)
    psi, d = result.state, 16
    assert np.abs(np.einsum("asb,asc->bc", psi.AL.conj(), psi.AL) - np.eye(d)).max() < 1e-12
    assert np.abs(np.einsum("asb,csb->ac", psi.AR, psi.AR.conj()) - np.eye(d)).max() < 1e-12
    assert (
        np.abs(np.einsum("asb,bc->asc", psi.AL, psi.C) - np.einsum("ab,bsc->asc", psi.C, psi.AR)).max() < 1e-8
    )
    x, z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    bond = -np.kron(x, x) - 2.0 * np.kron(z, np.eye(2))
    assert abs(float(psi.expectation(bond)) - result.energy) < 1e-8
    assert result.residual < 1e-9


def test_aklt_is_exact_at_bond_dimension_two():
    psi, energy = uniform_ground_state(aklt(4), 2)
    assert abs(energy + 2.0 / 3.0) < 1e-12
    assert abs(float(psi.entropy()) - np.log(2.0)) < 1e-8
    assert abs(psi.correlation_length() - 1.0 / np.log(3.0)) < 1e-6


def test_heisenberg_chain_by_a_rotation_of_every_second_site():
    # critical with SU(2): digits come slowly; a variational bound
    psi, energy = uniform_ground_state(hamiltonians.heisenberg(4), 16, rotation=Y)
    assert 0.0 < energy - (1.0 - 4.0 * np.log(2.0)) < 3e-4
    assert psi.dtype == jnp.float64


def test_a_two_site_term_and_a_chain_are_the_same():
    term = exchange(1) + exchange(1) @ exchange(1) / 3.0
    assert abs(uniform_ground_state(term, 2).energy - uniform_ground_state(aklt(6), 2).energy) < 1e-12


@pytest.mark.slow
def test_heisenberg_and_critical_ising_at_larger_bond_dimension():
    energy = uniform_ground_state(hamiltonians.heisenberg(4), 32, rotation=Y).energy
    assert 0.0 < energy - (1.0 - 4.0 * np.log(2.0)) < 5e-5
    assert 0.0 < ising(1.0, 32).energy + 4.0 / np.pi < 1.2e-8


def test_bad_input_is_said_in_one_line():
    with pytest.raises(ValueError, match="bond_dimension must be at least 1"):
        uniform_ground_state(hamiltonians.ising(5), 0)
    with pytest.raises(ValueError, match="not Hermitian"):
        uniform_ground_state(np.triu(np.ones((4, 4))), 4)
    with pytest.raises(ValueError, match="beyond nearest neighbours"):
        uniform_ground_state(hamiltonians.j1j2(6), 4)
    with pytest.raises(ValueError, match="from 4 sites on"):
        uniform_ground_state(hamiltonians.ising(3), 4)
    with pytest.raises(ValueError, match="not uniform"):
        uniform_ground_state(hamiltonians.from_strings({"ZZIII": 1.0, "IZZII": 2.0, "IIZZI": 1.0}), 4)
    with pytest.raises(ValueError, match="odd and even bonds differ"):
        uniform_ground_state(hamiltonians.ising(5), 4, rotation=np.diag([1.0, 1j]))
    with pytest.raises(ValueError, match="unitary"):
        uniform_ground_state(hamiltonians.ising(5), 4, rotation=np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"\(d\^2, d\^2\)"):
        uniform_ground_state(np.eye(3), 4)


def test_no_convergence_is_marked_and_said():
    with pytest.warns(UserWarning, match="has not converged in 2 iterations: residual"):
        result = uniform_ground_state(hamiltonians.ising(5), 8, max_iterations=2)
    assert not result.converged
    assert result.residual > 1e-6
