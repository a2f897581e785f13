"""One BLAS thread for the many small decompositions of an iteration.

JAX calls the LAPACK of SciPy on the CPU, whose OpenBLAS splits every matrix, however small, between all cores and waits
for each of them. For matrices of a few hundred rows this gains nothing, and where the cores are shared with another
process it costs a factor of up to a hundred: the waiting, not the work, takes the time. The limit holds inside the
``with`` block only, and does not touch the threads of XLA.
"""

from __future__ import annotations

import contextlib
import functools
from contextlib import AbstractContextManager
from typing import Any

import scipy.linalg  # noqa: F401  (its BLAS must be loaded before it can be found)
from threadpoolctl import ThreadpoolController

_LARGE = 768  # rows from which threads pay


@functools.cache
def _controller() -> Any:
    return ThreadpoolController()


def few_blas_threads(rows: int) -> AbstractContextManager[Any]:
    """A context with one BLAS thread, for decompositions of matrices of ``rows`` rows; none for large ones.

    Results must be ready before the context is left: JAX returns before it has computed.
    """
    return contextlib.nullcontext() if rows >= _LARGE else _controller().limit(limits=1, user_api="blas")
