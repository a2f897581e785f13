"""The figure of ``planck-length``: accuracy under noise against the minimal length of a node, and T."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qgeom.figures import sides, style


def draw(
    clouds: Mapping[str, tuple[np.ndarray, ...]],
    correlations: Mapping[str, Mapping[float, np.ndarray]],
    noise: float,
    width: str | float = "aps-1",
) -> Figure:
    """(a) Accuracy with noise on a node over that without, against the node's length; (b) T of every seed.

    Args:
        clouds: by side, lengths and relative accuracies of the nodes of one model per seed.
        correlations: by side and strength of the noise, T of every seed.
        noise: strength in (a).
        width: of the figure.
    """
    with style.style(width, 1.35):
        figure = style.new_figure(width, 1.35)
        top, bottom = figure.subplots(2, 1, height_ratios=(1.25, 1))
        _clouds(top, clouds, noise)
        _correlations(bottom, correlations)
        style.panel_label(top, "a")
        style.panel_label(bottom, "b")
    return figure


def _clouds(axes: Axes, clouds: Mapping[str, tuple[np.ndarray, ...]], noise: float) -> None:
    finite = np.concatenate([length[np.isfinite(length)] for length, *_ in clouds.values()])
    edge = 3.0 * float(finite.max())
    for side, (length, accuracy) in clouds.items():
        look = style.SIDES[side]
        axes.plot(
            np.where(np.isfinite(length), length, edge), accuracy, linestyle="", marker=look["marker"], markersize=2.2,
            color=look["color"], alpha=0.55, markeredgewidth=0, label=sides.LABELS[side],
        )  # fmt: skip
    axes.set_xscale("log")
    axes.axvline(edge / 1.7, color="0.75", linewidth=0.6, linestyle="-", marker="")
    axes.text(edge, 1.01, r"$\infty$", transform=axes.get_xaxis_transform(), ha="center", va="bottom")
    axes.set_xlim(None, edge * 1.8)
    axes.set_xlabel("minimal length $l$ (rad, or relative to the layer)")
    axes.set_ylabel(f"accuracy, noise {noise:g} on the node\n/ accuracy without noise")
    axes.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.06),
        ncols=3,
        columnspacing=0.9,
        handletextpad=0.2,
        markerscale=1.5,
    )


def _correlations(axes: Axes, correlations: Mapping[str, Mapping[float, np.ndarray]]) -> None:
    axes.axhspan(-0.2, 0.2, color="0.92", zorder=0)
    ticks, names = [], []
    for i, (side, noises) in enumerate(correlations.items()):
        look = style.SIDES[side]
        for j, (noise, values) in enumerate(noises.items()):
            at = i + 0.27 * (j - 0.5 * (len(noises) - 1))
            ticks.append(at)
            names.append(f"{noise:g}" + (f"\n{sides.LABELS[side]}" if j == len(noises) // 2 else ""))
            if not len(values):
                continue
            axes.plot(
                at + np.linspace(-0.07, 0.07, len(values)), values, linestyle="", marker=look["marker"], markersize=2.6,
                color=look["color"], markeredgewidth=0,
            )  # fmt: skip
            axes.plot(
                [at - 0.1, at + 0.1],
                [values.mean()] * 2,
                color="black",
                linewidth=1.4,
                linestyle="-",
                marker="",
            )
    axes.set_xticks(ticks, names)
    axes.set_xlabel("strength of the noise (rad, or relative)")
    axes.set_ylim(-1.05, 1.05)
    axes.set_ylabel(r"$T$: partial Spearman" + "\n" + r"($l$, accuracy | tr $F$)")
