r"""Candidates for the complexity of a model, and what each should be invariant under.

=====================  ============================================================  ==========  ===========
candidate              what it reads                                                 splitting   coordinates
=====================  ============================================================  ==========  ===========
``Fisher length``      information length of the layer curve, rad                    keeps       keeps
``trace of F``         of the ends, averaged over data                               keeps       changes
``log-volume``         ``1/2 ln det(1 + n F)``, n inputs                             keeps       changes
``Fisher-Rao norm``    ``sqrt(theta' F theta)`` (Liang et al. 2017)                  keeps       changes
``energy``             Nielsen length as built; kinetic action of the layer flow     keeps       keeps
``2-norm``             ``|theta|``                                                   keeps       changes
``path norm``          weights of paths (:mod:`qgeom.information.path_norm`)         keeps       changes
``Euclidean length``   length of the layer curve in the plain metric of p            changes     keeps
=====================  ============================================================  ==========  ===========

*Splitting*: every outcome becomes two, by an independent coin. The coin tells nothing of the parameters (what is left
is a sufficient statistic), and Chentsov's theorem says that Fisher-Rao is, up to a factor, the only metric that does
not see it. *Coordinates*: ``theta = sinh(phi)``, the same models under other names. A norm that reads no outcomes keeps
its value under splitting for that reason alone. The Euclidean length is no candidate: it shows that splitting can be
seen.
"""

from __future__ import annotations

import functools
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.measured import Measured
from circuits.networks import ResNet
from qgeom.experiments.penalised_training import kinetic_action
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.layer_polygon import polygon_lengths, polygon_points
from qgeom.information.path_norm import path_norm
from qgeom.nielsen.built import circuit_cost
from qgeom.nielsen.string_weights import string_rule
from qgeom.training import unraveler

CANDIDATES = (
    "Fisher length", "trace of F", "log-volume", "Fisher-Rao norm", "energy", "2-norm", "path norm", "Euclidean length",
)  # fmt: skip
CHECKS = ("splitting", "coordinates")
KEEPS = {
    "splitting": tuple(name != "Euclidean length" for name in CANDIDATES),
    "coordinates": (True, False, False, False, True, False, False, True),
}
"""What the mathematics says of each candidate, in the order of :data:`CANDIDATES`."""

COIN = 0.3
"""Probability of the first of the two outcomes that an outcome is split into."""

Change = Literal["none", "splitting", "coordinates"]


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def candidates(
    description: Measured | ResNet,
    dtype: str,
    pieces: int,
    change: Change,
    theta: Float[Array, " P"],
    xs: Array,
) -> Float[Array, " candidates"]:
    """All candidates of one model, in the order of :data:`CANDIDATES`; ``energy`` of a circuit is NaN here.

    Args:
        description: A measured circuit or a residual network.
        dtype: Of the parameters.
        pieces: Of each layer of the curve.
        change: What is done to the model, which stays the same model.
        theta: Flat parameters.
        xs: Inputs.
    """
    unravel = unraveler(description, dtype)
    own = jnp.arcsinh(theta) if change == "coordinates" else theta

    def weights(own: Array) -> Array:
        return jnp.sinh(own) if change == "coordinates" else own

    def split(p: Array) -> Array:
        if change != "splitting":
            return p
        return jnp.concatenate([COIN * p, (1.0 - COIN) * p], axis=-1)

    def curve(own: Array) -> Array:
        params = unravel(weights(own))
        points = jax.vmap(lambda x: polygon_points(description, params, x, pieces)[0])(xs)
        return split(points.probabilities)  # type: ignore[union-attr]

    def ends(own: Array) -> Array:
        params = unravel(weights(own))
        # On the sphere of radius 2 the metric is the identity.
        return 2.0 * safe_sqrt(split(jax.vmap(lambda x: description(params, x).probabilities)(xs)))  # type: ignore[union-attr]

    count = xs.shape[0]
    rows = jax.jacrev(ends)(own).reshape(-1, own.shape[0]) / np.sqrt(count)
    eigenvalues = jnp.square(jnp.linalg.svd(rows, compute_uv=False))
    p = curve(own)
    root = safe_sqrt(p)
    # The polygon's length again, from the split points: arcs of the sphere.
    halves = 0.5 * safe_sqrt(jnp.sum(jnp.square(jnp.diff(root, axis=1)), axis=-1))
    arcs = 4.0 * jnp.arcsin(jnp.minimum(halves, 1.0))
    straight = jnp.sum(jnp.square(jnp.diff(p, axis=1)), axis=-1)
    energy = jnp.full((), jnp.nan, theta.dtype)
    if isinstance(description, ResNet):
        energy = kinetic_action(description, unravel(weights(own)), xs)
    return jnp.stack(
        [
            jnp.sum(safe_sqrt(jnp.mean(jnp.square(arcs), axis=0))),
            jnp.sum(eigenvalues),
            0.5 * jnp.sum(jnp.log1p(count * eigenvalues)),
            jnp.linalg.norm(jnp.matmul(rows, own)),
            energy,
            jnp.linalg.norm(own),
            # The norms read the numbers that stand for the parameters, whatever they are called.
            jnp.mean(jax.vmap(lambda x: path_norm(description, unravel(own), x))(xs)),
            jnp.sum(safe_sqrt(jnp.mean(straight, axis=0))),
        ]
    )


def nielsen_length(measured: Measured, theta: np.ndarray) -> float:
    """Length of the circuit as built, all strings of weight 1, without its inputs.

    Inputs at zero: the encoding gates are groups of their own and add the same to every model.
    """
    circuit = measured.circuit
    weights = string_rule(circuit.n_qubits, lambda k: 1.0)
    return circuit_cost(circuit, weights, theta, np.zeros(circuit.n_inputs)).length


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def state_length(
    measured: Measured, dtype: str, pieces: int, theta: Float[Array, " P"], xs: Array
) -> Float[Array, ""]:
    """Information length of the layer curve of the state, by F_Q."""
    params = unraveler(measured, dtype)(theta)
    points = jax.vmap(lambda x: polygon_points(measured, params, x, pieces))(xs)
    return polygon_lengths(points)[1]
