"""The comparison: its numbers against the metric asked directly, its files, resuming, and bad input."""

from __future__ import annotations

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import qgeom
from qgeom import comparison
from qgeom.comparison import measures
from qgeom.information import curves
from qgeom.results import RunFolder
from qgeom.training import Adam, NaturalGradient, StopRule, initial_parameters

TASK = qgeom.tasks.two_moons(40)
SIDES = {
    "circuit": comparison.default_circuit(TASK, n_qubits=2, n_layers=1),
    "network": circuits.networks.MLP((2, 2, 2)),
}
OPTIONS = {"stop": StopRule(max_steps=6), "draws": 2}


@pytest.fixture(scope="module")
def result():
    return qgeom.compare(SIDES, TASK, seeds=3, **OPTIONS)


def test_every_quantity_is_there_for_every_side_optimizer_and_seed(result):
    data = result.data
    assert data["trace"].dims == ("description", "optimizer", "seed", "fisher")
    assert data["trace"].shape == (2, 2, 3, 2)
    classical = data.sel(fisher="classical")
    quantum = data.sel(fisher="quantum")
    for name in measures.SCALARS:
        assert np.isfinite(classical[name]).all(), name
        assert np.isfinite(quantum[name].sel(description="circuit")).all(), name
        assert np.isnan(quantum[name].sel(description="network")).all(), name
    assert data.attrs["n_train"] == 28


def test_the_numbers_are_those_of_the_metric_asked_directly(result):
    for name, description in SIDES.items():
        data = result.data.sel(description=name, optimizer="adam", seed=1)
        theta = (
            data["parameters"].dropna("saved_step", how="all").isel(saved_step=-1).dropna("parameter").values
        )
        params = qgeom.training.unraveler(description, "float64")(jnp.asarray(theta))
        metric = qgeom.information_metric(description, params, jnp.asarray(TASK.split(1).train_x))
        eigenvalues = np.linalg.eigvalsh(np.asarray(metric.as_matrix()))[::-1]
        found = data.sel(fisher="classical")
        assert np.allclose(found["eigenvalues"].dropna("parameter"), eigenvalues, atol=1e-10)
        assert float(found["trace"]) == pytest.approx(float(metric.trace()), rel=1e-10)
        assert int(found["rank"]) == metric.rank()
        q = eigenvalues / eigenvalues.sum()
        entropy = -(q[q > 0] * np.log(q[q > 0])).sum()
        assert float(found["effective_rank"]) == pytest.approx(np.exp(entropy), rel=1e-6)
        kappa = 28 / (2 * np.pi * np.log(28))
        volume = 0.5 * np.log(1 + kappa * len(q) * np.maximum(q, 0)).sum()
        assert float(found["log_volume"]) == pytest.approx(volume, rel=1e-8)
        assert float(found["effective_dimension"]) == pytest.approx(2 * volume / np.log(kappa), rel=1e-8)


def test_the_readout_never_has_more_information_than_the_state(result):
    """Braunstein and Caves: F_C <= F_Q, so also every eigenvalue, the trace and the lengths."""
    circuit = result.data.sel(description="circuit")
    classical, quantum = circuit.sel(fisher="classical"), circuit.sel(fisher="quantum")
    for name in ("trace", "eigenvalues", "path_length", "layer_length"):
        lower, upper = (side[name].values[np.isfinite(side[name].values)] for side in (classical, quantum))
        assert lower.size == upper.size > 0
        assert (lower <= upper * (1 + 1e-6) + 1e-9).all(), name


def test_the_length_of_the_path_is_the_integral_of_the_speed():
    """Geodesic distances of successive points against the midpoint rule on theta-dot' F theta-dot."""
    description = SIDES["network"]
    start, end = np.asarray(initial_parameters(description, (0, 1))[0])
    path = jnp.asarray(start + np.linspace(0, 1, 61)[:, None] * (0.3 * (end - start)))
    inputs = jnp.asarray(TASK.split(0).train_x)
    unravel = qgeom.training.unraveler(description, "float64")
    expected = curves.length(lambda t: qgeom.information_metric(description, unravel(t), inputs), path)
    found = measures.measure(description, path, 60, inputs, 1.0)["path_length"][0]
    assert found == pytest.approx(float(expected), rel=1e-3)
    half = measures.measure(description, path, 30, inputs, 1.0)["path_length"][0]
    assert half < found  # steps after the last do not count


def test_sides_are_paired_by_split_and_start(result):
    losses = result.data["train_loss"].isel(step=0)
    assert np.allclose(losses.sel(optimizer="adam"), losses.sel(optimizer="natural-gradient"))
    difference = result.paired("trace", "circuit", "network", "adam")
    values = result.data["trace"].sel(optimizer="adam", fisher="classical")
    assert difference.mean == pytest.approx(
        float((values.sel(description="circuit") - values.sel(description="network")).mean())
    )


def test_the_table_names_everything_and_leaves_the_quantum_side_of_a_network_empty(result):
    text = result.table().text()
    for label in (
        "parameters",
        "train accuracy",
        "test accuracy",
        "F_C trace",
        "F_Q trace",
        "F_C rank",
        "log-volume",
    ):
        assert label in text
    rows = {row.quantity: row for row in result.table().rows}
    assert rows["F_Q trace"].cells[2:] == (None, None)
    assert rows["parameters"].cells == (10, 10, 12, 12)
    assert [column.group for column in result.table().columns] == ["circuit"] * 2 + ["network"] * 2


@pytest.mark.slow
def test_what_is_saved_can_be_loaded_and_drawn_again(result, tmp_path):
    figures = result.save(tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    widths = ("figure", "figure-aps-1", "figure-nature-1", "figure-nature-2")
    expected = {f"{stem}.{kind}" for stem in widths for kind in ("pdf", "svg", "png")}
    expected |= {"data.nc", "settings.json", "provenance.json", "table.txt", "table.csv", "table.tex"}
    assert names == expected
    assert [path.name for path in figures] == ["figure.pdf", "figure.svg", "figure.png"]
    loaded = comparison.Comparison.load(tmp_path / "run")
    assert loaded.table().text() == result.table().text()
    assert loaded.settings["seeds"] == [0, 1, 2]
    assert loaded.figure(4.0).get_figwidth() == 4.0


class _Progress:
    """Counts, and presses Ctrl-C after a number of reports."""

    def __init__(self, interrupt_after: float = np.inf) -> None:
        self.total, self.done, self.reports, self.limit = 0, 0, 0, interrupt_after

    def stage(self, description: str, total: int) -> None:
        self.total = total

    def advance(self, steps: int = 1) -> None:
        self.done += steps
        self.reports += 1
        if self.reports > self.limit:
            raise KeyboardInterrupt


@pytest.mark.slow
def test_an_interrupted_comparison_keeps_finished_parts_and_goes_on(result, tmp_path):
    folder = RunFolder.create(tmp_path / "run")
    options = {**OPTIONS, "optimizer": "adam", "folder": folder}
    one = {"network": SIDES["network"]}
    qgeom.compare(one, TASK, seeds=3, **options)
    parts = list(folder.path.glob(".part-*.nc"))
    assert len(parts) == 1
    with pytest.raises(KeyboardInterrupt):
        qgeom.compare(SIDES, TASK, seeds=3, progress=_Progress(interrupt_after=1), **options)
    assert not [path for path in folder.path.iterdir() if path.suffix != ".nc"]
    before = parts[0].stat().st_mtime_ns
    progress = _Progress()
    resumed = qgeom.compare(SIDES, TASK, seeds=3, progress=progress, **options)
    assert progress.done == progress.total
    assert parts[0].stat().st_mtime_ns == before  # taken, not computed again
    again = resumed.data["trace"].sel(optimizer="adam")
    assert np.allclose(again, result.data["trace"].sel(optimizer="adam"), equal_nan=True)
    resumed.save(folder)
    assert not list(folder.path.glob(".part-*"))


def test_the_defaults_match_the_numbers_of_parameters():
    for name in ("iris", "two-moons", "digits", "parity"):
        task = qgeom.tasks.load(name)
        circuit = comparison.default_circuit(task)
        network = comparison.default_network(task, circuit.n_parameters)
        assert circuit.n_outcomes == task.n_classes
        assert abs(network.n_parameters - circuit.n_parameters) <= 5


@pytest.mark.slow
def test_run_reads_settings_and_records_them():
    settings = comparison.CompareSettings(
        task="parity", seeds=2, max_steps=2, n_qubits=2, n_layers=1, draws=1, optimizers=("adam",)
    )
    result = comparison.run(settings, seed=5)
    assert result.data["seed"].values.tolist() == [5, 6]
    assert result.settings["seed"] == 5
    assert result.settings["max_steps"] == 2
    json.dumps(result.settings, default=str)
    # eight samples resolve no parameter: the effective dimension is not defined, and the table says so
    assert "undefined" in result.table().text()
    result.figure("aps-1")


class _Other(circuits.description.Description):
    """A softmax of theta and x: a user's own description, without layers that are known."""

    n_parameters = 2
    nodes = ()
    wires = ()

    def init(self, key, dtype=None):
        return {"a": jax.random.normal(key, (2,), dtype or jnp.float64)}

    def __call__(self, params, x=None):
        return circuits.description.Distribution(jax.nn.softmax(params["a"] * x))

    def curve(self, params, x=None):
        strengths = jnp.asarray([0.0, 1.0])[:, None]
        return circuits.description.Distribution(jax.nn.softmax(strengths * params["a"] * x, axis=-1))

    def __hash__(self):
        return 0

    def __eq__(self, other):
        return isinstance(other, _Other)


@pytest.mark.slow
def test_any_description_with_class_probabilities_takes_part():
    result = qgeom.compare({"mine": _Other()}, TASK, seeds=[7], optimizer=NaturalGradient(0.3), **OPTIONS)
    assert np.isfinite(result.data["layer_length"].sel(fisher="classical")).all()
    result.figure()


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (({},), {}, "descriptions are a dict"),
        (({"c": "text"},), {}, "'c' is a str; a circuits.Description is expected"),
        (
            ({"c": SIDES["circuit"].circuit},),
            {},
            "'c' yields a State; a comparison needs class probabilities",
        ),
        (({"n": circuits.networks.MLP((3, 2))},), {}, "'n' takes 3 inputs; two-moons has 2 features"),
        (({"c": comparison.default_circuit(qgeom.tasks.iris())},), {}, "takes 4 inputs; two-moons has 2"),
        ((SIDES, qgeom.tasks.iris().with_components(2)), {}, "has 2 outcomes; iris has 3 classes"),
        ((SIDES,), {"optimizer": "sgd"}, "unknown optimizer 'sgd'"),
        ((SIDES,), {"optimizer": [Adam(), Adam(0.1)]}, "a name of its own"),
        ((SIDES,), {"optimizer": [3]}, "an optimizer is a name"),
        ((SIDES,), {"seeds": 0}, "at least 1 seed"),
        ((SIDES,), {"seeds": [1, 1]}, "repeat"),
        ((SIDES,), {"seeds": [-1]}, "from 0 to"),
        ((SIDES,), {"draws": 0}, "draws is 0"),
        ((SIDES,), {"test_fraction": 2.0}, "test_fraction is 2.0"),
        ((SIDES,), {"batch_size": 1000}, "batch_size is 1000; the training part has 28 samples"),
    ],
)
def test_bad_input_gets_one_line(arguments, options, message):
    with pytest.raises((ValueError, TypeError)) as caught:
        qgeom.compare(*(arguments if len(arguments) == 2 else (*arguments, TASK)), **options)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_classes_than_outcomes_is_said_with_the_remedy():
    with pytest.raises(
        ValueError, match="1 qubits have 2 outcomes, fewer than the 3 classes of iris; use n_qubits=2"
    ):
        comparison.default_circuit(qgeom.tasks.iris(), n_qubits=1)
