"""Patches of the hyperbolic tiling {5,4}: regular pentagons, four at every vertex, all angles right.

Geometry on the hyperboloid ``t^2 - x^2 - y^2 = 1``; a pentagon is reflected across its sides (Coxeter). Drawn in the
Poincare disc ``(x, y) / (1 + t)``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

Inflation = Literal["vertex", "edge"]

_SIDES, _AT_VERTEX = 5, 4
_SAME = 1e-6  # points of the disc nearer than this are one: the fourth shell's vertices are 1e-3 apart
_MAX_SHELLS = 4
_METRIC = np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True, eq=False)
class Tiling:
    """A patch of pentagons around a central one.

    Attributes:
        corners: float64 (tiles, 5, 2), the corners of each pentagon in the Poincare disc, in cyclic order.
        centres: float64 (tiles, 2); tile 0 is at the origin, then shell by shell, by angle.
        shells: int64 (tiles,), the shell of each tile; 0 is the centre.
        bonds: int64 (bonds, 4): tile, its side, the neighbouring tile, its side. Side k joins corners k and k + 1.
        boundary: int64 (legs, 2): tile and side of every free side, in order round the circle, anticlockwise.
    """

    corners: np.ndarray
    centres: np.ndarray
    shells: np.ndarray
    bonds: np.ndarray
    boundary: np.ndarray

    @property
    def n_tiles(self) -> int:
        """Number of pentagons."""
        return len(self.centres)


def pentagon_tiling(shells: int = 2, inflation: Inflation = "vertex") -> Tiling:
    """The central pentagon and the shells around it.

    Args:
        shells: number of shells, the centre included; 1 to 4.
        inflation: which pentagons make the next shell: all that touch the patch, if only in a corner (``"vertex"``:
            1, 11, 51, 201 pentagons with 5, 25, 95, 355 free sides), or those across its free sides (``"edge"``: 1, 6,
            21, 61 pentagons with 5, 20, 55, 145).

    Raises:
        ValueError: if the number of shells is not 1 to 4, or the inflation is unknown.
    """
    if not 1 <= shells <= _MAX_SHELLS:
        raise ValueError(f"shells must lie between 1 and {_MAX_SHELLS}; got {shells}")
    if inflation not in ("vertex", "edge"):
        raise ValueError(f"inflation must be 'vertex' or 'edge'; got {inflation!r}")
    tiles, levels = [_central()], [0]
    for shell in range(1, shells):
        grown = _across(tiles)
        if inflation == "vertex":
            inner = _disc(np.concatenate(tiles))
            grown += [
                t for t in _across(tiles + grown) if np.any(_nearest(_disc(t), inner) < _SAME)
            ]  # two steps round a corner
        grown.sort(key=_angle)
        tiles, levels = tiles + grown, levels + [shell] * len(grown)
    bonds, boundary = _sides(np.stack([_disc(t) for t in tiles]))
    return Tiling(
        corners=np.stack([_disc(t) for t in tiles]),
        centres=np.stack([_disc(_centre(t)) for t in tiles]),
        shells=np.array(levels, dtype=np.int64),
        bonds=bonds,
        boundary=boundary,
    )


def _central() -> np.ndarray:
    """Corners of the central pentagon, (5, 3); the midpoint of side 0 lies on the positive x axis."""
    cosh = 1.0 / (math.tan(math.pi / _SIDES) * math.tan(math.pi / _AT_VERTEX))
    sinh = math.sqrt(cosh * cosh - 1.0)
    angles = 2.0 * math.pi * (np.arange(_SIDES) - 0.5) / _SIDES
    return np.stack([np.full(_SIDES, cosh), sinh * np.cos(angles), sinh * np.sin(angles)], axis=1)


def _across(tiles: list[np.ndarray]) -> list[np.ndarray]:
    """The new pentagons across all sides of some."""
    known = np.stack([_disc(_centre(t)) for t in tiles])
    found: list[np.ndarray] = []
    for tile in tiles:
        for k in range(_SIDES):
            image = _reflected(tile, k)
            centre = _disc(_centre(image))
            if np.min(_nearest(centre[None], known)) > _SAME:
                known = np.concatenate([known, centre[None]])
                found.append(image)
    return found


def _reflected(tile: np.ndarray, side: int) -> np.ndarray:
    """The mirror image across a side, its corners anticlockwise again."""
    normal = _METRIC * np.cross(tile[side], tile[(side + 1) % _SIDES])
    normal = normal / math.sqrt(-float(normal @ (_METRIC * normal)))
    image = tile + 2.0 * (tile @ (_METRIC * normal))[:, None] * normal
    return image[::-1]


def _centre(tile: np.ndarray) -> np.ndarray:
    total = tile.sum(axis=0)
    return total / math.sqrt(float(total @ (_METRIC * total)))


def _disc(points: np.ndarray) -> np.ndarray:
    return points[..., 1:] / (1.0 + points[..., :1])


def _angle(tile: np.ndarray) -> float:
    return _turn(*_disc(_centre(tile)))


def _nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The distance of each point (m, 2) from the nearest of others (k, 2)."""
    return np.min(np.linalg.norm(points[:, None] - others[None], axis=-1), axis=1)


def _sides(corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Bonds (tile, side, tile, side), and the free sides in order round the patch."""
    flat = corners.reshape(-1, 2)
    close = np.linalg.norm(flat[:, None] - flat[None], axis=-1) < _SAME
    vertex = np.argmax(close, axis=1).reshape(corners.shape[:2])  # the first corner that is the same point
    holders: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for tile in range(len(corners)):
        for k in range(_SIDES):
            a, b = int(vertex[tile, k]), int(vertex[tile, (k + 1) % _SIDES])
            holders.setdefault((min(a, b), max(a, b)), []).append((tile, k))
    bonds = [(*pair[0], *pair[1]) for pair in holders.values() if len(pair) == 2]
    # Corners run anticlockwise, so that a free side leads from one boundary vertex to the next.
    follows = {}
    for pair in holders.values():
        if len(pair) == 1:
            tile, k = pair[0]
            follows[int(vertex[tile, k])] = (tile, k, int(vertex[tile, (k + 1) % _SIDES]))
    middle = {at: _middle_angle(corners[t], k) for at, (t, k, _) in follows.items()}
    at = min(middle, key=lambda v: middle[v])
    boundary = []
    for _ in range(len(follows)):
        tile, k, at = follows[at]
        boundary.append((tile, k))
    return np.array(bonds, dtype=np.int64).reshape(-1, 4), np.array(boundary, dtype=np.int64)


def _middle_angle(corners: np.ndarray, side: int) -> float:
    return _turn(*(corners[side] + corners[(side + 1) % _SIDES]))


def _turn(x: float, y: float) -> float:
    """The angle of a point in [0, 2 pi), rounded so that what lies on the axis, but for rounding, is at 0."""
    return round(math.atan2(y, x) % (2.0 * math.pi), 9) % round(2.0 * math.pi, 9)
