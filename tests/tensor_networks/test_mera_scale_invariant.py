"""The scale-invariant MERA of the critical Ising chain: energy -4/pi per site, dimensions 0, 1/8, 1, c = 1/2."""

from __future__ import annotations

import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import hamiltonians
from circuits.mera import BINARY, central_charge, coarse_entropies, ground_state, scaling_dimensions
from circuits.mera.scale_invariant import fixed_point, raise_once

RING = hamiltonians.ising(8, periodic=True)
EXACT = -4.0 / math.pi


@pytest.fixture(scope="module")
def ternary():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ground_state(RING, 4, scale_invariant=True, scheme="ternary", layers=2, max_iterations=250)


def test_energy_per_site_is_variational_and_near(ternary):
    mera, energy = ternary
    assert EXACT < energy < EXACT + 1e-4
    np.testing.assert_allclose(float(mera.expectation(RING)), energy, rtol=1e-10)
    assert mera.deviation() < 1e-13


def test_scaling_dimensions_of_spin_and_energy(ternary):
    dimensions = scaling_dimensions(ternary.mera, 3)
    np.testing.assert_allclose(dimensions[0], 0.0, atol=1e-10)
    np.testing.assert_allclose(dimensions[1], 0.125, atol=5e-3)
    np.testing.assert_allclose(dimensions[2], 1.0, atol=2e-2)
    with pytest.raises(ValueError, match="count must lie between"):
        scaling_dimensions(ternary.mera, 0)


def test_central_charge_is_one_half(ternary):
    np.testing.assert_allclose(central_charge(ternary.mera), 0.5, rtol=0.03)


def test_densities_are_fixed_points_and_states(ternary):
    mera = ternary.mera
    sigma = fixed_point(mera)
    raised = raise_once(
        mera.scheme, mera.repeated, jnp.asarray(np.random.default_rng(0).normal(size=sigma.shape))
    )
    assert raised.shape == sigma.shape
    for rho in mera.density_matrices():
        np.testing.assert_allclose(rho, rho.T, atol=1e-12)
        np.testing.assert_allclose(jnp.trace(rho), 1.0, atol=1e-12)
        assert np.linalg.eigvalsh(rho).min() > -1e-12


def test_entropy_grows_with_the_block(ternary):
    for entropies in coarse_entropies(ternary.mera):
        assert 0.0 < entropies[0] < entropies[1]
    # One site of the chain: <Z> = 2/pi in the exact ground state.
    p = 0.5 + 1.0 / math.pi
    expected = -p * math.log(p) - (1.0 - p) * math.log(1.0 - p)
    np.testing.assert_allclose(coarse_entropies(ternary.mera)[0][0], expected, atol=5e-3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_binary_bond_six_reaches_the_conformal_data():
    """At least the accuracy of TensorNetwork's published run at this bond dimension, all in one state."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = ground_state(
            RING, 6, scale_invariant=True, layers=3, max_iterations=300, key=jax.random.key(2)
        )
        for layers in (4, 5, 5):  # lower layers one by one, each from the optimum before
            start = found.mera.extended(1) if layers > len(found.mera.layers) else found.mera
            found = ground_state(
                RING, 6, scale_invariant=True, initial_state=start, max_iterations=300, tolerance=1e-7
            )
    mera = found.mera
    assert mera.scheme == BINARY
    assert EXACT < found.energy < EXACT + 5e-7
    dimensions = scaling_dimensions(mera, 3)
    np.testing.assert_allclose(dimensions[1], 0.125, atol=1e-3)
    np.testing.assert_allclose(dimensions[2], 1.0, atol=5e-3)
    np.testing.assert_allclose(central_charge(mera), 0.5, rtol=0.02)
