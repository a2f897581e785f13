"""The settings of ``qgeom compare geometry``: every default in one place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qgeom.settings import BaseSettings

PictureRelation = Literal["mutual-information", "fisher", "influence", "wires"]


class GeometrySettings(BaseSettings):
    """Settings of the comparison of the geometries that emerge in a trained circuit and a trained network."""

    task: Annotated[str, Field(description="iris, two-moons, digits, parity, or a CSV file")] = "iris"
    target: Annotated[
        str | None, Field(description="column of a CSV file that holds the label; the last")
    ] = None
    components: Annotated[int | None, Field(ge=1, description="principal components of the features")] = None
    n_qubits: Annotated[int, Field(ge=2, le=12)] = 5
    n_layers: Annotated[int, Field(ge=1)] = 2
    hidden_layers: Annotated[int, Field(ge=1, description="of the network")] = 3
    hidden: Annotated[
        int | None, Field(ge=1, description="neurons of a hidden layer; as many neurons as trainable gates")
    ] = None
    max_steps: Annotated[int, Field(ge=1)] = 150
    target_loss: Annotated[float, Field(ge=0, description="training ends at this loss, in nats")] = 0.1
    learning_rate: Annotated[float, Field(gt=0, description="of Adam")] = 0.05
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.3
    samples: Annotated[int, Field(ge=2, description="inputs over which relations are averaged")] = 64
    influence_samples: Annotated[
        int, Field(ge=1, description="of these, inputs for influence between gates")
    ] = 4
    distance: Annotated[
        Literal["log", "one-minus", "inverse"], Field(description="distances from relations")
    ] = "log"
    shuffles: Annotated[int, Field(ge=1, description="shuffled relations beside each relation and seed")] = 9
    picture: Annotated[PictureRelation, Field(description="relation whose geometry is drawn")] = "fisher"
