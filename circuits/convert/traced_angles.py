"""Angles computed by a traced function: the map of a `Reparametrised` circuit that no expression describes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits.description import Params
from circuits.reparametrised import AngleMap


class TracedAngles(AngleMap):
    """The map ``theta -> function(theta, x)`` of a function that JAX can trace.

    Two maps are equal if they are the same object: two functions cannot be compared. Convert a program once, and use
    the description that comes out; converting it again compiles everything again. Not to be pickled.

    Args:
        function: from theta, (P,), and x, (n_inputs,) or None, to the m angles.
        dependence: for each angle, the positions in theta that it may depend on.
        parameters: names of the entries of theta, in order.
        n_inputs: length of x; 0 where the function reads none.
    """

    def __init__(
        self,
        function: Callable[[Array, Array | None], Array],
        dependence: Sequence[Sequence[int]],
        parameters: Sequence[str],
        n_inputs: int = 0,
    ) -> None:
        self._function = jax.jit(function)  # the function itself runs once per dtype
        self._dependence = tuple(tuple(positions) for positions in dependence)
        self._parameters = tuple(parameters)
        self._n_inputs = n_inputs

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError("a traced function cannot be pickled: convert the circuit where it is used")

    def __repr__(self) -> str:
        return f"TracedAngles(angles={len(self._dependence)}, parameters={len(self._parameters)})"

    @property
    def dependence(self) -> tuple[tuple[int, ...], ...]:
        """As given."""
        return self._dependence

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """As given."""
        return self._parameters

    @property
    def n_inputs(self) -> int:
        """As given."""
        return self._n_inputs

    def __call__(self, params: Params, x: Array | None = None) -> Float[Array, " m"]:
        """The angles, in the dtype of ``params``.

        Raises:
            ValueError: if ``params`` is no array with one entry per parameter, or float64 while x64 is off.
            TypeError: if it does not hold floating-point numbers.
        """
        theta = self.vector(params)
        data = None if x is None else jnp.asarray(x, theta.dtype)
        return self._function(theta, data).astype(theta.dtype)
