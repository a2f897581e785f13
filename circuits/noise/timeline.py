"""What happens when: the gates and channels of a noisy circuit in order, gathered into blocks on one or two wires.

A block is applied to the state at once. All that is static is here, and kept: blocks, their wires, and which matrix
(gate or channel) stands where; matrices are made of angles and strengths by :mod:`circuits.noise.tables`.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

from circuits.circuit import Circuit
from circuits.noise.narrow import narrow
from circuits.noise.noise_model import NoiseModel
from circuits.ops import Op

LONGEST = (4, 16)
"""Matrices gathered into one block at most, on registers of up to `FEW` qubits and on larger ones.

The products of all blocks are taken together, padded to the longest; on few qubits a pass over the state is no dearer.
"""
FEW = 5


class Event(NamedTuple):
    """A gate or a channel at its place.

    Attributes:
        is_gate: whether it is a gate.
        number: of the gate in the narrow circuit, or of the channel's rule.
        wires: first wire first.
        layer: of the circuit, counted from 0.
    """

    is_gate: bool
    number: int
    wires: tuple[int, ...]
    layer: int


class Factor(NamedTuple):
    """One matrix of a block; ``place`` says which wires of the block it acts on (:func:`transfer.lifted`)."""

    is_gate: bool
    number: int
    place: str


class Block(NamedTuple):
    """Matrices on the same wires, in the order in which they act, that are one step of a simulation.

    Attributes:
        wires: one or two, ascending; more where ``wide``.
        factors: what is multiplied. In trajectories these are gates, followed by ``channel``.
        layer: of the circuit.
        wide: whether it is a depolarising channel on more than two wires.
        channel: in trajectories, the channel at the end of the block, where there is one.
    """

    wires: tuple[int, ...]
    factors: tuple[Factor, ...]
    layer: int
    wide: bool = False
    channel: Factor | None = None


class Timeline(NamedTuple):
    """A noisy circuit as blocks.

    Attributes:
        circuit: the same circuit by gates on one or two wires.
        blocks: in the order in which they act.
        n_layers: layers of the circuit.
    """

    circuit: Circuit
    blocks: tuple[Block, ...]
    n_layers: int


def events(circuit: Circuit, form: NoiseModel) -> tuple[Circuit, list[Event]]:
    """The circuit by narrow gates, and every gate followed by its channels, layer by layer."""
    ops: list[Op] = []
    found: list[Event] = []
    layers = [k for k, count in enumerate(circuit.layers) for _ in range(count)]
    for op, layer in zip(circuit.layered_ops, layers, strict=True):
        for part in narrow(op):
            found.append(Event(True, len(ops), part.wires, layer))
            ops.append(part)
        for k, rule in enumerate(form.rules):
            found.extend(Event(False, k, wires, layer) for wires in rule.places(op))
    return Circuit(circuit.n_qubits, ops), found


@functools.lru_cache(maxsize=256)
def averaged(circuit: Circuit, form: NoiseModel, by_layer: bool) -> Timeline:
    """Blocks of gates and channels alike, for density matrices; within layers if ``by_layer``."""
    return _gathered(circuit, form, by_layer, sampled=False)


@functools.lru_cache(maxsize=256)
def sampled(circuit: Circuit, form: NoiseModel) -> Timeline:
    """Blocks of gates that end with a channel, of which a trajectory draws one Kraus operator."""
    return _gathered(circuit, form, False, sampled=True)


class _Open:
    """A block under construction."""

    def __init__(self, wires: tuple[int, ...], layer: int, longest: int) -> None:
        self.wires = wires
        self.longest = longest
        self.layer = layer
        self.wide = len(wires) > 2
        self.factors: list[Factor] = []
        self.channel: Factor | None = None

    @property
    def closed(self) -> bool:
        return self.wide or self.channel is not None or len(self.factors) >= self.longest

    def finished(self) -> Block:
        return Block(self.wires, tuple(self.factors), self.layer, self.wide, self.channel)


def _gathered(circuit: Circuit, form: NoiseModel, by_layer: bool, sampled: bool) -> Timeline:
    small, every = events(circuit, form)
    n, width = circuit.n_qubits, min(2, circuit.n_qubits)
    blocks: list[_Open] = []
    last: list[_Open | None] = [None] * n
    layer = 0
    for event in every:
        if by_layer and event.layer != layer:
            last[:] = [None] * n
            layer = event.layer
        block = _block_for(event, last)
        if block is None:
            block = _Open(_block_wires(event.wires, n, width), event.layer, LONGEST[n > FEW])
            blocks.append(block)
            for w in block.wires:
                last[w] = block
        factor = Factor(event.is_gate, event.number, _place(event.wires, block.wires))
        if sampled and not event.is_gate:
            block.channel = factor
        else:
            block.factors.append(factor)
    return Timeline(small, tuple(b.finished() for b in blocks), len(circuit.layers))


def _block_for(event: Event, last: list[_Open | None]) -> _Open | None:
    """The block that the event can join: the last one on all of its wires, if it is still open."""
    if len(event.wires) > 2:
        return None
    block = last[min(event.wires)]
    if block is None or block.closed or any(last[w] is not block for w in event.wires):
        return None
    # a one-wire event may join a block whose other wire has gone on: they commute
    return block


def _block_wires(wires: tuple[int, ...], n: int, width: int) -> tuple[int, ...]:
    if len(wires) == 1 and width == 2:
        # any partner does; a neighbour keeps the set of pairs, and so what is compiled, small
        w = min(wires)
        return (w, w + 1) if w + 1 < n else (w - 1, w)
    return wires if len(wires) > 2 else tuple(sorted(wires))


def _place(wires: tuple[int, ...], block: tuple[int, ...]) -> str:
    if len(wires) == 1:
        return "both" if len(block) == 1 else ("first" if wires[0] == block[0] else "second")
    return "both" if wires == block else "swapped"


__all__ = ["Block", "Event", "Factor", "Timeline", "averaged", "events", "sampled"]
