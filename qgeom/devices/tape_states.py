"""The state of a PennyLane tape on this engine.

A tape is taken apart into a structure, which is hashable and compiled once, and arrays. The structure is a row of
steps: runs of gates of the engine's set, each a `Circuit` with one parameter per angle, and single matrices for what
no gate expresses (``QubitUnitary``, ``BlockEncode``). Values of angles never make anything compile again.

A leading axis of parameters (PennyLane's broadcasting) is a ``vmap``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float
from pennylane import math
from pennylane.operation import StatePrepBase
from pennylane.tape import QuantumScript as Tape

from circuits import memory
from circuits.circuit import Circuit
from circuits.convert.pennylane_gates import GLOBAL_PHASE, FixedAngle, GateCall, translated
from circuits.ops import Op, Param
from circuits.planar import from_complex, to_complex
from circuits.program import compile_circuit
from circuits.reversible import evolve

Wires = tuple[int, ...]


@dataclass(frozen=True)
class TapeStructure:
    """The steps of a tape: circuits of gates, and the wires of matrices."""

    n_qubits: int
    steps: tuple[Circuit | Wires, ...]


class TapeArrays(NamedTuple):
    """What the steps act with; every array may have one more leading axis, the batch.

    Attributes:
        initial: amplitudes of the first state, complex (2^n,); None for ``|0...0>``.
        steps: per step, the angles of a circuit (P,) or a matrix (2^k, 2^k).
        phase: the global phase: the state is multiplied by ``exp(-i phase)``.
    """

    initial: Array | None
    steps: tuple[Array, ...]
    phase: Array


def real_dtype(parameters: Sequence[Any]) -> Any:
    """float32 where all JAX parameters are of single precision, else float64."""
    kinds = [p.dtype for p in parameters if isinstance(p, jax.Array) and jnp.issubdtype(p.dtype, jnp.inexact)]
    single = bool(kinds) and all(kind in (jnp.float32, jnp.complex64) for kind in kinds)
    return jnp.float32 if single or not jax.config.read("jax_enable_x64") else jnp.float64


def taken_apart(tape: Tape, dtype: Any) -> tuple[TapeStructure, TapeArrays]:
    """The structure and arrays of a tape of supported operations on wires 0, 1, ..., n - 1."""
    n_qubits = max(1, tape.num_wires)
    operations: list[Any] = list(tape.operations)
    initial = None
    if operations and isinstance(operations[0], StatePrepBase):
        initial = _first_state(operations.pop(0), n_qubits, dtype)
    steps: list[Circuit | Wires] = []
    arrays: list[Array] = []
    run: list[GateCall] = []
    phases: list[Any] = []

    def close_run() -> None:
        if run:
            circuit, angles = _circuit(n_qubits, run, dtype)
            steps.append(circuit)
            arrays.append(angles)
            run.clear()

    for op in operations:
        calls = translated(op)
        if calls is None:
            close_run()
            steps.append(tuple(int(w) for w in op.wires))
            arrays.append(jnp.asarray(op.matrix(), _complex(dtype)))
            continue
        for call in calls:
            if call.name == GLOBAL_PHASE:
                phases.append(call.angles[0])
            elif call.name != "I":
                run.append(call)
    close_run()
    phase = sum([_real(p, dtype) for p in phases], start=jnp.zeros((), dtype))
    return TapeStructure(n_qubits, tuple(steps)), TapeArrays(initial, tuple(arrays), phase)


def _complex(dtype: Any) -> Any:
    return jnp.complex128 if dtype == jnp.float64 else jnp.complex64


def _real(value: Any, dtype: Any) -> Array:
    if math.get_dtype_name(value).startswith("complex"):
        value = math.real(value)
    return jnp.asarray(value, dtype)


def _first_state(op: Any, n_qubits: int, dtype: Any) -> Array:
    vector = jnp.asarray(op.state_vector(wire_order=list(range(n_qubits))), _complex(dtype))
    return vector.reshape(*vector.shape[: vector.ndim - n_qubits], -1)


def _circuit(n_qubits: int, calls: Sequence[GateCall], dtype: Any) -> tuple[Circuit, Array]:
    """A run of gates as a circuit with one parameter per angle, and the values of the angles."""
    values: list[Any] = []
    ops: list[Op] = []
    for call in calls:
        angles = []
        for angle in call.angles:
            if isinstance(angle, FixedAngle):
                angles.append(Param(None, 0.0, float(angle)))
            else:
                angles.append(Param(len(values)))
                values.append(angle)
        ops.append(Op(call.name, tuple([int(w) for w in call.wires]), tuple(angles), call.pauli))
    return Circuit(n_qubits, ops), _stacked(values, dtype)


def _stacked(values: Sequence[Any], dtype: Any) -> Array:
    """Angles side by side on the last axis: (P,), or (batch, P) where some have a batch axis."""
    if not any(isinstance(value, jax.Array) for value in values):
        host = [np.real(np.asarray(value)) for value in values]
        return jnp.asarray(np.stack(np.broadcast_arrays(*host), axis=-1) if host else np.zeros(0), dtype)
    arrays = [_real(value, dtype) for value in values]
    return jnp.stack(jnp.broadcast_arrays(*arrays), axis=-1)


def final_state(structure: TapeStructure, arrays: TapeArrays) -> Complex[Array, "... dim"]:
    """The state vector after all steps, complex (2^n,), or (batch, 2^n) where an array has a batch axis.

    Differentiable by JAX; gates are undone in the reverse sweep, so that its memory does not grow with their number.

    Raises:
        MemoryError: if the states do not fit the device.
    """
    axes = _batch_axes(structure, arrays)
    batched = any(axis == 0 for axis in (axes.initial, *axes.steps, axes.phase))
    size = max([np.shape(a)[0] for a, axis in _paired(arrays, axes) if axis == 0], default=1)
    memory.check_states(structure.n_qubits, arrays.phase.dtype, states=4.0 * size)
    return _final_state(structure, axes if batched else None, arrays)


def _paired(arrays: TapeArrays, axes: TapeArrays) -> list[tuple[Any, Any]]:
    return [(arrays.initial, axes.initial), *zip(arrays.steps, axes.steps), (arrays.phase, axes.phase)]


def _batch_axes(structure: TapeStructure, arrays: TapeArrays) -> Any:
    """For each array, 0 where it has a batch axis, else None."""

    def axis(array: Any, plain: int) -> int | None:
        return None if array is None or np.ndim(array) == plain else 0

    steps = [
        axis(array, 1 if isinstance(step, Circuit) else 2)
        for step, array in zip(structure.steps, arrays.steps, strict=True)
    ]
    return TapeArrays(axis(arrays.initial, 1), tuple(steps), axis(arrays.phase, 0))  # type: ignore[arg-type]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _final_state(structure: TapeStructure, axes: Any, arrays: TapeArrays) -> Array:
    one = functools.partial(_single_state, structure)
    return one(arrays) if axes is None else jax.vmap(one, in_axes=(axes,))(arrays)


def _single_state(structure: TapeStructure, arrays: TapeArrays) -> Complex[Array, " dim"]:
    dtype = arrays.phase.dtype
    psi = arrays.initial
    if psi is None:
        psi = jnp.zeros(1 << structure.n_qubits, _complex(dtype)).at[0].set(1.0)
    for step, array in zip(structure.steps, arrays.steps, strict=True):
        if isinstance(step, Circuit):
            program = compile_circuit(step)
            psi = to_complex(evolve(program, from_complex(psi), program.ordered(step.angles(array))))
        else:
            psi = _apply_matrix(psi, array, step, structure.n_qubits)
    return psi * _turn(arrays.phase).astype(psi.dtype)


def _turn(phase: Float[Array, ""]) -> Complex[Array, ""]:
    return jax.lax.complex(jnp.cos(phase), -jnp.sin(phase))


def _apply_matrix(
    psi: Complex[Array, " dim"], matrix: Complex[Array, "k k"], wires: Wires, n_qubits: int
) -> Complex[Array, " dim"]:
    k = len(wires)
    tensor = jnp.tensordot(
        matrix.reshape((2,) * (2 * k)),
        psi.reshape((2,) * n_qubits),
        axes=(tuple(range(k, 2 * k)), wires),
        precision=jax.lax.Precision.HIGHEST,
    )
    return jnp.moveaxis(tensor, tuple(range(k)), wires).reshape(-1)
