"""What PennyLane's measurements read off a state of this engine.

Expectation values of sums of Pauli strings are this engine's, for JAX states; every other measurement, and sampling, is
PennyLane's own code, acting on the state.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jaxtyping import Array
from pennylane.devices.qubit.measure import measure
from pennylane.devices.qubit.sampling import measure_with_samples
from pennylane.measurements import ExpectationMP
from pennylane.tape import QuantumScript as Tape

from circuits.paulis import PauliSum
from qgeom.devices.tape_states import final_state, real_dtype, taken_apart


def exact_results(tape: Tape) -> Any:
    """The measurements of a tape without shots, in JAX: differentiable in the tape's parameters.

    A tuple, or the result itself where there is one measurement.
    """
    state = tape_state(tape)
    results = tuple([_measured(mp, state) for mp in tape.measurements])
    return results[0] if len(results) == 1 else results


def tape_state(tape: Tape) -> Array:
    """The final state, complex (2^n,) or (batch, 2^n)."""
    return final_state(*taken_apart(tape, real_dtype(tape.get_parameters(trainable_only=False))))


def exact_host_results(tape: Tape, state: np.ndarray) -> Any:
    """The measurements of a tape without shots, in NumPy."""
    tensor, batched = _as_tensor(state)
    results = tuple([measure(mp, tensor, is_state_batched=batched) for mp in tape.measurements])
    return results[0] if len(results) == 1 else results


def sampled_results(tape: Tape, state: Any, rng: np.random.Generator, key: Array | None) -> Any:
    """The measurements of a tape with shots, from samples of the state: by ``rng``, or by a JAX key."""
    tensor, batched = _as_tensor(state)
    measurements: Any = tape.measurements
    results: Any = measure_with_samples(
        measurements, tensor, shots=tape.shots, is_state_batched=batched, rng=rng, prng_key=key
    )
    if len(tape.measurements) > 1:
        return results
    return tuple(each[0] for each in results) if tape.shots.has_partitioned_shots else results[0]


def _as_tensor(state: Any) -> tuple[Any, bool]:
    """The state with one axis of length two per qubit, and whether a batch axis comes first."""
    n_qubits = state.shape[-1].bit_length() - 1
    return state.reshape(*state.shape[:-1], *(2,) * n_qubits), state.ndim == 2


def _measured(mp: Any, state: Array) -> Any:
    if isinstance(mp, ExpectationMP) and mp.obs is not None and mp.mv is None:
        hamiltonian = _pauli_sum(mp.obs, state.shape[-1].bit_length() - 1)
        if hamiltonian is not None:
            return _expectation(hamiltonian, state)
    tensor, batched = _as_tensor(state)
    return measure(mp, tensor, is_state_batched=batched)


def _pauli_sum(observable: Any, n_qubits: int) -> PauliSum | None:
    """The observable as a sum of Pauli strings with known real coefficients, or None."""
    sentence = observable.pauli_rep
    if sentence is None or any(isinstance(c, Tracer) for c in sentence.values()):
        return None
    coefficients = [complex(c) for c in sentence.values()]
    if not sentence or any(c.imag != 0.0 for c in coefficients):
        return None
    strings = ["".join([word.get(wire, "I") for wire in range(n_qubits)]) for word in sentence]
    return PauliSum(strings, [c.real for c in coefficients])


@functools.partial(jax.jit, static_argnums=0)
def _expectation(hamiltonian: PauliSum, state: Array) -> Array:
    return hamiltonian.expectation(state) if state.ndim == 1 else jax.vmap(hamiltonian.expectation)(state)
