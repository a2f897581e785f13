"""Unitaries of one and two qubits as products of elementary gates, with the phase.

``U = exp(i phase) (A1 x B1) exp(-i/2 (a XX + b YY + c ZZ)) (A0 x B0)``, the Cartan (KAK) decomposition: Kraus and
Cirac, Phys. Rev. A 63, 062309 (2001). In the magic basis local unitaries are real orthogonal and XX, YY, ZZ diagonal
(Makhlin, Quantum Inf. Process. 1, 243 (2002)).
"""

from __future__ import annotations

import math

import numpy as np

from circuits.convert.assembled import SymbolicGate, gate
from circuits.gate_matrices import pauli_matrix

_MAGIC = np.array([[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]]) / math.sqrt(2.0)
# Diagonals of XX, YY, ZZ in the magic basis, and of the identity: an orthogonal basis of diagonal matrices.
_DIAGONALS = np.array(
    [np.diagonal(_MAGIC.conj().T @ pauli_matrix(string) @ _MAGIC).real for string in ("XX", "YY", "ZZ", "II")]
)
# Interactions weaker than this are rounding errors.
_NEGLIGIBLE = 1e-12


def euler_angles(unitary: np.ndarray) -> tuple[float, float, float, float]:
    """``(theta, phi, lam, phase)`` with ``U = exp(i phase) U3(theta, phi, lam)``, for a unitary (2, 2)."""
    theta = 2.0 * math.atan2(abs(unitary[1, 0]), abs(unitary[0, 0]))
    if abs(unitary[0, 0]) > abs(unitary[1, 0]):
        phase = float(np.angle(unitary[0, 0]))
        both = float(np.angle(unitary[1, 1])) - phase
        phi = float(np.angle(unitary[1, 0])) - phase if abs(unitary[1, 0]) > 1e-15 else 0.0
        return theta, phi, both - phi, phase
    if abs(unitary[0, 0]) > 1e-15:
        phase = float(np.angle(unitary[0, 0]))
    else:
        phase = float(np.angle(-unitary[0, 1]))  # lam = 0
    return (
        theta,
        float(np.angle(unitary[1, 0])) - phase,
        float(np.angle(-unitary[0, 1])) - phase,
        phase,
    )


def two_qubit_gates(unitary: np.ndarray, wires: tuple[int, int]) -> tuple[list[SymbolicGate], float]:
    """Gates U3, RXX, RYY, RZZ on two wires and the phase whose product is a unitary (4, 4)."""
    first, interaction, second, phase = cartan(unitary)
    gates: list[SymbolicGate] = []
    for locals_ in (first, second):
        for local, wire in zip(locals_, wires, strict=True):
            theta, phi, lam, turn = euler_angles(local)
            phase += turn
            gates.append(gate("U3", (wire,), theta, phi, lam))
    middle = [
        gate(name, wires, strength)
        for name, strength in zip(("RXX", "RYY", "RZZ"), interaction, strict=True)
        if abs(strength) > _NEGLIGIBLE
    ]
    return [*gates[:2], *middle, *gates[2:]], phase


def cartan(
    unitary: np.ndarray,
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray, tuple[np.ndarray, np.ndarray], float]:
    """``(A0, B0), (a, b, c), (A1, B1), phase`` of the module's formula, for a unitary (4, 4)."""
    in_magic = _MAGIC.conj().T @ np.asarray(unitary, complex) @ _MAGIC
    # V = O1 D O2: V'V = O2' D^2 O2 is unitary and symmetric, so its real and imaginary parts commute.
    eigenvectors = _common_eigenvectors(in_magic.T @ in_magic)
    if np.linalg.det(eigenvectors) < 0.0:
        eigenvectors[:, 0] *= -1.0
    squares = np.einsum("ki,kl,li->i", eigenvectors, in_magic.T @ in_magic, eigenvectors)
    angles = np.angle(squares) / 2.0
    left = (in_magic @ eigenvectors) * np.exp(-1j * angles)
    if np.linalg.det(left).real < 0.0:
        angles[0] += math.pi
        left[:, 0] *= -1.0
    coefficients = _DIAGONALS @ angles / 4.0
    first, phase_first = _tensor_factors(_MAGIC @ eigenvectors.T @ _MAGIC.conj().T)
    second, phase_second = _tensor_factors(_MAGIC @ left.real @ _MAGIC.conj().T)
    phase = float(coefficients[3] + phase_first + phase_second)
    return first, -2.0 * coefficients[:3], second, phase


def _common_eigenvectors(symmetric: np.ndarray) -> np.ndarray:
    """Real orthonormal eigenvectors of a unitary symmetric matrix: those of the mixture of its parts that fits best."""
    best, found = math.inf, np.eye(4)
    for angle in (0.3, 0.9, 1.7, 2.3, 2.9, 0.05, 1.2):
        mixture = math.cos(angle) * np.real(symmetric) + math.sin(angle) * np.imag(symmetric)
        _, vectors = np.linalg.eigh(0.5 * (mixture + mixture.T))
        rotated = vectors.T @ symmetric @ vectors
        error = float(np.abs(rotated - np.diag(np.diagonal(rotated))).max())
        if error < best:
            best, found = error, vectors
        if best < 1e-14:
            break
    return found.copy()


def _tensor_factors(product: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """Unitaries A and B of determinant 1 and a phase with ``product = exp(i phase) A x B``."""
    blocks = product.reshape(2, 2, 2, 2).transpose(0, 2, 1, 3)
    k, l = divmod(int(np.argmax([np.linalg.norm(blocks[i, j]) for i in range(2) for j in range(2)])), 2)
    b = blocks[k, l] / np.sqrt(np.linalg.det(blocks[k, l]) + 0j)
    a = np.einsum("ikjl,kl->ij", product.reshape(2, 2, 2, 2), b.conj()) / 2.0
    turn = np.sqrt(np.linalg.det(a) + 0j)
    return (a / turn, b), float(np.angle(turn))
