"""Ground states by finite MERA against exact diagonalisation and free fermions; what is refused."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

from circuits import hamiltonians
from circuits.mera import MERA, block_entropies, ground_state

ISING_RING = hamiltonians.ising(12, periodic=True)


def ring_energy(n):
    """The critical Ising ring: ``-2 / sin(pi / 2n)`` (free fermions, antiperiodic)."""
    return -2.0 / np.sin(np.pi / (2.0 * n))


@pytest.fixture(scope="module")
def ising_12():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ground_state(ISING_RING, bond_dimension=4, max_iterations=250)


@pytest.mark.slow
def test_ising_ring_energy_and_state_against_exact_diagonalisation(ising_12):
    mera, energy = ising_12
    psi, exact = ISING_RING.ground_state()
    np.testing.assert_allclose(exact, ring_energy(12), rtol=1e-12)
    assert exact < energy < exact * (1.0 - 1e-5)
    vector = np.asarray(mera.to_vector())
    np.testing.assert_allclose(vector @ (ISING_RING.to_sparse() @ vector), energy, rtol=1e-12)
    assert abs(np.vdot(vector, np.asarray(psi.vector))) > 1.0 - 1e-4
    assert mera.deviation() < 1e-13
    assert min(ising_12.history) == energy


def test_entropies_are_near_those_of_the_exact_state(ising_12):
    psi, _ = ISING_RING.ground_state()
    amplitudes = np.asarray(psi.vector)
    exact = []
    for length in range(1, 7):
        p = np.linalg.svd(amplitudes.reshape(2**length, -1), compute_uv=False) ** 2
        p = p[p > 1e-15]
        exact.append(-np.sum(p * np.log(p)))
    np.testing.assert_allclose(block_entropies(ising_12.mera), exact, atol=5e-3)


def test_not_converged_is_the_best_so_far_and_says_so():
    with pytest.warns(RuntimeWarning, match="has not converged: residual"):
        result = ground_state(ISING_RING, bond_dimension=4, max_iterations=5)
    assert not result.converged
    assert result.residual > 1e-5
    assert len(result.history) == 5
    assert result.energy == min(result.history)
    # It goes on from there.
    with pytest.warns(RuntimeWarning, match="has not converged"):
        more = ground_state(ISING_RING, bond_dimension=4, max_iterations=20, initial_state=result.mera)
    assert more.energy < result.energy


def test_linearised_update_never_raises_the_energy_and_comes_near():
    accepted = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = ground_state(
            ISING_RING,
            4,
            method="linearised",
            max_iterations=150,
            progress=lambda *args: accepted.append(args[1]),
        )
    assert all(b <= a + 1e-12 for a, b in itertools.pairwise(accepted))
    assert result.energy < ring_energy(12) * (1.0 - 1e-4)


def test_open_chain_has_tensors_of_its_own_at_every_position():
    h = hamiltonians.ising(8)
    exact = -np.linalg.svd(np.eye(8) + np.eye(8, k=1), compute_uv=False).sum()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mera, energy = ground_state(h, bond_dimension=4, max_iterations=150)
    assert not mera.is_uniform
    assert exact - 1e-10 < energy < exact * (1.0 - 1e-4)
    np.testing.assert_allclose(float(mera.expectation(h)), energy, rtol=1e-12)


def test_ternary_ring_of_a_two_site_matrix():
    x, z, one = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0]), np.eye(2)
    h = -np.kron(x, x) - 0.5 * (np.kron(z, one) + np.kron(one, z))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mera, energy = ground_state(h, 4, sites=12, scheme="ternary", max_iterations=150)
    assert ring_energy(12) < energy < ring_energy(12) * (1.0 - 1e-3)
    np.testing.assert_allclose(float(mera.expectation(ISING_RING)), energy, rtol=1e-12)


def test_a_ground_state_gives_the_parameters_of_the_description(ising_12):
    mera, _ = ising_12
    description = MERA(12, 4, uniform=True)
    vector = description(description.params_of(mera)).vector
    np.testing.assert_allclose(vector, np.asarray(mera.to_vector()), atol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((hamiltonians.ising(11, periodic=True),), {}, "do not fit a binary MERA.*near by: 8, 10, 12"),
        ((hamiltonians.ising(16, periodic=True),), {"scheme": "ternary"}, "do not fit a ternary MERA"),
        ((hamiltonians.ising(4, periodic=True),), {}, "at least 6 sites"),
        ((ISING_RING, 0), {}, "bond dimension must be at least 2"),
        ((ISING_RING, 1), {}, "product state"),
        ((np.triu(np.ones((4, 4))),), {"scale_invariant": True}, "must be Hermitian; .H - H.+. is 1"),
        ((np.eye(3),), {"scale_invariant": True}, r"got shape \(3, 3\)"),
        ((np.eye(4),), {}, "needs sites=n"),
        ((hamiltonians.ising(12),), {"scale_invariant": True}, "translation-invariant"),
        ((hamiltonians.ising(12),), {"uniform": True}, "translation-invariant"),
        ((hamiltonians.j1j2(12, periodic=True),), {"scheme": "ternary"}, "at most 2 neighbouring sites"),
        ((ISING_RING,), {"scheme": "quaternary"}, "'binary' or 'ternary'"),
        ((ISING_RING,), {"method": "magic"}, "'riemannian' or 'linearised'"),
        ((ISING_RING,), {"sites": 10}, "has 12 sites"),
        ((ISING_RING, 6), {"scale_invariant": True, "layers": 1}, "reached after 2 binary layers"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, options, message):
    with pytest.raises(ValueError, match=message) as caught:
        ground_state(*arguments, **options)
    assert "\n" not in str(caught.value)


def test_no_hamiltonian_at_all_is_a_type_error():
    with pytest.raises(TypeError, match="PauliSum, a LocalHamiltonian or a two-site matrix"):
        ground_state("ising", 4, scale_invariant=True)
    with pytest.raises(TypeError, match="must be an integer"):
        ground_state(ISING_RING, 2.5)
