"""The loop around one compiled evaluation, and where it starts."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from circuits.mera import energy, finite, initial, scale_invariant
from circuits.mera.energy import Evaluation, Tensors, Warm
from circuits.mera.finite import FiniteMERA
from circuits.mera.linearised import linearised
from circuits.mera.optimise import Minimum, Progress, Sample, fixed_point_tolerance, riemannian
from circuits.mera.scale_invariant import ScaleInvariantMERA
from circuits.mera.schemes import Scheme
from circuits.mera.sizes import growth, layers_of
from circuits.threads import few_blas_threads

# Layers of full bond dimension below the repeated one: more lower the energy, and spoil the exponents.
TRANSITIONAL = 1
# Most of the time between the matrix products is not worth the compiler's: level 0 where they are tiny, else 1.
_TINY = 4


def minimise(
    scheme: Scheme,
    start: FiniteMERA | ScaleInvariantMERA,
    operators: np.ndarray,
    *,
    method: str,
    tolerance: float,
    max_iterations: int,
    progress: Progress | None = None,
) -> Minimum:
    """Minimise the energy per site; ``operators`` are per site (and divided by the number of sites, if finite)."""
    dtype = operators.dtype
    infinite = isinstance(start, ScaleInvariantMERA)
    if infinite:
        point = scale_invariant.pack(start)
        warm = scale_invariant.mixed(scheme, start.bond_dimensions[-1], dtype)
    else:
        point = finite.pack(start)
        warm = Warm(np.zeros((), dtype), np.zeros((), dtype))
    program = _coarse if max(start.bond_dimensions) <= _TINY else _fine
    held = jnp.asarray(operators)
    real = np.finfo(dtype).dtype.type

    def evaluate(tensors: Tensors, residual: float) -> Sample:
        nonlocal warm
        accuracy = real(max(fixed_point_tolerance(residual), 100.0 * np.finfo(dtype).eps))
        found = program(scheme, infinite, held, tensors, warm, accuracy)
        warm = found.warm
        value, gradient, metric = jax.device_get((found.energy, found.gradient, found.metric))
        error = 64.0 * float(np.finfo(dtype).eps) * abs(float(value)) + (
            float(accuracy) ** 2 if infinite else 0.0
        )
        return Sample(float(value), gradient, metric, error)

    minimiser = riemannian if method == "riemannian" else linearised
    point = jax.tree.map(np.asarray, point)
    with few_blas_threads(max(start.bond_dimensions) ** 2):
        return minimiser(evaluate, point, tolerance, max_iterations, progress)


def start_finite(
    scheme: Scheme,
    operators: np.ndarray,
    n_sites: int,
    bond_dimension: int,
    layers: int | None,
    shared: bool,
    key: Key[Array, ""] | None,
) -> FiniteMERA:
    """The start of `circuits.mera.initial` for a ring: of the mean operator, with its ground state on top."""
    depth = layers_of(scheme, n_sites, operators.shape[-1], bond_dimension, layers)
    dimensions = growth(scheme, operators.shape[-1], bond_dimension, depth)
    made, raised = initial.layers(scheme, operators.mean(axis=0), dimensions, key)
    top_sites = n_sites // scheme.branching**depth
    top = initial.ring_state(raised, scheme.support, top_sites)
    if not shared:
        sites = [top_sites * scheme.branching**k for k in reversed(range(depth))]
        made = [
            jax.tree.map(lambda x, n=n: np.broadcast_to(x, (n, *x.shape[1:])), layer)
            for layer, n in zip(made, sites)
        ]
    return FiniteMERA(tuple(made), top.reshape((dimensions[-1],) * top_sites), scheme)


def start_infinite(
    scheme: Scheme, operator: np.ndarray, bond_dimension: int, layers: int | None, key: Key[Array, ""] | None
) -> ScaleInvariantMERA:
    """The start of `circuits.mera.initial` for an infinite chain.

    Raises:
        ValueError: if there are too few transitional layers for the bond dimension to be reached.
    """
    d = operator.shape[-1]
    least = 0
    while growth(scheme, d, bond_dimension, least)[-1] < bond_dimension:
        least += 1
    depth = least + TRANSITIONAL if layers is None else layers
    if depth < least:
        raise ValueError(
            f"bond dimension {bond_dimension} is reached after {least} {scheme.name} layers from sites of dimension "
            f"{d}; got layers={layers}"
        )
    dimensions = (*growth(scheme, d, bond_dimension, depth), bond_dimension)
    made, _ = initial.layers(scheme, operator, dimensions, key)
    return ScaleInvariantMERA(tuple(made[:-1]), made[-1], scheme)


def _evaluate(
    scheme: Scheme, infinite: bool, operators: Array, tensors: Tensors, warm: Warm, tolerance: Array
) -> Evaluation:
    return (energy.infinite if infinite else energy.finite)(scheme, tensors, operators, warm, tolerance)


def _compiled(level: int) -> Callable[..., Evaluation]:
    options = {"xla_backend_optimization_level": level}
    return jax.jit(_evaluate, static_argnums=(0, 1), compiler_options=options)


_coarse, _fine = _compiled(0), _compiled(1)
