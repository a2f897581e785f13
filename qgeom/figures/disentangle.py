"""The figure of ``disentangle``: mutual information gap against the error of the reconstruction, and T."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from qgeom.figures import sides, style

FAMILIES = {
    "none": ("nothing", style.BLACK, "*"),
    "complexity": ("tr $F_C$", style.BLUE, "o"),
    "quantum complexity": ("tr $F_Q$", style.SKY, "^"),
    "L2": ("2-norm", style.VERMILLION, "s"),
    "dropout": ("dropout", style.GREEN, "D"),
}
ERRORS = {"network": "error / variance of the data", "circuit": "infidelity of the reconstruction"}

Cloud = tuple[Mapping[str, tuple[np.ndarray, np.ndarray]], float]


def draw(
    clouds: Mapping[str, Cloud],
    found: Mapping[str, np.ndarray],
    null: Mapping[str, np.ndarray],
    margin: float,
    width: str | float = "aps-1",
) -> Figure:
    """(a), (b) MIG against the error, mean and standard error over seeds at every strength; (c) T of every seed.

    Args:
        clouds: by side, by what is in the cost, errors and gaps (seeds, strengths); the mean gap of turned latents.
        found: T by side (seeds,).
        null: T of turned latents by side (draws,).
        margin: of the verdict.
        width: of the figure.
    """
    with style.style(width, 1.85):
        figure = style.new_figure(width, 1.85)
        top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.1, 1.1, 1))
        for axes, (side, cloud) in zip((top, middle), clouds.items(), strict=True):
            _cloud(axes, side, cloud)
        handles = {h.get_label(): h for axes in (top, middle) for h in axes.get_legend_handles_labels()[0]}
        top.legend(
            handles=list(handles.values()),
            loc="lower center",
            bbox_to_anchor=(0.46, 1.08),
            ncols=3,
            columnspacing=1.0,
            handletextpad=0.3,
            handlelength=1.6,
        )
        _differences(bottom, found, null, margin)
        for axes, letter in zip((top, middle, bottom), "abc", strict=True):
            style.panel_label(axes, letter)
    return figure


def _cloud(axes: Axes, side: str, cloud: Cloud) -> None:
    table, turned = cloud
    axes.axhline(
        turned, color="0.5", linewidth=0.8, linestyle=":", marker="", label="latents turned at random"
    )
    for family, (errors, gaps) in table.items():
        name, colour, marker = FAMILIES[family]
        n = max(1, len(gaps))
        spread = np.nanstd(gaps, axis=0, ddof=min(1, n - 1)) / np.sqrt(n)
        middle = np.exp(np.nanmean(np.log(errors), axis=0))
        axes.errorbar(
            middle, np.nanmean(gaps, axis=0), spread, color=colour, marker=marker, linestyle="-", linewidth=0.7,
            markersize=5 if marker == "*" else 3, elinewidth=0.6, label=name,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_ylim(0, None)
    axes.set_xlabel(ERRORS[side])
    axes.set_ylabel(f"MIG, {side}")


def _differences(
    axes: Axes, found: Mapping[str, np.ndarray], null: Mapping[str, np.ndarray], margin: float
) -> None:
    axes.axhspan(-margin, margin, color="0.92", zorder=0)
    axes.axhline(0.0, color="0.7", linewidth=0.6, linestyle="-", marker="", zorder=0)
    for i, (side, values) in enumerate(found.items()):
        look, values = style.SIDES[side], values[np.isfinite(values)]
        axes.plot(
            i - 0.12 + np.linspace(-0.1, 0.1, len(values)), values, linestyle="", marker=look["marker"], markersize=3,
            color=look["color"], markeredgewidth=0,
        )  # fmt: skip
        mean, errors = sides.mean_and_errors(values)
        axes.errorbar(
            i + 0.07, mean, errors, color="black", marker="_", markersize=7, linestyle="", elinewidth=1.0
        )
        low, middle, high = np.nanpercentile(null[side], (2.5, 50, 97.5))
        axes.errorbar(
            i + 0.25, middle, [[middle - low], [high - middle]], color=style.SIDES["null"]["color"], marker="x",
            markersize=3.5, linestyle="", elinewidth=0.8,
        )  # fmt: skip
    axes.set_xticks(range(len(found)), [sides.LABELS[side] for side in found])
    axes.set_xlim(-0.5, len(found) - 0.5)
    axes.set_ylabel("$T$: MIG, complexity\nminus 2-norm")
