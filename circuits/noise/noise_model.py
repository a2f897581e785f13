"""Noise models: which channel follows which gate on which wires, and how outcomes are misread.

    noise = (
        NoiseModel()
        .after(Depolarizing(0.001), gates=("RX", "RZ"))         # on every wire of these gates
        .after(Depolarizing(0.01, 2), gates=("CZ",))            # on both wires at once
        .after(AmplitudeDamping(0.02), wires=(3,))              # whenever a gate touches qubit 3
        .with_readout(ReadoutError(0.01, 0.03))
    )

Rules add up: after a gate, every rule that matches it acts, in the order in which the rules were given.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from circuits.noise.channel import Channel
from circuits.noise.channels import Depolarizing
from circuits.noise.readout import Readout
from circuits.ops import SIGNATURES, Op, checked_position


@dataclass(frozen=True)
class Rule:
    """A channel and the gates that it follows.

    Attributes:
        channel: what acts.
        gates: names of the gates (keys of ``circuits.ops.SIGNATURES``); None for all.
        wires: for a channel on one qubit the qubits that it acts on, for one on k the wires of the gate, in their
            order; None for any.
        unless: wires of gates that the rule leaves out (they have a rule of their own).
    """

    channel: Channel
    gates: tuple[str, ...] | None = None
    wires: tuple[int, ...] | None = None
    unless: frozenset[tuple[int, ...]] = frozenset()

    def places(self, op: Op) -> list[tuple[int, ...]]:
        """The wires on which the channel acts after a gate: none, one set, or each wire on its own."""
        if (self.gates is not None and op.name not in self.gates) or op.wires in self.unless:
            return []
        k = self.channel.n_qubits
        if k == 1:
            return [(w,) for w in op.wires if self.wires is None or w in self.wires]
        if k != len(op.wires) or (self.wires is not None and op.wires != self.wires):
            return []
        return [op.wires]


@dataclass(frozen=True)
class NoiseModel:
    """Channels after gates, and readout errors. Immutable, hashable, equal by value; start with an empty one.

    Attributes:
        rules: in the order in which they act after a gate.
        readout: wires (None: every wire that has no error of its own) and error.
    """

    rules: tuple[Rule, ...] = ()
    readout: tuple[tuple[tuple[int, ...] | None, Readout], ...] = ()

    def after(
        self, channel: Channel, gates: Sequence[str] | None = None, wires: Sequence[int] | None = None
    ) -> NoiseModel:
        """The model with one more rule.

        A channel on one qubit acts on every wire of a gate (those in ``wires``, if given); a channel on k >= 2 qubits
        acts after gates on k wires, first wire to first wire (only on exactly ``wires``, if given).

        Args:
            channel: what acts.
            gates: names such as ``("RX", "CZ")``; all gates unless given.
            wires: see above; all unless given.

        Raises:
            ValueError: an unknown gate, a gate on another number of wires than the channel, or wires that do not fit.
            TypeError: something that is no channel.
        """
        if not isinstance(channel, Channel):
            raise TypeError(f"a noise model takes channels such as Depolarizing(0.01), not {channel!r}")
        if channel.n_qubits > 2 and not isinstance(channel, Depolarizing):
            raise ValueError("a channel on more than 2 qubits must be Depolarizing")
        named = None if gates is None else _checked_gates(gates, channel)
        where = None if wires is None else tuple(checked_position(w, "a wire") for w in wires)
        if where is not None and channel.n_qubits > 1 and len(where) != channel.n_qubits:
            raise ValueError(
                f"a channel on {channel.n_qubits} qubits acts on as many wires, not on {len(where)}: {where}"
            )
        return replace(self, rules=(*self.rules, Rule(channel, named, where)))

    def with_readout(self, error: Readout, wires: Sequence[int] | None = None) -> NoiseModel:
        """The model with a readout error: on every wire without one of its own, or on ``wires``.

        Raises:
            ValueError: wires that do not fit, or that have an error already.
            TypeError: something that is no readout error.
        """
        if not isinstance(error, Readout):
            raise TypeError(
                f"a readout error is ReadoutError(p, q) or JointReadoutError(table), not {error!r}"
            )
        if wires is None and error.n_qubits > 1:
            raise ValueError("a joint readout error needs its wires")
        where = None if wires is None else tuple(checked_position(w, "a wire") for w in wires)
        if where is not None and (len(where) != error.n_qubits or len(set(where)) != len(where)):
            raise ValueError(f"a readout error of {error.n_qubits} qubits takes as many wires, not {where}")
        taken = {w for old, _ in self.readout if old is not None for w in old}
        if (where is None and any(old is None for old, _ in self.readout)) or taken & set(where or ()):
            raise ValueError("these wires have a readout error already; make one error of the two")
        return replace(self, readout=(*self.readout, (where, error)))

    def restricted(self, n_qubits: int) -> NoiseModel:
        """The model without rules and readout errors on qubits that a register of ``n_qubits`` does not have."""

        def inside(wires: tuple[int, ...] | None) -> bool:
            return wires is None or max(wires) < n_qubits

        rules = tuple(rule for rule in self.rules if inside(rule.wires))
        return NoiseModel(rules, tuple((wires, e) for wires, e in self.readout if inside(wires)))

    # Strengths.

    @functools.cached_property
    def strengths(self) -> np.ndarray:
        """The numbers that the model is a function of: of its rules, then of its readout errors. float64 (S,)."""
        parts = [rule.channel.strengths for rule in self.rules] + [e.strengths for _, e in self.readout]
        values = np.array([v for part in parts for v in part], np.float64)
        values.flags.writeable = False
        return values

    @property
    def strength_names(self) -> tuple[str, ...]:
        """One name per strength, with its rule's place in the model."""
        rules = [(f"rule {k}", rule.channel.strength_names) for k, rule in enumerate(self.rules)]
        reads = [(f"readout {k}", e.strength_names) for k, (_, e) in enumerate(self.readout)]
        return tuple(f"{name}[{place}]" for place, names in [*rules, *reads] for name in names)

    @functools.cached_property
    def form(self) -> NoiseModel:
        """The same model at reference strengths: what is static when strengths are traced."""
        rules = tuple(replace(rule, channel=rule.channel.form) for rule in self.rules)
        return NoiseModel(rules, tuple((wires, error.form) for wires, error in self.readout))

    def rule_strengths(self, strengths: Any) -> list[Any]:
        """The part of a vector of strengths that belongs to each rule."""
        return _parts(strengths, [len(rule.channel.strengths) for rule in self.rules], 0)

    def readout_matrices(self, n_qubits: int, strengths: Any) -> list[tuple[tuple[int, ...], Any]]:
        """Wires and ``p(read | true)`` of every readout error on a register, at some strengths."""
        start = sum(len(rule.channel.strengths) for rule in self.rules)
        parts = _parts(strengths, [len(e.strengths) for _, e in self.readout], start)
        own = {w for wires, _ in self.readout if wires is not None for w in wires}
        found = []
        for (wires, error), part in zip(self.readout, parts, strict=True):
            if wires is not None:
                found.append((wires, error.matrix(part)))
            else:
                found += [((w,), error.matrix(part)) for w in range(n_qubits) if w not in own]
        return found

    def __repr__(self) -> str:
        rules, reads = len(self.rules), len(self.readout)
        return f"NoiseModel({rules} rules, {reads} readout errors, {len(self.strengths)} strengths)"


def _parts(strengths: Any, sizes: Sequence[int], start: int) -> list[Any]:
    ends = np.cumsum([start, *sizes]).tolist()
    return [strengths[a:b] for a, b in itertools.pairwise(ends)]


def _checked_gates(gates: Sequence[str], channel: Channel) -> tuple[str, ...]:
    if isinstance(gates, str):
        gates = (gates,)
    for name in gates:
        signature = SIGNATURES.get(name)
        if signature is None:
            raise ValueError(
                f"unknown gate {name!r} in a noise model; the gate set is {', '.join(SIGNATURES)}"
            )
        if channel.n_qubits > 1 and signature.n_wires not in (None, channel.n_qubits):
            raise ValueError(
                f"a channel on {channel.n_qubits} qubits cannot follow {name}, a gate on {signature.n_wires}"
            )
    return tuple(dict.fromkeys(gates))
