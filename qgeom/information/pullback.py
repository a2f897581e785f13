"""The pullback ``F = J' M J`` as compiled functions of (plan, params, data, weights).

What is static, the structure of the computation, is the plan; a second call with an equal plan and arrays of equal
shapes compiles nothing. Two ways to a matrix: *forward*, one tangent per parameter (columns of ``J``), and *reverse*,
one cotangent per coordinate of the point (rows of ``J``); the product ``F v`` is one forward and one reverse sweep
over all data at once, and its memory does not grow with the number of parameters.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int

from circuits.circuit import Circuit
from circuits.description import Description, Params
from qgeom.information import pure_circuits
from qgeom.information.fubini_study import horizontal
from qgeom.information.gram import added, gram, products, real_rows, symmetrised
from qgeom.information.manifold import PointMetric


class Kept:
    """Positions of the parameters that are not frozen, in flattened order; hashable, equal by value."""

    __slots__ = ("_hash", "indices")

    def __init__(self, indices: np.ndarray) -> None:
        self.indices = np.asarray(indices, np.int64)
        self.indices.setflags(write=False)
        self._hash = hash(self.indices.tobytes())

    def __len__(self) -> int:
        return len(self.indices)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Kept) and np.array_equal(self.indices, other.indices)


@dataclass(frozen=True)
class Plan:
    """How a metric is computed: everything about it that is not an array.

    Attributes:
        description: the structure D.
        manifold: the metric of its points.
        kept: the parameters that count; None for all.
        reverse: whether matrices come from rows of J (else from columns).
        product_batch: data points that go through one product F v together.
        matrix_batch: data points whose rows or columns of J are held together.
        tile: columns held together where all of them do not fit, else None.
        coordinates: real coordinates of a tangent vector of one point (rows of J per data point).
    """

    description: Description
    manifold: PointMetric
    kept: Kept | None
    reverse: bool
    product_batch: int
    matrix_batch: int
    tile: int | None
    coordinates: int


class Columns(NamedTuple):
    """``F_ij = factor * sum over parts of left_i . right_j``; ``right = None`` means that it equals ``left``."""

    left: tuple[Array, ...]
    right: tuple[Array, ...] | None
    factor: float = 1.0

    def matrix(self) -> Float[Array, "p p"]:
        """F."""
        if self.right is None:
            return self.factor * gram(*self.left)
        return self.factor * symmetrised(
            added([products(a, b) for a, b in zip(self.left, self.right, strict=True)])
        )

    def diagonal(self) -> Float[Array, " p"]:
        """The diagonal of F."""
        right = self.left if self.right is None else self.right
        return self.factor * added([jnp.sum(a * b, axis=1) for a, b in zip(self.left, right, strict=True)])

    def blocks(self, positions: Int[Array, "nodes k"]) -> Float[Array, "nodes k k"]:
        """The blocks of F on groups of parameters."""
        right = self.left if self.right is None else self.right
        highest = jax.lax.Precision.HIGHEST
        terms = zip(self.left, right, strict=True)
        return self.factor * added(
            [jnp.einsum("nkm,njm->nkj", a[positions], b[positions], precision=highest) for a, b in terms]
        )


def local(plan: Plan, params: Params) -> tuple[Float[Array, " p"], Callable[[Array, Any], Any]]:
    """The kept parameters as one vector, and the map from such a vector (and an input) to the point."""
    flat, unravel = ravel_pytree(params)
    if plan.kept is None:
        return flat, lambda theta, x: plan.description(unravel(theta), x)
    indices = jnp.asarray(plan.kept.indices)
    return flat[indices], lambda theta, x: plan.description(unravel(flat.at[indices].set(theta)), x)


def linearised(plan: Plan, params: Params, x: Any) -> tuple[Array, Any, Callable[[Array], Any]]:
    """``(theta, points, push)``: the points of a batch of inputs and the linear map of tangents to them."""
    theta, evaluate = local(plan, params)

    def batch(t: Array) -> Any:
        if x is None:
            return jax.tree.map(lambda a: a[None], evaluate(t, None))
        return jax.vmap(evaluate, (None, 0))(t, x)

    points, push = jax.linearize(batch, theta)
    return theta, points, push


def weighted_sum(data: Any, weights: Array, batch: int, summand: Callable[[Any, Array], Any]) -> Any:
    """``summand`` of all data at once, or added up over batches; the last batch is filled with weight zero."""
    n = weights.shape[0]
    if data is None or batch >= n:
        return summand(data, weights)
    chunks = -(-n // batch)
    order = jnp.minimum(jnp.arange(chunks * batch), n - 1)
    filled = jnp.pad(weights, (0, chunks * batch - n)).reshape(chunks, batch)
    pieces = jax.tree.map(lambda a: a[order].reshape(chunks, batch, *a.shape[1:]), data)
    shapes = jax.eval_shape(summand, *jax.tree.map(lambda a: a[0], (pieces, filled)))
    zero = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    def step(total: Any, piece: Any) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, summand(*piece)), None

    return jax.lax.scan(step, zero, (pieces, filled))[0]


def scaled(array: Array, weights: Array, axis: int = 0) -> Array:
    """An array with one entry per data point along ``axis``, times the weights."""
    shape = [1] * array.ndim
    shape[axis] = -1
    return array * weights.astype(array.dtype).reshape(shape)


def apply(plan: Plan, params: Params, data: Any, weights: Array, v: Float[Array, " p"]) -> Float[Array, " p"]:
    """``F v`` by one tangent and one cotangent sweep, without a matrix."""
    circuit = plan.description
    if isinstance(circuit, Circuit):
        return _apply_circuit(circuit, plan, params, data, weights, v)

    def summand(x: Any, w: Array) -> Array:
        theta, points, push = linearised(plan, params, x)
        lowered = jax.vmap(plan.manifold.lower)(points, push(v))
        # The transpose of a linear map to complex numbers pairs without conjugation.
        cotangents = jax.tree.map(lambda a: scaled(a, w).conj(), lowered)
        return jax.linear_transpose(push, theta)(cotangents)[0]

    return weighted_sum(data, weights, plan.product_batch, summand)


def _apply_circuit(
    circuit: Circuit, plan: Plan, params: Params, data: Any, weights: Array, v: Array
) -> Array:
    theta, _ = ravel_pytree(params)
    whole = v if plan.kept is None else jnp.zeros_like(theta).at[jnp.asarray(plan.kept.indices)].set(v)

    def summand(x: Any, w: Array) -> Array:
        if x is None:
            return pure_circuits.product(circuit, theta, whole, None)
        return w @ jax.vmap(lambda one: pure_circuits.product(circuit, theta, whole, one))(x)

    image = weighted_sum(data, weights, plan.product_batch, summand)
    return image if plan.kept is None else image[jnp.asarray(plan.kept.indices)]


def rows(plan: Plan, params: Params, x: Any, w: Array) -> Float[Array, "n p"]:
    """Rows of ``W^{1/2} R J`` (``R`` the isometry) of a batch of data: ``F`` is the sum of their squares."""
    theta, evaluate = local(plan, params)
    rate = jnp.sqrt(w)

    def sample(x: Any, rate: Array) -> Array:
        point, push = jax.linearize(lambda t: evaluate(t, x), theta)
        pull = jax.linear_transpose(
            lambda t: rate.astype(t.dtype) * plan.manifold.isometry(point, push(t)), theta
        )
        return jax.vmap(lambda e: pull(e)[0])(jnp.eye(plan.coordinates, dtype=theta.dtype))

    if x is None:
        return sample(None, rate[0])
    return jax.vmap(sample)(x, rate).reshape(-1, theta.shape[0])


def columns(plan: Plan, params: Params, x: Any, w: Array, basis: Array | None = None) -> Columns:
    """Real vectors per parameter, for all parameters or along the rows of ``basis``."""
    if basis is None and isinstance(plan.description, Circuit):
        return _circuit_columns(plan.description, plan, params, x, w)
    theta, points, push = linearised(plan, params, x)
    basis = jnp.eye(theta.shape[0], dtype=theta.dtype) if basis is None else basis
    left, right = jax.vmap(lambda v: jax.vmap(plan.manifold.pair)(points, push(v)))(basis)
    if right is None:
        return Columns((real_rows(scaled(left, jnp.sqrt(w), 1)),), None)
    return Columns((real_rows(scaled(left, w, 1)),), (real_rows(right),))


def _circuit_columns(circuit: Circuit, plan: Plan, params: Params, x: Any, w: Array) -> Columns:
    theta, _ = ravel_pytree(params)
    if x is None:
        parts = pure_circuits.horizontal_tangents(circuit, theta, None)
    else:
        parts = jax.vmap(lambda one: pure_circuits.horizontal_tangents(circuit, theta, one), out_axes=1)(x)
        parts = [scaled(part, jnp.sqrt(w), 1).reshape(theta.shape[0], -1) for part in parts]
    if plan.kept is not None:
        parts = [part[jnp.asarray(plan.kept.indices)] for part in parts]
    return Columns(tuple(parts), None, 4.0)  # four times Fubini-Study, not twice each vector: one pass less


def half(plan: Plan, params: Params, x: Any, w: Array) -> Columns:
    """The factors of F for a batch of data, by the plan's direction of differentiation."""
    if plan.reverse:
        return Columns((rows(plan, params, x, w).T,), None)
    return columns(plan, params, x, w)


def flattened(plan: Plan, params: Params, v: Any) -> tuple[Float[Array, " p"], Callable[[Array], Any]]:
    """A vector as a flat array of the kept parameters, and the way back to the form it came in."""
    flat, unravel = ravel_pytree(params)
    p = flat.shape[0] if plan.kept is None else len(plan.kept)
    if hasattr(v, "shape") and np.shape(v) == (p,):
        return jnp.asarray(v, flat.dtype), lambda w: w
    if jax.tree.structure(v) != jax.tree.structure(params) or any(
        np.shape(a) != np.shape(b) for a, b in zip(jax.tree.leaves(v), jax.tree.leaves(params), strict=True)
    ):
        raise ValueError(f"expected a vector of shape ({p},) or a pytree like the parameters")
    whole = jnp.concatenate([jnp.ravel(jnp.asarray(leaf, flat.dtype)) for leaf in jax.tree.leaves(v)])
    if plan.kept is None:
        return whole, unravel
    indices = jnp.asarray(plan.kept.indices)
    return whole[indices], lambda w: unravel(jnp.zeros_like(flat).at[indices].set(w))


@partial(jax.jit, static_argnums=0)
def product(plan: Plan, params: Params, data: Any, weights: Array, v: Any) -> Any:
    """``F v`` in the form of ``v``."""
    flat, restore = flattened(plan, params, v)
    return restore(apply(plan, params, data, weights, flat))


@partial(jax.jit, static_argnums=0)
def inner(plan: Plan, params: Params, data: Any, weights: Array, u: Any, v: Any) -> Float[Array, ""]:
    """``u' F v`` by tangents alone."""
    u, v = flattened(plan, params, u)[0], flattened(plan, params, v)[0]

    def summand(x: Any, w: Array) -> Array:
        _, points, push = linearised(plan, params, x)
        left, right = jax.vmap(plan.manifold.pair)(points, push(u))
        other = left if right is None else right
        left, right = jax.vmap(plan.manifold.pair)(points, push(v))
        return jnp.sum(scaled(left, w) * other)

    return weighted_sum(data, weights, plan.product_batch, summand)


@partial(jax.jit, static_argnums=0)
def matrix(plan: Plan, params: Params, data: Any, weights: Array) -> Float[Array, "p p"]:
    """The dense metric."""
    if plan.tile is not None:
        return symmetrised(_matrix_by_tiles(plan, params, data, weights))

    def summand(x: Any, w: Array) -> Array:
        return half(plan, params, x, w).matrix()

    return weighted_sum(data, weights, plan.matrix_batch, summand)


def _matrix_by_tiles(plan: Plan, params: Params, data: Any, weights: Array) -> Array:
    """Columns of F, a tile of products F v at a time: for points so large that P tangents do not fit."""
    assert plan.tile is not None
    theta, _ = local(plan, params)
    p = theta.shape[0]
    starts = jnp.arange(0, p, plan.tile)

    def one(start: Array) -> Array:
        positions = start + jnp.arange(plan.tile)
        basis = (positions[:, None] == jnp.arange(p)[None, :]).astype(theta.dtype)
        return jax.vmap(lambda v: apply(plan, params, data, weights, v))(basis)

    return jax.lax.map(one, starts).reshape(-1, p)[:p]


@partial(jax.jit, static_argnums=0)
def dual_matrix(plan: Plan, params: Params, data: Any, weights: Array) -> Float[Array, "n n"]:
    """``J J'`` instead of ``J' J``: the same non-zero eigenvalues, smaller where parameters outnumber data."""
    return gram(rows(plan, params, data, weights))


@partial(jax.jit, static_argnums=0)
def diagonal(plan: Plan, params: Params, data: Any, weights: Array) -> Float[Array, " p"]:
    """The diagonal of F, without F.

    A description may know better: the optional method ``fisher_diagonal(params, xs, weights)`` returns the exact
    diagonal as a pytree like ``params`` (for networks, a product per layer instead of gradients per sample).
    """
    exact = getattr(plan.description, "fisher_diagonal", None)
    if exact is not None and data is not None:
        flat = ravel_pytree(exact(params, data, weights))[0]
        return flat if plan.kept is None else flat[jnp.asarray(plan.kept.indices)]
    if plan.tile is not None:
        return _diagonal_by_tiles(plan, params, data, weights)

    def summand(x: Any, w: Array) -> Array:
        return half(plan, params, x, w).diagonal()

    return weighted_sum(data, weights, plan.matrix_batch, summand)


def _diagonal_by_tiles(plan: Plan, params: Params, data: Any, weights: Array) -> Array:
    assert plan.tile is not None
    theta, _ = local(plan, params)
    p = theta.shape[0]

    def one(start: Array) -> Array:
        positions = start + jnp.arange(plan.tile)
        basis = (positions[:, None] == jnp.arange(p)[None, :]).astype(theta.dtype)

        def summand(x: Any, w: Array) -> Array:
            return columns(plan, params, x, w, basis).diagonal()

        return weighted_sum(data, weights, 1, summand)

    return jax.lax.map(one, jnp.arange(0, p, plan.tile)).reshape(-1)[:p]


@partial(jax.jit, static_argnums=0)
def blocks(
    plan: Plan, params: Params, data: Any, weights: Array, groups: tuple[Array, ...]
) -> tuple[Array, ...]:
    """For each array ``(nodes, k)`` of positions, the blocks ``(nodes, k, k)`` of F on them, without F."""

    def summand(x: Any, w: Array) -> tuple[Array, ...]:
        factors = half(plan, params, x, w)
        return tuple(factors.blocks(positions) for positions in groups)

    return weighted_sum(data, weights, plan.matrix_batch, summand)


@partial(jax.jit, static_argnums=0)
def geometric_tensor(plan: Plan, params: Params, data: Any, weights: Array) -> Array:
    """``Q_ij = <d_i psi|(1 - |psi><psi|)|d_j psi>``, complex and Hermitian; states only."""

    def summand(x: Any, w: Array) -> Array:
        if isinstance(plan.description, Circuit):
            real, imaginary = columns(plan, params, x, w).left
        else:
            theta, points, push = linearised(plan, params, x)

            def projected(v: Array) -> Array:
                return jax.vmap(horizontal)(points.vector, push(v).vector)

            tangents = jax.vmap(projected)(jnp.eye(theta.shape[0], dtype=theta.dtype))
            tangents = scaled(tangents, jnp.sqrt(w), 1).reshape(theta.shape[0], -1)
            real, imaginary = tangents.real, tangents.imag
        mixed = products(real, imaginary)
        return jax.lax.complex(gram(real, imaginary), mixed - mixed.T)

    return weighted_sum(data, weights, plan.matrix_batch, summand)


@partial(jax.jit, static_argnums=0)
def points(plan: Plan, params: Params, data: Any) -> Any:
    """The points of all data, with a leading data axis (of length one without data)."""
    theta, evaluate = local(plan, params)
    if data is None:
        return jax.tree.map(lambda a: a[None], evaluate(theta, None))
    return jax.vmap(evaluate, (None, 0))(theta, data)


@partial(jax.jit, static_argnums=0)
def count_dropped(plan: Plan, params: Params, data: Any) -> Array:
    """How many coordinates the metric leaves out, over all data."""
    return jnp.sum(jax.vmap(plan.manifold.dropped)(points(plan, params, data)))


@partial(jax.jit, static_argnums=0)
def largest_coordinate(plan: Plan, params: Params, data: Any) -> Array:
    """Size of the coordinates of the points, the largest over all data."""
    return jnp.max(jax.vmap(plan.manifold.size)(points(plan, params, data)))
