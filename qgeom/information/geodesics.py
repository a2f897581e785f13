"""Geodesics, connection and curvature of any metric ``theta -> matrix``, by automatic differentiation.

With ``Gamma_kij = (d_i g_kj + d_j g_ki - d_k g_ij)/2`` a geodesic obeys ``theta''^k = - g^kl Gamma_lij theta'^i
theta'^j`` and keeps its speed. An information metric may have a kernel, where ``g^kl`` does not exist: geodesics are
then those of ``g + damping * (tr g / p) 1``, damping is part of every result, and the lengths reported are those in
``g`` itself. Without damping the inverse is the exact one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from qgeom.information.curves import Metric, action, length, matrix_function
from qgeom.information.fubini_study import safe_sqrt

SUBSTEPS = 8
"""Runge-Kutta steps per interval of a path in shooting."""


def christoffel(
    metric: Metric, theta: Float[Array, " p"], lowered: bool = False, damping: float = 0.0
) -> Float[Array, "p p p"]:
    """Christoffel symbols: ``Gamma^k_ij`` at ``[k, i, j]``, or ``Gamma_kij`` of the first kind if ``lowered``."""
    g = damped(matrix_function(metric), damping)
    derivative = jax.jacfwd(g)(theta)  # [i, j, k] = d_k g_ij
    first = 0.5 * (jnp.swapaxes(derivative, 1, 2) + derivative - jnp.transpose(derivative, (2, 0, 1)))
    if lowered:
        return first
    return jnp.linalg.solve(g(theta), first.reshape(theta.shape[0], -1)).reshape(first.shape)


def riemann(metric: Metric, theta: Float[Array, " p"], damping: float = 0.0) -> Float[Array, "p p p p"]:
    """``R^a_bcd = d_c Gamma^a_db - d_d Gamma^a_cb + Gamma^a_ce Gamma^e_db - Gamma^a_de Gamma^e_cb``."""

    def gamma(t: Array) -> Array:
        return christoffel(metric, t, damping=damping)

    symbols, derivative = gamma(theta), jax.jacfwd(gamma)(theta)  # derivative[a, d, b, c] = d_c Gamma^a_db
    turned = jnp.einsum("adbc->abcd", derivative)
    quadratic = jnp.einsum("ace,edb->abcd", symbols, symbols)
    return turned - jnp.swapaxes(turned, 2, 3) + quadratic - jnp.swapaxes(quadratic, 2, 3)


def scalar_curvature(metric: Metric, theta: Float[Array, " p"], damping: float = 0.0) -> Float[Array, ""]:
    """``g^bd R^a_bad``: twice the Gaussian curvature in two dimensions, ``p (p - 1) / r^2`` on a sphere."""
    g = damped(matrix_function(metric), damping)(theta)
    return jnp.trace(jnp.linalg.solve(g, ricci(metric, theta, damping)))


def ricci(metric: Metric, theta: Float[Array, " p"], damping: float = 0.0) -> Float[Array, "p p"]:
    """Ricci tensor ``R_bd = R^a_bad``: ``(p - 1) g / r^2`` on a sphere."""
    return jnp.einsum("abad->bd", riemann(metric, theta, damping))


def einstein(metric: Metric, theta: Float[Array, " p"], damping: float = 0.0) -> Float[Array, "p p"]:
    """Einstein tensor ``G_ab = R_ab - R g_ab / 2``; it vanishes identically in two dimensions."""
    g, curvature = damped(matrix_function(metric), damping)(theta), ricci(metric, theta, damping)
    return curvature - 0.5 * jnp.trace(jnp.linalg.solve(g, curvature)) * g


def damped(matrix: Callable[[Array], Array], damping: float) -> Callable[[Array], Array]:
    """``g + damping * (tr g / p) 1``."""
    if damping < 0.0:
        raise ValueError(f"damping must be zero or positive, not {damping}")
    if damping == 0.0:
        return matrix

    def shifted(theta: Array) -> Array:
        g = matrix(theta)
        p = g.shape[0]
        return g + (damping / p) * jnp.trace(g) * jnp.eye(p, dtype=g.dtype)

    return shifted


@dataclass(frozen=True)
class Geodesic:
    """A geodesic as it was found.

    Attributes:
        times: (k + 1,), from 0 to 1.
        path: parameters at these times, (k + 1, p).
        velocity: d theta / dt there, (k + 1, p).
        length: in the metric without damping.
        speed_drift: the largest relative deviation of the (damped) speed from its mean; an exact geodesic has none.
        residual: distance of the end from the one wanted, in parameter space; zero for initial values.
        converged: whether the solver met its tolerance.
        damping: relative damping of the metric.
        method: how it was found.
    """

    times: np.ndarray
    path: np.ndarray
    velocity: np.ndarray
    length: float
    speed_drift: float
    residual: float
    converged: bool
    damping: float
    method: str

    def __repr__(self) -> str:
        state = "converged" if self.converged else "NOT converged"
        return (
            f"Geodesic(length {self.length:.6g}, {state} by {self.method}, speed drift {self.speed_drift:.1g}, "
            f"end residual {self.residual:.1g}, damping {self.damping:g})"
        )


def initial_geodesic(
    metric: Metric,
    start: Float[Array, " p"],
    velocity: Float[Array, " p"],
    *,
    steps: int = 64,
    damping: float = 0.0,
    rtol: float = 1e-9,
    max_steps: int = 4096,
) -> Geodesic:
    """The geodesic from ``start`` with initial ``velocity``, for unit time.

    Args:
        metric: ``theta -> matrix`` or ``theta -> InformationMetric``.
        start: parameters at time 0.
        velocity: their derivative at time 0.
        steps: intervals between the saved points.
        damping: relative damping of the metric, needed where it has a kernel.
        rtol: relative tolerance of the integrator (Dormand-Prince 8(7)).
        max_steps: most steps of the integrator.
    """
    start, velocity = _checked(start, velocity)
    times, path, velocities, result = _shoot(metric, start, velocity, steps, damping, rtol, max_steps)
    return _described(
        metric,
        times,
        path,
        velocities,
        0.0,
        bool(result == diffrax.RESULTS.successful),
        damping,
        "initial value",
    )


def boundary_geodesic(
    metric: Metric,
    start: Float[Array, " p"],
    end: Float[Array, " p"],
    *,
    steps: int = 32,
    damping: float = 0.0,
    tolerance: float = 1e-8,
    max_iterations: int = 200,
    shooting: bool = True,
) -> Geodesic:
    """A geodesic between two parameter points: one that minimises the action, locally.

    First a discretised path with fixed ends is relaxed: its action is minimised by Newton's method, with the damping
    of Levenberg and Marquardt, from the straight line. Then its initial velocity is refined by shooting (Newton's
    method on the end point), which is exact up to the integrator. If shooting fails, near conjugate points or for long
    paths, the relaxed path is the result, and ``method`` says so.

    Args:
        metric: ``theta -> matrix`` or ``theta -> InformationMetric``.
        start: parameters at time 0.
        end: parameters at time 1.
        steps: intervals of the path, 2 or more.
        damping: relative damping of the metric, needed where it has a kernel.
        tolerance: of the end point, relative to the distance of the ends in parameter space.
        max_iterations: of the relaxation.
        shooting: whether to refine.
    """
    start, end = _checked(start, end)
    if steps < 2:
        raise ValueError(f"steps must be 2 or more, not {steps}")
    scale = float(jnp.linalg.norm(end - start))
    relaxed, relaxed_ok = _relax(metric, start, end, steps, damping, max_iterations)
    times = np.linspace(0.0, 1.0, steps + 1)
    velocities = jnp.asarray(
        np.gradient(np.asarray(relaxed), times, axis=0, edge_order=2 if steps > 1 else 1)
    )
    if shooting and scale > 0.0:
        path, shot, residual = _refine(metric, start, end, velocities[0], steps, damping, tolerance * scale)
        # Newton's method may land on another geodesic, once around the manifold: only a path as short will do.
        if residual <= tolerance * scale and float(action(metric, path)) <= 1.05 * float(
            action(metric, relaxed)
        ):
            return _described(metric, times, path, shot, residual, True, damping, "relaxation and shooting")
    return _described(metric, times, relaxed, velocities, 0.0, bool(relaxed_ok), damping, "relaxation")


def _checked(first: Any, second: Any) -> tuple[Array, Array]:
    first, second = jnp.asarray(first), jnp.asarray(second)
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"expected two flat vectors of one length, not shapes {first.shape} and {second.shape}"
        )
    return first, second.astype(first.dtype)


def _acceleration(metric: Metric, damping: float) -> Callable[[Any, Any, Any], Any]:
    matrix = damped(matrix_function(metric), damping)

    def field(_: Any, state: tuple[Array, Array], __: Any) -> tuple[Array, Array]:
        theta, velocity = state
        # Gamma_kij v^i v^j = (v.d g v)_k - d_k (v' g v)/2: two derivatives instead of p.
        g, along = jax.jvp(matrix, (theta,), (velocity,))
        gradient = jax.jacfwd(lambda t: velocity @ matrix(t) @ velocity)(theta)
        return velocity, -jnp.linalg.solve(g, along @ velocity - 0.5 * gradient)

    return field


@eqx.filter_jit
def _shoot(
    metric: Metric, start: Array, velocity: Array, steps: int, damping: float, rtol: float, max_steps: int
) -> tuple[Array, Array, Array, Any]:
    times = jnp.linspace(0.0, 1.0, steps + 1, dtype=start.dtype)
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(_acceleration(metric, damping)),
        diffrax.Dopri8(),
        t0=0.0,
        t1=1.0,
        dt0=None,
        y0=(start, velocity),
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.PIDController(rtol=rtol, atol=rtol),
        max_steps=max_steps,
        throw=False,
        adjoint=diffrax.ForwardMode(),
    )
    assert solution.ys is not None
    path, velocities = solution.ys
    return times, path, velocities, solution.result


@eqx.filter_jit
def _shoot_with_derivative(
    metric: Metric, start: Array, velocity: Array, steps: int, damping: float
) -> tuple[Array, Array, Array]:
    """Path and velocities of a shot, and the derivative of its end with respect to the initial velocity.

    By the classical Runge-Kutta method with fixed steps: a smooth function of the velocity, as Newton's method needs
    and an adaptive integrator is not. Its error shows in the speed drift.
    """
    field = _acceleration(metric, damping)
    h = 1.0 / (steps * SUBSTEPS)

    def advance(state: Any, by: float | Array, slope: Any) -> Any:
        return jax.tree.map(lambda y, k: y + by * k, state, slope)

    def substep(state: Any, _: Any) -> tuple[Any, None]:
        def stage(carry: Any, fractions: Array) -> tuple[Any, None]:
            slope, total = carry
            slope = field(None, advance(state, fractions[0], slope), None)
            return (slope, advance(total, fractions[1], slope)), None

        table = h * jnp.asarray([[0.0, 1 / 6], [1 / 2, 1 / 3], [1 / 2, 1 / 3], [1.0, 1 / 6]], start.dtype)
        return jax.lax.scan(stage, (jax.tree.map(jnp.zeros_like, state), state), table)[0][1], None

    def interval(state: Any, _: Any) -> tuple[Any, Any]:
        state = jax.lax.scan(substep, state, None, length=SUBSTEPS)[0]
        return state, state

    def shot(v: Array) -> tuple[Array, Array]:
        first = (start, v)
        path = jax.lax.scan(interval, first, None, length=steps)[1]
        return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, path)

    def push(direction: Array) -> tuple[tuple[Array, Array], Array]:
        values, (path, _) = jax.jvp(shot, (velocity,), (direction,))
        return values, path[-1]

    basis = jnp.eye(start.shape[0], dtype=start.dtype)
    (path, velocities), derivative = jax.vmap(push, out_axes=((None, None), 1))(basis)
    return path, velocities, derivative


def _refine(
    metric: Metric, start: Array, end: Array, velocity: Array, steps: int, damping: float, tolerance: float
) -> tuple[Array, Array, float]:
    """Newton's method on the initial velocity, steps halved while the end moves away: path, velocities, miss."""
    path, velocities, derivative = _shoot_with_derivative(metric, start, velocity, steps, damping)
    miss = float(jnp.linalg.norm(path[-1] - end))
    step, fraction = jnp.linalg.lstsq(derivative, end - path[-1])[0], 1.0
    while miss > tolerance and fraction > 1e-3:
        trial = _shoot_with_derivative(metric, start, velocity + fraction * step, steps, damping)
        trial_miss = float(jnp.linalg.norm(trial[0][-1] - end))
        if not trial_miss < miss:
            fraction *= 0.5
            continue
        velocity, miss, (path, velocities, derivative) = velocity + fraction * step, trial_miss, trial
        step, fraction = jnp.linalg.lstsq(derivative, end - path[-1])[0], 1.0
    return path, velocities, miss


@eqx.filter_jit
def _relax(
    metric: Metric, start: Array, end: Array, steps: int, damping: float, max_iterations: int
) -> tuple[Array, Array]:
    """Minimise the action of a discretised path between fixed ends, from the straight line."""
    matrix = damped(matrix_function(metric), damping)
    p, inner = start.shape[0], steps - 1
    straight = start + jnp.linspace(0.0, 1.0, steps + 1, dtype=start.dtype)[:, None] * (end - start)

    def segment(ends: Array) -> Array:
        chord = ends[p:] - ends[:p]
        return 0.5 * steps * (chord @ matrix(0.5 * (ends[:p] + ends[p:])) @ chord)

    def segments(path: Array) -> Array:
        return jnp.concatenate([path[:-1], path[1:]], axis=1)

    def total(path: Array) -> Array:
        return jnp.sum(jax.vmap(segment)(segments(path)))

    # The damping of a step: the action's Hessian in a flat metric of the same trace.
    laplacian = steps * (2.0 * jnp.eye(inner) - jnp.eye(inner, k=1) - jnp.eye(inner, k=-1)).astype(
        start.dtype
    )
    flat = jnp.kron(laplacian, jnp.eye(p, dtype=start.dtype)) * (jnp.trace(matrix(straight[steps // 2])) / p)
    first, second = jax.jacfwd(segment), jax.jacfwd(jax.jacfwd(segment))

    def iterate(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        path, mu, count, _ = carry
        gradients, hessians = jax.vmap(first)(segments(path)), jax.vmap(second)(segments(path))
        gradient = (gradients[:-1, p:] + gradients[1:, :p]).reshape(-1)
        blocks = jnp.zeros((inner, p, inner, p), path.dtype)
        i = jnp.arange(inner)
        blocks = blocks.at[i, :, i, :].add(hessians[:-1, p:, p:] + hessians[1:, :p, :p])
        blocks = blocks.at[i[:-1], :, i[1:], :].add(hessians[1:-1, :p, p:])
        blocks = blocks.at[i[1:], :, i[:-1], :].add(hessians[1:-1, p:, :p])
        hessian = blocks.reshape(inner * p, inner * p)
        step = -jnp.linalg.solve(hessian + mu * flat, gradient)
        trial = path.at[1:-1].add(step.reshape(inner, p))
        before, after = total(path), total(trial)
        better = after <= before
        done = better & (jnp.abs(gradient @ step) <= 1e-14 * before)
        mu = jnp.where(better, 0.2 * mu, 4.0 * jnp.maximum(mu, 1e-3))
        return jnp.where(better, trial, path), jnp.where(mu < 1e-6, jnp.zeros_like(mu), mu), count + 1, done

    def unfinished(carry: tuple[Array, Array, Array, Array]) -> Array:
        return ~carry[3] & (carry[2] < max_iterations) & (carry[1] < 1e12)

    one = jnp.ones((), start.dtype)
    carry = (straight, one, jnp.zeros((), jnp.int32), jnp.zeros((), bool))
    path, _, _, done = jax.lax.while_loop(unfinished, iterate, carry)
    return path, done


def _described(
    metric: Metric, times: Any, path: Array, velocities: Array, residual: float, converged: bool, damping: float,
    method: str,
) -> Geodesic:  # fmt: skip
    speeds, damped_speeds = _speeds(metric, path, velocities, damping)
    mean = float(jnp.mean(damped_speeds))
    drift = float(jnp.max(jnp.abs(damped_speeds - mean))) / mean if mean > 0.0 else 0.0
    # A shot has exact velocities, whose speed is (nearly) constant; a relaxed path has differences of points only.
    total = length(metric, path) if method == "relaxation" else jnp.trapezoid(speeds, jnp.asarray(times))
    return Geodesic(
        np.asarray(times), np.asarray(path), np.asarray(velocities), float(total), drift, residual, converged,
        damping, method,
    )  # fmt: skip


@eqx.filter_jit
def _speeds(metric: Metric, path: Array, velocities: Array, damping: float) -> tuple[Array, Array]:
    """Speeds in the metric itself and in the damped one."""
    matrix = matrix_function(metric)

    def speed(pair: tuple[Array, Array]) -> tuple[Array, Array]:
        theta, v = pair
        g = matrix(theta)
        squared = v @ g @ v
        return safe_sqrt(squared), safe_sqrt(squared + damping / theta.shape[0] * jnp.trace(g) * (v @ v))

    return jax.lax.map(speed, (path, velocities))
