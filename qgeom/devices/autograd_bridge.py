"""Functions of JAX as functions of autograd, PennyLane's NumPy interface: differentiable to any order.

The backward pass of a function is the same kind of function of its arguments and the cotangent, so the rule applies to
itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import autograd.numpy
import jax
import jax.numpy as jnp
import numpy as np
from autograd.extend import defvjp_argnums, primitive
from autograd.tracer import isbox

Flat = Callable[..., jax.Array]
anp: Any = autograd.numpy  # its names carry no types


def is_traced(value: Any) -> bool:
    """Whether autograd differentiates through ``value``."""
    return isbox(value)


@primitive
def _called(function: Flat, *values: Any) -> np.ndarray:
    """``function`` at NumPy values, in double precision: a real vector."""
    with jax.enable_x64(True):
        return np.asarray(function(*[jnp.asarray(np.asarray(value)) for value in values]))


def _vjp_maker(argnums: Any, answer: Any, args: Any, kwargs: Any) -> Callable[[Any], Any]:
    function, *values = args
    wanted = [k - 1 for k in argnums]
    shapes = [np.shape(values[k]) for k in wanted]

    def pull(cotangent: Any) -> Any:
        def pulled(*operands: Any) -> jax.Array:
            *at, ct = operands
            gradients = jax.vjp(function, *at)[1](ct)
            return jnp.concatenate([jnp.ravel(gradients[k]) for k in wanted])

        flat = _called(pulled, *values, cotangent)
        ends = np.cumsum([int(np.prod(shape)) for shape in shapes])
        starts = [0, *ends[:-1]]
        return tuple(anp.reshape(flat[a:b], shape) for a, b, shape in zip(starts, ends, shapes, strict=True))

    return pull


defvjp_argnums(_called, _vjp_maker)


def called(function: Callable[..., Any], values: list[Any]) -> Any:
    """``function``, a JAX function from real arrays to a tree of real or complex ones, at autograd's values."""
    shapes = [jax.ShapeDtypeStruct(np.shape(value), np.float64) for value in values]
    with jax.enable_x64(True):
        results = jax.eval_shape(function, *shapes)
    leaves, structure = jax.tree.flatten(results)

    def flat(*operands: Any) -> jax.Array:
        arrays = jax.tree.leaves(function(*operands))
        parts = [part for a in arrays for part in ((a.real, a.imag) if jnp.iscomplexobj(a) else (a,))]
        return jnp.concatenate([jnp.ravel(part) for part in parts])

    vector = _called(flat, *values)
    position = 0
    outcomes = []
    for leaf in leaves:
        pieces = []
        for _ in range(2 if jnp.issubdtype(leaf.dtype, jnp.complexfloating) else 1):
            pieces.append(anp.reshape(vector[position : position + leaf.size], leaf.shape))
            position += leaf.size
        outcomes.append(pieces[0] if len(pieces) == 1 else pieces[0] + 1j * pieces[1])
    return jax.tree.unflatten(structure, outcomes)
