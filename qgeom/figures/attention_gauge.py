"""The figure of ``attention-gauge``: the force along the layer curve, and what attention has beyond other blocks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import sides, style

KINDS = {
    "attention": ("attention", style.PURPLE, "o", "-"),
    "uniform": ("uniform weights", style.GREEN, "s", "--"),
    "local": ("no interaction", style.BLACK, "x", ":"),
}

Profile = tuple[np.ndarray, Mapping[str, np.ndarray]]


def draw(
    profiles: Mapping[str, Profile],
    found: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    margin: float,
    width: str | float = "aps-1",
) -> Figure:
    """(a), (b) Force along the curve, mean and standard error over seeds; (c) ratios of attention to the others.

    Args:
        profiles: by side, places on the curve and by kind the forces (seeds, places).
        found: by quantity, side and null, T of every seed.
        margin: of the verdicts.
        width: of the figure.
    """
    with style.style(width, 1.75):
        figure = style.new_figure(width, 1.75)
        top, middle, bottom = figure.subplots(3, 1, height_ratios=(1, 1, 1.3))
        for axes, (side, profile) in zip((top, middle), profiles.items(), strict=True):
            _profile(axes, side, profile)
        top.legend(
            loc="lower center", bbox_to_anchor=(0.46, 1.12), ncols=3, columnspacing=1.0, handletextpad=0.4
        )
        _ratios(bottom, found, margin)
        for axes, letter in zip((top, middle, bottom), "abc", strict=True):
            style.panel_label(axes, letter)
    return figure


def _profile(axes: Axes, side: str, profile: Profile) -> None:
    s, kinds = profile
    for kind, table in kinds.items():
        name, colour, marker, line = KINDS[kind]
        error = table.std(axis=0, ddof=min(1, len(table) - 1)) / np.sqrt(len(table))
        axes.errorbar(
            s, table.mean(axis=0), error, color=colour, marker=marker, linestyle=line, markersize=2.8, elinewidth=0.6,
            label=name,
        )  # fmt: skip
    axes.set_ylim(0, None)
    axes.set_xlim(0, round(float(s.max()) + 0.5))
    axes.set_xlabel("layers switched on, $s$")
    axes.set_ylabel(f"force, {side}\n(length / layer$^2$)")


def _ratios(axes: Axes, found: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]], margin: float) -> None:
    axes.axhspan(-margin, margin, color="0.92", zorder=0)
    axes.axhline(0.0, color="0.7", linewidth=0.6, linestyle="-", marker="", zorder=0)
    for i, (_, by_side) in enumerate(found.items()):
        for j, (side, nulls) in enumerate(by_side.items()):
            look = style.SIDES[side]
            for k, values in enumerate(nulls.values()):
                at = i + 0.28 * (j - 1) + 0.1 * (k - 0.5)
                face = look["color"] if k == 0 else "white"
                axes.plot(
                    at + np.linspace(-0.03, 0.03, len(values)), values, linestyle="", marker=look["marker"],
                    markersize=2.6, color=look["color"], markerfacecolor=face, markeredgewidth=0.5,
                )  # fmt: skip
                if len(values):
                    mean = values.mean()
                    axes.plot(
                        [at - 0.045, at + 0.045],
                        [mean, mean],
                        color="black",
                        linewidth=1.3,
                        linestyle="-",
                        marker="",
                    )
    axes.set_xticks(range(len(found)), list(found))
    axes.set_xlim(-0.5, len(found) - 0.5)
    axes.set_ylabel("$T$: ln(attention / other)")
    handles = sides.markers(next(iter(found.values())))
    handles.append(Line2D([], [], linestyle="", marker="o", color="0.3", label="/ uniform"))
    handles.append(
        Line2D(
            [], [], linestyle="", marker="o", color="0.3", markerfacecolor="white", label="/ no interaction"
        )
    )
    axes.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.46, -0.13),
        ncols=3,
        columnspacing=0.8,
        handletextpad=0.1,
    )
