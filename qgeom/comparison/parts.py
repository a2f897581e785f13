"""Finished parts of a comparison: computed side by side, kept in the folder until the whole is saved."""

from __future__ import annotations

import hashlib
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import xarray as xr

from qgeom.comparison.result import PART_PREFIX
from qgeom.progress import Progress
from qgeom.provenance import cpus
from qgeom.results import RunFolder

_Key = TypeVar("_Key")


class Interrupted(Exception):
    """Another part failed, or the user pressed Ctrl-C."""


class _Shared:
    """One progress for several threads, through which they also learn that they should end."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._lock = threading.Lock()
        self.ended = threading.Event()

    def stage(self, description: str, total: int) -> None:
        raise NotImplementedError("a part is no stage of its own")

    def advance(self, steps: int = 1) -> None:
        if self.ended.is_set():
            raise Interrupted
        with self._lock:
            self._progress.advance(steps)


def side_by_side(
    parts: Mapping[_Key, Callable[[Progress], xr.Dataset]], progress: Progress
) -> Iterator[tuple[_Key, xr.Dataset]]:
    """The parts as they are finished, two at a time: compiling and small batches leave most processors idle."""
    shared = _Shared(progress)
    with ThreadPoolExecutor(max_workers=min(2, cpus())) as pool:
        futures = {pool.submit(part, shared): key for key, part in parts.items()}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            shared.ended.set()
            pool.shutdown(wait=False, cancel_futures=True)


def concatenated(parts: list[xr.Dataset], dimension: str) -> xr.Dataset:
    """Side by side along a new dimension; what one part lacks (steps, parameters) is NaN."""
    return xr.concat(
        parts, dim=dimension, join="outer", data_vars="all", coords="minimal", compat="override",
        combine_attrs="override",
    )  # fmt: skip


def checked_seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    """The seeds 0, 1, ... if a number is given, else these; one line if they are none."""
    chosen = tuple(range(seeds)) if isinstance(seeds, int) else tuple(int(seed) for seed in seeds)
    if not chosen:
        raise ValueError("a comparison needs at least 1 seed")
    if len(set(chosen)) != len(chosen):
        raise ValueError(f"the seeds {chosen} repeat; each seed is one independent repetition")
    if not all(0 <= seed < 2**32 for seed in chosen):
        raise ValueError(f"seeds are integers from 0 to 2**32 - 1, not {chosen}")
    return chosen


def require_x64(name: str) -> None:
    """One line if a comparison that needs double precision runs without."""
    if not jax.config.read("jax_enable_x64"):
        raise ValueError(
            f"{name} needs double precision: --precision 64, or jax.config.update('jax_enable_x64', True)"
        )


class Parts:
    """Finished parts in a folder, found again by a fingerprint of all that determines them."""

    def __init__(self, folder: RunFolder | None) -> None:
        self._folder = folder

    def load(self, identity: tuple[Any, ...]) -> xr.Dataset | None:
        """The part, if it is there."""
        path = self._path(identity)
        if path is None or not path.is_file():
            return None
        try:
            with xr.open_dataset(path, engine="h5netcdf") as part:
                return part.load()
        except (OSError, ValueError):
            return None  # not ours, or damaged: compute it again

    def save(self, identity: tuple[Any, ...], part: xr.Dataset) -> None:
        """Keep a part; nothing without a folder."""
        path = self._path(identity)
        if path is None or self._folder is None:
            return
        with self._folder.commit() as files:
            files.write(path.name, lambda target: part.to_netcdf(target, engine="h5netcdf"))

    def _path(self, identity: tuple[Any, ...]) -> Path | None:
        if self._folder is None:
            return None
        try:
            content = pickle.dumps((identity, jax.__version__, str(jnp.zeros(()).dtype)), protocol=4)
        except (pickle.PicklingError, TypeError, AttributeError):
            return None  # a description of the user's that cannot be written down: no resuming
        return self._folder.path / f"{PART_PREFIX}{hashlib.sha256(content).hexdigest()[:20]}.nc"
