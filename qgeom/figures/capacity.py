"""The figure of ``capacity``: rank and success of training against the number of parameters."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from qgeom.figures import style

_LOOKS = {
    "measured": ("circuit, outcomes ($F_C$)", style.SIDES["circuit"]),
    "state": ("circuit, state ($F_Q$)", style.SIDES["circuit-quantum"]),
    "ising": ("Ising circuit, state ($F_Q$)", {"color": style.GREEN, "marker": "v", "linestyle": "-."}),
    "network": ("network (MLP)", style.SIDES["network"]),
    "random-features": ("control: random features", style.SIDES["null"]),
}


def draw(
    data: xr.Dataset, rates: Mapping[str, Mapping[str, np.ndarray]], width: str | float = "aps-1"
) -> Figure:
    """(a) Rank over its bound; (b), (c) success with a target of the family's own, and a random one; mean over seeds.

    Args:
        data: of the experiment.
        rates: success (seeds, sizes) per family and target.
    """
    with style.style(width, 1.75):
        figure = style.new_figure(width, 1.75)
        panels = figure.subplots(3, 1, sharex=True)
        handles = []
        for name in map(str, data["family"].values):
            label, look = _LOOKS.get(name, (name, {"color": style.BLACK, "marker": "o", "linestyle": "-"}))
            chosen = data.sel(family=name)
            kept = np.isfinite(chosen["parameters"].values)
            bound = float(chosen["bound"])
            at = chosen["parameters"].values[kept] / bound
            panels[0].plot(at, chosen["rank"].values[kept] / bound, **look)
            for axes, target in zip(panels[1:], rates[name], strict=True):
                values = rates[name][target]
                error = values.std(axis=0, ddof=min(1, len(values) - 1)) / np.sqrt(len(values))
                axes.errorbar(at, values.mean(axis=0), error, elinewidth=0.6, capsize=1.5, **look)
            handles.append(Line2D([], [], label=f"{label}: {bound:.0f}", **look))
        for axes, letter, title in zip(
            panels,
            "abc",
            ("generic rank / bound", "success, target of its own kind", "success, random target"),
            strict=True,
        ):
            axes.axvline(1.0, color="0.75", linewidth=0.6, linestyle="-", marker="", zorder=0)
            axes.set_ylim(-0.05, 1.08)
            axes.set_ylabel(title.replace(", ", ",\n"))
            style.panel_label(axes, letter)
        panels[-1].set_xlabel("parameters $P$ / bound of the rank")
        panels[-1].set_xlim(0, None)
        figure.legend(
            handles=handles, loc="outside upper left", ncols=1, title="description: bound of its rank"
        )
    return figure
