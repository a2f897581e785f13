r"""Natural units of parameters: lengths in raw theta mean nothing.

A parameter of a circuit is measured by the generators of its gates, normalised to ``tr G^2 = 2^n``: a rotation
``exp(-i theta P / 2)`` has ``phi = theta / 2``, so that ``F_phi = 4 F_theta``. A weight of a network, and an entry of a
tensor, is measured in units of the root mean square of its layer's.
"""

from __future__ import annotations

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

from circuits.circuit import Circuit
from circuits.description import Description, Params, Reading
from qgeom.emergent.generators import angles_of, raw_generator


def parameter_units(description: Description, params: Params) -> np.ndarray:
    """``d theta / d phi`` of each parameter, (P,) positive: ``F_phi = diag(u) F diag(u)``.

    A circuit parameter in several gates has ``1 / u^2 = sum over gates of scale^2 tr G^2 / 2^n``; one that acts on
    nothing has unit 1.
    """
    while isinstance(description, Reading):
        description = description.structure
    if isinstance(description, Circuit):
        return _circuit_units(description, np.asarray(params))
    units = []
    for leaf in jax.tree.leaves(params):
        values = np.asarray(leaf, np.float64)
        size = float(np.sqrt(np.mean(values**2))) if values.size else 1.0
        units.append(np.full(values.size, size if size > 0.0 else 1.0))
    flat, _ = ravel_pytree(params)
    return np.concatenate(units) if units else np.ones(flat.size)


def _circuit_units(circuit: Circuit, theta: np.ndarray) -> np.ndarray:
    squares = np.zeros(circuit.n_parameters)
    for op in circuit.ops:
        for number, param in enumerate(op.angles):
            if param.index is not None:
                generator = raw_generator(op, angles_of(op, theta, np.ones(circuit.n_inputs)), number)
                squares[param.index] += (
                    param.scale**2 * float(np.sum(np.abs(generator) ** 2)) / len(generator)
                )
    return 1.0 / np.sqrt(np.where(squares > 0.0, squares, 1.0))
