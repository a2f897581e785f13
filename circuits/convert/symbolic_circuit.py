"""A circuit as gates with symbolic angles, as other packages and languages write them: the way out of `assembled`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from circuits.circuit import Circuit
from circuits.convert.assembled import SymbolicGate
from circuits.convert.expressions import Expression, Name, expression
from circuits.convert.symbolic_angles import SymbolicAngles
from circuits.ops import Param
from circuits.reparametrised import Reparametrised


class SymbolicCircuit(NamedTuple):
    """Gates whose angles are expressions of named parameters and inputs."""

    n_qubits: int
    gates: tuple[SymbolicGate, ...]
    parameters: tuple[str, ...]
    inputs: tuple[str, ...]


Naming = Callable[[str, int], str]
"""From ``"theta"`` or ``"x"`` and a position to the name of an entry that has none."""


def indexed(base: str, position: int) -> str:
    """``theta[3]``."""
    return f"{base}[{position}]"


def underscored(base: str, position: int) -> str:
    """``theta_3``."""
    return f"{base}_{position}"


def symbolic_circuit(
    circuit: Circuit | Reparametrised, theta: Any = None, x: Any = None, naming: Naming = indexed
) -> SymbolicCircuit:
    """The gates of a circuit with angles in terms of named parameters.

    Args:
        circuit: a `Circuit`, or a `Reparametrised` circuit whose angles are expressions.
        theta: values that take the place of the parameters.
        x: values that take the place of the inputs.
        naming: names of parameters and inputs that have none.

    Raises:
        TypeError: for anything else, or a `Reparametrised` circuit whose map is no `SymbolicAngles` and whose theta is
            not given.
        ValueError: values that do not fit.
    """
    if isinstance(circuit, Reparametrised):
        angle_map = circuit.angle_map
        if not isinstance(angle_map, SymbolicAngles):
            if theta is None or (x is None and angle_map.n_inputs):
                raise TypeError(
                    "the angles of this circuit are no expressions: pass theta (and x), to write numbers"
                )
            point = None if x is None else jnp.asarray(x)
            bound = circuit.circuit.bind(circuit.angles(theta, point))
            return symbolic_circuit(bound, None, None if bound.n_inputs == 0 else x, naming)
        parameters, inputs = angle_map.parameter_names, angle_map.input_names
        own, values = circuit.circuit, angle_map.expressions
        if len(inputs) < own.n_inputs:
            inputs += tuple([naming("x", j) for j in range(len(inputs), own.n_inputs)])
    elif isinstance(circuit, Circuit):
        own = circuit
        inputs = tuple([naming("x", j) for j in range(circuit.n_inputs)])
        names = circuit.parameter_names if circuit.has_own_names else None
        parameters = names or tuple([naming("theta", i) for i in range(circuit.n_parameters)])
        clash = set(inputs) & set(parameters)
        if clash:
            inputs = tuple([f"input_{name}" if name in clash else name for name in inputs])
        values = tuple([Name(name) for name in parameters])
    else:
        raise TypeError(f"expected a Circuit or Reparametrised circuit, not {type(circuit).__name__}")
    given = _given(parameters, theta, "theta") | _given(inputs, x, "x")
    data = tuple([given.get(name, Name(name)) for name in inputs])
    if given:
        values = tuple([value.substituted(given) for value in values])
    gates = tuple(_gates(own, values, data))
    return SymbolicCircuit(
        own.n_qubits, gates, () if theta is not None else parameters, () if x is not None else inputs
    )


def _given(names: Sequence[str], values: Any, what: str) -> dict[str, Expression]:
    if values is None:
        return {}
    numbers = [float(v) for v in jnp.ravel(jnp.asarray(values)).tolist()]
    if len(numbers) != len(names):
        raise ValueError(f"{what} must have {len(names)} entries, not {len(numbers)}")
    return {name: expression(v) for name, v in zip(names, numbers, strict=True)}


def _gates(
    circuit: Circuit, values: Sequence[Expression], inputs: Sequence[Expression]
) -> Iterator[SymbolicGate]:
    def angle(p: Param) -> Expression:
        if p.index is None and p.input is None:
            return expression(p.scale + p.offset if p.scale else p.offset)
        factor = expression(p.scale)
        if p.index is not None:
            factor = factor * values[p.index]
        if p.input is not None:
            factor = factor * inputs[p.input]
        return factor + p.offset

    for op in circuit.ops:
        yield SymbolicGate(op.name, op.wires, tuple([angle(p) for p in op.angles]), op.pauli)


def renamed(circuit: SymbolicCircuit, names: dict[str, str]) -> SymbolicCircuit:
    """The same with parameters and inputs renamed."""
    mapping: dict[str, Expression] = {old: Name(new) for old, new in names.items() if old != new}
    if not mapping:
        return circuit
    gates = [
        g._replace(angles=tuple([angle.substituted(mapping) for angle in g.angles])) for g in circuit.gates
    ]
    return SymbolicCircuit(
        circuit.n_qubits,
        tuple(gates),
        tuple([names.get(name, name) for name in circuit.parameters]),
        tuple([names.get(name, name) for name in circuit.inputs]),
    )


# As the languages have it; Python's own identifiers may hold characters that are no letters.
_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def identifiers(names: Sequence[str], reserved: frozenset[str]) -> dict[str, str]:
    """For each name an identifier: itself where it is one, else the nearest, all different: ``θ[0]`` is ``θ_0``."""
    found = {name: name for name in names if _IDENTIFIER.fullmatch(name) and name not in reserved}
    taken = {*found, *reserved}
    for name in names:
        if name in found:
            continue
        candidate = re.sub(r"\W+", "_", name).strip("_")
        if not _IDENTIFIER.fullmatch(candidate):
            candidate = f"p_{candidate}"
        base, count = candidate, 1
        while candidate in taken:
            candidate = f"{base}_{count}"
            count += 1
        found[name] = candidate
        taken.add(candidate)
    return found
