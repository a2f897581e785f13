"""Curvature of penalty metrics: closed forms, laws over a zoo of groups, and coordinates at the identity."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from qgeom.information import geodesics
from qgeom.nielsen.curvature import (
    connection,
    curvature,
    ricci,
    ricci_diagonal,
    scalar_curvature,
    sectional_curvature,
    structure_constants,
)
from qgeom.nielsen.groups import Affine, GeneralLinear, Group, PauliGroup, SpecialOrthogonal, SpecialUnitary
from qgeom.nielsen.penalty import Penalty, flat_penalty, local_penalty

ZOO: tuple[Group, ...] = (
    PauliGroup(1),
    PauliGroup(2),
    SpecialUnitary(3),
    SpecialOrthogonal(3),
    SpecialOrthogonal(4),
    GeneralLinear(2),
    Affine(1),
    Affine(2),
)


def over_zoo(test):
    slow = [pytest.mark.slow]  # dozens of seconds of compilation
    cases = [pytest.param(group, marks=slow if group.dimension > 6 else []) for group in ZOO]
    return pytest.mark.parametrize("group", cases, ids=[str(g) for g in ZOO])(test)


def table(group: Group, seed: int) -> Penalty:
    return Penalty(group, np.exp(0.7 * np.random.default_rng(seed).normal(size=group.dimension)))


@cache
def whole_tensor(group: Group, seed: int) -> np.ndarray:
    """``<R(E_a, E_b) E_c, E_d>`` at [a, b, c, d]."""
    penalty = table(group, seed)
    one = jnp.eye(group.dimension)
    a, b, c = jnp.meshgrid(*[jnp.arange(group.dimension)] * 3, indexing="ij")
    return np.asarray(curvature(penalty, one[a], one[b], one[c]) * penalty.weights)


@over_zoo
@pytest.mark.parametrize("seed", [0, 1])
def test_symmetries_of_the_tensor_and_the_first_bianchi_identity(group, seed):
    r = whole_tensor(group, seed)
    tolerance = 1e-13 * max(1.0, np.abs(r).max())
    np.testing.assert_allclose(r, -r.transpose(1, 0, 2, 3), atol=tolerance)
    np.testing.assert_allclose(r, -r.transpose(0, 1, 3, 2), atol=tolerance)
    np.testing.assert_allclose(r, r.transpose(2, 3, 0, 1), atol=tolerance)
    np.testing.assert_allclose(r + r.transpose(1, 2, 0, 3) + r.transpose(2, 0, 1, 3), 0.0, atol=3 * tolerance)


@over_zoo
def test_ricci_is_the_trace_of_the_tensor_and_the_scalar_its_trace(group):
    penalty = table(group, 0)
    w = np.asarray(penalty.weights)
    expected = np.einsum("abca->bc", whole_tensor(group, 0) / w)
    np.testing.assert_allclose(ricci(penalty), expected, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(
        ricci_diagonal(penalty), np.diag(expected), atol=1e-12 * np.abs(expected).max()
    )
    assert scalar_curvature(penalty) == pytest.approx(np.sum(np.diag(expected) / w))


@over_zoo
def test_the_scalar_is_the_sum_of_sectional_curvatures(group):
    penalty = table(group, 1)
    one = jnp.eye(group.dimension)
    i, j = np.triu_indices(group.dimension, 1)
    total = 2.0 * float(jnp.sum(sectional_curvature(penalty, one[i], one[j])))
    assert scalar_curvature(penalty) == pytest.approx(total, rel=1e-10)


@over_zoo
def test_the_connection_is_metric_and_without_torsion(group):
    penalty = table(group, 2)
    rng = np.random.default_rng(0)
    x, y, z = (jnp.asarray(v) for v in rng.normal(size=(3, group.dimension)))
    bracket = group.coefficients(group.bracket(group.generator(x), group.generator(y)))
    np.testing.assert_allclose(connection(penalty, x, y) - connection(penalty, y, x), bracket, atol=1e-12)
    product = jnp.sum(penalty.weights * (connection(penalty, x, y) * z + y * connection(penalty, x, z)))
    assert float(product) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("group", [PauliGroup(1), SpecialOrthogonal(3), GeneralLinear(2), Affine(1)], ids=str)
def test_the_tensor_is_that_of_the_metric_in_exponential_coordinates(group):
    """``dU U^{-1} = sum_k ad_X^k / (k + 1)! dX``, then Christoffel symbols by automatic differentiation."""
    penalty = table(group, 0)
    f = jnp.asarray(structure_constants(group))

    def metric(theta):
        ad = jnp.einsum("a,abc->cb", theta, f)
        one = jnp.eye(group.dimension)
        jacobian = one + ad @ (one / 2.0 + ad @ (one / 6.0 + ad / 24.0))
        return jacobian.T @ (penalty.weights[:, None] * jacobian)

    origin = jnp.zeros(group.dimension)
    expected = np.asarray(
        jax.jit(lambda theta: geodesics.riemann(metric, theta))(origin)
    )  # R^a_bcd: R(E_c, E_d) E_b along a
    r = whole_tensor(group, 0) / np.asarray(penalty.weights)
    np.testing.assert_allclose(r.transpose(3, 2, 0, 1), expected, atol=1e-11 * np.abs(r).max())
    contracted = np.einsum("abad,bd->", expected, np.diag(1.0 / np.asarray(penalty.weights)))
    assert scalar_curvature(penalty) == pytest.approx(contracted, abs=1e-10)


def test_flat_one_qubit_is_the_unit_three_sphere():
    penalty = flat_penalty(1)
    x, y = jnp.array([1.0, 2.0, 0.5]), jnp.array([0.3, -1.0, 1.0])
    assert float(sectional_curvature(penalty, x, y)) == pytest.approx(1.0)
    np.testing.assert_allclose(ricci(penalty), 2.0 * np.eye(3), atol=1e-14)
    assert scalar_curvature(penalty) == pytest.approx(6.0)


@pytest.mark.parametrize(("a", "b"), [(1.0, 3.0), (2.0, 0.5), (1.0, 1.3)])
def test_sectional_curvatures_of_the_berger_sphere(a, b):
    """Berger sphere with Hopf fibres of squared length b/a: K = (4 - 3 b/a)/a across, (b/a)/a along the fibre."""
    penalty = Penalty(PauliGroup(1), [a, a, b])
    x, y, z = jnp.eye(3)
    assert float(sectional_curvature(penalty, x, y)) == pytest.approx((4.0 - 3.0 * b / a) / a)
    assert float(sectional_curvature(penalty, x, z)) == pytest.approx(b / a**2)
    assert float(sectional_curvature(penalty, y, z)) == pytest.approx(b / a**2)
    assert scalar_curvature(penalty) == pytest.approx(2.0 * (4.0 - b / a) / a)


@pytest.mark.parametrize(
    ("group", "weight"), [(PauliGroup(2), 1.0), (SpecialUnitary(3), 2.5), (SpecialOrthogonal(4), 1.0)]
)
def test_the_bi_invariant_curvature_is_a_quarter_of_the_squared_bracket(group, weight):
    penalty = Penalty(group, np.full(group.dimension, weight))
    rng = np.random.default_rng(5)
    x, y = np.linalg.qr(rng.normal(size=(group.dimension, 2)))[0].T / weight**0.5
    x, y = jnp.asarray(x), jnp.asarray(y)
    bracket = group.coefficients(group.bracket(group.generator(x), group.generator(y)))
    expected = 0.25 * weight * float(bracket @ bracket)
    assert float(sectional_curvature(penalty, x, y)) == pytest.approx(expected)


def test_curvature_of_pairs_of_strings_and_zero_for_those_that_commute():
    penalty = table(PauliGroup(2), 3)
    names = penalty.group.names
    w = dict(zip(names, np.asarray(penalty.weights)))
    one = jnp.eye(15)

    def k(s, t):
        return float(sectional_curvature(penalty, one[names.index(s)], one[names.index(t)]))

    s, t, u = w["XI"], w["ZY"], w["YY"]
    assert k("XI", "ZY") == pytest.approx((2 * u * (s + t) - 3 * u**2 + (s - t) ** 2) / (s * t * u))
    assert k("XX", "ZZ") == pytest.approx(0.0, abs=1e-14)


def test_the_ricci_tensor_of_strings_agrees_with_structure_constants_on_three_qubits():
    penalty = local_penalty(3, 7.0, weights={"XYZ": 3.0, "IIX": 0.4})
    w = np.asarray(penalty.weights)
    f = structure_constants(penalty.group)
    # Besse, Einstein Manifolds, 7.38, for a unimodular group.
    expected = (
        -0.5 * np.einsum("aic,bic,c,i->ab", f, f, w, 1 / w, optimize=True)
        - 0.5 * np.einsum("aic,bci->ab", f, f)
        + 0.25 * np.einsum("ija,ijb,i,j,a,b->ab", f, f, 1 / w, 1 / w, w, w, optimize=True)
    )
    np.testing.assert_allclose(ricci(penalty), expected, atol=1e-10)
    x = jnp.asarray(np.random.default_rng(0).normal(size=63))
    assert float(ricci(penalty, x)) == pytest.approx(float(np.asarray(x) @ expected @ np.asarray(x)))


def test_penalties_on_three_strings_make_the_scalar_curvature_negative():
    """The flat metric has Ric = 4^n / 2 (scalar 4^n (4^n - 1) / 2); a large penalty makes the scalar negative."""
    assert scalar_curvature(flat_penalty(3)) == pytest.approx(32.0 * 63)
    assert scalar_curvature(local_penalty(3, 20.0)) < 0.0


def test_six_qubits_without_structure_constants():
    penalty = local_penalty(6, 5.0)
    rng = np.random.default_rng(0)
    x, y = jnp.asarray(rng.normal(size=(2, 4095)))
    assert np.isfinite(float(sectional_curvature(penalty, x, y)))
    assert scalar_curvature(flat_penalty(6)) == pytest.approx(2048.0 * 4095)
    with pytest.raises(ValueError, match="256"):
        structure_constants(penalty.group)


@settings(max_examples=25, deadline=None)
@given(arrays(float, 3, elements=st.floats(0.1, 10.0)))
def test_milnors_diagonal_ricci_on_one_qubit(w):
    """Milnor 1976, theorem 4.3, with orthonormal e_i and ``[e_1, e_2] = lambda_3 e_3``."""
    lam = np.array([2 * w[i] / np.sqrt(np.prod(w)) for i in range(3)])
    mu = 0.5 * lam.sum() - lam
    expected = np.array([2 * mu[1] * mu[2], 2 * mu[0] * mu[2], 2 * mu[0] * mu[1]])
    np.testing.assert_allclose(
        ricci_diagonal(Penalty(PauliGroup(1), w)) / w, expected, rtol=1e-9, atol=1e-9 * lam.max() ** 2
    )


@settings(max_examples=25, deadline=None)
@given(arrays(float, (2, 6), elements=st.floats(-2, 2)), arrays(float, 4, elements=st.floats(-2, 2)))
def test_the_sectional_curvature_belongs_to_the_plane(pair, mix):
    x, y = pair
    a, b, c, d = mix
    gram = np.linalg.det(pair @ pair.T)
    if gram < 1e-2 or abs(a * d - b * c) < 0.1:
        return
    penalty = table(SpecialOrthogonal(4), 4)
    first = sectional_curvature(penalty, jnp.asarray(x), jnp.asarray(y))
    second = sectional_curvature(penalty, jnp.asarray(a * x + b * y), jnp.asarray(c * x + d * y))
    assert float(first) == pytest.approx(float(second), rel=1e-7, abs=1e-9)


def test_sectional_curvature_is_batched_and_can_be_compiled():
    penalty = table(PauliGroup(2), 0)
    x, y = jnp.asarray(np.random.default_rng(0).normal(size=(2, 5, 15)))
    batch = jax.jit(lambda p, u, v: sectional_curvature(p, u, v))(penalty, x, y)
    one_by_one = [float(sectional_curvature(penalty, u, v)) for u, v in zip(x, y)]
    np.testing.assert_allclose(batch, one_by_one, rtol=1e-10)


def test_bad_input_is_told_in_one_line():
    forbidden = local_penalty(2, np.inf, max_weight=1)
    with pytest.raises(ValueError, match="XX is forbidden"):
        scalar_curvature(forbidden)
    with pytest.raises(ValueError, match="finite weights"):
        sectional_curvature(forbidden, jnp.eye(15)[0], jnp.eye(15)[1])
    with pytest.raises(ValueError, match="span no plane"):
        sectional_curvature(flat_penalty(1), jnp.ones(3), -2.0 * jnp.ones(3))
    with pytest.raises(ValueError, match="3 coefficients"):
        sectional_curvature(flat_penalty(1), jnp.ones(4), jnp.ones(4))
