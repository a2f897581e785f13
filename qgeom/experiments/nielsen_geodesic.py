r"""Sections II and III.B, ref. 11: the circuit as built against the shortest geodesic to the same transformation.

    T = (built - shortest) / built,

both in Nielsen's metric with weight q on strings of three qubits or more (two or more for CNOT and iSWAP), q = 1 to
100. *Built* is the length of the path through the gates of a circuit (:func:`qgeom.nielsen.built.circuit_cost`), gates
of a layer that commute at the same time, or one after another. *Shortest* is the shortest geodesic that many starts
find (:func:`qgeom.nielsen.minimal_geodesic`), an upper bound of the distance: the true T is no smaller. Its
certificates are saved: a proven lower bound, the first conjugate time, whether another path is as long.

Baseline: the geodesic that one start reaches by deformation, from the flat metric on. Classical side: rotations in
SO(4) with weight q off neighbouring planes, built by a QR decomposition into Givens rotations.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np
import pydantic
import scipy.stats
import xarray as xr
from matplotlib.figure import Figure

from circuits import Circuit
from qgeom.errors import InputError
from qgeom.experiments import known_circuits, statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.relaxed_deformation import Deformed, deformed
from qgeom.experiments.statistics import Verdict
from qgeom.figures import nielsen_geodesic as picture
from qgeom.nielsen.bounds import flat_distance
from qgeom.nielsen.built import circuit_cost
from qgeom.nielsen.geodesic import Geodesic, minimal_geodesic
from qgeom.nielsen.penalty import Penalty, local_penalty, plane_penalty
from qgeom.nielsen.targets import circuit_unitary
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "nielsen-geodesic"
CLAIM = "a circuit as built is longer than the shortest geodesic to the same transformation"
BASELINE = "deformation from the flat metric alone misses the shortest geodesic"
SECTION = "II, III.B, ref. 11"
COST = "2 min"
PAPER_COST = "14 min"
PAPER = {"seeds": 30, "penalties": (1.0, 3.0, 10.0, 30.0, 100.0), "starts": 8}

SCHEDULES = ("together", "one by one")
CIRCUITS = ("fitted blocks", "Shannon")
"""Circuits for a random unitary on three qubits; the first is the shorter one, and the verdict's."""
STEPS_PER_DECADE = 4
"""Weights between 1 and 10 at which a deformed path is relaxed."""


class Settings(BaseSettings):
    """Settings of ``nielsen-geodesic``; the defaults are the small preset."""

    penalties: Annotated[
        tuple[Annotated[float, pydantic.Field(ge=1)], ...],
        pydantic.Field(min_length=1, description="q, rising; the verdict is at the last"),
    ] = (1.0, 100.0)
    starts: Annotated[int, pydantic.Field(ge=1, description="of the search for the shortest geodesic")] = 2
    blocks: Annotated[int, pydantic.Field(ge=6, description="two-qubit gates of a fitted circuit")] = 7
    dimension: Annotated[int, pydantic.Field(ge=3, le=6, description="d of the random rotations")] = 4

    @pydantic.field_validator("penalties")
    @classmethod
    def _rising(cls, penalties: tuple[float, ...]) -> tuple[float, ...]:
        if any(b <= a for a, b in itertools.pairwise(penalties)):
            raise ValueError(f"penalties rise, unlike {penalties}")
        return penalties


class Found(NamedTuple):
    """What is kept of a geodesic, with nan where it was not tested; ``names`` are the variables of the dataset."""

    shortest: float
    upper_bound: float
    lower_bound: float
    conjugate_time: float
    index: float
    unique: float
    geodesics: float
    residual: float
    deformed: float

    @classmethod
    def of(cls, path: Geodesic, baseline: float) -> Found:
        return cls(
            path.length, path.upper_bound, path.lower_bound, path.conjugate_time,
            np.nan if path.index is None else float(path.index), float(path.unique), 1.0 + len(path.alternatives),
            path.residual, baseline,
        )  # fmt: skip


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Geodesics and built lengths of random unitaries and rotations, and of four gates."""
    if not jax.config.jax_enable_x64:  # pyright: ignore[reportAttributeAccessIssue]
        raise InputError("nielsen-geodesic needs double precision: run it with --precision 64")
    seeds = tuple(range(seed, seed + settings.seeds))
    qs = settings.penalties
    progress.stage("geodesics to random rotations", len(seeds))
    rotations = parts.over_seeds(
        "rotations", seeds, lambda some: _random_rotations(settings, some, progress), block=1
    )
    progress.stage("geodesics to random unitaries", len(seeds))
    unitaries = parts.over_seeds(
        "unitaries", seeds, lambda some: _random_unitaries(settings, some, progress), block=1
    )
    gates = known_circuits.known_gates()
    progress.stage("geodesics to gates", len(gates))
    known = [
        parts.part(f"gate {name}", lambda gate=gate: _known_gate(*gate, settings, progress))
        for name, gate in gates.items()
    ]
    coords = {
        "q": list(qs),
        "seed": list(seeds),
        "gate": list(gates),
        "schedule": list(SCHEDULES),
        "circuit": list(CIRCUITS),
    }
    return xr.merge([unitaries, rotations, xr.concat(known, dim="gate")]).assign_coords(coords)


def _known_gate(circuit: Circuit, max_weight: int, settings: Settings, progress: Progress) -> xr.Dataset:
    penalties = [local_penalty(circuit.n_qubits, q, max_weight) for q in settings.penalties]
    found = _through(circuit_unitary(circuit), penalties, settings, 0)
    costs = [circuit_cost(circuit, penalty) for penalty in penalties]
    progress.advance()
    out: dict[str, Any] = {
        f"gate_{name}": ("q", found[:, i], _units(name)) for i, name in enumerate(Found._fields)
    }
    built = [(cost.length, cost.sequential_length) for cost in costs]
    out["gate_built"] = (("q", "schedule"), built, {"units": "rad"})
    return xr.Dataset(out)


def _units(name: str) -> dict[str, str]:
    radians = ("shortest", "upper_bound", "lower_bound", "residual", "deformed")
    return {"units": "rad"} if name in radians else {}


def _random_unitaries(settings: Settings, seeds: Sequence[int], progress: Progress) -> xr.Dataset:
    penalties = [local_penalty(3, q) for q in settings.penalties]
    found = np.empty((len(seeds), len(penalties), len(Found._fields)))
    built = np.empty((len(CIRCUITS), len(seeds), len(penalties), len(SCHEDULES)))
    for s, each in enumerate(seeds):
        rng = np.random.default_rng((each, 3))
        target = scipy.stats.unitary_group.rvs(8, random_state=rng)
        circuits_ = (
            known_circuits.fitted_blocks(target, settings.blocks, rng),
            known_circuits.shannon(target),
        )
        for c, circuit in enumerate(circuits_):
            for k, penalty in enumerate(penalties):
                cost = circuit_cost(circuit, penalty)
                built[c, s, k] = cost.length, cost.sequential_length
        found[s] = _through(target, penalties, settings, each)
        progress.advance()
    return _dataset("unitary", found, built, ("circuit", "seed", "q", "schedule"))


def _random_rotations(settings: Settings, seeds: Sequence[int], progress: Progress) -> xr.Dataset:
    d = settings.dimension
    penalties = [plane_penalty(d, q) for q in settings.penalties]
    found = np.empty((len(seeds), len(penalties), len(Found._fields)))
    built = np.empty((len(seeds), len(SCHEDULES)))
    for s, each in enumerate(seeds):
        target = scipy.stats.special_ortho_group.rvs(d, random_state=np.random.default_rng((each, d)))
        cost = known_circuits.givens(target)
        built[s] = cost.together, cost.sequential
        found[s] = _through(target, penalties, settings, each)
        progress.advance()
    return _dataset("rotation", found, built, ("seed", "schedule"))


def _dataset(prefix: str, found: np.ndarray, built: np.ndarray, dims: tuple[str, ...]) -> xr.Dataset:
    out: dict[str, Any] = {
        f"{prefix}_{name}": (("seed", "q"), found[..., i], _units(name))
        for i, name in enumerate(Found._fields)
    }
    out[f"{prefix}_built"] = (dims, built, {"units": "rad", "long_name": "length as built"})
    return xr.Dataset(out)


def _through(target: np.ndarray, penalties: Sequence[Penalty], settings: Settings, seed: int) -> np.ndarray:
    """The shortest geodesic at each weight, (q, fields); searched from the deformed path and the last one as well."""
    by_weight = {round(q, 9): p for q, p in zip(settings.penalties, penalties, strict=True)}
    flat = flat_distance(penalties[0].group, target)
    grid = sorted({*by_weight, *_between(settings.penalties[-1])} - {1.0})
    table = np.asarray(penalties[-1].weights)
    dear = table > 1.0
    metrics = [penalties[0].with_weights(np.where(dear, q, 1.0)) for q in grid]
    baselines = (
        dict(zip(
            [q for q in grid if q in by_weight], deformed(target, metrics, [q in by_weight for q in grid]), strict=True
        ))
        if grid
        else {}
    )  # fmt: skip
    rows, initial = [], []
    for q, penalty in by_weight.items():
        if q == 1.0:  # the flat metric: the principal logarithm is the shortest, and the bound is exact
            rows.append(Found(flat, flat, flat, np.inf, 0.0, 1.0, 1.0, 0.0, flat))
            continue
        baseline: Deformed = baselines[q]
        path = minimal_geodesic(
            target, penalty, key=jax.random.key(seed), starts=settings.starts, initial=[baseline.segments, *initial]
        )  # fmt: skip
        initial = [path.segments]
        rows.append(Found.of(path, baseline.length))
    return np.asarray(rows)


def _between(largest: float) -> list[float]:
    """Weights from 1 to the largest, :data:`STEPS_PER_DECADE` to a factor of ten."""
    count = int(np.ceil(STEPS_PER_DECADE * np.log10(largest) - 1e-9))
    return [round(float(q), 9) for q in 10 ** (np.arange(1, count + 1) / STEPS_PER_DECADE) if q <= largest]


# --- statistics ------------------------------------------------------------


def shortening(built: np.ndarray, shortest: np.ndarray) -> np.ndarray:
    """T of every seed."""
    return (built - shortest) / built


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """Built against shortest, and deformed against shortest, on both sides; certificates as calibrations."""
    return (
        _unitaries(data),
        _rotations(data),
        _baseline(data, "unitary", "circuit"),
        _baseline(data, "rotation", "network"),
        *_calibrations(data),
    )


def _judge(built: np.ndarray, shortest: np.ndarray, lower: np.ndarray, side: str) -> Verdict:
    found = shortening(built, shortest)
    interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
    gap = float(np.mean(1 - lower / shortest))
    return statistics.judge(
        CLAIM, "(built - shortest) / built", float(found.mean()), interval, direction="greater",
        margin=statistics.RATIO_MARGIN, n_seeds=len(found), side=side,
        p_value=statistics.paired_test(built, shortest, "greater"),
        null_model="random signs of the paired differences",
        notes=(
            f"built {built.mean():.3g}, shortest found {shortest.mean():.3g}, lower bound {lower.mean():.3g} rad: "
            f"T lies between {found.mean():.3f} and {shortening(built, lower).mean():.3f} (gap {gap:.0%})",
        ),
    )  # fmt: skip


def _unitaries(data: xr.Dataset) -> Verdict:
    last = float(data["q"][-1])
    rows = []

    def judged(circuit: str, schedule: str, q: float) -> Verdict:
        built = data["unitary_built"].sel(circuit=circuit, schedule=schedule, q=q).values
        at = data.sel(q=q)
        return _judge(built, at["unitary_shortest"].values, at["unitary_lower_bound"].values, "circuit")

    for q in data["q"].values[::-1]:
        for circuit in CIRCUITS:
            for schedule in SCHEDULES:
                if (circuit, schedule, float(q)) != (CIRCUITS[0], SCHEDULES[0], last):
                    rows.append(
                        judged(circuit, schedule, float(q)).row(built=circuit, gates=schedule, q=f"{q:g}")
                    )
    main = judged(CIRCUITS[0], SCHEDULES[0], last)
    gates = data.sel(q=last, schedule=SCHEDULES[0])
    values = shortening(gates["gate_built"].values, gates["gate_shortest"].values)
    for name, value in zip(data["gate"].values, values, strict=True):
        rows.append({"built": f"{name}, standard", "gates": SCHEDULES[0], **_single("", last, float(value))})
    return main.with_multiverse(rows)


def _single(target: str, q: float, value: float) -> dict[str, Any]:
    """A row for a single target, which has no interval."""
    outcome = statistics.outcome_of((value, value), statistics.RATIO_MARGIN, "greater")
    named = {"target": target} if target else {}
    return {**named, "q": f"{q:g}", "estimate": value, "low": value, "high": value, "outcome": outcome}


def _rotations(data: xr.Dataset) -> Verdict:
    out, rows = None, []
    for q in data["q"].values[::-1]:
        for schedule in SCHEDULES:
            at = data.sel(q=q)
            judged = _judge(
                data["rotation_built"].sel(schedule=schedule).values, at["rotation_shortest"].values,
                at["rotation_lower_bound"].values, "network",
            )  # fmt: skip
            if out is None:
                out = judged
            else:
                rows.append(judged.row(built="Givens", gates=schedule, q=f"{q:g}"))
    assert out is not None
    return out.with_multiverse(rows)


def _baseline(data: xr.Dataset, prefix: str, side: str) -> Verdict:
    out, rows = None, []
    for q in data["q"].values[::-1]:
        if q == 1.0:
            continue
        at = data.sel(q=q)
        carried, shortest = at[f"{prefix}_deformed"].values, at[f"{prefix}_shortest"].values
        reached = np.isfinite(carried)
        found = shortening(carried[reached], shortest[reached])
        interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
        judged = statistics.judge(
            BASELINE, "(deformed - shortest) / deformed", float(found.mean()), interval, direction="greater",
            margin=statistics.RATIO_MARGIN, n_seeds=len(found), side=side,
            p_value=statistics.paired_test(carried[reached], shortest[reached], "greater"),
            null_model="random signs of the paired differences",
            notes=(
                f"deformation ends on a path longer by more than 1e-4 in {np.mean(found > 1e-4):.0%} of the cases"
                + (f"; it was lost in {np.mean(~reached):.0%}" if not reached.all() else ""),
            ),
        )  # fmt: skip
        if out is None:
            out = judged
        else:
            rows.append(judged.row(target="random", q=f"{q:g}"))
    if prefix == "unitary":
        gates = data.isel(q=-1)
        values = shortening(gates["gate_deformed"].values, gates["gate_shortest"].values)
        last = float(data["q"][-1])
        rows += [_single(str(v), last, float(x)) for v, x in zip(data["gate"].values, values, strict=True)]
    if out is None:
        return statistics.judge(
            BASELINE, "(deformed - shortest) / deformed", 0.0, (0.0, 0.0), direction="greater",
            margin=statistics.RATIO_MARGIN, n_seeds=data.sizes["seed"], side=side,
        )  # fmt: skip
    return out.with_multiverse(rows)


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    """What holds whatever is found: bounds in order, lengths that rise with q, targets reached."""
    n_seeds = data.sizes["seed"]
    kinds = ("unitary", "rotation", "gate")
    order = max(float((data[f"{k}_lower_bound"] / data[f"{k}_shortest"]).max()) for k in kinds)
    missed = max(float(data[f"{k}_residual"].max()) for k in kinds)
    rising = [data[f"{k}_shortest"].diff("q") / data[f"{k}_shortest"].isel(q=-1) for k in kinds]
    fall = min((float(r.min()) for r in rising if r.size), default=0.0)
    saddles = max(float(data[f"{k}_index"].max()) for k in kinds)
    return (
        statistics.calibrate(
            "no path is shorter than the proven lower bound", "largest lower bound / length", order, (order, order),
            direction="less", bound=1.0, margin=1e-6, n_seeds=n_seeds,
        ),
        statistics.calibrate(
            "the distance rises with the weights: a longer path at a smaller q was not the shortest",
            "least relative rise", fall, (fall, fall), direction="greater", bound=0.0, margin=1e-6, n_seeds=n_seeds,
        ),
        statistics.calibrate(
            "every path reaches its target", "largest miss (rad)", missed, (missed, missed), direction="less",
            bound=0.0, margin=1e-3, n_seeds=n_seeds,
        ),
        statistics.calibrate(
            "no path that was tested passes a conjugate point", "largest Morse index", saddles, (saddles, saddles),
            direction="less", bound=0.0, n_seeds=n_seeds,
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Lengths and bounds against q, and T seed by seed."""
    return picture.draw(data)
