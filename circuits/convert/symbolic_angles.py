"""Angles given as expressions of named parameters and inputs: the map of a `Reparametrised` circuit that is read in."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits.convert.expressions import Expression
from circuits.description import Params
from circuits.reparametrised import AngleMap


class SymbolicAngles(AngleMap):
    """The map ``theta -> (e_1(theta, x), ..., e_m(theta, x))`` of m expressions.

    Args:
        expressions: one per parameter of the circuit.
        parameters: names of the entries of theta, in order.
        inputs: names of the entries of x, in order.

    Raises:
        ValueError: a name that is given twice, or that an expression uses and nobody gives.
    """

    def __init__(
        self, expressions: Sequence[Expression], parameters: Sequence[str], inputs: Sequence[str] = ()
    ) -> None:
        self._expressions = tuple(expressions)
        self._parameters = tuple(parameters)
        self._inputs = tuple(inputs)
        known = {*self._parameters, *self._inputs}
        if len(known) != len(self._parameters) + len(self._inputs):
            raise ValueError("the names of parameters and inputs must be different")
        for expression in self._expressions:
            for name in expression.names:
                if name not in known:
                    raise ValueError(f"{expression} uses {name!r}, which is neither a parameter nor an input")
        self._hash = hash((self._expressions, self._parameters, self._inputs))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SymbolicAngles):
            return NotImplemented
        return (self._expressions, self._parameters, self._inputs) == (
            other._expressions,
            other._parameters,
            other._inputs,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return SymbolicAngles, (self._expressions, self._parameters, self._inputs)

    def __repr__(self) -> str:
        return f"SymbolicAngles({', '.join(map(str, self._expressions))})"

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The angles."""
        return self._expressions

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """As given."""
        return self._parameters

    @property
    def input_names(self) -> tuple[str, ...]:
        """As given."""
        return self._inputs

    @property
    def n_inputs(self) -> int:
        """Number of names of inputs, used by an expression or not."""
        return len(self._inputs)

    @functools.cached_property
    def dependence(self) -> tuple[tuple[int, ...], ...]:
        """For each expression, the positions in theta of the names that it uses."""
        position = {name: i for i, name in enumerate(self._parameters)}
        return tuple(
            tuple([position[name] for name in expression.names if name in position])
            for expression in self._expressions
        )

    def __call__(self, params: Params, x: Array | None = None) -> Float[Array, " m"]:
        """The values of the expressions, in the dtype of ``params``.

        Raises:
            ValueError: if ``params`` is no array with one entry per parameter, or float64 while x64 is off.
            TypeError: if it does not hold floating-point numbers.
        """
        theta = self.vector(params)
        values = {name: theta[i] for i, name in enumerate(self._parameters)}
        if x is not None:
            data = jnp.asarray(x, theta.dtype)
            values |= {name: data[j] for j, name in enumerate(self._inputs)}
        if not self._expressions:
            return jnp.zeros(0, theta.dtype)
        # A constant expression takes the dtype of the values; without any it would not know theta's.
        return jnp.stack([jnp.asarray(e.traced(values), theta.dtype) for e in self._expressions])
