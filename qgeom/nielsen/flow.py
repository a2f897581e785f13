r"""Geodesics of a penalty metric from their start: the Euler-Arnold flow, on the group to rounding.

With ``G`` the weights, a geodesic of the right-invariant metric obeys

    U' = X U,   L = G X,   L' = [L, X^dagger]   (= [X, L] on a compact group),

so that ``L(t) = U^{-dagger} L(0) U^dagger`` and the energy ``<X, G X>`` are conserved (Arnold 1966; Dowling and
Nielsen, quant-ph/0701004; Balasubramanian et al. 2020). One step expands L and X in a Taylor series by the equation
itself, puts X into Magnus' exponent of order six and multiplies: ``U <- exp(Omega) U``, ``L <- Ad*(exp Omega) L``.
The path stays on the group and L on its coadjoint orbit (its spectrum is exact) at any step; the energy alone drifts,
as h^6, and measures the error. Infinite weights are sub-Riemannian: only ``1 / w`` enters.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qgeom.nielsen.exponential import exponential, magnus
from qgeom.nielsen.groups import Group
from qgeom.nielsen.penalty import Penalty

ORDER = 6
SQUARINGS = 1
"""Halvings in one step's exponential: steps of norm up to 1.36 are exact to rounding."""
MOST_STEPS = 1 << 14
CHUNK = 16
"""Steps of one compiled piece of a path."""


class Flow(eqx.Module):
    """A geodesic on [0, time], as integrated.

    Attributes:
        penalty: The metric.
        times: (N + 1,).
        path: U at these times, (N + 1, size, size); batched flows have their batch first, here and below.
        controls: h at these times, (N + 1, m).
        momentum: L = G h as coefficients, (N + 1, m); finite also where weights are infinite.
        exponents: Omega of each step as coefficients, (N, m): ``U_{k+1} = exp(generator(Omega_k)) U_k``.
        energy_drift: Largest relative change of ``<X, G X>``.
        momentum_drift: Largest relative change of ``L - Ad*(U) L(0)``; rounding only, by construction.
        error: Distance of the end from that of half as many steps, over 2^6 - 1: an estimate; nan if not asked for.
    """

    penalty: Penalty
    times: Array
    path: Array
    controls: Array
    momentum: Array
    exponents: Array
    energy_drift: Array
    momentum_drift: Array
    error: Array

    @property
    def length(self) -> Array:
        """``int sqrt(sum w h^2) dt``: speed at the start times the time."""
        return _speed(self.penalty.inverse, self.momentum[..., 0, :]) * self.times[..., -1]

    def at(self, t: float | Array) -> Array:
        """U at any time in [0, time], by one partial step from the grid point before it (dense output of order 6)."""
        k = jnp.clip(jnp.searchsorted(self.times, t, side="right") - 1, 0, self.times.shape[0] - 2)
        group = self.penalty.group
        u, momentum = self.path[k], group.generator(self.momentum[k])
        omega, _ = _exponent(group, self.penalty.inverse, momentum, t - self.times[k])
        return exponential(omega, SQUARINGS) @ u


def flow(
    penalty: Penalty,
    h: Float[Any, "*batch m"],
    time: float = 1.0,
    steps: int | None = None,
    tolerance: float = 1e-11,
    *,
    momentum: Float[Array, "*batch m"] | None = None,
) -> Flow:
    """The geodesic from the identity with controls ``h`` at its start.

    Args:
        penalty: The metric.
        h: Controls at t = 0, (m,) or a batch (..., m).
        time: End of the path.
        steps: Number of steps; by default doubled until the estimated error and the energy drift are below tolerance.
        tolerance: See steps.
        momentum: L(0) in the place of ``h`` (then ignored), which with infinite weights carries what h cannot.

    Raises ValueError if the shape is wrong, if ``h`` uses a forbidden direction, or if the tolerance is not reached
    with 2^14 steps.
    """
    start = _start_momentum(penalty, h) if momentum is None else jnp.asarray(momentum, penalty.weights.dtype)
    if start.shape[-1:] != (penalty.group.dimension,):
        raise ValueError(f"expected {penalty.group.dimension} coefficients, got shape {start.shape}")
    batch = start.shape[:-1]
    flat = start.reshape(-1, start.shape[-1])
    if steps is not None:
        return _batched(penalty, flat, time, steps, batch, math.nan)
    norm = float(np.max(np.linalg.norm(np.asarray(flat) * np.asarray(penalty.inverse), axis=-1), initial=0.0))
    rate = float(np.max(np.linalg.norm(np.asarray(flat), axis=-1), initial=0.0))
    count = 1 << max(2, math.ceil(math.log2(max(2.0 * time * min(rate, 8.0 * norm + 1.0), 4.0))))
    coarse = _batched(penalty, flat, time, count, batch, math.nan)
    while True:
        fine = _batched(penalty, flat, time, 2 * count, batch, math.nan)
        gap = np.linalg.norm(np.asarray(fine.path[..., -1, :, :] - coarse.path[..., -1, :, :]), axis=(-2, -1))
        error = float(np.max(gap, initial=0.0)) / (2**ORDER - 1)
        if error <= tolerance and float(jnp.max(fine.energy_drift)) <= 10.0 * tolerance:
            return eqx.tree_at(lambda f: f.error, fine, jnp.asarray(error))
        if 2 * count >= MOST_STEPS:
            raise ValueError(
                f"the flow does not reach tolerance {tolerance:g} with {2 * count} steps (error {error:.1e}): "
                "shorten the time or allow a larger tolerance"
            )
        coarse, count = fine, 2 * count


def _batched(
    penalty: Penalty, flat: Array, time: float, steps: int, batch: tuple[int, ...], error: float
) -> Flow:
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    path, momentum, exponents = follow(penalty.group, penalty.inverse, flat, time, steps)
    inverse = np.asarray(penalty.inverse)
    energy = np.sum(inverse * momentum**2, axis=-1)
    tiny = np.finfo(momentum.dtype).tiny
    first = np.maximum(energy[:, :1], tiny)
    drift = np.max(np.abs(energy - first) / first, axis=-1)
    group = penalty.group
    carried = group.coefficients(group.transport(path, group.generator(momentum[:, 0])[:, None]))
    scale = np.maximum(np.linalg.norm(momentum[:, 0], axis=-1), tiny)
    momentum_drift = np.max(np.linalg.norm(carried - momentum, axis=-1), axis=-1) / scale

    def shaped(a: np.ndarray) -> Array:
        return jnp.asarray(np.reshape(a, batch + np.shape(a)[1:]))

    return Flow(
        penalty=penalty,
        times=jnp.asarray(np.linspace(0.0, time, steps + 1, dtype=momentum.dtype)),
        path=shaped(path),
        controls=shaped(inverse * momentum),
        momentum=shaped(momentum),
        exponents=shaped(exponents),
        energy_drift=shaped(drift),
        momentum_drift=shaped(momentum_drift),
        error=jnp.asarray(error, momentum.dtype),
    )


def integrate(
    group: Group, inverse: Array, momentum: Float[Array, " m"], time: Array | float, steps: int
) -> tuple[Array, Array, Array]:
    """Path (steps + 1, s, s), momenta (steps + 1, m) and exponents (steps, m) of the geodesic of this momentum."""
    start = group.generator(momentum)
    one = group.identity(momentum.dtype)
    h = time / steps

    def step(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array, Array]]:
        u, current = carry
        omega, factor = _exponent(group, inverse, current, h)
        following = _project(group, group.transport(factor, current))
        u = factor @ u
        return (u, following), (u, group.coefficients(following), group.coefficients(omega))

    _, (path, momenta, exponents) = jax.lax.scan(step, (one, start), None, length=steps)
    return jnp.concatenate([one[None], path]), jnp.concatenate([momentum[None], momenta]), exponents


def endpoint(
    group: Group, inverse: Array, momentum: Float[Array, " m"], time: Array | float, steps: int
) -> Array:
    """U(time) alone, in the memory of one step; forward and reverse derivatives work."""
    h = time / steps

    def step(_: Any, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        u, current = carry
        _, factor = _exponent(group, inverse, current, h)
        return factor @ u, _project(group, group.transport(factor, current))

    start = group.identity(momentum.dtype), group.generator(momentum)
    return jax.lax.fori_loop(0, steps, step, start)[0]


def follow(
    group: Group, inverse: Array, momenta: Float[Array, "b m"], time: float, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """:func:`integrate` for a batch, in chunks of one compiled length, so that no number of steps compiles anew.

    Returns, on the host, (b, steps + 1, s, s), (b, steps + 1, m), (b, steps, m).
    """
    h = jnp.asarray(time / steps, momenta.dtype)
    one = np.broadcast_to(np.eye(group.size), (momenta.shape[0], 1, group.size, group.size))
    paths = [one.astype(group.matrix_dtype(momenta.dtype))]
    followed, exponents = [np.asarray(momenta)[:, None]], []
    for done in range(0, steps, CHUNK):
        start = jnp.asarray(paths[-1][:, -1]), jnp.asarray(followed[-1][:, -1])
        path, momentum, exponent = _chunk(group, inverse, *start, h, min(CHUNK, steps - done))
        paths.append(np.asarray(path))
        followed.append(np.asarray(momentum))
        exponents.append(np.asarray(exponent))
    return np.concatenate(paths, axis=1), np.concatenate(followed, axis=1), np.concatenate(exponents, axis=1)


def end_of(group: Group, inverse: Array, momentum: Float[Array, " m"], steps: int) -> np.ndarray:
    """U(1) of the geodesic with this momentum, by the chunks of :func:`follow`; on the host."""
    h = jnp.asarray(1.0 / steps, momentum.dtype)
    u, current = (
        np.eye(group.size, dtype=group.matrix_dtype(momentum.dtype))[None],
        np.asarray(momentum)[None],
    )
    for done in range(0, steps, CHUNK):
        start = jnp.asarray(u), jnp.asarray(current)
        path, momenta, _ = _chunk(group, inverse, *start, h, min(CHUNK, steps - done))
        u, current = np.asarray(path)[:, -1], np.asarray(momenta)[:, -1]
    return u[0]


@functools.partial(jax.jit, static_argnums=(0, 5))
def _chunk(
    group: Group, inverse: Array, u: Array, momenta: Array, h: Array, count: int
) -> tuple[Array, Array, Array]:
    def one(u: Array, momentum: Array) -> tuple[Array, Array, Array]:
        path, followed, exponents = integrate(group, inverse, momentum, h * count, count)
        return path[1:] @ u, followed[1:], exponents

    return jax.vmap(one)(u, momenta)


def _exponent(group: Group, inverse: Array, momentum: Array, h: Array | float) -> tuple[Array, Array]:
    """Omega of a step of length h from momentum L (a matrix), and its exponential."""

    def controls(matrix: Array) -> Array:
        return group.generator(inverse * group.coefficients(matrix))

    ls, xs = [momentum], [controls(momentum)]
    for j in range(ORDER - 1):  # (j + 1) L_{j+1} = sum_i [L_{j-i}, X_i^dagger]
        ls.append(_project(group, group.coadjoint_sum(xs, ls[::-1]) / (j + 1.0)))
        xs.append(controls(ls[-1]))
    h = jnp.asarray(h).astype(momentum.dtype)  # complex where the matrices are
    half = 0.5 * h
    middle = []
    for k in range(ORDER - 1):  # the same polynomial about the middle of the step
        total = xs[k]
        for j in range(k + 1, ORDER):
            total = total + (math.comb(j, k) * half ** (j - k)) * xs[j]
        middle.append(total)
    omega = magnus(*middle, step=h, bracket=group.bracket)
    return omega, exponential(omega, SQUARINGS)


def _project(group: Group, matrix: Array) -> Array:
    """On the algebra, where the matrices are more than that (affine maps)."""
    return matrix if group.compact else group.generator(group.coefficients(matrix))


def _speed(inverse: Array, momentum: Array) -> Array:
    return jnp.sqrt(jnp.sum(inverse * momentum**2, axis=-1))


def _start_momentum(penalty: Penalty, h: Array) -> Array:
    h = jnp.asarray(h, penalty.weights.dtype)
    if h.shape[-1:] != penalty.weights.shape:
        raise ValueError(f"expected {penalty.group.dimension} controls, got shape {h.shape}")
    forbidden = jnp.isinf(penalty.weights)
    if bool(jnp.any(forbidden & (h != 0.0))):
        used = np.asarray(jnp.any((forbidden & (h != 0.0)).reshape(-1, h.shape[-1]), axis=0))
        names = [name for name, bad in zip(penalty.group.names, used) if bad]
        raise ValueError(
            f"the controls use forbidden directions (infinite weight): {', '.join(names[:4])}; pass momentum="
        )
    return jnp.where(forbidden, 0.0, penalty.weights * h)
