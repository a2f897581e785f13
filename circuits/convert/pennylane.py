"""Circuits to and from PennyLane (``pip install qgeom[pennylane]``).

A QNode or quantum function computes its gates' angles from its arguments. Here it is traced by JAX, once, with symbols
in place of the arguments: what comes out is a description whose parameters are those arguments, with angles that are
exact functions of them. Only PennyLane's circuit objects are used, none of its devices or gradients.

Wires become qubits 0, 1, ...: in the order of the device where it has wires, else sorted where all are integers, else
in the order in which they occur. Qubit 0 is the most significant bit, as in PennyLane. Measurements at the end are
left out (see `circuits.Measured`), and global phases are dropped.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pennylane
from jax.core import Tracer
from jaxtyping import Array
from pennylane.operation import Channel, Operator
from pennylane.tape import QuantumScript as Tape

from circuits.circuit import Circuit
from circuits.convert.assembled import SymbolicGate, assembled
from circuits.convert.expressions import Expression
from circuits.convert.pennylane_arguments import (
    Arguments,
    argument_names,
    bound_arguments,
    tape_arguments,
    trainable_vector,
)
from circuits.convert.pennylane_gates import GLOBAL_PHASE, GateCall, operator, translated
from circuits.convert.traced_angles import TracedAngles
from circuits.convert.traced_expressions import Entry, traced_expressions
from circuits.gates import unitary
from circuits.ops import Op, Param
from circuits.reparametrised import Reparametrised

__all__ = ["from_pennylane", "to_pennylane", "trainable_vector"]

qp: Any = pennylane  # its names carry no types
# Decompositions nest; PennyLane's own go less than ten deep.
_MAX_NESTING = 100


def from_pennylane(
    source: Any,
    *args: Any,
    argnums: int | Sequence[int] | None = None,
    input_argnum: int | None = None,
    **kwargs: Any,
) -> Circuit | Reparametrised:
    """The circuit of a QNode, a quantum function, a QuantumScript or an operator (a gate, a template).

    For a QNode or quantum function, theta is its trainable arguments, each raveled, one after the other; an angle that
    is linear in them shares parameters between gates, any other is kept as a function. The values of ``args`` are not
    looked at, except those of constants. For a QuantumScript or an operator, theta is its trainable parameters
    (``get_parameters()``), of which each use is a parameter of its own.

    Args:
        source: what is converted. User transforms of a QNode are applied.
        args: its positional arguments: examples of the right shape.
        argnums: positions of the trainable arguments. By default every argument of real floating-point numbers is
            trainable, except PennyLane tensors with ``requires_grad=False``; integers, booleans, strings and complex
            numbers are constants.
        input_argnum: position of the one-dimensional argument that becomes the input x of the description.
        kwargs: its keyword arguments, constants.

    Returns:
        A `Circuit`; where an angle is no linear function of an argument, or an argument is used by no gate, a
        `Reparametrised` circuit of the same theta. Parameters are named after the arguments: ``weights[0,1]``.

    Raises:
        ValueError: an operation without a unitary meaning here (mid-circuit measurement, classical control, a noise
            channel), named with its position; gates that depend on the value of a traced argument; transforms that
            split the circuit; wrong positions of arguments.
        TypeError: for another source.
    """
    if isinstance(source, Tape | Operator):
        if args or kwargs or argnums is not None or input_argnum is not None:
            raise TypeError(
                "a QuantumScript or operator takes no arguments: its parameters are bound already"
            )
        tape = source if isinstance(source, Tape) else Tape([source])
        make, arguments = tape_arguments(tape)
        converted = _converted(make, arguments, _labels([], tape))
        return converted.named(None) if isinstance(converted, Circuit) else converted
    if isinstance(source, qp.QNode):
        make_tape = _qnode_tape(source)
        function: Any = source.func
        device_wires = source.device.wires or []
    elif callable(source):
        make_tape = qp.tape.make_qscript(source)
        function, device_wires = source, []
    else:
        raise TypeError(
            "from_pennylane takes a QNode, a quantum function, a QuantumScript or an operator, not "
            f"{type(source).__name__}"
        )
    names = argument_names(function, len(args))
    arguments = bound_arguments(args, names, argnums, input_argnum)
    return _converted(lambda values: make_tape(*values, **kwargs), arguments, list(device_wires))


def to_pennylane(
    description: Circuit | Reparametrised, theta: Any = None, x: Any = None
) -> Tape | Callable[..., None]:
    """The circuit as a quantum function of theta, or, at given values, as a QuantumScript.

    Args:
        description: the circuit; qubit k becomes wire k.
        theta: parameters, (P,), of any interface, ``()`` for none; None for a function.
        x: input, (n_inputs,), where the circuit takes one.

    Returns:
        Without ``theta``, a quantum function ``apply(theta, x=None)`` to be called in a QNode before it measures: it
        queues the gates, and PennyLane differentiates through it in the interface of theta (in JAX only, for a
        `Reparametrised` circuit). With ``theta``, a ``qml.tape.QuantumScript`` without measurements whose trainable
        parameters are those that depend on theta.

    Raises:
        TypeError: for another description.
        ValueError: a theta or x of a wrong shape.
    """
    if not isinstance(description, Circuit | Reparametrised):
        raise TypeError(
            f"to_pennylane takes a Circuit or a Reparametrised circuit, not {type(description).__name__}"
        )

    def apply(theta: Any = (), x: Any = None) -> None:
        for op, angles in _valued_gates(description, theta, x):
            operator(op, angles)

    if theta is None:
        return apply
    with qp.queuing.AnnotatedQueue() as queue:
        apply(theta, x)
    tape = Tape.from_queue(queue)
    circuit = description if isinstance(description, Circuit) else description.circuit
    free = [depends for op in circuit.ops for depends in _trainable(op)]
    tape.trainable_params = [k for k, depends in enumerate(free) if depends]
    return tape


def _trainable(op: Op) -> list[bool]:
    """For each parameter of the operator of a gate, whether it depends on theta; that of SU2 and SU4 is a vector."""
    found = [angle.index is not None for angle in op.angles]
    return [any(found)] if op.name in ("SU2", "SU4") else found


def _valued_gates(
    description: Circuit | Reparametrised, theta: Any, x: Any
) -> Iterator[tuple[Op, list[Any]]]:
    circuit = description
    values = theta
    if isinstance(description, Reparametrised):
        circuit, values = description.circuit, description.angles(theta, x)
        x = x[: circuit.n_inputs] if circuit.n_inputs else None  # the map may read more
    assert isinstance(circuit, Circuit)
    for given, count, what in ((values, circuit.n_parameters, "theta"), (x, circuit.n_inputs, "x")):
        shape = qp.math.shape(() if given is None else given)
        if shape != (count,):
            raise ValueError(f"{what} must have shape ({count},), not {shape}")

    def angle(p: Param) -> Any:
        if p.is_fixed:
            return p.offset
        value = p.scale
        if p.index is not None:
            value = values[p.index] * value if value != 1.0 else values[p.index]
        if p.input is not None:
            value = value * x[p.input]
        return value + p.offset if p.offset != 0.0 else value

    for op in circuit.ops:
        yield op, [angle(p) for p in op.angles]


# From PennyLane.


def _qnode_tape(qnode: Any) -> Callable[..., Tape]:
    def make(*args: Any, **kwargs: Any) -> Tape:
        tapes, _ = qp.workflow.construct_batch(qnode, level="user")(*args, **kwargs)
        if len(tapes) != 1:
            raise ValueError(
                f"the transforms of the QNode make {len(tapes)} circuits of it: convert them one by one, from "
                "qml.workflow.construct_batch"
            )
        return tapes[0]

    return make


def _labels(device_wires: list[Any], tape: Tape) -> list[Any]:
    if device_wires:
        return device_wires
    wires = list(tape.wires)
    return sorted(wires) if all(isinstance(w, int | np.integer) for w in wires) else wires


class _Traced(NamedTuple):
    """The gates of a tape, and their angles in a row."""

    labels: list[Any]
    gates: list[GateCall]

    @property
    def angles(self) -> list[Any]:
        return [angle for call in self.gates for angle in call.angles]


def _traced(make: Callable[[Any], Tape], values: Any, device_wires: list[Any]) -> _Traced:
    # PennyLane mixes dtypes, which strict promotion forbids.
    with jax.numpy_dtype_promotion("standard"), qp.QueuingManager.stop_recording():
        tape = make(values)
        gates = [
            call
            for position, op in enumerate(tape.operations)
            for call in _expanded(op, f"operation {position} ({_short(op)})", 0)
            if call.name != GLOBAL_PHASE
        ]
    return _Traced(_labels(device_wires, tape), gates)


def _converted(
    make: Callable[[Any], Tape], arguments: Arguments, device_wires: list[Any]
) -> Circuit | Reparametrised:
    found: list[_Traced] = []

    def angles(theta: Array, x: Array | None) -> list[Array]:
        traced = _traced(make, arguments.values(theta, x), device_wires)
        found.append(traced)
        return [jnp.asarray(angle) for angle in traced.angles]

    theta = np.zeros(len(arguments.parameters))
    x = np.zeros(len(arguments.inputs)) if arguments.inputs else None
    # Traced in double precision, whatever JAX is set to: nothing of it leaves but Python's floats.
    with jax.enable_x64(True), _readable_errors():
        closed = jax.make_jaxpr(angles)(theta, x)
        symbols = [arguments.parameters, arguments.inputs] if arguments.inputs else [arguments.parameters]
        entries = traced_expressions(closed, symbols)
    labels, gates = found[0].labels, found[0].gates
    qubit = {label: k for k, label in enumerate(labels)}
    wired = [call._replace(wires=tuple([qubit[w] for w in call.wires])) for call in gates]
    n_qubits = max(1, len(labels))
    known = [entry for entry in entries if isinstance(entry, Expression)]
    if len(known) == len(entries):
        symbolic = [
            SymbolicGate(call.name, call.wires, tuple(own), call.pauli) for call, own in _split(wired, known)
        ]
        return assembled(n_qubits, symbolic, arguments.parameters, arguments.inputs)
    return _behind_a_function(make, arguments, device_wires, n_qubits, list(_split(wired, entries)))


def _split(gates: Sequence[GateCall], angles: Sequence[Any]) -> Iterator[tuple[GateCall, list[Any]]]:
    rest = iter(angles)
    for call in gates:
        yield call, [next(rest) for _ in call.angles]


def _behind_a_function(
    make: Callable[[Any], Tape],
    arguments: Arguments,
    device_wires: list[Any],
    n_qubits: int,
    gates: list[tuple[GateCall, list[Entry]]],
) -> Reparametrised:
    """All angles but numbers are values of the traced function."""
    entries = [entry for _, own in gates for entry in own]
    chosen = [k for k, entry in enumerate(entries) if entry.number is None]
    slot = {k: i for i, k in enumerate(chosen)}
    counter = iter(range(len(entries)))

    def param(entry: Entry) -> Param:
        k = next(counter)
        return Param(slot[k]) if entry.number is None else Param(None, 0.0, entry.number)

    ops = [Op(call.name, call.wires, tuple([param(e) for e in own]), call.pauli) for call, own in gates]

    def function(theta: Array, x: Array | None) -> Array:
        angles = _traced(make, arguments.values(theta, x), device_wires).angles
        with jax.numpy_dtype_promotion("standard"):
            return jnp.stack([jnp.asarray(angles[k], theta.dtype) for k in chosen])

    position = {name: i for i, name in enumerate(arguments.parameters)}
    dependence = [[position[n] for n in entries[k].names if n in position] for k in chosen]
    angle_map = TracedAngles(function, dependence, arguments.parameters, len(arguments.inputs))
    return Reparametrised(Circuit(n_qubits, ops), angle_map)


@contextlib.contextmanager
def _readable_errors() -> Iterator[None]:
    """JAX's errors about traced values as one line."""
    try:
        yield
    except (jax.errors.JAXTypeError, jax.errors.JAXIndexError) as error:
        raise ValueError(
            "the gates depend on the value of a trainable argument (an if, an int() or NumPy acting on it): make "
            "that argument a constant by argnums, or compute with jax.numpy"
        ) from error


def _short(op: Any) -> str:
    wires = ", ".join(map(str, op.wires))
    return f"{op.name} on wires {wires}" if wires else op.name


def _expanded(op: Any, where: str, nesting: int) -> Iterator[GateCall]:
    calls = translated(op)
    if calls is not None:
        yield from calls
        return
    if isinstance(op, (qp.ops.MidMeasure, qp.ops.Conditional)) or "Measure" in op.name:
        raise ValueError(
            f"{where} is a measurement in the middle of the circuit, or depends on one; only unitary gates have a "
            "meaning here: apply qml.defer_measurements first"
        )
    if isinstance(op, (Channel, qp.QubitDensityMatrix)):
        raise ValueError(f"{where} makes a mixed state; a circuit of gates is pure: see circuits.noise")
    if op.name == "QubitUnitary" and len(op.wires) <= 2 and not isinstance(op.data[0], Tracer):
        fixed = unitary(np.asarray(op.data[0]), *range(len(op.wires)))
        angles = tuple([angle.offset for angle in fixed.angles])
        yield GateCall(fixed.name, tuple(op.wires), angles)
        return
    if not op.has_decomposition or nesting >= _MAX_NESTING:
        raise ValueError(f"{where} has no decomposition into gates: {op.name} cannot be converted")
    for part in op.decomposition():
        yield from _expanded(part, where, nesting + 1)
