"""OpenQASM 2 and 3, in and out, with the core dependencies alone; made for programs from anywhere.

A program goes through `lexer` and `parser` (statements, with the place of each), `interpreter` (registers, loops and
definitions become gates with symbolic angles) and `circuits.convert.assembled` (a circuit). `limits` says what it may
ask for at most.
"""

from circuits.convert.openqasm.errors import OpenQASMError
from circuits.convert.openqasm.reading import from_openqasm
from circuits.convert.openqasm.writing import to_openqasm

__all__ = ["OpenQASMError", "from_openqasm", "to_openqasm"]
