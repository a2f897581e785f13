r"""Straight lines to a target: the branches of its logarithm, as coefficients.

``U = exp(X)`` has many logarithms: on unitary groups ``X = -i sum_j (theta_j + phi + 2 pi k_j) |j><j|`` for every
integer vector k and every phase phi. Each is a path ``exp(t X)``, and a start for the search of shorter ones. The cost
of a branch is a quadratic form in k, ``Q_ij = <E_i, G E_j>`` of the projectors, which ranks them without a matrix
logarithm each; the phase is taken out by dropping the trace.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import scipy.linalg

from qgeom.nielsen.groups import Group
from qgeom.nielsen.penalty import Penalty

DEGENERATE = 1e-9
"""Eigenphases closer than this share an eigenspace, whose basis is free."""
FORBIDDEN = 1e3
"""Infinite weights count as this many times the largest finite one when branches are ranked."""


def finite_weights(penalty: Penalty) -> np.ndarray:
    """The weights, with the infinite ones replaced by 1000 times the largest finite one: a ranking, no metric."""
    weights = np.asarray(penalty.weights)
    finite = weights[np.isfinite(weights)]
    return np.where(np.isfinite(weights), weights, FORBIDDEN * finite.max())


def principal_logarithm(group: Group, target: np.ndarray) -> np.ndarray:
    """Coefficients (m,) of the logarithm of least flat norm; on GL(d) of the real principal one, if there is one.

    Raises ValueError if a real matrix has no real logarithm.
    """
    if group.complex:
        phases, vectors = eigenphases(target)
        return _coefficients(group, vectors, flattest(phases))
    if group.compact:
        return np.asarray(group.coefficients(_rotation_logarithm(target)))
    logarithm: Any = scipy.linalg.logm(target)
    if np.iscomplexobj(logarithm):
        if np.max(np.abs(logarithm.imag)) > 1e-8 * np.max(np.abs(logarithm)):
            raise ValueError("the matrix has a negative eigenvalue without partner, so no real logarithm")
        logarithm = logarithm.real
    return np.asarray(group.coefficients(logarithm))


def branches(penalty: Penalty, target: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Up to ``count`` logarithms, cheapest first by the penalty: (k, m).

    On unitary groups: all cyclic unwrappings of the phases, then one and two further turns of single eigenvalues, in
    the eigenbasis and, where eigenvalues coincide, in random bases of their spaces. On SO(d): turns of single planes.
    """
    group = penalty.group
    if not group.complex:
        if group.compact:
            return _rotation_branches(penalty, target, count)
        try:
            return principal_logarithm(group, target)[None]
        except ValueError:
            return np.zeros((0, group.dimension))
    phases, vectors = eigenphases(target)
    weights = finite_weights(penalty)
    found: list[tuple[float, np.ndarray]] = []
    for basis in _bases(phases, vectors, rng):
        projectors = _projectors(group, basis)
        form = (projectors * weights) @ projectors.T
        lines = _candidates(phases)
        costs = np.einsum("ki,ij,kj->k", lines, form, lines)
        for k in np.argsort(costs, kind="stable")[:count]:
            found.append((float(costs[k]), lines[k] @ projectors))
    found.sort(key=lambda pair: pair[0])
    return np.stack([line for _, line in _distinct(found)[:count]])


def eigenphases(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Phases theta_j of the eigenvalues ``exp(-i theta_j)`` in (-pi, pi], and orthonormal eigenvectors as columns."""
    triangular, vectors = scipy.linalg.schur(target, output="complex")[:2]  # normal: diagonal
    return -np.angle(np.diag(triangular)), vectors


def flattest(phases: np.ndarray) -> np.ndarray:
    """Branch of least variance of phases on the circle, mean zero: the flat distance is its root mean square."""
    options = _unwrappings(phases)
    return options[int(np.argmin(np.sum(options**2, axis=1)))]


def _unwrappings(phases: np.ndarray) -> np.ndarray:
    """The d ways to cut the circle, each with mean zero: the least-squares branch is one of them."""
    order = np.argsort(phases, kind="stable")
    options = np.tile(phases, (len(phases), 1))
    for k in range(len(phases)):
        options[k, order[:k]] += 2.0 * np.pi
    return options - options.mean(axis=1, keepdims=True)


def _candidates(phases: np.ndarray) -> np.ndarray:
    lines = list(_unwrappings(phases))
    base = flattest(phases)
    d = len(phases)
    for j in range(d):
        for sign in (-1.0, 1.0):
            lines.append(base + 2.0 * np.pi * sign * np.eye(d)[j])
    for i, j in itertools.permutations(range(d), 2) if d <= 32 else ():
        lines.append(base + 2.0 * np.pi * (np.eye(d)[i] - np.eye(d)[j]))
    table = np.asarray(lines)
    table = table - table.mean(axis=1, keepdims=True)
    _, first = np.unique(np.round(table, 9), axis=0, return_index=True)
    return table[np.sort(first)]


def _bases(phases: np.ndarray, vectors: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """The eigenbasis, and two random ones where eigenvalues coincide."""
    groups: list[list[int]] = []
    for j in np.argsort(phases):
        last = groups[-1][-1] if groups else None
        if last is not None and abs(np.exp(1j * phases[j]) - np.exp(1j * phases[last])) < DEGENERATE:
            groups[-1].append(int(j))
        else:
            groups.append([int(j)])
    if all(len(members) == 1 for members in groups):
        return [vectors]
    bases = [vectors]
    for _ in range(2):
        mixed = vectors.copy()
        for members in groups:
            size = len(members)
            gaussian = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
            mixed[:, members] = vectors[:, members] @ np.linalg.qr(gaussian)[0]
        bases.append(mixed)
    return bases


def _projectors(group: Group, vectors: np.ndarray) -> np.ndarray:
    """Coefficients of ``-i |j><j|``, (d, m)."""
    stack = -1j * np.einsum("aj,bj->jab", vectors, vectors.conj())
    return np.asarray(group.coefficients(stack))


def _coefficients(group: Group, vectors: np.ndarray, phases: np.ndarray) -> np.ndarray:
    return np.asarray(group.coefficients(-1j * (vectors * phases) @ vectors.conj().T))


def _distinct(found: list[tuple[float, np.ndarray]]) -> list[tuple[float, np.ndarray]]:
    kept: list[tuple[float, np.ndarray]] = []
    for cost, line in found:
        if all(np.linalg.norm(line - other) > 1e-8 for _, other in kept[-16:]):
            kept.append((cost, line))
    return kept


def _planes(rotation: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int, float]]]:
    """Orthonormal vectors Q (columns) and the planes (i, j, angle) in which the rotation turns column i towards j."""
    triangular, q = scipy.linalg.schur(rotation, output="real")[:2]
    d, k = rotation.shape[0], 0
    planes: list[tuple[int, int, float]] = []
    alone: list[int] = []  # eigenvalue -1, which come in pairs
    while k < d:
        if k + 1 < d and abs(triangular[k + 1, k]) > 1e-12:
            planes.append((k, k + 1, float(np.arctan2(triangular[k + 1, k], triangular[k, k]))))
            k += 2
            continue
        if triangular[k, k] < 0:
            alone.append(k)
        k += 1
    planes += [(i, j, np.pi) for i, j in zip(alone[::2], alone[1::2])]
    fixed = [k for k in range(d) if all(k not in plane[:2] for plane in planes)]
    planes += [(i, j, 0.0) for i, j in zip(fixed[::2], fixed[1::2])]
    return q, planes


def _rotation(q: np.ndarray, planes: list[tuple[int, int, float]]) -> np.ndarray:
    block = np.zeros_like(q)
    for i, j, angle in planes:
        block[j, i], block[i, j] = angle, -angle
    return q @ block @ q.T


def _rotation_logarithm(rotation: np.ndarray) -> np.ndarray:
    return _rotation(*_planes(rotation))


def _rotation_branches(penalty: Penalty, target: np.ndarray, count: int) -> np.ndarray:
    q, planes = _planes(target)
    weights, found = finite_weights(penalty), []
    for turns in itertools.product((0, -1, 1), repeat=min(len(planes), 4)):
        turned = [
            (i, j, angle + 2.0 * np.pi * (turns[k] if k < len(turns) else 0))
            for k, (i, j, angle) in enumerate(planes)
        ]
        line = np.asarray(penalty.group.coefficients(_rotation(q, turned)))
        found.append((float(np.sum(weights * line**2)), line))
    found.sort(key=lambda pair: pair[0])
    return np.stack([line for _, line in _distinct(found)[:count]])
