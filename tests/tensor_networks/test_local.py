"""Local Hamiltonians and spin chains against Pauli sums, Kronecker products and known spectra."""

from __future__ import annotations

import numpy as np
import pytest

from circuits import hamiltonians
from circuits.local import LocalHamiltonian
from circuits.spin_chains import aklt, exchange, spin_heisenberg, spin_operators


@pytest.mark.parametrize("model", ["ising", "heisenberg", "j1j2", "cluster", "toric"])
def test_a_pauli_sum_keeps_its_matrix(model):
    h = {
        "ising": hamiltonians.ising(5, 0.7, periodic=True),
        "heisenberg": hamiltonians.heisenberg(5),
        "j1j2": hamiltonians.j1j2(6),
        "cluster": hamiltonians.cluster(5, periodic=True),
        "toric": hamiltonians.toric_code(2, 2),
    }[model]
    local = LocalHamiltonian.from_pauli_sum(h)
    assert np.abs(local.to_matrix() - h.to_matrix()).max() < 1e-14
    assert local.is_real == h.is_real


def test_the_first_site_named_is_the_first_factor_whatever_the_order():
    rng = np.random.default_rng(0)
    a, b, c = (x + x.T for x in rng.normal(size=(3, 2, 2)))
    h = LocalHamiltonian(3, 2, [((2, 0), np.kron(a, b)), ((1,), c)])
    expected = np.kron(np.kron(b, np.eye(2)), a) + np.kron(np.kron(np.eye(2), c), np.eye(2))
    assert np.abs(h.to_matrix() - expected).max() < 1e-14


def test_sums_and_multiples():
    x = np.array([[0.0, 1.0], [1.0, 0.0]])
    h = LocalHamiltonian(3, 2, [((0,), x)])
    total = 2.0 * h + hamiltonians.ising(3) - h
    assert np.abs(total.to_matrix() - h.to_matrix() - hamiltonians.ising(3).to_matrix()).max() < 1e-14


@pytest.mark.parametrize("spin", [0.5, 1, 1.5, 2])
def test_spin_operators_are_an_algebra(spin):
    sx, sy, sz = spin_operators(spin)
    assert np.abs(sx @ sy - sy @ sx - 1j * sz).max() < 1e-14
    assert np.abs(sx @ sx + sy @ sy + sz @ sz - spin * (spin + 1) * np.eye(len(sz))).max() < 1e-13


def test_spin_half_is_a_quarter_of_the_pauli_chain():
    pauli = hamiltonians.heisenberg(6, periodic=True).spectrum(8)
    assert np.abs(spin_heisenberg(6, 0.5, periodic=True).spectrum(8) - pauli / 4.0).max() < 1e-12


def test_aklt_energy_and_degeneracy():
    # -2/3 per bond exactly; four ground states on the open chain (two free spins 1/2), one on the ring
    spectrum = aklt(6).spectrum(5)
    assert np.abs(spectrum[:4] + 10.0 / 3.0).max() < 1e-12
    assert spectrum[4] > spectrum[3] + 0.3
    ring = aklt(6, periodic=True).spectrum(2)
    assert abs(ring[0] + 4.0) < 1e-12
    assert ring[1] > ring[0] + 0.3
    # one bond is 2 P_2 - 2/3
    bond = exchange(1) + exchange(1) @ exchange(1) / 3.0
    assert np.allclose(np.linalg.eigvalsh(bond), [-2 / 3] * 4 + [4 / 3] * 5)


def test_ground_state_is_an_eigenvector():
    h = spin_heisenberg(4)
    psi, energy = h.ground_state()
    assert np.linalg.norm(h.to_sparse() @ np.asarray(psi.vector) - energy * np.asarray(psi.vector)) < 1e-12


def test_bad_input_is_said_in_one_line():
    x = np.eye(2)
    with pytest.raises(ValueError, match="not Hermitian.*= 1;"):
        LocalHamiltonian(2, 2, [((0,), np.array([[0.0, 1.0], [0.0, 0.0]]))])
    with pytest.raises(ValueError, match="distinct sites between 0 and 1"):
        LocalHamiltonian(2, 2, [((2,), x)])
    with pytest.raises(ValueError, match="distinct sites"):
        LocalHamiltonian(2, 2, [((1, 1), np.eye(4))])
    with pytest.raises(ValueError, match=r"shape \(4, 4\)"):
        LocalHamiltonian(2, 2, [((0, 1), x)])
    with pytest.raises(ValueError, match="not finite"):
        LocalHamiltonian(2, 2, [((0,), np.nan * x)])
    with pytest.raises(ValueError, match="k must lie between"):
        aklt(2).spectrum(100)
    with pytest.raises(ValueError, match="needs .* GiB"):
        aklt(12).to_matrix()
    with pytest.raises(ValueError, match="a spin is 1/2"):
        spin_heisenberg(4, 0.7)
    with pytest.raises(ValueError, match="at least 2 sites"):
        aklt(1)
    with pytest.raises(ValueError, match="more than 10"):
        LocalHamiltonian.from_pauli_sum(hamiltonians.PauliSum(("X" * 12,)))
    with pytest.raises(AttributeError, match="immutable"):
        aklt(3).terms = ()
