"""The comparison of ground states: imaginary time against closed forms, the numbers and files of every side."""

from __future__ import annotations

import warnings

import jax
import numpy as np
import pytest

import circuits
from circuits import hamiltonians
from circuits.networks.quantum_state import RBMState
from qgeom import cli, comparison
from qgeom.comparison import ground_state_model as model
from qgeom.comparison.ground_state_descent import imaginary_time
from qgeom.comparison.ground_state_measures import SCALARS
from qgeom.comparison.ground_state_sides import sides_of
from qgeom.results import RunFolder

SETTINGS = comparison.GroundStateSettings(
    seeds=2, n_sites=6, circuit_layers=3, bond_dimension=3, mera_bond_dimension=2, hidden=4, steps=60
)


@pytest.fixture(scope="module")
def result():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a MERA that has not converged says so
        return comparison.ground_states(SETTINGS, seed=3)


def free_fermions(n: int) -> float:
    """Energy of the open critical chain: minus the singular values of the bidiagonal matrix of ones."""
    return -float(np.linalg.svd(np.eye(n) + np.eye(n, k=1), compute_uv=False).sum())


def test_a_boltzmann_machine_reaches_the_energy_of_free_fermions():
    machine = RBMState(4, 4, "real", "X")
    starts = [machine.init(jax.random.key(seed)) for seed in range(2)]
    theta, energies = imaginary_time(machine, hamiltonians.ising(4), starts, steps=300, damping=1e-6)
    exact = free_fermions(4)
    assert theta.shape == (2, machine.n_parameters)
    assert (np.diff(energies, axis=1) <= 0).all()
    assert (energies >= exact - 1e-10).all()
    np.testing.assert_allclose(energies[:, -1], exact, rtol=1e-6)


@pytest.mark.slow
def test_a_variational_circuit_of_half_as_many_layers_as_sites_is_exact_on_the_ring():
    """Wierichs et al., Phys. Rev. Research 2, 043246 (2020); the critical ring has the energy -2 / sin(pi / 2n)."""
    circuit = circuits.hamiltonian_variational("ising", 4, 2, periodic=True)
    starts = [0.1 * circuit.init(jax.random.key(seed)) for seed in range(3)]
    _, energies = imaginary_time(circuit, hamiltonians.ising(4, periodic=True), starts, steps=300)
    exact = -2.0 / np.sin(np.pi / 8)
    assert (energies >= exact - 1e-10).all()
    assert energies[:, -1].min() == pytest.approx(exact, rel=1e-6)


@pytest.mark.slow
def test_a_small_step_is_imaginary_time():
    """On a description that reaches every real state, theta follows -(H - E) psi."""
    machine = RBMState(2, 4, "real", "X")
    params = jax.tree.map(lambda leaf: 3.0 * leaf, machine.init(jax.random.key(2)))
    h, rate = hamiltonians.ising(2), 1e-4
    before = np.asarray(machine(params).vector)
    theta, energies = imaginary_time(machine, h, params, steps=1, learning_rate=rate, damping=1e-10)
    dense = h.to_matrix()
    slope = -4.0 * (
        np.linalg.norm(dense @ before) ** 2 - energies[0, 0] ** 2
    )  # dE/dlr = 2 dE/dtau, -2 var each
    assert (energies[0, 1] - energies[0, 0]) / rate == pytest.approx(slope, rel=1e-2)
    assert theta.shape == (1, machine.n_parameters)


@pytest.mark.slow
def test_every_quantity_is_there_and_no_energy_is_below_exact(result):
    data = result.data
    exact = free_fermions(6)
    assert data.attrs["exact_energy"] == pytest.approx(exact, abs=1e-10)
    assert data["energy"].dims == ("description", "seed")
    assert (data["energy"] >= exact - 1e-9).all()
    np.testing.assert_allclose(data["energy_error"], (data["energy"] - exact) / abs(exact), atol=1e-12)
    for name in SCALARS:
        on = data.sel(description="circuit") if name in ("built_length", "sequential_length") else data
        assert name == "two_qubit_gates" or np.isfinite(on[name]).all(), name
    assert (data["energy_error"].sel(description=["MPS", "network"]) < 1e-2).all()
    # The gap bounds how far a state of this energy can be from the ground state.
    assert (data["infidelity"] <= (data["energy"] - exact) / data.attrs["gap"] + 1e-9).all()
    assert (data["layer_distance"] <= data["layer_length"] + 1e-9).all()
    assert (data["built_length"] <= data["sequential_length"] + 1e-9).sel(description="circuit").all()
    assert (data["rank"] <= data["n_parameters"]).all()
    assert (data["rank"] <= 2 * (2**6 - 1)).all()
    assert (data["effective_rank"] <= data["rank"] + 1e-9).all()
    np.testing.assert_allclose(data["eigenvalues"].sum("parameter"), data["trace"])
    history = data["history"].transpose("description", "seed", "update").values
    last = [[row[~np.isnan(row)][-1] for row in rows] for rows in history]
    np.testing.assert_allclose(last, data["energy"], atol=1e-7)


@pytest.mark.slow
def test_the_rank_of_the_matrix_product_is_the_dimension_of_its_manifold(result):
    network = circuits.mps.MatrixProduct(6, 3, field="real")
    found = result.data["rank"].sel(description="MPS").values
    assert (found == network.manifold_dimension).all()


def test_entropies_of_a_product_and_of_a_singlet():
    product = np.kron(np.kron([1.0, 0.0], [0.6, 0.8]), [0.0, 1.0])
    np.testing.assert_allclose(model.entropies(product), 0.0, atol=1e-12)
    singlet = np.kron([0.0, 1.0, -1.0, 0.0], [1.0, 0.0]) / np.sqrt(2)
    np.testing.assert_allclose(model.entropies(singlet), [np.log(2), 0.0], atol=1e-12)


def test_exact_by_lanczos_is_exact_by_diagonalisation(monkeypatch):
    h = hamiltonians.xxz(6, 0.5)
    dense = model.exact(h)
    monkeypatch.setattr(model, "_DENSE", 2)
    sparse = model.exact(h)
    assert sparse.energy == pytest.approx(dense.energy, abs=1e-9)
    assert sparse.gap == pytest.approx(dense.gap, abs=1e-8)
    np.testing.assert_allclose(sparse.entropies, dense.entropies, atol=1e-7)


@pytest.mark.slow
def test_marshall_signs_make_the_network_reach_the_heisenberg_chain():
    settings = comparison.GroundStateSettings(hamiltonian="heisenberg", n_sites=4, sides=("network",))
    side, h = sides_of(settings)["network"], model.hamiltonian_of(settings)
    _, energies = imaginary_time(side.description, h, side.description.init(jax.random.key(0)), steps=300)
    # Four spins in a row: E = -(3 + 2 sqrt 3) in Pauli matrices.
    assert energies[0, -1] == pytest.approx(-(3 + 2 * np.sqrt(3)), rel=1e-4)


@pytest.mark.slow
def test_the_command_line_writes_table_figure_and_files(result, monkeypatch, capsys, tmp_path):
    text = result.table().text()
    for label in (
        "circuit", "MPS", "MERA", "network", "parameters", "relative energy error", "infidelity", "Fisher trace",
        "Fisher rank", "Fisher effective rank", "share of small eigenvalues", "Fisher length of layer curve",
        "Nielsen length as built", "largest deviation of an entropy",
    ):  # fmt: skip
        assert label in text
    assert len(result.table().columns) == 4
    monkeypatch.setattr(comparison, "ground_states", lambda *arguments, **options: result)
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", "ground-state", "--out", str(tmp_path / "run"), "--set", "n_sites=6"])
    assert ended.value.code == 0
    assert text in capsys.readouterr().out
    for name in ("figure.pdf", "figure.svg", "figure.png", "figure-aps-1.pdf", "table.csv", "table.tex"):
        assert (tmp_path / "run" / name).is_file()
    loaded = comparison.GroundStates.load(tmp_path / "run")
    assert loaded.table().text() == text
    assert loaded.settings["seed"] == 3


@pytest.mark.slow
def test_finished_sides_are_taken_from_the_folder(tmp_path, monkeypatch):
    folder = RunFolder.create(tmp_path / "run")
    one = SETTINGS.model_copy(update={"sides": ("circuit",), "n_sites": 4, "seeds": 1, "steps": 2})
    comparison.ground_states(one, folder=folder)
    assert len(list(folder.path.glob(".part-*.nc"))) == 1
    monkeypatch.setattr(
        "qgeom.comparison.ground_state.measure", lambda *a, **k: pytest.fail("computed again")
    )
    assert comparison.ground_states(one, folder=folder).data.sizes["seed"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--precision", "32"], "needs double precision"),
        (["--set", "sides=circuit,peps"], "bad setting sides.1 = 'peps'"),
        (["--set", "hamiltonian=hubbard"], "bad setting hamiltonian = 'hubbard'"),
        (["--set", "n_sites=7"], "7 sites"),
        (["--set", "field=0"], "ground level of this Hamiltonian is degenerate"),
        (["--set", "task=iris"], "unknown setting 'task'"),
    ],
)
def test_bad_input_gets_one_line(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        cli.main(["compare", "ground-state", *arguments])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.glob("runs/*"))
