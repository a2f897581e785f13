"""The gallery of circuits under docs/gallery: each is read, and its quantum Fisher matrix has the rank that it must.

The references are closed forms and bounds from the papers named in the files, or the same circuit built gate by gate
and evaluated by dense matrices and differences.
"""

from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from circuits import Circuit, Param, gates
from circuits.convert.openqasm import from_openqasm, to_openqasm
from circuits.reparametrised import Reparametrised
from qgeom.information import information_metric
from tests import brute_force

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "gallery"
NAMES = sorted(path.stem for path in FOLDER.glob("*.qasm"))
RANKS = {
    "brickwork": None,  # by brute force
    "convolutional_network": None,
    "ghz": 1,  # of the phase that all qubits pick up
    "hardware_efficient": 14,  # 2 * 2^3 - 2: all states of three qubits
    "qaoa_ring": 4,  # n: two dimensions for each of n/2 free spins
    "qft": 1,
    "real_amplitudes": 7,  # 2^3 - 1: all real states
    "trotter_ising": 2,
    "unitary_coupled_cluster_h2": 1,
    "zz_feature_map": 3,  # as many as data
}


def read(name: str) -> Circuit | Reparametrised:
    return from_openqasm((FOLDER / f"{name}.qasm").read_text())


def circuit(name: str) -> Circuit:
    c = read(name)
    assert isinstance(c, Circuit)
    return c


def parameters(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-math.pi, math.pi, n)


def matrix(c: Circuit | Reparametrised, theta: np.ndarray) -> np.ndarray:
    return np.asarray(information_metric(c, jnp.asarray(theta)).as_matrix())


def rank(f: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(f, tol=1e-7 * np.linalg.norm(f, 2), hermitian=True))


def test_there_are_ten_and_each_has_its_test():
    assert len(NAMES) == 10
    assert set(RANKS) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_names_its_source_and_fits_the_page(name: str):
    text = (FOLDER / f"{name}.qasm").read_text()
    head = [line for line in text.splitlines() if line.startswith("//")]
    assert any("(19" in line or "(20" in line for line in head)
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", NAMES)
def test_each_is_written_and_read_again(name: str):
    d = read(name)
    again = from_openqasm(to_openqasm(d))
    assert again == d or again == circuit(name).named(d.parameter_names or None)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if RANKS[name] is not None and name not in ("ghz", "qft")]
)
def test_the_rank_is_the_dimension_that_theory_gives(name: str):
    d = read(name)
    f = matrix(d, parameters(d.n_parameters))
    assert rank(f) == RANKS[name]
    assert rank(f) < d.n_parameters or name in (
        "trotter_ising",
        "unitary_coupled_cluster_h2",
        "zz_feature_map",
    )


def test_ghz_senses_a_phase_with_the_square_of_the_number_of_qubits():
    probe = circuit("ghz") + Circuit(4, [gates.RZ(Param(0), q) for q in range(4)])
    np.testing.assert_allclose(matrix(probe, np.array([0.3])), [[16.0]], atol=1e-12)


def test_the_fourier_transform_has_the_matrix_of_roots_of_unity():
    u = brute_force.unitary(circuit("qft"))
    k = np.arange(16)
    np.testing.assert_allclose(u, np.exp(2j * np.pi * np.outer(k, k) / 16) / 4, atol=1e-12)


def test_it_keeps_the_information_about_a_phase():
    # sum_x exp(i x phi) |x> / 4: four times the variance of x, (16^2 - 1)/3, before and after the transform.
    phases = [gate for q in range(4) for gate in (gates.H(q), gates.P(2.0 ** (3 - q) * Param(0), q))]
    probe = Circuit(4, phases) + circuit("qft").inverse()
    np.testing.assert_allclose(matrix(probe, np.array([0.7])), [[85.0]], atol=1e-10)


def test_the_hydrogen_molecule_rotates_at_twice_the_angle():
    c = circuit("unitary_coupled_cluster_h2")
    # exp(-i t X Y)|10> = cos t |10> + sin t |01>, up to signs; 4 Var(X Y) = 4
    psi = brute_force.state(c, [0.4])
    np.testing.assert_allclose(abs(psi), [0, math.sin(0.4), math.cos(0.4), 0], atol=1e-12)
    np.testing.assert_allclose(matrix(c, np.array([0.4])), [[4.0]], atol=1e-12)


def test_the_trotter_steps_approach_the_evolution():
    psi = brute_force.state(circuit("trotter_ising"), [0.8, 0.6])
    pauli = gates.pauli_matrix
    h = -0.8 * sum(pauli(s) for s in ("ZZII", "IZZI", "IIZZ")) - 0.6 * sum(
        pauli(s) for s in ("XIII", "IXII", "IIXI", "IIIX")
    )
    values, vectors = np.linalg.eigh(np.asarray(h))
    one = np.array([math.cos(math.pi / 8), math.sin(math.pi / 8)])
    start = np.kron(np.kron(one, one), np.kron(one, one))
    exact = vectors @ (np.exp(-1j * values) * (vectors.T.conj() @ start))
    assert 1 - abs(np.vdot(exact, psi)) ** 2 < 1e-4  # of order dt^4 in the infidelity


def test_real_amplitudes_are_real():
    psi = brute_force.state(circuit("real_amplitudes"), parameters(12))
    np.testing.assert_allclose(psi.imag, 0.0, atol=1e-14)


def built_brickwork() -> Circuit:
    ops, index = [], 0
    for layer in range(3):
        for q in range(4):
            ops += [gates.RY(Param(index), q), gates.RZ(Param(index + 1), q)]
            index += 2
        ops += [gates.CZ(1, 2)] if layer == 1 else [gates.CZ(0, 1), gates.CZ(2, 3)]
    return Circuit(4, ops)


def built_convolutional_network() -> Circuit:
    def convolution(first: int, x: int, y: int) -> list:
        a, b, c, d, e, f = [Param(first + k) for k in range(6)]
        return [gates.U3(a, b, 0.0, x), gates.U3(c, d, 0.0, y), gates.RZZ(e, x, y), gates.RY(f, x)]

    def pooling(first: int, x: int, y: int) -> list:
        a, b = Param(first), Param(first + 1)
        return [gates.CRZ(a, x, y), gates.X(x), gates.CRX(b, x, y), gates.X(x)]

    ops = [gates.RY(math.pi / 3, q) for q in range(4)]
    for x, y in ((0, 1), (2, 3), (1, 2)):
        ops += convolution(0, x, y)
    ops += [*pooling(12, 0, 1), *pooling(12, 2, 3), *convolution(6, 1, 3), *pooling(14, 1, 3)]
    return Circuit(4, ops)


@pytest.mark.parametrize(
    ("name", "build"),
    [
        ("brickwork", built_brickwork),
        pytest.param("convolutional_network", built_convolutional_network, marks=pytest.mark.slow),
    ],
)
def test_the_metric_is_that_of_the_circuit_built_by_hand(name: str, build):
    c, theta = circuit(name), parameters(build().n_parameters)
    expected = brute_force.qfim(build(), theta)
    found = matrix(c, theta)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert rank(found) == rank(expected)


def test_the_feature_map_has_the_metric_of_its_definition():
    def psi(x: np.ndarray) -> np.ndarray:
        ops = []
        for _ in range(2):
            ops += [gates.H(q) for q in range(3)] + [gates.P(2 * x[q], q) for q in range(3)]
            for i, j in combinations(range(3), 2):
                t = 2 * (math.pi - x[i]) * (math.pi - x[j])
                # CX P(t) CX is exp(i t/2) exp(-i t Z Z / 2)
                ops.append(gates.RZZ(t, i, j))
        return brute_force.unitary_of_ops(ops, 3)[:, 0]

    at, step = np.array([0.4, -0.3, 0.9]), 0.004
    weights = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    rows = np.array(
        [
            sum(w * (psi(at + k * step * e) - psi(at - k * step * e)) for k, w in weights.items()) / step
            for e in np.eye(3)
        ]
    )
    overlap = rows.conj() @ psi(at)
    expected = 4 * (rows.conj() @ rows.T - np.outer(overlap, overlap.conj())).real
    np.testing.assert_allclose(matrix(read("zz_feature_map"), at), expected, rtol=1e-8, atol=1e-8)
    as_data = from_openqasm((FOLDER / "zz_feature_map.qasm").read_text(), inputs=("x",))
    assert (as_data.n_parameters, as_data.n_inputs) == (0, 3)
