r"""Matrix product states and circuits to and from quimb (``pip install qgeom[quimb]``).

quimb keeps bonds and sites as named indices, in any order of axes; here axes are (left bond, site, right bond). Site 0
is the most significant in both.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import quimb.tensor as qtn

from circuits.circuit import Circuit
from circuits.convert.quimb_circuit import from_quimb_circuit, to_quimb_circuit
from circuits.mps.periodic import PeriodicMPS
from circuits.mps.state import MPS


def to_quimb(psi: MPS | PeriodicMPS | Circuit, theta: Any = None) -> qtn.MatrixProductState | qtn.Circuit:
    """A state as a ``quimb.tensor.MatrixProductState`` with NumPy tensors, cyclic for a `PeriodicMPS`; a circuit at
    theta as a ``quimb.tensor.Circuit``.

    Raises:
        TypeError: if ``psi`` is none of these.
        ValueError: a circuit with parameters and no theta.
    """
    if isinstance(psi, Circuit):
        return to_quimb_circuit(psi, theta)
    if isinstance(psi, MPS):
        arrays = [np.asarray(t) for t in psi.tensors]
        if psi.n_sites == 1:
            arrays = [arrays[0].reshape(-1)]
        else:
            arrays[0], arrays[-1] = arrays[0][0], arrays[-1][:, :, 0]
    elif isinstance(psi, PeriodicMPS):
        arrays = [np.asarray(t) for t in psi.tensors]
    else:
        raise TypeError(f"expected an MPS, a PeriodicMPS or a Circuit, not {type(psi).__name__}")
    # shapes name quimb's order of axes: left, physical, right; left out where an open chain has none
    return qtn.MatrixProductState(arrays, shape="lpr")


def from_quimb(psi: qtn.MatrixProductState | qtn.Circuit) -> MPS | PeriodicMPS | Circuit:
    """The state of a ``quimb.tensor.MatrixProductState``, a `PeriodicMPS` if it is cyclic, else an `MPS`; the gates of
    a ``quimb.tensor.Circuit`` (:mod:`circuits.convert.quimb_circuit` says what becomes of its parameters).

    Raises:
        TypeError: if ``psi`` is neither.
        ValueError: a gate that has no counterpart here.
    """
    if isinstance(psi, qtn.Circuit):
        return from_quimb_circuit(psi)
    if not isinstance(psi, qtn.MatrixProductState):
        raise TypeError(f"expected a quimb.tensor.MatrixProductState or Circuit, not {type(psi).__name__}")
    n = psi.L
    tensors = []
    for i in range(n):
        site: Any = psi[psi.site_tag(i)]
        physical = psi.site_ind(i)
        left = psi.bond(i - 1, i) if i > 0 else (psi.bond(n - 1, 0) if psi.cyclic else None)
        right = psi.bond(i, i + 1) if i < n - 1 else (psi.bond(n - 1, 0) if psi.cyclic else None)
        data = np.asarray(site.transpose(*(k for k in (left, physical, right) if k is not None)).data)
        if left is None:
            data = data[None]
        if right is None:
            data = data[..., None]
        tensors.append(jnp.asarray(data))
    return PeriodicMPS(tensors) if psi.cyclic else MPS(tensors)
