"""Parameterized quantum circuits: immutable, hashable, equal by value; structure here, parameters outside.

    c = Circuit(2, [gates.H(0), gates.RY(Param(0), 0), gates.CX(0, 1)])
    theta = c.init(jax.random.key(0))
    c(theta).vector                       # |psi> = U_G ... U_2 U_1 |0...0>

A circuit is a static argument to ``jax.jit``: the hash is computed once, and equal circuits share compiled code.
"""

from __future__ import annotations

import functools
import importlib
import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Key

from circuits import drawing, statevector
from circuits.description import Description, Node, State, parameter_dtype
from circuits.gates import Op, Param, inverse
from circuits.names import Names, checked_names, joined_names, remapped_names
from circuits.validation import (
    AngleTable,
    angle_table,
    checked_layers,
    checked_n_parameters,
    checked_n_qubits,
    checked_wires,
    gate_name,
)


class Circuit(Description):
    """A circuit of gates on qubits that start in ``|0...0>``.

    Args:
        n_qubits: number of qubits, 1 or more; qubit 0 is the most significant bit.
        ops: gates in the order in which they act.
        layers: number of gates of each layer, in order, where the circuit has layers of its own. Without it the
            layers are moments: every gate acts as soon as its qubits are free.
        names: names of the parameters, one each and all different, part of the circuit's value. Without them
            `parameter_names` are made from the gates.

    Raises:
        ValueError: zero qubits, a gate on a missing qubit, a repeated wire, an unknown gate, a wrong number of angles,
            a parameter that no gate uses, layers that do not add up, or names that do not fit the parameters.
        TypeError: something that is not a gate.
    """

    n_qubits: int
    ops: tuple[Op, ...]
    angle_table: AngleTable
    _n_parameters: int
    _explicit_layers: tuple[int, ...] | None
    _names: Names | None
    _value: tuple[Any, ...]
    _hash: int

    def __init__(
        self,
        n_qubits: int,
        ops: Iterable[Op],
        layers: Sequence[int] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        set_ = object.__setattr__
        ops = tuple(ops)
        n_qubits = checked_n_qubits(n_qubits)
        wires = checked_wires(n_qubits, ops)
        table = angle_table(ops)
        n_parameters = checked_n_parameters(table.index)
        counts = None if layers is None else checked_layers(layers, len(ops))
        own_names = checked_names(names, n_parameters)
        set_(self, "n_qubits", n_qubits)
        set_(self, "ops", ops)
        set_(self, "angle_table", table)
        set_(self, "_n_parameters", n_parameters)
        set_(self, "_explicit_layers", counts)
        set_(self, "_names", own_names)
        # Everything that makes the circuit what it is, as bytes: equality and hash cost no Python per gate.
        kinds = "\0".join([op.name + op.pauli for op in ops])
        value = (n_qubits, kinds, wires.tobytes(), *(column.tobytes() for column in table), counts, own_names)
        set_(self, "_value", value)
        set_(self, "_hash", hash(value))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Circuit is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Circuit is immutable: cannot delete {name!r}")

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Circuit):
            return NotImplemented
        return self._hash == other._hash and self._value == other._value

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt, because hashes of strings differ from one process to the next.
        return Circuit, (self.n_qubits, self.ops, self._explicit_layers, self._names)

    def __repr__(self) -> str:
        inputs = f", n_inputs={self.n_inputs}" if self.n_inputs else ""
        return (
            f"Circuit(n_qubits={self.n_qubits}, gates={len(self.ops)}, layers={len(self.layers)}, "
            f"n_parameters={self.n_parameters}{inputs})"
        )

    def __len__(self) -> int:
        return len(self.ops)

    # Structure.

    @property
    def n_parameters(self) -> int:
        """Number of entries of theta."""
        return self._n_parameters

    @functools.cached_property
    def n_inputs(self) -> int:
        """Number of entries of the classical input x; 0 where the circuit takes none."""
        return int(self.angle_table.input.max(initial=-1)) + 1

    @property
    def has_own_layers(self) -> bool:
        """Whether the layers were given; otherwise they are moments."""
        return self._explicit_layers is not None

    @functools.cached_property
    def layer_of(self) -> tuple[int, ...]:
        """The layer of each gate of ``ops``."""
        if self._explicit_layers is not None:
            return tuple(np.repeat(np.arange(len(self._explicit_layers)), self._explicit_layers).tolist())
        free = [0] * self.n_qubits
        moments = []
        for op in self.ops:
            wires = op.wires
            moment = max([free[w] for w in wires])
            for w in wires:
                free[w] = moment + 1
            moments.append(moment)
        return tuple(moments)

    @functools.cached_property
    def layers(self) -> tuple[int, ...]:
        """Number of gates of each layer of ``layered_ops``."""
        if self._explicit_layers is not None:
            return self._explicit_layers
        return tuple(np.bincount(np.asarray(self.layer_of, dtype=np.int64)).tolist())

    @functools.cached_property
    def layered_ops(self) -> tuple[Op, ...]:
        """The gates sorted by layer: ``layers[0]`` gates of the first layer, then ``layers[1]``, ...

        The same unitary as ``ops``; the order differs from it only where layers are moments and gates commute because
        they share no qubit.
        """
        if self._explicit_layers is not None:
            return self.ops
        return tuple(
            [self.ops[k] for k in np.argsort(np.asarray(self.layer_of, dtype=np.int64), kind="stable")]
        )

    @property
    def has_own_names(self) -> bool:
        """Whether the parameters were given names; otherwise they are named after gates."""
        return self._names is not None

    @functools.cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """The names given, else the gate that uses each parameter: ``RY[q0]#0``; a shared one says by how many."""
        if self._names is not None:
            return self._names
        users: list[list[Op]] = [[] for _ in range(self.n_parameters)]
        for op in self.ops:
            for index in op.parameters:
                users[index].append(op)
        return tuple(f"{_users_name(ops)}#{i}" for i, ops in enumerate(users))

    @functools.cached_property
    def nodes(self) -> tuple[Node, ...]:
        """One node per gate, in the order of ``ops``; its parameters are the indices of theta that it uses."""
        return tuple(
            Node(f"{gate_name(op)}#{k}", op.name, op.wires, op.parameters, layer)
            for k, (op, layer) in enumerate(zip(self.ops, self.layer_of, strict=True))
        )

    @functools.cached_property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """Edges from each gate to the next gate on the same qubit (one edge where two share several qubits)."""
        last: list[int | None] = [None] * self.n_qubits
        edges: list[tuple[int, int]] = []
        for k, op in enumerate(self.ops):
            before = {last[w] for w in op.wires}
            edges.extend((j, k) for j in sorted(j for j in before if j is not None))
            for w in op.wires:
                last[w] = k
        return tuple(edges)

    # Parameters and points.

    def init(self, key: Key[Array, ""], dtype: Any = None) -> Float[Array, " P"]:
        """Random parameters, uniform on [-pi, pi), shape (P,). float64 unless ``dtype`` is given.

        Raises:
            ValueError: if float64 is wanted while ``jax_enable_x64`` is off.
        """
        dtype = parameter_dtype(dtype)
        return jax.random.uniform(key, (self.n_parameters,), dtype, -np.pi, np.pi)

    def angles(self, theta: Float[Array, " P"], x: Array | None = None) -> Float[Array, " angles"]:
        """The value of every angle of every gate, in order, shape (angles,), in the dtype of theta. Traceable."""
        theta, x = check_parameters(self, theta, x)
        table = self.angle_table
        value = jnp.asarray(table.scale, theta.dtype)
        if self.n_parameters:
            # A factor that is absent is 1: it is gathered from one extra entry at the end.
            extended = jnp.concatenate([theta, jnp.ones(1, theta.dtype)])
            value = value * extended[jnp.asarray(table.index % (self.n_parameters + 1))]
        if x is not None:
            extended = jnp.concatenate([x, jnp.ones(1, theta.dtype)])
            value = value * extended[jnp.asarray(table.input % (self.n_inputs + 1))]
        return value + jnp.asarray(table.offset, theta.dtype)

    def __call__(self, params: Float[Array, " P"], x: Array | None = None) -> State:
        """The state ``U(theta, x) |0...0>``: complex (2^n,), complex64 for float32 parameters, else complex128.

        Raises:
            ValueError, TypeError: as `check_parameters`.
        """
        params, x = check_parameters(self, params, x)
        return statevector.run(self, params, x)

    def curve(self, params: Float[Array, " P"], x: Array | None = None) -> State:
        """The states after 0, 1, ..., L layers: ``vector`` has shape (L + 1, 2^n)."""
        params, x = check_parameters(self, params, x)
        return statevector.curve(self, params, x)

    # New circuits from old.

    def __add__(self, other: Circuit) -> Circuit:
        """This circuit, then the other; the other's parameters follow this one's in theta, inputs are common."""
        if not isinstance(other, Circuit):
            return NotImplemented
        if self.n_qubits != other.n_qubits:
            raise ValueError(f"circuits on {self.n_qubits} and {other.n_qubits} qubits cannot be joined")
        counts = (self.n_parameters, other.n_parameters)
        shift = range(counts[0], sum(counts))
        names = joined_names(self._names, other._names, counts)
        if self._explicit_layers is None and other._explicit_layers is None:
            return Circuit(self.n_qubits, [*self.ops, *_renamed(other.ops, shift)], names=names)
        ops = [*self.layered_ops, *_renamed(other.layered_ops, shift)]
        return Circuit(self.n_qubits, ops, self.layers + other.layers, names)

    def repeat(self, times: int, *, shared: bool = False) -> Circuit:
        """The circuit ``times`` times over, with fresh parameters each time, or with the same ones if ``shared``."""
        if not isinstance(times, int | np.integer) or times < 1:
            raise ValueError(f"a circuit is repeated 1 or more times, not {times!r}")
        count, shift = self.n_parameters, 0 if shared else self.n_parameters
        copies = [_renamed(self.ops, range(k * shift, k * shift + count)) for k in range(times)]
        layers = None if self._explicit_layers is None else self._explicit_layers * int(times)
        names = self._names if shared or times == 1 else None
        return Circuit(self.n_qubits, itertools.chain.from_iterable(copies), layers, names)

    def inverse(self) -> Circuit:
        """The inverse circuit, of the same theta: ``c + c.inverse()`` is the identity at (theta, theta)."""
        layers = None if self._explicit_layers is None else self._explicit_layers[::-1]
        return Circuit(self.n_qubits, [inverse(op) for op in reversed(self.ops)], layers, self._names)

    def named(self, names: Sequence[str] | None) -> Circuit:
        """The circuit with these names of its parameters; with None, with names made from its gates.

        Raises:
            ValueError, TypeError: names that do not fit the parameters.
        """
        return Circuit(self.n_qubits, self.ops, self._explicit_layers, names)

    def bind(self, theta: Any) -> Circuit:
        """The circuit with its parameters fixed at ``theta``, a concrete array (P,); inputs stay free."""
        theta, _ = check_parameters(self, theta, _NO_INPUT)
        values = np.asarray(theta, dtype=np.float64).tolist()

        def bound(angle: Param) -> Param:
            if angle.index is None:
                return angle
            scale = angle.scale * values[angle.index]
            if angle.input is None:
                return Param(None, 0.0, angle.offset + scale)
            return Param(None, scale, angle.offset, angle.input)

        return Circuit(self.n_qubits, _map_angles(self.ops, bound), self._explicit_layers)

    def remap(self, indices: Sequence[int]) -> Circuit:
        """The circuit whose parameter ``indices[i]`` takes the place of parameter i: equal entries are shared.

        Raises:
            ValueError: if there is not one entry per parameter, or a position is left unused.
        """
        if len(indices) != self.n_parameters:
            raise ValueError(
                f"remap takes {self.n_parameters} indices, one per parameter, not {len(indices)}"
            )
        ops = _renamed(self.ops, [int(i) for i in indices])
        return Circuit(self.n_qubits, ops, self._explicit_layers, remapped_names(self._names, indices))

    def draw(self, kind: str = "text", **options: Any) -> Any:
        """A drawing: ``"text"`` gives a string (option ``width``), ``"mpl"`` a matplotlib figure.

        Raises:
            ValueError: for another kind.
        """
        if kind == "text":
            return drawing.text(self, **options)
        if kind == "mpl":
            # By name, so that matplotlib loads only when a figure is asked for.
            return importlib.import_module("circuits.drawing_mpl").figure(self, **options)
        raise ValueError(f"a circuit is drawn as 'text' or 'mpl', not {kind!r}")


def _users_name(ops: list[Op]) -> str:
    if len(ops) == 1:
        return gate_name(ops[0])
    return f"{'|'.join(dict.fromkeys(op.name for op in ops))}[{len(ops)} gates]"


def _map_angles(ops: Iterable[Op], function: Any) -> list[Op]:
    return [
        Op(op.name, op.wires, tuple([function(a) for a in op.angles]), op.pauli) if op.angles else op
        for op in ops
    ]


def _renamed(ops: tuple[Op, ...], indices: Sequence[int]) -> Iterable[Op]:
    """The gates with parameter i renamed ``indices[i]``."""
    if isinstance(indices, range) and indices.start == 0:
        return ops

    def renamed(angle: Param) -> Param:
        return (
            angle
            if angle.index is None
            else Param(indices[angle.index], angle.scale, angle.offset, angle.input)
        )

    return _map_angles(ops, renamed)


# Checks of theta and x.

_NO_INPUT: Any = object()


def check_parameters(circuit: Circuit, theta: Any, x: Any = None) -> tuple[Array, Array | None]:
    """theta as a floating-point JAX array (P,), x as one of the same dtype (n_inputs,), or one line about the error.

    NaN and infinity are looked for in concrete arrays only, not under ``jit`` or ``vmap``.

    Raises:
        ValueError: wrong shape, NaN, a missing or superfluous x, or float64 while ``jax_enable_x64`` is off.
        TypeError: not real numbers.
    """
    theta = _real_array(theta, "theta")
    if theta.shape != (circuit.n_parameters,):
        raise ValueError(
            f"theta must have shape ({circuit.n_parameters},), one entry per parameter, not {theta.shape}; "
            "for a batch use jax.vmap"
        )
    if x is _NO_INPUT:
        return theta, None
    if circuit.n_inputs == 0:
        if x is not None:
            raise ValueError("this circuit takes no input x; encode data with circuits.Input")
        return theta, None
    if x is None:
        raise ValueError(f"this circuit needs an input x of shape ({circuit.n_inputs},)")
    x = _real_array(x, "x", theta.dtype)
    if x.shape != (circuit.n_inputs,):
        raise ValueError(
            f"x must have shape ({circuit.n_inputs},), one sample, not {x.shape}; for a batch use jax.vmap"
        )
    return theta, x


def _real_array(value: Any, name: str, dtype: Any = None) -> Array:
    traced = isinstance(value, Tracer)
    if not traced:
        if not hasattr(value, "dtype"):
            try:
                value = np.asarray(value)
            except ValueError:
                raise ValueError(f"{name} must be a one-dimensional array of numbers") from None
            if value.dtype.kind in "iu" or value.size == 0:
                value = value.astype(np.float64)
        if not jnp.issubdtype(value.dtype, jnp.number) or jnp.issubdtype(value.dtype, jnp.complexfloating):
            raise TypeError(f"{name} must be an array of real numbers, not {value.dtype}")
        if not np.isfinite(np.asarray(value, dtype=np.float64)).all():
            raise ValueError(f"{name} holds NaN or infinity; every entry must be finite")
    if dtype is None:
        # float64 while x64 is off raises here, instead of a silent float32.
        dtype = parameter_dtype(value.dtype)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"{name} must be float32 or float64, not {dtype}")
    return value.astype(dtype) if traced else jnp.asarray(value, dtype)
