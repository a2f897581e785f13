"""The sides of ``qgeom compare geometry``, the relations that each of them has, and pictures of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from jaxtyping import PyTree

from circuits.description import Description
from circuits.measured import Measured
from circuits.networks import MLP
from qgeom.comparison.geometry_settings import GeometrySettings
from qgeom.comparison.sides import default_circuit
from qgeom.emergent.distance_formulas import Formula
from qgeom.emergent.geometry import RELATIONS, RelationName, extract, relate
from qgeom.emergent.node_blocks import NodeMetric, node_metric
from qgeom.emergent.relation import Relation
from qgeom.emergent.shared_fisher import distinct_nodes
from qgeom.emergent.spaces import embed
from qgeom.figures.emergent_data import GeometryData, data_of
from qgeom.tasks import Task

STATE = "fisher-state"
"""The Fisher relation of the circuit's state, before the readout."""
LABELS = {
    "mutual-information": "mutual information",
    "fisher": "Fisher, readout",
    STATE: "Fisher, state",
    "influence": "influence",
    "wires": "wires",
}


@dataclass(frozen=True)
class Side:
    """A description that yields class probabilities, and where its relations come from.

    Attributes:
        description: what is trained.
        influence_samples: inputs for influence between gates.
    """

    description: Description
    influence_samples: int

    @property
    def relations(self) -> tuple[str, ...]:
        """Names of the relations it has."""
        state = (STATE,) if isinstance(self.description, Measured) else ()
        return ("mutual-information", "fisher", *state, "influence", "wires")

    @property
    def n_points(self) -> int:
        """Nodes with parameters."""
        return len(distinct_nodes(self.description))

    def relation(self, name: str, params: PyTree, data: np.ndarray) -> Relation:
        """The relation at these parameters, over data; ValueError where it is refused.

        Mutual information is that of the sites of the circuit's state, or of the network's activations; ``fisher`` is
        of the class probabilities on both sides.
        """
        measured = isinstance(self.description, Measured)
        kind: RelationName = next(one for one in RELATIONS if one == ("fisher" if name == STATE else name))
        if measured and name in ("mutual-information", STATE, "influence"):
            inputs = data[: self.influence_samples] if name == "influence" else data
            return relate(self.description.circuit, params, inputs, kind)  # pyright: ignore[reportAttributeAccessIssue]
        return relate(self.description, params, data, kind)


def sides_of(task: Task, settings: GeometrySettings) -> dict[str, Side]:
    """The default circuit, and the tanh network with about as many neurons as the circuit has trainable gates.

    Dimensions and curvatures depend on the number of points, so it is the points that are matched, not the parameters.
    """
    circuit = default_circuit(task, settings.n_qubits, settings.n_layers)
    points, layers = len(distinct_nodes(circuit)), settings.hidden_layers
    hidden = settings.hidden or max(2, round((points - task.n_classes) / layers))
    network = MLP((task.n_features, *([hidden] * layers), task.n_classes))
    return {
        name: Side(d, settings.influence_samples) for name, d in (("circuit", circuit), ("network", network))
    }


def pictured(
    side: Side, name: RelationName, params: PyTree, data: np.ndarray, formula: Formula, title: str
) -> tuple[GeometryData, GeometryData]:
    """The geometry of a relation as it is drawn in the plane, and in space."""
    description = side.description
    if isinstance(description, Measured) and name in ("mutual-information", "influence"):
        description = description.circuit
        data = data[: side.influence_samples] if name == "influence" else data
    drawn = extract(description, params, data, relation=name, distance=formula)
    plane = data_of(drawn, title)
    try:
        volume = embed(
            plane.distances, 3, "euclidean"
        )  # flat: the space that fits best is sought in the plane alone
    except ValueError as refusal:
        return plane, replace(plane, coordinates=None, refused=str(refusal))
    return plane, replace(plane, coordinates=volume.coordinates, space="euclidean", stress=volume.stress)


def as_dataset(plane: GeometryData, space: GeometryData) -> xr.Dataset:
    """Both pictures as data, from which :func:`from_dataset` makes them again."""
    variables = {
        "names": ("node", np.array(plane.names, dtype=str)),
        "distances": (("node", "other"), plane.distances),
        "edges": (("edge", "end"), plane.edges),
        "curvature": ("edge", plane.curvature),
        "depth": ("along", plane.depth),
        "along_depth": ("along", plane.along_depth),
        "dimension_name": ("estimator", np.array(list(plane.dimensions), dtype=str)),
        "dimension": (
            ("estimator", "bound"),
            np.array([(np.nan,) * 3 if isinstance(d, str) else d for d in plane.dimensions.values()]).reshape(-1, 3),
        ),
        "dimension_refused": (
            "estimator", np.array([d if isinstance(d, str) else "" for d in plane.dimensions.values()], dtype=str),
        ),
    }  # fmt: skip
    if plane.sensitivity is not None:
        variables["sensitivity"] = ("node", plane.sensitivity)
    attributes = {"title": plane.title, "relation": plane.relation}
    for where, data in (("plane", plane), ("space", space)):
        if data.coordinates is not None:
            variables[where] = (("node", f"{where}_axis"), data.coordinates)
        attributes |= {
            f"{where}_space": data.space,
            f"{where}_stress": data.stress,
            f"{where}_refused": data.refused,
        }
    return xr.Dataset(variables, attrs=attributes)


def from_dataset(part: xr.Dataset, where: str) -> GeometryData:
    """The picture ``"plane"`` or ``"space"`` of what :func:`as_dataset` made."""
    table = {
        str(name): str(why) if str(why) else (float(v[0]), float(v[1]), float(v[2]))
        for name, v, why in zip(
            part["dimension_name"].values,
            part["dimension"].values,
            part["dimension_refused"].values,
            strict=True,
        )
    }
    return GeometryData(
        names=tuple(map(str, part["names"].values)),
        distances=part["distances"].values,
        edges=part["edges"].values.astype(int).reshape(-1, 2),
        curvature=part["curvature"].values,
        coordinates=part[where].values if where in part else None,
        space=str(part.attrs[f"{where}_space"]),
        stress=float(part.attrs[f"{where}_stress"]),
        sensitivity=part["sensitivity"].values if "sensitivity" in part else None,
        depth=part["depth"].values,
        along_depth=part["along_depth"].values,
        dimensions=table,
        title=str(part.attrs["title"]),
        relation=str(part.attrs["relation"]),
        refused=str(part.attrs[f"{where}_refused"]),
    )


def metric_of(side: Side, params: PyTree, data: np.ndarray) -> NodeMetric:
    """The classical metric of a side by nodes, in natural units."""
    return node_metric(side.description, params, data)
