r"""Noise models of qiskit-aer, from their dictionary; qiskit-aer itself is not needed.

``NoiseModel.to_dict()`` of qiskit-aer lists errors: ``qerror`` (after which instructions, on which qubits, and which
circuits act with which probabilities) and ``roerror`` (readout). As there, an error on particular qubits replaces the
one that an instruction has on all others. Qiskit's qubit k is wire k; matrices and tables of several qubits are little-
endian there and are turned round here.

Errors that are Pauli mixtures keep their probabilities as strengths (`Depolarizing`, `PauliChannel`), so that they can
be swept; others become Kraus operators. Instructions that no gate here stands for (``ecr``, ``delay``, ``reset``, ...)
never occur in a circuit, and their errors are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from circuits.gate_matrices import matrix, pauli_matrix, pauli_strings
from circuits.noise import transfer
from circuits.noise.channel import Channel
from circuits.noise.channels import Depolarizing, KrausChannel, PauliChannel
from circuits.noise.noise_model import NoiseModel, Rule
from circuits.noise.readout import JointReadoutError, ReadoutError
from circuits.ops import SIGNATURES, Op, fixed

_GATES = {
    **{name.lower(): name for name, s in SIGNATURES.items() if s.n_wires is not None and s.n_angles < 3},
    "id": "I",
    "u": "U3",
    "u3": "U3",
    "u1": "P",
    "cu1": "CP",
    "xx_plus_yy": "XXPLUSYY",
}
_GATES.pop("i")
_MEASURING = ("measure", "initialize")
_EXACT = 1e-12

Key = tuple[str, tuple[int, ...] | None]


def from_aer(model: Any) -> NoiseModel:
    """The noise model of a qiskit-aer ``NoiseModel``, or of its ``to_dict()`` (``serializable`` or not).

    Rules on qubits that a circuit does not have: ``noise.restricted(n_qubits)``.

    Args:
        model: the model or its dictionary.

    Raises:
        TypeError: neither a dictionary nor an object with ``to_dict``.
        ValueError: an entry that is no error of qiskit-aer, an error that has no meaning here (of ``measure``; on more
            than two qubits, unless depolarising; not local), or a model of which nothing can occur here.
    """
    given = model.to_dict() if hasattr(model, "to_dict") else model
    if not isinstance(given, Mapping) or not isinstance(given.get("errors", []), Sequence):
        raise TypeError(
            f"expected a qiskit-aer NoiseModel or its to_dict(), a dictionary of 'errors', not {type(model).__name__}"
        )
    found: dict[Key, list[Channel]] = {}
    readout: list[tuple[tuple[int, ...] | None, ReadoutError | JointReadoutError]] = []
    unknown: list[str] = []
    for number, error in enumerate(given.get("errors", [])):
        try:
            kind, places = error["type"], _places(error)
            if kind == "roerror":
                readout += [_readout(error["probabilities"], qubits) for qubits in places]
            elif kind == "qerror":
                for name in error["operations"]:
                    keys = _keys(name, error, places)
                    unknown += [] if keys else [name]
                    for key in keys:
                        found.setdefault(key, []).append(_channel(error, key))
            else:
                raise ValueError(f"its type is {kind!r}, not 'qerror' or 'roerror'")
        except (KeyError, TypeError, IndexError) as wrong:
            raise ValueError(
                f"error {number} of the noise model is not as qiskit-aer writes it ({wrong!r})"
            ) from None
        except ValueError as wrong:
            raise ValueError(f"error {number} of the noise model: {wrong}") from None
    if unknown and not found and not readout:
        raise ValueError(
            f"none of the errors can occur here: they follow {', '.join(sorted(set(unknown)))}, and gates here are "
            f"{', '.join(sorted(_GATES))}"
        )
    return NoiseModel(tuple(_rules(found)), tuple(_merged(readout)))


def _rules(found: Mapping[Key, list[Channel]]) -> list[Rule]:
    rules = []
    for (gate, wires), channels in found.items():
        unless = (
            frozenset(w for g, w in found if g == gate and w is not None) if wires is None else frozenset()
        )
        rules += [Rule(channel, (gate,), wires, unless) for channel in channels]
    return rules


def _merged(readout: list[Any]) -> list[Any]:
    """The last error of each set of qubits, as qiskit-aer keeps it."""
    return list({wires: (wires, error) for wires, error in readout}.values())


def _places(error: Mapping[str, Any]) -> list[tuple[int, ...] | None]:
    if error.get("noise_qubits"):
        raise ValueError("an error on other qubits than those of its gate is not supported")
    qubits = error.get("gate_qubits")
    if not qubits:
        return [None]
    return [tuple(int(q) for q in one) for one in qubits]


def _keys(name: str, error: Mapping[str, Any], places: list[tuple[int, ...] | None]) -> list[Key]:
    if name in _MEASURING:
        raise ValueError(f"quantum errors of {name!r} have no meaning here; give them as readout errors")
    if name == "unitary":
        gate: str | None = {1: "SU2", 2: "SU4"}.get(_size(error))
    else:
        gate = _GATES.get(name)
    return [] if gate is None else [(gate, place) for place in places]


def _size(error: Mapping[str, Any]) -> int:
    """Qubits of an error: one more than the largest that its circuits name."""
    return 1 + max(int(q) for circuit in error["instructions"] for step in circuit for q in step["qubits"])


def _channel(error: Mapping[str, Any], key: Key) -> Channel:
    gate, place = key
    wanted = SIGNATURES[gate].n_wires
    k = max(_size(error), 1 if place is None else len(place), wanted or 1)
    if k != wanted or (place is not None and len(place) != k):
        raise ValueError(f"an error on {k} qubits cannot follow {gate}, a gate on {wanted}")
    probabilities = np.asarray(error["probabilities"], float)
    if len(probabilities) != len(error["instructions"]):
        raise ValueError(f"{len(error['instructions'])} circuits have {len(probabilities)} probabilities")
    if probabilities.min() < -1e-9 or abs(probabilities.sum() - 1.0) > 1e-6:
        raise ValueError(f"its probabilities add up to {probabilities.sum():.6g}, not 1")
    d = 2**k
    total = np.zeros((d * d, d * d), complex)
    for weight, circuit in zip(probabilities, error["instructions"], strict=True):
        step = np.eye(d * d, dtype=complex)
        for instruction in circuit:
            step = _superoperator(_operators(instruction, k)) @ step
        total += weight * step
    return _recognised(_kraus_of(total), k)


def _superoperator(operators: np.ndarray) -> np.ndarray:
    """``sum_k K (x) conj(K)``: acts on density matrices read row by row."""
    d = operators.shape[-1]
    return np.einsum("kij,klm->iljm", operators, operators.conj()).reshape(d * d, d * d)


def _kraus_of(superoperator: np.ndarray) -> np.ndarray:
    d = int(np.sqrt(len(superoperator)))
    choi = superoperator.reshape(d, d, d, d).transpose(0, 2, 1, 3).reshape(d * d, d * d)
    values, vectors = np.linalg.eigh(0.5 * (choi + choi.conj().T))
    kept = values > _EXACT
    return (vectors[:, kept] * np.sqrt(values[kept])).T[::-1].reshape(-1, d, d)


def _operators(instruction: Mapping[str, Any], k: int) -> np.ndarray:
    """Kraus operators of one step of an error circuit, on all k qubits, qubit 0 of the gate the most significant."""
    name, qubits = str(instruction["name"]), [int(q) for q in instruction["qubits"]]
    given = instruction.get("params", [])
    turned = tuple(reversed(qubits))  # little-endian matrices: the last qubit is the most significant
    match name:
        case "id":
            return np.eye(2**k, dtype=complex)[None]
        case "reset":
            return np.stack([_spread(m, tuple(qubits), k) for m in (np.diag([1.0, 0.0]), np.eye(2, k=1))])
        case "pauli":
            return _spread(pauli_matrix(str(given[0])), turned, k)[None]
        case "unitary":
            return _spread(_complex(given[0]), turned, k)[None]
        case "kraus":
            return np.stack([_spread(_complex(m), turned, k) for m in given])
    gate = _GATES.get(name)
    if gate is None:
        raise ValueError(
            f"an error circuit holds {name!r}; known are kraus, unitary, pauli, reset, id and gates"
        )
    values = jnp.asarray([float(v) for v in given], jnp.result_type(float))
    op = Op(gate, tuple(qubits), tuple(fixed(float(v)) for v in given))
    return _spread(np.asarray(matrix(op, values)), tuple(qubits), k)[None]


def _complex(array: Any) -> np.ndarray:
    """A matrix; in JSON a complex number is a pair of real ones."""
    values = np.asarray(array)
    if values.ndim == 3 and values.shape[-1] == 2:
        values = values[..., 0] + 1j * values[..., 1]
    if values.ndim != 2 or values.shape[0] != values.shape[1] or transfer.n_qubits_of(len(values)) is None:
        raise ValueError(f"a matrix on qubits has shape (2^k, 2^k), not {values.shape}")
    return values.astype(complex)


def _spread(small: np.ndarray, wires: tuple[int, ...], k: int) -> np.ndarray:
    """A matrix on some wires, the first the most significant, as one on k."""
    m = len(wires)
    if small.shape != (2**m, 2**m) or len(set(wires)) != m or max(wires) >= k:
        raise ValueError(f"a matrix of shape {small.shape} does not fit qubits {wires} of {k}")
    eye = np.eye(2**k, dtype=complex).reshape((2,) * k + (-1,))
    moved = np.moveaxis(eye, wires, range(m)).reshape(2**m, -1)
    result = (small @ moved).reshape((2,) * k + (-1,))
    return np.moveaxis(result, range(m), wires).reshape(2**k, 2**k)


def _recognised(kraus: np.ndarray, k: int) -> Channel:
    """The channel with strengths, where it is a Pauli mixture."""
    if transfer.completeness_defect(kraus) > 1e-6:
        raise ValueError("its circuits do not preserve the trace")
    basis = transfer.pauli_basis(k)
    moved = np.einsum("kij,qjl,kml->qim", kraus, basis, kraus.conj(), optimize=True)
    table = np.einsum("pij,qji->pq", basis, moved, optimize=True).real / 2**k
    diagonal = np.diag(table)
    if np.abs(table - np.diag(diagonal)).max() < 1e-10:
        if np.ptp(diagonal[1:]) < 1e-10:
            return Depolarizing(max(1.0 - float(diagonal[1:].mean()), 0.0), k)
        if k <= 2:
            signs = np.einsum("pij,qjl,pml,qmi->pq", basis, basis, basis.conj(), basis).real / 2**k
            weights = np.maximum(signs @ diagonal / 4**k, 0.0)
            weights = np.where(weights > _EXACT, weights, 0.0)
            names = ["I" * k, *pauli_strings(k)]
            return PauliChannel({n: float(w) for n, w in zip(names, weights, strict=True) if w > 0.0})
    if k > 2:
        raise ValueError(f"an error on {k} qubits must be depolarising")
    return KrausChannel(kraus / np.sqrt(np.trace(_total(kraus)).real / 2**k))


def _total(kraus: np.ndarray) -> np.ndarray:
    return np.einsum("kij,kil->jl", kraus.conj(), kraus)


def _readout(
    probabilities: Any, qubits: tuple[int, ...] | None
) -> tuple[Any, ReadoutError | JointReadoutError]:
    table = np.asarray(probabilities, float)
    if table.shape == (2, 2):
        return qubits, ReadoutError(float(table[0, 1]), float(table[1, 0]))
    if qubits is None:
        raise ValueError("a readout error of several qubits needs its qubits")
    return tuple(reversed(qubits)), JointReadoutError(table)
