"""A progress bar with the remaining time on a terminal; nothing where the output is piped."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as _RichProgress


class Progress(Protocol):
    """What a long computation reports: the stage it is in, and each step done."""

    def stage(self, description: str, total: int) -> None:
        """Begin a stage of ``total`` steps; the stage before it is over."""
        ...

    def advance(self, steps: int = 1) -> None:
        """``steps`` more steps of the present stage are done."""
        ...


class Silent:
    """Reports nothing: the default of every computation."""

    def stage(self, description: str, total: int) -> None: ...

    def advance(self, steps: int = 1) -> None: ...


class _Bar:
    def __init__(self, display: _RichProgress) -> None:
        self._display = display
        self._task = None

    def stage(self, description: str, total: int) -> None:
        if self._task is not None:
            self._display.remove_task(self._task)
        self._task = self._display.add_task(description, total=total)

    def advance(self, steps: int = 1) -> None:
        if self._task is not None:
            self._display.advance(self._task, steps)


@contextmanager
def progress_bar(stream: TextIO | None = None) -> Iterator[Progress]:
    """A bar on ``stream`` (standard error) where that is a terminal, else :class:`Silent`.

    The bar disappears at the end, so that what stays on the terminal is the result.
    """
    target = sys.stderr if stream is None else stream
    if not target.isatty():
        yield Silent()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with _RichProgress(*columns, console=Console(file=target), transient=True) as display:
        yield _Bar(display)
