"""A measured circuit: the distribution of the outcomes of some qubits, grouped into classes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.description import Distribution, Reading, State
from circuits.validation import checked_selection


class Measured(Reading):
    """A circuit whose qubits ``wires`` are measured in the computational basis.

    ``p(class) = sum over outcomes of the class, and over the unmeasured qubits, of |psi|^2``. Outcomes are numbered
    with the first wire as the most significant bit.

    Args:
        circuit: the circuit.
        wires: qubits that are measured, in order; all by default.
        classes: class of each of the 2^m outcomes, integers 0 to k - 1, each used; by default each outcome is its own
            class. See `parity_classes`, `modulo_classes`.

    Raises:
        ValueError: missing or repeated wires, or classes of a wrong length or with gaps.
    """

    circuit: Circuit
    measured_wires: tuple[int, ...]
    classes: tuple[int, ...] | None

    def __init__(
        self, circuit: Circuit, wires: Sequence[int] | None = None, classes: Sequence[int] | None = None
    ) -> None:
        chosen = range(circuit.n_qubits) if wires is None else wires
        measured = checked_selection(chosen, circuit.n_qubits, "wires", "qubits")
        if classes is not None:
            table = np.asarray(classes)
            if table.shape != (2 ** len(measured),) or table.dtype.kind not in "iu":
                raise ValueError(
                    f"classes must be {2 ** len(measured)} integers, one per outcome of {len(measured)} wires"
                )
            if table.min() < 0 or len(np.unique(table)) != table.max() + 1:
                raise ValueError("classes must be numbered 0, 1, 2, ..., each used by some outcome")
            classes = tuple(table.tolist())
        set_ = object.__setattr__
        set_(self, "circuit", circuit)
        set_(self, "measured_wires", measured)
        set_(self, "classes", classes)
        set_(self, "_hash", hash((circuit, measured, classes)))

    _hash: int

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Measured circuit is immutable: cannot set {name!r}")

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Measured):
            return NotImplemented
        return self._hash == other._hash and (self.circuit, self.measured_wires, self.classes) == (
            other.circuit,
            other.measured_wires,
            other.classes,
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return Measured, (self.circuit, self.measured_wires, self.classes)

    def __repr__(self) -> str:
        return f"Measured({self.circuit!r}, wires={self.measured_wires}, outcomes={self.n_outcomes})"

    @property
    def structure(self) -> Circuit:
        """The circuit."""
        return self.circuit

    @property
    def n_outcomes(self) -> int:
        """Number of outcomes after grouping: the length of the distribution."""
        return 2 ** len(self.measured_wires) if self.classes is None else max(self.classes) + 1

    @property
    def n_inputs(self) -> int:
        """Length of the classical input x; 0 where the circuit takes none."""
        return self.circuit.n_inputs

    def readout(self, state: State | Distribution) -> Distribution:
        """The distribution of the outcomes in a state, or from probabilities of all qubits; leading axes may batch."""
        p = state.probabilities
        batch, n_qubits = p.shape[:-1], self.circuit.n_qubits
        if self.measured_wires != tuple(range(n_qubits)):
            # Axes of the measured qubits first, in the order of wires, the others summed away.
            rest = [q for q in range(n_qubits) if q not in self.measured_wires]
            axes = [len(batch) + q for q in (*self.measured_wires, *rest)]
            p = p.reshape(*batch, *(2,) * n_qubits).transpose(*range(len(batch)), *axes)
            p = p.reshape(*batch, 2 ** len(self.measured_wires), 2 ** len(rest)).sum(axis=-1)
        if self.classes is not None:
            p = jnp.moveaxis(
                jax.ops.segment_sum(jnp.moveaxis(p, -1, 0), self._segments, num_segments=self.n_outcomes),
                0,
                -1,
            )
        return Distribution(p)

    @functools.cached_property
    def _segments(self) -> np.ndarray:
        return np.asarray(self.classes, dtype=np.int32)

    def __call__(self, params: Float[Array, " P"], x: Array | None = None) -> Distribution:
        """Probabilities of the outcomes (classes), shape (n_outcomes,)."""
        return self.readout(self.circuit(params, x))

    def curve(self, params: Float[Array, " P"], x: Array | None = None) -> Distribution:
        """The outcome distributions after 0, 1, ..., L layers: ``probabilities`` has shape (L + 1, n_outcomes)."""
        return self.readout(self.circuit.curve(params, x))


def parity_classes(n_wires: int) -> tuple[int, ...]:
    """The parity of each of the 2^n_wires outcomes: the number of ones modulo 2."""
    return tuple(outcome.bit_count() % 2 for outcome in range(2**n_wires))


def modulo_classes(n_wires: int, n_classes: int) -> tuple[int, ...]:
    """Outcome number modulo ``n_classes``, for each of the 2^n_wires outcomes.

    Raises:
        ValueError: if there are fewer outcomes than classes, or no class.
    """
    if not 1 <= n_classes <= 2**n_wires:
        raise ValueError(
            f"{n_wires} qubits have {2**n_wires} outcomes: n_classes must be 1 to that, not {n_classes}"
        )
    return tuple(outcome % n_classes for outcome in range(2**n_wires))
