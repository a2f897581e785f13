"""Noise models of qiskit-aer from their dictionary, against density matrices that qiskit-aer computed."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from circuits import gates
from circuits.circuit import Circuit
from circuits.noise import (
    AmplitudeDamping,
    Depolarizing,
    JointReadoutError,
    KrausChannel,
    MeasuredNoisy,
    NoiseModel,
    NoisyCircuit,
    PauliChannel,
    ReadoutError,
    from_aer,
)

# qiskit-aer 0.18.2, qiskit 2.6.2: NoiseModel.to_dict(serializable=True), and the density matrix of its simulator for
# the circuit below, [real, imaginary], little-endian.
SAVED = json.loads((Path(__file__).parent / "aer_model.json").read_text())


def turned(rho: np.ndarray) -> np.ndarray:
    """From little-endian to big-endian, and back."""
    n = len(rho).bit_length() - 1
    order = [*reversed(range(n)), *reversed(range(n, 2 * n))]
    return rho.reshape((2,) * (2 * n)).transpose(order).reshape(2**n, 2**n)


def circuit() -> Circuit:
    g = gates
    ops = [g.H(0), g.H(1), g.RX(0.7, 2), g.CX(0, 1), g.RX(0.3, 0), g.CZ(1, 2), g.CX(2, 1), g.RZZ(0.4, 0, 2)]
    return Circuit(3, [*ops, g.SX(1), g.H(2), g.CX(1, 0)])


def test_the_density_matrix_is_that_of_aer():
    expected = np.array(SAVED["rho"]) @ [1.0, 1.0j]
    found = NoisyCircuit(circuit(), from_aer(SAVED["model"]))(jnp.zeros(0)).matrix
    np.testing.assert_allclose(found, turned(expected), atol=1e-10)


def test_complex_arrays_and_pairs_of_numbers_are_the_same_model():
    model = copy.deepcopy(SAVED["model"])
    for error in model["errors"]:
        for step in [step for steps in error.get("instructions", []) for step in steps]:
            if step["name"] in ("kraus", "unitary"):
                step["params"] = [np.array(m) @ [1.0, 1.0j] for m in step["params"]]
    a, b = (NoisyCircuit(circuit(), from_aer(m))(jnp.zeros(0)).matrix for m in (model, SAVED["model"]))
    np.testing.assert_allclose(a, b, atol=1e-14)


def test_an_object_is_asked_for_its_dictionary():
    class Model:
        def to_dict(self):
            return SAVED["model"]

    assert from_aer(Model()) == from_aer(SAVED["model"])


def test_pauli_mixtures_keep_their_strengths():
    noise = from_aer(SAVED["model"])
    by_gate = {(rule.gates, rule.wires): rule.channel for rule in noise.rules}
    one = by_gate[("RX",), None]
    assert isinstance(one, Depolarizing)
    assert one.strength == pytest.approx(0.05)
    two = by_gate[("CZ",), None]
    assert isinstance(two, PauliChannel)  # "XI" has X on the second qubit: the first letter is the last qubit
    assert dict(zip(two.strings, two.values, strict=True)) == pytest.approx({"IX": 0.1, "ZI": 0.05})
    assert isinstance(by_gate[("CX",), (0, 1)], KrausChannel)


def test_an_error_on_some_qubits_replaces_that_on_all():
    noise = from_aer(SAVED["model"])
    hadamard = [rule for rule in noise.rules if rule.gates == ("H",)]
    acting = [[type(r.channel) for r in hadamard if r.places(gates.H(q))] for q in (0, 1)]
    assert acting == [[Depolarizing], [KrausChannel]]
    rho = NoisyCircuit(Circuit(2, [gates.H(1)]), noise.restricted(2))(jnp.zeros(0)).matrix
    expected = NoisyCircuit(Circuit(2, [gates.H(1)]), NoiseModel().after(AmplitudeDamping(0.2)))(
        jnp.zeros(0)
    ).matrix
    np.testing.assert_allclose(rho, expected, atol=1e-12)


def test_readout_errors_come_along_those_of_a_qubit_first():
    found = dict(from_aer(SAVED["model"]).readout)
    assert found == {None: ReadoutError(0.1, 0.2), (2,): ReadoutError(0.05, 0.03)}


def test_a_joint_readout_error_is_little_endian():
    # rows: what it was, columns: what is read, index = qubit a + 2 x qubit b for gate_qubits [a, b]
    table = np.random.default_rng(0).dirichlet(np.ones(4), size=4)
    error = {
        "type": "roerror",
        "operations": ["measure"],
        "probabilities": table.tolist(),
        "gate_qubits": [[0, 2]],
    }
    noise = from_aer({"errors": [error]})
    assert noise.readout == (((2, 0), JointReadoutError(table)),)
    p = MeasuredNoisy(Circuit(3, [gates.X(2)]), noise)(
        jnp.zeros(0)
    ).probabilities  # qubits 0, 2 are 0, 1: row 2
    p = np.asarray(p).reshape(2, 2, 2)[:, 0, :]
    np.testing.assert_allclose(p.T.reshape(-1), table[2], atol=1e-15)


def test_errors_of_instructions_that_do_not_occur_are_left_out():
    noise = from_aer(SAVED["model"])
    assert not any("DELAY" in (rule.gates or ()) for rule in noise.rules)
    alone = {"errors": [e for e in SAVED["model"]["errors"] if e["operations"] == ["delay"]]}
    with pytest.raises(ValueError, match="none of the errors can occur here: they follow delay"):
        from_aer(alone)
    assert from_aer({"errors": []}) == NoiseModel()


def broken(**changes) -> dict:
    error = copy.deepcopy(next(e for e in SAVED["model"]["errors"] if e["operations"] == ["rx"]))
    error.update(changes)
    return {"errors": [{k: v for k, v in error.items() if v is not None}]}


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (3, TypeError, "to_dict"),
        ({"errors": 3}, TypeError, "to_dict"),
        (broken(type="noise"), ValueError, "error 0 .* 'qerror' or 'roerror'"),
        (broken(probabilities=None), ValueError, "error 0 .*probabilities"),
        (broken(probabilities=[1.0]), ValueError, "4 circuits have 1 probabilities"),
        (broken(probabilities=[0.5, 0.5, 0.5, 0.5]), ValueError, "add up to 2"),
        (broken(operations=["cx"], gate_qubits=[[0]]), ValueError, "cannot follow CX|qubits"),
        (broken(operations=["measure"]), ValueError, "as readout errors"),
        (broken(noise_qubits=[[1]]), ValueError, "other qubits"),
        (broken(instructions=[[{"name": "warp", "qubits": [0]}]], probabilities=[1.0]), ValueError, "'warp'"),
        (
            broken(
                instructions=[[{"name": "unitary", "qubits": [0], "params": [[[1.0]]]}]], probabilities=[1.0]
            ),
            ValueError,
            "shape",
        ),
        (
            broken(
                instructions=[[{"name": "pauli", "qubits": [0, 1], "params": ["XX"]}]], probabilities=[1.0]
            ),
            ValueError,
            "2 qubits cannot follow RX",
        ),
        (
            broken(instructions=[[{"qubits": [0]}]], probabilities=[1.0]),
            ValueError,
            "not as qiskit-aer writes it",
        ),
    ],
)
def test_what_is_no_noise_model_is_refused_in_one_line(model, error, message):
    with pytest.raises(error, match=message) as refusal:
        from_aer(model)
    assert "\n" not in str(refusal.value)
