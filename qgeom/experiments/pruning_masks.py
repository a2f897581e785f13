r"""What training leaves in masks and signs alone: the same operations on networks and on circuits.

A *maskable* parameter is a weight of a network (biases start at zero and stay), or the angle of a gate: a weight of
zero is a connection cut, an angle of zero a gate removed. Entries are compared in *groups*: the weights of a layer, or
all gates of a circuit. Angles are read in (-pi, pi]: ``exp(-i theta P / 2)`` has period 2 pi up to the global phase,
so that the size and the sign of an angle mean something there only.

Sources: large final weights and constants with their signs, Zhou et al., NeurIPS 2019 (sections 2, 4 and 5); the mask
that is itself trained over weights that are not, edge-popup of Ramanujan et al., CVPR 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from circuits.circuit import Circuit
from circuits.description import Description, Distribution, Point, Reading
from circuits.networks.base import Network, positions
from qgeom.experiments.descent import minimise
from qgeom.experiments.weighted_training import Lessons, cross_entropy, predicted
from qgeom.progress import Progress, Silent

Groups = tuple[tuple[int, ...], ...]


def structure_of(description: Description) -> Description:
    """The circuit or network whose parameters and nodes these are."""
    while isinstance(description, Reading):
        description = description.structure
    return description


def maskable(description: Description) -> Groups:
    """Positions of the maskable parameters, by group.

    Raises:
        TypeError: for other descriptions than circuits and networks.
    """
    structure = structure_of(description)
    if isinstance(structure, Circuit):
        return (tuple(range(structure.n_parameters)),)
    if isinstance(structure, Network):
        entries = positions(structure)
        return tuple(tuple(int(i) for i in e[key].ravel()) for e in entries for key in e if key == "weight")
    raise TypeError(f"masks are for circuits and networks, not for {type(structure).__name__}")


def canonical(description: Description, theta: np.ndarray) -> np.ndarray:
    """Angles of a circuit in (-pi, pi]; weights as they are."""
    if isinstance(structure_of(description), Circuit):
        return -((-theta + np.pi) % (2 * np.pi) - np.pi)
    return theta


def largest(values: np.ndarray, share: float, groups: Groups) -> np.ndarray:
    """1 for the share of the largest values of each group, rounded, and for all that is in no group: (..., P)."""
    mask = np.ones_like(values)
    for group in groups:
        inside = values[..., list(group)]
        ranks = np.argsort(np.argsort(-inside, axis=-1, kind="stable"), axis=-1)
        mask[..., list(group)] = ranks < kept_count(len(group), share)
    return mask


def kept_count(size: int, share: float) -> int:
    """How many of a group are kept: at least one."""
    return max(1, round(share * size))


def shuffled(values: np.ndarray, groups: Groups, rng: np.random.Generator) -> np.ndarray:
    """The values of each group dealt anew within the group: (..., P)."""
    out = values.copy()
    for group in groups:
        out[..., list(group)] = rng.permuted(values[..., list(group)], axis=-1)
    return out


def signed_constants(signs: np.ndarray, start: np.ndarray, groups: Groups) -> np.ndarray:
    """Signs times the root mean square that each group had at the start; the rest as at the start: (..., P)."""
    out = start.copy()
    for group in groups:
        size = np.sqrt(np.mean(start[..., list(group)] ** 2, axis=-1, keepdims=True))
        out[..., list(group)] = signs[..., list(group)] * size
    return out


class Search(NamedTuple):
    """What edge-popup is given; leading axis B.

    Attributes:
        lessons: data and target.
        frozen: parameters that are not trained, (B, P).
    """

    lessons: Lessons
    frozen: Float[Array, "B P"]


@dataclass(frozen=True)
class EdgePopup:
    """Training of scores s in place of parameters: the parameters are ``frozen * m(s)``, m the largest of each group.

    The gradient passes the choice as if it were the identity, ``dL/ds_i = dL/d(m_i theta_i) theta_i`` (Ramanujan et
    al., CVPR 2020, Eq. 3 to 5).
    """

    description: Description
    dtype: str
    groups: Groups
    counts: tuple[int, ...]
    """How many of each group are kept."""

    def mask(self, scores: Float[Array, " P"]) -> Float[Array, " P"]:
        """1 where a parameter is there."""
        mask = jnp.ones_like(scores)
        for group, count in zip(self.groups, self.counts, strict=True):
            at: Int[Array, " g"] = jnp.asarray(group)
            order = jnp.argsort(-scores[at])
            chosen = jnp.zeros(len(group), scores.dtype).at[order[:count]].set(1.0)
            mask = mask.at[at].set(chosen)
        return mask

    def points(self, theta: Float[Array, " P"], context: Search) -> Distribution:
        """The distributions of all inputs for scores ``theta``."""
        straight = jax.lax.stop_gradient(self.mask(theta) - theta) + theta
        return predicted(self.description, self.dtype, straight * context.frozen, context.lessons.x)

    def loss(self, points: Point, context: Search) -> Float[Array, ""]:
        """Weighted cross-entropy, not below the target."""
        assert isinstance(points, Distribution)
        given = context.lessons
        return jnp.maximum(cross_entropy(points, given.y, given.weights), given.target)


def supermask(
    description: Description,
    frozen: Any,
    given: Lessons,
    share: float,
    steps: int,
    seeds: Sequence[int],
    *,
    learning_rate: float = 0.05,
    progress: Progress = Silent(),
) -> np.ndarray:
    """Masks (B, P) found by edge-popup over parameters that stay as they are; scores start uniform on [0, 1)."""
    groups = maskable(description)
    counts = tuple(kept_count(len(group), share) for group in groups)
    frozen = jnp.asarray(frozen, given.weights.dtype)
    problem = EdgePopup(description, str(frozen.dtype), groups, counts)
    rows = [np.random.default_rng([seed, 1]).random(frozen.shape[1]) for seed in seeds]
    scores = jnp.asarray(np.stack(rows), frozen.dtype)
    found = minimise(problem, scores, Search(given, frozen), steps, learning_rate, progress)
    return largest(found.theta, share, groups)
