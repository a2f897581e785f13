"""The causal graph of a description: its wires, as a relation and as an order."""

from __future__ import annotations

import math

import networkx as nx
import numpy as np

from circuits.description import Description
from qgeom.emergent.relation import Relation

KIND = "wires"


def wire_relation(description: Description) -> Relation:
    """Nodes are related if a wire joins them; the share is 1/e, so that the logarithmic distance counts wires.

    Raises:
        ValueError: fewer than two nodes.
    """
    nodes = description.nodes
    table = np.zeros((len(nodes), len(nodes)))
    for i, j in description.wires:
        table[i, j] = table[j, i] = 1.0
    np.fill_diagonal(table, 0.0)
    names = tuple(node.name for node in nodes)
    return Relation(KIND, names, table, "", table / math.e, nodes=tuple(range(len(nodes))))


def causal_graph(description: Description) -> nx.DiGraph:
    """The nodes as a directed graph: edges along the wires; ``name``, ``kind`` and ``layer`` of each node."""
    graph = nx.DiGraph()
    for k, node in enumerate(description.nodes):
        graph.add_node(k, name=node.name, kind=node.kind, layer=node.layer)
    graph.add_edges_from(description.wires)
    return graph


def precedence(description: Description) -> np.ndarray:
    """``before[i, j]``: a path of wires leads from node i to node j; (n, n) bool, a strict partial order.

    Raises:
        ValueError: if the wires have a cycle.
    """
    graph = causal_graph(description)
    if not nx.is_directed_acyclic_graph(graph):
        raise ValueError("the wires have a cycle: there is no causal order")
    before = np.zeros((len(graph), len(graph)), bool)
    for node in reversed(list(nx.topological_sort(graph))):
        for following in graph.successors(node):
            before[node] |= before[following]
            before[node, following] = True
    return before


def depth(description: Description) -> np.ndarray:
    """Longest chain of wires that leads to each node, (n,) int: 0 for those with nothing before them."""
    order = precedence(description)
    graph = causal_graph(description)
    found = np.zeros(len(order), int)
    for node in nx.topological_sort(graph):
        found[node] = max((found[k] + 1 for k in graph.predecessors(node)), default=0)
    return found
