r"""The shortest straight line to ``e^{-iHt}`` or ``e^{Xt}`` at many times: the quadratic form is made once.

With ``H = sum_j eps_j |j><j|`` every line ``exp(-i sum_j (eps_j t + 2 pi k_j) |j><j|)`` reaches ``e^{-iHt}``; on SO(d)
``X = sum_j theta_j P_j`` with a rotation by one radian in each plane of X, every line
``exp(sum_j (theta_j t + 2 pi k_j) P_j)`` reaches ``e^{Xt}``. Its squared length is a quadratic form of the integers k
(Craps et al., arXiv:2202.13924), whose smallest value is searched as in :mod:`qgeom.nielsen.lattice`, without
enumeration: an upper bound of the geodesic distance.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax.numpy as jnp
import numpy as np
import scipy.linalg

from qgeom.nielsen.closest_vector import (
    cyclic_unwrappings,
    gram_without_last,
    improved,
    nearest_plane,
    reduced_basis,
)
from qgeom.nielsen.lattice import quadratic_form
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.string_weights import StringWeights

TURN = 2.0 * np.pi


@dataclass
class Lines:
    """Straight lines along one eigenbasis.

    Attributes:
        form: Q, (levels, levels): squared length of ``x`` radians in each eigendirection is ``x^T Q x``.
        phase: Whether a common shift of all levels is free (unitary groups).
        reduce: Whether to reduce the lattice (python-flint); without it the bound is a few per cent longer.
    """

    form: np.ndarray
    phase: bool
    reduce: bool = False
    _basis: np.ndarray | None = field(default=None, init=False, repr=False)

    def length(self, angles: np.ndarray) -> float:
        """Length of the shortest line found to the element with these eigenphases, (levels,), in radians."""
        offset = np.asarray(angles, np.float64) / TURN
        starts = [-np.rint(offset)]
        if self.phase:
            values, order = cyclic_unwrappings(self.form, offset - np.floor(offset))
            unwrapped = -np.floor(offset)
            unwrapped[order[: int(np.argmin(values))]] += 1.0
            gram, inner = gram_without_last(self.form, offset)
            starts += [unwrapped, np.append(nearest_plane(gram, inner), 0.0)]
        else:
            gram, inner = self.form, offset
            starts.append(nearest_plane(gram, inner))
        if self.reduce:
            if self._basis is None:
                self._basis = reduced_basis(gram)
            last = [0.0] if self.phase else []
            starts.append(np.append(nearest_plane(gram, inner, self._basis), last))
        best = min(self._value(offset, improved(self.form, offset, k)) for k in starts)
        best = min(best, self._value(offset, np.zeros(len(offset))))  # the line itself
        return TURN * float(np.sqrt(max(best, 0.0)))

    def _value(self, offset: np.ndarray, k: np.ndarray) -> float:
        x = offset + k
        if self.phase:
            x = x - x.mean()  # a large common shift would cost digits
        return float(x @ self.form @ x)


def hamiltonian_lines(
    hamiltonian: np.ndarray, weights: StringWeights, reduce: bool = False
) -> tuple[np.ndarray, Lines]:
    """Eigenvalues of H, and lines along its eigenvectors.

    Where eigenvalues coincide the eigenvectors, hence the family of lines, are a choice: those of a fixed sum of Z.
    """
    d = len(hamiltonian)
    n = d.bit_length() - 1
    bits = (np.arange(d)[:, None] >> np.arange(n)[::-1]) & 1
    splitting = (1.0 - 2.0 * bits) @ np.sqrt(np.arange(n) + 2.0)
    scale = float(np.max(np.abs(hamiltonian)))
    vectors = np.linalg.eigh(hamiltonian + np.diag(1e-9 * scale * splitting))[1]
    energies = np.einsum("ki,kl,li->i", vectors.conj(), hamiltonian, vectors, optimize=True).real
    return energies, Lines(quadratic_form(vectors, weights, infinite=np.inf), True, reduce)


def unitary_lines(unitary: np.ndarray, weights: StringWeights) -> tuple[np.ndarray, Lines]:
    """Eigenphases of ``U = V exp(-i diag(phases)) V^dagger``, and lines along its eigenvectors."""
    triangular, vectors = scipy.linalg.schur(unitary, output="complex")[:2]
    return -np.angle(np.diag(triangular)), Lines(quadratic_form(vectors, weights, infinite=np.inf), True)


def rotation_lines(rotation: np.ndarray, penalty: Penalty) -> tuple[np.ndarray, Lines]:
    """Angles in the planes of a rotation in general position, and lines along them; on SO(d), d even or odd."""
    triangular, vectors = scipy.linalg.schur(rotation, output="complex")[:2]
    return _planes(np.angle(np.diag(triangular)), vectors, penalty)


def generator_lines(generator: np.ndarray, penalty: Penalty) -> tuple[np.ndarray, Lines]:
    """Angular velocities of an antisymmetric X in general position, and lines along its planes."""
    values, vectors = np.linalg.eigh(-1j * generator)  # X v = i value v
    return _planes(values, vectors, penalty)


def _planes(values: np.ndarray, vectors: np.ndarray, penalty: Penalty) -> tuple[np.ndarray, Lines]:
    chosen = np.argsort(-values)[: len(values) // 2]
    v = vectors[:, chosen]
    planes = -2.0 * np.imag(np.einsum("ik,jk->kij", v, v.conj()))
    rows = np.asarray(penalty.group.coefficients(jnp.asarray(planes)))
    return values[chosen], Lines((rows * np.asarray(penalty.weights)) @ rows.T, False)
