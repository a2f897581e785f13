r"""Conformal data of a scale-invariant MERA: scaling dimensions and the central charge.

Pfeifer, Evenbly and Vidal, PRA 79, 040301 (2009): an eigenvalue ``lambda`` of the ascending superoperator of the
repeated layer belongs to a scaling operator of dimension ``Delta = -log_b |lambda|``, and the entropies of blocks of
one and two coarse sites differ by ``(c/3) ln 2``.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import scipy.sparse.linalg

from circuits.mera.entropies import coarse_entropies
from circuits.mera.scale_invariant import ScaleInvariantMERA, raise_once


def scaling_dimensions(mera: ScaleInvariantMERA, count: int = 6) -> np.ndarray:
    """The ``count`` lowest scaling dimensions, ascending, float64; the first is that of the identity, zero.

    Eigenvalues of the largest magnitude by Arnoldi iteration of the superoperator, averaged over the positions of a
    window, so that the fields' derivatives are among them (dimensions ``Delta + 1``).

    Raises:
        ValueError: if ``count`` is not between 1 and the number of operators less 2.
    """
    chi, s = mera.bond_dimensions[-1], mera.scheme.support
    size = chi ** (2 * s)
    if not 1 <= count <= size - 2:
        raise ValueError(f"count must lie between 1 and {size - 2}; got {count}")
    shape = (chi,) * (2 * s)

    def matvec(vector: np.ndarray) -> np.ndarray:
        return np.asarray(raise_once(mera.scheme, mera.repeated, jnp.asarray(vector.reshape(shape)))).ravel()

    dtype = np.dtype(mera.dtype)
    operator: Any = scipy.sparse.linalg.LinearOperator((size, size), matvec=matvec, dtype=dtype)  # pyright: ignore
    start = np.random.default_rng(0).normal(size=size).astype(dtype)
    # Two more than wanted: Arnoldi may miss one of a cluster at the edge.
    most = min(count + 2, size - 2)
    values = scipy.sparse.linalg.eigs(operator, most, v0=start, return_eigenvectors=False)
    return np.sort(-np.log(np.abs(values)) / np.log(mera.scheme.branching))[:count].astype(np.float64)


def central_charge(mera: ScaleInvariantMERA) -> float:
    r"""``c = 3 (S_2 - S_1) / ln 2`` from the entropies of one and two coarse sites at the fixed point.

    As good as the MERA: for the critical Ising chain (c = 1/2) within 1% at bond dimension 6.
    """
    one, two = coarse_entropies(mera)[-1][:2]
    return float(3.0 * (two - one) / np.log(2.0))
