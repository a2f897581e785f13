"""The error of a program that cannot be read."""

from __future__ import annotations

from typing import Any


class OpenQASMError(ValueError):
    """An OpenQASM program that is malformed, or means what a circuit here cannot: one line with its place.

    Attributes:
        line: line in the source, from 1.
        column: column in that line, from 1.
        reason: what is wrong, without the place.
    """

    line: int
    column: int
    reason: str

    def __init__(self, reason: str, line: int, column: int) -> None:
        super().__init__(f"line {line}, column {column}: {reason}")
        self.reason, self.line, self.column = reason, line, column

    def __reduce__(self) -> tuple[Any, ...]:
        return OpenQASMError, (self.reason, self.line, self.column)


class Refused(Exception):
    """Inside this package: what is wrong, and the offset in the source; becomes an `OpenQASMError`."""

    def __init__(self, reason: str, offset: int) -> None:
        super().__init__(reason)
        self.reason, self.offset = reason, offset


def shown(text: str, limit: int = 32) -> str:
    """A piece of the source for a message: short, on one line, quoted."""
    short = text if len(text) <= limit else text[: limit - 3] + "..."
    return repr(short)


def placed(refused: Refused, source: str) -> OpenQASMError:
    """The error with its line and column."""
    offset = min(max(refused.offset, 0), len(source))
    line = source.count("\n", 0, offset) + 1
    column = offset - source.rfind("\n", 0, offset)
    return OpenQASMError(refused.reason, line, column)
