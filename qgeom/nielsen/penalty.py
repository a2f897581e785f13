r"""Penalty metrics: a weight for each direction of the algebra.

The length of a path is ``int sqrt(sum_a w_a h_a^2) dt``: ``w`` multiplies the *square* of a control (``p^2`` in
Nielsen, Dowling, Gu and Doherty, 2006). A weight of infinity forbids its direction: the sub-Riemannian limit, with
which the flow, the relaxation and the shooting work directly since they use ``1 / w`` alone.

Weights are arrays and traced: a sweep in q compiles once.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import networkx as nx
import numpy as np
from jaxtyping import Array, Float

from qgeom.nielsen.groups import Group, PauliGroup, SpecialOrthogonal


class Penalty(eqx.Module):
    """A right-invariant metric: a group and one positive weight for each element of its basis.

    Attributes:
        group: The group, static.
        weights: ``w_a``, (m,), positive; ``inf`` forbids a direction.

    Raises ValueError if the number of weights is wrong, if one is not positive, or if all are infinite.
    """

    group: Group = eqx.field(static=True)
    weights: Float[Array, " m"]

    def __init__(self, group: Group, weights: Any) -> None:
        values = np.asarray(weights, np.float64)
        if values.shape != (group.dimension,):
            raise ValueError(
                f"expected {group.dimension} weights, one for each of {_some(group.names)}, got shape {values.shape}"
            )
        bad = ~(values > 0)
        if np.any(bad):
            where = int(np.argmax(bad))
            raise ValueError(
                f"the weight of {group.names[where]} is {values[where]:g}; weights multiply squares of controls and "
                "must be positive (inf forbids a direction)"
            )
        if not np.any(np.isfinite(values)):
            raise ValueError("every weight is infinite: no direction is left to move in")
        self.group = group
        self.weights = jnp.asarray(values)

    @property
    def inverse(self) -> Float[Array, " m"]:
        """``1 / w``, zero where a direction is forbidden: controls are ``h = L / w``."""
        return 1.0 / self.weights

    @property
    def cheapest(self) -> float:
        """The smallest weight."""
        return float(np.min(self.weights))

    def speed(self, h: Float[Array, "*batch m"]) -> Float[Array, "*batch"]:
        """``sqrt(sum_a w_a h_a^2)``; forbidden directions count as zero where they are not used, else inf."""
        squares = jnp.where(h == 0.0, 0.0, self.weights * h**2)
        return jnp.sqrt(jnp.sum(squares, axis=-1))

    def with_weights(self, weights: Any) -> Penalty:
        """The same group with another table."""
        return Penalty(self.group, weights)

    def table(self) -> dict[str, float]:
        """Name of each direction and its weight."""
        return dict(zip(self.group.names, np.asarray(self.weights).tolist()))

    def __repr__(self) -> str:
        values, counts = np.unique(np.asarray(self.weights), return_counts=True)
        listed = [f"{c} x {v:g}" for v, c in list(zip(values, counts))[:6]] + ["..."] * (len(values) > 6)
        return (
            f"Penalty({type(self.group).__name__}, m = {self.group.dimension}, weights {', '.join(listed)})"
        )


def local_penalty(
    n_qubits: int,
    q: float,
    max_weight: int = 2,
    weights: Mapping[str, float] | None = None,
) -> Penalty:
    """Strings on up to ``max_weight`` qubits cost 1, all others ``q`` (``inf``: they are forbidden).

    Args:
        n_qubits: n; the group is SU(2^n) up to phase.
        q: Weight of the strings on more than ``max_weight`` qubits.
        max_weight: 2 as in Nielsen et al. (for n = 2 the metric is then flat: use 1).
        weights: Weights of single strings, e.g. ``{"XYZ": 5.0}``, which override the rule.
    """
    if max_weight < 1:
        raise ValueError(
            f"max_weight is the number of qubits that a free string acts on, at least 1, not {max_weight}"
        )
    return weight_penalty(n_qubits, lambda k: 1.0 if k <= max_weight else q, weights)


def weight_penalty(
    n_qubits: int, rule: Callable[[int], float], weights: Mapping[str, float] | None = None
) -> Penalty:
    """``w_s = rule(k)`` for a string on k qubits: ``lambda k: 4.0**k``, a step, ..."""
    group = pauli_group(n_qubits)
    by_weight = [float(rule(k)) for k in range(1, n_qubits + 1)]
    table = np.asarray([by_weight[k - 1] for k in string_weights(n_qubits)])
    return Penalty(group, _override(group, table, weights))


def graph_penalty(
    n_qubits: int,
    edges: Iterable[tuple[int, int]],
    rule: Callable[[int], float],
    weights: Mapping[str, float] | None = None,
) -> Penalty:
    """``w_s = rule(l)``, l the edges of the smallest tree of the graph that joins the qubits of the string.

    A single qubit has l = 0, neighbours l = 1. For two qubits l is their distance; for more it is the Steiner tree's
    size (exact up to 8 qubits, by enumeration of connected sets).

    Args:
        n_qubits: Number of qubits.
        edges: Edges (i, j) of the interaction graph, which must be connected.
        rule: Weight of each size, e.g. ``lambda l: 1.0 if l <= 1 else q``.
        weights: Weights of single strings that override the rule.
    """
    graph = nx.Graph()
    graph.add_nodes_from(range(n_qubits))
    for i, j in edges:
        if not (0 <= i < n_qubits and 0 <= j < n_qubits and i != j):
            raise ValueError(f"edge ({i}, {j}) does not join two of the qubits 0 to {n_qubits - 1}")
        graph.add_edge(i, j)
    if not nx.is_connected(graph):
        raise ValueError(
            f"the interaction graph has {nx.number_connected_components(graph)} parts; it must be connected"
        )
    if n_qubits > 8:
        raise ValueError(f"graph_penalty enumerates sets of qubits and stops at 8, not {n_qubits}")
    trees = _steiner_sizes(graph)
    group = pauli_group(n_qubits)
    table = np.asarray([float(rule(trees[support])) for support in string_supports(n_qubits)])
    return Penalty(group, _override(group, table, weights))


def binding_penalty(
    n_qubits: int,
    parts: Sequence[Sequence[int]],
    q: float,
    base: Penalty | None = None,
) -> Penalty:
    """Strings that act on more than one of the parts cost ``q`` times their weight in ``base`` (1 by default).

    Args:
        n_qubits: Number of qubits.
        parts: Disjoint groups of qubits, e.g. ``[(0, 1), (2, 3)]``, which together are all of them.
        q: Factor on the strings that bind two parts or more.
        base: A penalty on the same qubits.
    """
    flat = sorted(i for part in parts for i in part)
    if flat != list(range(n_qubits)):
        raise ValueError(f"the parts must hold each of the qubits 0 to {n_qubits - 1} once, got {flat}")
    masks = [sum(1 << i for i in part) for part in parts]
    group = pauli_group(n_qubits)
    start = np.ones(group.dimension) if base is None else np.asarray(base.weights)
    crossing = np.asarray([sum(bool(s & mask) for mask in masks) > 1 for s in string_supports(n_qubits)])
    return Penalty(group, np.where(crossing, q * start, start))


def flat_penalty(n_qubits: int) -> Penalty:
    """Weight 1 for every string: the bi-invariant metric."""
    return Penalty(pauli_group(n_qubits), np.ones(4**n_qubits - 1))


def plane_penalty(dim: int, q: float, max_distance: int = 1, periodic: bool = False) -> Penalty:
    """On SO(d): rotations in the planes (i, j) with ``|i - j| <= max_distance`` cost 1, all others ``q``."""
    if dim < 2:
        raise ValueError(f"SO(d) needs d >= 2, not {dim}")
    i, j = np.triu_indices(dim, 1)
    gap = j - i
    if periodic:
        gap = np.minimum(gap, dim - gap)
    return Penalty(SpecialOrthogonal(dim), np.where(gap <= max_distance, 1.0, q))


def pauli_group(n_qubits: int) -> PauliGroup:
    """SU(2^n) up to phase; one line if n is no number of qubits that fits memory."""
    if n_qubits < 1:
        raise ValueError(f"expected at least one qubit, got {n_qubits}")
    if n_qubits > 8:
        raise ValueError(
            f"a metric on SU(2^{n_qubits}) has {4**n_qubits - 1} directions; geodesics stop at 8 qubits. "
            "Use qgeom.nielsen.straight_line_bound or circuit_cost for more"
        )
    return PauliGroup(n_qubits)


@functools.lru_cache(maxsize=16)
def string_supports(n_qubits: int) -> tuple[int, ...]:
    """For each string, in order, the set of qubits it acts on as a bit mask (bit i is qubit i)."""
    index = np.arange(1, 4**n_qubits)
    mask = np.zeros_like(index)
    for qubit in range(n_qubits):
        digit = (index >> (2 * (n_qubits - 1 - qubit))) & 3
        mask |= np.where(digit > 0, 1 << qubit, 0)
    return tuple(mask.tolist())


def string_weights(n_qubits: int) -> tuple[int, ...]:
    """For each string, in order, the number of qubits it acts on."""
    return tuple(mask.bit_count() for mask in string_supports(n_qubits))


def _override(group: PauliGroup, table: np.ndarray, weights: Mapping[str, float] | None) -> np.ndarray:
    if not weights:
        return table
    position = {name: k for k, name in enumerate(group.names)}
    table = table.copy()
    for string, weight in weights.items():
        if string not in position:
            raise ValueError(
                f"{string!r} is not a Pauli string on {group.n_qubits} qubits (letters I, X, Y, Z, not all I)"
            )
        table[position[string]] = weight
    return table


def _steiner_sizes(graph: nx.Graph) -> dict[int, int]:
    """For each set of nodes the fewest edges of a connected subgraph that holds it: smallest connected superset - 1."""
    n = graph.number_of_nodes()
    connected = [
        mask
        for mask in range(1, 1 << n)
        if nx.is_connected(graph.subgraph([i for i in range(n) if mask >> i & 1]))
    ]
    connected.sort(key=int.bit_count)
    sizes: dict[int, int] = {}
    for mask in range(1, 1 << n):
        sizes[mask] = next(c.bit_count() for c in connected if c & mask == mask) - 1
    return sizes


def _some(names: tuple[str, ...]) -> str:
    return ", ".join(names) if len(names) <= 8 else ", ".join(names[:4]) + ", ..., " + names[-1]
