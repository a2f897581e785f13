"""The figure of ``complexity-growth``: bounds against time on both sides, random circuits, trained blocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from qgeom.figures import style

_MODELS: dict[str, dict[str, Any]] = {
    "Ising": {"color": style.BLUE, "linestyle": "-", "marker": "o"},
    "XXZ": {"color": style.SKY, "linestyle": "-.", "marker": "^"},
    "mixed-field Ising": {"color": style.VERMILLION, "linestyle": "--", "marker": "s"},
    "SYK": {"color": style.ORANGE, "linestyle": (0, (3, 1, 1, 1)), "marker": "D"},
    "GUE": {"color": "0.35", "linestyle": ":", "marker": ""},
}
_SMALL: dict[str, dict[str, Any]] = {
    "straight line": {"color": style.ORANGE, "linestyle": "--"},
    "geodesic": {"color": style.GREEN, "linestyle": "-"},
    "lower bound": {"color": style.BLACK, "linestyle": ":"},
}
_LAYERS: dict[str, dict[str, Any]] = {
    "separate planes": {"color": style.BLUE, "linestyle": "-", "marker": "o"},
    "neighbours": {"color": style.VERMILLION, "linestyle": "--", "marker": "s"},
    "random": {"color": "0.35", "linestyle": ":", "marker": ""},
}


def draw(data: xr.Dataset, width: str | float = "aps-1") -> Figure:
    """(a) e^{-iHt}, mean over seeds; (b) linear networks e^{Xt}; (c) random circuits, geodesics; (d) trained blocks."""
    with style.style(width, 2.45):
        figure = style.new_figure(width, 2.45)
        panels = figure.subplots(4, 1)
        _growth(panels[0], data["growth"], _MODELS, "model")
        lower = data["growth_lower"].mean(("model", "seed"))
        panels[0].fill_between(data["time"], 0, lower, color="0.85", linewidth=0, label="excluded (flat)")
        panels[0].set_ylabel("bound of $C(e^{-iHt})$ (rad)")
        panels[0].legend(
            ncols=2,
            loc="lower right",
            bbox_to_anchor=(1.0, 0.1),
            handlelength=2.4,
            labelspacing=0.25,
            columnspacing=1.0,
        )
        _growth(panels[1], data["network_growth"], _LAYERS, "layer", 1.35)
        panels[1].set_ylabel("bound of $C(e^{Xt})$ (rad)")
        panels[1].legend(
            title="linear network with equal layers",
            ncols=3,
            loc="upper center",
            handlelength=2.4,
            columnspacing=1.0,
        )
        for axes in panels[:2]:
            axes.set_xlabel("flat length of the path, $t$ (rad)")
        _small(panels[2], data)
        _blocks(panels[3], data["block_distance"])
        for axes, letter in zip(panels, "abcd", strict=True):
            style.panel_label(axes, letter)
    return figure


def _growth(
    axes: Axes, growth: xr.DataArray, looks: dict[str, dict[str, Any]], dim: str, head: float = 1.08
) -> None:
    at = growth["time"].values
    for name, look in looks.items():
        axes.plot(at, growth.sel({dim: name}).mean("seed"), label=name, markevery=3, markersize=2.8, **look)
    top = float(growth.mean("seed").max()) * head
    most = top / head
    axes.plot([0, most], [0, most], color="0.75", linewidth=0.6, linestyle="-", marker="", zorder=0)
    axes.set_xlim(0, at[-1])
    axes.set_ylim(0, top)


def _small(axes: Axes, data: xr.Dataset) -> None:
    built = data["random_circuit_built"].values
    raw = data["random_circuit"]
    bound = raw.where(raw < data["random_circuit_built"], data["random_circuit_built"])  # both are bounds
    label = f"random circuit, {data['random_circuit'].attrs.get('qubits', '')} qubits: bound"
    axes.plot(built, bound.mean("seed"), **style.SIDES["circuit"], markevery=2, label=label)
    axes.fill_between(
        built,
        bound.quantile(0.16, "seed"),
        bound.quantile(0.84, "seed"),
        color=style.BLUE,
        alpha=0.15,
        linewidth=0,
    )
    top = float(bound.mean("seed").max()) * 1.1
    axes.plot([0, top], [0, top], color="0.75", linewidth=0.6, linestyle="-", marker="", zorder=0)
    if data.sizes["small_time"]:
        few = data["geodesic"].attrs.get("qubits", "")
        for name, look in _SMALL.items():
            values = data["geodesic"].sel(geodesic_bound=name)
            axes.plot(
                data["small_time"], values, marker="", label=f"$e^{{-iHt}}$, {few} qubits: {name}", **look
            )
    axes.set_xlabel("length of the path as built, flat (rad)")
    axes.set_ylabel("length (rad)")
    axes.set_xlim(0, float(built[-1]))
    axes.set_ylim(0, top)
    axes.legend(loc="lower right", labelspacing=0.25)


def _blocks(axes: Axes, distance: xr.DataArray) -> None:
    blocks = distance["blocks"].values
    looks = {True: style.SIDES["network"], False: style.SIDES["null"]}
    markers = {True: ("s", "D"), False: ("x", "+")}
    chosen = distance.sel(metric="penalised")
    for trained, look in looks.items():
        for scale, marker in zip(chosen["scale"].values, markers[trained], strict=False):
            values = np.exp(
                np.log(chosen.sel(trained=trained, scale=scale).transpose("seed", "blocks").values).mean(0)
            )
            name = "trained" if trained else "untrained"
            axes.plot(blocks, values, label=f"{name}, start {scale:g}", **{**look, "marker": marker})
    first = float(np.exp(np.log(chosen.sel(trained=True, scale=chosen["scale"][0], blocks=1)).mean()))
    axes.plot(blocks, first / blocks, color="0.75", linewidth=0.6, linestyle="-", marker="", zorder=0)
    axes.set_xscale("log", base=2)
    axes.set_yscale("log")
    axes.set_ylim(top=4.0 * float(chosen.max()))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.set_xlabel("blocks of the linear residual network")
    axes.set_ylabel("distance per block (rad)")
    axes.legend(loc="upper right", labelspacing=0.25, handlelength=2.4)
