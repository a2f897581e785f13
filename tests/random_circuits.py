"""Random circuits over the whole gate set, for tests."""

from __future__ import annotations

import numpy as np

from circuits import Circuit, Op, Param
from circuits.ops import SIGNATURES


def random_circuit(n_qubits: int, n_gates: int, seed: int) -> Circuit:
    """Gates, wires and angles at random: fixed angles, fresh parameters, and shared and scaled ones."""
    rng = np.random.default_rng(seed)
    names = [name for name, s in SIGNATURES.items() if (s.n_wires or 1) <= n_qubits]
    ops: list[Op] = []
    n_parameters = 0
    for name in rng.choice(names, n_gates):
        signature = SIGNATURES[name]
        n_wires = signature.n_wires or int(rng.integers(1, n_qubits + 1))
        wires = tuple(int(q) for q in rng.permutation(n_qubits)[:n_wires])
        angles = []
        for _ in range(signature.n_angles):
            kind = rng.random()
            if kind < 0.3:
                angles.append(Param(None, 0.0, float(rng.normal())))
            elif kind < 0.5 and n_parameters:
                angles.append(Param(int(rng.integers(n_parameters)), float(rng.normal()), 0.3))
            else:
                angles.append(Param(n_parameters))
                n_parameters += 1
        pauli = "".join(rng.choice(list("XYZ"), n_wires)) if name == "PAULIROT" else ""
        ops.append(Op(str(name), wires, tuple(angles), pauli))
    return Circuit(n_qubits, ops)
