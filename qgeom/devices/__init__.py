"""This engine behind other packages' interfaces: a PennyLane device, Qiskit primitives, and a Qiskit QGT.

* ``qml.device("qgeom.jax", wires=n)``: :mod:`qgeom.devices.pennylane_device` (``pip install qgeom[pennylane]``);
* ``Estimator``, ``Sampler`` and ``GeometricTensor`` for Qiskit and qiskit-algorithms: :mod:`qgeom.devices.estimator`,
  :mod:`qgeom.devices.sampler`, :mod:`qgeom.devices.geometric_tensor` (``pip install qgeom[qiskit]``).

Both worlds pass NumPy arrays: those are computed in double precision, whatever JAX is set to. JAX arrays keep their
precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from circuits._lazy import attach

if TYPE_CHECKING:
    from qgeom.devices import estimator, geometric_tensor, pennylane_device, sampler
    from qgeom.devices.estimator import Estimator
    from qgeom.devices.geometric_tensor import GeometricTensor
    from qgeom.devices.pennylane_device import QGeomDevice
    from qgeom.devices.sampler import Sampler

__getattr__, __dir__, __all__ = attach(
    __name__,
    submodules=("estimator", "geometric_tensor", "pennylane_device", "sampler"),
    names={
        "estimator": ("Estimator",),
        "geometric_tensor": ("GeometricTensor",),
        "pennylane_device": ("QGeomDevice",),
        "sampler": ("Sampler",),
    },
)
