r"""Shortening a path between fixed ends: projected gradients in the natural metric of paths.

A path is N segments of constant controls, ``U = exp(X_N / N) ... exp(X_1 / N)``, its energy ``mean_k <h_k, G h_k>`` (a
shortest path at constant speed has the least). To first order the end moves by ``U^{-1} dU = mean_k Ad_{U_k}^{-1}
dh_k``. Among all controls that reach the target to first order along the *present* path, those of least energy are

    h_k = G^{-1} Ad*(U_k) lambda,   (mean_k A_k) lambda = r + mean_k Ad_{U_k}^{-1} h_k,

with ``A_k = Ad_{U_k}^{-1} G^{-1} Ad_{U_k}^{-T}`` and r the misfit of the end: controls of a momentum carried along the
path. A fixed point is a geodesic and lambda its momentum. The step from h towards it is minus the projected gradient in
the metric G itself, in which the second variation is 1 minus a compact operator: some tens of conjugate steps suffice
whatever the penalties, and saddles repel. Step lengths are found on the augmented Lagrangian ``energy / 2 + lambda r +
nu |misfit|^2 / 2``, the energy of the path once it is closed, to first order.

Starts are relaxed together in one batch, and leave it when they are done. Infinite weights need nothing special.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qgeom.nielsen.exponential import exponential
from qgeom.nielsen.groups import Group
from qgeom.nielsen.jacobi import Frames, frames
from qgeom.nielsen.penalty import Penalty

SQUARINGS = 3
"""Segments of norm up to 5.4 are exact to rounding."""
SHORTEST_STEP = 1.0 / 64.0
LARGE = 32
"""Dimension of the algebra from which on a program for two paths saves more than its compilation costs."""


class Relaxed(NamedTuple):
    """Paths of a batch after relaxation.

    Attributes:
        segments: Controls of each segment, (starts, N, m).
        momentum: lambda of each, (starts, m): the momentum at the start of the geodesic nearby.
        energy: ``mean <h, G h>``, (starts,).
        misfit: Flat distance of the end from the target, to first order, (starts,).
        stride: Length of the last full step relative to the path, (starts,): 0 at a geodesic.
    """

    segments: np.ndarray
    momentum: np.ndarray
    energy: np.ndarray
    misfit: np.ndarray
    stride: np.ndarray


def relax(
    penalty: Penalty,
    target: Any,
    segments: Float[Any, "starts n m"],
    iterations: int,
    tolerance: float = 1e-3,
    tick: Callable[[], None] | None = None,
) -> Relaxed:
    """Shorten each path; see the module docstring.

    Args:
        penalty: The metric.
        target: U at the end, (s, s).
        segments: Controls of the starts; they need not reach the target.
        iterations: Most steps.
        tolerance: A path is done when its stride is below this and its misfit below a tenth of it.
        tick: Called after each step; may raise to stop.
    """
    group, table = penalty.group, frames(penalty)
    finite = np.isfinite(np.asarray(penalty.weights))
    inverse, weights = penalty.inverse, jnp.asarray(np.where(finite, np.asarray(penalty.weights), 0.0))
    h = np.asarray(segments) * finite
    target = jnp.asarray(target)
    nu, step = np.zeros(h.shape[0]), np.ones(h.shape[0])
    # Conjugate directions (Polak and Ribiere, in the metric of paths) for the soft ones that single steps creep along.
    before, earlier = np.zeros_like(h), np.zeros_like(h)
    scale = np.asarray(weights)

    def direction(h: Array) -> tuple[Array, ...]:
        return _direction(group, table, inverse, weights, target, h)

    def merit_of(h: Array, p: Array, alpha: Array, momentum: Array) -> tuple[Array, ...]:
        return _merit(group, weights, target, h, p, alpha, momentum)

    state = _of_paths(direction, np.arange(len(h)), h)
    for _ in range(iterations):
        d, momentum, energy, misfit, stride, closing = state
        nu = np.maximum(nu, 1.5 * np.linalg.norm(momentum, axis=-1))
        merit = 0.5 * energy + closing + 0.5 * nu * misfit**2
        active = (stride > tolerance) | (misfit > 0.1 * tolerance)
        if not np.any(active):
            break
        gain = np.sum(scale * d * (d - before), axis=(1, 2))
        size = np.sum(scale * before**2, axis=(1, 2))
        beta = np.clip(np.where(size > 0.0, gain / np.maximum(size, 1e-300), 0.0), 0.0, 1.0)
        beta = np.where((misfit < 10.0 * stride) & (step > 0.2), beta, 0.0)
        p = d + beta[:, None, None] * earlier
        before = d.copy()  # state is written to below
        alpha = np.where(active, np.minimum(1.0, 2.0 * step), 0.0)
        pending = active.copy()
        for _ in range(8):
            rows = np.flatnonzero(pending)
            energies, misfits, costs = _of_paths(merit_of, rows, h, p, alpha, momentum)
            worse = 0.5 * energies + costs + 0.5 * nu[rows] * misfits**2 > merit[rows] * (1.0 + 1e-12)
            pending[rows] = worse & (alpha[rows] > SHORTEST_STEP)
            if not np.any(pending):
                break
            alpha = np.where(pending, 0.5 * alpha, alpha)
            p = np.where(pending[:, None, None], d, p)  # fall back on the step itself
        step = np.where(active, alpha, step)
        h = h + alpha[:, None, None] * p
        earlier = p
        rows = np.flatnonzero(active)
        for old, new in zip(state, _of_paths(direction, rows, h), strict=True):
            old[rows] = new
        if tick is not None:
            tick()
    _, momentum, energy, misfit, stride, _ = state
    return Relaxed(h, momentum, energy, misfit, stride)


def _of_paths(
    function: Callable[..., tuple[Array, ...]], rows: np.ndarray, *arrays: np.ndarray
) -> list[np.ndarray]:
    """A function of some paths of a batch, padded to 8, 32, ...: few shapes are compiled."""
    count = 2 if arrays[0].shape[-1] > LARGE else 8
    while count < len(rows):
        count *= 4
    chosen = np.concatenate([rows, np.repeat(rows[-1:], count - len(rows))])
    return [np.array(a[: len(rows)]) for a in function(*(x[chosen] for x in arrays))]


def path_of(group: Group, segments: np.ndarray) -> np.ndarray:
    """U after each segment, the identity first, on the host: (N, m) to (N + 1, s, s)."""
    path = [np.eye(group.size)]
    for factor in exponential(group.generator(segments / segments.shape[0]), SQUARINGS):
        path.append(factor @ path[-1])
    return np.asarray(path)


def _cumulative(group: Group, factors: Array) -> Array:
    one = jnp.eye(group.size, dtype=factors.dtype)
    _, path = jax.lax.scan(lambda u, f: (f @ u, f @ u), one, factors)
    return jnp.concatenate([one[None], path])


@functools.partial(jax.jit, static_argnums=0)
def _direction(
    group: Group, table: Frames, inverse: Array, weights: Array, target: Array, segments: Array
) -> tuple[Array, Array, Array, Array, Array, Array]:
    rows = (table.cheap[:, None] == np.arange(group.dimension)).astype(inverse.dtype)
    elements = group.generator(rows)

    def one(h: Array) -> tuple[Array, Array, Array, Array, Array, Array]:
        count = h.shape[0]
        x = group.generator(h)
        half = exponential(x * (0.5 / count), SQUARINGS)
        path = _cumulative(group, half @ half)
        middle = half @ path[:-1]
        back = group.inverse(middle)
        seen = group.coefficients(back[:, None] @ elements @ middle[:, None])  # (N, r, m)
        flat = seen.reshape(-1, seen.shape[-1])
        scale = jnp.tile(table.excess, count) / count
        eye = jnp.eye(group.dimension, dtype=h.dtype)
        gram = table.floor * eye + (flat * scale[:, None]).T @ flat
        moved = jnp.mean(group.coefficients(back @ x @ middle), axis=0)
        off = group.inverse(path[-1]) @ target
        residual = group.residual(off)
        gram = gram + (1e-13 * jnp.trace(gram) / group.dimension) * eye
        momentum = jax.scipy.linalg.solve(gram, residual + moved, assume_a="pos")
        wanted = inverse * group.coefficients(group.transport(middle, group.generator(momentum)))
        d = wanted - h
        energy = jnp.mean(jnp.sum(weights * h**2, axis=-1))
        stride = jnp.sqrt(jnp.mean(jnp.sum(weights * d**2, axis=-1)) / jnp.maximum(energy, 1e-300))
        return d, momentum, energy, _root(group.misfit(off)), stride, momentum @ residual

    return jax.vmap(one)(segments)


@functools.partial(jax.jit, static_argnums=0)
def _merit(
    group: Group,
    weights: Array,
    target: Array,
    segments: Array,
    direction: Array,
    alpha: Array,
    momentum: Array,
) -> tuple[Array, Array, Array]:
    def one(h: Array, d: Array, a: Array, p: Array) -> tuple[Array, Array, Array]:
        h = h + a * d
        factors = exponential(group.generator(h / h.shape[0]), SQUARINGS)
        end, _ = jax.lax.scan(lambda u, f: (f @ u, None), jnp.eye(group.size, dtype=factors.dtype), factors)
        energy = jnp.mean(jnp.sum(weights * h**2, axis=-1))
        off = group.inverse(end) @ target
        return energy, _root(group.misfit(off)), p @ group.residual(off)

    return jax.vmap(one)(segments, direction, alpha, momentum)


def _root(misfit: Array) -> Array:
    return jnp.sqrt(jnp.maximum(misfit, 0.0))
