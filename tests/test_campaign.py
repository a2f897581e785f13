"""`qgeom run all`, with fake experiments: order, budget, what is kept, what fails, what an interruption leaves."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from qgeom import cli, errors, experiments
from qgeom.campaign import Task, campaign, plan, stated_seconds
from qgeom.errors import InputError
from qgeom.experiments.statistics import judge
from qgeom.results import RunFolder
from qgeom.settings import BaseSettings


class Clock:
    """A clock that goes only when a fake experiment computes."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Lab:
    """Fake experiments that take the time they are told to, and note that they ran."""

    def __init__(self, monkeypatch) -> None:
        self.clock, self.ran, self.modules = Clock(), [], {}
        monkeypatch.setattr(experiments, "load", lambda name: self.modules[name])
        monkeypatch.setattr(jax, "clear_caches", lambda: None)  # the other tests need them

    def add(self, name: str, cost: str = "1 min", takes: float = 60.0, does=lambda: None, paper="") -> None:
        def compute(settings, seed, progress, parts) -> xr.Dataset:
            self.ran.append(name)
            self.clock.now += takes
            does()
            return xr.Dataset({"t": ("seed", np.full(settings.seeds, float(seed)))})

        def verdict(data, settings):
            return judge("a claim", "T", 1.0, (0.9, 1.1), direction="greater", n_seeds=settings.seeds)

        self.modules[name] = SimpleNamespace(
            NAME=name, CLAIM="a claim", SECTION="I", COST=cost, PAPER_COST=paper, PAPER={"seeds": 12},
            Settings=BaseSettings, compute=compute, verdict=verdict, draw=lambda data, verdicts: Figure(),
        )  # fmt: skip

    def run(self, path: Path, minutes: float = math.inf, preset: str = "small", **more):
        tasks = plan(preset, tuple(self.modules))
        return campaign(tasks, 0, RunFolder.create(path), 60 * minutes, clock=self.clock, **more)


@pytest.fixture
def lab(monkeypatch) -> Lab:
    return Lab(monkeypatch)


def states(outcomes) -> dict[str, str]:
    return {outcome.task.name: outcome.state for outcome in outcomes}


def rows(path: Path) -> dict[str, dict[str, str]]:
    with (path / "run-all.csv").open(newline="") as stream:
        return {row["experiment"]: row for row in csv.DictReader(stream)}


def fail() -> None:
    raise RuntimeError("it broke\nhere")


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90 s", 90),
        ("2 min", 120),
        ("1.5 h on two cores", 5400),
        ("about 40 s; paper: 2 h", 40),
        ("no time", None),
    ],
)
def test_costs_are_read(text: str, seconds: float | None):
    assert stated_seconds(text) == seconds


def test_every_experiment_states_a_cost_that_can_be_read():
    assert all(task.cost and task.cost <= 3600 for task in plan("small"))
    assert sorted(task.name for task in plan("small")) == sorted(experiments.NAMES)
    costs = [task.cost for task in plan("small")]
    assert costs == sorted(costs)


def test_the_cheapest_comes_first_and_what_does_not_fit_is_left_out_with_the_reason(lab: Lab, tmp_path: Path):
    lab.add("long", "3 min", 180)
    lab.add("short", "30 s", 30)
    lab.add("middle", "1 min", 60)
    done = lab.run(tmp_path, minutes=2)
    assert lab.ran == ["short", "middle"]
    assert states(done) == {"short": "done", "middle": "done", "long": "left out"}
    assert "180 s" in done[-1].reason
    assert "30 s of the budget are left" in done[-1].reason
    assert rows(tmp_path)["long"]["reason"] == done[-1].reason
    assert not (tmp_path / "long").exists()
    assert {path.name for path in (tmp_path / "short").iterdir()} >= {"data.nc", "verdict.json", "figure.pdf"}


def test_a_machine_that_is_slower_than_stated_begins_less(lab: Lab, tmp_path: Path):
    lab.add("first", "30 s", takes=90)
    lab.add("second", "1 min", takes=180)  # would fit into the 150 s that are left, if it took what it says
    assert states(lab.run(tmp_path, minutes=4)) == {"first": "done", "second": "left out"}


def test_a_machine_that_is_faster_is_not_trusted_to_stay_so(lab: Lab, tmp_path: Path):
    lab.add("first", "1 min", takes=1)
    lab.add("second", "2 min", takes=1)
    assert states(lab.run(tmp_path, minutes=1.5)) == {"first": "done", "second": "left out"}


def test_without_a_stated_cost_the_budget_is_asked_only_whether_it_is_spent(lab: Lab, tmp_path: Path):
    lab.add("a", "1 min", takes=100)
    lab.add("b", "2 min", takes=1)
    assert states(lab.run(tmp_path / "x", minutes=1, preset="paper")) == {"a": "done", "b": "left out"}
    lab.add("a", "1 min", takes=100, paper="1 h")
    assert states(lab.run(tmp_path / "y", minutes=1, preset="paper")) == {"a": "left out", "b": "done"}


def test_one_failure_does_not_end_the_others_and_leaves_no_folder(lab: Lab, tmp_path: Path):
    lab.add("a", "1 s", 1, fail)
    lab.add("b", "2 s", 2)
    done = lab.run(tmp_path)
    assert states(done) == {"a": "failed", "b": "done"}
    assert done[0].reason == "RuntimeError: it broke here"
    assert rows(tmp_path)["a"]["state"] == "failed"
    assert not (tmp_path / "a").exists()


def test_what_is_there_is_kept_and_only_on_request(lab: Lab, tmp_path: Path):
    lab.add("a", "1 s", 1)
    lab.add("b", "2 s", 2, fail)
    lab.run(tmp_path)
    with pytest.raises(InputError, match="holds 1 finished experiments; add --resume"):
        lab.run(tmp_path)
    assert lab.ran == ["a", "b"]
    lab.add("b", "2 s", 2)
    done = lab.run(tmp_path, resume=True)
    assert lab.ran == ["a", "b", "b"]
    assert states(done) == {"a": "kept", "b": "done"}
    assert [verdict.outcome for verdict in done[0].verdicts] == ["supported"]
    with pytest.raises(InputError, match=r"other settings \(seeds\)"):
        lab.run(tmp_path, preset="paper", resume=True)
    assert len(lab.ran) == 3, "nothing is computed into a folder of other settings"


def test_an_interruption_leaves_what_is_done_and_says_what_is_not(lab: Lab, tmp_path: Path):
    lab.add("a", "1 s", 1)
    lab.add("b", "2 s", 2, interrupt)
    lab.add("c", "3 s", 3)
    told = []
    with pytest.raises(KeyboardInterrupt):
        lab.run(tmp_path, tell=told.append)
    assert states(told) == {"a": "done", "b": "left out", "c": "left out"}
    assert {name: row["state"] for name, row in rows(tmp_path).items()} == states(told)
    assert {path.name for path in tmp_path.iterdir()} == {"a", "run-all.csv"}
    lab.add("b", "2 s", 2)
    assert states(lab.run(tmp_path, resume=True)) == {"a": "kept", "b": "done", "c": "done"}


@pytest.mark.parametrize("minutes", [0, -1, math.nan])
def test_a_budget_is_positive(lab: Lab, tmp_path: Path, minutes: float):
    lab.add("a")
    with pytest.raises(InputError, match="a budget is a positive number of minutes"):
        lab.run(tmp_path, minutes)


def test_a_task_without_a_cost_is_shown_as_such(lab: Lab, tmp_path: Path):
    lab.add("a", "who knows")
    [task] = plan("small", ("a",))
    assert task == Task(lab.modules["a"], task.settings, None)
    lab.run(tmp_path, minutes=5)
    assert rows(tmp_path)["a"]["stated_seconds"] == ""


# --- on the command line ---------------------------------------------------------------------------------------------


@pytest.fixture
def command(lab: Lab, monkeypatch, capsys):
    """Run the command with the fake experiments: exit code, standard output, standard error."""
    monkeypatch.setattr(cli, "_configure", lambda precision, device: None)
    monkeypatch.setattr("qgeom.campaign.plan", lambda preset: plan(preset, tuple(lab.modules)))

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as done:
            cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return int(done.value.code or 0), captured.out, captured.err

    return run


def test_the_command_says_what_became_of_each_and_ends_with_1_after_a_failure(
    command, lab: Lab, tmp_path: Path
):
    lab.add("a", "1 s", 0.01)
    lab.add("b", "2 s", 0.01, fail)
    lab.add("c", "3 h", 0.01)
    code, out, err = command("run", "all", "--budget", 1, "--out", tmp_path / "all")
    assert code == errors.FAILURE
    assert err.startswith("qgeom: RuntimeError: 1 of 3 experiments failed: b: RuntimeError: it broke here")
    assert err.count("\n") == 1
    assert "a: done" in out
    assert "c: left out: takes about 10800 s" in out
    lab.add("b", "2 s", 0.01)
    code, out, err = command("run", "all", "--budget", 1, "--out", tmp_path / "all", "--resume")
    assert (code, err) == (0, "")
    assert "a: kept" in out
    assert command("report", tmp_path / "all", "--latex")[0] == 0
    assert (tmp_path / "all" / "report" / "a.html").is_file()
    assert (tmp_path / "all" / "latex" / "a.tex").is_file()


def test_one_experiment_is_kept_with_resume(command, lab: Lab, tmp_path: Path):
    lab.add("a")
    for _ in range(2):
        code, out, err = command("run", "a", "--out", tmp_path / "a", "--resume")
        assert (code, err) == (0, "")
        assert "supported" in out
    assert lab.ran == ["a"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "all", "--set", "seeds=3"), "takes no --set"),
        (("run", "all", "--resume"), "--resume needs the folder"),
        (("run", "a", "--budget", 3), "--budget is for `qgeom run all`"),
        (("run", "all", "--budget", 0), "a budget is a positive number of minutes, not 0"),
        (("run", "all", "--preset", "huge"), "unknown preset"),
    ],
)
def test_bad_requests_are_one_line(command, lab: Lab, tmp_path: Path, monkeypatch, arguments, message: str):
    monkeypatch.chdir(tmp_path)
    lab.add("a")
    code, _, err = command(*arguments)
    assert code == errors.BAD_INPUT
    assert message in err
    assert err.count("\n") == 1
    assert lab.ran == []


def test_ctrl_c_ends_with_130_and_keeps_what_is_done(command, lab: Lab, tmp_path: Path):
    lab.add("a", "1 s", 0.01)
    lab.add("b", "2 s", 0.01, interrupt)
    code, out, err = command("run", "all", "--out", tmp_path / "all")
    assert (code, err) == (errors.INTERRUPTED, "qgeom: interrupted\n")
    assert "b: left out: interrupted" in out
    assert (tmp_path / "all" / "a" / "verdict.json").is_file()
