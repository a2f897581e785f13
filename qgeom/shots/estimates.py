"""A matrix that was measured, and how well."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class MatrixEstimate:
    """A metric estimated from shots.

    Attributes:
        matrix: (P, P), symmetric. Noise may make small eigenvalues negative: that is information, and is kept.
        standard_error: of each entry, (P, P).
        circuits: circuits that were run.
        shots: of all of them together.
        method: how it was measured.
    """

    matrix: np.ndarray
    standard_error: np.ndarray
    circuits: int
    shots: int
    method: str

    def positive(self) -> np.ndarray:
        """The nearest positive semi-definite matrix (Frobenius norm): negative eigenvalues set to zero (Higham 1988).

        What a natural gradient needs. It is biased upwards where the true eigenvalue is near zero.
        """
        values, vectors = np.linalg.eigh(self.matrix)
        return (vectors * np.maximum(values, 0.0)) @ vectors.T

    def significant_rank(self, deviations: float = 3.0) -> int:
        """Eigenvalues above what noise alone would give: more than so many times the noise's spectral norm.

        The noise is taken as a symmetric matrix of independent entries with the standard errors, whose norm is at most
        about twice the largest root mean square of a row times sqrt(P) (Bandeira and van Handel, Ann. Probab. 44, 2479
        (2016)); ``deviations`` multiplies half of that bound.
        """
        rows = np.sqrt(np.sum(self.standard_error**2, axis=1))
        return int(np.sum(np.linalg.eigvalsh(self.matrix) > deviations * float(rows.max(initial=0.0))))

    def __repr__(self) -> str:
        size = len(self.matrix)
        worst = float(self.standard_error.max(initial=0.0))
        return (
            f"MatrixEstimate({size} x {size}, {self.method}, {self.circuits} circuits, {self.shots} shots, "
            f"largest standard error {worst:.2g})"
        )
