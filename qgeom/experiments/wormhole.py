r"""Section V: wormholes, pairs of nodes that are far along the wires and near in information.

By ER = EPR wormholes belong to entanglement, so that the paper finds it very unlikely that classical networks have any.
A circuit and a network of the very same wiring are compared: layers of blocks with two wires in and two out. Far is
four wires or more; near is a relation among the strongest quarter of all pairs.

T is the share of the far pairs that are near, minus the mean of the same over random wirings in which every block keeps
its layer and its two wires in and two out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom.experiments import statistics
from qgeom.experiments import wormhole_sides as sides
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.experiments.wormhole_sides import METRICS, SIDES, TRAINING
from qgeom.figures import wormhole as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "wormhole"
CLAIM = (
    "circuits have wormholes, nodes far along the wires and near in information; classical networks have none"
)
SECTION = "V"
COST = "2 min"
PAPER_COST = "8 min"
PAPER = {"seeds": 30, "rewirings": 40}

MARGIN = 0.05
"""On a share of pairs: a fifth of the quarter that is near anyway."""
FAR = (4, 3, 5)
"""Wires between two nodes that are far, at least; the first is the verdict's."""
NEAR = (0.25, 0.1, 0.5)
"""Share of all pairs that are near; the first is the verdict's."""
RELATIONS = (*METRICS, "mutual information")
CLAIMS = {
    "circuit": "a circuit has more pairs far along the wires and near in information than random wirings",
    "network": "a network has more such pairs than random wirings (the paper: very unlikely)",
}


class Settings(BaseSettings):
    """Settings of ``wormhole``; the defaults are the small preset."""

    wires: Annotated[int, pydantic.Field(ge=4, le=8, multiple_of=2, description="qubits, or numbers")] = 6
    layers: Annotated[int, pydantic.Field(ge=4, description="of blocks")] = 6
    rewirings: Annotated[int, pydantic.Field(ge=4, description="random wirings per seed")] = 20
    steps: Annotated[int, pydantic.Field(ge=1, description="of training")] = 100
    inputs: Annotated[
        int, pydantic.Field(ge=1, le=32, description="over which Fisher matrices are averaged")
    ] = 8


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Relations and distances of blocks, for the brickwork and random wirings of circuits and networks."""
    seeds = seed + np.arange(settings.seeds)
    return parts.over_seeds(
        "wirings",
        seeds,
        lambda some: sides.run(
            settings.wires, settings.layers, settings.rewirings, settings.steps, settings.inputs, np.array(some),
            progress,
        ),
        block=1,
    )  # fmt: skip


# --- statistics ------------------------------------------------------------


def shortcut_share(share: np.ndarray, hops: np.ndarray, far: int, near: float) -> np.ndarray:
    """Of the pairs (..., m) that are ``far`` wires or more apart, the part whose relation is among the ``near`` best.

    Ties at the threshold count in part; nan where no pair is far.
    """
    count = near * share.shape[-1]
    ordered = np.sort(share, axis=-1)[..., ::-1]
    level = ordered[..., max(int(np.ceil(count)) - 1, 0)][..., None]
    above, at = share > level, share == level
    left = (count - above.sum(axis=-1)) / np.maximum(at.sum(axis=-1), 1)
    weight = above + at * np.clip(left, 0.0, 1.0)[..., None]
    there = hops >= far
    total = there.sum(axis=-1)
    return np.where(total > 0, (weight * there).sum(axis=-1) / np.maximum(total, 1), np.nan)


def shares(
    data: xr.Dataset, side: str, training: str = TRAINING[0], relation: str = RELATIONS[0], far: int = FAR[0],
    near: float = NEAR[0],
) -> np.ndarray:  # fmt: skip
    """The share of far pairs that are near (seed, wiring); wiring 0 is the brickwork."""
    at = {"side": side, "training": training}
    if relation in METRICS:
        values = data["share"].sel(at | {"metric": relation}).transpose("seed", "wiring", "pair").values
        hops = data["hops"].transpose("seed", "wiring", "pair").values
    else:
        values = data["mutual"].sel(at).transpose("seed", "wiring", "wires").values
        hops = data["wire_hops"].transpose("seed", "wiring", "wires").values
        far = 2  # wires that leave different blocks: two and more
    return shortcut_share(values, hops, far, near)


def mean_of(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """The mean of what is a number; nan where nothing is."""
    known = np.isfinite(values)
    count = known.sum(axis=axis)
    return np.where(count > 0, np.where(known, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)


def excess(found: np.ndarray) -> np.ndarray:
    """T of every seed: the brickwork minus the mean over random wirings."""
    return found[:, 0] - mean_of(found[:, 1:], axis=1)


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T of circuits and of networks, and their difference."""
    each = {side: _side(data, side) for side in SIDES}
    return (*each.values(), _difference(data))


def _interval(found: np.ndarray) -> tuple[float, float]:
    return statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)


def _judged(
    found: np.ndarray, claim: str, statistic: str, side: str = "", p_value: float = np.nan
) -> Verdict:
    found = found[np.isfinite(found)]
    return statistics.judge(
        claim, statistic, float(np.mean(found)) if len(found) else np.nan, _interval(found), direction="greater",
        margin=MARGIN, n_seeds=len(found), p_value=p_value, side=side,
        null_model="random wirings with the same wires in and out of every block",
    )  # fmt: skip


def _choices() -> list[tuple[str, str, int, float]]:
    """Training, relation, far, near: one change at a time, the verdict's first."""
    every = [(t, r, f, k) for t in TRAINING for r in RELATIONS for f in FAR for k in NEAR]
    first = every[0]
    return [c for c in every if sum(a != b for a, b in zip(c, first, strict=True)) <= 1]


def _side(data: xr.Dataset, side: str) -> Verdict:
    found = shares(data, side)
    each = mean_of(found, axis=0)
    main = _judged(
        excess(found), CLAIMS[side], "share of far pairs that are near, minus that of random wirings", side,
        statistics.null_p_value(float(each[0]), each[1:], "greater"),
    )  # fmt: skip
    near = (
        f"of the far pairs {mean_of(found[:, 0]):.3f} are near, {mean_of(found[:, 1:]):.3f} in random wirings"
    )
    loss = data["loss"].sel(side=side)
    fit = f"loss after training {float(loss[:, 0].mean()):.3f}, {float(loss[:, 1:].mean()):.3f} in random wirings"
    rows = []
    for training, relation, far, k in _choices()[1:]:
        if side == "network" and relation == METRICS[1]:
            continue  # it has one Fisher metric
        judged = _judged(
            excess(shares(data, side, training, relation, far, k)), CLAIMS[side], main.statistic, side
        )
        rows.append(judged.row(training=training, relation=relation, far=str(far), near=f"{k:g}"))
    return Verdict(**{**main.__dict__, "notes": (*main.notes, near, fit)}).with_multiverse(rows)


def _difference(data: xr.Dataset) -> Verdict:
    claim = "circuits have more wormholes than networks of the same wiring"

    def paired(training: str, relation: str, far: int, near: float) -> np.ndarray:
        of_circuit, of_network = (excess(shares(data, s, training, relation, far, near)) for s in SIDES)
        return of_circuit - of_network

    first, *others = [c for c in _choices() if c[1] != METRICS[1]]
    found = paired(*first)
    kept = found[np.isfinite(found)]
    p_value = statistics.paired_test(kept, np.zeros_like(kept), "greater") if len(kept) else np.nan
    main = _judged(found, claim, "the same, circuit minus network", "", p_value)
    rows = [
        _judged(paired(*c), claim, main.statistic).row(
            training=c[0], relation=c[1], far=str(c[2]), near=f"{c[3]:g}"
        )
        for c in others
    ]  # fmt: skip
    return Verdict(**{**main.__dict__, "null_model": "signs of the paired difference"}).with_multiverse(rows)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Relation against distance along the wires; the share of far pairs that are near, and of random wirings."""
    decay = {}
    hops = data["hops"].transpose("seed", "wiring", "pair").values
    for side in SIDES:
        at = {"side": side, "training": TRAINING[0], "metric": METRICS[0]}
        values = data["share"].sel(at).transpose("seed", "wiring", "pair").values
        for name, part in (("brickwork", slice(0, 1)), ("random", slice(1, None))):
            decay[side, name] = [
                values[:, part][hops[:, part] == d] for d in range(1, int(hops[:, :1].max()) + 1)
            ]
    found = {}
    for side in SIDES:
        values = shares(data, side)
        found[side] = np.stack([values[:, 0], mean_of(values[:, 1:], axis=1)], axis=1)
    return picture.draw(decay, found, NEAR[0])
