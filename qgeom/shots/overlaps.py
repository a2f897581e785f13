r"""The quantum Fisher metric as second derivatives of overlaps, and the shifted angles at which they are wanted.

With ``f(theta') = |<psi(theta)|psi(theta')>|^2 = 1 - d' F d / 4 + ...`` (F = 4 Re Q)

    F_ij = -2 d_i d_j f   at theta' = theta,

and both derivatives by shift rules (Mari, Bromley and Killoran, PRA 103, 012405 (2021), Eq. 18): F is a sum of overlaps
with known weights, no step size, no bias. Terms whose shifts cancel are 1 and are not measured.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from jaxtyping import Array

from circuits.circuit import Circuit
from qgeom.shots.shift_rules import Occurrence, occurrences

DIGITS = 12
"""Shifts that agree to so many decimal places are one circuit."""


class OverlapRows(NamedTuple):
    """``F = constant + sum_r weights[r] overlap(theta, angles[r])``."""

    angles: np.ndarray
    """(rows, angles): where the second state is."""
    weights: np.ndarray
    """(rows, P, P), symmetric."""
    constant: np.ndarray
    """(P, P): the weights of overlaps that are 1."""


def overlap_rows(circuit: Circuit, angles: np.ndarray, x: Array | None = None) -> OverlapRows:
    """The overlaps that F is made of.

    Raises:
        ValueError: a parameter in a gate without a shift rule.
    """
    places = occurrences(circuit, x)
    p = circuit.n_parameters
    shifts: dict[tuple[tuple[int, float], ...], np.ndarray] = {}
    for a, first in enumerate(places):
        for second in places[a:]:
            for s, u in first.rule:
                for t, v in second.rule:
                    weight = -2.0 * first.factor * second.factor * u * v
                    matrix = shifts.setdefault(_key(first, s, second, t), np.zeros((p, p)))
                    matrix[first.parameter, second.parameter] += weight
                    if first is not second:
                        matrix[second.parameter, first.parameter] += weight
    constant = shifts.pop((), np.zeros((p, p)))
    rows = np.tile(angles, (len(shifts), 1))
    for row, moved in zip(rows, shifts, strict=True):
        for position, shift in moved:
            row[position] += shift
    return OverlapRows(rows, np.stack([*shifts.values()]) if shifts else np.zeros((0, p, p)), constant)


def _key(first: Occurrence, s: float, second: Occurrence, t: float) -> tuple[tuple[int, float], ...]:
    """Which angles are shifted by how much; what cancels is left out."""
    moved: dict[int, float] = {first.angle: s}
    moved[second.angle] = moved.get(second.angle, 0.0) + t
    return tuple(sorted((k, round(v, DIGITS)) for k, v in moved.items() if abs(v) > 1e-9))
