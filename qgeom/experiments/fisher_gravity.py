r"""Sections III.C and IV.A, refs. 6 and 18: gravity from the Fisher metric of families of states.

What is said: the curvature of a family's information metric feels its phase transitions as matter is felt by spacetime,
and Einstein's equations hold for such metrics. Tested: the scalar curvature R diverges towards criticality, from both
sides; its sign tells the two sides apart; the metric of a family of three parameters is Einstein's vacuum with a
cosmological constant. In two dimensions Einstein's tensor vanishes identically and says nothing.

Quantum side: the XY chain. Network side: a Boltzmann machine, the Ising model on the Bethe lattice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom.experiments import fisher_gravity_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.fisher_gravity_sides import APPROACHES, SIDES, WHERE
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import fisher_gravity as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "fisher-gravity"
CLAIM = "the curvature of the Fisher metric diverges at criticality, and obeys Einstein's equation in three parameters"
SECTION = "III.C, IV.A, refs. 6, 18"
COST = "40 s"
PAPER_COST = "1 min"
PAPER = {"seeds": 30, "momenta": 40000, "distances": (0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005)}

EINSTEIN_MARGIN = 0.1
"""On the share of the Ricci tensor that is not a multiple of the metric."""
RANGES = ("all", "nearer half", "farther half")


class Settings(BaseSettings):
    """Settings of ``fisher-gravity``; the defaults are the small preset."""

    distances: Annotated[
        tuple[float, ...], pydantic.Field(description="t, relative distances from criticality, falling")
    ] = (0.1, 0.05, 0.02, 0.01, 0.005, 0.002)
    momenta: Annotated[
        int, pydantic.Field(ge=100, description="of the chain; many times 1 / the least distance")
    ] = 8000

    @pydantic.model_validator(mode="after")
    def _resolves(self) -> Settings:
        t = self.distances
        if len(t) < 4 or list(t) != sorted(set(t), reverse=True) or not 0 < t[-1] < t[0] < 1:
            raise ValueError(f"four or more falling distances between 0 and 1 are needed, not {t}")
        if self.momenta * t[-1] < 10:
            raise ValueError(
                f"{self.momenta} momenta do not resolve the distance {t[-1]:g}: take {int(np.ceil(10 / t[-1]))} or more"
            )
        return self


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Curvatures on both sides of criticality, Einstein tensors, the first law of entanglement."""
    seeds = seed + np.arange(settings.seeds)
    return parts.over_seeds(
        "families",
        seeds,
        lambda some: sides.run(settings.distances, settings.momenta, np.array(some), progress),
        block=10,
    )


# --- statistics ------------------------------------------------------------


def exponents(values: np.ndarray, distances: np.ndarray, part: str = RANGES[0]) -> np.ndarray:
    """Slope of ``ln |values|`` (seeds, m) on ``ln distances`` (m,), falling distances."""
    half = len(distances) // 2
    chosen = {RANGES[0]: slice(None), RANGES[1]: slice(-half, None), RANGES[2]: slice(None, half)}[part]
    x = np.log(distances[chosen])
    y = np.log(np.maximum(np.abs(values[:, chosen]), 1e-300))
    x = x - x.mean()
    return (y - y.mean(axis=1, keepdims=True)) @ x / (x @ x)


def curvatures(data: xr.Dataset, side: str, approach: str, where: str = WHERE[0]) -> np.ndarray:
    """R (seeds, distances)."""
    at = {"side": side, "approach": approach, "where": where}
    return data["curvature"].sel(at).transpose("seed", "distance").values


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """Exponents from both sides, signs, Einstein's equation, calibrations."""
    divergence = [_divergence(data, side, approach) for side in SIDES for approach in APPROACHES]
    return (*divergence, *(_sign(data, side) for side in SIDES), _einstein(data), *_calibrations(data))


def _interval(found: np.ndarray) -> tuple[float, float]:
    return statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)


def _divergence(data: xr.Dataset, side: str, approach: str) -> Verdict:
    distances = data["distance"].values

    def judged(values: np.ndarray, part: str = RANGES[0], p_value: float = np.nan) -> Verdict:
        found = exponents(values, distances, part)
        return statistics.judge(
            f"the scalar curvature diverges towards criticality from the {approach} side",
            f"exponent of |R| in the distance from criticality, {approach}", float(np.mean(found)), _interval(found),
            direction="less", n_seeds=len(found), p_value=p_value, side=side, null_model="distances shuffled",
        )  # fmt: skip

    values = curvatures(data, side, approach)
    rng = np.random.default_rng(0)
    observed = float(np.mean(exponents(values, distances)))
    null = [float(np.mean(exponents(rng.permuted(values, axis=1), distances))) for _ in range(499)]
    main = judged(values, p_value=statistics.null_p_value(observed, null, "less"))
    rows = [judged(values, part).row(family="two parameters", distances=part) for part in RANGES[1:]]
    if side == SIDES[0]:
        three = data["curvature_3d"].sel(approach=approach).transpose("seed", "distance").values
        rows += [judged(three, part).row(family="with rotation", distances=part) for part in RANGES]
    apart = exponents(curvatures(data, side, approach, WHERE[1]), distances)
    nearest = f"R at the nearest point {np.mean(values[:, -1]):.4g}"
    away = f"about a point that is not critical: exponent {np.mean(apart):.3f}"
    return Verdict(**{**main.__dict__, "notes": (*main.notes, nearest, away)}).with_multiverse(rows)


def _sign(data: xr.Dataset, side: str) -> Verdict:
    first, second = (np.sign(curvatures(data, side, a)) for a in APPROACHES)
    changes = 0.5 * (first - second)

    def judged(found: np.ndarray) -> Verdict:
        return statistics.judge(
            "the sign of the curvature tells the disordered from the ordered side",
            f"half of sign R ({APPROACHES[0]}) - sign R ({APPROACHES[1]})", float(np.mean(found)), _interval(found),
            direction="greater", n_seeds=len(found), side=side,
        )  # fmt: skip

    rows = [
        judged(changes[:, k]).row(distance=f"{t:g}")
        for k, t in enumerate(data["distance"].values[:-1].tolist())
    ]
    return judged(changes[:, -1]).with_multiverse(rows)


def _einstein(data: xr.Dataset) -> Verdict:
    share = data["anisotropy"].transpose("approach", "seed", "distance").values

    def judged(found: np.ndarray) -> Verdict:
        return statistics.judge(
            "the metric of the XY chain in (h, g, phi) solves Einstein's vacuum equation with a cosmological constant",
            "share of the Ricci tensor without trace", float(np.mean(found)), _interval(found), direction="equal",
            margin=EINSTEIN_MARGIN, n_seeds=len(found), side=SIDES[0], null_model="",
        )  # fmt: skip

    null = float(data["random_anisotropy"].mean())
    main = judged(share.mean(axis=(0, 2)))
    rows = [
        judged(share[a, :, k]).row(side=approach, distance=name)
        for a, approach in enumerate(APPROACHES) for k, name in ((0, "farthest"), (-1, "nearest"))
    ]  # fmt: skip
    note = f"a random symmetric tensor has {null:.2f}"
    return Verdict(**{**main.__dict__, "notes": (*main.notes, note)}).with_multiverse(rows)


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    """Closed forms, the vanishing Einstein tensor in two dimensions, the first law of entanglement."""
    n_seeds = data.sizes["seed"]
    law = data["first_law"].transpose("seed", "step").values
    slopes = exponents(law, data["step"].values)
    found = [
        statistics.calibrate(
            "first law of entanglement: delta S = delta <K> to first order", "slope of |dS - d<K>| on the change",
            float(slopes.mean()), (float(slopes.min()), float(slopes.max())), direction="greater", bound=1.9,
            n_seeds=n_seeds, side=SIDES[0],
        )
    ]  # fmt: skip
    for name, claim, side in (
        ("closed_form_xy", "scalar curvature of the XY chain in closed form", SIDES[0]),
        ("closed_form_ring", "scalar curvature of the Ising ring in closed form", SIDES[1]),
        ("einstein_2d", "Einstein's tensor vanishes in two dimensions", SIDES[0]),
        ("sphere", "a sphere is an Einstein manifold: categorical distributions", SIDES[1]),
    ):
        worst = float(np.abs(data[name]).max())
        found.append(
            statistics.calibrate(
                claim, "largest relative deviation", worst, (worst, worst), direction="equal", bound=0.0, margin=1e-6,
                n_seeds=n_seeds, side=side,
            )
        )  # fmt: skip
    return tuple(found)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Curvature towards criticality on both sides; the share of the Ricci tensor that is no multiple of the metric."""
    curves = {(s, a): curvatures(data, s, a) for s in SIDES for a in APPROACHES}
    share = {a: data["anisotropy"].sel(approach=a).transpose("seed", "distance").values for a in APPROACHES}
    return picture.draw(data["distance"].values, curves, share)
