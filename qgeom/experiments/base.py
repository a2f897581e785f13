"""What an experiment is, and how one runs: compute, save, judge, draw.

An experiment is a module of this package, one per claim of the paper. It exposes

====================================  ======================================================================
``NAME``                              as typed on the command line, e.g. ``"fisher-kl"``
``CLAIM``                             the claim in one sentence
``SECTION``                           where the paper makes it, e.g. ``"III.B, Eq. 1"``
``COST``                              what the small preset takes on two cores, e.g. ``"1 min"``
``PAPER_COST``                        the same of the paper preset, e.g. ``"2 h"``
``Settings``                          a subclass of :class:`BaseSettings`; the defaults are the small preset
``PAPER``                             the settings that differ in the paper preset, ``{"seeds": 30}``
``compute(settings, seed, progress,   everything that takes time, in named parts that an interrupted run finds again
parts)``                              (:mod:`qgeom.experiments.parts`); returns an ``xarray.Dataset``
``verdict(data, settings)``           a :class:`~qgeom.experiments.statistics.Verdict`, or a tuple of them
``draw(data, verdicts)``              a ``matplotlib.figure.Figure``
====================================  ======================================================================

``verdict`` and ``draw`` see the data as read back from the file, so that both can be redone from it at any time.

``--precision 32`` switches x64 off, so ``compute`` takes parameters of JAX's default float type:
``description.init(key, dtype=jnp.result_type(float))``. No compiled call should run longer than a few seconds (Ctrl-C
waits for it), and ``progress`` is told of every step that is done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import xarray as xr
from matplotlib.figure import Figure

from qgeom.errors import unknown
from qgeom.experiments.parts import Parts
from qgeom.experiments.statistics import Verdict
from qgeom.kept_parts import discard
from qgeom.progress import Progress, Silent
from qgeom.provenance import Clock, provenance
from qgeom.results import RunFolder
from qgeom.settings import BaseSettings, parse_settings

__all__ = [
    "PRESETS",
    "BaseSettings",
    "Experiment",
    "judge_and_draw",
    "parse_settings",
    "preset_values",
    "reload_settings",
    "run",
]

PRESETS = ("small", "paper")


class Experiment(Protocol):
    """The attributes of an experiment's module."""

    NAME: str
    CLAIM: str
    SECTION: str
    COST: str
    PAPER_COST: str
    PAPER: Mapping[str, Any]
    Settings: type[BaseSettings]

    def compute(self, settings: Any, seed: int, progress: Progress, parts: Parts = ...) -> xr.Dataset: ...

    def verdict(self, data: xr.Dataset, settings: Any) -> Verdict | Sequence[Verdict]: ...

    def draw(self, data: xr.Dataset, verdicts: Sequence[Verdict]) -> Figure: ...


def preset_values(experiment: Experiment, preset: str) -> Mapping[str, Any]:
    """What the preset changes in the defaults."""
    if preset not in PRESETS:
        raise unknown("preset", preset, PRESETS)
    return experiment.PAPER if preset == "paper" else {}


def run(
    experiment: Experiment,
    settings: BaseSettings,
    seed: int,
    folder: RunFolder,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    resume: bool = False,
) -> tuple[Verdict, ...]:
    """Compute, save the data, judge and draw what was saved, save again; returns the verdicts.

    An interruption before the data are complete leaves the finished parts, which a run with ``resume`` into the same
    folder takes up; one after leaves the data, the settings and the provenance, from which verdict and figure can be
    redone. Without ``resume`` parts of an earlier run are thrown away.
    """
    clock = Clock()
    identity = {"experiment": experiment.NAME, "seed": seed, **settings.model_dump(mode="json")}
    if not resume:
        discard(folder.path)
    data = experiment.compute(settings, seed, progress or Silent(), Parts(folder, identity))
    with folder.commit() as files:
        files.settings(identity)
        files.data(data)
        files.provenance(provenance(seed=seed, clock=clock, command=command))
    discard(folder.path)
    return judge_and_draw(experiment, settings, folder)


def judge_and_draw(experiment: Experiment, settings: BaseSettings, folder: RunFolder) -> tuple[Verdict, ...]:
    """Redo verdict and figure from the data in a folder."""
    data = folder.load_data()
    verdicts = _as_tuple(experiment.verdict(data, settings))
    figure = experiment.draw(data, verdicts)
    with folder.commit() as files:
        files.verdict([verdict.to_dict() for verdict in verdicts])
        files.figure(figure)
    return verdicts


def reload_settings(experiment: Experiment, folder: RunFolder) -> BaseSettings:
    """The settings that a folder was computed with."""
    saved = folder.load_settings()
    return experiment.Settings(
        **{key: saved[key] for key in experiment.Settings.model_fields if key in saved}
    )


def _as_tuple(verdicts: Verdict | Sequence[Verdict]) -> tuple[Verdict, ...]:
    return (verdicts,) if isinstance(verdicts, Verdict) else tuple(verdicts)
