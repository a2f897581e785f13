"""Matrix product states: open chains, rings and infinite chains; operators, ground states and time evolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from circuits.mps import (
        dmrg,
        exact,
        exponentials,
        linalg,
        measure,
        mpo,
        parent,
        spectrum,
        tdvp,
        tebd,
        transfer,
        vumps,
    )
    from circuits.mps.description import MatrixProduct
    from circuits.mps.dmrg import GroundState, Stage, ground_state
    from circuits.mps.evolved import Evolved
    from circuits.mps.exponentials import Exponentials, fit_exponentials, long_range_mpo
    from circuits.mps.mpo import MPO
    from circuits.mps.parent import parent_hamiltonian, uncle_hamiltonian
    from circuits.mps.periodic import PeriodicMPS
    from circuits.mps.spectrum import low_spectrum
    from circuits.mps.state import MPS
    from circuits.mps.tdvp import evolve_tdvp
    from circuits.mps.tebd import evolve_tebd
    from circuits.mps.uniform import UniformMPS
    from circuits.mps.vumps import UniformGroundState, uniform_ground_state

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=(
        "dmrg",
        "exact",
        "exponentials",
        "linalg",
        "measure",
        "mpo",
        "parent",
        "spectrum",
        "tdvp",
        "tebd",
        "transfer",
        "vumps",
    ),
    names={
        "description": ("MatrixProduct",),
        "dmrg": ("GroundState", "Stage", "ground_state"),
        "evolved": ("Evolved",),
        "exponentials": ("Exponentials", "fit_exponentials", "long_range_mpo"),
        "mpo": ("MPO",),
        "parent": ("parent_hamiltonian", "uncle_hamiltonian"),
        "periodic": ("PeriodicMPS",),
        "spectrum": ("low_spectrum",),
        "state": ("MPS",),
        "tdvp": ("evolve_tdvp",),
        "tebd": ("evolve_tebd",),
        "uniform": ("UniformMPS",),
        "vumps": ("UniformGroundState", "uniform_ground_state"),
    },
)
