r"""Circuits of bosonic modes: phases, squeezers, beam splitters and displacements, as descriptions.

::

    Phase(t, k)                  exp(-i t a_k^dagger a_k)              q -> cos t q + sin t p, p -> cos t p - sin t q
    Squeezing(t, k)              exp(-i t (q_k p_k + p_k q_k)/2)       q -> e^t q, p -> e^-t p
    BeamSplitter(t, j, k)        exp(-i t (q_j p_k - p_j q_k))         q_j -> cos t q_j - sin t q_k, same for p
    TwoModeSqueezing(t, j, k)    exp(-i t (q_j p_k + p_j q_k))         q_j -> cosh t q_j + sinh t q_k, p: -sinh t
    PositionShift(t, k)          exp(-i t p_k)                         q -> q + t
    MomentumShift(t, k)          exp(i t q_k)                          p -> p + t

An angle is a number or a :class:`circuits.Param`, an affine function of one parameter.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from circuits.description import Description, Node, parameter_dtype
from circuits.gaussian.bosons import BosonicGaussian
from circuits.gaussian.fermions import checked_modes
from circuits.gaussian.matrix_functions import symmetric, transpose
from circuits.gaussian.mixing import Mixing, Schedule, schedule, transform
from circuits.ops import Angle, Param, checked_position, fixed


class OpticalGate(NamedTuple):
    """One gate: its name, its modes, its angle."""

    name: str
    modes: tuple[int, ...]
    angle: Param


def _gate(name: str, angle: Angle, *modes: int) -> OpticalGate:
    checked = tuple(checked_position(m, f"{name}: a mode") for m in modes)
    if len(set(checked)) != len(checked):
        raise ValueError(f"{name}: modes must differ, not {checked}")
    param = angle if isinstance(angle, Param) else fixed(angle)
    if param.input is not None:
        raise ValueError(f"{name}: optical circuits take no classical input; use a Param or a number")
    return OpticalGate(name, checked, param)


def Phase(angle: Angle, k: int) -> OpticalGate:
    """``exp(-i t a_k^dagger a_k)``."""
    return _gate("Phase", angle, k)


def Squeezing(angle: Angle, k: int) -> OpticalGate:
    """``exp(-i t (q_k p_k + p_k q_k)/2)``: positions grow by ``e^t``."""
    return _gate("Squeezing", angle, k)


def BeamSplitter(angle: Angle, j: int, k: int) -> OpticalGate:
    """``exp(-i t (q_j p_k - p_j q_k))``; ``pi/4`` is balanced."""
    return _gate("BeamSplitter", angle, j, k)


def TwoModeSqueezing(angle: Angle, j: int, k: int) -> OpticalGate:
    """``exp(-i t (q_j p_k + p_j q_k))``."""
    return _gate("TwoModeSqueezing", angle, j, k)


def PositionShift(angle: Angle, k: int) -> OpticalGate:
    """``exp(-i t p_k)``: ``q_k + t``."""
    return _gate("PositionShift", angle, k)


def MomentumShift(angle: Angle, k: int) -> OpticalGate:
    """``exp(i t q_k)``: ``p_k + t``."""
    return _gate("MomentumShift", angle, k)


class OpticalCircuit(Description):
    """A circuit of Gaussian gates on bosonic modes that start in the vacuum, or in thermal states.

    Layers are moments: every gate acts as soon as its modes are free.

    Args:
        n_modes: number of modes.
        gates: in the order in which they act.
        thermal_numbers: mean numbers of quanta at the start, one per mode; vacuum unless given.

    Raises:
        ValueError: a gate on a missing mode, or a parameter that no gate uses.
    """

    def __init__(
        self, n_modes: int, gates: Iterable[OpticalGate], thermal_numbers: Iterable[float] | None = None
    ) -> None:
        self.n_modes = checked_modes(n_modes)
        self.gates = tuple(gates)
        numbers = (0.0,) * self.n_modes if thermal_numbers is None else tuple(map(float, thermal_numbers))
        if len(numbers) != self.n_modes or min(numbers) < 0.0:
            raise ValueError(f"thermal_numbers are {self.n_modes} numbers of 0 or more, one per mode")
        self.thermal_numbers = numbers
        for gate in self.gates:
            if max(gate.modes) >= self.n_modes:
                raise ValueError(
                    f"{gate.name} acts on mode {max(gate.modes)}; the modes are 0 to {self.n_modes - 1}"
                )
        used = {g.angle.index for g in self.gates} - {None}
        self._n_parameters = max((i + 1 for i in used if i is not None), default=0)
        missing = sorted(set(range(self._n_parameters)) - used)
        if missing:
            raise ValueError(f"no gate uses parameter {missing[0]}; number parameters 0, 1, 2, ...")

    def __hash__(self) -> int:
        return hash((OpticalCircuit, self.n_modes, self.gates, self.thermal_numbers))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OpticalCircuit) and (self.n_modes, self.gates, self.thermal_numbers) == (
            other.n_modes,
            other.gates,
            other.thermal_numbers,
        )

    def __repr__(self) -> str:
        return (
            f"OpticalCircuit({self.n_modes} modes, {len(self.gates)} gates, {self.n_parameters} parameters)"
        )

    @property
    def n_parameters(self) -> int:
        """Number of entries of theta."""
        return self._n_parameters

    @functools.cached_property
    def nodes(self) -> tuple[Node, ...]:
        """One node per gate."""
        free, nodes = [0] * self.n_modes, []
        for k, gate in enumerate(self.gates):
            layer = max(free[m] for m in gate.modes)
            for m in gate.modes:
                free[m] = layer + 1
            parameters = () if gate.angle.index is None else (gate.angle.index,)
            label = ",".join(f"m{m}" for m in gate.modes)
            nodes.append(Node(f"{gate.name}[{label}]#{k}", gate.name, gate.modes, parameters, layer))
        return tuple(nodes)

    @functools.cached_property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """Edges from each gate to the next gate on the same mode."""
        last: dict[int, int] = {}
        edges: list[tuple[int, int]] = []
        for k, gate in enumerate(self.gates):
            edges += [(j, k) for j in sorted({last[m] for m in gate.modes if m in last})]
            last.update(dict.fromkeys(gate.modes, k))
        return tuple(edges)

    def init(self, key: Key[Array, ""], dtype: Any = None) -> Float[Array, " P"]:
        """Random parameters, normal of variance 1/4: squeezing by more than ``e`` is rare. Float64 unless given."""
        return 0.5 * jax.random.normal(key, (self.n_parameters,), parameter_dtype(dtype))

    def __call__(self, params: Float[Array, " P"], x: Array | None = None) -> BosonicGaussian:
        """The state ``U(theta)`` of the initial one."""
        return self._state(params, x, curve=False)

    def curve(self, params: Float[Array, " P"], x: Array | None = None) -> BosonicGaussian:
        """The states after 0, 1, ..., L layers."""
        return self._state(params, x, curve=True)

    def _state(self, params: Array, x: Array | None, curve: bool) -> BosonicGaussian:
        if x is not None:
            raise ValueError("an optical circuit takes no input x")
        theta = jnp.asarray(params)
        if theta.shape != (self.n_parameters,):
            raise ValueError(f"theta must have shape ({self.n_parameters},), not {theta.shape}")
        values = jnp.concatenate([theta, jnp.zeros(1, theta.dtype)])
        index, scale, offset = self._angles
        angles = jnp.asarray(scale, theta.dtype) * values[index] + jnp.asarray(offset, theta.dtype)
        r = transform(self._schedule, angles, curve)
        # The last row carries the constant 1 that shifts add to the others, as in an affine map.
        s, mean = r[..., :-1, :-1], r[..., :-1, -1]
        start = jnp.asarray(np.tile(2.0 * np.asarray(self.thermal_numbers) + 1.0, 2), theta.dtype)
        sigma = symmetric((s * start) @ transpose(s))
        return BosonicGaussian(mean, sigma, max(self.thermal_numbers) == 0.0)

    @functools.cached_property
    def _angles(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        params = [g.angle for g in self.gates]
        index = np.asarray([self.n_parameters if p.index is None else p.index for p in params], np.int64)
        return index, np.asarray([p.scale for p in params]), np.asarray([p.offset for p in params])

    @functools.cached_property
    def _schedule(self) -> Schedule:
        layers: list[list[Mixing]] = [[] for _ in range(max((n.layer for n in self.nodes), default=-1) + 1)]
        for k, (gate, node) in enumerate(zip(self.gates, self.nodes)):
            layers[node.layer] += _mixings(gate, k, self.n_modes)
        return schedule(2 * self.n_modes + 1, layers)


def _mixings(gate: OpticalGate, angle: int, n: int) -> list[Mixing]:
    j, k = gate.modes[0], gate.modes[-1]
    match gate.name:
        case "Phase":
            return [Mixing((j, n + j), (1.0, -1.0), angle, 1.0, "circular")]
        case "Squeezing":
            return [
                Mixing((j, j), (1.0, 1.0), angle, 1.0, "hyperbolic"),
                Mixing((n + j, n + j), (-1.0, -1.0), angle, 1.0, "hyperbolic"),
            ]
        case "BeamSplitter":
            pairs = ((j, k), (n + j, n + k))
            return [Mixing(rows, (-1.0, 1.0), angle, 1.0, "circular") for rows in pairs]
        case "TwoModeSqueezing":
            return [
                Mixing((j, k), (1.0, 1.0), angle, 1.0, "hyperbolic"),
                Mixing((n + j, n + k), (-1.0, -1.0), angle, 1.0, "hyperbolic"),
            ]
        case _:
            row = j if gate.name == "PositionShift" else n + j
            return [Mixing((row, 2 * n), (1.0, 0.0), angle, 1.0, "shift")]
