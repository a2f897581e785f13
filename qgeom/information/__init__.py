"""The information metric of descriptions, curves in it, and capacity.

``information_metric(description, params)`` is the metric that D(theta) pulls back to its parameters
(:mod:`qgeom.information.metric`); curves and geodesics work on any metric (:mod:`~qgeom.information.curves`,
:mod:`~qgeom.information.geodesics`); capacity measures summarise it (:mod:`~qgeom.information.capacity`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from qgeom.information import capacity, curves, gaussian_states, geodesics, holonomy, metric, spectrum
    from qgeom.information.capacity import (
        effective_dimension,
        effective_rank,
        fisher_rao_norm,
        generic_rank,
        global_effective_dimension,
        local_effective_dimension,
        metrics_at,
        small_eigenvalue_share,
    )
    from qgeom.information.curves import (
        action,
        distance,
        length,
        metric_function,
        point_length,
        point_steps,
        segment_lengths,
    )
    from qgeom.information.gaussian_states import gaussian_metric
    from qgeom.information.geodesics import (
        Geodesic,
        boundary_geodesic,
        christoffel,
        einstein,
        initial_geodesic,
        ricci,
        riemann,
        scalar_curvature,
    )
    from qgeom.information.holonomy import Chern, berry_phase, chern_number, holonomy_angles, wilson_loop
    from qgeom.information.measured import classical_fisher
    from qgeom.information.metric import InformationMetric, information_metric
    from qgeom.information.right_logarithmic import RightLogarithmic, right_logarithmic_fisher
    from qgeom.information.spectrum import SpectralDensity

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=("capacity", "curves", "gaussian_states", "geodesics", "holonomy", "metric", "spectrum"),
    names={
        "capacity": (
            "effective_dimension",
            "effective_rank",
            "fisher_rao_norm",
            "generic_rank",
            "global_effective_dimension",
            "local_effective_dimension",
            "metrics_at",
            "small_eigenvalue_share",
        ),
        "curves": (
            "action",
            "distance",
            "length",
            "metric_function",
            "point_length",
            "point_steps",
            "segment_lengths",
        ),
        "gaussian_states": ("gaussian_metric",),
        "geodesics": (
            "Geodesic",
            "boundary_geodesic",
            "christoffel",
            "einstein",
            "initial_geodesic",
            "ricci",
            "riemann",
            "scalar_curvature",
        ),
        "holonomy": ("Chern", "berry_phase", "chern_number", "holonomy_angles", "wilson_loop"),
        "measured": ("classical_fisher",),
        "metric": ("InformationMetric", "information_metric"),
        "right_logarithmic": ("RightLogarithmic", "right_logarithmic_fisher"),
        "spectrum": ("SpectralDensity",),
    },
)
