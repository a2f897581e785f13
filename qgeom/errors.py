"""What the user is told when a request cannot be met, and the exit code that goes with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

DONE, FAILURE, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

_PACKAGES = (Path(__file__).parent, Path(__file__).parent.parent / "circuits")


class InputError(ValueError):
    """A request that cannot be met as it stands: a name, a key, a value, a file, a device."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not there: names the nearest, or all."""
    choices = list(known)
    near = difflib.get_close_matches(name.lower(), choices, n=1, cutoff=0.5)
    advice = f"did you mean {near[0]!r}?" if near else f"choose from: {', '.join(choices)}"
    return InputError(f"unknown {kind} {name!r}; {advice}")


def one_line(error: BaseException) -> str:
    """The message of an error on one line: its first paragraph, the type in front where it is none of ours."""
    message = " ".join(str(error).strip().split("\n\n")[0].split())
    if is_bad_input(error) and message:
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def is_bad_input(error: BaseException) -> bool:
    """Whether the error says that the request was wrong.

    By the rules of this code, a ValueError, TypeError or MemoryError that qgeom or circuits raise themselves is a
    statement about the input, in one line; the same raised further down, in a library, is a failure.
    """
    if isinstance(error, InputError):
        return True
    if not isinstance(error, ValueError | TypeError | MemoryError):
        return False
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    raised_in = Path(trace.tb_frame.f_code.co_filename)
    return any(raised_in.is_relative_to(package) for package in _PACKAGES)


def exit_code(error: BaseException) -> int:
    """130 for Ctrl-C, 2 for bad input, 1 for every other failure."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return BAD_INPUT if is_bad_input(error) else FAILURE
