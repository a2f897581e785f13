"""The settings of ``qgeom compare ground-state``: every default in one place."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from qgeom.settings import BaseSettings

GroundStateSide = Literal["circuit", "MPS", "MERA", "network"]


class GroundStateSettings(BaseSettings):
    """Settings of the comparison whose task is the ground state of a spin chain."""

    seeds: Annotated[int, Field(ge=1, description="independent starts of every side")] = 5
    hamiltonian: Annotated[
        Literal["ising", "xxz", "heisenberg"], Field(description="couplings of Paulis")
    ] = "ising"
    n_sites: Annotated[int, Field(ge=3, le=14)] = 8
    field: Annotated[float, Field(description="transverse field of the Ising chain; critical at 1")] = 1.0
    anisotropy: Annotated[float, Field(description="of the XXZ chain; critical above -1, up to 1")] = 0.5
    periodic: bool = False
    sides: Annotated[tuple[GroundStateSide, ...], Field(min_length=1)] = ("circuit", "MPS", "MERA", "network")
    ansatz: Annotated[
        Literal["hamiltonian-variational", "hardware-efficient"],
        Field(description="circuit: shared angles of the terms of H, or RY on each qubit and a line of CZ"),
    ] = "hamiltonian-variational"
    circuit_layers: Annotated[int, Field(ge=1)] = 6
    bond_dimension: Annotated[int, Field(ge=1, description="of the MPS")] = 4
    mera_bond_dimension: Annotated[int, Field(ge=2)] = 2
    network: Annotated[
        Literal["rbm", "mlp"], Field(description="restricted Boltzmann machine, or feed-forward network")
    ] = "rbm"
    amplitudes: Annotated[
        Literal["real", "complex"],
        Field(description="of the network: positive up to Marshall's sign, or with a phase of their own"),
    ] = "real"
    hidden: Annotated[int | None, Field(ge=1, description="hidden neurons; as many as sites")] = None
    start: Annotated[
        float, Field(gt=0, description="scale of the circuit's initial angles; 1 is the usual")
    ] = 0.1
    steps: Annotated[int, Field(ge=1, description="of stochastic reconfiguration")] = 200
    learning_rate: Annotated[
        float, Field(gt=0, description="of the first step, half its imaginary time; then adapted")
    ] = 0.05
    damping: Annotated[float, Field(gt=0, description="added to F, a quarter of the information metric")] = (
        1e-5
    )
    q: Annotated[float, Field(gt=0, description="Nielsen weight of strings on more than one qubit")] = 4.0
