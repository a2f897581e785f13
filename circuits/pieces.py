"""The matrices of a layer: pieces on one or two wires, and groups of neighbouring pieces, from the angles."""

from __future__ import annotations

import functools
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import planar, small_matrices
from circuits.lowering import Dense
from circuits.planar import Planar


class Piece:
    """A product of dense elements on one wire or on two neighbouring wires."""

    def __init__(self, wires: tuple[int, ...], elements: list[Dense]):
        self.wires = wires
        self.elements = elements

    @functools.cached_property
    def signature(self) -> tuple[Any, ...]:
        """Pieces of equal signature have the same matrix as a function of their own angles."""
        lowest = self.wires[0]
        relative = tuple((tuple(q - lowest for q in e.wires), e.kind) for e in self.elements)
        return (len(self.wires), relative)

    @functools.cached_property
    def slots(self) -> tuple[int, ...]:
        return tuple(s for e in self.elements for s in e.slots)


def _piece_matrices(pieces: list[Piece], angles: Float[Array, " a"]) -> Planar:
    """The matrices of pieces that share a signature, as one batch."""
    first = pieces[0]
    width = len(first.wires)
    own = (
        angles[np.array([p.slots for p in pieces], np.int32).reshape(len(pieces), -1)]
        if first.slots
        else None
    )
    identity = jnp.eye(2, dtype=angles.dtype)[None]
    result: Planar | None = None
    position = 0
    for element in first.elements:
        k = len(element.slots)
        mine = angles[:0].reshape(1, 0) if own is None else own[:, position : position + k]
        position += k
        matrix = small_matrices.matrices(element.kind, mine, angles.dtype)
        relative = tuple(q - first.wires[0] for q in element.wires)
        if width == 2 and len(relative) == 1:
            other = Planar(identity, None)
            matrix = planar.kron(matrix, other) if relative == (0,) else planar.kron(other, matrix)
        elif relative == (1, 0):
            matrix = _swap_wires(matrix)
        result = matrix if result is None else planar.matmul(matrix, result)
    if result is None:
        eye = jnp.eye(1 << width, dtype=angles.dtype)
        result = Planar(eye[None], None)
    return planar.mapped(lambda p: jnp.broadcast_to(p, (len(pieces), *p.shape[1:])), result)


def _swap_wires(matrix: Planar) -> Planar:
    order = np.array([0, 2, 1, 3])
    return planar.mapped(lambda p: p[..., order[:, None], order[None, :]], matrix)


class Group:
    """Neighbouring wires whose pieces act as one matrix of size 2^width."""

    def __init__(self, pieces: list[Piece]):
        self.pieces = pieces
        self.first = pieces[0].wires[0]
        self.width = sum(len(p.wires) for p in pieces)
        self.slots = frozenset(s for p in pieces for s in p.slots)
        self.is_real = all(small_matrices.is_real(e.kind) for p in pieces for e in p.elements)


def group_matrices(groups: list[Group], angles: Float[Array, " a"]) -> list[Planar]:
    """One matrix per group. Equal structures are built together, so a wide layer is a handful of small operations."""
    by_signature: dict[Any, list[tuple[int, int]]] = {}
    for g, group in enumerate(groups):
        for p, piece in enumerate(group.pieces):
            by_signature.setdefault(piece.signature, []).append((g, p))
    small: dict[tuple[int, int], tuple[Planar, int]] = {}
    for places in by_signature.values():
        batch = _piece_matrices([groups[g].pieces[p] for g, p in places], angles)
        for row, place in enumerate(places):
            small[place] = (batch, row)
    result: list[Planar | None] = [None] * len(groups)
    alike: dict[Any, list[int]] = {}
    for g, group in enumerate(groups):
        alike.setdefault(tuple(p.signature for p in group.pieces), []).append(g)
    for members in alike.values():
        product: Planar | None = None
        for p in range(len(groups[members[0]].pieces)):
            batch, _ = small[(members[0], p)]
            rows = np.array([small[(g, p)][1] for g in members], np.int32)
            factor = planar.mapped(lambda part, rows=rows: part[rows], batch)
            product = factor if product is None else planar.kron(product, factor)
        assert product is not None
        for row, g in enumerate(members):
            result[g] = planar.mapped(lambda part, row=row: part[row], product)
    return [r for r in result if r is not None]
