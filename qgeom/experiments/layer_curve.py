r"""Section III.B, Fig. 1: the curve from the identity to the target through the layers, against the geodesic.

The nodes are switched on in order (:mod:`qgeom.information.layer_curve`); ``T = length / distance`` of the ends is 1 on
a geodesic and larger elsewhere. The claim that is tested: training finds a shorter curve to its target than a random
network or circuit of the same parameter norm takes to its own, ``T(trained) / T(random) < 1``.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pydantic
import xarray as xr
from jaxtyping import Array
from matplotlib.figure import Figure

import circuits
from circuits.description import Description, Params
from qgeom import tasks
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import layer_curve as picture
from qgeom.information import layer_curve as curve
from qgeom.progress import Progress
from qgeom.settings import BaseSettings
from qgeom.training import Adam, StopRule, train, unraveler

NAME = "layer-curve"
CLAIM = "training finds a shorter curve from the identity to its target than a random description takes to its own"
SECTION = "III.B, Fig. 1"
COST = "1 min"
PAPER_COST = "4 min"
PAPER = {"seeds": 30, "qubits": 5, "nodes": 6, "draws": 5}

CONTROLS = ("random", "shuffled", "initial")
TREATMENTS = ("trained", *CONTROLS)
CIRCUIT, RESNET, MLP = "circuit", "ResNet", "MLP"


class Settings(BaseSettings):
    """Settings of ``layer-curve``; the defaults are the small preset."""

    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=50)] = 2
    width: Annotated[int, pydantic.Field(ge=1)] = 8
    depth: Annotated[
        int, pydantic.Field(ge=1, description="residual blocks; hidden layers of the MLP: 2")
    ] = 4
    draws: Annotated[int, pydantic.Field(ge=1, description="random controls per seed")] = 3
    samples: Annotated[
        int, pydantic.Field(ge=1, description="training inputs that lengths are averaged over")
    ] = 32
    nodes: Annotated[int, pydantic.Field(ge=1, description="quadrature nodes per layer")] = 4
    max_steps: Annotated[int, pydantic.Field(ge=1)] = 200
    target_loss: Annotated[float, pydantic.Field(ge=0, description="nat; training stops there")] = 0.15
    learning_rate: Annotated[float, pydantic.Field(gt=0)] = 0.05


def descriptions(settings: Settings, task: tasks.Task) -> dict[str, Description]:
    """The circuit and the two networks."""
    n, k = task.n_features, task.n_classes
    circuit = circuits.data_reuploading(settings.qubits, settings.layers, n)
    return {
        CIRCUIT: circuits.Measured(circuit, classes=circuits.modulo_classes(settings.qubits, k)),
        RESNET: circuits.ResNet(n, settings.width, settings.depth, k, strength=float(settings.depth)),
        MLP: circuits.MLP((n, settings.width, settings.width, k)),
    }


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Train, draw the controls, and measure the length of every group of nodes and the distance of the ends."""
    task = tasks.load(settings.task)
    return parts.over_seeds(
        "curves", range(seed, seed + settings.seeds), lambda some: _curves(settings, task, some, progress)
    )


def _curves(settings: Settings, task: tasks.Task, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    splits = task.splits(seeds)
    dtype = jnp.result_type(float)
    data = jnp.asarray(splits.train_x[:, : settings.samples], dtype)
    every = descriptions(settings, task)
    stop = StopRule(max_steps=settings.max_steps, target_loss=settings.target_loss)
    measured, trainings = [], []
    for name, description in every.items():
        progress.stage(f"training the {name}", settings.max_steps)
        found = train(
            description, splits, seeds, Adam(settings.learning_rate), stop, dtype=dtype, progress=progress
        )
        last = found.train_accuracy[:, -1]
        trainings.append((found.train_loss[:, -1], last, found.steps))
        measured.append(_measure(settings, name, description, found, data, str(dtype), seeds, progress))
    out = xr.concat(measured, dim="description", join="outer")
    for label, values in zip(("loss", "accuracy", "steps"), zip(*trainings, strict=True), strict=True):
        out[f"train_{label}"] = (("description", "seed"), np.stack(values))
    return out.assign_attrs(task=settings.task, inputs=int(data.shape[1]))


def _measure(
    settings: Settings,
    name: str,
    description: Description,
    found: Any,
    data: Array,
    dtype: str,
    seeds: tuple[int, ...],
    progress: Progress,
) -> xr.Dataset:
    unravel = unraveler(description, dtype)
    rules = curve.RULES if name == CIRCUIT else ("commuting",)
    group = {rule: curve.groups(description, rule) for rule in rules}
    most = max(int(g.max()) + 1 for g in group.values())
    kinds = ("readout", "state") if name == CIRCUIT else ("readout",)
    rounds = [
        ("trained", 0),
        *((c, d) for c in ("random", "shuffled") for d in range(settings.draws)),
        ("initial", 0),
    ]
    shape = (len(kinds), len(TREATMENTS), len(seeds), settings.draws)
    lengths = np.full((len(rules), *shape, most), np.nan)
    distances = np.full(shape, np.nan)
    progress.stage(f"curves of the {name}", len(rounds) * len(rules))
    for treatment, draw in rounds:
        flat = found.path[:, 0] if treatment == "initial" else found.final
        params = jax.vmap(unravel)(jnp.asarray(flat, dtype))
        if treatment in ("random", "shuffled"):
            keys = jax.vmap(lambda s, d=draw: jax.random.fold_in(jax.random.key(s), 1000 + d))(
                jnp.asarray(seeds)
            )
            change = _random_of_equal_norm if treatment == "random" else _shuffled
            params = jax.vmap(change)(keys, params)
        at = (slice(None), TREATMENTS.index(treatment), slice(None), draw)
        distances[at] = np.asarray(_end_distances(description, params, data)).T
        for r, rule in enumerate(rules):
            values = _lengths(description, params, data, tuple(group[rule].tolist()), settings.nodes)
            lengths[(r, *at)][..., : values.shape[-1]] = np.moveaxis(np.asarray(values), 0, 1)
            progress.advance()
    dims = ("kind", "treatment", "seed", "draw")
    return xr.Dataset(
        {
            "length": (
                ("rule", *dims, "group"),
                lengths,
                {"units": "rad", "long_name": "information length"},
            ),
            "distance": (dims, distances, {"units": "rad", "long_name": "information distance of the ends"}),
        },
        coords={
            "rule": list(rules),
            "kind": list(kinds),
            "group": np.arange(most),
            "treatment": list(TREATMENTS),
            "seed": list(seeds),
            "description": name,
        },
    )


@eqx.filter_jit
def _end_distances(description: Description, params: Params, data: Array) -> Array:
    return jax.vmap(lambda p, x: curve.end_distances(description, p, x))(params, data)


def _lengths(
    description: Description, params: Params, data: Array, group: tuple[int, ...], nodes: int
) -> Array:
    """(seeds, kinds, groups); all seeds in one compiled call."""
    measure = functools.partial(curve.lengths_of_kinds, description, group=np.asarray(group), nodes=nodes)
    return jax.vmap(lambda p, x: measure(p, x))(params, data)


def _random_of_equal_norm(key: Array, params: Params) -> Params:
    """A random direction; every array keeps its 2-norm."""
    leaves, structure = jax.tree.flatten(params)
    drawn = [
        jax.random.normal(k, leaf.shape, leaf.dtype)
        for k, leaf in zip(_keys(key, leaves), leaves, strict=True)
    ]
    out = []
    for new, leaf in zip(drawn, leaves, strict=True):
        size = jnp.linalg.norm(new.reshape(-1))
        out.append(new * (jnp.linalg.norm(leaf.reshape(-1)) / size))
    return jax.tree.unflatten(structure, out)


def _shuffled(key: Array, params: Params) -> Params:
    """The same numbers in another order, array by array: equal in every norm."""
    leaves, structure = jax.tree.flatten(params)
    out = [
        jax.random.permutation(k, leaf.reshape(-1)).reshape(leaf.shape)
        for k, leaf in zip(_keys(key, leaves), leaves, strict=True)
    ]
    return jax.tree.unflatten(structure, out)


def _keys(key: Array, leaves: list[Array]) -> list[Array]:
    return [jax.random.fold_in(key, i) for i in range(len(leaves))]


# --- statistics ------------------------------------------------------------

QUANTITIES = ("length / distance", "length")
SIDES = {
    (CIRCUIT, "readout"): "circuit",
    (RESNET, "readout"): "network",
    (CIRCUIT, "state"): "circuit-quantum",
}


def quantity(
    data: xr.Dataset, description: str, kind: str, rule: str, name: str = QUANTITIES[0]
) -> xr.DataArray:
    """T, or the length alone: (treatment, seed, draw)."""
    chosen = {"description": description, "kind": kind}
    total = data["length"].sel(chosen, drop=True).sel(rule=rule, drop=True).sum("group", min_count=1)
    if name == "length":
        return total
    return total / data["distance"].sel(chosen, drop=True)


def log_ratios(values: xr.DataArray, control: str) -> tuple[np.ndarray, np.ndarray]:
    """``ln T`` trained, and of the control averaged over its draws, one number per seed each."""
    logs = values.copy(data=np.log(values.values))
    trained = logs.sel(treatment="trained").mean("draw", skipna=True)
    against = logs.sel(treatment=control).mean("draw", skipna=True)
    return trained.values, against.values


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """One verdict per side on the same T, then what must hold on any data."""
    out = []
    for (description, kind), side in SIDES.items():
        main = _judge(data, description, kind, "commuting", "random", QUANTITIES[0], side)
        rows = []
        others = [RESNET, MLP] if description == RESNET else [description]
        rules = [str(r) for r in data["rule"].values] if description == CIRCUIT else ["commuting"]
        for other in others:
            for rule in rules:
                for control in CONTROLS:
                    for name in QUANTITIES:
                        choices = {
                            "description": other,
                            "together": rule,
                            "control": control,
                            "quantity": name,
                        }
                        if (other, rule, control, name) == (
                            description,
                            "commuting",
                            "random",
                            QUANTITIES[0],
                        ):
                            continue
                        judged = _judge(data, other, kind, rule, control, name, side)
                        rows.append(judged.row(**choices))
        out.append(main.with_multiverse(rows))
    return (*out, *_calibrations(data))


def _judge(
    data: xr.Dataset, description: str, kind: str, rule: str, control: str, name: str, side: str
) -> Verdict:
    trained, against = log_ratios(quantity(data, description, kind, rule, name), control)
    difference = trained - against
    low, high = statistics.bootstrap_interval(difference) if len(difference) > 1 else (np.nan, np.nan)
    return statistics.judge(
        CLAIM, f"T(trained) / T({control}), T = {name}", float(np.exp(difference.mean())),
        (float(np.exp(low)), float(np.exp(high))), direction="less", n_seeds=len(difference),
        margin=statistics.RATIO_MARGIN, null=1.0, p_value=statistics.paired_test(trained, against, "less"),
        null_model="random signs of the paired differences of ln T", side=side,
    )  # fmt: skip


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    """No curve is shorter than the distance of its ends; no readout is longer than the state (F_C <= F_Q)."""
    n_seeds = data.sizes["seed"]
    total = data["length"].sum("group", min_count=1)
    ratio = (total / data["distance"]).min().item()
    state = total.sel(kind="state", description=CIRCUIT) / total.sel(kind="readout", description=CIRCUIT)
    least = state.min().item()
    return (
        statistics.calibrate(
            "a curve is at least as long as the distance of its ends", "least length / distance", ratio, (ratio, ratio),
            direction="greater", bound=1.0, margin=1e-3, n_seeds=n_seeds,
        ),
        statistics.calibrate(
            "F_C <= F_Q: the curve of states is at least as long as that of outcomes", "least L(F_Q) / L(F_C)", least,
            (least, least), direction="greater", bound=1.0, margin=1e-3, n_seeds=n_seeds, side="circuit",
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """T of trained and random descriptions seed by seed, and the length layer by layer."""
    panels = [
        (label, side, quantity(data, description, kind, "commuting"), data["length"].sel(
            description=description, kind=kind, rule="commuting", drop=True))
        for (description, kind), side, label in (
            ((CIRCUIT, "readout"), "circuit", "circuit $F_C$"),
            ((CIRCUIT, "state"), "circuit-quantum", "circuit $F_Q$"),
            ((RESNET, "readout"), "network", "ResNet"),
            ((MLP, "readout"), "network", "MLP"),
        )
    ]  # fmt: skip
    return picture.draw(panels)
