r"""Section III.C and V: what an observer of some outputs can estimate of the inside; wirings without weights.

The observer holds k of the outputs of a circuit (qubits) or network (classes). With F(k) the mean over all sets of k
outputs of the trace of the information on a block inside (SLD Fisher matrix of the qubits, or Fisher matrix of their
outcomes), the visible share is ``F(k) / F(all)``. If outputs added up it would be k / m, m outputs being everything.

* ``T = share(k) / (k / m)`` at the largest k up to m / 3: claimed below 1, the inside is hidden from a small outside;
* the horizon, k / m where the share crosses 1/2: claimed to be at 1/2, as of a Haar-random state (Page).

A black hole is to be a robust memory, and a network robust if its weights do not matter (Gaier and Ha): beside it, the
spread of accuracy over one shared weight, of a wiring against a trained description.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import jax.numpy as jnp
import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import black_hole_sides as sides
from qgeom.experiments import planck_length_sides, statistics, weight_agnostic
from qgeom.experiments.statistics import Verdict
from qgeom.figures import black_hole as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings
from qgeom.training import Adam, StopRule, train

NAME = "black-hole"
CLAIM = "the inside is hidden: few outputs show less of a block inside than their share of the outputs"
HORIZON_CLAIM = "the horizon is at half of the outputs, as for a Haar-random state"
AGNOSTIC_CLAIM = (
    "a wiring can be a robust memory: accuracy varies less over one shared weight than in trained models"
)
SECTION = "III.C, V"
COST = "90 s"
PAPER = {"seeds": 30, "qubits": 8, "rows": (8, 4, 24), "samples": 64, "wirings": 512}

SIDES = ("circuit", "network", "circuit-quantum")
WIRINGS = ("as built", "random wiring")
LAYERS = ("first layer", "second layer", "first layer, untrained")
FAMILIES = ("network", "circuit")
KINDS = ("chosen", "trained", "random")
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
    wirings: Annotated[int, pydantic.Field(ge=2, description="random wirings, of which one is chosen")] = 128
    max_steps: Annotated[int, pydantic.Field(ge=1)] = 150

    @pydantic.field_validator("rows")
    @classmethod
    def _deep_enough(cls, rows: tuple[int, int, int]) -> tuple[int, int, int]:
        if min(rows) < 3:
            raise ValueError(f"every circuit needs three rows or more, so that some are outside, not {rows}")
        return rows


def compute(settings: Settings, seed: int, progress: Progress) -> xr.Dataset:
    """Visible shares of circuits and networks, and accuracies over one shared weight."""
    seeds = tuple(range(seed, seed + settings.seeds))
    return _shares(settings, seeds, progress).merge(_agnostic(settings, seeds, progress))


def _shares(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    n, classes = settings.qubits, settings.classes
    m = {"circuit": n, "network": classes - 1, "circuit-quantum": n}
    share = np.full((3, 2, 3, len(seeds), max(m.values())), np.nan)
    progress.stage("observers of circuits", len(seeds) * 6)
    for s, one in enumerate(seeds):
        for v, rows in enumerate(settings.rows):
            for w in range(2):
                rng = np.random.default_rng((one, v, w))
                circuit = sides.wall(n, rows, rng if w else None)
                theta = rng.uniform(-np.pi, np.pi, circuit.n_parameters)
                found = sides.circuit_shares(circuit, theta, sides.rows_of(circuit, range(settings.inside)))
                share[0, w, v, s, :n], share[2, w, v, s, :n] = found
                progress.advance()
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
                found = sides.network_shares(network, flat, layer, data[s, : settings.samples])
                share[1, w, v, s, : classes - 1] = found
        progress.advance()
    rows = [f"{r} rows" for r in settings.rows]
    return xr.Dataset(
        {
            "share": (("side", "wiring", "variant", "seed", "outside"), share, {"long_name": "visible share"}),
            "outputs": ("side", [m[side] for side in SIDES]),
        },
        coords={
            "side": list(SIDES), "wiring": list(WIRINGS), "variant": np.arange(3), "seed": list(seeds),
            "variant_name": (("side", "variant"), [rows, list(LAYERS), rows]),
            "outside": np.arange(1, share.shape[-1] + 1),
        },
    )  # fmt: skip


def _agnostic(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    task, dtype = tasks.load(settings.task), jnp.result_type(float)
    splits, weights = task.splits(seeds), np.asarray(weight_agnostic.WEIGHTS)
    accuracy = np.full((2, 3, len(seeds), settings.wirings, len(weights)), np.nan)
    clean = np.full((2, len(seeds)), np.nan)
    every = {case.name: case.description for case in planck_length_sides.cases(4, 2, 8, task)}
    sizes = (task.n_features, 8, 8, task.n_classes)
    for f, family in enumerate(FAMILIES):
        progress.stage(f"training the {family}", settings.max_steps)
        found = train(
            every[family], splits, seeds, Adam(0.05), StopRule(max_steps=settings.max_steps, target_loss=0.15),
            dtype=dtype, progress=progress,
        )  # fmt: skip
        clean[f] = found.test_accuracy[:, -1]
        progress.stage(f"one shared weight, {family}", len(seeds))
        for s, one in enumerate(seeds):
            x, y = splits.test_x[s], splits.test_y[s]
            given = weight_agnostic.shared_classes(
                every[family], str(dtype), jnp.asarray(found.final[s], dtype), jnp.asarray(weights, dtype),
                jnp.asarray(x, dtype),
            )  # fmt: skip
            accuracy[f, 1, s, 0] = np.mean(np.asarray(given) == y, axis=1)
            rng, training = np.random.default_rng((one, 5)), np.zeros(settings.wirings)
            both, labels = np.concatenate([splits.train_x[s], x]), np.concatenate([splits.train_y[s], y])
            count = len(splits.train_y[s])
            for k in range(settings.wirings):
                if family == "network":
                    wiring = weight_agnostic.random_wiring(rng, sizes)
                    classes = [weight_agnostic.wiring_classes(wiring, w, both) for w in weights]
                else:
                    wired = weight_agnostic.random_gates(rng, 4, 3, 8)
                    classes = [weight_agnostic.gate_classes(wired, w, both, task.n_classes) for w in weights]
                right = np.array(classes) == labels
                training[k] = right[:, :count].mean()
                accuracy[f, 2, s, k] = right[:, count:].mean(axis=1)
            accuracy[f, 0, s, 0] = accuracy[f, 2, s, int(np.argmax(training))]
            progress.advance()
    return xr.Dataset(
        {
            "accuracy": (
                ("family", "kind", "seed", "draw", "weight"),
                accuracy,
                {"long_name": "test accuracy"},
            ),
            "trained_accuracy": (("family", "seed"), clean),
        },
        coords={"family": list(FAMILIES), "kind": list(KINDS), "seed": list(seeds), "weight": weights},
    )


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
    data: xr.Dataset, family: str, quantity: str, positive: bool, control: str = "trained"
) -> Verdict:
    """The verdict on the chosen wiring minus the trained description; p against random wirings."""
    chosen, other, null = (
        over_weights(data, family, kind, quantity, positive) for kind in ("chosen", control, "random")
    )
    right = [1.0 - over_weights(data, family, kind, "mean error", positive).mean() for kind in KINDS]
    return statistics.judge(
        AGNOSTIC_CLAIM, f"{quantity} over shared weights, chosen wiring - {control}", float(np.mean(chosen - other)),
        _interval(chosen - other), direction="less", margin=0.1, n_seeds=len(chosen), side=family,
        p_value=statistics.paired_test(chosen, null, "less"), null_model="same size, random wiring (paired)",
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
            judge_agnostic(data, family, quantity, positive, control).row(
                quantity=quantity, weights="positive" if positive else "both signs", against=control)
            for quantity in QUANTITIES for positive in (False, True) for control in ("trained", "random")
            if (quantity, positive, control) != (QUANTITIES[0], False, "trained")
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
            for kind in KINDS
        }
        for family in FAMILIES
    }
    return picture.draw(curves, accuracy, data["weight"].values)
