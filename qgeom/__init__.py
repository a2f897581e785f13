"""qgeom: what is measured. The information geometry and the complexity of circuits and networks, side by side.

``qgeom.information_metric(description, params)`` is the metric that a description D(theta) pulls back to its
parameters: 4 x Fubini-Study for states, Fisher-Rao for distributions (see :mod:`qgeom.information`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qgeom._guard import require_own_circuits

require_own_circuits()

import equinox as _equinox  # noqa: E402  (jax, numpy and equinox load at once, everything else when used)
import jax as _jax  # noqa: E402
import numpy as _numpy  # noqa: E402

from circuits._lazy import attach  # noqa: E402

if TYPE_CHECKING:
    from qgeom import (
        campaign,
        cluster,
        comparison,
        devices,
        emergent,
        experiments,
        figures,
        information,
        kept_parts,
        nielsen,
        provenance,
        report,
        results,
        settings,
        shots,
        sweep,
        tasks,
        training,
    )
    from qgeom.comparison import compare
    from qgeom.information import InformationMetric, classical_fisher, information_metric

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=(
        "campaign",
        "cluster",
        "comparison",
        "devices",
        "emergent",
        "experiments",
        "figures",
        "information",
        "kept_parts",
        "nielsen",
        "provenance",
        "report",
        "results",
        "settings",
        "shots",
        "sweep",
        "tasks",
        "training",
    ),
    names={
        "comparison": ("compare",),
        "information": ("InformationMetric", "classical_fisher", "information_metric"),
    },
)
