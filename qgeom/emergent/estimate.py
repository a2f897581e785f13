"""A number that says how sure it is."""

from __future__ import annotations

import math
from typing import NamedTuple


class Estimate(NamedTuple):
    """An estimate with its 95% interval.

    ``low`` and ``high`` bound the interval (infinite where the data do not bound that side); ``method`` names the
    estimator, as tables and figures show it.
    """

    value: float
    low: float
    high: float
    method: str

    def contains(self, value: float) -> bool:
        """Whether the interval contains ``value``."""
        return self.low <= value <= self.high

    def __float__(self) -> float:
        """The value alone."""
        return float(self.value)

    def __str__(self) -> str:
        """``1.98 [1.85, 2.12]``, as in tables."""
        low, high = (f"{x:.3g}" if math.isfinite(x) else str(x) for x in (self.low, self.high))
        return f"{self.value:.3g} [{low}, {high}]"
