"""The matrix product state as a description: metric from overlaps, kernel = gauge, curve from the product state."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from circuits.description import State
from circuits.mps import MPS, MatrixProduct


def metric_product(description, params, vector):
    """F v from overlaps alone: 4 Re of the mixed derivative of ln <psi(bra)|psi(ket)>."""

    def paired(bra):
        def logarithm(ket):
            overlap = description(bra).overlap(description(ket))
            return jnp.log(overlap) if jnp.iscomplexobj(overlap) else jnp.log(jnp.abs(overlap))

        return 4.0 * jax.jvp(logarithm, (params,), (vector,))[1].real

    return jax.grad(paired)(params)


def brute_force(description, params) -> np.ndarray:
    """4 Re (J'J - J'psi psi'J) from the Jacobian of the normalised state vector."""
    flat, unravel = ravel_pytree(params)

    def vector(x):
        v = description(unravel(x)).to_vector()
        return v / jnp.linalg.norm(v).astype(v.dtype)

    jacobian = np.asarray(jax.jacfwd(vector)(flat))
    psi = np.asarray(vector(flat))
    along = psi.conj() @ jacobian
    return 4 * np.real(jacobian.conj().T @ jacobian - np.outer(along.conj(), along))


@pytest.mark.parametrize("field", [pytest.param("real", marks=pytest.mark.slow), "complex"])
def test_metric_from_overlaps_is_that_of_the_vector_and_its_kernel_is_the_gauge(field):
    description = MatrixProduct(5, 3, field=field)
    params = description.init(jax.random.key(0))
    flat, unravel = ravel_pytree(params)
    expected = brute_force(description, params)
    product = jax.jit(lambda p, v: metric_product(description, p, v))
    columns = jax.vmap(lambda v: ravel_pytree(product(params, unravel(v)))[0])(jnp.eye(flat.size))
    np.testing.assert_allclose(columns, expected, atol=1e-11)
    rank = np.linalg.matrix_rank(expected, tol=1e-8)
    assert rank == description.manifold_dimension < description.n_parameters
    # a gauge change of the middle bond: X on the left, -X on the right
    x = np.random.default_rng(1).normal(size=(3, 3))
    gauge = [jnp.zeros_like(t) for t in description(params).tensors]
    psi = description(params)
    gauge[1] = jnp.einsum("asb,bc->asc", psi.tensors[1], jnp.asarray(x, psi.dtype))
    gauge[2] = -jnp.einsum("ab,bsc->asc", jnp.asarray(x, psi.dtype), psi.tensors[2])
    scale = psi.tensors[1].ravel()[0] / (params[1].ravel()[0] if field == "real" else 1.0)
    assert np.isfinite(scale)
    direction = description.params_of(MPS(gauge))
    np.testing.assert_allclose(expected @ ravel_pytree(direction)[0], 0.0, atol=1e-10)


@pytest.mark.slow
def test_metric_of_a_hundred_thousand_parameters_is_matrix_free():
    description = MatrixProduct(32, 48, field="real")
    assert 9e4 < description.n_parameters < 1.1e5
    params = description.init(jax.random.key(0))
    vector = jax.tree.map(lambda t: jax.random.normal(jax.random.key(1), t.shape), params)
    compiled = jax.jit(lambda p, v: metric_product(description, p, v)).lower(params, vector).compile()
    memory = compiled.memory_analysis()
    if memory is not None:
        assert memory.temp_size_in_bytes < 64e6  # a few copies of the state; the matrix would take 80 GB
    jax.block_until_ready(compiled(params, vector))
    start = time.process_time()
    out = jax.block_until_ready(compiled(params, vector))
    assert time.process_time() - start < 1.0
    pairing = sum(jnp.vdot(a, b) for a, b in zip(out, vector, strict=True))
    assert pairing > 0.0
    # norm directions, one per tensor, are in the kernel
    scaled = compiled(params, jax.tree.map(lambda t: t, params))
    assert max(float(jnp.abs(t).max()) for t in scaled) < 1e-9


def test_point_has_norm_one_whatever_the_scale_of_the_parameters():
    description = MatrixProduct(5, 3)
    params = jax.tree.map(lambda t: 1e3 * t, description.init(jax.random.key(0)))
    np.testing.assert_allclose(description(params).norm(), 1.0, rtol=1e-12)
    assert isinstance(description.state_description()(params), State)
    np.testing.assert_allclose(
        description.state_description()(params).vector, description(params).to_vector(), atol=1e-13
    )


@pytest.mark.slow
def test_curve_goes_from_the_product_state_to_the_state_site_by_site():
    description = MatrixProduct(5, 3, field="real")
    params = description.init(jax.random.key(0))
    curve = description.curve(params)
    points = [np.asarray(MPS([t[k] for t in curve.tensors]).to_vector()) for k in range(6)]
    np.testing.assert_allclose(np.abs(points[0]), np.eye(32)[0], atol=1e-13)
    np.testing.assert_allclose(points[5], description(params).to_vector(), atol=1e-13)
    for k, v in enumerate(points):
        np.testing.assert_allclose(np.linalg.norm(v), 1.0, rtol=1e-12)
        untouched = v.reshape(2**k, -1)  # sites k .. are in level 0
        np.testing.assert_allclose(untouched[:, 1:], 0.0, atol=1e-13)
    vectors = description.state_description().curve(params).vector
    np.testing.assert_allclose(vectors, np.stack(points), atol=1e-13)


def test_structure_names_every_parameter_of_every_tensor():
    description = MatrixProduct(4, 2, field="complex")
    assert description.tensor_shapes == ((1, 2, 2), (2, 2, 2), (2, 2, 2), (2, 2, 1))
    assert description.n_parameters == 48 == len(description.parameter_names)
    assert [p for node in description.nodes for p in node.parameters] == list(range(48))
    assert description.wires == ((0, 1), (1, 2), (2, 3))
    flat, _ = ravel_pytree(description.init(jax.random.key(0)))
    assert flat.size == 48
    assert description == MatrixProduct(4, 2, field="complex")
    assert hash(description) == hash(MatrixProduct(4, 2))


def test_bad_input_says_what_to_do():
    with pytest.raises(ValueError, match="bond_dimension must be at least 1; got 0"):
        MatrixProduct(6, 0)
    with pytest.warns(
        UserWarning, match="bond_dimension=99 is more than 6 sites need: 8 is exact, and is used"
    ):
        assert MatrixProduct(6, 99).bond_dimension == 8
    with pytest.raises(ValueError, match="field must be 'real' or 'complex'"):
        MatrixProduct(6, 4, field="quaternion")
    description = MatrixProduct(4, 2, field="real")
    with pytest.raises(ValueError, match="one array per site, 4; got 2"):
        description((jnp.ones((1, 2, 2)),) * 2)
    with pytest.raises(ValueError, match="takes no input x"):
        description(description.init(jax.random.key(0)), jnp.ones(2))
    with pytest.raises(ValueError, match="use MatrixProduct"):
        description.params_of(MPS.random(jax.random.key(0), 4, 2, dtype=jnp.complex128))
