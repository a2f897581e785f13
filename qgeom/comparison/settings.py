"""The settings of ``qgeom compare``: every default in one place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qgeom.settings import BaseSettings

OptimizerName = Literal["adam", "natural-gradient"]


class CompareSettings(BaseSettings):
    """Settings of the comparison of the default circuit with the default network."""

    task: Annotated[str, Field(description="iris, two-moons, digits, parity, or a CSV file")] = "iris"
    target: Annotated[
        str | None, Field(description="column of a CSV file that holds the label; the last")
    ] = None
    components: Annotated[int | None, Field(ge=1, description="principal components of the features")] = None
    optimizers: Annotated[tuple[OptimizerName, ...], Field(min_length=1)] = ("adam", "natural-gradient")
    n_qubits: Annotated[int, Field(ge=1, le=20)] = 4
    n_layers: Annotated[int, Field(ge=1)] = 3
    hidden: Annotated[int | None, Field(ge=1, description="neurons; as many parameters as the circuit")] = (
        None
    )
    test_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.3
    max_steps: Annotated[int, Field(ge=1)] = 150
    target_loss: Annotated[float, Field(ge=0, description="training ends at this loss, in nats")] = 0.1
    tolerance: Annotated[float, Field(ge=0, lt=1)] = 0.01
    patience: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[
        int | None, Field(ge=1, description="samples per step; the whole training part")
    ] = None
    learning_rate: Annotated[float, Field(gt=0, description="of Adam")] = 0.05
    natural_learning_rate: Annotated[float, Field(gt=0)] = 0.5
    natural_damping: Annotated[float, Field(ge=0)] = 0.1
    natural_max_length: Annotated[float, Field(gt=0, description="information length of a step, at most")] = (
        0.2
    )
    gamma: Annotated[float, Field(gt=0, le=1, description="of the effective dimension")] = 1.0
    draws: Annotated[int, Field(ge=1, description="parameter draws of the global effective dimension")] = 10
