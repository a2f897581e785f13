"""The parts of a comparison: computed side by side, kept in the folder until the whole is saved."""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, NamedTuple, TypeVar

import jax
import xarray as xr

from qgeom.kept_parts import KeptParts
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


class Job(NamedTuple):
    """One part: all that determines it, how it is computed, and the steps of progress it takes."""

    identity: tuple[Any, ...]
    compute: Callable[[Progress], xr.Dataset]
    work: int


def gathered(
    folder: RunFolder | None, jobs: Mapping[_Key, Job], progress: Progress
) -> dict[_Key, xr.Dataset]:
    """Every job's part: taken from the folder if it is there, else computed, side by side, and kept."""
    parts = KeptParts(folder)
    names = {key: _written(job.identity) for key, job in jobs.items()}
    done, missing = {}, {}
    for key, job in jobs.items():
        name = names[key]
        if name is None or (part := parts.load(name)) is None:
            missing[key] = job.compute
        else:
            done[key] = part
            progress.advance(job.work)
    for key, part in side_by_side(missing, progress):
        done[key] = part
        if (name := names[key]) is not None:
            parts.save(name, part)
    return done


def _written(identity: tuple[Any, ...]) -> bytes | None:
    """The identity as bytes; None for what cannot be written down, such as a user's own class: no resuming."""
    try:
        return pickle.dumps(identity, protocol=4)
    except (pickle.PicklingError, TypeError, AttributeError):
        return None
