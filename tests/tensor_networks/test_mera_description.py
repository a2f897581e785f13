"""The MERA as a description: its state, curve, graph and metric."""

from __future__ import annotations

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

import qgeom
from circuits import hamiltonians
from circuits.mera import MERA


def brute_force_metric(description, params):
    flat, restore = jax.flatten_util.ravel_pytree(params)
    jacobian = jax.jacfwd(
        lambda v: (description(restore(v)).vector.real, description(restore(v)).vector.imag)
    )(flat)
    j = np.asarray(jacobian[0]) + 1j * np.asarray(jacobian[1])
    psi = np.asarray(description(params).vector)
    along = j.conj().T @ psi
    return 4.0 * (j.conj().T @ j - np.outer(along, along.conj())).real


@pytest.mark.parametrize(
    "description",
    [
        MERA(6, 2),
        pytest.param(MERA(6, 2, scheme="ternary", field="complex"), marks=pytest.mark.slow),
        pytest.param(MERA(8, 3, uniform=True), marks=pytest.mark.slow),
    ],
    ids=["binary", "complex ternary", "uniform"],
)
def test_metric_is_that_of_the_vector_and_its_kernel_holds_the_triangles(description, key):
    params = description.init(key)
    vector = description(params).vector
    np.testing.assert_allclose(jnp.linalg.norm(vector), 1.0, atol=1e-13)
    metric = qgeom.information_metric(description, params)
    matrix = np.asarray(metric.as_matrix())
    np.testing.assert_allclose(matrix, brute_force_metric(description, params), atol=1e-12)
    size = description.n_parameters
    assert matrix.shape == (size, size)
    assert len(description.parameter_names) == size
    per_tensor = (lambda p: p * p) if description.field == "complex" else (lambda p: p * (p + 1) // 2)
    triangles = sum(positions * per_tensor(p) for positions, _, p in description.matrix_shapes)
    rank = np.linalg.matrix_rank(matrix, tol=1e-9)
    assert 0 < rank <= size - triangles


def test_curve_starts_at_the_product_and_ends_at_the_state(key):
    description = MERA(8, 3)
    params = description.init(key)
    curve = description.curve(params).vector
    assert curve.shape == (2 * description.n_layers + 2, 256)
    np.testing.assert_allclose(curve[0], np.eye(256)[0], atol=1e-15)
    np.testing.assert_allclose(curve[-1], description(params).vector, atol=1e-15)
    np.testing.assert_allclose(jnp.linalg.norm(curve, axis=1), 1.0, atol=1e-13)


@pytest.mark.slow
def test_nodes_and_wires_are_the_causal_graph(key):
    description = MERA(12, 4)
    nodes, wires = description.nodes, description.wires
    assert [node.kind for node in nodes[:4]] == ["top", "isometry", "isometry", "isometry"]
    assert len(nodes) == 1 + 2 * (3 + 6)
    assert sorted(i for node in nodes for i in node.parameters) == list(range(description.n_parameters))
    assert all(i < j for i, j in wires)
    # Every tensor hangs on the bonds above it: an isometry on one, a disentangler on two.
    above = [sum(j == k for _, j in wires) for k in range(len(nodes))]
    expected = {"top": 0, "isometry": 1, "disentangler": 2}
    assert above == [expected[node.kind] for node in nodes]
    shared = MERA(12, 4, uniform=True)
    assert len(shared.nodes) == len(nodes)
    assert shared.nodes[1].parameters == shared.nodes[2].parameters
    flat = jnp.arange(float(description.n_parameters))
    _, restore = jax.flatten_util.ravel_pytree(description.init(key))
    first_isometry = restore(flat)[1][0].reshape(-1)
    np.testing.assert_array_equal(first_isometry, nodes[1].parameters)


@pytest.mark.slow
def test_expectation_of_the_network_is_that_of_the_state(key):
    description = MERA(8, 3, field="complex")
    params = description.init(key)
    h = hamiltonians.heisenberg(8)
    exact = h.expectation(description(params).vector)
    np.testing.assert_allclose(description.network(params).expectation(h), exact, atol=1e-12)


def test_bad_descriptions_and_parameters_are_refused(key):
    with pytest.raises(ValueError, match="do not fit"):
        MERA(9)
    with pytest.raises(ValueError, match="up to 16 qubits; got 32"):
        MERA(32)
    with pytest.raises(ValueError, match="at least 2"):
        MERA(8, 0)
    with pytest.raises(ValueError, match="'real' or 'complex'"):
        MERA(8, field="quaternion")
    params = MERA(8, 3).init(key)
    with pytest.raises(ValueError, match="parameters of this MERA have shapes"):
        MERA(8, 2)(params)
    with pytest.raises(ValueError, match="takes no input"):
        MERA(8, 3)(params, jnp.zeros(2))
    with pytest.raises(TypeError, match="real floating-point"):
        MERA(8, 3).init(key, dtype=jnp.complex128)
