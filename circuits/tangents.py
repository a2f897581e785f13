"""All derivatives of a circuit's state at once, in a frame that keeps their inner products.

Metrics need the Gram matrix of the tangents d_i|psi>, which no common unitary changes. So the tangents are brought
to the *middle* of the circuit instead of its end: those born in the first half are carried forward, those born in the
second half backward, half of the work of carrying all to the end. A tangent is born at its own gate from the state
there, by its generator (a small matrix or a phase), not by differentiating the circuit.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.planar import Planar
from circuits.program import RepeatedSegment, compile_circuit
from circuits.statevector import zero_state

if TYPE_CHECKING:
    from circuits.circuit import Circuit


class _Births(NamedTuple):
    """Where the tangents of a segment are born: for each step a mask of directions, (rows, angles of the body)."""

    masks: tuple[np.ndarray, ...]
    parameters: np.ndarray  # (repeats, rows): the parameter of each row, -1 for none

    @property
    def rows(self) -> int:
        return self.parameters.shape[1]


class _Part(NamedTuple):
    """Some repeats of a segment, and what the loops over them read."""

    segment: RepeatedSegment
    births: _Births
    repeats: int
    constants: Any
    # one per step, every array with a leading axis of repeats
    expanded: list[Any]
    turning: list[Any]


def _births(segment: RepeatedSegment, index: np.ndarray) -> _Births:
    """Group the angles of each step by the parameter they share, where every repeat shares alike."""
    own = index[segment.first_angle : segment.first_angle + segment.repeats * segment.body_angles]
    table = own.reshape(segment.repeats, segment.body_angles)
    masks: list[np.ndarray] = []
    parameters: list[np.ndarray] = []
    for step in segment.steps:
        slots = np.array(sorted(s for s in step.slots if (table[:, s] >= 0).any()), np.int64)
        labels = np.arange(len(slots))
        if len(slots):
            first = np.array([np.flatnonzero(table[0, slots] == p)[0] for p in table[0, slots]])
            if (table[:, slots] == table[:, slots[first]]).all() and (table[:, slots] >= 0).all():
                labels = first
        mask = np.zeros((len(set(labels.tolist())), segment.body_angles), bool)
        for row, label in enumerate(sorted(set(labels.tolist()))):
            mask[row, slots[labels == label]] = True
            parameters.append(table[:, slots[label]])
        masks.append(mask)
    stacked = np.stack(parameters, 1) if parameters else np.zeros((segment.repeats, 0), np.int64)
    return _Births(tuple(masks), stacked)


@functools.lru_cache(maxsize=512)
def _plan(circuit: Circuit) -> tuple[tuple[_Births, ...], tuple[int, int]] | None:
    """Births of every segment and the middle (segment, repeat); None where a segment has no steps to differentiate."""
    program = compile_circuit(circuit)
    if not all(isinstance(s, RepeatedSegment) for s in program.segments):
        return None
    index = circuit.angle_table.index
    index = index if program.angle_order is None else index[program.angle_order]
    births = tuple(_births(s, index) for s in program.segments if isinstance(s, RepeatedSegment))
    total = sum(b.parameters.size for b in births)
    seen = 0
    for k, b in enumerate(births):
        if 2 * (seen + b.parameters.size) >= total:
            repeats = -(-(total - 2 * seen) // max(2 * b.rows, 1))
            return births, (k, int(np.clip(repeats, 0, len(b.parameters))))
        seen += b.parameters.size
    return births, (len(births), 0)


def _part(segment: RepeatedSegment, births: _Births, angles: Array, rates: Array) -> _Part:
    """Everything that the loops over repeats read, computed for all repeats at once."""
    constants = segment.constants(angles.dtype)
    rows = segment.prepare(angles)
    expanded = [
        jax.vmap(functools.partial(step.expanded, constant), axis_size=segment.repeats)(weights)
        for step, constant, weights in zip(segment.steps, constants, rows.weights, strict=True)
    ]
    turning = [
        jax.vmap(functools.partial(step.turning, mask=mask))(rows.angles, segment.own(rates))
        if len(mask)
        else ()
        for step, mask in zip(segment.steps, births.masks, strict=True)
    ]
    return _Part(segment, births, segment.repeats, constants, expanded, turning)


def _join(parts: list[Planar]) -> Planar:
    return parts[0] if len(parts) == 1 else Planar(*(jnp.concatenate(p) for p in zip(*parts, strict=True)))


def _at(tree: Any, r: Any) -> Any:
    return jax.tree.map(
        lambda a: jax.lax.dynamic_index_in_dim(a, r, keepdims=False, allow_negative_indices=False), tree
    )


def _carry(part: _Part, psis: Planar, start: Any, stop: Any) -> Planar:
    """The batch through repeats start, ..., stop - 1."""

    def body(r: Array, batch: Planar) -> Planar:
        for step, constant, weights in zip(
            part.segment.steps, part.constants, _at(part.expanded, r), strict=True
        ):
            batch = step.apply_many(constant, weights, batch)
        return batch

    return jax.lax.fori_loop(start, stop, body, psis)


def _carry_back(part: _Part, psis: Planar, start: Any, stop: Any) -> Planar:
    """The batch back through repeats start - 1, ..., stop."""

    # the counter runs down by itself, so that reading the tables is what it is in `_carry`
    def body(carry: tuple[Array, Planar]) -> tuple[Array, Planar]:
        r, batch = carry
        for step, constant, weights in zip(
            reversed(part.segment.steps),
            reversed(part.constants),
            reversed(_at(part.expanded, r)),
            strict=True,
        ):
            batch = step.invert_many(constant, weights, batch)
        return r - 1, batch

    return jax.lax.while_loop(lambda carry: carry[0] >= stop, body, (jnp.asarray(start) - 1, psis))[1]


def _born(part: _Part, r: Any, psi: Planar) -> tuple[Planar, Planar | None]:
    """The state after repeat ``r`` and its tangents, in the frame after the repeat."""
    expanded, turning = _at((part.expanded, part.turning), r)
    tangents: list[Planar] = []
    for k, step in enumerate(part.segment.steps):
        constant, mask = part.constants[k], part.births.masks[k]
        # a barrier, else XLA computes the state again for each of its uses
        after = jax.lax.optimization_barrier(step.apply_expanded(constant, expanded[k], psi))
        early = (
            len(mask) and step.is_diagonal
        )  # its generators commute with it: what carries the others serves
        if early:
            tangents.append(step.births(turning[k], mask, psi))
        if tangents:
            tangents = [step.apply_many(constant, expanded[k], _join(tangents))]
        if len(mask) and not early:
            tangents.append(step.births(turning[k], mask, after))
        psi = after
    return psi, _join(tangents) if tangents else None


def _born_backward(part: _Part, psi: Planar) -> tuple[Planar, Planar | None]:
    """The state after the only repeat of a part, and its tangents in the frame before it."""
    expanded, turning = _at((part.expanded, part.turning), 0)
    born: list[Planar | None] = []
    for k, step in enumerate(part.segment.steps):
        psi = step.apply_expanded(part.constants[k], expanded[k], psi)
        mask = part.births.masks[k]
        born.append(step.births(turning[k], mask, psi) if len(mask) else None)
    tangents: list[Planar] = []
    for k in reversed(range(len(born))):
        new = born[k]
        tangents = tangents if new is None else [new, *tangents]
        if tangents:
            tangents = [part.segment.steps[k].invert_many(part.constants[k], expanded[k], _join(tangents))]
    return psi, _join(tangents) if tangents else None


def _repeats(part: _Part, psi: Planar, middle: int) -> tuple[Planar, Planar, Planar | None]:
    """The states after ``middle`` repeats of the part and after all, and all tangents in the frame of the former.

    One loop for both sides of the middle, since its kernels cost more to compile than to run: a tangent is born into
    the frame after its repeat, and carried from there forward through what precedes the middle, or backward.
    """
    n = part.repeats
    if n == 1:
        after, tangents = _born(part, 0, psi) if middle else _born_backward(part, psi)
        return after if middle else psi, after, tangents

    # the counter is part of the state: were it scanned over, reading it would be a kernel in every index
    def body(
        states: tuple[Planar, Planar, Array], _: None
    ) -> tuple[tuple[Planar, Planar, Array], Planar | None]:
        at_middle, state, r = states
        state, tangents = _born(part, r, state)
        if tangents is not None and middle > 0:
            tangents = _carry(part, tangents, r + 1, middle)
        if tangents is not None and middle < n:
            tangents = _carry_back(part, tangents, r + 1, middle)
        if 0 < middle < n:
            at_middle = jax.tree.map(lambda new, old: jnp.where(r < middle, new, old), state, at_middle)
        return (at_middle, state, r + 1), tangents

    (at_middle, after, _), tangents = jax.lax.scan(body, (psi, psi, jnp.asarray(0)), length=n)
    if tangents is not None:
        tangents = Planar(*(t.reshape(-1, t.shape[-1]) for t in tangents))
    return after if middle == n else at_middle, after, tangents


@functools.lru_cache(maxsize=512)
def row_parameters(circuit: Circuit) -> np.ndarray:
    """The parameter of every row of `rows`, (R,); -1 where a row is zero."""
    plan = _plan(circuit)
    if plan is None:
        return np.arange(circuit.n_parameters)
    return np.concatenate([b.parameters.reshape(-1) for b in plan[0]] or [np.zeros(0, np.int64)])


def rows(circuit: Circuit, theta: Float[Array, " P"], x: Array | None = None) -> tuple[Planar, Planar]:
    """The state and derivatives of it, in one common unitary frame: real and imaginary parts, (2^n,) and (R, 2^n).

    Row r belongs to parameter ``row_parameters(circuit)[r]``; a parameter that several gates share may have several
    rows, whose sum is its tangent. Inner products are those of the final state and its tangents; nothing else is.
    Traceable; ``circuit`` is static.
    """
    plan = _plan(circuit)
    if plan is None:
        return _by_forward_mode(circuit, theta, x)
    births, (middle, repeat) = plan
    program = compile_circuit(circuit)
    angles, rates = jax.jvp(lambda t: circuit.angles(t, x), (theta,), (jnp.ones_like(theta),))
    angles, rates = program.ordered(angles), program.ordered(rates)
    parts = [
        _part(s, b, angles, rates)
        for s, b in zip(program.segments, births, strict=True)
        if isinstance(s, RepeatedSegment)
    ]
    psi = at_middle = zero_state(circuit.n_qubits, theta.dtype)
    found: list[Planar] = []
    for k, part in enumerate(parts):
        before = part.repeats if k < middle else repeat if k == middle else 0
        if found and before:
            found = [_carry(part, _join(found), 0, before)]
        at_end, psi, born = _repeats(part, psi, before)
        if k <= middle:
            at_middle = at_end
        if born is None:
            continue
        for j in reversed(range(middle, k)):
            stop = repeat if j == middle else 0
            if stop < parts[j].repeats:
                born = _carry_back(parts[j], born, parts[j].repeats, stop)
        found.append(born)
    if not found:
        empty = jnp.zeros((0, 1 << circuit.n_qubits), theta.dtype)
        return at_middle, Planar(empty, empty)
    return at_middle, _join(found)


def _by_forward_mode(circuit: Circuit, theta: Float[Array, " P"], x: Array | None) -> tuple[Planar, Planar]:
    """In the frame of the final state, by forward mode over all parameters."""

    def state(t: Array) -> Planar:
        vector = circuit(t, x).vector
        return Planar(vector.real, vector.imag)

    psi, push = jax.linearize(state, theta)
    return psi, jax.vmap(push)(jnp.eye(circuit.n_parameters, dtype=theta.dtype))
