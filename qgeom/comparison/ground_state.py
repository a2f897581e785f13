"""Side by side: a circuit, an MPS, a MERA and a network as the ground state of the same Hamiltonian.

Each side looks for the state of lowest energy in its own way (:mod:`qgeom.comparison.ground_state_sides`); what it
found is measured by the same code on every side, against exact diagonalisation
(:mod:`qgeom.comparison.ground_state_measures`).
"""

from __future__ import annotations

import functools

import numpy as np
import xarray as xr

from circuits.paulis import PauliSum
from qgeom.comparison.ground_state_measures import SCALARS, measure
from qgeom.comparison.ground_state_model import Exact, exact, hamiltonian_of
from qgeom.comparison.ground_state_result import GroundStates
from qgeom.comparison.ground_state_settings import GroundStateSettings
from qgeom.comparison.ground_state_sides import Side, sides_of
from qgeom.comparison.parts import Job, checked_seeds, concatenated, gathered, require_x64
from qgeom.progress import Progress, Silent
from qgeom.provenance import Clock, command_line, provenance
from qgeom.results import RunFolder


def run(
    settings: GroundStateSettings,
    seed: int = 0,
    progress: Progress | None = None,
    folder: RunFolder | None = None,
) -> GroundStates:
    """Find and measure the ground state on every side, seeds ``seed, seed + 1, ...``.

    Args:
        settings: see :class:`~qgeom.comparison.ground_state_settings.GroundStateSettings`.
        seed: the first seed; a seed draws where each side starts.
        progress: what is reported to.
        folder: finished sides are kept there, and an interrupted comparison goes on where it was.

    Raises:
        ValueError: bad settings, a degenerate ground level, or x64 is not enabled, in one line.
    """
    require_x64("compare ground-state")
    progress = Silent() if progress is None else progress
    clock = Clock()
    seeds = checked_seeds(range(seed, seed + settings.seeds))
    hamiltonian = hamiltonian_of(settings)
    sides = sides_of(settings)
    reference = exact(hamiltonian)
    jobs = {
        name: Job(
            ("ground-state", side, hamiltonian, seeds, settings.q),
            functools.partial(_part, side, hamiltonian, reference, seeds, settings.q),
            side.work(len(seeds)) + len(seeds),
        )
        for name, side in sides.items()
    }
    progress.stage("ground-state", sum(job.work for job in jobs.values()))
    done = gathered(folder, jobs, progress)
    data = concatenated([done[name].assign_coords(description=name) for name in sides], "description")
    data = data.assign(
        n_parameters=("description", [side.description.n_parameters for side in sides.values()]),
        form=("description", [side.form for side in sides.values()]),
        structure=("description", [repr(side.description) for side in sides.values()]),
        exact_entropies=("cut", reference.entropies),
    )
    data.attrs = {
        "task": "ground-state",
        "hamiltonian": _in_words(settings),
        "n_sites": settings.n_sites,
        "exact_energy": reference.energy,
        "gap": reference.gap,
        "n_seeds": len(seeds),
        "steps": settings.steps,
        "learning_rate": settings.learning_rate,
        "damping": settings.damping,
        "q": settings.q,
        "precision": "float64",
    }
    record = {**settings.model_dump(mode="json"), "task": "ground-state", "seed": seed}
    return GroundStates(data, record, provenance(seed=seed, clock=clock, command=command_line()))


def _part(
    side: Side, hamiltonian: PauliSum, reference: Exact, seeds: tuple[int, ...], q: float, progress: Progress
) -> xr.Dataset:
    """One side, all seeds."""
    found = side.solve(hamiltonian, seeds, progress)
    rows = []
    for theta in found.theta:
        rows.append(measure(side, theta, hamiltonian, reference, q))
        progress.advance()
    longest = max(len(history) for history in found.histories)
    history = np.full((len(seeds), longest), np.nan)
    for k, energies in enumerate(found.histories):
        history[k, : len(energies)] = energies
    converged = [np.nan] * len(seeds) if found.converged is None else [float(one) for one in found.converged]
    return xr.Dataset(
        {
            **{name: ("seed", np.asarray([row[name] for row in rows], float)) for name in SCALARS},
            "updates": ("seed", [float(len(energies) - 1) for energies in found.histories]),
            "converged": ("seed", converged),
            "history": (("seed", "update"), history),
            "eigenvalues": (("seed", "parameter"), np.stack([row["eigenvalues"] for row in rows])),
            "entropies": (("seed", "cut"), np.stack([row["entropies"] for row in rows])),
            "parameters": (("seed", "parameter"), found.theta),
        },
        coords={
            "seed": list(seeds),
            "update": np.arange(longest),
            "parameter": np.arange(found.theta.shape[1]),
            "cut": np.arange(1, hamiltonian.n_qubits),
        },
    )


def _in_words(settings: GroundStateSettings) -> str:
    chain = "ring" if settings.periodic else "open chain"
    match settings.hamiltonian:
        case "ising":
            name = f"transverse-field Ising, field {settings.field:g}"
        case "xxz":
            name = f"XXZ, anisotropy {settings.anisotropy:g}"
        case "heisenberg":
            name = "Heisenberg"
    return f"{name}, {chain} of {settings.n_sites} sites"
