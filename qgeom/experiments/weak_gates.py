"""Random gates on two qubits that are close to the identity, and their matrices among n qubits."""

from __future__ import annotations

import numpy as np
import scipy.linalg


def weak_gate(rng: np.random.Generator, strength: float) -> np.ndarray:
    """``exp(-i strength H)`` on two qubits, H Gaussian unitary, made traceless with ``tr H^2 = 4``: (4, 4)."""
    g = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    h = g + g.conj().T
    h -= np.trace(h) / 4 * np.eye(4)
    h /= np.sqrt(np.trace(h @ h).real / 4)
    return scipy.linalg.expm(-1j * strength * h)


def embedded(gate: np.ndarray, wires: tuple[int, ...], n: int) -> np.ndarray:
    """The matrix of a gate on n qubits, (2^n, 2^n); qubit 0 is the most significant."""
    k = len(wires)
    state = np.eye(1 << n, dtype=complex).reshape((2,) * n + (-1,))
    state = np.tensordot(gate.reshape((2,) * (2 * k)), state, axes=(range(k, 2 * k), wires))
    return np.moveaxis(state, range(k), wires).reshape(1 << n, 1 << n)
