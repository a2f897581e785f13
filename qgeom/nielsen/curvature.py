r"""Curvature of a penalty metric, the same at every point of the group.

For left-invariant fields with values x, y at the identity (Milnor, Adv. Math. 21 (1976) 293; Arnold 1966; Dowling and
Nielsen, quant-ph/0701004, appendix)

    nabla_x y = ( [x, y] - ad*_x y - ad*_y x ) / 2,   <ad*_x y, z> = <y, [x, z]>,
    R(x, y) z = nabla_x nabla_y z - nabla_y nabla_x z - nabla_[x,y] z,
    K(x, y) = <R(x, y) y, x> / (|x|^2 |y|^2 - <x, y>^2),   Ric(y, z) = tr(x -> R(x, y) z).

Our metrics are right-invariant. Inversion of the group maps one kind onto the other and is -1 on the algebra, so the
curvature *tensor* is the same with the same (matrix) bracket, its arguments being four; only nabla changes sign. With
the weights G and the flat product, ``ad*_x y = G^{-1} [x^dagger, G y]`` projected on the algebra.

For Pauli strings with weights w everything is diagonal: ``[-is, -it]`` is zero or ``+-2 (-iu)``, u the string of
s t, so that two different strings have no common bracket, and

    Ric(s, s) = sum over t anticommuting with s, u = s t, of  ( w_s^2 - (w_t - w_u)^2 ) / (w_t w_u),
    K(s, t)   = ( 2 w_u (w_s + w_t) - 3 w_u^2 + (w_s - w_t)^2 ) / (w_s w_t w_u)  if they anticommute, else 0.

Normalisation: coefficients h of ``X = sum h_a E_a``, ``|X|^2 = sum w_a h_a^2``. One qubit with weights 1 is the round
3-sphere of radius 1 (with U and -U the same point), K = 1, Ric = 2, scalar 6. On flat (bi-invariant) SU(d),
``K(x, y) = |[x, y]|^2 / 4`` for orthonormal x, y.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from qgeom.nielsen.groups import Group, PauliGroup
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.strings import anticommute

LARGEST_DENSE = 256
"""Largest dimension for which all structure constants are stored."""


def connection(
    penalty: Penalty, x: Float[Array, "*batch m"], y: Float[Array, "*batch m"]
) -> Float[Array, "*batch m"]:
    """``nabla_x y`` of the left-invariant fields with these values (minus that of the right-invariant ones).

    Args:
        penalty: A metric with finite weights.
        x: Coefficients, (..., m).
        y: Coefficients, (..., m).

    Returns:
        Coefficients, (..., m), in the dtype of x.
    """
    _check_finite(penalty)
    return _connection(penalty.group, _weights(penalty, x), x, y)


def curvature(
    penalty: Penalty,
    x: Float[Array, "*batch m"],
    y: Float[Array, "*batch m"],
    z: Float[Array, "*batch m"],
) -> Float[Array, "*batch m"]:
    """``R(x, y) z`` as coefficients, (..., m): products of matrices only, so that it reaches n = 6 and more."""
    _check_finite(penalty)
    return _riemann(penalty.group, _weights(penalty, x), x, y, z)


def sectional_curvature(
    penalty: Penalty, x: Float[Array, "*batch m"], y: Float[Array, "*batch m"]
) -> Float[Array, "*batch"]:
    """``K(x, y)`` of the plane that two directions span.

    Args:
        penalty: A metric with finite weights.
        x: Coefficients, (..., m), any basis of the plane.
        y: The other direction.

    Returns:
        (...), in units of 1 / length^2. Raises ValueError for infinite weights, or where x and y are parallel.
    """
    _check_finite(penalty)
    x, y = jnp.asarray(x), jnp.asarray(y)
    m = penalty.group.dimension
    if x.shape[-1:] != (m,) or y.shape[-1:] != (m,):
        raise ValueError(f"expected two directions of {m} coefficients, got shapes {x.shape} and {y.shape}")
    w = _weights(penalty, x)
    # The part of y that is orthogonal to x spans the same plane and loses no digits.
    square = jnp.sum(w * x * x, axis=-1, keepdims=True)
    off = y - x * (jnp.sum(w * x * y, axis=-1, keepdims=True) / square)
    area = square[..., 0] * jnp.sum(w * off * off, axis=-1)
    if not isinstance(area, Tracer):
        whole = np.asarray(square[..., 0] * jnp.sum(w * y * y, axis=-1))
        if not np.all(np.asarray(area) > 1e-20 * whole):
            raise ValueError("the two directions are parallel (or zero): they span no plane")
    return jnp.sum(w * x * _riemann(penalty.group, w, x, off, off), axis=-1) / area


def ricci(penalty: Penalty, x: Float[Array, "*batch m"] | None = None) -> np.ndarray | Array:
    """The Ricci tensor ``Ric_ab``, (m, m), or its quadratic form ``Ric(x, x)`` if a direction is given.

    Args:
        penalty: A metric with finite weights.
        x: Coefficients, (..., m). The quadratic form on Pauli strings needs the diagonal only, (m,).

    Returns:
        (m, m) float64, or (...). Divide by ``sum w x^2`` for the Ricci curvature of the direction. Raises ValueError
        for infinite weights and for a group other than Pauli strings with more than 256 dimensions.
    """
    if isinstance(penalty.group, PauliGroup):
        diagonal = ricci_diagonal(penalty)
        if x is None:
            return np.diag(diagonal)
        x = jnp.asarray(x)
        return jnp.sum(jnp.asarray(diagonal, x.dtype) * x * x, axis=-1)
    tensor = _dense_ricci(penalty)
    if x is None:
        return tensor
    x = jnp.asarray(x)
    return jnp.einsum("...a,ab,...b->...", x, jnp.asarray(tensor, x.dtype), x)


def ricci_diagonal(penalty: Penalty) -> np.ndarray:
    """``Ric_aa`` for each basis element, (m,) float64; on Pauli strings this is the whole tensor (see above)."""
    _check_finite(penalty)
    if not isinstance(penalty.group, PauliGroup):
        return np.diagonal(_dense_ricci(penalty)).copy()
    w = np.concatenate([[1.0], np.asarray(penalty.weights)])
    strings = np.arange(len(w))
    diagonal = np.zeros(len(w))
    for s in range(1, len(w)):
        t = strings[anticommute(np.asarray(s), strings)]
        wt, wu = w[t], w[t ^ s]
        diagonal[s] = np.sum((w[s] ** 2 - (wt - wu) ** 2) / (wt * wu))
    return diagonal[1:]


def scalar_curvature(penalty: Penalty) -> float:
    """The trace of the Ricci tensor, ``sum_a Ric_aa / w_a``: 6 on one qubit with weights 1."""
    return float(np.sum(ricci_diagonal(penalty) / np.asarray(penalty.weights)))


def structure_constants(group: Group) -> np.ndarray:
    """``f[a, b, c]`` with ``[E_a, E_b] = sum_c f_abc E_c``, (m, m, m) float64; up to 256 dimensions."""
    if group.dimension > LARGEST_DENSE:
        raise ValueError(
            f"{type(group).__name__} has {group.dimension} dimensions; all structure constants are stored for "
            f"{LARGEST_DENSE} at most. Use curvature or sectional_curvature, which need none"
        )
    return _structure_constants(group)


@functools.lru_cache(maxsize=4)
def _structure_constants(group: Group) -> np.ndarray:
    basis = group.generator(jnp.eye(group.dimension))
    rows = [np.asarray(group.coefficients(group.bracket(e[None], basis))) for e in basis]
    return np.stack(rows)


def _dense_ricci(penalty: Penalty) -> np.ndarray:
    _check_finite(penalty)
    f = structure_constants(penalty.group)
    w = np.asarray(penalty.weights)
    # <ad*_a b, c> = <b, [a, c]>: w_c (ad*_a b)_c = w_b f_acb.
    adjoint = np.swapaxes(f, 1, 2) * w[None, :, None] / w[None, None, :]
    nabla = 0.5 * (f - adjoint - np.swapaxes(adjoint, 0, 1))  # [a, b, c]: component c of nabla_a b
    divergence = np.einsum("ada->d", nabla)
    m = len(w)
    first = nabla @ divergence
    # Component a of nabla_b nabla_a c, and of nabla_[a, b] c, summed over a.
    second = nabla.transpose(1, 0, 2).reshape(m, m * m)  # [d, (b, a)]: component a of nabla_b d
    mixed = np.einsum("acd,dba->bc", nabla, second.reshape(m, m, m), optimize=True)
    third = np.einsum("abd,dca->bc", f, nabla, optimize=True)
    tensor = first - mixed - third
    return 0.5 * (tensor + tensor.T)


def _weights(penalty: Penalty, x: Array) -> Array:
    return penalty.weights.astype(x.dtype)


def _adjoint(group: Group, w: Array, x: Array, y: Array) -> Array:
    """``ad*_x y``."""
    return -group.coefficients(group.coadjoint(group.generator(x), group.generator(w * y))) / w


def _connection(group: Group, w: Array, x: Array, y: Array) -> Array:
    return 0.5 * (_bracket(group, x, y) - _adjoint(group, w, x, y) - _adjoint(group, w, y, x))


def _bracket(group: Group, x: Array, y: Array) -> Array:
    return group.coefficients(group.bracket(group.generator(x), group.generator(y)))


@functools.partial(jax.jit, static_argnums=0)
def _riemann(group: Group, w: Array, x: Array, y: Array, z: Array) -> Array:
    nabla = functools.partial(_connection, group, w)
    return nabla(x, nabla(y, z)) - nabla(y, nabla(x, z)) - nabla(_bracket(group, x, y), z)


def _check_finite(penalty: Penalty) -> None:
    if isinstance(penalty.weights, Tracer):
        return
    forbidden = np.isinf(np.asarray(penalty.weights))
    if np.any(forbidden):
        raise ValueError(
            f"curvature needs finite weights, but {penalty.group.names[int(np.argmax(forbidden))]} is forbidden "
            "(infinite): a sub-Riemannian metric has no curvature tensor; pass a large weight"
        )
