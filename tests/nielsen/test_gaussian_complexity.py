"""Complexities of Gaussian states: closed forms, Nielsen lengths of one and two qubits, brute-force paths."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from scipy.optimize import minimize

import circuits
from circuits import Param, gaussian
from circuits.gates import RXX, RZ
from circuits.gaussian import BosonicGaussian, FermionicGaussian, Matchgates
from qgeom.nielsen import GeneralLinear, PauliGroup, Penalty, flat_distance
from qgeom.nielsen.gaussian_complexity import (
    bosonic_complexity,
    fermionic_complexity,
    lattice_complexity,
    rotation_complexity,
)
from qgeom.nielsen.gaussian_geodesic import entangling_penalty, squeezing_geodesic


@pytest.mark.parametrize("a", [0.3, 1.2, np.pi / 2])
def test_one_pair_costs_what_two_qubits_cost_over_the_stabiliser(a):
    circuit = circuits.Circuit(2, [RXX(Param(0), 0, 1)])
    description = Matchgates(circuit)
    found = fermionic_complexity(description(jnp.asarray([2 * a])))
    assert np.allclose(found.angles, [a], atol=1e-7)
    assert np.isclose(found.F1, a, atol=1e-7)
    assert np.isclose(found.F2, a / np.sqrt(2), atol=1e-7)
    # The gate alone is longer: the unitary exp(-i a XX), among all unitaries and among Gaussian ones.
    unitary = scipy.linalg.expm(-1j * a * np.kron([[0, 1], [1, 0]], [[0, 1], [1, 0]]))
    assert np.isclose(rotation_complexity(description.rotation(jnp.asarray([2 * a]))), a, atol=1e-7)
    assert np.isclose(flat_distance(PauliGroup(2), unitary), min(a, np.pi / 2), atol=1e-7)
    # The shortest of all two-qubit unitaries that take |00> to the target: exp of the plane rotation.
    plane = np.zeros((4, 4))
    plane[0, 3] = plane[3, 0] = a
    best = scipy.linalg.expm(-1j * plane)
    assert np.allclose(best[:, 0], unitary[:, 0], atol=1e-12)
    assert np.isclose(flat_distance(PauliGroup(2), best), found.F2, atol=1e-7)


def test_no_unitary_to_the_same_state_is_shorter():
    a = 0.7
    plane = np.zeros((4, 4))
    plane[0, 3] = plane[3, 0] = a
    best = scipy.linalg.expm(-1j * plane)
    rng = np.random.default_rng(0)
    for scale in (0.05, 0.3, 1.0):
        for _ in range(10):  # unitaries that keep |00>
            h = rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3))
            stabiliser = scipy.linalg.block_diag(1.0, scipy.linalg.expm(1j * scale * (h + h.conj().T)))
            assert flat_distance(PauliGroup(2), best @ stabiliser) > a / np.sqrt(2) - 1e-12


def test_bogoliubov_angles_of_the_ising_ring():
    # From the state of infinite field, the vacuum: tan 2 t_k = sin k/(h - cos k), one pair (k, -k) each.
    n, h = 64, 0.6
    state = gaussian.ising(n, h, periodic=True).ground_state()
    k = (2 * np.arange(n // 2) + 1) * np.pi / n
    expected = 0.5 * np.arctan2(np.sin(k), h - np.cos(k))
    found = fermionic_complexity(state)
    assert np.allclose(found.angles, np.sort(expected)[::-1], atol=1e-7)
    # A rotation of both states, which hides that they are real, changes nothing.
    q = jnp.asarray(np.linalg.qr(np.random.default_rng(0).normal(size=(2 * n, 2 * n)))[0])
    turned = fermionic_complexity(state.rotated(q), FermionicGaussian.vacuum(n).rotated(q))
    assert np.allclose(turned.angles, found.angles, atol=1e-7)
    assert np.isclose(turned.kappa(1.0), found.F1, atol=1e-6)


def test_other_parities_and_mixed_states_have_no_complexity():
    with pytest.raises(ValueError, match="different fermion parity"):
        fermionic_complexity(FermionicGaussian.occupied([1, 0, 0]))
    with pytest.raises(ValueError, match="mixed"):
        fermionic_complexity(FermionicGaussian.occupied([0.5, 0]))
    with pytest.raises(ValueError, match="the means differ"):
        bosonic_complexity(BosonicGaussian.vacuum(1).displaced(jnp.ones(2)))
    assert np.allclose(fermionic_complexity(FermionicGaussian.occupied([1, 0, 1])).angles, [np.pi / 2])


def test_two_coupled_oscillators_have_the_complexity_of_jefferson_and_myers():
    w0, m, c, reference = 1.0, 1.0, 3.0, 1.5
    state = gaussian.harmonic_chain(2, m, c, periodic=False).ground_state()
    plus, minus = w0, np.sqrt(w0**2 + 2 * c)
    found = bosonic_complexity(state, BosonicGaussian.product([reference] * 2))
    logs = np.log(np.array([plus, minus]) / reference)
    assert np.isclose(found.F2, 0.5 * np.sqrt(np.sum(logs**2)), atol=1e-12)
    assert np.isclose(found.F1, 0.5 * np.sum(np.abs(logs)), atol=1e-12)
    assert np.isclose(found.kappa(2), found.F2**2, atol=1e-12)
    # As the shortest of the maps of positions, in the flat metric of GL(2).
    u = scipy.linalg.sqrtm(reference * np.asarray(state.covariance)[:2, :2]).real
    assert np.isclose(flat_distance(GeneralLinear(2), u), found.F2, atol=1e-10)


def test_positions_and_momenta_may_mix():
    gates = [
        gaussian.Squeezing(Param(0), 0),
        gaussian.Phase(0.7, 0),
        gaussian.TwoModeSqueezing(Param(1), 1, 2),
    ]
    state = gaussian.OpticalCircuit(3, gates)(jnp.asarray([0.4, 0.9]))
    assert np.allclose(bosonic_complexity(state).angles, [0.9, 0.9, 0.4], atol=1e-10)


def test_two_thousand_modes_take_seconds():
    n, mass, coupling, reference = 2000, 0.1, 1.0, 1.0
    k = 2 * np.pi * np.arange(n) / n
    w = np.sqrt(mass**2 + 4 * coupling * np.sin(k / 2) ** 2)
    positions = scipy.linalg.circulant(np.fft.ifft(1 / w).real)
    momenta = scipy.linalg.circulant(np.fft.ifft(w).real)
    sigma = scipy.linalg.block_diag(positions, momenta)
    state = BosonicGaussian(jnp.zeros(2 * n), jnp.asarray(sigma), True)
    found = bosonic_complexity(state, BosonicGaussian.product([reference] * n))
    expected = lattice_complexity(w, reference)
    assert np.isclose(found.F1, expected.F1, rtol=1e-9)
    assert np.isclose(found.F2, 0.5 * np.linalg.norm(np.log(w)), rtol=1e-9)


def relaxed_length(goal: np.ndarray, weights: np.ndarray, seed: int, segments: int = 12) -> float:
    """Shortest piecewise-constant path of GL(2) with U U' = goal, by constrained minimisation in SciPy."""
    rng = np.random.default_rng(seed)

    def energy(x: np.ndarray) -> float:
        return segments * float(np.sum(weights * x.reshape(segments, 4) ** 2))

    def miss(x: np.ndarray) -> np.ndarray:
        u = np.eye(2)
        for h in x.reshape(segments, 2, 2):
            u = scipy.linalg.expm(h) @ u
        return (u @ u.T - goal)[np.triu_indices(2)]

    values, q = np.linalg.eigh(goal)
    start = np.tile(((q * np.log(values) / 2) @ q.T).ravel() / segments, segments)
    start = start + 0.1 / segments * rng.normal(size=start.size)
    found = minimize(
        energy, start, constraints={"type": "eq", "fun": miss}, method="SLSQP", options={"ftol": 1e-10}
    )
    assert found.success
    return float(np.sqrt(found.fun))


@pytest.mark.slow
def test_penalised_geodesics_are_the_shortest_relaxed_paths():
    state = gaussian.harmonic_chain(2, 1.0, 3.0, periodic=False).ground_state()
    flat = bosonic_complexity(state, BosonicGaussian.product([1.5] * 2))
    goal = 1.5 * np.asarray(state.covariance)[:2, :2]
    lengths = []
    for q in (1.0, 4.0):
        penalty = entangling_penalty(2, q)
        found = squeezing_geodesic(state, 1.5, penalty)
        assert found.converged
        assert np.allclose(found.unitary @ found.unitary.T, goal, atol=1e-9)
        assert found.lower_bound <= found.length + 1e-12
        best = min(relaxed_length(goal, np.asarray(penalty.weights), seed) for seed in range(2))
        assert np.isclose(found.length, best, rtol=5e-3)
        lengths.append(found.length)
    assert np.isclose(lengths[0], flat.F2, atol=1e-10)
    assert lengths[1] > lengths[0]


def test_bad_input_of_penalised_geodesics_is_refused():
    state = BosonicGaussian.product([1.0, 2.0])
    with pytest.raises(ValueError, match=r"expected a penalty on GeneralLinear\(2\)"):
        squeezing_geodesic(state, 1.0, entangling_penalty(3, 2.0))
    with pytest.raises(ValueError, match="finite weights"):
        squeezing_geodesic(state, 1.0, Penalty(GeneralLinear(2), [1.0, np.inf, np.inf, 1.0]))
    with pytest.raises(ValueError, match="correlates positions"):
        rotated = gaussian.OpticalCircuit(2, [gaussian.Squeezing(0.5, 0), gaussian.Phase(Param(0), 0)])
        squeezing_geodesic(rotated(jnp.asarray([0.3])), 1.0, entangling_penalty(2, 2.0))


def test_a_rotation_by_z_costs_half_its_angle():
    rotation = Matchgates(circuits.Circuit(1, [RZ(Param(0), 0)])).rotation(jnp.asarray([0.8]))
    assert np.isclose(rotation_complexity(rotation), 0.4, atol=1e-12)
