"""Metrics from counts: exact in the limit, unbiased, with honest error bars, and the same from a file."""

from __future__ import annotations

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import qgeom
from circuits import gates
from circuits.gates import Input, Param
from qgeom.shots import FisherPlan, HadamardPlan, OverlapPlan, SPSAPlan, load_counts, save_counts
from qgeom.shots.counts import as_table
from qgeom.shots.hadamard_tests import generator
from qgeom.shots.shift_rules import bound, shift_rule

MANY = 10**9
"""Shots after which the noise is below 1e-3."""

ONE_OF_EACH = [
    gates.H(0), gates.RY(2.0 * Param(0) + 0.3, 1), gates.CX(0, 1), gates.U3(Param(1), 0.4, Param(2), 0),
    gates.CRY(Param(3), 1, 0), gates.RXX(Param(0, -1.5), 0, 1), gates.CP(Param(4), 0, 1), gates.RY(0.7, 0),
    gates.PauliRotation(Param(5), "ZY", (0, 1)), gates.RX(0.3, 1),
]  # fmt: skip


@pytest.fixture(scope="module")
def circuit():
    """Every kind of generator; one parameter shared and scaled."""
    return circuits.Circuit(2, ONE_OF_EACH)


@pytest.fixture(scope="module")
def theta(circuit):
    return jnp.asarray(np.random.default_rng(3).uniform(-2, 2, circuit.n_parameters))


@pytest.fixture(scope="module")
def quantum(circuit, theta):
    return np.asarray(qgeom.information_metric(circuit, theta).as_matrix())


@pytest.mark.slow
@pytest.mark.parametrize("plan", [OverlapPlan, HadamardPlan])
def test_the_quantum_fisher_matrix_is_reached_with_many_shots(plan, circuit, theta, quantum):
    made = plan(circuit, theta)
    found = made.estimate(made.sample(MANY))
    np.testing.assert_allclose(found.matrix, quantum, atol=2e-3)
    assert np.all(np.abs(found.matrix - quantum) < 6 * found.standard_error + 1e-9)
    assert found.circuits == len(made.circuits) == len(made.angles)


@pytest.mark.slow
def test_overlaps_by_a_swap_test_are_those_by_undoing(small):
    circuit, theta, *_ = small
    undo, swap = OverlapPlan(circuit, theta), OverlapPlan(circuit, theta, method="swap")
    first = undo.probabilities()[:, 0]
    ancilla = swap.probabilities().reshape(len(first), -1, 2).sum(axis=1)
    np.testing.assert_allclose(ancilla[:, 0] - ancilla[:, 1], first, atol=1e-12)
    state = np.asarray(circuit(theta).vector)  # and both are what they should be
    for row, overlap in zip(undo.rows.angles[:5], first[:5], strict=True):
        other = np.asarray(bound(circuit, row)(jnp.zeros(0)).vector)
        assert abs(np.vdot(state, other)) ** 2 == pytest.approx(overlap, abs=1e-12)


@pytest.mark.slow
def test_exact_overlaps_give_the_exact_matrix(circuit, theta, quantum):
    plan = OverlapPlan(circuit, theta)
    overlap = plan.probabilities()[:, 0]
    matrix = plan.rows.constant + np.einsum("r,rij->ij", overlap, plan.rows.weights)
    np.testing.assert_allclose(matrix, quantum, atol=1e-10)


@pytest.fixture(scope="module")
def small():
    """Two rotations and an entangler on 2 qubits, and the exact matrices."""
    c = circuits.Circuit(2, [gates.RY(Param(0), 0), gates.CX(0, 1), gates.RY(Param(1), 1), gates.RZ(Param(2), 0),
                             gates.RX(Param(2), 0)])  # fmt: skip
    theta = jnp.asarray([0.7, 1.1, -0.4])
    quantum = np.asarray(qgeom.information_metric(c, theta).as_matrix())
    return c, theta, quantum, np.asarray(qgeom.classical_fisher(c, theta).as_matrix())


def deviations(plan, exact, shots, repeats=40):
    """(estimate - exact) / standard error of repeated experiments, and the estimates."""
    found = [plan.estimate(plan.sample(shots, seed=k)) for k in range(repeats)]
    z = np.stack([(e.matrix - exact)[np.triu_indices(len(exact))] for e in found])
    s = np.stack([e.standard_error[np.triu_indices(len(exact))] for e in found])
    return z, s


@pytest.mark.parametrize("kind", ["undo", "random", "hadamard", "fisher"])
def test_estimates_are_unbiased_and_their_error_bars_honest(kind, small):
    c, theta, quantum, classical = small
    plan = {
        "undo": lambda: OverlapPlan(c, theta),
        "random": lambda: OverlapPlan(c, theta, method="random", bases=60, seed=7),
        "hadamard": lambda: HadamardPlan(c, theta),
        "fisher": lambda: FisherPlan(c, theta),
    }[kind]()
    exact = classical if kind == "fisher" else quantum
    if kind == "random":  # the bases are part of the experiment
        each = [OverlapPlan(c, theta, method="random", bases=60, seed=k) for k in range(12)]
        found = [p.estimate(p.sample(400, seed=k)) for k, p in enumerate(each)]
        upper = np.triu_indices(3)
        z = np.stack([(e.matrix - exact)[upper] for e in found])
        s = np.stack([e.standard_error[upper] for e in found])
    else:
        z, s = deviations(plan, exact, 2000)
    noisy = z.std(axis=0) > 1e-12  # some entries are known: overlaps that vanish
    bias = z.mean(axis=0)[noisy] / (z.std(axis=0, ddof=1)[noisy] / math.sqrt(len(z)))
    assert np.abs(bias).max() < 4.5
    ratio = s.mean(axis=0)[noisy] / z.std(axis=0, ddof=1)[noisy]
    assert np.all((ratio > 0.5) & (ratio < 2.0))


def test_the_fisher_matrix_of_few_counts_is_unbiased(small):
    c, theta, _, classical = small
    plan = FisherPlan(c, theta)
    found = np.stack([plan.estimate(plan.sample(100, seed=k), resamples=2).matrix for k in range(2000)])
    error = found.std(axis=0, ddof=1) / math.sqrt(2000)
    assert np.all(np.abs(found.mean(axis=0) - classical) < 4.5 * error + 1e-9)
    # A plain product of derivatives over frequencies would be off by the variance of the counts, seen at this size.
    p = plan.probabilities()
    excess = 0.25 * sum((row * (1 - row) / 100 / p[0]).sum() for row in p[1:])
    assert excess > 4 * np.linalg.norm(np.diag(error))


def test_errors_fall_as_one_over_the_root_of_the_shots(small):
    c, theta, *_ = small
    plan = OverlapPlan(c, theta)
    few, many = (plan.estimate(plan.sample(n)).standard_error.mean() for n in (1_000, 100_000))
    assert few / many == pytest.approx(10.0, rel=0.15)


def test_spsa_is_unbiased_up_to_the_square_of_its_step(small):
    c, theta, quantum, _ = small
    plan = SPSAPlan(c, theta, draws=4000, step=0.05)
    found = plan.exact()
    assert np.all(np.abs(found.matrix - quantum) < 4.5 * found.standard_error + 3 * 0.05**2)
    noisy = SPSAPlan(c, theta, draws=400, step=0.3)
    measured = noisy.estimate(noisy.sample(10_000))
    assert np.all(np.abs(measured.matrix - quantum) < 5 * measured.standard_error + 3 * 0.3**2)


def test_classes_and_wires_of_a_measured_circuit_are_grouped(small):
    c, theta, *_ = small
    measured = circuits.Measured(c, wires=(1,))
    plan = FisherPlan(measured, theta)
    found = plan.estimate(plan.sample(10**7))
    exact = np.asarray(qgeom.information_metric(measured, theta).as_matrix())
    np.testing.assert_allclose(found.matrix, exact, atol=5e-3)
    parity = circuits.Measured(c, classes=circuits.parity_classes(2))
    found = FisherPlan(parity, theta).estimate(plan.sample(10**7))
    np.testing.assert_allclose(found.matrix, qgeom.information_metric(parity, theta).as_matrix(), atol=5e-3)


def test_an_input_scales_the_derivative():
    c = circuits.Circuit(1, [gates.RY(Param(0) * Input(0), 0)])
    found = OverlapPlan(c, jnp.asarray([0.4]), x=jnp.asarray([3.0]))
    assert found.estimate(found.sample(MANY)).matrix[0, 0] == pytest.approx(9.0, abs=1e-3)
    with pytest.raises(ValueError, match="input"):
        FisherPlan(c, jnp.asarray([0.4]))


def test_counts_from_a_file_give_the_same_matrix(small, tmp_path):
    c, theta, *_ = small
    plan = FisherPlan(c, theta)
    table = plan.sample(5000)
    save_counts(tmp_path / "counts.json", table)
    from_file = plan.estimate(load_counts(tmp_path / "counts.json"))
    np.testing.assert_array_equal(from_file.matrix, plan.estimate(table).matrix)
    reversed_bits = [{k[::-1]: v for k, v in row.items()} for row in load_counts(tmp_path / "counts.json")]
    np.testing.assert_array_equal(as_table(reversed_bits, len(table), 2, "qubit-0-last"), table)
    hexadecimal = [
        {hex(int(k, 2)): v for k, v in row.items()} for row in load_counts(tmp_path / "counts.json")
    ]
    np.testing.assert_array_equal(as_table(hexadecimal, len(table), 2), table)


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ([{"00": 1}], "circuits, in order"),
        ({"00": 1}, "sequence"),
        ([{"0": 1}] * 2, "no bitstring of 2"),
        ([{"0x9": 1}] * 2, "no outcome"),
        ([{"00": -1}] * 2, "0 or more"),
        ([{"00": 0.5}] * 2, "integers"),
        ([{"00": 1}, {}], "circuit 1 has no shots"),
    ],
)
def test_counts_that_do_not_fit_are_refused_in_one_line(counts, message):
    with pytest.raises(ValueError, match=message) as error:
        as_table(counts, 2, 2)
    assert "\n" not in str(error.value)


def test_a_file_that_holds_no_counts_is_refused_in_one_line(tmp_path):
    path = tmp_path / "counts.json"
    for text, message in (("{", "no JSON"), ('{"00": 3}', "list"), ('[{"00": "x"}]', "number of shots")):
        path.write_text(text)
        with pytest.raises(ValueError, match=message) as error:
            load_counts(path)
        assert "\n" not in str(error.value)


def test_gates_without_a_rule_are_refused_by_name():
    c = circuits.Circuit(1, [gates.SU2([Param(0), Param(1), Param(2)], 0)])
    for plan in (FisherPlan, OverlapPlan, HadamardPlan):
        with pytest.raises(ValueError, match="SU2"):
            plan(c, jnp.zeros(3))
    assert SPSAPlan(c, jnp.zeros(3), draws=2).exact().matrix.shape == (3, 3)


@pytest.mark.parametrize(
    "op",
    [gates.RX(0.3, 0), gates.RYY(0.3, 0, 1), gates.CRZ(0.3, 0, 1), gates.CRX(0.3, 0, 1), gates.XXPlusYY(0.3, 0, 1),
     gates.P(0.3, 0), gates.CP(0.3, 0, 1), gates.MultiControlledPhase(0.3, (0, 1, 2)),
     gates.PauliRotation(0.3, "XYZ", (0, 1, 2))],
    ids=lambda op: op.name,
)  # fmt: skip
def test_generators_and_rules_are_those_of_the_matrices(op):
    m = len(op.wires)
    terms = [(coefficient, gates.pauli_matrix(string)) for coefficient, string in generator(op)]
    g = sum((c * np.asarray(p) for c, p in terms), np.zeros((2**m, 2**m)))

    def unitary(angle):
        return np.asarray(gates.matrix(op, jnp.asarray([angle])))

    values, vectors = np.linalg.eigh(g)
    expected = vectors @ np.diag(np.exp(-0.3j * values)) @ vectors.conj().T
    phase = np.trace(expected.conj().T @ unitary(0.3))
    np.testing.assert_allclose(unitary(0.3) * np.conj(phase / abs(phase)), expected, atol=1e-12)
    rng = np.random.default_rng(0)
    psi = rng.normal(size=2**m) + 1j * rng.normal(size=2**m)
    h = rng.normal(size=(2**m, 2**m))

    def energy(angle):
        state = unitary(angle) @ psi
        return float(np.vdot(state, (h + h.T) @ state).real)

    by_rule = sum(weight * energy(0.3 + shift) for shift, weight in shift_rule(op))
    by_difference = (energy(0.3 + 1e-5) - energy(0.3 - 1e-5)) / 2e-5
    assert by_rule == pytest.approx(by_difference, abs=1e-7 * np.abs(h).sum() * np.vdot(psi, psi).real)


def test_negative_eigenvalues_are_kept_and_can_be_set_to_zero(small):
    c, theta, quantum, _ = small
    found = OverlapPlan(c, theta)
    estimate = found.estimate(found.sample(50))
    assert np.linalg.eigvalsh(estimate.positive()).min() > -1e-12
    assert estimate.significant_rank() <= 3
    sure = found.estimate(found.sample(10**8))
    assert sure.significant_rank() == np.linalg.matrix_rank(quantum, tol=1e-2)
    assert "overlaps, undo" in repr(sure)
    json.dumps(sure.matrix.tolist())
