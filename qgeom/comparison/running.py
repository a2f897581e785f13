"""Training and measuring every description with every optimizer, part by part."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import xarray as xr

from circuits.description import Description
from qgeom.comparison import measures, sides
from qgeom.comparison.parts import Job, checked_seeds, concatenated, gathered
from qgeom.comparison.result import Comparison
from qgeom.comparison.settings import CompareSettings
from qgeom.errors import unknown
from qgeom.progress import Progress, Silent
from qgeom.provenance import Clock, command_line, provenance
from qgeom.results import RunFolder
from qgeom.tasks import Split, Task, load
from qgeom.training import REASONS, Adam, NaturalGradient, Optimizer, StopRule, initial_parameters, train

DEFAULT_OPTIMIZERS = (Adam(), NaturalGradient())
DEFAULT_STOP = StopRule(max_steps=150, target_loss=0.1)

_PATH_BYTES = 2**26
_STEPS_PER_MEASUREMENT = 5  # for the progress bar: what measuring one seed takes, in steps


def compare(
    descriptions: Mapping[str, Description],
    task: str | Path | Task = "iris",
    seeds: int | Sequence[int] = 10,
    optimizer: str | Optimizer | Sequence[str | Optimizer] = DEFAULT_OPTIMIZERS,
    *,
    target: str | None = None,
    components: int | None = None,
    stop: StopRule = DEFAULT_STOP,
    test_fraction: float = 0.3,
    batch_size: int | None = None,
    gamma: float = 1.0,
    draws: int = 10,
    dtype: Any = None,
    folder: RunFolder | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Train several descriptions on the same task and measure them alike.

    For every seed all descriptions see the same split, scaling and order of batches; each draws its own parameters from
    it. All train to the same stop rule. What is measured: :mod:`qgeom.comparison.measures`.

    Args:
        descriptions: by name, each with a categorical output, e.g. ``{"circuit": circuits.Measured(...), "network":
            circuits.MLP(...)}``; one or more. A measured circuit has its quantum Fisher information beside the
            classical one.
        task: see :func:`qgeom.tasks.load`; or a :class:`~qgeom.tasks.Task`.
        seeds: how many (0, 1, ...), or which.
        optimizer: ``"adam"``, ``"natural-gradient"``, an instance of their classes, or several.
        target, components: see :func:`qgeom.tasks.load`.
        stop, batch_size, dtype: see :func:`qgeom.training.train`.
        gamma, draws: of the effective dimension, and how many random parameter points its global form takes.
        folder: every finished part is kept there, and an interrupted comparison goes on where it was.

    Raises:
        ValueError, TypeError: bad input, in one line.
        FloatingPointError: training diverged.
    """
    progress = Silent() if progress is None else progress
    clock = Clock()
    loaded = load(task, target=target, components=components)
    seed_list = checked_seeds(seeds)
    optimizers = _optimizers(optimizer)
    sides.check_sides(descriptions, loaded)
    if draws < 1:
        raise ValueError(f"draws is {draws}; 1 or more parameter points are needed")
    splits = loaded.splits(seed_list, test_fraction)
    work = stop.max_steps + len(seed_list) * _STEPS_PER_MEASUREMENT
    jobs = {
        (name, rule): Job(
            (description, rule, stop, batch_size, seed_list, splits, gamma, draws, str(dtype)),
            functools.partial(
                _part, description, rule, splits, seed_list, stop, batch_size, gamma, draws, dtype
            ),
            work,
        )
        for name, description in descriptions.items()
        for rule in optimizers
    }
    progress.stage(loaded.name, len(jobs) * work)
    done = gathered(folder, jobs, progress)
    rows = [
        concatenated(
            [done[name, rule].assign_coords(optimizer=rule.name) for rule in optimizers], "optimizer"
        ).assign_coords(description=name)
        for name in descriptions
    ]
    data = concatenated(rows, "description")
    data = data.assign(
        n_parameters=("description", [d.n_parameters for d in descriptions.values()]),
        structure=("description", [repr(d) for d in descriptions.values()]),
    )
    data.attrs = _attributes(loaded, stop, seed_list, splits, gamma, draws, batch_size, optimizers)
    settings = {
        "comparison": loaded.name,
        "descriptions": {name: repr(d) for name, d in descriptions.items()},
        "seeds": seed_list,
        "optimizers": [{"name": rule.name, **_fields(rule)} for rule in optimizers],
        "stop": _fields(stop),
        "test_fraction": test_fraction,
        "batch_size": batch_size,
        "components": loaded.components,
        "gamma": gamma,
        "draws": draws,
    }
    return Comparison(data, settings, provenance(seed=seed_list[0], clock=clock, command=command_line()))


def run(
    settings: CompareSettings,
    seed: int = 0,
    progress: Progress | None = None,
    folder: RunFolder | None = None,
    dtype: Any = None,
) -> Comparison:
    """The default circuit against the default network, as ``qgeom compare`` does; seeds ``seed, seed + 1, ...``."""
    task = load(settings.task, target=settings.target, components=settings.components)
    circuit = sides.default_circuit(task, settings.n_qubits, settings.n_layers)
    network = sides.default_network(task, circuit.n_parameters, settings.hidden)
    rules = {
        "adam": Adam(settings.learning_rate),
        "natural-gradient": NaturalGradient(
            settings.natural_learning_rate, settings.natural_damping, settings.natural_max_length
        ),
    }
    result = compare(
        {"circuit": circuit, "network": network},
        task,
        range(seed, seed + settings.seeds),
        [rules[name] for name in settings.optimizers],
        stop=StopRule(settings.max_steps, settings.target_loss, settings.tolerance, settings.patience),
        test_fraction=settings.test_fraction,
        batch_size=settings.batch_size,
        gamma=settings.gamma,
        draws=settings.draws,
        dtype=dtype,
        folder=folder,
        progress=progress,
    )
    result.settings.update(settings.model_dump(mode="json"), seed=seed)
    return result


def _part(
    description: Description,
    optimizer: Optimizer,
    splits: Split,
    seeds: tuple[int, ...],
    stop: StopRule,
    batch_size: int | None,
    gamma: float,
    draws: int,
    dtype: Any,
    progress: Progress,
) -> xr.Dataset:
    """One description trained by one optimizer, all seeds, measured."""
    trained = train(
        description, splits, seeds, optimizer, stop, batch_size=batch_size, dtype=dtype, progress=progress
    )
    found: list[dict[str, np.ndarray]] = []
    global_dimension = []
    for i, seed in enumerate(seeds):
        # One length for all seeds and optimizers, so that nothing compiles twice.
        path = jnp.asarray(_padded(trained.path[i], stop.max_steps + 1))
        inputs = jnp.asarray(splits.train_x[i], path.dtype)
        found.append(measures.measure(description, path, int(trained.steps[i]), inputs, gamma))
        draw_seeds = tuple(int(s) for s in np.random.SeedSequence(seed).generate_state(draws))
        points = initial_parameters(description, draw_seeds, dtype)[0]
        global_dimension.append(measures.global_effective_dimension(description, points, inputs, gamma))
        progress.advance(_STEPS_PER_MEASUREMENT)
    every = max(1, math.ceil(trained.path.nbytes / _PATH_BYTES))
    return xr.Dataset(
        {
            "train_loss": (("seed", "step"), trained.train_loss, {"units": "nat"}),
            "test_loss": (("seed", "step"), trained.test_loss, {"units": "nat"}),
            "train_accuracy": (("seed", "step"), trained.train_accuracy),
            "test_accuracy": (("seed", "step"), trained.test_accuracy),
            "steps": ("seed", trained.steps),
            "stop_reason": ("seed", trained.reason, {"meanings": json.dumps(REASONS)}),
            "parameters": (("seed", "saved_step", "parameter"), trained.path[:, ::every]),
            "global_effective_dimension": ("seed", global_dimension),
            "training_seconds": ((), trained.seconds, {"units": "s"}),
            "eigenvalues": (("seed", "fisher", "parameter"), np.stack([one["eigenvalues"] for one in found])),
            **{
                name: (("seed", "fisher"), np.stack([one[name] for one in found]))
                for name in measures.SCALARS
            },
        },
        coords={
            "seed": list(seeds),
            "step": np.arange(trained.train_loss.shape[1]),
            "saved_step": np.arange(trained.train_loss.shape[1])[::every],
            "fisher": ["classical", "quantum"],
            "parameter": np.arange(description.n_parameters),
        },
    )


def _padded(path: np.ndarray, points: int) -> np.ndarray:
    """The path with its last point repeated up to a fixed number of points."""
    short = points - len(path)
    return path if short == 0 else np.concatenate([path, np.repeat(path[-1:], short, axis=0)])


def _optimizers(optimizer: str | Optimizer | Sequence[str | Optimizer]) -> tuple[Optimizer, ...]:
    known = {rule.name: rule for rule in DEFAULT_OPTIMIZERS}
    given = [optimizer] if isinstance(optimizer, str | Adam | NaturalGradient) else list(optimizer)
    chosen = []
    for rule in given:
        if isinstance(rule, str):
            if rule not in known:
                raise unknown("optimizer", rule, known)
            rule = known[rule]
        if not isinstance(rule, Adam | NaturalGradient):
            raise TypeError(
                f"an optimizer is a name, Adam(...) or NaturalGradient(...), not {type(rule).__name__}"
            )
        chosen.append(rule)
    if not chosen or len({rule.name for rule in chosen}) != len(chosen):
        raise ValueError(
            "give one optimizer or more, each with a name of its own: Adam(0.1, name='adam 0.1')"
        )
    return tuple(chosen)


def _fields(rule: Optimizer | StopRule) -> dict[str, Any]:
    return {key: value for key, value in vars(rule).items() if key != "name"}


def _in_words(rule: Optimizer) -> str:
    values = ", ".join(f"{key.replace('_', ' ')} {value:g}" for key, value in _fields(rule).items())
    return f"{rule.name} ({values})"


def _attributes(
    task: Task,
    stop: StopRule,
    seeds: tuple[int, ...],
    splits: Split,
    gamma: float,
    draws: int,
    batch_size: int | None,
    optimizers: tuple[Optimizer, ...],
) -> dict[str, Any]:
    """What table and figure say in words."""
    n_train, n_test = splits.train_y.shape[1], splits.test_y.shape[1]
    return {
        "task": task.name,
        "source": task.source,
        "n_train": n_train,
        "n_test": n_test,
        "n_features": task.n_features,
        "n_classes": task.n_classes,
        "chance": float(np.bincount(np.ravel(splits.test_y)).max() / splits.test_y.size),
        "task_notes": json.dumps(task.notes, ensure_ascii=False),
        "stop_rule": (
            f"training loss at most {stop.target_loss:g} nat, or no fall by {100 * stop.tolerance:g}% in "
            f"{stop.patience} steps, or {stop.max_steps} steps"
        ),
        "optimizers": "; ".join(map(_in_words, optimizers)),
        "batch_size": n_train if batch_size is None else batch_size,
        "gamma": gamma,
        "draws": draws,
        "n_seeds": len(seeds),
        "precision": str(jnp.zeros(()).dtype),
    }
