r"""A generator, the trained decoder of an autoencoder, and what its layers do to perturbations on and off its manifold.

The decoder takes a latent z through hidden layers of one width to the data space. The images of all latents form a
manifold in every layer; its tangent space at ``h_l(z)`` is spanned by ``d h_l / d z``. A perturbation of the first
hidden layer has a part along this space, another code word, and a part across it, an error. With J the derivative of
layer l by the first and P, Q the projectors on and off the manifold,

    a_on(l) = ||P_l J P_1||_F / sqrt(rank P_1),      a_off(l) = ||Q_l J Q_1||_F / sqrt(rank Q_1):

root mean squares over unit perturbations. ``whole``: of what is left of an error, ``||J Q_1||_F`` instead, which counts
what it has become along the manifold too.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array
from sklearn import datasets

from circuits.networks import MLP

DATA = ("digits", "shuffled digits")
"""The first principal components of 8 x 8 digits; the same with every component dealt to other images."""
CHUNK = 100
BATCH = 128


class Generator(NamedTuple):
    """An autoencoder: two networks with Gaussian output."""

    encoder: MLP
    decoder: MLP


def generator(latent: int, width: int, depth: int, n_data: int, activation: str) -> Generator:
    """A decoder of ``depth`` hidden layers of equal width, and an encoder of two."""
    encoder = MLP((n_data, width, width, latent), activation="tanh", output="gaussian")
    decoder = MLP((latent, *(width,) * depth, n_data), activation=activation, output="gaussian")
    return Generator(encoder, decoder)


def data(name: str, components: int, seed: int) -> np.ndarray:
    """Inputs (n, components) with mean zero and mean variance one; a random tenth is for the seed to leave out."""
    pixels = np.asarray(datasets.load_digits(return_X_y=True)[0], float)
    pixels -= pixels.mean(axis=0)
    _, _, axes = np.linalg.svd(pixels, full_matrices=False)
    x = pixels @ axes[:components].T
    x /= np.sqrt(np.mean(x**2))
    rng = np.random.default_rng((seed, 5))
    x = x[rng.permutation(len(x))[: 9 * len(x) // 10]]
    return rng.permuted(x, axis=0) if name == DATA[1] else x


def start(model: Generator, seeds: np.ndarray) -> tuple:
    """Random parameters of both networks, a leading axis of seeds."""
    kind = jnp.result_type(float)

    def one(key: Array) -> tuple:
        first, second = jax.random.split(key)
        return model.encoder.init(first, dtype=kind), model.decoder.init(second, dtype=kind)

    return jax.vmap(one)(jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32)))


@functools.partial(jax.jit, static_argnums=(0, 4))
def train(model: Generator, state: tuple, inputs: Array, keys: Array, steps: int) -> tuple[tuple, Array]:
    """Adam on the mean squared error of the reconstruction, all seeds at once; the loss per component (seeds,)."""
    optimizer = optax.adam(2e-3)

    def loss(params: tuple, x: Array) -> Array:
        z = model.encoder.outputs(params[0], x)
        return jnp.mean((model.decoder.outputs(params[1], z) - x) ** 2)

    def one(state: tuple, x: Array, key: Array) -> tuple[tuple, Array]:
        def step(carry: tuple, k: Array) -> tuple[tuple, Array]:
            params, moments = carry
            batch = x[jax.random.randint(k, (BATCH,), 0, x.shape[0])]
            value, slope = jax.value_and_grad(lambda p: jnp.mean(jax.vmap(lambda v: loss(p, v))(batch)))(
                params
            )
            change, moments = optimizer.update(slope, moments, params)
            return (optax.apply_updates(params, change), moments), value

        state, values = jax.lax.scan(step, state, jax.random.split(key, steps))
        return state, jnp.mean(values[-10:])

    return jax.vmap(one)(state, inputs, keys)


def optimizer_state(params: tuple) -> tuple:
    """Parameters with the moments of Adam at rest, a leading axis of seeds."""
    return params, jax.vmap(optax.adam(2e-3).init)(params)


def perturbations(model: Generator, params: tuple, inputs: Array) -> np.ndarray:
    """Logarithms of the root mean squares of a_on, a_off and the whole of a_off over data.

    Args:
        model: the networks.
        params: with a leading axis of seeds.
        inputs: (seeds, n, components), whose latents are the points.

    Returns:
        float64 (seeds, 3, layers): hidden layers and the output.
    """
    tangents, moves = (np.asarray(a, np.float64) for a in _derivatives(model, params, inputs))
    width, depth = model.decoder.sizes[1], len(model.decoder.sizes) - 2
    first = np.linalg.qr(tangents[..., :width, :])[0]
    rank = first.shape[-1]
    on = first @ np.swapaxes(first, -1, -2)
    off = np.eye(width) - on
    rows = []
    for layer in range(depth + 1):
        part = slice(layer * width, (layer + 1) * width if layer < depth else None)
        here, j = np.linalg.qr(tangents[..., part, :])[0], moves[..., part, :]
        along = np.swapaxes(here, -1, -2)
        error = j @ off
        across = error - here @ (along @ error)
        sizes = (
            np.sum((along @ j @ on) ** 2, axis=(-1, -2)) / rank,
            np.sum(across**2, axis=(-1, -2)) / (width - rank),
            np.sum(error**2, axis=(-1, -2)) / (width - rank),
        )
        rows.append(np.stack([size.mean(axis=1) for size in sizes], axis=1))
    return 0.5 * np.log(np.stack(rows, axis=2))


@functools.partial(jax.jit, static_argnums=0)
def _derivatives(model: Generator, params: tuple, inputs: Array) -> tuple[Array, Array]:
    """Of all neurons by the latent, and by what is added to the first hidden layer: (seeds, n, neurons, ...)."""
    decoder = model.decoder
    width = decoder.sizes[1]
    neurons = sum(decoder.sizes[1:])

    def one(params: tuple, x: Array) -> tuple[Array, Array]:
        def layers(z: Array, nudge: Array) -> Array:
            return decoder.activations(params[1], z, jnp.zeros(neurons, z.dtype).at[:width].set(nudge))

        z = model.encoder.outputs(params[0], x)
        return jax.jacfwd(layers, argnums=(0, 1))(z, jnp.zeros(width, z.dtype))

    return jax.vmap(lambda p, xs: jax.vmap(lambda x: one(p, x))(xs))(params, inputs)
