"""All experiments one after the other, cheapest first, while a budget of time lasts: what `qgeom run all` does.

An experiment is begun if its stated cost, times how much slower than stated this machine has been so far, still fits
into what is left; one that was begun is finished. Every experiment has a folder of its own, with the finished parts of
the one that was interrupted. ``run-all.csv`` says what was done and what was left out, and why; it is written anew
after every experiment.
"""

from __future__ import annotations

import csv
import io
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import jax

from qgeom import experiments
from qgeom.errors import InputError, one_line
from qgeom.experiments import base
from qgeom.experiments.statistics import Verdict
from qgeom.progress import Progress, Silent
from qgeom.results import CAMPAIGN_TABLE, RunFolder
from qgeom.settings import BaseSettings
from qgeom.sweep import finished

State = Literal["done", "kept", "failed", "left out"]

_UNITS = {"s": 1.0, "min": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Task:
    """An experiment with its settings, and the seconds that it says it takes; None where it says nothing."""

    experiment: Any
    settings: BaseSettings
    cost: float | None

    @property
    def name(self) -> str:
        return self.experiment.NAME


@dataclass(frozen=True)
class Outcome:
    """What became of an experiment."""

    task: Task
    state: State
    verdicts: tuple[Verdict, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    """Why it failed or was left out, on one line."""

    def lines(self) -> list[str]:
        """What the terminal shows."""
        took = f" in {self.seconds:.0f} s" if self.seconds else ""
        why = f": {self.reason}" if self.reason else ""
        return [
            f"{self.task.name}: {self.state}{took}{why}",
            *(f"  {verdict.line()}" for verdict in self.verdicts),
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain types, ready for JSON."""
        return {
            "name": self.task.name,
            "state": self.state,
            "stated_seconds": self.task.cost,
            "seconds": round(self.seconds, 3),
            "verdicts": [verdict.to_dict() for verdict in self.verdicts],
            "reason": self.reason or None,
        }


def stated_seconds(cost: str) -> float | None:
    """The first duration in a text such as ``"90 s"``, ``"2 min"``, ``"1.5 h on two cores"``; None if there is none."""
    found = re.search(r"(\d+(?:\.\d+)?)\s*(s|min|h)\b", cost)
    return float(found[1]) * _UNITS[found[2]] if found else None


def plan(preset: str, names: Sequence[str] = experiments.NAMES) -> list[Task]:
    """The experiments in the order of their stated cost.

    Raises:
        InputError: for an unknown preset.
    """
    tasks = []
    for name in names:
        module = experiments.load(name)
        settings = base.parse_settings(module.Settings, (), base.preset_values(module, preset))
        cost = stated_seconds(module.COST if preset == "small" else module.PAPER_COST)
        tasks.append(Task(module, settings, cost))
    return sorted(tasks, key=lambda task: math.inf if task.cost is None else task.cost)


def campaign(
    tasks: Sequence[Task],
    seed: int,
    folder: RunFolder,
    budget: float = math.inf,
    *,
    resume: bool = False,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    tell: Callable[[Outcome], object] = lambda outcome: None,
    clock: Callable[[], float] = time.monotonic,
) -> list[Outcome]:
    """Run what is not there yet while the budget lasts; one that fails does not end the others.

    Args:
        tasks: from :func:`plan`, in the order in which they are run.
        seed: the same for every experiment.
        folder: gets one folder per experiment, by its name, and ``run-all.csv``.
        budget: in seconds; no limit unless given.
        resume: keep what is finished in the folder; without it, a folder with finished runs is refused.
        progress: told of every step of every experiment.
        command: for the provenance of every run.
        tell: called with every outcome as soon as it is known.
        clock: seconds, from any origin.

    Raises:
        InputError: where the folder holds runs with other settings, or finished ones without ``resume``; nothing is
            computed then.
        KeyboardInterrupt: after what was not done has been told and written down.
    """
    if not budget > 0:
        raise InputError(f"a budget is a positive number of minutes, not {budget / 60:g}")
    start = clock()
    there = _there(tasks, seed, folder, resume)
    outcomes: dict[str, Outcome] = {}

    def note(outcome: Outcome) -> None:
        outcomes[outcome.task.name] = outcome
        _write_table(folder, tasks, outcomes)
        tell(outcome)

    pace = _Pace()
    try:
        for task in tasks:
            left = budget - (clock() - start)
            if task.name in there:
                note(Outcome(task, "kept", there[task.name]))
            elif reason := pace.too_long(task, left):
                note(Outcome(task, "left out", reason=reason))
            else:
                begun = clock()
                verdicts, error = _run(task, seed, folder, progress, command, resume)
                seconds = clock() - begun
                pace.learn(task, seconds)
                note(Outcome(task, "failed" if error else "done", verdicts, seconds, error))
    except KeyboardInterrupt:
        for task in tasks:
            if task.name not in outcomes:
                note(Outcome(task, "left out", reason="interrupted"))
        raise
    return [outcomes[task.name] for task in tasks]


class _Pace:
    """How much slower than stated the experiments are here, from those that are done; never faster, to be safe."""

    def __init__(self) -> None:
        self._stated, self._taken = 0.0, 0.0

    def learn(self, task: Task, seconds: float) -> None:
        if task.cost is not None:
            self._stated += task.cost
            self._taken += seconds

    def too_long(self, task: Task, left: float) -> str:
        """Why a task is not begun with so many seconds left; empty if it is."""
        if left <= 0:
            return "the budget is spent"
        if task.cost is None or math.isinf(left):
            return ""
        slower = max(1.0, self._taken / self._stated) if self._stated else 1.0
        needed = task.cost * slower
        return f"takes about {needed:.0f} s, and {left:.0f} s of the budget are left" if needed > left else ""


def _there(
    tasks: Sequence[Task], seed: int, folder: RunFolder, resume: bool
) -> dict[str, tuple[Verdict, ...]]:
    """The verdicts of what is finished already."""
    found = {}
    for task in tasks:
        verdicts = finished(task.name, task.settings, seed, RunFolder(folder.path / task.name))
        if verdicts is not None:
            found[task.name] = verdicts
    if found and not resume:
        raise InputError(
            f"{str(folder.path)!r} holds {len(found)} finished experiments; add --resume to keep them, or name another "
            "folder"
        )
    return found


def _run(
    task: Task, seed: int, parent: RunFolder, progress: Progress | None, command: Sequence[str], resume: bool
) -> tuple[tuple[Verdict, ...], str]:
    """The verdicts of an experiment that is run, or the line that says why there are none."""
    folder = None
    try:
        folder = RunFolder.create(parent.path / task.name)
        run = base.run(
            task.experiment, task.settings, seed, folder, progress or Silent(), command, resume=resume
        )
        return run, ""
    except Exception as error:  # the other experiments go on
        return (), one_line(error)
    finally:
        if folder is not None:
            folder.discard_if_empty()
        jax.clear_caches()  # no experiment needs the programs of another, and all together fill the memory


def _write_table(folder: RunFolder, tasks: Sequence[Task], outcomes: dict[str, Outcome]) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["experiment", "state", "stated_seconds", "seconds", "verdicts", "reason"])
    for task in tasks:
        outcome = outcomes.get(task.name)
        state, seconds, verdicts, reason = "to do", 0.0, (), ""
        if outcome is not None:
            state, seconds, verdicts, reason = (
                outcome.state,
                outcome.seconds,
                outcome.verdicts,
                outcome.reason,
            )
        said = "; ".join(f"{one.side}: {one.outcome}" if one.side else one.outcome for one in verdicts)
        stated = "" if task.cost is None else f"{task.cost:g}"
        writer.writerow([task.name, state, stated, f"{seconds:.1f}" if seconds else "", said, reason])
    with folder.commit() as files:
        files.text(CAMPAIGN_TABLE, stream.getvalue())
