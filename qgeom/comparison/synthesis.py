r"""Side by side: a circuit that learned a unitary and networks that learned a rotation, as built and at the shortest.

Every side is trained on its own random target (:mod:`qgeom.comparison.synthesis_sides`). What it has become is a path
from the identity to the transformation that it performs; :func:`qgeom.nielsen.minimal_geodesic` then looks for the
shortest path to the same transformation in the same metric, with the path as built among its starts. So

    ratio = length as built / shortest length found  >=  1

up to the tolerance of the search, on every side, and a lower bound of the shortest length says how far the ratio might
still grow: at most to ``built / lower bound``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import xarray as xr
from jaxtyping import Array

from qgeom.comparison.parts import Job, checked_seeds, concatenated, gathered, require_x64
from qgeom.comparison.settings import SynthesisSettings
from qgeom.comparison.synthesis_result import Synthesis
from qgeom.comparison.synthesis_sides import (
    CircuitSide,
    LinearSide,
    OrthogonalSide,
    ResidualSide,
    Side,
    synthesis_circuit,
)
from qgeom.nielsen.geodesic import minimal_geodesic
from qgeom.nielsen.layer_flow import far_share
from qgeom.progress import Progress, Silent
from qgeom.provenance import Clock, command_line, provenance
from qgeom.results import RunFolder

CHUNK = 50
"""Steps of training in one compiled call."""
_CHUNKS_PER_SEARCH = 4  # for the progress bar: what one search takes, in calls of training

SCALARS = (
    "error",
    "built_length",
    "sequential_length",
    "built_action",
    "shortest_length",
    "lower_bound",
    "gap",
    "conjugate_time",
    "locally_minimal",
    "residual",
    "ratio",
    "excess",
    "built_far_share",
    "shortest_far_share",
    "fisher_length",
    "fisher_distance",
    "nonlinear",
    "complete",
)
"""What is measured on every side, start and seed; NaN where a layer is a reflection, which no path reaches."""


def sides_of(settings: SynthesisSettings) -> dict[str, Side]:
    """The sides that the settings ask for, by name."""
    q, dim, depth = settings.q, settings.dim, settings.depth
    circuit = synthesis_circuit(settings.n_qubits, settings.circuit_layers, settings.ansatz)
    known: dict[str, Side] = {
        "circuit": CircuitSide(circuit, q, settings.max_weight),
        "orthogonal network": OrthogonalSide(dim, depth, q),
        "linear network": LinearSide(dim, depth, q),
        "residual network": ResidualSide(dim, depth, q),
    }
    if len(set(settings.sides)) != len(settings.sides):
        raise ValueError(f"the sides {', '.join(settings.sides)} repeat")
    return {name: known[name] for name in settings.sides}


def run(
    settings: SynthesisSettings,
    seed: int = 0,
    progress: Progress | None = None,
    folder: RunFolder | None = None,
) -> Synthesis:
    """Train every side from every start, seeds ``seed, seed + 1, ...``, and measure the paths.

    Args:
        settings: see :class:`~qgeom.comparison.settings.SynthesisSettings`.
        seed: the first seed; a seed draws target, data and parameters.
        progress: what is reported to.
        folder: finished sides are kept there, and an interrupted comparison goes on where it was.

    Raises:
        ValueError: bad settings, or x64 is not enabled, in one line.
    """
    require_x64("compare synthesis")
    progress = Silent() if progress is None else progress
    clock = Clock()
    seeds = checked_seeds(range(seed, seed + settings.seeds))
    sides = sides_of(settings)
    calls = -(-settings.steps // CHUNK)
    work = len(settings.starts) * (calls + len(seeds) * _CHUNKS_PER_SEARCH)
    jobs = {
        name: Job((side, _relevant(settings), seeds), functools.partial(_part, side, settings, seeds), work)
        for name, side in sides.items()
    }
    progress.stage("synthesis", len(sides) * work)
    done = gathered(folder, jobs, progress)
    data = concatenated([done[name].assign_coords(description=name) for name in sides], "description")
    data = data.assign(
        n_parameters=("description", [side.n_parameters for side in sides.values()]),
        n_layers=("description", [side.n_layers for side in sides.values()]),
        group=("description", [side.group for side in sides.values()]),
    )
    data.attrs = {
        "task": "synthesis",
        "n_seeds": len(seeds),
        "q": settings.q,
        "optimizer": f"Adam, {settings.steps} steps, learning rate {settings.learning_rate:g} falling to 1%",
        "search": f"{settings.search} starts beside the path as built",
        "precision": "float64",
    }
    record = {**settings.model_dump(mode="json"), "task": "synthesis", "seed": seed}
    return Synthesis(data, record, provenance(seed=seed, clock=clock, command=command_line()))


def _relevant(settings: SynthesisSettings) -> tuple[Any, ...]:
    """Settings, beside the sides themselves, that a part depends on."""
    s = settings
    return (s.starts, s.steps, s.learning_rate, s.search, s.time_budget)


def _part(side: Side, settings: SynthesisSettings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    """One side from all starts, all seeds."""
    problems = [side.problem(seed) for seed in seeds]
    descend = _Descent(side, settings.steps, settings.learning_rate)
    losses, found, profiles = [], [], []
    for start in settings.starts:
        first = jnp.stack([side.init(jax.random.key(seed), start) for seed in seeds])
        theta, history = descend(first, problems, progress)
        losses.append(history)
        rows, layers = [], []
        for k, seed in enumerate(seeds):
            row, lengths = _measured(side, theta[k], problems[k], seed, settings)
            rows.append(row)
            layers.append(lengths)
            progress.advance(_CHUNKS_PER_SEARCH)
        found.append(rows)
        profiles.append(layers)
    most = max(len(lengths) for layers in profiles for lengths in layers)
    profile = np.full((len(settings.starts), len(seeds), most), np.nan)
    for i, layers in enumerate(profiles):
        for k, lengths in enumerate(layers):
            profile[i, k, : len(lengths)] = lengths
    dims = ("start", "seed")
    table = {name: (dims, np.asarray([[row[name] for row in rows] for rows in found])) for name in SCALARS}
    return xr.Dataset(
        {
            **table,
            "loss": ((*dims, "step"), np.stack(losses)),
            "piece_lengths": ((*dims, "piece"), profile),
        },
        coords={
            "start": list(settings.starts),
            "seed": list(seeds),
            "step": np.arange(settings.steps + 1),
            "piece": np.arange(most),
        },
    )


def _measured(
    side: Side, theta: np.ndarray, problem: Any, seed: int, settings: SynthesisSettings
) -> tuple[dict[str, float], np.ndarray]:
    """All of :data:`SCALARS` of one trained side, and the lengths of its pieces."""
    try:
        built = side.built(theta, problem)
    except ValueError:
        return dict.fromkeys(SCALARS, float("nan")), np.zeros(0)
    penalty = side.penalty
    shortest = minimal_geodesic(
        built.matrix,
        penalty,
        key=jax.random.key(seed),
        starts=settings.search,
        time_budget=settings.time_budget,
        initial=[built.segments],
    )
    length = float(np.sum(built.lengths))
    return {
        "error": built.error,
        "built_length": length,
        "sequential_length": built.sequential_length,
        "built_action": float(len(built.lengths) * np.sum(built.lengths**2)),
        "shortest_length": shortest.length,
        "lower_bound": shortest.lower_bound,
        "gap": shortest.gap,
        "conjugate_time": shortest.conjugate_time,
        "locally_minimal": np.nan if shortest.locally_minimal is None else float(shortest.locally_minimal),
        "residual": shortest.residual,
        "ratio": length / shortest.length,
        "excess": 1.0 - shortest.length / length,
        "built_far_share": far_share(penalty, built.segments),
        "shortest_far_share": far_share(penalty, shortest.segments),
        "fisher_length": built.fisher_length,
        "fisher_distance": built.fisher_distance,
        "nonlinear": built.nonlinear,
        "complete": float(shortest.complete),
    }, built.lengths


class _Descent:
    """Adam on all seeds at once; compiled once for all starts of a side."""

    def __init__(self, side: Side, steps: int, learning_rate: float) -> None:
        self._steps = steps
        rule = optax.adam(optax.cosine_decay_schedule(learning_rate, steps, alpha=0.01))
        both = jax.vmap(jax.value_and_grad(side.loss))
        self._first = rule.init

        @functools.partial(jax.jit, static_argnums=3)
        def chunk(theta: Array, state: Any, problems: Any, count: int) -> tuple[Array, Any, Array]:
            def step(carry: tuple[Any, Any], _: None) -> tuple[tuple[Any, Any], Array]:
                theta, state = carry
                value, gradient = both(theta, problems)
                change, state = rule.update(gradient, state)
                return (optax.apply_updates(theta, change), state), value

            (theta, state), values = jax.lax.scan(step, (theta, state), None, count)
            return theta, state, values

        self._chunk, self._loss = chunk, jax.jit(jax.vmap(side.loss))

    def __call__(
        self, theta: Array, problems: Sequence[tuple[np.ndarray, ...]], progress: Progress
    ) -> tuple[np.ndarray, np.ndarray]:
        """Trained parameters (seeds, P) and losses (seeds, steps + 1)."""
        stacked = tuple(jnp.asarray(np.stack(column)) for column in zip(*problems))
        state, values = self._first(theta), []
        for start in range(0, self._steps, CHUNK):
            theta, state, found = self._chunk(theta, state, stacked, min(CHUNK, self._steps - start))
            values.append(np.asarray(found))
            progress.advance()
        values.append(np.asarray(self._loss(theta, stacked))[None])
        history = np.concatenate(values).T
        if not np.isfinite(history).all():
            raise FloatingPointError("training diverged; try a smaller learning_rate")
        return np.asarray(theta), history
