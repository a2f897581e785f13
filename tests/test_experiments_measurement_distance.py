"""measurement-distance: distances, clusters, and its verdict for every outcome."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qgeom.information
from circuits.description import Distribution, State
from qgeom.experiments import descent, measurement_distance
from qgeom.experiments.measurement_distance import Found


def test_distances_are_those_of_the_metric():
    generator = np.random.default_rng(0)
    z = generator.normal(size=(2, 4)) + 1j * generator.normal(size=(2, 4))
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    table = np.concatenate([z.real, z.imag], axis=1)
    state = float(qgeom.information.distance(State(jnp.asarray(z[0])), State(jnp.asarray(z[1]))))
    outcomes = float(qgeom.information.distance(*(Distribution(jnp.asarray(np.abs(v) ** 2)) for v in z)))
    assert measurement_distance.sphere_distances(table, table, "state")[0, 1] == pytest.approx(
        state, rel=1e-9
    )
    assert measurement_distance.sphere_distances(table, table, "outcomes")[0, 1] == pytest.approx(
        outcomes, rel=1e-9
    )
    p = generator.random((2, 3))
    pairs = np.stack([p, 1 - p], axis=-1)
    each = [
        qgeom.information.distance(*(Distribution(jnp.asarray(q)) for q in pairs[:, x])) for x in range(3)
    ]
    table = np.sqrt(pairs).reshape(2, -1)
    found = measurement_distance.sphere_distances(table, table, "network")[0, 1]
    assert found == pytest.approx(np.sqrt(np.mean(np.square(each))), rel=1e-9)


def test_clusters_part_what_is_far():
    points = np.eye(4)[[0, 1, 0, 1]]  # |0>, |1> as real and imaginary parts
    labels = measurement_distance.clusters(points, "state", 0.3)
    assert labels[0] == labels[2] != labels[1] == labels[3]


def clusters_with(slope: float, noise: float, seeds: int = 12) -> Found:
    generator = np.random.default_rng(1)
    distance = np.broadcast_to(np.linspace(1, 2, 8), (seeds, 8))
    frequency = 1 + slope * (distance - 1.5) + noise * generator.normal(size=(seeds, 8))
    return Found(frequency, distance, np.zeros(8))


@pytest.mark.parametrize(
    ("slope", "noise", "outcome"),
    [(-1.0, 0.1, "supported"), (1.0, 0.1, "refuted"), (-0.3, 0.5, "inconclusive")],
)
def test_every_outcome_is_possible(slope, noise, outcome):
    verdict = measurement_distance._judge([clusters_with(slope, noise)], "network", null=True)
    assert verdict.outcome == outcome
    if outcome == "supported":
        assert verdict.p_value < 0.05


def test_too_few_clusters_settle_nothing():
    one = Found(np.ones((12, 1)), np.ones((12, 1)), np.zeros(1))
    verdict = measurement_distance._judge([one], "circuit", null=True)
    assert verdict.outcome == "inconclusive"


def test_the_parity_hamiltonian_in_the_computational_basis():
    matrix = measurement_distance.parity_hamiltonian(2).to_matrix()
    expected = [-1 - 0.1 - 0.15, 1 - 0.1 + 0.15, 1 + 0.1 - 0.15, -1 + 0.1 + 0.15]
    np.testing.assert_allclose(np.diag(matrix).real, expected, atol=1e-12)


def test_descent_finds_a_ground_state_and_its_path_is_no_shorter_than_its_chord(key):
    circuit = measurement_distance.circuits.hardware_efficient(2, 0, ("RY",), final_rotations=True)
    problem = measurement_distance.Energy(circuit, measurement_distance.from_strings({"ZI": 1.0, "IZ": 1.0}))
    theta = jax.vmap(circuit.init)(jax.random.split(key, 4))
    found = descent.minimise(problem, theta, None, 150, 0.1, lengths=True)
    np.testing.assert_allclose(found.loss, -2.0, atol=1e-3)
    ends = [
        [State(circuit(jnp.asarray(t)).vector) for t in (a, b)]
        for a, b in zip(theta, found.theta, strict=True)
    ]
    for length, (a, b) in zip(found.length, ends, strict=True):
        assert length >= float(qgeom.information.distance(a, b)) - 1e-9
