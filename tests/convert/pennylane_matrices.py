"""States and unitaries of PennyLane's circuits and of their translations, by matrices: no device, nothing compiled."""

from __future__ import annotations

import brute_force
import jax
import numpy as np
import pytest

qml = pytest.importorskip("pennylane")

from circuits.reparametrised import Reparametrised  # noqa: E402


def unitary_of_tape(tape, wires) -> np.ndarray:
    """The matrix of a tape by PennyLane, without a device: the product of its operators' matrices."""
    with jax.numpy_dtype_promotion("standard"):
        return np.asarray(qml.matrix(tape, wire_order=wires))


def same_ray(a, b, atol: float = 1e-10) -> bool:
    return abs(abs(np.vdot(a, b)) - 1.0) < atol


def description_state(description, theta, x=None) -> np.ndarray:
    """The state of a Circuit or Reparametrised circuit by NumPy matrices: nothing is compiled."""
    if isinstance(description, Reparametrised):
        return brute_force.state(description.circuit, np.asarray(description.angles(theta, x)))
    return brute_force.state(description, theta, x)
