"""Programs as data: expressions and statements, each with the offset in the source where it starts."""

from __future__ import annotations

import dataclasses

# -- expressions


@dataclasses.dataclass(frozen=True, slots=True)
class Literal:
    """A number or a truth value."""

    value: int | float | bool
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Identifier:
    """A constant, variable, register or gate argument by its name."""

    name: str
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Unary:
    """Signs before a value, ``-a``, ``+a``, ``!a``, ``~a``, all of them from left to right: the last acts first."""

    operators: str
    operand: Value
    offset: int


@dataclasses.dataclass(slots=True)
class Chain:
    """Operators of one precedence from left to right: a long sum is one node, not a deep tree."""

    first: Value
    rest: list[tuple[str, Value, int]]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Application:
    """A function, or a cast to a type, of arguments."""

    function: str
    arguments: tuple[Value, ...]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Range:
    """``start:stop`` or ``start:step:stop``, the stop included; None where left out."""

    start: Value | None
    step: Value | None
    stop: Value | None
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Several:
    """A set ``{a, b, ...}`` of indices or of loop values."""

    items: tuple[Value, ...]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Indexed:
    """``base[index]``: a bit, or some of a register."""

    base: Value
    index: Value | Range | Several
    offset: int


Value = Literal | Identifier | Unary | Chain | Application | Indexed


# -- statements


@dataclasses.dataclass(frozen=True, slots=True)
class Include:
    """``include "file";``"""

    file: str
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Register:
    """``qubit[n] q;``, ``qreg q[n];`` and the same with bits; ``size`` None is a single one."""

    quantum: bool
    name: str
    size: Value | None
    value: Value | Measurement | None
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Declaration:
    """A classical variable or constant, e.g. ``const int n = 4;``."""

    constant: bool
    type: str
    name: str
    value: Value | None
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class ProgramInput:
    """``input float a;``: a parameter of the circuit."""

    type: str
    name: str
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Alias:
    """``let name = q[0:2] ++ r;``"""

    name: str
    parts: tuple[Value, ...]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Assignment:
    """``a = value;`` or with an operator, ``a += value;``."""

    target: Value
    operator: str
    value: Value | Measurement
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Modifier:
    """``ctrl(n) @``, ``negctrl(n) @``, ``inv @`` or ``pow(r) @``."""

    name: str
    argument: Value | None
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class GateCall:
    """A gate with its modifiers, angles and operands."""

    modifiers: tuple[Modifier, ...]
    name: str
    angles: tuple[Value, ...]
    operands: tuple[Value, ...]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class GateDefinition:
    """``gate name(angles) qubits { body }``, in the source from ``offset`` to ``end``."""

    name: str
    angles: tuple[str, ...]
    qubits: tuple[str, ...]
    body: tuple[Statement, ...]
    offset: int
    end: int


@dataclasses.dataclass(frozen=True, slots=True)
class Measurement:
    """``measure q`` with its target if it has one."""

    operand: Value
    target: Value | None
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Barrier:
    """``barrier q, r;``; none means all."""

    operands: tuple[Value, ...]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Reset:
    """``reset q;``."""

    operand: Value
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class ForLoop:
    """``for int i in [0:3] { body }``."""

    name: str
    values: Value | Range | Several
    body: tuple[Statement, ...]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Conditional:
    """``if (condition) { ... } else { ... }``."""

    condition: Value
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """``{ ... }``: a scope."""

    body: tuple[Statement, ...]
    offset: int


@dataclasses.dataclass(frozen=True, slots=True)
class End:
    """``end;``."""

    offset: int


Statement = (
    Include | Register | Declaration | ProgramInput | Alias | Assignment | GateCall | GateDefinition | Measurement
    | Barrier | Reset | ForLoop | Conditional | Block | End
)  # fmt: skip
