"""Ground states of chains so short that a matrix product state is no smaller than the state vector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from circuits.mps.mpo import MPO, partial_matrix

_DENSE = 512  # up to here LAPACK is as fast as Lanczos, and sees degenerate levels


def solve_exactly(operator: MPO, lower: Sequence[np.ndarray]) -> tuple[np.ndarray, float, float]:
    """The lowest eigenvector orthogonal to ``lower``, its energy and its residual ``|H v - E v|``, in double precision.

    The operator is applied as the product of its two halves, ``sum_w A_w psi B_w``: ``O(w 2^(3n/2))``, never stored as
    one matrix above dimension 512.
    """
    n = operator.n_sites
    half = n // 2
    right = partial_matrix(operator.tensors[half:])[..., 0]  # (w, out, in)
    left = partial_matrix(operator.tensors[:half])[0].transpose(2, 0, 1) if half else np.ones((1, 1, 1))
    shape = (left.shape[1], right.shape[1])
    dim = shape[0] * shape[1]
    dtype = np.result_type(left, right, *lower)
    basis = scipy.linalg.orth(np.stack(lower, 1)) if lower else np.zeros((dim, 0))

    def apply(vector: np.ndarray) -> np.ndarray:
        x = vector.reshape(shape)
        return np.einsum("wab,wbc->ac", left @ x, right.transpose(0, 2, 1), optimize=True).ravel()

    def project(vector: np.ndarray) -> np.ndarray:
        vector = vector.ravel()
        return vector - basis @ (basis.conj().T @ vector)

    if dim <= _DENSE:
        matrix = np.einsum("wab,wcd->acbd", left, right).reshape(dim, dim)
        shift = 2.0 * np.linalg.norm(matrix, 2) + 1.0
        inside = np.eye(dim) - basis @ basis.conj().T
        matrix = inside @ matrix @ inside + shift * (basis @ basis.conj().T)
        vector = scipy.linalg.eigh(matrix, subset_by_index=(0, 0))[1][:, 0]
    else:
        start = project(np.random.default_rng(0).normal(size=dim).astype(dtype))
        plain = _operator(dim, apply, dtype)
        shift = 0.0
        if lower:
            top: Any = scipy.sparse.linalg.eigsh(plain, 1, which="LA", v0=start, return_eigenvectors=False)
            shift = abs(float(top[0])) + 1.0

        def shifted(v: np.ndarray) -> np.ndarray:
            return project(apply(project(v))) + shift * (basis @ (basis.conj().T @ v.ravel()))

        vector = scipy.sparse.linalg.eigsh(_operator(dim, shifted, dtype), 1, which="SA", v0=start)[1][:, 0]
    vector = project(vector)
    vector = vector / np.linalg.norm(vector)
    image = project(apply(vector))
    energy = float(np.vdot(vector, image).real)
    return vector, energy, float(np.linalg.norm(image - energy * vector))


def _operator(dim: int, apply: Callable[[np.ndarray], np.ndarray], dtype: Any) -> Any:
    kind: Any = scipy.sparse.linalg.LinearOperator
    return kind((dim, dim), matvec=apply, dtype=dtype)
