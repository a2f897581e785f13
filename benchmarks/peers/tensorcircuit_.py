"""TensorCircuit-NG on its JAX backend: `experimental.qng` for the metric, `expectation_ps` for the energy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import inputs
import numpy as np
import tensorcircuit as tc
from inputs import Contender
from tensorcircuit.experimental import qng

K = tc.set_backend("jax")
tc.set_dtype("complex128")


def _circuit(n_qubits: int, n_layers: int, theta: Any) -> Any:
    c = tc.Circuit(n_qubits)
    k = 0
    for _ in range(n_layers):
        for q in range(n_qubits):
            c.ry(q, theta=theta[k])
            c.rz(q, theta=theta[k + 1])
            k += 2
        for i, j in inputs.ring(n_qubits):
            c.cz(i, j)
    return c


def _loader(n_qubits: int, n_layers: int) -> Callable[[int], Any]:
    return lambda seed: K.convert_to_tensor(inputs.angles(n_qubits, n_layers, seed))


def qfim(n_qubits: int, n_layers: int) -> Contender:
    """`qng` returns the quantum geometric tensor; 4 Re of it is the QFIM."""
    matrix = K.jit(qng(lambda t: _circuit(n_qubits, n_layers, t).state(), postprocess=None, mode="fwd"))
    return Contender(
        _loader(n_qubits, n_layers),
        lambda theta: matrix(theta).block_until_ready(),
        lambda tensor: 4 * np.asarray(tensor).real,
    )


def _energy(n_qubits: int, n_layers: int) -> Callable[[Any], Any]:
    def energy(theta: Any) -> Any:
        c = _circuit(n_qubits, n_layers, theta)
        return K.real(sum(c.expectation_ps(z=list(edge)) for edge in inputs.ring(n_qubits)))

    return energy


def energy(n_qubits: int, n_layers: int) -> Contender:
    """<sum Z_i Z_{i+1}>, each term by `expectation_ps`, which reuses the state."""
    f = K.jit(_energy(n_qubits, n_layers))
    return Contender(_loader(n_qubits, n_layers), lambda theta: f(theta).block_until_ready())


def gradient(n_qubits: int, n_layers: int) -> Contender:
    """Gradient of the energy by reverse mode."""
    f = K.jit(K.grad(_energy(n_qubits, n_layers)))
    return Contender(_loader(n_qubits, n_layers), lambda theta: f(theta).block_until_ready().real)
