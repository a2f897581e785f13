"""What holds for every experiment at settings of seconds: from the numbers to the figure, again, and after Ctrl-C."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from qgeom import experiments
from qgeom.experiments import base
from qgeom.experiments.interacting import KINDS
from qgeom.experiments.statistics import MIN_SEEDS, Outcome, Verdict
from qgeom.kept_parts import KeptParts, kept
from qgeom.progress import Silent
from qgeom.results import RunFolder, to_json

TINY = {
    "fisher-kl": "seeds=2 directions=3 sizes=4 qubits=2 layers=1 hidden=3 samples=4",
    "measurement-distance": "seeds=2 starts=20 steps=3 hidden=2 layers=0 qubits=2 bits=2",
    "layer-curve": "seeds=2 qubits=2 layers=1 width=2 depth=1 draws=1 samples=3 nodes=2 max_steps=2",
    "least-action": (
        "seeds=2 qubits=2 layers=1 width=4 depth=1 strengths=0.1,1 pieces=1 nodes=2 steps=2 test_fraction=0.95"
    ),
    "which-metric": (
        "seeds=2 qubits=2 layers=1 width=4 depth=1 scales=0.5,1 decays=0,0.01 noises=0 pieces=1 steps=2 "
        "test_fraction=0.95"
    ),
    "nielsen-geodesic": "seeds=2 starts=1 penalties=1,3",
    "complexity-growth": (
        "seeds=2 qubits=3 late_times=2 growth_times=3 arrow_qubits=3 arrow_steps=3 dimension=4 trained_dimension=2 "
        "training_steps=20 circuit_depth=3 geodesic_times=0"
    ),
    "switchback": (
        "seeds=2 sizes=8,16,32 circuits=1 strings=4 places=2 inputs=4 illustration_qubits=2 illustration_steps=2"
    ),
    "gate-spacetime": (
        "seeds=2 qubits=2 layers=2 wall_qubits=2 wall_layers=2 width=2 depth=2 samples=3 phase_inputs=1 max_steps=2"
    ),
    "planck-length": "seeds=2 qubits=2 layers=1 width=2 starts=1 samples=4 draws=2 noises=0.6 max_steps=2",
    "black-hole": (
        "seeds=2 qubits=3 rows=3,3,3 inside=1 classes=4 width=2 samples=2 wirings=2 population=4 generations=2 "
        "max_steps=2"
    ),
    "wormhole": "seeds=2 wires=4 layers=6 rewirings=4 steps=3 inputs=2",
    "mps-mera": "seeds=2 sites=18 separations=1,2,3,4,6 mps_bonds=3 mera_bonds=2 steps=20",
    "parent-uncle": (
        "seeds=2 rings=4,5,6 cluster_rings=4,5,6 sizes=3,4,5 ratios=1,3 widths=3,6,12 steps=50 tangent_size=2"
    ),
    "capacity": "seeds=2 starts=1 steps=3 draws=1 qubits=2 layers=2 inputs=3 classes=2 hidden=2",
    "smooth-submanifold": "seeds=2 qubits=2 layers=1 width=2 depth=1 samples=3 vertices=2 max_steps=2",
    "generalization": (
        "seeds=2 widths=2,3 qubits=2 depths=1 noises=0,0.3 starts=3 steps=2 reference_width=8"
    ),
    "disentangle": "seeds=2 pixels=3 width=2 qubits=3 rows=1 samples=16 tests=32 steps=2 rotations=2",
    "data-shaping": (
        "seeds=2 qubits=2 layers=1 width=3 per_class=1 draws=1 copies=1 episodes=1 matches=1 jitters=1 steps=2"
    ),
    "attention-gauge": "seeds=2 layers=1 dim=3 samples=2 loops=1 loop_points=6 max_steps=2",
    "error-correction": (
        "seeds=2 samples=50 rates=0.2 width=6 depth=3 components=6 latent=2 steps=10 activations=tanh"
    ),
    "meta-geodesic": (
        "seeds=2 width=2 layers=1 shots=3 grid=3 batch=2 outer_steps=2 inner_steps=1 tasks=2 adapt_steps=4 substeps=2"
    ),
    "lottery": "seeds=2 qubits=2 layers=1 width=3 draws=1 steps=2",
    "pruning-path": "seeds=2 qubits=2 layers=1 width=4 steps=2 recovery=1 last=1 pieces=2",
    "fisher-gravity": "seeds=2 momenta=200 distances=0.2,0.15,0.1,0.06",
    "noise-geometry": (
        "seeds=2 starts=3 qubits=2 layers=1 width=3 samples=2 draws=3 max_steps=2 open_qubits=1 open_layers=3 "
        "depolarizing=0.1 damping=0.1 weight_noise=0.3 dropout=0.3 task=two-moons"
    ),
}
"""Settings at which an experiment computes in seconds, most of them XLA's."""

PANELS = {
    "fisher-kl": 1, "measurement-distance": 3, "layer-curve": 2, "least-action": 4, "which-metric": 2,
    "nielsen-geodesic": 8, "complexity-growth": 4, "switchback": 3, "gate-spacetime": 3, "planck-length": 2,
    "black-hole": 3, "wormhole": 2, "mps-mera": 3, "parent-uncle": 3, "capacity": 3, "smooth-submanifold": 2,
    "generalization": 3, "disentangle": 3, "data-shaping": 2, "attention-gauge": 3, "error-correction": 3,
    "meta-geodesic": 2, "lottery": 2, "pruning-path": 3, "fisher-gravity": 3, "noise-geometry": 4,
}  # fmt: skip
"""Axes of the figure."""

# Calibrations (their places among the verdicts) that may fail here: they need more seeds or larger sizes.
TOO_SMALL_FOR = {
    "layer-curve": {3},
    "nielsen-geodesic": {7},
    "switchback": {2},
    "mps-mera": {8, 9},
    "generalization": {12, 13, 14},
}

# Variables that must differ from seed to seed; of the other experiments any one.
DRAWN = {
    "least-action": {"length"},
    "which-metric": {"test_loss"},
    "smooth-submanifold": {"step"},
    "disentangle": {"gap", "error"},
    "attention-gauge": {"force"},
}

QUICK = ("complexity-growth", "switchback", "parent-uncle")
"""Those that take a few seconds in all: part of `make test`."""

OTHER_SEED = 1  # two seeds from here on share one with two seeds from 0 on


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    """Compiled programs are dropped after every experiment: they share few."""
    yield
    jax.clear_caches()


def method(verdicts: Sequence[Verdict]) -> list[tuple[object, ...]]:
    """What of the verdicts the numbers do not decide; multiverses leave out choices without a finite T."""
    return [(v.claim, v.statistic, v.side, v.direction, v.null, v.margin, v.null_model) for v in verdicts]


def same_verdicts(a: Sequence[Verdict], b: Sequence[Verdict]) -> bool:
    """Equal as text, where NaN is itself."""
    return to_json([v.to_dict() for v in a]) == to_json([v.to_dict() for v in b])


# --- what holds for one experiment alone -----------------------------------------------------------------------------


def bounds_are_nested(data: xr.Dataset) -> None:
    bounds = data["bound"]
    assert np.all(bounds.sel(bound_name="lower bound") <= bounds.sel(bound_name="light cone") + 1e-9)
    assert np.all(bounds.sel(bound_name="light cone") <= bounds.sel(bound_name="all gates") + 1e-12)


def kinds_are_named(data: xr.Dataset) -> None:
    assert tuple(data["kind"].values) == KINDS


def every_case_moves(data: xr.Dataset, other: xr.Dataset) -> None:
    for case in data["case"].values:
        for name in ("gap", "error"):
            assert not np.array_equal(data[name].sel(case=case), other[name].sel(case=case)), (case, name)


def a_seed_of_both_runs_is_the_same(data: xr.Dataset, other: xr.Dataset) -> None:
    shared = [run["length"].sel(seed=OTHER_SEED).values for run in (data, other)]
    np.testing.assert_allclose(*shared, rtol=1e-8)


OF_THE_DATA: dict[str, Callable[[xr.Dataset], None]] = {
    "switchback": bounds_are_nested,
    "attention-gauge": kinds_are_named,
}
OF_ANOTHER_SEED: dict[str, Callable[[xr.Dataset, xr.Dataset], None]] = {
    "disentangle": every_case_moves,
    "least-action": a_seed_of_both_runs_is_the_same,
}


# --- what holds for all ----------------------------------------------------------------------------------------------


def judged(name: str, data: xr.Dataset, settings: base.BaseSettings) -> tuple[Verdict, ...]:
    """The verdicts of an experiment on its data, after a look at them and at the figure."""
    experiment = experiments.load(name)
    verdicts = experiment.verdict(data, settings)
    verdicts = (verdicts,) if isinstance(verdicts, Verdict) else tuple(verdicts)
    assert verdicts
    for place, verdict in enumerate(verdicts):
        assert isinstance(verdict, Verdict)
        assert verdict.outcome in typing.get_args(Outcome)
        if verdict.outcome.startswith("calibration"):
            passed = verdict.outcome == "calibration-pass"
            assert passed or place in TOO_SMALL_FOR.get(name, ()), verdict.line()
        elif verdict.n_seeds < MIN_SEEDS:
            assert verdict.outcome == "inconclusive", verdict.line()
    assert len(experiment.draw(data, verdicts).axes) == PANELS[name]
    OF_THE_DATA.get(name, lambda _: None)(data)
    return verdicts


def computed(name: str, seed: int = 0) -> tuple[base.BaseSettings, xr.Dataset, tuple[Verdict, ...]]:
    experiment = experiments.load(name)
    settings = base.parse_settings(experiment.Settings, TINY[name].split())
    data = experiment.compute(settings, seed, Silent())
    return settings, data, judged(name, data, settings)


def test_every_experiment_has_tiny_settings():
    assert set(TINY) == set(PANELS) == set(experiments.NAMES)


@pytest.mark.parametrize("name", QUICK)
def test_a_quick_experiment_goes_from_the_numbers_to_the_figure(name: str):
    computed(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", experiments.NAMES)
def test_a_seed_settles_the_numbers_whether_or_not_the_run_is_interrupted(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    experiment = experiments.load(name)
    settings, data, verdicts = computed(name)

    # The same seed again, stopped when a first part is kept, and resumed from there.
    folder = RunFolder.create(tmp_path)
    save, load, taken_up = KeptParts.save, KeptParts.load, []

    def save_and_stop(self: KeptParts, identity: bytes, part: xr.Dataset) -> None:
        save(self, identity, part)
        raise KeyboardInterrupt

    def load_and_count(self: KeptParts, identity: bytes) -> xr.Dataset | None:
        if (found := load(self, identity)) is not None:
            taken_up.append(identity)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(KeptParts, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            base.run(experiment, settings, 0, folder)
    assert len(kept(folder.path)) == 1
    with monkeypatch.context() as patched:
        patched.setattr(KeptParts, "load", load_and_count)
        resumed = base.run(experiment, settings, 0, folder, resume=True)
    assert len(taken_up) == 1
    assert not kept(folder.path)
    xr.testing.assert_identical(folder.load_data(), data)
    assert same_verdicts(resumed, verdicts)

    # Another seed: other numbers, the same method.
    _, other, others = computed(name, OTHER_SEED)
    moved = {
        key
        for key, values in data.data_vars.items()
        if "seed" in values.dims and values.dtype.kind in "fc"
        if not np.array_equal(values.isel(seed=0), other[key].isel(seed=0), equal_nan=True)
    }
    assert moved
    assert moved >= DRAWN.get(name, set())
    assert method(others) == method(verdicts)
    OF_ANOTHER_SEED.get(name, lambda *_: None)(data, other)
