"""A circuit compiled: segments, each one body of steps that a loop repeats with new angles."""

from __future__ import annotations

import functools
import itertools
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from circuits.gates import Op
from circuits.planar import Planar
from circuits.repeats import Run, tandem_repeats
from circuits.scattered import ScatteredSegment
from circuits.schedule import schedule
from circuits.step import Step

if TYPE_CHECKING:
    from circuits.circuit import Circuit

#: A body of more steps than this is a loop over elements instead of straight-line code.
LONGEST_BODY = 96


class Row(NamedTuple):
    """One repeat of a body: its angles, and the small matrices and phases that follow from them, one per step."""

    angles: Float[Array, " a"]
    weights: list[Any]


class RepeatedSegment:
    """A body of steps, repeated with new angles."""

    def __init__(self, steps: tuple[Step, ...], repeats: int, first_angle: int, body_angles: int):
        self.steps = steps
        self.repeats = repeats
        self.first_angle = first_angle
        self.body_angles = body_angles

    def own(self, angles: Float[Array, " all"]) -> Float[Array, "repeats a"]:
        """The angles of this segment, one row per repeat."""
        mine = angles[self.first_angle : self.first_angle + self.repeats * self.body_angles]
        return mine.reshape(self.repeats, self.body_angles)

    def prepare(self, angles: Float[Array, " all"]) -> Row:
        """All rows, computed before the loop: inside it XLA would recompute sines for every amplitude."""
        rows = self.own(angles)

        def weights(row: Float[Array, " a"]) -> list[Any]:
            return [step.weights(row) for step in self.steps]

        if self.repeats > 1:
            return Row(rows, jax.vmap(weights, axis_size=self.repeats)(rows))
        # Without a loop a branch on data keeps the weights from being fused into passes over the state.
        one = jax.lax.cond(
            jnp.isfinite(jnp.sum(rows)),
            lambda: weights(rows[0]),
            lambda: jax.tree.map(
                lambda w: jnp.full(w.shape, jnp.nan, w.dtype), jax.eval_shape(weights, rows[0])
            ),
        )
        return Row(rows, jax.tree.map(lambda w: w[None], one))

    def constants(self, dtype: Any) -> list[Any]:
        return [step.constants(dtype) for step in self.steps]

    def body(self, constants: list[Any], row: Row, psi: Planar) -> Planar:
        for step, constant, weights in zip(self.steps, constants, row.weights, strict=True):
            psi = step.apply(constant, weights, psi)
        return psi

    def push(
        self, constants: list[Any], row: Row, rate: Row, psi: Planar, tangent: Planar
    ) -> tuple[Planar, Planar]:
        """One repeat of the state and a tangent; ``rate`` is the tangent of the row."""
        for step, constant, weights, rates in zip(
            self.steps, constants, row.weights, rate.weights, strict=True
        ):
            psi, tangent = step.push(constant, weights, rates, psi, tangent)
        return psi, tangent

    def sweep(
        self, constants: list[Any], row: Row, psi: Planar, cotangent: Planar
    ) -> tuple[Planar, Planar, Float[Array, " a"]]:
        """One repeat of the reverse sweep: the state and its cotangent before the body, and the angles' cotangent."""
        pulled = jnp.zeros_like(row.angles)
        for step, constant, weights in zip(
            reversed(self.steps), reversed(constants), reversed(row.weights), strict=True
        ):
            psi, cotangent, part = step.retreat(constant, row.angles, weights, psi, cotangent)
            pulled = pulled + part
        return psi, cotangent, pulled

    def pull(self, angles: Float[Array, " all"], pulled: Float[Array, "repeats a"]) -> Float[Array, " all"]:
        """The cotangent of all angles from those of the rows."""
        start = self.first_angle
        return jnp.zeros_like(angles).at[start : start + pulled.size].set(pulled.reshape(-1))


Segment = RepeatedSegment | ScatteredSegment


class Program:
    """The segments of a circuit, and the order in which its angles appear in them."""

    def __init__(self, n_qubits: int, segments: tuple[Segment, ...], angle_order: np.ndarray | None):
        self.n_qubits = n_qubits
        self.segments = segments
        self.angle_order = angle_order

    def ordered(self, angles: Float[Array, " all"]) -> Float[Array, " all"]:
        """Angles in the program's order, from those in the order of the circuit's gates."""
        return angles if self.angle_order is None else angles[self.angle_order]


def _keys(ops: tuple[Op, ...]) -> np.ndarray:
    """Equal integers for gates that are interchangeable: same name, wires and Pauli string."""
    numbers: dict[tuple[Any, ...], int] = {}
    return np.array([numbers.setdefault((op.name, op.wires, op.pauli), len(numbers)) for op in ops], np.int64)


def _segments(n_qubits: int, ops: tuple[Op, ...], runs: list[Run]) -> tuple[Segment, ...]:
    counts = np.array([len(op.angles) for op in ops], np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    segments: list[Segment] = []
    for run in runs:
        stop = run.start + run.period * run.repeats
        body = ops[run.start : run.start + run.period]
        first, angles = int(starts[run.start]), int(starts[run.start + run.period] - starts[run.start])
        # scheduling a very long body only to find it too long would be wasted work
        steps = schedule(n_qubits, body) if len(body) <= 40 * LONGEST_BODY else ()
        if 0 < len(steps) <= LONGEST_BODY or not body:
            segments.append(RepeatedSegment(steps, run.repeats, first, angles))
        elif all(op.name == "I" for op in body):
            continue
        else:
            n_angles = int(starts[stop] - starts[run.start])
            segments.append(ScatteredSegment(n_qubits, list(ops[run.start : stop]), first, n_angles))
    return tuple(segments)


def _angle_order(ops: tuple[Op, ...], order: np.ndarray) -> np.ndarray:
    counts = [len(op.angles) for op in ops]
    starts = [0, *itertools.accumulate(counts)]
    return np.array([starts[k] + j for k in order.tolist() for j in range(counts[k])], np.int64)


def _canonical_order(ops: tuple[Op, ...], n_qubits: int) -> np.ndarray:
    """Gates by the moment in which they can act, then by wires: equal layers look equal however they were written."""
    free = [0] * n_qubits
    moments = []
    for op in ops:
        moment = max(free[q] for q in op.wires)
        moments.append(moment)
        for q in op.wires:
            free[q] = moment + 1
    return np.array(sorted(range(len(ops)), key=lambda k: (moments[k], ops[k].wires)), np.int64)


def _work(runs: list[Run]) -> int:
    """Gates that remain to be compiled."""
    return sum(r.period for r in runs)


@functools.lru_cache(maxsize=512)
def compile_circuit(circuit: Circuit) -> Program:
    """The program of a whole circuit, its repeats found."""
    ops = circuit.ops
    runs = tandem_repeats(_keys(ops))
    order = None
    if _work(runs) > 64 and 2 * _work(runs) > len(ops):
        candidate = _canonical_order(ops, circuit.n_qubits)
        sorted_ops = tuple(ops[k] for k in candidate)
        sorted_runs = tandem_repeats(_keys(sorted_ops))
        if 2 * _work(sorted_runs) < _work(runs):
            ops, runs, order = sorted_ops, sorted_runs, _angle_order(ops, candidate)
    return Program(circuit.n_qubits, _segments(circuit.n_qubits, ops, runs), order)


@functools.lru_cache(maxsize=512)
def compile_layers(circuit: Circuit) -> Program:
    """The program in which every repeat of a segment is one layer of the circuit: for the curve layer by layer."""
    order = np.argsort(np.asarray(circuit.layer_of, np.int64), kind="stable")
    ops = tuple(circuit.ops[k] for k in order)
    keys = _keys(ops)
    runs: list[Run] = []
    start = 0
    for size in circuit.layers:
        previous = runs[-1] if runs else None
        if (
            previous is not None
            and previous.period == size
            and np.array_equal(keys[previous.start : previous.start + size], keys[start : start + size])
        ):
            runs[-1] = previous._replace(repeats=previous.repeats + 1)
        else:
            runs.append(Run(start, size, 1))
        start += size
    counts = np.array([len(op.angles) for op in ops], np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    segments = tuple(
        RepeatedSegment(
            schedule(circuit.n_qubits, ops[r.start : r.start + r.period]),
            r.repeats,
            int(starts[r.start]),
            int(starts[r.start + r.period] - starts[r.start]),
        )
        for r in runs
    )
    return Program(circuit.n_qubits, segments, _angle_order(circuit.ops, order))
