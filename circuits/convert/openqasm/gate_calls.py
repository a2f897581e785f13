"""Gates as they are called: definitions expanded, modifiers applied, exact with their phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from circuits.convert.assembled import SymbolicGate
from circuits.convert.controlled import Gates, controlled, global_phase, inverted, negated, root
from circuits.convert.expressions import Expression, expression
from circuits.convert.openqasm.errors import Refused, shown
from circuits.convert.openqasm.limits import MAX_GATES, MAX_NESTING, MAX_QUBITS
from circuits.convert.openqasm.operands import Operands
from circuits.convert.openqasm.scopes import Budget, DefinedGate, Gate, Meaning, Qubits, Scopes, Variable
from circuits.convert.openqasm.syntax import (
    Barrier,
    ForLoop,
    GateCall,
    GateDefinition,
    Identifier,
    Modifier,
    Statement,
    Value,
)
from circuits.convert.openqasm.values import Evaluator

# What a power that is no integer costs in steps: it diagonalises a matrix. Equal ones are computed once.
_ROOT_STEPS = 1000


def cost(gate: SymbolicGate) -> int:
    """What a gate counts towards the bound on gates."""
    return max(1, len(gate.wires) // 3)


def called_gates(body: Sequence[Statement]) -> list[tuple[str, int]]:
    """The names and places of the gates that a body calls; it refuses what is no part of a gate."""
    found: list[tuple[str, int]] = []
    for statement in body:
        match statement:
            case GateCall(_, name, _, _, offset):
                found.append((name, offset))
            case ForLoop(_, _, inner, _):
                found += called_gates(inner)
            case Barrier():
                pass
            case _:
                raise Refused(
                    "the body of a gate holds gates, barriers and for loops; this has no unitary meaning there",
                    statement.offset,
                )
    return found


class GateCalls:
    """Expansion of calls into gates of the set.

    Args:
        scopes: names and their meanings.
        evaluator: values of angles and exponents.
        budget: what may be spent.
        operands: the values of a loop, for loops in definitions.
    """

    def __init__(self, scopes: Scopes, evaluator: Evaluator, budget: Budget, operands: Operands) -> None:
        self._scopes, self._evaluator, self._budget, self._operands = scopes, evaluator, budget, operands
        self._depth = 0
        self._roots: dict[tuple[tuple[SymbolicGate, ...], float], Gates] = {}

    @property
    def inside_definition(self) -> bool:
        """Whether the body of a definition is being expanded."""
        return self._depth > 0

    def angles(self, call: GateCall) -> tuple[Expression, ...]:
        """The values of a call's angles."""
        values = []
        for node in call.angles:
            number = self._evaluator.number(node)
            values.append(number if isinstance(number, Expression) else expression(float(number)))
        return tuple(values)

    def modifiers(self, call: GateCall) -> list[tuple[str, float, int]]:
        """The modifiers as ``(name, argument, offset)``, from left to right; controls have a number."""
        found: list[tuple[str, float, int]] = []
        for modifier in call.modifiers:
            found.append((modifier.name, self._argument(modifier), modifier.offset))
        return found

    def _argument(self, modifier: Modifier) -> float:
        match modifier.name, modifier.argument:
            case "pow", node if node is not None:
                return self._evaluator.concrete(node, "an exponent")
            case "inv", _:
                return 0
            case _, None:
                return 1
            case name, node:
                count = self._evaluator.integer(node, "the number of controls")
                if not 1 <= count <= MAX_QUBITS:
                    raise Refused(f"{name} takes 1 to {MAX_QUBITS} controls", modifier.offset)
                return count

    def expand(
        self,
        call: GateCall,
        gate: Gate | None,
        angles: tuple[Expression, ...],
        modifiers: Sequence[tuple[str, float, int]],
        wires: tuple[int, ...],
    ) -> Gates:
        """The gates of one call on given wires, controls first."""
        if len(set(wires)) != len(wires):
            raise Refused(f"{shown(call.name)} acts twice on the same qubit", call.offset)
        assigned: list[tuple[str, float, int, tuple[int, ...]]] = []
        rest = wires
        for name, argument, offset in modifiers:
            count = int(argument) if name in ("ctrl", "negctrl") else 0
            if count > len(rest):
                raise Refused(f"{name} needs {count} control qubit(s) before the target", offset)
            assigned.append((name, argument, offset, rest[:count]))
            rest = rest[count:]
        gates = self._plain(call, gate, angles, rest)
        for name, argument, offset, controls in reversed(assigned):
            gates = self._modified(gates, name, argument, controls, offset)
        return gates

    def _modified(
        self, gates: Gates, name: str, argument: float, controls: tuple[int, ...], offset: int
    ) -> Gates:
        self._budget.steps(len(gates), offset)
        match name:
            case "inv":
                return inverted(gates)
            case "pow":
                return self._power(gates, argument, offset)
        # Each gate becomes a few, up to ten with its changes of basis; charged before they are made.
        self._budget.steps(4 * len(gates) * (1 + len(controls) // 3), offset)
        try:
            found = controlled(gates, controls)
        except ValueError as error:
            raise Refused(str(error), offset) from None
        found = negated(found, controls) if name == "negctrl" else found
        self._budget.gates(sum([cost(g) for g in found]) - sum([cost(g) for g in gates]), offset)
        return found

    def _power(self, gates: Gates, exponent: float, offset: int) -> Gates:
        if float(exponent).is_integer():
            if exponent < 0:
                gates, exponent = inverted(gates), -exponent
            if exponent * max(1, sum([cost(g) for g in gates])) > MAX_GATES:
                raise Refused(f"a power of more than {MAX_GATES} gates", offset)
            self._budget.gates(int(max(0, exponent - 1)) * sum([cost(g) for g in gates]), offset)
            return gates * int(exponent)
        key = (tuple(gates), exponent)
        if key not in self._roots:
            self._budget.steps(_ROOT_STEPS, offset)
            try:
                self._roots[key] = root(gates, exponent)
            except ValueError as error:
                raise Refused(str(error), offset) from None
        return self._roots[key]

    def _plain(
        self, call: GateCall, gate: Gate | None, angles: tuple[Expression, ...], wires: tuple[int, ...]
    ) -> Gates:
        if gate is None:  # gphase
            if len(angles) != 1 or wires:
                raise Refused("gphase takes one angle and, without controls, no qubits", call.offset)
            self._budget.gates(1, call.offset)
            return [global_phase(angles[0])]
        if isinstance(gate, DefinedGate):
            counts = len(gate.definition.angles), len(gate.definition.qubits)
        else:
            counts = gate.n_angles, gate.n_wires
        if (len(angles), len(wires)) != counts:
            raise Refused(
                f"{shown(call.name)} takes {counts[0]} angle(s) and {counts[1]} qubit(s), not {len(angles)} and "
                f"{len(wires)}",
                call.offset,
            )
        if isinstance(gate, DefinedGate):
            return self._defined(gate, angles, wires, call.offset)
        try:
            gates = gate.build(angles, wires)
        except ValueError as error:
            raise Refused(str(error), call.offset) from None
        self._budget.gates(sum([cost(g) for g in gates]), call.offset)
        return gates

    def _defined(
        self, gate: DefinedGate, angles: tuple[Expression, ...], wires: tuple[int, ...], offset: int
    ) -> Gates:
        definition = gate.definition
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise Refused(f"gates that call gates deeper than {MAX_NESTING} levels", offset)
        names: dict[str, Meaning] = {
            name: Variable("angle", angle, True)
            for name, angle in zip(definition.angles, angles, strict=True)
        }
        names |= {name: Qubits((w,), True) for name, w in zip(definition.qubits, wires, strict=True)}
        before = self._scopes.swapped(names)
        gates = self._body(definition, definition.body, gate.known)
        self._scopes.restore(before)
        self._depth -= 1
        return gates

    def _body(
        self, definition: GateDefinition, body: Sequence[Statement], known: Mapping[str, Gate]
    ) -> Gates:
        gates: Gates = []
        for statement in body:
            self._budget.steps(1, statement.offset)
            if isinstance(statement, GateCall):
                wires = tuple([self._qubit(operand, definition) for operand in statement.operands])
                angles, modifiers = self.angles(statement), self.modifiers(statement)
                gates += self.expand(statement, known.get(statement.name), angles, modifiers, wires)
            elif isinstance(statement, ForLoop):
                for value in self._operands.loop_values(statement):
                    self._budget.steps(1, statement.offset)
                    self._scopes.enter()
                    self._scopes.declare(statement.name, Variable("int", value, True), statement.offset)
                    gates += self._body(definition, statement.body, known)
                    self._scopes.leave()
        return gates

    def _qubit(self, operand: Value, definition: GateDefinition) -> int:
        known = isinstance(operand, Identifier) and operand.name in definition.qubits
        meaning = self._scopes.find(operand.name) if isinstance(operand, Identifier) and known else None
        if not isinstance(meaning, Qubits):
            raise Refused("a gate in a definition acts on the qubits of that definition", operand.offset)
        return meaning.wires[0]
