"""Jacobi fields and conjugate points: finite differences, spheres, the symmetry that the test rests on."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qgeom.nielsen import PauliGroup, Penalty, conjugate_points, flat_penalty, local_penalty
from qgeom.nielsen.flow import endpoint, flow
from qgeom.nielsen.jacobi import antisymmetric, end_derivative, symmetric
from qgeom.nielsen.one_qubit import axisymmetric_conjugate_times
from tests.nielsen.manifolds import PENALTIES

ZOO = {
    name: PENALTIES[name]
    for name in ("SU(2)", "SU(4), any weights", "SU(4), local", "SU(3)", "SO(4)", "GL(2)", "Aff(2)")
}


QUICK = ("SU(2)",)
EVERY = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ZOO]


@pytest.mark.parametrize("name", EVERY)
def test_j_is_the_derivative_of_the_end_and_s_is_symmetric(name):
    penalty = ZOO[name]
    group = penalty.group
    momentum = np.random.default_rng(1).normal(size=group.dimension)
    momentum = jnp.asarray(momentum / np.linalg.norm(momentum * np.asarray(penalty.inverse)) * 0.8)

    def end(p):
        return endpoint(group, penalty.inverse, p, 1.0, 32)

    u, push = jax.linearize(jax.jit(end), momentum)
    columns = jnp.stack(
        [group.coefficients(group.inverse(u) @ push(row)) for row in jnp.eye(group.dimension)], axis=1
    )
    j = end_derivative(penalty, momentum)
    np.testing.assert_allclose(j, columns, atol=1e-5 * float(jnp.max(jnp.abs(columns))))
    c = antisymmetric(group, momentum)
    np.testing.assert_allclose(c, -c.T, atol=1e-12)
    assert float(symmetric(columns, c)[1]) < 1e-8  # J^{-1} + C/2, of the exact derivative
    assert float(symmetric(j, c)[1]) < 1e-5


def test_great_circles_of_the_flat_three_sphere_meet_at_pi():
    found = conjugate_points(flat_penalty(1), jnp.asarray([0.0, 0.6, 0.8]), time=7.0)
    np.testing.assert_allclose(found.times, [np.pi, np.pi, 2 * np.pi, 2 * np.pi], atol=1e-3)
    assert found.index == 4


@pytest.mark.parametrize(("transverse", "axial"), [(1.0, 4.0), (2.0, 0.7)])
@pytest.mark.parametrize("momentum", [(0.0, 0.0, 2.0), (1.0, 0.0, 0.0), (0.6, 0.3, 1.5)])
def test_conjugate_times_of_the_berger_sphere_are_those_in_closed_form(transverse, axial, momentum):
    penalty = Penalty(PauliGroup(1), [transverse, transverse, axial])
    found = conjugate_points(penalty, jnp.asarray(momentum), time=5.0)
    closed = axisymmetric_conjugate_times(np.asarray(momentum), transverse, axial, 5.0)
    assert len(found.times) == len(closed)
    np.testing.assert_allclose(found.times, closed, atol=2e-3)


def test_a_conjugate_point_at_the_end_itself_leaves_a_minimum():
    momentum = jnp.asarray([0.0, 0.0, np.pi])
    found = conjugate_points(flat_penalty(1), momentum)
    assert found.index == 0
    np.testing.assert_array_equal(found.times, [1.0, 1.0])
    assert conjugate_points(flat_penalty(1), 0.99 * momentum).times.size == 0
    assert conjugate_points(flat_penalty(1), 1.01 * momentum).index == 2


@pytest.mark.slow
def test_the_index_counts_directions_that_shorten_the_path():
    """The second variation of the energy with fixed ends, as a matrix on broken paths, in NumPy and JAX."""
    penalty = local_penalty(2, 6.0, max_weight=1)
    group = penalty.group
    h = np.zeros(15)
    h[[group.names.index(s) for s in ("ZI", "IZ", "XX")]] = 0.9, 0.2, 1.4
    momentum = jnp.asarray(np.asarray(penalty.weights) * h * 1.3)
    found = conjugate_points(penalty, momentum)
    # Controls of 12 segments; constraint: the end. Hessian of energy minus multiplier times constraint on its kernel.
    count = 24
    from_momentum = np.asarray(_segments(penalty, momentum, count))

    def end(controls):
        u = jnp.eye(4, dtype=complex)
        for x in group.generator(controls.reshape(count, 15) / count):
            u = jax.scipy.linalg.expm(x) @ u
        return u

    target = end(jnp.asarray(from_momentum.ravel()))

    def off(controls):
        return group.coefficients(_log(group.inverse(target) @ end(controls)))

    def energy(controls):
        return 0.5 * jnp.sum(penalty.weights * controls.reshape(count, 15) ** 2) / count

    x = jnp.asarray(from_momentum.ravel())
    constraint = jax.jit(jax.jacfwd(off))(x)
    multiplier = jnp.linalg.lstsq(constraint.T, jax.grad(energy)(x))[0]
    hessian = jax.jit(jax.hessian(lambda y: energy(y) - multiplier @ off(y)))(x)
    kernel = np.linalg.svd(np.asarray(constraint))[2][15:]
    values = np.linalg.eigvalsh(kernel @ np.asarray(hessian) @ kernel.T)
    assert found.index == int(np.sum(values < 0.0))
    assert found.index > 0


def _log(w):
    """Second-order logarithm near the identity: enough for a Hessian there."""
    one = jnp.eye(w.shape[0], dtype=w.dtype)
    return (w - one) - 0.5 * (w - one) @ (w - one)


def _segments(penalty, momentum, count):
    """A discrete geodesic near: the averages of the smooth one's controls."""
    controls = np.asarray(flow(penalty, momentum, steps=8 * count, momentum=momentum).controls)
    middle = 0.5 * (controls[:-1] + controls[1:])
    return middle.reshape(count, 8, -1).mean(axis=1)
