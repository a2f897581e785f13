"""The figure of ``gate-spacetime``: sensitivity along depth, its rank correlation, and the dimensions of a gate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import sides, style

Profile = Sequence[tuple[np.ndarray, np.ndarray]]
"""Of every seed the layers and the sensitivities of the points."""


def draw(
    profiles: Mapping[str, Profile],
    arrows: Mapping[str, Mapping[str, np.ndarray]],
    dimensions: Mapping[str, tuple[np.ndarray, np.ndarray]],
    width: str | float = "aps-1",
) -> Figure:
    """(a) Mean sensitivity of a layer over the mean of all; (b) T of every seed; (c) D before and after rescaling.

    Args:
        profiles: by side.
        arrows: by side and treatment, T of every seed.
        dimensions: by side, D before and after of every seed.
        width: of the figure.
    """
    with style.style(width, 1.75):
        figure = style.new_figure(width, 1.75)
        top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.25, 1, 1))
        _profiles(top, profiles)
        _arrows(middle, arrows)
        _dimensions(bottom, dimensions)
        for axes, letter in zip((top, middle, bottom), "abc", strict=True):
            style.panel_label(axes, letter)
    return figure


def _profiles(axes: Axes, profiles: Mapping[str, Profile]) -> None:
    for side, rows in profiles.items():
        if not rows:
            continue
        layers = np.unique(rows[0][0])
        means = np.array([[s[d == k].mean() for k in layers] for d, s in rows])
        means = means / np.array([s.mean() for _, s in rows])[:, None]
        at = layers / layers.max()
        low, high = np.percentile(means, (16, 84), axis=0)
        axes.fill_between(at, low, high, color=style.SIDES[side]["color"], alpha=0.12, linewidth=0)
        axes.plot(at, means.mean(axis=0), label=sides.LABELS[side], **style.SIDES[side])
    axes.axhline(1.0, color="0.75", linewidth=0.6, linestyle="-", marker="", zorder=0)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter("")
    axes.set_xlabel("layer / last layer")
    axes.set_ylabel("sensitivity $s$ / mean")
    axes.legend(loc="lower center", bbox_to_anchor=(0.53, 1.0), ncols=3, columnspacing=0.9, handlelength=2.2)


def _arrows(axes: Axes, arrows: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    axes.axhspan(-0.2, 0.2, color="0.92", zorder=0)
    for i, (side, treatments) in enumerate(arrows.items()):
        look = style.SIDES[side]
        for shift, (_, values), face in zip(
            (-0.17, 0.17), treatments.items(), (look["color"], "white"), strict=True
        ):
            if not len(values):
                continue
            spread = np.linspace(-0.08, 0.08, len(values))
            axes.plot(
                i + shift + spread, values, linestyle="", marker=look["marker"], markersize=3, color=look["color"],
                markerfacecolor=face, markeredgewidth=0.6,
            )  # fmt: skip
            axes.plot(
                [i + shift - 0.12, i + shift + 0.12], [values.mean()] * 2, color="black", linewidth=1.4,
                linestyle="-", marker="",
            )  # fmt: skip
    axes.set_xticks(range(len(arrows)), [sides.LABELS[side] for side in arrows])
    axes.set_xlim(-0.5, len(arrows) - 0.5)
    axes.set_ylim(-1.05, 1.05)
    axes.set_ylabel("$T$ = Spearman($s$, layer)")
    dot = {"linestyle": "", "marker": "o", "color": "0.3", "markersize": 3}
    axes.legend(
        handles=[
            Line2D([], [], label="trained", **dot),
            Line2D([], [], label="untrained", markerfacecolor="white", **dot),
            Line2D([], [], color="black", linewidth=1.4, linestyle="-", marker="", label="mean"),
        ],
        loc="lower center", bbox_to_anchor=(0.53, 1.0), ncols=3, handletextpad=0.3, columnspacing=0.9, handlelength=1.2,
    )  # fmt: skip


def _dimensions(axes: Axes, dimensions: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    axes.axhline(3.0, color="0.5", linewidth=0.6, linestyle=":", marker="")
    axes.text(-0.45, 3.05, "most without the global phase", ha="left", va="bottom", color="0.4", fontsize=6)
    for i, (side, (before, after)) in enumerate(dimensions.items()):
        look = style.SIDES[side]
        axes.plot(
            np.array([i - 0.2, i + 0.2]), np.stack([before, after]), linestyle="-", linewidth=0.7,
            marker=look["marker"], markersize=3, color=look["color"],
        )  # fmt: skip
    ticks = [i + d for i in range(len(dimensions)) for d in (-0.2, 0.2)]
    names = [f"{sides.LABELS[side]}\n{when}" for side in dimensions for when in ("before", "after")]
    axes.set_xticks(ticks, names)
    axes.set_xlim(-0.5, len(dimensions) - 0.5)
    axes.set_ylim(0.9, 3.4)
    axes.set_ylabel("dimension $D$")
