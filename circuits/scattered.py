"""Circuits in which nothing repeats: one loop over elements whose wires are data, so length costs no compilation."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits import planar, small_matrices
from circuits.lowering import Dense, Flip, Phase, lower
from circuits.planar import Planar

_PHASE, _FLIP, _ONE, _TWO = range(4)


class Row(NamedTuple):
    """One element: masks say where it acts, ``phase`` and ``matrix`` what it does."""

    kind: Array
    first: Array  # z mask of a phase, controls of a flip, bit of the first wire of a matrix
    second: Array  # b mask of a phase, target of a flip, bit of the second wire of a matrix
    phase: Array
    matrix: Planar


def _bit(n_qubits: int, q: int) -> int:
    return 1 << (n_qubits - 1 - q)


class ScatteredSegment:
    """Elements one by one: ``repeats`` of them, each a row of data."""

    def __init__(self, n_qubits: int, ops: list[Any], first_angle: int, n_angles: int):
        self.n_qubits = n_qubits
        self.first_angle = first_angle
        self.n_angles = n_angles
        elements: list[Phase | Flip | Dense] = []
        slot = 0
        for op in ops:
            elements += lower(op, slot)
            slot += len(op.angles)
        self.repeats = len(elements)
        self.kind = np.zeros(len(elements), np.int32)
        self.first = np.zeros(len(elements), np.uint32)
        self.second = np.zeros(len(elements), np.uint32)
        self.scale = np.zeros(len(elements))
        self.slot = np.full(len(elements), -1, np.int32)
        self.dense: dict[str, tuple[list[int], list[tuple[int, ...]]]] = {}
        for row, e in enumerate(elements):
            if isinstance(e, Phase):
                self.first[row] = sum(_bit(n_qubits, q) for q in e.z)
                self.second[row] = sum(_bit(n_qubits, q) for q in e.b)
                self.scale[row] = e.scale
                self.slot[row] = -1 if e.slot is None else e.slot
            elif isinstance(e, Flip):
                self.kind[row] = _FLIP
                self.first[row] = sum(_bit(n_qubits, q) for q in e.controls)
                self.second[row] = _bit(n_qubits, e.target)
            else:
                self.kind[row] = _ONE if len(e.wires) == 1 else _TWO
                self.first[row] = _bit(n_qubits, e.wires[0])
                self.second[row] = _bit(n_qubits, e.wires[-1])
                rows, slots = self.dense.setdefault(e.kind, ([], []))
                rows.append(row)
                slots.append(e.slots)

    def prepare(self, angles: Float[Array, " a"]) -> Row:
        """All rows, from the angles of the segment."""
        dtype = angles.dtype
        own = angles[self.first_angle : self.first_angle + self.n_angles]
        values = jnp.append(own, jnp.ones(1, dtype))
        phase = jnp.asarray(self.scale, dtype) * values[self.slot]
        re = jnp.zeros((self.repeats, 4, 4), dtype)
        im = jnp.zeros((self.repeats, 4, 4), dtype)
        for kind, (rows, slots) in self.dense.items():
            index = np.array(slots, np.int32).reshape(len(rows), -1)
            matrix = small_matrices.matrices(kind, own[index], dtype)
            size = matrix.re.shape[-1]
            where = np.array(rows)
            re = re.at[where, :size, :size].set(matrix.re)
            if matrix.im is not None:
                im = im.at[where, :size, :size].set(matrix.im)
        return Row(
            jnp.asarray(self.kind), jnp.asarray(self.first), jnp.asarray(self.second), phase, Planar(re, im)
        )

    def constants(self, dtype: Any) -> Any:
        return ()

    def body(self, constants: Any, row: Row, psi: Planar) -> Planar:
        x = jax.lax.iota(jnp.uint32, 1 << self.n_qubits)

        def take(index: Array) -> Planar:
            return Planar(*(p.at[index].get(mode="promise_in_bounds") for p in psi))

        def phase() -> Planar:
            odd = jax.lax.population_count(x & row.first) & jnp.uint32(1)
            f = jnp.where((x & row.second) == row.second, 1.0 - 2.0 * odd.astype(psi.re.dtype), 0.0)
            angle = row.phase * f.astype(psi.re.dtype)
            return planar.multiply(psi, Planar(jnp.cos(angle), jnp.sin(angle)))

        def flip() -> Planar:
            return take(jnp.where((x & row.first) == row.first, x ^ row.second, x))

        def matrix(bits: list[Array]) -> Planar:
            size = 1 << len(bits)
            total = jnp.zeros((), jnp.uint32)
            mine = jnp.zeros_like(x)
            for bit in bits:
                mine = 2 * mine + ((x & bit) != 0).astype(jnp.uint32)
                total = total | bit
            result: Planar | None = None
            for j in range(size):
                there = x & ~total
                for k, bit in enumerate(bits):
                    if j >> (len(bits) - 1 - k) & 1:
                        there = there | bit
                coefficient = Planar(*(p[:size, j][mine] for p in row.matrix))
                term = planar.multiply(coefficient, take(there))
                result = term if result is None else Planar(result.re + term.re, result.im + term.im)
            assert result is not None
            return result

        return jax.lax.switch(
            row.kind,
            [phase, flip, lambda: matrix([row.first]), lambda: matrix([row.first, row.second])],
        )

    def push(
        self, constants: Any, row: Row, rate: Row, psi: Planar, tangent: Planar
    ) -> tuple[Planar, Planar]:
        """One element of the state and a tangent; ``rate`` is the tangent of the row."""

        def act(phase: Array, matrix: Planar, state: Planar) -> Planar:
            return self.body(constants, row._replace(phase=phase, matrix=matrix), state)

        return jax.jvp(act, (row.phase, row.matrix, psi), (rate.phase, rate.matrix, tangent))

    def undo(self, constants: Any, row: Row, psi: Planar) -> Planar:
        inverse = row._replace(phase=-row.phase, matrix=planar.adjoint(row.matrix))
        return self.body(constants, inverse, psi)

    def sweep(
        self, constants: Any, row: Row, psi: Planar, cotangent: Planar
    ) -> tuple[Planar, Planar, tuple[Array, Planar]]:
        """One step of the reverse sweep: the state and its cotangent before the element, and the row's cotangent."""
        before = self.undo(constants, row, psi)
        _, pull = jax.vjp(
            lambda p, m, s: self.body(constants, row._replace(phase=p, matrix=m), s),
            row.phase,
            row.matrix,
            before,
        )
        phase, matrix, earlier = pull(cotangent)
        return before, earlier, (phase, matrix)

    def pull(self, angles: Float[Array, " all"], pulled: tuple[Array, Planar]) -> Float[Array, " all"]:
        """The cotangent of all angles from those of the rows."""
        _, back = jax.vjp(lambda a: self.prepare(a)[3:], angles)
        return back(pulled)[0]
