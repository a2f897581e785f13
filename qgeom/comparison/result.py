"""The result of a comparison: its data, and the table, figure and files made from them."""

from __future__ import annotations

import abc
import json
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from qgeom.figures import comparison as drawing
from qgeom.figures.style import WIDTHS
from qgeom.kept_parts import discard
from qgeom.results import RunFolder
from qgeom.tables import Cell, Column, Row, Spread, Table

_TRAINING_ROWS = (
    ("steps", "steps", ""),
    ("train accuracy", "train_accuracy", ""),
    ("test accuracy", "test_accuracy", ""),
    ("train loss", "train_loss", "nat"),
    ("test loss", "test_loss", "nat"),
)
_FISHER_ROWS = (
    ("trace", "trace"),
    ("rank", "rank"),
    ("effective dimension, local", "effective_dimension"),
    ("effective rank", "effective_rank"),
    ("share of small eigenvalues", "small_eigenvalue_share"),
    ("log-volume", "log_volume"),
    ("length of training path", "path_length"),
    ("length of layer curve", "layer_length"),
)


class Result(abc.ABC):
    """Data with settings and provenance, and how they become files.

    Attributes:
        data: everything that the table and the figure show is made from it alone.
        settings: what was asked for, in plain types.
        provenance: versions, device, precision, commit, time.
    """

    data: xr.Dataset
    settings: dict[str, Any]
    provenance: dict[str, Any]

    def __init__(self, data: xr.Dataset, settings: dict[str, Any], provenance: dict[str, Any]) -> None:
        self.data, self.settings, self.provenance = data, settings, provenance

    @abc.abstractmethod
    def table(self) -> Table:
        """Quantities down, descriptions across."""

    @abc.abstractmethod
    def figure(self, width: str | float = "aps-2") -> Figure:
        """The figure at a journal's column width (see :data:`qgeom.figures.style.WIDTHS`) or in inches."""

    def save(self, path: str | os.PathLike[str] | RunFolder) -> list[Path]:
        """Write data, settings, provenance, tables and figures into a folder, all or nothing; returns the figures.

        ``figure.*`` is the two-column APS figure; ``figure-nature-1.*`` and so on are at the other widths.
        """
        folder = path if isinstance(path, RunFolder) else RunFolder.create(path)
        table = self.table()
        with folder.commit() as files:
            files.settings(self.settings)
            files.provenance(self.provenance)
            files.data(self.data)
            files.text("table.txt", table.text())
            files.text("table.csv", table.csv())
            files.text("table.tex", table.latex())
            for width in WIDTHS:
                files.figure(self.figure(width), "figure" if width == "aps-2" else f"figure-{width}")
        discard(folder.path)
        return folder.figures()

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """Read back what :meth:`save` wrote."""
        folder = RunFolder(path)
        return cls(folder.load_data(), folder.load_settings(), folder.load_provenance())


class Comparison(Result):
    """What :func:`qgeom.compare` returns.

    Attributes:
        data: an ``xarray.Dataset`` over description, optimizer, seed, step, fisher ("classical", "quantum") and
            parameter; everything that the table and the figure show is made from it alone.
        settings: what was asked for, in plain types.
        provenance: versions, device, precision, commit, time.
    """

    data: xr.Dataset
    settings: dict[str, Any]
    provenance: dict[str, Any]

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.data["description"].values))
        rules = ", ".join(map(str, self.data["optimizer"].values))
        return (
            f"Comparison({names}; task={self.data.attrs['task']!r}, {self.data.sizes['seed']} seeds, {rules})"
        )

    def table(self) -> Table:
        """Quantities down, descriptions and optimizers across; mean over seeds with a 95% bootstrap interval."""
        data = self.data
        pairs = [(d, o) for d in data["description"].values for o in data["optimizer"].values]
        rows = [Row("parameters", "", tuple(int(data["n_parameters"].sel(description=d)) for d, _ in pairs))]
        for label, name, unit in _TRAINING_ROWS:
            rows.append(Row(label, unit, tuple(self._cell(name, d, o) for d, o in pairs)))
        classical = [(f"F_C {label}", name, {"fisher": "classical"}) for label, name in _FISHER_ROWS]
        after = 1 + next(i for i, row in enumerate(classical) if row[1] == "effective_dimension")
        classical.insert(after, ("F_C effective dimension, global", "global_effective_dimension", {}))
        quantum = [(f"F_Q {label}", name, {"fisher": "quantum"}) for label, name in _FISHER_ROWS]
        for label, name, where in (*classical, *quantum):
            cells = tuple(self._cell(name, d, o, **where) for d, o in pairs)
            if any(cell is not None for cell in cells):
                rows.append(Row(label, "", cells))
        columns = tuple(Column(str(d), str(o)) for d, o in pairs)
        title = f"{data.attrs['task']}: {' and '.join(map(str, data['description'].values))} side by side"
        return Table(title, columns, tuple(rows), notes=self._notes())

    def paired(
        self, quantity: str, first: str, second: str, optimizer: str, fisher: str = "classical"
    ) -> Spread:
        """Mean and interval over seeds of the paired difference ``first - second`` of a quantity."""
        a, b = (self._values(quantity, name, optimizer, fisher=fisher) for name in (first, second))
        return Spread.over_seeds(a - b)

    def figure(self, width: str | float = "aps-2") -> Figure:
        """The figure at a journal's column width (see :data:`qgeom.figures.style.WIDTHS`) or in inches."""
        return drawing.draw(self.data, width)

    def _values(self, name: str, description: str, optimizer: str, **where: str) -> np.ndarray:
        """One number per seed; of a quantity along training, the last."""
        values = self.data[name].sel(description=description, optimizer=optimizer)
        values = values.sel({key: value for key, value in where.items() if key in values.dims})
        if "step" in values.dims:
            values = values.dropna("step", how="all").isel(step=-1)
        return np.asarray(values.values, dtype=float)

    def _cell(self, name: str, description: str, optimizer: str, **where: str) -> Cell:
        values = self._values(name, description, optimizer, **where)
        if (
            where.get("fisher") == "quantum"
            and np.isnan(self._values("trace", description, optimizer, **where)).all()
        ):
            return None
        return Spread.over_seeds(values)

    def _notes(self) -> tuple[str, ...]:
        attributes = self.data.attrs
        notes = [
            f"Mean over {attributes['n_seeds']} seeds with the 95% bootstrap interval of the mean. A seed draws split "
            "and parameters; all descriptions share its split.",
            f"{attributes['n_train']} training and {attributes['n_test']} test samples. Stop rule, the same for all: "
            f"{attributes['stop_rule']}.",
            f"Optimizers: {attributes['optimizers']}.",
            "F_C: classical Fisher information through the readout (expectation under the model), the same quantity on "
            "both sides; F_Q: quantum Fisher information of the state before the readout, F_C <= F_Q. Both averaged "
            "over the training inputs, after training.",
            f"Effective dimension and log-volume: n = {attributes['n_train']}, gamma = {attributes['gamma']:g}; "
            f"global: over {attributes['draws']} random parameter points, local: at the trained parameters. "
            "Small eigenvalues: below 1e-3 of the mean. Lengths: information length, pi between distributions "
            "of disjoint support.",
        ]
        return (*notes, *json.loads(attributes["task_notes"]))
