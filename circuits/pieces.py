"""The matrices of a layer: pieces on one or two wires, and groups of neighbouring pieces, from the angles."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import planar, small_matrices
from circuits.lowering import Dense
from circuits.planar import Planar
from circuits.step import EXACT


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


def _own_angles(pieces: list[Piece], angles: Float[Array, " a"]) -> Float[Array, "pieces k"]:
    """The angles of each of some pieces that share a signature."""
    return angles[np.array([p.slots for p in pieces], np.int32).reshape(len(pieces), -1)]


def _piece_matrices(pieces: list[Piece], own: Float[Array, "pieces k"]) -> Planar:
    """The matrices of pieces that share a signature, from their own angles, as one batch."""
    first = pieces[0]
    width = len(first.wires)
    identity = jnp.eye(2, dtype=own.dtype)[None]
    result: Planar | None = None
    position = 0
    for element in first.elements:
        k = len(element.slots)
        mine = own[:, position : position + k]
        position += k
        matrix = small_matrices.matrices(element.kind, mine, own.dtype)
        relative = tuple(q - first.wires[0] for q in element.wires)
        if width == 2 and len(relative) == 1:
            other = Planar(identity, None)
            matrix = planar.kron(matrix, other) if relative == (0,) else planar.kron(other, matrix)
        elif relative == (1, 0):
            matrix = _swap_wires(matrix)
        result = matrix if result is None else planar.matmul(matrix, result)
    if result is None:
        eye = jnp.eye(1 << width, dtype=own.dtype)
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


def _alike(groups: list[Group]) -> list[list[tuple[int, int]]]:
    """Places (group, piece) of pieces of equal signature: built together, a wide layer is few operations."""
    places: dict[Any, list[tuple[int, int]]] = {}
    for g, group in enumerate(groups):
        for p, piece in enumerate(group.pieces):
            places.setdefault(piece.signature, []).append((g, p))
    return list(places.values())


def group_matrices(groups: list[Group], angles: Float[Array, " a"]) -> list[Planar]:
    """One matrix per group, the Kronecker product of its pieces'.

    Groups alike are built by the same operations one after the other, which compile once.
    """
    matrices: dict[tuple[int, int], Planar] = {}
    for places in _alike(groups):
        pieces = [groups[g].pieces[p] for g, p in places]
        batch = _piece_matrices(pieces, _own_angles(pieces, angles))
        for g in dict.fromkeys(g for g, _ in places):
            rows = np.array([row for row, place in enumerate(places) if place[0] == g], np.int32)
            mine = planar.mapped(lambda part, rows=rows: part[rows], batch)
            for k, row in enumerate(rows):
                matrices[places[row]] = planar.mapped(lambda part, k=k: part[k], mine)
    return [
        functools.reduce(planar.kron, [matrices[g, p] for p in range(len(group.pieces))])
        for g, group in enumerate(groups)
    ]


def group_generators(
    groups: list[Group], angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray
) -> list[Planar | None]:
    """dM M' of each group along the directions that turn it, (rows, size, size); None where none does.

    The derivative of a Kronecker product is a sum over its pieces, 1 x ... x dm m' x ... x 1, and linear in the small
    matrices dm m': a constant matrix takes their entries to those of all generators of a group.
    """
    found: dict[int, list[Planar]] = {}
    for places in _alike(groups):
        pieces = [groups[g].pieces[p] for g, p in places]
        slots = np.array([p.slots for p in pieces], np.int32).reshape(len(pieces), -1)
        turned = mask[:, slots]  # (directions, pieces, k)
        if not turned.any():
            continue
        own = _own_angles(pieces, angles)
        small = _generators(pieces, own)
        shares = jnp.asarray(turned, rates.dtype) * rates[slots]
        for g in dict.fromkeys(g for g, _ in places):
            rows = turning_rows(groups[g], mask)
            here = np.array([row for row, place in enumerate(places) if place[0] == g], np.int32)
            if not len(rows) or not turned[rows[:, None], here].any():
                continue
            embedding = jnp.asarray(_embedding(groups[g], [places[row][1] for row in here]), rates.dtype)
            share = shares[rows[:, None], here]

            def expand(
                part: Array, share: Array = share, here: Any = here, embedding: Array = embedding
            ) -> Array:
                entries = jnp.einsum("rpk,pkuv->rpuv", share, part[here], precision=EXACT)
                return jnp.einsum("rpuv,puvab->rab", entries, embedding, precision=EXACT)

            found.setdefault(g, []).append(planar.mapped(expand, small))
    return [functools.reduce(_plus, found[g]) if g in found else None for g in range(len(groups))]


def turning_rows(group: Group, mask: np.ndarray) -> np.ndarray:
    """The directions that turn a group."""
    return np.flatnonzero(mask[:, sorted(group.slots)].any(1))


def _generators(pieces: list[Piece], own: Float[Array, "pieces k"]) -> Planar:
    """dm m' for each piece and each of its angles, (pieces, k, size, size)."""
    units = jnp.eye(own.shape[1], dtype=own.dtype)[:, None, :]
    matrix, derivative = jax.linearize(lambda a: _piece_matrices(pieces, a), own)
    changes = jax.vmap(lambda unit: derivative(jnp.broadcast_to(unit, own.shape)), out_axes=1)(units)
    return planar.matmul(changes, planar.adjoint(planar.mapped(lambda part: part[:, None], matrix)))


def _embedding(group: Group, members: list[int]) -> np.ndarray:
    """(pieces, u, v, a, b): entry (u, v) of a piece's matrix in entry (a, b) of the group's, other wires untouched."""
    embedded = []
    for p in members:
        before = sum(len(q.wires) for q in group.pieces[:p])
        size = 1 << len(group.pieces[p].wires)
        left, right = 1 << before, (1 << group.width) // (size << before)
        entry = np.eye(size * size).reshape(size, size, size, size)
        whole = np.einsum("xy,uvab,zw->uvxazybw", np.eye(left), entry, np.eye(right))
        embedded.append(whole.reshape(size, size, 1 << group.width, 1 << group.width))
    return np.stack(embedded)


def _plus(a: Planar, b: Planar) -> Planar:
    im = b.im if a.im is None else a.im if b.im is None else a.im + b.im
    return Planar(a.re + b.re, im)
