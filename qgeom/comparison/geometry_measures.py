"""What is measured of the geometry of a relation, and whether it differs from that of the same relation shuffled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from qgeom.emergent.dimension import dimension_table
from qgeom.emergent.distance_formulas import Formula
from qgeom.emergent.geometry import EmergentGeometry, geometry_of
from qgeom.emergent.mds import classical_mds
from qgeom.emergent.relation import Relation
from qgeom.emergent.sensitivity import Time

COINCIDE = 1e-9
"""A largest distance below this, in nats or as a share, is rounding: all points are one."""
DRAWS = 9999
"""Of the permutation test."""


class Quantity(NamedTuple):
    """A row of the table: its name in the data, and in words."""

    name: str
    label: str


DIMENSIONS = tuple(
    Quantity(f"dimension, {name}", f"dimension, {name}")
    for name in ("MDS spectrum", "correlation", "two nearest neighbours", "volume growth", "spectral")
)
QUANTITIES = (
    Quantity("points", "distinct points"),
    Quantity("triangles", "violated triangles (share)"),
    Quantity("negative_share", "negative eigenvalues (share)"),
    Quantity("stress", "stress in the plane"),
    Quantity("hyperbolicity", "Gromov delta / diameter"),
    Quantity("mean_curvature", "Ollivier curvature, mean by length"),
    Quantity("median_curvature", "Ollivier curvature, median"),
    *DIMENSIONS,
)
OF_NODES = (
    Quantity("arrow", "arrow of time"),
    Quantity("minimal_length", "minimal length, median"),
    Quantity("known_length", "minimal length, others known, median"),
    Quantity("unmeasured", "nodes nothing measures (share)"),
)
"""Beside the relations: of the metric, node by node."""
NODES = "nodes"
"""Their place among the relations."""
NAMES = tuple(q.name for q in (*QUANTITIES, *OF_NODES))

Found = dict[str, float | str]
"""By quantity: the number, or the reason why there is none."""


def of_relation(relation: Relation, formula: Formula) -> Found:
    """All of :data:`QUANTITIES` of a relation's geometry (geodesic closure, natural unit), or why not."""
    try:
        geometry = geometry_of(relation, formula)
    except ValueError as refusal:
        return {q.name: str(refusal) for q in QUANTITIES}
    finite = geometry.distances[np.isfinite(geometry.distances)]
    if float(np.max(finite, initial=0.0)) < COINCIDE:
        why = "all points coincide: every pair is joined by relations of the largest possible share"
        return {q.name: why for q in QUANTITIES}
    asks: dict[str, Callable[[], float]] = {
        "points": lambda: float(len(geometry.points)),
        "triangles": lambda: geometry.measured.triangles.share,
        "negative_share": lambda: geometry.negative_share,
        "stress": lambda: classical_mds(_between_points(geometry), 2).stress,
        "hyperbolicity": lambda: geometry.hyperbolicity.relative,
        "mean_curvature": lambda: _by_length(geometry),
        "median_curvature": lambda: float(np.median(_curvatures(geometry)[0])),
    }
    found: Found = {name: _asked(ask) for name, ask in asks.items()}
    try:
        table = dimension_table(_between_points(geometry), geometry.graph)
    except ValueError as refusal:
        return found | {q.name: str(refusal) for q in DIMENSIONS}
    for q in DIMENSIONS:
        value = table[q.name.removeprefix("dimension, ")]
        found[q.name] = value if isinstance(value, str) else float(value.value)
    return found


def of_nodes(time: Time, lengths: np.ndarray, known: np.ndarray) -> Found:
    """The arrow of time, and minimal lengths: medians of the finite ones, share of nodes without.

    Args:
        time: sensitivity of the nodes.
        lengths: minimal lengths, all other parameters unknown.
        known: the same where they are known.
    """
    finite, alone = lengths[np.isfinite(lengths)], known[np.isfinite(known)]
    return {
        "arrow": _asked(lambda: time.arrow),
        "minimal_length": float(np.median(finite)) if len(finite) else "no node can be measured",
        "known_length": float(np.median(alone)) if len(alone) else "no node can be measured",
        "unmeasured": float(np.mean(~np.isfinite(lengths))),
    }


def shuffled_arrow(time: Time, rng: np.random.Generator) -> Found:
    """The arrow of the same sensitivities dealt to the nodes at random."""
    dealt = Time(time.names, time.layer, rng.permutation(time.sensitivity))
    return {"arrow": _asked(lambda: dealt.arrow)}


def p_value(found: np.ndarray, shuffled: np.ndarray, seed: int = 0) -> float:
    """Probability of a mean over seeds as far out as the one found, if found and shuffled were the same.

    In every draw each seed takes one at random of its own value and those of its shuffles: a permutation test of the
    mean, two-sided about the mean of all, with :data:`DRAWS` draws. Refusals (NaN) are left out; a seed counts if it
    has a value and at least half of its shuffles have.

    Args:
        found: (S,).
        shuffled: (S, K).
        seed: of the draws.

    Returns:
        p >= 1 / (DRAWS + 1); NaN where no seed counts.
    """
    rows = [
        np.concatenate([[value], null[np.isfinite(null)]])
        for value, null in zip(found, shuffled, strict=True)
        if np.isfinite(value) and 2 * np.sum(np.isfinite(null)) >= max(len(null), 1)
    ]
    if not rows:
        return float("nan")
    rng = np.random.default_rng(seed)
    means = np.mean([row[rng.integers(0, len(row), DRAWS)] for row in rows], axis=0)
    centre = float(np.mean([row.mean() for row in rows]))
    far = abs(float(np.mean([row[0] for row in rows])) - centre)
    return float((1 + np.sum(np.abs(means - centre) >= far * (1.0 - 1e-9))) / (DRAWS + 1))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's correction for many tests at once (1979): corrected p values, NaN left out."""
    corrected = np.full(len(p_values), np.nan)
    known = np.flatnonzero(np.isfinite(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    worst = 0.0
    for rank, k in enumerate(order):
        worst = max(worst, min(1.0, float(p_values[k]) * (len(order) - rank)))
        corrected[k] = worst
    return corrected


def _by_length(geometry: EmergentGeometry) -> float:
    values, lengths = _curvatures(geometry)
    return float(np.average(values, weights=lengths))


def _curvatures(geometry: EmergentGeometry) -> tuple[np.ndarray, np.ndarray]:
    """Curvatures and lengths of the edges.

    The mean by length is ``1 - sum W_1 / sum d``. The plain mean, the same where edges are equally long, is ruled by
    the shortest of them: with ``d -> 0`` beside long ones, ``1 - W_1 / d`` has no bound below.
    """
    edges = geometry.curvature
    if not edges:
        raise ValueError("no edges, so no curvature")
    lengths = [geometry.graph.edges[edge]["distance"] for edge in edges]
    return np.array(list(edges.values()), float), np.array(lengths, float)


def _between_points(geometry: EmergentGeometry) -> np.ndarray:
    first = [members[0] for members in geometry.points]
    return geometry.measured.require_connected("this")[np.ix_(first, first)]


def _asked(ask: Callable[[], Any]) -> float | str:
    try:
        return float(ask())
    except ValueError as refusal:
        return str(refusal)
