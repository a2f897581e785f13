r"""Circuit complexity of pure Gaussian states in closed form, for thousands of modes.

The cost of a circuit of Gaussian gates is that of its generators; the complexity of a state minimises it over circuits,
that is also over what leaves the reference as it is. With equal weights for all directions the shortest circuit acts on
independent *normal modes* of the two states:

**Fermions** (Hackl and Myers, JHEP 07 (2018) 139). Pairs of normal modes are rotated by Bogoliubov angles,
``|target> = prod_k (cos t_k + sin t_k b_k^dagger b'_k^dagger)|reference>``, ``t_k`` in [0, pi/2]. The relative
covariance ``-Gamma_target Gamma_reference`` has the eigenvalues ``e^{+-2 i t_k}``, twice each. One pair costs

    exp(-i t (|00><11| + h.c.)),   |00><11| + h.c. = (XX - YY)/2:   F1 = t,  F2 = t/sqrt 2,

with unit weights on Pauli strings as in the flat metric of :mod:`qgeom.nielsen` (h = t/2 on two strings): ``F1 = sum
|h|`` and ``F2 = sqrt(sum h^2)``. So

    F1 = sum_k t_k,    F2 = sqrt(sum_k t_k^2 / 2),    F_kappa = sum_k t_k^kappa.

F2 is the penalty-free Nielsen length of the state: for one pair that over *all* unitaries of two qubits. It is less
than the length t of ``exp(-i t XX)``, which as a gate acts on more than ``|00>``. ``sqrt(sum t^2)``, the cost by
Bogoliubov angles without a factor, is ``sqrt 2 F2``; the distance in the quantum Fisher metric is ``2 sqrt 2 F2``.

**Bosons** (Jefferson and Myers, JHEP 10 (2017) 107). Normal modes are squeezed by ``r_k``: the relative covariance has
the eigenvalues ``e^{+-2 r_k}``, and the cost of the generator ``(q p + p q)/2`` is 1:

    F1 = sum_k |r_k|,    F2 = sqrt(sum_k r_k^2),    F_kappa = sum_k |r_k|^kappa.

From a product of oscillators of frequency ``w_ref`` to the ground state of a lattice with frequencies ``w_k``,
``r_k = ln(w_k / w_ref)/2``: the free scalar field. F2 is the length in the flat metric of
:class:`qgeom.nielsen.GeneralLinear`; the distance in the quantum Fisher metric is ``sqrt 2 F2``. F1 depends on the
basis of gates: here it is that of the normal modes. Weights on directions: :func:`squeezing_geodesic`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from circuits.gaussian.bosons import BosonicGaussian
from circuits.gaussian.fermions import FermionicGaussian
from qgeom.nielsen.groups import SpecialOrthogonal
from qgeom.nielsen.subgroups import rotation_distance


@dataclass(frozen=True)
class GaussianComplexity:
    """Costs of the shortest circuit of independent normal modes.

    Attributes:
        angles: Bogoliubov angles in [0, pi/2] (fermions, one per pair of modes) or squeezings ``r_k`` (bosons, one per
            mode; their sign is that of ``ln(w_k/w_ref)`` where positions and momenta do not mix), by size, descending.
        statistics: ``"fermions"`` or ``"bosons"``.
    """

    angles: np.ndarray
    statistics: str

    @property
    def F1(self) -> float:
        """``sum |angle|``."""
        return float(np.sum(np.abs(self.angles)))

    @property
    def F2(self) -> float:
        """``sqrt(sum angle^2)``, for fermions over ``sqrt 2``: the length in the flat metric."""
        total = float(np.linalg.norm(self.angles))
        return total / np.sqrt(2.0) if self.statistics == "fermions" else total

    def kappa(self, kappa: float) -> float:
        """``sum |angle|^kappa``; 1 gives F1, 2 what divergences suggest."""
        if not kappa > 0.0:
            raise ValueError(f"kappa must be positive, not {kappa}")
        return float(np.sum(np.abs(self.angles) ** kappa))

    @property
    def information_distance(self) -> float:
        """Length of the same path in the quantum Fisher metric: shortest among Gaussian states."""
        return float((2.0 if self.statistics == "fermions" else np.sqrt(2.0)) * np.linalg.norm(self.angles))

    def __repr__(self) -> str:
        return f"GaussianComplexity({self.statistics}, F1 {self.F1:.6g}, F2 {self.F2:.6g}, {len(self.angles)} angles)"


def fermionic_complexity(
    target: FermionicGaussian, reference: FermionicGaussian | None = None
) -> GaussianComplexity:
    """Complexity of a pure fermionic Gaussian state from another one, on the host.

    Args:
        target: a pure state, concrete.
        reference: a pure state of the same parity; the vacuum unless given.

    Raises:
        ValueError: mixed states, different sizes, or different parities, which no even Gaussian unitary joins.
    """
    reference = (
        FermionicGaussian.vacuum(target.n_modes, target.covariance.dtype) if reference is None else reference
    )
    b, a = _covariances(target, reference)
    if not (np.any(a[::2, ::2]) or np.any(a[1::2, 1::2]) or np.any(b[::2, ::2]) or np.any(b[1::2, 1::2])):
        angles = np.repeat(_angles(a[::2, 1::2], b[::2, 1::2]), 2)  # the covariances are these blocks twice
    else:
        angles = _angles(a, b)
    # Every angle four times; two zeros are over if the number of modes is odd.
    pairs = target.n_modes // 2
    groups, rest = angles[: 4 * pairs].reshape(pairs, 4), angles[4 * pairs :]
    tolerance = 1e-5 if a.dtype == np.float64 else 1e-2
    if np.any(groups[:, 0] - groups[:, 3] > tolerance) or np.any(rest > tolerance):
        raise ValueError(
            "the states have different fermion parity: no even Gaussian unitary joins them; flip a mode of one"
        )
    return GaussianComplexity(groups.mean(axis=1), "fermions")


def bosonic_complexity(
    target: BosonicGaussian, reference: BosonicGaussian | None = None
) -> GaussianComplexity:
    """Complexity of a pure bosonic Gaussian state from another one of the same mean, on the host.

    Args:
        target: a pure state, concrete.
        reference: a pure state, e.g. ``BosonicGaussian.product([w_ref] * n)``; the vacuum unless given.

    Raises:
        ValueError: mixed states, different sizes, or different means (displacements have no cost here).
    """
    reference = (
        BosonicGaussian.vacuum(target.n_modes, target.covariance.dtype) if reference is None else reference
    )
    b, a = _covariances(target, reference)
    shift = float(np.max(np.abs(np.asarray(target.mean) - np.asarray(reference.mean))))
    if shift > 1e-9 * (1.0 + float(np.max(np.abs(np.asarray(target.mean))))):
        raise ValueError(
            f"the means differ by {shift:.2g}: displacements have no cost here; shift one of the states"
        )
    n = target.n_modes
    if not (np.any(a[:n, n:]) or np.any(b[:n, n:])):
        r = -0.5 * np.log(_relative(b[:n, :n], a[:n, :n]))
    else:
        r = 0.5 * np.log(_relative(b, a)[n:])
    return GaussianComplexity(r[np.argsort(-np.abs(r), kind="stable")], "bosons")


def lattice_complexity(frequencies: Any, reference: float) -> GaussianComplexity:
    """Complexity of a ground state of oscillators of normal frequencies ``w_k`` from a product of frequency ``w_ref``.

    ``r_k = ln(w_k / w_ref)/2``: the free scalar field of Jefferson and Myers (2017).

    Args:
        frequencies: w_k > 0, (n,), e.g. ``BosonicHamiltonian.frequencies``.
        reference: w_ref > 0.
    """
    w = np.asarray(frequencies, np.float64)
    if w.ndim != 1 or not np.all(w > 0.0) or not reference > 0.0:
        raise ValueError("frequencies and the reference frequency must be positive numbers")
    r = 0.5 * np.log(w / reference)
    return GaussianComplexity(r[np.argsort(-np.abs(r), kind="stable")], "bosons")


def rotation_complexity(rotation: Any) -> float:
    """Penalty-free Nielsen length of a fermionic Gaussian *unitary* among Gaussian ones, from its rotation.

    ``exp(-i t P/2)``, ``P = -i c_a c_b`` a Pauli string, rotates a plane by t and has length ``|t|/2``: half that on
    SO(2n). The state complexity minimises over the rotations that leave the reference as it is.

    Args:
        rotation: R of ``U^dagger c U = R c``, (2n, 2n), orthogonal of determinant 1; e.g. ``Matchgates.rotation``.
    """
    matrix = np.asarray(rotation, np.float64)
    return 0.5 * rotation_distance(SpecialOrthogonal(matrix.shape[-1]).check(matrix))


def _covariances(
    target: FermionicGaussian | BosonicGaussian, reference: FermionicGaussian | BosonicGaussian
) -> tuple[np.ndarray, np.ndarray]:
    if not (target.pure and reference.pure):
        raise ValueError("the complexity of mixed Gaussian states is not defined here; purify them")
    if target.n_modes != reference.n_modes or target.covariance.ndim != 2:
        raise ValueError(
            f"expected two single states of equal size, not {target.n_modes} and {reference.n_modes} modes"
        )
    return np.asarray(target.covariance), np.asarray(reference.covariance)


def _relative(b: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Eigenvalues of ``a^{-1} b``, ascending; by scaling alone where a is diagonal, as for product states."""
    d = np.diagonal(a)
    if np.count_nonzero(a) == np.count_nonzero(d):
        return np.linalg.eigvalsh(b / np.sqrt(d[:, None] * d[None, :]))
    return scipy.linalg.eigh(b, a, eigvals_only=True)


def _angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Half the angles of the eigenvalues of ``a^{-1} b``, descending; a - b has singular values ``2 sin``."""
    sines = 0.5 * np.linalg.svd(a - b, compute_uv=False)
    if sines[0] < 0.9:
        return np.arcsin(sines)
    cosines = 0.5 * np.linalg.svd(a + b, compute_uv=False)[::-1]  # a sine near 1 has lost half its digits
    return np.arctan2(sines, cosines)
