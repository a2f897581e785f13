"""Readout errors: what is written down, given what the qubits were."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


class Readout(abc.ABC):
    """A stochastic map of outcomes. Immutable, hashable, equal by value."""

    @property
    @abc.abstractmethod
    def n_qubits(self) -> int:
        """Number of wires that are read together."""

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
    def form(self) -> Readout:
        """The same kind at reference strengths."""

    @abc.abstractmethod
    def matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "d d"]:
        """``p(read | true)``: rows what is read, columns what it was; the first wire the most significant bit."""


@dataclass(frozen=True)
class ReadoutError(Readout):
    """One qubit misread: 1 for 0 with probability ``false_one``, 0 for 1 with ``false_zero``.

    Raises:
        ValueError: a probability outside [0, 1].
    """

    false_one: float
    false_zero: float

    def __post_init__(self) -> None:
        for name in ("false_one", "false_zero"):
            value = float(getattr(self, name))
            if not 0.0 <= value <= 1.0:
                raise ValueError(f"a readout error is a probability, {name} is {value:g}")
            object.__setattr__(self, name, value)

    @property
    def n_qubits(self) -> int:
        return 1

    @property
    def strengths(self) -> tuple[float, ...]:
        return (self.false_one, self.false_zero)

    @property
    def strength_names(self) -> tuple[str, ...]:
        return ("read 1 for 0", "read 0 for 1")

    @property
    def form(self) -> ReadoutError:
        return ReadoutError(0.0, 0.0)

    def matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "2 2"]:
        values = jnp.asarray(self.strengths, jnp.result_type(float)) if strengths is None else strengths
        one, zero = values[0], values[1]
        return jnp.stack([jnp.stack([1.0 - one, zero]), jnp.stack([one, 1.0 - zero])])


@dataclass(frozen=True, init=False)
class JointReadoutError(Readout):
    """Qubits that are read together, with correlated errors. It has no strengths.

    Args:
        probabilities: ``p(read | true)``, (2^k, 2^k), **row** ``true``, column ``read`` (as Qiskit's ReadoutError); the
            first wire is the most significant bit.

    Raises:
        ValueError: a wrong shape, or rows that are no distributions.
    """

    probabilities: tuple[tuple[float, ...], ...]

    def __init__(self, probabilities: Sequence[Sequence[float]] | np.ndarray) -> None:
        table = np.asarray(probabilities, float)
        if table.ndim != 2 or table.shape[0] != table.shape[1] or table.shape[0] not in (2, 4, 8, 16):
            raise ValueError(
                f"a readout error of k qubits is a (2^k, 2^k) table, k = 1 to 4, not {table.shape}"
            )
        if table.min() < -1e-9 or np.abs(table.sum(axis=1) - 1.0).max() > 1e-6:
            raise ValueError(
                "every row of a readout error, p(read | true), is a distribution that adds up to 1"
            )
        object.__setattr__(self, "probabilities", tuple(tuple(row) for row in table.tolist()))

    @property
    def n_qubits(self) -> int:
        return len(self.probabilities).bit_length() - 1

    @property
    def strengths(self) -> tuple[float, ...]:
        return ()

    @property
    def strength_names(self) -> tuple[str, ...]:
        return ()

    @property
    def form(self) -> JointReadoutError:
        return self

    def matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "d d"]:
        dtype = jnp.result_type(float) if strengths is None else jnp.asarray(strengths).dtype
        return jnp.asarray(np.array(self.probabilities).T, dtype)


def read(
    p: Float[Array, " d"], n_qubits: int, errors: Sequence[tuple[tuple[int, ...], Any]]
) -> Float[Array, " d"]:
    """Probabilities of what is written down.

    Args:
        p: true probabilities (2^n,).
        n_qubits: n.
        errors: wires and matrix ``p(read | true)`` of each error, on different wires.
    """
    for wires, matrix in errors:
        k = len(wires)
        tensor = jnp.moveaxis(p.reshape((2,) * n_qubits), wires, range(k))
        moved = (matrix @ tensor.reshape(2**k, -1)).reshape((2,) * n_qubits)
        p = jnp.moveaxis(moved, range(k), wires).reshape(-1)
    return p
