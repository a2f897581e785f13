r"""Section III.C, ref. 25: complexity grows with time and saturates, higher for chaotic dynamics than for integrable.

``e^{-iHt}`` of a two-local H has length t for as long as its own line is the shortest: growth at first is trivial, and
the content is where it stops. The *plateau* is the late mean of the shortest straight line found (an upper bound of
the geodesic distance, :mod:`qgeom.experiments.straight_growth`; Craps, Clerck, Hacker, Nguyen and Rabideau,
arXiv:2202.13924), for Hamiltonians of equal norm ``tr H^2 = 2^n``, so that t is the flat length of the path. The claim:

    T = (plateau chaotic - plateau integrable) / plateau GUE  >  0.

*Arrow of time*: the share of steps in which the bound grows, from the identity (up to the time when t itself reaches
the plateau) and, with the same H and steps, from a typical unitary, where there should be no arrow: 1/2.

*Network*: a linear residual network of l equal blocks, ``e^{X l}`` in SO(d) with a penalty off neighbouring planes; the
same T for blocks that mix neighbours and blocks of separate planes. Trained networks: the distance of a block from the
identity against the number of blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import jax
import numpy as np
import pydantic
import scipy.linalg
import scipy.stats
import xarray as xr
from matplotlib.figure import Figure

from qgeom.errors import InputError
from qgeom.experiments import growing_models, statistics
from qgeom.experiments.growing_models import CHAOTIC, INTEGRABLE, LAYERS, MODELS, REFERENCE
from qgeom.experiments.linear_training import train_residual
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.experiments.straight_growth import (
    generator_lines,
    hamiltonian_lines,
    rotation_lines,
    unitary_lines,
)
from qgeom.experiments.weak_gates import embedded, weak_gate
from qgeom.figures import complexity_growth as picture
from qgeom.nielsen.geodesic import minimal_geodesic
from qgeom.nielsen.penalty import local_penalty, plane_penalty
from qgeom.nielsen.string_weights import local_rule, string_weights_of
from qgeom.nielsen.subgroups import unitary_distance
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "complexity-growth"
CLAIM = "complexity saturates higher under chaotic dynamics than under integrable dynamics of the same norm"
ARROW = "complexity grows from a simple element and has no arrow from a typical one"
TRAINED = "training spreads one complexity evenly over the blocks: distance per block falls as 1 / depth"
SECTION = "III.C, ref. 25"
COST = "60 s"
PAPER_COST = "100 s"
PAPER = {"seeds": 30, "qubits": (4, 5, 6, 7), "late_times": 12, "growth_times": 48, "geodesic_times": 12}

DEPTHS = (1, 2, 4, 8, 16)
STARTS = ("identity", "typical")
ARROW_MODELS = ("mixed-field Ising", "Ising")
ARROW_LAYERS = ("neighbours", "random")
LONGEST = 60.0
"""Radians of flat length that the growth is drawn for."""


class Settings(BaseSettings):
    """Settings of ``complexity-growth``; the defaults are the small preset."""

    qubits: Annotated[tuple[int, ...], pydantic.Field(min_length=1, description="the verdict is at the last")] = (
        4, 5, 6,
    )  # fmt: skip
    penalties: Annotated[
        tuple[float, ...], pydantic.Field(min_length=1, description="q; the verdict is at the last")
    ] = (10.0, 100.0)
    late_times: Annotated[
        int, pydantic.Field(ge=1, description="times per seed that a plateau is averaged over")
    ] = 10
    growth_times: Annotated[int, pydantic.Field(ge=2)] = 24
    reduce: Annotated[bool, pydantic.Field(description="lattice reduction, needs python-flint")] = False
    arrow_qubits: Annotated[int, pydantic.Field(ge=3, le=6)] = 4
    arrow_steps: Annotated[int, pydantic.Field(ge=2)] = 20
    dimension: Annotated[int, pydantic.Field(ge=4, le=64, description="d of the linear networks")] = 8
    trained_dimension: Annotated[int, pydantic.Field(ge=2, le=16)] = 4
    training_steps: Annotated[int, pydantic.Field(ge=1)] = 800
    start_scales: Annotated[
        tuple[float, ...], pydantic.Field(min_length=1, description="of blocks; the verdict is at the first")
    ] = (0.01, 0.1)
    circuit_depth: Annotated[int, pydantic.Field(ge=1, description="of the random circuits")] = 40
    gate_strength: Annotated[float, pydantic.Field(gt=0, description="flat length of one of their gates")] = (
        0.3
    )
    geodesic_qubits: Annotated[int, pydantic.Field(ge=2, le=3)] = 2
    geodesic_times: Annotated[int, pydantic.Field(ge=0, description="shortest geodesics searched")] = 6

    @pydantic.field_validator("qubits")
    @classmethod
    def _few(cls, qubits: tuple[int, ...]) -> tuple[int, ...]:
        if any(not 3 <= n <= 8 for n in qubits):
            raise ValueError(f"qubits are 3 to 8, not {qubits}")
        return qubits


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Bounds at late and early times, of circuits and of linear networks."""
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise InputError("complexity-growth needs double precision: run it with --precision 64")
    seeds = tuple(range(seed, seed + settings.seeds))
    found = [
        parts.over_seeds("chains", seeds, lambda some: _chains(settings, some, progress)),
        parts.over_seeds("linear networks", seeds, lambda some: _networks(settings, some, progress)),
        parts.over_seeds("arrow", seeds, lambda some: _arrow(settings, some, progress)),
        parts.over_seeds("random circuits", seeds, lambda some: _random_circuits(settings, some, progress)),
        parts.part("trained", lambda: _trained(settings, seeds, progress)),
        parts.part("geodesics", lambda: _geodesics(settings, seed, progress)),
    ]
    return xr.merge(found, combine_attrs="drop_conflicts")


def _late(rng: np.random.Generator, count: int) -> np.ndarray:
    """Times long after every cut: uniform on 1000 to 10000 radians of flat length."""
    return rng.uniform(1e3, 1e4, count)


def _chains(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    shape = (len(MODELS), len(settings.qubits), len(settings.penalties), len(seeds))
    late = np.empty((*shape, settings.late_times))
    times = np.linspace(0.0, LONGEST, settings.growth_times)
    growth, lower = np.empty((2, len(MODELS), len(seeds), len(times)))
    progress.stage("bounds of chains", int(np.prod(shape[:2])) * len(seeds))
    for m, model in enumerate(MODELS):
        for i, n in enumerate(settings.qubits):
            for s, each in enumerate(seeds):
                matrix = growing_models.hamiltonian(model, n, each)
                at = _late(np.random.default_rng((each, n, 1)), settings.late_times)
                for k, q in enumerate(settings.penalties):
                    energies, lines = hamiltonian_lines(matrix, local_rule(n, q), settings.reduce)
                    late[m, i, k, s] = [lines.length(energies * t) for t in at]
                if n == settings.qubits[-1]:
                    growth[m, s] = [lines.length(energies * t) for t in times]
                    lower[m, s] = [unitary_distance(np.diag(np.exp(-1j * energies * t))) for t in times]
                progress.advance()
    length = {"units": "rad", "long_name": "length of the shortest straight line found"}
    return xr.Dataset(
        {
            "late": (("model", "qubits", "q", "seed", "late_time"), late, length),
            "growth": (("model", "seed", "time"), growth, length),
            "growth_lower": (("model", "seed", "time"), lower, {"units": "rad", "long_name": "flat distance"}),
        },
        coords={
            "model": list(MODELS), "qubits": list(settings.qubits), "q": list(settings.penalties), "seed": list(seeds),
            "time": ("time", times, {"units": "rad", "long_name": "flat length of the path"}),
        },
    )  # fmt: skip


def _networks(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    d = settings.dimension
    late = np.empty((len(LAYERS), len(settings.penalties), len(seeds), settings.late_times))
    times = np.linspace(0.0, LONGEST, settings.growth_times)
    growth = np.empty((len(LAYERS), len(seeds), len(times)))
    progress.stage("bounds of linear networks", len(LAYERS) * len(seeds))
    for m, kind in enumerate(LAYERS):
        for s, each in enumerate(seeds):
            generator = growing_models.layer(kind, d, each)
            at = _late(np.random.default_rng((each, d, 2)), settings.late_times)
            for k, q in enumerate(settings.penalties):
                velocities, lines = generator_lines(generator, plane_penalty(d, q))
                late[m, k, s] = [lines.length(velocities * t) for t in at]
            growth[m, s] = [lines.length(velocities * t) for t in times]
            progress.advance()
    length = {"units": "rad", "long_name": "length of the shortest straight line found"}
    return xr.Dataset(
        {
            "network_late": (("layer", "q", "seed", "late_time"), late, length),
            "network_growth": (("layer", "seed", "time"), growth, length),
        },
        coords={"layer": list(LAYERS), "q": list(settings.penalties), "seed": list(seeds), "time": times},
    )


def _arrow(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    """Bounds along e^{-iHt} and along e^{-iHt} V, V typical; t up to the model's plateau."""
    n, d, q = settings.arrow_qubits, settings.dimension, settings.penalties[-1]
    shape = (len(ARROW_MODELS), len(STARTS), len(seeds), settings.arrow_steps + 1)
    circuit, network = np.empty(shape), np.empty(shape)
    rule, penalty = local_rule(n, q), plane_penalty(d, q)
    progress.stage("arrow of time", len(ARROW_MODELS) * len(seeds))
    for m, (model, kind) in enumerate(zip(ARROW_MODELS, ARROW_LAYERS, strict=True)):
        for s, each in enumerate(seeds):
            rng = np.random.default_rng((each, 3))
            matrix = growing_models.hamiltonian(model, n, each)
            energies, lines = hamiltonian_lines(matrix, rule)
            plateau = np.mean([lines.length(energies * t) for t in _late(rng, 8)])
            times = np.linspace(0.0, plateau, settings.arrow_steps + 1)
            circuit[m, 0, s] = [lines.length(energies * t) for t in times]
            values, vectors = np.linalg.eigh(matrix)
            typical = scipy.stats.unitary_group.rvs(1 << n, random_state=rng)
            for i, t in enumerate(times):
                moved = (vectors * np.exp(-1j * values * t)) @ vectors.conj().T @ typical
                phases, own = unitary_lines(moved, rule)
                circuit[m, 1, s, i] = own.length(phases)
            generator = growing_models.layer(kind, d, each)
            velocities, planes = generator_lines(generator, penalty)
            plateau = np.mean([planes.length(velocities * t) for t in _late(rng, 8)])
            times = np.linspace(0.0, plateau, settings.arrow_steps + 1)
            network[m, 0, s] = [planes.length(velocities * t) for t in times]
            typical = scipy.stats.special_ortho_group.rvs(d, random_state=rng)
            for i, t in enumerate(times):
                angles, own = rotation_lines(scipy.linalg.expm(generator * t) @ typical, penalty)
                network[m, 1, s, i] = own.length(angles)
            progress.advance()
    length = {"units": "rad", "long_name": "length of the shortest straight line found"}
    return xr.Dataset(
        {
            "arrow": (("arrow_model", "start", "seed", "arrow_step"), circuit, length),
            "network_arrow": (("arrow_layer", "start", "seed", "arrow_step"), network, length),
        },
        coords={
            "arrow_model": list(ARROW_MODELS), "arrow_layer": list(ARROW_LAYERS), "start": list(STARTS),
            "seed": list(seeds),
        },
    )  # fmt: skip


def _random_circuits(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    n, rule = settings.arrow_qubits, local_rule(settings.arrow_qubits, settings.penalties[-1])
    depths = np.unique(np.round(np.linspace(0, settings.circuit_depth, 21)).astype(int))
    bound = np.zeros((len(seeds), len(depths)))
    progress.stage("random circuits", len(seeds))
    for s, each in enumerate(seeds):
        rng = np.random.default_rng((each, 4))
        u = np.eye(1 << n, dtype=complex)
        for depth in range(1, settings.circuit_depth + 1):
            order = rng.permutation(n)
            for a, b in zip(order[::2], order[1::2], strict=False):
                u = embedded(weak_gate(rng, settings.gate_strength), (int(a), int(b)), n) @ u
            if depth in depths:
                phases, lines = unitary_lines(u, rule)
                bound[s, np.searchsorted(depths, depth)] = lines.length(phases)
        progress.advance()
    layer = settings.gate_strength * (n // 2) ** 0.5
    return xr.Dataset(
        {
            "random_circuit": (("seed", "depth"), bound, {"units": "rad", "qubits": n}),
            "random_circuit_built": (
                "depth",
                depths * layer,
                {"units": "rad", "long_name": "length as built"},
            ),
        },
        coords={"seed": list(seeds), "depth": depths},
    )


def _trained(settings: Settings, seeds: tuple[int, ...], progress: Progress) -> xr.Dataset:
    """Mean distance of a block from the identity in GL(d), along its own logarithm: an upper bound."""
    d, q = settings.trained_dimension, settings.penalties[-1]
    weights = {"flat": np.ones((d, d)), "penalised": _off_neighbours(d, q)}
    distance = np.full((len(weights), 2, len(settings.start_scales), len(DEPTHS), len(seeds)), np.nan)
    loss = np.empty((len(settings.start_scales), len(DEPTHS), len(seeds)))
    targets = np.stack([scipy.linalg.expm(2.0 * growing_models.layer("random", d, s)) for s in seeds])
    progress.stage("training linear networks", len(settings.start_scales) * len(DEPTHS))
    for i, scale in enumerate(settings.start_scales):
        for j, depth in enumerate(DEPTHS):
            for k, steps in enumerate((0, settings.training_steps)):
                rng = np.random.default_rng((seeds[0], depth, 5))
                blocks, loss[i, j] = train_residual(targets, depth, scale, rng, steps)
                values, vectors = np.linalg.eig(blocks.astype(complex))
                logs = (vectors * np.log(values)[..., None, :]) @ np.linalg.inv(vectors)
                for m, table in enumerate(weights.values()):
                    lengths = np.sqrt(np.sum(table * np.abs(logs) ** 2, axis=(-2, -1)))
                    distance[m, k, i, j] = lengths.mean(axis=1)
            progress.advance()
    return xr.Dataset(
        {
            "block_distance": (("metric", "trained", "scale", "blocks", "seed"), distance, {"units": "nat"}),
            "training_loss": (("scale", "blocks", "seed"), loss),
        },
        coords={
            "metric": list(weights), "trained": [False, True], "scale": list(settings.start_scales),
            "blocks": list(DEPTHS), "seed": list(seeds),
        },
    )  # fmt: skip


def _off_neighbours(d: int, q: float) -> np.ndarray:
    i, j = np.indices((d, d))
    return np.where(np.abs(i - j) <= 1, 1.0, q)


def _geodesics(settings: Settings, seed: int, progress: Progress) -> xr.Dataset:
    """Shortest geodesics to e^{-iHt} on 2 or 3 qubits beside the straight line."""
    n, q = settings.geodesic_qubits, settings.penalties[0]
    penalty = local_penalty(n, q, max_weight=1 if n == 2 else 2)
    matrix = growing_models.hamiltonian("mixed-field Ising", n, seed)
    energies, lines = hamiltonian_lines(matrix, string_weights_of(penalty))
    values, vectors = np.linalg.eigh(matrix)
    times = np.linspace(0.0, 6.0, settings.geodesic_times + 1)[1:]
    found = np.zeros((3, len(times)))
    progress.stage("geodesics", len(times))
    for i, t in enumerate(times):
        target = (vectors * np.exp(-1j * values * t)) @ vectors.conj().T
        path = minimal_geodesic(target, penalty, starts=6)
        found[:, i] = path.upper_bound, path.lower_bound, lines.length(energies * t)
        progress.advance()
    return xr.Dataset(
        {"geodesic": (("geodesic_bound", "small_time"), found, {"units": "rad", "qubits": n})},
        coords={"geodesic_bound": ["geodesic", "lower bound", "straight line"], "small_time": times},
    )


# --- statistics ------------------------------------------------------------


def plateaus(late: xr.DataArray) -> xr.DataArray:
    """Late mean of every seed."""
    return late.mean("late_time")


def excess(high: np.ndarray, low: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """T of every seed: the difference of two plateaus in units of the mean plateau of the reference."""
    return (high - low) / reference.mean()


def growing_share(bounds: xr.DataArray) -> np.ndarray:
    """Share of the steps in which the bound grows, (seeds,)."""
    return (bounds.diff("arrow_step") > 0).mean("arrow_step").values


def block_slopes(distance: xr.DataArray) -> np.ndarray:
    """Log-log slope of the distance per block against the number of blocks, of every seed."""
    logs = np.log(distance.transpose("blocks", "seed").values)
    return np.polyfit(np.log(distance["blocks"].values), logs, 1)[0]


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """Plateaus, arrow and blocks; circuit and network on the same T where there is one."""
    return (
        _circuit_plateaus(data),
        _network_plateaus(data),
        _arrow_verdict(data["arrow"], "arrow_model", "circuit"),
        _arrow_verdict(data["network_arrow"], "arrow_layer", "network"),
        _blocks(data["block_distance"]),
        *_calibrations(data),
    )


def _plateau_verdict(
    high: np.ndarray, low: np.ndarray, reference: np.ndarray, side: str, what: str
) -> Verdict:
    found = excess(high, low, reference)
    interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
    return statistics.judge(
        CLAIM, "(plateau chaotic - integrable) / plateau of random generators", float(found.mean()), interval,
        direction="greater", margin=statistics.RATIO_MARGIN, n_seeds=len(found), side=side,
        p_value=statistics.paired_test(high, low, "greater"), null_model="random signs of the paired differences",
        notes=(f"{what}: plateaus {high.mean():.3g}, {low.mean():.3g}, random {reference.mean():.3g} rad",),
    )  # fmt: skip


def _circuit_plateaus(data: xr.Dataset) -> Verdict:
    levels = plateaus(data["late"])
    main = (CHAOTIC[0], INTEGRABLE[0], int(data["qubits"][-1]), float(data["q"][-1]))
    out, rows = None, []
    for n in data["qubits"].values:
        for q in data["q"].values:
            at = levels.sel(qubits=n, q=q)
            for chaotic in CHAOTIC:
                for integrable in INTEGRABLE:
                    judged = _plateau_verdict(
                        at.sel(model=chaotic).values, at.sel(model=integrable).values, at.sel(model=REFERENCE).values,
                        "circuit", f"{chaotic}, {integrable}",
                    )  # fmt: skip
                    if (chaotic, integrable, int(n), float(q)) == main:
                        out = judged
                    else:
                        rows.append(
                            judged.row(chaotic=chaotic, integrable=integrable, qubits=f"{n}", q=f"{q:g}")
                        )
    assert out is not None
    return out.with_multiverse(rows)


def _network_plateaus(data: xr.Dataset) -> Verdict:
    levels = plateaus(data["network_late"])
    out, rows = None, []
    for q in data["q"].values:
        at = levels.sel(q=q)
        judged = _plateau_verdict(
            at.sel(layer="neighbours").values, at.sel(layer="separate planes").values, at.sel(layer="random").values,
            "network", "mixing neighbours, separate planes",
        )  # fmt: skip
        if q == data["q"].values[-1]:
            out = judged
        else:
            rows.append(judged.row(q=f"{q:g}"))
    assert out is not None
    return out.with_multiverse(rows)


def _arrow_verdict(bounds: xr.DataArray, dim: str, side: str) -> Verdict:
    out, rows = None, []
    for name in bounds[dim].values:
        first, second = (growing_share(bounds.sel({dim: name, "start": start})) for start in STARTS)
        found = first - second
        interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
        judged = statistics.judge(
            ARROW, "share of dC > 0 from the identity - from a typical element", float(found.mean()), interval,
            direction="greater", margin=statistics.RATIO_MARGIN, n_seeds=len(found), side=side,
            p_value=statistics.paired_test(first, second, "greater"),
            null_model="random signs of the paired differences",
            notes=(f"{name}: {first.mean():.2f} from the identity, {second.mean():.2f} from a typical one (null 0.5)",),
        )  # fmt: skip
        if out is None:
            out = judged
        else:
            rows.append(judged.row(dynamics=str(name)))
    assert out is not None
    return out.with_multiverse(rows)


def _blocks(distance: xr.DataArray) -> Verdict:
    out, rows = None, []
    for trained in (True, False):
        for scale in distance["scale"].values:
            for metric in distance["metric"].values[::-1]:
                found = block_slopes(distance.sel(trained=trained, scale=scale, metric=metric))
                interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
                judged = statistics.judge(
                    TRAINED, "log-log slope of the distance per block against the blocks", float(found.mean()),
                    interval, direction="equal", null=-1.0, margin=statistics.RATIO_MARGIN, n_seeds=len(found),
                    side="network", notes=("independent blocks of a fixed size would give 0",),
                )  # fmt: skip
                if out is None:
                    out = judged
                else:
                    name = "trained" if trained else "untrained"
                    rows.append(judged.row(network=name, start=f"{scale:g}", metric=str(metric)))
    assert out is not None
    return out.with_multiverse(rows)


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    n_seeds = data.sizes["seed"]
    gap = float((data["growth"] - data["growth_lower"]).min())
    out = [
        statistics.calibrate(
            "no straight line is shorter than the flat distance", "least bound - flat distance (rad)", gap, (gap, gap),
            direction="greater", bound=0.0, margin=1e-6, n_seeds=n_seeds, side="circuit",
        )
    ]  # fmt: skip
    if data.sizes["small_time"]:
        small = data["geodesic"]
        worst = float(
            (small.sel(geodesic_bound="geodesic") / small.sel(geodesic_bound="straight line")).max()
        )
        out.append(
            statistics.calibrate(
                "the shortest geodesic found is no longer than the straight line", "largest ratio of lengths", worst,
                (worst, worst), direction="less", bound=1.0, margin=1e-3, n_seeds=1, side="circuit",
            )
        )  # fmt: skip
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Growth of circuits, of linear networks, random circuits and small geodesics; distance per block."""
    return picture.draw(data)
