"""The figure of a comparison: learning curves, Fisher spectra, accuracy and geometry, from its data alone."""

from __future__ import annotations

from typing import Any, cast

import matplotlib
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from qgeom.figures import style
from qgeom.tables import Spread

_METRICS = (
    ("trace", "trace of Fisher matrix", "log"),
    ("rank", "rank", "linear"),
    ("effective_dimension", "local effective dimension", "linear"),
    ("effective_rank", "effective rank", "linear"),
    ("small_eigenvalue_share", "share of small eigenvalues", "linear"),
    ("log_volume", "log-volume", "linear"),
    ("path_length", "length of training path", "log"),
    ("layer_length", "length of layer curve", "log"),
)
_LOWEST = 1e-8
"""Eigenvalues below this share of the largest are not drawn."""
_SHORT = {"natural-gradient": "nat. grad.", "adam": "Adam"}
_LONG = {"natural-gradient": "natural gradient", "adam": "Adam"}


def draw(data: xr.Dataset, width: str | float = "aps-2") -> Figure:
    """Draw the dataset of a :class:`qgeom.comparison.Comparison` at a journal's column width, or in inches.

    (a) loss on the training part, mean over seeds with the band of the central 68%; (b) eigenvalues of the Fisher
    matrices after training, median over seeds with the same band, and the share of the kernel; (c) accuracy and
    (d) quantities of the metric (lengths in units of information length), mean over seeds with the 95% bootstrap
    interval.
    """
    wide = style.width_in_inches(width) > 5.0
    aspect = 0.74 if wide else 2.4
    with style.style(width, aspect):
        figure = style.new_figure(width, aspect)
        main, metrics = _panels(figure, wide)
        for axes, letter, part in zip(main, "abc", (_learning_curves, _spectra, _accuracy), strict=True):
            part(axes, data)
            style.panel_label(axes, letter)
        for axes, (name, label, scale) in zip(metrics, _METRICS, strict=True):
            _metric(axes, data, name, label, scale)
        style.panel_label(metrics[0], "d")
        handles = _handles(data)
        figure.legend(
            handles=handles, loc="outside lower center", ncols=len(handles) if wide else 3, handlelength=2.4,
            columnspacing=1.4,
        )  # fmt: skip
        if not wide:
            figure.align_ylabels(main)
        # The layout is solved once; with an engine left, every format that is saved would draw everything twice more.
        engine = figure.get_layout_engine()
        assert engine is not None
        engine.execute(figure)
        with matplotlib.rc_context({"figure.constrained_layout.use": False}):
            figure.set_layout_engine(None)
    return figure


def _panels(figure: Figure, wide: bool) -> tuple[list[Axes], list[Axes]]:
    heights = (1.0, 1.15) if wide else (1.3, 1.0)
    top, bottom = cast("list[SubFigure]", figure.subfigures(2, 1, height_ratios=heights))
    shape = (1, 3) if wide else (3, 1)
    main = top.subplots(*shape, width_ratios=(1.2, 1.2, 0.9) if wide else None)
    metrics = bottom.subplots(*((2, 4) if wide else (4, 2)))
    return list(main.flat), list(metrics.flat)


def _looks(data: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Colour and marker of every description; the two usual ones as in every figure."""
    others = iter(zip(style.COLOURS[2:], style.MARKERS[3:], strict=False))
    looks = {}
    for name in map(str, data["description"].values):
        if name in ("circuit", "network"):
            looks[name] = {key: style.SIDES[name][key] for key in ("color", "marker")}
        else:
            colour, marker = next(others, (style.BLACK, "o"))
            looks[name] = {"color": colour, "marker": marker}
    return looks


_QUANTUM = {key: style.SIDES["circuit-quantum"][key] for key in ("color", "marker")}


def _quantum_look(data: xr.Dataset, name: str) -> dict[str, Any]:
    """Sky blue triangles for the circuit; a second circuit's are grey, so that they stay apart."""
    circuits = [d for d in map(str, data["description"].values) if _has_state(data, d)]
    return _QUANTUM if name == circuits[0] else {"color": "#999999", "marker": "v"}


def _has_state(data: xr.Dataset, name: str) -> bool:
    return bool(np.isfinite(data["trace"].sel(description=name, fisher="quantum")).any())


def _learning_curves(axes: Axes, data: xr.Dataset) -> None:
    looks = _looks(data)
    step = data["step"].values
    for name, look in looks.items():
        for line, rule in zip(style.LINES, map(str, data["optimizer"].values), strict=False):
            losses = data["train_loss"].sel(description=name, optimizer=rule).transpose("seed", "step").values
            losses = losses[:, ~np.isnan(losses).all(axis=0)]
            low, high = np.percentile(losses, (16, 84), axis=0)
            at = step[: losses.shape[1]]
            axes.fill_between(at, low, high, color=look["color"], alpha=0.15, linewidth=0)
            axes.plot(at, losses.mean(axis=0), color=look["color"], linestyle=line, marker="")
    axes.set_yscale("log")
    _few_log_ticks(axes)
    axes.set_xlim(0, None)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("training loss (nat)")


def _spectra(axes: Axes, data: xr.Dataset) -> None:
    rule = str(data["optimizer"].values[0])
    kernels, bottom = [], 0.0
    for name, look in _looks(data).items():
        sides = [("classical", look, "$F_C$")]
        if _has_state(data, name):
            sides.append(("quantum", _quantum_look(data, name), "$F_Q$"))
        for fisher, style_of, symbol in sides:
            chosen = data.sel(description=name, optimizer=rule, fisher=fisher)
            n = int(chosen["n_parameters"])
            values = chosen["eigenvalues"].transpose("seed", "parameter").values[:, :n]
            floor = _LOWEST * values.max()
            low, middle, high = np.percentile(np.maximum(values, floor), (16, 50, 84), axis=0)
            shown = middle > floor
            at = (np.arange(n) + 1) / n
            axes.fill_between(at, low, high, color=style_of["color"], alpha=0.15, linewidth=0)
            axes.plot(at[shown], middle[shown], **style_of, linestyle="-", markersize=2.2, linewidth=0.6)
            bottom = max(bottom, floor)
            kernels.append((f"{name} {symbol}", 1.0 - float(chosen["rank"].mean()) / n, style_of["color"]))
    axes.set_yscale("log")
    axes.set_ylim(bottom, None)
    axes.set_xlim(0, 1.02)
    axes.set_xlabel("index / number of parameters")
    axes.set_ylabel("Fisher eigenvalue")
    axes.set_title(f"trained by {_LONG.get(rule, rule)}", fontsize=6.5)
    for k, (label, share, colour) in enumerate(reversed(kernels)):
        text = f"{label}: kernel {100 * share:.0f}%"
        axes.annotate(
            text,
            (0.04, 0.05),
            (0, 8 * k),
            xycoords="axes fraction",
            textcoords="offset points",
            color=colour,
            fontsize=6,
        )


def _accuracy(axes: Axes, data: xr.Dataset) -> None:
    names, rules = list(_looks(data)), list(map(str, data["optimizer"].values))
    for group, part in enumerate(("train_accuracy", "test_accuracy")):
        for k, (name, rule) in enumerate((name, rule) for rule in rules for name in names):
            offset = (k + 0.5) / (len(names) * len(rules)) - 0.5
            values = _last(data[part].sel(description=name, optimizer=rule))
            _dot(axes, group + 0.7 * offset, values, _looks(data)[name], rules.index(rule) == 0)
    low, high = axes.get_ylim()
    chance = data.attrs["chance"]
    if low - chance < 0.5 * (high - low):
        axes.axhline(chance, color="#7F7F7F", linestyle=":", linewidth=0.8, marker="")
    axes.set_title(f"chance: {chance:.2f}", fontsize=6.5)
    axes.set_ylim(low - 0.05 * (high - low), min(high, 1.0 + 0.08 * (1.0 - low)))
    axes.set_xlim(-0.5, 1.5)
    axes.set_xticks([0, 1], ["training", "test"])
    axes.set_ylabel("accuracy")


def _metric(axes: Axes, data: xr.Dataset, name: str, label: str, scale: str) -> None:
    looks, rules = _looks(data), list(map(str, data["optimizer"].values))
    series = [(d, "classical", look) for d, look in looks.items()]
    series += [(d, "quantum", _quantum_look(data, d)) for d in looks if _has_state(data, d)]
    drawn = False
    for k, (description, fisher, look) in enumerate(series):
        for position, rule in enumerate(rules):
            values = data[name].sel(description=description, fisher=fisher, optimizer=rule).values
            if np.isfinite(values).all():
                drawn = True
                offset = 0.5 * ((k + 0.5) / len(series) - 0.5)
                _dot(axes, position + offset, values, look, position == 0)
    if not drawn:
        axes.text(
            0.5, 0.5, "not defined:\ntoo few samples", ha="center", va="center", transform=axes.transAxes
        )
        axes.set_yticks([])
    elif scale == "log":
        axes.set_yscale("log")
        axes.margins(y=0.12)
        _few_log_ticks(axes)
    else:
        axes.margins(y=0.12)
        axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=name == "rank"))
    axes.set_xlim(-0.5, len(rules) - 0.5)
    axes.set_xticks(range(len(rules)), [_SHORT.get(rule, rule) for rule in rules])
    axes.set_title(label, fontsize=6.5)


def _few_log_ticks(axes: Axes) -> None:
    """Plain numbers at 1, 2, 5 or 1, 3: an axis of one decade has no two powers of ten to read."""
    low, high = axes.get_ylim()
    steps = (1.0, 2.0, 5.0) if high < 30 * low else (1.0, 3.0) if high < 300 * low else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=steps))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _dot(axes: Axes, at: float, values: np.ndarray, look: dict[str, Any], filled: bool) -> None:
    spread = Spread.over_seeds(values)
    axes.errorbar(
        [at], [spread.mean], yerr=[[spread.mean - spread.low], [spread.high - spread.mean]], linestyle="",
        color=look["color"], marker=look["marker"], markerfacecolor=look["color"] if filled else "white",
        markeredgewidth=0.8, elinewidth=0.8, capsize=1.5,
    )  # fmt: skip


def _last(values: xr.DataArray) -> np.ndarray:
    return values.dropna("step", how="all").isel(step=-1).values


def _handles(data: xr.Dataset) -> list[Line2D]:
    """Colour and marker say which description, filling and line which optimizer."""
    handles = []
    for name, look in _looks(data).items():
        handles.append(Line2D([], [], **look, linestyle="", label=f"{name}, $F_C$"))
        if _has_state(data, name):
            handles.append(Line2D([], [], **_quantum_look(data, name), linestyle="", label=f"{name}, $F_Q$"))
    for k, (line, rule) in enumerate(zip(style.LINES, map(str, data["optimizer"].values), strict=False)):
        face = style.BLACK if k == 0 else "white"
        handles.append(
            Line2D(
                [],
                [],
                color=style.BLACK,
                linestyle=line,
                marker="o",
                markerfacecolor=face,
                label=_LONG.get(rule, rule),
            )
        )
    return handles
