"""The quantum Fisher metric of Gaussian states against state vectors, density matrices and closed forms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_gaussian_fermions import density_matrix

import circuits
import qgeom
from circuits import Param, gaussian
from circuits.description import DensityMatrix
from circuits.gates import RXX, RZ
from circuits.gaussian import BosonicGaussian, FermionicGaussian, Matchgates, OpticalCircuit, QuadraticFamily
from qgeom.information.bures import Bures
from qgeom.information.gaussian_states import (
    MixedBosons,
    MixedFermions,
    PureBosons,
    PureFermions,
    gaussian_metric,
)


@pytest.mark.slow
def test_the_qfim_of_a_matchgate_circuit_is_that_of_its_state_vector(key):
    ops, k = [], 0
    for _ in range(2):
        for q in range(4):
            ops.append(RZ(Param(k + q), q))
        ops += [RXX(Param(k + 4 + q), q, q + 1) for q in range(3)]
        k += 7
    circuit = circuits.Circuit(4, ops)
    theta = circuit.init(key)
    expected = qgeom.information_metric(circuit, theta)
    found = qgeom.information_metric(Matchgates(circuit), theta)
    matrix = np.asarray(expected.as_matrix())
    assert np.allclose(found.as_matrix(), matrix, atol=1e-11)
    assert np.allclose(found.mv(theta), matrix @ theta, atol=1e-11)
    assert np.isclose(found.inner(theta, theta), theta @ matrix @ theta, atol=1e-11)
    assert found.rank() == expected.rank()
    # Distances of points are those of the state vectors.
    other = circuit.init(jax.random.key(5))
    gauss = qgeom.information.distance(Matchgates(circuit)(theta), Matchgates(circuit)(other))
    assert np.isclose(gauss, qgeom.information.distance(circuit(theta), circuit(other)), atol=1e-10)


def test_the_fisher_metric_of_a_mixed_fermionic_state_is_that_of_its_density_matrix():
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    step = 1e-5
    for numbers in ([0.2, 0.7, 0.9], [0.2, 1.0, 0.0]):
        point = FermionicGaussian.occupied(numbers).rotated(jnp.asarray(rotation))
        made = []
        for seed in (1, 2):
            a = np.random.default_rng(seed).normal(size=(6, 6))
            a = a - a.T
            heat = np.diag(np.repeat(np.array([0.3, 0.0, 0.0]) * seed, 2)) @ np.kron(
                np.eye(3), [[0, 1], [-1, 0]]
            )
            made.append(
                a @ np.asarray(point.covariance)
                - np.asarray(point.covariance) @ a
                + rotation @ heat @ rotation.T
            )
        tangents = [FermionicGaussian(jnp.asarray(t)) for t in made]
        metric = MixedFermions()
        found = np.array(
            [[np.sum(metric.lower(point, s).covariance * t.covariance) for s in tangents] for t in tangents]
        )
        frame = [np.asarray(metric.isometry(point, t)) for t in tangents]
        assert np.allclose(found, [[x @ y for x in frame] for y in frame], atol=1e-10)
        bures, rho = Bures(), DensityMatrix(jnp.asarray(density_matrix(point)))
        pushed = []
        for t in made:
            ends = [density_matrix(FermionicGaussian(point.covariance + s * step * t)) for s in (1, -1)]
            pushed.append(
                np.asarray(bures.isometry(rho, DensityMatrix(jnp.asarray((ends[0] - ends[1]) / (2 * step)))))
            )
        assert np.allclose(found, [[x @ y for x in pushed] for y in pushed], atol=2e-5)


@pytest.mark.slow
def test_the_mixed_formulas_agree_with_the_pure_ones_on_pure_states():
    state = gaussian.ising(4, 0.8).ground_state()
    a = np.random.default_rng(0).normal(size=(8, 8))
    a = jnp.asarray(a - a.T)
    tangent = FermionicGaussian(a @ state.covariance - state.covariance @ a, True)
    for pure, mixed, point, t in (
        (PureFermions(), MixedFermions(), state, tangent),
        (PureBosons(), MixedBosons(), *squeezed_tangent()),
    ):
        x, y = pure.isometry(point, t), mixed.isometry(point, t)
        assert np.isclose(x @ x, y @ y, rtol=1e-9)
        paired = sum(
            jnp.vdot(u, v) for u, v in zip(jax.tree.leaves(pure.lower(point, t)), jax.tree.leaves(t))
        )
        assert np.isclose(x @ x, paired, rtol=1e-9)


def squeezed_tangent() -> tuple[BosonicGaussian, BosonicGaussian]:
    circuit = optical()
    theta = jnp.asarray([0.4, 0.5, -0.3, 0.2])
    return jax.jvp(circuit, (theta,), (jnp.asarray([1.0, -0.5, 0.7, 0.3]),))


def optical(numbers=None) -> OpticalCircuit:
    gates = [gaussian.Squeezing(Param(0), 0), gaussian.BeamSplitter(Param(1), 0, 1)]
    gates += [gaussian.TwoModeSqueezing(Param(2), 0, 1), gaussian.PositionShift(Param(3), 1)]
    return OpticalCircuit(2, gates, numbers)


@pytest.mark.parametrize("numbers", [None, pytest.param((0.3, 0.8), marks=pytest.mark.slow)])
def test_infidelities_of_neighbours_are_a_quarter_of_the_bosonic_metric(numbers):
    circuit, theta = optical(numbers), jnp.asarray([0.4, 0.5, -0.3, 0.2])
    metric = qgeom.information_metric(circuit, theta)
    matrix = np.asarray(metric.as_matrix())
    assert np.allclose(metric.mv(theta), matrix @ theta, atol=1e-12)
    rows = qgeom.information_metric(circuit, theta, mode="reverse")
    assert np.allclose(rows.as_matrix(), matrix, atol=1e-12)
    for seed in range(2):
        d = 1e-2 * np.random.default_rng(seed).normal(size=4)
        # Symmetric differences: the cubic terms cancel.
        infidelity = 1 - gaussian.fidelity(circuit(theta - d / 2), circuit(theta + d / 2))
        assert np.isclose(infidelity, d @ matrix @ d / 4, rtol=2e-3)


def test_one_bosonic_mode_has_its_closed_forms():
    # Thermal state of nu = 2 nbar + 1: phase of a squeezed one 8 sinh^2(2r)/(1 + nu^-2)/2, displacement 2/nu.
    nu, r = 2.0, 0.6
    gates = [gaussian.Squeezing(r, 0), gaussian.Phase(Param(0), 0), gaussian.MomentumShift(Param(1), 0)]
    found = qgeom.information_metric(OpticalCircuit(1, gates, (0.5,)), jnp.zeros(2)).as_matrix()
    phase = 4 * np.sinh(2 * r) ** 2 * nu**2 / (1 + nu**2)
    assert np.allclose(found, np.diag([phase, 2 * np.exp(2 * r) / nu]), atol=1e-12)


def test_temperature_is_known_as_well_as_the_energy_fluctuates():
    # F(beta) = Var(H), fermions and bosons.
    beta, w = 0.9, np.array([0.7, 1.6])
    family = QuadraticFamily(lambda b: gaussian.tight_binding(3, 1.0, 0.4) * b[0], 1, 1.0)
    e = np.asarray(gaussian.tight_binding(3, 1.0, 0.4).energies)
    found = qgeom.information_metric(family, jnp.asarray([beta])).as_matrix()
    assert np.isclose(found[0, 0], np.sum((e / 2 / np.cosh(beta * e / 2)) ** 2), atol=1e-12)
    oscillators = QuadraticFamily(
        lambda b: gaussian.BosonicHamiltonian.from_potential(np.diag(w**2)) * b[0], 1, 1.0
    )
    found = qgeom.information_metric(oscillators, jnp.asarray([beta])).as_matrix()
    assert np.isclose(found[0, 0], np.sum((w / 2 / np.sinh(beta * w / 2)) ** 2), atol=1e-12)


def test_the_fidelity_susceptibility_of_the_ising_ring_is_the_sum_over_momenta():
    # 4 x Fubini-Study for the field: sum over k > 0 of (d t_k/dh)^2, tan t_k = sin k/(h - cos k); degenerate levels.
    n, h = 12, 0.7
    family = QuadraticFamily(lambda theta: gaussian.ising(n, theta[0], periodic=True), 1, names=("field",))
    found = qgeom.information_metric(family, jnp.asarray([h])).as_matrix()
    k = (2 * np.arange(n // 2) + 1) * np.pi / n
    expected = np.sum((np.sin(k) / (1 + h * h - 2 * h * np.cos(k))) ** 2)
    assert np.isclose(found[0, 0], expected, rtol=1e-10)
    curve = family.curve(jnp.asarray([h]))
    assert curve.covariance.shape == (17, 2 * n, 2 * n)
    assert family.parameter_names == ("field",)


def test_the_manifold_follows_the_state():
    assert isinstance(gaussian_metric(FermionicGaussian.vacuum(1)), PureFermions)
    assert isinstance(gaussian_metric(BosonicGaussian.thermal([1.0])), MixedBosons)
