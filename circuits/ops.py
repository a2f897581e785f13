"""The pieces of a circuit as data: angles (`Param`, `Input`), gates (`Op`) and what each gate takes (`SIGNATURES`)."""

from __future__ import annotations

import dataclasses
import math
import operator
from typing import Any, NamedTuple, SupportsFloat, SupportsIndex

import jax


def _number(value: Any, what: str) -> float:
    try:
        number = float(value)
    except jax.errors.ConcretizationTypeError:
        raise TypeError(
            f"{what} must be a concrete number, not a traced value; use a circuits.Param and pass it in theta"
        ) from None
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be a number or a circuits.Param, not {type(value).__name__}") from None
    if not math.isfinite(number):
        raise ValueError(f"{what} must be finite, not {number}")
    return number


def checked_position(value: Any, what: str) -> int:
    """``value`` as an integer of 0 or more, or one line that says what must be one."""
    try:
        position = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an integer, not {value!r}") from None
    if position < 0:
        raise ValueError(f"{what} must be 0 or more, not {position}")
    return position


@dataclasses.dataclass(frozen=True, slots=True)
class Param:
    """An angle as an affine function of one parameter and one input.

    ``angle = offset + scale * theta[index] * x[input]``, where a factor whose position is None is left out.
    Several gates may use the same ``index``: they share the parameter. Arithmetic: ``2 * p``, ``-p``, ``p / 2``,
    ``p + 0.1``, and ``p * Input(j)`` for the product of a parameter and an input (both without offset).

    Raises:
        TypeError, ValueError: for a negative or non-integer position, or a scale or offset that is not a finite number.
    """

    index: int | None
    scale: float = 1.0
    offset: float = 0.0
    input: int | None = None

    # NumPy scalars then leave the product to Param, and NumPy arrays raise instead of giving an array of objects.
    __array_ufunc__ = None

    def __post_init__(self) -> None:
        if self.index is not None and (type(self.index) is not int or self.index < 0):
            object.__setattr__(self, "index", checked_position(self.index, "the index of a parameter"))
        if self.input is not None and (type(self.input) is not int or self.input < 0):
            object.__setattr__(self, "input", checked_position(self.input, "the index of an input"))
        if type(self.scale) is not float or not math.isfinite(self.scale):
            object.__setattr__(self, "scale", _number(self.scale, "the scale of a parameter"))
        if type(self.offset) is not float or not math.isfinite(self.offset):
            object.__setattr__(self, "offset", _number(self.offset, "the offset of a parameter"))

    @property
    def is_fixed(self) -> bool:
        """Whether the angle depends on no parameter and no input."""
        return self.index is None and self.input is None

    def __mul__(self, other: Param | SupportsFloat) -> Param:
        if isinstance(other, Param):
            return _product(self, other)
        factor = _number(other, "the factor of a parameter")
        return Param(self.index, self.scale * factor, self.offset * factor, self.input)

    __rmul__ = __mul__

    def __truediv__(self, other: SupportsFloat) -> Param:
        if isinstance(other, Param):
            raise TypeError("a parameter can be divided by a number only")
        return self * (1.0 / _number(other, "the divisor of a parameter"))

    def __neg__(self) -> Param:
        return Param(self.index, -self.scale, -self.offset, self.input)

    def __add__(self, other: Param | SupportsFloat) -> Param:
        if isinstance(other, Param):
            raise TypeError("an angle holds one parameter: a sum of two is two gates, or one entry of theta")
        return Param(
            self.index, self.scale, self.offset + _number(other, "the offset of a parameter"), self.input
        )

    __radd__ = __add__

    def __sub__(self, other: Param | SupportsFloat) -> Param:
        return self + (other if isinstance(other, Param) else -_number(other, "the offset of a parameter"))

    def __rsub__(self, other: SupportsFloat) -> Param:
        return (-self).__add__(other)


def _product(a: Param, b: Param) -> Param:
    if a.offset != 0.0 or b.offset != 0.0:
        raise ValueError(
            "a product of a parameter and an input must have no offsets; add the offset after the product"
        )
    if (a.index is not None and b.index is not None) or (a.input is not None and b.input is not None):
        raise ValueError("an angle holds at most one parameter and one input: multiply a Param by an Input")
    return Param(
        a.index if b.index is None else b.index,
        a.scale * b.scale,
        0.0,
        a.input if b.input is None else b.input,
    )


def Input(index: SupportsIndex, scale: float = 1.0, offset: float = 0.0) -> Param:
    """The angle ``offset + scale * x[index]``: classical input, not trainable."""
    return Param(None, scale, offset, input=checked_position(index, "the index of an input"))


def fixed(value: SupportsFloat) -> Param:
    """The fixed angle ``value``."""
    return Param(None, 0.0, _number(value, "an angle"))


Angle = Param | SupportsFloat


class Op(NamedTuple):
    """One gate of a circuit: its name, the wires it acts on (controls first), its angles, and a Pauli string if any."""

    name: str
    wires: tuple[int, ...]
    angles: tuple[Param, ...] = ()
    pauli: str = ""

    @property
    def is_fixed(self) -> bool:
        """Whether no angle depends on a parameter or an input."""
        return all(angle.is_fixed for angle in self.angles)

    @property
    def parameters(self) -> tuple[int, ...]:
        """Indices of the parameters used, each once, in the order of the angles."""
        return tuple(dict.fromkeys(a.index for a in self.angles if a.index is not None))


class Signature(NamedTuple):
    """What a gate of a name takes. ``n_wires`` is None where any number of wires is allowed."""

    n_wires: int | None
    n_angles: int


SIGNATURES: dict[str, Signature] = {
    **dict.fromkeys(("I", "X", "Y", "Z", "H", "S", "SDG", "T", "TDG", "SX", "SXDG"), Signature(1, 0)),
    **dict.fromkeys(("RX", "RY", "RZ", "P"), Signature(1, 1)),
    **dict.fromkeys(("U3", "SU2"), Signature(1, 3)),
    **dict.fromkeys(("CX", "CY", "CZ", "CH", "SWAP", "ISWAP"), Signature(2, 0)),
    **dict.fromkeys(("CRX", "CRY", "CRZ", "CP", "RXX", "RYY", "RZZ", "XXPLUSYY"), Signature(2, 1)),
    "SU4": Signature(2, 15),
    **dict.fromkeys(("CCX", "CSWAP"), Signature(3, 0)),
    **dict.fromkeys(("PAULIROT", "MCP"), Signature(None, 1)),
}
