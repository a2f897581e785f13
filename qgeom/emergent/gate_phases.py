r"""The four eigenphases of every two-qubit gate, and the information about them.

A two-qubit gate ``M = sum_k e^{i theta_k} Pi_k`` has four phases (Lloyd, quant-ph/0501135; the paper III.C takes them
for the four dimensions of spacetime at a node). With ``p_k = <psi|Pi_k|psi>`` in the state that enters the gate, the
block of the quantum Fisher metric of the whole state is

    F_kl = 4 (delta_kl p_k - p_k p_l),

whatever comes after. Shifting all four is the global phase: ``(1, 1, 1, 1)`` is always in the kernel, so that at most
three dimensions are left before any rescaling. An observer of the computational-basis outcomes of some qubits has the
classical block ``sum_y d_k p_y d_l p_y / p_y``, never larger. Phases come in rising order in (-pi, pi]; where they
coincide, the projectors are one choice of many.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from circuits import gates
from circuits.circuit import Circuit
from qgeom.emergent.generators import angles_of, applied

RARE = 1e-12
"""Outcomes of smaller probability are left out of the classical block."""


@dataclass(frozen=True)
class PhaseBlocks:
    """Blocks of the eigenphases of the two-qubit gates.

    Attributes:
        names: (g,) gates.
        layers: (g,) int.
        quantum: (g, 4, 4): quantum Fisher blocks of the whole state.
        observed: (g, 4, 4): classical Fisher blocks of the outcomes of the readout qubits.
    """

    names: tuple[str, ...]
    layers: np.ndarray
    quantum: np.ndarray
    observed: np.ndarray


def phase_blocks(
    circuit: Circuit, theta: np.ndarray, readout: tuple[int, ...] = (0,), x: np.ndarray | None = None
) -> PhaseBlocks:
    """Information about the eigenphases of each two-qubit gate.

    Args:
        circuit: The circuit.
        theta: Its parameters (P,).
        readout: Qubits that are observed.
        x: One input, where it takes any.

    Raises:
        ValueError: no gate on two qubits, or a readout qubit that is not there.
    """
    n = circuit.n_qubits
    if not readout or any(not 0 <= q < n for q in readout):
        raise ValueError(f"readout qubits are from 0 to {n - 1}, at least one, not {readout}")
    chosen = [k for k, op in enumerate(circuit.ops) if len(op.wires) == 2]
    if not chosen:
        raise ValueError("this circuit has no gate on two qubits")
    state = np.zeros((1 << n, 1), complex)
    state[0] = 1.0
    tangents = np.zeros((1 << n, 0), complex)
    quantum = []
    for op in circuit.ops:
        matrix = np.asarray(gates.matrix(op, jnp.asarray(angles_of(op, np.asarray(theta), x))))
        if len(op.wires) == 2:
            parts = [applied(projector, op.wires, state, n) for projector in projectors(matrix)]
            p = np.array([float(np.sum(np.abs(part) ** 2)) for part in parts])
            quantum.append(4.0 * (np.diag(p) - np.outer(p, p)))
            tangents = np.concatenate([tangents, 1j * np.concatenate(parts, axis=1)], axis=1)
        both = applied(matrix, op.wires, np.concatenate([state, tangents], axis=1), n)
        state, tangents = both[:, :1], both[:, 1:]
    observed = _observed(state[:, 0], tangents.reshape(1 << n, len(chosen), 4), n, readout)
    names = tuple(circuit.nodes[k].name for k in chosen)
    layers = np.array([circuit.nodes[k].layer for k in chosen])
    return PhaseBlocks(names, layers, np.array(quantum), observed)


def projectors(matrix: np.ndarray) -> np.ndarray:
    """Projectors on the eigenvectors of a unitary, by rising phase: (4, 4, 4)."""
    found = scipy.linalg.schur(matrix, output="complex")  # orthonormal also where phases coincide
    upper, vectors = np.asarray(found[0]), np.asarray(found[1])
    order = np.argsort(np.angle(np.diag(upper)), kind="stable")
    return np.einsum("ik,jk->kij", vectors[:, order], vectors[:, order].conj())


def participation(blocks: np.ndarray) -> np.ndarray:
    """``(sum lambda)^2 / sum lambda^2`` of symmetric blocks (..., k, k): how many dimensions carry the information.

    Blocks without information give nan.
    """
    values = np.clip(np.linalg.eigvalsh(blocks), 0.0, None)
    squares = np.sum(values**2, axis=-1)
    return np.where(
        squares > 0.0, np.sum(values, axis=-1) ** 2 / np.where(squares > 0.0, squares, 1.0), np.nan
    )


def _observed(state: np.ndarray, tangents: np.ndarray, n: int, readout: tuple[int, ...]) -> np.ndarray:
    rest = [q for q in range(n) if q not in readout]

    def outcomes(table: np.ndarray) -> np.ndarray:
        shaped = table.reshape((2,) * n + table.shape[1:])
        lead = shaped.transpose((*readout, *rest, *range(n, shaped.ndim)))
        return lead.reshape(2 ** len(readout), 2 ** len(rest), *table.shape[1:]).sum(axis=1)

    p = outcomes(np.abs(state) ** 2)
    dp = outcomes(2.0 * np.real(state.conj()[:, None, None] * tangents))
    kept = p > RARE
    return np.einsum("ygk,ygl->gkl", dp[kept] / p[kept][:, None, None], dp[kept])
