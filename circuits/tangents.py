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
from circuits.program import Program, RepeatedSegment, compile_circuit
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
    """Some repeats of a segment: angles and their derivatives, (repeats, angles of the body)."""

    segment: RepeatedSegment
    births: _Births
    angles: Array
    rates: Array
    constants: Any


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


def _parts(circuit: Circuit, program: Program, births: tuple[_Births, ...], angles: Array, rates: Array) -> list[_Part]:
    return [
        _Part(s, b, s.prepare(angles), s.prepare(rates), s.constants(angles.dtype))
        for s, b in zip(program.segments, births, strict=True)
        if isinstance(s, RepeatedSegment)
    ]


def _cut(part: _Part, start: int, stop: int) -> _Part:
    births = part.births._replace(parameters=part.births.parameters[start:stop])
    return part._replace(births=births, angles=part.angles[start:stop], rates=part.rates[start:stop])


def _join(parts: list[Planar], dim: int, dtype: Any) -> Planar:
    if not parts:
        return Planar(jnp.zeros((0, dim), dtype), jnp.zeros((0, dim), dtype))
    return parts[0] if len(parts) == 1 else Planar(*(jnp.concatenate(p) for p in zip(*parts, strict=True)))


def _apply_many(part: _Part, angles: Array, psis: Planar) -> Planar:
    for step, constant in zip(part.segment.steps, part.constants, strict=True):
        psis = step.apply_many(constant, step.weights(angles), psis)
    return psis


def _invert_many(part: _Part, angles: Array, psis: Planar) -> Planar:
    for step, constant in zip(reversed(part.segment.steps), reversed(part.constants), strict=True):
        psis = step.invert_many(constant, step.weights(angles), psis)
    return psis


def _carry(part: _Part, psis: Planar, start: Any, stop: Any) -> Planar:
    """The batch through repeats start, ..., stop - 1."""
    return jax.lax.fori_loop(start, stop, lambda r, t: _apply_many(part, part.angles[r], t), psis)


def _carry_back(part: _Part, psis: Planar, stop: Any) -> Planar:
    """The batch back through repeats stop - 1, ..., 0."""
    return jax.lax.fori_loop(0, stop, lambda k, t: _invert_many(part, part.angles[stop - 1 - k], t), psis)


def _born(part: _Part, angles: Array, rates: Array, psi: Planar, backward: bool) -> tuple[Planar, Planar]:
    """The state after one repeat, and its tangents in the frame after the repeat (or before it, if backward)."""
    dtype, dim = psi.re.dtype, psi.re.shape[0]
    born: list[Planar | None] = []
    weights = [step.weights(angles) for step in part.segment.steps]
    steps = list(zip(part.segment.steps, part.constants, weights, part.births.masks, strict=True))
    if not backward:
        tangents: list[Planar] = []
        for step, constant, weight, mask in steps:
            psi = step.apply(constant, weight, psi)
            if tangents:
                tangents = [step.apply_many(constant, weight, _join(tangents, dim, dtype))]
            if len(mask):
                tangents.append(step.births(angles, jnp.asarray(mask, dtype) * rates, psi))
        return psi, _join(tangents, dim, dtype)
    for step, constant, weight, mask in steps:
        psi = step.apply(constant, weight, psi)
        born.append(step.births(angles, jnp.asarray(mask, dtype) * rates, psi) if len(mask) else None)
    collected: list[Planar] = []
    for (step, constant, weight, _), new in zip(reversed(steps), reversed(born), strict=True):
        if new is not None:
            collected = [new, *collected]
        if collected:
            collected = [step.invert_many(constant, weight, _join(collected, dim, dtype))]
    return psi, _join(collected, dim, dtype)


def _repeats(part: _Part, psi: Planar, backward: bool) -> tuple[Planar, Planar]:
    """The state after the part, and its tangents in the frame at the part's end (or start, if backward)."""
    n = part.angles.shape[0]
    if n == 1:
        return _born(part, part.angles[0], part.rates[0], psi, backward)

    def body(state: Planar, r: Array) -> tuple[Planar, Planar]:
        state, tangents = _born(part, part.angles[r], part.rates[r], state, backward)
        if not part.births.rows:
            return state, tangents
        return state, _carry_back(part, tangents, r) if backward else _carry(part, tangents, r + 1, n)

    psi, tangents = jax.lax.scan(body, psi, jnp.arange(n))
    return psi, Planar(*(t.reshape(-1, t.shape[-1]) for t in tangents))


@functools.partial(jax.jit, static_argnums=(0, 3))
def _tangents(
    circuit: Circuit, theta: Float[Array, " P"], x: Array | None, frame: str
) -> tuple[Planar, Planar]:
    plan = _plan(circuit)
    if plan is None or frame == "end":
        return _by_forward_mode(circuit, theta, x)
    births, (middle, repeat) = plan
    program = compile_circuit(circuit)
    angles, rates = jax.jvp(lambda t: circuit.angles(t, x), (theta,), (jnp.ones_like(theta),))
    parts = _parts(circuit, program, births, program.ordered(angles), program.ordered(rates))
    first = parts[:middle]
    last = parts[middle + 1 :]
    if middle < len(parts):
        whole = parts[middle]
        if repeat > 0:
            first = [*first, _cut(whole, 0, repeat)]
        if repeat < whole.angles.shape[0]:
            last = [_cut(whole, repeat, whole.angles.shape[0]), *last]
    dtype, dim = theta.dtype, 1 << circuit.n_qubits
    psi = zero_state(circuit.n_qubits, dtype)
    rows: list[Planar] = []
    for part in first:
        if rows:
            rows = [_carry(part, _join(rows, dim, dtype), 0, part.angles.shape[0])]
        psi, born = _repeats(part, psi, backward=False)
        if part.births.rows:
            rows.append(born)
    at_middle = psi
    for k, part in enumerate(last):
        psi, born = _repeats(part, psi, backward=True)
        if not part.births.rows:
            continue
        for earlier in reversed(last[:k]):
            born = _carry_back(earlier, born, earlier.angles.shape[0])
        rows.append(born)
    index = np.concatenate([p.births.parameters.reshape(-1) for p in [*first, *last]])
    return at_middle, _by_parameter(_join(rows, dim, dtype), index, circuit.n_parameters)


def _by_parameter(rows: Planar, index: np.ndarray, n_parameters: int) -> Planar:
    """Rows in the order of the parameters; rows of a shared parameter add up."""
    if len(index) == n_parameters and len(np.unique(index)) == n_parameters and (index >= 0).all():
        if (index == np.arange(n_parameters)).all():
            return rows
        order = np.argsort(index)
        return Planar(*(r[order] for r in rows))
    used = index >= 0

    def add(r: Array) -> Array:
        return jnp.zeros((n_parameters, r.shape[1]), r.dtype).at[index[used]].add(r if used.all() else r[used])

    return Planar(*(add(r) for r in rows))


def _by_forward_mode(circuit: Circuit, theta: Float[Array, " P"], x: Array | None) -> tuple[Planar, Planar]:
    """In the frame of the final state, by forward mode over all parameters."""

    def state(t: Array) -> Planar:
        vector = circuit(t, x).vector
        return Planar(vector.real, vector.imag)

    psi, push = jax.linearize(state, theta)
    return psi, jax.vmap(push)(jnp.eye(circuit.n_parameters, dtype=theta.dtype))


def tangents(
    circuit: Circuit, theta: Float[Array, " P"], x: Array | None = None, frame: str = "middle"
) -> tuple[Planar, Planar]:
    """The state and its derivative along every parameter, in one common unitary frame.

    Args:
        circuit: the circuit.
        theta: parameters, real (P,).
        x: the circuit's input, if it takes one.
        frame: "middle", where inner products alone matter (metrics of states); "end" for the final state itself.

    Returns:
        ``(psi, tangents)`` as real and imaginary parts, of shapes (2^n,) and (P, 2^n).
    """
    return _tangents(circuit, theta, x, frame)
