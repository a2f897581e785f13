"""What names stand for while a program is carried out, and how much it has spent of what it may."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from circuits.convert.expressions import Expression
from circuits.convert.openqasm.errors import Refused, shown
from circuits.convert.openqasm.limits import MAX_GATES, MAX_STEPS
from circuits.convert.openqasm.syntax import GateDefinition
from circuits.convert.openqasm.values import Number
from circuits.convert.standard_gates import StandardGate


@dataclasses.dataclass(slots=True)
class Variable:
    """A classical value; None until it is assigned."""

    type: str
    value: Number | None
    constant: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Qubits:
    """A register, or a single qubit, as wires."""

    wires: tuple[int, ...]
    single: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Bits:
    """Classical bits: only measurements write them, and nothing may depend on them."""

    size: int
    single: bool


@dataclasses.dataclass(frozen=True, slots=True)
class DefinedGate:
    """A gate that the program defines, with what the names in its body meant where it stands."""

    definition: GateDefinition
    known: dict[str, Gate]


Gate = StandardGate | DefinedGate
Meaning = Variable | Qubits | Bits


class Scopes:
    """Names from the innermost scope outwards."""

    def __init__(self) -> None:
        self._scopes: list[dict[str, Meaning]] = [{}]

    def enter(self) -> None:
        """A new innermost scope."""
        self._scopes.append({})

    def leave(self) -> None:
        """Forget the innermost scope."""
        self._scopes.pop()

    @property
    def outermost(self) -> bool:
        """Whether no block is open."""
        return len(self._scopes) == 1

    def declare(self, name: str, meaning: Meaning, offset: int) -> None:
        """Give a name a meaning in the innermost scope."""
        if name in self._scopes[-1]:
            raise Refused(f"{shown(name)} is declared twice", offset)
        self._scopes[-1][name] = meaning

    def find(self, name: str) -> Meaning | None:
        """What a name means; None if nothing."""
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return None

    def swapped(self, names: dict[str, Meaning]) -> list[dict[str, Meaning]]:
        """Only the outermost constants and ``names`` from now on; gives what `restore` takes."""
        before = self._scopes
        self._scopes = [before[0], names]
        return before

    def restore(self, scopes: list[dict[str, Meaning]]) -> None:
        """Back to the scopes that `swapped` gave."""
        self._scopes = scopes


def value_of(meaning: Meaning | None, name: str, offset: int) -> Number:
    """The value of a variable or constant."""
    match meaning:
        case Variable(_, None, _):
            raise Refused(f"{shown(name)} has no value yet", offset)
        case Variable(_, value, _) if value is not None:
            return value
        case Bits():
            raise Refused(
                f"{shown(name)} holds measurement results: what depends on them has no unitary meaning here",
                offset,
            )
        case Qubits():
            raise Refused(f"{shown(name)} is a qubit or register, not a value", offset)
    raise Refused(f"{shown(name)} is not declared", offset)


class Budget:
    """Steps and gates that a program may still spend."""

    def __init__(self) -> None:
        self._steps = MAX_STEPS
        self._gates = MAX_GATES

    def steps(self, count: int, offset: int) -> None:
        """Spend steps."""
        self._steps -= count
        if self._steps < 0:
            raise Refused(f"the program takes more than {MAX_STEPS} steps", offset)

    def gates(self, count: int, offset: int) -> None:
        """Spend gates."""
        self._gates -= count
        if self._gates < 0:
            raise Refused(f"the program has more than {MAX_GATES} gates", offset)


Spend = Callable[[int, int], None]
Angles = tuple[Expression, ...]
