"""Circuits to and from quimb: the same state, parameters kept where quimb has any."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import circuits
from circuits import gates
from circuits.gates import Param
from tests.brute_force import state as brute_state

qtn = pytest.importorskip("quimb.tensor")


def same_ray(a, b):
    return abs(np.vdot(a, b)) == pytest.approx(np.linalg.norm(a) * np.linalg.norm(b), abs=1e-12)


def every_gate():
    angles = iter(range(100))

    def p():
        return Param(next(angles))

    pairs = [(0, 1), (2, 0), (1, 2)]
    ops = [gates.RY(p(), q) for q in range(3)]
    ops += [getattr(gates, name)(k % 3) for k, name in enumerate(("I", "X", "Y", "Z", "H", "S", "SDG", "T", "TDG", "SX",
                                                                  "SXDG"))]  # fmt: skip
    ops += [getattr(gates, name)(p(), k % 3) for k, name in enumerate(("RX", "RZ", "P"))]
    ops += [gates.U3(p(), p(), p(), 1), gates.SU2([p(), p(), p()], 0)]
    ops += [
        getattr(gates, name)(*pairs[k % 3])
        for k, name in enumerate(("CX", "CY", "CZ", "CH", "SWAP", "ISWAP"))
    ]
    names = ("CRX", "CRY", "CRZ", "CP", "RXX", "RYY", "RZZ", "XXPlusYY")
    ops += [getattr(gates, name)(p(), *pairs[k % 3]) for k, name in enumerate(names)]
    ops += [gates.CCX(2, 0, 1), gates.CSWAP(1, 2, 0), gates.PauliRotation(p(), "XZY", (2, 0, 1)),
            gates.MultiControlledPhase(p(), (0, 2, 1)), gates.SU4([p() for _ in range(15)], 2, 1)]  # fmt: skip
    return circuits.Circuit(3, ops)


@pytest.mark.slow
def test_every_gate_gives_quimb_the_same_state():
    c = every_gate()
    theta = np.random.default_rng(0).uniform(-3, 3, c.n_parameters)
    there = circuits.to_quimb(c, theta)
    assert same_ray(there.to_dense().ravel(), brute_state(c, theta))


def test_what_quimb_can_hold_comes_back_with_its_parameters():
    c = circuits.Circuit(2, [gates.RY(Param(0), 0), gates.U3(Param(1), Param(2), Param(3), 1), gates.CX(0, 1),
                             gates.CRZ(Param(4), 1, 0), gates.RZZ(Param(5), 0, 1), gates.RX(0.3, 1)])  # fmt: skip
    theta = np.random.default_rng(1).uniform(-3, 3, 6)
    back = circuits.from_quimb(circuits.to_quimb(c, theta))
    assert back == c


@pytest.mark.slow
def test_any_circuit_of_quimb_comes_in_as_the_same_state():
    there = qtn.Circuit(3)
    for q in range(3):
        there.apply_gate("HZ_1_2" if q else "W_1_2", q)
    there.apply_gate("FSIM", 0.4, 0.7, 0, 1)
    there.apply_gate("GIVENS", 0.6, 1, 2)
    there.apply_gate("U2", 0.3, 0.2, 0)
    there.apply_gate("CU3", 0.1, 0.5, 0.9, 2, 0)
    there.apply_gate("XXMINUSYY", 0.8, 0.1, 0, 2)
    there.apply_gate("Y", 1, controls=[0])
    there.apply_gate("X", 1, controls=[0, 2])
    there.apply_gate_raw(np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))[0], (2, 1))
    here = circuits.from_quimb(there)
    assert here.n_parameters == 0
    assert same_ray(there.to_dense().ravel(), brute_state(here, np.zeros(0)))


def test_what_has_no_counterpart_is_refused_by_name_and_position():
    there = qtn.Circuit(3)
    there.h(0)
    there.apply_gate("CCZ", 0, 1, 2)
    with pytest.raises(ValueError, match=r"gate 1, CCZ on \(0, 1, 2\)"):
        circuits.from_quimb(there)
    there = qtn.Circuit(2)
    there.apply_gate("FSIM", 0.1, 0.2, 0, 1, parametrize=True)
    with pytest.raises(ValueError, match="parametrize"):
        circuits.from_quimb(there)
    with pytest.raises(ValueError, match="give theta, 1 parameters"):
        circuits.to_quimb(circuits.Circuit(1, [gates.RX(Param(0), 0)]))
    with pytest.raises(TypeError, match="expected"):
        circuits.to_quimb(jnp.zeros(3))
