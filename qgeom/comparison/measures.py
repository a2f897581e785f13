r"""What is measured on a trained description, the same on every side.

All Fisher matrices are expectations under the model, averaged over the training inputs:

* *classical*: :math:`F_C`, of the class probabilities, through the readout that was trained. Sides are compared by it.
* *quantum*: :math:`F_Q`, of the state before the readout, where there is one (a :class:`~circuits.Measured` circuit).
  :math:`F_C \le F_Q` for every readout, so it says what the readout leaves unused.

Lengths are information lengths, with :math:`\pi` between two distributions of disjoint support: of a curve of points
:math:`y(t)` it is :math:`\int \sqrt{E_x[\dot y^T F_y \dot y]}\,dt`, computed as the sum of
:math:`\sqrt{E_x d^2}`, d the geodesic distance of neighbouring points. The training path has one point per step of the
optimizer; the layer curve has ``POINTS_PER_LAYER`` points per layer while the layers are switched on one after the
other (see :mod:`circuits.gradual` and :meth:`circuits.networks.Network.partial`).
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

from circuits import gradual
from circuits.circuit import Circuit
from circuits.description import Description, Point
from circuits.measured import Measured
from circuits.networks import Network
from qgeom.information import distance, effective_dimension, effective_rank, information_metric, small_eigenvalue_share
from qgeom.information.spectrum import half_log_determinant, numerical_rank
from qgeom.training import unraveler

POINTS_PER_LAYER = 16

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
) -> dict[str, Any]:
    """All quantities at the end of one training path.

    Args:
        path: flat parameters; the last of them are the trained ones.
        steps: number of steps taken; the path stands still after them.
        inputs: the training inputs ``(n, d)``; n also sets the resolution of effective dimension and log-volume.
        gamma: of the effective dimension.

    Returns:
        ``eigenvalues (P,)``, descending, and every name of :data:`SCALARS`. The effective dimension is the local one, at
        the trained parameters alone; it is NaN where ``gamma n / (2 pi ln n)`` is not above 1.
    """
    dtype = str(path.dtype)
    matrix = fisher_matrix(description, dtype, path[-1], inputs)
    eigenvalues = np.asarray(jnp.linalg.eigvalsh(matrix))
    kappa = resolution(len(inputs), gamma)
    return {
        "eigenvalues": eigenvalues[::-1],
        "trace": float(eigenvalues.sum()),
        "rank": numerical_rank(eigenvalues),
        "effective_dimension": float(effective_dimension(matrix, len(inputs), gamma)) if kappa > 1.0 else np.nan,
        "effective_rank": float(effective_rank(eigenvalues)),
        "small_eigenvalue_share": float(small_eigenvalue_share(eigenvalues)),
        "log_volume": float(half_log_determinant(jnp.asarray(eigenvalues), kappa)),
        "path_length": float(_path_length(description, dtype, path, steps, inputs)),
        "layer_length": float(_layer_length(description, dtype, path[-1], inputs)),
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
def _path_length(description: Description, dtype: str, path: Array, steps: Array, inputs: Array) -> Array:
    unravel = unraveler(description, dtype)
    return _length(lambda k: jax.vmap(description, (None, 0))(unravel(path[k]), inputs), steps)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _layer_length(description: Description, dtype: str, theta: Array, inputs: Array) -> Array:
    params = unraveler(description, dtype)(theta)
    if isinstance(description, Measured | Circuit):
        n_layers = len((description.circuit if isinstance(description, Measured) else description).layers)

        def point(x: Array, s: Array) -> Point:
            return gradual.partial(description, params, x, s)
    elif isinstance(description, Network):
        n_layers = description.n_blocks

        def point(x: Array, s: Array) -> Point:
            return description.partial(params, x, s)
    else:  # the points of its own curve are all there is
        points = jax.vmap(description.curve, (None, 0))(params, inputs)
        n_points = jax.tree.leaves(points)[0].shape[1]
        return _length(lambda k: jax.tree.map(lambda a: a[:, k], points), n_points - 1)
    return _length(
        lambda k: jax.vmap(point, (0, None))(inputs, k.astype(theta.dtype) / POINTS_PER_LAYER),
        n_layers * POINTS_PER_LAYER,
    )


def _length(points_at: Callable[[Array], Point], steps: int | Array) -> Array:
    """``sum_k sqrt(E_x d(y_k, y_k+1)^2)``, ``k = 0 ... steps - 1``; one batch of points at a time."""

    def body(k: Array, carry: tuple[Point, Array]) -> tuple[Point, Array]:
        before, total = carry
        after = points_at(k)
        squares = jnp.square(jax.vmap(distance)(before, after))
        return after, total + jnp.sqrt(jnp.mean(squares))

    first = points_at(jnp.zeros((), jnp.int32))
    zero = jnp.zeros((), jnp.finfo(jax.tree.leaves(first)[0].dtype).dtype)
    last = jnp.asarray(steps, jnp.int32) + 1
    return lax.fori_loop(jnp.ones((), jnp.int32), last, body, (first, zero))[1]
