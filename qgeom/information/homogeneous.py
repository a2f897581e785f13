r"""The Fisher-Rao norm of homogeneous networks: ``theta' F theta`` from the outputs alone.

A bias-free network of linear rectifiers with L hidden layers is homogeneous of degree one in each of its L + 1 weight
matrices, so that ``theta . grad_theta f = (L + 1) f`` (Euler) and

.. math:: \theta^T F \theta = (L + 1)^2\, E\Big[\Big\langle \frac{\partial \ell}{\partial f}, f \Big\rangle^2\Big]

(Liang, Poggio, Rakhlin and Stokes, AISTATS 2019, theorem 3.1), f the logits or the mean of a normal distribution. The
labels in the expectation have the same law on both sides: that of the model for the Fisher matrix, where the right side
is ``E_x Var_{y ~ p}(f_y)`` for logits and ``E_x |f|^2`` for the mean of a normal distribution; that of the data for the
empirical Fisher matrix ``E[grad loss grad loss']``. With biases, skip connections, normalisation, or a function such
as tanh, f is not homogeneous and the identity fails.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits.networks import MLP, NetworkParams

_HOMOGENEOUS = ("relu", "identity")


def homogeneous_fisher_rao_norm(
    network: MLP, params: NetworkParams, data: Float[Array, "n inputs"], labels: Array | None = None
) -> Float[Array, ""]:
    """``sqrt(theta' F theta)`` by the outputs of a bias-free rectifier network.

    Args:
        network: an MLP without biases, of activation "relu" or "identity".
        params: its parameters.
        data: inputs, one per row, over which F is averaged.
        labels: of the data, class indices ``(n,)`` or targets ``(n, outputs)``, for the empirical Fisher matrix; drawn
            by the model unless given.

    Raises:
        ValueError: if the network is not homogeneous.
    """
    if network.bias or network.activation not in _HOMOGENEOUS:
        raise ValueError(
            "only networks without biases, of activation relu or identity, are homogeneous; got "
            f"activation={network.activation!r}, bias={network.bias}"
        )
    outputs = jax.vmap(lambda x: network.outputs(params, x))(data)
    degree = network.n_blocks + 1
    return degree * jnp.sqrt(jnp.mean(_squared_pairing(network, outputs, labels)))


def empirical_fisher_rao_norm(
    network: MLP, params: NetworkParams, data: Float[Array, "n inputs"], labels: Array
) -> Float[Array, ""]:
    """``sqrt(theta' F theta)`` with the empirical Fisher matrix ``E[grad loss grad loss']``, by one tangent sweep.

    Args:
        network: any MLP; the loss is the cross-entropy, or half the squared error.
        params: its parameters.
        data: inputs, one per row.
        labels: class indices ``(n,)``, or targets ``(n, outputs)`` of a Gaussian output.
    """

    def losses(p: NetworkParams) -> Array:
        outputs = jax.vmap(lambda x: network.outputs(p, x))(data)
        if network.output == "gaussian":
            return 0.5 * jnp.sum(jnp.square(outputs - labels), axis=-1)
        return -jnp.take_along_axis(jax.nn.log_softmax(outputs), labels[:, None], axis=-1)[:, 0]

    _, along = jax.jvp(losses, (params,), (params,))
    return jnp.sqrt(jnp.mean(jnp.square(along)))


def _squared_pairing(network: MLP, f: Array, labels: Array | None) -> Float[Array, " n"]:
    """``<d loss / d f, f>^2`` of every input, averaged over the labels of the model where none are given."""
    if network.output == "gaussian":
        if labels is None:  # f - y is normal of unit variance
            return jnp.sum(jnp.square(f), axis=-1)
        return jnp.square(jnp.sum((f - labels) * f, axis=-1))
    p = jax.nn.softmax(f)
    deviation = f - jnp.sum(p * f, axis=-1, keepdims=True)  # minus the pairing, for each label
    if labels is None:
        return jnp.sum(p * jnp.square(deviation), axis=-1)
    return jnp.square(jnp.take_along_axis(deviation, labels[:, None], axis=-1)[:, 0])
