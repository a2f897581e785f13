"""The result of ``qgeom compare geometry``: its data, and the table, figure and files made from them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from qgeom.comparison.geometry_measures import NODES, OF_NODES, QUANTITIES, Quantity, holm, p_value
from qgeom.comparison.geometry_sides import LABELS, from_dataset
from qgeom.comparison.result import Result
from qgeom.figures import geometry_comparison as drawing
from qgeom.figures.emergent_data import GeometryData
from qgeom.figures.emergent_html import page
from qgeom.results import RunFolder
from qgeom.tables import Cell, Column, Row, Spread, Table, format_cell

VIEW, REFUSALS = "geometry.html", "refusals.csv"
LEVEL = 0.05
"""Holm-corrected p values below are starred."""
_TRAINING = (
    ("steps", "steps", ""),
    ("train accuracy", "train_accuracy", ""),
    ("test accuracy", "test_accuracy", ""),
    ("train loss", "train_loss", "nat"),
)


class Geometries(Result):
    """What :func:`qgeom.comparison.geometry.run` returns.

    Attributes:
        data: an ``xarray.Dataset``: ``trained``, ``untrained`` (description, relation, quantity, seed), ``null``
            (..., shuffle), ``reason`` where there is no number; and what the pictures of the first seed show.
    """

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.data["description"].values))
        return f"Geometries({names}; task={self.data.attrs['task']!r}, {self.data.sizes['seed']} seeds)"

    def table(self) -> Table:
        """Quantities of each relation down; trained, shuffled, p and untrained of each side across."""
        data = self.data
        names = [str(name) for name in data["description"].values]
        rows = [
            self._row("parameters", [int(data["n_parameters"].sel(description=name)) for name in names]),
            self._row(
                "nodes with parameters", [int(data["n_points"].sel(description=name)) for name in names]
            ),
        ]
        for label, key, unit in _TRAINING:
            cells = [Spread.over_seeds(data[key].sel(description=name).values) for name in names]
            rows.append(self._row(label, cells, unit))
        tested = self.tests()
        for relation, quantity in self._asked():
            cells: list[Cell] = []
            for name in names:
                cells += self._cells(name, relation, quantity.name, tested)
            if any(cell is not None for cell in cells):
                where = "" if relation == NODES else f"{LABELS[relation]}: "
                rows.append(Row(where + quantity.label, "", tuple(cells)))
        columns = tuple(
            Column(name, part) for name in names for part in ("trained", "shuffled", "p", "untrained")
        )
        title = f"{data.attrs['task']}: emergent geometries of {' and '.join(names)} side by side"
        return Table(title, columns, tuple(rows), column_label="geometry", notes=self._notes())

    def tests(self) -> dict[tuple[str, str, str], tuple[float, float]]:
        """By description, relation and quantity: p of trained against shuffled, and Holm-corrected over the table."""
        keys, values = [], []
        for name in map(str, self.data["description"].values):
            for relation, quantity in self._asked():
                found, null = (
                    self.values(name, relation, quantity.name),
                    self.shuffled(name, relation, quantity.name),
                )
                keys.append((name, relation, quantity.name))
                varies = len(np.unique(np.concatenate([found, null.ravel()])[
                    np.isfinite(np.concatenate([found, null.ravel()]))])) > 1  # fmt: skip
                values.append(p_value(found, null) if varies else np.nan)
        corrected = holm(np.array(values))
        return {key: (p, float(c)) for key, p, c in zip(keys, values, corrected, strict=True)}

    def values(self, description: str, relation: str, quantity: str, which: str = "trained") -> np.ndarray:
        """One number per seed, NaN where it was refused; ``which`` is ``"trained"`` or ``"untrained"``."""
        chosen = self.data[which].sel(description=description, relation=relation, quantity=quantity).values
        return np.asarray(chosen[:1] if relation == "wires" else chosen, float)

    def shuffled(self, description: str, relation: str, quantity: str) -> np.ndarray:
        """(S, K): K shuffles of every seed; of wires, which are the same for all seeds, (1, S K)."""
        chosen = self.data["null"].sel(description=description, relation=relation, quantity=quantity)
        table = np.asarray(chosen.transpose("seed", "shuffle").values, float)
        return table.reshape(1, -1) if relation == "wires" else table

    def picture(self, description: str, where: str = "plane") -> GeometryData:
        """What is drawn of a side, of the first seed: in the ``"plane"`` or in ``"space"``."""
        prefix = f"picture_{description}_"
        kept = [name for name in self.data.variables if str(name).startswith(prefix)]
        part = self.data[kept].drop_vars(list(self.data.coords), errors="ignore")
        part = part.rename({n: str(n).removeprefix(prefix) for n in (*part.variables, *part.dims)})
        attributes = {
            str(key).removeprefix(prefix): value
            for key, value in self.data.attrs.items()
            if str(key).startswith(prefix)
        }
        part.attrs = attributes
        return from_dataset(part, where)

    def figure(self, width: str | float = "aps-2") -> Figure:
        """The figure at a journal's column width (see :data:`qgeom.figures.style.WIDTHS`) or in inches."""
        names = [str(name) for name in self.data["description"].values]
        return drawing.draw(self.data, {name: self.picture(name) for name in names}, width)

    def html(self) -> str:
        """The interactive view of the first seed's geometries, one page that needs no network."""
        shown = self._seen()
        if not shown:
            raise ValueError("no side has an embedding to show: take another picture relation")
        title = f"{self.data.attrs['task']}, {LABELS[self.data.attrs['picture']]}, seed {int(self.data['seed'][0])}"
        return page(shown, title)

    def refusals(self) -> str:
        """CSV of every quantity that was refused: side, relation, quantity, number of seeds, the reasons."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["description", "relation", "quantity", "refused", "seeds", "reason"])
        for name in map(str, self.data["description"].values):
            for relation, quantity in self._asked():
                texts = self.data["reason"].sel(
                    description=name, relation=relation, quantity=quantity.name
                ).values  # fmt: skip
                said = [str(text) for text in texts if str(text)]
                if said:
                    reasons = " / ".join(dict.fromkeys(said))
                    count = len(self.values(name, relation, quantity.name))
                    writer.writerow([name, relation, quantity.label, len(said), count, reasons])
        return stream.getvalue()

    def save(self, path: str | os.PathLike[str] | RunFolder) -> list[Path]:
        """As :meth:`Result.save`, with ``geometry.html`` and ``refusals.csv``."""
        folder = path if isinstance(path, RunFolder) else RunFolder.create(path)
        with folder.commit() as files:
            files.text(REFUSALS, self.refusals())
            if self._seen():  # else the figure and the refusals say why not
                files.text(VIEW, self.html())
        return super().save(folder)

    def _seen(self) -> dict[str, GeometryData]:
        """Pictures in space of the sides that have an embedding."""
        names = [str(name) for name in self.data["description"].values]
        pictures = {name: self.picture(name, "space") for name in names}
        return {name: data for name, data in pictures.items() if data.coordinates is not None}

    def _asked(self) -> list[tuple[str, Quantity]]:
        """Relations with their quantities, in the order of the table."""
        relations = [str(name) for name in self.data["relation"].values]
        return [
            (relation, quantity)
            for relation in relations
            for quantity in (OF_NODES if relation == NODES else QUANTITIES)
        ]

    def _cells(
        self, name: str, relation: str, quantity: str, tested: dict[Any, tuple[float, float]]
    ) -> list[Cell]:
        found, null = self.values(name, relation, quantity), self.shuffled(name, relation, quantity)
        asked = self.data["reason"].sel(description=name, relation=relation, quantity=quantity).values
        if not np.isfinite(found).any() and not any(map(str, asked)):
            return [None] * 4
        p, corrected = tested[name, relation, quantity]
        test = None if np.isnan(p) else f"{p:.4f}" + (" *" if corrected < LEVEL else "")
        untrained = (
            None if relation == "wires" else _spread(self.values(name, relation, quantity, "untrained"))
        )
        if not np.isfinite(found).any():
            return ["refused", None, None, untrained]  # a null stands beside a number alone
        return [_spread(found), self._null(null, relation, quantity), test, untrained]

    def _null(self, null: np.ndarray, relation: str, quantity: str) -> Cell:
        """Mean over the shuffles of each seed, over seeds; how many shuffles were refused."""
        if relation == NODES and quantity != "arrow":
            return None
        known = np.isfinite(null)
        if not known.any():
            return "refused"
        rows = null.T if len(null) == 1 else null  # of wires, every shuffle is a repetition
        each = np.array([row[np.isfinite(row)].mean() for row in rows if np.isfinite(row).any()])
        return _counted(Spread.over_seeds(each), int(np.sum(~known)), known.size)

    def _row(self, label: str, cells: Sequence[Cell], unit: str = "") -> Row:
        return Row(label, unit, tuple(one for cell in cells for one in (cell, None, None, None)))

    def _notes(self) -> tuple[str, ...]:
        a = self.data.attrs
        return (
            f"Mean over {a['n_seeds']} seeds with the 95% bootstrap interval; refused: no number can be given, the "
            f"reasons are in {REFUSALS}. Training: {a['training']}.",
            f"Shuffled: the same shares dealt to the pairs of points at random, {a['shuffles']} times a seed (of the "
            "arrow: sensitivities dealt to the nodes). p: permutation test of the mean over seeds against the "
            f"shuffled, two-sided; * below {LEVEL:g} after Holm's correction over the table; without a star it is not "
            "told apart from noise. Untrained: at the initial parameters.",
            f"Relations over {a['n_inputs']} inputs (influence between gates: {a['influence_samples']}): mutual "
            "information of sites, mean over inputs, and of activations over inputs; Fisher information shared by "
            "nodes, of the class probabilities (readout) or the state; influence: commutators, and Jacobians; wires, "
            "the same for all seeds.",
            f"Distances: {a['distance']}, natural unit, geodesic closure. Curvature: Ollivier, of the edges of the "
            "skeleton, at most 1, its mean weighted by the lengths of the edges: 1 - sum W_1 / sum d.",
            "Arrow of time: Spearman correlation of a node's sensitivity tr F_aa with its layer, negative if first "
            "layers are the more sensitive. Minimal length: Cramer-Rao bound in natural units, one sample, other "
            "parameters unknown (or known): a node that they can undo has none. All of the class probabilities. Sides "
            "have about as many nodes, not as many parameters.",
        )


def _spread(values: np.ndarray) -> Cell:
    known = values[np.isfinite(values)]
    return (
        "refused"
        if len(known) == 0
        else _counted(Spread.over_seeds(known), len(values) - len(known), len(values))
    )


def _counted(spread: Spread, refused: int, of: int) -> Cell:
    return spread if refused == 0 else f"{format_cell(spread)} ({refused}/{of} refused)"
