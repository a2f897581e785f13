r"""Closest vectors of a lattice: integers k that make ``(u + k)^T Q (u + k)`` small.

Q is positive semidefinite with the vector of ones in its kernel (a common shift of all k changes nothing), positive
definite otherwise. The last integer is set to zero, which leaves a lattice of dimension d - 1 with Gram matrix
``Q[:-1, :-1]``. Finding the best integers is hard; what is done here is

1. a reduced basis by Lenstra, Lenstra and Lovasz (FLINT's, through python-flint),
2. Babai's nearest plane (Combinatorica 6 (1986) 1) in that basis,
3. steps of one and of two integers by one while they improve: :func:`improved`,
4. in small dimensions, enumeration of everything nearer (Schnorr and Euchner, Math. Program. 66 (1994) 181) to its end
   or to a number of nodes: :func:`enumerated`. If it ends, the result is the closest vector.
"""

from __future__ import annotations

import importlib

import numpy as np

PRECISION_BITS = 32
"""Bits to which the basis is rounded for the reduction; the result is a basis of the exact lattice in any case."""


def reduced_basis(gram: np.ndarray) -> np.ndarray:
    """Integer matrix T, determinant 1 or -1, whose rows are a Lenstra-Lenstra-Lovasz-reduced basis of ``Z^d``.

    Args:
        gram: Positive definite Gram matrix of the unit vectors, (d, d).

    Raises:
        ModuleNotFoundError: without python-flint (the extra ``lattice``).
    """
    try:
        flint = importlib.import_module("flint")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "lattice reduction needs python-flint: pip install 'qgeom[lattice]', or ask for reduce=False"
        ) from error
    factor = np.linalg.cholesky(gram)  # rows are the basis vectors
    scaled = np.rint(factor * (2.0**PRECISION_BITS / np.max(np.abs(factor)))).astype(np.int64)
    _, transform = flint.fmpz_mat(scaled.tolist()).lll(transform=True)
    return np.array([[int(entry) for entry in row] for row in transform.tolist()], dtype=np.float64)


def nearest_plane(gram: np.ndarray, offset: np.ndarray, basis: np.ndarray | None = None) -> np.ndarray:
    """Babai's integers k for small ``(u + k)^T G (u + k)``, in the given basis (rows) or in that of unit vectors."""
    t = np.eye(len(gram)) if basis is None else basis
    upper = np.linalg.cholesky(t @ gram @ t.T).T
    v = np.linalg.solve(t.T, offset)
    m = np.zeros(len(v))
    for i in range(len(v) - 1, -1, -1):
        centre = v[i] + (upper[i, i + 1 :] @ (v[i + 1 :] + m[i + 1 :])) / upper[i, i]
        m[i] = -np.rint(centre)
    return np.rint(t.T @ m)


def enumerated(
    gram: np.ndarray,
    offset: np.ndarray,
    k: np.ndarray,
    basis: np.ndarray | None = None,
    most_nodes: int = 100_000,
) -> tuple[np.ndarray, bool]:
    """The integers k of the least ``(u + k)^T G (u + k)`` and whether the search came to its end.

    Args:
        gram: Positive definite, (d, d).
        offset: u, (d,).
        k: Integers to improve on, (d,).
        basis: Reduced basis, rows; the better, the fewer nodes.
        most_nodes: Partial vectors looked at before giving up.
    """
    t = np.eye(len(gram)) if basis is None else basis
    upper = np.linalg.cholesky(t @ gram @ t.T).T
    squares = np.diag(upper) ** 2
    mu = upper / np.diag(upper)[:, None]
    v = np.linalg.solve(t.T, offset)
    n = len(v)
    radius = float((offset + k) @ gram @ (offset + k)) * (1.0 - 1e-10)
    best = None
    y, m = np.zeros(n), np.zeros(n)
    centre, above = np.zeros(n), np.zeros(n + 1)
    jump, side = np.zeros(n), np.zeros(n)
    i = n - 1

    def enter(level: int) -> None:
        centre[level] = -(v[level] + mu[level, level + 1 :] @ y[level + 1 :])
        m[level] = np.rint(centre[level])
        jump[level], side[level] = 0.0, 1.0 if centre[level] >= m[level] else -1.0

    def next_integer(level: int) -> None:
        jump[level] += 1.0
        m[level] += side[level] * jump[level]
        side[level] = -side[level]

    enter(i)
    for _ in range(most_nodes):
        value = above[i + 1] + squares[i] * (m[i] - centre[i]) ** 2
        if value < radius:
            y[i] = v[i] + m[i]
            above[i] = value
            if i > 0:
                i -= 1
                enter(i)
                continue
            best, radius = m.copy(), value
        else:
            i += 1
            if i == n:
                return (k if best is None else np.rint(t.T @ best)), True
        next_integer(i)
    return (k if best is None else np.rint(t.T @ best)), False


def improved(q: np.ndarray, offset: np.ndarray, k: np.ndarray, most_steps: int = 4096) -> np.ndarray:
    """Integers to which no change of one or two of them by one brings an improvement (or after ``most_steps``)."""
    k = k.copy()
    diagonal = np.diag(q)
    coupling = 2.0 * np.max(np.abs(q - np.diag(diagonal)), axis=1)
    threshold = -1e-12 * float(np.max(diagonal))
    slope = 2.0 * (q @ (offset + k))
    for _ in range(most_steps):
        single = diagonal - np.abs(slope)  # the better of +1 and -1
        i = int(np.argmin(single))
        steps = (
            [(i, -np.sign(slope[i]))] if single[i] < threshold else _best_pair(q, slope, coupling, threshold)
        )
        if not steps:
            break
        for i, sign in steps:
            k[i] += sign
            slope += (2.0 * sign) * q[i]
    return k


def _best_pair(
    q: np.ndarray, slope: np.ndarray, coupling: np.ndarray, threshold: float
) -> list[tuple[int, float]]:
    """Two steps that bring most together, none if no two bring anything.

    Steps s_i and s_j change the value by ``a_i + a_j + 2 s_i s_j Q_ij`` with ``a = Q_ii + s slope >= 0``, so that only
    steps with a below ``2 max_j |Q_ij|`` can be part of a pair that helps.
    """
    cost = np.concatenate([np.diag(q) + slope, np.diag(q) - slope])
    chosen = np.flatnonzero(cost < np.concatenate([coupling, coupling]))
    if len(chosen) < 2:
        return []
    sign, index = np.where(chosen < len(q), 1.0, -1.0), chosen % len(q)
    change = cost[chosen, None] + cost[chosen] + 2.0 * np.outer(sign, sign) * q[np.ix_(index, index)]
    change[index[:, None] == index] = np.inf
    i, j = divmod(int(np.argmin(change)), len(chosen))
    if change[i, j] > threshold:
        return []
    return [(int(index[i]), float(sign[i])), (int(index[j]), float(sign[j]))]


def cyclic_unwrappings(q: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values of ``(u + k)^T Q (u + k)`` where the 0, 1, ..., d - 1 lowest u are moved up by one, and their order."""
    order = np.argsort(offset, kind="stable")
    x = offset.copy()
    slope = q @ x
    value = float(x @ slope)
    values = np.empty(len(x))
    for step, i in enumerate(order):
        values[step] = value
        value += 2.0 * slope[i] + q[i, i]
        slope += q[:, i]
    return values, order


def gram_without_last(q: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gram matrix and offsets with the last integer zero: a common shift of all entries is free."""
    return q[:-1, :-1], offset[:-1] - offset[-1]
