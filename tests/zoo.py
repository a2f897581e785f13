"""A zoo of small descriptions, one or more for every manifold of points, over which the laws are run.

They are written in plain jax.numpy, independent of the circuit engine, so that a law that fails says whether the
metric or the engine is wrong. Every entry has a known structure: parameters, inputs where it takes them, and points
away from the edge of their manifold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from circuits.description import DensityMatrix, Description, Distribution, Gaussian, Node, State


@dataclass(frozen=True)
class Toy(Description):
    """A description of one node per parameter, without a curve."""

    size: int = 2

    @property
    def n_parameters(self) -> int:
        return self.size

    @property
    def nodes(self) -> tuple[Node, ...]:
        return tuple(Node(f"node{i}", "toy", (0,), (i,), i) for i in range(self.n_parameters))

    @property
    def wires(self) -> tuple[tuple[int, int], ...]:
        return tuple((i, i + 1) for i in range(self.n_parameters - 1))

    def init(self, key: Any, dtype: Any = None) -> Any:
        return jax.random.uniform(key, (self.n_parameters,), dtype or jnp.float64, 0.3, 1.2)

    def curve(self, params: Any, x: Any = None) -> Any:
        raise NotImplementedError

    def __call__(self, params: Any, x: Any = None) -> Any:
        raise NotImplementedError


@dataclass(frozen=True)
class ProductRY(Toy):
    """RY(t_i)|0> on every qubit: the QFIM is the identity."""

    def __call__(self, params, x=None):
        psi = jnp.ones(1, params.dtype)
        for t in params:
            psi = jnp.kron(psi, jnp.stack([jnp.cos(t / 2), jnp.sin(t / 2)]))
        return State(jax.lax.complex(psi, jnp.zeros_like(psi)))


@dataclass(frozen=True)
class GHZPhase(Toy):
    """exp(-i t sum Z / 2) on a GHZ state of ``qubits``: F = qubits^2."""

    size: int = 1
    qubits: int = 3

    def __call__(self, params, x=None):
        phase = _phase(-0.5 * self.qubits * params[0]) * float(np.sqrt(0.5))
        zeros = jnp.zeros(2**self.qubits - 2, phase.dtype)
        return State(jnp.concatenate([phase[None], zeros, phase.conj()[None]]))


@dataclass(frozen=True)
class EntangledState(Toy):
    """Three qubits, RY and RZ with a shared parameter, CZ between: a state with data and a global phase."""

    size: int = 5

    def __call__(self, params, x=None):
        a, b, c, d, e = params
        x = jnp.zeros(1, params.dtype) if x is None else x
        psi = jnp.kron(_bloch(a, b), jnp.kron(_bloch(c + x[0], a), _bloch(d, b * c)))
        psi = psi * jnp.asarray([1, 1, 1, -1, 1, 1, -1, 1], psi.dtype)
        mixer = _rotation(d)
        psi = jnp.einsum("ij,ajb->aib", mixer, psi.reshape(2, 2, 2)).reshape(-1)
        return State(psi * _phase(e))


@dataclass(frozen=True)
class BlochMixed(Toy):
    """The qubit of Bloch length ``radius`` along (cos t, e^{i p} sin t): angles (2t, p) on the sphere."""

    radius: float = 0.8

    def __call__(self, params, x=None):
        theta, phi = params
        psi = _bloch(2.0 * theta, phi)
        projector = jnp.outer(psi, psi.conj())
        return DensityMatrix(
            self.radius * projector + (1.0 - self.radius) / 2.0 * jnp.eye(2, dtype=psi.dtype)
        )


@dataclass(frozen=True)
class RankTwoMixed(Toy):
    """A mixed state of rank two on two qubits, with two equal kernel eigenvalues: rank constant."""

    size: int = 4

    def __call__(self, params, x=None):
        a, b, c, d = params
        first, second = jnp.kron(_bloch(a, b), _bloch(c, d)), jnp.kron(_bloch(b, c), _bloch(d, a))
        weight = _complex(0.5 + 0.3 * jnp.sin(a))
        rho = weight * jnp.outer(first, first.conj()) + (1.0 - weight) * jnp.outer(second, second.conj())
        return DensityMatrix(rho)


@dataclass(frozen=True)
class Categorical(Toy):
    """Softmax of a small network's logits; redundant (a shift of the logits) and dependent on data."""

    size: int = 6
    outcomes: int = 3

    def __call__(self, params, x=None):
        x = jnp.ones(1, params.dtype) if x is None else x
        first, second = params[: self.outcomes], params[self.outcomes :]
        return Distribution(jax.nn.softmax(jnp.tanh(first * x[0]) + second))


@dataclass(frozen=True)
class Sphere(Toy):
    """The categorical family in polar coordinates: p = squares of the coordinates of a unit vector (octant)."""

    def __call__(self, params, x=None):
        theta, phi = params
        root = jnp.stack([jnp.sin(theta) * jnp.cos(phi), jnp.sin(theta) * jnp.sin(phi), jnp.cos(theta)])
        return Distribution(jnp.square(root))


@dataclass(frozen=True)
class Regression(Toy):
    """A Gaussian mean with a pytree of parameters: two layers, one of them redundant by rescaling."""

    size: int = 5

    def init(self, key, dtype=None):
        a, b = jax.random.split(key)
        dtype = dtype or jnp.float64
        return {"inner": jax.random.normal(a, (3,), dtype), "outer": (jax.random.normal(b, (2,), dtype),)}

    def __call__(self, params, x=None):
        x = jnp.ones(1, params["inner"].dtype) if x is None else x
        hidden = params["inner"][:2] * x[0]
        return Gaussian(jnp.stack([jnp.dot(hidden, params["outer"][0]), params["inner"][2] * x[0]]))


def _complex(a):
    return jax.lax.complex(a, jnp.zeros_like(a))


def _phase(angle):
    return jax.lax.complex(jnp.cos(angle), jnp.sin(angle))


def _bloch(theta, phi):
    return jnp.stack([_complex(jnp.cos(theta / 2)), _complex(jnp.sin(theta / 2)) * _phase(phi)])


def _rotation(theta):
    cosine, sine = jnp.cos(theta / 2), jnp.sin(theta / 2)
    return _complex(jnp.stack([jnp.stack([cosine, -sine]), jnp.stack([sine, cosine])]))


@dataclass(frozen=True)
class Specimen:
    """A description with parameters and data to evaluate it at."""

    name: str
    description: Description
    params: Any
    data: Any


def zoo() -> list[Specimen]:
    """Every description, with fixed parameters; those that take inputs appear with and without data."""
    inputs = jnp.asarray([[0.3], [-0.7], [1.1]])
    animals = [
        (ProductRY(3), None),
        (GHZPhase(), None),
        (EntangledState(), None),
        (EntangledState(), inputs),
        (BlochMixed(), None),
        (RankTwoMixed(), None),
        (Categorical(), inputs),
        (Sphere(), None),
        (Regression(), inputs),
    ]
    return [
        Specimen(
            f"{type(d).__name__}{'' if data is None else '-data'}",
            d,
            d.init(jax.random.key(3), jnp.float64),
            data,
        )
        for d, data in animals
    ]
