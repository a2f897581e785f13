"""TEBD against the exponential of the matrix, and the order of its error in the time step."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

from circuits import hamiltonians
from circuits.mps.mpo import MPO
from circuits.mps.state import MPS
from circuits.mps.tebd import evolve_tebd
from circuits.spin_chains import spin_heisenberg
from tests.tensor_networks import free_fermions

TIME = 0.8
CHAINS = {
    "mixed field": hamiltonians.mixed_field_ising(8),
    "xxz, odd": hamiltonians.xxz(7, 0.5),
    "spin 1": spin_heisenberg(5),
    "two sites": hamiltonians.ising(2),
}


def product_state(n: int, d: int) -> MPS:
    vectors = np.random.default_rng(1).normal(size=(n, d))
    return MPS.product(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@functools.cache
def exact(name: str, imaginary: bool) -> tuple[MPS, np.ndarray, float]:
    h = CHAINS[name].to_matrix()
    n = MPO.from_hamiltonian(CHAINS[name]).n_sites
    psi = product_state(n, round(len(h) ** (1.0 / n)))
    after = scipy.linalg.expm((-1.0 if imaginary else -1j) * TIME * h) @ np.asarray(psi.to_vector())
    norm = float(np.linalg.norm(after))
    return psi, after / norm, np.log(norm)


def error(name: str, n_steps: int, order: int, imaginary: bool, truncation: str = "svd") -> float:
    psi, after, _ = exact(name, imaginary)
    bond = max(psi.local_dimensions) ** (psi.n_sites // 2)
    result = evolve_tebd(
        psi,
        CHAINS[name],
        TIME / n_steps,
        n_steps,
        bond_dimension=bond,
        order=order,
        imaginary=imaginary,
        truncation=truncation,
    )
    assert abs(result.time - TIME) < 1e-12
    assert result.discarded < 1e-11
    return float(np.linalg.norm(np.asarray(result.state.to_vector()) - after))


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("imaginary", [False, True])
@pytest.mark.parametrize("order", [2, 4])
def test_the_error_falls_with_the_order_of_the_step(name, imaginary, order):
    coarse, fine = (error(name, n_steps, order, imaginary) for n_steps in (8, 16))
    if name == "two sites":  # one gate: no splitting, no error
        assert max(coarse, fine) < 1e-12
        return
    assert abs(np.log2(coarse / fine) - order) < 0.15
    assert fine < (5e-3 if order == 2 else 5e-6)


def test_both_truncations_agree_where_nothing_is_cut():
    assert abs(error("mixed field", 8, 2, False, "qr") - error("mixed field", 8, 2, False)) < 1e-11


@pytest.mark.slow
def test_truncation_by_qr_cuts_hardly_more_than_the_least():
    h = hamiltonians.mixed_field_ising(14)
    psi = product_state(14, 2)
    weights = {}
    vectors = {}
    for truncation in ("svd", "qr"):
        result = evolve_tebd(psi, h, 0.1, 30, bond_dimension=8, truncation=truncation)
        weights[truncation], vectors[truncation] = result.discarded, np.asarray(result.state.to_vector())
    assert 1e-6 < weights["svd"] < 0.5  # it does cut
    assert weights["qr"] < 1.2 * weights["svd"]
    assert abs(np.vdot(vectors["svd"], vectors["qr"])) ** 2 > 1.0 - weights["svd"]


def test_time_can_be_turned_back():
    psi = product_state(8, 2)
    there = evolve_tebd(psi, CHAINS["mixed field"], 0.1, 8, bond_dimension=16).state
    back = evolve_tebd(there, CHAINS["mixed field"], -0.1, 8, bond_dimension=16).state
    assert np.linalg.norm(np.asarray(back.to_vector()) - np.asarray(psi.to_vector())) < 1e-11


@pytest.mark.slow
def test_imaginary_time_ends_in_the_ground_state():
    h = hamiltonians.ising(16, 1.5)
    result = evolve_tebd(product_state(16, 2), h, 0.05, 400, bond_dimension=12, order=4, imaginary=True)
    assert result.state.dtype == jnp.float64
    assert abs(float(result.state.expectation(h)) - free_fermions.open_energy(16, 1.5)) < 1e-6


@pytest.mark.parametrize("name", ["mixed field", "xxz, odd"])
def test_log_norm_is_the_norm_that_was_lost(name):
    psi, _, log_norm = exact(name, True)
    bond = 2 ** (psi.n_sites // 2)
    result = evolve_tebd(psi, CHAINS[name], TIME / 16, 16, bond_dimension=bond, order=4, imaginary=True)
    assert abs(result.log_norm - log_norm) < 1e-5


def test_norm_is_kept_under_truncation():
    result = evolve_tebd(product_state(14, 2), hamiltonians.mixed_field_ising(14), 0.1, 30, bond_dimension=8)
    assert abs(float(result.state.norm()) - 1.0) < 1e-12
    assert result.state.bond_dimension == 8


def test_single_precision():
    psi = product_state(8, 2).astype(jnp.float32)
    result = evolve_tebd(psi, CHAINS["mixed field"], 0.1, 8, bond_dimension=16, dtype=jnp.float32)
    assert result.state.dtype == jnp.complex64
    after = exact("mixed field", False)[1]
    assert np.linalg.norm(np.asarray(result.state.to_vector()) - after) < 4e-3


def test_bad_input_is_said_in_one_line():
    psi = MPS.product([[1.0, 0.0]] * 6)
    h = hamiltonians.ising(6)
    with pytest.raises(ValueError, match="beyond nearest neighbours.*evolve_tdvp"):
        evolve_tebd(psi, hamiltonians.j1j2(6), 0.1, 1, bond_dimension=4)
    with pytest.raises(ValueError, match="beyond nearest neighbours"):
        evolve_tebd(psi, hamiltonians.ising(6, periodic=True), 0.1, 1, bond_dimension=4)
    with pytest.raises(TypeError, match="for an MPO use evolve_tdvp"):
        evolve_tebd(psi, MPO.from_hamiltonian(h), 0.1, 1)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="order must be 2 or 4"):
        evolve_tebd(psi, h, 0.1, 1, order=3)
    with pytest.raises(ValueError, match="n_steps must be at least 1"):
        evolve_tebd(psi, h, 0.1, 0)
    with pytest.raises(ValueError, match="acts on 7 sites"):
        evolve_tebd(psi, hamiltonians.ising(7), 0.1, 1)
    with pytest.raises(ValueError, match="bond_dimension must be at least 1"):
        evolve_tebd(psi, h, 0.1, 1, bond_dimension=0)


def test_works_under_default_promotion_too():
    with jax.numpy_dtype_promotion("standard"):
        assert evolve_tebd(product_state(8, 2), CHAINS["mixed field"], 0.1, 1, bond_dimension=16).time == 0.1
