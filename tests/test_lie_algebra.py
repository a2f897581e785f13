"""Algebras of known dimension, and the rank of the metric they bound."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import circuits
from circuits import Circuit, Param, gates
from qgeom.information import information_metric
from qgeom.information.lie_algebra import circuit_orbit_dimension, generators, lie_closure, orbit_dimension

X, Z = np.array([[0, 1], [1, 0]], complex), np.diag([1, -1]).astype(complex)


def test_generators_carry_the_frame_of_fixed_gates():
    circuit = Circuit(1, [gates.H(0), gates.RX(Param(0), 0)])
    np.testing.assert_allclose(generators(circuit)[0], Z / 2, atol=1e-12)


@pytest.mark.parametrize(
    ("circuit", "dimension"),
    [
        (Circuit(1, [gates.RZ(Param(0), 0)]), 1),
        (Circuit(1, [gates.RZ(Param(0), 0), gates.RX(Param(1), 0)]), 3),
        (circuits.hamiltonian_variational("ising", 4, 1), 16),  # open chain, n^2
        (circuits.brickwall(2, 1), 15),
        (circuits.hardware_efficient(3, 2), 36),  # strings of odd weight: sp(4)
    ],
)
def test_dimension_of_known_algebras(circuit, dimension):
    assert len(lie_closure(generators(circuit))) == dimension


def test_orbits_of_known_dimension():
    assert orbit_dimension(np.stack([Z]), np.array([1, 0])) == 0
    assert orbit_dimension(np.stack([X, Z]), np.array([1, 0])) == 1
    assert circuit_orbit_dimension(circuits.brickwall(2, 1)) == 2 * (2**2 - 1)
    assert circuit_orbit_dimension(circuits.hardware_efficient(3, 2)) == 2 * (2**3 - 1)


def test_the_rank_of_a_deep_circuit_is_the_dimension_of_the_orbit(key):
    circuit = circuits.hamiltonian_variational("ising", 3, 5)
    rank = max(information_metric(circuit, circuit.init(k)).rank() for k in jax.random.split(key, 2))
    assert rank == circuit_orbit_dimension(circuit) == 4
