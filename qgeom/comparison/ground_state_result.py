"""The result of ``qgeom compare ground-state``: its data, and the table and figure made from them."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from qgeom.comparison.result import Result
from qgeom.figures import ground_state as drawing
from qgeom.tables import Cell, Column, Row, Spread, Table

_ROWS = (
    ("energy", "energy"),
    ("relative energy error", "energy_error"),
    ("variance of the energy", "variance"),
    ("infidelity with exact", "infidelity"),
    ("largest deviation of an entropy", "entropy_deviation"),
    ("Fisher trace", "trace"),
    ("Fisher rank", "rank"),
    ("Fisher effective rank", "effective_rank"),
    ("share of small eigenvalues", "small_eigenvalue_share"),
    ("Fisher length of layer curve", "layer_length"),
    ("Fisher distance of its ends", "layer_distance"),
    ("Nielsen length as built", "built_length"),
    ("Nielsen, one gate after another", "sequential_length"),
    ("two-qubit gates", "two_qubit_gates"),
    ("updates", "updates"),
    ("converged (share)", "converged"),
)
_SKEWED = {
    "energy": ".6f",
    **dict.fromkeys(("energy_error", "variance", "infidelity", "entropy_deviation"), ".1e"),
}
"""Bounded by the exact value on one side: shown by median, smallest and largest, in these formats."""
_UNITS = {"entropy_deviation": "nat"}


class GroundStates(Result):
    """What :func:`qgeom.comparison.ground_state.run` returns: an ``xarray.Dataset`` over description and seed."""

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.data["description"].values))
        return f"GroundStates({names}; {self.data.attrs['hamiltonian']}, {self.data.sizes['seed']} seeds)"

    def table(self) -> Table:
        """Quantities down, sides across; over seeds the mean with its interval, of energies and errors the median."""
        data = self.data
        names = [str(name) for name in data["description"].values]
        rows = [
            Row("parameters", "", tuple(int(data["n_parameters"].sel(description=name)) for name in names))
        ]
        rows += [
            Row(label, _UNITS.get(key, ""), tuple(self._cell(key, name) for name in names))
            for label, key in _ROWS
        ]
        columns = tuple(Column(name, str(data["form"].sel(description=name).values)) for name in names)
        title = f"ground state, {data.attrs['hamiltonian']}: {', '.join(names)} side by side"
        return Table(title, columns, tuple(rows), column_label="form", notes=self._notes())

    def values(self, quantity: str, description: str) -> np.ndarray:
        """One number per seed; those that are not defined are left out."""
        found = np.asarray(self.data[quantity].sel(description=description).values, dtype=float)
        return found[~np.isnan(found)]

    def figure(self, width: str | float = "aps-2") -> Figure:
        """The figure at a journal's column width (see :data:`qgeom.figures.style.WIDTHS`) or in inches."""
        return drawing.draw(self.data, width)

    def _cell(self, key: str, name: str) -> Cell:
        values = self.values(key, name)
        if len(values) == 0:
            return None
        if key not in _SKEWED:
            return Spread.over_seeds(values)
        low, middle, high = (format(v, _SKEWED[key]) for v in np.percentile(values, (0, 50, 100)))
        return middle if low == high else f"{middle} [{low}, {high}]"

    def _notes(self) -> tuple[str, ...]:
        a = self.data.attrs
        profile = self.data["exact_entropies"].values
        return (
            f"Exact: energy {a['exact_energy']:.9g}, gap {a['gap']:.4g}, largest entropy of a cut {profile.max():.4g} "
            "nat. Energies in the units of the couplings of Pauli matrices.",
            f"Mean over {a['n_seeds']} seeds with the 95% bootstrap interval; of energies, errors, variances and "
            "deviations the median with the smallest and the largest. A seed draws where a side starts.",
            f"Circuit and network: {a['steps']} steps of imaginary time, theta - lr (F + {a['damping']:g})^-1 grad E, "
            f"F = QFIM / 4, lr from {a['learning_rate']:g} adapted, exact (no sampling). MPS: DMRG, an update is half "
            "a sweep. MERA: Riemannian L-BFGS, an update is an evaluation of the energy.",
            "Fisher: the quantum Fisher matrix in the parameters of each side; rank and lengths do not depend on "
            "coordinates, trace and effective rank do. Small: below 1e-3 of the mean eigenvalue.",
            "Layer curve: geodesic distances between the states layer by layer, summed (pi: orthogonal states). "
            f"Nielsen: strings on one qubit cost 1, on more {a['q']:g}.",
        )
