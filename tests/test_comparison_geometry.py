"""The comparison of emergent geometries: numbers against the geometry asked directly, nulls, files, refusals."""

from __future__ import annotations

import csv
import io
import json

import jax
import jax.numpy as jnp
import networkx as nx
import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes

from qgeom import cli, comparison
from qgeom.comparison import geometry as running
from qgeom.comparison import geometry_measures as measures
from qgeom.comparison.geometry_sides import as_dataset, from_dataset, sides_of
from qgeom.emergent import Relation, geometry_of
from qgeom.emergent.sensitivity import Time
from qgeom.experiments.statistics import bootstrap_interval
from qgeom.figures import geometry_comparison as drawing
from qgeom.figures.emergent_data import data_of
from qgeom.results import RunFolder
from qgeom.tasks import load
from qgeom.training import unraveler

SETTINGS = comparison.GeometrySettings(
    seeds=2, task="two-moons", n_qubits=2, n_layers=1, hidden_layers=1, max_steps=3, samples=16,
    influence_samples=2, shuffles=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return RunFolder.create(tmp_path_factory.mktemp("geometry") / "run")


@pytest.fixture(scope="module")
def result(folder):
    return comparison.geometries(SETTINGS, seed=3, folder=folder)


def lattice(graph: nx.Graph) -> Relation:
    """Neighbours share 1/2, others nothing: distances are hops times ln 2."""
    share = 0.5 * nx.to_numpy_array(graph)
    return Relation("test", tuple(map(str, graph)), share, "", share)


def test_the_measures_of_a_grid_are_those_of_a_grid():
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(8, 8))
    found = measures.of_relation(lattice(graph), "log")
    assert found["points"] == 64
    assert found["triangles"] == 0.0
    assert found["hyperbolicity"] == pytest.approx(0.5)  # delta 7 over a diameter of 14 hops
    hops = nx.floyd_warshall_numpy(graph)
    gram = -0.5 * (np.eye(64) - 1 / 64) @ hops**2 @ (np.eye(64) - 1 / 64)
    values = np.linalg.eigvalsh(gram)
    assert found["negative_share"] == pytest.approx(
        -values[values < 0].sum() / np.abs(values).sum(), rel=1e-6
    )
    assert isinstance(found["dimension, two nearest neighbours"], str), "a lattice is refused"


def test_what_coincides_or_falls_apart_is_refused_with_the_reason():
    everything = np.ones((6, 6)) - np.eye(6)
    one = measures.of_relation(Relation("test", tuple("abcdef"), everything, "", everything), "log")
    assert all("coincide" in str(value) for value in one.values())
    apart = measures.of_relation(lattice(nx.disjoint_union(nx.path_graph(6), nx.path_graph(6))), "log")
    assert "unconnected" in str(apart["negative_share"])
    nothing = measures.of_relation(lattice(nx.empty_graph(4)), "log")
    assert all("no geometry" in str(value) for value in nothing.values())


def test_the_arrow_is_of_time_and_lengths_are_of_the_nodes_that_can_be_measured():
    time = Time(tuple("abcd"), np.array([0, 1, 2, 3]), np.array([4.0, 3.0, 2.0, 1.0]))
    found = measures.of_nodes(time, np.array([1.0, 2.0, 3.0, np.inf]), np.array([0.5, 0.5, 0.7, 0.9]))
    expected = {"minimal_length": 2.0, "known_length": pytest.approx(0.6), "unmeasured": 0.25}
    assert found == {"arrow": pytest.approx(-1.0), **expected}
    flat = Time(tuple("abcd"), np.zeros(4, int), np.ones(4))
    assert "arrow" in str(measures.of_nodes(flat, *np.full((2, 4), np.inf))["arrow"])


def test_p_is_uniform_without_a_difference_and_small_with_one():
    rng = np.random.default_rng(0)
    tables = rng.normal(size=(200, 6, 10)) + 5.0 * rng.normal(
        size=(200, 6, 1)
    )  # seeds differ, found is one of ten
    p = np.array([measures.p_value(t[:, 0], t[:, 1:]) for t in tables])
    for level in (0.1, 0.3, 0.5, 0.8):
        assert abs(np.mean(p <= level) - level) < 3.5 * np.sqrt(level * (1 - level) / 200)
    shifted = measures.p_value(tables[0, :, 0] + 6.0, tables[0, :, 1:])
    assert shifted <= 2e-3
    one_seed = measures.p_value(np.array([100.0]), rng.normal(size=(1, 19)))
    assert one_seed == pytest.approx(1 / 20, abs=0.01), "one seed and 19 shuffles say no more"


def test_p_leaves_out_what_was_refused():
    found, null = np.array([1.0, np.nan, 3.0]), np.array([[0.0, 0.1], [0.0, 0.1], [np.nan, np.nan]])
    assert measures.p_value(found, null) == measures.p_value(found[:1], null[:1])
    assert np.isnan(measures.p_value(found[1:], null[1:]))


def test_holm_is_holm():
    p = np.array([0.01, np.nan, 0.04, 0.03, 0.005])
    np.testing.assert_allclose(measures.holm(p), [0.03, np.nan, 0.06, 0.06, 0.02])


def test_sides_have_as_many_nodes_as_each_other():
    for name in ("iris", "two-moons", "digits", "parity"):
        sides = sides_of(load(name), comparison.GeometrySettings(task=name))
        points = [side.n_points for side in sides.values()]
        assert abs(points[0] - points[1]) <= 2, name
        assert "fisher-state" in sides["circuit"].relations
        assert "fisher-state" not in sides["network"].relations


@pytest.mark.slow
@pytest.mark.slow
def test_the_numbers_are_those_of_the_geometry_asked_directly(result):
    task = load("two-moons")
    splits = task.splits((3, 4), SETTINGS.test_fraction)
    inputs = np.concatenate([splits.train_x, splits.test_x], axis=1)[1, :16]
    for name, side in sides_of(task, SETTINGS).items():
        trained = running.train(
            side.description, splits, (3, 4), running.Adam(0.05), running.StopRule(SETTINGS.max_steps, 0.1)
        )
        params = unraveler(side.description, "float64")(jnp.asarray(trained.final[1]))
        for kind in ("mutual-information", "fisher"):
            relation = side.relation(kind, params, inputs)
            expected = measures.of_relation(relation, "log")
            for quantity, value in expected.items():
                shown = result.values(name, kind, quantity)[1]
                if isinstance(value, str):
                    assert np.isnan(shown)
                else:
                    assert shown == pytest.approx(value, rel=1e-4, abs=1e-6), (name, kind, quantity)
        geometry = geometry_of(relation)
        assert expected["negative_share"] == pytest.approx(geometry.negative_share)


@pytest.mark.slow
@pytest.mark.slow
def test_every_number_has_its_null_and_its_spread_beside_it(result):
    table = result.table()
    assert [(c.group, c.name) for c in table.columns][:4] == [
        ("circuit", part) for part in ("trained", "shuffled", "p", "untrained")
    ]
    rows = {row.quantity: row.cells for row in table.rows}
    for label in ("Fisher, readout: Gromov delta / diameter", "arrow of time", "wires: distinct points"):
        assert None not in rows[label][:2]
    assert rows["Fisher, state: distinct points"][4:] == (None,) * 4, "a network has no state"
    found = result.values("network", "fisher", "negative_share")
    cell = rows["Fisher, readout: negative eigenvalues (share)"][4]
    assert (cell.low, cell.high) == bootstrap_interval(found)
    for text in (table.text(), table.csv(), table.latex()):
        assert "refused" in text
    assert result.shuffled("circuit", "wires", "points").shape == (1, 4)


@pytest.mark.slow
def test_refusals_are_listed_with_their_reasons(result):
    rows = list(csv.DictReader(io.StringIO(result.refusals())))
    sites = [r for r in rows if (r["description"], r["relation"]) == ("circuit", "mutual-information")]
    assert any("too few points" in row["reason"] for row in sites), "two sites carry no dimension"
    assert all(row["reason"] for row in rows)


@pytest.mark.slow
def test_an_interrupted_comparison_goes_on_where_it_was(result, folder, monkeypatch):
    of_sides = (5, 4)  # relations
    assert len(list(folder.path.glob(".part-*.nc"))) == sum(1 + n + 2 for n in of_sides)

    def never(*_):
        raise AssertionError("computed again")

    for name in ("_measured", "_trained", "_picture"):
        monkeypatch.setattr(running, name, never)
    again = comparison.geometries(SETTINGS, seed=3, folder=folder)
    np.testing.assert_array_equal(again.data["trained"], result.data["trained"])
    assert again.table().text() == result.table().text()


@pytest.mark.slow
def test_what_is_saved_can_be_loaded_and_drawn_again(result, folder, monkeypatch):
    monkeypatch.setattr("qgeom.comparison.result.WIDTHS", {"aps-2": 7.0})  # one is enough here
    figures = result.save(folder)
    names = {path.name for path in folder.path.iterdir()}
    assert {"table.txt", "table.csv", "table.tex", "data.nc", "geometry.html", "refusals.csv"} <= names
    assert not list(folder.path.glob(".part-*"))
    assert figures[0].name == "figure.pdf"
    loaded = comparison.Geometries.load(folder.path)
    assert loaded.table().text() == result.table().text()
    assert loaded.refusals() == result.refusals()
    assert loaded.html() == result.html() == (folder.path / "geometry.html").read_text(encoding="utf-8")
    loaded.picture("circuit")


@pytest.mark.parametrize("width", ["aps-1", "aps-2"])
def test_the_figure_is_made_from_the_data_alone(width):
    """Drawn from a dataset of made-up numbers: trained filled, shuffled open, what all seeds refuse a cross."""
    rng = np.random.default_rng(0)
    relations, dims = ["fisher", "influence"], ("description", "relation", "quantity", "seed")
    trained = rng.uniform(1, 2, size=(2, 2, len(measures.NAMES), 3))
    trained[:, :, measures.NAMES.index("dimension, spectral")] = np.nan
    data = xr.Dataset(
        {"trained": (dims, trained), "null": ((*dims, "shuffle"), rng.uniform(size=(*trained.shape, 2)))},
        {"description": ["circuit", "network"], "relation": relations, "quantity": list(measures.NAMES)},
        {"picture": "fisher"},
    )
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 4))
    picture = data_of(geometry_of(lattice(graph)), "grid")
    figure = drawing.draw(data, {"circuit": picture, "network": picture}, width)
    panel = next(axes for axes in figure.findobj(Axes) if axes.get_xlabel().startswith("dimension"))
    assert sum(line.get_marker() == "x" for line in panel.lines) == 2


def test_a_picture_survives_being_data():
    graph = nx.convert_node_labels_to_integers(nx.grid_2d_graph(4, 4))
    data = data_of(geometry_of(lattice(graph)), "grid")
    again = from_dataset(as_dataset(data, data), "space")
    np.testing.assert_array_equal(again.coordinates, data.coordinates)
    np.testing.assert_array_equal(again.edges, data.edges)
    assert (again.names, again.title, again.space) == (data.names, data.title, data.space)
    assert dict(again.dimensions) == dict(data.dimensions)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--precision", "32"), "needs double precision"),
        (("--set", "task=flowers"), "flowers"),
        (("--set", "distance=euclid"), "distance"),
    ],
)
def test_bad_input_is_one_line(arguments, message, capsys):
    assert cli._run(["compare", "geometry", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_relation_that_is_refused_is_said_and_not_drawn():
    """Eight words of parity are too few for mutual information of activations."""
    side = sides_of(load("parity"), SETTINGS)["network"]
    params = jax.tree.map(np.asarray, side.description.init(jax.random.key(0)))
    relation, found = running._one(side, "mutual-information", params, np.zeros((8, 3)), SETTINGS)
    assert relation is None
    assert all("needs 16 inputs" in str(value) for value in found.values())


def test_inputs_are_never_counted_twice():
    words = load("parity").splits((0,), 0.3)
    assert running._inputs(words, 64, load("parity").test == "held-out").shape == (1, 8, 3)
    moons = load("two-moons")
    inputs = running._inputs(moons.splits((0,), 0.3), 10**6, moons.test == "held-out")[0]
    assert len(np.unique(inputs, axis=0)) == len(inputs) == 200


@pytest.mark.slow
def test_the_command_does_it_all(tmp_path, capsys):
    arguments = [f"--set={key}={value}" for key, value in (
        ("task", "two-moons"), ("n_qubits", 2), ("hidden_layers", 2), ("max_steps", 5), ("samples", 16),
        ("seeds", 2), ("shuffles", 2),
    )]  # fmt: skip
    assert cli._run(["compare", "geometry", *arguments, "--json", "--out", str(tmp_path / "run")]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["task"] == "geometry"
    assert any("hyperbol" in row["quantity"] or "Gromov" in row["quantity"] for row in printed["table"])
