"""What ideal hardware would give: the outcome probabilities of one circuit at many settings of its angles."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from circuits.circuit import Circuit

BATCH = 32
"""Circuits simulated at a time."""


def probabilities(template: Circuit, angles: np.ndarray) -> np.ndarray:
    """Probabilities of all outcomes, (rows, 2^n), for rows of angles, (rows, angles): one compilation."""
    rows = len(angles)
    size = min(BATCH, max(rows, 1))
    padded = np.concatenate([angles, np.zeros((-rows % size, angles.shape[1]))])
    batches = jnp.asarray(padded.reshape(-1, size, angles.shape[1]))
    return np.asarray(_batched(template, batches)).reshape(len(padded), -1)[:rows]


@functools.partial(jax.jit, static_argnums=0)
def _batched(template: Circuit, batches: Array) -> Array:
    return jax.lax.map(jax.vmap(lambda row: template(row).probabilities), batches)
