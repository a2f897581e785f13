"""The figure of ``mps-mera``: decay of correlations, the same along the networks' paths, T in the four cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator

from qgeom.experiments.statistics import Verdict
from qgeom.figures import style

_LOOKS: dict[str, dict[str, Any]] = {
    "MPS": {"color": style.BLUE, "marker": "o", "linestyle": "-"},
    "MERA": {"color": style.VERMILLION, "marker": "s", "linestyle": "--", "markerfacecolor": "white"},
}


def draw(
    separations: np.ndarray,
    curves: Mapping[tuple[str, float], np.ndarray],
    exact: Mapping[float, np.ndarray],
    paths: Mapping[str, np.ndarray],
    points: Mapping[str, np.ndarray],
    verdicts: Sequence[Verdict],
    width: str | float = "aps-1",
) -> Figure:
    """Means over seeds; bars are standard deviations, in (c) 95% intervals.

    Args:
        separations: r, (m,).
        curves: ln|C| (seeds, m) by network and field.
        exact: the same of the exact state, by field.
        paths: tensors on the shortest path (m, starts), by network.
        points: ln|C| (m, starts) of each network at the field that suits it.
        verdicts: of the four cells.
        width: of the figure.
    """
    with style.style(width, 1.95):
        figure = style.new_figure(width, 1.95)
        top, middle, bottom = figure.subplots(3, 1, height_ratios=(1.2, 1.0, 0.75))
        _decay(top, separations, curves, exact)
        _paths(middle, paths, points)
        _cells(bottom, verdicts)
        for axes, letter in zip((top, middle, bottom), "abc", strict=True):
            style.panel_label(axes, letter)
    return figure


def _decay(
    axes: Axes,
    r: np.ndarray,
    curves: Mapping[tuple[str, float], np.ndarray],
    exact: Mapping[float, np.ndarray],
) -> None:
    for (network, field), values in curves.items():
        first = field == min(exact)
        look = _LOOKS[network] | {
            "label": network if first else None,
            "markersize": 3.0,
            "markeredgewidth": 0.7,
        }
        mean, spread = values.mean(axis=0), values.std(axis=0)
        axes.errorbar(r, mean, yerr=spread, elinewidth=0.6, **look)
    for field, values in exact.items():
        mean = values.mean(axis=0)
        label = "exact" if field == min(exact) else None
        axes.plot(r, mean, color="0.45", linestyle=":", marker="", linewidth=1.6, label=label, zorder=0)
        axes.annotate(
            f"$h = {field:g}$", (float(r[-3]), float(mean[-3])), xytext=(0, 5), textcoords="offset points",
            ha="left", va="bottom", color="0.3",
        )  # fmt: skip
    axes.set_xscale("log")
    ticks = [k for k in (1, 2, 3, 5, 9, 18, 27, 54) if r[0] <= k <= r[-1]]
    axes.set_xticks(ticks, [str(k) for k in ticks])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("separation $r$ (sites)")
    axes.set_ylabel(r"$\ln |C_{XX}(r)|$")
    axes.legend(loc="lower left")


def _paths(axes: Axes, paths: Mapping[str, np.ndarray], points: Mapping[str, np.ndarray]) -> None:
    for network, y in points.items():
        field = "$h = 1.5$" if network == "MPS" else "$h = 1$"
        look = _LOOKS[network] | {"linestyle": "", "markersize": 2.6, "markeredgewidth": 0.6}
        share = (np.nanmax(y) - y) / (np.nanmax(y) - np.nanmin(y))
        axes.plot(paths[network].ravel(), share.ravel(), label=f"{network}, {field}", **look)
    axes.set_xlabel("tensors on the shortest path")
    axes.set_ylabel(r"decay of $\ln |C_{XX}|$" + "\n(share of its range)")
    axes.legend(loc="lower right")


def _cells(axes: Axes, verdicts: Sequence[Verdict]) -> None:
    names = []
    for k, verdict in enumerate(verdicts):
        network, field = verdict.statistic.rsplit(", ", 2)[1:]
        low, high = verdict.interval
        bars = np.array([[max(verdict.estimate - low, 0.0)], [max(high - verdict.estimate, 0.0)]])
        look: dict[str, Any] = _LOOKS[network] | {"linestyle": "", "capsize": 2}
        axes.errorbar([verdict.estimate], [k], xerr=bars, **look)
        names.append(f"{network}, ${field}$")
    axes.axvspan(-verdicts[0].margin, verdicts[0].margin, color="0.9", zorder=0)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel("AIC(linear in $r$) $-$ AIC(linear in $\\ln r$)")
