"""The figure of ``generalization``: test error against small eigenvalues, every predictor, complexity against size."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qgeom.experiments import statistics
from qgeom.figures import sides, style

_WRAPPED = {
    "share of small eigenvalues": "share of small\neigenvalues",
    "effective dimension": "effective\ndimension",
}


def draw(
    clouds: Mapping[str, tuple[np.ndarray, np.ndarray]],
    forest: Mapping[str, Mapping[str, np.ndarray]],
    sizes: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    width: str | float = "aps-1",
) -> Figure:
    """(a) Test error against the share of small eigenvalues; (b) T of every predictor; (c) complexity against size.

    T is given train loss and width; small is below 1e-3 of the mean.

    Args:
        clouds: by side, shares and test errors (seed, model).
        forest: by side and predictor, T of every seed.
        sizes: by side, numbers of parameters (model,), Fisher-Rao norms (seed, model), label noise (model,).
        width: of the figure.
    """
    with style.style(width, 1.85):
        figure = style.new_figure(width, 1.85)
        panels = figure.subplots(3, 1, height_ratios=(1.0, 1.25, 1.0))
        for axes, letter in zip(panels, "abc", strict=True):
            style.panel_label(axes, letter)
        _clouds(panels[0], clouds)
        _forest(panels[1], forest)
        _sizes(panels[2], sizes)
        handles = sides.lines(clouds)
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
    return figure


def _clouds(axes: Axes, clouds: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
    for side, (share, error) in clouds.items():
        look = style.SIDES[side]
        axes.plot(
            share.ravel(), error.ravel(), linestyle="", marker=look["marker"], markersize=2.2, color=look["color"],
            alpha=0.4, markeredgewidth=0,
        )  # fmt: skip
    axes.set_xlabel("share of small eigenvalues")
    axes.set_ylabel("test error")
    axes.set_ylim(0, None)


def _forest(axes: Axes, forest: Mapping[str, Mapping[str, np.ndarray]]) -> None:
    margin = statistics.RANK_MARGIN
    axes.axvspan(-margin, margin, color="0.92", zorder=0)
    names = list(next(iter(forest.values())))
    for i, (side, found) in enumerate(forest.items()):
        look = style.SIDES[side]
        for j, name in enumerate(names):
            values = found[name][np.isfinite(found[name])]
            if len(values) < 2:
                continue
            low, high = statistics.bootstrap_interval(values, n_resamples=999)
            mean, at = float(values.mean()), len(names) - 1 - j + 0.24 * (1 - i)
            axes.plot([low, high], [at, at], color=look["color"], linewidth=1.0, linestyle="-", marker="")
            axes.plot([mean], [at], linestyle="", marker=look["marker"], markersize=3.2, color=look["color"])
    axes.set_yticks(range(len(names)), [_WRAPPED.get(name, name) for name in names[::-1]])
    axes.set_xlim(-1, 1)
    axes.set_xlabel("$T$: partial Spearman with test error")


def _sizes(axes: Axes, sizes: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]]) -> None:
    for side, (size, norm, _) in sizes.items():
        look = style.SIDES[side]
        kept = np.isfinite(size)
        values = np.unique(size[kept])
        at = [norm[:, kept & (size == value)] for value in values]
        means = np.array([np.nanmean(group) for group in at])
        spread = np.array([np.nanstd(group) for group in at])
        axes.errorbar(values, means, spread, elinewidth=0.6, capsize=1.5, **look)
    axes.set_xscale("log")
    axes.set_xlabel("number of parameters")
    axes.set_ylabel("Fisher-Rao norm\nafter training (rad)")
    axes.set_ylim(0, None)
