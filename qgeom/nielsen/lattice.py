r"""The shortest straight line: an upper bound of the geodesic distance for up to 10 qubits.

A unitary ``U = sum_j e^{-i eps_j} |j><j|`` is reached by every straight line ``exp(-i H t)`` with

    H = sum_j (eps_j + 2 pi k_j) |j><j|,        length^2 = x^T Q x,   x = eps + 2 pi k,
    Q_ij = sum_s w_s <i|s|i> <j|s|j> / 4^n      (over the Pauli strings but the identity),

so that the shortest is a closest-vector problem for the integers k, up to a common shift, which is the global phase
(Craps, Clerck, Hacker, Nguyen and Rabideau, arXiv:2202.13924). It is solved approximately, by lattice reduction
(:mod:`qgeom.nielsen.closest_vector`); the result is an upper bound whatever is found.

With ``w`` the weight that most strings have, ``Q = w (1/2^n - J/4^n) + sum_s (w_s - w) a_s a_s^T`` with
``a_s = <j|s|j> / 2^n``: only strings of another weight are looked at, and never more than ``2^n`` at a time.

Where eigenvalues coincide the eigenvectors are not unique, and neither is the family of straight lines: within an
eigenspace those of a fixed sum of Z operators are taken, which are computational states where the eigenspace is spanned
by such. It is a choice, not a minimisation. For ``e^{-iHt}`` pass the eigenvalues of ``H t`` and its eigenvectors to
:func:`straight_line_of`: a shorter line may need the eigenvectors of H where those of U are not unique.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from qgeom.nielsen.bounds import lower_bound
from qgeom.nielsen.closest_vector import (
    cyclic_unwrappings,
    enumerated,
    gram_without_last,
    improved,
    nearest_plane,
    reduced_basis,
)
from qgeom.nielsen.groups import PauliGroup
from qgeom.nielsen.pauli_transform import pauli_coefficients
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.string_weights import StringWeights, string_weights_of
from qgeom.nielsen.subgroups import unitary_distance

MOST_QUBITS = 10
MOST_QUBITS_FOR_SUBGROUPS = 5
"""Up to here the lower bound is that of the linear program, beyond it the cheapest flat metric."""

MOST_LEVELS = 128
"""Up to this dimension the lattice is searched by enumeration as well."""

FORBIDDEN = 1e6
"""Weight that stands for an infinite one in the search, in units of the largest finite one."""


@dataclass(frozen=True)
class StraightLine:
    """The shortest straight line that was found, ``U ~ V exp(-i diag(energies)) V^dagger``.

    Attributes:
        length: ``sqrt(sum_s w_s h_s^2)`` of its Hamiltonian; an upper bound of the geodesic distance. inf if every line
            that was found uses forbidden strings.
        energies: Eigenvalues of its Hamiltonian, mean zero, (2^n,).
        vectors: Eigenvectors V, columns, (2^n, 2^n).
        branches: The integers k, relative to the eigenvalues that were given (to ``-arg`` of the eigenvalues of U for a
            matrix), shifted so that the most frequent one is zero, (2^n,).
        method: What the winner started from before it was improved by steps: ``"given"``, ``"unwrapped"`` (phases
            within one turn), ``"babai"`` (nearest plane), ``"lll"`` (nearest plane in the reduced basis),
            ``"enumeration"`` (up to 7 qubits, if it found a shorter line than these).
        shortest: Whether enumeration has proven that no other branch in this eigenbasis is shorter (never beyond 7
            qubits).
        lengths: The length that each of them reached.
        principal_length: Length of the flat-shortest logarithm, the geodesic at unit weights.
        given_length: Length with all k = 0.
        lower_bound: Proven lower bound of the geodesic distance: :func:`lower_bound` up to 5 qubits, beyond it the
            cheapest flat metric.
    """

    length: float
    energies: np.ndarray
    vectors: np.ndarray
    branches: np.ndarray
    method: str
    shortest: bool
    lengths: dict[str, float]
    principal_length: float
    given_length: float
    lower_bound: float

    @property
    def gap(self) -> float:
        """``length - lower_bound``."""
        return self.length - self.lower_bound

    @property
    def hamiltonian(self) -> np.ndarray:
        """``H = V diag(energies) V^dagger``, complex (2^n, 2^n)."""
        return (self.vectors * self.energies) @ self.vectors.conj().T

    @functools.cached_property
    def coefficients(self) -> np.ndarray:
        """``h_s`` of the Hamiltonian in the order of the strings, (4^n - 1,): the controls of the line."""
        return np.asarray(pauli_coefficients(jnp.asarray(self.hamiltonian)))[1:]

    def __repr__(self) -> str:
        known = ", the shortest" if self.shortest else ""
        return (
            f"StraightLine(length {self.length:.6g} by {self.method}{known}, "
            f"principal logarithm {self.principal_length:.6g}, lower bound {self.lower_bound:.6g})"
        )


def straight_line_bound(
    target: np.ndarray, penalty: Penalty | StringWeights, *, reduce: bool = True
) -> StraightLine:
    """The shortest straight line to a unitary.

    Args:
        target: Unitary, complex (2^n, 2^n), n up to 10; a global phase is ignored.
        penalty: A penalty on Pauli strings, or a rule of :func:`string_rule` or :func:`local_rule`, which goes beyond 8
            qubits.
        reduce: Whether to reduce the lattice (python-flint, the extra ``lattice``), beside Babai's nearest plane
            in the basis as it is. Without it the result is an upper bound as well.

    Raises:
        ValueError: if the target is not unitary or of another size, or for more than 10 qubits.
        ModuleNotFoundError: if ``reduce`` and python-flint is not installed.
    """
    weights = string_weights_of(penalty)
    _check_size(weights.n_qubits)
    phases, vectors = _eigensystem(_unitary(target, weights.n_qubits))
    return straight_line_of(-phases, vectors, weights, reduce=reduce)


def straight_line_of(
    energies: np.ndarray, vectors: np.ndarray, penalty: Penalty | StringWeights, *, reduce: bool = True
) -> StraightLine:
    """The shortest straight line to ``V exp(-i diag(energies)) V^dagger``, e.g. to ``e^{-iHt}`` from ``eigh(H)``.

    Args:
        energies: Eigenvalues of ``H t``, (2^n,); any branch.
        vectors: Orthonormal eigenvectors, columns, real or complex (2^n, 2^n).
        penalty: As in :func:`straight_line_bound`.
        reduce: As in :func:`straight_line_bound`.

    Raises:
        ValueError: if the vectors are not orthonormal to 1e-8, or shapes do not fit.
    """
    weights = string_weights_of(penalty)
    _check_size(weights.n_qubits)
    energies, vectors = _checked(energies, vectors, weights.n_qubits)
    allowed, forbidden = _forms(vectors, weights)
    q = allowed if forbidden is None else allowed + _stand_in(weights) * forbidden
    offset = energies / (2.0 * np.pi)
    found, shortest = _search(q, offset, reduce)
    lengths = {name: _length(allowed, forbidden, offset + k) for name, k in found.items()}
    squares = {name: float((offset + k) @ q @ (offset + k)) for name, k in found.items()}
    method = min(squares, key=lambda name: squares[name])
    k = found[method]
    chosen = 2.0 * np.pi * (offset + k)
    values, counts = np.unique(k, return_counts=True)
    return StraightLine(
        length=lengths[method],
        energies=chosen - chosen.mean(),
        vectors=vectors,
        branches=(k - values[np.argmax(counts)]).astype(np.int64),
        method=method,
        shortest=shortest,
        lengths=lengths,
        principal_length=_length(allowed, forbidden, _flat_shortest(offset)),
        given_length=_length(allowed, forbidden, offset),
        lower_bound=_lower(energies, vectors, weights),
    )


def quadratic_form(
    vectors: np.ndarray, weights: StringWeights, infinite: float, finite: float = 1.0
) -> np.ndarray:
    """``Q_ij = sum_s w_s <i|s|i><j|s|j> / 4^n``, with ``finite * w`` for finite weights, ``infinite`` for others."""

    def effective(w: np.ndarray | float) -> np.ndarray:
        w = np.asarray(w, np.float64)
        return np.where(np.isfinite(w), finite * np.where(np.isfinite(w), w, 0.0), infinite)

    d = len(vectors)
    common = weights.common
    base = float(effective(common))
    q = base * (np.eye(d) / d - np.full((d, d), 1.0 / d**2))
    y = np.arange(d)
    conjugate = vectors.conj()
    for x, z, w in weights.rows(other_than=common):
        signs = 1.0 - 2.0 * (np.bitwise_count(z[:, None] & y) & 1)
        products = conjugate[y ^ x] * vectors
        # i^{|x & z|} times a sum that is real or imaginary: take the part that makes it real.
        turns = np.bitwise_count(x & z).astype(np.int64) % 4
        table = np.empty((len(z), d))
        even = turns % 2 == 0
        table[even] = signs[even] @ np.real(products)
        table[~even] = -(signs[~even] @ np.imag(products))
        table *= np.where(turns >= 2, -1.0, 1.0)[:, None] / d
        q += (table.T * (effective(w) - base)) @ table
    return 0.5 * (q + q.T)


def _forms(vectors: np.ndarray, weights: StringWeights) -> tuple[np.ndarray, np.ndarray | None]:
    """The form of the allowed strings, and that of the forbidden ones with unit weights."""
    any_forbidden = (
        not np.all(np.isfinite(weights.table))
        if weights.table is not None
        else not np.all(np.isfinite([*weights.by_weight, *weights.exceptions.values()]))
    )
    allowed = quadratic_form(vectors, weights, infinite=0.0)
    return allowed, quadratic_form(vectors, weights, infinite=1.0, finite=0.0) if any_forbidden else None


def _stand_in(weights: StringWeights) -> float:
    values = (
        weights.table if weights.table is not None else [*weights.by_weight, *weights.exceptions.values()]
    )
    values = np.asarray(values)
    return FORBIDDEN * float(np.max(values[np.isfinite(values)]))


def _length(allowed: np.ndarray, forbidden: np.ndarray | None, turns: np.ndarray) -> float:
    x = 2.0 * np.pi * turns
    x = x - x.mean()
    if forbidden is not None and x @ forbidden @ x > 1e-14 * (x @ x) / len(x):
        return float("inf")
    return float(np.sqrt(max(x @ allowed @ x, 0.0)))


def _search(q: np.ndarray, offset: np.ndarray, reduce: bool) -> tuple[dict[str, np.ndarray], bool]:
    """Integers by name of their start, each improved by steps, and whether the best is known to be the closest."""
    values, order = cyclic_unwrappings(q, offset - np.floor(offset))
    unwrapped = -np.floor(offset)
    unwrapped[order[: int(np.argmin(values))]] += 1.0
    gram, inner = gram_without_last(q, offset)
    basis = reduced_basis(gram) if reduce else None
    starts = {"given": np.zeros(len(offset)), "unwrapped": unwrapped}
    starts["babai"] = np.append(nearest_plane(gram, inner), 0.0)
    if basis is not None:
        starts["lll"] = np.append(nearest_plane(gram, inner, basis), 0.0)
    found = {name: improved(q, offset, k) for name, k in starts.items()}
    if len(offset) > MOST_LEVELS:
        return found, False
    best = min(found.values(), key=lambda k: float((offset + k) @ q @ (offset + k)))
    nearer, complete = enumerated(gram, inner, best[:-1] - best[-1], basis)
    if np.any(nearer != best[:-1] - best[-1]):
        found["enumeration"] = np.append(nearer, 0.0)
    return found, complete


def _flat_shortest(offset: np.ndarray) -> np.ndarray:
    """Branches of the flat-shortest logarithm, in turns."""
    d = len(offset)
    fraction = offset - np.floor(offset)
    values, order = cyclic_unwrappings(np.eye(d) - np.full((d, d), 1.0 / d), fraction)
    fraction[order[: int(np.argmin(values))]] += 1.0
    return fraction


def _lower(energies: np.ndarray, vectors: np.ndarray, weights: StringWeights) -> float:
    n = weights.n_qubits
    if n > MOST_QUBITS_FOR_SUBGROUPS:
        return weights.cheapest**0.5 * unitary_distance(np.diag(np.exp(-1j * energies)))
    target = (vectors * np.exp(-1j * energies)) @ vectors.conj().T
    return lower_bound(target, Penalty(PauliGroup(n), weights.lexicographic())).value


def _eigensystem(unitary: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenphases and orthonormal eigenvectors of a unitary.

    By a Cayley transform, a Hermitian matrix with the same eigenvectors: stable where eigenvalues coincide. Its pole is
    first anywhere, then in the widest gap of the spectrum.
    """
    d = len(unitary)
    eye = np.eye(d)

    def cayley(pole: float) -> np.ndarray:
        turned = -unitary * np.exp(-1j * pole)
        hermitian = 1j * np.linalg.solve(eye + turned, eye - turned)
        return 0.5 * (hermitian + hermitian.conj().T)

    phases = np.sort(np.angle(np.linalg.eigvals(unitary))) if d <= 64 else _rough_phases(cayley)
    gaps = np.diff(phases, append=phases[0] + 2 * np.pi)
    widest = int(np.argmax(gaps))
    _, vectors = np.linalg.eigh(cayley(float(phases[widest] + 0.5 * gaps[widest])))
    values = np.einsum("ki,ki->i", vectors.conj(), unitary @ vectors)
    start = float(phases[widest] + 0.5 * gaps[widest])
    angles = np.angle(values * np.exp(-1j * (start + np.pi))) + start + np.pi
    order = np.argsort(angles)
    angles, vectors = angles[order], vectors[:, order]
    splitting = _sum_of_z(d)
    edges = np.flatnonzero(np.diff(angles) > 1e-8) + 1
    for block in np.split(np.arange(d), edges):
        if len(block) > 1:
            basis = vectors[:, block]
            vectors[:, block] = basis @ np.linalg.eigh((basis.conj().T * splitting) @ basis)[1]
    return (angles + np.pi) % (2 * np.pi) - np.pi, vectors


def _rough_phases(cayley: Callable[[float], np.ndarray]) -> np.ndarray:
    """Eigenphases from a transform whose pole is a fixed irrational angle, accurate away from it."""
    pole = 2.0 * np.pi * 0.618033988749895
    values = np.linalg.eigvalsh(cayley(pole))
    # (1 - W) / (1 + W) with W = e^{i phi} is -i tan(phi / 2); W = -U e^{-i pole}.
    return np.sort(np.angle(-np.exp(1j * (pole + 2.0 * np.arctan(values)))))


def _sum_of_z(d: int) -> np.ndarray:
    """Diagonal of ``sum_q sqrt(q + 2) Z_q``."""
    n = d.bit_length() - 1
    bits = (np.arange(d)[:, None] >> np.arange(n)[::-1]) & 1
    return (1.0 - 2.0 * bits) @ np.sqrt(np.arange(n) + 2.0)


def _check_size(n_qubits: int) -> None:
    if n_qubits > MOST_QUBITS:
        raise ValueError(
            f"straight lines stop at {MOST_QUBITS} qubits, not {n_qubits}; circuit_cost goes beyond"
        )


def _unitary(target: np.ndarray, n_qubits: int) -> np.ndarray:
    target = np.asarray(target, np.complex128)
    d = 1 << n_qubits
    if target.shape != (d, d):
        raise ValueError(f"the target has shape {target.shape}, the weights are for matrices {(d, d)}")
    off = float(np.max(np.abs(target.conj().T @ target - np.eye(d))))
    if not off < 1e-6:
        raise ValueError(f"the target is not unitary: U'U differs from 1 by {off:.2g}, expected below 1e-6")
    return target


def _checked(energies: np.ndarray, vectors: np.ndarray, n_qubits: int) -> tuple[np.ndarray, np.ndarray]:
    energies, vectors = np.asarray(energies, np.float64), np.asarray(vectors)
    d = 1 << n_qubits
    if energies.shape != (d,) or vectors.shape != (d, d):
        raise ValueError(
            f"{n_qubits} qubits need {d} eigenvalues and eigenvectors of shape {(d, d)}, "
            f"got {energies.shape} and {vectors.shape}"
        )
    defect = float(np.max(np.abs(vectors.conj().T @ vectors - np.eye(d))))
    if not defect < 1e-8:
        raise ValueError(
            f"the eigenvectors are not orthonormal: V'V differs from the identity by {defect:.1e}"
        )
    return energies, vectors.astype(np.complex128)
