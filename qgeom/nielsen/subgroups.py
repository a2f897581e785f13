r"""Distances from subgroups in the flat metric, in closed form or bounded from below.

Let K be a connected subgroup whose algebra is spanned by a part of the basis, and ``X_K`` that part of the velocity of
a path ``U' = X U`` from 1 to V. With ``k' = X_K k`` in K and ``W = k^{-1} U``,

    W' = k^{-1} (X - X_K) k W,

so that, the flat norm being invariant under conjugation, W is a path of flat length ``int |X - X_K| dt`` from 1 to
``k(1)^{-1} V``. Hence, on a compact group,

    int |X outside K| dt  >=  b_K = min_{k in K} d_flat(k, V),

for every path, whatever its metric; the trivial group gives ``b = d_flat(1, V)``. :class:`Subgroup` holds the
directions outside K and ``b_K`` (or less).

Flat distance of unitaries up to phase
    The flat metric is bi-invariant: its geodesics from 1 are one-parameter groups (and one is minimal, the group being
    compact), so d is the smallest norm ``sqrt(tr H^2 / d)`` of a traceless H with ``e^{-iH} ~ U``: the smallest
    standard deviation of ``theta_j + 2 pi k_j`` over the integers k, theta the eigenphases. About the best mean c each
    term lies within pi of c (else moving it by a turn lowers the sum of squares about c, hence the variance), so the
    best choice is a window of one turn: one of the d cyclic unwrappings of the sorted phases.

Rotations
    A real logarithm has eigenvalues ``+-i (theta_j + 2 pi k_j)``, its norm in the basis of planes is the root of the
    sum of their squares, one for each pair, and the principal one is smallest; eigenvalues -1 come in pairs.

Two parts of a set of qubits: K = SU(A) x SU(B)
    For W = k^{-1} V with the eigenphases ``lambda_j`` of its shortest generator, mean zero and ``|lambda_j| <= pi``,

        s_1 >= |tr(V^dagger k_A k_B)| / 2^n >= mean_j cos(lambda_j) >= cos(rms lambda) = cos d_flat(k, V),

    s_1 the largest operator-Schmidt coefficient of V with ``sum_i s_i^2 = 1``: first a scalar product of V with a
    product of unit vectors, then Jensen's inequality, since ``cos sqrt(x)`` is convex up to x = 4.49^2 > pi^2. So
    ``b_K >= arccos s_1``. For two qubits b_K is known: SU(4)/SU(2)^2 is a symmetric space, in which the distance of
    the class of ``exp(-i (a XX + b YY + c ZZ))`` is the smallest norm over the affine Weyl group, that is over shifts
    of each coordinate by multiples of pi/2: ``sqrt(sum_i dist(a_i, pi/2 Z)^2)``, pi/4 for CNOT.

Symmetries: K = what commutes with a Pauli string P, or keeps two sets of coordinates apart
    The quotient is a Grassmannian (complex, or real for rotations), where the distance is the root of the sum of
    squares of the principal angles between a subspace and its image. For P the angles, each twice, are half the
    eigenphases of ``P V^dagger P V``.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from circuits.gate_matrices import pauli_matrix
from qgeom.nielsen.groups import PauliGroup, SpecialOrthogonal, SpecialUnitary
from qgeom.nielsen.penalty import string_supports

MOST_QUBITS_FOR_SYMMETRIES = 5
"""The 4^n - 1 groups of what commutes with a string are used up to here."""

MOST_COORDINATES = 10
"""Blocks of coordinates, 2^(d-1) - 1 of them, are used up to this d."""


@dataclass(frozen=True)
class Subgroup:
    """A subgroup K of a compact group and how far the target is from it.

    Attributes:
        name: What it is, e.g. ``"01|2"``.
        distance: Flat distance of the target from K, or a lower bound of it.
        outside: Which directions of the basis lie outside K, bool (m,).
    """

    name: str
    distance: float
    outside: np.ndarray


def unitary_distance(target: np.ndarray) -> float:
    """Flat distance between 1 and a unitary up to phase, ``min |H|``, ``|H|^2 = tr H^2 / d``, with tr H = 0."""
    phases = np.sort(np.angle(np.linalg.eigvals(target)))
    d = len(phases)
    # Unwrapping k moves the k lowest phases up one turn: mean and mean square change by known amounts.
    lowest = np.concatenate([[0.0], np.cumsum(phases)[:-1]])
    k = np.arange(d)
    mean = (phases.sum() + 2 * np.pi * k) / d
    square = (np.sum(phases**2) + 4 * np.pi * lowest + 4 * np.pi**2 * k) / d
    best = int(np.argmin(square - mean**2))
    unwrapped = phases + 2 * np.pi * (k < best)
    return float(np.std(unwrapped))


def rotation_distance(target: np.ndarray) -> float:
    """Flat distance between 1 and a rotation: the root of the sum of squares of its angles, one for each plane."""
    angles = np.angle(np.linalg.eigvals(target))
    return float(np.sqrt(0.5 * np.sum(angles**2)))


def unitary_subgroups(group: PauliGroup | SpecialUnitary, target: np.ndarray) -> list[Subgroup]:
    """The trivial group, and the subgroups of the module's text that are spanned by the basis of this group."""
    trivial = Subgroup("1", unitary_distance(target), np.ones(group.dimension, bool))
    if isinstance(group, SpecialUnitary):
        return [trivial, *_blocks(group, target)]
    found = [trivial, *_bipartitions(group.n_qubits, target)]
    if group.n_qubits <= MOST_QUBITS_FOR_SYMMETRIES:
        found += _symmetries(group.n_qubits, target)
    return found


def rotation_subgroups(group: SpecialOrthogonal, target: np.ndarray) -> list[Subgroup]:
    """The trivial group, and rotations that keep two sets of coordinates apart."""
    trivial = Subgroup("1", rotation_distance(target), np.ones(group.dimension, bool))
    return [trivial, *_blocks(group, target)]


def operator_schmidt(target: np.ndarray, qubits: tuple[int, ...]) -> np.ndarray:
    """Operator-Schmidt coefficients of a unitary between these qubits and the others, descending, sum of squares 1."""
    n = len(target).bit_length() - 1
    rest = tuple(q for q in range(n) if q not in qubits)
    axes = [*qubits, *(n + q for q in qubits), *rest, *(n + q for q in rest)]
    matrix = target.reshape((2,) * (2 * n)).transpose(axes).reshape(4 ** len(qubits), -1)
    return np.linalg.svd(matrix, compute_uv=False) / np.sqrt(len(target))


def kak_coordinates(target: np.ndarray) -> np.ndarray:
    """(a, b, c) of ``V ~ k_1 exp(-i (a XX + b YY + c ZZ)) k_2``, each within pi/4 of zero; signs and order are free.

    In the magic basis the local gates are rotations and V = O_1 D O_2 with D diagonal: the eigenphases of V^T V are
    twice those of D (Makhlin, quant-ph/0002045; Kraus and Cirac, quant-ph/0011050).
    """
    magic = np.array([[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]]) / np.sqrt(2)
    v = magic.conj().T @ (target / np.linalg.det(target) ** 0.25) @ magic
    phases = 0.5 * np.angle(np.linalg.eigvals(v.T @ v))
    # det D = 1 fixes the sum of the phases modulo 2 pi; each is known modulo pi.
    phases[0] += np.pi * (round(phases.sum() / np.pi) % 2)
    signs = np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]])
    coordinates = signs @ phases / 4.0
    return coordinates - 0.5 * np.pi * np.round(coordinates / (0.5 * np.pi))


def _bipartitions(n: int, target: np.ndarray) -> list[Subgroup]:
    supports = np.asarray(string_supports(n))
    found = []
    for part in range(1, 1 << (n - 1)):  # the last qubit is always in the other part
        qubits = tuple(q for q in range(n) if part >> q & 1)
        others = tuple(q for q in range(n) if not part >> q & 1)
        if n == 2:
            distance = float(np.linalg.norm(kak_coordinates(target)))
        else:
            s = operator_schmidt(target, qubits)
            distance = float(np.arctan2(np.linalg.norm(s[1:]), s[0]))  # arccos, exact near zero
        outside = ((supports & part) > 0) & ((supports & ~part) > 0)
        found.append(Subgroup(f"{_joined(qubits)}|{_joined(others)}", distance, outside))
    return found


def _symmetries(n: int, target: np.ndarray) -> list[Subgroup]:
    names = ["".join(s) for s in itertools.product("IXYZ", repeat=n)][1:]
    strings = np.stack([pauli_matrix(name) for name in names])
    phases = np.angle(np.linalg.eigvals(strings @ target.conj().T @ strings @ target))
    distances = 0.5 * np.sqrt(np.mean(phases**2, axis=-1))
    x, z = (np.asarray([int(name.translate(digits), 2) for name in names]) for digits in _MASKS)
    anticommute = np.bitwise_count((x[:, None] & z) ^ (z[:, None] & x)) % 2 == 1
    return [
        Subgroup(f"commutes with {name}", float(distance), outside)
        for name, distance, outside in zip(names, distances, anticommute)
    ]


_MASKS = (str.maketrans("IXYZ", "0110"), str.maketrans("IXYZ", "0011"))


def _blocks(group: SpecialUnitary | SpecialOrthogonal, target: np.ndarray) -> list[Subgroup]:
    d = group.dim
    if d > MOST_COORDINATES:
        return []
    i, j = np.triu_indices(d, 1)
    found = []
    for part in range(1, 1 << (d - 1)):
        inside = np.array([bool(part >> k & 1) for k in range(d)])
        distance = float(np.linalg.norm(_principal_angles(target, inside)))
        crossing = inside[i] != inside[j]
        if isinstance(group, SpecialUnitary):
            # Angle theta between two axes is theta (E_ij + E_ji): norm^2 = 2 theta^2 / d in the basis.
            distance *= np.sqrt(2.0 / d)
            crossing = np.concatenate([crossing, crossing, np.zeros(d - 1, bool)])
        name = f"{_joined(np.flatnonzero(inside))}|{_joined(np.flatnonzero(~inside))}"
        found.append(Subgroup(name, distance, crossing))
    return found


def _principal_angles(target: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Angles between the span of some coordinates and its image, exact both near 0 and near pi/2."""
    cosines = scipy.linalg.svdvals(target[np.ix_(inside, inside)])
    sines = scipy.linalg.svdvals(target[np.ix_(~inside, inside)])
    padded = np.zeros(len(cosines))
    padded[: len(sines)] = sines[: len(cosines)]
    return np.arctan2(padded, cosines[::-1])


def _joined(indices: tuple[int, ...] | np.ndarray) -> str:
    separator = "" if max(indices) < 10 else ","
    return separator.join(str(int(k)) for k in indices)
