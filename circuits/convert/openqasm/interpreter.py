"""A program carried out statement by statement: registers, loops and constants go, gates with angles remain."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from circuits.convert.assembled import SymbolicGate
from circuits.convert.controlled import without_global_phase
from circuits.convert.expressions import Name
from circuits.convert.openqasm.definitions import known_definition
from circuits.convert.openqasm.errors import Refused, shown
from circuits.convert.openqasm.gate_calls import GateCalls, called_gates
from circuits.convert.openqasm.limits import MAX_PARAMETERS, MAX_QUBITS
from circuits.convert.openqasm.operands import Operands
from circuits.convert.openqasm.scopes import (
    Bits,
    Budget,
    DefinedGate,
    Gate,
    Qubits,
    Scopes,
    Variable,
    value_of,
)
from circuits.convert.openqasm.syntax import (
    Alias,
    Assignment,
    Barrier,
    Block,
    Conditional,
    Declaration,
    End,
    ForLoop,
    GateCall,
    GateDefinition,
    Identifier,
    Include,
    Measurement,
    ProgramInput,
    Register,
    Reset,
    Statement,
    Value,
)
from circuits.convert.openqasm.values import CONSTANTS, Evaluator, Number
from circuits.convert.standard_gates import BUILTIN2, BUILTIN3, EXTENSIONS, QELIB1, STDGATES

_LIBRARIES = {"stdgates.inc": STDGATES, "qelib1.inc": QELIB1}
# Without include statements, what a gate that is not there most likely belongs to.
_INCLUDE = {2: "qelib1.inc", 3: "stdgates.inc"}


class Outcome(NamedTuple):
    """What a program means here: the arguments of `assembled`."""

    n_qubits: int
    gates: list[SymbolicGate]
    parameters: list[str]


class _Ended(Exception):
    """``end;`` was reached."""


class Interpreter:
    """Carries out statements.

    Args:
        version: 2 or 3.
        source: the program, to tell definitions that this package writes from others of the same name.
    """

    def __init__(self, version: int, source: str) -> None:
        self._version, self._source = version, source
        self._scopes, self._budget = Scopes(), Budget()
        self._evaluator = Evaluator(self._look_up, self._budget.steps, version)
        self._operands = Operands(self._scopes, self._evaluator, self._budget)
        self._calls = GateCalls(self._scopes, self._evaluator, self._budget, self._operands)
        self._gates: dict[str, Gate] = dict(BUILTIN2 if version == 2 else {**BUILTIN3, **EXTENSIONS})
        self._defined: set[str] = set()
        self._n_qubits = 0
        self._n_bits = 0
        self._parameters: list[str] = []
        self._found: list[SymbolicGate] = []
        self._touched: set[int] = set()
        self._measured: set[int] = set()

    def run(self, statements: Iterable[Statement]) -> Outcome:
        """The gates of a program.

        Raises:
            Refused: at the first statement that is wrong or has no meaning here.
        """
        last = 0
        try:
            for statement in statements:
                last = statement.offset
                self._carry_out(statement)
        except _Ended:
            pass
        physical = self._operands.physical
        if physical and self._n_qubits:
            raise Refused("physical qubits ($0, $1, ...) and declared ones do not go together", last)
        n_qubits = max(physical) + 1 if physical else self._n_qubits
        if n_qubits == 0:
            raise Refused("the program declares no qubit", last)
        return Outcome(n_qubits, self._found, self._parameters)

    def _look_up(self, name: str, offset: int) -> Number:
        meaning = self._scopes.find(name)
        if isinstance(meaning, Variable) and not meaning.constant and self._calls.inside_definition:
            raise Refused(f"{shown(name)} is no constant: a gate's body may not depend on it", offset)
        return value_of(meaning, name, offset)

    def _carry_out(self, statement: Statement) -> None:
        self._budget.steps(1, statement.offset)
        match statement:
            case GateCall():
                self._gate_call(statement)
            case Include():
                self._include(statement)
            case Register():
                self._register(statement)
            case Declaration():
                self._declaration(statement)
            case ProgramInput(_, name, offset):
                self._input(name, offset)
            case Alias(name, parts, offset):
                self._alias(name, parts, offset)
            case Assignment():
                self._assignment(statement)
            case GateDefinition():
                self._definition(statement)
            case Measurement(operand, target, _):
                self._measure(operand, target)
            case Barrier(operands, _):
                for operand in operands:
                    self._operands.qubits(operand)
            case Reset(operand, offset):
                self._reset(operand, offset)
            case ForLoop():
                for value in self._operands.loop_values(statement):
                    self._budget.steps(1, statement.offset)
                    self._block(statement.body, statement, value)
            case Conditional(condition, body, otherwise, _):
                holds = self._evaluator.concrete(condition, "a condition")
                self._block(body if holds else otherwise)
            case Block(body, _):
                self._block(body)
            case End():
                raise _Ended

    def _block(
        self, body: Sequence[Statement], loop: ForLoop | None = None, value: Number | None = None
    ) -> None:
        self._scopes.enter()
        if loop is not None:
            self._scopes.declare(loop.name, Variable("int", value, True), loop.offset)
        for statement in body:
            self._carry_out(statement)
        self._scopes.leave()

    # Declarations.

    def _include(self, statement: Include) -> None:
        library = _LIBRARIES.get(statement.file)
        if library is None:
            raise Refused(
                f"no file is read: include takes {' or '.join(_LIBRARIES)}, not {shown(statement.file)}",
                statement.offset,
            )
        self._gates = {**library, **self._gates}

    def _declare(self, name: str, meaning: Variable | Qubits | Bits, offset: int) -> None:
        if name in CONSTANTS and self._version == 3:
            raise Refused(f"{shown(name)} is a constant of the language and cannot be declared", offset)
        self._scopes.declare(name, meaning, offset)

    def _register(self, statement: Register) -> None:
        size, offset = 1, statement.offset
        if statement.size is not None:
            size = self._evaluator.integer(statement.size, "the size of a register")
            if size < 1:
                raise Refused(f"a register has size 1 or more, not {shown(str(size))}", offset)
        total = size + (self._n_qubits if statement.quantum else self._n_bits)
        if total > MAX_QUBITS:
            raise Refused(f"more than {MAX_QUBITS} {'qubits' if statement.quantum else 'bits'}", offset)
        # qreg q; and creg c; declare registers of one, as qreg q[1]; does.
        single = statement.size is None and self._version == 3
        if statement.quantum:
            if not self._scopes.outermost:
                raise Refused("qubits are declared at the top of a program, not in a block", offset)
            self._declare(statement.name, Qubits(tuple(range(self._n_qubits, total)), single), offset)
            self._n_qubits = total
            return
        self._declare(statement.name, Bits(size, single), offset)
        self._n_bits = total
        if isinstance(statement.value, Measurement):
            self._measure(statement.value.operand, Identifier(statement.name, offset))

    def _declaration(self, statement: Declaration) -> None:
        value = None
        if statement.value is not None:
            value = self._evaluator.cast(
                statement.type, self._evaluator.number(statement.value), statement.offset
            )
        self._declare(statement.name, Variable(statement.type, value, statement.constant), statement.offset)

    def _input(self, name: str, offset: int) -> None:
        if not self._scopes.outermost:
            raise Refused("inputs are declared at the top of a program, not in a block", offset)
        self._declare(name, Variable("float", Name(name), True), offset)
        self._parameters.append(name)
        if len(self._parameters) > MAX_PARAMETERS:
            raise Refused(f"more than {MAX_PARAMETERS} inputs", offset)

    def _alias(self, name: str, parts: Sequence[Value], offset: int) -> None:
        found = [self._operands.qubits(part) for part in parts]
        wires = tuple([w for part in found for w in part.wires])
        self._budget.steps(len(wires), offset)
        if len(set(wires)) != len(wires):
            raise Refused(f"the alias {shown(name)} holds a qubit twice", offset)
        self._declare(name, Qubits(wires, len(found) == 1 and found[0].single), offset)

    def _definition(self, statement: GateDefinition) -> None:
        name, offset = statement.name, statement.offset
        if name in self._defined or name in ("U", "gphase"):
            raise Refused(f"the gate {shown(name)} is defined twice", offset)
        known: dict[str, Gate] = {}
        for called, place in called_gates(statement.body):
            self._budget.steps(1, place)
            if called != "gphase" or self._version == 2:
                known[called] = self._gate(called, place)
        own = known_definition(name, self._source[offset : statement.end])
        self._defined.add(name)
        self._gates[name] = own or DefinedGate(statement, known)

    # Classical assignments.

    def _assignment(self, statement: Assignment) -> None:
        target, offset = statement.target, statement.offset
        if isinstance(statement.value, Measurement):
            if statement.operator != "=":
                raise Refused("a measurement is assigned with =", offset)
            self._measure(statement.value.operand, target)
            return
        meaning = self._scopes.find(target.name) if isinstance(target, Identifier) else None
        if not isinstance(meaning, Variable) or not isinstance(target, Identifier):
            raise Refused("only declared classical variables are assigned to", offset)
        if meaning.constant:
            raise Refused(f"{shown(target.name)} is constant and cannot be assigned to", offset)
        value = self._evaluator.number(statement.value)
        if statement.operator != "=":
            before = value_of(meaning, target.name, offset)
            value = self._evaluator.combined(statement.operator[:-1], before, value, offset)
        meaning.value = self._evaluator.cast(meaning.type, value, offset)

    # Quantum statements.

    def _gate(self, name: str, offset: int) -> Gate:
        gate = self._gates.get(name)
        if gate is not None:
            return gate
        library = _INCLUDE[self._version]
        if name in _LIBRARIES[library]:
            raise Refused(f'the gate {shown(name)} needs include "{library}";', offset)
        raise Refused(f"the gate {shown(name)} is not defined", offset)

    def _gate_call(self, call: GateCall) -> None:
        gate = None
        if call.name != "gphase" or self._version == 2:
            gate = self._gate(call.name, call.offset)
        angles, modifiers = self._calls.angles(call), self._calls.modifiers(call)
        operands = [self._operands.qubits(operand) for operand in call.operands]
        sizes = {len(operand.wires) for operand in operands if not operand.single}
        if len(sizes) > 1:
            raise Refused(
                f"{shown(call.name)} acts on registers of different sizes {sorted(sizes)}", call.offset
            )
        for k in range(sizes.pop() if sizes else 1):
            wires = tuple([operand.wires[0 if operand.single else k] for operand in operands])
            self._budget.steps(1 + len(wires), call.offset)
            for w in wires:
                if w in self._measured:
                    raise Refused(
                        f"{shown(call.name)} acts on qubit {w} after its measurement: measurements in mid-circuit have "
                        "no unitary meaning here",
                        call.offset,
                    )
            self._touched.update(wires)
            self._found += without_global_phase(self._calls.expand(call, gate, angles, modifiers, wires))

    def _measure(self, operand: Value, target: Value | None) -> None:
        qubits = self._operands.qubits(operand)
        if target is not None:
            bits = self._operands.named(target)
            if isinstance(bits, Qubits):
                raise Refused("a measurement is stored in bits, not in qubits", target.offset)
            if bits.size != len(qubits.wires):
                raise Refused(
                    f"{len(qubits.wires)} qubit(s) are measured into {bits.size} bit(s)", target.offset
                )
        self._budget.steps(len(qubits.wires), operand.offset)
        self._measured.update(qubits.wires)

    def _reset(self, operand: Value, offset: int) -> None:
        qubits = self._operands.qubits(operand)
        self._budget.steps(len(qubits.wires), offset)
        for w in qubits.wires:
            if w in self._touched or w in self._measured:
                raise Refused(
                    f"the reset of qubit {w} after gates or a measurement has no unitary meaning here", offset
                )
