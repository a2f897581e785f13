"""Run folders are complete or untouched, give back what went in, and figures are the same file twice."""

from __future__ import annotations

import json
import math
import os
import signal
from pathlib import Path

import matplotlib
import numpy as np
import pytest
import xarray as xr

from qgeom import provenance, results
from qgeom.errors import InputError
from qgeom.figures import style
from qgeom.results import RunFolder


def dataset() -> xr.Dataset:
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "state": (
                ("seed", "dim"),
                rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)),
                {"units": "1"},
            ),
            "energy": ("seed", rng.normal(size=2)),
            "converged": ("seed", np.array([True, False])),
            "count": ("seed", np.array([3, 4])),
        },
        coords={"seed": [0, 1], "dim": ["a", "b", "c"]},
        attrs={"task": "iris"},
    )


def test_data_come_back_with_their_complex_numbers_and_attributes(tmp_path: Path):
    folder = RunFolder.create(tmp_path / "run")
    with folder.commit() as files:
        files.data(dataset())
    xr.testing.assert_identical(folder.load_data(), dataset())
    with xr.open_dataset(tmp_path / "run" / "data.nc", engine="h5netcdf") as raw:  # readable without qgeom
        assert {"state_real", "state_imag"} <= set(raw.data_vars)
        assert "state" not in raw


def test_complex_coordinates_and_taken_names_are_refused():
    with pytest.raises(TypeError, match="coordinate 'z' is complex"):
        results.split_complex(xr.Dataset(coords={"z": [1j]}))
    with pytest.raises(ValueError, match="'a_real' is taken"):
        results.split_complex(xr.Dataset({"a": ("x", [1j]), "a_real": ("x", [1.0])}))


def test_json_is_strict_and_keeps_what_json_lacks():
    content = {
        "nan": math.nan,
        "inf": math.inf,
        "list": [np.float64(1.5), np.int32(2), np.bool_(True), -math.inf],
        "array": np.eye(2),
        "path": Path("runs"),
        "none": None,
    }
    text = results.to_json(content)
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    back = results.from_json(text)
    assert math.isnan(back["nan"])
    assert back["inf"] == math.inf
    assert back["list"] == [1.5, 2, True, -math.inf]
    assert back["array"] == [[1.0, 0.0], [0.0, 1.0]]
    assert back["path"] == "runs"
    with pytest.raises(TypeError, match="cannot write complex"):
        results.to_json({"z": 1j})


def listing(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("error", [RuntimeError("in the middle"), KeyboardInterrupt()])
def test_a_commit_that_fails_changes_nothing(tmp_path: Path, error: BaseException):
    folder = RunFolder.create(tmp_path)
    with folder.commit() as files:
        files.settings({"a": 1})
        files.text("table.txt", "old\n")
    before = listing(tmp_path)
    with pytest.raises(type(error)), folder.commit() as files:
        files.settings({"a": 2})
        files.text("table.txt", "new\n")
        raise error
    assert listing(tmp_path) == before


def test_ctrl_c_while_files_move_into_place_waits_until_they_are_there(tmp_path: Path, monkeypatch):
    folder = RunFolder.create(tmp_path)
    replace = os.replace

    def interrupted_replace(source, target):
        signal.raise_signal(signal.SIGINT)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted_replace)
    with pytest.raises(KeyboardInterrupt), folder.commit() as files:
        files.settings({"a": 1})
        files.verdict([])
    assert set(listing(tmp_path)) == {"settings.json", "verdict.json"}


def test_unwritable_places_are_refused_in_one_line_before_anything_is_computed(tmp_path: Path):
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere/run")):
        with pytest.raises(InputError, match="cannot write results to") as caught:
            RunFolder.create(path)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_refused(tmp_path: Path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="permission denied"):
        RunFolder.create(tmp_path)


def test_an_empty_folder_is_removed_only_if_it_was_made_for_the_run(tmp_path: Path):
    RunFolder.create(tmp_path / "new").discard_if_empty()
    assert not (tmp_path / "new").exists()
    (tmp_path / "mine").mkdir()
    RunFolder.create(tmp_path / "mine").discard_if_empty()
    assert (tmp_path / "mine").exists()
    full = RunFolder.create(tmp_path / "full")
    with full.commit() as files:
        files.settings({})
    full.discard_if_empty()
    assert (tmp_path / "full").exists()


def test_what_is_no_run_folder_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"is no run folder: it has no settings\.json"):
        RunFolder(tmp_path).load_settings()
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(InputError, match="not a file that qgeom wrote"):
        RunFolder(tmp_path).load_settings()


def test_provenance_says_what_it_takes_to_repeat(tmp_path: Path):
    facts = provenance.provenance(seed=3, clock=provenance.Clock(), command=["qgeom", "run", "fisher-kl"])
    assert facts["seed"] == 3
    assert facts["precision"] == "float64/complex128"
    assert facts["device"]["platform"] == "cpu"
    assert {"jax", "numpy", "equinox"} <= facts["versions"].keys()
    assert facts["seconds"] >= 0
    assert results.from_json(results.to_json(facts)) == facts


def draw():
    with style.style("aps-1"):
        figure = style.new_figure("aps-1")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], **style.SIDES["circuit"], label="circuit")
        axes.set_xlabel(r"$\theta$")
        axes.legend()
    return figure


def test_equal_figures_are_equal_files(tmp_path: Path):
    first = style.save(draw(), tmp_path / "first")
    second = style.save(draw(), tmp_path / "second")
    assert [path.suffix for path in first] == [".pdf", ".svg", ".png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_the_style_changes_no_global_setting_even_after_an_error():
    before = dict(matplotlib.rcParams)
    with pytest.raises(RuntimeError), style.style("nature-2"):
        assert matplotlib.rcParams["figure.figsize"][0] == pytest.approx(183 / 25.4)
        raise RuntimeError
    assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("width", style.WIDTHS)
def test_figures_have_the_journals_width_and_legible_text(width: str):
    with style.style(width):
        for name in ("font.size", "axes.labelsize", "xtick.labelsize", "ytick.labelsize", "legend.fontsize"):
            assert float(matplotlib.rcParams[name]) >= 6.0
        assert style.new_figure(width).get_size_inches()[0] == pytest.approx(style.WIDTHS[width])
    with pytest.raises(ValueError, match="unknown figure width"):
        style.width_in_inches("letter")


def _linear_rgb(colour: str) -> np.ndarray:
    values = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


# Machado, Oliveira and Fernandes, IEEE Trans. Vis. Comput. Graph. 15, 1291 (2009), severity 1.
_DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
_PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)


@pytest.mark.parametrize("deficiency", [np.eye(3), _DEUTERANOPIA, _PROTANOPIA])
def test_the_first_four_colours_differ_for_every_eye(deficiency):
    seen = [np.clip(deficiency @ _linear_rgb(colour), 0, 1) ** (1 / 2.2) for colour in style.COLOURS[:4]]
    for i, one in enumerate(seen):
        for other in seen[:i]:
            assert np.linalg.norm(one - other) > 0.15
