"""Qiskit's sampler primitive on this engine (``pip install qgeom[qiskit]``)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from qiskit.circuit import ClassicalRegister, QuantumCircuit
from qiskit.primitives import (
    BaseSamplerV2,
    BitArray,
    DataBin,
    PrimitiveJob,
    PrimitiveResult,
    SamplerPubLike,
    SamplerPubResult,
)
from qiskit.primitives.containers.sampler_pub import SamplerPub

from circuits.convert.qiskit import from_qiskit
from qgeom.devices.qiskit_states import state_vectors


class Sampler(BaseSamplerV2):
    """Outcomes of measurements at the end of circuits, one `BitArray` per classical register.

    A circuit is converted by `circuits.from_qiskit` and compiled once per structure; all parameter values of a pub are
    evaluated together. Bits into which nothing is measured are 0.

    Args:
        default_shots: number of samples where none is asked for.
        seed: of the samples: an integer, a NumPy generator, or None for the operating system's.
    """

    def __init__(self, *, default_shots: int = 1024, seed: np.random.Generator | int | None = None) -> None:
        self._default_shots = default_shots
        self._rng = np.random.default_rng(seed)

    @property
    def default_shots(self) -> int:
        """The number of samples where none is asked for."""
        return self._default_shots

    def run(
        self, pubs: Iterable[SamplerPubLike], *, shots: int | None = None
    ) -> PrimitiveJob[PrimitiveResult[SamplerPubResult]]:
        """Samples of each pub ``(circuit, values, shots)``; arrays of bits have the shape of the values.

        Raises:
            ValueError, TypeError: a pub that Qiskit refuses; on ``result()``, a measurement that is not the last
                operation on its qubit, or a circuit without a unitary meaning.
        """
        target = self._default_shots if shots is None else shots
        coerced = [SamplerPub.coerce(pub, target) for pub in pubs]
        job = PrimitiveJob(self._run, coerced)
        job._submit()
        return job

    def _run(self, pubs: list[SamplerPub]) -> PrimitiveResult[SamplerPubResult]:
        return PrimitiveResult([self._run_pub(pub) for pub in pubs], metadata={"version": 2})

    def _run_pub(self, pub: SamplerPub) -> SamplerPubResult:
        circuit: Any = pub.circuit
        unitary, qubit_of = split_measurements(circuit)
        values = pub.parameter_values.as_array(circuit.parameters)
        rows = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
        shots = int(pub.shots or self._default_shots)
        drawn = [
            _outcomes(state, shots, self._rng)
            for states in state_vectors(from_qiskit(unitary), rows)
            for state in states
        ]
        outcomes = np.asarray(drawn, np.int64).reshape(*pub.shape, shots)
        registers = {
            register.name: _bits(outcomes, register, qubit_of, circuit)
            for register in circuit.cregs
            if len(register)
        }
        return SamplerPubResult(
            DataBin(**registers, shape=pub.shape),
            metadata={"shots": shots, "circuit_metadata": circuit.metadata},
        )


def split_measurements(circuit: QuantumCircuit) -> tuple[QuantumCircuit, dict[int, int]]:
    """The circuit without its measurements, and for each classical bit that is written, the qubit it shows.

    Raises:
        ValueError: if something other than a measurement or barrier follows a measurement of the same qubit, or if
            the circuit has classical control; with the position of the instruction.
    """
    unitary = circuit.copy_empty_like()
    qubit_of: dict[int, int] = {}
    measured: set[int] = set()
    for position, instruction in enumerate(circuit.data):
        qubits = [circuit.find_bit(q).index for q in instruction.qubits]
        if instruction.name == "measure":
            qubit_of[circuit.find_bit(instruction.clbits[0]).index] = qubits[0]
            measured.add(qubits[0])
            continue
        if instruction.name == "barrier":
            continue
        where = f"instruction {position} ({instruction.name})"
        if instruction.is_control_flow() or instruction.clbits:
            raise ValueError(
                f"{where} has classical control; only measurements at the end can be sampled here"
            )
        if not measured.isdisjoint(qubits):
            late = min(measured.intersection(qubits))
            raise ValueError(f"{where} acts on qubit {late} after it was measured; measure at the end")
        unitary.append(instruction)
    return unitary, qubit_of


def _outcomes(state: Any, shots: int, rng: np.random.Generator) -> np.ndarray:
    """Basis states drawn from ``|psi|^2``, qubit 0 the most significant bit."""
    cumulative = np.cumsum(np.square(state.real) + np.square(state.imag))
    found = np.searchsorted(cumulative, rng.random(shots) * cumulative[-1], side="right")
    return np.minimum(found, len(state) - 1)


def _bits(
    outcomes: np.ndarray, register: ClassicalRegister, qubit_of: dict[int, int], circuit: QuantumCircuit
) -> BitArray:
    columns = []
    for clbit in register:
        qubit = qubit_of.get(circuit.find_bit(clbit).index)
        last = circuit.num_qubits - 1
        columns.append(
            np.zeros(outcomes.shape, bool)
            if qubit is None
            else ((outcomes >> (last - qubit)) & 1).astype(bool)
        )
    # Bit 0 of a register is the last of a row.
    return BitArray.from_bool_array(np.stack(columns[::-1], axis=-1), order="big")
