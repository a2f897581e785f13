"""What a program may ask for at most: every bound on reading OpenQASM, in one place.

A program beyond a bound is refused with the line and column where it is passed. With all of them, reading a program
takes less than about a minute and 2 GiB, whoever wrote it.
"""

MAX_CHARACTERS = 10_000_000
"""Length of the source."""

MAX_TOKENS = 3_000_000
"""Names, numbers and symbols in it."""

MAX_QUBITS = 4096
"""Qubits in all; classical bits likewise. (A state of so many fits no machine; the structure does.)"""

MAX_GATES = 200_000
"""Gates of the circuit, after definitions, loops, broadcasts and modifiers are expanded; a gate on w > 3 wires counts
w / 3."""

MAX_STEPS = 1_000_000
"""Statements carried out, and nodes of expressions evaluated: what bounds loops and definitions that yield no gate."""

MAX_NESTING = 48
"""Depth of brackets, of blocks, and of gates that call gates."""

MAX_PARAMETERS = 20_000
"""Inputs declared (``input float``)."""

MAX_LITERAL = 64
"""Characters of a number."""

MAX_NAME = 256
"""Characters of an identifier."""

MAX_INTEGER_BITS = 64
"""Size of an integer; ``2 ** 1000`` is refused, not computed."""

MAX_MODIFIERS = 48
"""Modifiers (ctrl, negctrl, inv, pow) of one gate."""
