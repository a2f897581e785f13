r"""What is measured on a trained description, the same on every side.

All Fisher matrices are expectations under the model, averaged over the training inputs:

* *classical*: :math:`F_C`, of the class probabilities, through the readout that was trained. Sides are compared by it.
* *quantum*: :math:`F_Q`, of the state before the readout, where there is one (a :class:`~circuits.Measured` circuit).
  :math:`F_C \le F_Q` for every readout, so it says what the readout leaves unused.

Lengths are information lengths, with :math:`\pi` between two distributions of disjoint support: of a curve of points
:math:`y(t)` it is :math:`\int \sqrt{E_x[\dot y^T F_y \dot y]}\,dt`. The training path is computed as the sum of
:math:`\sqrt{E_x d^2}` over the steps of the optimizer, d the geodesic distance of successive points; the layer curve,
along which the layers are switched on one after the other, by :mod:`qgeom.information.layer_curve`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.description import Description, Params, Point
from circuits.measured import Measured
from circuits.networks import Network
from qgeom.information import (
    distance,
    effective_dimension,
    effective_rank,
    information_metric,
    layer_curve,
    small_eigenvalue_share,
)
from qgeom.information.spectrum import half_log_determinant, numerical_rank
from qgeom.training import unraveler

NODES_PER_GROUP = 4
"""Quadrature nodes for each group of gates, or block, of the layer curve."""

SCALARS = (
    "trace",
    "rank",
    "effective_dimension",
    "effective_rank",
    "small_eigenvalue_share",
    "log_volume",
    "path_length",
    "layer_length",
)
"""Names of what :func:`measure` returns beside the eigenvalues."""


def quantum_side(description: Description) -> Circuit | None:
    """The circuit before the readout, for the quantum Fisher information; None where there is no state."""
    return description.circuit if isinstance(description, Measured) else None


def measure(
    description: Description, path: Float[Array, "points P"], steps: int, inputs: Array, gamma: float
) -> dict[str, np.ndarray]:
    """All quantities at the end of one training path, classical first and quantum second.

    Args:
        path: flat parameters; the last of them are the trained ones.
        steps: number of steps taken; the path stands still after them.
        inputs: the training inputs ``(n, d)``; n also sets the resolution of effective dimension and log-volume.
        gamma: of the effective dimension.

    Returns:
        ``eigenvalues (2, P)``, descending, and every name of :data:`SCALARS` with shape ``(2,)``; NaN where there is no
        state. The effective dimension is the local one, at the trained parameters alone; it is NaN where
        ``gamma n / (2 pi ln n)`` is not above 1.
    """
    dtype = str(path.dtype)
    circuit = quantum_side(description)
    columns = [_of_matrix(fisher_matrix(description, dtype, path[-1], inputs), len(inputs), gamma)]
    if circuit is not None:
        columns.append(_of_matrix(fisher_matrix(circuit, dtype, path[-1], inputs), len(inputs), gamma))
    path_lengths = np.asarray(_path_lengths(description, dtype, path, steps, inputs))
    layer_lengths = np.asarray(_layer_lengths(description, unraveler(description, dtype)(path[-1]), inputs))
    for k, column in enumerate(columns):
        column["path_length"], column["layer_length"] = path_lengths[k], layer_lengths[k]
    if circuit is None:
        columns.append({name: np.full_like(value, np.nan, dtype=float) for name, value in columns[0].items()})
    return {
        name: np.stack([np.asarray(column[name], dtype=float) for column in columns]) for name in columns[0]
    }


def _of_matrix(matrix: Array, n: int, gamma: float) -> dict[str, Any]:
    eigenvalues = np.asarray(jnp.linalg.eigvalsh(matrix))
    kappa = resolution(n, gamma)
    return {
        "eigenvalues": eigenvalues[::-1],
        "trace": eigenvalues.sum(),
        "rank": numerical_rank(eigenvalues),
        "effective_dimension": effective_dimension(matrix, n, gamma) if kappa > 1.0 else np.nan,
        "effective_rank": effective_rank(eigenvalues),
        "small_eigenvalue_share": small_eigenvalue_share(eigenvalues),
        "log_volume": half_log_determinant(jnp.asarray(eigenvalues), kappa),
    }


def global_effective_dimension(
    description: Description, draws: Float[Array, "draws P"], inputs: Array, gamma: float
) -> float:
    """Over random parameter points; NaN where it is not defined."""
    if resolution(len(inputs), gamma) <= 1.0:
        return float("nan")
    dtype = str(draws.dtype)
    matrices = jnp.stack([fisher_matrix(description, dtype, theta, inputs) for theta in draws])
    return float(effective_dimension(matrices, len(inputs), gamma))


def resolution(n: int, gamma: float) -> float:
    """``gamma n / (2 pi ln n)``, also where it is too small for an effective dimension."""
    return float(gamma * n / (2.0 * np.pi * np.log(n))) if n > 1 else 0.0


@functools.partial(jax.jit, static_argnums=(0, 1))
def fisher_matrix(description: Description, dtype: str, theta: Float[Array, " P"], inputs: Array) -> Array:
    """The information metric at flat parameters, averaged over the inputs."""
    return information_metric(description, unraveler(description, dtype)(theta), inputs).as_matrix()


@functools.partial(jax.jit, static_argnums=(0, 1))
def _path_lengths(description: Description, dtype: str, path: Array, steps: Array, inputs: Array) -> Array:
    """Of the training path: of the state, where there is one, and through the readout."""
    unravel, body, read = unraveler(description, dtype), *_body_and_readout(description)
    return _lengths(lambda k: jax.vmap(body, (None, 0))(unravel(path[k]), inputs), read, steps)


def _layer_lengths(description: Description, params: Params, inputs: Array) -> Array:
    """Of the layer curve: through the readout and, where there is one, of the state."""
    if isinstance(description, Measured | Circuit | Network):
        groups = layer_curve.groups(description)
        if groups.size == 0:  # no hidden layer: a curve of one point
            return jnp.zeros(1)
        return layer_curve.lengths_of_kinds(description, params, inputs, groups, NODES_PER_GROUP).sum(axis=1)
    points = jax.vmap(description.curve, (None, 0))(params, inputs)  # all that is known of its layers
    n_points = jax.tree.leaves(points)[0].shape[1]
    return _lengths(lambda k: jax.tree.map(lambda a: a[:, k], points), None, n_points - 1)


def _body_and_readout(description: Description) -> tuple[Description, Callable[[Any], Point] | None]:
    if isinstance(description, Measured):
        return description.circuit, description.readout
    return description, None


def _lengths(
    points_at: Callable[[Array], Point], read: Callable[[Any], Point] | None, steps: int | Array
) -> Array:
    """``sum_k sqrt(E_x d(y_k, y_k+1)^2)``, ``k = 0 ... steps - 1``; one batch of points at a time.

    Shape ``(1,)`` for the points themselves; ``(2,)`` where they are read: first of what is read.
    """

    def both(k: Array) -> tuple[Point, ...]:
        points = points_at(k)
        return (points,) if read is None else (jax.vmap(read)(points), points)

    def body(k: Array, carry: tuple[tuple[Point, ...], Array]) -> tuple[tuple[Point, ...], Array]:
        before, total = carry
        after = both(k)
        squares = [jnp.mean(jnp.square(jax.vmap(distance)(a, b))) for a, b in zip(before, after, strict=True)]
        return after, total + jnp.sqrt(jnp.stack(squares))

    first = both(jnp.zeros((), jnp.int32))
    zero = jnp.zeros(len(first), jnp.finfo(jax.tree.leaves(first)[0].dtype).dtype)
    last = jnp.asarray(steps, jnp.int32) + 1
    return lax.fori_loop(jnp.ones((), jnp.int32), last, body, (first, zero))[1]
