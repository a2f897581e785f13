"""Qiskit circuits, in and out (``pip install qgeom[qiskit]``).

Qubit k of a Qiskit circuit is wire k here, so gates and drawings look the same. Qiskit reads its states with qubit 0 as
the least significant bit and this package as the most significant: state vectors differ by a reversal of the bits,
``Statevector(qc).reverse_qargs()`` against ``circuit(theta).vector``. Global phases are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from qiskit.circuit import Parameter, ParameterVector, ParameterVectorElement, QuantumCircuit
from qiskit.circuit.library import Initialize

from circuits.circuit import Circuit
from circuits.convert.assembled import assembled
from circuits.convert.controlled import Gates, without_global_phase
from circuits.convert.qiskit_expressions import to_parameter_expression
from circuits.convert.qiskit_gates import NoUnitary, SU4Gate, operation_gates, qiskit_gate
from circuits.convert.symbolic_circuit import indexed, symbolic_circuit
from circuits.reparametrised import Reparametrised

__all__ = ["SU4Gate", "from_qiskit", "to_qiskit"]


def from_qiskit(qc: QuantumCircuit, inputs: Sequence[str] = ()) -> Circuit | Reparametrised:
    """The circuit of a ``QuantumCircuit``.

    Parameters keep their names and come in the order of ``qc.parameters`` (Qiskit's own: by name, elements of a
    vector by index). Expressions that are linear in them are kept as such, sums as several gates; with any other
    expression the result is a `Reparametrised` circuit.

    Gates of the library become gates here; controlled, inverted and powered ones are worked out with their phase; a
    ``UnitaryGate`` on one or two qubits becomes SU2 or SU4; a ``PauliEvolutionGate`` becomes the rotations of its
    product formula (not the exact exponential where its terms do not commute). Everything else is replaced by its
    definition, so circuits of the library need no ``decompose()``. Barriers and delays are left out, final
    measurements as well: read the circuit with `circuits.Measured` instead. A reset before anything else acts on
    its qubit is the identity.

    Args:
        qc: the circuit.
        inputs: parameters that are the classical input x instead: names, or the name of a ``ParameterVector``, whose
            elements take the positions of their indices.

    Raises:
        ValueError: an operation without unitary meaning (mid-circuit measurement, reset, control flow), by its name
            and index; angles that are complex; ``inputs`` that the circuit does not have.
        TypeError: if ``qc`` is no ``QuantumCircuit``.
    """
    if not isinstance(qc, QuantumCircuit):
        raise TypeError(f"expected a qiskit QuantumCircuit, not {type(qc).__name__}")
    if qc.num_qubits == 0:
        raise ValueError("the circuit has no qubits")
    position = {qubit: k for k, qubit in enumerate(qc.qubits)}
    gates: Gates = []
    touched: set[int] = set()
    measured: set[int] = set()
    for k, instruction in enumerate(qc.data):
        operation = instruction.operation
        wires = tuple([position[q] for q in instruction.qubits])
        where = f"instruction {k} ({operation.name})"
        if operation.name == "barrier":
            continue
        late = measured.intersection(wires)
        if operation.name == "measure":
            measured.update(wires)
            continue
        if late:
            raise ValueError(
                f"{where} acts on qubit {min(late)} after its measurement: measurements in mid-circuit have no unitary "
                "meaning here"
            )
        if operation.name in ("reset", "initialize") and touched.intersection(wires):
            raise ValueError(f"{where} resets a qubit after gates: it has no unitary meaning here")
        if operation.name == "reset":
            continue
        try:
            gates += operation_gates(_prepared(operation), wires)
        except NoUnitary as error:
            raise ValueError(f"{where} cannot be read: {error}") from None
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        touched.update(wires)
    chosen = _inputs(qc, inputs)
    parameters = [p.name for p in qc.parameters if p.name not in chosen]
    return assembled(qc.num_qubits, without_global_phase(gates), parameters, chosen)


def _prepared(operation: Any) -> Any:
    """The state preparation in an ``Initialize``, whose resets act on qubits that are in |0> still."""
    if not isinstance(operation, Initialize):
        return operation
    definition: Any = operation.definition
    return next(each.operation for each in definition.data if each.operation.name != "reset")


def _inputs(qc: QuantumCircuit, inputs: Sequence[str]) -> list[str]:
    """The names of the entries of x; elements of a vector that the circuit does not use keep their places."""
    if isinstance(inputs, str):
        raise TypeError(f"inputs is a sequence of names, such as ({inputs!r},), not one string")
    names = [p.name for p in qc.parameters]
    vectors = {p.vector.name: p.vector for p in qc.parameters if isinstance(p, ParameterVectorElement)}
    chosen: list[str] = []
    for wanted in inputs:
        if wanted in names:
            chosen.append(wanted)
        elif wanted in vectors:
            chosen += [element.name for element in vectors[wanted]]
        else:
            raise ValueError(
                f"there is no parameter or vector {wanted!r} to be an input; there are {', '.join(names) or 'none'}"
            )
    return chosen


def to_qiskit(circuit: Circuit | Reparametrised, theta: Any = None, *, x: Any = None) -> QuantumCircuit:
    """A circuit as a ``QuantumCircuit``, with wire k as qubit k, up to a global phase.

    Parameters keep their names; names ``t[0], t[1], ...`` in a row become a ``ParameterVector``, and a circuit without
    names gets the vector ``theta``. Inputs become the vector ``x``. Qiskit sorts its parameters by name:
    ``circuit.parameter_names`` says which is which. A parameter that no gate uses is lost.

    SU2 is an ``RVGate``, SU4 an `SU4Gate` of this package (numbers: a ``UnitaryGate``), a Pauli rotation a
    ``PauliEvolutionGate`` of one term, which is exact.

    Args:
        circuit: a `Circuit`, or a `Reparametrised` circuit whose angles are expressions.
        theta: values to bind in place of the parameters, shape (P,).
        x: values to bind in place of the inputs.

    Raises:
        TypeError: something that is no circuit of these kinds.
        ValueError: values that do not fit.
    """
    symbolic = symbolic_circuit(circuit, theta, x, indexed)
    known = {**_parameters(symbolic.parameters), **_parameters(symbolic.inputs)}
    qc = QuantumCircuit(symbolic.n_qubits)
    for g in symbolic.gates:
        angles = [to_parameter_expression(angle, known) for angle in g.angles]
        qc.append(qiskit_gate(g, angles), list(g.wires))
    return qc


_ELEMENT = re.compile(r"(.+)\[([0-9]+)\]", re.DOTALL)


def _parameters(names: Sequence[str]) -> dict[str, Any]:
    """A Qiskit parameter for each name: vectors for ``t[0], t[1], ...`` where all of them are there."""
    lengths: dict[str, set[int]] = {}
    for name in names:
        match = _ELEMENT.fullmatch(name)
        if match:
            lengths.setdefault(match[1], set()).add(int(match[2]))
    whole = {base: ParameterVector(base, len(k)) for base, k in lengths.items() if k == set(range(len(k)))}
    found: dict[str, Any] = {}
    for name in names:
        match = _ELEMENT.fullmatch(name)
        vector = whole.get(match[1]) if match else None
        found[name] = vector[int(match[2])] if match and vector is not None else Parameter(name)
    return found
