"""The Stiefel manifold, and Riemannian gradients against finite differences."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import hamiltonians
from circuits.mera import BINARY, TERNARY, finite, scale_invariant, stiefel
from circuits.mera import energy as energies
from circuits.mera.krylov import gmres
from circuits.mera.minimise import start_finite, start_infinite
from circuits.mera.terms import bulk, windows

HEISENBERG_WITH_FIELD = np.array(  # complex: a Dzyaloshinskii-Moriya term
    [[1.0, 0, 0, 0], [0, -1.0, 2.0 + 0.6j, 0], [0, 2.0 - 0.6j, -1.0, 0], [0, 0, 0, 0.4]]
)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.complex128])
def test_stiefel_points_tangents_and_retractions(dtype, key):
    w = stiefel.random(key, (2, 6, 3), dtype)
    assert float(stiefel.deviation(w)) < 1e-14
    x = stiefel.project(w, jax.random.normal(jax.random.fold_in(key, 1), w.shape, dtype))
    gram = stiefel.adjoint(w) @ x
    np.testing.assert_allclose(gram + stiefel.adjoint(gram), 0.0, atol=1e-14)
    np.testing.assert_allclose(stiefel.project(w, x), x, atol=1e-14)
    x = x / jnp.linalg.norm(x, axis=(-2, -1), keepdims=True).astype(dtype)
    np.testing.assert_allclose(stiefel.retract(w, x), stiefel.polar(w + x), atol=1e-14)
    # Second order: the curve w + t x leaves the manifold at t^2, the retraction never does.
    small = 1e-4
    assert float(stiefel.deviation(stiefel.retract(w, small * x))) < 1e-14
    np.testing.assert_allclose(stiefel.retract(w, small * x), w + small * x, atol=small**2)


def test_polar_maximises_the_overlap(key):
    x = jax.random.normal(key, (5, 3))
    best = float(stiefel.inner(stiefel.polar(x), x))
    others = stiefel.random(jax.random.fold_in(key, 1), (200, 5, 3), jnp.float64)
    assert best > float(jnp.max(jnp.sum(others * x, axis=(-1, -2))))
    np.testing.assert_allclose(best, np.linalg.svd(x, compute_uv=False).sum(), rtol=1e-13)


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.complex128])
def test_orthonormal_is_the_identity_on_isometries_and_kills_triangular_directions(dtype, key):
    w = stiefel.random(key, (5, 3), dtype)
    np.testing.assert_allclose(stiefel.orthonormal(w), w, atol=1e-14)
    r = np.triu(np.asarray(jax.random.normal(key, (3, 3), dtype)))
    np.fill_diagonal(r, r.diagonal().real)  # a positive diagonal stays one
    _, tangent = jax.jvp(stiefel.orthonormal, (w,), (w @ jnp.asarray(r),))
    np.testing.assert_allclose(tangent, 0.0, atol=1e-13)


def test_gmres_solves_and_reports_its_residual(key):
    a = 0.5 * jax.random.normal(key, (30, 30)) / np.sqrt(30.0)
    b = jax.random.normal(jax.random.fold_in(key, 1), (30,))
    x, residual = gmres(lambda v: a @ v, jnp.zeros(30), b, jnp.asarray(1e-10))
    np.testing.assert_allclose(x, np.linalg.solve(np.eye(30) - np.asarray(a), np.asarray(b)), atol=1e-8)
    np.testing.assert_allclose(float(residual), np.linalg.norm(a @ x + b - x), atol=1e-12)
    assert float(residual) <= 1e-10


def directional(evaluate, point, key):
    """Relative difference of the slope along a random tangent and the central difference through the retraction."""
    leaves, structure = jax.tree.flatten(point)
    keys = jax.random.split(key, len(leaves))
    moves = [stiefel.project(w, jax.random.normal(k, w.shape, w.dtype)) for k, w in zip(keys, leaves)]
    moves = [x / jnp.linalg.norm(x, axis=(-2, -1), keepdims=True).astype(x.dtype) for x in moves]
    gradient = jax.tree.leaves(evaluate(point).gradient)
    slope = sum(float(stiefel.inner(stiefel.project(w, g), x)) for w, g, x in zip(leaves, gradient, moves))
    h = 1e-4

    def value(t):
        shifted = [stiefel.retract(w, t * x) for w, x in zip(leaves, moves)]
        return float(evaluate(jax.tree.unflatten(structure, shifted)).energy)

    return slope, (value(h) - value(-h)) / (2.0 * h)


@pytest.mark.slow
@pytest.mark.parametrize("uniform", [pytest.param(True, marks=pytest.mark.slow), False])
def test_finite_gradient_is_the_finite_difference(uniform, key):
    h = hamiltonians.heisenberg(12, periodic=uniform)
    operators = windows(h, BINARY).operators
    start = start_finite(BINARY, operators, 12, 3, None, uniform, key)
    point = jax.tree.map(jnp.asarray, finite.pack(start))
    zero = jnp.zeros(())
    evaluate = jax.jit(
        lambda p: energies.finite(BINARY, p, jnp.asarray(operators), energies.Warm(zero, zero), zero)
    )
    slope, difference = directional(evaluate, point, key)
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(slope, difference, rtol=1e-6)
    np.testing.assert_allclose(
        float(evaluate(point).energy), float(finite.unpack(BINARY, point, 3).expectation(h))
    )


@pytest.mark.slow
@pytest.mark.parametrize("model", ["real", "complex"])
def test_infinite_gradient_is_the_finite_difference(model, key):
    matrix = HEISENBERG_WITH_FIELD if model == "complex" else HEISENBERG_WITH_FIELD.real
    operator = bulk(matrix, TERNARY)
    start = start_infinite(TERNARY, operator, 3, 3, key)
    point = jax.tree.map(jnp.asarray, scale_invariant.pack(start))
    assert point.tail.isometry.shape[0] == 2
    warm = jax.tree.map(jnp.asarray, scale_invariant.mixed(TERNARY, 3, operator.dtype))
    evaluate = jax.jit(
        lambda p: energies.infinite(TERNARY, p, jnp.asarray(operator)[None], warm, jnp.asarray(1e-12))
    )
    slope, difference = directional(evaluate, point, key)
    assert abs(slope) > 1e-3
    np.testing.assert_allclose(slope, difference, rtol=1e-6)
    mera = scale_invariant.unpack(TERNARY, point)
    np.testing.assert_allclose(float(evaluate(point).energy), float(mera.expectation(matrix)), rtol=1e-10)
