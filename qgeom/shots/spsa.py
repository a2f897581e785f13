r"""The quantum Fisher matrix from a few random overlaps: simultaneous perturbation (SPSA).

With independent signs ``D, D'`` of every parameter and a step eps, (Gacon, Zoufal, Carleo and Woerner, Quantum 5, 567
(2021), Eq. 13; F = 4 Re Q is minus twice the Hessian of the overlap)

    F^ = -2 * [f(eD + eD') - f(eD) - f(-eD + eD') + f(-eD)] / (2 e^2) * (D D'^T + D' D^T) / 2,

which is F on average up to ``O(eps^2)``; four overlaps per draw whatever P is. One draw is very noisy: its error is of
the size of the whole matrix, and falls as one over the root of the draws.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from qgeom.shots.counts import BitOrder, as_table
from qgeom.shots.estimates import MatrixEstimate
from qgeom.shots.plan import Plan
from qgeom.shots.shift_rules import of_angles


class SPSAPlan(Plan):
    """Circuits whose counts give an estimate of the quantum Fisher matrix from random directions.

    Args:
        circuit: the circuit; any gates.
        theta: parameters, (P,).
        x: classical input, where the circuit takes one.
        draws: pairs of random directions; four circuits each, the overlaps by undoing the circuit.
        step: eps. The bias grows as its square, the noise of the shots falls as its inverse square.
        seed: of the directions.

    Raises:
        ValueError: fewer than 2 draws, or a step that is not positive.
    """

    def __init__(
        self,
        circuit: Circuit,
        theta: Float[Array, " P"],
        x: Array | None = None,
        draws: int = 100,
        step: float = 0.1,
        seed: int = 0,
    ) -> None:
        if draws < 2:
            raise ValueError(f"SPSA needs 2 draws or more, not {draws}: one says nothing of its own error")
        if not step > 0.0:
            raise ValueError(f"the step of SPSA is a positive number of radians, not {step}")
        self.circuit, self.step, self.draws = circuit, float(step), int(draws)
        free = of_angles(circuit)
        self.template = free + free.inverse()
        rng = np.random.default_rng(seed)
        centre = jnp.asarray(theta)
        self.directions = rng.choice([-1.0, 1.0], (draws, 2, circuit.n_parameters))
        """Signs, (draws, 2, P)."""
        first, second = self.directions[:, 0], self.directions[:, 1]
        moved = self.step * np.stack([first + second, first, -first + second, -first], axis=1)
        points = np.asarray(centre)[None, None] + moved
        here = np.asarray(circuit.angles(centre, x), dtype=np.float64)
        flat = jnp.asarray(points.reshape(-1, circuit.n_parameters), centre.dtype)
        there = np.asarray(jax.vmap(lambda t: circuit.angles(t, x))(flat), dtype=np.float64)
        self.angles = np.concatenate([np.tile(here, (len(there), 1)), there], axis=1)

    def estimate(self, counts: Any, bit_order: BitOrder = "qubit-0-first") -> MatrixEstimate:
        """The average over the draws; standard errors from their spread.

        Raises:
            ValueError: counts that do not fit the plan.
        """
        table = as_table(counts, len(self.angles), self.template.n_qubits, bit_order)
        shots = table.sum(axis=1)
        return self._average((table[:, 0] / shots).reshape(self.draws, 4), len(table), int(shots.sum()))

    def exact(self) -> MatrixEstimate:
        """The same from exact overlaps: what is left is the noise of the directions and the bias of the step."""
        return self._average(self.probabilities()[:, 0].reshape(self.draws, 4), len(self.angles), 0)

    def _average(self, overlap: np.ndarray, circuits: int, shots: int) -> MatrixEstimate:
        second = (overlap[:, 0] - overlap[:, 1] - overlap[:, 2] + overlap[:, 3]) / (2.0 * self.step**2)
        outer = np.einsum("di,dj->dij", self.directions[:, 0], self.directions[:, 1])
        each = -second[:, None, None] * (outer + outer.transpose(0, 2, 1))
        error = each.std(axis=0, ddof=1) / np.sqrt(self.draws)
        return MatrixEstimate(each.mean(axis=0), error, circuits, shots, f"SPSA, {self.draws} draws")
