"""Qiskit's parameter expressions to and from `Expression`."""

from __future__ import annotations

import cmath
import functools
import math
import operator
import re
from collections.abc import Mapping
from typing import Any

from qiskit.circuit import Parameter, ParameterExpression

from circuits.convert.expressions import (
    Call,
    Expression,
    Linear,
    Name,
    Power,
    Product,
    Quotient,
    called,
    expression,
)
from circuits.convert.openqasm.errors import Refused
from circuits.convert.openqasm.expression_parser import ExpressionParser
from circuits.convert.openqasm.lexer import tokens
from circuits.convert.openqasm.limits import MAX_STEPS
from circuits.convert.openqasm.values import Evaluator, Number

# How Qiskit writes functions that have another name here.
_FUNCTIONS = {"asin": "arcsin", "acos": "arccos", "atan": "arctan", "log": "ln", "Abs": "abs"}
_WORD = re.compile(r"\b(asin|acos|atan|log|Abs|conj|conjugate)\(")
# Where the two are compared: positive, inside (0, 1) for the inverse functions, and unrelated to each other.
_PROBES = (0.37, 0.71)


def from_parameter_expression(value: Any) -> Expression:
    """A number, `Parameter` or `ParameterExpression` of Qiskit, with parameters by their names.

    Qiskit shows the terms of an expression as text only. The text is parsed, and what comes out is compared with
    Qiskit's own value at two points.

    Raises:
        ValueError: complex numbers, functions that are not differentiable (sign), or text that means something else.
        TypeError: if it is none of these.
    """
    if not isinstance(value, ParameterExpression):
        return expression(_real(value))
    if isinstance(value, Parameter):
        return Name(value.name)
    if not value.parameters:
        return expression(_real(value))
    ordered = sorted(value.parameters, key=lambda p: p.name)
    plain = {p: Parameter(f"p{k}") for k, p in enumerate(ordered)}
    text = str(value.subs(plain))
    found = _parsed(text, value)
    names: dict[str, Expression] = {plain[p].name: Name(p.name) for p in ordered}
    result = found.substituted(names)
    _compare(result, value, ordered)
    return result


def _real(value: Any) -> float:
    number = complex(value)
    if number.imag != 0.0:
        raise ValueError(f"an angle must be real, not {number}")
    return number.real


def _parsed(text: str, value: Any) -> Expression:
    spent = 0

    def spend(count: int, offset: int) -> None:
        nonlocal spent
        spent += count
        if spent > MAX_STEPS:
            raise Refused("the expression is too long", offset)

    def look_up(name: str, offset: int) -> Number:
        return Name(name)

    source = _WORD.sub(
        lambda m: f"{_FUNCTIONS.get(m[1], '')}(", text
    )  # the parameters are real: conj does nothing
    try:
        # The grammar of OpenQASM 2 divides integers as reals.
        parser = ExpressionParser(tokens(source), version=2)
        node = parser.expression()
        if parser.token.kind != "end":
            raise parser.unexpected("the end of the expression")
        number = Evaluator(look_up, spend, 2).number(node)
    except Refused as refused:
        raise ValueError(f"the angle {value} has no form here: {refused.reason}") from None
    return number if isinstance(number, Expression) else expression(float(number))


def _compare(found: Expression, value: Any, parameters: list[Any]) -> None:
    for shift in _PROBES:
        at = {p: (shift + 0.137 * k) % 0.9 + 0.05 for k, p in enumerate(parameters)}
        try:
            expected = complex(value.bind_all(at))
            here = found.evaluate({p.name: v for p, v in at.items()})
        except (ValueError, ZeroDivisionError, OverflowError):
            continue  # outside its domain: the other point decides
        if not cmath.isfinite(expected):
            continue
        if not math.isclose(here, expected.real, rel_tol=1e-9, abs_tol=1e-9) or abs(expected.imag) > 1e-9:
            raise ValueError(f"the angle {value} has no form here: it reads as {found}")


def to_parameter_expression(value: Expression, parameters: Mapping[str, Any]) -> Any:
    """The same in Qiskit, with the `Parameter` of each name; a float where there is no name."""

    def converted(node: Expression) -> Any:
        return to_parameter_expression(node, parameters)

    match value:
        case Name():
            return parameters[value.name]
        case Linear():
            terms, offset = value.linear_combination
            total: Any = offset
            for k, (atom, coefficient) in enumerate(terms):
                piece = converted(atom) if coefficient == 1.0 else coefficient * converted(atom)
                total = piece if k == 0 and offset == 0.0 else total + piece
            return total
        case Product():
            return functools.reduce(operator.mul, [converted(factor) for factor in value.children])
        case Quotient():
            numerator, denominator = value.children
            return converted(numerator) / converted(denominator)
        case Power():
            base, exponent = value.children
            return converted(base) ** converted(exponent)
        case Call():
            return _applied(value.function, converted(value.children[0]))
    raise TypeError(f"expected an Expression, not {type(value).__name__}")


def _applied(function: str, argument: Any) -> Any:
    if not isinstance(argument, ParameterExpression):
        number = called(function, argument).number
        assert number is not None
        return number
    if function == "sqrt":
        return argument**0.5
    method = {"ln": "log"}.get(function, function)
    return getattr(argument, method)()
