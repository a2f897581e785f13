"""A time budget and progress for long searches: both are told of every step, and the first may end it."""

from __future__ import annotations

import time
from typing import Protocol


class Reporter(Protocol):
    """What a search reports to, for instance the bar of :mod:`qgeom.progress`."""

    def stage(self, description: str, total: int) -> None: ...

    def advance(self, steps: int = 1) -> None: ...


class OutOfTime(Exception):
    """The budget is spent; what was found so far stands."""


class Watch:
    """Counts the seconds since it was made, compilation included."""

    def __init__(self, seconds: float | None, reporter: Reporter | None = None) -> None:
        if seconds is not None and not seconds > 0:
            raise ValueError(f"time_budget is in seconds and must be positive, not {seconds}")
        self._end = None if seconds is None else time.monotonic() + seconds
        self._reporter = reporter

    def stage(self, description: str, total: int) -> None:
        """Begin a stage of ``total`` steps."""
        self.check()
        if self._reporter is not None:
            self._reporter.stage(description, total)

    def tick(self) -> None:
        """One more step is done. Raises OutOfTime once the budget is spent."""
        if self._reporter is not None:
            self._reporter.advance()
        self.check()

    def check(self) -> None:
        """Raises OutOfTime once the budget is spent."""
        if self._end is not None and time.monotonic() > self._end:
            raise OutOfTime

    @property
    def spent(self) -> bool:
        """Whether the budget is spent."""
        return self._end is not None and time.monotonic() > self._end
