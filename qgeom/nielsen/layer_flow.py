r"""Networks as paths: a linear network layer by layer, and the linearised flow of a nonlinear one.

A linear network ``W_k ... W_1`` is a path in SO(d), GL(d) or Affine(d): layer l is the straight line ``exp(t X_l)`` of
its principal logarithm, and its length under a penalty is what the network costs as built, as a circuit's is
(:mod:`qgeom.nielsen.built`).

A nonlinear residual network ``h_{l+1} = h_l + f_l(h_l)`` moves data. Two things are taken from it:

* the kinetic action of the flow in unit time, each of the L blocks lasting ``1/L``,

      action = int E|v|^2 dt = L sum_l E|h_{l+1} - h_l|^2,    length = sum_l sqrt(E|h_{l+1} - h_l|^2),

  with ``action >= length^2 >= E|h_L - h_0|^2`` (the transport cost of Benamou and Brenier, Numer. Math. 84, 375 (2000),
  of the coupling that the network makes; the length is also the Fisher length of a Gaussian output of unit variance);
* the least-squares linear (or affine) map of each block on the data, a path in GL(d) (or Affine(d)), and the share of
  the block's motion that it explains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np

from qgeom.nielsen.groups import Group, SpecialOrthogonal
from qgeom.nielsen.logarithms import principal_logarithm
from qgeom.nielsen.penalty import Penalty


@dataclass(frozen=True)
class LayerPath:
    """The path of a linear network as built.

    Attributes:
        segments: Piecewise-constant controls (k, m), one piece of time 1/k for each layer, or part of a layer.
        matrix: What the network does, ``W_k ... W_1``, (s, s).
        lengths: Length of each piece under the penalty, (k,).
    """

    segments: np.ndarray
    matrix: np.ndarray
    lengths: np.ndarray

    @property
    def length(self) -> float:
        """Sum over the pieces."""
        return float(self.lengths.sum())

    @property
    def action(self) -> float:
        """``int speed^2 dt = k sum_l length_l^2``, each piece lasting 1/k; at least ``length^2``."""
        return float(len(self.lengths) * np.sum(self.lengths**2))


def layer_path(matrices: Any, penalty: Penalty) -> LayerPath:
    """The path of a linear network as built, by the principal logarithm of each layer.

    A real layer W of positive determinant without real logarithm goes by its polar decomposition ``W = S R``, first the
    rotation and then the stretch: two pieces.

    Args:
        matrices: Layers in the order in which they act, (k, s, s), each in the penalty's group.
        penalty: The metric.

    Raises:
        ValueError: if a layer is not in the group.
    """
    matrices = np.asarray(matrices)
    group = penalty.group
    if matrices.ndim != 3 or len(matrices) == 0 or matrices.shape[1:] != (group.size, group.size):
        raise ValueError(
            f"layers are an array (layers, {group.size}, {group.size}), not of shape {matrices.shape}"
        )
    lines, total = [], np.eye(group.size, dtype=complex if group.complex else float)
    for k, matrix in enumerate(matrices):
        try:
            checked = group.check(matrix)
            lines += _lines(group, checked)
        except ValueError as error:
            raise ValueError(f"layer {k}: {error}") from None
        total = checked @ total
    rows = np.stack(lines)
    lengths = np.asarray(penalty.speed(jnp.asarray(rows)))
    return LayerPath(rows * len(rows), total, lengths)


def _lines(group: Group, matrix: np.ndarray) -> list[np.ndarray]:
    """The principal logarithm, or those of the polar factors."""
    if group.compact:
        return [principal_logarithm(group, matrix)]
    try:
        return [principal_logarithm(group, matrix)]
    except ValueError:
        d, stretch = group.dimension // group.size, matrix.copy()  # affine maps have one row and column more
        left, singular, right = np.linalg.svd(matrix[:d, :d])
        stretch[:d, :d] = (left * singular) @ left.T
        turn = np.asarray(principal_logarithm(SpecialOrthogonal(d), left @ right))
        turned = np.zeros((group.size, group.size))
        turned[:d, :d] = np.asarray(SpecialOrthogonal(d).generator(jnp.asarray(turn)))
        return [np.asarray(group.coefficients(jnp.asarray(turned))), principal_logarithm(group, stretch)]


@dataclass(frozen=True)
class LinearisedFlow:
    """A residual network's flow of data, and the linear or affine maps nearest to its blocks.

    Attributes:
        maps: Of each block, (L, d, d); affine ``[[A, b], [0, 1]]``, (L, d + 1, d + 1).
        explained: Share of ``E|h_{l+1} - h_l|^2`` that the map of the block explains, (L,), 0 to 1.
        speeds: ``L sqrt(E|h_{l+1} - h_l|^2)``, the root mean squared velocity in each block, (L,).
        chord: ``sqrt(E|h_L - h_0|^2)``.
    """

    maps: np.ndarray
    explained: np.ndarray
    speeds: np.ndarray
    chord: float

    @property
    def kinetic_length(self) -> float:
        """``int sqrt(E|v|^2) dt``; at least :attr:`chord`."""
        return float(self.speeds.mean())

    @property
    def kinetic_action(self) -> float:
        """``int E|v|^2 dt``; at least the square of :attr:`kinetic_length`."""
        return float(np.mean(self.speeds**2))


def linearised_flow(points: Any, affine: bool = False) -> LinearisedFlow:
    """Kinetic action and least-squares maps of a flow of data through the blocks of a network.

    Args:
        points: The representations before the first block, between blocks and after the last, (L + 1, samples, d).
        affine: Whether the maps have a shift.

    Raises:
        ValueError: if the shape is wrong, the samples do not span the space, or hold NaN.
    """
    points = np.asarray(points, float)
    if points.ndim != 3 or len(points) < 2:
        raise ValueError(f"points are an array (blocks + 1, samples, d), not of shape {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("the points hold NaN or infinity; every entry must be finite")
    dim = points.shape[2]
    maps, explained = [], []
    moved = np.mean(np.sum(np.diff(points, axis=0) ** 2, axis=2), axis=1)
    for before, after, motion in zip(points[:-1], points[1:], moved):
        inputs = np.concatenate([before, np.ones((len(before), 1))], axis=1) if affine else before
        if np.linalg.matrix_rank(inputs) < inputs.shape[1]:
            raise ValueError(
                f"{len(before)} samples do not determine a map of {inputs.shape[1]} columns: pass more, or reduce d"
            )
        solution = np.linalg.lstsq(inputs, after, rcond=None)[0]
        left = np.mean(np.sum((after - inputs @ solution) ** 2, axis=1))
        explained.append(1.0 if motion == 0.0 else float(np.clip(1.0 - left / motion, 0.0, 1.0)))
        if affine:
            maps.append(np.concatenate([solution.T, np.eye(dim + 1)[dim:]]))
        else:
            maps.append(solution.T)
    chord = float(np.sqrt(np.mean(np.sum((points[-1] - points[0]) ** 2, axis=1))))
    return LinearisedFlow(np.stack(maps), np.asarray(explained), len(moved) * np.sqrt(moved), chord)


def far_share(penalty: Penalty, segments: np.ndarray) -> float:
    """Share of the action ``int sum_a w_a h_a^2 dt`` in directions that cost more than the cheapest; 0 to 1."""
    weights = np.asarray(penalty.weights)
    squares = np.mean(np.asarray(segments) ** 2, axis=0)
    parts = np.where(squares > 0.0, weights * squares, 0.0)
    return float(parts[weights > weights.min() * (1.0 + 1e-12)].sum() / max(parts.sum(), 1e-300))
