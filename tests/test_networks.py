"""Networks: the contract of a description, layer strengths, and the Fisher diagonal against brute force."""

from __future__ import annotations

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from jax.flatten_util import ravel_pytree

from circuits.description import Distribution, Gaussian
from circuits.networks import MLP, Attention, RandomFeatures, ResNet

ZOO = {
    "mlp": MLP((4, 6, 5, 3)),
    "mlp-relu-gaussian": MLP((4, 3, 6, 2), "relu", "gaussian", bias=False),
    "linear": MLP((3, 2)),
    "resnet": ResNet(3, 5, 4, 2, activation="gelu"),
    "resnet-fixed": ResNet(
        3, 5, 4, 3, output="gaussian", lift="identity", readout="fixed", strength=2.0, bias=False
    ),
    "attention": Attention(3, 4, 2, n_heads=2),
    "attention-plain": Attention(2, 3, 4, hidden=5, activation="sin", output="gaussian", positions=False),
    "features": RandomFeatures(3, 7, 2, activation="cos"),
}
everyone = pytest.mark.parametrize("network", ZOO.values(), ids=ZOO.keys())


def noisy(network, dtype=np.float64):
    """Random parameters, biases too, and an input; from NumPy, which compiles nothing."""
    rng = np.random.default_rng(0)
    params = tuple(
        {
            name: (rng.normal(size=shape) / np.sqrt(shape[-1])).astype(dtype)
            for name, shape in sorted(arrays.items())
        }
        for _, arrays in network.layers
    )
    return params, rng.normal(size=network.input_shape)


def swap_layout(params):
    return [{name: np.asarray(value) for name, value in layer.items()} for layer in params]


# Values, against NumPy.


def softmax(y):
    e = np.exp(y - y.max())
    return e / e.sum()


@everyone
def test_activations_end_with_the_outputs_and_a_nudge_moves_what_comes_later_alone(network):
    params, x = noisy(network)
    values = network.activations(params, x)
    assert values.shape == (len(network.nodes),)
    outputs = network.outputs(params, x)
    np.testing.assert_allclose(values[-len(outputs) :], outputs, atol=1e-14)
    layer = np.array([node.layer for node in network.nodes])
    influence = np.asarray(
        jax.jacfwd(lambda nudge: network.activations(params, x, nudge))(jnp.zeros(len(layer)))
    )
    np.testing.assert_allclose(influence[layer[:, None] < layer], 0.0)
    wired = np.zeros_like(influence)
    for i, j in network.wires:
        wired[j, i] = 1.0
    reached = np.linalg.matrix_power(np.eye(len(layer)) + wired, len(layer)) > 0
    assert not np.any(influence[~reached]), "no influence where no wires lead"


def test_mlp_activations_in_numpy():
    network = ZOO["mlp"]
    params, x = noisy(network)
    first = np.tanh(params[0]["weight"] @ x + params[0]["bias"])
    second = np.tanh(params[1]["weight"] @ first + params[1]["bias"])
    values = np.asarray(network.activations(params, x))
    np.testing.assert_allclose(values[:11], np.concatenate([first, second]), atol=1e-14)


def test_mlp_in_numpy():
    network = ZOO["mlp"]
    params, x = noisy(network)
    h = x
    *hidden, last = swap_layout(params)
    for layer in hidden:
        h = np.tanh(layer["weight"] @ h + layer["bias"])
    y = last["weight"] @ h + last["bias"]
    np.testing.assert_allclose(network.outputs(params, x), y, rtol=1e-13)
    np.testing.assert_allclose(network.logits(params, x), y, rtol=1e-13)
    np.testing.assert_allclose(network(params, x).probabilities, softmax(y), rtol=1e-13)


def test_resnet_in_numpy():
    network = ResNet(3, 5, 4, 2, strength=0.7)
    params, x = noisy(network)
    lift, blocks, readout = swap_layout(params)
    h = lift["weight"] @ x + lift["bias"]
    for w, b in zip(blocks["weight"], blocks["bias"]):
        h = h + 0.7 / 4 * np.tanh(w @ h + b)
    np.testing.assert_allclose(
        network.outputs(params, x), readout["weight"] @ h + readout["bias"], rtol=1e-13
    )


def test_resnet_approaches_its_flow():
    """dh/dt = sin(h) by itself has the solution h(t) = 2 atan(exp(t) tan(h0 / 2)); Euler steps err by O(1/depth)."""
    errors = []
    for depth in (20, 40):
        network = ResNet(1, 1, depth, 1, "sin", "gaussian", lift="identity", bias=False)
        params = ({}, {"weight": np.ones((depth, 1, 1))}, {"weight": np.ones((1, 1))})
        exact = 2 * np.arctan(np.e * np.tan(0.4 / 2))
        errors.append(float(network.outputs(params, np.array([0.4]))[0]) - exact)
    np.testing.assert_allclose(errors[0] / errors[1], 2.0, rtol=0.05)


def test_attention_in_numpy():
    network = ZOO["attention"]
    params, x = noisy(network)
    position, query, to_key, value, out, hidden, mix, readout = swap_layout(params)

    def affine(layer, h):
        return h @ layer["weight"].T + layer["bias"]

    h = x + position["vector"]
    q, k, v = affine(query, h), affine(to_key, h), affine(value, h)
    heads = []
    for c in (slice(0, 2), slice(2, 4)):
        rows = [softmax(q[t, c] @ k[:, c].T / np.sqrt(2)) for t in range(3)]
        heads.append(np.array(rows) @ v[:, c])
    h = h + affine(out, np.concatenate(heads, axis=1))
    z = affine(hidden, h)
    gelu = z / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (z + 0.044715 * z**3)))
    h = h + affine(mix, gelu)
    np.testing.assert_allclose(network.outputs(params, x), affine(readout, h.mean(0)), rtol=1e-12)
    np.testing.assert_allclose(network.attention_weights(params, x).sum(-1), 1.0, rtol=1e-12)


def test_attention_without_positions_ignores_the_order():
    network = ZOO["attention-plain"]
    params, x = noisy(network)
    np.testing.assert_allclose(network.outputs(params, x), network.outputs(params, x[::-1]), rtol=1e-12)


def test_random_features_are_linear_in_their_parameters():
    network = ZOO["features"]
    params, x = noisy(network)
    doubled = jax.tree.map(lambda p: 2 * p, params)
    np.testing.assert_allclose(network.outputs(doubled, x), 2 * network.outputs(params, x), rtol=1e-13)
    assert not np.allclose(network.features(x), RandomFeatures(3, 7, 2, activation="cos", seed=1).features(x))


@given(st.integers(20, 400), st.integers(2, 5))
@settings(deadline=None, max_examples=20)
def test_random_features_of_a_given_size(size, n_outputs):
    network = RandomFeatures.with_parameters(size, 4, n_outputs)
    assert size - n_outputs < network.n_parameters <= size


# The contract.


@everyone
def test_networks_are_values(network):
    twin = type(network)(**{name: getattr(network, name) for name in network.__dataclass_fields__})
    assert twin == network
    assert hash(twin) == hash(network)
    assert twin is not network


@everyone
def test_parameters_names_and_nodes(network, key):
    params = network.init(key)
    flat, unravel = ravel_pytree(params)
    assert flat.shape == (network.n_parameters,)
    assert len(set(network.parameter_names)) == network.n_parameters
    # Every parameter belongs to one node, and a node's parameters come into it: its name says so.
    owned = [i for node in network.nodes for i in node.parameters]
    assert sorted(owned) == list(range(network.n_parameters))
    indices = unravel(jnp.arange(float(flat.size)))
    for name, arrays in zip((name for name, _ in network.layers), indices):
        for array in arrays.values():
            value = int(np.ravel(array)[-1])
            assert network.parameter_names[value].startswith(name)
    for i, j in network.wires:
        assert i < j
        assert network.nodes[i].layer < network.nodes[j].layer


def test_node_holds_the_incoming_weights():
    network = MLP((2, 3, 2))
    node = network.nodes[4]  # second neuron of the readout
    assert (node.name, node.kind, node.wires, node.layer) == ("layer1[1]", "neuron", (1,), 1)
    names = [network.parameter_names[i] for i in node.parameters]
    assert names == ["layer1.bias[1]", "layer1.weight[1,0]", "layer1.weight[1,1]", "layer1.weight[1,2]"]
    assert network.wires == tuple((i, j) for i in range(3) for j in (3, 4))
    # A node's parameters move its own output, and no other one of the layer.
    params, x = noisy(network)
    flat, unravel = ravel_pytree(params)
    jacobian = jax.jit(jax.jacobian(lambda p: network.outputs(unravel(p), x)))(flat)
    assert np.all(jacobian[0, np.array(node.parameters)] == 0)
    assert np.all(jacobian[1, np.array(node.parameters)] != 0)


def test_block_nodes_move_only_their_channel():
    network = ResNet(2, 3, 2, 2)
    params, x = noisy(network)
    flat, unravel = ravel_pytree(params)
    last = next(node for node in network.nodes if node.name == "block1[2]")
    h = jax.jit(jax.jacobian(lambda p: network._flow(unravel(p), jnp.asarray(x), None)[0]))(flat)
    moved = np.abs(h[:, np.array(last.parameters)]).max(axis=1)
    assert moved[2] > 0
    np.testing.assert_array_equal(moved[:2], 0)


@everyone
def test_points_are_on_their_manifold(network):
    params, x = noisy(network)
    point = network(params, x)
    if network.output == "categorical":
        assert isinstance(point, Distribution)
        np.testing.assert_allclose(point.probabilities.sum(), 1.0, rtol=1e-14)
    else:
        assert isinstance(point, Gaussian)


@everyone
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_follows_the_parameters(network, dtype):
    params, _ = noisy(network, dtype)
    assert {
        x.dtype for x in jax.tree.leaves(jax.eval_shape(lambda k: network.init(k, dtype), jax.random.key(0)))
    } == {np.dtype(dtype)}
    for x_dtype in (np.float64, np.float32, np.int32):
        x = np.ones(network.input_shape, x_dtype)
        for method in (
            network.outputs,
            network.curve_outputs,
            lambda p, x: network.partial_outputs(p, x, 0.5),
        ):
            assert jax.eval_shape(method, params, x).dtype == dtype


@everyone
def test_batches_and_gradients(network):
    params, x = noisy(network)
    xs = np.stack([x, -x, 2 * x])
    batch = jax.jit(jax.vmap(network.outputs, (None, 0)))(params, xs)
    np.testing.assert_allclose(
        batch, np.stack([network.outputs(params, x) for x in xs]), rtol=1e-12, atol=1e-14
    )
    flat, unravel = ravel_pytree(params)
    direction = np.random.default_rng(1).normal(size=flat.shape)

    @jax.jit
    def f(p):
        return network.outputs(unravel(p), x)

    h = 1e-6
    difference = (np.asarray(f(flat + h * direction)) - np.asarray(f(flat - h * direction))) / (2 * h)
    np.testing.assert_allclose(jax.jvp(f, (flat,), (direction,))[1], difference, rtol=1e-6, atol=1e-8)


# Switching blocks on.


@everyone
def test_curve_passes_through_partial_points(network):
    params, x = noisy(network)
    curve = network.curve_outputs(params, x)
    assert curve.shape[0] == network.n_blocks + 1
    at = jax.jit(lambda s: network.partial_outputs(params, x, s))
    for s in range(network.n_blocks + 1):
        np.testing.assert_allclose(at(float(s)), curve[s], rtol=1e-12, atol=1e-14)
        if s < network.n_blocks:  # continuous from both sides
            np.testing.assert_allclose(at(s + 1e-9), curve[s], atol=1e-7)
    np.testing.assert_allclose(curve[-1], network.outputs(params, x), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(network.outputs(params, x, 0.0), curve[0], rtol=1e-12, atol=1e-14)
    point = network.curve(params, x)
    np.testing.assert_allclose(
        jax.tree.leaves(point)[0][-1], jax.tree.leaves(network(params, x))[0], rtol=1e-12
    )
    np.testing.assert_allclose(
        jax.tree.leaves(network.partial(params, x, 0.0))[0], jax.tree.leaves(point)[0][0], rtol=1e-12
    )


def test_blocks_off_read_out_the_input():
    network = ZOO["mlp"]  # widths 4, 6, 5: filled up with zeros, then cut off
    params, x = noisy(network)
    readout = swap_layout(params)[-1]
    expected = readout["weight"] @ np.concatenate([x, np.zeros(1)]) + readout["bias"]
    np.testing.assert_allclose(network.curve_outputs(params, x)[0], expected, rtol=1e-13)


def test_velocity_between_blocks():
    network = ResNet(2, 4, 3, 2)
    params, x = noisy(network)

    @jax.jit
    def at(s):
        return network.partial_outputs(params, x, s)

    velocity = jax.jit(lambda s: jax.jvp(at, (s,), (1.0,))[1])(1.4)
    np.testing.assert_allclose(
        velocity, (np.asarray(at(1.4 + 1e-6)) - np.asarray(at(1.4 - 1e-6))) / 2e-6, rtol=1e-6
    )
    assert np.linalg.norm(velocity) > 1e-3


# The Fisher diagonal.


def fisher_diagonal_by_brute_force(network, params, xs, weights):
    flat, unravel = ravel_pytree(params)

    def log_p(q, x):
        return jnp.log(network(unravel(q), x).probabilities)

    def mean(q, x):
        return network.outputs(unravel(q), x)

    categorical = network.output == "categorical"
    jacobian = jax.jit(jax.vmap(jax.jacobian(log_p if categorical else mean), (None, 0)))(flat, xs)
    p = np.exp(jax.vmap(log_p, (None, 0))(flat, xs)) if categorical else np.ones(jacobian.shape[:2])
    return np.einsum("x,xk,xki->i", weights, p, np.asarray(jacobian) ** 2) / np.sum(weights)


@pytest.mark.parametrize(
    "network",
    [
        MLP((3, 5, 4, 3)),
        MLP((3, 5, 4, 3), "relu", bias=False),
        MLP((3, 4, 2), "gelu", "gaussian"),
        MLP((3, 4)),
        MLP((3, 2), output="gaussian"),
    ],
    ids=str,
)
@pytest.mark.parametrize("weighted", [False, True])
def test_fisher_diagonal_is_exact(network, weighted):
    params, _ = noisy(network)
    rng = np.random.default_rng(2)
    xs = rng.normal(size=(4, 3))
    weights = rng.uniform(1, 2, size=4) if weighted else np.ones(4)
    diagonal = jax.jit(network.fisher_diagonal)(params, xs, weights if weighted else None)
    assert jax.tree.structure(diagonal) == jax.tree.structure(params)
    expected = fisher_diagonal_by_brute_force(network, params, xs, weights)
    np.testing.assert_allclose(ravel_pytree(diagonal)[0], expected, rtol=1e-10, atol=1e-13)


def test_fisher_diagonal_of_a_sure_network_is_finite():
    network = MLP((3, 4, 3))
    params = jax.tree.map(lambda p: 1e3 * p, noisy(network)[0])  # probabilities of exactly 0 and 1
    diagonal = ravel_pytree(jax.jit(network.fisher_diagonal)(params, np.ones((2, 3))))[0]
    assert np.isfinite(diagonal).all()


# Initial values and bad input.


def test_initial_variance_follows_the_activation(key):
    for activation, gain in (("relu", 2.0), ("tanh", 1.0)):
        first, _, last = MLP((100, 200, 100, 10), activation).init(key)
        np.testing.assert_allclose(np.var(first["weight"]) * 100, gain, rtol=0.05)
        np.testing.assert_allclose(np.var(last["weight"]) * 100, 1.0, rtol=0.15)
        assert not np.any(first["bias"])


def test_callable_activation(key):
    assert MLP((2, 3, 2), jnp.tanh) == MLP((2, 3, 2), jnp.tanh)
    params = MLP((2, 3, 2)).init(key)
    x = np.ones(2)
    np.testing.assert_allclose(MLP((2, 3, 2), jnp.tanh).outputs(params, x), MLP((2, 3, 2)).outputs(params, x))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: MLP((3,)), ValueError, "input and an output size"),
        (lambda: MLP((3, 0, 2)), ValueError, "positive integer"),
        (lambda: MLP((3, 1)), ValueError, "at least 2 outcomes"),
        (lambda: MLP((3, 2), "tan"), ValueError, "unknown activation"),
        (lambda: MLP((3, 2), lambda z: z), TypeError, "module level"),
        (lambda: MLP((3, 2), output="poisson"), ValueError, "categorical"),  # type: ignore[arg-type]
        (lambda: ResNet(2, 3, 0, 2), ValueError, "depth"),
        (lambda: ResNet(2, 3, 1, 2, readout="none"), ValueError, "readout"),  # type: ignore[arg-type]
        (lambda: ResNet(2, 3, 1, 2, strength=float("nan")), ValueError, "finite"),
        (lambda: Attention(2, 3, 2, n_heads=2), ValueError, "divisible"),
        (lambda: RandomFeatures(2, 0, 2), ValueError, "n_features"),
        (lambda: MLP((3, 2)).init(jax.random.key(0), jnp.int32), TypeError, "floating-point"),
    ],
)
def test_bad_structure_is_one_clear_line(make, error, message):
    with pytest.raises(error, match=message) as info:
        make()
    assert "\n" not in str(info.value)


@pytest.mark.parametrize(
    ("change", "x", "message"),
    [
        (lambda p: p, None, "needs an input"),
        (lambda p: p, np.ones((5, 3)), "batch with jax.vmap"),
        (lambda p: p[:1], np.ones(3), "tuple of 2 dicts"),
        (lambda p: (p[0], {"weight": p[1]["weight"]}), np.ones(3), "keys"),
        (lambda p: (p[0], {**p[1], "weight": p[1]["weight"].T}), np.ones(3), r"expected \(2, 4\)"),
        (lambda p: (p[0], {**p[1], "bias": np.array([0.0, np.nan])}), np.ones(3), "NaN"),
    ],
)
def test_bad_input_is_one_clear_line(change, x, message, key):
    network = MLP((3, 4, 2))
    params = change(network.init(key))
    for call in (network, network.curve, network.logits):
        with pytest.raises(ValueError, match=message) as info:
            call(params, x)
        assert "\n" not in str(info.value)


def test_wrong_types_are_refused(key):
    network = MLP((3, 4, 2))
    params = network.init(key)
    with pytest.raises(TypeError, match="must be real"):
        network(params, np.ones(3) * 1j)
    with pytest.raises(TypeError, match="one dtype"):
        network((params[0], network.init(key, jnp.float32)[1]), np.ones(3))
    with pytest.raises(ValueError, match="only a categorical"):
        MLP((3, 2), output="gaussian").logits(MLP((3, 2)).init(key), np.ones(3))
