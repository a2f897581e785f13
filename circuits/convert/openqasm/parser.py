"""Statements by recursive descent, one at a time: a program is carried out as it is read, and never held whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar

from circuits.convert.openqasm.errors import Refused, shown
from circuits.convert.openqasm.expression_parser import TYPES, ExpressionParser
from circuits.convert.openqasm.limits import MAX_MODIFIERS
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
    Indexed,
    Measurement,
    Modifier,
    ProgramInput,
    Range,
    Register,
    Reset,
    Several,
    Statement,
    Value,
)

_S = TypeVar("_S", bound=Statement)

_MODIFIERS = ("ctrl", "negctrl", "inv", "pow")
_ASSIGNMENTS = ("=", "+=", "-=", "*=", "/=", "%=", "**=", "&=", "|=", "^=", "<<=", ">>=", "~=")
# What has no unitary meaning, or none that a circuit here could keep.
_REFUSED = {
    "while": "a while loop is not read: its length is known only when it runs; write a for loop with constant bounds",
    "def": "a subroutine (def) is not read; write a gate definition",
    "extern": "an extern function is classical and not part of the program; it is not read",
    "return": "return belongs to subroutines, which are not read",
    "defcal": "a calibration (defcal) is not read",
    "defcalgrammar": "a calibration (defcalgrammar) is not read",
    "cal": "a calibration (cal) is not read",
    "delay": "a delay has no unitary meaning here; delete it",
    "box": "a box fixes timing, which has no meaning here; delete it",
    "duration": "durations have no meaning here",
    "stretch": "durations (stretch) have no meaning here",
    "durationof": "durations have no meaning here",
    "switch": "switch is not read; write if with constant conditions",
    "break": "break is not read",
    "continue": "continue is not read",
    "array": "arrays are not read; declare single variables",
    "complex": "complex numbers are not read",
    "nop": "nop is not read; delete it",
    "opaque": "an opaque gate has no definition, so no unitary; give it one",
}
_REFUSED2 = ("opaque",)
# Words that cannot be names in a program.
KEYWORDS = frozenset(
    {
        *_REFUSED, *_MODIFIERS, *TYPES, "OPENQASM", "include", "qreg", "creg", "gate", "measure", "barrier", "reset",
        "if", "else", "qubit", "bit", "const", "input", "output", "let", "for", "in", "end", "true", "false", "mutable",
        "readonly", "void", "pragma", "sizeof", "dim", "im", "case", "default",
    }
)  # fmt: skip


class Parser(ExpressionParser):
    """The statements of a program."""

    def statements(self) -> Iterator[Statement]:
        """Every statement in order, after `read_version`.

        Raises:
            Refused: at the first one that is malformed or has no meaning here.
        """
        while self.token.kind != "end":
            statement = self._statement(top=True)
            if statement is not None:
                yield statement

    def read_version(self) -> None:
        """Past ``OPENQASM 3.0;``, where a program has it, to know which grammar follows; without it, OpenQASM 3."""
        while self.token.kind == "line":
            self.take()
        if not self.at("OPENQASM"):
            return
        self.take()
        token = self.take()
        if token.kind not in ("integer", "real") or token.text.split(".")[0] not in ("2", "3"):
            raise Refused(f"OpenQASM 2 and 3 are read, not version {shown(token.text)}", token.offset)
        self.version = int(token.text[0])
        self.expect(";", " after the version")

    def _statement(self, top: bool = False) -> Statement | None:
        """One statement; None for an annotation, a pragma or a lone semicolon."""
        token = self.token
        if token.kind == "line" or self.at(";"):
            self.take()
            return None
        if self.at("{"):
            return Block(self._body(), token.offset)
        if token.kind != "name":
            raise self.unexpected("a statement")
        word = token.text
        if word in _REFUSED and (self.version == 3 or word in _REFUSED2):
            raise Refused(_REFUSED[word], token.offset)
        if word in ("include", "gate", "OPENQASM") and not top:
            raise Refused(f"{word} stands only at the top of a program", token.offset)
        if word == "OPENQASM":
            raise Refused("the version is stated once, before everything else", token.offset)
        statement = self._keyword(word) or (self._keyword3(word) if self.version == 3 else None)
        return statement or self._application()

    def _keyword(self, word: str) -> Statement | None:
        """A statement that both versions have; None if the word starts none."""
        offset = self.token.offset
        match word:
            case "include":
                self.take()
                if self.token.kind != "string":
                    raise self.unexpected("the name of a library in quotation marks")
                file = self.take().text[1:-1]
                return self._ended(Include(file, offset))
            case "qreg" | "creg":
                self.take()
                name = self.expect_name("the name of a register").text
                size = self.width() if self.at("[") else None
                return self._ended(Register(word == "qreg", name, size, None, offset))
            case "gate":
                return self._gate_definition()
            case "measure":
                return self._ended(self._measurement())
            case "barrier":
                self.take()
                operands = () if self.at(";") else self._operands()
                return self._ended(Barrier(operands, offset))
            case "reset":
                self.take()
                return self._ended(Reset(self._operand(), offset))
            case "if":
                return self._conditional()
        return None

    def _keyword3(self, word: str) -> Statement | None:
        offset = self.token.offset
        if word in TYPES or word == "const":
            return self._declaration()
        match word:
            case "qubit" | "bit":
                self.take()
                size = self.width() if self.at("[") else None
                name = self.expect_name("the name of a register").text
                value = self._right_side() if word == "bit" and self.accept("=") else None
                return self._ended(Register(word == "qubit", name, size, value, offset))
            case "input" | "output":
                return self._input()
            case "let":
                self.take()
                name = self.expect_name("the name of an alias").text
                self.expect("=")
                parts = [self._operand()]
                while self.accept("++"):
                    parts.append(self._operand())
                return self._ended(Alias(name, tuple(parts), offset))
            case "for":
                return self._for_loop()
            case "end":
                self.take()
                return self._ended(End(offset))
            case "ctrl" | "negctrl" | "inv" | "pow":
                return self._gate_call()
        return None

    def _ended(self, statement: _S) -> _S:
        self.expect(";")
        return statement

    # Classical declarations.

    def _type(self) -> str:
        token = self.expect_name("a type")
        if token.text in _REFUSED:
            raise Refused(_REFUSED[token.text], token.offset)
        if token.text not in TYPES and token.text != "bit":
            raise Refused(
                f"{shown(token.text)} is no type that is read; there are {', '.join(sorted(TYPES))}",
                token.offset,
            )
        if self.at("["):
            self.width()
        return token.text

    def _declaration(self) -> Declaration:
        offset = self.token.offset
        constant = self.accept("const")
        type_ = self._type()
        if type_ == "bit":
            raise Refused("constant bits are not read; use bool or int", offset)
        name = self.expect_name("the name of a variable").text
        value: Value | None = None
        if constant:
            self.expect("=", f" and the value of the constant {shown(name)}")
            value = self.expression()
        elif self.accept("="):
            value = self.expression()
        return self._ended(Declaration(constant, type_, name, value, offset))

    def _input(self) -> Statement:
        offset = self.token.offset
        output = self.take().text == "output"
        type_ = self._type()
        name = self.expect_name("a name").text
        if output:  # what is output is a classical variable as far as the circuit is concerned
            if type_ == "bit":
                return self._ended(Register(False, name, None, None, offset))
            return self._ended(Declaration(False, type_, name, None, offset))
        if type_ not in ("float", "angle"):
            raise Refused(
                f"an input of type {type_} is not read: parameters are float or angle; write a constant",
                offset,
            )
        return self._ended(ProgramInput(type_, name, offset))

    def _right_side(self) -> Value | Measurement | None:
        if self.at("measure"):
            return self._measurement(arrow=False)
        if self.token.kind == "string":  # bits "0101": nothing here depends on their value
            self.take()
            return None
        return self.expression()

    # Control flow.

    def _body(self) -> tuple[Statement, ...]:
        """``{ ... }``, or one statement."""
        found: list[Statement] = []
        with self.nested():
            if not self.at("{"):
                while not found:
                    if self.token.kind == "end":
                        raise self.unexpected("a statement")
                    lone = self.at(";")
                    statement = self._statement()
                    if statement is not None:
                        found.append(statement)
                    elif lone:
                        break
                return tuple(found)
            self.take()
            while not self.at("}"):
                if self.token.kind == "end":
                    raise self.unexpected("'}'")
                statement = self._statement()
                if statement is not None:
                    found.append(statement)
            self.take()
        return tuple(found)

    def _for_loop(self) -> ForLoop:
        offset = self.take().offset
        name = self.expect_name("a type or the name of a loop variable")
        if name.text in TYPES:
            if self.at("["):
                self.width()
            name = self.expect_name("the name of a loop variable")
        self.expect("in")
        values: Value | Range | Several
        if self.at("{"):
            values = self.several()
        elif self.accept("["):
            with self.nested():
                values = self.range_or_value(("]",))
            self.expect("]")
            if not isinstance(values, Range):
                raise Refused("a loop runs over a range [start:stop] or a set {a, b}", offset)
        else:
            raise self.unexpected("a range [start:stop] or a set {a, b}")
        return ForLoop(name.text, values, self._body(), offset)

    def _conditional(self) -> Conditional:
        offset = self.take().offset
        self.expect("(")
        with self.nested():
            condition = self.expression()
        self.expect(")")
        body = self._body()
        otherwise = self._body() if self.version == 3 and self.accept("else") else ()
        return Conditional(condition, body, otherwise, offset)

    # Quantum statements.

    def _operand(self) -> Value:
        """A qubit, some of a register, or all of it."""
        token = self.expect_name("a qubit or register", physical=True)
        value: Value = Identifier(token.text, token.offset)
        count = 0
        while self.at("["):
            offset = self.take().offset
            count += 1
            if count > 2:
                raise Refused("at most two indices in a row are read", offset)
            with self.nested():
                index = self.index()
            self.expect("]")
            value = Indexed(value, index, offset)
        return value

    def _operands(self) -> tuple[Value, ...]:
        found = [self._operand()]
        while self.accept(","):
            found.append(self._operand())
        return tuple(found)

    def _measurement(self, arrow: bool = True) -> Measurement:
        offset = self.expect("measure").offset
        operand = self._operand()
        target = self._operand() if arrow and self.accept("->") else None
        return Measurement(operand, target, offset)

    def _gate_definition(self) -> GateDefinition:
        offset = self.take().offset
        name = self.expect_name("the name of a gate").text
        angles: list[str] = []
        if self.accept("("):
            while not self.at(")"):
                angles.append(self.expect_name("the name of an angle").text)
                if not self.accept(","):
                    break
            self.expect(")")
        qubits = [self.expect_name("the name of a qubit").text]
        while self.accept(","):
            qubits.append(self.expect_name("the name of a qubit").text)
        if len({*angles, *qubits}) != len(angles) + len(qubits):
            raise Refused(f"the gate {shown(name)} uses a name twice for its angles and qubits", offset)
        if not self.at("{"):
            raise self.unexpected("'{'")
        body = self._body()
        return GateDefinition(name, tuple(angles), tuple(qubits), body, offset, self.last_end)

    def _gate_call(self) -> GateCall:
        offset = self.token.offset
        modifiers: list[Modifier] = []
        while self.version == 3 and self.at(*_MODIFIERS):
            token = self.take()
            argument: Value | None = None
            if self.accept("("):
                with self.nested():
                    argument = self.expression()
                self.expect(")")
            if (argument is None and token.text == "pow") or (argument is not None and token.text == "inv"):
                wanted = "takes an exponent: pow(2) @" if token.text == "pow" else "takes no argument"
                raise Refused(f"{token.text} {wanted}", token.offset)
            self.expect("@", f" after {token.text}")
            modifiers.append(Modifier(token.text, argument, token.offset))
            if len(modifiers) > MAX_MODIFIERS:
                raise Refused(f"more than {MAX_MODIFIERS} modifiers of one gate", token.offset)
        name = self.expect_name("a gate").text
        angles = self.arguments() if self.at("(") else ()
        operands = () if self.at(";") else self._operands()
        return self._ended(GateCall(tuple(modifiers), name, angles, operands, offset))

    def _application(self) -> Statement:
        """A gate, or an assignment: both start with a name."""
        token = self.take()
        target: Value = Identifier(token.text, token.offset)
        count = 0
        while self.at("[") and count < 2:
            offset = self.take().offset
            count += 1
            with self.nested():
                index = self.index()
            self.expect("]")
            target = Indexed(target, index, offset)
        if self.at(*_ASSIGNMENTS):
            operator = self.take().text
            value = self._right_side()
            if value is None:
                raise Refused("a bit string is not read here", token.offset)
            return self._ended(Assignment(target, operator, value, token.offset))
        if count:
            raise self.unexpected("'='")
        angles = self.arguments() if self.at("(") else ()
        operands = () if self.at(";") else self._operands()
        return self._ended(GateCall((), token.text, angles, operands, token.offset))
