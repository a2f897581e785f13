"""circuits: what is simulated. A circuit is any wired network of nodes, quantum or classical.

Descriptions D(theta) hold structure only, parameters are separate pytrees, and a description applied to its
parameters gives a point: a state, a distribution, a map (see :mod:`circuits.description`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as _equinox  # jax, numpy and equinox load at once, everything else when it is used
import jax as _jax
import numpy as _numpy

from circuits._lazy import attach

if TYPE_CHECKING:
    from circuits import (
        ansatze,
        circuit,
        description,
        drawing,
        drawing_mpl,
        gates,
        gaussian,
        hamiltonians,
        local,
        measured,
        mera,
        mps,
        networks,
        noise,
        reparametrised,
        spin_chains,
        statevector,
    )
    from circuits.ansatze import (
        brickwall,
        data_reuploading,
        efficient_su2,
        haar_brickwork,
        hamiltonian_variational,
        hardware_efficient,
        qaoa,
        real_amplitudes,
        strongly_entangling,
        trotter,
        z_feature_map,
    )
    from circuits.circuit import Circuit
    from circuits.convert.openqasm import OpenQASMError, from_openqasm, to_openqasm
    from circuits.convert.pennylane import from_pennylane, to_pennylane
    from circuits.convert.qiskit import from_qiskit, to_qiskit
    from circuits.convert.quimb import from_quimb, to_quimb
    from circuits.description import (
        DensityMatrix,
        Description,
        Distribution,
        Gaussian,
        ImplicitState,
        Map,
        Node,
        Point,
        State,
    )
    from circuits.gates import Input, Op, Param
    from circuits.hamiltonians import PauliSum
    from circuits.local import LocalHamiltonian
    from circuits.measured import Measured, modulo_classes, parity_classes
    from circuits.networks import MLP, Attention, MLPState, RandomFeatures, RBMState, ResNet
    from circuits.reparametrised import AngleMap, Reparametrised
    from circuits.statevector import expectation

__distribution__ = "qgeom"  # tells this package from the unrelated `circuits` of PyPI

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=(
        "ansatze",
        "circuit",
        "description",
        "drawing",
        "drawing_mpl",
        "gates",
        "gaussian",
        "hamiltonians",
        "local",
        "measured",
        "mera",
        "mps",
        "networks",
        "noise",
        "reparametrised",
        "spin_chains",
        "statevector",
    ),
    names={
        "ansatze": (
            "brickwall",
            "data_reuploading",
            "efficient_su2",
            "haar_brickwork",
            "hamiltonian_variational",
            "hardware_efficient",
            "qaoa",
            "real_amplitudes",
            "strongly_entangling",
            "trotter",
            "z_feature_map",
        ),
        "circuit": ("Circuit",),
        "convert.openqasm": ("OpenQASMError", "from_openqasm", "to_openqasm"),
        "convert.pennylane": ("from_pennylane", "to_pennylane"),
        "convert.qiskit": ("from_qiskit", "to_qiskit"),
        "convert.quimb": ("from_quimb", "to_quimb"),
        "description": (
            "DensityMatrix",
            "Description",
            "Distribution",
            "Gaussian",
            "ImplicitState",
            "Map",
            "Node",
            "Point",
            "State",
        ),
        "gates": ("Input", "Op", "Param"),
        "hamiltonians": ("PauliSum",),
        "local": ("LocalHamiltonian",),
        "measured": ("Measured", "modulo_classes", "parity_classes"),
        "networks": ("MLP", "Attention", "MLPState", "RBMState", "RandomFeatures", "ResNet"),
        "reparametrised": ("AngleMap", "Reparametrised"),
        "statevector": ("expectation",),
    },
)
