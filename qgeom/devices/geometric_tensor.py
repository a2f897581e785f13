"""The quantum geometric tensor for qiskit-algorithms, on this engine (``pip install qgeom[qiskit]``)."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from qiskit.circuit import QuantumCircuit
from qiskit_algorithms.gradients import DerivativeType, QGTResult
from qiskit_algorithms.gradients.base.base_qgt import BaseQGT

from circuits.circuit import Circuit
from circuits.convert.qiskit import from_qiskit
from circuits.reparametrised import Reparametrised
from qgeom.devices.estimator import Estimator
from qgeom.information.metric import information_metric


class GeometricTensor(BaseQGT):
    """``Q_ij = <d_i psi|d_j psi> - <d_i psi|psi><psi|d_j psi>``, exact, for every gate with a derivative.

    Give it to qiskit-algorithms where it wants a QGT: ``QFI(GeometricTensor())``,
    ``ImaginaryMcLachlanPrinciple(GeometricTensor(), ...)``. A circuit is converted by `circuits.from_qiskit`, parameter
    expressions differentiated through, and compiled once per structure.

    Args:
        phase_fix: whether the second term is subtracted. The first term alone depends on the phase of the state; a
            global phase of the circuit that depends on parameters is not part of it.
        derivative_type: COMPLEX for Q, REAL for its real part (a quarter of the quantum Fisher matrix), IMAG for its
            imaginary part (minus half the Berry curvature).
    """

    def __init__(
        self, phase_fix: bool = True, derivative_type: DerivativeType = DerivativeType.COMPLEX
    ) -> None:
        super().__init__(Estimator(), phase_fix, derivative_type)

    def _run(
        self,
        circuits: Sequence[QuantumCircuit],
        parameter_values: Sequence[Sequence[float]],
        parameters: Sequence[Sequence[Any]],
        *,
        precision: float | Sequence[float] | None,
    ) -> QGTResult:
        tensors, metadata = [], []
        for circuit, values, wanted in zip(circuits, parameter_values, parameters, strict=True):
            order = list(circuit.parameters)
            kept = [order.index(parameter) for parameter in wanted]
            tensor = _tensor(from_qiskit(circuit), np.asarray(values, np.float64), self._phase_fix)
            tensors.append(self._part(tensor[np.ix_(kept, kept)]))
            metadata.append({"parameters": list(wanted)})
        return QGTResult(tensors, self.derivative_type, metadata, precision=precision)  # type: ignore[arg-type]

    def _part(self, tensor: Any) -> np.ndarray:
        match self.derivative_type:
            case DerivativeType.REAL:
                return tensor.real
            case DerivativeType.IMAG:
                return tensor.imag
        return tensor


def _tensor(description: Circuit | Reparametrised, theta: np.ndarray, phase_fix: bool) -> np.ndarray:
    if not theta.size:
        return np.zeros((0, 0), complex)
    with jax.enable_x64(True):
        values: Any = jnp.asarray(theta)
        if phase_fix:
            return np.asarray(information_metric(description, values).quantum_geometric_tensor())
        return np.asarray(_products_of_tangents(description, values))


@functools.partial(jax.jit, static_argnums=0)
def _products_of_tangents(description: Circuit | Reparametrised, theta: Array) -> Array:
    tangents = jax.jacfwd(lambda t: description(t).vector)(theta)
    return tangents.conj().T @ tangents
