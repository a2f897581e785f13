"""From gates with symbolic angles, as other packages and languages write them, to a circuit.

An angle of a `Circuit` is affine in one parameter, or in one product of a parameter and an input. Whatever a source
says beyond that is kept exactly, in one of two ways:

* a sum of several such terms is several gates that share the parameters, where the gate's generator allows it:
  ``RZ(a + b) = RZ(a) RZ(b)``, likewise every rotation and phase with one angle, and, up to a global phase,
  ``U3(t, p, l) = RZ(p) RY(t) RZ(l)``;
* any other expression makes the result a `Reparametrised` circuit, with the angle as a function of theta.

Global phases are dropped: a `State` is a ray.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from circuits.circuit import Circuit
from circuits.convert.expressions import Expression, Name, Operand, Product, expression
from circuits.convert.symbolic_angles import SymbolicAngles
from circuits.ops import Op, Param
from circuits.reparametrised import Reparametrised


class SymbolicGate(NamedTuple):
    """A gate of the set (`circuits.ops.SIGNATURES`) whose angles are expressions."""

    name: str
    wires: tuple[int, ...]
    angles: tuple[Expression, ...] = ()
    pauli: str = ""


def gate(name: str, wires: Sequence[int], *angles: Operand, pauli: str = "") -> SymbolicGate:
    """A `SymbolicGate` of numbers or expressions.

    Raises:
        TypeError, ValueError: for an angle that is neither, or no finite number.
    """
    return SymbolicGate(name, tuple(wires), tuple([expression(a) for a in angles]), pauli)


# Gates exp(-i angle G): angles of gates in a row add up.
ADDITIVE = frozenset(
    ("RX", "RY", "RZ", "P", "CRX", "CRY", "CRZ", "CP", "RXX", "RYY", "RZZ", "XXPLUSYY", "PAULIROT", "MCP")
)


class _Term(NamedTuple):
    """``coefficient * theta[index] * x[input]``, None where a factor is absent."""

    coefficient: float
    index: int | None
    input: int | None


class _Slots:
    """Positions in theta of a circuit in the making: of names, or of whole expressions once one is not affine."""

    def __init__(self, parameters: Sequence[str], inputs: Sequence[str]) -> None:
        self.parameter = {name: i for i, name in enumerate(parameters)}
        self.input = {name: j for j, name in enumerate(inputs)}
        self.whole: dict[Expression, int] = {}

    def of_expression(self, angle: Expression) -> int:
        return self.whole.setdefault(angle, len(self.parameter) + len(self.whole))

    def term(self, atom: Expression, coefficient: float) -> _Term | None:
        """An atom that is a parameter, an input, or the product of one and one; None for the others."""
        factors = atom.children if isinstance(atom, Product) else (atom,)
        if not all(isinstance(f, Name) for f in factors) or len(factors) > 2:
            return None
        names = [f.name for f in factors if isinstance(f, Name)]
        parameters = [self.parameter[n] for n in names if n in self.parameter]
        inputs = [self.input[n] for n in names if n in self.input]
        if len(parameters) > 1 or len(inputs) > 1:
            return None
        return _Term(coefficient, parameters[0] if parameters else None, inputs[0] if inputs else None)

    def terms(self, angle: Expression) -> tuple[list[_Term], float] | None:
        combination, offset = angle.linear_combination
        terms = [self.term(atom, coefficient) for atom, coefficient in combination]
        found = [term for term in terms if term is not None]
        return (found, offset) if len(found) == len(terms) else None


def assembled(
    n_qubits: int,
    gates: Iterable[SymbolicGate],
    parameters: Sequence[str] = (),
    inputs: Sequence[str] = (),
) -> Circuit | Reparametrised:
    """The circuit of gates whose angles are expressions of named parameters and inputs.

    Args:
        n_qubits: number of qubits.
        gates: in the order in which they act.
        parameters: names of theta's entries, in order; `Circuit.parameter_names` of the result.
        inputs: names of the entries of x, in order.

    Returns:
        A `Circuit` with a theta of these parameters and an x of these inputs. A `Reparametrised` circuit of the same
        theta and x where an angle is no linear expression, where a parameter is used by no gate (its direction is in
        the kernel of the metric), or where the last inputs are not used.

    Raises:
        ValueError: a name that is given twice or that an angle uses and nobody gives; what `Circuit` refuses.
    """
    parameters, inputs = tuple(parameters), tuple(inputs)
    known = {*parameters, *inputs}
    if len(known) != len(parameters) + len(inputs):
        raise ValueError("the names of parameters and inputs must be different")
    gates = tuple(gates)
    for symbolic in gates:
        for angle in symbolic.angles:
            if angle.number is None and not known.issuperset(angle.names):
                stranger = next(name for name in angle.names if name not in known)
                raise ValueError(
                    f"{symbolic.name} has the angle {angle}: {stranger!r} is neither a parameter nor an input"
                )
    slots = _Slots(parameters, inputs)
    ops = [op for symbolic in gates for op in _ops(symbolic, slots)]
    angles = [angle for op in ops for angle in op.angles]
    used = {angle.index for angle in angles if angle.index is not None}
    last_input = max((angle.input for angle in angles if angle.input is not None), default=-1)
    if not slots.whole and len(used) == len(parameters) and last_input + 1 == len(inputs):
        return Circuit(n_qubits, ops, names=parameters)
    kept = [i for i in range(len(parameters)) if i in used]
    values = [*(Name(parameters[i]) for i in kept), *slots.whole]
    position = {
        old: new
        for new, old in enumerate([*kept, *range(len(parameters), len(parameters) + len(slots.whole))])
    }
    moved = [
        op._replace(
            angles=tuple(
                [
                    a if a.index is None else Param(position[a.index], a.scale, a.offset, a.input)
                    for a in op.angles
                ]
            )
        )
        for op in ops
    ]
    return Reparametrised(Circuit(n_qubits, moved), SymbolicAngles(values, parameters, inputs))


def _ops(symbolic: SymbolicGate, slots: _Slots) -> Iterator[Op]:
    found = [slots.terms(angle) for angle in symbolic.angles]
    known = [each for each in found if each is not None]
    several = any(len(terms) > 1 for terms, _ in known)
    if several and len(known) == len(found):
        if symbolic.name in ADDITIVE:
            yield from _split(symbolic, known[0])
            return
        if symbolic.name == "U3":
            for name, (terms, offset) in zip(("RZ", "RY", "RZ"), (known[2], known[0], known[1]), strict=True):
                yield from _split(SymbolicGate(name, symbolic.wires), (terms, offset))
            return
    angles = [_angle(terms, slots, angle) for terms, angle in zip(found, symbolic.angles, strict=True)]
    yield Op(symbolic.name, symbolic.wires, tuple(angles), symbolic.pauli)


def _angle(terms: tuple[list[_Term], float] | None, slots: _Slots, whole: Expression) -> Param:
    if terms is None or len(terms[0]) > 1:
        return Param(slots.of_expression(whole))
    (some, offset) = terms
    if not some:
        return Param(None, 0.0, offset)
    return Param(some[0].index, some[0].coefficient, offset, some[0].input)


def _split(symbolic: SymbolicGate, combination: tuple[list[_Term], float]) -> Iterator[Op]:
    """One gate per term; the offset goes with the first."""
    terms, offset = combination
    angles = [
        Param(term.index, term.coefficient, offset if k == 0 else 0.0, term.input)
        for k, term in enumerate(terms)
    ] or [Param(None, 0.0, offset)]
    for angle in angles:
        yield Op(symbolic.name, symbolic.wires, (angle,), symbolic.pauli)
