"""Numbers, settings, dates and outcomes in words, the same on every page and in LaTeX."""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from qgeom.experiments.statistics import Verdict

OUTCOMES = ("supported", "refuted", "inconclusive", "calibration-pass", "calibration-fail")
SIGNS = {
    "supported": "✓",
    "refuted": "✗",
    "inconclusive": "?",
    "calibration-pass": "=",
    "calibration-fail": "≠",
}
"""Beside the colour of an outcome, which not everybody sees."""

QUANTUM, STATE, CLASSICAL = "circuit", "circuit, quantum Fisher", "network"
COLUMNS = (QUANTUM, STATE, CLASSICAL)
"""The columns of a comparison: like stands by like, classical Fisher by classical, the quantum one beside."""


def column_of(verdict: Verdict) -> str | None:
    """Which of :data:`COLUMNS` a verdict belongs to; None where it is of both sides, of a null or a control."""
    side = verdict.side.partition(",")[0].strip().lower()
    return {"circuit": QUANTUM, "circuit-quantum": STATE, "network": CLASSICAL, "classical": CLASSICAL}.get(
        side
    )


def is_claim(verdict: Verdict) -> bool:
    """Whether the verdict is of a claim, and not the check of an identity."""
    return not verdict.outcome.startswith("calibration")


def number(value: Any) -> str:
    """Four digits; words for what is not finite."""
    try:
        real = float(value)
    except (TypeError, ValueError):
        return str(value)
    if math.isnan(real):
        return "undefined"
    if math.isinf(real):
        return "∞" if real > 0 else "−∞"
    return f"{real:.4g}".replace("-", "−")


def interval(low: Any, high: Any) -> str:
    return f"[{number(low)}, {number(high)}]"


def p_value(verdict: Verdict) -> str:
    return "–" if math.isnan(verdict.p_value) else f"{verdict.p_value:.2g}"


def claimed(verdict: Verdict) -> str:
    """What T must keep for the claim to stand: ``> 0 + 0.2``."""
    null, margin = number(verdict.null), number(verdict.margin)
    if verdict.direction == "equal":
        return f"= {null} ± {margin}"
    beyond = {"greater": ("> ", " + "), "less": ("< ", " − ")}[verdict.direction]
    if not is_claim(verdict):  # an identity keeps its bound, give or take the margin
        beyond = {"greater": ("≥ ", " − "), "less": ("≤ ", " + ")}[verdict.direction]
    return f"{beyond[0]}{null}{beyond[1]}{margin}" if verdict.margin else f"{beyond[0]}{null}"


def setting(value: Any) -> str:
    """A setting as ``--set`` reads it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence) and not any(isinstance(part, Mapping | list) for part in value):
        return ", ".join(map(setting, value))
    if isinstance(value, Mapping | Sequence):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def command(words: Any) -> str:
    """A recorded command as a shell reads it."""
    if isinstance(words, list):
        return shlex.join(str(word) for word in words)
    return "" if words is None else str(words)


def duration(seconds: Any) -> str:
    """``42 s``, ``3 min``, ``2.5 h``."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return "–"
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def date(started: Any) -> str:
    """The day and the minute of an ISO date, as recorded; the text itself where it is none."""
    try:
        return f"{datetime.fromisoformat(str(started)):%Y-%m-%d %H:%M}"
    except ValueError:
        return str(started or "–")


def size(n_bytes: int) -> str:
    """``812 B``, ``2.7 MB``."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= scale:
            return f"{n_bytes / scale:.3g} {unit}"
    return f"{n_bytes} B"


def plain_name(text: str) -> str:
    """Lower-case letters, digits and hyphens: safe as the name of a file, in an address, and in LaTeX."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
