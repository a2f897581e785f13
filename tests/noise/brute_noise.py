"""Independent references: noisy circuits by Kraus operators on dense density matrices, in NumPy."""

from __future__ import annotations

import functools

import numpy as np

from circuits.circuit import Circuit
from circuits.noise import Channel, NoiseModel
from tests.brute_force import angle_values, gate_matrix, spread


def channel(rho: np.ndarray, operators: np.ndarray, wires: tuple[int, ...], n_qubits: int) -> np.ndarray:
    """``sum_k K rho K'`` with Kraus operators on some wires."""
    full = np.stack([spread(k, wires, n_qubits) for k in operators])
    return np.sum(full @ rho @ full.conj().swapaxes(-1, -2), axis=0)


@functools.lru_cache(maxsize=64)
def _kraus(of: Channel) -> np.ndarray:
    return np.asarray(of.kraus())


def density(circuit: Circuit, noise: NoiseModel, theta=(), x=None, ops=None) -> np.ndarray:
    """The density matrix, complex (2^n, 2^n): every gate, then every rule that matches it, wire by wire."""
    n = circuit.n_qubits
    rho = np.zeros((2**n, 2**n), complex)
    rho[0, 0] = 1.0
    operators = [_kraus(rule.channel) for rule in noise.rules]
    for op in circuit.ops if ops is None else ops:
        unitary = spread(gate_matrix(op, angle_values(op, theta, x)), op.wires, n)
        rho = unitary @ rho @ unitary.conj().T
        for rule, kraus in zip(noise.rules, operators, strict=True):
            if rule.gates is not None and op.name not in rule.gates:
                continue
            if rule.channel.n_qubits == 1:
                for w in op.wires:
                    if rule.wires is None or w in rule.wires:
                        rho = channel(rho, kraus, (w,), n)
            elif rule.channel.n_qubits == len(op.wires) and rule.wires in (None, op.wires):
                rho = channel(rho, kraus, op.wires, n)
    return rho


def derivatives(function, theta: np.ndarray, step: float = 0.02) -> np.ndarray:
    """d f / d theta_i, stacked, by central differences of order 8: errors of 1e-12 for angles of gates."""
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    theta = np.asarray(theta, float)
    return np.stack(
        [
            sum(
                w * (function(theta + k * step * e) - function(theta - k * step * e))
                for k, w in weights.items()
            )
            / step
            for e in np.eye(len(theta))
        ]
    )


def sld_fisher(rho: np.ndarray, tangents: np.ndarray, cut: float = 1e-10) -> np.ndarray:
    """``F_ij = sum_ab 2 Re(t_i,ab conj t_j,ab) / (p_a + p_b)`` over pairs with a sum above ``cut``."""
    p, v = np.linalg.eigh(rho)
    t = v.conj().T @ tangents @ v
    sums = p[:, None] + p[None, :]
    factor = np.where(sums > cut, 2.0 / np.where(sums > cut, sums, 1.0), 0.0)
    return np.einsum("iab,ab,jab->ij", t, factor, t.conj()).real


def rld_fisher(rho: np.ndarray, tangents: np.ndarray) -> np.ndarray:
    """``J_ij = tr(d_i rho rho^{-1} d_j rho)``, complex Hermitian."""
    return np.einsum("iab,bc,jca->ij", tangents, np.linalg.inv(rho), tangents)
