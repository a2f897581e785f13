r"""Sections II and III.C, refs. 4 and 9: correlations against geodesics of the network, flat (MPS) against hyperbolic.

A network of tensors has a geometry of its own, and the geodesics through it are said to set how correlations decay:
``C ~ exp(-a D)`` with ``D`` linear in the separation through an MPS and logarithmic through a MERA (Evenbly and Vidal
2011). An optimised network also has a state to follow: at the critical field its correlations are a power of the
separation whatever the network, away from it an exponential. Four cells, two networks at two fields, tell them apart.

T is the difference of Akaike's criterion, ``ln|C(r)|`` linear in r minus linear in ln r: positive where the logarithm
describes the decay better.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom.experiments import mps_mera_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.mps_mera_sides import FIELDS, NETWORKS, OPERATORS
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import mps_mera as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "mps-mera"
CLAIM = "correlations decay along the geodesics of the network: exponentially in an MPS, as a power in a MERA"
SECTION = "II, III.C, refs. 4, 9"
COST = "2 min"
PAPER_COST = "5 min"
PAPER = {"seeds": 30, "mps_bonds": (4, 2, 8, 16)}

DECISIVE = 10.0
"""Margin on a difference of AIC: "essentially no support" for the worse model (Burnham and Anderson 2004)."""
FIT_MARGIN = 0.2
"""On a difference of shares of variance explained."""
FORMS = ("ring", "arc", "chord", "network paths")
"""What r is: the arc in the linear model and the chord in the logarithmic one; one of them in both; the mean path
through the MPS, and through the MERA. The first is the verdict's."""
SMALLEST = 1e-10
"""Correlations below are rounding, and left out."""


class Settings(BaseSettings):
    """Settings of ``mps-mera``; the defaults are the small preset."""

    sites: Annotated[int, pydantic.Field(description="of the ring, 2 or 3 times a power of 3")] = 54
    separations: Annotated[tuple[int, ...], pydantic.Field(description="r, at most a third of the ring")] = (
        1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 18,
    )  # fmt: skip
    mps_bonds: Annotated[tuple[int, ...], pydantic.Field(description="bond dimensions, the verdict's first")] = (
        4, 2, 8,
    )  # fmt: skip
    mera_bonds: Annotated[tuple[int, ...], pydantic.Field(description="bond dimensions, the verdict's first")] = (
        4, 2,
    )  # fmt: skip
    steps: Annotated[int, pydantic.Field(ge=1, description="most evaluations of a MERA's energy")] = 300

    @pydantic.field_validator("sites")
    @classmethod
    def _fits_a_mera(cls, sites: int) -> int:
        rest = sites
        while rest % 3 == 0 and rest > 3:
            rest //= 3
        if rest not in (2, 3) or not 18 <= sites <= 486:
            raise ValueError(f"the ring of a ternary MERA has 18, 27, 54, 81, 162 ... sites, not {sites}")
        return sites

    @pydantic.model_validator(mode="after")
    def _few_enough(self) -> Settings:
        r = self.separations
        if len(r) < 5 or list(r) != sorted(set(r)) or not 1 <= r[0] <= r[-1] <= self.sites // 3:
            raise ValueError(
                f"five or more growing separations from 1 to sites / 3 = {self.sites // 3} are needed, not {r}"
            )
        return self


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Ground states of XY rings with a random anisotropy, as MPS and as MERA; their correlations and geodesics."""
    seeds = seed + np.arange(settings.seeds)
    bonds = {"MPS": settings.mps_bonds, "MERA": settings.mera_bonds}
    return parts.over_seeds(
        "ground states",
        seeds,
        lambda some: sides.run(
            settings.sites, settings.separations, bonds, settings.steps, np.array(some), progress
        ),
    )


# --- statistics ------------------------------------------------------------


def aic_difference(y: np.ndarray, linear: np.ndarray, logarithmic: np.ndarray) -> np.ndarray:
    """AIC of y (..., m) on ``linear`` minus that on ``logarithmic``: ``m ln(RSS / RSS)``, both with two constants."""
    kept = np.isfinite(y)
    out = np.full(y.shape[:-1], np.nan)
    for place in np.ndindex(*y.shape[:-1]):
        k = kept[place]
        if k.sum() >= 4:
            first, second = (_residual(y[place][k], x[k]) for x in (linear, logarithmic))
            out[place] = k.sum() * np.log(max(first, 1e-28) / max(second, 1e-28))
    return out


def _residual(y: np.ndarray, x: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    slope = x @ y / (x @ x) if x @ x > 0 else 0.0
    return float(np.sum((y - slope * x) ** 2))


def explained(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Share of the variance of y (seeds, ...) that is linear in x (...)."""
    out = np.full(len(y), np.nan)
    for i, row in enumerate(y):
        k = np.isfinite(row)
        if k.sum() >= 4:
            out[i] = 1.0 - _residual(row[k], x[k]) / _residual(row[k], np.zeros(k.sum()))
    return out


def logarithms(
    data: xr.Dataset, network: str, field: float, bond: int = 0, operator: str = "X"
) -> np.ndarray:
    """``ln|C|`` (seed, r, start); nan where it is rounding."""
    at = data["correlation"].sel(network=network, field=field, operator=operator).isel(bond=bond)
    values = at.transpose("seed", "r", "start").values
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(values > SMALLEST, np.log(values), np.nan)


def abscissae(data: xr.Dataset, form: str = FORMS[0]) -> tuple[np.ndarray, np.ndarray]:
    """What ``ln|C|`` is linear in under the two models, one value per separation."""
    n, r = float(data.attrs["sites"]), data["r"].values.astype(float)
    chord = n / np.pi * np.sin(np.pi * r / n)
    if form == "network paths":
        mean = data["path"].mean("start").transpose("network", "r").values
        return mean[0], mean[1]
    return (chord if form == "chord" else r), np.log(r if form == "arc" else chord)


def differences(
    data: xr.Dataset, network: str, field: float, bond: int = 0, operator: str = "X", form: str = FORMS[0]
) -> np.ndarray:
    """T of every seed: starts averaged."""
    y = logarithms(data, network, field, bond, operator)
    mean = np.mean(y, axis=2)  # nan where one start is rounding
    return aic_difference(mean, *abscissae(data, form))


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T in the four cells; own geodesics against rewired ones; calibrations."""
    cells = tuple(_cell(data, network, field) for field in FIELDS for network in NETWORKS)
    own = tuple(
        _own_geodesics(data, network, field) for network, field in zip(NETWORKS, FIELDS[::-1], strict=True)
    )
    return (*cells, *own, *_calibrations(data))


def _cell(data: xr.Dataset, network: str, field: float) -> Verdict:
    """Whether the decay is the one of the network's own geodesics."""
    direction: statistics.Direction = "greater" if network == "MERA" else "less"
    shape = "as a power" if network == "MERA" else "exponentially"
    state = "critical" if field == FIELDS[0] else "gapped"
    rows = []
    main: Verdict | None = None
    counts = data["bond_dimension"].sel(network=network).values
    for b, operator, form in _choices(len(counts)):
        if counts[b] == 0:
            continue
        found = differences(data, network, field, b, operator, form)
        finite = found[np.isfinite(found)]
        judged = statistics.judge(
            f"correlations of the {network} of the {state} ring decay {shape}, along its geodesics",
            f"AIC(linear in r) - AIC(linear in ln r), {network}, h = {field:g}",
            float(np.mean(finite)) if len(finite) else np.nan, _interval(finite), direction=direction,
            margin=DECISIVE, n_seeds=len(finite), p_value=np.nan, null_model="separations shuffled",
        )  # fmt: skip
        if main is None:
            p_value = _shuffled(data, network, field, direction)
            main = Verdict(**{**judged.__dict__, "p_value": p_value})
        else:
            rows.append(judged.row(bond=str(counts[b]), operator=operator, r=form))
    assert main is not None
    delta, growth = data["shape"].sel(network=network).values
    dimension = "no power" if np.isnan(growth) else f"r^{growth:.2f}"
    own = (network == "MERA") == (field == FIELDS[0])
    notes = (
        f"graph of the {network}: delta / diameter {delta:.2f}, balls grow as {dimension}",
        "the state and the network's geodesics agree" if own else "the network's geodesics against the state",
    )
    return Verdict(**{**main.__dict__, "notes": (*main.notes, *notes)}).with_multiverse(rows)


def _choices(bonds: int) -> list[tuple[int, str, str]]:
    """Bond dimension, operator, form of r: one change at a time, the verdict's first."""
    every = [(b, o, f) for b in range(bonds) for o in OPERATORS for f in FORMS]
    return [c for c in every if (c[0] == 0) + (c[1] == OPERATORS[0]) + (c[2] == FORMS[0]) >= 2]


def _shuffled(data: xr.Dataset, network: str, field: float, direction: str, draws: int = 199) -> float:
    """p-value of the mean T when the correlations of every seed are dealt to other separations."""
    y = np.nanmean(logarithms(data, network, field), axis=2)
    y = y[np.isfinite(y).all(axis=1)]
    if not len(y):
        return np.nan
    rng = np.random.default_rng(0)
    x = abscissae(data)
    observed = float(np.mean(aic_difference(y, *x)))
    null = [float(np.mean(aic_difference(rng.permuted(y, axis=1), *x))) for _ in range(draws)]
    return statistics.null_p_value(observed, null, "greater" if direction == "greater" else "less")


def _interval(found: np.ndarray) -> tuple[float, float]:
    return statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)


def _own_geodesics(data: xr.Dataset, network: str, field: float) -> Verdict:
    """Path by path, position by position: the network's own geodesics against those of rewired networks."""
    own = data["path"].sel(network=network).transpose("r", "start").values.ravel()
    null = data["null_path"].sel(network=network).transpose("draw", "r", "start").values.reshape(-1, own.size)

    def gain(bond: int, operator: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        y = logarithms(data, network, field, bond, operator).reshape(data.sizes["seed"], -1)
        fits = np.array([explained(y, path) for path in null])
        return explained(y, own), fits, explained(y, own) - fits.mean(axis=0)

    rows, main = [], None
    counts = data["bond_dimension"].sel(network=network).values
    for b, operator, _ in (c for c in _choices(len(counts)) if c[2] == FORMS[0] and counts[c[0]]):
        fit, fits, found = gain(b, operator)
        finite = found[np.isfinite(found)]
        judged = statistics.judge(
            f"ln|C| follows the shortest paths of the {network}, and not those of any network of its tensors",
            f"R^2 on own paths - on rewired, {network}, h = {field:g}",
            float(np.mean(finite)) if len(finite) else np.nan, _interval(finite), direction="greater",
            margin=FIT_MARGIN, n_seeds=len(finite), null_model="bonds rewired",
            p_value=statistics.null_p_value(float(np.nanmean(fit)), np.nanmean(fits, axis=1), "greater"),
            notes=(f"R^2 on its own paths: {np.nanmean(fit):.3f}",),
        )  # fmt: skip
        if main is None:
            main = judged
        else:
            rows.append(judged.row(bond=str(counts[b]), operator=operator))
    assert main is not None
    return main.with_multiverse(rows)


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    """Entropy within the cut; the exact state is a power at h = 1 and an exponential at h = 1.5."""
    n_seeds = data.sizes["seed"]
    found = []
    for network in NETWORKS:
        excess = (data["entropy"] - data["cut"]).sel(network=network)
        largest = float(excess.max())
        found.append(
            statistics.calibrate(
                f"entropy of blocks of the {network} is at most the minimal cut", "largest S - cut (nat)", largest,
                (largest, largest), direction="less", bound=0.0, margin=1e-9, n_seeds=n_seeds,
            )
        )  # fmt: skip
    for field in FIELDS:
        values = data["exact"].sel(field=field, operator="X").transpose("seed", "r").values
        t = aic_difference(np.log(np.maximum(values, 1e-300)), *abscissae(data))
        critical = field == FIELDS[0]
        found.append(
            statistics.calibrate(
                f"the exact state at h = {field:g} decays {'as a power' if critical else 'exponentially'}",
                "AIC(linear in r) - AIC(linear in ln r)", float(t.mean()), (float(t.min()), float(t.max())),
                direction="greater" if critical else "less", bound=DECISIVE if critical else -DECISIVE,
                n_seeds=n_seeds,
            )
        )  # fmt: skip
    return tuple(found)


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Correlations against separation and against the networks' paths; T in the four cells."""
    curves = {(k, h): np.nanmean(logarithms(data, k, h), axis=(2,)) for k in NETWORKS for h in FIELDS}
    exact = {
        h: np.log(data["exact"].sel(field=h, operator="X").transpose("seed", "r").values) for h in FIELDS
    }
    paths = {k: data["path"].sel(network=k).transpose("r", "start").values for k in NETWORKS}
    points = {
        k: np.nanmean(logarithms(data, k, h), axis=0) for k, h in zip(NETWORKS, FIELDS[::-1], strict=True)
    }
    return picture.draw(data["r"].values, curves, exact, paths, points, verdicts[:4])
