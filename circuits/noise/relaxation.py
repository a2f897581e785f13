"""Channels of one qubit that relaxes, loses its phase, or is prepared anew (see :mod:`circuits.noise.channels`)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float

from circuits.noise import transfer
from circuits.noise.channel import Channel, as_complex, checked_strength, weighted_operators

_UNITS = np.eye(4).reshape(4, 2, 2)
"""``|0><0|, |0><1|, |1><0|, |1><1|``."""


@dataclass(frozen=True)
class AmplitudeDamping(Channel):
    r"""Relaxation towards a thermal state with probability ``rate``: generalised amplitude damping.

    Populations go to ``(1 - excited, excited)`` by the factor ``1 - rate``, coherences shrink by ``sqrt(1 - rate)``.
    ``excited = 0`` is the usual amplitude damping (a cold bath): ``K_0 = diag(1, sqrt(1 - rate))``,
    ``K_1 = sqrt(rate) |0><1|``.

    Raises:
        ValueError: numbers outside [0, 1].
    """

    rate: float
    excited: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", checked_strength(self.rate, "the rate of amplitude damping", 1.0))
        object.__setattr__(self, "excited", checked_strength(self.excited, "the excited population", 1.0))

    @property
    def n_qubits(self) -> int:
        return 1

    @property
    def strengths(self) -> tuple[float, ...]:
        return (self.rate, self.excited)

    @property
    def strength_names(self) -> tuple[str, ...]:
        return ("amplitude damping", "excited population")

    @property
    def form(self) -> AmplitudeDamping:
        return AmplitudeDamping(0.0, 0.0)

    def transfer_matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "D D"]:
        rate, excited = self.values_or_own(strengths)
        keep = 1.0 - rate
        return _relaxation(keep, jnp.sqrt(keep), excited)

    def kraus(self, strengths: Float[Array, " s"] | None = None) -> Complex[Array, "K d d"]:
        rate, excited = self.values_or_own(strengths)
        return _relaxation_kraus(1.0 - rate, excited)


@dataclass(frozen=True)
class PhaseDamping(Channel):
    r"""Loss of phase: coherences shrink by ``sqrt(1 - rate)``; ``K = diag(1, sqrt(1 - rate)), diag(0, sqrt(rate))``.

    A phase flip of probability ``(1 - sqrt(1 - rate)) / 2`` is the same channel.

    Raises:
        ValueError: a rate outside [0, 1].
    """

    rate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", checked_strength(self.rate, "the rate of phase damping", 1.0))

    @property
    def n_qubits(self) -> int:
        return 1

    @property
    def strengths(self) -> tuple[float, ...]:
        return (self.rate,)

    @property
    def strength_names(self) -> tuple[str, ...]:
        return ("phase damping",)

    @property
    def form(self) -> PhaseDamping:
        return PhaseDamping(0.0)

    def transfer_matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "D D"]:
        (rate,) = self.values_or_own(strengths)
        one, root = jnp.ones_like(rate), jnp.sqrt(1.0 - rate)
        return jnp.diag(jnp.stack([one, root, root, one]))

    def kraus(self, strengths: Float[Array, " s"] | None = None) -> Complex[Array, "K d d"]:
        (rate,) = self.values_or_own(strengths)
        one, zero = jnp.ones_like(rate), jnp.zeros_like(rate)
        diagonals = jnp.stack([jnp.stack([one, jnp.sqrt(1.0 - rate)]), jnp.stack([zero, jnp.sqrt(rate)])])
        return as_complex(jax.vmap(jnp.diag)(diagonals))


@dataclass(frozen=True)
class ThermalRelaxation(Channel):
    r"""Relaxation (T1) and dephasing (T2): populations relax by ``e^{-t/T1}``, coherences by ``e^{-t/T2}``.

    Towards ``(1 - excited, excited)``. The same map as Qiskit's ``thermal_relaxation_error(t1, t2, time, excited)``,
    for all ``T2 <= 2 T1``: above ``T2 = T1`` it is no mixture of resets and phase flips, but still amplitude damping
    followed by dephasing, ``e^{-t/T2} / e^{-t/2T1} <= 1``. Times in one unit.

    Raises:
        ValueError: times that are not positive (``time`` may be 0), T2 above 2 T1, a population outside [0, 1].
    """

    t1: float
    t2: float
    time: float
    excited: float = 0.0

    def __post_init__(self) -> None:
        t1, t2, time = (float(v) for v in (self.t1, self.t2, self.time))
        if not (t1 > 0.0 and t2 > 0.0 and 0.0 <= time < math.inf):
            raise ValueError(f"thermal relaxation needs T1, T2 > 0 and a time >= 0, not {t1}, {t2}, {time}")
        if t2 > 2.0 * t1 * (1.0 + 1e-12):
            raise ValueError(f"T2 is at most 2 T1: {t2:g} > 2 x {t1:g}; give min(t2, 2 * t1)")
        for name, value in (("t1", t1), ("t2", t2), ("time", time)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "excited", checked_strength(self.excited, "the excited population", 1.0))

    @property
    def n_qubits(self) -> int:
        return 1

    @property
    def strengths(self) -> tuple[float, ...]:
        return (self.t1, self.t2, self.time, self.excited)

    @property
    def strength_names(self) -> tuple[str, ...]:
        return ("T1", "T2", "time", "excited population")

    @property
    def form(self) -> ThermalRelaxation:
        return ThermalRelaxation(1.0, 1.0, 0.0)

    def transfer_matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "D D"]:
        t1, t2, time, excited = self.values_or_own(strengths)
        return _relaxation(jnp.exp(-time / t1), jnp.exp(-time / t2), excited)

    def kraus(self, strengths: Float[Array, " s"] | None = None) -> Complex[Array, "K d d"]:
        t1, t2, time, excited = self.values_or_own(strengths)
        dephasing = jnp.minimum(jnp.exp(time * (0.5 / t1 - 1.0 / t2)), 1.0)
        weights = jnp.stack([0.5 * (1.0 + dephasing), 0.5 * (1.0 - dephasing)])
        phase = weighted_operators(weights, transfer.pauli_basis(1)[[0, 3]])
        damping = _relaxation_kraus(jnp.exp(-time / t1), excited)
        return jnp.einsum("aij,bjk->abik", phase, damping).reshape(-1, 2, 2)


@dataclass(frozen=True)
class Reset(Channel):
    """The qubit is prepared anew: in ``|0>`` with probability ``to_zero``, in ``|1>`` with ``to_one``.

    Raises:
        ValueError: negative probabilities, or a sum above 1.
    """

    to_zero: float
    to_one: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "to_zero", checked_strength(self.to_zero, "the probability of a reset to 0", 1.0)
        )
        object.__setattr__(
            self, "to_one", checked_strength(self.to_one, "the probability of a reset to 1", 1.0)
        )
        if self.to_zero + self.to_one > 1.0 + 1e-12:
            raise ValueError(
                f"the probabilities of a reset add up to at most 1, not {self.to_zero + self.to_one}"
            )

    @property
    def n_qubits(self) -> int:
        return 1

    @property
    def strengths(self) -> tuple[float, ...]:
        return (self.to_zero, self.to_one)

    @property
    def strength_names(self) -> tuple[str, ...]:
        return ("reset to 0", "reset to 1")

    @property
    def form(self) -> Reset:
        return Reset(0.0, 0.0)

    def transfer_matrix(self, strengths: Float[Array, " s"] | None = None) -> Float[Array, "D D"]:
        zero, one = self.values_or_own(strengths)
        keep = 1.0 - zero - one
        return jnp.diag(jnp.stack([jnp.ones_like(keep), keep, keep, keep])).at[3, 0].set(zero - one)

    def kraus(self, strengths: Float[Array, " s"] | None = None) -> Complex[Array, "K d d"]:
        zero, one = self.values_or_own(strengths)
        weights = jnp.stack([1.0 - zero - one, zero, zero, one, one])
        return weighted_operators(weights, np.concatenate([np.eye(2)[None], _UNITS[[0, 1]], _UNITS[[3, 2]]]))


def _relaxation(populations: Array, coherences: Array, excited: Array) -> Float[Array, "4 4"]:
    diagonal = jnp.diag(jnp.stack([jnp.ones_like(populations), coherences, coherences, populations]))
    return diagonal.at[3, 0].set((1.0 - populations) * (1.0 - 2.0 * excited))


def _relaxation_kraus(keep: Array, excited: Array) -> Complex[Array, "4 2 2"]:
    """Generalised amplitude damping whose populations shrink by ``keep``."""
    root, jump, zero, one = jnp.sqrt(keep), jnp.sqrt(1.0 - keep), jnp.zeros_like(keep), jnp.ones_like(keep)
    cold, hot = jnp.sqrt(1.0 - excited), jnp.sqrt(excited)
    rows = [
        (cold * one, zero, zero, cold * root),
        (zero, cold * jump, zero, zero),
        (hot * root, zero, zero, hot * one),
        (zero, zero, hot * jump, zero),
    ]
    return as_complex(jnp.stack([jnp.stack(row).reshape(2, 2) for row in rows]))
