r"""The quantum Fisher matrix from Hadamard tests: inner products of derivatives, read off one ancilla.

A gate with generator ``G = sum_k g_k P_k`` (Pauli strings) has ``d psi = -i V G W |0>``, W up to the gate and V after
it. For two places a, b with strings P, P' (Romero et al., Quantum Sci. Technol. 4, 014008 (2018); Li and Benjamin, PRX
7, 021050 (2017))

    F_ij = 4 sum over places of i, j of factors * ( Re<d_a psi|d_b psi> - <G_a><G_b> ),

where ``Re <W_a' P V_a' V_b P' W_b>`` is ``<X>`` of an ancilla in ``|+>`` that controls P after gate a (on 0) and P'
after gate b (on 1); ``<G_a>`` is the same with one of the two absent. No step, no shift: one circuit per pair of
strings, one more qubit.
"""

from __future__ import annotations

import functools
import itertools
import math
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from circuits import gates
from circuits.circuit import Circuit
from circuits.gates import Op, Param
from qgeom.shots.counts import BitOrder, as_table
from qgeom.shots.estimates import MatrixEstimate
from qgeom.shots.plan import Plan
from qgeom.shots.shift_rules import bound

MOST_CONTROLS = 8
"""Wires of a multi-controlled phase, whose generator has 2^wires strings."""

_ROTATIONS = {"RX": "X", "RY": "Y", "RZ": "Z", "RXX": "XX", "RYY": "YY", "RZZ": "ZZ"}
_CONTROLLED = {"CRX": "X", "CRY": "Y", "CRZ": "Z"}


def generator(op: Op) -> tuple[tuple[float, str], ...]:
    """G of ``exp(-i phi G)`` as (coefficient, Pauli string on the gate's wires); identity strings are left out.

    Raises:
        ValueError: for a gate whose generator changes with its angles, or with too many strings.
    """
    if op.name in _ROTATIONS:
        return ((0.5, _ROTATIONS[op.name]),)
    if op.name == "PAULIROT":
        return ((0.5, op.pauli),)
    if op.name in _CONTROLLED:
        letter = _CONTROLLED[op.name]
        return ((0.25, "I" + letter), (-0.25, "Z" + letter))
    if op.name == "XXPLUSYY":
        return ((0.25, "XX"), (0.25, "YY"))
    if op.name in ("P", "CP", "MCP"):
        m = len(op.wires)
        if m > MOST_CONTROLS:
            raise ValueError(
                f"{op.name} on {m} wires has {2**m} strings, {2**MOST_CONTROLS} at most; use overlaps"
            )
        # -|1...1><1...1| = - prod (1 - Z) / 2
        strings = ("".join(s) for s in itertools.product("IZ", repeat=m))
        return tuple((-((-1.0) ** s.count("Z")) / 2**m, s) for s in strings if "Z" in s)
    raise ValueError(
        f"{op.name} on {op.wires} has a generator that changes with its angles; build it from rotations, or use SPSA"
    )


class HadamardPlan(Plan):
    """Circuits whose counts give the quantum Fisher matrix: Hadamard tests on one ancilla, the last qubit.

    Args:
        circuit: the circuit; U3 is taken apart into phases and RY.
        theta: parameters, (P,).
        x: classical input, where the circuit takes one.

    Raises:
        ValueError: a parameter in a gate whose generator changes with its angles.
    """

    def __init__(self, circuit: Circuit, theta: Float[Array, " P"], x: Array | None = None) -> None:
        plain = Circuit(circuit.n_qubits, itertools.chain.from_iterable(map(_plain, circuit.ops)))
        self.circuit = circuit
        here = np.asarray(plain.angles(theta, x), dtype=np.float64)
        self.template, slots, positions = _switchable(plain)
        inputs = None if x is None else np.asarray(x)
        # One row per string of every place: its parameter, factor and coefficient, and the switch that turns it on.
        self._strings = [
            (angle.index, coefficient * _factor(angle, inputs), switches)
            for angle, coefficient, switches in slots
            if angle.index is not None
        ]
        base = np.zeros(self.template.n_parameters)
        base[positions] = here
        pairs = list(itertools.combinations_with_replacement(range(len(self._strings)), 2))
        # P_a P_a = 1 where both are the same string: known, not measured.
        self._pairs = [(a, b) for a, b in pairs if a != b]
        rows = [self._row(base, a, b) for a, b in self._pairs] + [
            self._row(base, None, b) for b in range(len(self._strings))
        ]
        self.angles = np.stack(rows) if rows else np.zeros((0, len(base)))

    def _row(self, base: np.ndarray, first: int | None, second: int) -> np.ndarray:
        row = base.copy()
        if first is not None:
            on, turned, phase = self._strings[first][2]
            row[[on, turned, phase]] += (0.5 * math.pi, 0.5 * math.pi, -0.5 * math.pi)
        on, turned, phase = self._strings[second][2]
        row[[on, turned, phase]] += (0.5 * math.pi, -0.5 * math.pi, 0.5 * math.pi)
        return row

    @functools.cached_property
    def circuits(self) -> tuple[Circuit, ...]:
        """The circuits to run, in order, without parameters; the ancilla, the last qubit, is what counts."""
        return tuple(_without_zeros(bound(self.template, row)) for row in self.angles)

    def estimate(self, counts: Any, bit_order: BitOrder = "qubit-0-first") -> MatrixEstimate:
        """The quantum Fisher matrix from the counts of all circuits; standard errors to first order.

        Raises:
            ValueError: counts that do not fit the plan.
        """
        table = as_table(counts, len(self.angles), self.template.n_qubits, bit_order)
        shots = table.sum(axis=1)
        zeros = table.reshape(len(table), -1, 2)[:, :, 0].sum(axis=1)
        value = 2.0 * zeros / shots - 1.0
        smoothed = (zeros + 2.0) / (shots + 4.0)
        variance = 4.0 * smoothed * (1.0 - smoothed) / shots
        size, p = len(self._strings), self.circuit.n_parameters
        inner, noise = np.eye(size), np.zeros((size, size))
        for k, (a, b) in enumerate(self._pairs):
            inner[a, b] = inner[b, a] = value[k]
            noise[a, b] = noise[b, a] = variance[k]
        mean, mean_noise = value[len(self._pairs) :], variance[len(self._pairs) :]
        spread = np.zeros((size, p))
        for k, (parameter, coefficient, _) in enumerate(self._strings):
            spread[k, parameter] = coefficient
        each = spread.T @ mean
        # <G>^2 measured once is too large by its variance, which is subtracted.
        matrix = 4.0 * (
            spread.T @ inner @ spread - np.outer(each, each) + spread.T @ (mean_noise[:, None] * spread)
        )
        pairs = 16.0 * np.einsum("ai,bj,ab->ij", spread**2, spread**2, noise)
        crossed = 16.0 * np.einsum("ai,aj,bi,bj,ab->ij", spread, spread, spread, spread, noise)
        single = 16.0 * np.einsum(
            "aij,a->ij", (spread[:, :, None] * each[None, None, :] + spread[:, None, :] * each[None, :, None]) ** 2,
            mean_noise,
        )  # fmt: skip
        error = np.sqrt(pairs + crossed + single)
        return MatrixEstimate(
            0.5 * (matrix + matrix.T), error, len(table), int(shots.sum()), "Hadamard tests"
        )


def _plain(op: Op) -> list[Op]:
    """U3 = P(phi) RY(theta) P(lam), each with one generator."""
    if op.name != "U3" or op.is_fixed:
        return [op]
    theta, phi, lam = op.angles
    wire = op.wires[0]
    return [gates.P(lam, wire), gates.RY(theta, wire), gates.P(phi, wire)]


def _factor(angle: Param, x: np.ndarray | None) -> float:
    return angle.scale * (1.0 if angle.input is None or x is None else float(x[angle.input]))


def _switchable(
    plain: Circuit,
) -> tuple[Circuit, list[tuple[Param, float, tuple[int, int, int]]], np.ndarray]:
    """The circuit with all its Hadamard tests, each behind three angles that are zero where it is off.

    A string P controlled by the ancilla is a rotation about P, one about P and the ancilla's Z, and a phase: with
    angles pi/2 and -+pi/2 they are ``-i P`` where the ancilla is 1 (or 0) and nothing where it is not. So all tests are
    one circuit, compiled once.
    """
    ancilla = plain.n_qubits
    ops: list[Op] = [gates.H(ancilla)]
    slots: list[tuple[Param, float, tuple[int, int, int]]] = []
    positions: list[int] = []
    count = 0
    for op in plain.ops:
        own = tuple(Param(count + k) for k in range(len(op.angles)))
        positions += [count + k for k in range(len(op.angles))]
        count += len(op.angles)
        ops.append(op._replace(angles=own))
        if op.is_fixed:
            continue
        for coefficient, string in generator(op):
            on, turned, phase = count, count + 1, count + 2
            count += 3
            ops += [
                gates.PauliRotation(Param(on), string, op.wires),
                gates.PauliRotation(Param(turned), string + "Z", (*op.wires, ancilla)),
                gates.P(Param(phase), ancilla),
            ]
            slots.append((op.angles[0], coefficient, (on, turned, phase)))
    ops.append(gates.H(ancilla))
    return Circuit(ancilla + 1, ops), slots, np.asarray(positions, dtype=int)


def _without_zeros(circuit: Circuit) -> Circuit:
    """Rotations and phases by nothing left out."""
    kept = [op for op in circuit.ops if op.name not in ("PAULIROT", "P") or op.angles[0].offset != 0.0]
    return Circuit(circuit.n_qubits, kept)
