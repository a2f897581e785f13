"""Scheduling: the elements of a body of gates, in as few steps as their order allows.

Each element goes into the earliest step that may hold it. Phases commute with each other, so a step of phases takes
any phase whose wires nothing else has touched since; neighbouring dense matrices on one or two wires multiply into one
piece; flips follow each other inside one gather.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.blocks import Blocks, DistantBlock
from circuits.flips import Flips
from circuits.gates import Op
from circuits.lowering import Dense, Element, Flip, Phase, lower
from circuits.phases import Phases
from circuits.pieces import Group, Piece
from circuits.step import Step

#: The widest group that is one matrix: 2^4 is where products and passes over memory balance on CPUs.
GROUP_WIDTH = 4


class _Slot:
    """A step under construction."""

    def __init__(self, kind: str):
        self.kind = kind
        self.phases: list[Phase] = []
        self.flips: list[Flip] = []
        self.pieces: dict[int, tuple[tuple[int, ...], list[Dense]]] = {}  # wire -> the piece it belongs to
        self.distant: list[Dense] = []


class _Scheduler:
    def __init__(self, n_qubits: int):
        self.n_qubits = n_qubits
        self.slots: list[_Slot] = []
        self.last = [-1] * n_qubits  # the last slot that touches a wire
        self.last_not_phase = [-1] * n_qubits

    def add(self, element: Element) -> None:
        if isinstance(element, Phase):
            self._add_phase(element)
        elif isinstance(element, Flip):
            self._add_flip(element)
        else:
            self._add_dense(element)

    def _place(self, kind: str, earliest: int) -> int:
        for k in range(max(earliest, 0), len(self.slots)):
            if self.slots[k].kind == kind:
                return k
        self.slots.append(_Slot(kind))
        return len(self.slots) - 1

    def _touch(self, wires: tuple[int, ...], slot: int, is_phase: bool) -> None:
        for q in wires:
            self.last[q] = max(self.last[q], slot)
            if not is_phase:
                self.last_not_phase[q] = max(self.last_not_phase[q], slot)

    def _add_phase(self, phase: Phase) -> None:
        bound = max((self.last_not_phase[q] for q in phase.wires), default=-1)
        k = self._place("phases", bound + 1)
        self.slots[k].phases.append(phase)
        self._touch(phase.wires, k, True)

    def _add_flip(self, flip: Flip) -> None:
        bound = max(self.last[q] for q in flip.wires)
        if not flip.controls and bound >= 0 and flip.target in self.slots[bound].pieces:
            # a NOT after a matrix on the same wire joins it
            self.slots[bound].pieces[flip.target][1].append(Dense((flip.target,), "NOT"))
            return
        follows = bound >= 0 and self.slots[bound].kind == "flips"
        k = self._place("flips", bound if follows else bound + 1)
        self.slots[k].flips.append(flip)
        self._touch(flip.wires, k, False)

    def _add_dense(self, dense: Dense) -> None:
        if len(dense.wires) == 2 and abs(dense.wires[0] - dense.wires[1]) != 1:
            self._add_distant(dense)
            return
        bound = max(self.last[q] for q in dense.wires)
        k = bound if bound >= 0 and self._joins(dense, bound) else None
        if k is None:
            k = self._place("blocks", bound + 1)
        self._join(dense, self.slots[k])
        self._touch(dense.wires, k, False)

    def _joins(self, dense: Dense, slot: int) -> bool:
        """Whether the pieces that the slot has on these wires may absorb the element."""
        if self.slots[slot].kind != "blocks":
            return False
        pieces = self.slots[slot].pieces
        present = {pieces[q][0] for q in dense.wires if q in pieces}
        if len(dense.wires) == 1:
            return True
        pair = tuple(sorted(dense.wires))
        return all(len(wires) == 1 or wires == pair for wires in present)

    @staticmethod
    def _join(dense: Dense, slot: _Slot) -> None:
        wires = tuple(sorted(dense.wires))
        pieces = slot.pieces
        if len(wires) == 1 and wires[0] in pieces:
            pieces[wires[0]][1].append(dense)
            return
        if len(wires) == 2 and wires[0] in pieces and pieces[wires[0]][0] == wires:
            pieces[wires[0]][1].append(dense)
            return
        earlier = [e for q in wires if q in pieces for e in pieces[q][1]]
        piece = (wires, [*earlier, dense])
        for q in wires:
            pieces[q] = piece

    def _add_distant(self, dense: Dense) -> None:
        bound = max(self.last[q] for q in dense.wires)
        pair = tuple(sorted(dense.wires))
        if bound >= 0 and self.slots[bound].kind == "distant":
            first = self.slots[bound].distant[0]
            if tuple(sorted(first.wires)) == pair:
                self.slots[bound].distant.append(dense)
                return
        self.slots.append(_Slot("distant"))
        self.slots[-1].distant.append(dense)
        self._touch(dense.wires, len(self.slots) - 1, False)

    def steps(self) -> tuple[Step, ...]:
        result: list[Step] = []
        for slot in self.slots:
            if slot.kind == "phases":
                result.append(Phases(self.n_qubits, slot.phases))
            elif slot.kind == "flips":
                result.append(Flips(self.n_qubits, slot.flips))
            elif slot.kind == "distant":
                result.append(DistantBlock(self.n_qubits, slot.distant))
            else:
                result.append(Blocks(self.n_qubits, _groups(self.n_qubits, slot.pieces)))
        return tuple(result)


def _groups(n_qubits: int, placed: dict[int, tuple[tuple[int, ...], list[Dense]]]) -> list[Group]:
    """Neighbouring pieces, in groups of even size; idle wires join them unless most wires are idle."""
    pieces: list[Piece] = []
    q = 0
    while q < n_qubits:
        wires, elements = placed.get(q, ((q,), []))
        pieces.append(Piece(wires, elements))
        q += len(wires)
    if 3 * len(placed) < n_qubits:
        return _runs(pieces)
    # On few qubits a matrix of 2^4 costs more to build, anew for every input, than all it acts on.
    widest = min(GROUP_WIDTH, max(1, n_qubits // 2)) if n_qubits <= GROUP_WIDTH + 1 else GROUP_WIDTH
    n_groups = -(-n_qubits // widest)
    groups: list[Group] = []
    left = n_qubits
    current: list[Piece] = []
    width = 0
    for piece in pieces:
        size = len(piece.wires)
        target = min(widest, -(-left // max(n_groups - len(groups), 1)))
        if current and width + size > target:
            groups.append(Group(current))
            left -= width
            current, width = [], 0
        current.append(piece)
        width += size
    groups.append(Group(current))
    return groups


def _runs(pieces: list[Piece]) -> list[Group]:
    """Groups of neighbouring pieces that hold a matrix; idle wires belong to none."""
    groups: list[Group] = []
    current: list[Piece] = []
    for piece in pieces:
        full = sum(len(p.wires) for p in current) + len(piece.wires) > GROUP_WIDTH
        if current and (full or not piece.elements):
            groups.append(Group(current))
            current = []
        if piece.elements:
            current.append(piece)
    if current:
        groups.append(Group(current))
    return groups


def schedule(n_qubits: int, ops: Sequence[Op]) -> tuple[Step, ...]:
    """The steps of a body of gates; its angles are numbered in the order of ``ops``."""
    scheduler = _Scheduler(n_qubits)
    slot = 0
    for op in ops:
        for element in lower(op, slot):
            scheduler.add(element)
        slot += len(op.angles)
    return scheduler.steps()
