"""What ``data-shaping`` computes: G_Inf of models of one start, trained on data manipulated in several ways."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from qgeom.emergent.distance_formulas import Formula
from qgeom.experiments.distillation import distilled
from qgeom.experiments.planck_length_sides import Case
from qgeom.experiments.stationary_weights import stationary_weights
from qgeom.experiments.trained_geometry import (
    geometry_of_metric,
    labelled_distance,
    metrics,
    node_positions,
    wasserstein,
)
from qgeom.experiments.weighted_training import lessons, loss_and_accuracy, taught
from qgeom.information import information_metric, pullback
from qgeom.progress import Progress
from qgeom.tasks import Split
from qgeom.training import initial_parameters, unraveler

DATA = ("full, other start", "subset", "distilled", "augmented")
WEIGHTS = ("equal", "stationary", "shuffled")
MEASURES = ("Gromov-Wasserstein", "labelled")
FORMULAS: tuple[Formula, ...] = ("log", "one-minus")
HELD = ("retrained", "parameters held")


class Budget(NamedTuple):
    """How much is computed."""

    per_class: int
    draws: int
    copies: int
    noise: float
    episodes: int
    matches: int
    jitter: float
    jitters: int
    kappa: float
    steps: int
    target_loss: float


def subset(y: np.ndarray, per_class: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of a random subset with equally many of each class."""
    return np.concatenate([rng.permutation(np.flatnonzero(y == c))[:per_class] for c in np.unique(y)])


class _Lab:
    """Trains models on one side; all calls of one shape."""

    def __init__(self, case: Case, splits: Split, budget: Budget, progress: Progress) -> None:
        self.case, self.splits, self.budget, self.progress = case, splits, budget, progress

    def learnt(self, start: np.ndarray, x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Parameters (S, P) after training on weighted data (S, N, ...)."""
        given = lessons(x, y, start.shape[1], self.budget.target_loss, weights=weights)
        first = jnp.asarray(start, given.x.dtype)
        return taught(self.case.description, first, given, self.budget.steps, progress=self.progress)

    def on(self, start: np.ndarray, sets: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
        """The same on one data set per seed, which stand in the first rows; the others have weight zero."""
        x, y = self.splits.train_x.copy(), self.splits.train_y.copy()
        weights = np.zeros(y.shape)
        for s, (own_x, own_y) in enumerate(sets):
            x[s, : len(own_y)], y[s, : len(own_y)], weights[s, : len(own_y)] = own_x, own_y, 1.0
        return self.learnt(start, x, y, weights)


def shaped(
    case: Case, splits: Split, seeds: tuple[int, ...], budget: Budget, progress: Progress
) -> xr.Dataset:
    """Models on the full data, on random subsets, on distilled and on augmented data: (seed, data, draw, parameter)."""
    lab = _Lab(case, splits, budget, progress)
    dtype = jnp.result_type(float)
    start = np.asarray(initial_parameters(case.description, seeds, dtype)[0], float)
    other = np.asarray(
        initial_parameters(case.description, tuple(s + 10_000 for s in seeds), dtype)[0], float
    )
    progress.stage(f"training the {case.name} on shaped data", (3 + 2 * budget.draws) * budget.steps)
    everything = np.ones(splits.train_y.shape)
    full = lab.learnt(start, splits.train_x, splits.train_y, everything)
    theta = np.full((len(DATA), budget.draws, *start.shape), np.nan)
    theta[0, 0] = lab.learnt(other, splits.train_x, splits.train_y, everything)
    rng = [np.random.default_rng([s, 4]) for s in seeds]
    for draw in range(budget.draws):
        rows = [subset(y, budget.per_class, r) for y, r in zip(splits.train_y, rng, strict=True)]
        sets = [(splits.train_x[s, k], splits.train_y[s, k]) for s, k in enumerate(rows)]
        theta[1, draw] = lab.on(start, sets)
        theta[3, draw] = lab.on(
            start, [_augmented(*one, budget, r) for one, r in zip(sets, rng, strict=True)]
        )
        if draw == 0:
            found = distilled(
                case.description, splits.train_x, splits.train_y, np.stack([x for x, _ in sets]),
                np.stack([y for _, y in sets]), int(splits.train_y.max()) + 1, budget.episodes, budget.matches, seeds,
            )  # fmt: skip
            theta[2, 0] = lab.on(start, [(x, y) for x, (_, y) in zip(found, sets, strict=True)])
    accuracy = np.full(theta.shape[:3], np.nan)
    for k in range(len(DATA)):
        for draw in range(budget.draws):
            if np.isfinite(theta[k, draw]).all():
                accuracy[k, draw] = loss_and_accuracy(
                    case.description, theta[k, draw], splits.test_x, splits.test_y
                )[1]
    return xr.Dataset(
        {
            "theta": (("data", "draw", "seed", "parameter"), theta),
            "full": (("seed", "parameter"), full),
            "start": (("seed", "parameter"), start),
            "accuracy": (("data", "draw", "seed"), accuracy),
            "full_accuracy": (
                "seed", loss_and_accuracy(case.description, full, splits.test_x, splits.test_y)[1]
            ),
        },
        coords={"seed": list(seeds), "data": list(DATA)},
    )  # fmt: skip


def _augmented(
    x: np.ndarray, y: np.ndarray, budget: Budget, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The data, and copies with normal noise on the features."""
    copies = [x, *(x + budget.noise * rng.normal(size=x.shape) for _ in range(budget.copies))]
    return np.concatenate(copies), np.tile(y, len(copies))


def reweighted(
    case: Case, made: xr.Dataset, splits: Split, seeds: tuple[int, ...], budget: Budget, progress: Progress
) -> xr.Dataset:
    """Models trained with weights of data, and with these jittered: jitter 0 is none."""
    lab = _Lab(case, splits, budget, progress)
    full, start = made["full"].values, made["start"].values
    progress.stage(
        f"re-weighting the data of the {case.name}", len(WEIGHTS) * (1 + budget.jitters) * budget.steps
    )
    found = [
        stationary_weights(fisher_rows(case, f, x), budget.kappa)
        for f, x in zip(full, splits.train_x, strict=True)
    ]
    n = splits.train_y.shape[1]
    rng = [np.random.default_rng([s, 5]) for s in seeds]
    stationary = np.stack([one.weights for one in found])
    mixed = np.stack([r.permutation(w) for r, w in zip(rng, stationary, strict=True)])
    plain = {"equal": np.full(stationary.shape, 1.0 / n), "stationary": stationary, "shuffled": mixed}
    shaken = [np.zeros(stationary.shape)]
    shaken += [np.stack([r.normal(size=n) for r in rng]) for _ in range(budget.jitters)]
    weights = np.stack(
        [[plain[k] * np.maximum(1.0 + budget.jitter * noise, 0.0) for noise in shaken] for k in WEIGHTS]
    )
    weights /= weights.sum(axis=-1, keepdims=True)
    theta = np.stack(
        [[lab.learnt(start, splits.train_x, splits.train_y, w) for w in kind] for kind in weights]
    )
    order = ("weighting", "jitter", "seed")
    return xr.Dataset(
        {
            "theta": ((*order, "parameter"), theta),
            "weights": ((*order, "datum"), weights),
            "gap": ("seed", [one.gap for one in found]),
            "gained": ("seed", [one.volumes[-1] - one.volumes[0] for one in found], {"units": "nat"}),
            "support": ("seed", 1.0 / np.sum(stationary**2, axis=1)),
        },
        coords={"seed": list(seeds), "weighting": list(WEIGHTS)},
    )


def fisher_rows(case: Case, flat: np.ndarray, x: np.ndarray) -> np.ndarray:
    """``rows_i`` (N, k, P) with ``F_i = rows_i' rows_i``, the metric of one input."""
    dtype = jnp.result_type(float)
    params = unraveler(case.description, str(dtype))(jnp.asarray(flat, dtype))
    metric = information_metric(case.description, params, jnp.asarray(x, dtype))
    rows = _rows(metric.plan, metric.params, metric.data, jnp.ones_like(metric.weights))
    return np.asarray(rows, np.float64).reshape(len(x), -1, len(flat))


_rows = jax.jit(pullback.rows, static_argnums=0)


def distances_of_data(
    case: Case, metric: str, made: xr.Dataset, splits: Split, progress: Progress
) -> xr.Dataset:
    """Distance of every model's G_Inf to that of the model of the full data: (seed, data, draw, measure, formula)."""
    theta = made["theta"].transpose("seed", "data", "draw", "parameter").values
    progress.stage(f"geometries of shaped data, {case.name}, {metric}", len(theta))
    out = []
    for s, rows in enumerate(theta):
        all_rows = np.concatenate([made["full"].values[s][None], rows.reshape(-1, rows.shape[-1])])
        pairs = _compared(
            case, metric, all_rows, splits.train_x[s], None, [(0, k) for k in range(1, len(all_rows))]
        )
        out.append(pairs.reshape(*rows.shape[:2], *pairs.shape[1:]))
        progress.advance()
    return xr.Dataset(
        {"distance": (("seed", "data", "draw", "measure", "formula"), np.stack(out))},
        coords={"seed": made["seed"].values, "data": list(DATA), "measure": list(MEASURES), "formula": list(FORMULAS)},
    )  # fmt: skip


def distances_of_jitter(
    case: Case, metric: str, made: xr.Dataset, again: xr.Dataset, splits: Split, progress: Progress
) -> xr.Dataset:
    """Distance of G_Inf under jittered weights to that without: (seed, held, weighting, jitter, measure, formula)."""
    order = ("seed", "weighting", "jitter")
    theta = again["theta"].transpose(*order, "parameter").values
    weights = again["weights"].transpose(*order, "datum").values
    seeds, kinds, count = theta.shape[:3]
    progress.stage(f"geometries under jitter, {case.name}, {metric}", seeds)
    pairs = [(k * count, k * count + j) for k in range(kinds) for j in range(1, count)]
    out = []
    for s in range(seeds):
        flat_weights = weights[s].reshape(kinds * count, -1)
        held = np.broadcast_to(made["full"].values[s], theta[s].shape)
        found = [
            _compared(case, metric, t.reshape(kinds * count, -1), splits.train_x[s], flat_weights, pairs)
            for t in (theta[s], held)
        ]
        out.append([f.reshape(kinds, count - 1, *f.shape[1:]) for f in found])
        progress.advance()
    return xr.Dataset(
        {"moved": (("seed", "held", "weighting", "jitter", "measure", "formula"), np.array(out))},
        coords={
            "seed": again["seed"].values, "held": list(HELD), "weighting": list(WEIGHTS), "measure": list(MEASURES),
            "formula": list(FORMULAS),
        },
    )  # fmt: skip


def _compared(
    case: Case, metric: str, theta: np.ndarray, x: np.ndarray, weights: np.ndarray | None,
    pairs: list[tuple[int, int]],
) -> np.ndarray:  # fmt: skip
    """Distances of pairs of models, (pairs, measures, formulas); F averaged over the inputs x with weights."""
    description = case.structure if metric == "state" else case.description
    positions = node_positions(case.structure)
    there = [bool(np.isfinite(row).all()) for row in theta]
    inputs = np.broadcast_to(x, (len(theta), *x.shape))
    tables = metrics(description, np.nan_to_num(theta), inputs, weights, rows=len(theta))
    out = np.full((len(pairs), len(MEASURES), len(FORMULAS)), np.nan)
    for f, formula in enumerate(FORMULAS):
        spaces = [
            geometry_of_metric(table, positions, None, formula) if good else None
            for table, good in zip(tables, there, strict=True)
        ]
        for k, (a, b) in enumerate(pairs):
            out[k, :, f] = wasserstein(spaces[a], spaces[b]), labelled_distance(spaces[a], spaces[b])
    return out
