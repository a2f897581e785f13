r"""Closed forms on one qubit: SU(2) up to phase with weights (a, a, b), a Berger sphere.

Let Z be the axis (any other by cyclic naming), ``a`` the weight of X and Y, ``b`` that of Z, ``kappa = a / b``. The
momentum ``L = a (h_x X + h_y Y) + b h_z Z`` obeys ``L' = -i[H, L]``; ``L_z`` is constant and ``L`` turns about Z, so
that with ``v = L(0) / a`` (Euler's symmetric top: Arnold 1966; Milnor 1976, section 4; Brown and Susskind,
arXiv:1903.12621, for the complexity metric)

    U(t) = exp(-i c t Z) exp(-i t v.sigma),   c = (kappa - 1) v_z,
    length = t sqrt(a) sqrt(v_x^2 + v_y^2 + kappa v_z^2).

``kappa = 0`` is the sub-Riemannian limit ``b = inf``, with the same formula.

**All geodesics to a target.** Scale the target to determinant 1 and let ``r = |r| exp(-i phi)`` be its upper left entry
(phi modulo pi, since the phase is ignored), ``s = sqrt(1 - |r|^2)``, ``V = t|v|``, ``nu = v_z/|v|``. Then ``|sin V|
sqrt(1 - nu^2) = s`` is solved by one angle tau on a circle,

    V = (k + 1/2) pi + delta,   sin delta = |r| sin tau,   nu cos delta = |r| cos tau,

and the phase gives one equation, ``(kappa - 1) nu V + tau + pi/2 = phi (mod pi)``.

**Only k = 0 can be shortest.** At ``V = pi`` the end is ``-exp(-i c Z)`` whatever the direction of ``(v_x, v_y)``: a
circle of geodesics of one length meets there, and none of them is shortest beyond it. So ``V <= pi``, the list of
roots is finite and the shortest of them is the distance. A target on the axis is reached by the straight line or at
``V = pi`` exactly:

    length^2 = min( b phi^2,  a pi^2 - a (pi - |phi|)^2 / (1 - kappa)  where |phi| >= kappa pi ),   |phi| <= pi/2.

**Conjugate times.** The derivative of the end point with respect to v has determinant (up to a positive factor)

    sin(V) [ (1 + (kappa - 1) nu^2) sin V + (kappa - 1)(1 - nu^2) V cos V ] / V^2,

from ``(exp(ad) - 1)/ad`` plus a matrix of rank one: conjugate at ``V = k pi`` and where ``tan V`` equals ``(1 -
kappa)(1 - nu^2) V / (1 - (1 - kappa) nu^2)``. Along Z both coincide: ``t = k pi a / (b |h_z|)``, twice each.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import root_scalar

from qgeom.nielsen.groups import PauliGroup
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.strings import anticommute, string_index

ON_AXIS = 1e-10
"""Below this distance from the axis a target counts as on it (the length changes by as little)."""

_GRID = 4096


class OneQubitGeodesic(NamedTuple):
    """A shortest path on one qubit.

    Attributes:
        length: Its length.
        controls: Initial coefficients (h_x, h_y, h_z) of H, for unit time.
        momentum: ``(w_x h_x, ...)``; where the axis is forbidden its component is not given by the controls.
        unique: False if another direction is as short (the cut locus).
    """

    length: float
    controls: np.ndarray
    momentum: np.ndarray
    unique: bool


def axisymmetric_length(target: Any, transverse: float, axial: float, axis: str = "Z") -> float:
    """Distance of a 2x2 unitary from the identity for weights ``axial`` on one axis and ``transverse`` on the others.

    Args:
        target: (2, 2) unitary; its phase is ignored.
        transverse: Weight a of the two other Pauli matrices, positive; ``inf`` allows turns about the axis only.
        axial: Weight b of the axis, positive; ``inf`` is the sub-Riemannian limit.
        axis: ``"X"``, ``"Y"`` or ``"Z"``.

    Returns:
        The length, exact to rounding (all geodesics with ``V <= pi`` are enumerated); ``inf`` if there is no path.

    Raises ValueError for a target that is not a (2, 2) unitary, weights that are not positive, or an unknown axis.
    """
    return axisymmetric_geodesic(target, transverse, axial, axis).length


def axisymmetric_geodesic(target: Any, transverse: float, axial: float, axis: str = "Z") -> OneQubitGeodesic:
    """The shortest path of :func:`axisymmetric_length`, with its initial controls.

    Same arguments and errors. On the cut locus one of the shortest paths is returned and ``unique`` is False.
    """
    _check_weights(transverse, axial)
    order = _order(axis)
    w0, w = _quaternion(target)
    length, velocity, momentum, unique = _shortest(w0, w[order], float(transverse), float(axial))
    return OneQubitGeodesic(length, velocity[np.argsort(order)], momentum[np.argsort(order)], unique)


def axial_length(angle: float, transverse: float, axial: float) -> float:
    r"""Distance of ``exp(-i angle Z)`` from the identity for weights (a, a, b) = (transverse, transverse, axial).

    With phi the distance of ``angle`` from the nearest multiple of pi: ``sqrt(b) phi`` up to :func:`axial_cut`, then
    ``sqrt(a pi^2 - a (pi - phi)^2 / (1 - a/b))``. Both weights positive; either may be infinite.
    """
    _check_weights(transverse, axial)
    phi = abs(math.remainder(angle, math.pi))
    if phi == 0.0:
        return 0.0
    kappa = _ratio(transverse, axial)
    if phi <= axial_cut(transverse, axial):
        return math.sqrt(axial) * phi
    return math.sqrt(transverse * (math.pi**2 - (math.pi - phi) ** 2 / (1.0 - kappa)))


def axial_cut(transverse: float, axial: float) -> float:
    """The angle up to which ``exp(-i angle Z)`` is shortest: ``min(pi/2, pi a/b)``.

    At ``pi/2`` the line meets its opposite (phase is ignored); at ``pi a/b``, which comes first for b > 2a, its first
    conjugate point. Zero for b = inf.
    """
    _check_weights(transverse, axial)
    return min(math.pi / 2.0, math.pi * _ratio(transverse, axial))


def axisymmetric_conjugate_times(
    momentum: Any, transverse: float, axial: float, time: float = 1.0, axis: str = "Z"
) -> np.ndarray:
    """Conjugate times in (0, time] of the geodesic with this initial momentum, in order and with multiplicity.

    Args:
        momentum: ``(w_x h_x, w_y h_y, w_z h_z)``, (3,); momentum rather than controls, so that ``axial = inf`` works.
        transverse: Weight of the two other axes, finite.
        axial: Weight of the axis; ``inf`` allowed.
        time: Length of the interval.
        axis: ``"X"``, ``"Y"`` or ``"Z"``.

    Returns:
        Times, (c,), float64; see the head of this file for the derivation.
    """
    _check_weights(transverse, axial)
    if not math.isfinite(transverse):
        raise ValueError(
            "the transverse weight must be finite: turns about one axis alone have no conjugate points"
        )
    v = np.asarray(momentum, float)
    if v.shape != (3,):
        raise ValueError(f"expected a momentum of three components, got shape {v.shape}")
    v = v[_order(axis)] / transverse
    speed = float(np.linalg.norm(v))
    kappa = _ratio(transverse, axial)
    if speed == 0.0 or (kappa == 0.0 and np.all(v[:2] == 0.0)):
        raise ValueError("the momentum moves nothing: pass one whose controls are not zero")
    nu2 = (v[2] / speed) ** 2
    largest = speed * time * (1.0 + 1e-12)
    first = [k * math.pi for k in range(1, int(largest / math.pi) + 1)]
    # sin V = slope V cos V; equal to V = k pi where the slope is zero, and then counted twice.
    slope = (1.0 - kappa) * (1.0 - nu2) / (1.0 - (1.0 - kappa) * nu2)
    second = _tangents(slope, largest)
    return np.sort(np.asarray(first + second)) / speed


def _tangents(slope: float, largest: float) -> list[float]:
    """Positive roots of ``sin V = slope V cos V`` up to ``largest``, for ``slope <= 1``: one in each half turn."""
    roots = []
    k = 0 if slope < 0.0 else 1
    while True:
        # slope < 0: between (k + 1/2) pi and (k + 1) pi; otherwise from k pi to (k + 1/2) pi.
        low, high = (
            ((k + 0.5) * math.pi, (k + 1.0) * math.pi) if slope < 0.0 else (k * math.pi, (k + 0.5) * math.pi)
        )
        if low > largest:
            return roots
        if slope == 0.0:
            root = low
        else:
            root = root_scalar(
                lambda x: math.sin(x) - slope * x * math.cos(x), bracket=(low, high), xtol=1e-14
            ).root
        if root <= largest:
            roots.append(root)
        k += 1


def axisymmetric(penalty: Penalty, strings: Sequence[str] | None = None) -> tuple[float, float, str] | None:
    """``(transverse, axial, axis)`` if the metric has an axis of symmetry on one qubit or on an su(2) of strings.

    Args:
        penalty: A metric on PauliGroup(1), or on any PauliGroup if ``strings`` is given.
        strings: Three Pauli strings with ``s1 s2 = +- i s3``, which play the role of X, Y, Z.

    Returns:
        The weights, with ``axis`` the string that has its own; ``None`` if all three weights differ. Equal weights
        give the last string. Raises ValueError if the strings are no su(2) triple, or if none are given where the
        group is not that of one qubit.
    """
    if strings is None:
        if not isinstance(penalty.group, PauliGroup) or penalty.group.n_qubits != 1:
            raise ValueError(
                "the metric is not on one qubit: pass three strings that span an su(2), e.g. ('ZXI', 'IYZ', 'ZZZ')"
            )
        strings = ("X", "Y", "Z")
    weights = _triple(penalty, strings)
    for k in (2, 1, 0):
        first, second = (weights[j] for j in range(3) if j != k)
        if first == second:
            return first, weights[k], strings[k]
    return None


def triple_bound(penalty: Penalty, strings: Sequence[str], angle: float) -> float:
    """Upper bound on the length of ``exp(-i angle s3)`` from paths inside the SU(2) of three strings.

    Exact within that SU(2) if two of the three weights agree. Otherwise the smaller of two weights is raised to the
    larger, which lengthens every path, in each of the three ways; the best bound is returned.

    Args:
        penalty: A metric on a PauliGroup.
        strings: ``(s1, s2, s3)`` with ``s1 s2 = +- i s3``, e.g. ``("ZXI", "IYZ", "ZZZ")``.
        angle: Any real number; the phase is ignored, so it counts modulo pi.

    Returns:
        The bound; ``inf`` if the three weights allow no path. Raises ValueError if the strings are no su(2) triple.
    """
    w1, w2, w3 = _triple(penalty, strings)
    target = np.diag(np.exp([-1j * angle, 1j * angle]))
    bounds = [_length(target, max(w1, w2), w3, "Z")]
    if w1 != w2:  # s1 is the odd one out and plays X, or s2 does
        bounds += [_length(target, max(w2, w3), w1, "X"), _length(target, max(w1, w3), w2, "Y")]
    return min(bounds)


def string_bound(penalty: Penalty, string: str, angle: float) -> float:
    """The best :func:`triple_bound` of ``exp(-i angle s)`` over all su(2) triples that hold the string s.

    Args:
        penalty: A metric on a PauliGroup.
        string: s, any string but the identity.
        angle: Any real number, counted modulo pi.

    Returns:
        The bound, at most ``sqrt(w_s) |angle|`` for ``|angle| <= pi/2``. Raises ValueError if s is no Pauli string.
    """
    group = _pauli(penalty)
    weights = np.concatenate([[0.0], np.asarray(penalty.weights)])
    s = string_index(string, group.n_qubits)
    t = np.flatnonzero(anticommute(np.asarray(s), np.arange(len(weights))))
    t = t[t < t ^ s]
    pairs = np.sort(np.stack([weights[t], weights[t ^ s]], axis=1), axis=1)
    _, first = np.unique(pairs, axis=0, return_index=True)  # the bound knows a triple by its weights
    names = group.names
    return min(triple_bound(penalty, (names[k - 1], names[(k ^ s) - 1], string), angle) for k in t[first])


def _length(target: np.ndarray, transverse: float, axial: float, axis: str) -> float:
    if not (math.isfinite(transverse) or math.isfinite(axial)):
        return math.inf
    return axisymmetric_length(target, transverse, axial, axis)


def _pauli(penalty: Penalty) -> PauliGroup:
    if not isinstance(penalty.group, PauliGroup):
        raise ValueError(
            f"expected a metric on Pauli strings (PauliGroup), got one on {type(penalty.group).__name__}"
        )
    return penalty.group


def _triple(penalty: Penalty, strings: Sequence[str]) -> tuple[float, float, float]:
    group = _pauli(penalty)
    if len(strings) != 3:
        raise ValueError(f"expected three Pauli strings, got {len(strings)}")
    a, b, c = (string_index(s, group.n_qubits) for s in strings)
    if a ^ b != c or not anticommute(np.asarray(a), np.asarray(b)):
        raise ValueError(
            f"{', '.join(strings)} span no su(2): expected s1 s2 = +i s3 or -i s3, e.g. 'ZXI', 'IYZ', 'ZZZ'"
        )
    weights = np.asarray(penalty.weights)
    return float(weights[a - 1]), float(weights[b - 1]), float(weights[c - 1])


def _check_weights(transverse: float, axial: float) -> None:
    for name, weight in (("transverse", transverse), ("axial", axial)):
        if not weight > 0.0:
            raise ValueError(
                f"the {name} weight is {weight}; it multiplies squares of controls and must be positive"
            )
    if math.isinf(transverse) and math.isinf(axial):
        raise ValueError("both weights are infinite: no direction is left to move in")


def _ratio(transverse: float, axial: float) -> float:
    return 0.0 if math.isinf(axial) else transverse / axial


def _order(axis: str) -> np.ndarray:
    """Cyclic order of X, Y, Z that puts the axis last: an automorphism of the algebra."""
    if axis not in ("X", "Y", "Z"):
        raise ValueError(f"the axis must be 'X', 'Y' or 'Z', not {axis!r}")
    return np.roll(np.arange(3), -("XYZ".index(axis) + 1))


def _quaternion(target: Any) -> tuple[float, np.ndarray]:
    """``w0, w`` of ``target = phase (w0 - i w.sigma)``."""
    u = np.asarray(target, complex)
    if u.shape != (2, 2):
        raise ValueError(f"expected a 2 x 2 unitary, got shape {u.shape}")
    off = np.linalg.norm(u.conj().T @ u - np.eye(2), 2)
    if off > 1e-6:
        raise ValueError(
            f"the target is not unitary: |U'U - 1| = {off:.2g} (operator norm), expected below 1e-6"
        )
    u = u / np.sqrt(np.linalg.det(u))
    q = np.asarray(
        [
            (u[0, 0] + u[1, 1]).real,
            -(u[0, 1] + u[1, 0]).imag,
            (u[1, 0] - u[0, 1]).real,
            (u[1, 1] - u[0, 0]).imag,
        ]
    )
    q = q / np.linalg.norm(q)
    return float(q[0]), q[1:]


def _shortest(w0: float, w: np.ndarray, a: float, b: float) -> tuple[float, np.ndarray, np.ndarray, bool]:
    """Length, controls, momentum, uniqueness for the axis Z."""
    s = math.hypot(w[0], w[1])
    phi = math.remainder(math.atan2(w[2], w0), math.pi)
    if s < ON_AXIS:
        return _on_axis(phi, a, b)
    if math.isinf(a):
        return math.inf, np.full(3, np.nan), np.full(3, np.nan), True
    kappa = _ratio(a, b)
    tau = _roots(math.hypot(w0, w[2]), s, phi, kappa)
    V, nu = _speed_and_slant(tau, math.hypot(w0, w[2]), s)
    squares = V**2 * (1.0 - nu**2 + kappa * nu**2)
    best = int(np.argmin(squares))
    length = math.sqrt(a * squares[best])
    V, nu = float(V[best]), float(nu[best])
    # The end's lower left entry is -i sin(V) sqrt(1 - nu^2) exp(i psi + i c), the target's -i (w_x + i w_y) up to sign.
    c = (kappa - 1.0) * nu * V
    end = np.exp(-1j * c) * (math.cos(V) - 1j * nu * math.sin(V))
    same = (end * complex(w0, w[2])).real >= 0.0
    psi = math.atan2(w[1], w[0]) - c + (0.0 if same else math.pi)
    unique = _is_unique(squares, tau, best) and math.hypot(w0, w[2]) > ON_AXIS
    return length, *_initial(V, nu, psi, a, b), unique


def _initial(V: float, nu: float, psi: float, a: float, b: float) -> tuple[np.ndarray, np.ndarray]:
    off = V * math.sqrt(max(0.0, 1.0 - nu**2))
    momentum = a * np.asarray([off * math.cos(psi), off * math.sin(psi), V * nu])
    controls = momentum / np.asarray([a, a, b])
    return controls, momentum


def _is_unique(squares: np.ndarray, tau: np.ndarray, best: int) -> bool:
    as_short = squares <= squares[best] * (1.0 + 1e-9)
    apart = np.abs(np.angle(np.exp(1j * (tau - tau[best])))) > 1e-4
    return not bool(np.any(as_short & apart))


def _on_axis(phi: float, a: float, b: float) -> tuple[float, np.ndarray, np.ndarray, bool]:
    length = axial_length(phi, a, b)
    if phi == 0.0:
        return 0.0, np.zeros(3), np.zeros(3), True
    if abs(phi) <= axial_cut(a, b) + 1e-15 or math.isinf(a):
        if math.isinf(b):
            return math.inf, np.full(3, np.nan), np.full(3, np.nan), True
        controls = np.asarray([0.0, 0.0, phi])
        return length, controls, b * controls, abs(phi) < math.pi / 2 - 1e-12
    # V = pi and (kappa - 1) nu pi = phi -+ pi: the circle of directions psi gives one length.
    kappa = _ratio(a, b)
    nu = (math.copysign(math.pi, phi) - phi) / ((1.0 - kappa) * math.pi)
    return length, *_initial(math.pi, nu, 0.0, a, b), False


def _speed_and_slant(tau: np.ndarray, r: float, s: float) -> tuple[np.ndarray, np.ndarray]:
    """V and nu at angles tau of the circle of k = 0."""
    cos_delta = np.sqrt(s**2 + (r * np.cos(tau)) ** 2)
    delta = np.arctan2(r * np.sin(tau), cos_delta)
    return math.pi / 2.0 + delta, r * np.cos(tau) / cos_delta


def _roots(r: float, s: float, phi: float, kappa: float) -> np.ndarray:
    """All tau with ``(kappa - 1) nu V + tau + pi/2 = phi (mod pi)``."""

    def phase(tau: np.ndarray) -> np.ndarray:
        V, nu = _speed_and_slant(tau, r, s)
        return (kappa - 1.0) * nu * V + tau + (math.pi / 2.0 - phi)

    def slope(tau: np.ndarray) -> np.ndarray:
        V, nu = _speed_and_slant(tau, r, s)
        cos2 = s**2 + (r * np.cos(tau)) ** 2
        dV = r * np.cos(tau) / np.sqrt(cos2)
        dnu = -r * np.sin(tau) * s**2 / cos2**1.5
        return 1.0 + (kappa - 1.0) * (nu * dV + V * dnu)

    # nu turns from 1 to -1 within s of tau = +-pi/2: points gather there.
    near = np.geomspace(1e-4 * s, math.pi / 2.0, _GRID // 8)
    quarter = math.pi / 2.0
    tau = np.unique(
        np.concatenate(
            [np.linspace(-math.pi, math.pi, _GRID + 1)]
            + [centre + sign * near for centre in (-quarter, quarter) for sign in (-1.0, 1.0)]
        )
    )
    tau = tau[(tau >= -math.pi) & (tau <= math.pi)]
    slopes = slope(tau)
    turning = np.flatnonzero(slopes[:-1] * slopes[1:] < 0.0)
    extrema = _bisect(slope, tau[turning], tau[turning + 1], np.zeros(len(turning)))
    tau = np.sort(np.concatenate([tau, extrema]))  # between neighbours the phase is now monotone
    values = phase(tau) / math.pi
    margin = 1e-13 * np.maximum(1.0, np.abs(values))
    low, high = (
        np.minimum(values[:-1], values[1:]) - margin[1:],
        np.maximum(values[:-1], values[1:]) + margin[1:],
    )
    first, last = np.ceil(low), np.floor(high)
    counts = np.maximum(0, last - first + 1).astype(int)
    where = np.repeat(np.arange(len(counts)), counts)
    multiple = first[where] + (np.arange(len(where)) - np.repeat(np.cumsum(counts) - counts, counts))
    return _bisect(phase, tau[where], tau[where + 1], math.pi * multiple)


def _bisect(function: Any, low: np.ndarray, high: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Roots of ``function = value`` in brackets, all at once; the better end where there is no change of sign."""
    low, high = low.copy(), high.copy()
    rising = function(high) > function(low)
    for _ in range(60):
        middle = 0.5 * (low + high)
        right = (function(middle) < value) == rising
        low, high = np.where(right, middle, low), np.where(right, high, middle)
    return 0.5 * (low + high)
