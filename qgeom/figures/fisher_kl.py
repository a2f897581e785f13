"""The figure of ``fisher-kl``: the remainder of the quadratic form against the size of the step."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import style

_LABELS = {
    "state": "state ($F_Q$)",
    "one-parameter": "one parameter ($F_Q$)",
    "measured": "measured ($F_C$)",
    "categorical": "categorical network",
    "gaussian": "Gaussian network",
}
_LOOKS: dict[str, dict[str, Any]] = {
    "state": {"color": style.SKY, "marker": "^"},
    "one-parameter": {"color": style.GREEN, "marker": "v"},
    "measured": {"color": style.BLUE, "marker": "o"},
    "categorical": {"color": style.VERMILLION, "marker": "s"},
    "gaussian": {"color": style.ORANGE, "marker": "D"},
}


def draw(data: xr.Dataset, exact: np.ndarray, wrong: np.ndarray, width: str | float = "aps-1") -> Figure:
    """Root mean square over directions; median and central 68% over seeds; the slope of each line in the legend.

    Args:
        data: of the experiment.
        exact: remainders with F, (case, seed, direction, size).
        wrong: remainders with the wrong F, of which the median over all cases is drawn.
    """
    sizes = data["size"].values
    with style.style(width, 0.95):
        figure = style.new_figure(width, 0.95)
        axes = figure.add_subplot()
        handles = []
        for c, name in enumerate(map(str, data["case"].values)):
            look = _LOOKS.get(name, {"color": style.BLACK, "marker": "o"})
            logs = _log_rms(exact[c])
            low, middle, high = np.exp(np.nanpercentile(logs, (16, 50, 84), axis=0))
            axes.fill_between(sizes, low, high, color=look["color"], alpha=0.18, linewidth=0)
            axes.plot(sizes, middle, linestyle="-", **look)
            handles.append(Line2D([], [], linestyle="-", label=_label(name, sizes, middle), **look))
        null = style.SIDES["null"]
        middle = np.exp(np.nanmedian(_log_rms(wrong.reshape(-1, *wrong.shape[2:])), axis=0))
        axes.plot(sizes, middle, **null)
        error = 100 * float(data["wrong"])
        handles.append(
            Line2D([], [], label=f"null, $F$ off by {error:.3g}%: {_slope(sizes, middle):.2f}", **null)
        )
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(r"size of the step $|d|$")
        axes.set_ylabel(r"$|D-\frac{1}{2}d^{\mathsf{T}}Fd|$ (nat)")
        figure.legend(
            handles=handles,
            loc="outside upper left",
            ncols=2,
            title="slope of each line",
            handlelength=2.0,
            columnspacing=1.0,
        )
    return figure


def _log_rms(remainder: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.log(np.sqrt(np.mean(remainder**2, axis=1)))


def _slope(sizes: np.ndarray, values: np.ndarray) -> float:
    kept = np.isfinite(values)
    return float(np.polyfit(np.log(sizes[kept]), np.log(values[kept]), 1)[0]) if kept.sum() > 1 else np.nan


def _label(name: str, sizes: np.ndarray, values: np.ndarray) -> str:
    return f"{_LABELS.get(name, name)}: {_slope(sizes, values):.2f}"
