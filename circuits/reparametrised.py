"""A circuit whose angles are functions of other parameters: ``D(theta) = circuit(f(theta))``.

A `Circuit` holds angles that are affine in one parameter (times one input). Anything else, ``RZ(sin(a) * b)`` or
angles computed by a traced program, is a plain circuit with one parameter per angle, behind a map from the parameters
that the user knows to these. JAX differentiates through both, so states, metrics and gradients are those of theta.
"""

from __future__ import annotations

import abc
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key

from circuits.circuit import Circuit
from circuits.description import Description, Node, Params, State, parameter_dtype


class AngleMap(abc.ABC):
    """A differentiable map from parameters, and an input, to the parameters of a circuit.

    Immutable, hashable and equal by value, since it is part of a static argument of ``jax.jit``. The parameters may
    be any pytree of real arrays; "flattened" means the order of ``jax.flatten_util.ravel_pytree``.
    """

    @property
    @abc.abstractmethod
    def dependence(self) -> tuple[tuple[int, ...], ...]:
        """For each parameter of the circuit, the positions in the flattened parameters that it depends on."""

    @property
    @abc.abstractmethod
    def parameter_names(self) -> tuple[str, ...]:
        """One name per parameter, in flattened order; their number is that of the parameters."""

    @property
    def n_inputs(self) -> int:
        """Length of the input x that the map itself reads; 0 where it reads none."""
        return 0

    def init(self, key: Key[Array, ""], dtype: Any = None) -> Params:
        """Random parameters, uniform on [-pi, pi), shape (P,), as `Circuit.init`."""
        return jax.random.uniform(key, (len(self.parameter_names),), parameter_dtype(dtype), -np.pi, np.pi)

    def vector(self, params: Params) -> Float[Array, " P"]:
        """``params`` as one array, for maps that take such.

        Raises:
            ValueError: if it is no array with one entry per parameter, or float64 while x64 is off.
            TypeError: if it does not hold floating-point numbers.
        """
        theta: Any = params if hasattr(params, "dtype") else np.asarray(params, np.float64)
        count = len(self.parameter_names)
        if np.shape(theta) != (count,):
            raise ValueError(
                f"theta must have shape ({count},), one entry per parameter, not {np.shape(theta)}; "
                "for a batch use jax.vmap"
            )
        return jnp.asarray(theta, parameter_dtype(theta.dtype))

    @abc.abstractmethod
    def __call__(self, params: Params, x: Array | None = None) -> Float[Array, " angles"]:
        """The parameters of the circuit, in the dtype of ``params``. Traceable."""


class Reparametrised(Description):
    """A circuit behind a map of its parameters: ``D(theta, x) = circuit(angle_map(theta, x), x)``.

    Nodes and wires are the gates and edges of the circuit; a gate's parameters are those that its angles depend on.
    The metric is ``J' F J`` with F that of the circuit and J the Jacobian of the map. What takes a `Circuit` only
    takes ``d.circuit`` at ``d.angles(theta)``, for instance
    ``circuits.expectation(d.circuit, d.angles(theta), hamiltonian)``, which ``jax.grad`` differentiates in theta.

    Args:
        circuit: the circuit, one parameter for each value of the map.
        angle_map: from theta (and x) to the circuit's parameters.

    Raises:
        TypeError: if ``circuit`` is no `Circuit`, or ``angle_map`` no `AngleMap`.
        ValueError: if the map does not have one value per parameter of the circuit.
    """

    circuit: Circuit
    angle_map: AngleMap
    _hash: int

    def __init__(self, circuit: Circuit, angle_map: AngleMap) -> None:
        if not isinstance(circuit, Circuit) or not isinstance(angle_map, AngleMap):
            raise TypeError(
                "Reparametrised takes a Circuit and an AngleMap, not "
                f"{type(circuit).__name__} and {type(angle_map).__name__}"
            )
        if len(angle_map.dependence) != circuit.n_parameters:
            raise ValueError(
                f"the map gives {len(angle_map.dependence)} angles and the circuit takes {circuit.n_parameters}; "
                "both must be the same number"
            )
        object.__setattr__(self, "circuit", circuit)
        object.__setattr__(self, "angle_map", angle_map)
        object.__setattr__(self, "_hash", hash((circuit, angle_map)))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Reparametrised circuit is immutable: cannot set {name!r}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a Reparametrised circuit is immutable: cannot delete {name!r}")

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Reparametrised):
            return NotImplemented
        return (
            self._hash == other._hash and self.circuit == other.circuit and self.angle_map == other.angle_map
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Rebuilt, because hashes of strings differ from one process to the next.
        return Reparametrised, (self.circuit, self.angle_map)

    def __repr__(self) -> str:
        return f"Reparametrised(n_parameters={self.n_parameters}, {self.circuit!r})"

    @property
    def n_qubits(self) -> int:
        """Number of qubits."""
        return self.circuit.n_qubits

    @property
    def n_parameters(self) -> int:
        """Number of parameters of the map, not of the circuit."""
        return len(self.angle_map.parameter_names)

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """As of the map."""
        return self.angle_map.parameter_names

    @property
    def n_inputs(self) -> int:
        """Length of the input x, read by the map or by the circuit; 0 where neither takes one."""
        return max(self.circuit.n_inputs, self.angle_map.n_inputs)

    @functools.cached_property
    def nodes(self) -> tuple[Node, ...]:
        """One node per gate; its parameters are the positions in theta on which its angles depend."""
        found = []
        for node in self.circuit.nodes:
            reached = [i for k in node.parameters for i in self.angle_map.dependence[k]]
            found.append(node._replace(parameters=tuple(dict.fromkeys(reached))))
        return tuple(found)

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """As of the circuit."""
        return self.circuit.wires

    def init(self, key: Key[Array, ""], dtype: Any = None) -> Params:
        """Random parameters, as the map draws them."""
        return self.angle_map.init(key, dtype)

    def angles(self, params: Params, x: Array | None = None) -> Float[Array, " angles"]:
        """The parameters of the circuit at ``params`` and ``x``: what ``circuit`` is called with."""
        self._check_input(x)
        return self.angle_map(params, x)

    def __call__(self, params: Params, x: Array | None = None) -> State:
        """The state ``U(f(theta, x), x) |0...0>``.

        Raises:
            ValueError, TypeError: parameters or an input that do not fit, or angles that are NaN or infinite.
        """
        return self.circuit(self.angles(params, x), self._circuit_input(x))

    def curve(self, params: Params, x: Array | None = None) -> State:
        """The states after 0, 1, ..., L layers of the circuit."""
        return self.circuit.curve(self.angles(params, x), self._circuit_input(x))

    def _check_input(self, x: Array | None) -> None:
        if self.n_inputs == 0 and x is not None:
            raise ValueError("this circuit takes no input x")
        if self.n_inputs and x is None:
            raise ValueError(f"this circuit needs an input x of shape ({self.n_inputs},)")
        if x is not None and np.shape(x) != (self.n_inputs,):
            raise ValueError(
                f"x must have shape ({self.n_inputs},), one sample, not {np.shape(x)}; for a batch use jax.vmap"
            )

    def _circuit_input(self, x: Array | None) -> Array | None:
        return None if x is None or self.circuit.n_inputs == 0 else x[: self.circuit.n_inputs]
