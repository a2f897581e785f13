r"""Horizons: nodes whose parameters an observer of a part cannot estimate.

The observer holds some output qubits (their reduced state, SLD quantum Fisher information) or some outputs of a network
(classical Fisher information). What they learn of node a is

    visible_a = tr F^outside_aa / tr F_aa    in [0, 1],

at most 1 because no channel, and so no partial trace, adds information. A node is behind the horizon if this is below
a stated bound. The paper (III.C): the radius of a black hole is where the Fisher bound of the inside seen from the
outside becomes loose.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import PyTree

from circuits.circuit import Circuit
from circuits.description import Description, Params
from circuits.networks.base import Network
from circuits.reduced import PartialOutput, ReducedState
from qgeom.emergent.node_blocks import node_metric


@dataclass(frozen=True)
class Horizon:
    """What is seen of each node from outside.

    Attributes:
        names: Nodes with parameters.
        visible: (n,): share of the node's information that the observer has; nan where it has none at all.
        bound: Below this share a node is hidden.
    """

    names: tuple[str, ...]
    visible: np.ndarray
    bound: float

    @property
    def hidden(self) -> tuple[str, ...]:
        """Nodes behind the horizon; those without any information are hidden from everybody."""
        return tuple(n for n, v in zip(self.names, self.visible, strict=True) if not v >= self.bound)


def observed(description: Description, outside: Sequence[int]) -> Description:
    """The description as seen by an observer of some output qubits, or some outputs of a network.

    Raises:
        TypeError: a description that is neither a circuit nor a network.
        ValueError: outputs that are not there.
    """
    if isinstance(description, Circuit):
        return ReducedState(description, outside)
    if isinstance(description, Network):
        return PartialOutput(description, outside)
    raise TypeError(
        f"horizons are defined for circuits and networks, not {type(description).__name__}: give a Reading that yields "
        "what the observer sees to node_metric"
    )


def horizon(
    description: Description,
    params: Params,
    outside: Sequence[int],
    data: PyTree | None = None,
    bound: float = 0.5,
) -> Horizon:
    """Which nodes an observer of ``outside`` can estimate.

    Args:
        description: A circuit or a network.
        params: Its parameters.
        outside: Output qubits, or outputs of the network, that are observed.
        data: Inputs with a leading axis, where it takes any.
        bound: Share of the information below which a node is hidden, in (0, 1].

    Raises:
        ValueError: outputs that are not there, a bound outside (0, 1].
    """
    if not 0.0 < bound <= 1.0:
        raise ValueError(f"the bound is a share of the information, in (0, 1], not {bound}")
    whole = node_metric(description, params, data)
    part = node_metric(observed(description, outside), params, data)
    total = whole.traces
    known = total > 1e-12 * max(float(np.max(total)), 1e-300)
    visible = np.where(known, part.traces / np.where(known, total, 1.0), np.nan)
    return Horizon(whole.names, visible, bound)
