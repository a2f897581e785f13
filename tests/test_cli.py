"""The command line: one line per error, the right exit code, and nothing half-written."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import jax
import numpy as np
import pydantic
import pytest
import xarray as xr

from qgeom import cli, cluster, comparison, errors, experiments
from qgeom.experiments import base, statistics
from qgeom.experiments.base import BaseSettings
from qgeom.figures import style
from qgeom.progress import progress_bar
from qgeom.results import RunFolder
from qgeom.settings import parse_settings

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    slope: Annotated[float, pydantic.Field(gt=0)] = 1.0
    sizes: tuple[int, ...] = (4, 8, 3)
    label: str | None = None


def compute(settings: Settings, seed: int, progress, parts) -> xr.Dataset:
    progress.stage("seeds", settings.seeds)
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(settings.seeds):
        values.append(settings.slope + 0.01 * rng.normal())
        progress.advance()
    if settings.label == "fail":
        raise RuntimeError("the computation broke\nhere")
    return xr.Dataset({"t": ("seed", np.array(values)), "amplitude": ("seed", np.array(values) * 1j)})


def verdict(data: xr.Dataset, settings: Settings) -> statistics.Verdict:
    t = data["t"].values
    interval = statistics.bootstrap_interval(t, n_resamples=200)
    return statistics.judge(
        TINY.CLAIM, "T", t.mean(), interval, direction="greater", n_seeds=settings.seeds, side="circuit"
    )


def draw(data: xr.Dataset, verdicts):
    with style.style():
        figure = style.new_figure()
        figure.subplots().plot(data["t"])
    return figure


TINY = SimpleNamespace(
    NAME="tiny",
    CLAIM="T is large",
    SECTION="I",
    COST="no time",
    PAPER_COST="no more",
    PAPER={"seeds": 12},
    Settings=Settings,
    compute=compute,
    verdict=verdict,
    draw=draw,
)


@pytest.fixture
def tiny(monkeypatch):
    """One more experiment, so that the command line is tested apart from any real one."""
    load = experiments.load
    monkeypatch.setattr(experiments, "load", lambda name: TINY if name == "tiny" else load(name))
    monkeypatch.setattr(cli, "_configure", lambda precision, device: None)  # leaves this process's JAX alone


def qgeom(capsys, *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as done:
        cli.main([str(argument) for argument in arguments])
    captured = capsys.readouterr()
    return int(done.value.code or 0), captured.out, captured.err


def test_a_run_leaves_a_complete_folder_and_names_the_figure(tiny, capsys, tmp_path: Path):
    code, out, err = qgeom(capsys, "run", "tiny", "--out", tmp_path / "r", "--seed", 3, "--set", "slope=0.5")
    assert (code, err) == (0, "")
    assert {path.name for path in (tmp_path / "r").iterdir()} == {
        "settings.json", "data.nc", "verdict.json", "provenance.json", "figure.pdf", "figure.svg", "figure.png",
    }  # fmt: skip
    assert out.splitlines()[-1] == f"figure: {tmp_path / 'r' / 'figure.pdf'}"
    assert "supported" in out
    folder = RunFolder(tmp_path / "r")
    assert folder.load_settings() == {
        "experiment": "tiny", "seed": 3, "seeds": 10, "slope": 0.5, "sizes": [4, 8, 3], "label": None,
    }  # fmt: skip
    assert folder.load_provenance()["seed"] == 3
    assert np.iscomplexobj(folder.load_data()["amplitude"])
    assert folder.load_verdict()[0]["outcome"] == "supported"


def test_the_same_seed_gives_the_same_data(tiny, capsys, tmp_path: Path):
    for name in ("a", "b"):
        qgeom(capsys, "run", "tiny", "--out", tmp_path / name, "--seed", 1)
    xr.testing.assert_identical(RunFolder(tmp_path / "a").load_data(), RunFolder(tmp_path / "b").load_data())


def test_json_output_is_json(tiny, capsys, tmp_path: Path):
    code, out, _ = qgeom(capsys, "run", "tiny", "--out", tmp_path / "r", "--json", "--preset", "paper")
    result = json.loads(out)
    assert code == 0
    assert result["name"] == "tiny"
    assert result["verdicts"][0]["n_seeds"] == 12
    assert all(Path(figure).exists() for figure in result["figures"])


def test_a_figure_is_redrawn_from_saved_data(tiny, capsys, tmp_path: Path):
    qgeom(capsys, "run", "tiny", "--out", tmp_path / "r")
    figure = tmp_path / "r" / "figure.svg"
    before = figure.read_bytes()
    figure.unlink()
    (tmp_path / "r" / "verdict.json").unlink()
    code, _, err = qgeom(capsys, "redraw", tmp_path / "r")
    assert (code, err) == (0, "")
    assert figure.read_bytes() == before
    assert (tmp_path / "r" / "verdict.json").exists()


BAD = [
    (["run", "fisher-kll"], "unknown experiment 'fisher-kll'; did you mean 'fisher-kl'?"),
    (["run", "tiny", "--set", "slop=1"], "unknown setting 'slop'; did you mean 'slope'?"),
    (["run", "tiny", "--set", "slope=steep"], "bad setting slope = 'steep': input should be a valid number"),
    (["run", "tiny", "--set", "slope=nan"], "bad setting slope = 'nan'"),
    (["run", "tiny", "--set", "slope=-1"], "bad setting slope = '-1': input should be greater than 0"),
    (["run", "tiny", "--set", "sizes=4,x"], "bad setting sizes.1 = 'x': input should be a valid integer"),
    (["run", "tiny", "--set", "seeds=0"], "bad setting seeds = '0'"),
    (["run", "tiny", "--set", "slope"], "cannot read the setting 'slope'; expected key=value"),
    (["run", "tiny", "--seed", "one"], "Invalid value for '--seed'"),
    (["run", "tiny", "--seed", "-1"], "Invalid value for '--seed'"),
    (["run", "tiny", "--preset", "huge"], "unknown preset 'huge'; choose from: small, paper"),
    (["run", "tiny", "--out", "/proc/nowhere"], "cannot write results to '/proc/nowhere'"),
    (["run", "tiny", "--nonsense"], "No such option: --nonsense"),
    (["run"], "Missing argument 'NAME'"),
    (["rum", "tiny"], "No such command 'rum'"),
    (["compare", "irys"], "unknown task 'irys'; did you mean 'iris'?"),
    (["compare", "missing.csv"], "missing.csv"),
    (["compare", "iris", "--set", "seeds=none"], "bad setting seeds = 'none'"),
    (["compare", "iris", "--set", "optimizers=adam,sgd"], "bad setting optimizers.1 = 'sgd'"),
    (["compare", "iris", "--set", "components=9"], "iris has 4 features: choose 1 to 4"),
    (["compare", "iris", "--set", "target=species"], "iris is built in"),
    (["redraw", "."], "is no run folder: it has no settings.json"),
    (["report", "nowhere"], "'nowhere' is no folder"),
    (["sweep", "tiny", "--grid", "slope=1,x"], "bad setting slope = 'x'"),
    (["sweep", "tiny", "--grid", "slope=1,1"], "gives a value of 'slope' twice"),
    (["sweep", "tiny", "--grid", "slope=1", "--grid", "slope=2"], "the grid names 'slope' twice"),
    (["sweep", "tiny", "--grid", "slope"], "cannot read the grid 'slope'"),
    (["sweep", "tiny", "--grid", "slope="], "the grid gives no value for 'slope'"),
    (["sweep", "tiny", "--grid", "slope=1", "--resume"], "--resume needs the folder"),
    (["sweep", "tiny"], "Missing option '--grid'"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_line_with_exit_code_2(
    tiny, capsys, monkeypatch, tmp_path: Path, arguments, message
):
    monkeypatch.chdir(tmp_path)
    code, out, err = qgeom(capsys, *arguments)
    assert code == errors.BAD_INPUT
    assert out == ""
    assert err.startswith("qgeom: ")
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_failure_is_one_line_with_exit_code_1_and_leaves_nothing(tiny, capsys, tmp_path: Path):
    code, _, err = qgeom(capsys, "run", "tiny", "--out", tmp_path / "r", "--set", "label=fail")
    assert code == errors.FAILURE
    assert err.startswith("qgeom: RuntimeError: the computation broke here")
    assert err.count("\n") == 1
    assert not (tmp_path / "r").exists()


def test_a_failure_keeps_an_earlier_run_in_the_same_folder(tiny, capsys, tmp_path: Path):
    qgeom(capsys, "run", "tiny", "--out", tmp_path / "r")
    before = {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()}
    qgeom(capsys, "run", "tiny", "--out", tmp_path / "r", "--set", "label=fail")
    assert {path.name: path.read_bytes() for path in (tmp_path / "r").iterdir()} == before


def test_an_error_that_our_code_raises_is_bad_input_and_a_librarys_is_a_failure():
    def caught(function) -> BaseException:
        with pytest.raises(Exception) as info:
            function()
        return info.value

    assert errors.exit_code(caught(lambda: style.width_in_inches("letter"))) == errors.BAD_INPUT
    assert errors.exit_code(caught(lambda: np.zeros(2) @ np.zeros(3))) == errors.FAILURE
    assert errors.exit_code(KeyboardInterrupt()) == errors.INTERRUPTED


def test_settings_are_read_by_their_type():
    assert parse_settings(Settings, ["sizes=2,16,2"]).sizes == (2, 16, 2)
    assert parse_settings(Settings, ["sizes=(2, 16)"]).sizes == (2, 16)
    assert parse_settings(Settings, ["label=none"]).label is None
    assert parse_settings(Settings, ["label=a=b"]).label == "a=b"
    assert parse_settings(Settings, ["slope=1e-3"]).slope == 1e-3


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_a_sweep_runs_the_grid_and_resumes(tiny, capsys, tmp_path: Path):
    arguments = [
        "sweep",
        "tiny",
        "--grid",
        "slope=0.5,1.5",
        "--grid",
        "sizes=4,3;2,2",
        "--out",
        tmp_path / "s",
    ]
    code, _, err = qgeom(capsys, *arguments)
    assert (code, err) == (0, "")
    table = rows(tmp_path / "s" / "sweep.csv")
    assert [(row["slope"], row["sizes"]) for row in table] == [
        ("0.5", "4,3"), ("0.5", "2,2"), ("1.5", "4,3"), ("1.5", "2,2"),
    ]  # fmt: skip
    assert all(row["outcome"] == "supported" for row in table)
    folders = sorted(path for path in (tmp_path / "s").iterdir() if path.is_dir())
    assert len(folders) == 4

    code, _, err = qgeom(capsys, *arguments)
    assert code == errors.BAD_INPUT
    assert "add --resume" in err

    kept = (folders[0] / "data.nc").stat().st_mtime_ns
    for name in ("settings.json", "data.nc"):
        (folders[1] / name).unlink()  # as if interrupted
    (folders[2] / "verdict.json").unlink()
    code, out, err = qgeom(capsys, *arguments, "--resume", "--json")
    assert (code, err) == (0, "")
    assert len(json.loads(out)["runs"]) == 4
    assert (folders[0] / "data.nc").stat().st_mtime_ns == kept
    assert (folders[1] / "data.nc").exists()
    assert (folders[2] / "verdict.json").exists()
    assert rows(tmp_path / "s" / "sweep.csv") == table

    code, _, err = qgeom(capsys, *arguments, "--resume", "--seed", 5)
    assert code == errors.BAD_INPUT
    assert "other settings (seed)" in err


def test_a_point_that_fails_does_not_stop_the_sweep(tiny, capsys, tmp_path: Path):
    code, out, err = qgeom(capsys, "sweep", "tiny", "--grid", "label=fail,good", "--out", tmp_path / "s")
    assert code == errors.FAILURE
    assert "1 of 2 runs failed: RuntimeError: the computation broke here" in err
    assert err.count("\n") == 1
    assert [row["outcome"] for row in rows(tmp_path / "s" / "sweep.csv")] == ["", "supported"]
    assert "failed:" in out


def test_a_report_shows_every_run_and_links_only_to_what_is_there(tiny, capsys, tmp_path: Path):
    qgeom(capsys, "run", "tiny", "--out", tmp_path / "all" / "one run", "--set", "label=<b>")
    qgeom(capsys, "run", "tiny", "--out", tmp_path / "all" / "two")
    code, _, err = qgeom(capsys, "report", tmp_path / "all")
    assert (code, err) == (0, "")
    page = (tmp_path / "all" / "index.html").read_text()
    assert page.count('data-experiment="tiny"') == 2
    assert "label = &lt;b&gt;" in page
    assert "<b>" not in page
    for link in page.split('href="')[1:] + page.split('src="')[1:]:
        target = link.split('"')[0].replace("%20", " ")
        assert (tmp_path / "all" / target).is_file()


def test_no_progress_bar_when_output_is_piped(tiny, capsys, tmp_path: Path):
    assert qgeom(capsys, "run", "tiny", "--out", tmp_path / "r")[2] == ""


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_a_bar_shows_steps_and_remaining_time_and_then_disappears(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    terminal = Terminal()
    with progress_bar(terminal) as progress:
        progress.stage("training", 4)
        progress.advance(2)
        progress.stage("measuring", 8)
        progress.advance(8)
    shown = terminal.getvalue()
    assert "measuring" in shown
    assert "8/8" in shown
    assert "left" in shown
    assert shown.rstrip().endswith("\x1b[2K")  # the line is erased


def test_a_pipe_gets_no_bar():
    pipe = io.StringIO()
    with progress_bar(pipe) as progress:
        progress.stage("training", 4)
        progress.advance()
    assert pipe.getvalue() == ""


@pytest.mark.slow
def test_dask_workers_compute_the_same_with_the_programs_precision():
    jax.config.update("jax_enable_x64", True)
    found = set(cluster.starmap(math.pow, [(2.0, 3.0), (3.0, 2.0)], "local"))
    assert found == {8.0, 9.0}
    assert list(cluster.starmap(jax_float, [()], "local")) == ["float64"]


def jax_float() -> str:
    return str(jax.numpy.zeros(()).dtype)


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_named_in_one_line():
    with pytest.raises(errors.InputError, match="no Dask scheduler answers at 'tcp://127.0.0.1:9'") as caught:
        list(cluster.starmap(math.pow, [(2.0, 3.0)], "tcp://127.0.0.1:9"))
    assert "\n" not in str(caught.value)


def test_without_dask_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(cluster, "distributed", None)
    with pytest.raises(errors.InputError, match=r"pip install 'qgeom\[dask\]'"):
        list(cluster.starmap(math.pow, [(2.0, 3.0)], "local"))


SLOW_RUN = """
import sys, time
import xarray as xr
sys.path.insert(0, {tests!r})
from qgeom import cli, experiments
import test_cli
def wait():
    print("computing", flush=True)
    time.sleep(60)
def compute(settings, seed, progress, parts):
    if {first}:
        parts.part("first", lambda: xr.Dataset({{"a": 1.0}}))
    parts.part("second", wait)
test_cli.TINY.compute = compute
experiments.load = lambda name: test_cli.TINY
cli.main(["run", "tiny", "--out", {out!r}])
"""


def interrupted(tmp_path: Path, first: bool) -> str:
    """What a run says that is interrupted, in its second part or in its only one."""
    code = SLOW_RUN.format(tests=str(ROOT / "tests"), out=str(tmp_path / "r"), first=first)
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "computing\n"
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == errors.INTERRUPTED
    return err.strip()


def test_ctrl_c_ends_with_130_and_one_line_and_leaves_nothing(tmp_path: Path):
    assert interrupted(tmp_path, first=False) == "qgeom: interrupted"
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_ctrl_c_keeps_finished_parts_and_says_how_to_go_on(tmp_path: Path):
    folder = tmp_path / "r"
    told, last = interrupted(tmp_path, first=True).splitlines()
    assert told == f"a finished part is in {folder}; to go on, say it again with --resume --out {folder}"
    assert last == "qgeom: interrupted"
    assert [path.name.startswith(".part-") for path in folder.iterdir()] == [True]


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "qgeom.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
    )


def test_info_states_versions_devices_and_precision():
    done = command("info", "--json", JAX_ENABLE_X64="0")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["precision"] == "float64/complex128"  # the command line enables x64 itself
    assert facts["device"]["platform"] == "cpu"
    assert facts["versions"]["jax"] == jax.__version__


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused_in_one_line(tmp_path: Path):
    done = command("run", "fisher-kl", "--device", "gpu", "--out", str(tmp_path / "r"), JAX_PLATFORMS="")
    assert done.returncode == errors.BAD_INPUT
    assert done.stderr.splitlines()[-1].startswith("qgeom: a GPU was asked for and JAX finds none")
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--precision", "16", "precision is 32 or 64 bits, not 16"),
        ("--device", "tpu", "unknown device 'tpu'"),
    ],
)
def test_precision_and_device_are_checked(option, value, message, tmp_path: Path):
    done = command("run", "fisher-kl", option, value, "--out", str(tmp_path / "r"))
    assert done.returncode == errors.BAD_INPUT
    assert done.stderr == f"qgeom: {message}" + ("; choose cpu or gpu\n" if option == "--device" else "\n")


def test_every_experiment_is_listed_with_claim_and_cost(capsys):
    code, out, _ = qgeom(capsys, "list", "--json")
    assert code == 0
    listed = json.loads(out)
    assert [row["name"] for row in listed] == list(experiments.NAMES)
    assert all(row["claim"] and row["cost"] and row["section"] for row in listed)
    assert len(qgeom(capsys, "list")[1].splitlines()) == len(experiments.NAMES)


@pytest.mark.parametrize("name", experiments.NAMES)
def test_every_experiment_has_what_an_experiment_has(name: str):
    module = experiments.load(name)
    assert name == module.NAME
    assert issubclass(module.Settings, BaseSettings)
    small = parse_settings(module.Settings)
    assert small.seeds >= statistics.MIN_SEEDS
    paper = parse_settings(module.Settings, (), base.preset_values(module, "paper"))
    assert paper != small
    for function in (module.compute, module.verdict, module.draw):
        assert callable(function)


@pytest.mark.slow
def test_a_comparison_prints_its_table_and_names_its_figure(capsys, monkeypatch, tmp_path: Path):
    monkeypatch.setattr(cli, "_configure", lambda precision, device: None)
    arguments = ["compare", "parity", "--out", tmp_path / "c", "--seed", 4]
    for setting in ("seeds=2", "max_steps=2", "n_qubits=3", "n_layers=1", "draws=1", "optimizers=adam"):
        arguments += ["--set", setting]
    code, out, err = qgeom(capsys, *arguments)
    assert (code, err) == (0, "")
    assert "test accuracy" in out
    figure = Path(out.splitlines()[-1].removeprefix("figure: "))
    assert figure.is_file()
    names = {path.name for path in (tmp_path / "c").iterdir()}
    assert {"settings.json", "data.nc", "provenance.json", "table.txt", "table.csv", "table.tex"} <= names
    assert not any(name.startswith(".") for name in names)
    assert RunFolder(tmp_path / "c").load_settings()["seed"] == 4

    saved = comparison.Comparison.load(tmp_path / "c")
    monkeypatch.setattr(comparison, "run", lambda *arguments, **options: saved)  # JSON of the same
    code, out, _ = qgeom(capsys, *arguments, "--json")
    assert code == 0
    rows_of_json = json.loads(out)["table"]
    assert {row["description"] for row in rows_of_json} == {"circuit", "network"}
