"""What ``lottery`` computes: models of masks or signs alone, and how far their G_Inf is from the trained one."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
import xarray as xr

from qgeom.emergent.distance_formulas import Formula
from qgeom.experiments import pruning_masks as masks
from qgeom.experiments.planck_length_sides import Case
from qgeom.experiments.trained_geometry import (
    NodeGeometry,
    geometry_of_metric,
    labelled_distance,
    metrics,
    node_positions,
    wasserstein,
)
from qgeom.experiments.weighted_training import lessons, loss_and_accuracy, taught
from qgeom.progress import Progress
from qgeom.tasks import Split
from qgeom.training import initial_parameters

TREATMENTS = (
    "mask",
    "signs",
    "supermask",
    "mask, sparser",
    "supermask, sparser",
    "signs, masked",
    "mask, retrained",
)
"""Kept of the training: which entries end largest, over the start; their signs; a mask trained over the start; the
first and third with fewer entries; mask and signs; the mask, from which training starts anew."""

RETRAINED = "mask, retrained"
MEASURES = ("Gromov-Wasserstein", "labelled")
FORMULAS: tuple[Formula, ...] = ("log", "one-minus")


class Budget(NamedTuple):
    """How much is computed."""

    keep: float
    sparser: float
    draws: int
    steps: int
    target_loss: float


def models(
    case: Case, splits: Split, seeds: tuple[int, ...], budget: Budget, progress: Progress
) -> xr.Dataset:
    """Parameters, masks and accuracies of all models: (seed, treatment, draw), draw 0 being no null.

    ``dense`` and ``untrained`` stand beside them. Nulls are of equal sparsity: the mask shuffled in its groups, signs
    at random; a retrained one has one draw.
    """
    description, dtype = case.description, jnp.result_type(float)
    groups = masks.maskable(description)
    start, _ = initial_parameters(description, seeds, dtype)
    size = start.shape[1]
    given = lessons(splits.train_x, splits.train_y, size, budget.target_loss)
    rng = [np.random.default_rng([seed, 2]) for seed in seeds]

    def learnt(first: np.ndarray, mask: np.ndarray) -> np.ndarray:
        masked = given._replace(mask=jnp.asarray(mask, dtype))
        found = taught(description, jnp.asarray(first, dtype), masked, budget.steps, progress=progress)
        return masks.canonical(description, found)

    def supermask(share: float) -> np.ndarray:
        return masks.supermask(description, start, given, share, budget.steps, seeds, progress=progress)

    def dealt(values: np.ndarray) -> np.ndarray:
        return np.stack([masks.shuffled(v, groups, r) for v, r in zip(values, rng, strict=True)])

    progress.stage(f"training the {case.name}", 5 * budget.steps)
    first = np.asarray(start, float)
    dense = learnt(first, np.ones_like(first))
    winning = {share: masks.largest(np.abs(dense), share, groups) for share in (budget.keep, budget.sparser)}
    popped = {share: supermask(share) for share in (budget.keep, budget.sparser)}
    signs = np.where(dense < 0.0, -1.0, 1.0)
    shape = (len(TREATMENTS), 1 + budget.draws, len(seeds), size)
    theta, mask = np.full(shape, np.nan), np.ones(shape)
    for draw in range(1 + budget.draws):
        null = draw > 0
        for k, treatment in enumerate(TREATMENTS):
            share = budget.sparser if treatment.endswith("sparser") else budget.keep
            if not treatment.startswith("signs"):
                chosen = popped[share] if treatment.startswith("supermask") else winning[share]
                mask[k, draw] = dealt(chosen) if null else chosen
                theta[k, draw] = first * mask[k, draw]
                continue
            drawn = np.stack([r.choice([-1.0, 1.0], size) for r in rng]) if null else signs
            if treatment == "signs, masked":
                mask[k, draw] = dealt(winning[share]) if null else winning[share]
            theta[k, draw] = masks.signed_constants(drawn, first, groups) * mask[k, draw]
    k = TREATMENTS.index(RETRAINED)
    theta[k, 2:] = np.nan
    for draw in range(min(2, 1 + budget.draws)):
        theta[k, draw] = learnt(first, mask[k, draw])
    order, dims = ("treatment", "draw", "seed"), ("seed", "treatment", "draw")
    found = xr.Dataset(
        {
            "theta": ((*order, "parameter"), theta),
            "mask": ((*order, "parameter"), mask),
            "dense": (("seed", "parameter"), dense),
            "untrained": (("seed", "parameter"), first),
        },
        coords={"seed": list(seeds), "treatment": list(TREATMENTS)},
    )
    loss, right = _performance(case, theta.reshape(-1, len(seeds), size), splits)
    found["loss"], found["accuracy"] = (order, loss.reshape(shape[:3])), (order, right.reshape(shape[:3]))
    loss, right = _performance(case, np.stack([dense, first]), splits)
    found["dense_accuracy"], found["untrained_accuracy"] = ("seed", right[0]), ("seed", right[1])
    found["dense_loss"] = ("seed", loss[0], {"units": "nat"})
    found["loss"].attrs["units"] = "nat"
    return found.transpose(*dims, "parameter")


def _performance(case: Case, theta: np.ndarray, splits: Split) -> tuple[np.ndarray, np.ndarray]:
    """Test loss and accuracy of models (M, seeds, P): (M, seeds) each; NaN where there is no model."""
    rows = [
        loss_and_accuracy(case.description, np.nan_to_num(t), splits.test_x, splits.test_y) for t in theta
    ]
    there = np.isfinite(theta[..., 0])
    return tuple(np.where(there, np.stack(part), np.nan) for part in zip(*rows, strict=True))  # type: ignore[return-value]


def compared(case: Case, metric: str, found: xr.Dataset, splits: Split, progress: Progress) -> xr.Dataset:
    """Distances of every model's G_Inf to that of the dense trained one: (seed, treatment, draw, measure, formula).

    Beside them those of the untrained model, and of the trained model of the next seed (the noise floor).
    """
    description = case.structure if metric == "state" else case.description
    positions = node_positions(case.structure)
    theta = found["theta"].values
    mask = found["mask"].values
    seeds, kinds, draws, size = theta.shape
    other = found["dense"].values, found["untrained"].values
    progress.stage(f"geometries of the {case.name}, metric of the {metric}", seeds)
    shape = (seeds, kinds, draws, len(MEASURES), len(FORMULAS))
    distance, nodes = np.full(shape, np.nan), np.full(shape[:3], np.nan)
    untrained, floor = np.full((seeds, *shape[3:]), np.nan), np.full((seeds, *shape[3:]), np.nan)
    reference: list[dict[str, NodeGeometry | None]] = [{} for _ in range(seeds)]
    for s in range(seeds):
        rows = np.concatenate([np.stack([o[s] for o in other]), theta[s].reshape(-1, size)])
        there = np.concatenate([np.ones((2, size)), mask[s].reshape(-1, size)]) > 0
        x = np.broadcast_to(splits.train_x[s], (len(rows), *splits.train_x[s].shape))
        tables = metrics(description, np.nan_to_num(rows), x, rows=len(rows))
        flat = np.full((len(rows), *shape[3:]), np.nan)
        for f, formula in enumerate(FORMULAS):
            spaces = [
                geometry_of_metric(table, positions, kept, formula) if np.isfinite(row[0]) else None
                for table, kept, row in zip(tables, there, rows, strict=True)
            ]
            reference[s][formula] = spaces[0]
            for row, space in enumerate(spaces):
                flat[row, :, f] = wasserstein(spaces[0], space), labelled_distance(spaces[0], space)
            if f == 0:
                count = [np.nan if space is None else len(space.nodes) for space in spaces[2:]]
                nodes[s] = np.reshape(count, (kinds, draws))
        untrained[s], distance[s] = flat[1], flat[2:].reshape(shape[1:])
        progress.advance()
    for s in range(seeds):
        for f, formula in enumerate(FORMULAS):
            pair = reference[s][formula], reference[(s + 1) % seeds][formula]
            floor[s, :, f] = wasserstein(*pair), labelled_distance(*pair)
    measured = ("measure", "formula")
    return xr.Dataset(
        {
            "distance": (("seed", "treatment", "draw", *measured), distance),
            "nodes": (("seed", "treatment", "draw"), nodes),
            "untrained_distance": (("seed", *measured), untrained),
            "floor": (("seed", *measured), floor),
        },
        coords={
            "seed": found["seed"].values, "treatment": list(TREATMENTS), "measure": list(MEASURES),
            "formula": list(FORMULAS),
        },
    )  # fmt: skip
