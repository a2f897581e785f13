"""Dtypes of tensors that meet: real with complex, and the precision of a state with that of an operator."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer


def widest(*arrays: Any) -> Any:
    """The smallest dtype that holds the dtypes of all arrays (strict promotion would refuse to mix them)."""
    return jnp.dtype(np.result_type(*(np.dtype(a.dtype) for a in arrays)))


def complex_dtype(dtype: Any) -> Any:
    """The complex dtype of the same precision."""
    return jnp.dtype(np.result_type(np.dtype(dtype), np.complex64))


def real_dtype(dtype: Any) -> Any:
    """The real dtype of the same precision."""
    return jnp.dtype(jnp.finfo(dtype).dtype)


def operator_dtype(state: Any, *operators: Any) -> Any:
    """The dtype in which operators act on a state: the state's precision, complex if any of them is complex."""
    is_complex = any(np.issubdtype(np.dtype(o.dtype), np.complexfloating) for o in operators)
    return complex_dtype(state) if is_complex else jnp.dtype(state)


def is_traced(array: Any) -> bool:
    """Whether an array is abstract, under `jax.jit` or a derivative: its values cannot choose shapes."""
    return isinstance(array, Tracer)
