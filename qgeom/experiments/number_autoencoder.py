r"""Autoencoders of pictures of a blob, trained with the Fisher trace, the 2-norm or dropout in the cost.

Encoder ``pixels -> width -> k`` and decoder ``k -> width -> pixels``, tanh in the hidden layers; the k latents are
linear, or ``bounded``: through tanh. The picture is read as the mean of a normal law of unit variance per pixel, so
that ``F = E_x[J'J]``, J the Jacobian of the reconstruction by all weights. The complexity is its trace with every array
of weights in units of its root mean square, ``tr F = sum_a rms_a^2 tr F_aa``. Cost of one picture:

    |y - x|^2 / 2  +  strength tr F        or  + strength |theta|^2 / 2       or with a share of hidden units left out.

The trace is estimated by one random sign vector v per picture: ``E_v |J'v|^2 = tr JJ'``, layer by layer the product of
what comes back and what comes in.

**Rotations.** Linear latents may be turned, ``W_e -> R W_e, b_e -> R b_e, W_d -> W_d R'``: the reconstruction is the
same, and since every sum above depends on these arrays by Frobenius norms alone, so is the complexity.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from circuits.networks import MLP

FLOOR = 1e-12
"""Added to the mean square of an array of weights; biases start at zero."""


class Autoencoder(NamedTuple):
    """Two networks with Gaussian output."""

    encoder: MLP
    decoder: MLP


class Cost(NamedTuple):
    """Strengths of what is added to the cost, each (models,), and whether latents are bounded."""

    complexity: Any
    norm: Any
    dropout: Any
    bounded: Any


def autoencoder(pixels: int, width: int, latents: int) -> Autoencoder:
    """Encoder and decoder of one hidden layer each."""
    return Autoencoder(
        MLP((pixels, width, latents), output="gaussian"), MLP((latents, width, pixels), output="gaussian")
    )


def pictures(factors: Float[np.ndarray, "N k"], side: int) -> Float[np.ndarray, "N pixels"]:
    """Gaussian blobs on ``side x side`` pixels: factors in [0, 1] are place across, place down, and width.

    Pixels have the mean 0 and, all together, the variance 1 that they have over the whole grid of factors (so that the
    scale is the same for every sample).
    """
    grid = np.stack(np.meshgrid(*[np.linspace(0.02, 0.98, 9)] * factors.shape[1], indexing="ij"), axis=-1)
    every = _intensities(grid.reshape(-1, factors.shape[1]), side)
    mean, size = every.mean(axis=0), np.sqrt(every.var(axis=0).mean())
    return (_intensities(factors, side) - mean) / size


def _intensities(factors: np.ndarray, side: int) -> np.ndarray:
    at = (np.arange(side) + 0.5) / side
    across, down = (0.2 + 0.6 * factors[:, k, None] for k in (0, 1))
    width = 0.13 + 0.12 * (factors[:, 2, None] if factors.shape[1] > 2 else 0.5)
    first, second = (np.exp(-0.5 * ((at - place) / width) ** 2) for place in (across, down))
    return (second[:, :, None] * first[:, None, :]).reshape(len(factors), -1)


def start(model: Autoencoder, seeds: np.ndarray) -> tuple:
    """Random parameters of both networks, with a leading axis of seeds."""
    kind = jnp.result_type(float)

    def one(key: Array) -> tuple:
        first, second = jax.random.split(key)
        return model.encoder.init(first, dtype=kind), model.decoder.init(second, dtype=kind)

    return jax.vmap(one)(jax.vmap(jax.random.key)(jnp.asarray(seeds, jnp.uint32)))


class _Pass(NamedTuple):
    """One picture on its way through the four layers."""

    output: Array
    latents: Array
    inputs: tuple[Array, ...]


def _forward(params: tuple, x: Array, shifts: tuple, kept: tuple, bounded: Array) -> _Pass:
    """Layers of encoder and decoder; ``shifts`` are added before every activation, ``kept`` multiplies hidden units."""
    first, second, third, last = (*params[0], *params[1])
    hidden = kept[0] * jnp.tanh(_affine(first, x) + shifts[0])
    z = _affine(second, hidden) + shifts[1]
    z = jnp.where(bounded, jnp.tanh(z), z)
    other = kept[1] * jnp.tanh(_affine(third, z) + shifts[2])
    return _Pass(_affine(last, other) + shifts[3], z, (x, hidden, z, other))


def _affine(layer: dict, h: Array) -> Array:
    return layer["weight"] @ h + layer["bias"]


def _shapes(params: tuple) -> list[tuple[int, ...]]:
    return [layer["bias"].shape for network in params for layer in network]


def _trace(params: tuple, x: Array, signs: Array, bounded: Array) -> Array:
    """``sum_a rms_a^2 |J_a' v|^2`` of one picture and one vector v."""
    shifts = tuple(jnp.zeros(shape, x.dtype) for shape in _shapes(params))
    one = jnp.ones((), x.dtype)

    def through(given: tuple) -> tuple[Array, tuple[Array, ...]]:
        found = _forward(params, x, given, (one, one), bounded)
        return found.output, found.inputs

    _, pull, inputs = jax.vjp(through, shifts, has_aux=True)
    (back,) = pull(signs)
    layers = [*params[0], *params[1]]
    total = jnp.zeros((), x.dtype)
    for layer, delta, h in zip(layers, back, inputs, strict=True):
        units = {name: jnp.mean(jnp.square(leaf)) + FLOOR for name, leaf in layer.items()}
        total += jnp.sum(jnp.square(delta)) * (units["weight"] * jnp.sum(jnp.square(h)) + units["bias"])
    return total


@functools.partial(jax.jit, static_argnums=(0, 1))
def chunk(
    rate: float, penalised: bool, state: tuple, cost: Cost, data: Array, keys: Array
) -> tuple[tuple, Array]:
    """Steps of Adam for every seed and model; the error ``|y - x|^2 / pixels`` of the last batch, (seeds, models).

    Args:
        rate: learning rate.
        penalised: whether any model has the complexity in its cost; without, it is not computed.
        state: parameters and moments, leading axes (seeds, models).
        cost: of every model.
        data: pictures (seeds, N, pixels).
        keys: (seeds, steps): batches and signs are those of the seed, for all models alike.
    """
    optimizer = optax.adam(rate)

    def step_of_model(state: tuple, cost: Cost, x: Array, key: Array) -> tuple[tuple, Array]:
        params, moments = state
        signs_key, kept_key = jax.random.split(key)
        signs = jax.random.rademacher(signs_key, x.shape, x.dtype)
        uniform = jax.random.uniform(kept_key, (2, x.shape[0], params[0][0]["bias"].shape[0]), x.dtype)
        kept = jnp.where(uniform >= cost.dropout, 1.0 / (1.0 - cost.dropout), 0.0)

        def loss(params: tuple) -> tuple[Array, Array]:
            def one(x: Array, kept: Array, signs: Array) -> tuple[Array, Array]:
                zeros = tuple(jnp.zeros(shape, x.dtype) for shape in _shapes(params))
                found = _forward(params, x, zeros, tuple(kept), cost.bounded)
                trace = _trace(params, x, signs, cost.bounded) if penalised else jnp.zeros((), x.dtype)
                return jnp.sum(jnp.square(found.output - x)), trace

            errors, traces = jax.vmap(one)(x, jnp.swapaxes(kept, 0, 1), signs)
            squares = sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(params))
            added = cost.complexity * jnp.mean(traces) + 0.5 * cost.norm * squares
            return 0.5 * jnp.mean(errors) + added, jnp.mean(errors) / x.shape[1]

        slope, error = jax.grad(loss, has_aux=True)(params)
        change, moments = optimizer.update(slope, moments, params)
        return (optax.apply_updates(params, change), moments), error

    def of_seed(state: tuple, data: Array, keys: Array) -> tuple[tuple, Array]:
        def step(state: tuple, key: Array) -> tuple[tuple, Array]:
            batch_key, other = jax.random.split(key)
            x = data[jax.random.randint(batch_key, (BATCH,), 0, data.shape[0])]
            return jax.vmap(lambda s, c: step_of_model(s, c, x, other))(state, cost)

        state, errors = jax.lax.scan(step, state, keys)
        return state, errors[-1]

    return jax.vmap(of_seed)(state, data, keys)


BATCH = 32


def moments(rate: float, params: tuple) -> tuple:
    """Adam's moments at rest, for leading axes (seeds, models)."""
    return jax.vmap(jax.vmap(optax.adam(rate).init))(params)  # pyright: ignore[reportReturnType]


class Measured(NamedTuple):
    """What is read from every model: leading axes (seeds, models)."""

    latents: Array
    error: Array
    complexity: Array


@jax.jit
def measured(params: tuple, bounded: Array, data: Array) -> Measured:
    """Latents (..., N, k), error per pixel, and the exact complexity, on pictures (seeds, N, pixels)."""

    def one(params: tuple, bounded: Array, x: Array) -> Measured:
        def of_picture(x: Array) -> tuple[Array, Array]:
            zeros = tuple(jnp.zeros(shape, x.dtype) for shape in _shapes(params))
            found = _forward(params, x, zeros, (1.0, 1.0), bounded)
            return found.latents, jnp.mean(jnp.square(found.output - x))

        latents, errors = jax.vmap(of_picture)(x)
        return Measured(latents, jnp.mean(errors), exact_complexity(params, bounded, x[:COMPLEXITY_DATA]))

    return jax.lax.map(
        lambda s: jax.lax.map(lambda m: one(m[0], m[1], s[1]), (s[0], bounded)), (params, data)
    )


COMPLEXITY_DATA = 64


def exact_complexity(params: tuple, bounded: Array, x: Float[Array, "N pixels"]) -> Float[Array, ""]:
    """``sum_a rms_a^2 tr F_aa``, the mean over pictures; one backward pass per pixel."""
    directions = jnp.eye(x.shape[1], dtype=x.dtype)
    rows = jax.vmap(lambda v: jax.vmap(lambda e: _trace(params, v, e, bounded))(directions))(x)
    return jnp.mean(jnp.sum(rows, axis=1))


def turned(params: tuple, rotation: Float[Array, "k k"]) -> tuple:
    """The same autoencoder with its latents turned: ``z -> R z``, absorbed by the layers before and behind."""
    first, second = params[0]
    third, last = params[1]
    before = {"weight": rotation @ second["weight"], "bias": rotation @ second["bias"]}
    behind = {"weight": third["weight"] @ rotation.T, "bias": third["bias"]}
    return (first, before), (behind, last)
