"""One look for every figure: journal widths, legible sizes, colours that a colour-blind reader tells apart.

The style holds inside a ``with`` block and changes no global setting. Figures are made without pyplot, so nothing is
kept alive, no window opens, and no backend is chosen.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from cycler import cycler
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

_MM = 1 / 25.4

WIDTHS = {"aps-1": 3.375, "aps-2": 7.0, "nature-1": 89 * _MM, "nature-2": 183 * _MM}
"""Widths in inches: one and two columns of the APS and Nature journals."""

GOLDEN = (5**0.5 - 1) / 2

# Okabe and Ito, "Color Universal Design" (2008), darkest contrasts first; yellow last, it is faint on white.
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, YELLOW = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442",
)  # fmt: skip
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK, YELLOW)
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":", (0, (5, 1)), (0, (3, 1, 1, 1)), (0, (1, 1)), (0, (8, 2)))

SIDES: dict[str, dict[str, Any]] = {
    "circuit": {"color": BLUE, "marker": "o", "linestyle": "-"},
    "network": {"color": VERMILLION, "marker": "s", "linestyle": "--"},
    "circuit-quantum": {"color": SKY, "marker": "^", "linestyle": "-."},
    "null": {"color": "#7F7F7F", "marker": "x", "linestyle": ":"},
}
"""Colour, marker and line of each side, of the circuit's quantum Fisher, and of a null, the same in every figure."""


def _settings(width: float, aspect: float) -> dict[str, Any]:
    return {
        "figure.figsize": (width, width * aspect),
        "figure.dpi": 150,
        "figure.constrained_layout.use": True,
        "savefig.dpi": 300,
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],  # comes with matplotlib, so a figure is the same on every machine
        "mathtext.fontset": "dejavusans",
        "font.size": 7.0,
        "axes.titlesize": 7.5,
        "axes.labelsize": 7.0,
        "xtick.labelsize": 6.5,
        "ytick.labelsize": 6.5,
        "legend.fontsize": 6.5,
        "legend.title_fontsize": 6.5,
        "legend.frameon": False,
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.prop_cycle": cycler(color=COLOURS, marker=MARKERS, linestyle=LINES),
        "axes.formatter.useoffset": False,
        "lines.linewidth": 1.0,
        "lines.markersize": 3.5,
        "patch.linewidth": 0.6,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.minor.width": 0.4,
        "ytick.minor.width": 0.4,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "image.cmap": "cividis",  # legible for the colour-blind and in grey
        "pdf.fonttype": 42,  # editable text, as both publishers ask
        "ps.fonttype": 42,
        "svg.fonttype": "path",  # the same everywhere, whatever fonts the reader has
        "svg.hashsalt": "qgeom",
    }


def width_in_inches(width: str | float) -> float:
    """The width by its name in :data:`WIDTHS`, or in inches.

    Raises:
        ValueError: for an unknown name or a width that is not positive.
    """
    if isinstance(width, str):
        if width not in WIDTHS:
            raise ValueError(
                f"unknown figure width {width!r}; choose from {', '.join(WIDTHS)}, or give inches"
            )
        return WIDTHS[width]
    if not 0 < width < 100:
        raise ValueError(f"a figure's width is a positive number of inches, not {width}")
    return float(width)


@contextmanager
def style(width: str | float = "aps-1", aspect: float = GOLDEN) -> Iterator[None]:
    """Draw in qgeom's style inside this block; matplotlib's settings are as before after it.

    Args:
        width: a name in :data:`WIDTHS`, or inches.
        aspect: height over width.
    """
    inches = width_in_inches(width)
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # a user's own matplotlibrc changes no figure
        for name, value in _settings(inches, aspect).items():
            matplotlib.rcParams[name] = value  # type: ignore[index]
        yield


def new_figure(width: str | float = "aps-1", aspect: float = GOLDEN) -> Figure:
    """An empty figure of that width, constrained layout; call it, and draw, inside :func:`style`."""
    inches = width_in_inches(width)
    return Figure(figsize=(inches, inches * aspect), layout="constrained")


def four_panels(
    parts: Sequence[Callable[[Axes], None]],
    handles: Sequence[Artist],
    width: str | float,
    aspects: tuple[float, float],
    columns: int,
) -> Figure:
    """Panels (a) to (d), two by two at two columns and stacked at one, over one legend; call it within `style`.

    Args:
        parts: what draws each panel.
        handles: of the legend.
        width: of the figure.
        aspects: height over width at two columns, and at one.
        columns: of the legend at one column; at two it is one line.
    """
    wide = is_wide(width)
    figure = new_figure(width, aspects[0 if wide else 1])
    panels = figure.subplots(*((2, 2) if wide else (4, 1))).ravel()
    for axes, letter, part in zip(panels, "abcd", parts, strict=True):
        part(axes)
        panel_label(axes, letter)
    figure.legend(
        handles=list(handles),
        loc="outside lower center",
        ncols=len(handles) if wide else columns,
        handlelength=2.2,
        columnspacing=1.2,
    )
    return figure


def is_wide(width: str | float) -> bool:
    """Whether a figure of this width spans two columns."""
    return width_in_inches(width) > 5.0


def panel_label(axes: Any, text: str) -> None:
    """The letter of a panel, bold, at its upper left corner, outside the data."""
    axes.set_title(text, loc="left", fontweight="bold")


FORMATS = ("pdf", "svg", "png")

# No date, no version: the same figure is the same file.
_METADATA: dict[str, dict[str, Any]] = {
    "pdf": {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}


def save(figure: Figure, stem: str | os.PathLike[str], formats: tuple[str, ...] = FORMATS) -> list[Path]:
    """Write ``stem.pdf``, ``stem.svg`` and ``stem.png`` and return their paths. Equal figures give equal files."""
    for extension in formats:
        if extension not in _METADATA:
            raise ValueError(f"unknown figure format {extension!r}; choose from {', '.join(FORMATS)}")
    paths = []
    engine = figure.get_layout_engine()
    with matplotlib.rc_context({"svg.hashsalt": "qgeom", "svg.fonttype": "path", "pdf.fonttype": 42}):
        figure.draw_without_rendering()  # lays the figure out; once is enough for all formats
        figure.set_layout_engine("none")
        try:
            for extension in formats:
                path = Path(f"{os.fspath(stem)}.{extension}")
                figure.savefig(path, dpi=300, metadata=_METADATA[extension])
                paths.append(path)
        finally:
            figure.set_layout_engine(engine)
    return paths
