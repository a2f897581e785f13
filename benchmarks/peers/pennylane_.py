"""PennyLane: `adjoint_metric_tensor` under autograd; energy and gradient on lightning.qubit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import inputs
import numpy as np
import pennylane as qml
from inputs import Contender
from pennylane import numpy as pnp


def _gates(n_qubits: int, n_layers: int, theta: Any) -> None:
    k = 0
    for _ in range(n_layers):
        for q in range(n_qubits):
            qml.RY(theta[k], wires=q)
            qml.RZ(theta[k + 1], wires=q)
            k += 2
        for edge in inputs.ring(n_qubits):
            qml.CZ(wires=edge)


def _loader(n_qubits: int, n_layers: int) -> Callable[[int], Any]:
    return lambda seed: pnp.array(inputs.angles(n_qubits, n_layers, seed), requires_grad=True)


def qfim(n_qubits: int, n_layers: int) -> Contender:
    """`adjoint_metric_tensor` is the Fubini-Study metric; 4 times it is the QFIM."""

    @qml.qnode(qml.device("default.qubit", wires=n_qubits), interface="autograd")
    def state(theta: Any) -> Any:
        _gates(n_qubits, n_layers, theta)
        return qml.expval(qml.PauliZ(0))

    metric = qml.adjoint_metric_tensor(state)
    return Contender(_loader(n_qubits, n_layers), metric, lambda tensor: 4 * np.asarray(tensor))


def _energy(n_qubits: int, n_layers: int) -> Any:
    edges = inputs.ring(n_qubits)
    hamiltonian = qml.Hamiltonian([1.0] * len(edges), [qml.PauliZ(i) @ qml.PauliZ(j) for i, j in edges])

    @qml.qnode(qml.device("lightning.qubit", wires=n_qubits), interface="autograd", diff_method="adjoint")
    def energy(theta: Any) -> Any:
        _gates(n_qubits, n_layers, theta)
        return qml.expval(hamiltonian)

    return energy


def energy(n_qubits: int, n_layers: int) -> Contender:
    """<sum Z_i Z_{i+1}> on lightning.qubit; not asked for a gradient, so no adjoint pass is made."""
    f = _energy(n_qubits, n_layers)
    return Contender(lambda seed: inputs.angles(n_qubits, n_layers, seed), f)


def gradient(n_qubits: int, n_layers: int) -> Contender:
    """Gradient of the energy by lightning.qubit's adjoint method."""
    f = qml.grad(_energy(n_qubits, n_layers))
    return Contender(_loader(n_qubits, n_layers), f)
