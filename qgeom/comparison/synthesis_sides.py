r"""The sides of the comparison that synthesise a transformation: what is trained, on what, and what it is as built.

=================== ================================== ========== ==============================================
side                what it is                         group      target
=================== ================================== ========== ==============================================
circuit             gates with angles                  SU(2^n)    Haar-random unitary, up to phase
orthogonal network  layers ``exp(A_l)``, A_l skew      SO(d)      Haar-random rotation R
linear network      layers ``W_l``, any                GL(d)      the same R
residual network    ``h + (8 / L) tanh(W_l h)``        GL(d)      the same R, on data ``x ~ N(0, 1)``
=================== ================================== ========== ==============================================

The penalty costs 1 per squared control where neighbours act and q elsewhere: on strings of more than ``max_weight``
qubits, in planes (i, j) of coordinates that are not neighbours. On GL(d) the entries ij and ji have half the weight of
the plane each, so that a path of rotations has the same length as on SO(d).

Losses: ``1 - |tr V^dagger U|^2 / 4^n`` of the circuit; ``E|y - R x|^2 / (2 E|x|^2)`` of the networks, which is
``|W - R|_F^2 / 2d`` where they are linear.
"""

from __future__ import annotations

import abc
import math
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import scipy.stats
from jaxtyping import Array

from circuits import gates
from circuits.ansatze import brickwall, hardware_efficient
from circuits.circuit import Circuit
from qgeom.nielsen.built import circuit_controls, circuit_cost
from qgeom.nielsen.exponential import exponential
from qgeom.nielsen.gate_products import gate_product
from qgeom.nielsen.groups import GeneralLinear, SpecialOrthogonal
from qgeom.nielsen.layer_flow import layer_path, linearised_flow
from qgeom.nielsen.penalty import Penalty, flat_penalty, local_penalty, plane_penalty

SAMPLES = 256
"""Inputs of the residual network, for training and as many others for what it does."""
STRENGTH = 8.0
"""Total strength of the residual network's flow."""
_SQUARINGS = 4
ANGLE_SPREAD, WEIGHT_SPREAD = 1.0, 0.25
"""At start 1, standard deviations: of the plane angles of an orthogonal layer (rad), of ``sqrt(d) W_l`` of a block."""


@dataclass(frozen=True)
class Built:
    """What a trained side is, as a path.

    Attributes:
        matrix: The transformation, (s, s); of a residual network the product of its blocks' linear maps.
        segments: The path as built, piecewise-constant controls (k, m).
        lengths: Length of each piece under the penalty, (k,).
        sequential_length: Length where gates act one after the other; of a network that of its layers.
        error: Root mean square error ``sqrt(E|y - R x|^2 / E|x|^2)``, up to phase for a unitary.
        nonlinear: Share of the motion in the blocks that linear maps do not explain.
        fisher_length: Length in the information metric: of the Choi state of the circuit, gates of a layer that
            commute at the same time; of a Gaussian output of unit variance for ``x ~ N(0, 1)``, block by block.
        fisher_distance: The same between the ends.
    """

    matrix: np.ndarray
    segments: np.ndarray
    lengths: np.ndarray
    sequential_length: float
    error: float
    nonlinear: float
    fisher_length: float
    fisher_distance: float


class Side(abc.ABC):
    """One side: parameters are flat vectors (P,)."""

    @property
    @abc.abstractmethod
    def group(self) -> str:
        """The group in which its path lies, ``"SU(4)"``."""

    @property
    @abc.abstractmethod
    def n_parameters(self) -> int:
        """P."""

    @property
    @abc.abstractmethod
    def n_layers(self) -> int:
        """Layers or blocks."""

    @property
    @abc.abstractmethod
    def penalty(self) -> Penalty:
        """The metric of its group."""

    @abc.abstractmethod
    def init(self, key: Array, start: float) -> Array:
        """Random parameters: ``start`` 1 for the usual spread, near 0 for nearly the identity if that is possible."""

    @abc.abstractmethod
    def problem(self, seed: int) -> tuple[np.ndarray, ...]:
        """Target and data of one seed, of the same shapes for all seeds."""

    @abc.abstractmethod
    def loss(self, theta: Array, problem: Any) -> Array:
        """What is minimised, a scalar."""

    @abc.abstractmethod
    def built(self, theta: np.ndarray, problem: Any) -> Built:
        """The path of the trained side; ValueError where a layer is a reflection, which no path reaches."""


def random_unitary(dim: int, seed: int) -> np.ndarray:
    """Haar-random unitary, complex128 (dim, dim)."""
    return np.asarray(scipy.stats.unitary_group.rvs(dim, random_state=np.random.default_rng([seed, 0])))


def random_rotation(dim: int, seed: int) -> np.ndarray:
    """Haar-random rotation, float64 (dim, dim)."""
    return np.asarray(scipy.stats.special_ortho_group.rvs(dim, random_state=np.random.default_rng([seed, 1])))


def neighbour_penalty(dim: int, q: float) -> Penalty:
    """On GL(d): entries (i, j) with ``|i - j| <= 1`` cost 1/2, all others q/2."""
    gap = np.abs(np.subtract.outer(np.arange(dim), np.arange(dim)))
    return Penalty(GeneralLinear(dim), 0.5 * np.where(gap <= 1, 1.0, q).ravel())


def synthesis_circuit(n_qubits: int, n_layers: int, ansatz: str) -> Circuit:
    """The circuit that learns.

    Args:
        n_qubits: n.
        n_layers: Layers.
        ansatz: ``"rzz"``: RZ, RY, RZ on each qubit and a line of RZZ, whose angles are parameters, so that the circuit
            can start near the identity as a network does; a last set of rotations. ``"cz"``: the same with CZ.
            ``"blocks"``: a brick wall of two-qubit unitaries.
    """
    if ansatz == "blocks":
        return brickwall(n_qubits, n_layers)
    return hardware_efficient(
        n_qubits, n_layers, ("RZ", "RY", "RZ"), ansatz.upper(), "linear", final_rotations=True
    )


@dataclass(frozen=True)
class CircuitSide(Side):
    """A circuit, trained through its Choi state ``(U x 1) sum_j |j j> / sqrt(2^n)``."""

    circuit: Circuit
    q: float
    max_weight: int | None = None

    @property
    def group(self) -> str:
        return f"SU({2**self.circuit.n_qubits})"

    @property
    def n_parameters(self) -> int:
        return self.circuit.n_parameters

    @property
    def n_layers(self) -> int:
        return len(self.circuit.layers)

    @property
    def penalty(self) -> Penalty:
        n = self.circuit.n_qubits
        # Of two qubits every string would be free, and the metric flat.
        free = (1 if n == 2 else 2) if self.max_weight is None else self.max_weight
        return local_penalty(n, self.q, free)

    def init(self, key: Array, start: float) -> Array:
        return start * self.circuit.init(key)

    def problem(self, seed: int) -> tuple[np.ndarray, ...]:
        return (random_unitary(2**self.circuit.n_qubits, seed),)

    def loss(self, theta: Array, problem: Any) -> Array:
        (target,) = problem
        overlap = jnp.vdot(jnp.ravel(target), choi_circuit(self.circuit)(theta).vector)
        return 1.0 - (overlap.real**2 + overlap.imag**2) / len(target)

    def built(self, theta: np.ndarray, problem: Any) -> Built:
        (target,), n = problem, self.circuit.n_qubits
        matrix = gate_product(self.circuit, theta)
        cost = circuit_cost(self.circuit, self.penalty, theta)
        overlap = min(1.0, abs(np.trace(matrix)) / 2**n)
        return Built(
            matrix=matrix,
            segments=circuit_controls(self.circuit, theta),
            lengths=cost.group_lengths[cost.group_lengths > 0],
            sequential_length=cost.sequential_length,
            error=math.sqrt(max(0.0, 2.0 - 2.0 * abs(np.vdot(target, matrix)) / 2**n)),
            nonlinear=0.0,
            # The Choi state of exp(-iHt) moves at 2 sqrt(Var H) = 2 sqrt(tr H^2 / 2^n), H traceless.
            fisher_length=2.0 * circuit_cost(self.circuit, flat_penalty(n), theta).length,
            fisher_distance=2.0 * math.acos(overlap),
        )


def choi_circuit(circuit: Circuit) -> Circuit:
    """The circuit on one half of maximally entangled pairs: amplitudes ``U_ij / sqrt(2^n)``, row by row."""
    n = circuit.n_qubits
    pairs = [gates.H(q) for q in range(n)] + [gates.CX(q, n + q) for q in range(n)]
    ops = circuit.layered_ops
    return Circuit(2 * n, [*pairs, *ops], [2 * n, *circuit.layers])


@dataclass(frozen=True)
class OrthogonalSide(Side):
    """Layers ``exp(A_l)`` with skew A_l: parameters are the angles of the planes, layer by layer."""

    dim: int
    depth: int
    q: float

    @property
    def group(self) -> str:
        return f"SO({self.dim})"

    @property
    def n_parameters(self) -> int:
        return self.depth * SpecialOrthogonal(self.dim).dimension

    @property
    def n_layers(self) -> int:
        return self.depth

    @property
    def penalty(self) -> Penalty:
        return plane_penalty(self.dim, self.q)

    def init(self, key: Array, start: float) -> Array:
        return start * ANGLE_SPREAD * jax.random.normal(key, (self.n_parameters,), jnp.float64)

    def problem(self, seed: int) -> tuple[np.ndarray, ...]:
        return (random_rotation(self.dim, seed),)

    def layers(self, theta: Array) -> Array:
        """W_l, (depth, d, d)."""
        group = SpecialOrthogonal(self.dim)
        return exponential(group.generator(theta.reshape(self.depth, group.dimension)), _SQUARINGS)

    def loss(self, theta: Array, problem: Any) -> Array:
        return _linear_loss(self.layers(theta), problem[0])

    def built(self, theta: np.ndarray, problem: Any) -> Built:
        return _linear_built(np.asarray(self.layers(jnp.asarray(theta))), problem[0], self.penalty)


@dataclass(frozen=True)
class LinearSide(Side):
    """Free layers ``W_l``, which start as ``exp(start G_l)``, G_l normal of variance 1/d."""

    dim: int
    depth: int
    q: float

    @property
    def group(self) -> str:
        return f"GL({self.dim})"

    @property
    def n_parameters(self) -> int:
        return self.depth * self.dim**2

    @property
    def n_layers(self) -> int:
        return self.depth

    @property
    def penalty(self) -> Penalty:
        return neighbour_penalty(self.dim, self.q)

    def init(self, key: Array, start: float) -> Array:
        shape = (self.depth, self.dim, self.dim)
        generators = start * jax.random.normal(key, shape, jnp.float64) / math.sqrt(self.dim)
        return exponential(generators, _SQUARINGS).ravel()

    def problem(self, seed: int) -> tuple[np.ndarray, ...]:
        return (random_rotation(self.dim, seed),)

    def loss(self, theta: Array, problem: Any) -> Array:
        return _linear_loss(theta.reshape(self.depth, self.dim, self.dim), problem[0])

    def built(self, theta: np.ndarray, problem: Any) -> Built:
        return _linear_built(theta.reshape(self.depth, self.dim, self.dim), problem[0], self.penalty)


@dataclass(frozen=True)
class ResidualSide(Side):
    """Blocks ``h + (8 / L) tanh(W_l h)``: a nonlinear flow of data, linearised block by block."""

    dim: int
    depth: int
    q: float

    @property
    def group(self) -> str:
        return f"GL({self.dim})"

    @property
    def n_parameters(self) -> int:
        return self.depth * self.dim**2

    @property
    def n_layers(self) -> int:
        return self.depth

    @property
    def penalty(self) -> Penalty:
        return neighbour_penalty(self.dim, self.q)

    def init(self, key: Array, start: float) -> Array:
        size = start * WEIGHT_SPREAD / math.sqrt(self.dim)
        return size * jax.random.normal(key, (self.n_parameters,), jnp.float64)

    def problem(self, seed: int) -> tuple[np.ndarray, ...]:
        inputs = np.random.default_rng([seed, 2]).normal(size=(2, SAMPLES, self.dim))
        return random_rotation(self.dim, seed), inputs[0], inputs[1]

    def points(self, theta: Array, inputs: Array) -> Array:
        """Representations before, between and after the blocks, (depth + 1, samples, d)."""

        def block(h: Array, weight: Array) -> tuple[Array, Array]:
            return h + (STRENGTH / self.depth) * jnp.tanh(h @ weight.T), h

        last, before = jax.lax.scan(block, inputs, theta.reshape(self.depth, self.dim, self.dim))
        return jnp.concatenate([before, last[None]])

    def loss(self, theta: Array, problem: Any) -> Array:
        target, inputs, _ = problem
        outputs = self.points(theta, inputs)[-1]
        return 0.5 * jnp.sum((outputs - inputs @ target.T) ** 2) / jnp.sum(inputs**2)

    def built(self, theta: np.ndarray, problem: Any) -> Built:
        target, _, inputs = problem
        points = np.asarray(self.points(jnp.asarray(theta), jnp.asarray(inputs)))
        flow = linearised_flow(points)
        path = layer_path(flow.maps, self.penalty)
        moved = flow.speeds**2
        wanted = inputs @ target.T
        return Built(
            matrix=path.matrix,
            segments=path.segments,
            lengths=path.lengths,
            sequential_length=path.length,
            error=float(np.sqrt(np.sum((points[-1] - wanted) ** 2) / np.sum(inputs**2))),
            nonlinear=float(1.0 - np.sum(flow.explained * moved) / np.sum(moved)),
            fisher_length=flow.kinetic_length,
            fisher_distance=flow.chord,
        )


def _linear_loss(layers: Array, target: Array) -> Array:
    total = jnp.eye(target.shape[-1], dtype=layers.dtype)
    for layer in layers:
        total = layer @ total
    return 0.5 * jnp.sum((total - target) ** 2) / target.shape[-1]


def _linear_built(layers: np.ndarray, target: np.ndarray, penalty: Penalty) -> Built:
    dim = len(target)
    path = layer_path(layers, penalty)
    before, moved = np.eye(dim), []
    for layer in layers:
        after = layer @ before
        moved.append(np.linalg.norm(after - before))  # sqrt(E|(W - 1) h|^2) for x ~ N(0, 1)
        before = after
    return Built(
        matrix=path.matrix,
        segments=path.segments,
        lengths=path.lengths,
        sequential_length=path.length,
        error=float(np.linalg.norm(path.matrix - target) / math.sqrt(dim)),
        nonlinear=0.0,
        fisher_length=float(np.sum(moved)),
        fisher_distance=float(np.linalg.norm(before - np.eye(dim))),
    )
