"""Finished parts of an experiment: kept in its folder until the whole is saved, so that an interruption loses one.

An experiment computes in parts of some seconds each, and names them:

    circuit = parts.part("circuit, penalty 0.1", lambda: train_and_measure(...))
    chains = parts.over_seeds("chains", seeds, lambda some: bounds_of_chains(settings, some, progress))

A part is found again if the experiment, its settings, the seed, the precision, and the versions of qgeom and of the
libraries are the same; what it holds must depend on nothing else but its name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import xarray as xr

from qgeom.kept_parts import KeptParts
from qgeom.results import RunFolder, to_json

BLOCK = 5
"""Seeds in a part, unless said otherwise: the two or three blocks of a small preset share their compiled programs."""


class Parts:
    """The parts of one run."""

    def __init__(self, folder: RunFolder | None = None, identity: Mapping[str, Any] | None = None) -> None:
        """Parts in a folder.

        Args:
            folder: of the run; without one nothing is kept.
            identity: experiment, settings and seed: whatever tells one run from another.
        """
        self._kept = KeptParts(folder)
        self._identity = dict(identity or {})
        self._named: set[str] = set()

    def part(self, name: str, compute: Callable[[], xr.Dataset]) -> xr.Dataset:
        """The part of this name: read from the folder if an earlier run has finished it, else computed and kept.

        Raises:
            ValueError: if a run names two parts alike.
        """
        if not self._kept.anywhere:
            return compute()
        if name in self._named:
            raise ValueError(f"two parts of one run are called {name!r}")
        self._named.add(name)
        identity = to_json({**self._identity, "part": name}).encode()
        if (found := self._kept.load(identity)) is not None:
            return found
        data = compute()
        self._kept.save(identity, data)
        return data

    def over_seeds(
        self,
        name: str,
        seeds: Iterable[int],
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
