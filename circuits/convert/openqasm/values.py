"""Classical values: integers, reals, truth values, and symbolic reals where a parameter comes in."""

from __future__ import annotations

import math
from collections.abc import Callable

from circuits.convert.expressions import Expression, called, expression
from circuits.convert.openqasm.errors import Refused, shown
from circuits.convert.openqasm.limits import MAX_INTEGER_BITS
from circuits.convert.openqasm.syntax import Application, Chain, Identifier, Indexed, Literal, Unary, Value
from circuits.convert.real_numbers import FUNCTIONS

Number = int | float | Expression  # a bool is an int

CONSTANTS: dict[str, float] = {
    "pi": math.pi,
    "π": math.pi,
    "tau": math.tau,
    "τ": math.tau,
    "euler": math.e,
    "ℇ": math.e,
}
_REAL_FUNCTIONS = {name: name for name in FUNCTIONS} | {"log": "ln"}


def _symbolic(value: Number) -> Expression:
    return value if isinstance(value, Expression) else expression(float(value))


class Evaluator:
    """Expressions to values.

    Args:
        look_up: the value of a name; it refuses what has none.
        spend: called with a number of steps and an offset; it refuses when there have been too many.
        version: 2 or 3; the quotient of two integers is an integer in OpenQASM 3, truncated towards zero.
    """

    def __init__(
        self,
        look_up: Callable[[str, int], Number],
        spend: Callable[[int, int], None],
        version: int,
    ) -> None:
        self._look_up, self._spend, self._version = look_up, spend, version

    def number(self, node: Value) -> Number:
        """The value of an expression.

        Raises:
            Refused: for what has none.
        """
        self._spend(1, node.offset)
        match node:
            case Literal(value):
                return value
            case Identifier(name, offset):
                return CONSTANTS[name] if name in CONSTANTS else self._look_up(name, offset)
            case Unary(operators, operand, offset):
                value = self.number(operand)
                for sign in reversed(operators):
                    value = self._signed(sign, value, offset)
                return value
            case Chain(first, rest):
                value = self.number(first)
                for operator, operand, offset in rest:
                    value = self.combined(operator, value, self.number(operand), offset)
                return value
            case Application(function, arguments, offset):
                return self._applied(function, [self.number(a) for a in arguments], offset)
            case Indexed(base, _, offset):
                self.number(base)  # measured bits have their own reason
                raise Refused("the bits of a value are not read", offset)

    def concrete(self, node: Value, what: str) -> int | float:
        """A value that depends on no parameter."""
        value = self.number(node)
        if isinstance(value, Expression):
            raise Refused(f"{what} must be a constant; it depends on {value.names[0]!r}", node.offset)
        return value

    def integer(self, node: Value, what: str) -> int:
        """An integer that depends on no parameter."""
        value = self.concrete(node, what)
        if isinstance(value, float):
            if not value.is_integer():
                raise Refused(f"{what} must be an integer, not {value:.6g}", node.offset)
            value = int(value)
        return int(value)

    def cast(self, type_: str, value: Number, offset: int) -> Number:
        """A value as one of a type."""
        if isinstance(value, Expression):
            if type_ in ("float", "angle"):
                return value
            raise Refused(f"a parameter is a float or angle; it cannot be made {type_}", offset)
        match type_:
            case "float" | "angle":
                return float(value)
            case "bool":
                return bool(value)
            case _:
                whole = self._bounded(math.trunc(value), offset)
                if type_ == "uint" and whole < 0:
                    raise Refused(f"a uint is 0 or more, not {whole}", offset)
                return whole

    def _bounded(self, value: int, offset: int) -> int:
        if value.bit_length() > MAX_INTEGER_BITS:
            raise Refused(f"an integer of more than {MAX_INTEGER_BITS} bits", offset)
        return value

    def _real(self, operation: Callable[[], Expression], offset: int) -> Number:
        """An operation on expressions; a number where no name is left."""
        try:
            result = operation()
        except ValueError as error:
            raise Refused(str(error), offset) from None
        self._spend(result.size, offset)
        value = result.number
        return result if value is None else value

    def _signed(self, sign: str, value: Number, offset: int) -> Number:
        if sign == "+":
            return value
        if sign == "-":
            return self._real(lambda: -value, offset) if isinstance(value, Expression) else -value
        number = self._logical(value, sign, offset)
        if sign == "!":
            return not number
        if isinstance(number, float):
            raise Refused("~ takes an integer", offset)
        return self._bounded(~int(number), offset)

    def _logical(self, value: Number, operator: str, offset: int) -> int | float:
        if isinstance(value, Expression):
            raise Refused(f"{operator!r} takes constants; this depends on {value.names[0]!r}", offset)
        return value

    def combined(self, operator: str, a: Number, b: Number, offset: int) -> Number:
        """``a operator b``."""
        if operator == "**":
            return self._power(a, b, offset)
        if operator in ("+", "-", "*", "/"):
            if isinstance(a, int) and isinstance(b, int) and (operator != "/" or self._version == 3):
                return self._integers(operator, int(a), int(b), offset)
            left, right = _symbolic(a), _symbolic(b)
            # Building the result costs as much as its parts.
            self._spend(left.size + right.size, offset)
            match operator:
                case "+":
                    return self._real(lambda: left + right, offset)
                case "-":
                    return self._real(lambda: left - right, offset)
                case "*":
                    return self._real(lambda: left * right, offset)
                case _:
                    return self._real(lambda: left / right, offset)
        x, y = self._logical(a, operator, offset), self._logical(b, operator, offset)
        match operator:
            case "==":
                return x == y
            case "!=":
                return x != y
            case "<":
                return x < y
            case ">":
                return x > y
            case "<=":
                return x <= y
            case ">=":
                return x >= y
            case "&&":
                return bool(x) and bool(y)
            case "||":
                return bool(x) or bool(y)
        if isinstance(x, float) or isinstance(y, float):
            raise Refused(f"{operator!r} takes integers", offset)
        return self._integers(operator, int(x), int(y), offset)

    def _integers(self, operator: str, a: int, b: int, offset: int) -> int:
        match operator:
            case "+":
                value = a + b
            case "-":
                value = a - b
            case "*":
                value = a * b
            case "/" | "%":
                if b == 0:
                    raise Refused("a division by zero", offset)
                quotient = abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)  # towards zero, as in C
                value = quotient if operator == "/" else a - b * quotient
            case "&":
                value = a & b
            case "|":
                value = a | b
            case "^":
                value = a ^ b
            case "<<" | ">>":
                if not 0 <= b <= MAX_INTEGER_BITS:
                    raise Refused(
                        f"a shift by {shown(str(b))} bits; 0 to {MAX_INTEGER_BITS} are read", offset
                    )
                value = a << b if operator == "<<" else a >> b
            case _:
                raise Refused(f"the operator {operator!r} is not read", offset)
        return self._bounded(value, offset)

    def _applied(self, function: str, values: list[Number], offset: int) -> Number:
        wanted = 2 if function in ("pow", "mod") else 1
        if len(values) != wanted:
            raise Refused(f"{shown(function)} takes {wanted} argument(s), not {len(values)}", offset)
        match function:
            case "()":
                return values[0]
            case "pow":
                return self._power(values[0], values[1], offset)
            case "mod":
                x, y = (self._logical(v, "mod", offset) for v in values)
                if isinstance(x, int) and isinstance(y, int):
                    return self._integers("%", int(x), int(y), offset)
                if y == 0.0:
                    raise Refused("a division by zero", offset)
                return math.fmod(x, y)
            case "floor" | "ceiling":
                x = self._logical(values[0], function, offset)
                return float(math.floor(x) if function == "floor" else math.ceil(x))
            case "popcount":
                x = self._logical(values[0], function, offset)
                if isinstance(x, float) or x < 0:
                    raise Refused("popcount takes an integer of 0 or more", offset)
                return int(x).bit_count()
            case "float" | "angle" | "int" | "uint" | "bool":
                return self.cast(function, values[0], offset)
        if function not in _REAL_FUNCTIONS:
            known = ", ".join(sorted({*_REAL_FUNCTIONS, "pow", "mod", "floor", "ceiling", "popcount"}))
            raise Refused(f"unknown function {shown(function)}; there are {known}", offset)
        argument = _symbolic(values[0])
        return self._real(lambda: called(_REAL_FUNCTIONS[function], argument), offset)

    def _power(self, a: Number, b: Number, offset: int) -> Number:
        if isinstance(a, int) and isinstance(b, int) and b >= 0 and self._version == 3:
            base, exponent = int(a), int(b)
            if abs(base) > 1 and exponent * (abs(base).bit_length() - 1) > MAX_INTEGER_BITS:
                raise Refused(f"an integer of more than {MAX_INTEGER_BITS} bits", offset)
            return self._bounded(
                base ** min(exponent, 2 + exponent % 2) if abs(base) <= 1 else base**exponent, offset
            )
        left, right = _symbolic(a), _symbolic(b)
        self._spend(left.size + right.size, offset)
        return self._real(lambda: left**right, offset)
