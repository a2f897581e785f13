"""Real numbers for symbolic expressions: their text, functions of them, and what is said where there is no value."""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp
from jaxtyping import Array

FUNCTIONS: dict[str, tuple[Callable[[float], float], Callable[[Array], Array]]] = {
    "sin": (math.sin, jnp.sin),
    "cos": (math.cos, jnp.cos),
    "tan": (math.tan, jnp.tan),
    "arcsin": (math.asin, jnp.arcsin),
    "arccos": (math.acos, jnp.arccos),
    "arctan": (math.atan, jnp.arctan),
    "exp": (math.exp, jnp.exp),
    "ln": (math.log, jnp.log),
    "sqrt": (math.sqrt, jnp.sqrt),
    "abs": (math.fabs, jnp.abs),
}
"""By name: in Python, which raises where there is no value, and in JAX, which gives NaN."""


def number_text(value: float) -> str:
    """A number as text that reads back exactly; small rational multiples of pi by name, e.g. ``3*pi/4``.

    A negative number has its sign in front.
    """
    sign, size = ("-", -value) if value < 0.0 else ("", value)
    for divisor in (1, 2, 3, 4, 6, 8, 16) if size < 64.0 else ():
        multiple = round(size * divisor / math.pi)
        if 1 <= multiple <= 16 and multiple * math.pi / divisor == size:
            head = "pi" if multiple == 1 else f"{multiple}*pi"
            return sign + (head if divisor == 1 else f"{head}/{divisor}")
    return sign + (str(int(size)) if size.is_integer() and size < 1e15 else repr(size))


def short(node: object, limit: int = 60) -> str:
    """The text of an expression, cut for a message."""
    text = str(node)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def finite(value: float, node: object) -> float:
    """The value of an expression, if it is a number.

    Raises:
        ValueError: if it is infinite or NaN.
    """
    if not math.isfinite(value):
        raise ValueError(f"{short(node)} is too large for a floating-point number")
    return value


def computed(function: Callable[..., float], node: object, *arguments: float) -> float:
    """``function(*arguments)``, the value of an expression.

    Raises:
        ValueError: if it is no finite real number.
    """
    try:
        return finite(function(*arguments), node)
    except OverflowError:
        raise ValueError(f"{short(node)} is too large for a floating-point number") from None
    except ValueError:
        values = ", ".join(f"{a:.6g}" for a in arguments)
        raise ValueError(f"{short(node)} has no real value at {values}") from None
