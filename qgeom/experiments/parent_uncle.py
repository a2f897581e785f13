r"""Section IV.A, ref. 27: parent and uncle Hamiltonians beside over-parameterised networks.

The paper: an MPS with its parent and uncle Hamiltonian is the physical counterpart of networks that are not, and that
are, over-parameterised; the Hamiltonian is the cost, its ground space the set of solutions. Parent and uncle share the
ground space; what tells them apart are the modes just above it: the parent keeps a gap on longer rings, the uncle's
closes as ``n^-2`` (Fernandez-Gonzalez et al., Commun. Math. Phys. 333, 299 (2015)). On the other side the cost of a
two-layer linear network is, to second order at a minimum, its Fisher matrix; the modes above *its* kernel are compared
for a hidden layer that is just wide enough and for one that is over-parameterised.

One statistic on both sides: the density of small modes ``rho = k / lambda_k``, lambda_k the k-th lowest eigenvalue
above the kernel, and the slope of ``ln rho`` on ``ln size``; T is uncle minus parent, or over-parameterised minus just
wide enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom.experiments import parent_uncle_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.parent_uncle_sides import FAMILIES, HAMILTONIANS, STARTS, TARGETS
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import parent_uncle as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "parent-uncle"
CLAIM = (
    "an over-parameterised network is to a just sufficient one as uncle to parent: small modes become dense"
)
SECTION = "IV.A, ref. 27"
COST = "1 min"
PAPER_COST = "90 s"
PAPER = {"seeds": 30, "sizes": (4, 6, 8, 12, 16, 24, 32)}

LEVELS = (1, 2, 4)
"""Which level above the kernel; the first, the gap, is the verdict's."""
FITS = ("all sizes", "larger half", "with 1/size")
"""Least squares of the logarithm on ln size; on its larger half; on ln size and 1/size. The first is the verdict's."""
EXPONENT = {"parent": 0.0, "uncle": -2.0}
SIDE_CLAIMS = {
    "circuit": "small modes become dense with the ring under the uncle, and not under the parent",
    "network": "small Fisher modes become dense with the size in over-parameterised networks, not in just wide ones",
}
MARGIN = 0.2
"""On exponents: a tenth of the 2 that separates uncle from parent."""
ILLUSTRATION = "the two sides do not scale alike: side by side they are an illustration, not one mechanism"


class Settings(BaseSettings):
    """Settings of ``parent-uncle``; the defaults are the small preset."""

    rings: Annotated[tuple[int, ...], pydantic.Field(description="sites of rings of qubits")] = (
        5, 6, 7, 8, 9, 10, 11, 12,
    )  # fmt: skip
    cluster_rings: Annotated[tuple[int, ...], pydantic.Field(description="of rings of local dimension 3")] = (
        5, 6, 7, 8,
    )  # fmt: skip
    sizes: Annotated[tuple[int, ...], pydantic.Field(description="inputs and outputs d of a network")] = (
        4, 6, 8, 12, 16, 24,
    )  # fmt: skip
    ratios: Annotated[tuple[int, ...], pydantic.Field(description="hidden units over d, 1 first")] = (1, 4, 2)
    widths: Annotated[tuple[int, ...], pydantic.Field(description="hidden units at d of the first width")] = (
        8, 12, 16, 24, 32, 64,
    )  # fmt: skip
    steps: Annotated[int, pydantic.Field(ge=1, description="of gradient descent, before Gauss-Newton")] = 300
    tangent_size: Annotated[int, pydantic.Field(ge=2, le=8, description="d where angles are measured")] = 4

    @pydantic.field_validator("rings", "cluster_rings", "sizes", "widths")
    @classmethod
    def _grows(cls, values: tuple[int, ...], info: pydantic.ValidationInfo) -> tuple[int, ...]:
        least, most = {"rings": (4, 14), "cluster_rings": (4, 9)}.get(str(info.field_name), (2, 512))
        if (
            len(values) < 3
            or list(values) != sorted(set(values))
            or not least <= values[0] <= values[-1] <= most
        ):
            raise ValueError(
                f"three or more growing sizes between {least} and {most} are needed, not {values}"
            )
        return values

    @pydantic.field_validator("ratios")
    @classmethod
    def _starts_at_one(cls, ratios: tuple[int, ...]) -> tuple[int, ...]:
        if len(ratios) < 2 or ratios[0] != 1 or min(ratios[1:]) < 2:
            raise ValueError(
                f"the first ratio is 1 (just wide enough), the others are 2 or more, not {ratios}"
            )
        return ratios


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Low levels of both Hamiltonians, low Fisher modes of networks, and angles between kernel and solutions."""
    seeds = seed + np.arange(settings.seeds)
    data = parts.over_seeds(
        "rings",
        seeds,
        lambda some: sides.rings(settings.rings, settings.cluster_rings, np.array(some), progress),
        block=10,
    )
    modes = parts.over_seeds(
        "networks",
        seeds,
        lambda some: sides.networks(
            settings.ratios, settings.sizes, settings.widths, settings.steps, np.array(some), progress
        ),
        block=10,
    )
    angles = parts.part("angles", lambda: sides.tangents(settings.tangent_size, seeds, progress))
    return data.merge(modes).merge(angles)


# --- statistics ------------------------------------------------------------


def exponents(values: np.ndarray, sizes: np.ndarray, fit: str = FITS[0]) -> np.ndarray:
    """Slope of ``ln values`` (seeds, sizes) on ``ln sizes`` of every seed; sizes without values are left out."""
    kept = np.isfinite(values).all(axis=0)
    y, n = np.log(values[:, kept]), np.asarray(sizes, float)[kept]
    if fit == FITS[1]:
        y, n = y[:, len(n) // 2 :], n[len(n) // 2 :]
    columns = [np.ones_like(n), np.log(n), *([1 / n] if fit == FITS[2] else [])]
    if len(n) < (5 if fit == FITS[2] else 3):  # else nothing is left to tell a bad fit by
        return np.full(len(values), np.nan)
    return np.linalg.lstsq(np.stack(columns, axis=1), y.T, rcond=None)[0][1]


def level_values(data: xr.Dataset, family: str, hamiltonian: str, level: int = 1) -> np.ndarray:
    """Energies (seeds, rings) of a level above the ground space."""
    at = {"family": family, "hamiltonian": hamiltonian, "level_number": level}
    return data["level"].sel(at).transpose("seed", "ring").values


def mode_values(data: xr.Dataset, start: str, target: str, ratio: int, level: int = 1) -> np.ndarray:
    """Fisher modes (seeds, sizes) above the kernel."""
    at = {"start": start, "target": target, "ratio": ratio, "level_number": level}
    return data["mode"].sel(at).transpose("seed", "size").values


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T on both sides; the exponents of both Hamiltonians; calibrations."""
    quantum, network = _quantum_density(data), _network_density(data)
    alike = quantum.outcome == network.outcome == "supported" and not network.construction_dependent
    if not alike:
        quantum, network = (_noted(v, ILLUSTRATION) for v in (quantum, network))
    each = [_exponent(data, family, kind) for family in FAMILIES[:2] for kind in HAMILTONIANS]
    return (quantum, network, *each, *_calibrations(data))


def _noted(verdict: Verdict, note: str) -> Verdict:
    return Verdict(**{**verdict.__dict__, "notes": (*verdict.notes, note)})


def _judge_density(
    dense: np.ndarray,
    other: np.ndarray,
    sizes: np.ndarray,
    side: str,
    what: str,
    fit: str = FITS[0],
    p_value: float = np.nan,
) -> Verdict:
    """T = exponent of rho of the first minus that of the second; rho = k / lambda, so that signs change."""
    found = _difference(dense, other, sizes, fit)
    return statistics.judge(
        SIDE_CLAIMS[side], f"exponent of the density of small modes, {what}", float(np.mean(found)), _interval(found),
        direction="greater", margin=MARGIN, n_seeds=len(found), p_value=p_value, side=side,
        null_model="sizes shuffled within each seed",
    )  # fmt: skip


def _difference(dense: np.ndarray, other: np.ndarray, sizes: np.ndarray, fit: str = FITS[0]) -> np.ndarray:
    return exponents(other, sizes, fit) - exponents(dense, sizes, fit)


def _shuffled(dense: np.ndarray, other: np.ndarray, sizes: np.ndarray, draws: int = 499) -> float:
    """p-value of T when the sizes of every seed are shuffled."""
    rng = np.random.default_rng(0)
    null = [
        float(np.mean(_difference(rng.permuted(dense, axis=1), rng.permuted(other, axis=1), sizes)))
        for _ in range(draws)
    ]
    return statistics.null_p_value(float(np.mean(_difference(dense, other, sizes))), null, "greater")


def _interval(found: np.ndarray) -> tuple[float, float]:
    return statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)


def _used(values: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    kept = np.isfinite(values).all(axis=0)
    return values[:, kept], sizes[kept]


def _quantum_density(data: xr.Dataset) -> Verdict:
    what = "uncle - parent"

    def pair(family: str, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        parent, rings = _used(level_values(data, family, "parent", level), data["ring"].values)
        uncle, _ = _used(level_values(data, family, "uncle", level), data["ring"].values)
        return uncle, parent, rings

    main = pair(FAMILIES[1], LEVELS[0])  # for GHZ and two products T is the same number for every seed
    rows = []
    for family in FAMILIES[:3]:  # for AKLT T = 0 is an identity
        for level in LEVELS:
            for fit in FITS:
                judged = _judge_density(*pair(family, level), "circuit", what, fit)
                if np.isfinite(judged.estimate) and (family, level, fit) != (FAMILIES[1], LEVELS[0], FITS[0]):
                    rows.append(judged.row(family=family, level=str(level), fit=fit))
    return _judge_density(*main, "circuit", what, p_value=_shuffled(*main)).with_multiverse(rows)


def _network_density(data: xr.Dataset) -> Verdict:
    sizes, ratios = data["size"].values, [int(r) for r in data["ratio"].values]

    what = "over-parameterised - just wide enough"

    def pair(start: str, target: str, ratio: int, level: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        just, wide = (mode_values(data, start, target, r, level) for r in (ratios[0], ratio))
        return wide, just, sizes

    choices = [
        (start, target, ratio, level, fit)
        for start in STARTS for target in TARGETS for ratio in ratios[1:] for level in LEVELS for fit in FITS
        if (ratio == ratios[1]) + (level == LEVELS[0]) + (fit == FITS[0]) >= 2  # one change at a time
        and (start != "untrained" or target == TARGETS[0])  # before training there is no target
    ]  # fmt: skip
    first = pair(*choices[0][:4])
    main = _judge_density(*first, "network", what, p_value=_shuffled(*first))
    rows = [
        _judge_density(*pair(start, target, ratio, level), "network", what, fit).row(
            start=start, target=target, width=f"{ratio} d", level=str(level), fit=fit
        )
        for start, target, ratio, level, fit in choices[1:]
    ]
    widths = data["width_mode"].sel(level_number=1).transpose("seed", "width").values
    flat = _judge_density(widths, np.ones_like(widths), data["width"].values, "network", "width alone")
    rows.append(flat.row(start=STARTS[0], target=TARGETS[0], width="at fixed d", level="1", fit=FITS[0]))
    null = [
        data["null_mode"].sel(ratio=r, level_number=1).transpose("seed", "size").values for r in ratios[:2]
    ]
    (just, small), (wide, _) = (_used(values, sizes) for values in null)
    random = _difference(wide, just, small)
    main = _noted(main, f"a random Jacobian of the same shape gives T = {np.mean(random):.2f}")
    if main.outcome == "inconclusive" and main.n_seeds >= statistics.MIN_SEEDS and main.interval[1] < MARGIN:
        main = _noted(main, "the claimed side, T above the margin, is excluded")
    return main.with_multiverse(rows)


def _exponent(data: xr.Dataset, family: str, hamiltonian: str) -> Verdict:
    """The gap exponent of one Hamiltonian of one family, against 0 or -2."""
    judged = {}
    for level in LEVELS:
        for fit in FITS:
            found = exponents(level_values(data, family, hamiltonian, level), data["ring"].values, fit)
            judged[level, fit] = statistics.judge(
                f"the gap of the {hamiltonian} scales as n^{EXPONENT[hamiltonian]:.0f}",
                f"gap exponent, {family}, {hamiltonian}", float(np.mean(found)), _interval(found), direction="equal",
                margin=MARGIN, null=EXPONENT[hamiltonian], n_seeds=len(found), side="circuit",
            )  # fmt: skip
    main = judged.pop((LEVELS[0], FITS[0]))
    rows = [v.row(level=str(k), fit=fit) for (k, fit), v in judged.items() if np.isfinite(v.estimate)]
    return main.with_multiverse(rows)


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    """What must hold whatever the claim does."""
    n_seeds = data.sizes["seed"]

    def zero(claim: str, statistic: str, values: np.ndarray, margin: float, side: str) -> Verdict:
        largest = float(np.max(np.abs(values)))
        return statistics.calibrate(
            claim, statistic, largest, (largest, largest), direction="equal", bound=0.0, margin=margin,
            n_seeds=n_seeds, side=side,
        )  # fmt: skip

    gaps, rings = _used(level_values(data, "GHZ", "uncle"), data["ring"].values)
    copies = data["ground_states"].transpose("family", ...).values
    wanted = np.array([1.0 if family == "AKLT" else 2.0 for family in FAMILIES])[:, None, None, None]
    angle, dimension = data["deficient_angle"].values, data["dimension"]
    extra = dimension.sel(space="kernel") - dimension.sel(space="tangent")
    missing = int(extra.sel(point="deficient").max())
    others = angle[:, -1, missing:]
    return (
        zero(
            "GHZ: two free walls, the gap of the uncle is 2 (1 - cos(pi/n))", "largest relative deviation",
            gaps / (2 * (1 - np.cos(np.pi / rings))) - 1, 1e-6, "circuit",
        ),
        zero(
            "one ground state per block, of parent and uncle", "largest deviation of the number of ground states",
            np.nan_to_num(copies - wanted), 0.5, "circuit",
        ),
        zero(
            "the uncle of AKLT is its parent", "largest entry of the difference",
            data["control"].values, 1e-8, "circuit",
        ),
        zero(
            "Fisher eigenvalues are the sums a_i + b_j", "largest relative deviation",
            data["spectrum_deviation"].values, 1e-3, "network",
        ),
        zero(
            "at a smooth point the tangent of the solutions is the kernel", "largest angle (rad)",
            np.append(data["smooth_angle"].values, extra.sel(point="smooth").values), 1e-2, "network",
        ),
        zero(
            "at a deficient point a branch of the solutions lacks (d - r)^2 directions of the kernel",
            "largest deviation from pi/2, and of the others from 0 (rad)",
            np.append(np.pi / 2 - angle[:, -1, :missing], others[np.isfinite(others)]), 1e-2, "network",
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Gaps against the ring, Fisher modes against the size, angles at the deficient point."""
    gaps = {}
    for family in FAMILIES:
        for kind in HAMILTONIANS if family != "AKLT" else ("parent",):
            values, rings = _used(level_values(data, family, kind), data["ring"].values)
            gaps[family, kind] = (rings, values)
    over = int(data["ratio"].values[1])
    modes = {
        f"{start}, $h = {'d' if ratio == 1 else f'{ratio}d'}$": (
            data["size"].values, mode_values(data, start, TARGETS[0], ratio),
        )
        for start in (STARTS[0], STARTS[3]) for ratio in (1, over)
    }  # fmt: skip
    missing = int((data["dimension"].sel(space="kernel") - data["dimension"].sel(space="tangent")).max())
    return picture.draw(gaps, modes, data["deficient_angle"], missing)
