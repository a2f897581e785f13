"""The matrices of a noisy circuit's gates and channels, from angles and strengths, and the products of its blocks."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.gate_matrices import matrix
from circuits.noise import transfer
from circuits.noise.noise_model import NoiseModel
from circuits.noise.timeline import Block, Factor, Timeline


class _Sources:
    """Matrices on one wire and on two, each once, before they are put in their places."""

    def __init__(self) -> None:
        self.stacks: dict[int, list[Array]] = {1: [], 2: []}
        self.rows: dict[tuple[bool, int], tuple[int, int]] = {}

    def add(
        self, is_gate: bool, numbers: Sequence[int], arity: int, stack: Array, shared: bool = False
    ) -> None:
        """A stack (B, d, d): row k is that of ``numbers[k]``, or its only row that of all if ``shared``."""
        start = sum(len(part) for part in self.stacks[arity])
        self.stacks[arity].append(stack)
        for k, number in enumerate(numbers):
            self.rows[is_gate, number] = (arity, start if shared else start + k)

    def converted(self, convert: Callable[[Array], Array]) -> _Sources:
        """The same after a map of stacks (B, d, d)."""
        moved = _Sources()
        moved.rows = dict(self.rows)
        moved.stacks = {k: [convert(jnp.concatenate(v))] if v else [] for k, v in self.stacks.items()}
        return moved

    def placed(
        self, factors: Iterable[Factor], base: int, width: int
    ) -> tuple[list[Array], dict[Factor, int]]:
        """Stacks of the matrices of factors on the wires of their blocks, and where each stands in them."""
        places: dict[tuple[int, str], list[Factor]] = {}
        for factor in dict.fromkeys(factors):
            arity, _ = self.rows[factor.is_gate, factor.number]
            places.setdefault((arity, factor.place), []).append(factor)
        whole = {arity: jnp.concatenate(parts) for arity, parts in self.stacks.items() if parts}
        stacks: list[Array] = []
        where: dict[Factor, int] = {}
        count = 0
        for (arity, place), members in places.items():
            rows = [self.rows[f.is_gate, f.number][1] for f in members]
            distinct = sorted(set(rows))
            stacks.append(transfer.lifted(whole[arity][np.array(distinct)], place, base, width))
            where.update({f: count + distinct.index(row) for f, row in zip(members, rows, strict=True)})
            count += len(distinct)
        return stacks, where


def _unitaries(circuit: Circuit, angles: Float[Array, " angles"], numbers: Iterable[int]) -> _Sources:
    """The unitaries of gates: those of one kind are built together, fixed ones once and as constants."""
    starts = np.cumsum([0, *(len(op.angles) for op in circuit.ops)])
    kinds: dict[tuple[Any, ...], list[int]] = {}
    for number in dict.fromkeys(numbers):
        op = circuit.ops[number]
        values = tuple(a.offset for a in op.angles) if op.is_fixed else None
        kinds.setdefault((op.name, op.pauli, len(op.wires), values), []).append(number)
    found = _Sources()
    for (*_, arity, values), members in kinds.items():
        op = circuit.ops[members[0]]
        if values is not None:
            with jax.ensure_compile_time_eval():
                constant = np.asarray(matrix(op, jnp.asarray(np.array(values, angles.dtype))))
            found.add(True, members, arity, jnp.asarray(constant)[None], shared=True)
        else:
            at = np.array([starts[m] + np.arange(len(op.angles)) for m in members])
            found.add(True, members, arity, jax.vmap(functools.partial(matrix, op))(angles[at]))
    return found


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def block_products(
    timeline: Timeline, form: NoiseModel, angles: Float[Array, " angles"], strengths: Float[Array, " s"]
) -> Float[Array, "blocks D D"]:
    """The transfer matrix of every block, (blocks, 16, 16), or (blocks, 4, 4) for one qubit.

    That of a wide block is zero but for its first entry, the factor ``1 - p`` of the strings that it shrinks.
    """
    return _products(timeline, form, angles, strengths)


def _block_products_jvp(
    timeline: Timeline, form: NoiseModel, primals: Any, tangents: Any
) -> tuple[Array, Array]:
    # An angle stands in one block: the derivatives by the first angle of every block are one product, those by the
    # second another, and so on. Along many directions they are made once, where JAX's own rule would multiply blocks
    # again for each.
    angles, strengths = primals
    rates, drift = tangents
    value = _products(timeline, form, angles, strengths)
    total = jnp.zeros_like(value)
    slots = _angle_slots(timeline)
    if not isinstance(rates, SymbolicZero) and slots.size:
        there = slots >= 0
        directions = np.zeros((slots.shape[1], angles.shape[0]), angles.dtype)
        rows, places = np.nonzero(there)
        directions[places, slots[rows, places]] = 1.0

        def along(direction: Array) -> Array:
            return jax.jvp(lambda a: _products(timeline, form, a, strengths), (angles,), (direction,))[1]

        slopes = jax.vmap(along)(jnp.asarray(directions))
        own = rates[np.maximum(slots, 0)] * jnp.asarray(there, rates.dtype)
        total = total + jnp.einsum("bj,jbxy->bxy", own, slopes, precision=transfer.EXACT)
    if not isinstance(drift, SymbolicZero) and strengths.shape[0]:
        slopes = jax.jacfwd(lambda s: _products(timeline, form, angles, s))(strengths)
        total = total + jnp.einsum("bxys,s->bxy", slopes, drift, precision=transfer.EXACT)
    return value, total


block_products.defjvp(_block_products_jvp, symbolic_zeros=True)


def _angle_slots(timeline: Timeline) -> np.ndarray:
    """(blocks, most angles of a block): which angles a block has, -1 where there are no more."""
    starts = np.cumsum([0, *(len(op.angles) for op in timeline.circuit.ops)])
    held = []
    for block in timeline.blocks:
        gates = [] if block.wide else [f.number for f in block.factors if f.is_gate]
        free = [k for k in gates if not timeline.circuit.ops[k].is_fixed]
        held.append([i for k in free for i in range(starts[k], starts[k + 1])])
    slots = np.full((len(held), max((len(h) for h in held), default=0)), -1)
    for row, mine in enumerate(held):
        slots[row, : len(mine)] = mine
    return slots


def _products(
    timeline: Timeline, form: NoiseModel, angles: Float[Array, " angles"], strengths: Float[Array, " s"]
) -> Float[Array, "blocks D D"]:
    blocks, n = timeline.blocks, timeline.circuit.n_qubits
    width = min(2, n)
    size = 4**width
    dense = [f for b in blocks if not b.wide for f in b.factors]
    unitaries = _unitaries(timeline.circuit, angles, [f.number for f in dense if f.is_gate])
    sources = unitaries.converted(transfer.of_unitaries)
    parts = form.rule_strengths(strengths)
    for number in dict.fromkeys(f.number for f in dense if not f.is_gate):
        channel = form.rules[number].channel
        table = channel.transfer_matrix(parts[number]).astype(angles.dtype)
        sources.add(False, [number], channel.n_qubits, table[None])
    stacks, where = sources.placed(dense, 4, width)
    count = sum(len(s) for s in stacks)
    for k in dict.fromkeys(b.factors[0].number for b in blocks if b.wide):
        kept = (1.0 - parts[k][0]).astype(angles.dtype)
        stacks.append(jnp.zeros((1, size, size), angles.dtype).at[0, 0, 0].set(kept))
        where[Factor(False, k, "wide")] = count
        count += 1
    stacks.append(jnp.eye(size, dtype=angles.dtype)[None])
    return _multiplied(jnp.concatenate(stacks), _order(blocks, where, count))


def _order(blocks: Sequence[Block], where: dict[Factor, int], identity: int) -> np.ndarray:
    """(blocks, longest): rows of the stack of matrices, in the order in which they act."""
    longest = max((len(b.factors) for b in blocks), default=1)
    order = np.full((len(blocks), max(longest, 1)), identity, np.int32)
    for k, block in enumerate(blocks):
        if block.wide:
            order[k, 0] = where[Factor(False, block.factors[0].number, "wide")]
        else:
            order[k, : len(block.factors)] = [where[f] for f in block.factors]
    return order


def _multiplied(stack: Array, order: np.ndarray) -> Array:
    """Products of rows of a stack; the first column of ``order`` acts first."""
    first = stack[order[:, 0]]
    if order.shape[1] == 1:
        return first

    def step(total: Array, rows: Array) -> tuple[Array, None]:
        return jnp.matmul(stack[rows], total, precision=transfer.EXACT), None

    return jax.lax.scan(step, first, jnp.asarray(order[:, 1:].T))[0]


def unitary_products(timeline: Timeline, angles: Float[Array, " angles"]) -> Array:
    """The unitary of the gates of every block, complex (blocks, 4, 4), or (blocks, 2, 2) for one qubit."""
    blocks, n = timeline.blocks, timeline.circuit.n_qubits
    gates = [f for b in blocks for f in b.factors]
    stacks, where = _unitaries(timeline.circuit, angles, [f.number for f in gates]).placed(
        gates, 2, min(2, n)
    )
    count = sum(len(s) for s in stacks)
    dtype = jnp.complex128 if angles.dtype == jnp.float64 else jnp.complex64
    stacks.append(jnp.eye(2 ** min(2, n), dtype=dtype)[None])
    plain = [b._replace(wide=False) for b in blocks]
    return _multiplied(jnp.concatenate(stacks), _order(plain, where, count))


def kraus_tables(
    timeline: Timeline, form: NoiseModel, strengths: Float[Array, " s"], dtype: Any
) -> tuple[Array, dict[Factor, int]]:
    """Kraus operators of every channel at every place, (C, K, d, d) filled up with zeros, and which is which."""
    parts, width = form.rule_strengths(strengths), min(2, timeline.circuit.n_qubits)
    found: list[Array] = []
    where: dict[Factor, int] = {}
    for block in timeline.blocks:
        factor = block.channel
        if factor is None or block.wide or factor in where:
            continue
        kraus = form.rules[factor.number].channel.kraus(parts[factor.number]).astype(dtype)
        where[factor] = len(found)
        found.append(transfer.lifted(kraus, factor.place, 2, width))
    most = max((len(k) for k in found), default=1)
    size = 2**width
    if not found:
        return jnp.zeros((1, 1, size, size), dtype), where
    return jnp.stack([jnp.pad(k, ((0, most - len(k)), (0, 0), (0, 0))) for k in found]), where
