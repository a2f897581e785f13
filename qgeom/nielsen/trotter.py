r"""From a path to a circuit: product formulas of the controls as one- and two-qubit gates.

:func:`to_circuit` takes a geodesic (or piecewise-constant controls), ``U = exp(X_k / k) ... exp(X_1 / k)`` with
``X = -i sum_s h_s s``, and returns a :class:`circuits.Circuit` whose angles are parameters: it can be run, drawn,
exported, and measured by :func:`qgeom.information_metric`. The formulas and their errors are in
:mod:`qgeom.nielsen.product_formulas`; every error that is reported is measured.
"""

from __future__ import annotations

import collections
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.linalg

from circuits.circuit import Circuit
from circuits.gates import Op
from circuits.ops import Param
from circuits.paulis import masks
from qgeom.nielsen.built import CircuitCost, circuit_cost
from qgeom.nielsen.gate_products import gate_product
from qgeom.nielsen.geodesic import Geodesic
from qgeom.nielsen.groups import Group, PauliGroup
from qgeom.nielsen.pauli_gates import rotation_gates, without_inverse_pairs
from qgeom.nielsen.penalty import Penalty
from qgeom.nielsen.product_formulas import Rotation, doubled, product_formula
from qgeom.nielsen.starts import resampled
from qgeom.nielsen.subgroups import unitary_distance

DEFAULT_ERROR = 1e-3
MOST_STEPS = 4096


@dataclass(frozen=True)
class CompiledPath:
    """A path as a circuit.

    Attributes:
        circuit: The circuit; a layer is a stage of the formula, whose rotations commute.
        theta: Its parameters, float64 (P,): the angle of each rotation.
        steps: Number of steps of the product formula.
        order: Its order.
        error: ``min_phi |U_circuit - e^{i phi} U_path|`` in the operator norm, measured.
        distance: Flat distance of the two, ``sqrt(tr H^2 / 2^n)`` of the generator between them.
        target_distance: Flat distance of the circuit from the geodesic's target; nan for bare controls.
        counts: Gates by kind, ``{"CX": 4, "RX": 9, ...}``.
        two_qubit_gates: How many act on two qubits or more.
        penalty: Of :attr:`cost`; None if none was given.
    """

    circuit: Circuit
    theta: np.ndarray
    steps: int
    order: int
    error: float
    distance: float
    target_distance: float
    counts: dict[str, int]
    two_qubit_gates: int
    penalty: Penalty | None = field(repr=False)

    @functools.cached_property
    def cost(self) -> CircuitCost | None:
        """The circuit as built under the penalty, when asked for; None without one."""
        return None if self.penalty is None else circuit_cost(self.circuit, self.penalty, self.theta)

    def unitary(self) -> np.ndarray:
        """The circuit's matrix, complex128 (2^n, 2^n)."""
        return gate_product(self.circuit, self.theta)

    def __repr__(self) -> str:
        return (
            f"CompiledPath({sum(self.counts.values())} gates, {self.two_qubit_gates} of them on two qubits or more; "
            f"{self.steps} steps of order {self.order}, error {self.error:.2g}; float64)"
        )


def to_circuit(
    path: Geodesic | Any,
    penalty: Penalty | None = None,
    *,
    steps: int | None = None,
    order: int = 2,
    error: float | None = None,
    max_weight: int | None = 2,
    drop: float = 1e-12,
) -> CompiledPath:
    r"""A path on SU(2^n) as a circuit of few-qubit gates, with its measured error.

    Args:
        path: A :class:`Geodesic`, or piecewise-constant controls (k, 4^n - 1).
        penalty: For the cost of the circuit as built; the geodesic's own by default.
        steps: Steps of the formula; for order 4 a multiple of k. By default doubled until ``error`` is reached, from 1
            (from k for order 4) up to 4096.
        order: 1, 2 (Strang) or 4 (Suzuki). The error falls as ``steps^-order``.
        error: Wanted ``min_phi |U_circuit - e^{i phi} U_path|``, operator norm; 1e-3 where ``steps`` is not given.
        max_weight: Rotations about longer strings become CX ladders about rotations on this many qubits: 2, or 1 for
            CX and one-qubit gates alone; None keeps any string as one PAULIROT gate.
        drop: Rotations with ``|coefficient|`` no larger (half the gate's angle) are left out.

    Raises:
        TypeError: for a path on another group; :func:`qgeom.nielsen.givens.to_rotations` is for SO(d).
        ValueError: wrong shapes, both ``steps`` and ``error``, or an error that is not reached.

    >>> import numpy as np
    >>> controls = np.zeros((1, 15))
    >>> controls[0, [2, 11]] = 0.3, 0.2  # 0.3 IZ + 0.2 ZI
    >>> compiled = to_circuit(controls)
    >>> [op.name for op in compiled.circuit.ops]
    ['RZ', 'RZ']
    >>> compiled.theta
    array([0.6, 0.4])
    """
    segments, penalty, target = segments_of(path, penalty)
    group = _pauli_group(segments, penalty)
    strings = _Strings(group)
    end = path_end(group, segments)

    def stages_of(count: int) -> list[list[Rotation]]:
        return product_formula(resampled(segments, count), strings.commutes, order, drop)

    def miss(count: int) -> float:
        return operator_error(end, strings.product(stages_of(count)))

    steps = chosen_steps(len(segments), steps, order, error, miss)
    circuit, theta = _circuit(group, stages_of(steps), max_weight)
    unitary = gate_product(circuit, theta)
    return CompiledPath(
        circuit=circuit,
        theta=theta,
        steps=steps,
        order=order,
        error=operator_error(end, unitary),
        distance=unitary_distance(end.conj().T @ unitary),
        target_distance=float("nan") if target is None else unitary_distance(target.conj().T @ unitary),
        counts=dict(collections.Counter(op.name for op in circuit.ops).most_common()),
        two_qubit_gates=sum(len(op.wires) > 1 for op in circuit.ops),
        penalty=penalty,
    )


def segments_of(
    path: Geodesic | Any, penalty: Penalty | None
) -> tuple[np.ndarray, Penalty | None, np.ndarray | None]:
    """Controls (k, m), penalty and target of what the user gave; one line if it is no path."""
    if isinstance(path, Geodesic):
        return path.segments, path.penalty if penalty is None else penalty, path.target
    segments = np.asarray(path, np.float64)
    if segments.ndim != 2 or len(segments) == 0:
        raise ValueError(
            f"a path is a Geodesic or an array (segments, m) of controls, not shape {segments.shape}"
        )
    if not np.isfinite(segments).all():
        raise ValueError("the controls hold NaN or infinity; every entry must be finite")
    return segments, penalty, None


def chosen_steps(
    pieces: int, steps: int | None, order: int, error: float | None, miss: Callable[[int], float]
) -> int:
    """The number of steps: as given, or the first power of two (times k for order 4) that reaches the error."""
    if steps is None:
        first = pieces if order == 4 else 1
        wanted = DEFAULT_ERROR if error is None else error
        return doubled(first, max(MOST_STEPS, first), miss, wanted)[0]
    if error is not None:
        raise ValueError("give either steps or error, not both")
    if steps < 1:
        raise ValueError(f"steps is 1 or more, not {steps}")
    if order == 4 and steps % pieces:
        raise ValueError(
            f"order 4 needs a multiple of the path's {pieces} pieces as steps, not {steps}: "
            "means over a step would leave an error of order 2"
        )
    return int(steps)


def path_end(group: Group, segments: np.ndarray) -> np.ndarray:
    """``exp(X_k / k) ... exp(X_1 / k)``, (s, s)."""
    scaled: Any = segments / len(segments)  # NumPy in, NumPy out: nothing compiles
    generators = np.asarray(group.generator(scaled))
    u = np.eye(group.size, dtype=generators.dtype)
    for factor in scipy.linalg.expm(generators):
        u = factor @ u
    return u


def operator_error(first: np.ndarray, second: np.ndarray) -> float:
    """``min_phi |U - e^{i phi} V|``, operator norm: ``2 sin(a / 4)``, a the shortest arc that holds all eigenphases."""
    phases = np.sort(np.angle(np.linalg.eigvals(first.conj().T @ second)))
    gaps = np.diff(phases, append=phases[0] + 2.0 * np.pi)
    return float(2.0 * np.sin((2.0 * np.pi - gaps.max()) / 4.0))


def _pauli_group(segments: np.ndarray, penalty: Penalty | None) -> PauliGroup:
    m = segments.shape[1]
    if penalty is not None:
        group = penalty.group
        if not isinstance(group, PauliGroup):
            raise TypeError(
                f"a circuit needs controls of Pauli strings, not of {group}; to_rotations compiles SO(d)"
            )
    else:
        group = PauliGroup(max(1, (m + 1).bit_length() // 2))
    if group.dimension != m:
        raise ValueError(f"a path on n qubits has 4^n - 1 controls, one per Pauli string, not {m}")
    return group


class _Strings:
    """Pauli strings as flips and phases: which commute, and products of their rotations as matrices."""

    def __init__(self, group: PauliGroup) -> None:
        pairs = [masks(name) for name in group.names]
        self.x = np.asarray([p.x for p in pairs])
        self.z = np.asarray([p.z for p in pairs])
        self.commutes = (np.bitwise_count((self.x[:, None] & self.z) ^ (self.z[:, None] & self.x)) % 2) == 0
        self.size = group.size

    def product(self, stages: list[list[Rotation]]) -> np.ndarray:
        """``prod exp(-i angle P)``: P flips the bits of its mask x and multiplies by phases."""
        u = np.eye(self.size, dtype=complex)
        index = np.arange(self.size)
        for a, angle in (rotation for stage in stages for rotation in stage):
            x, z = self.x[a], self.z[a]
            sign = 1.0 - 2.0 * (np.bitwise_count(index & z) % 2)
            phase = (-1j) ** int(np.bitwise_count(x & z)) * sign
            u = np.cos(angle) * u - 1j * np.sin(angle) * phase[:, None] * u[index ^ x]
        return u


def _circuit(
    group: PauliGroup, stages: list[list[Rotation]], max_weight: int | None
) -> tuple[Circuit, np.ndarray]:
    names, theta = group.names, []
    layers: list[list[Op]] = []
    for stage in stages:
        layer: list[Op] = []
        for a, angle in stage:
            layer += rotation_gates(names[a], Param(len(theta)), max_weight)
            theta.append(2.0 * angle)
        layers.append(layer)
    layers = without_inverse_pairs(layers)
    ops = [op for layer in layers for op in layer]
    return Circuit(group.n_qubits, ops, [len(layer) for layer in layers]), np.asarray(theta)
