"""Laws of the SLD and RLD Fisher metrics: what measurements and channels may do to them."""

from __future__ import annotations

import functools

import jax
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
    MeasuredNoisy,
    NoiseModel,
    NoisyCircuit,
    ReadoutError,
)
from qgeom.information import RightLogarithmic
from qgeom.information.bures import Bures
from tests.noise.brute_noise import rld_fisher
from tests.noise.test_channels import random_kraus

TOLERANCE = 1e-9


@jax.jit
def both(rho, tangents):
    """SLD and RLD Fisher matrices of tangent vectors at a density matrix, by the isometries of the manifolds."""

    def gram(manifold):
        rows = jax.vmap(lambda t: manifold.isometry(DensityMatrix(rho), DensityMatrix(t)))(tangents)
        return rows @ rows.T

    return gram(Bures()), gram(RightLogarithmic())


def random_point(rng, d: int = 4, count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """A mixed state of full rank with a wide spectrum, and traceless Hermitian tangents."""
    unitary, _ = np.linalg.qr(rng.normal(size=(d, d)) + 1j * rng.normal(size=(d, d)))
    p = rng.dirichlet(np.full(d, 0.7)) * 0.98 + 0.02 / d
    rho = (unitary * p) @ unitary.conj().T
    t = rng.normal(size=(count, d, d)) + 1j * rng.normal(size=(count, d, d))
    t = t + t.conj().swapaxes(-1, -2)
    t -= np.trace(t, axis1=1, axis2=2).real[:, None, None] * np.eye(d) / d
    return rho, t


def least(matrix: np.ndarray) -> float:
    """Smallest eigenvalue over the largest in modulus."""
    values = np.linalg.eigvalsh(matrix)
    return float(values[0] / max(np.abs(values).max(), 1e-300))


def sent(channel: np.ndarray, a: np.ndarray) -> np.ndarray:
    """``sum_k K a K'`` of one matrix or several."""
    return sum(k @ a @ k.conj().T for k in channel)


SEEDS = st.integers(0, 2**31 - 1)


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(1, 6))
def test_channels_only_lower_both_metrics(seed, count):
    rng = np.random.default_rng(seed)
    rho, tangents = random_point(rng)
    channel = random_kraus(4, count, seed)
    before = [np.asarray(m) for m in both(rho, tangents)]
    after = [np.asarray(m) for m in both(sent(channel, rho), np.stack([sent(channel, t) for t in tangents]))]
    for more, less in zip(before, after, strict=True):
        assert np.linalg.eigvalsh(more - less).min() > -TOLERANCE * np.abs(more).max()
    whole = rld_fisher(rho, tangents)  # also with its imaginary part
    rest = rld_fisher(sent(channel, rho), np.stack([sent(channel, t) for t in tangents]))
    assert np.linalg.eigvalsh(whole - rest).min() > -TOLERANCE * np.abs(whole).max()
    np.testing.assert_allclose(before[1], whole.real, rtol=1e-8, atol=1e-8 * np.abs(whole).max())


@settings(max_examples=60, deadline=None)
@given(SEEDS, st.integers(2, 12))
def test_no_measurement_shows_more_than_the_sld_metric_and_that_no_more_than_the_rld(seed, outcomes):
    rng = np.random.default_rng(seed)
    rho, tangents = random_point(rng)
    effects = random_kraus(4, outcomes, seed)
    povm = np.einsum("kij,kil->kjl", effects.conj(), effects)
    p = np.einsum("kij,ji->k", povm, rho).real
    dp = np.einsum("kij,nji->nk", povm, tangents).real
    classical = (dp / p) @ dp.T
    sld, rld = (np.asarray(m) for m in both(rho, tangents))
    scale = np.abs(rld).max()
    assert np.linalg.eigvalsh(sld - classical).min() > -TOLERANCE * scale
    assert np.linalg.eigvalsh(rld - sld).min() > -TOLERANCE * scale
    # J - F_C is positive as a Hermitian matrix, with the imaginary part of J
    assert np.linalg.eigvalsh(rld_fisher(rho, tangents) - classical).min() > -TOLERANCE * scale


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_measuring_the_sld_of_one_parameter_shows_all_of_it(seed):
    rng = np.random.default_rng(seed)
    rho, tangents = random_point(rng, count=1)
    tangents = np.concatenate([tangents] * 3)
    sld = float(both(rho, tangents)[0][0, 0])
    p, v = np.linalg.eigh(rho)
    t = v.conj().T @ tangents[0] @ v
    derivative = v @ (2 * t / (p[:, None] + p[None, :])) @ v.conj().T
    _, basis = np.linalg.eigh(derivative)
    q = np.einsum("ik,ij,jk->k", basis.conj(), rho, basis).real
    dq = np.einsum("ik,ij,jk->k", basis.conj(), tangents[0], basis).real
    assert abs(np.sum(dq**2 / q) - sld) < 1e-8 * sld


@settings(max_examples=20, deadline=None)
@given(SEEDS)
def test_all_three_agree_where_everything_commutes(seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(4)) * 0.99 + 0.0025
    dp = rng.normal(size=(3, 4))
    dp -= dp.mean(axis=1, keepdims=True)
    rho, tangents = np.diag(p).astype(complex), np.stack([np.diag(d) for d in dp]).astype(complex)
    for found in both(rho, tangents):
        np.testing.assert_allclose(found, (dp / p) @ dp.T, rtol=1e-10)


# --- of the engine -----------------------------------------------------------

MIXING = NoiseModel().after(Depolarizing(0.05)).after(AmplitudeDamping(0.1), gates=("RY",))


@functools.cache
def example() -> tuple[Circuit, jax.Array]:
    circuit = circuits.hardware_efficient(2, 1, rotations=("RY", "RZ"), entangler="CX", topology="linear")
    return circuit + Circuit(2, [gates.I(0)]), circuit.init(jax.random.key(4))


def matrix(description, **options) -> np.ndarray:
    return np.asarray(qgeom.information_metric(description, example()[1], **options).as_matrix())


def test_outcomes_show_no_more_than_the_noisy_state_and_misread_ones_less():
    circuit, _ = example()
    right = matrix(MeasuredNoisy(circuit, MIXING))
    wrong = matrix(MeasuredNoisy(circuit, MIXING.with_readout(ReadoutError(0.05, 0.1))))
    quantum = matrix(NoisyCircuit(circuit, MIXING))
    assert least(quantum - right) > -TOLERANCE
    assert least(right - wrong) > -TOLERANCE
    assert np.trace(wrong) < np.trace(right) < np.trace(quantum)


@pytest.mark.slow
def test_a_channel_at_the_end_of_a_circuit_and_a_lost_qubit_lower_both_metrics():
    circuit, _ = example()
    end = MIXING.after(AmplitudeDamping(0.4, 0.2), gates=("I",))
    for options in ({}, {"manifold": RightLogarithmic()}):
        before = matrix(NoisyCircuit(circuit, MIXING), **options)
        assert least(before - matrix(NoisyCircuit(circuit, end), **options)) > -TOLERANCE
        assert least(before - matrix(NoisyCircuit(circuit, MIXING, wires=(1,)), **options)) > -TOLERANCE
