"""Overlaps of the state that is being optimised with lower states, which it is kept orthogonal to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from circuits.mps.chain import Chain, block_length
from circuits.mps.state import MPS
from circuits.mps.sweeps import Lower


def prepare(states: Sequence[MPS], chain: Chain, dtype: Any) -> Lower:
    """The overlaps of lower states with a chain that is right canonical but for its centre."""
    k = block_length(chain)
    n = chain.bulk.shape[0] + 2 + 2 * k
    own = [np.asarray(chain.last), *np.asarray(chain.bulk)[::-1]]  # sites a-1 .. 1
    width = max(psi.bond_dimension for psi in states)
    tensors, lefts, ends, rights = [], [], [], []
    for psi in states:
        sites = [np.asarray(t).astype(dtype) for t in psi.normalised().tensors]
        left, end = np.ones((1, 1), dtype), np.ones((1, 1), dtype)
        for t in sites[:k]:
            left = np.tensordot(left, t, 1).reshape(-1, t.shape[2])
        for t in reversed(sites[n - k :]):  # (f, d, g), (D, g) -> (d D, f)
            end = np.einsum("fsg,cg->scf", t, end).reshape(-1, t.shape[0])
        overlap, overlaps = end, []
        for t, mine in zip(reversed(sites[k + 1 : n - k]), own, strict=True):
            overlap = np.einsum("asc,fsc->af", mine.conj(), np.einsum("fsg,cg->fsc", t, overlap))
            overlaps.append(_pad(overlap, width))
        rights.append(np.stack(overlaps[::-1]))
        lefts.append(_pad(left, width))
        ends.append(_pad(end, width))
        padded = [
            np.pad(t, ((0, width - t.shape[0]), (0, 0), (0, width - t.shape[2]))) for t in sites[k : n - k]
        ]
        tensors.append(np.stack(padded))
    parts = np.stack(tensors, 1), np.stack(lefts), np.stack(rights, 1), np.stack(ends)
    return Lower(*(jnp.asarray(x, dtype) for x in parts))


def _pad(matrix: np.ndarray, width: int) -> np.ndarray:
    return np.pad(matrix, ((0, 0), (0, width - matrix.shape[1])))
