r"""Channels: what noise does to one or a few qubits, each by its closed form.

A channel has *strengths*, the numbers that say how strong it is; both of its forms are functions of them that JAX can
trace, so that a sweep in strength compiles once and strengths can be differentiated and estimated:

* ``transfer_matrix``: the Pauli transfer matrix (:mod:`circuits.noise.transfer`), smooth in the strengths where the
  channel is, also at strength zero, where Kraus operators have square roots;
* ``kraus``: Kraus operators, complex (K, 2^k, 2^k), ``sum_k K_k^dagger K_k = 1``, the first wire the most significant.

Nielsen and Chuang, *Quantum Computation and Quantum Information*, section 8.3; conventions of other packages are said
where they differ.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from circuits.noise import transfer
from circuits.noise.channel import Channel, checked_strength, weighted_operators


@dataclass(frozen=True)
class Depolarizing(Channel):
    r"""``rho -> (1 - p) rho + p tr(rho) 1/2^k`` on k qubits, ``0 <= p <= 4^k / (4^k - 1)``.

    ``p`` is Qiskit's ``depolarizing_error(p, k)``; PennyLane's ``DepolarizingChannel(q)`` is the probability that some
    Pauli acts, ``q = 3 p / 4`` for k = 1.

    Raises:
        ValueError: a strength out of range, or no qubit.
    """

    strength: float
    qubits: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.qubits, int) or self.qubits < 1:
            raise ValueError(f"a channel acts on 1 or more qubits, not {self.qubits!r}")
        most = 4**self.qubits / (4**self.qubits - 1)
        object.__setattr__(
            self, "strength", checked_strength(self.strength, "the depolarising strength", most)
        )

    @property
    def n_qubits(self) -> int:
        return self.qubits

    @property
    def strengths(self) -> tuple[float, ...]:
        return (self.strength,)

    @property
    def strength_names(self) -> tuple[str, ...]:
        return ("depolarizing",)

    @property
    def form(self) -> Depolarizing:
        return Depolarizing(0.0, self.qubits)

    def transfer_matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "D D"]:
        p = self.values_or_own(strengths)[0]
        rest = jnp.full(4**self.qubits - 1, 1.0, p.dtype) * (1.0 - p)
        return jnp.diag(jnp.concatenate([jnp.ones(1, p.dtype), rest]))

    def kraus(self, strengths: Float[Array, " s"] | None = None) -> Complex[Array, "K d d"]:
        p = self.values_or_own(strengths)[0]
        each = p / 4**self.qubits
        rest = jnp.full(4**self.qubits - 1, 1.0, p.dtype) * each
        weights = jnp.concatenate([(1.0 - (4**self.qubits - 1) * each)[None], rest])
        return weighted_operators(weights, transfer.pauli_basis(self.qubits))


@dataclass(frozen=True, init=False)
class PauliChannel(Channel):
    """``rho -> sum_P p_P P rho P`` on one or two qubits; the identity has the rest of the probability.

    Args:
        probabilities: by Pauli string, e.g. ``{"X": 0.01, "Z": 0.02}`` or ``{"XX": 0.01, "IZ": 0.02}``.

    Raises:
        ValueError: strings of unequal or wrong length or letters, negative probabilities, or a sum above 1.
    """

    strings: tuple[str, ...]
    values: tuple[float, ...]

    def __init__(self, probabilities: Mapping[str, float]) -> None:
        kept = {s: v for s, v in probabilities.items() if set(s) - {"I"}}
        lengths = {len(s) for s in kept}
        if len(lengths) != 1 or not lengths <= {1, 2} or any(set(s) - set("IXYZ") for s in kept):
            raise ValueError(
                f"a Pauli channel takes strings on 1 or 2 qubits, such as {{'X': 0.01}}, not {probabilities}"
            )
        values = tuple(checked_strength(v, f"the probability of {s}", 1.0) for s, v in kept.items())
        if sum(values) > 1.0 + 1e-12:
            raise ValueError(
                f"the probabilities of a Pauli channel add up to at most 1, not {sum(values):.6g}"
            )
        object.__setattr__(self, "strings", tuple(kept))
        object.__setattr__(self, "values", values)

    @property
    def n_qubits(self) -> int:
        return len(self.strings[0])

    @property
    def strengths(self) -> tuple[float, ...]:
        return self.values

    @property
    def strength_names(self) -> tuple[str, ...]:
        return tuple(f"probability of {s}" for s in self.strings)

    @property
    def form(self) -> PauliChannel:
        return PauliChannel(dict.fromkeys(self.strings, 0.0))

    def transfer_matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "D D"]:
        p = self.values_or_own(strengths)
        return jnp.diag(1.0 - 2.0 * jnp.asarray(_anticommuting(self.strings), p.dtype) @ p)

    def kraus(self, strengths: Float[Array, " s"] | None = None) -> Complex[Array, "K d d"]:
        p = self.values_or_own(strengths)
        order = [0, *(_string_number(s) for s in self.strings)]
        weights = jnp.concatenate([(1.0 - jnp.sum(p))[None], p])
        return weighted_operators(weights, transfer.pauli_basis(self.n_qubits)[order])


def bit_flip(probability: float) -> PauliChannel:
    """X with that probability."""
    return PauliChannel({"X": probability})


def phase_flip(probability: float) -> PauliChannel:
    """Z with that probability."""
    return PauliChannel({"Z": probability})


def bit_phase_flip(probability: float) -> PauliChannel:
    """Y with that probability."""
    return PauliChannel({"Y": probability})


@dataclass(frozen=True, init=False, eq=False)
class KrausChannel(Channel):
    """Any channel on one or two qubits, by its Kraus operators. It has no strengths.

    Args:
        operators: complex (K, d, d), d = 2 or 4; the first wire is the most significant bit. One unitary is a
            coherent error.

    Raises:
        ValueError: a wrong shape, or ``sum_k K_k^dagger K_k`` that differs from the identity by more than 1e-8.
    """

    operators: np.ndarray

    def __init__(self, operators: Sequence[Any] | np.ndarray) -> None:
        kraus = np.array(operators, complex)
        if kraus.ndim != 3 or kraus.shape[1] != kraus.shape[2] or kraus.shape[1] not in (2, 4):
            raise ValueError(
                f"Kraus operators have shape (K, d, d), d = 2 or 4 for one or two qubits, not {kraus.shape}"
            )
        defect = transfer.completeness_defect(kraus)
        if not defect < 1e-8:
            raise ValueError(
                f"the Kraus operators are not complete: sum K'K differs from the identity by {defect:.1e}; "
                "check their normalisation"
            )
        kraus.flags.writeable = False
        object.__setattr__(self, "operators", kraus)

    def __hash__(self) -> int:
        return hash(self.operators.tobytes())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, KrausChannel):
            return NotImplemented
        return np.array_equal(self.operators, other.operators)

    def __repr__(self) -> str:
        return f"KrausChannel({len(self.operators)} operators on {self.n_qubits} qubits)"

    @property
    def n_qubits(self) -> int:
        return 1 if self.operators.shape[1] == 2 else 2

    @property
    def strengths(self) -> tuple[float, ...]:
        return ()

    @property
    def strength_names(self) -> tuple[str, ...]:
        return ()

    @property
    def form(self) -> KrausChannel:
        return self

    def transfer_matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "D D"]:
        return transfer.of_kraus(self.kraus(strengths))

    def kraus(self, strengths: Float[Array, " s"] | None = None) -> Complex[Array, "K d d"]:
        single = jnp.result_type(float) if strengths is None else jnp.asarray(strengths).dtype
        return jnp.asarray(self.operators, jnp.complex64 if single == jnp.float32 else jnp.complex128)


def _string_number(string: str) -> int:
    return functools.reduce(lambda number, letter: 4 * number + "IXYZ".index(letter), string, 0)


@functools.cache
def _anticommuting(strings: tuple[str, ...]) -> np.ndarray:
    """(4^k, strings): 1 where two Pauli strings anticommute."""
    every = ["".join(s) for s in itertools.product("IXYZ", repeat=len(strings[0]))]

    def odd(a: str, b: str) -> float:
        return float(sum(x != y and "I" not in (x, y) for x, y in zip(a, b, strict=True)) % 2)

    return np.array([[odd(a, b) for b in strings] for a in every])
