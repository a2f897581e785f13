r"""Mean-field statistics of the Fisher matrix of wide random networks.

A multilayer perceptron of weight matrices ``W^l``, ``l = 1 .. L``, with normal weights of variance
``sigma_w^2 / M_{l-1}``, normal biases of variance ``sigma_b^2``, ``C`` linear outputs and unit-variance normal noise on
them. Its Fisher matrix over T inputs is ``F = (1/T) sum_t J_t' J_t``. As the widths grow, sums over units become
averages over normal variables, and F depends on six sequences (Karakida, Akaho and Amari, AISTATS 2019, section 3),
each for one input (index 1) and for two different ones (index 2). Forward, with ``u, v`` normal of variance ``q_1`` and
covariance ``q_1`` or ``q_2``,

.. math:: \hat q^{l} = E[\phi(u)\phi(v)], \qquad q^{l+1} = \sigma_w^2\,\hat q^{l} + \sigma_b^2,

from the mean square and the mean overlap of the inputs, ``q-hat^0``. Backward, from ``q-tilde^L = 1``,

.. math:: \tilde q^{l} = \sigma_w^2\,\tilde q^{l+1} E[\phi'(u)\phi'(v)].

A derivative by a weight is what comes in times what is sent back, so the Gram matrix of the rows of J has ``K_1`` on
its diagonal and ``K_2`` for two inputs and the same output, with

.. math:: K = \sum_{l=1}^{L} \tilde q^{l} (M_{l-1} \hat q^{l-1} + [\text{bias}]),

and nothing, to leading order, for two outputs. Hence, P the number of parameters,

.. math:: m = \frac{C K_1}{P}, \quad s = \frac{C}{P}\Big(\frac{K_1^2}{T} + \frac{T-1}{T} K_2^2\Big), \quad
          \lambda_{max} = \frac{K_1 + (T - 1) K_2}{T}:

mean, second moment and largest value of the eigenvalues (in the paper ``K = M alpha kappa``, without the biases' term,
which is of relative order 1/M). The mean is far below the largest: one direction per output does almost all. It holds
for ``T`` much smaller than the widths and ``K_2 > 0``: not for odd functions without biases on inputs that are
orthogonal on average.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from circuits.networks.activations import Activation, activation_function

_NODES = 61


@dataclass(frozen=True)
class OrderParameters:
    """The six sequences; row 0 is of one input, row 1 of two different ones.

    Attributes:
        q: (co)variance of the pre-activations of layers 1 to L, (2, L).
        q_hat: mean square (product) of what layers 0 to L - 1 pass on, (2, L).
        q_tilde: sum over the units of layers 1 to L of the squares (products) of the derivatives of one output, (2, L).
    """

    q: np.ndarray
    q_hat: np.ndarray
    q_tilde: np.ndarray


class FisherStatistics(NamedTuple):
    """Mean, second moment and largest of the eigenvalues of F."""

    mean: float
    second_moment: float
    largest: float


def order_parameters(
    activation: Activation,
    n_layers: int,
    weight_variance: float,
    bias_variance: float,
    input_square: float = 1.0,
    input_overlap: float = 0.0,
) -> OrderParameters:
    """Run the recursions.

    Args:
        activation: a name or a function, as for `circuits.MLP`: "relu", with averages in closed form (Cho and Saul,
            NeurIPS 2009), or a smooth one, integrated by Gauss-Hermite quadrature.
        n_layers: L, the number of weight matrices.
        weight_variance: ``sigma_w^2``, the variance of a weight times its fan-in.
        bias_variance: ``sigma_b^2``.
        input_square: mean square of an entry of an input.
        input_overlap: mean product of the entries of two inputs.

    Raises:
        ValueError: for no layer, a variance that is negative, or inputs more alike than equal ones.
    """
    if n_layers < 1:
        raise ValueError(f"n_layers must be 1 or more, not {n_layers}")
    if weight_variance < 0.0 or bias_variance < 0.0:
        raise ValueError(f"variances must be zero or positive, not {weight_variance} and {bias_variance}")
    if not abs(input_overlap) <= input_square:
        raise ValueError(
            f"input_overlap ({input_overlap}) cannot be larger in size than input_square ({input_square})"
        )
    q, q_hat, slopes = np.zeros((2, n_layers)), np.zeros((2, n_layers)), np.zeros((2, n_layers))
    q_hat[:, 0] = input_square, input_overlap
    for l in range(n_layers):
        q[:, l] = weight_variance * q_hat[:, l] + bias_variance
        if l + 1 < n_layers:  # the last layer is linear
            for row in range(2):
                q_hat[row, l + 1], slopes[row, l] = pair_averages(
                    activation, float(q[0, l]), float(q[row, l])
                )
    q_tilde = np.ones((2, n_layers))
    for l in range(n_layers - 2, -1, -1):
        q_tilde[:, l] = weight_variance * q_tilde[:, l + 1] * slopes[:, l]
    return OrderParameters(q, q_hat, q_tilde)


def fisher_statistics(
    widths: Sequence[int], found: OrderParameters, n_inputs: int, bias: bool = True
) -> FisherStatistics:
    """The statistics of the module's head.

    Args:
        widths: from the inputs, ``M_0``, to the outputs, ``M_L = C``.
        found: the order parameters of L layers.
        n_inputs: T.
        bias: whether the layers have biases (also where their variance is zero).

    Raises:
        ValueError: if the widths do not fit the order parameters, or there is no input.
    """
    n_layers = found.q_hat.shape[1]
    if len(widths) != n_layers + 1 or n_inputs < 1:
        raise ValueError(
            f"{n_layers} layers have {n_layers + 1} widths, and n_inputs is 1 or more; got {tuple(widths)} "
            f"and {n_inputs}"
        )
    fan_in, outputs = np.asarray(widths[:-1], float), widths[-1]
    size = sum((a + bias) * b for a, b in itertools.pairwise(widths))
    own, other = np.sum(found.q_tilde * (fan_in * found.q_hat + float(bias)), axis=1)
    share = 1.0 / n_inputs
    return FisherStatistics(
        mean=float(outputs * own / size),
        second_moment=float(outputs / size * (share * own**2 + (1.0 - share) * other**2)),
        largest=float(share * own + (1.0 - share) * other),
    )


def pair_averages(activation: Activation, variance: float, covariance: float) -> tuple[float, float]:
    """``E[phi(u) phi(v)]`` and ``E[phi'(u) phi'(v)]``, u and v normal of one variance."""
    correlation = min(1.0, max(-1.0, covariance / variance)) if variance > 0.0 else 1.0
    if activation == "relu":
        angle = math.acos(correlation)
        slope = (math.pi - angle) / (2.0 * math.pi)
        return variance * (math.sin(angle) / (2.0 * math.pi) + correlation * slope), slope
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    size = math.sqrt(variance)
    u = size * np.broadcast_to(nodes[:, None], (_NODES, _NODES))
    v = size * (correlation * nodes[:, None] + math.sqrt(1.0 - correlation**2) * nodes[None, :])
    function = activation_function(activation)
    at = jnp.asarray(np.stack([u, v]).reshape(-1))
    values, slopes = jax.jvp(function, (at,), (jnp.ones_like(at),))
    tables = [np.asarray(a, float).reshape(2, _NODES, _NODES) for a in (values, slopes)]
    averages = [float(weights @ (table[0] * table[1]) @ weights) for table in tables]
    return averages[0], averages[1]
