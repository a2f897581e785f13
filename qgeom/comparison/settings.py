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


SideName = Literal["circuit", "orthogonal network", "linear network", "residual network"]


class SynthesisSettings(BaseSettings):
    """Settings of ``qgeom compare synthesis``: a circuit that learns a unitary, networks that learn a rotation."""

    sides: Annotated[tuple[SideName, ...], Field(min_length=1)] = (
        "circuit",
        "orthogonal network",
        "residual network",
    )
    starts: Annotated[
        tuple[float, ...], Field(min_length=1, description="scales of the initial parameters; 1 is the usual")
    ] = (0.1, 1.0)
    q: Annotated[float, Field(gt=0, description="weight of strings and planes beyond neighbours")] = 4.0
    n_qubits: Annotated[int, Field(ge=1, le=4)] = 2
    max_weight: Annotated[
        int | None, Field(ge=1, description="qubits of a free string; 1 for two qubits, else 2")
    ] = None
    ansatz: Annotated[
        Literal["rzz", "cz", "blocks"], Field(description="rotations and RZZ, or CZ; two-qubit unitaries")
    ] = "rzz"
    circuit_layers: Annotated[int, Field(ge=1)] = 4
    dim: Annotated[int, Field(ge=2, le=12, description="d of the rotations")] = 4
    depth: Annotated[int, Field(ge=1, description="layers of the networks")] = 8
    steps: Annotated[int, Field(ge=1, description="of Adam")] = 600
    learning_rate: Annotated[float, Field(gt=0, description="of Adam; falls to 1% by a cosine")] = 0.02
    search: Annotated[int, Field(ge=1, description="starts of each search for the shortest path")] = 4
    time_budget: Annotated[float | None, Field(gt=0, description="seconds per search")] = None
