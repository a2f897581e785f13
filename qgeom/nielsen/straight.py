r"""Straight lines: the one-parameter subgroup ``exp(tX)`` (``exp(-iHt)``) as a geodesic, its conjugate times, its cut.

**Geodesic or not.** X and ``L = G X`` are constant iff ``[L, X^dagger] = 0``, i.e. ``[H, G H] = 0``: one eigenspace of
the weights, or strings that commute with each other.

**Conjugate times.** With ``dU = K U`` and ``delta`` the change of the momentum, the lifted Jacobi equation (Dowling and
Nielsen, quant-ph/0701004, section 4) along a straight line has constant coefficients,

    K' = G^{-1} delta + [X, K],   delta' = [L, (G^{-1} delta)^dagger] + [delta, X^dagger].

``p = delta - Omega K / 2`` with ``Omega_ab = <L, [E_a, E_b]>`` makes it a linear *Hamiltonian* system z' = N z for
z = (K, p): its Lagrangian planes, from K = 0, are unitary symmetric matrices ``W = (p + iK)(p - iK)^{-1}``. A conjugate
time is an eigenvalue 1 of W, and eigenvalues pass 1 upwards only, since the Hamiltonian is convex in p (Arnold,
Funct. Anal. Appl. 1 (1967) 1; Morse's index theorem). Hence the number of conjugate times in (a, b] is

    ( phase of det W gained from a to b  -  sum of the angles of W in [0, 2 pi) gained ) / 2 pi,

an integer, which bisection follows. No angle moves faster than ``2 |N|``: steps of a quarter turn lose none.

The matrices fall apart into blocks that X and G do not mix, each treated alone; a block of one weight w (on compact
groups) has the closed form ``2 pi k w / |omega|``, omega the eigenvalues of Omega. So on the flat metric the conjugate
times are ``2 pi k / |E_i - E_j|``, twice for each pair of eigenvalues of H; along Z with weights (a, a, b) they are
``pi k a / (b |h_z|)``, twice each.

**Cut.** The line stops being shortest at its first conjugate time at the latest, usually sooner.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.linalg import expm
from scipy.optimize import root_scalar
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from qgeom.nielsen.geodesic import Geodesic, minimal_geodesic
from qgeom.nielsen.groups import Group
from qgeom.nielsen.penalty import Penalty

LARGEST = 1024
"""Largest dimension for which the Jacobi equation is written as a matrix."""
QUARTER = 0.5 * math.pi
HALVINGS = 7
"""Bisections of a step before a secant method takes over."""


class StraightCut(NamedTuple):
    """Where a straight line stops being the shortest path known.

    Attributes:
        time: The line is the shortest path known up to here; ``inf`` if it is on the whole interval.
        conjugate_time: Its first conjugate time in the interval, ``inf`` if none: the line is not shortest beyond.
        shorter: A geodesic that beats the line at the end of the bracket, ``None`` if none was found (then ``time``
            is the conjugate time or ``inf``).
        bracket: The line was best at the first of these times and beaten (or conjugate) at the second.
    """

    time: float
    conjugate_time: float
    shorter: Geodesic | None
    bracket: tuple[float, float]


def is_geodesic(penalty: Penalty, h: Float[Array, " m"], tolerance: float = 1e-10) -> bool:
    """Whether ``exp(t X)`` with these controls is a geodesic: ``|[L, X^dagger]| <= tolerance |L| |X|``, flat norms.

    Args:
        penalty: The metric. With forbidden directions L has no part along them, which is sufficient.
        h: Controls, (m,).
        tolerance: Relative, as stated.

    Raises ValueError for a wrong shape, or where ``h`` uses a forbidden direction.
    """
    controls, momentum = _line(penalty, h)
    group = penalty.group
    rate = group.coefficients(
        group.coadjoint(group.generator(jnp.asarray(controls)), group.generator(jnp.asarray(momentum)))
    )
    return float(jnp.linalg.norm(rate)) <= tolerance * float(
        np.linalg.norm(controls) * np.linalg.norm(momentum)
    )


def straight_conjugate_times(penalty: Penalty, h: Float[Array, " m"], time: float = 1.0) -> np.ndarray:
    """All conjugate times of the straight line ``exp(t X)`` in (0, time], in order and with multiplicity.

    Args:
        penalty: The metric; weights may be infinite.
        h: Controls of the line, which must be a geodesic (:func:`is_geodesic`), (m,).
        time: End of the interval, positive.

    Returns:
        Times, (c,) float64, to about ``1e-10 * time``. Their number before a time is the Morse index: while it is zero
        the line is locally shortest. No step size to choose: none can be missed (see the head of this file).

    Raises ValueError if the line is no geodesic, for more than 1024 dimensions, and for a line from which forbidden
    directions cannot be reached to first order (an abnormal line, along which every time is conjugate).
    """
    if not (math.isfinite(time) and time > 0.0):
        raise ValueError(f"the time must be positive and finite, not {time}")
    if not is_geodesic(penalty, h, 1e-8):
        raise ValueError(
            "the straight line of these controls is no geodesic ([H, GH] is not zero); "
            "use qgeom.nielsen.conjugate_points, which integrates the flow"
        )
    controls, momentum = _line(penalty, h)
    if penalty.group.dimension > LARGEST:
        raise ValueError(
            f"the Jacobi equation of {penalty.group.dimension} dimensions is not written as a matrix beyond {LARGEST}; "
            "use fewer qubits"
        )
    inverse = np.asarray(penalty.inverse, float)
    ad, coad, omega = _operators(penalty.group, controls, momentum)
    found: list[float] = []
    for block in _blocks(ad, coad, omega):
        part = np.ix_(block, block)
        if (
            np.all(inverse[block] > 0.0)
            and not np.any(ad[part])
            and not np.any(coad[part])
            and not np.any(omega[part])
        ):
            continue  # K = t G^{-1} p
        if penalty.group.compact and inverse[block[0]] > 0.0 and np.ptp(inverse[block]) == 0.0:
            found += _one_weight_times(inverse[block[0]] * omega[part], time)
            continue
        found += _block_times(inverse[block], ad[part], coad[part], omega[part], time)
    return np.sort(np.asarray(found, float))


def straight_cut(
    penalty: Penalty,
    h: Float[Array, " m"],
    time: float,
    *,
    key: Any = None,
    tolerance: float = 1e-4,
    resolution: float = 1e-2,
    time_budget: float | None = None,
    **search: Any,
) -> StraightCut:
    """The largest time up to which the straight line ``exp(t X)`` is the shortest path *known* to its end.

    A line that has been beaten stays beaten, so bisection finds the time; every trial is a full search by
    :func:`qgeom.nielsen.minimal_geodesic`, started also from the shorter path found at a later time. A missed path
    makes the time too large, never too small: it bounds the true cut from above.

    Args:
        penalty: The metric.
        h: Controls of the line, a geodesic, (m,).
        time: End of the interval.
        key: Random key of the searches.
        tolerance: A path counts as shorter if its length is below ``(1 - tolerance)`` times that of the line.
        resolution: Width of the final bracket relative to the interval.
        time_budget: Seconds for all searches together; shared evenly.
        **search: Passed on to ``minimal_geodesic`` (``starts``, ``steps``, ``progress``).

    Returns:
        :class:`StraightCut`. Raises ValueError as :func:`straight_conjugate_times`.
    """
    conjugate = straight_conjugate_times(penalty, h, time)
    first = float(conjugate[0]) if conjugate.size else math.inf
    controls = jnp.asarray(_line(penalty, h)[0])
    speed = float(penalty.speed(controls))
    generator = np.asarray(penalty.group.generator(controls))
    end = min(time, first)
    if not 0.0 < resolution < 1.0:
        raise ValueError(f"resolution is a fraction of the interval, between 0 and 1, not {resolution}")
    trials = 1 + math.ceil(math.log2(1.0 / resolution))
    budget = None if time_budget is None else time_budget / trials
    key = jax.random.key(0) if key is None else key

    def beaten(t: float, initial: tuple[Any, ...]) -> Geodesic | None:
        found = minimal_geodesic(
            expm(t * generator), penalty, key=key, time_budget=budget, initial=initial, **search
        )
        return found if found.length < (1.0 - tolerance) * t * speed else None

    shorter = beaten(end, ())
    if shorter is None:
        return StraightCut(first, first, None, (end, first))
    low, high = 0.0, end
    while high - low > resolution * end:
        middle = 0.5 * (low + high)
        found = beaten(middle, (shorter.segments,))
        if found is None:
            low = middle
        else:
            shorter, high = found, middle
    return StraightCut(low, first, shorter, (low, high))


def _line(penalty: Penalty, h: Any) -> tuple[np.ndarray, np.ndarray]:
    """Controls and momentum ``w h`` (zero along forbidden directions)."""
    h = np.asarray(h, float)
    if h.shape != (penalty.group.dimension,):
        raise ValueError(f"expected {penalty.group.dimension} controls, got shape {h.shape}")
    if not np.all(np.isfinite(h)) or not np.any(h):
        raise ValueError("the controls must be finite and not all zero")
    w = np.asarray(penalty.weights, float)
    forbidden = np.isinf(w)
    if np.any(h[forbidden]):
        name = penalty.group.names[int(np.flatnonzero(forbidden & (h != 0.0))[0])]
        raise ValueError(f"the controls use {name}, which this penalty forbids (infinite weight)")
    return h, h * np.where(forbidden, 0.0, w)


def _operators(
    group: Group, h: np.ndarray, momentum: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices of ``K -> [X, K]``, ``delta -> [delta, X^dagger]`` and ``Omega``, (m, m) each."""
    basis = group.generator(jnp.eye(group.dimension))
    x, L = (group.generator(jnp.asarray(v))[None] for v in (h, momentum))
    ad = np.asarray(group.coefficients(group.bracket(x, basis))).T
    coad = np.asarray(group.coefficients(group.coadjoint(x, basis))).T
    omega = -np.asarray(group.coefficients(group.coadjoint(basis, L)))  # <[L, E_a^dagger], E_b> = -Omega_ab
    scale = 1e-14 * max(np.abs(ad).max(), np.abs(coad).max(), np.abs(omega).max())
    return tuple(np.where(np.abs(a) > scale, a, 0.0) for a in (ad, coad, omega))  # type: ignore[return-value]


def _blocks(*matrices: np.ndarray) -> list[np.ndarray]:
    """Sets of indices that no matrix joins."""
    joined = csr_array(np.any([a != 0.0 for a in matrices], axis=0))
    count, label = connected_components(joined, directed=False)
    order = np.argsort(label, kind="stable")
    return np.split(order, np.searchsorted(label[order], np.arange(1, count)))


def _one_weight_times(spin: np.ndarray, time: float) -> list[float]:
    """One weight in the block of a compact group: seen from the start ``k' = (delta + Omega k) / w``, whole turns."""
    rates = np.abs(np.linalg.eigvalsh(1j * spin))
    rates = rates[rates > 1e-12 * max(rates.max(), 1.0 / time)]
    return [
        2.0 * math.pi * k / r
        for r in rates
        for k in range(1, 1 + int(time * r * (1.0 + 1e-12) / (2.0 * math.pi)))
    ]


def _block_times(
    inverse: np.ndarray, ad: np.ndarray, coad: np.ndarray, omega: np.ndarray, time: float
) -> list[float]:
    """Conjugate times of one block."""
    m = len(inverse)
    if np.any(inverse == 0.0):
        _check_normal(inverse, coad)
    g = np.diag(inverse)
    # delta = p + omega K / 2, and the matrix of v -> [L, v^dagger] is -omega^T (omega itself on compact groups).
    push = -omega.T @ g + coad
    half = 0.5 * omega
    kk, kp = g @ half + ad, g
    pk, pp = push @ half - half @ kk, push - half @ kp
    # One unit for K against p: the generator is then as small as a common scale makes it.
    up, down = np.linalg.norm(kp, 2), max(np.linalg.norm(pk, 2), np.linalg.norm(kp, 2) ** -1 / time**2)
    unit = math.sqrt(down / up)
    n = np.block([[kk, unit * kp], [pk / unit, pp]])
    steps = max(4, math.ceil(time * 2.0 * np.linalg.norm(n, 2) / QUARTER))
    width = time * (1.0 + 1e-9) / steps
    halves = [expm(n * (width * 0.5**HALVINGS))]
    for _ in range(HALVINGS):
        halves.insert(0, halves[0] @ halves[0])
    plane = _Plane.of(np.concatenate([np.zeros((m, m)), np.eye(m)]))
    found: list[float] = []
    for k in range(steps):
        after = _Plane.of(halves[0] @ plane.frame)
        found += _locate(n, halves, plane, _passed(plane, after), k * width, width)
        plane = after
    return [min(t, time) for t in found]


class _Plane(NamedTuple):
    """A Lagrangian plane: an orthonormal frame (2m, m) of (K, p), its W, and the angles of W in [0, 2 pi)."""

    frame: np.ndarray
    unitary: np.ndarray
    wrapped: float

    @classmethod
    def of(cls, frame: np.ndarray) -> _Plane:
        frame = np.linalg.qr(frame)[0]
        m = frame.shape[1]
        z = frame[m:] + 1j * frame[:m]
        w = z @ z.T
        angles = _angles(w)  # rounding below zero is zero
        wrapped = np.where(angles < -1e-14 * m, angles + 2.0 * math.pi, angles)
        return cls(frame, w, float(np.sum(wrapped)))


def _angles(w: np.ndarray) -> np.ndarray:
    return np.angle(np.linalg.eigvals(w))


def _passed(before: _Plane, after: _Plane) -> int:
    """Eigenvalues that passed 1, if none moved by more than a quarter turn."""
    gained = float(np.sum(_angles(after.unitary @ before.unitary.conj())))
    return round((gained - after.wrapped + before.wrapped) / (2.0 * math.pi))


def _locate(
    n: np.ndarray,
    halves: list[np.ndarray],
    plane: _Plane,
    count: int,
    start: float,
    width: float,
    level: int = 0,
) -> list[float]:
    """The ``count`` conjugate times of one step: bisection on their number, then a bracketed secant on the angle."""
    if count <= 0:
        return []
    if level < HALVINGS:
        middle = _Plane.of(halves[level + 1] @ plane.frame)
        half = 0.5 * width
        early = min(max(_passed(plane, middle), 0), count)
        return _locate(n, halves, plane, early, start, half, level + 1) + _locate(
            n, halves, middle, count - early, start + half, half, level + 1
        )

    def angle(t: float, rank: int) -> float:
        term = moved = plane.frame
        for k in range(1, 7):
            term = n @ term * (t / k)
            moved = moved + term
        near = _angles(_Plane.of(moved).unitary)
        return float(np.sort(near[np.argsort(np.abs(near))[:count]])[::-1][rank])

    return [start + _root(angle, rank, width) for rank in range(count)]


def _root(angle: Callable[[float, int], float], rank: int, width: float) -> float:
    first, last = angle(0.0, rank), angle(width, rank)
    if first < 0.0 < last:
        return root_scalar(lambda t: angle(t, rank), bracket=(0.0, width), xtol=1e-7 * width, maxiter=20).root
    return 0.0 if abs(first) < abs(last) else width


def _check_normal(inverse: np.ndarray, coad: np.ndarray) -> None:
    """No momentum may stay along forbidden directions for all time: the largest such subspace must be zero."""
    hidden = np.eye(len(inverse))[:, inverse == 0.0]
    while hidden.shape[1]:
        leaves = coad @ hidden - hidden @ (hidden.T @ (coad @ hidden))
        _, singular, right = np.linalg.svd(leaves)
        rank = int(np.sum(singular > 1e-10 * max(1e-300, np.abs(coad).max()))) if leaves.size else 0
        if rank == 0:
            raise ValueError(
                "forbidden directions cannot be reached to first order from this line (it is abnormal): "
                "its conjugate times are not defined; use a large finite weight"
            )
        hidden = hidden @ right[rank:].T
