r"""Two-layer linear networks ``y = W2 W1 x`` at zero loss: Fisher spectrum, kernel, tangent of the solutions.

For Gaussian outputs of unit variance and whitened inputs (``E x x^T = 1``) the Fisher matrix is ``J^T J`` with
``J (dW1, dW2) = dW2 W1 + W2 dW1``, and ``J J^T = (W2 W2^T) x 1 + 1 x (W1^T W1)``: its eigenvalues other than zero are
the sums ``a_i + b_j`` of those of ``W2 W2^T`` and ``W1^T W1``. Its rank is ``d_out d_in - (d_out - rank W2)(d_in -
rank W1)``, which is ``r (d_in + d_out) - r^2`` for both of rank r: the dimension of the matrices of rank r. Where J is
onto, the solutions ``{W2 W1 = W*}`` are a manifold whose tangent is the kernel; elsewhere branches meet,
and the kernel is larger than the tangent of each.

Arrays carry leading axes for independent networks: W1 (..., h, d_in), W2 (..., d_out, h).
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Target = Literal["orthogonal", "Gaussian", "low rank"]
Start = Literal["trained", "small start", "balanced", "untrained"]
Factors = tuple[np.ndarray, np.ndarray]

_ZERO = 1e-9
"""Singular values below this share of the largest are zero."""
_SMALL = 0.1
"""Factor of a small start."""


def target_map(rng: np.random.Generator, d: int, kind: Target) -> np.ndarray:
    """W*: an orthogonal matrix; independent entries of variance 1/d; a random partial isometry of rank d/2."""
    gaussian = rng.normal(size=(d, d))
    if kind == "Gaussian":
        return gaussian / np.sqrt(d)
    q = np.linalg.qr(gaussian)[0]
    return q if kind == "orthogonal" else q[:, : d // 2] @ np.linalg.qr(rng.normal(size=(d, d // 2)))[0].T


def random_factors(rng: np.random.Generator, d: int, h: int) -> Factors:
    """Independent entries of variance 1 / fan-in."""
    return rng.normal(size=(h, d)) / np.sqrt(d), rng.normal(size=(d, h)) / np.sqrt(h)


def balanced_factors(rng: np.random.Generator, w: np.ndarray, h: int) -> Factors:
    """``W2 = U sqrt(S) Q^T, W1 = Q sqrt(S) V^T``, Q random with orthonormal columns: where a vanishing start ends."""
    u, s, v = np.linalg.svd(w)
    q = np.linalg.qr(rng.normal(size=(h, len(s))))[0]
    root = np.sqrt(np.where(s > _ZERO * s[0], s, 0.0))
    return (q * root) @ v, (u * root) @ q.T


def train(w: np.ndarray, w1: np.ndarray, w2: np.ndarray, steps: int) -> Factors:
    """Gradient descent on ``|W2 W1 - W*|^2 / 2``, then Gauss-Newton steps of least norm to rounding."""
    for step in range(steps):
        if step % 25 == 0:
            scale = (
                np.linalg.norm(w1, 2, axis=(-2, -1)) ** 2 + np.linalg.norm(w2, 2, axis=(-2, -1)) ** 2 + 1.0
            )
            rate = 0.5 / scale[..., None, None]
        miss = rate * (w2 @ w1 - w)
        w1, w2 = w1 - _t(w2) @ miss, w2 - miss @ _t(w1)
    for _ in range(60):
        miss = w2 @ w1 - w
        if np.abs(miss).max() < 1e-12:
            break
        a, u = np.linalg.eigh(w2 @ _t(w2))
        b, v = np.linalg.eigh(_t(w1) @ w1)
        x = u @ ((_t(u) @ miss @ v) / np.maximum(a[..., :, None] + b[..., None, :], 1e-14)) @ _t(v)
        w1, w2 = w1 - _t(w2) @ x, w2 - x @ _t(w1)
    return w1, w2


def solutions(
    seeds: np.ndarray, d: int, h: int, target: Target, start: Start, steps: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``(W*, W1, W2)``, one network per seed, at zero loss unless untrained."""
    maps, firsts, seconds = [], [], []
    for seed in seeds:
        w = target_map(np.random.default_rng((int(seed), d)), d, target)  # one target for all widths
        rng = np.random.default_rng((int(seed), d, h))
        w1, w2 = balanced_factors(rng, w, h) if start == "balanced" else random_factors(rng, d, h)
        shrink = _SMALL if start == "small start" else 1.0
        maps.append(w)
        firsts.append(shrink * w1)
        seconds.append(shrink * w2)
    w, w1, w2 = np.stack(maps), np.stack(firsts), np.stack(seconds)
    if start in ("trained", "small start"):
        w1, w2 = train(w, w1, w2, steps)
    return w, w1, w2


def fisher_eigenvalues(w1: np.ndarray, w2: np.ndarray) -> np.ndarray:
    """The sums ``a_i + b_j``, ascending, (..., d_out d_in); zeros among them where J is not onto."""
    a, b = _squares(w2, w2.shape[-2]), _squares(w1, w1.shape[-1])
    sums = a[..., :, None] + b[..., None, :]
    return np.sort(sums.reshape(*sums.shape[:-2], -1), axis=-1)


def _squares(w: np.ndarray, count: int) -> np.ndarray:
    s = np.linalg.svd(w, compute_uv=False)
    s = np.where(s > _ZERO * s[..., :1], s, 0.0) ** 2
    return np.concatenate([s, np.zeros((*s.shape[:-1], count - s.shape[-1]))], axis=-1)


def lowest_nonzero(eigenvalues: np.ndarray, count: int) -> np.ndarray:
    """The ``count`` lowest eigenvalues other than zero over the mean of those other than zero, (..., count)."""
    out = np.full((*eigenvalues.shape[:-1], count), np.nan)
    for at in np.ndindex(*eigenvalues.shape[:-1]):
        row = eigenvalues[at]
        row = row[row > _ZERO**2 * row.max()]
        out[at][: min(count, len(row))] = (row / row.mean())[:count]
    return out


def random_jacobian_eigenvalues(rng: np.random.Generator, outputs: int, parameters: int) -> np.ndarray:
    """Null: ``J J^T`` of a J of the same shape with independent normal entries and no layers."""
    j = rng.normal(size=(outputs, parameters))
    return np.linalg.eigvalsh(j @ j.T)


def kernel(fisher: np.ndarray) -> np.ndarray:
    """Orthonormal columns of the kernel of a Fisher matrix (P, P)."""
    values, vectors = np.linalg.eigh(np.asarray(fisher, float))
    small = 1e-5 if np.asarray(fisher).dtype == np.float32 else 1e-11
    return vectors[:, values < small * values[-1]]


def tangent(w1: np.ndarray, w2: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Orthonormal columns spanning the solutions next to a solution with W1 of full column rank.

    Chords of exact solutions, not a kernel: every ``W1`` of full column rank has the solutions ``W* W1^+ + Z (1 - W1
    W1^+)``, and each coordinate of W1 and Z is moved to both sides. Coordinates are W1, then W2, row by row.
    """
    w = w2 @ w1

    def solution(coordinates: np.ndarray) -> np.ndarray:
        first, z = coordinates[: w1.size].reshape(w1.shape), coordinates[w1.size :].reshape(w2.shape)
        inverse = np.linalg.pinv(first)
        second = w @ inverse + z - z @ first @ inverse
        return np.concatenate([first.ravel(), second.ravel()])

    centre = np.concatenate([w1.ravel(), w2.ravel()])
    moves = np.eye(len(centre)) * step
    chords = np.stack([solution(centre + m) - solution(centre - m) for m in moves], axis=1) / (2 * step)
    u, s, _ = np.linalg.svd(chords)
    return u[:, : int(np.sum(s > 1e-4 * s[0]))]


def principal_angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Of every direction of ``first`` against the span of ``second``, in rad, descending; pi/2 where it is missing."""
    outside = first - second @ (second.T @ first)
    sines = np.linalg.svd(outside, compute_uv=False)
    return np.arcsin(np.clip(sines, 0.0, 1.0))


def beside_deficient(rng: np.random.Generator, w1: np.ndarray, w2: np.ndarray, distance: float) -> np.ndarray:
    """A W1 of full column rank at that distance from a deficient one, with the same product: columns in ker W2."""
    _, s, v = np.linalg.svd(w2)
    null = v[int(np.sum(s > _ZERO * s[0])) :].T
    move = null @ rng.normal(size=(null.shape[1], w1.shape[1]))
    return w1 + distance * move / np.linalg.norm(move)


def _t(matrix: np.ndarray) -> np.ndarray:
    return np.swapaxes(matrix, -1, -2)
