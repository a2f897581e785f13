"""Many runs of one experiment over a grid of settings, one after the other or on a Dask cluster, resumable.

The folder of a sweep holds one run folder per grid point, named by its settings, and ``sweep.csv``: one line per
verdict, written anew after every run, so that an interrupted sweep has its table too.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import qgeom
from qgeom import experiments
from qgeom.errors import InputError, one_line, unknown
from qgeom.experiments.base import judge_and_draw, run
from qgeom.experiments.statistics import Verdict
from qgeom.progress import Progress, Silent
from qgeom.results import PROVENANCE, SETTINGS, SWEEP_TABLE, VERDICT, RunFolder, to_json
from qgeom.settings import BaseSettings, is_sequence_field, parse_settings

TABLE = SWEEP_TABLE
_MOST_POINTS = 10_000

Varied = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Point:
    """One point of the grid: the settings that vary, as typed, and all of them, as checked."""

    varied: Varied
    settings: BaseSettings

    @property
    def folder(self) -> str:
        """A folder name that says what varies, safe on every file system."""
        name = ",".join(f"{key}={value}" for key, value in self.varied)
        return "".join(letter if letter.isalnum() or letter in "=,.+-_" else "-" for letter in name)


@dataclass(frozen=True)
class Done:
    """What became of a point: its verdicts, or the one line that says why there are none."""

    point: Point
    verdicts: tuple[Verdict, ...] = ()
    error: str = ""


def parse_grid(
    model: type[BaseSettings],
    grid: Sequence[str],
    assignments: Sequence[str] = (),
    preset: Mapping[str, Any] | None = None,
) -> list[Point]:
    """The points of a grid given as texts ``key=a,b,c``, every setting checked before anything is computed.

    Values of a setting that is itself a sequence are separated by semicolons: ``sizes=4,8,3;4,16,3``.

    Raises:
        InputError: one line, for an unknown key, a malformed value, a key that is given twice.
    """
    axes: dict[str, list[str]] = {}
    for text in grid:
        key, equals, values = text.partition("=")
        key = key.strip()
        if not equals or not key:
            raise InputError(f"cannot read the grid {text!r}; expected key=a,b,c, e.g. seeds=10,20")
        if key not in model.model_fields:
            raise unknown("setting", key, model.model_fields)
        if key in axes:
            raise InputError(f"the grid names {key!r} twice; give all its values at once: {key}=a,b,c")
        separator = ";" if ";" in values or is_sequence_field(model, key) else ","
        axes[key] = [value.strip() for value in values.split(separator) if value.strip()]
        if not axes[key]:
            raise InputError(f"the grid gives no value for {key!r}; expected {key}=a,b,c")
        if len(set(axes[key])) < len(axes[key]):
            raise InputError(f"the grid gives a value of {key!r} twice")
    if not axes:
        raise InputError("a sweep needs a grid: --grid key=a,b,c")
    points = []
    for values in itertools.product(*axes.values()):
        varied = tuple(zip(axes, values, strict=True))
        texts = [*assignments, *(f"{key}={value}" for key, value in varied)]
        points.append(Point(varied, parse_settings(model, texts, preset)))
        if len(points) > _MOST_POINTS:
            raise InputError(f"the grid has more than {_MOST_POINTS} points; make it coarser")
    return points


def sweep(
    name: str,
    points: Sequence[Point],
    seed: int,
    folder: RunFolder,
    *,
    resume: bool = False,
    cluster: str | None = None,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> list[Done]:
    """Run every point that is not done yet; a point that fails does not stop the others.

    Args:
        name: of the experiment.
        points: from :func:`parse_grid`.
        seed: the same for every point.
        folder: of the sweep.
        resume: keep the points that are done, and the finished parts of those that are not; without it, a folder with
            finished points is refused.
        cluster: None for one run after the other; ``"local"`` for Dask workers on this machine, or the address of a
            scheduler.
        progress: told after every point.
        command: for the provenance of every run.

    Raises:
        InputError: where the folder holds another sweep's points, or finished ones without ``resume``.
    """
    progress = progress or Silent()
    kept = {}
    for point in points:
        verdicts = finished(name, point.settings, seed, RunFolder(folder.path / point.folder))
        if verdicts is not None:
            kept[point.varied] = Done(point, verdicts)
    if kept and not resume:
        raise InputError(
            f"{str(folder.path)!r} holds {len(kept)} finished runs of this sweep; add --resume to keep them, "
            "or name another folder"
        )
    done = dict(kept)
    todo = [point for point in points if point.varied not in done]
    progress.stage(name, len(points))
    progress.advance(len(done))
    _write_table(folder, points, done)
    for result in _results(name, todo, seed, folder.path, cluster, command, resume):
        done[result.point.varied] = result
        progress.advance()
        _write_table(folder, points, done)
    return [done[point.varied] for point in points]


def finished(name: str, settings: BaseSettings, seed: int, folder: RunFolder) -> tuple[Verdict, ...] | None:
    """The verdicts of a run that is done, None where it is not; one that was not judged yet is judged from its data.

    Raises:
        InputError: if its folder was made with other settings.
    """
    if not all((folder.path / file).exists() for file in (SETTINGS, PROVENANCE)):
        return None
    saved = folder.load_settings()
    wanted = {"experiment": name, "seed": seed, **settings.model_dump(mode="json")}
    if to_json(saved) != to_json(wanted):
        differing = sorted(key for key in {*saved, *wanted} if saved.get(key) != wanted.get(key))
        raise InputError(
            f"{str(folder.path)!r} was computed with other settings ({', '.join(differing)}); name another folder"
        )
    if not (folder.path / VERDICT).exists():
        return judge_and_draw(experiments.load(name), settings, folder)
    return tuple(Verdict.from_dict(values) for values in folder.load_verdict())


def run_point(
    name: str, point: Point, seed: int, parent: Path, command: Sequence[str], resume: bool = False
) -> Done:
    """Run one point into its folder; an error becomes a line. This is what a worker executes."""
    folder = RunFolder.create(parent / point.folder)
    try:
        verdicts = run(experiments.load(name), point.settings, seed, folder, command=command, resume=resume)
    except Exception as error:  # the other points go on
        return Done(point, error=one_line(error))
    finally:
        folder.discard_if_empty()
    return Done(point, verdicts)


def _results(
    name: str,
    todo: Sequence[Point],
    seed: int,
    parent: Path,
    cluster: str | None,
    command: Sequence[str],
    resume: bool,
) -> Iterator[Done]:
    arguments = [(name, point, seed, parent, command, resume) for point in todo]
    if cluster is None or not todo:
        return itertools.starmap(run_point, arguments)
    return qgeom.cluster.starmap(run_point, arguments, cluster)


def _write_table(folder: RunFolder, points: Sequence[Point], done: Mapping[Varied, Done]) -> None:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    keys = [key for key, _ in points[0].varied]
    writer.writerow(
        [*keys, "side", "statistic", "estimate", "low", "high", "p_value", "n_seeds", "outcome", "error"]
    )
    for point in points:
        values = [value for _, value in point.varied]
        result = done.get(point.varied)
        if result is not None and result.error:
            writer.writerow([*values, "", "", "", "", "", "", "", "", result.error])
        for verdict in result.verdicts if result is not None else ():
            numbers = [verdict.estimate, *verdict.interval, verdict.p_value]
            writer.writerow(
                [
                    *values,
                    verdict.side,
                    verdict.statistic,
                    *map(repr, numbers),
                    verdict.n_seeds,
                    verdict.outcome,
                    "",
                ]
            )
    with folder.commit() as files:
        files.text(TABLE, stream.getvalue())
