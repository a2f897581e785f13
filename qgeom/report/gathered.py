"""The runs below a folder, read and checked: what is whole, what is lacking in it, and what cannot be read at all.

Nothing that stands in a run folder is trusted to be what qgeom writes: a folder may be half copied, edited by hand, or
from another version. What cannot be shown becomes a line of words; the other runs are shown.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import pydantic

from qgeom import experiments
from qgeom.errors import InputError, one_line
from qgeom.experiments.statistics import Verdict
from qgeom.report.wording import is_claim, plain_name
from qgeom.results import (
    CAMPAIGN_TABLE,
    DATA,
    FIGURE,
    PART_PREFIX,
    PROVENANCE,
    SETTINGS,
    STAGING_PREFIX,
    SWEEP_TABLE,
    VERDICT,
    RunFolder,
)

PAGES, BUNDLE, INDEX, SIDES = "report", "latex", "index.html", "side-by-side"
"""Folder of the pages, folder of the LaTeX bundle, and the names of two pages."""

_VERDICTS = pydantic.TypeAdapter(tuple[Verdict, ...])
_LONGEST_NAME = 80


@dataclass(frozen=True)
class Run:
    """A run that can be shown."""

    folder: RunFolder
    where: PurePosixPath
    """The folder, relative to the one that the report is of."""
    name: str
    """Of the experiment, or ``compare TASK``."""
    slug: str
    """The name of the run's page and of its files in the bundle, without a suffix; unique."""
    claim: str
    """In one sentence; empty for a comparison, and where this version neither knows the experiment nor finds one."""
    section: str
    """Of the paper; empty where this version does not know the experiment."""
    settings: Mapping[str, Any]
    provenance: Mapping[str, Any]
    changed: Mapping[str, Any]
    """The settings that differ from the defaults, where these are known; else all."""
    verdicts: tuple[Verdict, ...]
    files: Mapping[str, int]
    """Names of the files in the folder, with their sizes in bytes."""
    lacking: tuple[str, ...]
    """What is missing or cannot be read, one line each."""

    @property
    def title(self) -> str:
        """The name, and the folder where that says more."""
        return self.name if str(self.where) in (".", self.name) else f"{self.name} ({self.where})"

    def figure(self, *kinds: str) -> str | None:
        """The file of the figure in the first of these formats that is there."""
        return next((name for kind in kinds if (name := f"{FIGURE}.{kind}") in self.files), None)


@dataclass(frozen=True)
class Broken:
    """A folder that was meant to be a run and cannot be shown."""

    where: PurePosixPath
    reason: str


@dataclass(frozen=True)
class Gathered:
    """Everything that was found below a folder, in the order of the paths."""

    root: Path
    runs: tuple[Run, ...]
    broken: tuple[Broken, ...]
    tables: tuple[PurePosixPath, ...]
    """The tables of sweeps and of `qgeom run all`."""


def gather(directory: str | os.PathLike[str]) -> Gathered:
    """Read all run folders in a folder and below.

    Raises:
        InputError: if the folder is not there, or holds no runs, not even broken ones.
    """
    root = Path(directory)
    if not root.is_dir():
        raise InputError(f"{str(root)!r} is no folder; name one that holds runs, e.g. runs")
    runs, broken, tables, slugs = [], [], [], {SIDES}
    for path, names in _folders(root, broken):
        where = PurePosixPath(path.relative_to(root).as_posix())
        tables += [where / table for table in (CAMPAIGN_TABLE, SWEEP_TABLE) if table in names]
        reason = _unfinished(names)
        if reason is None and {SETTINGS, PROVENANCE} <= names:
            try:
                runs.append(_read(path, where, slugs))
            except (InputError, OSError, RecursionError) as error:
                reason = one_line(error)
        if reason:
            broken.append(Broken(where, reason))
    if not runs and not broken:
        raise InputError(
            f"{str(root)!r} holds no finished runs; make one with `qgeom run NAME --out {root / 'NAME'}`"
        )
    return Gathered(root, tuple(runs), tuple(broken), tuple(tables))


def _folders(root: Path, broken: list[Broken]) -> Iterator[tuple[Path, set[str]]]:
    """All folders that are not hidden, with the names in them; those that cannot be opened are broken."""

    def unreadable(error: OSError) -> None:
        path = Path(error.filename)
        broken.append(
            Broken(PurePosixPath(path.relative_to(root).as_posix()), (error.strerror or "").lower())
        )

    for parent, folders, files in os.walk(root, onerror=unreadable):
        names = {*folders, *files}
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(parent), names


def _unfinished(names: set[str]) -> str | None:
    """Why a folder that is meant to be a run is none; empty if it is not meant to be one, None if it is one."""
    if {SETTINGS, PROVENANCE} <= names:
        return None
    if parts := sum(name.startswith(PART_PREFIX) for name in names):
        return f"interrupted with {parts} parts done; the same command goes on from there"
    there = sorted(names & {SETTINGS, PROVENANCE, VERDICT, DATA})
    if there:
        missing = sorted({SETTINGS, PROVENANCE} - names)
        return f"half-written: there is {', '.join(there)} and no {' and no '.join(missing)}"
    if any(name.startswith(STAGING_PREFIX) for name in names):
        return "half-written: the run was interrupted while its files were saved; run it again"
    return ""


def _read(path: Path, where: PurePosixPath, slugs: set[str]) -> Run:
    """Read one run; raises InputError or OSError where it cannot be shown."""
    folder = RunFolder(path)
    settings, provenance = (
        _mapping(folder.load_settings, SETTINGS),
        _mapping(folder.load_provenance, PROVENANCE),
    )
    files = {
        entry.name: entry.stat().st_size
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name)
        if entry.is_file() and not entry.name.startswith(".") and not _is_ours(entry.name)
    }
    experiment = str(settings.get("experiment") or "")
    name = experiment or f"compare {settings.get('comparison') or settings.get('task') or path.name}"
    verdicts, lacking = _verdicts(folder, bool(experiment))
    lacking += _lacking_files(folder, files)
    claim, section, changed = _of_experiment(experiment, settings)
    claim = claim or _common_claim(verdicts)
    slug = _slug("." if str(where) == "." else str(where), name, slugs)
    return Run(
        folder,
        where,
        name,
        slug,
        claim,
        section,
        settings,
        provenance,
        changed,
        verdicts,
        files,
        tuple(lacking),
    )


def _is_ours(name: str) -> bool:
    return name == INDEX  # the report of a folder that is itself a run


def _mapping(load: Any, name: str) -> dict[str, Any]:
    content = load()
    if not isinstance(content, dict):
        raise InputError(f"{name} holds no settings by name")
    return content


def _verdicts(folder: RunFolder, is_experiment: bool) -> tuple[tuple[Verdict, ...], list[str]]:
    """The verdicts, and what is wrong with them; comparisons have none."""
    if not (folder.path / VERDICT).is_file():
        hint = "not judged yet: `qgeom redraw` makes the verdict and the figure from the data"
        return (), [hint] if is_experiment else []
    try:
        verdicts = _VERDICTS.validate_python(folder.load_verdict())
    except pydantic.ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole file"
        return (), [f"{VERDICT} is not one that this version reads: {where}: {first['msg'].lower()}"]
    except (InputError, OSError, RecursionError) as error:
        return (), [f"{VERDICT} cannot be read: {one_line(error)}"]
    for verdict in verdicts:
        if any("outcome" not in row for row in verdict.multiverse):
            return (), [f"{VERDICT} is not one that this version reads: a row of a multiverse has no outcome"]
    return verdicts, []


def _lacking_files(folder: RunFolder, files: Mapping[str, int]) -> list[str]:
    found = []
    if DATA not in files:
        found.append(f"there is no {DATA}")
    else:
        try:
            with h5py.File(folder.path / DATA, "r"):
                pass
        except OSError:
            found.append(f"{DATA} cannot be read; it is cut off or no netCDF file")
    if not any(f"{FIGURE}.{kind}" in files for kind in ("svg", "png", "pdf")):
        found.append("there is no figure")
    return found


def _of_experiment(name: str, settings: Mapping[str, Any]) -> tuple[str, str, dict[str, Any]]:
    """Claim, section of the paper, and the settings that differ from the defaults."""
    own = {key: value for key, value in settings.items() if key != "experiment"}
    try:
        module = experiments.load(name)
    except InputError:  # a comparison, or an experiment of another version
        return "", "", own
    default = {"seed": 0, **module.Settings().model_dump(mode="json")}
    changed = {key: value for key, value in own.items() if key not in default or default[key] != value}
    return module.CLAIM, module.SECTION, changed


def _common_claim(verdicts: tuple[Verdict, ...]) -> str:
    """The claim that all verdicts are about; empty where they are about several, or there are none."""
    claims = {verdict.claim for verdict in verdicts if is_claim(verdict)}
    return claims.pop() if len(claims) == 1 else ""


def _slug(where: str, name: str, taken: set[str]) -> str:
    """A plain name for a folder: itself where it is plain, else with a few digits that tell it from its likes."""
    text = name if where == "." else where
    plain = plain_name(text)[:_LONGEST_NAME].strip("-")
    digits = hashlib.sha256(os.fsencode(text)).hexdigest()
    if plain == text and plain not in taken:
        slug = plain
    else:
        slug = next(one for n in range(8, 65) if (one := f"{plain or 'run'}-{digits[:n]}") not in taken)
    taken.add(slug)
    return slug
