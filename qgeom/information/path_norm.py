r"""Path norms: what the paths through a description weigh, node by node, from input to output.

* A network: ``sqrt(sum over paths prod over edges w^2)``, from every input, and every bias, to every output (Neyshabur,
  Salakhutdinov and Srebro, NeurIPS 2015, Eq. 7); activation functions count as one, an identity as an edge of weight 1.
* A circuit: ``sum over Feynman paths prod over gates |<b|U_g|a>|``, from ``|0...0>`` to every basis state. The sum of
  squares in place of the sum is the 1 of a unitary's columns for every circuit; the plain sum is 1 where no gate
  branches, and each gate on m qubits raises it by a factor of at most ``2^{m/2}``.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.description import Description, Params
from circuits.gates import matrix
from circuits.measured import Measured
from circuits.networks import MLP, ResNet
from circuits.networks.base import LayerParams, fit_width
from circuits.networks.residual import fixed_weights


def path_norm(description: Description, params: Params, x: Array | None = None) -> Float[Array, ""]:
    """The path norm at a parameter point; traceable.

    Args:
        description: a circuit, a measured circuit, an MLP or a residual network.
        params: its parameters.
        x: one input, for a circuit that takes any.

    Raises:
        TypeError: for another description.
    """
    match description:
        case Measured():
            return path_norm(description.circuit, params, x)
        case Circuit():
            return jnp.sum(_feynman(description, params, x))
        case MLP():
            ones = jnp.ones(description.sizes[0], params[0]["weight"].dtype)
            for layer in params:
                ones = _squared(layer, ones)
            return jnp.sqrt(jnp.sum(ones))
        case ResNet():
            return jnp.sqrt(jnp.sum(_residual(description, params)))
    raise TypeError(f"a {type(description).__name__} has no path norm")


def _squared(layer: LayerParams, paths: Float[Array, " i"]) -> Float[Array, " o"]:
    """Sums of squares over the paths that end in each unit of the next layer."""
    out = jnp.matmul(jnp.square(layer["weight"]), paths)
    return out + jnp.square(layer["bias"]) if "bias" in layer else out


def _residual(network: ResNet, params: Params) -> Float[Array, " outputs"]:
    lift, blocks, readout = params
    ones = jnp.ones(network.n_inputs, blocks["weight"].dtype)
    paths = _squared(lift, ones) if lift else fit_width(ones, network.width)
    step = (network.strength / network.depth) ** 2
    for k in range(network.depth):
        paths = paths + step * _squared({name: array[k] for name, array in blocks.items()}, paths)
    if readout:
        return _squared(readout, paths)
    fixed = fixed_weights(network.seed, network.n_outputs, network.width)
    return jnp.matmul(jnp.asarray(np.square(fixed), paths.dtype), paths)


def _feynman(circuit: Circuit, theta: Array, x: Array | None) -> Float[Array, " dim"]:
    """Sums over the paths that end in each basis state."""
    n, angles, start = circuit.n_qubits, circuit.angles(theta, x), 0
    paths = jnp.zeros((2,) * n, theta.dtype).at[(0,) * n].set(1.0)
    for op in circuit.ops:
        stop = start + len(op.angles)
        sizes = jnp.abs(matrix(op, angles[start:stop])).reshape((2,) * (2 * len(op.wires)))
        start, m = stop, len(op.wires)
        paths = jnp.tensordot(sizes, paths, axes=(tuple(range(m, 2 * m)), op.wires))
        paths = jnp.moveaxis(paths, tuple(range(m)), op.wires)
    return paths.reshape(-1)
