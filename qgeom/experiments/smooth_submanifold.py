r"""Section IV.A: do skip connections restrict a network to a submanifold of smooth geometry?

The paper says that the regular structure of ResNet, as a discretised differential equation, defines a submanifold with
smooth geometries, and that training finds a curve on it. Two statistics of the training path, residual network over
plain MLP of equal size (and circuits whose blocks start near the identity over the same circuits from uniform angles),
paired:

    condition number of F on its support, geometric mean over the path           ratio < 1
    turning of the path in the information geometry of the outputs, rad          ratio < 1
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom import tasks
from qgeom.experiments import smooth_submanifold_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import smooth_submanifold as picture
from qgeom.information.spectrum import rank_cut
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "smooth-submanifold"
CLAIM = "skip connections (blocks near the identity) define a submanifold of smoother geometry"
CONDITION = "with skip connections (blocks near the identity) F is better conditioned along training"
TURNING = "with skip connections (blocks near the identity) the path of training turns less"
SECTION = "IV.A"
COST = "75 s"
PAPER = {"seeds": 30, "max_steps": 400, "learning_rate": 0.01}
PAPER_COST = "4 min"

TOLERANCE = 1e-8
"""Of eigenvalues over the largest, where the support is cut by a tolerance instead of the rule."""


class Settings(BaseSettings):
    """Settings of ``smooth-submanifold``; the defaults are the small preset."""

    task: str = "iris"
    qubits: Annotated[int, pydantic.Field(ge=2, le=8)] = 4
    layers: Annotated[int, pydantic.Field(ge=1, le=20)] = 4
    start: Annotated[
        float,
        pydantic.Field(gt=0, le=3, description="rad; standard deviation of the angles near the identity"),
    ] = 0.1
    width: Annotated[int, pydantic.Field(ge=1, le=256)] = 8
    depth: Annotated[int, pydantic.Field(ge=1, le=64, description="residual blocks")] = 6
    samples: Annotated[int, pydantic.Field(ge=2, description="training inputs that F is averaged over")] = 32
    vertices: Annotated[
        int, pydantic.Field(ge=2, le=100, description="pieces of equal length that a path is cut into")
    ] = 8
    max_steps: Annotated[int, pydantic.Field(ge=1)] = 200
    target_loss: Annotated[float, pydantic.Field(ge=0, description="nat; training stops there")] = 0.3
    learning_rate: Annotated[float, pydantic.Field(gt=0)] = 0.02


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Spectra and turning along the paths of both treatments of both families."""
    task = tasks.load(settings.task)
    seeds = tuple(range(seed, seed + settings.seeds))
    budget = sides.Budget(
        settings.samples, settings.vertices, settings.max_steps, settings.target_loss, settings.learning_rate
    )
    every = sides.cases(
        settings.qubits, settings.layers, settings.width, settings.depth, settings.start, task
    )
    found = {
        case[:2]: parts.part(
            f"{case.treatment} {case.family}",
            lambda case=case: sides.path(case, task, seeds, budget, progress),
        )
        for case in every
    }
    families = [
        xr.concat(
            [found[family, t] for t in ("smooth", "plain")],
            dim="treatment",
            data_vars="all",
            coords="different",
            compat="equals",
        )
        for family in ("circuit", "network")
    ]
    most = max(family.sizes["direction"] for family in families)
    padded = [family.pad(direction=(0, most - family.sizes["direction"])) for family in families]
    return xr.concat(padded, dim="family", data_vars="all", coords="different", compat="equals")


# --- statistics ------------------------------------------------------------


class Choice(NamedTuple):
    """What a condition number is read from."""

    vertices: str = "path"
    support: str = "rule"
    unit: str = sides.UNITS[0]
    spread: str = "largest / smallest"


VERTICES = ("path", "start", "end")
SUPPORTS = ("rule", "tolerance")
SPREADS = ("largest / smallest", "largest / typical")
"""Typical: the geometric mean on the support."""
TURNINGS = ("of the points", "of the points, per rad", "of straight parameters in F")
MAINS = {
    "circuit": ("circuit", "readout"),
    "network": ("network", "readout"),
    "circuit-quantum": ("circuit", "state"),
}


def log_condition(singular: np.ndarray, support: str = SUPPORTS[0], spread: str = SPREADS[0]) -> float:
    """``ln`` of the condition number of ``F = J'J`` on its support, from the singular values of J.

    The support is cut by the rank rule applied to the singular values (rounding errors are relative to the largest of
    them, not of their squares), or at a tolerance for eigenvalues. NaN for the zero matrix.
    """
    values = singular[np.isfinite(singular)]
    if not len(values) or values.max() <= 0.0:
        return np.nan
    cut = rank_cut(values) if support == SUPPORTS[0] else np.sqrt(TOLERANCE) * values.max()
    kept = np.log(values[values > cut])
    if spread == SPREADS[0]:
        return 2.0 * float(kept.max() - kept.min())
    return 2.0 * float(kept.max() - kept.mean())


def conditions(data: xr.Dataset, side: str, choice: Choice = Choice()) -> np.ndarray:
    """Mean log condition number over the vertices, (2, seeds): smooth, plain."""
    family, metric = MAINS[side]
    at = data["singular"].sel(family=family, metric=metric, unit=choice.unit)
    values = (
        at.transpose("treatment", "seed", "vertex", "direction").sel(treatment=["smooth", "plain"]).values
    )
    chosen = {"path": slice(None), "start": slice(0, 1), "end": slice(-1, None)}[choice.vertices]
    found = np.array(
        [
            [
                [log_condition(row, choice.support, choice.spread) for row in seed[chosen]]
                for seed in treatment
            ]
            for treatment in values
        ]
    )
    return found.mean(axis=-1)


def turnings(data: xr.Dataset, side: str, which: str = TURNINGS[0]) -> np.ndarray:
    """Total turning of the path, (2, seeds): smooth, plain; over its length, where that is asked for."""
    family, metric = MAINS[side]
    at = data.sel(family=family, metric=metric, treatment=["smooth", "plain"])
    name = "parameter_turning" if which == TURNINGS[2] else "turning"
    found = at[name].sum("inner", skipna=False).transpose("treatment", "seed").values
    if which == TURNINGS[1]:
        found = found / at["step"].sum("segment", skipna=False).transpose("treatment", "seed").values
    return found


def judge(claim: str, words: str, logs: np.ndarray, side: str) -> Verdict:
    """The verdict on the ratio smooth / plain of a quantity whose logarithms are given, (2, seeds)."""
    logs = logs[:, np.isfinite(logs).all(axis=0)]
    difference = logs[0] - logs[1]
    low, high = statistics.bootstrap_interval(difference) if len(difference) > 1 else (np.nan, np.nan)
    return statistics.judge(
        claim, f"{words}, smooth / plain", float(np.exp(difference.mean())) if len(difference) else np.nan,
        (float(np.exp(low)), float(np.exp(high))), direction="less", n_seeds=len(difference),
        margin=statistics.RATIO_MARGIN, null=1.0,
        p_value=statistics.paired_test(logs[0], logs[1], "less") if len(difference) > 1 else np.nan,
        null_model="random signs of the paired differences of the logarithm", side=side,
    )  # fmt: skip


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """Condition number and turning of every side, then what must hold on any data."""
    out = []
    for side in MAINS:
        main = judge(CONDITION, "condition number of F", conditions(data, side), side)
        rows = [
            judge(CONDITION, "condition number of F", conditions(data, side, Choice(v, s, u, p)), side).row(
                vertices=v, support=s, unit=u, spread=p
            )
            for v in VERTICES
            for s in SUPPORTS
            for u in sides.UNITS
            for p in SPREADS
            if (v, s, u, p) != tuple(Choice()) and (side == "network" or u == sides.UNITS[0])
        ]
        out.append(main.with_multiverse(rows))
        first, *others = (judge(TURNING, "turning", _logs(turnings(data, side, t)), side) for t in TURNINGS)
        out.append(
            first.with_multiverse([v.row(turning=t) for v, t in zip(others, TURNINGS[1:], strict=True)])
        )
    return (*out, *_calibrations(data))


def _logs(values: np.ndarray) -> np.ndarray:
    return np.log(np.where(values > 0.0, values, np.nan))


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    n_seeds = data.sizes["seed"]
    circuit = data["singular"].sel(family="circuit", unit=sides.UNITS[1]).max("direction")
    excess = float((circuit.sel(metric="readout") / circuit.sel(metric="state")).max() ** 2)
    sizes = data["parameters"].transpose("family", "treatment").values
    unequal = float(np.abs(sizes[:, 0] - sizes[:, 1]).max())
    return (
        statistics.calibrate(
            "F_C <= F_Q: no direction is seen better through the readout", "largest lambda_max(F_C) / lambda_max(F_Q)",
            excess, (excess, excess), direction="less", bound=1.0, margin=1e-6, n_seeds=n_seeds, side="circuit",
        ),
        statistics.calibrate(
            "both treatments have as many parameters", "largest difference", unequal, (unequal, unequal),
            direction="equal", bound=0.0, n_seeds=n_seeds,
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Condition number along the path of both treatments, and the turning seed by seed."""
    logs = {}
    for side, (family, metric) in MAINS.items():
        at = data["singular"].sel(
            family=family, metric=metric, unit=sides.UNITS[0], treatment=["smooth", "plain"]
        )
        values = at.transpose("treatment", "seed", "vertex", "direction").values
        logs[side] = np.apply_along_axis(log_condition, -1, values) / np.log(10.0)
    return picture.draw(logs, {side: turnings(data, side) for side in MAINS})
