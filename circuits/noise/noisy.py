"""Noisy descriptions: the same structure and parameters, with noise of given strengths.

noisy = NoisyCircuit(circuit, noise)        # yields density matrices: SLD and right-logarithmic Fisher metrics
read = MeasuredNoisy(measured, noise)       # yields outcome distributions, readout errors included: F_C
varied = VariedNoise(noisy)                 # the strengths are parameters too: params = (theta, strengths)
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from circuits.circuit import Circuit, check_parameters
from circuits.description import DensityMatrix, Description, Distribution, Node, Params, Point, Reading
from circuits.measured import Measured
from circuits.noise import density, readout, transfer
from circuits.noise.noise_model import NoiseModel
from circuits.paulis import PauliSum
from circuits.validation import checked_selection


class Noisy(Reading):
    """A description with noise. Its parameters, nodes and wires are those of the structure without noise."""

    @property
    @abc.abstractmethod
    def strengths(self) -> np.ndarray:
        """How strong the noise is, float64 (S,)."""

    @property
    @abc.abstractmethod
    def strength_names(self) -> tuple[str, ...]:
        """One name per strength."""

    @abc.abstractmethod
    def at(self, params: Params, strengths: ArrayLike, x: Array | None = None) -> Any:
        """The point at other strengths, which may be traced: they are not checked."""

    @abc.abstractmethod
    def curve_at(self, params: Params, strengths: ArrayLike, x: Array | None = None) -> Any:
        """The points layer by layer at other strengths."""


@dataclass(frozen=True, init=False)
class NoisyCircuit(Noisy):
    """A circuit with noise: its density matrix, or that of some qubits.

    Args:
        circuit: the circuit.
        noise: channels after its gates. Readout errors do not act on states.
        wires: qubits that are kept, in order, the others traced out; all unless given.

    Raises:
        ValueError: missing or repeated wires, or a rule of the noise model on wires that the circuit does not have.
    """

    circuit: Circuit
    noise: NoiseModel
    kept_wires: tuple[int, ...]

    def __init__(self, circuit: Circuit, noise: NoiseModel, wires: Sequence[int] | None = None) -> None:
        chosen = range(circuit.n_qubits) if wires is None else wires
        kept = checked_selection(chosen, circuit.n_qubits, "wires", "qubits")
        _check_model(circuit, noise)
        object.__setattr__(self, "circuit", circuit)
        object.__setattr__(self, "noise", noise)
        object.__setattr__(self, "kept_wires", kept)

    @property
    def structure(self) -> Circuit:
        """The circuit without noise."""
        return self.circuit

    @property
    def strengths(self) -> np.ndarray:
        """Those of the noise model."""
        return self.noise.strengths

    @property
    def strength_names(self) -> tuple[str, ...]:
        """Those of the noise model."""
        return self.noise.strength_names

    def __call__(self, params: Float[Array, " P"], x: Array | None = None) -> DensityMatrix:
        """The density matrix of the kept qubits, complex (2^k, 2^k), the first kept one the most significant bit.

        Raises:
            ValueError, TypeError: parameters or inputs that do not fit the circuit.
            MemoryError: if it cannot fit the device; the line gives the largest size that does.
        """
        return self.at(params, self.strengths, x)

    def at(self, params: Float[Array, " P"], strengths: ArrayLike, x: Array | None = None) -> DensityMatrix:
        """The density matrix at other strengths of the noise model."""
        vector = noisy_vector(self.circuit, self.noise, params, strengths, x)
        if self.kept_wires != tuple(range(self.circuit.n_qubits)):
            vector = transfer.traced_out(vector, self.circuit.n_qubits, self.kept_wires)
        return DensityMatrix(transfer.density_matrix(vector))

    def curve(self, params: Float[Array, " P"], x: Array | None = None) -> DensityMatrix:
        """The density matrices after 0, 1, ..., L layers: ``matrix`` has shape (L + 1, 2^k, 2^k)."""
        return self.curve_at(params, self.strengths, x)

    def curve_at(
        self, params: Float[Array, " P"], strengths: ArrayLike, x: Array | None = None
    ) -> DensityMatrix:
        """The same at other strengths."""
        n = self.circuit.n_qubits
        vectors = noisy_curve(self.circuit, self.noise, params, strengths, x)
        reduced = [transfer.traced_out(v, n, self.kept_wires) for v in vectors]
        return DensityMatrix(jnp.stack([transfer.density_matrix(v) for v in reduced]))

    def expectation(
        self, params: Float[Array, " P"], hamiltonian: PauliSum, x: Array | None = None
    ) -> Float[Array, ""]:
        """``tr(rho H)``, real, of the state of all qubits; without a matrix, from the Pauli vector.

        Raises:
            ValueError: if the Hamiltonian acts on another number of qubits.
        """
        if hamiltonian.n_qubits != self.circuit.n_qubits:
            raise ValueError(
                f"the Hamiltonian acts on {hamiltonian.n_qubits} qubits and the circuit on {self.circuit.n_qubits}; "
                "give both the same number"
            )
        vector = noisy_vector(self.circuit, self.noise, params, self.strengths, x)
        rows = np.array([int("".join(str("IXYZ".index(c)) for c in s), 4) for s, _ in hamiltonian])
        return jnp.sum(vector[rows] * jnp.asarray(hamiltonian.coefficients, vector.dtype))


@dataclass(frozen=True, init=False)
class MeasuredNoisy(Noisy):
    """A measured circuit with noise in its gates and in its readout: the distribution of what is written down.

    Args:
        measured: what is measured and how outcomes are grouped; a circuit alone stands for all of its qubits.
        noise: channels after gates, and readout errors, which act on the bits before outcomes are grouped.

    Raises:
        ValueError: a rule of the noise model on wires that the circuit does not have.
    """

    measured: Measured
    noise: NoiseModel

    def __init__(self, measured: Measured | Circuit, noise: NoiseModel) -> None:
        whole = Measured(measured) if isinstance(measured, Circuit) else measured
        _check_model(whole.circuit, noise)
        object.__setattr__(self, "measured", whole)
        object.__setattr__(self, "noise", noise)

    @property
    def structure(self) -> Circuit:
        """The circuit without noise."""
        return self.measured.circuit

    @property
    def strengths(self) -> np.ndarray:
        """Those of the noise model."""
        return self.noise.strengths

    @property
    def strength_names(self) -> tuple[str, ...]:
        """Those of the noise model."""
        return self.noise.strength_names

    @property
    def n_outcomes(self) -> int:
        """Number of outcomes after grouping."""
        return self.measured.n_outcomes

    def __call__(self, params: Float[Array, " P"], x: Array | None = None) -> Distribution:
        """Probabilities of what is written down, shape (n_outcomes,)."""
        return self.at(params, self.strengths, x)

    def at(self, params: Float[Array, " P"], strengths: ArrayLike, x: Array | None = None) -> Distribution:
        """The distribution at other strengths of the noise model."""
        vector = noisy_vector(self.structure, self.noise, params, strengths, x)
        return self._distribution(vector, strengths)

    def curve(self, params: Float[Array, " P"], x: Array | None = None) -> Distribution:
        """The distributions after 0, 1, ..., L layers: ``probabilities`` has shape (L + 1, n_outcomes)."""
        return self.curve_at(params, self.strengths, x)

    def curve_at(
        self, params: Float[Array, " P"], strengths: ArrayLike, x: Array | None = None
    ) -> Distribution:
        """The same at other strengths."""
        vectors = noisy_curve(self.structure, self.noise, params, strengths, x)
        return Distribution(jnp.stack([self._distribution(v, strengths).probabilities for v in vectors]))

    def _distribution(self, vector: Array, strengths: Any) -> Distribution:
        n, values = self.structure.n_qubits, jnp.asarray(strengths, vector.dtype)
        p = transfer.outcome_probabilities(vector)
        return self.measured.readout(
            Distribution(readout.read(p, n, self.noise.form.readout_matrices(n, values)))
        )


@dataclass(frozen=True)
class VariedNoise(Description):
    """A noisy description whose strengths are parameters: ``params = (theta, strengths)``.

    A sweep in strength then compiles once; the metric of the strengths themselves is that of noise estimation, and
    ``subset=slice(0, P)`` leaves it out. Strengths are not checked: outside their range the point is none.

    Args:
        noisy: the description at strengths of its own, which ``init`` returns.
    """

    noisy: Noisy

    @property
    def n_parameters(self) -> int:
        """Parameters of the structure, and strengths."""
        return self.noisy.n_parameters + len(self.noisy.strengths)

    @property
    def nodes(self) -> tuple[Node, ...]:
        """As of the structure; strengths belong to no node."""
        return self.noisy.nodes

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """As of the structure."""
        return self.noisy.wires

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """Those of the structure, then of the strengths."""
        return (*self.noisy.parameter_names, *self.noisy.strength_names)

    def init(self, key: Key[Array, ""], dtype: Any = None) -> tuple[Params, Array]:
        """Random parameters of the structure, and the strengths as they are."""
        params = self.noisy.init(key, dtype)
        return params, jnp.asarray(self.noisy.strengths, jnp.float64 if dtype is None else dtype)

    def __call__(self, params: tuple[Params, Array], x: Array | None = None) -> Point:
        """The point of the noisy description at these strengths."""
        return self.noisy.at(params[0], params[1], x)

    def curve(self, params: tuple[Params, Array], x: Array | None = None) -> Point:
        """Its points layer by layer."""
        return self.noisy.curve_at(params[0], params[1], x)


def noisy_vector(
    circuit: Circuit, noise: NoiseModel, params: Any, strengths: Any, x: Any = None
) -> Float[Array, " D"]:
    """The Pauli vector (4^n,) of a noisy circuit, after checks of parameters and size."""
    theta, x = check_parameters(circuit, params, x)
    density.check_size(circuit.n_qubits, theta.dtype, vectors=10.0)
    return density.pauli_vector(circuit, noise.form, theta, jnp.asarray(strengths, theta.dtype), x)


def noisy_curve(
    circuit: Circuit, noise: NoiseModel, params: Any, strengths: Any, x: Any = None
) -> Float[Array, "points D"]:
    """Pauli vectors layer by layer, (L + 1, 4^n)."""
    theta, x = check_parameters(circuit, params, x)
    density.check_size(circuit.n_qubits, theta.dtype, vectors=10.0 + 4.0 * len(circuit.layers))
    return density.pauli_curve(circuit, noise.form, theta, jnp.asarray(strengths, theta.dtype), x)


def _check_model(circuit: Circuit, noise: NoiseModel) -> None:
    if not isinstance(noise, NoiseModel):
        raise TypeError(f"noise must be a circuits.noise.NoiseModel, not {type(noise).__name__}")
    named = [w for rule in noise.rules if rule.wires is not None for w in rule.wires]
    named += [w for wires, _ in noise.readout if wires is not None for w in wires]
    if max(named, default=0) >= circuit.n_qubits:
        raise ValueError(
            f"the noise model names qubit {max(named)}, and the circuit has qubits 0 to {circuit.n_qubits - 1}; "
            f"noise.restricted({circuit.n_qubits}) leaves the others out"
        )


__all__ = ["Noisy", "NoisyCircuit", "MeasuredNoisy", "VariedNoise", "noisy_curve", "noisy_vector"]
