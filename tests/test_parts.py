"""Parts of a run: found again by what determines them, computed otherwise; an interruption loses the one that ran."""

from __future__ import annotations

import inspect
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from qgeom import kept_parts
from qgeom.campaign import stated_seconds
from qgeom.experiments import NAMES, base, fisher_kl, load
from qgeom.experiments.parts import Parts
from qgeom.results import RunFolder

TINY = ("seeds=2", "qubits=2", "layers=1", "hidden=2", "directions=2", "sizes=3", "samples=2")


class Computed:
    """Datasets, with a count of how many were computed."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> xr.Dataset:
        self.count += 1
        return xr.Dataset(
            {"z": ("k", np.array([1 + 2j, np.nan])), "name": "a part", "n": self.count},
            coords={"k": ["p", "q"]},
        )


def test_a_finished_part_is_read_and_not_computed_again(tmp_path: Path):
    compute, identity = Computed(), {"experiment": "x", "seed": 0}
    first = Parts(RunFolder(tmp_path), identity).part("circuit", compute)
    again = Parts(RunFolder(tmp_path), identity).part("circuit", compute)
    assert compute.count == 1
    xr.testing.assert_identical(first, again)


def test_longer_text_can_stand_beside_that_of_a_part(tmp_path: Path):
    def compute() -> xr.Dataset:
        return xr.Dataset(coords={"kind": ["dense"]})

    Parts(RunFolder(tmp_path)).part("one", compute)
    found = Parts(RunFolder(tmp_path)).part("one", compute)
    whole = xr.concat([found, xr.Dataset(coords={"kind": ["random wiring"]})], dim="kind")
    whole.to_netcdf(tmp_path / "whole.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "whole.nc", engine="h5netcdf") as again:
        assert list(again["kind"].values) == ["dense", "random wiring"]


@pytest.mark.parametrize("other", [{"seed": 1}, {"seed": 0, "qubits": 5}])
def test_other_settings_find_nothing(tmp_path: Path, other):
    compute = Computed()
    Parts(RunFolder(tmp_path), {"seed": 0}).part("circuit", compute)
    Parts(RunFolder(tmp_path), other).part("circuit", compute)
    Parts(RunFolder(tmp_path), {"seed": 0}).part("network", compute)
    assert compute.count == 3


def test_another_precision_finds_nothing(tmp_path: Path):
    compute = Computed()
    Parts(RunFolder(tmp_path)).part("circuit", compute)
    with jax.enable_x64(False):
        Parts(RunFolder(tmp_path)).part("circuit", compute)
    assert compute.count == 2


def test_a_damaged_part_is_computed_again(tmp_path: Path):
    compute = Computed()
    Parts(RunFolder(tmp_path)).part("circuit", compute)
    (path,) = kept_parts.kept(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    assert int(Parts(RunFolder(tmp_path)).part("circuit", compute)["n"]) == 2


def test_two_parts_of_one_name_are_a_mistake(tmp_path: Path):
    several = Parts(RunFolder(tmp_path))
    several.part("circuit", Computed())
    with pytest.raises(ValueError, match="two parts of one run are called 'circuit'"):
        several.part("circuit", Computed())


def test_without_a_folder_nothing_is_kept():
    compute, nowhere = Computed(), Parts()
    nowhere.part("circuit", compute)
    nowhere.part("circuit", compute)
    assert compute.count == 2


def test_seeds_come_in_blocks_and_are_joined():
    def compute(some: tuple[int, ...]) -> xr.Dataset:
        return xr.Dataset(
            {"t": ("seed", np.array(some) ** 2), "paths": ("k", np.arange(3.0))}, coords={"seed": list(some)}
        )

    whole = Parts().over_seeds("squares", range(3, 15), compute, block=5)
    xr.testing.assert_identical(whole, compute(tuple(range(3, 15))))


class Interrupt:
    """Progress that is interrupted at a stage."""

    def __init__(self, at: int) -> None:
        self.left = at

    def stage(self, description: str, total: int) -> None: ...

    def advance(self, steps: int = 1) -> None:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def test_an_interrupted_experiment_loses_one_part_and_ends_with_the_same_numbers(tmp_path: Path):
    settings = base.parse_settings(fisher_kl.Settings, TINY)
    whole = RunFolder.create(tmp_path / "whole")
    base.run(fisher_kl, settings, 3, whole)
    folder = RunFolder.create(tmp_path / "again")
    with pytest.raises(KeyboardInterrupt):
        base.run(fisher_kl, settings, 3, folder, Interrupt(5))  # two seeds of two cases are done
    assert len(kept_parts.kept(folder.path)) == 2
    counting = Interrupt(10**6)
    base.run(fisher_kl, settings, 3, folder, counting, resume=True)
    cases = whole.load_data().sizes["case"]
    assert 10**6 - counting.left == 2 * (cases - 2)
    xr.testing.assert_identical(folder.load_data(), whole.load_data())
    assert not kept_parts.kept(folder.path)


def test_without_resume_parts_of_an_earlier_run_are_thrown_away(tmp_path: Path):
    settings = base.parse_settings(fisher_kl.Settings, TINY)
    folder = RunFolder.create(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        base.run(fisher_kl, settings, 3, folder, Interrupt(5))
    with pytest.raises(KeyboardInterrupt):
        base.run(fisher_kl, settings, 3, folder, Interrupt(1))
    assert not kept_parts.kept(folder.path)


@pytest.mark.parametrize("name", NAMES)
def test_every_experiment_has_parts_and_states_both_costs(name: str):
    module = load(name)
    assert inspect.signature(module.compute).parameters["parts"].default is not inspect.Parameter.empty
    text = inspect.getsource(module)
    assert "parts.part(" in text or "parts.over_seeds(" in text
    small, paper = stated_seconds(module.COST), stated_seconds(module.PAPER_COST)
    assert small is not None
    assert paper is not None
    assert paper > small
