"""Real expressions of named parameters: immutable trees, evaluated in Python or in JAX, written as text.

    a, b = Name("a"), Name("b")
    angle = 2 * a - b / 4 + math.pi           # linear: affine() gives ({"a": 2.0, "b": -0.25}, pi)
    angle = sin(a) * b ** 2                   # not linear: affine() gives None

Sums are kept as linear combinations of atoms (names, products, quotients, powers, functions), so numbers are folded
and like terms join: ``a + a`` is ``2*a``. Sizes are bounded (`MAX_DEPTH`, `MAX_SIZE`), whoever writes the expression.
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits.convert.real_numbers import FUNCTIONS, computed, finite, number_text, short

# A tree is walked by recursion, two Python frames per level: far below Python's own limit of 1000.
MAX_DEPTH = 100
# Nodes of one tree, a subtree that occurs twice counted twice (doubling by x*x would be exponential otherwise).
MAX_SIZE = 10_000
# lax.integer_pow unrolls; larger integers go through the general power.
_MAX_INTEGER_POWER = 1024

Terms = tuple[tuple["Expression", float], ...]


class Expression(abc.ABC):
    """A real function of named parameters. Immutable, hashable, equal by value (as trees, not as functions).

    Arithmetic with numbers and other expressions: ``+ - * / **`` and the functions of this module.
    """

    __slots__ = ("_hash", "_key", "depth", "size")

    _key: tuple[Any, ...]
    _hash: int
    size: int
    depth: int

    def __init__(self, key: tuple[Any, ...], children: Sequence[Expression]) -> None:
        size = 1 + sum([child.size for child in children])
        depth = 1 + max([child.depth for child in children], default=0)
        if size > MAX_SIZE or depth > MAX_DEPTH:
            raise ValueError(
                f"an expression has at most {MAX_SIZE} nodes and {MAX_DEPTH} levels; this one has {size} and {depth}"
            )
        set_ = object.__setattr__
        set_(self, "_key", key)
        set_(self, "_hash", hash((type(self).__name__, key)))
        set_(self, "size", size)
        set_(self, "depth", depth)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"an Expression is immutable: cannot set {name!r}")

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Expression):
            return NotImplemented
        return type(self) is type(other) and self._hash == other._hash and self._key == other._key

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt, because hashes of strings differ from one process to the next.
        return type(self), self._key

    def __repr__(self) -> str:
        return f"<{self.text()}>"

    def __str__(self) -> str:
        return self.text()

    @abc.abstractmethod
    def evaluate(self, values: Mapping[str, float]) -> float:
        """The value as a Python float.

        Raises:
            ValueError: if it is no finite real number (a division by zero, the root of a negative number).
            KeyError: if a name has no value.
        """

    @abc.abstractmethod
    def traced(self, values: Mapping[str, Array]) -> Float[Array, ""]:
        """The value in JAX, of the dtype of ``values``, differentiable; NaN or infinity where it has none."""

    @abc.abstractmethod
    def substituted(self, mapping: Mapping[str, Expression]) -> Expression:
        """The expression with names replaced; names that ``mapping`` does not have stay."""

    @abc.abstractmethod
    def text(self) -> str:
        """As OpenQASM 3 and Python write it, e.g. ``2*a + sin(b)**2``; numbers are exact."""

    @property
    @abc.abstractmethod
    def children(self) -> tuple[Expression, ...]:
        """What the node is made of."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names used, each once, from left to right."""
        found: dict[str, None] = {}
        stack: list[Expression] = [self]
        while stack:
            node = stack.pop()
            if isinstance(node, Name):
                found[node.name] = None
            stack.extend(reversed(node.children))
        return tuple(found)

    @property
    def linear_combination(self) -> tuple[Terms, float]:
        """``(((atom, coefficient), ...), offset)``: the expression is ``offset + sum coefficient * atom``."""
        return ((self, 1.0),), 0.0

    @property
    def number(self) -> float | None:
        """The value of an expression without names; None for the others."""
        terms, offset = self.linear_combination
        return None if terms else offset

    def affine(self) -> tuple[dict[str, float], float] | None:
        """``({name: coefficient}, offset)`` if the expression is ``offset + sum coefficient * name``, else None."""
        terms, offset = self.linear_combination
        if not all(isinstance(atom, Name) for atom, _ in terms):
            return None
        return {atom.name: coefficient for atom, coefficient in terms if isinstance(atom, Name)}, offset

    def __add__(self, other: Operand) -> Expression:
        return _sum(self, expression(other))

    def __radd__(self, other: Operand) -> Expression:
        return _sum(expression(other), self)

    def __neg__(self) -> Expression:
        return _scaled(self, -1.0)

    def __pos__(self) -> Expression:
        return self

    def __sub__(self, other: Operand) -> Expression:
        return _sum(self, -expression(other))

    def __rsub__(self, other: Operand) -> Expression:
        return _sum(expression(other), -self)

    def __mul__(self, other: Operand) -> Expression:
        return _product(self, expression(other))

    def __rmul__(self, other: Operand) -> Expression:
        return _product(expression(other), self)

    def __truediv__(self, other: Operand) -> Expression:
        return _quotient(self, expression(other))

    def __rtruediv__(self, other: Operand) -> Expression:
        return _quotient(expression(other), self)

    def __pow__(self, other: Operand) -> Expression:
        return _power(self, expression(other))

    def __rpow__(self, other: Operand) -> Expression:
        return _power(expression(other), self)


Operand = Expression | float | int


class Name(Expression):
    """A named parameter."""

    __slots__ = ()
    children: ClassVar[tuple[Expression, ...]] = ()

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise ValueError(f"the name of a parameter is a string that is not empty, not {name!r}")
        super().__init__((name,), ())

    @property
    def name(self) -> str:
        """The name itself."""
        return self._key[0]

    def evaluate(self, values: Mapping[str, float]) -> float:
        return float(values[self.name])

    def traced(self, values: Mapping[str, Array]) -> Float[Array, ""]:
        return jnp.asarray(values[self.name])

    def substituted(self, mapping: Mapping[str, Expression]) -> Expression:
        return mapping.get(self.name, self)

    def text(self) -> str:
        return self.name


class Linear(Expression):
    """``offset + sum_k coefficient_k * atom_k``; a number where there are no terms. Made by arithmetic."""

    __slots__ = ()

    def __init__(self, terms: Terms, offset: float) -> None:
        super().__init__((terms, offset), [atom for atom, _ in terms])

    @property
    def children(self) -> tuple[Expression, ...]:
        return tuple([atom for atom, _ in self._key[0]])

    @property
    def linear_combination(self) -> tuple[Terms, float]:
        return self._key

    def evaluate(self, values: Mapping[str, float]) -> float:
        terms, offset = self._key
        total = offset
        for atom, coefficient in terms:
            total += coefficient * atom.evaluate(values)
        return finite(total, self)

    def traced(self, values: Mapping[str, Array]) -> Float[Array, ""]:
        terms, offset = self._key
        if not terms:
            dtype = jnp.result_type(*values.values()) if values else jnp.result_type(float)
            return jnp.asarray(offset, dtype)
        pieces = [atom.traced(values) * coefficient for atom, coefficient in terms]
        return sum(pieces[1:], start=pieces[0]) + offset

    def substituted(self, mapping: Mapping[str, Expression]) -> Expression:
        terms, offset = self._key
        total = expression(offset)
        for atom, coefficient in terms:
            total = total + atom.substituted(mapping) * coefficient
        return total

    def text(self) -> str:
        terms, offset = self._key
        written = ""
        for atom, coefficient in terms:
            size = abs(coefficient)
            piece = atom.text() if size == 1.0 else f"{number_text(size)}*{atom.text()}"
            written += f" {'-' if coefficient < 0.0 else '+'} {piece}"
        if offset != 0.0 or not terms:
            written += f" {'-' if offset < 0.0 else '+'} {number_text(abs(offset))}"
        return written[3:] if written.startswith(" +") else "-" + written[3:]


class Product(Expression):
    """The product of two or more expressions that are no numbers. Made by arithmetic."""

    __slots__ = ()

    def __init__(self, *factors: Expression) -> None:
        super().__init__(factors, factors)

    @property
    def children(self) -> tuple[Expression, ...]:
        return self._key

    def evaluate(self, values: Mapping[str, float]) -> float:
        return finite(math.prod([factor.evaluate(values) for factor in self._key]), self)

    def traced(self, values: Mapping[str, Array]) -> Float[Array, ""]:
        return functools.reduce(jnp.multiply, [factor.traced(values) for factor in self._key])

    def substituted(self, mapping: Mapping[str, Expression]) -> Expression:
        return math.prod([factor.substituted(mapping) for factor in self._key], start=expression(1.0))

    def text(self) -> str:
        return "*".join([_bracketed(factor, (Linear, Quotient)) for factor in self._key])


class Quotient(Expression):
    """``numerator / denominator``, the denominator no number. Made by arithmetic."""

    __slots__ = ()

    def __init__(self, numerator: Expression, denominator: Expression) -> None:
        super().__init__((numerator, denominator), (numerator, denominator))

    @property
    def children(self) -> tuple[Expression, ...]:
        return self._key

    def evaluate(self, values: Mapping[str, float]) -> float:
        numerator, denominator = (part.evaluate(values) for part in self._key)
        if denominator == 0.0:
            raise ValueError(f"{short(self)} divides by zero")
        return finite(numerator / denominator, self)

    def traced(self, values: Mapping[str, Array]) -> Float[Array, ""]:
        return self._key[0].traced(values) / self._key[1].traced(values)

    def substituted(self, mapping: Mapping[str, Expression]) -> Expression:
        return self._key[0].substituted(mapping) / self._key[1].substituted(mapping)

    def text(self) -> str:
        numerator, denominator = self._key
        return f"{_bracketed(numerator, (Linear, Quotient))}/{_bracketed(denominator, (Linear, Product, Quotient))}"


class Power(Expression):
    """``base ** exponent``, not both numbers. Made by arithmetic."""

    __slots__ = ()

    def __init__(self, base: Expression, exponent: Expression) -> None:
        super().__init__((base, exponent), (base, exponent))

    @property
    def children(self) -> tuple[Expression, ...]:
        return self._key

    def evaluate(self, values: Mapping[str, float]) -> float:
        base, exponent = (part.evaluate(values) for part in self._key)
        return computed(math.pow, self, base, exponent)

    def traced(self, values: Mapping[str, Array]) -> Float[Array, ""]:
        base, exponent = self._key
        fixed = exponent.number
        if fixed is None:
            return jnp.power(base.traced(values), exponent.traced(values))
        if fixed.is_integer() and abs(fixed) <= _MAX_INTEGER_POWER:
            return jax.lax.integer_pow(
                base.traced(values), int(fixed)
            )  # a derivative at base 0 and below, too
        return jnp.power(base.traced(values), fixed)

    def substituted(self, mapping: Mapping[str, Expression]) -> Expression:
        return self._key[0].substituted(mapping) ** self._key[1].substituted(mapping)

    def text(self) -> str:
        # A power binds tighter than a sign and groups to the right: every base and exponent but an atom is bracketed.
        base, exponent = (_bracketed(part, (Linear, Product, Quotient, Power)) for part in self._key)
        return f"{base}**{exponent}"


class Call(Expression):
    """A function of this module of an expression that is no number. Made by the functions, or by `called`."""

    __slots__ = ()

    def __init__(self, function: str, argument: Expression) -> None:
        super().__init__((function, argument), (argument,))

    @property
    def function(self) -> str:
        """The name of the function."""
        return self._key[0]

    @property
    def children(self) -> tuple[Expression, ...]:
        return (self._key[1],)

    def evaluate(self, values: Mapping[str, float]) -> float:
        function, argument = self._key
        return computed(FUNCTIONS[function][0], self, argument.evaluate(values))

    def traced(self, values: Mapping[str, Array]) -> Float[Array, ""]:
        function, argument = self._key
        return FUNCTIONS[function][1](argument.traced(values))

    def substituted(self, mapping: Mapping[str, Expression]) -> Expression:
        return called(self._key[0], self._key[1].substituted(mapping))

    def text(self) -> str:
        function, argument = self._key
        return f"{function}({argument.text()})"


def expression(value: Operand) -> Expression:
    """A number as an expression; an expression as it is.

    Raises:
        TypeError: for anything else.
        ValueError: for NaN or infinity.
    """
    if isinstance(value, Expression):
        return value
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise TypeError(f"an expression is made of numbers and expressions, not {type(value).__name__}")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"a number of an expression must be finite, not {number}")
    return Linear((), number + 0.0)  # -0.0 becomes 0.0: equal numbers look equal


def called(function: str, argument: Operand) -> Expression:
    """``function(argument)`` for sin, cos, tan, arcsin, arccos, arctan, exp, ln, sqrt or abs.

    Raises:
        ValueError: for another function, or where a number is outside its domain.
    """
    if function not in FUNCTIONS:
        raise ValueError(f"unknown function {function!r}; there are {', '.join(FUNCTIONS)}")
    argument = expression(argument)
    node = Call(function, argument)
    return node if argument.number is None else expression(node.evaluate({}))


def _bracketed(node: Expression, kinds: tuple[type[Expression], ...]) -> str:
    number = node.number
    plain = not isinstance(node, kinds)
    if number is not None and number >= 0.0:
        text = number_text(number)
        plain = "*" not in text and "/" not in text
    return node.text() if plain else f"({node.text()})"


def _linear(terms: dict[Expression, float], offset: float) -> Expression:
    kept = tuple([(atom, coefficient) for atom, coefficient in terms.items() if coefficient != 0.0])
    if not all(math.isfinite(c) for _, c in kept) or not math.isfinite(offset):
        raise ValueError("a number of an expression is too large for floating point")
    if len(kept) == 1 and kept[0][1] == 1.0 and offset == 0.0:
        return kept[0][0]
    return Linear(kept, offset + 0.0)


def _sum(a: Expression, b: Expression) -> Expression:
    (left, offset), (right, more) = a.linear_combination, b.linear_combination
    terms = dict(left)
    for atom, coefficient in right:
        terms[atom] = terms.get(atom, 0.0) + coefficient
    return _linear(terms, offset + more)


def _scaled(a: Expression, factor: float) -> Expression:
    terms, offset = a.linear_combination
    return _linear({atom: coefficient * factor for atom, coefficient in terms}, offset * factor)


def _factored(a: Expression) -> tuple[float, tuple[Expression, ...]]:
    """The numerical factor of a product, and the others."""
    terms, offset = a.linear_combination
    if len(terms) != 1 or offset != 0.0:
        return 1.0, (a,)
    atom, coefficient = terms[0]
    return coefficient, atom.children if isinstance(atom, Product) else (atom,)


def _product(a: Expression, b: Expression) -> Expression:
    for number, other in ((a.number, b), (b.number, a)):
        if number is not None:
            return _scaled(other, number)
    (left, factors), (right, more) = _factored(a), _factored(b)
    return _scaled(Product(*factors, *more), left * right)


def _quotient(a: Expression, b: Expression) -> Expression:
    number = b.number
    if number is None:
        if a.number == 0.0:
            return a
        (above, numerator), (below, denominator) = _factored(a), _factored(b)
        return _scaled(Quotient(_joined(numerator), _joined(denominator)), above / below)
    if number == 0.0:
        raise ValueError(f"{short(a)} is divided by zero")
    terms, offset = a.linear_combination
    return _linear({atom: coefficient / number for atom, coefficient in terms}, offset / number)


def _joined(factors: tuple[Expression, ...]) -> Expression:
    return factors[0] if len(factors) == 1 else Product(*factors)


def _power(a: Expression, b: Expression) -> Expression:
    if b.number == 1.0:
        return a
    if b.number == 0.0:
        return expression(1.0)
    node = Power(a, b)
    return node if a.number is None or b.number is None else expression(node.evaluate({}))
