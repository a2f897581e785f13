"""Accuracies over one shared weight: of wirings that a search found, of trained descriptions, of random wirings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr

from qgeom.experiments import planck_length_sides, weight_agnostic, wiring_search
from qgeom.progress import Progress
from qgeom.tasks import Split, Task
from qgeom.training import Adam, StopRule, train

FAMILIES = ("network", "circuit")
KINDS = ("searched", "trained", "random", "best random")
"""Found by the search; trained, with one modulus; of the size of what was found, at random; the best of these."""
QUBITS, GATE_LAYERS = 4, 3
"""Of the circuits of one shared angle."""


class Budget(NamedTuple):
    """How much is computed: wirings in a generation, generations, random wirings, steps of training."""

    population: int
    generations: int
    wirings: int
    max_steps: int


def measured(
    task: Task, family: str, seeds: tuple[int, ...], budget: Budget, progress: Progress
) -> xr.Dataset:
    """Accuracies over the shared weight of one family: found by the search, trained, and random."""
    dtype = jnp.result_type(float)
    splits, weights = task.splits(seeds), np.asarray(weight_agnostic.WEIGHTS)
    accuracy = np.full((len(KINDS), len(seeds), budget.wirings, len(weights)), np.nan)
    history = np.full((len(seeds), budget.generations + 1), np.nan)
    every = {case.name: case.description for case in planck_length_sides.cases(4, 2, 8, task)}
    progress.stage(f"training the {family}", budget.max_steps)
    found = train(
        every[family], splits, seeds, Adam(0.05), StopRule(max_steps=budget.max_steps, target_loss=0.15),
        dtype=dtype, progress=progress,
    )  # fmt: skip
    progress.stage(f"one shared weight, {family}", len(seeds))
    for s, one in enumerate(seeds):
        given = weight_agnostic.shared_classes(
            every[family], str(dtype), jnp.asarray(found.final[s], dtype), jnp.asarray(weights, dtype),
            jnp.asarray(splits.test_x[s], dtype),
        )  # fmt: skip
        accuracy[1, s, 0] = np.mean(np.asarray(given) == splits.test_y[s], axis=1)
        seen, held_out, like = _searched(
            budget, family, Split(*(part[s] for part in splits)), one, task.n_classes
        )
        accuracy[0, s, 0], history[s] = held_out(seen.best), seen.history
        training = np.full(budget.wirings, -1.0)
        for k in range(budget.wirings):
            wiring, trained = like()
            training[k], accuracy[2, s, k] = trained.mean(), held_out(wiring)
        accuracy[3, s, 0] = accuracy[2, s, int(np.argmax(training))]
        progress.advance()
    return xr.Dataset(
        {
            "accuracy": (("kind", "seed", "draw", "weight"), accuracy, {"long_name": "test accuracy"}),
            "trained_accuracy": ("seed", found.test_accuracy[:, -1]),
            "history": (("seed", "generation"), history, {"long_name": "largest mean training accuracy"}),
        },
        coords={"family": family, "kind": list(KINDS), "seed": list(seeds), "weight": weights},
    )


def _searched(
    budget: Budget, family: str, split: Split, seed: int, classes: int
) -> tuple[wiring_search.Found, Callable[[Any], np.ndarray], Callable[[], tuple[Any, np.ndarray]]]:
    """What the search found on the training part; accuracies on the test part; a random wiring of the same size."""
    rng, weights = np.random.default_rng((seed, 5)), np.asarray(weight_agnostic.WEIGHTS)
    if family == "network":
        sources = split.train_x.shape[1] + 1

        def right(wiring: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return np.mean(weight_agnostic.topology_classes(wiring, weights, x, classes) == y, axis=1)

        def first(rng: np.random.Generator) -> Any:
            return wiring_search.first_topology(rng, sources, classes)

        def change(rng: np.random.Generator, wiring: Any) -> Any:
            return wiring_search.changed_topology(rng, wiring, classes)

        train_x, test_x = split.train_x, split.test_x
    else:
        train_x, test_x = (weight_agnostic.encoding(x, QUBITS) for x in (split.train_x, split.test_x))

        def right(wiring: Any, x: np.ndarray, y: np.ndarray) -> np.ndarray:
            return np.mean(weight_agnostic.gate_classes(wiring, weights, x, classes) == y, axis=1)

        def first(rng: np.random.Generator) -> Any:
            return wiring_search.first_gates(rng, QUBITS, GATE_LAYERS)

        def change(rng: np.random.Generator, wiring: Any) -> Any:
            return wiring_search.changed_gates(rng, wiring)

    def trained(wiring: Any) -> np.ndarray:
        return right(wiring, train_x, split.train_y)

    seen = wiring_search.search(rng, first, change, trained, budget.population, budget.generations)

    def like() -> tuple[Any, np.ndarray]:
        best = seen.best
        if isinstance(best, weight_agnostic.Gates):
            wiring: Any = weight_agnostic.random_gates_like(rng, best)
        else:
            hidden = len(best.functions) - classes
            wiring = weight_agnostic.random_topology(rng, best.n_sources, classes, hidden, best.n_connections)
        return wiring, trained(wiring)

    return seen, lambda wiring: right(wiring, test_x, split.test_y), like
