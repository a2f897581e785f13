"""Independent references in NumPy: dense Kronecker matrices, and derivatives gate by gate.

Nothing here touches the engine: a gate's matrix is spread over the register by Kronecker products with the identity
and a permutation of the basis, and the state is a product of (2^n, 2^n) matrices with |0...0>.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from circuits import gates
from circuits.circuit import Circuit
from circuits.ops import Op


def angle_values(op: Op, theta, x=None) -> np.ndarray:
    """The angles of a gate, from their definition."""
    values = []
    for p in op.angles:
        value = p.scale
        if p.index is not None:
            value *= float(theta[p.index])
        if p.input is not None:
            value *= float(x[p.input])
        values.append(p.offset + value)
    return np.asarray(values, dtype=np.float64)


def generator(op: Op) -> np.ndarray | None:
    """Hermitian G with matrix = exp(-i angle G), for gates of one angle; None for the others."""
    projector = np.diag([0.0, 1.0])
    pauli = gates.pauli_matrix
    match op.name:
        case "RX" | "RY" | "RZ" | "RXX" | "RYY" | "RZZ":
            return pauli(op.name[1:]) / 2
        case "CRX" | "CRY" | "CRZ":
            return np.kron(projector, pauli(op.name[2]) / 2)
        case "P" | "CP" | "MCP":
            last = np.zeros(2 ** len(op.wires))
            last[-1] = -1.0
            return np.diag(last)
        case "XXPLUSYY":
            return (pauli("XX") + pauli("YY")) / 4
        case "PAULIROT":
            return pauli(op.pauli) / 2
    return None


def gate_matrix(op: Op, values: np.ndarray) -> np.ndarray:
    """The gate's matrix: from its generator by the matrix exponential; fixed gates from `gates.matrix`."""
    g = generator(op)
    if g is not None:
        return scipy.linalg.expm(-1j * values[0] * g)
    if op.name in ("SU2", "SU4"):
        strings = gates.pauli_strings(len(op.wires))
        return scipy.linalg.expm(-0.5j * sum(t * gates.pauli_matrix(s) for t, s in zip(values, strings)))
    if op.name == "U3":
        theta, phi, lam = values
        phases = np.exp(1j * np.array([[0, lam], [phi, phi + lam]]))
        c, s = np.cos(theta / 2), np.sin(theta / 2)
        return phases * np.array([[c, -s], [s, c]])
    return np.asarray(gates.matrix(op, values))


def spread(matrix: np.ndarray, wires: tuple[int, ...], n_qubits: int) -> np.ndarray:
    """A matrix on ``wires`` as a (2^n, 2^n) matrix on the register: kron with the identity, axes permuted."""
    rest = [q for q in range(n_qubits) if q not in wires]
    full = np.kron(matrix, np.eye(2 ** len(rest)))
    position = np.argsort([*wires, *rest])
    full = full.reshape((2,) * (2 * n_qubits)).transpose(*position, *(n_qubits + position))
    return full.reshape(2**n_qubits, 2**n_qubits)


def unitary_of_ops(ops, n_qubits: int, theta=(), x=None) -> np.ndarray:
    """The (2^n, 2^n) matrix of gates in their order."""
    full = np.eye(2**n_qubits, dtype=complex)
    for op in ops:
        full = spread(gate_matrix(op, angle_values(op, theta, x)), op.wires, n_qubits) @ full
    return full


def unitary(circuit: Circuit, theta=(), x=None) -> np.ndarray:
    """The (2^n, 2^n) matrix of the circuit."""
    return unitary_of_ops(circuit.ops, circuit.n_qubits, theta, x)


def state(circuit: Circuit, theta=(), x=None) -> np.ndarray:
    """``U |0...0>``, complex128 (2^n,)."""
    vector = np.eye(1, 2**circuit.n_qubits, dtype=complex)[0]
    for op in circuit.ops:
        vector = spread(gate_matrix(op, angle_values(op, theta, x)), op.wires, circuit.n_qubits) @ vector
    return vector


def tangents(circuit: Circuit, theta, x=None, step: float = 0.02) -> np.ndarray:
    """d psi / d theta_i as rows, (P, 2^n): central differences of order 8, error 1e-13 to 1e-11."""
    theta = np.asarray(theta, dtype=np.float64)
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    rows = []
    for unit in np.eye(len(theta)):
        rows.append(
            sum(
                w * (state(circuit, theta + k * step * unit, x) - state(circuit, theta - k * step * unit, x))
                for k, w in weights.items()
            )
            / step
        )
    return np.asarray(rows).reshape(len(theta), 2**circuit.n_qubits)


def geometric_tensor(circuit: Circuit, theta, x=None) -> np.ndarray:
    """``Q_ij = <d_i psi|d_j psi> - <d_i psi|psi><psi|d_j psi>``, complex (P, P)."""
    psi, rows = state(circuit, theta, x), tangents(circuit, theta, x)
    overlap = rows.conj() @ psi
    return rows.conj() @ rows.T - np.outer(overlap, overlap.conj())


def qfim(circuit: Circuit, theta, x=None) -> np.ndarray:
    """The quantum Fisher information matrix, ``4 Re Q``, float64 (P, P)."""
    return 4 * geometric_tensor(circuit, theta, x).real


def classical_fisher(circuit: Circuit, theta, x=None) -> np.ndarray:
    """Fisher matrix of the computational-basis outcomes: sum over outcomes of d_i p d_j p / p."""
    psi, rows = state(circuit, theta, x), tangents(circuit, theta, x)
    p = np.abs(psi) ** 2
    gradients = 2 * (rows.conj() * psi).real
    keep = p > 1e-14
    return (gradients[:, keep] / p[keep]) @ gradients[:, keep].T
