"""Qulacs: energy from a state vector, gradient by its own backpropagation."""

from __future__ import annotations

from typing import Any

import inputs
import numpy as np
from inputs import Contender
from qulacs import Observable, ParametricQuantumCircuit, QuantumState


def _problem(n_qubits: int, n_layers: int) -> tuple[ParametricQuantumCircuit, Observable]:
    circuit = ParametricQuantumCircuit(n_qubits)
    for _ in range(n_layers):
        for q in range(n_qubits):
            circuit.add_parametric_RY_gate(q, 0.0)
            circuit.add_parametric_RZ_gate(q, 0.0)
        for i, j in inputs.ring(n_qubits):
            circuit.add_CZ_gate(i, j)
    observable = Observable(n_qubits)
    for i, j in inputs.ring(n_qubits):
        observable.add_operator(1.0, f"Z {i} Z {j}")
    return circuit, observable


def _set(circuit: ParametricQuantumCircuit, angles: np.ndarray) -> None:
    # Qulacs rotates by exp(+i angle P / 2), so the angle enters with a minus sign
    for k, angle in enumerate(angles):
        circuit.set_parameter(k, -float(angle))


def energy(n_qubits: int, n_layers: int) -> Contender:
    """<sum Z_i Z_{i+1}>, shape ()."""
    circuit, observable = _problem(n_qubits, n_layers)
    state = QuantumState(n_qubits)

    def value(angles: np.ndarray) -> Any:
        _set(circuit, angles)
        state.set_zero_state()
        circuit.update_quantum_state(state)
        return observable.get_expectation_value(state)

    return Contender(
        lambda seed: inputs.angles(n_qubits, n_layers, seed), value, lambda energy: np.asarray(energy).real
    )


def gradient(n_qubits: int, n_layers: int) -> Contender:
    """Gradient by `ParametricQuantumCircuit.backprop`."""
    circuit, observable = _problem(n_qubits, n_layers)

    def value(angles: np.ndarray) -> Any:
        _set(circuit, angles)
        return circuit.backprop(observable)

    return Contender(
        lambda seed: inputs.angles(n_qubits, n_layers, seed), value, lambda gradient: -np.asarray(gradient)
    )
