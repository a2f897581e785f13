"""Gaussian states of fermions and bosons: covariance matrices instead of amplitudes, thousands of modes.

Conventions: Majoranas ``{c_i, c_j} = 2 delta_ij`` with ``Gamma_ij = (i/2) <[c_i, c_j]>``, positions before momenta with
``sigma = <{r_i, r_j}>`` and vacuum 1. Quadratic Hamiltonians give ground, thermal and evolved states; circuits of
matchgates and of optical elements, and families of Hamiltonians, are descriptions that yield Gaussian states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from circuits.gaussian import (
        bosons,
        entropies,
        families,
        fermions,
        lattices,
        matchgates,
        matrix_functions,
        mixing,
        optics,
        overlaps,
        quadratic,
    )
    from circuits.gaussian.bosons import BosonicGaussian
    from circuits.gaussian.families import QuadraticFamily
    from circuits.gaussian.fermions import FermionicGaussian
    from circuits.gaussian.lattices import (
        harmonic_chain,
        harmonic_lattice,
        ising,
        kitaev,
        ssh,
        tight_binding,
        xy,
    )
    from circuits.gaussian.matchgates import Matchgates
    from circuits.gaussian.optics import (
        BeamSplitter,
        MomentumShift,
        OpticalCircuit,
        Phase,
        PositionShift,
        Squeezing,
        TwoModeSqueezing,
    )
    from circuits.gaussian.overlaps import bures_angle, fidelity, log_fidelity
    from circuits.gaussian.quadratic import BosonicHamiltonian, FermionicHamiltonian

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=(
        "bosons",
        "entropies",
        "families",
        "fermions",
        "lattices",
        "matchgates",
        "matrix_functions",
        "mixing",
        "optics",
        "overlaps",
        "quadratic",
    ),
    names={
        "bosons": ("BosonicGaussian",),
        "families": ("QuadraticFamily",),
        "fermions": ("FermionicGaussian",),
        "lattices": (
            "harmonic_chain",
            "harmonic_lattice",
            "ising",
            "kitaev",
            "ssh",
            "tight_binding",
            "xy",
        ),
        "matchgates": ("Matchgates",),
        "optics": (
            "BeamSplitter",
            "MomentumShift",
            "OpticalCircuit",
            "Phase",
            "PositionShift",
            "Squeezing",
            "TwoModeSqueezing",
        ),
        "overlaps": ("bures_angle", "fidelity", "log_fidelity"),
        "quadratic": ("BosonicHamiltonian", "FermionicHamiltonian"),
    },
)
