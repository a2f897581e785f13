"""Metrics from shots, as hardware gives them: which circuits to run, and what their counts say, with error bars.

A *plan* lists the circuits whose outcomes determine a metric; counts come from a simulation of them or from the user's
own device (:func:`load_counts`); the plan's ``estimate`` gives the matrix with a standard error per entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from qgeom.shots import (
        counts,
        estimates,
        fisher_plan,
        hadamard_tests,
        overlap_tests,
        overlaps,
        shift_rules,
        spsa,
    )
    from qgeom.shots.counts import load_counts, save_counts
    from qgeom.shots.estimates import MatrixEstimate
    from qgeom.shots.fisher_plan import FisherPlan
    from qgeom.shots.hadamard_tests import HadamardPlan
    from qgeom.shots.overlap_tests import OverlapPlan
    from qgeom.shots.spsa import SPSAPlan

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=(
        "counts",
        "estimates",
        "fisher_plan",
        "hadamard_tests",
        "overlap_tests",
        "overlaps",
        "shift_rules",
        "simulation",
        "spsa",
    ),
    names={
        "counts": ("load_counts", "save_counts"),
        "estimates": ("MatrixEstimate",),
        "fisher_plan": ("FisherPlan",),
        "hadamard_tests": ("HadamardPlan",),
        "overlap_tests": ("OverlapPlan",),
        "spsa": ("SPSAPlan",),
    },
)
