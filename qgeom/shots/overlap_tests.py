r"""The quantum Fisher matrix from measured overlaps: by undoing the circuit, by a swap test, by random measurements.

* ``"undo"``: U(theta) then U(theta')^-1; the overlap is the frequency of 0...0 (Havlicek et al. 2019). n qubits, twice
  the depth.
* ``"swap"``: both states side by side and a controlled swap; overlap = ``<Z>`` of the ancilla (Buhrman et al. 2001).
  2n + 1 qubits, the depth of one and a swap.
* ``"random"``: both states measured apart in the same random local bases,
  ``overlap = 2^n sum_{s,s'} (-2)^{-D(s,s')} mean over bases of P(s) P'(s')``, D the Hamming distance (Elben et al.,
  PRL 124, 010504 (2020)). n qubits, the depth of one, a number of shots that grows with 2^n; the only one where the
  two states may come from different devices.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from jaxtyping import Array, Float

from circuits import gates
from circuits.circuit import Circuit
from circuits.gates import Op, Param
from qgeom.shots.counts import BitOrder, as_table
from qgeom.shots.estimates import MatrixEstimate
from qgeom.shots.overlaps import overlap_rows
from qgeom.shots.plan import Plan
from qgeom.shots.shift_rules import of_angles

Method = Literal["undo", "swap", "random"]
METHODS = ("undo", "swap", "random")


class OverlapPlan(Plan):
    """Circuits whose counts give the quantum Fisher matrix of a circuit's state.

    Args:
        circuit: the circuit.
        theta: parameters, (P,).
        x: classical input, where the circuit takes one.
        method: ``"undo"``, ``"swap"`` or ``"random"``.
        bases: number of random bases of ``"random"``.
        seed: of the random bases.

    Raises:
        ValueError: a parameter in a gate without a shift rule, an unknown method, fewer than 2 bases.
    """

    def __init__(
        self,
        circuit: Circuit,
        theta: Float[Array, " P"],
        x: Array | None = None,
        method: Method = "undo",
        bases: int = 50,
        seed: int = 0,
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"the method of an overlap is one of {', '.join(METHODS)}, not {method!r}")
        if method == "random" and bases < 2:
            raise ValueError(f"random measurements need 2 bases or more, not {bases}")
        self.circuit, self.method, self.bases = circuit, method, bases
        here = np.asarray(circuit.angles(theta, x), dtype=np.float64)
        self.rows = overlap_rows(circuit, here, x)
        """Where the overlaps are wanted, and their weights."""
        self._here = here
        self.template, self.angles = self._circuits(np.random.default_rng(seed))

    def _circuits(self, rng: np.random.Generator) -> tuple[Circuit, np.ndarray]:
        there = self.rows.angles
        if self.method == "undo":
            free = of_angles(self.circuit)
            return free + free.inverse(), np.concatenate(
                [np.tile(self._here, (len(there), 1)), there], axis=1
            )
        if self.method == "swap":
            return _swap_test(self.circuit), np.concatenate(
                [np.tile(self._here, (len(there), 1)), there], axis=1
            )
        free = of_angles(self.circuit)
        count, n = len(self._here), self.circuit.n_qubits
        turns = [
            gates.U3(Param(count + 3 * q), Param(count + 3 * q + 1), Param(count + 3 * q + 2), q)
            for q in range(n)
        ]
        states = np.concatenate([self._here[None], there])
        z = rng.uniform(-1.0, 1.0, (self.bases, n))  # Haar: cos theta uniform
        phases = rng.uniform(-np.pi, np.pi, (2, self.bases, n))
        basis = np.stack([np.arccos(z), *phases], axis=2).reshape(self.bases, 3 * n)
        rows = [np.concatenate([np.tile(state, (self.bases, 1)), basis], axis=1) for state in states]
        return Circuit(n, [*free.ops, *turns]), np.concatenate(rows)

    def estimate(self, counts: Any, bit_order: BitOrder = "qubit-0-first") -> MatrixEstimate:
        """The quantum Fisher matrix from the counts of all circuits.

        The standard errors follow from the binomial frequencies of 0...0, or from the spread over random bases.

        Raises:
            ValueError: counts that do not fit the plan.
        """
        table = as_table(counts, len(self.angles), self.template.n_qubits, bit_order)
        shots = table.sum(axis=1)
        weights = self.rows.weights
        if self.method == "random":
            samples = self._random(table / shots[:, None])  # (bases, rows)
            overlap = samples.mean(axis=0)
            by_basis = np.einsum("br,rij->bij", samples, weights)
            error = by_basis.std(axis=0, ddof=1) / np.sqrt(len(samples))
        else:
            hits = (
                table[:, 0]
                if self.method == "undo"
                else table.reshape(len(table), -1, 2)[:, :, 0].sum(axis=1)
            )
            p = hits / shots
            overlap = p if self.method == "undo" else 2.0 * p - 1.0
            # Agresti and Coull's p: a frequency of 0 or 1 is not certain
            smoothed = (hits + 2.0) / (shots + 4.0)
            variance = smoothed * (1.0 - smoothed) / shots * (1.0 if self.method == "undo" else 4.0)
            error = np.sqrt(np.einsum("r,rij->ij", variance, weights**2))
        matrix = self.rows.constant + np.einsum("r,rij->ij", overlap, weights)
        return MatrixEstimate(matrix, error, len(table), int(shots.sum()), f"overlaps, {self.method}")

    def _random(self, frequencies: np.ndarray) -> np.ndarray:
        n = self.circuit.n_qubits
        p = frequencies.reshape(-1, self.bases, *(2,) * n)
        kernel = np.asarray([[1.0, -0.5], [-0.5, 1.0]])
        mixed = p[0]
        for q in range(n):
            mixed = np.moveaxis(np.tensordot(mixed, kernel, axes=(q + 1, 0)), -1, q + 1)
        flat = mixed.reshape(self.bases, -1)
        return 2.0**n * np.einsum("bs,rbs->br", flat, p[1:].reshape(len(p) - 1, self.bases, -1))


def _swap_test(circuit: Circuit) -> Circuit:
    """Two copies, each with angles of its own, and a swap test; the ancilla is the last qubit."""
    n, free = circuit.n_qubits, of_angles(circuit)

    def moved(op: Op, by: int, first: int) -> Op:
        angles = tuple(Param(first + a.index) for a in op.angles if a.index is not None)
        return op._replace(wires=tuple(w + by for w in op.wires), angles=angles)

    copies = [moved(op, k * n, k * free.n_parameters) for k in range(2) for op in free.ops]
    swaps = [gates.CSWAP(2 * n, q, n + q) for q in range(n)]
    return Circuit(2 * n + 1, [*copies, gates.H(2 * n), *swaps, gates.H(2 * n)])
