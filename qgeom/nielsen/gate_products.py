r"""The matrix of a long circuit, gate by gate in NumPy.

Rotations about Pauli strings, ``cos(t/2) - i sin(t/2) P``, are written down; other gates are looked up in
:mod:`circuits.gates`, those without angles once each.
"""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np

from circuits import gates
from circuits.circuit import Circuit, check_parameters
from circuits.gate_matrices import pauli_matrix
from circuits.ops import Op

_ROTATIONS = {"RX": "X", "RY": "Y", "RZ": "Z", "RXX": "XX", "RYY": "YY", "RZZ": "ZZ"}


def gate_product(circuit: Circuit, theta: Any = (), x: Any = None) -> np.ndarray:
    """What :func:`qgeom.nielsen.targets.circuit_unitary` gives, in a fraction of the time for thousands of rotations.

    Args:
        circuit: A circuit on up to about 12 qubits.
        theta: Its parameters, (P,).
        x: Its inputs, if any.

    Returns:
        (2^n, 2^n), complex128.
    """
    n = circuit.n_qubits
    angles = _angles(circuit, theta, x)
    state = np.eye(1 << n, dtype=complex).reshape((2,) * n + (-1,))
    start = 0
    for op in circuit.ops:
        stop = start + len(op.angles)
        state = _applied(_matrix(op, angles[start:stop]), op.wires, state)
        start = stop
    return state.reshape(1 << n, 1 << n)


def _angles(circuit: Circuit, theta: Any, x: Any) -> np.ndarray:
    """The value of every angle, as ``circuit.angles`` without compilation; the checks are its own."""
    theta, x = check_parameters(circuit, theta, x)
    table = circuit.angle_table
    value = np.array(table.scale, float)
    for factors, index in ((theta, table.index), (x, table.input)):
        if factors is not None:
            # A factor that is absent, index -1, is 1.
            value *= np.append(np.asarray(factors), 1.0)[index]
    return value + table.offset


def _matrix(op: Op, angles: np.ndarray) -> np.ndarray:
    letters = op.pauli if op.name == "PAULIROT" else _ROTATIONS.get(op.name)
    if letters:
        half = 0.5 * angles[0]
        return np.cos(half) * pauli_matrix("I" * len(letters)) - 1j * np.sin(half) * pauli_matrix(letters)
    if len(angles) == 0:
        return _fixed(op.name)
    return np.asarray(gates.matrix(op, jnp.asarray(angles)))


@functools.lru_cache(maxsize=64)
def _fixed(name: str) -> np.ndarray:
    # The matrix of a gate without angles looks at its name alone.
    return np.asarray(gates.matrix(Op(name, ()), jnp.zeros(0)))


def _applied(matrix: np.ndarray, wires: tuple[int, ...], state: np.ndarray) -> np.ndarray:
    """The gate on these axes of a tensor of shape (2, ..., 2, columns)."""
    k = len(wires)
    front = np.moveaxis(state, wires, range(k))
    product = matrix @ front.reshape(1 << k, -1)
    return np.moveaxis(product.reshape(front.shape), range(k), wires)
