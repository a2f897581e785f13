"""Exact matrix product states against their definitions as vectors, and AKLT against its known properties."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import hamiltonians
from circuits.mps import MPS, PeriodicMPS, UniformMPS, exact, transfer

N = 6
SZ = np.diag([1.0, 0.0, -1.0])
RAISE = np.diag([np.sqrt(2.0)] * 2, 1)
DOT = np.kron(SZ, SZ) + 0.5 * (np.kron(RAISE, RAISE.T) + np.kron(RAISE.T, RAISE))
AKLT_BOND = DOT + DOT @ DOT / 3.0


def bits() -> np.ndarray:
    return (np.arange(2**N)[:, None] >> np.arange(N - 1, -1, -1)) & 1


def controlled_phases(periodic: bool) -> np.ndarray:
    b = bits()
    neighbours = np.roll(b, -1, axis=1) if periodic else np.pad(b[:, 1:], ((0, 0), (0, 1)))
    return (-1.0) ** np.sum(b * neighbours, axis=1) / 2 ** (N / 2)


def singlets(shift: int) -> np.ndarray:
    pair = np.array([0.0, 1.0, -1.0, 0.0]) / np.sqrt(2.0)
    v = np.kron(np.kron(pair, pair), pair).reshape((2,) * N)
    return np.moveaxis(v, range(N), [(i + shift) % N for i in range(N)]).reshape(-1)


def vector(psi: MPS | PeriodicMPS) -> np.ndarray:
    return np.asarray(psi.to_vector())


def test_ghz_and_w():
    ghz = np.zeros(2**N)
    ghz[[0, -1]] = 2**-0.5
    np.testing.assert_allclose(vector(exact.ghz(N)), ghz, atol=1e-15)
    np.testing.assert_allclose(
        vector(PeriodicMPS.from_tensor(exact.ghz_tensor(), N)), ghz * 2**0.5, atol=1e-15
    )
    w = np.where(bits().sum(axis=1) == 1, N**-0.5, 0.0)
    np.testing.assert_allclose(vector(exact.w(N)), w, atol=1e-15)
    three = vector(exact.ghz(3, local_dimension=3))
    np.testing.assert_allclose(three[[0, 13, 26]], 3**-0.5, atol=1e-15)


def test_cluster_states_are_controlled_phases_and_stabilised():
    np.testing.assert_allclose(vector(exact.cluster(N)), controlled_phases(False), atol=1e-15)
    ring = PeriodicMPS.from_tensor(exact.cluster_tensor(), N)
    np.testing.assert_allclose(vector(ring), controlled_phases(True), atol=1e-15)
    np.testing.assert_allclose(ring.expectation(hamiltonians.cluster(N, periodic=True)), -N, rtol=1e-12)


def test_majumdar_ghosh_states_are_singlet_coverings_and_ground_states():
    for shift in (0, 1):
        np.testing.assert_allclose(vector(exact.majumdar_ghosh(N, shift)), singlets(shift), atol=1e-15)
        energy = exact.majumdar_ghosh(N, shift).expectation(hamiltonians.j1j2(N, periodic=True))
        np.testing.assert_allclose(energy, -1.5 * N, rtol=1e-12)
    both = vector(PeriodicMPS.from_tensor(exact.majumdar_ghosh_tensor(), N))
    np.testing.assert_allclose(both, singlets(0) + singlets(1), atol=1e-14)


def test_aklt_chain_is_a_zero_of_every_projector_on_spin_two():
    projector = (AKLT_BOND + 2.0 / 3.0 * np.eye(9)) / 2.0
    np.testing.assert_allclose(projector @ projector, projector, atol=1e-14)
    states = np.stack([vector(exact.aklt(4, l, r)) for l in (0, 1) for r in (0, 1)])
    assert np.linalg.matrix_rank(states, tol=1e-10) == 4  # two free spins 1/2
    for i in range(3):
        full = np.kron(np.kron(np.eye(3**i), projector), np.eye(3 ** (2 - i)))
        np.testing.assert_allclose(states @ full, 0.0, atol=1e-14)


def test_infinite_aklt_chain():
    psi = UniformMPS.from_tensor(exact.aklt_tensor())
    np.testing.assert_allclose(psi.expectation(AKLT_BOND), -2.0 / 3.0, rtol=1e-13)
    np.testing.assert_allclose(psi.transfer_spectrum(), [1, -1 / 3, -1 / 3, -1 / 3], atol=1e-13)
    np.testing.assert_allclose(psi.correlation_length(), 1 / np.log(3.0), rtol=1e-12)
    np.testing.assert_allclose(psi.entropy(), np.log(2.0), rtol=1e-13)
    r = np.arange(1, 11)
    np.testing.assert_allclose(psi.correlations(SZ, distance=10), 4 / 3 * (-1 / 3.0) ** r, rtol=1e-12)
    assert psi.injectivity_length() == 2
    # a long block: both its ends are cut, ln 2 each
    np.testing.assert_allclose(psi.block_entropy(range(24)), 2 * np.log(2.0), atol=1e-12)


def test_bulk_cut_of_a_long_open_aklt_chain_holds_ln_2():
    np.testing.assert_allclose(exact.aklt(60).entropies()[25:35], np.log(2.0), atol=1e-12)


def test_transfer_spectra_tell_blocks_and_periods():
    np.testing.assert_allclose(transfer.transfer_spectrum(exact.ghz_tensor()), [1, 1, 0, 0], atol=1e-14)
    assert transfer.block_count(exact.ghz_tensor()) == 2
    assert transfer.block_count(exact.aklt_tensor()) == 1
    assert transfer.injectivity_length(exact.ghz_tensor()) is None
    assert transfer.injectivity_length(exact.cluster_tensor()) == 2
    dimer = transfer.transfer_spectrum(exact.majumdar_ghosh_tensor())
    np.testing.assert_allclose(np.sort(dimer[:2].real), [-1, 1], atol=1e-12)


def test_precision_and_bad_input():
    assert exact.cluster(4, dtype=jnp.float32).dtype == jnp.float32
    with pytest.raises(ValueError, match="even number of sites"):
        exact.majumdar_ghosh(5)
    with pytest.raises(ValueError, match="0 \\(up\\) or 1 \\(down\\)"):
        exact.aklt(4, left=2)
    with pytest.raises(ValueError, match="n_sites must be at least 1"):
        exact.ghz(0)
    assert isinstance(jax.tree.leaves(exact.w(3))[0], jax.Array)
