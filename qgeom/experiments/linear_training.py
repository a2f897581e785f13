r"""Deep linear residual networks ``W_L ... W_1``, ``W_l = 1 + A_l``, trained on linear maps, many at once, in NumPy."""

from __future__ import annotations

import numpy as np


def train_residual(
    targets: np.ndarray,
    depth: int,
    scale: float,
    rng: np.random.Generator,
    steps: int = 1500,
    learning_rate: float = 0.02,
) -> tuple[np.ndarray, np.ndarray]:
    """Adam on ``|W_L ... W_1 - R|_F^2`` with a learning rate that falls to zero.

    Args:
        targets: R, (runs, d, d).
        depth: L.
        scale: Standard deviation of the entries of ``A_l`` at the start.
        rng: Generator of the start.
        steps: Steps.
        learning_rate: At the start; divided by L.

    Returns:
        Blocks (runs, L, d, d), applied in order, and the final loss (runs,).
    """
    runs, d, _ = targets.shape
    a = scale * rng.normal(size=(runs, depth, d, d))
    first, second = np.zeros_like(a), np.zeros_like(a)
    eye = np.eye(d)
    for step in range(1, steps + 1):
        blocks = eye + a
        before = [np.broadcast_to(eye, (runs, d, d))]
        for k in range(depth):
            before.append(blocks[:, k] @ before[-1])
        error = 2.0 * (before[-1] - targets)
        gradient = np.empty_like(a)
        for k in range(depth - 1, -1, -1):
            gradient[:, k] = error @ np.swapaxes(before[k], -1, -2)
            error = np.swapaxes(blocks[:, k], -1, -2) @ error
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        rate = learning_rate / depth * (1.0 - (step - 1) / steps)
        a -= rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-10)
    blocks = eye + a
    end = blocks[:, 0]
    for k in range(1, depth):
        end = blocks[:, k] @ end
    return blocks, np.sum((end - targets) ** 2, axis=(1, 2))
