r"""Matchgate circuits: circuits on neighbouring qubits that are free fermions, as descriptions of Gaussian states.

By Jordan and Wigner's map ``Z_k = -i c_2k c_2k+1`` and ``X_k X_k+1 = -i c_2k+1 c_2k+2``: rotations by Z, and by XX, YY,
XY, YX on neighbours (with Z on all qubits between them, if any), rotate two Majorana operators into each other, and a
circuit of them is a product of n-dimensional rotations instead of 2^n-dimensional ones (Valiant 2002; Terhal and
DiVincenzo, PRA 65, 032325 (2002)).
"""

from __future__ import annotations

import functools
import math

import jax.numpy as jnp
from jaxtyping import Array, Float

from circuits.circuit import Circuit
from circuits.description import Reading
from circuits.gaussian.fermions import FermionicGaussian
from circuits.gaussian.matrix_functions import transpose
from circuits.gaussian.mixing import Mixing, Schedule, schedule, transform
from circuits.ops import Op

_FIXED = {"Z": math.pi, "S": math.pi / 2, "SDG": -math.pi / 2, "T": math.pi / 4, "TDG": -math.pi / 4}
_STRINGS = {"RZ": "Z", "P": "Z", "RXX": "XX", "RYY": "YY"}


class Matchgates(Reading):
    """The same circuit of matchgates, as a description that yields :class:`FermionicGaussian` states.

    Parameters, their names, nodes, wires and layers are those of the circuit; states are equal to the circuit's, qubit
    ``k`` being mode ``k``, so that metrics and entropies of blocks ``0 .. k`` agree. Cost: O(n^2) per layer.

    Args:
        circuit: made of RZ, P, Z, S, T (and inverses) on one qubit; RXX, RYY, XXPLUSYY, ISWAP on neighbours;
            PauliRotation by Z, or by a string such as XX, YX or XZZY on neighbouring qubits.

    Raises:
        ValueError: a gate that is none of them.
    """

    circuit: Circuit

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self._schedule  # noqa: B018 - finds bad gates now

    def __hash__(self) -> int:
        return hash((Matchgates, self.circuit))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Matchgates) and self.circuit == other.circuit

    def __repr__(self) -> str:
        return f"Matchgates({self.circuit!r})"

    @property
    def structure(self) -> Circuit:
        """The circuit."""
        return self.circuit

    @property
    def n_modes(self) -> int:
        """Number of fermionic modes: the qubits of the circuit."""
        return self.circuit.n_qubits

    def __call__(self, params: Float[Array, " P"], x: Array | None = None) -> FermionicGaussian:
        """The state ``U(theta, x) |0...0>``."""
        return self._state(self.rotation(params, x))

    def curve(self, params: Float[Array, " P"], x: Array | None = None) -> FermionicGaussian:
        """The states after 0, 1, ..., L layers of the circuit."""
        return self._state(transform(self._schedule, self._angles(params, x), curve=True))

    def rotation(self, params: Float[Array, " P"], x: Array | None = None) -> Float[Array, "2n 2n"]:
        """The rotation of Majoranas ``U^dagger c U = R c`` by the whole circuit."""
        return transform(self._schedule, self._angles(params, x))

    def _state(self, rotation: Array) -> FermionicGaussian:
        # The vacuum is a sum of 2 x 2 blocks [[0, -1], [1, 0]]: it permutes columns.
        even, odd = rotation[..., ::2], rotation[..., 1::2]
        half = odd @ transpose(even)
        return FermionicGaussian(half - transpose(half), True)

    def _angles(self, params: Array, x: Array | None) -> Array:
        angles = self.circuit.angles(params, x)
        return jnp.concatenate([angles, jnp.ones(1, angles.dtype)])  # what fixed gates scale

    @functools.cached_property
    def _schedule(self) -> Schedule:
        constant = sum(len(op.angles) for op in self.circuit.ops)
        layers: list[list[Mixing]] = [[] for _ in self.circuit.layers]
        position = 0
        for op, layer in zip(self.circuit.ops, self.circuit.layer_of):
            layers[layer] += _mixings(op, position, constant)
            position += len(op.angles)
        return schedule(2 * self.circuit.n_qubits, layers)


def _mixings(op: Op, position: int, constant: int) -> list[Mixing]:
    if op.name == "I":
        return []
    if op.name in _FIXED:
        return [_mixing("Z", op, constant, _FIXED[op.name])]
    if op.name in ("XXPLUSYY", "ISWAP"):
        angle, scale = (position, 0.5) if op.name == "XXPLUSYY" else (constant, -math.pi / 2)
        return [_mixing(string, op, angle, scale) for string in ("XX", "YY")]
    string = op.pauli or _STRINGS.get(op.name, "")
    if not string or len(op.angles) != 1:
        raise ValueError(
            f"{op.name} on {op.wires} is no rotation of free fermions; expected RZ, P, Z, S, T, RXX, RYY, XXPLUSYY, "
            "ISWAP or a PauliRotation"
        )
    return [_mixing(string, op, position, 1.0)]


def _mixing(string: str, op: Op, angle: int, scale: float) -> Mixing:
    """``exp(-i t P/2)`` with ``P = -i c_a c_b``: the row a becomes ``cos t c_a - sin t c_b``."""
    letters = [(wire, letter) for wire, letter in sorted(zip(op.wires, string)) if letter != "I"]
    wires = [wire for wire, _ in letters]
    spelled = "".join(letter for _, letter in letters)
    if wires != list(range(wires[0], wires[0] + len(wires))) if wires else True:
        raise ValueError(
            f"{op.name} by {string} on {op.wires} is not on neighbouring qubits: no free fermions"
        )
    i, j = wires[0], wires[-1]
    if spelled == "Z":
        a, b = 2 * i, 2 * i + 1
    elif len(spelled) > 1 and set(spelled[1:-1]) <= {"Z"} and {spelled[0], spelled[-1]} <= {"X", "Y"}:
        a = 2 * i + (spelled[0] == "X")
        b = 2 * j + (spelled[-1] == "Y")
        if spelled[0] == "Y":
            a, b = b, a
    else:
        raise ValueError(
            f"{op.name} by {string} on {op.wires} is no product of two Majorana operators: no free fermions"
        )
    return Mixing((a, b), (-1.0, 1.0), angle, scale, "circular")
