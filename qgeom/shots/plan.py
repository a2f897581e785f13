"""What all plans are: one circuit at many settings of its angles, to be run or simulated."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from circuits.circuit import Circuit
from qgeom.shots.counts import drawn
from qgeom.shots.shift_rules import bound
from qgeom.shots.simulation import probabilities


class Plan:
    """Circuits whose counts determine a metric; a subclass says which, and what the counts say (``estimate``)."""

    template: Circuit
    """The gates; every angle is a parameter of its own."""
    angles: np.ndarray
    """Angles of every circuit to run, (circuits, angles)."""

    @functools.cached_property
    def circuits(self) -> tuple[Circuit, ...]:
        """The circuits to run, in order, without parameters; measure all their qubits."""
        return tuple(bound(self.template, row) for row in self.angles)

    def probabilities(self) -> np.ndarray:
        """Exact probabilities of all circuits, (circuits, outcomes)."""
        return probabilities(self.template, self.angles)

    def sample(self, shots: int | Sequence[int], seed: int = 0) -> np.ndarray:
        """Counts of a simulation, (circuits, outcomes), with so many shots per circuit.

        Raises:
            ValueError: shots that are no integers of 1 or more.
        """
        return drawn(self.probabilities(), shots, np.random.default_rng(seed))
