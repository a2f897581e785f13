"""Single operations of Qiskit as gates of the set, and the other way."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from qiskit.circuit import (
    AnnotatedOperation,
    ControlledGate,
    ControlModifier,
    Gate,
    InverseModifier,
    PowerModifier,
    QuantumCircuit,
)
from qiskit.circuit import library as ql
from qiskit.exceptions import QiskitError
from qiskit.quantum_info import Clifford, Pauli
from qiskit.synthesis import ProductFormula, synth_permutation_basic

from circuits.convert.assembled import SymbolicGate, gate
from circuits.convert.controlled import (
    Gates,
    controlled,
    global_phase,
    inverted,
    negated,
    root,
)
from circuits.convert.expressions import Expression
from circuits.convert.qiskit_expressions import from_parameter_expression
from circuits.convert.standard_gates import STANDARD
from circuits.gate_matrices import logarithm, pauli_matrix, pauli_strings

# A definition within a definition, and so on; Qiskit's own go a few levels down.
_MAX_DEPTH = 64
# A power of a gate that is written out as its repetition.
_MAX_POWER = 10_000

_CLASSES: dict[str, type[Gate]] = {
    "I": ql.IGate, "X": ql.XGate, "Y": ql.YGate, "Z": ql.ZGate, "H": ql.HGate, "S": ql.SGate, "SDG": ql.SdgGate,
    "T": ql.TGate, "TDG": ql.TdgGate, "SX": ql.SXGate, "SXDG": ql.SXdgGate, "RX": ql.RXGate, "RY": ql.RYGate,
    "RZ": ql.RZGate, "P": ql.PhaseGate, "U3": ql.UGate, "SU2": ql.RVGate, "CX": ql.CXGate, "CY": ql.CYGate,
    "CZ": ql.CZGate, "CH": ql.CHGate, "SWAP": ql.SwapGate, "ISWAP": ql.iSwapGate, "CRX": ql.CRXGate,
    "CRY": ql.CRYGate, "CRZ": ql.CRZGate, "CP": ql.CPhaseGate, "RXX": ql.RXXGate, "RYY": ql.RYYGate,
    "RZZ": ql.RZZGate, "XXPLUSYY": ql.XXPlusYYGate, "CCX": ql.CCXGate, "CSWAP": ql.CSwapGate,
}  # fmt: skip


class SU4Gate(Gate):
    """Any two-qubit unitary from its generator, ``exp(-i/2 sum_s t_s P_s)``: `circuits.gates.SU4` in a Qiskit circuit.

    The 15 angles may be parameters; s runs over IX, IY, IZ, XI, XX, ..., ZZ with the first letter on the first qubit.
    Once they are bound the gate has a matrix and a definition.
    """

    def __init__(self, angles: Any, label: str | None = None) -> None:
        super().__init__("su4", 2, list(angles), label=label)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """The matrix, in Qiskit's order of qubits: the first is the least significant bit."""
        if copy is False:
            raise ValueError("the matrix of an SU4Gate is computed: it cannot be had without a copy")
        angles = [float(p) for p in self.params]
        hermitian = sum(
            0.5 * t * pauli_matrix(s[::-1]) for t, s in zip(angles, pauli_strings(2), strict=True)
        )
        values, vectors = np.linalg.eigh(np.asarray(hermitian))
        return np.asarray((vectors * np.exp(-1j * values)) @ vectors.conj().T, dtype=dtype)

    def _define(self) -> None:
        definition = QuantumCircuit(2)
        definition.append(ql.UnitaryGate(self.to_matrix()), [0, 1])
        self.definition = definition

    def inverse(self, annotated: bool = False) -> SU4Gate:
        """The gate of the opposite angles."""
        return SU4Gate([-p for p in self.params])


class NoUnitary(Exception):
    """Inside this package: an operation that no gate of the set is, with the reason."""


def operation_gates(operation: Any, wires: tuple[int, ...], depth: int = 0) -> Gates:
    """The gates of an operation on wires in the order of its qubits, phase included.

    Raises:
        NoUnitary: if it has no unitary meaning, or none that can be found.
        ValueError: angles that have no form here.
    """
    if depth > _MAX_DEPTH:
        raise NoUnitary(f"its definition goes deeper than {_MAX_DEPTH} levels")
    name = operation.name
    if name in ("barrier", "delay"):
        return []
    if isinstance(operation, AnnotatedOperation):
        return _annotated(operation, wires, depth)
    if _is_library(operation) and name in STANDARD:
        angles = tuple([from_parameter_expression(p) for p in operation.params])
        if name == "rv" and all(angle.number == 0.0 for angle in angles):
            return []
        return STANDARD[name].build(angles, wires)
    if isinstance(operation, SU4Gate):
        return [gate("SU4", wires, *[from_parameter_expression(p) for p in operation.params])]
    if isinstance(operation, ql.GlobalPhaseGate):
        return [global_phase(from_parameter_expression(operation.params[0]))]
    if isinstance(operation, ql.UnitaryGate) and len(wires) <= 2:
        return _unitary(np.asarray(operation.to_matrix()), wires)
    if isinstance(operation, ql.PauliEvolutionGate):
        found = _evolution(operation, wires)
        if found is not None:
            return found
    if isinstance(operation, ControlledGate):
        count, target = operation.num_ctrl_qubits, operation.base_gate
        if (
            target is not None and operation.num_qubits == count + target.num_qubits
        ):  # some take ancillas besides
            base = operation_gates(target, wires[count:], depth + 1)
            return _with_controls(base, wires[:count], int(operation.ctrl_state))
    return _defined(operation, wires, depth)


def _is_library(operation: Any) -> bool:
    """Whether this is Qiskit's own gate, not one of the same name."""
    kind = getattr(operation, "base_class", type(operation))
    return kind.__module__.startswith("qiskit.circuit.library.") and isinstance(operation, Gate)


def _with_controls(gates: Gates, controls: tuple[int, ...], state: int) -> Gates:
    """``state``: its k-th binary digit, from the least significant, is the value at which control k acts."""
    off = [w for k, w in enumerate(controls) if not state >> k & 1]
    return negated(controlled(gates, controls), off)


def _unitary(matrix: np.ndarray, wires: tuple[int, ...]) -> Gates:
    """A unitary whose first wire is the least significant bit."""
    ordered = wires[::-1]
    angles = logarithm(matrix)
    name = "SU2" if len(wires) == 1 else "SU4"
    strings = pauli_strings(len(wires))
    hermitian = sum(0.5 * t * pauli_matrix(s) for t, s in zip(angles, strings, strict=True))
    values, vectors = np.linalg.eigh(np.asarray(hermitian))
    special = (vectors * np.exp(-1j * values)) @ vectors.conj().T
    phase = float(np.angle(np.trace(special.conj().T @ matrix)))
    return [gate(name, ordered, *angles.tolist()), global_phase(phase)]


def _evolution(operation: Any, wires: tuple[int, ...]) -> Gates | None:
    """The rotations of a product formula; None if the evolution is defined in another way."""
    if not isinstance(operation.synthesis, ProductFormula):
        return None
    try:
        rotations = operation.synthesis.expand(operation)
    except NotImplementedError:
        return None
    found: Gates = []
    for letters, qubits, angle in rotations:
        if not set(letters) <= set("IXYZ"):
            return None
        kept = [(letter, wires[q]) for letter, q in zip(letters, qubits, strict=True) if letter != "I"]
        value = from_parameter_expression(angle)
        if not kept:
            found.append(global_phase(value / -2))
            continue
        found.append(
            gate("PAULIROT", [w for _, w in kept], value, pauli="".join([letter for letter, _ in kept]))
        )
    return found


def _annotated(operation: AnnotatedOperation, wires: tuple[int, ...], depth: int) -> Gates:
    controls = sum([m.num_ctrl_qubits for m in operation.modifiers if isinstance(m, ControlModifier)])
    gates = operation_gates(operation.base_op, wires[controls:], depth + 1)
    # Each further control stands before the ones that are there.
    end = controls
    for modifier in operation.modifiers:
        if isinstance(modifier, InverseModifier):
            gates = inverted(gates)
        elif isinstance(modifier, PowerModifier):
            gates = power(gates, float(modifier.power))
        elif isinstance(modifier, ControlModifier):
            start = end - modifier.num_ctrl_qubits
            gates = _with_controls(gates, wires[start:end], _state(modifier))
            end = start
        else:
            raise NoUnitary(f"its modifier {type(modifier).__name__} is not known")
    return gates


def _state(modifier: Any) -> int:
    return int(modifier.ctrl_state)


def power(gates: Gates, exponent: float) -> Gates:
    """Gates to a power: repeated where it is an integer, else the principal power of one gate."""
    if not exponent.is_integer():
        return root(gates, exponent)
    if abs(exponent) > _MAX_POWER:
        raise NoUnitary(f"a power above {_MAX_POWER} is not written out")
    return (gates if exponent >= 0 else inverted(gates)) * int(abs(exponent))


def _defined(operation: Any, wires: tuple[int, ...], depth: int) -> Gates:
    try:
        definition = getattr(operation, "definition", None)
    except QiskitError as error:
        raise NoUnitary(f"it has no definition: {str(error).splitlines()[0]}") from None
    if isinstance(operation, ql.PermutationGate):
        definition = synth_permutation_basic(operation.pattern)
    elif definition is None and isinstance(operation, Clifford):
        definition = operation.to_circuit()
    if definition is None or getattr(operation, "num_clbits", 0):
        raise NoUnitary("it has no unitary meaning here")
    return definition_gates(definition, wires, depth + 1)


def definition_gates(definition: QuantumCircuit, wires: tuple[int, ...], depth: int) -> Gates:
    """The gates of a circuit that defines a gate, with its global phase."""
    found: Gates = []
    position = {qubit: wires[k] for k, qubit in enumerate(definition.qubits)}
    for instruction in definition.data:
        inner = tuple([position[q] for q in instruction.qubits])
        found += operation_gates(instruction.operation, inner, depth)
    phase = from_parameter_expression(definition.global_phase)
    return found if phase.number == 0.0 else [*found, global_phase(phase)]


def qiskit_gate(g: SymbolicGate, angles: list[Any]) -> Gate:
    """The gate of Qiskit for a gate of the set, its angles already Qiskit's."""
    match g.name:
        case "PAULIROT":
            # Qiskit writes the letter of its first qubit last.
            return ql.PauliEvolutionGate(Pauli(g.pauli[::-1]), time=angles[0] / 2)
        case "MCP":
            if len(g.wires) == 1:
                return ql.PhaseGate(angles[0])
            return (
                ql.CPhaseGate(angles[0]) if len(g.wires) == 2 else ql.MCPhaseGate(angles[0], len(g.wires) - 1)
            )
        case "SU4":
            fixed = SU4Gate(angles)
            return ql.UnitaryGate(fixed.to_matrix()) if _numbers(g.angles) else fixed
        case "SU2" if _numbers(g.angles) and math.hypot(*angles) == 0.0:
            return ql.IGate()  # RVGate divides by the length of its vector
        case "XXPLUSYY":
            return ql.XXPlusYYGate(angles[0], 0.0)
    return _CLASSES[g.name](*angles)


def _numbers(angles: tuple[Expression, ...]) -> bool:
    return all(angle.number is not None for angle in angles)
