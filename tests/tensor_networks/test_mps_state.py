"""Open matrix product states against the vectors they stand for."""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits.description import State
from circuits.mps import MPS

N = 8


def random_vector(n: int = N, is_complex: bool = True, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    v = rng.normal(size=2**n)
    v = v + 1j * rng.normal(size=2**n) if is_complex else v
    return v / np.linalg.norm(v)


@pytest.mark.parametrize("is_complex", [False, True])
def test_from_vector_and_back_is_the_identity(is_complex):
    v = random_vector(is_complex=is_complex)
    psi = MPS.from_vector(v)
    assert psi.bond_dimensions == (1, 2, 4, 8, 16, 8, 4, 2, 1)
    assert np.iscomplexobj(psi.tensors[0]) == is_complex
    np.testing.assert_allclose(psi.to_vector(), v, atol=1e-14)
    np.testing.assert_allclose(MPS.from_vector(State.from_vector(v)).to_vector(), v, atol=1e-14)


def test_from_vector_of_unequal_sites_and_of_a_product_state_finds_the_rank():
    a, b = np.array([1.0, 2.0, 2.0]) / 3.0, np.array([0.6, 0.8])
    psi = MPS.from_vector(np.kron(np.kron(a, b), a), local_dimensions=(3, 2, 3))
    assert psi.bond_dimensions == (1, 1, 1, 1)
    assert psi.local_dimensions == (3, 2, 3)
    np.testing.assert_allclose(abs(psi.overlap(MPS.product([a, b, a]))), 1.0, rtol=1e-14)


def test_overlap_norm_and_sum_are_those_of_the_vectors():
    v, u = random_vector(seed=1), random_vector(is_complex=False, seed=2)
    psi, phi = MPS.from_vector(v), MPS.from_vector(u)
    np.testing.assert_allclose(psi.overlap(phi), np.vdot(v, u), atol=1e-14)
    np.testing.assert_allclose(phi.overlap(psi), np.vdot(u, v), atol=1e-14)
    np.testing.assert_allclose((psi + phi * 2.0j).to_vector(), v + 2j * u, atol=1e-14)
    np.testing.assert_allclose((psi - 3.0 * phi).norm(), np.linalg.norm(v - 3 * u), rtol=1e-13)
    np.testing.assert_allclose((psi * 5.0).normalised().to_vector(), v, atol=1e-14)


def test_canonical_form_keeps_the_state_and_is_isometric_on_both_sides():
    v = 2.0 * random_vector()
    psi = MPS.from_vector(v).canonical(3)
    np.testing.assert_allclose(psi.to_vector(), v, atol=1e-14)
    for i, t in enumerate(psi.tensors):
        t = np.asarray(t)
        if i < 3:
            np.testing.assert_allclose(np.einsum("asb,asc->bc", t.conj(), t), np.eye(t.shape[2]), atol=1e-13)
        elif i > 3:
            np.testing.assert_allclose(np.einsum("asb,csb->ac", t, t.conj()), np.eye(t.shape[0]), atol=1e-13)
        else:
            np.testing.assert_allclose(np.linalg.norm(t), 2.0, rtol=1e-13)


def test_compress_is_exact_at_the_rank_and_near_optimal_below_it():
    v, u = random_vector(seed=1), random_vector(seed=2)
    psi = MPS.from_vector(v)
    twice = (psi + psi).compress(cutoff=1e-12)
    assert twice.bond_dimensions == psi.bond_dimensions
    np.testing.assert_allclose(twice.to_vector(), 2 * v, atol=1e-13)
    cut = psi.compress(5)
    assert cut.bond_dimension == 5
    weights = [np.sum(np.linalg.svd(v.reshape(2**k, -1), compute_uv=False)[5:] ** 2) for k in range(1, N)]
    error = np.linalg.norm(np.asarray(cut.to_vector()) - v) ** 2
    assert max(weights) <= error <= sum(weights)  # best rank at each bond; all bonds at once
    del u


@pytest.mark.slow
def test_long_chains_compile_as_scans_and_neither_overflow_nor_underflow():
    psi = MPS.random(jax.random.key(0), 400, 8)
    big = MPS([10.0 * t for t in psi.tensors])
    np.testing.assert_allclose(psi.norm(), 1.0, rtol=1e-12)
    np.testing.assert_allclose(big.log_norm(), 400 * np.log(10.0), rtol=1e-13)
    np.testing.assert_allclose(big.normalised().norm(), 1.0, rtol=1e-12)
    jaxpr = jax.make_jaxpr(lambda t: MPS(t).overlap(psi))(psi.tensors)
    body = jaxpr.jaxpr.eqns[0].params["jaxpr"].jaxpr
    assert sum(e.primitive.name == "scan" for e in body.eqns) == 1
    assert sum(e.primitive.name == "dot_general" for e in body.eqns) < 20


def test_overlap_is_holomorphic_on_one_side_and_antiholomorphic_on_the_other():
    psi, phi = (MPS.random(jax.random.key(k), 5, 3, dtype=jnp.complex128) for k in (1, 2))
    step = MPS.random(jax.random.key(3), 5, 3, dtype=jnp.complex128)
    times_i = jax.tree.map(lambda t: 1j * t, step)
    ket = [jax.jvp(psi.overlap, (phi,), (tangent,))[1] for tangent in (step, times_i)]
    bra = [jax.jvp(lambda p: p.overlap(phi), (psi,), (tangent,))[1] for tangent in (step, times_i)]
    np.testing.assert_allclose(ket[1], 1j * ket[0], rtol=1e-12)
    np.testing.assert_allclose(bra[1], -1j * bra[0], rtol=1e-12)


@pytest.mark.slow
def test_single_precision_stays_single_and_batches_under_vmap():
    psi = MPS.random(jax.random.key(0), 6, 4, dtype=jnp.float32)
    assert psi.dtype == jnp.float32
    assert psi.overlap(psi).dtype == jnp.float32
    assert psi.canonical(2).dtype == jnp.float32
    assert psi.entropies().dtype == jnp.float32
    batch = jax.vmap(lambda k: MPS.random(k, 6, 4, dtype=jnp.float32))(jax.random.split(jax.random.key(0), 3))
    assert jax.vmap(lambda p: p.norm())(batch).shape == (3,)


def test_bad_input_says_what_to_do():
    key = jax.random.key(0)
    with pytest.raises(ValueError, match="bond_dimension must be at least 1; got 0"):
        MPS.random(key, 6, 0)
    with pytest.warns(
        UserWarning, match="bond_dimension=64 is more than 6 sites need: 8 is exact, and is used"
    ):
        assert MPS.random(key, 6, 64).bond_dimension == 8
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert MPS.random(key, 6, 8).bond_dimensions == (1, 2, 4, 8, 4, 2, 1)
    with pytest.raises(ValueError, match="no state of sites of dimension 2"):
        MPS.from_vector(np.ones(6))
    with pytest.raises(ValueError, match="use PeriodicMPS"):
        MPS([np.ones((2, 2, 2))] * 3)
    with pytest.raises(ValueError, match="bond 0 does not fit"):
        MPS([np.ones((1, 2, 2)), np.ones((3, 2, 1))])
    psi, phi = MPS.random(key, 6, 8), MPS.random(key, 4, 4)
    with pytest.raises(ValueError, match="6 sites and 4 sites"):
        psi.overlap(phi)
    with pytest.raises(ValueError, match="centre must be a site"):
        psi.canonical(6)
    with pytest.raises(ValueError, match="bond_dimension must be at least 1"):
        psi.compress(0)
    with pytest.raises(ValueError, match="bonds are 0 .. 4"):
        psi.entropy(5)
    with pytest.raises(ValueError, match="different numbers out of 0 .. 5"):
        psi.density_matrix([1, 1])
    with pytest.raises(ValueError, match="disjoint"):
        psi.mutual_information([1, 2], [2, 3])
