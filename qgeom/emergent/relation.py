"""A relation between nodes: how strongly each pair of points of G_Inf is tied, before it is called a distance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

TINY = 1e-12
"""Shares at or below this are rounding, and count as no relation."""


@dataclass(frozen=True)
class Relation:
    r"""A symmetric table of relations between n points.

    Attributes:
        kind: What is related, e.g. ``"mutual information of sites"``.
        names: One per point.
        values: (n, n) symmetric, float64, not negative, zero on the diagonal; in ``unit``.
        unit: Of the values, e.g. ``"nat"``; empty for a pure number.
        share: (n, n) symmetric: the values as a share of what is possible, in [0, 1]. How it follows from the values is
            said where the relation is made.
        power: 2 where the share is the square of an overlap, as the Fisher relation is, so that ``sqrt(share)`` is the
            overlap itself; else 1. The logarithmic distance is ``-ln(share) / power``.
        floor: Shares at or below count as no relation: rounding, or what finite data cannot tell from independence.
        spread: (n, n) standard error of ``share`` over the data, or None where there are no data.
        nodes: Which nodes of the description the points are, by their positions; None if the points are sites.
        hidden: Names of nodes that are left out because nothing is known about them (a vanishing Fisher block).
    """

    kind: str
    names: tuple[str, ...]
    values: np.ndarray
    unit: str
    share: np.ndarray
    power: int = 1
    floor: float = TINY
    spread: np.ndarray | None = None
    nodes: tuple[int, ...] | None = None
    hidden: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.names)
        if n < 2:
            raise ValueError(f"a relation needs at least 2 points, got {n} ({self.kind})")
        for name in ("values", "share"):
            table = getattr(self, name)
            if np.shape(table) != (n, n) or not np.all(np.isfinite(table)):
                raise ValueError(f"{name} must be a finite ({n}, {n}) table, got shape {np.shape(table)}")
            if not np.allclose(
                table, np.transpose(table), atol=1e-9 * max(1.0, float(np.max(np.abs(table))))
            ):
                raise ValueError(f"{name} must be symmetric")

    @property
    def size(self) -> int:
        """Number of points."""
        return len(self.names)

    @property
    def present(self) -> np.ndarray:
        """(n, n) bool: pairs whose share is above the floor."""
        found = self.share > self.floor
        np.fill_diagonal(found, False)
        return found

    def shuffled(self, rng: np.random.Generator) -> Relation:
        """The same values dealt to the pairs at random: a null model without any geometry."""
        rows, columns = np.triu_indices(self.size, 1)
        order = rng.permutation(len(rows))

        def dealt(table: np.ndarray) -> np.ndarray:
            out = np.zeros_like(table)
            out[rows, columns] = table[rows[order], columns[order]]
            return out + out.T

        spread = None if self.spread is None else dealt(self.spread)
        return replace(self, values=dealt(self.values), share=dealt(self.share), spread=spread)

    def __repr__(self) -> str:
        pairs = int(np.sum(self.present)) // 2
        return f"Relation({self.kind}, {self.size} points, {pairs} of {self.size * (self.size - 1) // 2} pairs related)"


def between_sites(
    kind: str, values: np.ndarray, unit: str, share: np.ndarray, names: Sequence[str], floor: float = TINY
) -> Relation:
    """A relation of sites: clipped to what is possible, with an empty diagonal."""

    def cleaned(table: np.ndarray, most: float) -> np.ndarray:
        out = np.clip(0.5 * (table + table.T), 0.0, most)
        np.fill_diagonal(out, 0.0)
        return out

    return Relation(kind, tuple(names), cleaned(values, np.inf), unit, cleaned(share, 1.0), floor=floor)
