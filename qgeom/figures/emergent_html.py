"""An interactive view of geometries in space: one HTML file that opens offline, without any library.

The page (``emergent_view.html`` beside this module) is plain JavaScript on a canvas; the data stand in it as JSON. It
asks nothing of the network. Drag, touch or arrow keys turn, wheel or pinch zoom, hovering names a point.
"""

from __future__ import annotations

import html
import importlib.resources
import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qgeom.figures.emergent_data import GeometryData, data_of, positions

TEMPLATE = "emergent_view.html"
DIGITS = 6
"""Significant digits of what is drawn."""


def save_html(geometry: Any, path: str | os.PathLike[str], title: str = "") -> Path:
    """Write the view of one geometry, or of several by name, and return its path.

    Args:
        geometry: as :func:`qgeom.emergent.extract` returns it (with ``dimensions=3`` for a volume; two-dimensional
            curved embeddings stand on their sphere or hyperboloid), :class:`GeometryData`, or a mapping of names to
            these; the page has a menu of them.
        path: of the file, usually ``*.html``.
        title: of the page.

    Raises:
        ValueError: where an embedding was refused, with the reason, or there is nothing to show.
    """
    text = page(geometry, title)
    target = Path(path)
    target.write_text(text, encoding="utf-8")
    return target


def page(geometry: Any, title: str = "") -> str:
    """The text of the file that :func:`save_html` writes; arguments and errors as there."""
    given: Mapping[str, Any] = geometry if isinstance(geometry, Mapping) else {"geometry": geometry}
    if not given:
        raise ValueError("there is no geometry to show: give one or more")
    sides = {name: one if isinstance(one, GeometryData) else data_of(one) for name, one in given.items()}
    heading = title or "Emergent geometry"
    content = {"title": heading, "geometries": [_entry(str(name), data) for name, data in sides.items()]}
    # What stands in a script element ends at "</" whatever it means; "<" cannot stand there then.
    data = json.dumps(content, allow_nan=False, ensure_ascii=True, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    template = importlib.resources.files("qgeom.figures").joinpath(TEMPLATE).read_text(encoding="utf-8")
    before, after = template.split("@DATA@")
    return before.replace("@TITLE@", html.escape(heading)) + data + after


def _entry(name: str, data: GeometryData) -> dict[str, Any]:
    """One geometry, scaled into the unit ball about its middle."""
    at = positions(data, 3)
    at = at - 0.5 * (at.min(axis=0) + at.max(axis=0))
    at = at / max(float(np.max(np.linalg.norm(at, axis=1))), 1e-300)
    n = len(data.names)
    sensitivity = np.full(n, math.nan) if data.sensitivity is None else data.sensitivity
    facts = [["points", str(n)], ["edges", str(len(data.edges))], ["space", data.space]]
    if math.isfinite(data.stress):
        facts.append(["stress", f"{data.stress:.3f}"])
    for estimator, found in data.dimensions.items():
        shown = "refused" if isinstance(found, str) else f"{found[0]:.2f} [{found[1]:.2f}, {found[2]:.2f}]"
        facts.append([f"dimension, {estimator}", shown])
    return {
        "name": name,
        "relation": data.relation,
        "names": [str(one) for one in data.names],
        "points": [[_number(x) for x in row] for row in at],
        "edges": [[int(i), int(j)] for i, j in data.edges],
        "curvature": [_number(x) for x in data.curvature],
        "ofPoints": [_number(x) for x in data.of_points],
        "sensitivity": [_number(x) for x in sensitivity],
        "facts": facts,
    }


def _number(value: float) -> float | None:
    """Rounded to :data:`DIGITS`; None for what is not a number, which JSON cannot hold."""
    return float(f"{float(value):.{DIGITS}g}") if math.isfinite(value) else None
