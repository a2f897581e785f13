"""Superoperators and causal cones against the full state vector, in NumPy."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits import hamiltonians
from circuits.local import LocalHamiltonian
from circuits.mera import BINARY, MERA, TERNARY, FiniteMERA, Layer, block_entropies, stiefel, window_entropies
from circuits.mera.initial import layers as initial_layers
from circuits.mera.superoperators import ascend, descend, identity

SCHEMES = (BINARY, TERNARY)


def random_layer(key, scheme, positions, d, chi, dtype):
    u = stiefel.random(key, (positions, d * d, d * d), dtype)
    w = stiefel.random(jax.random.fold_in(key, 1), (positions, d**scheme.branching, chi), dtype)
    return Layer(u.reshape(positions, d, d, d, d), w.reshape(positions, *(d,) * scheme.branching, chi))


def random_mera(key, scheme, uniform=False, dtype=jnp.complex128):
    top_sites, chi = 4, 3
    layer = random_layer(key, scheme, 1 if uniform else top_sites, 2, chi, dtype)
    top = stiefel.random(jax.random.fold_in(key, 7), (chi**top_sites, 1), dtype)
    return FiniteMERA((layer,), top.reshape((chi,) * top_sites), scheme)


def reduced(vector, n, sites):
    tensor = np.moveaxis(np.asarray(vector).reshape((2,) * n), sites, range(len(sites)))
    matrix = tensor.reshape(2 ** len(sites), -1)
    return matrix @ matrix.conj().T


def built_by_hand(mera):
    """The state vector, tensor by tensor, from the definition."""
    b = mera.scheme.branching
    layer = mera.layers[0]
    top, t = np.asarray(mera.top), mera.top.ndim
    state = top
    for j in range(t):  # axis j b is still the coarse site j; open it into b fine ones
        w = np.asarray(layer.isometry[j % layer.isometry.shape[0]])
        state = np.tensordot(w, state, axes=(b, b * j))
        state = np.moveaxis(state, range(b), range(b * j, b * j + b))
    n = b * t
    for j in range(t):
        u = np.asarray(layer.disentangler[j % layer.disentangler.shape[0]])
        pair = (b * j + b - 1, (b * j + b) % n)
        state = np.moveaxis(np.tensordot(u, state, axes=((2, 3), pair)), (0, 1), pair)
    return state.reshape(-1)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_the_vector_is_the_network_contracted_by_hand(scheme, key):
    mera = random_mera(key, scheme)
    vector = np.asarray(mera.to_vector())
    np.testing.assert_allclose(vector, built_by_hand(mera), atol=1e-13)
    np.testing.assert_allclose(np.linalg.norm(vector), 1.0, atol=1e-13)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_density_matrices_of_causal_cones_are_partial_traces(scheme, key):
    mera = random_mera(key, scheme)
    n, s = mera.n_sites, scheme.support
    vector = built_by_hand(mera)
    windows = np.asarray(mera.density_matrices())
    assert windows.shape == (n, 2**s, 2**s)
    for j in range(n):
        np.testing.assert_allclose(
            windows[j], reduced(vector, n, [(j + k) % n for k in range(s)]), atol=1e-13
        )


@pytest.mark.parametrize("uniform", [True, False])
def test_expectation_is_that_of_the_vector(uniform, key):
    mera = random_mera(key, BINARY, uniform)
    vector = np.asarray(mera.to_vector())
    for h in (hamiltonians.ising(8, 0.7), hamiltonians.j1j2(8, periodic=True)):
        expected = (vector.conj() @ (h.to_sparse() @ vector)).real
        np.testing.assert_allclose(float(mera.expectation(h)), expected, atol=1e-12)


def test_expectation_takes_local_terms_in_any_order_of_sites(key):
    mera = random_mera(key, BINARY)
    raw = np.random.default_rng(0).normal(size=(2, 8, 8))
    three = raw[0] + raw[0].T + 1j * (raw[1] - raw[1].T)
    terms = [((1, 7, 0), three), ((5, 3), three[:4, :4]), ((2,), np.diag([1.0, -1.0]))]
    h = LocalHamiltonian(8, 2, terms)
    vector = np.asarray(mera.to_vector())
    expected = (vector.conj() @ (h.to_sparse() @ vector)).real
    np.testing.assert_allclose(float(mera.expectation(h)), expected, atol=1e-12)


@pytest.mark.parametrize(
    "scheme",
    [SCHEMES[0], *(pytest.param(s, marks=pytest.mark.slow) for s in SCHEMES[1:])],
    ids=lambda s: s.name,
)
def test_descending_is_the_transpose_of_ascending_and_ascending_is_unital(scheme, key):
    layer = random_layer(key, scheme, 3, 2, 3, jnp.float64)
    n, s = 3 * scheme.branching, scheme.support
    operators = jax.random.normal(key, (n, *(2,) * (2 * s)))
    sigma = jax.random.normal(jax.random.fold_in(key, 2), (3, *(3,) * (2 * s)))
    up = jnp.vdot(sigma, ascend(scheme, layer, operators))
    down = jnp.vdot(descend(scheme, layer, sigma), operators)
    np.testing.assert_allclose(float(up), float(down), rtol=1e-12)
    ones = jnp.broadcast_to(identity(scheme, 2, jnp.float64), operators.shape)
    raised = ascend(scheme, layer, ones)
    expected = scheme.branching * identity(scheme, 3, jnp.float64)
    np.testing.assert_allclose(raised, jnp.broadcast_to(expected, raised.shape), atol=1e-13)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_shared_tensors_give_the_same_as_copies_of_them(scheme, key):
    layer = random_layer(key, scheme, 1, 2, 3, jnp.float64)
    s = scheme.support
    operator = jax.random.normal(key, (1, *(2,) * (2 * s)))
    copies = jax.tree.map(lambda x: jnp.broadcast_to(x, (3, *x.shape[1:])), layer)
    many = jnp.broadcast_to(operator, (3 * scheme.branching, *operator.shape[1:]))
    shared = ascend(scheme, layer, operator)
    np.testing.assert_allclose(
        ascend(scheme, copies, many), jnp.broadcast_to(shared, (3, *shared.shape[1:])), atol=1e-13
    )
    np.testing.assert_allclose(ascend(scheme, layer, many), ascend(scheme, copies, many), atol=1e-13)


@pytest.mark.parametrize("scheme", SCHEMES, ids=lambda s: s.name)
def test_the_start_raises_operators_as_the_superoperator_does(scheme):
    h = np.random.default_rng(1).normal(size=(2**scheme.support,) * 2)
    operator = (h + h.T).reshape((2,) * (2 * scheme.support))
    made, raised = initial_layers(scheme, operator, (2, 3), jax.random.key(1))
    expected = ascend(scheme, jax.tree.map(jnp.asarray, made[0]), jnp.asarray(operator)[None])[0]
    np.testing.assert_allclose(raised, expected / scheme.branching, atol=1e-13)
    assert float(stiefel.deviation(jnp.asarray(made[0].isometry.reshape(-1, 3)))) < 1e-13


def test_entropies_are_those_of_the_partial_traces(key):
    mera = random_mera(key, BINARY)
    vector = np.asarray(mera.to_vector())

    def entropy(sites):
        p = np.linalg.eigvalsh(reduced(vector, 8, sites))
        p = p[p > 1e-15]
        return -np.sum(p * np.log(p))

    expected = [entropy([(3 + k) % 8 for k in range(length)]) for length in (1, 2, 3, 4)]
    np.testing.assert_allclose(block_entropies(mera, start=3), expected, atol=1e-12)
    np.testing.assert_allclose(
        window_entropies(mera, 2), [entropy([j, (j + 1) % 8]) for j in range(8)], atol=1e-12
    )
    with pytest.raises(ValueError, match="between 1 and 3"):
        window_entropies(mera, 4)
    with pytest.raises(ValueError, match="start must be a site"):
        block_entropies(mera, start=8)


def test_mera_of_another_size_or_dimension_is_refused(key):
    mera = random_mera(key, BINARY)
    with pytest.raises(ValueError, match="10 sites of dimension 2, the MERA 8"):
        mera.expectation(hamiltonians.ising(10))
    assert MERA(8, 3).bond_dimensions == mera.bond_dimensions
