"""Names of the parameters of a circuit, where it has names of its own."""

from __future__ import annotations

from collections.abc import Sequence

Names = tuple[str, ...]


def checked_names(names: Sequence[str] | None, count: int) -> Names | None:
    """One name per parameter, all different; None where there are none.

    Raises:
        ValueError: a wrong number of names, an empty one, or one that occurs twice.
        TypeError: a name that is no string.
    """
    if names is None:
        return None
    if isinstance(names, str):
        raise TypeError(f"names must be a sequence of strings, one per parameter, not the string {names!r}")
    checked = tuple(names)
    for name in checked:
        if not isinstance(name, str):
            raise TypeError(f"the name of a parameter is a string, not {name!r}")
    if len(checked) != count:
        raise ValueError(f"names must be {count}, one per parameter, not {len(checked)}")
    if len(set(checked)) != count or "" in checked:
        raise ValueError("the names of parameters must be different and not empty")
    return checked or None


def joined_names(first: Names | None, second: Names | None, counts: tuple[int, int]) -> Names | None:
    """Names of two lists of parameters one after the other; None where one has none, or two are the same."""
    if (first is None and counts[0]) or (second is None and counts[1]):
        return None
    both = (first or ()) + (second or ())
    return both if both and len(set(both)) == len(both) else None


def remapped_names(names: Names | None, indices: Sequence[int]) -> Names | None:
    """The names once parameter i is moved to ``indices[i]``; where several become one, the first gives its name."""
    if names is None:
        return None
    moved: dict[int, str] = {}
    for name, index in zip(names, indices, strict=True):
        moved.setdefault(int(index), name)
    return tuple([moved[i] for i in sorted(moved)])
