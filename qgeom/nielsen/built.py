r"""The cost of a circuit as it was built: the length of the path through its gates.

A gate ``exp(-i G)`` on a few qubits takes the straight line of its least-norm generator ``G = sum_s g_s s``, of length
``sqrt(sum_s w_s g_s^2)``: only the strings on its qubits matter, so that the number of qubits is free. Two lengths are
given:

    one gate after another   sum over gates   sqrt(sum_s w_s g_s^2)
    layers                   sum over groups  sqrt(sum_s w_s (sum_{gates of the group} g_s)^2)

where a group is the gates of a layer that commute: they act at the same time, as one generator. Where gates of a layer
do not commute (which only layers given by the user can hold), each joins the first group after those it must follow.
Both are lengths of paths to the circuit's unitary, hence upper bounds of its geodesic distance.
"""

from __future__ import annotations

import collections
import functools
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.circuit import Circuit
from circuits.gate_matrices import logarithm, matrix, pauli_strings
from circuits.ops import Op
from circuits.paulis import commute, multiply
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.string_weights import StringWeights, lexicographic_index, string_masks, string_weights_of

String = tuple[tuple[int, str], ...]
"""A Pauli string by its letters, ``((qubit, letter), ...)``, qubits ascending."""

Generator = dict[String, float]
"""``G = sum_s g_s s``."""

MOST_QUBITS_FOR_CONTROLS = 6


@dataclass(frozen=True)
class CircuitCost:
    """Cost of a circuit as built.

    Attributes:
        length: Of the path on which the commuting gates of a layer act at the same time.
        sequential_length: Of the path on which one gate acts after another.
        gate_lengths: Length of each gate of ``circuit.layered_ops``, (gates,).
        group_lengths: Length of each group of gates that act at the same time, (groups,); its sum is ``length``.
        groups: The number of gates in each group.
        counts: Number of gates by kind, the 0-norm: ``{"CX": 3, "RZ": 5, ...}``.
        multi_qubit_gates: How many of them act on two qubits or more.
        depth: Number of layers of the circuit.
    """

    length: float
    sequential_length: float
    gate_lengths: np.ndarray
    group_lengths: np.ndarray
    groups: tuple[int, ...]
    counts: dict[str, int]
    multi_qubit_gates: int
    depth: int

    def __repr__(self) -> str:
        gates = ", ".join(f"{count} {name}" for name, count in self.counts.items())
        return (
            f"CircuitCost(length {self.length:.6g}, one gate after another {self.sequential_length:.6g}; "
            f"{sum(self.counts.values())} gates in {self.depth} layers: {gates})"
        )


def circuit_cost(
    circuit: Circuit, penalty: Penalty | StringWeights, theta: Any = None, x: Any = None
) -> CircuitCost:
    """Cost of a circuit as built, at any number of qubits.

    Args:
        circuit: The circuit.
        penalty: A penalty on Pauli strings, or a rule of :func:`string_rule` or :func:`local_rule` for more than 8
            qubits. Infinite weights are allowed: a gate that uses a forbidden string has infinite length.
        theta: Its parameters, (P,); may be left out where it has none.
        x: Its inputs, if any.

    Raises:
        ValueError: if the numbers of qubits differ, or theta does not fit.
    """
    weights = string_weights_of(penalty)
    if weights.n_qubits != circuit.n_qubits:
        raise ValueError(f"the circuit has {circuit.n_qubits} qubits, the penalty is for {weights.n_qubits}")
    weight_of = functools.lru_cache(maxsize=1 << 16)(lambda string: weights.of(dict(string)))
    generators = _generators(circuit, theta, x)
    groups = list(_groups(circuit, generators))
    gate_lengths = np.asarray([_length(g, weight_of) for g in generators])
    group_lengths = np.asarray([_length(total, weight_of) for _, total in groups])
    return CircuitCost(
        length=float(group_lengths.sum()),
        sequential_length=float(gate_lengths.sum()),
        gate_lengths=gate_lengths,
        group_lengths=group_lengths,
        groups=tuple(count for count, _ in groups),
        counts=dict(collections.Counter(op.name for op in circuit.ops).most_common()),
        multi_qubit_gates=sum(len(op.wires) > 1 for op in circuit.ops),
        depth=len(circuit.layers),
    )


def circuit_controls(circuit: Circuit, theta: Any = None, x: Any = None) -> np.ndarray:
    """The path of a circuit as built, as piecewise-constant controls.

    One segment for each group of commuting gates of a layer, all of the same duration ``1/k``, in the order in which
    they act: ``U = exp(generator(c[k-1] / k)) ... exp(generator(c[0] / k))`` up to phase. Groups that do nothing are
    left out; the identity is one segment of zeros.

    Args:
        circuit: A circuit on up to 6 qubits.
        theta: Its parameters, (P,).
        x: Its inputs, if any.

    Returns:
        (k, 4^n - 1), float64, order of the strings as in :class:`PauliGroup`.

    Raises:
        ValueError: for more than 6 qubits, or if theta does not fit.
    """
    n = circuit.n_qubits
    if n > MOST_QUBITS_FOR_CONTROLS:
        raise ValueError(
            f"controls of all 4^n strings stop at {MOST_QUBITS_FOR_CONTROLS} qubits, not {n}; use circuit_cost"
        )
    generators = _generators(circuit, theta, x)
    totals = [total for _, total in _groups(circuit, generators) if any(total.values())]
    controls = np.zeros((max(len(totals), 1), 4**n - 1))
    for segment, total in zip(controls, totals):
        for string, value in total.items():
            x_mask, z_mask = string_masks(dict(string), n)
            segment[lexicographic_index(n, x_mask, np.asarray(z_mask)) - 1] += value
    return controls * len(controls)


def gate_generator(op: Op, angles: tuple[float, ...]) -> Generator:
    """``G`` of the least flat norm with ``exp(-i G)`` the gate up to phase, in Pauli strings on the circuit's qubits.

    Of a Pauli rotation by t it is ``t/2`` modulo pi within pi/2 of zero; of a phase, controlled or not, the
    projector on all ones with the phase within pi of zero; of the others the logarithm of
    :mod:`circuits.gate_matrices`.
    """
    if op.name in _ROTATIONS or op.name == "PAULIROT":
        letters = op.pauli if op.name == "PAULIROT" else _ROTATIONS[op.name]
        half = 0.5 * angles[0]
        value = half - np.pi * np.round(half / np.pi)
        return {_placed(letters, op.wires): float(value)} if value else {}
    if op.name in ("P", "CP", "MCP"):
        phase = (angles[0] + np.pi) % (2 * np.pi) - np.pi
        return _projector(-phase, op.wires)
    values = _logarithm(op.name, angles)
    names = pauli_strings(len(op.wires))
    return {_placed(names[s], op.wires): float(values[s]) for s in np.flatnonzero(np.abs(values) > 1e-15)}


_ROTATIONS = {"RX": "X", "RY": "Y", "RZ": "Z", "RXX": "XX", "RYY": "YY", "RZZ": "ZZ"}


@functools.lru_cache(maxsize=4096)
def _logarithm(name: str, angles: tuple[float, ...]) -> np.ndarray:
    # The definition of the gate's matrix looks at the name and the angles alone.
    unitary = np.asarray(matrix(Op(name, ()), np.asarray(angles, np.float64)))
    return 0.5 * logarithm(unitary)  # exp(-i/2 sum t P)


def _projector(value: float, wires: tuple[int, ...]) -> Generator:
    """``value |1..1><1..1|`` without the identity: ``prod (1 - Z) / 2``."""
    if value == 0.0:
        return {}
    found = {}
    for size in range(1, len(wires) + 1):
        for chosen in itertools.combinations(sorted(wires), size):
            found[tuple((q, "Z") for q in chosen)] = value * (-1.0) ** size / 2 ** len(wires)
    return found


def _placed(letters: str, wires: tuple[int, ...]) -> String:
    return tuple(sorted((wire, letter) for wire, letter in zip(wires, letters) if letter != "I"))


def _generators(circuit: Circuit, theta: Any, x: Any) -> list[Generator]:
    """Generator of each gate of ``layered_ops``."""
    theta = np.zeros(0) if theta is None else np.asarray(theta, np.float64)
    x = None if x is None else np.asarray(x, np.float64)
    ordered = Circuit(circuit.n_qubits, circuit.layered_ops, circuit.layers)
    angles = np.asarray(ordered.angles(theta, x), np.float64).tolist()
    found, start = [], 0
    for op in ordered.ops:
        stop = start + len(op.angles)
        found.append(gate_generator(op, tuple(angles[start:stop])))
        start = stop
    return found


def _groups(circuit: Circuit, generators: list[Generator]) -> Iterator[tuple[int, Generator]]:
    """Number of gates and total generator of each group of gates that act at the same time."""
    start = 0
    for size in circuit.layers:
        stop = start + size
        ops = circuit.layered_ops[start:stop]
        for members in _scheduled([op.wires for op in ops], generators[start:stop]):
            yield len(members), _total(members)
        start = stop


def _scheduled(wires: list[tuple[int, ...]], generators: list[Generator]) -> list[list[Generator]]:
    """Each gate in the first group after the last gate before it that it does not commute with."""
    groups: list[list[Generator]] = []
    on_qubit: dict[int, list[tuple[int, Generator]]] = collections.defaultdict(list)
    for op_wires, generator in zip(wires, generators):
        place = 0
        for qubit in op_wires:
            for group, other in on_qubit[qubit]:
                if group >= place and not _commute(generator, other):
                    place = group + 1
        if place == len(groups):
            groups.append([])
        groups[place].append(generator)
        for qubit in op_wires:
            on_qubit[qubit].append((place, generator))
    return groups


def _total(members: list[Generator]) -> Generator:
    total: Generator = {}
    for generator in members:
        for string, value in generator.items():
            total[string] = total.get(string, 0.0) + value
    return total


def _commute(a: Generator, b: Generator) -> bool:
    """Whether ``[A, B] = 0``, to 1e-12 in each string."""
    terms: dict[String, float] = {}
    for s, value in a.items():
        for t, other in b.items():
            product = _anticommuting_product(s, t)
            if product is not None:
                string, sign = product
                terms[string] = terms.get(string, 0.0) + sign * value * other
    return all(abs(value) < 1e-12 for value in terms.values())


def _anticommuting_product(s: String, t: String) -> tuple[String, float] | None:
    """The string of ``s t`` and ``sign`` with ``s t = sign i string``, or None if they commute."""
    first, second = dict(s), dict(t)
    qubits = sorted({*first, *second})
    a = "".join(first.get(q, "I") for q in qubits)
    b = "".join(second.get(q, "I") for q in qubits)
    if commute(a, b):
        return None
    product, phase = multiply(a, b)
    return tuple((q, letter) for q, letter in zip(qubits, product) if letter != "I"), phase.imag


def _length(generator: Generator, weight_of: Any) -> float:
    return float(sum(weight_of(string) * value**2 for string, value in generator.items() if value)) ** 0.5
