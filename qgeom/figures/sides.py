"""What figures of circuit and network side by side share: names and marks of the sides, means with their intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from qgeom.experiments import statistics
from qgeom.figures import style

LABELS = {"circuit": "circuit $F_C$", "network": "network $F_C$", "circuit-quantum": "circuit $F_Q$"}
NOISY_LABELS = {**LABELS, "circuit-quantum": "circuit SLD"}
"""Where states are mixed."""

GAP = 0.2
"""Between the marks of two sides at one tick."""


def lines(sides: Iterable[str], labels: Mapping[str, str] = LABELS) -> list[Line2D]:
    """For the legend: the line and marker of each side."""
    return [Line2D([], [], label=labels[side], **style.SIDES[side]) for side in sides]


def markers(sides: Iterable[str], labels: Mapping[str, str] = LABELS) -> list[Line2D]:
    """For the legend: the marker of each side."""
    return [Line2D([], [], label=labels[side], **{**style.SIDES[side], "linestyle": ""}) for side in sides]


def mean_and_errors(sample: np.ndarray) -> tuple[float, np.ndarray]:
    """Mean of the finite values, and how far below and above it the 95% interval reaches, (2, 1), as errorbar has it.

    NaN and zeros without values; zeros for one value.
    """
    sample = sample[np.isfinite(sample)]
    if not len(sample):
        return np.nan, np.zeros((2, 1))
    mean = float(sample.mean())
    low, high = statistics.bootstrap_interval(sample) if len(sample) > 1 else (mean, mean)
    return mean, np.maximum([[mean - low], [high - mean]], 0.0)


def means(axes: Axes, values: Mapping[str, Mapping[str, np.ndarray]], ticks: Mapping[str, str]) -> None:
    """Mean and 95% interval of every side, side by side at the tick of every name.

    Args:
        axes: to draw on.
        values: by side and name, (seeds,).
        ticks: what the ticks say, by name; the name itself where it is not there.
    """
    names = list(next(iter(values.values())))
    for i, (side, by_name) in enumerate(values.items()):
        look = style.SIDES[side]
        for k, name in enumerate(names):
            mean, errors = mean_and_errors(by_name[name])
            axes.errorbar(
                k + GAP * (i - 0.5 * (len(values) - 1)), mean, errors, marker=look["marker"], linestyle="",
                color=look["color"], markersize=3.8, elinewidth=0.9, capsize=0,
            )  # fmt: skip
    axes.set_xticks(range(len(names)), [ticks.get(name, name) for name in names])
