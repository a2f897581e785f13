r"""Sections IV.E and V, ref. 34: spacetime as an error-correcting code, and a generator that corrects layer by layer.

Quantum side: holographic codes of perfect tensors. The deeper a bulk qubit lies, the better it is said to be protected;
and the greedy wedge, a construction from geometry alone, is said to be what can be recovered. Network side: the decoder
of an autoencoder. Its layers are said to project errors, perturbations off the manifold of code words, out.

One statistic on both sides: the slope over layers of ``ln(off) - ln(on)``, off the share of an error that is left,
on that of a change of the code word. In a code a change of the code word arrives whole, ``ln(on) = 0``, and what is
left of errors that strike the boundary is the probability that the bulk qubit is lost, from the outermost shell in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pydantic
import xarray as xr
from matplotlib.figure import Figure

from qgeom.experiments import error_correction_sides as sides
from qgeom.experiments import statistics
from qgeom.experiments.error_correction_sides import CURVES, DECODERS, INFLATIONS, READINGS
from qgeom.experiments.generator import DATA
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.figures import error_correction as picture
from qgeom.progress import Progress
from qgeom.settings import BaseSettings

NAME = "error-correction"
CLAIM = "errors shrink layer by layer: towards the centre of a holographic code, and towards the data in a generator"
SECTION = "IV.E, V, refs. 32, 34"
COST = "100 s"
PAPER_COST = "6 min"
PAPER = {"seeds": 30, "samples": 2000, "steps": 4000}

SLOPE_MARGIN = 0.1
"""On slopes: an error shrinks or grows by a tenth per layer."""
Activations = Annotated[tuple[Literal["tanh", "relu", "gelu", "silu"], ...], pydantic.Field(min_length=1)]


class Settings(BaseSettings):
    """Settings of ``error-correction``; the defaults are the small preset."""

    rates: Annotated[tuple[float, ...], pydantic.Field(description="probabilities of erasure, the verdict's first")] = (
        0.2, 0.1, 0.3,
    )  # fmt: skip
    samples: Annotated[int, pydantic.Field(ge=50, description="patterns of erasure per seed and rate")] = 400
    latent: Annotated[int, pydantic.Field(ge=1, description="dimension of the generator's latents")] = 4
    width: Annotated[int, pydantic.Field(ge=4, description="of every hidden layer of the generator")] = 32
    depth: Annotated[int, pydantic.Field(ge=3, description="hidden layers of the generator")] = 4
    components: Annotated[int, pydantic.Field(ge=4, le=64, description="of the digits")] = 16
    steps: Annotated[int, pydantic.Field(ge=1, description="of training")] = 2000
    activations: Annotated[
        Activations, pydantic.Field(description="of the generator, the verdict's first")
    ] = (
        "tanh",
        "relu",
    )

    @pydantic.model_validator(mode="after")
    def _fits(self) -> Settings:
        if not self.rates or not all(0 < p < 1 for p in self.rates):
            raise ValueError(f"rates are probabilities between 0 and 1, not {self.rates}")
        if self.latent >= min(self.width, self.components):
            raise ValueError(
                f"{self.latent} latents leave nothing off the manifold of {self.width} units and "
                f"{self.components} components; take fewer"
            )
        return self


def compute(settings: Settings, seed: int, progress: Progress, parts: Parts = Parts()) -> xr.Dataset:
    """Erasures of two and three shells; perturbations in trained and untrained generators."""
    seeds = seed + np.arange(settings.seeds)
    deep = parts.over_seeds(
        "three shells",
        seeds,
        lambda some: sides.failures(settings.rates, settings.samples, np.array(some), progress),
    )
    plain = parts.part(
        "two shells", lambda: sides.two_shells(settings.rates, settings.samples, seeds, progress)
    )
    net = parts.over_seeds(
        "generators",
        seeds,
        lambda some: sides.generators(
            settings.latent, settings.width, settings.depth, settings.components, settings.steps, settings.activations,
            np.array(some), progress,
        ),
        block=10,
    )  # fmt: skip
    return deep.merge(plain.assign_coords(seed=seeds), combine_attrs="drop_conflicts").merge(net)


# --- statistics ------------------------------------------------------------


def slopes(values: np.ndarray, layers: np.ndarray) -> np.ndarray:
    """Least squares slope of values (..., m) on layers (m,)."""
    x = layers - layers.mean()
    return (values - values.mean(axis=-1, keepdims=True)) @ x / (x @ x)


def lost(
    data: xr.Dataset, inflation: str, reading: str, decoder: str, rate: float
) -> tuple[np.ndarray, np.ndarray]:
    """``ln P`` of the loss of every bulk qubit (seed, site), half a count added; and its depth (site,)."""
    at = {"inflation": inflation, "reading": reading, "decoder": decoder, "rate": rate}
    share = data["lost"].sel(at).transpose("seed", "site").values
    depth = data["depth"].sel(inflation=inflation).values
    kept = np.isfinite(depth)
    n = float(data.attrs["samples"])
    return np.log((n * share[:, kept] + 0.5) / (n + 1.0)), depth[kept]


def by_shell(log_lost: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over the sites of a shell: (seed, shell), shells from the outermost in."""
    shells = np.unique(depth)
    return np.stack([log_lost[:, depth == s].mean(axis=1) for s in shells], axis=1), shells


def corrected(
    data: xr.Dataset, name: str, activation: str, training: str, measure: str, output: bool
) -> np.ndarray:
    """``ln a_off - ln a_on`` (seed, layer) of a generator; hidden layers, and the output if asked for."""
    at = data["size"].sel(data=name, activation=activation, training=training)
    found = (at.sel(measure=measure) - at.sel(measure="on")).transpose("seed", "layer").values
    return found if output else found[:, :-1]


def verdict(data: xr.Dataset, settings: Settings) -> tuple[Verdict, ...]:
    """T of codes and of generators; the greedy wedge against the exact; calibrations."""
    return (_codes(data), _generators(data), _greedy(data), *_calibrations(data))


def _interval(found: np.ndarray) -> tuple[float, float]:
    return statistics.bootstrap_interval(found) if len(found) > 1 else (np.nan, np.nan)


def _codes(data: xr.Dataset) -> Verdict:
    rates = [float(p) for p in data["rate"].values]

    def judged(inflation: str, reading: str, decoder: str, rate: float, p_value: float = np.nan) -> Verdict:
        found = slopes(*by_shell(*lost(data, inflation, reading, decoder, rate)))
        return statistics.judge(
            "the deeper a bulk qubit lies, the better it is protected from erasures of the boundary",
            f"slope of ln P(lost) over shells inwards, erasures at {rate:g}", float(np.mean(found)), _interval(found),
            direction="less", margin=SLOPE_MARGIN, n_seeds=len(found), p_value=p_value, side="circuit",
            null_model="depths dealt to other bulk qubits",
        )  # fmt: skip

    choices = [
        (i, r, d, p)
        for i in INFLATIONS for r in READINGS for d in DECODERS for p in rates
        if (d, r) != (DECODERS[1], READINGS[1])  # the greedy algorithm does not know the reading
    ]  # fmt: skip
    first = choices[0]
    values, depth = lost(data, *first)
    rng = np.random.default_rng(0)
    observed = float(np.mean(slopes(*by_shell(values, depth))))
    null = [float(np.mean(slopes(*by_shell(values, rng.permutation(depth))))) for _ in range(499)]
    main = judged(*first, p_value=statistics.null_p_value(observed, null, "less"))
    rows = [judged(*c).row(code=c[0], reading=c[1], decoder=c[2], erasures=f"{c[3]:g}") for c in choices[1:]]
    return main.with_multiverse(rows)


def _generators(data: xr.Dataset) -> Verdict:
    activations = [str(a) for a in data["activation"].values]

    def slope(
        name: str, activation: str, training: str, measure: str = "off", output: bool = False
    ) -> np.ndarray:
        values = corrected(data, name, activation, training, measure, output)
        return slopes(values, np.arange(values.shape[1], dtype=float))

    def judged(found: np.ndarray, p_value: float = np.nan, notes: Sequence[str] = ()) -> Verdict:
        return statistics.judge(
            "a trained generator shrinks errors against changes of the code word layer by layer, an untrained does not",
            "slope of ln(off) - ln(on) over layers, trained - untrained", float(np.mean(found)), _interval(found),
            direction="less", margin=SLOPE_MARGIN, n_seeds=len(found), p_value=p_value, side="network",
            null_model="untrained", notes=notes,
        )  # fmt: skip

    trained, untrained = (slope(DATA[0], activations[0], t) for t in ("trained", "untrained"))
    p_value = statistics.paired_test(trained, untrained, "less")
    alone = (f"trained alone {trained.mean():.3f}", f"untrained alone {untrained.mean():.3f}")
    main = judged(trained - untrained, p_value, alone)
    rows = []
    for name in DATA:
        for activation in activations:
            for measure in ("off", "off, whole"):
                for output in (False, True):
                    if (name, activation, measure, output) == (DATA[0], activations[0], "off", False):
                        continue
                    pair = [slope(name, activation, t, measure, output) for t in ("trained", "untrained")]
                    rows.append(
                        judged(pair[0] - pair[1]).row(
                            data=name, activation=activation, error=measure,
                            layers="hidden and output" if output else "hidden",
                        )
                    )  # fmt: skip
    rows.append(
        judged(trained).row(data=DATA[0], activation=activations[0], error="off", layers="trained alone")
    )
    return main.with_multiverse(rows)


def _greedy(data: xr.Dataset) -> Verdict:
    rates = [float(p) for p in data["rate"].values]

    def judged(found: np.ndarray) -> Verdict:
        found = found[np.isfinite(found)]
        return statistics.judge(
            "the greedy wedge, made from geometry alone, holds the centre whenever it can be recovered",
            f"P(greedy) / P(exact), [[25,11]], erasures at {rates[0]:g}",
            float(np.mean(found)) if len(found) else np.nan, _interval(found), direction="equal", null=1.0,
            margin=statistics.RATIO_MARGIN, n_seeds=len(found), side="circuit",
        )  # fmt: skip

    def ratio(reading: str, rate: float) -> np.ndarray:
        at = data["saved"].sel(reading=reading, rate=rate)
        exact = at.sel(decoder="exact").values
        return np.where(exact > 0, at.sel(decoder="greedy").values / np.where(exact > 0, exact, 1.0), np.nan)

    def deep(inflation: str, reading: str, rate: float) -> np.ndarray:
        at = data["lost"].sel(inflation=inflation, reading=reading, rate=rate).isel(site=0)
        exact = 1.0 - at.sel(decoder="exact").values
        kept = 1.0 - at.sel(decoder="greedy").values
        return np.where(exact > 0, kept / np.where(exact > 0, exact, 1.0), np.nan)

    rows = [
        judged(ratio(r, p)).row(code="[[25,11]]", reading=r, erasures=f"{p:g}")
        for r in READINGS for p in rates if (r, p) != (READINGS[0], rates[0])
    ]  # fmt: skip
    rows += [
        judged(deep(i, r, rates[0])).row(code=f"three shells, {i}", reading=r, erasures=f"{rates[0]:g}")
        for i in INFLATIONS for r in READINGS
    ]  # fmt: skip
    half = data["half_point"]
    notes = [
        f"half of the patterns recover at {float(half.sel(code=c, decoder='exact')):.3f} exactly, "
        f"{float(half.sel(code=c, decoder='greedy')):.3f} greedily: {c}"
        for c in CURVES
    ]  # fmt: skip
    main = judged(ratio(READINGS[0], rates[0]))
    return Verdict(**{**main.__dict__, "notes": (*main.notes, *notes)}).with_multiverse(rows)


def _calibrations(data: xr.Dataset) -> tuple[Verdict, ...]:
    """The greedy wedge never exceeds the exact; self-dual codes recover at one half."""
    n_seeds = data.sizes["seed"]
    curves = data["recovered"]
    excess = float((curves.sel(decoder="greedy") - curves.sel(decoder="exact")).max())
    lost_ = data["lost"]
    excess = max(excess, float((lost_.sel(decoder="exact") - lost_.sel(decoder="greedy")).max()))
    half = data["half_point"].sel(code=["[[5,1,3]]", "tree [[25,1,9]]"]).values
    worst = float(np.max(np.abs(half - 0.5)))
    return (
        statistics.calibrate(
            "what the greedy wedge holds can be recovered", "largest P(greedy) - P(exact)", excess, (excess, excess),
            direction="less", bound=0.0, margin=1e-12, n_seeds=n_seeds, side="circuit",
        ),
        statistics.calibrate(
            "a code of one qubit without preferred side is lost from one half of the erasures on",
            "largest deviation of the half point of [[5,1,3]] and its tree from 1/2", worst, (worst, worst),
            direction="equal", bound=0.0, margin=1e-6, n_seeds=n_seeds, side="circuit",
        ),
    )  # fmt: skip


def draw(data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure:
    """Recovery of the centre; what is left of errors over the shells of a code, and over the layers of a generator."""
    curves = {
        (str(c), d): data["recovered"].sel(code=c, decoder=d).values[: int(data["qubits"].sel(code=c)) + 1]
        for c in CURVES for d in DECODERS
    }  # fmt: skip
    rate = float(data["rate"].values[0])
    shells = {r: by_shell(*lost(data, INFLATIONS[0], r, "exact", rate))[0] for r in READINGS}
    activation = str(data["activation"].values[0])
    layers = {
        (name, t): corrected(data, name, activation, t, "off", True)
        for name in DATA for t in ("trained", "untrained")
    }  # fmt: skip
    return picture.draw(curves, shells, layers, rate)
