"""Lengths and distances of the paths of ``meta-geodesic``, cut where the loss is equal for all starts of a task."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from qgeom.experiments.meta_geodesic_sides import Paths, mean_distance


class Reading(NamedTuple):
    """Lengths and distances up to an equal loss; NaN for a task that some start cannot be judged on.

    Attributes:
        length, distance: of the whole path, by kind, (kinds, S, 4, tasks).
        tail_length, tail_distance: of its last stretch, which starts at an equal distance from the end.
        from_start, to_end: distances along the path, at equal shares of its length, (kinds, S, 4, tasks, PROFILE).
        level: the loss at the end, (S, tasks).
    """

    length: np.ndarray
    distance: np.ndarray
    tail_length: np.ndarray
    tail_distance: np.ndarray
    from_start: np.ndarray
    to_end: np.ndarray
    level: np.ndarray


PROFILE = 21
_NEAR = 0.9
"""A start has to have a loss of at least ``1 / 0.9`` of the level, or its path is too short to have a shape."""


def read(paths: Paths, share: float) -> Reading:
    """Cut every path where its loss is ``share`` of the scale, or the lowest that all starts of a task reach.

    Length and distance at the cut are interpolated between records.
    """
    level = np.maximum(share * paths.scale, paths.loss.min(axis=-1).max(axis=1))
    usable = (paths.loss[..., 0].min(axis=1) * _NEAR > level) & np.isfinite(paths.loss).all(axis=(1, 3))
    below = paths.loss <= level[:, None, :, None]
    last = np.where(below.any(axis=-1), below.argmax(axis=-1), paths.loss.shape[-1] - 1)
    distances = [_distances(points, jnp.asarray(last)) for points in paths.points]
    shape = (len(distances), *last.shape)
    out = {name: np.full(shape, np.nan) for name in Reading._fields[:4]}
    from_start, to_end = np.full((*shape, PROFILE), np.nan), np.full((*shape, PROFILE), np.nan)
    for k, pair in enumerate(distances):
        begun, left = (np.asarray(a) for a in pair)
        for s, t in np.argwhere(usable):
            nearest = left[s, :, t, 0].min()
            for m in range(last.shape[1]):
                at, end = (k, s, m, t), int(last[s, m, t])
                loss, length = paths.loss[s, m, t], paths.length[s, m, t, :, k]
                part = (loss[end - 1] - level[s, t]) / (loss[end - 1] - loss[end])
                out["length"][at] = length[end - 1] + part * (length[end] - length[end - 1])
                own = begun[s, m, t]
                out["distance"][at] = own[end - 1] + part * (own[end] - own[end - 1])
                far = np.flatnonzero(left[s, m, t, :end] >= nearest)[-1]
                out["tail_length"][at] = length[end] - length[far]
                out["tail_distance"][at] = left[s, m, t, far]
                places = np.linspace(0.0, length[end], PROFILE)
                from_start[at] = np.interp(places, length[: end + 1], own[: end + 1])
                to_end[at] = np.interp(places, length[: end + 1], left[s, m, t, : end + 1])
    return Reading(**out, from_start=from_start, to_end=to_end, level=np.where(usable, level, np.nan))


@jax.jit
def _distances(points: Any, last: Array) -> tuple[Array, Array]:
    """Of every record from the start of its path, and from its end, (S, 4, tasks, R)."""

    def one(path: Any, end: Array) -> tuple[Array, Array]:
        def of(k: Any) -> Array:
            target = jax.tree.map(lambda a: a[k], path)
            return jax.vmap(lambda p: mean_distance(p, target))(path)

        return of(0), of(end)

    return jax.vmap(jax.vmap(jax.vmap(one)))(points, last)
