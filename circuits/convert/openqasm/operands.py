"""What operands and loops run over: wires of registers, bits, ranges and sets of values."""

from __future__ import annotations

from collections.abc import Iterable

from circuits.convert.openqasm.errors import Refused, shown
from circuits.convert.openqasm.limits import MAX_QUBITS
from circuits.convert.openqasm.scopes import Bits, Budget, Qubits, Scopes, Variable
from circuits.convert.openqasm.syntax import ForLoop, Identifier, Indexed, Range, Several, Value
from circuits.convert.openqasm.values import Evaluator


class Operands:
    """Registers and their parts, and the values of loops.

    Args:
        scopes: names and their meanings.
        evaluator: values of indices.
        budget: what may be spent.
    """

    def __init__(self, scopes: Scopes, evaluator: Evaluator, budget: Budget) -> None:
        self._scopes, self._evaluator, self._budget = scopes, evaluator, budget
        self.physical: set[int] = set()  # numbers of the physical qubits, $0, $1, ..., that were named

    def qubits(self, operand: Value) -> Qubits:
        """The wires that an operand names.

        Raises:
            Refused: if it names no qubits, or some that are not there.
        """
        found = self.named(operand)
        if isinstance(found, Qubits):
            return found
        raise Refused("this is a classical register; a qubit or quantum register is needed", operand.offset)

    def named(self, operand: Value) -> Qubits | Bits:
        """The qubits or bits that an operand names."""
        match operand:
            case Identifier(name, offset) if name[0] == "$":
                return Qubits((self._physical(name, offset),), True)
            case Identifier(name, offset):
                meaning = self._scopes.find(name)
                if meaning is None:
                    raise Refused(f"{shown(name)} is not declared", offset)
                if isinstance(meaning, Variable):
                    raise Refused(f"{shown(name)} is a value, not a register", offset)
                return meaning
            case Indexed(base, index, offset):
                return self._part(self.named(base), index, offset)
        raise Refused("a qubit or register is needed", operand.offset)

    def _physical(self, name: str, offset: int) -> int:
        digits = name[1:]
        if len(digits) > 6 or int(digits) >= MAX_QUBITS:
            raise Refused(f"a circuit has at most {MAX_QUBITS} qubits; {shown(name)} is beyond", offset)
        self.physical.add(int(digits))
        return int(digits)

    def _part(self, whole: Qubits | Bits, index: Value | Range | Several, offset: int) -> Qubits | Bits:
        size = len(whole.wires) if isinstance(whole, Qubits) else whole.size
        if whole.single:
            raise Refused("a single qubit or bit has no index", offset)
        if isinstance(index, Range):
            positions = list(self._slice(index, size))
        elif isinstance(index, Several):
            positions = [self._position(item, size) for item in index.items]
        else:
            positions = [self._position(index, size)]
        single = not isinstance(index, Range | Several)
        self._budget.steps(len(positions), offset)
        if isinstance(whole, Bits):
            return Bits(len(positions), single)
        return Qubits(tuple([whole.wires[k] for k in positions]), single)

    def _position(self, node: Value, size: int) -> int:
        index = self._evaluator.integer(node, "an index")
        if not -size <= index < size:
            raise Refused(f"index {shown(str(index))} is outside a register of {size}", node.offset)
        return index % size

    def _slice(self, index: Range, size: int) -> range:
        start = 0 if index.start is None else self._position(index.start, size)
        stop = size - 1 if index.stop is None else self._position(index.stop, size)
        return self._inclusive(start, self._step(index), stop)

    def _step(self, values: Range) -> int:
        step = 1 if values.step is None else self._evaluator.integer(values.step, "the step of a range")
        if step == 0:
            raise Refused("the step of a range must not be 0", values.offset)
        return step

    @staticmethod
    def _inclusive(start: int, step: int, stop: int) -> range:
        return range(start, stop + (1 if step > 0 else -1), step)

    def loop_values(self, loop: ForLoop) -> Iterable[int | float]:
        """The values of a loop's variable, in order; every bound must be a constant."""
        values = loop.values
        if isinstance(values, Several):
            return [self._evaluator.concrete(item, "a value of a loop") for item in values.items]
        if not isinstance(values, Range) or values.start is None or values.stop is None:
            raise Refused(
                "a loop runs over a range with both ends, [start:stop], or a set {a, b}", loop.offset
            )
        start = self._evaluator.integer(values.start, "the start of a loop")
        stop = self._evaluator.integer(values.stop, "the end of a loop")
        return self._inclusive(start, self._step(values), stop)
