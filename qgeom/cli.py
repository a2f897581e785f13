"""The ``qgeom`` command. Every error is one line on standard error; results go to standard output.

Exit codes: 0 done, 1 failure, 2 bad input, 130 interrupted.
"""

from __future__ import annotations

import csv
import io
import math
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import jax
import typer
from typer.exceptions import TyperException

import qgeom
from qgeom import errors, experiments
from qgeom.errors import InputError
from qgeom.progress import progress_bar

app = typer.Typer(
    name="qgeom",
    help="Complexity geometry of quantum circuits and deep networks, side by side.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Preset = Annotated[str, typer.Option(help="small (minutes, two cores) or paper.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting; repeat for more.")
]
Out = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Folder for the results; a new one in runs/ unless given.")
]
Seed = Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Seed of all random numbers.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Precision = Annotated[int, typer.Option(metavar="32|64", help="Bits of a real number.")]
Device = Annotated[
    str | None, typer.Option(metavar="cpu|gpu", help="Where to compute; JAX chooses unless given.")
]


ALL = "all"
"""In place of the name of an experiment: every one of them."""

SYNTHESIS, GROUND_STATE, GEOMETRY = "synthesis", "ground-state", "geometry"
"""The tasks of `qgeom compare` that are no data sets."""


@app.command("list")
def list_experiments(json: Json = False) -> None:
    """Every experiment: name, claim, section of the paper, cost of both presets."""
    rows = [experiments.load(name) for name in experiments.NAMES]
    if json:
        fields = ("NAME", "CLAIM", "SECTION", "COST", "PAPER_COST")
        _print_json([{field.lower(): getattr(row, field) for field in fields} for row in rows])
        return
    width = max(len(row.NAME) for row in rows)
    for row in rows:
        print(f"{row.NAME:<{width}}  {row.CLAIM}  [{row.SECTION}; {row.COST}, paper preset {row.PAPER_COST}]")


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An experiment (see `qgeom list`), or all.")],
    preset: Preset = "small",
    assignments: Set = None,
    out: Out = None,
    resume: Annotated[bool, typer.Option("--resume", help="Keep what is finished in the folder.")] = False,
    budget: Annotated[
        float | None, typer.Option(metavar="MINUTES", help="With all: begin nothing that takes longer.")
    ] = None,
    seed: Seed = 0,
    json: Json = False,
    precision: Precision = 64,
    device: Device = None,
) -> None:
    """Run one experiment: compute, save, judge, draw; or all, cheapest first, while a budget lasts."""
    if resume and out is None:
        raise InputError("--resume needs the folder of the earlier run: --out DIR")
    if name.strip().lower() == ALL:
        if assignments:
            raise InputError(
                "`qgeom run all` takes no --set: every experiment has settings of its own; run it by name"
            )
        _run_all(
            preset, out, resume, math.inf if budget is None else 60 * budget, seed, json, precision, device
        )
        return
    if budget is not None:
        raise InputError("--budget is for `qgeom run all`; one experiment takes as long as its settings ask")
    experiment = experiments.load(name)
    base = experiments.base
    settings = base.parse_settings(
        experiment.Settings, assignments or (), base.preset_values(experiment, preset)
    )
    _configure(precision, device)
    folder = qgeom.results.RunFolder.create(out or _new_folder(experiment.NAME))
    verdicts = qgeom.sweep.finished(experiment.NAME, settings, seed, folder) if resume else None
    try:
        if verdicts is None:
            with progress_bar() as progress:
                verdicts = base.run(
                    experiment,
                    settings,
                    seed,
                    folder,
                    progress,
                    qgeom.provenance.command_line(),
                    resume=resume,
                )
    except KeyboardInterrupt:
        _tell_of_parts(folder)
        raise
    finally:
        folder.discard_if_empty()
    _show(experiment.NAME, experiment.CLAIM, verdicts, folder, json)


def _tell_of_parts(folder: Any) -> None:
    """How to go on after an interruption, if anything was finished."""
    if parts := qgeom.kept_parts.kept(folder.path):
        number = f"{len(parts)} finished parts are" if len(parts) > 1 else "a finished part is"
        print(
            f"{number} in {folder.path}; to go on, say it again with --resume --out {shlex.quote(str(folder.path))}",
            file=sys.stderr,
        )


def _run_all(
    preset: str,
    out: Path | None,
    resume: bool,
    budget: float,
    seed: int,
    json: bool,
    precision: int,
    device: str | None,
) -> None:
    """All experiments; what becomes of each is told at once, so that an interruption leaves it on the screen."""
    tasks = qgeom.campaign.plan(preset)
    _configure(precision, device)
    folder = qgeom.results.RunFolder.create(out or _new_folder(ALL))

    def tell(outcome: Any) -> None:
        if not json:
            print("\n".join(outcome.lines()), flush=True)

    try:
        with progress_bar() as progress:
            done = qgeom.campaign.campaign(
                tasks,
                seed,
                folder,
                budget,
                resume=resume,
                progress=progress,
                command=qgeom.provenance.command_line(),
                tell=tell,
            )
    finally:
        folder.discard_if_empty()
    if json:
        _print_json(
            {"name": ALL, "folder": str(folder.path), "runs": [outcome.to_dict() for outcome in done]}
        )
    else:
        print(f"results: {folder.path}\ntable: {folder.path / qgeom.results.CAMPAIGN_TABLE}")
        print(f"pages: qgeom report {shlex.quote(str(folder.path))}")
    failed = [outcome for outcome in done if outcome.state == "failed"]
    if failed:
        raise RuntimeError(
            f"{len(failed)} of {len(done)} experiments failed: {failed[0].task.name}: {failed[0].reason}"
        )


@app.command()
def compare(
    task: Annotated[
        str,
        typer.Argument(
            metavar="TASK",
            help="iris, two-moons, digits, parity, a CSV file, synthesis, ground-state, or geometry.",
        ),
    ],
    assignments: Set = None,
    out: Out = None,
    seed: Seed = 0,
    json: Json = False,
    precision: Precision = 64,
    device: Device = None,
) -> None:
    """Quantum and classical side by side: learn the same task, measure alike."""
    if task == SYNTHESIS:
        compute = _synthesis(assignments or (), seed, precision)
    elif task == GROUND_STATE:
        compute = _ground_states(assignments or (), seed, precision)
    elif task == GEOMETRY:
        compute = _geometries(assignments or (), seed, precision)
    else:
        compute = _classification(task, assignments or (), seed, precision)
    _configure(precision, device)
    folder = qgeom.results.RunFolder.create(out or _new_folder(f"compare-{Path(task).stem}"))
    try:
        with progress_bar() as progress:
            result = compute(progress, folder)
        figures = [str(path) for path in result.save(folder)]
    finally:
        folder.discard_if_empty()
    if json:
        rows = list(csv.DictReader(io.StringIO(result.table().csv())))
        _print_json(
            {"name": "compare", "task": task, "folder": str(folder.path), "table": rows, "figures": figures}
        )
        return
    print(result.table().text())
    print(f"results: {folder.path}\nfigure: {figures[0]}")


def _classification(task: str, assignments: Sequence[str], seed: int, precision: int) -> Callable[..., Any]:
    """The comparison on a data set, its settings checked before anything is written."""
    settings = qgeom.settings.parse_settings(qgeom.comparison.CompareSettings, [f"task={task}", *assignments])
    qgeom.tasks.load(settings.task, target=settings.target, components=settings.components)
    dtype = jax.numpy.float32 if precision == 32 else None
    return lambda progress, folder: qgeom.comparison.run(settings, seed, progress, folder, dtype=dtype)


def _synthesis(assignments: Sequence[str], seed: int, precision: int) -> Callable[..., Any]:
    """The comparison whose task is a transformation."""
    settings = qgeom.settings.parse_settings(qgeom.comparison.SynthesisSettings, assignments)
    if precision == 32:
        raise InputError("compare synthesis needs double precision; leave --precision at 64")
    return lambda progress, folder: qgeom.comparison.synthesise(settings, seed, progress, folder)


def _ground_states(assignments: Sequence[str], seed: int, precision: int) -> Callable[..., Any]:
    """The comparison whose task is the ground state of a spin chain."""
    settings = qgeom.settings.parse_settings(qgeom.comparison.GroundStateSettings, assignments)
    if precision == 32:
        raise InputError("compare ground-state needs double precision; leave --precision at 64")
    return lambda progress, folder: qgeom.comparison.ground_states(settings, seed, progress, folder)


def _geometries(assignments: Sequence[str], seed: int, precision: int) -> Callable[..., Any]:
    """The comparison of emergent geometries; its data set is the setting `task`."""
    settings = qgeom.settings.parse_settings(qgeom.comparison.GeometrySettings, assignments)
    qgeom.tasks.load(settings.task, target=settings.target, components=settings.components)
    if precision == 32:
        raise InputError("compare geometry needs double precision; leave --precision at 64")
    return lambda progress, folder: qgeom.comparison.geometries(settings, seed, progress, folder)


@app.command()
def sweep(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An experiment; see `qgeom list`.")],
    grid: Annotated[
        list[str], typer.Option(metavar="KEY=A,B,C", help="Values of a setting; repeat for more.")
    ],
    resume: Annotated[
        bool, typer.Option("--resume", help="Keep the runs that are finished in the folder.")
    ] = False,
    preset: Preset = "small",
    assignments: Set = None,
    out: Out = None,
    seed: Seed = 0,
    dask: Annotated[str | None, typer.Option(metavar="local|ADDRESS", help="Run on Dask workers.")] = None,
    json: Json = False,
    precision: Precision = 64,
    device: Device = None,
) -> None:
    """Run an experiment over a grid of settings; interrupted sweeps can be resumed."""
    experiment = experiments.load(name)
    preset_values = experiments.base.preset_values(experiment, preset)
    points = qgeom.sweep.parse_grid(experiment.Settings, grid, assignments or (), preset_values)
    if resume and out is None:
        raise InputError("--resume needs the folder of the earlier sweep: --out DIR")
    _configure(precision, device)
    folder = qgeom.results.RunFolder.create(out or _new_folder(f"sweep-{experiment.NAME}"))
    try:
        with progress_bar() as progress:
            done = qgeom.sweep.sweep(
                experiment.NAME,
                points,
                seed,
                folder,
                resume=resume,
                cluster=dask,
                progress=progress,
                command=qgeom.provenance.command_line(),
            )
    finally:
        folder.discard_if_empty()
    failed = [result for result in done if result.error]
    if json:
        runs = [
            {
                "settings": dict(result.point.varied),
                "folder": str(folder.path / result.point.folder),
                "verdicts": [verdict.to_dict() for verdict in result.verdicts],
                "error": result.error or None,
            }
            for result in done
        ]
        _print_json({"name": experiment.NAME, "folder": str(folder.path), "runs": runs})
    else:
        for result in done:
            print(", ".join(f"{key} = {value}" for key, value in result.point.varied))
            for verdict in result.verdicts:
                print(f"  {verdict.line()}")
            if result.error:
                print(f"  failed: {result.error}")
        print(f"results: {folder.path}\ntable: {folder.path / qgeom.sweep.TABLE}")
    if failed:
        raise RuntimeError(f"{len(failed)} of {len(done)} runs failed: {failed[0].error}")


@app.command()
def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of run folders.")],
    latex: Annotated[bool, typer.Option("--latex", help="Write a LaTeX bundle, too.")] = False,
) -> None:
    """Write index.html and a page per run: a static site, for all runs in a folder."""
    print(f"report: {qgeom.report.write(directory)}")
    if latex:
        print(f"latex: {qgeom.report.write_bundle(directory)}")


@app.command()
def redraw(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of an earlier run.")],
    json: Json = False,
) -> None:
    """Judge and draw a run again from its saved data."""
    folder = qgeom.results.RunFolder(directory)
    experiment = experiments.load(str(folder.load_settings().get("experiment", "")))
    settings = experiments.base.reload_settings(experiment, folder)
    _configure(64, "cpu")
    verdicts = experiments.base.judge_and_draw(experiment, settings, folder)
    _show(experiment.NAME, experiment.CLAIM, verdicts, folder, json)


@app.command()
def info(json: Json = False) -> None:
    """Versions, devices, precision."""
    _configure(64, None)
    provenance = qgeom.provenance
    facts: dict[str, Any] = {
        "precision": provenance.precision(),
        "device": provenance.device(),
        "cpus": provenance.cpus(),
        "python": sys.version.split()[0],
        "git_commit": provenance.git_commit(),
        "compilation_cache": provenance.compilation_cache(),
        "versions": {"qgeom": qgeom.__version__, **provenance.versions()},
    }
    if json:
        _print_json(facts)
        return
    device = facts.pop("device")
    facts["device"] = f"{device['count']} x {device['platform']} ({device['kind']})"
    for version_of, version in facts.pop("versions").items():
        facts[version_of] = version
    width = max(map(len, facts))
    for key, value in facts.items():
        print(f"{key:<{width}}  {'none' if value is None else value}")


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script: run a command, turn every error into one line and an exit code."""
    sys.exit(_run(arguments))


def _run(arguments: Sequence[str] | None) -> int:
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        code = typer.main.get_command(app).main(args=given, prog_name="qgeom", standalone_mode=False)
        sys.stdout.flush()
        if code == errors.INTERRUPTED:  # typer turns KeyboardInterrupt into this
            raise KeyboardInterrupt
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", errors.INTERRUPTED)
    except TyperException as error:  # the command line itself is wrong
        return _fail(_usage(error), errors.BAD_INPUT)
    except BrokenPipeError:  # the reader has seen enough, e.g. `qgeom list | head -1`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.FAILURE
    except Exception as error:
        if os.environ.get("QGEOM_TRACEBACK"):
            traceback.print_exc()
        hint = "" if errors.is_bad_input(error) else " (QGEOM_TRACEBACK=1 shows where)"
        return _fail(errors.one_line(error) + hint, errors.exit_code(error))
    return code or errors.DONE


def _fail(message: str, code: int) -> int:
    print(f"qgeom: {message}", file=sys.stderr)
    return code


def _usage(error: TyperException) -> str:
    message = error.format_message() if hasattr(error, "format_message") else str(error)  # type: ignore[attr-defined]
    return " ".join(message.split()).rstrip(".") or "no command; `qgeom --help` lists them"


def _configure(precision: int, device: str | None) -> None:
    """The settings of JAX that belong to the program, not to the library."""
    if precision not in (32, 64):
        raise InputError(f"precision is 32 or 64 bits, not {precision}")
    if device not in (None, "cpu", "gpu"):
        raise InputError(f"unknown device {device!r}; choose cpu or gpu")
    jax.config.update("jax_enable_x64", precision == 64)
    if qgeom.provenance.compilation_cache() is None:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "qgeom" / "jax"
        jax.config.update("jax_compilation_cache_dir", str(cache))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
    if device == "cpu":
        jax.config.update("jax_platforms", "cpu")
    elif device == "gpu":
        try:
            jax.config.update("jax_default_device", jax.devices("gpu")[0])
        except RuntimeError:
            raise InputError(
                "a GPU was asked for and JAX finds none: install `qgeom[cuda]` on a machine with an NVIDIA driver, "
                "or say --device cpu"
            ) from None


def _new_folder(name: str) -> Path:
    return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"


def _show(name: str, claim: str, verdicts: Sequence[Any], folder: Any, json: bool) -> None:
    figures = [str(path) for path in folder.figures()]
    if json:
        _print_json(
            {
                "name": name,
                "folder": str(folder.path),
                "verdicts": [verdict.to_dict() for verdict in verdicts],
                "figures": figures,
            }
        )
        return
    print(f"{name}: {claim}")
    for verdict in verdicts:
        print(f"  {verdict.line()}")
        for note in verdict.notes:
            print(f"    {note}")
    print(f"results: {folder.path}")
    if figures:
        print(f"figure: {figures[0]}")


def _print_json(content: Mapping[str, Any] | list[Any]) -> None:
    print(qgeom.results.to_json(content), end="")


if __name__ == "__main__":
    main()
