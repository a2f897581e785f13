"""DMRG against free fermions, exact diagonalisation and exactly solvable chains."""

from __future__ import annotations

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import hamiltonians
from circuits.local import LocalHamiltonian
from circuits.mps.dmrg import Stage, ground_state
from circuits.mps.exponentials import long_range_mpo
from circuits.mps.mpo import MPO
from circuits.mps.state import MPS
from circuits.spin_chains import aklt, spin_heisenberg, spin_operators
from tests.tensor_networks import free_fermions


@functools.cache
def critical(n: int, bond: int):
    return ground_state(hamiltonians.ising(n), bond, tolerance=1e-14)


def test_critical_ising_chain_has_the_energy_of_free_fermions():
    result = critical(24, 32)
    psi, energy = result
    assert result.converged
    assert abs(energy - free_fermions.open_energy(24)) < 1e-10
    assert (
        abs(float(psi.expectation(hamiltonians.ising(24))) - energy) < 1e-11
    )  # it is the energy of the state
    assert abs(float(psi.norm()) - 1.0) < 1e-12
    assert psi.bond_dimension == 32
    assert psi.dtype == jnp.float64  # a real Hamiltonian has a real state
    assert 0.0 < result.variance < 1e-9
    assert result.residual < 1e-4


def test_variance_is_that_of_the_state():
    # nearest neighbours: the two-site variance is <H^2> - <H>^2
    h = hamiltonians.ising(12)
    result = ground_state(h, 4, schedule=[Stage(4, 2, 8, 1e-12)])
    psi = np.asarray(result.state.to_vector())
    image = h.to_sparse() @ psi
    exact = image @ image - (psi @ image) ** 2
    assert exact > 1e-5
    assert abs(result.variance - exact) < 1e-9


@pytest.mark.parametrize("n_sites", [2, 3, 6, 7])
def test_short_chains_are_diagonalised(n_sites):
    h = hamiltonians.ising(n_sites, 0.8)
    with pytest.warns(UserWarning, match="exact"):
        result = ground_state(h, 64)
    assert abs(result.energy - h.spectrum(1)[0]) < 1e-12
    psi = np.asarray(result.state.to_vector())
    assert np.linalg.norm(h.to_sparse() @ psi - result.energy * psi) < 1e-10
    assert result.state.bond_dimension <= 2 ** (n_sites // 2)


# no power of 2 among the bonds: the first and last active tensors have shapes of their own
@pytest.mark.parametrize(
    ("n_sites", "bond", "limit"), [pytest.param(10, 12, 1e-3, marks=pytest.mark.slow), (6, 5, 1e-2)]
)
def test_bond_dimensions_between_powers(n_sites, bond, limit):
    h = hamiltonians.heisenberg(n_sites)
    exact = h.spectrum(2)
    result = ground_state(h, bond, tolerance=1e-11)
    error = result.energy - exact[0]
    assert -1e-12 < error < limit  # variational
    assert max(result.state.bond_dimensions) == bond
    # |<psi|0>|^2 >= 1 - error / gap
    psi = np.asarray(result.state.to_vector())
    overlap = np.abs(np.vdot(np.asarray(h.ground_state()[0].vector), psi)) ** 2
    assert overlap > 1.0 - error / (exact[1] - exact[0]) - 1e-9


def test_aklt_is_exact_at_bond_dimension_two():
    # one of the four ground states of the open chain; -2/3 per bond
    result = ground_state(aklt(14), 9, tolerance=1e-13)
    assert abs(result.energy + 13.0 * 2.0 / 3.0) < 1e-9
    schmidt = np.asarray(result.state.schmidt_values())[6]
    assert np.all(schmidt[4:] < 1e-5)  # rank 2, or 4 where the ends are entangled


@pytest.mark.slow
def test_degenerate_ground_states_give_the_energy():
    h = hamiltonians.cluster(12)  # four-fold: one free spin at each end
    result = ground_state(h, 8)
    assert abs(result.energy + 10.0) < 1e-10


@pytest.mark.slow
def test_ring_and_complex_hamiltonians():
    ring = hamiltonians.heisenberg(10, periodic=True)
    result = ground_state(ring, 16, tolerance=1e-10)
    assert 0.0 <= result.energy - ring.spectrum(1)[0] < 1e-3
    # a rotation of every site by i about Z makes the chain complex, not its spectrum
    dm = LocalHamiltonian(9, 2, [((i, i + 1), _twisted(0.3)) for i in range(8)])
    result = ground_state(dm, 8, tolerance=1e-10)
    assert result.state.dtype == jnp.complex128
    assert 0.0 <= result.energy - hamiltonians.heisenberg(9).spectrum(1)[0] < 5e-3


def _twisted(angle: float) -> np.ndarray:
    bond = hamiltonians.heisenberg(2).to_matrix()
    turn = np.kron(np.eye(2), np.diag(np.exp(0.5j * angle * np.array([1.0, -1.0]))))
    return turn @ bond @ turn.conj().T


def test_long_range_chain_against_exact_diagonalisation():
    x, z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
    mpo, error = long_range_mpo(10, lambda r: -(r**-2.0), x, on_site=-z, tolerance=1e-9)
    terms = [((i, j), -(abs(i - j) ** -2.0) * np.kron(x, x)) for i in range(10) for j in range(i + 1, 10)]
    h = LocalHamiltonian(10, 2, [*terms, *(((i,), -z) for i in range(10))])
    result = ground_state(mpo, 16, tolerance=1e-12)
    assert abs(result.energy - h.spectrum(1)[0]) < 1e-7 + 45.0 * error


@pytest.mark.slow
def test_excited_states_by_projection():
    n = 12
    h = hamiltonians.ising(n, 1.5)
    gaps = free_fermions.open_gaps(n, 1.5)
    ground = ground_state(h, 16).state
    energy = free_fermions.open_energy(n, 1.5)
    first = ground_state(h, 16, orthogonal_to=[ground, ground])  # the same state twice is no harm
    second = ground_state(h, 16, orthogonal_to=[ground, first.state])
    assert abs(first.energy - energy - gaps[0]) < 1e-6
    assert abs(second.energy - energy - gaps[1]) < 1e-6
    assert abs(complex(first.state.overlap(ground))) < 1e-10
    assert abs(complex(second.state.overlap(first.state))) < 1e-10


def test_excited_states_of_short_chains():
    h = hamiltonians.ising(6, 1.5)
    exact = h.spectrum(3)
    found: list[MPS] = []
    for level in range(3):
        result = ground_state(h, 8, orthogonal_to=found)
        assert abs(result.energy - exact[level]) < 1e-10
        found.append(result.state)


@pytest.mark.slow
def test_a_start_and_a_schedule_can_be_given():
    h = hamiltonians.ising(16, 1.2)
    seen: list[float] = []
    plan = [
        Stage(4, 1, 3, 1e-6),
        Stage(16, 1, 20, 1e-13),
    ]  # one-site sweeps only: the expansion must find the rest
    start = MPS.product([[1.0, 0.3]] * 16)
    result = ground_state(
        h, 16, initial=start, schedule=plan, progress=lambda stage, energy: seen.append(energy)
    )
    assert abs(result.energy - free_fermions.open_energy(16, 1.2)) < 1e-8
    assert seen == list(result.energies)
    assert seen[-1] < seen[0]


def test_single_precision():
    with jax.numpy_dtype_promotion("strict"):
        result = ground_state(hamiltonians.ising(16), 8, dtype=jnp.float32)
    assert result.state.dtype == jnp.float32
    assert abs(result.energy - free_fermions.open_energy(16)) < 1e-3


def test_bad_input_is_said_in_one_line():
    h = hamiltonians.ising(8)
    with pytest.raises(ValueError, match="bond_dimension must be at least 1"):
        ground_state(h, 0)
    with pytest.raises(ValueError, match="not Hermitian"):
        ground_state(MPO.from_hamiltonian(h) * (1.0 + 0.5j), 4)
    with pytest.raises(TypeError, match="expected a PauliSum"):
        ground_state(np.eye(4), 4)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="the Hamiltonian acts on 8 sites"):
        ground_state(h, 4, initial=MPS.product([[1.0, 0.0]] * 7))
    with pytest.raises(ValueError, match="krylov_steps"):
        ground_state(h, 4, krylov_steps=0)
    with pytest.raises(ValueError, match="must grow, from 1 to at most 4"):
        ground_state(h, 4, schedule=[Stage(8, 2, 1, 1e-6)])
    with pytest.raises(ValueError, match="1 or 2 sites"):
        ground_state(h, 4, schedule=[Stage(4, 3, 1, 1e-6)])


def test_no_convergence_is_marked_and_said():
    with pytest.warns(UserWarning, match="has not converged in 1 sweeps: residual"):
        result = ground_state(hamiltonians.ising(24), 32, max_sweeps=1)
    assert not result.converged
    assert result.residual > 0.0
    assert 0.0 < result.energy - free_fermions.open_energy(24) < 2.0


@pytest.mark.slow
def test_critical_ising_chain_at_64_sites():
    result = critical(64, 64)
    assert abs(result.energy - free_fermions.open_energy(64)) < 5e-12
    assert result.variance < 1e-10


@pytest.mark.slow
def test_haldane_gap():
    """The spin-1 chain has a gap of 0.41048 (White and Huse, 1993).

    The open chain has a spin 1/2 at each end: below the gap lie a singlet and a triplet. The lowest state above it is
    the lowest with total S^z = 2, found with a penalty ``(S^z - 2)^2``, which any state of S^z = 2 escapes. A magnon
    in a box of n sites costs ``0.41048 + v^2 pi^2 / (2 gap n^2)``: the limit is taken in ``1/n^2``.
    """
    gaps = []
    for n in (24, 48):
        h = spin_heisenberg(n)
        sz = spin_operators(1)[2].real
        square, _ = long_range_mpo(n, np.ones(n - 1), 2.0 * sz, sz, on_site=sz @ sz - 4.0 * sz)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ground = ground_state(h, 81, tolerance=1e-9)
            excited = ground_state(MPO.from_hamiltonian(h) + 0.7 * square, 81, tolerance=1e-9)
        gaps.append(excited.energy + 0.7 * 4.0 - ground.energy)  # (S - 2)^2 = S^2 - 4 S + 4
        total = sum(float(excited.state.expectation(LocalHamiltonian(n, 3, [((i,), sz)]))) for i in range(n))
        assert abs(total - 2.0) < 1e-4
    (a, b), (x, y) = gaps, (24.0**-2, 48.0**-2)
    limit = b - (a - b) / (x - y) * y
    assert abs(limit - 0.41048) < 0.005
