r"""Shooting: the momentum whose geodesic ends at the target, by Newton's method with Jacobi fields.

The end moves by ``U^{-1} dU = J dL(0)`` (:mod:`qgeom.nielsen.jacobi`), so the step is ``J dL = r`` with r the
coefficients of ``U^{-1} V``. J is kept while it serves (chord steps) and made anew when convergence slows: by its
singular values, or above a thousand dimensions by regularised normal equations. Where J does not fit, the same equation
is solved matrix-free: GMRES on Jacobian-vector products of the flow (Newton-Krylov).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.linalg
import scipy.sparse.linalg
from jaxtyping import Array, Float

from circuits import memory
from qgeom.nielsen.flow import end_of, endpoint
from qgeom.nielsen.groups import Group
from qgeom.nielsen.jacobi import end_derivative, grid
from qgeom.nielsen.penalty import Penalty

DENSE = 1100
"""Largest dimension with a dense Jacobian: n = 5 has 1023."""
NORMAL_EQUATIONS, COPIES = 4200, 8.0
"""Largest dimension whose Jacobian is dense but not decomposed (n = 6 has 4095), if so many copies of it fit."""
LEAST_DAMPING = 1e-6
"""Of the normal equations, whose condition is that of J squared."""
REACHED = 1e-11
"""Flat distance from the target at which shooting stops."""

DAMPINGS = (0.0, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
"""Levenberg and Marquardt's damping relative to |J|, tried in turn where a Newton step overshoots."""


class Shot(NamedTuple):
    """A geodesic found by shooting.

    Attributes:
        momentum: L(0), (m,).
        misfit: Flat distance of its end from the target.
        iterations: Newton steps.
        steps: Steps of the flow.
        converged: Whether the misfit is below 1e-8.
    """

    momentum: np.ndarray
    misfit: float
    iterations: int
    steps: int
    converged: bool


def shoot(
    penalty: Penalty,
    target: Any,
    momentum: Float[Any, " m"],
    steps: int,
    iterations: int = 40,
    tick: Callable[[], None] | None = None,
) -> Shot:
    """Newton's method from a momentum near that of a geodesic to the target.

    Args:
        penalty: The metric.
        target: U at the end, (s, s).
        momentum: Start.
        steps: Steps of the flow, fixed.
        iterations: Most Newton steps.
        tick: Called after each; may raise to stop.
    """
    current, goal = np.asarray(momentum), np.asarray(target)
    residual, off = _miss(penalty, goal, current, steps)
    best = (off, current)
    solve = None
    count = 0
    while count < iterations and off > REACHED:
        count += 1
        fresh = solve is None
        if solve is None:
            solve = _solver(penalty, jnp.asarray(current), steps)
        trial, following, distance = current, residual, np.inf
        # A new derivative is worth shorter steps, an old one is not: it is made anew.
        for damping in DAMPINGS if fresh else DAMPINGS[:1]:
            change = solve(residual, damping)
            limit = 0.5 * np.linalg.norm(current) + 1e-12
            trial = current + change * min(1.0, limit / max(float(np.linalg.norm(change)), 1e-300))
            if not np.all(np.isfinite(trial)):
                continue
            following, distance = _miss(penalty, goal, trial, steps)
            if distance < 0.95 * off:
                break
        if not distance < 0.95 * off:
            if fresh:
                break
            solve = None
            continue
        slow = distance > 0.2 * off
        current, residual, off = trial, following, distance
        if off < best[0]:
            best = (off, current)
        if slow:
            solve = None
        if tick is not None:
            tick()
    return Shot(best[1], best[0], count, steps, best[0] < 1e-8)


def _solver(penalty: Penalty, momentum: Array, steps: int) -> Callable[[np.ndarray, float], np.ndarray]:
    """``(r, damping)`` to the change of momentum: ``J^T (J J^T + (damping |J|)^2)^{-1} r``, or a short GMRES step."""
    group = penalty.group
    m = group.dimension
    count = max(20, grid(penalty, momentum, 1.0) // 2)
    if m <= DENSE:
        j = np.asarray(end_derivative(penalty, momentum, steps=count))
        left, values, right = scipy.linalg.svd(j, check_finite=False)
        kept = values > 1e-9 * values[0]  # families of geodesics (symmetries of the target) leave a kernel

        def dense(r: np.ndarray, damping: float) -> np.ndarray:
            filtered = np.where(kept, values / (values**2 + (damping * values[0]) ** 2 + 1e-300), 0.0)
            return right.T @ (filtered * (left.T @ r))

        return dense

    if m <= NORMAL_EQUATIONS and 8.0 * COPIES * m**2 < memory.available_bytes():
        return _regularised(
            np.asarray(end_derivative(penalty, momentum, steps=max(20, grid(penalty, momentum, 1.0) // 2)))
        )

    def product(v: np.ndarray) -> np.ndarray:
        return np.array(
            _pushed(group, penalty.inverse, momentum, jnp.asarray(v), steps)
        )  # GMRES writes into it

    operator = scipy.sparse.linalg.LinearOperator((m, m), matvec=product, dtype=np.float64)  # pyright: ignore
    known: list[np.ndarray] = []

    def krylov(r: np.ndarray, damping: float) -> np.ndarray:
        if damping == 0.0 or not known:
            known[:] = [scipy.sparse.linalg.gmres(operator, r, rtol=1e-3, restart=60, maxiter=3)[0]]
        return known[0] * min(1.0, 0.01 / max(damping, 1e-300)) if damping else known[0]

    return krylov


def _regularised(j: np.ndarray) -> Callable[[np.ndarray, float], np.ndarray]:
    """``J^T (J J^T + mu^2)^{-1} r`` by Cholesky: where a singular value decomposition would take minutes."""
    gram = j @ j.T
    largest: Any = scipy.sparse.linalg.eigsh(gram, 1, return_eigenvectors=False, tol=1e-2)  # pyright: ignore
    size = float(np.sqrt(largest[0]))
    factors: dict[float, Any] = {}

    def solve(r: np.ndarray, damping: float) -> np.ndarray:
        if damping not in factors:
            shifted = gram.copy()
            shifted[np.diag_indices_from(shifted)] += (max(damping, LEAST_DAMPING) * size) ** 2
            factors.clear()
            factors[damping] = scipy.linalg.cho_factor(shifted, overwrite_a=True, check_finite=False)
        return j.T @ scipy.linalg.cho_solve(factors[damping], r, check_finite=False)

    return solve


def _miss(penalty: Penalty, target: np.ndarray, momentum: np.ndarray, steps: int) -> tuple[np.ndarray, float]:
    """Coefficients of ``U^{-1} V``, and its flat distance from the identity."""
    group = penalty.group
    off = group.inverse(end_of(group, penalty.inverse, jnp.asarray(momentum), steps)) @ target
    residual = np.asarray(group.residual(off))
    misfit = float(group.misfit(off))
    # Far away the linear residual saturates; near by the misfit has lost half its digits.
    distance = max(float(np.linalg.norm(residual)), misfit**0.5 if misfit > 1e-6 else 0.0)
    return residual, distance


@functools.partial(jax.jit, static_argnums=(0, 4))
def _pushed(group: Group, inverse: Array, momentum: Array, v: Array, steps: int) -> Array:
    u, tangent = jax.jvp(lambda p: endpoint(group, inverse, p, 1.0, steps), (momentum,), (v,))
    return group.coefficients(group.inverse(u) @ tangent)
