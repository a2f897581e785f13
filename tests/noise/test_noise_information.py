"""SLD and RLD Fisher metrics of noisy states: closed forms, limits, and what measurements and channels do to them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import circuits
import qgeom
from circuits import gates
from circuits.circuit import Circuit
from circuits.description import DensityMatrix
from circuits.noise import (
    AmplitudeDamping,
    Depolarizing,
    NoiseModel,
    NoisyCircuit,
    VariedNoise,
    phase_flip,
)
from circuits.ops import Param
from qgeom.information import RightLogarithmic, curves, geodesics, metric_function, right_logarithmic_fisher
from tests.noise.brute_noise import density, derivatives, rld_fisher, sld_fisher
from tests.zoo import Toy


def sld(description, params, **options) -> np.ndarray:
    return np.asarray(qgeom.information_metric(description, params, **options).as_matrix())


def rld(description, params, **options) -> np.ndarray:
    return sld(description, params, manifold=RightLogarithmic(), **options)


# --- closed forms ------------------------------------------------------------


def bloch(radius: float) -> NoisyCircuit:
    """Bloch length ``radius`` along (cos theta, e^{i phi} sin theta), parameters (theta, phi)."""
    circuit = Circuit(1, [gates.RY(2 * Param(0), 0), gates.P(Param(1), 0), gates.I(0)])
    return NoisyCircuit(circuit, NoiseModel().after(Depolarizing(1 - radius), gates=("I",)))


def test_the_mixed_qubit_of_the_literature_has_its_two_fisher_matrices():
    theta = jnp.array([np.pi / 4, 0.3])
    np.testing.assert_allclose(sld(bloch(0.8), theta), np.diag([2.56, 0.64]), atol=1e-13)
    # RLD: 1/p_+ + 1/p_- in place of 4/(p_+ + p_-): larger by 1/(1 - r^2)
    np.testing.assert_allclose(rld(bloch(0.8), theta), np.diag([2.56, 0.64]) / 0.36, atol=1e-12)
    whole = np.asarray(right_logarithmic_fisher(bloch(0.8), theta))
    np.testing.assert_allclose(whole.real, np.diag([2.56, 0.64]) / 0.36, atol=1e-12)
    # tr(d_1 rho rho^{-1} d_2 rho) = i r n.(d_1 r x d_2 r)/(1 - r^2) = 2 i r^3/(1 - r^2)
    np.testing.assert_allclose(whole.imag, [[0, 2 * 0.8**3 / 0.36], [-2 * 0.8**3 / 0.36, 0]], atol=1e-12)


@pytest.mark.parametrize(("n", "p"), [(2, 0.1), pytest.param(4, 0.05, marks=pytest.mark.slow)])
def test_a_depolarised_ghz_state_senses_phase_with_its_known_information(n, p):
    # white noise: F = n^2 (1 - p)^2 / (1 - p + 2 p / 2^n)
    ops = [gates.H(0), *(gates.CX(k, k + 1) for k in range(n - 1)), gates.MultiControlledPhase(0.0, range(n))]
    ops += [gates.RZ(Param(0), k) for k in range(n)]
    noise = NoiseModel().after(Depolarizing(p, n), gates=("MCP",))
    if n == 2:
        noise = NoiseModel().after(Depolarizing(p, 2), gates=("MCP",), wires=(0, 1))
    found = sld(NoisyCircuit(Circuit(n, ops), noise), jnp.array([0.4]))
    np.testing.assert_allclose(found, [[n**2 * (1 - p) ** 2 / (1 - p + 2 * p / 2**n)]], rtol=1e-10)


@pytest.mark.parametrize("n", [1, 3])
def test_local_noise_on_a_ghz_state_has_its_known_information(n):
    def ghz(channel) -> NoisyCircuit:
        ops = [
            gates.H(0),
            *(gates.CX(k, k + 1) for k in range(n - 1)),
            *(gates.RZ(Param(0), k) for k in range(n)),
        ]
        return NoisyCircuit(Circuit(n, ops), NoiseModel().after(channel, gates=("RZ",)))

    at = jnp.array([0.4])
    q, g = 0.07, 0.2
    # phase flips: coherence (1 - 2 q)^n; damping: coherence (1 - g)^{n/2}, populations in the block of the two
    np.testing.assert_allclose(sld(ghz(phase_flip(q)), at), [[n**2 * (1 - 2 * q) ** (2 * n)]], rtol=1e-10)
    keep = (1 - g) ** n
    np.testing.assert_allclose(
        sld(ghz(AmplitudeDamping(g)), at), [[2 * n**2 * keep / (1 + keep + g**n)]], rtol=1e-10
    )


def test_the_damping_of_an_excited_qubit_is_estimated_as_a_coin():
    varied = VariedNoise(NoisyCircuit(Circuit(1, [gates.X(0)]), NoiseModel().after(AmplitudeDamping(0.3))))
    params = varied.init(jax.random.key(0))
    for found in (sld(varied, params, subset=[0]), rld(varied, params, subset=[0])):
        np.testing.assert_allclose(found, [[1 / (0.3 * 0.7)]], rtol=1e-12)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(-3.0, 3.0), min_size=3, max_size=3), st.floats(0.05, 0.9), st.floats(0.1, 0.9))
def test_one_noisy_qubit_has_the_fisher_matrices_of_its_bloch_vector(angles, rate, excited):
    # SLD: dr.dr' + (r.dr)(r.dr')/(1 - r^2); RLD: (dr.dr' + i r.(dr x dr'))/(1 - r^2)
    theta = jnp.asarray(angles)
    params = (theta, jnp.asarray([rate, excited]))
    rho = np.asarray(ONE_QUBIT(params).matrix)
    r = np.array([2 * rho[0, 1].real, -2 * rho[0, 1].imag, (rho[0, 0] - rho[1, 1]).real])

    def vector(t):
        m = density(ONE_QUBIT.noisy.circuit, NoiseModel().after(AmplitudeDamping(rate, excited)), t)
        return np.array([2 * m[0, 1].real, -2 * m[0, 1].imag, (m[0, 0] - m[1, 1]).real])

    dr = derivatives(vector, np.asarray(theta))
    rest = 1 - r @ r
    np.testing.assert_allclose(
        sld(ONE_QUBIT, params, subset=slice(0, 3)), dr @ dr.T + np.outer(dr @ r, dr @ r) / rest, atol=1e-8
    )
    np.testing.assert_allclose(rld(ONE_QUBIT, params, subset=slice(0, 3)) * rest, dr @ dr.T, atol=1e-8)


ONE_QUBIT = VariedNoise(
    NoisyCircuit(
        Circuit(1, [gates.RY(Param(0), 0), gates.RZ(Param(1), 0), gates.RX(Param(2), 0)]),
        NoiseModel().after(AmplitudeDamping(0.1, 0.1)),
    )
)


# --- against brute force -----------------------------------------------------


def three_qubits(noise: NoiseModel) -> tuple[Circuit, NoisyCircuit, jax.Array]:
    circuit = circuits.hardware_efficient(3, 1, rotations=("RY", "RZ"), entangler="CX", topology="linear")
    return circuit, NoisyCircuit(circuit, noise), circuit.init(jax.random.key(4))


MIXING = NoiseModel().after(Depolarizing(0.05)).after(AmplitudeDamping(0.1), gates=("RY",))


@pytest.mark.slow
def test_both_metrics_are_those_of_dense_matrices():
    circuit, noisy, theta = three_qubits(MIXING)
    rho = density(circuit, MIXING, theta)
    tangents = derivatives(lambda t: density(circuit, MIXING, t), np.asarray(theta))
    np.testing.assert_allclose(sld(noisy, theta), sld_fisher(rho, tangents), atol=1e-9)
    expected = rld_fisher(rho, tangents)
    np.testing.assert_allclose(rld(noisy, theta), expected.real, atol=1e-8)
    whole = np.asarray(right_logarithmic_fisher(noisy, theta))
    np.testing.assert_allclose(whole, expected, atol=1e-8)
    np.testing.assert_allclose(whole.imag, -whole.imag.T, atol=1e-13)
    assert np.linalg.eigvalsh(whole).min() > -1e-10


@pytest.mark.slow
def test_products_and_averages_over_data_are_those_of_the_matrix():
    circuit = circuits.data_reuploading(2, 1, 2)
    noisy = NoisyCircuit(circuit, NoiseModel().after(Depolarizing(0.1)))
    theta, xs = circuit.init(jax.random.key(0)), jnp.asarray([[0.3, -0.2], [1.0, 0.4], [0.1, 0.9]])
    weights = jnp.asarray([0.2, 0.5, 0.3])
    v = jnp.cos(jnp.arange(float(circuit.n_parameters)))
    metric = qgeom.information_metric(noisy, theta, xs, weights=weights, manifold=RightLogarithmic())
    matrix = np.asarray(metric.as_matrix())
    np.testing.assert_allclose(metric.mv(v), matrix @ v, atol=1e-11)
    np.testing.assert_allclose(metric.inner(v, v), v @ matrix @ v, atol=1e-11)
    assert metric.dropped == 0
    complex_matrix = right_logarithmic_fisher(noisy, theta, xs, weights=weights)
    np.testing.assert_allclose(np.asarray(complex_matrix).real, matrix, atol=1e-11)


# --- limits ------------------------------------------------------------------


def test_the_sld_metric_goes_to_the_pure_state_metric_linearly_in_the_noise():
    circuit = circuits.hardware_efficient(2, 2)
    theta = circuit.init(jax.random.key(1))
    pure = np.asarray(qgeom.information_metric(circuit, theta).as_matrix())
    np.testing.assert_allclose(sld(NoisyCircuit(circuit, NoiseModel()), theta), pure, atol=1e-10)
    varied = VariedNoise(NoisyCircuit(circuit, NoiseModel().after(Depolarizing(0.0))))
    gaps = [
        np.abs(sld(varied, (theta, jnp.array([p])), subset=slice(0, circuit.n_parameters)) - pure).max()
        for p in (1e-3, 1e-4, 1e-5)
    ]
    np.testing.assert_allclose(np.divide(gaps[:-1], gaps[1:]), 10.0, rtol=0.05)


def test_the_rld_metric_diverges_as_the_state_becomes_pure():
    varied, at = VariedNoise(bloch(0.5)), jnp.array([0.5, 0.2])
    for p in (1e-2, 1e-4, 1e-6):
        factor = 1 / (1 - (1 - p) ** 2)
        params = (at, jnp.array([p]))
        found, expected = (
            rld(varied, params, subset=slice(0, 2)),
            sld(varied, params, subset=slice(0, 2)) * factor,
        )
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * factor)


def test_a_tangent_that_leaves_the_support_has_a_huge_rld_metric_and_one_that_stays_the_exact_value():
    pure = qgeom.information_metric(bloch(1.0), jnp.array([0.5, 0.2]), manifold=RightLogarithmic())
    assert pure.dropped == 1
    assert np.asarray(pure.diagonal()).min() > 1e10

    class Populations(Toy):
        """Rank two on two qubits: diag(p, 1 - p, 0, 0), whose support does not turn."""

        def __call__(self, params, x=None):
            p = params[0]
            diagonal = jnp.stack([p, 1.0 - p, 0.0 * p, 0.0 * p])
            return DensityMatrix(jax.lax.complex(jnp.diag(diagonal), jnp.zeros((4, 4), p.dtype)))

    metric = qgeom.information_metric(Populations(1), jnp.array([0.3]), manifold=RightLogarithmic())
    np.testing.assert_allclose(metric.as_matrix(), [[1 / (0.3 * 0.7)]], rtol=1e-12)
    assert metric.dropped == 2


def test_the_kernel_of_a_noisy_state_is_handled():
    # noise on one qubit of three: the state has rank 2 of 8, and the metric is that of its purified part
    circuit = Circuit(3, [gates.RY(Param(0), 0), gates.CX(0, 1), gates.RX(Param(1), 2), gates.CX(1, 2)])
    noise = NoiseModel().after(phase_flip(0.1), gates=("RY",))
    noisy, theta = NoisyCircuit(circuit, noise), jnp.array([0.7, 0.4])
    metric = qgeom.information_metric(noisy, theta)
    assert metric.dropped == 6
    rho = density(circuit, noise, theta)
    tangents = derivatives(lambda t: density(circuit, noise, t), np.asarray(theta))
    np.testing.assert_allclose(metric.as_matrix(), sld_fisher(rho, tangents), atol=1e-9)


def test_noise_inside_a_circuit_can_raise_the_rank():
    """Two rotations about one axis are one parameter; damping between them tells them apart."""
    circuit = Circuit(1, [gates.RY(Param(0), 0), gates.RY(Param(1), 0)])
    theta = jnp.array([0.6, 0.5])
    assert qgeom.information_metric(circuit, theta).rank() == 1
    noisy = NoisyCircuit(circuit, NoiseModel().after(AmplitudeDamping(0.2)))
    metric = qgeom.information_metric(noisy, theta)
    assert metric.rank() == 2
    assert float(metric.trace()) < 2.0


@pytest.mark.slow
def test_the_rld_metric_has_derivatives_and_geodesics_but_no_distance():
    noisy = bloch(0.8)
    theta = jnp.array([0.6, 0.2])
    matrix = curves.matrix_function(metric_function(noisy, manifold=RightLogarithmic()))
    slope = np.asarray(jax.jacfwd(matrix)(theta))
    # diag(4 r^2, r^2 sin^2 2 theta)/(1 - r^2)
    expected = np.zeros((2, 2, 2))
    expected[1, 1, 0] = 0.64 * 2 * np.sin(4 * 0.6) / 0.36
    np.testing.assert_allclose(slope, expected, atol=1e-9)
    curvature = geodesics.scalar_curvature(matrix, theta)
    assert float(curvature) == pytest.approx(
        2 * 0.36 / 0.64, rel=1e-8
    )  # a sphere of radius r / sqrt(1 - r^2)
    with pytest.raises(NotImplementedError, match="no closed form"):
        RightLogarithmic().distance(noisy(theta), noisy(theta))


def test_a_manifold_that_does_not_fit_the_points_is_refused():
    circuit = circuits.hardware_efficient(2, 1)
    theta = circuit.init(jax.random.key(0))
    with pytest.raises(TypeError, match="none of a State"):
        qgeom.information_metric(circuit, theta, manifold=RightLogarithmic())
    with pytest.raises(ValueError, match="forward"):
        qgeom.information_metric(bloch(0.8), jnp.zeros(2), manifold=RightLogarithmic(), mode="reverse")
    with pytest.raises(TypeError, match="density matrices"):
        right_logarithmic_fisher(circuit, theta)
