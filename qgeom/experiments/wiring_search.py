r"""A small search for wirings that need no weights (Gaier and Ha, NeurIPS 2019).

A population of wirings grows from small ones. A generation ranks them by fronts of non-dominated members: in four of
five by mean accuracy over the shared weights and number of connections, else by mean and best accuracy. The best fifth
stay; the others are replaced by changed copies of winners of tournaments. Three changes:

==================  ========================================  ===============================================
change              network                                   circuit
==================  ========================================  ===============================================
insert a node       into a connection, which becomes two      a rotation of one qubit, anywhere
add a connection    that makes no cycle                       a rotation of one qubit takes a second, P -> PP
change a function   of a node                                 the axis of a rotation
==================  ========================================  ===============================================
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float, Int

from qgeom.experiments.weight_agnostic import (
    AXES,
    FUNCTIONS,
    Gates,
    Topology,
    possible,
    random_gate,
    random_topology,
)

CHANGES = (0.25, 0.25, 0.5)
"""Chances of the three changes."""
KEPT, TOURNAMENT, BY_SIZE = 0.2, 4, 0.8
"""Share of the population that stays; members of a tournament; chance that a generation looks at the size."""

W = TypeVar("W", Topology, Gates)


class Found(NamedTuple):
    """What a search found.

    Attributes:
        best: the wiring of the largest mean accuracy, the smallest of several.
        accuracies: its accuracies over the weights, on the data of the search.
        history: largest mean accuracy so far, per generation.
    """

    best: Topology | Gates
    accuracies: Float[np.ndarray, " w"]
    history: Float[np.ndarray, " generations"]


def search(
    rng: np.random.Generator,
    first: Callable[[np.random.Generator], W],
    change: Callable[[np.random.Generator, W], W],
    accuracies: Callable[[W], Float[np.ndarray, " w"]],
    population: int,
    generations: int,
) -> Found:
    """Search from ``population`` wirings drawn by ``first``.

    Args:
        rng: of everything.
        first: draws a small wiring.
        change: a changed copy.
        accuracies: of a wiring over the shared weights.
        population: its size.
        generations: rounds of change, the first population not counted.
    """
    members = [first(rng) for _ in range(population)]
    scores = [accuracies(member) for member in members]
    best, history = 0, []
    kept: tuple[W, np.ndarray] = members[0], scores[0]
    for generation in range(generations + 1):
        means = np.array([np.mean(score) for score in scores])
        sizes = np.array([member.n_connections for member in members])
        best = int(np.lexsort((sizes, -means))[0])
        if (means[best], -sizes[best]) > (np.mean(kept[1]), -kept[0].n_connections) or generation == 0:
            kept = members[best], scores[best]
        history.append(float(np.mean(kept[1])))
        if generation == generations:
            break
        other = -sizes if rng.random() < BY_SIZE else np.array([np.max(score) for score in scores])
        order = np.lexsort((-means, fronts(np.stack([means, other], axis=1))))
        places = np.argsort(order)
        stay = order[: max(1, round(KEPT * population))]
        parents = [
            min(rng.integers(population, size=TOURNAMENT), key=lambda k: places[k])
            for _ in range(population - len(stay))
        ]
        children = [change(rng, members[k]) for k in parents]
        members = [*(members[k] for k in stay), *children]
        scores = [*(scores[k] for k in stay), *(accuracies(child) for child in children)]
    return Found(kept[0], np.asarray(kept[1]), np.array(history))


def fronts(goals: Float[np.ndarray, "members goals"]) -> Int[np.ndarray, " members"]:
    """The front of every member, from 0: those that no member of a later front is as good as in all and better in one.

    Larger is better.
    """
    better = (goals[:, None] >= goals[None]).all(axis=2) & (goals[:, None] > goals[None]).any(axis=2)
    out, left, number = np.zeros(len(goals), int), np.ones(len(goals), bool), 0
    while left.any():
        front = left & ~(better & left[:, None]).any(axis=0)
        out[front], left, number = number, left & ~front, number + 1
    return out


# --- networks --------------------------------------------------------------


def first_topology(rng: np.random.Generator, sources: int, outputs: int) -> Topology:
    """Outputs that listen to half of the inputs."""
    return random_topology(rng, sources, outputs, 0, max(1, sources * outputs // 2))


def changed_topology(rng: np.random.Generator, topology: Topology, outputs: int) -> Topology:
    """A copy with one change; unchanged where the change drawn is not possible."""
    mask, functions, n = topology.mask.copy(), topology.functions.copy(), topology.n_sources
    kind = rng.choice(3, p=CHANGES)
    if kind == 0 and mask.any():
        to, source = (int(k) for k in rng.permutation(np.argwhere(mask))[0])
        # Before the node that listens (outputs stay last): behind its source, so nothing points back.
        place = min(to, len(functions) - outputs)
        mask[to, source] = False
        mask = np.insert(np.insert(mask, place, False, axis=0), n + place, False, axis=1)
        mask[place, source if source < n + place else source + 1] = True
        mask[to + 1, n + place] = True
        functions = np.insert(functions, place, rng.integers(len(FUNCTIONS)))
    elif kind == 1:
        free = np.argwhere(possible(len(functions), n, outputs) & ~mask)
        if len(free):
            mask[tuple(free[rng.integers(len(free))])] = True
    elif kind == 2:
        functions[rng.integers(len(functions))] = rng.integers(len(FUNCTIONS))
    return Topology(mask, functions)


# --- circuits --------------------------------------------------------------


def first_gates(rng: np.random.Generator, n_qubits: int, n_layers: int) -> Gates:
    """One rotation of one qubit in every layer."""
    return Gates(n_qubits, tuple((random_gate(rng, n_qubits, 1),) for _ in range(n_layers)))


def changed_gates(rng: np.random.Generator, gates: Gates) -> Gates:
    """A copy with one change; unchanged where the change drawn is not possible."""
    layers = [list(layer) for layer in gates.layers]
    kind = rng.choice(3, p=CHANGES)
    if kind == 0:
        layer = layers[rng.integers(len(layers))]
        layer.insert(int(rng.integers(len(layer) + 1)), random_gate(rng, gates.n_qubits, 1))
    else:
        sizes = (1,) if kind == 1 else (1, 2)
        places = [(a, b) for a, layer in enumerate(layers) for b, g in enumerate(layer) if len(g[1]) in sizes]
        if places:
            a, b = places[rng.integers(len(places))]
            name, wires = layers[a][b]
            if kind == 1:
                others = [q for q in range(gates.n_qubits) if q not in wires]
                layers[a][b] = (name * 2, (*wires, int(rng.choice(others))))
            else:
                layers[a][b] = (AXES[rng.integers(3)] * len(wires), wires)
    return Gates(gates.n_qubits, tuple(tuple(layer) for layer in layers))
