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

``|C|`` is the largest difference of two eigenvalues of the momentum, ``|A| = 1 / min w`` on compact groups.

On compact groups ``A = f + B^T E B`` with ``f = 1 / max w`` and B the r cheaper directions seen from the start. The
first part is a bi-invariant metric, and is solved exactly: with ``W = exp(-f t L)`` and B~ the directions seen through
``U W``,

    J = Ad_W (mu + J~),   mu = int_0^t f exp(-f s C) ds,   J~' = B~^T E (B~ + (B~ C) J~),

so that the Runge-Kutta steps for J~ cost two products of rank r each, and never one of m by m matrices.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
from jaxtyping import Array, Float

from qgeom.nielsen.exponential import exponential
from qgeom.nielsen.flow import SQUARINGS, follow, integrate
from qgeom.nielsen.groups import Group
from qgeom.nielsen.penalty import Penalty

STEP = 0.2
"""Largest ``h |A| |C|`` of a Runge-Kutta step."""
BLOCK = 5
"""Steps between two inertia tests: ``BLOCK * STEP = 1 < 2``."""
FEWEST, MOST = 20, 2000
"""Steps."""
FULL_SPECTRUM, POWER_STEPS = 300, 20
"""Largest matrix whose inertia is read from all eigenvalues, and power steps for the ends of a larger one's."""
RESOLUTION = 1e-4
"""Conjugate times are found to this fraction of the whole; one so close to the end is *at* the end."""


class Frames(NamedTuple):
    """The parts of ``A(t) = floor + B^T diag(excess) B``."""

    cheap: Array
    """Indices of the directions cheaper than the dearest, (r,); all of them on groups that are not compact."""
    excess: Array
    """``1 / w - floor`` of these, (r,)."""
    floor: Array
    """``1 / max w``; zero on groups that are not compact."""


class State(NamedTuple):
    """Where the integration stands: J~ transposed (m, m), U, the momentum and W."""

    jt: Array
    u: Array
    current: Array
    w: Array


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
    momentum = jnp.asarray(momentum)
    steps = grid(penalty, momentum, time) if steps is None else steps
    fields = JacobiFields(penalty, momentum)
    return fields.derivative(fields.advance(fields.start, time, steps), time)


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
    momentum = jnp.asarray(momentum)
    steps = grid(penalty, momentum, time) if steps is None else BLOCK * -(-steps // BLOCK)
    fields = JacobiFields(penalty, momentum)
    # The last test stands just before the end: a conjugate point at the end itself does not spoil a minimum.
    last = time * (1.0 - RESOLUTION)
    count = steps // BLOCK
    found: list[float] = []
    margin, asymmetry = np.inf, 0.0
    earlier = None
    state = fields.start
    for k in range(1, count + 1):
        state = fields.advance(state, last / count, BLOCK)
        now = last * k / count
        s, off = symmetric(fields.derivative(state, now), fields.c)
        asymmetry = max(asymmetry, float(off))
        if earlier is not None:
            negative, lowest = inertia(earlier[0] - s)
            margin = min(margin, lowest)
            if negative and first_only and found:
                found += [now] * negative
            elif negative:
                found += _locate(fields, earlier, now, negative, RESOLUTION * time, first_only)
        earlier = (s, state, now)
        if tick is not None:
            tick(k / count)
    end = fields.derivative(fields.advance(state, time - last, 1), time)
    index = len(found)
    singular = np.linalg.svd(np.asarray(end), compute_uv=False)
    # J grows like t / w: a kernel at the end shows as what a typical direction gains within the resolution.
    inverse = np.asarray(penalty.inverse)
    threshold = RESOLUTION * time * float(np.median(inverse[inverse > 0.0]))
    found += [time] * int(np.sum(singular < threshold))
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
    """Number of negative eigenvalues, and the lowest over the largest in absolute value.

    Large matrices are first tried by Cholesky: where it succeeds nothing is negative, and the two ends of the spectrum
    follow from a few power steps (the lowest to some percent), at a tenth of the cost of the whole spectrum.
    """
    symmetric = np.asarray(matrix)
    if len(symmetric) > FULL_SPECTRUM:
        found = _positive(symmetric)
        if found is not None:
            return 0, found
    values = np.linalg.eigvalsh(symmetric)
    largest = max(abs(values[0]), abs(values[-1]))
    return int(np.sum(values < -1e-11 * largest)), float(values[0] / largest)


def _positive(matrix: np.ndarray) -> float | None:
    """Lowest eigenvalue over the largest of a positive definite matrix, by power steps; None for any other."""
    try:
        factor = scipy.linalg.cho_factor(matrix, check_finite=False)
    except np.linalg.LinAlgError:
        return None
    up = down = np.random.default_rng(0).standard_normal(len(matrix))
    for _ in range(POWER_STEPS):
        up, down = (
            matrix @ (up / np.linalg.norm(up)),
            scipy.linalg.cho_solve(factor, down / np.linalg.norm(down)),
        )
    return float(1.0 / (np.linalg.norm(down) * np.linalg.norm(up)))


def antisymmetric(group: Group, momentum: Array) -> Array:
    """The matrix C: ``C kappa`` are the coefficients of ``[L, kappa^dagger]``, (m, m)."""
    return jnp.asarray(_apply_c(group, np.asarray(momentum), np.eye(group.dimension)).T)


def _apply_c(group: Group, momentum: Any, rows: Any) -> Any:
    """C on each row."""
    return group.coefficients(group.coadjoint(group.generator(rows), group.generator(momentum)))


def _seen_from_start(group: Group, cheap: Any, u: Any) -> Any:
    """Rows ``U^{-1} E_b U`` of the cheap directions, (r, m)."""
    rows = (cheap[:, None] == np.arange(group.dimension)).astype(u.real.dtype)
    return group.coefficients(group.inverse(u) @ group.generator(rows) @ u)


@functools.partial(jax.jit, static_argnums=0)
def _advance(
    group: Group,
    inverse: Array,
    table: Frames,
    momentum: Array,
    state: State,
    time: Array,
    steps: int,
) -> State:
    """The state after ``steps`` Runge-Kutta steps in a further ``time``."""
    h = time / jnp.asarray(steps, time.dtype)
    turn = exponential(group.generator((-0.5 * table.floor * h) * momentum), SQUARINGS)

    def seen(u: Array, w: Array) -> tuple[Array, Array]:
        b = _seen_from_start(group, table.cheap, u @ w)
        return b, -_apply_c(group, momentum, b).T  # (r, m) and (B~ C)^T

    def rate(frame: tuple[Array, Array], jt: Array) -> Array:
        b, bc = frame
        return ((b.T + jt @ bc) * table.excess) @ b

    def step(_: Any, carry: tuple[State, tuple[Array, Array]]) -> tuple[State, tuple[Array, Array]]:
        (jt, u, current, w), first = carry
        path, momenta, _ = integrate(group, inverse, current, h, 2)
        middle = seen(path[1] @ u, w @ turn)
        after, w = path[2] @ u, w @ turn @ turn
        last = seen(after, w)
        k1 = rate(first, jt)
        k2 = rate(middle, jt + (0.5 * h) * k1)
        k3 = rate(middle, jt + (0.5 * h) * k2)
        k4 = rate(last, jt + h * k3)
        return State(jt + (h / 6.0) * (k1 + 2.0 * k2 + 2.0 * k3 + k4), after, momenta[2], w), last

    state, _ = jax.lax.fori_loop(0, steps, step, (state, seen(state.u, state.w)))
    return state


@functools.partial(jax.jit, static_argnums=0)
def _complete(group: Group, values: Array, vectors: Array, floor: Array, jt: Array, time: Array) -> Array:
    """J from J~: ``Ad_W (mu + J~)``, in the eigenbasis of the momentum, where C multiplies by differences."""
    angle = (floor * time) * (values[:, None] - values[None, :])
    phase = jax.lax.complex(jnp.cos(angle), jnp.sin(angle))
    size = (floor * time) * jnp.sinc(angle / (2.0 * np.pi))
    mean = jax.lax.complex(size * jnp.cos(0.5 * angle), size * jnp.sin(0.5 * angle))
    back = vectors.conj().T

    def turned(rows: Array, symbol: Array) -> Array:
        return group.coefficients(vectors @ (symbol * (back @ group.generator(rows) @ vectors)) @ back)

    one = jnp.eye(group.dimension, dtype=jt.dtype)
    return (turned(jt, phase) + turned(one, mean)).T


class JacobiFields:
    """Jacobi fields along one geodesic, step by step: from ``start`` by ``advance``, read off by ``derivative``."""

    def __init__(self, penalty: Penalty, momentum: Array) -> None:
        self.group, self.inverse, self.momentum = penalty.group, penalty.inverse, jnp.asarray(momentum)
        self.table = frames(penalty)
        self.c = antisymmetric(penalty.group, momentum)
        if penalty.group.compact:
            hermitian = 1j * np.asarray(penalty.group.generator(np.asarray(momentum)))
            self.values, self.vectors = (jnp.asarray(a) for a in np.linalg.eigh(hermitian))

    @property
    def start(self) -> State:
        """Where the integration begins."""
        zero = jnp.zeros((self.group.dimension, self.group.dimension), self.momentum.dtype)
        one = self.group.identity(self.momentum.dtype)
        return State(zero, one, self.momentum, one)

    def advance(self, state: State, time: float, steps: int) -> State:
        """The state after ``steps`` Runge-Kutta steps in a further ``time``."""
        length = jnp.asarray(float(time))
        return _advance(self.group, self.inverse, self.table, self.momentum, state, length, steps)

    def derivative(self, state: State, time: float) -> Array:
        """J at this time."""
        if not self.group.compact:
            return state.jt.T
        if not self.group.complex:
            return jnp.asarray(self._real(np.asarray(state.jt), time))
        length = jnp.asarray(float(time))
        return _complete(self.group, self.values, self.vectors, self.table.floor, state.jt, length)

    def _real(self, jt: np.ndarray, time: float) -> np.ndarray:
        """The same on SO(d), where the matrices are small, by SciPy's exponential of C."""
        m = self.group.dimension
        c = float(self.table.floor) * time * np.asarray(self.c)
        block = scipy.linalg.expm(np.block([[c, np.eye(m)], [np.zeros((m, 2 * m))]]))
        return block[:m, :m] @ jt.T + float(self.table.floor) * time * block[:m, m:]


def _locate(
    fields: JacobiFields,
    start: tuple[Array, State, float],
    after: float,
    count: int,
    width: float,
    first_only: bool,
) -> list[float]:
    """Times of the ``count`` conjugate points in a block, by bisection on their number."""
    s0, state0, t0 = start

    def passed(t: float) -> int:
        state = fields.advance(state0, t - t0, BLOCK)
        return inertia(s0 - symmetric(fields.derivative(state, t), fields.c)[0])[0]

    times: list[float] = []

    def split(low: float, high: float, below: int, above: int) -> None:
        if above == below:
            return
        if high - low < width or (first_only and times):
            times.extend([0.5 * (low + high)] * (above - below))
            return
        middle = 0.5 * (low + high)
        number = min(max(passed(middle), below), above)
        split(low, middle, below, number)
        split(middle, high, number, above)

    split(t0, after, 0, count)
    return times
