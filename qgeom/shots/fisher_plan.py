r"""The classical Fisher matrix of a measured circuit from counts, by parameter shifts.

    F_ij = sum_y  d_i p(y) d_j p(y) / p(y),    d_i p = sum over gates, shifts of  factor * weight * p(shifted).

Counts are noisy, so that the plain product overestimates: ``E[d_i^ d_j^] = d_i p d_j p + Cov(d_i^, d_j^)``. The
covariance of multinomial counts is known, its unbiased estimate is subtracted. For 1/p stands ``(N + 1)/(c + 1)``,
whose mean is ``[1 - (1 - p)^(N + 1)]/p``, from shots of their own: the estimate is unbiased but for outcomes so rare
that they are hardly ever seen. Standard errors are those of a parametric bootstrap.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.measured import Measured
from qgeom.shots.counts import BitOrder, as_table, drawn
from qgeom.shots.estimates import MatrixEstimate
from qgeom.shots.plan import Plan
from qgeom.shots.shift_rules import occurrences, of_angles


class FisherPlan(Plan):
    """Circuits whose counts give the classical Fisher matrix of a circuit measured in the computational basis.

    The first is the circuit itself, then one per shift of every gate with a parameter; all qubits are measured.

    Args:
        description: a circuit, or `circuits.Measured`, whose qubits and classes group the outcomes.
        theta: parameters, (P,).
        x: classical input, where the circuit takes one.

    Raises:
        ValueError: a parameter in a gate without a shift rule, parameters of a wrong shape.
    """

    def __init__(
        self, description: Circuit | Measured, theta: Float[Array, " P"], x: Array | None = None
    ) -> None:
        circuit = description.circuit if isinstance(description, Measured) else description
        if not isinstance(circuit, Circuit):
            raise TypeError(f"expected a Circuit or Measured, not {type(description).__name__}")
        self.circuit, self._measured = circuit, description
        self.template = of_angles(circuit)
        angles = np.asarray(circuit.angles(theta, x), dtype=np.float64)
        places = occurrences(circuit, x)
        rows, weights = [angles], [np.zeros(circuit.n_parameters)]
        for place in places:
            for shift, weight in place.rule:
                row, column = angles.copy(), np.zeros(circuit.n_parameters)
                row[place.angle] += shift
                column[place.parameter] = place.factor * weight
                rows.append(row)
                weights.append(column)
        self.angles = np.stack(rows)
        self._weights = np.stack(weights)  # d p = weights.T @ p of all circuits

    def estimate(
        self, counts: Any, bit_order: BitOrder = "qubit-0-first", resamples: int = 200, seed: int = 0
    ) -> MatrixEstimate:
        """The Fisher matrix from the counts of all circuits.

        Args:
            counts: as `sample` gives them, or one ``{bitstring: number}`` per circuit.
            bit_order: of the bitstrings.
            resamples: of the bootstrap that gives the standard errors.
            seed: of the bootstrap.

        Raises:
            ValueError: counts that do not fit the plan, fewer than 2 shots, or fewer than 2 resamples.
        """
        if resamples < 2:
            raise ValueError(f"a bootstrap needs 2 resamples or more, not {resamples}")
        table = self._grouped(as_table(counts, len(self.angles), self.circuit.n_qubits, bit_order))
        if np.any(table.sum(axis=1) < 2):
            raise ValueError("an unbiased estimate needs 2 shots or more of every circuit")
        rng = np.random.default_rng(seed)
        shots = table.sum(axis=1)
        frequencies = table / shots[:, None]
        again = np.stack([self._fisher(drawn(frequencies, shots, rng)) for _ in range(resamples)])
        return MatrixEstimate(
            self._fisher(table), again.std(axis=0, ddof=1), len(table), int(shots.sum()), "parameter shifts"
        )

    def _fisher(self, table: np.ndarray) -> np.ndarray:
        shots = table.sum(axis=1, keepdims=True)
        p = table / shots
        d = self._weights.T @ p  # (P, K)
        inverse = (shots[0] + 1.0) / (table[0] + 1.0)
        # Cov(d_i, d_j)(y) = sum over circuits of w_ci w_cj p_c (1 - p_c) / N_c, estimated without bias by N - 1
        spread = (p * (1.0 - p) / (shots - 1)) @ inverse
        fisher = (d * inverse) @ d.T - self._weights.T @ (self._weights * spread[:, None])
        return 0.5 * (fisher + fisher.T)

    def _grouped(self, table: np.ndarray) -> np.ndarray:
        if not isinstance(self._measured, Measured):
            return table
        measured = self._measured
        n = self.circuit.n_qubits
        kept = measured.measured_wires
        rest = [q for q in range(n) if q not in kept]
        cube = table.reshape(-1, *(2,) * n).transpose(0, *(1 + q for q in (*kept, *rest)))
        seen = cube.reshape(len(table), 2 ** len(kept), -1).sum(axis=-1)
        if measured.classes is None:
            return seen
        out = np.zeros((len(table), measured.n_outcomes), dtype=seen.dtype)
        np.add.at(out.T, np.asarray(measured.classes), seen.T)
        return out
