r"""From a description to its emergent geometry: relation, distances, shape, time, minimal length.

Every step has several named methods. What a claim rests on shows in :meth:`EmergentGeometry.table`, and in the same
table for other relations and distances: exponents and dimensions read off mutual information depend on the functional
that is chosen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import jax
import networkx as nx
import numpy as np
import scipy.sparse.csgraph
from jaxtyping import PyTree

from circuits.circuit import Circuit
from circuits.description import Description, Params
from circuits.networks.base import Network
from qgeom.emergent.activations import activation_information
from qgeom.emergent.curvature import Edge, ollivier_ricci
from qgeom.emergent.dimension import dimension_table
from qgeom.emergent.distance_formulas import Distances, Formula, Unit, distances
from qgeom.emergent.embedding import Embedding, Space, negative_share
from qgeom.emergent.estimate import Estimate
from qgeom.emergent.hyperbolicity import Hyperbolicity, gromov_hyperbolicity
from qgeom.emergent.influence import gate_influence, neuron_influence
from qgeom.emergent.minimal_length import lengths_of
from qgeom.emergent.node_blocks import NodeMetric, node_metric
from qgeom.emergent.relation import Relation
from qgeom.emergent.sensitivity import Time, time_of
from qgeom.emergent.shared_fisher import fisher_relation
from qgeom.emergent.site_information import Blocks, mutual_information
from qgeom.emergent.spaces import embed
from qgeom.emergent.wires import wire_relation

RelationName = Literal["mutual-information", "fisher", "influence", "wires"]
RELATIONS: tuple[RelationName, ...] = ("mutual-information", "fisher", "influence", "wires")
SAME_POINT = 1e-9
"""Nodes nearer than this fraction of the largest distance are one point."""
ROUNDING = 1e-9
"""Lengths, in the unit of the formula, that are rounding of the relation: no points are told apart by less."""
PREFERRED = ("volume growth", "correlation", "two nearest neighbours", "spectral", "MDS spectrum")
"""Estimators of the dimension in the order in which the first that does not refuse is the dimension."""


@dataclass(frozen=True)
class EmergentGeometry:
    """A geometry whose points are nodes of a description, or sites of what it describes.

    What is asked for is computed then, and kept; what the data cannot carry raises ValueError with the reason.

    Attributes:
        relation: How strongly the points are related.
        measured: The distances with how they were made, and the violated triangles.
        description: What it was extracted from; None if only a relation is known.
        params: Its parameters.
        data: Its inputs.
        space: ``"best"``, ``"euclidean"``, ``"spherical"`` or ``"hyperbolic"``, for the embedding.
        dimensions: Of the embedding.
    """

    relation: Relation
    measured: Distances
    description: Description | None = None
    params: Params | None = None
    data: PyTree | None = None
    space: Space | Literal["best"] = "best"
    dimensions: int = 2

    @property
    def distances(self) -> np.ndarray:
        """(n, n) distances of the points."""
        return self.measured.matrix

    @functools.cached_property
    def points(self) -> tuple[tuple[int, ...], ...]:
        """Nodes that lie on each point: those at distance zero of each other are one point of the geometry."""
        matrix = self.measured.matrix
        widest = float(np.max(matrix, where=np.isfinite(matrix), initial=0.0))
        near = matrix <= max(SAME_POINT * widest, ROUNDING / self.measured.scale)
        count, label = scipy.sparse.csgraph.connected_components(near, directed=False)
        return tuple(tuple(np.flatnonzero(label == k).tolist()) for k in range(count))

    @functools.cached_property
    def graph(self) -> nx.Graph:
        """The geodesic skeleton: pairs nearer to each other directly than by any way through other points.

        It has the same shortest paths as all relations together. Nodes are the first of each of ``points``, with
        ``name`` and ``members``; edges carry ``distance``, ``share`` and ``value``.
        """
        direct, closed = self.measured.direct, self.measured.matrix
        graph = nx.Graph()
        for members in self.points:
            graph.add_node(members[0], name=self.relation.names[members[0]], members=members)
        first = [members[0] for members in self.points]
        for b, others in enumerate(self.points):
            for a, members in enumerate(self.points[:b]):
                block = direct[np.ix_(members, others)]
                if not np.any(np.isfinite(block)):
                    continue
                i, j = np.unravel_index(np.argmin(block), block.shape)
                pair, length = (members[i], others[j]), float(block[i, j])
                ways = np.delete((closed[first[a]] + closed[first[b]])[first], [a, b])
                if length < float(np.min(ways, initial=np.inf)) * (1.0 - 1e-9):
                    graph.add_edge(
                        first[a], first[b], distance=length, share=float(self.relation.share[pair]),
                        value=float(self.relation.values[pair]),
                    )  # fmt: skip
        return graph

    def _between_points(self, what: str) -> np.ndarray:
        first = [members[0] for members in self.points]
        if len(first) < 2:
            raise ValueError(f"{what} needs two points or more; all {self.relation.size} nodes coincide")
        return self.measured.require_connected(what)[np.ix_(first, first)]

    @functools.cached_property
    def embedding(self) -> Embedding:
        """The distinct points in the space that fits best (or the one asked for), with its stress."""
        return embed(self._between_points("an embedding"), self.dimensions, self.space)

    @functools.cached_property
    def dimension_table(self) -> dict[str, Estimate | str]:
        """The dimension by every estimator; the reason in words where one refuses."""
        return dimension_table(self._between_points("a dimension"), self.graph)

    @property
    def dimension(self) -> Estimate:
        """The dimension by the first of :data:`PREFERRED` that does not refuse, with its interval.

        Raises:
            ValueError: if all refuse, with their reasons.
        """
        found = self.dimension_table
        for name in PREFERRED:
            value = found.get(name)
            if isinstance(value, Estimate):
                return value
        reasons = "; ".join(f"{name}: {why}" for name, why in found.items())
        raise ValueError(f"no estimator gives a dimension ({reasons})")

    @functools.cached_property
    def curvature(self) -> dict[Edge, float]:
        """Ollivier-Ricci curvature of the edges of ``graph``, alpha 0.5, distances as weights."""
        return ollivier_ricci(self.graph, alpha=0.5, weight="distance")

    @property
    def mean_curvature(self) -> float:
        """Mean of ``curvature`` by length, ``1 - sum W_1 / sum d``: a short edge alone may be curved without bound."""
        lengths = [self.graph.edges[edge]["distance"] for edge in self.curvature]
        return float(np.average(list(self.curvature.values()), weights=lengths))

    @functools.cached_property
    def hyperbolicity(self) -> Hyperbolicity:
        """Gromov's delta, absolute and over the diameter."""
        return gromov_hyperbolicity(self._between_points("hyperbolicity"))

    @functools.cached_property
    def negative_share(self) -> float:
        """Weight of negative eigenvalues of the doubly centred squared distances: 0 if a Euclidean space holds them."""
        return negative_share(self._between_points("the share of negative eigenvalues"))

    @functools.cached_property
    def metric(self) -> NodeMetric:
        """The information metric by nodes, in natural units."""
        if self.description is None:
            raise ValueError(
                "this geometry was made from a relation alone; time and minimal length need extract()"
            )
        return node_metric(self.description, self.params, self.data)

    @functools.cached_property
    def time(self) -> Time:
        """Sensitivity of the nodes along the depth."""
        return time_of(self.metric)

    @functools.cached_property
    def minimal_length(self) -> dict[str, float]:
        """Cramer-Rao bound of every node with parameters, by name; infinite where nothing measures it."""
        return dict(zip(self.metric.names, lengths_of(self.metric).tolist(), strict=True))

    def table(self) -> dict[str, str]:
        """What can be said in one line each: relation, distances, dimensions, curvature, how far from any geometry."""
        rows = {"relation": repr(self.relation), "distances": repr(self.measured)}
        for name, ask in (
            ("points", lambda: f"{len(self.points)} distinct of {self.relation.size}"),
            ("edges", lambda: str(self.graph.number_of_edges())),
            ("embedding", lambda: f"{self.embedding.space}, stress {self.embedding.stress:.3f}"),
            ("negative eigenvalues", lambda: f"{self.negative_share:.1%}"),
            ("hyperbolicity", lambda: f"{self.hyperbolicity.relative:.3f} of the diameter"),
            ("mean curvature", lambda: f"{self.mean_curvature:.3f}"),
        ):
            rows[name] = _said(ask)
        try:
            rows |= {f"dimension, {name}": str(value) for name, value in self.dimension_table.items()}
        except ValueError as refusal:
            rows["dimension"] = str(refusal)
        return rows

    def __repr__(self) -> str:
        return f"EmergentGeometry({self.relation!r}, {self.measured!r})"


def extract(
    description: Description,
    params: Params,
    data: PyTree | None = None,
    *,
    relation: RelationName = "mutual-information",
    distance: Formula = "log",
    closure: bool = True,
    unit: Unit = "natural",
    blocks: Blocks | None = None,
    space: Space | Literal["best"] = "best",
    dimensions: int = 2,
) -> EmergentGeometry:
    """The emergent geometry G_Inf of a description at a parameter point.

    Args:
        description: A circuit, a tensor network, a network; anything that yields points.
        params: Its parameters.
        data: Inputs with a leading axis, where it takes any.
        relation: ``"mutual-information"`` (of sites or blocks of the state; of the neurons' activations over data),
            ``"fisher"`` (between gates, tensors, neurons), ``"influence"`` (between gates, or neurons) or ``"wires"``.
        distance: ``"log"``, ``"one-minus"`` or ``"inverse"``.
        closure: Whether to take shortest paths through the points.
        unit: ``"natural"``, ``"mean"`` or ``"neighbour"``.
        blocks: Sets of sites that are the points, for mutual information of a state.
        space: ``"best"``, ``"euclidean"``, ``"spherical"`` or ``"hyperbolic"``.
        dimensions: Of the embedding.

    A circuit that takes data has a state for every input: its mutual information is the mean over them, with the
    standard error as spread.

    Raises:
        ValueError: an unknown name, missing data, fewer than two points, no relation between any.
        TypeError: a relation that this kind of description does not have.
    """
    found = relate(description, params, data, relation, blocks)
    measured = distances(found, distance, closure=closure, unit=unit)
    return EmergentGeometry(found, measured, description, params, data, space, dimensions)


def geometry_of(
    relation: Relation,
    distance: Formula = "log",
    *,
    closure: bool = True,
    unit: Unit = "natural",
    space: Space | Literal["best"] = "best",
    dimensions: int = 2,
) -> EmergentGeometry:
    """The geometry of a relation at hand; arguments as in :func:`extract`."""
    measured = distances(relation, distance, closure=closure, unit=unit)
    return EmergentGeometry(relation, measured, space=space, dimensions=dimensions)


def relate(
    description: Description,
    params: Params,
    data: PyTree | None = None,
    relation: RelationName = "mutual-information",
    blocks: Blocks | None = None,
) -> Relation:
    """The relation of that name; arguments and errors as in :func:`extract`."""
    if relation not in RELATIONS:
        raise ValueError(f"unknown relation {relation!r}; known: {', '.join(RELATIONS)}")
    if blocks is not None and (relation != "mutual-information" or isinstance(description, Network)):
        raise ValueError(
            "blocks are sets of sites of a state: they go with relation='mutual-information' alone"
        )
    if isinstance(description, Network) and data is None and relation != "wires":
        raise ValueError(
            f"a network has inputs: relation {relation!r} needs data, an array with one input a row"
        )
    if relation == "wires":
        return wire_relation(description)
    if relation == "fisher":
        return fisher_relation(description, params, data)
    if relation == "influence":
        if isinstance(description, Network):
            return neuron_influence(description, params, data)
        if not isinstance(description, Circuit):
            raise TypeError(
                f"influence is between gates or neurons; {type(description).__name__} has neither"
            )
        return _over_data(data, lambda x: gate_influence(description, params, x))
    if isinstance(description, Network):
        return activation_information(description, params, data)
    return _over_data(data, lambda x: mutual_information(description(params, x), blocks))  # pyright: ignore[reportArgumentType]


def _over_data(data: PyTree | None, of_one: Callable[[PyTree | None], Relation]) -> Relation:
    """The mean relation over inputs, with its standard error."""
    if data is None:
        return of_one(None)
    inputs = [jax.tree.map(lambda a, k=k: a[k], data) for k in range(len(jax.tree.leaves(data)[0]))]
    found = [of_one(x) for x in inputs]
    first = found[0]
    shares = np.stack([r.share for r in found])
    spread = shares.std(axis=0, ddof=1) / np.sqrt(len(found)) if len(found) > 1 else None
    values = np.mean([r.values for r in found], axis=0)
    return Relation(
        first.kind,
        first.names,
        values,
        first.unit,
        shares.mean(axis=0),
        first.power,
        first.floor,
        spread,
        first.nodes,
    )


def _said(ask: Callable[[], str]) -> str:
    try:
        return ask()
    except ValueError as refusal:
        return f"refused: {refusal}"
