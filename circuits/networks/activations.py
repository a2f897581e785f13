"""Activation functions by name, and the variance of weights that suits them."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array

Activation = str | Callable[[Array], Array]


def _identity(z: Array) -> Array:
    return z


_BY_NAME: dict[str, Callable[[Array], Array]] = {
    "cos": jnp.cos,
    "gelu": jax.nn.gelu,
    "identity": _identity,
    "relu": jax.nn.relu,
    "sigmoid": jax.nn.sigmoid,
    "silu": jax.nn.silu,
    "sin": jnp.sin,
    "softplus": jax.nn.softplus,
    "tanh": jnp.tanh,
}
_RECTIFIERS = frozenset({"gelu", "relu", "silu"})  # they halve the second moment of a centred input


def check_activation(activation: Activation) -> None:
    """Refuse what is neither a known name nor a module-level function.

    Raises:
        ValueError: for an unknown name.
        TypeError: for a lambda or a local function: networks are compared and hashed by value, and two such functions
            are never equal, so that every new network would compile anew.
    """
    if isinstance(activation, str):
        if activation not in _BY_NAME:
            raise ValueError(
                f"unknown activation {activation!r}; choose one of {', '.join(sorted(_BY_NAME))}"
            )
    elif not callable(activation) or "<" in getattr(activation, "__qualname__", "<"):
        raise TypeError(
            f"activation must be a name or a function defined at module level, got {activation!r}"
        )


def activation_function(activation: Activation) -> Callable[[Array], Array]:
    """The elementwise function."""
    return _BY_NAME[activation] if isinstance(activation, str) else activation


def weight_gain(activation: Activation) -> float:
    """``fan_in * variance`` of the weights in front of an activation.

    2 for rectifiers (He et al., ICCV 2015), 1 for the others (LeCun et al., Efficient BackProp, 1998).
    """
    return 2.0 if activation in _RECTIFIERS else 1.0
