r"""Jacobi fields and conjugate points of a geodesic: the derivative of its end, and whether it is locally shortest.

Vary the momentum at the start by delta. With ``dU = U kappa`` (kappa in the algebra, seen from the start), L(0) = L and
``y = delta + [L, kappa^dagger]`` the lifted Jacobi equation is linear and of first order,

    kappa' = A(t) (delta + C kappa),   A = Ad_U^{-1} G^{-1} Ad_U^{-T},   C kappa = [L, kappa^dagger],

with A symmetric and C antisymmetric (Dowling and Nielsen, quant-ph/0701004, section 4, in the frame where the momentum
is constant). Its solution ``kappa = J(t) delta`` gives

* the derivative of the end point, ``U^{-1} dU/dL(0) = J``;
* the symmetric matrix ``S = J^{-1} + C/2`` with ``S' = - J^{-1} A J^{-T}``: it decreases, and its eigenvalues pass from
  -inf to +inf at the conjugate points and nowhere else. Between times a < b the number of conjugate points is hence
  the number of negative eigenvalues of ``S(a) - S(b)``, if there are none between b's neighbours closer than

      2 / (|A| |C|)   (the Riccati equation of S^{-1} cannot blow up sooner),

  which the grid respects. By Morse's index theorem their number before the end is the index of the geodesic: none
  means a local minimum of the length among all paths between its ends.

``|C|`` is the largest difference of two eigenvalues of the momentum, ``|A| = 1 / min w`` on compact groups. The table
``A`` is ``1 / max w`` plus a part of the rank of the number of cheaper directions, which is how it is applied.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qgeom.nielsen.flow import follow, integrate
from qgeom.nielsen.groups import Group
from qgeom.nielsen.penalty import Penalty

STEP = 0.2
"""Largest ``h |A| |C|`` of a Runge-Kutta step."""
BLOCK = 5
"""Steps between two inertia tests: ``BLOCK * STEP = 1 < 2``."""
FEWEST, MOST = 20, 2000
"""Steps."""
RESOLUTION = 1e-4
"""Conjugate times are found to this fraction of the whole; one so close to the end is *at* the end."""


class Frames(NamedTuple):
    """What applies ``A(t)``: ``floor + B diag(excess) B^T``, B the cheap directions seen from the start."""

    cheap: Array
    """Indices of the directions cheaper than the dearest, (r,); all of them on groups that are not compact."""
    excess: Array
    """``1 / w - floor`` of these, (r,)."""
    floor: Array
    """``1 / max w``; zero on groups that are not compact."""


class Conjugate(NamedTuple):
    """Conjugate points of a geodesic on (0, time].

    Attributes:
        times: Their times with multiplicity, rising; those within 1e-4 of the end stand at the end itself.
        index: Number of them before the end: the Morse index. 0 is a local minimum.
        end: J(time), the derivative of the end by the momentum at the start, (m, m).
        margin: Smallest over the grid of the lowest eigenvalue of ``S(a) - S(b)`` relative to the largest: how far the
            test is from failing; negative where a conjugate point was passed.
        asymmetry: Largest relative asymmetry of S: the error of the integration (rounding and h^4).
        steps: Runge-Kutta steps.
    """

    times: np.ndarray
    index: int
    end: Array
    margin: float
    asymmetry: float
    steps: int


def frames(penalty: Penalty) -> Frames:
    """The cheap directions of a penalty."""
    inverse = np.asarray(penalty.inverse)
    floor = float(inverse.min()) if penalty.group.compact else 0.0
    cheap = np.flatnonzero(inverse > floor * (1.0 + 1e-12))
    return Frames(jnp.asarray(cheap), jnp.asarray(inverse[cheap] - floor), jnp.asarray(floor))


def momentum_spread(group: Group, momentum: Array) -> float:
    """``|C|``: the largest difference of eigenvalues of L on compact groups, else 2 |L|_F."""
    matrix = np.asarray(group.generator(np.asarray(momentum)))
    if group.compact:
        values = np.linalg.eigvalsh(1j * matrix)
        return float(values[-1] - values[0])
    return 2.0 * float(np.linalg.norm(matrix))


def grid(penalty: Penalty, momentum: Array, time: float) -> int:
    """Runge-Kutta steps, a multiple of :data:`BLOCK`."""
    largest = 1.0 / penalty.cheapest
    if not penalty.group.compact:
        largest = _largest_a(penalty, momentum, time)
    count = time * largest * momentum_spread(penalty.group, momentum) / STEP
    return BLOCK * int(np.ceil(np.clip(count, FEWEST, MOST) / BLOCK))


def _largest_a(penalty: Penalty, momentum: Array, time: float) -> float:
    """Largest eigenvalue of A on a grid of 16 steps, and a fifth more for what is between."""
    path, _, _ = follow(penalty.group, penalty.inverse, jnp.asarray(momentum)[None], time, 16)
    table = frames(penalty)
    cheap = np.asarray(table.cheap)
    seen = np.stack([_seen_from_start(penalty.group, cheap, u) for u in np.asarray(path[0])])
    a = np.einsum("kri,r,krj->kij", seen, np.asarray(table.excess), seen)
    return 1.2 * float(np.max(np.linalg.eigvalsh(a)[:, -1]))


def end_derivative(penalty: Penalty, momentum: Array, time: float = 1.0, steps: int | None = None) -> Array:
    """``J(time)``: ``U^{-1} dU = generator(J dL(0))`` at the end of the geodesic, (m, m)."""
    steps = grid(penalty, momentum, time) if steps is None else steps
    return _derivative(
        penalty.group, penalty.inverse, frames(penalty), momentum, jnp.asarray(float(time)), steps
    )


def conjugate_points(
    penalty: Penalty,
    momentum: Float[Array, " m"],
    time: float = 1.0,
    steps: int | None = None,
    tick: Callable[[float], None] | None = None,
    first_only: bool = False,
) -> Conjugate:
    """All conjugate points on (0, time] of the geodesic with this momentum at its start.

    Args:
        penalty: The metric.
        momentum: L(0) = G h, (m,).
        time: End of the geodesic.
        steps: Runge-Kutta steps, rounded up to a multiple of 5; by default from the spread of L (module docstring).
        tick: Called with the fraction done after each block; may raise to stop.
        first_only: Find the time of the first alone; the others, of which there are ``index``, are not searched for
            and stand in ``times`` at the end of their block.
    """
    group, table = penalty.group, frames(penalty)
    momentum = jnp.asarray(momentum)
    steps = grid(penalty, momentum, time) if steps is None else BLOCK * -(-steps // BLOCK)
    c = antisymmetric(group, momentum)
    # The last test stands just before the end: a conjugate point at the end itself does not spoil a minimum.
    last = time * (1.0 - RESOLUTION)
    found: list[float] = []
    margin, asymmetry = np.inf, 0.0
    earlier = None
    count = steps // BLOCK
    nodes = _blocks(penalty, table, momentum, last, count)
    for k, (j, u, current) in enumerate(nodes, start=1):
        s, off = symmetric(j, c)
        asymmetry = max(asymmetry, float(off))
        if earlier is not None:
            s0, j0, u0, current0, t0 = earlier
            negative, lowest = inertia(s0 - s)
            margin = min(margin, lowest)
            if negative:
                after = last * k / count
                if first_only and found:
                    found += [after] * negative
                else:
                    start = (s0, j0, u0, current0, t0)
                    found += _locate(penalty, table, momentum, start, after, negative, c, time, first_only)
        earlier = (s, j, u, current, last * k / count)
        if tick is not None:
            tick(k / count)
    assert earlier is not None
    _, j, u, current, t = earlier
    end, _, _ = _advance(
        group, penalty.inverse, table, momentum, j, u, current, jnp.asarray(float(time - t)), 1
    )
    index = len(found)
    singular = np.linalg.svd(np.asarray(end), compute_uv=False)
    found += [time] * int(np.sum(singular < RESOLUTION * np.median(singular)))
    return Conjugate(np.sort(np.asarray(found)), index, end, float(margin), asymmetry, steps)


def symmetric(j: Array, c: Array) -> tuple[Array, Array]:
    """``S = J^{-1} + C/2``, made symmetric, and how far it was from it."""
    return _symmetric(j, c)


@jax.jit
def _symmetric(j: Array, c: Array) -> tuple[Array, Array]:
    s = jnp.linalg.inv(j) + 0.5 * c
    even = 0.5 * (s + s.T)
    return even, jnp.linalg.norm(s - even) / jnp.linalg.norm(even)


def inertia(matrix: Array) -> tuple[int, float]:
    """Number of negative eigenvalues, and the lowest over the largest in absolute value."""
    values = np.linalg.eigvalsh(np.asarray(matrix))
    largest = max(abs(values[0]), abs(values[-1]))
    return int(np.sum(values < -1e-11 * largest)), float(values[0] / largest)


def antisymmetric(group: Group, momentum: Array) -> Array:
    """The matrix C: ``C kappa`` are the coefficients of ``[L, kappa^dagger]``, (m, m)."""
    return jnp.asarray(_apply_c(group, np.asarray(momentum), np.eye(group.dimension)).T)


def _apply_c(group: Group, momentum: Array, rows: Array) -> Array:
    """C on each row."""
    return group.coefficients(group.coadjoint(group.generator(rows), group.generator(momentum)))


def _seen_from_start(group: Group, cheap: Array, u: Array) -> Array:
    """Rows ``U^{-1} E_b U`` of the cheap directions, (r, m)."""
    rows = (cheap[:, None] == np.arange(group.dimension)).astype(u.real.dtype)
    return group.coefficients(group.inverse(u) @ group.generator(rows) @ u)


def apply_a(b: Array, table: Frames, rows: Array) -> Array:
    """``A`` on each row, from ``b = (r, m)``."""
    return table.floor * rows + ((rows @ b.T) * table.excess) @ b


@functools.partial(jax.jit, static_argnums=0)
def _advance(
    group: Group,
    inverse: Array,
    table: Frames,
    momentum: Array,
    j: Array,
    u: Array,
    current: Array,
    time: Array,
    steps: int,
) -> tuple[Array, Array, Array]:
    """J, U and L(t) after ``steps`` Runge-Kutta steps in a further ``time``. Rows of ``jt`` are columns of J."""
    h = time / jnp.asarray(steps, time.dtype)
    one = jnp.eye(group.dimension, dtype=momentum.dtype)

    def rate(b: Array, jt: Array) -> Array:
        return apply_a(b, table, one + _apply_c(group, momentum, jt))

    def step(_: int, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        jt, u, current = carry
        path, momenta, _ = integrate(group, inverse, current, h, 2)
        b0 = _seen_from_start(group, table.cheap, u)
        b1 = _seen_from_start(group, table.cheap, path[1] @ u)
        after = path[2] @ u
        b2 = _seen_from_start(group, table.cheap, after)
        k1 = rate(b0, jt)
        k2 = rate(b1, jt + (0.5 * h) * k1)
        k3 = rate(b1, jt + (0.5 * h) * k2)
        k4 = rate(b2, jt + h * k3)
        return jt + (h / 6.0) * (k1 + 2.0 * k2 + 2.0 * k3 + k4), after, momenta[2]

    jt, u, current = jax.lax.fori_loop(0, steps, step, (j.T, u, current))
    return jt.T, u, current


def _derivative(
    group: Group, inverse: Array, table: Frames, momentum: Array, time: Array, steps: int
) -> Array:
    zero = jnp.zeros((group.dimension, group.dimension), momentum.dtype)
    return _advance(
        group, inverse, table, momentum, zero, group.identity(momentum.dtype), momentum, time, steps
    )[0]


def _blocks(
    penalty: Penalty, table: Frames, momentum: Array, time: float, count: int
) -> Iterator[tuple[Array, Array, Array]]:
    group = penalty.group
    j = jnp.zeros((group.dimension, group.dimension), momentum.dtype)
    u, current = group.identity(momentum.dtype), momentum
    for _ in range(count):
        j, u, current = _advance(
            group, penalty.inverse, table, momentum, j, u, current, jnp.asarray(time / count), BLOCK
        )
        yield j, u, current


def _locate(
    penalty: Penalty,
    table: Frames,
    momentum: Array,
    start: tuple[Array, Array, Array, Array, float],
    after: float,
    count: int,
    c: Array,
    time: float,
    first_only: bool,
) -> list[float]:
    """Times of the ``count`` conjugate points in a block, by bisection on their number."""
    s0, j0, u0, current0, t0 = start

    def passed(t: float) -> int:
        j, _, _ = _advance(
            penalty.group, penalty.inverse, table, momentum, j0, u0, current0, jnp.asarray(t - t0), BLOCK
        )
        return inertia(s0 - symmetric(j, c)[0])[0]

    times: list[float] = []

    def split(low: float, high: float, below: int, above: int) -> None:
        if above == below:
            return
        if high - low < RESOLUTION * time or (first_only and times):
            times.extend([0.5 * (low + high)] * (above - below))
            return
        middle = 0.5 * (low + high)
        number = min(max(passed(middle), below), above)
        split(low, middle, below, number)
        split(middle, high, number, above)

    split(t0, after, 0, count)
    return times
