"""Every experiment at its small preset, the one that `qgeom run` takes: a verdict on ten seeds, and identities kept."""

from __future__ import annotations

import math
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path

import jax
import pytest

from qgeom import experiments
from qgeom.experiments import base
from qgeom.experiments.statistics import MIN_SEEDS, Outcome, Verdict
from qgeom.figures.style import FORMATS
from qgeom.results import RunFolder, to_json


@pytest.fixture(autouse=True)
def bounded_memory() -> Iterator[None]:
    """Compiled programs are dropped after every experiment: they share few."""
    yield
    jax.clear_caches()


def text(verdicts: Iterable[Verdict]) -> str:
    """By which verdicts are compared: NaN is itself."""
    return to_json([verdict.to_dict() for verdict in verdicts])


def check(experiment: base.Experiment, settings: base.BaseSettings, folder: RunFolder, verdicts) -> None:
    """What a small preset leaves behind."""
    assert folder.load_data().sizes["seed"] == settings.seeds >= MIN_SEEDS
    assert verdicts
    for verdict in verdicts:
        assert isinstance(verdict, Verdict)
        assert verdict.outcome in typing.get_args(Outcome)
        assert verdict.outcome != "calibration-fail", verdict.line()
        # An identity may take one seed, and a claim loses those that reached no equal errors.
        if verdict.n_seeds < MIN_SEEDS:
            assert verdict.outcome in ("calibration-pass", "inconclusive"), verdict.line()
        low, high = verdict.interval
        if math.isfinite(low) and math.isfinite(high):
            slack = 1e-12 * max(abs(low), abs(high))  # an interval of one value is a mean in another order
            assert low - slack <= verdict.estimate <= high + slack, verdict.line()
    assert [path.suffix for path in folder.figures()] == [f".{kind}" for kind in FORMATS]
    assert all(path.stat().st_size > 0 for path in folder.figures())
    # The folder alone gives the settings and the verdicts again.
    assert base.reload_settings(experiment, folder) == settings
    assert text(base.judge_and_draw(experiment, settings, folder)) == text(verdicts)
    assert to_json(folder.load_verdict()) == text(verdicts)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # up to five minutes alone, several times that beside other workers
@pytest.mark.parametrize("name", experiments.NAMES)
def test_a_small_preset_judges_ten_seeds_and_keeps_its_identities(name: str, tmp_path: Path):
    experiment = experiments.load(name)
    settings = base.parse_settings(experiment.Settings, ())
    folder = RunFolder.create(tmp_path)
    check(experiment, settings, folder, base.run(experiment, settings, 0, folder))
