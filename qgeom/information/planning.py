"""From a user's arguments to checked arrays and a static plan: what is wrong is said here, in one line."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, ArrayLike, PyTree

from circuits import memory
from circuits.circuit import Circuit
from circuits.description import (
    DensityMatrix,
    Description,
    Distribution,
    Gaussian,
    ImplicitState,
    Params,
    State,
    parameter_dtype,
)
from circuits.gaussian.bosons import BosonicGaussian
from circuits.gaussian.fermions import FermionicGaussian
from circuits.tangents import row_parameters
from qgeom.information.bures import Bures
from qgeom.information.fisher_rao import FisherRao
from qgeom.information.fubini_study import FubiniStudy
from qgeom.information.gaussian_states import MixedBosons, MixedFermions, gaussian_metric
from qgeom.information.implicit import ImplicitFubiniStudy
from qgeom.information.manifold import Euclidean, PointMetric
from qgeom.information.pullback import Kept, Plan
from qgeom.information.right_logarithmic import RightLogarithmic

# What a batch of data, or all rows or columns of J, may take; larger ones come in parts.
BUDGET_BYTES = 2**28


def checked_arrays(
    description: Description, params: Params, data: PyTree | None, weights: ArrayLike | None
) -> tuple[Params, PyTree | None, Array]:
    """Parameters, data and weights as JAX arrays of one precision."""
    leaves = jax.tree.leaves(params)
    if not leaves:
        raise ValueError("the parameters are empty: a metric needs at least one parameter")
    dtypes = {
        parameter_dtype(leaf.dtype if hasattr(leaf, "dtype") else np.asarray(leaf).dtype) for leaf in leaves
    }
    if len(dtypes) > 1:
        raise TypeError(
            f"parameters of mixed precision ({', '.join(sorted(map(str, dtypes)))}): convert them to one"
        )
    dtype = dtypes.pop()
    params = jax.tree.map(lambda leaf: jnp.asarray(leaf, dtype), params)
    total = sum(np.size(leaf) for leaf in leaves)
    if total != description.n_parameters:
        raise ValueError(f"got {total} parameters, but the description has {description.n_parameters}")
    _require_finite(params, "parameters")
    n = 1
    if data is not None:
        data = jax.tree.map(lambda leaf: _as_data(leaf, dtype), data)
        lengths = {leaf.shape[0] if leaf.ndim else 0 for leaf in jax.tree.leaves(data)}
        if len(lengths) != 1 or 0 in lengths:
            raise ValueError("data needs a leading axis of one length, at least 1: one entry per input")
        n = lengths.pop()
        _require_finite(data, "data")
    return params, data, _normalised_weights(weights, n, dtype)


def _as_data(leaf: Any, dtype: Any) -> Array:
    kind = np.asarray(leaf).dtype if not isinstance(leaf, jax.Array) else leaf.dtype
    if jnp.issubdtype(kind, jnp.floating):
        return jnp.asarray(leaf, dtype)
    if jnp.issubdtype(kind, jnp.complexfloating):
        return jnp.asarray(leaf, jnp.complex128 if dtype == jnp.float64 else jnp.complex64)
    return jnp.asarray(leaf)


def _require_finite(tree: PyTree, what: str) -> None:
    leaves = [leaf for leaf in jax.tree.leaves(tree) if not isinstance(leaf, Tracer)]
    if not all(np.all(np.isfinite(leaf)) for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.inexact)):
        raise ValueError(f"the {what} contain NaN or infinity")


def _normalised_weights(weights: ArrayLike | None, n: int, dtype: Any) -> Array:
    if weights is None:
        return jnp.asarray(np.full(n, 1.0 / n, dtype))
    array = jnp.asarray(weights, dtype)
    if array.shape != (n,):
        raise ValueError(f"weights have shape {array.shape}, expected ({n},): one for each data point")
    if not isinstance(array, Tracer) and not (bool(jnp.all(array >= 0.0)) and float(jnp.sum(array)) > 0.0):
        raise ValueError("weights must be non-negative and not all zero")
    return array / jnp.sum(array)


def make_plan(
    description: Description,
    params: Params,
    data: PyTree | None,
    n: int,
    subset: Any,
    threshold: float,
    batch_size: int | None,
    mode: str,
    manifold: PointMetric | None = None,
) -> Plan:
    """Choose the manifold, the direction of differentiation and the sizes of batches."""
    if mode not in ("auto", "forward", "reverse"):
        raise ValueError(f"mode must be 'auto', 'forward' or 'reverse', not {mode!r}")
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size must be 1 or more, not {batch_size}")
    kept = _kept(params, subset)
    total = sum(np.size(leaf) for leaf in jax.tree.leaves(params))
    p = total if kept is None else len(kept)
    sample = (
        None if data is None else jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), data)
    )
    leaves, structure = jax.tree.flatten((params, sample))
    manifold, coordinates = _image(
        description, float(threshold), structure, tuple((leaf.shape, leaf.dtype) for leaf in leaves), manifold
    )
    itemsize = jax.tree.leaves(params)[0].dtype.itemsize

    # The SLD's square root has no derivative where eigenvalues cross, so density matrices stay with columns.
    # Circuits in pure states have their own tangents, at less than the cost of either mode.
    forward_only = (
        isinstance(manifold, (Bures, RightLogarithmic, MixedFermions, MixedBosons))
        or isinstance(description, Circuit)
        or not manifold.isometric
    )
    reverse = mode == "reverse" or (mode == "auto" and coordinates < p and not forward_only)
    if reverse and isinstance(manifold, (Bures, RightLogarithmic)):
        raise ValueError("density matrices need mode='forward' (or 'auto')")
    if reverse and not manifold.isometric:
        raise ValueError("states known by their overlaps need mode='forward' (or 'auto')")
    inputs = sum(leaf.size for leaf in jax.tree.leaves(sample))
    product_bytes = 16 * itemsize * (coordinates + inputs + 64)
    vectors = len(row_parameters(description)) if isinstance(description, Circuit) else p
    # All rows or columns of J for one data point: themselves, a copy on the way to the product, and what made them.
    matrix_bytes = 4 * itemsize * max(p, vectors) * (coordinates + (0 if reverse else inputs))
    tile = None
    if not reverse and matrix_bytes > BUDGET_BYTES:
        share = memory.available_bytes() / matrix_bytes
        if share < 1.0:  # a power of two, so that the memory of the moment does not make a new plan each time
            tile = 2 ** max(0, int(np.log2(max(1.0, p * share / 4.0))))
    return Plan(
        description=description,
        manifold=manifold,
        kept=kept,
        reverse=reverse,
        product_batch=batch_size or max(1, min(n, BUDGET_BYTES // product_bytes)),
        matrix_batch=batch_size or max(1, min(n, BUDGET_BYTES // matrix_bytes)),
        tile=tile,
        coordinates=coordinates,
    )


@functools.lru_cache(maxsize=512)
def _image(
    description: Description,
    threshold: float,
    structure: Any,
    leaves: tuple[tuple[tuple[int, ...], Any], ...],
    chosen: PointMetric | None = None,
) -> tuple[PointMetric, int]:
    """The manifold of the points and the length of its real tangent vectors, from shapes alone."""
    params, sample = jax.tree.unflatten(structure, [jax.ShapeDtypeStruct(*leaf) for leaf in leaves])
    if isinstance(description, Circuit):  # known without tracing its gates
        angles = jax.eval_shape(description.angles, params, sample)
        kind = jnp.complex128 if angles.dtype == jnp.float64 else jnp.complex64
        vector: Any = jax.ShapeDtypeStruct((1 << description.n_qubits,), kind)
        point: Any = State(vector)
    else:
        point = jax.eval_shape(description, params, sample)
    if chosen is not None and not _fits(chosen, point):
        raise TypeError(
            f"the metric of {chosen.name} is none of a {type(point).__name__}; leave manifold out"
        )
    manifold = manifold_of(point, threshold) if chosen is None else chosen
    return manifold, jax.eval_shape(manifold.pair, point, point)[0].shape[0]


def manifold_of(point: Any, threshold: float = 1e-12) -> PointMetric:
    """The metric of the manifold a point lies on.

    Raises:
        TypeError: if it has none, as linear maps.
    """
    match point:
        case State():
            return FubiniStudy()
        case ImplicitState():
            return ImplicitFubiniStudy()
        case DensityMatrix():
            return Bures(threshold)
        case Distribution():
            return FisherRao(threshold)
        case Gaussian():
            return Euclidean()
        case FermionicGaussian() | BosonicGaussian():
            return gaussian_metric(point, threshold)
    raise TypeError(
        f"a {type(point).__name__} has no information metric: expected a State, "
        "ImplicitState, DensityMatrix, Distribution, Gaussian, or a Gaussian state of fermions or bosons"
    )


def _fits(manifold: PointMetric, point: Any) -> bool:
    """Whether a metric is one of points of this kind."""
    if isinstance(manifold, (Bures, RightLogarithmic)):
        return isinstance(point, DensityMatrix)
    return type(manifold) is type(manifold_of(point))


def yields_states(plan: Plan) -> bool:
    """Whether the points are pure states."""
    return isinstance(plan.manifold, FubiniStudy)


def _kept(params: Params, subset: Any) -> Kept | None:
    """Positions of the kept parameters, from indices, a slice, a mask, or a pytree of masks."""
    if subset is None:
        return None
    sizes = [np.size(leaf) for leaf in jax.tree.leaves(params)]
    total = sum(sizes)
    if isinstance(subset, slice):
        positions = np.arange(total)[subset]
    elif isinstance(subset, (np.ndarray, jax.Array, list, tuple, range)) and _is_flat(subset):
        array = np.asarray(subset)
        if array.dtype == bool and array.shape != (total,):
            raise ValueError(f"the subset mask has shape {array.shape}, expected ({total},)")
        if array.dtype != bool and array.size and not np.issubdtype(array.dtype, np.integer):
            raise TypeError(
                f"subset must be positions, a slice, a boolean mask or a pytree of masks, not {array.dtype}"
            )
        positions = np.flatnonzero(array) if array.dtype == bool else array.astype(np.int64)
    else:
        if jax.tree.structure(subset) != jax.tree.structure(params):
            raise ValueError("the subset mask must have the same tree structure as the parameters")
        masks = zip(jax.tree.leaves(subset), jax.tree.leaves(params), strict=True)
        flat = [np.broadcast_to(np.asarray(mask, bool), np.shape(leaf)).reshape(-1) for mask, leaf in masks]
        positions = np.flatnonzero(np.concatenate(flat))
    if positions.size == 0:
        raise ValueError("the subset is empty: keep at least one parameter")
    if positions.min() < -total or positions.max() >= total:
        raise ValueError(
            f"the subset names parameter {positions.max()}, but there are {total} (0 to {total - 1})"
        )
    positions = positions % total
    if len(np.unique(positions)) != len(positions):
        raise ValueError("the subset names a parameter twice")
    return Kept(positions)


def _is_flat(subset: Any) -> bool:
    """Whether a sequence holds numbers (positions or a mask) rather than the leaves of a tree of masks."""
    return all(np.ndim(entry) == 0 and not isinstance(entry, dict) for entry in subset)


def node_positions(plan: Plan, total: int) -> list[list[int]]:
    """For every node, the positions of its kept parameters in the metric's matrix."""
    place = np.full(total, -1)
    kept = np.arange(total) if plan.kept is None else plan.kept.indices
    place[kept] = np.arange(len(kept))
    return [[int(place[i]) for i in node.parameters if place[i] >= 0] for node in plan.description.nodes]


def dual_size(plan: Plan, n: int, p: int) -> int | None:
    """Rows of J where they are fewer than the parameters and fit into memory together, else None."""
    found = n * plan.coordinates
    return found if plan.reverse and n <= plan.matrix_batch and found < p else None


def require_matrix(p: int, dtype: Any) -> None:
    """Raise before allocating a matrix that the machine cannot hold.

    Raises:
        MemoryError: with what is needed, what there is, and the largest size that fits.
    """
    copies = 3 * jnp.dtype(dtype).itemsize
    if copies * p * p < BUDGET_BYTES:
        return
    available = memory.available_bytes()
    if copies * p * p > available:
        raise MemoryError(
            f"a dense metric of {p} parameters needs {copies * p * p / 2**30:.3g} GiB and {available / 2**30:.3g} GiB "
            f"are available: at most {int((available / copies) ** 0.5)} parameters fit; use mv, diagonal, "
            "spectral_density or a subset"
        )
