r"""Section IV.A: capacity against size, and whether training succeeds once the capacity is saturated.

The generic rank of the metric (largest of some random draws) counts the directions in which a description can move
its point; it grows with P until it saturates, at the dimension of the orbit of the circuit's algebra, at ``2^n - 1``
for its measured outcomes, and for a network at ``N (k - 1)`` at most (N inputs, k classes). The claim: training
succeeds above saturation where it fails below. What is to be stored is a point of the *same* description at random
parameters, so that it can always be stored: failure then means a bad local minimum and not a lack of parameters.

One program serves all sizes: a smaller circuit is the large one with its last parameters at zero, a narrower network
the wide one with its last hidden units cut off.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pydantic
import xarray as xr
from jax.flatten_util import ravel_pytree
from jaxtyping import Array
from matplotlib.figure import Figure

import circuits
from circuits.description import Description, Distribution, Point, State
from qgeom.experiments import descent, statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import capacity as picture
from qgeom.information import information_metric
from qgeom.information.lie_algebra import circuit_orbit_dimension
from qgeom.information.spectrum import numerical_rank
from qgeom.progress import Progress
from qgeom.settings import BaseSettings
from qgeom.training import unraveler

NAME = "capacity"
CLAIM = "training succeeds where the capacity (rank of the metric) is saturated, and fails below"
SECTION = "IV.A"
COST = "90 s"
PAPER_COST = "3 min"
PAPER = {"seeds": 30, "steps": 1000}

MARGIN = 0.1
"""A tenth of all trainings: the 10% of ratios, on a share."""
TOLERANCES = (1e-2, 1e-3, 1e-4)
"""Divergence from the target, in nat, that counts as success; the middle one is the verdict's."""
TARGETS = ("own", "random")
SMALLEST = 1e-12


class Settings(BaseSettings):
    """Settings of ``capacity``; the defaults are the small preset."""

    starts: Annotated[int, pydantic.Field(ge=1, description="trainings per seed, size and target")] = 2
    steps: Annotated[int, pydantic.Field(ge=1)] = 500
    learning_rate: Annotated[float, pydantic.Field(gt=0)] = 0.05
    draws: Annotated[int, pydantic.Field(ge=1, description="random points of the generic rank")] = 5
    qubits: Annotated[int, pydantic.Field(ge=2, le=5)] = 3
    layers: Annotated[int, pydantic.Field(ge=2, le=20)] = 6
    inputs: Annotated[int, pydantic.Field(ge=2, description="N, inputs of the networks")] = 12
    classes: Annotated[int, pydantic.Field(ge=2)] = 3
    hidden: Annotated[int, pydantic.Field(ge=2, description="largest number of hidden units")] = 10
    teacher_scale: Annotated[float, pydantic.Field(gt=0, description="factor on the weights of a target")] = (
        3.0
    )


class Family(NamedTuple):
    """A description and its smaller members."""

    name: str
    side: str
    description: Description
    sizes: tuple[int, ...]
    """Number of parameters of each member."""
    masks: np.ndarray
    """Which parameters each member has, (sizes, P)."""
    bound: int
    """What the rank can reach."""
    inputs: int
    """Length of an input; 0 without data."""
    teacher_scale: float


def families(settings: Settings) -> tuple[Family, ...]:
    """Circuit through its readout, circuits as states, network, and the linear control of equal P."""
    n = settings.qubits
    circuit = circuits.hardware_efficient(n, settings.layers)
    ising = circuits.hamiltonian_variational("ising", n + 1, 10)
    k, width, d = settings.classes, settings.hidden, 2
    network = circuits.MLP((d, width, k))
    control = circuits.RandomFeatures(d, 2 * width, k)
    bound = settings.inputs * (k - 1)
    state_bound, ising_bound = circuit_orbit_dimension(circuit), circuit_orbit_dimension(ising)
    return (
        _prefixes("measured", "circuit", circuits.Measured(circuit), 2**n - 1),
        _prefixes("state", "circuit-quantum", circuit, state_bound),
        _prefixes("ising", "circuit-quantum", ising, ising_bound),
        _by_units("network", "network", network, tuple(range(1, width + 1)), bound, settings),
        _by_units("random-features", "null", control, tuple(range(2, 2 * width + 1, 2)), bound, settings),
    )


def _prefixes(name: str, side: str, description: Description, bound: int) -> Family:
    """Members with the first P parameters: about a quarter of the bound up to all."""
    total = description.n_parameters
    wanted = {max(2, round(bound * f)) for f in (0.3, 0.5, 0.7, 0.85, 1.0, 1.25, 1.6, 2.0, 2.5)}
    sizes = tuple(sorted(p for p in wanted if p <= total))
    masks = np.arange(total)[None, :] < np.asarray(sizes)[:, None]
    return Family(name, side, description, sizes, masks, bound, 0, 1.0)


def _by_units(
    name: str, side: str, description: Any, units: tuple[int, ...], bound: int, settings: Settings
) -> Family:
    """Members with the first hidden units (features)."""
    ones = jax.eval_shape(lambda key: description.init(key, jnp.float32), jax.random.key(0))
    masks = []
    for count in units:
        layers = jax.tree.map(lambda leaf: np.ones(leaf.shape, bool), ones)
        layers[-1]["weight"][:, count:] = False
        if len(layers) > 1:
            layers[0]["weight"][count:] = False
            layers[0]["bias"][count:] = False
        masks.append(np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(layers)]))
    table = np.stack(masks)
    sizes = tuple(int(row.sum()) for row in table)
    return Family(
        name, side, description, sizes, table, bound, int(description.input_shape[0]), settings.teacher_scale
    )


@dataclass(frozen=True)
class Storing:
    """Divergence of a description from a target: relative entropy, or twice the infidelity on states."""

    description: Description
    dtype: str

    def points(self, theta: Array, context: Any) -> Point:
        params = unraveler(self.description, self.dtype)(theta * context["mask"])
        if "inputs" in context:
            return jax.vmap(lambda x: self.description(params, x))(context["inputs"])
        return jax.tree.map(lambda a: a[None], self.description(params))

    def loss(self, points: Point, context: Any) -> Array:
        if isinstance(points, State):
            target = context["target_re"], context["target_im"]
            re = jnp.sum(points.vector.real * target[0] + points.vector.imag * target[1])
            im = jnp.sum(points.vector.imag * target[0] - points.vector.real * target[1])
            return 2.0 * (1.0 - re * re - im * im)
        assert isinstance(points, Distribution)
        p, q = context["target_re"], jnp.maximum(points.probabilities, SMALLEST)
        entropy = jnp.where(p > 0, p * jnp.log(jnp.maximum(p, SMALLEST) / q), 0.0)
        return jnp.mean(jnp.sum(entropy, axis=-1))


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Generic ranks, and the final divergence of every training."""
    every = families(settings)
    most = max(len(family.sizes) for family in every)
    found = [
        parts.part(family.name, lambda family=family: _of_family(family, settings, seed, progress))
        for family in every
    ]
    padded = [part.pad(size=(0, most - part.sizes["size"])) for part in found]
    return xr.concat(padded, dim="family").assign_coords(
        family=[family.name for family in every],
        side=("family", [family.side for family in every]),
        target=list(TARGETS),
        seed=seed + np.arange(settings.seeds),
    )


def _of_family(family: Family, settings: Settings, seed: int, progress: Progress) -> xr.Dataset:
    progress.stage(f"rank of {family.name}", settings.draws)
    ranks = _generic_ranks(family, settings, seed, progress)
    progress.stage(f"training of {family.name}", settings.steps)
    losses = _train(family, settings, seed, progress)
    return xr.Dataset(
        {
            "parameters": ("size", np.array(family.sizes, float)),
            "rank": ("size", ranks),
            "loss": (("target", "seed", "size", "start"), losses, {"units": "nat"}),
            "bound": family.bound,
        }
    )


def _key(seed: int, name: str) -> Array:
    return jax.random.fold_in(jax.random.key(seed), sum(ord(c) * 31**i for i, c in enumerate(name)) % 2**31)


def _inputs(family: Family, settings: Settings, key: Array, dtype: Any) -> Array:
    return jax.random.normal(key, (settings.inputs, family.inputs), dtype)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _spectra(description: Description, dtype: str, theta: Array, masks: Array, data: Array | None) -> Array:
    def one(mask: Array) -> Array:
        metric = information_metric(description, unraveler(description, dtype)(theta * mask), data)
        return jnp.linalg.eigvalsh(mask[:, None] * metric.as_matrix() * mask[None, :])

    return jax.lax.map(one, masks)


def _generic_ranks(family: Family, settings: Settings, seed: int, progress: Progress) -> np.ndarray:
    dtype = jnp.result_type(float)
    masks = jnp.asarray(family.masks, dtype)
    best = np.zeros(len(family.sizes))
    for draw in range(settings.draws):
        keys = jax.random.split(jax.random.fold_in(_key(seed, family.name), 10_000 + draw), 2)
        theta = _random_parameters(family, keys[0], dtype)
        data = _inputs(family, settings, keys[1], dtype) if family.inputs else None
        spectra = np.asarray(_spectra(family.description, str(dtype), theta, masks, data))
        # The zeros of parameters that are cut off do not count as rounding errors.
        found = [
            numerical_rank(np.sort(row)[::-1][:size]) for row, size in zip(spectra, family.sizes, strict=True)
        ]
        best = np.maximum(best, found)
        progress.advance()
    return best


def _random_parameters(family: Family, key: Array, dtype: Any) -> Array:
    """Of a target, and of the generic rank: angles as ``init``; all weights and biases normal, scaled up."""
    theta = ravel_pytree(family.description.init(key, dtype))[0]
    if not family.inputs:
        return theta
    return theta * family.teacher_scale + 0.3 * jax.random.normal(
        jax.random.fold_in(key, 1), theta.shape, dtype
    )


def _train(family: Family, settings: Settings, seed: int, progress: Progress) -> np.ndarray:
    """Final divergences (targets, seeds, sizes, starts); one batch."""
    dtype = jnp.result_type(float)
    problem = Storing(family.description, str(dtype))
    masks = jnp.asarray(family.masks, dtype)
    n_sizes, base = len(family.sizes), _key(seed, family.name)
    shape = (len(TARGETS), settings.seeds, n_sizes, settings.starts)

    def context(s: Array) -> tuple[Array, Any]:
        """Starts and targets of one seed: leading axes (targets, sizes, starts)."""
        keys = jax.random.split(jax.random.fold_in(base, s), 4)
        shared = {"inputs": _inputs(family, settings, keys[0], dtype)} if family.inputs else {}

        def of_size(mask: Array, key: Array) -> tuple[Array, Array]:
            point = problem.points(_random_parameters(family, key, dtype), {"mask": mask, **shared})
            return _parts(point)

        own = jax.vmap(of_size)(masks, jax.random.split(keys[1], n_sizes))
        one = jax.eval_shape(
            lambda: problem.points(jnp.zeros(masks.shape[1], dtype), {"mask": masks[0], **shared})
        )
        drawn = _random_target(one, keys[2], dtype)
        random = jax.tree.map(lambda a: jnp.broadcast_to(a, (n_sizes, *a.shape)), drawn)
        targets = jax.tree.map(lambda a, b: jnp.stack([a, b]), own, random)  # (targets, sizes, ...)
        starts = jax.vmap(lambda k: ravel_pytree(family.description.init(k, dtype))[0])(
            jax.random.split(keys[3], len(TARGETS) * n_sizes * settings.starts)
        ).reshape(len(TARGETS), n_sizes, settings.starts, -1)

        def spread(a: Array, at: int) -> Array:
            """To (targets, sizes, starts, ...), with the leading ``at`` axes there already."""
            lead = shape[0], n_sizes, settings.starts
            a = a.reshape(*a.shape[:at], *(1,) * (3 - at), *a.shape[at:]) if at else a[None, None, None]
            return jnp.broadcast_to(a, (*lead, *a.shape[3:]))

        out = {
            "mask": jnp.broadcast_to(masks[None, :, None], (*starts.shape[:3], masks.shape[1])),
            "target_re": spread(targets[0], 2),
            "target_im": spread(targets[1], 2),
            **{name: spread(value, 0) for name, value in shared.items()},
        }
        return starts, out

    starts, contexts = jax.jit(jax.vmap(context))(jnp.arange(settings.seeds))
    flatten = lambda a: a.reshape(-1, *a.shape[4:])  # noqa: E731 - (seeds, targets, sizes, starts, ...)
    found = descent.minimise(
        problem,
        flatten(starts),
        jax.tree.map(flatten, contexts),
        settings.steps,
        settings.learning_rate,
        progress,
    )
    return np.moveaxis(found.loss.reshape(settings.seeds, len(TARGETS), n_sizes, settings.starts), 0, 1)


def _parts(point: Point) -> tuple[Array, Array]:
    if isinstance(point, State):
        return point.vector.real, point.vector.imag
    assert isinstance(point, Distribution)
    return point.probabilities, jnp.zeros_like(point.probabilities)


def _random_target(shape: Any, key: Array, dtype: Any) -> tuple[Array, Array]:
    """A Haar-random state, or distributions drawn uniformly from the simplex."""
    if isinstance(shape, State):
        re, im = jax.random.normal(key, (2, *shape.vector.shape), dtype)
        norm = jnp.sqrt(jnp.sum(jnp.square(re) + jnp.square(im)))
        return re / norm, im / norm
    p = jax.random.dirichlet(
        key, jnp.ones(shape.probabilities.shape[-1], dtype), shape.probabilities.shape[:-1], dtype
    )
    return p, jnp.zeros_like(p)


# --- statistics ------------------------------------------------------------


def success(data: xr.Dataset, family: str, target: str, tolerance: float) -> np.ndarray:
    """Share of trainings that end within the tolerance of their target, (seeds, sizes)."""
    loss = data["loss"].sel(family=family, target=target).values
    kept = np.isfinite(data["parameters"].sel(family=family).values)
    return (loss[:, kept] <= tolerance).mean(axis=-1)


def saturated(data: xr.Dataset, family: str, at: str = "bound") -> np.ndarray:
    """Which sizes are saturated: the rank at its bound, or at the largest value it takes."""
    chosen = data.sel(family=family)
    rank = chosen["rank"].values[np.isfinite(chosen["parameters"].values)]
    return rank >= (float(chosen["bound"]) if at == "bound" else rank.max())


def gain(data: xr.Dataset, family: str, target: str, tolerance: float, at: str = "bound") -> np.ndarray:
    """T of every seed: success above saturation minus success below; NaN where one of them has no size."""
    above = saturated(data, family, at)
    rates = success(data, family, target, tolerance)
    if above.all() or not above.any():
        return np.full(len(rates), np.nan)
    return rates[:, above].mean(axis=1) - rates[:, ~above].mean(axis=1)


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """One verdict per side on the same T; the control; what must hold."""
    names = [str(name) for name in data["family"].values]
    mains = {"circuit": "measured", "network": "network", "circuit-quantum": "state"}
    out = []
    for side, main in mains.items():
        first = _judge(data, main, "own", TOLERANCES[1], "bound", side)
        rows = []
        for family in [main, *(["ising"] if side == "circuit-quantum" else [])]:
            for target in TARGETS:
                for tolerance in TOLERANCES:
                    for at in ("bound", "largest"):
                        if (family, target, tolerance, at) != (main, "own", TOLERANCES[1], "bound"):
                            judged = _judge(data, family, target, tolerance, at, side)
                            rows.append(
                                judged.row(
                                    family=family, target=target, tolerance=f"{tolerance:g}", saturation=at
                                )
                            )
        out.append(first.with_multiverse(rows))
    control = _judge(data, "random-features", "own", TOLERANCES[1], "bound", "control, random features")
    rows = [
        _judge(data, "random-features", target, tolerance, "bound", control.side).row(
            target=target, tolerance=f"{tolerance:g}")
        for target in TARGETS for tolerance in TOLERANCES if (target, tolerance) != ("own", TOLERANCES[1])
    ]  # fmt: skip
    out.append(control.with_multiverse(rows))
    return (*out, *[_rank_calibration(data, name) for name in names])


def _judge(data: xr.Dataset, family: str, target: str, tolerance: float, at: str, side: str) -> Verdict:
    found = gain(data, family, target, tolerance, at)
    interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
    return statistics.judge(
        CLAIM, "success above minus below saturation", float(np.mean(found)), interval, direction="greater",
        margin=MARGIN, n_seeds=len(found), p_value=_shuffled_sizes(data, family, target, tolerance, at),
        null_model="sizes shuffled within each seed", side=side,
    )  # fmt: skip


def _shuffled_sizes(
    data: xr.Dataset, family: str, target: str, tolerance: float, at: str, draws: int = 999
) -> float:
    above, rates = saturated(data, family, at), success(data, family, target, tolerance)
    if above.all() or not above.any():
        return float("nan")
    generator = np.random.default_rng(0)
    shuffled = generator.permuted(np.broadcast_to(rates, (draws, *rates.shape)), axis=2)
    null = (shuffled[..., above].mean(axis=-1) - shuffled[..., ~above].mean(axis=-1)).mean(axis=-1)
    observed = float(np.mean(gain(data, family, target, tolerance, at)))
    return statistics.null_p_value(observed, null, "greater")


def _rank_calibration(data: xr.Dataset, family: str) -> Verdict:
    chosen = data.sel(family=family)
    kept = np.isfinite(chosen["parameters"].values)
    rank, parameters = chosen["rank"].values[kept], chosen["parameters"].values[kept]
    excess = float((rank - np.minimum(parameters, float(chosen["bound"]))).max())
    reached = (
        f"largest rank {rank.max():.0f}, bound {float(chosen['bound']):.0f}, "
        f"at P = {parameters[rank.argmax()]:.0f}"
    )
    return statistics.calibrate(
        "the rank is at most min(P, bound)", "largest rank - min(P, bound)", excess, (excess, excess), direction="less",
        bound=0.0, n_seeds=data.sizes["seed"], side=f"{chosen['side'].item()}, {family}", notes=(reached,),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Rank and success against P in units of the bound."""
    rates = {
        str(name): {target: success(data, str(name), target, TOLERANCES[1]) for target in TARGETS}
        for name in data["family"].values
    }
    return picture.draw(data, rates)
