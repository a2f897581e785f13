r"""Eq. 1 of the paper: divergence of neighbours against the quadratic form of the Fisher metric (calibration).

``D(theta, theta + d) = d'F d / 2 + O(|d|^3)``, so the remainder ``|D - d'F d / 2|`` has a log-log slope of 3 in ``|d|``
(4 where the cubic term vanishes by symmetry), and of 2 if F is wrong. D is the relative entropy on distributions,
averaged over data, and ``-2 ln |<psi|psi'>|^2`` on pure states, whose relative entropy is infinite.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pydantic
import xarray as xr
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float
from matplotlib.figure import Figure

import circuits
from circuits.description import Description, Distribution, Gaussian, Params, Point, State
from qgeom import tasks
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import fisher_kl as picture
from qgeom.information import information_metric
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "fisher-kl"
CLAIM = "the divergence of neighbours is the quadratic form of the Fisher metric, D = d'F d / 2"
SECTION = "III.B, Eq. 1"
COST = "25 s"
PAPER_COST = "30 s"
PAPER = {"seeds": 30}

CLAIMED_SLOPE = 2.9
NULL_SLOPE, NULL_MARGIN = 2.0, 0.25
EVEN_SLOPE, EVEN_MARGIN = 4.0, 0.1


class Settings(BaseSettings):
    """Settings of ``fisher-kl``; the defaults are the small preset."""

    qubits: Annotated[int, pydantic.Field(ge=2, le=10)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=50)] = 2
    hidden: Annotated[tuple[int, ...], pydantic.Field(min_length=1)] = (8, 8)
    directions: Annotated[int, pydantic.Field(ge=2)] = 20
    sizes: Annotated[int, pydantic.Field(ge=3, description="values of |d|")] = 9
    smallest: Annotated[float, pydantic.Field(gt=0)] = 1e-3
    largest: Annotated[float, pydantic.Field(gt=0)] = 1e-1
    samples: Annotated[int, pydantic.Field(ge=1, le=105, description="inputs averaged over")] = 32
    wrong: Annotated[float, pydantic.Field(gt=0, description="relative error of F in the null")] = 0.1

    @pydantic.model_validator(mode="after")
    def _ordered(self) -> Settings:
        if not self.smallest < self.largest:
            raise ValueError(f"smallest must be below largest, not {self.smallest} and {self.largest}")
        return self


class Case(NamedTuple):
    """One manifold on which Eq. 1 is tested."""

    name: str
    side: str
    description: Description
    takes_data: bool
    even: bool
    """Whether the cubic term vanishes by symmetry."""
    divergence: str


def cases(settings: Settings) -> tuple[Case, ...]:
    """The descriptions, quantum and classical."""
    state = circuits.hardware_efficient(settings.qubits, settings.layers, final_rotations=True)
    # exp(-i t G) on |+..+> with G = sum ZZ / 2: the fidelity is even in the step, so there is no cubic term.
    gates = circuits.gates
    single = circuits.Circuit(
        settings.qubits,
        [gates.H(q) for q in range(settings.qubits)]
        + [gates.RZZ(circuits.Param(0), q, q + 1) for q in range(settings.qubits - 1)],
    )
    features = tasks.load("iris").n_features
    classifier = circuits.MLP((features, *settings.hidden, 3))
    regressor = circuits.MLP((features, *settings.hidden, 2), output="gaussian")
    return (
        Case("state", "circuit-quantum", state, False, False, "-2 ln fidelity"),
        Case("one-parameter", "circuit-quantum", single, False, True, "-2 ln fidelity"),
        Case("measured", "circuit", circuits.Measured(state), False, False, "relative entropy"),
        Case("categorical", "network", classifier, True, False, "relative entropy"),
        Case("gaussian", "network", regressor, True, False, "relative entropy"),
    )


def divergence(first: Point, second: Point) -> Float[Array, ""]:
    """Relative entropy, or ``-2 ln |<psi|psi'>|^2``; written so that neighbours lose no digits."""
    if isinstance(first, State) and isinstance(second, State):
        across = second.vector - jnp.vdot(first.vector, second.vector) * first.vector
        return -2.0 * jnp.log1p(-jnp.sum(jnp.square(across.real) + jnp.square(across.imag)))
    if isinstance(first, Distribution) and isinstance(second, Distribution):
        p, change = first.probabilities, second.probabilities - first.probabilities
        # sum p ln(p/q) = sum [-p ln(1 + change/p) + change], every term positive, since the changes sum to zero.
        return jnp.sum(change - p * jnp.log1p(change / p))
    if isinstance(first, Gaussian) and isinstance(second, Gaussian):
        return 0.5 * jnp.sum(jnp.square(second.mean - first.mean))
    raise TypeError(f"no divergence for {type(first).__name__}")


def unit(description: Description, params: Params) -> Params:
    """The unit of every parameter: 2 for angles (generators P/2, normalised to tr G^2 = 2^n), the RMS of its layer for
    weights."""
    if isinstance(description, circuits.networks.Network):
        scales = []
        for layer in params:
            leaves = jax.tree.leaves(layer)
            total = sum(jnp.sum(jnp.square(leaf)) for leaf in leaves)
            rms = jnp.sqrt(total / sum(leaf.size for leaf in leaves))
            scales.append(jax.tree.map(lambda leaf, rms=rms: jnp.broadcast_to(rms, leaf.shape), layer))
        return tuple(scales)
    return jax.tree.map(lambda leaf: jnp.full_like(leaf, 2.0), params)


@functools.partial(jax.jit, static_argnums=(0, 1))
def _remainders(
    description: Description,
    dtype: str,
    key: Array,
    data: Array | None,
    sizes: Array,
    directions_key: Array,
    like: Array,
) -> tuple[Array, Array]:
    """``D`` and ``d'F d / 2``, (directions, sizes) each; ``like`` has a row per direction."""
    params = description.init(key, jnp.dtype(dtype))
    flat, unravel = ravel_pytree(params)
    scale = ravel_pytree(unit(description, params))[0]
    fisher = information_metric(description, params, data).as_matrix()
    raw = jax.random.normal(directions_key, (like.shape[0], flat.shape[0]), flat.dtype)
    steps = scale * raw / jnp.linalg.norm(raw, axis=1, keepdims=True)

    def at(step: Array) -> Array:
        def one(x: Array | None) -> Array:
            return divergence(description(params, x), description(unravel(flat + step), x))

        return one(None) if data is None else jnp.mean(jax.vmap(one)(data))

    divergences = jax.lax.map(lambda step: jax.vmap(lambda size: at(size * step))(sizes), steps)
    forms = 0.5 * jnp.einsum("di,ij,dj->d", steps, fisher, steps)[:, None] * jnp.square(sizes)[None]
    return divergences, forms


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Divergence and quadratic form for every case, seed, direction and size."""
    every = cases(settings)
    sizes = np.geomspace(settings.smallest, settings.largest, settings.sizes)
    progress.stage("divergences", len(every) * settings.seeds)
    found = [
        parts.part(case.name, lambda case=case: _divergences(case, settings, seed, sizes, progress))
        for case in every
    ]
    return xr.concat(found, dim="case").assign(
        wrong=settings.wrong, epsilon=float(jnp.finfo(jnp.result_type(float)).eps)
    ).assign_coords(
        {
            "case": [case.name for case in every],
            "side": ("case", [case.side for case in every]),
            "even": ("case", [int(case.even) for case in every]),
            "kind": ("case", [case.divergence for case in every]),
            "size": (
                "size",
                sizes,
                {"long_name": "|d|, normalised generators, weights in RMS of their layer"},
            ),
            "seed": seed + np.arange(settings.seeds),
        }
    )  # fmt: skip


def _divergences(
    case: Case, settings: Settings, seed: int, sizes: np.ndarray, progress: Progress
) -> xr.Dataset:
    dtype = jnp.result_type(float)
    shape = (settings.seeds, settings.directions, settings.sizes)
    found, forms = np.zeros(shape), np.zeros(shape)
    splits = tasks.load("iris").splits(tuple(range(seed, seed + settings.seeds)))
    for s in range(settings.seeds):
        key, directions_key = jax.random.split(jax.random.fold_in(jax.random.key(seed), s))
        data = jnp.asarray(splits.train_x[s, : settings.samples], dtype) if case.takes_data else None
        found[s], forms[s] = _remainders(
            case.description, str(dtype), key, data, jnp.asarray(sizes, dtype), directions_key,
            np.zeros((settings.directions, 0), np.float32),
        )  # fmt: skip
        progress.advance()
    dims = ("seed", "direction", "size")
    return xr.Dataset(
        {
            "divergence": (dims, found, {"units": "nat", "long_name": "divergence D"}),
            "form": (dims, forms, {"units": "nat", "long_name": "d'F d / 2"}),
        }
    )


# --- statistics ------------------------------------------------------------

AVERAGES = ("root-mean-square", "geometric mean", "median of slopes")


def remainders(data: xr.Dataset, error: float = 0.0) -> np.ndarray:
    """``|D - (1 + error) d'F d / 2|``, (case, seed, direction, size); NaN where rounding errors would decide it."""
    divergence, form = data["divergence"].values, data["form"].values
    remainder = np.abs(divergence - (1.0 + error) * form)
    # D is a sum of terms change^2 / p, each known to epsilon * change: about epsilon sqrt(D) in all.
    floor = 100.0 * float(data["epsilon"]) * np.sqrt(np.maximum(divergence, 0.0))
    return np.where(remainder > floor, remainder, np.nan)


def slopes(remainder: np.ndarray, sizes: np.ndarray, average: str = AVERAGES[0]) -> np.ndarray:
    """Log-log slopes (seed,) of remainders (seed, direction, size): least squares over the sizes."""
    with np.errstate(all="ignore"):
        if average == "root-mean-square":
            return _fit(np.log(np.sqrt(np.mean(remainder**2, axis=1))), sizes)
        if average == "geometric mean":
            return _fit(np.mean(np.log(remainder), axis=1), sizes)
        each = _fit(np.log(remainder).reshape(-1, len(sizes)), sizes).reshape(remainder.shape[:2])
    return np.array([np.median(row[np.isfinite(row)]) if np.isfinite(row).any() else np.nan for row in each])


def _fit(logs: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    out = np.full(len(logs), np.nan)
    for i, row in enumerate(logs):
        kept = np.isfinite(row)
        if kept.sum() >= 3:
            out[i] = np.polyfit(np.log(sizes[kept]), row[kept], 1)[0]
    return out


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """One calibration per case, and one that the test can fail: F with an error."""
    sizes = data["size"].values
    exact, wrong = remainders(data), remainders(data, float(data["wrong"]))
    verdicts = []
    for c, name in enumerate(map(str, data["case"].values)):
        even = bool(data["even"].values[c])
        # Every direction on its own: a null of seeds alone could not fall below 1 / (seeds + 1).
        null = slopes(wrong[c].reshape(-1, 1, len(sizes)), sizes)
        rows = []
        for average in AVERAGES:
            found = slopes(exact[c], sizes, average)
            rows.append((average, _judge(data, c, name, found, null, even)))
        verdicts.append(rows[0][1].with_multiverse([v.row(average=average) for average, v in rows[1:]]))
    null = np.stack([slopes(wrong[c], sizes) for c in range(len(data["case"]))]).mean(axis=0)
    verdicts.append(
        statistics.calibrate(
            f"with F wrong by {100 * float(data['wrong']):.3g}% the remainder is of second order: the test can fail",
            "mean slope over all cases with the wrong F",
            float(np.mean(null)), statistics.bootstrap_interval(null), direction="equal", bound=NULL_SLOPE,
            margin=NULL_MARGIN, n_seeds=len(null), side="null", null_model="F multiplied by 1 + error",
        )
    )  # fmt: skip
    return tuple(verdicts)


def _judge(data: xr.Dataset, c: int, name: str, found: np.ndarray, null: np.ndarray, even: bool) -> Verdict:
    interval = statistics.bootstrap_interval(found)
    estimate = float(np.mean(found))
    common: dict[str, Any] = {
        "n_seeds": len(found),
        "p_value": statistics.null_p_value(estimate, null, "greater"),
        "null_model": "F multiplied by 1 + error",
        "side": f"{data['side'].values[c]}, {name}",
    }
    statistic = "log-log slope of |D - d'F d / 2| against |d|"
    if even:
        return statistics.calibrate(
            f"{data['kind'].values[c]} is d'F d / 2 to third order: even in the one parameter", statistic, estimate,
            interval, direction="equal", bound=EVEN_SLOPE, margin=EVEN_MARGIN, **common,
        )  # fmt: skip
    return statistics.calibrate(
        f"{data['kind'].values[c]} is d'F d / 2 to second order", statistic, estimate, interval,
        direction="greater", bound=CLAIMED_SLOPE, **common,
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Remainders against step size, with the null."""
    return picture.draw(data, remainders(data), remainders(data, float(data["wrong"])))
