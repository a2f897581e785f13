"""Which of a source's parameters are the input x of a circuit, and where in x they stand."""

from __future__ import annotations

import re
from collections.abc import Sequence

# An index beyond this is no entry of an input vector.
MAX_INPUTS = 100_000

# x[3], x_3, and _x_3_ as Qiskit's OpenQASM has it
_ENTRIES = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (r"(.+)\[([0-9]{1,6})\]", r"_(.+)_([0-9]{1,6})_", r"(.+)_([0-9]{1,6})")
)


def split_inputs(names: Sequence[str], inputs: Sequence[str]) -> tuple[list[str], list[str]]:
    """The names of parameters, and the names of inputs in the order of x.

    Args:
        names: every name that the source has, in order.
        inputs: those that are inputs: a name itself, or ``x`` for the entries ``x[0], x[1], ...``, ``x_0, x_1, ...`` or
            ``_x_0_, _x_1_, ...`` of a vector, which take the positions of their indices. The vectors and names asked
            for follow each other in x. Where an entry between others is not there, a name of its own keeps its place.

    Raises:
        ValueError: an input asked for that the source does not have, or twice, or an index of 100 000 or more.
    """
    if isinstance(inputs, str):
        raise TypeError(f"inputs is a sequence of names, such as ({inputs!r},), not one string")
    present = dict.fromkeys(names)
    if len(set(inputs)) != len(tuple(inputs)):
        raise ValueError("an input is named twice")
    entries: dict[str, dict[int, str]] = {}
    for name in present:
        match = next(filter(None, (entry.fullmatch(name) for entry in _ENTRIES)), None)
        if match:
            entries.setdefault(match[1], {})[int(match[2])] = name
    chosen: list[str] = []
    for wanted in inputs:
        if wanted in present:
            chosen.append(wanted)
            continue
        vector = entries.get(wanted)
        if vector is None:
            raise ValueError(f"there is no parameter {wanted!r} to be an input; there are {_listed(names)}")
        if max(vector) >= MAX_INPUTS:
            raise ValueError(f"the index of an input is below {MAX_INPUTS}, not {max(vector)}")
        chosen += [vector.get(k, f"{wanted}[{k}] (absent)") for k in range(max(vector) + 1)]
    taken = set(chosen)
    if len(taken) != len(chosen):
        raise ValueError("an input is named twice, once as the entry of a vector")
    return [name for name in present if name not in taken], chosen


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join([repr(name) for name in names[:8]])
    return (shown + (", ..." if len(names) > 8 else "")) or "none"
