r"""Exponentials of small generators, and one step of Magnus' expansion, for stacks of matrices.

The exponential is the Taylor polynomial of degree 15 (six products by Paterson and Stockmeyer's scheme) after
``squarings`` halvings: to rounding in double precision for norms up to ``0.68 * 2^squarings``. It is a polynomial, so
that derivatives of every order and batching come for free, and products are all it needs on a GPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from qgeom.nielsen.pauli_transform import array_module

RADIUS = 0.68
"""Norm up to which the Taylor polynomial is exact to rounding: x^16 / 16! = 1e-16."""


def squarings_for(norm: float) -> int:
    """Halvings that bring a generator of this operator norm below :data:`RADIUS`."""
    return max(0, math.ceil(math.log2(max(norm, 1e-300) / RADIUS)))


def exponential(generator: Any, squarings: int = 0) -> Any:
    """``exp(X)`` of a stack of matrices (..., s, s), real or complex."""
    a = generator * (0.5**squarings)
    one = array_module(a).eye(a.shape[-1], dtype=a.dtype)
    a2 = a @ a
    a3 = a2 @ a
    a4 = a2 @ a2
    c = [1.0 / math.factorial(k) for k in range(16)]

    def block(j: int) -> Any:
        return c[4 * j] * one + c[4 * j + 1] * a + c[4 * j + 2] * a2 + c[4 * j + 3] * a3

    result = block(3)
    for j in (2, 1, 0):
        result = result @ a4 + block(j)
    for _ in range(squarings):
        result = result @ result
    return result


def magnus(
    a0: Any,
    a1: Any,
    a2: Any,
    a3: Any,
    a4: Any,
    step: Any | float,
    bracket: Callable[[Any, Any], Any],
) -> Any:
    r"""``Omega`` with ``U(t + h) = exp(Omega) U(t) + O(h^7)`` for ``U' = X U``, ``X(t + h/2 + s) = sum_j a_j s^j``.

    The exponent of order six of Blanes, Casas and Ros, BIT 40 (2000) 434, with the moments
    ``alpha_i = h^i a_{i-1}``. ``a3`` and ``a4`` enter linearly: ``a4`` by its integral, ``a3``, whose integral is
    zero, by its commutator with ``a0``.
    """
    h = step
    b1, b2, b3 = h * a0, h**2 * a1, h**3 * a2
    c1 = bracket(b1, b2)
    # [b1, .] is linear: the corrections -[b1, 2 b3 + c1] / 60 and -[b1, h^4 a3] / 80 each take one product.
    c2 = (-1.0 / 60.0) * bracket(b1, 2.0 * b3 + c1)
    linear = b1 + b3 / 12.0 + (h**5 / 80.0) * a4 - (h**4 / 80.0) * bracket(b1, a3)
    return linear + (1.0 / 240.0) * bracket(-20.0 * b1 - b3 + c1, b2 + c2)
