"""The gradual circuit: switched on layer by layer, as the curve from the identity to the target.

``partial(circuit, theta, x, s)`` is the state with ``s`` layers on, ``0 <= s <= L``: the gates of whole layers act in
full, those of the next layer with the fraction of ``s``, later ones not at all. A gate ``exp(-i angle G)`` of fraction
t is ``exp(-i t angle G)``; a fixed gate takes the fraction of its shortest generator
(:func:`circuits.gates.logarithm`), so that ``CZ`` becomes a controlled phase of ``pi t``. At whole ``s`` the states are
those of ``Circuit.curve`` up to a global phase. The counterpart of :meth:`circuits.networks.Network.partial`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.description import Distribution, State
from circuits.gates import Op, Param, logarithm, matrix
from circuits.measured import Measured


class _Gradual(NamedTuple):
    """The circuit with every angle free, and where its angles come from."""

    free: Circuit
    source: np.ndarray
    """Position of each angle among ``circuit.angles``; -1 for one of a fixed gate."""
    constant: np.ndarray
    """The angle of a fixed gate at full strength; 0 elsewhere."""
    gate: np.ndarray
    """The gate of ``circuit.ops`` that each angle belongs to."""


def partial(
    circuit: Circuit | Measured, theta: Array, x: Array | None, s: Array | float
) -> State | Distribution:
    """The point with ``s`` layers on; ``s`` real, traced. For a measured circuit, through its readout.

    Continuous in ``s``; the velocity jumps at whole numbers, where quadrature points should not lie.

    Raises:
        ValueError: for a fixed gate on more than three qubits that has no angle.
    """
    if isinstance(circuit, Measured):
        state = partial(circuit.circuit, theta, x, s)
        assert isinstance(state, State)
        return circuit.readout(state)
    return with_strengths(
        circuit, theta, x, jnp.asarray(s, theta.dtype) - jnp.asarray(circuit.layer_of, theta.dtype)
    )


def with_strengths(
    circuit: Circuit, theta: Array, x: Array | None, strengths: Float[Array, " gates"]
) -> State:
    """The state in which gate k of ``circuit.ops`` acts with the fraction ``strengths[k]``, cut off at 0 and 1."""
    gradual = _gradual(circuit)
    fraction = jnp.clip(strengths, 0.0, 1.0)[jnp.asarray(gradual.gate)]
    return gradual.free(fraction * _full_angles(circuit, gradual, theta, x))


def _full_angles(
    circuit: Circuit, gradual: _Gradual, theta: Array, x: Array | None
) -> Float[Array, " angles"]:
    constants = jnp.asarray(gradual.constant, theta.dtype)
    if not (gradual.source >= 0).any():
        return constants
    values = circuit.angles(theta, x)[jnp.asarray(np.maximum(gradual.source, 0))]
    return jnp.where(jnp.asarray(gradual.source >= 0), values, constants)


@functools.lru_cache(maxsize=64)
def _gradual(circuit: Circuit) -> _Gradual:
    ops: list[Op] = []
    counts: list[int] = []
    source: list[int] = []
    constant: list[float] = []
    gate_of_angle: list[int] = []

    def add(op: Op, gate: int, sources: list[int], constants: list[float]) -> None:
        first = len(source)
        ops.append(Op(op.name, op.wires, tuple(Param(first + k) for k in range(len(sources))), op.pauli))
        source.extend(sources)
        constant.extend(constants)
        gate_of_angle.extend([gate] * len(sources))

    first_angle = np.cumsum([0, *(len(op.angles) for op in circuit.ops)])
    order = np.argsort(np.asarray(circuit.layer_of, dtype=np.int64), kind="stable")
    for k in order.tolist():
        op, layer = circuit.ops[k], int(circuit.layer_of[k])
        before = len(ops)
        if op.angles:
            positions = list(range(int(first_angle[k]), int(first_angle[k + 1])))
            add(op, k, positions, [0.0] * len(positions))
        elif op.name == "CCX":
            # X^t = H diag(1, e^{i pi t}) H, so the Hadamards around the phase are always on.
            ops.append(Op("H", op.wires[2:]))
            add(Op("MCP", op.wires), k, [-1], [float(np.pi)])
            ops.append(Op("H", op.wires[2:]))
        elif op.name == "CSWAP":
            control, a, b = op.wires
            ops.extend([Op("CX", (b, a)), Op("H", (b,))])
            add(Op("MCP", (control, a, b)), k, [-1], [float(np.pi)])
            ops.extend([Op("H", (b,)), Op("CX", (b, a))])
        elif op.name == "CZ":
            add(Op("CP", op.wires), k, [-1], [float(np.pi)])  # diagonal gates stay diagonal
        elif len(op.wires) <= 2:
            with jax.ensure_compile_time_eval():  # a concrete matrix, also where the caller is traced
                fixed_matrix = np.asarray(matrix(op, np.zeros(0)))
            angles = logarithm(fixed_matrix).tolist()
            add(Op("SU2" if len(op.wires) == 1 else "SU4", op.wires), k, [-1] * len(angles), angles)
        else:
            raise ValueError(
                f"the fixed gate {op.name} on {len(op.wires)} qubits cannot be switched on gradually"
            )
        counts += [layer] * (len(ops) - before)
    layers = np.bincount(np.asarray(counts, dtype=np.int64), minlength=len(circuit.layers)).tolist()
    free = Circuit(circuit.n_qubits, ops, layers)
    return _Gradual(
        free, np.asarray(source, np.int64), np.asarray(constant), np.asarray(gate_of_angle, np.int64)
    )
