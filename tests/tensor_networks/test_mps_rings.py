"""Rings and infinite chains: against vectors, and against each other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import hamiltonians
from circuits.mps import MPS, PeriodicMPS, UniformMPS, exact, transfer

X = np.array([[0.0, 1.0], [1.0, 0.0]])
Y = np.array([[0.0, -1j], [1j, 0.0]])


@pytest.fixture(scope="module")
def ring() -> tuple[np.ndarray, PeriodicMPS]:
    psi = PeriodicMPS.random(jax.random.key(0), 6, 3, dtype=jnp.complex128)
    return np.asarray(psi.to_vector()), psi


def entropy(v: np.ndarray, sites: list[int]) -> float:
    n = round(np.log2(v.size))
    t = np.moveaxis(v.reshape((2,) * n), sites, range(len(sites))).reshape(2 ** len(sites), -1)
    p = np.linalg.svd(t, compute_uv=False) ** 2
    p = p[p > 1e-30] / p.sum()
    return float(-np.sum(p * np.log(p)))


def test_ring_is_the_trace_of_its_tensors(ring):
    v, psi = ring
    amplitude = np.eye(3)
    for t, s in zip(psi.tensors, (0, 1, 1, 0, 1, 0), strict=True):
        amplitude = amplitude @ np.asarray(t)[:, s]
    np.testing.assert_allclose(v[0b011010], np.trace(amplitude), rtol=1e-12)
    np.testing.assert_allclose(psi.to_open().to_vector(), v, atol=1e-13)


def test_overlaps_of_rings_with_any_bonds(ring):
    v, psi = ring
    keys = jax.random.split(jax.random.key(1), 6)
    bonds = (4, 3, 2, 1, 2, 3, 4)
    other = PeriodicMPS([jax.random.normal(k, (bonds[i], 2, bonds[i + 1])) for i, k in enumerate(keys)])
    u = np.asarray(other.to_vector())
    np.testing.assert_allclose(psi.overlap(other), np.vdot(v, u), rtol=1e-11)
    np.testing.assert_allclose(other.overlap(psi), np.vdot(u, v), rtol=1e-11)
    np.testing.assert_allclose(psi.norm(), np.linalg.norm(v), rtol=1e-12)
    np.testing.assert_allclose(psi.normalised().norm(), 1.0, rtol=1e-12)


@pytest.mark.slow
def test_measurements_on_a_ring(ring):
    v, psi = ring
    h = hamiltonians.heisenberg(6, periodic=True)
    norm = np.vdot(v, v).real
    np.testing.assert_allclose(psi.expectation(h), np.vdot(v, h.to_sparse() @ v).real / norm, rtol=1e-11)
    np.testing.assert_allclose(psi.entropy([1, 2, 3]), entropy(v, [1, 2, 3]), atol=1e-10)
    expected = entropy(v, [0]) + entropy(v, [3, 4]) - entropy(v, [0, 3, 4])
    np.testing.assert_allclose(psi.mutual_information([0], [3, 4]), expected, atol=1e-10)
    t = v.reshape((2,) * 6)
    c = np.einsum("abcdef,bx,ey,axcdyf->", t.conj(), X, Y, t) / norm
    np.testing.assert_allclose(psi.correlations(X, Y)[1, 4], c, atol=1e-11)
    rho = np.einsum("abcdef,aBcdeF->bfBF", t, t.conj()).reshape(4, 4) / norm
    np.testing.assert_allclose(psi.density_matrix([1, 5]), rho, atol=1e-11)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.complex128])
def test_uniform_canonical_form(dtype):
    psi = UniformMPS.random(jax.random.key(0), 8, 2, dtype)
    al, ar, c = (np.asarray(x) for x in (psi.AL, psi.AR, psi.C))
    np.testing.assert_allclose(np.einsum("asb,asc->bc", al.conj(), al), np.eye(8), atol=1e-12)
    np.testing.assert_allclose(np.einsum("asb,csb->ac", ar, ar.conj()), np.eye(8), atol=1e-12)
    np.testing.assert_allclose(np.einsum("asb,bc->asc", al, c), np.einsum("ab,bsc->asc", c, ar), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(c), 1.0, rtol=1e-13)
    assert psi.dtype == dtype


@pytest.mark.slow
def test_uniform_state_is_the_middle_of_a_long_chain():
    tensor = np.random.default_rng(9).normal(size=(4, 2, 4))  # lambda_2 real: correlation length 1.2
    psi = UniformMPS.from_tensor(tensor)
    n = 60  # many correlation lengths
    tensors = [jnp.asarray(tensor)] * n
    chain = MPS([tensors[0][:1], *tensors[1:-1], tensors[-1][:, :, :1]]).normalised()
    middle = n // 2
    np.testing.assert_allclose(psi.entropy(), chain.entropy(middle), atol=1e-10)
    for sites in ([0], [0, 1, 2], [0, 4]):
        expected = chain.density_matrix([middle + i for i in sites])
        np.testing.assert_allclose(psi.density_matrix(sites), expected, atol=1e-10)
    np.testing.assert_allclose(
        psi.correlations(X, distance=6), chain.correlations(X)[middle, middle + 1 : middle + 7], atol=1e-10
    )
    np.testing.assert_allclose(
        psi.mutual_information([0, 1], [3]),
        chain.mutual_information([middle, middle + 1], [middle + 3]),
        atol=1e-9,
    )
    values = np.abs(transfer.transfer_spectrum(tensor))
    np.testing.assert_allclose(psi.correlation_length(), -1 / np.log(values[1]), rtol=1e-9)
    connected = np.abs(psi.correlations(X, distance=16, connected=True))
    rate = np.log(connected[5] / connected[15]) / 10
    np.testing.assert_allclose(
        1 / rate, psi.correlation_length(), rtol=0.1
    )  # lambda_3 is close: 0.36 against 0.44


def test_fidelity_per_site_is_one_in_any_gauge_and_less_for_others():
    rng = np.random.default_rng(1)
    tensor, gauge = rng.normal(size=(4, 2, 4)), rng.normal(size=(4, 4))
    psi = UniformMPS.from_tensor(tensor)
    same = UniformMPS.from_tensor(np.einsum("ab,bsc,cd->asd", gauge, tensor, np.linalg.inv(gauge)))
    np.testing.assert_allclose(psi.fidelity_per_site(same), 1.0, rtol=1e-10)
    assert psi.fidelity_per_site(UniformMPS.random(jax.random.key(3), 4)) < 0.999


def test_unused_bond_directions_are_dropped():
    aklt = exact.aklt_tensor()
    wide = np.zeros((3, 3, 3))
    wide[:2, :, :2] = aklt
    wide[2, 0, 0] = 0.7  # reached from nowhere
    psi = UniformMPS.from_tensor(wide)
    assert psi.bond_dimension == 2
    np.testing.assert_allclose(psi.fidelity_per_site(UniformMPS.from_tensor(aklt)), 1.0, rtol=1e-10)


def test_arnoldi_and_lapack_find_the_same_transfer_spectrum():
    tensor = np.random.default_rng(2).normal(size=(20, 2, 20))
    few = transfer.transfer_spectrum(tensor, 4)
    dense = np.linalg.eigvals(np.asarray(transfer.transfer_matrix(jnp.asarray(tensor))))
    dense = dense[np.argsort(-np.abs(dense))] / np.abs(dense).max()
    np.testing.assert_allclose(np.abs(few[:3]), np.abs(dense[:3]), rtol=1e-9)
    value, left, right = transfer.fixed_points(tensor)
    moved = transfer.apply_right(jnp.asarray(right), jnp.asarray(tensor))
    np.testing.assert_allclose(moved, value * right, atol=1e-9 * value)
    moved = transfer.apply_left(jnp.asarray(left), jnp.asarray(tensor))
    np.testing.assert_allclose(moved, value * left, atol=1e-9 * value)


def test_sums_of_infinite_states_and_bad_shapes_are_refused():
    with pytest.raises(ValueError, match="2 eigenvalues of the largest modulus"):
        UniformMPS.from_tensor(exact.ghz_tensor())
    with pytest.raises(ValueError, match="must be finite and not zero"):
        UniformMPS.from_tensor(np.zeros((2, 2, 2)))
    with pytest.raises(ValueError, match="shape \\(D, d, D\\)"):
        UniformMPS.from_tensor(np.zeros((2, 2, 3)))
    with pytest.raises(ValueError, match="bond_dimension must be at least 1; got 0"):
        UniformMPS.random(jax.random.key(0), 0)
    with pytest.raises(ValueError, match="bond_dimension must be at least 1; got 0"):
        PeriodicMPS.random(jax.random.key(0), 6, 0)
    with pytest.raises(ValueError, match="bond 2 does not fit"):
        PeriodicMPS([np.ones((2, 2, 3)), np.ones((3, 2, 2)), np.ones((2, 2, 4))])
