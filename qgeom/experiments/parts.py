"""Finished parts of an experiment: kept in its folder until the whole is saved, so that an interruption loses one.

An experiment computes in parts of some seconds each, and names them:

    circuit = parts.part("circuit, penalty 0.1", lambda: train_and_measure(...))
    chains = parts.over_seeds("chains", seeds, lambda some: bounds_of_chains(settings, some, progress))

A part is found again if the experiment, its settings, the seed, the precision, and the versions of qgeom and of the
libraries are the same; what it holds must depend on nothing else but its name.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import xarray as xr

from qgeom.provenance import git_commit, versions
from qgeom.results import PART_PREFIX, RunFolder, join_complex, split_complex, to_json

BLOCK = 5
"""Seeds in a part, unless said otherwise: the two or three blocks of a small preset share their compiled programs."""


class Parts:
    """Where the parts of a run are kept; nowhere, if no folder is given."""

    def __init__(self, folder: RunFolder | None = None, identity: Mapping[str, Any] | None = None) -> None:
        """Parts in a folder.

        Args:
            folder: of the run.
            identity: experiment, settings and seed: whatever tells one run from another.
        """
        self._folder = folder
        self._identity = dict(identity or {})
        self._named: set[str] = set()

    def part(self, name: str, compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """The part of this name: read from the folder if an earlier run has finished it, else computed and kept.

        Raises:
            ValueError: if a run names two parts alike.
        """
        path = self._path(name)
        if path is not None:
            if name in self._named:
                raise ValueError(f"two parts of one run are called {name!r}")
            self._named.add(name)
            if (found := _read(path)) is not None:
                return found
        data = compute()
        if path is not None and self._folder is not None:
            with self._folder.commit() as files:
                files.write(
                    path.name, lambda target: split_complex(data).to_netcdf(target, engine="h5netcdf")
                )
        return data

    def over_seeds(
        self,
        name: str,
        seeds: Sequence[int],
        compute: Callable[[tuple[int, ...]], xr.Dataset],
        block: int = BLOCK,
    ) -> xr.Dataset:
        """One part for every ``block`` of seeds, joined along ``"seed"``.

        What has no dimension ``"seed"`` is the same for all blocks, and taken from the first.
        """
        every = tuple(int(seed) for seed in seeds)
        found = [
            self.part(f"{name}, seeds {some}", lambda some=some: compute(some))
            for some in (every[k : k + block] for k in range(0, len(every), block))
        ]
        return xr.concat(
            found,
            dim="seed",
            data_vars="minimal",
            coords="minimal",
            compat="override",
            join="outer",
            combine_attrs="override",
        )

    def _path(self, name: str) -> Path | None:
        if self._folder is None:
            return None
        made_by = {
            "commit": git_commit(),
            "versions": versions(),
            "dtype": str(jnp.result_type(float)),
        }
        content = to_json({**self._identity, **made_by, "part": name})
        digest = hashlib.sha256(content.encode()).hexdigest()[:20]
        return self._folder.path / f"{PART_PREFIX}{digest}.nc"


def kept(path: str | os.PathLike[str]) -> list[Path]:
    """The files of the parts in a folder."""
    return sorted(Path(path).glob(f"{PART_PREFIX}*.nc"))


def discard(path: str | os.PathLike[str]) -> None:
    """Remove them."""
    for part in kept(path):
        part.unlink(missing_ok=True)


def _read(path: Path) -> xr.Dataset | None:
    if not path.is_file():
        return None
    try:
        with xr.open_dataset(path, engine="h5netcdf") as part:
            return join_complex(part.load())
    except (OSError, ValueError):
        return None  # damaged: compute it again
