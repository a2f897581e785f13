"""The synthesis comparison: its numbers against independent ones, its files, resuming, bad input."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import circuits
from qgeom import cli, comparison
from qgeom.comparison import synthesis_sides
from qgeom.comparison.synthesis import SCALARS, sides_of
from qgeom.information import layer_curve
from qgeom.nielsen.built import circuit_cost
from qgeom.nielsen.penalty import flat_penalty, local_penalty
from qgeom.nielsen.targets import circuit_unitary
from qgeom.results import RunFolder

SETTINGS = comparison.SynthesisSettings(
    seeds=2,
    sides=("circuit", "orthogonal network"),
    starts=(0.1,),
    n_qubits=1,
    circuit_layers=1,
    dim=3,
    depth=2,
    steps=150,
    learning_rate=0.1,
    search=2,
)


@pytest.fixture(scope="module")
def result():
    return comparison.synthesise(SETTINGS, seed=3)


@pytest.mark.slow
def test_every_quantity_is_there_and_no_path_is_shorter_than_its_bound(result):
    data = result.data
    assert data["ratio"].dims == ("description", "start", "seed")
    for name in SCALARS:
        assert np.isfinite(data[name]).all() or name == "conjugate_time", name
    assert (data["lower_bound"] <= data["shortest_length"] + 1e-9).all()
    assert (data["shortest_length"] <= data["built_length"] + 1e-6).all()
    assert (data["built_length"] <= data["sequential_length"] + 1e-9).all()
    assert (data["built_action"] >= data["built_length"] ** 2 - 1e-9).all()
    assert (data["fisher_distance"] <= data["fisher_length"] + 1e-9).all()
    assert (data["error"] < 1e-3).all()
    assert (data["loss"].isel(step=-1) < 1e-6).all()
    np.testing.assert_allclose(data["ratio"], data["built_length"] / data["shortest_length"])
    np.testing.assert_allclose(data["piece_lengths"].sum("piece"), data["built_length"], rtol=1e-6)


def test_one_qubit_is_at_the_flat_distance_of_its_target(result):
    """With one qubit every string is free, so the shortest path is the straight line."""
    for k, seed in enumerate((3, 4)):
        target = synthesis_sides.random_unitary(2, seed)
        half_trace = min(1.0, abs(np.trace(target)) / 2)
        found = result.data["shortest_length"].sel(description="circuit", start=0.1).values[k]
        assert found == pytest.approx(np.arccos(half_trace), abs=1e-3)


@pytest.mark.slow
def test_the_choi_state_holds_the_unitary_and_its_layer_curve_is_twice_the_flat_length():
    circuit = synthesis_sides.synthesis_circuit(2, 2, "rzz")
    theta = 0.4 * circuit.init(jax.random.key(1))  # below a half turn: no gate has a shorter way round
    choi = synthesis_sides.choi_circuit(circuit)
    expected = circuit_unitary(circuit, theta) / 2
    np.testing.assert_allclose(np.asarray(choi(theta).vector).reshape(4, 4), expected, atol=1e-12)
    lengths = np.asarray(layer_curve.layer_lengths(choi, theta, nodes=1))
    groups = layer_curve.groups(choi)
    prepared = np.unique(groups[: choi.layers[0]])
    flat = circuit_cost(circuit, flat_penalty(2), theta).length
    assert lengths.sum() - lengths[prepared].sum() == pytest.approx(2 * flat, rel=1e-9)


def test_the_loss_of_the_circuit_is_the_infidelity_of_its_unitary():
    side = sides_of(comparison.SynthesisSettings(sides=("circuit",)))["circuit"]
    theta, problem = side.init(jax.random.key(0), 1.0), side.problem(5)
    assert isinstance(side, synthesis_sides.CircuitSide)
    unitary = circuit_unitary(side.circuit, theta)
    expected = 1 - abs(np.trace(problem[0].conj().T @ unitary) / 4) ** 2
    assert float(side.loss(theta, problem)) == pytest.approx(expected, abs=1e-12)
    assert side.penalty.table() == local_penalty(2, 4.0, max_weight=1).table()


def test_an_orthogonal_network_is_its_exponentials():
    side = synthesis_sides.OrthogonalSide(4, 2, 4.0)
    theta, (target,) = np.asarray(side.init(jax.random.key(2), 1.0)), side.problem(0)
    i, j = np.triu_indices(4, 1)
    total = np.eye(4)
    for row in theta.reshape(2, 6):
        skew = np.zeros((4, 4))
        skew[i, j], skew[j, i] = row, -row
        total = scipy.linalg.expm(skew) @ total
    assert float(side.loss(jnp.asarray(theta), (target,))) == pytest.approx(
        np.linalg.norm(total - target) ** 2 / 8
    )
    built = side.built(theta, (target,))
    np.testing.assert_allclose(built.matrix, total, atol=1e-12)
    assert built.error == pytest.approx(np.linalg.norm(total - target) / 2)


def test_a_path_of_rotations_has_the_same_length_among_invertible_maps():
    rotations = synthesis_sides.OrthogonalSide(4, 3, 7.0)
    theta = np.asarray(rotations.init(jax.random.key(3), 0.3))
    layers = np.asarray(rotations.layers(jnp.asarray(theta)))
    free = synthesis_sides.LinearSide(4, 3, 7.0)
    problem = rotations.problem(0)
    a, b = rotations.built(theta, problem), free.built(layers.ravel(), problem)
    np.testing.assert_allclose(a.lengths, b.lengths, rtol=1e-9)
    assert a.fisher_length == pytest.approx(b.fisher_length)


def test_a_residual_network_of_small_weights_is_nearly_its_linear_maps():
    side = synthesis_sides.ResidualSide(3, 4, 4.0)
    theta, problem = np.asarray(side.init(jax.random.key(4), 0.01)), side.problem(1)
    built = side.built(theta, problem)
    total = np.eye(3)
    for weight in theta.reshape(4, 3, 3):
        total = (np.eye(3) + 2.0 * weight) @ total
    np.testing.assert_allclose(built.matrix, total, atol=1e-4)
    assert built.nonlinear < 1e-3
    inputs = problem[2]
    assert built.fisher_distance == pytest.approx(
        np.sqrt(np.mean(np.sum((inputs @ (total - np.eye(3)).T) ** 2, axis=1))), rel=1e-2
    )


@pytest.mark.slow
def test_the_command_line_writes_table_figure_and_files(result, monkeypatch, capsys, tmp_path):
    text = result.table().text()
    for label in (
        "length as built",
        "shortest length found",
        "lower bound",
        "built / shortest",
        "SU(2)",
        "SO(3)",
    ):
        assert label in text
    monkeypatch.setattr(comparison, "synthesise", lambda *arguments, **options: result)
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", "synthesis", "--out", str(tmp_path / "run"), "--set", "q=9"])
    assert ended.value.code == 0
    assert text in capsys.readouterr().out
    assert (tmp_path / "run" / "figure.pdf").is_file()
    loaded = comparison.Synthesis.load(tmp_path / "run")
    assert loaded.table().text() == text
    assert loaded.settings["seed"] == 3


def test_finished_sides_are_taken_from_the_folder(result, tmp_path, monkeypatch):
    folder = RunFolder.create(tmp_path / "run")
    one = SETTINGS.model_copy(update={"sides": ("circuit",), "seeds": 1, "steps": 5})
    comparison.synthesise(one, folder=folder)
    assert len(list(folder.path.glob(".part-*.nc"))) == 1
    monkeypatch.setattr(
        "qgeom.comparison.synthesis.minimal_geodesic", lambda *a, **k: pytest.fail("computed again")
    )
    again = comparison.synthesise(one, folder=folder)
    assert again.data.sizes["seed"] == 1


def test_a_reflection_is_no_path_and_the_table_says_so(result):
    damaged = comparison.Synthesis(result.data.copy(deep=True), result.settings, result.provenance)
    for name in SCALARS:
        damaged.data[name][0, 0, :] = np.nan
    rows = {row.quantity: row for row in damaged.table().rows}
    assert rows["paths measured"].cells == (0, 2)
    assert rows["built / shortest"].cells[0] is None
    assert damaged.figure("aps-1").get_figwidth() == 3.375


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "32"], "needs double precision"),
        (["--set", "sides=circuit,ring"], "bad setting sides.1 = 'ring'"),
        (["--set", "task=iris"], "unknown setting 'task'"),
        (["--set", "q=-1"], "bad setting q = '-1'"),
    ],
)
def test_bad_input_gets_one_line(arguments, message: str, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", "synthesis", *arguments])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_sides_that_repeat_are_refused():
    with pytest.raises(ValueError, match="repeat"):
        sides_of(comparison.SynthesisSettings(sides=("circuit", "circuit")))


def test_the_circuit_of_blocks_is_a_brick_wall():
    assert synthesis_sides.synthesis_circuit(3, 2, "blocks") == circuits.brickwall(3, 2)
