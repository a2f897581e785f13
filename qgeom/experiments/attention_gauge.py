r"""Section IV.E: is attention a force on the layer curve, and an interaction that is represented by a connection?

The layer curve of a trained classifier, with its interaction between tokens and without, each switched on layer by
layer. The force is the difference of the covariant accelerations, the one of the plain curve moved along the geodesic
that joins the two points. Every quantity of the attention is compared with that of two blocks of equal size and equal
training: attention with uniform weights, and a block that acts on each token alone.

    T = ln(quantity of the attention / quantity of uniform attention),          claimed above 0,

for the force (integrated over the curve), the displacement of the curve's end, and the holonomy of loops of inputs.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import attention_gauge_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.interacting import KINDS, CircuitSide, Interacting, NetworkSide
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import attention_gauge as picture
from qgeom.progress import Progress, Silent
from qgeom.settings import BaseSettings

NAME = "attention-gauge"
CLAIM = "attention applies a force to the layer curve, beyond that of the same block without re-weighting"
MOVED_CLAIM = "attention displaces the layer curve, beyond the same block without re-weighting"
HOLONOMY_CLAIM = "attention has a connection with more holonomy than the same block without re-weighting"
SECTION = "IV.E"
COST = "80 s"
PAPER = {"seeds": 30, "samples": 48, "loops": 16}
PAPER_COST = "3 min"

MARGIN = float(np.log(1.0 + statistics.RATIO_MARGIN))
"""10% of a ratio."""
SIDES = ("circuit", "network", "circuit-quantum")
QUANTITIES = ("force", "displacement", "holonomy")
CLAIMS: dict[str, str] = {"force": CLAIM, "displacement": MOVED_CLAIM, "holonomy": HOLONOMY_CLAIM}


class Settings(BaseSettings):
    """Settings of ``attention-gauge``; the defaults are the small preset."""

    task: str = "iris"
    layers: Annotated[int, pydantic.Field(ge=1, le=10, description="of the circuit")] = 2
    dim: Annotated[int, pydantic.Field(ge=3, le=64, description="channels of a token of the network")] = 4
    samples: Annotated[int, pydantic.Field(ge=1, description="inputs that forces are averaged over")] = 24
    loops: Annotated[int, pydantic.Field(ge=1, description="of inputs, per seed")] = 8
    radius: Annotated[float, pydantic.Field(gt=0, le=3, description="of the loops, in rad of the inputs")] = (
        0.5
    )
    loop_points: Annotated[int, pydantic.Field(ge=3)] = 24
    max_steps: Annotated[int, pydantic.Field(ge=1)] = 200
    target_loss: Annotated[float, pydantic.Field(ge=0, description="nat; training stops there")] = 0.2


def compute(
    settings: Settings, seed: int, progress: Progress = Silent(), parts: Parts = Parts()
) -> xr.Dataset:
    """Forces, displacements and holonomies of all kinds of interaction, and the lattice model."""
    task = tasks.load(settings.task)
    seeds = range(seed, seed + settings.seeds)
    budget = sides.Budget(
        settings.samples, settings.loops, settings.radius, settings.loop_points, settings.max_steps,
        settings.target_loss,
    )  # fmt: skip
    every = {
        "circuit": (
            CircuitSide(task.n_features, settings.layers, task.n_classes),
            ("circuit", "circuit-quantum"),
        ),
        "network": (NetworkSide(task.n_features, settings.dim, task.n_classes), ("network",)),
    }
    found = []
    for name, (side, metrics) in every.items():

        def of_seeds(
            some: tuple[int, ...], side: Interacting = side, names: tuple[str, ...] = metrics
        ) -> xr.Dataset:
            return sides.measured(side, names, task, some, budget, progress)

        one = parts.over_seeds(name, seeds, of_seeds)
        found.append(one.assign(layers=("side", [side.n_layers] * len(metrics))))
    lattice = parts.part("lattice model", sides.lattice)
    joined = xr.concat(found, dim="side", data_vars="all", coords="minimal", compat="override", join="outer")
    joined = joined.sel(side=list(SIDES))
    return joined.merge(lattice)


# --- statistics ------------------------------------------------------------


class Choice(NamedTuple):
    """What T is read from."""

    side: str
    quantity: str
    null: str = KINDS[1]
    training: str = sides.TRAINING[0]
    time: str = sides.TIMES[0]
    part: str = sides.PARTS[0]
    connection: str = sides.CONNECTIONS[0]


def values(data: xr.Dataset, choice: Choice, kind: str) -> np.ndarray:
    """The quantity of every seed, of one kind of interaction."""
    at = data.sel(side=choice.side, training=choice.training, kind=kind)
    if choice.quantity == "displacement":
        return at["displacement"].values
    if choice.quantity == "holonomy":
        return at["angle"].sel(connection=choice.connection).values
    _, weights = sides.grid(int(at["layers"]))
    table = at["force"].sel(time=choice.time, part=choice.part).transpose("seed", "node").values
    return table[:, : len(weights)] @ weights


def ratios(data: xr.Dataset, choice: Choice) -> np.ndarray:
    """T of every seed where both are positive."""
    first, second = values(data, choice, KINDS[0]), values(data, choice, choice.null)
    kept = (first > 0.0) & (second > 0.0)
    return np.log(first[kept] / second[kept])


def judge(data: xr.Dataset, choice: Choice) -> Verdict:
    """The verdict on T under one choice."""
    found = ratios(data, choice)
    enough = len(found) > 1
    return statistics.judge(
        CLAIMS[choice.quantity], f"ln({choice.quantity} of attention / of {choice.null})",
        float(found.mean()) if len(found) else np.nan,
        statistics.bootstrap_interval(found) if enough else (np.nan, np.nan), direction="greater", margin=MARGIN,
        n_seeds=len(found), side=choice.side,
        p_value=statistics.paired_test(found, np.zeros(len(found)), "greater") if enough else np.nan,
        null_model="attention and uniform attention exchanged within seeds",
    )  # fmt: skip


def choices(main: Choice) -> list[Choice]:
    """The main choice with one or two of its parts changed, where they mean something."""
    options = {
        "null": KINDS[1:],
        "training": sides.TRAINING,
        "time": sides.TIMES if main.quantity == "force" else sides.TIMES[:1],
        "part": sides.PARTS if main.quantity == "force" else sides.PARTS[:1],
        "connection": sides.CONNECTIONS
        if main.side == SIDES[2] and main.quantity == "holonomy"
        else ("first",),
    }
    out = []
    for picked in itertools.product(*options.values()):
        choice = main._replace(**dict(zip(options, picked, strict=True)))
        if 1 <= sum(a != b for a, b in zip(choice, main, strict=True)) <= 2:
            out.append(choice)
    return out


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T of every quantity and side, and the lattice model."""
    out = []
    for quantity, side in itertools.product(QUANTITIES, SIDES):
        main = Choice(side, quantity)
        rows = [
            judge(data, c).row(
                against=c.null, training=c.training, time=c.time, part=c.part, connection=c.connection
            )
            for c in choices(main)
        ]
        out.append(judge(data, main).with_multiverse(rows))
    wrong = float(sum(
        abs(int(number)) != int(abs(mass) < 2.0)
        for mass, number in zip(data["mass"].values, data["chern"].values, strict=True)
    ))  # fmt: skip
    numbers = ", ".join(
        f"{int(c):+d} at m = {m:g}" for m, c in zip(data["mass"].values, data["chern"].values, strict=True)
    )
    calibration = statistics.calibrate(
        "the Chern number of sin kx X + sin ky Y + (m + cos kx + cos ky) Z is 0 for |m| > 2, else 1 or -1",
        "masses with another number", wrong, (wrong, wrong), direction="equal", bound=0.0, n_seeds=data.sizes["seed"],
        side="circuit-quantum", notes=(numbers,),
    )  # fmt: skip
    return (*out, calibration)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """The force along the layer curve, and T of every quantity and side."""
    profiles = {}
    for side in SIDES[:2]:
        s, _ = sides.grid(int(data["layers"].sel(side=side)))
        at = data["force"].sel(
            side=side, time=sides.TIMES[0], part=sides.PARTS[0], training=sides.TRAINING[0]
        )
        table = at.transpose("kind", "seed", "node").values[..., : len(s)]
        profiles[side] = (s, dict(zip(KINDS, table, strict=True)))
    found = {
        quantity: {
            side: {null: ratios(data, Choice(side, quantity, null)) for null in KINDS[1:]} for side in SIDES
        }
        for quantity in QUANTITIES
    }
    return picture.draw(profiles, found, MARGIN)
