"""Checks of the gates of a circuit, in bulk: one pass each, little Python per gate."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from circuits.ops import SIGNATURES, Op, Param


class AngleTable(NamedTuple):
    """Every angle of every gate in order: ``offset + scale * theta[index] * x[input]``, -1 where a factor is absent."""

    index: np.ndarray
    scale: np.ndarray
    offset: np.ndarray
    input: np.ndarray


def gate_name(op: Op) -> str:
    """A gate and its qubits, e.g. ``RZZ[q0,q1]``."""
    name = f"R[{op.pauli}]" if op.pauli else op.name
    return f"{name}[{','.join(f'q{w}' for w in op.wires)}]"


def checked_n_qubits(n_qubits: Any) -> int:
    """The number of qubits as an integer of 1 or more."""
    if isinstance(n_qubits, bool) or not isinstance(n_qubits, int | np.integer):
        raise TypeError(f"n_qubits must be an integer, not {n_qubits!r}")
    if n_qubits < 1:
        raise ValueError(f"a circuit needs at least 1 qubit, not {n_qubits}")
    return int(n_qubits)


def checked_wires(n_qubits: int, ops: tuple[Op, ...]) -> np.ndarray:
    """The arity of every gate, then all wires: what tells one wiring from another."""
    if not set(map(type, ops)) <= {Op}:
        stranger = next(op for op in ops if type(op) is not Op)
        raise TypeError(f"a circuit is made of gates such as gates.RX(0.1, 0), not {stranger!r}")
    arities = [len(op.wires) for op in ops]
    shapes = {(op.name, n, len(op.angles), op.pauli) for op, n in zip(ops, arities, strict=True)}
    for shape in shapes:
        _check_shape(*shape)
    flat = list(itertools.chain.from_iterable([op.wires for op in ops]))
    if not set(map(type, flat)) <= {int}:
        raise TypeError("wires must be Python integers; build gates with gates.RX(angle, wire) and the like")
    wires = np.asarray(flat, dtype=np.int64)
    outside = (wires < 0) | (wires >= n_qubits)
    if outside.any():
        op = next(op for op in ops if any(not 0 <= w < n_qubits for w in op.wires))
        raise ValueError(
            f"{gate_name(op)} acts on a missing qubit: the circuit has qubits 0 to {n_qubits - 1}; "
            "give it more qubits or move the gate"
        )
    # A repeated wire within a gate: the pair (gate, wire) occurs twice.
    pairs = np.repeat(np.arange(len(ops)), arities) * n_qubits + wires
    if len(np.unique(pairs)) != len(pairs):
        op = next(op for op in ops if len(set(op.wires)) != len(op.wires))
        raise ValueError(f"{gate_name(op)} acts twice on the same qubit; the wires of a gate must differ")
    # Wires alone do not say where one gate ends: the arity of PAULIROT and MCP varies.
    return np.concatenate([np.asarray(arities, dtype=np.int64), wires])


def _check_shape(name: str, n_wires: int, n_angles: int, pauli: str) -> None:
    signature = SIGNATURES.get(name)
    if signature is None:
        raise ValueError(f"unknown gate {name!r}; the gate set is {', '.join(SIGNATURES)}")
    if n_wires != signature.n_wires and (signature.n_wires is not None or n_wires == 0):
        wanted = "at least 1 wire" if signature.n_wires is None else f"{signature.n_wires} wire(s)"
        raise ValueError(f"{name} takes {wanted}, not {n_wires}")
    if n_angles != signature.n_angles:
        raise ValueError(f"{name} takes {signature.n_angles} angle(s), not {n_angles}")
    if name == "PAULIROT":
        if len(pauli) != n_wires or not set(pauli) <= set("XYZ"):
            raise ValueError(f"PAULIROT needs one letter X, Y or Z per wire, not {pauli!r} on {n_wires}")
    elif pauli:
        raise ValueError(f"{name} takes no Pauli string; use gates.PauliRotation")


def angle_table(ops: tuple[Op, ...]) -> AngleTable:
    """The angles of all gates as arrays, read-only."""
    angles = list(itertools.chain.from_iterable([op.angles for op in ops]))
    if not set(map(type, angles)) <= {Param}:
        raise TypeError(
            "the angles of a gate must be Params; build gates with gates.RX(angle, wire) and the like"
        )
    # Adding 0.0 turns -0.0 into 0.0, so that equal circuits have equal bytes.
    table = AngleTable(
        np.asarray([-1 if a.index is None else a.index for a in angles], dtype=np.int64),
        np.asarray([a.scale for a in angles], dtype=np.float64) + 0.0,
        np.asarray([a.offset for a in angles], dtype=np.float64) + 0.0,
        np.asarray([-1 if a.input is None else a.input for a in angles], dtype=np.int64),
    )
    for column in table:
        column.flags.writeable = False
    return table


def checked_n_parameters(index: np.ndarray) -> int:
    """The number of parameters, given the indices used by all angles; every one must be used."""
    n_parameters = int(index.max(initial=-1)) + 1
    if n_parameters > len(index):
        # More parameters than angles: one is unused, and the count below could take any amount of memory.
        used = np.unique(index[index >= 0])
        missing = int(np.argmax(np.append(used, -1) != np.arange(len(used) + 1)))
    else:
        unused = np.flatnonzero(np.bincount(index[index >= 0], minlength=n_parameters) == 0)
        if not len(unused):
            return n_parameters
        missing = int(unused[0])
    raise ValueError(
        f"parameter {missing} is used by no gate; number the parameters 0, 1, 2, ... without gaps"
    )


def checked_layers(layers: Sequence[int], n_ops: int) -> tuple[int, ...]:
    """Gate counts per layer that add up to the number of gates."""
    counts = tuple(int(count) for count in layers)
    if any(count < 0 for count in counts) or sum(counts) != n_ops:
        raise ValueError(f"layers must be gate counts that add up to the {n_ops} gates, not {sum(counts)}")
    return counts


def checked_selection(chosen: Sequence[int], count: int, name: str, things: str) -> tuple[int, ...]:
    """Different numbers from 0 to ``count - 1``, at least one, as integers: ``name`` is the argument they came as."""
    selection = tuple(int(k) for k in chosen)
    if not selection or len(set(selection)) != len(selection) or not all(0 <= k < count for k in selection):
        raise ValueError(
            f"{name} must be different {things} from 0 to {count - 1}, at least one, not {selection}"
        )
    return selection
