r"""The layer curve as a polygon: cheap, in one pass, and differentiable in the parameters.

Every group of nodes is switched on in ``pieces`` equal steps. With ``y_0, ..., y_K`` the points after 0, 1, ..., K
steps,

.. math:: \mathrm{length} = \sum_k \sqrt{E_x\,[d(y_k, y_{k+1})^2]}, \qquad
          \mathrm{distance} = \sqrt{E_x\,[d(y_0, y_K)^2]},

d the geodesic distance of two points. The polygon is inscribed in the layer curve of
:mod:`qgeom.information.layer_curve` (Dong and Zhou, section III.B): never longer than it, and short by an error of
second order in ``1 / pieces``. The points of a circuit come from one run through its gates, ``pieces`` times each,
instead of one run for every point.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.description import Description, Params, Point
from circuits.gates import Op, fixed, logarithm, matrix
from circuits.measured import Measured
from circuits.networks.base import Network
from qgeom.information.fubini_study import safe_sqrt
from qgeom.information.layer_curve import groups
from qgeom.information.planning import manifold_of


def polygon_points(
    description: Description, params: Params, x: Array | None, pieces: int
) -> tuple[Point, ...]:
    """The corners of the polygon, every array with a leading axis K + 1; of a measured circuit also those of its state.

    Args:
        description: a circuit, a measured circuit or a network.
        params: its parameters.
        x: one input, where it takes any.
        pieces: steps in which a group of commuting gates, or a block, is switched on; 1 or more.

    Raises:
        TypeError: a description that cannot be switched on gradually.
        ValueError: as :func:`refined`.
    """
    match description:
        case Network():
            steps = np.arange(pieces * description.n_blocks + 1)[:, None] / pieces
            strengths = np.clip(steps - np.arange(description.n_blocks), 0.0, 1.0)
            dtype = jnp.result_type(*jax.tree.leaves(params))
            outputs = jax.vmap(lambda s: description.outputs(params, x, s))(jnp.asarray(strengths, dtype))
            return (description.point(outputs),)
        case Measured():
            states = refined(description.circuit, pieces).curve(params, x)
            return description.readout(states), states
        case Circuit():
            return (refined(description, pieces).curve(params, x),)
    raise TypeError(
        f"a {type(description).__name__} has no layer curve: expected a Circuit, a Measured circuit or a Network"
    )


def polygon_lengths(points: tuple[Point, ...]) -> Float[Array, " kinds"]:
    """Length of the polygon by the metric of each kind of point; arrays of ``points`` have axes (data, K + 1, ...)."""
    return jnp.stack([jnp.sum(_steps(p)) for p in points])


def chord_lengths(points: tuple[Point, ...]) -> Float[Array, " kinds"]:
    """Distance of the two ends, arguments as of :func:`polygon_lengths`."""
    return jnp.stack([_between(_at(p, 0), _at(p, -1)) for p in points])


def _steps(points: Point) -> Float[Array, " K"]:
    before = jax.tree.map(lambda a: jnp.moveaxis(a[:, :-1], 1, 0), points)
    after = jax.tree.map(lambda a: jnp.moveaxis(a[:, 1:], 1, 0), points)
    return jax.vmap(_between)(before, after)


def _at(points: Point, corner: int) -> Point:
    return jax.tree.map(lambda a: a[:, corner], points)


def _between(first: Point, second: Point) -> Float[Array, ""]:
    """``sqrt(E_x d^2)``."""
    return safe_sqrt(jnp.mean(jnp.square(jax.vmap(manifold_of(first).distance)(first, second))))


@functools.lru_cache(maxsize=64)
def refined(circuit: Circuit, pieces: int) -> Circuit:
    """The same circuit with ``pieces`` layers for every group of commuting gates; its ``curve`` has the corners.

    Each layer is the ``pieces``-th part of the gates of its group: the angles divided by ``pieces``, for a fixed gate
    those of its shortest generator (CZ as the controlled phase pi). At full strength the states are those of the
    circuit, up to a global phase.

    Raises:
        ValueError: fewer than one piece; a gate without a constant generator (U3), or a fixed gate on more than two
            qubits.
    """
    if pieces < 1:
        raise ValueError(f"a polygon has 1 or more pieces per group, not {pieces}")
    with jax.ensure_compile_time_eval():  # concrete, also where the caller is traced
        group = groups(circuit, "commuting")
    ops: list[Op] = []
    layers: list[int] = []
    for k in range(int(group.max(initial=-1)) + 1):
        parts = [_fraction(circuit.ops[i], pieces) for i in np.flatnonzero(group == k).tolist()]
        ops += parts * pieces
        layers += [len(parts)] * pieces
    return Circuit(circuit.n_qubits, ops, layers)


def _fraction(op: Op, pieces: int) -> Op:
    if op.name == "U3":
        raise ValueError("U3 has no constant generator; write it as RZ, RY, RZ")
    if op.angles:
        return Op(op.name, op.wires, tuple(angle / pieces for angle in op.angles), op.pauli)
    if op.name == "CZ":
        return Op("CP", op.wires, (fixed(np.pi / pieces),))
    if len(op.wires) > 2:
        raise ValueError(
            f"the fixed gate {op.name} on {len(op.wires)} qubits cannot be switched on gradually"
        )
    with jax.ensure_compile_time_eval():  # a concrete matrix, also where the caller is traced
        unitary: Any = np.asarray(matrix(op, np.zeros(0)))
    angles = tuple(fixed(value / pieces) for value in logarithm(unitary).tolist())
    return Op("SU2" if len(op.wires) == 1 else "SU4", op.wires, angles)
