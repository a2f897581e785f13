"""Laws of every information metric, written once and run over the zoo."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import circuits
import qgeom
from circuits.description import Distribution, State
from qgeom.information import curves, geodesics
from tests.zoo import Specimen, zoo

ZOO = zoo()


def over(animals):
    return pytest.mark.parametrize("animal", animals, ids=lambda a: a.name)


@cache
def _metric_of(name: str):
    animal = next(a for a in ZOO if a.name == name)
    return qgeom.information_metric(animal.description, animal.params, animal.data)


def metric_of(animal: Specimen):
    return _metric_of(animal.name)


@over(ZOO)
def test_symmetric_and_positive_semidefinite(animal):
    matrix = np.asarray(metric_of(animal).as_matrix())
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.linalg.eigvalsh(matrix).min() > -1e-13 * max(1.0, np.abs(matrix).max())


@over(ZOO)
def test_products_diagonal_trace_and_inner_products_are_those_of_the_matrix(animal):
    m = metric_of(animal)
    matrix = np.asarray(m.as_matrix())
    u, v = jnp.cos(jnp.arange(float(m.size))), jnp.sin(1.0 + jnp.arange(float(m.size)))
    np.testing.assert_allclose(m.mv(v), matrix @ v, atol=1e-13)
    np.testing.assert_allclose(m.inner(u, v), u @ matrix @ v, atol=1e-13)
    np.testing.assert_allclose(m.diagonal(), np.diag(matrix), atol=1e-14)
    np.testing.assert_allclose(m.trace(), np.trace(matrix), atol=1e-13)


@over(ZOO)
def test_rank_and_nullity_add_up_and_the_kernel_does_not_move_the_point(animal):
    m = metric_of(animal)
    kernel = np.asarray(m.kernel())
    assert m.rank() + kernel.shape[1] == m.size
    np.testing.assert_allclose(np.asarray(m.as_matrix()) @ kernel, 0.0, atol=1e-12)
    np.testing.assert_allclose(kernel.T @ kernel, np.eye(kernel.shape[1]), atol=1e-12)


@over(ZOO)
def test_covariant_under_reparametrisation(animal):
    """For theta = phi(eta), F_eta = (d phi)' F_theta (d phi)."""
    flat, unravel = ravel_pytree(animal.params)
    mixing = jnp.eye(flat.size) + 0.3 * jnp.sin(jnp.arange(float(flat.size**2))).reshape(flat.size, flat.size)

    def phi(eta):
        return mixing @ (eta + 0.2 * jnp.sin(eta))

    eta = jnp.linspace(0.2, 0.6, flat.size)

    class Moved(type(animal.description)):
        def __call__(self, params, x=None):
            return animal.description(unravel(phi(params)), x)

    moved = Moved(*(getattr(animal.description, f) for f in animal.description.__dataclass_fields__))
    theta = unravel(phi(eta))
    whole = np.asarray(qgeom.information_metric(animal.description, theta, animal.data).as_matrix())
    jacobian = np.asarray(jax.jacfwd(phi)(eta))
    found = qgeom.information_metric(moved, eta, animal.data).as_matrix()
    np.testing.assert_allclose(found, jacobian.T @ whole @ jacobian, atol=1e-11)


@over(ZOO)
def test_the_squared_distance_of_neighbours_is_the_quadratic_form(animal):
    # The square roots of density matrices with a kernel have errors of 1e-8, the root of epsilon.
    precision = 1e-3 if animal.name.startswith("RankTwo") else 1e-5
    flat, unravel = ravel_pytree(animal.params)
    direction = jnp.cos(jnp.arange(float(flat.size)))
    data = [None] if animal.data is None else list(animal.data)
    form = float(metric_of(animal).inner(direction, direction))
    h = 1e-4

    def squared(x):
        a, b = (animal.description(unravel(flat + s * h * direction), x) for s in (-0.5, 0.5))
        return float(curves.distance(a, b)) ** 2 / h**2

    assert np.mean([squared(x) for x in data]) == pytest.approx(form, rel=precision, abs=1e-9)


@over([a for a in ZOO if a.data is None and a.name != "GHZPhase"])
def test_no_path_is_shorter_than_the_distance_of_its_ends(animal):
    start, _ = ravel_pytree(animal.params)
    end = start + 0.3 * jnp.cos(jnp.arange(float(start.size)))
    metric = curves.metric_function(animal.description)
    path = start + jnp.linspace(0.0, 1.0, 17)[:, None] * (end - start)
    direct = float(curves.distance(animal.description(start), animal.description(end)))
    length = float(curves.length(metric, path))
    assert length >= direct * (1.0 - 1e-3)
    assert length**2 <= 2.0 * float(curves.action(metric, path)) * (1.0 + 1e-12)


@over([a for a in ZOO if a.name in ("BlochMixed", "Sphere", "ProductRY")])
def test_geodesics_keep_their_speed(animal):
    metric = curves.metric_function(animal.description)
    velocity = 0.3 * jnp.cos(jnp.arange(float(animal.params.size)))
    g = geodesics.initial_geodesic(metric, animal.params, velocity, steps=8)
    assert g.converged
    assert g.speed_drift < 1e-7


@over(
    [
        a
        for a in ZOO
        if isinstance(a.description(a.params, None if a.data is None else a.data[0]), Distribution)
    ]
)
def test_fisher_matrix_is_the_hessian_of_relative_entropy(animal):
    flat, unravel = ravel_pytree(animal.params)
    data = [None] if animal.data is None else list(animal.data)

    def divergence(t):
        total = 0.0
        for x in data:
            p = animal.description(unravel(flat), x).probabilities
            q = animal.description(unravel(t), x).probabilities
            total = total + jnp.sum(p * (jnp.log(p) - jnp.log(q)))
        return total / len(data)

    np.testing.assert_allclose(
        jax.jit(jax.hessian(divergence))(flat), metric_of(animal).as_matrix(), atol=1e-12
    )


@over([a for a in ZOO if isinstance(a.description(a.params, None if a.data is None else a.data[0]), State)])
def test_quantum_fisher_matrix_is_the_hessian_of_minus_two_log_overlap_squared(animal):
    flat, unravel = ravel_pytree(animal.params)
    data = [None] if animal.data is None else list(animal.data)

    def divergence(t):
        total = 0.0
        for x in data:
            overlap = jnp.vdot(
                animal.description(unravel(flat), x).vector, animal.description(unravel(t), x).vector
            )
            total = total - 2.0 * jnp.log(jnp.square(overlap.real) + jnp.square(overlap.imag))
        return total / len(data)

    np.testing.assert_allclose(
        jax.jit(jax.hessian(divergence))(flat), metric_of(animal).as_matrix(), atol=1e-11
    )


@over([a for a in ZOO if a.name.startswith(("Categorical", "Sphere"))])
def test_coarse_graining_loses_information(animal):
    """Monotonicity (Chentsov): merging outcomes, or any stochastic map, only lowers the Fisher metric."""
    stochastic = jnp.asarray([[0.9, 0.1, 0.0], [0.1, 0.8, 0.3], [0.0, 0.1, 0.7]])
    merging = jnp.asarray([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    fine = np.asarray(metric_of(animal).as_matrix())
    for channel in (stochastic, merging):

        class Coarse(type(animal.description)):
            def __call__(self, params, x=None, channel=channel):
                return Distribution(channel @ animal.description(params, x).probabilities)

        coarse = qgeom.information_metric(Coarse(), animal.params, animal.data).as_matrix()
        assert np.linalg.eigvalsh(fine - np.asarray(coarse)).min() > -1e-13


@pytest.mark.parametrize("seed", range(3))
def test_no_measurement_exceeds_the_quantum_fisher_information(seed):
    """F_C <= F_Q (Braunstein and Caves), and coarser readouts see less."""
    c = circuits.hardware_efficient(
        n_qubits=3, n_layers=2, rotations=("RX", "RZ"), entangler="CX", topology="ring"
    )
    theta = c.init(jax.random.key(seed))
    quantum = np.asarray(qgeom.information_metric(c, theta).as_matrix())
    measured = np.asarray(qgeom.classical_fisher(c, theta).as_matrix())
    partial = np.asarray(qgeom.classical_fisher(c, theta, wires=(0, 2)).as_matrix())
    assert np.linalg.eigvalsh(quantum - measured).min() > -1e-12
    assert np.linalg.eigvalsh(measured - partial).min() > -1e-12
    assert np.trace(partial) < np.trace(measured) < np.trace(quantum)
