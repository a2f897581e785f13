r"""Ascending and descending superoperators: local operators up, density matrices down (Evenbly and Vidal 2009).

Both act on all positions of a ring at once. A layer holds its tensors with a leading axis of positions ``P``: one
entry per coarse site, or a single one that all positions share (translation invariance). Operators carry the same axis.

    ascend:  O'_j = sum over the cones of  W^+ U^+ O_{bj + offset} U W        (unital up to the factor b)
    descend: its transpose, in the pairing  sum_j sum_ab sigma_j[a, b] O_j[a, b],  sigma = rho^T

so that the energy ``sum_s tr(rho_s O_s)`` is the same at every level.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from circuits.mera.schemes import Cone, Scheme


class Layer(NamedTuple):
    """The tensors of one layer: disentanglers ``(P, d, d, d, d)`` and isometries ``(P, d, ..., d, chi)``.

    Lower (fine) indices first, in the order of the sites; as matrices from upper to lower both are isometries. NumPy
    arrays where nothing is compiled.
    """

    disentangler: Any
    isometry: Any


def ascend(scheme: Scheme, layer: Layer, operators: Array, bra: Layer | None = None) -> Array:
    """Raise operators by a layer: ``(P b, d, ... ; d, ...)`` to ``(P, chi, ... ; chi, ...)``, 2 x support legs.

    With shared tensors and one shared operator (``P = 1`` below and above) the sum over the cones is that of one coarse
    position: the energy per coarse site. ``bra``: tensors to use, conjugated, in the place of those of the layer.
    """
    bra = layer if bra is None else bra
    raised = None
    for cone in scheme.cones:
        term = _raise_all(scheme, cone, layer, bra, operators)
        raised = term if raised is None else raised + term
    assert raised is not None
    return raised


def descend(scheme: Scheme, layer: Layer, densities: Array) -> Array:
    """Lower the transposed densities ``sigma = rho^T`` by a layer; the exact transpose of `ascend`."""
    below = densities.shape[0] * (1 if densities.shape[0] == 1 else scheme.branching)
    fine = layer.disentangler.shape[-1]
    shape = jax.ShapeDtypeStruct((below,) + (fine,) * (2 * scheme.support), densities.dtype)
    (lowered,) = jax.linear_transpose(lambda operators: ascend(scheme, layer, operators), shape)(densities)
    return lowered


def identity(scheme: Scheme, dimension: int, dtype: jnp.dtype) -> Array:
    """The identity on ``support`` sites, as a tensor of 2 x support legs."""
    eye = jnp.eye(dimension**scheme.support, dtype=dtype)
    return eye.reshape((dimension,) * (2 * scheme.support))


def _raise_all(scheme: Scheme, cone: Cone, layer: Layer, bra: Layer, operators: Array) -> Array:
    positions = layer.disentangler.shape[0]
    if operators.shape[0] > 1 and positions == 1:  # shared tensors, an operator for each position
        positions = operators.shape[0] // scheme.branching
    below = _chosen(scheme, operators, cone.offset)
    sides = [_around(cone, x, positions) for x in (bra, layer)]
    if cone.mirror is not None:
        # The mirror image is the same contraction of reflected tensors: in one batch with the other, it costs nothing
        # to compile.
        image = _reflect(_chosen(scheme, operators, cone.mirror), scheme.support)
        below = jnp.concatenate([below, image])
        sides = [_with_image(side) for side in sides]
    raised = jax.vmap(functools.partial(_contract, cone))(below, *sides)
    if cone.mirror is None:
        return raised
    first, second = jnp.split(raised, 2)
    return first + _reflect(second, scheme.support)


def _around(cone: Cone, layer: Layer, positions: int) -> Layer:
    """The tensors of the cone of every position: tuples of disentanglers and of isometries."""
    u, w = (jnp.broadcast_to(x, (positions, *x.shape[1:])) for x in layer)
    us = tuple(jnp.roll(u, -k, axis=0) for k in cone.disentanglers)
    ws = tuple(jnp.roll(w, -k, axis=0) for k in cone.isometries)
    return Layer(us, ws)


def _with_image(side: Layer) -> Layer:
    us, ws = side
    return Layer(
        tuple(jnp.concatenate([a, jnp.transpose(b, (0, 2, 1, 4, 3))]) for a, b in zip(us, us[::-1])),
        tuple(jnp.concatenate([a, _reflect_isometry(b)]) for a, b in zip(ws, ws[::-1])),
    )


def _chosen(scheme: Scheme, operators: Array, offset: int) -> Array:
    """The operator that starts at the fine site ``b j + offset`` of the ring, for every coarse site ``j``."""
    return operators if operators.shape[0] == 1 else jnp.roll(operators, -offset, axis=0)[:: scheme.branching]


def _reflect(operators: Array, support: int) -> Array:
    """The sites of operators ``(P, bra sites, ket sites)`` in reverse order."""
    bra = range(support, 0, -1)
    return jnp.transpose(operators, (0, *bra, *(k + support for k in bra)))


def _reflect_isometry(w: Array) -> Array:
    return jnp.transpose(w, (0, *range(w.ndim - 2, 0, -1), w.ndim - 1))


def _contract(cone: Cone, operator: Array, bra: Layer, ket: Layer) -> Array:
    pairs = zip((*bra.disentangler, *bra.isometry), (*ket.disentangler, *ket.isometry))
    tensors = [t for b, k in pairs for t in (b.conj(), k)]
    return jnp.einsum(cone.equation, operator, *tensors, optimize=list(cone.path))
