r"""Section III.C and V: what an observer of some outputs can estimate of the inside; wirings without weights.

The observer holds k of the outputs of a circuit (qubits) or network (classes). With F(k) the mean over all sets of k
outputs of the trace of the information on a block inside (SLD Fisher matrix of the qubits, or Fisher matrix of their
outcomes), the visible share is ``F(k) / F(all)``. If outputs added up it would be k / m, m outputs being everything.

* ``T = share(k) / (k / m)`` at the largest k up to m / 3: claimed below 1, the inside is hidden from a small outside;
* the horizon, k / m where the share crosses 1/2: claimed to be at 1/2, as of a Haar-random state (Page).

A black hole is to be a robust memory, and a network robust if its weights do not matter (Gaier and Ha): beside it, the
spread of accuracy over one shared weight, of a wiring that a search found against a trained description.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import black_hole_sides as sides
from qgeom.experiments import shared_weight, statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.shared_weight import FAMILIES, KINDS
from qgeom.experiments.statistics import Verdict
from qgeom.figures import black_hole as picture
from qgeom.progress import Progress, Silent
from qgeom.settings import BaseSettings

NAME = "black-hole"
CLAIM = "the inside is hidden: few outputs show less of a block inside than their share of the outputs"
HORIZON_CLAIM = "the horizon is at half of the outputs, as for a Haar-random state"
AGNOSTIC_CLAIM = (
    "a searched wiring is a robust memory: accuracy varies less over one shared weight than in trained nets"
)
SECTION = "III.C, V"
COST = "70 s"
PAPER = {"seeds": 30, "population": 64, "generations": 64, "wirings": 64}
PAPER_COST = "7 min"

SIDES = ("circuit", "network", "circuit-quantum")
WIRINGS = ("as built", "random wiring")
LAYERS = ("first layer", "second layer", "first layer, untrained")
HORIZON_MARGIN = 0.05
"""A tenth of 1/2: the 10% of ratios."""
TYPICAL = (
    "of a pure state a set of qubits and the rest show 1 together, but for an interference: 1/2 is typical"
)
QUANTITIES = ("spread", "mean error", "largest error")
"""Of the accuracy over the shared weights; the first is the verdict's."""


class Settings(BaseSettings):
    """Settings of ``black-hole``; the defaults are the small preset."""

    qubits: Annotated[int, pydantic.Field(ge=3, le=10)] = 6
    rows: Annotated[
        tuple[int, int, int], pydantic.Field(description="rows of gates; the first is the verdict's")
    ] = (8, 4, 16)
    inside: Annotated[int, pydantic.Field(ge=1, description="first rows, whose gates are the inside")] = 2
    classes: Annotated[int, pydantic.Field(ge=4, le=10, description="outputs of the network")] = 8
    width: Annotated[int, pydantic.Field(ge=2)] = 16
    samples: Annotated[
        int, pydantic.Field(ge=1, description="inputs that the network's F is averaged over")
    ] = 32
    task: Annotated[str, pydantic.Field(description="of the shared weight")] = "iris"
    population: Annotated[int, pydantic.Field(ge=2, le=1000, description="wirings in a generation")] = 40
    generations: Annotated[int, pydantic.Field(ge=1, le=10_000, description="of the search")] = 40
    wirings: Annotated[int, pydantic.Field(ge=2, description="random wirings of the same size, the null")] = (
        32
    )
    max_steps: Annotated[int, pydantic.Field(ge=1)] = 150

    @pydantic.field_validator("rows")
    @classmethod
    def _deep_enough(cls, rows: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(rows) < 3:
            raise ValueError(f"every circuit needs three rows or more, so that some are outside, not {rows}")
        return rows


def compute(
    settings: Settings, seed: int, progress: Progress = Silent(), parts: Parts = Parts()
) -> xr.Dataset:
    """Visible shares of circuits and networks, and accuracies over one shared weight."""
    seeds = range(seed, seed + settings.seeds)
    shares_of = {"circuit": _circuit_shares, "network": _network_shares}
    found = [
        parts.over_seeds(f"observers, {name}", seeds, lambda some, of=of: of(settings, some, progress))
        for name, of in shares_of.items()
    ]
    joined = xr.concat(found, dim="side", join="outer", data_vars="all").sel(side=list(SIDES))
    task = tasks.load(settings.task)
    budget = shared_weight.Budget(
        settings.population, settings.generations, settings.wirings, settings.max_steps
    )
    agnostic = [
        parts.over_seeds(
            f"shared weight, {family}",
            seeds,
            lambda some, f=family: shared_weight.measured(task, f, some, budget, progress),
        )
        for family in FAMILIES
    ]
    return joined.merge(xr.concat(agnostic, dim="family"))


def _circuit_shares(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    n = settings.qubits
    share = np.full((2, 2, 3, len(seeds), n), np.nan)
    progress.stage("observers of circuits", len(seeds) * 6)
    for s, one in enumerate(seeds):
        for v, rows in enumerate(settings.rows):
            for w in range(2):
                rng = np.random.default_rng((one, v, w))
                circuit = sides.wall(n, rows, rng if w else None)
                theta = rng.uniform(-np.pi, np.pi, circuit.n_parameters)
                share[:, w, v, s] = sides.circuit_shares(
                    circuit, theta, sides.rows_of(circuit, range(settings.inside))
                )
                progress.advance()
    names = [f"{r} rows" for r in settings.rows]
    return _shares_of(("circuit", "circuit-quantum"), share, names, seeds)


def _network_shares(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    classes = settings.classes
    share = np.full((1, 2, 3, len(seeds), classes - 1), np.nan)
    progress.stage("training the network of digits", settings.max_steps)
    task = sides.labelled(classes)
    network, first, last, data = sides.trained_networks(
        task, settings.width, seeds, settings.max_steps, progress
    )
    progress.stage("observers of networks", len(seeds))
    for s, one in enumerate(seeds):
        for w in range(2):
            rng = np.random.default_rng((one, 9))
            ends = [sides.shuffled_weights(network, flat[s], rng) if w else flat[s] for flat in (last, first)]
            for v, (flat, layer) in enumerate(((ends[0], 0), (ends[0], 1), (ends[1], 0))):
                share[0, w, v, s] = sides.network_shares(network, flat, layer, data[s, : settings.samples])
        progress.advance()
    return _shares_of(("network",), share, LAYERS, seeds)


def _shares_of(
    names: tuple[str, ...], share: np.ndarray, variants: Sequence[str], seeds: tuple[int, ...]
) -> xr.Dataset:
    m = share.shape[-1]
    return xr.Dataset(
        {
            "share": (("side", "wiring", "variant", "seed", "outside"), share, {"long_name": "visible share"}),
            "outputs": ("side", [m] * len(names)),
            "variant_name": (("side", "variant"), [list(variants)] * len(names)),
        },
        coords={
            "side": list(names), "wiring": list(WIRINGS), "variant": np.arange(3), "seed": list(seeds),
            "outside": np.arange(1, m + 1),
        },
    )  # fmt: skip


# --- statistics ------------------------------------------------------------


def shares(data: xr.Dataset, side: str, wiring: str = WIRINGS[0], variant: int = 0) -> np.ndarray:
    """Visible shares (seeds, m), k = 1 to m."""
    m = int(data["outputs"].sel(side=side))
    found = data["share"].sel(side=side, wiring=wiring, variant=variant).transpose("seed", "outside").values
    return found[:, :m]


def proportion(share: np.ndarray) -> np.ndarray:
    """T of every seed: share over k / m at the largest k up to m / 3."""
    m = share.shape[1]
    k = max(1, m // 3)
    return share[:, k - 1] / (k / m)


def horizon(share: np.ndarray) -> np.ndarray:
    """k / m where the share first reaches 1/2, between outputs by a straight line, of every seed."""
    table = np.concatenate([np.zeros((len(share), 1)), share], axis=1)
    k = np.argmax(table >= 0.5, axis=1)
    rows = np.arange(len(share))
    low, high = table[rows, k - 1], table[rows, k]
    return (k - 1 + (0.5 - low) / (high - low)) / share.shape[1]


def judge_proportion(data: xr.Dataset, side: str, wiring: str = WIRINGS[0], variant: int = 0) -> Verdict:
    """The verdict on T; p against the random wiring."""
    found, null = (
        proportion(shares(data, side, wiring, variant)),
        proportion(shares(data, side, WIRINGS[1], variant)),
    )
    return statistics.judge(
        CLAIM, "visible share / (k / m), k = m / 3", float(found.mean()), _interval(found), direction="less", null=1.0,
        margin=statistics.RATIO_MARGIN, n_seeds=len(found), side=side,
        p_value=statistics.paired_test(found, null, "less"),
        null_model="same size, random wiring (paired)", notes=(f"random wiring: T = {null.mean():.3g}",),
    )  # fmt: skip


def judge_horizon(data: xr.Dataset, side: str, wiring: str = WIRINGS[0], variant: int = 0) -> Verdict:
    """The verdict on the horizon; p of a difference from the random wiring."""
    found, null = (
        horizon(shares(data, side, wiring, variant)),
        horizon(shares(data, side, WIRINGS[1], variant)),
    )
    return statistics.judge(
        HORIZON_CLAIM, "horizon k / m", float(found.mean()), _interval(found), direction="equal", null=0.5,
        margin=HORIZON_MARGIN, n_seeds=len(found), side=side, p_value=statistics.paired_test(found, null),
        null_model="same size, random wiring (paired)",
        notes=(f"random wiring: {null.mean():.3g}", *((TYPICAL,) if side == "circuit-quantum" else ())),
    )  # fmt: skip


def _interval(found: np.ndarray) -> tuple[float, float]:
    return statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)


def over_weights(
    data: xr.Dataset, family: str, kind: str, quantity: str, positive: bool = False
) -> np.ndarray:
    """A quantity of the accuracies over the shared weights of every seed; of random wirings their mean."""
    found = data["accuracy"].sel(family=family, kind=kind).transpose("seed", "draw", "weight").values
    if positive:
        found = found[..., data["weight"].values > 0]
    found = found[:, np.isfinite(found).all(axis=(0, 2))]
    values = {
        "spread": found.max(axis=-1) - found.min(axis=-1),
        "mean error": 1.0 - found.mean(axis=-1),
        "largest error": 1.0 - found.min(axis=-1),
    }[quantity]
    return values.mean(axis=1)


def judge_agnostic(
    data: xr.Dataset,
    family: str,
    quantity: str,
    positive: bool,
    control: str = "trained",
    kind: str = "searched",
) -> Verdict:
    """The verdict on the wiring that was found minus the trained description; p against random wirings."""
    found, other, null = (
        over_weights(data, family, which, quantity, positive) for which in (kind, control, "random")
    )
    right = [1.0 - over_weights(data, family, which, "mean error", positive).mean() for which in KINDS]
    return statistics.judge(
        AGNOSTIC_CLAIM, f"{quantity} over shared weights, {kind} wiring - {control}", float(np.mean(found - other)),
        _interval(found - other), direction="less", margin=0.1, n_seeds=len(found), side=family,
        p_value=statistics.paired_test(found, null, "less"), null_model="same size, random wiring (paired)",
        notes=("mean accuracy: " + ", ".join(f"{k} {v:.2f}" for k, v in zip(KINDS, right, strict=True)),),
    )  # fmt: skip


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T and the horizon of every side, spread over one shared weight on both, and an identity."""
    out: list[Verdict] = []
    for judge in (judge_proportion, judge_horizon):
        for side in SIDES:
            rows = [
                judge(data, side, wiring, v).row(
                    inside=str(data["variant_name"].sel(side=side, variant=v).item()), wiring=wiring
                )
                for v in range(3) for wiring in WIRINGS if (v, wiring) != (0, WIRINGS[0])
            ]  # fmt: skip
            out.append(judge(data, side).with_multiverse(rows))
    for family in FAMILIES:
        rows = [
            judge_agnostic(data, family, quantity, positive, control, kind).row(
                quantity=quantity, weights="positive" if positive else "both signs", wiring=kind, against=control)
            for quantity in QUANTITIES for positive in (False, True)
            for kind, control in (("searched", "trained"), ("searched", "random"), ("best random", "trained"))
            if (quantity, positive, kind, control) != (QUANTITIES[0], False, "searched", "trained")
        ]  # fmt: skip
        out.append(judge_agnostic(data, family, QUANTITIES[0], False).with_multiverse(rows))
    table = data["share"]
    fall = float((-table.diff("outside")).max())
    out.append(
        statistics.calibrate(
            "more outputs show more", "largest fall of the visible share with k", fall, (fall, fall), direction="less",
            bound=0.0, margin=1e-6, n_seeds=data.sizes["seed"],
        )
    )  # fmt: skip
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Visible share against k / m, and accuracy over the shared weight."""
    curves = {side: {wiring: shares(data, side, wiring) for wiring in WIRINGS} for side in SIDES}
    accuracy = {
        family: {
            kind: data["accuracy"]
            .sel(family=family, kind=kind)
            .mean("draw")
            .transpose("seed", "weight")
            .values
            for kind in KINDS[:3]
        }
        for family in FAMILIES
    }
    return picture.draw(curves, accuracy, data["weight"].values)
