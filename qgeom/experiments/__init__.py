"""One module per claim of the paper; :mod:`qgeom.experiments.base` says what a module must expose."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from circuits._lazy import attach
from qgeom.errors import unknown

if TYPE_CHECKING:
    from qgeom.experiments import (
        attention_gauge,
        base,
        black_hole,
        capacity,
        complexity_growth,
        data_shaping,
        disentangle,
        error_correction,
        fisher_gravity,
        fisher_kl,
        gate_spacetime,
        generalization,
        layer_curve,
        least_action,
        lottery,
        measurement_distance,
        meta_geodesic,
        mps_mera,
        nielsen_geodesic,
        noise_geometry,
        parent_uncle,
        parts,
        planck_length,
        pruning_path,
        smooth_submanifold,
        statistics,
        switchback,
        which_metric,
        wormhole,
    )
    from qgeom.experiments.base import Experiment

NAMES = (
    "fisher-kl",
    "measurement-distance",
    "layer-curve",
    "least-action",
    "which-metric",
    "nielsen-geodesic",
    "complexity-growth",
    "switchback",
    "gate-spacetime",
    "planck-length",
    "black-hole",
    "wormhole",
    "mps-mera",
    "parent-uncle",
    "capacity",
    "smooth-submanifold",
    "generalization",
    "disentangle",
    "data-shaping",
    "attention-gauge",
    "error-correction",
    "meta-geodesic",
    "lottery",
    "pruning-path",
    "fisher-gravity",
    "noise-geometry",
)
"""Every experiment, in the order of the paper; the module of ``fisher-kl`` is ``fisher_kl``."""

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=("base", "parts", "statistics", *(name.replace("-", "_") for name in NAMES)),
    names={"base": ("Experiment",)},
)


def load(name: str) -> Experiment:
    """The module of an experiment.

    Raises:
        InputError: if there is no such experiment; names the nearest.
    """
    plain = name.strip().lower().replace("_", "-")
    if plain not in NAMES:
        raise unknown("experiment", name, NAMES)
    return cast("Experiment", __getattr__(plain.replace("-", "_")))
