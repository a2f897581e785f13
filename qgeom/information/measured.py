"""The classical Fisher information of a measured circuit: what a readout keeps of the quantum Fisher information."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jaxtyping import Array, ArrayLike, Float, PyTree

from circuits.circuit import Circuit
from circuits.measured import Measured
from qgeom.information.fisher_rao import DEFAULT_THRESHOLD
from qgeom.information.metric import InformationMetric, information_metric


def classical_fisher(
    circuit: Circuit,
    theta: Float[Array, " P"],
    data: PyTree | None = None,
    wires: Sequence[int] | None = None,
    classes: Sequence[int] | None = None,
    *,
    subset: Any = None,
    weights: ArrayLike | None = None,
    threshold: float = DEFAULT_THRESHOLD,
    batch_size: int | None = None,
    mode: str = "auto",
) -> InformationMetric:
    """The Fisher metric of computational-basis outcomes, ``F_ij = sum_x d_i p_x d_j p_x / p_x``.

    For every measurement ``F_C <= F_Q`` (Braunstein and Caves, PRL 72, 3439 (1994)): ``information_metric(circuit,
    theta)`` is the bound.

    Args:
        circuit: the circuit.
        theta: its parameters.
        data: inputs with a leading axis, over which the metric is averaged.
        wires: the qubits measured, in order; all unless given.
        classes: class of each of the ``2^m`` outcomes; outcomes of one class are not told apart.
        subset, weights, threshold, batch_size, mode: as in :func:`qgeom.information_metric`.
    """
    return information_metric(
        Measured(circuit, wires, classes),
        theta,
        data,
        subset=subset,
        weights=weights,
        threshold=threshold,
        batch_size=batch_size,
        mode=mode,
    )
