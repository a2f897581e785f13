"""Decompositions: reconstruction, optimality, and derivatives where singular values are degenerate."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits.mps.linalg import polar, positive_lq, positive_qr, truncated_svd

RANK = 4


def matrix_with(values: list[float], m: int, n: int, is_complex: bool, seed: int = 0) -> np.ndarray:
    """A random m x n matrix with the given singular values."""
    rng = np.random.default_rng(seed)

    def isometry(rows: int) -> np.ndarray:
        x = rng.normal(size=(rows, len(values)))
        x = x + 1j * rng.normal(size=x.shape) if is_complex else x
        return np.linalg.qr(x)[0]

    return (isometry(m) * np.array(values)) @ isometry(n).conj().T


DEGENERATE = [2.0, 1.5, 1.5, 1.5, 0.7, 0.7]  # kept: 2 and a triplet; discarded: a doublet


def functions(seed: int = 1):
    """Functions of a truncated SVD that do not depend on the basis of a multiplet."""
    rng = np.random.default_rng(seed)
    b = rng.normal(size=(8, 6)) + 1j * rng.normal(size=(8, 6))
    p = rng.normal(size=(8, 8))
    q = rng.normal(size=(6, 6))

    def reconstruction(c):
        return jnp.sum((jnp.asarray(b) * (c.left @ c.core @ c.right).astype(complex)).real)

    def left_projector(c):
        return jnp.sum((p.astype(complex) * (c.left @ c.left.conj().T).astype(complex)).real)

    def right_projector(c):
        projector = (c.right.conj().T @ c.right).astype(complex)
        return jnp.sum(q * (projector.real + projector.imag))

    def gram(c):
        half = c.left @ c.core
        return jnp.sum((p.astype(complex) * (half @ half.conj().T).astype(complex)).real)

    def entropy(c):
        probabilities = jnp.square(c.singular_values)
        probabilities = probabilities / jnp.sum(probabilities)
        return -jnp.sum(probabilities * jnp.log(probabilities))

    def discarded(c):
        return c.discarded

    return {
        "reconstruction": reconstruction,
        "left projector": left_projector,
        "right projector": right_projector,
        "gram": gram,
        "entropy": entropy,
        "discarded": discarded,
    }


@pytest.mark.parametrize("is_complex", [False, True])
@pytest.mark.parametrize("name", list(functions()))
def test_gradient_of_truncated_svd_agrees_with_finite_differences_at_degenerate_values(name, is_complex):
    a = matrix_with(DEGENERATE, 8, 6, is_complex)
    direction = matrix_with([1.0] * 6, 8, 6, is_complex, seed=5)
    f = functions()[name]

    def along(t):
        return f(truncated_svd(jnp.asarray(a) + t.astype(a.dtype) * jnp.asarray(direction), RANK))

    h = 1e-4
    values = [along(jnp.asarray(k * h)) for k in (-2, -1, 1, 2)]
    numerical = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    zero = jnp.asarray(0.0)
    forward = jax.jvp(along, (zero,), (jnp.asarray(1.0),))[1]
    assert jnp.isfinite(forward)
    np.testing.assert_allclose(forward, numerical, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(jax.grad(along)(zero), forward, rtol=1e-10, atol=1e-10)


def test_truncated_svd_is_the_best_approximation_and_weighs_what_it_drops():
    a = np.random.default_rng(0).normal(size=(8, 6))
    cut = truncated_svd(jnp.asarray(a), RANK)
    s = np.linalg.svd(a, compute_uv=False)
    distance = np.linalg.norm(a - cut.left @ cut.core @ cut.right)
    np.testing.assert_allclose(distance, np.sqrt(np.sum(s[RANK:] ** 2)), rtol=1e-12)
    np.testing.assert_allclose(cut.discarded, np.sum(s[RANK:] ** 2), rtol=1e-12)
    np.testing.assert_allclose(cut.singular_values, s[:RANK], rtol=1e-12)


def test_cutoff_keeps_the_shape_and_counts_as_discarded():
    a = matrix_with([1.0, 0.5, 1e-3, 1e-4], 8, 6, False)
    cut = truncated_svd(jnp.asarray(a), RANK, 1e-2)
    assert cut.core.shape == (RANK, RANK)
    np.testing.assert_allclose(cut.singular_values, [1.0, 0.5, 0.0, 0.0], atol=1e-12)
    np.testing.assert_allclose(cut.discarded, 1e-6 + 1e-8, rtol=1e-9)


def test_gradient_is_finite_where_the_cut_goes_through_a_multiplet_and_at_zero():
    for a in (matrix_with([2.0, 1.0, 1.0, 1.0, 1.0, 1.0], 8, 6, False), np.zeros((8, 6))):
        gradient = jax.grad(lambda x: jnp.sum(truncated_svd(x, RANK).left ** 4))(jnp.asarray(a))
        assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("shape", [(8, 6), (6, 8)])
def test_positive_qr_and_lq_reconstruct_with_a_positive_diagonal(shape):
    rng = np.random.default_rng(0)
    a = rng.normal(size=shape) + 1j * rng.normal(size=shape)
    q, r = positive_qr(jnp.asarray(a))
    np.testing.assert_allclose(q @ r, a, atol=1e-12)
    np.testing.assert_allclose(q.conj().T @ q, np.eye(6), atol=1e-12)
    assert np.all(np.diag(r).real > 0)
    assert np.allclose(np.diag(r).imag, 0, atol=1e-12)
    l, q = positive_lq(jnp.asarray(a))
    np.testing.assert_allclose(l @ q, a, atol=1e-12)
    np.testing.assert_allclose(q @ q.conj().T, np.eye(6), atol=1e-12)
    assert np.all(np.diag(l).real > 0)


def test_polar_is_the_nearest_isometry():
    a = np.random.default_rng(0).normal(size=(8, 6))
    w = polar(jnp.asarray(a))
    np.testing.assert_allclose(w.T @ w, np.eye(6), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(a, "nuc"), np.trace(w.T @ a), rtol=1e-12)


def test_rank_below_one_is_refused():
    with pytest.raises(ValueError, match="rank of a truncated SVD must be at least 1"):
        truncated_svd(jnp.eye(3), 0)
