"""States to and from quimb (an extra)."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from circuits.mps import MPS, PeriodicMPS

qtn = pytest.importorskip("quimb.tensor")
from circuits.convert import quimb as convert  # noqa: E402


def test_open_chain_goes_to_quimb_and_back():
    psi = MPS.random(jax.random.key(0), 6, 4, dtype=jnp.complex128)
    there = convert.to_quimb(psi)
    np.testing.assert_allclose(there.to_dense().reshape(-1), psi.to_vector(), atol=1e-13)
    back = convert.from_quimb(there)
    np.testing.assert_allclose(back.to_vector(), psi.to_vector(), atol=1e-13)


def test_ring_goes_to_quimb_and_back():
    psi = PeriodicMPS.random(jax.random.key(0), 5, 3)
    there = convert.to_quimb(psi)
    np.testing.assert_allclose(there.to_dense().reshape(-1), psi.to_vector(), atol=1e-13)
    back = convert.from_quimb(there)
    assert isinstance(back, PeriodicMPS)
    np.testing.assert_allclose(back.to_vector(), psi.to_vector(), atol=1e-13)


def test_states_made_by_quimb_come_in():
    there = qtn.MPS_rand_state(6, bond_dim=4, seed=0)
    psi = convert.from_quimb(there)
    np.testing.assert_allclose(psi.to_vector(), there.to_dense().reshape(-1), atol=1e-12)
    there = qtn.MPS_rand_state(5, bond_dim=3, cyclic=True, seed=0)
    np.testing.assert_allclose(
        convert.from_quimb(there).to_vector(), there.to_dense().reshape(-1), atol=1e-12
    )


def test_other_objects_are_refused():
    with pytest.raises(TypeError, match="expected an MPS, a PeriodicMPS or a Circuit, not int"):
        convert.to_quimb(3)
    with pytest.raises(TypeError, match=r"expected a quimb\.tensor\.MatrixProductState or Circuit, not int"):
        convert.from_quimb(3)
