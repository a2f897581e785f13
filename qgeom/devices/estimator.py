"""Qiskit's estimator primitive on this engine (``pip install qgeom[qiskit]``)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from qiskit.primitives import (
    BaseEstimatorV2,
    DataBin,
    EstimatorPubLike,
    PrimitiveJob,
    PrimitiveResult,
    PubResult,
)
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from circuits.convert.qiskit import from_qiskit
from qgeom.devices.qiskit_states import pauli_means, pauli_terms, state_vectors


class Estimator(BaseEstimatorV2):
    """Means of observables in the states of circuits: exact, or with normal noise of a given standard deviation.

    A circuit is converted by `circuits.from_qiskit` and compiled once per structure; all parameter values of a pub are
    evaluated together. Observables are sums of Pauli strings and of Qiskit's projectors (``0 1 + - r l``).

    Args:
        default_precision: standard deviation of the noise where none is asked for; 0 gives exact means.
        seed: of the noise: an integer, a NumPy generator, or None for the operating system's.
    """

    def __init__(
        self, *, default_precision: float = 0.0, seed: np.random.Generator | int | None = None
    ) -> None:
        self._default_precision = default_precision
        self._rng = np.random.default_rng(seed)

    @property
    def default_precision(self) -> float:
        """The standard deviation of the noise where none is asked for."""
        return self._default_precision

    def run(
        self, pubs: Iterable[EstimatorPubLike], *, precision: float | None = None
    ) -> PrimitiveJob[PrimitiveResult[PubResult]]:
        """Means ``evs`` and standard deviations ``stds`` of each pub ``(circuit, observables, values, precision)``.

        Both arrays have the shape to which observables and parameter values broadcast.

        Raises:
            ValueError, TypeError: a pub that Qiskit refuses; on ``result()``, a circuit without a unitary meaning.
        """
        target = self._default_precision if precision is None else precision
        coerced = [EstimatorPub.coerce(pub, target) for pub in pubs]
        job = PrimitiveJob(self._run, coerced)
        job._submit()
        return job

    def _run(self, pubs: list[EstimatorPub]) -> PrimitiveResult[PubResult]:
        return PrimitiveResult([self._run_pub(pub) for pub in pubs], metadata={"version": 2})

    def _run_pub(self, pub: EstimatorPub) -> PubResult:
        means = _means(pub)
        precision = float(pub.precision or 0.0)
        if precision > 0.0:
            means = self._rng.normal(means, precision)
        data = DataBin(evs=means, stds=np.full(means.shape, precision), shape=means.shape)
        return PubResult(
            data, metadata={"target_precision": precision, "circuit_metadata": pub.circuit.metadata}
        )


def _means(pub: EstimatorPub) -> np.ndarray:
    circuit: Any = pub.circuit
    description = from_qiskit(circuit)
    values = pub.parameter_values.as_array(circuit.parameters)
    rows = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
    # Each observable once, as coefficients over all strings of the pub.
    observables = np.empty(pub.observables.shape, dtype=np.int64)
    expanded: list[dict[str, float]] = []
    for index in np.ndindex(*observables.shape):
        observables[index] = len(expanded)
        expanded.append(pauli_terms(pub.observables[index]))
    strings = list(dict.fromkeys(string for terms in expanded for string in terms))
    position = {string: k for k, string in enumerate(strings)}
    weights = np.zeros((len(expanded), len(strings)))
    for row, terms in zip(weights, expanded, strict=True):
        for string, coefficient in terms.items():
            row[position[string]] = coefficient
    means = np.concatenate(
        [pauli_means(states, strings) @ weights.T for states in state_vectors(description, rows)]
    )
    which = np.arange(len(rows)).reshape(values.shape[:-1])
    return means[np.broadcast_to(which, pub.shape), np.broadcast_to(observables, pub.shape)]
