"""The Euler-Arnold flow: conservation laws over the zoo, closed forms, SciPy's integrator."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

from qgeom.nielsen import PauliGroup, Penalty, local_penalty
from qgeom.nielsen.flow import endpoint, flow
from tests.nielsen.manifolds import PENALTIES

STEPS = 32
ZOO = {name: PENALTIES[name] for name in ("SU(2)", "SU(4), any weights", "SU(3)", "SO(4)", "GL(2)", "Aff(2)")}


QUICK = ("SU(2)", "SU(4), any weights", "SO(4)", "GL(2)")
EVERY = [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in ZOO]


@pytest.fixture(params=EVERY)
def penalty(request):
    return ZOO[request.param]


def start(penalty: Penalty, seed: int, size: float = 1.0) -> np.ndarray:
    h = np.random.default_rng(seed).normal(size=penalty.group.dimension)
    return h * size / np.linalg.norm(np.asarray(penalty.weights) * h)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=5, deadline=None)
@pytest.mark.parametrize("name", EVERY)
def test_energy_and_momentum_are_conserved_and_the_path_stays_on_the_group(name, seed):
    penalty = ZOO[name]
    group = penalty.group
    f = flow(penalty, start(penalty, seed), steps=4 * STEPS)
    assert float(f.energy_drift) < 1e-10
    assert float(f.momentum_drift) < 1e-10
    if group.compact:
        u = np.asarray(f.path)
        np.testing.assert_allclose(
            u.conj().swapaxes(1, 2) @ u, np.broadcast_to(np.eye(group.size), u.shape), atol=1e-13
        )
    # L(t) = U^{-dagger} L(0) U^dagger, with matrices of NumPy
    u, momentum = np.asarray(f.path[-1]), group.generator(np.asarray(f.momentum[0]))
    carried = np.linalg.inv(u).conj().T @ momentum @ u.conj().T
    np.testing.assert_allclose(group.coefficients(carried), f.momentum[-1], atol=1e-10)


def test_the_flow_agrees_with_scipy(penalty):
    group, weights = penalty.group, np.asarray(penalty.weights)
    size, h = group.size, start(penalty, 3, 1.5)

    def rate(_, y):
        u = (y[: size**2] + 1j * y[size**2 : 2 * size**2]).reshape(size, size)
        momentum = y[2 * size**2 :]
        x, matrix = group.generator(momentum / weights), group.generator(momentum)
        du = (x @ u).ravel()
        change = group.coefficients(matrix @ x.conj().T - x.conj().T @ matrix)
        return np.concatenate([du.real, np.imag(du), change])

    y0 = np.concatenate([np.eye(size).ravel(), np.zeros(size**2), weights * h])
    y = solve_ivp(rate, (0.0, 1.0), y0, rtol=1e-11, atol=1e-12, method="DOP853").y[:, -1]
    brute = (y[: size**2] + 1j * y[size**2 : 2 * size**2]).reshape(size, size)
    np.testing.assert_allclose(flow(penalty, h, steps=64).path[-1], brute, atol=1e-8)


def test_the_error_falls_with_the_sixth_power_of_the_step():
    penalty = PENALTIES["SU(4), any weights"]
    h = start(penalty, 5, 4.0)
    fine = np.asarray(flow(penalty, h, steps=256).path[-1])
    errors = [np.linalg.norm(np.asarray(flow(penalty, h, steps=n).path[-1]) - fine) for n in (8, 16, 32)]
    slopes = np.log2(np.asarray(errors[:-1]) / np.asarray(errors[1:]))
    assert np.all(slopes > 5.5), slopes
    assert np.all(slopes < 7.0), slopes


@pytest.mark.slow
def test_steps_are_doubled_until_the_tolerance_is_kept():
    penalty = PENALTIES["SU(3)"]
    h = start(penalty, 1, 2.0)
    f = flow(penalty, h, tolerance=1e-11)
    assert float(f.error) < 1e-11
    np.testing.assert_allclose(f.path[-1], flow(penalty, h, steps=512).path[-1], atol=1e-10)
    with pytest.raises(ValueError, match="does not reach tolerance"):
        flow(penalty, h, tolerance=1e-30)


@pytest.mark.parametrize(("transverse", "axial"), [(1.0, 4.0), (3.0, 0.5)])
def test_the_berger_sphere_precesses(transverse, axial):
    """The Euler equations of a symmetric top: L_z is constant, L_x + i L_y turns at the rate 2 (1/b - 1/a) L_z."""
    penalty = Penalty(PauliGroup(1), [transverse, transverse, axial])
    momentum = np.array([0.3, -0.8, 1.1])
    f = flow(penalty, momentum / np.asarray(penalty.weights), time=2.0, steps=64)
    t, followed = np.asarray(f.times), np.asarray(f.momentum)
    turned = (0.3 - 0.8j) * np.exp(2j * (1.0 / axial - 1.0 / transverse) * momentum[2] * t)
    np.testing.assert_allclose(followed[:, 2], 1.1, atol=1e-12)
    np.testing.assert_allclose(followed[:, 0] + 1j * followed[:, 1], turned, atol=1e-9)
    # In closed form U(t) = exp(-i t (1/b - 1/a) L_z Z) exp(-i t L / a).
    z, x, y = np.diag([1.0, -1.0]), np.array([[0, 1], [1, 0]]), np.array([[0, -1j], [1j, 0]])
    body = momentum[0] * x + momentum[1] * y + momentum[2] * z
    outer = scipy.linalg.expm(-2j * (1.0 / axial - 1.0 / transverse) * momentum[2] * z)
    np.testing.assert_allclose(f.path[-1], outer @ scipy.linalg.expm(-2j * body / transverse), atol=1e-9)


def test_commuting_strings_and_single_weight_spaces_are_straight():
    penalty = local_penalty(2, 10.0, max_weight=1)
    h = np.zeros(15)
    h[[penalty.group.names.index(s) for s in ("ZI", "IZ", "ZZ")]] = 0.3, -0.5, 0.7
    f = flow(penalty, h, steps=8)
    np.testing.assert_allclose(f.controls, np.broadcast_to(h, f.controls.shape), atol=1e-14)
    np.testing.assert_allclose(
        f.path[-1], scipy.linalg.expm(np.asarray(penalty.group.generator(h))), atol=1e-13
    )


def test_dense_output_and_batches_agree_with_single_runs():
    penalty = PENALTIES["SO(4)"]
    h = np.stack([start(penalty, seed) for seed in (1, 2)])
    batch = flow(penalty, h, steps=16)
    assert batch.path.shape == (2, 17, 4, 4)
    for k in range(2):
        one = flow(penalty, h[k], steps=16)
        np.testing.assert_allclose(batch.path[k], one.path, atol=1e-14)
        np.testing.assert_allclose(one.at(0.37), flow(penalty, h[k], time=0.37, steps=16).path[-1], atol=1e-9)
    np.testing.assert_allclose(batch.length, np.sqrt(np.sum(np.asarray(penalty.weights) * h**2, axis=1)))


def test_the_derivative_of_the_end_agrees_with_finite_differences(penalty):
    group = penalty.group
    momentum = jnp.asarray(np.asarray(penalty.weights) * start(penalty, 7))
    direction = jnp.asarray(np.random.default_rng(8).normal(size=group.dimension))

    @jax.jit
    def end(p):
        return endpoint(group, penalty.inverse, p, 1.0, STEPS)

    _, pushed = jax.jvp(end, (momentum,), (direction,))
    step = 1e-5
    brute = (np.asarray(end(momentum + step * direction)) - np.asarray(end(momentum - step * direction))) / (
        2 * step
    )
    np.testing.assert_allclose(pushed, brute, rtol=1e-6, atol=1e-8)


def test_forbidden_directions_need_a_momentum():
    penalty = local_penalty(2, np.inf, max_weight=1)
    with pytest.raises(ValueError, match=r"forbidden directions \(infinite weight\): XX, XY"):
        flow(penalty, np.ones(15))
    f = flow(penalty, np.zeros(15), momentum=np.ones(15) * 0.3, steps=16)
    assert float(jnp.max(jnp.abs(f.controls[:, penalty.group.names.index("XX")]))) == 0.0
    assert float(f.energy_drift) < 1e-10


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="expected 15 controls"):
        flow(local_penalty(2, 2.0), np.ones(3))
