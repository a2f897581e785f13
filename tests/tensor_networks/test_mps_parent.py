"""Parent and uncle Hamiltonians: AKLT, GHZ, cluster, and sums of two blocks."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from circuits import hamiltonians
from circuits.local import LocalHamiltonian
from circuits.mps import (
    PeriodicMPS,
    UniformMPS,
    exact,
    low_spectrum,
    parent,
    parent_hamiltonian,
    uncle_hamiltonian,
)

SZ = np.diag([1.0, 0.0, -1.0])
RAISE = np.diag([np.sqrt(2.0)] * 2, 1)
DOT = np.kron(SZ, SZ) + 0.5 * (np.kron(RAISE, RAISE.T) + np.kron(RAISE.T, RAISE))
SPIN_TWO = (DOT + DOT @ DOT / 3.0 + 2.0 / 3.0 * np.eye(9)) / 2.0  # the projector of AKLT, PRL 59, 799 (1987)


def two_blocks() -> np.ndarray:
    """A product state on level 0 and the cluster state on levels 1 and 2: blocks of bond dimension 1 and 2."""
    a = np.zeros((3, 3, 3))
    a[0, 0, 0] = 1.0
    a[1:, 1:, 1:] = exact.cluster_tensor()
    return a


def two_products(angle: float = 1.0) -> np.ndarray:
    """Two product states of qubits that are not orthogonal."""
    a = np.zeros((2, 2, 2))
    a[0, 0, 0] = 1.0
    a[1, :, 1] = np.cos(angle), np.sin(angle)
    return a


@functools.cache
def ghz_uncle_gaps() -> np.ndarray:
    out = []
    for n in range(4, 13):
        low = low_spectrum(uncle_hamiltonian(exact.ghz_tensor(), n))
        assert low.degeneracy == 2
        out.append((n, low.gap))
    return np.array(out)


def test_parent_of_aklt_is_the_projector_on_spin_two():
    h = parent_hamiltonian(exact.aklt_tensor(), 5)
    assert len(h.terms) == 5
    for sites, matrix in h.terms:
        assert len(sites) == 2
        np.testing.assert_allclose(matrix, SPIN_TWO, atol=1e-13)
    low = low_spectrum(h)
    assert low.degeneracy == 1
    open_chain = low_spectrum(parent_hamiltonian(exact.aklt_tensor(), 5, periodic=False))
    assert open_chain.degeneracy == 4
    from_state = parent_hamiltonian(UniformMPS.from_tensor(exact.aklt_tensor()), 5)
    np.testing.assert_allclose(from_state.terms[0][1], SPIN_TWO, atol=1e-12)


def test_parent_of_the_cluster_state_is_its_stabilisers():
    h = parent_hamiltonian(PeriodicMPS.from_tensor(exact.cluster_tensor(), 6), 6)
    np.testing.assert_allclose(low_spectrum(h).degeneracy, 1)
    stabilisers = hamiltonians.cluster(6, periodic=True)
    # each projector on 3 sites is (1 - Z X Z) / 2
    expected = (stabilisers.to_sparse().toarray().real + 6 * np.eye(64)) / 2
    np.testing.assert_allclose(h.to_sparse().toarray(), expected, atol=1e-12)


def test_parent_of_ghz_is_the_classical_ising_ring():
    for n in (4, 8):
        low = low_spectrum(parent_hamiltonian(exact.ghz_tensor(), n))
        assert low.degeneracy == 2
        np.testing.assert_allclose(low.gap, 2.0, rtol=1e-10)  # two domain walls


def test_uncle_of_ghz_lets_domain_walls_move_freely():
    basis = parent.limiting_support(exact.ghz_tensor(), parent.random_perturbation(exact.ghz_tensor()), 3)
    wall = np.zeros((8, 4))
    wall[0b000, 0] = wall[0b111, 1] = 1.0
    wall[[0b001, 0b011], 2] = wall[[0b100, 0b110], 3] = 2**-0.5
    np.testing.assert_allclose(basis @ basis.T, wall @ wall.T, atol=1e-12)


def test_uncle_of_ghz_has_two_ground_states_on_a_ring_and_no_gap():
    n, gaps = ghz_uncle_gaps().T
    # two free fermionic walls of energy 1 - cos k at k = +- pi / n
    np.testing.assert_allclose(gaps, 2 * (1 - np.cos(np.pi / n)), rtol=1e-8)
    exponent = np.polyfit(np.log(n[-4:]), np.log(gaps[-4:]), 1)[0]
    assert abs(exponent + 2) < 0.05


def test_uncle_of_an_injective_state_is_its_parent():
    a = exact.aklt_tensor()
    for seed in (0, 1):
        uncle = uncle_hamiltonian(a, 5, seed=seed)
        np.testing.assert_allclose(uncle.terms[0][1], SPIN_TWO, atol=1e-12)


@pytest.mark.parametrize(("name", "length"), [("ghz", 3), ("ghz", 4), ("two blocks", 3)])
def test_limiting_support_is_the_limit_of_supports_at_small_eps(name, length):
    a = exact.ghz_tensor() if name == "ghz" else two_blocks()
    p = parent.random_perturbation(a, seed=3)
    limit = parent.limiting_support(a, p, length)
    assert limit.shape[1] == a.shape[0] ** 2
    distances = []
    for eps in (1e-2, 1e-3, 1e-4):
        near = parent.support(a + eps * p, length)
        assert near.shape == limit.shape
        distances.append(np.linalg.norm(near @ near.conj().T - limit @ limit.conj().T, 2))
    assert distances[-1] < 1e-2
    rates = np.log10(np.array(distances[:-1]) / np.array(distances[1:]))
    np.testing.assert_allclose(rates[-1], 1.0, atol=0.1)  # first order in eps


@pytest.mark.parametrize(("tensor", "sizes"), [(two_blocks(), (5, 6, 7)), (two_products(), (7, 8, 9))])
def test_parent_and_uncle_of_two_blocks_share_ground_states_but_only_the_parent_has_a_gap(tensor, sizes):
    blocks = (tensor[:1, :, :1], tensor[1:, :, 1:])
    gaps = {"parent": [], "uncle": []}
    for n in sizes:
        states = [np.asarray(PeriodicMPS.from_tensor(b, n).to_vector()) for b in blocks]
        for name, build in ("parent", parent_hamiltonian), ("uncle", uncle_hamiltonian):
            h = build(tensor, n)
            low = low_spectrum(h, 3)
            assert low.degeneracy == 2, (name, n)
            gaps[name].append(low.gap)
            for v in states:
                assert np.linalg.norm(h.to_sparse() @ v) < 1e-9 * np.linalg.norm(v)
    slope = {k: np.polyfit(np.log(sizes), np.log(g), 1)[0] for k, g in gaps.items()}
    assert slope["parent"] > -0.7  # towards a constant, from above
    assert slope["uncle"] < -1.3  # towards 1 / n^2; the smallest rings are not there yet
    assert gaps["uncle"][-1] < 0.4 * gaps["parent"][-1]


def test_low_spectrum_finds_every_copy_beyond_dense_sizes():
    z = np.diag([0.0, 1.0])
    h = LocalHamiltonian(11, 2, [((i,), z) for i in range(8)])  # 3 free spins: 8 copies of every level
    low = low_spectrum(h, count=12)
    assert low.degeneracy == 8
    np.testing.assert_allclose(low.energies, [0.0] * 8 + [1.0] * 4, atol=1e-9)
    np.testing.assert_allclose(low.gap, 1.0, rtol=1e-9)


def test_what_a_parent_needs_is_said():
    aklt, ghz = exact.aklt_tensor(), exact.ghz_tensor()
    with pytest.raises(ValueError, match="not injective enough for a parent on 1 site: it needs length >= 2"):
        parent_hamiltonian(aklt, 6, length=1)
    with pytest.raises(
        ValueError, match="no block length makes this tensor injective: it has 2 blocks.*unique=False"
    ):
        parent_hamiltonian(ghz, 6, unique=True)
    with pytest.raises(ValueError, match="repeats only every few sites"):
        parent_hamiltonian(exact.majumdar_ghosh_tensor(), 6)
    with pytest.raises(ValueError, match="uncle needs length >= 3"):
        uncle_hamiltonian(ghz, 6, length=2)
    with pytest.raises(ValueError, match="must connect the blocks both ways"):
        uncle_hamiltonian(ghz, 6, perturbation=np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="tensor's shape"):
        uncle_hamiltonian(ghz, 6, perturbation=np.zeros((2, 3, 2)))
    with pytest.raises(ValueError, match="chain must have as many, not 1"):
        parent_hamiltonian(ghz, 1)
    with pytest.raises(ValueError, match="all tensors of the ring equal"):
        parent_hamiltonian(PeriodicMPS([ghz, ghz, 2 * ghz]), 3)


def test_every_copy_of_a_level_is_found_where_few_levels_are_distinct():
    # Commuting projectors on a ring of 12, above the dense size: (1 - Z Z)/2 per bond has the levels 0, 2, 4, ...
    found = low_spectrum(parent_hamiltonian(exact.ghz_tensor(), 12))
    np.testing.assert_allclose(found.energies, [0.0, 0.0, 2.0, 2.0, 2.0, 2.0], atol=1e-8)
    assert found.degeneracy == 2
