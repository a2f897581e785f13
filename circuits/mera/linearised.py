r"""The linearised update of Evenbly and Vidal, PRB 79, 144108 (2009), section IV.

With its conjugate held fixed the energy is linear in a tensor, ``E = Re tr(Y^+ W)``, least at ``W = -polar(Y)``. The
Hamiltonian is first shifted to be negative. That shift adds ``-gamma W rho`` to the environment ``Y``, with ``rho`` the
density matrix of the tensor's upper legs, so the update reads::

    W  <-  polar(gamma W rho - G),      G = gradient of the energy

a step against the gradient in the metric ``rho``, of length ``1 / gamma``. All tensors move at once, and ``gamma``
adapts: it doubles when the energy rises, where the step is taken back, and shrinks otherwise. The energy never rises.
"""

from __future__ import annotations

import functools

import jax
import numpy as np

from circuits.mera.energy import Tensors
from circuits.mera.optimise import Evaluate, Minimum, Progress, Record

_FLOOR = 1e-3  # of the largest entry of the metric, so that unlikely states move at a finite rate


def linearised(
    evaluate: Evaluate,
    point: Tensors,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None = None,
) -> Minimum:
    """Minimise until the gradient's norm is below ``tolerance`` or after ``max_iterations`` evaluations."""
    record = Record(evaluate, max_iterations, progress)
    sample = record(point)
    tangent = record.accept(point, sample)
    shift = 1.0
    while record.residual > tolerance and record.left and shift < 1e12:
        trial = jax.tree.map(functools.partial(_improve, shift), point, tangent, sample.metric)
        new = record(trial)
        if new.energy <= sample.energy + new.error:
            point, sample, shift = trial, new, 0.8 * shift
            tangent = record.accept(point, sample)
        else:
            shift *= 2.0
    return record.minimum(point, sample.energy)


def _improve(shift: float, w: np.ndarray, tangent: np.ndarray, metric: np.ndarray) -> np.ndarray:
    size = np.max(np.abs(metric), axis=(-1, -2), keepdims=True)
    rho = metric + _FLOOR * size * np.eye(metric.shape[-1], dtype=metric.dtype)
    left, _, right = np.linalg.svd(w @ (w.dtype.type(shift) * rho) - tangent, full_matrices=False)
    return left @ right
