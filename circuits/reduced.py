"""What an observer of a part sees: the reduced state of some qubits, or a few of the outcomes of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from circuits.circuit import Circuit
from circuits.description import DensityMatrix, Distribution, Gaussian, Reading
from circuits.networks.base import Network
from circuits.validation import checked_selection


@dataclass(frozen=True, init=False)
class ReducedState(Reading):
    """The state of some qubits of a circuit, the others traced out: a density matrix.

    Args:
        circuit: the circuit.
        wires: qubits that are kept, in order.

    Raises:
        ValueError: missing or repeated wires, or none.
    """

    circuit: Circuit
    kept_wires: tuple[int, ...]

    def __init__(self, circuit: Circuit, wires: Sequence[int]) -> None:
        kept = checked_selection(wires, circuit.n_qubits, "wires", "qubits")
        object.__setattr__(self, "circuit", circuit)
        object.__setattr__(self, "kept_wires", kept)

    @property
    def structure(self) -> Circuit:
        """The circuit."""
        return self.circuit

    def __call__(self, params: Any, x: Array | None = None) -> DensityMatrix:
        """The density matrix, (2^k, 2^k)."""
        return self._reduced(self.circuit(params, x).vector)

    def curve(self, params: Any, x: Array | None = None) -> DensityMatrix:
        """The reduced states layer by layer, identity first."""
        return self._reduced(self.circuit.curve(params, x).vector)

    def _reduced(self, vector: Array) -> DensityMatrix:
        n, kept = self.circuit.n_qubits, self.kept_wires
        rest = [w for w in range(n) if w not in kept]
        lead = vector.shape[:-1]
        table = vector.reshape(*lead, *(2,) * n)
        order = [*range(len(lead)), *(len(lead) + w for w in (*kept, *rest))]
        table = jnp.transpose(table, order).reshape(*lead, 2 ** len(kept), 2 ** len(rest))
        return DensityMatrix(table @ jnp.swapaxes(table, -1, -2).conj())


@dataclass(frozen=True, init=False)
class PartialOutput(Reading):
    """Some outputs of a network: a few outcomes and "any other" (categorical), or a few components of the mean.

    Args:
        network: the network.
        outputs: outputs that are seen, in order.

    Raises:
        ValueError: missing or repeated outputs, or none.
    """

    network: Network
    seen: tuple[int, ...]

    def __init__(self, network: Network, outputs: Sequence[int]) -> None:
        last = network.layers[-1][1]
        count = last["weight"][0] if "weight" in last else max(outputs, default=-1) + 1
        seen = checked_selection(outputs, count, "outputs", "ones")
        object.__setattr__(self, "network", network)
        object.__setattr__(self, "seen", seen)

    @property
    def structure(self) -> Network:
        """The network."""
        return self.network

    def __call__(self, params: Any, x: Array | None = None) -> Distribution | Gaussian:
        """The distribution of what is seen, for one input."""
        return self._part(self.network(params, x))

    def curve(self, params: Any, x: Array | None = None) -> Distribution | Gaussian:
        """The same with the first 0, 1, ... blocks on."""
        return self._part(self.network.curve(params, x))

    def _part(self, point: Distribution | Gaussian) -> Distribution | Gaussian:
        index = jnp.asarray(self.seen)
        if isinstance(point, Gaussian):
            return Gaussian(jnp.take(point.mean, index, axis=-1))
        p = jnp.take(point.probabilities, index, axis=-1)
        if len(self.seen) == point.probabilities.shape[-1]:
            return Distribution(p)
        rest = jnp.sum(point.probabilities, axis=-1, keepdims=True) - jnp.sum(p, axis=-1, keepdims=True)
        return Distribution(jnp.concatenate([p, rest], axis=-1))
