"""What a geodesic may be asked to reach: a matrix, a Hamiltonian's evolution, a circuit with its angles."""

from __future__ import annotations

from typing import Any

import numpy as np

import circuits
from qgeom.nielsen.gate_products import gate_product
from qgeom.nielsen.groups import Group, PauliGroup

__all__ = ["circuit_unitary", "evolution", "target_matrix"]


def evolution(hamiltonian: Any, time: float = 1.0) -> np.ndarray:
    """``exp(-i H t)`` of a :class:`circuits.hamiltonians.PauliSum` or a Hermitian matrix, (2^n, 2^n)."""
    matrix = np.asarray(hamiltonian.to_matrix() if hasattr(hamiltonian, "to_matrix") else hamiltonian)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"expected a Hermitian matrix or a PauliSum, got shape {matrix.shape}")
    off = np.max(np.abs(matrix - matrix.conj().T), initial=0.0)
    if off > 1e-9 * max(1.0, float(np.max(np.abs(matrix), initial=0.0))):
        raise ValueError(f"the Hamiltonian is not Hermitian: |H - H'| = {off:.2g}")
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.exp(-1j * time * values)) @ vectors.conj().T


def circuit_unitary(circuit: circuits.Circuit, theta: Any = (), x: Any = None) -> np.ndarray:
    """The matrix of a circuit, (2^n, 2^n) complex128; for up to about 12 qubits.

    Args:
        circuit: A circuit.
        theta: Its parameters, (P,).
        x: Its inputs, if any.
    """
    return gate_product(circuit, theta, x)


def target_matrix(target: Any, group: Group) -> np.ndarray:
    """The target as a matrix of the group.

    Args:
        target: A matrix; a PauliSum H, for ``exp(-i H)``; or ``(circuit, theta)``.
        group: Where it must lie.

    Raises ValueError in one line where the matrix is not in the group.
    """
    if hasattr(target, "to_matrix"):
        _qubits(group, target.n_qubits, "Hamiltonian")
        return group.check(evolution(target))
    if isinstance(target, circuits.Circuit):
        if target.n_parameters:
            raise ValueError(
                f"the circuit has {target.n_parameters} parameters; pass (circuit, theta) as the target"
            )
        target = (target, ())
    if isinstance(target, tuple) and target and isinstance(target[0], circuits.Circuit):
        circuit, theta = target
        _qubits(group, circuit.n_qubits, "circuit")
        return group.check(circuit_unitary(circuit, theta))
    return group.check(np.asarray(target))


def _qubits(group: Group, n_qubits: int, what: str) -> None:
    if not isinstance(group, PauliGroup) or group.n_qubits != n_qubits:
        raise ValueError(f"the {what} acts on {n_qubits} qubits, the penalty is on {group}")
