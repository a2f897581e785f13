r"""Taking nodes out of a trained description one by one: neurons of a network, gates of a circuit.

A node is taken out by scaling its parameters to zero: a hidden neuron with ``a(0) = 0`` that has no incoming weights
and no bias passes nothing on, and a rotation by the angle 0 is no gate. Layers take turns, so that all criteria leave
equally many nodes in every layer; within a layer the node of the least score goes:

===================  =====================================================================================
``magnitude``        norm of its parameters (of the angle, for a gate)
``geometric median`` sum of the distances from its vector to those of the nodes left in its layer: the node
                     nearest to their geometric median is the one that the others can best replace (He et al.,
                     CVPR 2019, Eq. 4 to 6)
``Fisher``           ``sum_k F_kk theta_k^2`` over its parameters: the squared information length of the removal,
                     to lowest order and without cross terms (as the Fisher pruning of Theis et al. 2018)
``random``           none
===================  =====================================================================================

The vector of a neuron holds its incoming weights and bias. That of a gate ``exp(-i theta P / 2)`` is ``theta`` along
the letters of P, whatever the qubits are: as operators on the whole register, gates on different qubits are orthogonal,
all distances are ``sqrt(theta_a^2 + theta_b^2)``, and the median order would be the order of magnitude.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from circuits.circuit import Circuit
from circuits.description import Description
from circuits.networks.base import Network
from qgeom.emergent.shared_fisher import HIDDEN, distinct_nodes
from qgeom.experiments.pruning_masks import structure_of

CRITERIA = ("magnitude", "geometric median", "Fisher", "random")


class Removable(NamedTuple):
    """The nodes that can go, by layer.

    Attributes:
        positions: of the parameters of each node.
        bases: (parameters, d): the vector of a node is ``theta[positions] @ basis``; d is one per layer.
        layers: numbers of the nodes of each layer.
    """

    positions: tuple[np.ndarray, ...]
    bases: tuple[np.ndarray, ...]
    layers: tuple[tuple[int, ...], ...]


def removable(description: Description, diagonal: np.ndarray) -> Removable:
    """Hidden neurons, or gates that the points depend on.

    Args:
        description: a network, or a (measured) circuit of Pauli rotations.
        diagonal: of the metric of some models, (B, P): a gate that none of them depends on cannot go.

    Raises:
        TypeError: for other descriptions, or gates that are no rotations.
        ValueError: where nothing can go.
    """
    structure = structure_of(description)
    nodes = [structure.nodes[k] for k in distinct_nodes(structure)]
    if isinstance(structure, Network):
        last = max(node.layer for node in nodes)
        chosen = [node for node in nodes if node.layer < last]
        bases = [np.eye(len(node.parameters)) for node in chosen]
    elif isinstance(structure, Circuit):
        seen = [diagonal[:, list(node.parameters)].sum(axis=1) for node in nodes]
        least = HIDDEN * np.mean(seen, axis=0)
        chosen = [node for node, trace in zip(nodes, seen, strict=True) if np.any(trace > least)]
        if any(len(node.parameters) != 1 or node.kind[0] != "R" for node in chosen):
            raise TypeError("gates that are taken out are Pauli rotations of one angle each")
        letters = sorted({node.kind for node in chosen})
        bases = [np.eye(len(letters))[[letters.index(node.kind)]] for node in chosen]
    else:
        raise TypeError(f"nodes are taken out of circuits and networks, not of {type(structure).__name__}")
    if not chosen:
        raise ValueError("no node of this description can be taken out")
    numbers = sorted({node.layer for node in chosen})
    layers = tuple(tuple(k for k, node in enumerate(chosen) if node.layer == layer) for layer in numbers)
    return Removable(tuple(np.array(node.parameters) for node in chosen), tuple(bases), layers)


def scores(
    nodes: Removable, alive: tuple[int, ...], theta: np.ndarray, diagonal: np.ndarray, criterion: str, drawn: np.ndarray
) -> np.ndarray:  # fmt: skip
    """The scores of some nodes of one layer, the least of which goes first: (len(alive),).

    Args:
        nodes: of the description.
        alive: those of the layer that are left.
        theta: parameters (P,).
        diagonal: of the metric there, (P,).
        criterion: one of `CRITERIA`.
        drawn: a random number per node, for ``random``.
    """
    positions = [nodes.positions[k] for k in alive]
    if criterion == "random":
        return drawn[list(alive)]
    if criterion == "Fisher":
        return np.array([np.sum(diagonal[p] * theta[p] ** 2) for p in positions])
    vectors = np.stack([theta[p] @ nodes.bases[k] for p, k in zip(positions, alive, strict=True)])
    if criterion == "magnitude":
        return np.linalg.norm(vectors, axis=1)
    if criterion == "geometric median":
        return np.linalg.norm(vectors[:, None] - vectors[None], axis=-1).sum(axis=1)
    raise ValueError(f"unknown criterion {criterion!r}; known: {', '.join(CRITERIA)}")


def next_node(
    nodes: Removable, gone: set[int], theta: np.ndarray, diagonal: np.ndarray, criterion: str, drawn: np.ndarray
) -> int:  # fmt: skip
    """The node that goes next: layers take turns, as far as they have nodes left."""
    left = [tuple(k for k in layer if k not in gone) for layer in nodes.layers]
    turn = len(gone) % len(left)
    order = [*left[turn:], *left[:turn]]
    alive = next(layer for layer in order if layer)
    return alive[int(np.argmin(scores(nodes, alive, theta, diagonal, criterion, drawn)))]
