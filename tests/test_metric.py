"""The information metric against closed forms, finite differences in NumPy, and its own definitions."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
import pytest

import circuits
import qgeom
from circuits import gates
from qgeom.information.gram import gram
from qgeom.information.spectrum import numerical_rank
from tests.zoo import (
    BlochMixed,
    Categorical,
    EntangledState,
    GHZPhase,
    ProductRY,
    RankTwoMixed,
    Regression,
    Sphere,
)

INPUTS = jnp.asarray([[0.3], [-0.7], [1.1], [0.2], [-0.4]])


def small_circuit() -> circuits.Circuit:
    return circuits.hardware_efficient(
        n_qubits=3, n_layers=2, rotations=("RY", "RZ"), entangler="CZ", topology="ring"
    )


# -- closed forms ----------------------------------------------------------------------------------------------


def test_product_of_ry_rotations_has_the_identity_as_its_quantum_fisher_matrix():
    m = qgeom.information_metric(ProductRY(4), jnp.asarray([0.1, -2.0, 0.7, 3.0]))
    np.testing.assert_allclose(m.as_matrix(), np.eye(4), atol=1e-14)
    c = circuits.Circuit(3, [gates.RY(circuits.Param(i), i) for i in range(3)])
    np.testing.assert_allclose(
        qgeom.information_metric(c, jnp.asarray([0.4, 1.0, 2.0])).as_matrix(), np.eye(3), atol=1e-14
    )


@pytest.mark.parametrize("n", [2, 3, 4])
def test_ghz_under_a_collective_phase_reaches_the_heisenberg_limit_and_a_product_does_not(n):
    rotation = [gates.RZ(circuits.Param(0), q) for q in range(n)]
    ghz = circuits.Circuit(n, [gates.H(0), *[gates.CX(q, q + 1) for q in range(n - 1)], *rotation])
    product = circuits.Circuit(n, [*[gates.H(q) for q in range(n)], *rotation])
    theta = jnp.asarray([0.3])
    assert float(qgeom.information_metric(ghz, theta).trace()) == pytest.approx(n**2, abs=1e-12)
    assert float(qgeom.information_metric(product, theta).trace()) == pytest.approx(n, abs=1e-12)
    assert float(qgeom.information_metric(GHZPhase(qubits=n), theta).trace()) == pytest.approx(
        n**2, abs=1e-12
    )


def test_geometric_tensor_of_h_rz_rx_is_the_known_one():
    c = circuits.Circuit(1, [gates.H(0), gates.RZ(circuits.Param(0), 0), gates.RX(circuits.Param(1), 0)])
    m = qgeom.information_metric(c, jnp.asarray([np.pi / 2, np.pi / 4]))
    np.testing.assert_allclose(4.0 * m.quantum_geometric_tensor(), [[1, 1j], [-1j, 1]], atol=1e-14)
    np.testing.assert_allclose(m.berry_curvature(), [[0, -0.5], [0.5, 0]], atol=1e-14)
    np.testing.assert_allclose(m.as_matrix(), np.eye(2), atol=1e-14)


def test_sld_fisher_of_a_mixed_qubit():
    m = qgeom.information_metric(BlochMixed(radius=0.8), jnp.asarray([np.pi / 4, 0.3]))
    np.testing.assert_allclose(m.as_matrix(), np.diag([2.56, 0.64]), atol=1e-14)
    assert "SLD" in repr(m)


def test_sld_fisher_of_a_nearly_pure_state_is_the_pure_one_with_the_kernel_counted():
    theta = jnp.asarray([0.7, 0.3])
    m = qgeom.information_metric(BlochMixed(radius=1.0), theta)
    np.testing.assert_allclose(m.as_matrix(), np.diag([4.0, np.sin(1.4) ** 2]), atol=1e-12)
    assert m.dropped == 1


def test_categorical_metric_is_the_sphere_of_radius_two():
    theta, phi = 0.7, 0.5
    m = qgeom.information_metric(Sphere(), jnp.asarray([theta, phi]))
    np.testing.assert_allclose(m.as_matrix(), np.diag([4.0, 4.0 * np.sin(theta) ** 2]), atol=1e-13)


def test_gaussian_metric_averages_squares_of_the_jacobian():
    params = {"inner": jnp.asarray([1.0, 2.0, 3.0]), "outer": (jnp.asarray([0.5, -1.0]),)}
    m = qgeom.information_metric(Regression(), params, INPUTS)
    second = float(np.mean(np.square(INPUTS)))
    first = np.asarray([0.5, -1.0, 0.0, 1.0, 2.0])
    expected = second * (np.outer(first, first) + np.diag([0, 0, 1.0, 0, 0]))
    np.testing.assert_allclose(m.as_matrix(), expected, atol=1e-13)
    assert m.rank() == 2
    assert m.kernel().shape == (5, 3)


# -- finite differences in NumPy -------------------------------------------------------------------------------


def finite_difference_jacobian(function, theta, h=1e-5):
    basis = np.eye(len(theta))
    return np.stack([(function(theta + h * e) - function(theta - h * e)) / (2 * h) for e in basis])


def test_quantum_fisher_matrix_of_a_circuit_by_finite_differences():
    c = small_circuit()
    theta = np.asarray(c.init(jax.random.key(5)))
    psi = np.asarray(c(jnp.asarray(theta)).vector)
    d = finite_difference_jacobian(lambda t: np.asarray(c(jnp.asarray(t)).vector), theta)
    q = d.conj() @ d.T - np.outer(d.conj() @ psi, psi.conj() @ d.T)
    m = qgeom.information_metric(c, jnp.asarray(theta))
    np.testing.assert_allclose(m.as_matrix(), 4.0 * q.real, atol=1e-8)
    np.testing.assert_allclose(m.berry_curvature(), -2.0 * q.imag, atol=1e-8)


def test_classical_fisher_matrix_of_a_circuit_by_finite_differences():
    c = small_circuit()
    theta = np.asarray(c.init(jax.random.key(6)))
    p = np.asarray(c(jnp.asarray(theta)).probabilities)
    d = finite_difference_jacobian(lambda t: np.asarray(c(jnp.asarray(t)).probabilities), theta)
    m = qgeom.classical_fisher(c, jnp.asarray(theta))
    np.testing.assert_allclose(m.as_matrix(), (d / p) @ d.T, atol=1e-7)
    parity = np.asarray([0, 1, 1, 0, 1, 0, 0, 1])
    readout = np.eye(2)[parity]
    m = qgeom.classical_fisher(c, jnp.asarray(theta), classes=parity)
    np.testing.assert_allclose(m.as_matrix(), ((d @ readout) / (p @ readout)) @ (d @ readout).T, atol=1e-7)


def test_sld_fisher_of_rank_two_states_by_finite_differences_and_an_explicit_sum():
    description, theta = RankTwoMixed(), np.asarray([0.5, 0.9, 0.4, 1.1])
    rho = np.asarray(description(jnp.asarray(theta)).matrix)
    d = finite_difference_jacobian(lambda t: np.asarray(description(jnp.asarray(t)).matrix), theta)
    p, u = np.linalg.eigh(rho)
    rotated = np.einsum("ai,nab,bj->nij", u.conj(), d, u)
    sums = p[:, None] + p[None, :]
    weight = np.where(sums > 1e-9, 2.0 / np.where(sums > 1e-9, sums, 1.0), 0.0)
    expected = np.einsum("nij,ij,mij->nm", rotated.conj(), weight, rotated).real
    m = qgeom.information_metric(description, jnp.asarray(theta))
    np.testing.assert_allclose(m.as_matrix(), expected, atol=1e-8)
    assert m.dropped == 2


def test_shared_and_scaled_parameters_add_their_tangents():
    p = circuits.Param(0)
    shared = circuits.Circuit(
        2, [gates.RY(p, 0), gates.CX(0, 1), gates.RY(2.0 * p, 1), gates.RX(circuits.Param(1), 0)]
    )
    free = circuits.Circuit(
        2,
        [
            gates.RY(circuits.Param(0), 0),
            gates.CX(0, 1),
            gates.RY(circuits.Param(1), 1),
            gates.RX(circuits.Param(2), 0),
        ],
    )
    theta = jnp.asarray([0.4, 1.3])
    full = qgeom.information_metric(free, jnp.asarray([0.4, 0.8, 1.3])).as_matrix()
    fold = np.asarray([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    m = qgeom.information_metric(shared, theta)
    np.testing.assert_allclose(m.as_matrix(), fold.T @ np.asarray(full) @ fold, atol=1e-13)
    np.testing.assert_allclose(
        m.mv(jnp.asarray([0.2, 0.7])), m.as_matrix() @ jnp.asarray([0.2, 0.7]), atol=1e-13
    )


# -- data, weights, subsets, batches ---------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["forward", "reverse"])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 7])
def test_batches_and_modes_do_not_change_the_metric(mode, batch_size):
    params = Categorical().init(jax.random.key(1))
    whole = qgeom.information_metric(Categorical(), params, INPUTS)
    parts = qgeom.information_metric(Categorical(), params, INPUTS, mode=mode, batch_size=batch_size)
    v = jnp.arange(6.0)
    np.testing.assert_allclose(parts.as_matrix(), whole.as_matrix(), atol=1e-15)
    np.testing.assert_allclose(parts.mv(v), whole.as_matrix() @ v, atol=1e-14)
    np.testing.assert_allclose(parts.diagonal(), np.diag(whole.as_matrix()), atol=1e-15)


def test_weights_are_normalised_and_equal_a_repetition_of_the_data():
    params = Categorical().init(jax.random.key(1))
    weighted = qgeom.information_metric(Categorical(), params, INPUTS[:2], weights=[6.0, 2.0])
    repeated = qgeom.information_metric(Categorical(), params, INPUTS[jnp.asarray([0, 0, 0, 1])])
    np.testing.assert_allclose(weighted.as_matrix(), repeated.as_matrix(), atol=1e-15)


@pytest.mark.slow
def test_circuits_with_data_average_over_inputs():
    c = circuits.data_reuploading(n_qubits=2, n_layers=2, n_features=2)
    theta, data = c.init(jax.random.key(0)), jnp.asarray([[0.1, 0.5], [1.0, -0.3], [0.7, 0.2]])
    single = [qgeom.information_metric(c, theta, x[None]).as_matrix() for x in data]
    m = qgeom.information_metric(c, theta, data)
    np.testing.assert_allclose(m.as_matrix(), np.mean(single, axis=0), atol=1e-14)
    np.testing.assert_allclose(m.mv(theta), m.as_matrix() @ theta, atol=1e-13)
    np.testing.assert_allclose(
        qgeom.information_metric(c, theta, data, batch_size=2).as_matrix(), m.as_matrix(), atol=1e-14
    )


@pytest.mark.parametrize(
    "subset", [[0, 3], slice(0, 4, 3), np.asarray([True, False, False, True, False]), jnp.asarray([0, 3])]
)
def test_a_subset_is_a_principal_submatrix(subset):
    theta = EntangledState().init(jax.random.key(2))
    whole = qgeom.information_metric(EntangledState(), theta).as_matrix()
    m = qgeom.information_metric(EntangledState(), theta, subset=subset)
    np.testing.assert_allclose(m.as_matrix(), whole[np.ix_([0, 3], [0, 3])], atol=1e-14)
    assert m.size == 2
    assert [b.shape[0] for b in m.blocks()] == [1, 0, 0, 1, 0]


def test_a_subset_of_a_circuit_and_of_a_pytree():
    c = small_circuit()
    theta = c.init(jax.random.key(2))
    whole = qgeom.information_metric(c, theta).as_matrix()
    m = qgeom.information_metric(c, theta, subset=[7, 2])
    np.testing.assert_allclose(m.as_matrix(), whole[np.ix_([7, 2], [7, 2])], atol=1e-14)
    v = jnp.asarray([0.3, -1.0])
    np.testing.assert_allclose(m.mv(v), m.as_matrix() @ v, atol=1e-13)

    params = Regression().init(jax.random.key(0))
    mask = {"inner": False, "outer": (True,)}
    m = qgeom.information_metric(Regression(), params, INPUTS, subset=mask)
    assert m.size == 2
    image = m.mv(params)
    np.testing.assert_allclose(image["inner"], 0.0)
    np.testing.assert_allclose(image["outer"][0], m.as_matrix() @ params["outer"][0], atol=1e-14)


def test_blocks_are_those_of_the_matrix_for_every_node():
    c = small_circuit()
    m = qgeom.information_metric(c, c.init(jax.random.key(3)))
    matrix = np.asarray(m.as_matrix())
    for node, block in zip(c.nodes, m.blocks(), strict=True):
        np.testing.assert_allclose(block, matrix[np.ix_(node.parameters, node.parameters)], atol=1e-14)


def test_dense_matrix_by_tiles_of_products_when_tangents_do_not_fit(monkeypatch):
    monkeypatch.setattr("qgeom.information.planning.BUDGET_BYTES", 1)
    monkeypatch.setattr("circuits.memory.available_bytes", lambda *_: 5.0e3)
    c = small_circuit()
    theta = c.init(jax.random.key(3))
    tiled = qgeom.information_metric(c, theta, batch_size=1)
    assert tiled.plan.tile is not None
    monkeypatch.undo()
    whole = qgeom.information_metric(c, theta)
    assert whole.plan.tile is None
    np.testing.assert_allclose(
        qgeom.information.metric.pullback.matrix(tiled.plan, tiled.params, None, tiled.weights),
        whole.as_matrix(),
        atol=1e-13,
    )
    np.testing.assert_allclose(tiled.diagonal(), whole.diagonal(), atol=1e-13)


def test_a_matrix_that_does_not_fit_is_refused_with_both_figures(monkeypatch):
    monkeypatch.setattr("circuits.memory.available_bytes", lambda *_: 2.0**30)
    mlp = circuits.MLP((100, 100, 10))
    m = qgeom.information_metric(mlp, mlp.init(jax.random.key(0)), jnp.ones((1, 100)))
    with pytest.raises(
        MemoryError, match=r"11110 parameters needs .* GiB and 1 GiB are available: at most 66"
    ):
        m.as_matrix()


# -- networks --------------------------------------------------------------------------------------------------


def test_network_fisher_by_an_explicit_sum_over_outcomes():
    mlp = circuits.MLP((2, 3, 3))
    params, x = mlp.init(jax.random.key(0)), jax.random.normal(jax.random.key(1), (4, 2))
    flat, unravel = jax.flatten_util.ravel_pytree(params)
    p = np.stack([np.asarray(mlp(params, row).probabilities) for row in x])
    scores = np.stack(
        [jax.jacrev(lambda t, row=row: jnp.log(mlp(unravel(t), row).probabilities))(flat) for row in x]
    )
    expected = np.einsum("nk,nki,nkj->ij", p, scores, scores) / len(x)
    m = qgeom.information_metric(mlp, params, x)
    np.testing.assert_allclose(m.as_matrix(), expected, atol=1e-13)
    np.testing.assert_allclose(m.diagonal(), np.diag(expected), atol=1e-13)
    assert m.rank() == min(flat.size, 4 * 2)
    # Fewer rows than parameters: eigenvalues come from J J'.
    np.testing.assert_allclose(m.eigenvalues(), np.linalg.eigvalsh(expected), atol=1e-13)


# -- rank, kernel, volume --------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1e-150, 1e150])
@pytest.mark.parametrize(
    ("eigenvalues", "rank"),
    [
        ([0.0], 0),
        ([3.0], 1),
        ([0.0, 0.0, 0.0], 0),
        ([1.0, 1.0, 1.0], 3),
        ([1.0, 1e-17, -1e-17], 1),
        ([1.0, 1e-9], 2),
        ([1.0, 2e-14, 4e-15, 1e-16], 1),  # rounding errors that climb above the bound form one cluster
        ([1.0, 1e-10, 1e-17], 2),
        (list(10.0 ** -np.arange(0.0, 9.0)), 9),
    ],
)
def test_rank_rule_holds_for_degenerate_spectra_of_any_scale(eigenvalues, rank, scale):
    assert numerical_rank(scale * np.asarray(eigenvalues)) == rank


def test_rank_rule_uses_the_precision_of_the_spectrum():
    assert numerical_rank(np.asarray([1.0, 1e-7, 1e-8], np.float32)) == 1
    assert numerical_rank(np.asarray([1.0, 1e-3], np.float32)) == 2
    assert numerical_rank(np.asarray([1.0, 0.1, 0.01]), tolerance=0.05) == 2
    with pytest.raises(ValueError, match="not finite"):
        numerical_rank(np.asarray([1.0, np.nan]))


def test_global_phases_and_constant_outcomes_have_rank_zero():
    z = circuits.Circuit(1, [gates.RZ(circuits.Param(0), 0)])
    phase = circuits.Circuit(2, [gates.X(0), gates.P(circuits.Param(0), 0), gates.RZ(circuits.Param(1), 1)])
    assert qgeom.information_metric(z, jnp.asarray([0.7])).rank() == 0
    m = qgeom.information_metric(phase, jnp.asarray([0.7, 0.1]))
    assert m.rank() == 0
    assert m.kernel().shape == (2, 2)
    assert float(m.log_volume()) == pytest.approx(0.0, abs=1e-10)
    superposition = circuits.Circuit(1, [gates.RY(circuits.Param(0), 0), gates.RZ(circuits.Param(1), 0)])
    f_c = qgeom.classical_fisher(superposition, jnp.asarray([0.7, 0.2]))
    assert f_c.rank() == 1
    f_c = qgeom.classical_fisher(superposition, jnp.asarray([0.7, 0.2]), subset=[1])
    assert f_c.rank() == 0


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_rank_of_a_redundant_circuit_in_both_precisions(dtype):
    # Two successive rotations about one axis are one parameter; RZ on |0> is none.
    p = [circuits.Param(i) for i in range(4)]
    c = circuits.Circuit(
        2, [gates.RZ(p[0], 0), gates.RY(p[1], 0), gates.RY(p[2], 0), gates.CX(0, 1), gates.RX(p[3], 1)]
    )
    m = qgeom.information_metric(c, jnp.asarray([0.3, 0.5, 0.9, 0.2], dtype))
    assert m.as_matrix().dtype == dtype
    assert str(jnp.dtype(dtype)) in repr(m)
    assert m.rank() == 2
    np.testing.assert_allclose(m.as_matrix() @ m.kernel(), 0.0, atol=1e-6 if dtype == jnp.float32 else 1e-14)


def test_dropped_counts_outcomes_of_probability_zero():
    c = circuits.Circuit(2, [gates.RY(circuits.Param(0), 0), gates.CX(0, 1)])
    m = qgeom.classical_fisher(c, jnp.asarray([0.8]))
    assert m.dropped == 2
    assert float(m.trace()) == pytest.approx(1.0, abs=1e-13)
    assert qgeom.classical_fisher(c, jnp.asarray([0.8]), threshold=0.5).dropped == 3


def test_log_volume_is_that_of_the_formula():
    m = qgeom.information_metric(EntangledState(), EntangledState().init(jax.random.key(0)))
    f = np.asarray(m.as_matrix())
    hat = 5 * f / np.trace(f)
    expected = 0.5 * np.linalg.slogdet(np.eye(5) + 3.0 * hat)[1]
    assert float(m.log_volume(kappa=3.0)) == pytest.approx(expected, abs=1e-12)
    doubled = 0.5 * np.linalg.slogdet(np.eye(5) + 1.5 * hat)[1]
    assert float(m.log_volume(kappa=3.0, mean_trace=2.0 * np.trace(f))) == pytest.approx(doubled, abs=1e-12)


# -- spectral density ------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_lanczos_density_is_exact_when_steps_exhaust_the_spectrum_and_says_its_error_otherwise():
    c = small_circuit()
    m = qgeom.information_metric(c, c.init(jax.random.key(8)))
    exact = np.asarray(m.eigenvalues())
    density = m.spectral_density(steps=12, probes=64)
    mean, error = density.moment(1)
    assert abs(mean - exact.mean()) < 4.0 * error
    np.testing.assert_allclose(density.weights.sum(axis=1), 1.0, atol=1e-12)
    assert bool(density.exhausted.all())
    for steps in (5, 12):
        density = m.spectral_density(steps=steps, probes=64)
        grid = np.linspace(0.0, exact.max(), 41)
        share, bound = density.cumulative(grid)
        true = np.mean(exact[None, :] <= grid[:, None], axis=1)
        assert np.mean(np.abs(share - true) <= 2.0 * bound + 1e-12) > 0.95
        curve, _ = density.density(np.linspace(-2.0, exact.max() + 2.0, 2001))
        assert np.trapezoid(curve, np.linspace(-2.0, exact.max() + 2.0, 2001)) == pytest.approx(1.0, abs=1e-3)
    assert "misplaced" in repr(density)


# -- natural gradient and operators ----------------------------------------------------------------------------


@pytest.mark.parametrize("matrix_free", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_natural_gradient_solves_the_damped_system(matrix_free):
    c = small_circuit()
    m = qgeom.information_metric(c, c.init(jax.random.key(4)))
    g = jnp.cos(jnp.arange(float(m.size)))
    expected = np.linalg.solve(np.asarray(m.as_matrix()) + 1e-2 * np.eye(m.size), np.asarray(g))
    np.testing.assert_allclose(m.solve(g, 1e-2, matrix_free=matrix_free), expected, rtol=1e-7, atol=1e-9)


def test_undamped_natural_gradient_is_the_pseudo_inverse_and_keeps_the_form_of_the_gradient():
    params = Regression().init(jax.random.key(0))
    m = qgeom.information_metric(Regression(), params, INPUTS)
    solution = m.solve(params, damping=0.0)
    flat = jax.flatten_util.ravel_pytree(params)[0]
    expected = np.linalg.pinv(np.asarray(m.as_matrix()), rcond=1e-12) @ np.asarray(flat)
    np.testing.assert_allclose(jax.flatten_util.ravel_pytree(solution)[0], expected, atol=1e-11)
    assert jax.tree.structure(solution) == jax.tree.structure(params)


def test_linear_operator_is_symmetric_positive_semidefinite_and_materialises_the_matrix():
    m = qgeom.information_metric(EntangledState(), EntangledState().init(jax.random.key(0)))
    operator = m.as_linear_operator()
    assert lx.is_symmetric(operator)
    assert lx.is_positive_semidefinite(operator)
    np.testing.assert_allclose(operator.as_matrix(), m.as_matrix(), atol=1e-13)


# -- transformations -------------------------------------------------------------------------------------------


def test_the_metric_is_a_pytree_that_works_inside_jit_and_vmap():
    c = small_circuit()
    thetas = jax.vmap(c.init)(jax.random.split(jax.random.key(0), 3))
    traces = jax.jit(jax.vmap(lambda t: qgeom.information_metric(c, t).trace()))(thetas)
    single = [qgeom.information_metric(c, t).trace() for t in thetas]
    np.testing.assert_allclose(traces, single, atol=1e-12)
    m = qgeom.information_metric(c, thetas[0])
    np.testing.assert_allclose(jax.jit(lambda m, v: m.mv(v))(m, thetas[1]), m.mv(thetas[1]), atol=1e-14)


@pytest.mark.parametrize("description", [small_circuit(), EntangledState(), RankTwoMixed(), Categorical()])
def test_forward_derivative_of_the_matrix_agrees_with_finite_differences(description):
    theta = description.init(jax.random.key(7))
    direction = jnp.cos(jnp.arange(float(theta.size)))

    def matrix(t):
        return qgeom.information_metric(description, t).as_matrix()

    _, derivative = jax.jvp(matrix, (theta,), (direction,))
    h = 1e-5
    expected = (matrix(theta + h * direction) - matrix(theta - h * direction)) / (2.0 * h)
    np.testing.assert_allclose(derivative, expected, atol=1e-7)


def test_a_second_call_with_an_equal_circuit_compiles_nothing():
    from qgeom.information import pullback

    theta = small_circuit().init(jax.random.key(0))
    qgeom.information_metric(small_circuit(), theta).as_matrix()
    before = pullback.matrix._cache_size()
    qgeom.information_metric(small_circuit(), theta + 1.0).as_matrix()
    assert pullback.matrix._cache_size() == before


# -- bad input -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((ProductRY(2), jnp.asarray([0.1, jnp.nan])), {}, "the parameters contain NaN"),
        ((ProductRY(2), jnp.asarray([0.1, 0.2, 0.3])), {}, "got 3 parameters, but the description has 2"),
        ((ProductRY(2), jnp.zeros(0)), {}, "got 0 parameters"),
        ((ProductRY(2), jnp.asarray([0.1, 0.2])), {"subset": []}, "the subset is empty"),
        ((ProductRY(2), jnp.asarray([0.1, 0.2])), {"subset": [2]}, "the subset names parameter 2"),
        ((ProductRY(2), jnp.asarray([0.1, 0.2])), {"subset": [1, 1]}, "twice"),
        ((ProductRY(2), jnp.asarray([0.1, 0.2])), {"mode": "sideways"}, "mode must be"),
        ((Categorical(), jnp.ones(6), INPUTS), {"weights": [1.0]}, "weights have shape"),
        ((Categorical(), jnp.ones(6), INPUTS), {"weights": [-1.0, 1, 1, 1, 1]}, "non-negative"),
        ((Categorical(), jnp.ones(6), INPUTS), {"batch_size": 0}, "batch_size must be 1 or more"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, options, message):
    with pytest.raises(ValueError, match=message) as error:
        qgeom.information_metric(*arguments, **options)
    assert "\n" not in str(error.value)


def test_wrong_types_and_points_without_a_metric_are_refused():
    with pytest.raises(TypeError, match="real floating-point"):
        qgeom.information_metric(ProductRY(2), jnp.asarray([1, 2]))
    with pytest.raises(TypeError, match="need pure states"):
        qgeom.information_metric(Sphere(), jnp.asarray([0.4, 0.5])).berry_curvature()
    with pytest.raises(ValueError, match="expected a vector of shape"):
        qgeom.information_metric(Sphere(), jnp.asarray([0.4, 0.5])).mv(jnp.ones(3))
    with pytest.raises(ValueError, match="damping must be zero or positive"):
        qgeom.information_metric(Sphere(), jnp.asarray([0.4, 0.5])).solve(jnp.ones(2), -1.0)


@pytest.mark.parametrize(
    "n", [57, 115, pytest.param(112, marks=pytest.mark.slow), pytest.param(229, marks=pytest.mark.slow)]
)
def test_gram_matrix_of_sizes_that_its_tiles_do_not_divide(n):
    parts = np.random.default_rng(n).normal(size=(2, n, 8192))
    found = np.asarray(jax.jit(gram)(*parts))
    assert np.array_equal(found, found.T)
    np.testing.assert_allclose(found, sum(p @ p.T for p in parts), rtol=0, atol=1e-10)
