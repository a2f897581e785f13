"""The contract: a description D(theta) is a structure, its parameters are separate, and together they yield a point.

A *description* (Dong and Zhou, section II) is any wired network of nodes: a parameterized circuit, a tensor
network, a classical deep network. It is an immutable object that holds the structure only; its parameters are a
pytree of arrays that the caller owns, so that ``jax.jit``, ``jax.vmap`` and ``jax.grad`` act on them directly::

    theta  --D-->  point of a manifold  --metric of that manifold-->  information metric on theta

The manifolds are those of pure states, density matrices, categorical distributions, Gaussian distributions of unit
variance, and linear maps.
"""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Complex, Float, Inexact, Key, PyTree

Params = PyTree[Array]


class State(eqx.Module):
    """A pure state ``|psi>``: complex amplitudes, qubit 0 the most significant bit, norm one."""

    vector: Complex[Array, "... dim"]

    @classmethod
    def from_vector(cls, vector: Any) -> State:
        """The state of a NumPy or JAX vector, or of a QuTiP ket, of length 2^n and norm one (to 1e-6).

        It goes out again as ``np.asarray(state.vector)``; for QuTiP,
        ``qutip.Qobj(np.asarray(state.vector), dims=[[2] * n, [1] * n])``.

        Raises:
            ValueError: if the length is no power of two, or the norm is not one.
        """
        full = vector.full() if hasattr(vector, "full") else vector  # a QuTiP ket is a column
        amplitudes = np.asarray(full).reshape(-1)
        if amplitudes.size < 2 or amplitudes.size & (amplitudes.size - 1):
            raise ValueError(f"a state of n qubits has 2^n amplitudes, n >= 1, not {amplitudes.size}")
        norm = float(np.linalg.norm(amplitudes))
        if not abs(norm - 1.0) < 1e-6:
            raise ValueError(f"a state has norm 1, not {norm:.6g}; divide the vector by its norm")
        single = amplitudes.dtype in (np.float32, np.complex64) or not jax.config.read("jax_enable_x64")
        return cls(jnp.asarray(amplitudes, jnp.complex64 if single else jnp.complex128))

    @property
    def probabilities(self) -> Float[Array, "... dim"]:
        """Born probabilities ``|psi_x|^2`` of the computational-basis outcomes."""
        return jnp.square(self.vector.real) + jnp.square(self.vector.imag)


class DensityMatrix(eqx.Module):
    """A mixed state ``rho``: Hermitian, positive semi-definite, trace one."""

    matrix: Complex[Array, "... dim dim"]


class Distribution(eqx.Module):
    """A categorical distribution: probabilities that sum to one on the last axis."""

    probabilities: Float[Array, "... outcomes"]


class Gaussian(eqx.Module):
    """A normal distribution of unit variance, ``N(mean, 1)``, per component of the last axis."""

    mean: Float[Array, "... dim"]


class ImplicitState(eqx.Module):
    """A pure state that is known by its overlaps: a tensor network too large for a vector.

    Its arrays are coordinates in which the state vector is holomorphic (complex ones) or real (real ones); the vector
    need not be normalised, and different arrays may give the same ray.
    """

    @abc.abstractmethod
    def overlap(self, other: Any) -> Inexact[Array, ""]:
        """``<self|other>``: antiholomorphic in the arrays of ``self``, holomorphic in those of ``other``."""


class Map(eqx.Module):
    """A linear map, e.g. the unitary of a circuit or the product of a linear network's weights."""

    matrix: Array


Point = State | ImplicitState | DensityMatrix | Distribution | Gaussian | Map


class Node(NamedTuple):
    """One node of a description: a gate, a tensor, a neuron or a channel.

    ``parameters`` are positions in the flattened parameter vector (``jax.flatten_util.ravel_pytree`` order).
    """

    name: str
    kind: str
    wires: tuple[int, ...]
    parameters: tuple[int, ...]
    layer: int


class Description(abc.ABC):
    """A parameterized description D(theta) of information. Immutable, hashable, equal by value."""

    @property
    @abc.abstractmethod
    def n_parameters(self) -> int:
        """Number of real parameters P."""

    @property
    @abc.abstractmethod
    def nodes(self) -> tuple[Node, ...]:
        """The nodes, in causal order."""

    @property
    @abc.abstractmethod
    def wires(self) -> tuple[tuple[int, int], ...]:
        """The causal graph: edges ``(i, j)``, the output of node ``i`` enters node ``j``."""

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """One name per parameter, in flattened order, for tables and figures."""
        return tuple(f"theta[{i}]" for i in range(self.n_parameters))

    @abc.abstractmethod
    def init(self, key: Key[Array, ""], dtype: Any = None) -> Params:
        """Random parameters. ``dtype`` is float64 unless given; float64 needs ``jax_enable_x64``."""

    @abc.abstractmethod
    def __call__(self, params: Params, x: Array | None = None) -> Point:
        """The point D(theta), for one input ``x`` where the description takes data. Batch with ``jax.vmap``."""

    @abc.abstractmethod
    def curve(self, params: Params, x: Array | None = None) -> Point:
        """The points layer by layer, identity first: every array gains a leading axis of length layers + 1."""


class Reading(Description):
    """Another point of the same structure: parameters, their names, nodes and wires are those of ``structure``.

    A circuit read by its outcomes, by a covariance matrix; an MPS read as a state vector; a network as amplitudes.
    """

    @property
    @abc.abstractmethod
    def structure(self) -> Description:
        """The description whose parameters and nodes these are."""

    @property
    def n_parameters(self) -> int:
        """As of the structure."""
        return self.structure.n_parameters

    @property
    def nodes(self) -> tuple[Node, ...]:
        """As of the structure."""
        return self.structure.nodes

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        """As of the structure."""
        return self.structure.wires

    @property
    def parameter_names(self) -> tuple[str, ...]:
        """As of the structure."""
        return self.structure.parameter_names

    def init(self, key: Key[Array, ""], dtype: Any = None) -> Params:
        """Random parameters, as the structure draws them."""
        return self.structure.init(key, dtype)


def parameter_dtype(dtype: Any = None) -> Any:
    """The dtype for new parameters; one line of advice where float64 is wanted and switched off.

    Raises:
        ValueError: if float64 is wanted (the default) while ``jax_enable_x64`` is off.
        TypeError: if ``dtype`` is not a real floating-point type.
    """
    if dtype is None:
        dtype = jnp.float64
    dtype = jnp.dtype(dtype)
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"parameters must be real floating-point numbers, not {dtype}; pass float64 or float32"
        )
    if dtype == jnp.float64 and not jax.config.read("jax_enable_x64"):
        raise ValueError(
            "float64 parameters need x64: call jax.config.update('jax_enable_x64', True) or set "
            "JAX_ENABLE_X64=1, or pass float32"
        )
    return dtype
