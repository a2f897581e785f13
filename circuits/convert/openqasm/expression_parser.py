"""Expressions by precedence climbing; the stream of tokens, with its bounds, that all parsing rests on."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from circuits.convert.openqasm.errors import Refused, shown
from circuits.convert.openqasm.lexer import Token
from circuits.convert.openqasm.limits import MAX_INTEGER_BITS, MAX_NESTING
from circuits.convert.openqasm.syntax import (
    Application,
    Chain,
    Identifier,
    Indexed,
    Literal,
    Range,
    Several,
    Unary,
    Value,
)

TYPES = frozenset(("int", "uint", "float", "angle", "bool"))
# Weaker to stronger, as in C with ** on top; all but ** group to the left.
_LEVELS = (
    ("||",), ("&&",), ("|",), ("^",), ("&",), ("==", "!="), ("<", ">", "<=", ">="), ("<<", ">>"), ("+", "-"),
    ("*", "/", "%"),
)  # fmt: skip
_STRENGTH = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_UNARY = ("-", "+", "!", "~")


class ExpressionParser:
    """A cursor on the tokens of a program, and the grammar of its expressions.

    Args:
        stream: tokens.
        version: 2 or 3; in OpenQASM 2 ``^`` is a power.
    """

    def __init__(self, stream: Iterator[Token], version: int = 3) -> None:
        self._stream = stream
        self._token = next(stream)
        self._depth = 0
        self.last_end = 0  # where the token before the next one ends
        self.version = version

    # The cursor.

    @property
    def token(self) -> Token:
        """The next token."""
        return self._token

    def take(self) -> Token:
        """The next token, and past it."""
        token = self._token
        self.last_end = token.offset + len(token.text)
        if token.kind != "end":
            self._token = next(self._stream)
        return token

    def at(self, *texts: str) -> bool:
        """Whether the next token is one of these symbols or words."""
        return self._token.text in texts and self._token.kind in ("symbol", "name")

    def accept(self, text: str) -> bool:
        """Past the next token if it is ``text``."""
        if self.at(text):
            self.take()
            return True
        return False

    def expect(self, text: str, where: str = "") -> Token:
        """The next token, which must be ``text``."""
        if not self.at(text):
            raise self.unexpected(f"{text!r}{where}")
        return self.take()

    def expect_name(self, what: str, physical: bool = False) -> Token:
        """The next token, which must be a name; of a physical qubit, ``$0``, only if asked."""
        if self._token.kind != "name" or (self._token.text[0] == "$" and not physical):
            raise self.unexpected(what)
        return self.take()

    def unexpected(self, wanted: str) -> Refused:
        """The error that something else was expected here."""
        found = "the end of the program" if self._token.kind == "end" else shown(self._token.text)
        return Refused(f"expected {wanted}, not {found}", self._token.offset)

    @contextlib.contextmanager
    def nested(self) -> Iterator[None]:
        """One level deeper."""
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise Refused(f"nested deeper than {MAX_NESTING} levels", self._token.offset)
        yield
        self._depth -= 1

    # The grammar.

    def expression(self, weakest: int = 0) -> Value:
        """An expression whose operators are at least of strength ``weakest``."""
        left = self._unary()
        while True:
            token = self._token
            strength = _STRENGTH.get(token.text) if token.kind == "symbol" else None
            if strength is None or strength < weakest or (self.version == 2 and token.text == "^"):
                return left
            self.take()
            with self.nested():
                right = self.expression(strength + 1)
            if isinstance(left, Chain) and _STRENGTH[left.rest[0][0]] == strength:
                left.rest.append((token.text, right, token.offset))
            else:
                left = Chain(left, [(token.text, right, token.offset)], left.offset)

    def _unary(self) -> Value:
        offset = self._token.offset
        signs: list[str] = []
        while self._token.kind == "symbol" and self._token.text in _UNARY:
            signs.append(self.take().text)
        value = self._power()
        return Unary("".join(signs), value, offset) if signs else value

    def _power(self) -> Value:
        base = self._postfix()
        token = self._token
        if not (self.at("**") or (self.version == 2 and self.at("^"))):
            return base
        self.take()
        with self.nested():  # groups to the right: 2**-3**2 is 2**(-(3**2))
            exponent = self._unary()
        # Kept apart from the other operators: its operands are never a chain of the same strength.
        return Application("pow", (base, exponent), token.offset)

    def _postfix(self) -> Value:
        value = self._primary()
        count = 0
        while self.at("["):
            count += 1
            if count > 2:
                raise Refused("at most two indices in a row are read", self._token.offset)
            offset = self.take().offset
            with self.nested():
                index = self.index()
            self.expect("]")
            value = Indexed(value, index, offset)
        return value

    def index(self) -> Value | Range | Several:
        """What stands between the brackets of an index."""
        if self.at("{"):
            return self.several()
        return self.range_or_value(("]", ","))

    def several(self) -> Several:
        """``{a, b, ...}``."""
        offset = self.expect("{").offset
        items: list[Value] = []
        with self.nested():
            while not self.at("}"):
                items.append(self.expression())
                if not self.accept(","):
                    break
        self.expect("}")
        return Several(tuple(items), offset)

    def range_or_value(self, ends: tuple[str, ...]) -> Value | Range:
        """An expression, or ``start:stop`` or ``start:step:stop`` with parts left out."""
        offset = self._token.offset
        parts: list[Value | None] = []
        while True:
            parts.append(None if self.at(":", *ends) else self.expression())
            if not self.at(":") or len(parts) == 3:
                break
            self.take()
        if len(parts) == 1:
            if parts[0] is None:
                raise self.unexpected("an index")
            return parts[0]
        return Range(parts[0], parts[1] if len(parts) == 3 else None, parts[-1], offset)

    def _primary(self) -> Value:
        token = self._token
        if token.kind == "integer":
            self.take()
            value = _integer(token)
            if value.bit_length() > MAX_INTEGER_BITS:
                raise Refused(f"an integer of more than {MAX_INTEGER_BITS} bits", token.offset)
            return Literal(value, token.offset)
        if token.kind == "real":
            self.take()
            value = float(token.text.replace("_", ""))
            if value in (float("inf"), float("-inf")):
                raise Refused("a number too large for floating point", token.offset)
            return Literal(value, token.offset)
        if self.at("("):
            self.take()
            with self.nested():
                value = self.expression()
            self.expect(")")
            # A chain in brackets must not be continued by what follows it.
            return Application("()", (value,), token.offset) if isinstance(value, Chain) else value
        if token.kind == "name":
            return self._named()
        if token.kind == "string":
            raise Refused("a string has no value here", token.offset)
        raise self.unexpected("an expression")

    def _named(self) -> Value:
        token = self.take()
        if token.text in ("true", "false"):
            return Literal(token.text == "true", token.offset)
        if token.text in TYPES:  # a cast: float(n), int[32](x)
            if self.at("["):
                self.width()
            if not self.at("("):
                raise self.unexpected(f"'(' after the type {token.text}")
        if token.text == "measure":
            raise Refused("a measurement is no part of an expression", token.offset)
        if self.at("("):
            return Application(token.text, self.arguments(), token.offset)
        return Identifier(token.text, token.offset)

    def arguments(self) -> tuple[Value, ...]:
        """``(a, b, ...)``."""
        self.expect("(")
        found: list[Value] = []
        with self.nested():
            while not self.at(")"):
                found.append(self.expression())
                if not self.accept(","):
                    break
        self.expect(")")
        return tuple(found)

    def width(self) -> Value:
        """``[n]`` after a type."""
        self.expect("[")
        with self.nested():
            value = self.expression()
        self.expect("]")
        return value


def _integer(token: Token) -> int:
    text = token.text.replace("_", "").lower()
    base = {"0x": 16, "0o": 8, "0b": 2}.get(text[:2], 10)
    digits = text if base == 10 else text[2:]
    if not digits:
        raise Refused(f"a number without digits: {shown(token.text)}", token.offset)
    return int(digits, base)
