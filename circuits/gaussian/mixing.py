"""Layers of two-row rotations: how a Gaussian circuit acts on the operators of its modes.

Every elementary Gaussian gate mixes rows of ``r`` (Majoranas, or positions and momenta) in pairs,

    r_m  ->  C(t) r_m + sign_m S(t) r_partner(m),   (C, S) = (cos t, sin t), (cosh t, sinh t) or (1, t),

``t = scale x angle``. Mixings of disjoint rows act at once: a circuit becomes a scan over steps of whole-array
operations, whatever the number of gates, and its derivatives follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

KINDS = ("circular", "hyperbolic", "shift")


class Mixing(NamedTuple):
    """One mixing of rows ``(m, m')``; equal rows mean ``r_m -> (C + sign S) r_m``.

    ``signs`` multiply S for the first and the second row; ``angle`` is a position in the array of angles.
    """

    rows: tuple[int, int]
    signs: tuple[float, float]
    angle: int
    scale: float
    kind: Literal["circular", "hyperbolic", "shift"]


class Schedule(NamedTuple):
    """Mixings sorted into steps: arrays (steps, rows), and the number of steps after 0, 1, ... layers."""

    partner: np.ndarray
    angle: np.ndarray
    scale: np.ndarray
    sign: np.ndarray
    kind: np.ndarray
    ends: np.ndarray


def schedule(n_rows: int, layers: Iterable[Iterable[Mixing]]) -> Schedule:
    """Each mixing acts as soon as its rows are free, after all those of the layers before."""
    placed: list[tuple[int, Mixing]] = []
    start, ends = 0, [0]
    for layer in layers:
        free = np.full(n_rows, start)
        for mixing in layer:
            step = int(max(free[list(mixing.rows)]))
            free[list(mixing.rows)] = step + 1
            placed.append((step, mixing))
        start = int(free.max())
        ends.append(start)
    steps = max(start, 1)
    partner = np.tile(np.arange(n_rows), (steps, 1))
    angle, scale, sign = (
        np.zeros((steps, n_rows), np.int64),
        np.zeros((steps, n_rows)),
        np.ones((steps, n_rows)),
    )
    kind = np.zeros((steps, n_rows), np.int64)
    for step, mixing in placed:
        for row, other, s in zip(mixing.rows, mixing.rows[::-1], mixing.signs):
            if s == 0.0:  # this row stays as it is
                continue
            partner[step, row], sign[step, row] = other, s
            angle[step, row], scale[step, row] = mixing.angle, mixing.scale
            kind[step, row] = KINDS.index(mixing.kind)
    return Schedule(partner, angle, scale, sign, kind, np.asarray(ends))


def transform(
    plan: Schedule, angles: Float[Array, " angles"], curve: bool = False
) -> Float[Array, "... rows rows"]:
    """The matrix R of ``r -> R r`` of the whole circuit; with ``curve``, after 0, 1, ... layers on a leading axis."""
    dtype = angles.dtype
    t = jnp.asarray(plan.scale, dtype) * (
        angles[plan.angle] if angles.size else jnp.zeros(plan.angle.shape, dtype)
    )
    kinds = [jnp.asarray(plan.kind == k) for k in range(len(KINDS))]
    c, s = jnp.cos(t), jnp.sin(t)
    if plan.kind.any():  # the entries not chosen stay finite, so that derivatives do
        boost, one = jnp.where(kinds[1], t, 0.0), jnp.ones_like(t)
        c = jnp.select(kinds, [c, jnp.cosh(boost), one])
        s = jnp.select(kinds, [s, jnp.sinh(boost), t])
    s = jnp.asarray(plan.sign, dtype) * s

    def step(r: Array, one: tuple[Array, Array, Array]) -> tuple[Array, Array | None]:
        partner, c, s = one
        r = c[:, None] * r + s[:, None] * r[partner]
        return r, r if curve else None

    identity = jnp.eye(plan.partner.shape[1], dtype=dtype)
    last, path = jax.lax.scan(step, identity, (jnp.asarray(plan.partner), c, s))
    if path is None:
        return last
    return jnp.concatenate([identity[None], path])[plan.ends]
