r"""Ref. 26: the switchback effect, and whether its delay is the scrambling time.

In ``U(t)' W U(t)`` gates of U outside the light cone of W cancel with their inverses. What is left,

    C(t) = 2 x (gates of U inside the light cone)  ->  k (t - t0)   late,

grows with a delay t0. The claim (Stanford and Susskind, PRD 90, 126007 (2014); Susskind and Zhao, arXiv:1408.2823): the
delay is the scrambling time t*, when out-of-time-order correlators have fallen half way (``2 t*`` in the folded time
``2 t``). Both grow as ``log n``; T is the slope of t0 against an independently measured t* over n, claimed to be 1.

The correlator averaged over places and operators is ``F = 1 - (4/3) x (share of the qubits on which W(t) acts)``, so
t* is where the operator has half its late size; for a Toffoli circuit, where half as many bits differ as late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom.experiments import light_cones, statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.experiments.weak_gates import embedded, weak_gate
from qgeom.figures import switchback as picture
from qgeom.nielsen.lattice import straight_line_bound
from qgeom.nielsen.string_weights import local_rule
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "switchback"
CLAIM = (
    "the delay of the switchback effect is the scrambling time: late C = k (t - t0) with t0 = t* + constant"
)
SECTION = "III.C, ref. 26"
COST = "30 s"
PAPER_COST = "2 min"
PAPER = {"seeds": 30, "sizes": (16, 32, 64, 128, 256, 512)}

SCHEDULES: tuple[light_cones.Schedule, ...] = ("together", "one by one")
GATES: tuple[light_cones.Gates, ...] = ("Haar", "CX", "filling")
COUNTS = ("light cone", "operator")
CLASSICAL_COUNTS = ("cone", "changed", "structure")
LEVELS = (0.25, 0.5, 0.75)
"""Share of its late size that defines the scrambling time; the middle one is the verdict's."""


class Settings(BaseSettings):
    """Settings of ``switchback``; the defaults are the small preset."""

    sizes: Annotated[tuple[int, ...], pydantic.Field(min_length=2, description="numbers of qubits, even")] = (
        16, 32, 64, 128, 256,
    )  # fmt: skip
    circuits: Annotated[int, pydantic.Field(ge=1, description="random circuits per seed and size")] = 4
    strings: Annotated[
        int, pydantic.Field(ge=1, description="places of W, and Pauli strings, per circuit")
    ] = 64
    places: Annotated[int, pydantic.Field(ge=1, description="places of W in a Toffoli circuit")] = 8
    inputs: Annotated[int, pydantic.Field(ge=1, description="inputs on which a flipped bit is followed")] = 32
    illustration_qubits: Annotated[int, pydantic.Field(ge=2, le=5)] = 4
    illustration_steps: Annotated[int, pydantic.Field(ge=1)] = 16
    gate_strength: Annotated[float, pydantic.Field(gt=0, description="flat length of a gate there")] = 0.1
    q: Annotated[
        float, pydantic.Field(gt=0, description="weight of strings on three qubits or more there")
    ] = 100.0

    @pydantic.field_validator("sizes")
    @classmethod
    def _even(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if any(n < 4 or n % 2 for n in sizes):
            raise ValueError(f"sizes are even numbers of qubits, 4 or more, not {sizes}")
        return sizes


SLOWEST = {"circuit": 1.5, "classical": 4 / 3}
"""Growth per step of the slowest sizes: 1.6 of Haar gates (1.8 one by one), 4/3 of Toffoli gates."""


def steps_for(n: int, side: str) -> int:
    """Steps to well beyond saturation."""
    return int(np.ceil(2.0 * np.log(n) / np.log(SLOWEST[side]))) + 8


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Gates left and sizes step by step, averaged over circuits and places of W."""
    seeds = range(seed, seed + settings.seeds)
    counted = parts.over_seeds("counts", seeds, lambda some: _counts(settings, np.array(some), progress))
    return counted.merge(parts.part("bounds of U'WU", lambda: _illustration(settings, seed, progress)))


def _counts(settings: Settings, seeds: np.ndarray, progress: Progress) -> xr.Dataset:
    sizes = settings.sizes
    most = max(steps_for(n, "classical") for n in sizes)
    base = (len(seeds), len(sizes))
    cone = np.full((*base, len(SCHEDULES), most), np.nan)
    operator = np.full((2, *base, len(SCHEDULES), len(GATES), most), np.nan)
    toffoli = np.full((4, *base, most), np.nan)
    null = np.full((2, *base, most), np.nan)
    progress.stage("counting gates", len(sizes) * (len(seeds) + len(SCHEDULES) * (1 + len(GATES))))
    for j, n in enumerate(sizes):
        steps = steps_for(n, "circuit")
        for k, schedule in enumerate(SCHEDULES):
            rngs = [np.random.default_rng((int(s), n, k)) for s in seeds]
            pairs = np.concatenate(
                [light_cones.random_pairs(rng, n, steps, settings.circuits, schedule) for rng in rngs], axis=2
            )
            starts = np.concatenate([_places(rng, n, settings) for rng in rngs])
            by_seed = (steps, len(seeds), settings.circuits)
            grown = light_cones.light_cone(pairs, starts)
            cone[:, j, k, :steps] = grown.gates.reshape(by_seed).mean(axis=-1).T
            progress.advance()
            for m, gates in enumerate(GATES):
                strings = light_cones.operator_size(pairs, starts, gates, rngs[0])
                for quantity, values in enumerate(strings):
                    operator[quantity, :, j, k, m, :steps] = values.reshape(by_seed).mean(axis=-1).T
                progress.advance()
            if k == 0:
                everywhere = np.ones((len(starts), 1, n), bool)
                null[0, :, j, :steps] = (
                    light_cones.light_cone(pairs, everywhere).gates.reshape(by_seed).mean(axis=-1).T
                )
        steps = steps_for(n, "classical")
        for i, s in enumerate(seeds):
            rng = np.random.default_rng((int(s), n, len(SCHEDULES)))
            runs = [
                light_cones.toffoli_differences(rng, n, steps, settings.places, settings.inputs)
                for _ in range(settings.circuits)
            ]
            toffoli[:, i, j, :steps] = np.mean(np.asarray(runs), axis=0)
            all_bits = light_cones.toffoli_differences(rng, n, steps, 1, settings.inputs, everywhere=True)
            null[1, i, j, :steps] = all_bits.cone
            progress.advance()
    per_qubit = {"units": "gates per qubit and step", "long_name": "gates of U that do not cancel"}
    dims = ("seed", "qubits")
    return xr.Dataset(
        {
            "cone_gates": ((*dims, "schedule", "step"), cone, per_qubit),
            "operator_gates": ((*dims, "schedule", "gates", "step"), operator[0], per_qubit),
            "operator_size": ((*dims, "schedule", "gates", "step"), operator[1], {"units": "share of the qubits"}),
            "toffoli_gates": (("count", *dims, "step"), toffoli[:3], per_qubit),
            "toffoli_size": ((*dims, "step"), toffoli[3], {"units": "share of the bits"}),
            "null_gates": (("side", *dims, "step"), null, per_qubit),
        },
        coords={
            "seed": seeds, "qubits": list(sizes), "schedule": list(SCHEDULES), "gates": list(GATES),
            "count": list(CLASSICAL_COUNTS), "side": ["circuit", "classical"], "step": np.arange(1, most + 1),
        },
    )  # fmt: skip


def _places(rng: np.random.Generator, n: int, settings: Settings) -> np.ndarray:
    """W on one random qubit each, every qubit about as often: (circuits, strings, n)."""
    eye = np.eye(n, dtype=bool)
    count = -(-settings.strings // n) * n
    return np.stack([eye[rng.permutation(count)[: settings.strings] % n] for _ in range(settings.circuits)])


def _illustration(settings: Settings, seed: int, progress: Progress) -> xr.Dataset:
    """Proven bounds of the Nielsen length of U'WU on a few qubits, for weak random gates and W = X on qubit 0."""
    n, steps = settings.illustration_qubits, settings.illustration_steps
    rng = np.random.default_rng((seed, 1))
    rule = local_rule(n, settings.q)
    u = np.eye(1 << n, dtype=complex)
    w = embedded(np.array([[0, 1], [1, 0]], complex), (0,), n)
    pairs = light_cones.random_pairs(rng, n + n % 2, steps, 1, SCHEDULES[0])[:, 0, 0]
    inside = np.arange(n) == 0
    straight, lower, folded, alone = np.zeros((4, steps + 1))
    kept = total = 0
    progress.stage("bounds of U'WU", steps)
    for t in range(steps + 1):
        if t:
            for a, b in pairs[t - 1]:
                if max(a, b) >= n:
                    continue  # the odd qubit idles
                # Outward from W: later gates act outside, so U = g_1 g_2 ... with g_1 nearest to W.
                u = u @ embedded(weak_gate(rng, settings.gate_strength), (int(a), int(b)), n)
                total += 1
                if inside[a] or inside[b]:
                    kept += 1
                    inside[[a, b]] = True
            progress.advance()
        found = straight_line_bound(u.conj().T @ w @ u, rule, reduce=False)
        straight[t], lower[t] = found.length, found.lower_bound
        folded[t] = np.pi / 2 + 2 * kept * settings.gate_strength
        alone[t] = np.pi / 2 + 2 * total * settings.gate_strength
    names = ("straight line", "light cone", "all gates", "lower bound")
    values = np.stack([straight, folded, alone, lower])
    return xr.Dataset(
        {"bound": (("bound_name", "small_step"), values, {"units": "rad", "long_name": "length of U'WU"})},
        coords={"bound_name": list(names), "small_step": np.arange(steps + 1)},
    )


# --- statistics ------------------------------------------------------------


def delays(gates: xr.DataArray) -> np.ndarray:
    """t0 of every seed and size, (seeds, sizes)."""
    rows = gates.transpose("seed", "qubits", "step").values
    return np.array([[light_cones.delay(one[np.isfinite(one)])[0] for one in row] for row in rows])


def scrambling_times(size: xr.DataArray, level: float = LEVELS[1]) -> np.ndarray:
    """t* of every seed and size, (seeds, sizes)."""
    rows, qubits = size.transpose("seed", "qubits", "step").values, size["qubits"].values
    return np.array(
        [
            [
                light_cones.crossing(one[np.isfinite(one)], 1 / n, level)
                for one, n in zip(row, qubits, strict=True)
            ]
            for row in rows
        ]
    )


def slopes(t0: np.ndarray, t_star: np.ndarray) -> np.ndarray:
    """T of every seed: least-squares slope of t0 on t* over the sizes."""
    x = t_star - t_star.mean(axis=1, keepdims=True)
    y = t0 - t0.mean(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (x * y).sum(axis=1) / (x * x).sum(axis=1)


def chosen(
    data: xr.Dataset, count: str, schedule: str, gates: str, level: float = LEVELS[1]
) -> tuple[np.ndarray, np.ndarray]:
    """``(t0, t*)`` of a quantum choice, (seeds, sizes) each."""
    at = {"schedule": schedule, "gates": gates}
    gates_left = (
        data["cone_gates"].sel(schedule=schedule) if count == "light cone" else data["operator_gates"].sel(at)
    )
    return delays(gates_left), scrambling_times(data["operator_size"].sel(at), level)


def chosen_classical(data: xr.Dataset, count: str, level: float = LEVELS[1]) -> tuple[np.ndarray, np.ndarray]:
    """``(t0, t*)`` of Toffoli circuits."""
    return delays(data["toffoli_gates"].sel(count=count)), scrambling_times(data["toffoli_size"], level)


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """The slope on both sides; where the operator fills its cone (calibration); W everywhere (null)."""
    times = chosen(data, COUNTS[0], SCHEDULES[0], GATES[0])
    main = _judge(*times, "circuit", _shuffled(*times))
    rows = []
    for schedule in SCHEDULES:
        for gates in GATES[:2]:
            for count in COUNTS:
                for level in LEVELS:
                    choice = (schedule, gates, count, level)
                    if choice == (SCHEDULES[0], GATES[0], COUNTS[0], LEVELS[1]):
                        continue
                    judged = _judge(*chosen(data, count, schedule, gates, level), "circuit")
                    rows.append(
                        judged.row(pairs=schedule, gates=gates, counted=count, size=f"{level:g} of late")
                    )
    times = chosen_classical(data, CLASSICAL_COUNTS[0])
    classical = _judge(*times, "network", _shuffled(*times))
    classical_rows = [
        _judge(*chosen_classical(data, count, level), "network").row(counted=count, size=f"{level:g} of late")
        for count in CLASSICAL_COUNTS for level in LEVELS if (count, level) != (CLASSICAL_COUNTS[0], LEVELS[1])
    ]  # fmt: skip
    return (main.with_multiverse(rows), classical.with_multiverse(classical_rows), *_calibrations(data))


def _judge(t0: np.ndarray, t_star: np.ndarray, side: str, p_value: float = np.nan) -> Verdict:
    found = slopes(t0, t_star)
    interval = statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)
    constant = float(np.mean(t0 - t_star))
    where = (
        "random pairs" if side == "circuit" else "Toffoli gates; the classical side is reversible, no network"
    )
    return statistics.judge(
        CLAIM, "slope of t0 against t*", float(np.mean(found)), interval, direction="equal",
        margin=statistics.RATIO_MARGIN, null=1.0, n_seeds=len(found), p_value=p_value, side=side,
        null_model="sizes shuffled within each seed (slope 0)",
        notes=(where, f"t0 - t* is {constant:.2f} steps on average; in folded time all slopes are the same"),
    )  # fmt: skip


def _shuffled(t0: np.ndarray, t_star: np.ndarray, draws: int = 999) -> float:
    rng = np.random.default_rng(0)
    null = [float(np.mean(slopes(rng.permuted(t0, axis=1), t_star))) for _ in range(draws)]
    return statistics.null_p_value(float(np.mean(slopes(t0, t_star))), null, "two-sided")


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    """Gates that always spread the operator over their pair make count and correlator agree; W everywhere: no delay."""
    n_seeds = data.sizes["seed"]
    filling = slopes(*chosen(data, "light cone", SCHEDULES[0], "filling"))
    ends = (float(filling.min()), float(filling.max()))
    out = [
        statistics.calibrate(
            "an operator that fills its light cone scrambles when the cone is half full: slope 1", "slope of t0 on t*",
            float(filling.mean()), ends, direction="equal", bound=1.0, margin=statistics.RATIO_MARGIN, n_seeds=n_seeds,
            side="circuit",
        )
    ]  # fmt: skip
    for side in ("circuit", "classical"):
        largest = float(np.abs(delays(data["null_gates"].sel(side=side))).max())
        out.append(
            statistics.calibrate(
                "W on all qubits cancels nothing: no delay", "largest |t0|", largest, (largest, largest),
                direction="equal",
                bound=0.0, margin=1e-9 if side == "circuit" else 1.0, n_seeds=n_seeds, side=side,
            )
        )  # fmt: skip
    return tuple(out)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Gates left against time, t0 against t*, and bounds on a few qubits."""
    relations = {
        ("circuit", "light cone"): chosen(data, "light cone", SCHEDULES[0], GATES[0]),
        ("circuit-quantum", "operator"): chosen(data, "operator", SCHEDULES[0], GATES[0]),
        ("network", "Toffoli"): chosen_classical(data, CLASSICAL_COUNTS[0]),
        ("null", "filling"): chosen(data, "light cone", SCHEDULES[0], "filling"),
    }
    left = data["cone_gates"].sel(schedule=SCHEDULES[0]).mean("seed")
    return picture.draw(left, relations, data["bound"])
