"""OpenQASM to circuits."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.circuit import Circuit
from circuits.convert.assembled import assembled
from circuits.convert.input_names import split_inputs
from circuits.convert.openqasm.errors import Refused, placed
from circuits.convert.openqasm.interpreter import Interpreter, Outcome
from circuits.convert.openqasm.lexer import tokens
from circuits.convert.openqasm.limits import MAX_CHARACTERS
from circuits.convert.openqasm.parser import Parser
from circuits.reparametrised import Reparametrised


def from_openqasm(text: str, inputs: Sequence[str] = ()) -> Circuit | Reparametrised:
    """The circuit of an OpenQASM 2 or 3 program.

    Qubits are numbered in the order of their declarations: the first one declared is wire 0, the most significant bit.
    ``input float`` and ``input angle`` declare the parameters, in their order and with their names. Angles that are
    linear in them are kept as such, sums as several gates; with any other angle the result is a `Reparametrised`
    circuit. Global phases are dropped. Measurements at the end are dropped as well: read the circuit with
    `circuits.Measured` instead.

    Read are, of OpenQASM 2: all but opaque gates and ``if``. Of OpenQASM 3: gate definitions, the modifiers ctrl,
    negctrl, inv and pow, ``gphase``, registers, slices, aliases, broadcasting, ``let``, constants and classical
    variables of the types int, uint, float, angle and bool, ``for`` over constant ranges and sets, ``if`` with constant
    conditions, ``include "stdgates.inc"`` and ``"qelib1.inc"`` (no file is ever opened), physical qubits, ``reset``
    before anything else. The widths of types are not looked at: every real is a float64. Everything else is refused.

    The text may come from anywhere: what it may ask for is bounded by `circuits.convert.openqasm.limits`.

    Args:
        text: the program itself, not the name of a file.
        inputs: names of ``input`` declarations that are the classical input x instead of parameters: a name, or ``x``
            for ``x_0, x_1, ...``.

    Raises:
        OpenQASMError: a ValueError with line and column, where the program is malformed, has no unitary meaning, or
            goes beyond a limit.
        ValueError: if ``inputs`` names what the program does not declare.
        TypeError: if ``text`` is not a string.

    Example:
        >>> from circuits import from_openqasm
        >>> c = from_openqasm('''
        ... OPENQASM 3.0;
        ... include "stdgates.inc";
        ... input float a;
        ... qubit[2] q;
        ... ry(2*a) q[0];
        ... cx q[0], q[1];
        ... ''')
        >>> c.parameter_names
        ('a',)

    Reference: A. Cross et al., OpenQASM 3, ACM Transactions on Quantum Computing 3, 12 (2022); Open Quantum Assembly
    Language, arXiv:1707.03429 (2017).
    """
    if not isinstance(text, str):
        raise TypeError(f"an OpenQASM program is a string, not {type(text).__name__}")
    try:
        outcome = _carried_out(text)
    except Refused as refused:
        # The error names the place in the program; where in this package it was found helps nobody.
        raise placed(refused, text) from None
    parameters, chosen = split_inputs(outcome.parameters, inputs)
    return assembled(outcome.n_qubits, outcome.gates, parameters, chosen)


def _carried_out(text: str) -> Outcome:
    if len(text) > MAX_CHARACTERS:
        raise Refused(f"a program of more than {MAX_CHARACTERS} characters", MAX_CHARACTERS)
    parser = Parser(tokens(text))
    try:
        parser.read_version()
        return Interpreter(parser.version, text).run(parser.statements())
    except RecursionError:
        # What is read needs some 400 of Python's 1000 frames; a caller that has used the others comes here.
        raise Refused("nested deeper than the stack allows here", parser.token.offset) from None
