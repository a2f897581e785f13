"""Derivatives of a tape's exact results, by JAX, for interfaces that pass and want NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from pennylane.tape import QuantumScript as Tape

from qgeom.devices.tape_results import exact_results

# NumPy in and NumPy out: double precision inside, whatever JAX is set to outside, cannot leak.


def _trainable(tape: Tape) -> tuple[Callable[..., Any], list[Any]]:
    """The results as a function of the trainable parameters, and their values."""

    def function(*values: Any) -> Any:
        return exact_results(tape.bind_new_parameters(list(values), tape.trainable_params))

    return function, [jnp.asarray(_inexact(np.asarray(v))) for v in tape.get_parameters()]


def _inexact(value: np.ndarray) -> np.ndarray:
    return value if np.iscomplexobj(value) else value.astype(np.float64)


def _host(tree: Any) -> Any:
    return jax.tree.map(np.asarray, tree)


def results_and_vjp(tape: Tape, cotangents: Any) -> tuple[Any, tuple[np.ndarray, ...]]:
    """The results, and for each trainable parameter ``sum cotangent . d result / d parameter``."""
    with jax.enable_x64(True):
        function, values = _trainable(tape)
        results, pull = jax.vjp(function, *values)
        given = cotangents if isinstance(results, tuple) else _only(cotangents, results)
        matched = jax.tree.map(
            lambda r, c: jnp.asarray(np.asarray(c), r.dtype).reshape(r.shape), results, given
        )
        return _host((results, pull(matched)))


def _only(cotangents: Any, result: Any) -> Any:
    """The cotangent of a single result, which may come alone or as a tuple of one."""
    if isinstance(cotangents, tuple | list) and np.shape(cotangents) != result.shape:
        return cotangents[0]
    return cotangents


def results_and_jvp(tape: Tape, tangents: Sequence[Any]) -> tuple[Any, Any]:
    """The results, and their derivatives along ``tangents``, one per trainable parameter."""
    with jax.enable_x64(True):
        function, values = _trainable(tape)
        matched = [
            jnp.asarray(np.asarray(t), v.dtype).reshape(v.shape)
            for t, v in zip(tangents, values, strict=True)
        ]
        if not values:
            results = function()
            return _host((results, jax.tree.map(jnp.zeros_like, results)))
        return _host(jax.jvp(function, tuple(values), tuple(matched)))


def results_and_jacobian(tape: Tape) -> tuple[Any, Any]:
    """The results, and their Jacobian in PennyLane's form.

    Per measurement, a tuple of one array per trainable parameter; the tuples of length one are left out.
    """
    with jax.enable_x64(True):
        function, values = _trainable(tape)
        results = function(*values)
        count = sum(r.size for r in jax.tree.leaves(results))
        transform = jax.jacrev if count < len(values) else jax.jacfwd
        jacobian = transform(function, argnums=tuple(range(len(values))))(*values) if values else ()
        several = isinstance(results, tuple)
        if not values:
            jacobian = tuple(() for _ in results) if several else ()
        per_result = jacobian if several else (jacobian,)
        shaped = tuple(row[0] if len(row) == 1 else tuple(row) for row in per_result)
        return _host((results, shaped if several else shaped[0]))
