"""The contract of a channel, and what its closed forms share."""

from __future__ import annotations

import abc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float


class Channel(abc.ABC):
    """A completely positive map that preserves the trace. Immutable, hashable, equal by value."""

    @property
    @abc.abstractmethod
    def n_qubits(self) -> int:
        """Number of wires that it acts on."""

    @property
    @abc.abstractmethod
    def strengths(self) -> tuple[float, ...]:
        """The numbers that it is a function of."""

    @property
    @abc.abstractmethod
    def strength_names(self) -> tuple[str, ...]:
        """One name per strength."""

    @property
    @abc.abstractmethod
    def form(self) -> Channel:
        """The same kind of channel at reference strengths: what is static when strengths are traced."""

    @abc.abstractmethod
    def transfer_matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "D D"]:
        """The Pauli transfer matrix, (4^k, 4^k) in the dtype of the strengths; its own strengths unless given."""

    @abc.abstractmethod
    def kraus(self, strengths: Float[Array, " s"] | None = None) -> Complex[Array, "K d d"]:
        """Kraus operators, (K, 2^k, 2^k); at its own strengths unless given."""

    def values_or_own(self, strengths: Any) -> Float[Array, " s"]:
        if strengths is None:
            return jnp.asarray(self.strengths, jnp.result_type(float))
        return jnp.asarray(strengths)


def checked_strength(value: Any, what: str, most: float) -> float:
    """A concrete number from 0 to ``most``, or one line that says what must be one."""
    try:
        number = float(value)
    except jax.errors.ConcretizationTypeError:
        raise TypeError(
            f"{what} must be a concrete number; traced strengths go through VariedNoise"
        ) from None
    if not 0.0 <= number <= most * (1.0 + 1e-12):
        raise ValueError(f"{what} is between 0 and {most:.6g}, not {number:g}")
    return number


def as_complex(a: Array) -> Array:
    """A real array as a complex one of the same precision."""
    return jax.lax.complex(a, jnp.zeros_like(a))


def weighted_operators(weights: Float[Array, " K"], operators: np.ndarray) -> Complex[Array, "K d d"]:
    """``sqrt(w_k) A_k``."""
    roots = as_complex(jnp.sqrt(jnp.maximum(weights, 0.0)))
    return roots[:, None, None] * jnp.asarray(operators, roots.dtype)
