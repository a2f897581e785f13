"""The result of ``qgeom compare synthesis``: its data, and the table and figure made from them."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from qgeom.comparison.result import Result
from qgeom.figures import synthesis as drawing
from qgeom.tables import Cell, Column, Row, Spread, Table

_ROWS = (
    ("final loss", "loss"),
    ("root mean square error", "error"),
    ("length as built", "built_length"),
    ("length, one gate after another", "sequential_length"),
    ("action as built", "built_action"),
    ("shortest length found", "shortest_length"),
    ("lower bound", "lower_bound"),
    ("gap", "gap"),
    ("locally shortest (share)", "locally_minimal"),
    ("first conjugate time", "conjugate_time"),
    ("built / shortest", "ratio"),
    ("(built - shortest) / built", "excess"),
    ("far share of action, as built", "built_far_share"),
    ("far share of action, shortest", "shortest_far_share"),
    ("Fisher length as built", "fisher_length"),
    ("Fisher distance of the ends", "fisher_distance"),
    ("share of motion that is not linear", "nonlinear"),
)


class Synthesis(Result):
    """What :func:`qgeom.comparison.synthesis.run` returns: an ``xarray.Dataset`` over description, start and seed."""

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.data["description"].values))
        return f"Synthesis({names}; {self.data.sizes['seed']} seeds, q = {self.data.attrs['q']:g})"

    def table(self) -> Table:
        """Quantities down, sides and starts across; mean over seeds with a 95% bootstrap interval."""
        data = self.data
        pairs = [(d, s) for d in data["description"].values for s in data["start"].values]
        rows = [
            Row("group", "", tuple(str(data["group"].sel(description=d).values) for d, _ in pairs)),
            Row("parameters", "", tuple(int(data["n_parameters"].sel(description=d)) for d, _ in pairs)),
            Row("layers", "", tuple(int(data["n_layers"].sel(description=d)) for d, _ in pairs)),
        ]
        rows += [Row(label, "", tuple(self._cell(name, d, s) for d, s in pairs)) for label, name in _ROWS]
        rows.append(Row("paths measured", "", tuple(self._measured(d, s) for d, s in pairs)))
        columns = tuple(Column(str(d), f"{s:g}") for d, s in pairs)
        title = f"synthesis: {' and '.join(map(str, data['description'].values))} side by side"
        return Table(title, columns, tuple(rows), column_label="start", notes=self._notes())

    def values(self, quantity: str, description: str, start: float) -> np.ndarray:
        """One number per seed; the loss at the end of training. Seeds whose path is not defined are left out."""
        values = self.data[quantity].sel(description=description, start=start)
        if "step" in values.dims:
            values = values.isel(step=-1)
        found = np.asarray(values.values, dtype=float)
        return found[~np.isnan(found)]

    def figure(self, width: str | float = "aps-2") -> Figure:
        """The figure at a journal's column width (see :data:`qgeom.figures.style.WIDTHS`) or in inches."""
        return drawing.draw(self.data, width)

    def _measured(self, description: str, start: float) -> int:
        return len(self.values("built_length", description, start))

    def _cell(self, name: str, description: str, start: float) -> Cell:
        values = self.values(name, description, start)
        if len(values) == 0:
            return None
        if name == "conjugate_time":
            finite = values[np.isfinite(values)]
            return "none" if len(finite) == 0 else f"{finite.min():.3g} at the least, {len(finite)} seeds"
        if name == "loss":
            return f"{np.median(values):.1e}"
        return Spread.over_seeds(values)

    def _notes(self) -> tuple[str, ...]:
        attributes = self.data.attrs
        return (
            f"Mean over {attributes['n_seeds']} seeds with the 95% bootstrap interval; of the loss the median. "
            "A seed draws target, data and parameters. Networks share the rotation of their seed.",
            f"Training: {attributes['optimizer']}; start: scale of the initial parameters, 1 the usual.",
            f"Lengths: Nielsen's penalty metric, q = {attributes['q']:g} on strings and planes beyond neighbours "
            "(two qubits: on all strings of two). As built: gates of a layer that commute act at the same time; layers "
            "of a network by their principal logarithms, of a residual network by the linear map nearest to a block.",
            f"Shortest: the best path to the same transformation, {attributes['search']}; lower bound proven; gap = "
            "1 - lower bound / upper bound; locally shortest: no conjugate point before the end.",
            "Far share: of the action, in directions of weight q. Fisher: of the circuit's Choi state; of a Gaussian "
            "output of unit variance for normal inputs.",
        )
