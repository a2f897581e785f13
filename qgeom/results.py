"""Run folders: what a computation leaves behind, complete or not at all.

A run folder holds ``settings.json``, ``data.nc`` (netCDF, real and imaginary parts apart), ``verdict.json``,
``provenance.json`` and ``figure.pdf``, ``.svg``, ``.png``; a comparison adds tables. Files are prepared in a hidden
folder beside their targets, flushed to disk, and moved into place together with Ctrl-C held back, so that no reader
ever sees half a file or the files of two runs mixed.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from qgeom.errors import InputError
from qgeom.figures import style

SETTINGS, DATA, VERDICT, PROVENANCE, FIGURE = (
    "settings.json",
    "data.nc",
    "verdict.json",
    "provenance.json",
    "figure",
)

SWEEP_TABLE, CAMPAIGN_TABLE = "sweep.csv", "run-all.csv"
"""What a folder of many runs holds beside their folders."""

STAGING_PREFIX, PART_PREFIX = ".incomplete-", ".part-"
"""Hidden names in a run folder: files that are being prepared, and finished parts of a run that is not finished."""

_ENGINE = "h5netcdf"
_REAL, _IMAGINARY = "_real", "_imag"


class RunFolder:
    """A folder of results.

    ``RunFolder(path)`` is for reading; :meth:`create` makes one to write to, and finds out before anything is
    computed whether that will work.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._made = False

    def __repr__(self) -> str:
        return f"RunFolder({os.fspath(self.path)!r})"

    @classmethod
    def create(cls, path: str | os.PathLike[str]) -> RunFolder:
        """A folder to write to, made if it is not there.

        Raises:
            InputError: one line, where the folder cannot be made or written to.
        """
        folder = cls(path)
        try:
            folder._made = not folder.path.exists()
            folder.path.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(folder._staging())  # writing something is the only sure test
        except FileExistsError:
            raise InputError(f"cannot write results to {str(path)!r}: it is a file; name a folder") from None
        except OSError as error:
            reason = error.strerror or str(error)
            raise InputError(
                f"cannot write results to {str(path)!r}: {reason.lower()}; name another folder"
            ) from None
        return folder

    def discard_if_empty(self) -> None:
        """Remove the folder if :meth:`create` made it and nothing was written, as after Ctrl-C."""
        if self._made:
            with suppress(OSError):
                self.path.rmdir()

    @contextmanager
    def commit(self) -> Iterator[_Files]:
        """Write several files; all of them appear when the block ends, none if it fails."""
        staging = self._staging()
        try:
            yield _Files(staging)
            for path in staging.iterdir():
                _flush(path)
            with _interrupts_held_back():
                for path in sorted(staging.iterdir()):
                    os.replace(path, self.path / path.name)
            _flush(self.path)
        except OSError as error:
            if error.filename is None and error.strerror is None:
                raise
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"cannot write results to {str(self.path)!r}: {reason}") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    def load_settings(self) -> dict[str, Any]:
        """The settings, the experiment's name and the seed among them."""
        return self._load_json(SETTINGS)

    def load_verdict(self) -> list[dict[str, Any]]:
        """The verdicts as plain types."""
        return self._load_json(VERDICT)

    def load_provenance(self) -> dict[str, Any]:
        """Seed, versions, device, precision, commit, command, time."""
        return self._load_json(PROVENANCE)

    def load_data(self) -> xr.Dataset:
        """The data, in memory, complex where they were complex."""
        path = self._existing(DATA)
        with xr.open_dataset(path, engine=_ENGINE) as data:
            return join_complex(data.load())

    def figures(self) -> list[Path]:
        """The figure files that are there."""
        return [path for kind in style.FORMATS if (path := self.path / f"{FIGURE}.{kind}").exists()]

    def _staging(self) -> Path:
        return Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=self.path))

    def _load_json(self, name: str) -> Any:
        path = self._existing(name)
        try:
            return from_json(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{str(path)!r} is not a file that qgeom wrote: {error}") from None

    def _existing(self, name: str) -> Path:
        path = self.path / name
        if not path.is_file():
            raise InputError(f"{str(self.path)!r} is no run folder: it has no {name}")
        return path


class _Files:
    """The files of a run that are about to appear."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def settings(self, settings: Mapping[str, Any]) -> None:
        self.json(SETTINGS, settings)

    def provenance(self, provenance: Mapping[str, Any]) -> None:
        self.json(PROVENANCE, provenance)

    def verdict(self, verdicts: Any) -> None:
        self.json(VERDICT, verdicts)

    def data(self, data: xr.Dataset) -> None:
        split_complex(data).to_netcdf(self._folder / DATA, engine=_ENGINE)

    def figure(self, figure: Figure, name: str = FIGURE) -> None:
        style.save(figure, self._folder / name)

    def json(self, name: str, content: Any) -> None:
        self.text(name, to_json(content))

    def text(self, name: str, content: str) -> None:
        (self._folder / name).write_text(content, encoding="utf-8")

    def write(self, name: str, writer: Callable[[Path], object]) -> None:
        """Let ``writer`` write the file ``name``."""
        writer(self._folder / name)


def split_complex(data: xr.Dataset) -> xr.Dataset:
    """Complex variables as pairs ``name_real``, ``name_imag``: netCDF has no complex numbers."""
    out = data
    for name, variable in data.variables.items():
        if np.iscomplexobj(variable):
            if name in data.coords:
                raise TypeError(f"the coordinate {name!r} is complex; store it as a variable")
            parts = {f"{name}{_REAL}": data[name].real, f"{name}{_IMAGINARY}": data[name].imag}
            clash = [part for part in parts if part in data]
            if clash:
                raise ValueError(f"cannot store the complex variable {name!r}: {clash[0]!r} is taken")
            marked = {
                part: values.assign_attrs(data[name].attrs, complex_part_of=name)
                for part, values in parts.items()
            }
            out = out.drop_vars([name]).assign(marked)
    return out


def join_complex(data: xr.Dataset) -> xr.Dataset:
    """The inverse of :func:`split_complex`."""
    out = data
    for part in list(data.data_vars):
        name = data[part].attrs.get("complex_part_of")
        if name is None or part != f"{name}{_REAL}":
            continue
        other = f"{name}{_IMAGINARY}"
        joined = data[part] + 1j * data[other]
        joined.attrs = {key: value for key, value in data[part].attrs.items() if key != "complex_part_of"}
        out = out.drop_vars([part, other]).assign({name: joined})
    return out


def to_json(content: Any) -> str:
    """Strict JSON of plain and NumPy types; numbers that JSON lacks become "nan", "inf", "-inf"."""
    text = json.dumps(_plain(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # Bytes of the command line that are no UTF-8 come as halves of surrogate pairs; JSON writes them as escapes.
    return text.encode("utf-8", "backslashreplace").decode()


def from_json(text: str) -> Any:
    """The inverse of :func:`to_json`."""
    return _numbers(json.loads(text))


_NOT_FINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def _plain(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(key): _plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple | set | frozenset):
        return [_plain(value) for value in content]
    if isinstance(content, bool | str | int) or content is None:
        return content
    if isinstance(content, float):
        return content if math.isfinite(content) else str(float(content))
    if isinstance(content, os.PathLike):
        return os.fspath(content)
    if hasattr(content, "tolist"):  # NumPy and JAX arrays and scalars
        return _plain(content.tolist())
    raise TypeError(f"cannot write {type(content).__name__} to JSON; convert it to numbers or text")


def _numbers(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _numbers(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_numbers(value) for value in content]
    return _NOT_FINITE.get(content, content) if isinstance(content, str) else content


def _flush(path: Path) -> None:
    """Make sure that the disk has it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        return  # some file systems cannot flush a folder
    finally:
        os.close(descriptor)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Ctrl-C takes effect after the block. Only the main thread receives it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[tuple[Any, Any]] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: arrived.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if arrived and callable(before):
            before(*arrived[0])
