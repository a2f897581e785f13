"""Finished parts of long work: kept in its run folder until the whole is saved, so that an interruption loses little.

A part is a file called after a digest of all that determines it. Whoever works in parts says what that is; the commit
of qgeom, the versions of the libraries and the precision are added here.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import xarray as xr

from qgeom.provenance import git_commit, precision, versions
from qgeom.results import PART_PREFIX, RunFolder, join_complex, split_complex, to_json


class KeptParts:
    """Where the parts of a run are kept; nowhere, if no folder is given."""

    def __init__(self, folder: RunFolder | None = None) -> None:
        self._folder = folder

    @property
    def anywhere(self) -> bool:
        """Whether there is a folder."""
        return self._folder is not None

    def load(self, identity: bytes) -> xr.Dataset | None:
        """The part, if it is there; None too if its file is damaged."""
        path = self._path(identity)
        if path is None or not path.is_file():
            return None
        try:
            with xr.open_dataset(path, engine="h5netcdf") as part:
                # Without what it says of the file: text of one part would be cut to its width in another.
                return join_complex(part.load()).drop_encoding()
        except (OSError, ValueError):
            return None  # compute it again

    def save(self, identity: bytes, part: xr.Dataset) -> None:
        """Keep a part, all or nothing."""
        path = self._path(identity)
        if path is None or self._folder is None:
            return
        with self._folder.commit() as files:
            files.write(path.name, lambda target: split_complex(part).to_netcdf(target, engine="h5netcdf"))

    def _path(self, identity: bytes) -> Path | None:
        if self._folder is None:
            return None
        made_by = to_json({"commit": git_commit(), "versions": versions(), "precision": precision()})
        digest = hashlib.sha256(identity + made_by.encode()).hexdigest()[:20]
        return self._folder.path / f"{PART_PREFIX}{digest}.nc"


def kept(path: str | os.PathLike[str]) -> list[Path]:
    """The files of the parts in a folder."""
    return sorted(Path(path).glob(f"{PART_PREFIX}*.nc"))


def discard(path: str | os.PathLike[str]) -> None:
    """Remove them."""
    for part in kept(path):
        part.unlink(missing_ok=True)
