"""The figure of the comparison of ground states: convergence, Fisher spectrum, entropy profile, error against rank."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from qgeom.figures import style

_FLOOR = 1e-15
"""Relative errors below are rounding errors: they are drawn here."""

_OTHERS = {"MPS": (style.GREEN, "^", "-."), "MERA": (style.PURPLE, "D", ":")}


def draw(data: xr.Dataset, width: str | float = "aps-2") -> Figure:
    """Draw the dataset of a ground-state comparison at a journal's column width, or in inches.

    (a) relative energy error against updates (steps of imaginary time, half sweeps, evaluations), median over seeds
    with the central 68%; (b) eigenvalues of the information metric at the state found, the same; (c) entanglement
    entropy at every cut, median over seeds, and exact; (d) relative energy error against the number of parameters (open
    symbols) and the rank of the metric (filled), one pair per seed.
    """
    aspects = (0.68, 2.6)
    with style.style(width, aspects[0 if style.is_wide(width) else 1]):
        parts = [functools.partial(part, data=data) for part in (_convergence, _spectrum, _profile, _ranks)]
        return style.four_panels(parts, _handles(data), width, aspects, columns=3)


def _looks(data: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Blue for the circuit and vermillion for the network, as in every figure."""
    looks: dict[str, dict[str, Any]] = {}
    for name in map(str, data["description"].values):
        if name in style.SIDES:
            looks[name] = dict(style.SIDES[name])
        else:
            colour, marker, line = _OTHERS.get(name, (style.ORANGE, "v", "-"))
            looks[name] = {"color": colour, "marker": marker, "linestyle": line}
    return looks


def _band(axes: Axes, at: np.ndarray, rows: np.ndarray, look: dict[str, Any]) -> None:
    """The median over the first axis as a line, the central 68% as a band."""
    low, middle, high = np.nanpercentile(rows, (16, 50, 84), axis=0)
    axes.fill_between(at, low, high, color=look["color"], alpha=0.15, linewidth=0)
    axes.plot(at, middle, color=look["color"], linestyle=look["linestyle"], marker="")


def _convergence(axes: Axes, data: xr.Dataset) -> None:
    exact = float(data.attrs["exact_energy"])
    for name, look in _looks(data).items():
        rows = data["history"].sel(description=name).transpose("seed", "update").values
        errors = np.maximum((_continued(rows) - exact) / abs(exact), _FLOOR)
        errors = errors[:, ~np.isnan(rows).all(axis=0)]
        _band(axes, 1 + np.arange(errors.shape[1]), errors, look)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(1, None)
    axes.set_xlabel("update")
    axes.set_ylabel("relative energy error")


def _continued(rows: np.ndarray) -> np.ndarray:
    """A seed that ended earlier keeps its last value, so that the median does not jump."""
    filled = rows.copy()
    for row in filled:
        known = np.flatnonzero(~np.isnan(row))
        if len(known):
            row[known[-1] + 1 :] = row[known[-1]]
    return filled


def _spectrum(axes: Axes, data: xr.Dataset) -> None:
    top = float(np.nanmax(data["eigenvalues"].values))
    for name, look in _looks(data).items():
        values = data["eigenvalues"].sel(description=name).transpose("seed", "parameter").values
        values = values[:, ~np.isnan(values).all(axis=0)]
        _band(axes, 1 + np.arange(values.shape[1]), np.maximum(values, 1e-20 * top), look)
    axes.set_yscale("log")
    axes.set_ylim(1e-14 * top, 3.0 * top)
    axes.set_xlim(0, None)
    axes.set_xlabel("index of eigenvalue")
    axes.set_ylabel("eigenvalue of Fisher matrix")


def _profile(axes: Axes, data: xr.Dataset) -> None:
    cuts = data["cut"].values
    axes.plot(cuts, data["exact_entropies"].values, color=style.BLACK, linestyle="-", marker="", linewidth=2.4,
              alpha=0.35)  # fmt: skip
    for name, look in _looks(data).items():
        median = np.median(data["entropies"].sel(description=name).transpose("seed", "cut").values, axis=0)
        axes.plot(cuts, median, **look, markerfacecolor="white", markeredgewidth=0.8)
    top = max(float(np.nanmax(data["entropies"].values)), float(data["exact_entropies"].max()))
    axes.set_ylim(0.0, 1.08 * max(top, 1e-3))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("sites left of the cut")
    axes.set_ylabel("entropy (nat)")


def _ranks(axes: Axes, data: xr.Dataset) -> None:
    for name, look in _looks(data).items():
        chosen = data.sel(description=name)
        ranks = np.asarray(chosen["rank"].values, float)
        errors = np.maximum(np.asarray(chosen["energy_error"].values, float), _FLOOR)
        symbol = {"color": look["color"], "marker": look["marker"], "linestyle": "", "markeredgewidth": 0.8}
        number = np.full_like(errors, float(chosen["n_parameters"]))
        axes.hlines(errors, ranks, number, color=look["color"], linewidth=0.4, alpha=0.4)
        axes.plot(number, errors, **symbol, markerfacecolor="white")
        axes.plot(ranks, errors, **symbol)
    axes.set_yscale("log")
    axes.set_xlim(0, None)
    axes.set_xlabel("rank of Fisher matrix (open: parameters)")
    axes.set_ylabel("relative energy error")


def _handles(data: xr.Dataset) -> list[Line2D]:
    handles = [
        Line2D([], [], **look, markerfacecolor="white", markeredgewidth=0.8, label=name)
        for name, look in _looks(data).items()
    ]
    exact = Line2D(
        [], [], color=style.BLACK, linewidth=2.4, alpha=0.35, marker="", linestyle="-", label="exact"
    )
    return [*handles, exact]
