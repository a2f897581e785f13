"""Layers of small dense matrices, and how they meet the axes of a state without transpositions."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import planar
from circuits.lowering import Dense
from circuits.pieces import Group, Piece, group_generators, group_matrices, turning_rows
from circuits.planar import Planar
from circuits.step import EXACT, Step


def _last_to_front(matrix: Array, x: Float[Array, " dim"]) -> Float[Array, " dim"]:
    """Multiply the last axis and bring it to the front: as many times as there are groups, and all are back."""
    rows = x.reshape(-1, matrix.shape[1])
    return jax.lax.dot_general(matrix, rows, (((1,), (1,)), ((), ())), precision=EXACT).reshape(-1)


def _rotate(matrix: Planar, psi: Planar) -> Planar:
    return planar.bilinear(_last_to_front, matrix, psi)


def _rotate_many(matrix: Planar, psis: Planar) -> Planar:
    """Multiply the first axis of each state of a batch and bring it to the end."""

    def part(m: Array, x: Array) -> Array:
        y = x.reshape(x.shape[0], m.shape[1], -1)
        return jnp.einsum("kap,ba->kpb", y, m, precision=EXACT).reshape(x.shape)

    return planar.bilinear(part, matrix, psis)


def _act_each(matrices: Planar, psi: Planar, before: int) -> Planar:
    """Each of a batch of matrices on one axis of the same state: (k, size, size) and (2^n,) to (k, 2^n)."""

    def part(m: Array, x: Array) -> Array:
        y = x.reshape(1 << before, m.shape[1], -1)
        return jnp.einsum("kab,pbq->kpaq", m, y, precision=EXACT).reshape(m.shape[0], -1)

    return planar.bilinear(part, matrices, psi)


def _local(matrix: Planar, psi: Planar, before: int) -> Planar:
    """Multiply one axis in place: psi as (2^before, size, rest)."""

    def part(m: Array, x: Array) -> Array:
        y = x.reshape(1 << before, m.shape[1], -1)
        return jnp.einsum("ab,pbq->paq", m, y, precision=EXACT).reshape(-1)

    return planar.bilinear(part, matrix, psi)


def _environment(psi: Planar, cotangent: Planar, before: int, width: int, real: bool) -> Planar:
    """E[b, a] = sum over the other qubits of cotangent[b] conj(psi[a]); its real part alone for real matrices."""

    def overlap(c: Array, p: Array) -> Array:
        if before + width == (c.size - 1).bit_length():
            # on the last axis a plain product of a transposed copy is twice as fast on CPUs
            size = 1 << width
            return jnp.dot(c.reshape(-1, size).T.copy(), p.reshape(-1, size), precision=EXACT)
        shape = (1 << before, 1 << width, -1)
        return jnp.einsum("pbq,paq->ba", c.reshape(shape), p.reshape(shape), precision=EXACT)

    re = overlap(cotangent.re, psi.re) + overlap(cotangent.im, psi.im)
    if real:
        return Planar(re, None)
    return Planar(re, overlap(cotangent.im, psi.re) - overlap(cotangent.re, psi.im))


class Blocks(Step):
    """A layer of matrices on disjoint groups of neighbouring wires.

    Where the groups cover all wires, each product takes the last axis and puts it first, a layout that costs no
    transposition; after the last group the axes are in order again.
    """

    def __init__(self, n_qubits: int, groups: list[Group]):
        self.n_qubits = n_qubits
        self.groups = groups
        self.covers_all = sum(g.width for g in groups) == n_qubits
        self.slots = frozenset().union(*(g.slots for g in groups))

    def weights(self, angles: Float[Array, " a"]) -> Any:
        return group_matrices(self.groups, angles)

    def _act(self, matrices: list[Planar], psi: Planar) -> Planar:
        if self.covers_all:
            for matrix in reversed(matrices):
                psi = _rotate(matrix, psi)
        else:
            for group, matrix in zip(self.groups, matrices, strict=True):
                psi = _local(matrix, psi, group.first)
        return psi

    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._act(weights, psi)

    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._act([planar.adjoint(m) for m in weights], psi)

    def push(
        self, constants: Any, weights: Any, rates: Any, psi: Planar, tangent: Planar
    ) -> tuple[Planar, Planar]:
        if not self.covers_all or any(w.im is not None for w in weights):
            return super().push(constants, weights, rates, psi, tangent)
        for matrix, rate in zip(reversed(weights), reversed(rates), strict=True):
            # one product of the state with M above dM, one of the tangent with M
            both = Planar(jnp.concatenate([matrix.re, rate.re]), None)
            stacked = _rotate(both, psi)
            half = psi.re.shape[0]
            moved = _rotate(matrix, tangent)
            psi = Planar(stacked.re[:half], stacked.im[:half])
            tangent = Planar(moved.re + stacked.re[half:], moved.im + stacked.im[half:])
        return psi, tangent

    def apply_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        if not self.covers_all:
            return super().apply_many(constants, expanded, psis)
        for matrix in expanded:
            psis = _rotate_many(matrix, psis)
        # nothing fuses with a product; what follows it need not know its layout, and compiles once
        return jax.lax.optimization_barrier(psis)

    def invert_many(self, constants: Any, expanded: Any, psis: Planar) -> Planar:
        return self.apply_many(constants, [planar.adjoint(m) for m in expanded], psis)

    def turning(
        self, angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray
    ) -> list[Planar | None]:
        return group_generators(self.groups, angles, rates, mask)

    def births(self, turning: list[Planar | None], mask: np.ndarray, psi: Planar) -> Planar:
        pieces: list[list[Planar]] = [[] for _ in mask]
        blocks: list[Planar] = []
        order: list[int] = []
        for group, generator in zip(self.groups, turning, strict=True):
            if generator is None:
                continue
            rows = turning_rows(group, mask)
            born = _act_each(generator, psi, group.first)
            blocks.append(born)
            order += rows.tolist()
            for k, row in enumerate(rows):
                pieces[row].append(Planar(born.re[k], born.im[k]))
        if order == list(range(len(mask))):  # each direction turns one group, in order
            return Planar(*(jnp.concatenate(part) for part in zip(*blocks, strict=True)))
        sums = [functools.reduce(lambda a, b: Planar(a.re + b.re, a.im + b.im), piece) for piece in pieces]
        return Planar(*(jnp.stack(part) for part in zip(*sums, strict=True)))

    def _to_angles(
        self, angles: Float[Array, " a"], weights: list[Planar], environments: dict[int, Planar]
    ) -> Float[Array, " a"]:
        """The cotangent of the angles from the environments of the groups that they turn."""
        if not environments:
            return jnp.zeros_like(angles)
        groups = [self.groups[k] for k in environments]
        # the state before a group is M' psi, so the cotangent of M is E M
        pulled = [planar.matmul(e, weights[k]) for k, e in environments.items()]
        _, pull = jax.vjp(lambda a: group_matrices(groups, a), angles)
        return pull(pulled)[0]

    def cotangent(
        self, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> Float[Array, " a"]:
        environments = {
            k: _environment(psi, cotangent, g.first, g.width, weights[k].im is None)
            for k, g in enumerate(self.groups)
            if g.slots
        }
        return self._to_angles(angles, weights, environments)

    def retreat(
        self, constants: Any, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> tuple[Planar, Planar, Float[Array, " a"]]:
        if not self.covers_all:
            return super().retreat(constants, angles, weights, psi, cotangent)
        environments: dict[int, Planar] = {}
        for k in reversed(range(len(self.groups))):
            group, matrix = self.groups[k], weights[k]
            if group.slots:
                # the group's axis is the last one now, where the overlap needs no transposition
                before = self.n_qubits - group.width
                environments[k] = _environment(psi, cotangent, before, group.width, matrix.im is None)
            inverse = planar.adjoint(matrix)
            psi, cotangent = _rotate(inverse, psi), _rotate(inverse, cotangent)
        return psi, cotangent, self._to_angles(angles, weights, environments)


class DistantBlock(Step):
    """One matrix on two wires that are not neighbours."""

    def __init__(self, n_qubits: int, elements: list[Dense]):
        self.n_qubits = n_qubits
        a, b = sorted(elements[0].wires)
        self.wires = (a, b)
        # as if the two wires were 0 and 1
        place = {a: 0, b: 1}
        renamed = [Dense(tuple(place[q] for q in e.wires), e.kind, e.slots) for e in elements]
        self.group = Group([Piece((0, 1), renamed)])
        self.slots = self.group.slots
        self.shape = (1 << a, 2, 1 << (b - a - 1), 2, 1 << (n_qubits - b - 1))

    def _gathered(self, psi: Planar) -> Planar:
        return Planar(*(p.reshape(self.shape).transpose(1, 3, 0, 2, 4).reshape(-1) for p in psi))

    def _scattered(self, psi: Planar) -> Planar:
        s = self.shape
        inner = (2, 2, s[0], s[2], s[4])
        return Planar(*(p.reshape(inner).transpose(2, 0, 3, 1, 4).reshape(-1) for p in psi))

    def weights(self, angles: Float[Array, " a"]) -> Any:
        return group_matrices([self.group], angles)[0]

    def apply(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._scattered(_local(weights, self._gathered(psi), 0))

    def invert(self, constants: Any, weights: Any, psi: Planar) -> Planar:
        return self._scattered(_local(planar.adjoint(weights), self._gathered(psi), 0))

    def _as_blocks(self) -> Blocks:
        return Blocks(self.n_qubits, [self.group])

    def turning(self, angles: Float[Array, " a"], rates: Float[Array, " a"], mask: np.ndarray) -> Any:
        return self._as_blocks().turning(angles, rates, mask)

    def births(self, turning: Any, mask: np.ndarray, psi: Planar) -> Planar:
        return jax.vmap(self._scattered)(self._as_blocks().births(turning, mask, self._gathered(psi)))

    def cotangent(
        self, angles: Float[Array, " a"], weights: Any, psi: Planar, cotangent: Planar
    ) -> Float[Array, " a"]:
        return self._as_blocks().cotangent(angles, [weights], self._gathered(psi), self._gathered(cotangent))
